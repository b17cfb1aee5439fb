"""check_custom: each thing that is asked of an operation is asked, and its lack is named."""

import functools

import numpy as np
import pytest
from scipy import special

import tinygraph as tg
from tinygraph import nn
from tinygraph.testing import CheckFailed, GradientMismatch, check_custom


@tg.elementwise(x=lambda ct, x: ct * 2 / np.sqrt(np.pi) * np.exp(-x * x))
def error_function(x):
    """The error function, by SciPy."""
    return special.erf(x)


def test_an_operation_of_scipys():
    check = check_custom(error_function, reference=special.erf)
    assert check.checked == (
        "value",
        "no mutation",
        "float64",
        "derivatives up to order 2",
        "float32",
        "layouts",
        "keywords",
    )
    assert set(check.left_out) == {"choices of tracked operands", "broadcasting"}
    assert "right in 4 samples" in str(check)


@pytest.mark.parametrize(
    "operation", [tg.multiply, tg.exp, tg.sum, tg.matmul, tg.concatenate, tg.linalg.solve]
)
def test_operations_of_the_package(operation):
    assert "value" in check_custom(operation).checked


def test_broadcasting_is_checked():
    assert "broadcasting" in check_custom(tg.multiply).checked
    assert (
        "broadcasting"
        in check_custom(lambda a, b: a * b + b, (np.ones((2, 3)), np.ones((2, 3)))).checked
    )


def test_functions_that_are_no_primitives():
    check = check_custom(
        nn.softmax,
        tg.sample(np.array([[0.5, 2.0, -1.0]])),
        reference=lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
    )
    assert check.samples == 1


def rule(compute, *samples, error=CheckFailed, words="wrong in", reference=None, **rules):
    return compute, samples, error, words, reference, rules


def scale(ct, x):
    if type(ct) is np.ndarray:
        ct *= 2
        return ct * x
    return 2 * ct * x


WRONG = {
    "value": rule(
        lambda x: x * x + 1,
        tg.sample((3,)),
        words="the value is",
        reference=np.square,
        x=lambda ct, x: 2 * ct * x,
    ),
    "shape": rule(
        lambda x: (x * x)[None],
        tg.sample((3,)),
        words=r"shape \(1, 3\)",
        reference=np.square,
        x=lambda ct, x: 2 * ct[0] * x,
    ),
    "gradient": rule(
        lambda x: x * x, tg.sample((3,)), error=GradientMismatch, x=lambda ct, x: ct * x
    ),
    "second": rule(
        lambda x: x * x * x,
        tg.sample((3,)),
        error=GradientMismatch,
        words="second derivative",
        x=lambda ct, x: 3 * ct * x * (x.detach() if type(x) is tg.Tensor else x),
    ),
    "mutates": rule(lambda x: x * x, tg.sample((3,)), words="its gradient rule changes", x=scale),
    "few digits": rule(
        lambda x: x * 3.0,
        tg.sample((3,)),
        words="the gradient of x has the digits of float32 only",
        x=lambda ct: (ct * 3.0).astype(np.float32).astype(ct.dtype),
    ),
    "float64": rule(
        lambda x: x * np.ones(3),
        tg.sample((3,)),
        words="for float32 operands the result is float64",
        x=lambda ct: ct,
    ),
    "strides": rule(
        lambda x: x.ravel(order="K").reshape(x.shape) * 1.0,
        tg.sample((2, 3)),
        words="in the layout 'F' the value is another",
        x=lambda ct: ct,
    ),
    "copies": rule(
        lambda a, b: a * b,
        tg.sample((3, 4), (3, 4)),
        words="the sum over the broadcast axes is missing",
        a=lambda ct, b: ct * b,
        b=lambda ct, a: ct * a,
    ),
    "wrong copies": rule(
        lambda a, b: a * b,
        tg.sample((3, 4), (3, 4)),
        words="not the sum over the broadcast axes",
        a=lambda ct, b, shape: first_of(ct * b, shape),
        b=lambda ct, a, shape: first_of(ct * a, shape),
    ),
}


def first_of(ct, shape):
    while ct.ndim > len(shape):
        ct = ct[0]
    for axis, n in enumerate(shape):
        ct = np.take(ct, np.arange(n), axis)
    return ct


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(name):
    compute, samples, error, words, reference, rules = WRONG[name]
    compute.__name__ = "planted"
    operation = tg.primitive(**rules)(compute)
    with pytest.raises(error, match=words) as caught:
        check_custom(operation, *samples, reference=reference)
    assert any("in the sample" in note for note in caught.value.__notes__)


def test_a_rule_that_depends_on_what_else_is_tracked():
    @tg.primitive(
        joint=(("a", "b"), lambda ct, a, b: (ct * b, ct * a)),
        a=lambda ct, b: -ct * b,
        b=lambda ct, a: ct * a,
    )
    def operation(a, b):
        return a * b

    with pytest.raises(GradientMismatch, match=r"in a\[\d\] \(forward mode\)"):
        check_custom(operation, tg.sample((3,), (3,)))


def test_keywords_are_checked():
    def shifted(x, by=0.0):
        return x + by

    @functools.wraps(shifted)
    def confused(x, *rest, **keywords):
        return shifted(x, *rest) * (2 if keywords else 1)

    assert "keywords" in check_custom(shifted, (np.ones(3), 2.0)).checked
    with pytest.raises(CheckFailed, match="called by keyword its value is"):
        check_custom(confused, (np.ones(3), 2.0))


@pytest.mark.parametrize(
    "operation, samples, words",
    [
        (lambda x: x * x, [], "declares no samples; give it some"),
        (lambda x: x * x, [tg.sample(3)], "has no operand: it needs a floating array"),
        (tg.exp.primitive, [], "is the record of an operation; pass the function itself"),
        (3.0, [], "float came for the operation; pass the function"),
    ],
)
def test_mistakes_in_calling(operation, samples, words):
    with pytest.raises(tg.ArgumentError, match=words):
        check_custom(operation, *samples)
