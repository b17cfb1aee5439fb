"""Rounding is measured, cancellation included: no false alarms of it, no cover for mistakes."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph.ops.determinants import cofactors
from tinygraph.testing import GradientMismatch, check_grads
from tinygraph.testing.comparison import Comparison
from tinygraph.testing.posing import posed

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 2))

# Functions, correct all of them, of which rounding leaves few digits or none.
CANCELLING = {
    "a second derivative of 0": (lambda x: np.arctan2(x**2 + 0.5, x**2 + 0.5), np.array(-1.0)),
    "a value of 0": (lambda x, w: np.tanh(np.concatenate([x, -x]) @ w).sum(), X, W),
    "a derivative of 0": (lambda x: np.sum(np.exp(x) / np.sum(np.exp(x))), X),
    "an inverse": (lambda x: np.log(np.exp(x)) - x, X),
    "14 digits": (lambda x: (np.exp(x) + 1e14) - 1e14, X),
    "a sum of them": (lambda x: np.sum((np.exp(x) + 1e14) - 1e14), X),
    "a small angle": (lambda x: 1 - np.cos(1e-6 * x), X),
    "two terms of a series": (lambda x: (1 + 1e-7 * x) ** 2 - 1 - 2e-7 * x, X),
    "saturation": (np.tanh, np.array(16.03)),
    "saturation in float32": (np.tanh, np.array([8.03, -4.2], "f4")),
    "complex parts": (cofactors, np.array([[0.2 + 0.4j]])),
}


@pytest.mark.parametrize(("function", "arrays"), [(f, a) for f, *a in CANCELLING.values()],
                         ids=list(CANCELLING))  # fmt: skip
@pytest.mark.parametrize("seed", [0, 1])
def test_cancelled_digits_are_no_mistake(function, arrays, seed):
    check_grads(function, *arrays, seed=seed)


@tg.primitive(x=lambda ct: 1.01 * ct)
def inexact(x):
    """X, with a derivative that is wrong by a hundredth."""
    return x + 0


@pytest.mark.parametrize("name", ["14 digits", "a small angle", "two terms of a series"])
def test_a_mistake_is_found_beneath_them(name):
    function, x = CANCELLING[name]
    with pytest.raises(GradientMismatch, match=r"right one times 1\.01"):
        check_grads(lambda x: function(inexact(x)), x, order=1)


def compared(function, *arrays):
    problem = posed("a test", function, arrays, {}, None, None)
    problem.start("a test")
    return Comparison.at_random(problem, np.random.default_rng(0))


@pytest.mark.parametrize("dtype", ["f8", "f4", "c16"])
def test_noise_is_that_of_the_terms_that_cancel(dtype):
    """Of x + c − c it is half a unit in the last place of c, not of the result."""
    x, eps = np.ones(200, dtype), np.finfo(dtype).eps
    for size in (1, 2**10):
        changes = compared(lambda x, c=size: (x + c) - c, x).shaken_values
        deviation = np.sqrt(np.mean([np.abs(change[0]) ** 2 for change in changes]))
        assert 0.3 * size * eps < deviation < 3 * size * eps


def test_noise_of_gradients_comes_of_results_that_rules_keep():
    """1 − y² for y = tanh 16.03 has steps of 2ε."""
    comparison = compared(np.tanh, np.array(16.03))
    moved = max(abs(float(change[0])) for change in comparison.shaken)
    ct = abs(float(comparison.cotangents[0]))
    assert 0.5 * ct * 2.0**-52 <= moved <= 4 * ct * 2.0**-52


def test_what_a_rule_rounds_to_float32_is_not_granted_to_it():
    @tg.primitive(x=lambda ct: ct.astype(np.float32).astype(np.float64))
    def narrow(x):
        return 2 * x - x

    with pytest.raises(GradientMismatch):
        check_grads(narrow, X, order=1)


def test_nothing_stays_moved():
    before = [x.copy() for x in (X, W)]
    kept = X @ W
    noisy = compared(lambda x, w: tg.tensor(kept) + x @ w - kept, X, W)
    assert noisy.shaken_values
    assert noisy.shaken
    np.testing.assert_array_equal(kept, before[0] @ before[1])
    for now, was in zip((X, W), before, strict=True):
        np.testing.assert_array_equal(now, was)
    assert np.tanh(tg.tensor(0.5)).item() == np.tanh(0.5)
