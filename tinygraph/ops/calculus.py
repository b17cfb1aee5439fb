"""Calculus on samples: differences, derivatives, integrals, interpolation."""

from typing import Any

import numpy as np

from ..errors import ArgumentError, DTypeError, ShapeError
from ..primitive import Operand, derived, primitive, sample
from ..tensor import Tensor, as_tensor
from .axes import Axis, checked_axis
from .conversion import array, cast
from .elementwise import add, divide, multiply, subtract
from .indexing import getitem, scatter
from .joining import concatenate, where
from .reduction import sum
from .shape import astype, broadcast_to, ravel, reshape


def part(x: Tensor, axis: int, start: int | None, stop: int | None) -> Tensor:
    """x[start:stop] along an axis."""
    return getitem(x, (slice(None),) * axis + (slice(start, stop),))


@derived(numpy=np.diff)
def diff(
    a: Operand, n: int = 1, axis: int = -1, prepend: Operand = None, append: Operand = None
) -> Tensor:
    """a₍ᵢ₊₁₎ − aᵢ along the axis, n times over.

    prepend, append: what stands before and after a along the axis; a number, or an array.
    Of booleans: whether they differ.
    """
    x = as_tensor(a, "diff")
    if n < 0:
        raise ArgumentError(f"diff: n={n}; differences are taken 0 times or more")
    if n == 0:
        return x
    axis = checked_axis(axis, x.ndim, "diff")
    single = x.shape[:axis] + (1,) + x.shape[axis + 1 :]
    pieces = [None if e is None else array(e, copy=False) for e in (prepend, x, append)]
    found = [broadcast_to(e, single) if not e.ndim else e for e in pieces if e is not None]
    x = concatenate(found, axis) if len(found) > 1 else x
    for _ in range(n):
        after, before = part(x, axis, 1, None), part(x, axis, None, -1)
        differ: Any = np.not_equal if x.dtype.kind == "b" else subtract
        x = differ(after, before)
    return x


@derived(numpy=np.ediff1d)
def ediff1d(ary: Operand, to_end: Operand = None, to_begin: Operand = None) -> Tensor:
    """Differences of the flattened array, with what stands at the end and begin around them."""
    x = ravel(as_tensor(ary, "ediff1d"))
    pieces = [subtract(part(x, 0, 1, None), part(x, 0, None, -1))]
    for name, extra, place in (("to_begin", to_begin, 0), ("to_end", to_end, 2)):
        if extra is not None:
            extra = array(extra, copy=False)
            if not np.can_cast(extra.dtype, x.dtype, "same_kind"):
                raise DTypeError(
                    f"ediff1d: {name} of dtype {extra.dtype} does not fit differences of "
                    f"{x.dtype}; cast the array with .astype({extra.dtype}) first"
                )
            pieces.insert(place, cast(ravel(extra), x.dtype, "ediff1d"))
    return concatenate(pieces) if len(pieces) > 1 else pieces[0]


# The derivative of samples


def _spacings(spacing: tuple[Any, ...], f: Tensor, axes: list[int]) -> list[Tensor]:
    """For each axis a number, or the distances between its points."""
    given = [array(h, copy=False) for h in spacing] or [as_tensor(1.0, "gradient")]
    if len(given) == 1 and not given[0].ndim:
        return given * len(axes)
    if len(given) != len(axes):
        raise ArgumentError(
            f"gradient: {len(given)} spacings for {len(axes)} axes; give one number, or for each "
            "axis a number or the coordinates along it"
        )
    found = []
    for h, axis in zip(given, axes, strict=True):
        if h.ndim > 1 or (h.ndim and len(h) != f.shape[axis]):
            raise ShapeError(
                f"gradient: coordinates of shape {h.shape} along axis {axis} of shape {f.shape}; "
                f"they need shape ({f.shape[axis]},)"
            )
        found.append(diff(h if h.dtype.kind in "fc" else astype(h, float)) if h.ndim else h)
    return found


