"""What became of the mutants, in tables: caught and by which check, equivalent, survivors."""

from __future__ import annotations

import itertools
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

from .kit import STAGES
from .mutants import Mutant
from .running import ENGINE, Outcome, everything, outcomes

# Seconds between two lines of progress.
EVERY = 15.0


def chosen(sample: int | None, seed: int, only: str | None) -> list[int]:
    """The numbers of those to be run: so many of the rules, and all mistakes in the engine."""
    rules, engine = [], []
    for number, mutant in enumerate(everything()):
        if not isinstance(mutant, Mutant):
            engine.append(number)
        elif only in (None, mutant.of, mutant.of.partition(".")[0], mutant.kind, mutant.part):
            rules.append(number)
    if sample is not None:
        rules = sampled(rules, sample, seed)
    return rules + engine if only in (None, "engine") else rules


def sampled(numbers: Sequence[int], count: int, seed: int) -> list[int]:
    """So many of them, of each kind of mistake in turn."""
    by_kind: dict[str, list[int]] = {}
    for number in Random(seed).sample(numbers, len(numbers)):
        by_kind.setdefault(everything()[number].kind, []).append(number)
    turns = itertools.chain.from_iterable(itertools.zip_longest(*by_kind.values()))
    return list(itertools.islice((n for n in turns if n is not None), count))


def run(sample: int | None, seed: int, only: str | None, jobs: int, each: str | None) -> int:
    """Print the tables; 1 if there are survivors, or caught ones that are said to be right."""
    start = time.monotonic()
    numbers = chosen(sample, seed, only)
    found = list(told(outcomes(numbers, min(jobs, max(len(numbers), 1))), len(numbers)))
    if each is not None:
        lines = [f"{o.by or o.why or 'survived'}\t{o.kind}\t{o.name}\n" for o in found]
        Path(each).write_text("".join(lines), encoding="utf-8")
    print(*tables(found), sep="\n")
    minutes = sum(o.seconds for o in found) / 60
    passed = (time.monotonic() - start) / 60
    print(f"\n{minutes:.1f} minutes of one core, {passed:.1f} minutes with {jobs} processes.")
    return int(any(o.survived or o.misjudged for o in found))


def told(found: Iterator[Outcome], count: int) -> Iterator[Outcome]:
    """The same, with a line on stderr now and then, and one for each that nothing noticed."""
    start = said = time.monotonic()
    for k, each in enumerate(found, 1):
        if each.survived:
            print(f"survivor: {each.name}", file=sys.stderr, flush=True)
        if each.misjudged:
            print(f"not equivalent: {each.name}", file=sys.stderr, flush=True)
        now = time.monotonic()
        if now - said > EVERY or k == count:
            print(f"{k:,} of {count:,} in {now - start:.0f} s", file=sys.stderr, flush=True)
            said = now
        yield each


def tables(found: Sequence[Outcome]) -> Iterator[str]:
    """In Markdown: by kind of mistake, by part of the project, the engine, why what is right is."""
    rules = [o for o in found if o.part != ENGINE]
    engine = [o for o in found if o.part == ENGINE]
    if rules:
        yield from table("kind of mistake", rules, lambda o: o.kind, STAGES)
        yield ""
        yield from table("mistakes in", rules, lambda o: o.part, STAGES)
    if engine:
        yield ""
        yield from table("mistake in the engine", engine, lambda o: o.kind, ("kit", "tests"))
    reasons = Counter(o.why for o in rules if o.why)
    if reasons:
        yield from ("", "| why it is no mistake | mutants |", "|---|---|")
        yield from (f"| {why} | {count} |" for why, count in reasons.most_common())
    for o in found:
        if o.survived or o.misjudged:
            yield f"\n{'survivor' if o.survived else 'not equivalent'}: {o.name}"


def table(
    head: str, found: Sequence[Outcome], row_of: Callable[[Outcome], str], checks: Sequence[str]
) -> Iterator[str]:
    """Counts: a row for what `row_of` says, and one for all; a column for each check."""
    columns = [head, "mutants", "caught", *(f"by {c}" for c in checks), "equivalent", "survivors"]
    yield "| " + " | ".join(columns) + " |"
    yield "|---" * len(columns) + "|"
    rows: dict[str, list[Outcome]] = {}
    for o in sorted(found, key=row_of):
        rows.setdefault(row_of(o), []).append(o)
    if len(rows) > 1:
        rows["all"] = list(found)
    for name, part in rows.items():
        by = Counter(o.by for o in part if o.by and not o.why)
        counts = [len(part), by.total(), *(by[c] for c in checks)]
        counts += [sum(o.why is not None for o in part), sum(o.survived for o in part)]
        yield f"| {name} | " + " | ".join(f"{n:,}" for n in counts) + " |"
