"""Splines against scipy, and what a network may be put through: grids, pruning, naming, training."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.interpolate
from flax import nnx

from entropax import nn, training
from entropax.nn import bsplines

RNG = np.random.default_rng(5)


def with_numbers(network, seed=1, scale=0.5):
    """The network with random parameters in float64."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: jnp.asarray(scale * rng.standard_normal(leaf.shape)), network)


def derivatives(function, highest):
    """The function of a number and its derivatives, at many numbers, in one program."""
    functions = [function]
    for _ in range(highest):
        functions.append(jax.jacfwd(functions[-1]))
    return jax.jit(jax.vmap(lambda x: [f(x) for f in functions]))


@pytest.mark.parametrize("order", [0, 2, 3])
def test_uneven_knots_agree_with_scipy(order, x64):
    """Values and derivatives of every function, as far as they are continuous on the knots, some of the places."""
    knots = np.cumsum(RNG.uniform(0.2, 1.0, order + 6))
    x = np.concatenate([np.linspace(knots[0] - 0.3, knots[-1] + 0.3, 57), knots[:-1]])
    ours = derivatives(lambda x: nn.bspline_basis(x, knots, order=order), max(order - 1, 0))(jnp.asarray(x))
    for times, values in enumerate(ours):
        for g, column in enumerate(np.asarray(values).T):
            element = scipy.interpolate.BSpline.basis_element(knots[g : g + order + 2], extrapolate=False)
            inside = (x >= knots[g]) & (x < knots[g + order + 1])
            expected = np.where(inside, np.nan_to_num(element.derivative(times)(x) if times else element(x)), 0)
            np.testing.assert_allclose(column, expected, atol=1e-10)


@pytest.mark.parametrize("order", [0, 1, 3, 4])
def test_the_closed_form_is_the_recursion(order, x64):
    """Values everywhere, and as many derivatives as are continuous, on the knots too."""
    layer = with_numbers(nn.KANLayer(1, 1, intervals=4, order=order, span=(-1.0, 3.0), rngs=nnx.Rngs(0)))
    knots = nn.extend_knots(jnp.linspace(-1.0, 3.0, 5), order=order)
    x = jnp.concatenate([jnp.linspace(-4.01, 6, 103), knots if order else knots[-1:]])
    np.testing.assert_allclose(layer.knots[:, 0], knots, atol=1e-13)
    ours = derivatives(lambda x: layer.basis(x[None])[:, 0], max(order - 1, 0))(x)
    theirs = derivatives(lambda x: nn.bspline_basis(x, knots, order=order), max(order - 1, 0))(x)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-10)


