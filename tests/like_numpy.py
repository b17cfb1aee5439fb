"""A function of NumPy's, called on tensors: NumPy's value, and derivatives of order 1 and 2.

For calls that no sample can describe: arrays in lists, numbers that must fit each other, NaN.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from derivatives import assert_gradient

import tinygraph as tg


def flat(y: Any) -> Iterator[Any]:
    """The arrays in what a function returned."""
    if isinstance(y, (tuple, list)):
        for part in y:
            yield from flat(part)
    else:
        yield y


def assert_like_numpy(function: Callable[..., Any], *given: Any) -> None:
    """The function of NumPy functions has NumPy's value, and the slopes of central differences.

    Elements that are NaN get gradient 0.
    """
    arrays = [np.asarray(x, float) for x in given]
    leaves = [tg.Variable(x) for x in arrays]
    outputs = list(flat(function(*leaves)))
    for y, expected in zip(outputs, flat(function(*arrays)), strict=True):
        assert (type(y), y.shape, y.dtype) == (tg.Tensor, expected.shape, expected.dtype)
        np.testing.assert_allclose(y.numpy(), expected, rtol=1e-12, atol=1e-14)
    tracked = [i for i, y in enumerate(outputs) if y.requires_grad]
    rng = np.random.default_rng(0)
    cts = [rng.uniform(0.5, 1.5, outputs[i].shape) for i in tracked]
    assert tracked

    def filled(values: Sequence[Any]) -> list[Any]:
        """The arrays, with these in place of all that is not NaN."""
        copies = [x.copy() for x in arrays]
        for copy, value in zip(copies, values, strict=True):
            copy[~np.isnan(copy)] = value
        return copies

    def numbers(parts: Sequence[Any]) -> list[Any]:
        """What of the gradients belongs to numbers; nothing belongs to NaN."""
        wholes = [
            np.zeros(x.shape) if g is None else g.numpy()
            for g, x in zip(parts, arrays, strict=True)
        ]
        for g, x in zip(wholes, arrays, strict=True):
            assert not g[np.isnan(x)].any()
        return [g[~np.isnan(x)] for g, x in zip(wholes, arrays, strict=True)]

    def value(*values: Any) -> list[Any]:
        found = list(flat(function(*filled(values))))
        return [found[i] for i in tracked]

    def slope(*values: Any) -> list[Any]:
        xs = [tg.Variable(x) for x in filled(values)]
        found = list(flat(function(*xs)))
        return numbers(tg.gradients([found[i] for i in tracked], xs, cts))

    points = [x[~np.isnan(x)] for x in arrays]
    first = tg.gradients([outputs[i] for i in tracked], leaves, cts, create_graph=True)
    assert_gradient(value, points, cts, numbers(first))
    again = [rng.uniform(0.5, 1.5, x.shape) * ~np.isnan(x) for x in arrays]
    pairs = [(g, c) for g, c in zip(first, again, strict=True) if g is not None and g.requires_grad]
    second = [None for _ in leaves]
    if pairs:
        second = tg.gradients([g for g, _ in pairs], leaves, [c for _, c in pairs])
    weights = [c[~np.isnan(x)] for c, x in zip(again, arrays, strict=True)]
    assert_gradient(slope, points, weights, numbers(second))
