"""Planted mistakes of every kind: they are caught, located, and called what they are."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph.testing import GradientMismatch, check_grads

X = np.array([[0.3, -1.2, 0.7], [2.0, 0.4, -0.6]])
SQUARE = X[:, :2] @ X[:, 1:]
Z = X + 1j * X[::-1]
FOUR = np.arange(1.0, 5)[:, None, None]


def planted(compute, *rules):
    """An operation with these rules, for its operands in turn."""
    names = compute.__code__.co_varnames[: compute.__code__.co_argcount]
    if compute.__name__ == "<lambda>":
        compute.__name__ = "planted"
    return tg.primitive(**dict(zip(names, rules, strict=True)))(compute)


def square(x):
    return x * x


def product(a, b):
    return a @ b


CASES = {
    "sign": (square, [lambda ct, x: -2 * ct * x], [X], "sign", "sign is flipped"),
    "half": (square, [lambda ct, x: ct * x], [X], "factor", "half the right one"),
    "twice": (square, [lambda ct, x: 4 * ct * x], [X], "factor", "twice the right one"),
    "a factor": (square, [lambda ct, x: 2.1 * ct * x], [X], "factor", "times 1.05"),
    "a sum for a mean": (
        lambda x: np.mean(x),
        [lambda ct, x: ct * np.ones(x.shape)],
        [X],
        "factor",
        "6 times the right one, 6 being the number of elements of x",
    ),
    "a mean for a sum": (
        lambda x: x * FOUR,
        [lambda ct: np.mean(ct * FOUR, 0)],
        [X],
        "factor",
        "1/4 of the right one, 4 being the length of axis 0 of the result",
    ),
    "no sum over copies": (
        lambda x: x * FOUR,
        [lambda ct: ct[-1] * 4],
        [X],
        "broadcast",
        "only the last of 4 entries along axis 0",
    ),
    "zero": (square, [lambda ct: ct * 0], [X], "detached", "zero, although the result depends"),
    "spurious": (
        lambda x: 0 * x + 3,
        [lambda ct: ct],
        [X],
        "spurious",
        "although the result does not depend on it",
    ),
    "not finite": (square, [lambda ct, x: ct * x / 0.0], [X], "not finite", "not finite"),
    "no cotangent": (square, [lambda ct, x: 2 * x + 0 * ct], [X], "cotangent", "ct is left out"),
    "absolute cotangent": (
        square,
        [lambda ct, x: abs(ct) * 2 * x],
        [X],
        "partial",
        "where the cotangent is negative only, with its sign flipped there",
    ),
    "transposed": (
        lambda x: np.sum(x * [[1.0, 2.0], [3.0, 4.0]]),
        [lambda ct: ct * np.array([[1.0, 3.0], [2.0, 4.0]])],
        [SQUARE],
        "transposed",
        "the right one transposed",
    ),
    "cotangent transposed": (
        lambda x: np.sin(x).T,
        [lambda ct, x: ct * np.cos(x)],
        [SQUARE],
        "transposed",
        "the cotangent in it is transposed",
    ),
    "rolled": (
        square,
        [lambda ct, x: np.roll(2 * ct * x, 1, -1)],
        [X],
        "shifted",
        "rolled by 1 along axis 1",
    ),
    "shifted": (
        lambda x: np.cumsum(x),
        [lambda ct: np.append(np.cumsum(ct[::-1])[::-1][1:], 0 * ct[:1])],
        [X[0]],
        "shifted",
        "the right one shifted by -1 along axis 0",
    ),
    "reversed": (
        square,
        [lambda ct, x: (2 * ct * x)[::-1]],
        [X],
        "reversed",
        "in reverse order along axis 0",
    ),
    "swapped": (
        product,
        [lambda ct, a, b: a.T @ ct, lambda ct, a, b: ct @ b.T],
        [SQUARE, X[:, 1:]],
        "swapped",
        "it is the gradient of b: operands swapped",
    ),
    "conjugate": (
        square,
        [lambda ct, x: 2 * ct * np.conj(x)],
        [Z],
        "conjugate",
        "conjugated where it must not be",
    ),
    "real part only": (
        square,
        [lambda ct, x: np.real(2 * ct * x) + 0j],
        [Z],
        "conjugate",
        "its imaginary part is missing",
    ),
    "one sign only": (
        square,
        [lambda ct, x: 2 * ct * abs(x)],
        [X],
        "partial",
        "where the argument is negative only, with its sign flipped there",
    ),
    "at 0": (
        square,
        [lambda ct, x: np.where(x == 0, 1.0, 2 * ct * x)],
        [np.array([1.0, 0.0, 2.0])],
        "partial",
        "where the argument is 0 only",
    ),
    "one position": (
        square,
        [lambda ct, x: 2 * ct * x * [1.0, 1.0, 0.0]],
        [X],
        "partial",
        "at the last position along axis 1 only, and zero there",
    ),
    "factor left out": (square, [lambda ct: 2 * ct], [X], "elementwise", "divided by x"),
    "factor too many": (
        lambda x: np.exp(x),
        [lambda ct, x, y: ct * y * x],
        [X],
        "elementwise",
        "the right one times x",
    ),
    "term left out": (
        lambda x: x * x + 3 * x,
        [lambda ct, x: 2 * ct * x],
        [X],
        "term",
        "3 · ct is missing",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_is_caught_and_named(name):
    compute, rules, arrays, kind, words = CASES[name]
    function = planted(compute, *rules)
    with np.errstate(all="ignore"), pytest.raises(GradientMismatch) as caught:
        check_grads(function, *arrays, modes=["reverse"])
    assert (caught.value.mistake, caught.value.order) == (kind, 1)
    assert words in str(caught.value)


def test_detached():
    with pytest.raises(GradientMismatch, match="no gradient arrives") as caught:
        check_grads(lambda x, y: x * y.detach(), X, X)
    assert (caught.value.argument, caught.value.mistake) == ("y", "detached")


@tg.primitive(x=lambda ct, x: ct * np.cos(x.detach() if type(x) is tg.Tensor else x))
def cut_sine(x):
    """Sin x, whose rule cuts the graph."""
    return np.sin(x)


def test_second_order():
    check_grads(cut_sine, X, order=1)
    with pytest.raises(GradientMismatch, match="the second derivative of cut_sine is wrong in x"):
        check_grads(cut_sine, X)


@tg.primitive(x=lambda ct, x: ct * np.where(np.arange(4000).reshape(20, 200) == 777, 3, 2) * x)
def wrong_in_one_place(x):
    """x², with a rule that is wrong in one of 4,000 elements."""
    return x * x


def test_the_place_is_found_in_a_large_array():
    x = np.random.default_rng(0).uniform(1, 2, (20, 200))
    with pytest.raises(GradientMismatch, match=r"x\[3, 177\]") as caught:
        check_grads(wrong_in_one_place, x)
    assert caught.value.index == (3, 177)
    assert caught.value.analytic == pytest.approx(1.5 * caught.value.numeric)


def test_the_output_is_named():
    with pytest.raises(GradientMismatch, match=r"of +the result\['b'\]"):
        check_grads(lambda x: {"a": x * x, "b": x * x.detach()}, X)


def test_full_names_one_element():
    """A wrong element beside which rounding of the others is larger."""
    huge = np.array([1e14, 1.0, 1.0])
    wrong = planted(lambda x: x * huge, lambda ct: ct * huge * [1.0, 1.0, 1.01])
    check_grads(wrong, X)
    with pytest.raises(GradientMismatch, match=r"of +the result\[1, 2\]") as caught:
        check_grads(wrong, X, full=True)
    assert caught.value.index == (1, 2)


def test_small_mistakes_show():
    """One in 10^9, of a gradient that is right otherwise."""
    off = planted(square, lambda ct, x: 2 * ct * x * (1 + 1e-9))
    with pytest.raises(GradientMismatch, match=r"times 1 \+ 1e-09"):
        check_grads(off, X)


def test_forward_mode_by_itself():
    """A rule that is right on arrays, and wrong where it is run on tensors."""
    two = planted(square, lambda ct, x: 2 * ct * x * (2 if type(ct) is tg.Tensor else 1))
    check_grads(two, X, order=1, modes=["reverse"])
    with pytest.raises(GradientMismatch, match="forward mode") as caught:
        check_grads(two, X, order=1)
    assert (caught.value.mode, caught.value.mistake) == ("forward", "factor")


def test_the_message_has_all_figures():
    with pytest.raises(GradientMismatch) as caught:
        check_grads(planted(square, lambda ct, x: ct * x), X)
    found = caught.value
    assert found.error == pytest.approx(abs(found.analytic - found.numeric))
    assert found.noise < found.tolerance < 1e-10 < found.error
    for word in ("analytic", "numeric", "error", "is allowed", "numerical noise", "6 of 6"):
        assert word in str(found)
