"""Long graphs and memory: no recursion anywhere, and reference counting alone frees everything."""

import gc
import tracemalloc
import weakref

import numpy as np
import pytest

import tinygraph as tg


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_a_chain_of_a_million_nodes(no_collector):
    x = tg.Variable(1.0)
    y = x
    for _ in range(1_000_000):
        y = y + 1.0
    y.backward()
    assert y.item() == 1_000_001.0
    assert x.grad.item() == 1.0
    del y  # frees a million nodes, one by one


def test_a_long_chain_is_freed_without_having_been_used(no_collector):
    y = tg.Variable(np.ones(2))
    for _ in range(200_000):
        y = y * 1.0
    del y


def test_a_long_chain_differentiated_twice(no_collector):
    x = tg.Variable(1.0)
    y = x
    for _ in range(20_000):
        y = y * 1.0001
    (g,) = tg.gradients(y * y, x, create_graph=True)
    (h,) = tg.gradients(g, x)
    assert h.item() == pytest.approx(2 * 1.0001**40_000, rel=1e-9)


class Watched(np.ndarray):
    """An array whose end can be seen."""


def test_reference_counting_frees_a_graph(no_collector):
    w = tg.Variable(np.ones((4, 3)))
    big = np.ones((5, 4)).view(Watched)
    seen = weakref.ref(big)
    y = tg.relu(big.view(np.ndarray) @ w).sum()
    nodes = weakref.ref(y)
    del big, y
    assert seen() is None
    assert nodes() is None
    assert gc.collect() == 0


def test_backward_leaves_no_cycles(no_collector):
    w = tg.Variable(np.ones((4, 3)))
    for _ in range(3):
        loss = tg.softmax(np.ones((5, 4)) @ w).mean()
        loss.backward()
        tg.gradients((w * w).sum(), w)
        tg.grad(tg.grad(lambda x: x**3))(2.0)
    del loss
    assert gc.collect() == 0


def test_backward_releases_residuals_as_it_goes():
    # 40 layers keep 40 arrays; backward may hold a few more, not 40 more.
    size = 100_000
    x = tg.Variable(np.ones(size))
    y = x
    for _ in range(40):
        y = tg.sin(y)
    y = y.sum()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        y.backward()
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert peak < 5 * size * 8


def test_rules_keep_only_what_they_need():
    x, c = tg.Variable(np.ones(10)), np.ones(10)
    assert (x + c).node.residuals == ()
    (kept,) = (x * c).node.residuals
    assert kept is c
    y = np.exp(x)
    (kept,) = y.node.residuals
    assert kept is y.value
    assert len((x / tg.Variable(c)).node.residuals) == 2
