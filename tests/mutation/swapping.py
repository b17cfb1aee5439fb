"""Another gradient rule in an operation, or other code in a function, for the time of a block."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Any

from tinygraph import tracing
from tinygraph.primitive import Primitive
from tinygraph.pullback import Rule, _parameters


@contextmanager
def rule_replaced(
    primitive: Primitive, position: int, function: Callable[..., Any]
) -> Iterator[None]:
    """Within, the operation's rule at this position is `function`.

    What was compiled of the rules is compiled anew: the way back, and the forward functions, which
    keep what the rules ask for. All of it is put back after.
    """
    rules, pullbacks = primitive.rules, primitive._pullbacks
    wrong = copy.copy(rules[position])
    wrong.function, wrong.asks = function, _parameters(function)
    changed: list[Rule] = [*rules[:position], wrong, *rules[position + 1 :]]
    compiled = [(f, f.__code__, f.__defaults__, dict(f.__globals__)) for f in forward(primitive)]
    primitive.rules, primitive._pullbacks = changed, {}
    try:
        for f, *_ in compiled:
            f.__globals__["_become"]()
        yield
    finally:
        primitive.rules, primitive._pullbacks = rules, pullbacks
        for f, code, defaults, names in compiled:
            f.__globals__.clear()
            f.__globals__.update(names)
            f.__code__, f.__defaults__ = code, defaults


def forward(primitive: Primitive) -> list[FunctionType]:
    """The functions that call an operation: its public one, and operators of Tensor."""
    return [function for function, record, _ in tracing._functions if record is primitive]


@contextmanager
def code_replaced(function: FunctionType, code: CodeType) -> Iterator[None]:
    """Within, the function does what the code does."""
    own = function.__code__
    function.__code__ = code
    try:
        yield
    finally:
        function.__code__ = own
