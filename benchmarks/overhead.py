"""Nanoseconds per operation, forward and backward, beside other engines in one run.

    python benchmarks/overhead.py

Each cell is the time of a chain of 100 operations on float64 arrays, forward and backward, divided
by 100: the median over rounds in which the engines take turns. Every engine's gradients are
compared with the hand-written ones first. Nothing here is large enough to use a second thread.
Engines that are not installed are left out and named
(`pip install -e ".[peers]"`).
"""

import functools
import gc
import importlib
import statistics
import time

import numpy as np

LENGTH = 100
ROUNDS = 15
SIZES = (1, 100)

# The operation on the chain's value y and a second operand c, with m the engine's namespace; and
# by hand, from the cotangent g: (cotangent of y, contribution to c). `out` is its value.
OPERATIONS = {
    "y + c": (lambda m, y, c: y + c, lambda g, y, c, out: (g, g)),
    "y * c": (lambda m, y, c: y * c, lambda g, y, c, out: (g * c, g * y)),
    "y * 1.01": (lambda m, y, c: y * 1.01, lambda g, y, c, out: (g * 1.01, None)),
    "tanh(y)": (lambda m, y, c: m.tanh(y), lambda g, y, c, out: (g * (1 - out * out), None)),
    "y / c": (lambda m, y, c: y / c, lambda g, y, c, out: (g / c, -g * out / c)),
}


def by_hand(operation, y, c):
    """Forward and backward as one would write them in NumPy."""
    forward, backward = operation

    def step():
        value, tape = y, []
        for _ in range(LENGTH):
            out = forward(np, value, c)
            tape.append((value, out))
            value = out
        g, total = np.ones_like(y), np.zeros_like(c)
        for value, out in reversed(tape):
            g, more = backward(g, value, c, out)
            if more is not None:
                total += more
        return g, total

    return step


def with_leaves(m, leaf, operation, y, c):
    """For engines whose leaves keep a gradient: tinygraph and PyTorch."""
    start, other, one = leaf(y), leaf(c), leaf(np.ones_like(y)).detach()

    def step():
        start.grad = other.grad = None
        value = start
        for _ in range(LENGTH):
            value = operation[0](m, value, other)
        value.backward(one)
        return start.grad.numpy(), 0 if other.grad is None else other.grad.numpy()

    return step


def tinygraph(tg, operation, y, c):
    return with_leaves(tg, tg.Variable, operation, y, c)


def torch(torch, operation, y, c):
    torch.set_num_threads(1)
    leaf = functools.partial(torch.tensor, requires_grad=True)
    return with_leaves(torch, leaf, operation, y, c)


def mygrad(mg, operation, y, c):
    start, other = mg.tensor(y), mg.tensor(c)

    def step():
        start.null_grad()
        other.null_grad()
        value = start
        for _ in range(LENGTH):
            value = operation[0](mg, value, other)
        value.backward()  # of the sum, where it is not a scalar
        return start.grad, 0 if other.grad is None else other.grad

    return step


def autograd(autograd, operation, y, c):
    import autograd.numpy as anp

    def run(pair):
        value, other = pair
        for _ in range(LENGTH):
            value = operation[0](anp, value, other)
        return anp.sum(value)

    gradient = autograd.grad(run)
    return lambda: gradient((y, c))


ENGINES = {"tinygraph": tinygraph, "torch": torch, "mygrad": mygrad, "autograd": autograd}


def installed():
    """The engines there are, by name, and those there are not."""
    found, missing = {}, []
    for name, engine in ENGINES.items():
        try:
            found[name] = (engine, importlib.import_module(name))
        except ImportError:
            missing.append(name)
    return found, missing


def measure(steps):
    """Median nanoseconds per operation for each step function; they take turns."""
    times = {name: [] for name in steps}
    for step in steps.values():
        step()
    for _ in range(ROUNDS):
        for name, step in steps.items():
            gc.collect()
            start = time.perf_counter()
            for _ in range(10):
                step()
            times[name].append((time.perf_counter() - start) / (10 * LENGTH))
    return {name: statistics.median(t) * 1e9 for name, t in times.items()}


def main():
    engines, missing = installed()
    names = ["numpy", *engines]
    print("ns per operation, forward + backward; × : relative to hand-written NumPy\n")
    print(f"{'size':>5} {'operation':15}" + "".join(f"{name:>18}" for name in names))
    for size in SIZES:
        y, c = np.linspace(0.5, 0.9, size), np.linspace(0.98, 1.02, size)
        for name, operation in OPERATIONS.items():
            steps = {"numpy": by_hand(operation, y, c)}
            expected = steps["numpy"]()
            for engine, (build, module) in engines.items():
                steps[engine] = build(module, operation, y, c)
                for mine, right in zip(steps[engine](), expected, strict=True):
                    np.testing.assert_allclose(mine, right, rtol=1e-12, err_msg=f"{engine} {name}")
            figures = measure(steps)
            cells = (f"{figures[n]:9.0f} ({figures[n] / figures['numpy']:4.1f}×)" for n in names)
            print(f"{size:5} {name:15}" + "".join(f"{cell:>18}" for cell in cells), flush=True)
    if missing:
        print(f"\nNot installed, so left out: {', '.join(missing)}")


if __name__ == "__main__":
    main()
