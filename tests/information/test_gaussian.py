"""Gaussians and Student distributions against scipy and entropies."""

import numpy as np
import pytest
import scipy.stats

from entropax import information

RNG = np.random.default_rng(7)

pytestmark = pytest.mark.usefixtures("x64")


def test_gaussians():
    root = RNG.normal(size=(2, 4, 4))
    S, T = root @ np.swapaxes(root, 1, 2) + 0.5 * np.eye(4)
    m, k = RNG.normal(size=(2, 4))
    np.testing.assert_allclose(
        information.gaussian_entropy(S), scipy.stats.multivariate_normal(cov=S).entropy(), rtol=1e-12
    )
    kl = information.gaussian_kl(m, S, k, T)
    inverse = np.linalg.inv(T)
    expected = (
        np.trace(inverse @ S) - 4 + (k - m) @ inverse @ (k - m) + np.linalg.slogdet(T)[1] - np.linalg.slogdet(S)[1]
    )
    np.testing.assert_allclose(kl, expected / 2, rtol=1e-10)
    parts = information.gaussian_entropy(S[:1, :1]) + information.gaussian_entropy(S[1:, 1:])
    mi = information.gaussian_mutual_information(S, split=1)
    np.testing.assert_allclose(mi, parts - information.gaussian_entropy(S), rtol=1e-9)
    rho = 0.6
    two = np.array([[1.0, rho], [rho, 1.0]])
    np.testing.assert_allclose(
        information.gaussian_mutual_information(two, split=1), -np.log(1 - rho**2) / 2, rtol=1e-12
    )


@pytest.mark.fast
def test_student_t_against_entropies():
    """I = h(X) + h(Y) - h(X, Y), with the entropy of the multivariate Student law from scipy."""
    root = RNG.normal(size=(3, 3))
    S, nu = root @ root.T + 0.5 * np.eye(3), 4.5
    h = [scipy.stats.multivariate_t(shape=part, df=nu).entropy() for part in (S[:1, :1], S[1:, 1:], S)]
    measured = information.student_t_mutual_information(S, nu, split=1)
    np.testing.assert_allclose(measured, h[0] + h[1] - h[2], rtol=1e-9)
    gaussian = information.gaussian_mutual_information(S, split=1)
    np.testing.assert_allclose(information.student_t_mutual_information(S, 1e7, split=1), gaussian, atol=1e-6)
