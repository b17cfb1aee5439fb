"""L = −Σ yⱼ log ŷⱼ, dz = ŷ − y, from logits; labels one-hot or integer, classes on any axis."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn

rng = np.random.default_rng(0)
C, m = 4, 6
y = rng.integers(0, C, m)
one_hot = np.eye(C)[y]


def softmax(z, axis):
    t = np.exp(z)
    return t / t.sum(axis=axis, keepdims=True)


@pytest.mark.parametrize("labels", [y, one_hot], ids=["integers", "one-hot"])
@pytest.mark.parametrize("columns", [False, True], ids=["rows", "columns"])
def test_cost_and_dz(labels, columns):
    Z, axis = rng.normal(size=(m, C)), -1
    Y = one_hot
    if columns:  # the course's layout
        Z, Y, axis = Z.T, Y.T, 0
        labels = labels.T
    z = tg.Variable(Z)
    J = nn.softmax_cross_entropy(z, labels, axis=axis)
    J.backward()
    A = softmax(Z, axis)
    assert J.item() == pytest.approx(-np.sum(Y * np.log(A)) / m, rel=1e-12)
    np.testing.assert_allclose(z.grad, (A - Y) / m, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("labels", [np.array([0, 1]), np.eye(3)[[0, 1]]])
def test_finite_at_logits_of_1e4(labels):
    z = tg.Variable([[1e4, -1e4, 0.0], [1e4, -1e4, 0.0]])
    losses = nn.softmax_cross_entropy(z, labels, reduction="none")
    np.testing.assert_array_equal(losses.detach(), [0, 2e4])
    losses.sum().backward()
    np.testing.assert_array_equal(z.grad, [[0, 0, 0], [1, -1, 0]])


def test_of_probabilities_it_would_not_be():
    with np.errstate(over="ignore", invalid="ignore"):
        t = np.exp(np.array([1e4, -1e4]))
        assert np.isnan(t / t.sum()).any()
