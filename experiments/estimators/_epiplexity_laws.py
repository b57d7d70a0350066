"""Epiplexity of published scaling laws, as published and with the parameters of embeddings counted."""

from typing import Any, NamedTuple

import numpy as np
from scipy import optimize

from entropax.estimators import (
    PUBLISHED_LAWS,
    ScalingLaw,
    scaling_law_epiplexity,
    scaling_law_from_published,
    scaling_law_frontier,
)
from entropax.estimators.scaling_frontier import PF_DAY

TEST_TOKENS = 1e12
COMPUTE = 1e25
ASPECT = 5.0
"""Width over depth of the networks behind the laws of images and video; 12 depth width^2 = N parameters."""


class Embeddings(NamedTuple):
    """What the published law of a domain leaves out.

    Attributes:
        loss_scale: C0 of the reducible loss (C / C0)^-gamma, petaflop-days (arXiv 2010.14701).
        vocabulary: V, tokens.
        context: tokens of a sequence.
    """

    loss_scale: float
    vocabulary: int
    context: int

    def parameters(self, size: np.ndarray) -> np.ndarray:
        """Parameters of the embeddings of tokens and places and of the output layer, beside `size` others."""
        width = (ASPECT * size / 12) ** (1 / 3)
        return (2 * self.vocabulary + self.context) * width


EMBEDDINGS = {
    "image 8x8": Embeddings(1.8e-8, 256, 3 * 8 * 8),
    "image 16x16": Embeddings(1.6e-8, 256, 3 * 16 * 16),
    "image 32x32": Embeddings(3.6e-9, 256, 3 * 32 * 32),
    "image VQ 16x16": Embeddings(6.1e-7, 4096, 16 * 16),
    "image VQ 32x32": Embeddings(2.6e-6, 1024, 32 * 32),
    "video VQ 16x16x16": Embeddings(2.2e-5, 4096, 16 * 16 * 16),
}


def with_embeddings(domain: str) -> ScalingLaw:
    """The law of a domain refitted to its best sizes and losses, once embeddings count as parameters and compute.

    At 20 computes the published laws give the best size N and the loss; embeddings raise N to N + N_emb and the compute
    by the same factor. Through these points new exponents, C* and E are fitted, in logarithms; N0 stays. The law of
    language counts all parameters as published.

    Args:
        domain: a key of `PUBLISHED_LAWS`.
    """
    published = PUBLISHED_LAWS[domain]
    if domain not in EMBEDDINGS:
        return published.law()
    compute = np.logspace(-6, -1, 20) * PF_DAY
    size = (compute / (published.compute_scale * PF_DAY)) ** published.delta
    loss_scale = EMBEDDINGS[domain].loss_scale * PF_DAY
    loss = published.irreducible_loss + (compute / loss_scale) ** -published.gamma
    whole = size + EMBEDDINGS[domain].parameters(size)
    log_compute = np.log(compute * whole / size)

    delta, offset = np.polyfit(log_compute, np.log(whole), 1)

    def log_loss(x: np.ndarray, log_scale: float, gamma: float, log_floor: float) -> np.ndarray:
        return np.logaddexp(-gamma * (x - log_scale), log_floor)

    start = (np.log(loss_scale), published.gamma, np.log(published.irreducible_loss))
    (_, gamma, log_floor), _ = optimize.curve_fit(log_loss, log_compute, np.log(loss), p0=start)
    return scaling_law_from_published(
        gamma,
        delta,
        model_scale=published.model_scale,
        compute_scale=np.exp(-offset / delta),
        irreducible_loss=np.exp(log_floor),
    )


def scaling_laws() -> dict[str, Any]:
    """Frontiers of the laws with embeddings, their limits, their parameters, and the numbers at one compute."""
    compute = np.logspace(19, 29, 61)
    laws = {domain: with_embeddings(domain) for domain in PUBLISHED_LAWS}
    curves = [scaling_law_frontier(compute, law, test_tokens=TEST_TOKENS).value for law in laws.values()]
    best = {domain: scaling_law_frontier(COMPUTE, law, test_tokens=TEST_TOKENS) for domain, law in laws.items()}
    return {
        "compute": compute,
        "laws": laws,
        "curves": np.array(curves),
        "limit": {domain: float(scaling_law_epiplexity(TEST_TOKENS, law)) for domain, law in laws.items()},
        "value": {domain: float(at.value) for domain, at in best.items()},
        "entropy": {domain: float(at.entropy) for domain, at in best.items()},
    }
