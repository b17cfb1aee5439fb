"""Module: what counts as state, where it is found, and what is refused."""

import copy
import pickle

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn, optim
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


def test_children_are_direct_and_come_once():
    tree = Tree()
    tree.again = tree.first
    assert [path for path, _ in tree.named_children()] == ["first", "many.0", "many.1.1.deep"]
    assert list(tree.children()) == [tree.first, tree.many[0], tree.many[1][1]["deep"]]
    assert list(Line().children()) == []


def test_apply_reaches_all_children_first():
    inner = nn.Sequential(Line(), Line())
    outer, seen = nn.Sequential(inner, inner, Line()), []
    assert outer.apply(seen.append) is outer
    assert seen == [inner[0], inner[1], inner, outer[2], outer]


def test_generators_are_found_and_come_once():
    class Drawing(nn.Module):
        def __init__(self, rng):
            super().__init__()
            self.dropout = nn.Dropout(0.5)
            self.rngs = [rng, {"own": np.random.default_rng(1)}]

    rng = np.random.default_rng(0)
    model = nn.Sequential(Drawing(rng), nn.Dropout(0.5, generator=rng))
    found = dict(model.named_generators())
    assert list(found) == ["0.rngs.0", "0.rngs.1.own", "0.dropout.generator"]
    assert found["0.rngs.0"] is rng
    assert found["0.dropout.generator"] is model[0].dropout.generator


def test_default_generator_is_that_of_the_seed():
    nn.seed(5)
    assert nn.default_generator().random() == np.random.default_rng(5).random()


def test_added_modules():
    tree = Tree()
    tree.add_module("late", Line())
    assert {"late.slope", "late.offset"} < set(paths(tree))
    assert tree.late.slope.name == "late.slope"


@pytest.mark.parametrize("name", ["first", "forward", "training", "a.b", "", 3])
def test_refused_names_of_modules(name):
    tree = Tree()
    with pytest.raises(ArgumentError, match=r"Tree.add_module: .*free attribute name"):
        tree.add_module(name, Line())
    with pytest.raises(ArgumentError, match=r"Tree.add_module: .*needs a Module"):
        tree.add_module("fine", tg.tanh)


# Frozen parameters


def trained(module):
    return [path for path, p in module.named_parameters() if p.requires_grad]


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ((), []),
        (("first",), TREE[2:]),
        (("first.slope", "own"), [path for path in TREE[1:] if path != "own"]),
        (("*.slope",), [path for path in TREE if not path.endswith("slope")]),
        (("many.1",), [path for path in TREE if not path.startswith("many.1")]),
    ],
)
def test_freezing(given, left):
    tree = Tree()
    assert tree.freeze(*given) is tree
    assert sorted(trained(tree)) == sorted(left)
    assert list(tree.trainable_parameters()) == [p for p in tree.parameters() if p.requires_grad]
    assert sorted(paths(tree)) == sorted(TREE)
    assert tree.unfreeze(*given) is tree
    assert sorted(trained(tree)) == sorted(TREE)


def test_a_shared_parameter_is_frozen_by_either_path():
    tree = Tree()
    tree.many[0].slope = tree.first.slope
    tree.freeze("many.0.slope")
    assert not tree.first.slope.requires_grad


def test_an_optimiser_leaves_frozen_parameters_alone():
    model = nn.Sequential(nn.Dense(3, 4, "tanh"), nn.Dense(4, 1))
    before = optim.SGD(model.parameters(), lr=0.1)
    model.freeze("0")
    after = optim.SGD(model.trainable_parameters(), lr=0.1)
    assert len(after.parameters) == 2
    for optimizer in (before, after):
        old = model.state_dict()
        optimizer.minimize(lambda: (model(np.ones((2, 3), np.float32)) ** 2).sum())
        new = model.state_dict()
        assert [path for path in old if (old[path] != new[path]).any()] == ["1.weight", "1.bias"]
    model.unfreeze()
    before.minimize(lambda: (model(np.ones((2, 3), np.float32)) ** 2).sum())
    assert (model[0].weight.numpy() != new["0.weight"]).any()


