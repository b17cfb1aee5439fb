"""Arrays and tensors: of any shape, dtype and layout in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
from hypothesis import currently_in_test_context, note
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from ...errors import ArgumentError, DomainError
from ...node import leaf
from ...tensor import Tensor, untracked, with_node
from ..layouts import LAYOUTS as EQUAL
from .shapes import shapes
from .values import EVERYWHERE, Interval, spread, values

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

T = TypeVar("T")
Drawn: TypeAlias = T | st.SearchStrategy[T]
Shape: TypeAlias = tuple[int, ...]
KINDS = {
    "f": (np.float64, np.float32),
    "c": (np.complex128, np.complex64),
    "i": (np.int64, np.int32, np.uint8),
    "b": (np.bool_,),
}


def dtypes(kinds: str = "f") -> st.SearchStrategy[np.dtype[Any]]:
    """dtypes of these kinds, the first for choice: "f" floating, "c" complex, "i" integers, "b".

    Raises ArgumentError for another letter.
    """
    unknown = set(kinds) - KINDS.keys()
    if unknown or not kinds:
        raise ArgumentError(f"dtypes: kinds={kinds!r}; it needs letters among {''.join(KINDS)}")
    return st.sampled_from([np.dtype(dtype) for kind in kinds for dtype in KINDS[kind]])


def _broadcast(x: NDArray[Any]) -> NDArray[Any]:
    """Its first element along the axis repeated by a stride of 0; not to be written to."""
    axis = int(np.argmax(x.shape))
    return np.broadcast_to(x.take([0], axis), x.shape)


LAYOUTS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    **{name: layout for name, layout in EQUAL.items() if name != "read-only"},
    "broadcast": _broadcast,
}


def arrays(
    shape: int | Drawn[Shape] | None = None,
    dtype: Drawn[DTypeLike] = np.float64,
    *,
    domain: Interval = EVERYWHERE,
    away_from: Iterable[float] = (),
    near: Iterable[float] = (),
    margin: float = 0.1,
    distinct: bool = False,
    elements: st.SearchStrategy[Any] | None = None,
    layouts: Iterable[str] = tuple(LAYOUTS),
) -> st.SearchStrategy[NDArray[Any]]:
    """ndarrays of numbers in a domain, away from kinks, in every layout that memory allows.

    shape: a shape, a length, or a strategy for shapes; None: `shapes()`, 0-d and empty ones too.
    dtype: a dtype, or a strategy for dtypes such as `dtypes()`.
    domain, away_from, near, margin: what numbers are drawn, as for `values`.
    distinct: no two elements alike or close, so that nothing ties in a maximum or a sort.
    elements: a strategy for the elements, instead of all these.
    layouts: names out of `LAYOUTS`: "C", "F", "transposed" (axes rotated), "strided" (every second
        element of an array of NaNs), "reversed" (negative strides), "inner" (of a larger array of
        NaNs), "broadcast" (stride 0, read-only, elements repeated). An array that is not in C order
        says so in the report of a failure, as its repr does not.
    Shrinks towards few elements, then to zeros and small whole numbers, in C order.
    Raises ArgumentError for a layout that there is none of, DomainError for an empty domain.
    """
    chosen = tuple(layouts)
    for name in chosen:
        if name not in LAYOUTS:
            raise ArgumentError(f"arrays: layout {name!r}; there are {', '.join(LAYOUTS)}")
    if distinct:
        chosen = tuple(name for name in chosen if name != "broadcast")
    if not chosen:
        raise ArgumentError("arrays: no layouts are left; 'C' is the plain one")
    kinks, targets = tuple(away_from), tuple(near)
    # At once, rather than at the first example.
    numbers = None if isinstance(dtype, st.SearchStrategy) else np.dtype(dtype)
    if elements is None and numbers is not None:
        values(numbers, domain=domain, away_from=kinks, near=targets, margin=margin)

    def element(dtype: np.dtype[Any], size: int) -> st.SearchStrategy[Any]:
        if elements is not None:
            return elements
        if distinct and dtype.kind == "f":
            return spread(size, domain, kinks, margin)
        return values(dtype, domain=domain, away_from=kinks, near=targets, margin=margin)

    return _arrays(_strategy(_shape(shape)), _strategy(dtype), element, distinct, chosen)


@st.composite
def _arrays(
    draw: st.DrawFn,
    shape: st.SearchStrategy[Shape],
    dtype: st.SearchStrategy[DTypeLike],
    element: Callable[[np.dtype[Any], int], st.SearchStrategy[Any]],
    distinct: bool,
    layouts: tuple[str, ...],
) -> NDArray[Any]:
    sides, kind = draw(shape), np.dtype(draw(dtype))
    size = int(np.prod(sides))
    x: NDArray[Any] = draw(
        nps.arrays(kind, sides, elements=element(kind, size), fill=st.nothing(), unique=distinct)
    )
    layout = draw(st.sampled_from(layouts))
    if not x.ndim or not x.size or layout == "C":
        return x
    laid = LAYOUTS[layout](x)
    if laid.strides != x.strides and currently_in_test_context():
        note(f"an array of shape {x.shape} is laid out as {layout!r}, with strides {laid.strides}")
    return laid


def tensors(
    shape: int | Drawn[Shape] | None = None,
    dtype: Drawn[DTypeLike] = np.float64,
    *,
    requires_grad: bool = True,
    **options: Any,
) -> st.SearchStrategy[Tensor]:
    """Tensors, drawn as `arrays` are, in their layout; leaves that gradients flow to.

    requires_grad: False for constants, as integers and booleans always are.
    options: those of `arrays`.
    """

    def made(x: NDArray[Any]) -> Tensor:
        value = x if x.ndim else x[()]
        if requires_grad and x.dtype.kind in "fc":
            return with_node(value, leaf(value, None))
        return untracked(value)

    return arrays(shape, dtype, **options).map(made)


def _shape(shape: int | Drawn[Shape] | None) -> Drawn[Shape]:
    if shape is None:
        return shapes()
    if isinstance(shape, st.SearchStrategy):
        return shape
    sides = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    if not all(isinstance(n, (int, np.integer)) and n >= 0 for n in sides):
        raise DomainError(f"arrays: shape {shape!r}; its sides are integers of 0 or more")
    return sides


def _strategy(given: Drawn[Any]) -> st.SearchStrategy[Any]:
    return given if isinstance(given, st.SearchStrategy) else st.just(given)
