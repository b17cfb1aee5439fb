"""Memory of large results is used again, and never while anyone can see it."""

import ctypes
import gc
import os
import subprocess
import sys
import threading
import warnings
import weakref

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import memory, reuse

SHAPE = (300, 400)  # of float64: 960 KB


@pytest.fixture(autouse=True)
def nothing_kept():
    tg.release_memory()
    yield
    tg.release_memory()


def leaf(seed=0, shape=SHAPE):
    return tg.Variable(np.random.default_rng(seed).normal(size=shape))


def step(x, row):
    """Some of all that may be lent: forward, back, broadcast, summed."""
    y = tg.tanh(x * row + 1.0) / (2.0 + x * x)
    loss = (y * y - np.exp(-x)).mean()
    loss.backward()
    return loss


def disturb():
    """Steps on the same shapes, which take all the memory there is to take."""
    for seed in range(3):
        step(leaf(seed), leaf(seed, SHAPE[1:]))


def address(array):
    return array.__array_interface__["data"][0]


def test_value_and_gradients():
    disturb()
    x, row = leaf(1), leaf(2, SHAPE[1:])
    loss = step(x, row)
    a, r = x.numpy(), row.numpy()
    t, d = np.tanh(a * r + 1), 2 + a * a
    assert loss.item() == pytest.approx(np.mean((t / d) ** 2 - np.exp(-a)), rel=1e-12)
    dy = 2 * (t / d) / a.size
    du = dy * (1 - t * t) / d
    dx = du * r - dy * t / d**2 * 2 * a + np.exp(-a) / a.size
    np.testing.assert_allclose(x.grad.numpy(), dx, rtol=1e-9, atol=1e-18)
    np.testing.assert_allclose(row.grad.numpy(), (du * a).sum(0), rtol=1e-9, atol=1e-15)


def test_memory_is_used_again():
    x = leaf()
    y = x + 1.0
    first = address(y.value)
    del y
    assert address((x * 2.0).value) == first


def test_a_step_takes_no_new_memory_after_the_first(monkeypatch):
    x = leaf()
    made = []

    def empty(size, dtype=float, **keywords):
        made.append(size)
        return allocate(size, dtype, **keywords)

    allocate = np.empty
    for _ in range(3):
        monkeypatch.setattr(np, "empty", empty)
        y = x * x + 1.0
        z = tg.tanh(y * 0.5)
        tg.gradients(z, x, np.ones(SHAPE))
        del y, z
        monkeypatch.undo()
        large, made = [size for size in made if size == x.value.nbytes], []
    assert large == []


HOLDERS = {
    "tensor": lambda y: y,
    "value": lambda y: y.value,
    "numpy": lambda y: y.numpy(),
    "detached": lambda y: y.detach(),
    "row": lambda y: y.value[7],
    "view of a view": lambda y: y.value.T[5:, ::2][1:].reshape(-1, 1)[:, 0],
    "other dtype": lambda y: y.value.view(np.int64),
    "subclass": lambda y: y.value.view(np.matrix),
    "memoryview": lambda y: memoryview(y.value),
    "slice of a memoryview": lambda y: memoryview(y.value)[3:9],
    "buffer": lambda y: np.frombuffer(memoryview(y.value).cast("B"), np.float64),
    "dlpack": lambda y: np.from_dlpack(y.value),
    "ctypes": lambda y: y.value.ctypes,
    "strided": lambda y: np.lib.stride_tricks.sliding_window_view(y.value, 3, axis=0)[2],
    "broadcast": lambda y: np.broadcast_to(y.value, (2, *SHAPE)),
    "base": lambda y: y.value.base,
    "iterator": lambda y: iter(y.value),
    "flat": lambda y: y.value.flat,
    "transposed tensor": lambda y: y.T,
    "row of a tensor": lambda y: y[3],
    "graph": lambda y: (y * 1.5).node,
    "cell": lambda y: lambda: y,
}


def seen(held):
    """What a holder shows."""
    if isinstance(held, tg.Tensor):
        held = held.value
    if callable(held):
        held = held().value
    if hasattr(held, "kept"):  # a node
        held = held.parent.kept
    if type(held).__name__ == "_ctypes":
        held = np.frombuffer((ctypes.c_char * 800).from_address(held.data), np.float64)
    if hasattr(held, "__length_hint__"):  # an iterator
        held = held.__reduce__()[1][0]
    return np.array(held)


