"""sinc, Bessel functions, angles, and numbers that are replaced: what samples do not reach."""

import math

import numpy as np
import pytest
from derivatives import assert_gradient
from references import FORMULAS

import tinygraph as tg
from tinygraph.numpy_version import since
from tinygraph.ops.special import bessel, spherical

INF, NAN = np.inf, np.nan
EPS = np.finfo(float).eps


def derivatives_of(function, x, orders):
    """Derivatives of order 0 and above of an elementwise function."""
    t = tg.Variable(x)
    found = [function(t)]
    for _ in range(orders):
        (g,) = tg.gradients(found[-1], t, np.ones_like(x), create_graph=True)
        found.append(g)
    return [y.numpy() for y in found]


def test_derivatives_of_sinc_at_0():
    """sinc x = 1 − (πx)²/3! + (πx)⁴/5! − …"""
    for x in (0.0, 1e-9, -1e-9, 1e-200):
        found = derivatives_of(tg.sinc, np.array([x]), 4)
        wanted = [1, -(math.pi**2) / 3 * x, -(math.pi**2) / 3, math.pi**4 / 5 * x, math.pi**4 / 5]
        np.testing.assert_allclose(np.ravel(found), wanted, rtol=8 * EPS)


@pytest.mark.parametrize("order", range(6))
def test_derivatives_of_sinc_are_exact_everywhere(order):
    u = np.concatenate([np.linspace(-8, 8, 161), 1 + order / 2 + np.array([-1e-12, 0, 1e-12])])
    wanted = FORMULAS["spherical"](u, order)
    np.testing.assert_allclose(spherical(u, order).numpy(), wanted, rtol=0, atol=16 * EPS)


@pytest.mark.parametrize("order", range(4))
def test_bessel_functions_are_exact_everywhere(order):
    x = np.concatenate([np.linspace(-60, 60, 241), [-30.0, 29.999999, 30.0, 30.000001, 0.0]])
    wanted = FORMULAS["bessel"](x, order)
    # That is a mean of numbers up to e^|x|, and rounded as they are.
    error = np.abs(bessel(x, order).numpy() - wanted) / np.exp(np.abs(x))
    assert (error < 4 * EPS).all()


@pytest.mark.parametrize(
    ("order", "x", "wanted"),
    [  # Abramowitz and Stegun 1964, tables 9.8 and 9.11, of e^−x Iₙ(x)
        (0, 1.0, 0.4657596077),
        (1, 1.0, 0.2079104154),
        (0, 5.0, 0.1835408126),
        (1, 5.0, 0.1639722669),
        (0, 10.0, 0.1278333372),
        (1, 10.0, 0.1212626814),
        (0, 20.0, 0.0897803119),
        (1, 20.0, 0.0875062222),
    ],
)
def test_bessel_functions_are_those_of_the_tables(order, x, wanted):
    np.testing.assert_allclose(bessel(x, order).item() * math.exp(-x), wanted, atol=6e-11)


def test_derivatives_of_i0():
    """I₀″ = I₀ − I₀′/x, from Bessel's equation, also where I₀ is nearly out of range."""
    x = np.array([-700.0, -30.0, -2.0, 0.5, 8.0, 29.0, 31.0, 100.0, 709.0])
    y, first, second, third = derivatives_of(np.i0, x, 3)
    np.testing.assert_allclose(second, y - first / x, rtol=32 * EPS)
    np.testing.assert_allclose(third, first - second / x + first / x**2, rtol=64 * EPS)
    found = derivatives_of(tg.i0, np.array([0.0]), 3)
    np.testing.assert_array_equal(np.ravel(found), [1, 0, 0.5, 0])


def test_i0_is_for_real_numbers():
    with pytest.raises(tg.DTypeError, match="i0"):
        tg.i0(tg.Variable(1j))


