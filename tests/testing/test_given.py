"""given_gradients: a function of arrays becomes a test of its gradients, which finds wrong ones."""

import re
import runpy
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as hs

import tinygraph as tg
from tinygraph import nn
from tinygraph.errors import ArgumentError
from tinygraph.testing import given_gradients
from tinygraph.testing import strategies as st


@tg.elementwise(x=lambda ct, y: ct * (1 + y * y))
def wrong_tanh(x):
    """tanh x, with the sign of a term of its derivative wrong."""
    return np.tanh(x)


@tg.primitive(x=lambda ct, x: np.broadcast_to(ct, x.shape) * (2 if x.shape[-1] > 2 else 1))
def wrong_from_three(x):
    """The sum, with a rule that is wrong from three columns on."""
    return x.sum()


# As tests, which pytest runs


@given_gradients((2, 3))
def test_a_shape(x):
    assert x.shape == (2, 3)
    return tg.tanh(x)


@given_gradients(("n", "k"), ("k",), order=2)
def test_shapes_with_letters_fit_together(x, w):
    return x @ w


@given_gradients(st.arrays(away_from=[0]))
def test_a_strategy(x):
    return 1 / x


@given_gradients(3, ())
def test_arguments_with_defaults_keep_them(x, y, power=2):  # noqa: PT028
    assert x.shape == (3,)
    assert power == 2
    return x**power * y


@given_gradients((2,), scale=())
def test_unless_they_are_named(x, scale=None):  # noqa: PT028
    return x * scale


class TestMethods:
    """What stands before is left to pytest."""

    @given_gradients((2,))
    def test_a_method(self, x):
        assert type(self).__name__ == "TestMethods"
        return tg.sin(x)


@given_gradients(np.array([1.0, 2.0]), b=())
def test_an_array_and_a_number(a, b):
    return a * b


@given_gradients(np.float64)
def test_a_dtype_means_any_shape(x):
    return tg.sin(x)


@given_gradients((3,), axis=hs.sampled_from([0, -1, None]), order=1)
def test_what_has_no_derivative_comes_as_it_is(x, axis):
    assert axis in (0, -1, None)
    return tg.sum(x, axis=axis)


@given_gradients(call=st.einsum_subscripts(max_operands=2, max_side=2), order=1)
def test_arrays_within_containers_are_differentiated(call):
    return tg.einsum(call.subscripts, *call.operands)


@given_gradients(program=st.expressions(2), order=1)
def test_a_program_is_differentiated_by_its_inputs(program):
    return program()


@given_gradients((4,), order=1)
def test_kinks_are_passed_over(x):
    return abs(x)


@pytest.mark.parametrize("power", [1, 3])
@given_gradients(x=(2,), order=1)
def test_parameters_of_pytest_come_too(power, x):
    assert power in (1, 3)
    return x**power


class TestInAClass:
    @given_gradients((2,), order=1)
    def test_self_is_left_alone(self, x):
        assert isinstance(self, TestInAClass)
        return x * x


@given_gradients(st.arrays((2, 3)), st.labels(2, 3), argnums=0)
def test_labels_have_no_derivative(logits, labels):
    return nn.softmax_cross_entropy(logits, labels)


def test_argnums_counts_what_is_drawn():
    with pytest.raises(ArgumentError, match="argnums=2, but the function was given 2 arguments"):
        given_gradients((2,), (2,), argnums=2)(f)()


@settings(max_examples=3)
@given_gradients((2,))
def test_settings_apply(x):
    return x * 2


def test_a_default_deadline_and_explanation_are_lifted_and_chosen_ones_kept():
    """And settings may still be given above."""
    before, plain = settings.get_current_profile_name(), settings.get_profile("default")
    chosen = {}
    try:
        settings.register_profile("hurried", plain, deadline=50, phases=[Phase.explicit])
        for name in ("default", "hurried"):
            settings.load_profile(name)
            own = given_gradients((1,))(f)._hypothesis_internal_use_settings
            chosen[name] = own.deadline, own.phases
            settings(max_examples=2)(given_gradients((1,))(f))
    finally:
        settings.load_profile(before)
    unexplained = tuple(phase for phase in plain.phases if phase != Phase.explain)
    assert chosen == {
        "default": (None, unexplained),
        "hurried": (timedelta(milliseconds=50), (Phase.explicit,)),
    }


# What it finds


def failure(test):
    quick = settings(max_examples=100, phases=[Phase.generate, Phase.shrink])
    with pytest.raises(AssertionError) as failed:
        quick(test)()
    return "\n".join([str(failed.value), *failed.value.__notes__])


