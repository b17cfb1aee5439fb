"""Attention and the transformer's block: formulas written out, masks, and what is refused."""

import itertools

import numpy as np
import pytest
from layer_gradients import assert_layer_gradients

import tinygraph as tg
from tinygraph import nn
from tinygraph.nn.attention import attend


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def written_out(query, key, value, allowed=None):
    """softmax(Q Kᵀ / √d) V, query by query over the keys that it may look at."""
    out = np.zeros((len(query), value.shape[1]))
    for i, q in enumerate(query):
        seen = [j for j in range(len(key)) if allowed is None or allowed[i, j]]
        if seen:
            scores = np.exp([q @ key[j] / np.sqrt(len(q)) for j in seen])
            out[i] = scores / scores.sum() @ value[seen]
    return out


def attention(*args, **kwargs):
    return nn.scaled_dot_product_attention(*args, **kwargs).detach().numpy()


# The operation


@pytest.mark.parametrize("allowed", [None, np.array([[1, 0, 1, 1], [0, 0, 0, 0], [0, 1, 0, 0]])])
def test_is_its_formula(allowed):
    q, k, v = random(3, 2), random(4, 2, seed=1), random(4, 5, seed=2)
    mask = None if allowed is None else allowed.astype(bool)
    np.testing.assert_allclose(
        attention(q, k, v, mask=mask), written_out(q, k, v, allowed), rtol=0, atol=1e-15
    )


def test_leading_axes_broadcast():
    q, k, v = random(2, 3, 4, 5), random(3, 6, 5, seed=1), random(1, 6, 2, seed=2)
    found = attention(q, k, v)
    assert found.shape == (2, 3, 4, 2)
    for i, j in itertools.product(range(2), range(3)):
        np.testing.assert_allclose(found[i, j], written_out(q[i, j], k[j], v[0]), atol=1e-15)


def test_causal_looks_back_only():
    q, k, v = (random(2, 4, 3, seed=s) for s in range(3))
    found = attention(q, k, v, causal=True)
    np.testing.assert_allclose(found, attention(q, k, v, mask=np.tri(4, dtype=bool)), atol=0)
    for t in range(1, 5):
        early = attention(q[:, :t], k[:, :t], v[:, :t], causal=True)
        np.testing.assert_allclose(found[:, :t], early, atol=1e-15)
    both = attention(q, k, v, causal=True, mask=[False, True, True, True])
    np.testing.assert_array_equal(both[:, 0], 0)
    np.testing.assert_allclose(both[:, 1], v[:, 1], atol=1e-15)


def test_scale():
    q, k, v = random(3, 4), random(5, 4, seed=1), random(5, 2, seed=2)
    np.testing.assert_allclose(attention(q, k, v, scale=1.0), attention(2 * q, k, v), atol=1e-15)
    np.testing.assert_allclose(
        attention(q, k, v, scale=0), np.broadcast_to(v.mean(0), (3, 2)), atol=1e-15
    )


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_large_scores_neither_overflow_nor_end_in_nan(dtype):
    """The weights become those of the largest score, or 0 where there is nothing to look at."""
    q = tg.tensor([[100.0], [-100.0]], dtype, requires_grad=True)
    k, v = (tg.tensor([[1.0], [-1.0]], dtype, requires_grad=True) for _ in range(2))
    out = nn.scaled_dot_product_attention(q, k, v, scale=1.0)
    np.testing.assert_array_equal(out.detach().numpy(), [[1], [-1]])
    nowhere = nn.scaled_dot_product_attention(q, k, v, mask=[[False, False], [True, False]])
    np.testing.assert_array_equal(nowhere.detach().numpy(), [[0], [1]])
    for g in tg.gradients([out, nowhere], [q, k, v], [np.ones((2, 1))] * 2):
        assert g.dtype == dtype
        assert np.isfinite(g.numpy()).all()
    (g,) = tg.gradients(attend(q, k, v, np.zeros((2, 2), bool), scale=1.0), [q], np.ones((2, 1)))
    np.testing.assert_array_equal(g.numpy(), 0)


def test_keys_that_are_masked_may_be_nan():
    q, k, v = random(2, 3), random(4, 3, seed=1), random(4, 2, seed=2)
    mask = [True, True, True, False]
    wanted = attention(q, k, v, mask=mask)
    k[3] = np.nan
    np.testing.assert_array_equal(attention(q, k, v, mask=mask), wanted)


