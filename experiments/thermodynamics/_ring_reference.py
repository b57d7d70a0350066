"""The ring's stationary density without sampling or learning: finite volumes in x, Hermite functions in g.

Two swimmers on a ring, in relative coordinates (arXiv 2309.12991): dx = (v0 g + F(x)) dt + sqrt(2 eps) dW and
dg = -gamma g dt + sqrt(2 gamma) dW'. With p(x, g) = sum_n c_n(x) He_n(g) phi(g) / sqrt(n!), phi the standard normal
density, the stationary Fokker-Planck equation becomes a block tridiagonal system in n,

    -v0 d_x (sqrt(n) c_{n-1} + sqrt(n+1) c_{n+1}) - d_x (F c_n) + eps d_xx c_n - gamma n c_n = 0,

solved here with scipy alone, so that it shares no code with what it judges.
"""

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import hermite_e
from scipy import sparse
from scipy.sparse import linalg


@dataclass(frozen=True)
class RingReference:
    """Stationary density of the ring and what follows from it.

    Attributes:
        x: cell centres, shape (num_cells,).
        coefficients: c_n(x), shape (num_modes, num_cells).
        force: F at the cell centres, shape (num_cells,).
        speed: v0.
        diffusion: (eps, gamma).
    """

    x: np.ndarray
    coefficients: np.ndarray
    force: np.ndarray
    speed: float
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
        """Total rate (v0^2 + v0 E[g F]) / eps, nats per unit time: the power v0 g (v0 g + F) that the swimmers put in."""
        eps, _ = self.diffusion
        return (self.speed**2 + self.speed * self.mean_propulsion_force) / eps

    def on_grid(self, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Density and probability-flow velocity at the cell centres times the given g.

        Args:
            g: propulsions, shape (num_g,).

        Returns:
            The density, shape (num_cells, num_g), and the velocity b - D s, shape (2, num_cells, num_g).
        """
        eps, gamma = self.diffusion
        weight = np.exp(-(g**2) / 2) / np.sqrt(2 * np.pi)
        modes, step = self.coefficients.shape[0], self.x[1] - self.x[0]
        norms = np.cumprod(np.concatenate([[1.0], np.sqrt(np.arange(1, modes))]))
        hermite = hermite_e.hermevander(g, modes - 1).T / norms[:, None]
        density = self.coefficients.T @ hermite * weight
        slope_x = (np.roll(density, -1, 0) - np.roll(density, 1, 0)) / (2 * step)
        # d/dg of He_n phi / sqrt(n!) is -sqrt(n+1) times the next function.
        lifted = hermite_e.hermevander(g, modes).T
        lifted /= np.cumprod(np.concatenate([[1.0], np.sqrt(np.arange(1, modes + 1))]))[:, None]
        slope_g = -(self.coefficients * np.sqrt(np.arange(1, modes + 1))[:, None]).T @ lifted[1:] * weight
        with np.errstate(divide="ignore", invalid="ignore"):
            velocity = np.stack(
                [
                    self.speed * g[None, :] + self.force[:, None] - eps * slope_x / density,
                    -gamma * g[None, :] - gamma * slope_g / density,
                ]
            )
        return density, velocity


def pair_force(x: np.ndarray, half_width: float, stiffness: float, beta: float) -> np.ndarray:
    """Force on the relative coordinate, away from contact at 0 and 2W; R = 1."""
    x = np.mod(x, 2 * half_width)
    near = np.minimum(x, 2 * half_width - x)
    return np.where(x < half_width, 1.0, -1.0) * stiffness * np.logaddexp(0.0, beta * (2.0 - near)) / beta


def solve_ring(
    speed: float = 0.25,
    *,
    half_width: float = 8.0,
    stiffness: float = 2.5,
    beta: float = 7.5,
    persistence: float = 0.1,
    diffusion: float = 0.1,
    num_cells: int = 1024,
    num_modes: int = 32,
) -> RingReference:
    """Solves for the stationary density by finite volumes (centred fluxes, second order) times Hermite functions."""
    step = 2 * half_width / num_cells
    x = (np.arange(num_cells) + 0.5) * step
    faces = np.arange(1, num_cells + 1) * step  # the face to the right of each cell
    face_force = pair_force(faces, half_width, stiffness, beta)
    face_force[-1] = 0.0  # the two sides of contact pull apart: by symmetry no net force on the face itself
    eye, right = sparse.identity(num_cells, format="csr"), _right_neighbour(num_cells)
    average, difference = (eye + right) / 2, (right - eye) / step  # cell values to faces
    outflow = (eye - right.T) / step  # faces to cells: divergence of the flux
    advection = outflow @ average
    drift = outflow @ sparse.diags(face_force) @ average - diffusion * outflow @ difference
    n = np.arange(num_modes)
    ladder = sparse.diags([np.sqrt(n[1:]), np.sqrt(n[1:])], [-1, 1])  # g in the basis of Hermite functions
    operator = (
        sparse.kron(sparse.identity(num_modes), drift)
        + speed * sparse.kron(ladder, advection)
        + persistence * sparse.kron(sparse.diags(n.astype(float)), eye)
    ).tolil()
    operator[0, :] = 0.0  # the equations of n = 0 sum to zero: one gives way to the normalisation
    operator[0, :num_cells] = step
    right_side = np.zeros(num_cells * num_modes)
    right_side[0] = 1.0
    solution = linalg.spsolve(operator.tocsc(), right_side)
    return RingReference(
        x=x,
        coefficients=solution.reshape(num_modes, num_cells),
        force=pair_force(x, half_width, stiffness, beta),
        speed=float(speed),
        diffusion=(diffusion, persistence),
    )


def _right_neighbour(size: int) -> sparse.csr_matrix:
    """The periodic shift that picks each cell's right neighbour."""
    rows = np.arange(size)
    return sparse.csr_matrix((np.ones(size), (rows, (rows + 1) % size)), shape=(size, size))


def extrapolated_entropy_production(speed: float = 0.25, *, num_cells: int = 512, **parameters: float) -> float:
    """Total rate in the limit of vanishing cells: Richardson extrapolation of the second-order scheme."""
    coarse = solve_ring(speed, num_cells=num_cells, **parameters).entropy_production
    fine = solve_ring(speed, num_cells=2 * num_cells, **parameters).entropy_production
    return (4 * fine - coarse) / 3
