"""The notes' update rules, written out, beside the optimisers."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import optim

A = np.array([[3.0, 1.0], [1.0, 2.0]])
start = np.array([2.0, -3.0])
alpha = 0.05


def trail(make_optimizer, steps=50):
    w = tg.Variable(start.copy())
    optimizer = make_optimizer([w])
    points = []
    for _ in range(steps):
        optimizer.minimize(lambda: w @ A @ w / 2)
        points.append(w.numpy().copy())
    return np.array(points)


def written_out(move, steps=50):
    w, points, state = start.copy(), [], {"v": 0.0, "s": 0.0}
    for t in range(1, steps + 1):
        w = w - alpha * move(A @ w, state, t)
        points.append(w)
    return np.array(points)


def momentum(dw, state, t, weight=1.0):
    state["v"] = 0.9 * state["v"] + weight * dw
    return state["v"]


def rmsprop(dw, state, t):
    state["s"] = 0.99 * state["s"] + 0.01 * dw**2
    return dw / (np.sqrt(state["s"]) + 1e-8)


def adam(dw, state, t):
    state["v"] = 0.9 * state["v"] + 0.1 * dw
    state["s"] = 0.999 * state["s"] + 0.001 * dw**2
    return state["v"] / (1 - 0.9**t) / (np.sqrt(state["s"] / (1 - 0.999**t)) + 1e-8)


@pytest.mark.parametrize(
    ("make", "move"),
    [
        (lambda w: optim.SGD(w, lr=alpha, momentum=0.9), momentum),
        (
            lambda w: optim.SGD(w, lr=alpha, momentum=0.9, averaged=True),
            lambda dw, state, t: momentum(dw, state, t, weight=0.1),
        ),
        (lambda w: optim.RMSprop(w, lr=alpha, beta=0.99), rmsprop),
        (lambda w: optim.Adam(w, lr=alpha), adam),
    ],
    ids=["v = βv + dw", "v = βv + (1 − β)dw", "RMSprop", "Adam"],
)
def test_follows_the_notes(make, move):
    np.testing.assert_allclose(trail(make), written_out(move), rtol=1e-10, atol=1e-12)


def test_adams_defaults_are_the_notes():
    optimizer = optim.Adam([tg.Variable(1.0)])
    assert (optimizer.betas, optimizer.eps) == ((0.9, 0.999), 1e-8)
