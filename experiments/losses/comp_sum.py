"""The comp-sum family on digits: what tau does, the consistency bound, and its smooth form against attacks.

Three parts. Perceptrons for five values of tau and several seeds, trained together: accuracy, speed, and the bound of
the minimizability gap. Random distributions against the bound of zero-one regret. And robustness: cross-entropy,
TRADES and ADV-COMP-SUM (tau 1) under projected gradient attacks in the maximum norm, of the radius that is usual for
images, 8 / 255, which the claims are on, and of larger ones. ADV-COMP-SUM has the least weight that its guarantee asks
for; the loss knows scores by their ratio to rho alone, so rho changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from entropax import losses, nn
from experiments.claims import Bounds, Claim, Ordering
from experiments.losses import _digits, _stacks
from experiments.losses._comp_sum_figure import draw
from experiments.running import Result, stage

if TYPE_CHECKING:
    import xarray

SLUG = "comp-sum"
TITLE = "Cross-Entropy Loss Functions: Theoretical Analysis and Applications"
ARXIV = "2304.07288"

PLAIN, TRADES, ADVERSARIAL = "cross-entropy", "TRADES", "ADV-COMP-SUM"
METHODS = (PLAIN, TRADES, ADVERSARIAL)
BETA = 6.0
"""Weight of the divergence in TRADES, as its authors take it."""


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes:
        taus: members of the family.
        seeds: networks of each.
        steps: of training.
        evaluations: of accuracy on the way.
        pairs: random pairs of distributions against the bound.
        radii: of attacks, of pixels in [0, 1]; claims are on the first.
        robust_seeds: networks of each method.
        robust_steps: of training.
        attack_steps: of an attack in training; twice as many in the test.
    """

    taus: tuple[float, ...] = (0.0, 0.5, 1.0, 1.5, 2.0)
    seeds: int = 5
    steps: int = 800
    evaluations: int = 20
    pairs: int = 100_000
    radii: tuple[float, ...] = (8 / 255, 0.06, 0.15)
    robust_seeds: int = 5
    robust_steps: int = 800
    attack_steps: int = 10


PRESETS: dict[str, Config] = {
    "smoke": Config(
        seeds=1,
        steps=60,
        evaluations=6,
        pairs=1000,
        radii=(8 / 255,),
        robust_seeds=1,
        robust_steps=40,
        attack_steps=3,
    ),
    "default": Config(),
    "full": Config(seeds=20, steps=5000, evaluations=50, robust_seeds=20, robust_steps=10_000, attack_steps=20),
}

