"""Steps: derivatives equal backward's and finite differences; pictures that stay in place."""

import json
import re
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pygraphviz
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygraph as tg
from tinygraph import Graph, Steps
from tinygraph.errors import ArgumentError, GraphSizeError
from tinygraph.render import RenderWarning

SVG = "{http://www.w3.org/2000/svg}"


def course() -> Steps:
    """J = 3(a + bc) at a = 5, b = 3, c = 2."""
    a, b, c = (tg.Variable(x, name=n) for x, n in ((5.0, "a"), (3.0, "b"), (2.0, "c")))
    u = b * c
    v = a + u
    J = 3 * v
    return tg.graph(J, names=locals()).steps()


def lecture(w: tg.Tensor) -> tg.Tensor:
    return w * w - 10 * w + 25


UNARY = (np.sin, np.tanh, np.negative, np.exp, abs, lambda x: x * 0.5, lambda x: 2 - x,
         lambda x: x**2, lambda x: x.sum(), lambda x: np.clip(x, -1, 1), tg.sigmoid,
         lambda x: np.where(x > 0, x, 0.1 * x))  # fmt: skip
BINARY = (np.add, np.multiply, np.subtract, np.maximum, np.hypot)


@st.composite
def programs(draw):
    """A function of scalars, as long as it is drawn, and a place to evaluate it."""
    point = draw(st.lists(st.floats(-2, 2, allow_subnormal=False), min_size=1, max_size=3))
    choices = draw(
        st.lists(st.tuples(st.integers(0, 16), st.integers(0, 99), st.integers(0, 99)), max_size=9)
    )

    def function(*leaves):
        values = list(leaves)
        for kind, i, j in choices:
            x, y = values[i % len(values)], values[j % len(values)]
            if kind < len(UNARY):
                values.append(UNARY[kind](x))
            else:
                values.append(BINARY[(kind - len(UNARY)) % len(BINARY)](x, y))
        return sum(values[-3:], 0.0)

    return function, point


# Derivatives


@given(programs(), st.booleans())
@settings(deadline=None, max_examples=60)
def test_derivatives_are_those_of_backward(program, backward_before):
    function, point = program
    leaves = [tg.Variable(x, name=f"x{i}") for i, x in enumerate(point)]
    J = function(*leaves)
    if backward_before:  # which releases what it needs
        J.backward()
        g = tg.graph(J)
    else:
        g = tg.graph(J)
        steps = g.steps()
        J.backward()
    steps = g.steps()
    after = tg.graph(J)
    for i, derivative in steps.derivatives.items():
        kept = after.nodes[i].gradient
        assert kept == derivative or (kept != kept and derivative != derivative)
    assert steps.derivatives.keys() == {n.id for n in after.nodes if n.is_tracked}


def test_derivatives_are_those_of_finite_differences():
    def function(x, y):
        return np.exp(x * y) / (1 + x**2) - np.sin(y) * x

    at = {"x": 0.7, "y": -1.3}
    leaves = {name: tg.Variable(value, name=name) for name, value in at.items()}
    g = tg.graph(function(**leaves))
    found = g.steps().derivatives
    for name in at:
        h = 1e-6
        up, down = (function(**(at | {name: at[name] + s * h})) for s in (1, -1))
        (leaf,) = g.find(name)
        assert found[leaf.id] == pytest.approx((up - down) / (2 * h), rel=1e-8)


def test_the_course_by_hand():
    steps = course()
    by_name = {steps.graph.nodes[i].name: d for i, d in steps.derivatives.items()}
    assert by_name == {"a": 3, "b": 6, "c": 9, "u": 3, "v": 3, "J": 1}


def test_the_lecture_by_hand():
    w = tg.Variable(2.0, name="w")
    g = tg.graph(lecture(w))
    assert g.steps().derivatives[g.find("w")[0].id] == 2 * 2 - 10


def test_backward_makes_no_difference_and_grads_stay():
    w = tg.Variable(2.0, name="w")
    J = lecture(w)
    before = tg.graph(J).steps()
    assert w.grad is None
    J.backward()
    after = tg.graph(J).steps()
    assert w.grad == -6
    assert str(before) == str(after)
    assert [s.to_dot() for s in before] == [s.to_dot() for s in after]


def test_complex_numbers_multiply_along_the_way():
    z = tg.Variable(1 + 2j, name="z")
    t = tg.Variable(0.7, name="t")
    Q = abs(np.exp(z * t) * np.conj(z) * z + t * 1j)
    g = tg.graph(Q)
    steps = g.steps()
    Q.backward()
    assert steps.derivatives[g.find("z")[0].id] == np.conj(z.grad.value)
    assert steps.derivatives[g.find("t")[0].id] == t.grad.value
    assert steps[-2].caption.startswith("dJ/dt = Re(")
    assert "conj(dJ/dv3) · dv3/dz" in steps[-1].caption
    assert "z.grad is its conjugate" in steps[-1].caption


