"""docs/coverage.md: what came of every call, by function."""

import collections
import re
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from .calls import calls_by_name, groups, numpy_functions
from .measure import Row
from .probe import DISCRETE, GRADIENT, MISSING, REFUSED, UNKNOWN, WRONG, ZERO, Outcome
from .reasons import FORMER, REASONS, WORDS

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"
COUNTED = (GRADIENT, ZERO)

HEAD = """\
# What of NumPy is differentiable

Written by `make coverage`, which calls each public function of NumPy on tracked tensors, as `np.f`
and as `tg.f`, and compares: values with NumPy's, gradients of order 1 and of order 2 with central
differences. A mark stands for calls that ran and agreed, not for an intention. The calls are in
[tests/numpy_coverage/table.py](../tests/numpy_coverage/table.py).

"""

LEGEND = """\
✓ order 1 and 2 agree with central differences; 0 they do, and the derivative is 0 wherever it
exists. *Complex*: the same with complex operands, where NumPy takes them. `where=`, `out=`: the
same with that keyword, where NumPy has it; *refused* is an error that names what to write instead
([conventions.md](conventions.md)): an array that a tracked tensor is written into has no place in a
graph.
"""

NOTHING = """\
On tensors these compute what they do on arrays, unless the word says otherwise; none cuts a graph
silently.
"""


def page(rows: Sequence[Row]) -> str:
    """The whole of it."""
    return "\n".join([HEAD + _summary(rows), LEGEND, *_tables(rows), *_nothing(rows)]) + "\n"


def mentioned(text: str) -> tuple[set[str], set[str]]:
    """The functions that a page says are differentiable, and all that it mentions."""
    rows = [line for line in text.splitlines() if re.match(r"\| `.*\| (✓|0)", line)]
    return {n for row in rows for n in _quoted(row.split("|")[1])}, {*_quoted(text)}


def _quoted(text: str) -> list[str]:
    return re.findall(r"`([\w.]+)`", text)


def reason(row: Row) -> str | None:
    """The word for why a function has no derivative; None where it has, or none is known."""
    if row.differentiable:
        return None
    if row.name in REASONS:
        return REASONS[row.name]
    return "booleans and integers" if row.kinds == {DISCRETE} else None


def _summary(rows: Sequence[Row]) -> str:
    version = ".".join(np.__version__.split(".")[:2])
    have = [row for row in rows if reason(row) is None]
    zero = [row for row in have if row.kinds <= {ZERO, DISCRETE}]
    kinds = {
        label: collections.Counter(o.kind for row in have for o in getattr(row, label))
        for label in ("numpy", "own", "complex")
    }
    lines = [
        f"NumPy {version} has {len(rows)} public functions in `numpy`, `numpy.linalg` and "
        f"`numpy.fft`. {len(rows) - len(have)} have nothing to differentiate; of the other "
        f"{len(have)}, {sum(row.differentiable for row in have)} are differentiable, "
        f"{len(zero)} of them with a derivative that is 0."
    ]
    table = ["| calls | as `np.f` | as `tg.f` | complex, as `np.f` |", "|---|---|---|---|"]
    for word, chosen in {
        "agree, order 1 and 2": COUNTED,
        "nothing to differentiate in the result": (DISCRETE,),
        "refused by name": (REFUSED,),
        "no such function": (MISSING,),
        "wrong": (WRONG,),
    }.items():
        counts = [sum(kinds[label][kind] for kind in chosen) for label in kinds]
        if any(counts):
            table.append(f"| {word} | {' | '.join(map(str, counts))} |")
    return "\n".join(textwrap.wrap(lines[0], 100)) + "\n\n" + "\n".join(table) + "\n"


def _tables(rows: Sequence[Row]) -> Iterator[str]:
    functions = numpy_functions()
    table = groups()
    home = {name: group for group, names in table.items() for name in names}
    by_function: dict[int, list[Row]] = collections.defaultdict(list)
    for row in rows:
        if reason(row) is None:
            by_function[id(functions[row.name])].append(row)
    for group, names in table.items():
        lines, notes = [], []
        for name in names:
            together = by_function.pop(id(functions.get(name)), [])
            if not together or home[name] != group:
                continue
            together.sort(key=lambda row: row.name not in home)
            row = together[0]
            cells = [
                ", ".join(f"`{r.name}`" for r in together),
                _mark([*row.numpy, *row.own], own=row.own),
                _mark(row.complex),
                _mark(row.where),
                _mark(row.out),
                str(sum(o.kind != UNKNOWN for o in row.numpy)),
            ]
            lines.append(f"| {' | '.join(cells)} |")
            notes += _notes(row)
        if lines:
            yield f"## {group}\n"
            yield "| function | order 1, 2 | complex | `where=` | `out=` | calls |"
            yield "|---|---|---|---|---|---|"
            yield "\n".join(lines) + "\n"
        if notes:
            yield "\n".join(notes) + "\n"
    if by_function:
        raise ValueError(f"in no group: {[r.name for rs in by_function.values() for r in rs]}")


def _mark(outcomes: Sequence[Outcome], own: Sequence[Outcome] = ()) -> str:
    kinds = {o.kind for o in outcomes} - {UNKNOWN, DISCRETE, MISSING}
    if WRONG in kinds:
        return "**wrong**"
    if not kinds:
        return ""
    good = "0" if GRADIENT not in kinds else "✓"
    if REFUSED in kinds:
        return "refused" if kinds == {REFUSED} else f"{good}, but"
    return f"{good} as `np.f`" if any(o.kind == MISSING for o in own) else good


def _notes(row: Row) -> Iterator[str]:
    """Where it is refused or wrong: the first call, and how many more."""
    told: set[str] = set()
    several = [call for call in row.calls if not call.real]
    for calls, outcomes, label in (
        (row.calls, row.numpy, ""),
        (row.calls, row.own, ""),
        (several, row.complex, "complex: "),
        (row.calls[:1], row.where, "with `where=`: "),
        (row.calls[:1], row.out, "with `out=`: "),
    ):
        for call, outcome in zip(calls, outcomes):
            kind, note = outcome.kind, outcome.note.split(";")[0]
            keyword = label.startswith("with")
            if kind == WRONG or (kind == REFUSED and not keyword and str(call) not in told):
                told.add(str(call))
                yield f"- {label}`{call}`: {note}"


def _nothing(rows: Sequence[Row]) -> Iterator[str]:
    words = collections.defaultdict(list)
    for row in rows:
        word = reason(row)
        if word:
            words[word].append(row.name)
    yield "## Nothing to differentiate\n"
    yield NOTHING
    yield "| why | functions |"
    yield "|---|---|"
    for word, meaning in WORDS.items():
        names = ", ".join(f"`{name}`" for name in sorted(words[word]))
        yield f"| **{word}**: {meaning} | {names} |"
    former = ", ".join(f"`{old}` (now `{new}`)" for old, new in FORMER.items())
    yield f"\nOlder NumPys have {former} too."


def measured_rows() -> list[Row]:
    """Every public function of this NumPy, called."""
    return [Row.of(name, calls) for name, calls in calls_by_name().items()]