def test_freezing_what_is_not_there():
    tree = Tree()
    with pytest.raises(ArgumentError, match=r"Tree.freeze: .*'frist'; did you mean 'first'\?"):
        tree.freeze("own", "frist")
    assert sorted(trained(tree)) == sorted(TREE)


def test_computed_parameters_are_not_frozen():
    line = Line()
    line.offset[()] = 3.0
    with pytest.raises(ArgumentError, match=r"Line.freeze: .*'offset'.*tg.no_grad"):
        line.freeze()
    assert line.slope.requires_grad


# dtype


def test_astype_keeps_the_leaves():
    model = nn.Sequential(nn.Dense(3, 4), nn.BatchNorm(4), Line())
    model.freeze("0.bias")
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    model[:2](x).sum().backward()
    leaves, state = list(model.parameters()), model.state_dict()
    grads = [p.grad for p in leaves]
    assert model.astype(np.float64) is model
    assert all(new is old for new, old in zip(model.parameters(), leaves, strict=True))
    assert {p.dtype for p in leaves} == {np.dtype(np.float64)}
    assert model[1].running_mean.dtype == np.float64
    assert model[2].calls.dtype == np.int64
    for path, array in model.state_dict().items():
        np.testing.assert_array_equal(array, state[path])
    for leaf_, grad in zip(leaves, grads, strict=True):
        assert (leaf_.grad is None) == (grad is None)
        if grad is not None:
            assert leaf_.grad.dtype == np.float64
            np.testing.assert_array_equal(leaf_.grad.numpy(), grad.numpy())
    assert not model[0].bias.requires_grad
    assert model[0](x.astype(np.float64)).dtype == np.float64
    model[:2](x).sum().backward()
    assert model[0].weight.grad.dtype == np.float64
    assert model.astype("float32")[:2](x).dtype == np.float32


