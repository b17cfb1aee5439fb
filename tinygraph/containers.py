"""Containers: tensors and arrays in dicts, tuples, lists, namedtuples and dataclasses.

A container may hold further containers. What is none is a leaf: a tensor, an array, a number. None
is a container of nothing, so that an optional part may be missing. A list of numbers only, or of
such lists, is a leaf too: it stands for an array, as everywhere in tinygraph.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from copy import copy
from typing import Any

import numpy as np

from .errors import ArgumentError
from .tensor import Tensor

SIMPLE = frozenset({Tensor, np.ndarray, float, int, complex, bool})  # leaves at first sight


def leaves(tree: Any, path: str) -> list[tuple[str, Any]]:
    """The leaves, each with how one gets there: "parameters['w'][0]"."""
    inside = _children(tree)
    if inside is None:
        return [(path, tree)]
    return [leaf for step, child in inside for leaf in leaves(child, path + step)]


def filled(tree: Any, values: Iterable[Any]) -> Any:
    """The same containers, made anew, with these values in place of the leaves."""
    supply = iter(values)
    inside = _children(tree)
    if inside is None:
        return next(supply)
    return _with_children(tree, [filled(child, supply) for _, child in inside])


def paired(tree: Any, other: Any, path: str, what: str) -> Iterator[tuple[str, Any, Any]]:
    """The leaves of a container, each with what stands there in the other one.

    Raises ArgumentError where the other is built differently; the message calls it `what`.
    """
    inside = _children(tree)
    if inside is None:
        if isinstance(other, dict) or other is None:
            raise ArgumentError(f"{what} is {_kind(other)} where {path} is {_kind(tree)}")
        yield path, tree, other
        return
    if not _alike(tree, other):
        raise ArgumentError(
            f"{what} is {_kind(other)} where {path} is {_kind(tree)}; it needs the same containers"
        )
    if isinstance(tree, dict):
        others = [other[key] for key in tree]
    else:
        others = list(other) if isinstance(tree, (tuple, list)) else _values(other)
    for (step, child), its in zip(inside, others, strict=True):
        yield from paired(child, its, path + step, what + step)


def _children(tree: Any) -> list[tuple[str, Any]] | None:
    """What a container holds, each with the step that leads there; None for a leaf."""
    if type(tree) in SIMPLE:
        return None
    if isinstance(tree, dict):
        return [(f"[{key!r}]", child) for key, child in tree.items()]
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return [(f".{name}", child) for name, child in zip(tree._fields, tree, strict=True)]
    if isinstance(tree, tuple) or (isinstance(tree, list) and not _is_array(tree)):
        return [(f"[{i}]", child) for i, child in enumerate(tree)]
    if _is_dataclass(tree):
        names = [field.name for field in dataclasses.fields(tree)]
        return [(f".{name}", child) for name, child in zip(names, _values(tree), strict=True)]
    return [] if tree is None else None


def _with_children(tree: Any, children: list[Any]) -> Any:
    if isinstance(tree, dict):
        new = copy(tree)  # of its own class, with a default factory if it has one
        new.update(zip(tree, children, strict=True))
        return new
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)._make(children)  # type: ignore[attr-defined]
    if isinstance(tree, (tuple, list)):
        return type(tree)(children)
    if tree is None:
        return None
    new = copy(tree)  # past __init__ and __post_init__, which may check or convert
    for field, child in zip(dataclasses.fields(tree), children, strict=True):
        object.__setattr__(new, field.name, child)
    return new


def _alike(tree: Any, other: Any) -> bool:
    """Whether two containers hold the same; tuples and lists may stand for each other."""
    if isinstance(tree, dict):
        return isinstance(other, dict) and other.keys() == tree.keys()
    if tree is None or _is_dataclass(tree) or hasattr(tree, "_fields"):
        return type(other) is type(tree)
    plain = isinstance(other, (tuple, list)) and not hasattr(other, "_fields")
    return plain and len(other) == len(tree)


def _values(tree: Any) -> list[Any]:
    """What a dataclass holds; None is a container of nothing."""
    return [] if tree is None else [getattr(tree, f.name) for f in dataclasses.fields(tree)]


def _is_dataclass(x: Any) -> bool:
    return dataclasses.is_dataclass(x) and not isinstance(x, type)


def _is_array(x: list[Any]) -> bool:
    """Whether it is a list of numbers, or of such lists."""
    numbers = (int, float, complex, np.generic)
    return bool(x) and all(
        _is_array(item) if isinstance(item, list) else isinstance(item, numbers) for item in x
    )


def _kind(x: Any) -> str:
    """What it is, in a message."""
    if isinstance(x, dict):
        return f"a dict with the keys {list(x)}"
    if type(x) is Tensor or isinstance(x, np.ndarray):
        return f"an array of shape {x.shape}"
    if isinstance(x, (tuple, list)) and not hasattr(x, "_fields"):
        return f"a {type(x).__name__} of {len(x)}"
    return "None" if x is None else f"a {type(x).__name__}"
