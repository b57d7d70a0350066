"""Which gradient of mutual information finds the direction that carries it.

Of x in R^d only the first coordinate tells of y = x_1 + noise; a projection w.x is trained to maximise an estimate of
I(w.x; y) on minibatches. The optimum is w = (1, 0, ..., 0).

    python -m experiments.estimators._neighbor_encoder
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import optax

from entropax import estimators
from entropax._typing import Array, Float, PRNGKey

Estimate = Callable[[Array, Array], Array]

ROUTES: Mapping[str, Estimate] = {
    f"{name}, k = {k}": partial(estimate, k=k, standardize=True)
    for k in (4, 32)
    for name, estimate in {
        "relaxed KSG": lambda x, y, **options: estimators.relaxed_ksg_mutual_information(x, y, 0.1, **options),
        "entropy difference": estimators.kozachenko_leonenko_mutual_information,
    }.items()
}


@dataclass(frozen=True)
class Task:
    """Sizes of the task.

    Attributes:
        dim: d.
        noise: standard deviation of what y adds to x_1.
        samples: in the data set.
        batch: samples of a minibatch.
        steps: of Adam.
        learning_rate: of Adam.
    """

    dim: int = 6
    noise: float = 0.5
    samples: int = 2048
    batch: int = 256
    steps: int = 150
    learning_rate: float = 0.05


def trained_cosine(estimate: Estimate, task: Task, *, key: PRNGKey) -> Float[Array, ""]:
    """Cosine of the angle between the trained direction and the one that carries the information, in [0, 1].

    Args:
        estimate: of mutual information, from samples (n,) and (n,).
        task: sizes.
        key: of data, start and minibatches.
    """
    data_key, noise_key, start_key, batch_key = jax.random.split(key, 4)
    x = jax.random.normal(data_key, (task.samples, task.dim))
    y = x[:, 0] + task.noise * jax.random.normal(noise_key, (task.samples,))
    optimizer = optax.adam(task.learning_rate)

    def loss(w: Array, rows: Array) -> Array:
        return -estimate(x[rows] @ (w / jnp.linalg.norm(w)), y[rows])

    def step(carry: tuple, key: Array) -> tuple[tuple, None]:
        w, state = carry
        rows = jax.random.choice(key, task.samples, (task.batch,), replace=False)
        updates, state = optimizer.update(jax.grad(loss)(w, rows), state)
        return (w + updates, state), None

    start = jax.random.normal(start_key, (task.dim,))
    (w, _), _ = jax.lax.scan(step, (start, optimizer.init(start)), jax.random.split(batch_key, task.steps))
    return jnp.abs(w[0]) / jnp.linalg.norm(w)


def main() -> None:
    """Prints the cosine that every route reaches from five starts."""
    for name, estimate in ROUTES.items():
        train = jax.jit(partial(trained_cosine, estimate, Task()))
        cosines = [float(train(key=key)) for key in jax.random.split(jax.random.key(0), 5)]
        print(f"{name}: " + ", ".join(f"{cosine:.4f}" for cosine in cosines))


if __name__ == "__main__":
    main()