@pytest.mark.parametrize("order", [0, 1, 3])
def test_slopes_by_places_and_knots_are_those_of_the_recursion(order, x64):
    """First and second, mixed ones too, forward over reverse; beside the recursion without a rule of its own."""
    x, t = jnp.asarray(RNG.uniform(0.5, 4, (4, 2))), jnp.asarray(np.cumsum(RNG.uniform(0.3, 1, (7, 2)), axis=0))
    weights = jnp.asarray(RNG.standard_normal((4, 6 - order, 2)))

    def slopes(basis):
        total = lambda x, t: jnp.sum(weights * basis(x, t) ** 2)  # noqa: E731
        first = jax.grad(total, (0, 1))
        turned = lambda x, t: jax.jvp(first, (x, t), (jnp.cos(x), jnp.sin(t)))  # noqa: E731
        return jax.jit(turned)(x, t)

    ours = slopes(lambda x, t: bsplines.cox_de_boor(x, t, order))
    plain = slopes(lambda x, t: bsplines._recursion(x, t, order, order == 0))
    rows = slopes(lambda x, t: jax.vmap(lambda row: bsplines.cox_de_boor(row, t, order))(x))
    for a, b, c in zip(*map(jax.tree.leaves, (ours, plain, rows)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-11)
        np.testing.assert_allclose(c, b, atol=1e-11)


def test_far_out_the_functions_are_zero_and_of_no_number_they_are_none():
    x, knots = np.array([np.inf, -np.inf, 1e38, np.nan], np.float32), np.arange(6, dtype=np.float32)
    for order in (0, 2):
        layer = nn.KANLayer(1, 1, order=order, rngs=nnx.Rngs(0))
        for basis in (nn.bspline_basis(x, knots, order=order), layer.basis(jnp.asarray(x)[:, None])[..., 0]):
            assert (np.asarray(basis)[:3] == 0).all()
            assert np.isnan(basis[3]).all()
    slope = jax.vmap(jax.grad(lambda x: nn.bspline_basis(x, knots, order=2)[1]))(jnp.asarray(x))
    assert (np.asarray(slope)[:3] == 0).all()


@pytest.mark.parametrize("intervals", [1, 5, 10])
def test_the_last_of_order_zero_is_closed_on_any_range(intervals):
    """Where (b - a) G / (b - a) is not G in float32."""
    layer = nn.KANLayer(1, 1, intervals=intervals, order=0, span=(-0.3, 1.1), rngs=nnx.Rngs(0))
    np.testing.assert_array_equal(jnp.sum(layer.basis(jnp.array([[-0.3], [1.1]])), axis=(1, 2)), 1)
    samples = np.sort(np.random.default_rng(0).uniform(-0.3, 1.1, (101, 1)).astype(np.float32), axis=0)
    knots = nn.update_grid(nn.KAN((1, 1), intervals=intervals, order=0, rngs=nnx.Rngs(0)), samples).layers[0].knots
    np.testing.assert_array_equal(knots[jnp.array([0, -1])], samples[[0, -1]])


def test_the_ends_of_the_range_keep_their_functions(x64):
    for order in range(4):
        layer = nn.KANLayer(1, 1, intervals=3, order=order, rngs=nnx.Rngs(0))
        for end in (-1.0, 1.0):
            np.testing.assert_allclose(jnp.sum(layer.basis(jnp.array([end]))), 1, atol=1e-12)


def test_beyond_the_knots_only_silu_is_left(x64):
    layer = with_numbers(nn.KANLayer(2, 3, rngs=nnx.Rngs(0)))
    x = jnp.array([-3.01, 40.0])
    np.testing.assert_allclose(layer(x), jax.nn.silu(x) @ layer.base_weight[...], rtol=1e-12)
    far = nn.ChebyshevKANLayer(2, 3, rngs=nnx.Rngs(0))
    assert np.isfinite(far(jnp.array([1e4, -1e4]))).all()


def test_edges_add_up_to_the_layer(x64):
    x = jnp.asarray(RNG.standard_normal((7, 3)))
    for make in (nn.KANLayer, nn.ChebyshevKANLayer, nn.RBFKANLayer):
        layer = with_numbers(make(3, 4, rngs=nnx.Rngs(0)))
        np.testing.assert_allclose(jnp.sum(layer.edges(x), axis=-2), layer(x), atol=1e-12)
        np.testing.assert_allclose(jax.vmap(layer)(x), layer(x), atol=1e-12)
        part = layer.select([2, 0], [1])
        assert (part.num_in, part.num_out) == (2, 1)
        np.testing.assert_allclose(part.edges(x[:, [2, 0]]), layer.edges(x)[:, [2, 0]][..., [1]], atol=1e-12)
    np.testing.assert_allclose(layer.features(jnp.array([[0.3] * 3]))[0, 1:, 0], np.exp(
        -(((0.3 + 2 - np.arange(8) * 4 / 7) * 7 / 4) ** 2)), atol=1e-12)  # fmt: skip


def test_chebyshev_polynomials_agree_with_numpy(x64):
    layer = with_numbers(nn.ChebyshevKANLayer(1, 1, degree=6, rngs=nnx.Rngs(0)))
    x = np.linspace(-2, 2, 9)
    expected = np.polynomial.chebyshev.chebval(np.tanh(x), np.asarray(layer.coefficients[...])[:, 0, 0])
    np.testing.assert_allclose(layer(jnp.asarray(x)[:, None])[:, 0], expected, atol=1e-12)


def test_the_first_spline_is_the_noise_at_the_ends_of_the_intervals():
    """At most noise_scale / (2 G), and the weights as pykan draws them."""
    layer = nn.KANLayer(40, 30, intervals=5, rngs=nnx.Rngs(0))
    ends = jnp.broadcast_to(jnp.linspace(-1, 1, 6)[:, None], (6, 40))
    noise = jnp.einsum("ngi,gio->nio", layer.basis(ends), layer.coefficients[...])
    assert 0.97 * 0.03 < float(jnp.max(jnp.abs(noise))) <= 0.03 + 1e-6
    np.testing.assert_allclose(jnp.std(noise), 0.06 / 12**0.5, rtol=0.05)
    np.testing.assert_allclose(layer.spline_weight[...], 40**-0.5, rtol=1e-6)
    weights = np.asarray(layer.base_weight[...]) * 40**0.5
    assert np.abs(weights).max() <= 1
    np.testing.assert_allclose(weights.std(), 3**-0.5, rtol=0.05)


def mean_square(network, batch, *, key=None):
    x, y = batch
    return jnp.mean((jax.vmap(network)(x) - y) ** 2)


# -------------------------------------------------------------------------------------------------------------- grids


def test_update_grid_follows_the_samples_and_keeps_the_function(x64):
    network = with_numbers(nn.KAN((2, 3, 1), intervals=8, rngs=nnx.Rngs(0)), scale=0.3)
    samples = np.stack([RNG.uniform(-1, 1, 400) ** 3, RNG.uniform(-0.5, 0.9, 400)], axis=1)
    x = jnp.asarray(samples)
    new = nn.update_grid(network, x)
    first = new.layers[0]
    shares = np.linspace(0, 1, 9)[:, None]
    low, high = samples.min(axis=0), samples.max(axis=0)
    expected = 0.02 * (low + shares * (high - low)) + 0.98 * np.quantile(samples, shares[:, 0], axis=0)
    np.testing.assert_allclose(first.knots[3:-3], expected, atol=1e-12)
    np.testing.assert_allclose(np.diff(first.knots[:4], axis=0), np.broadcast_to((high - low) / 8, (3, 2)), atol=1e-12)
    # As near as splines on the new knots come to splines on the old ones, of eight pieces each.
    assert float(jnp.std(new(x) - network(x))) < 0.1 * float(jnp.std(network(x)))
    assert network.layers[0].adapted is None
    assert new.layers[1].adapted is not None
    again = jax.jit(nn.update_grid)(network, x)
    np.testing.assert_allclose(again(x), new(x), atol=1e-9)
    even = nn.update_grid(network, x, eps=1.0).layers[0].knots
    np.testing.assert_allclose(np.diff(even, axis=0), np.broadcast_to((high - low) / 8, (14, 2)), atol=1e-12)


def test_update_grid_is_exact_for_a_cubic_and_leaves_constant_inputs_alone(x64):
    network = with_numbers(nn.KAN((2, 1), rngs=nnx.Rngs(0)))
    layer = network.layers[0]
    ends = jnp.linspace(-1, 1, 50)
    fit = jnp.linalg.lstsq(layer.basis(ends[:, None])[..., 0], 1 - ends + 2 * ends**3)[0]
    layer.coefficients[...] = layer.coefficients[...].at[:, 0, 0].set(fit)
    x = jnp.stack([jnp.asarray(RNG.uniform(-1, 1, 60)), jnp.full(60, 0.3)], axis=1)
    new = nn.update_grid(network, x)
    np.testing.assert_allclose(new(x), network(x), atol=1e-10)
    np.testing.assert_array_equal(new.layers[0].knots[:, 1], layer.knots[:, 1])
    np.testing.assert_array_equal(new.layers[0].coefficients[:, 1], layer.coefficients[:, 1])


def test_an_input_that_varies_by_rounding_keeps_its_knots():
    """Three ulps make no four knots of them."""
    network = nn.KAN((2, 1), rngs=nnx.Rngs(0))
    ulps = np.float32(1) + np.finfo(np.float32).eps * np.repeat([0, 1, 2], 20).astype(np.float32)
    x = np.stack([np.linspace(-1, 1, 60, dtype=np.float32), ulps], axis=1)
    new = nn.update_grid(network, x)
    np.testing.assert_array_equal(new.layers[0].knots[:, 1], network.layers[0].knots[:, 1])
    np.testing.assert_allclose(new(jnp.asarray(x)), network(jnp.asarray(x)), atol=1e-4)


def test_extend_grid_of_adapted_knots_is_exact_where_knots_are_nested(x64):
    network = with_numbers(nn.KAN((2, 2), rngs=nnx.Rngs(0)))
    x = jnp.asarray(RNG.uniform(-1, 1, (300, 2)) ** 3)
    network = nn.update_grid(network, x)
    new = nn.extend_grid(network, x, intervals=9)
    assert new.layers[0].coefficients.shape == (12, 2, 2)
    np.testing.assert_allclose(new(x), network(x), atol=1e-9)


def test_grids_refuse_what_has_none():
    x = np.zeros((4, 2), np.float32)
    with pytest.raises(TypeError, match="must consist of KANLayers to have knots, got a ChebyshevKANLayer"):
        nn.update_grid(nn.KAN((2, 1), layer=nn.ChebyshevKANLayer, rngs=nnx.Rngs(0)), x)
    network = nn.KAN((2, 1), rngs=nnx.Rngs(0))
    for eps in (0.0, 1.5):
        with pytest.raises(ValueError, match=r"eps must be in \(0, 1\]"):
            nn.update_grid(network, x, eps=eps)
    with pytest.raises(ValueError, match=r"x must have shape \(n, 2\) with n >= 1, got \(4, 3\)"):
        nn.update_grid(network, np.zeros((4, 3), np.float32))
    with pytest.raises(ValueError, match="x must be finite, got nan"):
        nn.extend_grid(network, np.full((4, 2), np.nan, np.float32), intervals=6)
    with pytest.raises(ValueError, match="intervals must be at least 1"):
        nn.extend_grid(network, x, intervals=0)


# ---------------------------------------------------------------------------------------------------- pruning, naming


def test_pruning_drops_the_idle_nodes_and_changes_nothing_else(x64):
    network = with_numbers(nn.KAN((2, 4, 3, 1), rngs=nnx.Rngs(0)), scale=1.5)
    first, second, _ = network.layers
    for layer, node in ((first, 1), (first, 3)):  # two nodes without input
        layer.base_weight[...] = layer.base_weight[...].at[:, node].set(0)
        layer.spline_weight[...] = layer.spline_weight[...].at[:, node].set(0)
    third = network.layers[2]
    third.base_weight[...] = third.base_weight[...].at[2].set(0)  # one that is not listened to
    third.spline_weight[...] = third.spline_weight[...].at[2].set(0)
    # Splines of a node that is idle still give f(0) to the next layer: let it be nothing.
    second.spline_weight[...] = second.spline_weight[...].at[jnp.array([1, 3])].set(0)
    x = jnp.asarray(RNG.uniform(-1, 1, (50, 2)))
    small = nn.prune_nodes(network, x)
    assert small.widths == (2, 2, 2, 1)
    np.testing.assert_allclose(small(x), network(x), atol=1e-12)
    assert network.widths == (2, 4, 3, 1)
    with pytest.raises(ValueError, match="threshold must leave a node in every layer, got 1000"):
        nn.prune_nodes(network, x, threshold=1e3)
    with pytest.raises(TypeError, match="outside of jax's transformations"):
        jax.jit(nn.prune_nodes)(network, x)
    with pytest.raises(ValueError, match=r"threshold must be in \[0, inf\), got -1"):
        nn.prune_nodes(network, x, threshold=-1.0)
    with pytest.raises(ValueError, match=r"x must give every edge a finite norm, got nan of edge \(1, 0\) of layer 0"):
        nn.prune_nodes(network, x.at[3, 1].set(jnp.nan))


def test_adapted_layers_are_pruned_with_their_knots(x64):
    network = with_numbers(nn.KAN((2, 3, 1), rngs=nnx.Rngs(0)))
    x = jnp.asarray(RNG.uniform(-1, 1, (50, 2)))
    layer = nn.update_grid(network, x).layers[1]
    part, hidden = layer.select([2], [0]), network.nodes(x)[1]
    assert part.knots.shape == (10, 1)
    np.testing.assert_allclose(part.edges(hidden[:, 2:]), layer.edges(hidden)[:, 2:], atol=1e-12)


def test_the_regulariser_of_no_edges_has_finite_gradients(x64):
    network = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), nn.KAN((2, 2), rngs=nnx.Rngs(0)))
    value, gradient = jax.value_and_grad(nn.kan_regularizer)(network, jnp.ones((3, 2)))
    assert float(value) == 0
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_the_right_name_is_suggested(x64):
    x = np.linspace(-1, 1, 101)
    functions = {
        "x": 3 * x - 1,
        "exp": np.exp(2 * x),
        "sin": np.sin(4 * x + 1),
        "log": np.log(x + 1.3),
        "abs": np.abs(x - 0.2),
    }
    library = {name: nn.SYMBOLIC_LIBRARY[name] for name in functions}
    for name, y in functions.items():
        suggestions = nn.suggest_symbolic(x, y, library=library)
        assert suggestions[0][0] == name
        assert len(suggestions) == len(library)
        fit = suggestions[0][1]
        assert float(fit.value) > 0.9999
        again = fit.scale * library[name](fit.slope * x + fit.shift) + fit.offset
        r2 = 1 - np.sum((again - y) ** 2) / np.sum((y - y.mean()) ** 2)
        np.testing.assert_allclose(r2, fit.value, atol=1e-9)


