"""v ← βv + (1 − β)θ and its bias correction v / (1 − βᵗ), on the notes' temperatures."""

import numpy as np

from tinygraph import nn, optim

days = np.arange(365)
temperatures = 50 + 25 * np.sin((days - 100) / 365 * 2 * np.pi)
temperatures += np.random.default_rng(0).normal(0, 4, 365)


def test_it_is_the_recurrence():
    beta, v = 0.9, 0.0
    plain = optim.ExponentialMovingAverage(beta, bias_correction=False)
    corrected = optim.ExponentialMovingAverage(beta)
    for t, theta in enumerate(temperatures, start=1):
        v = beta * v + (1 - beta) * theta
        np.testing.assert_allclose(plain.update(theta), v, rtol=1e-12)
        np.testing.assert_allclose(corrected.update(theta), v / (1 - beta**t), rtol=1e-12)


def test_without_the_correction_it_begins_too_low():
    average = optim.ExponentialMovingAverage(0.98, bias_correction=False)
    corrected = optim.ExponentialMovingAverage(0.98)
    low, right = average.update(temperatures[0]), corrected.update(temperatures[0])
    np.testing.assert_allclose(low, 0.02 * temperatures[0])
    np.testing.assert_allclose(right, temperatures[0])


def test_of_parameters():
    layer = nn.Dense(2, 2, dtype=np.float64)
    average = optim.ExponentialMovingAverage(0.5, layer.parameters())
    trail = []
    for k in range(3):
        layer.weight.assign(np.full((2, 2), float(k)))
        trail.append(float(k))
        average.update()
    wanted = np.average(trail, weights=[0.125, 0.25, 0.5])
    with average.applied():
        np.testing.assert_allclose(layer.weight.numpy(), wanted, rtol=1e-12)
    np.testing.assert_array_equal(layer.weight.numpy(), 2)
