import builtins

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax._typing import Array, PRNGKey, Scalar
from entropax.simulators import LinearLangevin, Simulator, simulate, to_dataset
from tests.contract.harness import CompileCounter, without_shape_hook


class Pendulum(Simulator[Array]):
    """A noisy pendulum: small, nonlinear, with one parameter to differentiate by."""

    stiffness: Scalar
    dt: Scalar

    def init(self, *, key: PRNGKey) -> Array:
        return jax.random.normal(key, (3,), self.dt.dtype)

    def step(self, state: Array, *, key: PRNGKey) -> Array:
        noise = jax.random.normal(key, state.shape, state.dtype)
        return state - self.stiffness * jnp.sin(state) * self.dt + jnp.sqrt(2 * self.dt) * noise


def pendulum(stiffness: float = 1.0) -> Pendulum:
    return Pendulum(stiffness=jnp.asarray(stiffness), dt=jnp.asarray(0.01))


def square(state: Array) -> dict[str, Array]:
    return {"square": jnp.sum(state**2)}


def by_hand(simulator: Simulator, state: Array, num_steps: int, key: PRNGKey) -> np.ndarray:
    states = []
    for index in range(num_steps):
        state = simulator.step(state, key=jax.random.fold_in(key, index))
        states.append(state)
    return np.stack(states)


@pytest.mark.fast
@pytest.mark.parametrize(("num_steps", "every"), [(1, 1), (12, 1), (12, 3), (12, 12), (21, 7)])
def test_is_the_loop_with_folded_keys(num_steps, every, getkey, x64):
    """The trajectory is that of step under fold_in(key, i), whatever `every` is."""
    simulator, key = pendulum(), getkey()
    start = simulator.init(key=getkey())
    final, observed = simulate(simulator, start, num_steps, key=key, observe=square, every=every)
    states = by_hand(simulator, start, num_steps, key)
    np.testing.assert_allclose(final, states[-1], rtol=1e-12)
    np.testing.assert_allclose(observed["square"], np.sum(states[every - 1 :: every] ** 2, axis=1), rtol=1e-12)


@pytest.mark.parametrize("every", [1, 4, 60])
@pytest.mark.parametrize("remat", [None, 0, 1, 7, 30, 1000])
def test_rematerialisation_changes_neither_values_nor_gradients(every, remat, getkey, x64):
    """Both modes of differentiation agree with the unsegmented run, remainders included."""
    key, start = getkey(), pendulum().init(key=getkey())

    def loss(stiffness, remat):
        system = eqx.tree_at(lambda s: s.stiffness, pendulum(), stiffness)
        _, observed = simulate(system, start, 60, key=key, observe=square, every=every, remat=remat)
        return jnp.mean(observed["square"])

    at = jnp.asarray(1.3)
    expected, slope = jax.value_and_grad(lambda k: loss(k, 0))(at)
    value, reverse = jax.value_and_grad(lambda k: loss(k, remat))(at)
    _, forward = jax.jvp(lambda k: loss(k, remat), (at,), (jnp.ones_like(at),))
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose([reverse, forward], [slope, slope], rtol=1e-10)


def reverse_memory(num_steps: int, remat: int | None) -> int:
    """Bytes that the gradient of a run needs besides its arguments, for a state of 100 numbers."""

    def loss(stiffness):
        system = eqx.tree_at(lambda s: s.stiffness, pendulum(), stiffness)
        final, _ = simulate(system, jnp.ones(100), num_steps, key=jax.random.key(0), observe=None, remat=remat)
        return jnp.sum(final)

    compiled = jax.jit(jax.grad(loss)).lower(jnp.asarray(1.0)).compile()
    return compiled.memory_analysis().temp_size_in_bytes


def test_reverse_memory_grows_as_the_square_root_of_the_steps():
    """16 times the steps: 4 times the memory by default, 16 times when every step is kept."""
    small, large = reverse_memory(256, None), reverse_memory(4096, None)
    assert large < 5 * small
    assert reverse_memory(4096, 0) > 12 * reverse_memory(256, 0)
    assert reverse_memory(4096, 0) > 10 * large


@pytest.mark.fast
def test_a_second_run_compiles_nothing(getkey):
    """Other values, keys and parameters of the same shapes run what is compiled."""
    simulate(pendulum(), jnp.ones(3), 20, key=getkey(), observe=square, every=5)
    other = pendulum(2.0)
    key = getkey()
    with CompileCounter() as counter:
        simulate(other, jnp.ones(3), 20, key=key, observe=square, every=5)
    assert counter.count == 0


