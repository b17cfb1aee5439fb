"""What the operations of a graph cost: floating-point operations, and bytes kept for backward."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..node import RELEASED, Node
from ..primitive import Primitive
from ..tensor import Tensor

# Of a numeric operand: its bytes are not those of an array.
NUMBER: tuple[Any, Any] = ((), None)


def flops_of(
    primitive: Primitive,
    shape: Any,
    operands: tuple[tuple[str, Any], ...],
    params: tuple[Any, ...],
) -> int:
    """Of one call: as the operation declares them, else by the sizes of its arrays.

    shape: of the result, a tuple of them where it has several outputs.
    operands: their names and shapes, in order.
    """
    declared = primitive.flops
    if declared is None:
        results = shape if primitive.several else (shape,)
        sizes = [math.prod(s) for s in results]
        if not primitive.elementwise:
            sizes += [math.prod(s) for _, s in operands if _is_shape(s)]
        return max(sizes, default=0)
    if isinstance(declared, int):
        return declared
    known = dict(zip(primitive.static, params)) | {"shape": shape}
    if primitive.sequence:
        known["shapes"] = [s for _, s in operands]
    else:
        shapes = dict(operands)
        known |= {f"{name}_shape": shapes.get(name) for name in primitive.operands}
    return int(declared.function(*[known[name] for name in declared.asks]))


def _is_shape(shape: Any) -> bool:
    return all(isinstance(size, int) for size in shape)


def array_bytes(shape: Any, dtype: Any) -> int:
    """The size of an array; of several outputs, together; of a Python number, nothing."""
    if dtype is None:
        return 0
    if type(dtype) is tuple:
        return sum(map(array_bytes, shape, dtype))
    return int(math.prod(shape) * dtype.itemsize)


class Kept:
    """Counts the arrays that nodes keep for backward, each where it is first met."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def bytes_of(self, node: Node) -> int:
        """What a node is the first to keep."""
        pullback: Any = node.pullback
        primitive = pullback.primitive
        total = 0
        if pullback.keeps and node.kept is not RELEASED:
            sequence = primitive.sequence
            parents = {} if sequence else dict(zip(pullback.tracked, node.parents))
            for name, kept in zip(pullback.keeps, node.residuals):
                parent = parents.get(name)
                if parent is not None and parent.pullback is None:
                    continue
                if isinstance(kept, (np.ndarray, np.generic)):
                    total += self._new(kept)
                else:
                    total += self._add(kept, node if name == sequence else None)
        for kept in node.params[: len(primitive.static)]:
            if kept is not None and type(kept) not in _PLAIN:
                total += self._add(kept, None)
        return total

    def _add(self, kept: Any, sequence: Node | None) -> int:
        if sequence is not None:
            pullback: Any = sequence.pullback
            positions = sequence.params[len(pullback.primitive.static)]
            parents = zip(positions, sequence.parents)
            leaves = {i for i, parent in parents if parent.pullback is None}
            kept = [array for i, array in enumerate(kept) if i not in leaves]
        return sum(self._new(array) for array in arrays_of(kept))

    def _new(self, array: Any) -> int:
        """The bytes of an array, or of what it is a view of, if that was not met before."""
        while isinstance(array.base, np.ndarray):
            array = array.base
        if type(array) is np.ndarray and not array.ndim:
            return 0  # a Python number of the program, and cached
        seen = self._seen
        before = len(seen)
        seen.add(id(array))
        size: int = array.nbytes if len(seen) > before else 0
        return size


_PLAIN = frozenset({int, float, bool, str, complex, slice, np.dtype})


def arrays_of(kept: Any) -> Iterator[Any]:
    """The arrays among what is kept."""
    if type(kept) is Tensor:
        if kept.node is not None and kept.is_leaf:
            return
        kept = kept.value
    if isinstance(kept, (np.ndarray, np.generic)):
        yield kept
    elif isinstance(kept, (list, tuple)):
        for item in kept:
            yield from arrays_of(item)
    elif hasattr(kept, "frozen"):  # the arguments of a checkpointed call
        yield from arrays_of(kept.frozen)
    elif isinstance(kept, dict):
        yield from arrays_of(list(kept.values()))
