"""Tensor: what it is, what it shows, and what it refuses to lose."""

import copy
import math
import operator
import pickle

import numpy as np
import pytest

import tinygraph as tg


def test_tensor_copies_its_data():
    data = np.ones(3)
    t = tg.tensor(data)
    data[0] = 7
    np.testing.assert_array_equal(t.numpy(), [1, 1, 1])


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (0.0, "float64"),
        (1, "int64"),
        (True, "bool"),
        (1j, "complex128"),
        ([1, 2.5], "float64"),
        (np.float32(2), "float32"),
        (np.ones(2, "float16"), "float16"),
        (np.ones(2, ">f4"), "float32"),
    ],
)
def test_dtype_is_numpys(data, dtype):
    t = tg.tensor(data)
    assert t.dtype == dtype
    assert t.dtype.isnative
    np.testing.assert_array_equal(t.numpy(), data)


def test_variable_is_a_floating_leaf_that_requires_grad():
    w = tg.Variable(0, name="w")
    assert (w.dtype, w.requires_grad, w.is_leaf, w.name, w.grad) == (
        "float64",
        True,
        True,
        "w",
        None,
    )
    assert tg.Variable(0.0, dtype=np.float32).dtype == "float32"


def test_shape_attributes():
    t = tg.tensor(np.zeros((2, 3, 4)))
    assert (t.shape, t.ndim, t.size, len(t)) == ((2, 3, 4), 3, 24, 2)
    assert t.T.shape == (4, 3, 2)
    assert t.mT.shape == (2, 4, 3)


@pytest.mark.parametrize(
    ("t", "text"),
    [
        (tg.tensor(2.0), "tensor(2.)"),
        (tg.tensor([1, 2]), "tensor([1, 2])"),
        (tg.tensor([1.0], dtype="float32"), "tensor([1.], dtype=float32)"),
        (tg.Variable(2.0, name="w"), "tensor(2., name='w', requires_grad=True)"),
        (tg.Variable(2.0) * 3, "tensor(6., operation='multiply')"),
        (tg.split(tg.Variable([1.0, 2.0]), 2)[1], "tensor([2.], operation='split[1]')"),
    ],
)
def test_repr(t, text):
    assert repr(t) == text


def test_format_of_one_number():
    assert f"{tg.tensor(math.pi):.3f}" == "3.142"
    assert f"{tg.tensor([1.0, 2.0])}" == "tensor([1., 2.])"


def test_numpy_is_a_read_only_view():
    t = tg.Variable([1.0, 2.0])
    view = t.numpy()
    assert np.shares_memory(view, t.value)
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 5


def test_item_tolist():
    assert tg.Variable(2.5).item() == 2.5
    assert type(tg.tensor([3]).item()) is int
    assert tg.tensor([[1, 2]]).tolist() == [[1, 2]]
    with pytest.raises(tg.ShapeError, match=r"item: .* has 2 elements"):
        tg.tensor([1, 2]).item()


def test_detach_cuts_the_graph_and_only_that():
    w = tg.Variable([1.0, 2.0])
    y = w * 2
    d = y.detach()
    assert (d.requires_grad, d.is_leaf) == (False, True)
    np.testing.assert_array_equal(d.numpy(), [2, 4])
    assert y.requires_grad


def test_astype_casts_the_gradient_back():
    w = tg.Variable(np.ones(3, np.float32))
    (w.astype(np.float64) * 2).sum().backward()
    assert w.grad.dtype == "float32"
    assert not w.astype(int).requires_grad


@pytest.mark.parametrize("convert", [float, int, complex, math.exp, np.asarray, np.array])
def test_conversions_of_tracked_tensors_name_the_way_out(convert):
    w = tg.Variable(1.0, name="w")
    with pytest.raises(tg.DetachError, match=r"'w'.*(item|detach|stack)"):
        convert(w)


def test_a_tracked_tensor_is_not_written_into_an_array():
    array, w = np.zeros(3), tg.Variable([1.0, 2.0, 3.0])
    with pytest.raises(tg.DetachError, match="detach"):
        array[:] = w
    with pytest.raises(ValueError, match="setting an array element") as caught:  # NumPy's own
        array[0] = tg.Variable(1.0)
    assert isinstance(caught.value.__cause__, tg.DetachError)
    np.testing.assert_array_equal(array, 0)


def test_untracked_tensors_convert_like_arrays():
    t = tg.tensor(2)
    assert (float(t), int(t), complex(t), operator.index(t)) == (2.0, 2, 2 + 0j, 2)
    np.testing.assert_array_equal(np.asarray(tg.tensor([1.0, 2.0])), [1, 2])
    assert np.asarray(t, dtype=np.float32).dtype == "float32"
    own = np.array(tg.tensor([1.0]))
    own[0] = 3  # a copy: writable


