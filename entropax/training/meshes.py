"""Where a run's arrays live: device meshes, and the placement of state and batches on them."""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from entropax import _checks
from entropax._typing import PyTree


def device_mesh(*, parameters: int = 1, devices: Sequence[jax.Device] | None = None) -> Mesh:
    """A mesh of all devices (of all processes): axis "data" times axis "parameters".

    On several hosts call `jax.distributed.initialize()` first, in every process.

    Args:
        parameters: number of devices over which the parameters are split; it divides the number of devices.
        devices: the devices; all of them by default.

    Returns:
        A mesh of shape (number of devices / parameters, parameters).

    Raises:
        ValueError: parameters does not divide the number of devices.
    """
    _checks.require_integer("parameters", parameters, minimum=1)
    devices = jax.devices() if devices is None else list(devices)
    if len(devices) % parameters:
        raise ValueError(f"parameters must divide the number of devices, {len(devices)}, got {parameters}")
    return Mesh(np.array(devices).reshape(-1, parameters), ("data", "parameters"))


@dataclasses.dataclass(frozen=True)
class Placement:
    """How a run is spread over a mesh: batches over one axis, large state arrays over another.

    The first axis of every batch array is split over `data_axis` (each device sees its share of the examples, and
    gradients and batch statistics are those of the whole batch). A state array of at least `min_size` entries is
    split over `parameter_axis` along its longest axis that divides evenly, and so are the optimiser's moments and
    averages of the same shape; the others are copied to every device. Results are those of one device up to rounding.

    Args:
        mesh: the devices.
        data_axis: name of the mesh axis for batches; the first by default.
        parameter_axis: name of the mesh axis for the state, or None: every device holds the whole state. It may be
            `data_axis` itself, which saves the memory of copies.
        min_size: arrays with fewer entries are copied.

    Raises:
        ValueError: the mesh has no axis of that name.
    """

    mesh: Mesh
    data_axis: str | None = None
    parameter_axis: str | None = None
    min_size: int = 1024

    def __post_init__(self) -> None:
        """Fills in the default axis and lets the compiler propagate shardings through ordinary network code."""
        axes = self.mesh.axis_names
        object.__setattr__(self, "data_axis", axes[0] if self.data_axis is None else self.data_axis)
        _checks.require_option("data_axis", self.data_axis, axes)
        if self.parameter_axis is not None:
            _checks.require_option("parameter_axis", self.parameter_axis, axes)
        automatic = Mesh(self.mesh.devices, axes, axis_types=(AxisType.Auto,) * len(axes))
        object.__setattr__(self, "mesh", automatic)

    @property
    def replicated(self) -> NamedSharding:
        """A copy on every device."""
        return NamedSharding(self.mesh, PartitionSpec())

    def state_shardings(self, state: PyTree) -> PyTree:
        """The sharding of each array of a state.

        Args:
            state: pytree of arrays.

        Returns:
            A NamedSharding for each array: split along its longest even axis where the placement splits parameters.
        """
        return jax.tree.map(lambda leaf: NamedSharding(self.mesh, self._state_spec(leaf)), state)

    def _state_spec(self, leaf: jax.Array) -> PartitionSpec:
        parts = 1 if self.parameter_axis is None else self.mesh.shape[self.parameter_axis]
        even = [axis for axis in range(leaf.ndim) if leaf.shape[axis] % parts == 0]
        if parts == 1 or leaf.size < self.min_size or not even:
            return PartitionSpec()
        longest = max(even, key=lambda axis: leaf.shape[axis])
        return PartitionSpec(*(self.parameter_axis if axis == longest else None for axis in range(leaf.ndim)))

    def constrain_state(self, state: PyTree) -> PyTree:
        """The state, in a traced function, laid out as `state_shardings` says.

        Args:
            state: pytree of arrays.

        Returns:
            The same values.
        """
        return jax.lax.with_sharding_constraint(state, self.state_shardings(state))

    def constrain_batch(self, batch: PyTree) -> PyTree:
        """The batch, in a traced function, split over the data axis.

        Args:
            batch: pytree of arrays, examples along the first axis.

        Returns:
            The same values.

        Raises:
            ValueError: the first axis of a batch array does not divide evenly over the data axis.
        """
        return jax.tree_util.tree_map_with_path(
            lambda path, leaf: jax.lax.with_sharding_constraint(
                leaf, NamedSharding(self.mesh, self._batch_spec(path, leaf.shape))
            ),
            batch,
        )

    def put_batches(self, batches: PyTree) -> PyTree:
        """Host arrays (steps, examples of this process, ...) as arrays over the mesh.

        Every process contributes its own share of the examples.

        Args:
            batches: pytree of host arrays.

        Returns:
            Arrays (steps, examples of all processes, ...), the examples split over the data axis.
        """
        local = self.mesh.local_mesh.shape[self.data_axis]
        whole = self.mesh.shape[self.data_axis]

        def put(path: tuple, leaf: np.ndarray) -> jax.Array:
            if leaf.ndim < 2:
                return jax.device_put(leaf, self.replicated)
            shape = (leaf.shape[0], leaf.shape[1] * whole // local, *leaf.shape[2:])
            spec = PartitionSpec(None, *self._batch_spec(path, shape[1:]))
            return jax.make_array_from_process_local_data(NamedSharding(self.mesh, spec), leaf, shape)

        return jax.tree_util.tree_map_with_path(put, batches)

    def _batch_spec(self, path: tuple, shape: tuple[int, ...]) -> PartitionSpec:
        parts = self.mesh.shape[self.data_axis]
        if not shape:
            return PartitionSpec()
        if shape[0] % parts:
            raise ValueError(
                f"the first axis of every batch array must divide by the {parts} devices of mesh axis "
                f"{self.data_axis!r}, got shape {shape} for batch{jax.tree_util.keystr(path)}"
            )
        return PartitionSpec(self.data_axis)


def spread(tree: PyTree, shardings: PyTree) -> PyTree:
    """The arrays laid out as the shardings, one for each array or one for all, say.

    Every process hands in the same arrays and contributes the pieces of its own devices; nothing is sent.

    Args:
        tree: a pytree of arrays.
        shardings: a pytree of shardings of its structure, or one sharding.

    Returns:
        The pytree with its arrays laid out.
    """
    if isinstance(shardings, NamedSharding):
        return jax.tree.map(lambda leaf: _spread(leaf, shardings), tree)
    return jax.tree.map(_spread, tree, shardings)


def _spread(leaf: jax.Array, sharding: NamedSharding) -> jax.Array:
    if sharding.is_fully_addressable or not leaf.is_fully_addressable:
        return jax.device_put(leaf, sharding)
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        words = _spread(jax.random.key_data(leaf), sharding)
        return jax.random.wrap_key_data(words, impl=jax.random.key_impl(leaf))
    local = np.asarray(leaf)
    return jax.make_array_from_callback(leaf.shape, sharding, lambda index: local[index])


def as_placement(mesh: Mesh | Placement | None) -> Placement | None:
    """A placement as it is; for a mesh, its first axis carries the batches and its second, if any, the parameters.

    Args:
        mesh: a mesh, a placement, or None for one device.

    Returns:
        The placement, or None.

    Raises:
        TypeError: it is neither.
    """
    if mesh is None or isinstance(mesh, Placement):
        return mesh
    if not isinstance(mesh, Mesh):
        raise TypeError(f"mesh must be a jax.sharding.Mesh or a Placement, got {type(mesh).__name__}")
    return Placement(mesh, parameter_axis=mesh.axis_names[1] if len(mesh.axis_names) > 1 else None)
