"""Whether engines agree on a random program, within what rounding explains.

The tolerance is estimated for each program: an engine computes it, and all its derivatives, again
and again with every value that a step returns, and every operand, moved by some units in the last
place, up or down at random. What comes out moves by what rounding between and inside of the steps
may cost; the derivatives too, as a moved value's slope is moved. Engines may differ by some times
as much. It is tinygraph that is asked, and the peer too where that does not explain what differs.
"""

import contextlib
import warnings
from collections.abc import Iterable
from typing import Any, NamedTuple

import engines
import numpy as np
import torch
from programs import Program
from spaces import SPACES
from uncompiled import uncompiled

import tinygraph as tg

# Units in the last place that each step may be off, in each of its elements.
UNITS = 8
RUNS = 2
# Of what came out, so much is allowed: inside a step, rounding is only met, not made larger.
TIMES = 8
# A result that rounding moves by more than this, of its size, says nothing.
USELESS = {"float64": 1e-5, "complex128": 1e-5, "float32": 0.05}
# What is compared: of each output, by each operand, by each operand and cotangent, of each output.
PARTS = ("values", "gradients", "second gradients", "forward mode")

Results = list[list[Any]]  # for each of PARTS


class Disagreement(NamedTuple):
    """What two engines have for one result, and by how much they may differ.

    Without a part: an error that only one of them raises, in the place of its result.
    """

    peer: str
    part: str
    place: int
    ours: Any
    theirs: Any
    tolerance: float

    def __str__(self) -> str:
        if not self.part:
            return f"tinygraph: {self.ours}; {self.peer}: {self.theirs}"
        return (
            f"{self.part}, number {self.place}: tinygraph {_flat(self.ours)}, "
            f"{self.peer} {_flat(self.theirs)}, may differ by {self.tolerance:.1e}"
        )


class Verdict(NamedTuple):
    """For a program: what differs, what a peer could not do, and how many results were useless."""

    disagreements: list[Disagreement]
    unable: dict[str, str]
    compared: int
    useless: int


def _flat(x: Any) -> str:
    x = np.asarray(x)
    return f"{x.dtype} " + " ".join(np.array2string(x, precision=12, separator=", ").split())


