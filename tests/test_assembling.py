"""Joining, taking apart, repeating: nested lists, what NumPy cannot intercept, corners, errors."""

import numpy as np
import pytest
from derivatives import assert_gradient

import tinygraph as tg

A, B, ROW = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0], [6.0]]), np.array([7.0, 8, 9])
X = np.array([0.5, 1.5, 2.5])


def assert_derivatives(function, arrays, wanted):
    """The value, and the first and second derivative of Σ weight·y³, which is not linear."""
    y = function(*map(tg.Variable, arrays))
    assert y.requires_grad
    np.testing.assert_allclose(y.numpy(), wanted, rtol=1e-14)
    assert y.dtype == np.asarray(wanted).dtype
    weights = np.arange(1.0, y.size + 1).reshape(y.shape)

    def gradient(*arrays):
        leaves = [tg.Variable(x) for x in arrays]
        loss = (weights * function(*leaves) ** 3).sum()
        return loss, leaves, tg.gradients(loss, leaves, create_graph=True)

    _, leaves, first = gradient(*arrays)
    assert_gradient(lambda *xs: [gradient(*xs)[0].value], arrays, [1.0], [g.numpy() for g in first])
    again = [np.full(x.shape, 0.5) for x in arrays]
    second = tg.gradients(first, leaves, again)
    assert_gradient(
        lambda *xs: [g.value for g in gradient(*xs)[2]], arrays, again, [g.numpy() for g in second]
    )


@pytest.mark.parametrize(
    ("function", "arrays"),
    [
        (lambda a, b: tg.array([[a, b], [1, 2.0]]), [np.array(2.0), np.array(3.0)]),
        (lambda a, b: tg.array([a, [b, 1.0, 2.0]], ndmin=3), [X, np.array(3.0)]),
        (lambda a: tg.array([X, a]), [X]),
        (lambda a: tg.array((a, a), dtype=np.float64), [X]),
        (lambda a: tg.asarray([a, X]), [X]),
        (lambda a: tg.ascontiguousarray(a), [np.array(2.0)]),
        (lambda a, b: tg.full((2, 3), [a, b, a]), [np.array(2.0), np.array(3.0)]),
        (lambda a, b, c: tg.block([[a, b], [c]]), [A, B, ROW]),
        (lambda a, b: tg.block([[[a, b]], [[b, a]]]), [A, A]),
        (lambda a, b: tg.block([[a, 1.0], [2.0, b]]), [np.array(2.0), np.array(3.0)]),
        (lambda a, b: tg.insert(a, 1, [b, 2.0], axis=0), [A, np.array(3.0)]),
        (lambda a, b: tg.append(a, [b, 1.0]), [A, np.array(3.0)]),
        (lambda a: tg.hstack([a, 1.0]), [X]),
        (lambda a: tg.stack([a, a], dtype=np.float64, casting="safe"), [X]),
    ],
)
def test_tensors_in_nested_lists(function, arrays):
    """Each is a function of NumPy too, of the same name."""
    plain = function.__globals__ | {"tg": np}
    wanted = type(function)(function.__code__, plain)(*arrays)
    assert_derivatives(function, arrays, wanted)


@pytest.mark.parametrize(
    ("function", "arrays", "wanted"),
    [
        (lambda a: tg.r_[a, 1, 0:3], [X], np.r_[X, 1, 0:3]),
        (lambda a, b: tg.r_[b, a, [b, 2]], [X, np.array(4.0)], np.r_[4.0, X, [4.0, 2]]),
        (lambda a: tg.r_["0,2", a, [1, 2, 3]], [X], np.r_["0,2", X, [1, 2, 3]]),
        (lambda a: tg.r_["0,3,1", a, a], [X], np.r_["0,3,1", X, X]),
        (lambda a, b: tg.c_[a, b, 1:4], [X, np.ones((3, 2))], np.c_[X, np.ones((3, 2)), 1:4]),
    ],
)
def test_along(function, arrays, wanted):
    assert_derivatives(function, arrays, wanted)


def test_along_takes_numpys_dtype():
    x = tg.Variable(X.astype(np.float32))
    assert tg.r_[x, 1.0].dtype == np.float32
    assert tg.r_[x, np.ones(1)].dtype == np.float64


def test_array_is_a_copy_of_the_dtype_that_numpy_takes():
    x = np.array([1.0, 2.0])
    made = tg.array(x)
    x[0] = 5
    np.testing.assert_array_equal(made.numpy(), [1, 2])
    assert tg.array([1, 2]).dtype == np.array([1, 2]).dtype
    single = tg.Variable(np.float32(1))
    assert tg.array([single, single]).dtype == np.float32
    assert tg.array([single, np.float64(1)]).dtype == np.float64
    assert tg.array([tg.tensor(1), True]).dtype == np.array([1, True]).dtype
    assert tg.array([]).shape == (0,)
    t = tg.Variable(X)
    assert tg.asarray(t) is t is tg.asanyarray(t)
    assert tg.array(t) is not t


