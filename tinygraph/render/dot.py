"""An outline as text in Graphviz's DOT language.

How to read the picture, also without its colours: see `themes`. Operands enter an operation in
order, the first at the top (at the left where the picture runs downward).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..graph import Graph
from .boxes import Boxes, group_hover, group_title, ink_of
from .legend import legend
from .markup import hover
from .outline import Group, Link, Outline
from .overlays import Overlay, Paint, painted
from .themes import FONT, THEMES, Theme, ThemeName, look_of

Direction: TypeAlias = Literal["LR", "TB"]
WIDEST = 16  # nodes in a row
ROOM = "nodesep=0.22, ranksep=0.4, pad=0.12"


@dataclass(frozen=True)
class Style:
    """How an outline is drawn.

    direction  None runs to the right, but downward where that would get too wide to read
    backward   whether gradients stand below values
    paint      colours instead of those of an overlay: see `overlays.Paint`
    dpi        of a PNG
    """

    direction: Direction | None = None
    theme: ThemeName = "light"
    backward: bool = True
    overlay: Overlay | None = None
    paint: Paint | None = None
    dpi: int | None = None


def dot_text(graph: Graph, outline: Outline, style: Style) -> str:
    """The picture as text; the same outline gives the same text."""
    theme = THEMES[style.theme]
    direction = style.direction or ("TB" if _width(outline) > WIDEST else "LR")
    boxes = Boxes(graph, outline, theme, direction, style.backward)
    paint = style.paint
    if style.overlay is not None:
        paint = painted(graph, outline, style.overlay, theme)
    return "\n".join(
        [
            *opening(theme, direction, style.dpi),
            f'  edge [color="{theme.soft}", arrowsize=0.65]',
            *_body(graph, boxes, paint, None, 1),
            *[_link(boxes, link, direction) for link in outline.links],
            *_foot(graph, boxes, paint),
            "}",
            "",
        ]
    )


def _width(outline: Outline) -> int:
    """How much room the longest way through the picture takes; closed boxes are wide."""
    own = [1 + box.is_closed for box in outline.boxes]
    reach = list(own)
    for link in outline.links:  # by target, and nearly all from boxes before it
        if not link.carried:
            reach[link.target] = max(reach[link.target], reach[link.source] + own[link.target])
    return max(reach, default=0)


def opening(theme: Theme, direction: Direction, dpi: int | None, room: str = ROOM) -> list[str]:
    """The first lines of every picture: how it is laid out, and what its boxes are like.

    room: between boxes, and around all.
    """
    resolution = f", dpi={dpi}" if dpi else ""
    return [
        "digraph tinygraph {",
        f"  graph [rankdir={direction}, {room}, bgcolor={_quoted(theme.background)}{resolution}]",
        f'  node [shape=box, margin=0, width=0, height=0, fontname="{FONT}", fontsize=14, '
        f'fontcolor="{theme.ink}"]',
    ]


def _quoted(color: str) -> str:
    return f'"{color}"' if color.startswith("#") else color


def _foot(graph: Graph, boxes: Boxes, paint: Paint | None) -> list[str]:
    text = legend(graph, boxes, paint)
    return [f'  fontname="{FONT}"; labelloc=b; labeljust=l; label=<{text}>'] if text else []


def _body(
    graph: Graph, boxes: Boxes, paint: Paint | None, group: int | None, level: int
) -> Iterator[str]:
    """The boxes of a group, and the groups in it."""
    outline, indent = boxes.outline, "  " * level
    for i, box in enumerate(outline.boxes):
        if box.group == group:
            yield indent + _box(boxes, i, paint)
    for i, inner in enumerate(outline.groups):
        if inner.parent == group:
            yield f"{indent}subgraph {inner.key} {{"
            yield f"{indent}  graph [{_frame(graph, inner, boxes.theme, level)}]"
            yield from _body(graph, boxes, paint, i, level + 1)
            yield f"{indent}}}"


def _frame(graph: Graph, group: Group, theme: Theme, level: int) -> str:
    fill = theme.groups[level % len(theme.groups)]
    dashes = ",dashed" if group.kind == "loop" else ""
    tip = hover(group_hover(graph, group))
    return (
        f'style="rounded,filled{dashes}", fillcolor="{fill}", color="{theme.frame}", '
        f'fontname="{FONT}", fontsize=13, fontcolor="{theme.ink}", labelloc=t, labeljust=l, '
        f'margin=10, tooltip="{tip}", label=<{group_title(graph, group, ink_of(theme, None))}>'
    )


def _box(boxes: Boxes, i: int, paint: Paint | None) -> str:
    box = boxes.outline.boxes[i]
    look = boxes.look(box)
    attributes = look_of(boxes.theme, look)
    fill = None if paint is None or look == "number" else paint.fills[i]
    ink = ink_of(boxes.theme, fill)
    if look in ("scope", "summary") and boxes.is_output(box):
        attributes += ", peripheries=2"
    if paint is not None and look != "number":
        attributes += f', fillcolor="{fill or boxes.theme.unknown}", fontcolor="{ink.main}"'
        if fill and look == "constant":
            attributes += ', style="filled,dashed"'
        if i in paint.ringed:
            attributes += f', color="{boxes.theme.ring}", penwidth=4, peripheries=2'
    note = paint.notes[i] if paint is not None else ""
    tip = hover([*boxes.hover(box), *[note] * bool(note)])
    return f'{box.key} [{attributes}, tooltip="{tip}", label=<{boxes.label(box, ink, note)}>]'


def _link(boxes: Boxes, link: Link, direction: Direction) -> str:
    source, target = boxes.outline.boxes[link.source], boxes.outline.boxes[link.target]
    side = "w" if direction == "LR" else "n"
    has_port = link.position is not None and boxes.has_ports(target)
    port = f":p{link.position}:{side}" if has_port and link.source != link.target else ""
    words = f"operand {link.operand}" if link.operand else f"{link.count:,} edges"
    more = ""
    if link.carried:
        words = f"{words}, from one time to the next"
        more = ", style=dashed, constraint=false"
    elif link.count > max(source.copies, target.copies):
        more = f", penwidth={1 + math.log10(link.count):.2f}"
    if link.operand and link.count > 1:
        words += f", {link.count:,} edges"
    return f'  {source.key} -> {target.key}{port} [tooltip="{hover([words])}"{more}]'
