"""What stands on a node of the graph, in short words: symbol, static arguments, value."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from types import EllipsisType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ..node import Node
    from ..primitive import Primitive

SHOWN = 4  # items of a list among the static arguments


@functools.cache
def dtype_name(dtype: Any) -> str | tuple[str, ...]:
    """As NumPy calls it; of an operation with several outputs, a tuple."""
    return tuple(map(str, dtype)) if type(dtype) is tuple else str(dtype)


def number(value: Any) -> Any:
    """A NumPy scalar as a Python number."""
    if not isinstance(value, (np.generic, np.ndarray)):
        return value
    if value.dtype.kind in "fc":  # item() would leave a long double as it is
        return complex(value) if value.dtype.kind == "c" else float(value)
    return value.item()


def call_label(primitive: Primitive, node: Node) -> tuple[str, str]:
    """The label of a call, and its static arguments that differ from their defaults."""
    label, words = primitive.label, []
    if primitive.name == "output" and type(node.parents[0].dtype) is tuple:
        label = "[ ]"  # picks one of several outputs
    for name, value in zip(primitive.static, node.params):
        if name == "index" and "[ ]" in label:
            parts = value if type(value) is tuple and value else [value]
            label = label.replace("[ ]", f"[{', '.join(_texts(parts))}]")
            continue
        default = primitive.signature.parameters[name].default
        if default is inspect.Parameter.empty:
            words.append(_text(value))
        elif value is not default and (text := _text(value)) != _text(default):
            words.append(f"{name}={text}")
    return label, ", ".join(words)


def _text(value: Any) -> str:
    """A static argument as one would write it, without addresses."""
    match value:
        case slice(start=start, stop=stop, step=step):
            bounds = [start, stop] if step is None else [start, stop, step]
            return ":".join("" if bound is None else str(bound) for bound in bounds)
        case EllipsisType():
            return "..."
        case np.dtype() | np.generic():
            return str(value)
        case np.ndarray():
            return str(value.tolist()) if value.size <= SHOWN else f"array{value.shape}"
        case tuple():
            return f"({', '.join(_texts(value))}{',' if len(value) == 1 else ''})"
        case list():
            return f"[{', '.join(_texts(value))}]"
        case type():
            return value.__name__
        case str() | bytes() | bool() | int() | float() | complex() | None:
            return repr(value)
    return getattr(value, "__name__", type(value).__name__)


def _texts(values: Any) -> Iterator[str]:
    yield from map(_text, values[:SHOWN])
    if len(values) > SHOWN:
        yield "…"
