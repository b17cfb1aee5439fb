"""Optimisers against their formulas, written out in NumPy."""

import copy
import json

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn, optim
from tinygraph.errors import (
    ArgumentError,
    BackwardError,
    DeclarationError,
    DTypeError,
    ShapeError,
    StaleGraphError,
)

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


def lecture(w):
    return w**2 - 10 * w + 25


# The formulas


def sgd(w, gradients, lr):
    for g in gradients:
        w = w - lr * g
    return w


def momentum(w, gradients, lr, beta):
    v = 0
    for g in gradients:
        v = beta * v + g
        w = w - lr * v
    return w


def adam(w, gradients, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m = v = 0
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        w = w - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return w


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-13), ("float32", 1e-5)])
@pytest.mark.parametrize(
    ("build", "formula"),
    [
        (lambda p: optim.SGD(p, 0.1), lambda w, gs: sgd(w, gs, 0.1)),
        (lambda p: optim.SGD(p, 0.1, momentum=0.9), lambda w, gs: momentum(w, gs, 0.1, 0.9)),
        (lambda p: optim.Adam(p), lambda w, gs: adam(w, gs, 1e-3)),
        (
            lambda p: optim.Adam(p, 0.1, betas=(0.5, 0.9), eps=0.1),
            lambda w, gs: adam(w, gs, 0.1, 0.5, 0.9, 0.1),
        ),
    ],
)
def test_steps_follow_the_formula(build, formula, shape, dtype, rtol):
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=shape), rng.normal(size=(7, *shape))
    w = tg.tensor(start, dtype, requires_grad=True)
    optimizer = build([w])
    for g in gradients:
        w.grad = g
        optimizer.step()
    np.testing.assert_allclose(w.numpy(), formula(start, gradients), rtol=rtol, atol=rtol)
    assert w.dtype == dtype
    assert optimizer.steps == 7


def test_momentum_of_the_course_is_the_same_with_a_smaller_rate():
    gradients, beta, lr = np.random.default_rng(0).normal(size=10), 0.9, 0.2
    v = w = 0.0
    for g in gradients:
        v = beta * v + (1 - beta) * g
        w = w - lr * v
    x = tg.Variable(0.0)
    optimizer = optim.SGD([x], lr=lr * (1 - beta), momentum=beta)
    for g in gradients:
        x.grad = g
        optimizer.step()
    assert x.item() == pytest.approx(w, rel=1e-12)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_setting_the_rate_later(name):
    w = tg.Variable(np.float32(1.0))
    optimizer = OPTIMISERS[name]([w])
    optimizer.lr = np.float64(0.0)
    w.grad = 1.0
    optimizer.step()
    assert w.item() == 1.0
    optimizer.lr = np.array(0.5)
    w.grad = 1.0
    optimizer.step()
    assert w.item() < 1.0
    assert w.dtype == np.float32
    assert type(optimizer.lr) is float


# Of the lecture


def test_the_lectures_first_step_and_its_end():
    w = tg.Variable(0.0)
    optimizer = optim.SGD([w], lr=0.01)
    cost = optimizer.minimize(lambda: lecture(w))
    assert cost.item() == 25.0
    assert w.item() == pytest.approx(0.1, rel=1e-15)
    for _ in range(999):
        cost = optimizer.minimize(lambda: lecture(w))
    assert w.item() == pytest.approx(5.0, abs=1e-6)
    assert not cost.requires_grad


def test_the_lectures_coefficients_from_an_array():
    x, w = np.array([1.0, -10.0, 25.0]), tg.Variable(0.0)
    optimizer = optim.Adam([w], lr=0.1)
    for _ in range(1000):
        optimizer.minimize(lambda: x[0] * w**2 + x[1] * w + x[2])
    assert w.item() == pytest.approx(5.0, abs=1e-3)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_by_hand_is_the_same_as_minimize(name):
    one, other = tg.Variable(0.0), tg.Variable(0.0)
    first, second = OPTIMISERS[name]([one]), OPTIMISERS[name]([other])
    for _ in range(5):
        first.zero_grad()
        lecture(one).backward()
        first.step()
        second.minimize(lambda: lecture(other))
    assert one.item() == other.item()


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_model_learns(name):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(64, 2)).astype(np.float32)
    labels = (X[:, 0] * X[:, 1] > 0).astype(int)
    model = nn.Sequential(
        nn.Dense(2, 16, "tanh", generator=0), nn.BatchNorm(16), nn.Dense(16, 2, generator=1)
    )
    optimizer = OPTIMISERS[name](model.parameters())
    costs = [
        optimizer.minimize(lambda: nn.softmax_cross_entropy(model(X), labels)).item()
        for _ in range(100)
    ]
    assert costs[-1] < 0.5 * costs[0]
    assert {p.dtype.name for p in model.parameters()} == {"float32"}


