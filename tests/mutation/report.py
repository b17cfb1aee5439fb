"""Run the mutants and count: caught, equivalent, survivors."""

from __future__ import annotations

import itertools
import sys
import time
from collections import Counter
from collections.abc import Sequence
from random import Random

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
    """Print the table; 1 if there are survivors."""
    start = time.process_time()
    caught: Counter[str] = Counter()
    equivalent: Counter[str] = Counter()
    survivors: list[Mutant] = []
    by: Counter[str] = Counter()
    for mutant in chosen(sample, seed, only):
        check = caught_by(mutant)
        if check:
            caught[mutant.kind] += 1
            by[check] += 1
        elif reason(mutant):
            equivalent[mutant.kind] += 1
        else:
            survivors.append(mutant)
            print(f"survivor: {mutant.name}", file=sys.stderr)
    print(*table(caught, equivalent, Counter(m.kind for m in survivors)), sep="\n")
    print("caught by", dict(by))
    print(f"{time.process_time() - start:.0f} s")
    return bool(survivors)


def table(caught: Counter[str], equivalent: Counter[str], survivors: Counter[str]) -> list[str]:
    """In Markdown, the kinds in rows."""
    kinds = sorted({*caught, *equivalent, *survivors})
    rows = [(k, caught[k], equivalent[k], survivors[k]) for k in kinds]
    rows.append(("all", caught.total(), equivalent.total(), survivors.total()))
    head = [
        "| kind of mistake | mutants | caught | equivalent | survivors |",
        "|---|---|---|---|---|",
    ]
    return head + [f"| {k} | {c + e + s} | {c} | {e} | {s} |" for k, c, e, s in rows]
