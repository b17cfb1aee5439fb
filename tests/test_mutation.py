"""`detect_mutation`: an array that was changed between forward and backward is found."""

import numpy as np
import pytest

import tinygraph as tg


def w_and(array):
    return tg.Variable([1.0, 2.0, 3.0], name="w"), np.array(array)


def caught(call, array):
    """The message that comes if the array is changed after the call."""
    w, x = w_and(array)

    def work():
        loss = call(w, x).sum()
        x[...] = x[::-1].copy()
        loss.backward()

    text = detected(work)
    assert w.grad is None
    return text


def detected(work):
    """The message of the MutationError that comes of this work within the mode."""
    with pytest.raises(tg.MutationError) as error:
        tg.detect_mutation(work)()
    assert isinstance(error.value, tg.BackwardError)
    return str(error.value)


@pytest.mark.parametrize(
    ("call", "array", "words"),
    [
        (lambda w, x: w * x, [1.0, 2, 3], "multiply: its operand 'b', an array of"),
        (lambda w, x: x * w, [1.0, 2, 3], "backward through multiply: its operand 'a', an array"),
        (lambda w, x: np.multiply(x[::2], w[:2]), [1.0, 2, 3], "its operand 'a', an array"),
        (lambda w, x: x @ w, [1.0, 2, 3], "backward through matmul: its operand 'a'"),
        (lambda w, x: w[x], [0, 1, 2], "backward through getitem: its argument 'index', an array"),
        (lambda w, x: w[x, None], [0, 1, 2], "getitem: its argument 'index[0]', an array"),
        (lambda w, x: w[x], [True, True, False], "getitem: its argument 'index'"),
        (lambda w, x: np.take(w, x), [0, 1, 2], "getitem: its argument 'index"),
        (lambda w, x: np.where(x, w, 0), [True, True, False], "where: its operand 'condition'"),
        (lambda w, x: np.einsum("i,i->i", w, x), [1.0, 2, 3], "einsum"),
    ],
)  # fmt: skip
def test_arrays_that_operations_keep(call, array, words):
    text = caught(call, array)
    assert words in text
    assert "changed after the call" in text
    assert f"{__file__}:" in text
    assert "array.copy()" in text


def test_assignment_by_an_index_that_is_changed():
    w, i = w_and([0, 1])

    def work():
        y = w * 1
        y[i] = w[:2] * 2
        i[0] = 2
        y.sum().backward()

    assert "setitem: its argument 'index'" in detected(work)


def test_a_tensor_that_is_written_to():
    w, _ = w_and([])

    def to_result():
        y = np.exp(w)
        y.value[0] = 0
        y.sum().backward()

    def to_leaf():
        y = np.sin(w)
        w.value[0] = 0
        y.sum().backward()

    assert "exp: its result, of shape" in detected(to_result)
    assert "sin: its operand 'x', the tensor 'w' of shape" in detected(to_leaf)


def test_what_is_not_used_may_change():
    w, x = w_and([1.0, 2, 3])
    with tg.detect_mutation():
        loss = (w + x).sum() + (tg.tensor(x) * w).sum()
        x[0] = 9
        loss.backward()
        x[0] = 7
    np.testing.assert_array_equal(w.grad.numpy(), [2, 3, 4])


def test_what_is_computed_in_between_may_change():
    w, x = w_and([1.0, 2, 3])
    with tg.detect_mutation():
        for k in range(3):
            x[:] = k
            (w * x).sum().backward()
    np.testing.assert_array_equal(w.grad.numpy(), [3, 3, 3])


def test_calls_outside_cannot_be_checked_and_it_says_so():
    w, x = w_and([1.0, 2, 3])
    loss = (w * x).sum()
    with tg.detect_mutation(), pytest.warns(UserWarning, match="multiply was called outside of it"):
        loss.backward()


def test_it_says_nothing_of_calls_outside_that_keep_no_array():
    w, x = w_and([1.0, 2, 3])
    total = (w + x) * 2
    with tg.detect_mutation():
        total.sum().backward()


def test_a_training_step_passes():
    from tinygraph import nn, optim

    model = nn.Sequential(
        nn.Dense(3, 4), nn.BatchNorm(4), nn.ReLU(), nn.Dropout(0.2), nn.Dense(4, 2)
    )
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    with tg.detect_mutation(), tg.detect_anomaly():
        for _ in range(3):
            optimizer.minimize(lambda: nn.softmax_cross_entropy(model(x), [0, 1, 0, 1, 1]))


def test_decorator():
    @tg.detect_mutation
    def step(w, x):
        loss = (w * x).sum()
        x += 1
        loss.backward()

    w, x = w_and([1.0, 2, 3])
    with pytest.raises(tg.MutationError, match="multiply"):
        step(w, x)
