"""Finding arrays that were changed between forward and backward: `detect_mutation`."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from .errors import MutationError
from .node import Node
from .tensor import Tensor
from .tracing import Call, Listening, Tracer


class Kept(NamedTuple):
    """An array that a node keeps, and its checksum when it was kept."""

    what: str
    array: Any
    checksum: bytes


class MutationTracer(Tracer):
    """Takes checksums of what nodes keep, and compares them before it is used."""

    def __init__(self) -> None:
        self._unseen: Node | None = None

    def called(self, call: Call) -> None:
        """Take the checksums of what was kept."""
        if call.node is not None:
            call.trace.notes[MutationTracer] = [
                Kept(_described(what, call), array, checksum(array))
                for what, array in _kept_by(call.node)
            ]

    def begin(self, seeds: Mapping[Node, Any]) -> None:
        """All is well so far."""
        self._unseen = None

    def before_pull(self, node: Node, ct: Any) -> None:
        """Compare what the node keeps with what it kept."""
        trace = node.trace
        notes = None if trace is None else trace.notes.get(MutationTracer)
        if notes is None:
            if any(array.ndim for _, array in _kept_by(node)):  # not a number's own array
                self._unseen = self._unseen or node
            return
        for kept in notes:
            if checksum(kept.array) != kept.checksum:
                site = trace.site if trace else None
                raise MutationError(
                    f"backward through {node.operation}: {kept.what} of shape {kept.array.shape}, "
                    "was changed after the call, so that the gradient would be wrong"
                    + (f"\n  called at {site}" if site else "")
                    + "\nPass a copy to the operation (array.copy(), or tg.tensor(array)), or "
                    "change the array after backward"
                )

    def end(self, cotangents: Mapping[Node, Any]) -> None:
        """Say so where something could not be compared."""
        if self._unseen is not None:
            warnings.warn(
                f"detect_mutation: {self._unseen.operation} was called outside of it, so what it "
                "keeps could not be checked; put the forward call inside `with "
                "tg.detect_mutation():` too",
                stacklevel=2,
            )


def checksum(array: Any) -> bytes:
    """Of the elements, wherever they lie."""
    from hashlib import blake2b  # late: it loads OpenSSL

    return blake2b(np.ascontiguousarray(array).tobytes(), digest_size=16).digest()


def _kept_by(node: Node) -> Iterator[tuple[str, Any]]:
    """What a node keeps of arrays, with the names of its rules: residuals and static arguments."""
    pullback: Any = node.pullback
    primitive = pullback.primitive
    for name, kept in zip((*pullback.keeps, *primitive.static), (*node.residuals, *node.params)):
        for where, array in _arrays(kept, ""):
            yield name + where, array


def _arrays(x: Any, where: str) -> Iterator[tuple[str, Any]]:
    if type(x) is Tensor:
        x = x.value
    if type(x) is np.ndarray:
        yield where, x
    elif isinstance(x, (list, tuple)):
        for i, item in enumerate(x):
            yield from _arrays(item, f"{where}[{i}]")


def _described(what: str, call: Call) -> str:
    """What the user knows it as."""
    name, _, rest = what.partition("[")
    primitive = call.primitive
    if name in primitive.saves or (name == "y" and name not in call.arguments):
        return "its result," if name == "y" else f"what it kept as {name!r},"
    given = call.arguments.get(name)
    if type(given) is Tensor:
        kind = f"the tensor {given.name!r}" if given.name else "a tensor"
    else:
        kind = "an array"
    if name in primitive.static:
        return f"its argument {what if rest else name!r}, an array"
    return f"its operand {what if rest else name!r}, {kind}"


class detect_mutation(Listening):  # noqa: N801 - reads as a verb
    """Raise MutationError where backward would use an array that was changed after it was kept.

    Operations keep the arrays that their rules need as they are, without copying: the constant of
    `w * array`, the indices of `w[index]`. Changing such an array in place before `backward()`
    makes the gradient wrong. Within this mode each operation takes a checksum of what it keeps, and
    backward compares. Both the forward call and backward need to stand inside it.

    The error names the operation, the operand and the line of yours that called it.
    For its own thread or asyncio task; as a decorator too.

    >>> w, x = tg.Variable(2.0), np.array([1.0, 2.0])
    >>> with tg.detect_mutation():
    ...     loss = (w * x).sum()
    ...     x[0] = 5
    ...     loss.backward()
    Traceback (most recent call last):
    tinygraph.errors.MutationError: backward through multiply: its operand 'b', an array, …
    """

    def _tracer(self) -> Tracer:
        return MutationTracer()
