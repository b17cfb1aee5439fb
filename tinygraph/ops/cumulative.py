"""Cumulations along an axis: products, extremes, sums of exponentials of all elements up to each.

They work along one axis, as `cumsum` does; None: along the flattened array.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..primitive import Operand, derived, primitive, sample
from ..tensor import Tensor, as_tensor
from .axes import checked_axis
from .joining import concatenate
from .out import refuse_out
from .reduction import cumsum

LINES = (
    sample((4,)),
    sample((5,), axis=-1),
    sample((3, 4)),
    sample((3, 4), axis=0),
    sample((2, 3, 3), axis=-2),
    sample((2, 0), axis=1),
    sample((0,)),
    sample(()),
)


def carried(ct: Any, factor: Any) -> Any:
    """s with sᵢ = ctᵢ + factorᵢ · sᵢ₊₁ along the last axis, from its end; one factor less than ct.

    In log n steps, each of which doubles how far what comes later is carried, and without a
    division, so that it is exact where factors are zero (Hillis and Steele 1986). Boolean factors
    let through or keep out, also what is not finite.
    """
    reach = 1
    while reach < ct.shape[-1]:
        later = ct[..., reach:]
        later = np.where(factor, later, 0) if factor.dtype == bool else factor * later
        ct = np.concatenate([ct[..., :-reach] + later, ct[..., -reach:]], -1)
        factor = factor[..., :-reach] * factor[..., reach:]
        reach *= 2
    return ct


def along_last(rule: Callable[..., Any]) -> Callable[..., Any]:
    """A rule for the last axis, from the cotangent, the result and the operand, for any axis."""

    def moved(ct: Any, y: Any, a: Any, shape: Any, axis: int | None) -> Any:
        if axis is None:
            return rule(ct, y, a.reshape(-1)).reshape(shape)
        g = rule(*(np.moveaxis(x, axis, -1) for x in (ct, y, a)))
        return np.moveaxis(g, -1, axis)

    return moved


@along_last
def _cumprod(ct: Any, y: Any, a: Any) -> Any:
    """Σ over k ≥ i of ctₖ Π of all elements up to k but for the i-th."""
    before = np.cumprod(np.concatenate([np.ones_like(a[..., :1]), a[..., :-1]], -1), axis=-1)
    return before * carried(ct, a[..., 1:])


@primitive(
    numpy=[np.cumprod, (np.multiply, "accumulate")],
    label="cumprod",
    a=_cumprod,
    samples=LINES,
)
def cumprod(a: Operand, axis: int | None = None, dtype: Any = None) -> Any:
    """Products of all elements up to each, along the axis. The gradient is exact with zeros too."""
    return a.cumprod(axis=axis, dtype=dtype)


@along_last
def _cumulative_extreme(ct: Any, y: Any, a: Any) -> Any:
    y, a = (x.value if type(x) is Tensor else x for x in (y, a))
    same = y[..., 1:] == y[..., :-1]
    reached = a == y
    # How many have reached the extreme so far: what has been counted since it last changed.
    total = np.cumsum(reached, axis=-1)
    begins = np.concatenate([np.ones_like(reached[..., :1]), ~same], -1)
    earlier = np.maximum.accumulate(np.where(begins, total - reached, 0), axis=-1)
    ties = np.maximum(total - earlier, 1).astype(ct.dtype)
    return np.where(reached, carried(ct / ties, same), 0)


@primitive(
    numpy=(np.maximum, "accumulate"), label="cummax", a=_cumulative_extreme, samples=LINES[:-1]
)
def cummax(a: Operand, axis: int | None = None) -> Any:
    """The largest of all elements up to each, along the axis. Ties share the cotangent equally."""
    return np.maximum.accumulate(a.reshape(-1) if axis is None else a, axis or 0)


@primitive(
    numpy=(np.minimum, "accumulate"), label="cummin", a=_cumulative_extreme, samples=LINES[:-1]
)
def cummin(a: Operand, axis: int | None = None) -> Any:
    """The smallest of all elements up to each, along the axis. Ties share the cotangent equally."""
    return np.minimum.accumulate(a.reshape(-1) if axis is None else a, axis or 0)


def _share(mine: Any, other: Any) -> Any:
    """e^mine / (e^mine + e^other); half where both are infinite and alike."""
    alike = (mine == other) & np.isinf(mine)
    difference = np.where(alike, 0, other) - np.where(alike, 0, mine)
    return np.exp(-np.logaddexp(difference, 0))


@along_last
def _cumlogsumexp(ct: Any, y: Any, a: Any) -> Any:
    # Each sum is the logaddexp of the one before and the next element.
    before, own = y[..., :-1], a[..., 1:]
    ones = np.ones_like(a[..., :1])
    return carried(ct, _share(before, own)) * np.concatenate([ones, _share(own, before)], -1)


@primitive(
    numpy=(np.logaddexp, "accumulate"),
    label="log Σ e^x",
    a=_cumlogsumexp,
    samples=LINES[:-1],
)
def cumlogsumexp(a: Operand, axis: int | None = None) -> Any:
    """log Σ e^a of all elements up to each, along the axis, without overflow."""
    return np.logaddexp.accumulate(a.reshape(-1) if axis is None else a, axis or 0)


def _cumulative(
    operation: Callable[..., Any],
    name: str,
    x: Operand,
    axis: int | None,
    dtype: Any,
    out: Any,
    initial: int | None,
) -> Tensor:
    """A cumulation as the array API has it; `initial` comes first, if it is not None."""
    refuse_out(name, out)
    array = as_tensor(x, name)
    if axis is None:
        if array.ndim != 1:
            raise ArgumentError(
                f"{name}: an array of shape {array.shape} needs axis=; only one of one dimension "
                "goes without"
            )
        axis = 0
    axis = checked_axis(axis, array.ndim, name)
    y: Tensor = operation(array, axis, dtype)
    if initial is None:
        return y
    shape = (*y.shape[:axis], 1, *y.shape[axis + 1 :])
    return concatenate([np.full(shape, initial, y.dtype), y], axis)


def cumulative_sum(
    x: Operand,
    /,
    *,
    axis: int | None = None,
    dtype: Any = None,
    out: None = None,
    include_initial: bool = False,
) -> Tensor:
    """Sums of all elements up to each, along the axis; include_initial: after a 0."""
    initial = 0 if include_initial else None
    return _cumulative(cumsum, "cumulative_sum", x, axis, dtype, out, initial)


def cumulative_prod(
    x: Operand,
    /,
    *,
    axis: int | None = None,
    dtype: Any = None,
    out: None = None,
    include_initial: bool = False,
) -> Tensor:
    """Products of all elements up to each, along the axis; include_initial: after a 1."""
    initial = 1 if include_initial else None
    return _cumulative(cumprod, "cumulative_prod", x, axis, dtype, out, initial)


if hasattr(np, "cumulative_sum"):  # NumPy 2.1
    derived(numpy=np.cumulative_sum)(cumulative_sum)
    derived(numpy=np.cumulative_prod)(cumulative_prod)
