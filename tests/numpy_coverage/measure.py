"""All calls of a function, in every way that the page has a column for."""

import inspect
from typing import Any, NamedTuple

import numpy as np

import tinygraph as tg

from .calls import Call, arrays, numpy_functions
from .probe import GRADIENT, UNKNOWN, ZERO, Outcome, Probe, evaluate, outputs

# What cannot choose among nothing.
INITIAL = {"max", "min", "amax", "amin", "nanmax", "nanmin"}


class Row(NamedTuple):
    """What came of the calls of one function: as np.f, as tg.f, complex, with where= and out=."""

    name: str
    calls: list[Call]
    numpy: list[Outcome]
    own: list[Outcome]
    complex: list[Outcome]
    where: list[Outcome]
    out: list[Outcome]

    @classmethod
    def of(cls, name: str, calls: list[Call]) -> "Row":
        """Run them."""
        return cls(
            name,
            calls,
            [Probe(call, np).run() for call in calls],
            [Probe(call, tg).run() for call in calls],
            [Probe(call, np, imaginary=True).run() for call in calls if not call.real],
            [_with_where(call).run() for call in calls[:1] if _takes(call, "where")],
            [_with_out(call).run() for call in calls[:1] if _takes(call, "out")],
        )

    @property
    def kinds(self) -> set[str]:
        """Of the calls as np.f, those aside that this NumPy does not take."""
        return {outcome.kind for outcome in self.numpy} - {UNKNOWN}

    @property
    def differentiable(self) -> bool:
        """Whether any of its calls has a gradient."""
        return bool(self.kinds & {GRADIENT, ZERO})

    @property
    def outcomes(self) -> list[Outcome]:
        """All of them."""
        return [*self.numpy, *self.own, *self.complex, *self.where, *self.out]


def _takes(call: Call, keyword: str) -> bool:
    """Whether NumPy's function has this parameter, and the call something to differentiate."""
    function = numpy_functions()[call.name]
    if not call.letters:
        return False
    if isinstance(function, np.ufunc):
        return keyword == "out" or function.signature is None
    try:
        return keyword in inspect.signature(function).parameters
    except ValueError:  # it does not tell
        return False


def _with_where(call: Call) -> Probe:
    shape = next(iter(arrays(call.letters).values())).shape
    chosen = {"chosen": np.arange(np.prod(shape, dtype=int)).reshape(shape) % 3 > 0}
    if isinstance(numpy_functions()[call.name], np.ufunc):
        # What is not chosen keeps what is in `out`; without one it is anything.
        return _with_out(call, ", where=chosen", chosen)
    text = ", where=chosen" + ", initial=0.5" * (call.name in INITIAL)
    return Probe(call._replace(arguments=call.arguments + text), np, extra=chosen)


def _with_out(call: Call, text: str = "", extra: dict[str, Any] | None = None) -> Probe:
    results = outputs(evaluate(np, str(call), arrays(call.letters)))
    places = {f"place{i}": np.zeros_like(y) for i, y in enumerate(results)}
    out = f"({', '.join(places)})" if len(places) > 1 else "place0"
    extended = call._replace(arguments=f"{call.arguments}{text}, out={out}")
    return Probe(extended, np, extra={**(extra or {}), **places})
