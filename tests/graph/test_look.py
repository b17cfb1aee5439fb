"""How pictures look: themes, closed boxes, overlays, legends; read from the SVG."""

import xml.etree.ElementTree as ET

import numpy as np
import pygraphviz
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import tinygraph as tg
from tinygraph import Graph, graph, nn
from tinygraph.errors import ArgumentError
from tinygraph.render.outlining import outline
from tinygraph.render.overlays import OVERLAYS, first_bad, painted
from tinygraph.render.themes import DARK, LIGHT, RAMP, THEMES, between, lightness, readable_on
from tinygraph.render.words import in_bytes, pattern, seconds, spread

SVG = "{http://www.w3.org/2000/svg}"


def drawn(g: Graph, **options) -> ET.Element:
    return ET.fromstring(
        pygraphviz.AGraph(string=g.to_dot(**options)).draw(format="svg", prog="dot")
    )


def text(element: ET.Element) -> str:
    words = " ".join("".join(t.itertext()) for t in element.iter(f"{SVG}text"))
    return " ".join(words.split())


def parts(svg: ET.Element, kind: str) -> dict[str, ET.Element]:
    return {e.find(f"{SVG}title").text: e for e in svg.iter(f"{SVG}g") if e.get("class") == kind}


def fill(element: ET.Element) -> str:
    fills = [e.get("fill") for e in element.iter() if e.tag in (f"{SVG}polygon", f"{SVG}path")]
    return next(f for f in fills if f not in (None, "none")).upper()


def network() -> nn.Sequential:
    return nn.Sequential(nn.Dense(3, 4), nn.ReLU(), nn.Dense(4, 2))


def recorded() -> Graph:
    model = network()
    with tg.record():
        loss = (model(tg.tensor(np.ones((5, 3), np.float32))) ** 2).mean()
        loss.backward(retain_graph=True)
    return graph(loss)


# Scopes


def test_open_scopes_are_frames_with_titles():
    g = graph(network()(np.ones((5, 3), np.float32)).sum())
    titles = [text(frame) for frame in parts(drawn(g), "cluster").values()]
    assert sorted(titles) == ["0 Dense", "1 ReLU", "2 Dense", "Sequential"]


def test_parameters_are_called_as_their_module_calls_them():
    g = graph(network()(np.ones((5, 3), np.float32)).sum())
    weights = [n.id for n in g.nodes if n.name == "0.weight"]
    assert text(parts(drawn(g), "node")[f"n{weights[0]}"]).startswith("weight (3, 4) float32")


def test_a_closed_module_shows_shapes_and_counts():
    g = recorded()
    (box,) = (b for b in outline(g, depth=1).boxes if b.kind == "scope")
    shown = text(parts(drawn(g, depth=1), "node")[box.key])
    assert shown.startswith("Sequential (5, 3) → (5, 2) 3 operations, 4 parameters ‖grad‖ ")


def test_a_closed_module_tells_not_computed_from_zero():
    model = network()
    loss = (model(tg.tensor(np.ones((5, 3), np.float32))) * 0).sum()
    assert "grad not computed" in text(drawn(graph(loss), depth=1))
    loss.backward()
    shown = text(drawn(graph(loss), depth=1))
    assert "parameters 0" in shown and "not computed" not in shown


def test_gradients_can_be_left_out():
    x = tg.Variable(2.0, name="x")
    y = x * x
    y.backward()
    assert "grad" in text(drawn(graph(y)))
    assert "grad" not in text(drawn(graph(y), backward=False))


def test_constants_can_be_left_out():
    x = tg.Variable(2.0, name="x")
    svg = drawn(graph(x * 3), constants=False)
    assert parts(svg, "node").keys() == {"n0", "n2"}
    assert "3 nodes in 2 boxes: 1 constant hidden" in text(svg)


@given(st.text("<>&\"'\\{}|;:,$%#[]=-_ aé∇名σ²ᵀ𝛿\n\t", min_size=1, max_size=20))
@example("</TD>")
@example("\\N \\G \\n \\")
@example("]]>")
@example("a -> b; c")
@example('"}')
def test_scopes_may_have_any_name(name):
    if not name.strip("."):
        return
    x = tg.Variable(1.0)
    with tg.scope(name):
        y = x * 2.0
    svg = drawn(graph(y + 1.0))
    (frame,) = parts(svg, "cluster").values()
    assert text(frame) == " ".join(name.split())
    closed = drawn(graph(y + 1.0), depth=1)
    assert any(text(n).startswith(" ".join(name.split())) for n in parts(closed, "node").values())


# What repeats


