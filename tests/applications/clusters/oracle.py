"""The finder of transformations in numpy and scipy, one candidate after another."""

import numpy as np
from scipy.ndimage import gaussian_filter1d


def brute_force(t, K0, *, g_min=0.25, dy_min=0.3, merge_gap=0.3, sigma=0.3, dt=0.1):
    """Rows (t_start, t_end, direction, dy) of a history; NaN in K0 is a gap."""
    there = np.isfinite(K0)
    n = round((t[there][-1] - t[there][0]) / dt) + 1
    grid = np.linspace(t[there][0], t[there][-1], n)
    step = grid[1] - grid[0]
    y = np.interp(grid, t[there], np.log10(K0[there]))
    if sigma:
        y = gaussian_filter1d(y, sigma / step, mode="reflect")
    slope = np.gradient(y, step)
    sign = np.where(slope > g_min, 1, np.where(slope < -g_min, -1, 0))
    runs, i = [], 0
    while i < n:
        j = i
        while j + 1 < n and sign[j + 1] == sign[i]:
            j += 1
        if sign[i]:
            runs.append((i, j, sign[i]))
        i = j + 1

    def crossing(a, b, s):
        """Where the line through (a, s slope_a) and (b, s slope_b) meets g_min."""
        return grid[a] + (grid[b] - grid[a]) * (s * slope[a] - g_min) / (s * slope[a] - s * slope[b])

    candidates = []
    for i, j, s in runs:
        begin = crossing(i, i - 1, s) if i else grid[0]
        end = crossing(j, j + 1, s) if j < n - 1 else grid[-1]
        if candidates and candidates[-1][2] == s and begin - candidates[-1][1] < merge_gap:
            candidates[-1][1] = end
        else:
            candidates.append([begin, end, s])
    rows = [(a, b, s, np.interp(b, grid, y) - np.interp(a, grid, y)) for a, b, s in candidates]
    return np.array([row for row in rows if row[2] * row[3] >= dy_min]).reshape(-1, 4)


def random_history(rng, n=150):
    """A walk of log10 K with jumps, at uneven times."""
    t = np.cumsum(rng.uniform(0.03, 0.1, n)) + 2.6
    jumps = rng.choice([0, 0, 0, 0, 0, 0, 1], n) * rng.normal(0.1, 0.6, n)
    y = 1.2 + np.cumsum(0.02 * rng.standard_normal(n) + jumps)
    return t, 10 ** np.clip(y, -1, 5)