def _combined(f: Tensor, axis: int, weights: Any, first: int, size: int) -> Tensor:
    """Three neighbours along the axis, each times its weight: the middle ones of `size` triples."""
    left, middle, right = (
        multiply(weight, part(f, axis, start, start + size))
        for start, weight in enumerate(weights, first)
    )
    return add(add(left, middle), right)


def _slope(f: Tensor, h: Tensor, axis: int, edge_order: int) -> Tensor:
    """Second-order differences inside, one-sided ones of order `edge_order` at the edges."""
    n = f.shape[axis]
    if not h.ndim:
        inner = divide(subtract(part(f, axis, 2, None), part(f, axis, None, -2)), 2 * h)
        steps: list[Any] = [h, h, h, h]
    else:
        h = reshape(h, (-1,) + (1,) * (f.ndim - axis - 1))
        before, after = part(h, 0, None, -1), part(h, 0, 1, None)
        both = before + after
        weights = (-after / (before * both), (after - before) / (before * after),
                   before / (after * both))  # fmt: skip
        inner = _combined(f, axis, weights, 0, n - 2) if n > 2 else part(f, axis, 0, 0)
        steps = [part(h, 0, i, i + 1 or None) for i in ((0, 1, -2, -1) if n > 2 else (0, 0, 0, 0))]
    if edge_order == 1:
        first = divide(subtract(part(f, axis, 1, 2), part(f, axis, 0, 1)), steps[0])
        last = divide(subtract(part(f, axis, -1, None), part(f, axis, -2, -1)), steps[3])
        return concatenate([first, inner, last], axis)
    a, b, c, d = steps
    left = (-(2 * a + b) / (a * (a + b)), (a + b) / (a * b), -a / (b * (a + b)))
    right = (d / (c * (c + d)), -(c + d) / (c * d), (2 * d + c) / (d * (c + d)))
    first = _combined(f, axis, left, 0, 1)
    last = _combined(f, axis, right, n - 3, 1)
    return concatenate([first, inner, last], axis)


@derived(numpy=np.gradient)
def gradient(f: Operand, *varargs: Operand, axis: Axis = None, edge_order: int = 1) -> Any:
    """The derivative of samples along each axis, by differences of second order.

    varargs: nothing for distances of 1; one number; or for each axis a number or the coordinates
    of its points, which may be tensors too.
    edge_order: order of the one-sided differences at the edges, 1 or 2.
    Returns: an array; for several axes a tuple of them.
    Not the gradient of a loss: that is `tg.grad` or `backward()`.
    """
    x = as_tensor(f, "gradient")
    if edge_order not in (1, 2):
        raise ArgumentError(f"gradient: edge_order={edge_order}; it is 1 or 2")
    if x.dtype.kind not in "fc":
        x = astype(x, float)
    given = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = [checked_axis(i, x.ndim, "gradient") for i in given]
    found = []
    for i, h in zip(axes, _spacings(varargs, x, axes), strict=True):
        if x.shape[i] <= edge_order:
            raise ShapeError(
                f"gradient: {x.shape[i]} samples along axis {i} of shape {x.shape}; "
                f"edge_order={edge_order} needs {edge_order + 1}"
            )
        found.append(cast(_slope(x, h, i, edge_order), x.dtype, "gradient"))
    return found[0] if len(found) == 1 else tuple(found)


