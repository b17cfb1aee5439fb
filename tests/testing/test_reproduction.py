"""The program that comes with a failure: it runs by itself, and fails in the same way."""

import functools
import runpy
import subprocess
import sys
import xml.sax.saxutils

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.testing import GradientMismatch, check_grads

X = np.array([[0.3, -1.2, 0.7], [2.0, 0.4, -0.6]])
SCALE = 1.5


@tg.primitive(x=lambda ct, x: ct * x)
def half_a_square(x):
    """x², with half its derivative."""
    return x * x


class Wrong(nn.Module):
    """A layer with a mistake."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Dense(3, 2, dtype=np.float64)

    def forward(self, x):
        return half_a_square(self.dense(x))


def local():
    factor = {"by": np.array([1.0, 2.0, 3.0])}

    @tg.primitive(x=lambda ct, x: SCALE * ct * factor["by"])
    def scaled(x):
        return x * factor["by"]

    return lambda x: scaled(x) + SCALE


def with_its_own_rule():
    """An operation whose rule calls it, and what uses the rule first; and a module in a package."""

    def rule(ct, a, b):
        return product(ct, b) * 2 if np.shape(ct) == np.shape(a) else ct

    @tg.primitive(a=rule, b=None)
    def product(a, b):
        assert xml.sax.saxutils.escape("<") == "&lt;"
        return a * b

    return lambda x: rule(x, x, SCALE) * SCALE


def closure():
    w = tg.Variable(np.ones(3), name="w")
    return lambda x: half_a_square(w) * x, w


CLOSURE, W = closure()


@pytest.mark.parametrize(
    "function, args, settings",
    [
        (half_a_square, [X], {}),
        (half_a_square, [np.random.default_rng(0).normal(size=(30, 40))], {"order": 1}),
        (half_a_square, [X.astype(np.complex64)], {"seed": 4}),
        (lambda x: half_a_square(x) * SCALE, [X], {"full": True}),
        (lambda p, *, k: {"y": half_a_square(p["x"][0]) * k}, [{"x": (X,)}], {"kwargs": {"k": 2}}),
        (local(), [X], {"modes": ["forward"]}),
        (with_its_own_rule(), [X], {}),
        (functools.partial(np.where, X > 0), [X, tg.Variable(X).detach()], None),
        (CLOSURE, [X], {"parameters": [W]}),
        (Wrong(), [X], {}),
        (Wrong().forward, [X], {"argnums": 0}),
    ],
    ids=[
        "imported",
        "large",
        "complex",
        "lambda",
        "containers",
        "local",
        "rule that calls its operation",
        "partial",
        "closure",
        "layer",
        "method",
    ],
)
def test_runs_and_fails_alike(function, args, settings, tmp_path, monkeypatch):
    if settings is None:
        function, settings = functools.partial(wrong_where, X > 0), {}
    file = tmp_path / "program.py"
    with pytest.raises(GradientMismatch) as first:
        check_grads(function, *args, script=file, **settings)
    assert first.value.script == file.read_text("utf-8")
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(GradientMismatch) as second:
        runpy.run_path(str(file))
    for fact in ("argument", "index", "order", "mode", "analytic", "numeric", "mistake"):
        assert getattr(second.value, fact) == getattr(first.value, fact)


def wrong_where(condition, a, b):
    return np.where(condition, half_a_square(a), b)


@pytest.mark.parametrize("function", [half_a_square, local()])
def test_runs_in_a_process_of_its_own(function, tmp_path):
    file = tmp_path / "program.py"
    with pytest.raises(GradientMismatch) as first:
        check_grads(function, X, script=file)
    assert first.value.__notes__ == [f"The program is in {file}."]
    run = subprocess.run([sys.executable, file], capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 1
    assert "GradientMismatch: " + str(first.value).splitlines()[0] in run.stderr


def test_stands_in_the_message_if_it_is_short():
    with pytest.raises(GradientMismatch, match="this program shows it") as caught:
        check_grads(half_a_square, X)
    assert "from test_reproduction import half_a_square" in str(caught.value)
    with pytest.raises(GradientMismatch, match=r"is in \.script of this exception"):
        check_grads(half_a_square, np.random.default_rng(0).normal(size=(30, 40)), order=1)


def test_says_why_there_is_none():
    stream = open(__file__, encoding="utf-8")  # noqa: SIM115 - an object that cannot be written down
    with stream, pytest.raises(GradientMismatch, match="no program can be written") as caught:
        check_grads(lambda x: half_a_square(x) * bool(stream), X)
    assert caught.value.script == ""


def test_draws_the_graph(tmp_path):
    with pytest.raises(GradientMismatch) as caught:
        check_grads(half_a_square, X, draw=tmp_path / "graph.dot")
    assert caught.value.__notes__ == [f"The graph is in {tmp_path / 'graph.dot'}."]
    assert "half_a_square" in (tmp_path / "graph.dot").read_text("utf-8")