@pytest.mark.parametrize("make", [tg.exp, lambda x: 2.0 / x], ids=["ufunc", "operator"])
def test_what_is_held_stays(make):
    held, before = {}, {}
    for seed, (how, hold) in enumerate(HOLDERS.items()):
        # Other numbers each time, so that the next shows if it got the memory of this one.
        held[how] = hold(make(leaf(seed)))
        before[how] = seen(held[how]).copy()
    disturb()
    gc.collect()
    disturb()
    changed = [how for how in held if not np.array_equal(seen(held[how]), before[how])]
    assert changed == []


def test_gradients_and_cotangents_that_are_held_stay():
    x, seed = leaf(), np.random.default_rng(5).normal(size=SHAPE)
    given = seed.copy()
    y = tg.tanh(x)
    found = tg.gradients([y, y * 2.0], [x, y], [given, given])
    x.node.grad = None
    z = x + x * 3.0
    z.backward(given)
    held = [*found, x.grad]
    copies = [g.numpy().copy() for g in held]
    disturb()
    assert np.array_equal(given, seed)
    for g, copy in zip(held, copies, strict=True):
        assert np.array_equal(g.numpy(), copy)
    np.testing.assert_allclose(copies[2], 4 * seed)


def test_a_rule_may_keep_what_it_is_given():
    kept = []

    @tg.elementwise(x=lambda ct, x, y: kept.extend([ct, y, x]) or ct * y)
    def my_exp(x):
        return np.exp(x)

    x = leaf()
    (my_exp(x * 1.0) * 2.0).sum().backward()
    copies = [array.copy() for array in kept]
    assert {type(array) for array in kept} == {np.ndarray}
    disturb()
    assert all(map(np.array_equal, kept, copies))


def test_a_released_graph_leaves_what_a_traceback_shows():
    def fail(x):
        y = x * 2.0
        raise KeyError(y.shape)

    with pytest.raises(KeyError) as caught:
        fail(leaf())
    (y,) = (entry.frame.f_locals["y"] for entry in caught.traceback if "y" in entry.frame.f_locals)
    before = y.numpy().copy()
    del y
    disturb()
    (y,) = (entry.frame.f_locals["y"] for entry in caught.traceback if "y" in entry.frame.f_locals)
    assert np.array_equal(y.numpy(), before)


def test_a_suspended_generator_keeps_its_values():
    def values(x):
        y = x * 2.0
        yield y.value.sum()
        yield y.value.sum()

    running = values(leaf())
    first = next(running)
    disturb()
    assert next(running) == first


def test_weak_references_die_with_the_value():
    y = leaf() * 2.0
    value = weakref.ref(y.value)
    del y
    assert value() is None
    disturb()
    assert value() is None


def test_what_was_done_to_an_array_does_not_stay_with_its_memory():
    y = leaf() * 2.0
    value = y.value
    value.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of NumPy 2.5, which still allows it
        value.shape = (-1,)
    del y, value
    y = leaf() * 2.0
    assert y.value.flags.writeable
    assert y.shape == SHAPE


def test_threads_share_no_memory_at_once():
    def work(seed):
        x = leaf(seed)
        for _ in range(20):
            y = x * float(seed)
            z = y - 1.0
            wrong.append(not np.array_equal(y.value, x.value * seed))
            wrong.append(not np.array_equal(z.value, x.value * seed - 1))

    wrong = []
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong
    assert not any(wrong)


def test_a_loan_that_comes_back_while_the_memory_is_counted():
    y = leaf() * 2.0
    with memory._lock:  # as when a garbage collection comes in between
        del y
        z = leaf() * 3.0
    del z
    assert tg.release_memory() == np.prod(SHAPE) * 8


def test_there_is_a_limit_and_the_oldest_size_goes_first(monkeypatch):
    monkeypatch.setattr(memory, "LIMIT", 2_500_000)
    for rows in (300, 400, 500, 600):
        y = leaf(shape=(rows, 200)) * 2.0
        del y
    y = leaf(shape=(600, 200)) * 2.0
    assert tg.release_memory() == (400 + 500) * 200 * 8 == 1_440_000
    del y
    assert tg.release_memory() == 600 * 200 * 8
    assert tg.release_memory() == 0


