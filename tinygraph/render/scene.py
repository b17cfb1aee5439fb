"""A small graph at one moment of its computation, as text in Graphviz's DOT language.

The boxes of all moments are equally large, so that Graphviz puts them at the same places: a number
that is not there yet has its place kept. Nothing that is to come stands in the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from ..graph import Graph, GraphEdge, GraphNode
from ..graph.steps import Derivatives
from .captions import Captions, number
from .dot import Direction, opening
from .markup import escaped, font, hover, row, table
from .themes import FONT, THEMES, ThemeName, look_of
from .words import clean, short

MOST_PLACES = 12  # operands that each enter at a place of their own
WIDEST = 6  # boxes in a row
ROOM = "nodesep=0.3, ranksep=0.35, pad=0.15"
LINE = 76  # characters of a caption
WIDE = 0x1100  # from here on, letters may be as wide as they are high


class Moment(NamedTuple):
    """What a step shows: which node is at work, and in which direction; None: what is given."""

    node: int | None
    backward: bool
    caption: str


@dataclass(frozen=True)
class Scene:
    """A graph, what is known of it, and the moments in which it becomes known."""

    captions: Captions
    derivatives: Derivatives
    moments: tuple[Moment, ...]
    theme: ThemeName
    direction: Direction


def scene_of(
    captions: Captions, derivatives: Derivatives, theme: ThemeName, direction: Direction | None
) -> Scene:
    """First what is given, then each operation in order, then the derivatives in the other.

    direction: None draws to the right, but downward where that would get too wide to read.
    """
    if direction is None:
        direction = "TB" if _longest_way(captions.graph) > WIDEST else "LR"
    nodes = captions.graph.nodes
    operations = [node.id for node in nodes if node.kind == "operation"]
    moments = [Moment(None, False, captions.given())]
    moments += [Moment(i, False, captions.forward(i)) for i in operations]
    moments += [
        Moment(i, True, captions.backward(i)) for i in sorted(derivatives.total, reverse=True)
    ]
    return Scene(captions, derivatives, tuple(moments), theme, direction)


def _longest_way(graph: Graph) -> int:
    """How many nodes stand in a row."""
    reach = [1] * len(graph)
    for edge in graph.edges:  # by target, so that the sources are known
        reach[edge.target] = max(reach[edge.target], reach[edge.source] + 1)
    return max(reach)


def scene_text(scene: Scene, number: int, dpi: int | None = None) -> str:
    """The picture of one moment as text."""
    return _Picture(scene, number).text(dpi)


class _Picture:
    def __init__(self, scene: Scene, number: int) -> None:
        self._scene, self._number = scene, number
        self._captions, self._derivatives = scene.captions, scene.derivatives
        self._graph, self._theme = scene.captions.graph, THEMES[scene.theme]
        self._now = scene.moments[number]
        past = scene.moments[: number + 1]
        self._computed = {m.node for m in past if not m.backward}
        self._derived = {m.node for m in past if m.backward}

    def text(self, dpi: int | None) -> str:
        *start, boxes = opening(self._theme, self._scene.direction, dpi, ROOM)
        lines = [
            *start,
            f'  fontname="{FONT}"; labelloc=t; labeljust=l; label=<{self._caption()}>',
            boxes,
            f'  edge [fontname="{FONT}", fontsize=11, arrowsize=0.65]',
            *[f"  {self._box(node)}" for node in self._graph.nodes],
            *[f"  {self._edge(i, edge)}" for i, edge in enumerate(self._graph.edges)],
            "}",
            "",
        ]
        return "\n".join(lines)

    # The caption

    def _caption(self) -> str:
        """Where we are, and what happens; each step's is as large as the largest."""
        scene, theme = self._scene, self._theme
        every = [broken(moment.caption) for moment in scene.moments]
        lines = every[self._number]
        height = max(map(len, every))
        widest = max((line for each in every for line in each), key=lambda line: width(line, 15))
        phase = "backward" if self._now.backward else "forward"
        where = f"{phase}, step {self._number + 1} of {len(scene.moments)}"
        color = theme.backward if self._now.backward else theme.ink
        rows = [f'<TD ALIGN="LEFT">{font(where, theme.soft, 12)}</TD>']
        for line in lines + [""] * (height - len(lines)):
            shown = font(line, color, 15) if line else ""
            rows.append(f'<TD ALIGN="LEFT" {_room(widest, 15)}>{shown}</TD>')
        return table("".join(f"<TR>{cell}</TR>" for cell in rows), spacing=1)

    # A box

    def _box(self, node: GraphNode) -> str:
        theme, known = self._theme, self._is_known(node)
        tip = hover(self._hover(node))
        if node.kind == "constant" and not clean(node.name):
            label = f"<TR>{_cell(short(node.value), theme.soft, 14)}</TR>"
            return (
                f'n{node.id} [{look_of(theme, "number")}, tooltip="{tip}", label=<{table(label)}>]'
            )
        look = look_of(theme, self._look(node))
        if not known:
            look += (
                f', style="{"rounded," * (node.kind == "operation")}dashed", color="{theme.frame}"'
            )
        if node.id == self._now.node:
            color = theme.backward if self._now.backward else theme.ink
            look += f', penwidth=3.5, color="{color}"'
        return f'n{node.id} [{look}, tooltip="{tip}", label=<{self._label(node, known)}>]'

    def _look(self, node: GraphNode) -> str:
        if node.is_output:
            return "output" if node.kind == "operation" else "output leaf"
        return "parameter" if node.is_parameter else node.kind

    def _is_known(self, node: GraphNode) -> bool:
        return node.kind != "operation" or node.id in self._computed

    def _label(self, node: GraphNode, known: bool) -> str:
        theme, captions = self._theme, self._captions
        ink = theme.ink if known else theme.frame
        title = f"<B>{escaped(captions.symbols[node.id])}</B>"
        if node.kind == "operation":
            title += f" = {escaped(clean(captions.expression(node)))}"
        title = f'<FONT COLOR="{ink}">{title}</FONT>'
        value = short(node.value)
        shown = _cell(value, theme.ink, 15, shown=known, bold=True)
        forward = table(f"<TR><TD>{title}</TD></TR><TR>{shown}</TR>", spacing=2)
        rows = row(self._with_places(node, forward))
        if node.id in self._derivatives.total:
            text = self._derivative(node)
            cell = _cell(text, theme.backward, 13, shown=node.id in self._derived)
            rows += f"<HR/>{row(table(f'<TR>{cell}</TR>'), 3)}"
        return table(rows)

    def _derivative(self, node: GraphNode) -> str:
        total = short(self._derivatives.total[node.id])
        return f"{self._captions.derivative(node.id)} = {total}"

    def _with_places(self, node: GraphNode, forward: str) -> str:
        """A box with a place for each operand to enter at, in their order."""
        count = len(node.operands)
        if not self._has_places(node):
            return table(row(forward, 3))
        cells = [f'<TD PORT="p{k}" WIDTH="8" HEIGHT="8"></TD>' for k in range(count)]
        if self._scene.direction == "TB":
            below = f'<TR><TD COLSPAN="{count}" CELLPADDING="3">{forward}</TD></TR>'
            return table(f"<TR>{''.join(cells)}</TR>{below}")
        span = f'ROWSPAN="{count}"'
        beside = f'<TD {span} CELLPADDING="3">{forward}</TD><TD {span} WIDTH="8"></TD>'
        return table("".join(f"<TR>{c}</TR>" for c in [cells[0] + beside, *cells[1:]]))

    def _has_places(self, node: GraphNode) -> bool:
        return 1 < len(node.operands) <= MOST_PLACES

    def _hover(self, node: GraphNode) -> list[str]:
        """What is known by now, with all digits."""
        lines = [f"{self._captions.symbols[node.id]}: {node.operation or node.kind}"]
        if node.dtype is not None:
            lines.append(str(node.dtype))
        if self._is_known(node):
            lines.append(f"value {node.value}")
        if node.id in self._derived:
            total = self._derivatives.total[node.id]
            lines.append(f"{self._captions.derivative(node.id)} = {total}")
        return lines

    # An edge

    def _edge(self, i: int, edge: GraphEdge) -> str:
        theme, target = self._theme, self._graph.nodes[edge.target]
        side = "w" if self._scene.direction == "LR" else "n"
        port = f":p{edge.position}:{side}" if self._has_places(target) else ""
        known = edge.target in self._computed
        attributes = [f'color="{theme.soft if known else theme.frame}"']
        if not known:
            attributes.append("style=dashed")
        rule = self._derivatives.local.get(i)
        tip = f"operand {edge.operand}"
        if rule is not None:
            text = f"{self._captions.local(edge)} = {rule_text(self._derivatives, i)}"
            shown = edge.source in self._derived
            tip += f"\n{text}" * shown
            cell = _cell(text, theme.ink, 11, shown=shown)
            room = table(f'<TR>{cell}</TR><TR><TD HEIGHT="4"></TD></TR>')  # above the line
            attributes.append(f"label=<{room}>")
        backward = self._now.backward and self._now.node == edge.source and rule is not None
        if backward or (not self._now.backward and self._now.node == edge.target):
            color = theme.backward if backward else theme.ink
            attributes.append(f'color="{color}", penwidth=2.5')
        attributes.append(f'tooltip="{hover(tip.splitlines())}"')
        return f"n{edge.source} -> n{edge.target}{port} [{', '.join(attributes)}]"


