"""checkpoint: memory for time. What is inside is computed again when backward needs it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy, deepcopy
from typing import Any, TypeVar

import numpy as np

from .application import check_callable, name_of
from .backward import propagate
from .containers import filled, leaves
from .errors import BackwardError, StaleGraphError
from .hooks import Hooks
from .modes import enable_grad, recording
from .node import Node, clock
from .outputs import is_unused, outputs_of
from .primitive import Primitive
from .scopes import marked_here
from .tensor import Tensor, untracked

Function = TypeVar("Function", bound=Callable[..., Any])
Generator = TypeVar("Generator")


def checkpoint(function: Function) -> Function:
    """The same function, which keeps its arguments for backward instead of all it computes.

    Backward calls it a second time, and forgets what is inside again. A chain of n layers in √n
    checkpointed parts so needs memory for about 2√n layers, for one more forward pass (Chen et al.
    2016, "Training deep nets with sublinear memory cost").

    function: takes and returns anything, tensors also in containers. Gradients flow to all that is
        tracked: arguments, by position or keyword, and what it uses from outside, as parameters.
        To checkpoint a part of a module, call it so in `forward`: `tg.checkpoint(self.block)(x)`.
    It must compute the same again. Dropout does: `tg.reproducible` draws the same numbers. Batch
    normalisation moves its averages once (`tg.is_recomputing`). Other side effects happen twice.
    Any order of derivative can be taken; with `create_graph=True` what was computed again is kept,
    as part of the graph of the gradient. A `tg.where` keeps NaN of the branch not taken out of
    what was computed beside it, not of what a checkpointed function computed for it.

    >>> block = tg.checkpoint(lambda x: np.sin(np.sin(x)))
    >>> tg.grad(block)(0.5) == tg.grad(lambda x: np.sin(np.sin(x)))(0.5)
    tensor(True)

    Backward raises BackwardError if the second call computes something else than the first, as far
    as a sample of each result's elements shows, and StaleGraphError if a leaf that it uses has
    changed in between.
    """
    check_callable("checkpoint", function)

    @functools.wraps(function, updated=())
    def checkpointed(*args: Any, **keywords: Any) -> Any:
        if not recording():
            return function(*args, **keywords)
        return _Call(function, args, keywords).first(args, keywords)

    return checkpointed  # type: ignore[return-value]


class _Call:
    """A call of a checkpointed function, to be made again.

    frozen     its arguments as they were, in containers of their own
    draws      the states of the random generators that it drew from
    began      the time of the call: what was tracked before is outside, what came after inside
    order      the time when it had returned
    nodes      what is tracked outside and reached by the results; then the leaves made inside
    outer      how many of these are outside
    positions  of the results in question, among the leaves of what it returned
    samples    some elements of each of these
    """

    def __init__(self, function: Callable[..., Any], args: Any, keywords: Any) -> None:
        self.function = function
        self.__name__ = name_of(function)
        self.frozen = _frozen((args, keywords))
        self.draws: list[Any] = []
        self.began = next(clock)

    def first(self, args: Any, keywords: Any) -> Any:
        """What the function returns, behind one node instead of all that it recorded."""
        with _taping(_Tape(self.draws, replaying=False)):
            value = self.function(*args, **keywords)
        found = [x for _, x in leaves(value, "")]
        self.positions = [i for i, x in enumerate(found) if self._is_inside(x, self.began)]
        results = [found[i] for i in self.positions]
        outside, inside = _ends(results, self.began)
        self.nodes, self.outer = [*outside, *inside], len(outside)
        if not self.nodes:
            return value
        self.samples = [_sample(t) for t in results]
        node = Node()
        node.pullback = _CHECKPOINT
        node.parent = tuple(self.nodes)
        node.kept = None
        node.params = (self, tuple(range(len(self.nodes))))
        self.order = node.order = next(clock)
        tensors = outputs_of([t.value for t in results], node)
        marked_here(node)
        for i, t in zip(self.positions, tensors, strict=True):
            if t.node is not None:
                marked_here(t.node, found[i].node, self.began)
            found[i] = t
        return filled(value, found)

    def _is_inside(self, x: Any, began: int) -> bool:
        return type(x) is Tensor and x.node is not None and x.node.order > began

    def pull(self, cts: Sequence[Any]) -> list[Any]:
        """The cotangents of the nodes, given those of the results."""
        for leaf in self.nodes:
            if leaf.pullback is None and leaf.changed > self.order:
                raise StaleGraphError(
                    f"backward through checkpoint: the leaf {leaf.name or 'without a name'!r} of "
                    f"shape {leaf.shape}, which {self.__name__} uses, was changed after it was "
                    "called, for example by an optimizer step; compute the loss again before "
                    "calling backward"
                )
        create_graph = any(type(ct) is Tensor for ct in cts)
        began = next(clock)
        with enable_grad():
            results = self._again()
            nodes = self._same(results, began)
            seeds: dict[Any, Any] = {}
            for t, ct in zip(results, cts, strict=True):
                if not is_unused(ct):
                    seeds[t.node] = seeds[t.node] + ct if t.node in seeds else ct
            # Of what lies outside, the gradients are not complete here.
            hooked = Hooks.watched - {node.order for node in nodes}
            del results, t
            found = propagate(
                seeds,
                set(nodes),
                retain_graph=create_graph,
                create_graph=create_graph,
                hooked=hooked,
                cut=True,
            )
        gradients = []
        for node in nodes:
            g = found.get(node)
            if g is None:
                g = np.zeros(node.shape, node.dtype)[()]
            gradients.append(untracked(g) if create_graph and type(g) is not Tensor else g)
        return gradients

    def _again(self) -> list[Tensor]:
        """The results of a second call."""
        args, keywords = _frozen(self.frozen)
        with _taping(_Tape(self.draws, replaying=True)):
            value = self.function(*args, **keywords)
        found = [x for _, x in leaves(value, "")]
        if not all(i < len(found) for i in self.positions):
            raise self._differs("it returned fewer results")
        return [found[i] for i in self.positions]

    def _same(self, results: Sequence[Tensor], began: int) -> list[Node]:
        """The nodes to take the gradients at; raise unless the second call was like the first."""
        for t, sample in zip(results, self.samples, strict=True):
            if not self._is_inside(t, began):
                raise self._differs("a result is no longer tracked")
            again = _sample(t)
            if again.shape != sample.shape or again.dtype != sample.dtype:
                raise self._differs(f"a result is now of shape {t.shape} and {t.dtype}")
            finite = np.abs(sample[np.isfinite(sample)])
            scale = np.sqrt(np.finfo(sample.dtype).eps)
            allowed = scale * float(np.max(finite, initial=0))
            if not np.allclose(again, sample, rtol=float(scale), atol=allowed, equal_nan=True):
                raise self._differs("a result has other values")
        outside, inside = _ends(results, began)
        expected = set(self.nodes)
        lost = self.nodes[self.outer :]  # leaves that the first call made, and perhaps kept
        lost = [leaf for leaf in lost if leaf not in set(outside)]
        if not expected.issuperset(outside) or len(lost) != len(inside):
            raise self._differs("it used other tensors")
        stands_for = dict(zip(lost, inside, strict=True))
        return [stands_for.get(node, node) for node in self.nodes]

    def _differs(self, how: str) -> BackwardError:
        return BackwardError(
            f"backward through checkpoint: called again, {self.__name__} computed something else: "
            f"{how}. It must depend on nothing that changes; draw random numbers from "
            "tg.reproducible(generator), or outside and pass them in"
        )


def _pull(ct: Any, call: _Call) -> list[Any]:
    return call.pull(ct)


def _computed(inputs: Any, call: _Call) -> Any:
    raise NotImplementedError  # its node is made by `_Call.first`


_CHECKPOINT = Primitive(
    _computed,
    _computed,
    {"inputs": _pull},
    sequence="inputs",
    several=True,
    name="checkpoint",
).pullback("inputs")


def _ends(results: Sequence[Tensor], began: int) -> tuple[list[Node], list[Node]]:
    """Where the ways back from the results end: at nodes from before, and at leaves made since."""
    seen: set[Node] = set()
    stack: list[Any] = [t.node for t in results]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            if node.order > began:
                stack.extend(node.parents)
    ends = sorted(seen, key=lambda node: node.order)
    return (
        [node for node in ends if node.order < began],
        [node for node in ends if node.order > began and node.pullback is None],
    )


def _frozen(tree: Any) -> Any:
    """The same in containers of its own: `x[0] = 1` and `d["x"] = 1` do not reach it."""
    return filled(tree, [copy(x) if type(x) is Tensor else x for _, x in leaves(tree, "")])


def _sample(t: Tensor) -> Any:
    """Some 64 elements, all over it."""
    values = np.asarray(t.value)
    return values.flat[:: max(1, values.size // 64)].copy()


# Random numbers


class _Tape:
    """What random generators a call draws from, and in which states."""

    def __init__(self, draws: list[Any], *, replaying: bool) -> None:
        self.draws, self.replaying = draws, replaying
        self.outer, self.position = _tape.get(), 0

    def take(self, generator: Any) -> Any:
        """The generator to draw from."""
        if not self.replaying:
            if self.outer is not None:
                generator = self.outer.take(generator)
            self.draws.append(deepcopy(generator))
            return generator
        if self.position == len(self.draws):
            raise BackwardError(
                "backward through checkpoint: called again, the function draws random numbers more "
                "often than the first time; it must compute the same again"
            )
        self.position += 1
        return deepcopy(self.draws[self.position - 1])


_tape: ContextVar[_Tape | None] = ContextVar("tinygraph_tape", default=None)


@contextmanager
def _taping(tape: _Tape) -> Iterator[None]:
    token = _tape.set(tape)
    try:
        yield
    finally:
        _tape.reset(token)


def reproducible(generator: Generator) -> Generator:
    """A random generator, to draw from now: inside `tg.checkpoint` it draws the same numbers again.

    generator: a NumPy generator. What comes back is the generator itself, or when a checkpointed
        function is called again, a copy in the state in which it was at this place the first time.

    >>> rng = np.random.default_rng(0)
    >>> noisy = tg.checkpoint(lambda x: x * tg.reproducible(rng).normal(size=3))
    """
    tape = _tape.get()
    return generator if tape is None else tape.take(generator)


def is_recomputing() -> bool:
    """Whether a checkpointed function is being called again by backward: then nothing is to count.

    >>> tg.is_recomputing()
    False
    """
    tape = _tape.get()
    while tape is not None:
        if tape.replaying:
            return True
        tape = tape.outer
    return False
