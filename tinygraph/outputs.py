"""Operations with several outputs: the node of each output, and the cotangents gathered again."""

from __future__ import annotations

from typing import Any

import numpy as np

from .node import Node, clock
from .primitive import Primitive
from .tensor import Tensor, new, untracked


class Bundle:
    """Cotangents of an operation with several outputs, by position; those used so far."""

    __slots__ = ("cts", "dtype", "shape")

    cts: dict[int, Any]
    shape: Any
    dtype: Any

    @classmethod
    def of(cls, cts: dict[int, Any], shape: Any, dtype: Any) -> Bundle:
        """The bundle for outputs of these shapes and dtypes."""
        bundle = cls()
        bundle.cts, bundle.shape, bundle.dtype = cts, shape, dtype
        return bundle

    def filled(self) -> list[Any]:
        """The cotangents, with zeros for those that nothing used."""
        cts = self.cts
        return [
            cts[i] if i in cts else np.broadcast_to(dtype.type(0), shape)
            for i, (shape, dtype) in enumerate(zip(self.shape, self.dtype, strict=True))
        ]

    def __add__(self, other: Bundle) -> Bundle:
        total = Bundle.of(dict(self.cts), self.shape, self.dtype)
        total += other
        return total

    def __iadd__(self, other: Bundle) -> Bundle:
        # Only what the other holds, so that gathering n outputs takes n steps.
        cts = self.cts
        for i, ct in other.cts.items():
            cts[i] = cts[i] + ct if i in cts else ct
        return self


def is_unused(ct: Any) -> bool:
    """Whether a cotangent is what `filled` puts in for an output that nothing used."""
    return isinstance(ct, np.ndarray) and not any(ct.strides) and not ct.any()


def _rule(ct: Any, index: int, shape: Any, dtype: Any) -> Bundle:
    return Bundle.of({index: ct}, shape, dtype)


def output(values: Any, index: int) -> Any:
    """One output of an operation that has several."""
    return values[index]


_OUTPUT = Primitive(output, output, {"values": _rule}).pullback("values")


def select(node: Node, index: int, value: Any) -> Tensor:
    """The tensor of one output of a node; integers and booleans are not tracked."""
    dtype = value.dtype
    if dtype.kind not in "fc":
        return untracked(value)
    own = Node()
    own.pullback = _OUTPUT
    own.parent = node
    own.kept = None
    own.params = (index,)
    own.shape = shape = value.shape
    own.dtype = dtype
    own.order = next(clock)
    own.value = None if shape else value
    out = new(Tensor)
    out.value = value
    out.node = own
    return out


def outputs_of(y: Any, node: Node | None = None) -> tuple[Tensor, ...]:
    """The outputs of an operation that has more than one."""
    if node is None:
        return tuple([untracked(part) for part in y])
    node.shape = tuple([part.shape for part in y])
    node.dtype = tuple([part.dtype for part in y])
    node.value = None
    return tuple([select(node, i, part) for i, part in enumerate(y)])


def places(values: Any, node: Node) -> list[Tensor]:
    """The outputs again, at their places in the graph."""
    return [select(node, i, value) for i, value in enumerate(values)]
