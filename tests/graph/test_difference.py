"""graph_diff: what corresponds, what does not, in text and in pictures."""

import itertools
import re
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pygraphviz
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import programs

import tinygraph as tg
from tinygraph import Graph, GraphDiff, graph_diff, nn
from tinygraph.errors import ArgumentError
from tinygraph.graph.aligning import common
from tinygraph.render import RenderWarning
from tinygraph.render.comparison import comparison

SVG = "{http://www.w3.org/2000/svg}"


def leaf(name="x", shape=(4,)):
    return tg.Variable(np.ones(shape), name=name)


def branch(positive: bool) -> tg.Tensor:
    """A loss that takes one of two ways."""
    x, W = leaf(), leaf("W", (4, 4))
    h = W @ x
    h = np.maximum(h, 0) * 2 if positive else np.tanh(h)
    return (h * h).sum() / 3


def network(layers: int, rows: int = 8, activation: type = nn.ReLU) -> Graph:
    inner = [layer for _ in range(layers) for layer in (nn.Dense(4, 4), activation())]
    model = nn.Sequential(*inner, nn.Dense(4, 2))
    return tg.graph((model(tg.tensor(np.ones((rows, 4), np.float32))) ** 2).mean())


def chain(length: int, more: tuple[int, ...] = ()) -> Graph:
    x = y = leaf(shape=())
    for i in range(length):
        y = np.sin(y) if i % 2 else y * float(i % 7)
        if i in more:
            y = np.exp(y) + x
    return tg.graph(y)


def operations(nodes) -> list[str]:
    return [node.operation or str(node.value) for node in nodes]


# Laws


@given(programs())
@settings(deadline=None, max_examples=60)
def test_a_graph_does_not_differ_from_itself(outputs):
    g = tg.graph(*outputs)
    diff = graph_diff(g, tg.graph(*outputs))
    assert not diff
    assert diff.pairs == tuple((i, i) for i in range(len(g)))
    assert (diff.added, diff.removed, diff.changed) == ((), (), ())
    assert (diff.added_edges, diff.removed_edges) == ((), ())


@given(programs(), programs())
@settings(deadline=None, max_examples=60)
def test_the_other_way_round_it_is_the_mirror_image(one, other):
    there, back = graph_diff(list(one), list(other)), graph_diff(list(other), list(one))
    assert back.pairs == tuple(sorted((j, i) for i, j in there.pairs))
    assert (back.added, back.removed) == (there.removed, there.added)
    assert (back.added_edges, back.removed_edges) == (there.removed_edges, there.added_edges)
    turned = {(c.after.id, c.before.id): {k: v[::-1] for k, v in c.what.items()}
              for c in there.changed}  # fmt: skip
    assert {(c.before.id, c.after.id): c.what for c in back.changed} == turned
    assert bool(back) == bool(there)


@given(programs(), programs())
@settings(deadline=None, max_examples=60)
def test_every_node_is_in_exactly_one_class(one, other):
    diff = graph_diff(list(one), list(other))
    of_a = [n.id for n in diff.removed] + [c.before.id for c in diff.changed]
    of_b = [n.id for n in diff.added] + [c.after.id for c in diff.changed]
    of_a += [before.id for before, _ in diff.same]
    of_b += [after.id for _, after in diff.same]
    assert sorted(of_a) == list(range(len(diff.a)))
    assert sorted(of_b) == list(range(len(diff.b)))
    for before, after in diff.same:
        assert (before.operation, before.shape, before.dtype, before.params, before.kind) == (
            after.operation, after.shape, after.dtype, after.params, after.kind)  # fmt: skip


@given(programs(), programs(), st.integers(0, 2), st.integers(1, 30))
@settings(deadline=None, max_examples=60)
def test_a_picture_has_every_node_once_and_no_more_boxes_than_allowed(one, other, context, limit):
    diff = graph_diff(list(one), list(other))
    drawn = comparison(diff, context, limit)
    inside = list(itertools.chain(*[part.entries for part in drawn.parts]))
    assert sorted(inside) == list(range(len(drawn.entries)))
    assert len(drawn.entries) == len(diff.a) + len(diff.b) - len(diff.pairs)
    assert len(drawn.parts) <= limit


