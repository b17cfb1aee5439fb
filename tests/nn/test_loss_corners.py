"""Losses where the mathematics has corners: infinities, zeros, examples that do not count."""

import math

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.errors import WeightsError


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def softmax(z, axis=-1):
    t = np.exp(z - z.max(axis, keepdims=True))
    return t / t.sum(axis, keepdims=True)


# Infinite logits, and examples that do not count


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("settings", [{}, {"weights": np.ones(4)}, {"pos_weight": 1.0}])
def test_sigmoid_cross_entropy_at_infinity(dtype, settings):
    logits = tg.tensor(np.array([-np.inf, -np.inf, np.inf, np.inf]), dtype, requires_grad=True)
    labels = [0, 1, 0, 1]
    losses = nn.sigmoid_cross_entropy(logits, labels, reduction="none", **settings)
    np.testing.assert_array_equal(losses.detach().numpy(), [0, np.inf, np.inf, 0])
    losses.sum().backward()
    np.testing.assert_array_equal(logits.grad.numpy(), [0, -1, 1, 0])
    assert nn.sigmoid_cross_entropy(logits, labels, **settings).item() == np.inf


def test_sigmoid_cross_entropy_beside_infinity():
    z, y = np.array([-np.inf, 0.3, np.inf, np.nan, -2.0]), np.array([0.5, 0.25, 0.5, 1.0, 0.0])
    losses = nn.sigmoid_cross_entropy(z, y, reduction="none").numpy()
    np.testing.assert_array_equal(losses[[0, 2, 3]], [np.inf, np.inf, np.nan])
    wanted = np.logaddexp(0, z[[1, 4]]) - (z * y)[[1, 4]]
    np.testing.assert_allclose(losses[[1, 4]], wanted, rtol=1e-14)


@pytest.mark.parametrize("kind", ["classes", "one-hot", "weighted"])
def test_classes_that_are_ruled_out_by_a_logit_of_minus_infinity(kind):
    logits = tg.Variable([[1.0, -np.inf, 2.0], [0.5, 0.0, -np.inf]])
    labels = np.array([2, 0])
    settings = {"weights": np.ones(2)} if kind == "weighted" else {}
    losses = nn.softmax_cross_entropy(
        logits, np.eye(3)[labels] if kind == "one-hot" else labels, reduction="none", **settings
    )
    wanted = [math.log(1 + math.exp(-1)), math.log(1 + math.exp(-0.5))]
    np.testing.assert_allclose(losses.detach().numpy(), wanted, rtol=1e-14)
    losses.sum().backward()
    assert np.isfinite(logits.grad.numpy()).all()
    assert nn.softmax_cross_entropy(logits, [1, 0]).item() == np.inf


def test_an_ignored_example_counts_nothing_whatever_its_logits(rng):
    z, labels = rng.normal(size=(4, 3)), np.array([0, -100, 2, -100])
    exact = tg.Variable(z[[0, 2]])
    wanted = nn.softmax_cross_entropy(exact, labels[[0, 2]])
    wanted.backward()
    z[1], z[3] = np.nan, [np.inf, 0, 0]
    logits = tg.Variable(z)
    loss = nn.softmax_cross_entropy(logits, labels, ignore_index=-100)
    (first,) = tg.gradients(loss, logits, create_graph=True)
    (second,) = tg.gradients((first * first).sum(), logits)
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-14)
    np.testing.assert_allclose(first.detach().numpy()[[0, 2]], exact.grad.numpy(), rtol=1e-14)
    for g in (first.detach(), second):
        np.testing.assert_array_equal(g.numpy()[[1, 3]], 0)
    assert np.isfinite(second.numpy()).all()


def test_a_label_in_range_may_be_ignored_and_all_of_them_only_in_a_sum():
    z = np.zeros((3, 2))
    assert nn.softmax_cross_entropy(z, [0, 0, 1], ignore_index=0).item() == pytest.approx(
        math.log(2)
    )
    settings = {"ignore_index": 0, "reduction": "sum"}
    assert nn.softmax_cross_entropy(z, [0, 0, 0], **settings).item() == 0
    with pytest.raises(WeightsError, match=r"softmax_cross_entropy: .*ignore_index=0.*'sum'"):
        nn.softmax_cross_entropy(z, [0, 0, 0], ignore_index=0)


