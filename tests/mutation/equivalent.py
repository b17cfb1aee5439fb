"""Mutants that are no mistake: each with the reason why nothing could notice it."""

from __future__ import annotations

from .mutants import Mutant

# Of a rule that returns 0 whatever comes: of these it is its own result.
OF_ZERO = {
    *("sign", "doubled", "halved", "zero", "detached in the second order", "transposed"),
    *("shifted along an axis", "cast down", "right for positive cotangents only"),
    *("wrong where it broadcasts", "one of several outputs forgotten"),
}


def reason(mutant: Mutant) -> str | None:
    """Why it is right all the same, or None."""
    if mutant.kind in OF_ZERO and mutant.of in ZERO_RULES:
        return "the operation is constant between its jumps, so that its rule is 0 everywhere"
    for of, kind, part, why in REASONS:
        if mutant.of == of and kind in ("", mutant.kind) and part in mutant.words:
            return why
    return None


ZERO_RULES = {
    *("floor.x", "ceil.x", "trunc.x", "rint.x", "round.a", "sign.x", "copysign.b", "heaviside.a"),
    *("nextafter.b", "floor_divide.a", "floor_divide.b"),
}
# The rule, the kind of mistake (any: ""), what stands in its words, and the argument.
REASONS: tuple[tuple[str, str, str, str], ...] = ()
