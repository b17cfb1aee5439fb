"""Activations: their formulas, their corners, functions and layers and names for the same."""

import itertools
import warnings

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.errors import ArgumentError, DTypeError

ALPHA, SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    return np.exp(z) / np.exp(z).sum(-1, keepdims=True)


# Each function, its layer, its formula, its derivative at 0, and what it is at −10⁴ and at 10⁴.
ACTIVATIONS = [
    (nn.relu, nn.ReLU(), lambda z: z * (z > 0), 0, (0, 1e4)),
    (nn.leaky_relu, nn.LeakyReLU(), lambda z: np.where(z > 0, z, 0.01 * z), 0.01, (-100, 1e4)),
    (nn.elu, nn.ELU(), lambda z: np.where(z > 0, z, np.exp(z) - 1), 1, (-1, 1e4)),
    (nn.selu, nn.SELU(), lambda z: SCALE * np.where(z > 0, z, ALPHA * (np.exp(z) - 1)),
     SCALE * ALPHA, (-SCALE * ALPHA, SCALE * 1e4)),
    (nn.gelu, nn.GELU(), None, 0.5, (0, 1e4)),  # its formula is that of test_gelu.py
    (nn.silu, nn.SiLU(), lambda z: z * sigmoid(z), 0.5, (0, 1e4)),
    (nn.tanh, nn.Tanh(), lambda z: (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z)), 1, (-1, 1)),
    (nn.sigmoid, nn.Sigmoid(), sigmoid, 0.25, (0, 1)),
    (nn.softplus, nn.Softplus(), lambda z: np.log(1 + np.exp(z)), 0.5, (0, 1e4)),
    (nn.softmax, nn.Softmax(), softmax, None, (0, 1)),
]  # fmt: skip
NAMES = [function.__name__ for function, *_ in ACTIVATIONS]
each = pytest.mark.parametrize(
    ("function", "layer", "formula", "slope", "far"), ACTIVATIONS, ids=NAMES
)


@each
def test_function_layer_and_name_are_the_formula(function, layer, formula, slope, far):
    z = np.random.default_rng(0).normal(0, 2, (4, 5))
    y = function(z).numpy()
    if formula is not None:
        np.testing.assert_allclose(y, formula(z), rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(layer(z).numpy(), y)
    by_name = nn.dense(z, np.eye(5), activation=function.__name__)
    np.testing.assert_allclose(by_name.numpy(), y, rtol=1e-15, atol=1e-15)


@each
def test_derivative_at_0(function, layer, formula, slope, far):
    if slope is None:
        return
    for zero, create_graph in itertools.product((0.0, -0.0), (False, True)):
        z = tg.Variable([zero, zero])
        (g,) = tg.gradients(function(z).sum(), z, create_graph=create_graph)
        np.testing.assert_allclose(g.numpy(), slope, rtol=1e-15)


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_derivative_of_elu_at_0_is_that_of_the_negative_side(alpha, create_graph):
    z = tg.Variable([0.0, -0.0, 1.0])
    (g,) = tg.gradients(nn.elu(z, alpha).sum(), z, create_graph=create_graph)
    np.testing.assert_array_equal(g.numpy(), [alpha, alpha, 1])


@each
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_far_out_without_overflow_and_in_its_dtype(function, layer, formula, slope, far, dtype):
    z = tg.tensor([-1e4, 1e4], dtype, requires_grad=True)
    with warnings.catch_warnings(action="error"):
        y = function(z)
        (first,) = tg.gradients(y, z, np.ones(2), create_graph=True)
        (second,) = tg.gradients(first, z, np.ones(2))
    np.testing.assert_allclose(y.detach().numpy(), far, rtol=2 * np.finfo(dtype).eps)
    assert y.dtype == first.dtype == dtype
    assert np.isfinite(first.detach().numpy()).all()
    if second is not None:
        assert np.isfinite(second.numpy()).all()
        assert second.dtype == dtype


def test_exponentials_stay_exact_near_0():
    z = np.array([-1e-12, -1e-30, 1e-30])
    np.testing.assert_allclose(nn.elu(z).numpy(), z, rtol=1e-11)
    np.testing.assert_allclose(
        nn.selu(z).numpy(), SCALE * z * np.where(z > 0, 1, ALPHA), rtol=1e-11
    )


def test_selu_keeps_mean_and_variance():
    """Of standard normal input: that is what its two constants are made for."""
    z, weight = np.polynomial.hermite_e.hermegauss(200)
    weight /= weight.sum()
    y = nn.selu(z).numpy()
    # The quadrature rule meets the corner at 0 with an error that falls as 1/n.
    assert weight @ y == pytest.approx(0, abs=2e-3)
    assert weight @ y**2 == pytest.approx(1, abs=2e-3)


def test_settings_of_layers():
    z = np.array([[-2.0, 3.0], [1.0, -1.0]])
    np.testing.assert_array_equal(nn.LeakyReLU(0.2)(z).numpy(), np.where(z > 0, z, 0.2 * z))
    np.testing.assert_allclose(
        nn.ELU(0.5)(z).numpy(), np.where(z > 0, z, 0.5 * (np.exp(z) - 1)), rtol=1e-15
    )
    np.testing.assert_allclose(nn.Softmax(axis=0)(z).numpy(), softmax(z.T).T, rtol=1e-15)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (nn.LeakyReLU(), "LeakyReLU()"), (nn.LeakyReLU(0.2), "LeakyReLU(slope=0.2)"),
        (nn.ELU(), "ELU()"), (nn.ELU(2), "ELU(alpha=2.0)"), (nn.SELU(), "SELU()"),
        (nn.SiLU(), "SiLU()"), (nn.Softplus(), "Softplus()"), (nn.Softmax(), "Softmax()"),
        (nn.Softmax(1), "Softmax(axis=1)"),
    ],
)  # fmt: skip
def test_what_layers_say_of_themselves(layer, words):
    assert repr(layer) == words


@pytest.mark.parametrize("name", ["identity", "linear", None])
def test_the_identity_by_name(name):
    layer = nn.Dense(2, 3, activation=name, generator=0)
    assert layer.activation is None
    x = np.ones((1, 2), np.float32)
    wanted = x @ layer.weight.numpy() + layer.bias.numpy()
    np.testing.assert_array_equal(layer(x).detach().numpy(), wanted)
    np.testing.assert_array_equal(nn.dense(x, layer.weight.detach(), None, name).numpy(), wanted)


def test_swish_is_silu():
    assert nn.Dense(2, 2, "swish").activation is nn.silu


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nn.elu([1.0], alpha=0), ArgumentError, ["elu", "alpha=0", "positive"]),
        (lambda: nn.ELU(-1), ArgumentError, ["ELU", "alpha=-1"]),
        (lambda: nn.ELU("1"), ArgumentError, ["ELU", "alpha='1'"]),
        (lambda: nn.LeakyReLU("0.1"), ArgumentError, ["LeakyReLU", "slope='0.1'"]),
        (lambda: nn.Softmax(1.5), ArgumentError, ["Softmax", "axis=1.5", "integer"]),
        (lambda: nn.silu([1j]), DTypeError, ["silu", "complex"]),
        (lambda: nn.elu([1j]), DTypeError, ["elu", "complex"]),
        (lambda: nn.selu([1j]), DTypeError, ["selu", "complex"]),
        (lambda: nn.Dense(2, 2, "sillu"), ArgumentError, ["'sillu'", "did you mean 'silu'"]),
    ],
)
def test_refused(call, error, words):
    with pytest.raises(error) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
