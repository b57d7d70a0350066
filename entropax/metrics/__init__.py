"""What one reports and does not train.

Answers that may be tried N times: `pass_at_k` from counts of right answers, `answer_coverage` where the probabilities
of a right one are known, `optimal_pass_at_n_policy` for how often to try which candidate.
"""

from entropax.metrics.coverage import answer_coverage, optimal_pass_at_n_policy, pass_at_k

__all__ = ["answer_coverage", "optimal_pass_at_n_policy", "pass_at_k"]
