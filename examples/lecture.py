"""The course's computation graph and the lecture's cost, derived, minimised and drawn.

    python examples/lecture.py

Pictures go to out/.
"""

from pathlib import Path

import numpy as np

import tinygraph as tg
from tinygraph import optim

OUT = Path("out")


def computation_graph():
    """J = 3(a + bc): forward through u and v, backward to a, b and c."""
    a, b, c = (tg.Variable(x, name=n) for x, n in [(5.0, "a"), (3.0, "b"), (2.0, "c")])
    u = b * c
    v = a + u
    J = 3 * v
    u.name, v.name, J.name = "u", "v", "J"
    J.backward()
    print("Computation graph  J = 3(a + bc)  at a = 5, b = 3, c = 2")
    print(f"  u = {u.item():g}, v = {v.item():g}, J = {J.item():g}")
    print(f"  dJ/da = {a.grad:g}, dJ/db = {b.grad:g}, dJ/dc = {c.grad:g}")
    return tg.graph(J)


def cost(w, x):
    """J(w) = w² − 10w + 25, with the coefficients from an array, as data would come."""
    return x[0] * w**2 + x[1] * w + x[2]


def minimise(name, optimizer, w, x, steps):
    """Let the optimiser follow the gradient that is derived from the cost."""
    optimizer.minimize(lambda: cost(w, x))
    first = w.item()
    for _ in range(steps - 1):
        optimizer.minimize(lambda: cost(w, x))
    print(f"  {name}: w = {first:.3f} after 1 step, {w.item():.3f} after {steps}")


def lecture():
    """Minimise J(w), whose minimum is J(5) = 0, by gradient descent and by Adam."""
    print("Lecture  J(w) = w² − 10w + 25  from w = 0")
    x = np.array([1.0, -10.0, 25.0])
    w = tg.Variable(0, name="w")
    minimise("gradient descent, rate 0.01", optim.SGD([w], lr=0.01), w, x, 1000)
    w = tg.Variable(0, name="w")
    minimise("Adam, rate 0.1", optim.Adam([w], lr=0.1), w, x, 1000)

    w = tg.Variable(0, name="w")
    J = w**2 - 10 * w + 25
    J.name = "J"
    J.backward()
    print(f"  at w = 0 the derived slope is dJ/dw = {w.grad:g}")
    return tg.graph(J)


def main():
    OUT.mkdir(exist_ok=True)
    for name, graph in [("computation_graph", computation_graph()), ("lecture", lecture())]:
        print(f"  drawn: {graph.render(OUT / f'{name}.svg')}")


if __name__ == "__main__":
    main()
