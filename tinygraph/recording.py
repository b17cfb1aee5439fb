"""Recording what a picture can show beyond the graph: values, their statistics, lines, times."""

from __future__ import annotations

import math
import time as clocks
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from .errors import ArgumentError
from .node import Node
from .tensor import Tensor
from .tracing import Call, Listening, Trace, Tracer

Values: TypeAlias = bool | Literal["statistics"]
NOTES = "recorded"  # with a node's number, the key of its notes in a trace


class Statistics(NamedTuple):
    """What an array held: over its finite elements, of complex ones their absolute values.

    min, max, mean, std   None where no element is finite
    norm                  Euclidean, of all elements
    nan, inf              how many elements are NaN, and how many infinite
    """

    min: float | None
    max: float | None
    mean: float | None
    std: float | None
    norm: float
    nan: int
    inf: int


class Record(NamedTuple):
    """What `tg.record` kept of a node; None for what it was not asked for, or did not see.

    statistics, gradient_statistics   of the value, and of the cotangent that came to it
    values, gradient                  the arrays themselves
    seconds, seconds_backward         how long its operation took, and its gradient rules
    """

    statistics: Statistics | None = None
    gradient_statistics: Statistics | None = None
    values: Any = None
    gradient: Any = None
    seconds: float | None = None
    seconds_backward: float | None = None


NOTHING = Record()


class Noted:
    """What is known of a node so far, and of its operands that have no node."""

    __slots__ = ("changed", "operands", "record")

    def __init__(self) -> None:
        self.record = NOTHING
        self.operands: dict[str, Record] = {}
        self.changed = -1  # of a leaf: which of its values was noted


def statistics(array: Any) -> Statistics:
    """Of an array of numbers or booleans, in one pass each; of nothing, all None and 0."""
    array = np.asarray(array)
    kind = array.dtype.kind
    size = np.abs(array) if kind == "c" else array
    if kind not in "fc":
        size = size.astype(np.float64)
    finite = np.isfinite(size)
    if finite.all():
        nan = infinite = 0
        good = size
    else:
        nan = int(np.count_nonzero(np.isnan(size)))
        infinite = size.size - int(np.count_nonzero(finite)) - nan
        good = size[finite]
    if not good.size:
        return Statistics(None, None, None, None, _norm(size, nan, infinite), nan, infinite)
    good = good.astype(np.float64, copy=False)
    with np.errstate(over="ignore", invalid="ignore"):
        mean, std = float(good.mean()), float(good.std())
    return Statistics(
        float(good.min()), float(good.max()), mean, std, _norm(size, nan, infinite), nan, infinite
    )


def _norm(size: Any, nan: int, infinite: int) -> float:
    return math.nan if nan else math.inf if infinite else norm(size)


def norm(array: Any) -> float:
    """Euclidean, also where the squares of elements overflow; NaN and infinity stay."""
    wide = np.asarray(array, np.complex128 if array.dtype.kind == "c" else np.float64).ravel()
    peak = float(np.max(np.abs(wide), initial=0.0))
    if peak == 0 or not math.isfinite(peak):
        return peak
    return peak * float(np.linalg.norm(wide / peak))  # squares of 1e200 would overflow