def test_what_is_larger_than_the_limit_is_not_kept(monkeypatch):
    monkeypatch.setattr(memory, "LIMIT", 500_000)
    y = leaf() * 2.0
    del y
    assert tg.release_memory() == 0


@pytest.mark.parametrize(
    "other",
    [
        np.ones(SHAPE, np.float32),
        np.ones(SHAPE, int),
        np.ones(SHAPE, bool),
        np.ones(SHAPE, complex),
        np.float32(2),
        np.float64(2),
        2,
        True,
        2j,
        np.ones((300, 1)),
        np.ones((2, 1, 1)),
        np.asfortranarray(np.ones(SHAPE)),
        np.ones((400, 300)).T,
        np.ones((300, 800))[:, ::2],
    ],
    ids=lambda other: f"{getattr(other, 'dtype', type(other).__name__)}{np.shape(other)}",
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64])
def test_dtype_shape_and_order_are_those_of_numpy(other, dtype):
    for array in (np.full(SHAPE, 3, dtype), np.asfortranarray(np.full(SHAPE, 3, dtype))):
        x = tg.Variable(array)
        for operation in (np.multiply, np.subtract, np.power, np.maximum):
            expected = operation(array, other)
            y = operation(x, other).value
            assert y.dtype == expected.dtype
            assert y.strides == expected.strides
            np.testing.assert_array_equal(y, expected)


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(tg.ShapeError, match=r"\(300, 400\)"):
        leaf() * np.ones((7, 400))


def test_what_is_no_plain_ufunc_works_on_cotangents_that_reuse():
    a = np.random.default_rng(0).normal(size=SHAPE)
    ct = a.copy().view(reuse.Reusing)
    for function in (
        lambda x: np.vecdot(x, a),
        lambda x: x @ a.T,
        lambda x: np.add.reduce(x, 0),
        lambda x: np.add.outer(x[0], x[1]),
        lambda x: np.multiply(x, a, where=a > 0, out=np.zeros(SHAPE)),
        lambda x: np.divmod(x, 0.5)[1],
        lambda x: np.where(x > 0, x, -x),
        lambda x: np.add(x, a, dtype=np.float32),
        lambda x: np.ldexp(x, 3),
        lambda x: x**2,
        lambda x: (x * 1j).imag,
        lambda x: np.add(x, 1.0, out=x),
    ):
        np.testing.assert_array_equal(np.asarray(function(ct)), function(a.copy()))
        ct = a.copy().view(reuse.Reusing)


def test_small_results_are_numpys_own():
    leaf()
    assert (tg.Variable(np.ones(1000)) * 2.0).value.base is None


CHILD = """
import resource, sys
import numpy as np
import tinygraph as tg
x = tg.Variable(np.ones((1000, 1000), np.float32))
row = tg.Variable(np.ones(1000, np.float32))
def step():
    y = tg.tanh(x * row + 1.0) / (2.0 + x * x)
    (y * y - tg.exp(-x)).mean().backward()
    x.zero_grad(), row.zero_grad()
"""


def child(code):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    run = subprocess.run(
        [sys.executable, "-c", CHILD + code], env=environment, capture_output=True, text=True
    )
    assert run.stderr == ""
    return run.stdout.split()


def test_values_that_outlive_the_interpreter_end_quietly():
    child("sys.kept = [x * 2.0, (x * 3.0).value, memoryview((x * 4.0).value)]")


@pytest.mark.skipif(sys.platform != "linux", reason="counts Linux's page faults")
def test_memory_can_be_kept_by_the_whole_process():
    before, kept, after = child("""
a = np.ones((4000, 4000), np.float32)
def faults():
    for _ in range(3): a * 2 + 1
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(3): a * 2 + 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults(), tg.keep_freed_memory(), faults())
""")
    if kept == "True":
        assert int(after) < 5 < int(before)
    assert kept in ("True", "False")


@pytest.mark.parametrize("error", [OSError, TypeError, AttributeError])
def test_keeping_memory_where_there_is_no_glibc(monkeypatch, error):
    def load(name):
        raise error

    monkeypatch.setattr(ctypes, "CDLL", load)
    assert tg.keep_freed_memory() is False


@pytest.mark.parametrize("limit", [-1, 2**31])
def test_keeping_memory_refuses_limits_that_glibc_cannot_hold(limit):
    with pytest.raises(tg.ArgumentError, match="limit"):
        tg.keep_freed_memory(limit)
