"""L2 (weight decay, the Frobenius norm) and L1, in the cost and in the optimiser."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn, optim

rng = np.random.default_rng(0)
m, strength = 30, 0.7
X, y = rng.normal(size=(m, 4)), rng.integers(0, 3, m)


def model():
    nn.seed(0)
    return nn.Sequential(nn.Dense(4, 5, "tanh", dtype=np.float64), nn.Dense(5, 3, dtype=np.float64))


def weights(net):
    return [layer.weight for layer in net]


def test_l2_adds_lambda_over_m_times_w_to_the_gradient():
    net = model()
    plain = tg.gradients(nn.softmax_cross_entropy(net(X), y), weights(net))
    J = nn.softmax_cross_entropy(net(X), y) + strength / (2 * m) * sum(
        np.sum(W**2) for W in weights(net)
    )
    for W, g, found in zip(weights(net), plain, tg.gradients(J, weights(net)), strict=True):
        np.testing.assert_allclose(found, g + strength / m * W.numpy(), rtol=1e-12)


def test_the_penalties_are_the_written_out_sums():
    net = model()
    arrays = [W.numpy() for W in weights(net)]
    np.testing.assert_allclose(
        optim.l2_penalty(weights(net), strength).item(),
        strength / 2 * sum(np.sum(W**2) for W in arrays),
        rtol=1e-12,
    )
    np.testing.assert_allclose(
        optim.l1_penalty(weights(net), strength).item(),
        strength * sum(np.abs(W).sum() for W in arrays),
        rtol=1e-12,
    )


def test_weight_decay_shrinks_by_the_factor_of_the_notes():
    """W ← (1 − αλ/m) W − α dW, the same step as with the penalty in the cost."""
    alpha = 0.1
    by_decay, by_cost = model(), model()
    decaying = optim.SGD(weights(by_decay), lr=alpha, weight_decay=strength / m)
    plain = optim.SGD(weights(by_cost), lr=alpha)
    for _ in range(5):
        decaying.minimize(lambda: nn.softmax_cross_entropy(by_decay(X), y))
        plain.minimize(
            lambda: (
                nn.softmax_cross_entropy(by_cost(X), y)
                + optim.l2_penalty(weights(by_cost), strength / m)
            )
        )
    for a, b in zip(weights(by_decay), weights(by_cost), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12)


def test_l1_makes_weights_zero_or_nearly_so_l2_only_small():
    W_true = np.array([3.0, 0.0, 0.0, -2.0])
    targets = X @ W_true
    ends = {}
    for name, penalty in (("l1", optim.l1_penalty), ("l2", optim.l2_penalty)):
        w = tg.Variable(rng.normal(size=4))
        optimizer = optim.SGD([w], lr=0.01)
        for _ in range(2000):
            optimizer.minimize(
                lambda w=w, penalty=penalty: np.mean((X @ w - targets) ** 2) + penalty([w], 0.5)
            )
        ends[name] = np.abs(w.numpy())
    assert (ends["l1"][[1, 2]] < 0.02).all()
    assert (ends["l2"][[1, 2]] > 0.02).all()


@pytest.mark.parametrize("strength", [-1.0, float("nan"), "much"])
def test_a_strength_that_makes_no_sense(strength):
    with pytest.raises(tg.ArgumentError, match="strength"):
        optim.l2_penalty([tg.Variable(1.0)], strength)
