"""Parameters as they are given, checked before anything is done with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import tinygraph as tg


def checked_parameters(operation: str, params: Any, *, frozen: bool = False) -> list[tg.Tensor]:
    """The parameters as a list: leaves, none twice, that require grad unless `frozen`.

    Raises ArgumentError for anything else, and for none at all.
    """
    parameters = listed(operation, params)
    seen: dict[int, int] = {}
    for i, parameter in enumerate(parameters):
        check_parameter(operation, i, parameter, frozen=frozen)
        if id(parameter) in seen:
            raise tg.ArgumentError(
                f"{operation}: parameter {i} ({parameter.described()}) is parameter "
                f"{seen[id(parameter)]} again, and would count twice; pass it once"
            )
        seen[id(parameter)] = i
    return parameters


def listed(operation: str, params: Any) -> list[Any]:
    """The parameters as a list, of at least one."""
    came, fix = f"{params!r}", "it needs a list of tensors, or model.parameters()"
    if isinstance(params, tg.Tensor):
        came, fix = "a single tensor", "pass a list, [tensor]"
    elif hasattr(params, "parameters"):
        came, fix = f"a {type(params).__name__}", "pass its .parameters()"
    elif isinstance(params, Mapping):
        came, fix = "a dict", "pass its .values()"
    elif callable(params):
        came, fix = "a function", "call it, as in model.parameters()"
    elif isinstance(params, Iterable):
        came = ""
    if came:
        raise tg.ArgumentError(f"{operation}: params is {came}; {fix}")
    parameters = list(params)
    if not parameters:
        raise tg.ArgumentError(
            f"{operation}: no parameters came; if they are a generator, it can be used only "
            "once, so call model.parameters() again"
        )
    return parameters


def check_parameter(operation: str, i: int, parameter: Any, *, frozen: bool = False) -> None:
    """Raise ArgumentError unless it is a leaf that requires grad, or may be frozen."""
    if not isinstance(parameter, tg.Tensor):
        came, fix = type(parameter).__name__, "it needs a tensor that requires grad"
        if isinstance(parameter, tuple):
            fix = "pass model.parameters(), without their names"
        elif isinstance(parameter, Iterator):
            fix = "join the parameters of several models, [*a.parameters(), *b.parameters()]"
        elif isinstance(parameter, dict):
            fix = "groups come in a list of dicts alone, [{'params': …}, {'params': …}]"
        elif hasattr(parameter, "parameters"):
            fix = "pass its .parameters()"
        raise tg.ArgumentError(f"{operation}: parameter {i} is {came}; {fix}")
    if not parameter.requires_grad and not frozen:
        raise tg.ArgumentError(
            f"{operation}: parameter {i} ({parameter.described()}) does not require grad; "
            "make it with tg.Variable(...) or tg.tensor(..., requires_grad=True)"
        )
    if not parameter.is_leaf:
        raise tg.ArgumentError(
            f"{operation}: parameter {i} ({parameter.described()}) was computed, and only a "
            "leaf can be moved; pass the tensor it was computed from. If it was w[0] = 5 that "
            "made it so, write that inside `with tg.no_grad():`"
        )
