"""Sets with rare positives, and F1."""

from typing import Any

import numpy as np

from experiments.losses import _digits

DIMENSIONS = 20
DISTANCE = 2.5
"""Between the means of the two Gaussians, in their standard deviation."""
TAGS = 5
SYMBOL_DIMENSIONS = 8


def binary_set(name: str, seeds: int, seed: int, *, examples: int, test: int) -> dict[str, Any]:
    """Inputs (s, n, d) and labels (s, n), 0 or 1, for "train" and "test".

    Args:
        name: "1 : 20", "1 : 100" (positives to negatives, Gaussian) or "digits, is 8".
        seeds: s.
        seed: of the draws.
        examples: n of the Gaussian training sets.
        test: n of the Gaussian test sets.
    """
    if name == "digits, is 8":
        parts = _digits.splits(seeds, seed)
        return {part: (x, (y == 8).astype(np.int32)) for part, (x, y) in parts.items()}
    share = 1 / (1 + int(name.split(":")[1]))
    rng = np.random.default_rng(seed)

    def drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
        positives = max(2, round(share * count))
        y = np.zeros((seeds, count), np.int32)
        y[:, :positives] = 1
        x = rng.standard_normal((seeds, count, DIMENSIONS))
        x[..., 0] += DISTANCE * y
        return x.astype(np.float32), y

    return {"train": drawn(examples), "test": drawn(test)}


def tagged_chains(seeds: int, seed: int, *, tokens: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Windows of three noisy symbols of a hidden Markov chain, and the tags of the middle ones, for training and test.

    Tag 0 takes five sixths of the places, as in named-entity corpora; spans of the four others last two tokens.

    Args:
        seeds: s.
        seed: of the draws.
        tokens: n of each.

    Returns:
        Two pairs of inputs (s, n, 24) and tags (s, n).
    """
    rng = np.random.default_rng(seed)
    means = 1.5 * rng.standard_normal((TAGS, SYMBOL_DIMENSIONS)) / np.sqrt(2)
    means[0] = 0
    stay, start = 0.5, 0.1  # spans of length 1 / (1 - stay) and gaps of 1 / start: 10 of 12 places have tag 0

    def chain() -> tuple[np.ndarray, np.ndarray]:
        tags = np.zeros(tokens, np.int32)
        for t in range(1, tokens):
            if tags[t - 1]:
                tags[t] = tags[t - 1] if rng.random() < stay else 0
            else:
                tags[t] = rng.integers(1, TAGS) if rng.random() < start else 0
        symbols = means[tags] + rng.standard_normal((tokens, SYMBOL_DIMENSIONS))
        windows = np.concatenate([np.roll(symbols, shift, axis=0) for shift in (1, 0, -1)], axis=-1)
        return windows.astype(np.float32), tags

    def drawn() -> tuple[np.ndarray, np.ndarray]:
        x, y = zip(*(chain() for _ in range(seeds)), strict=True)
        return np.stack(x), np.stack(y)

    return drawn(), drawn()


def f1(guess: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """F1 of every seed, shape (s,), from booleans (s, n); 0 where nothing is right."""
    guess, truth = np.asarray(guess, bool), np.asarray(truth, bool)
    hits = np.sum(guess & truth, axis=-1)
    return 2 * hits / np.maximum(np.sum(guess, axis=-1) + np.sum(truth, axis=-1), 1)


def best_threshold(scores: np.ndarray, truth: np.ndarray) -> float:
    """The threshold on scores (n,) whose F1 is highest."""
    order = np.argsort(-scores)
    hits = np.cumsum(truth[order])
    values = 2 * hits / (np.arange(1, len(scores) + 1) + truth.sum())
    best = int(np.argmax(values))
    after = scores[order[best + 1]] if best + 1 < len(scores) else scores[order[best]] - 1
    return float((scores[order[best]] + after) / 2)
