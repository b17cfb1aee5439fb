"""docs/coverage.md speaks of every public function of NumPy, and says what the registry says."""

import types

import numpy as np
import pytest
from numpy_coverage import calls, probe, reasons
from numpy_coverage.page import PAGE, mentioned

import tinygraph as tg
from tinygraph.registry import NUMPY

AGAIN = "run `make coverage`, which writes docs/coverage.md anew"
DIFFERENTIABLE, MENTIONED = mentioned(PAGE.read_text("utf-8"))
FUNCTIONS = calls.numpy_functions()


def test_every_function_of_numpy_is_on_the_page():
    assert set(FUNCTIONS) <= MENTIONED, AGAIN


def test_every_function_of_numpy_is_called_or_has_a_reason():
    called = {name for name, found in calls.calls_by_name().items() if found}
    silent = set(FUNCTIONS) - called - reasons.REASONS.keys() - reasons.FORMER.keys()
    assert not silent, "give these calls, or a reason, in tests/numpy_coverage/"


def test_reasons_are_words_that_are_explained():
    assert set(reasons.REASONS.values()) <= reasons.WORDS.keys()


def test_what_is_registered_is_on_the_page_as_that():
    discrete = {*reasons.REASONS, *calls.groups()["Booleans and integers"], "linalg.matrix_rank"}
    constant = {FUNCTIONS[name] for name in discrete & FUNCTIONS.keys()}
    registered = {name for name, f in FUNCTIONS.items() if f in NUMPY and f not in constant}
    assert registered <= DIFFERENTIABLE, AGAIN


@pytest.mark.parametrize("name", sorted(DIFFERENTIABLE & FUNCTIONS.keys()))
def test_what_the_page_calls_differentiable_is(name):
    """The first call, order 1 and 2; `make coverage` runs all, complex and with keywords too."""
    outcome = probe.Probe(calls.calls_by_name()[name][0], np).run()
    assert outcome.kind in (probe.GRADIENT, probe.ZERO, probe.DISCRETE, probe.UNKNOWN), AGAIN


def _cube(slope):
    @tg.elementwise(x=slope)
    def cube(x, /):
        """x³."""
        return x**3

    return types.SimpleNamespace(square=cube)


@pytest.mark.parametrize(
    ("slope", "found"),
    [
        (lambda ct, x: ct * 3 * x**2, "gradient"),
        (lambda ct, x: ct * 3.001 * x**2, "order 1"),
        (lambda ct, x: ct * 3 * getattr(x, "value", x) ** 2, "order 2"),
    ],
)
def test_the_probe_finds_a_wrong_derivative(slope, found, monkeypatch):
    space = _cube(slope)
    call = calls.Call("square", "x", real=False)
    monkeypatch.setattr(np, "square", lambda x: x**3)
    assert found in str(probe.Probe(call, space).run())


def test_the_probe_finds_a_wrong_value_and_a_cut_graph():
    call = calls.Call("exp", "x", real=False)

    def outcome(function):
        return probe.Probe(call, types.SimpleNamespace(exp=function)).run()

    assert "value" in outcome(lambda x: tg.exp(x) * 1.001).note
    assert "order 1" in outcome(lambda x: tg.exp(x).detach()).note
    assert "tensor belongs" in outcome(lambda x: np.exp(x.detach().numpy())).note
