"""What is drawn of a graph: every node once, every edge counted, repeated parts folded."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygraph as tg
from tinygraph import Graph, graph, nn
from tinygraph.errors import ArgumentError, GraphSizeError
from tinygraph.render.outline import Box, Outline
from tinygraph.render.outlining import READABLE, outline

BINARY = (np.add, np.multiply, np.subtract, np.maximum)


def conserved(g: Graph, drawn: Outline) -> None:
    """Each node is drawn once, or inside one box, or hidden; each edge is counted once."""
    nodes = [i for box in drawn.boxes for i in (*box.nodes, *box.held)]
    assert sorted([*nodes, *drawn.hidden]) == list(range(len(g)))
    edges = sum(link.count for link in drawn.links) + sum(box.inside for box in drawn.boxes)
    assert edges + drawn.hidden_edges == len(g.edges)
    for i, group in enumerate(drawn.groups):
        assert group.parent is None or group.parent < i
    for box in drawn.boxes:
        if box.kind != "node" or g.nodes[box.nodes[0]].kind == "operation":
            assert len(box.nodes) % box.copies == 0
            around = 1 if box.group is None else drawn.groups[box.group].copies
            assert box.copies == around * box.times
    assert len({box.key for box in drawn.boxes}) == len(drawn.boxes)


def links(drawn: Outline) -> set[tuple[int, int]]:
    return {(link.source, link.target) for link in drawn.links}


def operations(g: Graph, drawn: Outline) -> list[Box]:
    return [b for b in drawn.boxes if g.nodes[b.nodes[0]].kind == "operation"]


def chain(length: int) -> Graph:
    y = tg.Variable(1.0)
    for _ in range(length):
        y = tg.negative(y)
    return graph(y)


def cell(x, h, c, W, U):
    """An LSTM cell (Hochreiter & Schmidhuber 1997), written out."""
    i, f, g, o = (x @ W[k] + h @ U[k] for k in range(4))
    c = tg.sigmoid(f) * c + tg.sigmoid(i) * np.tanh(g)
    return tg.sigmoid(o) * np.tanh(c), c


CELL = 4 * 3 + 3 + 3 + 3  # operations: gates; σ, σ and tanh; ×, × and +; σ, tanh and ×


def lstm(steps: int, scoped: bool = False) -> Graph:
    rng = np.random.default_rng(0)
    W = [tg.Variable(rng.normal(size=(3, 2)), name=f"W{k}") for k in range(4)]
    U = [tg.Variable(rng.normal(size=(2, 2)), name=f"U{k}") for k in range(4)]
    h = c = np.zeros((5, 2))
    step = tg.scope("cell")(cell) if scoped else cell
    outputs = []
    for _ in range(steps):
        h, c = step(rng.normal(size=(5, 3)), h, c, W, U)
        outputs.append(h)
    return graph(tg.stack(outputs).sum())


class Block(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.norm = nn.LayerNorm(size)
        self.up = nn.Dense(size, 2 * size)
        self.down = nn.Dense(2 * size, size)

    def forward(self, x):
        return x + self.down(tg.relu(self.up(self.norm(x))))


def blocks(count: int) -> Graph:
    model = nn.Sequential(*[Block(4) for _ in range(count)], nn.Dense(4, 2))
    return graph(model(tg.tensor(np.ones((3, 4), np.float32))).sum())


@st.composite
def graphs(draw) -> Graph:
    """Programs of scalars: leaves, constants, shared values, scopes, loops, several outputs."""
    values = [tg.Variable(float(i), name=f"v{i}") for i in range(draw(st.integers(1, 3)))]
    for _ in range(draw(st.integers(1, 5))):
        body = draw(
            st.lists(st.tuples(st.sampled_from(BINARY), st.integers(1, 6), st.integers(0, 6)),
                     min_size=1, max_size=6)
        )  # fmt: skip
        scoped = draw(st.booleans())
        for _ in range(draw(st.sampled_from([1, 1, 2, 3, 7, 30]))):
            before = len(values)

            def turn(body=body, before=before):
                for function, one, other in body:
                    a = values[-min(one, len(values))]
                    b = 2.0 if other == 0 else values[-min(other, len(values))]
                    values.append(np.clip(function(a, b), -1e6, 1e6))
                return values[before:]

            tg.scope("turn")(turn)() if scoped else turn()
    outputs = draw(st.lists(st.sampled_from(values), min_size=1, max_size=3))
    return graph(*outputs)


@settings(deadline=None)
@given(
    graphs(),
    st.sampled_from([None, 0, 1, 2, "all"]),
    st.booleans(),
    st.one_of(st.none(), st.integers(1, 60)),
)
def test_every_node_is_drawn_once_and_every_edge_counted(g, depth, constants, limit):
    limit = 10_000 if depth == "all" else limit
    drawn = outline(g, depth=depth, constants=constants, limit=limit)
    conserved(g, drawn)
    assert drawn == outline(g, depth=depth, constants=constants, limit=limit)
    assert bool(drawn.hidden) == (not constants and bool(g.constants))
    if depth == "all":
        assert len(drawn.boxes) == len(g) - len(drawn.hidden)
        assert not any(box.is_closed for box in drawn.boxes)


@settings(deadline=None)
@given(graphs())
def test_the_default_can_be_read(g):
    assert len(outline(g).boxes) <= READABLE


@settings(deadline=None, max_examples=30)
@given(graphs())
def test_what_is_folded_is_alike(g):
    for box in outline(g, limit=20).boxes:
        if box.kind == "node":
            alike = {(n.operation, n.shape, n.dtype, n.kind, len(n.operands))
                     for n in (g.nodes[i] for i in box.nodes)}  # fmt: skip
            assert len(alike) == 1 or g.nodes[box.nodes[0]].kind != "operation"


# Small graphs


def test_a_small_graph_is_drawn_as_it_is():
    w = tg.Variable(3.0, name="w")
    g = graph(w * w + 2)
    drawn = outline(g)
    assert [box.nodes for box in drawn.boxes] == [(i,) for i in range(4)]
    assert [(k.source, k.target, k.position) for k in drawn.links] == [
        (0, 1, 0), (0, 1, 1), (1, 3, 0), (2, 3, 1)
    ]  # fmt: skip
    assert drawn.is_whole


def test_hidden_constants_take_their_edges_with_them():
    w = tg.Variable(3.0, name="w")
    drawn = outline(graph(w * 2 + 1), constants=False)
    assert len(drawn.boxes) == 3
    assert len(drawn.hidden) == drawn.hidden_edges == 2


def test_a_leaf_alone():
    drawn = outline(graph(tg.Variable(1.0)))
    assert [box.nodes for box in drawn.boxes] == [(0,)]


def test_a_leaf_that_is_an_output_has_its_box():
    xs = [tg.Variable(float(i)) for i in range(300)]
    total = tg.stack(xs).sum()
    g = graph(total, xs[7])
    drawn = outline(g)
    conserved(g, drawn)
    (box,) = (b for b in drawn.boxes if g.outputs[1] in b.nodes)
    assert len(box.nodes) == 1


# Depth


def test_depths_of_a_model():
    g = blocks(3)
    whole, outer, inner = (outline(g, depth=d) for d in (0, 1, 2))
    (box,) = whole.boxes
    assert box.kind == "whole" and len(box.held) == len(g) - len(box.nodes)
    assert [b.kind for b in operations(g, outer)] == ["scope", "node"]
    assert [g.scopes[b.scopes[0]].kind for b in operations(g, outer)[:1]] == ["Sequential"]
    closed = [b for b in inner.boxes if b.kind == "scope"]
    assert [(g.scopes[b.scopes[0]].kind, b.times) for b in closed] == [("Block", 3), ("Dense", 1)]
    assert [group.kind for group in inner.groups] == ["scope"]


def test_parameters_are_held_by_the_module_that_is_closed():
    g = blocks(3)
    (sequential,) = (b for b in outline(g, depth=1).boxes if b.kind == "scope")
    assert set(g.parameters) <= set(sequential.held)


@pytest.mark.parametrize("depth", [-1, 1.0, True, "full", [1]])
def test_other_depths_are_refused(depth):
    with pytest.raises(ArgumentError, match='it is a count of scopes, 0 and up, "all"'):
        outline(chain(2), depth=depth)


@pytest.mark.parametrize("limit", [0, -3, 2.5, True, "many"])
def test_other_limits_are_refused(limit):
    with pytest.raises(ArgumentError, match="the most boxes"):
        outline(chain(2), limit=limit)


def test_all_of_a_large_graph_only_on_request():
    g = chain(1200)
    with pytest.raises(GraphSizeError, match=r"1,201 nodes.*limit=1201"):
        outline(g, depth="all")
    assert len(outline(g, depth="all", limit=1201).boxes) == 1201


# Repeated blocks


def test_twelve_blocks_are_drawn_once():
    g = blocks(40)
    drawn = outline(g)
    conserved(g, drawn)
    (group,) = (x for x in drawn.groups if x.times > 1)
    assert (group.kind, group.times, len(group.scopes)) == ("scope", 40, 40)
    assert {g.scopes[i].kind for i in group.scopes} == {"Block"}
    inside = [b for b in operations(g, drawn) if b.group == drawn.groups.index(group)]
    assert {b.copies for b in inside} == {40}
    # norm, up, relu, down and +
    assert len(inside) == 5
    # The block's result goes to the norm and the sum of the next one.
    carried = [link for link in drawn.links if link.carried]
    assert [link.count for link in carried] == [39, 39]


def test_blocks_side_by_side_are_drawn_once():
    x = tg.Variable(np.ones((2, 3)), name="x")
    heads = [nn.Sequential(nn.Dense(3, 3), nn.Tanh(), nn.Dense(3, 1)) for _ in range(50)]
    g = graph(tg.concatenate([head(x) for head in heads], axis=1).sum())
    drawn = outline(g)
    conserved(g, drawn)
    repeated = [x for x in (*drawn.groups, *drawn.boxes) if x.times == 50]
    assert any(x.scopes for x in repeated)
    assert not any(link.carried for link in drawn.links)


def test_blocks_of_other_sizes_are_not_folded():
    sizes = [3, 4, 5, 6, 7, 8]
    layers = [nn.Dense(a, b) for a, b in pairwise(sizes)]
    g = graph(nn.Sequential(*layers)(np.ones((2, 3), np.float32)).sum())
    drawn = outline(g, depth=2)
    assert all(box.times == 1 for box in drawn.boxes)


def test_blocks_wired_otherwise_are_not_folded():
    # Each uses what an ever further one made.
    values = [tg.Variable(1.0)]
    for i in range(100):
        values.append(values[-1] * values[i // 3])
    g = graph(values[-1])
    drawn = outline(g, limit=30)
    conserved(g, drawn)
    assert not drawn.groups
    assert all(box.times <= 3 for box in drawn.boxes)


# Loops


@pytest.mark.parametrize("scoped", [False, True])
def test_fifty_steps_are_drawn_once(scoped):
    g = lstm(50, scoped)
    drawn = outline(g)
    conserved(g, drawn)
    (group,) = drawn.groups
    assert group.times == 50
    assert group.kind == ("scope" if scoped else "loop")
    body = [b for b in operations(g, drawn) if b.group == 0]
    assert len(body) == CELL
    assert all(len(box.nodes) == 50 for box in body)
    # h to four gates, c to one product
    assert [link.count for link in drawn.links if link.carried] == [49] * 5
    # the inputs x, one for each step, in one box for each gate
    stacks = [b for b in drawn.boxes if g.nodes[b.nodes[0]].kind == "constant" and b.copies == 50]
    assert len(stacks) == 4
    assert all(box.group == 0 for box in stacks)
    # weights are shared by all steps: outside
    assert all(box.group is None for box in drawn.boxes if box.nodes[0] in g.inputs)


@pytest.mark.parametrize(("layer", "turns"), [(nn.RNN, 80), (nn.GRU, 80), (nn.LSTM, 79)])
def test_recurrent_layers_whose_inputs_are_split_first(layer, turns):
    """All 80 pieces of the input are made before the first step. (An LSTM ends with a half one.)"""
    outputs, _ = layer(3, 4)(np.zeros((2, 80, 3), np.float32))
    g = graph((outputs**2).mean())
    drawn = outline(g)
    conserved(g, drawn)
    (loop,) = [group for group in drawn.groups if group.kind == "loop"]
    assert loop.times == turns
    assert len(drawn.boxes) < 25


def test_pieces_that_are_each_something_else_are_told_apart():
    """Of two outputs, now the first goes on and now the second: no loop."""
    A, x = np.array([[2.0, 1.0], [1.0, 3.0]]), tg.Variable(np.eye(2))
    for i in range(60):
        q, r = np.linalg.qr(x + A)
        x = q if i % 3 == 1 else r
    drawn = outline(graph(x.sum()))
    assert all(group.times < 60 for group in drawn.groups)


def test_the_first_step_may_begin_otherwise():
    w = tg.Variable(0.5, name="w")
    h = tg.Variable(1.0, name="h")
    for _ in range(100):
        h = np.tanh(h * w + 0.1)
    g = graph(h)
    (group,) = outline(g).groups
    assert group.times == 100


def test_a_loop_in_a_loop():
    x = tg.Variable(1.0)
    for _ in range(20):
        for _ in range(30):
            x = np.tanh(x * 0.9)
        x = x + 1.0
    g = graph(x)
    drawn = outline(g, limit=20)
    conserved(g, drawn)
    outer, inner = drawn.groups
    assert (outer.times, outer.copies, outer.parent) == (20, 20, None)
    assert (inner.times, inner.copies, inner.parent) == (30, 600, 0)
    # From turn to turn of the inner loop 29 × 20 times, of the outer one 19.
    assert sorted(link.count for link in drawn.links if link.carried) == [19, 580]


def test_turns_are_cut_where_little_is_passed_on():
    x = tg.Variable(1.0)
    b = x * 0.25
    y = np.tanh(b * b)  # as what each turn ends with
    for _ in range(100):
        a, b = y * 0.5, y * 0.25
        y = np.tanh(a * b)
    drawn = outline(graph(y))
    (group,) = drawn.groups
    assert group.times == 100
    # y, or the product that it is made of; but not y and a, nor a and b
    assert len({link.source for link in drawn.links if link.carried}) == 1


def test_indices_may_differ_from_turn_to_turn():
    x = tg.Variable(np.ones((60, 2)), name="x")
    total = 0.0
    for i in range(60):
        total = total + np.tanh(x[i] * 2.0).sum()
    (group,) = outline(graph(total)).groups
    assert group.times in (59, 60)


# Size


@pytest.mark.parametrize("length", [121, 100_000])
def test_a_chain_of_equal_operations_is_one_box(length):
    g = chain(length)
    drawn = outline(g)
    conserved(g, drawn)
    _, rest = drawn.boxes
    assert rest.times == length
    assert [(k.source, k.target, k.count, k.carried) for k in drawn.links] == [
        (0, 1, 1, False), (1, 1, length - 1, True)
    ]  # fmt: skip


def unrelated(count: int) -> Graph:
    rng = np.random.default_rng(1)
    values = [tg.Variable(1.0, name=f"x{i}") for i in range(5)]
    for _ in range(count):
        one, other = rng.integers(1, 30, 2)
        function = (np.arctan2, np.maximum, np.minimum)[rng.integers(3)]
        values.append(function(values[-min(one, len(values))], values[-min(other, len(values))]))
    return graph(values[-1])


@pytest.mark.parametrize("count", [400, 100_000])
def test_what_does_not_repeat_is_abridged(count):
    g = unrelated(count)
    drawn = outline(g)
    conserved(g, drawn)
    assert len(drawn.boxes) <= READABLE
    parts = [box for box in drawn.boxes if box.kind == "part"]
    assert 1 <= len(parts) <= 10
    output = drawn.boxes[drawn.home[g.outputs[0]]]
    assert output.kind == "node"
    assert all(drawn.boxes[drawn.home[e.source]].kind == "node"
               for e in g.nodes[g.outputs[0]].operands)  # fmt: skip


def test_long_chains_are_shortened():
    functions = [np.tanh, np.sin, np.exp, np.cos, np.negative, tg.sigmoid]
    rng = np.random.default_rng(2)
    y = x = tg.Variable(np.ones(2), name="x")
    for k in rng.integers(0, 6, 300):
        y = functions[k](y)
    g = graph((y * x).sum())
    drawn = outline(g)
    conserved(g, drawn)
    chains = [box for box in drawn.boxes if box.kind == "chain"]
    assert sum(len(box.nodes) for box in chains) > 250


def test_many_leaves_share_boxes():
    xs = [tg.Variable(float(i)) for i in range(5000)]
    g = graph(tg.stack(xs).sum())
    drawn = outline(g)
    conserved(g, drawn)
    assert len(drawn.boxes) == 3
    assert drawn.links[0].count == 5000


def test_an_open_scope_that_is_long_is_abridged_in_itself():
    model = nn.Sequential(*[nn.Dense(k, k + 1) for k in range(1, 200)])
    g = graph(model(np.ones((1, 1), np.float32)).sum())
    drawn = outline(g)
    conserved(g, drawn)
    assert len(drawn.boxes) <= READABLE
    (long,) = (box for box in drawn.boxes if box.kind == "chain")
    assert len(long.nodes) == 195 and drawn.groups[long.group].scopes == (0,)
