"""Every mutant shown to the checks, in as many processes as there are cores."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from typing import NamedTuple

import hypothesis

from .engine import Mistake, mistakes, noticed
from .equivalent import reason
from .kit import caught_by
from .mutants import Mutant, mutants

ENGINE = "the engine"


class Outcome(NamedTuple):
    """What became of a mutant.

    part: of the project
    by: the check that noticed it, or None
    why: the argument that it is no mistake, or None
    """

    part: str
    kind: str
    name: str
    by: str | None
    why: str | None
    seconds: float

    @property
    def survived(self) -> bool:
        """Nothing noticed it, and nobody says that it is right."""
        return self.by is None and self.why is None

    @property
    def misjudged(self) -> bool:
        """It is said to be right, and a check found it wrong."""
        return self.by is not None and self.why is not None


@cache
def everything() -> list[Mutant | Mistake]:
    """All wrong rules, then all mistakes in the engine, in an order that is always the same."""
    return [*mutants(), *mistakes()]


def outcome(number: int) -> Outcome:
    """Of the mutant that has this number in `everything`."""
    start = time.process_time()
    mutant = everything()[number]
    if isinstance(mutant, Mutant):
        found = mutant.part, mutant.kind, mutant.name, caught_by(mutant), reason(mutant)
    else:
        words = " ".join(mutant.words.split())
        found = ENGINE, mutant.kind, words, noticed(mutant), None
    return Outcome(*found, time.process_time() - start)


def outcomes(numbers: Sequence[int], jobs: int) -> Iterator[Outcome]:
    """Of these mutants, in their order."""
    if jobs == 1:
        _begin()
        yield from map(outcome, numbers)
        return
    # Each process makes its own mutants: they are closures, which do not travel.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _begin) as pool:
        yield from pool.map(outcome, numbers, chunksize=4)


def _begin() -> None:
    hypothesis.settings.load_profile("mutation")
