"""python -m tinygraph: what it does, what it says, and its exit codes."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from tinygraph.command import main

LECTURE = """
import sys
import tinygraph as tg
w = tg.Variable(0.0)
J = w**2 - 10 * w + 25
number, detached = 3.0, J.detach()
print("arguments", sys.argv[1:])
"""
TRAINING = """
import numpy as np
from tinygraph import nn, optim
import beside

def main():
    model = nn.Sequential(nn.Dense(3, 4, "relu"), nn.Dense(4, 2))
    optimizer = optim.Adam(model.parameters())
    for _ in range(3):
        cost = nn.softmax_cross_entropy(model(np.ones((5, 3), np.float32)), np.array(beside.labels))
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
    return 0

if __name__ == "__main__":
    raise SystemExit(main())
"""


@pytest.fixture
def lecture(tmp_path):
    path = tmp_path / "lecture.py"
    path.write_text(LECTURE)
    return str(path)


@pytest.fixture
def training(tmp_path):
    (tmp_path / "beside.py").write_text("labels = [0, 1, 0, 1, 1]")
    path = tmp_path / "training.py"
    path.write_text(TRAINING)
    return str(path)


def script(folder, text):
    path = folder / "script.py"
    path.write_text(text)
    return str(path)


def test_as_a_command(lecture):
    run = subprocess.run(
        [sys.executable, "-m", "tinygraph", "graph", lecture, "--output", "J"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.startswith("arguments []\n")
    assert "power" in run.stdout
    assert not run.stderr


def test_without_arguments_it_lists_what_it_can_do(capsys):
    assert main([]) == 0
    said = capsys.readouterr().out
    assert "run a script, and draw the graph of a result" in said
    assert "--output loss" in said


def test_a_variable_as_page_picture_and_data(lecture, tmp_path, capsys):
    page, picture, data = (str(tmp_path / f"J.{suffix}") for suffix in ("html", "svg", "json"))
    options = ["--output", "J", "--html", page, "--draw", picture, "--json", data]
    assert main(["graph", lecture, *options, "--", "--epochs", "3"]) == 0
    said = capsys.readouterr().out
    assert "arguments ['--epochs', '3']" in said
    assert all(path in said for path in (page, picture, data))
    found = json.loads((tmp_path / "J.json").read_text())
    named = {node.get("name") for node in found["nodes"]}
    assert {"w", "J"} <= named
    assert "lecture.py" in str(found)  # of each operation, the line
    ET.parse(picture)
    assert "<html" in (tmp_path / "J.html").read_text()


def test_the_last_backward_also_in_a_function_of_a_script_that_exits(training, tmp_path, capsys):
    data = tmp_path / "cost.json"
    assert main(["graph", training, "--json", str(data), "--record"]) == 0
    nodes = json.loads(data.read_text())["nodes"]
    assert [node["operation"] for node in nodes if node["kind"] == "operation"] == [
        "activated_dense", "dense", "softmax_cross_entropy"
    ]  # fmt: skip
    assert {"0.weight", "1.bias"} <= {node.get("name") for node in nodes}
    assert "statistics" in str(nodes)


def test_sys_argv_and_sys_path_are_afterwards_what_they_were(training):
    before = sys.argv[:], sys.path[:]
    assert main(["graph", training]) == 0
    assert (sys.argv, sys.path) == before
    sys.modules.pop("beside", None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "lecture.py called no backward(); say with --output which variable to draw; it has J"),
        (["--output", "j"], "has no global variable 'j'"),
        (["--output", "numbr"], "did you mean 'number'?"),
        (["--output", "number"], "graph: float is not a Tensor"),
        (["--output", "detached"], "does not require grad"),
        (["--output", "J", "--html", "/nowhere/J.html"], "there is no folder '/nowhere'"),
        (["--output", "J", "--draw", "J.jpg"], "'J.jpg' ends in neither of"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(lecture, options, message, capsys):
    assert main(["graph", lecture, *options]) == 1
    said = capsys.readouterr().err
    assert message in said
    assert said.startswith("tinygraph graph: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("x = 1 / 0", 1, "ZeroDivisionError: division by zero"),
        ("x =", 1, "SyntaxError: invalid syntax"),
        ("import sys; sys.exit(7)", 7, ""),
        ("raise SystemExit('no data')", 1, "no data\n"),
        ("raise KeyboardInterrupt", 130, ""),
    ],
)
def test_a_script_that_fails(text, code, said, tmp_path, capsys):
    assert main(["graph", script(tmp_path, text), "--output", "x"]) == code
    error = capsys.readouterr().err
    assert said in error
    assert "runpy" not in error


def test_a_file_that_is_not_there_is_a_wrong_command_line(tmp_path, capsys):
    assert main(["graph", str(tmp_path / "none.py")]) == 2
    assert "is not there" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["graph", str(tmp_path), "--deep"])
    assert ended.value.code == 2
