"""Gradient norms per layer, which fall or grow exponentially with depth; and clipping."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn, optim

X = np.random.default_rng(0).normal(size=(32, 20))
y = np.arange(32) % 20


def norms(std):
    """‖db‖ = ‖Σ dZ‖ of each of twelve layers, from the first to the last."""
    nn.seed(0)
    layers = [
        nn.Dense(20, 20, "tanh", initializer=nn.normal(std), dtype=np.float64) for _ in range(12)
    ]
    nn.softmax_cross_entropy(nn.Sequential(layers)(X), y).backward()
    return np.array([np.linalg.norm(layer.bias.grad.numpy()) for layer in layers])


def test_small_weights_make_gradients_vanish():
    found = norms(0.02)
    assert found[0] < 1e-8 * found[-1]


def test_xavier_keeps_them():
    found = norms(np.sqrt(1 / 20))
    assert 0.1 < found[0] / found[-1] < 10


def test_a_recurrence_explodes_and_clipping_by_norm_keeps_the_direction():
    W = tg.Variable(1.5 * np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0])
    h = np.ones(5)
    for _ in range(40):
        h = h @ W
    np.sum(h**2).backward()
    before = W.grad.numpy().copy()
    assert np.linalg.norm(before) > 1e10
    norm = optim.clip_grad_norm([W], 1.0)
    assert float(norm) == pytest.approx(np.linalg.norm(before))
    np.testing.assert_allclose(W.grad, before / np.linalg.norm(before), rtol=1e-9)


def test_clipping_by_value():
    w = tg.Variable([1.0, 1.0, 1.0])
    np.sum(w * np.array([0.5, -30.0, 4.0])).backward()
    optim.clip_grad_value([w], 1.0)
    np.testing.assert_array_equal(w.grad, [0.5, -1.0, 1.0])


def test_fit_shows_them_per_layer():
    nn.seed(0)
    model = nn.Sequential(nn.Dense(20, 20, "tanh"), nn.Dense(20, 20))
    history = nn.fit(
        model,
        nn.softmax_cross_entropy,
        (X.astype(np.float32), y),
        optim.SGD(model.parameters(), lr=0.1),
        epochs=3,
        callbacks=[nn.GradientNorms()],
        progress=False,
    )
    found = history["gradient_norm/0"]
    assert len(found) == 3
    assert all(norm > 0 for norm in found)
