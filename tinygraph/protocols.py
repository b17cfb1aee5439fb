"""NumPy's protocols: `np.exp(t)` and `np.where(c, t, 0)` reach our operations, or fail by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .errors import ArgumentError, DTypeError, NotDifferentiable
from .modes import recording
from .registry import METHODS, NUMPY
from .tensor import Tensor, untracked

# Functions that write into their first argument.
IN_PLACE = frozenset({np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis})


def array_ufunc(self: Tensor, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
    """What `np.exp(t)`, `array * t` and `np.add.reduce(t)` do."""
    if not keywords and method == "__call__":
        function = NUMPY.get(ufunc)
        if function is not None:
            return function(*inputs)
    function = NUMPY.get(ufunc if method == "__call__" else (ufunc, method))
    if function is not None:
        if method in ("reduce", "accumulate"):
            keywords.setdefault("axis", 0)
        return function(*inputs, **keywords)
    everything = (inputs, keywords)
    tracked = recording() and any(t.node is not None for t in _tensors(everything))
    if tracked and method in METHODS and (method == "at" or (ufunc in NUMPY and ufunc.nin == 2)):
        return METHODS[method](ufunc, *inputs, **keywords)
    name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    return _without_rule(getattr(ufunc, method), f"np.{name}", inputs, keywords)


def array_function(
    self: Tensor, function: Any, types: Any, args: Any, keywords: dict[str, Any]
) -> Any:
    """What `np.sum(t)` and `np.concatenate([t, a])` do."""
    if keywords.get("out", function) is None:
        del keywords["out"]
    ours = NUMPY.get(function)
    if ours is not None and "out" not in keywords:
        return ours(*args, **keywords)
    return _without_rule(function, _full_name(function), args, keywords)


def _full_name(function: Any) -> str:
    module = getattr(function, "__module__", "numpy") or "numpy"
    return f"{module.replace('numpy', 'np', 1)}.{function.__name__}"


def _without_rule(function: Callable[..., Any], name: str, args: Any, keywords: Any) -> Any:
    """A function that has no declaration: computed where that loses nothing."""
    everything = list(_tensors((args, keywords)))
    target = args[0] if args else None
    if "out" in keywords and any(t is x for t in _tensors(keywords["out"]) for x in everything):
        raise ArgumentError(f"{name}: a tensor cannot be out=, it is a value; bind the result")
    if function in IN_PLACE and type(target) is Tensor:
        raise ArgumentError(
            f"{name} writes into its first argument, and a tensor is a value; "
            "write t[index] = value, which rebinds t and is differentiable"
        )
    tracked = [t for t in everything if t.node is not None]
    writes = function in IN_PLACE or keywords.get("out") is not None or name.endswith(".at")
    if tracked and recording() and writes:
        raise NotDifferentiable(
            f"{name}: {tracked[0].described()} requires grad, and writing it into an array would "
            "silently cut the graph; bind the result to a name, or .detach() it first"
        )
    if not tracked or not recording():
        return _wrapped(function(*_values(args), **_values(keywords)), name)
    try:
        result = function(*_values(args), **_values(keywords))
    except (ValueError, TypeError, ArithmeticError) as error:
        raise _refusal(name, tracked[0]) from error
    # Booleans and integers have no derivative to lose.
    if not all(map(_discrete, _arrays(result))):
        raise _refusal(name, tracked[0])
    return _wrapped(result, name)


def _refusal(name: str, tracked: Tensor) -> NotDifferentiable:
    return NotDifferentiable(
        f"{name} has no gradient rule, and {tracked.described()} requires grad; "
        f"{_nearest(name)}.detach() it first if no gradient is wanted"
    )


def _nearest(name: str) -> str:
    known = {
        f.__name__: f
        for f, ours in NUMPY.items()
        if hasattr(f, "__name__") and ours.__module__ != "tinygraph.ops.discrete"  # no gradient
    }
    close = difflib.get_close_matches(name.rpartition(".")[2].split(".")[0], known, 1, 0.7)
    return (
        f"the nearest that has one is {_full_name(known[close[0]])}; use that, or " if close else ""
    )


def _discrete(array: Any) -> bool:
    return array.dtype.kind in "biuSUmM"


def _tensors(x: Any) -> Iterator[Tensor]:
    if type(x) is Tensor:
        yield x
    elif isinstance(x, dict):
        for item in x.values():
            yield from _tensors(item)
    elif isinstance(x, (list, tuple)):
        for item in x:
            yield from _tensors(item)


def _arrays(x: Any) -> Iterator[Any]:
    if isinstance(x, (np.ndarray, np.generic)):
        yield x
    elif isinstance(x, (list, tuple)):
        for item in x:
            yield from _arrays(item)


def _values(x: Any) -> Any:
    if type(x) is Tensor:
        return x.value
    if isinstance(x, dict):
        return {key: _values(item) for key, item in x.items()}
    if isinstance(x, (list, tuple)) and any(True for _ in _tensors(x)):
        return type(x)([_values(item) for item in x])
    return x


def _wrapped(x: Any, name: str) -> Any:
    if isinstance(x, (np.ndarray, np.generic)):
        if x.dtype.kind == "O":
            raise DTypeError(f"{name}: it would return an object array; ask for a number dtype")
        return untracked(x)
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*[_wrapped(item, name) for item in x])
    if isinstance(x, (list, tuple)) and any(True for _ in _arrays(x)):
        return type(x)([_wrapped(item, name) for item in x])
    return x
