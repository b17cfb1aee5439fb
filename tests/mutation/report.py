"""Run the mutants and count: caught, equivalent, survivors."""

from __future__ import annotations

import itertools
import sys
import time
from collections import Counter
from collections.abc import Sequence
from random import Random

from .engine import mistakes, noticed
from .equivalent import reason
from .kit import caught_by
from .mutants import Mutant, mutants


def chosen(sample: int | None, seed: int, only: str | None) -> list[Mutant]:
    """Those to be run."""
    found = [m for m in mutants() if only is None or only in (m.of, m.of.partition(".")[0], m.kind)]
    return found if sample is None else sampled(found, sample, seed)


def sampled(found: Sequence[Mutant], count: int, seed: int) -> list[Mutant]:
    """So many of them, of each kind of mistake in turn."""
    by_kind: dict[str, list[Mutant]] = {}
    for mutant in Random(seed).sample(found, len(found)):
        by_kind.setdefault(mutant.kind, []).append(mutant)
    turns = itertools.chain.from_iterable(itertools.zip_longest(*by_kind.values()))
    return list(itertools.islice(filter(None, turns), count))


def run(sample: int | None, seed: int, only: str | None) -> int:
    """Print the tables; 1 if there are survivors."""
    start = time.process_time()
    survivors = run_rules(sample, seed, only)
    if only in (None, "engine"):
        survivors += run_engine()
    print(f"{time.process_time() - start:.0f} s of one core")
    return bool(survivors)


def run_rules(sample: int | None, seed: int, only: str | None) -> int:
    """Show gradient rules to the checks; how many wrong ones nothing noticed."""
    caught: Counter[str] = Counter()
    equivalent: Counter[str] = Counter()
    survived: Counter[str] = Counter()
    stages: Counter[str] = Counter()
    for mutant in chosen(sample, seed, only):
        if reason(mutant):
            equivalent[mutant.kind] += 1
        elif stage := caught_by(mutant):
            caught[mutant.kind] += 1
            stages[stage] += 1
        else:
            survived[mutant.kind] += 1
            print(f"survivor: {mutant.name}", file=sys.stderr)
    print(*table(caught, equivalent, survived), "", sep="\n")
    print(", ".join(f"{n} by {stage}" for stage, n in stages.most_common()))
    return survived.total()


def run_engine() -> int:
    """The same for mistakes in the engine."""
    found = [(mistake, noticed(mistake)) for mistake in mistakes()]
    caught = {
        who: Counter(mistake.kind for mistake, by in found if by and by[0] == who)
        for who in ("kit", "test")
    }
    survived = Counter(mistake.kind for mistake, by in found if not by)
    print("| mistake in the engine | mutants | by check_grads | by a test | survivors |")
    print("|---|---|---|---|---|")
    for kind, count in Counter(mistake.kind for mistake, _ in found).items():
        row = (kind, count, caught["kit"][kind], caught["test"][kind], survived[kind])
        print("| " + " | ".join(map(str, row)) + " |")
    return survived.total()


def table(caught: Counter[str], equivalent: Counter[str], survivors: Counter[str]) -> list[str]:
    """In Markdown, the kinds in rows."""
    kinds = sorted({*caught, *equivalent, *survivors})
    rows = [(k, caught[k], equivalent[k], survivors[k]) for k in kinds]
    rows.append(("all", caught.total(), equivalent.total(), survivors.total()))
    head = ["| kind of mistake | mutants | caught | equivalent | survivors |"]
    head.append("|---|---|---|---|---|")
    return head + [f"| {k} | {c + e + s} | {c} | {e} | {s} |" for k, c, e, s in rows]
