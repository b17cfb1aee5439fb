"""Graph: a computation as nodes and edges, a value to walk, compare and draw."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Iterator
from dataclasses import dataclass
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from .errors import ArgumentError
from .node import Node
from .tensor import Tensor

if TYPE_CHECKING:
    from .primitive import Primitive
    from .render import picture

SHOWN = 4  # items of a list among the static arguments
Kind: TypeAlias = Literal["leaf", "constant", "operation"]


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One node of a `Graph`: a leaf, an operation, or an operand that is not differentiated.

    id             its position in `Graph.nodes`, larger than those of its operands
    kind           "leaf": gradients are kept here; "constant": none flow here; "operation"
    label          what stands on the picture: the symbol of an operation; else name, value or shape
    operation      how it was computed, "multiply" or "split[1]"; None unless kind is "operation"
    name           given by the user, or None
    shape          of the value; a tuple of shapes where an operation has several outputs
    dtype          its name, likewise; None for a Python number, which adapts to what it meets
    value          of a scalar, a Python number; else None
    gradient       of a scalar, a Python number; None elsewhere, and where it was not computed
    gradient_norm  Euclidean norm of the gradient, of any shape; None where it was not computed
    params         the static arguments that differ from their defaults: "axis=0"
    """

    id: int
    kind: Kind
    label: str
    operation: str | None = None
    name: str | None = None
    shape: tuple[Any, ...] = ()
    dtype: str | tuple[str, ...] | None = None
    value: complex | None = None
    gradient: complex | None = None
    gradient_norm: float | None = None
    params: str = ""


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """A value on its way: from the node that made it to an operand of the node that uses it.

    position, operand: which operand it is, counted from 0, and its name.
    """

    source: int
    target: int
    position: int
    operand: str


@dataclass(frozen=True, slots=True, repr=False)
class Graph:
    """What some tensors were computed from, as it was when `tg.graph` was called.

    nodes    in topological order; `nodes[i].id == i`
    edges    one per use of a value: `w * w` has two
    outputs  ids of the tensors that were asked for, in that order

    It holds no array, and nothing of it changes: after `backward()`, take a new one.
    """

    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    outputs: tuple[int, ...]

    if TYPE_CHECKING:  # drawing, one floor up, hangs these on
        to_dot = picture.to_dot
        render = picture.render
        _repr_mimebundle_ = picture.mimebundle

    @property
    def inputs(self) -> tuple[int, ...]:
        """Ids of the leaves: what the outputs can be differentiated with respect to."""
        return tuple([node.id for node in self.nodes if node.kind == "leaf"])

    def __len__(self) -> int:
        return len(self.nodes)

    def __repr__(self) -> str:
        kinds = [node.kind for node in self.nodes]
        names: tuple[Kind, ...] = ("leaf", "constant", "operation")
        plurals = {"leaf": "leaves"}
        counts = [(kinds.count(kind), kind) for kind in names]
        words = [
            f"{n:,} {kind if n == 1 else plurals.get(kind, kind + 's')}" for n, kind in counts if n
        ]
        outputs = ", ".join(self.nodes[i].name or self.nodes[i].label for i in self.outputs)
        return f"<Graph of {outputs}: {', '.join(words)}>"


def graph(*outputs: Tensor) -> Graph:
    """The computation that led to these tensors, to walk or to draw.

    Gradients on it are what the last `backward()` left: leaves keep theirs, and so do scalars on
    the way. Arrays on the way do not.
    Raises ArgumentError for anything but tensors that require grad.

    >>> w = tg.Variable(0.0, name="w")
    >>> J = w * w - 10 * w + 25
    >>> tg.graph(J)
    <Graph of +: 1 leaf, 2 constants, 4 operations>
    """
    roots = _nodes_of(outputs)
    builder = _Builder()
    # Numbers grow as nodes are made: sorting by them puts operands before what uses them.
    for node in sorted(_reachable(roots), key=lambda node: node.order):
        builder.add(node)
    return Graph(
        tuple(builder.nodes), tuple(builder.edges), tuple([builder.ids[root] for root in roots])
    )


