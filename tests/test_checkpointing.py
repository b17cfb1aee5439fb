"""checkpoint: the same gradients for less memory."""

import gc
import tracemalloc

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn, optim

X = np.array([[0.5, -1.0, 2.0], [0.3, 0.1, -0.7]])


def block(x):
    return np.tanh(x * x) + np.sin(x)


def test_gradients_of_every_order_are_the_same():
    inside = tg.checkpoint(block)
    x = 0.7
    f, g = block, inside
    for _ in range(4):
        f, g = tg.grad(f), tg.grad(g)
        np.testing.assert_allclose(g(x).item(), f(x).item(), rtol=1e-14)


@pytest.mark.parametrize(
    "transform",
    [
        tg.jacobian,
        lambda f: tg.hessian(lambda x: f(x).sum()),
        lambda f: lambda x: tg.jvp(f, (x,), (x,))[1],
        lambda f: lambda x: tg.vjp(f, x)[1](x)[0],
        lambda f: lambda x: tg.hvp(lambda x: f(x).sum(), (x,), (x,)),
    ],
)
def test_within_other_transforms(transform):
    found, expected = transform(tg.checkpoint(block))(X), transform(block)(X)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-13)


def test_parameters_in_the_closure_containers_and_keywords():
    w, b = tg.Variable(X.T), tg.Variable([1.0, -1.0])

    def layer(inputs, *, settings):
        hidden = np.tanh(inputs["x"][0] @ w * settings["scale"] + b)
        return {"hidden": [hidden, 3], "norm": (hidden * hidden).sum(), "same": inputs["x"][0]}

    def gradients(layer):
        x, scale = tg.Variable(X), tg.Variable(0.5)
        out = layer({"x": (x, None)}, settings={"scale": scale})
        assert out["hidden"][1] == 3
        assert out["same"].requires_grad
        loss = out["hidden"][0].sum() + out["norm"] + (out["same"] ** 2).sum()
        return [g.numpy() for g in tg.gradients(loss, [x, scale, w, b])]

    for found, expected in zip(gradients(tg.checkpoint(layer)), gradients(layer), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_an_argument_that_was_computed_from_another():
    # Going back inside must end at y, and not go on from it to x.
    x = tg.Variable(2.0)
    y = x * x
    tg.checkpoint(lambda x, y: x * y)(x, y).backward()
    assert x.grad.item() == 12.0  # x³


def test_a_computed_tensor_in_the_closure():
    x = tg.Variable(2.0)
    y = x * x
    tg.checkpoint(lambda x: x * y)(x).backward()
    assert x.grad.item() == 12.0


def test_nested_and_repeated():
    inner = tg.checkpoint(block)
    outer = tg.checkpoint(lambda x: inner(inner(x)) + inner(x))
    x = tg.Variable(X)
    loss = outer(x).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    expected = tg.grad(lambda x: (block(block(x)) + block(x)).sum())(X).numpy()
    np.testing.assert_allclose(x.grad.numpy(), 2 * expected, rtol=1e-13)
    with pytest.raises(tg.BackwardError, match="retain_graph"):
        loss.backward()


def test_a_gradient_inside():
    a = tg.Variable(3.0)
    f = tg.checkpoint(lambda x: tg.grad(lambda y: a * y**3)(x))  # 3ax²
    x = tg.Variable(2.0)
    f(x).backward()
    assert (x.grad.item(), a.grad.item()) == (36.0, 12.0)


def test_a_leaf_made_inside_gets_its_gradient():
    made = []

    def layer(x):
        made.append(tg.Variable(5.0))
        return made[-1] * x

    loss = tg.checkpoint(layer)(tg.Variable(2.0))
    loss.backward()
    assert made[0].grad.item() == 2.0

    def lazy(x):
        if len(made) < 3:
            made.append(tg.Variable(5.0))
        return made[2] * x

    tg.checkpoint(lazy)(tg.Variable(2.0)).backward()
    assert made[2].grad.item() == 2.0


def test_what_is_not_tracked_comes_as_it_is():
    f = tg.checkpoint(lambda x: (x * 2, x > 0, "name"))
    value, positive, name = f(tg.tensor([1.0, -1.0]))
    assert not value.requires_grad
    assert (positive.tolist(), name) == ([True, False], "name")
    with tg.no_grad():
        assert not f(tg.Variable([1.0]))[0].requires_grad
    assert f.__name__ == "<lambda>"
    with pytest.raises(tg.ArgumentError, match="checkpoint: it takes a function"):
        tg.checkpoint(3.0)


def test_arguments_are_kept_as_they_were():
    def f(x, settings):
        y = x * settings["scale"]
        y[0] = 0
        x[1] = 7.0
        return (y * y).sum()

    x, settings = tg.Variable([1.0, 2.0, 3.0]), {"scale": 3.0}
    before = x * 1
    loss = tg.checkpoint(f)(before, settings)
    settings["scale"] = 100.0
    before[2] = 0.0
    loss.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [0, 36, 54])  # 2·9·x


