"""Batch normalisation: the course's formulas, their gradient, the running averages."""

import numpy as np
import pytest
from derivatives import assert_gradient

import tinygraph as tg
from tinygraph import nn
from tinygraph.errors import ArgumentError, DTypeError, ShapeError

EPS = 1e-5


def composed(z, gamma, beta, axes=(0,)):
    """The course's formulas, of tensors or arrays."""
    mu = np.mean(z, axis=axes)
    sigma2 = np.mean((z - mu) ** 2, axis=axes)
    return gamma * ((z - mu) / np.sqrt(sigma2 + EPS)) + beta


def layer_with(gamma, beta, **settings):
    layer = nn.BatchNorm(len(gamma), dtype=np.float64, **settings)
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)
    return layer


@pytest.fixture(params=[(6, 3), (2, 4, 3)])
def z(request):
    return np.random.default_rng(0).normal(2, 3, request.param)


GAMMA, BETA = np.array([1.0, -2.0, 0.5]), np.array([0.0, 1.0, -3.0])


def test_forward_is_the_course_formula(z):
    axes = tuple(range(z.ndim - 1))
    out = layer_with(GAMMA, BETA)(z).detach().numpy()
    np.testing.assert_allclose(out, composed(z, GAMMA, BETA, axes), rtol=1e-12)
    normalised = (out - BETA) / GAMMA
    np.testing.assert_allclose(normalised.mean(axes), 0, atol=1e-12)
    np.testing.assert_allclose(normalised.var(axes), 1, rtol=1e-4)


def test_gradient_is_that_of_the_composition_to_second_order(z):
    axes = tuple(range(z.ndim - 1))
    ct = np.random.default_rng(1).normal(size=z.shape)
    layer = layer_with(GAMMA, BETA)
    own = [tg.tensor(z, requires_grad=True), layer.gamma, layer.beta]
    other = [tg.tensor(x, requires_grad=True) for x in (z, GAMMA, BETA)]
    found = []
    for inputs, out in ((own, layer(own[0])), (other, composed(*other, axes))):
        first = tg.gradients(out, inputs, ct, create_graph=True)
        second = tg.gradients(sum((g**2).sum() for g in first), inputs[:2])
        found.append([g.detach().numpy() for g in (*first, *second)])
    for ours, wanted in zip(*found, strict=True):
        np.testing.assert_allclose(ours, wanted, rtol=1e-9, atol=1e-10)


def test_gradient_against_finite_differences(z):
    ct = np.random.default_rng(1).normal(size=z.shape)
    layer = layer_with(GAMMA, BETA)
    x = tg.tensor(z, requires_grad=True)
    gradients = tg.gradients(layer(x), [x, layer.gamma, layer.beta], ct)

    def forward(z, gamma, beta):
        return [layer_with(gamma, beta)(z).detach().numpy()]

    assert_gradient(forward, [z, GAMMA, BETA], [ct], [g.numpy() for g in gradients])


def test_frozen_scale_still_passes_the_gradient_on(z):
    layer = layer_with(GAMMA, BETA)
    layer.gamma.requires_grad = False
    x = tg.tensor(z, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.shape == z.shape
    assert layer.gamma.grad is None
    np.testing.assert_allclose(layer.beta.grad.numpy(), z.size // 3)


def test_running_averages_by_hand():
    first, second = np.array([[1.0, 10.0], [3.0, 30.0]]), np.array([[0.0, 0.0], [2.0, 4.0]])
    layer = nn.BatchNorm(2, momentum=0.75, dtype=np.float64)
    layer(first)
    # μ = (2, 20), σ² = (1, 100); average ← 0.75 · average + 0.25 · batch's
    np.testing.assert_allclose(layer.running_mean, [0.5, 5.0])
    np.testing.assert_allclose(layer.running_var, [0.75 + 0.25, 0.75 + 25.0])
    layer(second)
    # μ = (1, 2), σ² = (1, 4)
    np.testing.assert_allclose(layer.running_mean, [0.375 + 0.25, 3.75 + 0.5])
    np.testing.assert_allclose(layer.running_var, [1.0, 0.75 * 25.75 + 1.0])


def test_evaluation_uses_the_running_averages_and_leaves_them(z):
    layer = layer_with(GAMMA, BETA)
    layer.running_mean = np.array([1.0, 2.0, 3.0])
    layer.running_var = np.array([4.0, 1.0, 0.25])
    layer.eval()
    before = layer.state_dict()
    x = tg.tensor(z, requires_grad=True)
    out = layer(x)
    deviation = np.sqrt([4.0 + EPS, 1.0 + EPS, 0.25 + EPS])
    wanted = GAMMA * (z - [1.0, 2.0, 3.0]) / deviation + BETA
    np.testing.assert_allclose(out.detach().numpy(), wanted, rtol=1e-12)
    out.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.broadcast_to(GAMMA / deviation, z.shape))
    for name, array in layer.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    assert layer(z[:1]).shape == z[:1].shape, "a batch of one is fine in evaluation"


def test_a_bias_before_it_is_redundant(z):
    np.testing.assert_allclose(
        layer_with(GAMMA, BETA)(z).detach().numpy(),
        layer_with(GAMMA, BETA)(z + 7.0).detach().numpy(),
        rtol=1e-9,
    )


def test_is_float32_and_stays_so():
    layer = nn.BatchNorm(3)
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    for _ in range(2):
        out = layer(x)
        out.sum().backward()
        assert out.dtype == layer.gamma.grad.dtype == np.float32
        assert layer.running_mean.dtype == layer.running_var.dtype == np.float32
        layer.eval()
    assert layer(x.astype(np.float64)).dtype == np.float64


def test_a_graph_built_before_the_averages_moved_keeps_its_own():
    layer = nn.BatchNorm(2, dtype=np.float64).eval()
    x = tg.tensor([[1.0, 2.0]], requires_grad=True)
    out = layer(x)
    layer.train()(np.array([[5.0, 1.0], [9.0, 3.0]]))
    out.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 1 / np.sqrt(1 + EPS) * np.ones((1, 2)))