def test_the_unit_of_an_edge_does_not_matter():
    """Float32, in a range of a hundred as in one of two: the pair and R^2 are the same."""
    x = np.linspace(-1, 1, 150, dtype=np.float32)
    for function in (jnp.sin, jnp.tanh, nn.SYMBOLIC_LIBRARY["gaussian"]):
        y = np.asarray(function(3.3 * x - 0.7))
        for unit, shift in ((1.0, 0.0), (50.0, -10.0)):
            places = np.asarray(unit * x + shift, np.float32)
            fit = nn.fit_symbolic(places, y, function)
            assert float(fit.value) == pytest.approx(1, abs=1e-4)
            np.testing.assert_allclose(fit.scale * function(fit.slope * places + fit.shift) + fit.offset, y, atol=0.02)


@pytest.mark.parametrize(("slope", "shift"), [(5.5, 2.9), (-5.0, -2.5), (0.4, 0.1)])
def test_tails_that_underflow_do_not_win(slope, shift):
    """A Gaussian's far tail is nearly zero, and a square of it is: R^2 of it was above 1, and of the fit -4000."""
    x = np.random.default_rng(0).uniform(-1, 1, 200).astype(np.float32)
    fit = nn.fit_symbolic(x, np.exp(-((slope * x + shift) ** 2)), nn.SYMBOLIC_LIBRARY["gaussian"])
    assert float(fit.value) == pytest.approx(1, abs=1e-4)


