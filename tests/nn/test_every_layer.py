"""Every layer: its gradients of both orders, and that nothing in it becomes another precision."""

import inspect
import re

import numpy as np
import pytest
from layer_gradients import assert_layer_gradients, flattened

import tinygraph as tg
from tinygraph import nn, optim

RNG = np.random.default_rng(3)


def block(dtype):
    return nn.Sequential(nn.Dense(3, 2, "tanh", dtype=dtype), nn.Dense(2, 2, dtype=dtype))


# How each is made with a dtype, and the shape of its input. float64 inputs lie off all kinks.
LAYERS = {
    "Dense": (lambda dtype: nn.Dense(3, 2, "silu", dtype=dtype), (4, 3)),
    "BatchNorm": (lambda dtype: nn.BatchNorm(3, dtype=dtype), (5, 3)),
    "LayerNorm": (lambda dtype: nn.LayerNorm(4, dtype=dtype), (3, 4)),
    "GroupNorm": (lambda dtype: nn.GroupNorm(2, 4, dtype=dtype), (2, 4, 3)),
    "Dropout": (lambda dtype: nn.Dropout(0.4), (3, 4)),
    "Flatten": (lambda dtype: nn.Flatten(), (2, 2, 3)),
    "Conv1D": (lambda dtype: nn.Conv1D(2, 2, 3, padding="same", dtype=dtype), (2, 2, 5)),
    "Conv2D": (lambda dtype: nn.Conv2D(2, 2, 2, stride=2, dtype=dtype), (2, 2, 4, 4)),
    "ConvTranspose1D": (
        lambda dtype: nn.ConvTranspose1D(2, 2, 2, stride=2, dtype=dtype), (2, 2, 3)
    ),
    "ConvTranspose2D": (lambda dtype: nn.ConvTranspose2D(2, 1, 2, dtype=dtype), (1, 2, 2, 3)),
    "MaxPool1D": (lambda dtype: nn.MaxPool1D(2), (2, 2, 6)),
    "MaxPool2D": (lambda dtype: nn.MaxPool2D(2), (1, 2, 4, 4)),
    "AvgPool1D": (lambda dtype: nn.AvgPool1D(2), (2, 2, 6)),
    "AvgPool2D": (lambda dtype: nn.AvgPool2D(2), (1, 2, 4, 4)),
    "GlobalMaxPool2D": (lambda dtype: nn.GlobalMaxPool2D(), (2, 2, 3, 3)),
    "GlobalAvgPool2D": (lambda dtype: nn.GlobalAvgPool2D(), (2, 2, 3, 3)),
    "RNN": (lambda dtype: nn.RNN(2, 2, dtype=dtype), (2, 3, 2)),
    "GRU": (lambda dtype: nn.GRU(2, 2, dtype=dtype), (2, 3, 2)),
    "LSTM": (lambda dtype: nn.LSTM(2, 2, dtype=dtype), (2, 3, 2)),
    "RNNCell": (lambda dtype: nn.RNNCell(2, 2, dtype=dtype), (2, 2)),
    "GRUCell": (lambda dtype: nn.GRUCell(2, 2, dtype=dtype), (2, 2)),
    "LSTMCell": (lambda dtype: nn.LSTMCell(2, 2, dtype=dtype), (2, 2)),
    "MultiHeadAttention": (lambda dtype: nn.MultiHeadAttention(4, 2, dtype=dtype), (2, 3, 4)),
    "TransformerBlock": (
        lambda dtype: nn.TransformerBlock(4, 2, 3, causal=True, dtype=dtype), (1, 3, 4)
    ),
    "ReLU": (lambda dtype: nn.ReLU(), (3, 4)),
    "LeakyReLU": (lambda dtype: nn.LeakyReLU(0.1), (3, 4)),
    "ELU": (lambda dtype: nn.ELU(), (3, 4)),
    "SELU": (lambda dtype: nn.SELU(), (3, 4)),
    "GELU": (lambda dtype: nn.GELU(), (3, 4)),
    "SiLU": (lambda dtype: nn.SiLU(), (3, 4)),
    "Tanh": (lambda dtype: nn.Tanh(), (3, 4)),
    "Sigmoid": (lambda dtype: nn.Sigmoid(), (3, 4)),
    "Softplus": (lambda dtype: nn.Softplus(), (3, 4)),
    "Softmax": (lambda dtype: nn.Softmax(), (3, 4)),
    "Sequential": (block, (4, 3)),
    "Normalize": (
        lambda dtype: nn.normalize(RNG.normal(size=(9, 3)).astype(dtype)), (4, 3)
    ),
}  # fmt: skip
# What has no floating input to differentiate, and has its own tests.
OTHERWISE = {"Module", "Embedding"}


def test_no_layer_is_forgotten():
    public = {name for name in nn.__all__ if inspect.isclass(getattr(nn, name))}
    layers = {name for name in public if issubclass(getattr(nn, name), nn.Module)}
    assert layers == LAYERS.keys() | OTHERWISE


def made(name, dtype):
    nn.seed(1)
    make, shape = LAYERS[name]
    return make(dtype), RNG.normal(size=shape).astype(dtype)


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_both_orders(name):
    layer, x = made(name, np.float64)

    def call(x):
        for _, generator in layer.named_generators():  # the same mask each time
            generator.bit_generator.state = states[generator]
        return layer(x)

    states = {g: g.bit_generator.state for _, g in layer.named_generators()}
    assert_layer_gradients(layer, [x], call)


@pytest.mark.parametrize("name", LAYERS)
def test_single_precision_stays(name):
    """Forward, backward, a step of an optimiser, and evaluation: floating arrays are float32."""
    layer, x = made(name, np.float32)
    x = tg.Variable(x)
    outputs = flattened(layer(x))
    sum(y.sum() for y in outputs).backward()
    leaves = [x, *layer.parameters()]
    optimizer = optim.Adam(leaves, weight_decay=0.1)
    optimizer.step()
    found = [*outputs, *leaves, *(leaf.grad for leaf in leaves), *flattened(layer.eval()(x))]
    found += [array for _, array in layer.named_buffers()]
    found += [array for arrays in optimizer.state.values() for array in arrays]
    assert {array.dtype for array in found} == {np.dtype(np.float32)}


def test_a_whole_model_trains_in_single_precision():
    """Each node of the graph of a step, its constants that are arrays included."""
    nn.seed(0)
    model = nn.Sequential(
        nn.Conv2D(1, 4, 3, padding="same"),
        nn.BatchNorm(4, axis=1),
        nn.ReLU(),
        nn.MaxPool2D(2),
        nn.GroupNorm(2, 4),
        nn.Flatten(),
        nn.Dense(36, 8, "gelu"),
        nn.Dropout(0.5),
        nn.LayerNorm(8),
        nn.Dense(8, 3),
    )
    X, y = RNG.normal(size=(5, 1, 6, 6)).astype(np.float32), np.array([0, 1, 2, 1, 0])
    loss = nn.softmax_cross_entropy(model(X), y) + optim.l2_penalty(model.parameters(), 0.01)
    with tg.record():
        loss.backward()
    graph = tg.graph(loss)
    dtypes = " ".join(str(node.dtype) for node in graph.nodes)  # of several outputs, a tuple
    assert set(re.findall(r"float\d+", dtypes)) == {"float32"}
    assert {p.grad.dtype for p in model.parameters()} == {np.dtype(np.float32)}
