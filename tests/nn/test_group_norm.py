"""Group normalisation: its formula, the groups, other axes, what is refused."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.errors import ArgumentError, AxisError, DTypeError, ShapeError

EPS = 1e-5


def by_groups(x, gamma, beta, groups):
    """One example and one group after the other."""
    y = np.empty_like(x)
    size = x.shape[1] // groups
    for i in range(len(x)):
        for g in range(groups):
            own = slice(g * size, (g + 1) * size)
            part = x[i, own]
            y[i, own] = (part - part.mean()) / np.sqrt(part.var() + EPS)
    shape = (1, -1) + (1,) * (x.ndim - 2)
    return gamma.reshape(shape) * y + beta.reshape(shape)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
@pytest.mark.parametrize("shape", [(3, 6), (3, 6, 4), (2, 6, 3, 2)])
def test_is_its_formula(shape, groups, rng):
    x, gamma, beta = rng.normal(2, 3, shape), rng.normal(size=6), rng.normal(size=6)
    layer = nn.GroupNorm(groups, 6, dtype=np.float64)
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)
    wanted = by_groups(x, gamma, beta, groups)
    np.testing.assert_allclose(layer(x).detach().numpy(), wanted, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(layer.eval()(x).detach().numpy(), wanted, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("axis", [1, 2, 3, -1, -2, -3])
def test_channels_along_any_axis(axis, rng):
    x = rng.normal(2, 3, (2, 4, 3, 5))
    gamma, beta, ct = rng.normal(size=4), rng.normal(size=4), rng.normal(size=x.shape)
    first = [tg.Variable(a) for a in (x, gamma, beta)]
    y = nn.group_norm(*first, 2)
    moved = [tg.Variable(np.ascontiguousarray(np.moveaxis(x, 1, axis))), *first[1:]]
    z = nn.group_norm(*moved, 2, axis=axis)
    np.testing.assert_allclose(np.moveaxis(z.detach().numpy(), axis, 1), y.detach().numpy())
    wanted = tg.gradients(y, first, ct)
    found = tg.gradients(z, moved, np.moveaxis(ct, 1, axis))
    np.testing.assert_allclose(np.moveaxis(found[0].numpy(), axis, 1), wanted[0].numpy())
    for a, b in zip(found[1:], wanted[1:], strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy())


def test_one_group_of_all_is_layer_norm(rng):
    x, one, zero = rng.normal(size=(5, 6)), np.ones(6), np.zeros(6)
    np.testing.assert_allclose(
        nn.group_norm(x, one, zero, 1).numpy(), nn.layer_norm(x, one, zero).numpy(), rtol=1e-12
    )


def test_examples_do_not_depend_on_each_other(rng):
    layer = nn.GroupNorm(2, 4)
    x = rng.normal(size=(3, 4, 5)).astype(np.float32)
    together = layer(x).detach().numpy()
    for i in range(3):
        np.testing.assert_array_equal(layer(x[i : i + 1]).detach().numpy()[0], together[i])


def test_dtypes(rng):
    layer = nn.GroupNorm(2, 4)
    x = tg.tensor(rng.normal(size=(3, 4, 5)), np.float32, requires_grad=True)
    out = layer(x)
    out.sum().backward()
    assert out.dtype == x.grad.dtype == layer.gamma.grad.dtype == np.float32
    assert layer(rng.normal(size=(3, 4, 5))).dtype == np.float64
    half = np.full((2, 4, 3000), 100, np.float16)
    half[..., ::2] += 1
    y = nn.GroupNorm(2, 4, dtype=np.float16)(half)
    assert y.dtype == np.float16
    np.testing.assert_allclose(np.abs(y.detach().numpy()), 1, rtol=2e-3)


def test_what_it_says_of_itself():
    assert repr(nn.GroupNorm(2, 4)) == "GroupNorm(2, 4)"
    assert repr(nn.GroupNorm(2, 4, 1e-3, axis=-1)) == "GroupNorm(2, 4, eps=0.001, axis=-1)"
    assert [name for name, _ in nn.GroupNorm(2, 4).named_parameters()] == ["gamma", "beta"]


X, G = np.zeros((2, 4, 3)), np.ones(4)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nn.GroupNorm(3, 4), ArgumentError, ["groups=3 for 4 channels", "1, 2, 4"]),
        (lambda: nn.GroupNorm(0, 4), ArgumentError, ["groups=0", "positive"]),
        (lambda: nn.GroupNorm(2, 4, eps=0), ArgumentError, ["eps=0"]),
        (lambda: nn.GroupNorm(2, 4, dtype=int), DTypeError, ["int64"]),
        (lambda: nn.GroupNorm(2, 4)(np.zeros((2, 3, 4))), ShapeError, ["(2, 3, 4)", "axis=2"]),
        (lambda: nn.GroupNorm(2, 4)(np.zeros((2, 3))), ShapeError, ["(2, 3)", "3 features"]),
        (lambda: nn.GroupNorm(2, 4)(np.zeros(4)), ShapeError, ["(4,)"]),
        (lambda: nn.group_norm(X, G, G, 3), ArgumentError, ["groups=3"]),
        (lambda: nn.group_norm(X, G, G[:3], 2), ShapeError, ["(2, 4, 3)", "(3,)"]),
        (lambda: nn.group_norm(X, G, G, 2, axis=-1), ShapeError, ["axis -1"]),
        (lambda: nn.group_norm(X, G, G, 2, axis=0), ArgumentError, ["axis=0", "examples"]),
        (lambda: nn.group_norm(X, G, G, 2, axis=3), AxisError, ["axis 3"]),
        (lambda: nn.group_norm(G, G, G, 2), ShapeError, ["(4,)", "x[np.newaxis]"]),
        (lambda: nn.group_norm(X[:0], G, G, 2), ShapeError, ["(0, 4, 3)"]),
        (lambda: nn.group_norm(X * 1j, G, G, 2), DTypeError, ["complex"]),
    ],
)
def test_refused(call, error, words):
    with pytest.raises(error) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
    assert str(caught.value).lower().startswith(("groupnorm:", "group_norm:"))
