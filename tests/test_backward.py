"""The reverse pass: accumulation, release, staleness, modes."""

import asyncio
import threading

import numpy as np
import pytest

import tinygraph as tg


def test_gradients_accumulate_until_zeroed():
    w = tg.Variable(3.0)
    (w * w).backward()
    (w * w).backward()
    assert w.grad.item() == 12.0
    w.zero_grad()
    assert w.grad is None


def test_an_operand_used_many_times_sums_its_contributions():
    x = tg.Variable([1.0, 2.0])
    u = x * x
    (u + u * u + 3 * u + u).sum().backward()  # 5u + u²
    np.testing.assert_allclose(x.grad.numpy(), (5 + 2 * np.array([1, 4])) * 2 * np.array([1, 2]))


def test_adding_up_in_place_leaves_shared_cotangents_alone():
    # x + y hands one and the same array to both; a third use of x must not change y's.
    x, y = tg.Variable(np.ones(3)), tg.Variable(np.ones(3))
    (x + y + x + x + x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), 4)
    np.testing.assert_array_equal(y.grad.numpy(), 1)


def test_a_users_cotangent_is_copied():
    x, seed = tg.Variable(np.ones(3)), np.ones(3)
    (x + 0).backward(seed)
    seed[0] = 9
    np.testing.assert_array_equal(x.grad.numpy(), 1)


def test_gradient_shape_and_dtype_are_the_leafs():
    w = tg.Variable(np.ones((1, 3), np.float32))
    (w * np.ones((4, 3))).sum().backward()
    assert (w.grad.shape, w.grad.dtype) == ((1, 3), "float32")


def test_backward_of_a_leaf():
    w = tg.Variable(3.0)
    w.backward()
    assert w.grad.item() == 1.0


def test_second_backward_says_what_to_do():
    w = tg.Variable(3.0)
    y = w * w
    y.backward(retain_graph=True)
    y.backward()
    assert w.grad.item() == 12.0
    with pytest.raises(tg.BackwardError, match=r"multiply.*retain_graph=True"):
        y.backward()


def test_second_backward_through_a_shared_part():
    w = tg.Variable(3.0)
    u = w + 1  # keeps nothing, and is spent all the same
    (u * 2).backward()
    with pytest.raises(tg.BackwardError, match=r"add.*retain_graph=True"):
        (u * 3).backward()


def test_backward_wants_something_to_differentiate():
    with pytest.raises(tg.BackwardError, match=r"does not require grad.*tg\.Variable"):
        tg.tensor(3.0).backward()
    with tg.no_grad():
        y = tg.Variable(3.0) * 2
    with pytest.raises(tg.BackwardError, match="no_grad"):
        y.backward()


def test_create_graph_makes_grad_differentiable():
    w = tg.Variable(2.0)
    (w**3).backward(create_graph=True)
    g = w.grad
    assert g.item() == 12.0
    w.zero_grad()
    g.backward()
    assert w.grad.item() == 12.0  # d(3w²)/dw


def test_create_graph_records_under_no_grad_too():
    w = tg.Variable(2.0)
    y = w**3
    with tg.no_grad():
        (g,) = tg.gradients(y, w, create_graph=True)
    assert tg.gradients(g, w)[0].item() == 12.0  # d(3w²)/dw


def test_gradients_returns_none_where_nothing_depends():
    x, y = tg.Variable(2.0), tg.Variable(3.0)
    gx, gy = tg.gradients(x * x, [x, y])
    assert (gx.item(), gy) == (4.0, None)
    assert x.grad is None
    assert tg.gradients(tg.tensor(1.0), x) == (None,)


def test_gradients_of_intermediate_results():
    x = tg.Variable(2.0)
    u = x * x
    v = u * 3
    gu, gx = tg.gradients(v * u, [u, x])
    assert (gu.item(), gx.item()) == (24.0, 96.0)  # 3u², 6u·2x at u = 4


@pytest.mark.parametrize("create_graph", [False, True])
def test_each_output_of_an_operation_gets_what_its_uses_send(create_graph):
    x = tg.Variable([1.0, 2.0, 3.0])
    a, b, _ = tg.unstack(x)
    (g,) = tg.gradients(a * a + 2 * b + a * b, x, create_graph=create_graph)
    np.testing.assert_array_equal(g.detach().numpy(), [4.0, 3.0, 0.0])


def test_an_output_that_is_named_twice_counts_twice():
    x = tg.Variable(3.0)
    y = x * x
    (g,) = tg.gradients([y, y, y], x, [1.0, 10.0, 100.0])
    assert g.item() == 111 * 6