@pytest.mark.parametrize(
    "call",
    [
        lambda t: np.array([t, t]),
        lambda t: np.array([[t[0], 1.0], [t[1], 2.0]]),
        lambda t: np.asarray(t),
        lambda t: np.ascontiguousarray(t),
        lambda t: np.require(t),
        lambda t: np.r_[t, 1],
        lambda t: np.c_[1:4, t],
        lambda t: np.full((2, 3), t),
        lambda t: np.arange(t[0]),
        lambda t: np.broadcast(t, X),
        lambda t: list(np.ndenumerate(t)),
        lambda t: np.vectorize(float)(t),
        lambda t: np.lib.stride_tricks.as_strided(t, (2, 2)),
        lambda t: np.pad(X, 1, constant_values=t[0]),
    ],
)
def test_what_numpy_cannot_intercept_is_loud(call):
    with pytest.raises(tg.DetachError, match=r"tg\.stack"):
        call(tg.Variable(X))


@pytest.mark.parametrize("call", [lambda t: list(np.nditer(t)), lambda t: np.fromiter(t, float)])
def test_what_numpy_refuses_itself(call):
    with pytest.raises((TypeError, ValueError)):
        call(tg.Variable(X))


def test_functions_of_tensors_that_numpy_calls():
    t = tg.Variable(np.float64(2.0))
    y = np.fromfunction(lambda i, j: i * t + j, (2, 2))
    np.testing.assert_array_equal(tg.gradients(y.sum(), t)[0].numpy(), 2)
    lanes = np.apply_along_axis(lambda v: v.sum() * v, 0, tg.Variable(A))
    np.testing.assert_array_equal(lanes.numpy(), A.sum(0) * A)
    path, text = np.einsum_path("ij,jk->ik", tg.Variable(A), A)
    assert path == ["einsum_path", (0, 1)]
    assert "ij,jk->ik" in text


@pytest.mark.parametrize(
    ("indices", "axis"),
    [
        (0, None),
        (-1, 1),
        ([1, 1], 0),
        (np.array([True, False]), 1),
        (slice(0, 2), 1),
        (np.array([2]), 1),
    ],
)
def test_inserted_values_and_the_rest_share_the_gradient(indices, axis):
    """A linear function: its gradient is the sum of the weights of each element's copies."""
    x, v = tg.Variable(A), tg.Variable(10.0)
    y = np.insert(x, indices, v, axis)
    places = np.flatnonzero(indices) if np.asarray(indices).dtype == bool else indices
    np.testing.assert_array_equal(y.numpy(), np.insert(A, places, 10.0, axis))
    weights = np.arange(1.0, y.size + 1).reshape(y.shape)
    of_x, of_v = tg.gradients(y, [x, v], weights)
    assert of_v.item() == weights[y.numpy() == 10].sum()
    np.testing.assert_array_equal(of_x.numpy().ravel(), weights[y.numpy() != 10])


@pytest.mark.parametrize(
    ("trim", "axis", "kept"),
    [("fb", None, np.s_[1:2, 1:3]), ("f", None, np.s_[1:, 1:]), ("b", 1, np.s_[:, :3]),
     ("FB", (0,), np.s_[1:2])],
)  # fmt: skip
def test_trim_zeros_along_axes(trim, axis, kept):
    x = np.zeros((3, 4))
    x[1, 1:3] = 2.0, 3.0
    t = tg.Variable(x)
    y = tg.trim_zeros(t, trim, axis)
    np.testing.assert_array_equal(y.numpy(), x[kept])
    wanted = np.zeros((3, 4))
    wanted[kept] = 1
    np.testing.assert_array_equal(tg.gradients(y.sum(), t)[0].numpy(), wanted)


def test_trim_zeros_of_zeros_is_empty():
    assert tg.trim_zeros(tg.Variable(np.zeros((2, 3)))).shape == (0, 0)