CLAIMS: tuple[Claim, ...] = (
    Claim("digits: tau of the highest accuracy", "near 1", "secondary note: best trade-off", Bounds(0.5, 1.5)),
    Claim(
        "digits: accuracy after a tenth of the steps",
        "tau = 2 slowest",
        "gradient p_y^(tau - 1) (p - e_y): mean absolute error vanishes on hard examples",
        Ordering(("tau = 2", "tau = 1")),
    ),
    Claim(
        "digits: bound of the minimizability gap",
        "falls with tau",
        "gaps section: labels that are sure",
        Ordering(("tau = 2", "tau = 1", "tau = 0")),
    ),
    Claim(
        "random distributions: largest regret over its bound", "at most 1", "H-consistency theorem", Bounds(upper=1.0)
    ),
    Claim("two classes at a tie: largest excess over the transform, less 1", 0.0, "tightness", Bounds(upper=1e-5)),
    Claim(
        "robust: accuracy under attack, against cross-entropy",
        f"{ADVERSARIAL} above",
        "abstract",
        Ordering((PLAIN, ADVERSARIAL)),
    ),
    Claim(
        "robust: accuracy under attack, against TRADES",
        f"{ADVERSARIAL} above",
        "abstract",
        Ordering((TRADES, ADVERSARIAL)),
    ),
    Claim(
        "robust: clean accuracy, against TRADES", f"{ADVERSARIAL} above", "abstract", Ordering((TRADES, ADVERSARIAL))
    ),
)


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Trains the networks, tests the bound and attacks.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: not used: each fit takes seconds.

    Returns:
        What was measured, the data and the figure.
    """
    del checkpoint_dir
    family_key, pairs_key, robust_key = jax.random.split(key, 3)
    data = _digits.split(int(jax.random.randint(key, (), 0, 2**31 - 1)))
    with stage("train the family"):
        curves, risks = _family(config, data, key=family_key)
    with stage("test the bound on random distributions"):
        regret, bound, ties = _bounds(config, key=pairs_key)
    found = []
    for radius in config.radii:
        with stage(f"train robust networks and attack them, radius {radius:.3g}"):
            found.append(_robust(config, radius, data, key=robust_key))
    (clean, attacked), *_ = found

    final = curves[:, :, -1].mean(axis=1)
    early = curves[:, :, max(config.evaluations // 10 - 1, 0)].mean(axis=1)
    label_rows = np.eye(_digits.CLASSES)[np.asarray(data.y)]
    gaps = {
        tau: float(losses.minimizability_gap_bound(np.float32(risks[0]), label_rows.astype(np.float32), tau))
        for tau in config.taus
    }
    named = lambda values, *taus: {f"tau = {t:g}": values[config.taus.index(t)] for t in taus}  # noqa: E731
    pair = lambda values, *methods: {m: values[METHODS.index(m)].mean() for m in methods}  # noqa: E731
    spread = lambda values: values.std(axis=1, ddof=min(1, values.shape[1] - 1)) / np.sqrt(values.shape[1])  # noqa: E731
    errors = [{m: float(e) for m, e in zip(METHODS, spread(v), strict=True)} for v in (attacked, clean)]
    return Result(
        measured={
            "digits: tau of the highest accuracy": config.taus[int(np.argmax(final))],
            "digits: accuracy after a tenth of the steps": named(early, 2.0, 1.0),
            "digits: bound of the minimizability gap": {f"tau = {t:g}": gaps[t] for t in (2.0, 1.0, 0.0)},
            "random distributions: largest regret over its bound": float(np.max(regret / np.maximum(bound, 1e-12))),
            "two classes at a tie: largest excess over the transform, less 1": float(np.max(np.abs(ties - 1))),
            "robust: accuracy under attack, against cross-entropy": pair(attacked, PLAIN, ADVERSARIAL),
            "robust: accuracy under attack, against TRADES": pair(attacked, TRADES, ADVERSARIAL),
            "robust: clean accuracy, against TRADES": pair(clean, TRADES, ADVERSARIAL),
        },
        data=_dataset(config, curves, regret, bound, found, gaps),
        figure=lambda: draw(_dataset(config, curves, regret, bound, found, gaps)),
        remarks={
            "digits: tau of the highest accuracy": ", ".join(
                f"{t:g}: {100 * a:.2f} +- {100 * s:.2f}%"
                for t, a, s in zip(config.taus, final, spread(curves[:, :, -1]), strict=True)
            ),
            "robust: accuracy under attack, against TRADES": _with_errors(attacked.mean(1), errors[0])
            + _of_larger_radii(config, found),
            "robust: clean accuracy, against TRADES": _with_errors(clean.mean(1), errors[1]),
        },
    )


def _of_larger_radii(config: Config, found: list[tuple[np.ndarray, np.ndarray]]) -> str:
    """Accuracies under attacks that the claims are not on, and why one method fails there."""
    if len(found) < 2:
        return ""
    listed = ", ".join(
        f"{radius:.3g}: {' / '.join(f'{100 * mean:.0f}' for mean in attacked.mean(axis=1))}%"
        for radius, (_, attacked) in zip(config.radii[1:], found[1:], strict=True)
    )
    return (
        f"; of larger radii {listed} in the same order: where the guaranteed weight of the movement costs more than "
        "classes are worth, a network that answers always the same is the minimum of ADV-COMP-SUM"
    )


def _with_errors(means: np.ndarray, errors: Mapping[Any, float]) -> str:
    return ", ".join(f"{m}: {100 * v:.1f} +- {100 * errors[m]:.1f}%" for m, v in zip(METHODS, means, strict=True))


def _perceptrons(keys: jax.Array, width: int) -> nn.MLP:
    """From pixels to scores, one for every key."""
    return _stacks.stack(lambda rngs: nn.MLP(64, _digits.CLASSES, width=width, depth=2, rngs=rngs), keys)


def _comp_sum(network: Any, tau: jax.Array, x: jax.Array, y: jax.Array, *, key: jax.Array) -> jax.Array:
    del key
    return jnp.mean(losses.comp_sum_loss(network(x), y, tau))


def _family(config: Config, data: _digits.Digits, *, key: jax.Array) -> tuple[np.ndarray, np.ndarray]:
    """Test accuracies (tau, seed, evaluation), and the training risks (tau) of the best network at its own tau."""
    shape = len(config.taus), config.seeds
    seeds = jnp.tile(jax.random.split(jax.random.fold_in(key, 0), config.seeds), shape[0])
    taus = jnp.repeat(jnp.asarray(config.taus, jnp.float32), config.seeds)
    fitted = _stacks.fit_shared(
        _perceptrons(seeds, 64),
        _comp_sum,
        (data.x, data.y),
        settings=(taus,),
        key=jax.random.fold_in(key, 1),
        steps=config.steps,
        record=_TestAccuracy(data.x_test, data.y_test),
        record_every=config.steps // config.evaluations,
        stop=None,
    )
    curves = np.asarray(fitted.recorded).T.reshape(*shape, -1)
    reached = jax.vmap(lambda h, tau: jnp.mean(losses.comp_sum_loss(h, data.y, tau)))(
        _stacks.scores(fitted.model, data.x), taus
    )
    return curves, np.min(np.asarray(reached).reshape(shape), axis=1)


class _TestAccuracy(eqx.Module):
    """The test accuracy of every network of a stack."""

    x: jax.Array
    y: jax.Array

    def __call__(self, networks: Any) -> jax.Array:
        found = nnx.vmap(lambda network: network(self.x))(networks)
        return jnp.mean(jnp.argmax(found, axis=-1) == self.y[None], axis=-1)


def _bounds(config: Config, *, key: jax.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Zero-one regrets and their bounds (tau, pair), and the excess of ties over the transform (tau up to 2, beta)."""
    p_key, q_key = jax.random.split(key)
    with jax.enable_x64(True):
        p, q = (jax.random.dirichlet(k, 0.5 * jnp.ones(4), (config.pairs,)) for k in (p_key, q_key))
        regret = jnp.max(p, -1) - jnp.take_along_axis(p, jnp.argmax(q, -1)[:, None], -1)[:, 0]
        beta = jnp.linspace(0.05, 0.95, 19)
        pair = jnp.stack([1 + beta, 1 - beta], -1) / 2
        bounds, ties = [], []
        for tau in config.taus:
            excess = losses.comp_sum_loss(jnp.log(q), p, tau) - losses.comp_sum_conditional_risk(p, tau)
            bounds.append(losses.h_consistency_bound(jnp.maximum(excess, 0), tau, num_classes=4))
            tie = losses.comp_sum_loss(jnp.zeros_like(pair), pair, tau) - losses.comp_sum_conditional_risk(pair, tau)
            ties.append(tie / losses.h_consistency_transform(beta, tau, num_classes=2))
        return np.tile(regret, (len(bounds), 1)), np.stack(bounds), np.stack(ties)


