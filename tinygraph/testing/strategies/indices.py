"""Indices of every kind for a shape."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from ...errors import ArgumentError
from .shapes import Shape, fitting

KINDS = ("slice", "int", "array", "mask", "ellipsis", "newaxis")


def indices(
    shape: Shape, *, kinds: Iterable[str] = KINDS, allow_empty: bool = True
) -> st.SearchStrategy[Any]:
    """What `x[index]` takes for an x of this shape; every index is within bounds.

    kinds: "slice" (of any step), "int" (negative ones and NumPy's too), "array" (integers, which
        may repeat, and broadcast with each other), "mask" (booleans, over one axis or several),
        "ellipsis" and "newaxis". An axis without elements gets a slice.
    allow_empty: whether x[index] may have no elements.
    Shrinks towards (), few entries, whole slices and index 0. What has one entry may come without
    its tuple.
    Raises ArgumentError for another kind.
    """
    wanted = tuple(kinds)
    for kind in wanted:
        if kind not in KINDS:
            raise ArgumentError(f"indices: kind {kind!r}; there are {', '.join(KINDS)}")
    found = _indices(tuple(shape), tuple(kind for kind in KINDS if kind in wanted))
    if allow_empty:
        return found
    return found.filter(lambda index: np.empty(shape, bool)[index].size > 0)


@st.composite
def _indices(draw: st.DrawFn, shape: Shape, kinds: tuple[str, ...]) -> Any:
    taken = draw(st.integers(0, len(shape)))  # how many axes get an entry of their own
    ellipsis = "ellipsis" in kinds and draw(st.booleans())
    front = draw(st.integers(0, taken)) if ellipsis else taken
    sides = shape[:front] + shape[len(shape) - taken + front :]
    spans = draw(_spans(sides, front, kinds))
    masks = [draw(nps.arrays(bool, part)) for kind, part in spans if kind == "mask"]
    # A mask counts as an array of the places of its Trues, with which the others broadcast.
    last = [int(mask.sum()) for mask in masks]
    common = draw(st.lists(st.integers(1, 3), max_size=2 - len(last)).map(tuple)) + tuple(last)
    entries = [
        masks[0] if kind == "mask" else draw(_entry(kind, part[0], common)) for kind, part in spans
    ]
    if ellipsis:
        # Behind the entries of the first axes, of which a mask takes several.
        reached = np.cumsum([0, *(len(part) for _, part in spans)]).tolist()
        entries.insert(reached.index(front), ...)
    if "newaxis" in kinds:
        for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
            entries.insert(draw(st.integers(0, len(entries))), None)
    return entries[0] if len(entries) == 1 and draw(st.booleans()) else tuple(entries)


@st.composite
def _spans(
    draw: st.DrawFn, sides: Shape, front: int, kinds: tuple[str, ...]
) -> list[tuple[str, Shape]]:
    """Which kind of entry stands for which of the sides: a mask for several, all else for one."""
    spans: list[tuple[str, Shape]] = []
    axis, masked = 0, False
    while axis < len(sides):
        possible = [
            kind
            for kind in ("slice", "int", "array", "mask")
            if kind in kinds
            and not (kind == "mask" and masked)
            # There is nothing to pick from an axis without elements.
            and (sides[axis] or kind in ("slice", "mask"))
        ]
        kind = draw(st.sampled_from(possible or ["slice"]))
        # A mask does not reach over the place of the ellipsis.
        end = front if axis < front else len(sides)
        width = draw(st.integers(1, end - axis)) if kind == "mask" else 1
        spans.append((kind, sides[axis : axis + width]))
        masked |= kind == "mask"
        axis += width
    return spans


@st.composite
def _entry(draw: st.DrawFn, kind: str, side: int, common: Shape) -> Any:
    """An entry for one axis. `common`: what all integer arrays broadcast to."""
    if kind == "slice":
        return draw(st.slices(side))
    place = st.integers(0, side - 1) | st.integers(-side, -1)
    if kind == "int":
        return draw(place | place.map(np.int64))
    return draw(nps.arrays(np.intp, draw(fitting(common)), elements=place, fill=st.nothing()))
