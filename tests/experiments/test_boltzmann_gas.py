"""Parts of the hard-disc gas's experiment."""

import jax
import numpy as np
import pytest

from entropax.observables import scaling_entropy
from experiments.simulators._gas_runs import two_processes


@pytest.mark.fast
def test_two_processes_between_streaming_alone_and_collisions_alone(x64):
    """Rare collisions leave the scaling function; frequent ones give log 2 at once; those between lie between."""
    w = np.array([0.1, 0.25, 0.6, 0.9, 1.0])
    alone = jax.vmap(scaling_entropy)(w)
    np.testing.assert_allclose(two_processes(w, 1e9), alone, atol=2e-5)
    np.testing.assert_allclose(two_processes(w, 1e-3), np.log(2), atol=1e-10)
    both = two_processes(w, 1.0)
    assert (both[:-1] > alone[:-1] + 1e-3).all()
    assert (both < np.log(2) + 1e-9).all()
    np.testing.assert_allclose(both[1], 0.46429, atol=1e-4)