def test_truth():
    w = tg.Variable(1.0)
    assert w
    assert w > 0
    assert not tg.tensor(0)
    with pytest.raises(tg.ShapeError, match=r"any\(\)"):
        bool(tg.tensor([1, 2]))


def test_iteration_and_membership():
    t = tg.Variable([[1.0, 2.0], [3.0, 4.0]])
    first, second = t
    (first.sum() + 2 * second.sum()).backward()
    np.testing.assert_array_equal(t.grad.numpy(), [[1, 1], [2, 2]])
    assert 3.0 in t
    for operation in (len, iter):
        with pytest.raises(tg.ShapeError, match="0-dimensional"):
            operation(tg.tensor(1.0))


def test_hash_is_identity():
    a, b = tg.tensor(1.0), tg.tensor(1.0)
    assert len({a, b, a}) == 2


@pytest.mark.parametrize("name", ["lt", "le", "gt", "ge", "eq", "ne"])
def test_comparisons_are_untracked_booleans(name):
    compare = getattr(operator, name)
    a, b = np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0])
    for left, right in [(tg.Variable(a), b), (a, tg.Variable(b)), (tg.Variable(a), tg.tensor(b))]:
        result = compare(left, right)
        assert type(result) is tg.Tensor
        assert (result.dtype, result.requires_grad) == ("bool", False)
        np.testing.assert_array_equal(result.numpy(), compare(a, b))


def test_boolean_operators():
    t = tg.tensor([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(((t > 1) & ~(t > 2)).numpy(), [False, True, False])
    np.testing.assert_array_equal(((t > 2) | (t < 2)).numpy(), [True, False, True])


@pytest.mark.parametrize(
    "operation",
    [
        operator.add,
        operator.sub,
        operator.mul,
        operator.truediv,
        operator.pow,
        operator.mod,
        operator.floordiv,
    ],
)
def test_operators_with_arrays_lists_and_numbers_on_either_side(operation):
    a, b = np.array([1.5, 2.0, 3.0]), np.array([2.0, 3.0, 0.5])
    expected = operation(a, b)
    for left in (tg.Variable(a), a, a.tolist()):
        for right in (tg.Variable(b), b, b.tolist()):
            if type(left) is not tg.Tensor and type(right) is not tg.Tensor:
                continue
            result = operation(left, right)
            assert type(result) is tg.Tensor
            np.testing.assert_array_equal(result.numpy(), expected)
    np.testing.assert_array_equal(operation(2.0, tg.Variable(b)).numpy(), operation(2.0, b))
    np.testing.assert_array_equal(
        operation(np.float64(2), tg.Variable(b)).numpy(), operation(2.0, b)
    )
    np.testing.assert_array_equal(operation(tg.Variable(a), 2).numpy(), operation(a, 2))


def test_other_operators():
    a = tg.Variable([-1.5, 2.5])
    np.testing.assert_array_equal(abs(a).numpy(), [1.5, 2.5])
    np.testing.assert_array_equal((-a).numpy(), [1.5, -2.5])
    np.testing.assert_array_equal((+a).numpy(), [-1.5, 2.5])
    np.testing.assert_array_equal(round(a).numpy(), [-2, 2])
    assert (a @ a).item() == 8.5
    assert ([1.0, 2.0] @ a).item() == 3.5
    quotient, rest = divmod(a, 2.0)
    np.testing.assert_array_equal(quotient.numpy(), [-1, 1])
    np.testing.assert_array_equal(rest.numpy(), [0.5, 0.5])


def test_in_place_operators_rebind():
    w = tg.Variable(3.0)
    y = x = w * 1
    x += 1
    assert (y.item(), x.item()) == (3.0, 4.0)
    x *= w
    x.backward()
    assert w.grad.item() == 7.0  # (w + 1)·w


def test_in_place_operators_update_a_leaf_under_no_grad():
    w = same = tg.Variable(3.0, name="w")
    (w * w).backward()
    with tg.no_grad():
        w -= 0.5 * w.grad
    assert w is same
    assert (w.item(), w.is_leaf, w.requires_grad) == (0.0, True, True)


def test_assign_keeps_dtype_and_shape():
    w = tg.Variable(np.zeros(2, np.float32))
    w.assign([1.0, 2.0])
    assert w.dtype == "float32"
    np.testing.assert_array_equal(w.numpy(), [1, 2])
    with pytest.raises(tg.ShapeError, match=r"assign: .*\(3,\).*\(2,\)"):
        w.assign(np.zeros(3))
    with pytest.raises(tg.DTypeError, match="astype"):
        w.assign(np.zeros(2, complex))
    with pytest.raises(tg.BackwardError, match="only a leaf"):
        (w * 1).assign([1.0, 2.0])


@pytest.mark.parametrize("shape", [(), (3,)])
def test_assign_of_another_dtype(shape):
    w = tg.tensor(np.full(shape, 2, np.float32), requires_grad=True, name="w")
    node, before = w.node, w + 1.0
    (w * w).sum().backward()
    w.assign(np.full(shape, 0.1), np.float64)
    assert (w.node, w.dtype, w.grad.dtype) == (node, np.float64, np.float64)
    np.testing.assert_array_equal(w.grad.numpy(), np.full(shape, 4))
    before.sum().backward()  # it did not keep the old value
    (w * w).sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), np.full(shape, 5.2), rtol=1e-15)
    for dtype, error in ((int, "gradients, not int64"), ("f4", "dtype complex128 does not fit")):
        with pytest.raises(tg.DTypeError, match=error):
            w.assign(np.full(shape, 1j), dtype)
    assert w.dtype == np.float64
    constant = tg.tensor(np.zeros(shape))
    constant.assign(np.ones(shape, int), int)
    assert constant.dtype == int


