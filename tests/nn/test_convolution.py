"""Convolution and its transpose: values, shapes, layers, errors.

Their derivatives are checked by finite differences in `tests/test_operations.py`, and beside
PyTorch's in `tests/peers/test_convolution_of_peers.py`.
"""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygraph as tg
from tinygraph import nn
from tinygraph.errors import ArgumentError, DTypeError, ShapeError
from tinygraph.nn import windows as windows_module

CONV = {1: nn.conv1d, 2: nn.conv2d}
TRANSPOSE = {1: nn.conv_transpose1d, 2: nn.conv_transpose2d}


def by_loops(x, kernel, bias, stride, pads, dilation, groups):
    """The definition, one output at a time."""
    batch = len(x)
    out, depth, *size = kernel.shape
    padded = np.pad(x, ((0, 0), (0, 0), *pads))
    outputs = [
        (n - (k - 1) * d - 1) // s + 1
        for n, k, d, s in zip(padded.shape[2:], size, dilation, stride, strict=True)
    ]
    y = np.zeros((batch, out, *outputs), np.result_type(x, kernel))
    for n, o in np.ndindex(batch, out):
        first = o // (out // groups) * depth
        for place in np.ndindex(*outputs):
            for c in range(depth):
                for i in np.ndindex(*size):
                    axes = zip(place, stride, i, dilation, strict=True)
                    at = tuple([p * s + j * d for p, s, j, d in axes])
                    y[(n, o, *place)] += padded[(n, first + c, *at)] * kernel[(o, c, *i)]
            y[(n, o, *place)] += bias[o]
    return y


@st.composite
def convolutions(draw):
    """x, kernel, bias, stride, pads, dilation, groups, with a window or more."""
    axes = draw(st.integers(1, 2))
    several = st.tuples(*[st.integers(1, 3)] * axes)
    size, stride, dilation = draw(several), draw(several), draw(several)
    pads = draw(st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 3))] * axes))
    spans = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    inputs = [
        draw(st.integers(max(1, span - sum(pair)), max(1, span - sum(pair)) + 3))
        for span, pair in zip(spans, pads, strict=True)
    ]
    groups = draw(st.integers(1, 2))
    depth, parts = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    x = rng.normal(size=(draw(st.integers(0, 2)), depth * groups, *inputs))
    kernel = rng.normal(size=(parts * groups, depth, *size))
    return x, kernel, rng.normal(size=parts * groups), stride, pads, dilation, groups


@settings(max_examples=120, deadline=None, derandomize=True)
@given(convolutions())
def test_is_its_definition(drawn):
    x, kernel, bias, stride, pads, dilation, groups = drawn
    y = CONV[len(stride)](
        x, kernel, bias, stride=stride, padding=pads, dilation=dilation, groups=groups
    )
    np.testing.assert_allclose(y.numpy(), by_loops(*drawn), rtol=0, atol=1e-12)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(convolutions())
def test_transpose_is_the_gradient_of_the_input(drawn):
    """Σ conv(x)·z = Σ x·transpose(z) for all x and z, as it is for a matrix and its transpose."""
    x, kernel, _, stride, pads, dilation, groups = drawn
    axes = len(stride)
    settings = {"stride": stride, "padding": pads, "dilation": dilation, "groups": groups}
    y = CONV[axes](x, kernel, **settings).numpy()
    z = np.random.default_rng(1).normal(size=y.shape)
    # What the last window does not reach.
    more = [
        (n + sum(pair) - (k - 1) * d - 1) % s
        for n, pair, k, d, s in zip(
            x.shape[2:], pads, kernel.shape[2:], dilation, stride, strict=True
        )
    ]
    back = TRANSPOSE[axes](z, kernel, output_padding=more, **settings).numpy()
    assert back.shape == x.shape
    assert math.isclose(np.sum(y * z), np.sum(x * back), rel_tol=1e-9, abs_tol=1e-9)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(convolutions(), st.sampled_from([1, 64, 400]))
def test_blocks_do_not_change_anything(drawn, block):
    """However little is worked on at once, in examples or in rows of one example."""
    *arrays, stride, pads, dilation, groups = drawn
    settings = {"stride": stride, "padding": pads, "dilation": dilation, "groups": groups}

    def derivatives():
        leaves = [tg.Variable(a) for a in arrays]
        y = CONV[len(stride)](*leaves, **settings)
        ct = np.random.default_rng(1).normal(size=y.shape)
        return [y.detach(), *tg.gradients(y, leaves, ct)]

    wanted = derivatives()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows_module, "BLOCK", block)
        patch.setattr(windows_module, "FEWEST", 1)
        found = derivatives()
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=0, atol=1e-12)


