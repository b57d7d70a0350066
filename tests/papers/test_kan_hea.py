"""Facts that Kolmogorov-Arnold networks and the descriptors of alloys must satisfy; printed digits are pykan's 0.2.8.

The descriptors' digits are those of hea-bench 2.9.0, which the tests also compute.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from entropax import nn, training
from entropax.applications import alloys


def test_01_basis_of_three_cubic_intervals(x64):
    """G = 3, k = 3 on [-1, 1]: ten knots from -3 to 3, six functions with the printed values, which sum to one."""
    knots = nn.extend_knots(np.linspace(-1, 1, 4))
    np.testing.assert_allclose(knots, np.linspace(-3, 3, 10), atol=1e-12)
    expected = {
        -1.0: [1 / 6, 2 / 3, 1 / 6, 0, 0, 0],
        0.0: [0, 0.0208333333, 0.4791666667, 0.4791666667, 0.0208333333, 0],
        0.3: [0, 2.0833333e-5, 0.1928541667, 0.6642291667, 0.1428958333, 0],
        0.9: [0, 0, 5.625e-4, 0.2512291667, 0.6458541667, 0.1023541667],
    }
    layer = nn.KANLayer(1, 1, rngs=nnx.Rngs(0))
    for x, values in expected.items():
        np.testing.assert_allclose(nn.bspline_basis(x, knots), values, atol=6e-11)
        np.testing.assert_allclose(layer.basis(jnp.array([x]))[:, 0], values, atol=6e-11)
    everywhere = np.linspace(-1, 1, 101)
    np.testing.assert_allclose(jnp.sum(nn.bspline_basis(everywhere, knots), axis=-1), 1, atol=1e-12)


EDGE = np.array([0.5, -0.2, 0.1, 0.7, -0.4, 0.3, 0.2, -0.1])
PLACES = np.array([-0.9, -0.35, 0, 0.42, 0.88, 1, 1.2])


def test_02_a_spline_at_printed_digits(x64):
    """G = 5, k = 3: the printed values inside the range and beyond it, and 0 at 3.5, outside of all knots."""
    knots = nn.extend_knots(np.linspace(-1, 1, 6))
    spline = nn.kan_edge(PLACES, EDGE, 0.0, 1.0, knots)
    printed = [-0.05390625, 0.4084635417, 0.1520833333, -0.0098458333, 0.2149666667, 0.1666666667, 0.0541666667]
    np.testing.assert_allclose(spline, printed, atol=6e-11)
    assert float(nn.kan_edge(3.5, EDGE, 0.0, 1.0, knots)) == 0


def test_03_an_edge_at_printed_digits(x64):
    """phi = 0.6 SiLU + 1.3 spline."""
    knots = nn.extend_knots(np.linspace(-1, 1, 6))
    printed = [-0.2261653936, 0.4441922957, 0.1977083333, 0.1392781956, 0.6526587994, 0.6553018138, 0.6237545108]
    np.testing.assert_allclose(nn.kan_edge(PLACES, EDGE, 0.6, 1.3, knots), printed, atol=6e-11)


def test_04_a_network_at_printed_digits(x64):
    """[2, 1] with coefficients from -1 to 1, w_b = 0.5, w_s = 1."""
    network = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), nn.KAN((2, 1), rngs=nnx.Rngs(0)))
    layer = network.layers[0]
    layer.coefficients[...] = jnp.linspace(-1, 1, 12).reshape(2, 6).T[:, :, None]
    layer.base_weight[...] = jnp.full((2, 1), 0.5)
    layer.spline_weight[...] = jnp.ones((2, 1))
    x = jnp.array([[0.1, -0.4], [0.8, 0.3], [-0.7, 0.95]])
    np.testing.assert_allclose(network(x)[:, 0], [-0.1358316904, 0.6621561700, 0.2945772480], atol=6e-11)


@pytest.mark.fast
def test_05_parameters():
    """num_in num_out (G + k + 2) a layer: 72 for [2, 3, 1] with G = 3."""
    network = nn.KAN((2, 3, 1), rngs=nnx.Rngs(0))
    assert sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network, nnx.Param))) == 72


def test_06_cubics_are_reproduced_and_the_sum_has_no_slope(x64):
    """Least squares onto the splines leaves less than 1e-10 of a cubic; the derivative of the sum of the basis is 0."""
    knots = nn.extend_knots(np.linspace(-1, 1, 4))
    x = jnp.linspace(-1, 1, 200)
    basis = nn.bspline_basis(x, knots)
    y = 0.3 - x + 2 * x**2 + 5 * x**3
    left = basis @ jnp.linalg.lstsq(basis, y)[0] - y
    assert float(jnp.max(jnp.abs(left))) < 1e-10
    slope = jax.vmap(jax.grad(lambda x: jnp.sum(nn.bspline_basis(x, knots))))(x)
    np.testing.assert_allclose(slope, 0, atol=1e-11)


def test_07_grid_extension_of_nested_knots_is_exact(x64):
    """From 3 to 6 intervals the function changes by less than 1e-9."""
    network = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), nn.KAN((2, 3, 1), rngs=nnx.Rngs(1)))
    x = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (300, 2)))
    finer = nn.extend_grid(network, x, intervals=6)
    assert finer.layers[0].coefficients.shape == (9, 2, 3)
    assert float(jnp.max(jnp.abs(finer(x) - network(x)))) < 1e-9


def test_08_entropy_of_edges(x64):
    """S = 0 for a single edge, ln n for n equal ones."""
    x = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (20, 1)))
    for n in (1, 5):
        network = jax.tree.map(lambda leaf: jnp.ones(leaf.shape), nn.KAN((1, n), rngs=nnx.Rngs(0)))
        entropy = nn.kan_regularizer(network, x, l1_weight=0.0, entropy_weight=1.0)
        np.testing.assert_allclose(entropy, np.log(n), atol=1e-12)
    both = nn.kan_regularizer(network, x)
    np.testing.assert_allclose(both, jnp.sum(nn.edge_norms(network, x)[0]) + 2 * np.log(5), rtol=1e-12)


@pytest.mark.slow
def test_09_the_toy_function_is_learned():
    """exp(sin(pi x) + y^2) by [2, 5, 1], G = 5, on 1000 points: test RMSE below 5e-3 after 30 L-BFGS steps of pykan's.

    pykan's step does up to twenty iterations, optax's one: 600 of them, whose RMSE pykan gives as 3.24e-3.
    """
    rng = np.random.default_rng(0)
    x, unseen = (jnp.asarray(rng.uniform(-1, 1, (1000, 2)), jnp.float32) for _ in range(2))
    f = lambda x: jnp.exp(jnp.sin(jnp.pi * x[:, :1]) + x[:, 1:] ** 2)  # noqa: E731
    network = nn.KAN((2, 5, 1), intervals=5, rngs=nnx.Rngs(0))
    fitted = training.fit(
        lambda network, batch, *, key: jnp.mean((network(batch[0]) - batch[1]) ** 2),
        network,
        lambda step, *, key: (x, f(x)),
        optax.lbfgs(),
        steps=600,
        key=jax.random.key(0),
        progress=False,
    )
    assert float(jnp.sqrt(jnp.mean((fitted.model(unseen) - f(unseen)) ** 2))) < 5e-3


PRINTED = {
    "CoCrFeMnNi": {
        "mixing_entropy": 13.3808668,
        "mixing_enthalpy": -4.16,
        "vec": 8.0,
        "melting_temperature": 1801.2,
        "omega": 5.793658,
        "size_mismatch": 3.16406249,
    },
    "AlCoCrFeNi": {"mixing_enthalpy": -12.32, "vec": 7.2, "size_mismatch": 5.29210747},
    "HfNbTaTiZr": {"mixing_enthalpy": 2.72, "vec": 4.4, "size_mismatch": 4.03413414},
    "Al0.5CoCrCuFeNi": {"mixing_entropy": 14.69716888, "mixing_enthalpy": -1.52066116, "vec": 8.27272727},
    "CuNi": {"mixing_entropy": 5.76282566, "mixing_enthalpy": 4.0},
}


@pytest.mark.parametrize("formula", PRINTED)
def test_10_descriptors_at_printed_digits(formula, x64):
    """And those of hea-bench, by its own code, with the mismatch of electronegativities; R is 8.314 in both."""
    from hea_bench import descriptors as peer
    from hea_bench.composition import parse_formula

    ours = alloys.hea_descriptors(formula, gas_constant=8.314)
    for name, value in PRINTED[formula].items():
        digits = len(str(value).split(".")[1])
        np.testing.assert_allclose(getattr(ours, name), value, atol=0.51 * 10.0**-digits, err_msg=name)
    composition = parse_formula(formula)
    theirs = {
        "mixing_entropy": peer.smix,
        "mixing_enthalpy": peer.mixing_enthalpy,
        "vec": peer.vec,
        "melting_temperature": peer.melting_temperature,
        "omega": peer.omega,
        "size_mismatch": peer.delta,
        "electronegativity_mismatch": peer.delta_chi,
    }
    for name, function in theirs.items():
        np.testing.assert_allclose(getattr(ours, name), function(composition), rtol=1e-7, err_msg=name)
