"""What operations there are: by name, and by the NumPy function they stand for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .primitive import Primitive

REGISTRY: dict[str, Primitive] = {}

# NumPy's function, or (ufunc, method name), to ours.
NUMPY: dict[Any, Callable[..., Any]] = {}

# What (ufunc, method name) does where it is not an operation of its own: by the method's name,
# called with the ufunc and the arguments.
METHODS: dict[str, Callable[..., Any]] = {}
