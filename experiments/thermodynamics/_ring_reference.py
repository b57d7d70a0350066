"""The ring's stationary density without sampling or learning: finite volumes in x, Hermite functions in g.

Two swimmers on a ring, in relative coordinates (arXiv 2309.12991): dx = (v0(x) g + F(x)) dt + sqrt(2 eps) dW and
dg = -gamma g dt + sqrt(2 gamma) dW'. With p(x, g) = sum_n c_n(x) He_n(g) phi(g) / sqrt(n!), phi the standard normal
density, the stationary Fokker-Planck equation becomes a block tridiagonal system in n,

    -d_x (v0 (sqrt(n) c_{n-1} + sqrt(n+1) c_{n+1})) - d_x (F c_n) + eps d_xx c_n - gamma n c_n = 0,

solved here with numpy and scipy alone, so that it shares no code with what it judges.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse import linalg

Profile = float | Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class RingReference:
    """Stationary density of the ring and what follows from it.

    Attributes:
        x: cell centres, shape (num_cells,).
        coefficients: c_n(x), shape (num_modes, num_cells).
        force: F at the cell centres, shape (num_cells,).
        speed: v0 at the cell centres, shape (num_cells,).
        speed_slope: its derivative, shape (num_cells,).
        diffusion: (eps, gamma).
    """

    x: np.ndarray
    coefficients: np.ndarray
    force: np.ndarray
    speed: np.ndarray
    speed_slope: np.ndarray
    diffusion: tuple[float, float]

    @property
    def marginal(self) -> np.ndarray:
        """p(x) at the cell centres."""
        return self.coefficients[0]

    @property
    def mean_propulsion_force(self) -> float:
        """E[g F]: only c_1 carries a mean of g."""
        return float(np.sum(self.coefficients[1] * self.force) * (self.x[1] - self.x[0]))

    @property
    def entropy_production(self) -> float:
        """Total rate E[v0^2 g^2 + v0 g F] / eps + E[v0' g], in nats per unit time.

        The power that the swimmers put in over the temperature of x; the last term is Stratonovich's. The bath of g
        takes no mean heat in a steady state, nor does the conservative force.
        """
        eps, _ = self.diffusion
        c0, c1, c2 = self.coefficients[:3]
        power = self.speed**2 * (c0 + np.sqrt(2.0) * c2) + self.speed * self.force * c1
        return float(np.sum(power / eps + self.speed_slope * c1) * (self.x[1] - self.x[0]))

    def on_grid(self, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Density and probability-flow velocity at the cell centres times the given g.

        Args:
            g: propulsions, shape (num_g,).

        Returns:
            The density, shape (num_cells, num_g), and the velocity b - D s, shape (2, num_cells, num_g); NaN where
            the density is zero to rounding.
        """
        eps, gamma = self.diffusion
        modes, step = self.coefficients.shape[0], self.x[1] - self.x[0]
        functions = hermite_functions(modes + 1, g)
        density = self.coefficients.T @ functions[:modes]
        slope_x = (np.roll(density, -1, 0) - np.roll(density, 1, 0)) / (2 * step)
        # The derivative of the n-th function is -sqrt(n + 1) times the next.
        slope_g = -(self.coefficients.T * np.sqrt(np.arange(1, modes + 1))) @ functions[1:]
        present = density > 1e-12 * density.max()
        inverse = np.where(present, 1.0, np.nan) / np.where(present, density, 1.0)
        velocity_x = self.speed[:, None] * g + self.force[:, None] - eps * slope_x * inverse
        velocity_g = -gamma * g - gamma * slope_g * inverse
        return density, np.stack([velocity_x, velocity_g])


def hermite_functions(count: int, g: np.ndarray) -> np.ndarray:
    """He_n(g) phi(g) / sqrt(n!) for n < count, shape (count, num_g), by their three-term recursion."""
    rows = [np.exp(-(g**2) / 2) / np.sqrt(2 * np.pi)]
    rows.append(g * rows[0])
    for n in range(1, count - 1):
        rows.append((g * rows[n] - np.sqrt(n) * rows[n - 1]) / np.sqrt(n + 1))
    return np.stack(rows[:count])


def pair_force(x: np.ndarray, half_width: float, stiffness: float, beta: float) -> np.ndarray:
    """Force on the relative coordinate, away from contact at 0 and 2W; R = 1."""
    x = np.mod(x, 2 * half_width)
    near = np.minimum(x, 2 * half_width - x)
    return np.where(x < half_width, 1.0, -1.0) * stiffness * np.logaddexp(0.0, beta * (2.0 - near)) / beta


def solve_ring(
    speed: Profile = 0.25,
    *,
    half_width: float = 8.0,
    stiffness: float = 2.5,
    beta: float = 7.5,
    persistence: float = 0.1,
    diffusion: float = 0.1,
    num_cells: int = 1024,
    num_modes: int = 32,
) -> RingReference:
    """Solves for the stationary density by finite volumes (centred fluxes, second order) times Hermite functions.

    Args:
        speed: v0, a number or a 2W-periodic function of positions.
        half_width: W.
        stiffness: k.
        beta: sharpness of the softplus repulsion.
        persistence: gamma.
        diffusion: eps.
        num_cells: finite volumes in x.
        num_modes: Hermite functions in g.

    Returns:
        The stationary solution.
    """
    profile = speed if callable(speed) else lambda x: np.full_like(x, speed)
    step = 2 * half_width / num_cells
    x = (np.arange(num_cells) + 0.5) * step
    faces = np.arange(1, num_cells + 1) * step  # the face to the right of each cell
    face_force = pair_force(faces, half_width, stiffness, beta)
    face_force[-1] = 0.0  # at contact the two sides push apart: by symmetry no net force on that face
    cells = np.arange(num_cells)
    eye = sparse.identity(num_cells, format="csr")
    right = sparse.csr_matrix((np.ones(num_cells), (cells, (cells + 1) % num_cells)), shape=(num_cells, num_cells))
    average, difference = (eye + right) / 2, (right - eye) / step  # cell values to faces
    outflow = (eye - right.T) / step  # faces to cells: the divergence of a flux
    drift = outflow @ sparse.diags(face_force) @ average - diffusion * outflow @ difference
    swim = outflow @ sparse.diags(profile(faces)) @ average
    n = np.arange(num_modes)
    root = np.sqrt(n[1:])
    ladder = sparse.csr_matrix(np.diag(root, 1) + np.diag(root, -1))  # multiplication by g in Hermite functions
    operator = (
        sparse.kron(sparse.identity(num_modes), drift)
        + sparse.kron(ladder, swim)
        + persistence * sparse.kron(sparse.diags(n.astype(float)), eye)
    ).tolil()
    operator[0, :] = 0.0  # the equations of n = 0 sum to zero: one gives way to the normalisation
    operator[0, :num_cells] = step
    right_side = np.zeros(num_cells * num_modes)
    right_side[0] = 1.0
    solution = np.asarray(linalg.spsolve(operator.tocsc(), right_side))
    return RingReference(
        x=x,
        coefficients=solution.reshape(num_modes, num_cells),
        force=pair_force(x, half_width, stiffness, beta),
        speed=profile(x),
        speed_slope=(profile(x + step / 2) - profile(x - step / 2)) / step,
        diffusion=(diffusion, persistence),
    )


def extrapolated_entropy_production(speed: Profile = 0.25, *, num_cells: int = 512, **parameters: Any) -> float:
    """Total rate in the limit of vanishing cells: Richardson extrapolation of the second-order scheme."""
    coarse = solve_ring(speed, num_cells=num_cells, **parameters).entropy_production
    fine = solve_ring(speed, num_cells=2 * num_cells, **parameters).entropy_production
    return (4 * fine - coarse) / 3