@pytest.mark.parametrize("x", [-1.0, 0.0])
def test_a_branch_that_was_not_taken_gives_nothing(x):
    q = tg.Variable(x, name="q")
    with np.errstate(invalid="ignore"):
        J = np.where(q > 0, np.sqrt(q), 0) + q
    steps = tg.graph(J).steps()
    assert steps.derivatives[0] == 1.0
    assert "this branch was not taken" in steps[-1].caption


def test_single_precision_is_computed_in_single_precision():
    w = tg.Variable(np.float32(0.1), name="w")
    J = np.exp(w) * w
    steps = tg.graph(J).steps()
    J.backward()
    assert steps.derivatives[0] == float(w.grad.value)


def test_a_graph_from_a_file_has_steps():
    steps = course()
    again = Graph.from_dict(steps.graph.to_dict()).steps()
    assert str(again) == str(steps)


def test_modes_and_tracers_that_are_on_are_left_alone():
    w = tg.Variable(2.0, name="w")
    with tg.record():
        J = lecture(w)
        g = tg.graph(J)
        with tg.no_grad():
            steps = g.steps()
        assert tg.graph(J) == g
    assert steps.derivatives[0] == -6


@tg.elementwise(x=lambda ct, x: ct * 3 * x * x)
def cube_of_a_step(x):
    """x³."""
    return x * x * x


def test_an_operation_of_the_user():
    x = tg.Variable(2.0, name="x")
    steps = tg.graph(cube_of_a_step(x)).steps()
    assert steps.derivatives[0] == 12
    assert steps[1].caption == "J = cube_of_a_step(x) = cube_of_a_step(2) = 8"


# The order, and the words


def test_captions():
    assert [step.caption for step in course()] == [
        "a = 5, b = 3, c = 2",
        "u = b × c = 3 × 2 = 6",
        "v = a + u = 5 + 6 = 11",
        "J = 3 × v = 3 × 11 = 33",
        "dJ/dJ = 1",
        "dJ/dv = dJ/dJ · dJ/dv = 1 · 3 = 3",
        "dJ/du = dJ/dv · dv/du = 3 · 1 = 3",
        "dJ/dc = dJ/du · du/dc = 3 · 3 = 9",
        "dJ/db = dJ/du · du/db = 3 · 2 = 6",
        "dJ/da = dJ/dv · dv/da = 3 · 1 = 3",
    ]


def test_several_uses_are_a_sum():
    w = tg.Variable(2.0, name="w")
    assert tg.graph(lecture(w)).steps()[-1].caption == (
        "dJ/dw = dJ/dv1 · dv1/dw (1st) + dJ/dv1 · dv1/dw (2nd) + dJ/dv2 · dv2/dw "
        "= 1 · 2 + 1 · 2 + (-1) · 10 = 2 + 2 + (-10) = -6"
    )


def test_of_a_long_sum_the_first_terms_stand():
    w = tg.Variable(2.0, name="w")
    caption = tg.graph(sum(w * float(i) for i in range(1, 9))).steps()[-1].caption
    assert caption.count("· 1") and "… (3 more)" in caption and caption.endswith("= 36")


def test_symbols_are_unlike_names():
    v1 = tg.Variable(1.0, name="v1")
    J = tg.Variable(2.0, name="J")
    same = tg.Variable(3.0, name="J")
    steps = tg.graph(np.exp(v1) * J * same).steps()
    assert steps[0].caption == "v1 = 1, J = 2, J_2 = 3"
    assert [s.caption.split(" = ")[0] for s in steps[1:4]] == ["v2", "v3", "v4"]


def test_expressions():
    x = tg.Variable(-2.0, name="x")
    for y, expected in [
        (x**2, "x ^ 2 = (-2) ^ 2 = 4"),
        (-x, "−x = −(-2) = 2"),
        (abs(x), "|x| = |-2| = 2"),
        (np.square(x), "x² = (-2)² = 4"),
        (np.maximum(x, -3), "max(x, -3) = max(-2, -3) = -2"),
        (x.mean(keepdims=True), "mean(x, keepdims=True) = mean(-2, keepdims=True) = -2"),
        (5 - x, "5 − x = 5 − (-2) = 7"),
    ]:
        assert tg.graph(y).steps()[1].caption == f"J = {expected}"


