"""Graphs as dicts and as JSON, and back."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from programs import programs

import tinygraph as tg
from tinygraph import Graph, graph, nn
from tinygraph.errors import ArgumentError


def round_trip(g: Graph, **options) -> Graph:
    text = g.to_json(**options)
    json.loads(text, parse_constant=pytest.fail)  # no NaN, no Infinity
    again = Graph.from_dict(json.loads(text))
    assert again == g
    assert again.to_json(**options) == text
    assert again.edges == g.edges and again.nodes == g.nodes
    return again


@given(programs(), st.booleans())
def test_any_program_makes_a_round_trip(outputs, backward):
    if backward and outputs[0].node is not None:
        outputs[0].sum().backward()
    round_trip(graph(*outputs))


def test_scopes_records_and_sites():
    model = nn.Sequential(nn.Dense(3, 4, "tanh"), nn.Dense(4, 2))
    with tg.record(values=True):
        loss = nn.softmax_cross_entropy(model(np.ones((5, 3), np.float32)), np.zeros(5, int))
        loss.backward()
    g = graph(loss, names=locals())
    again = round_trip(g)
    assert again.nodes[-1].recorded.values is None
    assert again.scopes == g.scopes and again.find("dense")[0].site == g.find("dense")[0].site
    whole = round_trip(g, values=True)
    for node, other in zip(whole.nodes, g.nodes, strict=True):
        for name in ("values", "gradient"):
            mine, its = getattr(node.recorded, name), getattr(other.recorded, name)
            assert (mine is None) == (its is None)
            if its is not None:
                np.testing.assert_array_equal(mine, its)
                assert mine.dtype == its.dtype


@pytest.mark.parametrize(
    "value", [np.inf, -np.inf, 3 + 4j, complex(1, np.inf), -0.0, 1e308, 1e-310]
)
def test_numbers_that_json_lacks(value):
    with tg.record(values=True):
        y = np.negative(-tg.Variable(value))
    assert round_trip(graph(y), values=True).nodes[-1].value == value


def test_nan():
    g = graph(tg.Variable(np.nan) * 1)
    again = Graph.from_dict(json.loads(g.to_json()))
    assert np.isnan(again.nodes[0].value)
    assert again == g


@given(st.text(min_size=1))
def test_any_name(name):
    x = tg.Variable([1.0, 2.0], name=name)
    g = graph((x * x).sum(), names={name + "'s sum": x})
    round_trip(g)


def test_the_schema():
    """What docs/graph_schema.md says of a node that has little, and of one that has much."""
    w = tg.Variable(3.0, name="w")
    with tg.scope("square"):
        J = w * w
    J.backward()
    assert graph(J).to_dict() == {
        "schema": "tinygraph.graph",
        "version": 1,
        "nodes": [
            {"id": 0, "kind": "leaf", "label": "w", "name": "w", "shape": [], "dtype": "float64",
             "value": 3.0, "gradient": 6.0, "gradient_norm": 6.0},
            {"id": 1, "kind": "operation", "operation": "multiply", "label": "×", "shape": [],
             "dtype": "float64", "scope": "square", "scope_id": 0, "value": 9.0, "gradient": 1.0,
             "gradient_norm": 1.0, "flops": 1, "bytes_moved": 24},
        ],
        "edges": [
            {"source": 0, "target": 1, "position": 0, "operand": "a"},
            {"source": 0, "target": 1, "position": 1, "operand": "b"},
        ],
        "outputs": [1],
        "scopes": [
            {"id": 0, "path": "square", "name": "square", "parent": None, "kind": None, "call": 0}
        ],
        "totals": {"flops": 1, "bytes_moved": 24, "bytes_kept": 0},
    }  # fmt: skip


def test_into_a_file(tmp_path):
    g = graph(tg.Variable(1.0, name="ω «x»") * 2)
    text = g.to_json(tmp_path / "g.json")
    assert (tmp_path / "g.json").read_text("utf-8") == text and "ω «x»" in text


@pytest.mark.parametrize(
    "given, said",
    [
        ("{}", "str came; it needs the dict"),
        ({}, "dict came; it needs the dict of graph.to_dict()"),
        ({"schema": "tinygraph.graph", "version": 99}, "version 99 of the schema"),
    ],
)
def test_what_is_no_graph(given, said):
    with pytest.raises(ArgumentError) as caught:
        Graph.from_dict(given)
    assert said in str(caught.value)


def test_networkx_keeps_parallel_edges():
    w = tg.Variable(3.0, name="w")
    other = graph(w * w).to_networkx()
    assert other.number_of_edges(0, 1) == 2
    assert [d["operand"] for _, _, d in sorted(other.edges(data=True), key=str)] == ["a", "b"]
    assert other.nodes[0]["name"] == "w" and other.nodes[1]["is_output"]
    assert other.graph["outputs"] == (1,)


def test_without_networkx(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "networkx", None)
    with pytest.raises(ImportError, match=r'pip install "tinygraph-autodiff\[networkx\]"'):
        graph(tg.Variable(1.0) * 2).to_networkx()
