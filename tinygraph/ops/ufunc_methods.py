"""The methods of NumPy's ufuncs on tracked tensors: `np.hypot.reduce(t)`, `np.add.outer(a, b)`.

Some are operations of their own (`np.add.reduce` is the sum). The others are made here of the
ufunc's operation, applied as often as NumPy applies it: a reduction over n elements is n − 1
operations on the graph.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError, AxisError, NotDifferentiable, ShapeError
from ..registry import METHODS, NUMPY
from ..tensor import Tensor, as_tensor, check_differentiable
from .axes import Axis
from .joining import stack, unstack
from .joining import where as choose
from .shape import astype, broadcast_to, moveaxis, reshape


def method(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Register what `ufunc.<its name>` does, given the ufunc."""
    METHODS[function.__name__] = function
    return function


@method
def reduce(
    ufunc: np.ufunc,
    array: Any,
    /,
    axis: Axis = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Tensor:
    """((x₀ ∘ x₁) ∘ x₂) ∘ … over the axes, from `initial` on if it is given."""
    name, operation = f"np.{ufunc.__name__}.reduce", NUMPY[ufunc]
    x = _operand(name, array, dtype, out)
    mask = _values(where)
    given: dict[str, Any] = {} if initial is None else {"initial": _values(initial)}
    if mask is not True:
        given["where"] = mask
    # What NumPy finds says the shape, and what is wrong with the arguments.
    wanted = _told(name, lambda: ufunc.reduce(x.value, axis, keepdims=keepdims, **given))
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    front = tuple(range(len(axes) if x.ndim else 0))
    along = tuple([i % x.ndim for i in axes]) if x.ndim else ()
    rest = tuple([n for i, n in enumerate(x.shape) if i not in along])
    pieces = unstack(reshape(moveaxis(x, along, front), (-1, *rest)))
    chosen: Any = [True] * len(pieces)
    if mask is not True:
        mask = np.broadcast_to(mask, x.shape)
        chosen = np.moveaxis(mask, along, front).reshape(-1, *rest)
    total = initial
    if initial is None and (mask is not True or not pieces):
        total = ufunc.identity
    for piece, here in zip(pieces, chosen, strict=True):
        if total is None:
            total = piece
        else:
            after = operation(total, piece)
            total = after if here is True else choose(here, after, total)
    return reshape(broadcast_to(as_tensor(total, name), rest), wanted.shape)


@method
def accumulate(
    ufunc: np.ufunc, array: Any, /, axis: int = 0, dtype: Any = None, out: Any = None
) -> Tensor:
    """x₀, x₀ ∘ x₁, (x₀ ∘ x₁) ∘ x₂, … along the axis."""
    name, operation = f"np.{ufunc.__name__}.accumulate", NUMPY[ufunc]
    x = _operand(name, array, dtype, out)
    if not _told(name, lambda: ufunc.accumulate(x.value, axis)).size:
        return x
    totals: list[Tensor] = []
    for piece in unstack(x, axis=axis):
        totals.append(operation(totals[-1], piece) if totals else piece)
    result: Tensor = stack(totals, axis)
    return result


@method
def reduceat(
    ufunc: np.ufunc, array: Any, indices: Any, /, axis: int = 0, dtype: Any = None, out: Any = None
) -> Tensor:
    """Reductions from each index to before the next; where that is not larger, its element."""
    name, operation = f"np.{ufunc.__name__}.reduceat", NUMPY[ufunc]
    x = _operand(name, array, dtype, out)
    starts = np.asarray(_values(indices))
    wanted = _told(name, lambda: ufunc.reduceat(x.value, starts, axis))
    if not wanted.size:
        return as_tensor(wanted, name)
    pieces = unstack(x, axis=axis)
    stops = [*starts.tolist()[1:], len(pieces)]
    result: Tensor = stack(
        [
            functools.reduce(operation, pieces[start : max(stop, start + 1)])
            for start, stop in zip(starts.tolist(), stops, strict=True)
        ],
        axis,
    )
    return result


@method
def outer(ufunc: np.ufunc, a: Any, b: Any, /, **keywords: Any) -> Tensor:
    """aᵢ ∘ bⱼ for every pair of elements; the axes of a, then those of b."""
    left, right = as_tensor(a, "outer"), as_tensor(b, "outer")
    spread = reshape(left, left.shape + (1,) * right.ndim)
    result: Tensor = NUMPY[ufunc](spread, right, **keywords)
    return result


@method
def at(ufunc: np.ufunc, array: Any, *rest: Any) -> Tensor:
    """Refused: it writes into its first operand."""
    name = f"np.{ufunc.__name__}.at"
    if type(array) is Tensor:
        raise ArgumentError(
            f"{name} writes into its first operand, and a tensor is a value; write "
            "t[index] = value, which rebinds t and is differentiable, or add up values at indices "
            "that repeat as tg.one_hot(indices, len(t)).T @ values"
        )
    raise NotDifferentiable(
        f"{name}: a tensor that requires grad came, and writing it into an array would silently "
        "cut the graph; begin with a tensor and bind the result to a name, or .detach() first"
    )


def _operand(name: str, array: Any, dtype: Any, out: Any) -> Tensor:
    """The operand in the dtype that is asked for."""
    if out is not None and any(x is not None for x in np.atleast_1d(np.array(out, object))):
        raise NotDifferentiable(
            f"{name}: out= is not supported on tensors that require grad; bind the result to a "
            "name instead"
        )
    x = as_tensor(array, name)
    if dtype is not None:
        check_differentiable(np.dtype(dtype), f"{name}: dtype=")
        x = astype(x, dtype)
    return x


def _values(x: Any) -> Any:
    """What is not differentiated, as an array."""
    return x.value if type(x) is Tensor else x


def _told(name: str, call: Callable[[], Any]) -> Any:
    """What NumPy computes, or its error with the operation's name."""
    try:
        return call()
    except np.exceptions.AxisError as error:
        raise AxisError(f"{name}: {error}") from None
    except (ValueError, IndexError) as error:
        raise ShapeError(f"{name}: {error}") from None
    except TypeError as error:
        raise ArgumentError(f"{name}: {error}") from None
