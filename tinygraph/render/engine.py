"""What lays a graph out and draws it: Graphviz, on the system or inside pygraphviz."""

from __future__ import annotations

import sys
from typing import Literal, TypeAlias

from ..errors import RenderError

Engine: TypeAlias = Literal["dot", "pygraphviz"]

INSTALL = (
    'to see it drawn, pip install "tinygraph-autodiff[viz]", '
    "or install Graphviz so that `dot` is on the PATH"
)

# In a process of its own, as `dot` is: Graphviz as a library keeps its state in global variables
# and writes warnings of its fonts past Python to the terminal.
PYGRAPHVIZ = """
import sys, pygraphviz
graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())
sys.stdout.buffer.write(graph.draw(format=sys.argv[1], prog="dot"))
"""


def engine() -> Engine | None:
    """The engine in use: `dot` where it is on the PATH, else pygraphviz, else None."""
    import importlib.util  # late, as what follows: most programs draw nothing
    import shutil

    if shutil.which("dot"):
        return "dot"
    return "pygraphviz" if importlib.util.find_spec("pygraphviz") else None


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
    command = [sys.executable, "-P", "-c", PYGRAPHVIZ, suffix]
    import subprocess

    run = subprocess.run(command, input=dot.encode(), capture_output=True, check=False)
    if run.returncode or not run.stdout:
        said = run.stderr.decode(errors="replace").strip()
        raise RenderError(f"render: pygraphviz failed to draw {suffix}: {said}")
    return run.stdout
