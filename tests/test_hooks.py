"""Hooks and retained gradients."""

import gc

import numpy as np
import pytest

import tinygraph as tg
from tinygraph.hooks import Hooks


def squares(x):
    """A leaf, two results of it that are used twice, and their sum, (x² + 3x²)·… as y + 3y."""
    y = x * x
    return y, (y + 3 * y).sum()


def test_a_hook_sees_the_complete_gradient_once():
    x = tg.Variable([1.0, -2.0])
    seen = []
    x.register_hook(lambda g: seen.append(("x", g)))
    y, total = squares(x)
    y.register_hook(lambda g: seen.append(("y", g)))
    total.backward()
    assert [name for name, _ in seen] == ["y", "x"]
    assert all(type(g) is tg.Tensor and not g.requires_grad for _, g in seen)
    np.testing.assert_array_equal(seen[0][1].numpy(), [4, 4])
    np.testing.assert_array_equal(seen[1][1].numpy(), [8, -16])
    np.testing.assert_array_equal(x.grad.numpy(), [8, -16])


def test_replacements_in_the_order_of_registration():
    x = tg.Variable([1.0, -2.0])
    y, total = squares(x)
    y.register_hook(lambda g: g + 1)  # 4 → 5
    y.register_hook(lambda g: None)
    y.register_hook(lambda g: np.negative(g.numpy()))  # → −5
    x.register_hook(lambda g: g * 10)
    total.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [-100, 200])  # −5·2x·10


def test_a_leafs_hook_sees_one_backward_at_a_time():
    w = tg.Variable(2.0)
    w.register_hook(lambda g: 10 * g)
    for _ in range(2):
        (3 * w + w).backward()
    assert w.grad.item() == 80.0  # 2 · 10 · 4, not 10 · (10 · 4 + 4)


def test_hook_on_the_loss_itself_and_on_a_leaf_without_history():
    w = tg.Variable(2.0)
    loss = w * w
    loss.register_hook(lambda g: 3 * g)
    loss.backward()
    assert w.grad.item() == 12.0
    v = tg.Variable(2.0)
    v.register_hook(lambda g: 3 * g)
    v.backward()
    assert v.grad.item() == 3.0


def test_remove():
    w = tg.Variable(1.0)
    first, second = w.register_hook(lambda g: g * 2), w.register_hook(lambda g: g * 5)
    first.remove()
    first.remove()
    (w * 1).backward()
    assert w.grad.item() == 5.0
    second.remove()
    (w * 1).backward()
    assert w.grad.item() == 6.0
    with w.register_hook(lambda g: g * 7):
        (w * 1).backward()
    (w * 1).backward()
    assert w.grad.item() == 14.0


def test_a_handle_outlives_its_tensor():
    w = tg.Variable(1.0)
    handle = w.register_hook(lambda g: g)
    del w
    gc.collect()
    handle.remove()


def test_nothing_is_left_of_hooks_whose_tensors_are_gone():
    before = len(Hooks.watched)
    x = tg.Variable([1.0, 2.0])
    x.register_hook(lambda g: g)
    y, _ = squares(x)
    y.retain_grad()
    assert len(Hooks.watched) == before + 2
    del x, y, _
    assert len(Hooks.watched) == before


def test_hooks_under_create_graph_are_differentiated():
    # L = x³; the hook makes 3x² into (3x²)²; d/dx 9x⁴ = 36x³.
    x = tg.Variable(2.0)
    x.register_hook(lambda g: g * g)
    (g,) = tg.gradients(x**3, x, create_graph=True)
    assert g.item() == 144.0
    (h,) = tg.gradients(g, x)
    assert h.item() == 288.0**2  # and of that gradient the hook makes its square, too


def test_without_create_graph_a_hook_runs_under_no_grad():
    w, scale = tg.Variable(2.0), tg.Variable(3.0)
    states = []

    def hook(g):
        states.append(tg.is_grad_enabled())
        return g * scale

    w.register_hook(hook)
    (w * w).backward()
    assert states == [False]
    assert w.grad.item() == 12.0
    assert not w.grad.requires_grad


def test_gradients_calls_hooks_of_intermediates_and_inputs():
    x = tg.Variable([1.0, -2.0])
    y, total = squares(x)
    y.register_hook(lambda g: 10 * g)
    gy, gx = tg.gradients(total, [y, x])
    np.testing.assert_array_equal(gy.numpy(), [40, 40])
    np.testing.assert_array_equal(gx.numpy(), [80, -160])


