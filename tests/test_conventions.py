"""What operations do where calculus leaves a choice, or floating point would overflow."""

from typing import Any

import numpy as np
import pytest
from derivatives import assert_gradient

import tinygraph as tg

INF, NAN = np.inf, np.nan
EPS = np.finfo(np.float64).eps
FAR = 1e4  # where e^x is far out of range


def gradients_at(function: Any, inputs: Any, cotangent: Any = None) -> tuple[Any, list[Any]]:
    """The value of the function, and its gradient with respect to each input."""
    leaves = [tg.Variable(x) for x in inputs]
    y = function(*leaves)
    ct = np.ones(y.shape) if cotangent is None else cotangent
    return y.numpy(), [g.numpy() for g in tg.gradients(y, leaves, ct)]


def hessian_at(function: Any, x: Any) -> Any:
    """The matrix of second derivatives of a scalar function of a vector."""
    leaf = tg.Variable(x)
    (first,) = tg.gradients(function(leaf), leaf, create_graph=True)
    rows = [tg.gradients(first[i], leaf, retain_graph=True)[0] for i in range(leaf.size)]
    return np.array([np.zeros(leaf.size) if row is None else row.numpy() for row in rows])


MASKED = np.array([True, False, True])


def row(name: str, function: Any, inputs: Any, value: Any, *wanted: Any, ct: Any = None) -> Any:
    return pytest.param(function, inputs, value, wanted, ct, id=name)