def test_dropout_keeps_the_expectation():
    q, k, v = random(4, 3), random(5, 3, seed=1), random(5, 2, seed=2)
    rng = np.random.default_rng(0)
    draws = [attention(q, k, v, dropout=0.25, generator=rng) for _ in range(4000)]
    assert (draws[0] != draws[1]).any()
    error = np.std(draws, axis=0) / np.sqrt(len(draws))
    assert (np.abs(np.mean(draws, axis=0) - attention(q, k, v)) < 4 * error).all()
    again = attention(q, k, v, dropout=0.25, generator=np.random.default_rng(0))
    np.testing.assert_array_equal(again, draws[0])


def test_an_empty_batch_and_no_queries():
    assert attention(np.zeros((0, 2, 3)), np.zeros((0, 4, 3)), np.zeros((0, 4, 3))).shape == (
        0, 2, 3
    )  # fmt: skip
    assert attention(np.zeros((0, 3)), np.zeros((4, 3)), np.zeros((4, 2))).shape == (0, 2)


# Several heads


def in_float64(layer):
    rng = np.random.default_rng(5)
    for p in layer.parameters():
        p.assign(rng.normal(0, 0.6, p.shape))
    return layer


def dense(layer, x):
    return x @ layer.weight.numpy() + layer.bias.numpy()


@pytest.mark.parametrize("causal", [False, True])
def test_heads_are_attention_on_slices(causal):
    layer = in_float64(nn.MultiHeadAttention(6, 2, dtype=np.float64))
    x = random(2, 4, 6)
    q, k, v = (dense(part, x) for part in (layer.query, layer.key, layer.value))
    found = layer(x, causal=causal).detach().numpy()
    allowed = np.tri(4) if causal else None
    for n in range(2):
        own = [
            written_out(q[n][:, h], k[n][:, h], v[n][:, h], allowed)
            for h in (slice(0, 3), slice(3, 6))
        ]
        np.testing.assert_allclose(found[n], dense(layer.output, np.hstack(own)), atol=1e-13)
        alone = layer(x[n], causal=causal).detach().numpy()
        np.testing.assert_allclose(alone, found[n], atol=1e-14)


def test_keys_and_values_of_another_sequence():
    layer = in_float64(nn.MultiHeadAttention(4, 2, dtype=np.float64))
    x, other, third = random(2, 3, 4), random(2, 5, 4, seed=1), random(2, 5, 4, seed=2)
    assert layer(x, other).shape == (2, 3, 4)
    np.testing.assert_array_equal(
        layer(x, other).detach().numpy(), layer(x, other, other).detach().numpy()
    )
    assert (layer(x, other, third).detach().numpy() != layer(x, other).detach().numpy()).any()


def test_masks_of_two_three_and_four_axes():
    layer = in_float64(nn.MultiHeadAttention(4, 2, dtype=np.float64))
    x = random(2, 3, 4)
    mask = np.array([[True, False, False], [True, True, False], [True, True, True]])
    wanted = layer(x, causal=True).detach().numpy()
    for given in (mask, np.stack([mask] * 2), np.broadcast_to(mask, (2, 2, 3, 3))):
        np.testing.assert_array_equal(layer(x, mask=given).detach().numpy(), wanted)
    real = np.array([[True, True, True], [True, True, False]])
    padded = layer(x, mask=real[:, np.newaxis, :]).detach().numpy()
    np.testing.assert_allclose(padded[1, :2], layer(x[1, :2]).detach().numpy(), atol=1e-14)
    np.testing.assert_allclose(padded[0], layer(x[0]).detach().numpy(), atol=1e-14)
    nowhere = layer(x, mask=np.zeros((3, 3), bool)).detach().numpy()
    np.testing.assert_array_equal(nowhere, np.broadcast_to(layer.output.bias.numpy(), x.shape))


def test_gradients_of_several_heads():
    layer = nn.MultiHeadAttention(4, 2, dtype=np.float64)
    mask = np.array([[True, False, True], [False, False, False]])
    assert_layer_gradients(
        layer, [random(1, 2, 4), random(1, 3, 4, seed=1)], lambda q, k: layer(q, k, mask=mask)
    )


