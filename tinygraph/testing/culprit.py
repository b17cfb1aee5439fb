"""Which operation a wrong derivative comes of: each that was called is checked by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..containers import filled, leaves
from ..errors import TinygraphError
from ..modes import enable_grad
from ..tensor import Tensor, Variable
from ..tracing import Call, Listening, Site, Tracer
from .failures import CheckFailed
from .problem import Problem
from .verdict import brief

MOST = 200  # calls that are looked at


@dataclass
class Culprit:
    """An operation that is wrong by itself.

    name    what it is called
    site    where the user called it, or None
    """

    name: str
    site: Site | None

    def __str__(self) -> str:
        return f"{self.name}, called at {self.site}" if self.site else self.name


@dataclass
class Search:
    """What became of the search.

    culprit   the first operation that is wrong by itself, or None
    at_kinks  the first that has a kink at its own arguments, or None
    sure      whether all that were called were checked, up to there
    calls     how many
    """

    culprit: Culprit | None
    at_kinks: Culprit | None
    sure: bool
    calls: int


def search(problem: Problem, check: Callable[..., Any]) -> Search:
    """Check the derivatives of each operation that the function calls, at the arguments it got.

    check: check_grads, with kinks="skip" and its other settings.
    """
    sure, at_kinks = True, None
    calls = _calls(problem)
    for call in calls:
        own = Culprit(call.__name__, call.site)
        try:
            with brief():
                if check(call, call.arrays).skipped:
                    at_kinks = at_kinks or own
        except CheckFailed:
            return Search(own, at_kinks, sure, len(calls))
        except (TinygraphError, ArithmeticError, ValueError, TypeError):
            # It has no derivative there, is too noisy, or goes only with what came before it.
            sure = False
    return Search(None, at_kinks, sure, len(calls))


class _Again:
    """A call of an operation, as a function of a list of the arrays that were tracked in it."""

    def __init__(self, call: Call) -> None:
        self.primitive, self.site = call.primitive, call.trace.site
        self.__name__ = call.primitive.definition.__name__
        self.arguments = dict(call.arguments)
        # At once, as a tensor may stand for another value later.
        self.leaves = [x for _, x in leaves(self.arguments, "")]
        self.at = [i for i, x in enumerate(self.leaves) if type(x) is Tensor and x.node is not None]
        self.arrays = [np.array(self.leaves[i].value) for i in self.at]

    def __call__(self, tensors: Sequence[Any]) -> Any:
        own = list(self.leaves)
        for i, x in zip(self.at, tensors, strict=True):
            own[i] = x
        call = self.primitive.placed(filled(self.arguments, own))
        call.apply_defaults()
        return self.primitive.function(*call.args, **call.kwargs)


def _calls(problem: Problem) -> list[_Again]:
    """The calls that the function makes, of those alike in operation and shapes the first."""
    calls: list[_Again] = []
    with enable_grad(), np.errstate(all="ignore"), _Heard(calls=calls):
        problem.run(list(map(Variable, problem.arrays)))
    found: dict[Any, _Again] = {}
    for call in calls:
        shapes = tuple((x.shape, x.dtype.char) for x in call.arrays)
        found.setdefault((call.primitive, shapes), call)
    return list(found.values())[:MOST]


class _Heard(Listening):
    """Within, calls of operations are put into a list."""

    def _tracer(self) -> Tracer:
        return _Listener(**self._settings)


class _Listener(Tracer):
    def __init__(self, calls: list[_Again]) -> None:
        self.calls = calls

    def called(self, call: Call) -> None:
        """Keep it, if it was recorded."""
        if call.node is not None:
            self.calls.append(_Again(call))
