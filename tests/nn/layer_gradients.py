"""Layers against finite differences: first and second derivatives, in input and parameters."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from derivatives import assert_gradient

import tinygraph as tg
from tinygraph import nn


def assert_layer_gradients(
    layer: nn.Module, inputs: Sequence[Any], call: Callable[..., Any] | None = None
) -> None:
    """Of all outputs of call(*inputs), with respect to the float64 inputs and the parameters.

    call: what is done with the layer; else it is called with the inputs. Returns tensors, also in
    tuples.
    """
    call = call or layer
    parameters = [p for _, p in layer.named_parameters()]
    n = len(inputs)
    rng = np.random.default_rng(0)
    start = [*inputs, *[rng.normal(0, 0.7, p.shape) for p in parameters]]

    def traced(arrays: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        for parameter, array in zip(parameters, arrays[n:], strict=True):
            parameter.assign(array)
        leaves = [tg.Variable(x) for x in arrays[:n]]
        return flattened(call(*leaves)), [*leaves, *parameters]

    def values(*arrays: Any) -> list[Any]:
        with tg.no_grad():
            return [y.numpy() for y in traced(arrays)[0]]

    outputs, leaves = traced(start)
    cts = [rng.normal(size=y.shape) for y in outputs]
    first = tg.gradients(outputs, leaves, cts, create_graph=True)
    assert all(g is not None for g in first)
    onward = [rng.normal(size=g.shape) for g in first]
    total = sum((g * r).sum() for g, r in zip(first, onward, strict=True))
    second = tg.gradients(total, leaves)
    assert_gradient(values, start, cts, [g.detach().numpy() for g in first])

    def slopes(*arrays: Any) -> list[Any]:
        outputs, leaves = traced(arrays)
        return [g.numpy() for g in tg.gradients(outputs, leaves, cts)]

    zeros = [np.zeros(x.shape) for x in start]
    found = [z if g is None else g.numpy() for g, z in zip(second, zeros, strict=True)]
    assert_gradient(slopes, start, onward, found)


def flattened(result: Any) -> list[Any]:
    """The tensors in a tuple of tensors and tuples."""
    if isinstance(result, tuple):
        return [y for part in result for y in flattened(part)]
    return [result]
