"""minibatches and normalize: every example once, and by the training set's statistics."""

import pickle

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.errors import ArgumentError, DomainError, DTypeError, ShapeError


def data(m=10, n=3):
    """X and y that show which example a row was."""
    return np.arange(m)[:, np.newaxis] * np.ones(n), np.arange(m)


# minibatches


def test_row_16_every_example_once_with_a_short_last_batch():
    X, y = data()
    batches = list(nn.minibatches(X, y, 4, rng=0))
    assert [len(labels) for _, labels in batches] == [4, 4, 2]
    for rows, labels in batches:
        np.testing.assert_array_equal(rows, X[labels])
    assert sorted(np.concatenate([labels for _, labels in batches])) == list(y)


def order_of(*args, **kwargs):
    return [label for _, labels in nn.minibatches(*args, **kwargs) for label in labels]


def test_the_order_is_drawn_anew_from_a_generator_and_the_same_from_a_seed():
    X, y = data(50)
    rng = np.random.default_rng(3)
    first, second = order_of(X, y, 8, rng), order_of(X, y, 8, rng)
    assert first != second
    assert order_of(X, y, 8, 3) == order_of(X, y, 8, 3) == first
    nn.seed(5)
    package = order_of(X, y, 8), order_of(X, y, 8)
    nn.seed(5)
    assert (order_of(X, y, 8), order_of(X, y, 8)) == package
    assert package[0] != package[1]


def test_in_order_and_without_the_short_one():
    X, y = data()
    assert order_of(X, y, 4, shuffle=False) == list(y)
    assert order_of(X, y, 4, shuffle=False, drop_last=True) == list(y[:8])
    assert len(list(nn.minibatches(X, y, 5, drop_last=True))) == 2


def test_a_size_of_all_or_more_is_one_batch():
    X, y = data()
    for size in (10, 11, 1000):
        assert [len(labels) for _, labels in nn.minibatches(X, y, size)] == [10]


def test_several_arrays_go_together():
    X, y = data()
    inputs = {"image": X, "more": (X + 1, tg.tensor(X + 2)), "list": list(y)}
    for batch, labels in nn.minibatches(inputs, (y, -y), 4, rng=0):
        assert set(batch) == set(inputs)
        np.testing.assert_array_equal(labels[0], -labels[1])
        np.testing.assert_array_equal(batch["image"], X[labels[0]])
        np.testing.assert_array_equal(batch["more"][0], X[labels[0]] + 1)
        np.testing.assert_array_equal(batch["more"][1].numpy(), X[labels[0]] + 2)
        np.testing.assert_array_equal(batch["list"], labels[0])


def test_float32_and_the_data_stay_as_they_are():
    X, y = data()
    X = X.astype(np.float32)
    X.flags.writeable = False
    assert {batch.dtype for batch, _ in nn.minibatches(X, y, 4)} == {np.dtype(np.float32)}


def test_what_gives_an_array_of_itself_as_data_frames_do():
    class Frame:
        def __init__(self, array):
            self.array = array

        def __array__(self, dtype=None, copy=None):
            return self.array

    X, y = data()
    for rows, labels in nn.minibatches(Frame(X), Frame(y), 4):
        np.testing.assert_array_equal(rows, X[labels])


@pytest.mark.parametrize(
    "args, settings, error, words",
    [
        ((np.ones((3, 10)), np.ones((1, 10)), 4), {}, ShapeError, r"rows here: pass X\.T and y\.T"),
        ((np.ones((3, 10)), np.ones(10), 4), {}, ShapeError, r"pass X\.T$"),
        ((np.ones((10, 3)), np.ones((1, 10)), 4), {}, ShapeError, r"pass y\.T$"),
        ((np.ones((10, 3)), np.ones(9), 4), {}, ShapeError, "10 examples.*has 9; examples are"),
        (((np.ones(4), np.ones(5)), np.ones(4), 4), {}, ShapeError, r"X\[1\] of shape \(5,\)"),
        ((np.ones((0, 3)), np.ones(0), 4), {}, ShapeError, "empty"),
        (((), {}, 4), {}, ShapeError, "no arrays"),
        ((np.ones((5, 3)), 4, 4), {}, ShapeError, "order X, y"),
        (([[1.0], [1.0, 2.0]], np.ones(2), 4), {}, ShapeError, "list that is no array"),
        (([None], np.ones(1), 4), {}, DTypeError, "no array of numbers"),
        ((np.ones((5, 3)), None, 4), {}, ArgumentError, "pass X, X"),
        ((np.ones((5, 3)), np.ones(5), 0), {}, ArgumentError, "size=0"),
        ((np.ones((5, 3)), np.ones(5), 2.5), {}, ArgumentError, "size=2.5"),
        ((np.ones((5, 3)), np.ones(5), 8), {"drop_last": True}, ArgumentError, "leave nothing"),
        ((np.ones((5, 3)), np.ones(5), 8, "x"), {}, ArgumentError, "generator='x'"),
    ],
)  # fmt: skip
def test_is_refused_at_the_call(args, settings, error, words):
    with pytest.raises(error, match=words):
        nn.minibatches(*args, **settings)


