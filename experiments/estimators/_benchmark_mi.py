"""Estimates by the estimators of the package benchmark-mi on its own forty tasks, 10,000 samples each.

The paper (Czyz et al. 2023, arXiv 2306.11078) prints its estimates in a figure only, and its repository keeps no table
of them. So these are the package's own numbers, found anew: benchmark-mi 0.1.3 with jax 0.4.30 on a CPU,
`bmi.benchmark.BENCHMARK_TASKS[name].sample(10_000, seed)` with seed 0, 1, 2, ... and, at their defaults otherwise,

    cca                CCAMutualInformationEstimator(), all tasks; three seeds up to ten columns, one above
    ksg_10             KSGEnsembleFirstEstimator(neighborhoods=(10,)), all tasks; two seeds, one of the largest task
    histogram_10       HistogramEstimator(n_bins_x=10), the tasks with at most six columns: with four columns there are
                       as many cells as samples, with six a hundred times as many
    infonce            InfoNCEEstimator(), all tasks, one seed
    donsker_varadhan   DonskerVaradhanEstimator(), one seed, 24 tasks, the harder ones first (Student, spirals, 25
                       columns), as it would matter most there
    mine               MINEEstimator(), one seed, the first eight of those

One number a seed, in nats. An estimator that a task lacks was not run there: a neural one trains for half a minute to
several minutes a task. NWJ, the package's fourth neural one, was not run. To complete the table, run the lines above.
"""

