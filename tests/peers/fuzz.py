"""Random programs by tinygraph, PyTorch and JAX: `make fuzz COUNT= SEED= SECONDS=`.

Compared are values, gradients, second gradients and forward mode. Every disagreement is made small
and printed as code that runs, with each engine's numbers. The same arguments draw the same
programs; which of them fit into the time depends on the machine.
"""

import argparse
import collections
import contextlib
import os
import sys
import time
import traceback
from dataclasses import dataclass, field
from typing import Any

# Before they start: one thread each, and for JAX, compiled quickly rather than well.
for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true "
    "--xla_cpu_multi_thread_eigen=false",
)

import jax  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from agreement import Disagreement, Setting, Verdict, verdict  # noqa: E402
from programs import Program, drawn  # noqa: E402
from shrinking import Shows, shrunk  # noqa: E402
from steps import steps  # noqa: E402

LONGEST = 50
# JAX takes longer than all else, even without its compiler: it gets short ones.
LONGEST_OF_JAX = 12
CACHED = 100  # programs, of which JAX keeps what it traced and compiled
GROUPS = ("xs", "cts", "rs", "ts")  # of a setting: what the engines are given
PATIENCE = 60.0  # seconds to make a program small
# Of ten programs, so many in each mode.
MODES = ("float64",) * 6 + ("float32",) * 2 + ("complex128",) * 2


def tell(text: str) -> None:
    """A paragraph on standard output, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


# The columns of the table: what is counted for each mode.
COUNTED = ("programs", "operations", "with PyTorch", "with JAX", "results", "left out")
DIFFERING = ("disagreements", "of one peer alone")
NAMES = {"torch": "PyTorch", "jax": "JAX"}


@dataclass
class Tally:
    """What ran and what came of it.

    counts: by what is counted, then by mode. A result is a value or a derivative, of one output or
    by one operand; those are left out that rounding moves so much that they say nothing.
    """

    counts: dict[str, collections.Counter[str]] = field(
        default_factory=lambda: {name: collections.Counter() for name in COUNTED + DIFFERING}
    )
    kinds: collections.Counter[str] = field(default_factory=collections.Counter)
    lengths: list[int] = field(default_factory=list)
    unable: collections.Counter[str] = field(default_factory=collections.Counter)

    def add(self, program: Program, mode: str, peers: tuple[str, ...], v: Verdict) -> None:
        self.kinds.update(program.kinds)
        self.lengths.append(len(program.kinds))
        self.unable.update(f"{NAMES[peer]}: {why}" for peer, why in v.unable.items())
        counted = {"programs": 1, "operations": len(program.kinds)}
        counted |= {f"with {NAMES[peer]}": peer not in v.unable for peer in peers}
        counted |= {"results": v.compared, "left out": v.useless}
        for name, n in counted.items():
            self.counts[name][mode] += n

    def differs(self, mode: str, *, alone: bool) -> None:
        """alone: the other peer is of tinygraph's opinion."""
        self.counts["disagreements"][mode] += 1
        self.counts["of one peer alone"][mode] += alone

    def total(self, name: str) -> int:
        return self.counts[name].total()

    @property
    def unexplained(self) -> int:
        return self.total("disagreements") - self.total("of one peer alone")

    def __str__(self) -> str:
        """In Markdown: a table, and below it what it does not say."""
        modes = [mode for mode in dict.fromkeys(MODES) if self.counts["programs"][mode]]
        rows = [("", *modes, "together"), ("---", *["---:"] * (len(modes) + 1))]
        for name, counts in self.counts.items():
            rows.append((name, *(f"{counts[m]:,}" for m in modes), f"{counts.total():,}"))
        lengths = np.array(self.lengths or [0])
        return "\n".join(
            [
                *(f"| {' | '.join(row)} |" for row in rows),
                "",
                f"{np.median(lengths):.0f} operations in the median program, up to "
                f"{lengths.max()}; {len(self.kinds)} kinds of steps: "
                + ", ".join(f"{name} {n}" for name, n in sorted(self.kinds.items())),
                *(f"{n} × {why}" for why, n in self.unable.most_common()),
            ]
        )


