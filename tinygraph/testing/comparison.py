"""Analytic derivatives of a problem beside numeric ones, at its point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import DTypeError
from .differences import Floats, Slopes, resolution, slopes
from .failures import place
from .lines import apart, contracted, cotangent, direction, projected, usual
from .problem import Array, Problem
from .rounding import SURE, shaken_gradients, shaken_pushes, shaken_values

# Relative rounding errors that a gradient of so many terms may hold.
ROUNDINGS = 64
# What extrapolation leaves, by its estimate, times this.
SAFETY = 10


@dataclass
class Reading:
    """A derivative along one line, analytic and numeric.

    size   Σ|gᵢvᵢ|, which rounding of the analytic one is relative to
    """

    analytic: float
    slope: Slopes
    size: float
    tolerance: float

    @property
    def numeric(self) -> float:
        """By differences."""
        return float(self.slope.value[0])

    @property
    def error(self) -> float:
        """How far apart the two are."""
        return apart(self.analytic, self.numeric)

    @property
    def agrees(self) -> bool:
        """Whether they are as close as they must be."""
        return self.error <= self.tolerance


class Comparison:
    """A problem's outputs contracted with cotangents: Re Σ c̄·y, a real function of its arrays.

    rtol: what its derivatives may be wrong by for other reasons than rounding, relative to them.
    """

    def __init__(
        self,
        problem: Problem,
        cotangents: Sequence[Array],
        directions: list[Array],
        rtol: float = 0.0,
    ) -> None:
        self.problem, self.rtol = problem, rtol
        self.cotangents, self.directions = list(cotangents), directions
        self.eps = resolution([*problem.arrays, *problem.values])
        # What an analytic derivative may be off by, relative to what it is the sum of.
        self.relative = ROUNDINGS * self.eps + rtol
        self._pushed: dict[int, list[Array]] = {}
        self._shaken: list[list[Array]] | None = None

    @classmethod
    def at_random(cls, problem: Problem, rng: np.random.Generator, rtol: float = 0) -> Comparison:
        """With cotangents that no error is likely to vanish under, and a line for each array."""
        largest = max((usual(y) for y in problem.values), default=1.0)
        cotangents = [cotangent(y, largest, rng) for y in problem.values]
        return cls(problem, cotangents, [direction(x, rng) for x in problem.arrays], rtol)

    def of(self, cotangents: Sequence[Array]) -> Comparison:
        """The same, contracted with others."""
        other = Comparison(self.problem, cotangents, self.directions, self.rtol)
        other._pushed, other._shaken = self._pushed, self._shaken
        return other

    def alone(self, j: int) -> Comparison:
        """The j-th output alone."""
        return self.of(self.only(j))

    def only(self, j: int) -> list[Array]:
        """The cotangent of the j-th output, and zeros."""
        return [c if i == j else np.zeros_like(c) for i, c in enumerate(self.cotangents)]

    def leave_out(self, k: int, elements: Any) -> None:
        """Move the k-th array no more in these elements."""
        self.directions[k] = np.where(elements, 0, self.directions[k])
        self._pushed.pop(k, None)

    @cached_property
    def pulled(self) -> tuple[list[Array], list[bool]]:
        """The gradients by the reverse mode, and which of them arrived at all."""
        return self.problem.pull(self.problem.arrays, self.cotangents)

    @cached_property
    def shaken(self) -> list[list[Array]]:
        """How far rounding moves the gradients by the reverse mode, each time it was tried."""
        return shaken_gradients(self.problem, self.cotangents, self.pulled[0])

    @property
    def shaken_values(self) -> list[list[Array]]:
        """How far it moves the outputs."""
        if self._shaken is None:
            self._shaken = shaken_values(self.problem)
        return self._shaken

    def noise(self, cotangents: Sequence[Array]) -> float:
        """The standard deviation of what rounding does to Re Σ c̄·y, as it is measured."""
        return _deviation([contracted(cotangents, change) for change in self.shaken_values])

    def moved(self, k: int, step: Any) -> list[Array]:
        """The arrays, the k-th of them moved."""
        arrays = list(self.problem.arrays)
        arrays[k] = np.asarray(arrays[k] + step, dtype=arrays[k].dtype)
        return arrays

    def changes(self, k: int, step: Any) -> list[Array] | None:
        """By how much each output changes when the k-th array does; None outside the domain."""
        try:
            found = self.problem.evaluate(self.moved(k, step))
        except (ValueError, ArithmeticError, RuntimeError) as error:
            if isinstance(error, (DTypeError, NotImplementedError, RecursionError)):
                raise
            return None
        except Exception as error:
            error.add_note(
                f"{self.problem.name} was called with arguments next to those given, to take "
                "differences."
            )
            raise
        pairs = list(zip(found, self.problem.values))
        if [np.shape(y) for y in found] != [y.shape for y in self.problem.values]:
            return None
        with np.errstate(all="ignore"):
            return [np.asarray(new - old) for new, old in pairs]

    def slopes(
        self,
        k: int,
        direction: Array,
        cotangents: Sequence[Array] | None = None,
        *,
        careful: bool = False,
        noise: float = 0.0,
    ) -> Slopes:
        """The numeric derivative along a direction of the k-th array.

        noise: what is known of it.
        """
        cts = self.cotangents if cotangents is None else cotangents

        def change(t: float) -> Floats:
            found = self.changes(k, t * direction)
            return np.array([math.nan if found is None else contracted(cts, found)])

        floor = max(noise, math.hypot(*self._floors(cts)), self.noise(cts) if careful else 0)
        return slopes(change, self.eps, np.array([floor]), careful=careful)

    def by_output(self, k: int, *, careful: bool = False) -> list[Slopes]:
        """The numeric derivative of each output alone, along the k-th direction."""

        def change(t: float) -> Floats:
            found = self.changes(k, t * self.directions[k])
            if found is None:
                return np.full(len(self.cotangents), math.nan)
            pairs = zip(self.cotangents, found, strict=True)
            return np.array([contracted([ct], [y]) for ct, y in pairs])

        floors = np.array(self._floors(self.cotangents))
        if careful:
            noise = [self.noise(self.only(j)) for j in range(len(self.cotangents))]
            floors = np.maximum(floors, noise)
        found = slopes(change, self.eps, floors, careful=careful)
        return [
            Slopes(**{name: own[j : j + 1] for name, own in vars(found).items()})
            for j in range(len(self.cotangents))
        ]

    def columns(self, k: int, direction: Array) -> Slopes:
        """The numeric derivatives of all outputs' elements, in a row, along a direction."""

        def change(t: float) -> Floats:
            found = self.changes(k, t * direction)
            return self.flat(found or [np.full(y.shape, math.nan) for y in self.problem.values])

        # The same for both parts of a complex number.
        floors = [np.abs(y) * np.finfo(y.dtype).eps / 2 * (1 + 1j) for y in self.problem.values]
        return slopes(change, self.eps, self.flat(floors))

    def flat(self, values: Sequence[Array]) -> Floats:
        """All elements of outputs in a row: of complex ones the real parts, then the imaginary."""
        parts: list[Any] = []
        for value, y in zip(values, self.problem.values, strict=True):
            parts.append(np.real(value).ravel())
            if y.dtype.kind == "c":
                parts.append(np.imag(value).ravel())
        return np.concatenate(parts).astype(float)

    def unit(self, row: int) -> tuple[str, list[Array]]:
        """An element of `flat`: what messages call it, and the cotangents that choose it."""
        cts = [np.zeros_like(y) for y in self.problem.values]
        for name, y, ct in zip(self.problem.outputs, self.problem.values, cts, strict=True):
            for turn, part in ((1, ""), (1j, "the imaginary part of ")):
                if turn == 1j and y.dtype.kind != "c":
                    continue
                if row < y.size:
                    index = tuple(int(i) for i in np.unravel_index(row, y.shape))
                    ct[index] = turn
                    return part + place(name, index), cts
                row -= y.size
        raise IndexError(row)

    def _floors(self, cotangents: Sequence[Array]) -> list[float]:
        """The noise of each output that comes of rounding its elements alone."""
        floors = []
        for ct, y in zip(cotangents, self.problem.values, strict=True):
            rounding = np.abs(ct * np.finfo(y.dtype).eps * y)
            floors.append(0.5 * math.sqrt(rounding.size) * usual(rounding))
        return floors

    def read(self, k: int, mode: str, slope: Slopes | None = None) -> Reading:
        """The derivative along the k-th direction, by a mode and by differences."""
        slope = slope or self.slopes(k, self.directions[k], careful=True)
        analytic, size = self.analytic(k, self.directions[k], mode)
        tolerance = float(allowed(slope)[0])
        if math.isfinite(size):
            tolerance += self.relative * size
        reading = Reading(analytic, slope, size, tolerance)
        if not reading.agrees and math.isfinite(analytic):
            unrest = self._unrest(k, mode)
            # Where the derivative itself jumps, that is no rounding.
            rounding = max(0.1 * abs(analytic), self.roundable)
            reading.tolerance += unrest if unrest < rounding else 0.0
        return reading

    def _natural(self) -> float:
        """The size of what is differentiated, or 1/1000 of that of the largest output."""
        values = self.problem.values
        least = max(map(usual, values)) / 2**10
        sizes = [np.maximum(np.abs(y), least) for y in values]
        return contracted([np.abs(ct) for ct in self.cotangents], sizes)

    @cached_property
    def roundable(self) -> float:
        """A derivative up to this may be of nothing but rounding: half the digits are its own.

        They are the digits of the value, or of the terms that cancel in it, as rounding shows.
        """
        terms = 2 * self.noise(self.cotangents) / self.eps
        return math.sqrt(self.eps) * max(self._natural(), terms)

    def is_vague(self, k: int, mode: str, reading: Reading) -> bool:
        """Whether it agrees only because anything would.

        A derivative that is nothing but rounding, as that of sum(softmax(x)), is 0 and agrees; so
        does one that is too small for the result to change at all.
        """
        if reading.tolerance <= 0.1 * reading.size or not self._is_noticeable(reading):
            return False
        return self._unrest(k, mode) < 0.1 * reading.size

    def is_coarse(self, reading: Reading) -> bool:
        """Whether a sharper numeric derivative is worth its while."""
        coarse = reading.tolerance > self.eps**0.25 * reading.size
        return coarse and self._is_noticeable(reading)

    def _is_noticeable(self, reading: Reading) -> bool:
        return reading.size > 100 * self.eps * self._natural()

    def is_weak(self, reading: Reading) -> bool:
        """Whether the result hardly depends on it: half the digits do not change."""
        return reading.size <= self.roundable

    def analytic(self, k: int, direction: Array, mode: str) -> tuple[float, float]:
        """The derivative along a direction by a mode, and the size of what it is the sum of."""
        if mode == "reverse":
            return projected(self.pulled[0][k], direction)
        if direction is not self.directions[k]:
            moved = self.problem.push(self.problem.arrays, k, direction)
        elif k in self._pushed:
            moved = self._pushed[k]
        else:
            moved = self._pushed[k] = self.problem.push(self.problem.arrays, k, direction)
        return projected(self.cotangents, moved)

    def _unrest(self, k: int, mode: str) -> float:
        """What rounding does to the analytic derivative along the k-th direction."""
        direction = self.directions[k]
        unrest = SURE * _deviation([projected(c[k], direction)[0] for c in self.shaken])
        if mode == "reverse":
            return unrest
        # Zeros stay zeros, of which the forward mode has many: that of the reverse mode counts too.
        self.analytic(k, direction, mode)
        moved = shaken_pushes(self.problem, k, direction, self._pushed[k])
        own = _deviation([projected(self.cotangents, change)[0] for change in moved])
        return max(unrest, SURE * own)


def _deviation(changes: Sequence[float]) -> float:
    return math.sqrt(sum(x * x for x in changes) / len(changes)) if changes else 0.0


def allowed(slope: Slopes) -> Floats:
    """How far from numeric derivatives the analytic ones may be.

    The noise is granted as it is: it is a generous multiple already. What extrapolation leaves is
    itself an estimate, of which one in some thousands is too small.
    """
    return SAFETY * (slope.error - slope.noise) + 2 * slope.noise
