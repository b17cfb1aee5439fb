"""gradient_check: the ratio, what it says of wrong rules, and that it leaves no trace."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.testing import NotRepeatable, gradient_check


@tg.primitive(x=lambda ct, x: 2.01 * ct * x)
def wrong_square(x):
    """x², with a rule that is half a per cent off."""
    return x * x


@tg.primitive(x=lambda ct, x: ct * np.where(np.arange(x.size) == 2, -1, 1) * np.cos(x))
def sine_with_one_wrong_sign(x):
    """Sin x, with a rule that is wrong in the third component."""
    return np.sin(x)


def network(dtype=np.float64):
    nn.seed(3)
    model = nn.Sequential(nn.Dense(3, 4, "tanh", dtype=dtype), nn.Dense(4, 2, dtype=dtype))
    X, y = np.random.default_rng(0).normal(size=(5, 3)).astype(dtype), np.array([0, 1, 1, 0, 1])
    return model, lambda: nn.softmax_cross_entropy(model(X), y)


def test_a_right_gradient_is_called_right():
    model, loss_fn = network()
    check = gradient_check(loss_fn, model.parameters())
    assert check.ratio < 1e-7
    assert check.components == 3 * 4 + 4 + 4 * 2 + 2
    assert check.verdict == "right"
    assert set(check.ratios) == {"0.weight", "0.bias", "1.weight", "1.bias"}


def test_the_ratio_is_the_courses():
    w = tg.Variable(np.array([1.0, 2.0]), name="w")
    check = gradient_check(lambda: wrong_square(w).sum(), [w])
    analytic, numeric = np.array([2.01, 4.02]), np.array([2.0, 4.0])
    wanted = np.linalg.norm(numeric - analytic) / (
        np.linalg.norm(numeric) + np.linalg.norm(analytic)
    )
    assert check.ratio == pytest.approx(wanted, rel=1e-6)
    assert check.verdict == "wrong"
    assert (check.parameter, check.index) == ("w", (1,))
    assert "w[1]: backward 4.02, differences 4" in str(check)


def test_names_the_component_at_fault():
    a, b = tg.Variable(np.ones(3), name="a"), tg.Variable(np.arange(1.0, 5.0), name="b")
    check = gradient_check(lambda: a.sum() + sine_with_one_wrong_sign(b).sum(), [a, b])
    assert (check.parameter, check.index) == ("b", (2,))
    assert check.analytic == pytest.approx(-check.numeric, rel=1e-6)
    assert check.ratios["a"] < 1e-7


def test_says_that_the_graph_was_cut():
    w, v = tg.Variable(2.0, name="w"), tg.Variable(3.0, name="v")
    check = gradient_check(lambda: w * v.detach(), [w, v])
    assert check.verdict == "wrong"
    assert "no gradient reaches v, and yet the loss depends on it" in str(check)


def test_a_parameter_that_the_loss_does_not_use_is_right():
    w, v = tg.Variable(2.0), tg.Variable(3.0)
    assert gradient_check(lambda: w * w, [w, v]).ratio < 1e-9


def test_dropout_is_named():
    model = nn.Sequential(nn.Dense(3, 4, dtype=np.float64), nn.Dropout(0.5))
    X = np.ones((5, 3))
    with pytest.warns(NotRepeatable, match=r"dropout is on: call model\.eval\(\)"):
        gradient_check(lambda: model(X).sum(), model.parameters())
    model.eval()
    assert gradient_check(lambda: model(X).sum(), model.parameters()).ratio < 1e-7


def test_other_randomness_is_named():
    w, rng = tg.Variable(2.0), np.random.default_rng(0)
    with pytest.warns(NotRepeatable, match="must draw no new random numbers"):
        gradient_check(lambda: w * rng.normal(), [w])


def test_single_precision_is_said():
    model, loss_fn = network(np.float32)
    check = gradient_check(loss_fn, model.parameters())
    assert check.ratio < 1e-2
    assert check.verdict == "right, as far as float32 shows"
    assert "float32 parameters: their differences are only good to about 1e-3" in str(check)


def test_single_precision_does_not_hide_a_wrong_rule():
    w = tg.Variable(np.ones(2, np.float32))
    assert gradient_check(lambda: wrong_square(w).sum(), [w]).verdict == "wrong"


def test_complex_parameters():
    z = tg.Variable(np.array([1 + 2j, -0.5j]), name="z")
    check = gradient_check(lambda: (tg.abs(z * z - 1) ** 2).sum(), [z])
    assert check.ratio < 1e-7


def test_leaves_everything_as_it_was():
    w = tg.Variable(np.array([1.0, 2.0]))
    (w * w).sum().backward()
    gradient_check(lambda: (w**3).sum(), {"w": w})
    np.testing.assert_array_equal(w.numpy(), [1, 2])
    np.testing.assert_array_equal(w.grad.numpy(), [2, 4])


def test_a_loss_that_raises_leaves_the_parameter_as_it_was():
    w, calls = tg.Variable(1.0), []

    def loss_fn():
        calls.append(1)
        if len(calls) > 2:
            raise KeyError("lost")
        return w * w

    with pytest.raises(KeyError, match="lost"):
        gradient_check(loss_fn, [w])
    assert w.item() == 1


def test_a_sample_of_the_components():
    model, loss_fn = network()
    check = gradient_check(loss_fn, model.named_parameters(), components=3)
    assert check.components == 3 + 3 + 3 + 2


@pytest.mark.parametrize(
    ("loss_fn", "parameters", "message"),
    [
        (lambda: tg.Variable(1.0), [], "no parameters came; if they are a generator"),
        (lambda: tg.Variable(1.0), [np.ones(2)], "parameter 0 is ndarray; it needs leaves"),
        (tg.tensor(1.0), [tg.Variable(1.0)], "it needs a function that computes the loss anew"),
        (
            [tg.Variable(1.0)],
            lambda: tg.Variable(1.0),
            "list came for loss_fn; .* and after it the",
        ),
        (lambda: 3.0, [tg.Variable(1.0)], "loss_fn returned float; it must return the loss"),
        (lambda: tg.Variable([1.0, 2.0]), [tg.Variable(1.0)], r"reduce it with .sum\(\)"),
    ],
)
def test_refuses(loss_fn, parameters, message):
    with pytest.raises(tg.ArgumentError, match=message):
        gradient_check(loss_fn, parameters)
