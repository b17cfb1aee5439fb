"""Reading and writing by index: values as NumPy's, and where the cotangents go."""

import math
import operator
from typing import Any

import hypothesis.extra.numpy as nps
import hypothesis.strategies as st
import numpy as np
import pytest
from derivatives import assert_gradient
from hypothesis import given, settings

import tinygraph as tg

SHAPES = nps.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4)


@st.composite
def advanced(draw: Any, shape: tuple[int, ...]) -> Any:
    """Index tuples that mix integer arrays, masks, slices, integers, None and an ellipsis."""
    together = draw(nps.array_shapes(min_dims=1, max_dims=2, max_side=3))
    index: list[Any] = []
    for size in shape:
        kind = draw(st.sampled_from(["array", "array", "slice", "integer", "row"]))
        if kind == "slice":
            index.append(draw(st.slices(size)))
        elif kind == "integer":
            index.append(draw(st.integers(-size, size - 1)))
        else:
            within = st.integers(-size, size - 1)
            own = together if kind == "array" else together[-1:]
            index.append(draw(nps.arrays(np.intp, own, elements=within)))
    length = draw(st.integers(1, len(shape)))
    if draw(st.booleans()):
        index.insert(draw(st.integers(0, length)), None)
        length += 1
    index = index[:length]
    if draw(st.booleans()):
        # An ellipsis that stands for nothing, or for what was cut off at the end.
        index.append(Ellipsis)
    return tuple(index)


def indices(shape: tuple[int, ...]) -> Any:
    """Every kind of index that fits an array of this shape."""
    masks = nps.arrays(bool, st.sampled_from([shape[:n] for n in range(1, len(shape) + 1)]))
    integers = nps.arrays(np.intp, SHAPES, elements=st.integers(-shape[0], shape[0] - 1))
    return st.one_of(nps.basic_indices(shape, allow_newaxis=True), masks, integers, advanced(shape))


def numbered(shape: tuple[int, ...], begin: float = 1) -> Any:
    return np.arange(begin, begin + math.prod(shape)).reshape(shape)


def scattered(ct: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """The cotangent of an array that was read at the index: added up where it was read."""
    places = np.arange(math.prod(shape)).reshape(shape)[index]
    wanted = np.zeros(math.prod(shape))
    np.add.at(wanted, np.ravel(places), np.ravel(ct))
    return wanted.reshape(shape)


# Reading


@settings(max_examples=150)
@given(data=st.data(), shape=SHAPES)
def test_getitem(data, shape):
    index = data.draw(indices(shape))
    x = numbered(shape)
    leaf = tg.Variable(x)
    y = leaf[index]
    np.testing.assert_array_equal(y.numpy(), x[index])
    assert y.shape == x[index].shape
    ct = numbered(y.shape, 10)
    (g,) = tg.gradients(y, leaf, ct)
    np.testing.assert_array_equal(g.numpy(), scattered(ct, index, shape))


@settings(max_examples=150)
@given(data=st.data(), shape=SHAPES)
def test_getitem_of_what_was_computed(data, shape):
    """Where the gradient itself is differentiated: of x³ read at the index, 6x per reading."""
    index = data.draw(indices(shape))
    x = numbered(shape)
    leaf = tg.Variable(x)
    ct = numbered(x[index].shape, 10)
    (g,) = tg.gradients((leaf**3)[index], leaf, ct, create_graph=True)
    np.testing.assert_allclose(g.numpy(), 3 * x**2 * scattered(ct, index, shape), rtol=1e-13)
    (h,) = tg.gradients(g, leaf, np.ones(shape))
    np.testing.assert_allclose(h.numpy(), 6 * x * scattered(ct, index, shape), rtol=1e-13)


def test_reading_twice_adds_up():
    x = tg.Variable([1.0, 2.0, 3.0])
    (x[0] * 10 + x[0:2].sum() * 100 + x[[0, 0]].sum() * 1000).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2110, 100, 0])


