"""Gradients clipped by norm and by value."""

import math

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn, optim
from tinygraph.errors import ArgumentError, BackwardError, DomainError

SHAPES = [(2, 3), (), (4,), (0,)]


def leaves(dtype="float64", scale=1.0, seed=0):
    rng = np.random.default_rng(seed)
    found = [tg.tensor(np.zeros(s), dtype, requires_grad=True) for s in SHAPES]
    for leaf in found:
        gradient = scale * rng.normal(size=leaf.shape)
        leaf.grad = gradient + 1j * gradient**2 if leaf.dtype.kind == "c" else gradient
    return found


def joined(parameters):
    return np.concatenate([p.grad.numpy().reshape(-1) for p in parameters])


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_by_norm(dtype):
    parameters = leaves(dtype)
    before = joined(parameters)
    norm = np.sqrt(np.sum(np.abs(before.astype(complex)) ** 2))
    tolerance = 1e-12 if before.real.dtype == np.float64 else 1e-6
    found = optim.clip_grad_norm(parameters, 0.5)
    assert type(found) is float
    assert found == pytest.approx(norm, rel=tolerance)
    np.testing.assert_allclose(joined(parameters), before * (0.5 / norm), rtol=tolerance)
    assert {p.grad.dtype for p in parameters} == {np.dtype(dtype)}
    assert optim.clip_grad_norm(parameters, 1.0) == pytest.approx(0.5, rel=1e-6)


def test_what_is_within_is_left_alone_to_the_bit():
    parameters = leaves()
    before = joined(parameters)
    for limit in (100.0, math.inf):
        optim.clip_grad_norm(parameters, limit)
        np.testing.assert_array_equal(joined(parameters), before)


@pytest.mark.parametrize(("dtype", "scale"), [("float32", 1e30), ("float32", 1e-30),
                                              ("float64", 1e200), ("float64", 1e-200)])  # fmt: skip
def test_squares_may_overflow_and_underflow(dtype, scale):
    parameters = leaves(dtype, scale)
    expected = np.linalg.norm(joined(leaves("float64"))) * scale
    assert optim.clip_grad_norm(parameters, scale / 2) == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(np.linalg.norm(joined(parameters) / scale), 0.5, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_by_value(dtype):
    parameters = leaves(dtype)
    before = joined(parameters)
    optim.clip_grad_value(parameters, 0.3)
    after = joined(parameters)
    np.testing.assert_array_equal(after.real, np.clip(before.real, -0.3, 0.3))
    if dtype == "complex128":
        np.testing.assert_array_equal(after.imag, np.clip(before.imag, -0.3, 0.3))
    assert after.dtype == dtype


def test_steps_follow_the_clipped_gradient():
    """Also where backward has written gradients straight into the optimiser's array."""
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(16, 3)), np.arange(16) % 2
    model = nn.Sequential(nn.Dense(3, 4, "tanh", generator=0), nn.Dense(4, 2, generator=1))
    model = model.astype(np.float64) if hasattr(model, "astype") else model
    parameters = list(model.parameters())
    optimizer = optim.SGD(parameters, lr=1.0)
    for _ in range(4):
        optimizer.zero_grad()
        nn.softmax_cross_entropy(model(X.astype(parameters[0].dtype)), labels).backward()
        before = np.concatenate([p.numpy().reshape(-1) for p in parameters])
        gradient = joined(parameters).copy()
        norm = optim.clip_grad_norm(model.parameters(), 0.01)
        assert norm > 0.01
        optimizer.step()
        after = np.concatenate([p.numpy().reshape(-1) for p in parameters])
        np.testing.assert_allclose(before - after, gradient * 0.01 / norm, rtol=1e-3, atol=1e-7)


def test_a_gradient_that_someone_holds_is_not_changed():
    parameters = leaves()
    held = [p.grad for p in parameters]
    before = joined(parameters)
    optim.clip_grad_norm(parameters, 0.1)
    optim.clip_grad_value(parameters, 0.01)
    np.testing.assert_array_equal(np.concatenate([g.numpy().reshape(-1) for g in held]), before)


def test_those_without_a_gradient_count_as_zero():
    with_gradient, without, frozen = (tg.Variable([3.0, 4.0]) for _ in range(3))
    with_gradient.grad = [3.0, 4.0]
    frozen.requires_grad = False
    assert optim.clip_grad_norm([without, with_gradient, frozen], 1.0) == 5.0
    np.testing.assert_allclose(with_gradient.grad.numpy(), [0.6, 0.8], rtol=1e-15)
    assert without.grad is None


def recorded():
    w = tg.Variable([2.0])
    (w * w).sum().backward(create_graph=True)
    return [w]


def with_bad(value):
    parameters = leaves()
    parameters[2].name = "bad"
    parameters[2].grad = [1.0, value, 1.0, value]
    return parameters


CLIPS = {
    "norm": lambda parameters: optim.clip_grad_norm(parameters, 0.1),
    "value": lambda parameters: optim.clip_grad_value(parameters, 0.1),
}


@pytest.mark.parametrize("name", CLIPS)
@pytest.mark.parametrize(
    ("parameters", "error", "words"),
    [
        (lambda: with_bad(math.nan), DomainError, "'bad'.*2 NaNs.*explain_nan"),
        (lambda: [tg.Variable(1.0)], BackwardError, r"no parameter has a gradient.*backward\(\)"),
        (recorded, BackwardError, "create_graph=True"),
        (list, ArgumentError, "no parameters came"),
        (lambda: leaves()[0], ArgumentError, "single tensor"),
        (lambda: nn.Dense(2, 2), ArgumentError, r"pass its .parameters\(\)"),
        (lambda: leaves()[:1] * 2, ArgumentError, "would count twice"),
    ],
)
def test_refused_gradients(name, parameters, error, words):
    given = parameters()
    before = {p: p.grad for p in given if p.grad is not None} if isinstance(given, list) else {}
    with pytest.raises(error, match=f"clip_grad_{name}: .*{words}"):
        CLIPS[name](given)
    for p, gradient in before.items():
        np.testing.assert_array_equal(p.grad.numpy(), gradient.numpy())


def test_infinities():
    with pytest.raises(DomainError, match=r"'bad'.*0 NaNs and 2 infinities"):
        optim.clip_grad_norm(with_bad(math.inf), 0.1)
    parameters = with_bad(-math.inf)
    optim.clip_grad_value(parameters, 0.1)
    np.testing.assert_array_equal(parameters[2].grad.numpy(), [0.1, -0.1, 0.1, -0.1])


@pytest.mark.parametrize("limit", [0, -1, math.nan, "1"])
def test_refused_limits(limit):
    with pytest.raises(ArgumentError, match="clip_grad_norm: max_norm="):
        optim.clip_grad_norm(leaves(), limit)
    with pytest.raises(ArgumentError, match="clip_grad_value: limit="):
        optim.clip_grad_value(leaves(), limit)
