"""What modes are told of each operation: its call, forward, and its turn, backward.

A mode such as `detect_anomaly` listens with a `Tracer`, in its own thread or asyncio task. While
nobody listens anywhere, nothing of this runs: with the first listener the functions of all
operations get other code, `_detour`, and with the last one they get their own back. Backward asks
once, when it begins.
"""

from __future__ import annotations

import linecache
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar, Token
from operator import attrgetter
from types import FrameType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .modes import Mode
from .source import divert, restore
from .tensor import Tensor

if TYPE_CHECKING:
    from .node import Node
    from .primitive import Primitive

_tracers: ContextVar[tuple[Tracer, ...]] = ContextVar("tinygraph_tracers", default=())
active = _tracers.get


class Site(NamedTuple):
    """Where the user called an operation."""

    file: str
    line: int
    function: str

    @property
    def source(self) -> str:
        """The line itself, without indentation; empty where it is not known."""
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}"
        if self.function != "<module>":
            where += f", in {self.function}"
        return f"{where}\n    {self.source}" if self.source else where


class Trace:
    """What is noted of one call, at the nodes it made; it holds no tensor.

    site      where the user called it, or None
    seconds   how long it took
    notes     what tracers note, under keys of their own
    """

    __slots__ = ("notes", "seconds", "site")

    def __init__(self, site: Site | None, seconds: float) -> None:
        self.site, self.seconds = site, seconds
        self.notes: dict[Any, Any] = {}


class Call(NamedTuple):
    """A call of an operation that has returned.

    arguments   as the user gave them, by name
    result      a Tensor or several; where NumPy's `out=` was given, that
    node        what was recorded of it, or None
    """

    primitive: Primitive
    arguments: dict[str, Any]
    result: Any
    node: Node | None
    trace: Trace


class Tracer:
    """Is told what happens. Whatever a method raises, the user gets.

    light    it asks for nothing but `made`: where all do, neither lines nor arguments are found out
    sites    it asks where the user's calls are
    """

    light = False
    sites = True

    def made(self, node: Node) -> None:
        """An operation has made a node; one with several outputs makes one for each, too."""

    def called(self, call: Call) -> None:
        """An operation has returned."""

    def begin(self, seeds: Mapping[Node, Any]) -> None:
        """A backward pass begins, with these cotangents."""

    def before_pull(self, node: Node, ct: Any) -> None:
        """It goes through a node, whose cotangent is complete."""

    def pulled(self, node: Node, ct: Any, pairs: tuple[tuple[Node, Any], ...]) -> None:
        """The rules of a node have returned what its parents get."""

    def end(self, cotangents: Mapping[Node, Any]) -> None:
        """It ends, with these cotangents of leaves, or of what was asked for."""


class Listening(Mode):
    """A mode with a tracer: within it, the tracer is told."""

    def _tracer(self) -> Tracer:
        raise NotImplementedError

    def _begin(self) -> Token[Any]:
        return self._listen(self._tracer())

    def _listen(self, tracer: Tracer, instead_of: Tracer | None = None) -> Token[Any]:
        """Let the tracer be told from now on, and another one that listens here no longer."""
        others = [other for other in active() if other is not instead_of]
        _listen(1)
        return _tracers.set((*others, tracer))

    def _end(self, token: Token[Any]) -> None:
        _listen(-1)
        super()._end(token)


# The functions of all operations, with their primitive and, of operators, what they call operands.
_functions: list[tuple[FunctionType, Primitive, tuple[str, ...] | None]] = []
_listeners = 0
_switching = threading.RLock()


def traceable(
    function: FunctionType, primitive: Primitive, operands: tuple[str, ...] | None
) -> FunctionType:
    """The function of an operation, which from now on can be listened to."""
    with _switching:
        _functions.append((function, primitive, operands))
        if _listeners:
            _divert(*_functions[-1])
    return function


def _listen(more: int) -> None:
    """There is one listener more, or less."""
    global _listeners
    with _switching:
        before, _listeners = _listeners, _listeners + more
        if not before:
            for entry in _functions:
                _divert(*entry)
        elif not _listeners:
            for function, _, _ in _functions:
                restore(function)


def _divert(function: FunctionType, primitive: Primitive, operands: tuple[str, ...] | None) -> None:
    divert(
        function, _detour, _active=active, _traced=_traced, _primitive=primitive, _names=operands
    )