@pytest.mark.parametrize(
    "index",
    [
        tg.tensor(1),
        tg.tensor([0, 2, 0]),
        tg.tensor([True, False, True]),
        (tg.tensor([0, 1]), tg.tensor([1, 1])),
        (slice(None), tg.tensor(1)),
        slice(tg.tensor(1), tg.tensor(3)),
        [0, 2],
        [True, False, True],
        ([0, 1], [1, 0]),
        [],
        np.int64(1),
        np.array(2, np.uint8),
        True,
        np.True_,
        (None, [[0], [1]], slice(None)),
    ],
    ids=str,
)
def test_kinds_of_index(index):
    def plain(i):
        """The same for an array, without tensors."""
        if isinstance(i, tuple):
            return tuple(map(plain, i))
        if isinstance(i, slice):
            return slice(*map(plain, (i.start, i.stop, i.step)))
        return i.numpy() if isinstance(i, tg.Tensor) else i

    x = numbered((3, 4))
    leaf = tg.Variable(x)
    y = leaf[index]
    np.testing.assert_array_equal(y.numpy(), x[plain(index)])
    ct = numbered(y.shape, 10)
    (g,) = tg.gradients(y, leaf, ct)
    np.testing.assert_array_equal(g.numpy(), scattered(ct, plain(index), x.shape))


def test_iteration_and_unpacking_are_differentiable():
    x = tg.Variable([[1.0, 2.0], [3.0, 4.0]])
    first, (second, third) = x
    (first.sum() * 10 + second * third).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [[10, 10], [4, 3]])


@pytest.mark.parametrize(
    "index, kind",
    [
        (3, IndexError),
        ((0, 4), IndexError),
        ((0, 0, 0), IndexError),
        ([0, 5], IndexError),
        (np.ones(4, bool), IndexError),
        (1.0, IndexError),
        ("x", (IndexError, TypeError)),
        (tg.tensor(1.0), IndexError),
        (tg.Variable(1.0), IndexError),
        (([0, 1], [0, 1, 2]), (IndexError, ValueError)),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "use",
    [operator.getitem, lambda x, index: operator.setitem(x, index, 0)],
    ids=["read", "write"],
)
def test_an_index_that_does_not_fit(index, kind, use):
    x = tg.Variable(numbered((3, 4))) * 1
    with pytest.raises(tg.TinygraphError) as caught:
        use(x, index)
    assert isinstance(caught.value, kind)


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8])
def test_wide_rows_that_are_read_again(dtype):
    x = numbered((5, 3, 100))
    index = np.array([[4, 0, 4], [1, 4, 0]], dtype) if dtype is np.uint8 else np.array(
        [[-1, 0, 4], [1, -1, -5]], dtype
    )  # fmt: skip
    leaf = tg.Variable(x)
    y = leaf[index]
    ct = np.random.default_rng(0).normal(size=y.shape)
    (g,) = tg.gradients(y, leaf, ct, retain_graph=True)
    np.testing.assert_array_equal(g.numpy(), scattered(ct, index, x.shape))
    (again,) = tg.gradients(leaf[index,], leaf, ct)
    np.testing.assert_array_equal(again.numpy(), g.numpy())


# Writing


@settings(max_examples=150)
@given(data=st.data(), shape=SHAPES)
def test_setitem(data, shape):
    """The value is NumPy's, so where an index occurs twice the last one stays; so is the slope."""
    index = data.draw(indices(shape))
    x = numbered(shape)
    target = x[index].shape
    narrow = st.lists(st.booleans(), min_size=len(target), max_size=len(target))
    own = tuple(1 if one else n for n, one in zip(target, data.draw(narrow), strict=True))
    own = own[data.draw(st.integers(0, len(own))) :] if 0 not in target else target
    value = numbered(own, 100)

    def written(x, value):
        out = x.copy()
        out[index] = value
        return [out]

    leaves = [tg.Variable(x), tg.Variable(value)]
    y = leaves[0] * 1
    y[index] = leaves[1]
    np.testing.assert_array_equal(y.numpy(), written(x, value)[0])
    ct = numbered(shape, 10)
    found = [g.numpy() for g in tg.gradients(y, leaves, ct)]
    assert_gradient(written, [x, value], [ct], found)


def test_the_last_value_stays():
    x, value = tg.Variable(np.zeros(3)), tg.Variable([1.0, 2.0, 3.0])
    y = x * 1
    y[[0, 2, 0]] = value
    np.testing.assert_array_equal(y.numpy(), [3, 0, 2])
    by_x, by_value = tg.gradients(y, [x, value], [10.0, 20.0, 30.0])
    np.testing.assert_array_equal(by_x.numpy(), [0, 20, 0])
    np.testing.assert_array_equal(by_value.numpy(), [0, 30, 10])


