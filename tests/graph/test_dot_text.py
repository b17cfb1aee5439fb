"""The picture as DOT text: what stands on it, and that Graphviz reads it as it is meant."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pygraphviz
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import tinygraph as tg
from tinygraph import Graph, graph
from tinygraph.errors import ArgumentError, GraphSizeError
from tinygraph.render.words import clean, short

SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}"


def parsed(g: Graph, **options) -> pygraphviz.AGraph:
    return pygraphviz.AGraph(string=g.to_dot(**options))


def drawn(g: Graph, **options) -> ET.Element:
    return ET.fromstring(parsed(g, **options).draw(format="svg", prog="dot"))


def groups(svg: ET.Element, kind: str) -> dict[str, ET.Element]:
    """The drawn nodes, or edges, by their titles."""
    return {e.find(f"{SVG}title").text: e for e in svg.iter(f"{SVG}g") if e.get("class") == kind}


def words(svg: ET.Element, node: int) -> str:
    """The text in the box of a node."""
    texts = groups(svg, "node")[f"n{node}"].iter(f"{SVG}text")
    return " ".join(" ".join(t.text for t in texts).split())


def place(drawing: ET.Element) -> np.ndarray:
    """The middle of a node's first outline, or of an edge's arrow head: x, then y downward."""
    outline = next(e for e in drawing.iter() if e.tag in (f"{SVG}polygon", f"{SVG}path") and
                   (e.tag.endswith("polygon") or drawing.get("class") == "node"))  # fmt: skip
    numbers = re.findall(r"-?[\d.]+", outline.get("points") or outline.get("d"))
    return np.array(numbers, float).reshape(-1, 2).mean(0)


def only(g: Graph, name: str) -> int:
    (i,) = (node.id for node in g.nodes if node.name == name)
    return i


def course():
    a, b, c = (tg.Variable(x, name=n) for x, n in ((5, "a"), (3, "b"), (2, "c")))
    u = b * c
    u.name = "u"
    v = a + u
    v.name = "v"
    J = 3 * v
    J.name = "J"
    return J


def test_the_lecture_graph():
    J = course()
    J.backward()
    g = graph(J)
    svg = drawn(g)
    expected = {
        "a": "a 5 grad 3", "b": "b 3 grad 6", "c": "c 2 grad 9",
        "u": "u = × 6 grad 3", "v": "v = + 11 grad 3", "J": "J = × 33 grad 1",
    }  # fmt: skip
    assert {name: words(svg, only(g, name)) for name in expected} == expected
    (three,) = (node.id for node in g.nodes if node.kind == "constant")
    assert words(svg, three) == "3"


def test_the_same_program_gives_the_same_text():
    first = graph(course()).to_dot()
    [tg.Variable(1.0) * 2.0 for _ in range(5)]
    assert graph(course()).to_dot() == first
    assert " 0x" not in first


def test_not_computed_does_not_look_like_zero():
    w = tg.Variable(2.0)
    y = w * 0
    assert words(drawn(graph(y)), 0) == "2 grad not computed"
    y.backward()
    assert words(drawn(graph(y)), 0) == "2 grad 0"


def test_parallel_edges_are_both_drawn():
    w = tg.Variable(3.0)
    g = graph(w * w)
    assert len(parsed(g).edges()) == 2
    edges = [e for e in drawn(g).iter(f"{SVG}g") if e.get("class") == "edge"]
    assert len({tuple(place(edge)) for edge in edges}) == 2


@pytest.mark.parametrize("direction, axis", [("LR", 1), ("TB", 0)])
def test_operands_enter_in_order(direction, axis):
    # The second operand is the older one: their order is not just that of creation.
    b, a = tg.Variable(1.0, name="b"), tg.Variable(2.0, name="a")
    g = graph(tg.divide(a, b))
    edges = groups(drawn(g, direction=direction), "edge")
    tips = {title.split("->")[0]: place(edge)[axis] for title, edge in edges.items()}
    assert tips[f"n{only(g, 'a')}"] < tips[f"n{only(g, 'b')}"]


@pytest.mark.parametrize("direction, axis", [("LR", 0), ("TB", 1)])
def test_direction(direction, axis):
    g = graph(course())
    nodes = groups(drawn(g, direction=direction), "node")
    assert all(
        place(nodes[f"n{e.source}"])[axis] < place(nodes[f"n{e.target}"])[axis] for e in g.edges
    )


def test_another_direction_is_refused():
    with pytest.raises(ArgumentError, match="'LR', left to right, or 'TB', top to bottom"):
        graph(course()).to_dot(direction="RL")


def test_kinds_differ_in_shape_not_only_in_hue():
    X = tg.tensor(np.ones((2, 2)), name="X")
    w = tg.Variable(np.ones((2, 2)), name="w")
    h = X @ w
    h.name = "h"
    J = (h * 2).sum()
    g = graph(J)
    dot = parsed(g)

    def shape(i):
        attributes = dot.get_node(f"n{i}").attr
        return attributes["style"], attributes["peripheries"], attributes["penwidth"]

    two = next(node.id for node in g.nodes if node.value == 2)
    looks = [shape(i) for i in (only(g, "X"), only(g, "w"), only(g, "h"), two, g.outputs[0])]
    assert len(set(looks)) == 5


def test_arrays_show_shape_and_norm():
    x = tg.Variable(np.ones((2, 1)), name="x")
    J = (x * np.array([[3.0], [4.0]])).sum()
    J.backward()
    svg = drawn(graph(J))
    assert words(svg, 0) == "x (2, 1) ‖grad‖ 5"
    assert words(svg, 1) == "(2, 1)"
    assert words(svg, 2) == "× (2, 1)"


def test_dtype_is_shown_where_it_says_something():
    x = tg.Variable(np.ones(2, np.float32), name="x")
    y = x * 2
    z = y * np.ones(2)
    svg = drawn(graph(z))
    assert words(svg, 0) == "x (2,) float32 grad not computed"
    assert words(svg, 2) == "× (2,)"
    assert words(svg, 4) == "output = × (2,) float64"


def test_unnamed_outputs_are_called_so():
    x = tg.Variable(1.0, name="x")
    y = x * x
    assert words(drawn(graph(y)), 1).startswith("output = ×")
    z = y + y
    z.name = "z"
    svg = drawn(graph(z, y))
    assert words(svg, 1).startswith("output 1 = ×")
    assert words(svg, 2).startswith("z = +")


def test_static_arguments_are_shown():
    x = tg.Variable(np.ones((2, 3)), name="x")
    assert words(drawn(graph(x.sum(axis=0))), 1) == "output = Σ (axis=0) (3,)"


def test_operands_are_named_where_names_say_more():
    x = tg.Variable(np.ones(2), name="x")
    g = graph(tg.where(np.array([True, False]), x, 0.0))
    assert words(drawn(g), g.outputs[0]).startswith("condition output = where (2,) a b")


def test_an_operation_of_many_operands_still_draws():
    xs = [tg.Variable(float(i)) for i in range(40)]
    g = graph(tg.stack(xs))
    assert len(groups(drawn(g), "node")) == 41
    assert len(parsed(g).edges()) == 40


def test_several_outputs_of_an_operation():
    x = tg.Variable(np.ones((3, 2)), name="x")
    first, _, last = tg.unstack(x)
    svg = drawn(graph(first + last))
    assert [words(svg, i) for i in (1, 2, 3)] == ["unstack 3 outputs", "[0] (2,)", "[2] (2,)"]


# Names

ODD = "<>&\"'\\{}|;:,$%#[]=-_ aé∇名σ²ᵀ𝛿\n\t"


def name_drawn(name: str) -> tuple[str, str]:
    """The name on the picture, and the text that hovering shows."""
    node = groups(drawn(graph(tg.Variable(1.0, name=name) * 2)), "node")["n0"]
    bold = [t for t in node.iter(f"{SVG}text") if t.get("font-weight") == "bold"]
    link = next(e for e in node.iter() if e.get(f"{LINK}title") is not None)
    return "".join("".join(t.itertext()) for t in bold), link.get(f"{LINK}title")


@given(st.text(ODD, min_size=1, max_size=30).filter(str.strip))
@example("&lt;")
@example("</TD>")
@example("<B>bold</B>")
@example("\\N \\G \\n \\")
@example("&#955;")
@example("]]>")
@example("a -> b; c")
def test_names_are_drawn_as_they_are(name):
    shown, hover = name_drawn(name)
    one_line = " ".join(name.split())
    assert " ".join(shown.split()) == one_line
    assert hover.splitlines()[0] == f"{one_line}: leaf"


@given(st.text(max_size=60))
@example("\x00\x01")
@example("\ud800")
@example("\u202e\ufeff\ufffe\u2028")
@example("x" * 200)
def test_any_name_can_be_drawn(name):
    g = graph(tg.Variable(1.0, name=name) * 2)
    svg = drawn(g)
    assert len(groups(svg, "node")) == 3
    assert words(svg, 0).endswith("1 grad not computed")
    assert words(svg, 2).startswith("output = ×")


@given(st.text(max_size=100))
def test_clean_text_is_one_printable_line(text):
    line = clean(text)
    assert line.isprintable()
    assert len(line) <= 32
    assert line == line.strip()


def test_a_long_name_is_cut():
    assert clean("w" * 32) == "w" * 32
    assert clean("w" * 33) == "w" * 31 + "…"


# Numbers


@pytest.mark.parametrize(
    "number, text",
    [
        (33.0, "33"),
        (0.1 + 0.2, "0.3"),
        (-10.0, "-10"),
        (-0.0, "0"),
        (1 / 3, "0.33333"),
        (0.000012345678, "1.2346e-5"),
        (123456.0, "123456"),
        (1234567.0, "1.2346e6"),
        (123456.7, "1.2346e5"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (True, "True"),
        (7, "7"),
        (10**400, "1" + "0" * 30 + "…"),
        (3 - 4j, "3-4j"),
        (0.5 + 0.25j, "0.5+0.25j"),
    ],
)
def test_numbers_are_short(number, text):
    assert short(number) == text


@given(st.floats(-1e308, 1e308))
def test_a_short_number_is_near(number):
    text = short(number)
    assert len(text) <= 12
    assert float(text) == pytest.approx(number, rel=1e-4, abs=0)


def test_numpy_does_not_show():
    w = tg.Variable(np.float32(0.1), name="w")
    J = w * np.float32(2)
    J.backward()
    assert "np." not in graph(J).to_dot()


# Size


def chain(nodes: int):
    y = tg.Variable(1.0)
    for _ in range(nodes - 1):
        y = tg.negative(y)
    return graph(y)


def test_a_thousand_nodes_are_drawn_on_request():
    assert len(parsed(chain(1000), depth="all").nodes()) == 1000


def test_more_ask_for_a_limit():
    g = chain(1001)
    with pytest.raises(GraphSizeError, match=r"1,001 nodes.*depth=1.*limit=1001"):
        g.to_dot(depth="all")
    assert len(parsed(g, depth="all", limit=1001).nodes()) == 1001
    with pytest.raises(GraphSizeError, match="more than the 5 "):
        chain(6).to_dot(depth="all", limit=5)


def test_a_limit_of_boxes():
    assert len(parsed(chain(30)).nodes()) == 30
    assert len(parsed(chain(30), limit=5).nodes()) <= 5
