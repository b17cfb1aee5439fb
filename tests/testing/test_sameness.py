"""assert_same_gradients: equal functions are the same, however computed; others are told apart."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.testing import CheckFailed, GradientMismatch, assert_same_gradients

X = np.array([[0.3, -1.2, 0.7], [2.0, 0.4, -0.6]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_same_in_other_words(dtype):
    x = X.astype(dtype)
    labels = np.array([0, 2])

    def plain(z, labels):
        return -np.mean(np.take_along_axis(np.log(nn.softmax(z)), labels[:, None], 1))

    assert_same_gradients(nn.softmax_cross_entropy, plain, x, labels)
    assert_same_gradients(np.tanh, lambda x: 2 / (1 + np.exp(-2 * x)) - 1, x)
    assert_same_gradients(
        lambda p: p["a"] @ p["b"].T, lambda p: np.dot(p["a"], p["b"].T), {"a": x, "b": x}
    )


def test_kinks_are_compared_too():
    x = np.array([0.0, 1.0, -1.0])
    assert_same_gradients(nn.relu, lambda x: np.where(x > 0, x, 0.0), x)
    with pytest.raises(GradientMismatch, match=r"differ in x\[0\]"):
        assert_same_gradients(nn.relu, lambda x: np.where(x >= 0, x, 0.0), x)


def test_values_that_differ():
    with pytest.raises(CheckFailed, match=r"the values differ: the result\[0, 1\] of tanh is"):
        assert_same_gradients(np.tanh, np.sin, X)
    with pytest.raises(CheckFailed, match=r"has shape \(3, 2\) and dtype float64, that of"):
        assert_same_gradients(np.transpose, np.positive, X)
    with pytest.raises(CheckFailed, match="they need the same containers"):
        assert_same_gradients(np.tanh, lambda x: {"y": np.tanh(x)}, X)


def test_first_derivatives_that_differ():
    def f(x):
        return 2 * np.tanh(x) - np.tanh(x.detach())

    with pytest.raises(GradientMismatch, match="the first derivatives of f and tanh") as caught:
        assert_same_gradients(f, np.tanh, X)
    assert (caught.value.mistake, caught.value.order) == ("factor", 1)
    assert "twice the right one" in str(caught.value)


def test_second_derivatives_that_differ():
    @tg.primitive(x=lambda ct, x: ct * np.cos(x.detach() if type(x) is tg.Tensor else x))
    def cut(x):
        return np.sin(x)

    assert_same_gradients(cut, np.sin, X, order=1)
    with pytest.raises(GradientMismatch, match="the second derivatives of cut and sin differ"):
        assert_same_gradients(cut, np.sin, X)


def test_mistakes_in_calling_are_told():
    with pytest.raises(tg.ArgumentError, match="ndarray came for the reference; it takes two fun"):
        assert_same_gradients(np.sin, np.ones(2))
    with pytest.raises(tg.ArgumentError, match="order=0; it is 1, 2 or more"):
        assert_same_gradients(np.sin, np.sin, np.ones(2), order=0)
