"""Pictures in files and notebooks, with each engine and with none."""

import os
import subprocess
import sys
import textwrap
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import tinygraph as tg
from tinygraph import graph
from tinygraph.errors import ArgumentError, GraphSizeError, RenderError
from tinygraph.render import RenderWarning

ROOT = Path(__file__).parents[2]


def square():
    w = tg.Variable(3.0, name="w")
    return graph(w * w)


def program(folder: Path, name: str, code: str) -> None:
    """Put an executable into a folder: Python code, run by this interpreter."""
    file = folder / name
    file.write_text(f"#!{sys.executable}\n{textwrap.dedent(code)}")
    file.chmod(0o755)


@pytest.fixture
def no_dot(monkeypatch, tmp_path):
    """No `dot` on the PATH: pygraphviz draws."""
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


@pytest.fixture
def no_engine(no_dot, monkeypatch):
    """Nothing that draws."""
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


@pytest.fixture
def only_dot(monkeypatch, tmp_path):
    """A `dot` on the PATH that does what Graphviz's does, and says so; no pygraphviz here."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program(folder, "dot", """
        import sys, pygraphviz
        (suffix,) = [word[2:] for word in sys.argv if word.startswith("-T")]
        graph = pygraphviz.AGraph(string=sys.stdin.read())
        graph.graph_attr["id"] = "drawn_by_dot"
        sys.stdout.buffer.write(graph.draw(format=suffix, prog="dot"))
    """)  # fmt: skip
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


@pytest.fixture
def broken_dot(monkeypatch, tmp_path):
    """A `dot` on the PATH that fails."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program(folder, "dot", "import sys; sys.exit('Format not recognized. No plugin.')")
    monkeypatch.setenv("PATH", str(folder))


def is_svg(content: bytes) -> bool:
    return ET.fromstring(content).tag == "{http://www.w3.org/2000/svg}svg"


FORMATS = {
    "svg": is_svg,
    "png": lambda content: content.startswith(b"\x89PNG\r\n\x1a\n"),
    "pdf": lambda content: content.startswith(b"%PDF-"),
    "dot": lambda content: content.startswith(b"digraph"),
}


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("engine", ["no_dot", "only_dot"])
def test_formats(engine, suffix, tmp_path, request):
    request.getfixturevalue(engine)
    path = tmp_path / f"square.{suffix}"
    assert square().render(path) == path
    assert FORMATS[suffix](path.read_bytes())


@pytest.mark.parametrize("suffix", [".SVG", ".Png"])
def test_a_suffix_in_capitals(suffix, tmp_path):
    path = square().render(tmp_path / f"square{suffix}")
    assert FORMATS[suffix.lower()[1:]](path.read_bytes())


