"""L2 and L1 penalties as terms of the cost, and that decay comes to the same."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn, optim
from tinygraph.errors import ArgumentError

SHAPES = [(2, 3), (), (4,)]


def parameters(dtype="float64"):
    rng = np.random.default_rng(0)
    found = [rng.normal(size=s) for s in SHAPES]
    if np.dtype(dtype).kind == "c":
        found = [w + 1j * rng.normal(size=w.shape) for w in found]
    return [tg.tensor(w, dtype, requires_grad=True) for w in found]


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_values_and_gradients(dtype):
    params = parameters(dtype)
    parts = [np.asarray(p.numpy()).reshape(-1).view(p.numpy().real.dtype) for p in params]
    l2, l1 = optim.l2_penalty(params, 0.3), optim.l1_penalty(params, 0.2)
    assert (l2.shape, l1.shape) == ((), ())
    assert l2.dtype == l1.dtype == parts[0].dtype
    assert l2.item() == pytest.approx(0.15 * sum((w**2).sum() for w in parts), rel=1e-6)
    assert l1.item() == pytest.approx(0.2 * sum(np.abs(w).sum() for w in parts), rel=1e-6)
    (l2 + l1).backward()
    for p, w in zip(params, parts, strict=True):
        expected = 0.3 * w + 0.2 * np.sign(w)
        found = np.asarray(p.grad.numpy()).reshape(-1).view(w.dtype)
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        assert p.grad.dtype == p.dtype


def test_the_courses_cost():
    """λ/(2m) ‖W‖² over the weights, and none over the biases."""
    model = nn.Sequential(nn.Dense(3, 4, generator=0), nn.Dense(4, 1, generator=1))
    weights = [w for name, w in model.named_parameters() if name.endswith("weight")]
    strength, m = 0.7, 16
    frobenius = sum(np.linalg.norm(w.numpy()) ** 2 for w in weights)
    cost = optim.l2_penalty(weights, strength / m)
    assert cost.item() == pytest.approx(strength / (2 * m) * frobenius, rel=1e-6)
    assert cost.dtype == np.float32
    cost.backward()
    assert [p.grad is None for p in model.parameters()] == [False, True, False, True]


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.RMSprop])
def test_decay_is_the_penaltys_gradient(kind, dtype):
    def run(by_cost):
        params = parameters(dtype)
        decay = {} if by_cost else {"weight_decay": 0.3, "l1_decay": 0.2}
        optimizer = kind(params, 0.01, **decay)

        def cost():
            fit = sum((tg.abs(p - 1) ** 2).sum() for p in params)
            penalty = optim.l2_penalty(params, 0.3) + optim.l1_penalty(params, 0.2)
            return fit + penalty if by_cost else fit

        for _ in range(10):
            optimizer.minimize(cost)
        return [p.numpy() for p in params]

    for one, other in zip(run(True), run(False), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)


def test_of_tensors_that_need_no_gradient_and_of_computed_ones():
    w = tg.Variable([3.0, -4.0])
    assert optim.l2_penalty([tg.tensor([3.0, 4.0])], 2.0).item() == 25.0
    (gradient,) = tg.gradients(optim.l1_penalty([w * 2], 0.5), w)
    np.testing.assert_array_equal(gradient.numpy(), [1, -1])
    assert not optim.l2_penalty([tg.tensor([3.0])], 2.0).requires_grad


@pytest.mark.parametrize("penalty", [optim.l2_penalty, optim.l1_penalty])
@pytest.mark.parametrize(
    ("given", "strength", "words"),
    [
        (list, 0.1, "no parameters came"),
        (lambda: tg.Variable(1.0), 0.1, "single tensor"),
        (lambda: nn.Dense(2, 2), 0.1, r"pass its .parameters\(\)"),
        (lambda: nn.Dense(2, 2).named_parameters(), 0.1, "parameter 0 is tuple.*names"),
        (lambda: [np.ones(2)], 0.1, "parameter 0 is ndarray"),
        (lambda: [tg.tensor([1, 2])], 0.1, "parameter 0 is int64"),
        (parameters, -0.1, r"strength=-0\.1"),
        (parameters, "0.1", "strength='0.1'"),
    ],
)
def test_refused(penalty, given, strength, words):
    with pytest.raises(ArgumentError, match=f"{penalty.__name__}: .*{words}"):
        penalty(given(), strength)