def test_freeze_and_unfreeze():
    w = tg.Variable([1.0, 2.0], name="w")
    w.requires_grad = False
    assert not (w * 2).requires_grad
    w.requires_grad = True
    (w * w).sum().backward()
    np.testing.assert_array_equal(w.grad.numpy(), [2, 4])
    assert w.name == "w"
    with pytest.raises(tg.BackwardError, match="detach"):
        (w * 1).requires_grad = False
    with pytest.raises(tg.DTypeError, match="int64"):
        tg.tensor([1, 2]).requires_grad = True


def test_grad_can_be_set_to_a_gradient_of_its_shape():
    w = tg.Variable([1.0, 2.0])
    w.grad = [3, 4]
    assert w.grad.dtype == "float64"
    np.testing.assert_array_equal(w.grad.numpy(), [3, 4])
    w.grad = None
    assert w.grad is None
    with pytest.raises(tg.ShapeError, match=r"\(3,\)"):
        w.grad = np.ones(3)


def test_grad_of_a_result_warns():
    y = tg.Variable(1.0) * 2
    with pytest.warns(UserWarning, match=r"tg\.gradients"):
        assert y.grad is None


def test_shallow_copy_is_the_same_place_in_the_graph():
    w = tg.Variable(2.0)
    copy.copy(w * w).backward()
    assert w.grad.item() == 4.0


@pytest.mark.parametrize("again", [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
def test_leaves_are_copied_whole(again):
    w = tg.Variable([1.0, 2.0], name="w")
    (w * w).sum().backward()
    twin = again(w)
    assert (twin.name, twin.requires_grad, twin.is_leaf) == ("w", True, True)
    np.testing.assert_array_equal(twin.grad.numpy(), [2, 4])
    gw, gt = tg.gradients((w * twin).sum(), [w, twin])
    np.testing.assert_array_equal(gw.numpy(), [1, 2])
    np.testing.assert_array_equal(gt.numpy(), [1, 2])
    assert not again(tg.tensor(1.0)).requires_grad
    with pytest.raises(tg.DetachError, match=r"multiply.*\.detach\(\)"):
        again(w * w)


def test_tensor_is_not_called():
    with pytest.raises(tg.ArgumentError, match=r"tg\.tensor"):
        tg.Tensor([1.0])


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([[1, 2], [3]], tg.ShapeError, "ragged"),
        (object(), tg.DTypeError, "object"),
        ([1, None], tg.DTypeError, "object"),
        ("text", tg.DTypeError, "str"),
        (np.array(["2020-01-01"], "datetime64[D]"), tg.DTypeError, "datetime64"),
        (np.ma.masked_array([1.0], [True]), tg.DTypeError, "filled"),
    ],
)
def test_what_is_not_numeric_is_refused(data, error, message):
    with pytest.raises(error, match=message):
        tg.tensor(data)


def test_a_copy_of_a_tracked_tensor_is_refused():
    with pytest.raises(tg.DetachError, match="detach"):
        tg.tensor(tg.Variable(1.0))
    with pytest.raises(tg.DetachError, match=r"tg\.stack"):
        tg.tensor([tg.Variable(1.0), 2.0])