def test_forward_goes_up_and_backward_down():
    steps = course()
    assert [s.phase for s in steps] == ["forward"] * 4 + ["backward"] * 6
    assert steps[0].node is None
    assert [s.node.name for s in steps[1:]] == ["u", "v", "J", "J", "v", "u", "c", "b", "a"]
    assert [s.number for s in steps] == list(range(10))
    assert steps[-1].caption == steps[9].caption
    with pytest.raises(IndexError, match="there are 10 steps"):
        steps[10]


def test_a_leaf_alone():
    w = tg.Variable(2.0, name="w")
    assert [s.caption for s in tg.graph(w).steps()] == ["w = 2", "dw/dw = 1"]


def test_reprs():
    steps = course()
    assert repr(steps) == "<Steps of J: 4 forward, 6 backward>"
    assert repr(steps[1]) == "<Step 2 of 10, forward: u = b × c = 3 × 2 = 6>"


# What has no steps


def test_arrays_are_refused_in_words():
    x = tg.Variable(np.ones((3, 4)), name="x")
    with pytest.raises(ArgumentError, match=r"graphs of scalars; node 0 \(x\) has shape \(3, 4\)"):
        tg.graph(x.sum()).steps()


def test_large_graphs_are_refused_in_words():
    x = tg.Variable(1.0)
    for _ in range(60):
        x = np.sin(x)
    with pytest.raises(GraphSizeError, match="61 nodes, and steps are for graphs of at most 60"):
        tg.graph(x).steps()


def test_several_outputs_are_refused_in_words():
    x = tg.Variable(1.0)
    with pytest.raises(ArgumentError, match="2 outputs"):
        tg.graph(x * 2, x * 3).steps()


def test_a_complex_output_is_refused_in_words():
    z = tg.Variable(1j)
    with pytest.raises(ArgumentError, match=r"make one with \.real"):
        tg.graph(z * z).steps()


def test_a_leaf_that_has_changed_is_named():
    w = tg.Variable(2.0, name="w")
    J = lecture(w)
    w.assign(3.0)
    with pytest.raises(ArgumentError, match=r"node 0 \(w\) has changed since"):
        tg.graph(J).steps()


def test_operations_with_several_results_are_refused_in_words():
    x = tg.Variable(2.0)
    with pytest.raises(ArgumentError, match=r"\(checkpoint\) gives a tuple"):
        tg.graph(tg.checkpoint(np.sin)(x)).steps()


def test_an_operation_that_this_program_does_not_have():
    text = course().graph.to_json().replace('"add"', '"unheard of"')
    with pytest.raises(ArgumentError, match="'unheard of' that cannot be applied anew by its name"):
        Graph.from_dict(json.loads(text)).steps()


@pytest.mark.parametrize("options", [{"theme": "blue"}, {"direction": "RL"}])
def test_other_options_are_refused(options):
    with pytest.raises(ArgumentError, match="it is '"):
        tg.graph(tg.Variable(1.0)).steps(**options)


# Pictures


def drawn(text: str) -> ET.Element:
    return ET.fromstring(pygraphviz.AGraph(string=text).draw(format="svg", prog="dot"))


def places(svg: ET.Element) -> tuple[dict[str, str], dict[str, list[float]]]:
    """The picture's size and where each box is; from where to where each line goes."""
    boxes, lines = {"": svg.get("viewBox")}, {}
    for group in svg.iter(f"{SVG}g"):
        if group.get("class") in ("node", "edge"):
            title = f"{group.find(f'{SVG}title').text} {group.get('id')}"
            outline = next(o for e in group.iter() if (o := e.get("points") or e.get("d")))
            if group.get("class") == "node":
                boxes[title] = outline
            else:
                numbers = [float(x) for x in re.findall(r"-?[\d.]+", outline)]
                lines[title] = numbers[:2] + numbers[-2:]
    return boxes, lines


def texts(svg: ET.Element) -> set[str]:
    return {"".join(t.itertext()) for t in svg.iter(f"{SVG}text")}


@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.parametrize("which", ["course", "parallel", "unicode"])
def test_nothing_moves_from_step_to_step(which, direction):
    if which == "course":
        g = course().graph
    else:
        w = tg.Variable(-1.2345678e-9 if which == "parallel" else 1.0, name="学习率 <&>")
        g = tg.graph(np.exp(w * w) * 1e6 + w)
    every = [places(drawn(step.to_dot())) for step in g.steps(direction=direction)]
    boxes, lines = every[0]
    for other_boxes, other_lines in every[1:]:
        assert other_boxes == boxes
        # A thick line ends a little earlier, where its larger arrow begins.
        assert other_lines == {key: pytest.approx(ends, abs=4) for key, ends in lines.items()}


