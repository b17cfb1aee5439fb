"""All parameters in one array per dtype: what a step costs, and what goes on working."""

import copy

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn, optim
from tinygraph.errors import ArgumentError, ShapeError, StaleGraphError

OPTIMISERS = {
    "SGD": lambda params: optim.SGD(params, lr=0.1),
    "momentum": lambda params: optim.SGD(params, lr=0.1, momentum=0.9),
    "Adam": lambda params: optim.Adam(params, lr=0.1),
    "AMSGrad": lambda params: optim.Adam(params, lr=0.1, amsgrad=True),
    "RMSprop": lambda params: optim.RMSprop(params, lr=0.1, momentum=0.5, centered=True),
    "Adagrad": lambda params: optim.Adagrad(params, lr=0.1, initial=0.1),
    "Adadelta": lambda params: optim.Adadelta(params, lr=10.0),
    "NAdam": lambda params: optim.NAdam(params, lr=0.1),
    "RAdam": lambda params: optim.RAdam(params, lr=0.1),
    "Lion": lambda params: optim.Lion(params, lr=0.01),
    "damped": lambda params: optim.SGD(params, lr=0.1, momentum=0.9, dampening=0.5),
}
every = pytest.mark.parametrize("name", OPTIMISERS)


def address(leaf):
    return leaf.value.__array_interface__["data"][0]


def variables(*shapes, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    return [tg.tensor(rng.normal(size=s), dtype, requires_grad=True) for s in shapes]


def step(optimizer, seed):
    """A step by random gradients, in the order of the parameters."""
    rng = np.random.default_rng(seed)
    for parameter in optimizer.parameters:
        gradient = rng.normal(size=parameter.shape)
        if parameter.requires_grad:
            parameter.grad = gradient.astype(parameter.dtype)
    optimizer.step()


def values(optimizer):
    return [np.array(parameter.value) for parameter in optimizer.parameters]


def assert_same(optimizer, other):
    for one, two in zip(values(optimizer), values(other), strict=True):
        np.testing.assert_array_equal(one, two)
    state, expected = optimizer.state_dict(), other.state_dict()
    assert list(state) == list(expected)
    for key, array in expected.items():
        np.testing.assert_array_equal(state[key], array)


# The formulas, written out

SHAPES = [(2, 3), (3,), (), (0, 4), (1,)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_momentum_to_the_bit(dtype):
    params = variables(*SHAPES, dtype=dtype)
    optimizer = optim.SGD(params, lr=0.1, momentum=0.9)
    w, v = values(optimizer), [np.zeros(s, dtype) for s in SHAPES]
    for seed in range(20):
        step(optimizer, seed)
        for i, parameter in enumerate(params):
            v[i] = v[i] * np.array(0.9, dtype) + parameter.grad.value
            w[i] = w[i] - v[i] * np.array(0.1, dtype)
            np.testing.assert_array_equal(parameter.value, w[i])
            np.testing.assert_array_equal(optimizer.state["velocity"][i], v[i])


def test_adam_to_rounding():
    params = variables(*SHAPES)
    optimizer = optim.Adam(params, lr=0.01)
    w = values(optimizer)
    m, v = [0.0] * len(w), [0.0] * len(w)
    for t in range(1, 21):
        step(optimizer, t)
        for i, parameter in enumerate(params):
            g = parameter.grad.value
            m[i] = 0.9 * m[i] + (1 - 0.9) * g
            v[i] = 0.999 * v[i] + (1 - 0.999) * g**2
            m_hat, v_hat = m[i] / (1 - 0.9**t), v[i] / (1 - 0.999**t)
            w[i] = w[i] - 0.01 * m_hat / (np.sqrt(v_hat) + 1e-8)
            np.testing.assert_allclose(parameter.value, w[i], rtol=1e-15, atol=1e-15)
            np.testing.assert_allclose(optimizer.state["mean"][i], m[i], rtol=1e-15, atol=1e-15)
            np.testing.assert_allclose(optimizer.state["square"][i], v[i], rtol=1e-14)


@every
def test_together_is_the_same_as_apart(name):
    together = OPTIMISERS[name](variables(*SHAPES, dtype="float32"))
    apart = [OPTIMISERS[name]([p]) for p in variables(*SHAPES, dtype="float32")]
    for seed in range(5):
        step(together, seed)
        for parameter, optimizer in zip(together.parameters, apart, strict=True):
            optimizer.parameters[0].grad = parameter.grad
            optimizer.step()
    for parameter, optimizer in zip(together.parameters, apart, strict=True):
        np.testing.assert_array_equal(parameter.value, optimizer.parameters[0].value)


# What a step costs


class Counted(np.ndarray):
    """An array that counts the ufunc calls it takes part in."""

    calls = 0

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **keywords):
        Counted.calls += 1
        assert method == "__call__"
        assert out, f"{ufunc.__name__} allocates"
        plain = [x.view(np.ndarray) if isinstance(x, Counted) else x for x in inputs]
        ufunc(*plain, out=tuple(x.view(np.ndarray) for x in out), **keywords)
        return out[0]


@pytest.mark.parametrize("number", [1, 100])
@pytest.mark.parametrize(("name", "most"), [("SGD", 2), ("momentum", 4), ("Adam", 12)])
def test_a_step_is_a_handful_of_ufunc_calls_however_many_parameters(name, most, number):
    optimizer = OPTIMISERS[name](variables(*[(3, 2)] * number))
    calls = []
    update = optimizer.update

    def counted(*arrays):
        before = Counted.calls
        update(*[array.view(Counted) for array in arrays])
        calls.append(Counted.calls - before)

    optimizer.update = counted
    step(optimizer, 0)
    assert calls == [most]


@every
def test_a_training_loop_goes_to_and_fro_between_two_arrays(name):
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(16, 3)).astype("float32"), np.arange(16) % 2
    model = nn.Sequential(
        nn.Dense(3, 4, "relu", generator=0), nn.BatchNorm(4), nn.Dropout(0.1, generator=1),
        nn.Dense(4, 2, generator=2),
    )  # fmt: skip
    optimizer = OPTIMISERS[name](model.parameters())
    places = {address(parameter) for parameter in optimizer.parameters}
    optimizer.minimize(lambda: nn.softmax_cross_entropy(model(X), labels))
    places |= {address(parameter) for parameter in optimizer.parameters}
    for _ in range(3):
        optimizer.zero_grad()
        logits = model(X)
        cost = nn.softmax_cross_entropy(logits, labels)
        cost.backward()
        optimizer.step()
        optimizer.minimize(lambda: nn.softmax_cross_entropy(model(X), labels))
        assert {address(parameter) for parameter in optimizer.parameters} < places


