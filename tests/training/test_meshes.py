"""Runs spread over devices and processes agree with one device."""

import functools
import os
import pathlib
import socket
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from entropax import training
from tests.training import regression
from tests.training.two_process_fit import fit as fit_on

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def alone():
    """The fit on one device."""
    return fit_on(None)


def assert_agree(one, other):
    """Equal up to rounding: sums over the batch are taken in another order, and Adam carries that on for 40 steps."""
    np.testing.assert_allclose(one.history["loss"], other.history["loss"], rtol=1e-4)
    one, other = regression.leaves_by_name(one.ema_model), regression.leaves_by_name(other.ema_model)
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-3, atol=2e-5, err_msg=name)


def test_data_parallel_agrees_with_one_device(alone):
    result = fit_on(training.device_mesh())
    assert_agree(alone, result)
    assert result.model.second.kernel.sharding.is_fully_replicated
    assert len(result.model.second.kernel.sharding.device_set) == 8


@pytest.mark.parametrize("parameters", [2, 8])
def test_parameter_sharded_agrees_with_one_device(alone, parameters):
    mesh = training.device_mesh(parameters=parameters)
    assert mesh.devices.shape == (8 // parameters, parameters)
    result = fit_on(mesh)
    assert_agree(alone, result)
    kernels = [result.model.second.kernel[...], result.ema_model.second.kernel[...]]
    kernels += [leaf for leaf in jax.tree.leaves(result.optimizer_state) if leaf.shape == (32, 32)]
    assert len(kernels) == 4  # the parameter, its average, Adam's two moments
    for kernel in kernels:
        assert kernel.addressable_shards[0].data.size == 32 * 32 // parameters


def test_one_axis_for_data_and_parameters(alone):
    placement = training.Placement(training.device_mesh(), parameter_axis="data", min_size=32)
    result = fit_on(placement)
    assert_agree(alone, result)
    assert result.model.first.kernel[...].addressable_shards[0].data.shape == (2, 4)


def test_a_checkpoint_moves_between_meshes(alone, tmp_path):
    """Half on one device, half on eight."""
    options = {"checkpoint_dir": tmp_path / "run"}
    fit_on(None, steps=20, **options)
    result = fit_on(training.device_mesh(parameters=2), **options)
    assert_agree(alone, result)
    assert len(result.model.second.kernel.sharding.device_set) == 8


@pytest.mark.fast
def test_the_state_that_is_passed_survives_on_a_mesh(getkey):
    state = jnp.zeros((8, 4))
    go = functools.partial(
        training.run,
        lambda s, batch, *, key: (s + jnp.mean(batch), {}),
        batch_at=lambda step, *, key: jnp.ones(8),
        steps=3,
        key=getkey(),
        mesh=training.Placement(training.device_mesh(), parameter_axis="data", min_size=1),
    )
    result = go(state=state)
    again = go(state=result.state)
    np.testing.assert_array_equal(state, np.zeros((8, 4)))
    np.testing.assert_array_equal(result.state, np.full((8, 4), 3.0))
    np.testing.assert_array_equal(again.state, np.full((8, 4), 6.0))
    assert again.state.sharding.spec == PartitionSpec("data", None)


@pytest.mark.fast
def test_an_iterator_feeds_a_mesh(getkey):
    batches = [{"x": np.arange(16, dtype=np.float32) + i, "weight": np.float32(2)} for i in range(5)]

    def update(state, batch, *, key):
        return state + jnp.sum(batch["x"]) * batch["weight"], {}

    mesh = training.device_mesh()
    result = training.run(update, 0.0, batches, steps=5, key=getkey(), steps_per_call=2, mesh=mesh)
    assert float(result.state) == 2 * sum(batch["x"].sum() for batch in batches)


@pytest.mark.fast
def test_bad_meshes(unhooked):
    with pytest.raises(ValueError, match="parameters must divide the number of devices, 8, got 3"):
        training.device_mesh(parameters=3)
    mesh = jax.make_mesh((8,), ("d",))
    with pytest.raises(ValueError, match="data_axis must be one of 'd', got 'data'"):
        training.Placement(mesh, data_axis="data")
    with pytest.raises(ValueError, match="parameter_axis must be one of 'd', got 'model'"):
        training.Placement(mesh, parameter_axis="model")
    for batch in (np.ones((12, 2), np.float32), {"x": [np.ones((12, 2), np.float32)]}):
        for batch_at in (lambda step, *, key, batch=batch: jax.tree.map(jnp.asarray, batch), [batch]):
            with pytest.raises(ValueError, match=r"divide by the 8 devices of mesh axis 'd', got shape \(12, 2\)"):
                training.run(lambda s, b, *, key: (s, {}), 0.0, batch_at, steps=1, key=jax.random.key(0), mesh=mesh)


def test_two_processes_make_one_fit(alone, tmp_path):
    """Two processes with four devices each, checkpoints and a resume included: equal to each other bit for bit, and to
    one process up to rounding.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-m", "tests.training.two_process_fit"]
    processes = [
        subprocess.Popen(
            [*command, str(process), "2", str(port), str(tmp_path)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for process in range(2)
    ]
    try:
        outputs = [process.communicate(timeout=240)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], "\n".join(outputs)
    with np.load(tmp_path / "0.npz") as first, np.load(tmp_path / "1.npz") as second:
        assert set(first) == set(second)
        for name in first:
            assert first[name].tobytes() == second[name].tobytes(), name
        np.testing.assert_allclose(first["loss"], alone.history["loss"], rtol=1e-4)
        for name, leaf in regression.leaves_by_name(alone.ema_model).items():
            np.testing.assert_allclose(first[name], leaf, rtol=1e-3, atol=2e-5, err_msg=name)
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 40
