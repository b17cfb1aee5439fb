"""micrograd, whose values are single numbers: W1, and W7 as four chains side by side."""

import sys

import numpy as np
from micrograd.engine import Value

from .program import Program


def descent(work):
    w, lr, J = Value(work.parameters["w"].item()), work.settings.lr, None

    def step():
        nonlocal J
        J = w**2 - 10 * w + 25
        w.grad = 0
        J.backward()
        w.data -= lr * w.grad

    return Program(step, work.batches, lambda: {"w": np.array(w.data), "loss": np.array(J.data)})


def many(work):
    # It sorts the graph by recursion.
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 4 * work.settings.pairs))
    P = {name: [Value(v.item()) for v in array] for name, array in work.parameters.items()}
    losses = []

    def step():
        losses.clear()
        for x, a, b in zip(*P.values(), strict=True):
            x.grad = a.grad = b.grad = 0
            y = x
            for _ in range(work.settings.pairs):
                y = y * a
                y = y + b
            y.backward()
            losses.append(y.data)

    def results():
        gradients = {name: np.array([v.grad for v in values]) for name, values in P.items()}
        return {**gradients, "loss": np.sum(losses)}

    return Program(step, work.batches, results)