BASELINES: dict[str, dict[str, tuple[float, ...]]] = {
    "1v1-normal-0.75": {
        "cca": (0.4069, 0.4149, 0.4132),
        "ksg_10": (0.4075, 0.4270),
        "histogram_10": (0.3549, 0.3634, 0.3444),
        "infonce": (0.3971,),
    },
    "normal_cdf-1v1-normal-0.75": {
        "cca": (0.3789, 0.3911, 0.3844),
        "ksg_10": (0.4099, 0.4298),
        "histogram_10": (0.3733, 0.3822, 0.3743),
        "infonce": (0.3806,),
    },
    "1v1-additive-0.1": {
        "cca": (1.6295, 1.6293, 1.6236),
        "ksg_10": (1.6801, 1.6842),
        "histogram_10": (1.3373, 1.3307, 1.3274),
        "infonce": (1.6539,),
        "donsker_varadhan": (1.6498,),
    },
    "1v1-additive-0.75": {
        "cca": (0.1801, 0.1904, 0.1813),
        "ksg_10": (0.3161, 0.3298),
        "histogram_10": (0.2553, 0.2695, 0.2560),
        "infonce": (0.2988,),
    },
    "1v1-bimodal-0.75": {
        "cca": (0.3251, 0.3381, 0.3361),
        "ksg_10": (0.4066, 0.4284),
        "histogram_10": (0.3516, 0.3657, 0.3597),
        "infonce": (0.3766,),
        "donsker_varadhan": (0.3805,),
    },
    "wiggly-1v1-normal-0.75": {
        "cca": (0.3773, 0.3829, 0.3805),
        "ksg_10": (0.4071, 0.4280),
        "histogram_10": (0.3454, 0.3588, 0.3328),
        "infonce": (0.3913,),
    },
    "half_cube-1v1-normal-0.75": {
        "cca": (0.3810, 0.3824, 0.3905),
        "ksg_10": (0.4054, 0.4248),
        "histogram_10": (0.2922, 0.2841, 0.2594),
        "infonce": (0.3969,),
    },
    "student-identity-1-1-1": {
        "cca": (0.5589, 0.0013, 0.0128),
        "ksg_10": (0.1671, 0.1626),
        "histogram_10": (0.0060, 0.0053, 0.0124),
        "infonce": (0.0004,),
        "donsker_varadhan": (0.0015,),
        "mine": (0.0394,),
    },
    "asinh-student-identity-1-1-1": {
        "cca": (0.0001, 0.0002, 0.0001),
        "ksg_10": (0.2288, 0.2288),
        "histogram_10": (0.1601, 0.1534, 0.1648),
        "infonce": (0.2111,),
        "donsker_varadhan": (0.2074,),
        "mine": (0.1699,),
    },
    "swissroll_x-normal_cdf-1v1-normal-0.75": {
        "cca": (0.0221, 0.0223, 0.0163),
        "ksg_10": (0.4138, 0.4243),
        "histogram_10": (0.4022, 0.4114, 0.4074),
        "infonce": (0.3709,),
        "donsker_varadhan": (0.3529,),
    },
    "multinormal-dense-2-2-0.5": {
        "cca": (0.2859, 0.2984, 0.2931),
        "ksg_10": (0.2884, 0.3046),
        "histogram_10": (0.3685,),
        "infonce": (0.2775,),
    },
    "multinormal-dense-3-3-0.5": {
        "cca": (0.4096, 0.4161, 0.4154),
        "ksg_10": (0.4088, 0.4071),
        "histogram_10": (1.2267,),
        "infonce": (0.3981,),
    },
    "multinormal-dense-5-5-0.5": {"cca": (0.5981, 0.5906, 0.5895), "ksg_10": (0.5730, 0.5625), "infonce": (0.5856,)},
    "multinormal-dense-25-25-0.5": {
        "cca": (1.3296,),
        "ksg_10": (1.0652, 1.0681),
        "infonce": (1.1702,),
        "donsker_varadhan": (1.2065,),
    },
    "multinormal-dense-50-50-0.5": {"cca": (1.7353,), "ksg_10": (1.2461,), "infonce": (1.5044,)},
    "multinormal-sparse-2-2-2-2.0": {
        "cca": (1.0079, 1.0270, 1.0066),
        "ksg_10": (1.0132, 1.0353),
        "histogram_10": (0.9296,),
        "infonce": (0.9770,),
    },
    "multinormal-sparse-3-3-2-2.0": {
        "cca": (1.0259, 1.0347, 1.0278),
        "ksg_10": (0.9490, 0.9666),
        "histogram_10": (1.9173,),
        "infonce": (1.0119,),
    },
    "multinormal-sparse-5-5-2-2.0": {"cca": (1.0192, 1.0271, 1.0214), "ksg_10": (0.7423, 0.7375), "infonce": (1.0054,)},
    "multinormal-sparse-25-25-2-2.0": {
        "cca": (1.0571,),
        "ksg_10": (0.1947, 0.1872),
        "infonce": (0.8744,),
        "donsker_varadhan": (0.8410,),
    },
    "student-identity-2-2-1": {
        "cca": (0.8689, 1.6095, 0.2628),
        "ksg_10": (0.2393, 0.2361),
        "histogram_10": (0.0118,),
        "infonce": (0.3538,),
        "donsker_varadhan": (0.1841,),
        "mine": (0.0006,),
    },
    "student-identity-2-2-2": {
        "cca": (0.0732, 0.0052, 0.0337),
        "ksg_10": (0.0981, 0.0937),
        "histogram_10": (0.0341,),
        "infonce": (0.1618,),
        "donsker_varadhan": (0.1352,),
        "mine": (0.0000,),
    },
    "student-identity-3-3-2": {
        "cca": (0.0203, 0.0411, 0.1015),
        "ksg_10": (0.1272, 0.1130),
        "histogram_10": (0.0949,),
        "infonce": (0.2651,),
        "donsker_varadhan": (0.0276,),
        "mine": (0.1822,),
    },
    "student-identity-3-3-3": {
        "cca": (0.0126, 0.0507, 0.0046),
        "ksg_10": (0.0625, 0.0784),
        "histogram_10": (0.1138,),
        "infonce": (0.1299,),
        "donsker_varadhan": (0.0086,),
        "mine": (0.0330,),
    },
    "student-identity-5-5-2": {
        "cca": (0.3056, 0.2500, 0.3922),
        "ksg_10": (0.1948, 0.1931),
        "infonce": (0.3643,),
        "donsker_varadhan": (0.3097,),
        "mine": (0.2659,),
    },
    "student-identity-5-5-3": {
        "cca": (0.0503, 0.1067, 0.0160),
        "ksg_10": (0.1429, 0.1457),
        "infonce": (0.1815,),
        "donsker_varadhan": (0.0216,),
        "mine": (0.1580,),
    },
    "normal_cdf-multinormal-sparse-3-3-2-2.0": {
        "cca": (0.9673, 0.9794, 0.9643),
        "ksg_10": (0.9114, 0.9327),
        "histogram_10": (4.5345,),
        "infonce": (0.9763,),
    },
    "normal_cdf-multinormal-sparse-5-5-2-2.0": {
        "cca": (0.9623, 0.9509, 0.9614),
        "ksg_10": (0.7190, 0.7085),
        "infonce": (0.9251,),
    },
    "normal_cdf-multinormal-sparse-25-25-2-2.0": {
        "cca": (0.9934,),
        "ksg_10": (0.1982, 0.2041),
        "infonce": (0.7850,),
        "donsker_varadhan": (0.7664,),
    },
    "half_cube-multinormal-sparse-3-3-2-2.0": {
        "cca": (0.9582, 0.9637, 0.9673),
        "ksg_10": (0.8743, 0.8904),
        "histogram_10": (1.0619,),
        "infonce": (1.0047,),
    },
    "half_cube-multinormal-sparse-5-5-2-2.0": {
        "cca": (0.9504, 0.9830, 0.9606),
        "ksg_10": (0.6592, 0.6684),
        "infonce": (0.9869,),
    },
    "half_cube-multinormal-sparse-25-25-2-2.0": {
        "cca": (0.9941,),
        "ksg_10": (0.1661, 0.1558),
        "infonce": (0.8056,),
        "donsker_varadhan": (0.8318,),
    },
    "spiral-multinormal-sparse-3-3-2-2.0": {
        "cca": (0.2281, 0.2376, 0.2470),
        "ksg_10": (0.7030, 0.7264),
        "histogram_10": (1.8604,),
        "infonce": (0.5832,),
        "donsker_varadhan": (0.5087,),
    },
    "spiral-multinormal-sparse-5-5-2-2.0": {
        "cca": (0.3793, 0.3823, 0.3832),
        "ksg_10": (0.5480, 0.5445),
        "infonce": (0.5534,),
        "donsker_varadhan": (0.5179,),
    },
    "spiral-multinormal-sparse-25-25-2-2.0": {
        "cca": (0.8623,),
        "ksg_10": (0.1742, 0.1730),
        "infonce": (0.6858,),
        "donsker_varadhan": (0.6852,),
    },
    "spiral-normal_cdf-multinormal-sparse-3-3-2-2.0": {
        "cca": (0.8443, 0.8580, 0.8430),
        "ksg_10": (0.8937, 0.9129),
        "histogram_10": (3.4669,),
        "infonce": (0.9085,),
        "donsker_varadhan": (0.8901,),
    },
    "spiral-normal_cdf-multinormal-sparse-5-5-2-2.0": {
        "cca": (0.8975, 0.8905, 0.8943),
        "ksg_10": (0.6905, 0.6822),
        "infonce": (0.8821,),
        "donsker_varadhan": (0.8884,),
    },
    "spiral-normal_cdf-multinormal-sparse-25-25-2-2.0": {
        "cca": (0.9825,),
        "ksg_10": (0.1937, 0.1990),
        "infonce": (0.7585,),
        "donsker_varadhan": (0.7733,),
    },
    "asinh-student-identity-2-2-1": {
        "cca": (0.0017, 0.0011, 0.0004),
        "ksg_10": (0.3924, 0.3893),
        "histogram_10": (0.3673,),
        "infonce": (0.3767,),
        "donsker_varadhan": (0.3848,),
    },
    "asinh-student-identity-3-3-2": {
        "cca": (0.0011, 0.0008, 0.0005),
        "ksg_10": (0.1872, 0.1777),
        "histogram_10": (1.0977,),
        "infonce": (0.2459,),
        "donsker_varadhan": (0.2369,),
    },
    "asinh-student-identity-5-5-2": {
        "cca": (0.0019, 0.0034, 0.0030),
        "ksg_10": (0.2386, 0.2333),
        "infonce": (0.3320,),
        "donsker_varadhan": (0.2372,),
    },
}
"""Estimates by task, estimator and seed."""
