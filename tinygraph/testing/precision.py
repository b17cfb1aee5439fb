"""Numeric derivatives by other means, where differences in the dtype at hand are too noisy."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..errors import TinygraphError
from .comparison import ROUNDINGS, Comparison, allowed
from .differences import CERTAIN, Slopes
from .lines import apart, projected, usual
from .problem import Array

# What a function may raise that is not made for complex numbers.
REFUSALS = (TinygraphError, TypeError, ValueError, ArithmeticError)


def better(comparison: Comparison, k: int, slope: Slopes, direction: Array) -> Slopes | None:
    """The numeric derivative by other means than differences in this dtype; None: by none."""
    found = _in_double(comparison, k, direction)
    if found is not None:
        return found
    found = _complex_step(comparison, k, direction)
    if found is None:
        return None
    # Differences know less, but what they know is true of any function.
    near = float(allowed(slope)[0] + allowed(found)[0])
    return found if apart(float(found.value[0]), float(slope.value[0])) <= near else None


def in_double(comparison: Comparison) -> Comparison | None:
    """The same comparison in double precision; None where the function does not compute in it."""
    problem = comparison.problem
    if comparison.eps < 1e-10:
        return None

    def wide(xs: Sequence[Array]) -> list[Array]:
        return [x.astype("c16" if x.dtype.kind == "c" else "f8") for x in xs]

    arrays = wide(problem.arrays)
    values = [np.asarray(y) for y in problem.evaluate(arrays)]
    for y, own in zip(values, problem.values, strict=True):
        doubled = np.finfo(y.dtype).eps < 1e-10 and np.isfinite(y).all()
        if not doubled or y.shape != own.shape or y.dtype.kind != own.dtype.kind:
            return None
    other = replace(problem, arrays=arrays, values=values)
    return Comparison(other, wide(comparison.cotangents), wide(comparison.directions))


def _in_double(comparison: Comparison, k: int, direction: Array) -> Slopes | None:
    """Differences in double precision, of a function that gives the same value there."""
    wider = in_double(comparison)
    if wider is None:
        return None
    close = 2.0**10 * comparison.eps
    for y, own in zip(wider.problem.values, comparison.problem.values, strict=True):
        if not np.allclose(y, own, rtol=close, atol=close * usual(own)):
            return None
    along = direction.astype(wider.problem.arrays[k].dtype)
    found = wider.slopes(k, along, careful=True)
    return None if found.kink[0] else found


def _complex_step(comparison: Comparison, k: int, direction: Array) -> Slopes | None:
    """Im f(x + ihv) / h, which cancels nothing; None unless f is known to be analytic.

    That is so if it takes complex numbers, if on real ones it gives what it gave, and if its
    derivatives at x + 0i are those of a holomorphic function.
    """
    problem = comparison.problem
    x = problem.arrays[k]
    real = all(y.dtype.kind == "f" for y in [*problem.arrays, *problem.values])
    if problem.order > 1 or not real or not _holomorphic(comparison, k):
        return None
    wider = np.result_type(x.dtype, np.complex64)
    tiny = float(np.sqrt(np.finfo(x.dtype).tiny)) * 2.0**20
    unit = 2.0 ** round(math.log2(comparison.eps) * 5 / 6)
    found, size = [], 0.0
    for t in (0, unit, -unit):
        arrays = list(problem.arrays)
        arrays[k] = np.asarray(x + t * direction + 1j * tiny * direction, wider)
        moved = [np.imag(y) / tiny for y in problem.evaluate(arrays)]
        at, size = projected(comparison.cotangents, moved)
        found.append(at)
    unrest = max(abs(found[1] - found[0]), abs(found[2] - found[0]))
    value, error = np.array(found[:1]), np.array([unrest + ROUNDINGS * comparison.eps * size])
    sides = dict.fromkeys(("left", "right", "scale"), value)
    return Slopes(value, error, error, np.array([tiny]), np.array([False]), **sides)


def _holomorphic(comparison: Comparison, k: int) -> bool:
    """Whether the function takes x + 0i, to the same value, and J·i is i·J there."""
    problem = comparison.problem
    arrays = list(problem.arrays)
    arrays[k] = np.asarray(arrays[k], np.result_type(arrays[k].dtype, np.complex64))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            values = problem.evaluate(arrays)
            if not all(y.dtype.kind == "c" for y in values):
                return False
            cts = [ct.astype(y.dtype) for ct, y in zip(comparison.cotangents, values, strict=True)]
            one = problem.pull(arrays, cts)[0][k]
            turned = problem.pull(arrays, [1j * ct for ct in cts])[0][k]
    except (*REFUSALS, np.exceptions.ComplexWarning):
        return False
    close = 2.0**10 * comparison.eps
    same = True
    for j, (y, old) in enumerate(zip(values, problem.values, strict=True)):
        noise = sum(np.abs(change[j]) for change in comparison.shaken_values)
        same &= bool(np.all(np.abs(y - old) <= close * (1 + np.abs(old)) + CERTAIN * noise))
    return same and bool(np.allclose(turned, 1j * one, rtol=close, atol=0))
