"""A mismatch, looked at closely: where it is, how large, and of which kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NoReturn

import numpy as np

from .comparison import Comparison, Reading
from .failures import GradientMismatch, Kink, kink_text, mismatch_text, place
from .location import Gradient, gradient
from .mistakes import recognised

# Of so many elements both arrays are shown.
SHOWN = 12
_brief: ContextVar[bool] = ContextVar("tinygraph_brief_verdicts", default=False)


@contextmanager
def brief() -> Iterator[None]:
    """Within, failures say that something is wrong, and not what, which takes far longer to find.

    For those who only ask whether: while an example is being made smaller, say.
    """
    token = _brief.set(True)
    try:
        yield
    finally:
        _brief.reset(token)


def is_brief() -> bool:
    """Whether this is within `brief`."""
    return _brief.get()


def mismatch(
    operation: str, comparison: Comparison, k: int, mode: str, reading: Reading
) -> GradientMismatch:
    """The failure to raise for a reading that does not agree."""
    problem = comparison.problem
    if is_brief():
        return GradientMismatch(f"{operation}: a derivative of {problem.name} is wrong")
    found = gradient(comparison, k, mode)
    index = found.worst()
    facts: dict[str, Any] = {
        "argument": problem.names[k],
        "index": index,
        "order": problem.order,
        "mode": mode,
        "output": _output(comparison),
        "mistake": "",
    }
    if index is None:
        facts |= {
            "analytic": reading.analytic,
            "numeric": reading.numeric,
            "error": reading.error,
            "tolerance": reading.tolerance,
            "noise": float(reading.slope.noise[0]),
        }
    else:
        facts |= {
            "analytic": found.analytic[index].item(),
            "numeric": found.numeric[index].item(),
            "error": float(found.errors[index]),
            "tolerance": float(found.tolerance[index]),
            "noise": float(found.noise[index]),
        }
    lines = _elements(found)
    mistake = recognised(comparison, k, found) if index is not None else None
    if mistake is not None:
        facts["mistake"] = mistake[0]
        lines.append(f"  probably   {mistake[1]}")
    return GradientMismatch(mismatch_text(operation, problem.name, facts, lines), **facts)


def give_up(operation: str, comparison: Comparison, k: int, kinks: str) -> NoReturn:
    """Leave at a kink: raise it, or let Hypothesis pass the example over."""
    if kinks == "raise":
        raise kink(operation, comparison, k)
    # First, as it says what to install where Hypothesis is missing.
    from . import strategies  # noqa: F401

    # isort: split
    from hypothesis import reject

    reject()


def kink(operation: str, comparison: Comparison, k: int) -> Kink:
    """What to raise where slopes from both sides differ."""
    problem = comparison.problem
    if is_brief():
        return Kink(f"{operation}: {problem.name} has a kink")
    found = gradient(comparison, k, "reverse")
    index = next(iter(np.argwhere(found.kinks)), None)
    facts: dict[str, Any] = {"argument": problem.names[k], "index": None}
    unit = comparison.directions[k]
    value = ""
    if index is not None:
        facts["index"] = where = tuple(int(i) for i in index)
        unit = np.zeros_like(unit)
        unit[where] = 1
        value = f"{problem.arrays[k][where]:.6g}"
    columns = comparison.columns(k, unit)
    with np.errstate(invalid="ignore"):
        jumps = np.where(columns.kink, np.nan_to_num(np.abs(columns.right - columns.left)), -1)
    row = int(np.argmax(jumps))
    facts |= {"left": float(columns.left[row]), "right": float(columns.right[row])}
    output, _ = comparison.unit(row)
    text = kink_text(operation, problem.name, facts, problem.order, value, output)
    return Kink(text, **facts)


def _output(comparison: Comparison) -> str:
    """What the cotangents choose, unless it is all that there is."""
    problem = comparison.problem
    chosen = [int(np.count_nonzero(ct)) for ct in comparison.cotangents]
    j = int(np.argmax(chosen))
    if sum(chosen) == 1 < problem.values[j].size:
        index = tuple(int(i) for i in np.argwhere(comparison.cotangents[j])[0])
        part = "" if comparison.cotangents[j][index].real else "the imaginary part of "
        return part + place(problem.outputs[j], index)
    return problem.outputs[j] if problem.order > 1 or len(chosen) > 1 else ""


def _elements(found: Gradient) -> list[str]:
    """How much of the array is wrong, and all of it if it is small."""
    seen = int(np.count_nonzero(~np.isnan(found.numeric)))
    wrong = int(np.count_nonzero(found.wrong))
    if not wrong or found.numeric.size == 1:
        return []
    whole = "" if seen == found.numeric.size else f" looked at, of {found.numeric.size:,}"
    lines = [f"  wrong are {wrong} of {seen} elements{whole}"]
    if found.numeric.size <= SHOWN:
        for word, array in (("analytic", found.analytic), ("numeric", found.numeric)):
            text = np.array2string(array + 0, precision=6, separator=", ", prefix=" " * 13)
            lines.append(f"  {word:<11}{text}")
    return lines