def test_a_sparse_matrix_is_named():
    class Sparse:
        def toarray(self):
            return np.eye(3)

    with pytest.raises(DTypeError, match=r"X is a Sparse.*toarray"):
        nn.minibatches(Sparse(), np.ones(3), 2)


# normalize


def test_row_13_the_training_sets_statistics_for_all():
    rng = np.random.default_rng(0)
    X, X_dev = rng.normal(5, 3, (200, 4)), rng.normal(5, 3, (50, 4))
    normalize = nn.normalize(X)
    mu, sigma = X.sum(0) / 200, np.sqrt(((X - X.sum(0) / 200) ** 2).sum(0) / 200)
    np.testing.assert_allclose(normalize(X), (X - mu) / sigma, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(normalize(X_dev), (X_dev - mu) / sigma, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(normalize.inverse(normalize(X_dev)), X_dev, rtol=1e-12)


@pytest.mark.parametrize(
    "shape, axis, kept", [((4, 30), 1, (4, 1)), ((6, 3, 4, 5), (0, 2, 3), (1, 3, 1, 1))]
)
def test_any_axis(shape, axis, kept):
    X = np.random.default_rng(0).normal(2, 3, shape)
    normalize = nn.normalize(X, axis)
    assert normalize.mean_.shape == kept
    np.testing.assert_allclose(normalize(X).mean(axis), 0, atol=1e-12)
    np.testing.assert_allclose(normalize(X).std(axis), 1, rtol=1e-12)


def test_constant_features_become_0():
    X = np.full((100, 3), 0.1)  # whose mean rounds, so that its σ is not quite 0
    X[:, 1] = np.arange(100)
    normalize = nn.normalize(X)
    np.testing.assert_allclose(normalize(X)[:, [0, 2]], 0, atol=1e-15)
    np.testing.assert_allclose(normalize(X + 1)[:, [0, 2]], 1, atol=1e-15)


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e30])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_keeps_the_dtype_at_any_scale(dtype, scale):
    if dtype == "float16":
        scale = min(max(scale, 1e-2), 1e4)
    X = (np.random.default_rng(0).uniform(1, 2, (500, 2)) * scale).astype(dtype)
    out = nn.normalize(X)(X)
    assert out.dtype == dtype
    eps = np.finfo(dtype).eps
    # Rounding of the result and of μ, in units of σ; and of a sum of m numbers in double precision.
    sums = len(X) * 1.5 / 12**-0.5 * np.finfo(float).eps
    np.testing.assert_allclose(out.mean(0, dtype=float), 0, atol=20 * eps + sums)
    np.testing.assert_allclose(out.std(0, dtype=float), 1, rtol=20 * eps)


def test_integers_become_float32():
    X = np.random.default_rng(0).integers(0, 256, (100, 5), np.uint8)
    normalize = nn.normalize(X)
    assert normalize(X).dtype == normalize([list(range(5))]).dtype == np.float32
    np.testing.assert_allclose(normalize(X).std(0), 1, rtol=1e-5)


def test_does_not_change_what_it_is_given():
    X = np.arange(6.0).reshape(3, 2)
    before = X.copy()
    nn.normalize(X)(X)
    np.testing.assert_array_equal(X, before)


def test_is_a_layer_that_is_saved_with_the_model():
    X = np.random.default_rng(0).normal(3, 2, (20, 2)).astype(np.float32)
    model = nn.Sequential(nn.normalize(X), nn.Dense(2, 1))
    other = nn.Sequential(nn.normalize(X * 5), nn.Dense(2, 1))
    other.load_state_dict(model.state_dict())
    np.testing.assert_array_equal(other(X).numpy(), model(X).numpy())
    assert len(list(model.parameters())) == 2
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again(X).numpy(), model(X).numpy())
    x = tg.tensor(X, requires_grad=True)
    model[0](x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 1 / X.std(0) * np.ones((20, 1)), rtol=1e-5)


@pytest.mark.parametrize(
    "X, error, words",
    [
        (np.array([[1.0, np.nan]]), DomainError, r"at \(0, 1\)"),
        (np.array([[1.0], [np.inf]]), DomainError, "NaN or infinity"),
        (np.ones((0, 3)), ShapeError, "needs examples"),
        (3.0, ShapeError, "needs examples"),
        (np.array([["a"]]), DTypeError, "real numbers"),
        (np.ones((3, 2), complex), DTypeError, "real numbers"),
    ],
)
def test_normalize_refuses(X, error, words):
    with pytest.raises(error, match=words):
        nn.normalize(X)


def test_other_features_are_refused():
    normalize = nn.normalize(np.random.default_rng(0).normal(size=(5, 3)))
    for wrong in (np.ones((5, 2)), np.ones(3), np.ones((5, 1))):
        with pytest.raises(ShapeError, match=r"fitted on \(…, 3\)"):
            normalize(wrong)
