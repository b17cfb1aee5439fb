"""The ways to see a graph, as methods of Graph: DOT text, a file, a notebook's output."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..draft import draft
from ..errors import ArgumentError, RenderError
from ..graph import Graph
from .dot import Direction, Style, dot_text
from .engine import INSTALL, draw, engine
from .outlining import Depth, outline
from .overlays import OVERLAYS, Overlay
from .themes import THEMES, ThemeName

SUFFIXES = ("svg", "png", "pdf", "dot")
PNG_DPI = 144  # pixels per inch: sharp on a display with twice the usual density


class RenderWarning(UserWarning):
    """A picture was asked for, and its DOT text was written instead."""


def to_dot(
    self: Graph,
    *,
    depth: Depth = None,
    theme: ThemeName = "light",
    direction: Direction | None = None,
    constants: bool = True,
    overlay: Overlay | None = None,
    backward: bool = True,
    limit: int | None = None,
) -> str:
    """The picture as text in Graphviz's DOT language; the same graph gives the same text.

    Options and errors are those of `render`.
    """
    style = _style(theme, direction, backward, overlay)
    return dot_text(self, outline(self, depth=depth, constants=constants, limit=limit), style)


def render(
    self: Graph,
    path: str | os.PathLike[str],
    *,
    depth: Depth = None,
    theme: ThemeName = "light",
    direction: Direction | None = None,
    constants: bool = True,
    overlay: Overlay | None = None,
    backward: bool = True,
    limit: int | None = None,
) -> Path:
    """Draw into a file, and return its path. The suffix chooses: .svg, .png, .pdf or .dot.

    Each node is drawn, with its value or shape and, below a line, its gradient, if there are 120 of
    them at most. Of more, scopes are drawn as boxes as far as need be, equal blocks and the turns
    of loops once, "× 12", and long chains in short; a line below the picture tells.

    depth: how many scopes, one inside the other, are opened: 1 draws the outermost ones as a box
        each, 0 all as one box, "all" each node.
    theme: "light", on white, or "dark".
    direction: "LR" draws from left to right, "TB" from top to bottom; None to the right, but
        downward where more than 16 boxes would stand in a row.
    constants: whether operands that are not differentiated are drawn.
    overlay: what colours tell: "time", "backward time", "memory" (kept for backward), "gradient"
        (its norm), "nan" (where NaNs and infinities are; the first one is ringed) or "dtype". Most
        need what `tg.record` keeps.
    backward: whether gradients are drawn; one that was not computed is told from 0.
    limit: the most boxes, 120 by default, 300 with a depth; with depth="all" the most nodes, 1,000.

    With no engine to draw with, writes the DOT text beside the path, as .dot, and warns.
    Raises ArgumentError for another suffix or option, and for an overlay of which nothing was
    recorded; GraphSizeError where "all" nodes are more than the limit; RenderError where the engine
    fails. A file is replaced as a whole, or not at all.
    """
    path = Path(path)
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in SUFFIXES:
        raise ArgumentError(
            f"render: {path.name!r} ends in neither of .svg, .png, .pdf, .dot, "
            f"which choose the format; for example {path.stem + '.svg'!r}"
        )
    style = _style(theme, direction, backward, overlay)
    drawn = outline(self, depth=depth, constants=constants, limit=limit)
    dot = dot_text(self, drawn, replace(style, dpi=PNG_DPI if suffix == "png" else None))
    if suffix == "dot":
        return _write(path, dot.encode())
    available = engine()
    if available is None:
        written = _write(path.with_suffix(".dot"), dot_text(self, drawn, style).encode())
        message = f"no engine to draw {path.name}, so its DOT text is in {written}; {INSTALL}"
        warnings.warn(message, RenderWarning, stacklevel=2)
        return written
    return _write(path, draw(dot, suffix, available))


def mimebundle(self: Graph, include: Any = None, exclude: Any = None) -> dict[str, str]:
    """What a notebook shows: the picture, or in text why there is none."""
    text = repr(self)
    available = engine()
    if available is None:
        return {"text/plain": f"{text}\n{INSTALL}"}
    try:
        svg = draw(self.to_dot(), "svg", available).decode()
    except RenderError as error:
        return {"text/plain": f"{text}\n{error}"}
    return {"image/svg+xml": svg, "text/plain": text}


def _style(theme: str, direction: str | None, backward: bool, overlay: str | None) -> Style:
    if direction not in (None, "LR", "TB"):
        raise ArgumentError(
            f"direction={direction!r}; it is 'LR', left to right, or 'TB', top to bottom"
        )
    if theme not in THEMES:
        raise ArgumentError(f"theme={theme!r}; it is 'light', which prints well, or 'dark'")
    if overlay is not None and overlay not in OVERLAYS:
        raise ArgumentError(
            f"overlay={overlay!r}; it is one of {', '.join(map(repr, OVERLAYS))}, or None"
        )
    return Style(direction, theme, bool(backward), overlay)  # type: ignore[arg-type]


def _write(path: Path, content: bytes) -> Path:
    with draft(path, "render") as file:
        file.write(content)
    return path


for name, method in {"to_dot": to_dot, "render": render, "_repr_mimebundle_": mimebundle}.items():
    setattr(Graph, name, method)