# Settings


@pytest.mark.parametrize(
    ("n", "k", "stride", "dilation", "pair"),
    [
        (5, 3, 1, 1, (1, 1)),
        (5, 2, 1, 1, (0, 1)),
        (5, 3, 2, 1, (1, 1)),
        (6, 3, 2, 1, (0, 1)),
        (7, 3, 1, 2, (2, 2)),
        (6, 1, 3, 1, (0, 0)),
        (4, 5, 4, 1, (0, 1)),
    ],
)
def test_same_pads_so_that_the_output_is_the_input_by_the_stride(n, k, stride, dilation, pair):
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(1, 1, n)), rng.normal(size=(1, 1, k))
    y = nn.conv1d(x, kernel, stride=stride, dilation=dilation, padding="same")
    assert y.shape == (1, 1, -(-n // stride))
    wanted = by_loops(x, kernel, [0.0], (stride,), (pair,), (dilation,), 1)
    np.testing.assert_allclose(y.numpy(), wanted, atol=1e-12)


def test_ways_to_write_padding_are_the_same():
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 1, 5, 4)), rng.normal(size=(3, 1, 3, 3))
    for ways in (
        [0, "valid", (0, 0), np.int64(0)],
        [1, "same", (1, 1), ((1, 1), (1, 1)), [[1, 1], [1, 1]]],
        [(2, 1), ((2, 2), (1, 1)), (2, (1, 1))],
    ):
        first, *others = [nn.conv2d(x, kernel, padding=way).numpy() for way in ways]
        for y in others:
            np.testing.assert_array_equal(y, first)


@pytest.mark.parametrize("k, stride", [(2, 2), (3, 2), (1, 3), (3, 1)])
def test_transpose_with_same_is_as_large_as_the_stride_makes_it(k, stride):
    z, kernel = np.ones((1, 2, 3, 4)), np.ones((2, 1, k, k))
    y = nn.conv_transpose2d(z, kernel, stride=stride, padding="same")
    assert y.shape == (1, 1, 3 * stride, 4 * stride)
    x = np.zeros(y.shape)
    assert nn.conv2d(x, kernel, stride=stride, padding="same").shape == z.shape


def test_transpose_without_overlap_writes_the_kernel_everywhere():
    z, kernel = np.array([[[[1.0, 2.0]]]]), np.array([[[[1.0, 10.0], [100.0, 1000.0]]]])
    y = nn.conv_transpose2d(z, kernel, np.array([0.5]), stride=2)
    wanted = [[1, 10, 2, 20], [100, 1000, 200, 2000]]
    np.testing.assert_array_equal(y.numpy()[0, 0], np.array(wanted) + 0.5)


def test_edges_of_the_course():
    """A vertical edge in an image of 6 × 6 pixels, as Course 4, week 1 finds it."""
    image = np.array([[10.0, 10, 10, 0, 0, 0]] * 6)
    vertical = np.array([[1.0, 0, -1]] * 3)
    y = nn.conv2d(image[np.newaxis, np.newaxis], vertical[np.newaxis, np.newaxis])
    np.testing.assert_array_equal(y.numpy()[0, 0], [[0, 30, 30, 0]] * 4)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64])
def test_dtype_stays(dtype):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=s).astype(dtype) for s in ((2, 2, 5, 5), (2, 2, 3, 3), (2,))]
    for function in (nn.conv2d, nn.conv_transpose2d):
        leaves = [tg.Variable(a) for a in arrays]
        y = function(*leaves, stride=2)
        assert y.dtype == dtype
        for g in tg.gradients(y, leaves, np.ones(y.shape, dtype)):
            assert g.dtype == dtype


def test_half_precision_adds_up_in_single():
    """1 + 1 + … stops at 2048 in half precision, and 300 · 300 is too large for it."""
    bias = tg.Variable(np.zeros(1, np.float16))
    x, kernel = np.ones((2, 1, 4000), np.float16), np.ones((1, 1, 1), np.float16)
    nn.conv1d(x, kernel, bias).sum().backward()
    assert bias.grad.item() == 8000
    row = np.full((1, 1, 2), 300, np.float16)
    assert nn.conv1d(row, np.array([[[300, -300]]], np.float16)).numpy().item() == 0


