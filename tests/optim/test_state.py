"""What `state_dict` holds, what is refused, and parameters that never have a gradient."""

import copy
import json
import warnings

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import optim
from tinygraph.errors import ArgumentError, ShapeError

KINDS = {
    "SGD": lambda p: optim.SGD(p, 0.1, 0.9, averaged=True, nesterov=True),
    "dampening": lambda p: optim.SGD(p, 0.1, 0.9, dampening=0.5),
    "RMSprop": lambda p: optim.RMSprop(p, 0.1, centered=True, momentum=0.5),
    "Adagrad": lambda p: optim.Adagrad(p, 0.1, initial=0.5),
    "Adadelta": lambda p: optim.Adadelta(p, weight_decay=0.1),
    "Adam": lambda p: optim.Adam(p, 0.1, amsgrad=True),
    "AdamW": lambda p: optim.AdamW(p, optim.WarmUp(optim.Cosine(0.1, 20), 3)),
    "NAdam": lambda p: optim.NAdam(p, 0.1),
    "RAdam": lambda p: optim.RAdam(p, 0.1, (0.5, 0.6)),
    "Lion": lambda p: optim.Lion(p, 0.1, l1_decay=0.1),
}
every = pytest.mark.parametrize("name", KINDS)


def variables(dtype=np.float32):
    return [tg.tensor(np.full(s, 2), dtype, requires_grad=True) for s in ((2, 3), (), (4,))]


def train(optimizer, first, last):
    for t in range(first, last):
        rng = np.random.default_rng(t)
        for i, parameter in enumerate(optimizer.parameters):
            gradient = rng.normal(size=parameter.shape)
            parameter.grad = None if i == 2 and t < 3 else gradient
        optimizer.step()


@every
def test_goes_on_to_the_bit_after_json_and_arrays(name):
    optimizer = KINDS[name](variables())
    train(optimizer, 0, 7)
    state = optimizer.state_dict()
    arrays = {k: v for k, v in state.items() if isinstance(v, np.ndarray)}
    rest = json.dumps({k: v for k, v in state.items() if k not in arrays}, allow_nan=False)
    resumed = KINDS[name](variables())
    for parameter, other in zip(resumed.parameters, optimizer.parameters, strict=True):
        parameter.assign(other.numpy())
    resumed.load_state_dict({**json.loads(rest), **copy.deepcopy(arrays)})
    train(optimizer, 7, 12)
    train(resumed, 7, 12)
    for parameter, other in zip(resumed.parameters, optimizer.parameters, strict=True):
        np.testing.assert_array_equal(parameter.numpy(), other.numpy())
    after, expected = resumed.state_dict(), optimizer.state_dict()
    for key, value in expected.items():
        np.testing.assert_array_equal(after[key], value)


@every
def test_settings_come_from_the_state(name):
    optimizer = KINDS[name](variables())
    optimizer.lr, optimizer.weight_decay = 0.03, 0.7
    other = KINDS[name](variables())
    other.load_state_dict(optimizer.state_dict())
    assert (other.lr, other.weight_decay) == (0.03, 0.7)
    assert repr(other) == repr(optimizer)


@every
def test_the_state_of_another_kind(name):
    other = optim.Adam(variables()) if name != "Adam" else optim.SGD(variables(), 0.1)
    with pytest.raises(ArgumentError, match="the state is that of") as caught:
        KINDS[name](variables()).load_state_dict(other.state_dict())
    assert type(other).__name__ in str(caught.value)


