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
    if mutant.kind == "broken at zero" and (mutant.of, mutant.words) in INFINITE:
        return "0 is the end of its domain, where the derivative is infinite or there is none"
    if mutant.of in OF_NUMBERS and mutant.kind in ("transposed", "shifted along an axis"):
        return "the operand is one number"
    if mutant.of in OF_NUMBERS and mutant.kind == "off at ties" and " and " not in mutant.words:
        return "the operand is one number, which ties with none"
    for of, kind, part, why in REASONS:
        if mutant.of == of and kind == mutant.kind and meant(part, mutant.words):
            return why
    return None


def meant(part: str, words: str) -> bool:
    """Whether words are those: of a change of source a part of them, else all or none."""
    return part in words if words.startswith("line ") else part in ("", words)


ZERO_RULES = {
    *("floor.x", "ceil.x", "trunc.x", "rint.x", "round.a", "copysign.b", "heaviside.a"),
    *("nextafter.b", "floor_divide.a", "floor_divide.b", "spacing.x", "arange_between.stop"),
    "constant_in.x",
}
INFINITE = {
    *((f"{name}.x", "x") for name in ("sqrt", "cbrt", "log", "log2", "log10", "reciprocal")),
    *(("divide.b", "b"), ("divide.a,b", "b"), ("remainder.b", "b"), ("fmod.b", "b")),
    *(("geomspace.start", "start"), ("geomspace.stop", "stop")),
    ("arange_between.step", "step"),
    # Outside the domain altogether.
    *(("arccosh.x", "x"), ("floor_divide.b", "b"), ("divmod.b", "b")),
}
OF_NUMBERS = {
    *("arange_between.start", "arange_between.stop", "arange_between.step"),
    *("evenly_spaced.start", "evenly_spaced.stop"),
}
LONG = "the cotangent is n points long as it is"
HELD = "y is between the bounds, and a is at most y exactly where it is at most a_max"
ONES = "axes of length 1 in front are summed away"
GIVEN = "it is given its shape after"
# The rule, the kind of mistake, what stands in its words, and the argument.
REASONS: tuple[tuple[str, str, str, str], ...] = (
    ("copysign.a", "wrong residual", "y for b", "y has the sign of b"),
    ("relu.x", "wrong residual", "x for y", "y is positive exactly where x is"),
    ("clip_between.a", "wrong residual", "y for a_max", HELD),
    (
        "clip_between.a_min",
        "wrong residual",
        "y for a_max",
        HELD,
    ),
    (
        "clip_between.a_max",
        "wrong residual",
        "y for a_max",
        "y is the smaller of a_max and of what is compared with it, which is above the one exactly "
        "where it is above the other",
    ),
    ("var.mean", "keepdims forgotten", "np.sum(", GIVEN),
    ("std.mean", "keepdims forgotten", "np.sum(", GIVEN),
    ("fft.a", "a static argument forgotten", "n", LONG),
    ("ifft.a", "a static argument forgotten", "n", LONG),
    ("divmod.a", "one of several outputs forgotten", "", "the quotient is constant between jumps"),
    ("divmod.b", "one of several outputs forgotten", "", "the quotient is constant between jumps"),
    ("setitem.a", "wrong where it broadcasts", "a", "the result has the shape of a"),
    ("setitem.value", "term dropped", "len(shape) - part.ndim → len(shape)", ONES),
    ("setitem.value", "sign of a term", "len(shape) - part.ndim → len(shape) + part.ndim", ONES),
    (
        "eigenvectors.a",
        "guard dropped",
        "np.where(same, 0, x / conj(gaps)) → x / conj(gaps)",
        "a loss that vectors of equal values may be exchanged in, all others being refused, has "
        "x = 0 there for any vectors, and with it all derivatives of x",
    ),
    (
        "degeneracy._check_determined",
        "off at ties",
        "(middle - mean)[..., np.newaxis, :]) > scale",
        "only where all of x is 0 is the bound 0, and then nothing is off the diagonal",
    ),
    (
        "degeneracy._check_determined",
        "off at ties",
        "largest(middle[..., np.newaxis, :]) > scale",
        "only where all of x is 0 is the bound 0: there nothing is off the diagonal, and any "
        "cotangent of a value is a misfit",
    ),
    (
        "linear_systems._cut_off",
        "off at ties",
        "> 0.5",
        "vᴴ a⁺ u · s is 1 for a value that counts and 0 for one that does not",
    ),
    (
        "linear_systems._cut_off",
        "off at ties",
        "s > rounding",
        "only where all values are 0 is the bound 0, and then none is above it to be paired with",
    ),
    (
        "max.a",
        "sign of a term",
        "ties - (ties == 0)",
        "where nothing reaches the result, what is divided by −1 is then multiplied by 0",
    ),
    (
        "min.a",
        "sign of a term",
        "ties - (ties == 0)",
        "where nothing reaches the result, what is divided by −1 is then multiplied by 0",
    ),
    (
        "std.a",
        "sign of a term",
        "y - (y == 0)",
        "where y is 0 all elements are alike, and what is divided by −1 is multiplied by 0",
    ),
)
