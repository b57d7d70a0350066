"""Sets with rare positives, F1, and where a classifier draws the line."""

from typing import TypeAlias

import numpy as np

from experiments.losses import _digits

DIMENSIONS = 20
DISTANCE = 2.5
"""Between the means of the two Gaussians, in their standard deviation."""
TAGS = 5
SYMBOL_DIMENSIONS = 8

Parts: TypeAlias = dict[str, tuple[np.ndarray, np.ndarray]]


def gaussians(ratio: int, seeds: int, seed: int, *, sizes: dict[str, int]) -> Parts:
    """Two overlapping Gaussians with one positive for so many negatives: inputs (s, n, d) and labels (s, n) by part.

    Args:
        ratio: negatives for each positive.
        seeds: s.
        seed: of the draws.
        sizes: n by part.
    """
    rng = np.random.default_rng(seed)

    def drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
        y = np.zeros((seeds, count), np.int32)
        y[:, : max(2, round(count / (1 + ratio)))] = 1
        x = rng.standard_normal((seeds, count, DIMENSIONS))
        x[..., 0] += DISTANCE * y
        return x.astype(np.float32), y

    return {part: drawn(count) for part, count in sizes.items()}


def true_probability(x: np.ndarray, ratio: int) -> np.ndarray:
    """P(y = 1 | x) of `gaussians`, shape (s, n)."""
    return 1 / (1 + ratio * np.exp(-DISTANCE * (x[..., 0].astype(np.float64) - DISTANCE / 2)))


def eights(seeds: int, seed: int) -> Parts:
    """Handwritten digits, "is 8" or not, about 1 : 9; a fifth of the training images are for validation."""
    parts = {part: (x, (y == 8).astype(np.int32)) for part, (x, y) in _digits.splits(seeds, seed).items()}
    x, y = parts["train"]
    cut = y.shape[1] // 5
    return parts | {"validation": (x[:, :cut], y[:, :cut]), "train": (x[:, cut:], y[:, cut:])}


def tagged_chains(seeds: int, seed: int, *, sizes: dict[str, int]) -> Parts:
    """Windows of three noisy symbols of a hidden Markov chain (s, n, 24), and the tags of the middle ones (s, n).

    Tag 0 takes five sixths of the places, as in named-entity corpora; spans of the four others last two tokens.

    Args:
        seeds: s.
        seed: of the draws.
        sizes: n by part.
    """
    rng = np.random.default_rng(seed)
    means = 1.5 * rng.standard_normal((TAGS, SYMBOL_DIMENSIONS)) / np.sqrt(2)
    means[0] = 0
    stay, start = 0.5, 0.1  # spans of length 1 / (1 - stay) and gaps of 1 / start: 10 of 12 places have tag 0

    def chain(tokens: int) -> tuple[np.ndarray, np.ndarray]:
        tags = np.zeros(tokens, np.int32)
        for t in range(1, tokens):
            if tags[t - 1]:
                tags[t] = tags[t - 1] if rng.random() < stay else 0
            else:
                tags[t] = rng.integers(1, TAGS) if rng.random() < start else 0
        symbols = means[tags] + rng.standard_normal((tokens, SYMBOL_DIMENSIONS))
        windows = np.concatenate([np.roll(symbols, shift, axis=0) for shift in (1, 0, -1)], axis=-1)
        return windows.astype(np.float32), tags

    def drawn(tokens: int) -> tuple[np.ndarray, np.ndarray]:
        x, y = zip(*(chain(tokens) for _ in range(seeds)), strict=True)
        return np.stack(x), np.stack(y)

    return {part: drawn(tokens) for part, tokens in sizes.items()}


def f1(guess: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """F1 over the last axis of booleans; 0 where nothing is right."""
    guess, truth = np.asarray(guess, bool), np.asarray(truth, bool)
    hits = np.sum(guess & truth, axis=-1)
    return 2 * hits / np.maximum(np.sum(guess, axis=-1) + np.sum(truth, axis=-1), 1)


def rare_f1(guess: np.ndarray, tags: np.ndarray) -> np.ndarray:
    """The mean F1 of the tags but 0, over the last axis."""
    return np.mean([f1(guess == tag, tags == tag) for tag in range(1, TAGS)], axis=0)


def best_threshold(scores: np.ndarray, truth: np.ndarray) -> float:
    """The threshold on scores (n,) whose F1 is highest."""
    order = np.argsort(-scores)
    hits = np.cumsum(truth[order])
    values = 2 * hits / (np.arange(1, len(scores) + 1) + truth.sum())
    best = int(np.argmax(values))
    after = scores[order[best + 1]] if best + 1 < len(scores) else scores[order[best]] - 1
    return float((scores[order[best]] + after) / 2)


def drawn_at(guess: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """The true probability above which as many examples lie as are called positive, shape (s,).

    Args:
        guess: booleans, shape (s, n).
        probability: P(y = 1 | x), shape (s, n).
    """
    edges = np.pad(-np.sort(-probability, axis=-1), ((0, 0), (1, 1)), constant_values=((0, 0), (1, 0)))
    count = np.sum(guess, axis=-1)[:, None]
    return (np.take_along_axis(edges, count, 1) + np.take_along_axis(edges, count + 1, 1))[:, 0] / 2
