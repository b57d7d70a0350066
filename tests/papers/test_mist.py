"""MIST, arXiv 2511.18945: the network and its losses. The meta-distribution's facts stand in test_mist_tasks.py."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from entropax import estimators, nn


def abstract(**options) -> nn.SetTransformer:
    """The network of the released sizes, without its numbers."""
    return nnx.eval_shape(lambda: nn.SetTransformer(**options, rngs=nnx.Rngs(0)))


def count(*modules) -> int:
    return sum(leaf.size for module in modules for leaf in jax.tree.leaves(nnx.state(module, nnx.Param)))


def test_parameter_counts() -> None:
    """Must hold 1: MIST has 5,521,921 parameters, MIST-QR 5,522,177, phi 5,390,080 in the parts given."""
    point = abstract()
    assert count(point) == 5_521_921
    assert count(abstract(point=False, quantiles=True)) == 5_522_177
    assert count(point) - count(point.heads) == 5_390_080
    parts = {
        "embedding": (point.embedding,),
        "interaction": (point.interaction,),
        "encoder": (point.encoder,),
        "pma": (point.pool,),
        "decoder": (point.decoder, point.summary),
        "output": (point.output,),
    }
    assert {name: count(*modules) for name, modules in parts.items()} == {
        "embedding": 166_144,
        "interaction": 792_576,
        "encoder": 3_175_424,
        "pma": 398_336,
        "decoder": 791_808,
        "output": 65_792,
    }


@cache
def released() -> nn.SetTransformer:
    """The released network with random numbers."""
    return nn.SetTransformer(rngs=nnx.Rngs(0))


@pytest.mark.slow
def test_rows_padding_and_columns_of_the_released_network() -> None:
    """Must hold 2 and 3: permuting rows and padding change less than 1e-6, permuting columns much more."""
    rows = jnp.asarray(np.random.default_rng(0).standard_normal((12, 64)), jnp.float32)
    apply = jax.jit(lambda rows, mask: released()(rows, mask))
    padded = jnp.concatenate([rows, jnp.zeros((5, 64))])
    mask = jnp.arange(17) < 12
    expected = float(apply(padded, mask))
    order = np.random.default_rng(1).permutation(12)
    assert abs(float(apply(padded.at[:12].set(rows[order]), mask)) - expected) < 1e-6 * max(1, abs(expected))
    assert abs(float(jax.jit(released())(rows)) - expected) < 1e-6 * max(1, abs(expected))
    assert abs(float(apply(padded[:, ::-1], mask)) - expected) > 1e-4


@pytest.mark.fast
def test_pinball_value() -> None:
    """Must hold 4: predictions 1, 2, 0.5 of 1.5, 1.2, 0.5 at 0.1, 0.9, 0.5 lose 0.05, 0.08, 0, on average 0.0433333."""
    loss = estimators.pinball_loss(np.array([1.0, 2.0, 0.5]), np.array([1.5, 1.2, 0.5]), np.array([0.1, 0.9, 0.5]))
    np.testing.assert_allclose(loss, [0.05, 0.08, 0.0], rtol=1e-6)
    np.testing.assert_allclose(jnp.mean(loss), 0.0433333, rtol=1e-6)


@pytest.mark.parametrize("level", [0.05, 0.3, 0.5, 0.9])
def test_minimiser_of_pinball(level: float, x64) -> None:
    """Must hold 8: the constant of least mean pinball loss is the empirical quantile; at 1/2 it is half the error."""
    targets = jnp.asarray(np.random.default_rng(2).gamma(2.0, size=201))

    def mean_loss(constant: jax.Array) -> jax.Array:
        return jnp.mean(estimators.pinball_loss(jnp.full_like(targets, constant), targets, level))

    losses = jax.vmap(mean_loss)(targets)
    best = float(targets[jnp.argmin(losses)])
    np.testing.assert_allclose(best, np.quantile(targets, level, method="inverted_cdf"))
    if level == 0.5:
        half = jax.vmap(lambda c: jnp.mean(jnp.abs(targets - c)) / 2)(targets)
        np.testing.assert_allclose(losses, half, rtol=1e-12)


@pytest.mark.slow
class TestShippedWeights:
    """Must hold 9, and what the weights that ship promise: on data sets that training did not draw.

    Sizes: 480 data sets for each of two values of n. A coverage of 0.9 is then known to 0.014, so one of 0.85 or 0.95
    is 3.6 standard errors off; the ratios of errors that are tested are far from one.
    """

    NUM_SAMPLES = (40, 100)

    @pytest.fixture(scope="class")
    def sets(self) -> dict[int, tuple]:
        model = estimators.pretrained_mist()
        levels = jnp.linspace(0.05, 0.95, 19)

        def one(rows, dim):
            d = model.dims[1]
            present = jnp.arange(d) < dim
            y = jax.lax.dynamic_slice_in_dim(jnp.pad(rows, ((0, 0), (0, d))), dim, d, axis=1)
            x, y = jnp.where(present[None], rows[:, :d], 0), jnp.where(present[None], y, 0)
            features = estimators.paired_rows(x, y, max_dim=d, preprocessing=model.preprocessing)
            summary = model.network.summarize(features)
            return model.network.heads(summary), model.network.heads.quantiles(summary, levels)

        results = {}
        for n in self.NUM_SAMPLES:
            batch = estimators.meta_batch(
                key=jax.random.key(20_251 + n),
                batch_size=480,
                families=estimators.IN_DISTRIBUTION_FAMILIES,
                dims=model.dims,
                num_samples=(n, n),
                dtype=jnp.float32,
            )
            guess, quantiles = jax.jit(jax.vmap(one))(batch.rows, batch.dim)
            results[n] = (np.asarray(batch.mutual_information), np.asarray(guess), np.asarray(quantiles), batch)
        return results

    def test_error_falls_with_n(self, sets) -> None:
        """The mean squared error is lower with more samples."""
        small, large = (np.mean((guess - truth) ** 2) for truth, guess, _, _ in sets.values())
        assert large < small

    def test_quantiles_rarely_cross(self, sets) -> None:
        """For 99% of data sets the network's quantiles rise with their level before they are put in order."""
        crossing = [(np.diff(quantiles, axis=1) < 0).any(axis=1) for _, _, quantiles, _ in sets.values()]
        assert np.mean(crossing) <= 0.01

    def test_coverage(self, sets) -> None:
        """The 90% interval holds 85 to 95% of the data sets."""
        covered = [(quantiles[:, 0] <= truth) & (truth <= quantiles[:, -1]) for truth, _, quantiles, _ in sets.values()]
        assert 0.85 <= np.mean(covered) <= 0.95

    def test_error_below_baselines(self, sets) -> None:
        """On non-Gaussian families with n <= 100 the mean squared error is below those of CCA and of KSG with k = 5."""
        errors = {"mist": [], "cca": [], "ksg": []}
        for n, (truth, guess, _, batch) in sets.items():
            family, dim, rows = (np.asarray(part) for part in (batch.family, batch.dim, batch.rows))
            gaussian = estimators.IN_DISTRIBUTION_FAMILIES.index("multi_normal-dense-base")
            for index in np.flatnonzero((family != gaussian) & (n > 2 * dim + 1)):
                x, y = rows[index, :, : dim[index]], rows[index, :, dim[index] : 2 * dim[index]]
                errors["mist"].append((guess[index] - truth[index]) ** 2)
                errors["cca"].append((float(estimators.cca_mutual_information(x, y)) - truth[index]) ** 2)
                errors["ksg"].append((float(estimators.ksg_mutual_information(x, y, k=5)) - truth[index]) ** 2)
        means = {name: np.mean(values) for name, values in errors.items()}
        assert means["mist"] < means["cca"]
        assert means["mist"] < means["ksg"]
