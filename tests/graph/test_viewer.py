"""The viewer's page as text: all in one file, with nothing that escapes from its place."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import graph
from tinygraph.errors import ArgumentError

PAGE = Path(tg.__file__).parent / "render" / "page"
AWKWARD = [
    "</script><script>alert(1)</script>",
    "<!-- <script>",
    "say \"w\" & 'v'",
    "two\nlines\tand\ttabs",
    "学習率 🦊 Ωμέγα",
    "back\\slash \\u003c",
    "@data@ @script@",
    "\u2028\u2029\x00",
    "half of a pair \ud800",
]


class Elements(HTMLParser):
    """Start tags with their attributes, and the text inside of scripts and the title."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, list[str]] = {}
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        if self.tags:
            self.text.setdefault(self.tags[-1][0], []).append(data)


def square():
    w = tg.Variable(3.0, name="w")
    return graph(w * w)


def payload(page: str) -> dict:
    """What the page knows, read as a browser does: what stands between the tags."""
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    return json.loads(data, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_one_file_that_asks_for_nothing():
    page = square().to_html()
    elements = Elements(page)
    loading = {"src", "href", "srcset", "action", "data", "poster", "background"}
    assert [(tag, names) for tag, names in elements.tags if loading & names.keys()] == []
    assert {tag for tag, _ in elements.tags} & {"link", "img", "iframe", "object", "embed"} == set()
    assert set(re.findall(r"https?://[^\s\"'`<>]+", page)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"@import|\burl\(|\bimport\(|\bfetch\(|XMLHttpRequest|WebSocket", page)


def test_the_browser_is_told_to_load_nothing():
    (policy,) = [
        names["content"]
        for tag, names in Elements(square().to_html()).tags
        if tag == "meta" and names.get("http-equiv") == "Content-Security-Policy"
    ]
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_the_page_is_small():
    """Two nodes and no more: what is left is the page itself."""
    assert len(square().to_html().encode()) < 200_000


@pytest.mark.parametrize("name", AWKWARD)
def test_names_stay_in_their_place(name):
    w = tg.Variable(3.0, name=name)
    J = w * w
    J.name = name
    page = graph(J).to_html(title=name)
    plain = Elements(square().to_html(title="plain"))
    awkward = Elements(page)
    assert awkward.tags == plain.tags
    shown = name.replace("\ud800", "?")
    assert [node["name"] for node in payload(page)["nodes"]] == [shown, shown]
    assert payload(page)["title"] == shown


def test_the_title_is_escaped():
    page = square().to_html(title="a < b & </title><b>c")
    assert "<title>a &lt; b &amp; &lt;/title&gt;&lt;b&gt;c</title>" in page


@pytest.mark.parametrize("name", AWKWARD)
def test_a_file_can_hold_every_name(name, tmp_path):
    w = tg.Variable(3.0, name=name)
    path = graph(w * w).to_html(tmp_path / "g.html")
    assert payload(path.read_text("utf-8"))["nodes"][0]["name"] == name.replace("\ud800", "?")


def test_the_same_graph_gives_the_same_text():
    def page():
        w = tg.Variable(np.arange(3.0), name="w")
        return graph(np.sum(np.tanh(w) * w)).to_html()

    assert page() == page()


def test_parallel_edges_are_all_there():
    data = payload(square().to_html())
    assert data["edges"] == [[0, 1, 0, "a"], [0, 1, 1, "b"]]


def test_what_a_node_is():
    a = tg.Variable(np.ones((2, 3), np.float32), name="a")
    J = np.sum(a * 2, axis=0, keepdims=True)
    leaf, two, product, total = payload(graph(J).to_html())["nodes"]
    assert leaf == {
        "id": 0, "kind": "leaf", "label": "a", "name": "a", "shape": "(2, 3)", "size": 6,
        "dtype": "float32",
    }  # fmt: skip
    assert (two["kind"], two["value"]) == ("constant", "2")
    assert (product["operation"], product["label"]) == ("multiply", "×")
    assert (total["operation"], total["params"]) == ("sum", "axis=0, keepdims=True")
    assert total["output"] is True
    assert "output" not in product


def test_values_and_gradients_in_few_digits_and_in_all():
    x = tg.Variable(1 / 3, name="x")
    y = np.exp(x)
    y.backward()
    leaf, result = payload(graph(y).to_html())["nodes"]
    assert (leaf["value"], leaf["full"]) == ("0.33333", str(1 / 3))
    assert float(result["full"]) == np.exp(1 / 3)
    assert float(leaf["gradient_full"]) == np.exp(1 / 3)
    assert result["gradient"] == "1"
    assert "gradient_full" not in result


def test_a_gradient_of_zero_is_not_one_that_was_not_computed():
    x, y = tg.Variable(np.ones(3), name="x"), tg.Variable(np.ones(3), name="y")
    J = np.sum(x * 0)
    J.backward()
    nodes = {n.get("name"): n for n in payload(graph(J, np.sum(y)).to_html())["nodes"]}
    assert nodes["x"]["gradient_norm"] == 0
    assert "gradient_norm" not in nodes["y"]


@pytest.mark.parametrize("value, text", [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")])
def test_what_json_has_no_number_for(value, text):
    x = tg.Variable(value, name="x")
    y = x * 1.0
    y.backward()
    leaf, _, product = payload(graph(y).to_html())["nodes"]
    assert (leaf["value"], product["value"]) == (text, text)
    z = tg.Variable(np.array([1.0, 2.0]), name="z")
    J = np.sum(z * value)
    J.backward()
    (norm,) = [
        n["gradient_norm"] for n in payload(graph(J).to_html())["nodes"] if n["label"] == "z"
    ]
    assert norm in ("nan", "inf")


def test_several_outputs():
    x = tg.Variable(np.arange(6.0), name="x")
    first, _ = np.split(x, 2)
    split = payload(graph(np.sum(first)).to_html())["nodes"][1]
    assert (split["outputs"], split["shape"], split["dtype"]) == (
        2,
        "(3,), (3,)",
        "float64, float64",
    )


def test_the_title_names_the_outputs():
    w = tg.Variable(3.0, name="w")
    J = w * w
    J.name = "J"
    assert payload(graph(J, w + 1).to_html())["title"] == "Graph of J, +"
    assert payload(graph(J).to_html(title="Squares"))["title"] == "Squares"


def test_a_file_is_written_and_named(tmp_path, monkeypatch):
    path = tmp_path / "g.html"
    assert square().to_html(path) == path
    assert path.read_text("utf-8") == square().to_html()
    monkeypatch.chdir(tmp_path)
    assert square().to_html("h.HTM") == Path("h.HTM")


@pytest.mark.parametrize("name", ["g", "g.svg", "g.html.bak", ".html"])
def test_other_suffixes_are_refused(name, tmp_path):
    with pytest.raises(ArgumentError, match=r"to_html: .* does not end in \.html"):
        square().to_html(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*missing"):
        square().to_html(tmp_path / "missing" / "g.html")


def test_it_opens_what_it_wrote(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.chdir(tmp_path)
    square().to_html("a graph.html", open=True)
    assert opened == [(tmp_path / "a graph.html").as_uri()]


def test_text_cannot_be_opened():
    with pytest.raises(ArgumentError, match=r"open=True .* path"):
        square().to_html(open=True)


# The sources of the page


def test_no_name_stands_twice():
    """Files become one script, in which a later function would silently replace an earlier one."""
    names = [
        name
        for file in sorted(PAGE.glob("*.js"))
        for name in re.findall(
            r"^(?:function\*?|const|let|class) +(\w+)", file.read_text("utf-8"), re.M
        )
    ]
    assert len(names) > 100
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_every_source_is_in_the_page():
    page = square().to_html()
    for file in PAGE.iterdir():
        if file.suffix in (".js", ".css"):
            assert file.read_text("utf-8") in page, file.name


def test_sources_hold_nothing_that_ends_their_element():
    for file in PAGE.glob("*.js"):
        assert not re.search(r"</?script|<!--", file.read_text("utf-8"), re.I), file.name
