"""Losses: the course's formulas, their gradients, and what is refused."""

import math

import numpy as np
import pytest
from derivatives import assert_gradient

import tinygraph as tg
from tinygraph import nn


def softmax(z, axis=-1):
    t = np.exp(z - z.max(axis, keepdims=True))
    return t / t.sum(axis, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def one_hot(labels, classes, axis):
    return np.moveaxis(np.eye(classes)[labels], -1, axis)


AXES = [((5, 3), -1), ((5, 3), 1), ((3, 5), 0), ((2, 3, 4), 1), ((2, 3, 4), -3), ((4,), 0)]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def classes_for(shape, axis, rng):
    """Logits, class labels, and the same labels one-hot."""
    examples = tuple(np.delete(shape, axis))
    labels = np.asarray(rng.integers(0, shape[axis], examples))
    return rng.normal(size=shape), labels, one_hot(labels, shape[axis], axis)


# Softmax cross-entropy


@pytest.mark.parametrize("kind", ["classes", "one-hot", "probabilities"])
@pytest.mark.parametrize(("shape", "axis"), AXES)
def test_softmax_cross_entropy_of_the_course(shape, axis, kind, rng):
    z, labels, y = classes_for(shape, axis, rng)
    if kind == "probabilities":
        y = softmax(rng.normal(size=shape), axis)
    logits = tg.tensor(z, requires_grad=True)
    cost = nn.softmax_cross_entropy(logits, labels if kind == "classes" else y, axis=axis)
    cost.backward()
    m = labels.size
    np.testing.assert_allclose(cost.item(), -np.sum(y * np.log(softmax(z, axis))) / m, rtol=1e-12)
    np.testing.assert_allclose(logits.grad.numpy(), (softmax(z, axis) - y) / m, atol=1e-15)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("shape", "axis"), AXES)
def test_softmax_cross_entropy_is_its_composition(shape, axis, reduction, rng):
    z, labels, y = classes_for(shape, axis, rng)
    ours, composed = (tg.tensor(z, requires_grad=True) for _ in range(2))
    fused = nn.softmax_cross_entropy(ours, labels, axis=axis, reduction=reduction)
    losses = -(y * tg.log_softmax(composed, axis=axis)).sum(axis=axis)
    wanted = {"mean": losses.mean(), "sum": losses.sum(), "none": losses}[reduction]
    ct = rng.normal(size=wanted.shape)
    fused.backward(ct)
    wanted.backward(ct)
    assert fused.shape == wanted.shape
    np.testing.assert_allclose(fused.detach().numpy(), wanted.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(ours.grad.numpy(), composed.grad.numpy(), atol=1e-14)


@pytest.mark.parametrize("one_hot_labels", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_softmax_cross_entropy_second_order(reduction, one_hot_labels, rng):
    z, labels, y = classes_for((3, 4), 1, rng)
    labels = y if one_hot_labels else labels
    ct = rng.normal(size=3 if reduction == "none" else ())

    def slope(z, **settings):
        logits = tg.tensor(z, requires_grad=True)
        loss = nn.softmax_cross_entropy(logits, labels, reduction=reduction)
        return logits, tg.gradients(loss, logits, ct, **settings)

    direction = rng.normal(size=z.shape)
    logits, (first,) = slope(z, create_graph=True)
    (second,) = tg.gradients(first, logits, direction)
    assert_gradient(lambda z: [slope(z)[1][0].numpy()], [z], [direction], [second.numpy()])


def test_two_classes_are_logistic_regression(rng):
    z, y = rng.normal(size=5), rng.integers(0, 2, 5)
    two = nn.softmax_cross_entropy(np.stack([np.zeros(5), z], axis=1), y)
    np.testing.assert_allclose(two.item(), nn.sigmoid_cross_entropy(z, y).item(), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("one_hot_labels", [False, True])
def test_softmax_cross_entropy_at_large_logits(dtype, one_hot_labels):
    z = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0], [1e4, 1e4, -1e4]], dtype)
    labels = np.array([0, 0, 1])
    logits = tg.tensor(z, requires_grad=True)
    losses = nn.softmax_cross_entropy(
        logits, np.eye(3)[labels] if one_hot_labels else labels, reduction="none"
    )
    losses.sum().backward()
    np.testing.assert_allclose(losses.detach().numpy(), [0, 2e4, math.log(2)], rtol=1e-6)
    np.testing.assert_allclose(
        logits.grad.numpy(), [[0, 0, 0], [-1, 1, 0], [0.5, -0.5, 0]], atol=1e-7
    )
    assert losses.dtype == logits.grad.dtype == dtype


def test_half_precision_does_not_overflow_in_the_sum():
    cost = nn.softmax_cross_entropy(np.zeros((200_000, 2), np.float16), np.zeros(200_000, int))
    assert cost.dtype == np.float16
    assert cost.item() == pytest.approx(math.log(2), rel=1e-3)


@pytest.mark.parametrize(
    "labels",
    [[0, 2], (0, 2), np.array([0, 2], np.uint8), tg.tensor([0, 2]), [[1, 0, 0], [0, 0, 1]],
     np.array([[1, 0, 0], [0, 0, 1]], bool)],
)  # fmt: skip
def test_kinds_of_labels(labels, rng):
    z = rng.normal(size=(2, 3)).astype(np.float32)
    cost = nn.softmax_cross_entropy(z, labels)
    assert cost.dtype == np.float32
    np.testing.assert_allclose(
        cost.item(), -np.log(softmax(z.astype(float))[[0, 1], [0, 2]]).mean(), rtol=1e-6
    )


