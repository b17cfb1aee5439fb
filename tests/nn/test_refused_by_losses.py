"""What losses refuse or warn of, and what the message says."""

import functools

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.errors import (
    ArgumentError,
    AxisError,
    DTypeError,
    IndexingError,
    NotDifferentiable,
    ShapeError,
    WeightsError,
)

Z = np.zeros((4, 3))
REFUSED = [
    # softmax: classes
    (nn.softmax_cross_entropy, (Z, [0, 1, 3, 2]), IndexingError, ["label 3", "0 … 2"]),
    (nn.softmax_cross_entropy, (Z, [1, 2, 3, 1]), IndexingError, ["subtract 1"]),
    (nn.softmax_cross_entropy, (Z, [0, -1, 0, 0]), IndexingError, ["label -1"]),
    (nn.softmax_cross_entropy, (Z[0], 3), IndexingError, ["label 3"]),
    (nn.softmax_cross_entropy, (Z, [0.0, 1.0, 2.0, 0.0]), DTypeError, ["float64", "astype(int)"]),
    (nn.softmax_cross_entropy, (Z, [True] * 4), DTypeError, ["bool", "astype(int)"]),
    (nn.softmax_cross_entropy, (Z, ["a"] * 4), DTypeError, ["labels", "not numeric"]),
    # softmax: shapes
    (nn.softmax_cross_entropy, (Z, [[0], [1], [2], [0]]), ShapeError, ["(4, 1)", "reshape((4,))"]),
    (nn.softmax_cross_entropy, (Z, [0, 1, 2]), ShapeError, ["(3,)", "(4, 3)", "(4,)"]),
    (nn.softmax_cross_entropy, (Z, np.eye(4)[:3]), ShapeError, ["(3, 4)", "transpose", "axis="]),
    (nn.softmax_cross_entropy, (Z, 0), ShapeError, ["()", "(4,)"]),
    (nn.softmax_cross_entropy, (Z[:, :1], Z[:, 0].astype(int)), ShapeError,
     ["1 class", "sigmoid_cross_entropy"]),
    (nn.softmax_cross_entropy, (0.5, 0), ShapeError, ["no classes", "axis"]),
    (nn.softmax_cross_entropy, (Z[:0], np.zeros(0, int)), ShapeError, ["(0, 3)", "example"]),
    # softmax: probabilities
    (nn.softmax_cross_entropy, (Z, Z), ArgumentError, ["add up to 1", "a sum of 0"]),
    (nn.softmax_cross_entropy, (Z, np.ones((4, 3))), ArgumentError,
     ["a sum of 3", "sigmoid_cross_entropy"]),
    (nn.softmax_cross_entropy, (Z, [[2.0, -1.0, 0.0]] * 4), ArgumentError, ["negative"]),
    (nn.softmax_cross_entropy, (Z, np.full((4, 3), np.nan)), ArgumentError, ["a sum of nan"]),
    # sigmoid
    (nn.sigmoid_cross_entropy, (Z[:, :1], [0, 1, 0, 1]), ShapeError,
     ["(4,)", "(4, 1)", "labels.reshape((4, 1))"]),
    (nn.sigmoid_cross_entropy, (Z[:, 0], [0, 1, 0]), ShapeError, ["(3,)", "(4,)"]),
    (nn.sigmoid_cross_entropy, (Z[:, 0], [-1, 1, -1, 1]), ArgumentError, ["(labels + 1) / 2"]),
    (nn.sigmoid_cross_entropy, (Z[:, 0], [0, 1, 2, 1]), ArgumentError, ["softmax_cross_entropy"]),
    (nn.sigmoid_cross_entropy, (Z[:0, 0], []), ShapeError, ["(0,)", "example"]),
    # squared error
    (nn.mean_squared_error, (Z[:, :1], Z[:, 0]), ShapeError,
     ["(4,)", "(4, 1)", "targets.reshape((4, 1))"]),
    # settings
    (functools.partial(nn.softmax_cross_entropy, label_smoothing=1.5), (Z, [0, 1, 2, 0]),
     ArgumentError, ["label_smoothing=1.5", "[0, 1)"]),
    (functools.partial(nn.softmax_cross_entropy, ignore_index="pad"), (Z, [0, 1, 2, 0]),
     ArgumentError, ["ignore_index='pad'", "integer"]),
    (functools.partial(nn.softmax_cross_entropy, ignore_index=0), (Z, np.eye(3)[[0, 1, 2, 0]]),
     ArgumentError, ["ignore_index=0", "probabilities", "weights="]),
    (functools.partial(nn.softmax_cross_entropy, ignore_index=9), (Z, [0, 9, 3, 0]),
     IndexingError, ["label 3", "0 … 2"]),
    (functools.partial(nn.softmax_cross_entropy, weights=[1, 2, 3]), (Z, [0, 1, 2, 0]),
     ShapeError, ["weights of shape (3,)", "(4,)", "class_weights="]),
    (functools.partial(nn.softmax_cross_entropy, weights=[[1], [2], [3], [0]]), (Z, [0, 1, 2, 0]),
     ShapeError, ["weights.reshape((4,))"]),
    (functools.partial(nn.softmax_cross_entropy, class_weights=[1, 2, 3, 4]), (Z, [0, 1, 2, 0]),
     ShapeError, ["class_weights of shape (4,)", "(3,)", "weights="]),
    (functools.partial(nn.softmax_cross_entropy, class_weights=[1, -2, 3]), (Z, [0, 1, 2, 0]),
     ArgumentError, ["class weight of -2", "0 or more"]),
    (functools.partial(nn.softmax_cross_entropy, weights=[1, -1, 0, 0]), (Z, [0, 1, 2, 0]),
     WeightsError, ["add up to 0", "reduction='sum'"]),
    (functools.partial(nn.softmax_cross_entropy, weights=["a"] * 4), (Z, [0, 1, 2, 0]),
     DTypeError, ["weights"]),
    (functools.partial(nn.sigmoid_cross_entropy, weights=[1, 2, 3, 4]), (Z, Z), ShapeError,
     ["weights of shape (4,)", "weights[..., np.newaxis]"]),
    (functools.partial(nn.sigmoid_cross_entropy, pos_weight=[1, 2, 3, 4]), (Z, Z), ShapeError,
     ["pos_weight of shape (4,)", "(3,)"]),
    (functools.partial(nn.sigmoid_cross_entropy, pos_weight=-1), (Z, Z), ArgumentError,
     ["pos_weight=-1", "0 or more"]),
    (functools.partial(nn.mean_squared_error, weights=[1, 2, 3, 4]), (Z, Z), ShapeError,
     ["weights of shape (4,)", "weights[..., np.newaxis]"]),
    (functools.partial(nn.mean_squared_error, weights=np.zeros((4, 3))), (Z, Z), WeightsError,
     ["add up to 0"]),
    (nn.mean_squared_error, (Z[:0], Z[:0]), ShapeError, ["(0, 3)", "example"]),
    (nn.mean_absolute_error, (Z[:, :1], Z[:, 0]), ShapeError, ["targets.reshape((4, 1))"]),
    (nn.mean_absolute_error, (Z * 1j, Z), DTypeError, ["complex128", "real"]),
    (functools.partial(nn.huber, delta=0), (Z, Z), ArgumentError, ["delta=0", "positive"]),
    # probabilities
    (nn.cross_entropy, (Z, [0, 1, 2, 0]), ArgumentError,
     ["a sum of 0", "softmax_cross_entropy", "axis="]),
    (nn.cross_entropy, (np.eye(3, dtype=int), [0, 1, 2]), DTypeError, ["int64", "floating"]),
    (nn.cross_entropy, (np.eye(3), [0, 1, 3]), IndexingError, ["label 3", "0 … 2"]),
    (nn.cross_entropy, (np.eye(3), [[0], [1], [2]]), ShapeError, ["reshape((3,))"]),
    (nn.cross_entropy, (np.eye(3), [0.0, 1.0, 2.0]), DTypeError, ["astype(int)"]),
    (nn.binary_cross_entropy, (Z[0] + 2, [0, 1, 0]), ArgumentError,
     ["from 2.0 to 2.0", "sigmoid_cross_entropy"]),
    (nn.binary_cross_entropy, (Z[0], [-1, 1, 1]), ArgumentError, ["(labels + 1) / 2"]),
    (nn.binary_cross_entropy, (Z[:, :1], [0, 1, 0, 1]), ShapeError, ["reshape((4, 1))"]),
    (nn.kl_divergence, (np.eye(3), Z[:3]), ArgumentError, ["q are probabilities", "a sum of 0"]),
    (nn.kl_divergence, (np.eye(3), np.eye(3)[:2]), ShapeError, ["(2, 3)", "(3, 3)"]),
    (functools.partial(nn.kl_divergence, log=True), (np.eye(3), np.eye(3)), ArgumentError,
     ["the exponentials of p", "tg.log_softmax"]),
    (functools.partial(nn.kl_divergence, weights=[1, 2]), (np.eye(3), np.eye(3)), ShapeError,
     ["weights of shape (2,)", "(3,)"]),
    # hinge
    (nn.hinge, (Z[0], [0, 1, 1]), ArgumentError, ["2 * labels - 1"]),
    (nn.hinge, (Z[0], [0, 1, 2]), ArgumentError, ["from 0 to 2", "−1 or 1"]),
    (nn.hinge, (Z[:, :1], [1, 1, 1, -1]), ShapeError, ["reshape((4, 1))"]),
    (nn.hinge, ([1, -1], [0.5, 0.5]), DTypeError, ["int64", "labels come second"]),
    (functools.partial(nn.hinge, margin=-1), (Z[0], [1, 1, 1]), ArgumentError, ["margin=-1"]),
    (functools.partial(nn.mean_squared_error, reduction="max"), (Z, Z), ArgumentError, ["'max'"]),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "arguments", "error", "words"), REFUSED)