class Recorder(Tracer):
    """Leaves notes at the nodes that are made, and at those that backward goes through."""

    def __init__(self, values: Values, source: bool, time: bool) -> None:
        self.values, self.sites, self.time = values, source, time
        self._began = 0.0

    def called(self, call: Call) -> None:
        """Note a call's value, its time, and its operands."""
        results = call.result if isinstance(call.result, tuple) else (call.result,)
        if call.node is None:
            return
        seconds = call.trace.seconds if self.time else None
        own = self._noted(call.node)
        own.record = own.record._replace(seconds=seconds)
        for output in results:
            if type(output) is Tensor and output.node is not None:
                noted = self._noted(output.node)
                noted.record = noted.record._replace(**self._kept(output.value))
        if self.values is not False:
            for name, operand in call.arguments.items():
                self._operand(own, name, operand)

    def _operand(self, own: Noted, name: str, operand: Any) -> None:
        if isinstance(operand, (list, tuple)):
            for i, item in enumerate(operand):
                if isinstance(item, (Tensor, np.ndarray)):
                    self._operand(own, f"{name}[{i}]", item)
        elif type(operand) is Tensor and operand.node is not None:
            leaf = operand.node
            if leaf.pullback is None:
                noted = self._noted(leaf)
                if noted.changed != leaf.changed:
                    noted.changed = leaf.changed
                    noted.record = noted.record._replace(**self._kept(operand.value, lasts=False))
        elif isinstance(operand, (Tensor, np.ndarray)):
            array = operand.value if isinstance(operand, Tensor) else operand
            if array.dtype.kind in "biufc":
                own.operands[name] = Record(**self._kept(array, lasts=False))

    def _kept(self, array: Any, what: str = "", *, lasts: bool = True) -> dict[str, Any]:
        """What is kept of an array, by the names in a record.

        lasts: nobody will write to it, unless it is a view; what optimisers and users do is copied.
        """
        if self.values is False:
            return {}
        kept = {f"{what}statistics": statistics(array)}
        if self.values is True:
            own = lasts and not isinstance(array.base, np.ndarray)
            kept["gradient" if what else "values"] = array if own else array.copy()
        return kept

    def before_pull(self, node: Node, ct: Any) -> None:
        """Begin to measure."""
        self._began = clocks.perf_counter()

    def pulled(self, node: Node, ct: Any, pairs: Any) -> None:
        """Note how long a node's rules took, and the cotangent that it got."""
        seconds = clocks.perf_counter() - self._began
        noted = self._noted(node)
        if self.time:
            noted.record = noted.record._replace(seconds_backward=seconds)
        self._cotangent(noted, ct)

    def end(self, cotangents: Mapping[Node, Any]) -> None:
        """Note the gradients of leaves."""
        for node, ct in cotangents.items():
            self._cotangent(self._noted(node), ct, lasts=False)

    def _cotangent(self, noted: Noted, ct: Any, *, lasts: bool = True) -> None:
        ct = ct.value if type(ct) is Tensor else ct
        if isinstance(ct, (np.ndarray, np.generic)):
            noted.record = noted.record._replace(**self._kept(ct, "gradient_", lasts=lasts))

    def _noted(self, node: Node) -> Noted:
        trace = node.trace
        if trace is None:
            trace = node._trace = Trace(None, 0.0)
        noted: Noted | None = trace.notes.get((NOTES, node.order))
        if noted is None:
            noted = trace.notes[NOTES, node.order] = Noted()
        return noted


class record(Listening):  # noqa: N801 - reads as a verb
    """Keep what a picture can show beyond the graph itself, of what is computed within.

    values: "statistics" keeps of each value, and of each cotangent on the way back, its minimum,
        maximum, mean, standard deviation, norm, and how many NaNs and infinities it has; True keeps
        the arrays too; False neither.
    source: the file, line and function of yours that called each operation.
    time: the seconds that each operation took, forward and backward, tracers not included.

    For its own thread or asyncio task; as a decorator too. Take the graph afterwards, inside or
    outside; `node.recorded` and `node.site` have what was kept. It is kept at the nodes, and goes
    with them: about 1 kB each, and with values=True every intermediate array until then, those of
    leaves and constants as copies. Of leaves it is kept until they are recorded again. An operation
    takes some 30 µs more within, 5 µs without statistics, and outside nothing.

    >>> w = tg.Variable([3.0, 4.0], name="w")
    >>> with tg.record():
    ...     loss = (w * w).sum()
    ...     loss.backward()
    >>> tg.graph(loss).find("multiply")[0].recorded.statistics.max
    16.0

    Raises ArgumentError for another `values`.
    """

    def __new__(
        cls,
        function: Callable[..., Any] | None = None,
        *,
        values: Values = "statistics",
        source: bool = True,
        time: bool = True,
    ) -> Any:
        """A mode; or, as a decorator without parentheses, the function decorated."""
        if values not in (True, False, "statistics"):
            raise ArgumentError(
                f"record: values={values!r}; it is 'statistics', True for whole arrays, or False"
            )
        return super().__new__(cls, function, values=values, source=source, time=time)

    def _tracer(self) -> Tracer:
        return Recorder(**self._settings)