def test_a_loop_is_a_frame_with_a_count():
    x = tg.Variable(1.0, name="x")
    w = tg.Variable(0.5, name="w")
    y = x
    for _ in range(60):
        y = np.tanh(y * w)
    svg = drawn(graph(y))
    (frame,) = parts(svg, "cluster").values()
    assert text(frame) == "loop × 60"
    dashed = [e for e in parts(svg, "edge").values() if any(p.get("stroke-dasharray")
              for p in e.iter(f"{SVG}path"))]  # fmt: skip
    assert len(dashed) == 1
    assert "122 nodes in 4 boxes: what repeats is drawn once" in text(svg)


def test_equal_modules_are_one_box_with_a_count():
    model = nn.Sequential(*[nn.Dense(3, 3) for _ in range(70)])
    loss = model(np.ones((2, 3), np.float32)).sum()
    shown = text(drawn(graph(loss)))
    assert "Dense × 70 0 … 69 (2, 3) → (2, 3) 1 operation, 2 parameters each" in shown


def test_gradients_of_copies_are_a_range():
    xs = [tg.Variable(np.ones(2), name=f"x.{i}") for i in range(50)]
    y = sum(np.tanh(x).sum() * float(i) for i, x in enumerate(xs))
    before = text(drawn(graph(y)))
    assert "grad not computed" in before
    y.backward()
    g = graph(y)
    (box,) = (b for b in outline(g).boxes if g.nodes[b.nodes[0]].kind == "leaf")
    assert len(box.nodes) == 50
    # 1 - tanh² of ones, i times, of two elements
    most = np.sqrt(2) * 49 * (1 - np.tanh(1) ** 2)
    assert text(parts(drawn(g), "node")[box.key]) == f"x.* × 50 (2,) ‖grad‖ 0 … {most:.3g}"


def test_leaves_without_names_are_counted():
    xs = [tg.Variable(float(i)) for i in range(200)]
    g = graph(tg.stack(xs).sum())
    assert text(parts(drawn(g), "node")["n0"]) == "leaf × 200 0 … 199 grad not computed"


def test_what_is_abridged_says_what_it_is():
    rng = np.random.default_rng(3)
    values = [tg.Variable(1.0)]
    for _ in range(400):
        values.append((np.arctan2, np.maximum)[rng.integers(2)](values[-1], values[rng.integers(
            len(values))]))  # fmt: skip
    svg = drawn(graph(values[-1]))
    assert "stretches summed up in the order of computation" in text(svg)
    assert any(" arctan2, " in text(n) for n in parts(svg, "node").values())


# Themes


@pytest.mark.parametrize("theme", THEMES)
def test_text_can_be_read_on_every_box(theme):
    own = THEMES[theme]
    for box, _ in own.looks.values():
        ground = lightness(box or own.background.replace("white", "#FFFFFF"))
        for ink in (own.ink, own.soft, own.backward):
            assert abs(lightness(ink) - ground) > 35


def test_the_light_theme_is_on_white_and_the_dark_one_is_not():
    g = recorded()
    assert fill(drawn(g)) == "WHITE"
    assert fill(drawn(g, theme="dark")) == DARK.background
    assert lightness(DARK.background) < 15


def test_kinds_differ_without_colours():
    x, p = tg.Variable(np.ones(2), name="x"), network()
    y = (x @ np.ones((2, 3)) + 1) @ p[0].weight
    g = graph(p[0](y @ np.ones((4, 3))).sum())
    dot = pygraphviz.AGraph(string=g.to_dot())
    looks = {}
    for node in g.nodes:
        a = dot.get_node(f"n{node.id}").attr
        kind = "parameter" if node.is_parameter else "output" if node.is_output else node.kind
        looks.setdefault(kind, set()).add(
            (a["shape"], a["style"], a["peripheries"], a["penwidth"]))  # fmt: skip
    kinds = {"leaf", "parameter", "constant", "operation", "output"}
    assert looks.keys() == kinds
    assert all(not looks[a] & looks[b] for a in kinds for b in kinds if a < b)


def test_the_ramp_is_even():
    steps = -np.diff([lightness(color) for color in RAMP])
    assert np.all(np.abs(steps - steps.mean()) < 1)


@given(st.floats(0, 1))
def test_ink_is_readable_on_the_ramp(x):
    color = between(RAMP, x)
    assert abs(lightness(color) - lightness(readable_on(color))) > 40


def test_legends_only_where_there_is_something_to_tell():
    x = tg.Variable(2.0, name="x")
    assert "operation" not in text(drawn(graph(x * x)))
    assert "operation: round corners" in text(drawn(recorded()))


# Overlays


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("depth", [None, 1])
@pytest.mark.parametrize("theme", THEMES)
def test_overlays_have_a_scale(overlay, depth, theme):
    model = network()
    with tg.record():
        loss = (model(tg.tensor(np.ones((5, 3), np.float32))) ** 2).mean()
    if overlay != "memory":
        with tg.record():
            loss.backward()
    svg = drawn(graph(loss), overlay=overlay, depth=depth, theme=theme)
    titles = {
        "time": "time of forward",
        "backward time": "time of backward",
        "memory": "kept for backward",
        "gradient": "‖gradient‖",
        "nan": "finite?",
        "dtype": "dtype",
    }
    assert titles[overlay] in text(svg)


