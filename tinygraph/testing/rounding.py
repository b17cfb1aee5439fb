"""What rounding does to values and derivatives, measured by Monte Carlo arithmetic.

The same is computed a few times, with every result on the way moved by half a unit in its last
place, up or down at random (Parker 1997, "Monte Carlo arithmetic"). How much the end moves is the
noise that it has, cancellation included, of which the end itself shows nothing: of
(eˣ + 10¹⁴) − 10¹⁴ two digits are left, and no two neighbouring x show that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import TinygraphError
from ..node import Node
from ..tensor import Tensor
from ..tracing import Call, Listening, Tracer
from .differences import resolution
from .problem import Array, Problem

TIMES = 8
# Of a deviation measured so few times: Student's t with 8 degrees exceeds it once in 100,000.
SURE = 10.0
# What a function may raise at a point that is no longer in its domain.
OUTSIDE = (ValueError, ArithmeticError)
# Gradient rules are run on tensors, as then they consist of operations, and are shaken too. What
# one raises that works on arrays only:
UNRECORDED = (TinygraphError, TypeError)


def shaken_values(problem: Problem) -> list[list[Array]]:
    """How far the outputs move; of each time that they are finite."""

    def computed(arrays: Sequence[Array], _: Any) -> list[Array]:
        try:
            return problem.evaluate(arrays, recorded=True)
        except UNRECORDED:
            return problem.evaluate(arrays)

    return list(_shaken(computed, problem, [], problem.values))


def shaken_gradients(
    problem: Problem, cotangents: Sequence[Array], gradients: Sequence[Array]
) -> list[list[Array]]:
    """How far the gradients move, those of the reverse mode."""

    def computed(arrays: Sequence[Array], cts: Sequence[Array]) -> list[Array]:
        try:
            return problem.pull(arrays, cts, create_graph=True)[0]
        except UNRECORDED:
            return problem.pull(arrays, cts)[0]

    return list(_shaken(computed, problem, cotangents, gradients))


def shaken_pushes(problem: Problem, k: int, tangent: Array, pushed: Any) -> list[list[Array]]:
    """How far the outputs' derivatives along a line move, those of the forward mode."""

    def computed(arrays: Sequence[Array], _: Any) -> list[Array]:
        return problem.push(arrays, k, tangent)

    return list(_shaken(computed, problem, [], pushed))


def _shaken(
    compute: Callable[..., list[Array]],
    problem: Problem,
    cotangents: Sequence[Array],
    known: Sequence[Array],
) -> Iterator[list[Array]]:
    finest = resolution([*problem.arrays, *problem.values])
    for seed in range(TIMES):
        rng = np.random.default_rng(seed)
        arrays = [_moved(x, rng, finest) for x in problem.arrays]
        cts = [_moved(ct, rng, finest) for ct in cotangents]
        try:
            with Shaken(rng=rng, finest=finest):
                found = compute(arrays, cts)
        except OUTSIDE:
            continue
        if [y.shape for y in found] != [y.shape for y in known]:
            continue
        with np.errstate(all="ignore"):
            changes = [np.asarray(y - own) for y, own in zip(found, known, strict=True)]
        if all(np.isfinite(change).all() for change in changes):
            yield changes


class Shaken(Listening):
    """Within, each result of an operation is moved by half a unit in its last place, at random.

    finest: the eps that it is moved by at most, whatever its dtype. What a function of float64
        rounds to float32 on its way is its own fault, and is not granted to it.
    """

    def _tracer(self) -> Tracer:
        return _Shaker(**self._settings)


class _Shaker(Tracer):
    sites = False

    def __init__(self, rng: np.random.Generator, finest: float) -> None:
        self.rng, self.finest = rng, finest

    def called(self, call: Call) -> None:
        """Put another value into the result, and into what is kept for the way back."""
        for t in call.result if isinstance(call.result, tuple) else (call.result,):
            if type(t) is not Tensor or t.dtype.kind not in "fc":
                continue
            old, t.value = t.value, _moved(t.value, self.rng, self.finest)
            if call.node is not None:
                _exchange(call.node, old, t.value)


def _moved(x: Any, rng: np.random.Generator, finest: float) -> Any:
    """An array, or a NumPy scalar, with every element rounded otherwise."""
    half = min(float(np.finfo(x.dtype).eps), finest) / 2
    part = rng.choice([-half, half], x.shape)
    if x.dtype.kind == "c":
        part = part + 1j * rng.choice([-half, half], x.shape)
    with np.errstate(all="ignore"):
        moved = np.asarray(x + x * part, x.dtype)
    return moved if isinstance(x, np.ndarray) else moved[()]


def _exchange(node: Node, old: Any, new: Any) -> None:
    """Let the rules of a node see another result."""
    for slot in ("kept", "kept2"):
        kept = getattr(node, slot, None)
        if kept is old:
            setattr(node, slot, new)
        elif type(kept) is tuple:
            setattr(node, slot, _exchanged(kept, old, new))


def _exchanged(kept: tuple[Any, ...], old: Any, new: Any) -> tuple[Any, ...]:
    return tuple(
        new if x is old else _exchanged(x, old, new) if type(x) is tuple else x for x in kept
    )
