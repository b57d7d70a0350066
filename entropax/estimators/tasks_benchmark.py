"""The forty tasks on which "Beyond Normal" (Czyz et al. 2023, arXiv 2306.11078) measured estimators."""

import functools
from collections.abc import Callable, Iterator, Mapping

import jax.numpy as jnp
from jax.tree_util import Partial

from entropax.estimators.tasks import (
    GaussianTask,
    StudentTask,
    Task,
    TransformedTask,
    UniformNoiseTask,
    latent_correlation,
)
from entropax.estimators.tasks_transforms import (
    half_cube,
    normal_cdf,
    normal_to_mixture,
    spiral,
    swiss_roll,
    wiggly_x,
    wiggly_y,
)

CORRELATION = 0.75
BIMODAL_X = {"weights": (0.3, 0.7), "centers": (0.0, 5.0)}
BIMODAL_Y = {"weights": (0.5, 0.5), "centers": (-1.0, 3.0)}


def _bivariate() -> Task:
    covariance = jnp.array([[1, CORRELATION], [CORRELATION, 1]])
    return GaussianTask(covariance, dim_x=1, description=f"bivariate normal, correlation {CORRELATION}")


def _dense(dim: int) -> Task:
    covariance = jnp.full((2 * dim, 2 * dim), 0.5) + 0.5 * jnp.eye(2 * dim)
    return GaussianTask(covariance, dim_x=dim, description=f"normal {dim} x {dim}, all correlations 0.5")


def _two_pairs(dim: int) -> Task:
    covariance = latent_correlation(dim, dim, num_pairs=2, lambd=2.0, eta=2.0)
    return GaussianTask(covariance, dim_x=dim, description=f"normal {dim} x {dim}, two pairs of correlation 0.8")


def _student(dim: int, df: int) -> Task:
    description = f"Student {dim} x {dim} (nu = {df}), dependent through the tails alone"
    return StudentTask(jnp.eye(2 * dim), float(df), dim_x=dim, description=description)


def _noisy(half_width: float) -> Task:
    return UniformNoiseTask(
        jnp.array([half_width]), description=f"uniform plus uniform noise of half width {half_width}"
    )


def _bimodal() -> Task:
    return TransformedTask(
        _bivariate(),
        Partial(_to_mixture, **BIMODAL_X),
        Partial(_to_mixture, **BIMODAL_Y),
        description="two-humped marginals with the copula of the bivariate normal",
    )


def _to_mixture(z, *, weights, centers):
    return normal_to_mixture(z, jnp.asarray(weights, z.dtype), jnp.asarray(centers, z.dtype))


def _both(name: str, function: Callable, base: Task) -> Task:
    return TransformedTask(base, function, function, description=f"{name} of {base.description}")


_uniform = functools.partial(_both, "normal distribution function", normal_cdf)
_half_cubed = functools.partial(_both, "half cube", half_cube)
_asinh = functools.partial(_both, "asinh", jnp.arcsinh)


def _wiggly(base: Task) -> Task:
    return TransformedTask(base, wiggly_x, wiggly_y, description=f"wiggles of {base.description}")


def _swiss_roll() -> Task:
    base = _uniform(_bivariate())
    return TransformedTask(base, swiss_roll, description=f"Swiss roll (of x only) of {base.description}")


def _spiral(base: Task) -> Task:
    return TransformedTask(
        base,
        Partial(spiral, speed=1 / base.dim_x, plane=(0, 1)),
        Partial(spiral, speed=1 / base.dim_y, plane=(1, 2)),
        description=f"spiral of {base.description}",
    )


def _builders() -> dict[str, Callable[[], Task]]:
    """What makes each task, in the paper's order. The names are those of the benchmark's own package."""
    normal = f"1v1-normal-{CORRELATION}"
    tasks: dict[str, Callable[[], Task]] = {
        normal: _bivariate,
        f"normal_cdf-{normal}": lambda: _uniform(_bivariate()),
        "1v1-additive-0.1": lambda: _noisy(0.1),
        "1v1-additive-0.75": lambda: _noisy(0.75),
        f"1v1-bimodal-{CORRELATION}": _bimodal,
        f"wiggly-{normal}": lambda: _wiggly(_bivariate()),
        f"half_cube-{normal}": lambda: _half_cubed(_bivariate()),
        "student-identity-1-1-1": lambda: _student(1, 1),
        "asinh-student-identity-1-1-1": lambda: _asinh(_student(1, 1)),
        f"swissroll_x-normal_cdf-{normal}": _swiss_roll,
    }
    for d in (2, 3, 5, 25, 50):
        tasks[f"multinormal-dense-{d}-{d}-0.5"] = functools.partial(_dense, d)
    for d in (2, 3, 5, 25):
        tasks[f"multinormal-sparse-{d}-{d}-2-2.0"] = functools.partial(_two_pairs, d)
    for d, df in ((2, 1), (2, 2), (3, 2), (3, 3), (5, 2), (5, 3)):
        tasks[f"student-identity-{d}-{d}-{df}"] = functools.partial(_student, d, df)
    for prefix, change in {
        "normal_cdf": _uniform,
        "half_cube": _half_cubed,
        "spiral": _spiral,
        "spiral-normal_cdf": lambda base: _spiral(_uniform(base)),
    }.items():
        for d in (3, 5, 25):
            name = f"{prefix}-multinormal-sparse-{d}-{d}-2-2.0"
            tasks[name] = lambda d=d, change=change: change(_two_pairs(d))
    for d, df in ((2, 1), (3, 2), (5, 2)):
        tasks[f"asinh-student-identity-{d}-{d}-{df}"] = lambda d=d, df=df: _asinh(_student(d, df))
    return tasks


class BenchmarkTasks(Mapping[str, Task]):
    """The tasks by name; each is built when asked for, in the default float of that moment."""

    def __init__(self) -> None:
        self._builders = _builders()

    def __getitem__(self, name: str) -> Task:
        if name not in self._builders:
            raise KeyError(f"{name!r} is none of the {len(self)} benchmark tasks: {', '.join(self)}")
        return self._builders[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._builders)

    def __len__(self) -> int:
        return len(self._builders)


BENCHMARK_TASKS = BenchmarkTasks()
"""The forty tasks of "Beyond Normal" by the names of the package benchmark-mi; arXiv 2306.11078."""
