"""Two graphs in one picture: what was removed, added, changed, and what is the same.

It can be read without colours: what was removed has dashed lines and a −, what was added thick
ones and a +, what changed dotted ones and a ~, and what is the same thin ones.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ArgumentError, RenderError
from ..graph import GraphNode
from ..graph.difference import GraphDiff
from .comparison import READABLE, Comparison, Entry, Part, State, comparison
from .dot import Direction, opening
from .engine import INSTALL, draw, engine
from .markup import escaped, font, hover, row, table
from .picture import PNG_DPI, SUFFIXES, RenderWarning
from .series import write
from .themes import FONT, THEMES, Theme, ThemeName
from .words import clean, counted, short

WIDEST = 14  # boxes in a row
MOST_OPERATIONS = 3  # that are named where many are summed up
MARKS: dict[State, str] = {"removed": "−", "added": "+", "changed": "~", "same": ""}
WORDS: dict[State, str] = {
    "removed": "removed",
    "added": "added",
    "changed": "changed",
    "same": "the same",
}
BORDERS = {"removed": "dashed", "added": "bold", "changed": "dotted", "same": ""}


class Look(NamedTuple):
    """Colours of a state: fill, lines, and what stands out in the text."""

    fill: str
    line: str


LOOKS: dict[str, dict[State, Look]] = {
    "light": {
        "removed": Look("#FBE5E2", "#B3261E"),
        "added": Look("#DFF2E5", "#1E6E3C"),
        "changed": Look("#FFF3D1", "#8A6100"),
        "same": Look("#FFFFFF", "#8B929A"),
    },
    "dark": {
        "removed": Look("#4A201C", "#FF9C8F"),
        "added": Look("#173526", "#6FC08F"),
        "changed": Look("#40320C", "#E2B84B"),
        "same": Look("#1A1F25", "#7C858F"),
    },
}


def to_dot(
    self: GraphDiff,
    *,
    context: int | None = None,
    theme: ThemeName = "light",
    direction: Direction | None = None,
    limit: int = READABLE,
) -> str:
    """The picture as text in Graphviz's DOT language. Options and errors are those of `render`."""
    return _text(self, context, theme, direction, limit)


def render(
    self: GraphDiff,
    path: str | os.PathLike[str],
    *,
    context: int | None = None,
    theme: ThemeName = "light",
    direction: Direction | None = None,
    limit: int = READABLE,
) -> Path:
    """Draw into a file, and return its path. The suffix chooses: .svg, .png, .pdf or .dot.

    What was removed is dashed and has a −, what was added is thick and has a +, what changed is
    dotted and has a ~ and tells in what. What is the same is thin; where the graphs are large, only
    near to a difference, and the rest is summed up.

    context: how many steps from a difference are drawn of what is the same; None: all of it if that
        is no more than `limit`, else 2. Fewer where else the picture would have more boxes.
    theme, direction: as of `Graph.render`.
    limit: the most boxes. Of more differences, those that hang together are summed up too.

    With no engine to draw with, writes the DOT text beside the path, as .dot, and warns.
    Raises ArgumentError for another suffix or option, RenderError where the engine fails.
    """
    path = Path(path)
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in SUFFIXES:
        raise ArgumentError(
            f"render: {path.name!r} ends in neither of .svg, .png, .pdf, .dot, "
            f"which choose the format; for example {path.stem + '.svg'!r}"
        )
    dpi = PNG_DPI if suffix == "png" else None
    text = _text(self, context, theme, direction, limit, dpi)
    if suffix == "dot":
        return write(path, text.encode())
    available = engine()
    if available is None:
        written = write(path.with_suffix(".dot"), text.encode())
        message = f"no engine to draw {path.name}, so its DOT text is in {written}; {INSTALL}"
        warnings.warn(message, RenderWarning, stacklevel=2)
        return written
    return write(path, draw(text, suffix, available))


