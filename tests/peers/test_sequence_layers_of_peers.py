"""Recurrent layers, attention and embedding beside PyTorch's, with the same weights, in float64.

Values, and gradients with respect to the input and every parameter, with a random cotangent.
"""

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import tinygraph as tg
from tinygraph import nn

NAMES = ["RNN", "GRU", "LSTM"]
LENGTHS = [5, 2, 1, 4]


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def agree(found, wanted):
    found = found.detach().numpy()
    wanted = wanted.detach().numpy()
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12 * max(1, np.abs(wanted).max()))


def set_weights(cell, layer, suffix=""):
    """Those of a PyTorch cell, or of one of its layers."""
    parts = [
        getattr(layer, f"{name}{suffix}").detach().numpy()
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
    w, v, b, c = parts
    cell.input_weight.assign(w.T)
    cell.recurrent_weight.assign(v.T)
    if isinstance(cell, nn.GRUCell):
        n = cell.features
        cell.recurrent_bias.assign(c[2 * n :])
        c = np.concatenate([c[: 2 * n], np.zeros(n)])
    cell.bias.assign(b + c)


def agree_in_gradients(cell, layer, suffix=""):
    theirs = {
        name: getattr(layer, f"{name}{suffix}").grad
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }
    agree(cell.input_weight.grad.T, theirs["weight_ih"])
    agree(cell.recurrent_weight.grad.T, theirs["weight_hh"])
    agree(cell.bias.grad, theirs["bias_ih"])
    if isinstance(cell, nn.GRUCell):
        agree(cell.recurrent_bias.grad, theirs["bias_hh"][2 * cell.features :])


def suffixes(layers, bidirectional):
    return [f"_l{k}{way}" for k in range(layers) for way in ("", "_reverse")[: 1 + bidirectional]]


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["", "lengths"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_recurrent_layer(name, layers, bidirectional, lengths):
    settings = {"bidirectional": bidirectional}
    own = getattr(nn, name)(3, 4, layers, dtype=np.float64, **settings)
    theirs = getattr(torch.nn, name)(
        3, 4, layers, batch_first=True, dtype=torch.float64, **settings
    )
    places = suffixes(layers, bidirectional)
    for cell, suffix in zip(own.cells, places, strict=True):
        set_weights(cell, theirs, suffix)
    array = random(4, 5, 3)
    begun = [random(len(places), 4, 4, seed=k) for k in range(1 + (name == "LSTM"))]
    x, h = tg.Variable(array), [tg.Variable(b) for b in begun]
    y, state = own(x, tuple(h) if h[1:] else h[0], lengths=lengths)
    tx, th = (torch.tensor(a, requires_grad=True) for a in (array, begun[0]))
    th = [th, *[torch.tensor(b, requires_grad=True) for b in begun[1:]]]
    given = tx
    if lengths:
        given = pack_padded_sequence(tx, lengths, batch_first=True, enforce_sorted=False)
    ty, tstate = theirs(given, tuple(th) if th[1:] else th[0])
    if lengths:
        ty, _ = pad_packed_sequence(ty, batch_first=True)
    mine = [y, *(state if isinstance(state, tuple) else (state,))]
    peers = [ty, *(tstate if isinstance(tstate, tuple) else (tstate,))]
    cts = [random(*a.shape, seed=9) for a in mine]
    for a, b in zip(mine, peers, strict=True):
        agree(a, b)
    sum((a * ct).sum() for a, ct in zip(mine, cts, strict=True)).backward()
    sum((b * torch.tensor(ct)).sum() for b, ct in zip(peers, cts, strict=True)).backward()
    for leaf, peer in zip([x, *h], [tx, *th], strict=True):
        agree(leaf.grad, peer.grad)
    for cell, suffix in zip(own.cells, places, strict=True):
        agree_in_gradients(cell, theirs, suffix)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("name", NAMES)
def test_cell(name, activation):
    settings = {} if name != "RNN" else {"activation": activation}
    own = getattr(nn, f"{name}Cell")(3, 4, dtype=np.float64, **settings)
    settings = {} if name != "RNN" else {"nonlinearity": activation}
    theirs = getattr(torch.nn, f"{name}Cell")(3, 4, dtype=torch.float64, **settings)
    set_weights(own, theirs)
    array, begun = random(2, 3), [random(2, 4, seed=k) for k in range(1 + (name == "LSTM"))]
    found = own(array, tuple(begun) if begun[1:] else begun[0])
    state = [torch.tensor(b) for b in begun]
    wanted = theirs(torch.tensor(array), tuple(state) if state[1:] else state[0])
    found = found if isinstance(found, tuple) else (found,)
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    for a, b in zip(found, wanted, strict=True):
        agree(a, b)
    sum((a * a).sum() for a in found).backward()
    sum((b * b).sum() for b in wanted).backward()
    agree_in_gradients(own, theirs)


def test_embedding():
    indices = np.random.default_rng(0).integers(0, 7, (3, 5))
    own = nn.Embedding(7, 4, dtype=np.float64)
    table = torch.tensor(own.weight.numpy(), requires_grad=True)
    y, ty = own(indices), torch.nn.functional.embedding(torch.tensor(indices), table)
    agree(y, ty)
    (y * y).sum().backward()
    (ty * ty).sum().backward()
    agree(own.weight.grad, table.grad)


# A mask in which every query may look somewhere: at none, PyTorch's is NaN.
MASK = np.random.default_rng(4).random((2, 1, 4, 4)) < 0.6
MASK[..., 0] = True


@pytest.mark.parametrize(
    ("own", "theirs"),
    [
        ({}, {}),
        ({"causal": True}, {"is_causal": True}),
        ({"mask": MASK}, {"attn_mask": torch.tensor(MASK)}),
        ({"scale": 0.3}, {"scale": 0.3}),
    ],
    ids=["", "causal", "mask", "scale"],
)
def test_scaled_dot_product_attention(own, theirs):
    arrays = [random(2, 3, 4, 5, seed=s) for s in range(3)]
    mine = [tg.Variable(a) for a in arrays]
    peers = [torch.tensor(a, requires_grad=True) for a in arrays]
    y = nn.scaled_dot_product_attention(*mine, **own)
    ty = torch.nn.functional.scaled_dot_product_attention(*peers, **theirs)
    agree(y, ty)
    ct = random(*y.shape, seed=9)
    y.backward(ct)
    ty.backward(torch.tensor(ct))
    for a, b in zip(mine, peers, strict=True):
        agree(a.grad, b.grad)


def set_attention(own, theirs):
    """The four layers' weights, of which PyTorch holds three in one matrix."""
    weights = np.split(theirs.in_proj_weight.detach().numpy(), 3)
    biases = np.split(theirs.in_proj_bias.detach().numpy(), 3)
    for layer, w, b in zip((own.query, own.key, own.value), weights, biases, strict=True):
        layer.weight.assign(w.T)
        layer.bias.assign(b)
    set_dense(own.output, theirs.out_proj)


def set_dense(own, theirs):
    own.weight.assign(theirs.weight.detach().numpy().T)
    own.bias.assign(theirs.bias.detach().numpy())


def agree_in_attention(own, theirs):
    layers = (own.query, own.key, own.value)
    agree(tg.concatenate([layer.weight.grad.T for layer in layers]), theirs.in_proj_weight.grad)
    agree(tg.concatenate([layer.bias.grad for layer in layers]), theirs.in_proj_bias.grad)
    agree(own.output.weight.grad.T, theirs.out_proj.weight.grad)


@pytest.mark.parametrize("kind", ["itself", "another", "causal", "padded"])
def test_multi_head_attention(kind):
    own = nn.MultiHeadAttention(6, 3, dtype=np.float64)
    theirs = torch.nn.MultiheadAttention(6, 3, batch_first=True, dtype=torch.float64)
    torch.nn.init.normal_(theirs.in_proj_bias)
    torch.nn.init.normal_(theirs.out_proj.bias)
    set_attention(own, theirs)
    arrays = [random(2, 4, 6)] if kind != "another" else [random(2, n, 6, seed=n) for n in (4, 5)]
    real = np.array([[True] * 4, [True, True, False, False]])
    settings = {"causal": {"causal": True}, "padded": {"mask": real[:, np.newaxis]}}.get(kind, {})
    late = torch.triu(torch.ones(4, 4, dtype=torch.bool), 1)
    peer_settings = {
        "causal": {"attn_mask": late},
        "padded": {"key_padding_mask": ~torch.tensor(real)},
    }
    mine = [tg.Variable(a) for a in arrays]
    peers = [torch.tensor(a, requires_grad=True) for a in arrays]
    y = own(*mine, **settings)
    ty, _ = theirs(peers[0], peers[-1], peers[-1], **peer_settings.get(kind, {}))
    agree(y, ty)
    ct = random(*y.shape, seed=9)
    y.backward(ct)
    ty.backward(torch.tensor(ct))
    for a, b in zip(mine, peers, strict=True):
        agree(a.grad, b.grad)
    agree_in_attention(own, theirs)


@pytest.mark.parametrize("activation", ["gelu", "relu"])
@pytest.mark.parametrize("norm_first", [True, False])
def test_transformer_block(norm_first, activation):
    own = nn.TransformerBlock(
        6, 2, 8, activation=activation, norm_first=norm_first, causal=True, dtype=np.float64
    )
    theirs = torch.nn.TransformerEncoderLayer(
        6, 2, 8, 0.0, activation, batch_first=True, norm_first=norm_first, dtype=torch.float64
    )
    set_attention(own.attention, theirs.self_attn)
    set_dense(own.hidden, theirs.linear1)
    set_dense(own.output, theirs.linear2)
    for layer, peer in ((own.attention_norm, theirs.norm1), (own.hidden_norm, theirs.norm2)):
        torch.nn.init.normal_(peer.weight)
        layer.gamma.assign(peer.weight.detach().numpy())
    array = random(2, 4, 6)
    x, tx = tg.Variable(array), torch.tensor(array, requires_grad=True)
    late = torch.triu(torch.ones(4, 4, dtype=torch.bool), 1)
    y, ty = own(x), theirs(tx, src_mask=late)
    agree(y, ty)
    ct = random(*y.shape, seed=9)
    y.backward(ct)
    ty.backward(torch.tensor(ct))
    agree(x.grad, tx.grad)
    agree_in_attention(own.attention, theirs.self_attn)
    agree(own.hidden.weight.grad.T, theirs.linear1.weight.grad)
    agree(own.output.weight.grad.T, theirs.linear2.weight.grad)
    agree(own.attention_norm.gamma.grad, theirs.norm1.weight.grad)
    agree(own.hidden_norm.beta.grad, theirs.norm2.bias.grad)
