"""The multitasking Hebbian network: couplings from patterns or examples, and spins that relax in them."""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, PRNGKey, Real, RealScalar, Scalar
from entropax.simulators.archetypes import dilution_check, quality_check
from entropax.simulators.base import Simulator

RULES = ("storing", "supervised", "unsupervised")


class HebbianCouplings(eqx.Module):
    """Couplings J_ij = c sum_a v_i^a v_j^a, J_ii = 0, kept as their vectors: a field costs P N, not N^2.

    Attributes:
        vectors: v, shape (P, N): archetypes, means of examples, or examples.
        strength: c, a number.
    """

    vectors: Float[Array, "vectors neurons"]
    strength: Scalar

    def __init__(self, vectors: Real[ArrayLike, "vectors neurons"], strength: RealScalar):
        """Checks and converts the parameters.

        Args:
            vectors: v, shape (P, N), finite.
            strength: c, positive.

        Raises:
            ValueError: vectors is no matrix or not finite, or the strength is no number or not positive.
        """
        v, c = _checks.as_floats(vectors=vectors, strength=strength)
        _checks.as_numbers(strength=c)
        _checks.require_ndim("vectors", v, 2, "(vectors, neurons)")
        checks = _checks.finite("vectors", v), _checks.positive("strength", c)
        self.vectors, self.strength = _checks.enforce((v, c), *checks)

    def matrix(self) -> Float[Array, "neurons neurons"]:
        """J, shape (N, N): for small networks.

        Returns:
            J, symmetric, zero on the diagonal. Differentiable in the vectors and the strength.
        """
        dense = self.strength * self.vectors.T @ self.vectors
        return dense - jnp.diag(jnp.diag(dense))

    def field(self, spins: Real[ArrayLike, "*batch neurons"]) -> Float[Array, "*batch neurons"]:
        """h_i = sum_{j != i} J_ij s_j.

        Args:
            spins: s, shape (..., N).

        Returns:
            h, shape (..., N). Differentiable in the couplings and the spins.

        Raises:
            ValueError: the spins do not have N entries.
        """
        spins = self._as_spins(spins)
        overlaps = spins @ self.vectors.T
        return self.strength * (overlaps @ self.vectors - self._self_terms(spins) * spins)

    def energy(self, spins: Real[ArrayLike, "*batch neurons"]) -> Float[Array, "*batch"]:
        """H = -(1/2) sum_{i != j} J_ij s_i s_j.

        Args:
            spins: s, shape (..., N).

        Returns:
            H, shape (...). Differentiable in the couplings and the spins.

        Raises:
            ValueError: the spins do not have N entries.
        """
        spins = self._as_spins(spins)
        overlaps = spins @ self.vectors.T
        own = jnp.sum(self._self_terms(spins) * spins**2, axis=-1)
        return -self.strength / 2 * (jnp.sum(overlaps**2, axis=-1) - own)

    def _self_terms(self, spins: Array) -> Array:
        """J_ii / c as it would be without the rule J_ii = 0, shape (1, ..., 1, N)."""
        return jnp.sum(self.vectors**2, axis=0).reshape((1,) * (spins.ndim - 1) + (-1,))

    def _as_spins(self, spins: ArrayLike) -> Array:
        size = self.vectors.shape[1]
        s = _checks.as_float("spins", spins)
        if s.ndim < 1 or s.shape[-1] != size:
            raise ValueError(f"spins must have shape (..., {size}), got {s.shape}")
        return s


def hebbian_couplings(
    patterns: Real[ArrayLike, "patterns neurons"] | Real[ArrayLike, "patterns examples neurons"],
    dilution: RealScalar = 0.0,
    quality: RealScalar = 1.0,
    *,
    rule: Literal["storing", "supervised", "unsupervised"] = "storing",
    normalise: bool = True,
) -> HebbianCouplings:
    """Hebb's rule for archetypes (storing) or for examples, with a teacher (supervised) or without (unsupervised).

    With xi the archetypes and eta the examples,

        storing       J_ij = c sum_mu xi_i^mu xi_j^mu
        supervised    J_ij = c sum_mu (mean_a eta_i^{mu,a}) (mean_a eta_j^{mu,a})
        unsupervised  J_ij = c sum_mu mean_a (eta_i^{mu,a} eta_j^{mu,a}).

    Normalised, c = 1 / (N (1 - d)) when storing and 1 / (N (1 - d) (r^2 + (1 - r^2) / M)) when learning, with r^2 (1 +
    rho) in terms of the data set's entropy: order sets in at temperature 1 whatever d, r and M. Otherwise c = 1 / N and
    order sets in at T = (1 - d) (r^2 + (1 - r^2) / M). The diagonal is left out: that of the unsupervised rule would
    freeze the network.

    Args:
        patterns: archetypes, shape (K, N), for storing; examples, shape (K, M, N), else.
        dilution: d, the nominal blank fraction, in [0, 1).
        quality: r, of the examples, in (0, 1].
        rule: which couplings.
        normalise: whether the scale of the fields is divided out.

    Returns:
        The couplings: K vectors, or K M of the unsupervised rule. Differentiable in all arrays.

    Raises:
        ValueError: an unknown rule, patterns without the axes that it needs, or a dilution or quality out of its range.

    Source: arXiv 2308.04106.
    """
    x, d, r = _checks.as_floats(patterns=patterns, dilution=dilution, quality=quality)
    _checks.as_numbers(dilution=d, quality=r)
    _checks.require_option("rule", rule, RULES)
    axes = "(patterns, neurons)" if rule == "storing" else "(patterns, examples, neurons)"
    _checks.require_ndim("patterns", x, 2 if rule == "storing" else 3, axes)
    if 0 in x.shape:
        raise ValueError(f"patterns must not be empty, got shape {x.shape}")
    num_neurons, num_examples = x.shape[-1], 1 if rule == "storing" else x.shape[1]
    scale = jnp.full_like(d, num_neurons)
    if normalise:
        scale = scale * (1 - d)
        if rule != "storing":
            scale = scale * (r**2 + (1 - r**2) / num_examples)
    if rule == "supervised":
        x = jnp.mean(x, axis=1)
    elif rule == "unsupervised":
        x, scale = x.reshape(-1, num_neurons), scale * num_examples
    x, scale = _checks.enforce((x, scale), dilution_check(d), quality_check(r))
    return HebbianCouplings(x, 1 / scale)