@every
def test_a_kept_graph_is_stale_and_its_values_stand(name):
    (w,) = params = variables((3,))
    optimizer = OPTIMISERS[name](params)
    kept, old = (w * w).sum(), w.value.copy()
    detached, view = w.detach(), w[1:]
    step(optimizer, 0)
    assert not np.any(w.value == old)
    np.testing.assert_array_equal(detached.value, old)
    np.testing.assert_array_equal(view.value, old[1:])
    with pytest.raises(StaleGraphError, match="optimizer step"):
        kept.backward()


# Several dtypes


@every
def test_parameters_of_several_dtypes(name):
    dtypes = ["float32", "float64", "float32", "float64", "float16"]
    shapes = [(2,), (3,), (), (1, 2), (2, 2)]

    def build(positions):
        return OPTIMISERS[name](
            [tg.tensor(np.full(shapes[i], i + 1.0), dtypes[i], requires_grad=True)
             for i in positions]
        )  # fmt: skip

    mixed = build(range(5))
    apart = [build([i]) for i in range(5)]
    for seed in range(3):
        step(mixed, seed)
        for parameter, other in zip(mixed.parameters, apart, strict=True):
            other.parameters[0].grad = parameter.grad
            other.step()
    for i, (parameter, other) in enumerate(zip(mixed.parameters, apart, strict=True)):
        assert parameter.dtype == dtypes[i]
        np.testing.assert_array_equal(parameter.value, other.parameters[0].value)
        for slot in mixed.slots:
            assert mixed.state[slot][i].dtype == dtypes[i]
            np.testing.assert_array_equal(mixed.state[slot][i], other.state[slot][0])


