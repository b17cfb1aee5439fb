"""What operations there are: by name, and by the NumPy function they stand for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .primitive import Primitive

REGISTRY: dict[str, Primitive] = {}

# NumPy's function, or (ufunc, method name), to ours.
NUMPY: dict[Any, Callable[..., Any]] = {}
