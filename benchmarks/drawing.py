"""How long graphs of 1e2 … 1e6 operations take to walk and to draw, beside torchviz and MyGrad.

    python benchmarks/drawing.py [--shared] [--most 100000] [--limit 60]

The same computation in each, y ← tanh(y · w) + 0.5; with --shared y ← tanh(y · w) + y, in which
each y is used twice. The first time is from the result to a graph in Python or to DOT text, the
second from there to an SVG file, by the same Graphviz. Each in a process of its own, ended after
`--limit` seconds; what failed is not tried with more.
"""

import argparse
import subprocess
import sys
import time

import numpy as np

ENGINES = ("tinygraph", "torchviz", "mygrad")


def tinygraph(n, shared):
    import tinygraph as tg

    y = w = tg.Variable(np.full(4, 0.5), name="w")
    for _ in range(n // 3):
        y = np.tanh(y * w) + (y if shared else 0.5)
    start = time.perf_counter()
    graph = tg.graph(y.sum())
    walked = time.perf_counter()
    graph.render(DRAWN)
    return walked - start, time.perf_counter() - walked


def torchviz(n, shared):
    import torch
    from torchviz import make_dot

    y = w = torch.full((4,), 0.5, requires_grad=True)
    for _ in range(n // 3):
        y = torch.tanh(y * w) + (y if shared else 0.5)
    start = time.perf_counter()
    source = make_dot(y.sum(), params={"w": w}).source
    walked = time.perf_counter()
    drawn(source)
    return walked - start, time.perf_counter() - walked


def mygrad(n, shared):
    import mygrad
    from mygrad.computational_graph import build_graph

    y = w = mygrad.tensor(np.full(4, 0.5))
    for _ in range(n // 3):
        y = mygrad.tanh(y * w) + (y if shared else 0.5)
    start = time.perf_counter()
    source = build_graph(y.sum(), names={"w": w}).source
    walked = time.perf_counter()
    drawn(source)
    return walked - start, time.perf_counter() - walked


DRAWN = "graph.svg"


def drawn(source):
    """Draw others' DOT text with the engine that tinygraph draws with."""
    from tinygraph.render.engine import draw, engine

    with open(DRAWN, "wb") as file:
        file.write(draw(source, "svg", engine()))


def measured(name, n, shared, limit):
    """The two times in words; or how it ended."""
    command = [sys.executable, __file__, "--one", name, str(n), *["--shared"] * shared]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return f"over {limit} s"
    if run.returncode:
        return run.stderr.strip().rpartition("\n")[2].partition(":")[0][:20] or "ended"
    return run.stdout.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--shared", action="store_true")
    parser.add_argument("--limit", type=float, default=60)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        walk, draw = globals()[chosen.one[0]](int(chosen.one[1]), chosen.shared)
        print(f"{walk:.3g} s, {draw:.3g} s")
        return
    print(f"{'operations':>10}" + "".join(f"{name:>24}" for name in ENGINES))
    alive, n = set(ENGINES), 100
    while n <= chosen.most:
        cells = []
        for name in ENGINES:
            cell = measured(name, n, chosen.shared, chosen.limit) if name in alive else ""
            if not cell.endswith(" s") or cell.startswith("over"):
                alive.discard(name)
            cells.append(f"{cell:>24}")
        print(f"{n:10,}{''.join(cells)}", flush=True)
        n *= 10


if __name__ == "__main__":
    main()