def test_second_derivatives_through_writing():
    """Of x₀²·v³ with v written beside x₀: the matrix [[2v³, 6x₀v²], [6x₀v², 6x₀²v]]."""
    x, v = tg.Variable([2.0, 7.0]), tg.Variable(3.0)
    y = x * 1
    y[1] = v
    by_x, by_v = tg.gradients(y[0] ** 2 * y[1] ** 3, [x, v], create_graph=True)
    np.testing.assert_array_equal(by_x.numpy(), [108, 0])
    assert by_v.item() == 108
    xx, xv = tg.gradients(by_x[0], [x, v], retain_graph=True)
    np.testing.assert_array_equal(xx.numpy(), [54, 0])
    assert xv.item() == 108
    assert tg.gradients(by_v, v)[0].item() == 72


def test_writing_into_a_constant_makes_it_tracked():
    x, v = tg.tensor(np.zeros(3)), tg.Variable(2.0)
    x[1] = v
    assert x.requires_grad
    (g,) = tg.gradients((x**2).sum(), v)
    assert g.item() == 4


def test_writing_a_constant_cuts_off_what_it_replaces():
    x = tg.Variable([1.0, 2.0, 3.0])
    y = x * 2
    y[1] = 9.0
    y.backward([1.0, 1.0, 1.0])
    np.testing.assert_array_equal(x.grad.numpy(), [2, 0, 2])


def test_adding_at_an_index():
    """`y[i] += v` reads and writes: the slope of what was there stays 1."""
    x, v = tg.Variable([1.0, 2.0, 3.0]), tg.Variable(5.0)
    y = x * 1
    y[1:] += v
    np.testing.assert_array_equal(y.numpy(), [1, 7, 8])
    by_x, by_v = tg.gradients(y, [x, v], [1.0, 10.0, 100.0])
    np.testing.assert_array_equal(by_x.numpy(), [1, 10, 100])
    assert by_v.item() == 110


def test_filling_in_a_loop():
    """A recurrence written the NumPy way, y[k] = y[k−1]·r: the slope of rⁿ."""
    r = tg.Variable(2.0)
    y = tg.tensor(np.ones(5))
    for k in range(1, 5):
        y[k] = y[k - 1] * r
    np.testing.assert_array_equal(y.numpy(), [1, 2, 4, 8, 16])
    assert tg.gradients(y[4], r)[0].item() == 32


@pytest.mark.parametrize(
    "other",
    [
        lambda x: x[1:],
        lambda x: x.reshape(3, 1),
        lambda x: x.T,
        lambda x: x * 1,
        lambda x: +x,
        lambda x: x.detach(),
        lambda x: x.copy(),
        lambda x: tg.tensor(x.detach()),
        lambda x: tg.broadcast_to(x, (2, 3)),
    ],
    ids=["slice", "reshape", "T", "product", "plus", "detach", "copy", "tensor", "broadcast"],
)
def test_other_tensors_do_not_change(other):
    x = tg.Variable([1.0, 2.0, 3.0]) * 1
    y = other(x)
    before = y.numpy().copy()
    view = x.numpy()
    x[1] = 9.0
    np.testing.assert_array_equal(y.numpy(), before)
    np.testing.assert_array_equal(view, [1, 2, 3])
    np.testing.assert_array_equal(x.numpy(), [1, 9, 3])


def test_what_was_computed_before_keeps_its_gradient():
    """A product keeps its operands: writing to one must not change what backward uses."""
    w = tg.Variable([2.0, 3.0])
    x = w * 1
    square = x * x
    x[0] = 100.0
    square.backward([1.0, 1.0])
    np.testing.assert_array_equal(w.grad.numpy(), [4, 6])


def test_the_written_value_is_copied():
    x, value = tg.tensor(np.zeros(2)), np.array([1.0, 2.0])
    x[:] = value
    value[0] = 9
    np.testing.assert_array_equal(x.numpy(), [1, 2])


