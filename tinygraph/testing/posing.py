"""A function and its arguments, as the user gives them, made a `Problem`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

import numpy as np

from ..containers import filled, leaves
from ..errors import ArgumentError, DomainError, DTypeError
from ..registry import NUMPY
from ..tensor import Tensor
from .failures import place
from .problem import Array, Problem


def check_order(operation: str, order: Any) -> None:
    """Raise ArgumentError unless there are derivatives of this order."""
    if not isinstance(order, int) or isinstance(order, bool) or order < 1:
        raise ArgumentError(f"{operation}: order={order!r}; it is 1, 2 or more")


def _check_function(operation: str, function: Any) -> None:
    if not callable(function):
        raise ArgumentError(
            f"{operation}: {type(function).__name__} came for the function; pass the function "
            "itself, and its arguments after it: check_grads(f, x, y)"
        )
    if inspect.isclass(function) and hasattr(function, "named_parameters"):
        raise ArgumentError(
            f"{operation}: the class {function.__name__} came for the function; make a module of "
            f"it first: {function.__name__}(…)"
        )
    if inspect.iscoroutinefunction(function):
        raise ArgumentError(
            f"{operation}: {name_of(function)} is a coroutine function; pass one that returns "
            "tensors, such as lambda x: asyncio.run(f(x))"
        )


def posed(
    operation: str,
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    argnums: int | Sequence[int] | None,
    parameters: Any,
) -> Problem:
    """The problem of differentiating function(*args, **kwargs) in its floating arguments."""
    _check_function(operation, function)
    chosen = positions(operation, argnums, len(args))
    called = argument_names(function, len(args))
    names: list[str] = []
    arrays: list[Array] = []
    for i in chosen:
        for path, leaf in leaves(args[i], called[i]):
            array = _floating(leaf)
            if array is not None:
                names.append(path)
                arrays.append(array)
            elif argnums is not None:
                raise DTypeError(
                    f"{operation}: {path} is {_kind(leaf)}, which has no derivative; leave it out "
                    "of argnums"
                )
    count = len(arrays)
    owned = _parameters(function if parameters is None else parameters, parameters is not None)
    if parameters is None:
        for i in chosen:
            for path, part in _modules(args[i], called[i]):
                owned |= {f"{path}.{name}": p for name, p in _parameters(part, False).items()}
    names += owned
    arrays += [np.array(p.value) for p in owned.values()]
    if not arrays:
        raise DTypeError(_nothing(operation, function, args))
    for name, x in zip(names, arrays, strict=True):
        wrong = np.argwhere(~np.isfinite(x))
        if len(wrong):
            where = place(name, tuple(map(int, wrong[0])))
            raise DomainError(
                f"{operation}: {where} is {x[tuple(wrong[0])]}; derivatives are checked at finite "
                "points, so give it other arguments"
            )

    def run(tensors: Sequence[Tensor]) -> dict[str, Tensor]:
        # The function may rebind its tensors (x[0] = 1); the caller's stay what they are.
        supply = iter(map(copy, tensors[:count]))
        given = list(args)
        for i in chosen:
            own = [
                leaf if _floating(leaf) is None else next(supply) for _, leaf in leaves(args[i], "")
            ]
            given[i] = filled(args[i], own)
        with standing_in(owned.values(), tensors[count:]):
            try:
                found = function(*given, **kwargs)
            except TypeError as error:
                if len(args) == 1 and isinstance(args[0], tuple):
                    error.add_note(
                        f"The tuple is one argument; several come one after the other: "
                        f"{operation}(f, x, y)"
                    )
                raise
            return _outputs(operation, function, found)

    constants = {
        path: leaf
        for key, arg in [*zip(called, args, strict=True), *kwargs.items()]
        for path, leaf in leaves(arg, key)
        if type(leaf) is np.ndarray and path not in names
    }

    return Problem(function, name_of(function), names, arrays, run, constants)


@contextmanager
def standing_in(parameters: Iterable[Tensor], tensors: Iterable[Tensor]) -> Iterator[None]:
    """Within, parameters have the values, and the past, of other tensors."""
    saved = []
    try:
        for p, t in zip(parameters, tensors, strict=True):
            saved.append((p, p.value, p.node))
            p._name = p.name  # where an untracked tensor has it
            p.value, p.node = t.value, t.node
        yield
    finally:
        for p, value, node in saved:
            p.value, p.node = value, node
            del p._name


@contextmanager
def unchanged(*owners: Any) -> Iterator[None]:
    """Leave the attributes, buffers and generators of all modules in these as they are."""
    modules = [part for owner in owners for _, part in _modules(owner, "")]
    attributes = [(vars(part), dict(vars(part))) for m in modules for part in m.modules()]
    buffers = [(buffer, buffer.copy()) for m in modules for _, buffer in m.named_buffers()]
    generators = [generator for m in modules for _, generator in m.named_generators()]
    states = [generator.bit_generator.state for generator in generators]
    try:
        yield
    finally:
        for now, before in attributes:
            now.clear()
            now.update(before)
        for buffer, content in buffers:
            buffer[...] = content
        for generator, state in zip(generators, states, strict=True):
            generator.bit_generator.state = state


def argument_names(function: Callable[..., Any], count: int) -> list[str]:
    """What the function calls its positional arguments."""
    taken = parameters_of(getattr(function, "forward", function))
    names = [p.name for p in taken if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [names[i] if i < len(names) else f"argument {i}" for i in range(count)]


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """What the function takes; nothing where it does not tell.

    Of NumPy's, not all of which tell in every version, it is what tinygraph's take.
    """
    try:
        return list(inspect.signature(NUMPY.get(function, function)).parameters.values())
    except (TypeError, ValueError):
        return []


def name_of(function: Callable[..., Any]) -> str:
    """What messages call it: a layer by its class."""
    return str(getattr(function, "__name__", type(function).__name__))


def positions(operation: str, argnums: Any, count: int) -> list[int]:
    """The positions that argnums stands for, of so many arguments; None: all."""
    if argnums is None:
        return list(range(count))
    given = [argnums] if isinstance(argnums, int) else list(argnums)
    for i in given:
        if not isinstance(i, int) or not -count <= i < count:
            raise ArgumentError(
                f"{operation}: argnums={argnums}, but the function was given {count} arguments by "
                "position (those by keyword are not differentiated)"
            )
    return [i % count for i in given]


def _floating(leaf: Any) -> Array | None:
    """The array of a leaf that has a derivative, or None."""
    if type(leaf) is Tensor:
        leaf = leaf.value
    if not isinstance(leaf, (np.ndarray, np.generic, float, complex, list)):
        return None
    array = np.array(leaf)
    return array if array.dtype.kind in "fc" else None


def _kind(x: Any) -> str:
    if type(x) is Tensor or isinstance(x, (np.ndarray, np.generic)):
        return f"an array of {x.dtype}"
    return type(x).__name__


def _nothing(operation: str, function: Any, args: Sequence[Any]) -> str:
    """What to say where no argument has a derivative."""
    text = f"{operation}: nothing to differentiate: {name_of(function)} was given "
    if not args:
        return text + "no arguments; they come after it: check_grads(f, x, y)"
    values = [x.value if type(x) is Tensor else x for a in args for _, x in leaves(a, "")]
    kinds = {
        np.asarray(x).dtype.kind
        for x in values
        if isinstance(x, (np.ndarray, np.generic, int, list))
    }
    text += ", ".join(map(_kind, args)) + "; it needs a floating-point or complex array, tensor "
    text += "or number, or containers of these"
    if kinds & {*"iub"}:
        text += "; whole numbers have no derivative, 3.0 and x.astype(float) have"
    return text


def _modules(argument: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The modules in an argument, with what messages call them."""
    for path, leaf in leaves(argument, name):
        if hasattr(leaf, "named_parameters") and not inspect.isclass(leaf):
            yield path, leaf


