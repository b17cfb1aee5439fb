"""μ and σ from the training set, applied to dev and test alike."""

import numpy as np

from tinygraph import nn

rng = np.random.default_rng(0)


def test_dev_is_normalised_with_the_training_sets_statistics():
    X_train = rng.normal([5, -3], [100, 0.01], size=(300, 2))
    X_dev = rng.normal([5, -3], [100, 0.01], size=(100, 2))
    normalize = nn.normalize(X_train)
    mu, sigma = X_train.mean(axis=0), X_train.std(axis=0)
    np.testing.assert_allclose(normalize(X_train), (X_train - mu) / sigma, rtol=1e-12)
    np.testing.assert_allclose(normalize(X_dev), (X_dev - mu) / sigma, rtol=1e-12)


def test_gradient_descent_is_faster_for_it():
    """Of J = ‖Xw − y‖² / 2m the largest stable step is 2/λmax, and the condition of XᵀX decides."""
    X = rng.normal([0, 0], [100, 1], size=(300, 2))
    conditions = [np.linalg.cond(A.T @ A) for A in (X, nn.normalize(X)(X))]
    assert conditions[0] > 1000
    assert conditions[1] < 2
