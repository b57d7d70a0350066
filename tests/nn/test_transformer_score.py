"""Transformers over particles: the paper's sizes, locality, blocks, divergences and symmetries."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from entropax import nn, space
from tests.contract.harness import without_shape_hook

SMALL = {"embed": 8, "blocks": 1, "heads": 2, "hidden": 6, "depth": 1}
BOX = space.PeriodicBox(np.full(2, -4.0), np.full(2, 4.0))


def count(network) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network, nnx.Param)))


def nearest(positions, k: int) -> np.ndarray:
    """Nearest neighbours by minimum image, by brute force in numpy."""
    difference = np.asarray(positions)[:, None] - np.asarray(positions)[None]
    distance = np.linalg.norm(difference - 8 * np.round(difference / 8), axis=-1)
    return np.argsort(distance, axis=1)[:, 1 : k + 1]


@pytest.fixture
def phase(getkey):
    x = jax.random.uniform(getkey(), (11, 2), minval=-4, maxval=4)
    return jnp.stack([x, jax.random.normal(getkey(), (11, 2))])


@pytest.fixture
def local():
    return nn.LocalTransformerScore(2, **SMALL, rngs=nnx.Rngs(0))


def of_all(network, phase, **options):
    return network.of_particles(phase, jnp.asarray(nearest(phase[0], 4)), BOX, **options)


def perceptron(*sizes: int) -> int:
    return sum(a * b + b for a, b in itertools.pairwise(sizes))


def encoder_block(embed: int, hidden: int) -> int:
    """Queries, values and output with bias, keys without; one hidden layer; two layer norms."""
    return 4 * embed**2 + 3 * embed + perceptron(embed, hidden, embed) + 4 * embed


def test_sizes_of_the_paper():
    """arXiv 2309.12991: N = 64 two networks of 2-hidden-layer perceptrons and 4 blocks; MIPS one with 4 hidden layers.

    Only the keys' biases, on which softmax does not depend, are left out of these counts.
    """
    shared = 4 * encoder_block(256, 256)
    split = 2 * (2 * perceptron(2, 256, 256, 128) + shared + perceptron(256, 256, 256, 2))
    assert count(nn.SplitTransformerScore(2, rngs=nnx.Rngs(0))) == split
    deep = [256] * 4
    one = 2 * perceptron(2, *deep, 128) + shared + perceptron(256, *deep, 2)
    assert count(nn.LocalTransformerScore(2, rngs=nnx.Rngs(0))) == one


def test_neighborhood_is_the_minimum_image(phase):
    """Row 0 is the particle at displacement zero; the others x_j - x_i, at most half a period along each axis."""
    others = jnp.asarray(nearest(phase[0], 4))
    forces = 2 * phase[1] ** 2
    displacements, propulsions, pushed = nn.neighborhood(phase, others[3], 3, BOX, forces=forces)
    np.testing.assert_array_equal(pushed, forces[np.append(3, others[3])])
    assert nn.neighborhood(phase, others[3], 3, BOX).forces is None
    np.testing.assert_array_equal(displacements[0], np.zeros(2))
    np.testing.assert_array_equal(propulsions[0], phase[1, 3])
    for row, j in enumerate(np.asarray(others[3])):
        straight = np.asarray(phase[0, j] - phase[0, 3])
        np.testing.assert_allclose(displacements[row + 1], straight - 8 * np.round(straight / 8), atol=1e-6)
        np.testing.assert_array_equal(propulsions[row + 1], phase[1, j])


def test_blocks_and_choice_of_particles(local, phase):
    """Blocks of any size give the scores of all at once; chosen particles give their rows."""
    score, slopes = of_all(local, phase)
    assert score.shape == slopes.shape == (11, 2)
    for got, want in zip(of_all(local, phase, block_size=4), (score, slopes), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    chosen = of_all(local, phase, particles=jnp.asarray([7, 0, 7]))
    np.testing.assert_allclose(chosen[0], score[np.array([7, 0, 7])], rtol=1e-5, atol=1e-6)


def test_own_slopes_are_the_diagonal_block(local, phase, x64):
    """The slopes are the diagonal of d s_{g,i} / d g_i in the full Jacobian over all particles, neighbours fixed."""
    network = jax.tree.map(lambda a: a.astype(jnp.float64), local)
    z = phase.astype(jnp.float64)
    others = jnp.asarray(nearest(phase[0], 4))
    score, slopes = network.of_particles(z, others, BOX)

    @jax.jit
    @jax.jacfwd
    def jacobian(g):
        return network.of_particles(z.at[1].set(g), others, BOX)[0]

    full = np.asarray(jacobian(z[1]))
    np.testing.assert_allclose(slopes, np.einsum("iaia->ia", full), rtol=1e-9, atol=1e-12)
    # Local: a particle that is no neighbour has no influence.
    for i in range(11):
        far = [j for j in range(11) if j != i and j not in np.asarray(others[i])]
        assert np.all(full[i][:, far] == 0)
        assert np.any(full[i][:, np.asarray(others[i])] != 0)
    np.testing.assert_allclose(score[7], network(*nn.neighborhood(z, others[7], 7, BOX)), rtol=1e-9)


@pytest.mark.slow
def test_forces_enter_as_velocities(phase, x64):
    """Forces act through g_j + f_j and leave what own slopes mean: they are held fixed."""
    made = nn.LocalTransformerScore(2, **SMALL, forces=True, rngs=nnx.Rngs(0))
    network = jax.tree.map(lambda a: a.astype(jnp.float64), made)
    z = phase.astype(jnp.float64)
    others = jnp.asarray(nearest(phase[0], 4))
    forces = jnp.cos(z[0])
    score, slopes = network.of_particles(z, others, BOX, forces=forces)
    seen = nn.neighborhood(z, others[7], 7, BOX, forces=forces)
    np.testing.assert_allclose(score[7], network(*seen), rtol=1e-9)
    jacobian = jax.jacfwd(lambda g: network(seen.displacements, seen.propulsions.at[0].set(g), seen.forces))(z[1, 7])
    np.testing.assert_allclose(slopes[7], jnp.diagonal(jacobian), rtol=1e-9)
    # The first layer sees propulsions and velocities: with its first half zero, only their sums matter.
    kernel = network.net.embed_propulsion.layers[0].kernel
    kernel[...] = kernel[...].at[:2].set(0.0)
    given = network(seen.displacements, seen.propulsions + 0.3, seen.forces - 0.3)
    np.testing.assert_allclose(given, network(*seen), rtol=1e-9)


def test_fact_10_local_symmetries(local, phase):
    """Permuting particles permutes s and its slopes; translating (and wrapping) leaves them; rotating does not."""
    score, slopes = of_all(local, phase)
    order = np.random.default_rng(0).permutation(11)
    for got, want in zip(of_all(local, phase[:, order]), (score, slopes), strict=True):
        np.testing.assert_allclose(got, want[order], atol=1e-5)
    moved = phase.at[0].set(BOX.wrap(phase[0] + jnp.asarray([[2.7, -5.1]])))
    for got, want in zip(of_all(local, moved), (score, slopes), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-5)
    quarter = jnp.asarray([[0.0, -1.0], [1.0, 0.0]])
    assert float(jnp.max(jnp.abs(of_all(local, phase @ quarter)[0] - score @ quarter))) > 1e-3


def test_fact_10_split_permutations(phase):
    """Permuting the particles of a configuration permutes the split transformer's score."""
    network = nn.SplitTransformerScore(2, **SMALL, rngs=nnx.Rngs(0))
    order = np.random.default_rng(0).permutation(11)
    np.testing.assert_allclose(network(phase[:, order]), network(phase)[:, order], atol=1e-5)


