"""A mismatch, looked at closely: where it is, how large, and of which kind."""

from __future__ import annotations

from typing import Any

import numpy as np

from .comparison import Comparison, Gradient, Reading
from .failures import GradientMismatch, mismatch_text


def mismatch(
    operation: str, comparison: Comparison, k: int, mode: str, reading: Reading
) -> GradientMismatch:
    """The failure to raise for a reading that does not agree."""
    problem = comparison.problem
    found = comparison.gradient(k, mode)
    index = found.worst()
    facts: dict[str, Any] = {
        "argument": problem.names[k],
        "index": index,
        "order": problem.order,
        "mode": mode,
        "output": "",
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
    return GradientMismatch(mismatch_text(operation, problem.name, facts, _many(found)), **facts)


def _many(found: Gradient) -> str:
    """How much of the array is wrong."""
    seen = int(np.count_nonzero(~np.isnan(found.numeric)))
    wrong = int(np.count_nonzero(found.wrong))
    if not wrong or found.numeric.size == 1:
        return ""
    whole = "" if seen == found.numeric.size else f" looked at, of {found.numeric.size:,}"
    return f"  wrong are {wrong} of {seen} elements{whole}"
