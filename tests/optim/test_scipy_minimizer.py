"""SciPy's minimisers on tensors: known minima, and what is refused."""

import math

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der, rosen_hess_prod

import tinygraph as tg
from tinygraph import nn, optim
from tinygraph.errors import ArgumentError, BackwardError, DomainError, ShapeError
from tinygraph.optim.scipy_minimizer import CURVATURE, GRADIENT, VALUE, Problem


def valley(x):
    """Rosenbrock's function."""
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


@pytest.mark.parametrize("method", [*GRADIENT, *CURVATURE, *VALUE])
def test_the_minimum_of_a_quadratic(method):
    target = np.array([1.0, -2.0])
    w, b = tg.Variable([0.5, 0.5]), tg.Variable(1.0)
    result = optim.minimize_scipy(
        lambda: ((w - target) ** 2).sum() + (b - w[0]) ** 2, [w, b], method
    )
    np.testing.assert_allclose(w.numpy(), target, atol=2e-3)
    assert b.item() == pytest.approx(1.0, abs=2e-3)
    np.testing.assert_array_equal(result.x, [*w.numpy(), b.numpy()])
    assert w.grad is None


@pytest.mark.parametrize("method", ["L-BFGS-B", "bfgs", "Newton-CG", "trust-krylov"])
def test_the_valley(method):
    w = tg.Variable(np.linspace(-1, 1, 4))
    result = optim.minimize_scipy(lambda: valley(w), [w], method, maxiter=500)
    assert result.success
    np.testing.assert_allclose(w.numpy(), 1, atol=1e-4)
    assert result.fun == pytest.approx(valley(w).item(), abs=1e-12)


def test_derivatives_are_scipys_own():
    x, along = np.random.default_rng(0).normal(size=(2, 5))
    a, b = tg.Variable(np.zeros((2, 2))), tg.Variable(0.0)
    problem = Problem("", lambda: valley(tg.concatenate([a.reshape(4), b.reshape(1)])), [a, b])
    value, gradient = problem.value_and_gradient(x)
    assert value == pytest.approx(rosen(x), rel=1e-12)
    np.testing.assert_allclose(gradient, rosen_der(x), rtol=1e-12)
    np.testing.assert_allclose(problem.curvature(x, along), rosen_hess_prod(x, along), rtol=1e-10)


def test_curvature_where_some_gradients_are_constant():
    w, b = tg.Variable([1.0, 2.0]), tg.Variable(3.0)
    problem = Problem("", lambda: (w**3).sum() + 2 * b, [w, b])
    np.testing.assert_allclose(problem.curvature(problem.vector(), np.ones(3)), [6, 12, 0])
    linear = Problem("", lambda: w.sum() + b, [w, b])
    np.testing.assert_array_equal(linear.curvature(linear.vector(), np.ones(3)), [0, 0, 0])


@pytest.mark.parametrize("method", ["L-BFGS-B", "Newton-CG"])
def test_complex_parameters(method):
    z = tg.Variable(np.zeros(2, complex))
    target = np.array([1 + 2j, -1j])
    optim.minimize_scipy(lambda: (tg.abs(z - target) ** 2).sum() + (z.real**4).sum(), [z], method)
    np.testing.assert_allclose(z.numpy().imag, target.imag, atol=1e-4)
    slope = 2 * (z.numpy().real - target.real) + 4 * z.numpy().real ** 3
    np.testing.assert_allclose(slope, 0, atol=1e-3)


def test_bounds_callback_and_tolerance():
    w, b = tg.Variable([3.0, 3.0]), tg.Variable(0.0)
    seen = []
    result = optim.minimize_scipy(
        lambda: (w**2).sum() + (b - 5) ** 2, [w, b],
        bounds=[(1, None), (None, 2)], tol=1e-12, callback=lambda x: seen.append(x),
    )  # fmt: skip
    np.testing.assert_allclose([*w.numpy(), b.numpy()], [1, 1, 2], atol=1e-6)
    assert len(seen) == result.nit