def test_float16_goes_through():
    for function in (tg.sinc, tg.i0):
        # NumPy before 2.3 makes NaN of sinc(0) in float16, and so it is here.
        lost = function is tg.sinc and not since("2.3.0")
        if lost:
            with np.errstate(invalid="ignore"):
                assert np.isnan(np.sinc(np.zeros(1, np.float16)))
                assert np.isnan(tg.sinc(np.zeros(1, np.float16)).numpy())
        x = tg.Variable(np.array([2 if lost else 0, 1, 5], np.float16))
        y = function(x)
        (g,) = tg.gradients(y.sum(), x)
        assert y.dtype == g.dtype == np.float16
        assert np.isfinite(g.numpy()).all()


# Angles


def test_gradient_of_an_angle():
    """dφ = Im(dz / z): the gradient is i z/|z|², at right angles to z; also far from 1."""
    z = np.array([3 + 4j, -1 + 0j, 2j, -1e-200 - 1e-200j, 1e200 + 1e200j])
    t = tg.Variable(z)
    (g,) = tg.gradients(np.angle(t).sum(), t)
    np.testing.assert_allclose(g.numpy(), 1j / np.conj(z), rtol=1e-14)
    np.testing.assert_array_equal(np.angle(t, deg=True).numpy(), np.angle(z, deg=True))
    (g,) = tg.gradients(tg.angle(t, True).sum(), t)
    np.testing.assert_allclose(g.numpy(), 180 / np.pi * 1j / np.conj(z), rtol=1e-14)


def test_angle_of_0_and_of_real_numbers():
    z = tg.Variable([0j])
    assert tg.gradients(tg.angle(z), z, [1.0])[0].numpy() == 0
    x = tg.Variable([-2.0, 0.0, 3.0])
    y = np.angle(x)
    np.testing.assert_array_equal(y.numpy(), [np.pi, 0, 0])
    np.testing.assert_array_equal(tg.gradients(y.sum(), x)[0].numpy(), [0, 0, 0])


def test_unwrapped_angles():
    p = np.array([0.0, 3.0, 6.5, 0.5, -3.0])
    t = tg.Variable(p)
    y = np.unwrap(t)
    np.testing.assert_array_equal(y.numpy(), np.unwrap(p))
    assert (y.numpy() != p).any()
    ct = np.arange(1.0, 6)
    np.testing.assert_array_equal(tg.gradients(y, t, ct)[0].numpy(), ct)
    assert_gradient(lambda x: [np.unwrap(x)], [p], [ct], [ct])


# Numbers replaced


def test_what_is_replaced_has_no_derivative():
    x = tg.Variable([1.0, NAN, INF, -INF])
    y = np.nan_to_num(x, nan=5.0, posinf=6.0)
    np.testing.assert_array_equal(y.numpy(), [1, 5, 6, -np.finfo(float).max])
    np.testing.assert_array_equal(tg.gradients(y, x, np.full(4, 2.0))[0].numpy(), [2, 0, 0, 0])


def test_real_and_imaginary_part_are_replaced_each_for_itself():
    z = tg.Variable([complex(1, NAN), complex(INF, 2)])
    y = tg.nan_to_num(z, posinf=3.0)
    np.testing.assert_array_equal(y.numpy(), [1, 3 + 2j])
    (g,) = tg.gradients((y * np.conj(y)).real.sum(), z, create_graph=True)
    np.testing.assert_array_equal(g.numpy(), [2, 4j])
    (h,) = tg.gradients(g.imag.sum(), z)
    np.testing.assert_array_equal(h.numpy(), [0, 2j])


def test_no_nan_comes_from_what_was_replaced():
    x = tg.Variable([-1.0, 0.0, 4.0])
    with np.errstate(all="ignore"):
        y = tg.nan_to_num(tg.log(x) + tg.sqrt(x), neginf=0.0)
    np.testing.assert_array_equal(tg.gradients(y.sum(), x)[0].numpy(), [0, 0, 0.5])


def test_a_tensor_is_not_replaced_in_place():
    with pytest.raises(tg.ArgumentError, match="copy=False"):
        np.nan_to_num(tg.tensor([1.0]), copy=False)


