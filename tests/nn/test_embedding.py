"""Embedding: rows by number, sums of their cotangents, and what it refuses."""

import numpy as np
import pytest
from layer_gradients import assert_layer_gradients

import tinygraph as tg
from tinygraph import nn

INDICES = np.array([[0, 2, 2], [1, 0, 2]])


@pytest.mark.parametrize(
    "indices",
    [INDICES, INDICES.tolist(), tg.tensor(INDICES), INDICES.astype(np.uint8), 2, np.int32(1), []],
)
def test_rows_by_number(indices):
    layer = nn.Embedding(4, 3)
    table = layer.weight.numpy()
    wanted = table[np.asarray(indices, int)]
    for found in (layer(indices), nn.embedding(indices, layer.weight)):
        assert (found.shape, found.dtype) == (wanted.shape, np.float32)
        np.testing.assert_array_equal(found.detach().numpy(), wanted)
    np.testing.assert_array_equal(nn.embedding(indices, table).numpy(), wanted)


def test_the_gradient_of_a_row_is_the_sum_over_its_places():
    layer = nn.Embedding(5, 2)
    ct = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    layer(INDICES).backward(ct)
    wanted = np.zeros((5, 2), np.float32)
    for place in np.ndindex(INDICES.shape):
        wanted[INDICES[place]] += ct[place]
    assert layer.weight.grad.dtype == np.float32
    np.testing.assert_array_equal(layer.weight.grad.numpy(), wanted)


def test_gradients_of_order_1_and_2():
    layer = nn.Embedding(4, 2, dtype=np.float64)
    assert_layer_gradients(layer, [], lambda: tg.sin(layer(INDICES)))


def test_table_begins_with_variance_1_and_by_seed():
    layer = nn.Embedding(1000, 16, generator=0)
    assert layer.weight.numpy().std() == pytest.approx(1, abs=0.02)
    same = nn.Embedding(1000, 16, generator=0)
    np.testing.assert_array_equal(layer.weight.numpy(), same.weight.numpy())
    assert not nn.Embedding(3, 2, initializer="zeros").weight.numpy().any()
    assert [name for name, _ in layer.named_parameters()] == ["weight"]


def test_repr():
    assert repr(nn.Embedding(65, 32)) == "Embedding(65, 32)"
    assert repr(nn.Embedding(65, 32, dtype=np.float64)) == "Embedding(65, 32, dtype=float64)"


@pytest.mark.parametrize(
    ("indices", "error", "words"),
    [
        ([[0, 1], [4, 9]], tg.IndexingError, ["index 4 at (1, 0)", "4 rows", "0 … 3"]),
        ([0, -1], tg.IndexingError, ["index -1 at (1,)", "0 … 3"]),
        (7, tg.IndexingError, ["index 7,"]),
        ([0.0, 1.0], tg.DTypeError, ["float64", "integers", ".astype(int)"]),
        ([True, False], tg.DTypeError, ["bool", "integers"]),
        (["a"], tg.DTypeError, ["number them"]),
        ("text", tg.DTypeError, ["number them"]),
        (np.zeros((2, 0)), tg.DTypeError, ["float64"]),
    ],
)
def test_refused_indices(indices, error, words):
    layer = nn.Embedding(4, 3)
    for name, call in (
        ("Embedding", layer),
        ("embedding", lambda i: nn.embedding(i, layer.weight)),
    ):
        with pytest.raises(error) as caught:
            call(indices)
        for word in (f"{name}: ", *words):
            assert word in str(caught.value)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nn.embedding(np.zeros((3, 2)), [0, 1]), tg.ShapeError, ["(2,)", "(indices, tab"]),
        (lambda: nn.embedding(0, np.zeros((3, 2, 1))), tg.ShapeError, ["(3, 2, 1)", "(count, f"]),
        (lambda: nn.Embedding(0, 2), tg.ArgumentError, ["count=0"]),
        (lambda: nn.Embedding(2, 2.5), tg.ArgumentError, ["features=2.5"]),
        (lambda: nn.Embedding(2, 2, dtype=int), tg.DTypeError, ["int64"]),
    ],
)
def test_refused(call, error, words):
    with pytest.raises(error) as caught:
        call()
    for word in ("mbedding", *words):
        assert word in str(caught.value)