def test_images_of_bytes_are_promoted_as_by_numpy():
    image = np.full((1, 1, 3, 3), 200, np.uint8)
    y = nn.conv2d(image, np.ones((1, 1, 3, 3), np.float32))
    assert (y.dtype, y.numpy().item()) == (np.float32, 1800)
    assert nn.conv2d([[[[1, 2], [3, 4]]]], [[[[1, 1], [1, 1]]]]).numpy().item() == 10


def test_layout_of_images_does_not_matter():
    """Channels may lie last in memory, as images are often read."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(2, 5, 4, 3))
    kernel = rng.normal(size=(2, 3, 3, 3))
    x = np.moveaxis(images, -1, 1)
    for padding in ("same", "valid"):
        y = nn.conv2d(x, kernel, padding=padding)
        again = nn.conv2d(np.ascontiguousarray(x), kernel, padding=padding)
        np.testing.assert_array_equal(y.numpy(), again.numpy())


def test_the_input_of_the_first_layer_costs_nothing(monkeypatch):
    """Where x is not tracked, its gradient is not computed."""
    from tinygraph.nn import convolution

    def refuse(*args, **keywords):
        raise AssertionError("nobody asked for the gradient of x")

    monkeypatch.setattr(convolution, "convolution_input", refuse)
    kernel = tg.Variable(np.ones((1, 1, 2, 2)))
    nn.conv2d(np.ones((1, 1, 3, 3)), kernel).sum().backward()
    np.testing.assert_array_equal(kernel.grad.numpy(), np.full((1, 1, 2, 2), 4.0))


# Layers


def test_layer_is_the_function_with_its_parameters():
    x = np.random.default_rng(0).normal(size=(2, 4, 7, 6)).astype(np.float32)
    settings = {"stride": (1, 2), "padding": "same", "dilation": 2, "groups": 2}
    layer = nn.Conv2D(4, 6, (3, 2), activation="relu", **settings)
    layer.bias.assign(np.arange(6) - 3)
    wanted = np.maximum(nn.conv2d(x, layer.kernel, layer.bias, **settings).detach().numpy(), 0)
    y = layer(x)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y.detach().numpy(), wanted)
    assert {n: p.shape for n, p in layer.named_parameters()} == {
        "kernel": (6, 2, 3, 2), "bias": (6,)
    }  # fmt: skip


def test_transposed_layer_is_the_function_with_its_parameters():
    x = np.random.default_rng(0).normal(size=(2, 4, 3, 3)).astype(np.float32)
    settings = {"stride": 2, "padding": 1, "output_padding": 1, "dilation": 1, "groups": 2}
    layer = nn.ConvTranspose2D(4, 6, 3, activation=tg.tanh, **settings)
    wanted = tg.tanh(nn.conv_transpose2d(x, layer.kernel, layer.bias, **settings))
    np.testing.assert_array_equal(layer(x).detach().numpy(), wanted.detach().numpy())
    assert layer.kernel.shape == (4, 3, 3, 3)
    assert layer(x).shape == (2, 6, 6, 6)


def test_layers_along_one_axis():
    x = np.zeros((2, 3, 9), np.float32)
    assert nn.Conv1D(3, 4, 3, stride=2, padding="same")(x).shape == (2, 4, 5)
    assert nn.ConvTranspose1D(3, 4, 3, stride=2)(x).shape == (2, 4, 19)


@pytest.mark.parametrize("layer", [nn.Conv2D, nn.ConvTranspose2D])
def test_he_counts_the_inputs_of_a_group_times_the_kernel(layer):
    kernel = layer(64, 128, (3, 5), groups=2, generator=0).kernel.numpy()
    assert kernel.std() == pytest.approx(math.sqrt(2 / (32 * 3 * 5)), rel=0.02)
    assert kernel.dtype == np.float32


def test_initializer_of_ones_own_sees_inputs_and_outputs_last():
    def numbered(shape, generator):
        assert shape == (2, 3, 4, 6)
        return np.arange(math.prod(shape)).reshape(shape)

    kernel = nn.Conv2D(4, 6, (2, 3), initializer=numbered).kernel.numpy()
    weights = np.arange(144).reshape(2, 3, 4, 6)
    for i, j, c, o in itertools.product(range(2), range(3), range(4), range(6)):
        assert kernel[o, c, i, j] == weights[i, j, c, o]


def test_names_of_settings_stand_in_the_repr():
    assert repr(nn.Conv2D(1, 16, 3, padding="same", activation="relu")) == (
        "Conv2D(1, 16, 3, padding='same', activation=relu)"
    )
    layer = nn.ConvTranspose2D(4, 2, (2, 3), stride=2, output_padding=1, groups=2, bias=False)
    assert repr(layer) == (
        "ConvTranspose2D(4, 2, (2, 3), stride=2, output_padding=1, groups=2, bias=False)"
    )
    double = nn.Conv1D(1, 1, 2, dilation=3, dtype=np.float64)
    assert repr(double) == "Conv1D(1, 1, 2, dilation=3, dtype=float64)"


def test_a_small_network_learns_where_the_line_is():
    """Horizontal and vertical lines, told apart."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(32, 1, 8, 8)).astype(np.float32) * 0.1
    labels = np.arange(32) % 2
    for image, label in zip(images, labels, strict=True):
        line = rng.integers(8)
        image[0][(line, slice(None)) if label else (slice(None), line)] += 1
    model = nn.Sequential(
        nn.Conv2D(1, 4, 3, padding="same", activation="relu", generator=0),
        nn.MaxPool2D(2),
        nn.Conv2D(4, 4, 3, activation="relu", generator=1),
        nn.Flatten(),
        nn.Dense(16, 2, generator=2),
    )
    for _ in range(60):
        J = nn.softmax_cross_entropy(model(images), labels)
        assert J.dtype == np.float32
        model.zero_grad()
        J.backward()
        for p in model.parameters():
            p.assign(p.numpy() - 0.3 * p.grad.numpy())
    assert (model(images).detach().numpy().argmax(axis=1) == labels).all()