def test_astype_of_complex_parameters():
    class Turning(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = tg.Variable(1 + 2j)

    turning = Turning().astype(np.float32)
    assert turning.w.dtype == np.complex64
    assert turning.astype(np.float64).w.dtype == np.complex128


@pytest.mark.parametrize("dtype", [int, complex, "fp32", None])
def test_refused_dtypes(dtype):
    line = Line()
    if dtype is None:
        line.offset[()] = 3.0
    with pytest.raises(ArgumentError if dtype is None else DTypeError, match=r"Line.astype"):
        line.astype(dtype)
    assert line.slope.dtype == np.float64


def test_an_optimiser_made_before_astype_refuses():
    model = nn.Dense(3, 2)
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    x = np.ones((2, 3))
    optimizer.minimize(lambda: model(x).sum())
    model.astype(np.float64)
    with pytest.raises(DTypeError, match=r"is float64.*float32 when .*another optimizer"):
        optimizer.minimize(lambda: model(x).sum())
    old = model.weight.numpy()
    optim.SGD(model.parameters(), lr=0.1).minimize(lambda: model(x).sum())
    np.testing.assert_allclose(model.weight.numpy(), old - 0.1 * 2, rtol=1e-15)


def test_a_graph_from_before_astype_refuses():
    line = Line()
    y = (line(np.ones(2)) * line.slope).sum()
    line.astype(np.float32)
    with pytest.raises(tg.StaleGraphError, match="slope"):
        y.backward()


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


def test_what_may_be_meant():
    def error(state):
        with pytest.raises(ArgumentError) as caught:
            Tree().load_state_dict(state)
        return str(caught.value)

    state = Tree().state_dict()
    assert "unexpected 'owm' (did you mean 'own'?)" in error(
        {path.replace("own", "owm"): array for path, array in state.items()}
    )
    longer = error({f"model.{path}": array for path, array in state.items()})
    assert "names of the state all have 'model.' in front" in longer
    assert "and 3 more" in longer
    with pytest.raises(ArgumentError, match=r"names of the module all have '0.' in front"):
        nn.Sequential(Tree()).load_state_dict(state)


def test_part_of_a_state():
    line = Line()
    assert line.load_state_dict(GOOD) == ([], [])
    unmatched = line.load_state_dict({"slope": [7.0, 7.0], "bias": 1.0}, strict=False)
    assert unmatched.missing == ["offset", "calls"]
    assert unmatched.unexpected == ["bias"]
    np.testing.assert_array_equal(line.slope.numpy(), [7, 7])
    assert (line.offset.item(), line.calls) == (5, 5)
    with pytest.raises(ShapeError, match="'slope'"):
        line.load_state_dict({"slope": 1.0, "offset": 1.0}, strict=False)
    with pytest.raises(ArgumentError, match="none of the names fits"):
        line.load_state_dict({"0.slope": [1.0, 1.0]}, strict=False)
    assert line.offset.item() == 5


@pytest.mark.parametrize("keys", [("a.b", "a"), (1, "1")])
def test_two_of_one_path(keys):
    class Keyed(nn.Module):
        def __init__(self):
            super().__init__()
            first, second = keys
            self.by = {first: leaf(2), second: {"b": leaf(3)} if second == "a" else leaf(3)}

    with pytest.raises(ArgumentError, match=r"Keyed: there are two of the path 'by\.(a\.b|1)'"):
        Keyed().state_dict()


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


class Late(nn.Module):
    def __init__(self, value):
        self.value = value
        super().__init__()


@pytest.mark.parametrize("value", [3, None, leaf(2), [], nn.ReLU(), tg.tanh], ids=type)
def test_attributes_before_super_init(value):
    with pytest.raises(DeclarationError, match=r"Late: super\(\).__init__\(\).*first line"):
        Late(value)


@pytest.mark.parametrize("value", [leaf(2), nn.ReLU()], ids=type)
def test_parameters_on_the_class(value):
    with pytest.raises(DeclarationError, match=r"Shared.w is a .*self.w = …"):
        type("Shared", (nn.Module,), {"w": value})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("forward", leaf(2), "'forward' is a method, and Tensor"),
        ("parameters", [1], "'parameters' is a method, and list"),
        ("train", True, "'train' is a method, and bool"),
        ("eval", nn.ReLU(), "'eval' is a method, and ReLU"),
        ("training", nn.ReLU(), "'training' .* True or False"),
        ("training", 1, "'training' .* True or False"),
        ("_parameter_paths", {}, "'_parameter_paths' .*another name"),
        ("parts", {nn.ReLU()}, "'parts' is a set of tensors or modules.*list or a dict"),
    ],
)
def test_refused_attributes(name, value, words):
    line = Line()
    with pytest.raises(ArgumentError, match=f"Line: {words}"):
        setattr(line, name, value)
    line.eval()
    assert value_of(line(np.ones(2))) == [2, 2]


def value_of(y):
    return y.detach().tolist()


def test_a_method_may_be_replaced_by_a_function():
    line = Line()
    line.forward = lambda x: x + 1
    assert line(1) == 2
    line.training = np.bool_(False)
    line.names = {"a", "b"}


@pytest.mark.parametrize(
    ("name", "words"),
    [("to", "astype"), ("cuda", "CPU"), ("requires_grad_", "freeze"), ("slop", "")],
)
def test_names_of_other_libraries(name, words):
    with pytest.raises(AttributeError, match=f"Line has no attribute '{name}'.*{words}"):
        getattr(Line(), name)
    assert not hasattr(Line(), name)


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


@pytest.mark.parametrize("value", [None, nn.ReLU()])
def test_a_buffer_is_no_place_for_something_else(value):
    with pytest.raises(ArgumentError, match=r"Line: the buffer 'calls'.*`del`"):
        Line().calls = value


@pytest.mark.parametrize("name", ["calls", "forward", "a.b"])
def test_refused_buffer_names(name):
    with pytest.raises(ArgumentError, match=f"Line.register_buffer: '{name}'"):
        Line().register_buffer(name, 0)


def says(caught, *words):
    for word in words:
        assert word in str(caught.value)