def test_a_state_of_other_options_or_parameters():
    plain, adam = optim.Adam(variables()), optim.Adam(variables(), amsgrad=True)
    grouped = optim.Adam([{"params": variables()[:1]}, {"params": variables()[1:]}])
    regrouped = optim.Adam([{"params": variables()[:2]}, {"params": variables()[2:]}])
    fewer = optim.Adam(variables()[:2])
    for one, other, words in [
        (plain, adam, r"unexpected \['largest.0', 'largest.1', 'largest.2'\]"),
        (adam, plain, "missing .*'largest.0'"),
        (fewer, plain, "unexpected .*'mean.2'"),
        (plain, grouped, "2 groups.*this optimizer 1"),
        (regrouped, grouped, "group 0: it has 1 parameters, this one 2"),
    ]:
        with pytest.raises(ArgumentError, match=words):
            one.load_state_dict(other.state_dict())


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda s: s.update(steps=-1), ArgumentError, "steps=-1"),
        (lambda s: s.update(epoch="x"), ArgumentError, "epoch='x'"),
        (lambda s: s.update(missed=[0]), ArgumentError, "'missed' has 1 numbers for 3"),
        (lambda s: s["settings"].pop("betas"), ArgumentError, "settings: .*'betas'"),
        (lambda s: s["settings"].update(rho=1), ArgumentError, "settings: .*'rho'"),
        (lambda s: s["settings"].update(betas=[2, 0]), ArgumentError, "β₁=2"),
        (lambda s: s["groups"][0].update(rho=1), ArgumentError, "group 0: .*'rho'"),
        (lambda s: s.update({"mean.2": np.ones(3)}), ShapeError, "'mean.2' has shape"),
    ],
)
def test_a_damaged_state_loads_nothing(change, error, words):
    optimizer, other = (optim.Adam(variables(), 0.1) for _ in range(2))
    train(optimizer, 0, 2)
    train(other, 0, 5)
    other.lr, other.epoch = 0.7, 3
    before, state = optimizer.state_dict(), other.state_dict()
    change(state)
    with pytest.raises(error, match=f"Adam.*{words}"):
        optimizer.load_state_dict(state)
    for key, value in optimizer.state_dict().items():
        np.testing.assert_array_equal(value, before[key])
    with pytest.raises(ArgumentError, match="missing"):
        optimizer.load_state_dict(None)


def test_parameters_that_never_have_a_gradient_are_named_once():
    used, forgotten = tg.Variable(1.0), tg.Variable([1.0], name="head")
    late, frozen = tg.Variable(1.0), tg.Variable(1.0)
    optimizer = optim.SGD([used, forgotten, late, frozen], lr=0.01)
    frozen.requires_grad = False
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for t in range(30):
            optimizer.minimize(lambda t=t: used**2 + (late**2 if t == 5 else 0.0))
            assert len(caught) == (t >= 9)
    assert "SGD: in 10 steps parameter 1 (tensor 'head' of shape (1,)) never had a gradient" in str(
        caught[0].message
    )


def test_parameters_that_take_turns_are_not_warned_of():
    one, other = tg.Variable(1.0), tg.Variable(1.0)
    optimizer = optim.Adam([one, other], lr=0.01)
    for t in range(30):
        optimizer.minimize(lambda t=t: (one if t % 2 else other) ** 2)
    assert one.item() == other.item()
    assert optimizer.state_dict()["missed"] == [15, 15]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"nesterov": True}, "nesterov=True needs a momentum"),
        ({"momentum": 0.9, "nesterov": True, "dampening": 0.5}, "exclude each other"),
        ({"momentum": 0.9, "averaged": True, "dampening": 0.5}, "averaged=True exclude"),
        ({"momentum": 0.9, "averaged": 1}, "averaged=1; it needs True or False"),
        ({"weight_decay": -0.1}, r"weight_decay=-0\.1"),
        ({"l1_decay": True}, "l1_decay=True; it needs a number"),
    ],
)
def test_refused_settings_of_sgd(settings, words):
    with pytest.raises(ArgumentError, match=f"SGD: .*{words}"):
        optim.SGD(variables(), 0.1, **settings)


@pytest.mark.parametrize("kind", [optim.NAdam, optim.RAdam, optim.AdamW, optim.Lion])
def test_numpys_numbers_are_numbers(kind):
    settings = {"weight_decay": np.float32(0.5), "betas": np.array([0.5, 0.75])}
    optimizer = kind(variables(), np.float64(0.25), **settings)
    assert (optimizer.lr, optimizer.weight_decay, optimizer.betas) == (0.25, 0.5, (0.5, 0.75))
    train(optimizer, 0, 3)
    assert {p.dtype for p in optimizer.parameters} == {np.dtype("float32")}
    json.dumps(optimizer.state_dict()["settings"])
