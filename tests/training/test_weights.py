"""Weights ship as safetensors: what comes back is what went in, and what does not fit is named."""

import hashlib
import os
import pathlib

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from safetensors.numpy import load_file

from entropax import training
from tests.training.regression import Network, leaves_by_name


@pytest.fixture
def saved(tmp_path):
    model = Network(rngs=nnx.Rngs(0))
    path = tmp_path / "folder" / "weights.safetensors"
    return model, path, training.save_weights(model, path)


def test_round_trip(saved):
    model, path, checksum = saved
    other = Network(rngs=nnx.Rngs(1))
    before = leaves_by_name(nnx.state(other))
    loaded = training.load_weights(other, path, sha256=checksum)
    x = jnp.ones((4, 2))
    for network in (model, loaded):
        network.eval()
    np.testing.assert_array_equal(loaded(x), model(x))
    # the random streams are those of the model that was given, which is as it was
    np.testing.assert_array_equal(
        jax.random.key_data(loaded.drop.rngs.key[...]), jax.random.key_data(other.drop.rngs.key[...])
    )
    after = leaves_by_name(nnx.state(other))
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])


@pytest.mark.fast
def test_the_file_is_plain_safetensors_with_its_checksum(saved):
    """Read by safetensors itself, names and all; the same model gives the same bytes."""
    model, path, checksum = saved
    assert hashlib.sha256(path.read_bytes()).hexdigest() == checksum
    arrays = load_file(path)
    assert set(arrays) >= {"first/kernel", "normalise/mean", "last/bias"}
    assert not [name for name in arrays if "rngs" in name]
    np.testing.assert_array_equal(arrays["second/kernel"], model.second.kernel[...])
    assert training.save_weights(model, path.with_name("again")) == checksum
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["again", "weights.safetensors"]


def test_every_dtype_and_any_pytree(tmp_path, x64):
    tree = {
        "half": jnp.arange(3, dtype=jnp.bfloat16),
        "double": jnp.pi * jnp.ones((2, 2)),
        "count": jnp.int8([1, 2]),
        "mask": jnp.array([True, False]),
        "scalar": jnp.float32(0.5),
        "empty": jnp.zeros((0, 3)),
        "key": jax.random.key(0),
        "call": jnp.tanh,
    }
    training.save_weights(tree, tmp_path / "w")
    arrays = {name: leaf for name, leaf in tree.items() if name not in ("key", "call")}
    zeros = tree | jax.tree.map(jnp.zeros_like, arrays)
    loaded = training.load_weights(zeros, tmp_path / "w")
    for name, leaf in arrays.items():
        assert loaded[name].dtype == leaf.dtype
        np.testing.assert_array_equal(loaded[name], leaf)
    assert loaded["call"] is jnp.tanh
    mlp = eqx.nn.MLP(2, 1, 8, 1, key=jax.random.key(0))
    training.save_weights(mlp, tmp_path / "mlp")
    loaded = training.load_weights(eqx.nn.MLP(2, 1, 8, 1, key=jax.random.key(1)), tmp_path / "mlp")
    assert eqx.tree_equal(loaded, mlp)


@pytest.mark.fast
def test_a_sharded_model_is_saved_whole(tmp_path):
    sharding = jax.sharding.NamedSharding(training.device_mesh(), jax.sharding.PartitionSpec("data"))
    tree = {"x": jax.device_put(jnp.arange(16.0), sharding)}
    training.save_weights(tree, tmp_path / "w")
    loaded = training.load_weights(tree, tmp_path / "w")
    assert loaded["x"].sharding == sharding
    np.testing.assert_array_equal(loaded["x"], np.arange(16.0))


def test_what_does_not_fit_is_named(saved):
    model, path, checksum = saved
    with pytest.raises(ValueError, match=rf"has the SHA-256 checksum {checksum}, expected 00ff"):
        training.load_weights(model, path, sha256="00ff")
    wider = Network(width=16, rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match=r"array first/kernel is float32\[2, 32\], expected float32\[2, 16\]"):
        training.load_weights(wider, path)
    with pytest.raises(ValueError, match=r"it lacks \['x'\] and has \['first/kernel', .*\] besides"):
        training.load_weights({"x": jnp.zeros(3)}, path)
    training.save_weights({"x": jnp.zeros(3, jnp.float16)}, path)
    with pytest.raises(ValueError, match=r"array x is float16\[3\], expected float32\[3\]"):
        training.load_weights({"x": jnp.zeros(3)}, path)


@pytest.mark.fast
@pytest.mark.parametrize("damage", [b"", b"not safetensors at all", "half"])
def test_a_damaged_file_is_named(saved, damage):
    model, path, _ = saved
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if damage == "half" else damage)
    with pytest.raises(ValueError, match=r"weights.safetensors is not a whole safetensors file"):
        training.load_weights(model, path)


@pytest.mark.fast
def test_files_that_cannot_be_read_or_written(saved, monkeypatch):
    model, path, checksum = saved
    with pytest.raises(FileNotFoundError, match="absent"):
        training.load_weights(model, path.with_name("absent"))
    with pytest.raises(OSError, match=r"cannot write .*weights.safetensors/w"):
        training.save_weights(model, path / "w")
    with pytest.raises(ValueError, match="model must have arrays, got a dict without"):
        training.save_weights({}, path)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    other = Network(rngs=nnx.Rngs(1))
    with pytest.raises(OSError, match=r"cannot write .*weights.safetensors: No space left on device"):
        training.save_weights(other, path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == checksum  # the old file stands
    assert [entry.name for entry in pathlib.Path(path.parent).iterdir()] == ["weights.safetensors"]
