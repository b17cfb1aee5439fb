"""Operations with several outputs: the node of each output, and the cotangents gathered again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .node import Node, clock
from .primitive import Primitive
from .tensor import Tensor, untracked, with_node

if TYPE_CHECKING:
    from collections.abc import Iterable


class Bundle(tuple[Any, ...]):
    """Cotangents of an operation with several outputs; None for those that nothing used."""

    shape: Any
    dtype: Any

    @classmethod
    def of(cls, items: Iterable[Any], shape: Any, dtype: Any) -> Bundle:
        """The bundle for outputs of these shapes and dtypes."""
        bundle = cls(items)
        bundle.shape, bundle.dtype = shape, dtype
        return bundle

    def filled(self) -> list[Any]:
        """The cotangents, with zeros for those that nothing used."""
        return [
            np.zeros(shape, dtype) if ct is None else ct
            for ct, shape, dtype in zip(self, self.shape, self.dtype, strict=True)
        ]

    def __add__(self, other: Any) -> Bundle:
        pairs = zip(self, other, strict=True)
        total = (b if a is None else a if b is None else a + b for a, b in pairs)
        return Bundle.of(total, self.shape, self.dtype)


def _rule(ct: Any, index: int, shape: Any, dtype: Any) -> Bundle:
    return Bundle.of((ct if i == index else None for i in range(len(shape))), shape, dtype)


def output(values: Any, index: int) -> Any:
    """One output of an operation that has several."""
    return values[index]


_OUTPUT = Primitive(output, output, {"values": _rule}).pullback("values")


def select(node: Node, index: int, value: Any) -> Tensor:
    """The tensor of one output of a node; integers and booleans are not tracked."""
    if value.dtype.kind not in "fc":
        return untracked(value)
    own = Node()
    own.pullback = _OUTPUT
    own.parent = node
    own.kept = None
    own.params = (index,)
    own.shape, own.dtype = value.shape, value.dtype
    own.order = next(clock)
    own.value = None if own.shape else value
    return with_node(value, own)
