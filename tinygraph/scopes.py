"""Scopes: which part of a program a node comes from, by the names of modules and of `tg.scope`.

Operations know nothing of scopes. A function with a result, as a module's `forward`, leaves a mark
at its result when it returns: when it began, when it ended, and its name. What it computed on the
way is found when a graph is taken (`graph.scoping`): the nodes from which its result comes and that
were made since it began, so that it does not matter what other threads did meanwhile. A block,
`with tg.scope("x"):`, has no result: it listens to operations while it is open, and marks each
node. Marks stand at nodes and go with them.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import Token
from typing import Any, TypeVar

from . import tracing
from .containers import leaves
from .errors import ArgumentError
from .node import PARAMETER, Node, clock
from .tensor import Tensor
from .tracing import Listening, Tracer

Function = TypeVar("Function", bound=Callable[..., Any])

# A mark is (began, ended, path, kind, older mark); of a block, (Block, None, None, None, older).


def _put(node: Node, mark: Any) -> None:
    """Leave a mark; `scope.mark` can tell by the time that there is one."""
    node._room = mark
    next(clock)


class Block(Tracer):
    """A `with tg.scope(name)` that was entered: it marks the nodes that are made in it.

    began    the time at which it was entered
    outer    the block around it, or None
    """

    __slots__ = ("began", "name", "outer")
    light = True
    sites = False

    def __init__(self, name: str, outer: Block | None) -> None:
        self.name, self.outer = name, outer
        self.began = next(clock)

    def made(self, node: Node) -> None:
        """An operation has made a node."""
        _put(node, (self, None, None, None, None))


def _innermost() -> Block | None:
    for tracer in reversed(tracing.active()):
        if type(tracer) is Block:
            return tracer
    return None


def marked_here(node: Node, inner: Node | None = None, began: int = 0) -> None:
    """Mark a node that no operation made: that of a checkpointed function, or of its result.

    inner, began: for a result, the node that it stands for, and when the function was called. Calls
        that did all the function did, as where the function is a module, are taken over.
    """
    calls: list[tuple[Any, ...]] = []
    mark = None if inner is None else inner.marks
    while mark is not None and mark[1] is not None and mark[0] == began + 1 + len(calls):
        calls.append(mark[:4])
        mark = mark[4]
    block = _innermost()
    own = None if block is None else (block, None, None, None, None)
    for call in reversed(calls):
        own = (*call, own)
    if own is not None:
        _put(node, own)


class scope(Listening):  # noqa: N801 - reads as a verb
    """Name a part of a computation; nodes of the graph tell it, and pictures draw a box around it.

    name: of the part. Scopes nest, and a node has the dotted path of those that it was made in,
        "encoder.attention". Modules of `nn` are scopes by themselves.

    As a block it holds for its own thread or asyncio task. As a decorator it names what a function
    computes: the results, and all they come from that was computed since the function was called.

    >>> w = tg.Variable(2.0, name="w")
    >>> with tg.scope("penalty"):
    ...     penalty = w * w
    >>> tg.graph(penalty).nodes[-1].scope
    'penalty'

    Operations outside cost what they did. Entering the outermost block takes about 0.2 ms, and an
    operation in it 1 µs more. A decorated function, and a module, takes 0.3 µs more each call and
    its operations nothing: in a training loop, prefer it.
    Raises ArgumentError for a name that is not a string with something in it.
    """

    def __new__(cls, name: str) -> Any:
        """A scope with this name."""
        if not isinstance(name, str) or not name.strip("."):
            raise ArgumentError(
                f'scope: {name!r} came; it needs a name, as in with tg.scope("encoder"):'
            )
        return Listening.__new__(cls, name=name)

    @property
    def name(self) -> str:
        """What it is called."""
        name: str = self._settings["name"]
        return name

    def _begin(self) -> Token[Any]:
        outer = _innermost()
        return self._listen(Block(self.name, outer), instead_of=outer)

    def __call__(self, function: Function) -> Function:
        """The same function, whose results tell that they come from here."""
        name, wrapper = self.name, _marking
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ArgumentError(
                f"scope cannot decorate the generator function {function.__qualname__}; write "
                f"`with tg.scope({name!r}):` around the parts between its yields"
            )
        if inspect.iscoroutinefunction(function):
            wrapper = _marking_later
        return functools.wraps(function)(wrapper(function, name))  # type: ignore[return-value]

    # What `nn.Module` calls, and who writes something like it may.

    # `next(scope.clock)` is the time, to be given to `mark`.
    clock = clock

    @staticmethod
    def mark(result: Any, began: int, path: str, kind: type | None = None) -> None:
        """Tell of tensors, also in containers, that a call computed them which began at this time.

        path: its name. Of a module its attribute path from the outermost one, "" for that itself.
        kind: a module's class. Paths of modules go on from each other: "encoder.0" called by
            "encoder" does not make "encoder.encoder.0".
        """
        if type(result) is Tensor:
            node = result.node
            if node is not None and node.order > began and node.pullback is not None:
                ended = next(clock)
                # Looking for a mark where there is none takes longer than all else here.
                fresh = ended == node.order + 1
                older = None if fresh else node.marks
                node._room = (began, ended, path, kind, older)
            return
        ended = next(clock)
        for _, item in leaves(result, ""):
            if type(item) is Tensor:
                node = item.node
                if node is not None and node.order > began and node.pullback is not None:
                    node._room = (began, ended, path, kind, node.marks)

    @staticmethod
    def own(parameter: Tensor) -> None:
        """Tell of a leaf that it is a parameter of a module."""
        if parameter.node is not None and parameter.node.pullback is None:
            parameter.node.params = PARAMETER


def _marking(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        began = next(clock)
        result = function(*args, **kwargs)
        scope.mark(result, began, name)
        return result

    return wrapper


def _marking_later(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        began = next(clock)
        result = await function(*args, **kwargs)
        scope.mark(result, began, name)
        return result

    return wrapper
