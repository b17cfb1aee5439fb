"""The ways to see a graph, as methods of Graph: DOT text, a file, a notebook's output."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

from ..draft import draft
from ..errors import ArgumentError, GraphSizeError, RenderError
from ..graph import Graph
from .dot import Direction, dot_text
from .engine import INSTALL, draw, engine

LIMIT = 1000  # nodes; more than that is not read, and takes long to lay out
SUFFIXES = ("svg", "png", "pdf", "dot")
PNG_DPI = 144  # pixels per inch: sharp on a display with twice the usual density


class RenderWarning(UserWarning):
    """A picture was asked for, and its DOT text was written instead."""


def to_dot(self: Graph, *, direction: Direction = "LR", limit: int = LIMIT) -> str:
    """The picture as text in Graphviz's DOT language; the same graph gives the same text.

    direction: "LR" draws from left to right, "TB" from top to bottom.
    Raises GraphSizeError for more than `limit` nodes.
    """
    _check_direction(direction)
    _check_size(self, limit, "graph.to_dot(limit={})")
    return dot_text(self, direction)


def render(
    self: Graph,
    path: str | os.PathLike[str],
    *,
    direction: Direction = "LR",
    limit: int = LIMIT,
) -> Path:
    """Draw into a file, and return its path. The suffix chooses: .svg, .png, .pdf or .dot.

    direction: "LR" draws from left to right, "TB" from top to bottom.
    With no engine to draw with, writes the DOT text beside the path, as .dot, and warns.
    Raises ArgumentError for another suffix, GraphSizeError for more than `limit` nodes,
    RenderError where the engine fails. A file is replaced as a whole, or not at all.
    """
    path = Path(path)
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in SUFFIXES:
        raise ArgumentError(
            f"render: {path.name!r} ends in neither of .svg, .png, .pdf, .dot, "
            f"which choose the format; for example {path.stem + '.svg'!r}"
        )
    _check_direction(direction)
    _check_size(self, limit, "graph.render(path, limit={})")
    dot = dot_text(self, direction, dpi=PNG_DPI if suffix == "png" else None)
    if suffix == "dot":
        return _write(path, dot.encode())
    available = engine()
    if available is None:
        written = _write(path.with_suffix(".dot"), dot_text(self, direction).encode())
        message = f"no engine to draw {path.name}, so its DOT text is in {written}; {INSTALL}"
        warnings.warn(message, RenderWarning, stacklevel=2)
        return written
    return _write(path, draw(dot, suffix, available))


def mimebundle(self: Graph, include: Any = None, exclude: Any = None) -> dict[str, str]:
    """What a notebook shows: the picture, or in text why there is none."""
    text = repr(self)
    if len(self) > LIMIT:
        return {"text/plain": f"{text}\n{_too_large(self, LIMIT, 'graph.render(path, limit={})')}"}
    available = engine()
    if available is None:
        return {"text/plain": f"{text}\n{INSTALL}"}
    try:
        svg = draw(dot_text(self, "LR"), "svg", available).decode()
    except RenderError as error:
        return {"text/plain": f"{text}\n{error}"}
    return {"image/svg+xml": svg, "text/plain": text}


def _check_direction(direction: str) -> None:
    if direction not in ("LR", "TB"):
        raise ArgumentError(
            f"direction={direction!r}; it is 'LR', left to right, or 'TB', top to bottom"
        )


def _check_size(graph: Graph, limit: int, call: str) -> None:
    if len(graph) > limit:
        raise GraphSizeError(_too_large(graph, limit, call))


def _too_large(graph: Graph, limit: int, call: str) -> str:
    return (
        f"this graph has {len(graph):,} nodes, more than the {limit:,} that are drawn unasked; "
        f"to draw it all the same: {call.format(len(graph))}"
    )


def _write(path: Path, content: bytes) -> Path:
    with draft(path, "render") as file:
        file.write(content)
    return path


for name, method in {"to_dot": to_dot, "render": render, "_repr_mimebundle_": mimebundle}.items():
    setattr(Graph, name, method)
