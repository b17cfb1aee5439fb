"""`np.<ufunc>.reduce`, accumulate, reduceat, outer and at, on tensors that require grad."""

import numpy as np
import pytest
from derivatives import assert_gradient

import tinygraph as tg

X = np.random.default_rng(0).uniform(0.5, 2, (3, 4, 2))
Y = np.array([0.7, 1.1, 1.9])
MASK = np.random.default_rng(1).random(X.shape) > 0.4
# Associative or not, with an identity or without. Not power and arctan2, whose reduceat and
# reduce NumPy itself gets wrong along a contiguous axis (2.4: np.power.reduce([1.5, 0.7, 1.9])).
UFUNCS = [
    np.subtract, np.divide, np.hypot, np.logaddexp2, np.fmax, np.fmin, np.copysign, np.float_power
]  # fmt: skip
CALLS = {
    "reduce": lambda u, t: u.reduce(t),
    "axis": lambda u, t: u.reduce(t, axis=1),
    "last axis": lambda u, t: u.reduce(t, -1, keepdims=True),
    "initial": lambda u, t: u.reduce(t, axis=1, initial=1.5),
    "where": lambda u, t: u.reduce(t, axis=1, initial=1.5, where=MASK),
    "accumulate": lambda u, t: u.accumulate(t, axis=1),
    "accumulate 0": lambda u, t: u.accumulate(t),
    "reduceat": lambda u, t: u.reduceat(t, [0, 2, 1], axis=1),
    "outer": lambda u, t: u.outer(t[0], Y),
    "outer right": lambda u, t: u.outer(Y, t),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda u: u.__name__)
def test_a_method_is_differentiated(ufunc, name):
    t, call = tg.Variable(X), CALLS[name]
    y, wanted = call(ufunc, t), call(ufunc, X)
    assert y.requires_grad
    assert y.dtype == wanted.dtype
    np.testing.assert_allclose(y.numpy(), wanted, rtol=1e-14)
    ct = np.cos(np.arange(wanted.size)).reshape(wanted.shape)
    (first,) = tg.gradients([y], [t], [ct], create_graph=True)
    assert_gradient(lambda x: [call(ufunc, x)], [X], [ct], [first.detach()])

    def gradient(x):
        t = tg.Variable(x)
        return [g.numpy() for g in tg.gradients([call(ufunc, t)], [t], [ct])]

    direction = np.sin(np.arange(X.size)).reshape(X.shape)
    second = np.zeros(X.shape)  # of what is linear
    if first.requires_grad:
        (second,) = tg.gradients([first], [t], [direction])
    assert_gradient(gradient, [X], [direction], [second])


@pytest.mark.parametrize("axis", [None, (0, 2), (0, -1), ()])
def test_several_axes_where_the_order_does_not_matter(axis):
    t = tg.Variable(X)
    for call in (
        lambda t: np.hypot.reduce(t, axis=axis),
        lambda t: np.hypot.reduce(t, axis=axis, where=MASK, keepdims=True),
    ):
        np.testing.assert_allclose(call(t).numpy(), call(X), rtol=1e-14)
        (g,) = tg.gradients(call(t).sum(), [t])
        assert_gradient(lambda x, call=call: [call(x)], [X], [np.ones_like(call(X))], [g])


def test_scalars_and_nothing():
    w = tg.Variable(3.0)
    np.hypot.reduce(w).backward()
    assert w.grad.item() == 1
    empty = tg.Variable(np.ones((0, 2)))
    assert np.hypot.reduce(empty).tolist() == [0, 0]
    assert np.hypot.reduce(empty, initial=w).tolist() == [3, 3]
    assert np.subtract.accumulate(empty).shape == (0, 2)
    with pytest.raises(tg.ShapeError, match=r"np\.subtract\.reduce.*no identity"):
        np.subtract.reduce(empty)


def test_initial_may_be_tracked():
    x, start = tg.Variable([1.0, 2.0]), tg.Variable(9.0)
    np.subtract.reduce(x, initial=start).backward()
    assert start.grad.item() == 1
    assert x.grad.tolist() == [-1, -1]


def test_a_dtype_is_that_of_the_computation():
    y = np.hypot.reduce(tg.Variable(np.ones(3, np.float32)), dtype=np.float64)
    assert y.dtype == np.float64
    with pytest.raises(tg.DTypeError, match=r"np\.hypot\.reduce: dtype="):
        np.hypot.reduce(tg.Variable([1.0]), dtype=int)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: np.hypot.reduce(t, axis=7), r"np\.hypot\.reduce: axis 7"),
        (lambda t: np.subtract.reduce(t, axis=None), r"np\.subtract\.reduce.*not reorderable"),
        (lambda t: np.subtract.reduce(t, where=MASK), r"np\.subtract\.reduce.*initial"),
        (lambda t: np.hypot.reduce(t, out=np.empty((4, 2))), "bind the result"),
        (lambda t: np.hypot.reduceat(t, [9]), r"np\.hypot\.reduceat.*9"),
        (lambda t: np.add.at(t, [0], 1.0), r"np\.add\.at writes into.*t\[index\] = value"),
        (lambda t: np.add.at(np.zeros(3), [0], t[0, 0, 0]), r"np\.add\.at.*cut the graph"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(call, message):
    with pytest.raises(tg.TinygraphError, match=message):
        call(tg.Variable(X))
