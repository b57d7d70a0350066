"""Scores of alloys by learners that see their elements alone, and measures of scores."""

from typing import Any

import numpy as np

from entropax import information
from experiments.applications._evidence_choice import Split
from experiments.applications._evidence_data import Alloys


def forest_scores(alloys: Alloys, split: Split, *, trees: int) -> np.ndarray:
    """Probabilities of one phase by trial and alloy, from element sets alone."""
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(n_estimators=trees, random_state=0, n_jobs=1)
    return np.stack([_learned(forest, alloys, known) for known in split.known])


def logistic_scores(alloys: Alloys, split: Split) -> np.ndarray:
    """Probabilities of one phase by trial and alloy, from element sets alone."""
    from sklearn.linear_model import LogisticRegression

    return np.stack([_learned(LogisticRegression(max_iter=1000), alloys, known) for known in split.known])


def _learned(model: Any, alloys: Alloys, known: np.ndarray) -> np.ndarray:
    fitted = model.fit(alloys.multi_hot[known], alloys.labels[known])
    return fitted.predict_proba(alloys.multi_hot)[:, 1]


def bet(masses: np.ndarray) -> np.ndarray:
    """m(HEA) + m(open) / 2, the probability on which to bet."""
    return np.asarray(information.pignistic(masses))[..., 0]


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the curve by scikit-learn; NaN where only one label occurs."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, scores)) if len(np.unique(labels)) == 2 else float("nan")


def mean_log_score(labels: np.ndarray, scores: np.ndarray) -> float:
    """Mean log of the probability of the labels."""
    return float(np.mean(np.log(np.where(labels > 0.5, scores, 1 - scores))))
