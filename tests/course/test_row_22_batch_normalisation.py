"""ẑ = (z − μ) / √(σ² + ε), z̃ = γẑ + β, before the activation; weighted averages at test time."""

import numpy as np

from tinygraph import nn

rng = np.random.default_rng(0)


def test_training_uses_the_batchs_mean_and_variance():
    layer = nn.BatchNorm(3, eps=1e-3, dtype=np.float64)
    layer.gamma.assign([1.0, 2.0, 0.5])
    layer.beta.assign([0.0, -1.0, 3.0])
    z = rng.normal(size=(20, 3))
    mu, sigma2 = z.mean(axis=0), np.mean((z - z.mean(axis=0)) ** 2, axis=0)
    wanted = layer.gamma.numpy() * (z - mu) / np.sqrt(sigma2 + 1e-3) + layer.beta.numpy()
    np.testing.assert_allclose(layer(z).detach(), wanted, rtol=1e-12)


def test_test_time_uses_exponentially_weighted_averages():
    layer, momentum = nn.BatchNorm(2, momentum=0.9, dtype=np.float64), 0.9
    mu, sigma2 = np.zeros(2), np.ones(2)
    for _ in range(5):
        z = rng.normal(3, 2, size=(50, 2))
        layer(z)
        mu = momentum * mu + (1 - momentum) * z.mean(axis=0)
        sigma2 = momentum * sigma2 + (1 - momentum) * z.var(axis=0)
    layer.eval()
    one = rng.normal(size=(1, 2))
    wanted = (one - mu) / np.sqrt(sigma2 + layer.eps)
    np.testing.assert_allclose(layer(one).detach(), wanted, rtol=1e-12)


def test_the_bias_before_it_is_redundant():
    dense, norm = nn.Dense(4, 3, dtype=np.float64), nn.BatchNorm(3, dtype=np.float64)
    x, weights = rng.normal(size=(20, 4)), rng.normal(size=(20, 3))
    before = norm(dense(x)).detach().numpy()
    (norm(dense(x)) * weights).sum().backward()
    np.testing.assert_allclose(dense.bias.grad, np.zeros(3), atol=1e-12)
    dense.bias.assign([10.0, -20.0, 30.0])
    np.testing.assert_allclose(norm(dense(x)).detach(), before, atol=1e-12)