def _detour(*args: Any, **keywords: Any) -> Any:
    # Its names are those of the operation's own globals.
    tracers = _active()  # type: ignore[name-defined]  # noqa: F821
    if not tracers:
        return _itself(*args, **keywords)  # type: ignore[name-defined]  # noqa: F821
    return _traced(tracers, _primitive, _itself, _names, args, keywords)  # type: ignore[name-defined]  # noqa: F821


def _traced(
    tracers: tuple[Tracer, ...],
    primitive: Primitive,
    function: Callable[..., Any],
    operands: tuple[str, ...] | None,
    args: tuple[Any, ...],
    keywords: dict[str, Any],
) -> Any:
    """Call an operation, and tell the tracers."""
    if all(map(_is_light, tracers)):
        result = function(*args, **keywords)
        for node in _made(primitive, result):
            for tracer in tracers:
                tracer.made(node)
        return result
    site = user_site(sys._getframe(2)) if any(map(_asks_sites, tracers)) else None
    began = time.perf_counter()
    result = function(*args, **keywords)
    trace = Trace(site, time.perf_counter() - began)
    found = None
    for node in _made(primitive, result):
        node._trace = trace
        if node.primitive is primitive:
            found = node
        for tracer in tracers:
            tracer.made(node)
    call = Call(primitive, _named(primitive, operands, args, keywords), result, found, trace)
    for tracer in tracers:
        tracer.called(call)
    return result


_is_light, _asks_sites = attrgetter("light"), attrgetter("sites")


def _made(primitive: Primitive, result: Any) -> Iterator[Node]:
    """The nodes that a call made, each once: its own, and of several outputs theirs."""
    whole = None
    for output in result if isinstance(result, tuple) else (result,):
        node = output.node if type(output) is Tensor else None
        if node is None or node.pullback is None:
            continue
        if primitive.several:
            yield node
            node = node.parent
        if node is not whole and node.primitive is primitive:
            whole = node
            yield node


def _named(
    primitive: Primitive,
    operands: tuple[str, ...] | None,
    args: tuple[Any, ...],
    keywords: dict[str, Any],
) -> dict[str, Any]:
    """The arguments by name; NumPy's own keywords under theirs."""
    if operands is not None:
        return dict(zip(operands, args))
    own = {k: v for k, v in keywords.items() if k in primitive.signature.parameters}
    bound = primitive.signature.bind(*args, **own)
    return bound.arguments | keywords


_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
_INTERNAL = (_OURS, os.path.dirname(np.__file__) + os.sep, "<tinygraph ", "<__array_function__ ")


def user_frame(frame: FrameType | None) -> FrameType | None:
    """The innermost frame, from this one on, that is neither tinygraph's nor NumPy's."""
    while frame is not None and frame.f_code.co_filename.startswith(_INTERNAL):
        frame = frame.f_back
    return frame


def user_site(frame: FrameType | None) -> Site | None:
    """Where that frame is."""
    found = user_frame(frame)
    return found and Site(found.f_code.co_filename, found.f_lineno, found.f_code.co_name)


def pull_told(
    tracers: tuple[Tracer, ...], seeds: Mapping[Node, Any], pull: Callable[..., Any]
) -> Callable[..., Any]:
    """A way through nodes that tells the tracers; they are told here that it begins."""
    for tracer in tracers:
        tracer.begin(seeds)

    def told(node: Node, ct: Any, *rest: Any) -> Any:
        for tracer in tracers:
            tracer.before_pull(node, ct)
        pairs = tuple(pull(node, ct, *rest))
        for tracer in tracers:
            tracer.pulled(node, ct, pairs)
        return pairs

    return told


def arrays_in(x: Any) -> Iterator[Any]:
    """The floating and complex arrays and numbers in an argument, a result or a cotangent."""
    if type(x) is Tensor:
        x = x.value
    if isinstance(x, (np.ndarray, np.generic)):
        if x.dtype.kind in "fc":
            yield x
    elif isinstance(x, (float, complex)):
        yield np.asarray(x)
    elif isinstance(x, (list, tuple)):
        for item in x:
            yield from arrays_in(item)
    elif hasattr(x, "cts"):  # of an operation with several outputs
        for ct in x.cts.values():
            yield from arrays_in(ct)
