"""No false alarms: right programs, put together at random, pass; a wrong rule in them does not."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tinygraph as tg
from tinygraph.testing import GradientMismatch, check_grads, strategies


def size(x):
    return np.real(x * np.conj(x))


ONE = [
    np.sin,
    np.tanh,
    np.square,
    np.cos,
    lambda x: np.sqrt(1 + size(x)),
    lambda x: np.log(2 + size(x)),
    lambda x: np.exp(x / (1 + size(x))),
    lambda x: x / np.sqrt(0.1 + np.mean(size(x))),
    lambda x: x - np.mean(x, 0, keepdims=True),
    lambda x: np.cumsum(x, -1),
    lambda x: x[::-1],
    lambda x: np.sum(x, 0, keepdims=True) * x,
]
TWO = [
    np.add,
    np.subtract,
    np.multiply,
    lambda a, b: a / (1 + size(b)),
    lambda a, b: (a @ b.T) @ a / 3,
    lambda a, b: np.where(size(a) > 1.3 * size(b), a, b),
    lambda a, b: np.concatenate([a, b])[1:3],
]
STEPS = st.lists(
    st.tuples(st.integers(0, len(ONE) + len(TWO) - 1), st.integers(0, 9), st.integers(0, 9)),
    min_size=1,
    max_size=7,
)


KINDS = st.sampled_from([("f8", 1), ("f8", 2), ("c16", 1), ("c16", 2), ("f4", 1)])


def program(steps, first=lambda x: x):
    def run(x, y):
        values = [first(x), y]
        for which, i, j in steps:
            a, b = values[i % len(values)], values[j % len(values)]
            values.append(ONE[which](a) if which < len(ONE) else TWO[which - len(ONE)](a, b))
        return values[-1], values[-2] * 0.5

    return run


def arrays(seed, dtype):
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(2, 2, 3))
    if np.dtype(dtype).kind == "c":
        found = found + 1j * rng.normal(size=found.shape)
    return found.astype(dtype)


@settings(max_examples=200)
@given(
    STEPS,
    st.integers(0, 2**32),
    st.sampled_from(["f8", "f8", "c16", "f4"]),
    st.sampled_from([1, 1, 1, 2]),
)
def test_right_programs_pass(steps, seed, dtype, order):
    check_grads(program(steps), *arrays(seed, dtype), order=order if dtype != "f4" else 1)


@pytest.mark.parametrize("dtype", ["f8", "f4", "c16"])
@settings(max_examples=25)
@given(data=st.data(), scale=st.sampled_from([1, 1e-3, 30]))
def test_right_programs_of_all_operations_pass_at_values_of_all_sizes(data, dtype, scale):
    program = data.draw(strategies.expressions(4, dtype=dtype))
    inputs = [np.asarray(x * scale, dtype) for x in program.inputs]
    with np.errstate(all="ignore"):
        values = program(*inputs).numpy()
    assume(np.isfinite(values).all())
    check_grads(program, *inputs, kinks="assume")


@tg.primitive(x=lambda ct, x: ct * np.cos(x) * (1 + 1e-4))
def nearly_sine(x):
    """Sin x, with a rule that is wrong by one in ten thousand."""
    return np.sin(x)


@settings(max_examples=20)
@given(STEPS, st.integers(0, 2**32))
def test_a_wrong_rule_in_them_does_not(steps, seed):
    run = program(steps, nearly_sine)
    with pytest.raises(GradientMismatch):
        check_grads(lambda x, y: (*run(x, y), nearly_sine(x)), *arrays(seed, "f8"), order=1)