def showing(first: Disagreement, seed: int, mode: str) -> Shows:
    """Whether a program shows a disagreement of the same kind."""

    def shows(program: Program) -> bool:
        with np.errstate(all="ignore"):
            try:
                if program.values() is None:
                    return False
                again = verdict(program, seed, mode, [first.peer]).disagreements
            except Exception:  # noqa: BLE001 - a change that left no program
                return False
        return any((d.peer, d.part) == (first.peer, first.part) for d in again)

    return shows


def examined(program: Program, seed: int, mode: str, found: list[Disagreement]) -> tuple[str, bool]:
    """The smallest program that shows one of the disagreements, and what all engines have there.

    And whether only one peer differs there.
    """
    first = found[0]
    small = shrunk(program, showing(first, seed, mode), PATIENCE)
    other = "jax" if first.peer == "torch" else "torch"
    all_found = verdict(small, seed, mode, [first.peer, other])
    alone = all(d.peer == first.peer for d in all_found.disagreements) and not all_found.unable
    lines = [
        f"--- {mode}, seed {seed}: " + (f"{first.peer} alone differs" if alone else "differs"),
        *(f"# {d}" for d in all_found.disagreements),
        *(f"# {peer} cannot: {why}" for peer, why in all_found.unable.items()),
        script(small, seed),
    ]
    return "\n".join(lines), alone


def _text(a: Any) -> str:
    return f"np.array({a.tolist()!r}, {a.dtype.name!r})"


def script(program: Program, seed: int) -> str:
    """A program as code that runs in tests/peers, and prints what every engine has."""
    setting = Setting(program, seed)
    groups = {name: ", ".join(map(_text, getattr(setting, name))) for name in GROUPS}
    return "\n".join(
        [
            "import engines, numpy as np",
            "from spaces import SPACES",
            "",
            program.source(),
            "",
            *(f"{name} = [{arrays}]" for name, arrays in groups.items()),
            "for engine, f in SPACES.items():",
            "    function = lambda *v: program(f, *v)",
            "    options = {'compiled': False} if engine == 'jax' else {}",
            "    print(engine, getattr(engines, f'by_{engine}')(function, xs, cts, rs, **options))",
            "    print(getattr(engines, f'pushed_by_{engine}')(function, xs, ts))",
        ]
    )


def run(count: int, seed: int, seconds: float, every: int) -> Tally:
    """count programs from a seed on, as many as fit into the seconds; JAX has every so manieth.

    Ctrl-C ends it early; what ran until then is counted.
    """
    tally = Tally()
    with contextlib.suppress(KeyboardInterrupt):
        _run(tally, range(seed, seed + count), time.monotonic() + seconds, every)
    return tally


def _run(tally: Tally, numbers: range, end: float, every: int) -> None:
    for number in numbers:
        if time.monotonic() > end:
            break
        mode = MODES[number % len(MODES)]
        rng = np.random.default_rng(number)
        peers = ("torch", "jax") if every and number % every == 0 else ("torch",)
        longest = LONGEST_OF_JAX if "jax" in peers else LONGEST
        length = int(rng.integers(1, longest + 1))
        try:
            program = drawn(number, length, mode)
            v = verdict(program, number, mode, peers)
        except Exception as error:  # noqa: BLE001 - whatever it is, it should not come up
            tell(f"--- {mode}, seed {number}: {''.join(traceback.format_exception(error))}")
            tally.differs(mode, alone=False)
            continue
        tally.add(program, mode, peers, v)
        if v.disagreements:
            text, alone = examined(program, number, mode, v.disagreements)
            tell(text)
            tally.differs(mode, alone=alone)
        if "jax" in peers and tally.total("with JAX") % CACHED == 0:
            jax.clear_caches()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="programs to run, at most")
    parser.add_argument("--seed", type=int, default=0, help="of the first program")
    parser.add_argument("--seconds", type=float, default=300, help="time to run, at most")
    parser.add_argument("--jax", type=int, default=9, help="JAX has every so manieth; 0: none")
    given = parser.parse_args()
    torch.set_num_threads(1)
    started = time.monotonic()
    tally = run(given.count, given.seed, given.seconds, given.jax)
    tell(str(tally))
    missing = set().union(*map(steps, MODES)) - tally.kinds.keys()
    tell(f"steps never taken: {', '.join(sorted(missing)) or 'none'}")
    tell(f"{time.monotonic() - started:.0f} s")
    return 1 if tally.unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