@pytest.mark.parametrize(
    "function, inputs, value, wanted, cotangent",
    [
        # Ties share equally.
        row("maximum tie", tg.maximum, [[2.0, 1.0], 2.0], [2, 2], [0.5, 0], 1.5),
        row("minimum tie", tg.minimum, [[2.0, 1.0], 2.0], [2, 1], [0.5, 1], 0.5),
        row("fmax tie", tg.fmax, [2.0, 2.0], 2, 0.5, 0.5),
        row("fmin tie", tg.fmin, [2.0, 2.0], 2, 0.5, 0.5),
        row("fmax nan", tg.fmax, [[NAN, 1.0], [1.0, NAN]], [1, 1], [0, 1], [1, 0]),
        row("fmin nan", tg.fmin, [[NAN, 1.0], [1.0, NAN]], [1, 1], [0, 1], [1, 0]),
        row("max tie", tg.max, [[2.0, 1.0, 2.0]], 2, [0.5, 0, 0.5]),
        row("max nan", tg.max, [[NAN, 1.0]], NAN, [0, 0]),
        row("max three", tg.max, [[3.0, 3.0, 3.0, 0.0]], 3, [1 / 3, 1 / 3, 1 / 3, 0]),
        row(
            "max tie of a row", lambda x: tg.max(x, axis=1), [[[1.0, 1], [0, 5]]], [1, 5],
            [[0.5, 0.5], [0, 1]],
        ),
        row("min tie", tg.min, [[2.0, 1.0, 1.0]], 1, [0, 0.5, 0.5]),
        # Kinks.
        row("abs", tg.absolute, [[-2.0, 0.0, -0.0, 3.0]], [2, 0, 0, 3], [-1, 0, 0, 1]),
        row("norm of order 1", lambda x: tg.linalg.norm(x, 1), [[0.0, -2.0]], 2, [0, -1]),
        row("fabs", tg.fabs, [[-2.0, 0.0, 3.0]], [2, 0, 3], [-1, 0, 1]),
        row("sign", tg.sign, [[-2.0, 0.0, 3.0]], [-1, 0, 1], [0, 0, 0]),
        row("relu", tg.relu, [[-2.0, 0.0, -0.0, 3.0]], [0, 0, 0, 3], [0, 0, 0, 1]),
        row("leaky relu", tg.leaky_relu, [[-2.0, 0.0, 3.0]], [-0.02, 0, 3], [0.01, 0.01, 1]),
        row("leaky relu slope", lambda x: tg.leaky_relu(x, 0.5), [[-2.0, 3.0]], [-1, 3], [0.5, 1]),
        row("round", lambda x: tg.round(x, 1), [[1.26, -0.74]], [1.3, -0.7], [0, 0]),
        row("clip", lambda x: tg.clip(x, -1, 2), [[-2.0, -1, 0, 2, 3]], [-1, -1, 0, 2, 2],
            [0, 1, 1, 1, 0]),
        row("clip to bounds", tg.clip, [[-2.0, -1, 0, 2, 3], -1.0, 2.0], [-1, -1, 0, 2, 2],
            [0, 1, 1, 1, 0], 1, 1),
        row("heaviside", tg.heaviside, [[-1.0, 0, 1], 0.5], [0, 0.5, 1], [0, 0, 0], 1),
        row("copysign", tg.copysign, [[-2.0, 3, -4], [1.0, -1, -1]], [2, -3, -4], [-1, -1, 1],
            [0, 0, 0]),
        row("ldexp", lambda x: tg.ldexp(x, np.array([-1, 2])), [[3.0, 3.0]], [1.5, 12], [0.5, 4]),
        # Powers of 0, and of negative numbers.
        row("0^0", tg.power, [0.0, 0.0], 1, 0, 0),
        row("x^0", lambda x: tg.power(x, np.zeros(3)), [[-2.0, 0, 3]], [1, 1, 1], [0, 0, 0]),
        row("x**0", lambda x: x**0, [[-2.0, 0, 3]], [1, 1, 1], [0, 0, 0]),
        row("x**0.0", lambda x: x**0.0, [[-2.0, 0, 3]], [1, 1, 1], [0, 0, 0]),
        row("0^1, 0^2, 0^3", tg.power, [[0.0, 0, 0], [1.0, 2, 3]], [0, 0, 0], [1, 0, 0],
            [0, 0, 0]),
        row("x**1", lambda x: x**1, [[-2.0, 0, 3]], [-2, 0, 3], [1, 1, 1]),
        row("x**2", lambda x: x**2, [[-2.0, 0, 3]], [4, 0, 9], [-4, 0, 6]),
        row("x**3.0", lambda x: x**3.0, [[-2.0, 0, 3]], [-8, 0, 27], [12, 0, 27]),
        row("x**-1", lambda x: x**-1, [[-2.0, 4]], [-0.5, 0.25], [-0.25, -0.0625]),
        row("x ** array", lambda x: x ** np.array([0, 1, 2]), [[0.0, 0, 0]], [1, 0, 0], [0, 1, 0]),
        row("2**x", lambda x: 2**x, [[0.0, 1]], [1, 2], [np.log(2), 2 * np.log(2)]),
        row("0**x", lambda x: 0**x, [[0.0, 1]], [1, 0], [0, 0]),
        row("float_power 0^0", tg.float_power, [0.0, 0.0], 1, 0, 0),
        row("square", tg.square, [[-2.0, 0]], [4, 0], [-4, 0]),
        # No direction is better than another.
        row("hypot", tg.hypot, [0.0, 0.0], 0, 0, 0),
        row("hypot on an axis", tg.hypot, [[0.0, -2], [3.0, 0]], [3, 2], [0, -1], [1, 0]),
        row("arctan2", tg.arctan2, [0.0, 0.0], 0, 0, 0),
        row("std", tg.std, [[2.0, 2.0, 2.0]], 0, [0, 0, 0]),
        row("std of rows", lambda x: tg.std(x, axis=1), [[[2.0, 2], [1, 3]]], [0, 1],
            [[0, 0], [-0.5, 0.5]]),
        row("var", tg.var, [[2.0, 2.0]], 0, [0, 0]),
        # Products with zeros.
        row("prod no zero", tg.prod, [[2.0, 3, 4]], 24, [12, 8, 6]),
        row("prod one zero", tg.prod, [[0.0, 3, 4]], 0, [12, 0, 0]),
        row("prod two zeros", tg.prod, [[0.0, 3, 0]], 0, [0, 0, 0]),
        row("prod of zeros", tg.prod, [[0.0]], 0, [1]),
        row("prod of columns", lambda x: tg.prod(x, axis=0), [[[0.0, 2, 0], [3, 4, 0]]],
            [0, 8, 0], [[3, 4, 0], [0, 2, 0]]),
        row("prod of nothing", tg.prod, [np.zeros((0,))], 1, np.zeros((0,))),
        # Exponentials out of range.
        row("sigmoid", tg.sigmoid, [[-FAR, 0, FAR]], [0, 0.5, 1], [0, 0.25, 0]),
        row("softplus", tg.softplus, [[-FAR, 0, FAR]], [0, np.log(2), FAR],
            [0, 0.5, 1]),
        row("tanh", tg.tanh, [[-FAR, FAR]], [-1, 1], [0, 0]),
        row("logsumexp", tg.logsumexp, [[FAR, -FAR, 0]], FAR, [1, 0, 0]),
        row("logsumexp below", tg.logsumexp, [[-FAR, -FAR]], -FAR + np.log(2),
            [0.5, 0.5]),
        row("logsumexp -inf", tg.logsumexp, [[-INF, 0.0]], 0, [0, 1]),
        row("logsumexp inf", tg.logsumexp, [[INF, 0.0, INF]], INF, [0.5, 0, 0.5]),
        row("logsumexp of rows", lambda x: tg.logsumexp(x, axis=1), [[[INF, 0.0], [0.0, 0.0]]],
            [INF, np.log(2)], [[1, 0], [0.5, 0.5]]),
        row("logsumexp only -inf", tg.logsumexp, [[-INF, -INF]], -INF, [0.5, 0.5]),
        row("softmax", tg.softmax, [[FAR, -FAR, 0]], [1, 0, 0], [0, 0, 0],
            ct=[1.0, 2, 3]),
        row("softmax tie", tg.softmax, [[FAR, FAR]], [0.5, 0.5], [-0.25, 0.25],
            ct=[1.0, 2]),
        row("softmax -inf", tg.softmax, [[-INF, 0.0, 0.0]], [0, 0.5, 0.5], [0, -0.25, 0.25],
            ct=[5.0, 1, 2]),
        row("log_softmax", tg.log_softmax, [[FAR, -FAR]], [0, -2 * FAR],
            [-1, 1], ct=[0.0, 1]),
        row("logaddexp far", tg.logaddexp, [[FAR, -FAR], [-FAR, FAR]],
            [FAR, FAR], [1, 0], [0, 1]),
        row("logaddexp2 far", tg.logaddexp2, [[FAR, -FAR], [-FAR, FAR]],
            [FAR, FAR], [1, 0], [0, 1]),
        row("logaddexp -inf", tg.logaddexp, [[-INF, 0, -INF], [0.0, -INF, -INF]], [0, 0, -INF],
            [0, 1, 0.5], [1, 0, 0.5]),
        row("logaddexp inf", tg.logaddexp, [[INF, 0, INF], [0.0, INF, -INF]], [INF, INF, INF],
            [1, 0, 1], [0, 1, 0]),
        # Jumps, and what is 0 there.
        row("floor_divide", tg.floor_divide, [[5.0, 0, 2], [2.0, 3, 2]], [2, 0, 1], [0, 0, 0],
            [0, 0, 0]),
        row("remainder of 0", tg.remainder, [[0.0, 3], [2.0, 3]], [0, 0], [1, 3], [0, -3],
            ct=[1.0, 3]),
        row("fmod of 0", tg.fmod, [[0.0, 3], [2.0, 3]], [0, 0], [1, 3], [0, -3], ct=[1.0, 3]),
        row("copysign at 0", tg.copysign, [[0.0, 2], [1.0, 0]], [0, 2], [0, 1], [0, 0]),
        row("clip between equal bounds", tg.clip, [[-1.0, 0, 2], 0.0, 0.0], [0, 0, 0], [0, 1, 0],
            1, 1),
        row("clip between crossed bounds", tg.clip, [[1.0, 2, 2.5, 3, 4], 3.0, 2.0],
            [2, 2, 2, 2, 2], [0, 0, 0, 0, 0], 0, 15, ct=[1.0, 2, 3, 4, 5]),
        row("leaky relu beyond 1", lambda x: tg.leaky_relu(x, 3.0), [[-2.0, 3.0]], [-6, 3],
            [6, -1], ct=[2.0, -1.0]),
        row("sign of complex 0", tg.sign, [np.array([0j, 2j])], [0, 1j], [0, 0.5]),
        row("max that reaches initial", lambda x: tg.max(x, initial=2.0), [[2.0, 1]], 2, [0.5, 0]),
        row("max with two that reach initial", lambda x: tg.max(x, initial=2.0), [[2.0, 2]], 2,
            [1 / 3, 1 / 3]),
        row("max below initial", lambda x: tg.max(x, initial=3.0), [[2.0, 1]], 3, [0, 0]),
        row("min that reaches initial", lambda x: tg.min(x, initial=1.0), [[2.0, 1]], 1, [0, 0.5]),
        *(
            row(f"{name} at 0", getattr(tg, name), [[0.0, 0, 1]], [0, 0, 1], [0, 0, 0])
            for name in ("floor", "ceil", "trunc", "rint", "round")
        ),
        row("spacing at 0", tg.spacing, [[0.0]], [np.spacing(0.0)], [0]),
        row("fraction at 0", lambda x: tg.modf(x)[0], [[0.0, 1]], [0, 0], [1, 1]),
        row("mantissa at 0", lambda x: tg.frexp(x)[0], [[0.0, 1]], [0, 0.5], [1, 0.5]),
        row("rest at 0 and at 1", lambda a, b: tg.divmod(a, b)[1], [[0.0, 3], [2.0, 3]], [0, 0],
            [1, 1], [0, -1]),
        row("norm of order 1.5 at 0", lambda x: tg.linalg.norm(x, 1.5), [[0.0, 2]], 2, [0, 1]),
        row("norm of order 0.5 at 0", lambda x: tg.linalg.norm(x, 0.5), [[0.0, 2]], 2, [0, 1]),
        row("fmax.reduce of all, axes kept", lambda x: np.fmax.reduce(x, None, keepdims=True),
            [[[1.0, 2], [0, 3]]], [[3]], [[0, 0], [0, 1]]),
        row("fmin.reduce of all, axes kept", lambda x: np.fmin.reduce(x, None, keepdims=True),
            [[[1.0, 2], [0, 3]]], [[0]], [[0, 0], [1, 0]]),
        row("max beside a masked tie", lambda x: tg.max(x, where=MASKED, initial=-1.0),
            [[2.0, 2, 0]], 2, [1, 0, 0]),
        row("min beside a masked tie", lambda x: tg.min(x, where=MASKED, initial=9.0),
            [[2.0, 2, 3]], 2, [1, 0, 0]),
        row("fmax.reduce tie", np.fmax.reduce, [[2.0, 1, 2]], 2, [0.5, 0, 0.5]),
        row("fmin.reduce tie", np.fmin.reduce, [[2.0, 1, 1]], 1, [0, 0.5, 0.5]),
        row("fmax.reduce that reaches initial", lambda x: np.fmax.reduce(x, initial=2.0),
            [[2.0, 1]], 2, [0.5, 0]),
        row("fmin.reduce that reaches initial", lambda x: np.fmin.reduce(x, initial=1.0),
            [[2.0, 1]], 1, [0, 0.5]),
        row("fmax.reduce below initial", lambda x: np.fmax.reduce(x, initial=3.0), [[2.0, 1]], 3,
            [0, 0]),
        row("fmax of a tie, weighted", tg.fmax, [[2.0, NAN], [2.0, 1]], [2, 1], [1.5, 0],
            [1.5, -2], ct=[3.0, -2]),
        row("fmax.reduce of only nan", np.fmax.reduce, [[NAN, NAN]], NAN, [0, 0]),
        row("fmin.reduce of only nan", np.fmin.reduce, [[NAN, NAN]], NAN, [0, 0]),
        row("nan_to_num", tg.nan_to_num, [[NAN, INF, -INF, 2.0]],
            [0, np.finfo(float).max, -np.finfo(float).max, 2], [0, 0, 0, 3], ct=[5.0, 5, 5, 3]),
        row("nan_to_num of complex numbers", lambda z: tg.nan_to_num(z, posinf=1.0),
            [np.array([complex(NAN, 2), complex(3, INF), 1 + 2j])], [2j, 3 + 1j, 1 + 2j],
            [6j, 5, 5 + 6j], ct=np.full(3, 5 + 6j)),
        row("logaddexp both inf", tg.logaddexp, [INF, INF], INF, 0.5, 0.5),
    ],
)  # fmt: skip
def test_first_derivative(function, inputs, value, wanted, cotangent):
    found, grads = gradients_at(function, inputs, cotangent)
    np.testing.assert_allclose(found, value, rtol=4 * EPS)
    for g, expected in zip(grads, wanted, strict=True):
        np.testing.assert_allclose(g, expected, rtol=4 * EPS)


