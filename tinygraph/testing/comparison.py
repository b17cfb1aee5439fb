"""Analytic derivatives of a problem beside numeric ones, at its point."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import DTypeError, TinygraphError
from .differences import CERTAIN, Floats, Slopes, resolution, slopes
from .failures import place
from .problem import Array, Problem

# So many elements are looked at one by one when an array is at fault; of larger ones some.
SINGLE = 300
SAMPLED = 48
# Relative rounding errors that a gradient of so many terms may hold.
ROUNDINGS = 64


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


class Comparison:
    """A problem's outputs contracted with cotangents: Re Σ c̄·y, a real function of its arrays."""

    def __init__(
        self, problem: Problem, cotangents: Sequence[Array], directions: Sequence[Array]
    ) -> None:
        self.problem = problem
        self.cotangents, self.directions = list(cotangents), list(directions)
        self.eps = resolution([*problem.arrays, *problem.values])

    @classmethod
    def at_random(cls, problem: Problem, rng: np.random.Generator) -> Comparison:
        """With cotangents that no error is likely to vanish under, and a line for each array."""
        cotangents = [_cotangent(y, rng) for y in problem.values]
        return cls(problem, cotangents, [_direction(x, rng) for x in problem.arrays])

    def of(self, cotangents: Sequence[Array]) -> Comparison:
        """The same, contracted with others."""
        return Comparison(self.problem, cotangents, self.directions)

    @cached_property
    def pulled(self) -> tuple[list[Array], list[bool]]:
        """The gradients by the reverse mode, and which of them arrived at all."""
        return self.problem.pull(self.problem.arrays, self.cotangents)

    def moved(self, k: int, step: Any) -> list[Array]:
        """The arrays, the k-th of them moved."""
        arrays = list(self.problem.arrays)
        arrays[k] = np.asarray(arrays[k] + step, dtype=arrays[k].dtype)
        return arrays

    def changes(self, k: int, step: Any) -> list[Array] | None:
        """By how much each output changes when the k-th array does; None outside the domain."""
        try:
            found = self.problem.evaluate(self.moved(k, step))
        except (ValueError, ArithmeticError) as error:
            if isinstance(error, DTypeError):
                raise
            return None
        pairs = list(zip(found, self.problem.values))
        if [np.shape(y) for y in found] != [y.shape for y in self.problem.values]:
            return None
        with np.errstate(all="ignore"):
            return [np.asarray(new - old) for new, old in pairs]

    def slopes(self, k: int, direction: Array, cotangents: Sequence[Array] | None = None) -> Slopes:
        """The numeric derivative along a direction of the k-th array."""
        cts = self.cotangents if cotangents is None else cotangents

        def change(t: float) -> Floats:
            found = self.changes(k, t * direction)
            return np.array([math.nan if found is None else contracted(cts, found)])

        return slopes(change, self.eps, np.array([self._floor(cts)]))

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

    def _floor(self, cotangents: Sequence[Array]) -> float:
        """The noise that comes of rounding the outputs alone."""
        with np.errstate(over="ignore"):
            squares = [
                float(np.sum(np.abs(ct * np.finfo(y.dtype).eps * y).astype(float) ** 2))
                for ct, y in zip(cotangents, self.problem.values, strict=True)
            ]
        return 0.5 * math.sqrt(sum(squares))

    def read(self, k: int, mode: str, slope: Slopes | None = None) -> Reading:
        """The derivative along the k-th direction, by a mode and by differences."""
        direction = self.directions[k]
        slope = slope or self.slopes(k, direction)
        analytic, size = self.analytic(k, direction, mode, self.problem.arrays)
        tolerance = 2 * float(slope.error[0]) + ROUNDINGS * self.eps * size
        reading = Reading(analytic, slope, size, tolerance)
        if not reading.agrees and math.isfinite(analytic):
            reading.tolerance += self._unrest(k, direction, mode, analytic)
        return reading

    def analytic(
        self, k: int, direction: Array, mode: str, arrays: Sequence[Array]
    ) -> tuple[float, float]:
        """The derivative along a direction by a mode, and the size of what it is the sum of."""
        if mode == "reverse":
            here = arrays is self.problem.arrays
            found = self.pulled[0] if here else self.problem.pull(arrays, self.cotangents)[0]
            return contracted([found[k]], [direction]), contracted(
                [np.abs(found[k])], [np.abs(direction)]
            )
        moved = self.problem.push(arrays, k, direction)
        absolute = [[np.abs(x) for x in xs] for xs in (self.cotangents, moved)]
        return contracted(self.cotangents, moved), contracted(*absolute)

    def _unrest(self, k: int, direction: Array, mode: str, analytic: float) -> float:
        """What rounding does to the analytic derivative, by its change to points next to this."""
        unit = 2.0 ** round(math.log2(self.eps) * 5 / 6)
        near = []
        for t in (unit, -unit, 2 * unit, -2 * unit):
            try:
                near.append(self.analytic(k, direction, mode, self.moved(k, t * direction))[0])
            except (ValueError, ArithmeticError):
                return 0.0
        level = max(abs(near[0] + near[1] - 2 * analytic), abs(near[2] + near[3] - 2 * analytic))
        # Where the derivative jumps, this is no rounding.
        return CERTAIN * level if level < 0.01 * abs(analytic) else 0.0

    def gradient(self, k: int, mode: str, cotangents: Sequence[Array] | None = None) -> Gradient:
        """Derivatives by single elements of the k-th array; by some where it is large."""
        x = self.problem.arrays[k]
        given = self.pulled[0][k] if mode == "reverse" and cotangents is None else None
        cts = self.cotangents if cotangents is None else cotangents
        real = np.zeros(x.shape)
        found = Gradient(
            np.zeros_like(x) if given is None else given,
            np.full(x.shape, math.nan, x.dtype if x.dtype.kind == "c" else float),
            np.full(x.shape, math.inf),
            real,
            np.zeros(x.shape, bool),
            real.copy(),
            real.copy(),
        )
        for index in self._chosen(k, mode):
            self._single(found, k, index, mode, cts, given is None)
        return found

    def _single(
        self,
        found: Gradient,
        k: int,
        index: tuple[int, ...],
        mode: str,
        cts: Sequence[Array],
        pushes: bool,
    ) -> None:
        """Enter one element."""
        x = self.problem.arrays[k]
        numeric, analytic, error, noise = 0j, 0j, 0.0, 0.0
        for turn in (1, 1j) if x.dtype.kind == "c" else (1,):
            unit = np.zeros_like(x)
            scale = magnitude(x[index].item())
            unit[index] = scale * turn
            slope = self.slopes(k, unit, cts)
            numeric += slope.value[0] / scale * turn
            error += float(slope.error[0]) / scale
            noise += float(slope.noise[0]) / scale
            found.kinks[index] |= slope.kink[0]
            found.left[index] = slope.left[0] / scale
            found.right[index] = slope.right[0] / scale
            if pushes and mode == "forward":
                moved = self.problem.push(self.problem.arrays, k, unit)
                analytic += contracted(cts, moved) / scale * turn
        if pushes and mode == "forward":
            found.analytic[index] = analytic if x.dtype.kind == "c" else analytic.real
        size = abs(found.analytic[index].item())
        found.numeric[index] = numeric if x.dtype.kind == "c" else numeric.real
        rounding = ROUNDINGS * self.eps * size if math.isfinite(size) else 0.0
        found.tolerance[index] = 2 * error + rounding
        found.noise[index] = noise

    def _chosen(self, k: int, mode: str) -> Iterator[tuple[int, ...]]:
        """The elements to look at: all of a small array; of a large one the worst, and some."""
        x = self.problem.arrays[k]
        if x.size <= SINGLE:
            yield from np.ndindex(x.shape)
            return
        rng = np.random.default_rng(0)
        chosen = {self._bisected(k, mode), *map(int, rng.choice(x.size, SAMPLED, replace=False))}
        for flat in sorted(chosen):
            yield tuple(int(i) for i in np.unravel_index(flat, x.shape))

    def _bisected(self, k: int, mode: str) -> int:
        """An element at fault, found by halves of the direction."""
        whole = self.directions[k]
        low, high = 0, whole.size
        while high - low > 1:
            middle = (low + high) // 2
            half = np.zeros_like(whole)
            half.flat[low:middle] = whole.flat[low:middle]
            slope = self.slopes(k, half)
            analytic, size = self.analytic(k, half, mode, self.problem.arrays)
            tolerance = 2 * float(slope.error[0]) + ROUNDINGS * self.eps * size
            at_fault = slope.kink[0] or apart(analytic, float(slope.value[0])) > tolerance
            low, high = (low, middle) if at_fault else (middle, high)
        return low

    def complex_step(self, k: int, slope: Slopes) -> Slopes | None:
        """Im f(x + ihv) / h, which cancels nothing; None unless f is known to be analytic.

        That is so if it takes complex numbers, if on real ones it gives what it gave, if its
        derivatives at x + 0i are those of a holomorphic function, and if differences agree as far
        as they can.
        """
        problem, direction = self.problem, self.directions[k]
        x = problem.arrays[k]
        real = all(y.dtype.kind == "f" for y in [*problem.arrays, *problem.values])
        if problem.order > 1 or not real or not self._holomorphic(k):
            return None
        wider = np.result_type(x.dtype, np.complex64)
        tiny = float(np.sqrt(np.finfo(x.dtype).tiny)) * 2.0**20
        found = []
        unit = 2.0 ** round(math.log2(self.eps) * 5 / 6)
        for t in (0, unit, -unit):
            arrays = list(problem.arrays)
            arrays[k] = np.asarray(x + t * direction + 1j * tiny * direction, wider)
            imaginary = [np.imag(y) / tiny for y in problem.evaluate(arrays)]
            found.append(contracted(self.cotangents, imaginary))
        sizes = [np.abs(np.imag(y) / tiny) for y in problem.evaluate(arrays)]
        size = contracted([np.abs(c) for c in self.cotangents], sizes)
        unrest = max(abs(found[1] - found[0]), abs(found[2] - found[0]))
        error = CERTAIN * (unrest + ROUNDINGS * self.eps * size)
        if not apart(found[0], float(slope.value[0])) <= 2 * float(slope.error[0]):
            return None
        value, bound = np.array([found[0]]), np.array([error])
        return replace(slope, value=value, error=bound, noise=bound)

    def _holomorphic(self, k: int) -> bool:
        """Whether the function takes x + 0i, to the same value, and J·i is i·J there."""
        problem = self.problem
        arrays = list(problem.arrays)
        arrays[k] = np.asarray(arrays[k], np.result_type(arrays[k].dtype, np.complex64))
        try:
            values = problem.evaluate(arrays)
            if not all(y.dtype.kind == "c" for y in values):
                return False
            cts = [ct.astype(y.dtype) for ct, y in zip(self.cotangents, values, strict=True)]
            one = problem.pull(arrays, cts)[0][k]
            turned = problem.pull(arrays, [1j * ct for ct in cts])[0][k]
        except (TinygraphError, TypeError, ValueError, ArithmeticError):
            return False
        close = 2.0**10 * self.eps
        same = all(
            np.allclose(y, old, rtol=close, atol=close)
            for y, old in zip(values, problem.values, strict=True)
        )
        return same and bool(np.allclose(turned, 1j * one, rtol=close, atol=0))


