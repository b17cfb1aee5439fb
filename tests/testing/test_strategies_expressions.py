"""Random programs: they run, print, run elsewhere, and shrink to what is wrong in them."""

import collections

import numpy as np
import pytest
from derivatives import assert_gradient
from hypothesis import given, settings
from smallest import smallest

import tinygraph as tg
from tinygraph.errors import ArgumentError
from tinygraph.testing import strategies as st
from tinygraph.testing.expression import Expression, Ref, Step


@tg.elementwise(x=lambda ct, x: ct * np.cos(x) * 1.1)
def planted_sin(x):
    """sin x, with a derivative that is a tenth too large."""
    return np.sin(x)


@tg.elementwise(a=lambda ct, b: ct * b, b=lambda ct, a, b: ct * (a + (b > 2)))
def planted_product(a, b):
    """a b, with a derivative that is wrong where b > 2."""
    return a * b


def gradients(program, inputs):
    leaves = [tg.Variable(x) for x in inputs]
    y = program(*leaves)
    found = tg.gradients([y], leaves, [np.ones(y.shape, y.dtype)])
    return [np.zeros(x.shape) if g is None else g.numpy() for x, g in zip(leaves, found)]


def is_wrong(program):
    """Whether its derivative along (1, 1, …) is not the difference quotient's, by 1 in 1,000."""
    inputs, h = program.inputs, 1e-5
    high, low = (program(*(x + step for x in inputs)).numpy().sum() for step in (h, -h))
    slope = sum(g.sum() for g in gradients(program, inputs))
    return abs((high - low) / (2 * h) - slope) > 1e-3 * max(abs(slope), 1)


# What they are


@given(st.expressions(3))
def test_programs_are_differentiable(program):
    def function(*arrays):
        return [program(*arrays).numpy()]

    ones = [np.ones(program().shape)]
    assert_gradient(function, program.inputs, ones, gradients(program, program.inputs))


@given(st.expressions(4))
def test_the_code_of_a_program_is_the_program(program):
    made = {}
    exec(program.code, made)  # noqa: S102
    y = program()
    assert np.isfinite(y.numpy()).all()
    assert np.abs(y.numpy()).max() <= 1000
    assert (made["y"].shape, made["y"].dtype) == (y.shape, y.dtype)
    np.testing.assert_array_equal(made["y"].numpy(), y.numpy())


@given(st.expressions(2, operations=["add", "multiply", "sum", "sin", "matmul", "where", "stack"]))
def test_numpy_runs_the_same_program(program):
    plain = program.evaluate(*program.inputs, engine=np)
    np.testing.assert_allclose(plain, program().numpy(), rtol=1e-12, atol=1e-12)


@given(st.expressions(2, operations=["getitem", "setitem", "exp"]))
def test_numpy_indexes_and_assigns_as_the_program_does(program):
    copies = [x.copy() for x in program.inputs]
    plain = program.evaluate(engine=vars(np))
    np.testing.assert_allclose(plain, program().numpy(), rtol=1e-14)
    for x, copy in zip(program.inputs, copies, strict=True):
        np.testing.assert_array_equal(x, copy)


LINEAR_ALGEBRA = [f"linalg.{name}" for name in ("det", "inv", "solve", "cholesky", "eigvalsh")]


@settings(max_examples=20)
@given(st.expressions(3, dtype=complex))
def test_complex_programs_are_differentiable(program):
    assert all(x.dtype == complex for x in program.inputs)
    tg.testing.check_grads(program, *program.inputs, order=1)


@settings(max_examples=20)
@given(st.expressions(2, operations=["multiply", *LINEAR_ALGEBRA]))
def test_programs_of_linear_algebra_are_differentiable(program):
    tg.testing.check_grads(program, *program.inputs, order=1)
    plain = program.evaluate(engine=np)
    np.testing.assert_allclose(plain, program().numpy(), rtol=1e-9, atol=1e-9)


@given(st.expressions(3, dtype=np.float32, scalar=True))
def test_programs_are_of_the_dtype_and_shape_asked_for(program):
    assert all(x.dtype == np.float32 for x in program.inputs)
    assert program().shape == ()


def test_every_operation_and_shared_values_are_met():
    met, shared, deepest = collections.Counter(), 0, 0

    @settings(max_examples=150)
    @given(st.expressions(4))
    def draw(program):
        nonlocal shared, deepest
        met.update(program.names)
        deepest = max(deepest, program.depth)
        used = collections.Counter(ref for step in program.steps for ref in step.refs())
        shared += any(n > 1 and ref.place >= len(program.inputs) for ref, n in used.items())

    draw()
    assert any(name.startswith("linalg.") for name in met)
    assert {"add", "sum", "cumsum", "matmul", "concatenate", "getitem", "setitem"} <= met.keys()
    assert {"sqrt", "log", "log2", "log10", "arccosh"} & met.keys()  # have a domain
    assert len(met) > 50
    assert shared > 10
    assert deepest >= 4


# How they shrink


