"""Groups of parameters, with settings of their own."""

import copy
import gc
import weakref

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn, optim
from tinygraph.errors import ArgumentError


def variables(number, dtype="float64"):
    return [tg.tensor(np.full(3, i + 1.0), dtype, requires_grad=True) for i in range(number)]


def give_gradients(parameters, seed):
    rng = np.random.default_rng(seed)
    for parameter in parameters:
        parameter.grad = rng.normal(size=parameter.shape)


@pytest.mark.parametrize("dtypes", [("float64",) * 4, ("float32", "float64", "float32", "float16")])
def test_a_group_is_moved_as_by_an_optimiser_of_its_own(dtypes):
    def build():
        return [variables(1, dtype)[0] for dtype in dtypes]

    together, apart = build(), build()
    optimizer = optim.Adam(
        [
            {"params": together[:2], "lr": 0.1, "betas": (0.5, 0.9)},
            {"params": together[2:], "weight_decay": 0.5},
        ],
        lr=0.01,
        l1_decay=0.1,
    )
    others = [
        optim.Adam(apart[:2], 0.1, (0.5, 0.9), l1_decay=0.1),
        optim.Adam(apart[2:], 0.01, weight_decay=0.5, l1_decay=0.1),
    ]
    for seed in range(4):
        give_gradients(together, seed)
        give_gradients(apart, seed)
        optimizer.step()
        for other in others:
            other.step()
    for parameter, other in zip(together, apart, strict=True):
        np.testing.assert_array_equal(parameter.numpy(), other.numpy())
    assert optimizer.lr == 0.01
    assert optimizer.betas == (0.9, 0.999)


def test_settings_are_read_and_set():
    a, b, c = variables(3)
    optimizer = optim.SGD([{"params": [a, b], "lr": 0.5}, {"params": [c]}], lr=0.1)
    first, second = optimizer.groups
    assert (first.lr, second.lr, first.momentum) == (0.5, 0.1, 0.0)
    assert first.parameters == [a, b]
    assert optimizer.parameters == [a, b, c]
    optimizer.lr = 0.2  # for those without one of their own
    assert (first.lr, second.lr, optimizer.lr) == (0.5, 0.2, 0.2)
    second.momentum = 0.9
    assert (first.momentum, second.momentum, optimizer.momentum) == (0.0, 0.9, 0.0)
    first.lr *= 0.5
    assert optimizer.groups[0].lr == 0.25
    assert repr(first) == "ParameterGroup(2 parameters, lr=0.25)"
    assert repr(optimizer) == "SGD(3 parameters, lr=0.2)"


def test_a_single_groups_settings_are_the_optimisers():
    w, b = variables(2)
    optimizer = optim.SGD([{"params": [w, b], "lr": 0.5, "momentum": 0.9}], lr=0.1)
    assert (optimizer.lr, optimizer.momentum) == (0.5, 0.9)
    optimizer.groups[0].lr = 0.25
    assert optimizer.lr == 0.25
    (group,) = optim.SGD([w], 0.1).groups
    assert (group.parameters, group.lr) == ([w], 0.1)


def test_decay_of_weights_and_not_of_biases():
    model = nn.Sequential(nn.Dense(3, 2, generator=0), nn.Dense(2, 1, generator=1))
    weights = [w for name, w in model.named_parameters() if name.endswith("weight")]
    biases = [b for name, b in model.named_parameters() if name.endswith("bias")]
    for b in biases:
        b.assign(np.ones(b.shape))
    optimizer = optim.AdamW([{"params": weights}, {"params": biases, "weight_decay": 0.0}])
    before = [w.numpy().copy() for w in weights]
    for parameter in model.parameters():
        parameter.grad = np.zeros(parameter.shape)
    optimizer.step()
    for w, old in zip(weights, before, strict=True):
        np.testing.assert_allclose(w.numpy(), old * (1 - 1e-3 * 1e-2), rtol=1e-6)
    assert all(np.all(b.numpy() == 1) for b in biases)


def test_a_group_may_be_a_generator():
    model = nn.Dense(2, 2)
    optimizer = optim.Adam([{"params": model.parameters(), "lr": 1e-2}, {"params": variables(1)}])
    assert [len(group.parameters) for group in optimizer.groups] == [2, 1]


def test_schedules_of_groups():
    a, b, c = variables(3)
    optimizer = optim.SGD(
        [
            {"params": [a], "lr": optim.Exponential(1.0, 0.5)},
            {"params": [b], "lr": 0.125},
            {"params": [c]},
        ],
        lr=lambda t: 1 / (t + 2),
    )
    moved = []
    for _ in range(3):
        before = [p.numpy()[0] for p in (a, b, c)]
        for p in (a, b, c):
            p.grad = np.ones(3)
        optimizer.step()
        moved.append([old - p.numpy()[0] for old, p in zip(before, (a, b, c), strict=True)])
    np.testing.assert_allclose(
        moved, [[1, 0.125, 1 / 2], [0.5, 0.125, 1 / 3], [0.25, 0.125, 1 / 4]], rtol=1e-12
    )
    assert [group.lr for group in optimizer.groups] == [0.125, 0.125, 1 / 5]