def test_gradients_release_what_the_graph_holds():
    x = tg.Variable(3.0)
    y = x * x
    tg.gradients(y, x)
    with pytest.raises(tg.BackwardError, match="a second time through multiply"):
        tg.gradients(y, x)


def test_gradients_of_several_outputs_sum():
    x = tg.Variable([1.0, 2.0])
    (g,) = tg.gradients([x * 2, (x * x).sum()], x, [np.array([1.0, 10.0]), None])
    np.testing.assert_array_equal(g.numpy(), [2 + 2, 20 + 4])


def test_gradients_leaves_other_parts_of_the_graph_usable():
    a, b = tg.Variable(2.0), tg.Variable(3.0)
    shared = a * a
    loss = shared * b
    (gb,) = tg.gradients(loss, b)
    assert gb.item() == 4.0
    (shared * 1).backward()  # a's history was not needed, so not released
    assert a.grad.item() == 4.0


def test_gradients_refuses_what_has_none():
    with pytest.raises(tg.BackwardError, match=r"'c'.*tg\.Variable"):
        tg.gradients(tg.Variable(1.0) * 2, [tg.tensor(1.0, name="c")])
    with pytest.raises(tg.DTypeError, match="ndarray"):
        tg.gradients(tg.Variable(1.0) * 2, [np.ones(2)])
    with pytest.raises(tg.ShapeError, match="2 outputs but 1"):
        tg.gradients([tg.Variable(1.0), tg.Variable(1.0)], tg.Variable(1.0), [1.0])


@pytest.mark.parametrize("cotangent", [np.ones(2), np.ones((3, 1)), 1.0])
def test_cotangent_of_the_wrong_shape(cotangent):
    y = tg.Variable(np.ones(3)) * 2
    with pytest.raises(tg.ShapeError, match=r"cotangent has shape .*output's shape \(3,\)"):
        y.backward(cotangent)


def test_backward_of_a_non_scalar_wants_a_cotangent():
    with pytest.raises(tg.ShapeError, match=r"multiply.*\(3,\).*\.sum\(\)"):
        (tg.Variable(np.ones(3)) * 2).backward()
    with pytest.raises(tg.ShapeError, match="complex128 is not a real scalar"):
        (tg.Variable(1j) * 2).backward()


def test_a_leaf_changed_since_is_named():
    w = tg.Variable([1.0, 2.0], name="weights")
    y = (w * w).sum()
    w.assign([5.0, 6.0])
    with pytest.raises(tg.StaleGraphError, match=r"multiply.*'weights'.*compute the loss again"):
        y.backward()


def test_a_changed_leaf_that_no_rule_needs_does_no_harm():
    w = tg.Variable([1.0, 2.0])
    y = (w + 3).sum()
    w.assign([5.0, 6.0])
    y.backward()
    np.testing.assert_array_equal(w.grad.numpy(), 1)


def test_values_of_other_tensors_survive_a_change_of_the_leaf():
    w = tg.Variable([1.0, 2.0])
    detached, transposed, part = w.detach(), w.T, w[:1]
    w.assign([5.0, 6.0])
    np.testing.assert_array_equal(detached.numpy(), [1, 2])
    np.testing.assert_array_equal(transposed.numpy(), [1, 2])
    np.testing.assert_array_equal(part.numpy(), [1])


# Modes


def test_no_grad_and_enable_grad_nest():
    w = tg.Variable(1.0)
    with tg.no_grad():
        assert not tg.is_grad_enabled()
        assert not (w * 2).requires_grad
        with tg.enable_grad():
            assert (w * 2).requires_grad
        assert not (w * 2).requires_grad
    assert (w * 2).requires_grad


def test_modes_as_decorators():
    w = tg.Variable(1.0)

    @tg.no_grad()
    def evaluate():
        """Docs stay."""
        return w * 2

    @tg.no_grad
    def evaluate_too():
        return w * 2

    assert not evaluate().requires_grad
    assert not evaluate_too().requires_grad
    assert evaluate.__doc__ == "Docs stay."
    assert (w * 2).requires_grad


def test_mode_ends_with_an_exception():
    with pytest.raises(RuntimeError), tg.no_grad():
        raise RuntimeError
    assert tg.is_grad_enabled()


def test_a_generator_cannot_be_decorated():
    def steps():
        yield 1

    with pytest.raises(TypeError, match="yields"):
        tg.no_grad()(steps)