@given(st.lists(st.integers(0, 3), max_size=12), st.lists(st.integers(0, 3), max_size=12))
def test_common_subsequences_are_longest(one, other):
    found = list(common(one, other))
    assert all(one[i] == other[j] for i, j in found)
    assert all(i < k and j < m for (i, j), (k, m) in itertools.pairwise(found))
    longest = np.zeros((len(one) + 1, len(other) + 1), int)  # by the textbook's recurrence
    for i, j in np.ndindex(len(one), len(other)):
        longest[i + 1, j + 1] = (
            longest[i, j] + 1 if one[i] == other[j] else max(longest[i, j + 1], longest[i + 1, j])
        )
    assert len(found) == longest[-1, -1]


# What is found


def test_a_branch_that_was_taken():
    diff = graph_diff(branch(True), branch(False))
    assert operations(diff.removed) == ["0", "maximum", "2", "multiply"]
    assert operations(diff.added) == ["tanh"]
    assert diff.changed == ()
    assert operations(after for _, after in diff.same) == [
        "None", "None", "matmul", "multiply", "sum", "3", "divide"]  # fmt: skip
    ends = [(diff.b.nodes[e.source].operation, diff.b.nodes[e.target].operation)
            for e in diff.added_edges]  # fmt: skip
    assert ends == [("matmul", "tanh"), ("tanh", "multiply"), ("tanh", "multiply")]


def test_an_operation_in_between():
    x = leaf()
    diff = graph_diff(np.sin(x).sum(), np.exp(np.sin(x)).sum())
    assert operations(diff.added) == ["exp"]
    assert (diff.removed, diff.changed) == ((), ())
    assert len(diff.added_edges) == 2 and len(diff.removed_edges) == 1


def test_other_shapes():
    diff = graph_diff(network(2, rows=8), network(2, rows=16))
    assert (diff.added, diff.removed) == ((), ())
    assert {tuple(c.what) for c in diff.changed} == {("shape",)}
    assert diff.changed[0].what == {"shape": ((8, 4), (16, 4))}
    assert operations(b for b, _ in diff.same if b.kind == "operation") == ["mean"]


def test_a_layer_more():
    diff = graph_diff(network(2), network(3))
    assert diff.removed == ()
    assert operations(n for n in diff.added if n.kind == "operation") == ["relu", "dense"]
    assert {n.name for n in diff.added if n.is_parameter} == {"6.weight", "6.bias"}


def test_another_activation():
    diff = graph_diff(network(3), network(3, activation=nn.Tanh))
    assert operations(diff.removed) == ["relu"] * 3
    assert operations(diff.added) == ["tanh"] * 3
    assert diff.changed == ()


def change_of(one, other):
    diff = graph_diff(one, other)
    assert (diff.added, diff.removed) == ((), ())
    (change,) = diff.changed
    return change.what


def test_changes_are_told():
    x, X = leaf(), leaf("X", (4, 4))
    assert change_of(X.sum(axis=0), X.sum(axis=1)) == {"params": ("axis=0", "axis=1")}
    assert change_of(x * 2, x * 3) == {"value": (2, 3)}
    assert change_of(x[1:3], x[0:2]) == {"params": ("[1:3]", "[0:2]")}
    assert change_of(x - leaf("y"), leaf("y") - x) == {"operands": (("x", "y"), ("y", "x"))}
    assert change_of(np.sin(leaf("p")), np.sin(leaf("q"))) == {"name": ("p", "q")}


def test_a_leaf_that_became_a_constant():
    y = leaf("y")
    diff = graph_diff(leaf() * y, tg.tensor(np.ones(4), name="x") * y)
    kinds = [c.what["kind"] for c in diff.changed if "kind" in c.what]
    assert kinds == [("leaf", "constant")]


def test_another_dtype():
    y = tg.Variable(np.ones(4, np.float32), name="x")
    diff = graph_diff(np.sin(leaf()), np.sin(y))
    assert [c.what for c in diff.changed] == [{"dtype": ("float64", "float32")}] * 2


def test_values_of_tensors_make_no_difference():
    assert not graph_diff(tg.Variable(1.0, name="x") * 2, tg.Variable(5.0, name="x") * 2)


def test_nan_among_numbers_is_equal_to_itself():
    x = leaf()
    assert not graph_diff(x * float("nan"), x * float("nan"))


def test_one_output_more():
    x = leaf()
    y = np.sin(x)
    z = np.cos(y)
    diff = graph_diff(z, [z, y])
    assert [c.what for c in diff.changed] == [{"output": (False, True)}]


def test_a_module_with_another_name():
    def scoped(name):
        with tg.scope(name):
            return np.sin(leaf()).sum()

    diff = graph_diff(scoped("encoder"), scoped("decoder"))
    assert (diff.added, diff.removed) == ((), ())
    assert {str(c.what) for c in diff.changed} == {"{'scope': ('encoder', 'decoder')}"}