@derived(numpy=np.trapezoid)
def trapezoid(y: Operand, x: Operand = None, dx: Operand = 1.0, axis: int = -1) -> Tensor:
    """∫ y dx along the axis by the trapezoidal rule: Σ (xᵢ₊₁ − xᵢ)·(yᵢ + yᵢ₊₁)/2.

    x: coordinates of the samples, along the axis or of the shape of y; else their distance is dx.
    """
    y = as_tensor(y, "trapezoid")
    axis = checked_axis(axis, y.ndim, "trapezoid")
    step: Any = dx
    if x is not None:
        x = array(x, copy=False)
        step = diff(x, axis=axis if x.ndim > 1 else -1)
        if x.ndim == 1:
            step = reshape(step, (-1,) + (1,) * (y.ndim - axis - 1))
    pairs = add(part(y, axis, 1, None), part(y, axis, None, -1))
    return sum(divide(multiply(step, pairs), 2.0), axis)


# Interpolation


def _value(x: Any) -> Any:
    return x.value if type(x) is Tensor else x


def _interpolation(ct: Any, x: Any, xp: Any, fp: Any, needs: Any) -> Any:
    points, knots = np.asarray(_value(x)), _value(xp)
    if len(knots) == 1:
        return np.zeros_like(ct), np.zeros(1), np.reshape(np.sum(ct), (1,))
    i = np.clip(np.searchsorted(knots, points, "right") - 1, 0, len(knots) - 2)
    width = xp[i + 1] - xp[i]
    # Of two knots in one place, only points at the last lie between them: their value is its own.
    jump = _value(width) == 0
    width = np.where(jump, 1, width)
    inside = (points >= knots[0]) & (points <= knots[-1]) & ~jump
    # How far on the way from knot i to the next; beyond the ends, at the end.
    way = np.where(inside, (x - xp[i]) / width, np.where(points >= knots[-1], 1.0, 0.0))
    along = np.where(inside, ct * ((fp[i + 1] - fp[i]) / width), 0)

    def shared(part: Any) -> Any:
        here, there = part * (1 - way), part * way
        return scatter(here, (i,), knots.shape) + scatter(there, (i + 1,), knots.shape)

    return along, shared(-along) if needs[1] else None, shared(ct) if needs[2] else None


@primitive(
    name="interp",
    joint=(("x", "xp", "fp"), _interpolation),
    samples=(
        sample((5,), np.array([-1.5, -0.4, 0.1, 2.0]), (4,)),
        sample((2, 3), np.array([-3.0, 0.0, 3.0]), (3,)),
        sample((), np.array([-1.0, 1.0]), (2,)),
        sample((3,), np.array([0.5]), (1,)),
    ),
)
def interpolate(x: Operand, xp: Operand, fp: Operand) -> Any:
    """The polygon through the points (xp, fp), at x; constant beyond its ends."""
    return np.interp(x, xp, fp)


@derived(numpy=np.interp)
def interp(
    x: Operand, xp: Operand, fp: Operand, left: Operand = None, right: Operand = None,
    period: Operand = None,
) -> Tensor:  # fmt: skip
    """The polygon through the points (xp, fp), at x.

    xp: increasing.  left, right: the values beyond its ends, fp[0] and fp[-1] if None.
    period: of x; xp may then be in any order, and left and right do not count.
    At a knot, the derivative with respect to x is the slope after it, at the last one before it.
    """
    x, xp, fp = (array(given, copy=False) for given in (x, xp, fp))
    if xp.ndim != 1 or fp.ndim != 1 or xp.size != fp.size or not xp.size:
        raise ShapeError(
            f"interp: points of shapes {xp.shape} and {fp.shape}; xp and fp need to be vectors of "
            "one length, 1 at least"
        )
    if period is not None:
        period = array(period, copy=False)
        if period.value == 0:
            raise ArgumentError("interp: a period of 0; it must be another number")
        period = np.abs(period)
        x, xp = x % period, xp % period
        order = np.argsort(xp.value)
        xp, fp = xp[order], fp[order]
        xp = concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = concatenate([fp[-1:], fp, fp[:1]])
        left = right = None
    y = interpolate(x, xp, fp)
    if left is not None:
        y = where(x.value < xp.value[0], left, y)
    if right is not None:
        y = where(x.value > xp.value[-1], right, y)
    return y