# What moves


def test_parameters_without_a_gradient_and_frozen_ones_stay():
    used, unused, frozen = (tg.Variable(1.0) for _ in range(3))
    optimizer = optim.Adam([used, unused, frozen], lr=0.1)
    (used * frozen).backward()
    frozen.requires_grad = False
    optimizer.step()
    assert used.item() != 1.0
    assert unused.item() == frozen.item() == 1.0


def test_a_graph_built_before_the_step_is_stale():
    w = tg.Variable(2.0, name="w")
    optimizer = optim.SGD([w], lr=0.1)
    cost = w * w
    w.grad = 1.0
    optimizer.step()
    with pytest.raises(StaleGraphError, match="'w'"):
        cost.backward()


def test_the_gradient_and_arrays_read_before_are_left_alone():
    w = tg.Variable([1.0, 2.0])
    before, detached = w.numpy(), w.detach()
    for name in OPTIMISERS:
        w.grad = [3.0, 4.0]
        OPTIMISERS[name]([w]).step()
        np.testing.assert_array_equal(w.grad.numpy(), [3, 4])
    np.testing.assert_array_equal(before, [1, 2])
    np.testing.assert_array_equal(detached.numpy(), [1, 2])


def test_an_optimizer_of_ones_own_is_one_method():
    class SignDescent(optim.Optimizer):
        """w ← w − α sign g."""

        def update(self, value, gradient, out, *state):
            np.sign(gradient, out=out)
            out *= -self.lr
            out += value

    w = tg.Variable([1.0, 1.0])
    optimizer = SignDescent([w], lr=0.25)
    w.grad = [3.0, -0.1]
    optimizer.step()
    np.testing.assert_array_equal(w.numpy(), [0.75, 1.25])
    assert repr(optimizer) == "SignDescent(1 parameters, lr=0.25)"


def test_an_optimizer_without_update():
    w = tg.Variable(1.0)
    w.grad = 1.0
    with pytest.raises(DeclarationError, match=r"Optimizer has no update; define `def update"):
        optim.Optimizer([w], 0.1).step()


# State


@pytest.mark.parametrize("name", OPTIMISERS)
def test_training_resumes_bit_for_bit(name):
    X = np.random.default_rng(0).normal(size=(16, 3)).astype(np.float32)
    labels = np.arange(16) % 2

    def build(seed):
        model = nn.Sequential(
            nn.Dense(3, 4, "relu", generator=seed), nn.BatchNorm(4), nn.Dense(4, 2, generator=seed)
        )
        return model, OPTIMISERS[name](model.parameters())

    def train(model, optimizer):
        for _ in range(5):
            optimizer.minimize(lambda: nn.softmax_cross_entropy(model(X), labels))

    model, optimizer = build(0)
    train(model, optimizer)
    optimizer.lr = 0.03
    weights, state = model.state_dict(), optimizer.state_dict()
    train(model, optimizer)

    resumed, again = build(1)
    resumed.load_state_dict(weights)
    again.load_state_dict(state)
    assert again.lr == 0.03
    train(resumed, again)
    for path, array in model.state_dict().items():
        np.testing.assert_array_equal(resumed.state_dict()[path], array)
    for key, array in optimizer.state_dict().items():
        np.testing.assert_array_equal(again.state_dict()[key], array)


