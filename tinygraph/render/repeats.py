"""Finding what repeats in a sequence of parts: the blocks of a network, the turns of a loop.

Two parts are alike if their tokens are equal. Two turns, `period` parts each, are alike if so are
their parts, and if each operand in one that comes from outside its part corresponds to one in the
next: it is the same, or `period` parts further on, or a leaf or constant of the same sort, and so
from turn to turn. In the first turn operands from before it may be any: a loop begins somewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST = 3  # turns
WINDOWS = (1, 4, 16, 64, 256)  # lengths at which to look for what comes again
PERIODS = 3  # to try for each
LONGEST_RUNS = 64  # to look at more closely for each period
PHASES = 64  # to try for where a turn begins


class Wires(NamedTuple):
    """Operands of parts that come from outside them, in the order of parts.

    starts   those of part i are from starts[i] to starts[i + 1]
    nodes    where each comes from
    parts    the part that lies in, or -1
    places   where in that part
    sorts    of a leaf or constant a number for its sort, else -1
    """

    starts: NDArray[Any]
    nodes: NDArray[Any]
    parts: NDArray[Any]
    places: NDArray[Any]
    sorts: NDArray[Any]


class Run(NamedTuple):
    """`times` turns of `period` parts each, from part `start` on."""

    start: int
    period: int
    times: int

    @property
    def stop(self) -> int:
        """The part behind the last."""
        return self.start + self.period * self.times


def repeats(tokens: NDArray[Any], wires: Wires) -> list[Run]:
    """Runs that do not overlap, in order: those that save the most parts."""
    found = [run for period in _periods(tokens) for run in _runs(tokens, wires, period)]
    found.sort(key=lambda run: (run.period * (1 - run.times), run.period, run.start))
    chosen: list[Run] = []
    for run in found:
        if all(run.stop <= other.start or other.stop <= run.start for other in chosen):
            chosen.append(run)
    return sorted(chosen)


def mixed(x: NDArray[Any]) -> NDArray[Any]:
    """A hash of 64 bits for each number (the finaliser of SplitMix64, Steele et al. 2014)."""
    x = x.astype(np.uint64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    hashed: NDArray[Any] = x ^ (x >> np.uint64(31))
    return hashed


def _periods(tokens: NDArray[Any]) -> list[int]:
    """How far apart the same words often come, words of several lengths."""
    found: dict[int, None] = {}
    words, length = mixed(tokens + 1), 1
    for window in WINDOWS:
        while length < window and len(words) > length:
            words = mixed(words[:-length] * np.uint64(3) + words[length:])
            length *= 2
        if length < window or len(words) < 2:
            break
        order = np.argsort(words, kind="stable")
        again = words[order[1:]] == words[order[:-1]]
        gaps = (order[1:] - order[:-1])[again]
        gaps = gaps[gaps * (LEAST - 1) < len(tokens)]
        if gaps.size:
            counts = np.bincount(gaps)
            best = np.argsort(-counts, kind="stable")[:PERIODS]
            found |= dict.fromkeys(best[counts[best] > 0].tolist())
    return list(found)


def _runs(tokens: NDArray[Any], wires: Wires, period: int) -> Iterator[Run]:
    """The longest runs of this period."""
    alike = np.flatnonzero(np.diff(np.r_[False, tokens[:-period] == tokens[period:], False]))
    begins, ends = alike[::2], alike[1::2]
    long = ends - begins >= (LEAST - 1) * period
    begins, ends = begins[long], ends[long]
    if not begins.size:
        return
    broken = _broken(wires, period, begins, ends)
    # A run begins where likeness does, or with the turn in which the wiring is broken.
    starts = np.unique(np.r_[begins, broken, broken + 1])
    stretch = np.searchsorted(begins, starts, "right") - 1
    inside = (stretch >= 0) & (starts < ends[stretch])
    starts, limit = starts[inside], ends[stretch[inside]]
    after = np.searchsorted(broken, starts + period)
    stops = np.minimum(limit, np.r_[broken, np.iinfo(np.int64).max][after])
    times = (stops - starts) // period + 1
    best = np.argsort(-times, kind="stable")[:LONGEST_RUNS]
    chosen = zip(starts[best].tolist(), stops[best].tolist(), times[best].tolist())
    for start, stop, count in chosen:
        if count >= LEAST and not _torn(wires, period, start):
            yield _begun_well(Run(start, period, count), stop, wires)


def _partners(wires: Wires, parts: NDArray[Any], period: int) -> tuple[Any, Any, Any]:
    """The wires of these parts, whose each is, and those that correspond to them a turn later."""
    counts = wires.starts[parts + 1] - wires.starts[parts]
    whose = np.repeat(parts, counts)
    within = np.arange(len(whose)) - np.repeat(np.cumsum(counts) - counts, counts)
    return wires.starts[whose] + within, whose, wires.starts[whose + period] + within


SAME, AHEAD, ALIKE = 1, 2, 4


def _relation(wires: Wires, one: Any, other: Any, period: int) -> NDArray[Any]:
    """How wires correspond to those a turn later: in one or several ways, or 0 for not at all."""
    ahead = (wires.parts[one] >= 0) & (wires.parts[other] == wires.parts[one] + period)
    ahead &= wires.places[one] == wires.places[other]
    alike = (wires.sorts[one] >= 0) & (wires.sorts[one] == wires.sorts[other])
    same = wires.nodes[one] == wires.nodes[other]
    relation: NDArray[Any] = same * SAME + ahead * AHEAD + alike * ALIKE
    return relation


def _broken(wires: Wires, period: int, begins: Any, ends: Any) -> NDArray[Any]:
    """The parts whose wires do not correspond to those a turn later as those before them do."""
    inside = np.zeros(len(wires.starts) + 1, np.int64)
    np.add.at(inside, begins, 1)
    np.add.at(inside, ends, -1)
    own, whose, later = _partners(wires, np.flatnonzero(np.cumsum(inside)), period)
    relation = np.full(len(wires.nodes), -1, np.int64)
    relation[own] = _relation(wires, own, later, period)
    otherwise = (relation[own] & relation[later]) == 0
    otherwise &= (relation[own] > 0) & (relation[later] > 0)
    return np.unique(np.r_[whose[relation[own] == 0], whose[otherwise] + period])


def _torn(wires: Wires, period: int, start: int) -> bool:
    """Whether the first turn is wired differently within itself."""
    own, _, later = _partners(wires, np.arange(start, start + period), period)
    bad = _relation(wires, own, later, period) == 0
    within = (wires.parts[own] >= start) | (wires.parts[later] >= start + period)
    return bool(np.any(bad & within))


def _begun_well(run: Run, stop: int, wires: Wires) -> Run:
    """The run with its turns cut where the fewest values pass from one to the next."""
    slack = stop + run.period - run.stop
    best, fewest = run.start, None
    for start in range(run.start, run.start + min(slack, PHASES) + 1):
        second = start + run.period
        own = slice(wires.starts[second], wires.starts[second + run.period])
        parts = wires.parts[own]
        crossing = np.unique(parts[(parts >= 0) & (parts < second)]).size
        if fewest is None or crossing < fewest:
            best, fewest = start, crossing
    return run._replace(start=best)