def mimebundle(self: GraphDiff, include: Any = None, exclude: Any = None) -> dict[str, str]:
    """What a notebook shows: the picture, and the summary as text."""
    available = engine()
    if available is None:
        return {"text/plain": f"{self}\n{INSTALL}"}
    try:
        svg = draw(self.to_dot(), "svg", available).decode()
    except RenderError as error:
        return {"text/plain": f"{self}\n{error}"}
    return {"image/svg+xml": svg, "text/plain": str(self)}


def _text(
    diff: GraphDiff, context: Any, theme: Any, direction: Any, limit: Any, dpi: int | None = None
) -> str:
    if theme not in THEMES:
        raise ArgumentError(f"theme={theme!r}; it is 'light', which prints well, or 'dark'")
    if direction not in (None, "LR", "TB"):
        raise ArgumentError(
            f"direction={direction!r}; it is 'LR', left to right, or 'TB', top to bottom"
        )
    if context is not None and (type(context) is not int or context < 0):
        raise ArgumentError(f"context={context!r}; it is a count of steps, 0 and up, or None")
    if type(limit) is not int or limit < 1:
        raise ArgumentError(f"limit={limit!r}; it is the most boxes to draw, 1 or more")
    return _Picture(diff, comparison(diff, context, limit), theme, direction).text(dpi)


