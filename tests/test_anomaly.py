"""`detect_anomaly` and `explain_nan`: which operation, where, from what, and why."""

import asyncio
import warnings

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn


@pytest.fixture(autouse=True)
def numpy_is_quiet():
    with np.errstate(all="ignore"):
        yield


def says(text, *words):
    for word in words:
        assert word in str(text), f"{word!r} is not in: {text}"


def here(text, line):
    """The message names this file and the line that holds this text."""
    says(text, f"{__file__}:", line)


def detected(work, *given, **settings):
    """The message of the AnomalyError that comes of this work within the mode."""

    @tg.detect_anomaly(**settings)
    def within():
        work(*given)

    with pytest.raises(tg.AnomalyError) as caught:
        within()
    assert isinstance(caught.value, FloatingPointError)
    return str(caught.value)


# Forward


def test_log_of_zero():
    p = tg.Variable([[0.2, 0.3, 0.5, 0.0]])
    text = detected(lambda: -tg.log(p * 1.0).sum())
    says(text, "log: its result of shape (1, 4) has -inf at (0, 3), where x is 0")
    says(text, "Log of 0 is -inf: clip", "tg.log_softmax", "forward=False")
    here(text, "-tg.log(p * 1.0).sum()")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: np.log(x - 2), ["NaN at (0,) and 1 more place, where x is -2", "negative"]),
        (lambda x: np.log2(x), ["log2", "-inf at (0,)", "clip"]),
        (lambda x: np.log1p(x - 1), ["log1p", "-inf", "x is -1"]),
        (lambda x: 1 / x, ["divide", "inf at (0,), where a is 1 and b is 0", "a / (b + 1e-12)"]),
        (lambda x: x / x, ["divide", "NaN at (0,), where a is 0 and b is 0", "0/0"]),
        (lambda x: x / np.array([0, 1]), ["divide", "b is 0"]),
        (lambda x: 1 / (x + 1e-320), ["divide", "inf", "too close to 0"]),
        (lambda x: np.reciprocal(x), ["reciprocal", "1/0"]),
        (lambda x: (x - 1) ** 0.5, ["power", "a is -1 and b is 0.5", "not whole"]),
        (lambda x: x**-1, ["power", "b is -1", "1/0"]),
        (lambda x: np.sqrt(x - 1), ["sqrt", "x is -1", "tg.maximum(x, 0)"]),
        (lambda x: np.exp(x * 1000), ["exp", "inf at (1,), where x is 1000", "tg.logsumexp"]),
        (lambda x: np.arccos(x * 2), ["arccos", "x is 2", "tg.clip(x, -1, 1)"]),
        (lambda x: np.arctanh(x), ["arctanh", "inf at (1,), where x is 1", "infinite at ±1"]),
        (lambda x: np.arccosh(x), ["arccosh", "from 1 on"]),
        (lambda x: x * 1e300 * 1e300, ["multiply", "inf at (1,)", "overflow", "float64 ends at"]),
        (lambda x: (x * np.inf), ["multiply", "NaN", "0 times infinite", "tg.where"]),
        (lambda x: x[:0].mean(), ["mean: its result is NaN", "no elements"]),
        (lambda x: tg.softmax(tg.where(x > 5, x, -np.inf)), ["softmax", "masked entirely"]),
        (lambda x: np.array([1e200, 0]) @ (x * 1e200 + 1e200), ["matmul: its result is inf"]),
        (lambda x: tg.astype(x, np.float16) * 6e4 * 2, ["float16", "float64 reaches"]),
        (lambda x: tg.astype(x * 1e300, np.float32), ["astype", "inf", "float32 ends at"]),
        (lambda x: np.log(x * 1j), ["log", "inf"]),
    ],
)  # fmt: skip
def test_what_comes_up_forward(call, words):
    x = tg.Variable([0.0, 1.0])
    text = detected(call, x)
    assert all(word.lower() in text.lower() for word in words), text


def test_what_came_in_passes_forward():
    x = tg.Variable([0.0, np.inf, np.nan])
    with tg.detect_anomaly():
        y = np.exp(x * 2 + 1).sum()
        z = tg.where([True, False, True], tg.Variable([1.0, 2.0, 3.0]), -np.inf)
        tg.softmax(z)
    assert np.isnan(y.item())


