"""Shapes that fit together, and the axes and orders of axes of a shape."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from ...errors import ArgumentError

Shape: TypeAlias = tuple[int, ...]


def shapes(
    *, min_dims: int = 0, max_dims: int = 3, min_side: int = 0, max_side: int = 4
) -> st.SearchStrategy[Shape]:
    """Shapes of arrays, () and empty ones among them; min_side=1 leaves the empty ones out."""
    return nps.array_shapes(
        min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side
    )


def broadcastable_shapes(
    to: Shape | int = 2,
    *,
    min_dims: int = 0,
    max_dims: int = 3,
    min_side: int = 1,
    max_side: int = 4,
) -> st.SearchStrategy[Any]:
    """Shapes that broadcast together: a tuple of so many; or one that broadcasts with a shape.

    to: how many shapes; or a shape, and then one shape is drawn, which may also widen it.

    >>> broadcastable_shapes(2)  # ((3, 1), (4,)), ((), (2, 3)), …
    >>> broadcastable_shapes((2, 3))  # (3,), (2, 1), (4, 2, 3), …
    """
    sides: dict[str, Any] = {
        "min_side": min_side,
        "max_side": max_side,
        "min_dims": min_dims,
        "max_dims": max_dims,
    }
    if isinstance(to, tuple):
        return nps.broadcastable_shapes(to, **sides)
    if to < 1:
        raise ArgumentError(f"broadcastable_shapes: {to} shapes; it needs 1 or more, or a shape")
    return nps.mutually_broadcastable_shapes(num_shapes=to, **sides).map(lambda s: s.input_shapes)


def mutually_compatible_matmul_shapes(
    *, max_dims: int = 2, min_side: int = 1, max_side: int = 4
) -> st.SearchStrategy[tuple[Shape, Shape]]:
    """Two shapes that `a @ b` takes: vectors, matrices, and stacks of matrices that broadcast.

    max_dims: of the stack, in front of the matrix.
    """
    return nps.mutually_broadcastable_shapes(
        signature="(n?,k),(k,m?)->(n?,m?)",
        max_dims=max_dims,
        min_side=min_side,
        max_side=max_side,
    ).map(lambda drawn: (drawn.input_shapes[0], drawn.input_shapes[1]))


def axes(
    of: Shape | int,
    *,
    kinds: Iterable[str] = ("none", "int", "tuple"),
    negative: bool = True,
    min_size: int = 0,
) -> st.SearchStrategy[int | tuple[int, ...] | None]:
    """What `axis=` takes for a shape or a number of dimensions: None, an axis, a tuple of them.

    kinds: which of these three; an array of 0 dimensions has no "int".
    negative: axes counted from the end too.  min_size: the fewest axes of a tuple.
    Shrinks towards None, then axis 0.
    """
    ndim = of if isinstance(of, int) else len(of)
    wanted = tuple(kinds)
    unknown = set(wanted) - {"none", "int", "tuple"}
    if unknown:
        raise ArgumentError(f"axes: kinds={wanted}; there are none, int and tuple")
    axis = st.integers(0, ndim - 1) if ndim else st.nothing()
    some = st.lists(axis, unique=True, min_size=min_size, max_size=ndim) if ndim else st.just([])
    found: dict[str, st.SearchStrategy[Any]] = {
        "none": st.none(),
        "int": _either_sign(axis, ndim) if negative else axis,
        "tuple": _tuples(some, ndim, negative),
    }
    return st.one_of([found[kind] for kind in wanted])


def _either_sign(axis: st.SearchStrategy[int], ndim: int) -> st.SearchStrategy[int]:
    return st.builds(lambda k, back: k - ndim if back else k, axis, st.booleans())


@st.composite
def _tuples(
    draw: st.DrawFn, some: st.SearchStrategy[list[int]], ndim: int, negative: bool
) -> tuple[int, ...]:
    found = draw(some)
    if not negative:
        return tuple(found)
    return tuple(k - ndim if draw(st.booleans()) else k for k in found)


def permutations(of: Shape | int, *, negative: bool = False) -> st.SearchStrategy[tuple[int, ...]]:
    """Orders of the axes of a shape, or of so many axes, for `transpose` and `moveaxis`.

    negative: some of them counted from the end. Shrinks towards the order there is.
    """
    ndim = of if isinstance(of, (int, np.integer)) else len(of)
    order = st.permutations(range(ndim)).map(list)
    return _tuples(order, ndim, negative)


@st.composite
def fitting(draw: st.DrawFn, shape: Shape) -> Shape:
    """Shapes that broadcast to this one without widening it."""
    kept = shape[len(shape) - draw(st.integers(0, len(shape))) :]
    return tuple(1 if draw(st.booleans()) else n for n in kept)