class Hebbian(Simulator[Array]):
    """Spins s_i = +-1 in Hebbian couplings, at any temperature T >= 0. One step visits every spin once.

    Asynchronous (`block_size` None): the spins one after another in a fresh random order, each drawn from its law given
    all others, P(s_i = 1) = (1 + tanh(h_i / T)) / 2: Glauber's dynamics, exactly, with a cost of P for each spin.

    Blocked: a random block of spins at once, then the next. The blocks are vectorised and yet exact. Given one Gaussian
    hidden unit for each vector, x = sqrt(c) v.s + sqrt(T) z, the spins do not see each other and
    P(s_i = 1) = (1 + tanh(sqrt(c) x.v_i / T)) / 2: an alternating draw of two exact conditional laws (the network as
    a restricted Boltzmann machine, arXiv 1105.2790). Each block leaves Boltzmann's law exp(-H / T) exactly invariant,
    for every block size. Its trajectories are not Glauber's: hidden noise and the coupling of a spin to itself slow it
    down where P is large (unsupervised couplings), and at T = 0 it may stop where a single spin would still descend.

    At T = 0 a spin takes the sign of its field and is kept where that is zero. Neither way ever raises H: single spins
    descend, and blocks maximise the tangent of the convex -H (with its diagonal, a constant for spins).

    Hard and relaxed. A spin is sign(h + T L / 2) with L logistic noise, which is the law above; its gradient is zero
    almost everywhere. With a `softness` w it is tanh((h + T L / 2) / w), with gradients in everything, which tends to
    the hard spin as w vanishes (where the field is zero and T = 0, it is 0). T = 0 with softness w is the
    deterministic mean-field dynamics s = tanh(h / w) at temperature w, whose overlaps are those of hard spins as N
    grows at fixed K. A state has shape (..., N): leading axes are independent copies, visited in the same order.

    Attributes:
        couplings: the couplings.
        temperature: T.
        softness: w, or None for hard spins.
        initial: the first state, shape (N,), or None for one at random.
        block_size: spins drawn at once, or None for one after another.
        dt: 1, in sweeps: updates of every spin.
    """

    couplings: HebbianCouplings
    temperature: Scalar
    softness: Scalar | None
    initial: Float[Array, "neurons"] | None
    block_size: int | None = eqx.field(static=True)
    dt: Scalar

    def __init__(
        self,
        couplings: HebbianCouplings,
        temperature: RealScalar = 0.0,
        *,
        softness: RealScalar | None = None,
        initial: Real[ArrayLike, "neurons"] | None = None,
        block_size: int | None = None,
    ):
        """Checks and converts the parameters.

        Args:
            couplings: from `hebbian_couplings`.
            temperature: T >= 0.
            softness: w > 0 of relaxed spins, or None for hard ones.
            initial: the first state, shape (N,), or None for independent fair spins.
            block_size: spins drawn at once, 1 to N, or None for asynchronous updates.

        Raises:
            TypeError: couplings are no HebbianCouplings.
            ValueError: the temperature is negative, the softness not positive, `initial` not finite or not of the
                couplings' size, or `block_size` out of its range.
        """
        if not isinstance(couplings, HebbianCouplings):
            raise TypeError(f"couplings must be HebbianCouplings, got {type(couplings).__name__}")
        vectors, T = _checks.as_floats(vectors=couplings.vectors, temperature=temperature)
        _checks.as_numbers(temperature=T)
        size = vectors.shape[1]
        T, w = T.astype(vectors.dtype), None
        checks = [_checks.nonnegative("temperature", T)]
        if softness is not None:
            (w,) = _checks.as_numbers(softness=softness)
            w = w.astype(vectors.dtype)
            checks.append(_checks.positive("softness", w))
        if initial is not None:
            initial = _checks.as_float("initial", initial).astype(vectors.dtype)
            _checks.require_shape("initial", initial, (size,))
            checks.append(_checks.finite("initial", initial))
        if block_size is not None:
            _checks.require_integer("block_size", block_size, minimum=1, maximum=size)
        self.couplings = couplings
        self.temperature, self.softness, self.initial = _checks.enforce((T, w, initial), *checks)
        self.block_size = block_size
        self.dt = jnp.ones((), vectors.dtype)

    def init(self, *, key: PRNGKey, shape: tuple[int, ...] = ()) -> Float[Array, "*batch neurons"]:
        """The first state.

        Args:
            key: source of randomness, used when `initial` is None.
            shape: leading axes of independent copies.

        Returns:
            Spins, shape (*shape, N).
        """
        _checks.require_key("key", key)
        vectors = self.couplings.vectors
        full = (*shape, vectors.shape[1])
        if self.initial is not None:
            return jnp.broadcast_to(self.initial.reshape((1,) * len(shape) + (-1,)), full)
        return jax.random.rademacher(key, full, vectors.dtype)

    def step(self, state: Float[Array, "*batch neurons"], *, key: PRNGKey) -> Float[Array, "*batch neurons"]:
        """One sweep: every spin is drawn anew once.

        Args:
            state: s, shape (..., N).
            key: source of randomness.

        Returns:
            The spins a sweep later, shape (..., N).

        Raises:
            ValueError: the state does not have N entries.
        """
        return _sweep(self, self.couplings._as_spins(state), key)

    def _blocks(self, state: Array, key: PRNGKey) -> Array:
        """A step block by block, in a fresh random order."""
        key_order, key_logistic, key_hidden = jax.random.split(key, 3)
        batch, size, block = state.shape[:-1], state.shape[-1], self.block_size or 1
        order = jax.random.permutation(key_order, size)
        # The last block is filled up with vectors of zeros, whose spins change nothing and are dropped.
        blocks = jnp.concatenate([order, jnp.full(-size % block, size)]).reshape(-1, block)
        vectors = self.couplings.vectors.T.at[blocks].get(mode="fill", fill_value=0)
        spins = state.at[..., blocks].get(mode="fill", fill_value=0)
        logistic = jax.random.logistic(key_logistic, spins.shape, state.dtype)
        hidden = self._hidden_noise(key_hidden, (blocks.shape[0], *batch, vectors.shape[-1]), state.dtype)
        each_first = lambda x: jnp.moveaxis(x, -2, 0)  # noqa: E731
        visited = vectors, each_first(spins), each_first(logistic), hidden
        _, drawn = jax.lax.scan(lambda *at: self._visit(*at), state @ self.couplings.vectors.T, visited)
        return state.at[..., blocks].set(jnp.moveaxis(drawn, 0, -2), mode="drop")

    def _whole(self, state: Array, key: PRNGKey) -> Array:
        """A step whose one block is the network: no order to draw, nothing to gather."""
        key_logistic, key_hidden = jax.random.split(key)
        vectors = self.couplings.vectors
        logistic = jax.random.logistic(key_logistic, state.shape, state.dtype)
        hidden = self._hidden_noise(key_hidden, (*state.shape[:-1], vectors.shape[0]), state.dtype)
        return self._visit(state @ vectors.T, (vectors.T, state, logistic, hidden))[1]

    def _visit(self, overlaps: Array, visited: tuple[Array, Array, Array, Array | None]) -> tuple[Array, Array]:
        """Draws the spins of one block; the overlaps v.s of all vectors are kept up to date."""
        vectors, spins, logistic, hidden = visited
        if hidden is None:
            own = jnp.sum(vectors**2, axis=-1).reshape((1,) * (spins.ndim - 1) + (-1,))
            field = self.couplings.strength * (overlaps @ vectors.T - own * spins)
        else:
            field = (self.couplings.strength * overlaps + hidden) @ vectors.T
        drawn = self._respond(field + self.temperature / 2 * logistic, spins)
        return overlaps + (drawn - spins) @ vectors, drawn

    def _respond(self, field: Array, spins: Array) -> Array:
        """The sign of the field, the spin kept where that is zero; or its relaxed form."""
        if self.softness is not None:
            return jnp.tanh(field / self.softness)
        return jnp.where(field == 0, spins, jnp.sign(field))

    def _hidden_noise(self, key: PRNGKey, shape: tuple[int, ...], dtype: jnp.dtype) -> Array | None:
        """sqrt(c T) z of the hidden units, with a zero gradient at T = 0; None for asynchronous updates."""
        if self.block_size is None:
            return None
        variance = self.couplings.strength * self.temperature
        warm = variance > 0
        scale = jnp.where(warm, jnp.sqrt(jnp.where(warm, variance, 1)), 0)
        return scale * jax.random.normal(key, shape, dtype)


@jax.jit
def _sweep(network: Hebbian, state: Array, key: PRNGKey) -> Array:
    """One step, compiled once for each kind and size of network."""
    one_block = (network.block_size or 1) == state.shape[-1]
    return network._whole(state, key) if one_block else network._blocks(state, key)