def test_of_equal_fits_the_plainest_is_named(x64):
    """Every slope and shift of a line is as good, and a parabola is a sine of a small argument and a huge scale."""
    x = np.linspace(-1, 3, 9)
    line = nn.fit_symbolic(x, 5 * x + 2, nn.SYMBOLIC_LIBRARY["x"])
    # f(x) of x taken to [-1, 1], (x - 1) / 2.
    np.testing.assert_allclose([line.slope, line.shift, line.scale, line.offset], [0.5, -0.5, 10, 7], atol=0.05)
    sine = nn.fit_symbolic(x, (x - 1) ** 2, jnp.sin)
    assert abs(float(sine.slope)) >= 0.0499
    assert abs(float(sine.scale)) < 1000
    assert float(sine.value) > 0.999


def test_a_function_that_is_nowhere_finite_is_out_of_the_running(x64):
    fit = nn.fit_symbolic(np.linspace(-1, 1, 9), np.arange(9.0), lambda z: z / 0)
    assert float(fit.value) == -np.inf
    with pytest.raises(ValueError, match="library must hold a function"):
        nn.suggest_symbolic(np.arange(3.0), np.arange(3.0), library={})
    with pytest.raises(TypeError, match="outside of jax's transformations"):
        jax.jit(lambda x: nn.suggest_symbolic(x, x)[0][1])(jnp.arange(3.0))


# ----------------------------------------------------------------------------------------------------------- training


@pytest.mark.slow
def test_a_fit_by_lbfgs_finds_the_edge_and_its_function(x64):
    """With the regulariser, through `training.fit`."""
    x = jnp.asarray(RNG.uniform(-1, 1, (200, 2)))
    batch = (x, jnp.sin(2 * x[:, :1]))
    network = with_numbers(nn.KAN((2, 1), intervals=6, rngs=nnx.Rngs(0)), scale=0.1)

    def loss(network, batch, *, key):
        return mean_square(network, batch) + 1e-5 * nn.kan_regularizer(network, batch[0])

    fitted = training.fit(loss, network, lambda step, *, key: batch, optax.lbfgs(), steps=40, key=jax.random.key(0),
                          progress=False).model  # fmt: skip
    norms = nn.edge_norms(fitted, x)[0]
    assert norms[0, 0] > 0.5
    assert norms[1, 0] < 0.02
    fit = nn.fit_symbolic(x[:, 0], fitted.layers[0].edges(x)[:, 0, 0], jnp.sin)
    assert float(fit.value) > 0.999
    assert abs(float(fit.slope)) == pytest.approx(2, rel=0.05)
