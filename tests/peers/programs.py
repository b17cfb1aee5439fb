"""Random programs: expressions of many operations, as source text that every engine runs.

A program is a function `program(f, x0, x1, …)`, f a space of functions with NumPy's names. It is
drawn step by step: a step's text comes from `steps`, its value is computed at once, and a step
that leaves the range of moderate numbers, or comes near a kink, is drawn anew. Values are used
again by later steps, so that subexpressions are shared; some steps stand in both branches of an
`if` on a value, or in a loop.
"""

import functools
import re
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import steps_of_arrays as steps_of_arrays  # registers its steps
import steps_of_layers as steps_of_layers  # likewise
import steps_of_products as steps_of_products  # likewise
import steps_of_signals as steps_of_signals  # likewise
import steps_of_spectra as steps_of_spectra  # likewise
from spaces import TINYGRAPH
from steps import Written, least, steps

import tinygraph as tg

SIZE, AXES = 36, 4  # the largest value
MARGIN = 1e-3  # how near a kink it may come
LARGEST = 30.0
NAME = re.compile(r"\b[vx]\d+\b")
SHAPES = [(3, 4), (4,), (2, 3), (3, 3), (), (2, 2, 3), (2, 3, 4), (3, 1), (1, 4)]


@dataclass(frozen=True)
class Step:
    """Some lines of source that give `name` its value.

    kinds: what they do.  margins: expressions that stay away from 0.  simpler: steps to take
    instead, when a program is made small.
    """

    name: str
    lines: tuple[str, ...]
    kinds: tuple[str, ...]
    margins: tuple[str, ...] = ()
    simpler: tuple["Step", ...] = ()

    @functools.cached_property
    def reads(self) -> set[str]:
        return set(NAME.findall("\n".join(self.lines))) - {self.name}

    def reading(self, new: str, old: str) -> "Step":
        """With one name in place of another."""

        def renamed(text: str) -> str:
            return re.sub(rf"\b{old}\b", new, text)

        return replace(
            self,
            lines=tuple(map(renamed, self.lines)),
            margins=tuple(map(renamed, self.margins)),
            simpler=tuple(step.reading(new, old) for step in self.simpler),
        )


@dataclass(frozen=True)
class Program:
    """Operands by name, steps, and the names of the outputs."""

    operands: dict[str, Any]
    steps: tuple[Step, ...]
    outputs: tuple[str, ...]

    @property
    def arrays(self) -> list[Any]:
        return [*self.operands.values()]

    @property
    def kinds(self) -> list[str]:
        return [kind for step in self.steps for kind in step.kinds]

    def source(self, *, nudged: bool = False) -> str:
        """nudged: after each step its value goes through `nudge`."""
        lines = [f"def program({', '.join(['f', *self.operands])}):"]
        if nudged:
            lines += [f"    {x} = nudge({x})" for x in self.operands]
        for step in self.steps:
            lines += [f"    {line}" for line in step.lines]
            if nudged:
                lines.append(f"    {step.name} = nudge({step.name})")
        return "\n".join([*lines, f"    return [{', '.join(self.outputs)}]", ""])

    def function(self, nudge: Callable[[Any], Any] | None = None) -> Callable[..., list[Any]]:
        """What a space of functions and operands are given to."""
        space: dict[str, Any] = {"np": np, "nudge": nudge}
        exec(_compiled(self.source(nudged=nudge is not None)), space)  # noqa: S102 - our own text
        return space["program"]

    def pruned(self) -> "Program":
        """Without what no output needs."""
        needed, kept = set(self.outputs), []
        for step in reversed(self.steps):
            if step.name in needed:
                needed |= step.reads
                kept.append(step)
        operands = {x: a for x, a in self.operands.items() if x in needed}
        return replace(self, operands=operands, steps=tuple(reversed(kept)))

    def values(self) -> dict[str, Any] | None:
        """Of all names, as arrays; None where one is out of range, or near a kink."""
        known = {x: tg.tensor(a) for x, a in self.operands.items()}
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            for step in self.steps:
                value = evaluated(step, known)
                if value is None:
                    return None
                known[step.name] = value
        return {name: t.numpy() for name, t in known.items()}


@functools.lru_cache(64)
def _compiled(text: str) -> Any:
    return compile(text, "<program>", "exec")


def evaluated(step: Step, known: dict[str, Any]) -> Any:
    """A step's value; None where it is out of range, or near a kink."""
    arrays = {name: known[name].numpy() for name in step.reads}
    for margin in step.margins:
        if least(eval(margin, {"np": np}, arrays)) < MARGIN:  # noqa: S307 - our own text
            return None
    space = {"f": TINYGRAPH, "np": np, **{name: known[name] for name in step.reads}}
    try:
        exec(_compiled("\n".join(step.lines)), space)  # noqa: S102 - our own text
    except Exception as error:
        shapes = ", ".join(f"{name} {a.shape}" for name, a in arrays.items())
        error.add_note(f"in {'; '.join(step.lines)}, with {shapes}")
        raise
    value = space[step.name]
    plain = value.numpy()
    if plain.ndim > AXES or not 0 < plain.size <= SIZE or not np.isfinite(plain).all():
        return None
    return value if np.abs(plain).max() <= LARGEST else None


