"""A wrong derivative of a function made of many operations: the one at fault is named."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.testing import GradientMismatch, check_grads

X = np.array([[0.3, -1.2, 0.7], [2.0, 0.4, -0.6]])


@tg.elementwise(x=lambda ct, y: ct * (1 - y))
def wrong_tanh(x):
    """tanh x, without the square in 1 − tanh²."""
    return np.tanh(x)


@tg.elementwise(x=lambda ct, x: ct * 2 * np.asarray(x.value if type(x) is tg.Tensor else x))
def square_once(x):
    """x², whose rule cuts the graph."""
    return x * x


@tg.primitive(arrays=lambda ct, arrays: [ct * (k + 1) for k, _ in enumerate(arrays)])
def wrong_sum(*arrays, scale=1.0):
    """The sum of arrays, with too much for all but the first."""
    return scale * sum(arrays)


@tg.primitive(x=lambda ct: ct[0] + ct[1], several=True)
def wrong_pair(x):
    """(x, 2x), as if the second were x too."""
    return x, 2 * x


class Layer(nn.Module):
    """A recurrent layer with a mistake before it."""

    def __init__(self):
        super().__init__()
        self.inside = nn.RNN(3, 2, dtype=np.float64)

    def forward(self, x):
        return self.inside(wrong_tanh(x))


def rebinding(x):
    y = x * 1
    y[0] = wrong_tanh(y[1])
    return np.sort(y, axis=1)


@pytest.mark.parametrize(
    ("function", "args", "name", "line"),
    [
        (lambda x: np.exp(wrong_tanh(x @ x.T)).sum(), [X], "wrong_tanh", "np.exp(wrong_tanh("),
        (lambda x: wrong_sum(x, x**2, np.sin(x), scale=0.5), [X], "wrong_sum", "scale=0.5"),
        (lambda x: wrong_pair(np.sin(x))[1] * 3, [X], "wrong_pair", "wrong_pair(np.sin(x))"),
        (rebinding, [X], "wrong_tanh", "y[0] = wrong_tanh(y[1])"),
        (Layer(), [X[:, None]], "wrong_tanh", "self.inside(wrong_tanh(x))"),
        (lambda x: square_once(np.exp(x)), [X], "square_once", "square_once(np.exp(x))"),
    ],
    ids=["composition", "sequence", "several outputs", "rebinding", "layer", "second order"],
)
def test_the_operation_at_fault_is_named_with_its_line(function, args, name, line):
    with pytest.raises(GradientMismatch) as caught:
        check_grads(function, *args, modes=["reverse"])
    first, second = caught.value.culprit.splitlines()
    assert first.startswith(f"{name}, called at {__file__}:")
    assert line in second
    assert f"  at fault   {name}, called at" in str(caught.value)


def test_no_operation_is_at_fault_where_the_graph_was_cut():
    with pytest.raises(GradientMismatch) as caught:
        check_grads(lambda x: x * np.sin(x.detach()), X)
    assert caught.value.culprit.startswith("no operation by itself; something is detached")


def test_a_kink_that_the_whole_does_not_have():
    with pytest.raises(GradientMismatch) as caught:
        check_grads(lambda x: np.abs(x) ** 2, np.array([0.0, 1.0]))
    assert "a kink there, where its derivative is a matter of convention" in caught.value.culprit
    assert "absolute, called at" in caught.value.culprit


def test_nothing_is_said_of_one_operation_or_where_not_all_could_be_checked():
    with pytest.raises(GradientMismatch) as caught:
        check_grads(wrong_tanh, X)
    assert caught.value.culprit == ""

    @tg.primitive(x=lambda ct: ct * 1)
    def of_reversed(x):
        if x.strides[0] > 0:
            raise ValueError("not by itself")
        return x * 1

    with pytest.raises(GradientMismatch) as caught:
        check_grads(lambda x: of_reversed(x[::-1]) * x.detach(), X)
    assert caught.value.culprit == ""