def test_a_program_shrinks_to_the_wrong_operation():
    drawn = st.expressions(4, operations=["add", "multiply", "sum", "exp", "matmul", planted_sin])
    program = smallest(drawn, is_wrong)
    assert program.names == ("planted_sin",)
    assert program.inputs[0].shape == ()
    assert program.code == (
        f"from {__name__} import planted_sin\n"
        "import numpy as np\n"
        "import tinygraph as tg\n"
        "\n"
        "x0 = tg.Variable(np.array(0.0))\n"
        "y = planted_sin(x0)"
    )


def test_a_program_shrinks_to_the_values_that_matter():
    drawn = st.expressions(3, operations=["add", "multiply", "sum", "sin", planted_product])
    program = smallest(drawn, is_wrong)
    assert program.names[-1] == "planted_product"
    assert len(program.steps) <= 2
    assert sum(x.size for x in program.inputs) <= 2


def test_a_program_of_matrices_shrinks_to_one():
    few = ["add", "multiply", "sum", "matmul", "linalg.inv"]
    program = smallest(
        st.expressions(3, operations=few),
        lambda program: "linalg.inv" in program.names,
    )
    assert [x.shape for x in program.inputs] == [(1, 1)]
    assert len(program.steps) <= 2


@tg.primitive(z=lambda ct, z: 2 * ct * np.conj(z))
def planted_square(z):
    """z², with a conjugate in its rule that is too many."""
    return z * z


def test_a_complex_program_shrinks_to_the_wrong_operation():
    def fails(program):
        try:
            tg.testing.check_grads(program, *program.inputs, order=1)
        except tg.testing.GradientMismatch:
            return True
        return False

    few = ["add", "multiply", "sum", "exp", planted_square]
    program = smallest(st.expressions(2, operations=few, dtype=complex), fails)
    assert program.names == ("planted_square",)
    assert program.inputs[0].size == 1
    assert program.inputs[0].imag.item()


def test_programs_shrink_to_one_operation_of_one_number():
    program = smallest(st.expressions(5), lambda program: True)
    assert program.code.splitlines()[-2:] == [
        "x0 = tg.Variable(np.array(0.0))",
        "y = tg.negative(x0)",
    ]


def test_a_condition_between_two_operations_shrinks_to_these():
    def both(program):
        return {"tanh", "cumsum"} <= set(program.names)

    few = ["add", "negative", "tanh", "sum", "cumsum", "expand_dims", "stack"]
    program = smallest(st.expressions(3, operations=few), both)
    assert sorted(program.names) == ["cumsum", "tanh"]
    assert [x.tolist() for x in program.inputs] == [[0.0]]


# By hand


def program_of(inputs, *steps):
    return Expression(tuple(map(np.asarray, inputs)), steps)


def test_code_writes_every_kind_of_argument():
    mask = np.array([True, False])
    program = program_of(
        [np.array([1.5, 2.0], np.float32)],
        Step("where", (mask, Ref(0), 0.5)),
        Step("setitem", (Ref(1), (slice(None, None, -1),), Ref(0))),
        Step("getitem", (Ref(2), (..., None, np.array([1, 0])))),
        Step("concatenate", ([Ref(3), Ref(3)],), {"axis": 0}),
    )
    assert program.code == (
        "import numpy as np\n"
        "import tinygraph as tg\n"
        "\n"
        "x0 = tg.Variable(np.array([1.5, 2.0], np.float32))\n"
        "v0 = tg.where(np.array([True, False]), x0, 0.5)\n"
        "v1 = tg.copy(v0)\n"
        "v1[::-1,] = x0\n"
        "v2 = v1[..., None, np.array([1, 0])]\n"
        "y = tg.concatenate([v2, v2], axis=0)"
    )
    np.testing.assert_array_equal(program().numpy(), [[1.5, 2.0], [1.5, 2.0]])
    assert program.depth == 4
    assert str(program) == repr(program) == program.code


def test_other_inputs_give_other_results():
    program = program_of([1.0, 2.0], Step("multiply", (Ref(0), Ref(1))))
    assert program().item() == 2
    assert program(3.0, tg.tensor(5.0)).item() == 15
    with pytest.raises(ArgumentError, match=r"1 inputs came; it takes 2, of shapes \(\), \(\)"):
        program(1.0)
    with pytest.raises(ArgumentError, match="has no 'multiply'"):
        program.evaluate(engine={})
    assert program.evaluate(engine={"multiply": max}.get) == 2.0


def test_operations_that_programs_cannot_use_are_refused():
    with pytest.raises(ArgumentError, match="no operation 'sine' to write programs with; there"):
        st.expressions(operations=["sine"])
    with pytest.raises(ArgumentError, match="operations is empty"):
        st.expressions(operations=[])
    with pytest.raises(ArgumentError, match="depth=0"):
        st.expressions(0)


def test_a_plain_function_of_tensors_is_an_operation():
    def average(a, b, weight=0.5):
        return weight * a + (1 - weight) * b

    program = smallest(
        st.expressions(2, operations=[average, "sin"]),
        lambda program: "average" in program.names,
    )
    assert program.names == ("average",)
    assert program().item() == 0
