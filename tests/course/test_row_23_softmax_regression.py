"""t = e^z, a = t / Σt; two classes are logistic regression; linear boundaries."""

import numpy as np

import tinygraph as tg
from tinygraph import nn, optim

rng = np.random.default_rng(0)


def test_the_notes_example():
    z = np.array([5.0, 2.0, -1.0, 3.0])
    a = nn.softmax(z).numpy()
    np.testing.assert_allclose(a, np.exp(z) / np.exp(z).sum(), rtol=1e-12)
    np.testing.assert_allclose(a, [0.842, 0.042, 0.002, 0.114], atol=5e-4)


def test_two_classes_reduce_to_logistic_regression():
    z = tg.Variable(rng.normal(size=(7, 2)))
    difference = z[:, 1] - z[:, 0]
    np.testing.assert_allclose(
        nn.softmax(z)[:, 1].detach(), nn.sigmoid(difference).detach(), rtol=1e-12
    )
    y = np.array([0, 1, 1, 0, 0, 1, 0])
    by_softmax = nn.softmax_cross_entropy(z, y)
    by_sigmoid = nn.sigmoid_cross_entropy(difference, y)
    np.testing.assert_allclose(by_softmax.item(), by_sigmoid.item(), rtol=1e-12)


def test_without_a_hidden_layer_the_boundaries_are_lines():
    X = np.concatenate([rng.normal(c, 0.4, size=(50, 2)) for c in ([0, 0], [3, 0], [0, 3])])
    y = np.repeat([0, 1, 2], 50)
    model = nn.Dense(2, 3, dtype=np.float64)
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    for _ in range(200):
        optimizer.minimize(lambda: nn.softmax_cross_entropy(model(X), y))
    W, b = model.weight.numpy(), model.bias.numpy()
    grid = rng.uniform(-3, 6, size=(1000, 2))
    chosen = nn.softmax(grid @ W + b).numpy().argmax(axis=1)
    # Class 1 beats class 0 exactly on one side of the line (w₁ − w₀)·x + b₁ − b₀ = 0, and so on.
    for i, j in ((0, 1), (0, 2), (1, 2)):
        side = grid @ (W[:, j] - W[:, i]) + b[j] - b[i]
        assert (side[chosen == j] > 0).all()
        assert (side[chosen == i] < 0).all()
    assert np.mean((X @ W + b).argmax(axis=1) == y) > 0.98