class _Picture:
    def __init__(
        self, diff: GraphDiff, drawn: Comparison, theme: str, direction: Direction | None
    ) -> None:
        self._diff, self._drawn = diff, drawn
        self._theme: Theme = THEMES[theme]
        self._looks = LOOKS[theme]
        self._direction: Direction = direction or ("TB" if self._longest() > WIDEST else "LR")

    def _longest(self) -> int:
        reach = [1] * len(self._drawn.parts)
        for source, target, _, _ in sorted(self._drawn.arrows, key=lambda arrow: arrow[1]):
            if source < target:
                reach[target] = max(reach[target], reach[source] + 1)
        return max(reach, default=0)

    def text(self, dpi: int | None) -> str:
        """All of it."""
        lines = [
            *opening(self._theme, self._direction, dpi),
            f'  edge [color="{self._looks["same"].line}", arrowsize=0.65]',
            *self._scopes(),
            *map(self._arrow, self._drawn.arrows),
            f'  fontname="{FONT}"; labelloc=b; labeljust=l; label=<{self._legend()}>',
            "}",
            "",
        ]
        return "\n".join(lines)

    # Boxes, in the frames of their scopes

    def _scopes(self) -> Iterator[str]:
        """Boxes, those of a scope in a frame with its name."""
        inside: dict[str, list[int]] = {}
        for k, part in enumerate(self._drawn.parts):
            inside.setdefault(self._path(part), []).append(k)
        children: dict[str, list[str]] = {}
        for path in sorted(inside):
            while path:
                parent = path.rpartition(".")[0]
                siblings = children.setdefault(parent, [])
                if path in siblings:
                    break
                siblings.append(path)
                path = parent
        stack = [("", 1, False)]
        while stack:
            path, level, closes = stack.pop()
            indent = "  " * level
            if closes:
                yield f"{indent}}}"
                continue
            if path:
                fill = self._theme.groups[level % len(self._theme.groups)]
                yield f'{indent}subgraph "cluster_{escaped(path)}" {{'
                yield (
                    f'{indent}  graph [style="rounded,filled", fillcolor="{fill}", '
                    f'color="{self._theme.frame}", fontname="{FONT}", fontsize=13, '
                    f'fontcolor="{self._theme.ink}", labelloc=t, labeljust=l, margin=10, '
                    f"label=<{table(row(escaped(clean(path.rpartition('.')[2]))))}>]"
                )
                stack.append((path, level, True))
            for k in inside.get(path, []):
                yield f"{indent}  {self._box(k)}"
            stack += [
                (child, level + bool(path), False) for child in reversed(children.get(path, []))
            ]

    def _path(self, part: Part) -> str:
        """The scope that all of it lies in."""
        paths = {self._drawn.entries[i].node.scope for i in part.entries}
        first, *others = sorted(paths)
        while any(path != first and not path.startswith(f"{first}.") for path in others):
            first = first.rpartition(".")[0]
            if not first:
                break
        return first

    def _box(self, k: int) -> str:
        part = self._drawn.parts[k]
        look, border = self._looks[part.state], BORDERS[part.state]
        entry = self._drawn.entries[part.entries[0]]
        if len(part.entries) > 1:
            label, tip, shape = self._summed(part), self._tips(part), "rounded,filled"
        else:
            label, tip = self._label(entry), self._hover(entry)
            shape = "rounded,filled" if entry.node.kind == "operation" else "filled"
        note = "shape=note, " if len(part.entries) == 1 and entry.node.is_parameter else ""
        style = f"{shape},{border}" if border else shape
        thick = {"same": 1.0, "removed": 1.6, "added": 2.6, "changed": 2.0}[part.state]
        attributes = f'{note}style="{style}", fillcolor="{look.fill}", color="{look.line}"'
        if self._is_bare(part, entry):
            attributes = f'style="", penwidth=0, color="{look.line}"'
        elif len(part.entries) > 1 and part.state == "same":
            attributes += ", penwidth=1, peripheries=2"
        else:
            attributes += f", penwidth={thick}"
        return f'p{k} [{attributes}, tooltip="{hover(tip)}", label=<{label}>]'

    def _is_bare(self, part: Part, entry: Entry) -> bool:
        """Whether it is only a number."""
        node = entry.node
        number = node.kind == "constant" and node.value is not None and not clean(node.name)
        return len(part.entries) == 1 and number and entry.state == "same"

    def _label(self, entry: Entry) -> str:
        node, theme = entry.node, self._theme
        soft = theme.soft if entry.state == "same" else theme.ink
        name = clean(node.name) or ("output" if node.is_output else "")
        title = f"<B>{escaped(name)}</B>" if name else ""
        if node.kind == "operation":
            call = escaped(clean(node.label))
            if node.params:
                call += font(f"({clean(node.params)})", soft, 12)
            title = f"{title} = {call}" if title else call
        elif node.value is not None:
            value = escaped(short(node.value))
            title = f"{title} = {value}" if title else value
        elif not title:
            title = "parameter" if node.is_parameter else node.kind
        lines = [f'<FONT COLOR="{theme.ink}">{title}</FONT>']
        lines += [font(line, soft, 12) for line in self._facts(entry)]
        return self._marked(entry.state, lines)

    def _marked(self, state: State, lines: list[str]) -> str:
        """Lines, with the mark of a state on a ground of its own, so that it is no operation's."""
        text = table("".join(row(line, 1) for line in lines))
        if state == "same":
            return table(row(text, 5))
        look = self._looks[state]
        mark = f'<B><FONT COLOR="{look.fill}" POINT-SIZE="15">{MARKS[state]}</FONT></B>'
        cells = f'<TD BGCOLOR="{look.line}" WIDTH="16">{mark}</TD><TD WIDTH="5"></TD>'
        return table(row(table(f"<TR>{cells}<TD>{text}</TD></TR>"), 6))

    def _facts(self, entry: Entry) -> Iterator[str]:
        """The shape; of what changed, what it was and is."""
        node, what = entry.node, {} if entry.change is None else entry.change.what
        for name, (old, new) in what.items():
            yield f"{name}: {_brief(old)} → {_brief(new)}"
        if "shape" not in what and (node.value is None or node.shape != ()):
            yield clean(str(node.shape)) if isinstance(node.dtype, str) else "several outputs"

    def _summed(self, part: Part) -> str:
        entries = [self._drawn.entries[i] for i in part.entries]
        nodes = [entry.node for entry in entries]
        counts = Counter(entry.state for entry in entries)
        words = [f"{counts[state]:,} {WORDS[state]}" for state in WORDS if counts[state]]
        if len(words) == 1:
            words = [f"{len(nodes):,} nodes {WORDS[part.state]}"]
        lines = [font(", ".join(words), self._theme.ink, 13)]
        lines.append(font(_most_frequent(nodes), self._theme.soft, 11))
        return self._marked(part.state, lines)

    # Under the pointer

    def _hover(self, entry: Entry) -> list[str]:
        node = entry.node
        which = {"removed": "only in the first", "added": "only in the second",
                 "changed": "changed", "same": "in both"}[entry.state]  # fmt: skip
        lines = [f"{node.id}: {node.operation or node.kind}, {which}"]
        if node.dtype is not None and not isinstance(node.dtype, tuple):
            lines.append(f"shape {node.shape}, {node.dtype}")
        if node.scope:
            lines.append(f"in {node.scope}")
        if entry.change is not None:
            lines += [f"{name}: {old} → {new}" for name, (old, new) in entry.change.what.items()]
        if node.site is not None:
            lines.append(f"{node.site.file}:{node.site.line}")
        return lines

    def _tips(self, part: Part) -> list[str]:
        nodes = [self._drawn.entries[i].node for i in part.entries]
        return [_most_frequent(nodes), f"{nodes[0].id} … {nodes[-1].id}"]

    # Lines and legend

    def _arrow(self, arrow: tuple[int, int, State, int]) -> str:
        source, target, state, count = arrow
        look = self._looks[state]
        style = {"removed": ", style=dashed, penwidth=1.4", "added": ", penwidth=2.6"}.get(
            state, ""
        )
        words = {"removed": "removed", "added": "added"}.get(state, "the same")
        tip = f"{words}, {counted(count, 'edge')}"
        return f'  p{source} -> p{target} [color="{look.line}"{style}, tooltip="{tip}"]'

    def _legend(self) -> str:
        theme, diff = self._theme, self._diff
        counts = {"removed": len(diff.removed), "added": len(diff.added),
                  "changed": len(diff.changed)}  # fmt: skip
        how = {"removed": "dashed", "added": "thick", "changed": "dotted"}
        cells = []
        for state, look in self._looks.items():
            if not counts.get(state):
                continue
            text = f"{MARKS[state]} {counts[state]:,} {state}: {how[state]}"
            style = {"removed": "DASHED", "changed": "DOTTED"}.get(state, "SOLID")
            size = 2 if state != "removed" else 1
            cells.append(
                f'<TD><TABLE BORDER="{size}" STYLE="{style}" COLOR="{look.line}" '
                f'BGCOLOR="{look.fill}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3"><TR>'
                f"<TD>{font(text, theme.ink, 10)}</TD></TR></TABLE></TD>"
            )
        same = f"{len(diff.same):,} the same: thin" if diff else f"alike: {len(diff.same):,} nodes"
        if self._drawn.folded:
            same += f"; {counted(self._drawn.folded, 'node')} summed up"
        if diff and not any(counts.values()):
            same += f"; {counted(len(diff.added_edges), 'edge leads', 'edges lead')} elsewhere"
        cells.append(f"<TD>{font(same, theme.soft, 10)}</TD>")
        return table(f"<TR>{''.join(cells)}</TR>", spacing=5)


def _brief(x: Any) -> str:
    if isinstance(x, tuple) and x and all(isinstance(item, str) for item in x):
        return clean(", ".join(x))
    if isinstance(x, bool):
        return "yes" if x else "no"
    if isinstance(x, (int, float, complex)):
        return short(x)
    return clean(str(x)) if x not in ("", None) else "none"


def _most_frequent(nodes: list[GraphNode]) -> str:
    names = [n.operation or ("parameter" if n.is_parameter else n.kind) for n in nodes]
    ranked = sorted(Counter(names).items(), key=lambda entry: (-entry[1], entry[0]))
    words = [f"{count:,} {name}" for name, count in ranked[:MOST_OPERATIONS]]
    return ", ".join(words + ["…"] * (len(ranked) > MOST_OPERATIONS))


for name, method in {"to_dot": to_dot, "render": render, "_repr_mimebundle_": mimebundle}.items():
    setattr(GraphDiff, name, method)