class Draw:
    """What a step draws from: random numbers, and the values so far. Its `of_shape` adds operands.

    mode: the dtype, that of all operands.
    """

    def __init__(self, rng: np.random.Generator, mode: str) -> None:
        self.rng, self.mode = rng, mode
        self.known: dict[str, Any] = {}  # tensors, by name
        self.operands: dict[str, Any] = {}
        self.unused: list[str] = []

    def operand(self, shape: tuple[int, ...]) -> str:
        name = f"x{len(self.operands)}"
        a = self.rng.uniform(-1.5, 1.5, shape)
        if self.mode == "complex128":
            a = a + 1j * self.rng.uniform(-1.5, 1.5, shape)
        self.operands[name] = np.asarray(np.round(a, 3), self.mode)
        self.known[name] = tg.tensor(self.operands[name])
        return name

    def one(self, options: Any) -> Any:
        return options[int(self.rng.integers(len(options)))]

    def between(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def shape(self, name: str) -> tuple[int, ...]:
        return self.known[name].shape

    def shape_of(self, text: str) -> tuple[int, ...]:
        return eval(text, {"np": np}).shape  # noqa: S307 - our own text

    def ndim(self, name: str) -> int:
        return len(self.shape(name))

    def size(self, name: str) -> int:
        return self.known[name].size

    def _among(self, names: Iterable[str]) -> str | None:
        """Mostly one that nothing has used yet, or one of the last, so that programs are deep."""
        names = [*names]
        if not names:
            return None
        fresh = [n for n in names if n in self.unused]
        chosen = fresh if fresh and self.rng.random() < 0.6 else names
        return chosen[-min(len(chosen), int(self.rng.geometric(0.35)))]

    def value(self, low: int = 0, high: int = AXES) -> str:
        found = self._among(n for n in self.known if low <= self.ndim(n) <= high)
        fitting = [s for s in SHAPES if low <= len(s) <= high]
        return found or self.operand(self.one(fitting))

    def of_shape(self, shape: tuple[int, ...]) -> str:
        if self.rng.random() < 0.85:
            found = self._among(n for n in self.known if self.shape(n) == tuple(shape))
        else:
            found = None
        return found or self.operand(shape)

    def beside(self, a: str) -> str:
        """A value that broadcasts with this one."""
        shape = self.shape(a)
        suffix = shape[self.between(0, len(shape)) :]
        narrow = tuple(1 if self.rng.random() < 0.2 else n for n in suffix)

        def fits(n: str) -> bool:
            try:
                return len(np.broadcast_shapes(self.shape(n), shape)) <= AXES
            except ValueError:
                return False

        if self.rng.random() < 0.7:
            return self._among(n for n in self.known if fits(n)) or self.of_shape(shape)
        return self.of_shape(narrow)

    def square(self, high: int = 3) -> str:
        found = self._among(
            n for n in self.known
            if 2 <= self.ndim(n) <= high and self.shape(n)[-1] == self.shape(n)[-2]
        )  # fmt: skip
        if found and self.rng.random() < 0.7:
            return found
        return self.operand(self.one([(2, 2), (3, 3), (2, 2, 2)][: 2 + (high > 2)]))

    def calm(self, a: str) -> str:
        """Made small, a text: by its parts if it is complex, as sines grow along the second."""
        if self.mode == "complex128":
            return f"(f.sin(f.real({a})) + 1j * f.sin(f.imag({a})))"
        return f"f.sin({a})"

    def axis(self, a: str) -> int:
        return self.between(-self.ndim(a), self.ndim(a) - 1)

    def with_axis(self, length: int) -> tuple[str, int]:
        """A value, and an axis of it of at least this length."""
        found = self._among(n for n in self.known if any(k >= length for k in self.shape(n)))
        a = found or self.operand((3, 4))
        i = self.one([i for i, k in enumerate(self.shape(a)) if k >= length])
        return a, self.one([i, i - self.ndim(a)])

    def axes(self, a: str) -> Any:
        n = self.ndim(a)
        some = tuple(self.order(n)[: self.between(1, n)]) if n else None
        return self.one([None, some, self.axis(a)]) if n else None

    def order(self, n: int) -> list[int]:
        return self.rng.permutation(n).tolist()

    def mask(self, shape: tuple[int, ...]) -> str:
        return f"np.array({(self.rng.random(shape) < 0.5).tolist()})"

    def integers(self, shape: tuple[int, ...], n: int) -> str:
        return f"np.array({self.rng.integers(n, size=shape).tolist()})"

    def index(self, shape: tuple[int, ...], *, repeats: bool) -> str:
        """An index of such an array that leaves something; repeats: it may read one twice."""
        while True:
            text = self._index(shape, repeats)
            if self.shape_of(f"np.zeros({shape})[{text}].ravel()") != (0,):
                return text

    def _index(self, shape: tuple[int, ...], repeats: bool) -> str:
        kind = self.rng.random()
        if kind < 0.12:
            return self.mask(shape[: self.between(1, len(shape))])
        if kind < 0.2:
            return f"np.s_[..., {self.between(-shape[-1], shape[-1] - 1)}]"
        advanced = self.between(0, 2 * len(shape))  # which axis has one, if any
        parts = []
        for i, n in enumerate(shape[: self.between(1, len(shape))]):
            if i == advanced:
                rows = self.rng.choice(n, self.between(1, n), replace=repeats)
                parts.append(f"np.array({rows.tolist()})")
            elif self.rng.random() < 0.35:
                parts.append(str(self.between(-n, n - 1)))
            else:
                start, stop = self.one(["", "", self.between(0, n - 1)]), self.one(["", "", n - 1])
                parts.append(self.one([f"{start}:{stop}", f"{start}:", "::2", "::-1", "::-2"]))
            if self.rng.random() < 0.08:
                parts.append("None")
        return f"np.s_[{', '.join(parts)}]"


class _Drawing:
    """A program while it is drawn."""

    def __init__(self, seed: int, length: int, mode: str) -> None:
        self.draw = Draw(np.random.default_rng(seed), mode)
        self.catalogue = sorted(steps(mode).items())
        self.steps: list[Step] = []
        for shape in ((3, 4), self.draw.one(SHAPES)):
            self.draw.unused.append(self.draw.operand(shape))
        for _ in range(6 * length):
            if len(self.kinds) >= length:
                break
            self._add()

    @property
    def kinds(self) -> list[str]:
        return [kind for step in self.steps for kind in step.kinds]

    def _add(self) -> None:
        draw = self.draw
        before = dict(draw.operands)
        step = self._step(f"v{len(self.steps)}")
        value = step and evaluated(step, draw.known)
        if step is None or value is None or value.dtype.kind != np.dtype(draw.mode).kind:
            for name in draw.operands.keys() - before:  # those that only this step wanted
                del draw.operands[name], draw.known[name]
            return
        draw.unused = [n for n in draw.unused if n not in step.reads] + [step.name]
        draw.known[step.name] = value
        self.steps.append(step)

    def _step(self, name: str) -> Step | None:
        kind, written = self._written()
        if written is None:
            return None
        line = f"{name} = {written.text}"
        step = Step(name, (line,), (kind,), written.margins)
        way = self.draw.rng.random()
        if way < 0.05:
            return self._branch(step) or step
        if way < 0.08 and not written.margins:
            return self._loop(step)
        return step

    def _written(self) -> tuple[str, Written | None]:
        kind, write = self.draw.one(self.catalogue)
        return kind, write(self.draw)

    def _branch(self, step: Step) -> Step | None:
        """This step under an `if` on a value's sum, with another one in the other branch."""
        draw = self.draw
        value = evaluated(step, draw.known)
        if value is None:
            return None
        for _ in range(20):
            kind, written = self._written()
            if written is None:
                continue
            other = Step(step.name, (f"{step.name} = {written.text}",), (kind,), written.margins)
            theirs = evaluated(other, draw.known)
            if theirs is not None and theirs.shape == value.shape:
                break
        else:
            return None
        deciding = draw.value()
        total = float(draw.known[deciding].numpy().real.sum())
        bound = round(total + draw.one([-1, 1]) * (0.1 + abs(total) / 10), 2)
        first, second = (step, other) if total > bound else (other, step)
        lines = (
            f"if f.sum(f.real({deciding})) > {bound}:",
            f"    {first.lines[0]}",
            "else:",
            f"    {second.lines[0]}",
        )
        margin = f"{deciding}.real.sum() - ({bound})"
        margins = (*step.margins, margin)
        return Step(step.name, lines, ("if", *step.kinds), margins, simpler=(step,))

    def _loop(self, step: Step) -> Step | None:
        """This step, then two times a contraction of what came."""
        name = step.name
        beside = self.draw.value(0, 0)
        again = self.draw.one(["sin", "cos"])
        lines = (
            *step.lines,
            "for _ in range(2):",
            f"    {name} = f.{again}({name}) + 0.1 * {beside}",
        )
        once = Step(name, (f"{name} = f.{again}({beside})",), (again,))
        return Step(name, lines, ("for", *step.kinds, again, again), simpler=(once, step))

    def program(self) -> Program:
        last = [n for n in self.draw.unused if n.startswith("v")][-8:]
        outputs = tuple(last or [*self.draw.operands][:1])
        return Program(self.draw.operands, tuple(self.steps), outputs).pruned()


def drawn(seed: int, length: int, mode: str = "float64") -> Program:
    """The random program of a seed, of about this many operations."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return _Drawing(seed, length, mode).program()
