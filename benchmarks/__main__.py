"""The eight workloads on every engine there is: `python -m benchmarks --help`."""

import argparse
import contextlib
import datetime
import importlib.util
import multiprocessing
import os
import statistics
import time
from pathlib import Path

from . import chart, report, worker
from .worker import Failure
from .workloads import WORKLOADS

RESULTS = Path(__file__).parent / "results"
ENGINES = ("numpy", "tinygraph", "torch", "jax", "autograd", "mygrad", "micrograd")
WEIGHED = ("numpy", "tinygraph")  # the engines, and below the workloads, whose memory is measured
WEIGHED_AT = ("W3", "W6")
PATIENCE = 300  # seconds until an engine that does not answer is given up
CALM = 0.3  # seconds until threads that wait for more work stop turning, and disturb nobody
SPAWN = multiprocessing.get_context("spawn")
# glibc gives freed memory back to the system or keeps it, depending on what was freed before and
# lies where: with arrays of megabytes, chance would decide over half of an engine's time.
KEEP = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**30)}


class Process:
    """A function of `worker` in a process of its own, at the other end of a pipe."""

    def __init__(self, function, *arguments):
        self.pipe, other = SPAWN.Pipe()
        self.process = SPAWN.Process(
            target=worker.answer, args=(other, function, *arguments), daemon=True
        )
        self.process.start()
        other.close()

    def ask(self, question=None):
        """What it sends next, in answer to the question if there is one."""
        try:
            if question is not None:
                self.pipe.send(question)
            if not self.pipe.poll(PATIENCE):
                raise Failure(f"no answer in {PATIENCE} s")
            answer = self.pipe.recv()
        except (EOFError, BrokenPipeError):
            self.process.join()
            raise Failure(f"crashed, exit code {self.process.exitcode}") from None
        if isinstance(answer, Failure):
            raise answer
        return answer

    def end(self):
        self.process.kill()
        self.process.join()


def reference(name):
    """The right results of a workload: hand-written NumPy in double precision."""
    work = WORKLOADS[name]().without_chance().in_double_precision()
    program = worker.program_of("numpy", work)
    program.run(work.steps)
    return program.results()


def compare(name, options):
    """Check every engine at a workload, then let them take turns: {engine: its row}."""
    arguments = (name, reference(name), options.threads, options.seconds)
    running = {e: Process(worker.serve, e, *arguments) for e in options.engines}
    rows = {}
    for engine in options.engines:
        with reported(engine, rows, running):
            error = running[engine].ask()
            if error is None:  # not for this engine
                running.pop(engine).end()
            else:
                rows[engine] = {"error": error, "rounds": [], "faults": []}
    for turn in range(options.rounds):
        for engine in list(running):
            rounds = rows[engine]["rounds"]
            if turn < 3 or sum(rounds) < options.limit:  # of a slow engine, one step is a round
                with reported(engine, rows, running):
                    if options.threads > 1:
                        time.sleep(CALM)
                    processor, wall, faults = running[engine].ask("round")
                    rounds.append(processor if options.threads == 1 else wall)
                    rows[engine]["faults"].append(faults)
    for process in running.values():
        process.end()
    for row in rows.values():
        if "rounds" in row:
            summarise(row, rows, options.threads)
    return rows


@contextlib.contextmanager
def reported(engine, rows, running):
    """Let a failure be the engine's row, and its end."""
    try:
        yield
    except Failure as failure:
        rows[engine] = {"failure": str(failure)}
        running.pop(engine).end()


def summarise(row, rows, threads):
    """Add the time of a step, and its ratios to the engines that others are measured by.

    Processor time has a median. Wall time also holds what other processes took: the least counts.
    """
    row["faults"] = statistics.median(row["faults"])
    row["time"] = statistics.median(row["rounds"]) if threads == 1 else min(row["rounds"])
    for base in ("numpy", "torch"):
        theirs = rows.get(base, {}).get("rounds")
        if theirs and threads == 1:
            ratios = (mine / its for mine, its in zip(row["rounds"], theirs))
            row[f"to {base}"] = statistics.median(ratios)
        elif theirs:
            row[f"to {base}"] = row["time"] / min(theirs)


