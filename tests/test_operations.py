"""Every operation of the registry: its value, its derivatives of order 1 and 2, its dtypes.

An operation is tested by being declared. What the cases are is told in `cases`; what an operation
does at its corners, where no sample goes, in `test_conventions`.
"""

import itertools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from cases import CASES, DERIVED, FORMULAS, OPERATIONS, UNTRACKED, Case, name_of, public
from derivatives import assert_gradient

import tinygraph as tg
from tinygraph.registry import NUMPY

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


def one_each(cases: Sequence[Case]) -> list[Case]:
    """For each operation its first case."""
    return list({case.name: case for case in reversed(cases)}.values())[::-1]


def every(cases: Sequence[Case]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=repr)


def with_dtypes(cases: Sequence[Case]) -> Any:
    """float64, float32, and for several operands both of them, in both orders."""
    single, double = np.float32, np.float64
    return pytest.mark.parametrize(
        "case, dtypes",
        [
            pytest.param(case, [*itertools.islice(itertools.cycle(own), n)], id=f"{case}-{name}")
            for case in cases
            for n in [len(case.places)]
            for name, own in {
                "float64": [double],
                "float32": [single],
                "mixed": [single, double],
                "mixed-back": [double, single],
            }.items()
            if len(own) <= max(n, 1)
        ],
    )


def is_real(y: Any) -> bool:
    return bool(y.dtype.kind == "f")


def variables(arrays: Sequence[Any]) -> list[tg.Tensor]:
    return [tg.Variable(x) for x in arrays]


def cotangents(case: Case, outputs: Sequence[Any]) -> list[Any]:
    """Random ones for the outputs that have a derivative; away from 0, so that nothing hides."""
    rng = case.random()
    return [
        np.asarray(rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1, 1], y.shape), y.dtype)
        for y in outputs
        if is_real(y)
    ]


def gradients(outputs: Any, inputs: Any, cts: Any, *, create_graph: bool = False) -> list[Any]:
    """Of the tracked outputs; zeros where an input does not matter."""
    tracked = [(y, ct) for y, ct in zip(filter(is_real, outputs), cts, strict=True) if y.node]
    found = tg.gradients(
        [y for y, _ in tracked], inputs, [ct for _, ct in tracked], create_graph=create_graph
    )
    return [
        tg.tensor(np.zeros_like(x.value)) if g is None else g
        for g, x in zip(found, inputs, strict=True)
    ]


def gradient_arrays(case: Case, arrays: Sequence[Any]) -> list[Any]:
    """The gradients of a case at these arrays, all tracked."""
    inputs = variables(arrays)
    outputs = case(*inputs)
    return [g.numpy() for g in gradients(outputs, inputs, cotangents(case, outputs))]


def assert_close(found: Any, wanted: Any, given: Sequence[Any] = ()) -> None:
    """Equal but for rounding: that of the coarsest dtype among what is found and what was given.

    A few dozen times that of the largest number, and once more for each element given.
    """
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape
    eps = max([np.finfo(x.dtype).eps for x in [found, *given] if is_real(x)], default=0)
    count = 32 + sum(x.size for x in given)
    largest = max(1.0, np.abs(wanted).max(initial=0))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=count * eps * largest)


# The registry itself


@pytest.mark.parametrize("name", OPERATIONS)
def test_is_declared_in_full(name):
    primitive = OPERATIONS[name]
    function = public(primitive)
    assert primitive.label.strip()
    assert function.__doc__ and function.__doc__.strip()
    assert function.__name__ == primitive.definition.__name__


@pytest.mark.parametrize("name", OPERATIONS)
def test_has_samples(name):
    """A declaration that no sample reaches is not tested by any of the tests below."""
    assert any(case.name == OPERATIONS[name].definition.__name__ for case in CASES)


@pytest.mark.parametrize("name", OPERATIONS)
def test_has_a_reference(name):
    primitive = OPERATIONS[name]
    own = primitive.definition.__name__
    if primitive.definition.__module__.startswith("tinygraph.ops."):
        assert own in FORMULAS or any(c.reference for c in CASES if c.name == own)


