"""What colours can tell of each box: times, memory, gradients, NaNs, dtypes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ..errors import ArgumentError
from ..graph import Graph
from .outline import Box, Outline
from .themes import Theme, between
from .words import in_bytes, seconds, short

Overlay: TypeAlias = Literal["time", "backward time", "memory", "gradient", "nan", "dtype"]
OVERLAYS = ("time", "backward time", "memory", "gradient", "nan", "dtype")
DECADES = 2  # spanned by values, from which on their scale is logarithmic

RECORD = "record it: with tg.record(): around the computation{}, then take tg.graph(...) again"
MISSING = {
    "time": "no times were recorded; " + RECORD.format(""),
    "backward time": "no times of backward were recorded; " + RECORD.format(" and backward()"),
    "memory": "nothing is kept for backward: backward() has released it, or nothing was needed; "
    "take the graph before backward()",
    "gradient": "no gradient was computed; call backward(), and, for those of arrays on the way, "
    + RECORD.format(" and backward()"),
    "nan": "no values are known; " + RECORD.format(""),
}


@dataclass(frozen=True)
class Paint:
    """Colours of boxes, by position, and what they mean.

    fills    None where nothing is known
    notes    what each colour says, in words
    ringed   boxes with a ring around them
    scale    of the legend: (colour, label) from least to most, or one for each kind
    even     whether the scale is one of numbers, drawn without gaps
    """

    title: str
    fills: tuple[str | None, ...]
    notes: tuple[str, ...]
    scale: tuple[tuple[str, str], ...]
    even: bool = True
    ringed: frozenset[int] = field(default=frozenset())


def painted(graph: Graph, outline: Outline, overlay: Overlay, theme: Theme) -> Paint:
    """The colours of an overlay. Raises ArgumentError where there is nothing to show."""
    if overlay == "dtype":
        return _dtypes(graph, outline, theme)
    if overlay == "nan":
        return _not_finite(graph, outline, theme)
    known, together, say, title = _measure(graph, overlay)
    values = [
        together([known[i] for i in (*box.nodes, *box.held) if i in known])
        if any(i in known for i in (*box.nodes, *box.held)) else None
        for box in outline.boxes
    ]  # fmt: skip
    finite = [x for x in values if x is not None and math.isfinite(x)]
    if not finite or (overlay == "memory" and not any(finite)):
        raise ArgumentError(f"overlay={overlay!r}: {MISSING[overlay]}")
    scale = _Scale(finite, theme, say)
    notes = ["" if x is None else say(x) for x in values]
    what = f"{title}, logarithmic" if scale.is_log else title
    return Paint(what, tuple(map(scale.color, values)), tuple(notes), scale.steps())


Measure: TypeAlias = tuple[
    dict[int, float], Callable[[Iterable[float]], float], Callable[[float], str], str
]


def _measure(graph: Graph, overlay: Overlay) -> Measure:
    """What is known of nodes, how it adds up in a box, how it is said, and what it is."""
    columns = graph.columns
    records = columns.records.items()
    if overlay == "time":
        times = {i: r.seconds for i, r in records if r.seconds is not None}
        return times, math.fsum, seconds, "time of forward"
    if overlay == "backward time":
        times = {i: r.seconds_backward for i, r in records if r.seconds_backward is not None}
        return times, math.fsum, seconds, "time of backward"
    if overlay == "memory":
        kept = columns.kept.tolist()
        tracked = {i: float(size) for i, size in enumerate(kept) if columns.kinds[i] == 3}
        return tracked, math.fsum, in_bytes, "kept for backward"
    norms = {i: norm for i, (_, norm) in columns.gradients.items() if norm is not None}
    for i, record in records:
        if record.gradient_statistics is not None:
            norms.setdefault(i, record.gradient_statistics.norm)
    return norms, _greatest, short, "‖gradient‖, the greatest in a box"


def _greatest(values: Iterable[float]) -> float:
    values = list(values)
    return math.nan if any(map(math.isnan, values)) else max(values)


class _Scale:
    """Where a number lies between the least and the greatest, as a colour."""

    def __init__(self, values: list[float], theme: Theme, say: Callable[[float], str]) -> None:
        self._theme, self._say = theme, say
        positive = [x for x in values if x > 0]
        self.has_zero = 0.0 in values
        self.least, self.most = min(values), max(values)
        self.is_log = bool(positive) and self.most >= 10**DECADES * min(positive)
        if self.is_log:
            self.least = min(positive)

    def color(self, x: float | None) -> str | None:
        """Of a value; of none, none."""
        if x is None:
            return None
        if not math.isfinite(x):
            return self._theme.bad
        return between(self._theme.ramp, self._place(x))

    def _place(self, x: float) -> float:
        if self.most == self.least:
            return 0.0 if x == 0 else 0.5
        if not self.is_log:
            return (x - self.least) / (self.most - self.least)
        if x <= 0:
            return 0.0
        return math.log(x / self.least) / math.log(self.most / self.least)

    def steps(self) -> tuple[tuple[str, str], ...]:
        """Colours with labels at the ends and in the middle."""
        if self.most == self.least:
            return ((between(self._theme.ramp, self._place(self.most)), self._say(self.most)),)
        found = []
        for k in range(9):
            x = self.least + (self.most - self.least) * k / 8
            if self.is_log:
                x = self.least * (self.most / self.least) ** (k / 8)
            label = self._say(x) if k in (0, 4, 8) else ""
            found.append((between(self._theme.ramp, k / 8), label))
        if self.has_zero and self.is_log:
            found[0] = (found[0][0], f"≤ {found[0][1]}")
        return tuple(found)


def _dtypes(graph: Graph, outline: Outline, theme: Theme) -> Paint:
    names = [_dtypes_of(graph, box) for box in outline.boxes]
    kinds = sorted({" ".join(own) for own in names if len(own) == 1})
    colors = {name: theme.kinds[i % len(theme.kinds)] for i, name in enumerate(kinds)}
    fills = [colors.get(" ".join(own)) for own in names]
    return Paint(
        "dtype", tuple(fills), tuple([", ".join(own) for own in names]), tuple(
            (color, name) for name, color in colors.items()), even=False
    )  # fmt: skip


def _dtypes_of(graph: Graph, box: Box) -> list[str]:
    table, which = graph.columns.table, graph.columns.signatures
    nodes = [*box.nodes, *box.held]
    found = {table[k].dtype for k in set(which[nodes].tolist())} if nodes else set()
    flat = {d for dtype in found for d in (dtype if isinstance(dtype, tuple) else (dtype,))}
    return sorted(d for d in flat if d is not None)


def _not_finite(graph: Graph, outline: Outline, theme: Theme) -> Paint:
    bad = bad_values(graph)
    if not bad:
        raise ArgumentError(f"overlay='nan': {MISSING['nan']}")
    fills: list[str | None] = []
    notes = []
    for box in outline.boxes:
        known = [bad[i] for i in (*box.nodes, *box.held) if i in bad]
        nan, inf = sum(k[0] for k in known), sum(k[1] for k in known)
        words = [f"{nan:,} NaN"] * bool(nan) + [f"{inf:,} Inf"] * bool(inf)
        fills.append(theme.bad if words else theme.ramp[0] if known else None)
        notes.append(", ".join(words))
    first = first_bad(graph, bad)
    ringed = set()
    if first is not None and (at := int(outline.home[first])) >= 0:
        ringed.add(at)
        notes[at] = f"first: {notes[at]}"
    scale = [(theme.ramp[0], "all finite"), (theme.bad, "NaN or Inf")]
    scale.append((theme.unknown, "not recorded")) if None in fills else None
    return Paint("finite?", tuple(fills), tuple(notes), tuple(scale), False, frozenset(ringed))


def bad_values(graph: Graph) -> dict[int, tuple[int, int]]:
    """For each node whose value is known, how many NaNs and infinities it has."""
    found = {}
    for i, value in graph.columns.values.items():
        if isinstance(value, (float, complex)):
            size = abs(value)
            found[i] = (int(math.isnan(size)), int(math.isinf(size)))
        else:
            found[i] = (0, 0)
    for i, record in graph.columns.records.items():
        if record.statistics is not None:
            found[i] = (record.statistics.nan, record.statistics.inf)
    return found


def first_bad(graph: Graph, bad: dict[int, tuple[int, int]]) -> int | None:
    """The first node with a NaN or an infinity of whose operands none is known to have one."""
    starts, sources = graph.columns.starts, graph.columns.sources
    for i in sorted(i for i, counts in bad.items() if any(counts)):
        operands = sources[starts[i] : starts[i + 1]].tolist()
        if not any(any(bad.get(k, (0, 0))) for k in operands):
            return i
    return None