@pytest.mark.parametrize(
    "function, x, wanted",
    [
        ("prod", [2.0, 3, 4], [[0, 4, 3], [4, 0, 2], [3, 2, 0]]),
        ("prod", [0.0, 3, 4], [[0, 4, 3], [4, 0, 0], [3, 0, 0]]),
        ("prod", [0.0, 3, 0], [[0, 0, 3], [0, 0, 0], [3, 0, 0]]),
        ("prod", [0.0, 0, 0], np.zeros((3, 3))),
        ("logsumexp", [FAR, FAR], [[0.25, -0.25], [-0.25, 0.25]]),
        ("logsumexp", [FAR, -FAR], np.zeros((2, 2))),
        ("max", [2.0, 1.0, 2.0], np.zeros((3, 3))),
        # Σ e^x smooths what is equal: there is no tie, and there is curvature.
        (lambda x: tg.logaddexp(x[0], x[1]), [1.5, 1.5], [[0.25, -0.25], [-0.25, 0.25]]),
        (lambda x: tg.logaddexp(x[0], x[0]), [1.5], [[0.0]]),
        (
            lambda x: tg.logaddexp2(x[0], x[1]) / np.log(2),
            [-3.0, -3.0],
            [[0.25, -0.25], [-0.25, 0.25]],
        ),
        (lambda x: tg.cumlogsumexp(x)[-1], [0.0, 0.0], [[0.25, -0.25], [-0.25, 0.25]]),
        (
            lambda x: tg.cumlogsumexp(x)[-1],
            [0.0, 0.0, np.log(2)],
            [[0.1875, -0.0625, -0.125], [-0.0625, 0.1875, -0.125], [-0.125, -0.125, 0.25]],
        ),
    ],
)
def test_second_derivatives_of_a_reduction(function, x, wanted):
    function = getattr(tg, function) if isinstance(function, str) else function
    np.testing.assert_allclose(hessian_at(function, x), wanted, rtol=4 * EPS, atol=EPS)


