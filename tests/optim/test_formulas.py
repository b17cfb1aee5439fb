"""Each optimiser against its paper's formula, written out in NumPy."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import optim

LR, EPS = 0.05, 1e-3
SHAPES = [(2, 3), (), (4,)]


def follow(build, move, *, l2=0.0, l1=0.0, decoupled=False, dtype=np.float64, steps=12):
    """Compare with w ← w − move(memory, t, g), where g has the decay in it, or apart."""
    rng = np.random.default_rng(0)
    starts = [rng.normal(size=shape) for shape in SHAPES]
    parameters = [tg.tensor(w, dtype, requires_grad=True) for w in starts]
    optimizer = build(parameters)
    written = [w.astype(dtype).astype(np.float64) for w in starts]
    memories = [{} for _ in SHAPES]
    for t in range(1, steps + 1):
        for i, parameter in enumerate(parameters):
            g = rng.normal(size=parameter.shape).astype(dtype)
            parameter.grad = g
            w = written[i]
            decay = l2 * w + l1 * np.sign(w)
            if decoupled:
                written[i] = w - LR * decay - move(memories[i], t, g.astype(np.float64))
            else:
                written[i] = w - move(memories[i], t, g.astype(np.float64) + decay)
        optimizer.step()
    tolerance = 1e-12 if dtype == np.float64 else 1e-4
    for parameter, w in zip(parameters, written, strict=True):
        assert parameter.dtype == dtype
        np.testing.assert_allclose(parameter.numpy(), w, rtol=tolerance, atol=tolerance)


def averaged(memory, name, beta, x):
    memory[name] = beta * memory.get(name, 0.0) + (1 - beta) * x
    return memory[name]


def plain(memory, t, g):
    return LR * g


def course_momentum(memory, t, g):
    return LR * averaged(memory, "v", 0.9, g)


def course_nesterov(memory, t, g):
    v = averaged(memory, "v", 0.9, g)
    return LR * (0.9 * v + 0.1 * g)


def damped(memory, t, g):
    memory["v"] = g if t == 1 else 0.9 * memory["v"] + 0.7 * g
    return LR * memory["v"]


def nesterov(memory, t, g):
    """Sutskever's v ← β v − α ∇J(w + β v) and w ← w + v, told of the point w + β v itself."""
    old = memory.get("v", 0.0)
    memory["v"] = 0.9 * old - LR * g
    return -(memory["v"] + 0.9 * (memory["v"] - old))


def rmsprop(memory, t, g):
    return LR * g / (np.sqrt(averaged(memory, "s", 0.9, g * g)) + EPS)


def rmsprop_momentum(memory, t, g):
    s = averaged(memory, "s", 0.9, g * g)
    memory["v"] = 0.5 * memory.get("v", 0.0) + g / (np.sqrt(s) + EPS)
    return LR * memory["v"]


def rmsprop_centred(memory, t, g):
    s, m = averaged(memory, "s", 0.9, g * g), averaged(memory, "m", 0.9, g)
    return LR * g / (np.sqrt(s - m * m) + EPS)


def adagrad(memory, t, g):
    memory["s"] = memory.get("s", 0.5) + g * g
    return LR * g / (np.sqrt(memory["s"]) + EPS)


def adadelta(memory, t, g):
    s = averaged(memory, "s", 0.9, g * g)
    move = np.sqrt(memory.get("u", 0.0) + EPS) / np.sqrt(s + EPS) * g
    averaged(memory, "u", 0.9, move * move)
    return LR * move


def corrected(memory, t, g, beta1=0.8, beta2=0.9):
    m, v = averaged(memory, "m", beta1, g), averaged(memory, "v", beta2, g * g)
    return m / (1 - beta1**t), v / (1 - beta2**t)


def adam(memory, t, g):
    m, v = corrected(memory, t, g)
    return LR * m / (np.sqrt(v) + EPS)


def amsgrad(memory, t, g):
    m, _ = corrected(memory, t, g)
    memory["most"] = np.maximum(memory.get("most", 0.0), memory["v"])
    return LR * m / (np.sqrt(memory["most"] / (1 - 0.9**t)) + EPS)


def nadam(memory, t, g):
    _, v = corrected(memory, t, g)
    mu = [0.8 * (1 - 0.5 * 0.96 ** (i * 0.02)) for i in range(1, t + 2)]
    ahead = mu[t] * memory["m"] / (1 - np.prod(mu)) + (1 - mu[t - 1]) * g / (1 - np.prod(mu[:-1]))
    return LR * ahead / (np.sqrt(v) + EPS)


def radam(memory, t, g):
    m, _ = corrected(memory, t, g, 0.8, 0.95)
    limit = 2 / (1 - 0.95) - 1
    rho = limit - 2 * t * 0.95**t / (1 - 0.95**t)
    if rho <= 5:
        return LR * m
    r = np.sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
    return LR * r * m * np.sqrt(1 - 0.95**t) / (np.sqrt(memory["v"]) + EPS)


def lion(memory, t, g):
    m = memory.get("m", 0.0)
    memory["m"] = 0.95 * m + 0.05 * g
    return LR * np.sign(0.8 * m + 0.2 * g)


def lion_of_equal_betas(memory, t, g):
    return LR * np.sign(averaged(memory, "m", 0.9, g))