def test_hooks_see_complete_gradients_once():
    w = tg.Variable(2.0)
    y = w * w
    seen = []
    w.register_hook(lambda g: seen.append(("w", g.item())))
    y.register_hook(lambda g: seen.append(("y", g.item())))

    def f(y):
        z = y * w
        z.register_hook(lambda g: seen.append(("z", g.item())))
        return z

    (tg.checkpoint(f)(y) + y + w).backward()  # w³ + w² + w
    assert seen == [("z", 1.0), ("y", 3.0), ("w", 17.0)]


def test_a_result_that_nothing_uses_contributes_nothing():
    f = tg.checkpoint(lambda x: (x * x, np.sqrt(x - 3.0)))  # the root has an infinite derivative
    x = tg.Variable([3.0, 4.0])
    f(x)[0].sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [6, 8])
    assert tg.grad(tg.grad(lambda x: f(x)[0]))(3.0).item() == 2.0


def test_complex():
    f = tg.checkpoint(lambda z: z * np.conj(z) * 1j)
    z, c = np.array([1 + 2j, -0.5j]), np.array([1j, 2.0 + 0j])
    expected = tg.vjp(lambda z: z * np.conj(z) * 1j, z)[1](c)[0]
    np.testing.assert_allclose(tg.vjp(f, z)[1](c)[0].numpy(), expected.numpy(), rtol=1e-14)


def test_on_the_picture():
    loss = tg.checkpoint(block)(tg.Variable(1.0, name="x")) * 2
    labels = [node.label for node in tg.graph(loss).nodes]
    assert "checkpoint" in labels
    assert "tanh" not in labels


# Memory


def peak(function):
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        function()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def test_memory_of_a_chain():
    # 64 layers keep 64 arrays. In 8 parts of 8 they keep 8, and 8 more where backward is.
    size = 20_000
    part = tg.checkpoint(chain)

    def plain(x):
        return chain(x, 64).sum()

    def parted(x):
        for _ in range(8):
            x = part(x, 8)
        return x.sum()

    x = np.linspace(0, 1, size)
    assert peak(lambda: tg.grad(plain)(x)) > 64 * 8 * size
    assert peak(lambda: tg.grad(parted)(x)) < 22 * 8 * size
    np.testing.assert_array_equal(tg.grad(parted)(x).numpy(), tg.grad(plain)(x).numpy())


def chain(x, n):
    for _ in range(n):
        x = np.sin(x)
    return x


def test_reference_counting_frees_it():
    gc.collect()
    gc.disable()
    try:
        w = tg.Variable(X)
        loss = tg.checkpoint(block)(w).sum()
        loss.backward()
        del loss
        tg.checkpoint(block)(w)
        assert gc.collect() == 0
    finally:
        gc.enable()


# The same again


def network():
    nn.seed(0)
    return nn.Sequential(
        nn.Dense(3, 8), nn.BatchNorm(8), nn.Dropout(0.5), nn.ReLU(), nn.Dropout(0.2), nn.Dense(8, 1)
    )