@pytest.mark.parametrize(
    "function, x, wanted",
    [
        (tg.relu, [-1.0, 0, 1], [0, 0, 0]),
        (tg.absolute, [-1.0, 0, 1], [0, 0, 0]),
        (tg.sigmoid, [-FAR, 0, FAR], [0, 0, 0]),
        (tg.softplus, [-FAR, 0, FAR], [0, 0.25, 0]),
        (tg.tanh, [-FAR, 0, FAR], [0, 0, 0]),
        (tg.square, [-2.0, 0], [2, 2]),
        (lambda x: x**0, [-2.0, 0, 3], [0, 0, 0]),
        (lambda x: x**1, [-2.0, 0, 3], [0, 0, 0]),
        (lambda x: x**2, [-2.0, 0, 3], [2, 2, 2]),
        (lambda x: x**3, [-2.0, 0, 3], [-12, 0, 18]),
        (lambda x: x ** np.array([0, 1, 2, 3]), np.zeros(4), [0, 0, 2, 0]),
        (lambda x: x ** tg.Variable([0, 1, 2, 3]), np.zeros(4), [0, 0, 2, 0]),
        (lambda x: tg.clip(x, -1, 1), [-2.0, -1, 0, 1, 2], np.zeros(5)),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_second_derivative_element_by_element(function, x, wanted):
    found = hessian_at(lambda x: tg.sum(function(x)), x)
    np.testing.assert_allclose(found, np.diag(wanted), rtol=4 * EPS)


def test_mixed_derivative_of_a_power_at_0():
    """d²(a^b)/da db = a^(b−1) (1 + b log a), which goes to 0 with a for b > 1."""
    a, b = tg.Variable(0.0), tg.Variable(2.0)
    by_a, by_b = tg.gradients(a**b, [a, b], create_graph=True)
    assert tg.gradients(by_a, b, retain_graph=True)[0].item() == 0
    assert tg.gradients(by_b, a)[0].item() == 0


@pytest.mark.parametrize("power", [tg.power, tg.float_power])
def test_mixed_derivative_of_a_power_with_exponent_0(power):
    """d²(a^b)/da db = a^(b−1) (1 + b log a) is 1/a for b = 0."""
    a, b = tg.Variable([2.0, 4.0]), tg.Variable([0.0, 0.0])
    by_a, by_b = tg.gradients(power(a, b), [a, b], np.ones(2), create_graph=True)
    assert tg.gradients(by_a, b, np.ones(2), retain_graph=True)[0].tolist() == [0.5, 0.25]
    assert tg.gradients(by_b, a, np.ones(2))[0].tolist() == [0.5, 0.25]


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        (np.logaddexp, 0.25),
        (np.logaddexp2, 0.25 * np.log(2)),
        (lambda a, b: np.logaddexp.accumulate(np.stack([a, b]))[1], 0.25),
    ],
)
def test_second_derivative_of_logaddexp_of_equal_numbers(function, wanted):
    """σ(a − b) σ(b − a), a quarter."""
    a, b = tg.Variable(3.0), tg.Variable(3.0)
    (by_a,) = tg.gradients(function(a, b), [a], create_graph=True)
    found = [g.item() for g in tg.gradients(by_a, [a, b])]
    np.testing.assert_allclose(found, [wanted, -wanted], rtol=1e-15)