def memory(options):
    """Bytes in use at the peak of a step and before it, of the engines that compute in NumPy."""
    found = {}
    for name in options.workloads:
        if name.startswith(WEIGHED_AT):
            found[name] = {}
            for engine in options.engines:
                if engine in WEIGHED:
                    process = Process(worker.weigh, engine, name)
                    with contextlib.suppress(Failure):  # which has been reported
                        peak, before = process.ask()
                        found[name][engine] = {"peak": peak, "added": peak - before}
                    process.end()
    return found


def chosen_workloads(words):
    """W3 stands for all that begin with W3."""
    names = [n for n in WORKLOADS if any(n == w or n.startswith(f"{w}.") for w in words)]
    unknown = [w for w in words if not any(n == w or n.startswith(f"{w}.") for n in WORKLOADS)]
    if unknown:
        raise SystemExit(f"no workload {', '.join(unknown)}; there are {', '.join(WORKLOADS)}")
    return names


def parse():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    every = list(WORKLOADS)
    add("-w", "--workloads", nargs="+", metavar="W", default=every, help="W1 W3 W6.1e4 …")
    add("-e", "--engines", nargs="+", metavar="E", default=list(ENGINES), help=", ".join(ENGINES))
    add("-t", "--threads", type=int, default=1, help="for each engine (1)")
    add("-r", "--rounds", type=int, default=7, help="in which the engines take turns (7)")
    add("-s", "--seconds", type=float, default=0.1, help="length of a turn (0.1)")
    add("-l", "--limit", type=float, default=4, help="of an engine's turns, beyond the third (4)")
    malloc = "keeps: freed memory stays with the process; default: as the system decides"
    add("-m", "--malloc", choices=("keeps", "default"), default="keeps", help=malloc)
    add("--output", type=Path, metavar="FILE", help="the figures, as JSON (benchmarks/results/)")
    add("--chart", type=Path, metavar="FILE", help="the picture (beside the output, as .svg)")
    add("--show", type=Path, metavar="FILE", help="print and draw the figures of an earlier run")
    options = parser.parse_args()
    options.workloads = chosen_workloads(options.workloads)
    unknown = [e for e in options.engines if e not in ENGINES]
    if unknown:
        raise SystemExit(f"no engine {', '.join(unknown)}; there are {', '.join(ENGINES)}")
    if "numpy" not in options.engines:
        options.engines.insert(0, "numpy")  # the measure
    return options


def prepare(threads, malloc):
    """The environment of the processes to come: libraries read it when they are loaded."""
    for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA", "VECLIB_MAXIMUM"):
        os.environ[f"{library}_NUM_THREADS"] = str(threads)
    os.environ["JAX_PLATFORMS"] = "cpu"
    if threads == 1:
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
    if malloc == "keeps":
        os.environ |= KEEP


def main():
    options = parse()
    if options.show:
        figures = report.load(options.show)
        report.show(figures)
        chart.draw(figures, options.chart or options.show.with_suffix(".svg"))
        return
    missing = [e for e in options.engines if importlib.util.find_spec(e) is None]
    options.engines = [e for e in options.engines if e not in missing]
    prepare(options.threads, options.malloc)
    figures = {
        "machine": report.machine(options.engines, options.threads) | {"malloc": options.malloc},
        "engines": options.engines,
        "missing": missing,
        "workloads": {},
    }
    report.print_head(figures)
    for name in options.workloads:
        title = WORKLOADS[name]().title
        figures["workloads"][name] = {"title": title, "engines": compare(name, options)}
        report.print_row(figures, name)
    figures["memory"] = memory(options)
    report.print_rest(figures)
    now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    output = options.output or RESULTS / f"{now}.json"
    report.save(figures, output)
    chart.draw(figures, options.chart or output.with_suffix(".svg"))


if __name__ == "__main__":
    main()
