"""Joining arrays, taking them apart, and choosing between them."""

import math
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..primitive import Operand, derived, primitive, sample
from ..tensor import Tensor, as_tensor
from .axes import checked_axis, in_front, suited
from .out import refuse_out


def _pieces(ct: Any, shapes: Sequence[tuple[int, ...]], axis: int | None) -> list[Any]:
    """The cotangent of a concatenation, cut where the arrays met."""
    if axis is None:
        pieces = _cut(ct, accumulate(map(math.prod, shapes)), 0)
        return [piece.reshape(shape) for piece, shape in zip(pieces, shapes, strict=True)]
    return _cut(ct, accumulate([shape[axis] for shape in shapes]), axis)


def _cut(x: Any, ends: Iterable[int], axis: int) -> list[Any]:
    """The pieces of x along the axis, up to each end."""
    lead = (slice(None),) * (axis % x.ndim)
    pieces, start = [], 0
    for end in ends:
        pieces.append(x[(*lead, slice(start, end))])
        start = end
    return pieces


def _explain_concatenate(
    error: Exception, arrays: Any, axis: int | None, out: None, dtype: Any, casting: str
) -> str | None:
    if isinstance(error, (np.exceptions.AxisError, TypeError)):
        return None
    shapes = [np.shape(a) for a in arrays]
    if not shapes:
        return "concatenate: an empty list; it needs at least one array"
    if () in shapes:
        return f"concatenate: shapes {shapes}: one has no axes to join along; use stack for scalars"
    return (
        f"concatenate: shapes {shapes} do not fit along axis {axis}; they must be equal but for it"
    )


@primitive(
    numpy=[np.concatenate],
    sequence="arrays",
    arrays=_pieces,
    samples=(
        sample([(2, 3), (1, 3)]),
        sample([(2, 3), (2, 1), (2, 2)], axis=-1),
        sample([(2, 3), (4,)], axis=None),
        sample([(0,), (3,)]),
        sample([(2,)]),
        sample([(2,), (1,)], dtype=np.float64, casting="same_kind"),
    ),
    explain=_explain_concatenate,
    flops=0,
)
def concatenate(
    arrays: Operand, /, axis: int | None = 0, out: None = None, *, dtype: Any = None,
    casting: Any = "same_kind",
) -> Any:  # fmt: skip
    """The arrays one after the other along an axis; None: flattened."""
    refuse_out("concatenate", out)
    if dtype is None:
        return np.concatenate(arrays, axis)
    return np.concatenate(arrays, axis, dtype=dtype, casting=casting)


@primitive(
    numpy=np.stack,
    sequence="arrays",
    arrays=lambda ct, axis: list(in_front(ct, axis)),
    samples=(
        sample([(2, 3), (2, 3)]),
        sample([(2, 3), (2, 3), (2, 3)], axis=-1),
        sample([(), ()]),
        sample([(0, 2), (0, 2)], axis=1),
    ),
    explain=lambda error, arrays, axis, out, dtype, casting: (
        None
        if isinstance(error, (np.exceptions.AxisError, TypeError))
        else "stack: an empty list; it needs at least one array"
        if not len(arrays)
        else f"stack: all arrays need the same shape, not {[np.shape(a) for a in arrays]}"
    ),
    flops=0,
)
def stack(
    arrays: Operand, axis: int = 0, out: None = None, *, dtype: Any = None,
    casting: Any = "same_kind",
) -> Any:  # fmt: skip
    """Arrays of one shape, side by side along a new axis."""
    refuse_out("stack", out)
    if dtype is None:
        return np.array(arrays) if axis == 0 and len(arrays) else np.stack(arrays, axis)
    return np.stack(arrays, axis, dtype=dtype, casting=casting)


@primitive(
    several=True,
    x=lambda ct, axis: suited(stack, *ct)(ct, axis),
    samples=(sample((3, 2)), sample((2, 3), axis=-1), sample((2,))),
    flops=0,
)
def unstack(x: Operand, /, *, axis: int = 0) -> Any:
    """The slices along an axis, as a tuple."""
    return tuple(in_front(x, checked_axis(axis, x.ndim, "unstack")))


@primitive(
    several=True,
    name="split",
    ary=lambda ct, axis: suited(concatenate, *ct)(ct, axis),
    samples=(sample((6, 2), 3), sample((2, 5), [1, 3], axis=1), sample((4,), [2, 2])),
    flops=0,
)
def split_at(ary: Operand, indices_or_sections: Any, axis: int = 0) -> Any:
    """The array cut into equal sections, or before these indices."""
    length = ary.shape[axis]
    if np.ndim(indices_or_sections):
        return tuple(_cut(ary, [*indices_or_sections, length], axis))
    n = int(indices_or_sections)
    if n != indices_or_sections or n < 1 or length % n:
        raise ValueError("array split does not result in an equal division")
    return tuple(_cut(ary, [length // n * i for i in range(1, n + 1)], axis))


@derived(numpy=np.split)
def split(ary: Operand, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """The array cut along an axis: into so many equal sections, or before each of the indices.

    Raises ShapeError if the axis does not divide into equal sections.
    """
    checked_axis(axis, np.ndim(ary), "split")
    return list(split_at(ary, indices_or_sections, axis))


if hasattr(np, "unstack"):  # NumPy 2.1
    derived(numpy=np.unstack)(unstack)


@primitive(
    name="where",
    elementwise=True,
    selects=True,
    condition=None,
    a=lambda ct, condition: np.where(condition, ct, 0.0),
    b=lambda ct, condition: np.where(condition, 0.0, ct),
    samples=(
        sample(np.array([True, False, True]), (3,), (2, 3)),
        sample(np.array([[True], [False]]), (3,), 0.0),
        sample(True, (2,), ()),
        sample(np.array([1, 0]), 1.0, (2,)),
        sample(np.zeros((0,), bool), (0,), (1,)),
    ),
)
def where_either(condition: Operand, a: Operand, b: Operand, /) -> Any:
    """a where the condition holds, b elsewhere."""
    return np.where(condition, a, b)


NOTHING: Any = type("Nothing", (), {"__repr__": lambda self: "nothing"})()


@derived(numpy=np.where)
def where(condition: Operand, a: Operand = NOTHING, b: Operand = NOTHING, /) -> Any:
    """a where the condition holds, b elsewhere.

    No gradient, and no NaN of one, passes to the operand that was not taken.
    `where(condition)` are the indices where it holds, an array of integers for each axis.
    """
    if b is not NOTHING:
        return where_either(condition, a, b)
    if a is not NOTHING:
        raise ArgumentError("where: one of two operands came; it takes both, or only a condition")
    return as_tensor(condition, "where").nonzero()


# NumPy's other name

concat = concatenate
