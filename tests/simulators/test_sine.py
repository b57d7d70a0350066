"""The float64 sine and cosine of waves, against mpmath."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from entropax.simulators._sine import rotated, sine, sine_and_cosine

pytestmark = pytest.mark.fast


def _units_in_the_last_place(values: np.ndarray, x: np.ndarray, exact) -> np.ndarray:
    with mpmath.workdps(60):
        return np.array(
            [
                float(abs(mpmath.mpf(float(v)) - exact(mpmath.mpf(float(at)))) / np.spacing(abs(float(v))))
                for v, at in zip(values, x, strict=True)
            ]
        )


@pytest.mark.parametrize("reach", [0.8, 7.0, 1e4, 8e6])
def test_exact_to_the_last_place_at_any_angle(reach: float):
    """At most 0.8 units in the last place over quadrants near and far, tiny angles and seams included."""
    x = np.random.default_rng(0).uniform(-reach, reach, 500)
    x[:4] = 1e-300, 1e-30, 2.0**-27, -np.pi / 4
    with jax.enable_x64(True):
        sin, cos = (np.asarray(values) for values in sine_and_cosine(jnp.asarray(x)))
        assert np.array_equal(sin, np.asarray(sine(jnp.asarray(x))))
    assert _units_in_the_last_place(sin, x, mpmath.sin).max() < 0.8
    assert _units_in_the_last_place(cos, x, mpmath.cos).max() < 0.8


def test_near_multiples_of_a_quarter_turn():
    """There the angle cancels: what is left of it errs by 1e-34 of the angle besides the rounding of the result."""
    x = np.pi / 2 * np.array([*range(1, 200), 12345, 5_000_001])
    with jax.enable_x64(True):
        sin, cos = (np.asarray(values) for values in sine_and_cosine(jnp.asarray(x)))
    with mpmath.workdps(60):
        for values, exact in ((sin, mpmath.sin), (cos, mpmath.cos)):
            errors = [
                float(abs(mpmath.mpf(float(v)) - exact(mpmath.mpf(float(a))))) for v, a in zip(values, x, strict=True)
            ]
            assert np.all(np.array(errors) < 0.8 * np.spacing(np.abs(values)) + 1e-34 * x)


def test_far_angles_infinities_and_zeros():
    """One far entry hands all of them to the system's functions, but for rotations; what is no angle is NaN."""
    x = np.array([1e300, -3e9, 1.0, np.inf, np.nan, -0.0])
    with jax.enable_x64(True):
        far = np.asarray(sine(jnp.asarray(x)))
        near = np.asarray(sine(jnp.asarray(x[2:])))
        turned = np.asarray(rotated(jnp.ones(6, complex), jnp.asarray(x)))
    np.testing.assert_allclose(far[:3], np.sin(x[:3]), rtol=4e-16)
    assert np.isnan([*far[3:5], *near[1:3]]).all()
    assert np.signbit([far[5], near[3]]).all()
    np.testing.assert_allclose(turned[[2, 5]], np.exp(1j * x[[2, 5]]), rtol=1e-15)
    if jax.default_backend() == "cpu":
        assert np.isnan(turned[[0, 1, 3, 4]]).all()


def test_rotations_keep_the_modulus():
    """To 3e-16 absolutely, near multiples of a quarter turn too."""
    angle = np.concatenate([np.random.default_rng(1).uniform(-50, 50, 4000), np.pi / 2 * np.arange(-20, 20)])
    with jax.enable_x64(True):
        turned = np.asarray(rotated(jnp.ones(angle.size, complex), jnp.asarray(angle)))
    assert np.abs(turned - np.exp(1j * angle)).max() < 3e-16
    assert abs(np.mean(np.abs(turned) - 1)) < 2e-17


def test_derivatives_of_any_order_in_all_modes_and_batches():
    """Reverse, forward and forward over reverse, under vmap over one or both arguments."""
    with jax.enable_x64(True):
        x, z = jnp.linspace(-9.0, 9.0, 12).reshape(3, 4), jnp.arange(4) + 1j
        np.testing.assert_allclose(jax.vmap(jax.vmap(jax.grad(sine)))(x), jnp.cos(x), atol=2e-16)
        second = jax.vmap(jax.vmap(lambda a: jax.jvp(jax.grad(sine), (a,), (jnp.ones_like(a),))[1]))(x)
        np.testing.assert_allclose(second, -jnp.sin(x), atol=2e-16)

        def mean_real(angle: jax.Array, z: jax.Array) -> jax.Array:
            return jnp.sum(rotated(z, angle).real * jnp.array([1.0, 2.0, 3.0, 4.0]))

        def by_system(angle: jax.Array, z: jax.Array) -> jax.Array:
            return jnp.sum((z * jnp.exp(1j * angle)).real * jnp.array([1.0, 2.0, 3.0, 4.0]))

        for argument in (0, 1):
            ours, theirs = (jax.vmap(jax.grad(f, argument), (0, None))(x, z) for f in (mean_real, by_system))
            np.testing.assert_allclose(ours, theirs, atol=1e-14)
        ours, theirs = (jax.jacfwd(jax.grad(f))(x[0], z) for f in (mean_real, by_system))
        np.testing.assert_allclose(ours, theirs, atol=1e-14)


def test_a_batch_keeps_the_condition():
    """vmap would compute both branches and choose entry by entry: as slow as the system's sine."""
    with jax.enable_x64(True):
        text = jax.jit(jax.vmap(sine)).lower(jnp.ones((3, 8))).as_text()
    assert "stablehlo.case" in text or "stablehlo.if" in text


def test_other_dtypes_are_the_systems():
    """float32 is bitwise jnp.sin."""
    x = jnp.linspace(-5.0, 5.0, 9)
    assert x.dtype == jnp.float32
    assert jnp.array_equal(sine(x), jnp.sin(x))
    assert rotated(jnp.ones(9, jnp.complex64), x).dtype == jnp.complex64
