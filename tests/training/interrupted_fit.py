"""Run as a program: a fit with checkpoints in DIRECTORY, killed while the checkpoint of step KILL is saved, or to its
end (KILL is 0), after which the result of it and of a fit without interruption are written to DIRECTORY.npz.
"""

import os
import signal
import sys

import jax
import numpy as np
from flax import nnx

from entropax import training
from tests.training.regression import OPTIMIZER, Network, batch_at, leaves_by_name, loss

STEPS = 400


def kill_at_rename(step: int) -> None:
    """The process dies when everything of that checkpoint is written but its name."""
    rename = os.rename

    def rename_or_die(source, target, **options):
        if os.path.basename(target) == f"{step:09d}":
            os.kill(os.getpid(), signal.SIGKILL)
        return rename(source, target, **options)

    os.rename = rename_or_die


def held_out_loss(model):
    return loss(model, batch_at(STEPS, key=jax.random.key(2)), key=jax.random.key(3))


def fit(**options) -> training.FitResult:
    return training.fit(
        loss,
        Network(rngs=nnx.Rngs(0)),
        batch_at,
        OPTIMIZER,
        steps=STEPS,
        key=jax.random.key(1),
        ema=(0.9, 0.99),
        validate=held_out_loss,
        validate_every=25,
        stop=training.Patience("loss", patience=390),
        steps_per_call=10,
        progress=False,
        **options,
    )


def arrays_of(result: training.FitResult) -> dict[str, np.ndarray]:
    history = {f"history {name}": column for name, column in result.history.items()}
    trees = (result.model, result.ema_model, result.best_model, result.optimizer_state)
    return leaves_by_name(trees) | history


def main(directory: str, kill: int) -> None:
    if kill:
        kill_at_rename(kill)
    resumed = fit(checkpoint_dir=directory, checkpoint_every=20, log_path=f"{directory}.jsonl")
    uninterrupted = fit()
    resumed, uninterrupted = arrays_of(resumed), arrays_of(uninterrupted)
    np.savez(f"{directory}.resumed.npz", **resumed)
    np.savez(f"{directory}.uninterrupted.npz", **uninterrupted)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