def test_complex_gradients_reach_hooks_as_users_see_them():
    # L = |z|²: the gradient ∂L/∂x + i·∂L/∂y is 2z.
    z = tg.Variable(1 + 2j)
    u = z * 1
    seen = []
    u.register_hook(lambda g: seen.append(g.item()))
    z.register_hook(lambda g: g * 1j)
    (np.abs(u) ** 2).backward()
    np.testing.assert_allclose(seen, [2 + 4j])
    np.testing.assert_allclose(z.grad.item(), (2 + 4j) * 1j)


def test_hook_on_one_of_several_outputs():
    x = tg.Variable([1.0, 2.0])
    a, b = x
    b.register_hook(lambda g: -g)
    (3 * a + 4 * b).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [3, -4])


@pytest.mark.parametrize(
    ("replacement", "error", "message"),
    [
        (lambda g: g.sum(), tg.ShapeError, r"'w'.*shape \(\).*\(2,\)"),
        (lambda g: g.astype(np.float32), tg.DTypeError, r"float32.*float64.*astype"),
        (lambda g: g * 1j, tg.DTypeError, "complex128.*float64"),
        (lambda g: [0.0, 0.0], tg.DTypeError, "<lambda>.*returned list.*None"),
        (lambda g: 1.0, tg.DTypeError, "returned float"),
    ],
)
def test_a_replacement_that_does_not_fit(replacement, error, message):
    w = tg.Variable([1.0, 2.0], name="w")
    w.register_hook(replacement)
    with pytest.raises(error, match=message):
        (w * w).sum().backward()


def test_an_error_in_a_hook_says_where():
    w = tg.Variable(1.0, name="w")
    w.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError) as caught:
        (w * w).backward()
    assert "in a hook on tensor 'w'" in caught.value.__notes__[0]


def test_what_cannot_be_hooked():
    with pytest.raises(tg.BackwardError, match=r"register_hook: .*does not require grad"):
        tg.tensor(1.0).register_hook(print)
    with pytest.raises(tg.BackwardError, match=r"retain_grad: .*does not require grad"):
        tg.tensor(1.0).retain_grad()
    with pytest.raises(tg.ArgumentError, match="function, not int"):
        tg.Variable(1.0).register_hook(3)


# Retained gradients


def test_retained_gradients_of_intermediates():
    x = tg.Variable([1.0, -2.0])
    y, total = squares(x)
    y.retain_grad()
    total.retain_grad()
    assert y.grad is None
    total.backward(retain_graph=True)
    np.testing.assert_array_equal(y.grad.numpy(), [4, 4])
    assert total.grad.item() == 1.0
    total.backward()
    np.testing.assert_array_equal(y.grad.numpy(), [8, 8])
    y.zero_grad()
    assert y.grad is None
    x.retain_grad()  # it keeps it anyway
    np.testing.assert_array_equal(x.grad.numpy(), [16, -32])


def test_what_is_retained_is_what_hooks_return():
    x = tg.Variable([1.0, -2.0])
    y, total = squares(x)
    y.retain_grad()
    y.register_hook(lambda g: -g)
    total.backward()
    np.testing.assert_array_equal(y.grad.numpy(), [-4, -4])


def test_retained_under_create_graph_can_be_differentiated():
    x = tg.Variable(2.0)
    y = x * x
    y.retain_grad()
    (y**3).backward(create_graph=True)
    g = y.grad  # 3y² = 3x⁴
    x.zero_grad()
    y.zero_grad()
    g.backward()
    assert x.grad.item() == 96.0


def test_gradients_leaves_retained_ones_alone():
    x = tg.Variable(2.0)
    y = x * x
    y.retain_grad()
    tg.gradients(y * y, x)
    assert y.grad is None


def test_without_retain_grad_the_warning_names_it():
    x = tg.Variable(2.0)
    with pytest.warns(UserWarning, match="retain_grad"):
        assert (x * x).grad is None


def test_retained_gradients_show_on_the_graph():
    x = tg.Variable([3.0, 4.0])
    y = x * 1
    y.retain_grad()
    (y * y).sum().backward()
    (node,) = [node for node in tg.graph(y).nodes if node.kind == "operation"]
    assert node.gradient_norm == 10.0
