"""`pad` with values that are tensors, functions as modes, and what it refuses."""

import itertools

import numpy as np
import pytest
from derivatives import assert_gradient

import tinygraph as tg

X = np.array([[0.5, -1.0, 2.0], [3.0, 0.2, -0.7]])


@pytest.mark.parametrize(
    ("mode", "word", "values"),
    [
        ("constant", "constant_values", np.array(1.5)),
        ("constant", "constant_values", np.array([[1.0, 2.0], [3.0, 4.0]])),
        ("linear_ramp", "end_values", np.array([1.0, -2.0])),
        ("linear_ramp", "end_values", np.array([[1.0], [-2.0]])),
    ],
)
def test_values_may_be_tensors(mode, word, values):
    widths = ((1, 2), (0, 2))
    leaves = [tg.Variable(X), tg.Variable(values)]
    y = np.pad(leaves[0], widths, mode, **{word: leaves[1]})
    np.testing.assert_allclose(y.numpy(), np.pad(X, widths, mode, **{word: values}), rtol=1e-14)
    weights = np.arange(1.0, y.size + 1).reshape(y.shape)
    found = tg.gradients(y, leaves, weights)
    assert_gradient(
        lambda x, v: [np.pad(x, widths, mode, **{word: v})],
        [X, values],
        [weights],
        [g.numpy() for g in found],
    )


def test_values_may_be_a_list_with_tensors():
    v = tg.Variable(2.0)
    y = np.pad(tg.tensor(X[0]), (1, 3), constant_values=(v, 0))
    np.testing.assert_array_equal(y.numpy(), [2, *X[0], 0, 0, 0])
    assert tg.gradients(y.sum(), v)[0].item() == 1


def test_a_function_writes_into_each_vector():
    def mirrored(vector, widths, axis, kwargs):
        before, after = widths
        vector[:before] = kwargs["by"] * vector[before]
        vector[-after:] = vector[-after - 1] ** 2

    by, t = tg.Variable(3.0), tg.Variable(X)
    y = np.pad(t, 1, mirrored, by=by)
    np.testing.assert_allclose(y.numpy(), np.pad(X, 1, mirrored, by=3.0))
    weights = np.arange(1.0, y.size + 1).reshape(y.shape)
    found = tg.gradients(y, [t, by], weights)
    assert_gradient(
        lambda x, by: [np.pad(x, 1, mirrored, by=by)],
        [X, np.array(3.0)],
        [weights],
        [g.numpy() for g in found],
    )


@pytest.mark.parametrize("kind", ["even", "odd"])
@pytest.mark.parametrize("mode", ["reflect", "symmetric"])
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_reflections_of_reflections(mode, kind, n):
    x = np.array([1.0, -2.5, 4.0, 0.5])[:n]
    for widths in itertools.product((0, 1, 5, 11), repeat=2):
        wanted = np.pad(x, widths, mode, reflect_type=kind)
        y = np.pad(tg.Variable(x), widths, mode, reflect_type=kind)
        np.testing.assert_allclose(y.numpy(), wanted, rtol=1e-14, atol=1e-13)


@pytest.mark.parametrize(
    "widths", [2, (1, 2), ((1,), (2,)), ((1, 0), (0, 2)), {1: 2}, {-1: (0, 1), 0: 1}]
)
@pytest.mark.parametrize("mode", ["constant", "edge", "mean"])
def test_every_form_of_the_widths(mode, widths):
    pairs = widths
    if isinstance(widths, dict):  # NumPy 2.1 takes them too
        pairs = [(0, 0), (2, 2)] if widths == {1: 2} else [(1, 1), (0, 1)]
    y = np.pad(tg.Variable(X), widths, mode)
    np.testing.assert_allclose(y.numpy(), np.pad(X, pairs, mode), rtol=1e-14)


def test_empty_leaves_the_array():
    t = tg.Variable(X)
    y = np.pad(t, 1, "empty")
    np.testing.assert_array_equal(y.numpy()[1:-1, 1:-1], X)
    np.testing.assert_array_equal(tg.gradients(y, t, np.ones((4, 5)))[0].numpy(), np.ones((2, 3)))


@pytest.mark.parametrize("mode", ["maximum", "minimum", "mean", "median"])
@pytest.mark.parametrize(
    "x", [[1.0, np.nan, 3.0], [1.0, np.inf, np.inf, 0.0], [2.0, 2.0, 1.0, 2.0]]
)
def test_statistics_of_awkward_values(mode, x):
    y = np.pad(tg.Variable(np.array(x)), 1, mode)
    np.testing.assert_array_equal(y.numpy(), np.pad(np.array(x), 1, mode))


def test_ties_share():
    t = tg.Variable(np.array([2.0, 2.0, 1.0]))
    y = np.pad(t, (1, 0), "maximum")
    np.testing.assert_array_equal(tg.gradients(y[0], t)[0].numpy(), [0.5, 0.5, 0])


@pytest.mark.parametrize("mode", ["linear_ramp", "mean", "median", "reflect"])
def test_integers_stay_integers(mode):
    x = np.array([3, 8, 10])
    y = np.pad(tg.tensor(x), 2, mode)
    np.testing.assert_array_equal(y.numpy(), np.pad(x, 2, mode))
    assert y.dtype == x.dtype


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda t: np.pad(t, 1, "mirror"), tg.ArgumentError, ["'mirror'", "symmetric"]),
        (lambda t: np.pad(t, 1, "edge", stat_length=1), tg.ArgumentError, ["stat_length", "edge"]),
        (lambda t: np.pad(t, 1, "reflect", reflect_type="x"), tg.ArgumentError, ["'x'", "'odd'"]),
        (lambda t: np.pad(t, 1.5), tg.ArgumentError, ["1.5", "integers"]),
        (lambda t: np.pad(t, -1), tg.ShapeError, ["negative"]),
        (lambda t: np.pad(t, [1, 2, 3]), tg.ShapeError, ["(3,)", "2 axes"]),
        (lambda t: np.pad(t, {2: 1}), tg.ArgumentError, ["axis 2"]),
        (lambda t: np.pad(t[:0], 1, "edge"), tg.ShapeError, ["axis 0", "(0, 3)"]),
        (lambda t: np.pad(t, 1, "maximum", stat_length=0), tg.ArgumentError, ["stat_length"]),
        (lambda t: tg.pad([1, 2], 1, constant_values=t[0, 0]), tg.DTypeError, ["int64"]),
    ],
)
def test_mistakes_are_told(call, error, words):
    with pytest.raises(error) as caught:
        call(tg.Variable(X))
    assert str(caught.value).startswith("pad: ")
    for word in words:
        assert word in str(caught.value)