def apart(a: float, b: float) -> float:
    """|a − b|; infinite where one of them is not finite."""
    return abs(a - b) if math.isfinite(a) and math.isfinite(b) else math.inf


def contracted(cotangents: Sequence[Array], values: Sequence[Array]) -> float:
    """Re Σ c̄·y."""
    with np.errstate(all="ignore"):
        parts = [
            np.sum(np.real(np.conj(c) * y), dtype=float)
            for c, y in zip(cotangents, values, strict=True)
        ]
        return float(sum(parts))


def magnitude(x: complex) -> float:
    """A power of two near |x|, or 1: what a step in x is a multiple of."""
    size = abs(x)
    return 2.0 ** round(math.log2(size)) if 1 < size < math.inf else 1.0


def _cotangent(y: Array, rng: np.random.Generator) -> Array:
    """Random, of either sign; it brings outputs of all sizes to about the same."""
    size = np.abs(y).astype(float)
    usual = math.sqrt(float(np.mean(size**2))) if y.size else 1.0
    scale = np.maximum(size, usual) if usual else np.ones(y.shape)
    # Both signs, whatever the seed: a rule may be right for one of them only.
    signs = rng.permutation(np.resize([-1.0, 1.0], y.size)).reshape(y.shape)
    weights = rng.uniform(0.5, 1.5, y.shape) * signs
    if y.dtype.kind == "c":
        weights = weights * np.exp(1j * rng.uniform(0, 2 * np.pi, y.shape))
    return np.asarray(weights / 2.0 ** np.round(np.log2(scale)), dtype=y.dtype)


def _direction(x: Array, rng: np.random.Generator) -> Array:
    """Random, of the size of each element or of 1, and of few digits, so that steps are exact."""
    digits = 20 if np.finfo(x.dtype).eps < 1e-10 else 8
    scale = 2.0 ** np.round(np.log2(np.maximum(np.abs(x).astype(float), 1.0)))

    def part() -> Any:
        whole = rng.integers(2 ** (digits - 1), 2**digits, x.shape)
        return whole / 2.0**digits * rng.choice([-1.0, 1.0], x.shape)

    return np.asarray((part() + 1j * part() if x.dtype.kind == "c" else part()) * scale, x.dtype)
