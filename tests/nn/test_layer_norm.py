"""Layer normalisation: what it makes of each example, and what it refuses."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(2, 3, (5, 2, 4)).astype(np.float32)


@pytest.mark.parametrize(("features", "axes"), [(4, -1), ((4,), -1), ([2, 4], (1, 2))])
def test_each_example_has_mean_0_and_variance_1(features, axes, x):
    out = nn.LayerNorm(features)(x)
    assert (out.shape, out.dtype) == (x.shape, np.float32)
    np.testing.assert_allclose(out.detach().numpy().mean(axes), 0, atol=1e-6)
    np.testing.assert_allclose(out.detach().numpy().var(axes), 1, rtol=1e-4)


def test_examples_do_not_see_each_other(x):
    layer = nn.LayerNorm(4)
    whole = layer(x).detach().numpy()
    np.testing.assert_allclose(layer(x[2]).detach().numpy(), whole[2], atol=1e-6)
    np.testing.assert_allclose(layer.eval()(x[2, 0]).detach().numpy(), whole[2, 0], atol=1e-6)


def test_parameters(x):
    layer = nn.LayerNorm((2, 4))
    assert {name: p.shape for name, p in layer.named_parameters()} == {
        "gamma": (2, 4), "beta": (2, 4)
    }  # fmt: skip
    layer.gamma.assign(np.zeros((2, 4)))
    layer.beta.assign(np.arange(8).reshape(2, 4))
    np.testing.assert_array_equal(layer(x).detach().numpy()[3], np.arange(8).reshape(2, 4))
    layer(x).sum().backward()
    assert layer.gamma.grad.dtype == np.float32
    np.testing.assert_allclose(layer.beta.grad.numpy(), 5)
    assert nn.LayerNorm(4)(x.astype(np.float64)).dtype == np.float64


def test_frozen_scale_still_passes_the_gradient_on(x):
    layer = nn.LayerNorm(4)
    layer.gamma.requires_grad = False
    t = tg.tensor(x, requires_grad=True)
    layer(t).backward(x)
    assert t.grad.shape == x.shape
    assert layer.gamma.grad is None
    np.testing.assert_allclose(layer.beta.grad.numpy(), x.sum((0, 1)), rtol=1e-5)


def test_equal_features_are_0_and_have_no_gradient_of_nan():
    t = tg.tensor(np.full((2, 3), 7.0), requires_grad=True)
    out = nn.LayerNorm(3, dtype=np.float64)(t)
    out.sum().backward()
    np.testing.assert_array_equal(out.detach().numpy(), 0)
    assert np.isfinite(t.grad.numpy()).all()


def test_an_empty_batch():
    assert nn.LayerNorm(3)(np.zeros((0, 3))).shape == (0, 3)


def test_repr():
    assert repr(nn.LayerNorm(4)) == "LayerNorm(4)"
    assert repr(nn.LayerNorm((2, 4), eps=0.1)) == "LayerNorm((2, 4), eps=0.1)"


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nn.LayerNorm(3)(np.zeros((3, 5))), tg.ShapeError, ["(3, 5)", "(…, 3)", ".T"]),
        (lambda: nn.LayerNorm((2, 3))(np.zeros((3, 2))), tg.ShapeError, ["(3, 2)", "(…, 2, 3)"]),
        (lambda: nn.LayerNorm((2, 3))(np.zeros(3)), tg.ShapeError, ["(3,)", "(…, 2, 3)"]),
        (lambda: nn.LayerNorm(0), tg.ArgumentError, ["features=0", "positive"]),
        (lambda: nn.LayerNorm(()), tg.ArgumentError, ["features=()", "axis"]),
        (lambda: nn.LayerNorm((2, "a")), tg.ArgumentError, ["features='a'", "positive"]),
        (lambda: nn.LayerNorm(3, eps=0), tg.ArgumentError, ["eps=0", "positive"]),
        (lambda: nn.LayerNorm(3, dtype=int), tg.DTypeError, ["int64", "floating"]),
    ],
)
def test_refused(call, error, words):
    with pytest.raises(error) as caught:
        call()
    for word in ("LayerNorm", *words):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("x", "gamma", "beta"), [((4, 3), (2,), (2,)), ((4, 3), (3,), (1,)), ((4, 3), (), ())]
)
def test_refused_by_the_function(x, gamma, beta):
    with pytest.raises(tg.ShapeError) as caught:
        nn.layer_norm(np.ones(x), np.ones(gamma), np.ones(beta))
    for word in ("layer_norm", str(x), str(gamma), str(beta), "last axes"):
        assert word in str(caught.value)
