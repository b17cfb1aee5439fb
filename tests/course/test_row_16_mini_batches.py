"""Shuffled batches of 64 … 512, the last one short; epochs."""

import numpy as np
import pytest

from tinygraph import nn, optim

rng = np.random.default_rng(0)


@pytest.mark.parametrize("size", [64, 128, 256, 512])
def test_every_example_once_an_epoch_with_its_label(size):
    X = np.arange(1000.0).reshape(1000, 1)
    y = np.arange(1000)
    batches = list(nn.minibatches(X, y, size, rng))
    assert [len(b) for b, _ in batches] == [size] * (1000 // size) + [1000 % size]
    np.testing.assert_array_equal(np.sort(np.concatenate([b[:, 0] for b, _ in batches])), y)
    for A, labels in batches:
        np.testing.assert_array_equal(A[:, 0], labels)


def test_shuffled_anew_each_epoch():
    X = y = np.arange(100)
    generator = np.random.default_rng(0)
    first, second = (
        np.concatenate([b for b, _ in nn.minibatches(X, y, 32, generator)]) for _ in range(2)
    )
    assert (first != second).any()
    assert (first != X).any()


def test_the_gradient_of_a_batch_is_an_unbiased_estimate():
    X, y = rng.normal(size=(256, 3)), rng.integers(0, 2, 256)
    model = nn.Dense(3, 2, dtype=np.float64)

    def gradient(A, labels):
        model.zero_grad()
        nn.softmax_cross_entropy(model(A), labels).backward()
        return model.weight.grad.numpy().copy()

    batches = [gradient(A, labels) for A, labels in nn.minibatches(X, y, 64, 0)]
    np.testing.assert_allclose(np.mean(batches, axis=0), gradient(X, y), rtol=1e-10, atol=1e-15)


def test_the_explicit_loop_is_what_fit_does():
    X = rng.normal(size=(100, 3)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    ends = []
    for by_fit in (False, True):
        nn.seed(0)
        model = nn.Dense(3, 2)
        optimizer = optim.SGD(model.parameters(), lr=0.5)
        generator = np.random.default_rng(0)
        if by_fit:
            nn.fit(
                model,
                nn.softmax_cross_entropy,
                (X, y),
                optimizer,
                epochs=5,
                batch_size=32,
                rng=generator,
                progress=False,
            )
        else:
            for _ in range(5):
                for A, labels in nn.minibatches(X, y, 32, generator):
                    loss = nn.softmax_cross_entropy(model(A), labels)
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
        ends.append(model.weight.numpy().copy())
    np.testing.assert_array_equal(*ends)
