"""From functions to functions: `grad` and `value_and_grad`, which nest to any order."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import numpy as np

from .backward import gradients
from .errors import ArgumentError, DTypeError, ShapeError
from .modes import enable_grad, recording
from .node import Node
from .ops.elementwise import positive
from .tensor import Tensor, Variable, as_tensor, check_differentiable, untracked


def grad(function: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """The function that computes df/dx at its arguments.

    function: returns a real scalar Tensor.  argnums: the positional argument to differentiate
    with respect to, or several; then the gradients come as a tuple.
    Gradients have their argument's shape, zero where the function does not depend on it.

    >>> cube = lambda x: x**3
    >>> tg.grad(tg.grad(tg.grad(cube)))(2.0)
    tensor(6.)

    Raises ShapeError where the function does not return a scalar, DTypeError where it does not
    return a Tensor or the argument is not floating.
    """
    both = value_and_grad(function, argnums)

    @functools.wraps(function)
    def gradient(*args: Any, **keywords: Any) -> Any:
        return both(*args, **keywords)[1]

    return gradient


def value_and_grad(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0
) -> Callable[..., tuple[Tensor, Any]]:
    """The function that computes (f, df/dx) at its arguments. See `grad`.

    >>> tg.value_and_grad(lambda w: w**2 - 10 * w + 25)(0.0)
    (tensor(25.), tensor(-10.))
    """
    if not callable(function):
        raise ArgumentError(f"grad: it takes a function, not {type(function).__name__}")
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    name = getattr(function, "__name__", "the function")

    @functools.wraps(function)
    def both(*args: Any, **keywords: Any) -> tuple[Tensor, Any]:
        outer = recording()
        inputs = list(args)
        for i in numbers:
            if not -len(args) <= i < len(args):
                raise ArgumentError(
                    f"grad: argnums={argnums}, but {name} was called with {len(args)} arguments"
                )
            inputs[i] = _entry(args[i], i, name, outer)
        # The function may rebind its tensors (x[0] = 1); these stay at the entry.
        entries = [copy(inputs[i]) for i in numbers]
        with enable_grad():
            value = function(*inputs, **keywords)
        _check_scalar(value, name)
        # Where the value depends on something tracked outside, so do its derivatives.
        create = outer and _reaches_outside(value, entries)
        found = gradients(value, entries, create_graph=create)
        results = tuple(
            untracked(np.zeros(x.shape, x.dtype)[()]) if g is None else g
            for g, x in zip(found, entries, strict=True)
        )
        if not create:
            value = value.detach()
        return value, results[0] if isinstance(argnums, int) else results

    return both


def _entry(x: Any, position: int, name: str, outer: bool) -> Tensor:
    """The argument as the function sees it: a new variable, joined to its past if it has one."""
    t = as_tensor(x, f"grad: argument {position} of {name}")
    if t.dtype.kind in "biu" and type(x) in (int, bool):
        t = untracked(np.float64(x))
    check_differentiable(t.dtype, f"grad: argument {position} of {name}")
    if t.node is not None and outer:
        return positive(t)
    return Variable(t.detach())


def _check_scalar(value: Any, name: str) -> None:
    if type(value) is not Tensor:
        raise DTypeError(
            f"grad: {name} returned {type(value).__name__}, not a Tensor; compute with the tensors "
            "it is given, and return the result"
        )
    if value.size != 1 or value.dtype.kind == "c":
        raise ShapeError(
            f"grad: {name} returned shape {value.shape} of {value.dtype}; it must return a real "
            "scalar, so reduce the result with .sum() or .mean()"
        )


def _reaches_outside(value: Tensor, entries: Sequence[Tensor]) -> bool:
    """Whether anything tracked other than new variables made here goes into the value."""
    own = {entry.node for entry in entries}
    stack: list[Any] = [value.node] if value.node else []
    seen: set[Node] = set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node in own:
            if node.pullback is not None:
                return True
        elif node.pullback is None:
            return True
        else:
            stack.extend(node.parents)
    return False
