"""Leaves side by side in one array: moved in place, and still values to everyone else."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import flat as module
from tinygraph.errors import (
    ArgumentError,
    BackwardError,
    DTypeError,
    ShapeError,
    StaleGraphError,
)


def address(leaf):
    return leaf.value.__array_interface__["data"][0]


def descend(value, gradient, out):
    np.subtract(value, gradient, out=out)


def leaves_of(*shapes, dtype="float64"):
    numbers = iter(range(1, 1000))
    return [
        tg.tensor(
            np.reshape([next(numbers) for _ in range(int(np.prod(shape)))], shape),
            dtype,
            requires_grad=True,
        )
        for shape in shapes
    ]


def moved(leaves, flat, gradient=1.0):
    """One move by this gradient for all leaves."""
    for leaf in leaves:
        leaf.grad = np.full(leaf.shape, gradient)
    assert flat.gather()
    flat.move(descend)


# One array


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble", "complex64"])
@pytest.mark.parametrize(
    "shapes",
    [[(3,)], [(1,)], [()], [(0, 2)], [(2, 3), (), (0,), (1, 1)], [()] * 3, [(4,), (5, 1, 2), (2,)]],
)
def test_every_leaf_moves_by_its_gradient(shapes, dtype):
    leaves = leaves_of(*shapes, dtype=dtype)
    before = [leaf.value.copy() for leaf in leaves]
    flat = tg.FlatLeaves(leaves)
    for leaf, value in zip(leaves, before, strict=True):
        np.testing.assert_array_equal(leaf.value, value)
    for steps in (1, 2):
        for leaf, value in zip(leaves, before, strict=True):
            leaf.grad = value / 4
        assert flat.gather()
        flat.move(descend)
        for leaf, value in zip(leaves, before, strict=True):
            np.testing.assert_array_equal(leaf.value, value - steps * value / 4)
            assert (leaf.shape, leaf.dtype) == (value.shape, dtype)
            assert leaf.is_leaf and leaf.requires_grad


def test_they_lie_side_by_side():
    a, b, c = leaves = leaves_of((2, 3), (4,), ())
    flat = tg.FlatLeaves(leaves)
    assert flat.size == 11
    assert a.value.base is b.value.base
    assert address(b) == address(a) + 6 * 8
    assert a.value.flags.c_contiguous
    assert type(c.value) is np.float64  # which computes faster than an array
    zeros = flat.zeros()
    assert zeros.shape == (11,)
    parts = flat.split(zeros)
    assert [part.shape for part in parts] == [(2, 3), (4,), ()]
    parts[1][...] = 1
    assert zeros.tolist() == [0] * 6 + [1] * 4 + [0]


def test_what_a_picture_shows_of_a_scalar_leaf_follows_it():
    (w,) = leaves = leaves_of(())
    moved(leaves, tg.FlatLeaves(leaves))
    assert w.item() == 0
    assert w.node.value == 0


@pytest.mark.parametrize("order", ["C", "F"])
def test_values_and_gradients_in_any_memory_order(order):
    start = np.arange(6.0).reshape(2, 3)
    w = tg.tensor(np.array(start, order=order), requires_grad=True)
    flat = tg.FlatLeaves([w])
    w.grad = np.array(start / 2, order=order)
    flat.gather()
    flat.move(descend)
    np.testing.assert_array_equal(w.value, start / 2)


def test_a_gradient_that_is_itself_tracked():
    w = tg.Variable([1.0, 2.0])
    flat = tg.FlatLeaves([w])
    (w**3).sum().backward(create_graph=True)
    flat.gather()
    flat.move(descend)
    np.testing.assert_array_equal(w.value, [-2, -10])
    np.testing.assert_array_equal(w.grad.numpy(), [3, 12])
    w.zero_grad()


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_what_stands_beside_a_lone_element_is_its_like(shape):
    (w,) = leaves = leaves_of(shape)
    flat = tg.FlatLeaves(leaves)
    w.assign(np.full(shape, 0.5))
    w.grad = np.full(shape, 0.25)
    seen = []
    flat.gather()
    flat.move(lambda value, gradient, out: seen.extend([set(value), set(gradient)]))
    assert seen == [{0.5}, {0.25}]


# Where the values are


def test_moves_go_to_and_fro_between_two_arrays():
    leaves = leaves_of((2, 3), (4,), ())
    flat = tg.FlatLeaves(leaves)
    places = []
    for _ in range(6):
        places.append([address(leaf) for leaf in leaves[:2]])
        (leaves[0].sum() * leaves[1].sum() * leaves[2]).backward()
        assert flat.gather()
        flat.move(descend)
    assert places == [places[0], places[1]] * 3


HOLDERS = {
    "detach": lambda w: w.detach(),
    "transpose": lambda w: w.T,
    "slice": lambda w: w[0:2],
    "reshape": lambda w: w.reshape(-1),
    "rows": lambda w: list(w)[1],
    "copy": copy.copy,
    "numpy": lambda w: w.numpy(),
    "view": lambda w: w.value.T[1:],
    "value": lambda w: w.value,
    "subclass": lambda w: w.value.view(np.recarray),
    "buffer": lambda w: memoryview(w.value),
    "iterator": lambda w: np.nditer(w.value),
    "closure": lambda w: lambda value=w.value: value,
}


def seen(held):
    """What the holder sees now, copied."""
    if callable(held):
        held = held()
    if isinstance(held, np.nditer):
        held = held.operands[0]
    return np.array(held.value if isinstance(held, tg.Tensor) else held)


@pytest.mark.parametrize("others", [0, 1])
@pytest.mark.parametrize("name", HOLDERS)
def test_what_others_hold_does_not_change(name, others):
    w, *rest = leaves = leaves_of((3, 2), *[(4,)] * others)
    flat = tg.FlatLeaves(leaves)
    moved(leaves, flat)
    held = HOLDERS[name](w)
    before, old, place = seen(held), w.value.copy(), address(w)
    moved(leaves, flat)
    np.testing.assert_array_equal(seen(held), before)
    np.testing.assert_array_equal(w.value, old - 1)
    assert address(w) != place
    for leaf in rest:  # it went along
        assert leaf.value.base is w.value.base


def test_what_is_held_is_held_once():
    (w,) = leaves = leaves_of((3, 2))
    flat = tg.FlatLeaves(leaves)
    held = w.detach()
    places = []
    for _ in range(6):
        places.append(address(w))
        moved(leaves, flat)
    assert places == [places[0], places[1], places[2], places[1], places[2], places[1]]
    np.testing.assert_array_equal(held.value, w.value + 6)


def test_what_others_let_go_of_is_used_again():
    (w,) = leaves = leaves_of((3, 2))
    flat = tg.FlatLeaves(leaves)
    places = set()
    for hold in HOLDERS.values():
        hold(w)
        moved(leaves, flat)
        places.add(address(w))
    assert len(places) == 2


def test_what_an_update_keeps_is_left_to_it():
    (w,) = leaves = leaves_of((3,))
    flat = tg.FlatLeaves(leaves)
    kept = []

    def update(value, gradient, out):
        np.subtract(value, gradient, out=out)
        kept.append(value)

    w.grad = [1.0, 1.0, 1.0]
    for _ in range(3):
        flat.gather()
        flat.move(update)
    assert [array.tolist() for array in kept] == [[1, 2, 3], [0, 1, 2], [-1, 0, 1]]


def test_a_kept_graph_is_stale_and_its_values_stand():
    (w,) = leaves = leaves_of((3,))
    flat = tg.FlatLeaves(leaves)
    y = w * w
    loss = y.sum()
    moved(leaves, flat)
    np.testing.assert_array_equal(y.value, [1, 4, 9])
    with pytest.raises(StaleGraphError, match="multiply"):
        loss.backward()


def test_a_kept_graph_through_a_view_has_the_gradient_of_its_time():
    (w,) = leaves = leaves_of((3, 2))
    flat = tg.FlatLeaves(leaves)
    view = w.T
    loss = (view * view).sum()
    old = w.value.copy()
    moved(leaves, flat)
    w.zero_grad()
    loss.backward()
    np.testing.assert_array_equal(w.grad.numpy(), 2 * old)


def test_a_retained_graph_is_stale_after_the_second_move_too():
    (w,) = leaves = leaves_of((3,))
    flat = tg.FlatLeaves(leaves)
    for _ in range(2):
        loss = (w * w).sum()
        loss.backward(retain_graph=True)
        flat.gather()
        flat.move(descend)
        with pytest.raises(StaleGraphError):
            loss.backward()


def test_only_graphs_of_leaves_that_moved_are_stale():
    a, b = leaves = leaves_of((2,), (2,))
    flat = tg.FlatLeaves(leaves)
    loss = (b * b).sum()
    a.grad = [1.0, 1.0]
    flat.gather()
    flat.move(descend)
    loss.backward()
    np.testing.assert_array_equal(b.grad.numpy(), 2 * b.value)


# Without a gradient


@pytest.mark.parametrize("still", [(0,), (1,), (3,), (0, 1), (0, 3), (1, 2), (0, 2), (1, 2, 3)])
def test_leaves_without_a_gradient_stay_exactly(still):
    leaves = leaves_of((3,), (), (2, 2), (1,))
    flat = tg.FlatLeaves(leaves)
    before = [leaf.value.copy() for leaf in leaves]
    for i, leaf in enumerate(leaves):
        leaf.grad = None if i in still else np.ones(leaf.shape)
    count = flat.zeros()
    calls = []

    def update(value, gradient, out, count):
        calls.append(value.size)
        count += 1
        np.subtract(value, gradient, out=out)

    assert flat.gather()
    flat.move(update, count)
    for i, (leaf, old, counts) in enumerate(zip(leaves, before, flat.split(count), strict=True)):
        np.testing.assert_array_equal(leaf.value, old - (i not in still))
        assert np.all(counts == (i not in still))
    assert sum(calls) == sum(leaf.size for i, leaf in enumerate(leaves) if i not in still)
    runs = "".join("x" if i in still else "o" for i in range(4)).replace("x", " ").split()
    assert len(calls) == len(runs)


def test_no_gradient_at_all():
    leaves = leaves_of((3,), ())
    flat = tg.FlatLeaves(leaves)
    assert not flat.gather()
    flat.move(pytest.fail)


def test_gradients_are_used_once():
    leaves = leaves_of((3,), ())
    flat = tg.FlatLeaves(leaves)
    moved(leaves, flat)
    flat.move(pytest.fail)


def test_frozen_and_unfrozen():
    a, b = leaves = leaves_of((2,), (2,))
    flat = tg.FlatLeaves(leaves)
    a.grad = b.grad = [1.0, 1.0]
    b.requires_grad = False
    flat.gather()
    flat.move(descend)
    assert (a.tolist(), b.tolist()) == ([0, 1], [3, 4])
    b.requires_grad = True
    b.grad = [1.0, 1.0]
    flat.gather()
    flat.move(descend)
    assert (a.tolist(), b.tolist()) == ([-1, 0], [2, 3])


def test_very_many_elements_go_block_by_block(monkeypatch):
    monkeypatch.setattr(module, "LARGE", 20)
    monkeypatch.setattr(module, "BLOCK", 7)
    leaves = leaves_of((30,), (3,), (2, 11))
    flat = tg.FlatLeaves(leaves)
    before = [leaf.value.copy() for leaf in leaves]
    sizes = []

    def update(value, gradient, out, state):
        sizes.append(value.size)
        state += gradient
        np.subtract(value, gradient, out=out)

    state = flat.zeros()
    for leaf in leaves:
        leaf.grad = leaf.value / 2
    flat.gather()
    flat.move(update, state)
    assert sizes == [7] * 7 + [6]
    leaves[1].zero_grad()
    flat.gather()
    flat.move(update, state)
    assert sizes[8:] == [7, 7, 7, 7, 2, 7, 7, 7, 1]
    for leaf, old, times in zip(leaves, before, (2, 1, 2), strict=True):
        np.testing.assert_array_equal(leaf.value, old - times * old / 2)
    assert state.tolist() == [
        times * x / 2
        for old, times in zip(before, (2, 1, 2), strict=True)
        for x in old.ravel().tolist()
    ]


# Taken in again


@pytest.mark.parametrize("shape", [(), (1,), (2, 3)])
def test_a_value_assigned_in_between(shape):
    w, other = leaves = leaves_of(shape, (2,))
    flat = tg.FlatLeaves(leaves)
    held = w.detach()
    old = held.numpy().copy()
    w.assign(np.full(shape, 9.0))
    moved(leaves, flat)
    np.testing.assert_array_equal(w.value, np.full(shape, 8.0))
    np.testing.assert_array_equal(held.value, old)
    moved(leaves, flat)
    np.testing.assert_array_equal(w.value, np.full(shape, 7.0))
    assert shape == () or w.value.base is other.value.base


def test_a_value_assigned_while_frozen():
    a, b = leaves = leaves_of((2,), (2,))
    flat = tg.FlatLeaves(leaves)
    b.requires_grad = False
    b[0] = 7
    a.grad = [1.0, 1.0]
    flat.gather()
    flat.move(descend)
    assert b.tolist() == [7, 4]
    b.requires_grad = True
    moved(leaves, flat)
    assert (a.tolist(), b.tolist()) == ([-1, 0], [6, 3])


@pytest.mark.parametrize("shape", [(), (2,)])
def test_a_leaf_of_two(shape):
    shared, a, b = leaves_of(shape, (3,), ())
    first, second = tg.FlatLeaves([a, shared]), tg.FlatLeaves([shared, b])
    old = shared.value.copy()
    for turn in range(3):
        moved([a, shared], first)
        np.testing.assert_array_equal(shared.value, old - 2 * turn - 1)
        moved([shared, b], second)
        np.testing.assert_array_equal(shared.value, old - 2 * turn - 2)
    assert a.tolist() == [x - 3 for x in np.arange(3) + old.size + 1]


def test_another_leaf_in_the_list():
    a, b, new = leaves_of((2,), (3,), (3,))
    leaves = [a, b]
    flat = tg.FlatLeaves(leaves)
    old = b.value.copy()
    leaves[1] = new
    b.grad = [5.0, 5.0, 5.0]
    moved(leaves, flat)
    assert (a.tolist(), new.tolist()) == ([0, 1], [5, 6, 7])
    np.testing.assert_array_equal(b.value, old)


def test_copies_have_leaves_of_their_own():
    leaves = leaves_of((2,), (3,))
    flat = tg.FlatLeaves(leaves)
    for again in (copy.deepcopy(flat), pickle.loads(pickle.dumps(flat))):
        moved(again.leaves, again)
        assert [leaf.tolist() for leaf in again.leaves] == [[0, 1], [2, 3, 4]]
    assert [leaf.tolist() for leaf in leaves] == [[1, 2], [3, 4, 5]]


def test_reference_counting_frees_it():
    gc.disable()
    try:
        leaves = leaves_of((2,), (3,), ())
        flat = tg.FlatLeaves(leaves)
        moved(leaves, flat)
        tensors = [weakref.ref(leaf) for leaf in leaves]
        array = weakref.ref(leaves[0].value.base)
        del leaves, flat
        assert [tensor() for tensor in tensors] == [None] * 3
        assert array() is None
    finally:
        gc.enable()


def test_an_update_that_fails_moves_nothing():
    a, b = leaves = leaves_of((2,), ())
    flat = tg.FlatLeaves(leaves)
    loss = (a * a * b).sum()
    a.grad, b.grad = [1.0, 1.0], 1.0

    def update(value, gradient, out):
        np.subtract(value, gradient, out=out)
        raise KeyboardInterrupt

    flat.gather()
    with pytest.raises(KeyboardInterrupt):
        flat.move(update)
    assert (a.tolist(), b.item()) == ([1, 2], 3)
    a.zero_grad()
    loss.backward()
    assert a.grad.tolist() == [6, 12]


# What is refused


def test_a_leaf_that_was_computed_since():
    a, w = leaves = leaves_of((2,), (2,))
    flat = tg.FlatLeaves(leaves)
    a.grad = w.grad = [1.0, 1.0]
    flat.gather()
    w[0] = 5
    with pytest.raises(BackwardError, match=r"result of setitem.*no longer a leaf"):
        flat.gather()
    flat.move(pytest.fail)
    assert a.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("build", "error", "words"),
    [
        (list, ArgumentError, "no leaves"),
        (lambda: [np.ones(2)], ArgumentError, "leaf 0 is array"),
        (lambda: [tg.Variable(1.0), tg.Variable(1.0) * 2], ArgumentError, "leaf 1 .*multiply"),
        (lambda: leaves_of((2,)) * 2, ArgumentError, "twice"),
        (lambda: leaves_of(2) + leaves_of(2, dtype="float32"), DTypeError, "float32.*float64"),
    ],
)
def test_refused_leaves(build, error, words):
    with pytest.raises(error, match=words):
        tg.FlatLeaves(build())


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda leaves: leaves.pop(), ArgumentError, "1 leaves now, 2 when"),
        (lambda leaves: leaves.append(leaves[0]), ArgumentError, "3 leaves now"),
        (lambda leaves: leaves.reverse(), ShapeError, r"\(3,\) came in place of .* \(2,\)"),
        (lambda leaves: leaves.__setitem__(1, leaves[0]), ArgumentError, "twice"),
        (
            lambda leaves: leaves.__setitem__(0, leaves_of((2,), dtype="float32")[0]),
            DTypeError,
            "float32, the other leaves float64",
        ),
    ],
)
def test_refused_changes_of_the_list(change, error, words):
    leaves = leaves_of((2,), (3,))
    flat = tg.FlatLeaves(leaves)
    change(leaves)
    for leaf in leaves:
        leaf.grad = np.ones(leaf.shape)
    with pytest.raises(error, match=words):
        flat.gather()


# Forgetting the gradients


def test_zero_grad_forgets_those_of_leaves_alone():
    a, b, frozen = leaves = leaves_of((2,), (), (3,))
    flat = tg.FlatLeaves(leaves)
    for leaf in leaves:
        leaf.grad = np.ones(leaf.shape)
    frozen.requires_grad = False
    flat.zero_grad()
    assert a.grad is b.grad is frozen.grad is None
    assert not flat.gather()
    new = leaves_of(())[0]
    new.grad, leaves[1] = 1.0, new
    flat.zero_grad()
    assert new.grad is None


# Gradients in their place


def product_of(w, X):
    return (tg.matmul(X, w) ** 2).sum()


def gradient_of(w, X):
    return 2 * X.T @ (X @ w.value)


GRADIENT_HOLDERS = {
    "grad": lambda w: w.grad,
    "numpy": lambda w: w.grad.numpy(),
    "transpose": lambda w: w.grad.T,
    "slice": lambda w: w.grad[1:],
    "view": lambda w: w.grad.value.T[1:],
    "buffer": lambda w: memoryview(w.grad.value),
    "closure": lambda w: lambda value=w.grad.value: value,
}


def test_a_product_is_written_into_its_place():
    w, b = leaves = leaves_of((3, 2), (2,))
    flat = tg.FlatLeaves(leaves)
    places = []
    for _ in range(4):
        flat.zero_grad()
        X = np.arange(12.0).reshape(4, 3)
        wanted = gradient_of(w, X)
        (product_of(w, X) + (b * b).sum()).backward()
        np.testing.assert_array_equal(w.grad.value, wanted)
        places.append(w.grad.value.__array_interface__["data"][0])
        flat.gather()
        flat.move(descend)
        np.testing.assert_array_equal(w.grad.value, wanted)
    assert len(set(places[1:])) == 1


@pytest.mark.parametrize("name", GRADIENT_HOLDERS)
def test_a_gradient_that_others_hold_does_not_change(name):
    (w,) = leaves = leaves_of((3, 2))
    flat = tg.FlatLeaves(leaves)
    X = np.arange(12.0).reshape(4, 3)
    held = []
    for _ in range(5):
        flat.zero_grad()
        wanted = gradient_of(w, X)
        product_of(w, X).backward()
        np.testing.assert_array_equal(w.grad.value, wanted)
        holder = GRADIENT_HOLDERS[name](w)
        held.append((holder, seen(holder)))
        flat.gather()
        flat.move(descend)
    for holder, before in held:
        np.testing.assert_array_equal(seen(holder), before)


def test_gradients_add_up_beside_their_place():
    (w,) = leaves = leaves_of((3, 2))
    flat = tg.FlatLeaves(leaves)
    X = np.arange(12.0).reshape(4, 3)
    moved(leaves, flat)
    for passes in (1, 2, 3):
        product_of(w, X).backward()
        if passes == 1:
            first = w.grad
            before = first.value.copy()
        np.testing.assert_allclose(w.grad.value, 1 + passes * gradient_of(w, X))
    np.testing.assert_array_equal(first.value, before)
    flat.zero_grad()
    (product_of(w, X) + product_of(w, 2 * X)).backward()
    np.testing.assert_allclose(w.grad.value, 5 * gradient_of(w, X))


def test_a_product_of_another_dtype_has_no_place():
    (w,) = leaves = leaves_of((3, 2), dtype="float32")
    flat = tg.FlatLeaves(leaves)
    X = np.arange(12.0).reshape(4, 3)
    for _ in range(3):
        flat.zero_grad()
        product_of(w, X).backward()
        assert w.grad.dtype == np.float32
        np.testing.assert_allclose(w.grad.value, gradient_of(w, X), rtol=1e-6)
        flat.gather()


# A lone scalar


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble"])
def test_a_lone_scalar_descends_as_arrays_do(dtype):
    one, other = leaves_of((), (), dtype=dtype)
    other.assign(one.value)
    alone, moving = tg.FlatLeaves([one]), tg.FlatLeaves([other])
    held = one.detach()
    rate = np.array(0.3, dtype)
    for turn in range(1, 6):
        for leaf in (one, other):
            leaf.zero_grad()
            (leaf * leaf * leaf).backward()
        if turn == 3:  # in between by an update
            moved([one], alone)
            moved([other], moving)
            continue
        assert alone.descend(0.3)
        moving.gather()
        moving.move(lambda value, gradient, out: np.subtract(value, gradient * rate, out=out))
        assert one.value == other.value == one.node.value
        assert type(one.value) is type(other.value)
    assert held.item() == 1


def test_a_graph_is_stale_after_a_descent():
    (w,) = leaves = leaves_of(())
    loss = w * w
    w.grad = 1.0
    assert tg.FlatLeaves(leaves).descend(0.5)
    with pytest.raises(StaleGraphError):
        loss.backward()


def without_gradient(w):
    w.grad = None


def frozen(w):
    w.requires_grad = False


@pytest.mark.parametrize("change", [without_gradient, frozen])
def test_a_leaf_that_does_not_descend(change):
    (w,) = leaves = leaves_of(())
    flat = tg.FlatLeaves(leaves)
    w.grad = 1.0
    change(w)
    assert not flat.descend(0.5)
    assert w.item() == 1


@pytest.mark.parametrize("shapes", [[(1,)], [(3,)], [(), ()], [(), (2,)]])
def test_others_than_a_lone_scalar_do_not_descend(shapes):
    leaves = leaves_of(*shapes)
    flat = tg.FlatLeaves(leaves)
    for leaf in leaves:
        leaf.grad = np.ones(leaf.shape)
    before = [leaf.tolist() for leaf in leaves]
    assert not flat.descend(0.5)
    assert [leaf.tolist() for leaf in leaves] == before


def test_a_scalar_that_was_computed_since_or_is_of_another_dtype_does_not_descend():
    (w,) = leaves = leaves_of(())
    flat = tg.FlatLeaves(leaves)
    leaves[0] = tg.Variable(np.float32(1))
    leaves[0].grad = 1.0
    assert not flat.descend(0.5)
    leaves[0] = w * 2
    assert not flat.descend(0.5)
    leaves[:] = [w, w]
    w.grad = 1.0
    assert not flat.descend(0.5)
