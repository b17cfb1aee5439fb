"""Shapes at random: what broadcasts forward is summed backward, for products and reductions too."""

import math
from typing import Any

import hypothesis.extra.numpy as nps
import hypothesis.strategies as st
import numpy as np
import pytest
from derivatives import assert_gradient
from hypothesis import given, settings

import tinygraph as tg

SHAPES = nps.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3)


def pairs(count: int) -> Any:
    """Shapes that broadcast to each other."""
    return nps.mutually_broadcastable_shapes(
        num_shapes=count, max_dims=4, min_side=0, max_side=3
    ).map(lambda found: found.input_shapes)


def numbers(seed: int, *shapes: Any, low: float = 0.5, high: float = 2.0) -> list[Any]:
    """Arrays of these shapes, all of whose elements differ, in a random order."""
    sizes = [math.prod(shape) for shape in shapes]
    rng = np.random.default_rng(seed)
    spread = (rng.permutation(sum(sizes)) + 0.5) / max(sum(sizes), 1)
    pieces = np.split(low + (high - low) * spread, np.cumsum(sizes)[:-1])
    return [piece.reshape(shape) for piece, shape in zip(pieces, shapes, strict=True)]


def gathered(g: Any, shape: tuple[int, ...]) -> Any:
    """The sum, for each element of an array of this shape, over the places it was broadcast to."""
    size = math.prod(shape)
    source = np.broadcast_to(np.arange(size).reshape(shape), g.shape)
    return np.bincount(source.ravel(), g.ravel(), minlength=size)[:size].reshape(shape)


def check(function: Any, arrays: Any, value: Any, slopes: Any, seed: int) -> None:
    """The function's value, and as gradients the slopes times the cotangent, gathered."""
    leaves = [tg.Variable(x) for x in arrays]
    y = function(*leaves)
    assert y.shape == np.shape(value)
    np.testing.assert_allclose(y.numpy(), value, rtol=1e-13)
    (ct,) = numbers(seed + 1, y.shape, low=-1)
    for leaf, g, slope in zip(leaves, tg.gradients(y, leaves, ct), slopes, strict=True):
        assert (g.shape, g.dtype) == (leaf.shape, leaf.dtype)
        wanted = gathered(np.broadcast_to(slope * ct, y.shape), leaf.shape)
        np.testing.assert_allclose(g.numpy(), wanted, rtol=1e-12, atol=1e-13)


# Each with its slopes, by calculus.
BINARY: dict[str, Any] = {
    "add": lambda a, b: (1, 1),
    "subtract": lambda a, b: (1, -1),
    "multiply": lambda a, b: (b, a),
    "divide": lambda a, b: (1 / b, -a / b**2),
    "power": lambda a, b: (b * a ** (b - 1), a**b * np.log(a)),
    "maximum": lambda a, b: (a > b, b > a),
    "minimum": lambda a, b: (a < b, b < a),
    "hypot": lambda a, b: (a / np.sqrt(a**2 + b**2), b / np.sqrt(a**2 + b**2)),
    "arctan2": lambda a, b: (b / (a**2 + b**2), -a / (a**2 + b**2)),
    "logaddexp": lambda a, b: (1 / (1 + np.exp(b - a)), 1 / (1 + np.exp(a - b))),
    "copysign": lambda a, b: (1, 0),
    "float_power": lambda a, b: (b * a ** (b - 1), a**b * np.log(a)),
}


@pytest.mark.parametrize("name", BINARY)
@given(shapes=pairs(2), seed=st.integers(0, 99))
def test_two_operands(name, shapes, seed):
    a, b = numbers(seed, *shapes)
    check(getattr(tg, name), [a, b], getattr(np, name)(a, b), BINARY[name](a, b), seed)


@given(shapes=pairs(2), seed=st.integers(0, 99))
def test_operators_on_an_array_and_a_tensor(shapes, seed):
    """The array may stand on either side; it is the tensor's gradient that is asked for."""
    a, b = numbers(seed, *shapes)
    check(lambda t: a * t, [b], a * b, [a], seed)
    check(lambda t: t - b, [a], a - b, [1], seed)
    check(lambda t: a / t, [b], a / b, [-a / b**2], seed)


@given(shapes=pairs(3), seed=st.integers(0, 99))
def test_where(shapes, seed):
    condition, a, b = numbers(seed, *shapes)
    condition = condition > 1.2
    slopes = [condition, ~condition]
    value = np.where(condition, a, b)
    check(lambda a, b: tg.where(condition, a, b), [a, b], value, slopes, seed)