def _guarded(
    network: Any, method: jax.Array, x: jax.Array, y: jax.Array, *, key: jax.Array, epsilon: float, steps: int
) -> jax.Array:
    """The loss of one network by its method, all three computed: they share one compiled loop."""
    options: dict[str, Any] = {"epsilon": epsilon, "steps": steps, "lower": 0.0, "upper": 1.0}
    plain = losses.comp_sum_loss(network(x), y)
    clean = jax.nn.log_softmax(network(x))

    def divergence(z: jax.Array, clean: jax.Array = clean) -> jax.Array:
        return jnp.sum(jnp.exp(clean) * (clean - jax.nn.log_softmax(network(z))), axis=-1)

    held = jax.lax.stop_gradient(clean)
    worst = losses.pgd_attack(lambda z: divergence(z, held), x, key=key, **options)
    adversarial = losses.smooth_adversarial_comp_sum_loss(network, x, y, key=key, **options)
    return jnp.mean(jnp.stack([plain, plain + BETA * divergence(worst), adversarial])[method])


def _robust(config: Config, radius: float, data: _digits.Digits, *, key: jax.Array) -> tuple[np.ndarray, np.ndarray]:
    """Accuracies (method, seed) on clean test images and under attack."""
    shape = len(METHODS), config.robust_seeds
    seeds = jnp.tile(jax.random.split(jax.random.fold_in(key, 0), config.robust_seeds), shape[0])
    fitted = _stacks.fit_shared(
        _perceptrons(seeds, 128),
        _Guarded(radius, config.attack_steps),
        (data.x, data.y),
        settings=(jnp.repeat(jnp.arange(shape[0]), config.robust_seeds),),
        key=jax.random.fold_in(key, 1),
        steps=config.robust_steps,
    )
    clean = _stacks.accuracy(_stacks.scores(fitted.model, data.x_test), data.y_test)
    correct = _withstand(fitted.model, data.x_test, data.y_test, jax.random.fold_in(key, 2), config, radius)
    return clean.reshape(shape), np.mean(correct, axis=-1).reshape(shape)


