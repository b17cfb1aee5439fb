"""The numbers that stand in drawn arrays: in a domain, and away from kinks or right at them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from hypothesis import strategies as st

from ...errors import ArgumentError, DomainError

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

Interval: TypeAlias = tuple[float, float]
EVERYWHERE: Interval = (-math.inf, math.inf)
REACH = 4.0  # how far from 0, or from an end of the domain, numbers go
# Numbers are multiples of these, so that none of them is 1e-300 and products do not underflow.
GRAINS = {2: 2.0**-7, 4: 2.0**-20, 8: 2.0**-20}


def values(
    dtype: DTypeLike = np.float64,
    *,
    domain: Interval = EVERYWHERE,
    away_from: Iterable[float] = (),
    near: Iterable[float] = (),
    margin: float = 0.1,
) -> st.SearchStrategy[Any]:
    """Numbers of a dtype inside an open interval, at least `margin` from its ends.

    dtype: floating, complex (both parts are drawn so), integer or boolean.
    domain: (low, high) as operations declare theirs; numbers reach 4 from 0, or from its end.
    away_from: kinks and poles; no number is within `margin` of one.
    near: numbers to be met on purpose: exactly, in the next float, and within `margin`.
    Shrinks towards 0, then 1, then small whole numbers, as far as they are allowed.
    Raises DomainError if nothing is left.

    >>> values(domain=(0, math.inf), away_from=[1])  # for log x / (x - 1)
    """
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return st.booleans()
    if dtype.kind in "iu":
        return _integers(dtype, domain, away_from)
    if dtype.kind == "c":
        part = values(
            np.finfo(dtype).dtype, domain=domain, away_from=away_from, near=near, margin=margin
        )
        return st.builds(complex, part, part)
    if dtype.kind != "f":
        raise ArgumentError(
            f"values: dtype {dtype}; it needs a floating, complex, integer or boolean one"
        )
    kinks = tuple(near)
    ordinary = _within(dtype, intervals(domain, away_from, margin))
    if not kinks:
        return ordinary
    return st.one_of(st.sampled_from(_around(kinks, dtype, margin)), ordinary)


def intervals(domain: Interval, away_from: Iterable[float], margin: float) -> list[Interval]:
    """The closed intervals that numbers are drawn from, that nearest to 0 first."""
    low, high = domain
    if not low < high:
        raise DomainError(f"values: domain={domain}; it needs (low, high) with low < high")
    gap = min(margin, (high - low) / 4)
    if math.isfinite(low):
        start, stop = low + gap, min(high - gap, max(low + gap + 2 * REACH, REACH))
    elif math.isfinite(high):
        start, stop = min(-REACH, high - gap - 2 * REACH), high - gap
    else:
        start, stop = -REACH, REACH
    found = [(start, stop)]
    for kink in away_from:
        found = [
            piece
            for a, b in found
            for piece in ((a, min(b, kink - margin)), (max(a, kink + margin), b))
            if piece[0] <= piece[1]
        ]
    if not found:
        raise DomainError(
            f"values: nothing is left of domain={domain} when away_from={tuple(away_from)} is cut "
            f"out; take a smaller margin than {margin}"
        )
    unique = dict.fromkeys(found)
    return sorted(unique, key=lambda piece: (min(map(abs, piece)), piece[1] <= 0))


def _within(dtype: np.dtype[Any], pieces: list[Interval]) -> st.SearchStrategy[float]:
    grain = GRAINS[min(dtype.itemsize, 8)]

    def piece(low: float, high: float) -> st.SearchStrategy[float]:
        def rounded(x: float) -> float:
            return float(dtype.type(min(max(round(x / grain) * grain, low), high)))

        return st.floats(low, high, allow_subnormal=False).map(rounded)

    return st.one_of([piece(low, high) for low, high in pieces])


def _around(kinks: Iterable[float], dtype: np.dtype[Any], margin: float) -> list[float]:
    """Each kink, its two neighbours among the floats, and numbers on both sides of it."""
    found = []
    for kink in kinks:
        at = dtype.type(kink)
        ends = [np.nextafter(at, dtype.type(side * math.inf)) for side in (1, -1)]
        # Of 0 the neighbours are subnormal, which some processors are set to flush to 0.
        ends = [np.copysign(np.finfo(dtype).tiny, end) if at == 0 else end for end in ends]
        found += [float(x) for x in (at, *ends, at + margin / 2, at - margin / 2)]
    return found


def _integers(
    dtype: np.dtype[Any], domain: Interval, away_from: Iterable[float]
) -> st.SearchStrategy[int]:
    low, high = max(domain[0], -REACH, np.iinfo(dtype).min - 1), domain[1]
    high = min(high, max(low, 0) + 2 * REACH, np.iinfo(dtype).max + 1)
    inside = range(math.floor(low) + 1, math.ceil(high))
    excluded = set(away_from)
    allowed = [k for k in inside if k not in excluded]
    if not allowed:
        raise DomainError(f"values: no integer of dtype {dtype} lies in {domain}")
    return st.sampled_from(sorted(allowed, key=lambda k: (abs(k), k < 0)))


def spread(
    count: int,
    domain: Interval,
    away_from: Iterable[float],
    margin: float,
    phase: float = 0,
) -> st.SearchStrategy[float]:
    """Numbers any two of which are well apart, enough of them for `count` to be different.

    phase: in [0, 1); numbers of one phase are apart from those of another, for as many of them.
    """
    pieces = intervals(domain, away_from, margin)
    width = sum(b - a for a, b in pieces)
    step = min(2.0 ** math.floor(math.log2(max(margin, 2.0**-20))), _power(width / (2 * count + 4)))
    grid = [
        k * step
        for a, b in pieces
        for k in (n + phase for n in range(math.ceil(a / step), math.floor(b / step)))
    ]
    return st.sampled_from(sorted(grid, key=lambda x: (abs(x - round(x)), abs(x), x < 0)))


def _power(x: float) -> float:
    """The largest power of two up to x, so that its multiples are exact."""
    return 2.0 ** math.floor(math.log2(x)) if x > 0 else 1.0