def test_weak_and_numpy_states_are_taken(getkey):
    """A state of numpy arrays or weakly typed ones runs as if it were strongly typed."""
    key = getkey()
    expected, _ = simulate(pendulum(), jnp.full(3, 0.5, jnp.float32), 4, key=key, observe=None)
    for state in (np.full(3, 0.5, np.float32), jnp.full(3, 0.5)):
        final, nothing = simulate(pendulum(), state, 4, key=key, observe=None)
        assert nothing is None
        np.testing.assert_array_equal(final, expected)


def test_a_linear_system_is_prepared_once(getkey, x64):
    """What `prepared` computes ahead gives the very steps that `step` gives."""
    system = LinearLangevin(jnp.asarray([[1.0, 0.4], [-0.2, 0.7]]), jnp.asarray([0.5, 0.0]), dt=0.2)
    key, start = getkey(), jnp.asarray([1.0, -1.0])
    final, _ = simulate(system, start, 5, key=key, observe=None)
    np.testing.assert_allclose(final, by_hand(system, start, 5, key)[-1], rtol=1e-12)


class Growing(Pendulum):
    def step(self, state: Array, *, key: PRNGKey) -> Array:
        return jnp.concatenate([state, state])


@pytest.mark.fast
def test_bad_arguments_are_refused(getkey):
    system, start, key = pendulum(), jnp.ones(3), getkey()
    with pytest.raises(ValueError, match="num_steps must be a multiple of every = 4, got 10"):
        simulate(system, start, 10, key=key, observe=square, every=4)
    with pytest.raises(ValueError, match="num_steps must be at least 1"):
        simulate(system, start, 0, key=key, observe=square)
    with pytest.raises(ValueError, match="remat must be at least 0, got -1"):
        simulate(system, start, 4, key=key, observe=square, remat=-1)
    with without_shape_hook():
        with pytest.raises(TypeError, match=r"key must be a key made by jax.random.key"):
            simulate(system, start, 4, key=jax.random.PRNGKey(0), observe=square)
        with pytest.raises(TypeError, match="observe must be a function"):
            simulate(system, start, 4, key=key, observe=3)
        with pytest.raises(TypeError, match="simulator must be a Simulator, got int"):
            simulate(3, start, 4, key=key, observe=square)
    with pytest.raises(TypeError, match=r"step must keep the shapes and dtypes of the state, got float32\[6\]"):
        simulate(Growing(stiffness=jnp.asarray(1.0), dt=jnp.asarray(0.1)), start, 4, key=key, observe=square)


def test_dataset_keeps_names_units_and_survives_a_file(tmp_path, getkey):
    """Observations come back from NetCDF with their axes, units and attributes."""
    import xarray

    values = {"phase": np.arange(24.0).reshape(4, 2, 3), "energy": np.arange(4.0)}
    dataset = to_dataset(
        values,
        times=0.5 * np.arange(4),
        dims={"phase": ("kind", "particle")},
        units={"energy": "kT", "time": "s"},
        attrs={"speed": 0.25},
    )
    path = tmp_path / "run.nc"
    dataset.to_netcdf(path, engine="h5netcdf")
    with xarray.open_dataset(path, engine="h5netcdf") as back:
        assert back["phase"].dims == ("time", "kind", "particle")
        assert back["energy"].attrs["units"] == "kT"
        assert back["time"].attrs["units"] == "s"
        assert back.attrs["speed"] == 0.25
        np.testing.assert_array_equal(back["phase"], values["phase"])
        np.testing.assert_array_equal(back["time"], 0.5 * np.arange(4))


@pytest.mark.fast
def test_dataset_refuses_what_does_not_fit():
    values = {"x": np.zeros((4, 2))}
    with pytest.raises(ValueError, match=r"x must have shape \(3, ...\), one row for each time, got \(4, 2\)"):
        to_dataset(values, times=np.arange(3))
    with pytest.raises(ValueError, match="dims of x must name 1 axes after time"):
        to_dataset(values, times=np.arange(4), dims={"x": ("a", "b")})
    with pytest.raises(ValueError, match=r"units must name observations \(time, x\), got \['y'\]"):
        to_dataset(values, times=np.arange(4), units={"y": "m"})
    with pytest.raises(ValueError, match=r"times must have shape \(num_times,\)"):
        to_dataset(values, times=np.zeros((4, 1)))


@pytest.mark.fast
def test_dataset_says_what_to_install(monkeypatch):
    find = builtins.__import__

    def without_xarray(name, *args, **kwargs):
        if name == "xarray":
            raise ImportError(name)
        return find(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_xarray)
    with pytest.raises(ImportError, match=r"pip install 'entropax\[experiments\]'"):
        to_dataset({"x": np.zeros(2)}, times=np.arange(2))
