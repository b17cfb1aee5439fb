"""A graph as text in Graphviz's DOT language.

How to read the picture, also without its colours: leaves are sharp boxes, operations rounded ones,
outputs have a double border, constants a dashed one or, as bare numbers, none. Operands enter an
operation in order, the first at the top (at the left where the picture runs downward).
"""

from __future__ import annotations

import html
import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Literal, TypeAlias

from ..graph import Graph, GraphEdge, GraphNode

Direction: TypeAlias = Literal["LR", "TB"]

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

TABLE = '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">{}</TABLE>'
LONGEST = 32  # characters of a name
MOST_PORTS = 12  # operands that each enter an operation at a place of their own
USUAL_DTYPES = {"float64", "int64", "bool"}  # as in the repr of a tensor


def dot_text(graph: Graph, direction: Direction, dpi: int | None = None) -> str:
    """The picture of the whole graph."""
    operands: defaultdict[int, list[GraphEdge]] = defaultdict(list)
    for edge in graph.edges:
        operands[edge.target].append(edge)
    titles = _output_titles(graph)
    resolution = f", dpi={dpi}" if dpi else ""
    lines = [
        "digraph tinygraph {",
        f"  graph [rankdir={direction}, nodesep=0.22, ranksep=0.4, pad=0.12, bgcolor=white"
        f"{resolution}]",
        f'  node [shape=box, margin=0, width=0, height=0, fontname="{FONT}", fontsize=14, '
        f'fontcolor="{INK}"]',
        f'  edge [color="{SOFT}", arrowsize=0.65]',
    ]
    for node in graph.nodes:
        lines.append(_node(node, titles.get(node.id), operands[node.id], direction))
    side = "w" if direction == "LR" else "n"
    for node in graph.nodes:
        for edge in operands[node.id]:
            port = f":p{edge.position}:{side}" if _has_ports(operands[node.id]) else ""
            lines.append(f"  n{edge.source} -> n{edge.target}{port}")
    return "\n".join([*lines, "}", ""])


def _output_titles(graph: Graph) -> dict[int, str]:
    """What the outputs are called: by their names, or as outputs."""
    ids = list(dict.fromkeys(graph.outputs))
    return {
        i: clean(graph.nodes[i].name) or ("output" if len(ids) == 1 else f"output {k}")
        for k, i in enumerate(ids)
    }


def _node(
    node: GraphNode, output: str | None, operands: list[GraphEdge], direction: Direction
) -> str:
    name = output or clean(node.name)
    if node.kind == "constant" and node.value is not None and not name:
        look, label = "number", _font(short(node.value), SOFT)
    else:
        look, label = node.kind, _box(node, name, operands, direction)
        if output:
            look = "output leaf" if node.kind == "leaf" else "output"
    return f'  n{node.id} [{LOOKS[look]}, tooltip="{_tooltip(node, name)}", label=<{label}>]'


# What stands in a box


def _box(node: GraphNode, name: str, operands: list[GraphEdge], direction: Direction) -> str:
    """The forward part, with places for the operands to enter; below a line, the gradient."""
    lines = [line for line in (_title(node, name), _value(node)) if line]
    forward, backward = "<BR/>".join(lines), _gradient(node)
    if _has_ports(operands):
        forward = _with_ports(forward, operands, direction)
        rows = f"<TR><TD>{forward}</TD></TR>"
    else:
        rows = f'<TR><TD CELLPADDING="6">{forward}</TD></TR>'
    if backward:
        rows += f'<HR/><TR><TD CELLPADDING="4">{backward}</TD></TR>'
    return TABLE.format(rows)


def _title(node: GraphNode, name: str) -> str:
    bold = f"<B>{html.escape(name)}</B>" if name else ""
    if node.kind != "operation":
        return bold
    params = f"({clean(node.params)})" if node.params else ""
    operation = html.escape(clean(node.label)) + (_font(params, SOFT, 12) if params else "")
    return f"{bold} = {operation}" if bold else operation