@given(shapes=pairs(3), seed=st.integers(0, 99))
def test_clip(shapes, seed):
    x, low, high = numbers(seed, *shapes)
    # NumPy gives the upper bound where the bounds cross.
    slopes = [(low < x) & (x < high), (x < low) & (low < high), np.maximum(x, low) > high]
    check(tg.clip, [x, low, high], np.clip(x, low, high), slopes, seed)


@given(shapes=pairs(3), seed=st.integers(0, 99))
def test_one_tensor_in_several_places(shapes, seed):
    """Its contributions are summed, each over its own broadcast axes."""
    a, b, c = numbers(seed, *shapes)
    value = a * b + a * c
    check(lambda a, b, c: a * b + a * c, [a, b, c], value, [b + c, a, a], seed)


@given(shape=SHAPES, seed=st.integers(0, 99), data=st.data())
def test_broadcast_to(shape, seed, data):
    found = data.draw(nps.mutually_broadcastable_shapes(num_shapes=1, base_shape=shape))
    target = found.result_shape
    (x,) = numbers(seed, shape)
    check(lambda x: tg.broadcast_to(x, target), [x], np.broadcast_to(x, target), [1], seed)


# Products


@settings(max_examples=150)
@given(
    shapes=nps.mutually_broadcastable_shapes(
        signature="(m?,n),(n,p?)->(m?,p?)", max_dims=2, min_side=0, max_side=3
    ),
    seed=st.integers(0, 99),
)
def test_matmul(shapes, seed):
    """Vectors, matrices and batches of them: the gradient of each as sums over indices."""
    a, b = numbers(seed, *shapes.input_shapes, low=-2)
    leaves = [tg.Variable(a), tg.Variable(b)]
    y = leaves[0] @ leaves[1]
    assert y.shape == shapes.result_shape
    (ct,) = numbers(seed + 1, y.shape, low=-1)
    # Vectors as matrices of one row, or one column.
    rows = a[np.newaxis, :] if a.ndim == 1 else a
    columns = b[:, np.newaxis] if b.ndim == 1 else b
    wide = ct[..., np.newaxis, :] if a.ndim == 1 and b.ndim > 1 else ct
    wide = wide[..., np.newaxis] if b.ndim == 1 else wide
    wide = wide[..., np.newaxis, :] if a.ndim == b.ndim == 1 else wide
    terms = np.einsum("...mn,...np->...mnp", rows, columns)
    np.testing.assert_allclose(y.numpy(), terms.sum(-2).reshape(y.shape), rtol=1e-12, atol=1e-13)
    by_a = np.einsum("...mp,...np->...mn", wide, columns)
    by_b = np.einsum("...mp,...mn->...np", wide, rows)
    for leaf, by, g in zip(leaves, (by_a, by_b), tg.gradients(y, leaves, ct), strict=True):
        assert g.shape == leaf.shape
        matrix = rows.shape if leaf is leaves[0] else columns.shape
        wanted = gathered(by, matrix).reshape(leaf.shape)
        np.testing.assert_allclose(g.numpy(), wanted, rtol=1e-12, atol=1e-13)


@settings(max_examples=150)
@given(data=st.data(), seed=st.integers(0, 99))
def test_einsum(data, seed):
    """Any letters, repeated or not, in any operand and in any order."""
    sizes = dict(zip("abcd", data.draw(st.tuples(*[st.integers(1, 3)] * 4)), strict=True))
    terms = data.draw(st.lists(st.text("abcd", max_size=3), min_size=1, max_size=3))
    letters = sorted({*"".join(terms)})
    output = "".join(data.draw(st.lists(st.sampled_from(letters), unique=True))) if letters else ""
    subscripts = ",".join(terms) + "->" + output
    arrays = numbers(seed, *[tuple(sizes[c] for c in term) for term in terms], low=-2)
    leaves = [tg.Variable(x) for x in arrays]
    y = tg.einsum(subscripts, *leaves)
    np.testing.assert_allclose(y.numpy(), np.einsum(subscripts, *arrays), rtol=1e-12, atol=1e-12)
    (ct,) = numbers(seed + 1, y.shape, low=-1)
    found = [g.numpy() for g in tg.gradients(y, leaves, ct)]
    assert_gradient(lambda *xs: [np.einsum(subscripts, *xs)], arrays, [ct], found)


