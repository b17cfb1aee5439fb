"""Sigmoid, tanh, ReLU, leaky ReLU, identity, and their slopes as the notes derive them."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn

z = np.array([-3.0, -1.0, -1e-3, 1e-3, 0.5, 2.0, 10.0])


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


@pytest.mark.parametrize(
    ("activation", "value", "slope"),
    [
        (nn.sigmoid, sigmoid(z), sigmoid(z) * (1 - sigmoid(z))),
        (nn.tanh, np.tanh(z), 1 - np.tanh(z) ** 2),
        (nn.relu, np.maximum(0, z), np.where(z >= 0, 1, 0)),
        (nn.leaky_relu, np.maximum(0.01 * z, z), np.where(z >= 0, 1, 0.01)),
        (lambda z: z * 1, z, np.ones(7)),
    ],
    ids=["sigmoid", "tanh", "relu", "leaky_relu", "identity"],
)
def test_value_and_slope(activation, value, slope):
    x = tg.Variable(z)
    result = activation(x)
    result.backward(np.ones(7))
    np.testing.assert_allclose(result.detach(), value, rtol=1e-12)
    np.testing.assert_allclose(x.grad, slope, rtol=1e-9, atol=1e-12)


def test_relus_slope_at_0_is_the_stated_convention():
    """The notes take 1 at z = 0; here it is 0, as docs/conventions.md says of `relu`."""
    assert tg.grad(tg.relu)(0.0).item() == 0


def test_without_an_activation_two_layers_are_one():
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Dense(3, 4, dtype=np.float64), nn.Dense(4, 2, dtype=np.float64))
    x = rng.normal(size=(5, 3))
    first, second = model
    W = first.weight.numpy() @ second.weight.numpy()
    b = first.bias.numpy() @ second.weight.numpy() + second.bias.numpy()
    np.testing.assert_allclose(model(x).detach(), x @ W + b, rtol=1e-12)