@pytest.mark.parametrize(
    "function", [tg.sqrt, tg.cbrt, lambda x: x**0.5], ids=["sqrt", "cbrt", "x**0.5"]
)
def test_slope_of_a_root_at_0_is_infinite(function):
    with np.errstate(divide="ignore"):
        value, (g,) = gradients_at(function, [[0.0, 1.0]])
    np.testing.assert_array_equal(value, [0, 1])
    assert g[0] == INF
    assert np.isfinite(g[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "name, wanted",
    [
        ("logsumexp", [0.5, 0.5]),
        ("softmax", [-0.25, 0.25]),
        ("log_softmax", [-0.5, 0.5]),
    ],
)
@pytest.mark.parametrize("at", [FAR, -FAR])
def test_exponentials_are_as_exact_far_out(name, wanted, at, dtype):
    """Only differences of the elements matter, and those are exact."""
    function = getattr(tg, name)
    t = tg.Variable(np.full(2, at, dtype))
    y = function(t)
    ct = np.array([1, 2] if y.ndim else 1, dtype)
    (g,) = tg.gradients(y, t, ct)
    assert g.dtype == dtype
    np.testing.assert_allclose(g.numpy(), wanted, rtol=4 * np.finfo(dtype).eps)


# Quotients: the whole part is constant between jumps, whatever the signs.

DIVIDENDS = np.array([7.3, -7.3, 7.3, -7.3, 0.4])
DIVISORS = np.array([2.0, 2.0, -2.0, -2.0, 3.0])


@pytest.mark.parametrize("name", ["remainder", "fmod", "floor_divide", "divmod", "divide"])
def test_quotients_of_every_sign(name):
    def outputs(*operands):
        y = getattr(tg, name)(*operands)
        return list(y) if isinstance(y, tuple) else [y]

    leaves = [tg.Variable(DIVIDENDS), tg.Variable(DIVISORS)]
    ys = outputs(*leaves)
    cts = [np.arange(1.0, 6), np.arange(2.0, 7)][: len(ys)]
    found = [g.numpy() for g in tg.gradients(ys, leaves, cts)]

    def function(a, b):
        return [y.value for y in outputs(tg.tensor(a), tg.tensor(b))]

    assert_gradient(function, [DIVIDENDS, DIVISORS], cts, found)


# Branches that are not taken


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_where_keeps_what_is_bad_in_the_other_branch_out(bad):
    condition = np.array([True, False])
    value, (good_ct, bad_ct) = gradients_at(
        lambda a, b: tg.where(condition, a * 2, b * 3), [[1.0, bad], [bad, 5.0]]
    )
    np.testing.assert_array_equal(value, [2, 15])
    np.testing.assert_array_equal(good_ct, [2, 0])
    np.testing.assert_array_equal(bad_ct, [0, 3])


@pytest.mark.parametrize("bad", [NAN, INF])
def test_where_keeps_a_bad_cotangent_to_the_branch_it_belongs_to(bad):
    condition = np.array([True, False])
    _, (a, b) = gradients_at(
        lambda a, b: tg.where(condition, a, b), [[1.0, 2.0], [3.0, 4.0]], [bad, bad]
    )
    np.testing.assert_array_equal(a, [bad, 0])
    np.testing.assert_array_equal(b, [0, bad])


def test_where_guards_a_function_outside_its_domain():
    """The argument is made harmless first, then the result chosen: value and slope are finite."""

    def function(x):
        return tg.where(x > 0, tg.log(tg.where(x > 0, x, 1)), 0)

    value, (g,) = gradients_at(function, [[-1.0, 0.0, 2.0]])
    np.testing.assert_array_equal(value, [0, 0, np.log(2)])
    np.testing.assert_array_equal(g, [0, 0, 0.5])


@pytest.mark.parametrize("name", ["max", "min", "sum", "prod", "mean"])
def test_nan_in_one_row_stays_there(name):
    def function(x):
        return getattr(tg, name)(x, axis=1)

    value, (g,) = gradients_at(function, [[[NAN, 1.0], [2.0, 3.0]]])
    assert np.isnan(value[0])
    assert np.isfinite(value[1])
    assert np.isfinite(g[1]).all()


@pytest.mark.parametrize("x", [-1.0, 0.0, 4.0])
@pytest.mark.parametrize(
    ("branch", "first", "second"),
    [
        (np.sqrt, lambda x: 0.5 / np.sqrt(x), lambda x: -0.25 * x**-1.5),
        (np.log, lambda x: 1 / x, lambda x: -1 / x**2),
        (lambda x: 1 / x, lambda x: -1 / x**2, lambda x: 2 / x**3),
        (
            lambda x: np.sqrt(x) * x,
            lambda x: 1.5 * x**0.5,
            lambda x: 0.75 / x**0.5,
        ),
    ],
)
def test_no_nan_comes_through_a_branch_that_was_not_taken(branch, first, second, x):
    t = tg.Variable([x, 2.0])
    with np.errstate(all="ignore"):  # the forward pass warns, as NumPy's does
        y = tg.where(t > 0, branch(t), 0.0)[0]
    (g,) = tg.gradients(y, t, create_graph=True)
    with np.errstate(all="ignore"):
        (h,) = tg.gradients(g[0], t)
    np.testing.assert_allclose(g.numpy()[0], first(x) if x > 0 else 0, rtol=1e-12)
    np.testing.assert_allclose(h.numpy()[0], second(x) if x > 0 else 0, rtol=1e-12)


@pytest.mark.parametrize("index", [0, slice(1), [0], np.array([True, False])])
def test_no_nan_comes_from_what_was_replaced(index):
    x = tg.Variable([0.0, 4.0])
    y = tg.sqrt(x)
    y[index] = 7.0
    (g,) = tg.gradients(y.sum(), x, create_graph=True)
    np.testing.assert_array_equal(g.numpy(), [0, 0.25])
    np.testing.assert_array_equal(tg.gradients(g.sum(), x)[0].numpy(), [0, -1 / 32])


def test_bounds_of_clip_have_two_names():
    x = np.array([0.1, 1.0, 3.0])
    np.testing.assert_array_equal(tg.clip(x, min=0.5, max=2).numpy(), [0.5, 1, 2])
    with pytest.raises(tg.ArgumentError, match="a_min and min"):
        tg.clip(x, 0.5, min=0.5)


@pytest.mark.parametrize("slope", [-0.5, 0.0, 0.2, 1.0, 3.0])
def test_slopes_of_leaky_relu(slope):
    x = tg.Variable([-2.0, 0.0, 3.0])
    y = tg.leaky_relu(x, slope)
    np.testing.assert_array_equal(y.numpy(), [-2 * slope, 0, 3])
    np.testing.assert_array_equal(tg.gradients(y.sum(), x)[0].numpy(), [slope, slope, 1])


def test_a_product_behind_where_keeps_what_belongs_to_it():
    # Each element of its gradient comes of a whole row, so that no single zero stands for it.
    a, b = tg.Variable([[0.0, 1.0], [2.0, 3.0]]), tg.Variable(np.ones((2, 2)))
    with np.errstate(all="ignore"):
        tg.where([[True, False], [False, True]], (1 / a) @ b, 0).sum().backward()
    assert np.isinf(b.grad.numpy()[0, 0])
    assert np.isnan(b.grad.numpy()[0, 1])  # ∞ · 0 + ½
    np.testing.assert_allclose(b.grad.numpy()[1], [1, 1 / 3])


def test_negative_base_has_no_slope_in_the_exponent():
    with np.errstate(invalid="ignore"):
        value, (a, b) = gradients_at(tg.power, [-2.0, 2.0])
    assert (value, a) == (4, -4)
    assert np.isnan(b)


def test_sinc_at_0():
    """sinc x = 1 − (πx)²/6 + …, so that its second derivative at 0 is −π²/3."""
    value, (g,) = gradients_at(tg.sinc, [[0.0]])
    assert (value, g) == (1, 0)
    np.testing.assert_allclose(hessian_at(lambda x: tg.sum(tg.sinc(x)), [0.0]), -(np.pi**2) / 3)


# Nothing, infinity, NaN


@pytest.mark.parametrize("name", ["sum", "prod", "cumsum", "sort", "exp", "var", "flip", "diff"])
@pytest.mark.filterwarnings("ignore:Degrees of freedom:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_operations_on_an_axis_of_size_0(name):
    x = tg.Variable(np.zeros((2, 0)))
    y = getattr(tg, name)(x) if name == "exp" else getattr(tg, name)(x, axis=1)
    wanted = getattr(np, name)(x.numpy()) if name == "exp" else getattr(np, name)(x.numpy(), axis=1)
    np.testing.assert_array_equal(y.numpy(), wanted)
    (g,) = tg.gradients(y.sum(), x)
    assert g.shape == (2, 0)


@pytest.mark.parametrize("name", ["max", "min", "ptp", "nanmax", "nanmin"])
@pytest.mark.parametrize("shape", [(0,), (2, 0)])
def test_extremes_of_nothing_are_refused(name, shape):
    with pytest.raises(tg.ShapeError, match="zero-size"):
        getattr(tg, name)(tg.Variable(np.zeros(shape)), axis=-1)


@pytest.mark.parametrize("name", ["var", "std"])
@pytest.mark.parametrize("ddof", [1, 2])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_variance_without_freedom_has_no_gradient_either(name, ddof):
    x = np.array([[1.0], [2.0]])
    _, (g,) = gradients_at(lambda x: getattr(tg, name)(x, axis=1, ddof=ddof), [x])
    assert np.isnan(g).all()


@pytest.mark.parametrize(
    ("name", "x", "value", "wanted"),
    [
        ("exp", INF, INF, INF),
        ("exp", -INF, 0, 0),
        ("exp", NAN, NAN, NAN),
        ("log", INF, INF, 0),
        ("sqrt", INF, INF, 0),
        ("tanh", INF, 1, 0),
        ("square", -INF, INF, -INF),
        ("sin", NAN, NAN, NAN),
        ("reciprocal", INF, 0, 0),
        ("arctan", -INF, -np.pi / 2, 0),
    ],
)
def test_nan_and_infinity_flow_through(name, x, value, wanted):
    found, (g,) = gradients_at(getattr(tg, name), [[x]])
    np.testing.assert_allclose(found, [value], rtol=4 * EPS)
    np.testing.assert_array_equal(g, [wanted])


def test_only_the_value_that_stayed_has_a_gradient():
    x, v = tg.Variable([1.0, 2.0]), tg.Variable([5.0, 6.0])
    y = x + 0
    y[[0, 0]] = v
    np.testing.assert_array_equal(y.numpy(), [6, 2])
    by_x, by_v = tg.gradients(y.sum(), [x, v])
    np.testing.assert_array_equal(by_x.numpy(), [0, 1])
    np.testing.assert_array_equal(by_v.numpy(), [0, 1])


# Dtypes


@pytest.mark.parametrize(
    "name", ["exp", "sum", "mean", "max", "var", "cumsum", "sort", "softmax", "logsumexp", "median"]
)
def test_float16_goes_through(name):
    x = np.array([0.5, 1, -2], np.float16)
    t = tg.Variable(x)
    y = getattr(tg, name)(t)
    ct = np.arange(1, y.size + 1, dtype=np.float16).reshape(y.shape)
    (g,) = tg.gradients(y, t, ct)
    assert y.dtype == g.dtype == np.float16
    exact = tg.Variable(x.astype(float))
    z = getattr(tg, name)(exact)
    np.testing.assert_allclose(y.numpy(), z.numpy(), rtol=2e-3, atol=2e-3)
    (wanted,) = tg.gradients(z, exact, ct.astype(float))
    np.testing.assert_allclose(g.numpy(), wanted.numpy(), rtol=4e-3, atol=4e-3)


@pytest.mark.parametrize(
    "function",
    [
        np.cov,
        np.corrcoef,
        lambda x: np.vander(x[0], 3),
        lambda x: np.float_power(x, 1.5),
        lambda x: np.polyfit(x[0], x[1], 1),
        lambda x: np.polyder(x[0]),
        lambda x: np.polyint(x[0]),
        lambda x: np.interp([1.5, 2.5], [1, 2, 4], x[0]),
        lambda x: np.geomspace(x[0], x[1], 3),
        lambda x: np.percentile(x, [30, 80]),
        lambda x: np.bincount([0, 1, 1], x[0]),
    ],
    ids=["cov", "corrcoef", "vander", "float_power", "polyfit", "polyder", "polyint", "interp"]
    + ["geomspace", "percentile", "bincount"],
)
def test_what_numpy_makes_float64_of_float32(function):
    x = np.array([[1, 2, 4], [3, 1, 2]], np.float32)
    leaf = tg.Variable(x)
    y = function(leaf)
    assert y.dtype == function(x).dtype == np.float64
    np.testing.assert_allclose(y.detach().numpy(), function(x), rtol=1e-6)
    (gradient,) = tg.gradients(y.sum(), [leaf])
    assert gradient.dtype == np.float32


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, bool])
def test_integers_and_booleans_flow_through_untracked(dtype):
    n = tg.tensor(np.array([1, 0, 1], dtype))
    assert not np.maximum(n, n).requires_grad
    x = tg.Variable([0.5, 1.5, 2.5])
    y = tg.where(n > 0, x * n, 0)
    np.testing.assert_array_equal(tg.gradients(y.sum(), x)[0].numpy(), [1, 0, 1])
    with pytest.raises(tg.BackwardError, match="does not require grad"):
        n.sum().backward()