def test_weights_may_be_negative_in_a_sum(rng):
    """As the advantages of a policy gradient are."""
    z, labels, w = rng.normal(size=(4, 3)), rng.integers(0, 3, 4), np.array([1.5, -2.0, 0.0, 1.0])
    log = np.log(softmax(z))[np.arange(4), labels]
    loss = nn.softmax_cross_entropy(z, labels, weights=w, reduction="sum")
    assert loss.item() == pytest.approx(-(w * log).sum(), rel=1e-12)


def test_weights_of_a_mask_leave_padding_out(rng):
    z, labels = rng.normal(size=(2, 4, 3)), rng.integers(0, 3, (2, 4))
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 0]])
    loss = nn.softmax_cross_entropy(z, labels, weights=mask)
    each = nn.softmax_cross_entropy(z, labels, reduction="none").numpy()
    assert loss.item() == pytest.approx(each[mask == 1].mean(), rel=1e-12)


# Probabilities


def test_a_probability_of_0_is_infinitely_wrong_or_counts_nothing():
    p = tg.Variable([[1.0, 0.0], [0.5, 0.5]])
    loss = nn.cross_entropy(p, [0, 1])
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2) / 2)
    np.testing.assert_array_equal(p.grad.numpy(), [[-0.5, 0], [0, -1]])
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert nn.cross_entropy([[1.0, 0.0]], [1]).item() == np.inf
    b = tg.Variable([1.0, 0.0, 0.5])
    loss = nn.binary_cross_entropy(b, [1, 0, 1])
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2) / 3)
    np.testing.assert_allclose(b.grad.numpy(), [-1 / 3, 1 / 3, -2 / 3])
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert nn.binary_cross_entropy([1.0], [0]).item() == np.inf


def test_divergence_where_probabilities_are_0():
    p, q = np.array([[0.5, 0.5, 0.0]]), tg.Variable([[0.25, 0.75, 0.0]])
    loss = nn.kl_divergence(p, q)
    loss.backward()
    assert loss.item() == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3))
    np.testing.assert_allclose(q.grad.numpy(), [[-2, -2 / 3, 0]], rtol=1e-14)
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert nn.kl_divergence([0.5, 0.5], [1.0, 0.0]).item() == np.inf
    logs = tg.Variable([0.0, -np.inf])
    loss = nn.kl_divergence(logs, [math.log(0.5)] * 2, log=True)
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2))
    np.testing.assert_allclose(logs.grad.numpy(), [1 + math.log(2), 0], rtol=1e-14)


def test_cross_entropy_is_divergence_and_entropy(rng):
    p, q = softmax(rng.normal(size=(2, 4, 3)))
    entropy = -(p * np.log(p)).sum() / 4
    assert nn.cross_entropy(q, p).item() == pytest.approx(
        nn.kl_divergence(p, q).item() + entropy, rel=1e-12
    )
    assert nn.kl_divergence(p, p).item() == pytest.approx(0, abs=1e-15)


# Corners of derivatives


def test_derivatives_at_corners():
    for loss, labels, x, slopes in [
        (nn.mean_absolute_error, [1.0, 1.0, 1.0], [1.0, 2.0, 0.0], [0, 1, -1]),
        (nn.huber, [0.0, 0.0, 0.0], [1.0, -3.0, 0.0], [1, -1, 0]),
        (nn.hinge, [1, 1, -1], [1.0, 0.5, -1.0], [0, -1, 0]),
    ]:
        leaf = tg.Variable(x)
        loss(leaf, labels, reduction="sum").backward()
        np.testing.assert_array_equal(leaf.grad.numpy(), slopes)


def test_targets_do_not_widen_the_loss():
    for targets in (np.ones(3), np.ones(3, int), [1, 0, 1]):
        for loss in (nn.mean_squared_error, nn.mean_absolute_error, nn.huber):
            assert loss(np.zeros(3, np.float32), targets).dtype == np.float32
            assert loss(np.zeros(3, int), targets).dtype == np.float64


@pytest.mark.parametrize("size", [4097, 300_000])
def test_single_precision_adds_up_many_squares(size):
    x = np.full(size, 0.1, np.float32)
    assert nn.mean_squared_error(x, 0 * x).item() == pytest.approx(float(x[0]) ** 2, rel=1e-6)
