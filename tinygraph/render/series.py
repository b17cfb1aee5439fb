"""Several pictures at once: drawn by one run of the engine where it can, written as a whole."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ..draft import draft
from ..errors import RenderError
from .engine import Engine, draw

# As engine.PYGRAPHVIZ, for many: starting Python takes longer than drawing a small graph.
MANY = """
import json, sys, pygraphviz
for text in json.load(sys.stdin):
    picture = pygraphviz.AGraph(string=text).draw(format=sys.argv[1], prog="dot")
    sys.stdout.buffer.write(len(picture).to_bytes(8, "big") + picture)
"""


def draw_all(texts: Sequence[str], suffix: str, engine: Engine) -> list[bytes]:
    """The pictures of DOT texts. Raises RenderError where the engine fails."""
    if engine == "dot" or len(texts) == 1:
        return [draw(text, suffix, engine) for text in texts]
    import json  # late, as all of this: most programs draw nothing
    import subprocess

    run = subprocess.run(
        [sys.executable, "-P", "-c", MANY, suffix],
        input=json.dumps(texts).encode(),
        capture_output=True,
        check=False,
    )
    if run.returncode:
        said = run.stderr.decode(errors="replace").strip()
        raise RenderError(f"render: pygraphviz failed to draw {suffix}: {said}")
    pictures, rest = [], memoryview(run.stdout)
    while rest:
        size = int.from_bytes(rest[:8], "big")
        pictures.append(bytes(rest[8 : 8 + size]))
        rest = rest[8 + size :]
    return pictures


def write(path: str | os.PathLike[str], content: bytes) -> Path:
    """Replace a file as a whole, or not at all."""
    with draft(Path(path), "render") as file:
        file.write(content)
    return Path(path)
