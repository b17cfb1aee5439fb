"""Elements put around an array, in every mode of `np.pad`.

NumPy pads one axis after the other, so that what stands in the corners is made of what was put
beside them: so do the modes here that compute. Those that copy are an index.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError, DTypeError, ShapeError
from ..primitive import Operand, derived, primitive, sample
from ..tensor import Tensor, as_tensor
from .calculus import part
from .conversion import array as tensor_of
from .conversion import cast, has_tensors
from .elementwise import add, subtract
from .indexing import getitem, take_along_axis
from .joining import concatenate, stack
from .lanes import lanes
from .ranges import linspace
from .reduction import max, mean, min
from .rounding import rint
from .shape import broadcast_to, flip, moveaxis, reshape

Pair = tuple[int, int]


def _unpad(ct: Any, shape: Any, pad_width: Any) -> Any:
    return ct[tuple([slice(w[0], w[0] + n) for w, n in zip(pad_width, shape, strict=True)])]


@primitive(
    name="pad",
    array=_unpad,
    samples=(
        sample((2, 3), ((1, 2), (0, 1))),
        sample((3,), ((2, 2),), 1.5),
        sample((0, 2), ((1, 0), (0, 0))),
    ),
    flops=0,
)
def pad_constant(array: Operand, pad_width: Any, constant_values: Any = 0) -> Any:
    """The array with constants put around it."""
    return np.pad(array, pad_width, constant_values=constant_values)


# What each mode takes, by keyword.
KEYWORDS = {
    "constant": ("constant_values",),
    "edge": (),
    "empty": (),
    "linear_ramp": ("end_values",),
    "maximum": ("stat_length",),
    "mean": ("stat_length",),
    "median": ("stat_length",),
    "minimum": ("stat_length",),
    "reflect": ("reflect_type",),
    "symmetric": ("reflect_type",),
    "wrap": (),
}


@derived(numpy=np.pad)
def pad(
    array: Operand, pad_width: Any, mode: str | Callable[..., Any] = "constant", **kwargs: Any
) -> Tensor:
    """The array with elements put around it, `pad_width` before and after each axis.

    pad_width: n, (before, after), one pair for each axis, or a dict {axis: n or pair}.
    mode: constant (constant_values=0), linear_ramp from the edge to end_values=0; maximum, minimum,
        mean or median of the stat_length elements at the edge (None: all); edge; wrap; reflect
        (without the edge) or symmetric (with it), where reflect_type="odd" goes on as 2·edge − x.
        empty: zeros. A function (vector, widths, axis, kwargs) writes into each vector.
    constant_values and end_values may be tensors.
    """
    x = as_tensor(array, "pad")
    widths = _widths(pad_width, x.ndim)
    if callable(mode):
        return _by_function(x, widths, mode, kwargs)
    if mode not in KEYWORDS:
        raise ArgumentError(f"pad: mode {mode!r}; it is {', '.join(KEYWORDS)} or a function")
    for word in kwargs:
        if word not in KEYWORDS[mode]:
            own = ", ".join(KEYWORDS[mode]) or "no keywords"
            raise ArgumentError(f"pad: {word}= with mode {mode!r}, which takes {own}")
    if mode in ("constant", "empty"):
        values = kwargs.get("constant_values", 0)
        if not has_tensors(values):
            return pad_constant(x, widths, values)
        pairs = _values(values, x)
        return _padded(x, widths, lambda x, axis, side, n: getitem(pairs, (axis, side)))
    for axis, width in enumerate(widths):
        if not x.shape[axis] and any(width):
            raise ShapeError(
                f"pad: mode {mode!r} has nothing to go by along axis {axis} of shape {x.shape}; "
                "only constant and empty do without"
            )
    if not x.size:
        return pad_constant(x, widths)
    if mode == "linear_ramp":
        ends = _values(kwargs.get("end_values", 0), x)
        return _padded(x, widths, lambda x, axis, side, n: _ramp(x, axis, side, n, ends))
    if mode in STATISTICS:
        lengths = _lengths(kwargs.get("stat_length"), x, mode)
        return _padded(
            x, widths, lambda x, axis, side, n: _statistic(x, axis, side, lengths[axis][side], mode)
        )
    if kwargs.get("reflect_type", "even") not in ("even", "odd"):
        raise ArgumentError(f"pad: reflect_type={kwargs['reflect_type']!r}; it is 'even' or 'odd'")
    if kwargs.get("reflect_type") == "odd":
        for axis, width in enumerate(widths):
            x = _odd(x, axis, width, mode) if any(width) else x
        return x
    # Every new element is a copy of an old one.
    index = [
        np.pad(np.arange(n), width, mode)  # type: ignore[call-overload]
        for n, width in zip(x.shape, widths, strict=True)
    ]
    return getitem(x, np.ix_(*index))


def _widths(pad_width: Any, ndim: int) -> tuple[Pair, ...]:
    """How much to pad before and after each axis, from any form that NumPy takes."""
    if isinstance(pad_width, dict):
        pairs: list[Any] = [(0, 0)] * ndim
        for axis, width in pad_width.items():
            if not -ndim <= axis < ndim:
                raise ArgumentError(f"pad: pad_width for axis {axis} of {ndim} axes")
            pairs[axis] = (width, width) if isinstance(width, (int, np.integer)) else width
        pad_width = pairs
    given = np.asarray(pad_width)
    if given.dtype.kind not in "iu":
        raise ArgumentError(f"pad: pad_width {pad_width!r}; it needs to be made of integers")
    try:
        pairs = np.broadcast_to(given, (ndim, 2)).tolist()
    except ValueError:
        raise ShapeError(
            f"pad: pad_width of shape {given.shape} for {ndim} axes; it is a number, a pair, or a "
            "pair for each axis"
        ) from None
    if given.size and given.min() < 0:
        raise ShapeError(f"pad: pad_width {pad_width!r}; it cannot be negative: slice instead")
    return tuple([(before, after) for before, after in pairs])


def _values(values: Any, x: Tensor) -> Tensor:
    """A value before and after each axis."""
    given = tensor_of(values, copy=False)
    if given.node is not None and not np.can_cast(given.dtype, x.dtype, "same_kind"):
        raise DTypeError(
            f"pad: values of dtype {given.dtype} require grad and do not fit an array of dtype "
            f"{x.dtype}; cast the array with .astype({given.dtype}) first"
        )
    return broadcast_to(given, (x.ndim, 2))


def _lengths(given: Any, x: Tensor, mode: str) -> Any:
    """How many elements at the edges of each axis count; None: all."""
    if given is None:
        return [(None, None)] * x.ndim
    lengths = np.broadcast_to(given, (x.ndim, 2)).tolist()
    for length in (n for pair in lengths for n in pair):
        if length is not None and (length < 0 or (not length and mode in ("maximum", "minimum"))):
            raise ArgumentError(f"pad: stat_length {given!r}; the {mode} needs a positive one")
    return lengths


def _padded(x: Tensor, widths: tuple[Pair, ...], new: Callable[..., Tensor]) -> Tensor:
    """One axis after the other, with new(x, axis, side, n) before and after."""
    for axis, width in enumerate(widths):
        sides = []
        for side, n in enumerate(width):
            if n:
                shape = x.shape[:axis] + (n,) + x.shape[axis + 1 :]
                value = cast(new(x, axis, side, n), x.dtype, "pad")
                sides.append((side, value if value.shape == shape else broadcast_to(value, shape)))
        if sides:
            pieces = [[y for at, y in sides if at == side] for side in (0, 1)]
            x = concatenate([*pieces[0], x, *pieces[1]], axis)
    return x


def _ramp(x: Tensor, axis: int, side: int, n: int, ends: Tensor) -> Tensor:
    """From the end value in n even steps to the edge."""
    edge = getitem(x, (slice(None),) * axis + (-side,))
    ramp = linspace(getitem(ends, (axis, side)), edge, n, endpoint=False, dtype=x.dtype, axis=axis)
    return flip(ramp, axis) if side else ramp


def _median(x: Tensor, axis: int) -> Tensor:
    """The middle element, or the mean of the two; NaN where there is one."""
    values, n = np.asarray(x.value), x.shape[axis]
    order = np.argsort(values, axis)  # NaN last
    broken = np.isnan(np.take_along_axis(values, order[_last(axis)], axis))
    middle = []
    for k in {(n - 1) // 2, n // 2}:
        at = np.where(broken, np.take(order, [n - 1], axis), np.take(order, [k], axis))
        middle.append(take_along_axis(x, at, axis))
    return middle[0] if len(middle) == 1 else mean(stack(middle), 0)


def _last(axis: int) -> tuple[slice, ...]:
    return (slice(None),) * axis + (slice(-1, None),)


STATISTICS: dict[str, Any] = {
    "maximum": lambda x, axis: max(x, axis, keepdims=True),
    "minimum": lambda x, axis: min(x, axis, keepdims=True),
    "mean": lambda x, axis: mean(x, axis, keepdims=True),
    "median": _median,
}


def _statistic(x: Tensor, axis: int, side: int, length: int | None, mode: str) -> Tensor:
    """Of as many elements at that edge."""
    n = x.shape[axis]
    length = n if length is None or length > n else length
    y = STATISTICS[mode](
        part(x, axis, n - length, None) if side else part(x, axis, 0, length), axis
    )
    return rint(y) if x.dtype.kind in "iu" and y.dtype.kind == "f" else y


def _odd(x: Tensor, axis: int, width: Pair, mode: str) -> Tensor:
    """The axis continued by half turns around its edges, as far as it reaches at a time."""
    n = x.shape[axis]
    before, after = width
    if n == 1:  # there is nothing to turn
        return getitem(x, (slice(None),) * axis + (np.zeros(before + 1 + after, int),))
    # Without the edge itself there is one element less, and periods are as much shorter.
    short = mode == "reflect"
    while before or after:
        period, size = n - short, x.shape[axis]
        reach = (size - short) // period * period
        left, right = (w if w < reach else reach for w in (before, after))
        pieces, first, last = [x], part(x, axis, 0, 1), part(x, axis, size - 1, size)
        if left:
            turned = flip(part(x, axis, int(short), left + short), axis)
            pieces.insert(0, subtract(add(first, first), turned))
        if right:
            end = size - short
            turned = flip(part(x, axis, end - right, end), axis)
            pieces.append(subtract(add(last, last), turned))
        x = concatenate(pieces, axis)
        before, after = before - left, after - right
    return x


def _by_function(x: Tensor, widths: tuple[Pair, ...], function: Any, kwargs: Any) -> Tensor:
    """Zeros around it, into which the function writes, one axis after the other."""
    x = pad_constant(x, widths)
    for axis in range(x.ndim):
        if not x.size:
            break
        vectors = lanes(x, axis)
        for vector in vectors:
            function(vector, widths[axis], axis, kwargs)  # vector[i] = … rebinds it
        moved = x.shape[:axis] + x.shape[axis + 1 :] + x.shape[axis : axis + 1]
        x = moveaxis(reshape(stack(vectors), moved), -1, axis)
    return x
