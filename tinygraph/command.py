"""The command line: `python -m tinygraph graph script.py --output loss --html loss.html`.

Exit codes: 0, done; 1, it could not be drawn, or the script failed; 2, a wrong command line; 130,
interrupted. Where the script ends itself with a code of its own, that one.
"""

from __future__ import annotations

import argparse
import difflib
import runpy
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path
from typing import Any

from .errors import TinygraphError
from .graph import Graph, graph, graph_of
from .node import Node
from .recording import record
from .tensor import Tensor
from .tracing import Listening, Tracer

DISTRIBUTION = "tinygraph-autodiff"
EPILOG = """\
examples:
  python -m tinygraph graph script.py                        a table of what it computes
  python -m tinygraph graph script.py --output loss --html out.html
  python -m tinygraph graph script.py --draw out.svg --depth 1
  python -m tinygraph graph script.py --html out.html -- --epochs 1     arguments of the script
"""


class Refusal(Exception):
    """What cannot be done, in words for the user."""


class Remembering(Tracer):
    """Remembers the nodes at which the last backward pass began."""

    def __init__(self) -> None:
        self.roots: list[Node] = []

    def begin(self, seeds: Mapping[Node, Any]) -> None:
        """Another one begins."""
        self.roots = list(seeds)


class LastBackward(Listening):
    """A mode in which `tracer` is told of backward passes."""

    def __new__(cls) -> Any:
        """One that has seen none."""
        return Listening.__new__(cls, tracer=Remembering())

    @property
    def tracer(self) -> Remembering:
        """What it remembers."""
        found: Remembering = self._settings["tracer"]
        return found

    def _tracer(self) -> Tracer:
        return self.tracer


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say, those of the process if none are given; return the exit code."""
    parser = _parser()
    given = list(sys.argv[1:] if arguments is None else arguments)
    of_script: list[str] = []
    if "--" in given:
        at = given.index("--")
        given, of_script = given[:at], given[at + 1 :]
    chosen = parser.parse_args(given)
    if chosen.command is None:
        parser.print_help()
        return 0
    try:
        return _graph(chosen, of_script)
    except KeyboardInterrupt:
        return 130
    except (Refusal, TinygraphError, OSError) as error:
        sys.stderr.write(f"tinygraph graph: {error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tinygraph",
        description="Computation graphs of scripts that use tinygraph, which stay as they are.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tinygraph {_version()}")
    commands = parser.add_subparsers(dest="command", title="commands", metavar="")
    run = commands.add_parser(
        "graph",
        help="run a script, and draw the graph of a result",
        description="Run a script, and draw the graph of a variable of it, or of what it last "
        "called backward() on. Without --html, --draw or --json, print a table of it.",
        epilog="What comes after -- are arguments of the script.",
    )
    run.add_argument("script", type=Path)
    run.add_argument("--output", metavar="NAME", help="the variable; else the last backward()")
    run.add_argument("--html", type=Path, metavar="FILE", help="a page to look around in")
    run.add_argument("--draw", type=Path, metavar="FILE", help="a picture: .svg, .png, .pdf, .dot")
    run.add_argument("--json", type=Path, metavar="FILE", help="the graph as data")
    run.add_argument("--depth", metavar="N", type=_depth, help="how many scopes --draw opens")
    run.add_argument("--overlay", metavar="WHAT", help="what colours tell in --draw: time, nan, …")
    run.add_argument("--theme", choices=["light", "dark"], help="of --draw")
    run.add_argument(
        "--record",
        action="store_true",
        help="keep statistics of values and gradients, and times: 30 µs more per operation",
    )
    return parser


def _version() -> str:
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _depth(text: str) -> int | str:
    if text == "all":
        return text
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor 'all'") from None


def _graph(chosen: argparse.Namespace, of_script: list[str]) -> int:
    if not chosen.script.is_file():
        what = "a folder" if chosen.script.is_dir() else "not there"
        sys.stderr.write(f"tinygraph graph: {str(chosen.script)!r} is {what}\n")
        return 2
    with ExitStack() as modes:
        if chosen.record:
            modes.enter_context(record())
        else:
            modes.enter_context(record(values=False, time=False))
        last = modes.enter_context(LastBackward())
        code, variables = _run(chosen.script, of_script)
    if code:
        return code
    drawn = _chosen(chosen, variables, last.tracer.roots)
    if chosen.html:
        drawn.to_html(chosen.html, title=f"{chosen.output or 'backward()'} in {chosen.script.name}")
    if chosen.draw:
        look = {name: getattr(chosen, name) for name in ("depth", "overlay", "theme")}
        drawn.render(chosen.draw, **{name: x for name, x in look.items() if x is not None})
    if chosen.json:
        drawn.to_json(chosen.json)
    files = [str(path) for path in (chosen.html, chosen.draw, chosen.json) if path]
    said = f"{drawn!r} in {', '.join(files)}" if files else str(drawn.summary())
    sys.stdout.write(f"{said}\n")
    return 0


def _run(script: Path, arguments: list[str]) -> tuple[int, dict[str, Any]]:
    """Run it as Python does; its exit code and its global variables."""
    before = sys.argv, sys.path[:]
    sys.argv = [str(script), *arguments]
    sys.path.insert(0, str(script.resolve().parent))
    try:
        return 0, runpy.run_path(str(script), run_name="__main__")
    except SystemExit as end:
        variables: dict[str, Any] = {}
        for frame, _ in traceback.walk_tb(end.__traceback__):
            if frame.f_code.co_name == "<module>" and frame.f_code.co_filename == str(script):
                variables = dict(frame.f_globals)
        if end.code is None or isinstance(end.code, int):
            return end.code or 0, variables
        sys.stderr.write(f"{end.code}\n")
        return 1, variables
    except Exception as error:  # noqa: BLE001 - whatever the script raises, and shown as Python does
        sys.stderr.write(_traceback(error, script))
        return 1, {}
    finally:
        sys.argv, sys.path[:] = before


def _traceback(error: BaseException, script: Path) -> str:
    """As Python would show it, from the script on."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename != str(script):
        frames = frames.tb_next
    return "".join(traceback.format_exception(error.with_traceback(frames)))


def _chosen(chosen: argparse.Namespace, variables: dict[str, Any], roots: list[Node]) -> Graph:
    names = {name: value for name, value in variables.items() if not name.startswith("_")}
    tracked = [name for name, x in names.items() if type(x) is Tensor and x.node is not None]
    results = [name for name in tracked if not names[name].is_leaf]
    if chosen.output is None:
        if not roots:
            raise Refusal(
                f"{chosen.script.name} called no backward(); say with --output which variable to "
                f"draw{_listed(results)}"
            )
        return graph_of(roots, names)
    if chosen.output not in names:
        close = difflib.get_close_matches(chosen.output, names, 1)
        hint = f"; did you mean {close[0]!r}?" if close else _listed(results)
        raise Refusal(
            f"{chosen.script.name} has no global variable {chosen.output!r}{hint}. Without "
            "--output, what backward() was last called on is drawn, also in a function"
        )
    return graph(names[chosen.output], names=names)


def _listed(names: list[str]) -> str:
    return f"; it has {', '.join(names[:8])}" if names else "; it has no tensor that was computed"
