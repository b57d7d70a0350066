"""What one reports and does not train.

Segmentation: `intersection_and_union` of each image, added over a test set, and `mean_iou` of the sums; with
distributions for predictions they are relaxed and have gradients.
"""

from entropax.metrics.segmentation import intersection_and_union, mean_iou

__all__ = ["intersection_and_union", "mean_iou"]
