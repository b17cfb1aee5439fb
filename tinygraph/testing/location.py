"""Where a derivative is wrong: numeric and analytic derivatives by single elements."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .comparison import ROUNDINGS, Comparison, allowed
from .differences import CERTAIN, Floats
from .lines import apart, contracted, magnitude, usual
from .precision import better
from .problem import Array
from .rounding import SURE

# So many elements are looked at one by one when an array is at fault; of larger ones some.
SINGLE = 300
SAMPLED = 48


@dataclass
class Gradient:
    """Numeric and analytic derivatives by the elements of an array, for one cotangent.

    Elements that were not looked at are NaN in `numeric`, and infinite in `tolerance`.
    """

    analytic: Array
    numeric: Array
    tolerance: Floats
    noise: Floats
    kinks: Any
    left: Floats
    right: Floats

    @property
    def errors(self) -> Floats:
        """How far apart they are; 0 where that is not known."""
        unknown = np.isnan(self.numeric) | self.kinks
        apart = np.abs(self.analytic - self.numeric)
        apart = np.where(np.isfinite(self.analytic), apart, math.inf)
        return np.where(unknown, 0.0, apart)

    @property
    def wrong(self) -> Any:
        """Where they are further apart than they may be."""
        return self.errors > self.tolerance

    def worst(self) -> tuple[int, ...] | None:
        """The wrong element with the largest error, or None."""
        if not self.wrong.any():
            return None
        errors = np.where(self.wrong, self.errors, -1.0)
        return tuple(int(i) for i in np.unravel_index(np.argmax(errors), errors.shape))


def gradient(
    comparison: Comparison, k: int, mode: str, cotangents: Sequence[Array] | None = None
) -> Gradient:
    """Derivatives by single elements of the k-th array; by some where it is large."""
    look = _Look(comparison, k, mode, cotangents)
    for index in _chosen(comparison, k, mode):
        look.at(index)
    return look.found


class _Look:
    """The elements of one array, one after the other."""

    def __init__(
        self, comparison: Comparison, k: int, mode: str, cotangents: Sequence[Array] | None
    ) -> None:
        self.comparison = comparison if cotangents is None else comparison.of(cotangents)
        self.k, self.x = k, comparison.problem.arrays[k]
        # For cotangents of their own only the numeric gradient is asked for.
        self.pushes = mode == "forward" and cotangents is None
        known = mode == "reverse" and cotangents is None
        real = np.zeros(self.x.shape)
        self.found = Gradient(
            comparison.pulled[0][k] if known else np.zeros_like(self.x),
            np.full(self.x.shape, math.nan, self.x.dtype if self.x.dtype.kind == "c" else float),
            np.full(self.x.shape, math.inf),
            real,
            np.zeros(self.x.shape, bool),
            real.copy(),
            real.copy(),
        )
        # The noise is the function's: it is looked for once, not at every element.
        slope = self.comparison.slopes(k, comparison.directions[k], careful=True)
        noise = float(slope.noise[0] * slope.step[0]) / CERTAIN
        self.noise = noise if math.isfinite(noise) else 0.0
        # What rounding does to the analytic ones, of either mode.
        self.unrest = np.zeros(self.x.shape)
        if cotangents is None:
            shaken = [np.abs(change[k]) ** 2 for change in comparison.shaken]
            self.unrest = SURE * np.sqrt(np.mean(shaken or [self.unrest], axis=0))

    def at(self, index: tuple[int, ...]) -> None:
        """Enter one element."""
        comparison, k, x, found = self.comparison, self.k, self.x, self.found
        complexes = x.dtype.kind == "c"
        numeric, analytic, error, noise = 0j, 0j, 0.0, 0.0
        for turn in (1, 1j) if complexes else (1,):
            unit = np.zeros_like(x)
            scale = magnitude(x[index].item())
            unit[index] = scale * turn
            slope = comparison.slopes(k, unit, noise=self.noise)
            if not slope.kink[0] and slope.error[0] > 0.1 * abs(slope.value[0]):
                slope = better(comparison, k, slope, unit) or slope
            numeric += slope.value[0] / scale * turn
            error += float(allowed(slope)[0]) / scale
            noise += float(slope.noise[0]) / scale
            found.kinks[index] |= slope.kink[0]
            found.left[index] = slope.left[0] / scale
            found.right[index] = slope.right[0] / scale
            if self.pushes:
                moved = comparison.problem.push(comparison.problem.arrays, k, unit)
                analytic += contracted(comparison.cotangents, moved) / scale * turn
        if self.pushes:
            found.analytic[index] = analytic if complexes else analytic.real
        size = abs(found.analytic[index].item())
        found.numeric[index] = numeric if complexes else numeric.real
        rounding = ROUNDINGS * comparison.eps * size if math.isfinite(size) else 0.0
        if comparison.rtol:
            # Of the gradient as a whole, as its parts come of one approximation.
            rounding += comparison.rtol * max(size, usual(comparison.pulled[0][k]))
        unrest = float(self.unrest[index])
        if unrest < max(0.1 * size, comparison.roundable / magnitude(x[index].item())):
            rounding += unrest
        found.tolerance[index] = error + rounding
        found.noise[index] = noise


def _chosen(comparison: Comparison, k: int, mode: str) -> Iterator[tuple[int, ...]]:
    """The elements to look at: all of a small array; of a large one the worst, and some."""
    x = comparison.problem.arrays[k]
    if x.size <= SINGLE:
        yield from np.ndindex(x.shape)
        return
    rng = np.random.default_rng(0)
    chosen = {_bisected(comparison, k, mode), *map(int, rng.choice(x.size, SAMPLED, replace=False))}
    for flat in sorted(chosen):
        yield tuple(int(i) for i in np.unravel_index(flat, x.shape))


def _bisected(comparison: Comparison, k: int, mode: str) -> int:
    """An element at fault, found by halves of the direction."""
    whole = comparison.directions[k]
    low, high = 0, whole.size
    while high - low > 1:
        middle = (low + high) // 2
        half = np.zeros_like(whole)
        half.flat[low:middle] = whole.flat[low:middle]
        slope = comparison.slopes(k, half, careful=True)
        analytic, size = comparison.analytic(k, half, mode)
        tolerance = float(allowed(slope)[0]) + comparison.relative * size
        at_fault = slope.kink[0] or apart(analytic, float(slope.value[0])) > tolerance
        low, high = (low, middle) if at_fault else (middle, high)
    return low
