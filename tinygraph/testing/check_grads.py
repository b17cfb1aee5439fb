"""check_grads: derivatives of any function beside differences of it, along random lines."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError, TinygraphError
from ..graph import graph
from ..modes import enable_grad
from ..tensor import Variable
from .comparison import Comparison, Reading
from .culprit import search
from .differences import Slopes
from .elements import compare_elements
from .failures import GradientMismatch, Inconclusive, Kink, ordinal
from .location import gradient
from .posing import argument_names, check_order, posed, unchanged
from .precision import better, in_double
from .problem import Problem
from .reproduction import Unwritable, program
from .verdict import give_up, is_brief, kink, mismatch

MODES = ("reverse", "forward")
KINKS = ("raise", "skip", "assume")


@dataclass(frozen=True)
class CheckedGradients:
    """What `check_grads` compared; nothing of it was wrong.

    name        of the function
    order       up to which its derivatives were compared
    modes       in which
    arrays      names of what it was differentiated with respect to
    comparisons how many
    precision   the largest tolerance, relative to its derivative: errors smaller than that pass
    skipped     elements left out because there are kinks, for kinks="skip"
    unseen      arrays on which the result depends so little that differences do not show it
    """

    name: str
    order: int
    modes: tuple[str, ...]
    arrays: tuple[str, ...]
    comparisons: int
    precision: float
    skipped: int = 0
    unseen: tuple[str, ...] = ()

    def __str__(self) -> str:
        rest = f"; {self.skipped} elements at kinks left out" if self.skipped else ""
        rest += f"; too small to be seen: {', '.join(self.unseen)}" if self.unseen else ""
        found = f"are right to {self.precision:.0e}" if self.precision else "are all 0, and right"
        if not self.comparisons:
            found = "are of no elements at all, so nothing was compared"
        return (
            f"{self.name}: derivatives up to order {self.order} in {', '.join(self.arrays)} "
            f"{found} ({' and '.join(self.modes)} mode){rest}"
        )


def check_grads(
    function: Callable[..., Any],
    *args: Any,
    order: int = 2,
    modes: Sequence[str] = MODES,
    kwargs: Mapping[str, Any] | None = None,
    argnums: int | Sequence[int] | None = None,
    parameters: Any = None,
    full: bool = False,
    kinks: str = "raise",
    rtol: float = 0.0,
    seed: int = 0,
    draw: str | os.PathLike[str] | None = None,
    script: str | os.PathLike[str] | None = None,
) -> CheckedGradients:
    """Compare ∂f/∂x, and its derivatives up to `order`, with differences of f at these arguments.

    function: takes tensors in place of the floating arrays, tensors and numbers in args, alone or
        in containers, and returns a tensor of any shape, or containers of tensors.
    args: the point. Integers, flags and whatever else has no derivative are passed as they are.
    kwargs: arguments by keyword, not differentiated.  argnums: positions of those that are; None:
        all that can be.
    parameters: leaves that the function uses beside its arguments: `model.parameters()`, a list or
        a dict. Those of modules, be it the function or an argument, are checked without asking.
    modes: "reverse" (`tg.vjp`) and "forward" (`tg.jvp`).
    full: compare each element of the Jacobian. Else each array is moved along one random line, and
        the outputs are contracted with random cotangents, which costs a few dozen calls for each
        array, whatever its size; any wrong element shows, unless it is smaller than what rounding
        does to the others.
    kinks: "raise" raises Kink where f has no derivative, "skip" leaves those elements out;
        "assume", in a test of Hypothesis, passes the example over.
    rtol: how wrong derivatives may be for another reason than rounding, relative to their size:
        where they are approximate by design, as those of an ODE solved to ten digits are.
    seed: of the random lines.
    draw, script: where to write a picture of the graph, and a program that shows the failure.

    Steps and tolerances follow from the dtype (float16 to complex128), the noise of f, which is
    measured, and what Richardson extrapolation leaves. Where differences are too noisy, those in
    double precision take their place, or of an analytic f a complex step.

    >>> print(tg.testing.check_grads(np.tanh, np.array([0.5, -1.0])).order)
    2

    Raises GradientMismatch, an AssertionError, with what is wrong, where, and of which kind; Kink;
    Inconclusive where f is too noisy; ArgumentError for a function that is not repeatable,
    DTypeError for one that returns nothing differentiable, DomainError where it is not finite.
    """
    _check_settings(order, modes, kinks, rtol)
    problem = first = posed("check_grads", function, args, kwargs or {}, argnums, parameters)
    check = _Check(tuple(modes), full, kinks, rtol, np.random.default_rng(seed))
    names = tuple(problem.names)
    try:
        # What overflows here are differences of huge values, and no concern of the caller's.
        with unchanged(function, *args), np.errstate(all="ignore"):
            for level in range(1, order + 1):
                if level > 1:
                    problem = problem.derived(check.cotangents)
                check.problem(problem)
    except GradientMismatch as failure:
        if is_brief():
            raise
        settings = {
            "order": problem.order,
            "modes": tuple(modes),
            "argnums": argnums,
            "parameters": parameters,
            "full": full,
            "kinks": "skip" if kinks == "skip" else "raise",
            "rtol": rtol,
            "seed": seed,
        }
        plain = inspect.signature(check_grads).parameters
        call = {
            "args": args,
            "kwargs": dict(kwargs or {}),
            "settings": {k: v for k, v in settings.items() if v != plain[k].default},
            "names": argument_names(function, len(args)),
        }
        if not hasattr(function, "primitive"):
            failure.culprit = _culprit(first, order=problem.order, modes=modes[:1], rtol=rtol)
        _documented(failure, first, call, draw, script)
        raise
    except TinygraphError as error:
        if problem.order > 1 and not isinstance(error, (Kink, Inconclusive)):
            error.add_note(
                f"This came up in the derivative of order {problem.order}, for which gradient "
                "rules are run on tensors; with order=1 it is not asked for."
            )
        raise
    return CheckedGradients(
        problem.name,
        order,
        tuple(modes),
        names,
        check.count,
        check.precision,
        check.skipped,
        tuple(check.unseen),
    )


def _check_settings(order: int, modes: Sequence[str], kinks: str, rtol: float) -> None:
    check_order("check_grads", order)
    if isinstance(modes, str) or not modes or not {*modes} <= {*MODES}:
        raise ArgumentError(f'check_grads: modes={modes!r}; it takes "reverse", "forward" or both')
    if kinks not in KINKS:
        raise ArgumentError(f'check_grads: kinks={kinks!r}; it is "raise", "skip" or "assume"')
    if not 0 <= rtol < 1:
        raise ArgumentError(f"check_grads: rtol={rtol!r}; it is relative, from 0 to below 1")


class _Check:
    """One run of check_grads."""

    def __init__(
        self,
        modes: tuple[str, ...],
        full: bool,
        kinks: str,
        rtol: float,
        rng: np.random.Generator,
    ) -> None:
        self.modes, self.full, self.kinks, self.rtol, self.rng = modes, full, kinks, rtol, rng
        self.count, self.precision, self.skipped = 0, 0.0, 0
        self.unseen: dict[str, Reading] = {}
        self.cotangents: list[Any] = []

    def problem(self, problem: Problem) -> None:
        """Compare the derivatives of one order."""
        problem.start("check_grads")
        comparison = Comparison.at_random(problem, self.rng, self.rtol)
        self.cotangents = comparison.cotangents
        alone = [comparison.alone(j) for j in range(len(problem.values))]
        for k, x in enumerate(problem.arrays):
            if not x.size or not any(y.size for y in problem.values):
                continue
            found = comparison.by_output(k)
            if any(slope.kink[0] for slope in found):
                found = self._past_kinks(comparison, k)
            for own, slope in zip(alone, found, strict=True):
                self._line(own, k, slope)
            if self.full:
                compare_elements("check_grads", comparison, k, self.modes, self.kinks)
            if len(self.unseen) == len(problem.arrays):
                raise _noisy(comparison, k, self.unseen[problem.names[k]])

    def _line(self, comparison: Comparison, k: int, slope: Slopes) -> None:
        """Compare the derivative of one output along one line."""
        for mode in self.modes:
            reading = comparison.read(k, mode, slope)
            if not reading.agrees:
                reading = comparison.read(k, mode)
            if not reading.agrees or comparison.is_coarse(reading):
                finer = better(comparison, k, reading.slope, comparison.directions[k])
                reading = comparison.read(k, mode, finer) if finer else reading
            if not reading.agrees:
                self._raise_if_coarse(comparison, k, mode)
                raise mismatch("check_grads", comparison, k, mode, reading)
            if comparison.is_vague(k, mode, reading):
                if not comparison.is_weak(reading):
                    raise _noisy(comparison, k, reading)
                if comparison.problem.order == 1:
                    self.unseen[comparison.problem.names[k]] = reading
                continue
            self.count += 1
            if reading.size > reading.tolerance:
                self.precision = max(self.precision, reading.tolerance / reading.size)

    def _raise_if_coarse(self, comparison: Comparison, k: int, mode: str) -> None:
        """Raise Inconclusive where the same rules are right in double precision."""
        double = in_double(comparison)
        if double is not None and double.read(k, mode).agrees:
            raise Inconclusive(
                f"check_grads: {comparison.problem.name} is too coarse in "
                f"{comparison.problem.names[k]} for {comparison.problem.arrays[k].dtype}: its "
                "derivative and differences do not agree, and in double precision they do; bring "
                "arguments and values to moderate sizes, or use float64"
            )

    def _past_kinks(self, comparison: Comparison, k: int) -> list[Slopes]:
        """The slopes without the elements at kinks; raise Kink if these are not to be skipped."""
        sure = comparison.by_output(k, careful=True)
        if not any(slope.kink[0] for slope in sure):
            return sure
        if self.kinks != "skip":
            give_up("check_grads", comparison, k, self.kinks)
        at = gradient(comparison, k, "reverse").kinks
        comparison.leave_out(k, at)
        self.skipped += int(np.count_nonzero(at))
        sure = comparison.by_output(k, careful=True)
        if any(slope.kink[0] for slope in sure):
            raise kink("check_grads", comparison, k)
        return sure


def _noisy(comparison: Comparison, k: int, reading: Reading) -> Inconclusive:
    problem = comparison.problem
    which = "" if problem.order == 1 else f"{ordinal(problem.order)} "
    return Inconclusive(
        f"check_grads: {problem.name} is too noisy in {problem.names[k]}: differences give its "
        f"{which}derivative to ±{reading.tolerance:.1g}, and it is of the size {reading.size:.1g}; "
        "bring arguments and values to moderate sizes, or use float64"
    )


def _culprit(first: Problem, **settings: Any) -> str:
    """What is said of where the mistake comes from."""
    found = search(first, functools.partial(check_grads, kinks="skip", **settings))
    if found.culprit is not None:
        return str(found.culprit)
    if found.at_kinks is not None:
        return (
            "no operation by itself; but one has a kink there, where its derivative is a matter of "
            f"convention, which the whole does not share: {found.at_kinks}"
        )
    if found.sure and found.calls:
        return "no operation by itself; something is detached, or computed outside of tinygraph"
    return ""


def _documented(
    failure: GradientMismatch, first: Problem, call: dict[str, Any], draw: Any, script: Any
) -> None:
    """Put what helps beside the failure: the program, and the picture."""
    what = str(failure).splitlines()[0].removeprefix("check_grads: ")
    try:
        failure.script = program(f"Shows: {what}.", "check_grads", first.function, **call)
    except Unwritable as reason:
        failure.unwritable = (
            f"(no program can be written that shows it: {reason}; the same call with the same seed "
            "does)"
        )
    if script is not None:
        Path(script).write_text(failure.script or f"# {failure.unwritable}\n", "utf-8")
        failure.add_note(f"The program is in {script}.")
    if draw is not None:
        inputs = [Variable(x, name=name) for name, x in zip(first.names, first.arrays, strict=True)]
        with enable_grad():
            outputs = [t for t in first.run(inputs).values() if t.node is not None]
        if outputs:
            failure.add_note(f"The graph is in {graph(*outputs).render(draw)}.")
