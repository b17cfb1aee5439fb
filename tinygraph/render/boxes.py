"""What stands in the boxes of a picture, and what shows under the pointer."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..graph import Graph, GraphNode, GraphScope
from .markup import bold, escaped, font, row, table
from .outline import Box, Group, Outline
from .placing import MOST_PLACES
from .themes import Theme, readable_on
from .words import clean, counted, pattern, short, spread

USUAL_DTYPES = {"float64", "int64", "bool"}  # as in the repr of a tensor
MOST_SHAPES = 3  # of what comes into a closed box
MOST_OPERATIONS = 3  # that are named in a summary


class Ink(NamedTuple):
    """The colours of text in a box."""

    main: str
    soft: str
    backward: str


class Boxes:
    """The boxes of an outline, in words."""

    def __init__(
        self, graph: Graph, outline: Outline, theme: Theme, direction: str, backward: bool
    ) -> None:
        self.graph, self.outline, self.theme = graph, outline, theme
        self.direction, self.backward = direction, backward
        self._outputs = list(dict.fromkeys(graph.outputs))

    # What a box is

    def is_output(self, box: Box) -> bool:
        """Whether a tensor that was asked for is in it."""
        return not self.graph.output_set.isdisjoint((*box.nodes, *box.held))

    def look(self, box: Box) -> str:
        """The entry of `Theme.looks`."""
        if box.kind == "scope":
            return "scope"
        if box.is_closed:
            return "summary"
        node = self.graph.nodes[box.nodes[0]]
        if self.is_output(box):
            return "output leaf" if node.kind == "leaf" else "output"
        if node.is_parameter:
            return "parameter"
        bare = node.kind == "constant" and node.value is not None and not node.name
        return "number" if bare else node.kind

    def name(self, box: Box) -> str:
        """Of a node, or what the names of several have in common, inside the scopes around it."""
        names = [self.graph.columns.names.get(i) for i in box.nodes]
        if all(names):
            inner = self._inside(str(names[0]), box.group)
            return clean(inner or pattern([str(name) for name in names]))
        outputs = [i for i in box.nodes if i in self.graph.output_set]
        if not outputs or len(box.nodes) > 1:
            return ""
        return "output" if len(self._outputs) == 1 else f"output {self._outputs.index(outputs[0])}"

    def _inside(self, name: str, group: int | None) -> str:
        """A name without the path of the scope whose frame tells it."""
        for i in self.outline.groups_around(group):
            for scope in self.outline.groups[i].scopes[:1]:
                path = self.graph.scopes[scope].path
                for prefix in (f"{path}.", f"{path.partition('.')[2]}."):
                    if len(prefix) > 1 and name.startswith(prefix):
                        return name[len(prefix) :]
        return ""

    # The label

    def label(self, box: Box, ink: Ink, note: str = "") -> str:
        """All that stands in a box; a note comes last."""
        if self.look(box) == "number":
            text = spread([self.graph.columns.values[i] for i in box.nodes])
            return font(text, ink.soft)
        lines = self._closed(box, ink) if box.is_closed else self._open(box, ink)
        forward = table("".join(row(line, 1) for line in lines if line), spacing=2)
        edges = self.operands(box)
        if self.has_ports(box):
            forward = self._with_ports(forward, edges, ink)
        else:
            forward = table(row(forward, 3))
        below = [self._gradient(box, ink)] if self.backward else []
        below += [font(note, ink.main, 10)] if note else []
        parts = "<HR/>".join([row(forward), *[row(part, 4) for part in below if part]])
        return table(parts) if any(below) else forward

    def operands(self, box: Box) -> list[tuple[int, str]]:
        """Position and name of each operand of a single operation."""
        if box.is_closed:
            return []
        edges = self.graph.nodes[box.nodes[0]].operands
        return [(edge.position, edge.operand) for edge in edges]

    def has_ports(self, box: Box) -> bool:
        """Whether each operand enters at a place of its own."""
        return 1 < len(self.operands(box)) <= MOST_PLACES

    # A node

    def _open(self, box: Box, ink: Ink) -> list[str]:
        return [self._title(box, ink), self._value(box, ink)]

    def _title(self, box: Box, ink: Ink) -> str:
        node, name = self.graph.nodes[box.nodes[0]], self.name(box)
        title = bold(name) if name else ""
        times = font(f" × {box.times:,}", ink.soft) if box.times > 1 else ""
        if node.kind != "operation":
            kind = "parameter" if node.is_parameter else node.kind
            return (title or escaped(kind) if times else title) + times
        operation = escaped(clean(self._operation(box)))
        if node.params and len({self.graph.nodes[i].params for i in box.nodes[:64]}) == 1:
            operation += font(f"({clean(node.params)})", ink.soft, 12)
        return (f"{title} = {operation}" if title else operation) + times

    def _operation(self, box: Box) -> str:
        """The label; where copies differ in it, as x[0] and x[1] do, without what differs."""
        table = self.graph.columns.table
        which = np.unique(self.graph.columns.signatures[list(box.nodes)]).tolist()
        labels = list(dict.fromkeys(str(table[i].label) for i in which))
        if len(labels) == 1:
            return labels[0]
        return "[…]" if labels[0].startswith("[") else f"{table[which[0]].operation} …"

    def _value(self, box: Box, ink: Ink) -> str:
        """The value of a scalar; of an array its shape; the dtype where unusual or changing."""
        node = self.graph.nodes[box.nodes[0]]
        if isinstance(node.dtype, tuple):
            return font(f"{len(node.dtype)} outputs", ink.soft, 12)
        values = [v for i in box.nodes if (v := self.graph.columns.values.get(i)) is not None]
        shapes = {self.graph.nodes[i].shape for i in box.nodes[:64]}
        shape = str(node.shape) if len(shapes) == 1 else f"{counted(len(shapes), 'shape')}"
        known = len(values) == len(box.nodes)
        value = spread(values) if known else font(shape, ink.soft, 12)
        if node.kind == "operation":
            sources = [self.graph.nodes[edge.source] for edge in node.operands]
            telling = any(dtype != node.dtype for dtype in _floating(sources))
        else:
            telling = node.dtype is not None and node.dtype not in USUAL_DTYPES
        return f"{value} {font(str(node.dtype), ink.soft, 10)}" if telling else value

    # A closed box

    def _closed(self, box: Box, ink: Ink) -> list[str]:
        operations = len(box.nodes) // box.copies
        parameters = sum(self.graph.columns.kinds[i] == 1 for i in box.held) // box.copies
        content = counted(operations, "operation")
        if parameters:
            content += f", {counted(parameters, 'parameter')}"
        each = " each" if box.times > 1 else ""
        words = clean(self._shapes(box), 64)
        shapes = font(words, ink.soft, 12) if words else ""
        if box.kind == "scope":
            scopes = [self.graph.scopes[i] for i in box.scopes]
            return [*scope_title(scopes, ink), shapes, font(content + each, ink.soft, 10)]
        if box.kind == "loop":
            return [bold(f"loop × {box.times:,}"), shapes, font(content + each, ink.soft, 10)]
        dots = "… " if box.kind == "chain" else ""
        lines = [bold(f"{dots}{content}"), font(self._most_frequent(box), ink.soft, 12)]
        return [*lines, shapes]

    def _most_frequent(self, box: Box) -> str:
        columns = self.graph.columns
        counts: Counter[str] = Counter()
        which, times = np.unique(columns.signatures[list(box.nodes)], return_counts=True)
        for i, count in zip(which.tolist(), times.tolist(), strict=True):
            counts[(columns.table[i].operation or "").partition("[")[0]] += count
        ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
        words = [f"{count:,} {name}" for name, count in ranked[:MOST_OPERATIONS]]
        return ", ".join(words + ["…"] * (len(ranked) > MOST_OPERATIONS))

    def _shapes(self, box: Box) -> str:
        """Of what comes in, but parameters, and of what goes out, of the first copy."""
        first = box.nodes[: len(box.nodes) // box.copies]
        coming, going = self._crossing(box, first)
        comes, goes = self._shape_words(coming), self._shape_words(going)
        if {comes, goes} <= {"", "()"}:
            return ""
        return f"{comes} → {goes}" if comes and goes else comes or goes

    @functools.cached_property
    def _edges(self) -> tuple[Any, Any, Any, Any]:
        """The edges that cross the border of a box, by target box and by source box."""
        sources, targets = self.graph.columns.sources, self.graph.targets
        home, copy = self.outline.home, self.outline.copy
        turned = (copy[sources] != copy[targets]) & (copy[sources] >= 0) & (copy[targets] >= 0)
        cross = (home[sources] != home[targets]) | turned
        sources, targets = sources[cross], targets[cross]
        into = np.argsort(home[targets], kind="stable")
        out_of = np.argsort(home[sources], kind="stable")
        return sources, targets, into, out_of

    def _crossing(self, box: Box, first: tuple[int, ...]) -> tuple[list[int], list[int]]:
        sources, targets, into, out_of = self._edges
        own = int(self.outline.home[box.nodes[0]])
        home, copy = self.outline.home, self.outline.copy
        entering = into[slice(*np.searchsorted(home[targets][into], [own, own + 1]))]
        leaving = out_of[slice(*np.searchsorted(home[sources][out_of], [own, own + 1]))]
        entering = entering[copy[targets[entering]] == 0]
        leaving = leaving[copy[sources[leaving]] == 0]
        kinds = self.graph.columns.kinds
        coming = [i for i in dict.fromkeys(sources[entering].tolist()) if kinds[i] != 1]
        if not coming:  # the data of a computation, held as a constant
            coming = [i for i in box.held if kinds[i] == 2]
        arrays = [i for i in coming if self.graph.nodes[i].shape != ()]
        going = list(dict.fromkeys(sources[leaving].tolist()))
        going += [i for i in first if i in self.graph.output_set and i not in going]
        return arrays or coming, going

    def _shape_words(self, nodes: list[int]) -> str:
        shapes = list(dict.fromkeys(str(self.graph.nodes[i].shape) for i in nodes[:256]))
        if len(shapes) > MOST_SHAPES:
            shapes = [*shapes[: MOST_SHAPES - 1], "…"]
        return ", ".join(shapes)

    # Gradients

    def _gradient(self, box: Box, ink: Ink) -> str:
        """The gradient, or that there is none yet; nothing where none is kept."""
        if box.is_closed:
            return self._closed_gradient(box, ink)
        nodes = [self.graph.nodes[i] for i in box.nodes]
        node = nodes[0]
        known = [n for n in nodes if n.gradient_norm is not None]
        if not known:
            if node.kind == "leaf" or (node.kind == "operation" and node.value is not None):
                return f"<I>{font('grad not computed', ink.soft, 10)}</I>"
            return ""
        if all(n.gradient is not None for n in known):
            text = f"grad {spread([n.gradient for n in known])}"
        else:
            text = f"‖grad‖ {spread([n.gradient_norm for n in known])}"
        partly = f" ({len(known):,} of {len(nodes):,})" if len(known) < len(nodes) else ""
        return font(text + partly, ink.backward, 12)

    def _closed_gradient(self, box: Box, ink: Ink) -> str:
        """Of what comes out of it, and of its parameters together."""
        _, going = self._crossing(box, box.nodes[: len(box.nodes) // box.copies])
        norms = [self.graph.nodes[i].gradient_norm for i in going[:64]]
        known = [norm for norm in norms if norm is not None]
        parts = [f"‖grad‖ {spread(known)}"] if known else []
        parameters = [i for i in box.held if self.graph.columns.kinds[i] == 1]
        given = [self.graph.nodes[i].gradient_norm for i in parameters]
        found = [norm for norm in given if norm is not None]
        if found:
            parts.append(f"parameters {short(math.hypot(*found))}")
        text = font(", ".join(parts), ink.backward, 12) if parts else ""
        if parameters and not found:
            text += f"<I>{font(', ' * bool(parts) + 'grad not computed', ink.soft, 10)}</I>"
        return text

    # Places for operands

    def _with_ports(self, forward: str, operands: list[tuple[int, str]], ink: Ink) -> str:
        """The forward part with a cell for each operand to enter at, in their order."""
        hints = _hints([name for _, name in operands], ink)
        cells = [
            f'<TD PORT="p{position}" WIDTH="8" HEIGHT="6" ALIGN="LEFT">{hint}</TD>'
            for (position, _), hint in zip(operands, hints, strict=True)
        ]
        count = len(cells)
        if self.direction == "TB":
            # Beside names, the room that round corners take.
            corner = '<TD WIDTH="7"></TD>' if any("FONT" in cell for cell in cells) else ""
            wide = count + 2 * bool(corner)
            below = f'<TR><TD COLSPAN="{wide}" CELLPADDING="3">{forward}</TD></TR>'
            return table(f"<TR>{corner}{''.join(cells)}{corner}</TR>{below}")
        span = f'ROWSPAN="{count}"'
        beside = f'<TD {span} CELLPADDING="3">{forward}</TD><TD {span} WIDTH="8"></TD>'
        rows = [cells[0] + beside, *cells[1:]]
        return table("".join(f"<TR>{each}</TR>" for each in rows))

    # Under the pointer

    def hover(self, box: Box) -> list[str]:
        """The numbers in full, and where it comes from."""
        if box.is_closed:
            return self._closed_hover(box)
        node = self.graph.nodes[box.nodes[0]]
        name = self.name(box) if len(box.nodes) > 1 else clean(node.name) or self.name(box)
        what = node.operation or ("parameter" if node.is_parameter else node.kind)
        lines = [f"{name}: {what}" if name else what]
        if len(box.nodes) > 1:
            lines.append(f"{len(box.nodes):,} of them; the first:")
        if node.dtype is not None and not isinstance(node.dtype, tuple):
            lines.append(f"shape {node.shape}, {node.dtype}")
        if node.value is not None:
            lines.append(f"value {node.value}")
        if node.gradient is not None:
            lines.append(f"grad {node.gradient}")
        return lines + self._recorded(node)

    def _recorded(self, node: GraphNode) -> list[str]:
        lines = []
        if node.scope:
            lines.append(f"in {node.scope}")
        if node.bytes_kept:
            lines.append(f"keeps {node.bytes_kept:,} bytes for backward")
        record = node.recorded
        for what, found in (("value", record.statistics), ("grad", record.gradient_statistics)):
            if found is not None and found.min is not None and node.shape != ():
                numbers = ", ".join(
                    f"{key} {short(getattr(found, key))}"
                    for key in ("min", "max", "mean", "std", "norm")
                )
                lines.append(f"{what}: {numbers}")
            if found is not None and (found.nan or found.inf):
                lines.append(f"{what}: {found.nan:,} NaN, {found.inf:,} Inf")
        for words, time in (("forward", record.seconds), ("backward", record.seconds_backward)):
            if time is not None:
                lines.append(f"{words} {time:.3g} s")
        if node.site is not None:
            lines.append(f"{node.site.file}:{node.site.line}")
            lines += [node.site.source] if node.site.source else []
        return lines

    def _closed_hover(self, box: Box) -> list[str]:
        lines = [self.graph.scopes[i].path for i in box.scopes[:1]]
        lines.append(f"{counted(len(box.nodes), 'operation')}: {self._most_frequent(box)}")
        lines.append(f"{counted(box.inside, 'edge')} inside")
        return lines


def scope_title(scopes: list[GraphScope], ink: Ink) -> list[str]:
    """The lines that name a scope, or several that are alike."""
    first, last = scopes[0], scopes[-1]
    kind = first.kind or ""
    if len(scopes) > 1:
        title = bold(clean(kind or pattern([s.name for s in scopes])))
        title += font(f" × {len(scopes):,}", ink.main)
        if not kind or first.name == last.name:
            return [title]
        return [title, font(f"{clean(first.name)} … {clean(last.name)}", ink.soft, 12)]
    own = bold(clean(first.name))
    if kind in ("", first.name):
        return [own]
    return [own + font(f" {clean(kind)}", ink.soft, 12)]


def group_title(graph: Graph, group: Group, ink: Ink) -> str:
    """What stands on the frame of a group."""
    if group.kind == "loop":
        return table(row(bold(f"loop × {group.times:,}")))
    lines = scope_title([graph.scopes[i] for i in group.scopes], ink)
    return table("".join(row(line) for line in lines if line))


def group_hover(graph: Graph, group: Group) -> list[str]:
    """What shows under the pointer on a frame."""
    if group.kind == "loop":
        return [f"repeated {group.times:,} times"]
    paths = [graph.scopes[i].path for i in group.scopes]
    return [paths[0]] if len(paths) == 1 else [f"{paths[0]} … {paths[-1]}"]


def ink_of(theme: Theme, fill: str | None) -> Ink:
    """The colours of text on the theme's own boxes, or on a fill."""
    if fill is None:
        return Ink(theme.ink, theme.soft, theme.backward)
    color = readable_on(fill)
    return Ink(color, color, color)


def _floating(nodes: list[GraphNode]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node.dtype, str) and node.dtype.startswith(("float", "complex")):
            yield node.dtype


def _hints(names: list[str], ink: Ink) -> Iterator[str]:
    """Names of the operands, where they say more than a and b, or their number, would."""
    telling = all("[" not in name for name in names) and any(len(name) > 1 for name in names)
    for name in names:
        yield font(f" {name} ", ink.soft, 9) if telling else ""