def test_orders():
    x = np.arange(6.0).reshape(2, 3)
    t = tg.Variable(x)
    y = np.reshape(t, (3, 2), order="F")
    np.testing.assert_array_equal(y.numpy(), x.reshape(3, 2, order="F"))
    np.testing.assert_array_equal(np.ravel(t, order="K").numpy(), x.ravel())
    for order in ("A", "K"):
        with pytest.raises(tg.ArgumentError, match="say 'C' or 'F'"):
            np.ravel(t.T, order=order)
    with pytest.raises(tg.ArgumentError, match="'C' or 'F'"):
        np.reshape(t, 6, order="Z")
    assert np.copy(t, order="F", subok=True).requires_grad


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda t: np.block([[t], t]), tg.ArgumentError, ["block", "arrays[0]", "1 deep"]),
        (lambda t: np.block([t, (t,)]), tg.ArgumentError, ["block", "tuple", "[ ]"]),
        (lambda t: np.block([[t], []]), tg.ShapeError, ["block", "arrays[1]", "empty"]),
        (lambda t: tg.hstack(1.0), tg.ArgumentError, ["hstack", "[ ]"]),
        (lambda t: tg.vstack([]), tg.ShapeError, ["vstack", "empty"]),
        (lambda t: np.insert(t, 9, 1.0), tg.IndexingError, ["insert", "9", "size 3"]),
        (lambda t: np.insert(t, [0, 1], X), tg.ShapeError, ["insert", "(3,)", "[0, 1]"]),
        (lambda t: np.insert([1, 2], 0, t[0]), tg.DTypeError, ["insert", "int64", "astype"]),
        (lambda t: np.delete(t, 3), tg.IndexingError, ["delete", "3", "(3,)"]),
        (lambda t: np.delete(t, 0, axis=1), tg.AxisError, ["delete", "axis 1"]),
        (lambda t: np.array_split(t, 0), tg.ArgumentError, ["array_split", "0 sections"]),
        (lambda t: np.dsplit(t, 1), tg.ShapeError, ["dsplit", "(3,)"]),
        (lambda t: np.vsplit(t, 1), tg.ShapeError, ["vsplit", "(3,)"]),
        (lambda t: np.trim_zeros(t, "x"), tg.ArgumentError, ["trim_zeros", "'x'"]),
        (lambda t: np.tile(t, -1), tg.ShapeError, ["tile", "-1"]),
        (lambda t: np.repeat(t, [1, 2]), tg.ShapeError, ["repeat", "(2,)", "3 slices"]),
        (lambda t: np.repeat(t, -1), tg.ShapeError, ["repeat", "negative"]),
        (lambda t: np.resize(t, (-1,)), tg.ShapeError, ["resize", "-1"]),
        (lambda t: np.rot90(t), tg.AxisError, ["rot90", "axis 1"]),
        (lambda t: tg.rot90(tg.stack([t, t]), axes=(0, 0)), tg.ShapeError, ["rot90", "same"]),
        (lambda t: np.fliplr(t), tg.ShapeError, ["fliplr", "(3,)"]),
        (lambda t: np.rollaxis(t, 0, 5), tg.AxisError, ["rollaxis", "start=5"]),
        (lambda t: np.meshgrid(t, indexing="yx"), tg.ArgumentError, ["meshgrid", "'yx'"]),
        (lambda t: np.ix_(t, A), tg.ShapeError, ["ix_", "(2, 2)"]),
        (lambda t: np.broadcast_arrays(t, [1.0, 2]), tg.ShapeError, ["broadcast_arrays", "(2,)"]),
        (lambda t: tg.array([[t[0], 1], [2]]), tg.ShapeError, ["stack", "same shape"]),
        (lambda t: tg.array(None), tg.ArgumentError, ["array", "None"]),
        (lambda t: tg.array([t], dtype=int), tg.DTypeError, ["array", "int64"]),
        (lambda t: tg.asarray(t, np.float32, copy=False), tg.DTypeError, ["copy=False"]),
        (lambda t: tg.full_like(np.array([1]), t[0]), tg.DTypeError, ["full_like", "int64"]),
        (lambda t: tg.r_["r", t], tg.ArgumentError, ["r_", "tg.block"]),
        (lambda t: tg.c_[t, [1.0]], tg.ShapeError, ["c_", "(3,)", "(1,)"]),
        (lambda t: tg.concatenate([t], out=X), tg.ArgumentError, ["concatenate", "out="]),
        (lambda t: np.apply_over_axes(lambda x, i: x.sum(), t[None, None], 0), tg.ArgumentError,
         ["apply_over_axes", "(1, 1, 3)"]),
        (lambda t: np.apply_along_axis(np.sum, 0, t[:0]), tg.ShapeError, ["apply_along_axis"]),
    ],
)  # fmt: skip
def test_mistakes_are_told(call, error, words):
    with pytest.raises(error) as caught:
        call(tg.Variable(X))
    for word in words:
        assert word in str(caught.value)


def test_methods_take_numpys_orders():
    x = np.arange(6.0).reshape(2, 3)
    t = tg.Variable(x)
    np.testing.assert_array_equal(t.reshape(3, 2, order="F").numpy(), x.reshape(3, 2, order="F"))
    np.testing.assert_array_equal(t.flatten("F").numpy(), x.flatten("F"))
    np.testing.assert_array_equal(t.repeat([1, 2], axis=0).numpy(), x.repeat([1, 2], axis=0))
    assert t.astype(np.float32, copy=False).requires_grad
