"""‖g_approx − g‖ / (‖g_approx‖ + ‖g‖): 1e-7 is right, 1e-3 is wrong, and by whose fault."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn

X = np.random.default_rng(0).normal(size=(8, 4))
y = np.array([0, 1, 2, 0, 1, 2, 0, 1])


def network(*layers):
    nn.seed(0)
    return nn.Sequential(
        nn.Dense(4, 5, "relu", dtype=np.float64), *layers, nn.Dense(5, 3, dtype=np.float64)
    )


def test_backprop_is_right():
    model = network()
    check = tg.testing.gradient_check(
        lambda: nn.softmax_cross_entropy(model(X), y), model.parameters()
    )
    assert check.ratio < 1e-7
    assert check.verdict == "right"


def test_a_wrong_rule_is_wrong_and_its_parameter_is_named():
    @tg.elementwise(
        x=lambda ct, x, slope: ct * np.where(x > 0, 1, slope),
        slope=lambda ct, x: 0.5 * ct * np.minimum(x, 0),
    )
    def parametric_relu(x, slope):
        """max(x, 0) + slope · min(x, 0), whose second rule has a factor too many."""
        return np.maximum(x, 0) + slope * np.minimum(x, 0)

    model, slope = network(), tg.Variable(np.full(3, 0.0), name="slope")
    check = tg.testing.gradient_check(
        lambda: nn.softmax_cross_entropy(parametric_relu(model(X), slope), y),
        [*model.parameters(), slope],
    )
    assert check.ratio > 1e-3
    assert check.verdict == "wrong"
    assert check.parameter == "slope"
    assert check.analytic == pytest.approx(0.5 * check.numeric, rel=1e-5)


def test_not_with_dropout_on():
    model = network(nn.Dropout(0.5))
    with pytest.warns(tg.testing.NotRepeatable, match="dropout is on"):
        tg.testing.gradient_check(lambda: model(X).sum(), model.parameters())
