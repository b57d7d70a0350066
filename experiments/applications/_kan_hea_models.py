"""Networks and baselines that learn one table, all from the same columns and rows."""

from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from entropax import nn, training
from experiments.applications._kan_hea_data import Problem

KAN, MLP, FOREST, LINEAR, MAJORITY = "KAN", "MLP", "random forest", "linear model", "majority"
CLIP = 3.0
"""Standard deviations at which inputs are cut; over them they fill the range [-1, 1] of the splines."""
LBFGS = optax.lbfgs()
ROWS = 1100
"""That all tables are filled up to, with rows of no weight: fits of one kind of network share one program."""

Split = tuple[np.ndarray, np.ndarray]


class Scaling(eqx.Module):
    """Inputs to [-1, 1], and a network's outputs back to the target's unit.

    Attributes:
        mean: of each column in training, shape (d,).
        scale: standard deviation of each, where it varies, shape (d,).
        target_mean: of the target; 0 for classes.
        target_scale: of the target; 1 for classes.
    """

    mean: jax.Array
    scale: jax.Array
    target_mean: jax.Array
    target_scale: jax.Array

    def inputs(self, features: Any) -> jax.Array:
        """Standardised, cut and divided, shape (..., d)."""
        z = (features - self._as_rows(self.mean, features)) / self._as_rows(self.scale, features)
        return jnp.clip(z, -CLIP, CLIP) / CLIP

    def output(self, y: jax.Array) -> jax.Array:
        """In the target's unit."""
        return self.target_mean + self.target_scale * y

    def _as_rows(self, row: jax.Array, features: Any) -> jax.Array:
        return row.reshape((1,) * (jnp.ndim(features) - 1) + row.shape)


class Trained(eqx.Module):
    """A network with its scaling: from features in their own units to logits, or to the target.

    Attributes:
        network: a `KAN` or `MLP`.
        scaling: what was fitted with it.
    """

    network: Any
    scaling: Scaling

    def __call__(self, features: Any) -> jax.Array:
        """Logit, or target in its unit, shape (...)."""
        return self.scaling.output(self.network(self.scaling.inputs(features))[..., 0])


@jax.jit
def outputs(trained: Trained, features: jax.Array) -> jax.Array:
    """Logits, or targets, of rows: one program for a kind of network, of tables with equally many columns."""
    return trained(features)


def of_all_rows(trained: Trained, problem: Problem) -> np.ndarray:
    """Logits, or targets, of every row of a table, filled up as in training."""
    n = len(problem.features)
    features = np.zeros((max(n, ROWS), problem.features.shape[1]), np.float32)
    features[:n] = problem.features
    return np.asarray(outputs(trained, jnp.asarray(features)))[:n]


class FullBatch(eqx.Module):
    """All rows at every step, with a weight of 1 for those to train on: every split has the same shapes."""

    batch: dict[str, jax.Array]

    def __call__(self, step: jax.Array, *, key: jax.Array) -> dict[str, jax.Array]:
        """The batch."""
        del step, key
        return self.batch


def classification_loss(network: Any, batch: dict[str, jax.Array], *, key: jax.Array) -> jax.Array:
    """Cross-entropy of logits and the penalty."""
    del key
    losses = optax.sigmoid_binary_cross_entropy(network(batch["x"])[:, 0], batch["y"])
    return _weighted(losses, batch) + _penalty(network, batch)


def regression_loss(network: Any, batch: dict[str, jax.Array], *, key: jax.Array) -> jax.Array:
    """Mean squared error of the standardised target and the penalty."""
    del key
    return _weighted((network(batch["x"])[:, 0] - batch["y"]) ** 2, batch) + _penalty(network, batch)


def train(
    problem: Problem,
    rows: np.ndarray,
    kind: str,
    *,
    hidden: int,
    decay: float,
    steps: int,
    seed: int,
    classes: bool,
    updates: int = 0,
    evenness: float = 0.02,
) -> Trained:
    """Trains a network on some rows by L-BFGS on all of them at once.

    Args:
        problem: the table.
        rows: indices to train on.
        kind: `KAN`, with `hidden` nodes and three intervals, or `MLP`, as wide as gives it as many parameters.
        hidden: nodes of the KAN.
        decay: weight of the sum of squared parameters in the loss.
        steps: of L-BFGS.
        seed: of the initial parameters.
        classes: whether the target is classes.
        updates: of a KAN's knots to the training rows, each at the start of an equal part of the steps, with the
            memory of L-BFGS begun anew.
        evenness: eps of `nn.update_grid`: 0.02, nearly the quantiles, as pykan has it; at 1 the range divided evenly.
    """
    n, d = problem.features.shape
    used, y = problem.features[rows], problem.target
    spread = used.std(axis=0)
    middle, size = (0.0, 1.0) if classes else (float(y[rows].mean()), float(y[rows].std()))
    scaling = Scaling(
        *(jnp.asarray(a, jnp.float32) for a in (used.mean(axis=0), np.where(spread > 0, spread, 1.0), middle, size))
    )
    padded = max(n, ROWS)
    x, standardised, weight = np.zeros((padded, d)), np.zeros(padded), np.zeros(padded)
    x[:n], standardised[:n], weight[rows] = problem.features, (y - middle) / size, 1
    batch = {
        "x": scaling.inputs(jnp.asarray(x, jnp.float32)),
        "y": jnp.asarray(standardised, jnp.float32),
        "weight": jnp.asarray(weight, jnp.float32),
        "decay": jnp.float32(decay),
    }
    network = make(kind, d, hidden, nnx.Rngs(seed))
    parts = updates if kind == KAN and updates else 1
    for _ in range(parts):
        if kind == KAN and updates:
            network = _follow(network, batch["x"][np.resize(rows, padded)], eps=evenness)
        network = training.fit(
            classification_loss if classes else regression_loss,
            network,
            FullBatch(batch),
            LBFGS,
            steps=steps // parts,
            key=jax.random.key(seed),
            steps_per_call=steps // parts,
            progress=False,
        ).model
    return Trained(network, scaling)


