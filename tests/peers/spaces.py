"""Spaces of functions for random programs: one set of names, NumPy's, for each of the engines."""

import itertools
import math
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from counterparts import JAX, TORCH

import tinygraph as tg
from tinygraph import nn

jax.config.update("jax_enable_x64", True)

# Of layers: the activations and losses that PyTorch and JAX have too.
ACTIVATIONS = {"elu", "selu", "silu", "leaky_relu", "gelu"}


def _bare(table: dict[str, Any]) -> dict[str, Any]:
    """By the last part of each name; where two have the same, that of np beats np.linalg's."""
    names = sorted(table, key=lambda n: (not n.startswith("np.linalg."), n.startswith("np.")))
    return {name.rpartition(".")[2]: table[name] for name in names}


def _members(*spaces: Any) -> dict[str, Any]:
    return {n: getattr(s, n) for s in spaces for n in dir(s) if not n.startswith("_")}


def _windows(x: Any, size: tuple[int, int], stride: int) -> Any:
    """Of the last two axes: for each place in a window, what all windows have there."""
    counts = [(n - k) // stride + 1 for n, k in zip(x.shape[-2:], size, strict=True)]
    h, w = ((n - 1) * stride + 1 for n in counts)
    places = itertools.product(*map(range, size))
    return jnp.stack([x[..., i : i + h : stride, j : j + w : stride] for i, j in places])


# tinygraph


def _written(a: Any, index: Any, value: Any) -> Any:
    """Assigned to, as one does it: a name of its own for a view of `a`, which must not change."""
    y = a[...]
    y[index] = value
    return y


TINYGRAPH = SimpleNamespace(
    **_members(tg)
    | {n: getattr(tg.linalg, n) for n in tg.linalg.__all__ if not hasattr(tg, n)}
    | {n: getattr(tg.fft, n) for n in tg.fft.__all__}
    | {n: getattr(nn, n) for n in nn.__all__ if n.islower()}
    | {"setitem": _written, "getitem": lambda a, index: a[index], "split_at": tg.split}
    | {"eye": lambda n, like: np.eye(n, dtype=like.dtype)}
)


# PyTorch


def _forwards(a: Any, index: Any) -> tuple[list[int], Any]:
    """The axes to turn round, so that an index needs no steps below zero; and that index.

    Beside an array, NumPy takes a number for an array of one; PyTorch does not.
    """
    parts, axis, turned = [*(index if isinstance(index, tuple) else (index,))], 0, []
    spent = sum(p is not None and p is not Ellipsis for p in parts)
    for i, part in enumerate(parts):
        if isinstance(part, slice) and (part.step or 1) < 0:
            n = a.shape[axis]
            chosen = range(n)[part]
            turned.append(axis)
            parts[i] = slice(n - 1 - chosen[0], n - chosen[-1], -chosen.step)
        axis += a.ndim - spent if part is Ellipsis else part is not None
    if any(isinstance(part, np.ndarray) for part in parts):
        parts = [np.array([p]) if isinstance(p, int) else p for p in parts]
    return turned, tuple(parts)


def _getitem(a: Any, index: Any) -> Any:
    turned, index = _forwards(a, index)
    return TORCH["getitem"](torch.flip(a, turned) if turned else a, index)


def _setitem(a: Any, index: Any, value: Any) -> Any:
    turned, index = _forwards(a, index)
    y = TORCH["setitem"](torch.flip(a, turned) if turned else a, index, value)
    return torch.flip(y, turned) if turned else y


def _solve(a: Any, b: Any) -> Any:
    """NumPy takes b for one vector, or for matrices."""
    return torch.linalg.solve(a, b if b.ndim == 1 else b.expand(*a.shape[:-2], *b.shape[-2:]))


def _cumlogsumexp(a: Any, axis: int) -> Any:
    parts = [torch.logsumexp(a.narrow(axis, 0, n + 1), axis) for n in range(a.shape[axis])]
    return torch.stack(parts, axis)


def _weighted_mean(a: Any, axis: Any, weights: Any) -> Any:
    return (a * weights).sum(axis) / torch.broadcast_to(weights, a.shape).sum(axis)


F = torch.nn.functional
PYTORCH = SimpleNamespace(
    **_bare(TORCH)
    | {name: getattr(F, name) for name in ACTIVATIONS - {"gelu"}}
    | {
        "getitem": _getitem,
        "setitem": _setitem,
        "solve": _solve,
        # These three lose digits in second gradients or forward mode, PyTorch's own.
        "copysign": lambda a, b: abs(a) * torch.sign(b),
        "sinc": lambda x: torch.sin(math.pi * x) / (math.pi * x),
        "cumlogsumexp": _cumlogsumexp,
        "where": lambda c, x, y: torch.where(torch.as_tensor(c), x, y),
        "kron": lambda a, b: torch.kron(a.contiguous(), b.contiguous()),
        "vander": lambda x, n: torch.stack([x ** (n - 1 - i) for i in range(n)], -1),
        "average": _weighted_mean,
        "isfinite": torch.isfinite,
        "concat": TORCH["concatenate"],
        "take": lambda a, i, axis: torch.index_select(a, axis, torch.as_tensor(i)),
        "eye": lambda n, like: torch.eye(n, dtype=like.dtype),
        "abs": torch.abs,
        "diag": torch.diag,
        "slogdet": torch.linalg.slogdet,
        "conv1d": F.conv1d,
        "conv2d": F.conv2d,
        "conv_transpose2d": F.conv_transpose2d,
        "max_pool2d": F.max_pool2d,
        "avg_pool2d": F.avg_pool2d,
        "layer_norm": lambda x, gamma, beta: F.layer_norm(x, gamma.shape, gamma, beta),
        "group_norm": lambda x, gamma, beta, groups: F.group_norm(x, groups, gamma, beta),
        "softmax_cross_entropy": lambda x, labels, **k: F.cross_entropy(
            x, torch.as_tensor(labels), **k
        ),
        "sigmoid_cross_entropy": lambda x, labels: F.binary_cross_entropy_with_logits(
            x, torch.as_tensor(labels, dtype=x.dtype)
        ),
        "mean_squared_error": F.mse_loss,
        "huber": F.huber_loss,
        "kl_divergence": lambda p, q: (
            torch.xlogy(p, p).sum(-1) - (p * torch.log(q)).sum(-1)
        ).mean(),
        "scaled_dot_product_attention": F.scaled_dot_product_attention,
        "interp": None,
    }
)


# JAX


def _normalised(x: Any, axes: Any) -> Any:
    centred = x - x.mean(axes, keepdims=True)
    return centred / jnp.sqrt((centred**2).mean(axes, keepdims=True) + 1e-5)


def _layer_norm(x: Any, gamma: Any, beta: Any) -> Any:
    axes = tuple(range(x.ndim - gamma.ndim, x.ndim))
    return _normalised(x, axes) * gamma + beta


def _group_norm(x: Any, gamma: Any, beta: Any, groups: int) -> Any:
    grouped = x.reshape(x.shape[0], groups, -1)
    wide = (-1, *(1,) * (x.ndim - 2))
    return _normalised(grouped, (2,)).reshape(x.shape) * gamma.reshape(wide) + beta.reshape(wide)


def _conv2d(x: Any, kernel: Any, *, stride: int = 1, padding: int = 0) -> Any:
    """By sums over windows: XLA stops the process at second derivatives of its own convolution."""
    x = jnp.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    windows = _windows(x, kernel.shape[2:], stride)
    return jnp.einsum("pnchw,ocp->nohw", windows, kernel.reshape(*kernel.shape[:2], -1))


def _conv1d(x: Any, kernel: Any, *, padding: int = 0) -> Any:
    x = jnp.pad(x, [(0, 0), (0, 0), (padding, padding)])
    return _conv2d(x[:, :, None], kernel[:, :, None])[:, :, 0]


def _conv_transpose2d(x: Any, kernel: Any, *, stride: int = 1) -> Any:
    h, w = ((n - 1) * stride + 1 for n in x.shape[2:])
    spread = jnp.zeros((*x.shape[:2], h, w), x.dtype).at[:, :, ::stride, ::stride].set(x)
    turned = kernel[..., ::-1, ::-1].swapaxes(0, 1)
    return _conv2d(spread, turned, padding=kernel.shape[-1] - 1)


def _cross_entropy(x: Any, labels: Any, reduction: str = "mean", label_smoothing: float = 0) -> Any:
    k = x.shape[-1]
    goal = jax.nn.one_hot(labels, k, dtype=x.dtype) * (1 - label_smoothing) + label_smoothing / k
    losses = -(goal * jax.nn.log_softmax(x)).sum(-1)
    return losses.sum() if reduction == "sum" else losses.mean()


def _huber(p: Any, t: Any) -> Any:
    d = abs(p - t)
    return jnp.where(d <= 1, 0.5 * d**2, d - 0.5).mean()


def _attention(q: Any, k: Any, v: Any) -> Any:
    return jax.nn.softmax(q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]).item()) @ v