@every
def test_state_of_several_dtypes_is_by_parameter(name):
    def build():
        return OPTIMISERS[name](
            [tg.Variable(np.float32([1, 2])), tg.Variable(3.0), tg.Variable(np.float32(4))]
        )

    first, second = build(), build()
    step(first, 0)
    state = first.state_dict()
    assert [state[f"{slot}.{i}"].shape for slot in first.slots for i in range(3)] == [
        (2,), (), ()
    ] * len(first.slots)  # fmt: skip
    second.load_state_dict(state)
    for parameter, value in zip(second.parameters, values(first), strict=True):
        parameter.assign(value)
    step(first, 1)
    step(second, 1)
    assert_same(second, first)


# Freezing


@every
def test_freezing_and_unfreezing_keeps_the_state(name):
    optimizer = OPTIMISERS[name](variables((2,), (3,), (), (2, 2)))
    step(optimizer, 0)
    for frozen in (1, 2):
        optimizer.parameters[frozen].requires_grad = False
    before, state = values(optimizer), optimizer.state_dict()
    for seed in (1, 2):
        step(optimizer, seed)
        optimizer.lr *= 0.7  # lest two steps of equal length cancel
    after, state_after = values(optimizer), optimizer.state_dict()
    for i in range(4):
        assert np.all((before[i] == after[i]) == (i in (1, 2)))
        for slot in optimizer.slots:
            same = np.array_equal(state[f"{slot}.{i}"], state_after[f"{slot}.{i}"])
            assert same == (i in (1, 2) or name == "SGD")
    for frozen in (1, 2):
        optimizer.parameters[frozen].requires_grad = True
    step(optimizer, 3)
    assert not any(np.any(a == b) for a, b in zip(values(optimizer), after, strict=True))
    if name == "momentum":
        gradient = optimizer.parameters[1].grad.value
        expected = state["velocity.1"] * 0.9 + gradient
        np.testing.assert_array_equal(optimizer.state["velocity"][1], expected)


# Shared


@every
def test_a_parameter_of_two_optimisers(name):
    def run(separate):
        a, shared, b = variables((2,), (3,), (2,))
        first = OPTIMISERS[name]([a, shared])
        second = OPTIMISERS[name]([b, shared])
        if separate:  # as if each had the parameter to itself, and handed it over
            twin = tg.tensor(shared.value, requires_grad=True)
            second = OPTIMISERS[name]([b, twin])
        for turn in range(3):
            step(first, 2 * turn)
            if separate:
                twin.assign(shared.detach())
            step(second, 2 * turn + 1)
            if separate:
                shared.assign(twin.detach())
        return values(first), values(second), first.state_dict(), second.state_dict()

    together, apart = run(False), run(True)
    for one, other in zip(together[:2], apart[:2], strict=True):
        for x, y in zip(one, other, strict=True):
            np.testing.assert_array_equal(x, y)
    for one, other in zip(together[2:], apart[2:], strict=True):
        for key in one:
            np.testing.assert_array_equal(one[key], other[key])


# Replaced


@every
def test_a_value_assigned_in_between(name):
    optimizer, plain = (OPTIMISERS[name](variables((2, 3), (4,))) for _ in range(2))
    for other in (optimizer, plain):
        step(other, 0)
    new = np.ones((2, 3))
    held = optimizer.parameters[0].detach()
    old = held.numpy().copy()
    optimizer.parameters[0].assign(new)
    move = new - old
    step(optimizer, 1)
    step(plain, 1)
    np.testing.assert_array_equal(held.value, old)
    first, other = values(optimizer), values(plain)
    np.testing.assert_allclose(first[0], other[0] + move, rtol=1e-14)
    np.testing.assert_array_equal(first[1], other[1])
    for key, array in plain.state_dict().items():
        np.testing.assert_array_equal(optimizer.state_dict()[key], array)


def test_a_models_loaded_state_is_what_the_next_step_starts_from():
    model = nn.Dense(3, 2, generator=0)
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    step(optimizer, 0)
    model.load_state_dict({"weight": np.ones((3, 2)), "bias": np.ones(2)})
    for parameter in model.parameters():
        parameter.grad = np.ones(parameter.shape)
    optimizer.step()
    assert all(np.all(parameter.value == 0.5) for parameter in model.parameters())