@pytest.mark.parametrize("target", [t for t in NUMPY if callable(t)], ids=name_of)
def test_numpy_name_is_public(target):
    assert callable(getattr(tg, target.__name__, None))


@pytest.mark.parametrize(
    "target",
    [t for t, f in NUMPY.items() if not hasattr(f, "primitive") and t not in UNTRACKED],
    ids=name_of,
)
def test_derived_function_has_samples(target):
    assert name_of(target) in {*DERIVED, "where"}


# Values


@with_dtypes([c for c in CASES if c.reference])
def test_value(case, dtypes):
    arrays = case.arrays(*dtypes)
    found = case(*variables(arrays))
    wanted = case.call(case.reference, arrays)
    for y, expected in zip(found, wanted, strict=True):
        expected = np.asarray(expected)
        assert type(y) is tg.Tensor
        assert (y.shape, y.dtype) == (expected.shape, expected.dtype)
        assert y.requires_grad == is_real(y)
        assert_close(y.numpy(), expected, arrays)


@every([c for c in CASES if c.reference])
def test_value_of_integers(case):
    """As NumPy's, and never tracked."""
    arrays = case.integers()
    wanted = case.call(case.reference, arrays)
    for y, expected in zip(case(*map(tg.tensor, arrays)), wanted, strict=True):
        assert (y.shape, y.dtype) == (np.shape(expected), np.asarray(expected).dtype)
        assert not y.requires_grad
        assert_close(y.numpy(), expected)


@pytest.mark.parametrize(
    "case, twin",
    [pytest.param(c, twin, id=f"{twin}-{c}") for c in CASES for twin in c.twins],
)
def test_numpy_function_is_the_same(case, twin):
    """Called as NumPy's or as tinygraph's, it gives the same value and the same history."""
    arrays = case.arrays()
    ours, theirs = variables(arrays), variables(arrays)
    pairs = [case(*ours), case.call(case.twins[twin], theirs)]
    for mine, other in zip(*pairs, strict=True):
        assert type(mine) is type(other) is tg.Tensor
        assert mine.requires_grad == other.requires_grad
        assert mine.dtype == other.dtype
        np.testing.assert_array_equal(mine.numpy(), other.numpy())
    cts = cotangents(case, pairs[0])
    for g, h in zip(gradients(pairs[0], ours, cts), gradients(pairs[1], theirs, cts), strict=True):
        np.testing.assert_array_equal(g.numpy(), h.numpy())


# Derivatives


@every(CASES)
def test_gradient(case):
    arrays = case.arrays()

    def function(*arrays):
        return [y.value for y in case(*map(tg.tensor, arrays)) if is_real(y)]

    cts = cotangents(case, function(*arrays))
    assert_gradient(function, arrays, cts, gradient_arrays(case, arrays))


@every(CASES)
def test_second_gradient(case):
    """The gradient is a function of inputs and cotangents, and is differentiated like any other."""
    inputs = case.arrays()
    cts = cotangents(case, case(*map(tg.tensor, inputs)))
    again = [x * 0.5 + 1 for x in inputs]  # what contracts the gradient of each input

    def function(*arrays):
        xs = variables(arrays[: len(inputs)])
        return [g.value for g in gradients(case(*xs), xs, arrays[len(inputs) :])]

    leaves = variables([*inputs, *cts])
    xs, ys = leaves[: len(inputs)], leaves[len(inputs) :]
    first = gradients(case(*xs), xs, ys, create_graph=True)
    second = gradients(first, leaves, again)
    assert_gradient(function, [*inputs, *cts], again, [g.numpy() for g in second])


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
        np.testing.assert_allclose(y.numpy(), expected, rtol=1e-13)
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
        ys = [y.value for y in case(*zs)]
        return [*map(np.real, ys), *map(np.imag, ys)]

    real, imaginary = (
        [[np.array(part(z)) for z in zs] for zs in (arrays, cts, found)]
        for part in (np.real, np.imag)
    )
    points, weights, gradient = (a + b for a, b in zip(real, imaginary, strict=True))
    assert_gradient(parts, points, weights, gradient)