# Mistakes


def says(caught, *words):
    for word in words:
        assert word in str(caught.value)


IMAGES, KERNEL = (2, 3, 8, 8), (4, 3, 3, 3)
REFUSED = [
    ((8, 8), (4, 1, 3, 3), {}, ShapeError, ["(8, 8)", "x[np.newaxis, np.newaxis]", "reshape"]),
    ((5, 8, 8), (4, 1, 3, 3), {}, ShapeError, ["(5, 8, 8)", "x[:, np.newaxis]"]),
    ((3, 8, 8), KERNEL, {}, ShapeError, ["x[np.newaxis]", "one example"]),
    ((2, 8, 8, 3), KERNEL, {}, ShapeError, ["8 channels", "np.moveaxis(x, -1, 1)"]),
    ((2, 5, 8, 8), KERNEL, {}, ShapeError, ["(2, 5, 8, 8)", "5 channels", "for 3"]),
    ((2, 3, 8, 8, 1), KERNEL, {}, ShapeError, ["5 axes, not 4"]),
    (IMAGES, (4, 3, 3), {}, ShapeError, ["(4, 3, 3)", "(out, in / groups, height, width)"]),
    (IMAGES, KERNEL, {"groups": 3}, ShapeError, ["3 channels", "for 9"]),
    (IMAGES, (4, 1, 3, 3), {"groups": 3}, ShapeError, ["4 output channels", "multiple of 3"]),
    (IMAGES, KERNEL, {"bias": np.zeros(3)}, ShapeError, ["bias", "(3,)", "(4,)"]),
    (IMAGES, (4, 3, 9, 9), {}, ShapeError, ["(9, 9)", "(8, 8)", "padding='same'"]),
    (IMAGES, KERNEL, {"dilation": 4}, ShapeError, ["(3, 3)", "(9, 9)"]),
    (IMAGES, KERNEL, {"stride": 0}, ArgumentError, ["stride=0", "positive"]),
    (IMAGES, KERNEL, {"stride": (1, 2, 3)}, ArgumentError, ["(1, 2, 3)", "2 of them"]),
    (IMAGES, KERNEL, {"stride": 1.5}, ArgumentError, ["stride=1.5"]),
    (IMAGES, KERNEL, {"dilation": -1}, ArgumentError, ["dilation=-1"]),
    (IMAGES, KERNEL, {"groups": True}, ArgumentError, ["groups=True"]),
    (IMAGES, KERNEL, {"padding": "SAME"}, ArgumentError, ["'SAME'", "'same', 'valid'"]),
    (IMAGES, KERNEL, {"padding": -1}, ArgumentError, ["padding=-1", "0 or more"]),
    (IMAGES, KERNEL, {"padding": (1, 2, 3, 4)}, ArgumentError, ["(1, 2, 3, 4)", "(before, after)"]),
    (IMAGES, KERNEL, {"padding": True}, ArgumentError, ["padding=True"]),
]


@pytest.mark.parametrize(("x", "kernel", "settings", "error", "words"), REFUSED)
def test_conv2d_says_what_is_wrong(x, kernel, settings, error, words):
    with pytest.raises(error) as caught:
        nn.conv2d(np.zeros(x), np.zeros(kernel), **settings)
    says(caught, "conv2d", *words)


