"""The examples, run as a user runs them, and what the README says of them."""

import importlib.util
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def example(name, monkeypatch, folder):
    """The example as a module, run in an empty folder."""
    monkeypatch.chdir(folder)
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main()


def test_lecture_prints_what_the_readme_shows(monkeypatch, tmp_path, capsys):
    example("lecture", monkeypatch, tmp_path)
    printed = [line for line in capsys.readouterr().out.splitlines() if "drawn:" not in line]
    assert "\n".join(printed) in README
    for name in ("computation_graph", "lecture"):
        ET.parse(tmp_path / "out" / f"{name}.svg")
    drawn = (tmp_path / "out" / "computation_graph.svg").read_text()
    for text in ("33", "grad 3", "grad 6", "grad 9"):
        assert f">{text}<" in drawn


def test_digits_reach_97_percent(monkeypatch, tmp_path, capsys):
    example("digits", monkeypatch, tmp_path)
    printed = capsys.readouterr().out
    assert float(re.search(r"test accuracy (\S+)", printed)[1]) >= 0.97
    for name in ("digits_training", "digits_step"):
        ET.parse(tmp_path / "out" / f"{name}.svg")


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", README, re.DOTALL)[:2])
def test_readme_code_runs(block, monkeypatch, tmp_path):
    import tinygraph as tg

    monkeypatch.chdir(tmp_path)
    names = {"tg": tg}
    exec(block, names)  # noqa: S102
    if "w" in names:
        assert f"{names['w']:.3f}" == "5.000"
    else:
        assert (names["a"].grad.item(), names["J"].item()) == (3.0, 33.0)
        assert Path("graph.svg").exists()