@every([c for c in CASES if len(c.places) > 1])
def test_every_choice_of_tracked_operands_agrees(case):
    arrays = case.arrays()
    everything = gradient_arrays(case, arrays)
    for chosen in itertools.product([True, False], repeat=len(arrays)):
        inputs = [
            tg.Variable(x) if tracked else x if i % 2 else tg.tensor(x)
            for i, (x, tracked) in enumerate(zip(arrays, chosen, strict=True))
        ]
        outputs = case(*inputs)
        assert any(y.requires_grad for y in outputs) == any(chosen)
        wanted = list(itertools.compress(everything, chosen))
        leaves = list(itertools.compress(inputs, chosen))
        if leaves:
            found = gradients(outputs, leaves, cotangents(case, outputs))
            for g, expected in zip(found, wanted, strict=True):
                np.testing.assert_array_equal(g.numpy(), expected)


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


@every([c for c in CASES if len(c.places) > 1 and c.name != "setitem"])  # that keeps its dtype
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


NUMBERS = [1.5, 2, np.float32(1.5)]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda n: f"{type(n).__name__}({n})")
@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize(
    "name", [n for n, p in OPERATIONS.items() if p.ufunc and p.differentiable == ("a", "b")]
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


@pytest.mark.parametrize(
    "name", [n for n, p in OPERATIONS.items() if p.ufunc and p.differentiable == ("a", "b")]
)
def test_a_list_is_an_operand(name):
    function, x = public(OPERATIONS[name]), np.array([1.25, 2.25])
    for given in ([1.5, 2.5], [1, 2], (3, 4)):
        wanted = tg.gradients(function(t := tg.Variable(x), np.array(given)).sum(), t)[0]
        (g,) = tg.gradients(function(t, given).sum(), t)
        np.testing.assert_array_equal(g.numpy(), wanted.numpy())
        np.testing.assert_array_equal(
            function(given, t).numpy(), function(np.array(given), x).numpy()
        )


@pytest.mark.parametrize("name", ["clip", "where"])
def test_float32_stays_float32_in(name):
    t = tg.Variable(np.array([1.25, -2.25], np.float32))
    call = {
        "clip": lambda: tg.clip(t, -1, 1.5),
        "where": lambda: tg.where(np.array([True, False]), t, 1.5),
    }[name]
    assert call().dtype == np.float32
    assert tg.gradients(call().sum(), t)[0].dtype == np.float32


# Memory


@pytest.mark.parametrize("layout", LAYOUTS)
@every(one_each([c for c in CASES if c.places and all(p.shape for p in c.places)]))
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


@pytest.mark.parametrize("layout", RAW_LAYOUTS)
@every(one_each([c for c in CASES if len(c.places) > 1 and all(p.shape for p in c.places)]))
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


@every(CASES)
def test_nothing_given_is_changed(case):
    """Neither operands, nor other arguments, nor the cotangents; forward, backward, or twice."""
    arrays = case.arrays()
    inputs = variables(arrays)
    given = [a for a in [*case.sample.args, *case.sample.kwargs.values()] if hasattr(a, "dtype")]
    outputs = case(*inputs)
    cts = cotangents(case, outputs)
    watched = [*given, *cts, *(t.value for t in [*inputs, *outputs])]
    copies = [np.array(x) for x in watched]
    first = gradients(outputs, inputs, cts, create_graph=True)
    gradients(first, inputs, [x * 0.5 + 1 for x in arrays], create_graph=True)
    for y, ct in zip(filter(is_real, outputs), cts, strict=True):
        y.backward(ct, retain_graph=True)
        y.backward(ct, retain_graph=True)
    for x, copy in zip(watched, copies, strict=True):
        np.testing.assert_array_equal(x, copy)
    for x, t in zip(arrays, inputs, strict=True):
        np.testing.assert_array_equal(t.numpy(), x)
