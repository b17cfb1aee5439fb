"""What stands below a picture: what was folded, what borders mean, and the scale of colours."""

from __future__ import annotations

from collections import Counter

from ..graph import Graph
from .boxes import Boxes
from .markup import escaped, font, table
from .outline import Outline
from .overlays import Paint
from .themes import Theme, readable_on
from .words import clean, counted

# By look: what it is called, and how a table cell can show its border.
KINDS = {
    "leaf": ("leaf", "SOLID"),
    "parameter": ("parameter: folded corner", "SOLID"),
    "operation": ("operation: round corners", "ROUNDED"),
    "output": ("output: double border", "ROUNDED"),
    "output leaf": ("output: double border", "ROUNDED"),
    "constant": ("constant: dashed", "DASHED"),
    "scope": ("module, closed: a tab", "SOLID"),
    "summary": ("many operations: dotted", "DOTTED"),
}
PLAIN = {"leaf", "operation", "output", "output leaf", "constant", "number"}


def caption(graph: Graph, outline: Outline) -> str:
    """What the picture leaves out, in a line; empty where it leaves out nothing."""
    boxes = outline.boxes
    if len(outline.home) and not outline.hidden and outline.is_whole:
        return ""
    closed = Counter(box.kind for box in boxes if box.is_closed)
    words = []
    repeated = sum(box.times > 1 for box in boxes) + sum(g.times > 1 for g in outline.groups)
    if repeated:
        words.append("what repeats is drawn once")
    if closed["scope"]:
        words.append(f"{counted(closed['scope'], 'module')} closed")
    if closed["chain"]:
        words.append(f"{counted(closed['chain'], 'long chain')} shortened")
    if closed["whole"]:
        words.append("all in one")
    if closed["part"]:
        words.append("stretches summed up in the order of computation")
    if closed["loop"]:
        words.append(f"{counted(closed['loop'], 'loop')} closed")
    if outline.hidden:
        words.append(f"{counted(len(outline.hidden), 'constant')} hidden")
    drawn = f"{counted(len(graph), 'node')} in {counted(len(boxes), 'box', 'boxes')}"
    return ": ".join([drawn, ", ".join(words)] if words else [drawn])


def legend(graph: Graph, boxes: Boxes, paint: Paint | None) -> str:
    """The table below the picture, or nothing where the picture tells all."""
    theme, outline = boxes.theme, boxes.outline
    rows = []
    told = caption(graph, outline)
    if told:
        rows.append(_line(font(told, theme.soft, 12)))
    looks = {boxes.look(box) for box in outline.boxes}
    if paint is not None:
        rows.append(_line(_scale(paint, theme)))
    if not looks <= PLAIN or any(link.carried for link in outline.links) or paint is not None:
        rows.append(_line(_kinds(boxes, looks, paint is None)))
    return table("".join(rows), spacing=6) if rows else ""


def _line(content: str) -> str:
    return f'<TR><TD ALIGN="LEFT">{content}</TD></TR>'


def _kinds(boxes: Boxes, looks: set[str], colored: bool) -> str:
    theme = boxes.theme
    cells, seen = [], set()
    for look, (name, border) in KINDS.items():
        if look not in looks or name in seen:
            continue
        seen.add(name)
        fill, edge = theme.looks[look]
        background = f' BGCOLOR="{fill}"' if fill and colored else ""
        lines = f'BORDER="1" STYLE="{border}" COLOR="{edge}"'
        cells.append(
            f'<TD><TABLE {lines}{background} CELLBORDER="0" CELLSPACING="0" CELLPADDING="3"><TR>'
            f"<TD>{font(name, theme.ink, 10)}</TD></TR></TABLE></TD>"
        )
    if any(link.carried for link in boxes.outline.links):
        cells.append(f"<TD>{font('- - -  to the next time round', theme.soft, 10)}</TD>")
    if boxes.backward and _has_gradients(boxes.graph):
        cells.append(f"<TD>{font('below a line: gradients', theme.backward, 10)}</TD>")
    return table(f"<TR>{''.join(cells)}</TR>", spacing=4)


def _has_gradients(graph: Graph) -> bool:
    records = graph.columns.records.values()
    return bool(graph.columns.gradients) or any(r.gradient_statistics for r in records)


def _scale(paint: Paint, theme: Theme) -> str:
    cells = [f"<TD>{font(paint.title + '  ', theme.ink, 11)}</TD>"]
    for color, label in paint.scale:
        name = clean(label)
        text = f'<FONT COLOR="{readable_on(color)}" POINT-SIZE="10"> {escaped(name)} </FONT>'
        size = 'WIDTH="26" HEIGHT="16"'
        cells.append(f'<TD BGCOLOR="{color}" {size} CELLPADDING="2">{text if name else ""}</TD>')
    if None in paint.fills and paint.even:
        cells.append(f"<TD>{font('   no fill: not known', theme.soft, 10)}</TD>")
    if paint.ringed:
        cells.append(f"<TD>{font('   thick ring: where it began', theme.ring, 10)}</TD>")
    return table(f"<TR>{''.join(cells)}</TR>", spacing=0 if paint.even else 4)
