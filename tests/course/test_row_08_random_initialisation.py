"""randn · 0.01, 1/n for tanh, 2/n for ReLU, zero biases; and why zero weights fail."""

import numpy as np
import pytest

from tinygraph import nn

n = 400


@pytest.mark.parametrize(
    ("initializer", "variance"),
    [("normal", 0.01**2), ("lecun", 1 / n), ("he", 2 / n), (nn.normal(0.5), 0.25)],
)
def test_variance(initializer, variance):
    layer = nn.Dense(n, 500, initializer=initializer, generator=0)
    # The sample variance of 200,000 numbers: its own standard deviation is 0.3 %.
    assert layer.weight.numpy().var() == pytest.approx(variance, rel=0.02)
    assert not layer.bias.numpy().any()


@pytest.mark.parametrize(("activation", "initializer"), [("relu", "he"), ("tanh", "lecun")])
def test_signals_neither_vanish_nor_explode_through_twenty_layers(activation, initializer):
    nn.seed(0)
    x = np.random.default_rng(0).normal(size=(64, 200)).astype(np.float32)
    layers = [nn.Dense(200, 200, activation, initializer=initializer) for _ in range(20)]
    out = nn.Sequential(layers)(x).detach().numpy()
    assert 0.1 < out.std() < 10
    small = [nn.Dense(200, 200, activation, initializer="normal") for _ in range(20)]
    assert nn.Sequential(small)(x).detach().numpy().std() < 1e-10


def test_zero_weights_stay_equal():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 3)), rng.integers(0, 2, 20)
    first = nn.Dense(3, 4, "tanh", initializer=nn.constant(0.5), dtype=np.float64)
    second = nn.Dense(4, 2, initializer="lecun", dtype=np.float64)
    second.weight.assign(np.tile([[0.3, -0.2]], (4, 1)))
    nn.softmax_cross_entropy(second(first(X)), y).backward()
    columns = first.weight.grad.numpy()
    assert np.ptp(columns, axis=1).max() < 1e-15  # every hidden unit gets the same gradient
    assert np.abs(columns).min() > 0

    dead = nn.Dense(3, 4, "relu", initializer="zeros", dtype=np.float64)
    last = nn.Dense(4, 2, initializer="zeros", dtype=np.float64)
    nn.softmax_cross_entropy(last(dead(X)), y).backward()
    assert not dead.weight.grad.numpy().any()
