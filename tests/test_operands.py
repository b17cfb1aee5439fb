"""What every operation does with operands of each dtype and layout, and with numbers and lists."""

import itertools
import warnings
from collections.abc import Callable, Iterable
from operator import add, mul, sub, truediv
from typing import Any

import numpy as np
import pytest
from batches import batched
from cases import (
    CASES,
    OPERATIONS,
    Case,
    assert_close,
    cotangents,
    every,
    gradient_arrays,
    gradients,
    one_each,
    public,
    variables,
    with_dtypes,
)
from derivatives import assert_gradient
from references import DETERMINED, FORMULAS

import tinygraph as tg

# How an array may lie in memory: from a plain one, a tensor of the same values.
LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "fortran": lambda x: tg.Variable(np.asfortranarray(x)),
    "strided": lambda x: tg.Variable(np.repeat(x, 2, axis=-1))[..., ::2],
    "backward": lambda x: tg.Variable(x[..., ::-1])[..., ::-1],
    "transposed": lambda x: tg.Variable(np.ascontiguousarray(x.T)).T,
    "big-endian": lambda x: tg.Variable(x.astype(x.dtype.newbyteorder(">"))),
}
# The same, of constants that are given as arrays.
RAW_LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "fortran": np.asfortranarray,
    "strided": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "backward": lambda x: x[..., ::-1].copy()[..., ::-1],
    "transposed": lambda x: np.ascontiguousarray(x.T).T,
    "big-endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
}


# Dtypes


@with_dtypes(CASES)
def test_gradient_has_the_dtype_of_its_input(case, dtypes):
    arrays = case.arrays(*dtypes)
    inputs = variables(arrays)
    outputs = case(*inputs)
    cts = cotangents(case, outputs)
    found = gradients(outputs, inputs, cts, create_graph=True)
    # To be compared with the same in float64, which was compared with mathematics above.
    exact = variables([x.astype(np.float64) for x in arrays])
    wanted = gradients(case(*exact), exact, [ct.astype(np.float64) for ct in cts])
    for x, g, expected in zip(arrays, found, wanted, strict=True):
        assert type(g) is tg.Tensor
        assert (g.shape, g.dtype) == (x.shape, x.dtype)
        assert_close(g.numpy(), expected.numpy(), arrays)


# What keeps the dtype of its first operand, and what returns several that stay apart.
KEEP_DTYPES = {"setitem", "np.insert", "np.ediff1d"} | {
    f"np.{name}"
    for name in ("atleast_1d", "atleast_2d", "atleast_3d", "broadcast_arrays", "ix_", "meshgrid")
}


@every([c for c in CASES if len(c.places) > 1 and c.name not in KEEP_DTYPES])
def test_integers_beside_a_tracked_operand(case):
    """They are the numbers they are, whatever their dtype."""
    for k, x in enumerate(case.arrays(*[np.float32] * len(case.places))):
        integers = case.integers()
        results = []
        for rest in (integers, [i.astype(np.float64) for i in integers]):
            leaf = tg.Variable(x)
            outputs = case(*[*rest[:k], leaf, *rest[k + 1 :]])
            (g,) = gradients(outputs, [leaf], cotangents(case, outputs))
            assert g.dtype == np.float32
            results.append(([y.numpy() for y in outputs], g.numpy()))
        np.testing.assert_equal(results[0], results[1])


OF_TWO = [n for n, p in OPERATIONS.items() if p.ufunc and p.differentiable == ("a", "b")]
NUMBERS = [1.5, 2, np.float32(1.5)]


@batched(
    "name, position, number",
    itertools.product(OF_TWO, [0, 1], NUMBERS),
    by=lambda name, *_: name,
)
def test_float32_stays_float32_beside_a_number(name, position, number):
    primitive = OPERATIONS[name]
    x = np.array([1.25, 2.25, 2.75], np.float32)
    t = tg.Variable(x)
    y = public(primitive)(*([t, number], [number, t])[position])
    wanted = primitive.ufunc(*([x, number], [number, x])[position])
    assert y.dtype == wanted.dtype == (np.float64 if name == "float_power" else np.float32)
    np.testing.assert_array_equal(y.numpy(), wanted)
    (g,) = tg.gradients(y, t, np.ones(3))
    assert g.dtype == np.float32


