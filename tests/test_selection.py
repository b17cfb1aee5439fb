"""Choosing elements: what lies in lists, and mistakes; functions that write; histograms."""

import numpy as np
import pytest
from like_numpy import assert_like_numpy

import tinygraph as tg

RNG = np.random.default_rng(2)
A, W, V = RNG.normal(size=(3, 4)), RNG.uniform(0.2, 2, size=4), RNG.normal(size=7)
NUMBERS = np.array([[0, 1, 2, 1], [2, 0, 0, 1], [1, 1, 2, 0]])


@pytest.mark.parametrize(
    "call",
    [
        lambda x, y: np.select([x > 1, x > 0, y > 1], [x * y, y**2, x], y),
        lambda x, y: np.select([NUMBERS == 1], [x * y]),
        lambda x, y: np.choose(NUMBERS, [x * y, y**2, 1.5]),
        lambda x, y: np.choose(NUMBERS + 2, (x * y, y**2), mode="wrap"),
        lambda x, y: np.choose(NUMBERS - 1, (x * y, y**2), mode="clip"),
        lambda x, y: np.choose([2, 0, 1, 1], x * y),
        lambda x, y: np.piecewise(x, [x < -0.5, x > 0.5], [np.sin, lambda v: v**3, np.exp]),
    ],
)
def test_choosing_among_arrays(call):
    assert_like_numpy(call, A, W)


def test_one_condition_of_piecewise_needs_no_list():
    assert_like_numpy(lambda x: np.piecewise(x, x < 0, [lambda v, k: v**k, 2.0], 3), V)
    assert_like_numpy(lambda x: np.piecewise(x, [x < 0, x >= 0], [np.sin, np.square]), 1.3)


def test_no_nan_comes_from_what_was_not_selected():
    x = tg.Variable([-1.0, 4.0])
    with np.errstate(invalid="ignore"):
        y = np.select([x > 0], [np.sqrt(x)], 0.0)
    np.testing.assert_array_equal(tg.gradients(y.sum(), x)[0].numpy(), [0, 0.25])


def test_selecting_keeps_float32():
    t = tg.Variable(W.astype("f4"))
    assert np.select([t > 1], [t], 0.5).dtype == np.float32
    assert np.select([t > 1, t > 0], [0.5, 1], t).dtype == np.float32
    assert np.choose([1, 0, 1, 0], [t, 2.5]).dtype == np.float32


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda t: np.select([t > 0], [t, t]), "select: 1 conditions and 2 choices"),
        (lambda t: np.select([t], [t]), "select: a condition of dtype float64"),
        (lambda t: np.choose([0, 3], [t[:2], t[:2]]), r"choose: .* 0 to 3 for 2 choices"),
        (lambda t: np.choose([0], [t], mode="x"), "choose: mode 'x'"),
        (lambda t: tg.choose([0] * 7, [t], out=V), "choose: out= "),
        (lambda t: np.piecewise(t, [t > 0], [1, 2, 3]), "piecewise: 3 functions for 1 conditions"),
        (lambda t: np.compress([True] * 9, t), "getitem: index 7|compress|take"),
        (lambda t: np.compress([[True]], t), "compress: a condition of shape"),
        (lambda t: np.diag(t.reshape((7, 1, 1))), "diag: an array of shape"),
        (lambda t: np.histogram(t, weights=t[:2]), "histogram: "),
        (lambda t: np.histogram(t, bins=0), "histogram: "),
        (lambda t: np.histogram(t, bins="best"), "histogram: 'best'"),
        (lambda t: np.histogram2d(t, t[1:]), "histogram2d: x of shape"),
        (lambda t: np.bincount([0, -1], t[:2]), "bincount: "),
        (lambda t: np.bincount(t), "bincount: there is no gradient for 'x'"),
    ],
)
def test_mistakes_are_told_by_name(call, message):
    with pytest.raises(tg.TinygraphError, match=message):
        call(tg.Variable(V))


@pytest.mark.parametrize(
    "call",
    [
        lambda t: np.put(t, [0], 1.0),
        lambda t: np.place(t, V > 0, [1.0]),
        lambda t: np.putmask(t, V > 0, 1.0),
        lambda t: np.copyto(t, V),
        lambda t: np.put_along_axis(t, np.array([0]), 1.0, 0),
        lambda t: np.fill_diagonal(t.reshape((7, 1)), 1.0),
    ],
)
def test_functions_that_write_into_a_tensor_name_what_does_not(call):
    with pytest.raises(tg.ArgumentError, match=r"t\[index\] = value"):
        call(tg.Variable(V))


