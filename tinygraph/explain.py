"""Turn what NumPy raises inside an operation into an error that says what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import (
    ArgumentError,
    AxisError,
    DomainError,
    DTypeError,
    IndexingError,
    ShapeError,
    TinygraphError,
)

if TYPE_CHECKING:
    from .primitive import Primitive


# What NumPy's messages about shapes have in common.
SHAPES = re.compile(r"shape|size|dimension|broadcast|axis|axes|split", re.IGNORECASE)


def explain(primitive: Primitive, error: Exception, arguments: dict[str, Any]) -> Exception:
    """The error to raise: the operation, what came, what was needed, the fix."""
    if isinstance(error, TinygraphError):
        return error
    message = primitive.explain(error, **arguments) if primitive.explain else None
    name = primitive.name
    if isinstance(error, np.exceptions.AxisError):
        ndim = max((np.ndim(arguments[x]) for x in primitive.operands if x != primitive.sequence),
                   default=0)  # fmt: skip
        if primitive.sequence:
            ndim = max((np.ndim(x) for x in arguments[primitive.sequence]), default=0)
        fix = f"an axis is -{ndim}…{ndim - 1} here" if ndim else "a 0-dimensional one has no axes"
        return AxisError(message or f"{name}: {error} ({_came(primitive, arguments)}); {fix}")
    if isinstance(error, IndexError):
        return IndexingError(message or f"{name}: {error} ({_came(primitive, arguments)})")
    if isinstance(error, np.linalg.LinAlgError):
        error.args = (message or f"{name}: {error} ({_came(primitive, arguments)})",)
        return error
    unfit = message is not None
    if message is None and primitive.broadcasts:
        message = broadcast_message(name, [np.shape(arguments[x]) for x in primitive.operands])
        unfit = message is not None
    message = message or f"{name}: {error} ({_came(primitive, arguments)})"
    if isinstance(error, OverflowError):
        error.args = (message,)
        return error
    if isinstance(error, TypeError):
        dtypes = any(getattr(arguments[x], "dtype", None) is not None for x in primitive.operands)
        return DTypeError(message) if dtypes else ArgumentError(message)
    if unfit or SHAPES.search(str(error)):
        return ShapeError(message)
    return DomainError(message)


def broadcast_message(name: str, shapes: list[tuple[int, ...]]) -> str | None:
    """Why shapes do not broadcast, and what would; None where they do."""
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        pass
    else:
        return None
    listed = " and ".join(map(str, shapes))
    longest = max(len(s) for s in shapes)
    padded = [(1,) * (longest - len(s)) + s for s in shapes]
    clashes = [
        (i - longest, sorted({s[i] for s in padded} - {1}))
        for i in range(longest)
        if len({s[i] for s in padded} - {1}) > 1
    ]
    axis, sizes = clashes[-1]
    message = (
        f"{name}: shapes {listed} do not broadcast: axis {axis} has sizes "
        f"{' and '.join(map(str, sizes))}; sizes must be equal or 1"
    )
    if any(len(s) == 1 and s[0] in other for s in shapes for other in shapes if s is not other):
        message += ". A rank-1 array is a row here: x[:, np.newaxis] makes it a column"
    else:
        message += ", so reshape or transpose one operand"
    return message


def _came(primitive: Primitive, arguments: dict[str, Any]) -> str:
    words = []
    for name, x in arguments.items():
        parameter = primitive.signature.parameters[name]
        if name in primitive.static and x is parameter.default:
            continue
        if name == primitive.sequence:
            words.append(f"{name} of shapes {[np.shape(item) for item in x]}")
        elif isinstance(x, (np.ndarray, np.generic)):
            words.append(f"{name} of shape {x.shape} and dtype {x.dtype}")
        else:
            words.append(f"{name}={x!r}")
    return ", ".join(words)