def test_dropout_of_weights_in_training_only():
    layer = nn.MultiHeadAttention(4, 2, dropout=0.5, generator=0)
    x = random(2, 3, 4).astype(np.float32)
    assert (layer(x).detach().numpy() != layer(x).detach().numpy()).any()
    layer.eval()
    plain = nn.MultiHeadAttention(4, 2, generator=0)
    np.testing.assert_array_equal(layer(x).detach().numpy(), plain(x).detach().numpy())


# The block


def normalised(layer, x):
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + layer.eps)
    return layer.gamma.numpy() * scaled + layer.beta.numpy()


@pytest.mark.parametrize("norm_first", [True, False])
def test_block_is_its_formula(norm_first):
    block = in_float64(
        nn.TransformerBlock(
            4, 2, 5, activation="tanh", norm_first=norm_first, causal=True, dtype=np.float64
        )
    )
    x = random(2, 3, 4)

    def attended(x):
        return block.attention(x, causal=True).detach().numpy()

    def transformed(x):
        return dense(block.output, np.tanh(dense(block.hidden, x)))

    if norm_first:
        y = x + attended(normalised(block.attention_norm, x))
        wanted = y + transformed(normalised(block.hidden_norm, y))
    else:
        y = normalised(block.attention_norm, x + attended(x))
        wanted = normalised(block.hidden_norm, y + transformed(y))
    np.testing.assert_allclose(block(x).detach().numpy(), wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize("norm_first", [True, False])
def test_gradients_of_a_block(norm_first):
    block = nn.TransformerBlock(2, 1, 3, norm_first=norm_first, causal=True, dtype=np.float64)
    assert_layer_gradients(block, [random(1, 3, 2)])


def test_a_causal_block_does_not_look_ahead():
    block = nn.TransformerBlock(8, 2, causal=True, generator=0)
    x = random(1, 5, 8).astype(np.float32)
    changed = x.copy()
    changed[:, 3:] += 1
    one, other = (block(a).detach().numpy() for a in (x, changed))
    np.testing.assert_allclose(one[:, :3], other[:, :3], atol=1e-6)
    assert (np.abs(one[:, 3:] - other[:, 3:]) > 1e-3).any()
    free = nn.TransformerBlock(8, 2, generator=0)
    assert (free(x).detach().numpy()[:, 0] != free(changed).detach().numpy()[:, 0]).any()


def test_block_in_float32_stays_float32():
    block = nn.TransformerBlock(8, 2, dropout=0.1)
    x = tg.Variable(random(2, 5, 8).astype(np.float32))
    out = block(x, mask=np.ones((2, 1, 5), bool))
    out.sum().backward()
    assert out.dtype == np.float32
    for leaf in (x, *block.parameters()):
        assert (leaf.grad.dtype, leaf.grad.shape) == (np.float32, leaf.shape)
    assert block.hidden.weight.shape == (8, 32)
    assert not any("bias" in n for n, _ in nn.TransformerBlock(8, 2, bias=False).named_parameters())


def test_dropout_of_a_block_in_training_only():
    block = nn.TransformerBlock(8, 2, dropout=0.5, generator=0)
    x = random(2, 5, 8).astype(np.float32)
    assert (block(x).detach().numpy() != block(x).detach().numpy()).any()
    block.eval()
    np.testing.assert_array_equal(block(x).detach().numpy(), block(x).detach().numpy())


# Positions


def test_positions_are_sines_and_cosines():
    found = nn.sinusoidal_positions(7, 4)
    assert (found.shape, found.dtype) == ((7, 4), np.float32)
    t = np.arange(7)
    wanted = np.stack([np.sin(t), np.cos(t), np.sin(t / 100), np.cos(t / 100)], axis=1)
    np.testing.assert_allclose(nn.sinusoidal_positions(7, 4, dtype=np.float64), wanted, atol=1e-15)


# As text, and errors


def test_repr():
    assert repr(nn.MultiHeadAttention(8, 2)).startswith("MultiHeadAttention(8, 2\n  (query): Dense")
    assert repr(nn.TransformerBlock(8, 2, causal=True)).startswith("TransformerBlock(causal=True")


X = np.zeros((2, 3, 8), np.float32)
K = np.zeros((2, 5, 8), np.float32)
sdpa = nn.scaled_dot_product_attention
BLOCK = nn.TransformerBlock(8, 2)
HEADS = nn.MultiHeadAttention(8, 2)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: sdpa(X, K[..., :4], K), tg.ShapeError, ["(2, 3, 8)", "(2, 5, 4)", "last axes"]),
        (lambda: sdpa(X, K, X), tg.ShapeError, ["(2, 5, 8)", "(2, 3, 8)", "a value for each key"]),
        (lambda: sdpa(X[0, 0], K, K), tg.ShapeError, ["(8,)", "two axes"]),
        (lambda: sdpa(X, K[:1].repeat(3, 0), K), tg.ShapeError, ["(3, 5, 8)", "broadcast"]),
        (lambda: sdpa(X, K[:, :0], K[:, :0]), tg.ShapeError, ["(2, 0, 8)"]),
        (lambda: sdpa(X, K, K, causal=True), tg.ShapeError, ["3 queries", "5 keys", "mask"]),
        (lambda: sdpa(X, K, K, mask=np.ones((3, 5))), tg.DTypeError, ["float64", "True where"]),
        (lambda: sdpa(X, K, K, mask=[1, 0, 1, 1, 1]), tg.DTypeError, ["int64", "mask != 0"]),
        (lambda: sdpa(X, K, K, mask=np.ones((5, 3), bool)), tg.ShapeError, ["(5, 3)", "(2, 3, 5)"]),
        (lambda: sdpa(X, K, K, mask=np.ones((4, 2, 3, 5), bool)), tg.ShapeError, ["(4, 2, 3, 5)"]),
        (lambda: sdpa(X, K, K, dropout=1), tg.ArgumentError, ["dropout=1", "[0, 1)"]),
        (lambda: sdpa(X + 0j, K, K), tg.DTypeError, ["complex"]),
        (lambda: HEADS(X[..., :4]), tg.ShapeError, ["MultiHeadAttention", "(2, 3, 4)", "8"]),
        (lambda: HEADS(X, K[..., :4]), tg.ShapeError, ["MultiHeadAttention", "(2, 5, 4)"]),
        (lambda: HEADS(X[0, 0]), tg.ShapeError, ["query", "(8,)", "(batch, time, 8)"]),
        (lambda: HEADS(X, value=K), tg.ArgumentError, ["without a key"]),
        (
            lambda: HEADS(X, mask=np.ones((2, 3), bool)),
            tg.ShapeError,
            ["MultiHeadAttention", "(2, 3)", "(2, 3, 3)", "(2, 2, 3, 3)"],
        ),
        (
            lambda: HEADS(X, mask=np.ones((4, 3, 3), bool)),
            tg.ShapeError,
            ["shape (4, 3, 3)", "(2, 3, 3)"],
        ),
        (lambda: HEADS(X, K[:1]), tg.ShapeError, ["(2, 3, 8)", "(1, 5, 8)", "as many examples"]),
        (lambda: HEADS(X, K, X), tg.ShapeError, ["MultiHeadAttention", "a value for each key"]),
        (lambda: HEADS(X, K, causal=True), tg.ShapeError, ["MultiHeadAttention: causal"]),
        (lambda: HEADS(X, mask=np.ones((3, 3))), tg.DTypeError, ["MultiHeadAttention", "float64"]),
        (lambda: nn.MultiHeadAttention(8, 3), tg.ArgumentError, ["8", "heads=3", "heads=2"]),
        (lambda: nn.MultiHeadAttention(8, 0), tg.ArgumentError, ["heads=0"]),
        (lambda: nn.MultiHeadAttention(8, 2, dropout=-1), tg.ArgumentError, ["dropout=-1"]),
        (lambda: nn.MultiHeadAttention(8, 2, dtype=int), tg.DTypeError, ["int64"]),
        (lambda: BLOCK(X[..., :4]), tg.ShapeError, ["TransformerBlock", "(2, 3, 4)", "8"]),
        (lambda: nn.TransformerBlock(8, 3), tg.ArgumentError, ["heads=3"]),
        (lambda: nn.TransformerBlock(8, 2, 0), tg.ArgumentError, ["hidden=0"]),
        (lambda: nn.TransformerBlock(8, 2, dropout=2), tg.ArgumentError, ["dropout=2"]),
        (lambda: nn.sinusoidal_positions(5, 3), tg.ArgumentError, ["features=3", "even"]),
        (lambda: nn.sinusoidal_positions(0, 4), tg.ArgumentError, ["length=0"]),
    ],
)
def test_refused(call, error, words):
    with pytest.raises(error) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
