"""Random programs: values, gradients, second gradients and forward mode beside the peers'.

Short ones, of up to a dozen operations, and the same on every run; `make fuzz` runs longer ones and
as many as there is time for.
"""

import collections

import fuzz
import numpy as np
import pytest
import steps
from agreement import Setting, tolerances, verdict
from fuzz import MODES, examined, script, showing
from programs import Program, Step, drawn
from shrinking import shrunk
from spaces import SPACES

import tinygraph as tg

PROGRAMS = 400
OF_JAX = 20  # which takes longer than all else
LENGTH = 12
COUNTS = {"random programs": collections.Counter()}
USED: set[str] = set()


@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_random_program(seed):
    mode = MODES[seed % len(MODES)]
    program = drawn(seed, LENGTH, mode)
    peers = ("torch", "jax") if seed < OF_JAX else ("torch",)
    found = verdict(program, seed, mode, peers)
    assert not found.disagreements, examined(program, seed, mode, found.disagreements)[0]
    COUNTS["random programs"]["agree in value, both gradients and forward mode"] += 1
    USED.update(program.kinds)


def test_every_step_was_taken():
    assert {*steps.STEPS, *steps.ONLY_COMPLEX} - USED in (
        set(),
        {*steps.STEPS, *steps.ONLY_COMPLEX},
    )


@pytest.fixture
def wrong_cosine(monkeypatch):
    """A rule with a wrong sign, in tinygraph alone."""

    @tg.primitive(x=lambda ct, x: ct * np.sin(x))
    def cos(x):
        return np.cos(x)

    monkeypatch.setattr(SPACES["tinygraph"], "cos", cos)


def with_cosine():
    """The first long program that has one, outside of branches and loops."""
    for seed in range(1000, 2000):
        program = drawn(seed, 40)
        if any(step.kinds == ("cos",) for step in program.steps) and len(program.kinds) > 25:
            return seed, program
    raise AssertionError


@pytest.mark.usefixtures("wrong_cosine")
def test_a_wrong_rule_is_found_and_the_program_made_small():
    seed, program = with_cosine()
    found = verdict(program, seed, "float64", ["torch"]).disagreements
    assert found

    small = shrunk(program, showing(found[0], seed, "float64"), 60)
    assert small.kinds == ["cos"]
    assert all(a.size == 1 for a in small.arrays)


def test_a_program_runs_as_it_is_printed(capsys):
    text = script(drawn(3, 10), 3)
    exec(text, {})  # noqa: S102 - our own text
    assert capsys.readouterr().out.count("Derivatives(values=") == len(SPACES)


@pytest.mark.usefixtures("wrong_cosine")
def test_a_run_tells_and_counts(monkeypatch, capsys):
    step = Step("v0", ("v0 = f.cos(x0)",), ("cos",))
    program = Program({"x0": np.array([0.5])}, (step,), ("v0",))
    monkeypatch.setattr(fuzz, "drawn", lambda *arguments: program)
    tally = fuzz.run(1, 0, 60, 0)
    assert (tally.total("programs"), tally.total("disagreements"), tally.unexplained) == (1, 1, 1)
    assert "| programs | 1 | 1 |" in str(tally)
    told = capsys.readouterr().out
    assert "v0 = f.cos(x0)" in told
    assert "# gradients, number 0: tinygraph" in told


def test_what_is_wrong_of_some_layouts_only_is_not_taken_for_rounding(monkeypatch):
    """Values that are moved lie in memory differently."""

    def factor(x):
        return 1 if np.asarray(getattr(x, "value", x)).flags.c_contiguous else 1.5

    @tg.primitive(x=lambda ct, x: factor(x) * ct * np.cos(x))
    def sin(x):
        return np.sin(x)

    monkeypatch.setattr(SPACES["tinygraph"], "sin", sin)
    lines = ("v0 = f.getitem(x0, np.s_[:, ::2])", "v1 = f.sin(v0)")
    steps = tuple(Step(line[:2], (line,), ("",)) for line in lines)
    program = Program({"x0": np.arange(6.0).reshape(2, 3)}, steps, ("v1",))
    assert {d.part for d in verdict(program, 0, "float64", ["torch"]).disagreements} >= {
        "gradients"
    }


def test_a_peers_output_of_another_shape_is_told(monkeypatch):
    monkeypatch.setattr(SPACES["torch"], "sin", lambda x: x[:1])
    step = Step("v0", ("v0 = f.sin(x0)",), ("sin",))
    program = Program({"x0": np.ones(3)}, (step,), ("v0",))
    found = verdict(program, 0, "float64", ["torch"])
    assert not found.unable
    assert "outputs of shapes [(1,)]" in str(found.disagreements[0])


def test_a_run_tells_what_fails(monkeypatch, capsys):
    step = Step("v0", ("v0 = f.no_such_function(x0)",), ("",))
    monkeypatch.setattr(fuzz, "drawn", lambda *_: Program({"x0": np.ones(1)}, (step,), ("v0",)))
    assert fuzz.run(1, 0, 60, 0).unexplained == 1
    assert "no_such_function" in capsys.readouterr().out


def test_the_same_seed_draws_the_same_program():
    first, second = drawn(11, 50), drawn(11, 50)
    assert first.source() == second.source()
    for a, b in zip(first.arrays, second.arrays, strict=True):
        np.testing.assert_array_equal(a, b)


def test_kinks_are_refused():
    step = Step("v0", ("v0 = f.relu(x0)",), ("relu",), margins=("x0",))
    assert Program({"x0": np.array([0.0, 1.0])}, (step,), ("v0",)).values() is None
    assert Program({"x0": np.array([0.1, 1.0])}, (step,), ("v0",)).values() is not None


def test_tolerance_grows_where_rounding_matters():
    def bound(*lines):
        steps = [Step(f"v{i}", (f"v{i} = {line}",), ("",)) for i, line in enumerate(lines)]
        program = Program({"x0": np.array(1.0)}, tuple(steps), (steps[-1].name,))
        return tolerances(Setting(program, 0), "float64")[0][0]

    eps = np.finfo(np.float64).eps
    assert bound("f.sin(x0)") < 500 * eps
    assert bound("f.sin(x0)", "f.sin(x0 * 1.01)", "1e6 * (v0 - v1)") > 1e6 * eps