def test_dropout_and_batch_norm():
    plain, again = network(), network()
    parted = tg.checkpoint(lambda x: tg.checkpoint(again)(x))
    x = np.random.default_rng(0).normal(size=(16, 3)).astype(np.float32)
    for _ in range(3):
        expected, found = (plain(x) ** 2).mean(), (parted(x) ** 2).mean()
        expected.backward()
        found.backward()
        assert found.item() == expected.item()
    for p, q in zip(plain.parameters(), again.parameters(), strict=True):
        np.testing.assert_array_equal(q.grad.numpy(), p.grad.numpy())
    for kept, same in zip(plain.state_dict().values(), again.state_dict().values(), strict=True):
        np.testing.assert_array_equal(same, kept)  # the averages have moved once a step


def test_random_numbers_from_a_reproducible_generator():
    rng, masks = np.random.default_rng(0), []

    def noisy(x):
        for _ in range(2):
            masks.append(tg.reproducible(rng).normal(size=3))
            x = x * masks[-1]
        return x

    x = tg.Variable(np.ones(3))
    loss = tg.checkpoint(noisy)(x).sum()
    after = rng.bit_generator.state
    loss.backward()
    assert rng.bit_generator.state == after
    np.testing.assert_array_equal(masks[2:], masks[:2])
    np.testing.assert_array_equal(x.grad.numpy(), masks[0] * masks[1])
    assert tg.reproducible(rng) is rng


def test_other_random_numbers_are_found_out():
    rng = np.random.default_rng(0)
    loss = tg.checkpoint(lambda x: x * rng.normal(size=3))(tg.Variable(np.ones(3))).sum()
    with pytest.raises(tg.BackwardError, match=r"other values.*tg\.reproducible"):
        loss.backward()


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (lambda x, w: (x * w)[:1], "now of shape"),
        (lambda x, w: tg.tensor([2.0, 2.0]), "no longer tracked"),
        (lambda x, w: x * 2.0 * (w - 1.0 + x * 0.0) * w.detach() / 2.0, None),
        (lambda x, w: x * 2.0 + 0.0 * tg.Variable(1.0), "other tensors"),
        (lambda x, w: [], "fewer results"),
        (lambda x, w: x * 2.0 * (tg.reproducible(np.random.default_rng(0)) is not None), "draws"),
    ],
)
def test_another_computation_the_second_time(second, message):
    x, w = tg.Variable(np.ones(2)), tg.Variable([2.0, 2.0])
    calls = []

    def f(x):
        calls.append(1)
        return second(x, w) if len(calls) > 1 else x * w

    loss = tg.checkpoint(f)(x).sum()
    if message is None:
        loss.backward()
        return
    with pytest.raises(tg.BackwardError, match=message):
        loss.backward()


def test_a_leaf_that_changed_since():
    w = tg.Variable([1.0, 2.0], name="weights")
    loss = tg.checkpoint(lambda: (w * w).sum())()
    w.assign([5.0, 6.0])
    with pytest.raises(tg.StaleGraphError, match=r"checkpoint.*'weights'.*compute the loss again"):
        loss.backward()


def test_recomputing_is_known():
    states = []

    def f(x):
        states.append(tg.is_recomputing())
        return x * x

    tg.checkpoint(f)(tg.Variable(1.0)).backward()
    assert states == [False, True]
    assert not tg.is_recomputing()


def test_an_optimiser_step():
    plain, again = network(), network()
    x = np.random.default_rng(0).normal(size=(16, 3)).astype(np.float32)
    for model, f in ((plain, plain), (again, tg.checkpoint(again))):
        optimizer = optim.Adam(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            (f(x) ** 2).mean().backward()
            optimizer.step()
    for p, q in zip(plain.parameters(), again.parameters(), strict=True):
        np.testing.assert_array_equal(q.numpy(), p.numpy())
