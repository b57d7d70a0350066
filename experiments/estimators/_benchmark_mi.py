"""Estimates by the estimators of the package benchmark-mi on its own forty tasks, 10,000 samples each.

The paper (Czyz et al. 2023, arXiv 2306.11078) prints its estimates in a figure only, and its repository keeps no table
of them. So these are the package's own numbers, found anew: benchmark-mi 0.1.3 with jax 0.4.30 on a CPU,
`bmi.benchmark.BENCHMARK_TASKS[name].sample(10_000, seed)` with seed 0, 1, 2, ... and, at their defaults otherwise,

    cca            CCAMutualInformationEstimator()
    ksg_10         KSGEnsembleFirstEstimator(neighborhoods=(10,))
    histogram_10   HistogramEstimator(n_bins_x=10), for at most three coordinates
    infonce        InfoNCEEstimator(), the first tasks only

One number a seed, in nats. An estimator or a task that is missing was not run (a run takes minutes on a busy machine);
nor were MINE, NWJ and Donsker-Varadhan. To complete the table, run the lines above.
"""

BASELINES: dict[str, dict[str, tuple[float, ...]]] = {
    "1v1-normal-0.75": {
        "cca": (0.4069,),
        "ksg_10": (0.4075,),
        "histogram_10": (
            0.3549,
            0.3634,
            0.3444,
        ),
        "infonce": (0.3971,),
    },
    "normal_cdf-1v1-normal-0.75": {
        "cca": (0.3789,),
        "ksg_10": (0.4099,),
        "histogram_10": (
            0.3733,
            0.3822,
            0.3743,
        ),
        "infonce": (0.3806,),
    },
    "1v1-additive-0.1": {
        "cca": (1.6295,),
        "ksg_10": (1.6801,),
        "histogram_10": (
            1.3373,
            1.3307,
            1.3274,
        ),
        "infonce": (1.6539,),
    },
    "1v1-additive-0.75": {
        "cca": (0.1801,),
        "ksg_10": (0.3161,),
        "histogram_10": (
            0.2553,
            0.2695,
            0.2560,
        ),
    },
    "1v1-bimodal-0.75": {
        "cca": (0.3251,),
        "ksg_10": (0.4066,),
        "histogram_10": (
            0.3516,
            0.3657,
            0.3597,
        ),
    },
    "wiggly-1v1-normal-0.75": {
        "cca": (0.3773,),
        "ksg_10": (0.4071,),
        "histogram_10": (
            0.3454,
            0.3588,
            0.3328,
        ),
    },
    "half_cube-1v1-normal-0.75": {
        "cca": (0.3810,),
        "ksg_10": (0.4054,),
        "histogram_10": (
            0.2922,
            0.2841,
            0.2594,
        ),
    },
    "student-identity-1-1-1": {
        "cca": (0.5589,),
        "ksg_10": (0.1671,),
        "histogram_10": (
            0.0060,
            0.0053,
            0.0124,
        ),
    },
    "asinh-student-identity-1-1-1": {
        "cca": (0.0001,),
        "ksg_10": (0.2288,),
        "histogram_10": (
            0.1601,
            0.1534,
            0.1648,
        ),
    },
    "swissroll_x-normal_cdf-1v1-normal-0.75": {
        "cca": (0.0221,),
        "ksg_10": (0.4138,),
        "histogram_10": (
            0.4022,
            0.4114,
            0.4074,
        ),
    },
    "multinormal-dense-2-2-0.5": {"cca": (0.2859,), "ksg_10": (0.2884,)},
    "multinormal-dense-3-3-0.5": {"cca": (0.4096,), "ksg_10": (0.4088,)},
    "multinormal-dense-5-5-0.5": {"cca": (0.5981,), "ksg_10": (0.5730,)},
    "multinormal-dense-25-25-0.5": {"cca": (1.3296,), "ksg_10": (1.0652,)},
    "multinormal-dense-50-50-0.5": {"cca": (1.7353,), "ksg_10": (1.2461,)},
    "multinormal-sparse-2-2-2-2.0": {"cca": (1.0079,)},
    "multinormal-sparse-3-3-2-2.0": {"cca": (1.0259,)},
    "multinormal-sparse-5-5-2-2.0": {"cca": (1.0192,)},
    "multinormal-sparse-25-25-2-2.0": {"cca": (1.0571,)},
    "student-identity-2-2-1": {"cca": (0.8689,)},
    "student-identity-2-2-2": {"cca": (0.0732,)},
    "student-identity-3-3-2": {"cca": (0.0203,)},
    "student-identity-3-3-3": {"cca": (0.0126,)},
    "student-identity-5-5-2": {"cca": (0.3056,)},
    "student-identity-5-5-3": {"cca": (0.0503,)},
    "normal_cdf-multinormal-sparse-3-3-2-2.0": {"cca": (0.9673,)},
    "normal_cdf-multinormal-sparse-5-5-2-2.0": {"cca": (0.9623,)},
    "normal_cdf-multinormal-sparse-25-25-2-2.0": {"cca": (0.9934,)},
    "half_cube-multinormal-sparse-3-3-2-2.0": {"cca": (0.9582,)},
    "half_cube-multinormal-sparse-5-5-2-2.0": {"cca": (0.9504,)},
    "half_cube-multinormal-sparse-25-25-2-2.0": {"cca": (0.9941,)},
    "spiral-multinormal-sparse-3-3-2-2.0": {"cca": (0.2281,)},
    "spiral-multinormal-sparse-5-5-2-2.0": {"cca": (0.3793,)},
    "spiral-multinormal-sparse-25-25-2-2.0": {"cca": (0.8623,)},
    "spiral-normal_cdf-multinormal-sparse-3-3-2-2.0": {"cca": (0.8443,)},
    "spiral-normal_cdf-multinormal-sparse-5-5-2-2.0": {"cca": (0.8975,)},
}
"""Estimates by task, estimator and seed."""
