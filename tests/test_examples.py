"""The examples, run as a user runs them, and what the README says of them."""

import gzip
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from example_modules import load

from tinygraph import nn, optim

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def example(name, monkeypatch, folder):
    """The example, run in an empty folder."""
    monkeypatch.chdir(folder)
    load(name).main()


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


def test_the_gallery_draws_what_its_page_shows(tmp_path, monkeypatch, capsys):
    load("gallery").main(tmp_path)
    page = (ROOT / "docs" / "gallery.md").read_text()
    shown = set(re.findall(r"pictures/gallery/([\w.]+)", page))
    assert shown == {path.name for path in tmp_path.iterdir()}
    for name in shown:
        ET.parse(tmp_path / name)


def test_fashion_mnist_reads_idx_files_and_says_where_the_data_is(tmp_path, monkeypatch):
    fashion = load("fashion_mnist")
    path = tmp_path / "images.gz"
    # As the format is described: type 8 is bytes, three axes, sizes as big-endian integers.
    header = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in (2, 3, 5))
    path.write_bytes(gzip.compress(header + bytes(range(30))))
    np.testing.assert_array_equal(fashion.read_idx(path), np.arange(30).reshape(2, 3, 5))
    path.write_bytes(gzip.compress(b"GIF89a"))
    with pytest.raises(ValueError, match="not an IDX file of bytes"):
        fashion.read_idx(path)
    with pytest.raises(SystemExit, match="dpkg -x dataset-fashion-mnist"):
        fashion.main(["--data", str(tmp_path)])


@pytest.mark.parametrize("name", ["dense", "convolutional"])
def test_the_networks_of_fashion_mnist_learn(name):
    """A few steps on images whose label is where they are bright; the data itself is 30 MB."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, 256)
    X = rng.normal(0, 0.1, (256, 1, 28, 28)).astype(np.float32)
    X[np.arange(256), 0, 2 * y + 2] += 1
    nn.seed(0)
    model = load("fashion_mnist").NETWORKS[name]()
    optimizer = optim.Adam(model.parameters(), lr=2e-3)
    history = nn.fit(
        model, nn.softmax_cross_entropy, (X, y), optimizer, epochs=4, rng=0, progress=False
    )
    assert history["loss"][-1] < 0.2 < history["loss"][0]


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
