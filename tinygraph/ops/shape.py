"""Operations that rearrange, repeat or cut out elements without computing with them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..numpy_version import since
from ..primitive import Operand, primitive, sample
from .axes import Axis, checked_axis

Shape = int | tuple[int, ...]


@primitive(
    numpy=np.reshape,
    a=lambda ct, a_shape, order: (
        np.reshape(ct, a_shape, "F") if order == "F" else ct.reshape(a_shape)
    ),
    samples=(
        sample((2, 6), (3, 4)),
        sample((2, 3, 2), (4, 3), order="F"),
        sample((2, 3), (3, -1), "A"),
        sample((2, 6), -1),
        sample((), (1, 1)),
        sample((1,), ()),
        sample((0, 3), (3, 0, 2)),
    ),
    explain=lambda error, a, shape, order, copy: (
        f"reshape: {a.size} elements of shape {a.shape} do not fit shape {shape}; "
        "the sizes must multiply to the same number, and one of them may be -1"
        if copy is not False
        else None
    ),
    flops=0,
)
def reshape(a: Operand, shape: Shape, order: str = "C", *, copy: bool | None = None) -> Any:
    """The same elements, in the same order, in another shape.

    order: of the elements, "C" with the last axis fastest, "F" with the first.
    """
    if order == "C" and copy is None:
        return a.reshape(shape)
    how: Any = {"order": _order(order, a, "reshape")}
    if copy is not None and since("2.1.0"):
        return np.reshape(a, shape, copy=copy, **how)
    y = np.reshape(a, shape, **how)
    if copy:
        return y.copy()
    if copy is False and y.size and not np.may_share_memory(y, a):
        raise ValueError("the elements do not lie so that this is possible without a copy")
    return y


def _order(order: str, a: Any, operation: str) -> Any:
    """ "C" or "F"; "A" and "K" depend on memory, and are taken where they mean "C"."""
    in_c = order == "C" or (order == "A" and not a.flags.fnc)
    if in_c or (order == "K" and operation == "ravel" and a.flags.c_contiguous):
        return "C"
    if order == "F":
        return order
    raise ArgumentError(
        f"{operation}: order={order!r} of an array that does not lie in memory row by row; how a "
        "tensor lies there should not matter: say 'C' or 'F'"
        if order in ("A", "K")
        else f"{operation}: order={order!r}; it is 'C' or 'F'"
    )


@primitive(
    numpy=[np.transpose, np.permute_dims],
    a=lambda ct, axes: ct.transpose(None if axes is None else inverse(axes)),
    samples=(
        sample((2, 3)),
        sample((2, 3, 4), (1, 2, 0)),
        sample((2, 3, 4), (-1, 0, -2)),
        sample((3,)),
        sample(()),
    ),
    flops=0,
)
def transpose(a: Operand, axes: Sequence[int] | None = None) -> Any:
    """The axes in another order; None: reversed."""
    return a.transpose(axes)


def inverse(axes: Sequence[int]) -> list[int]:
    """The order that puts transposed axes back."""
    order = [i % len(axes) for i in axes]
    return sorted(range(len(order)), key=order.__getitem__)


@primitive(
    numpy=np.moveaxis,
    a=lambda ct, source, destination: np.moveaxis(ct, destination, source),
    samples=(sample((2, 3, 4), 0, -1), sample((2, 3, 4), (0, 1), (-1, 0))),
    flops=0,
)
def moveaxis(a: Operand, source: Axis, destination: Axis) -> Any:
    """Axes moved to other places, the rest in their order."""
    return np.moveaxis(a, source, destination)  # type: ignore[arg-type]


@primitive(
    numpy=np.swapaxes,
    a=lambda ct, axis1, axis2: ct.swapaxes(axis1, axis2),
    samples=(sample((2, 3, 4), 0, -1), sample((2, 3), 1, 0), sample((2, 0), 0, 1)),
    flops=0,
)
def swapaxes(a: Operand, axis1: int, axis2: int) -> Any:
    """Two axes exchanged."""
    return a.swapaxes(axis1, axis2)


@primitive(
    numpy=[np.matrix_transpose, np.linalg.matrix_transpose],
    label="ᵀ",
    x=lambda ct: ct.swapaxes(-1, -2),
    samples=(sample((2, 3)), sample((4, 2, 3))),
    flops=0,
)
def matrix_transpose(x: Operand, /) -> Any:
    """The last two axes exchanged."""
    return np.matrix_transpose(x)


@primitive(
    numpy=np.broadcast_to,
    broadcasts=True,
    array=lambda ct: ct,
    samples=(sample((3, 1), (2, 3, 4)), sample((), (2,)), sample((1,), (0,)), sample((2,), (2,))),
    explain=lambda error, array, shape, subok: (
        f"broadcast_to: an array of shape {array.shape} does not broadcast to {shape}; "
        "each size must be equal or 1, counted from the last axis"
    ),
    flops=0,
)
def broadcast_to(array: Operand, shape: Shape, subok: bool = False) -> Any:
    """The array repeated along axes of size 1 and new leading axes."""
    return np.broadcast_to(array, shape)


@primitive(
    numpy=np.expand_dims,
    a=lambda ct, a_shape: ct.reshape(a_shape),
    samples=(sample((2, 3), 1), sample((2, 3), (0, -1)), sample((), 0)),
    flops=0,
)
def expand_dims(a: Operand, axis: int | tuple[int, ...]) -> Any:
    """Axes of size 1 put in, at these places of the result."""
    if type(axis) is not int:
        return np.expand_dims(a, axis)
    at = checked_axis(axis, a.ndim + 1, "expand_dims")
    return a.reshape((*a.shape[:at], 1, *a.shape[at:]))


@primitive(
    numpy=np.squeeze,
    a=lambda ct, a_shape: ct.reshape(a_shape),
    samples=(
        sample((1, 3, 1)),
        sample((1, 3, 1), -1),
        sample((1, 3, 1), (0, 2)),
        sample((2, 1, 3)),
        sample((1,)),
    ),
    explain=lambda error, a, axis: (
        None
        if isinstance(error, np.exceptions.AxisError)
        else f"squeeze: axis {axis} of shape {a.shape} does not have size 1; "
        "only axes of size 1 can be taken out"
    ),
    flops=0,
)
def squeeze(a: Operand, axis: Axis = None) -> Any:
    """Axes of size 1 taken out; None: all of them."""
    return a.squeeze(axis)


@primitive(
    numpy=np.ravel,
    a=lambda ct, a_shape, order: (
        ct.reshape(a_shape[::-1]).transpose() if order == "F" else ct.reshape(a_shape)
    ),
    samples=(
        sample((2, 3)),
        sample((2, 3, 2), order="F"),
        sample((2, 3), order="K"),
        sample(()),
        sample((0, 2)),
    ),
    flops=0,
)
def ravel(a: Operand, order: str = "C") -> Any:
    """All elements along one axis; order "C": the last axis fastest, "F": the first."""
    return np.ravel(a, _order(order, a, "ravel"))


@primitive(
    numpy=np.flip,
    m=lambda ct, axis: np.flip(ct, axis),
    samples=(sample((2, 3)), sample((2, 3), 0), sample((2, 3, 4), (0, -1)), sample((0,))),
    flops=0,
)
def flip(m: Operand, axis: Axis = None) -> Any:
    """Elements in reverse order along the axes; None: all of them."""
    return np.flip(m, axis)


def _unroll(ct: Any, shift: Any, axis: Axis) -> Any:
    back = tuple(-s for s in shift) if isinstance(shift, (tuple, list)) else -shift
    return np.roll(ct, back, axis)


@primitive(
    numpy=np.roll,
    a=_unroll,
    samples=(
        sample((4,), 1),
        sample((2, 3), 2),
        sample((2, 3), -1, axis=1),
        sample((2, 3), (1, 2), axis=(0, 1)),
        sample((0,), 3),
    ),
    flops=0,
)
def roll(a: Operand, shift: int | tuple[int, ...], axis: Axis = None) -> Any:
    """Elements moved along the axes, those past the end to the beginning; None: flattened."""
    return np.roll(a, shift, axis)


MATRICES = (sample((3, 4)), sample((2, 4, 3), k=1), sample((3, 3), k=-1))


@primitive(numpy=np.tril, m=lambda ct, k: np.tril(ct, k), samples=MATRICES, flops=0)
def tril(m: Operand, k: int = 0) -> Any:
    """The lower triangle of the last two axes: zeros above diagonal k."""
    return np.tril(m, k)


@primitive(numpy=np.triu, m=lambda ct, k: np.triu(ct, k), samples=MATRICES, flops=0)
def triu(m: Operand, k: int = 0) -> Any:
    """The upper triangle of the last two axes: zeros below diagonal k."""
    return np.triu(m, k)


def _undiagonal(ct: Any, shape: Any, offset: int, axis1: int, axis2: int) -> Any:
    rows, columns = shape[axis1], shape[axis2]
    # Which place of the diagonal each element of the matrix is on, and whether on any.
    place = np.arange(rows)[:, np.newaxis] + min(offset, 0)
    on = np.arange(columns) - np.arange(rows)[:, np.newaxis] == offset
    index = np.where(on, place, 0)
    matrix = (
        np.where(on, ct[..., index], 0) if ct.shape[-1] else np.zeros((*ct.shape[:-1], *on.shape))
    )
    return np.moveaxis(matrix, (-2, -1), (axis1, axis2))


@primitive(
    numpy=np.diagonal,
    a=_undiagonal,
    samples=(
        sample((3, 3)),
        sample((3, 4), 1),
        sample((4, 3), -2),
        sample((2, 3, 4), 0, 0, 2),
        sample((2, 3, 4), 1, -1, -2),
        sample((2, 2), 5),
    ),
    flops=0,
)
def diagonal(a: Operand, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The elements whose indices along two axes differ by `offset`, as a new last axis."""
    return np.diagonal(a, offset, axis1, axis2)


@primitive(
    a=lambda ct: ct,
    samples=(
        sample((2, 3), np.float64),
        sample((), np.float64),
        sample((2,), np.float64, order="F", casting="same_kind", copy=False),
    ),
    flops=0,
)
def astype(
    a: Operand, dtype: Any, order: Any = "K", casting: Any = "unsafe", subok: bool = True,
    copy: bool = True,
) -> Any:  # fmt: skip
    """The same numbers in another dtype. Integers and booleans are not tracked."""
    return a.astype(dtype, order, casting, subok, copy)


@primitive(numpy=np.copy, a=lambda ct: ct, samples=(sample((2, 3)), sample(())), flops=0)
def copy(a: Operand, order: str = "K", subok: bool = False) -> Any:
    """The same numbers, in memory of their own."""
    return a.copy()


# NumPy's other name

permute_dims = transpose