def _nodes_of(outputs: tuple[Tensor, ...]) -> list[Node]:
    if not outputs:
        raise ArgumentError("graph: nothing to draw; give it a result, as in tg.graph(loss)")
    nodes = []
    for output in outputs:
        if type(output) is not Tensor:
            raise ArgumentError(
                f"graph: {type(output).__name__} is not a Tensor; give it results of operations "
                "on tensors, as in tg.graph(loss), and several as tg.graph(*results)"
            )
        if output.node is None:
            raise ArgumentError(
                f"graph: {output.described()} does not require grad: nothing it was computed from "
                "does, or it was computed under tg.no_grad(), or detached, so no graph was "
                "recorded; make the inputs with tg.Variable(...)"
            )
        nodes.append(output.node)
    return nodes


def _reachable(roots: list[Node]) -> set[Node]:
    found = set(roots)
    stack = list(found)
    while stack:
        for parent in stack.pop().parents:
            if parent not in found:
                found.add(parent)
                stack.append(parent)
    return found


class _Builder:
    """Takes nodes, operands first."""

    def __init__(self) -> None:
        self.nodes: list[GraphNode] = []
        self.edges: list[GraphEdge] = []
        self.ids: dict[Node, int] = {}

    def add(self, node: Node) -> None:
        """Enter a node, its constants before it, and the edges to it."""
        sources: list[tuple[str, int]] = []
        if node.pullback is not None:
            for name, operand in node.pullback.operands(node):
                known = type(operand) is Node
                sources.append((name, self.ids[operand] if known else self.add_constant(operand)))
        own = self.ids[node] = len(self.nodes)
        self.nodes.append(_record(node, own))
        for position, (name, source) in enumerate(sources):
            self.edges.append(GraphEdge(source, own, position, name))

    def add_constant(self, operand: Any) -> int:
        """Enter an operand that is not differentiated: a number, or what is known of an array."""
        if type(operand) is tuple:
            name, shape, dtype, value = operand
        else:
            name, shape, dtype, value = None, (), None, operand
        own, value = len(self.nodes), number(value)
        label = _label(name, shape, value)
        self.nodes.append(
            GraphNode(
                id=own,
                kind="constant",
                label=label,
                name=name,
                shape=shape,
                dtype=None if dtype is None else _dtype_name(dtype),
                value=value,
            )
        )
        return own


def _record(node: Node, own: int) -> GraphNode:
    value = number(node.value)
    gradient, norm = _gradient(node)
    pullback = node.pullback
    if pullback is None:
        kind: Kind = "leaf"
        label, operation, params = _label(node.name, node.shape, value), None, ""
    else:
        kind, operation = "operation", node.operation
        label, params = _call(pullback.primitive, node)
    return GraphNode(
        id=own,
        kind=kind,
        label=label,
        operation=operation,
        name=node.name,
        shape=node.shape,
        dtype=_dtype_name(node.dtype),
        value=value,
        gradient=gradient,
        gradient_norm=norm,
        params=params,
    )


@functools.cache
def _dtype_name(dtype: Any) -> str | tuple[str, ...]:
    return tuple(map(str, dtype)) if type(dtype) is tuple else str(dtype)


def _label(name: str | None, shape: tuple[int, ...], value: complex | None) -> str:
    return name or (str(shape) if value is None else str(value))


def _gradient(node: Node) -> tuple[complex | None, float | None]:
    """The gradient of a scalar, and the norm of any."""
    gradient = node.grad.value if type(node.grad) is Tensor else node.grad
    if gradient is None:
        return None, None
    if node.shape == ():
        scalar = number(gradient)
        return scalar, math.hypot(scalar.real, scalar.imag)
    wide = np.asarray(gradient, np.complex128 if gradient.dtype.kind == "c" else np.float64).ravel()
    peak = float(np.max(np.abs(wide), initial=0.0))
    if peak == 0 or not math.isfinite(peak):
        return None, peak
    return None, peak * float(np.linalg.norm(wide / peak))  # squares of 1e200 would overflow


def number(value: Any) -> Any:
    """A NumPy scalar as a Python number."""
    if not isinstance(value, (np.generic, np.ndarray)):
        return value
    if value.dtype.kind in "fc":  # item() would leave a long double as it is
        return complex(value) if value.dtype.kind == "c" else float(value)
    return value.item()


def _call(primitive: Primitive, node: Node) -> tuple[str, str]:
    """The label of a call, and its static arguments that differ from their defaults."""
    label, words = primitive.label, []
    if len(node.parents) == 1 and type(node.parents[0].dtype) is tuple:
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