def test_numbers_that_are_fine():
    w = tg.Variable(np.linspace(-2, 2, 6).reshape(2, 3))
    with warnings.catch_warnings(), tg.detect_anomaly():
        warnings.simplefilter("error")
        loss = nn.softmax_cross_entropy(nn.Dense(3, 2, dtype=np.float64)(w), [0, 1])
        loss.backward()
    assert w.grad is not None


# Backward


def test_slope_of_the_square_root_at_zero():
    w = tg.Variable([1.0, 4.0])

    def work():
        loss = tg.sqrt(w - 1).sum()
        loss.backward()

    text = detected(work)
    says(text, "sqrt: its gradient with respect to x of shape (2,) has inf at (0,)")
    says(text, "the result is 0 and the incoming gradient is 1", "tg.sqrt(x + 1e-12)")
    here(text, "loss = tg.sqrt(w - 1).sum()")
    assert w.grad is None


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: x**0.5, ["power", "respect to a", "a is 0, b is 0.5", "below 1"]),
        (lambda x: np.cbrt(x), ["cbrt", "infinite at 0"]),
        (lambda x: np.arcsin(x), ["arcsin", "inf at (1,)", "infinite at ±1"]),
        (lambda x: np.power(x - 1, tg.Variable(2.0)), ["power", "respect to b", "exponent"]),
        (lambda x: np.stack([x, np.sqrt(x)]), ["sqrt", "inf at (0,)"]),
    ],
)
def test_what_comes_up_backward(call, words):
    x = tg.Variable([0.0, 1.0])
    says(detected(lambda: call(x).sum().backward()), "its gradient", *words)


def test_the_line_is_not_known_of_a_call_outside():
    w = tg.Variable([0.0])
    loss = np.sqrt(w).sum()
    says(detected(loss.backward), "sqrt", "put the forward call inside `with tg.detect_anomaly():`")


def test_a_branch_that_was_not_taken_passes():
    w = tg.Variable([4.0, 0.0, -1.0])
    with tg.detect_anomaly(forward=False):
        tg.where(w > 0, tg.sqrt(w), 0).sum().backward()
    np.testing.assert_array_equal(w.grad.numpy(), [0.25, 0, 0])


def test_the_gradient_that_backward_is_given():
    w = tg.Variable([1.0])
    text = detected(lambda: (w * 2).backward([np.nan]))
    says(text, "the gradient that backward was given to begin with", "NaN at (0,)")


@pytest.mark.parametrize("through", [lambda w: w, lambda w: w * 1])
def test_a_sum_of_gradients_that_overflows(through):
    w = tg.Variable(0.0, name="w")
    x = through(w)
    text = detected(lambda: (x * 1.5e308 + x * 1.5e308).backward())
    says(text, "sum of the gradients that come from the uses of", "scale the loss down")
    says(text, "the leaf 'w'" if x is w else "the result of multiply")


def test_a_hook_that_returns_nan():
    w, seen = tg.Variable(1.0, name="w"), []
    w.register_hook(lambda g: seen.append(g) or g * np.nan)
    text = detected(lambda: (w * 2).backward())
    says(
        text, "after its hooks, the sum of the gradients", "the leaf 'w' is NaN", "A hook returned"
    )
    seen.clear()
    assert not tg.explain_nan(w * 2)
    assert not seen


def test_gradients_of_a_recorded_backward():
    w = tg.Variable([0.0, 1.0])

    def work():
        (first,) = tg.gradients((w**1.5).sum(), [w], create_graph=True)
        tg.gradients(first.sum(), [w])

    says(detected(work), "power: its gradient with respect to a", "b is 0.5")


# As a mode


def test_decorator_of_functions_and_coroutines():
    @tg.detect_anomaly
    def bare(x):
        return np.log(x)

    @tg.detect_anomaly(forward=False)
    def backward_only(x):
        return np.log(x)

    @tg.detect_anomaly()
    async def task(x):
        await asyncio.sleep(0)
        return np.log(x)

    w = tg.Variable(0.0)
    with pytest.raises(tg.AnomalyError):
        bare(w)
    assert backward_only(w).item() == -np.inf
    with pytest.raises(tg.AnomalyError):
        asyncio.run(task(w))
    assert np.log(w).item() == -np.inf
    with pytest.raises(TypeError, match="yields"):
        tg.detect_anomaly(lambda: (yield))


