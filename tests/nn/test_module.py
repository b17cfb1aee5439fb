"""Module: what counts as state, where it is found, and what is refused."""

import copy
import pickle

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.errors import ArgumentError, DeclarationError, DetachError, DTypeError, ShapeError


def leaf(*shape, name=None):
    return tg.tensor(np.ones(shape), requires_grad=True, name=name)


class Line(nn.Module):
    def __init__(self):
        super().__init__()
        self.slope = leaf(2)
        self.offset = leaf()
        self.register_buffer("calls", np.zeros((), np.int64))

    def forward(self, x):
        self.calls = self.calls + 1
        return x * self.slope + self.offset


class Tree(nn.Module):
    """One of each place where a parameter can be."""

    def __init__(self):
        super().__init__()
        self.first = Line()
        self.many = [Line(), (leaf(3), {"deep": Line()})]
        self.own = leaf(1)
        self.constant = tg.tensor([1.0])
        self.array = np.ones(3)
        self.number = 3


TREE = [
    "first.slope", "first.offset", "many.0.slope", "many.0.offset", "many.1.0",
    "many.1.1.deep.slope", "many.1.1.deep.offset", "own",
]  # fmt: skip


def paths(module):
    return [path for path, _ in module.named_parameters()]


# What is found


def test_parameters_are_found_by_attribute_and_in_lists():
    assert sorted(paths(Tree())) == sorted(TREE)
    assert [path for path, _ in Tree().named_modules()] == [
        "", "first", "many.0", "many.1.1.deep"
    ]  # fmt: skip
    assert [path for path, _ in Tree().named_buffers()] == [
        "first.calls", "many.0.calls", "many.1.1.deep.calls"
    ]  # fmt: skip


def test_parameters_take_their_path_for_a_name():
    tree = Tree()
    assert {p.name for p in tree.parameters()} == set(TREE)
    outer = nn.Sequential(tree)
    assert {p.name for p in outer.parameters()} == {f"0.{path}" for path in TREE}


def test_a_name_given_by_the_user_stays():
    line = Line()
    line.slope = leaf(2, name="m")
    assert nn.Sequential(line)[0].slope.name == "m"


def test_what_is_appended_later_is_found_and_named():
    tree = Tree()
    tree.many.append(Line())
    tree.many[2].slope.name = None
    assert [p.name for p in tree.parameters() if p is tree.many[2].slope] == ["many.2.slope"]


def test_replaced_parameter():
    line = Line()
    old, new = line.slope, leaf(2)
    line.slope = new
    assert any(p is new for p in line.parameters())
    assert not any(p is old for p in line.parameters())
    assert new.name == "slope"
    line(np.ones(2)).sum().backward()
    assert new.grad is not None
    assert old.grad is None


def test_removed_parameters():
    tree = Tree()
    tree.own = None
    del tree.first
    tree.many = []
    assert paths(tree) == []
    tree.own = tg.tensor([1.0])
    assert paths(tree) == []


def test_shared_parameters_and_modules_are_counted_once():
    tied = Tree()
    tied.many[0].slope = tied.first.slope
    tied.again = tied.first
    assert sorted(paths(tied)) == sorted({*TREE} - {"many.0.slope"})
    assert len(list(tied.modules())) == 4
    assert len(tied.state_dict()) == 7 + 3


def test_a_module_that_holds_its_parent_is_walked_once():
    tree = Tree()
    tree.first.parent = tree
    assert len(list(tree.modules())) == 4
    assert len(paths(tree)) == len(TREE)


def test_frozen_parameters_stay_parameters():
    tree = Tree()
    tree.own.requires_grad = False
    tree.many[1][0].requires_grad = False
    assert sorted(paths(tree)) == sorted(TREE)
    assert {"own", "many.1.0"} <= tree.state_dict().keys()


def test_train_and_eval_reach_everything():
    tree = Tree()
    assert tree.training
    assert tree.eval() is tree
    assert not any(module.training for module in tree.modules())
    assert tree.train() is tree
    assert all(module.training for module in tree.modules())


