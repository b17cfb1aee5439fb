"""Questions about tensors, and whole numbers: NumPy's answers, never tracked."""

import operator

import numpy as np
import pytest
from cases import name_of

import tinygraph as tg
from tinygraph.registry import NUMPY

X = np.array([[0.5, -0.0, np.inf], [-np.inf, np.nan, 2.0]])
Y = np.array([0.5, 0.0, 2.0])
Z = X + 1j * np.array([0.0, 1.0, 0.0])
K = np.array([[12, 5, -7], [0, 3, 18]])
J = np.array([2, 3, 1])
# What each is asked of.
ASKED = {
    **dict.fromkeys(
        [
            "equal",
            "not_equal",
            "less",
            "less_equal",
            "greater",
            "greater_equal",
            "isclose",
            "allclose",
            "array_equal",
            "array_equiv",
            "logical_and",
            "logical_or",
            "logical_xor",
        ],
        (X, Y),
    ),
    **dict.fromkeys(
        [
            "isfinite",
            "isinf",
            "isnan",
            "isneginf",
            "isposinf",
            "signbit",
            "logical_not",
            "iscomplex",
            "isreal",
            "iscomplexobj",
            "isrealobj",
        ],
        (X,),
    ),
    **dict.fromkeys(
        ["bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift", "gcd", "lcm"],
        (K, J),
    ),
    **dict.fromkeys(["bitwise_count", "invert"], (K,)),
}
DISCRETE = {t: f for t, f in NUMPY.items() if f.__module__ == "tinygraph.ops.discrete"}


def assert_answers(found, wanted):
    if isinstance(wanted, bool):
        assert found is wanted
        return
    assert type(found) is tg.Tensor
    assert not found.requires_grad
    assert found.dtype == np.asarray(wanted).dtype
    np.testing.assert_array_equal(found.numpy(), wanted)


@pytest.mark.parametrize("target", DISCRETE, ids=name_of)
def test_answers(target):
    if target is np.isnat:
        with pytest.raises(tg.DTypeError, match="isnat of float64"):
            np.isnat(tg.Variable(X))
        return
    arrays = ASKED[target.__name__]
    tensors = [tg.tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]
    for function in (target, getattr(tg, target.__name__)):
        assert_answers(function(*tensors), target(*arrays))
        if len(arrays) > 1:
            assert_answers(function(tensors[0], arrays[1]), target(*arrays))
            assert_answers(function(arrays[0], tensors[1]), target(*arrays))
    assert_answers(getattr(tg, target.__name__)(*arrays), target(*arrays))


@pytest.mark.parametrize("name", ["iscomplex", "isreal", "iscomplexobj", "isrealobj", "isfinite"])
def test_of_complex_numbers(name):
    assert_answers(getattr(tg, name)(tg.Variable(Z)), getattr(np, name)(Z))


def test_keywords():
    t = tg.Variable(X)
    assert tg.allclose(t, X, equal_nan=True)
    assert np.array_equal(t, X, equal_nan=True)
    assert tg.allclose(t[0, 0], 0.6, atol=0.1)
    out = np.zeros(X.shape, bool)
    assert tg.isnan(t, out=out, where=tg.tensor([[True], [False]])) is out
    assert not out.any()
    assert np.logical_and(t, 1, dtype=bool).dtype == bool


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda t: np.bitwise_and(t, 1), tg.DTypeError, "bitwise_and of float64 and int64"),
        (lambda t: tg.gcd(t, t), tg.DTypeError, "gcd of float64 and float64"),
        (lambda t: np.less(t, [1, 2]), tg.ShapeError, r"less: shapes \(2, 3\) and \(2,\)"),
        (lambda t: tg.isnan(X, out=t), tg.ArgumentError, "isnan: a tensor cannot be out="),
        (lambda t: tg.isnan(X, t), tg.ArgumentError, "isnan: 2 operands came; it takes 1"),
        (lambda t: tg.logical_or(X, None), tg.DTypeError, "object array"),
        (lambda t: tg.isnan([t, t]), tg.DetachError, "stack"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call(tg.Variable(X))


@pytest.mark.parametrize("name", ["and_", "or_", "xor", "lshift", "rshift"])
def test_operators_of_integers(name):
    function = getattr(operator, name)
    assert_answers(function(tg.tensor(J), 1), function(J, 1))
    assert_answers(function(9, tg.tensor(J)), function(9, J))
    assert_answers(function(K, tg.tensor(J)), function(K, J))