def test_state_is_copies():
    w = tg.Variable([1.0, 2.0])
    optimizer = optim.Adam([w])
    w.grad = [1.0, 1.0]
    optimizer.step()
    state = optimizer.state_dict()
    arrays = {name: state.pop(name) for name in ("mean.0", "square.0")}
    assert all(type(array) is np.ndarray for array in arrays.values())
    settings = {"lr": 0.001, "betas": [0.9, 0.999], "eps": 1e-8}
    assert json.loads(json.dumps(state)) == {
        "kind": "Adam", "steps": 1, "epoch": 0, "missed": [0], "groups": [{"parameters": 1}],
        "settings": {"weight_decay": 0.0, "l1_decay": 0.0, **settings},
    }  # fmt: skip
    state |= arrays
    kept = copy.deepcopy(state)
    optimizer.step()
    for name, value in state.items():
        np.testing.assert_array_equal(value, kept[name])
    optimizer.load_state_dict(state)
    state["mean.0"][:] = 9
    np.testing.assert_array_equal(optimizer.state_dict()["mean.0"], kept["mean.0"])


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda s: s.pop("velocity.1"), ArgumentError, ["missing", "velocity.1"]),
        (lambda s: s.update(mean=0), ArgumentError, ["unexpected", "mean"]),
        (lambda s: s.update({"velocity.0": np.ones(3)}), ShapeError, ["velocity.0", "(3,)"]),
        (lambda s: s["settings"].update(lr=-1.0), ArgumentError, ["lr=-1.0"]),
        (lambda s: s.update({"velocity.0": ["a", "b"]}), DTypeError, ["velocity.0"]),
    ],
)
def test_refused_state_loads_nothing(change, error, words):
    params = [tg.Variable([1.0, 2.0]), tg.Variable(1.0)]
    optimizer = optim.SGD(params, 0.1, momentum=0.5)
    other = optim.SGD(params, 0.2, momentum=0.9)
    other.steps += 4
    state = other.state_dict()
    change(state)
    with pytest.raises(error) as caught:
        optimizer.load_state_dict(state)
    says(caught, "SGD", *words)
    assert (optimizer.lr, optimizer.momentum, optimizer.steps) == (0.1, 0.5, 0)


# What is refused


def doubled():
    w = tg.Variable(1.0, name="w")
    return [w, w]


def exhausted():
    model = nn.Dense(2, 2)
    parameters = model.parameters()
    optim.SGD(parameters, 0.1)
    return parameters


