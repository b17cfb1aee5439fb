"""One engine at one workload, in a process of its own: what the driver starts and talks to."""

import gc
import importlib
import os
import time
import traceback
import tracemalloc
from pathlib import Path

import numpy as np

from .engines import Program
from .workloads import WORKLOADS, Workload

try:
    import resource
except ImportError:  # Windows
    resource = None


class Failure(Exception):
    """An engine crashed, took too long or computed something wrong."""


def answer(pipe, function, *arguments):
    """Call one of the functions below; what goes wrong is an answer, too."""
    try:
        function(pipe, *arguments)
    except Failure as failure:
        pipe.send(failure)
    except Exception as error:  # noqa: BLE001 - the others are to go on
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(last.filename).name}:{last.lineno}"
        pipe.send(Failure(f"{type(error).__name__}: {error} ({place})"))


def program_of(engine: str, work: Workload) -> Program | None:
    """The workload on this engine; None if it is not one that the engine can do."""
    module = importlib.import_module(f"{__package__}.engines.{engine}")
    build = getattr(module, work.kind, None)
    return None if build is None else build(work)


def stay_on_one_core() -> None:
    """The last one; libraries that count cores then start no threads."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def serve(pipe, engine, name, expected, threads, seconds):
    """Check the results of the first steps; then time a round whenever asked to.

    What is sent first is the error of the results; or None, where the engine cannot do this
    workload. A round is so many steps as take about `seconds`; what comes back is (processor time,
    wall time, page faults) of one step.
    """
    if threads == 1:
        stay_on_one_core()
    work = WORKLOADS[name]()
    checked = work.without_chance()
    program = program_of(engine, checked)
    if program is None:
        pipe.send(None)
        return
    program.run(work.steps)
    error = check(work, program.results(), expected)
    if checked is not work:
        program = program_of(engine, work)
    steps = steps_in(program, seconds)
    pipe.send(error)
    while pipe.recv():
        gc.collect()
        faults, begin, began = page_faults(), time.process_time(), time.perf_counter()
        program.run(steps)
        wall, processor = time.perf_counter() - began, time.process_time() - begin
        pipe.send((processor / steps, wall / steps, (page_faults() - faults) / steps))


def check(work: Workload, results, expected) -> float:
    """The largest relative error of an engine's results; Failure if that is too large."""
    worst = 0.0
    missing = {"loss", *work.parameters} - results.keys()
    if missing:
        raise Failure(f"without {', '.join(sorted(missing))}")
    for array in sorted(results.keys() & expected.keys()):
        mine, right = np.asarray(results[array], np.float64), np.asarray(expected[array])
        if mine.shape != right.shape:
            raise Failure(f"{array} has shape {mine.shape} instead of {right.shape}")
        error = np.abs(mine - right).max() / (np.abs(right).max() + 1e-9)
        if not error <= work.tolerance:
            raise Failure(f"{array} is off by {error:.1e}, more than {work.tolerance:.0e}")
        worst = max(worst, float(error))
    return worst


def page_faults() -> int:
    """How often so far the system had to provide memory; 0 where it does not say."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt if resource else 0


def steps_in(program: Program, seconds: float) -> int:
    """How many steps take this long."""
    program.run(1)
    steps = 1
    while True:
        began = time.perf_counter()
        program.run(steps)
        took = time.perf_counter() - began
        if took > seconds / 3:
            return max(1, round(steps * seconds / took))
        steps *= 2 if took > seconds / 20 else 8


def weigh(pipe, engine, name):
    """Send how many bytes are in use in the middle of a step, at most, and how many before it."""
    work = WORKLOADS[name]()
    program_of(engine, work).run(3)
    tracemalloc.start()
    program = program_of(engine, work)
    program.run(2)
    gc.collect()
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    program.run(1)
    _, peak = tracemalloc.get_traced_memory()
    pipe.send((peak, before))
