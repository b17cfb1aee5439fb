"""Graph.steps: a small graph as a sequence of pictures, forward and then backward."""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias, overload

from ..errors import ArgumentError, RenderError
from ..graph import Graph, GraphNode
from ..graph.steps import Derivatives, derivatives
from .captions import Captions
from .dot import Direction
from .engine import INSTALL, Engine, engine
from .picture import PNG_DPI, SUFFIXES, RenderWarning
from .scene import Scene, scene_of, scene_text
from .series import draw_all, write
from .sheet import page, sheet
from .themes import THEMES, ThemeName

MOST_TOGETHER = 24  # steps that a notebook shows; of more, the last one and all captions
Phase: TypeAlias = Literal["forward", "backward"]


class Step:
    """One picture of a `Steps`.

    number   its position in the sequence, from 0
    """

    def __init__(self, graph: Graph, scene: Scene, number: int) -> None:
        self._graph, self._scene, self.number = graph, scene, number

    @property
    def phase(self) -> Phase:
        """Whether values are computed, or derivatives."""
        return "backward" if self._scene.moments[self.number].backward else "forward"

    @property
    def node(self) -> GraphNode | None:
        """The node at work; None in the first step, which shows what is given."""
        at_work = self._scene.moments[self.number].node
        return None if at_work is None else self._graph.nodes[at_work]

    @property
    def caption(self) -> str:
        """What happens, in a line: "dJ/du = dJ/dv · dv/du = 3 · 1 = 3"."""
        return self._scene.moments[self.number].caption

    def to_dot(self) -> str:
        """The picture as text in Graphviz's DOT language; it has nothing of later steps."""
        return scene_text(self._scene, self.number)

    def render(self, path: str | os.PathLike[str]) -> Path:
        """Draw into a file, .svg, .png, .pdf or .dot, and return its path; as `Graph.render`."""
        path = Path(path)
        suffix = _suffix(path)
        available = _engine(suffix)
        if available is None:
            return _instead([path], [self.to_dot()], 3)[0]
        return write(path, _pictures(self._scene, [self.number], suffix, available)[0])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return _bundle(
            repr(self),
            lambda e: _pictures(self._scene, [self.number], "svg", e)[0],
        )

    def __repr__(self) -> str:
        return (
            f"<Step {self.number + 1} of {len(self._scene.moments)}, {self.phase}: {self.caption}>"
        )


class Steps(Sequence[Step]):
    """A computation step by step: what is given, each operation, then each derivative.

    graph        that the steps are of
    derivatives  by node id, of the output by each node that gradients flow to, as Python numbers
    A step is a picture; all of them have the same boxes at the same places.
    """

    def __init__(self, graph: Graph, scene: Scene) -> None:
        self.graph, self._scene = graph, scene

    @functools.cached_property
    def derivatives(self) -> dict[int, Any]:
        """The derivative of the output by each node that gradients flow to, by its id."""
        return dict(sorted(self._scene.derivatives.total.items()))

    @overload
    def __getitem__(self, index: int) -> Step: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Step, ...]: ...

    def __getitem__(self, index: int | slice) -> Step | tuple[Step, ...]:
        numbers = range(len(self))
        if isinstance(index, slice):
            return tuple([Step(self.graph, self._scene, i) for i in numbers[index]])
        try:
            return Step(self.graph, self._scene, numbers[index])
        except IndexError:
            raise IndexError(f"there are {len(self)} steps, and no {index}") from None

    def __iter__(self) -> Iterator[Step]:
        return (Step(self.graph, self._scene, i) for i in range(len(self)))

    def __len__(self) -> int:
        return len(self._scene.moments)

    def render(self, path: str | os.PathLike[str]) -> tuple[Path, ...]:
        """Draw all steps, and return the paths of the files that were written.

        path: "steps.svg", a sheet with all of them; "steps.html", a page to step through, with
            buttons and arrow keys, that needs no network; "steps-{}.png", with any suffix that
            `Graph.render` takes, a file for each, with its number in place of the braces; or a
            folder that exists, for 01.svg, 02.svg and so on.
        With no engine to draw with, writes numbered DOT texts, and warns.
        Raises ArgumentError for another suffix; RenderError where the engine fails. Nothing is
        written unless all is drawn.
        """
        place = Path(path)
        if place.is_dir():
            place = place / "{}.svg"
        elif os.fspath(path).endswith(("/", os.sep)):
            raise FileNotFoundError(
                f"render: there is no folder {os.fspath(path)!r}; make it first"
            )
        if "{}" in place.name:
            return self._numbered(place, _suffix(place))
        suffix = place.suffix.lower()
        if suffix not in (".svg", ".html", ".htm"):
            raise ArgumentError(
                f"render: {place.name!r} is one file for {len(self)} steps; it ends in .svg for a "
                "sheet or .html for a page to step through. A file for each step is "
                f"{place.stem + '-{}.png'!r}"
            )
        available = _engine("svg")
        if available is None:
            return self._numbered(place.with_name(f"{place.stem}-{{}}.svg"), "svg")
        return (write(place, self._together(available, suffix != ".svg")),)

    def _together(self, available: Engine, as_page: bool) -> bytes:
        svgs = _pictures(self._scene, range(len(self)), "svg", available)
        theme = THEMES[self._scene.theme]
        if as_page:
            title = f"Steps of {self._scene.captions.symbols[self._scene.derivatives.output]}"
            return page(svgs, [s.caption for s in self], title, theme.background, theme.ink)
        return sheet(svgs, theme.background, theme.frame)

    def _numbered(self, pattern: Path, suffix: str) -> tuple[Path, ...]:
        digits = len(str(len(self)))
        numbers = [f"{i:0{max(digits, 2)}}" for i in range(1, len(self) + 1)]
        paths = [pattern.with_name(pattern.name.replace("{}", number)) for number in numbers]
        available = _engine(suffix)
        if available is None:
            return tuple(_instead(paths, [step.to_dot() for step in self], 4))
        pictures = _pictures(self._scene, range(len(self)), suffix, available)
        return tuple([write(path, picture) for path, picture in zip(paths, pictures)])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        if len(self) <= MOST_TOGETHER:
            return _bundle(repr(self), lambda e: self._together(e, as_page=False))
        # Each picture shows the whole graph: all of them would make a notebook too large.
        last = [len(self) - 1]
        return _bundle(f"{self!r}\n{self}", lambda e: _pictures(self._scene, last, "svg", e)[0])

    def __repr__(self) -> str:
        symbol = self._scene.captions.symbols[self._scene.derivatives.output]
        forward = sum(not moment.backward for moment in self._scene.moments)
        return f"<Steps of {symbol}: {forward} forward, {len(self) - forward} backward>"

    def __str__(self) -> str:
        return "\n".join([f"{step.number + 1:>3}  {step.caption}" for step in self])


