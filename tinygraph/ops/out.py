"""`out=`, which NumPy's functions take and tensors cannot."""

from typing import Any

from ..errors import ArgumentError


def refuse_out(operation: str, out: Any) -> None:
    """Raise if there is one: writing into an array would cut the graph."""
    if out is not None:
        raise ArgumentError(
            f"{operation}: out= would write into an array, which has no place in a graph; "
            "bind the result to a name instead"
        )