@given(data=st.data(), seed=st.integers(0, 99))
def test_tensordot(data, seed):
    a_shape = data.draw(nps.array_shapes(max_dims=3, max_side=3))
    summed = data.draw(st.lists(st.integers(0, len(a_shape) - 1), unique=True))
    free = data.draw(nps.array_shapes(min_dims=0, max_dims=2, max_side=3))
    b_shape = (*[a_shape[i] for i in summed], *free)
    order = data.draw(st.permutations(range(len(b_shape))))
    b_axes = [order.index(i) for i in range(len(summed))]
    a, b = numbers(seed, a_shape, tuple(b_shape[i] for i in order), low=-2)
    axes = (summed, [i - b.ndim if i % 2 else i for i in b_axes])
    leaves = [tg.Variable(a), tg.Variable(b)]
    y = tg.tensordot(*leaves, axes)
    np.testing.assert_allclose(y.numpy(), np.tensordot(a, b, axes), rtol=1e-12, atol=1e-12)
    (ct,) = numbers(seed + 1, y.shape, low=-1)
    found = [g.numpy() for g in tg.gradients(y, leaves, ct)]
    assert_gradient(lambda a, b: [np.asarray(np.tensordot(a, b, axes))], [a, b], [ct], found)


# Reductions: slopes by calculus, of x and of the result with its axes kept.
REDUCTIONS: dict[str, Any] = {
    "sum": lambda x, y, n, axis: 1,
    "mean": lambda x, y, n, axis: 1 / n,
    "prod": lambda x, y, n, axis: y / x,
    "max": lambda x, y, n, axis: x == y,
    "min": lambda x, y, n, axis: x == y,
    "var": lambda x, y, n, axis: 2 * (x - x.mean(axis, keepdims=True)) / n,
    "std": lambda x, y, n, axis: (x - x.mean(axis, keepdims=True)) / (n * np.where(y > 0, y, 1)),
    "logsumexp": lambda x, y, n, axis: np.exp(x - y),
}
EMPTY = {"sum", "prod"}  # what is defined for no elements


@settings(max_examples=150)
@pytest.mark.parametrize("name", REDUCTIONS)
@given(data=st.data(), seed=st.integers(0, 99), keepdims=st.booleans())
def test_reduction(name, data, seed, keepdims):
    shape = data.draw(
        nps.array_shapes(min_dims=0, max_dims=4, min_side=int(name not in EMPTY), max_side=3)
    )
    every = st.none() | nps.valid_tuple_axes(len(shape))
    axis = data.draw(every | st.integers(-len(shape), len(shape) - 1) if shape else every)
    (x,) = numbers(seed, shape)

    def numpy(keepdims):
        if name == "logsumexp":
            return np.log(np.exp(x).sum(axis=axis, keepdims=keepdims))
        return getattr(np, name)(x, axis=axis, keepdims=keepdims)

    leaf = tg.Variable(x)
    y = getattr(tg, name)(leaf, axis=axis, keepdims=keepdims)
    wanted = numpy(keepdims)
    assert y.shape == wanted.shape
    np.testing.assert_allclose(y.numpy(), wanted, rtol=1e-13, atol=1e-15)
    (ct,) = numbers(seed + 1, y.shape, low=-1)
    (g,) = tg.gradients(y, leaf, ct)
    assert g.shape == shape
    kept = np.asarray(numpy(True))
    count = x.size // max(kept.size, 1)
    wanted = np.broadcast_to(REDUCTIONS[name](x, kept, count, axis) * ct.reshape(kept.shape), shape)
    np.testing.assert_allclose(g.numpy(), wanted, rtol=1e-11, atol=1e-13)


@given(data=st.data(), seed=st.integers(0, 99))
def test_cumsum(data, seed):
    shape = data.draw(SHAPES)
    axis = data.draw(st.none() | st.integers(-len(shape), len(shape) - 1) if shape else st.none())
    (x,) = numbers(seed, shape)
    leaf = tg.Variable(x)
    y = tg.cumsum(leaf, axis)
    wanted = np.cumsum(x, axis)
    assert y.shape == wanted.shape
    np.testing.assert_allclose(y.numpy(), wanted, rtol=1e-13)
    (ct,) = numbers(seed + 1, y.shape, low=-1)
    (g,) = tg.gradients(y, leaf, ct)
    # Of an element: all of the cotangent from it on, along the axis.
    after = np.flip(np.flip(ct, axis or 0).cumsum(axis or 0), axis or 0)
    np.testing.assert_allclose(g.numpy(), after.reshape(shape), rtol=1e-12, atol=1e-13)
