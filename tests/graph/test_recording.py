"""What `tg.record` keeps, and that it changes nothing and leaves nothing behind."""

import gc
import math
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import tinygraph as tg
from tinygraph import graph, nn, optim
from tinygraph.errors import ArgumentError
from tinygraph.recording import statistics


def computed(**options):
    """J = Σ (x·x·k), its graph, and x."""
    x, k = tg.Variable([3.0, -4.0], name="x"), np.array([1.0, 2.0])
    with tg.record(**options):
        J = (x * x * k).sum()
        J.backward()
    return graph(J), x


def test_statistics_forward_and_backward():
    g, _ = computed()
    square, scaled = g.find("multiply")
    assert square.recorded.statistics[:5] == (9.0, 16.0, 12.5, 3.5, math.hypot(9, 16))
    assert square.recorded.gradient_statistics[:3] == (1.0, 2.0, 1.5)
    assert scaled.recorded.gradient_statistics[:4] == (1.0, 1.0, 1.0, 0.0)
    leaf = g.nodes[0]
    assert leaf.recorded.statistics[:2] == (-4.0, 3.0)
    assert leaf.recorded.gradient_statistics[:2] == (-16.0, 6.0)  # 2xk
    constant = g.nodes[g.constants[0]]
    assert constant.recorded.statistics[:2] == (1.0, 2.0)
    assert square.gradient_norm == pytest.approx(math.sqrt(5))
    assert square.recorded.values is None


def test_lines_and_times():
    g, _ = computed(values=False)
    square = g.find("multiply")[0]
    assert square.site.file == __file__ and square.site.function == "computed"
    assert "(x * x * k).sum()" in square.site.source
    assert square.recorded.seconds > 0 and square.recorded.seconds_backward > 0
    assert square.recorded.statistics is None
    assert g.summary().total.seconds > 0


def test_without_lines_and_times():
    g, _ = computed(source=False, time=False)
    square = g.find("multiply")[0]
    assert square.site is None
    assert square.recorded.seconds is square.recorded.seconds_backward is None
    assert square.recorded.statistics is not None


def test_values_are_those_of_then():
    g, x = computed(values=True)
    square = g.find("multiply")[0]
    np.testing.assert_array_equal(square.recorded.values, [9.0, 16.0])
    np.testing.assert_array_equal(square.recorded.gradient, [1.0, 2.0])
    x.assign([0.0, 0.0])
    optimiser = optim.SGD([x], lr=1.0)
    optimiser.step()
    np.testing.assert_array_equal(g.nodes[0].recorded.values, [3.0, -4.0])
    np.testing.assert_array_equal(g.nodes[0].recorded.gradient, [6.0, -16.0])


def test_an_optimiser_does_not_write_into_what_was_recorded():
    model = nn.Dense(3, 2)
    optimiser = optim.Adam(model.parameters())
    steps = []
    for _ in range(3):
        weight = model.weight.numpy().copy()
        with tg.record(values=True):
            loss = (model(np.ones((4, 3), np.float32)) ** 2).sum()
            optimiser.zero_grad()
            loss.backward()
        node = next(n for n in graph(loss).nodes if n.name == "weight")
        steps.append((node.recorded, weight, model.weight.grad.numpy().copy()))
        optimiser.step()
    for recorded, weight, gradient in steps:
        np.testing.assert_array_equal(recorded.values, weight)
        np.testing.assert_array_equal(recorded.gradient, gradient)


def test_several_outputs_and_sequences():
    x = tg.Variable([3.0, 4.0])
    with tg.record(values=True):
        one, other = tg.split(x, 2)
        J = (tg.concatenate([one * 2, np.zeros(1), other])).sum()
        J.backward()
    g = graph(J)
    assert [n.recorded.values.tolist() for n in g.find("split[*")] == [[3.0], [4.0]]
    assert [n.recorded.gradient.tolist() for n in g.find("split[*")] == [[2.0], [1.0]]
    zeros = g.nodes[[e.source for e in g.find("concatenate")[0].operands][1]]
    assert zeros.kind == "constant" and zeros.recorded.values.tolist() == [0.0]


def test_a_graph_made_before_is_seen_on_the_way_back():
    w = tg.Variable([1.0, 2.0])
    J = np.exp(w).sum()
    with tg.record():
        J.backward()
    (node,) = graph(J).find("exp")
    assert node.recorded.statistics is None and node.recorded.seconds is None
    assert node.recorded.gradient_statistics.max == 1.0


def test_not_computed_is_not_zero():
    w = tg.Variable([1.0, 2.0])
    with tg.record():
        J = (w * 0).sum()
        before = graph(J).find("multiply")[0]
        J.backward()
    assert before.gradient_norm is None
    assert graph(J).nodes[0].gradient_norm == 0


def test_gradients_are_the_same_within():
    def gradient():
        w = tg.Variable(np.linspace(0.5, 2, 4))
        (np.log(w) * np.where(w.numpy() > 1, w, 0)).sum().backward()
        return w.grad.numpy()

    plain = gradient()
    with tg.record(values=True), tg.scope("x"), tg.detect_mutation():
        np.testing.assert_array_equal(gradient(), plain)


def test_second_order():
    x = tg.Variable([1.0, 2.0])
    with tg.record(values=True):
        J = (x**3).sum()
        (g,) = tg.gradients(J, [x], create_graph=True)
        g.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [6.0, 12.0])


def test_it_holds_nothing_after_the_graph_has_gone():
    w = tg.Variable(np.ones(3))
    gc.disable()
    try:
        with tg.record(values=True):
            y = np.exp(w)
            loss = y.sum()
            alive = weakref.ref(loss), weakref.ref(y)
            del y, loss
            assert alive[0]() is None and alive[1]() is None
    finally:
        gc.enable()
    assert (w * w).node.trace is None


def test_as_a_decorator():
    @tg.record
    def loss(w):
        return (w * w).sum()

    assert graph(loss(tg.Variable([1.0]))).find("multiply")[0].site.function == "loss"


def test_other_values_are_refused():
    with pytest.raises(ArgumentError, match="values='all'; it is 'statistics', True"):
        tg.record(values="all")


floats = st.floats(width=32) | st.sampled_from([math.nan, math.inf, -math.inf])


@given(arrays.arrays(np.float32, arrays.array_shapes(min_side=0, max_dims=2), elements=floats))
def test_statistics_of_any_array(array):
    found = statistics(array)
    good = array[np.isfinite(array)].astype(np.float64)
    assert found.nan == np.isnan(array).sum() and found.inf == np.isinf(array).sum()
    if not good.size:
        assert found[:4] == (None,) * 4
    else:
        assert (found.min, found.max) == (good.min(), good.max())
        assert math.isclose(found.mean, np.mean(good), rel_tol=1e-12)
        assert math.isclose(found.std, np.std(good), rel_tol=1e-12)
    if not found.nan and not found.inf:
        assert math.isclose(found.norm, math.sqrt(math.fsum(good.ravel() ** 2)), rel_tol=1e-9)
    assert math.isnan(found.norm) == bool(found.nan)


def test_statistics_of_complex_numbers_are_those_of_their_size():
    assert statistics(np.array([3 + 4j, 0]))[:3] == (0.0, 5.0, 2.5)
    assert statistics(np.array([True, False]))[:3] == (0.0, 1.0, 0.5)