def test_zero_grad():
    line = Line()
    line(np.ones(2)).sum().backward()
    assert line.slope.grad is not None
    line.zero_grad()
    assert line.slope.grad is None
    assert line.offset.grad is None


def test_repr_is_a_tree():
    model = nn.Sequential(nn.Dense(2, 3, "relu"), nn.Sequential(nn.Dropout(0.5), tg.tanh), Line())
    assert repr(model) == (
        "Sequential(\n"
        "  (0): Dense(2, 3, activation=relu)\n"
        "  (1): Sequential(\n"
        "    (0): Dropout(0.5)\n"
        "  )\n"
        "  (2): Line()\n"
        ")"
    )


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (nn.Dense(2, 3, dtype=np.float64), "Dense(2, 3, dtype=float64)"),
        (nn.Dense(2, 3, nn.Tanh()), "Dense(2, 3\n  (activation): Tanh()\n)"),
        (nn.BatchNorm(3), "BatchNorm(3)"),
        (nn.BatchNorm(3, 0.5, 0.1), "BatchNorm(3, momentum=0.5, eps=0.1)"),
    ],
)
def test_repr_shows_what_is_not_the_default(module, text):
    assert repr(module) == text


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_duplicates_are_independent(duplicate):
    line = Line()
    other = duplicate(line)
    other.slope.assign([5.0, 5.0])
    np.testing.assert_array_equal(line.slope.numpy(), [1, 1])
    assert paths(other) == paths(line)
    # Both in one graph.
    (line(np.ones(2)) * other(np.ones(2))).sum().backward()
    np.testing.assert_array_equal(line.slope.grad.numpy(), [6, 6])
    np.testing.assert_array_equal(other.slope.grad.numpy(), [2, 2])


# Buffers


def test_buffers_are_copies_that_keep_shape_and_dtype():
    line, start = Line(), np.array(5)
    line.calls = start
    start[...] = 9
    assert line.calls == 5
    line(np.ones(2))
    assert (line.calls, line.calls.dtype, line.calls.shape) == (6, np.int64, ())
    line.calls = tg.tensor(7)
    assert isinstance(line.calls, np.ndarray)


# State


def test_state_dict_is_plain_copies():
    line = Line()
    state = line.state_dict()
    assert list(state) == ["slope", "offset", "calls"]
    assert all(type(array) is np.ndarray for array in state.values())
    state["slope"][:] = 9
    np.testing.assert_array_equal(line.slope.numpy(), [1, 1])


def test_state_goes_round_bit_for_bit():
    def build(seed):
        layers = [nn.Dense(3, 4, generator=seed), nn.BatchNorm(4), nn.Dense(4, 2, generator=seed)]
        return nn.Sequential(layers)

    first, second = build(0), build(1)
    x = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    first(x)
    kept = second[0].weight
    second.load_state_dict(first.state_dict())
    assert second[0].weight is kept
    np.testing.assert_array_equal(
        second.eval()(x).detach().numpy(), first.eval()(x).detach().numpy()
    )
    loaded = first.state_dict()
    loaded["1.running_mean"][:] = 9
    second.load_state_dict(loaded)
    loaded["1.running_mean"][:] = 0
    np.testing.assert_array_equal(second[1].running_mean, 9)


def test_state_may_be_lists_or_tensors_of_another_precision():
    line = Line()
    line.load_state_dict({"slope": [1, 2], "offset": np.float32(3), "calls": tg.tensor(4)})
    np.testing.assert_array_equal(line.slope.numpy(), [1, 2])
    assert line.slope.dtype == np.float64
    line.load_state_dict(dict(Line().named_parameters()) | {"calls": 0})
    np.testing.assert_array_equal(line.slope.numpy(), [1, 1])


GOOD = {"slope": [5.0, 5.0], "offset": 5.0, "calls": 5}


