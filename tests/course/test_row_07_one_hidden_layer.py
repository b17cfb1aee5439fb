"""Backpropagation through one hidden layer equals the notes' six formulas."""

import numpy as np
import pytest

import tinygraph as tg

rng = np.random.default_rng(0)
n, hidden, m = 3, 4, 20
X = rng.normal(size=(n, m))
Y = (rng.random((1, m)) > 0.5).astype(float)


@pytest.mark.parametrize(
    ("g", "slope"),
    [
        (np.tanh, lambda Z, A: 1 - A**2),
        (tg.relu, lambda Z, A: (Z > 0).astype(float)),
        (tg.sigmoid, lambda Z, A: A * (1 - A)),
    ],
    ids=["tanh", "relu", "sigmoid"],
)
def test_backprop_is_the_courses(g, slope):
    W1, b1 = tg.Variable(rng.normal(size=(hidden, n))), tg.Variable(np.zeros((hidden, 1)))
    W2, b2 = tg.Variable(rng.normal(size=(1, hidden))), tg.Variable(np.zeros((1, 1)))
    Z1 = W1 @ X + b1
    A1 = g(Z1)
    Z2 = W2 @ A1 + b2
    A2 = tg.sigmoid(Z2)
    J = -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))
    J.backward()

    Z1, A1, A2 = (t.detach().numpy() for t in (Z1, A1, A2))
    dZ2 = A2 - Y
    dW2 = dZ2 @ A1.T / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = W2.numpy().T @ dZ2 * slope(Z1, A1)
    dW1 = dZ1 @ X.T / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    for found, wanted in ((W1, dW1), (b1, db1), (W2, dW2), (b2, db2)):
        np.testing.assert_allclose(found.grad, wanted, rtol=1e-10, atol=1e-15)
