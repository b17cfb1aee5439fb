"""ŷ = σ(wᵀx + b), in the course's layout: examples are columns, X is (n, m)."""

import numpy as np

import tinygraph as tg
from tinygraph import nn, optim

rng = np.random.default_rng(0)
n, m = 4, 50
X = rng.normal(size=(n, m))
Y = (X[:1] + X[1:2] > 0).astype(float)


def cost(A):
    return np.mean(-(Y * np.log(A) + (1 - Y) * np.log(1 - A)))


def test_gradient_is_the_courses_formula():
    w, b = tg.Variable(rng.normal(size=(n, 1))), tg.Variable(0.3)
    A = tg.sigmoid(w.T @ X + b)
    cost(A).backward()
    dZ = A.detach().numpy() - Y
    np.testing.assert_allclose(w.grad, X @ dZ.T / m, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(b.grad, dZ.sum() / m, rtol=1e-12)


def test_the_loop_over_examples_gives_the_same():
    w, b = tg.Variable(np.full((n, 1), 0.1)), tg.Variable(0.0)
    J = 0
    for i in range(m):
        z = np.sum(w[:, 0] * X[:, i]) + b
        a = 1 / (1 + np.exp(-z))
        J += -(Y[0, i] * np.log(a) + (1 - Y[0, i]) * np.log(1 - a)) / m
    J.backward()
    A = 1 / (1 + np.exp(-(np.full((1, n), 0.1) @ X)))
    np.testing.assert_allclose(w.grad, X @ (A - Y).T / m, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(b.grad, (A - Y).sum() / m, rtol=1e-12)


def test_gradient_descent_learns():
    w, b = tg.Variable(np.zeros((n, 1))), tg.Variable(0.0)
    optimizer = optim.SGD([w, b], lr=1.0)
    for _ in range(300):
        optimizer.minimize(lambda: cost(tg.sigmoid(w.T @ X + b)))
    right = (1 / (1 + np.exp(-(w.numpy().T @ X + b.item()))) > 0.5) == Y
    assert right.mean() >= 0.95


def test_from_logits_it_is_the_same_cost():
    w = tg.Variable(rng.normal(size=(n, 1)))
    z = w.T @ X
    np.testing.assert_allclose(
        nn.sigmoid_cross_entropy(z, Y).item(), cost(tg.sigmoid(z)).item(), rtol=1e-12
    )