def test_state_of_groups():
    def build():
        a, b = variables(2)
        return optim.Adam([{"params": [a], "lr": 0.5}, {"params": [b], "eps": 1e-3}], lr=0.1)

    optimizer, again = build(), build()
    give_gradients(optimizer.parameters, 0)
    optimizer.step()
    optimizer.groups[1].weight_decay = 0.25
    again.groups[1].lr = 7.0
    again.load_state_dict(optimizer.state_dict())
    assert [group.lr for group in again.groups] == [0.5, 0.1]
    assert [group.weight_decay for group in again.groups] == [0.0, 0.25]
    for parameter, other in zip(again.parameters, optimizer.parameters, strict=True):
        parameter.assign(other.numpy())
    for one in (optimizer, again, copied := copy.deepcopy(optimizer)):
        give_gradients(one.parameters, 1)
        one.step()
    for parameters in zip(optimizer.parameters, again.parameters, copied.parameters, strict=True):
        np.testing.assert_array_equal(parameters[0].numpy(), parameters[1].numpy())
        np.testing.assert_array_equal(parameters[0].numpy(), parameters[2].numpy())


def test_an_optimiser_of_ones_own_has_groups_too():
    class Clipped(optim.Optimizer):
        """w ← w − α · clip(g)."""

        bound = optim.Setting()

        def update(self, value, gradient, out, *state):
            np.clip(gradient, -self.bound, self.bound, out=out)
            out *= self.lr
            np.subtract(value, out, out=out)

    a, b = tg.Variable([1.0]), tg.Variable([1.0])
    optimizer = Clipped([{"params": [a], "bound": 2}, {"params": [b]}], lr=0.5, bound=1.0)
    a.grad = b.grad = [5.0]
    optimizer.step()
    assert (a.item(), b.item()) == (0.0, 0.5)
    assert optimizer.state_dict()["settings"]["bound"] == 1.0
    with pytest.raises(ArgumentError, match=r"Clipped: bound=-1.*number of 0 or more"):
        optimizer.groups[0].bound = -1
    assert "bound" not in optim.SGD.settings


def test_nothing_outlives_an_optimiser_or_its_class():
    class Standing(optim.Optimizer):
        """w ← w."""

        rho = optim.Setting()

    gc.collect()
    gc.disable()
    try:
        optimizer = optim.Adam([{"params": [p]} for p in variables(2)], lr=optim.Constant(0.1))
        optimizer.groups[0].lr = 0.5
        give_gradients(optimizer.parameters, 0)
        optimizer.step()
        array = weakref.ref(optimizer.state["mean"][0].base)
        del optimizer
        assert array() is None
    finally:
        gc.enable()
    kind = weakref.ref(Standing)
    del Standing
    gc.collect()
    assert kind() is None
    assert gc.collect() == 0


def shared():
    w = tg.Variable([1.0], name="w")
    return [{"params": [w]}, {"params": [w]}]


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        (lambda: [{"params": variables(1), "rate": 0.1}], ["no setting 'rate'", "lr", "momentum"]),
        (lambda: [{"parameters": variables(1)}], ["group 0", "'params'", "parameters"]),
        (lambda: [{"params": variables(1)}, variables(1)[0]], ["group 1", "dict"]),
        (lambda: [*variables(1), {"params": variables(1)}], ["parameter 1 is dict", "groups"]),
        (lambda: {"params": variables(1)}, ["a list of groups"]),
        (lambda: [{"params": []}], ["group 0", "no parameters came"]),
        (lambda: [{"params": variables(1)[0]}], ["group 0", "single tensor", "[tensor]"]),
        (lambda: [{"params": nn.Dense(2, 2)}], ["group 0", ".parameters()"]),
        (shared, ["tensor 'w'", "group 0", "group 1", "twice"]),
        (lambda: [{"params": variables(1), "lr": 0}], ["lr=0 would change nothing"]),
        (lambda: [{"params": variables(1), "lr": -1}, {"params": variables(1)}], ["lr=-1"]),
        (lambda: [{"params": variables(1), "momentum": 1}], ["momentum=1", "[0, 1)"]),
        (lambda: [{"params": variables(1), "nesterov": True}], ["nesterov", "momentum"]),
        (
            lambda: [{"params": variables(1)}, {"params": variables(1), "nesterov": True}],
            ["nesterov", "momentum"],
        ),
    ],
)
def test_refused_groups(groups, words):
    with pytest.raises(ArgumentError) as caught:
        optim.SGD(groups(), lr=0.1)
    for word in ["SGD", *words]:
        assert word in str(caught.value)


def test_refused_settings_of_a_group():
    optimizer = optim.Adam([{"params": [p]} for p in variables(2)])
    group = optimizer.groups[1]
    with pytest.raises(ArgumentError, match=r"Adam: betas=0\.9; it needs a pair"):
        group.betas = 0.9
    with pytest.raises(ArgumentError, match="no setting 'momentum', only lr"):
        group.momentum = 0.9
    with pytest.raises(AttributeError, match="no 'momentum'; it has parameters, lr"):
        group.momentum
    assert group.betas == (0.9, 0.999)
    with pytest.raises(ArgumentError, match="no setting 'rho'"):
        optim.Optimizer(variables(1), 0.1, rho=0.5)
