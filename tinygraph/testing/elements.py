"""The whole Jacobian, element by element."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .comparison import Comparison, allowed
from .differences import Floats
from .lines import magnitude
from .location import gradient
from .verdict import give_up, mismatch


def compare_elements(
    operation: str, comparison: Comparison, k: int, modes: Sequence[str], kinks: str
) -> None:
    """Raise for the worst element ∂y/∂x that is wrong, x being in the k-th array."""
    x = comparison.problem.arrays[k]
    rows = _rows(comparison, k) if "reverse" in modes else None
    suspects: dict[tuple[int, str], float] = {}
    for index in np.ndindex(x.shape):
        for turn in (1, 1j) if x.dtype.kind == "c" else (1,):
            unit = np.zeros_like(x)
            unit[index] = magnitude(x[index].item()) * turn
            columns = comparison.columns(k, unit)
            if columns.kink.any():
                if kinks != "skip":
                    give_up(operation, comparison, k, kinks)
                continue
            found: list[tuple[str, Floats]] = []
            if rows is not None:
                part = rows.imag if turn == 1j else rows.real
                found.append(("reverse", part[(slice(None), *index)] * abs(unit[index])))
            if "forward" in modes:
                moved = comparison.problem.push(comparison.problem.arrays, k, unit)
                found.append(("forward", comparison.flat(moved)))
            for mode, column in found:
                off = np.abs(column - columns.value)
                largest = np.max(np.abs(column), initial=0)
                limit = allowed(columns) + comparison.relative * largest
                with np.errstate(divide="ignore", invalid="ignore"):
                    ratio = np.where(off <= limit, 0.0, off / limit)
                ratio[np.isnan(ratio)] = np.inf
                for row in np.flatnonzero(ratio).tolist():
                    suspects[row, mode] = max(suspects.get((row, mode), 0.0), float(ratio[row]))
    for row, mode in sorted(suspects, key=lambda suspect: -suspects[suspect]):
        # What rounding does is not measured for each element: one that is wrong is looked at again.
        narrow = comparison.of(comparison.unit(row)[1])
        if gradient(narrow, k, mode).wrong.any():
            raise mismatch(operation, narrow, k, mode, narrow.read(k, mode))


def _rows(comparison: Comparison, k: int) -> Floats:
    """For each element of the outputs its gradient in the k-th array."""
    problem = comparison.problem
    count = comparison.flat(problem.values).size
    found = [problem.pull(problem.arrays, comparison.unit(row)[1])[0][k] for row in range(count)]
    return np.array(found)