@pytest.mark.parametrize(
    "value, dtype",
    [(2.5, np.float32), (2, np.float32), (np.float64(2.5), np.float32), (True, np.float32)],
    ids=str,
)
def test_writing_keeps_the_dtype(value, dtype):
    leaf = tg.Variable(np.zeros(3, dtype))
    x = leaf * 1
    x[0] = value
    assert x.dtype == dtype
    assert tg.gradients(x.sum(), leaf)[0].dtype == dtype


def test_gradient_of_a_float64_value_written_into_float32():
    v = tg.Variable(2.5)
    x = tg.tensor(np.zeros(3, np.float32))
    x[0] = v
    assert x.dtype == np.float32
    (g,) = tg.gradients(x.sum(), v)
    assert g.dtype == np.float64
    assert g.item() == 1


@pytest.mark.parametrize("value", [1.5, np.array(1.5), tg.tensor(1.5), tg.Variable(1.5)], ids=str)
def test_floating_values_do_not_fit_integers(value):
    """NumPy would cut the fraction off, and with it the gradient."""
    x = tg.tensor([1, 2, 3])
    with pytest.raises(TypeError, match="int64"):
        x[0] = value
    np.testing.assert_array_equal(x.numpy(), [1, 2, 3])


def test_a_value_of_another_shape():
    x = tg.tensor(np.zeros((3, 4)))
    with pytest.raises(tg.ShapeError, match=r"\(3, 4\).*\(5,\)"):
        x[0] = np.zeros(5)


def test_integers_are_written_untracked():
    x = tg.tensor([1, 2, 3])
    x[tg.tensor([True, False, True])] = 7
    np.testing.assert_array_equal(x.numpy(), [7, 2, 7])
    assert not x.requires_grad


# take and take_along_axis


@given(data=st.data(), shape=SHAPES)
def test_take(data, shape):
    axis = data.draw(st.none() | st.integers(-len(shape), len(shape) - 1))
    size = math.prod(shape) if axis is None else shape[axis]
    index = data.draw(nps.arrays(np.intp, SHAPES, elements=st.integers(-size, size - 1)))
    x = numbered(shape)
    leaf = tg.Variable(x)
    y = tg.take(leaf, index, axis)
    np.testing.assert_array_equal(y.numpy(), np.take(x, index, axis))
    ct = numbered(y.shape, 10)
    (g,) = tg.gradients(y, leaf, ct)
    places = np.take(np.arange(x.size).reshape(shape), index, axis)
    wanted = scattered(ct.ravel(), places.ravel(), (x.size,)).reshape(shape)
    np.testing.assert_array_equal(g.numpy(), wanted)


@given(data=st.data(), shape=SHAPES)
def test_take_along_axis(data, shape):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    own = list(shape)
    own[axis] = data.draw(st.integers(1, 3))
    within = st.integers(0, shape[axis] - 1)
    index = data.draw(nps.arrays(np.intp, tuple(own), elements=within))
    x = numbered(shape)
    leaf = tg.Variable(x)
    y = tg.take_along_axis(leaf, index, axis)
    np.testing.assert_array_equal(y.numpy(), np.take_along_axis(x, index, axis))
    ct = numbered(y.shape, 10)
    (g,) = tg.gradients(y, leaf, ct)
    places = np.take_along_axis(np.arange(x.size).reshape(shape), index, axis)
    wanted = scattered(ct.ravel(), places.ravel(), (x.size,)).reshape(shape)
    np.testing.assert_array_equal(g.numpy(), wanted)


@pytest.mark.parametrize("index", [3, [-4], [0, 7]], ids=str)
def test_take_out_of_bounds(index):
    with pytest.raises(tg.IndexingError):
        tg.take(tg.Variable([1.0, 2.0, 3.0]), index)


def test_take_of_an_unknown_mode():
    with pytest.raises(tg.ArgumentError, match="knows 'raise', 'wrap' and 'clip'"):
        tg.take(tg.Variable([1.0, 2.0]), 0, mode="round")


@pytest.mark.parametrize("shape", [(2,), (1, 2)])
def test_take_along_axis_of_another_shape(shape):
    t = tg.Variable(np.eye(4))
    with pytest.raises((IndexError, ValueError)):
        np.take_along_axis(t.numpy(), np.zeros(shape, int), 0)
    with pytest.raises(tg.IndexingError, match="the same lengths but along axis 0"):
        np.take_along_axis(t, np.zeros(shape, int), 0)