def _value(node: GraphNode) -> str:
    """The value of a scalar; of an array its shape; the dtype where it is not the usual one."""
    if node.kind == "operation" and isinstance(node.dtype, tuple):
        return _font(f"{len(node.dtype)} outputs", SOFT, 12)
    dtype = "" if str(node.dtype) in USUAL_DTYPES else " " + _font(str(node.dtype), SOFT, 10)
    if node.value is not None:
        return short(node.value) + dtype
    return _font(str(node.shape), SOFT, 12) + dtype


def _gradient(node: GraphNode) -> str:
    """The gradient, or that there is none yet; nothing where none is kept."""
    if node.gradient is not None:
        return _font(f"grad {short(node.gradient)}", BACKWARD, 12)
    if node.gradient_norm is not None:
        return _font(f"‖grad‖ {short(node.gradient_norm)}", BACKWARD, 12)
    if node.kind == "leaf" or (node.kind == "operation" and node.value is not None):
        return f"<I>{_font('grad not computed', SOFT, 10)}</I>"
    return ""


def _font(text: str, color: str, size: int = 14) -> str:
    return f'<FONT COLOR="{color}" POINT-SIZE="{size}">{html.escape(text)}</FONT>'


# Where operands enter


def _has_ports(operands: list[GraphEdge]) -> bool:
    return 1 < len(operands) <= MOST_PORTS


def _with_ports(forward: str, operands: list[GraphEdge], direction: Direction) -> str:
    """The forward part with a cell for each operand to enter at, in their order."""
    cells = [
        f'<TD PORT="p{edge.position}" WIDTH="8" HEIGHT="6" ALIGN="LEFT" CELLPADDING="1">{hint}</TD>'
        for edge, hint in zip(operands, _hints(operands), strict=True)
    ]
    count = len(cells)
    if direction == "TB":
        below = f'<TR><TD COLSPAN="{count}" CELLPADDING="6">{forward}</TD></TR>'
        return TABLE.format(f"<TR>{''.join(cells)}</TR>{below}")
    span = f'ROWSPAN="{count}"'
    beside = f'<TD {span} CELLPADDING="6">{forward}</TD><TD {span} WIDTH="6"></TD>'
    rows = [cells[0] + beside, *cells[1:]]
    return TABLE.format("".join(f"<TR>{row}</TR>" for row in rows))


def _hints(operands: list[GraphEdge]) -> Iterator[str]:
    """Names of the operands, where they say more than a, b, x, y or their number would."""
    names = [edge.operand for edge in operands]
    telling = all("[" not in name for name in names) and any(len(name) > 1 for name in names)
    for name in names:
        yield _font(name, SOFT, 9) if telling else ""


# Words and numbers


def clean(text: str | None) -> str:
    """Text on one line, without what cannot be shown, and not too long."""
    words = "".join(
        " " if c.isspace() else c if c.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for c in str(text or "")
    ).split()
    line = " ".join(words)
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def short(x: complex) -> str:
    """A number in at most six significant digits: 33, 0.1, 1.2346e-5, 3-4j."""
    if isinstance(x, bool):
        return str(x)
    if isinstance(x, complex):
        imaginary = short(x.imag)
        return f"{short(x.real)}{'' if imaginary[0] == '-' else '+'}{imaginary}j"
    if math.isfinite(x) and x == round(x) and abs(x) < 1e6:
        return str(round(x))
    try:
        digits = f"{x:.5g}"
    except OverflowError:  # an integer beyond floating point
        return clean(str(x))
    mantissa, e, exponent = digits.partition("e")
    return f"{mantissa}e{int(exponent)}" if e else digits


def _tooltip(node: GraphNode, name: str) -> str:
    """What hovering shows: everything in full."""
    what = node.operation or node.kind
    lines = [f"{name}: {what}" if name else what]
    if not isinstance(node.dtype, tuple):
        lines.append(f"shape {node.shape}, {node.dtype}")
    if node.value is not None:
        lines.append(f"value {node.value}")
    if node.gradient is not None:
        lines.append(f"grad {node.gradient}")
    text = html.escape("\n".join(lines), quote=False)
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
