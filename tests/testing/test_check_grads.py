"""check_grads: right functions of every kind pass; what cannot be checked is said to be so."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from cases import CASES, one_each
from hypothesis import given, settings
from hypothesis import strategies as hs
from scipy import linalg

import tinygraph as tg
from tinygraph import nn
from tinygraph.testing import (
    CheckFailed,
    GradientMismatch,
    Inconclusive,
    Kink,
    check_grads,
    strategies,
)

RNG = np.random.default_rng(5)


def normal(*shape, dtype=np.float64):
    x = RNG.normal(size=shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * RNG.normal(size=shape)
    return np.asarray(x, dtype)


# What passes


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_right_functions_pass(dtype):
    check = check_grads(
        lambda a, b: np.tanh(a @ b) * 0.5, normal(2, 3, dtype=dtype), normal(3, dtype=dtype)
    )
    assert check.precision < (2e-9 if np.finfo(dtype).eps < 1e-10 else 2e-2)


REGISTRY = [case for case in one_each(CASES) if sum(x.size for x in case.arrays())]


@pytest.mark.parametrize("case", REGISTRY, ids=repr)
def test_every_operation_passes(case):
    def outputs(*values):
        return [y for y in case(*values) if y.dtype.kind in "fc"]

    arrays = case.arrays()
    if outputs(*map(tg.tensor, arrays)):
        check_grads(outputs, *arrays, order=1)


@pytest.mark.parametrize(
    "layer, shape",
    [
        (nn.Dense(3, 2, "tanh", dtype=np.float64), (4, 3)),
        (nn.BatchNorm(3, dtype=np.float64), (5, 3)),
        (nn.Conv2D(2, 3, 2, dtype=np.float64), (1, 2, 4, 4)),
        (nn.LSTM(3, 2, dtype=np.float64), (2, 3, 3)),
        (nn.Dense(3, 2, "sigmoid"), (4, 3)),
    ],
    ids=lambda x: type(x).__name__,
)
def test_layers_are_checked_in_their_parameters(layer, shape):
    before = layer.state_dict()
    check = check_grads(layer, normal(*shape, dtype=next(layer.parameters()).dtype))
    assert {name for name, _ in layer.named_parameters()} < {*check.arrays}
    for name, array in layer.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_modules_among_the_arguments_are_checked_in_their_parameters_and_left_as_they_are():
    norm, dense = nn.BatchNorm(2, dtype=np.float64), nn.Dense(2, 1, dtype=np.float64)
    before = norm.state_dict()
    check = check_grads(lambda parts, x: parts[1](parts[0](x)), (norm, dense), normal(4, 2))
    assert check.arrays == (
        "x", "parts[0].gamma", "parts[0].beta", "parts[1].weight", "parts[1].bias",
    )  # fmt: skip
    for name, array in norm.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    with pytest.raises(GradientMismatch, match=r"wrong in m\.weight"):
        check_grads(lambda m, x: doubled(m.weight) * x, dense, normal(2))


def test_a_function_that_writes_to_what_it_is_given():
    def adding(x, c, *, d):
        (c if d is None else d).__iadd__(1)
        return x * c

    with pytest.raises(CheckFailed, match="adding writes to c, which it is given"):
        check_grads(adding, normal(2), np.arange(2), kwargs={"d": None})
    with pytest.raises(CheckFailed, match="adding writes to c"):
        check_grads(adding, normal(2), normal(2), kwargs={"d": None}, argnums=0)
    with pytest.raises(CheckFailed, match="adding writes to d"):
        check_grads(adding, normal(2), 1.0, kwargs={"d": np.arange(2)})


def test_parameters_of_a_closure():
    w = tg.Variable(normal(3), name="w")
    assert check_grads(lambda x: x * w, normal(3), parameters=[w]).arrays == ("x", "w")
    assert check_grads(lambda x: x * w, normal(3), parameters={"v": w}).arrays == ("x", "v")


@tg.primitive(
    a=lambda ct, y, a: -np.outer(solution(a.T, ct), y),
    b=lambda ct, a: solution(a.T, ct),
)
def solution(a, b):
    """The x of a·x = b, by SciPy."""
    return linalg.solve(a, b)


def test_a_solver_that_is_not_ours():
    check_grads(solution, normal(3, 3) + 4 * np.eye(3), normal(3), full=True)


def test_containers_in_and_out():
    @dataclass
    class State:
        x: Any
        name: str = "state"

    arrays = {"w": normal(3), "b": (normal(), normal(2)), "none": None}
    check = check_grads(
        lambda p, s, k, *, power: {"y": p["w"] * s.x**power, "z": [p["b"][1] * p["b"][0]], "k": k},
        arrays,
        State(normal(3)),
        np.arange(3),
        kwargs={"power": 3},
    )
    assert check.arrays == ("p['w']", "p['b'][0]", "p['b'][1]", "s.x")
    assert check.order == 2


def test_argnums_chooses():
    arrays = normal(3), np.array([1.0, 0.0, -1.0])
    assert check_grads(lambda x, y: x * abs(y), *arrays, argnums=0).arrays == ("x",)
    with pytest.raises(Kink):
        check_grads(lambda x, y: x * abs(y), *arrays)


def test_the_full_jacobian():
    check_grads(lambda z: (np.abs(z), z * z), normal(2, 2, dtype=complex), full=True)


def test_large_arrays_cost_no_more_calls():
    def calls_for(n):
        count = 0

        def function(x):
            nonlocal count
            count += 1
            return np.tanh(x) * 2

        check_grads(function, RNG.uniform(-1, 1, n))
        return count

    assert calls_for(10_000) <= 1.5 * calls_for(10)


def test_order_three():
    check_grads(lambda x: np.sin(x) * x, normal(2), order=3)
    with pytest.raises(GradientMismatch, match="the third derivative"):
        check_grads(wrong_in_the_third, normal(2), order=3)


@tg.primitive(x=lambda ct, x: ct * exponential(x))
def wrong_in_the_third(x):
    """e^x, whose rule uses an exponential with a wrong second derivative."""
    return np.exp(x)


@tg.primitive(x=lambda ct, x: ct * halved(x))
def exponential(x):
    """e^x."""
    return np.exp(x)


@tg.primitive(x=lambda ct, x: 0.5 * ct * np.exp(x))
def halved(x):
    """e^x, with half its derivative."""
    return np.exp(x)


def test_values_of_all_sizes():
    check_grads(np.log, np.array([1e-8, 2.0, 1e8]))
    check_grads(lambda x: np.sum(nn.softmax(x)), normal(2, 3))
    check_grads(lambda x: (1e6 * np.sin(x), 1e-6 * np.cos(x)), normal(3))


def test_a_complex_step_where_differences_are_too_noisy():
    """Of 1 in 10^13 differences see nothing, and the imaginary part sees it all."""
    check = check_grads(lambda x: 1e13 + np.sum(x), normal(3), order=1)
    assert check.precision < 1e-9
    with pytest.raises(GradientMismatch, match="factor of 2"):
        check_grads(lambda x: 1e13 + np.sum(doubled(x)), normal(3), order=1)
    with pytest.raises(Inconclusive, match="too noisy in x"):
        check_grads(lambda x: 1e13 + np.sum(np.abs(x)), normal(3), order=1)


@tg.primitive(x=lambda ct, x: ct * x)
def real_square(x):
    """x² by way of an array that holds no imaginary parts, with half its derivative."""
    filled = np.empty(x.shape)
    filled[...] = x
    return filled**2


def test_no_complex_step_where_imaginary_parts_are_lost():
    with pytest.raises(GradientMismatch):
        check_grads(real_square, normal(3))


def test_what_hardly_matters_is_named():
    check = check_grads(lambda x, y: x + 1e-13 * np.abs(y), normal(3), normal(3))
    assert check.unseen == ("y",)
    assert "too small to be seen: y" in str(check)


@tg.primitive(x=lambda ct: 2 * ct)
def doubled(x):
    """X, with twice its derivative."""
    return x + 0


# Kinks


@pytest.mark.parametrize(
    ("function", "x", "index", "sides"),
    [
        (np.abs, [1.0, 0.0, -2.0], (1,), (-1, 1)),
        (nn.relu, [[0.5, -1.0], [2.0, 0.0]], (1, 1), (0, 1)),
        (np.max, [1.0, 2.0, 2.0], (1,), (0, 1)),
        (lambda x: np.sum(np.abs(x - 1e-13)), [0.0], (0,), (-1, 1)),
        (np.round, [0.5], (0,), None),
    ],
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_kinks_are_named(function, x, index, sides, dtype):
    with pytest.raises(Kink) as caught:
        check_grads(function, np.array(x, dtype))
    assert caught.value.index == index
    if sides:
        found = caught.value.left, caught.value.right
        np.testing.assert_allclose(found, sides, atol=1e-1)


def test_tiny_numbers_overflow_without_a_warning():
    with pytest.raises(Kink):
        check_grads(np.abs, np.array([2.0**-1022, 1.0]))


def test_kinks_of_the_derivative():
    def f(x):
        return np.maximum(x, 0) ** 2

    x = np.array([0.0, 1.0])
    check_grads(f, x, order=1)
    with pytest.raises(Kink, match=r"the derivative of order 1 of f has a kink in x\[0\] = 0"):
        check_grads(f, x)


def test_where_a_function_is_not_defined_on_one_side():
    with pytest.raises(Kink, match="it is not defined to the left of it"):
        check_grads(np.sqrt, np.array([0.0, 1.0]))


@pytest.mark.parametrize("function", [np.cbrt, lambda x: np.sign(x) * np.sqrt(np.abs(x))])
def test_where_a_function_is_vertical(function):
    with pytest.raises(Kink, match="the slopes grow without end"):
        check_grads(function, np.array([0.0]))


def test_kinks_are_skipped_and_the_rest_is_checked():
    x = np.array([1.0, 0.0, -2.0])
    check = check_grads(np.abs, x, kinks="skip", full=True)
    assert check.skipped
    assert "at kinks left out" in str(check)
    with pytest.raises(GradientMismatch):
        check_grads(lambda x: np.abs(x) + doubled(x), x, kinks="skip")


@settings(max_examples=10)
@given(strategies.arrays((2,), elements=hs.sampled_from([0.0, 1.0])), hs.booleans())
def test_kinks_are_passed_over_by_hypothesis(x, full):
    check_grads(np.abs, x, kinks="assume", full=full)
    assert x.all()


# What is approximate, and what is not defined everywhere


@tg.primitive(x=lambda ct, y: ct * y * (1 + 1e-7), samples=(tg.sample((2, 3)),))
def roughly_exp(x):
    """e^x, with a rule that is good to seven digits."""
    return np.exp(x)


@pytest.mark.parametrize("full", [False, True])
def test_what_is_approximate_by_design(full):
    x = normal(2, 3)
    with pytest.raises(GradientMismatch, match=r"approximate by design, say so with rtol="):
        check_grads(roughly_exp, x, full=full)
    check_grads(roughly_exp, x, full=full, rtol=2e-6)
    with pytest.raises(GradientMismatch):
        check_grads(roughly_exp, x, full=full, rtol=2e-8)
    tg.testing.check_custom(roughly_exp, reference=lambda x: np.exp(x) * (1 - 1e-7), rtol=2e-6)
    with pytest.raises(CheckFailed):
        tg.testing.check_custom(roughly_exp, reference=lambda x: np.exp(x) * (1 - 1e-5), rtol=2e-6)


def test_a_large_array_that_is_approximate():
    x = normal(400)
    check_grads(roughly_exp, x, order=1, rtol=1e-6)
    with pytest.raises(GradientMismatch):
        check_grads(roughly_exp, x, order=1, rtol=1e-10)


@pytest.mark.parametrize("error", [RuntimeError, ValueError, ZeroDivisionError])
def test_a_function_that_raises_next_to_the_point(error):
    def of_nonnegative(x):
        if (x < 0).any():
            raise error("not there")
        return np.sqrt(x + 1)

    check_grads(of_nonnegative, np.array([0.25, 1.0]))
    with pytest.raises(Kink, match="it is not defined to the left of it"):
        check_grads(of_nonnegative, np.array([0.0, 1.0]))


def test_other_errors_next_to_the_point_are_raised_as_they_are():
    def of_integers(x):
        assert (x == np.round(x)).all()
        return x * x

    with pytest.raises(AssertionError) as caught:
        check_grads(of_integers, np.array([1.0, 2.0]))
    assert "called with arguments next to those given" in caught.value.__notes__[-1]


# What cannot be checked, and mistakes in calling


def test_a_function_that_is_not_repeatable():
    rng = np.random.default_rng(0)
    with pytest.raises(tg.ArgumentError, match="returned another value when called again"):
        check_grads(lambda x: x * rng.normal(), normal(3))
    with pytest.raises(tg.ArgumentError, match=r"turn dropout off with \.eval\(\)"):
        check_grads(nn.Dropout(0.5), normal(30))


async def waiting(x):
    return x


@pytest.mark.parametrize(
    ("function", "arguments", "error", "words"),
    [
        (np.argmax, [[1.0, 2.0]], tg.DTypeError, "returned an array of int64, which has no deriv"),
        (lambda x: x.detach().numpy(), [[1.0]], tg.DTypeError, "returned ndarray at the result"),
        (lambda x: None, [[1.0]], tg.DTypeError, r"returned None, .*: is the return left out\?"),
        (np.log, [[-1.0, 1.0]], tg.DomainError, r"log is nan at the result\[0\]"),
        (np.sum, [np.arange(3)], tg.DTypeError, "sum was given an array of int64; it needs a flo"),
        (
            np.sum,
            [np.arange(3)],
            tg.DTypeError,
            r"whole numbers have no derivative, 3\.0 and x\.as",
        ),
        (np.sum, [], tg.DTypeError, r"sum was given no arguments; .* check_grads\(f, x, y\)"),
        (np.sin, [[1.0, np.inf]], tg.DomainError, r"x\[1\] is inf; .* at finite points"),
        (nn.Dense, [[1.0]], tg.ArgumentError, r"the class Dense came .* make a module of it"),
        (waiting, [[1.0]], tg.ArgumentError, r"coroutine function; .* lambda x: asyncio\.run"),
        (np.ones(3), [], tg.ArgumentError, r"pass the function itself, and its arguments after"),
    ],
)
def test_mistakes_are_told(function, arguments, error, words):
    with pytest.raises(error, match=words):
        check_grads(function, *map(np.asarray, arguments))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"order": 0}, "order=0; it is 1, 2 or more"),
        ({"order": True}, "order=True; it is 1, 2 or more"),
        ({"modes": "reverse"}, 'it takes "reverse", "forward" or both'),
        ({"modes": ["backward"]}, 'it takes "reverse", "forward" or both'),
        ({"kinks": "ignore"}, 'it is "raise", "skip" or "assume"'),
        ({"rtol": 1}, "rtol=1; it is relative, from 0 to below 1"),
        ({"argnums": 2}, "was given 1 arguments by position"),
        ({"parameters": [3.0]}, "parameter 0 in parameters is float; it needs leaves"),
    ],
)
def test_settings_are_checked(settings, words):
    with pytest.raises(tg.ArgumentError, match=words):
        check_grads(np.sin, normal(2), **settings)


def test_arguments_in_a_tuple():
    with pytest.raises(TypeError, match="missing 1 required positional argument") as caught:
        check_grads(lambda x, y: x * y, (normal(2), normal(2)))
    assert caught.value.__notes__[-1].endswith("one after the other: check_grads(f, x, y)")


def test_what_was_compared_is_said():
    assert "are right to" in str(check_grads(np.sin, normal(3)))
    assert "are all 0, and right" in str(check_grads(lambda x: x * 0, normal(3)))
    assert "of no elements at all" in str(check_grads(np.sin, np.ones((0, 3))))


def test_integers_named_by_argnums():
    with pytest.raises(tg.DTypeError, match="y is an array of int64, which has no derivative"):
        check_grads(lambda x, y: x * y, normal(3), np.arange(3), argnums=(0, 1))


@tg.primitive(x=lambda ct: ct.__imul__(2) if type(ct) is np.ndarray else ct * 2)
def greedy(x):
    """2x, with a rule that writes to its cotangent."""
    return 2 * x


def test_a_rule_that_writes_to_its_cotangent():
    with pytest.raises(CheckFailed, match="a gradient rule of greedy writes to the cotangent"):
        check_grads(greedy, normal(3))


@tg.primitive(x=lambda ct, x: ct * np.cos(np.asarray(x)))
def only_once(x):
    """Sin x, with a rule that works on arrays only."""
    return np.sin(x)


def test_a_rule_that_cannot_be_differentiated():
    check_grads(only_once, normal(3), order=1, modes=["reverse"])
    with pytest.raises(tg.DetachError) as caught:
        check_grads(only_once, normal(3), modes=["reverse"])
    assert "with order=1 it is not asked for" in caught.value.__notes__[-1]