@dataclass(frozen=True)
class _Guarded:
    """`_guarded` of given attacks: equal ones are one loss, which compiles once."""

    epsilon: float
    steps: int

    def __call__(self, *arguments: Any, key: jax.Array) -> jax.Array:
        return _guarded(*arguments, key=key, epsilon=self.epsilon, steps=self.steps)


def _withstand(networks: Any, x: jax.Array, y: jax.Array, key: jax.Array, config: Config, radius: float) -> np.ndarray:
    """Whether every network is right on every image after two attacks: one by cross-entropy, one by the margin."""

    def attacked(network: Any, key: jax.Array) -> jax.Array:
        def gain(z: jax.Array) -> jax.Array:
            return losses.comp_sum_loss(network(z), y)

        def margin(z: jax.Array) -> jax.Array:
            h = network(z)
            own = jax.nn.one_hot(y, h.shape[-1], dtype=bool)
            return jnp.max(jnp.where(own, -jnp.inf, h), -1) - jnp.max(jnp.where(own, h, -jnp.inf), -1)

        right = jnp.argmax(network(x), -1) == y
        for i, objective in enumerate((gain, margin)):
            worst = losses.pgd_attack(
                objective,
                x,
                epsilon=radius,
                key=jax.random.fold_in(key, i),
                steps=2 * config.attack_steps,
                lower=0.0,
                upper=1.0,
            )
            right = right & (jnp.argmax(network(worst), -1) == y)
        return right

    number = len(jax.tree.leaves(nnx.state(networks))[0])
    return np.asarray(nnx.jit(nnx.vmap(attacked))(networks, jax.random.split(key, number)))


def _dataset(
    config: Config,
    curves: np.ndarray,
    regret: np.ndarray,
    bound: np.ndarray,
    robust: list[tuple[np.ndarray, np.ndarray]],
    gaps: dict[float, float],
) -> "xarray.Dataset":
    import xarray

    shown = slice(0, 2000)
    one = {"units": "1"}
    return xarray.Dataset(
        {
            "accuracy": (("tau", "seed", "step"), curves, one),
            "gap_bound": ("tau", [gaps[t] for t in config.taus], {"units": "nats"}),
            "regret": (("tau", "pair"), regret[:, shown], one),
            "bound": (("tau", "pair"), bound[:, shown], one),
            "clean": (("radius", "method", "robust_seed"), np.stack([clean for clean, _ in robust]), one),
            "attacked": (("radius", "method", "robust_seed"), np.stack([attacked for _, attacked in robust]), one),
        },
        coords={
            "tau": list(config.taus),
            "step": np.arange(1, curves.shape[-1] + 1) * (config.steps // config.evaluations),
            "method": list(METHODS),
            "radius": list(config.radii),
        },
    )