def test_the_course_keeps_examples_in_columns(rng):
    Z, labels, Y = classes_for((3, 5), 0, rng)
    transposed = nn.softmax_cross_entropy(Z.T, Y.T)
    assert nn.softmax_cross_entropy(Z, Y, axis=0).item() == pytest.approx(transposed.item())
    assert nn.softmax_cross_entropy(Z, labels, axis=0).item() == pytest.approx(transposed.item())


@pytest.mark.parametrize("classes", [3, 31, 32, 200])
@pytest.mark.parametrize("order", ["C", "F"])
def test_any_number_of_classes(classes, order, rng):
    z = np.array(1000 * rng.normal(size=(7, classes)), order=order)
    labels = rng.integers(0, classes, 7)
    losses = nn.softmax_cross_entropy(z, labels, reduction="none")
    wanted = np.log(np.exp(z - z.max(1)[:, None]).sum(1)) + z.max(1) - z[np.arange(7), labels]
    np.testing.assert_allclose(losses.numpy(), wanted, rtol=1e-12, atol=1e-12)
    z[2, 1] = np.nan
    losses = nn.softmax_cross_entropy(z, labels, reduction="none")
    assert np.isnan(losses.numpy()).tolist() == [i == 2 for i in range(7)]


# Sigmoid cross-entropy


@pytest.mark.parametrize("shape", [(), (5,), (5, 1), (3, 2)])
def test_sigmoid_cross_entropy_of_the_course(shape, rng):
    z, y = rng.normal(size=shape), np.asarray(rng.integers(0, 2, shape))
    logits = tg.tensor(z, requires_grad=True)
    cost = nn.sigmoid_cross_entropy(logits, y)
    cost.backward()
    a = sigmoid(z)
    loss = -(y * np.log(a) + (1 - y) * np.log(1 - a))
    np.testing.assert_allclose(cost.item(), loss.mean(), rtol=1e-12)
    np.testing.assert_allclose(logits.grad.numpy(), (a - y) / max(1, y.size), atol=1e-15)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_sigmoid_cross_entropy_is_its_composition_to_second_order(reduction, rng):
    z, y = rng.normal(size=(3, 2)), rng.random((3, 2))

    def composed(logits):
        losses = tg.softplus(logits) - y * logits
        return {"mean": losses.mean(), "sum": losses.sum(), "none": losses}[reduction]

    found = []
    for loss in (lambda t: nn.sigmoid_cross_entropy(t, y, reduction=reduction), composed):
        logits = tg.tensor(z, requires_grad=True)
        value = loss(logits)
        (first,) = tg.gradients(value, logits, np.ones(value.shape), create_graph=True)
        (second,) = tg.gradients((first**2).sum(), logits)
        found.append([value.detach().numpy(), first.detach().numpy(), second.numpy()])
    for ours, wanted in zip(*found, strict=True):
        np.testing.assert_allclose(ours, wanted, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sigmoid_cross_entropy_at_large_logits(dtype):
    logits = tg.tensor(np.array([1e4, -1e4, 1e4, -1e4], dtype), requires_grad=True)
    losses = nn.sigmoid_cross_entropy(logits, [1, 0, 0, 1], reduction="none")
    losses.sum().backward()
    np.testing.assert_array_equal(losses.detach().numpy(), [0, 0, 1e4, 1e4])
    np.testing.assert_array_equal(logits.grad.numpy(), [0, 0, 1, -1])
    assert losses.dtype == dtype


@pytest.mark.parametrize("size", [1000, 4096, 4097, 300_000])
def test_single_precision_adds_up_many_losses(size):
    losses = np.full(size, 0.1, np.float32)
    cost = nn.sigmoid_cross_entropy(losses, np.zeros(size, np.float32))
    assert cost.dtype == np.float32
    assert cost.item() == pytest.approx(math.log1p(math.exp(0.1)), rel=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sigmoid_cross_entropy_of_confident_logits_keeps_its_precision(dtype):
    z = np.linspace(-60, 60, 241)
    logits = tg.tensor(z, dtype, requires_grad=True)
    for y in (0.0, 1.0):
        sign = 1 - 2 * y  # the loss is log(1 + e^(± z)), and its slope ± σ(± z)
        logits.zero_grad()
        losses = nn.sigmoid_cross_entropy(logits, np.full(z.shape, y), reduction="none")
        losses.sum().backward()
        rtol = 100 * np.finfo(dtype).eps
        np.testing.assert_allclose(losses.detach(), np.logaddexp(0, sign * z), rtol=rtol)
        np.testing.assert_allclose(
            logits.grad.numpy(), sign * sigmoid(sign * z), rtol=rtol, atol=np.finfo(dtype).eps
        )


# Squared error


def test_mean_squared_error(rng):
    a, y = rng.normal(size=(2, 4, 2))
    predictions, targets = tg.tensor(a, requires_grad=True), tg.tensor(y, requires_grad=True)
    cost = nn.mean_squared_error(predictions, targets)
    cost.backward()
    np.testing.assert_allclose(cost.item(), np.mean((a - y) ** 2), rtol=1e-12)
    np.testing.assert_allclose(predictions.grad.numpy(), 2 * (a - y) / 8, rtol=1e-12)
    np.testing.assert_allclose(targets.grad.numpy(), -2 * (a - y) / 8, rtol=1e-12)
    assert nn.mean_squared_error([1.0, 2.0], [0.0, 0.0]).item() == 2.5
    assert nn.mean_squared_error([1.0, 2.0], [0.0, 0.0], reduction="sum").item() == 5.0
    assert nn.mean_squared_error([1.0, 2.0], [0.0, 0.0], reduction="none").tolist() == [1.0, 4.0]


def test_without_recording_labels_may_require_grad():
    labels = tg.tensor([[1.0, 0.0]], requires_grad=True)
    with tg.no_grad():
        assert nn.softmax_cross_entropy([[0.0, 0.0]], labels).item() == pytest.approx(math.log(2))