def _parameters(owner: Any, given: bool) -> dict[str, Tensor]:
    """The leaves of a module, of a mapping or of a list, by name."""
    if hasattr(owner, "named_parameters"):
        pairs = list(owner.named_parameters())
    elif not given:
        return {}
    elif isinstance(owner, Mapping):
        pairs = list(owner.items())
    else:
        pairs = [
            entry
            if isinstance(entry, tuple)
            else (getattr(entry, "name", None) or f"parameter {i}", entry)
            for i, entry in enumerate([owner] if type(owner) is Tensor else owner)
        ]
    for name, leaf in pairs:
        if type(leaf) is not Tensor or not leaf.is_leaf:
            raise ArgumentError(
                f"check_grads: {name} in parameters is {_kind(leaf)}; it needs leaves, such as "
                "model.parameters()"
            )
    return {name: leaf for name, leaf in pairs if leaf.node is not None}


def _outputs(operation: str, function: Callable[..., Any], result: Any) -> dict[str, Tensor]:
    """The floating tensors in what the function returned, by name."""
    found: dict[str, Tensor] = {}
    other = ""
    for path, t in leaves(result, "the result"):
        if type(t) is Tensor and t.dtype.kind in "fc":
            found[path] = t
        elif type(t) is not Tensor and _floating(t) is not None:
            raise DTypeError(
                f"{operation}: {name_of(function)} returned {type(t).__name__} at {path}, not a "
                "Tensor, so its history is lost; compute with the tensors it is given"
            )
        else:
            other = other or _kind(t)
    if not found:
        came = other or "None"
        raise DTypeError(
            f"{operation}: {name_of(function)} returned {came}, which has no derivative; it must "
            "return a floating-point tensor, or containers of such"
            + ("" if other else ": is the return left out?")
        )
    return found