def test_real_if_close():
    z = tg.Variable([1 + 1e-14j, 2 - 1e-15j])
    y = np.real_if_close(z)
    np.testing.assert_array_equal(y.numpy(), [1, 2])
    np.testing.assert_array_equal(tg.gradients(y, z, [1.0, 2.0])[0].numpy(), [1, 2])
    assert tg.real_if_close(z, tol=10) is z
    assert np.real_if_close(x := tg.Variable([1.0])) is x


# Signatures


def test_clip_in_every_form():
    x = np.array([-2.0, -0.5, 0.5, 2.0])
    t = tg.Variable(x)
    low, high = np.array([0, -1, 0, 2]), np.ones(4)
    for y, wanted in [
        (np.clip(t, -1, 1), [-1, -0.5, 0.5, 1]),
        (np.clip(t, None, 1), [-2, -0.5, 0.5, 1]),
        (np.clip(t, -1, None), [-1, -0.5, 0.5, 2]),
        (np.clip(t, -1, 1, None), [-1, -0.5, 0.5, 1]),
        (np.clip(t, -1, 1, dtype=np.float32), [-1, -0.5, 0.5, 1]),
        (np.clip(t, low, high), [0, -0.5, 0.5, 1]),
        (np.clip(t, 1, -1), [-1, -1, -1, -1]),
        (tg.clip(t, min=-1), [-1, -0.5, 0.5, 2]),
        (tg.clip(t, max=1, min=0), [0, 0, 0.5, 1]),
        (tg.clip(t, None, None), x),
    ]:
        np.testing.assert_array_equal(y.numpy(), wanted)
        assert y.requires_grad
    assert tg.clip(t, -1, 1, dtype=np.float32).dtype == np.float32
    np.testing.assert_array_equal(tg.gradients(tg.clip(t), t, x)[0].numpy(), x)


def test_of_a_clip_whose_bounds_cross_the_upper_one_counts():
    leaves = [tg.Variable(x) for x in ([0.0, 2.0, 5.0], [3.0, 3.0, 3.0], [1.0, 1.0, 1.0])]
    y = tg.clip(*leaves)
    np.testing.assert_array_equal(y.numpy(), [1, 1, 1])
    wanted = [[0, 0, 0], [0, 0, 0], [1, 1, 1]]
    for g, expected in zip(tg.gradients(y.sum(), leaves), wanted, strict=True):
        np.testing.assert_array_equal(g.numpy(), expected)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda t: np.clip(t, 0, 1, np.empty(2)), tg.ArgumentError, "clip: out="),
        (lambda t: np.clip(t, 0, 1, where=[True, False]), tg.NotDifferentiable, r"tg\.where"),
        (lambda t: np.round(t, 1, np.empty(2)), tg.ArgumentError, "round: out="),
        (lambda t: np.where(t, t), tg.ArgumentError, "where: one of two"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(tg.Variable([1.0, 2.0]))


@pytest.mark.parametrize("where", [np.where, tg.where])
def test_where_of_a_condition_alone(where):
    (found,) = where(tg.Variable([0.0, 2.0, 3.0]))
    np.testing.assert_array_equal(found.numpy(), [1, 2])
    assert not found.requires_grad


@pytest.mark.parametrize(
    ("function", "slope"),
    [
        (np.arctanh, lambda product: 1 / product),
        (np.arcsin, lambda product: 1 / np.sqrt(product)),
        (np.arccos, lambda product: -1 / np.sqrt(product)),
    ],
)
def test_slopes_of_inverse_functions_keep_their_digits_near_the_ends(function, slope):
    """1 - x² would lose 12 digits of (1 - x)(1 + x), both of which are exact here."""
    gap = 2.0**-40
    x = tg.Variable([1 - gap, gap - 1])
    (g,) = tg.gradients(function(x), x, np.ones(2))
    np.testing.assert_allclose(g.numpy(), slope(gap * (2 - gap)), rtol=1e-15)
