"""Finding where a NaN or an infinity comes up first: `detect_anomaly`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .causes import backward_cause, forward_cause
from .errors import AnomalyError
from .node import Node
from .tensor import Tensor
from .tracing import Call, Listening, Site, Tracer, arrays_in


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Where a NaN or an infinity came up, or came in.

    phase       "forward", or "backward": in a gradient
    operation   its name; None for a leaf, or a gradient that did not come from an operation
    operand     backward: the operand whose gradient it is; forward: one that was bad already
    value       "NaN", "inf" or "-inf"
    indices     where, up to `SHOWN` of them, in C order
    count       how many elements are bad, of `size`
    site        the user's call of the operation, None where it is not known
    what        the first sentence of the message
    cause       what probably led to it, and what to do; may be empty
    """

    phase: Literal["forward", "backward"]
    operation: str | None
    operand: str | None
    value: str
    indices: tuple[tuple[int, ...], ...]
    count: int
    size: int
    site: Site | None
    what: str
    cause: str

    def __str__(self) -> str:
        lines = [self.what]
        if self.site is not None:
            lines.append(f"  called at {self.site}")
        if self.cause:
            lines.append(self.cause[0].upper() + self.cause[1:] + ".")
        return "\n".join(lines)


SHOWN = 10  # indices that are listed


class Bad:
    """What is wrong with an array: infinite or NaN, where, how often."""

    __slots__ = ("array", "count", "first", "indices", "word")

    def __init__(self, array: Any, wrong: Any) -> None:
        self.array = array
        places = np.argwhere(wrong)
        self.count = len(places)
        self.indices = tuple([tuple(place.tolist()) for place in places[:SHOWN]])
        self.first = self.indices[0]
        self.word = word(array[self.first])

    def __str__(self) -> str:
        if not self.first:
            return f"is {self.word}"
        others = self.count - 1
        more = f" and {others:,} more place{'s' * (others > 1)}" if others else ""
        return f"of shape {self.array.shape} has {self.word} at {self.first}{more}"

    @property
    def is_nan(self) -> bool:
        """Whether it is NaN at the first place."""
        return self.word == "NaN"


def word(x: Any) -> str:
    """NaN, inf or -inf."""
    return "NaN" if np.isnan(x) else "-inf" if x.real == -np.inf else "inf"


def bad_of(arrays: Iterable[Any]) -> Bad | None:
    """The first array that holds a NaN, else the first with an infinity, else None."""
    infinite = None
    for x in arrays:
        array = np.asarray(x)
        if np.isfinite(array).all():
            continue
        nan = np.isnan(array)
        if nan.any():
            return Bad(array, nan)
        infinite = infinite or Bad(array, ~np.isfinite(array))
    return infinite


def comes_up(bad: Bad | None, before: Bad | None) -> bool:
    """Whether it comes up here: NaN of what had none, or an infinity of what was finite."""
    return bad is not None and (before is None or (bad.is_nan and not before.is_nan))


class AnomalyTracer(Tracer):
    """Tells `found` of each anomaly that comes up."""

    def __init__(self, found: Callable[[Anomaly], None], forward: bool, backward: bool) -> None:
        self.found, self.forward, self.backward = found, forward, backward

    def called(self, call: Call) -> None:
        """Look at the result of an operation."""
        if self.forward:
            bad = bad_of(arrays_in(call.result))
            if bad and comes_up(bad, bad_of(arrays_in([*call.arguments.values()]))):
                name, site = call.primitive.name, call.trace.site
                operands = {n: call.arguments.get(n) for n in call.primitive.operands}
                self.found(forward_anomaly(name, operands, bad, site))

    def begin(self, seeds: Mapping[Node, Any]) -> None:
        """Look at what backward is given."""
        bad = bad_of(arrays_in([*seeds.values()])) if self.backward else None
        if bad:
            what = "the gradient that backward was given to begin with"
            self.found(without_operation(bad, what, ""))

    def before_pull(self, node: Node, ct: Any) -> None:
        """Look at the sum of cotangents that came to a node."""
        self._check_sum(node, ct)

    def end(self, cotangents: Mapping[Node, Any]) -> None:
        """Look at the gradients of leaves."""
        for node, ct in cotangents.items():
            self._check_sum(node, ct)

    def _check_sum(self, node: Node, ct: Any) -> None:
        # What its uses sent was finite, or it would have been found there.
        bad = bad_of(arrays_in(ct)) if self.backward else None
        if bad:
            what = f"the result of {node.operation}" if node.operation else described_leaf(node)
            what = f"the sum of the gradients that come from the uses of {what}"
            cause = "each of them is finite, and their sum overflows: scale the loss down"
            if node.hooks is not None:
                what = what.replace("the sum of", "after its hooks, the sum of", 1)
                cause = "a hook returned that, or the sum overflowed: look at what the hooks do"
            self.found(without_operation(bad, what, cause))

    def pulled(self, node: Node, ct: Any, pairs: tuple[tuple[Node, Any], ...]) -> None:
        """Look at what an operation passes on to each operand."""
        if not self.backward:
            return
        before = bad_of(arrays_in(ct))
        for i, (_, g) in enumerate(pairs):
            bad = bad_of(arrays_in(g))
            if bad and comes_up(bad, before):
                self.found(backward_anomaly(node, i, ct, bad))