def test_a_path_may_be_a_string(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert square().render("square.svg") == Path("square.svg")
    assert is_svg((tmp_path / "square.svg").read_bytes())


def test_dot_on_the_path_is_preferred(only_dot, tmp_path):
    path = square().render(tmp_path / "square.svg")
    assert 'id="drawn_by_dot"' in path.read_text("utf-8")


def test_without_an_engine_the_text_is_written(no_engine, tmp_path):
    g = square()
    with pytest.warns(RenderWarning) as caught:
        path = g.render(tmp_path / "square.svg")
    assert path == tmp_path / "square.dot"
    assert path.read_text("utf-8") == g.to_dot()
    assert not (tmp_path / "square.svg").exists()
    (warning,) = caught
    message = str(warning.message)
    assert "\n" not in message
    assert 'pip install "tinygraph-autodiff[viz]"' in message
    assert "Graphviz" in message
    assert warning.filename == __file__


def test_text_needs_no_engine(no_engine, tmp_path):
    g = square()
    assert g.render(tmp_path / "square.dot").read_text("utf-8") == g.to_dot()


@pytest.mark.parametrize("name", ["square", "square.jpg", "square.svg.bak", ".svg"])
def test_other_suffixes_are_refused(name, tmp_path):
    with pytest.raises(ArgumentError, match=r"\.svg, \.png, \.pdf, \.dot"):
        square().render(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*missing"):
        square().render(tmp_path / "missing" / "square.svg")


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "g.svg").mkdir()
    with pytest.raises(IsADirectoryError, match=r"g\.svg' is a folder"):
        square().render(tmp_path / "g.svg")


def test_a_path_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    def refuse(*args):
        raise PermissionError(13, "Permission denied", str(args[0]))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(PermissionError, match=r"square\.svg' cannot be written: Permission denied"):
        square().render(tmp_path / "square.svg")


def test_a_failing_engine_leaves_the_old_file(broken_dot, tmp_path):
    path = tmp_path / "square.svg"
    path.write_text("the old one")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(RenderError, match=r"failed to draw svg: Format not recognized\. No plugin"):
        square().render(path)
    assert path.read_text() == "the old one"
    assert sorted(tmp_path.iterdir()) == before


def test_nothing_is_left_of_a_write_that_fails(tmp_path, monkeypatch):
    def full(*args):
        raise OSError("disk full")

    path = tmp_path / "square.svg"
    path.write_text("the old one")
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        square().render(path)
    assert path.read_text() == "the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "target.svg", tmp_path / "link.svg"
    target.touch()
    link.symlink_to(target)
    assert square().render(link) == link
    assert link.is_symlink()
    assert is_svg(target.read_bytes())


def test_a_picture_has_the_rights_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    path = square().render(tmp_path / "square.svg")
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_all_of_a_large_graph_asks_for_a_limit(tmp_path):
    y = tg.Variable(1.0)
    for _ in range(1000):
        y = tg.negative(y)
    g = graph(y)
    path = tmp_path / "chain.svg"
    with pytest.raises(GraphSizeError, match=r"1,001 nodes.*limit=1001"):
        g.render(path, depth="all")
    assert not path.exists()
    assert is_svg(g.render(path).read_bytes())
    assert is_svg(g._repr_mimebundle_()["image/svg+xml"].encode())


@pytest.mark.parametrize(
    "option, told",
    [
        ({"theme": "blue"}, "'light', which prints well, or 'dark'"),
        ({"overlay": "heat"}, "'time', 'backward time', 'memory', 'gradient', 'nan', 'dtype'"),
        ({"overlay": "time"}, r"no times were recorded; record it: with tg\.record\(\)"),
        ({"overlay": "gradient"}, r"call backward\(\)"),
        ({"direction": "up"}, "'LR', left to right, or 'TB'"),
        ({"depth": "half"}, "a count of scopes"),
    ],
)
def test_mistakes_get_words_and_leave_no_file(option, told, tmp_path):
    with pytest.raises(ArgumentError, match=told):
        square().render(tmp_path / "square.svg", **option)
    assert list(tmp_path.iterdir()) == []


# In a notebook


def test_a_notebook_shows_the_picture(no_dot):
    formatter = pytest.importorskip("IPython.core.formatters").DisplayFormatter()
    data, _ = formatter.format(square())
    assert is_svg(data["image/svg+xml"].encode())
    assert data["text/plain"] == repr(square())


def test_a_notebook_without_an_engine_shows_text(no_engine):
    formatter = pytest.importorskip("IPython.core.formatters").DisplayFormatter()
    data, _ = formatter.format(square())
    assert data.keys() == {"text/plain"}
    first, hint = data["text/plain"].splitlines()
    assert first == repr(square())
    assert "tinygraph-autodiff[viz]" in hint


def test_a_notebook_with_a_failing_engine_shows_text(broken_dot):
    bundle = square()._repr_mimebundle_()
    assert bundle.keys() == {"text/plain"}
    assert "No plugin" in bundle["text/plain"]


def test_drawing_is_imported_only_to_draw():
    code = (
        "import sys, tinygraph as tg; tg.graph(tg.Variable(1.0)).to_dot(); "
        "print(sys.modules.keys() & {'graphviz', 'pygraphviz'})"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "set()"