JAX_NUMPY = SimpleNamespace(
    **_members(jnp)
    | {n: f for n, f in _members(jnp.linalg).items() if not hasattr(jnp, n)}
    | _members(jnp.fft)
    | _bare(JAX)
    | {name: getattr(jax.nn, name) for name in ACTIVATIONS - {"gelu"}}
    | {
        "sinc": lambda x: jnp.sin(math.pi * x) / (math.pi * x),  # as PyTorch's
        "average": lambda a, axis, weights: jnp.average(a, axis, weights),
        "eye": lambda n, like: jnp.eye(n, dtype=like.dtype),
        "conv1d": _conv1d,
        "conv2d": _conv2d,
        "conv_transpose2d": _conv_transpose2d,
        "max_pool2d": lambda x, size, stride: _windows(x, (size, size), stride).max(0),
        "avg_pool2d": lambda x, size, stride: _windows(x, (size, size), stride).mean(0),
        "layer_norm": _layer_norm,
        "group_norm": _group_norm,
        "softmax_cross_entropy": _cross_entropy,
        "sigmoid_cross_entropy": lambda x, y: (jax.nn.softplus(x) - x * y).mean(),
        "mean_squared_error": lambda p, t: ((p - t) ** 2).mean(),
        "huber": _huber,
        "kl_divergence": lambda p, q: (p * (jnp.log(p) - jnp.log(q))).sum(-1).mean(),
        "scaled_dot_product_attention": _attention,
    }
)
SPACES: dict[str, Any] = {"tinygraph": TINYGRAPH, "torch": PYTORCH, "jax": JAX_NUMPY}
