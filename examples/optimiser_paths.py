"""Where optimisers go: a long valley, a saddle point and a plateau, as contour pictures.

    python examples/optimiser_paths.py

The picture goes to out/optimiser_paths.svg.
"""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

import tinygraph as tg
from tinygraph import optim

OUT = Path("out")
STEPS = 200


def valley(x, y):
    """A bowl fifty times as steep across as along: gradient descent zigzags."""
    return 0.02 * x**2 + y**2


def saddle(x, y):
    """Flat at the origin, down along y: the usual place where the gradient is 0 in many dimensions.

    The quartic term keeps it from falling for ever; its minima are at y = ±1.
    """
    return x**2 - y**2 + 0.5 * y**4


def plateau(x, y):
    """A basin in a plain: far out the slope is next to nothing."""
    return -np.exp(-(x**2 + 2 * y**2) / 4)


# The cost, where the paths begin, the window that is drawn, and its minima.
LANDSCAPES = {
    "a long valley": (valley, (-9.0, 1.8), (-10, 4, -2, 2), [(0, 0)]),
    "a saddle point": (saddle, (-1.5, 0.001), (-2, 2, -1.5, 1.5), [(0, -1), (0, 1)]),
    "a plateau": (plateau, (-4.0, 2.0), (-4.5, 2, -2, 2.5), [(0, 0)]),
}
OPTIMISERS = {
    "gradient descent": lambda w: optim.SGD(w, lr=0.1),
    "momentum 0.9": lambda w: optim.SGD(w, lr=0.1, momentum=0.9),
    "RMSprop": lambda w: optim.RMSprop(w, lr=0.05),
    "Adam": lambda w: optim.Adam(w, lr=0.1),
}


def path(cost, start, make_optimiser):
    """The points that the optimiser visits, (STEPS + 1, 2)."""
    w = tg.Variable(np.array(start))
    optimiser = make_optimiser([w])
    points = [w.numpy().copy()]
    for _ in range(STEPS):
        optimiser.minimize(lambda: cost(w[0], w[1]))
        points.append(w.numpy().copy())
    return np.array(points)


def draw(axes, title, cost, start, window, minima):
    """Contours and paths; returns how far from a minimum each path ends."""
    left, right, bottom, top = window
    x, y = np.meshgrid(np.linspace(left, right, 300), np.linspace(bottom, top, 300))
    axes.contour(x, y, cost(x, y), levels=18, cmap="Greys", linewidths=0.6)
    left_over = {}
    for i, (name, make_optimiser) in enumerate(OPTIMISERS.items()):
        points = path(cost, start, make_optimiser)
        axes.plot(*points.T, color=f"C{i}", lw=1.4, marker=".", markevery=5, ms=4, label=name)
        left_over[name] = min(float(np.hypot(*(points[-1] - m))) for m in minima)
    axes.plot(*np.array(minima).T, "k*", ms=10)
    axes.set(title=title, xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[])
    return left_over


def main():
    OUT.mkdir(exist_ok=True)
    figure, row = plt.subplots(1, 3, figsize=(12, 4.4), layout="constrained")
    print(f"Distance from the nearest minimum after {STEPS} steps")
    for axes, (title, landscape) in zip(row, LANDSCAPES.items(), strict=True):
        left_over = draw(axes, title, *landscape)
        print(f"  {title:15}", ", ".join(f"{name} {d:.3f}" for name, d in left_over.items()))
    handles, labels = row[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.savefig(OUT / "optimiser_paths.svg")
    plt.close(figure)
    print(f"  drawn: {OUT / 'optimiser_paths.svg'}")


if __name__ == "__main__":
    main()
