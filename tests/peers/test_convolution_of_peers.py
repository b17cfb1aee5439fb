"""Convolution and pooling beside PyTorch's: values, gradients, and the gradients' gradients."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - everybody calls it so

import tinygraph as tg
from tinygraph import nn

CONVOLUTIONS = {
    (1, False): (nn.conv1d, F.conv1d),
    (2, False): (nn.conv2d, F.conv2d),
    (1, True): (nn.conv_transpose1d, F.conv_transpose1d),
    (2, True): (nn.conv_transpose2d, F.conv_transpose2d),
}


def compare(ours, theirs, arrays, rng):
    """Of functions of these arrays: values, gradients for them, and gradients of those."""
    leaves = [tg.Variable(a) for a in arrays]
    others = [torch.tensor(a, requires_grad=True) for a in arrays]
    y, z = ours(*leaves), theirs(*others)
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol=0, atol=1e-9)
    v = rng.normal(size=y.shape)
    ct, dt = tg.Variable(v), torch.tensor(v, requires_grad=True)
    first = tg.gradients(y, leaves, ct, create_graph=True)
    firsts = torch.autograd.grad(z, others, dt, create_graph=True)
    weights = [rng.normal(size=a.shape) for a in arrays]
    for g, h in zip(first, firsts, strict=True):
        np.testing.assert_allclose(g.detach().numpy(), h.detach().numpy(), rtol=0, atol=1e-9)
    total = sum((g * w).sum() for g, w in zip(first, weights, strict=True))
    totals = sum((h * torch.tensor(w)).sum() for h, w in zip(firsts, weights, strict=True))
    second = tg.gradients(total, [*leaves, ct])
    seconds = torch.autograd.grad(totals, [*others, dt], allow_unused=True)
    for x, g, h in zip([*leaves, ct], second, seconds, strict=True):
        zero = np.zeros(x.shape)  # what is linear has None for a second derivative
        np.testing.assert_allclose(
            zero if g is None else g.numpy(), zero if h is None else h.numpy(), rtol=0, atol=1e-9
        )


def shapes(transposed, channels, out, groups, size):
    """Of the kernel and the bias."""
    if transposed:
        return (channels, out // groups, *size), (out,)
    return (out, channels // groups, *size), (out,)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("groups", [1, 2])
def test_grid(groups, transposed):
    rng = np.random.default_rng(0)
    ours, theirs = CONVOLUTIONS[2, transposed]
    grid = itertools.product((1, 2, (2, 1)), (0, (1, 2)), (1, (2, 1)), ((1, 1), (2, 3), (3, 3)))
    for stride, padding, dilation, size in grid:
        kernel, bias = shapes(transposed, 4, 2, groups, size)
        arrays = [rng.normal(size=s) for s in ((2, 4, 6, 7), kernel, bias)]
        settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        compare(
            lambda *a, s=settings: ours(*a, **s),
            lambda *a, s=settings: theirs(*a, **s),
            arrays,
            rng,
        )


@pytest.mark.parametrize("seed", range(40))
def test_random_configuration(seed):
    rng = np.random.default_rng(seed)
    axes, transposed = int(rng.integers(1, 3)), bool(rng.integers(2))
    ours, theirs = CONVOLUTIONS[axes, transposed]

    def some(low, high):
        return tuple(rng.integers(low, high, axes).tolist())

    size, stride, dilation = some(1, 4), some(1, 4), some(1, 3)
    groups = int(rng.integers(1, 4))
    settings = {"stride": stride, "padding": some(0, 3), "dilation": dilation, "groups": groups}
    if transposed:
        settings["output_padding"] = tuple([int(rng.integers(s)) for s in stride])
    channels, out = groups * int(rng.integers(1, 3)), groups * int(rng.integers(1, 3))
    kernel, bias = shapes(transposed, channels, out, groups, size)
    inputs = (int(rng.integers(1, 4)), channels, *some(7, 10))
    arrays = [rng.normal(size=s) for s in (inputs, kernel, bias)]
    compare(lambda *a: ours(*a, **settings), lambda *a: theirs(*a, **settings), arrays, rng)


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # with even sizes it is slow there
@pytest.mark.parametrize("size", [(2, 3), (3, 4), (5, 1)])
def test_same(size):
    """Which PyTorch has for a stride of 1; it also puts the odd zero at the end."""
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=s) for s in ((2, 3, 6, 7), (4, 3, *size), (4,))]
    for dilation in (1, 2):
        compare(
            lambda *a, d=dilation: nn.conv2d(*a, padding="same", dilation=d),
            lambda *a, d=dilation: F.conv2d(*a, padding="same", dilation=d),
            arrays,
            rng,
        )


@pytest.mark.parametrize("seed", range(20))
def test_pooling(seed):
    """Without ties, of which PyTorch gives the first all."""
    rng = np.random.default_rng(seed)
    axes = int(rng.integers(1, 3))
    size = tuple(rng.integers(1, 4, axes).tolist())
    stride = tuple(rng.integers(1, 4, axes).tolist())
    padding = tuple([int(rng.integers(k // 2 + 1)) for k in size])
    x = rng.normal(size=(2, 3, *rng.integers(5, 9, axes)))
    settings = {"stride": stride, "padding": padding}
    counted = bool(rng.integers(2))
    if axes == 1:
        pairs = [(nn.max_pool1d, F.max_pool1d), (nn.avg_pool1d, F.avg_pool1d)]
    else:
        pairs = [(nn.max_pool2d, F.max_pool2d), (nn.avg_pool2d, F.avg_pool2d)]
    compare(lambda x: pairs[0][0](x, size, **settings), lambda x: pairs[0][1](x, size, **settings),
            [x], rng)  # fmt: skip
    compare(
        lambda x: pairs[1][0](x, size, **settings, count_padding=counted),
        lambda x: pairs[1][1](x, size, **settings, count_include_pad=counted),
        [x],
        rng,
    )


def test_a_network_in_single_precision():
    """Two convolutions, pooling and a dense layer: every gradient."""
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(16, 1, 12, 12)).astype(np.float32), rng.integers(5, size=16)
    model = nn.Sequential(
        nn.Conv2D(1, 8, 3, padding="same", activation="relu"),
        nn.MaxPool2D(2),
        nn.Conv2D(8, 12, 3, stride=2, padding=1, activation="relu"),
        nn.Flatten(),
        nn.Dense(12 * 9, 5),
    )
    J = nn.softmax_cross_entropy(model(x), labels)
    J.backward()
    P = [torch.tensor(p.numpy(), requires_grad=True) for p in model.parameters()]
    A = F.max_pool2d(torch.relu(F.conv2d(torch.tensor(x), P[0], P[1], padding=1)), 2)
    A = torch.relu(F.conv2d(A, P[2], P[3], stride=2, padding=1))
    L = F.cross_entropy(A.flatten(1) @ P[4] + P[5], torch.tensor(labels))
    L.backward()
    assert J.item() == pytest.approx(L.item(), rel=1e-5)
    for p, q in zip(model.parameters(), P, strict=True):
        assert p.grad.dtype == np.float32
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=0, atol=1e-5)