def test_indices_counts_and_booleans():
    t = tg.Variable(A)
    for name, args, keywords in [
        ("argmax", (), {"axis": 1, "keepdims": True}),
        ("argmin", (), {}),
        ("argsort", (0,), {}),
        ("argpartition", (1,), {}),
        ("argwhere", (), {}),
        ("flatnonzero", (), {}),
        ("nonzero", (), {}),
        ("count_nonzero", (0,), {"keepdims": True}),
        ("any", (), {"axis": 0, "where": NUMBERS > 0}),
        ("all", (1,), {}),
        ("nanargmax", (1,), {}),
        ("nanargmin", (), {}),
        ("isin", (A[0],), {"invert": True}),
        ("lexsort", (), {}),
        ("tril_indices_from", (), {"k": 1}),
        ("triu_indices_from", (), {}),
        ("digitize", ([-1, 0, 1],), {}),
    ]:
        for function in (getattr(np, name), getattr(tg, name)):
            found = function(t, *args, **keywords)
            wanted = getattr(np, name)(A, *args, **keywords)
            if not isinstance(wanted, tuple):
                found, wanted = (found,), (wanted,)
            for y, expected in zip(found, wanted, strict=True):
                assert type(y) is tg.Tensor
                assert not y.requires_grad
                np.testing.assert_array_equal(y.numpy(), expected)
    np.testing.assert_array_equal(tg.searchsorted([0, 1, 2], tg.Variable(V)).numpy(),
                                  np.searchsorted([0, 1, 2], V))  # fmt: skip


# Histograms

MASSES = RNG.uniform(0.2, 1, size=7)


@pytest.mark.parametrize("density", [False, True])
@pytest.mark.parametrize(
    "call",
    [
        lambda x, w, d: np.histogram(x, 4, density=d, weights=w),
        lambda x, w, d: np.histogram(x, [-1, 0, 0.5, 2], density=d, weights=w),
        lambda x, w, d: np.histogram(x, 3, (-1.5, w[0]), density=d, weights=w),
        lambda x, w, d: np.histogram(V, w.sum() * np.array([-0.5, 0, 0.4]), density=d, weights=w),
        lambda x, w, d: np.histogram2d(x, x**2, [3, 2], density=d, weights=w),
        lambda x, w, d: np.histogram2d(x, V, [-2, 0, 0.4, 2], density=d, weights=w),
        lambda x, w, d: np.histogramdd([x, V, w], 2, density=d, weights=w),
        lambda x, w, d: np.histogramdd(x.reshape(-1, 1), (3,), ((-2, 2),), density=d, weights=w),
    ],
)
def test_histograms_by_weights(call, density):
    assert_like_numpy(lambda x, w: call(x, w, density), V, MASSES)


def test_counts_are_constant_and_edges_are_not():
    x = tg.Variable(V)
    counts, edges = np.histogram(x, 3)
    assert counts.dtype.kind == "i"
    assert not counts.requires_grad
    g = tg.gradients(edges[1], x)[0].numpy()
    np.testing.assert_allclose(g[[V.argmin(), V.argmax()]], [2 / 3, 1 / 3])
    assert not np.histogram(x, 3, range=(0, 1))[1].requires_grad


def test_histogram_of_equal_elements_and_of_none():
    for x in ([2.0, 2.0], np.zeros(0)):
        for found, wanted in zip(np.histogram(tg.Variable(x), 2), np.histogram(x, 2), strict=True):
            np.testing.assert_array_equal(found.numpy(), wanted)


def test_weights_in_the_last_edge_and_outside():
    w = tg.Variable([1.0, 2, 4, 8, 16])
    y, _ = np.histogram([0.0, 1, 2, 3, np.nan], [0, 1, 2], weights=w)
    np.testing.assert_array_equal(y.numpy(), [1, 6])
    np.testing.assert_array_equal(tg.gradients(y, w, [1.0, 3.0])[0].numpy(), [1, 3, 3, 0, 0])
    float32 = np.histogram([0.5], 1, weights=tg.Variable(np.ones(1, "f4")))[0]
    assert float32.dtype == np.float32
