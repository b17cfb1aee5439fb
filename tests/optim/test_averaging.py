"""Exponentially weighted averages against the course's formula, and of parameters."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn, optim
from tinygraph.errors import ArgumentError, ShapeError, StaleGraphError

Average = optim.ExponentialMovingAverage


@pytest.mark.parametrize("shape", [(), (3,), (2, 2)])
@pytest.mark.parametrize("correction", [True, False])
def test_the_courses_formula(shape, correction):
    rng = np.random.default_rng(0)
    average, v = Average(0.9, bias_correction=correction), 0.0
    for t in range(1, 8):
        theta = rng.normal(size=shape)
        v = 0.9 * v + (1 - 0.9) * theta
        expected = v / (1 - 0.9**t) if correction else v
        np.testing.assert_allclose(average.update(theta), expected, rtol=1e-13)
        np.testing.assert_allclose(average.value, expected, rtol=1e-13)
    assert average.updates == 7


def test_of_numbers_of_all_kinds():
    for theta in (3, 3.0, np.float32(3), np.int64(3), tg.tensor(3.0), tg.tensor(3)):
        average = Average(0.5).update(theta)
        assert (average, type(average)) == (3.0, float)
    single = Average(0.5).update(np.ones(2, np.float32))
    assert single.dtype == np.float32
    assert Average(0.5).update([1, 2]).dtype == np.float64


def test_what_came_in_and_what_came_out_are_left_alone():
    theta, average = np.ones(2), Average(0.5)
    first = average.update(theta)
    theta[:] = 5
    average.update(np.zeros(2))
    np.testing.assert_array_equal(first, [1, 1])
    np.testing.assert_allclose(average.value, [1 / 3, 1 / 3])


def parameters(dtype="float64"):
    rng = np.random.default_rng(0)
    return [tg.tensor(rng.normal(size=s), dtype, requires_grad=True) for s in ((2, 3), (), (4,))]


@pytest.mark.parametrize("correction", [True, False])
def test_of_parameters(correction):
    params = parameters()
    average = Average(0.8, params, bias_correction=correction)
    sums = [0.0 if correction else p.numpy().copy() for p in params]
    optimizer = optim.SGD(params, lr=0.1)
    for t in range(1, 6):
        optimizer.minimize(lambda: sum((p * p).sum() for p in params))
        average.update()
        sums = [0.8 * v + 0.2 * p.numpy() for v, p in zip(sums, params, strict=True)]
        for v, found in zip(sums, average.value, strict=True):
            expected = v / (1 - 0.8**t) if correction else v
            np.testing.assert_allclose(found, expected, rtol=1e-12)
    own = [p.numpy().copy() for p in params]
    averages = average.value
    with average.applied():
        for p, expected in zip(params, averages, strict=True):
            np.testing.assert_array_equal(p.numpy(), expected)
    for p, old in zip(params, own, strict=True):
        np.testing.assert_array_equal(p.numpy(), old)


def test_parameters_come_back_after_an_exception_and_training_goes_on():
    def train(optimizer, model, average=None):
        for _ in range(3):
            optimizer.minimize(lambda: (model(X) ** 2).mean())
            if average:
                average.update()
                with pytest.raises(ZeroDivisionError), average.applied():
                    1 / 0

    X = np.ones((4, 3), np.float32)
    models = [nn.Dense(3, 2, generator=0) for _ in range(2)]
    first, second = (optim.Adam(model.parameters(), 0.1) for model in models)
    train(first, models[0], Average(0.9, models[0].parameters()))
    train(second, models[1])
    for one, other in zip(models[0].parameters(), models[1].parameters(), strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
        assert one.dtype == np.float32


def test_a_graph_of_other_values_is_stale():
    (w, *_) = params = parameters()
    average = Average(0.9, params)
    average.update()
    cost = (w * w).sum()
    with average.applied(), pytest.raises(StaleGraphError):
        cost.backward()


def test_single_precision_and_frozen_parameters():
    params = parameters("float32")
    params[1].requires_grad = False
    average = Average(0.9, params)
    average.update()
    assert {v.dtype for v in average.value} == {np.dtype("float32")}
    with average.applied():
        assert not params[1].requires_grad
    assert [p.dtype for p in params] == ["float32"] * 3


@pytest.mark.parametrize("of_parameters", [True, False])
def test_goes_on_from_its_state(of_parameters):
    def build():
        return Average(0.9, params) if of_parameters else Average(0.9)

    def run(*averages):
        for p in params:
            p.assign(p.numpy() * 0.5 + 1)
        for average in averages:
            average.update() if of_parameters else average.update(params[0].numpy())

    params = parameters()
    average, again = build(), build()
    again.load_state_dict(average.state_dict())
    run(average)
    state = average.state_dict()
    again.load_state_dict(state)
    state["sum.0"][...] = 9
    for _ in range(2):
        run(average, again)
    for one, other in zip(average.value, again.value, strict=True):
        np.testing.assert_array_equal(one, other)
    assert again.updates == 3


def test_refused_states():
    params = parameters()
    average, other = Average(0.9, params), Average(0.5, params[:2])
    average.update()
    state = average.state_dict()
    with pytest.raises(ArgumentError, match=r"sum\.2.* came; it needs"):
        other.load_state_dict(state)
    with pytest.raises(ShapeError, match=r"'sum\.0' has shape \(2, 3\)"):
        average.load_state_dict({**state, "sum.0": np.ones(2), "beta": 0.5})
    with pytest.raises(ArgumentError, match=r"beta=2\.0"):
        average.load_state_dict({**state, "beta": 2.0, "updates": 7})
    assert (average.beta, average.updates, other.beta) == (0.9, 1, 0.5)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: Average(1.0), r"beta=1\.0"),
        (lambda: Average(parameters(), 0.9), "β comes first"),
        (lambda: Average(0.9).value, "before the first update"),
        (lambda: Average(0.9, parameters()).value, "before the first update"),
        (lambda: Average(0.9).update("a"), "a number or an array"),
        (lambda: Average(0.9).update(None), "a number or an array"),
        (lambda: Average(0.9).update(tg.Variable(1.0)), r"pass its .detach\(\)"),
        (lambda: Average(0.9, parameters()).update(1.0), "takes no value"),
        (lambda: Average(0.9, []), "no parameters came"),
        (lambda: Average(0.9).applied().__enter__(), "of parameters alone"),
        (lambda: Average(0.9, parameters()).applied().__enter__(), "before the first update"),
    ],
)
def test_refused_uses(act, words):
    with pytest.raises(ArgumentError, match=words):
        act()


def test_refused_inside_applied():
    average = Average(0.9, parameters())
    average.update()
    with average.applied():
        with pytest.raises(ArgumentError, match="update after it"):
            average.update()
        with pytest.raises(ArgumentError, match="applied already"), average.applied():
            pass


def test_another_shape():
    average = Average(0.9)
    average.update(np.ones(3))
    with pytest.raises(ShapeError, match=r"shape \(2,\) came after ones of shape \(3,\)"):
        average.update(np.ones(2))
    assert average.updates == 1
