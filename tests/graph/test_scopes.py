"""Which scope a node lies in: modules, blocks and functions, in threads, tasks and checkpoints."""

import asyncio
import gc
import threading
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygraph as tg
from tinygraph import graph, nn
from tinygraph import scopes as scopes_module
from tinygraph.errors import ArgumentError
from tinygraph.node import Node


class Block(nn.Module):
    """x + b(a(x)), with a penalty left in an attribute."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Dense(3, 3, "tanh"), nn.Dense(3, 3)

    def forward(self, x):
        y = self.b(self.a(x))
        result = x + y
        self.penalty = (y * y).sum()
        return result


class Net(nn.Module):
    """Blocks one after another, then an output layer."""

    def __init__(self, count=2):
        super().__init__()
        self.blocks = [Block() for _ in range(count)]
        self.out = nn.Dense(3, 2)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.out(x)


X = np.ones((4, 3), np.float32)


def scopes(g, operation):
    return [node.scope for node in g.find(operation)]


def test_modules_by_attribute_path():
    net = Net()
    g = graph(nn.softmax_cross_entropy(net(X), np.zeros(4, int)))
    dense = ["blocks.0.a", "blocks.0.b", "blocks.1.a", "blocks.1.b", "out"]
    assert scopes(g, "dense") == [f"Net.{path}" for path in dense]
    assert scopes(g, "add") == ["Net.blocks.0", "Net.blocks.1"]
    assert scopes(g, "softmax_cross_entropy") == [""]
    assert [(s.path, s.kind, s.call) for s in g.scopes[:3]] == [
        ("Net", "Net", 0), ("Net.blocks.0", "Block", 0), ("Net.blocks.0.a", "Dense", 0)
    ]  # fmt: skip
    assert all(s.parent is None or s.parent < s.id for s in g.scopes)
    assert [g.scopes[s.parent].path for s in g.scopes[1:3]] == ["Net", "Net.blocks.0"]


def test_parameters_and_constants_lie_where_they_are_used():
    net = Net()
    g = graph(net(X))
    paths = {f"Net.{node.name.rpartition('.')[0]}" for i in g.parameters if (node := g.nodes[i])}
    assert paths == {g.nodes[i].scope for i in g.parameters} and len(g.parameters) == 10
    assert [g.nodes[i].scope for i in g.constants] == ["Net.blocks.0.a", "Net.blocks.0"]


def test_an_input_lies_outside_the_module_that_uses_it():
    x = tg.Variable(X, name="x")
    g = graph(nn.Dense(3, 2)(x))
    assert [(g.nodes[i].name, g.nodes[i].is_parameter, g.nodes[i].scope) for i in g.inputs] == [
        ("x", False, ""), ("weight", True, "Dense"), ("bias", True, "Dense")
    ]  # fmt: skip
    assert g.parameters == (1, 2)


def test_what_a_module_leaves_in_an_attribute():
    net = Net()
    loss = net(X).sum() + net.blocks[0].penalty
    g = graph(loss)
    assert scopes(g, "multiply") == ["Net.blocks.0"]
    assert scopes(g, "sum") == ["Net.blocks.0", ""]


def test_each_call_is_a_scope():
    cell = nn.Dense(3, 3, "tanh")
    h = X
    for _ in range(3):
        h = cell(h)
    g = graph(h)
    assert [(s.path, s.call, s.parent) for s in g.scopes] == [("Dense", i, None) for i in range(3)]
    assert [n.scope_id for n in g.find("dense")] == [0, 1, 2]
    # Used in all calls, the parameters lie in none of them; the table counts them to the module.
    assert {g.nodes[i].scope for i in g.parameters} == {""}
    assert g.summary("scope").rows[0].elements == 12


def test_a_shared_module_keeps_its_first_name():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Dense(3, 3)
            self.second = nn.Sequential(self.first, nn.Dense(3, 3))

        def forward(self, x):
            return self.second(self.first(x))

    g = graph(Tied()(X))
    assert scopes(g, "dense") == ["Tied.first", "Tied.second.first", "Tied.second.1"]


def test_a_part_of_a_module_called_by_itself():
    net = Net()
    assert scopes(graph(net.blocks[1].a(X)), "dense") == ["blocks.1.a"]
    assert scopes(graph(net.blocks[1](X)), "dense") == ["blocks.1.a", "blocks.1.b"]


def test_a_module_that_returns_what_it_was_given():
    x = tg.Variable(X)
    dropout = nn.Dropout(0.5).eval()
    assert graph(dropout(x * 2)).scopes == ()
    assert scopes(graph(nn.Sequential(nn.Dense(3, 3), nn.Dropout(0.5).eval())(x)), "dense") == [
        "Sequential.0"
    ]


def test_results_in_containers():
    class Two(nn.Module):
        def forward(self, x):
            return {"sin": np.sin(x), "rest": [np.cos(x), None]}

    found = Two()(tg.Variable(X))
    g = graph(found["sin"], found["rest"][0])
    assert scopes(g, "sin") == scopes(g, "cos") == ["Two"] and len(g.scopes) == 1


def test_blocks_and_functions_nest_with_modules():
    layer = nn.Dense(3, 3)

    @tg.scope("decorated")
    def function(x):
        with tg.scope("inner"):
            x = np.sin(x)
        return layer(x) * 2

    with tg.scope("outer.part"):
        y = function(tg.Variable(X))
        z = y + 1
    g = graph(np.cos(z))
    assert scopes(g, "sin") == ["outer.part.decorated.inner"]
    assert scopes(g, "dense") == ["outer.part.decorated.Dense"]
    assert scopes(g, "multiply") == ["outer.part.decorated"]
    assert scopes(g, "add") == ["outer.part"]
    assert scopes(g, "cos") == [""]
    assert function.__name__ == "function"


@given(st.recursive(st.just([]), lambda inner: st.lists(inner, max_size=3), max_leaves=12))
def test_any_nesting_is_told_as_it_was(tree):
    """Blocks open and close as the tree says; in each, before and after, one operation."""
    x, expected, outputs = tg.Variable(1.0), [], []

    def visit(children, path):
        for i, child in enumerate(children):
            outputs.append(x * 1.0)
            expected.append(".".join(path))
            with tg.scope(f"s{i}"):
                visit(child, [*path, f"s{i}"])
        outputs.append(x * 1.0)
        expected.append(".".join(path))

    visit(tree, [])
    g = graph(*outputs)
    assert [g.nodes[i].scope for i in g.outputs] == expected


@given(st.recursive(st.just([]), lambda inner: st.lists(inner, max_size=3), max_leaves=12))
def test_modules_in_any_nesting(tree):
    class Tree(nn.Module):
        def __init__(self, children):
            super().__init__()
            self.parts = [Tree(child) for child in children]

        def forward(self, x):
            for part in self.parts:
                x = part(x * 1.0)
            return np.sin(x)

    def paths(children, path):
        for i, child in enumerate(children):
            yield from paths(child, f"{path}.parts.{i}")
        yield path

    g = graph(Tree(tree)(tg.Variable(1.0)))
    assert scopes(g, "sin") == list(paths(tree, "Tree"))


def test_several_outputs_of_one_operation():
    with tg.scope("split"):
        first, second = tg.split(tg.Variable([1.0, 2.0]), 2)
    g = graph(first * second)
    assert [n.scope for n in g.nodes] == ["", "split", "split", "split", ""]


def test_an_exception_closes_the_block():
    x = tg.Variable(1.0)
    before = tg.exp.__code__
    scope = tg.scope("fails")
    with pytest.raises(tg.ShapeError), scope:
        tg.reshape(y := np.sin(x), (2, 3))
    assert tg.exp.__code__ is before
    assert [n.scope for n in graph(np.cos(y)).nodes] == ["", "fails", ""]


def test_threads_at_the_same_time():
    """Each in a block and a module of its own, taking turns at each operation."""
    turns, found = threading.Barrier(2), {}
    x = tg.Variable(X)
    layers = {name: nn.Dense(3, 3) for name in "ab"}

    class Step(nn.Module):
        def __init__(self, name):
            super().__init__()
            self.name, self.layer = name, layers[name]

        def forward(self, x):
            for _ in range(20):
                turns.wait()
                x = np.sin(x)
            return self.layer(x)

    def run(name):
        with tg.scope(name):
            turns.wait()
            y = x * 1.0
        found[name] = Step(name)(y)

    threads = [threading.Thread(target=run, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    g = graph(found["a"], found["b"])
    assert sorted(scopes(g, "multiply")) == ["a", "b"]
    assert set(scopes(g, "sin")) == {"Step"} and len(g.find("sin")) == 40
    a, b = (g.subgraph(between=(x, found[name])) for name in "ab")
    for part, name in ((a, "a"), (b, "b")):
        assert scopes(part, "multiply") == [name]
        assert len({n.scope_id for n in part.find("sin")}) == 1
    calls = [{n.scope_id for n in g.upstream(found[name]) if n.operation == "sin"} for name in "ab"]
    assert len(calls[0]) == len(calls[1]) == 1 and calls[0] != calls[1]


def test_tasks_that_take_turns():
    x = tg.Variable(1.0)

    async def block(name):
        with tg.scope(name):
            y = x
            for _ in range(5):
                y = np.sin(y)
                await asyncio.sleep(0)
        return np.cos(y)

    def function(name):
        @tg.scope(name)
        async def call():
            y = x
            for _ in range(5):
                y = np.sin(y)
                await asyncio.sleep(0)
            return y

        return call()

    async def both(make):
        return await asyncio.gather(make("first"), make("second"))

    for make in (block, function):
        one, other = asyncio.run(both(make))
        assert set(scopes(graph(one), "sin")) == {"first"}
        assert set(scopes(graph(other), "sin")) == {"second"}
        assert {n.scope for n in graph(one * other).find("sin")} == {"first", "second"}


def test_inside_a_checkpoint():
    net = Net()
    with tg.scope("outer"):
        g = graph(tg.checkpoint(net.blocks[0])(X))
    assert scopes(g, "checkpoint") == ["outer.blocks.0"] * 2
    # Of a function that only ends with a module, not all is in that module.
    g = graph(tg.checkpoint(lambda x: net.out(np.sin(x)))(tg.Variable(X)))
    assert scopes(g, "checkpoint") == ["", ""]
    loss = tg.checkpoint(net.blocks[0])(X).sum()
    loss.backward()
    assert net.blocks[0].a.weight.grad is not None


def test_the_graph_of_a_gradient():
    x = tg.Variable(2.0)
    with tg.scope("forward"):
        y = x * x * x
    with tg.scope("backward"):
        (g,) = tg.gradients(y, [x], create_graph=True)
    found = graph(g)
    assert {n.scope for n in found.find("multiply")} == {"forward", "backward"}


def test_scopes_leave_nothing_behind():
    def held():
        # By its type: isinstance would ask each object of any library for its class.
        kinds = (Node, scopes_module.Block)
        return sum(issubclass(type(x), kinds) for x in gc.get_objects())

    net = Net()
    loss = net(X).sum()
    with tg.scope("block"):
        loss = loss * 2
    alive = weakref.ref(loss)
    gc.collect()
    gc.disable()
    try:
        graph(loss)
        del loss
        assert alive() is None
        # What a training loop makes goes with each turn.
        turns = []
        for _ in range(5):
            with tg.scope("turn"):
                loss = net(X).sum()
            loss.backward()
            net.zero_grad()
            net.blocks[0].penalty = net.blocks[1].penalty = None
            del loss
            turns.append(held())
    finally:
        gc.enable()
    assert turns == [turns[0]] * 5


@pytest.mark.parametrize("name", ["", None, 3, len, "."])
def test_a_scope_needs_a_name(name):
    with pytest.raises(ArgumentError, match="it needs a name"):
        tg.scope(name)


def test_a_generator_function_cannot_be_decorated():
    def generator():
        yield 1

    with pytest.raises(ArgumentError, match=r"with tg\.scope\('g'\)"):
        tg.scope("g")(generator)
