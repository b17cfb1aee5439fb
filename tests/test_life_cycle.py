"""Copies, pickles, threads, tasks and generators."""

import asyncio
import concurrent.futures
import copy
import pickle
import sys
import threading

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn, optim
from tinygraph.node import RELEASED

THREADS = 8
COPIES = pytest.mark.parametrize(
    "again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"]
)


@pytest.fixture(autouse=True)
def switches_often():
    """Threads change places as often as the interpreter can, so that races come up."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def in_threads(work, count=THREADS):
    """What `work(i)` returned in each of the threads, which begin together; errors are raised."""
    together = threading.Barrier(count)

    def run(i):
        together.wait()
        return work(i)

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


# Copies and pickles


@COPIES
@pytest.mark.parametrize(
    "value", [2.0, np.float16([1, 2]), np.ones((0, 3)), np.array([1 + 2j]), np.float32(3)]
)
def test_a_leaf_keeps_value_gradient_name_and_requires_grad(again, value):
    w = tg.Variable(value, name="w")
    w.grad = np.full(w.shape, 0.5, w.dtype)
    twin = again(w)
    assert (twin.name, twin.requires_grad, twin.dtype) == ("w", True, w.dtype)
    for a, b in ((twin, w), (twin.grad, w.grad)):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    twin.assign(np.zeros(w.shape, w.dtype))
    twin.zero_grad()
    np.testing.assert_array_equal(w.numpy(), value)
    assert w.grad is not None


@COPIES
def test_a_constant_keeps_value_and_name(again):
    c = tg.tensor([1, 2], name="c")
    twin = again(c)
    assert (twin.name, twin.requires_grad, twin.dtype) == ("c", False, c.dtype)
    np.testing.assert_array_equal(twin.numpy(), [1, 2])


@COPIES
def test_a_result_is_not_copied_silently(again):
    w = tg.Variable([1.0, 2.0])
    with pytest.raises(tg.DetachError, match=r"result of multiply.*lose its history.*\.detach\(\)"):
        again(w * 2)
    with pytest.raises(tg.DetachError, match="history"):
        again({"losses": [w.sum()]})
    np.testing.assert_array_equal(again((w * 2).detach()).numpy(), [2, 4])


@COPIES
def test_a_recorded_gradient_is_not_copied_silently(again):
    w = tg.Variable(2.0, name="w")
    (w**3).backward(create_graph=True)
    with pytest.raises(tg.DetachError, match=r"'w'.*create_graph=True.*zero_grad\(\)"):
        again(w)
    w.grad = w.grad.detach()
    assert again(w).grad.item() == 12.0


@COPIES
def test_what_is_shared_stays_shared_among_what_is_copied_together(again):
    w = tg.Variable(1.0)
    one, other = again([w, w])
    assert one is other


def test_a_shallow_copy_is_the_same_leaf():
    w = tg.Variable(2.0, name="w")
    twin = copy.copy(w)
    (twin * 3).backward()
    assert w.grad.item() == twin.grad.item() == 3.0


@COPIES
@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_a_model_and_its_optimizer_go_on_as_one(again, kind):
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    model = nn.Sequential(nn.Dense(3, 4), nn.BatchNorm(4), nn.ReLU(), nn.Dense(4, 2))
    optimizer = kind(model.parameters(), lr=0.1)

    def train(model, optimizer):
        return [optimizer.minimize(lambda: (model(x) ** 2).mean()).item() for _ in range(3)]

    train(model, optimizer)
    twin, its_optimizer = again((model, optimizer))
    assert all(map(lambda a, b: a is b, twin.parameters(), its_optimizer.parameters))
    values = [p.numpy().copy() for p in model.parameters()]
    costs = train(twin, its_optimizer)
    for p, value in zip(model.parameters(), values, strict=True):
        np.testing.assert_array_equal(p.numpy(), value)
    assert train(model, optimizer) == costs


# Threads


def test_threads_with_graphs_of_their_own():
    def work(seed):
        x = np.random.default_rng(seed).normal(size=(4, 3))
        found = []
        for _ in range(20):
            w = tg.Variable(x)
            y = np.tanh(w @ w.T).sum() + (w[[0, 1, 1]] ** 2).sum()
            y.backward()
            (again,) = tg.gradients((w * w * w).sum(), [w], create_graph=True)
            (second,) = tg.gradients(again.sum(), [w])
            found.append((w.grad.numpy(), second.numpy()))
        return x, found

    for x, found in in_threads(work):
        slope = 1 - np.tanh(x @ x.T) ** 2
        first = 2 * slope @ x + 2 * x * np.array([[1.0], [2.0], [0.0], [0.0]])
        for one, second in found:
            np.testing.assert_allclose(one, first, rtol=1e-12)
            np.testing.assert_allclose(second, 6 * x, rtol=1e-12)


@pytest.mark.parametrize("value", [1.0, np.ones(3), np.ones(20_000)], ids=np.shape)
def test_no_gradient_of_a_shared_leaf_is_lost(value):
    # NumPy lets other threads go on while it adds large arrays.
    w, rounds = tg.Variable(value), 50

    def work(i):
        for _ in range(rounds):
            (w * (i + 1.0)).sum().backward()

    in_threads(work)
    total = rounds * sum(range(1, THREADS + 1))
    np.testing.assert_array_equal(w.grad.numpy(), np.full(w.shape, total))


def test_no_gradient_of_a_leaf_in_an_optimizer_is_lost():
    # Products are written straight into the optimizer's array there, by one thread at most.
    w = tg.Variable(np.ones((3, 2)))
    optimizer, x = optim.SGD([w], lr=1.0), np.ones((4, 3))
    for _ in range(20):
        optimizer.zero_grad()
        in_threads(lambda i: ((x * (i + 1)) @ w).sum().backward())
        np.testing.assert_array_equal(w.grad.numpy(), np.full((3, 2), 4 * 36))
        optimizer.step()


def test_threads_may_go_back_through_one_graph_that_is_retained():
    w = tg.Variable([1.0, 2.0])
    loss = (np.exp(w) * w).sum()
    in_threads(lambda i: [loss.backward(retain_graph=True) for _ in range(50)])
    x = w.numpy()
    np.testing.assert_allclose(w.grad.numpy(), 50 * THREADS * np.exp(x) * (x + 1), rtol=1e-12)


def test_threads_that_go_back_through_one_graph_count_or_are_refused():
    def build(w):
        y = w
        for _ in range(20):
            y = np.where(y > 0, np.sin(y) * y, y)
        return y.sum()

    def work(loss):
        try:
            loss.backward()
        except tg.BackwardError as error:
            return error
        return None

    alone = tg.Variable([1.0, 2.0])
    build(alone).backward()
    for _ in range(30):
        w = tg.Variable([1.0, 2.0])
        loss = build(w)
        errors = in_threads(lambda i, loss=loss: work(loss))
        counted = errors.count(None)
        if counted:
            np.testing.assert_allclose(w.grad.numpy(), counted * alone.grad.numpy(), rtol=1e-12)
        else:
            assert w.grad is None


@pytest.mark.parametrize(
    "use",
    [
        lambda r: np.ones(3) * r,
        lambda r: r * np.ones(3),
        lambda r: np.float64(1) * r,
        lambda r: 1 - r,
        lambda r: r**2,
        lambda r: np.ones(3) == r,
        lambda r: np.where(r, 1, 0),
        lambda r: np.matmul(np.ones((2, 2)), r),
        lambda r: r.shape,
        lambda r: [*r],
        lambda r: 1 if r else 0,
    ],
)
def test_what_was_released_cannot_be_used(use):
    with pytest.raises(tg.BackwardError, match=r"another thread.*retain_graph=True"):
        use(RELEASED)


def test_no_grad_is_for_its_thread():
    w = tg.Variable(1.0)

    def work(i):
        found = set()
        for _ in range(200):
            if i % 2:
                with tg.no_grad():
                    found.add((w * 2).requires_grad)
            else:
                found.add((w * 2).requires_grad)
        return found

    assert in_threads(work) == [{True}, {False}] * (THREADS // 2)


def test_operations_first_called_in_several_threads_at_once():
    functions = []
    for _i in range(20):

        @tg.elementwise(x=lambda ct, x: 2 * ct * x)
        def squared_in_threads(x):
            """x²."""
            return x * x

        functions.append(squared_in_threads)

    def work(i):
        w = tg.Variable(3.0)
        for function in functions:
            function(w).backward()
        return w.grad.item()

    assert in_threads(work) == [6.0 * len(functions)] * THREADS


# Tasks and generators


def test_tasks_do_not_disturb_each_other():
    async def differentiate(i):
        w, losses = tg.Variable(float(i)), []
        for k in range(5):
            with tg.no_grad() if k % 2 else tg.enable_grad():
                await asyncio.sleep(0)
                losses.append(w * w)
        for loss in losses[::2]:
            await asyncio.sleep(0)
            loss.backward()
        return [loss.requires_grad for loss in losses], w.grad.item()

    async def main():
        return await asyncio.gather(*map(differentiate, range(THREADS)))

    expected = [([True, False, True, False, True], 6.0 * i) for i in range(THREADS)]
    assert asyncio.run(main()) == expected


def test_to_thread_takes_the_modes_along_and_a_pool_does_not():
    async def main():
        with tg.no_grad():
            along = await asyncio.to_thread(tg.is_grad_enabled)
            loop = asyncio.get_running_loop()
            alone = await loop.run_in_executor(None, tg.is_grad_enabled)
        return along, alone

    assert asyncio.run(main()) == (False, True)


def test_a_mode_inside_a_generator_is_its_caller_s_until_it_ends():
    # As docs/life_cycle.md says: Python runs a generator in the context of whoever asks it.
    def steps():
        with tg.no_grad():
            yield tg.is_grad_enabled()

    asked = steps()
    assert next(asked) is False
    assert tg.is_grad_enabled() is False
    asked.close()
    assert tg.is_grad_enabled() is True


def test_a_generator_may_hold_a_graph_between_its_steps():
    def losses(w):
        for k in range(3):
            loss = w**k * 2
            yield loss
            loss.backward()

    w = tg.Variable(3.0)
    for loss in losses(w):
        with tg.no_grad():
            assert not (loss * 2).requires_grad
    assert w.grad.item() == 0 + 2 + 12
