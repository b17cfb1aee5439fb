"""A graph as text in Graphviz's DOT language.

How to read the picture, also without its colours: leaves are sharp boxes, operations rounded ones,
outputs have a double border, constants a dashed one or, as bare numbers, none. Operands enter an
operation in order, the first at the top (at the left where the picture runs downward).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, TypeAlias

from ..graph import Graph, GraphEdge, GraphNode

Direction: TypeAlias = Literal["LR", "TB"]

# As html.escape, whose module takes long to load.
ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})
FONT = "Helvetica,Arial,sans-serif"
INK, SOFT, BACKWARD = "#1F2328", "#5C636B", "#B3261E"
SHARP, ROUNDED = "style=filled", 'style="rounded,filled"'
LOOKS = {
    "leaf": f'{SHARP}, fillcolor="#E4EFFB", color="#2F6DB5"',
    "operation": f'{ROUNDED}, fillcolor="#FFFFFF", color="#4A5058"',
    "output": f'{ROUNDED}, fillcolor="#FFF3D1", color="#8A6100", peripheries=2',
    "output leaf": f'{SHARP}, fillcolor="#FFF3D1", color="#8A6100", peripheries=2',
    "constant": 'style=dashed, color="#8B929A"',
    "number": "penwidth=0",
}

LONGEST = 32  # characters of a name
MOST_PORTS = 12  # operands that each enter an operation at a place of their own
USUAL_DTYPES = {"float64", "int64", "bool"}  # as in the repr of a tensor


class Item(NamedTuple):
    """A node, and what of its surroundings it takes to draw it."""

    node: GraphNode
    name: str
    is_output: bool
    edges: list[GraphEdge]
    sources: list[GraphNode]

    @property
    def has_ports(self) -> bool:
        """Whether each operand enters at a place of its own."""
        return 1 < len(self.edges) <= MOST_PORTS

    @property
    def look(self) -> str:
        """The entry of LOOKS."""
        kind = self.node.kind
        if self.is_output:
            return "output leaf" if kind == "leaf" else "output"
        bare = kind == "constant" and self.node.value is not None and not self.name
        return "number" if bare else kind


def dot_text(graph: Graph, direction: Direction, dpi: int | None = None) -> str:
    """The picture of the whole graph."""
    resolution = f", dpi={dpi}" if dpi else ""
    lines = [
        "digraph tinygraph {",
        f"  graph [rankdir={direction}, nodesep=0.22, ranksep=0.4, pad=0.12, bgcolor=white"
        f"{resolution}]",
        f'  node [shape=box, margin=0, width=0, height=0, fontname="{FONT}", fontsize=14, '
        f'fontcolor="{INK}"]',
        f'  edge [color="{SOFT}", arrowsize=0.65]',
    ]
    items = _items(graph)
    for item in items:
        label = (
            _font(short(item.node.value), SOFT) if item.look == "number" else _box(item, direction)
        )
        lines.append(
            f'  n{item.node.id} [{LOOKS[item.look]}, tooltip="{_tooltip(item)}", label=<{label}>]'
        )
    side = "w" if direction == "LR" else "n"
    for item in items:
        for edge in item.edges:
            port = f":p{edge.position}:{side}" if item.has_ports else ""
            lines.append(
                f'  n{edge.source} -> n{edge.target}{port} [tooltip="operand {edge.operand}"]'
            )
    return "\n".join([*lines, "}", ""])


def _items(graph: Graph) -> list[Item]:
    edges: list[list[GraphEdge]] = [[] for _ in graph.nodes]
    for edge in graph.edges:
        edges[edge.target].append(edge)
    outputs = list(dict.fromkeys(graph.outputs))
    items = []
    for node, own in zip(graph.nodes, edges, strict=True):
        name, is_output = clean(node.name), node.id in outputs
        if is_output and not name:
            name = "output" if len(outputs) == 1 else f"output {outputs.index(node.id)}"
        sources = [graph.nodes[edge.source] for edge in own]
        items.append(Item(node, name, is_output, own, sources))
    return items


# What stands in a box


def _box(item: Item, direction: Direction) -> str:
    """The forward part, with places for the operands to enter; below a line, the gradient."""
    rows = "".join(_row(line, 1) for line in (_title(item), _value(item)) if line)
    forward = _table(rows, spacing=2)
    if item.has_ports:
        forward = _with_ports(forward, item, direction)
    else:
        forward = _table(_row(forward, 3))
    backward = _gradient(item.node)
    if not backward:
        return forward
    return _table(f"{_row(forward)}<HR/>{_row(backward, 4)}")


def _title(item: Item) -> str:
    name, node = f"<B>{_escaped(item.name)}</B>" if item.name else "", item.node
    if node.kind != "operation":
        return name
    operation = _escaped(clean(node.label))
    if node.params:
        operation += _font(f"({clean(node.params)})", SOFT, 12)
    return f"{name} = {operation}" if name else operation


def _value(item: Item) -> str:
    """The value of a scalar; of an array its shape; the dtype where it is unusual or changes."""
    node = item.node
    if isinstance(node.dtype, tuple):
        return _font(f"{len(node.dtype)} outputs", SOFT, 12)
    value = _font(str(node.shape), SOFT, 12) if node.value is None else short(node.value)
    if node.kind == "operation":
        telling = any(dtype != node.dtype for dtype in _floating(item.sources))
    else:
        telling = node.dtype is not None and node.dtype not in USUAL_DTYPES
    return f"{value} {_font(str(node.dtype), SOFT, 10)}" if telling else value


def _floating(nodes: list[GraphNode]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node.dtype, str) and node.dtype.startswith(("float", "complex")):
            yield node.dtype


def _gradient(node: GraphNode) -> str:
    """The gradient, or that there is none yet; nothing where none is kept."""
    if node.gradient is not None:
        return _font(f"grad {short(node.gradient)}", BACKWARD, 12)
    if node.gradient_norm is not None:
        return _font(f"‖grad‖ {short(node.gradient_norm)}", BACKWARD, 12)
    if node.kind == "leaf" or (node.kind == "operation" and node.value is not None):
        return f"<I>{_font('grad not computed', SOFT, 10)}</I>"
    return ""


def _with_ports(forward: str, item: Item, direction: Direction) -> str:
    """The forward part with a cell for each operand to enter at, in their order."""
    cells = [
        f'<TD PORT="p{edge.position}" WIDTH="8" HEIGHT="6" ALIGN="LEFT">{hint}</TD>'
        for edge, hint in zip(item.edges, _hints(item.edges), strict=True)
    ]
    count = len(cells)
    if direction == "TB":
        below = f'<TR><TD COLSPAN="{count}" CELLPADDING="3">{forward}</TD></TR>'
        return _table(f"<TR>{''.join(cells)}</TR>{below}")
    span = f'ROWSPAN="{count}"'
    beside = f'<TD {span} CELLPADDING="3">{forward}</TD><TD {span} WIDTH="8"></TD>'
    rows = [cells[0] + beside, *cells[1:]]
    return _table("".join(f"<TR>{row}</TR>" for row in rows))


def _hints(edges: list[GraphEdge]) -> Iterator[str]:
    """Names of the operands, where they say more than a and b, or their number, would."""
    names = [edge.operand for edge in edges]
    telling = all("[" not in name for name in names) and any(len(name) > 1 for name in names)
    for name in names:
        yield _font(f" {name} ", SOFT, 9) if telling else ""


def _table(rows: str, spacing: int = 0) -> str:
    return (
        f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="{spacing}" CELLPADDING="0">{rows}</TABLE>'
    )


def _row(content: str, padding: int = 0) -> str:
    return f'<TR><TD CELLPADDING="{padding}">{content}</TD></TR>'


def _font(text: str, color: str, size: int = 14) -> str:
    return f'<FONT COLOR="{color}" POINT-SIZE="{size}">{_escaped(text)}</FONT>'


def _escaped(text: str) -> str:
    # Graphviz would put a node's name for \N, even in HTML.
    return text.translate(ENTITIES).replace("\\", "\\\\")


# Words and numbers


def clean(text: str | None) -> str:
    """Text on one line, without what cannot be shown, and not too long."""
    words = "".join(
        " " if c.isspace() else c if c.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for c in str(text or "")
    ).split()
    line = " ".join(words)
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def short(x: Any) -> str:
    """A number in five or six significant digits: 33, 0.1, 1.2346e-5, 3-4j."""
    if isinstance(x, bool):
        return str(x)
    if isinstance(x, complex):
        imaginary = short(x.imag)
        return f"{short(x.real)}{'' if imaginary[0] == '-' else '+'}{imaginary}j"
    try:
        if math.isfinite(x) and x == round(x) and abs(x) < 1e6:
            return str(round(x))
        digits = f"{x:.5g}"
    except OverflowError:  # an integer beyond floating point
        return clean(str(x))
    mantissa, e, exponent = digits.partition("e")
    return f"{mantissa}e{int(exponent)}" if e else digits


def _tooltip(item: Item) -> str:
    """What hovering shows: the numbers in full."""
    node = item.node
    what = node.operation or node.kind
    lines = [f"{item.name}: {what}" if item.name else what]
    if node.dtype is not None and not isinstance(node.dtype, tuple):
        lines.append(f"shape {node.shape}, {node.dtype}")
    if node.value is not None:
        lines.append(f"value {node.value}")
    if node.gradient is not None:
        lines.append(f"grad {node.gradient}")
    # Here Graphviz reads backslashes twice.
    text = "\n".join(lines).translate(ENTITIES).replace("\\", 4 * "\\")
    return text.replace("\n", "\\n")