@pytest.mark.parametrize(
    ("shape", "axis"),
    [((5, 3), 1), ((3, 5), 0), ((4, 3, 5), 1), ((2, 3, 4, 2), 1), ((2, 4, 2, 3), -1),
     ((2, 3, 4), -2), ((1, 3, 4), 1), ((3, 2, 2), 0)],
)  # fmt: skip
def test_features_along_any_axis(shape, axis):
    """As with the features last, in training and evaluation, forward and to second order."""
    rng = np.random.default_rng(0)
    z, ct = rng.normal(2, 3, shape), rng.normal(size=shape)
    own, last = layer_with(GAMMA, BETA, axis=axis), layer_with(GAMMA, BETA)
    found = []
    for layer, at in ((own, axis), (last, -1)):
        for training in (True, False):
            layer.train(training)
            x = tg.Variable(np.ascontiguousarray(np.moveaxis(z, axis, at)))
            leaves = [x, layer.gamma, layer.beta]
            out = layer(x)
            weight = np.ascontiguousarray(np.moveaxis(ct, axis, at))
            first = tg.gradients(out, leaves, weight, create_graph=True)
            second = tg.gradients(sum((g**2).sum() for g in first), leaves[:2])
            images = [np.moveaxis(t.detach().numpy(), at, axis) for t in (out, first[0], second[0])]
            found.append([*images, *(t.detach().numpy() for t in (*first[1:], second[1]))])
        found[-1] += [layer.running_mean, layer.running_var]
    for mine, wanted in zip(found[:2], found[2:], strict=True):
        for a, b in zip(mine, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10)


def test_channels_of_images_are_the_formula():
    z = np.random.default_rng(0).normal(2, 3, (4, 3, 5, 2))
    layer = layer_with(GAMMA, BETA, axis=1)
    mean, variance = z.mean((0, 2, 3)), z.var((0, 2, 3))
    column = (slice(None), None, None)
    wanted = (z - mean[column]) / np.sqrt(variance[column] + EPS)
    wanted = GAMMA[column] * wanted + BETA[column]
    np.testing.assert_allclose(layer(z).detach().numpy(), wanted, rtol=1e-11)
    np.testing.assert_allclose(layer.running_mean, 0.1 * mean, rtol=1e-12)
    np.testing.assert_allclose(layer.running_var, 0.9 + 0.1 * variance, rtol=1e-12)


def test_channels_of_one_image_are_enough():
    z = np.random.default_rng(0).normal(size=(1, 2, 3, 3)).astype(np.float32)
    layer = nn.BatchNorm(2, axis=1)
    out = layer(z)
    out.sum().backward()
    assert out.dtype == layer.gamma.grad.dtype == layer.running_var.dtype == np.float32
    np.testing.assert_allclose(out.detach().numpy().mean((0, 2, 3)), 0, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nn.BatchNorm(3)(np.zeros((1, 3))), ShapeError, ["(1, 3)", "two", ".eval()"]),
        (lambda: nn.BatchNorm(3)(np.zeros(3)), ShapeError, ["(3,)", "two", ".eval()"]),
        (lambda: nn.BatchNorm(3)(np.zeros((3, 5))), ShapeError, ["(3, 5)", "(…, 3)", ".T"]),
        (lambda: nn.BatchNorm(3, axis=1)(np.zeros((1, 3))), ShapeError, ["(1, 3)", "two"]),
        (lambda: nn.BatchNorm(3, axis=1)(np.zeros((1, 3, 1, 1))), ShapeError, ["two", ".eval()"]),
        (lambda: nn.BatchNorm(3)(np.zeros((0, 3))), ShapeError, ["(0, 3)", "two"]),
        (lambda: nn.BatchNorm(16)(np.zeros((4, 16, 8, 8))), ShapeError,
         ["(4, 16, 8, 8)", "axis -1", "the features are axis 1 here: BatchNorm(16, …, axis=1)"]),
        (lambda: nn.BatchNorm(16, axis=1)(np.zeros((4, 8, 8, 16))), ShapeError, ["axis=3"]),
        (lambda: nn.BatchNorm(16, axis=1)(np.zeros((4, 8))), ShapeError, ["axis 1", "8 features"]),
        (lambda: nn.BatchNorm(3, axis=2)(np.zeros((4, 2))), ShapeError, ["needs axis 2"]),
        (lambda: nn.BatchNorm(3, axis="1"), ArgumentError, ["axis='1'", "integer"]),
        (lambda: nn.BatchNorm(0), ArgumentError, ["features=0", "positive"]),
        (lambda: nn.BatchNorm(3, momentum=1.0), ArgumentError, ["momentum=1.0", "old average"]),
        (lambda: nn.BatchNorm(3, momentum="x"), ArgumentError, ["momentum='x'"]),
        (lambda: nn.BatchNorm(3, eps=0), ArgumentError, ["eps=0", "positive"]),
        (lambda: nn.BatchNorm(3, dtype=int), DTypeError, ["int64", "floating"]),
    ],
)  # fmt: skip
def test_refused(call, error, words):
    with pytest.raises(error) as caught:
        call()
    for word in ("BatchNorm", *words):
        assert word in str(caught.value)
