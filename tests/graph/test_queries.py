"""Asking a graph: find, upstream, downstream, parts, names."""

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from programs import programs

import tinygraph as tg
from tinygraph import graph, nn
from tinygraph.errors import ArgumentError

X = np.ones((4, 3), np.float32)


def model():
    return nn.Sequential(nn.Dense(3, 5, "tanh"), nn.Sequential(nn.Dense(5, 5), nn.Dense(5, 2)))


def ids(nodes):
    return [node.id for node in nodes]


def test_find_by_operation_label_and_name():
    w = tg.Variable(np.ones((2, 2)), name="w[0]")
    g = graph((w @ w).sum())
    assert ids(g.find("matmul")) == ids(g.find("@")) == ids(g.find("mat*")) == [1]
    assert ids(g.find("w[0]")) == ids(g.find("w[*")) == [0]
    assert g.find("nothing") == ()
    assert g.find("sum")[0] == g.nodes[2]
    assert ids(g.find()) == [0, 1, 2]


def test_find_one_of_several_outputs():
    x = tg.Variable([1.0, 2.0])
    g = graph(tg.stack(tg.split(x, 2)))
    assert [n.operation for n in g.find("split")] == ["split", "split[0]", "split[1]"]
    assert [n.label for n in g.find("[0]")] == ["[0]"]


def test_find_in_scopes():
    g = graph(model()(X))
    inner = [n.name for n in g.find("*.weight", scope="1")]
    assert inner == ["1.0.weight", "1.1.weight"]
    assert g.find("dense", scope="Sequential.1.1") == g.find("dense", scope="1.1")
    assert len(g.find("dense", scope="1.*")) == 2
    assert g.find(scope="elsewhere") == ()


@pytest.mark.parametrize("arguments", [{"pattern": 3}, {"scope": ("a", "b")}])
def test_what_cannot_be_looked_for(arguments):
    with pytest.raises(ArgumentError, match="it needs a string"):
        graph(tg.Variable(1.0) * 2).find(**arguments)


@given(programs())
def test_ways_are_those_that_networkx_finds(outputs):
    g = graph(*outputs)
    other = g.to_networkx()
    assert networkx.is_directed_acyclic_graph(other)
    assert other.number_of_edges() == len(g.edges)
    for node in g.nodes:
        assert ids(g.upstream(node)) == sorted(networkx.ancestors(other, node.id))
        assert ids(g.downstream(node)) == sorted(networkx.descendants(other, node.id))
        assert [e.source for e in node.operands] == [
            e.source for e in g.edges if e.target == node.id
        ]
        assert [e.target for e in node.uses] == [e.target for e in g.edges if e.source == node.id]


@given(programs(), st.data())
def test_a_part_between_two_nodes(outputs, data):
    g = graph(*outputs)
    other = g.to_networkx()
    target = data.draw(st.integers(0, len(g) - 1))
    source = data.draw(st.sampled_from([target, *sorted(networkx.ancestors(other, target))]))
    part = g.subgraph(between=(source, target))
    between = {source} | networkx.descendants(other, source)
    between &= {target} | networkx.ancestors(other, target)
    expected = other.subgraph(between)
    assert len(part) == len(between)
    mapping = dict(enumerate(sorted(between)))
    found = {(mapping[e.source], mapping[e.target], e.operand) for e in part.edges}
    assert found == {(a, b, d["operand"]) for a, b, d in expected.edges(data=True)}
    assert part.nodes[0].shape == g.nodes[source].shape
    assert [e.position for n in part.nodes for e in n.operands] == [
        k for n in part.nodes for k in range(len(n.operands))
    ]


def test_ends_by_tensor_name_and_node():
    x, y = tg.Variable(1.0, name="x"), tg.Variable(2.0, name="y")
    u = x * 2
    J = np.sin(u) + y
    g = graph(J)
    parts = [
        g.subgraph(between=ends)
        for ends in ((x, J), ("x", J), (g.nodes[0], "add"), (0, len(g) - 1), ([x, u], [J]))
    ]
    assert len({part.columns.kinds for part in parts}) == 1
    assert [n.label for n in parts[0].nodes] == ["x", "×", "sin", "+"]
    assert parts[0].outputs == (3,)