def test_parallel_edges():
    x = leaf()
    diff = graph_diff(x * x, x * leaf("y"))
    assert [n.name for n in diff.added] == ["y"]
    assert [e.position for e in diff.removed_edges] == [1]


def test_large_graphs_of_which_little_differs():
    diff = graph_diff(chain(4000), chain(4000, (10, 2000, 3990)))
    assert operations(diff.added) == ["exp", "add"] * 3
    assert (diff.removed, diff.changed) == ((), ())


def test_a_longer_loop():
    diff = graph_diff(chain(300), chain(360))
    assert diff.removed == ()
    assert len(diff.added) == 60 + 30  # and the numbers that it multiplies by
    assert [tuple(c.what) for c in diff.changed] == [("output",)]


def test_deep_graphs_do_not_recur():
    y = leaf(shape=())
    for _ in range(5_000):
        y = np.sin(y)
    assert len(graph_diff(y, np.cos(y)).added) == 1


def test_nothing_in_common():
    diff = graph_diff(np.sin(leaf("x")), np.cos(leaf("y", (2,)) @ leaf("z", (2,))))
    assert all(before.kind == "leaf" for before, _ in diff.same)
    assert operations(diff.removed)[-1:] == ["sin"]


def test_graphs_and_containers_are_taken():
    x = leaf()
    y = np.sin(x)
    assert graph_diff(y, tg.graph(y)) == graph_diff([y], {"y": y})
    assert hash(graph_diff(y, y)) == hash(graph_diff(y, y))
    with pytest.raises(ArgumentError, match="int is not a Tensor"):
        graph_diff(y, 3)


# Words


def test_the_summary():
    assert str(graph_diff(branch(True), branch(False))).splitlines() == [
        "The graphs differ: 4 removed, 1 added, 7 the same",
        "− 3 number 0",
        "− 4 maximum (4,) float64",
        "− 5 number 2",
        "− 6 multiply (4,) float64",
        "+ 3 tanh (4,) float64",
    ]
    assert str(graph_diff(branch(True), branch(True))) == "The graphs are alike: 11 nodes"


def test_the_summary_of_a_change():
    x = leaf()
    (_, line) = str(graph_diff(x.sum(), x.sum(keepdims=True))).splitlines()
    assert line == (
        "~ 1 → 1 sum(keepdims=True) (1,) float64: shape () → (1,), params none → keepdims=True"
    )


def test_a_long_summary_is_cut():
    lines = str(graph_diff(chain(10), chain(100))).splitlines()
    assert len(lines) < 20
    assert lines[-2].startswith("+ … 123 more: 4") and "sin" in lines[-2]


def test_where_it_was_called():
    with tg.record():
        one, other = np.sin(leaf()), np.cos(leaf())
    text = str(graph_diff(one, other))
    assert re.search(r"− 1 sin .* at .*test_difference\.py:\d+", text)


# Pictures


def drawn(diff: GraphDiff, **options) -> ET.Element:
    return ET.fromstring(
        pygraphviz.AGraph(string=diff.to_dot(**options)).draw(format="svg", prog="dot")
    )


def text(element: ET.Element) -> str:
    return " ".join("".join(t.itertext()) for t in element.iter(f"{SVG}text"))


def parts(svg: ET.Element, kind: str) -> list[ET.Element]:
    return [e for e in svg.iter(f"{SVG}g") if e.get("class") == kind]


def lines(element: ET.Element) -> set[tuple[str | None, float]]:
    """How its borders are drawn: dashes, and how thick."""
    shapes = [e for e in element.iter() if e.get("stroke") not in (None, "none")]
    return {(e.get("stroke-dasharray"), float(e.get("stroke-width") or 1)) for e in shapes}


def test_marks_and_lines_tell_without_colours():
    svg = drawn(graph_diff(branch(True), branch(False)))
    by_text = {text(box): lines(box) for box in parts(svg, "node")}
    assert all(width >= 2 for _, width in by_text["+ tanh (4,)"])
    assert all(dashes for dashes, _ in by_text["− max (4,)"])
    assert by_text["@ (4,)"] == {(None, 1.0)}
    assert "− 4 removed: dashed + 1 added: thick 7 the same: thin" in text(svg)