def test_a_models_least_squares():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 3))
    y = X @ [[1.0], [2.0], [3.0]] + 4
    model = nn.Dense(3, 1, dtype=np.float64, generator=0)
    optim.minimize_scipy(lambda: ((model(X) - y) ** 2).mean(), model.parameters(), gtol=1e-9)
    weight, bias = model.parameters()
    np.testing.assert_allclose(weight.numpy(), [[1], [2], [3]], atol=1e-5)
    np.testing.assert_allclose(bias.numpy(), [4], atol=1e-5)


def test_single_precision_is_warned_of_and_stays():
    w = tg.tensor([3.0], np.float32, requires_grad=True, name="w")
    with pytest.warns(UserWarning, match=r"'w'.*float32.*float64"):
        optim.minimize_scipy(lambda: ((w - 1) ** 2).sum(), [w])
    assert w.dtype == np.float32
    assert w.item() == pytest.approx(1.0, abs=1e-3)


def test_an_exception_leaves_the_start():
    calls = []

    def failing(w):
        calls.append(w.numpy())
        if len(calls) == 3:
            raise KeyboardInterrupt
        return valley(w)

    w = tg.Variable([-1.2, 1.0])
    with pytest.raises(KeyboardInterrupt):
        optim.minimize_scipy(lambda: failing(w), [w])
    np.testing.assert_array_equal(w.numpy(), [-1.2, 1.0])
    assert np.any(calls[2] != calls[0])


@pytest.mark.parametrize(
    ("fn", "error", "words"),
    [
        (lambda w: w * w, ArgumentError, "Tensor came; it needs a function"),
        (lambda w: lambda: w.item(), ArgumentError, "returned float"),
        (lambda w: lambda: w * np.ones(2), ShapeError, r"shape \(2,\)"),
        (lambda w: lambda: w * 1j, ShapeError, "complex128; it needs a real scalar"),
        (lambda w: lambda: tg.Variable(2.0) * 3, BackwardError, "none of the parameters"),
        (lambda w: lambda: tg.tensor(2.0), BackwardError, "none of the parameters"),
        (lambda w: lambda: w * math.inf, DomainError, "cost is -inf"),
        (lambda w: lambda: w * math.nan, DomainError, "cost is nan.*explain_nan"),
        (lambda w: lambda: (w + 2) ** 0.5, DomainError, "gradient is not finite"),
    ],
)
def test_refused_costs(fn, error, words):
    w = tg.Variable(-2.0)
    with np.errstate(all="ignore"), pytest.raises(error, match=f"minimize_scipy: .*{words}"):
        optim.minimize_scipy(fn(w), [w])
    assert w.item() == -2.0


def frozen():
    w = tg.Variable(1.0)
    w.requires_grad = False
    return [w]


@pytest.mark.parametrize(
    ("params", "keywords", "words"),
    [
        (frozen, {}, "parameter 0.*does not require grad"),
        (list, {}, "no parameters came"),
        (lambda: [tg.Variable(1.0)], {"method": "adam"}, "method='adam'; it needs one of CG"),
        (lambda: [tg.Variable(1.0)], {"bounds": [(0, 1), (0, 1)]}, "for each of the 1 parameters"),
        (lambda: [tg.Variable(1j)], {"bounds": [(0, 1)]}, "complex parameters have no bounds"),
    ],
)
def test_refused_arguments(params, keywords, words):
    with pytest.raises(ArgumentError, match=f"minimize_scipy: .*{words}"):
        optim.minimize_scipy(lambda: tg.tensor(0.0), params(), **keywords)


def test_without_scipy(monkeypatch):
    def absent(name, *args):
        raise ImportError(name)

    monkeypatch.setattr(optim.scipy_minimizer, "import_module", absent)
    with pytest.raises(ImportError, match=r'pip install "tinygraph-autodiff\[scipy\]"'):
        optim.minimize_scipy(lambda: tg.tensor(0.0), [tg.Variable(1.0)])
