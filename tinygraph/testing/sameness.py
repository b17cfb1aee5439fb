"""Two functions with the same derivatives: a fast one and a plain one, an old and a new one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError
from .comparison import Comparison
from .differences import CERTAIN, resolution
from .failures import CheckFailed, GradientMismatch, number, ordinal, place
from .location import Gradient
from .mistakes import recognised
from .posing import check_order, posed
from .problem import Array, Problem

# Relative rounding errors by which two ways to compute the same may differ.
ROUNDINGS = 2**10


def assert_same_gradients(
    function: Callable[..., Any],
    reference: Callable[..., Any],
    *args: Any,
    order: int = 2,
    kwargs: Mapping[str, Any] | None = None,
    argnums: int | Sequence[int] | None = None,
    seed: int = 0,
) -> None:
    """Compare f with another function of the same arguments: values, and derivatives up to order.

    The arguments are as for `check_grads`. Derivatives are contracted with the same random
    cotangents and compared element by element, so that kinks do not matter: both functions must
    take the same side there. What rounding does to each of them is measured, and granted.

    >>> tg.testing.assert_same_gradients(np.tanh, lambda x: 2 / (1 + np.exp(-2 * x)) - 1, 0.3)

    Raises CheckFailed where values differ, or shapes or dtypes; GradientMismatch where a
    derivative does, with that of the reference as `numeric`.
    """
    check_order("assert_same_gradients", order)
    if not callable(reference):
        raise ArgumentError(
            f"assert_same_gradients: {type(reference).__name__} came for the reference; it takes "
            "two functions, and then their arguments: assert_same_gradients(f, g, x)"
        )
    problems = [
        posed("assert_same_gradients", f, args, kwargs or {}, argnums, ())
        for f in (function, reference)
    ]
    rng = np.random.default_rng(seed)
    for _ in range(order):
        own, other = problems
        for problem in problems:
            problem.start("assert_same_gradients")
        if own.order == 1:
            _compare_values(own, other)
        comparison = Comparison.at_random(other, rng)
        cotangents = comparison.cotangents
        gradients = [_with_unrest(problem, comparison) for problem in problems]
        for k, ((found, unrest), (wanted, unrest_too)) in enumerate(zip(*gradients, strict=True)):
            level = float(np.max(np.abs(wanted), initial=0))
            allowed = ROUNDINGS * comparison.eps * level + unrest + unrest_too
            if not _same(found, wanted, allowed):
                raise _differing(own, other, comparison, k, found, wanted, allowed)
        problems = [problem.derived(cotangents) for problem in problems]


def same(found: Any, wanted: Any, given: Sequence[Any] = (), unrest: float = 0) -> bool:
    """Whether two arrays are equal but for rounding in the coarsest dtype around, and unrest."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    if found.shape != wanted.shape:
        return False
    floating = [x for x in (found, wanted, *given) if x.dtype.kind in "fc"]
    level = float(np.max(np.abs(wanted[np.isfinite(wanted)]), initial=1.0))
    return _same(found, wanted, ROUNDINGS * resolution(floating) * level + unrest)


def _same(found: Array, wanted: Array, allowed: float) -> bool:
    with np.errstate(invalid="ignore"):
        close = np.abs(found - wanted) <= allowed
    return bool(np.all(close | (found == wanted) | (np.isnan(found) & np.isnan(wanted))))


def _compare_values(own: Problem, other: Problem) -> None:
    if own.outputs != other.outputs:
        raise CheckFailed(
            f"assert_same_gradients: {own.name} returns {', '.join(own.outputs)}, and {other.name} "
            f"{', '.join(other.outputs)}; they need the same containers"
        )
    for name, found, wanted in zip(own.outputs, own.values, other.values, strict=True):
        if (found.shape, found.dtype) != (wanted.shape, wanted.dtype):
            raise CheckFailed(
                f"assert_same_gradients: {name} of {own.name} has shape {found.shape} and dtype "
                f"{found.dtype}, that of {other.name} {wanted.shape} and {wanted.dtype}"
            )
        if not same(found, wanted, own.arrays):
            at = np.unravel_index(np.argmax(np.abs(found - wanted)), found.shape)
            raise CheckFailed(
                f"assert_same_gradients: the values differ: {place(name, tuple(map(int, at)))} of "
                f"{own.name} is {number(found[at])}, that of {other.name} {number(wanted[at])}"
            )


def _with_unrest(problem: Problem, comparison: Comparison) -> list[tuple[Array, float]]:
    """Each gradient, and what rounding does to it, by its change to points next to this one."""
    found, _ = problem.pull(problem.arrays, comparison.cotangents)
    unit = 2.0 ** round(math.log2(comparison.eps) * 5 / 6)
    near = []
    for t in (unit, -unit):
        moved = [
            np.asarray(x + t * v, x.dtype)
            for x, v in zip(problem.arrays, comparison.directions, strict=True)
        ]
        near.append(problem.pull(moved, comparison.cotangents)[0])
    unrest = []
    for g, left, right in zip(found, *near, strict=True):
        level = float(np.max(np.abs(left + right - 2 * g), initial=0))
        # More than that is no rounding: there is a kink, and the functions are to agree on it.
        noise = level < 0.01 * float(np.max(np.abs(g), initial=0))
        unrest.append(CERTAIN * level if noise else 0.0)
    return list(zip(found, unrest, strict=True))


def _differing(
    own: Problem,
    other: Problem,
    comparison: Comparison,
    k: int,
    found: Array,
    wanted: Array,
    allowed: float,
) -> GradientMismatch:
    zeros, no = np.zeros(found.shape), np.zeros(found.shape, bool)
    compared = Gradient(found, wanted, np.full(found.shape, allowed), zeros, no, zeros, zeros)
    index = compared.worst() or ()
    mistake = recognised(comparison, k, compared) or ("", "")
    facts: dict[str, Any] = {
        "argument": own.names[k],
        "index": index,
        "order": own.order,
        "analytic": found[index].item(),
        "numeric": wanted[index].item(),
        "error": float(compared.errors[index]),
        "tolerance": allowed,
        "mistake": mistake[0],
    }
    lines = [
        f"assert_same_gradients: the {ordinal(own.order)} derivatives of {own.name} and "
        f"{other.name} differ in {place(own.names[k], index)}",
        f"  {own.name}: {number(facts['analytic'])}",
        f"  {other.name}: {number(facts['numeric'])}",
        f"  they differ by {facts['error']:.2g}, where {allowed:.2g} is allowed for rounding",
    ]
    if mistake[1]:
        lines.append(f"  probably: that of {own.name}: {mistake[1]}")
    return GradientMismatch("\n".join(lines), **facts)