@pytest.mark.parametrize(
    ("x", "kernel", "settings", "error", "words"),
    [
        ((2, 3, 4, 4), (4, 3, 3, 3), {}, ShapeError, ["3 channels", "for 4"]),
        ((2, 3, 4, 4), (3, 4, 3, 3), {"groups": 2}, ShapeError, ["3 input", "multiple of 2"]),
        ((2, 3, 4, 4), (3, 2, 2, 2), {"bias": np.zeros(3)}, ShapeError, ["(3,)", "(2,)"]),
        ((2, 3, 1, 1), (3, 2, 2, 2), {"padding": 1}, ShapeError, ["(0, 0)", "less padding"]),
        ((2, 3, 4, 4), (3, 2, 2, 2), {"output_padding": 1}, ArgumentError,
         ["output_padding=1", "(1, 1)", "below the stride"]),
        ((2, 3, 4, 4), (3, 2, 2, 2), {"output_padding": 1, "stride": 2, "padding": "same"},
         ArgumentError, ["'same'", "output_padding=1"]),
    ],
)  # fmt: skip
def test_conv_transpose2d_says_what_is_wrong(x, kernel, settings, error, words):
    with pytest.raises(error) as caught:
        nn.conv_transpose2d(np.zeros(x), np.zeros(kernel), **settings)
    says(caught, "conv_transpose2d", *words)


@pytest.mark.parametrize(
    ("arguments", "settings", "error", "words"),
    [
        ((0, 4, 3), {}, ArgumentError, ["in_channels=0"]),
        ((1, 4, (3, 3, 3)), {}, ArgumentError, ["kernel_size=(3, 3, 3)", "2 of them"]),
        ((1, 4, 3), {"padding": "full"}, ArgumentError, ["'full'"]),
        ((3, 4, 3), {"groups": 2}, ArgumentError, ["in_channels=3", "groups=2"]),
        ((4, 3, 3), {"groups": 2}, ArgumentError, ["out_channels=3", "groups=2"]),
        ((1, 4, 3), {"activation": "rellu"}, ArgumentError, ["did you mean 'relu'"]),
        ((1, 4, 3), {"initializer": "hee"}, ArgumentError, ["did you mean 'he'"]),
        ((1, 4, 3), {"dtype": int}, DTypeError, ["int64", "floating"]),
    ],
)
@pytest.mark.parametrize("layer", [nn.Conv2D, nn.ConvTranspose2D])
def test_layers_refuse_settings(layer, arguments, settings, error, words):
    with pytest.raises(error) as caught:
        layer(*arguments, **settings)
    says(caught, layer.__name__, *words)


def test_layer_speaks_of_itself():
    with pytest.raises(ShapeError) as caught:
        nn.Conv2D(1, 4, 3)(np.zeros((64, 28, 28)))
    says(caught, "Conv2D: ", "(64, 28, 28)", "x[:, np.newaxis]")
    with pytest.raises(ShapeError) as caught:
        nn.Conv2D(1, 4, 9)(np.zeros((64, 1, 8, 8)))
    says(caught, "Conv2D: ", "(9, 9)", "(8, 8)")


# Flatten


def test_flatten():
    x = np.arange(24.0).reshape(2, 3, 2, 2)
    np.testing.assert_array_equal(nn.Flatten()(x), x.reshape(2, 12))
    np.testing.assert_array_equal(nn.Flatten(2)(x), x.reshape(2, 3, 4))
    np.testing.assert_array_equal(nn.Flatten(0)(x), x.reshape(24))
    assert nn.Flatten()(np.zeros(5)).shape == (5, 1)
    assert nn.Flatten()(np.zeros((0, 2, 3))).shape == (0, 6)
    rows = tg.Variable(np.zeros((4, 3)))
    assert nn.Flatten()(rows) is rows
    leaf = tg.Variable(x)
    nn.Flatten()(leaf).backward(np.arange(24.0).reshape(2, 12))
    np.testing.assert_array_equal(leaf.grad.numpy(), x)
    assert repr(nn.Flatten()) == "Flatten()"
    assert repr(nn.Flatten(2)) == "Flatten(start_axis=2)"


def test_flatten_refuses():
    for wrong in (-1, "1", True, 1.0):
        with pytest.raises(ArgumentError, match="start_axis"):
            nn.Flatten(wrong)
    with pytest.raises(ShapeError, match=r"\(\)"):
        nn.Flatten()(np.float64(3.0))