def test_a_wrong_rule_is_found_with_the_smallest_array():
    @given_gradients(st.arrays(layouts=["C"]), order=1)
    def of_wrong_tanh(x):
        return wrong_tanh(x)

    # 1 + tanh² beside 1 − tanh², which are the same at 0.
    assert "x=array(1.)" in failure(of_wrong_tanh)


def test_a_rule_that_is_wrong_for_some_shapes_is_found_with_the_smallest_of_them():
    @given_gradients(("n", "k"), order=1)
    def of_wrong_sum(x):
        return wrong_from_three(x)

    assert re.search(r"x=array\(\[\[0\., 0\., 0\.\]\]\)", failure(of_wrong_sum))


def test_the_order_asked_for_is_checked():
    @tg.elementwise(x=lambda ct, x: ct * (2 * x.view(np.ndarray) if type(x) is np.ndarray else x))
    def square(x):
        """x², whose rule is wrong when it is itself differentiated."""
        return x * x

    def squared(x):
        return square(x)

    plain = st.arrays((1,), layouts=["C"])
    given_gradients(plain, order=1, modes=["reverse"])(squared)()
    assert "second derivative" in failure(
        given_gradients(plain, order=2, modes=["reverse"])(squared)
    )


def test_a_rule_that_hangs_on_strides_is_found():
    def in_order_of_memory(x):
        x = x.numpy() if type(x) is tg.Tensor else x
        return x if x.flags.forc else x[::-1]

    @tg.primitive(x=lambda ct, x: ct * 2 * in_order_of_memory(x))
    def square_in_memory(x):
        """x², whose rule takes an array with strides for one from its end."""
        return x * x

    @given_gradients((2, 2), order=1, modes=["reverse"])
    def of_square(x):
        return square_in_memory(x)

    found = failure(of_square)
    assert "a gradient of of_square hangs on how its arguments lie in memory" in found
    assert "is laid out as" in found


def test_an_assertion_of_the_function_is_a_failure_like_any_other():
    @given_gradients((2,), order=1)
    def positive(x):
        assert (x.numpy() if type(x) is tg.Tensor else x).min() >= 0
        return x

    assert "assert" in failure(positive) or "-1" in failure(positive)


def test_the_program_that_shows_it_runs(tmp_path):
    @given_gradients(st.arrays((2,), layouts=["C"]), order=1, scale=hs.just(2))
    def of_wrong_tanh(x, scale):
        return wrong_tanh(x * scale)

    with pytest.raises(AssertionError, match=r"of_wrong_tanh is wrong in x\[") as first:
        settings(max_examples=100, phases=[Phase.generate, Phase.shrink])(of_wrong_tanh)()
    file = tmp_path / "program.py"
    file.write_text(first.value.script, "utf-8")
    assert "given_gradients" not in first.value.script
    with pytest.raises(AssertionError, match=r"of_wrong_tanh is wrong in x\["):
        runpy.run_path(str(file))


def test_only_the_smallest_example_is_looked_at_closely(monkeypatch):
    looked_at = []

    def recognised(comparison, k, found):
        looked_at.append(comparison.problem.arrays[k].tolist())

    monkeypatch.setattr("tinygraph.testing.verdict.recognised", recognised)

    @given_gradients(st.arrays(layouts=["C"]), order=1)
    def of_wrong_tanh(x):
        return wrong_tanh(x)

    assert "analytic   " in failure(of_wrong_tanh)
    assert looked_at == [1.0]


# What it refuses


def f(x, y):
    return x * y


def test_arguments_that_make_no_sense_are_refused():
    with pytest.raises(ArgumentError, match=r"'oops' came for 'y'; it needs a strategy"):
        given_gradients("oops")(f)
    with pytest.raises(ArgumentError, match=r"3 strategies for f, which takes \(x, y\)"):
        given_gradients((1,), (1,), (1,))(f)
    with pytest.raises(ArgumentError, match=r"2 strategies for f, .* of which y are named"):
        given_gradients((1,), (1,), y=(1,))(f)
    with pytest.raises(ArgumentError, match="no strategy for any argument of f; give one"):
        given_gradients(order=1)(f)
    with pytest.raises(ArgumentError, match="<class 'int'> came for 'y'"):
        given_gradients(int)(f)
    with pytest.raises(ArgumentError, match=r"f came for a strategy; .* with parentheses"):
        given_gradients(f)
    with pytest.raises(
        ArgumentError, match=r"ordr=1, but f takes \(x, y\), and check_grads argnums"
    ):
        given_gradients((1,), (1,), ordr=1)(f)
    with pytest.raises(ArgumentError, match=r"1 strategies for tanh, .* can be called in a def"):
        given_gradients((1,))(np.tanh)


def test_coroutines_are_refused():
    async def waiting(x):
        return x

    with pytest.raises(ArgumentError, match="waiting is a coroutine function"):
        given_gradients((1,))(waiting)
