"""Course 1, week 2: a loop over the elements against the array product, forward and backward.

python benchmarks/vectorisation.py
"""

import time

import numpy as np

import tinygraph as tg

N = 10_000


def seconds(function, repeats):
    """The least of several runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def by_loop(a, b):
    total = 0
    for i in range(N):
        total += a[i] * b[i]
    return total


def main():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=N), rng.normal(size=N)
    u, v = tg.Variable(a), tg.Variable(b)
    rows = {
        "NumPy": lambda dot: dot(a, b),
        "tinygraph": lambda dot: dot(u, v),
        "tinygraph, with gradients": lambda dot: tg.gradients(dot(u, v), [u, v]),
    }
    print(f"Σ aᵢbᵢ of {N:,} elements, milliseconds")
    print(f"{'':27}{'loop':>10}{'product':>10}{'times':>8}")
    for name, run in rows.items():
        loop, product = seconds(lambda: run(by_loop), 3), seconds(lambda: run(np.dot), 50)  # noqa: B023
        print(f"{name:27}{1e3 * loop:10.2f}{1e3 * product:10.4f}{loop / product:8.0f}")


if __name__ == "__main__":
    main()
