"""The viewer: a graph as one HTML file that opens offline, to look around in."""

from __future__ import annotations

import functools
import math
import os
from pathlib import Path
from typing import Any, overload

from ..draft import draft
from ..errors import ArgumentError
from ..graph import Graph, GraphNode
from ..recording import Statistics
from .words import short

SCHEMA = 1  # of the data in the page
STYLES = ("viewer.css",)
# In the order of what is used at once; functions may call what comes later.
SCRIPTS = (
    "model.js",
    "layering.js",
    "nesting.js",
    "overlays.js",
    "labels.js",
    "drawing.js",
    "svg.js",
    "panel.js",
    "viewer.js",
    "search.js",
    "interaction.js",
    "main.js",
)


@overload
def to_html(self: Graph, path: None = None, *, title: str | None = None) -> str: ...


@overload
def to_html(
    self: Graph, path: str | os.PathLike[str], *, title: str | None = None, open: bool = False
) -> Path: ...


def to_html(
    self: Graph,
    path: str | os.PathLike[str] | None = None,
    *,
    title: str | None = None,
    open: bool = False,
) -> Path | str:
    """The graph as a page to look around in: one file, which needs no network and no server.

    path: the file to write, ending in .html or .htm; returned. Without it, the text is returned.
    title: stands on the page; the names of the outputs if not given.
    open: whether to show it in the browser at once.
    Scopes fold and unfold on the page, and it lays out what is shown, so there is no limit to the
    size of the graph. The same graph gives the same text.
    Raises ArgumentError for another suffix. A file is replaced as a whole, or not at all.
    """
    if path is None:
        if open:
            raise ArgumentError(
                "to_html: open=True shows a file, so give it a path, as in 'g.html'"
            )
        return _page(_payload(self, title))
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise ArgumentError(
            f"to_html: {path.name!r} does not end in .html; for example {path.stem + '.html'!r}"
        )
    with draft(path, "to_html") as file:
        file.write(_page(_payload(self, title)).encode())
    if open:
        import webbrowser  # late: most programs show no page

        webbrowser.open(path.resolve().as_uri())
    return path


def _page(payload: dict[str, Any]) -> str:
    """The page with its style, its script and its data."""
    import html
    import json

    # What ends a script element, or begins a comment in it, needs a "<".
    data = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    data = data.replace("<", "\\u003c")
    parts = {
        "title": html.escape(payload["title"]),
        "style": "\n".join(map(_source, STYLES)),
        "script": "\n".join(map(_source, SCRIPTS)),
        "data": data,
    }
    page = _source("viewer.html")
    pieces = page.split("@")  # text, name, text, …: so that no part is looked through for another
    return "".join(piece if i % 2 == 0 else parts[piece] for i, piece in enumerate(pieces))


@functools.cache
def _source(name: str) -> str:
    from importlib import resources

    return (resources.files(__package__) / "page" / name).read_text("utf-8")


def _payload(graph: Graph, title: str | None) -> dict[str, Any]:
    """What the page has to know. What is not known of a node is left out, not null."""
    if title is None:
        outputs = [graph.nodes[i] for i in graph.outputs[:3]]
        names = ", ".join(node.name or node.label for node in outputs)
        title = f"Graph of {names}{', …' if len(graph.outputs) > 3 else ''}"
    kept = graph.bytes_kept > 0
    return {
        "schema": SCHEMA,
        "title": _encodable(title),
        "scopes": [
            {"name": _encodable(scope.name), "parent": scope.parent, "kind": scope.kind}
            for scope in graph.scopes
        ],
        "nodes": [_node(node, kept) for node in graph.nodes],
        "edges": [[e.source, e.target, e.position, _encodable(e.operand)] for e in graph.edges],
    }


def _node(node: GraphNode, kept: bool) -> dict[str, Any]:
    record, calls = node.recorded, node.kind == "operation"
    facts: dict[str, Any] = {
        "id": node.id,
        "kind": "parameter" if node.is_parameter else node.kind,
        "output": node.is_output or None,
        "label": node.label,
        "operation": node.operation,
        "name": node.name,
        "params": node.params or None,
        "shape": _shape(node),
        "size": _size(node.shape),
        "outputs": len(node.dtype) if isinstance(node.dtype, tuple) else None,
        "dtype": node.dtype if isinstance(node.dtype, str | None) else ", ".join(node.dtype),
        "scope": node.scope_id,
        "site": _site(node),
        **_scalar("value", "full", node.value),
        **_scalar("gradient", "gradient_full", node.gradient),
        "gradient_norm": _number(node.gradient_norm),
        "statistics": _statistics(record.statistics),
        "gradient_statistics": _statistics(record.gradient_statistics),
        "seconds": record.seconds,
        "seconds_backward": record.seconds_backward,
        "bytes": node.bytes_kept if kept and calls else None,
        "flops": node.flops if calls else None,
    }
    return {
        name: _encodable(fact) if isinstance(fact, str) else fact
        for name, fact in facts.items()
        if fact is not None
    }


def _site(node: GraphNode) -> dict[str, Any] | None:
    if node.site is None:
        return None
    return {
        "file": _encodable(node.site.file),
        "line": node.site.line,
        "source": _encodable(node.site.source),
    }


def _statistics(statistics: Statistics | None) -> dict[str, Any] | None:
    if statistics is None:
        return None
    return {
        name: _number(value) for name, value in statistics._asdict().items() if value is not None
    }


def _shape(node: GraphNode) -> str:
    """Of several outputs, their shapes one after the other."""
    several = isinstance(node.dtype, tuple)
    return ", ".join(map(str, node.shape)) if several else str(node.shape)


def _size(shape: tuple[Any, ...]) -> int | None:
    return math.prod(shape) if all(isinstance(n, int) for n in shape) else None


def _scalar(name: str, full: str, value: Any) -> dict[str, str]:
    """A number in few digits, and in all of them where these are more."""
    if value is None:
        return {}
    few, all_digits = short(value), str(value).removesuffix(".0")
    return {name: few} | ({full: all_digits} if all_digits != few else {})


def _number(value: float | None) -> float | str | None:
    """JSON has no NaN and no infinities: they go as text."""
    return value if value is None or math.isfinite(value) else str(float(value))


def _encodable(text: str) -> str:
    """Text that UTF-8 can hold: half of a surrogate pair is shown as what it is, missing."""
    return text.encode("utf-8", "replace").decode()


type.__setattr__(Graph, "to_html", to_html)