def test_a_part_by_scope_has_what_it_uses():
    g = graph(nn.mean_squared_error(model()(X), np.zeros((4, 2), np.float32)))
    part = g.subgraph(scope="1")
    assert [n.operation for n in part.nodes if n.kind == "operation"] == ["dense", "dense"]
    assert len(part.parameters) == 4
    assert [part.nodes[i].operation for i in part.outputs] == ["dense"]
    assert [s.path for s in part.scopes] == [
        "Sequential", "Sequential.1", "Sequential.1.0", "Sequential.1.1"
    ]  # fmt: skip
    # What it was computed from is left out, with its edge.
    assert [e.operand for e in part.find("dense")[0].operands] == ["weight", "bias"]
    assert part == g.subgraph(nodes=ids(g.find(scope="1")))


def test_mistakes_get_words():
    x, other = tg.Variable(1.0, name="x"), tg.Variable(2.0, name="other")
    J = x * x + x * 3
    g = graph(J)
    for call, said in [
        (lambda: g.subgraph(), "one of between="),
        (lambda: g.subgraph(between=(x, J), scope="a"), "between and scope came"),
        (lambda: g.subgraph(between=x), "two ends"),
        (lambda: g.subgraph(between=(J, x)), "other way round"),
        (lambda: g.subgraph(scope="a"), "scopes here: none"),
        (lambda: g.subgraph(between=(x, "dense")), "operations here: multiply, add"),
        (lambda: g.upstream(other), "tensor 'other' of shape () is not part of this graph"),
        (lambda: g.upstream("multiply"), "2 nodes have 'multiply'"),
        (lambda: g.upstream(99), "no node has the id 99"),
        (lambda: g.upstream(None), "NoneType stands for no node"),
        (lambda: g.summary("kind"), "it is 'operation' or 'scope'"),
        (lambda: g.nodes[99], "no 99"),
    ]:
        with pytest.raises((ArgumentError, IndexError)) as caught:
            call()
        assert said in str(caught.value)


def test_parts_of_a_long_chain():
    y = x = tg.Variable(1.0, name="x")
    for _ in range(100_000):
        y = -y
    g = graph(y)
    assert len(g.upstream(y)) == 100_000
    assert len(g.subgraph(between=(x, y))) == 100_001
    assert g.counts == {"negative": 100_000}
    assert g.summary().total.flops == 100_000


# Names


def test_names_of_the_user_s_own():
    x, hidden = tg.Variable(np.ones((2, 2))), [tg.Variable(1.0), tg.Variable(2.0)]
    data = np.full((3, 2), 2.0)
    y = data @ x
    J = (y * hidden[0]).sum() * hidden[1]
    g = graph(J, names=locals())
    names = {n.name for n in g.nodes}
    assert names == {"x", "data", "y", "hidden[0]", "hidden[1]", "J", None}
    assert x.name is None and J.name is None


def test_a_name_for_one_graph_wins_over_the_tensor_s():
    x = tg.Variable(1.0, name="x")
    assert graph(x * x, names={"input": x}).nodes[0].name == "input"
    assert graph(x * x).nodes[0].name == "x"


def test_names_need_a_dict():
    x = tg.Variable(1.0)
    with pytest.raises(ArgumentError, match="names is list; it needs a dict"):
        graph(x * x, names=["x"])


@given(st.text())
def test_any_text_may_be_a_name(name):
    x = tg.Variable(1.0, name=name)
    with tg.scope(f"s{name}"):
        y = x * x
    g = graph(y)
    assert g.nodes[0].name == (name or None)
    assert g.nodes[1].scope == f"s{name}"
    assert len(str(g.summary("scope")).splitlines()) == 5
    assert [n.id for n in g.find(scope=f"s{name}")] == [1]


# Outputs


def test_outputs_in_containers():
    x = tg.Variable(1.0)
    u, v = np.sin(x), np.cos(x)
    assert graph({"u": u, "rest": [v]}).outputs == graph(u, v).outputs
    with pytest.raises(ArgumentError, match=r"outputs\[0\]\['b'\] is int is not a Tensor"):
        graph({"a": u, "b": 3})


def test_disconnected_outputs():
    x, y = tg.Variable(1.0, name="x"), tg.Variable(2.0, name="y")
    g = graph(x * x, np.sin(y))
    assert len(g.outputs) == 2 and len(g) == 4
    assert g.upstream(g.outputs[0]) == (g.nodes[0],)


@given(programs())
def test_ids_do_not_hang_on_when_the_program_ran(outputs):
    g = graph(*outputs)
    assert [node.id for node in g.nodes] == list(range(len(g)))
    assert all(edge.source < edge.target for edge in g.edges)
    assert g == graph(*outputs) and hash(g) == hash(graph(*outputs))
    assert graph(*reversed(outputs)).columns.kinds == g.columns.kinds
