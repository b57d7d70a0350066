"""A single-file ion channel as a jump process.

Energies are in units of kT, potentials in kT / e, and ions carry one charge. Sites are numbered from the left; the
left bath is at electrical distance 0, the right one at 1 (arXiv 1105.5662).
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import stop_gradient

from entropax import _checks, information
from entropax._typing import Array, ArrayLike, Bool, Float, PRNGKey, Real, RealScalar, Scalar
from entropax.simulators.base import Simulator
from entropax.simulators.channel_occupancy import occupation_states, symmetric_repulsion


class ChannelState(eqx.Module):
    """A channel at one time, and what has passed through it.

    Attributes:
        occupation: 0 or 1 for each site, shape (k,).
        crossings: net number of ions that crossed each of the k + 1 barriers to the right since the start.
        log_weight: log of the path's probability in the channel over that in the one whose jumps were drawn. Where
            these are the same it is zero, with the gradient of the path's log probability (the score).
        complete: whether no step had more jumps than it allows; false is an error in all that follows.
    """

    occupation: Float[Array, "k"]
    crossings: Float[Array, "k+1"]
    log_weight: Scalar
    complete: Bool[Array, ""]


class _Jump(NamedTuple):
    occupation: Array
    crossings: Array
    log_weight: Array
    time: Array


class IonChannel(Simulator[ChannelState]):
    """Single-file ions between two baths, as jumps in continuous time drawn exactly (Gillespie).

    Ions hop over the k + 1 barriers between the left bath, k sites and the right bath, onto empty sites alone, at rates
    nu_b exp(-dE / 2), dE the change of energy: rates over their reverse are exp(-dE), local detailed balance, whatever
    the voltage. At affinity zero the law is that of `channel_log_weights`. The drawn jumps are piecewise constant in
    the parameters: gradients come from `log_weight`, since d E[f] = E[df + f dlog_weight]. That estimate is unbiased,
    with a variance that grows with the number of jumps; keep paths to a few correlation times.

    Attributes:
        energies: e_a of an ion at each site, kT, shape (k,), k >= 2.
        repulsion: w_ab between sites, kT, shape (k, k), symmetric.
        electrical_distance: z_a, shape (k,).
        attempts: nu_b of the barriers, per unit time, shape (k + 1,).
        chemical_potentials: of the left and the right bath, kT, shape (2,).
        voltage: V of the right bath over the left, kT / e.
        dt: time step.
        max_jumps: the most jumps that one step can do.
        proposal: the channel whose jumps are drawn, this one for None; `log_weight` accounts for the difference.
    """

    energies: Float[Array, "k"]
    repulsion: Float[Array, "k k"]
    electrical_distance: Float[Array, "k"]
    attempts: Float[Array, "k+1"]
    chemical_potentials: Float[Array, "2"]
    voltage: Scalar
    dt: Scalar
    max_jumps: int = eqx.field(static=True)
    proposal: "IonChannel | None"

    def __init__(
        self,
        energies: Real[ArrayLike, "k"],
        repulsion: Real[ArrayLike, "k k"],
        electrical_distance: Real[ArrayLike, "k"],
        attempts: Real[ArrayLike, "k+1"],
        *,
        chemical_potentials: Real[ArrayLike, "2"],
        voltage: RealScalar,
        dt: RealScalar,
        max_jumps: int = 16,
        proposal: "IonChannel | None" = None,
    ):
        """Checks and converts the parameters.

        Args:
            energies: e_a, shape (k,), k >= 2.
            repulsion: w_ab, shape (k, k), of which the upper triangle is read.
            electrical_distance: z_a, shape (k,).
            attempts: nu_b, shape (k + 1,), positive.
            chemical_potentials: of the left and the right bath, shape (2,).
            voltage: V.
            dt: time step, positive.
            max_jumps: the most jumps in one step; the cost of a step is proportional to it.
            proposal: the channel whose jumps are drawn, for weights of importance; this one by default.

        Raises:
            TypeError: the proposal is no IonChannel.
            ValueError: a shape does not fit, or a value is out of range.
        """
        e, w, z, nu, mu, V, dt = _checks.as_floats(
            energies=energies,
            repulsion=repulsion,
            electrical_distance=electrical_distance,
            attempts=attempts,
            chemical_potentials=chemical_potentials,
            voltage=voltage,
            dt=dt,
        )
        _checks.as_numbers(voltage=V, dt=dt)
        if e.ndim != 1 or e.shape[0] < 2:
            raise ValueError(f"energies must have shape (k,) with k >= 2, got {e.shape}")
        k = e.shape[0]
        _checks.require_shape("repulsion", w, (k, k))
        _checks.require_shape("electrical_distance", z, (k,))
        _checks.require_shape("attempts", nu, (k + 1,))
        _checks.require_shape("chemical_potentials", mu, (2,))
        _checks.require_integer("max_jumps", max_jumps, minimum=1)
        if proposal is not None and not isinstance(proposal, IonChannel):
            raise TypeError(f"proposal must be an IonChannel or None, got {type(proposal).__name__}")
        if proposal is not None and proposal.energies.shape != e.shape:
            raise ValueError(f"proposal must have {k} sites, got {proposal.energies.shape[0]}")
        checks = (
            _checks.finite("energies", e),
            _checks.finite("repulsion", w),
            _checks.finite("electrical_distance", z),
            _checks.positive("attempts", nu),
            _checks.finite("chemical_potentials", mu),
            _checks.finite("voltage", V),
            _checks.positive("dt", dt),
        )
        e, w, z, nu, mu, V, dt = _checks.enforce((e, symmetric_repulsion(w), z, nu, mu, V, dt), *checks)
        self.energies, self.repulsion, self.electrical_distance, self.attempts = e, w, z, nu
        self.chemical_potentials, self.voltage, self.dt = mu, V, dt
        self.max_jumps, self.proposal = max_jumps, proposal

    @property
    def affinity(self) -> Scalar:
        """Entropy given to the baths by an ion that crosses to the right, mu_left - mu_right - V."""
        return self.chemical_potentials[0] - self.chemical_potentials[1] - self.voltage

    def jump_rates(self, occupation: Float[Array, "k"]) -> Float[Array, "2 k+1"]:
        """Rates of the possible jumps over each barrier, to the right and to the left.

        Args:
            occupation: 0 or 1 for each site, shape (k,).

        Returns:
            Rates, shape (2, k + 1); zero where no ion waits or its place is taken.
        """
        mu, n = self.chemical_potentials, occupation
        one = jnp.ones(1, n.dtype)
        site = self.energies + self.voltage * self.electrical_distance + self.repulsion @ n
        level = jnp.concatenate([mu[:1], site, mu[1:] + self.voltage])
        full, empty = jnp.concatenate([one, n, one]), jnp.concatenate([one, 1 - n, one])
        # An ion does not repel itself at the site it goes to.
        own = jnp.concatenate([0 * one, jnp.diagonal(self.repulsion, 1), 0 * one])
        climb = level[1:] - level[:-1]
        right = jnp.exp(-(climb - own) / 2) * full[:-1] * empty[1:]
        left = jnp.exp(-(-climb - own) / 2) * full[1:] * empty[:-1]
        return self.attempts[None] * jnp.stack([right, left])

    def rate_matrix(self) -> Float[Array, "n n"]:
        """Rates k_ij between the 2^k occupations of `occupation_states`, with minus their sum on the diagonal.

        Returns:
            The rates, shape (2^k, 2^k). Differentiable in the parameters but dt.
        """
        states, targets = self._jumps()
        rates = jax.vmap(self.jump_rates)(states).reshape(states.shape[0], -1)
        rows = jnp.broadcast_to(jnp.arange(states.shape[0])[:, None], targets.shape)
        matrix = jnp.zeros((states.shape[0], states.shape[0]), rates.dtype).at[rows, targets].add(rates)
        return matrix - jnp.diag(jnp.sum(matrix, axis=1))

    def crossing_matrix(self, barrier: int) -> Float[Array, "n n"]:
        """Net crossings J_ij of one barrier to the right by the jump from occupation i to j: 1, -1 or 0.

        Args:
            barrier: 0 between the left bath and the first site, k before the right bath.

        Returns:
            J, shape (2^k, 2^k), antisymmetric.
        """
        k = self.energies.shape[0]
        _checks.require_integer("barrier", barrier, minimum=0, maximum=k)
        states, targets = self._jumps()
        allowed = jax.vmap(self._allowed)(states)[:, :, barrier]
        rows = jnp.arange(states.shape[0])
        matrix = jnp.zeros((states.shape[0], states.shape[0]), states.dtype)
        right = matrix.at[rows, targets[:, barrier]].add(allowed[:, 0])
        return right.at[rows, targets[:, k + 1 + barrier]].add(-allowed[:, 1])

    def current(self) -> Scalar:
        """Stationary current of ions to the right, per unit time, by linear algebra on the 2^k occupations.

        Returns:
            The current; positive for ions that go from the left bath to the right one.
        """
        matrix = self.rate_matrix()
        law = information.jump_stationary_distribution(matrix)
        return jnp.sum(law[:, None] * matrix * self.crossing_matrix(0))

    def init(self, *, key: PRNGKey) -> ChannelState:
        """Draws an occupation of independent sites in equilibrium with the mean of both baths.

        Args:
            key: a key made by jax.random.key.

        Returns:
            The state, with nothing counted yet.
        """
        _checks.require_key("key", key)
        filled = stop_gradient(jax.nn.sigmoid(jnp.mean(self.chemical_potentials) - self.energies))
        occupation = (jax.random.uniform(key, filled.shape, filled.dtype) < filled).astype(filled.dtype)
        zero = jnp.zeros((), filled.dtype)
        return ChannelState(occupation, jnp.zeros_like(self.attempts), zero, jnp.asarray(True))

    def step(self, state: ChannelState, *, key: PRNGKey) -> ChannelState:
        """All jumps within dt.

        Args:
            state: the state.
            key: a key made by jax.random.key.

        Returns:
            The state dt later. Its `log_weight` is differentiable in the parameters of this channel but dt.
        """
        return _advance(self, state, key)

    def _allowed(self, occupation: Array) -> Array:
        """1 for the jumps that an occupation allows, shape (2, k + 1)."""
        one = jnp.ones(1, occupation.dtype)
        full, empty = jnp.concatenate([one, occupation, one]), jnp.concatenate([one, 1 - occupation, one])
        return jnp.stack([full[:-1] * empty[1:], full[1:] * empty[:-1]])

    def _jumps(self) -> tuple[Array, Array]:
        """The occupations, and the index that each of the 2 (k + 1) jumps leads to (their own where it is barred)."""
        k = self.energies.shape[0]
        states = occupation_states(k)
        place = np.concatenate([[0], 2 ** np.arange(k)[::-1], [0]])
        change = np.concatenate([place[1:] - place[:-1], place[:-1] - place[1:]])
        allowed = jax.vmap(self._allowed)(states).reshape(states.shape[0], -1)
        index = jnp.arange(states.shape[0], dtype=states.dtype)[:, None]
        targets = index + allowed * jnp.asarray(change, states.dtype)[None]
        return states.astype(self.energies.dtype), targets


@eqx.filter_jit
def _advance(channel: IonChannel, state: ChannelState, key: PRNGKey) -> ChannelState:
    """All jumps within dt; compiled once for each shape."""
    drawn = stop_gradient(channel if channel.proposal is None else channel.proposal)
    dtype, jumps = state.occupation.dtype, channel.max_jumps
    waits_key, choices_key = jax.random.split(key)
    waits = jax.random.exponential(waits_key, (jumps,), dtype)
    choices = 1 - jax.random.uniform(choices_key, (jumps,), dtype)  # in (0, 1]
    duration = stop_gradient(channel.dt)

    def jump(now: _Jump, random: tuple[Array, Array]) -> tuple[_Jump, None]:
        wait, choice = random
        rates = drawn.jump_rates(now.occupation).reshape(-1)
        reached = jnp.cumsum(rates)
        after = now.time + wait / reached[-1]
        happens = after < duration
        # The first that reaches a positive level is one whose own rate is positive.
        index = jnp.argmax(reached >= choice * reached[-1])
        taken = (jnp.arange(rates.shape[0]) == index).astype(dtype) * happens.astype(dtype)
        move = taken[: rates.shape[0] // 2] - taken[rates.shape[0] // 2 :]
        own = channel.jump_rates(now.occupation).reshape(-1)
        # Girsanov: ratios of the rates of what happens, and of the chances that nothing else does.
        ratio = jnp.log(jnp.where(rates > 0, own, 1)) - jnp.log(jnp.where(rates > 0, rates, 1))
        spent = jnp.minimum(after, duration) - now.time
        log_weight = now.log_weight + jnp.sum(taken * ratio) - spent * (jnp.sum(own) - reached[-1])
        occupation = now.occupation + move[:-1] - move[1:]
        return _Jump(occupation, now.crossings + move, log_weight, jnp.minimum(after, duration)), None

    start = _Jump(state.occupation, state.crossings, state.log_weight, jnp.zeros((), dtype))
    end, _ = jax.lax.scan(jump, start, (waits, choices))
    complete = state.complete & (end.time >= duration)
    return ChannelState(end.occupation, end.crossings, end.log_weight, complete)