def test_refused(loss, arguments, error, words):
    with pytest.raises(error) as caught:
        loss(*arguments)
    assert_says(caught, getattr(loss, "func", loss).__name__, *words)


@pytest.mark.parametrize("loss", [nn.softmax_cross_entropy, nn.sigmoid_cross_entropy])
def test_refused_logits_and_settings(loss):
    z, y = np.zeros((2, 2)), np.eye(2)
    tracked = tg.tensor(y, requires_grad=True)
    for arguments, settings, error, words in [
        ((z.astype(int), y), {}, DTypeError, ["logits of dtype int64", "floating"]),
        ((z.astype(complex), y), {}, DTypeError, ["logits of dtype complex128"]),
        ((z, y), {"reduction": "average"}, ArgumentError, ["'average'", "'mean'"]),
        ((z, y), {"from_logits": True}, ArgumentError, ["from_logits", "reduction"]),
        ((z, y.astype(complex)), {}, DTypeError, ["labels of dtype complex128"]),
        ((z, tracked), {}, NotDifferentiable, ["as labels", "(logits, labels)", ".detach()"]),
        ((nn.Dense(2, 2), y), {}, ArgumentError, ["the module Dense", "model(x)"]),
    ]:
        with pytest.raises(error) as caught:
            loss(*arguments, **settings)
        assert_says(caught, loss.__name__, *words)