@pytest.mark.parametrize(
    ("state", "error", "words"),
    [
        ({"offset": 5.0, "calls": 5}, ArgumentError, ["missing 'slope'"]),
        (GOOD | {"bias": 1.0}, ArgumentError, ["unexpected 'bias'"]),
        ({"slop": [5.0, 5.0]}, ArgumentError, ["missing 'slope', 'offset'", "unexpected 'slop'"]),
        (GOOD | {"offset": [1.0, 2.0]}, ShapeError, ["'offset'", "()", "(2,)"]),
        (GOOD | {"calls": 5.5}, DTypeError, ["'calls'", "int64", "float64", "astype"]),
        (GOOD | {"offset": 1j}, DTypeError, ["'offset'", "complex128"]),
        (GOOD | {"offset": "a"}, DTypeError, ["'offset'", "<U1"]),
        (GOOD | {"slope": [[1.0], 2.0]}, ShapeError, ["'slope'", "inhomogeneous"]),
        ([5.0, 5.0], ArgumentError, ["list", "state_dict()"]),
    ],
)
def test_refused_state_loads_nothing(state, error, words):
    line = Line()
    with pytest.raises(error) as caught:
        line.load_state_dict(state)
    says(caught, "Line.load_state_dict", *words)
    np.testing.assert_array_equal(line.slope.numpy(), [1, 1])
    assert line.calls == 0


def test_state_is_not_loaded_into_a_computed_parameter():
    line = Line()
    line.offset[()] = 3.0
    with pytest.raises(ArgumentError) as caught:
        line.load_state_dict(GOOD)
    says(caught, "Line.load_state_dict", "'offset'", "tg.no_grad()")
    np.testing.assert_array_equal(line.slope.numpy(), [1, 1])


# What is refused


class Forgetful(nn.Module):
    def __init__(self):
        self.layer = nn.Dense(2, 2)


class Silent(nn.Module):
    def __init__(self):
        pass


@pytest.mark.parametrize(
    "use", [Forgetful, lambda: Silent().eval(), lambda: list(Silent().parameters())]
)
def test_forgotten_super_init(use):
    with pytest.raises(DeclarationError, match=r"(Forgetful|Silent).*super\(\).__init__\(\)"):
        use()


def test_missing_forward():
    class Empty(nn.Module):
        pass

    with pytest.raises(DeclarationError, match=r"Empty has no forward.*def forward"):
        Empty()(1.0)


def test_forgotten_return():
    class Mute(nn.Module):
        def forward(self, x):
            x + 1

    with pytest.raises(DeclarationError, match=r"Mute.forward returned None.*`return`"):
        nn.Sequential(Mute(), nn.ReLU())(1.0)


def test_unknown_attribute():
    with pytest.raises(AttributeError, match="Line has no attribute 'slop'"):
        Line().slop
    assert not hasattr(Line(), "slop")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.ones(2), ["ndarray, not a tensor"]),
        (tg.tensor([1.0, 1.0]), ["does not require grad"]),
        (leaf(2) * 2, ["a computed tensor"]),
    ],
)
def test_a_parameter_is_not_replaced_by_what_cannot_be_trained(value, words):
    line = Line()
    with pytest.raises(ArgumentError) as caught:
        line.slope = value
    says(caught, "Line", "'slope'", *words, ".slope.assign(", "requires_grad=True")
    assert "slope" in paths(line)


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (np.ones(2), ShapeError, ["()", "(2,)"]),
        (0.5, DTypeError, ["int64", "float64"]),
        (leaf(), DetachError, ["'calls'", "requires grad", ".detach()"]),
    ],
)
def test_refused_buffer_values(value, error, words):
    line = Line()
    with pytest.raises(error) as caught:
        line.calls = value
    says(caught, *words)
    assert line.calls == 0


@pytest.mark.parametrize("name", ["calls", "forward", "a.b"])
def test_refused_buffer_names(name):
    with pytest.raises(ArgumentError, match=f"Line.register_buffer: '{name}'"):
        Line().register_buffer(name, 0)


def says(caught, *words):
    for word in words:
        assert word in str(caught.value)
