"""Filling the columns of a graph, node by node."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..node import RELEASED, Node
from ..recording import NOTES, Noted, Record, norm
from ..tensor import Tensor
from ..tracing import Site, Trace
from .columns import CONSTANT, LEAF, OPERATION, PARAMETER, Columns, Signature
from .costs import NUMBER, Kept, array_bytes, flops_of
from .labels import call_label, dtype_name, number


class Builder:
    """Takes nodes, operands first, and fills columns."""

    def __init__(self, names: dict[Node, str], arrays: dict[int, str]) -> None:
        self.ids: dict[Node, int] = {}
        self._named, self._arrays = names, arrays
        self._kept = Kept()
        self._table: dict[Signature, int] = {}
        self._like: dict[Any, int] = {}  # from what a call's signature hangs on, to its number
        self._kinds = bytearray()
        self._signatures: list[int] = []
        self._starts: list[int] = [0]
        self._sources: list[int] = []
        self._bytes: list[int] = []
        self._order: list[int] = []
        self._names: dict[int, str] = {}
        self._values: dict[int, Any] = {}
        self._gradients: dict[int, tuple[Any, float | None]] = {}
        self._sites: dict[int, Site] = {}
        self._records: dict[int, Record] = {}

    def add(self, node: Node) -> None:
        """Enter a node, its constants before it, and the edges to it."""
        pullback: Any = node.pullback
        if pullback is None:
            kind = PARAMETER if node.is_parameter else LEAF
            self._enter(node, kind, self._plain(node.shape, node.dtype), 0)
            return
        primitive = pullback.primitive
        if not pullback.constants and primitive.sequence is None:
            parents = node.parents
            sources = [self.ids[parent] for parent in parents]
            if primitive.static:
                signature = self._call(node, tuple(zip(pullback.tracked, parents)))
            else:
                signature = self._like_call(node, pullback, parents)
        else:
            operands = pullback.operands(node)
            sources = [
                self.ids[x] if type(x) is Node else self._constant(node, name, x)
                for name, x in operands
            ]
            if primitive.static:
                signature = self._call(node, tuple(operands))
            else:
                signature = self._simple_call(node, pullback, operands)
        kept = self._kept.bytes_of(node) if pullback.keeps or primitive.static else 0
        self._sources += sources
        self._enter(node, OPERATION, signature, kept)

    def _enter(self, node: Node, kind: int, signature: int, kept: int) -> None:
        own = self.ids[node] = len(self._signatures)
        self._append(kind, signature, kept, node.order)
        # Not by the properties, which take longer where nothing was written.
        name = self._named.get(node) if self._named else None
        name = name or getattr(node, "_name", None)
        if name:
            self._names[own] = name
        value = node.value
        if value is not None:
            self._values[own] = float(value) if type(value) is np.float64 else number(value)
        gradient = getattr(node, "_grad", None)
        if gradient is not None:
            self._gradients[own] = _gradient(node, gradient)
        trace = getattr(node, "_trace", None)
        if trace is not None:
            self._traced(own, node, trace)

    def _traced(self, own: int, node: Node, trace: Trace) -> None:
        """Enter what was noted of a node."""
        if trace.site is not None:
            self._sites[own] = trace.site
        noted: Noted | None = trace.notes.get((NOTES, node.order))
        if noted is not None:
            self._records[own] = noted.record

    def _append(self, kind: int, signature: int, kept: int, order: int) -> None:
        self._kinds.append(kind)
        self._signatures.append(signature)
        self._starts.append(len(self._sources))
        self._bytes.append(kept)
        self._order.append(order)

    def _constant(self, node: Node, operand: str, given: Any) -> int:
        """Enter an operand that is not differentiated: a number, or what is known of an array."""
        if type(given) is tuple:
            name, shape, dtype, value = given
        else:
            name, shape, dtype, value = None, (), None, given
        own = len(self._signatures)
        self._append(CONSTANT, self._plain(shape, dtype), 0, 0)
        if shape and self._arrays:
            name = self._arrays.get(id(_residual(node, operand))) or name
        if name:
            self._names[own] = name
        if value is not None:
            self._values[own] = number(value)
        trace = node.trace
        if trace is not None:
            noted: Noted | None = trace.notes.get((NOTES, node.order))
            if noted is not None and operand in noted.operands:
                self._records[own] = noted.operands[operand]
        return own

    # Signatures

    def _plain(self, shape: Any, dtype: Any) -> int:
        """That of a leaf or a constant."""
        key = shape, dtype
        found = self._like.get(key)
        if found is None:
            name = None if dtype is None else dtype_name(dtype)
            found = self._like[key] = self._number(Signature(None, None, shape, name))
        return found

    # Without static arguments, a call's signature hangs on shapes and dtypes alone.

    def _like_call(self, node: Node, pullback: Any, parents: tuple[Node, ...]) -> int:
        """That of a call whose operands all have nodes."""
        key = (pullback, node.shape, node.dtype, *[(p.shape, p.dtype) for p in parents])
        found = self._like.get(key)
        if found is None:
            operands = tuple(zip(pullback.tracked, parents))
            found = self._like[key] = self._call(node, operands)
        return found

    def _simple_call(self, node: Node, pullback: Any, operands: list[tuple[str, Any]]) -> int:
        key = (pullback, node.shape, node.dtype, *[_array(x) for _, x in operands])
        found = self._like.get(key)
        if found is None:
            found = self._like[key] = self._call(node, tuple(operands))
        return found

    def _call(self, node: Node, operands: tuple[tuple[str, Any], ...]) -> int:
        pullback: Any = node.pullback
        primitive = pullback.primitive
        label, params = call_label(primitive, node)
        arrays = [(name, *_array(x)) for name, x in operands]
        shapes = tuple([(name, shape) for name, shape, _ in arrays])
        is_output = type(node.parents[0].dtype) is tuple if node.parents else False
        return self._number(
            Signature(
                node.operation,
                label,
                node.shape,
                dtype_name(node.dtype),
                params,
                tuple([name for name, _ in operands]),
                0 if is_output else flops_of(primitive, node.shape, shapes, node.params),
                0 if is_output else array_bytes(node.shape, node.dtype)
                + sum(array_bytes(shape, dtype) for _, shape, dtype in arrays),
            )
        )  # fmt: skip

    def _number(self, signature: Signature) -> int:
        return self._table.setdefault(signature, len(self._table))

    def columns(self, scope: Any) -> Columns:
        """All that was entered."""
        return Columns(
            kinds=bytes(self._kinds),
            table=tuple(self._table),
            signatures=np.array(self._signatures, np.int32),
            starts=np.array(self._starts, np.int64),
            sources=np.array(self._sources, np.int64),
            scope=scope,
            kept=np.array(self._bytes, np.int64),
            order=np.array(self._order, np.int64),
            names=self._names,
            values=self._values,
            gradients=self._gradients,
            sites=self._sites,
            records=self._records,
        )

    def operands_of(self, own: int) -> list[int]:
        """Ids of what a node was computed from."""
        return self._sources[self._starts[own] : self._starts[own + 1]]

    def __len__(self) -> int:
        return len(self._signatures)

    def kind(self, own: int) -> int:
        """LEAF, PARAMETER, CONSTANT or OPERATION."""
        return self._kinds[own]


def _array(operand: Any) -> tuple[Any, Any]:
    """Shape and dtype of an operand."""
    if type(operand) is Node:
        return operand.shape, operand.dtype
    return operand[1:3] if type(operand) is tuple else NUMBER


def _residual(node: Node, operand: str) -> Any:
    """The array that an operand was, if the node keeps it."""
    pullback: Any = node.pullback
    if node.kept is RELEASED or operand not in pullback.keeps:
        return None
    return node.residuals[pullback.keeps.index(operand)]


def _gradient(node: Node, gradient: Any) -> tuple[Any, float | None]:
    """The gradient of a scalar, and the norm of any."""
    if type(gradient) is Tensor:
        gradient = gradient.value
    elif node.pullback is not None:  # a cotangent on the way, in the engine's convention
        gradient = np.conjugate(gradient)
    if node.shape == ():
        scalar = number(gradient)
        return scalar, math.hypot(scalar.real, scalar.imag)
    return None, norm(gradient)