REFUSED_PARAMETERS = [
    (list, ArgumentError, ["no parameters", "again"]),
    (exhausted, ArgumentError, ["no parameters", "model.parameters()"]),
    (doubled, ArgumentError, ["parameter 1", "tensor 'w'", "parameter 0", "once"]),
    (lambda: [tg.Variable(1.0) * 2], ArgumentError, ["parameter 0", "leaf", "tg.no_grad()"]),
    (lambda: [tg.Variable(1.0), tg.tensor(1.0)], ArgumentError,
     ["parameter 1", "does not require grad", "requires_grad=True"]),
    (lambda: [np.ones(2)], ArgumentError, ["parameter 0 is ndarray", "requires grad"]),
    (lambda: nn.Dense(2, 2).named_parameters(), ArgumentError, ["parameter 0 is tuple", "names"]),
    (lambda: [nn.Dense(2, 2).parameters()], ArgumentError,
     ["parameter 0 is generator", "*a.parameters()"]),
    (lambda: [nn.Dense(2, 2)], ArgumentError, ["parameter 0 is Dense", ".parameters()"]),
    (lambda: nn.Dense(2, 2).parameters, ArgumentError, ["a function", "call it"]),
    (lambda: tg.Variable([1.0]), ArgumentError, ["single tensor", "[tensor]"]),
    (lambda: nn.Dense(2, 2), ArgumentError, ["Dense", ".parameters()"]),
    (lambda: {"w": tg.Variable(1.0)}, ArgumentError, ["dict", ".values()"]),
    (lambda: None, ArgumentError, ["None", "model.parameters()"]),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize(("params", "error", "words"), REFUSED_PARAMETERS)
def test_refused_parameters(params, error, words, kind):
    with pytest.raises(error) as caught:
        getattr(optim, kind)(params(), lr=0.1)
    says(caught, kind, *words)


@pytest.mark.parametrize(
    ("kind", "settings", "words"),
    [
        *[("SGD", {"lr": lr}, ["lr="]) for lr in (0, -0.1, np.nan, np.inf, "0.1", None, [1, 2])],
        ("SGD", {"lr": 0.1, "momentum": 1.0}, ["momentum=1.0", "[0, 1)"]),
        ("SGD", {"lr": 0.1, "momentum": -0.1}, ["momentum=-0.1"]),
        ("Adam", {"betas": 0.9}, ["betas=0.9", "pair"]),
        ("Adam", {"betas": (0.9, 1.0)}, ["β₂=1.0", "[0, 1)"]),
        ("Adam", {"betas": (-0.9, 0.9)}, ["β₁=-0.9"]),
        ("Adam", {"eps": -1e-8}, ["eps=-1e-08"]),
    ],
)
def test_refused_settings(kind, settings, words):
    with pytest.raises(ArgumentError) as caught:
        getattr(optim, kind)([tg.Variable(1.0)], **settings)
    says(caught, kind, *words)


@pytest.mark.parametrize("lr", [-1, np.nan, "fast"])
def test_refused_rate_set_later(lr):
    optimizer = optim.SGD([tg.Variable(1.0)], lr=0.1)
    with pytest.raises(ArgumentError, match="SGD: lr="):
        optimizer.lr = lr
    assert optimizer.lr == 0.1


def test_a_cost_that_is_not_computed_anew():
    w = tg.Variable(1.0)
    cost = w * w
    optimizer = optim.SGD([w], lr=0.1)
    optimizer.minimize(lambda: cost)
    with pytest.raises(BackwardError) as caught:
        optimizer.minimize(lambda: cost)
    assert "SGD.minimize: cost_fn must compute the cost anew" in caught.value.__notes__[0]


def test_step_without_a_gradient():
    w = tg.Variable(1.0)
    optimizer = optim.Adam([w])
    with pytest.raises(BackwardError, match=r"Adam.step: no parameter.*call loss.backward\(\)"):
        optimizer.step()
    assert optimizer.steps == 0


def test_step_on_what_is_no_longer_a_leaf():
    w, b = tg.Variable([1.0, 2.0]), tg.Variable(1.0)
    optimizer = optim.SGD([b, w], lr=0.1)
    w[0] = 5
    (b * w).sum().backward()
    with pytest.raises(BackwardError) as caught:
        optimizer.step()
    says(caught, "SGD.step", "parameter 1", "no longer a leaf", "with tg.no_grad():")
    assert b.item() == 1.0


@pytest.mark.parametrize(
    ("cost_fn", "error", "words"),
    [
        (lambda w: w * w, ArgumentError, ["Tensor came", "function", "lambda"]),
        (lambda w: lambda: None, ArgumentError, ["returned NoneType", "tensor"]),
        (lambda w: lambda: w.item(), ArgumentError, ["returned float"]),
        (lambda w: lambda: tg.tensor(1.0), BackwardError, ["does not require grad"]),
        (lambda w: lambda: w * np.ones(2), ShapeError, ["scalar", ".sum()"]),
        (lambda w: lambda: tg.Variable(2.0) * 3, BackwardError, ["no parameter has a gradient"]),
    ],
)
def test_refused_costs(cost_fn, error, words):
    w = tg.Variable(1.0)
    optimizer = optim.SGD([w], lr=0.1)
    with pytest.raises(error) as caught:
        optimizer.minimize(cost_fn(w))
    says(caught, *words)
    assert w.item() == 1.0


def says(caught, *words):
    for word in words:
        assert word in str(caught.value)


def test_a_scalars_update_of_ones_own_is_not_passed_over():
    class Rising(optim.SGD):
        """w ← w + α g."""

        def update(self, value, gradient, out, *state):
            np.add(value, self.lr * gradient, out=out)

    one, other = tg.Variable(1.0), tg.Variable(1.0)
    rising, patched = Rising([one], lr=0.5), optim.SGD([other], lr=0.5)
    patched.update = rising.update
    for w, optimizer in ((one, rising), (other, patched)):
        w.grad = 1.0
        optimizer.step()
        assert w.item() == 1.5


def test_momentum_set_after_some_steps_of_a_scalar():
    w = tg.Variable(1.0)
    optimizer = optim.SGD([w], lr=0.5)
    for wanted in (0.5, 0.0):
        w.grad = 1.0
        optimizer.step()
        assert w.item() == wanted
    optimizer.momentum = 0.5
    for wanted in (-0.5, -1.25):  # v = 1, then 1.5
        w.grad = 1.0
        optimizer.step()
        assert w.item() == wanted
    assert optimizer.steps == 4
