"""Losses, activations and normalisations beside PyTorch's: values, gradients of order 1 and 2."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch.nn import functional

import tinygraph as tg
from tinygraph import nn

RNG = np.random.default_rng(11)
REDUCTIONS = ("mean", "sum", "none")


class Pair(NamedTuple):
    """The same function by tinygraph and by PyTorch, and the arrays that both differentiate."""

    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    arrays: tuple[Any, ...]


# Losses

LABELS = np.array([2, 0, 3, 1, 1])
PIXELS = RNG.integers(0, 4, (2, 3, 3))
SOFT = RNG.dirichlet(np.ones(4), 5)
CLASS_WEIGHTS = np.array([0.5, 2.0, 1.0, 0.25])
LOGITS = RNG.normal(size=(5, 4)) * 3
YES = np.round(RNG.random((5, 4)), 1)
ELEMENT_WEIGHTS = RNG.uniform(0, 2, (5, 4))


def torch_of(settings: dict[str, Any]) -> dict[str, Any]:
    names = {"class_weights": "weight", "weights": "weight"}
    return {
        names.get(name, name): torch.tensor(v) if isinstance(v, np.ndarray) else v
        for name, v in settings.items()
    }


def of_classes(labels: Any, axis: int = -1, **settings: Any) -> tuple[Any, Any]:
    return (
        lambda z, **r: nn.softmax_cross_entropy(z, labels, axis=axis, **settings, **r),
        lambda z, **r: functional.cross_entropy(z, torch.tensor(labels), **torch_of(settings), **r),
    )


def of_elements(ours: Any, theirs: Any, other: Any, **settings: Any) -> tuple[Any, Any]:
    return (
        lambda x, **r: ours(x, other, **settings, **r),
        lambda x, **r: theirs(x, torch.tensor(other, dtype=x.dtype), **torch_of(settings), **r),
    )


def divergence(p: Any, q: Any, reduction: str) -> Any:
    mean = "batchmean" if reduction == "mean" else reduction
    losses = functional.kl_div(torch.log(q), p, reduction=mean)
    return losses.sum(-1) if reduction == "none" else losses


def log_divergence(p: Any, q: Any, reduction: str) -> Any:
    mean = "batchmean" if reduction == "mean" else reduction
    losses = functional.kl_div(q, p, reduction=mean, log_target=True)
    return losses.sum(-1) if reduction == "none" else losses


Q = RNG.dirichlet(np.ones(4), 5)
IMAGES = (RNG.normal(size=(2, 4, 3, 3)),)
BINARY, BCE = nn.sigmoid_cross_entropy, functional.binary_cross_entropy_with_logits
# PyTorch adds 1e-12 to x (1 − x) in its second derivative.
P = (RNG.uniform(0.1, 0.9, (5, 4)),)
OF_P = (nn.binary_cross_entropy, functional.binary_cross_entropy, YES)
X = RNG.normal(0, 2, (5, 4))
Y = RNG.normal(0, 2, (5, 4))
LOSSES: dict[str, Pair] = {
    "classes": Pair(*of_classes(LABELS), (LOGITS,)),
    "pixels": Pair(*of_classes(PIXELS, axis=1), IMAGES),
    "probabilities as labels": Pair(*of_classes(SOFT), (LOGITS,)),
    "smooth": Pair(*of_classes(LABELS, label_smoothing=0.2), (LOGITS,)),
    "smooth probabilities": Pair(*of_classes(SOFT, label_smoothing=0.2), (LOGITS,)),
    "ignore_index": Pair(*of_classes(LABELS, ignore_index=1), (LOGITS,)),
    "ignore_index outside": Pair(
        *of_classes(np.where(LABELS == 1, -100, LABELS), ignore_index=-100), (LOGITS,)
    ),
    "class weights": Pair(*of_classes(LABELS, class_weights=CLASS_WEIGHTS), (LOGITS,)),
    "all": Pair(
        *of_classes(LABELS, class_weights=CLASS_WEIGHTS, ignore_index=0, label_smoothing=0.1),
        (LOGITS,),
    ),
    "pixels, all": Pair(
        *of_classes(PIXELS, 1, class_weights=CLASS_WEIGHTS, ignore_index=3, label_smoothing=0.1),
        IMAGES,
    ),
    "sigmoid": Pair(*of_elements(BINARY, BCE, YES), (LOGITS,)),
    "sigmoid pos_weight": Pair(*of_elements(BINARY, BCE, YES, pos_weight=CLASS_WEIGHTS), (LOGITS,)),
    "binary": Pair(*of_elements(*OF_P), P),
    "squared": Pair(nn.mean_squared_error, functional.mse_loss, (X, Y)),
    "absolute": Pair(nn.mean_absolute_error, functional.l1_loss, (X, Y)),
    "huber": Pair(nn.huber, functional.huber_loss, (X, Y)),
    "huber 0.3": Pair(
        lambda x, y, **r: nn.huber(x, y, 0.3, **r),
        lambda x, y, **r: functional.huber_loss(x, y, delta=0.3, **r),
        (X, Y),
    ),
    "divergence": Pair(nn.kl_divergence, divergence, (SOFT, Q)),
    "divergence by log": Pair(
        lambda p, q, **r: nn.kl_divergence(p, q, log=True, **r),
        log_divergence,
        (np.log(SOFT), np.log(Q)),
    ),
}
# PyTorch divides a mean by the number of elements whatever their weights; so only the others.
WEIGHTED: dict[str, Pair] = {
    "sigmoid": Pair(*of_elements(BINARY, BCE, YES, weights=ELEMENT_WEIGHTS), (LOGITS,)),
    "sigmoid pos_weight": Pair(
        *of_elements(BINARY, BCE, YES, weights=ELEMENT_WEIGHTS, pos_weight=CLASS_WEIGHTS),
        (LOGITS,),
    ),
    "binary": Pair(*of_elements(*OF_P, weights=ELEMENT_WEIGHTS), P),
    "probabilities, class weights": Pair(*of_classes(SOFT, class_weights=CLASS_WEIGHTS), (LOGITS,)),
}


def derivatives(function: Any, arrays: Any) -> list[Any]:
    """Values and gradients of tinygraph, with fixed cotangents."""
    leaves = [tg.Variable(x) for x in arrays]
    y = function(*leaves)
    ct = np.random.default_rng(0).normal(size=y.shape)
    first = tg.gradients(y, leaves, ct, create_graph=True)
    total = sum((g * g).sum() for g in first)
    second = tg.gradients(total, leaves) if total.requires_grad else [None] * len(leaves)
    return [y, *first, *second]


def torch_derivatives(function: Any, arrays: Any) -> list[Any]:
    leaves = [torch.tensor(x, requires_grad=True) for x in arrays]
    y = function(*leaves)
    ct = torch.tensor(np.random.default_rng(0).normal(size=tuple(y.shape)))
    first = torch.autograd.grad(y, leaves, ct, create_graph=True)
    total = sum((g * g).sum() for g in first)
    second = (
        torch.autograd.grad(total, leaves, allow_unused=True)
        if total.requires_grad
        else [None] * len(leaves)
    )
    return [y, *first, *second]


def assert_same(pair: Pair, **settings: Any) -> None:
    found = derivatives(lambda *x: pair.ours(*x, **settings), pair.arrays)
    wanted = torch_derivatives(lambda *x: pair.theirs(*x, **settings), pair.arrays)
    for mine, theirs in zip(found, wanted, strict=True):
        theirs = 0 if theirs is None else theirs.numpy(force=True)
        mine = 0 if mine is None else mine.detach().numpy()
        np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", LOSSES)
def test_loss(name, reduction):
    assert_same(LOSSES[name], reduction=reduction)


@pytest.mark.parametrize("reduction", ["sum", "none"])
@pytest.mark.parametrize("name", WEIGHTED)
def test_weighted_loss(name, reduction):
    assert_same(WEIGHTED[name], reduction=reduction)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_logits(dtype):
    z = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0], [1e4, 1e4, -1e4]], dtype)
    labels = np.array([0, 0, 1])
    ours, theirs = tg.Variable(z), torch.tensor(z, requires_grad=True)
    loss = nn.softmax_cross_entropy(ours, labels, label_smoothing=0.1)
    other = functional.cross_entropy(theirs, torch.tensor(labels), label_smoothing=0.1)
    loss.backward()
    other.backward()
    np.testing.assert_allclose(loss.item(), other.item(), rtol=1e-6)
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), atol=1e-7)


# Activations

Z = np.concatenate([RNG.normal(0, 3, 40), [0.0, -0.0, 30.0, -30.0, 800.0, -800.0]])
ACTIVATIONS: dict[str, tuple[Any, Any]] = {
    "relu": (nn.relu, functional.relu),
    "leaky_relu": (nn.leaky_relu, functional.leaky_relu),
    "elu": (nn.elu, functional.elu),
    "elu 0.5": (lambda z: nn.elu(z, 0.5), lambda z: functional.elu(z, 0.5)),
    "selu": (nn.selu, functional.selu),
    "gelu": (nn.gelu, functional.gelu),
    "silu": (nn.silu, functional.silu),
    "tanh": (nn.tanh, torch.tanh),
    "sigmoid": (nn.sigmoid, torch.sigmoid),
    "softplus": (nn.softplus, lambda z: functional.softplus(z, threshold=1e9)),
    "softmax": (nn.softmax, lambda z: functional.softmax(z, -1)),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name):
    ours, theirs = ACTIVATIONS[name]
    # PyTorch's second derivative of softplus overflows where its threshold does not cut it off.
    z = Z[np.abs(Z) < 100] if name == "softplus" else Z
    # At 0 it has the first derivative of elu from the left, the second from the right.
    z = z[z != 0] if name.startswith(("elu", "selu")) else z
    assert_same(Pair(ours, theirs, (z,)))


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name != "softmax"])
def test_derivative_at_0(name):
    ours, theirs = ACTIVATIONS[name]
    z = np.array([0.0, -0.0])
    found, wanted = tg.Variable(z), torch.tensor(z, requires_grad=True)
    ours(found).sum().backward()
    theirs(wanted).sum().backward()
    np.testing.assert_allclose(found.grad.numpy(), wanted.grad.numpy(), rtol=1e-12)


# Normalisation


@pytest.mark.parametrize(
    ("shape", "axis"), [((6, 3), 1), ((6, 3), -1), ((4, 3, 5), 1), ((2, 3, 4, 2), 1)]
)
def test_batch_norm(shape, axis):
    x, gamma, beta = RNG.normal(2, 3, shape), RNG.normal(size=3), RNG.normal(size=3)

    def ours(x, gamma, beta):
        layer = nn.BatchNorm(3, axis=axis, dtype=np.float64)
        layer.gamma, layer.beta = gamma, beta
        return layer(x)

    def theirs(x, gamma, beta):
        return functional.batch_norm(x, None, None, gamma, beta, training=True)

    assert_same(Pair(ours, theirs, (x, gamma, beta)))


def test_running_averages_of_batch_norm():
    """Ours weigh the old value by momentum, theirs the new; ours of the variance is biased."""
    layer = nn.BatchNorm(3, momentum=0.75, axis=1, dtype=np.float64)
    other = torch.nn.BatchNorm2d(3, momentum=0.25, dtype=torch.float64)
    x = RNG.normal(2, 3, (4, 3, 2, 2))
    layer(x)
    other(torch.tensor(x))
    np.testing.assert_allclose(layer.running_mean, other.running_mean.numpy(), rtol=1e-12)
    n = 16
    wanted = 0.75 + (other.running_var.numpy() - 0.75) * (n - 1) / n
    np.testing.assert_allclose(layer.running_var, wanted, rtol=1e-12)
    np.testing.assert_allclose(
        layer.eval()(x).detach().numpy(),
        functional.batch_norm(
            torch.tensor(x), torch.tensor(layer.running_mean), torch.tensor(layer.running_var)
        ).numpy(),
        rtol=1e-12,
        atol=1e-12,
    )


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 5), (2, 4, 3, 2)])
def test_group_norm(shape, groups):
    if shape == (3, 4) and groups == 4:
        shape = (3, 8)
    c = shape[1]
    arrays = RNG.normal(2, 3, shape), RNG.normal(size=c), RNG.normal(size=c)
    pair = Pair(
        lambda x, g, b: nn.group_norm(x, g, b, groups),
        lambda x, g, b: functional.group_norm(x, groups, g, b),
        arrays,
    )
    assert_same(pair)


def test_layer_norm():
    arrays = RNG.normal(2, 3, (5, 4)), RNG.normal(size=4), RNG.normal(size=4)
    assert_same(Pair(nn.layer_norm, lambda x, g, b: functional.layer_norm(x, (4,), g, b), arrays))


# Initialisers: PyTorch's own, of weights (outputs, inputs), have the same bounds and variances


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("xavier_uniform", torch.nn.init.xavier_uniform_),
        ("he_uniform", lambda w: torch.nn.init.kaiming_uniform_(w, nonlinearity="relu")),
        ("xavier", torch.nn.init.xavier_normal_),
        ("he", lambda w: torch.nn.init.kaiming_normal_(w, nonlinearity="relu")),
        ("orthogonal", torch.nn.init.orthogonal_),
    ],
)
def test_initialiser(name, theirs):
    torch.manual_seed(0)
    inputs, outputs = 300, 200
    ours = nn.Dense(inputs, outputs, initializer=name, generator=0).weight.numpy()
    other = theirs(torch.empty(outputs, inputs)).numpy().T
    assert ours.var() == pytest.approx(other.var(), rel=0.03)
    if name.endswith("uniform"):
        assert np.abs(ours).max() == pytest.approx(np.abs(other).max(), rel=1e-3)
    if name == "orthogonal":
        for w in (ours, other):
            np.testing.assert_allclose(w.T @ w, np.eye(outputs), atol=2e-6)
