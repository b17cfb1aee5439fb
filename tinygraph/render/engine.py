"""What lays a graph out and draws it: Graphviz, on the system or inside pygraphviz."""

from __future__ import annotations

import shutil
import threading
from typing import Literal, TypeAlias

from ..errors import RenderError

Engine: TypeAlias = Literal["dot", "pygraphviz"]

INSTALL = (
    'to see it drawn, pip install "tinygraph-autodiff[viz]", '
    "or install Graphviz so that `dot` is on the PATH"
)

# Graphviz as a library keeps its state in global variables.
_one_at_a_time = threading.Lock()


def engine() -> Engine | None:
    """The engine in use: `dot` where it is on the PATH, else pygraphviz, else None."""
    if shutil.which("dot"):
        return "dot"
    try:
        import pygraphviz  # noqa: F401
    except ImportError:
        return None
    return "pygraphviz"


def draw(dot: str, suffix: str, engine: Engine) -> bytes:
    """The picture of DOT text as svg, png or pdf. Raises RenderError where the engine fails."""
    return _draw_with_dot(dot, suffix) if engine == "dot" else _draw_with_pygraphviz(dot, suffix)


def _draw_with_dot(dot: str, suffix: str) -> bytes:
    import graphviz

    try:
        picture: bytes = graphviz.pipe("dot", suffix, dot.encode(), quiet=True)
    except (graphviz.CalledProcessError, OSError) as error:
        said = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
        raise RenderError(f"render: `dot` failed to draw {suffix}: {said or error}") from error
    return picture


def _draw_with_pygraphviz(dot: str, suffix: str) -> bytes:
    import pygraphviz

    try:
        with _one_at_a_time:
            picture: bytes = pygraphviz.AGraph(string=dot).draw(format=suffix, prog="dot")
    except (ValueError, OSError) as error:
        raise RenderError(f"render: pygraphviz failed to draw {suffix}: {error}") from error
    return picture