_follow = jax.jit(nn.update_grid)


def make(kind: str, d: int, hidden: int, rngs: nnx.Rngs) -> Any:
    """A new network of d inputs and one output."""
    if kind == KAN:
        return nn.KAN((d, hidden, 1), intervals=3, rngs=rngs)
    return nn.MLP(d, 1, width=matched_width(d, hidden), depth=1, rngs=rngs)


def matched_width(d: int, hidden: int) -> int:
    """Width of the perceptron (d + 2) w + 1 that has the parameters of a KAN, 8 (d + 1) hidden."""
    return round((8 * (d + 1) * hidden - 1) / (d + 2))


def parameters(network: Any) -> int:
    """The number of a network's parameters."""
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network, nnx.Param)))


def baseline(
    problem: Problem, rows: np.ndarray, kind: str, *, seed: int, trees: int, classes: bool
) -> Callable[[Any], np.ndarray]:
    """Fits a baseline; the function returned gives the probability of class 1, or the target.

    Args:
        problem: the table.
        rows: indices to train on.
        kind: `FOREST`, `LINEAR` (logistic, or ridge regression), or `MAJORITY` (the mean, of a target).
        seed: of the forest.
        trees: of the forest.
        classes: whether the target is classes.
    """
    from sklearn.dummy import DummyClassifier, DummyRegressor
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    models: dict[str, tuple[Any, Any]] = {
        FOREST: (RandomForestClassifier(trees, random_state=seed), RandomForestRegressor(trees, random_state=seed)),
        LINEAR: (LogisticRegression(max_iter=2000), Ridge(10.0)),
        MAJORITY: (DummyClassifier(), DummyRegressor()),
    }
    model = make_pipeline(StandardScaler(), models[kind][0 if classes else 1])
    model.fit(problem.features[rows], problem.target[rows].astype(int) if classes else problem.target[rows])
    return (lambda x: model.predict_proba(x)[:, 1]) if classes else model.predict


def share_outside(trained: Trained, problem: Problem, rows: np.ndarray) -> float:
    """The share of the hidden nodes' values at some rows that lie outside of the range of their splines."""
    network = trained.network
    hidden = network.layers[0](trained.scaling.inputs(jnp.asarray(problem.features, jnp.float32)))[rows]
    layer = network.layers[1]
    knots = layer.knots[layer.order : layer.order + layer.intervals + 1]
    return float(jnp.mean((hidden < knots[:1]) | (hidden > knots[-1:])))


def part(problem: Problem, rows: np.ndarray) -> Problem:
    """Some rows of a table."""
    return problem._replace(features=problem.features[rows], target=problem.target[rows], groups=problem.groups[rows])


def splits(problem: Problem, *, seeds: int, grouped: bool, classes: bool) -> Iterator[Split]:
    """Rows to train on and to test on, a fifth, one split a seed.

    Args:
        problem: the table.
        seeds: number of splits.
        grouped: whether all rows of a group fall on one side.
        classes: whether both sides shall have equal shares of the classes, where they are not grouped.
    """
    from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit, StratifiedShuffleSplit

    for seed in range(seeds):
        kind = GroupShuffleSplit if grouped else StratifiedShuffleSplit if classes else ShuffleSplit
        split = kind(1, test_size=0.2, random_state=seed)
        yield next(split.split(problem.features, problem.target, problem.groups if grouped else None))


def _weighted(losses: jax.Array, batch: dict[str, jax.Array]) -> jax.Array:
    return jnp.sum(batch["weight"] * losses) / jnp.sum(batch["weight"])


def _penalty(network: Any, batch: dict[str, jax.Array]) -> jax.Array:
    squares = [jnp.sum(leaf**2) for leaf in jax.tree.leaves(nnx.state(network, nnx.Param))]
    return batch["decay"] * sum(squares, jnp.zeros(()))
