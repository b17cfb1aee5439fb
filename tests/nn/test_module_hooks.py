"""Hooks on modules: what they are called with, what they may replace, how they end."""

import copy
import gc
import pickle

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.errors import ArgumentError, DeclarationError
from tinygraph.nn.hooks import hooked


class Scale(nn.Module):
    def __init__(self, factor=2.0):
        super().__init__()
        self.factor = tg.Variable(factor)

    def forward(self, x, shift=0.0):
        return x * self.factor + shift


def value(y):
    return y.detach().item()


def test_called_in_order_with_what_goes_in_and_comes_out():
    seen, layer = [], Scale()
    layer.register_forward_pre_hook(lambda *given: seen.append(("before", given)))
    layer.register_forward_hook(lambda *given: seen.append(("after", given)))
    layer.register_forward_hook(lambda *given: seen.append(("last", given)))
    y = layer(3.0, shift=1.0)
    assert value(y) == 7
    assert seen == [
        ("before", (layer, (3.0,))), ("after", (layer, (3.0,), y)), ("last", (layer, (3.0,), y))
    ]  # fmt: skip


def test_what_hooks_return_takes_the_place():
    layer = Scale()
    layer.register_forward_pre_hook(lambda module, args: args[0] + 1)
    layer.register_forward_pre_hook(lambda module, args: (args[0] * 10, 5.0))
    layer.register_forward_hook(lambda module, args, output: output - args[1])
    layer.register_forward_hook(lambda module, args, output: {"y": output})
    assert value(layer(1.0)["y"]) == 2 * 20 + 5 - 5


def test_gradients_go_through_what_a_hook_returns():
    layer = Scale()
    layer.register_forward_hook(lambda module, args, output: output * 3)
    layer(5.0).backward()
    assert layer.factor.grad.item() == 15


def test_removal():
    calls, layer = [], Scale()

    def note(*given):
        calls.append(1)

    first, second = layer.register_forward_hook(note), layer.register_forward_pre_hook(note)
    first.remove()
    first.remove()
    layer(1.0)
    assert len(calls) == 1
    second.remove()
    with layer.register_forward_hook(note) as handle:
        layer(1.0)
    handle.remove()
    layer(1.0)
    assert len(calls) == 2
    assert id(layer) not in hooked


def test_a_hook_may_remove_itself():
    calls, layer = [], Scale()

    def once(*given):
        calls.append(1)
        handle.remove()

    handle = layer.register_forward_hook(once)
    layer.register_forward_hook(lambda *given: calls.append(2))
    layer(1.0)
    layer(1.0)
    assert calls == [1, 2, 2]


def test_other_modules_are_not_touched():
    calls, model = [], nn.Sequential(Scale(), Scale(), Scale())
    model[1].register_forward_hook(lambda module, args, output: calls.append(module))
    model(1.0)
    assert calls == [model[1]]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_have_none(duplicate):
    calls, layer = [], Scale()
    layer.register_forward_hook(lambda *given: calls.append(1))
    duplicate(layer)(1.0)
    assert not calls


def test_hooks_do_not_keep_a_module_alive():
    layer = Scale()
    handle = layer.register_forward_hook(lambda *given: None)
    key = id(layer)
    assert key in hooked
    del layer
    gc.collect()
    assert key not in hooked
    handle.remove()


def test_a_failing_hook_is_named():
    def broken(module, args, output):
        raise ValueError("no")

    layer = Scale()
    layer.register_forward_hook(broken)
    with pytest.raises(ValueError, match="no") as caught:
        layer(1.0)
    assert caught.value.__notes__ == ["in broken, a hook on Scale"]


def test_a_forgotten_return_is_found_before_the_hooks_see_it():
    class Mute(nn.Module):
        def forward(self, x):
            x + 1

    layer = Mute()
    layer.register_forward_hook(lambda module, args, output: output * 2)
    with pytest.raises(DeclarationError, match=r"Mute.forward returned None"):
        layer(1.0)


@pytest.mark.parametrize("hook", [None, nn.ReLU, 3.0])
def test_refused_hooks(hook):
    layer = Scale()
    with pytest.raises(ArgumentError, match=r"Scale: a hook .*\(module, args, output\)"):
        layer.register_forward_hook(hook)
    with pytest.raises(ArgumentError, match=r"Scale: a hook .*\(module, args\)"):
        layer.register_forward_pre_hook(hook)
    assert id(layer) not in hooked


def test_activations_of_a_layer():
    model = nn.Sequential(nn.Dense(4, 8, "relu"), nn.Dense(8, 2))
    kept = []
    with model[0].register_forward_hook(lambda module, args, output: kept.append(output)):
        out = model(np.ones((3, 4), np.float32))
    np.testing.assert_array_equal(model[1](kept[0]).detach().numpy(), out.detach().numpy())