def test_edges_are_drawn_each():
    diff = graph_diff(branch(True), branch(False))
    widths = [max(w for _, w in lines(e)) for e in parts(drawn(diff), "edge")]
    assert len(widths) == len(diff.b.edges) + len(diff.removed_edges)
    assert sum(w > 2 for w in widths) == len(diff.added_edges)


def test_changes_are_drawn():
    x = leaf("X", (4, 4))
    shown = text(drawn(graph_diff(x.sum(axis=0), x.sum(axis=1, keepdims=True))))
    assert "shape: (4,) → (4, 1)" in shown
    assert "params: axis=0 → axis=1, keepdims=True" in shown


def test_large_graphs_are_summed_up():
    diff = graph_diff(chain(4000), chain(4000, (10, 2000, 3990)))
    boxes = [text(box) for box in parts(drawn(diff), "node")]
    assert len(boxes) <= 120
    summed = [box for box in boxes if "nodes the same" in box]
    assert len(summed) == 4
    assert sum("exp" in box for box in boxes) == 3


def test_context_is_how_far_around_is_drawn():
    diff = graph_diff(chain(400), chain(400, (200,)))
    counts = [len(parts(drawn(diff, context=k), "node")) for k in (0, 1, 3)]
    assert counts == sorted(counts) and counts[0] < counts[2]


def test_many_differences_are_summed_up():
    diff = graph_diff(network(100), network(110, 16, nn.Tanh))
    svg = drawn(diff, limit=40)
    boxes = [text(box) for box in parts(svg, "node")]
    assert len(boxes) <= 40
    assert any(re.search(r"\d+ removed, \d+ added, \d+ changed", box) for box in boxes)


def test_scopes_are_frames():
    svg = drawn(graph_diff(network(1), network(1, activation=nn.Tanh)))
    assert [text(frame) for frame in parts(svg, "cluster")] == ["Sequential", "0", "1", "2"]


def test_no_difference_is_drawn_too():
    shown = text(drawn(graph_diff(branch(True), branch(True))))
    assert "alike: 11 nodes" in shown and "max" in shown and "summed up" not in shown


def test_pictures_are_deterministic():
    texts = {graph_diff(network(2), network(3)).to_dot() for _ in range(2)}
    assert len(texts) == 1


@given(st.text("<>&\"'\\{}|;:,$%#[]=-_ aé∇名σ²ᵀ𝛿\n\t", min_size=1, max_size=12))
@settings(deadline=None, max_examples=25)
def test_names_and_scopes_may_be_anything(name):
    def scoped(function):
        with tg.scope(f"s{name}"):
            return function(leaf(f"n{name}"))

    svg = drawn(graph_diff(scoped(np.sin), scoped(np.cos)))
    shown = text(svg)
    assert "sin" in shown and "cos" in shown and "n" in shown


def test_files(tmp_path):
    diff = graph_diff(branch(True), branch(False))
    assert diff.render(tmp_path / "d.png").read_bytes().startswith(b"\x89PNG")
    assert diff.render(tmp_path / "d.dot").read_text("utf-8") == diff.to_dot()
    assert ET.parse(diff.render(tmp_path / "d.svg")).getroot().tag == f"{SVG}svg"
    with pytest.raises(ArgumentError, match=r"\.svg, \.png, \.pdf, \.dot"):
        diff.render(tmp_path / "d.jpg")


@pytest.mark.parametrize(
    "option", [{"theme": "blue"}, {"direction": "RL"}, {"context": -1}, {"limit": 0}]
)
def test_other_options_are_refused(option):
    with pytest.raises(ArgumentError, match=next(iter(option))):
        graph_diff(branch(True), branch(False)).to_dot(**option)


def test_themes_differ_in_colours_only():
    diff = graph_diff(branch(True), branch(False))
    color = re.compile(r'"?(#[0-9A-F]{6}|white)"?')
    light, dark = (color.sub("", diff.to_dot(theme=t)) for t in ("light", "dark"))
    assert light == dark


def test_notebooks_show_the_picture_and_the_summary():
    diff = graph_diff(branch(True), branch(False))
    bundle = diff._repr_mimebundle_()
    assert bundle["text/plain"] == str(diff)
    assert bundle["image/svg+xml"].count("<svg") == 1


def test_without_an_engine_the_text_is_written(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    diff = graph_diff(branch(True), branch(False))
    with pytest.warns(RenderWarning) as caught:
        path = diff.render(tmp_path / "d.svg")
    assert caught[0].filename == __file__
    assert path.read_text("utf-8") == diff.to_dot()
    assert "pip install" in diff._repr_mimebundle_()["text/plain"]