@pytest.mark.parametrize("dtypes", [("float64", "float64"), ("float32", "float64")])
@every
def test_another_leaf_in_the_list_takes_over_the_state(name, dtypes):
    a = tg.tensor([1.0, 2.0], dtypes[0], requires_grad=True)
    b, new = (tg.tensor([3.0, 4.0], dtypes[1], requires_grad=True) for _ in range(2))
    optimizer, plain = OPTIMISERS[name]([a, b]), OPTIMISERS[name](copy.deepcopy([a, b]))
    step(optimizer, 0)
    step(plain, 0)
    old = b.value.copy()
    new.assign(old)
    optimizer.parameters[1] = new
    step(optimizer, 1)
    step(plain, 1)
    assert_same(optimizer, plain)
    np.testing.assert_array_equal(b.value, old)


@pytest.mark.parametrize("dtypes", [("float64", "float64"), ("float32", "float64")])
@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda params: params.append(tg.Variable([1.0, 2.0])), ArgumentError),
        (lambda params: params.pop(), ArgumentError),
        (lambda params: params.__setitem__(1, tg.Variable([1.0])), ShapeError),
    ],
)
def test_refused_changes_of_the_list(change, error, dtypes):
    a, b = (tg.tensor([1.0, 2.0], dtype, requires_grad=True) for dtype in dtypes)
    optimizer = optim.SGD([a, b], lr=0.1)
    change(optimizer.parameters)
    for parameter in (a, b, *optimizer.parameters):
        parameter.grad = np.ones(parameter.shape)
    with pytest.raises(error):
        optimizer.step()
    assert (a.tolist(), b.tolist(), optimizer.steps) == ([1, 2], [1, 2], 0)


@every
def test_a_deep_copy_goes_on_by_itself(name):
    optimizer, plain = (OPTIMISERS[name](variables((2, 3), (), (4,))) for _ in range(2))
    step(optimizer, 0)
    step(plain, 0)
    again = copy.deepcopy(optimizer)
    assert_same(again, plain)
    for seed in (1, 2):
        step(again, seed)
    assert_same(optimizer, plain)
    for seed in (1, 2):
        step(optimizer, seed)
    assert_same(again, optimizer)


@every
def test_state_can_be_written_to(name):
    optimizer = OPTIMISERS[name](variables((2, 3), (), (4,)))
    step(optimizer, 0)
    for arrays in optimizer.state.values():
        for array in arrays:
            array[...] = 0
    for slot in optimizer.slots:
        assert not any(np.any(optimizer.state_dict()[f"{slot}.{i}"]) for i in range(3))
    assert list(optimizer.state) == list(optimizer.slots)


# Optimisers of one's own


def test_an_overridden_update_may_read_the_old_value_last():
    class Decaying(optim.SGD):
        """w ← w − α v − α/2 w."""

        def update(self, value, gradient, out, *state):
            super().update(value, gradient, out, *state)
            out -= self.lr / 2 * value

    w, b = variables((3,), ())
    start = [w.value.copy(), b.value.copy()]
    optimizer = Decaying([w, b], lr=0.5)
    w.grad, b.grad = [1.0, 2.0, 3.0], 4.0
    optimizer.step()
    np.testing.assert_allclose(w.value, start[0] - [0.5, 1, 1.5] - start[0] / 4, rtol=1e-15)
    np.testing.assert_allclose(b.value, start[1] - 2 - start[1] / 4, rtol=1e-15)


def test_an_update_that_fails_halfway_moves_nothing():
    class Failing(optim.Optimizer):
        def update(self, value, gradient, out, *state):
            out[...] = 7
            raise FloatingPointError

    (w,) = variables((3,))
    start, w.grad = w.value.copy(), [1.0, 1.0, 1.0]
    with pytest.raises(FloatingPointError):
        Failing([w], lr=0.5).step()
    np.testing.assert_array_equal(w.value, start)


@pytest.mark.parametrize("dtypes", [("float64", "float64"), ("float32", "float64")])
def test_zero_grad_reaches_another_leaf_in_the_list(dtypes):
    a, b = (tg.tensor([1.0, 2.0], dtype, requires_grad=True) for dtype in dtypes)
    new = tg.tensor([3.0, 4.0], dtypes[1], requires_grad=True)
    optimizer = optim.SGD([a, b], lr=0.1)
    optimizer.parameters[1] = new
    a.grad = new.grad = [1.0, 1.0]
    optimizer.zero_grad()
    assert a.grad is new.grad is None