BETAS = {"betas": (0.8, 0.9), "eps": EPS}
FORMULAS = {
    "SGD": (optim.SGD, {}, plain),
    "the course's momentum": (optim.SGD, {"momentum": 0.9, "averaged": True}, course_momentum),
    "the course's, Nesterov": (
        optim.SGD, {"momentum": 0.9, "averaged": True, "nesterov": True}, course_nesterov,
    ),
    "dampening": (optim.SGD, {"momentum": 0.9, "dampening": 0.3}, damped),
    "Nesterov": (optim.SGD, {"momentum": 0.9, "nesterov": True}, nesterov),
    "RMSprop": (optim.RMSprop, {"beta": 0.9, "eps": EPS}, rmsprop),
    "RMSprop, momentum": (
        optim.RMSprop, {"beta": 0.9, "eps": EPS, "momentum": 0.5}, rmsprop_momentum,
    ),
    "RMSprop, centred": (
        optim.RMSprop, {"beta": 0.9, "eps": EPS, "centered": True}, rmsprop_centred,
    ),
    "Adagrad": (optim.Adagrad, {"eps": EPS, "initial": 0.5}, adagrad),
    "Adadelta": (optim.Adadelta, {"rho": 0.9, "eps": EPS}, adadelta),
    "Adam": (optim.Adam, BETAS, adam),
    "AMSGrad": (optim.Adam, {**BETAS, "amsgrad": True}, amsgrad),
    "NAdam": (optim.NAdam, {**BETAS, "momentum_decay": 0.02}, nadam),
    "RAdam": (optim.RAdam, {"betas": (0.8, 0.95), "eps": EPS}, radam),
}  # fmt: skip
APART = {
    "AdamW": (optim.AdamW, BETAS, adam),
    "Lion": (optim.Lion, {"betas": (0.8, 0.95)}, lion),
    "Lion, equal betas": (optim.Lion, {"betas": (0.9, 0.9)}, lion_of_equal_betas),
    "NAdam": (
        optim.NAdam, {**BETAS, "momentum_decay": 0.02, "decoupled_weight_decay": True}, nadam,
    ),
    "RAdam": (
        optim.RAdam, {"betas": (0.8, 0.95), "eps": EPS, "decoupled_weight_decay": True}, radam,
    ),
}  # fmt: skip
DECAYS = [(0.0, 0.0), (0.3, 0.0), (0.0, 0.2), (0.3, 0.2)]


@pytest.mark.parametrize(("l2", "l1"), DECAYS)
@pytest.mark.parametrize("name", FORMULAS)
def test_formula(name, l2, l1):
    kind, settings, move = FORMULAS[name]
    follow(lambda p: kind(p, LR, weight_decay=l2, l1_decay=l1, **settings), move, l2=l2, l1=l1)


@pytest.mark.parametrize(("l2", "l1"), DECAYS)
@pytest.mark.parametrize("name", APART)
def test_formula_with_decay_apart(name, l2, l1):
    kind, settings, move = APART[name]
    follow(
        lambda p: kind(p, LR, weight_decay=l2, l1_decay=l1, **settings),
        move, l2=l2, l1=l1, decoupled=True,
    )  # fmt: skip


@pytest.mark.parametrize("name", FORMULAS)
def test_formula_in_single_precision(name):
    kind, settings, move = FORMULAS[name]
    follow(
        lambda p: kind(p, LR, weight_decay=0.1, l1_decay=0.1, **settings),
        move, l2=0.1, l1=0.1, dtype=np.float32,
    )  # fmt: skip


@pytest.mark.parametrize("kind", [optim.Adam, optim.NAdam, optim.RAdam])
def test_bias_is_corrected_by_each_parameters_own_steps(kind):
    """A parameter whose first gradient comes late moves as if its training began there."""
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(9, 3))
    early, late, alone = (tg.Variable(np.ones(3)) for _ in range(3))
    optimizer, other = kind([early, late], 0.1), kind([alone], 0.1)
    for t, g in enumerate(gradients):
        early.grad = g
        late.grad = g if t >= 4 else None
        optimizer.step()
        if t >= 4:
            alone.grad = g
            other.step()
    np.testing.assert_array_equal(late.numpy(), alone.numpy())
    assert optimizer.steps == 9


def test_a_parameter_that_sits_out_a_step_and_one_that_does_not():
    """Split apart, both go on by their own counts; and so from a state."""
    gradients = np.random.default_rng(0).normal(size=(8, 2, 3))

    def run(parameters, optimizer, first, last):
        for t in range(first, last):
            for i, parameter in enumerate(parameters):
                parameter.grad = None if (i, t) in ((1, 2), (1, 3)) else gradients[t, i]
            optimizer.step()

    parameters = [tg.Variable(np.ones(3)), tg.Variable(np.ones(3))]
    optimizer = optim.Adam(parameters, 0.1)
    run(parameters, optimizer, 0, 5)
    again = [tg.Variable(parameter.numpy()) for parameter in parameters]
    resumed = optim.Adam(again, 0.1)
    resumed.load_state_dict(optimizer.state_dict())
    assert optimizer.state_dict()["missed"] == resumed.state_dict()["missed"] == [0, 2]
    run(parameters, optimizer, 5, 8)
    run(again, resumed, 5, 8)
    alone = tg.Variable(np.ones(3))
    single = optim.Adam([alone], 0.1)
    for t in (0, 1, 4, 5, 6, 7):
        alone.grad = gradients[t, 1]
        single.step()
    np.testing.assert_array_equal(parameters[1].numpy(), alone.numpy())
    for parameter, other in zip(parameters, again, strict=True):
        np.testing.assert_array_equal(parameter.numpy(), other.numpy())


def test_centred_rmsprop_of_a_constant_gradient_is_finite():
    """The variance is 0 then, and rounding could leave it below."""
    w = tg.tensor(np.linspace(0.1, 3, 50), np.float32, requires_grad=True)
    optimizer = optim.RMSprop([w], 1e-6, centered=True)
    gradient = np.linspace(0.1, 3, 50)
    for _ in range(2000):
        w.grad = gradient
        optimizer.step()
    assert np.isfinite(w.numpy()).all()
    assert np.isfinite(optimizer.state["mean"][0]).all()
