"""grad and value_and_grad, to any order."""

import math

import numpy as np
import pytest

import tinygraph as tg


def test_third_derivative_by_nesting():
    # f = x⁴ sin x
    third = tg.grad(tg.grad(tg.grad(lambda x: x**4 * np.sin(x))))
    x = 0.7
    sin, cos = math.sin(x), math.cos(x)
    expected = 24 * x * sin + 36 * x**2 * cos - 12 * x**3 * sin - x**4 * cos
    assert abs(third(x).item() - expected) < 1e-12


def test_sixth_derivative_of_an_exponential():
    f = np.exp
    for order in range(6):
        assert abs(f(0.3) - math.exp(0.3)) < 1e-12, order
        f = tg.grad(f) if order else tg.grad(lambda x: np.exp(x))


def test_value_and_grad_of_the_lecture():
    value, slope = tg.value_and_grad(lambda w: w**2 - 10 * w + 25)(0.0)
    assert (value.item(), slope.item()) == (25.0, -10.0)
    assert not value.requires_grad
    assert not slope.requires_grad


def test_argnums():
    def f(a, b, *, scale):
        return (a * b).sum() * scale

    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    np.testing.assert_array_equal(tg.grad(f, argnums=1)(a, b, scale=2).numpy(), 2 * a)
    np.testing.assert_array_equal(tg.grad(f, argnums=-1)(a, b, scale=2).numpy(), 2 * a)
    ga, gb = tg.grad(f, argnums=(0, 1))(a, b, scale=2)
    np.testing.assert_array_equal(ga.numpy(), 2 * b)
    np.testing.assert_array_equal(gb.numpy(), 2 * a)


def test_perturbations_are_not_confused():
    # d/dx [x · d/dy (x + y)] = 1; taking both variables for one gives 2.
    assert tg.grad(lambda x: x * tg.grad(lambda y: x + y)(1.0))(1.0).item() == 1.0
    # d/dx [x · d/dy (x·y)] = 2x
    assert tg.grad(lambda x: x * tg.grad(lambda y: x * y)(2.0))(3.0).item() == 6.0


def test_a_closure_over_a_variable_stays_in_the_graph():
    a = tg.Variable(3.0)
    slope = tg.grad(lambda x: a * x**2)(2.0)  # 2ax
    assert slope.requires_grad
    slope.backward()
    assert a.grad.item() == 4.0


def test_an_argument_that_is_tracked_stays_in_the_graph():
    x = tg.Variable(2.0)
    tg.grad(lambda t: t**3)(x).backward()
    assert x.grad.item() == 12.0


def test_under_no_grad_the_gradient_is_computed_and_not_tracked():
    a = tg.Variable(3.0)
    with tg.no_grad():
        slope = tg.grad(lambda x: a * x**2)(2.0)
    assert slope.item() == 12.0
    assert not slope.requires_grad


def test_zero_where_the_function_does_not_depend():
    g = tg.grad(lambda x: tg.tensor(3.0))(np.ones((2, 3), np.float32))
    assert (g.shape, g.dtype) == ((2, 3), "float32")
    np.testing.assert_array_equal(g.numpy(), 0)
    assert tg.grad(tg.grad(lambda x: 3 * x))(1.0).item() == 0.0
    assert tg.grad(tg.grad(np.floor))(1.5).item() == 0.0


def test_the_gradient_of_the_gradient_is_the_hessian():
    A = np.array([[2.0, 1.0], [0.0, 3.0]])

    def row(i):
        return tg.grad(lambda x: tg.grad(lambda x: x @ A @ x)(x)[i])(np.array([0.3, -1.0]))

    np.testing.assert_allclose([row(0).numpy(), row(1).numpy()], A + A.T)


@pytest.mark.parametrize(
    ("function", "argument", "error", "message"),
    [
        (lambda x: x * 2, np.ones(3), tg.ShapeError, r"\(3,\).*\.sum\(\)"),
        (lambda x: x.item(), 1.0, tg.DTypeError, "float, not a Tensor"),
        (lambda x: x.sum(), np.array([1, 2]), tg.DTypeError, "int64.*1.0 rather than 1"),
        (lambda x: x * 1j, 1.0, tg.ShapeError, "complex128"),
    ],
)
def test_refusals(function, argument, error, message):
    with pytest.raises(error, match=message):
        tg.grad(function)(argument)


def test_argnums_out_of_range():
    with pytest.raises(tg.ArgumentError, match=r"argnums=2.*called with 1"):
        tg.grad(lambda x: x, argnums=2)(1.0)
    with pytest.raises(tg.ArgumentError, match="takes a function, not float"):
        tg.grad(3.0)