@pytest.mark.parametrize("name", OF_TWO)
def test_a_list_is_an_operand(name):
    function, x = public(OPERATIONS[name]), np.array([1.25, 2.25])
    for given in ([1.5, 2.5], [1, 2], (3, 4)):
        wanted = tg.gradients(function(t := tg.Variable(x), np.array(given)).sum(), t)[0]
        (g,) = tg.gradients(function(t, given).sum(), t)
        np.testing.assert_array_equal(g.numpy(), wanted.numpy())
        np.testing.assert_array_equal(
            function(given, t).numpy(), function(np.array(given), x).numpy()
        )


@pytest.mark.parametrize(
    "name",
    [n for n, p in OPERATIONS.items() if {"axis", "dtype"} <= {*p.static} and p.operands == ("a",)],
)
def test_computed_in_another_dtype(name):
    x = np.array([[1.25, 2.5, 0.75], [3.5, 0.5, 1.0]], np.float32)
    t = tg.Variable(x)
    y = public(OPERATIONS[name])(t, axis=1, dtype=np.float64)
    np.testing.assert_array_equal(y.numpy(), getattr(np, name)(x, axis=1, dtype=np.float64))
    assert y.dtype == np.float64
    exact = tg.Variable(x.astype(np.float64))
    ct = np.arange(1.0, y.size + 1).reshape(y.shape)
    (g,) = tg.gradients(y, t, ct)
    (wanted,) = tg.gradients(public(OPERATIONS[name])(exact, axis=1), exact, ct)
    assert g.dtype == np.float32
    assert_close(g.numpy(), wanted.numpy(), [x])


@pytest.mark.parametrize("name", ["clip", "where"])
def test_float32_stays_float32_in(name):
    t = tg.Variable(np.array([1.25, -2.25], np.float32))
    call = {
        "clip": lambda: tg.clip(t, -1, 1.5),
        "where": lambda: tg.where(np.array([True, False]), t, 1.5),
    }[name]
    assert call().dtype == np.float32
    assert tg.gradients(call().sum(), t)[0].dtype == np.float32


# Complex numbers


def complex_arrays(case: Case) -> list[Any]:
    """Like the real ones, with imaginary parts that keep clear of branch cuts."""
    rng = case.random()
    return [np.asarray(x + 1j * rng.uniform(0.2, 0.7, x.shape)) for x in case.arrays()]


def takes_complex(case: Case) -> bool:
    with warnings.catch_warnings(action="error", category=np.exceptions.ComplexWarning):
        try:
            case.call(case.reference, complex_arrays(case))
        except (TypeError, np.exceptions.ComplexWarning):
            return False
    return True


