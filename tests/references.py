"""What operations are compared with: formulas of NumPy, and samples of what is made of them."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygraph.primitive import Sample, sample


def _written(a: Any, index: Any, value: Any) -> Any:
    out = np.array(a)
    out[index] = value
    return out


def _added(ct: Any, index: Any, shape: tuple[int, ...]) -> Any:
    places = np.arange(math.prod(shape)).reshape(shape)[index]
    out = np.zeros(math.prod(shape), ct.dtype)
    np.add.at(out, np.ravel(places), np.ravel(ct))
    return out.reshape(shape)


# Operations of tinygraph.ops, as formulas of NumPy, where no one NumPy function is the same.
FORMULAS: dict[str, Callable[..., Any]] = {
    "relu": lambda x: x * (x > 0),
    "leaky_relu": lambda x, slope=0.01: np.maximum(x, slope * x),
    "sigmoid": lambda x: (1 + np.tanh(x / 2)) / 2,
    "softplus": lambda x: np.logaddexp(x, 0),
    "softmax": lambda x, axis=-1: np.exp(x) / np.exp(x).sum(axis, keepdims=True),
    "log_softmax": lambda x, axis=-1: x - np.log(np.exp(x).sum(axis, keepdims=True)),
    "logsumexp": lambda a, **axes: np.log(np.sum(np.exp(a), **axes)),
    "getitem": lambda a, index: a[index],
    "setitem": _written,
    "scatter": _added,
    "clip_between": lambda x, low=None, high=None: np.clip(x, low, high),
    "astype": lambda a, dtype: np.asarray(a).astype(dtype),
    "split_at": lambda ary, cuts, axis=0: tuple(np.split(ary, cuts, axis)),
    "pad_constant": lambda array, width, value=0: np.pad(array, width, constant_values=value),
    "unstack": lambda x, axis=0: tuple(np.moveaxis(x, axis, 0)),
    "einsum_explicit": np.einsum,
    "where": np.where,
}
# NumPy functions that are made of operations: at which positions arrays stand, and samples.
DERIVED: dict[str, tuple[Sequence[int], Sequence[Sample]]] = {
    "take": (
        [0],
        [
            sample((3, 4), [0, 5, 0]),
            sample((3, 4), np.array([[1, 0], [3, 3]]), axis=1),
            sample((3, 4), [5, -4], axis=0, mode="wrap"),
            sample((3, 4), [5, -4], axis=0, mode="clip"),
            sample((3,), 1),
        ],
    ),
    "take_along_axis": (
        [0],
        [
            sample((3, 4), np.array([[0, 3], [1, 1], [2, 0]]), axis=1),
            sample((3, 4), np.array([[2, 0, 0, 1]]), axis=0),
            sample((3, 1), np.array([[0, 0]]), axis=-1),
            sample((3, 4), np.array([5, 11, 5]), axis=None),
        ],
    ),
    "clip": (
        [0, 1, 2],
        [sample((3, 4), (4,), (3, 1)), sample((3, 4), (), None), sample((3, 4), -0.1, 0.2)],
    ),
    "split": ([0], [sample((4, 3), 2), sample((3, 5), [1, 3], axis=1)]),
    "pad": (
        [0],
        [
            sample((2, 3), 1),
            sample((2, 3), ((0, 2), (1, 0)), constant_values=3.0),
            sample((3, 4), (1, 2), mode="edge"),
            sample((3, 4), ((1, 2), (3, 0)), mode="reflect"),
            sample((3, 4), 2, mode="symmetric"),
            sample((3, 4), ((4, 0), (0, 5)), mode="wrap"),
        ],
    ),
    "dot": (
        [0, 1],
        [
            sample((3,), (3,)),
            sample((2, 3), (3, 4)),
            sample((2, 3), (3,)),
            sample((2, 3), (2, 3, 4)),
            sample((2, 3), ()),
        ],
    ),
    "inner": ([0, 1], [sample((3,), (3,)), sample((2, 3), (4, 3)), sample((), (2,))]),
    "matvec": ([0, 1], [sample((2, 3), (3,)), sample((5, 2, 3), (3,)), sample((2, 3), (4, 3))]),
    "vecmat": ([0, 1], [sample((2,), (2, 3)), sample((5, 2), (2, 3)), sample((2,), (4, 2, 3))]),
    "outer": ([0, 1], [sample((3,), (4,)), sample((2, 2), (3,)), sample((), (2,))]),
    "tensordot": (
        [0, 1],
        [
            sample((2, 3), (3, 4), 1),
            sample((2, 3, 4), (3, 4, 2)),
            sample((2, 3), (2,), 0),
            sample((2, 3, 4), (4, 5, 2), axes=([0, -1], [2, 0])),
        ],
    ),
    "einsum": (
        range(9),
        [
            sample("ij,jk", (2, 3), (3, 4)),
            sample("ba", (2, 3)),
            sample("...ij,...jk->...ik", (2, 1, 2, 3), (4, 3, 2)),
            sample("i...,i...->...", (3, 2), (3, 1)),
            sample("ii", (3, 3)),
            sample((2, 3), [0, 1], (3, 2), [1, 2], [0, 2]),
            sample("ij,jk,kl->il", (2, 3), (3, 4), (4, 2), optimize=True),
            sample("ij,jk,k,l->i", (2, 3), (3, 2), (2,), (2,), optimize="greedy"),
        ],
    ),
    "where": (
        [1, 2],
        [
            sample(np.array([True, False, True]), (3,), (2, 3)),
            sample(np.array([[True], [False]]), 0.5, (3,)),
        ],
    ),
    "vecdot": (
        [0, 1],
        [sample((3,), (3,)), sample((2, 3), (4, 1, 3)), sample((3, 2), (3, 1), axis=0)],
    ),
    "linalg.vecdot": ([0, 1], [sample((3,), (3,)), sample((2, 3), (4, 1, 3))]),
    "linalg.outer": ([0, 1], [sample((3,), (4,))]),
    "linalg.tensordot": ([0, 1], [sample((2, 3), (3, 4), axes=1)]),
    "linalg.diagonal": ([0], [sample((2, 3, 4)), sample((2, 3, 3), offset=-1)]),
    "linalg.matrix_transpose": ([0], [sample((2, 3, 4))]),
}
# Constants, of whatever they are made.
UNTRACKED = {np.zeros_like, np.ones_like, np.empty_like}