def rule_text(derivatives: Derivatives, edge: int) -> str:
    """A local derivative as a number."""
    rule = derivatives.local[edge]
    if rule.conjugate == 0:
        return number(rule.linear)
    if rule.linear == 0:
        return f"{number(rule.conjugate)}, of the conjugate"
    return f"{number(rule.linear)}, and {number(rule.conjugate)} of the conjugate"


# Room for text


def width(text: str, size: int) -> int:
    """How wide a line is at most, in points, in the usual fonts without serifs."""
    return round(sum(1.05 if ord(c) >= WIDE else 0.63 for c in text) * size) + 4


def _room(text: str, size: int) -> str:
    """The least size of a cell that has room for a line."""
    high = 1.8 if any(ord(c) >= WIDE for c in text) else 1.4
    return f'WIDTH="{width(text, size)}" HEIGHT="{round(size * high)}"'


def _cell(text: str, color: str, size: int, *, shown: bool = True, bold: bool = False) -> str:
    """A line of text, or as much room without it."""
    inner = f"<B>{escaped(text)}</B>" if bold else escaped(text)
    words = f'<FONT COLOR="{color}" POINT-SIZE="{size}">{inner}</FONT>' if shown else ""
    return f"<TD {_room(text, size)}>{words}</TD>"


def broken(caption: str, longest: int = LINE) -> list[str]:
    """A formula on lines that are not too long: a new one begins with = or +."""
    lines = [""]
    for part in re.split(r" (?=[=;] )|(?<=,) ", caption):
        pieces = [part] if len(part) <= longest else re.split(r" (?=\+ )", part)
        for piece in pieces:
            joined = f"{lines[-1]} {piece}" if lines[-1] else piece
            if len(joined) <= longest:
                lines[-1] = joined
            else:
                lines += [piece] if lines[-1] else []
                lines[-1] = piece
    return lines