def test_refused_axis():
    with pytest.raises(AxisError) as caught:
        nn.softmax_cross_entropy(Z, [0, 1, 2, 0], axis=2)
    assert_says(caught, "softmax_cross_entropy", "axis 2", "-2…1")


@pytest.mark.parametrize(
    ("loss", "activation", "labels"),
    [
        (nn.softmax_cross_entropy, tg.softmax, [0, 1, 2, 0]),
        (nn.sigmoid_cross_entropy, tg.sigmoid, np.zeros((4, 3))),
    ],
)
def test_activation_applied_twice_is_refused(loss, activation, labels):
    logits = tg.tensor(Z, requires_grad=True)
    with pytest.raises(ArgumentError) as caught:
        loss(activation(logits), labels)
    assert_says(caught, loss.__name__, activation.__name__, "second time", "pass the logits")


def assert_says(caught, *words):
    for word in words:
        assert word in str(caught.value)


# Probabilities in the place of logits


@pytest.mark.parametrize(
    ("shape", "axis"), [((5, 3), -1), ((5, 3), 1), ((3, 5), 0), ((2, 3, 4), 1), ((4,), 0)]
)
def test_probabilities_as_logits_are_warned_of(shape, axis):
    rng = np.random.default_rng(0)
    p = np.moveaxis(rng.dirichlet(np.ones(shape[axis]), np.delete(shape, axis)), -1, axis)
    labels = rng.integers(0, shape[axis], np.delete(shape, axis))
    for dtype in (np.float32, np.float64):
        with pytest.warns(nn.LogitsWarning, match="softmax_cross_entropy: .* before softmax") as w:
            nn.softmax_cross_entropy(p.astype(dtype), labels, axis=axis)
        assert w[0].filename == __file__
    with pytest.warns(nn.LogitsWarning):
        nn.softmax_cross_entropy(tg.tensor(p), labels, axis=axis, label_smoothing=0.1)


def test_other_logits_are_not_warned_of():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), 4)
    almost = p.copy()
    almost[2] *= 1.01
    shifted = p + [[0.5, -0.5, 0.0]]
    for z in (np.zeros((4, 3)), np.full((4, 3), 0.5), almost, shifted, rng.random((4, 3)), 2 * p):
        nn.softmax_cross_entropy(z, [0, 1, 2, 0])
    nn.softmax_cross_entropy(p.T, [0, 1, 2])  # they add up to 1 along the other axis