def steps(self: Graph, *, theme: ThemeName = "light", direction: Direction | None = None) -> Steps:
    """The computation of a scalar from scalars, step by step, as it is drawn on a blackboard.

    First what is given; then each operation in order, with its numbers; then, from dJ/dJ = 1 down,
    each derivative by the chain rule, written out: dJ/du = dJ/dv · dv/du. What is used several
    times gets the sum. Values stand in the boxes, derivatives below them, and dv/du on the edges.
    Whether backward was called makes no difference, and no `grad` is touched: derivatives are
    computed anew from the values in the graph.

    theme: "light", on white, or "dark".
    direction: "LR" draws to the right, "TB" downward; None to the right, but downward where more
        than 6 boxes would stand in a row.
    Complex numbers: dJ/dz is such that dJ = Re(dJ/dz · dz), so that the chain rule multiplies;
    the `grad` of a leaf is its conjugate.
    Raises ArgumentError where the graph has arrays, several outputs or a complex one, or where an
    operation cannot be applied anew; GraphSizeError for more than 60 nodes.

    >>> a, b, c = (tg.Variable(x, name=n) for x, n in ((5.0, "a"), (3.0, "b"), (2.0, "c")))
    >>> u = b * c
    >>> J = 3 * (a + u)
    >>> print(tg.graph(J, names={"u": u, "J": J}).steps())
      1  a = 5, b = 3, c = 2
      2  u = b × c = 3 × 2 = 6
      3  v1 = a + u = 5 + 6 = 11
      4  J = 3 × v1 = 3 × 11 = 33
      5  dJ/dJ = 1
      6  dJ/dv1 = dJ/dJ · dJ/dv1 = 1 · 3 = 3
      7  dJ/du = dJ/dv1 · dv1/du = 3 · 1 = 3
      8  dJ/dc = dJ/du · du/dc = 3 · 3 = 9
      9  dJ/db = dJ/du · du/db = 3 · 2 = 6
     10  dJ/da = dJ/dv1 · dv1/da = 3 · 1 = 3
    """
    if theme not in THEMES:
        raise ArgumentError(f"theme={theme!r}; it is 'light', which prints well, or 'dark'")
    if direction not in (None, "LR", "TB"):
        raise ArgumentError(
            f"direction={direction!r}; it is 'LR', left to right, or 'TB', top to bottom"
        )
    found: Derivatives = derivatives(self)
    return Steps(self, scene_of(Captions(self, found), found, theme, direction))


# Drawing


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in SUFFIXES:
        raise ArgumentError(
            f"render: {path.name!r} ends in neither of .svg, .png, .pdf, .dot, which choose the "
            f"format; for example {path.stem + '.svg'!r}"
        )
    return suffix


def _engine(suffix: str) -> Engine | None:
    return "dot" if suffix == "dot" else engine()


def _pictures(scene: Scene, numbers: Sequence[int], suffix: str, available: Engine) -> list[bytes]:
    dpi = PNG_DPI if suffix == "png" else None
    texts = [scene_text(scene, number, dpi) for number in numbers]
    if suffix == "dot":
        return [text.encode() for text in texts]
    return draw_all(texts, suffix, available)


def _instead(paths: Sequence[Path], texts: Sequence[str], stacklevel: int) -> list[Path]:
    """The texts in files, where nothing can draw them."""
    written = [write(p.with_suffix(".dot"), t.encode()) for p, t in zip(paths, texts, strict=True)]
    warnings.warn(
        f"no engine to draw {paths[0].name}, so its DOT text is in {written[0]}; {INSTALL}",
        RenderWarning,
        stacklevel=stacklevel,
    )
    return written


def _bundle(text: str, picture: Any) -> dict[str, str]:
    """What a notebook shows: the picture, or in text why there is none."""
    available = engine()
    if available is None:
        return {"text/plain": f"{text}\n{INSTALL}"}
    try:
        svg = picture(available).decode()
    except RenderError as error:
        return {"text/plain": f"{text}\n{error}"}
    return {"image/svg+xml": svg, "text/plain": text}


type.__setattr__(Graph, "steps", steps)