@every([c for c in CASES if c.reference and takes_complex(c)])
def test_complex(case):
    """The gradient of a real loss is ∂L/∂Re z + i ∂L/∂Im z: the direction of steepest ascent.

    What NumPy itself does not have may refuse complex numbers, but must not be wrong.
    """
    arrays = complex_arrays(case)
    inputs = variables(arrays)
    try:
        outputs = case(*inputs)
    except tg.DTypeError:
        assert case.name in FORMULAS
        return
    for y, expected in zip(outputs, case.call(case.reference, arrays), strict=True):
        np.testing.assert_allclose(y.numpy(), expected, rtol=1e-13, atol=1e-14)
    determined = DETERMINED.get(case.name.removeprefix("np."), lambda *ys: ys)
    outputs = [y for y in determined(*outputs) if y.dtype.kind in "fc"]
    if not any(y.requires_grad for y in outputs):
        return
    rng = case.random()
    cts = [
        np.asarray(rng.uniform(-1, 1, y.shape) + 1j * rng.uniform(-1, 1, y.shape), y.dtype)
        if y.dtype.kind == "c"
        else rng.uniform(-1, 1, y.shape)
        for y in outputs
    ]
    found = [g.numpy() for g in tg.gradients(outputs, inputs, cts)]
    n = len(arrays)

    def parts(*reals):
        """Real and imaginary parts of the outputs, from those of the inputs."""
        zs = [tg.tensor(x + 1j * y) for x, y in zip(reals[:n], reals[n:], strict=True)]
        ys = [y.value for y in determined(*case(*zs)) if y.dtype.kind in "fc"]
        return [*map(np.real, ys), *map(np.imag, ys)]

    real, imaginary = (
        [[np.array(part(z)) for z in zs] for zs in (arrays, cts, found)]
        for part in (np.real, np.imag)
    )
    points, weights, gradient = (a + b for a, b in zip(real, imaginary, strict=True))
    assert_gradient(parts, points, weights, gradient)


@every([c for c in CASES if c.places and c.reference and takes_complex(c)])
def test_complex_second_gradient(case):
    """The gradient is differentiated by inputs and cotangents, real and imaginary parts of each."""
    arrays = complex_arrays(case)
    n = len(arrays)
    determined = DETERMINED.get(case.name.removeprefix("np."), lambda *ys: ys)

    def call(*inputs):
        return [y for y in determined(*case(*inputs)) if y.dtype.kind in "fc"]

    try:
        outputs = call(*map(tg.tensor, arrays))
    except tg.DTypeError:
        return
    if not outputs:
        return
    rng = case.random()
    cts = [
        np.asarray(rng.uniform(0.5, 1, y.shape), y.dtype) * y.dtype.type(1 - 0.5j)
        if np.iscomplexobj(y)
        else rng.uniform(0.5, 1, y.shape)
        for y in outputs
    ]
    again = [np.asarray(x * (0.5 - 0.25j) + 1) for x in arrays]  # what contracts the gradient

    def first(values, create_graph):
        leaves = variables(values)
        return leaves, tg.gradients(
            call(*leaves[:n]), leaves[:n], leaves[n:], create_graph=create_graph
        )

    def parts(*reals):
        """Real and imaginary parts of the gradients, from those of inputs and cotangents."""
        found = first(_joined(reals, [*arrays, *cts]), create_graph=False)[1]
        return _halves([g.value for g in found])

    leaves, found = first([*arrays, *cts], create_graph=True)
    second = [
        np.zeros_like(x.value) if g is None else g.numpy()
        for g, x in zip(tg.gradients(found, leaves, again), leaves, strict=True)
    ]
    assert_gradient(parts, _halves([*arrays, *cts]), _halves(again), _halves(second))


def _halves(values: Any) -> list[Any]:
    """Complex arrays as two real ones each."""
    return [
        np.array(half) for z in values for half in ([z.real, z.imag] if np.iscomplexobj(z) else [z])
    ]


def _joined(reals: Any, like: Any) -> list[Any]:
    """The halves put together again, where there were two."""
    rest = iter(reals)
    return [
        np.asarray(next(rest) + 1j * next(rest) if np.iscomplexobj(z) else next(rest)) for z in like
    ]


# Memory


def in_each_layout(layouts: Iterable[str], cases: list[Case]) -> Any:
    """For each operation its first case, in every layout."""
    rows = itertools.product(one_each(cases), layouts)
    return batched("case, layout", rows, by=lambda case, _: case.name)


@in_each_layout(LAYOUTS, [c for c in CASES if c.places and all(p.shape for p in c.places)])
def test_layout_of_the_array_does_not_matter(case, layout):
    arrays = case.arrays()
    wanted = gradient_arrays(case, arrays)
    inputs = [LAYOUTS[layout](x) for x in arrays]
    outputs = case(*inputs)
    found = gradients(outputs, inputs, cotangents(case, outputs))
    for y, expected in zip(outputs, case(*map(tg.tensor, arrays)), strict=True):
        assert y.dtype.isnative
        assert_close(y.numpy(), expected.numpy())
    for x, g, expected in zip(arrays, found, wanted, strict=True):
        assert (g.shape, g.dtype) == (x.shape, x.dtype)
        assert g.dtype.isnative
        assert_close(g.numpy(), expected)


