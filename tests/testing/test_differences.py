"""Numeric derivatives: how exact they are, and that their error is what is said."""

import numpy as np
import pytest

from tinygraph.testing.differences import slopes


def slope(function, x, dtype=np.float64):
    """The derivative of a function of one number."""
    x = np.asarray(x, dtype)

    def change(t):
        with np.errstate(all="ignore"):
            return np.atleast_1d(np.asarray(function(x + dtype(t)) - function(x), float))

    eps = float(np.finfo(dtype).eps)
    with np.errstate(all="ignore"):
        floor = np.atleast_1d(np.abs(function(x)).astype(float)) * eps / 2
    return slopes(change, eps, floor)


@pytest.mark.parametrize(
    ("function", "x", "derivative"),
    [
        (np.sin, 0.7, np.cos(0.7)),
        (np.exp, 50.0, np.exp(50.0)),
        (np.log, 1e-8, 1e8),  # a pole nearer than the first steps
        (np.tan, 1.57, 1 / np.cos(1.57) ** 2),
        (np.sqrt, 1e-6, 500.0),
        (lambda x: np.sin(1000 * x), 0.3, 1000 * np.cos(300.0)),
        (lambda x: 1e10 + x, 1.0, 1.0),
        (lambda x: 3 * np.maximum(x, 0), 1e-9, 3.0),  # a kink near by
        (np.square, 0.0, 0.0),
        (lambda x: x * np.abs(x), 0.0, 0.0),
    ],
)
def test_the_error_is_within_its_bound(function, x, derivative):
    found = slope(function, x)
    assert not found.kink[0]
    assert abs(found.value[0] - derivative) <= found.error[0]
    assert found.error[0] <= 1e-2 * abs(derivative) or derivative == 0


@pytest.mark.parametrize(("dtype", "precision"), [(np.float64, 1e-11), (np.float32, 1e-4)])
def test_precision(dtype, precision):
    found = slope(np.exp, 3.0, dtype)
    assert found.error[0] <= precision * np.exp(3.0)
    assert abs(found.value[0] - np.exp(3.0)) <= found.error[0]


@pytest.mark.parametrize(
    ("function", "left", "right"),
    [
        (np.abs, -1, 1),
        (lambda x: np.maximum(x, 0), 0, 1),
        (lambda x: np.abs(x) + np.cosh(100 * x), -1, 1),  # hidden at large steps by curvature
    ],
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_kinks(function, left, right, dtype):
    found = slope(function, 0.0, dtype)
    assert found.kink[0]
    np.testing.assert_allclose([found.left[0], found.right[0]], [left, right], atol=0.1)


@pytest.mark.parametrize(("function", "x"), [(np.sqrt, 0.0), (np.cbrt, 0.0), (np.floor, 1.0)])
def test_no_derivative_at_all(function, x):
    """One side is missing; vertical; a jump."""
    assert slope(function, x).kink[0]