def test_numbers_come_when_they_are_computed():
    steps = course()
    shown = [texts(drawn(step.to_dot())) for step in steps]
    for first, number in ((1, "6"), (2, "11"), (3, "33"), (4, "dJ/dJ = 1"), (7, "dJ/dc = 9")):
        assert [number in words for words in shown] == [i >= first for i in range(10)]
    local = ["du/dc = 3" in words for words in shown]
    assert local == [i >= 7 for i in range(10)]


def test_no_text_of_what_is_to_come():
    for i, step in enumerate(course()):
        assert ("33" in step.to_dot()) == (i >= 3)


def test_texts_are_deterministic():
    assert [s.to_dot() for s in course()] == [s.to_dot() for s in course()]


def test_themes_differ_in_colours_only():
    g = course().graph
    light, dark = (g.steps(theme=theme)[5].to_dot() for theme in ("light", "dark"))
    assert light != dark
    color = re.compile(r'"?(#[0-9A-F]{6}|white)"?')
    assert color.sub("", light) == color.sub("", dark)


# Files


def test_a_file_for_each_step(tmp_path):
    paths = course().render(tmp_path / "steps-{}.svg")
    assert [p.name for p in paths] == [f"steps-{i:02}.svg" for i in range(1, 11)]
    for path in paths:
        assert ET.fromstring(path.read_bytes()).tag == f"{SVG}svg"


def test_a_folder(tmp_path):
    paths = course().render(tmp_path)
    assert {p.parent for p in paths} == {tmp_path}
    assert paths[0].name == "01.svg" and paths[-1].name == "10.svg"


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder"):
        course().render(f"{tmp_path}/none/")


def test_a_sheet_has_all_steps_and_no_identifier_twice(tmp_path):
    (path,) = course().render(tmp_path / "steps.svg")
    svg = ET.fromstring(path.read_bytes())
    inner = svg.findall(f"{SVG}svg")
    assert len(inner) == 10
    ids = [e.get("id") for e in svg.iter() if e.get("id")]
    assert len(ids) == len(set(ids))
    ends = [float(e.get("y")) + float(e.get("height")) for e in inner]
    assert all(float(e.get("y")) >= end for e, end in zip(inner[1:], ends))
    assert float(svg.get("viewBox").split()[3]) >= ends[-1]


def test_a_page_needs_no_network(tmp_path):
    (path,) = course().render(tmp_path / "steps.html")
    text = path.read_text("utf-8")
    assert text.count("<section>") == 10
    assert "dJ/du = dJ/dv · dv/du = 3 · 1 = 3" in text
    links = set(re.findall(r"https?://[^\s\"'<>]+", text))
    assert links <= {"http://www.w3.org/1999/xlink", "http://www.w3.org/2000/svg"}


def test_one_step(tmp_path):
    step = course()[3]
    assert step.render(tmp_path / "J.png").read_bytes().startswith(b"\x89PNG")
    assert step.render(tmp_path / "J.dot").read_text("utf-8") == step.to_dot()


@pytest.mark.parametrize("name", ["steps.png", "steps", "steps.txt"])
def test_a_single_file_is_a_sheet_or_a_page(name, tmp_path):
    with pytest.raises(ArgumentError, match=r"\.svg for a sheet or \.html for a page"):
        course().render(tmp_path / name)


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(ArgumentError, match=r"\.svg, \.png, \.pdf, \.dot"):
        course().render(tmp_path / "step-{}.jpg")
    assert list(tmp_path.iterdir()) == []


def test_notebooks_show_all_or_one():
    steps = course()
    whole, one = steps._repr_mimebundle_(), steps[0]._repr_mimebundle_()
    assert whole["image/svg+xml"].count("<svg") == 11
    assert one["image/svg+xml"].count("<svg") == 1
    assert whole["text/plain"] == repr(steps)


def test_of_many_steps_a_notebook_shows_the_last():
    y = tg.Variable(1.0, name="x")
    for _ in range(20):
        y = np.sin(y)
    steps = tg.graph(y).steps()
    bundle = steps._repr_mimebundle_()
    assert bundle["image/svg+xml"] == steps[-1]._repr_mimebundle_()["image/svg+xml"]
    assert bundle["text/plain"] == f"{steps!r}\n{steps}"


def test_without_an_engine_texts_are_written(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    steps = course()
    with pytest.warns(RenderWarning, match="no engine to draw steps-01.svg") as caught:
        paths = steps.render(tmp_path / "steps.svg")
    assert caught[0].filename == __file__
    assert [p.read_text("utf-8") for p in paths] == [s.to_dot() for s in steps]
    assert "pip install" in steps._repr_mimebundle_()["text/plain"]
    with pytest.warns(RenderWarning) as caught:
        steps[0].render(tmp_path / "one.svg")
    assert caught[0].filename == __file__