@in_each_layout(
    RAW_LAYOUTS, [c for c in CASES if len(c.places) > 1 and all(p.shape for p in c.places)]
)
def test_layout_of_a_constant_does_not_matter(case, layout):
    first, *others = case.arrays()
    found = []
    for rest in (others, [RAW_LAYOUTS[layout](x) for x in others]):
        leaf = tg.Variable(first)
        outputs = case(leaf, *rest)
        (g,) = gradients(outputs, [leaf], cotangents(case, outputs))
        found.append([y.numpy() for y in [*outputs, g]])
    for plain, other in zip(*found, strict=True):
        assert other.dtype.isnative
        assert_close(other, plain)


@pytest.mark.parametrize("function", [tg.relu, tg.sigmoid, tg.exp, tg.sum, tg.maximum])
def test_plain_numbers_are_operands(function):
    y = function(-0.5, 0.0) if function is tg.maximum else function(-0.5)
    assert type(y) is tg.Tensor
    assert y.shape == ()


@pytest.mark.parametrize("size", [10, 5_000, 2_000_000])
def test_relu_of_every_size(size):
    x = np.linspace(-1, 1, size, dtype=np.float32)
    np.testing.assert_array_equal(tg.relu(x).numpy(), np.where(x > 0, x, 0))


AWKWARD = [1.01, -0.0, 0.0, 1, True, 2**24 + 1, 2.0**-140, 1e300, np.inf, -np.inf, np.nan, 1 + 2j]


@batched(
    "operator, number, dtype",
    itertools.product(
        [add, sub, mul, truediv],
        AWKWARD,
        ["float16", "float32", "float64", "int32", "complex64"],
    ),
    by=lambda operator, *_: operator.__name__,
)
def test_a_number_beside_an_array_counts_as_in_numpy(operator, number, dtype):
    array = np.array([0, 3, 7], dtype)
    ours = tg.tensor(array)
    with np.errstate(all="ignore"):
        for mine, wanted in [
            (operator(ours, number), operator(array, number)),
            (operator(number, ours), operator(number, array)),
        ]:
            assert mine.dtype == wanted.dtype
            np.testing.assert_array_equal(mine.numpy(), wanted)
            np.testing.assert_array_equal(np.signbit(mine.real), np.signbit(wanted.real))


def test_a_number_too_large_for_the_dtype_is_told():
    with pytest.warns(RuntimeWarning, match="overflow"):
        tg.Variable(np.ones(2, "float32")) * 1e300


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("operator", [add, sub, mul, truediv, pow])
def test_a_complex_number_beside_a_scalar_or_an_array(operator, dtype):
    for value in (np.dtype(dtype).type(2), np.array([2, 3], dtype)):
        for number in (1j, 1 + 2j):
            y, wanted = operator(number, tg.Variable(value)), operator(number, value)
            assert y.requires_grad
            assert y.dtype == np.result_type(value, 1j)
            np.testing.assert_array_equal(y.numpy(), wanted)
            assert operator(tg.Variable(value), number).dtype == y.dtype


def test_numbers_that_are_equal_keep_their_own_types():
    t = tg.tensor(np.arange(3))
    assert (t * 2.0).dtype == float
    assert (t * 2).dtype == int
    assert (t * True).dtype == int
    z = tg.tensor([1j])
    assert (z * 2).dtype == (z * 2.0).dtype == complex
    x = tg.tensor(np.ones(2, np.float32))
    assert (x * 6.0).dtype == np.float32
    assert (x * (6 + 0j)).dtype == ((6 + 0j) * x).dtype == np.complex64