def test_halves_are_separate_networks(phase):
    """The position half of the score depends on the position network alone, the propulsion half on the other."""
    network = nn.SplitTransformerScore(2, **SMALL, rngs=nnx.Rngs(0))
    gradient = jax.jit(jax.grad(lambda m: jnp.sum(m(phase)[0] ** 2)))(network)
    assert all(np.any(leaf != 0) for leaf in jax.tree.leaves(gradient.position_net))
    assert all(np.all(leaf == 0) for leaf in jax.tree.leaves(gradient.propulsion_net))


def test_zero_output(phase):
    """Every network made with zero_output starts at exactly zero, with a gradient at its last layer."""
    networks = {
        "split": nn.SplitTransformerScore(2, **SMALL, zero_output=True, rngs=nnx.Rngs(0)),
        "pairs": nn.PairScore(channels=2, width=6, depth=1, zero_output=True, rngs=nnx.Rngs(0)),
    }
    for network in networks.values():
        value, gradient = jax.jit(jax.value_and_grad(lambda m: jnp.sum((m(phase) - 1) ** 2)))(network)
        assert float(value) == phase.size
        assert any(np.any(leaf != 0) for leaf in jax.tree.leaves(gradient))


def test_any_number_of_particles(local, getkey):
    """One network serves 5 or 30 particles and 2 or 7 neighbours: what transfer to other sizes needs."""
    for n, k in ((5, 2), (30, 7)):
        phase = jnp.stack([jax.random.uniform(getkey(), (n, 2), maxval=4.0), jax.random.normal(getkey(), (n, 2))])
        score, _ = local.of_particles(phase, jnp.asarray(nearest(phase[0], k)), BOX, block_size=8)
        assert score.shape == (n, 2)
        assert np.isfinite(score).all()


@pytest.mark.fast
def test_errors(local, phase):
    others = jnp.asarray(nearest(phase[0], 4))
    with without_shape_hook(), pytest.raises(ValueError, match=r"neighbors must have shape \(11, k\), got \(10, 4\)"):
        local.of_particles(phase, others[:10], BOX)
    with pytest.raises(ValueError, match="block_size must be at least 1"):
        local.of_particles(phase, others, BOX, block_size=0)
    with pytest.raises(ValueError, match="embed must be even, got 7"):
        nn.LocalTransformerScore(2, embed=7, heads=1, rngs=nnx.Rngs(0))
