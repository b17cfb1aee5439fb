"""Pooling: values, ties, NaN, layers, errors.

Derivatives are checked by finite differences in `tests/test_operations.py`, and beside PyTorch's in
`tests/peers/test_convolution_of_peers.py`.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygraph as tg
from tinygraph import nn
from tinygraph.errors import ArgumentError, DTypeError, ShapeError

POOLS = {
    ("max", 1): nn.max_pool1d,
    ("max", 2): nn.max_pool2d,
    ("avg", 1): nn.avg_pool1d,
    ("avg", 2): nn.avg_pool2d,
}


def seen(x, size, stride, pads):
    """For each window, the index of its elements that are not padding."""
    inputs = x.shape[2:]
    outputs = [
        (n + sum(pair) - k) // s + 1
        for n, pair, k, s in zip(inputs, pads, size, stride, strict=True)
    ]
    for place in np.ndindex(*outputs):
        axes = zip(place, stride, pads, size, inputs, strict=True)
        yield (
            place,
            tuple(
                [
                    slice(max(0, p * s - before), max(0, min(n, p * s - before + k)))
                    for p, s, (before, _), k, n in axes
                ]
            ),
        )


@st.composite
def pools(draw):
    """x with many equal numbers, size, stride, pads."""
    axes = draw(st.integers(1, 2))
    size = draw(st.tuples(*[st.integers(1, 3)] * axes))
    stride = draw(st.tuples(*[st.integers(1, 3)] * axes))
    pads = tuple([draw(st.tuples(*[st.integers(0, k - 1)] * 2)) for k in size])
    inputs = [draw(st.integers(k, k + 4)) for k in size]
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    return rng.integers(-3, 3, (draw(st.integers(0, 2)), 2, *inputs)) * 0.5, size, stride, pads


@settings(max_examples=120, deadline=None, derandomize=True)
@given(pools())
def test_max_is_its_definition_and_ties_share(drawn):
    x, size, stride, pads = drawn
    leaf = tg.Variable(x)
    y = POOLS["max", len(size)](leaf, size, stride=stride, padding=pads)
    ct = np.random.default_rng(1).normal(size=y.shape)
    y.backward(ct)
    gradient = np.zeros(x.shape)
    for place, window in seen(x, size, stride, pads):
        for n, c in np.ndindex(x.shape[:2]):
            part = x[(n, c, *window)]
            reached = part == part.max()
            np.testing.assert_array_equal(y.detach().numpy()[(n, c, *place)], part.max())
            gradient[(n, c, *window)] += ct[(n, c, *place)] * reached / reached.sum()
    np.testing.assert_allclose(leaf.grad.numpy(), gradient, rtol=0, atol=1e-12)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(pools(), st.booleans())
def test_mean_is_its_definition(drawn, count_padding):
    x, size, stride, pads = drawn
    pool = POOLS["avg", len(size)]
    y = pool(x, size, stride=stride, padding=pads, count_padding=count_padding).numpy()
    for place, window in seen(x, size, stride, pads):
        part = x[(..., *window)]
        inside = part[0, 0].size if len(x) else 1
        count = np.prod(size) if count_padding else inside
        wanted = part.sum(axis=tuple(range(2, x.ndim))) / count
        np.testing.assert_allclose(y[(..., *place)], wanted, rtol=0, atol=1e-12)


def test_windows_that_do_not_fit_are_left_out_and_get_no_gradient():
    x = tg.Variable(np.arange(15.0).reshape(1, 1, 3, 5))
    for pool in (nn.max_pool2d, nn.avg_pool2d):
        x.zero_grad()
        y = pool(x, 2)
        assert y.shape == (1, 1, 1, 2)
        y.sum().backward()
        g = x.grad.numpy()[0, 0]
        assert not g[2].any() and not g[:, 4].any()
        assert g.sum() == 2


def test_same_makes_as_many_windows_as_the_stride_goes_into_the_input():
    x = np.arange(25.0).reshape(1, 1, 5, 5)
    y = nn.max_pool2d(x, 2, padding="same").numpy()[0, 0]
    np.testing.assert_array_equal(y, [[6, 8, 9], [16, 18, 19], [21, 23, 24]])
    y = nn.avg_pool2d(x, 2, padding="same", count_padding=False).numpy()[0, 0]
    np.testing.assert_array_equal(y[2], [20.5, 22.5, 24])
    assert nn.max_pool1d(x[0], 3, stride=2, padding="same").shape == (1, 5, 3)


def test_padding_is_never_the_largest():
    x = tg.Variable(np.full((1, 1, 2, 2), -5.0))
    y = nn.max_pool2d(x, 2, stride=1, padding=1)
    np.testing.assert_array_equal(y.detach().numpy(), np.full((1, 1, 3, 3), -5.0))
    lowest = tg.Variable(np.full((1, 1, 3), -np.inf))
    nn.max_pool1d(lowest, 2, stride=2, padding=((1, 0),)).sum().backward()
    np.testing.assert_array_equal(lowest.grad.numpy()[0, 0], [1, 0.5, 0.5])
    small = nn.max_pool1d(np.array([[[-7, -9]]]), 2, stride=1, padding=1)
    np.testing.assert_array_equal(small.numpy()[0, 0], [-7, -7, -9])


def test_nan_is_the_largest_and_its_window_has_no_gradient():
    x = tg.Variable(np.array([[[1.0, np.nan, 3.0, 2.0]]]))
    y = nn.max_pool1d(x, 2)
    np.testing.assert_array_equal(y.detach().numpy(), [[[np.nan, 3.0]]])
    y.backward(np.ones((1, 1, 2)))
    np.testing.assert_array_equal(x.grad.numpy(), [[[0, 0, 1, 0]]])
    mean = nn.avg_pool1d(x, 2).detach().numpy()
    np.testing.assert_array_equal(mean, [[[np.nan, 2.5]]])


def test_after_relu_where_windows_are_all_0():
    """All four share, which relu then stops."""
    x = tg.Variable(np.array([[[[-1.0, -2.0, 3.0, -1.0], [-1.0, -1.0, 1.0, 2.0]]]]))
    nn.max_pool2d(tg.relu(x), 2).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy()[0, 0], [[0, 0, 1, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_stays(dtype):
    x = tg.Variable(np.random.default_rng(0).normal(size=(2, 2, 5, 5)).astype(dtype))
    for function in (
        lambda x: nn.max_pool2d(x, 3, stride=2, padding=1),
        lambda x: nn.max_pool2d(tg.round(x), 2),
        lambda x: nn.avg_pool2d(x, 3, stride=2, padding=1, count_padding=False),
        nn.global_max_pool,
        nn.global_avg_pool,
    ):
        x.zero_grad()
        y = function(x)
        assert y.dtype == dtype
        y.sum().backward()
        assert x.grad.dtype == dtype


def test_integers():
    x = np.array([[[250, 252, 3, 4]]], np.uint8)
    y = nn.max_pool1d(x, 2)
    assert y.dtype == np.uint8
    np.testing.assert_array_equal(y.numpy(), [[[252, 4]]])
    np.testing.assert_array_equal(nn.avg_pool1d(x, 2).numpy(), [[[251.0, 3.5]]])


def test_a_window_of_one_element_is_a_copy():
    x = np.arange(4.0).reshape(1, 1, 4)
    y = nn.max_pool1d(x, 1)
    assert not np.shares_memory(y.numpy(), x)
    np.testing.assert_array_equal(nn.max_pool1d(x, 1, stride=2).numpy(), [[[0, 2]]])


def test_global_pools():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    np.testing.assert_array_equal(nn.global_max_pool(x).numpy(), x.max(axis=(2, 3)))
    np.testing.assert_allclose(nn.global_avg_pool(x).numpy(), x.mean(axis=(2, 3)), rtol=1e-12)
    np.testing.assert_array_equal(nn.GlobalMaxPool2D()(x).numpy(), x.max(axis=(2, 3)))
    assert nn.GlobalAvgPool2D()(x).shape == nn.global_avg_pool(x[..., 0]).shape == (2, 3)
    for function in (nn.global_max_pool, nn.global_avg_pool):
        with pytest.raises(ShapeError, match=r"\(2, 3\)"):
            function(x[..., 0, 0])
    with pytest.raises(ShapeError, match="GlobalAvgPool2D"):
        nn.GlobalAvgPool2D()(x[0])


def test_layers_are_the_functions():
    x = np.random.default_rng(0).normal(size=(2, 3, 7, 6)).astype(np.float32)
    pairs = [
        (nn.MaxPool2D((2, 3), stride=(1, 2), padding=1),
         nn.max_pool2d(x, (2, 3), stride=(1, 2), padding=1)),
        (nn.AvgPool2D(3, padding=1, count_padding=False),
         nn.avg_pool2d(x, 3, padding=1, count_padding=False)),
    ]  # fmt: skip
    for layer, wanted in pairs:
        np.testing.assert_array_equal(layer(x).numpy(), wanted.numpy())
    np.testing.assert_array_equal(
        nn.max_pool2d(x, 3, 1).numpy(), nn.max_pool2d(x, 3, stride=1).numpy()
    )
    assert nn.MaxPool2D(3, 2)(x).shape == (2, 3, 3, 2)
    line = x[..., 0]
    np.testing.assert_array_equal(nn.MaxPool1D(2)(line).numpy(), nn.max_pool1d(line, 2).numpy())
    np.testing.assert_array_equal(nn.AvgPool1D(2)(line).numpy(), nn.avg_pool1d(line, 2).numpy())
    assert [repr(layer) for layer, _ in pairs] == [
        "MaxPool2D((2, 3), stride=(1, 2), padding=1)",
        "AvgPool2D(3, padding=1, count_padding=False)",
    ]
    assert repr(nn.MaxPool1D(2, stride=1, padding="same")) == (
        "MaxPool1D(2, stride=1, padding='same')"
    )


@pytest.mark.parametrize(
    ("shape", "size", "settings", "error", "words"),
    [
        ((4, 4), 2, {}, ShapeError, ["(4, 4)", "(batch, channels, height, width)"]),
        ((3, 4, 4), 2, {}, ShapeError, ["(3, 4, 4)", "x[np.newaxis]"]),
        ((1, 1, 4, 4), 5, {}, ShapeError, ["(5, 5)", "(4, 4)"]),
        ((1, 1, 4, 4), (2, 2, 2), {}, ArgumentError, ["size=(2, 2, 2)"]),
        ((1, 1, 4, 4), 0, {}, ArgumentError, ["size=0"]),
        ((1, 1, 4, 4), 2, {"stride": 0}, ArgumentError, ["stride=0"]),
        ((1, 1, 4, 4), 2, {"padding": 2}, ArgumentError, ["padding=2", "smaller"]),
        ((1, 1, 4, 4), 2, {"padding": "all"}, ArgumentError, ["'all'"]),
    ],
)
@pytest.mark.parametrize("pool", [nn.max_pool2d, nn.avg_pool2d])
def test_says_what_is_wrong(pool, shape, size, settings, error, words):
    with pytest.raises(error) as caught:
        pool(np.zeros(shape), size, **settings)
    for word in [pool.__name__, *words]:
        assert word in str(caught.value)


def test_complex_numbers_have_no_largest():
    with pytest.raises(DTypeError, match="complex"):
        nn.max_pool1d(np.ones((1, 1, 4), complex), 2)
    y = nn.avg_pool1d(np.array([[[1j, 3j]]]), 2)
    np.testing.assert_array_equal(y.numpy(), [[[2j]]])


@pytest.mark.parametrize("layer", [nn.MaxPool1D, nn.AvgPool2D])
def test_layers_refuse_settings(layer):
    for arguments, words in [((0,), {}), ((2,), {"stride": -1}), ((2,), {"padding": "SAME"})]:
        with pytest.raises(ArgumentError, match=layer.__name__):
            layer(*arguments, **words)