def test_more_is_darker_on_white():
    x = tg.Variable(np.ones(4), name="x")
    y = tg.Variable(np.ones(40), name="y")
    g = graph(np.exp(x).sum() + np.exp(y).sum())
    kept = {n.id: n.bytes_kept for n in g.nodes if n.operation == "exp"}
    assert sorted(kept.values()) == [32, 320]
    paint = painted(g, outline(g), "memory", LIGHT)
    small, large = (paint.fills[i] for i in sorted(kept, key=kept.get))
    assert lightness(large) < lightness(small)
    notes = [paint.notes[i] for i in sorted(kept, key=kept.get)]
    assert notes == ["32 B", "320 B"]


def test_wide_ranges_are_logarithmic():
    xs = [tg.Variable(np.array([float(10**k)]), name=f"x{k}") for k in (0, 3, 6)]
    loss = sum((x * x).sum() for x in xs)
    loss.backward()
    g = graph(loss)
    paint = painted(g, outline(g), "gradient", LIGHT)
    assert paint.title.endswith("logarithmic")
    fills = [paint.fills[n.id] for n in g.nodes if n.kind == "leaf"]
    light = [lightness(color) for color in fills]
    assert light[0] > light[1] > light[2]
    # From 1 to 2e6; 2e3 is half way.
    assert light[1] == pytest.approx((light[0] + light[2]) / 2, abs=6)


def test_not_computed_has_no_colour_and_zero_has():
    x, y = tg.Variable(1.0, name="x"), tg.Variable(1.0, name="y")
    (x * 0).backward()
    g = graph(x * y)
    paint = painted(g, outline(g), "gradient", LIGHT)
    assert [paint.fills[n.id] is None for n in g.nodes if n.kind == "leaf"] == [False, True]


def test_the_first_nan_is_ringed():
    x = tg.Variable([1.0, 2.0], name="x")
    with tg.record(), np.errstate(all="ignore"):
        low = x - 1.0
        bad = np.log(low)
        worse = bad * 0.0
        loss = (worse + np.sqrt(x)).sum()
    g = graph(loss)
    (log,) = g.find("log")
    paint = painted(g, outline(g), "nan", LIGHT)
    assert first_bad(g, {log.id: (0, 1)}) == log.id
    assert paint.ringed == {log.id}
    assert paint.notes[log.id] == "first: 1 Inf"
    assert {i for i, note in enumerate(paint.notes) if "NaN" in note} == {
        n.id for n in g.nodes if n.operation in ("multiply", "add", "sum")
    }
    assert "thick ring" in text(drawn(g, overlay="nan"))


def test_the_first_nan_in_a_folded_loop_is_ringed():
    x = tg.Variable(np.array([1.0]), name="x")
    with tg.record(), np.errstate(all="ignore"):
        y = x
        for _ in range(100):
            y = np.log(y * 0.5) + 0.1
    g = graph(y.sum())
    paint = painted(g, outline(g), "nan", LIGHT)
    (ringed,) = paint.ringed
    assert g.nodes[outline(g).boxes[ringed].nodes[0]].operation == "log"


@pytest.mark.parametrize(
    "overlay, told",
    [
        ("time", "no times were recorded; record it: with tg.record()"),
        ("backward time", "around the computation and backward()"),
        ("memory", "backward() has released it"),
        ("gradient", "call backward()"),
    ],
)
def test_overlays_without_data_say_what_to_do(overlay, told):
    x = tg.Variable(np.ones(3), name="x")
    with pytest.raises(ArgumentError) as caught:
        graph(-x).to_dot(overlay=overlay)
    assert told in str(caught.value)
    assert overlay in str(caught.value)


# Under the pointer


def test_the_line_that_made_a_node_is_shown():
    x = tg.Variable(np.ones(3), name="x")
    with tg.record():
        y = np.exp(x).sum()
    dot = graph(y).to_dot()
    assert "test_look.py:" in dot
    assert "y = np.exp(x).sum()" in dot
    assert "mean" in dot


# Words


def test_words():
    assert pattern(["a.0.w", "a.1.w"]) == "a.*.w"
    assert pattern(["a", "b.c"]) == "a …"
    assert spread([1.0, 1.0]) == "1"
    assert spread([3.14159, 1.0]) == "1 … 3.14"
    assert [seconds(t) for t in (2.0, 0.0123, 4.56e-5, 7e-8)] == ["2 s", "12.3 ms", "45.6 µs",
                                                                   "70 ns"]  # fmt: skip
    assert [in_bytes(b) for b in (0, 999, 12_300, 4.5e6)] == ["0 B", "999 B", "12.3 kB", "4.5 MB"]
