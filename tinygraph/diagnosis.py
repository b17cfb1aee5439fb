"""Explaining a NaN that is there already: `explain_nan`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .anomaly import (
    Anomaly,
    AnomalyTracer,
    Bad,
    bad_of,
    comes_up,
    described_leaf,
    forward_anomaly,
)
from .backward import propagate
from .errors import ArgumentError
from .node import RELEASED, Node
from .replay import Unknown, known_values, operands, ordered
from .tensor import Tensor
from .tracing import Call, Listening, Tracer, arrays_in


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """Where a NaN or an infinity comes from; print it. True if there is one.

    forward    the first in a value, or None
    backward   the first in a gradient, or None
    notes      what could not be found out, and how it could
    """

    forward: Anomaly | None
    backward: Anomaly | None
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.forward is not None or self.backward is not None

    def __repr__(self) -> str:
        parts = []
        if self.forward:
            parts.append(f"Forward, {self.forward}")
        if self.backward:
            parts.append(f"Backward, {self.backward}")
        if not parts:
            parts.append("No NaN and no infinity was found.")
        return "\n".join([*parts, *(f"Note: {note}." for note in self.notes)])


def explain_nan(loss: Tensor | Callable[[], Any]) -> Explanation:
    """Which operation made the first NaN or infinity, forward and backward, where, and why.

    loss: a tensor that was computed already; or a function without arguments that computes it,
        which is run with `tg.detect_anomaly`'s eyes, so that lines and all values are known.
    Of a tensor, the graph is walked: values that it does not keep are computed again where that is
    possible, and the user's line is known where it was called inside `tg.detect_anomaly()`.
    Gradients are those of the tensor's sum; `.grad` of leaves stays as it is, and so does the
    graph, so that `backward()` can still be called. Hooks on gradients are not called.
    Raises ArgumentError for anything else, or a tensor without a graph.

    >>> p = tg.Variable([0.0, 0.5])
    >>> print(tg.explain_nan(lambda: np.log(p).sum()))
    Forward, log: its result of shape (2,) has -inf at (0,), where x is 0; what went in is finite
    …
    """
    if type(loss) is Tensor:
        if loss.node is None:
            raise ArgumentError(
                f"explain_nan: {loss.described()} does not require grad, so there is no graph to "
                "walk; give a function that computes it, as in tg.explain_nan(lambda: f(x))"
            )
        return _of_graph(loss)
    if not callable(loss):
        raise ArgumentError(
            f"explain_nan: {type(loss).__name__} came; it needs a tensor, or a function without "
            "arguments that computes one"
        )
    return _of_function(loss)


class _Watch(AnomalyTracer):
    """Keeps the first anomaly of each phase; and the first operand that was bad when it came."""

    def __init__(self) -> None:
        super().__init__(self._keep, forward=True, backward=True)
        self.first: dict[str, Anomaly] = {}
        self.came: Anomaly | None = None

    def _keep(self, anomaly: Anomaly) -> None:
        self.first.setdefault(anomaly.phase, anomaly)

    def called(self, call: Call) -> None:
        super().called(call)
        if self.came is None and "forward" not in self.first:
            for name in call.primitive.operands:
                bad = bad_of(arrays_in(call.arguments.get(name)))
                if bad:
                    self.came = _came(bad, f"{call.primitive.name}: its operand {name}", call)
                    break


def _came(bad: Bad, what: str, call: Call | None = None) -> Anomaly:
    return Anomaly(
        phase="forward",
        operation=call.primitive.name if call else None,
        operand=None,
        value=bad.word,
        indices=bad.indices,
        count=bad.count,
        size=bad.array.size,
        site=call.trace.site if call else None,
        what=f"{what} {bad} already",
        cause="it came in with the data or the parameters: look at where they come from",
    )


class _Watching(Listening):
    """The mode in which it watches."""

    watch: _Watch

    def _tracer(self) -> Tracer:
        return self.watch


def _watching(watch: _Watch) -> _Watching:
    mode: _Watching = _Watching()
    mode.watch = watch
    return mode


def _of_function(function: Callable[[], Any]) -> Explanation:
    watch = _Watch()
    notes: tuple[str, ...] = ()
    with _watching(watch):
        result = function()
        if type(result) is not Tensor:
            notes = (f"the function returned {type(result).__name__}, not a tensor, so there is no "
                     "gradient to look at",)  # fmt: skip
        elif result.node is None:
            notes = ("the result does not require grad, so there is no gradient to look at",)
        else:
            _go_back(result)
    forward = watch.first.get("forward")
    if bad_of(arrays_in(result)):
        forward = forward or watch.came
    elif forward:
        notes += ("the result is finite all the same: something on the way discards it, such as "
                  "tg.where or tg.minimum",)  # fmt: skip
    return Explanation(forward, watch.first.get("backward"), notes)


def _go_back(output: Tensor) -> None:
    """Backward through the graph of a tensor, without a trace of it."""
    node: Any = output.node
    leaves = {found for found in ordered(node) if found.pullback is None}
    seed = np.ones(output.shape, output.dtype)[()]
    with np.errstate(all="ignore"):
        propagate({node: seed}, leaves, retain_graph=True, create_graph=False, hooked=None)


def _of_graph(output: Tensor) -> Explanation:
    root: Any = output.node
    nodes = ordered(root)
    notes: list[str] = []
    forward = _first_bad(nodes, known_values(nodes, {root: output.value}), notes)
    watch = _Watch()
    if any(node.kept is RELEASED for node in nodes if node.pullback is not None):
        notes.append(
            "backward() has been called on this graph, and what it kept is released: values and "
            "gradients on the way are not known; give a function, as in tg.explain_nan(lambda: "
            "f(x)), or call backward(retain_graph=True)"
        )
    else:
        with _watching(watch):
            _go_back(output)
    found = Explanation(forward, watch.first.get("backward"))
    if found and not any(part.site for part in (forward, found.backward) if part):
        notes.append(
            "the line of yours is known of a graph that was made inside `with "
            "tg.detect_anomaly():`, or by a function, tg.explain_nan(lambda: f(x))"
        )
    return Explanation(forward, found.backward, tuple(notes))


def _first_bad(nodes: list[Node], values: dict[Node, Any], notes: list[str]) -> Anomaly | None:
    """The first node whose value is bad although its operands, as far as known, are not."""
    for node in nodes:
        bad = bad_of(arrays_in(values.get(node)))
        if bad is None:
            continue
        if node.pullback is None:
            return _came(bad, described_leaf(node))
        given = operands(node, values)
        parts = [x for g in given.values() for x in (g if isinstance(g, list) else [g])]
        before = bad_of(arrays_in([x for x in parts if x is not Unknown]))
        if not comes_up(bad, before):
            if all(g not in values or bad_of(arrays_in(values[g])) is None for g in node.parents):
                return _came(bad_of(arrays_in(parts)) or bad, f"{node.operation}: an operand")
            continue
        site = node.trace.site if node.trace else None
        unknown = [name for name, x in given.items() if x is Unknown or Unknown in _listed(x)]
        if unknown:
            notes.append(
                f"the graph does not keep what {node.operation} was given as {', '.join(unknown)}, "
                "so the cause may lie before it; tg.explain_nan(lambda: f(x)) sees every value"
            )
            return Anomaly(
                "forward", node.operation, None, bad.word, bad.indices, bad.count, bad.array.size,
                site, f"{node.operation}: its result {bad}", "",
            )  # fmt: skip
        return forward_anomaly(node.operation or "", given, bad, site)
    return None


def _listed(x: Any) -> list[Any]:
    return x if isinstance(x, list) else []
