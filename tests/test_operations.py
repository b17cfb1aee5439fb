"""Every operation of the registry: its value, and its derivatives of order 1 and 2.

An operation is tested by being declared. What the cases are is told in `cases`; what operands of
every dtype and layout do is asked in `test_operands`, and what an operation does at its corners,
where no sample goes, in `test_conventions`.
"""

import functools
import itertools

import numpy as np
import pytest
from batches import batched
from cases import (
    CASES,
    OPERATIONS,
    assert_close,
    cotangents,
    every,
    gradient_arrays,
    gradients,
    is_real,
    name_of,
    public,
    variables,
    with_dtypes,
)
from derivatives import assert_gradient
from references import DERIVED, FORMULAS, UNTRACKED

import tinygraph as tg
from tinygraph.registry import NUMPY

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
    path = name_of(target).replace("lib.scimath", "emath").replace("lib.stride_tricks.", "")
    *inside, name = path.split(".")
    assert callable(getattr(functools.reduce(getattr, inside, tg), name, None))


@pytest.mark.parametrize(
    "target",
    [t for t, f in NUMPY.items() if not hasattr(f, "primitive") and t not in UNTRACKED],
    ids=name_of,
)
def test_derived_function_has_samples(target):
    assert name_of(target) in DERIVED


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


@batched("case, twin", [(c, twin) for c in CASES for twin in c.twins], by=lambda c, _: c.name)
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


@every([c for c in CASES if len({p.shape for p in c.places}) == 1 < len(c.places)])
def test_one_tensor_as_every_operand(case):
    """Its gradient is the sum of what it gets in each place."""
    x = case.arrays()[0]
    leaf = tg.Variable(x)
    outputs = case(*[leaf] * len(case.places))
    cts = [tg.tensor(ct) for ct in cotangents(case, outputs)]
    copies = [np.array(ct) for ct in cts]
    (g,) = gradients(outputs, [leaf], cts)
    assert_close(g.numpy(), sum(gradient_arrays(case, [x] * len(case.places))))
    for ct, copy in zip(cts, copies, strict=True):
        np.testing.assert_array_equal(ct.numpy(), copy)


@every(CASES)
def test_nothing_given_is_changed(case):
    """Neither operands, nor other arguments, nor the cotangents; forward, backward, or twice."""
    arrays = case.arrays()
    inputs = variables(arrays)
    given = [a for a in [*case.sample.args, *case.sample.kwargs.values()] if hasattr(a, "dtype")]
    outputs = case(*inputs)
    cts = [tg.tensor(ct) for ct in cotangents(case, outputs)]
    watched = [*given, *(t.value for t in [*inputs, *outputs, *cts])]
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
