"""What kind of mistake a wrong derivative probably is: an analytic array beside the numeric one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from .comparison import Comparison
from .location import Gradient, gradient
from .problem import Array

Mistake: TypeAlias = tuple[str, str]  # its kind, and what to say of it


def recognised(comparison: Comparison, k: int, found: Gradient) -> Mistake | None:
    """The first kind that explains all that is wrong, the plainest being asked first."""
    evidence = Evidence(comparison, k, found)
    for suspicion in SUSPICIONS:
        mistake = suspicion(evidence)
        if mistake is not None:
            return mistake
    return None


class Evidence:
    """The gradient of one array, as it is and as it should be.

    wrong, right   the analytic and the numeric one; of a large array what was looked at, in a row
    x              the array
    whole          whether all of it was looked at
    """

    def __init__(self, comparison: Comparison, k: int, found: Gradient) -> None:
        self.comparison, self.k, self.found = comparison, k, found
        known = ~np.isnan(found.numeric) & ~found.kinks
        self.whole = bool(known.all())
        x = comparison.problem.arrays[k]
        parts = (found.analytic, found.numeric, x, found.tolerance)
        self.wrong, self.right, self.x, self.tolerance = (
            np.asarray(p if self.whole else p[known]) for p in parts
        )
        self.largest = float(np.max(np.abs(self.right), initial=0))

    def explains(self, wrong: Array, right: Array, where: Any = True) -> bool:
        """Whether two arrays are the same, to what is known of them."""
        if wrong.shape != right.shape:
            return False
        level = max(float(np.max(np.abs(right), initial=0)), self.largest)
        loose = 8 * self.tolerance + 0.1 * math.sqrt(self.comparison.eps) * level
        return bool(np.all((np.abs(wrong - right) <= loose) | ~np.asarray(where)))

    def numeric(self, k: int, cotangents: Sequence[Array] | None = None) -> Array:
        """The right gradient of an array, for these cotangents."""
        return gradient(self.comparison, k, "reverse", cotangents).numeric

    @property
    def output(self) -> Array | None:
        """The only output that counts, or None if there are several."""
        values, cts = self.comparison.problem.values, self.comparison.cotangents
        counting = [y for y, ct in zip(values, cts, strict=True) if np.any(ct)]
        return counting[0] if len(counting) == 1 else None

    @property
    def cotangent(self) -> Array:
        """That of the only output."""
        return next(ct for ct in self.comparison.cotangents if np.any(ct))

    def with_cotangent(self, other: Array) -> list[Array]:
        """The cotangents, with another one for the only output."""
        return [other if np.any(ct) else ct for ct in self.comparison.cotangents]


def not_finite(e: Evidence) -> Mistake | None:
    """A NaN or an infinity."""
    if np.isfinite(e.wrong).all():
        return None
    return "not finite", (
        "it is not finite, although the function is smooth here: a division by zero, or an "
        "overflow, on the way"
    )


def detached(e: Evidence) -> Mistake | None:
    """Nothing, although the function depends on it."""
    if np.any(e.wrong):
        return None
    if e.comparison.pulled[1][e.k]:
        return "detached", "the gradient is zero, although the result depends on it"
    return "detached", (
        "detached: no gradient arrives, although the result depends on it; the graph was cut on "
        "the way, by .detach(), .numpy(), tg.no_grad(), or a rule that computes outside tinygraph"
    )


def spurious(e: Evidence) -> Mistake | None:
    """Something, although the function does not depend on it."""
    if np.any(np.abs(e.right) > e.tolerance):
        return None
    return "spurious", "there is a gradient, although the result does not depend on it"


def factor(e: Evidence) -> Mistake | None:
    """One number times the right gradient."""
    k = _factor(e.wrong, e.right)
    if k is None or not e.explains(e.wrong, k * e.right):
        return None
    words = _factor_words(e, k)
    if words is None and e.right.size < 2:
        return None
    nearly = abs(k - 1) < 1e-4
    number = f"1 {'+' if np.real(k) > 1 else '−'} {abs(k - 1):.2g}" if nearly else f"{k + 0:.6g}"
    advice = "; if it is approximate by design, say so with rtol=" if nearly else ""
    return words or ("factor", f"it is the right one times {number}{advice}")


def _factor(wrong: Array, right: Array) -> Any:
    square = np.vdot(right, right).real
    if not square:
        return None
    k = np.vdot(right, wrong) / square
    return complex(k) if abs(np.imag(k)) > 1e-6 * abs(k) else float(np.real(k))


def _factor_words(e: Evidence, k: Any) -> Mistake | None:
    """Words for factors that have a reason."""

    def near(value: float) -> bool:
        return bool(abs(k - value) <= 1e-6 * abs(value) + 1e3 * e.comparison.eps)

    if near(-1):
        return "sign", "its sign is flipped"
    for value, word in ((2, "twice"), (-2, "minus twice"), (0.5, "half"), (-0.5, "minus half")):
        if near(value):
            return "factor", f"it is {word} the right one (a factor of {value:g})"
    if isinstance(k, complex) and (near(1j) or near(-1j)):  # type: ignore[arg-type]
        return "conjugate", f"it is the right one turned by {'i' if k.imag > 0 else '−i'}"
    for n, what in _counts(e):
        if near(n):
            return "factor", f"it is {n} times the right one, {n} being {what}: a sum for a mean?"
        if near(1 / n):
            return "factor", (
                f"it is 1/{n} of the right one, {n} being {what}: a mean where a sum over the "
                "copies is due?"
            )
    return None


def _counts(e: Evidence) -> Iterator[tuple[int, str]]:
    """Numbers of elements that a sum or a mean may have gone over."""
    x = e.comparison.problem.arrays[e.k]
    y = e.output
    seen: set[int] = set()
    shapes = [(f"of {e.comparison.problem.names[e.k]}", x.shape)]
    if y is not None:
        shapes.append(("of the result", y.shape))
    for whose, shape in shapes:
        sizes = [(math.prod(shape), f"the number of elements {whose}")]
        sizes += [(n, f"the length of axis {axis} {whose}") for axis, n in enumerate(shape)]
        if y is not None and x.size and whose == "of the result":
            sizes.append((y.size // x.size, "how often it is broadcast"))
        for n, what in sizes:
            if n > 2 and n not in seen:
                seen.add(n)
                yield n, what


def conjugated(e: Evidence) -> Mistake | None:
    """The conjugate, or one of the two parts."""
    if e.right.dtype.kind != "c":
        return None
    advice = "; see docs/complex.md for the convention"
    if e.explains(e.wrong, np.conj(e.right)):
        return "conjugate", "it is the conjugate of the right one: a conj is missing, or too many"
    turned = [np.conj(ct) for ct in e.comparison.cotangents]
    if e.whole and e.explains(e.wrong, np.conj(e.numeric(e.k, turned))):
        return "conjugate", (
            "the derivative in it is conjugated where it must not be, or is not where it must; "
            "rules are written as in calculus, without conj: see docs/complex.md"
        )
    for part, word in ((np.real(e.right), "imaginary"), (1j * np.imag(e.right), "real")):
        if e.explains(e.wrong, part):
            return "conjugate", f"its {word} part is missing{advice}"
    return None


def swapped(e: Evidence) -> Mistake | None:
    """The gradient of another array."""
    problem = e.comparison.problem
    for j, name in enumerate(problem.names):
        same = j != e.k and problem.arrays[j].shape == e.wrong.shape
        if same and e.whole and e.explains(e.wrong, e.numeric(j)):
            return "swapped", f"it is the gradient of {name}: operands swapped?"
    return None


def moved(e: Evidence) -> Mistake | None:
    """The right elements in wrong places: transposed, reversed or shifted."""
    if not e.whole:
        return None
    for axes in itertools.permutations(range(e.right.ndim)):
        if axes != tuple(range(e.right.ndim)) and e.explains(e.wrong, np.transpose(e.right, axes)):
            how = "" if e.right.ndim == 2 else f", with axes in the order {axes}"
            return "transposed", f"it is the right one transposed{how}"
    for axis, n in enumerate(e.right.shape):
        if n > 1 and e.explains(e.wrong, np.flip(e.right, axis)):
            return "reversed", f"it is the right one in reverse order along axis {axis}"
    for axis, n in enumerate(e.right.shape):
        for by in sorted(range(1 - n, n), key=abs):
            rolled = np.roll(e.right, by, axis)
            kept = _inside(e.right.shape, axis, by)
            if by and e.explains(e.wrong, rolled):
                return "shifted", f"it is the right one rolled by {by} along axis {axis}"
            if by and kept.any() and e.explains(e.wrong, np.where(kept, rolled, 0)):
                return "shifted", f"it is the right one shifted by {by} along axis {axis}"
    return None


def _inside(shape: tuple[int, ...], axis: int, by: int) -> Any:
    """Where a shift leaves elements that were there before."""
    places = np.indices(shape)[axis] - by
    return (places >= 0) & (places < shape[axis])


def without_cotangent(e: Evidence) -> Mistake | None:
    """What it would be if the cotangent were one."""
    ones = [np.ones_like(ct) if np.any(ct) else ct for ct in e.comparison.cotangents]
    if e.whole and e.explains(e.wrong, e.numeric(e.k, ones)):
        return "cotangent", "the cotangent ct is left out: multiply by it"
    return None


def cotangent_moved(e: Evidence) -> Mistake | None:
    """What it would be if the elements of the cotangent were in other places."""
    y = e.output
    if not e.whole or y is None or y.size < 2:
        return None
    ct = e.cotangent

    def explains(moved: Array) -> bool:
        return e.explains(e.wrong, e.numeric(e.k, e.with_cotangent(moved)))

    for axes in itertools.permutations(range(y.ndim)):
        same = tuple(y.shape[axis] for axis in axes) == y.shape
        if same and axes != tuple(range(y.ndim)) and explains(np.transpose(ct, axes)):
            return "transposed", "the cotangent in it is transposed"
    for axis, n in enumerate(y.shape):
        if n > 1 and explains(np.flip(ct, axis)):
            return "reversed", f"the cotangent in it is in reverse order along axis {axis}"
        for by in (1, -1) if n > 2 else ():
            if explains(np.roll(ct, by, axis)):
                return "shifted", f"the cotangent in it is rolled by {by} along axis {axis}"
    return None


def unsummed(e: Evidence) -> Mistake | None:
    """The part of one copy only, of an array that was broadcast."""
    y = e.output
    if not e.whole or y is None or y.ndim == 0 or y.size <= e.right.size:
        return None
    for axis, n in enumerate(y.shape):
        for i, word in ((0, "first"), (n - 1, "last")):
            only = np.zeros(y.shape, bool)
            only[(slice(None),) * axis + (i,)] = True
            cts = e.with_cotangent(np.where(only, e.cotangent, 0))
            if n > 1 and e.explains(e.wrong, e.numeric(e.k, cts)):
                return "broadcast", (
                    f"only the {word} of {n} entries along axis {axis} of the cotangent is in it: "
                    "the sum over broadcast axes is missing"
                )
    return None


def partial(e: Evidence) -> Mistake | None:
    """Right but for some elements that have something in common."""
    off = np.abs(e.wrong - e.right) > e.tolerance
    if off.all() or not off.any():
        return None
    where = _where(e, off)
    if where is None:
        return None
    wrong, right = e.wrong[off], e.right[off]
    k = _factor(wrong, right)
    close = 10 * math.sqrt(e.comparison.eps)
    how = ""
    if not np.any(wrong):
        how = ", and zero there"
    elif k is not None and abs(k + 1) < close:
        how = ", with its sign flipped there"
    elif k is not None and wrong.size > 1 and np.allclose(wrong, k * right, rtol=close, atol=0):
        how = f", and {k:.6g} times what it should be there"
    return "partial", f"it is wrong {where} only{how}"


def _where(e: Evidence, off: Any) -> str | None:
    """What the wrong elements have in common."""
    if e.x.dtype.kind == "f":
        for word, mask in (
            ("where the argument is 0", e.x == 0),
            ("where the argument is negative", e.x < 0),
            ("where the argument is positive", e.x > 0),
        ):
            if mask.any() and np.array_equal(mask, off):
                return word
    y = e.output
    if not e.whole:
        return None
    if y is not None and y.shape == off.shape and y.dtype.kind == "f":
        for word, mask in (("positive", e.cotangent > 0), ("negative", e.cotangent < 0)):
            if np.array_equal(mask, off):
                return f"where the cotangent is {word}"
    for axis, n in enumerate(off.shape):
        there = np.unique(np.nonzero(off)[axis])
        if n > 1 and len(there) == 1:
            i = int(there[0])
            word = {0: "the first position", n - 1: "the last position"}.get(i, f"index {i}")
            return f"at {word} along axis {axis}" if off.ndim > 1 else f"at {word}"
    if off.ndim == 2:
        diagonal: Any = np.equal(*np.indices(off.shape))
        if np.array_equal(off, diagonal):
            return "on the diagonal"
        if np.array_equal(off, ~diagonal):
            return "off the diagonal"
    return None


def elementwise(e: Evidence) -> Mistake | None:
    """The right gradient times something at hand: a power of x, of y, of the cotangent."""
    if e.right.size < 2:
        return None
    for name, values in _at_hand(e):
        if e.explains(e.wrong, e.right * values):
            return "elementwise", f"it is the right one times {name}"
        if np.all(values) and e.explains(e.wrong * values, e.right):
            return "elementwise", f"it is the right one divided by {name}: is {name} left out?"
    return None


def missing_term(e: Evidence) -> Mistake | None:
    """A difference that is a number times something at hand."""
    if e.right.size < 3:
        return None
    difference = e.right - e.wrong
    for name, values in [("1", np.ones(e.right.shape)), *_at_hand(e)]:
        terms = [(name, values)]
        y = e.output
        if y is not None and y.shape == e.right.shape:
            terms.insert(0, (f"ct · {name}" if name != "1" else "ct", e.cotangent * values))
        for term, product in terms:
            k = _factor(difference, product)
            if k and e.explains(difference, k * product):
                times = {1: "", -1: "−"}.get(round(k, 6), f"{k:.6g} · ")
                return "term", f"{times}{term} is missing: added, it would be right"
    return None


def _at_hand(e: Evidence) -> Iterator[tuple[str, Array]]:
    """What rules multiply by, of the shape of the gradient: powers of arguments and results."""
    problem = e.comparison.problem
    named = [(problem.names[e.k], problem.arrays[e.k])]
    named += [(n, x) for n, x in zip(problem.names, problem.arrays, strict=True)]
    y = e.output
    if y is not None:
        named += [("y", y), ("ct", e.cotangent)]
    for name, x in dict(named).items():
        widens = x.dtype.kind == "c" and e.right.dtype.kind != "c"
        if not e.whole or x.shape != e.right.shape or widens:
            continue
        for power, values in ((name, x), (f"{name}²", x * x), (f"(1 − {name})", 1 - x)):
            if np.isfinite(values).all():
                yield power, values


SUSPICIONS: tuple[Callable[[Evidence], Mistake | None], ...] = (
    not_finite,
    detached,
    spurious,
    factor,
    conjugated,
    swapped,
    moved,
    without_cotangent,
    unsummed,
    cotangent_moved,
    partial,
    elementwise,
    missing_term,
)