def forward_anomaly(name: str, operands: Mapping[str, Any], bad: Bad, site: Site | None) -> Anomaly:
    """The report on an operation whose result is bad, and whose operands were not."""
    there = {n: _at(x, bad) for n, x in operands.items() if x is not None}
    infinite = bad.is_nan and bad_of(arrays_in([*operands.values()]))
    what = f"{name}: its result {bad}{_shown(there)}; what went in " + (
        "is infinite, but not NaN" if infinite else "is finite"
    )
    cause = forward_cause(name, there, bad.array.dtype, bad.array[bad.first])
    return Anomaly(
        "forward", name, None, bad.word, bad.indices, bad.count, bad.array.size, site, what, cause
    )


def backward_anomaly(node: Node, position: int, ct: Any, bad: Bad) -> Anomaly:
    """The report on an operation that passes a bad gradient on, given one that was not."""
    pullback: Any = node.pullback
    primitive = pullback.primitive
    if primitive.sequence:
        operand = f"{primitive.sequence}[{node.params[len(primitive.static)][position]}]"
    else:
        operand = pullback.tracked[position]
    there = {n: _at(x, bad) for n, x in zip(pullback.keeps, node.residuals)}
    for n, known in zip(pullback.constants, node.params[len(primitive.static) :]):
        if n not in there and isinstance(known, (int, float)):
            there[n] = known
    words = {"y": "the result"} if "y" not in primitive.signature.parameters else {}
    values = {words.get(n, n): x for n, x in there.items()} | {
        "the incoming gradient": _at(ct, bad)
    }
    what = f"{primitive.name}: its gradient with respect to {operand} {bad}{_shown(values)}"
    cause = backward_cause(primitive.name, there, bad.array.dtype, bad.array[bad.first])
    site = node.trace.site if node.trace else None
    return Anomaly(
        "backward", primitive.name, operand, bad.word, bad.indices, bad.count, bad.array.size,
        site, what, cause,
    )  # fmt: skip


def without_operation(bad: Bad, what: str, cause: str) -> Anomaly:
    """The report on a gradient that no operation is to blame for."""
    return Anomaly(
        "backward", None, None, bad.word, bad.indices, bad.count, bad.array.size, None,
        f"{what} {bad}", cause,
    )  # fmt: skip


def described_leaf(node: Node) -> str:
    """How messages call a leaf."""
    return f"the leaf {node.name!r}" if node.name else "a leaf without a name"


def _at(x: Any, bad: Bad) -> Any:
    """The element of an operand that meets the first bad element; else the operand."""
    if isinstance(x, (list, tuple)) or x is None:
        return None
    array = np.asarray(x.value if type(x) is Tensor else x)
    if array.dtype.kind not in "biufc":
        return None
    try:
        return np.broadcast_to(array, bad.array.shape)[bad.first]
    except ValueError:
        return array


def _shown(values: Mapping[str, Any]) -> str:
    """The numbers among them, in words."""
    words = [f"{n} is {x:.6g}" for n, x in values.items() if x is not None and np.ndim(x) == 0]
    if not words:
        return ""
    *most, last = words
    return f", where {', '.join(most)} and {last}" if most else f", where {last}"


class detect_anomaly(Listening):  # noqa: N801 - reads as a verb
    """Raise AnomalyError where a NaN or an infinity comes up, forward or backward.

    forward: look at the result of each operation on tensors. It comes up where the result has a NaN
        and the arguments have none, or where it is infinite and they are finite: a mask of -inf
        that you put in yourself passes. What a `tg.where` would have discarded does not pass; look
        at gradients only then, with forward=False.
    backward: look at what each operation passes on to its operands.

    The error names the operation, the elements, the operands' values there, the line of yours that
    called it, and the likely cause. The line is known where the forward call stands inside too.
    For its own thread or asyncio task; as a decorator too. It reads every array once more, so that
    it is for debugging.

    >>> w = tg.Variable([1.0, 4.0])
    >>> with tg.detect_anomaly():
    ...     loss = tg.sqrt(w - 1).sum()
    ...     loss.backward()
    Traceback (most recent call last):
    tinygraph.errors.AnomalyError: sqrt: its gradient with respect to x of shape (2,) has inf …
    """

    def __new__(cls, function: Any = None, *, forward: bool = True, backward: bool = True) -> Any:
        """The mode, or the function decorated."""
        return Listening.__new__(cls, function, forward=forward, backward=backward)

    def __init__(self, *args: Any, **settings: Any) -> None:
        """Settings are taken by `__new__`."""

    def _tracer(self) -> Tracer:
        return AnomalyTracer(_raise, **self._settings)


def _raise(anomaly: Anomaly) -> None:
    text = str(anomaly)
    if anomaly.phase == "forward":
        text += (
            "\nIf a tg.where discards it, tg.detect_anomaly(forward=False) looks at gradients only."
        )
    elif anomaly.operation and anomaly.site is None:
        text += "\nTo learn its line, put the forward call inside `with tg.detect_anomaly():` too."
    raise AnomalyError(text)
