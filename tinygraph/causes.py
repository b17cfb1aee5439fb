"""The likely cause of a NaN or an infinity, in words, and what to do about it.

For each operation the tests that the operands, at the place where the result is bad, are put to;
the first that holds gives the words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

Causes: TypeAlias = tuple[tuple[Callable[..., Any], str], ...]

_INSTEAD = (
    "or use tg.log_softmax, or nn's cross-entropy from logits, for logarithms of probabilities"
)
_LOG: Causes = (
    (lambda x: x == 0, "log of 0 is -inf: clip the operand, as in tg.log(tg.maximum(x, 1e-12)), "
     f"{_INSTEAD}"),
    (lambda x: x < 0, "log of a negative number is NaN: clip the operand, as in "
     "tg.log(tg.maximum(x, 1e-12)), or look at what made it negative"),
)  # fmt: skip
_DIVIDE: Causes = (
    (lambda a, b: a == b == 0, "0/0 is NaN: add a small number to the divisor, as in a / (b + "
     "1e-12), or give it another value where it is 0, as in a / tg.where(b == 0, 1, b)"),
    (lambda b: b == 0, "division by 0: add a small number to the divisor, as in a / (b + 1e-12), "
     "or give it another value where it is 0, as in a / tg.where(b == 0, 1, b)"),
    (lambda b: abs(b) < 1, "overflow: the divisor is too close to 0; add a small number to it"),
)  # fmt: skip
_RECIPROCAL: Causes = ((lambda x: x == 0, "1/0: add a small number to the operand"),)
_POWER: Causes = (
    (lambda a, b: a < 0 and b != np.floor(b), "a negative number to a power that is not whole is "
     "NaN: take tg.abs(a) ** b, or clip the base at 0"),
    (lambda a, b: a == 0 and b < 0, "0 to a negative power is 1/0: add a small number to the base"),
)  # fmt: skip
_OUTSIDE: Causes = (
    (lambda x: abs(x) > 1, "defined on [-1, 1] only, and rounding may lead out of it: clip the "
     "operand, as in tg.clip(x, -1, 1)"),
    (lambda x: abs(x) == 1, "infinite at ±1: clip the operand, as in tg.clip(x, -0.999, 0.999)"),
)  # fmt: skip
_EXP: Causes = (
    (lambda x: x > 0, "exp of a large number overflows: subtract the maximum first, as "
     "tg.softmax, tg.log_softmax and tg.logsumexp do, or clip the operand"),
)  # fmt: skip
_SQRT: Causes = (
    (lambda x: x < 0, "sqrt of a negative number is NaN: rounding can make a difference of squares "
     "negative; clip the operand, as in tg.sqrt(tg.maximum(x, 0))"),
)  # fmt: skip
_INFINITIES: Causes = (
    (lambda a, b: np.isinf(a) and np.isinf(b), "infinite minus infinite, or 0 times infinite, is "
     "NaN: look at what is infinite in the operands"),
)  # fmt: skip

FORWARD: dict[str, Causes] = {
    "log": _LOG, "log2": _LOG, "log10": _LOG,
    "log1p": (
        (lambda x: x == -1, "log1p of -1 is log of 0, -inf: clip the operand above -1"),
        (lambda x: x < -1, "log1p of less than -1 is NaN: clip the operand above -1"),
    ),
    "divide": _DIVIDE, "reciprocal": _RECIPROCAL, "power": _POWER, "float_power": _POWER,
    "remainder": ((lambda b: b == 0, "the remainder of a division by 0 is NaN"),),
    "fmod": ((lambda b: b == 0, "the remainder of a division by 0 is NaN"),),
    "sqrt": _SQRT, "exp": _EXP, "exp2": _EXP, "expm1": _EXP, "sinh": _EXP, "cosh": _EXP,
    "arcsin": _OUTSIDE, "arccos": _OUTSIDE, "arctanh": _OUTSIDE,
    "arccosh": ((lambda x: x < 1, "arccosh is defined from 1 on: clip the operand, as in "
                 "tg.maximum(x, 1)"),),
    "add": _INFINITIES, "subtract": _INFINITIES,
    "multiply": ((lambda a, b: (a == 0 and np.isinf(b)) or (np.isinf(a) and b == 0), "0 times "
                  "infinite is NaN: look at what is infinite; a mask is better applied with "
                  "tg.where"),),
}  # fmt: skip
_MASKED: Causes = (
    (lambda x: np.isneginf(x), "every element along the axis is -inf, as of a row that is masked "
     "entirely: leave one in, or replace such rows with tg.where"),
)  # fmt: skip
FORWARD["softmax"] = FORWARD["log_softmax"] = _MASKED

_SLOPE = "; a tg.where around the operation needs one inside it too, as in {}"
BACKWARD: dict[str, Causes] = {
    "sqrt": ((lambda y: y == 0, "the derivative of sqrt, 1/(2·sqrt(x)), is infinite at 0: add a "
              "small number inside, as in tg.sqrt(x + 1e-12)"
              + _SLOPE.format("tg.sqrt(tg.where(x > 0, x, 1))")),),
    "cbrt": ((lambda y: y == 0, "the derivative of cbrt is infinite at 0: add a small number"),),
    "log": ((lambda x: x == 0, "the derivative of log, 1/x, is infinite at 0: clip the operand, as "
             f"in tg.log(tg.maximum(x, 1e-12)), {_INSTEAD}"),),
    "divide": ((lambda b: b == 0, "division by 0: add a small number to the divisor"
                + _SLOPE.format("a / tg.where(b == 0, 1, b)")),
               (lambda b: abs(b) < 1, "overflow: the derivative holds 1/b², and the divisor b is "
                "close to 0; add a small number to it")),
    "reciprocal": ((lambda y: np.isinf(y), "the derivative of 1/x is infinite at 0"),),
    "power": ((lambda a: a == 0, "the derivative of a power below 1 is infinite at 0: add a small "
               "number to the base, as in (a + 1e-12) ** b"),
              (lambda a: a < 0, "with respect to the exponent the derivative is y·log(a), NaN for "
               "a negative base; .detach() the exponent if it is a constant")),
    "arcsin": ((lambda x: abs(x) == 1, "the derivative is infinite at ±1: clip the operand, as in "
                "tg.clip(x, -1 + 1e-7, 1 - 1e-7)"),),
}  # fmt: skip
BACKWARD["log2"] = BACKWARD["log10"] = BACKWARD["log"]
BACKWARD["arccos"] = BACKWARD["arctanh"] = BACKWARD["arcsin"]
BACKWARD["float_power"] = BACKWARD["power"]
BACKWARD["log1p"] = ((lambda x: x == -1, "the derivative of log1p, 1/(1 + x), is infinite at -1"),)

_FROM_INFINITE = (
    "infinite minus infinite, 0 times infinite and infinite over infinite are NaN: look at what is "
    "infinite in the operands"
)
_FROM_FORWARD = (
    "what the operation kept of the forward call is infinite or NaN itself, so look at that first"
)
_EMPTY = "of no elements: an axis has size 0, so there is nothing to take it of"


def forward_cause(operation: str, operands: Mapping[str, Any], dtype: Any, bad: Any) -> str:
    """Why an operation may have made this of these operands."""
    found = _first(FORWARD.get(operation, ()), operands)
    if found is None and any(np.size(x) == 0 for x in operands.values()):
        return f"the {operation} {_EMPTY}"
    if found is None and np.isnan(bad) and _any_bad(operands):
        return _FROM_INFINITE
    return found or _overflow(dtype, bad)


def backward_cause(operation: str, kept: Mapping[str, Any], dtype: Any, bad: Any) -> str:
    """Why the gradient of an operation may have become this, by what it had kept."""
    found = _first(BACKWARD.get(operation, ()), kept)
    if found is None and _any_bad(kept):
        return _FROM_FORWARD
    return found or _overflow(dtype, bad)


def _any_bad(values: Mapping[str, Any]) -> bool:
    """Whether one of the numbers, or the arrays, is infinite or NaN."""
    return any(x is not None and not np.isfinite(x).all() for x in values.values())


def _first(causes: Causes, operands: Mapping[str, Any]) -> str | None:
    for test, words in causes:
        wanted = test.__code__.co_varnames[: test.__code__.co_argcount]
        if all(operands.get(name) is not None and np.ndim(operands[name]) == 0 for name in wanted):
            if any(np.iscomplexobj(operands[name]) for name in wanted):
                continue  # they have no order
            with np.errstate(all="ignore"):
                if test(*[operands[name] for name in wanted]):
                    return words
    return None


def _overflow(dtype: Any, bad: Any) -> str:
    limit = f"{np.finfo(dtype).max:.2g}"
    wider = "" if np.finfo(dtype).bits >= 64 else "; float64 reaches 1.8e+308"
    if np.isnan(bad):
        return (
            "infinite minus infinite, 0 times infinite, or 0/0 within the operation, perhaps after "
            f"an overflow: {np.dtype(dtype)} ends at {limit}{wider}"
        )
    return (
        f"overflow: {np.dtype(dtype)} ends at {limit}{wider}; scale the values down, or look at "
        "what made them so large"
    )
