"""α₀ / (1 + decay · epoch), 0.95^epoch · α₀, k / √epoch · α₀, staircase and by hand."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import optim

a0 = 0.2


@pytest.mark.parametrize(
    ("schedule", "formula"),
    [
        (optim.InverseTime(a0, decay=1.0), lambda epoch: a0 / (1 + epoch)),
        (optim.Exponential(a0, 0.95), lambda epoch: 0.95**epoch * a0),
        (optim.Staircase(a0, every=10, factor=0.5), lambda epoch: a0 * 0.5 ** (epoch // 10)),
        (
            optim.Piecewise([10, 20], [0.1, 0.01, 0.001]),
            lambda epoch: 0.1 if epoch < 10 else 0.01 if epoch < 20 else 0.001,
        ),
    ],
    ids=["inverse time", "exponential", "staircase", "manual"],
)
def test_formula(schedule, formula):
    for epoch in range(30):
        assert schedule(epoch) == pytest.approx(formula(epoch), rel=1e-12)


def test_the_notes_table_of_inverse_time():
    schedule = optim.InverseTime(0.2, decay=1)
    np.testing.assert_allclose([schedule(e) for e in (1, 2, 3, 4)], [0.1, 0.2 / 3, 0.05, 0.04])


def test_an_optimizer_follows_its_schedule():
    w = tg.Variable(np.float64(0.0))
    optimizer = optim.SGD([w], lr=optim.InverseTime(a0, decay=1.0, by="epoch"))
    at = 0.0
    for epoch in range(5):
        assert optimizer.lr == pytest.approx(a0 / (1 + epoch))
        for _ in range(3):
            optimizer.minimize(lambda: w**2 - 10 * w + 25)
            at -= a0 / (1 + epoch) * (2 * at - 10)
            assert w.item() == pytest.approx(at, rel=1e-12)
        optimizer.next_epoch()