def test_modes_are_per_thread():
    seen = []
    with tg.no_grad():
        thread = threading.Thread(target=lambda: seen.append(tg.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_modes_are_per_asyncio_task():
    async def frozen(started, go_on):
        with tg.no_grad():
            started.set()
            await go_on.wait()
            return tg.is_grad_enabled()

    @tg.no_grad()
    async def decorated():
        await asyncio.sleep(0)
        return tg.is_grad_enabled()

    async def main():
        started, go_on = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(frozen(started, go_on))
        await started.wait()
        here = tg.is_grad_enabled()
        go_on.set()
        return here, await task, await decorated()

    assert asyncio.run(main()) == (True, False, False)


# Assignment by index


def test_setitem_is_differentiable_and_changes_no_other_tensor():
    x, v = tg.Variable([1.0, 2.0, 3.0]), tg.Variable(5.0)
    y = x * 2
    before = y
    z = y * 1
    y[1] = v
    (y * y).sum().backward()
    np.testing.assert_array_equal(z.numpy(), [2, 4, 6])
    assert before is y
    np.testing.assert_array_equal(x.grad.numpy(), [8, 0, 24])  # 2·y·2, none through y[1]
    assert v.grad.item() == 10.0


def test_setitem_on_a_leaf_rebinds_it_and_the_old_leaf_gets_the_gradient():
    f = tg.grad(lambda x: _zero_first(x).sum())
    np.testing.assert_array_equal(f(np.ones(3)).numpy(), [0, 1, 1])


def _zero_first(x):
    x[0] = 0
    return x


def test_setitem_under_no_grad_updates_the_leaf():
    w = tg.Variable([1.0, 2.0])
    loss = (w * w).sum()
    with tg.no_grad():
        w[0] = 9.0
    assert w.is_leaf
    np.testing.assert_array_equal(w.numpy(), [9, 2])
    with pytest.raises(tg.StaleGraphError):
        loss.backward()


def test_setitem_refuses_to_truncate():
    x = tg.tensor([1, 2, 3])
    with pytest.raises(tg.DTypeError, match=r"int64.*float64.*astype"):
        x[0] = tg.Variable(1.5)


def test_setitem_of_the_wrong_shape():
    x = tg.tensor([1.0, 2.0, 3.0])
    with pytest.raises(tg.ShapeError, match=r"x has shape \(3,\), so x\[index\] \(2,\); .*\(3,\)"):
        x[:2] = [1.0, 2.0, 3.0]


def told(calls, **rules):
    """Rules that note what they were asked for."""

    def noted(name, rule):
        return lambda ct, a, b: (calls.append(name), rule(ct, a, b))[1]

    return {name: noted(name, rule) for name, rule in rules.items()}


@pytest.mark.parametrize("create_graph", [False, True])
def test_rules_run_for_what_is_asked_for_only(create_graph):
    calls = []
    rules = told(calls, a=lambda ct, a, b: ct * b, b=lambda ct, a, b: ct * a)
    multiply = tg.primitive(**rules)(lambda a, b: a * b)
    x, y, z = tg.Variable([2.0, 3.0]), tg.Variable([5.0, 7.0]), tg.Variable([1.0, 4.0])
    out = multiply(multiply(x, y), z)
    (g,) = tg.gradients(out, [y], np.ones(2), retain_graph=True, create_graph=create_graph)
    np.testing.assert_array_equal(g.numpy(), [2.0, 12.0])
    assert calls == ["a", "b"]
    calls.clear()
    found = tg.gradients(out, [z, x], np.ones(2), create_graph=create_graph)
    np.testing.assert_array_equal([g.numpy() for g in found], [[10.0, 21.0], [5.0, 28.0]])
    assert sorted(calls) == ["a", "a", "b"]


def test_a_joint_rule_is_told_what_is_asked_for():
    told = []

    def joint(ct, a, b, c, needs):
        told.append(needs)
        return [g if need else None for g, need in zip((ct * b * c, ct * a * c, ct * a * b), needs)]

    multiply = tg.primitive(joint=(("a", "b", "c"), joint))(lambda a, b, c: a * b * c)
    x, y, z = tg.Variable(2.0), tg.Variable(3.0), tg.Variable(5.0)
    out = multiply(x, y, z)
    found = tg.gradients(out, [z, x], retain_graph=True)
    assert [g.item() for g in found] == [6.0, 15.0]
    out.backward()
    assert told == [(True, False, True), (True, True, True)]
    assert y.grad.item() == 10.0


def test_what_is_not_asked_for_cannot_fail():
    def refused(ct, a, b):
        raise RuntimeError("not here")

    half = tg.primitive(a=lambda ct, a, b: ct * b, b=refused)(lambda a, b: a * b)
    x, y = tg.Variable(2.0), tg.Variable(3.0)
    out = half(x, y)
    assert tg.gradients(out, [x], retain_graph=True)[0].item() == 3.0
    _, moved = tg.jvp(lambda x: half(x, y), (2.0,), (1.0,))
    assert moved.item() == 3.0
    with pytest.raises(RuntimeError, match="not here"):
        out.backward()
