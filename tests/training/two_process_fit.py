"""Run as a program: process ID of COUNT, which make one data-parallel fit together through PORT and write its result
to DIRECTORY, with checkpoints in DIRECTORY/run.
"""

import sys

import jax
import numpy as np
from flax import nnx

from entropax import training
from tests.training.regression import OPTIMIZER, Network, batch_at, leaves_by_name, loss


def fit(mesh, **options) -> training.FitResult:
    model = Network(rngs=nnx.Rngs(0))
    options = {"steps": 40, "key": jax.random.key(1), "steps_per_call": 10, "progress": False} | options
    return training.fit(loss, model, batch_at, OPTIMIZER, ema=0.9, mesh=mesh, **options)


def main(process: int, count: int, port: str, directory: str) -> None:
    jax.distributed.initialize(f"127.0.0.1:{port}", num_processes=count, process_id=process)
    mesh = training.device_mesh()
    assert len(jax.local_devices()) < mesh.size
    options = {"checkpoint_dir": f"{directory}/run", "log_path": f"{directory}/log.jsonl"}
    fit(mesh, steps=20, **options)
    result = fit(mesh, **options)
    assert result.steps == 40
    np.savez(f"{directory}/{process}.npz", loss=result.history["loss"], **leaves_by_name(result.ema_model))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
