"""Numeric derivatives: differences over a ladder of steps, with a bound on what they are wrong by.

Of φ along a line, the central difference (φ(h) − φ(−h)) / 2h = φ′ + c₂h² + c₄h⁴ + … is taken for
h = h₀, h₀/4, h₀/16, …, and Richardson extrapolation removes c₂, c₄ and c₆ (Ridders 1982). Two
things are known at each step: how far extrapolation moved the result, which bounds what is left of
truncation; and the noise of φ over h. The best step is where the two together are least.

The noise is measured, not assumed: high differences of φ at points next to each other, where
everything smooth has vanished (Moré & Wild 2011, "Estimating computational noise").

A kink is found by the even part: (φ(h) + φ(−h) − 2φ(0)) / h, the slope to the right minus the slope
to the left, goes to 0 with h where φ is smooth, and to the size of the kink where it is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RATIO = 4  # of one step to the next
COLUMNS = 4  # of the extrapolation
# Noise is an estimate from a few values: this many times it is what differences are granted.
CERTAIN = 6.0
# (k!)² / (2k)!, by which the mean square of k-th differences is that of the noise.
SHARES = {k: math.factorial(k) ** 2 / math.factorial(2 * k) for k in (3, 4, 5)}


@dataclass
class Slopes:
    """Derivatives of several functions along one line, at 0.

    value   the derivatives
    error   what they may be wrong by: what extrapolation left, and noise
    noise   of which noise
    step    the steps that they come of
    kink    where there is none: the slopes from both sides differ, however near
    left, right   these slopes, as far as they are known
    scale   the size of the slopes from both sides, whatever their signs
    """

    value: Floats
    error: Floats
    noise: Floats
    step: Floats
    kink: NDArray[np.bool_]
    left: Floats
    right: Floats
    scale: Floats


def steps(eps: float, *, wide: bool = False) -> list[float]:
    """Powers of two, so that a number moved by one of them is exact as often as can be.

    wide: from 1 on, as noise is less in wide steps.
    """
    digits = -math.log2(eps)
    first, last = 0 if wide else max(1, round(digits / 13)), round(0.75 * digits)
    return [2.0**-k for k in range(first, last + 1, 2)]


def slopes(
    change: Callable[[float], Floats], eps: float, floor: Floats, *, careful: bool = False
) -> Slopes:
    """The derivatives at 0 of functions that `change` gives, less their values at 0.

    change: t ↦ φ(t) − φ(0), a vector; what is not finite lies outside the functions' domain.
    eps: of the coarsest dtype that takes part.  floor: noise that each function has at least.
    careful: look for noise of all scales, as of a function that rounds to float32 within.
    """
    noise = np.maximum(floor, computational_noise(change, eps))
    if careful:
        noise = np.maximum(noise, coarse_noise(change, eps))
    search = _Search(noise, eps**0.25, floor / math.sqrt(eps))
    for step in steps(eps, wide=careful):
        search.descend(step, change(step), change(-step))
        if search.finished.all():
            break
    return search.result()


def computational_noise(change: Callable[[float], Floats], eps: float) -> Floats:
    """The standard deviation of what rounding does to functions, by their differences.

    Measured at points next to one another, a little to the side of 0, where there may be a jump or
    a kink, which is no noise.
    """
    unit, side = (2.0 ** round(math.log2(eps) * power) for power in (5 / 6, 1 / 2))
    if not np.isfinite(change(side)).all():
        side = -side
    levels: Floats = _levels(change, side, unit).max(axis=0)
    return levels


def coarse_noise(change: Callable[[float], Floats], eps: float) -> Floats:
    """Noise that points next to one another do not show, as of values rounded to steps.

    Points further apart show it, at all distances alike, in differences of all orders, and on both
    sides. What is smooth falls off with the distance and the order, and kinks are on one side.
    """
    digits = -math.log2(eps)
    found = before = earlier = np.zeros(())
    for exponent in range(round(0.8 * digits), round(0.2 * digits), -3):
        unit = 2.0**-exponent
        sides = [_levels(change, sign * 4 * unit, sign * unit) for sign in (1, -1)]
        low = np.minimum(*(levels.min(axis=0) for levels in sides))
        high = np.maximum(*(levels.max(axis=0) for levels in sides))
        level = np.where(high <= 8 * low, low, 0.0)
        # Of three in a row, as two are alike in |x|^(1/3) as well.
        three = np.array(np.broadcast_arrays(level, before, earlier))
        alike = three.max(axis=0) <= 3 * three.min(axis=0)
        found = np.maximum(found, np.where(alike, level, 0.0))
        before, earlier = level, before
    return found


def _levels(change: Callable[[float], Floats], side: float, unit: float) -> Floats:
    """The standard deviation of noise, by differences of several orders."""
    table = np.array([change(side + i * unit) for i in range(-3, 4)])
    table[~np.isfinite(table)] = 0
    with np.errstate(over="ignore", invalid="ignore"):
        return np.array(
            [
                np.sqrt(share * np.mean(np.diff(table, k, axis=0) ** 2, axis=0))
                for k, share in SHARES.items()
            ]
        )


class _Search:
    """The way down the ladder: what is known so far of each function."""

    def __init__(self, noise: Floats, coarse: float, negligible: Floats) -> None:
        self.noise, self.coarse, self.negligible = noise, coarse, negligible
        shape = noise.shape
        self.best, self.last = _unknown(shape), _unknown(shape)
        self.odd: list[Floats] = []
        self.even: list[Floats] = []
        self.jumps: list[Floats] = []
        self.scales: list[Floats] = []
        self.held = np.zeros(shape)  # the last jump that was seen for certain,
        self.sides = [np.full(shape, math.nan) for _ in range(2)]  # and the slopes it is between
        self.finished = np.zeros(shape, bool)

    def descend(self, step: float, up: Floats, down: Floats) -> None:
        """Take in the functions' changes by a step to the right and to the left."""
        with np.errstate(all="ignore"):
            odd = _extrapolated((up - down) / (2 * step), self.odd, 2)
            even = _extrapolated((up + down) / step, self.even, 1)
            before, self.odd, self.even = (self.odd, self.even), odd, even
            self._sides(step, up, down)
            if len(odd) < 3:
                return
            value, error = _settled(odd, before[0])
            jump, unsure = _settled(even, before[1])
            self._judge(step, value, error, jump, unsure)

    def _sides(self, step: float, up: Floats, down: Floats) -> None:
        last = self.last
        seen = np.isfinite(up) | np.isfinite(down)
        last.left = np.where(seen, -down / step, last.left)
        last.right = np.where(seen, up / step, last.right)
        last.scale = np.fmax(np.abs(last.left), np.abs(last.right))

    def _judge(
        self, step: float, value: Floats, error: Floats, jump: Floats, unsure: Floats
    ) -> None:
        """Whether this step is the best so far, and whether smaller ones can still be better."""
        best, last = self.best, self.last
        rounding = CERTAIN * self.noise / step
        # The even part holds three times the noise of the odd one, and more by extrapolation.
        kinked = np.abs(jump) > 2 * unsure + 4 * rounding
        smooth = ~kinked & (unsure <= self.coarse * last.scale + 4 * rounding)
        # A jump that larger steps showed is not gone because noise covers it by now.
        smooth &= (self.held == 0) | (self.held > np.abs(jump) + 2 * unsure + 4 * rounding)
        if self.jumps:
            # Of noise no two estimates are alike.
            before = self.jumps[-1]
            kinked &= (np.abs(jump) < 2 * np.abs(before)) & (np.abs(before) < 2 * np.abs(jump))
            self.held = np.where(kinked, np.abs(jump), self.held)
            for side, own in enumerate((last.left, last.right)):
                self.sides[side] = np.where(kinked, own, self.sides[side])
        # An odd function has no even part, even where it is vertical: it must have converged, too.
        smooth &= error <= 0.05 * last.scale + rounding
        total = error + rounding
        better = smooth & (total < best.error)
        found = (value, total, rounding, np.full_like(value, step))
        for name, new in zip(("value", "error", "noise", "step"), found):
            setattr(best, name, np.where(better, new, getattr(best, name)))
            known = np.isfinite(total)
            setattr(last, name, np.where(known, new, getattr(last, name)))
        for name in ("left", "right", "scale"):
            setattr(best, name, np.where(better, getattr(last, name), getattr(best, name)))
        self.jumps.append(jump)
        self.scales.append(last.scale)
        self.finished |= smooth & (rounding >= error)
        self.finished |= np.isfinite(best.error) & (16 * best.error < total)

    def result(self) -> Slopes:
        """What is known at the end; where no step was good there is a kink, or its like."""
        best, last = self.best, self.last
        lost = ~np.isfinite(best.error)
        if not lost.any():
            return best
        fading = np.zeros(lost.shape, bool)
        if len(self.jumps) > 2:
            # Slopes from both sides that do meet, but late, as those of |x|^1.5 and x·|x|.
            fading = np.abs(self.jumps[-1]) < 0.5 * np.abs(self.jumps[-3])
            fading |= (self.scales[-1] < 0.5 * self.scales[-3]) & (self.held == 0)
            # So small a kink, beside the value, is no more than rounding is in the derivative.
            fading |= np.abs(self.jumps[-1]) + self.scales[-1] <= self.negligible
            last.error = last.error + np.abs(self.jumps[-1]) + self.scales[-1]
        last.kink = lost & ~(fading & np.isfinite(last.error))
        last.left, last.right = (
            np.where(np.isnan(seen) | np.isnan(end), end, seen)
            for seen, end in zip(self.sides, (last.left, last.right), strict=True)
        )
        for name, own in vars(best).items():
            setattr(best, name, np.where(lost, getattr(last, name), own))
        return best


