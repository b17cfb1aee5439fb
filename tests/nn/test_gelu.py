"""gelu, and the normal distribution it is made of."""

import math

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.nn.gaussian import normal_cdf

INF = math.inf


def phi(x):
    return np.array([math.erfc(-v / math.sqrt(2)) / 2 for v in np.ravel(x)]).reshape(np.shape(x))


POINTS = np.concatenate([np.linspace(-9, 9, 20_001), np.linspace(-40, 40, 501), [1e-30, 1e9, -1e9]])


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 5e-16), (np.float32, 2e-7)])
def test_normal_cdf_is_that_of_the_error_function(dtype, tolerance):
    x = POINTS.astype(dtype)
    y = normal_cdf(x).numpy()
    assert y.dtype == dtype
    np.testing.assert_allclose(y, phi(x), rtol=0, atol=tolerance)


def test_error_function_to_1e_15():
    x = np.linspace(-7, 7, 20_001)
    erf = 2 * normal_cdf(x * math.sqrt(2)).numpy() - 1
    np.testing.assert_allclose(erf, [math.erf(v) for v in x], rtol=0, atol=1e-15)


def test_normal_cdf_at_the_ends():
    ends = np.array([-INF, -0.0, 0.0, INF, math.nan])
    np.testing.assert_array_equal(normal_cdf(ends).numpy(), [0, 0.5, 0.5, 1, math.nan])


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 2e-15), (np.float32, 5e-7)])
def test_gelu_is_x_times_the_probability(dtype, tolerance):
    x = np.linspace(-9, 9, 20_001).astype(dtype)
    t = tg.Variable(x)
    y = nn.gelu(t)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(y.detach().numpy(), exact * phi(exact), rtol=0, atol=tolerance)
    (g,) = tg.gradients(y.sum(), t)
    slope = phi(exact) + exact * np.exp(-(exact**2) / 2) / math.sqrt(2 * math.pi)
    np.testing.assert_allclose(g.numpy(), slope, rtol=0, atol=tolerance)


def test_the_approximation_is_close():
    x = np.linspace(-9, 9, 2001)
    error = np.abs(nn.gelu(x, "tanh").numpy() - nn.gelu(x).numpy())
    assert 1e-4 < error.max() < 5e-4
    np.testing.assert_array_equal(nn.gelu(x, True).numpy(), nn.gelu(x, approximate="tanh").numpy())


def test_second_derivative_of_the_approximation_where_it_is_nearly_the_identity():
    x = tg.Variable([4.0, 5.5, 7.0, 9.0])
    (slope,) = tg.gradients(nn.gelu(x, "tanh").sum(), x, create_graph=True)
    (second,) = tg.gradients(slope.sum(), x)
    # Of the formula, by arithmetic with fifty digits.
    wanted = [-0.0014740596637653365, -3.5479815824881377e-07, -3.2322584067056744e-13, 0]
    np.testing.assert_allclose(second.numpy(), wanted, rtol=0, atol=3e-15)


@pytest.mark.parametrize("approximate", [False, "tanh"])
def test_far_out_it_is_the_identity_or_0(approximate):
    x = np.array([-1e30, -50, 50, 1e30])
    t = tg.Variable(x)
    y = nn.gelu(t, approximate)
    np.testing.assert_array_equal(y.detach().numpy(), [0, 0, 50, 1e30])
    (g,) = tg.gradients(y.sum(), t)
    np.testing.assert_array_equal(g.numpy(), [0, 0, 1, 1])


@pytest.mark.parametrize("approximate", [False, "tanh"])
def test_dtypes(approximate):
    assert nn.gelu(np.arange(3), approximate).dtype == np.float64
    assert nn.gelu(2, approximate).item() == pytest.approx(2 * phi(2), abs=1e-3)
    half = tg.Variable(np.array([-1, 0.5], np.float16))
    y = nn.gelu(half, approximate)
    assert y.dtype == np.float16
    (g,) = tg.gradients(y.sum(), half)
    assert g.dtype == np.float16
    np.testing.assert_allclose(y.detach().numpy(), [-1, 0.5] * phi([-1, 0.5]), rtol=2e-3)
    with pytest.raises(tg.DTypeError, match="gelu: complex"):
        nn.gelu(1j, approximate)


def test_layer_and_name():
    x = np.linspace(-3, 3, 12).reshape(4, 3)
    np.testing.assert_array_equal(nn.GELU()(x).numpy(), nn.gelu(x).numpy())
    np.testing.assert_array_equal(nn.GELU("tanh")(x).numpy(), nn.gelu(x, "tanh").numpy())
    assert (repr(nn.GELU()), repr(nn.GELU("tanh"))) == ("GELU()", "GELU(approximate='tanh')")
    layer = nn.Dense(3, 2, "gelu", dtype=np.float64)
    wanted = nn.gelu(x @ layer.weight.numpy()).numpy()
    np.testing.assert_allclose(layer(x).detach().numpy(), wanted, rtol=1e-14)
    assert repr(layer) == "Dense(3, 2, activation=gelu, dtype=float64)"


@pytest.mark.parametrize("call", [lambda a: nn.gelu(1.0, a), lambda a: nn.GELU(a)])
@pytest.mark.parametrize("approximate", ["erf", "none", 2, None])
def test_refused_approximations(call, approximate):
    with pytest.raises(tg.ArgumentError, match=rf"(?i)gelu: approximate={approximate!r}.*'tanh'"):
        call(approximate)
