"""A smaller program that still shows what a large one showed."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from programs import Program, Step

Shows = Callable[[Program], bool]


def shrunk(program: Program, shows: Shows, seconds: float) -> Program:
    """Greedily: whatever change makes it simpler and still shows it is kept, until none does.

    Or until the seconds are over, which a change that is tried may exceed.
    """
    end = time.monotonic() + seconds
    while True:
        for smaller in _smaller(program):
            if time.monotonic() > end:
                return program
            if shows(smaller):
                program = smaller
                break
        else:
            return program


def _smaller(program: Program) -> Iterator[Program]:
    """Simpler programs, the simplest first."""
    if len(program.outputs) > 1:
        for name in program.outputs:
            yield replace(program, outputs=(name,)).pruned()
        for i in range(len(program.outputs)):
            rest = program.outputs[:i] + program.outputs[i + 1 :]
            yield replace(program, outputs=rest).pruned()
    for step in program.steps[:-1]:
        yield replace(program, outputs=(step.name,)).pruned()
    values = program.values()
    if values is not None:
        for step in reversed(program.steps):
            if step.name not in program.outputs:
                yield _as_operand(program, step.name, values[step.name])
    for i, step in enumerate(program.steps):
        yield from (_with_step(program, i, s) for s in step.simpler)
        yield from (_with_step(program, i, s) for s in _reading_less(program, step))
    yield from _simpler_numbers(program)


def _as_operand(program: Program, name: str, value: Any) -> Program:
    """With a step's value given, instead of computed."""
    new = f"x{1 + max([int(x[1:]) for x in program.operands], default=-1)}"

    steps = [step.reading(new, name) for step in program.steps if step.name != name]
    given = np.round(value, 3).astype(value.dtype)
    return replace(
        program, operands={**program.operands, new: given}, steps=tuple(steps)
    ).pruned()  # fmt: skip


def _with_step(program: Program, i: int, step: Step) -> Program:
    steps = (*program.steps[:i], step, *program.steps[i + 1 :])
    return replace(program, steps=steps).pruned()


def _reading_less(program: Program, step: Step) -> Iterator[Step]:
    """The step with one of the operands it reads in place of another of the same shape."""
    reads = sorted(step.reads)
    for a in reads:
        for b in reads:
            x, y = program.operands.get(a), program.operands.get(b)
            if a < b and x is not None and y is not None and x.shape == y.shape:
                yield step.reading(a, b)


def _simpler_numbers(program: Program) -> Iterator[Program]:
    """With shorter operands, then with rounder ones."""

    def given(name: str, a: Any) -> Program:
        return replace(program, operands={**program.operands, name: a})

    for name, a in program.operands.items():
        for axis, n in enumerate(a.shape):
            if n > 1:
                yield given(name, a.take(range(n - 1), axis))
    # All operands that have an axis of the same length: where two must fit.
    for n in sorted({n for a in program.operands.values() for n in a.shape if n > 1}):
        shorter = {
            name: a[tuple(slice(n - 1) if k == n else slice(None) for k in a.shape)]
            for name, a in program.operands.items()
        }
        yield replace(program, operands=shorter)
    # One digit, but not 0, where much has a corner of its own.
    for name, a in program.operands.items():
        rounder = np.where(abs(a) < 0.1, a, np.round(a, 1)).astype(a.dtype)
        if not np.array_equal(rounder, a):
            yield given(name, rounder)