def _unknown(shape: tuple[int, ...]) -> Slopes:
    nan, inf = np.full(shape, math.nan), np.full(shape, math.inf)
    return Slopes(nan, inf, inf, nan, np.zeros(shape, bool), nan, nan, nan)


def _extrapolated(first: Floats, above: Sequence[Floats], power: int) -> list[Floats]:
    """A row of the tableau; the error goes with steps to the `power`, and on in twos."""
    row = [first]
    for j, other in enumerate(above[: COLUMNS - 1]):
        factor = float(RATIO) ** (power + 2 * j)
        row.append((factor * row[j] - other) / (factor - 1))
    return row


def _settled(row: Sequence[Floats], above: Sequence[Floats]) -> tuple[Floats, Floats]:
    """The entry of a row that differs least from its two neighbours, and by how much."""
    errors = np.array(
        [
            np.maximum(np.abs(row[j] - row[j - 1]), np.abs(row[j] - above[j - 1]))
            for j in range(1, len(row))
        ]
    )
    errors[np.isnan(errors)] = math.inf
    chosen = np.argmin(errors, axis=0)[np.newaxis]
    values = np.take_along_axis(np.array(row[1:]), chosen, axis=0)[0]
    return values, np.take_along_axis(errors, chosen, axis=0)[0]


def resolution(arrays: Sequence[Any]) -> float:
    """The eps of the coarsest dtype among arrays."""
    return max((float(np.finfo(x.dtype).eps) for x in arrays), default=2.0**-52)