class Setting:
    """A program with all that its derivatives are contracted with, of which each is random."""

    def __init__(self, program: Program, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.program, self.xs = program, program.arrays
        with np.errstate(all="ignore"):
            ys = program.function()(SPACES["tinygraph"], *map(tg.tensor, self.xs))
        self.cts = [_like(rng, y.numpy()) for y in ys]
        self.rs = [_like(rng, x) for x in self.xs]
        self.ts = [_like(rng, x) for x in self.xs]

    def wider(self) -> "Setting":
        """In double precision."""
        wide = object.__new__(Setting)
        wide.program = self.program
        for name in ("xs", "cts", "rs", "ts"):
            group = getattr(self, name)
            setattr(wide, name, [a.astype(np.result_type(a, np.float64)) for a in group])
        return wide

    def results(self, engine: str, nudge: Any = None) -> Results:
        """By an engine; with steps that are moved, if there is a nudge."""
        program, space = self.program.function(nudge), SPACES[engine]
        derive = getattr(engines, f"by_{engine}")
        options = {"compiled": False} if engine == "jax" else {}

        def f(*operands: Any) -> list[Any]:
            return program(space, *operands)

        steps = uncompiled() if engine == "jax" else contextlib.nullcontext()
        with warnings.catch_warnings(), np.errstate(all="ignore"), steps:
            warnings.simplefilter("ignore")
            three = derive(f, self.xs, self.cts, self.rs, **options)
            pushed = getattr(engines, f"pushed_by_{engine}")(f, self.xs, self.ts)
        return [*map(list, three), pushed]


def _like(rng: np.random.Generator, a: Any) -> Any:
    real = rng.uniform(0.5, 1.5, a.shape) * rng.choice([-1, 1], a.shape)
    imaginary = 1j * rng.uniform(-1, 1, a.shape) if a.dtype.kind == "c" else 0
    return np.asarray(real + imaginary, a.dtype)


def _nudge(size: float, seed: int) -> Any:
    rng = np.random.default_rng(seed)

    def nudge(y: Any) -> Any:
        if not engines.smooth(y):
            return y
        factor = 1 + size * rng.choice([-1.0, 1.0], tuple(y.shape))
        if isinstance(y, torch.Tensor):
            return y * torch.as_tensor(factor, dtype=y.dtype)
        return y * factor.astype(y.dtype)

    return nudge


def tolerances(
    setting: Setting, mode: str, runs: int = RUNS, engine: str = "tinygraph"
) -> list[list[float]]:
    """How far rounding may move each result of an engine.

    Runs that are moved are compared with each other, not with the plain one: a moved value has a
    memory layout of its own, and what goes wrong in another layout is not for rounding to explain.
    """
    size = UNITS * float(np.finfo(mode).eps)
    first, *moved = (setting.results(engine, _nudge(size, run)) for run in range(runs + 1))
    # A step that cancels what it reads loses so much of the size of that.
    read = max(map(_largest, [*setting.xs, *setting.cts, *setting.rs, *setting.ts]))
    found = [[size * max(read, *map(_largest, part))] * len(part) for part in first]
    for results in moved:
        for sizes, part, others in zip(found, first, results, strict=True):
            for i, (a, b) in enumerate(zip(part, others, strict=True)):
                sizes[i] = max(sizes[i], _largest(a - b))
    return [[TIMES * size for size in sizes] for sizes in found]


def _largest(a: Any) -> float:
    return float(np.abs(a).max(initial=0))


def verdict(program: Program, seed: int, mode: str, peers: Iterable[str]) -> Verdict:
    """What tinygraph and its peers make of a program.

    The peers compute in double precision always, so that of a float32 program only tinygraph's own
    rounding counts.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _verdict(Setting(program, seed), mode, peers)


def _verdict(setting: Setting, mode: str, peers: Iterable[str]) -> Verdict:
    theirs, unable, other_shapes = {}, {}, []
    for peer in peers:
        try:
            theirs[peer] = setting.wider().results(peer)
        except engines.ShapesDiffer as error:
            other_shapes.append(Disagreement(peer, "", 0, "no error", str(error), 0))
        except Exception as error:  # noqa: BLE001 - each library has errors of its own
            unable[peer] = f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"
    if other_shapes:
        return Verdict(other_shapes, unable, 0, 0)
    try:
        ours = setting.results("tinygraph")
        sizes = tolerances(setting, mode)
    except tg.TinygraphError as error:
        told = f"{type(error).__name__}: {error}"
        return Verdict([Disagreement(p, "", 0, told, "no error", 0) for p in theirs], unable, 0, 0)
    found: list[Disagreement] = []
    compared = useless = 0
    for peer, results in theirs.items():
        for part, mine, other, bounds in zip(PARTS, ours, results, sizes, strict=True):
            for i, (a, b, bound) in enumerate(zip(mine, other, bounds, strict=True)):
                if bound > USELESS[mode] * max(1.0, _largest(b)):
                    useless += 1
                    continue
                compared += 1
                if not _alike(a, b, bound, mode):
                    found.append(Disagreement(peer, part, i, a, b, bound))
    return Verdict(found and _confirmed(found, setting, mode), unable, compared, useless)


def _alike(a: Any, b: Any, bound: float, mode: str) -> bool:
    return (
        a.shape == b.shape
        and a.dtype == (mode if b.dtype.kind == np.dtype(mode).kind else b.dtype)
        and bool(np.allclose(a, b, rtol=0, atol=bound, equal_nan=True))
    )


def _confirmed(found: list[Disagreement], setting: Setting, mode: str) -> list[Disagreement]:
    """Those that remain when the tolerance is estimated from more runs, and from the peer's too.

    Its derivatives are other formulas, which may cancel where tinygraph's do not.
    """
    ours = tolerances(setting, mode, 8 * RUNS)
    wide, double = setting.wider(), np.result_type(mode, np.float64).name
    theirs = {p: tolerances(wide, double, 8 * RUNS, p) for p in {d.peer for d in found}}
    again = []
    for d in found:
        both = (sizes[PARTS.index(d.part)][d.place] for sizes in (ours, theirs[d.peer]))
        again.append(d._replace(tolerance=max(both)))
    return [d for d in again if not _alike(d.ours, d.theirs, d.tolerance, mode)]
