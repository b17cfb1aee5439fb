"""Shapes, axes, orders, indices and subscripts: NumPy takes all that is drawn, and it shrinks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as hs
from smallest import as_drawn, smallest

import tinygraph as tg
from tinygraph.errors import ArgumentError
from tinygraph.testing import strategies as st


@given(st.broadcastable_shapes(3))
def test_shapes_broadcast(shapes):
    assert len(shapes) == 3
    np.broadcast_shapes(*shapes)


@given(st.broadcastable_shapes((2, 3)))
def test_a_shape_broadcasts_with_the_one_given(shape):
    np.broadcast_shapes(shape, (2, 3))


def test_broadcasting_in_both_directions_is_met():
    pair = smallest(
        st.broadcastable_shapes(2), lambda s: np.broadcast_shapes(*s) not in (s[0], s[1])
    )
    # Such as (1, 1) and (2,): one has more axes, the other the larger side.
    assert sorted(np.prod(shape) for shape in pair) == [1, 2]
    assert smallest(st.broadcastable_shapes(2), lambda s: True) == ((), ())


@given(st.mutually_compatible_matmul_shapes())
def test_matmul_takes_the_shapes(shapes):
    a, b = map(np.zeros, shapes)
    assert (tg.tensor(a) @ b).shape == (a @ b).shape


@pytest.mark.parametrize("dims", [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (2, 3), (3, 3)])
def test_matmul_of_vectors_matrices_and_stacks_is_met(dims):
    as_drawn(st.mutually_compatible_matmul_shapes(), lambda s: (len(s[0]), len(s[1])) == dims)


@given(hs.data())
def test_axes_are_of_the_shape(data):
    x = np.zeros(data.draw(st.shapes()))
    assert x.sum(axis=data.draw(st.axes(x.shape))).ndim <= x.ndim


def test_axes_of_every_kind_are_met():
    assert smallest(st.axes(3), lambda a: True) is None
    assert smallest(st.axes(3), lambda a: isinstance(a, int)) == 0
    assert smallest(st.axes(3), lambda a: isinstance(a, int) and a < 0) == -3
    assert smallest(st.axes(3), lambda a: isinstance(a, tuple) and len(a) > 1) == (0, 1)
    assert smallest(st.axes(0, kinds=["int", "tuple"]), lambda a: True) == ()
    assert smallest(st.axes((2, 2), kinds=["tuple"], min_size=1), lambda a: True) == (0,)
    with pytest.raises(ArgumentError, match="there are none, int and tuple"):
        st.axes(2, kinds=["all"])


@given(hs.data())
def test_permutations_are_orders_of_the_axes(data):
    x = np.zeros(data.draw(st.shapes()))
    order = data.draw(st.permutations(x.shape, negative=data.draw(hs.booleans())))
    assert sorted(axis % x.ndim for axis in order) == list(range(x.ndim))
    x.transpose(order)


def test_permutations_shrink_to_no_change():
    assert smallest(st.permutations(3), lambda p: True) == (0, 1, 2)
    assert sorted(smallest(st.permutations(3), lambda p: p != (0, 1, 2))) == [0, 1, 2]


# Indices


@settings(max_examples=100)
@given(hs.data())
def test_indices_are_within_bounds(data):
    x = np.arange(24.0).reshape(data.draw(hs.sampled_from([(24,), (4, 6), (2, 3, 4), (1, 24, 1)])))
    index = data.draw(st.indices(x.shape))
    np.testing.assert_array_equal(tg.tensor(x)[index].numpy(), x[index])


@given(hs.data())
def test_indices_of_empty_arrays_and_of_no_axes(data):
    x = np.zeros(data.draw(hs.sampled_from([(), (0,), (2, 0, 3)])))
    x[data.draw(st.indices(x.shape))]


@given(st.indices((2, 3), allow_empty=False))
def test_indices_may_be_asked_to_leave_something(index):
    assert np.zeros((2, 3))[index].size


def _entries(index):
    return index if isinstance(index, tuple) else (index,)


def _arrays(index, kind):
    return [e for e in _entries(index) if isinstance(e, np.ndarray) and e.dtype.kind == kind]


CONDITIONS = {
    "int": lambda i: any(isinstance(e, int) for e in _entries(i)),
    "negative": lambda i: any(isinstance(e, int) and e < 0 for e in _entries(i)),
    "numpy": lambda i: any(isinstance(e, np.int64) for e in _entries(i)),
    "backwards": lambda i: any(isinstance(e, slice) and (e.step or 1) < 0 for e in _entries(i)),
    "ellipsis": lambda i: any(e is Ellipsis for e in _entries(i)),
    "ellipsis between": lambda i: len(_entries(i)) == 3 and _entries(i)[1] is Ellipsis,
    "newaxis": lambda i: any(e is None for e in _entries(i)),
    "bare": lambda i: not isinstance(i, tuple),
    "array": lambda i: _arrays(i, "i"),
    "repeated": lambda i: any(len({*a.flat}) < a.size for a in _arrays(i, "i")),
    "arrays that broadcast": lambda i: len({a.shape for a in _arrays(i, "i")}) > 1,
    "mask": lambda i: _arrays(i, "b"),
    "mask of all": lambda i: any(a.ndim == 3 for a in _arrays(i, "b")),
    "mask and array": lambda i: _arrays(i, "b") and _arrays(i, "i"),
}


@pytest.mark.parametrize("kind", CONDITIONS)
def test_indices_of_every_kind_are_met(kind):
    index = as_drawn(st.indices((2, 3, 2)), CONDITIONS[kind])
    np.zeros((2, 3, 2))[index]


def test_indices_shrink():
    assert smallest(st.indices((4, 4)), lambda i: True) == ()
    assert smallest(st.indices((4, 4)), lambda i: 0 in _entries(i) and len(_entries(i)) == 1) in (
        0,
        (0,),
    )
    found = smallest(st.indices((4, 4), kinds=["array"]), lambda i: bool(_entries(i)))
    (only,) = _entries(found)
    assert only.tolist() == 0
    with pytest.raises(ArgumentError, match="kind 'fancy'; there are slice"):
        st.indices((2,), kinds=["fancy"])


# Einsum


@given(st.einsum_subscripts(layouts=["C"]))
def test_einsum_takes_the_call(call):
    wanted = np.einsum(call.subscripts, *call.operands)
    found = tg.einsum(call.subscripts, *call.operands)
    np.testing.assert_allclose(found.numpy(), wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    "condition",
    [
        lambda c: "..." in c.subscripts,
        lambda c: "->" not in c.subscripts,
        lambda c: "ii" in c.subscripts,
        lambda c: len(c.operands) == 3,
        lambda c: c.subscripts.partition("->")[2] > "j",
    ],
    ids=["ellipsis", "implicit", "diagonal", "three operands", "transposed"],
)
def test_einsums_of_every_kind_are_met(condition):
    as_drawn(st.einsum_subscripts(), condition)


def test_einsums_shrink_to_a_number_by_itself():
    call = smallest(st.einsum_subscripts(), lambda c: True)
    assert call.subscripts == "->"
    call = smallest(st.einsum_subscripts(implicit=False), lambda c: c.operands[0].ndim == 1)
    assert (call.subscripts, call.operands[0].tolist()) == ("i->", [0])
