"""The pytest plugin, in runs of pytest of their own."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import settings

import tinygraph as tg
from tinygraph.testing import strategies as st
from tinygraph.testing.plugin import compared, use_profile

ROOT = Path(__file__).parents[2]

TESTS = """
from hypothesis import given, settings, strategies as hs

calls = []

@given(hs.integers())
def test_counts(n):
    calls.append(n)

def test_examples():
    assert len(calls) == {examples}
"""


@pytest.fixture
def run(tmp_path):
    """pytest in a folder with these files: what it printed."""

    def run(*options, plugin=True, hypothesis=True, **files):
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
        # By its name: in a checkout that is not installed there is no entry point. Of others only
        # Hypothesis's, as some take seconds to import.
        environment |= {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        load = ["-p", "pytest_tinygraph"] if plugin else []
        load += ["-p", "_hypothesis_pytestplugin"] if hypothesis else []
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *load, *options]
        done = subprocess.run(
            [*command, "--rootdir", tmp_path, tmp_path],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        return done.stdout + done.stderr

    return run


def test_loading_it_imports_neither_numpy_nor_tinygraph():
    code = "import sys, pytest_tinygraph; print(*sorted({'numpy', 'tinygraph'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_settings_of_ones_own_stay_where_none_is(run):
    own = """
from hypothesis import settings
settings.register_profile("mine", max_examples=7, deadline=None)
settings.load_profile("mine")
import tinygraph.testing.strategies
"""
    out = run(conftest=own, test_it=TESTS.format(examples=7))
    assert "2 passed" in out
    assert "tinygraph:" not in out


def test_a_random_profile_tells_its_seed_and_how_to_have_a_failure_again(run):
    failing = """
import tinygraph as tg
from tinygraph import nn
from hypothesis import given, settings, strategies as hs

@settings(max_examples=5)
@given(hs.integers())
def test_fails(n):
    assert n != n

def test_compares():
    assert tg.tensor(1.0) == 1.5
"""
    out = run("--tinygraph-profile=thorough", test_it=failing)
    seed = re.search(r"tinygraph: profile thorough, 1000 examples, --hypothesis-seed=(\d+)", out)
    again = f"test_it.py::test_fails --tinygraph-profile=thorough --hypothesis-seed={seed[1]}"
    assert f"again: pytest {again}" in out
    assert re.search(r"from nn.seed\(\d+\)", out)
    assert "difference: 0.5" in out


@pytest.mark.parametrize(
    "name, examples, header",
    [
        ("ci", 50, "tinygraph: profile ci, 50 examples, the same on every run"),
        ("thorough", 1000, "tinygraph: profile thorough, 1000 examples, --hypothesis-seed=12"),
    ],
)
def test_a_profile_is_loaded_and_a_given_seed_kept(name, examples, header):
    before = settings.get_current_profile_name()
    config = SimpleNamespace(option=SimpleNamespace(hypothesis_seed="12"))
    try:
        assert use_profile(config, name) == header
        assert settings().max_examples == examples
    finally:
        settings.load_profile(before)
    assert config.option.hypothesis_seed == "12"


def test_two_profiles_are_one_too_many(run):
    out = run("--tinygraph-profile=ci", "--hypothesis-profile=default", test_it="")
    assert "both name a profile of Hypothesis; give one of them" in out


def test_a_missing_hypothesis_is_named_with_its_extra(run, tmp_path):
    (tmp_path / "hypothesis.py").write_text(
        "raise ModuleNotFoundError('No module named hypothesis', name='hypothesis')"
    )
    out = run("--tinygraph-profile=ci", hypothesis=False, test_it="")
    assert 'pip install "tinygraph-autodiff[testing]"' in out


def test_the_strategies_name_their_extra(tmp_path):
    (tmp_path / "hypothesis.py").write_text(
        "raise ModuleNotFoundError('No module named hypothesis', name='hypothesis')"
    )
    code = "import tinygraph as tg; getattr(tg.testing, 'given_gradients')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
    )
    assert done.stderr.splitlines()[-1] == (
        "ImportError: tinygraph.testing.strategies needs Hypothesis: "
        'pip install "tinygraph-autodiff[testing]"'
    )


def test_profiles_are_registered_and_not_loaded():
    before = settings.get_current_profile_name()
    st.register_profiles()
    assert settings.get_current_profile_name() == before == "tinygraph"
    assert settings.get_profile("tinygraph-ci").derandomize
    assert settings.get_profile("tinygraph-thorough").max_examples == 1000


# Assertions


def test_a_difference_is_told_in_roundings():
    one = tg.tensor(np.float32(1))
    found = compared("==", one, np.float64(1 + 3 * 2.0**-23))
    assert found == [
        "tensor(1., dtype=float32) == np.float64(1.0000003576278687)",
        "left: float32 (), right: float64 ()",
        "difference: 3.58e-07",
        "in roundings of float32: 3.0; tolerate them with np.allclose",
    ]


@pytest.mark.parametrize(
    "operator, left, right",
    [("!=", tg.tensor(1.0), 1.0), ("==", 1.0, 2.0), ("==", tg.tensor(1.0), "one")],
)
def test_other_comparisons_are_left_to_pytest(operator, left, right):
    assert compared(operator, left, right) is None


def test_integers_and_infinities_have_a_difference_too():
    assert compared("==", tg.tensor(3), 5)[1:] == ["difference: 2"]
    assert compared("==", tg.tensor(np.inf), 1.0)[1:] == ["difference: inf"]
    assert compared("==", tg.tensor([1.0]), 2.0)[1] == "left: float64 (1,), right: float64 ()"