# explain_nan


def test_explanation_of_a_function_knows_everything():
    p = tg.Variable([0.5, 0.0])
    found = tg.explain_nan(lambda: -np.log(p * 1).sum())
    assert found
    first = found.forward
    assert (first.operation, first.value, first.indices, first.count) == ("log", "-inf", ((1,),), 1)
    assert first.site.file == __file__
    says(found, "Forward, log", "where x is 0", "Backward, log", "the incoming gradient is -1")
    assert p.grad is None
    assert not found.notes


def test_explanation_of_a_graph():
    p = tg.Variable([0.5, 0.0])
    loss = -np.log(p * 1).sum()
    found = tg.explain_nan(loss)
    says(found, "Forward, log: its result of shape (2,) has -inf at (1,), where x is 0", "clip")
    says(found, "Note: the line of yours is known", "lambda")
    assert found.forward.site is None
    assert p.grad is None
    loss.backward()  # the graph is as it was
    with tg.detect_anomaly(forward=False):
        within = -np.log(p * 1).sum()
    here(tg.explain_nan(within), "within = -np.log(p * 1).sum()")


def test_explanation_of_gradients_alone():
    w = tg.Variable([0.0, 4.0])
    for found in (tg.explain_nan(np.sqrt(w).sum()), tg.explain_nan(lambda: np.sqrt(w))):
        assert found.forward is None
        assert (found.backward.operation, found.backward.operand) == ("sqrt", "x")
        assert found.backward.indices == ((0,),)


def test_explanation_where_all_is_well():
    w = tg.Variable(2.0)
    for found in (tg.explain_nan(w * w), tg.explain_nan(lambda: w * w)):
        assert not found
        assert str(found) == "No NaN and no infinity was found."


def test_what_came_in_is_named():
    w = tg.Variable([1.0, np.nan], name="w")
    says(tg.explain_nan((w * w).sum()), "the leaf 'w' of shape (2,) has NaN at (1,) already")
    found = tg.explain_nan(lambda: (w * 2 + 1).sum())
    says(found, "multiply: its operand a of shape (2,) has NaN at (1,) already", "w * 2 + 1")
    data = np.array([np.inf, 1.0])
    says(tg.explain_nan(lambda: (tg.Variable(2.0) * data).sum()), "its operand b", "inf at (0,)")


def test_what_the_graph_does_not_keep_is_said():
    w = tg.Variable([1.0, np.nan])
    found = tg.explain_nan((w + 1) * 2)
    says(found, "its result of shape (2,) has NaN at (1,)", "does not keep", "lambda: f(x)")
    loss = np.log(w * 0).sum()
    loss.backward()
    says(tg.explain_nan(loss), "released", "retain_graph=True")


def test_what_is_discarded_is_said():
    w = tg.Variable([0.0, 1.0])
    found = tg.explain_nan(lambda: tg.where(w > 0, np.log(w), 0).sum())
    says(found, "Forward, log", "finite all the same", "tg.where")
    assert found.backward is None


def test_values_that_are_not_kept_are_computed_again():
    # The product is kept by nobody: a sum, an index and a split need no values.
    a, b = tg.Variable([1e200, 1.0]), tg.Variable([1e200, 2.0])
    product = a * b
    loss = tg.split(product + 1, 2)[0].sum()
    found = tg.explain_nan(loss)
    assert (found.forward.operation, found.forward.indices) == ("multiply", ((0,),))
    says(found, "a is 1e+200 and b is 1e+200", "Overflow")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (3.0, ["float came", "function"]),
        (tg.tensor(1.0), ["does not require grad", "lambda: f(x)"]),
    ],
)
def test_what_cannot_be_explained(given, words):
    with pytest.raises(tg.ArgumentError) as caught:
        tg.explain_nan(given)
    says(caught.value, "explain_nan", *words)


def test_functions_without_a_gradient():
    says(tg.explain_nan(lambda: tg.tensor(1.0) * 2), "does not require grad")
    says(tg.explain_nan(lambda: 3), "returned int")
