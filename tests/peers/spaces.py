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
from definitions_of_torch import DEFINED

import tinygraph as tg
from tinygraph import nn
from tinygraph.nn.batch_normalisation import batch_norm, batch_norm_eval
from tinygraph.nn.gru import gru_step
from tinygraph.nn.lstm import lstm_step
from tinygraph.nn.rnn import rnn_step

jax.config.update("jax_enable_x64", True)

# Of layers: the activations and losses that PyTorch and JAX have too.
ACTIVATIONS = {"elu", "selu", "silu", "leaky_relu", "gelu"}


def _bare(table: dict[str, Any]) -> dict[str, Any]:
    """By the last part of each name; where two have the same, that of np beats np.linalg's."""
    names = sorted(table, key=lambda n: (not n.startswith("np.linalg."), n.startswith("np.")))
    return {name.rpartition(".")[2]: table[name] for name in names}


def _members(*spaces: Any) -> dict[str, Any]:
    return {n: getattr(s, n) for s in spaces for n in dir(s) if not n.startswith("_")}


def _windows(x: Any, size: tuple[int, int], stride: int, dilation: int = 1) -> Any:
    """Of the last two axes: for each place in a window, what all windows have there."""
    spans = [(k - 1) * dilation + 1 for k in size]
    counts = [(n - k) // stride + 1 for n, k in zip(x.shape[-2:], spans, strict=True)]
    h, w = ((n - 1) * stride + 1 for n in counts)
    places = itertools.product(*(range(0, span, dilation) for span in spans))
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
    | {
        "eye": lambda n, like, diagonal=1: (
            np.eye(n, dtype=like.dtype) * np.array(diagonal, like.dtype)
        )
    }
    | {"batch_norm": lambda x, gamma, beta: batch_norm(x, gamma, beta, 1e-5, 1)[0]}
    | {
        "batch_norm_eval": lambda x, gamma, beta, mean, variance: batch_norm_eval(
            x, gamma, beta, mean, variance, 1e-5, 1
        ),
        "weighted_sigmoid_cross_entropy": lambda x, y, weights, positive: nn.sigmoid_cross_entropy(
            x, y, weights=weights, pos_weight=positive
        ),
    }
    | {"rnn_step": rnn_step, "lstm_step": lstm_step, "gru_step": gru_step}
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
        "eye": lambda n, like, diagonal=1: (
            torch.eye(n, dtype=like.dtype) * torch.as_tensor(diagonal, dtype=like.dtype)
        ),
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
    }
    | DEFINED
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


def _conv2d(
    x: Any, kernel: Any, bias: Any = 0, *, stride: int = 1, padding: int = 0, dilation: int = 1,
    groups: int = 1
) -> Any:  # fmt: skip
    """By sums over windows: XLA stops the process at second derivatives of its own convolution."""
    x = jnp.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    windows = _windows(x, kernel.shape[2:], stride, dilation)
    own = zip(jnp.split(windows, groups, 2), jnp.split(kernel, groups), strict=True)
    parts = [
        jnp.einsum("pnchw,ocp->nohw", w, k.reshape(*k.shape[:2], -1)) for w, k in own
    ]  # fmt: skip
    return jnp.concatenate(parts, 1) + jnp.reshape(bias, (-1, 1, 1))


def _conv1d(x: Any, kernel: Any, *, padding: int = 0) -> Any:
    x = jnp.pad(x, [(0, 0), (0, 0), (padding, padding)])
    return _conv2d(x[:, :, None], kernel[:, :, None])[:, :, 0]


def _conv_transpose2d(x: Any, kernel: Any, *, stride: int = 1) -> Any:
    h, w = ((n - 1) * stride + 1 for n in x.shape[2:])
    spread = jnp.zeros((*x.shape[:2], h, w), x.dtype).at[:, :, ::stride, ::stride].set(x)
    turned = kernel[..., ::-1, ::-1].swapaxes(0, 1)
    return _conv2d(spread, turned, padding=kernel.shape[-1] - 1)


def _conv_transpose1d(x: Any, kernel: Any, *, stride: int = 1) -> Any:
    """As a sum: what each place of the kernel adds."""
    n, k = x.shape[2], kernel.shape[2]
    parts = [
        jnp.pad(
            jnp.einsum("ncl,co->nol", x, kernel[:, :, i]),
            [(0, 0), (0, 0), (i, k - 1 - i)] if stride == 1 else [(0, 0)] * 3,
        )
        for i in range(k)
    ]
    if stride == 1:
        return sum(parts)
    y = jnp.zeros((*parts[0].shape[:2], (n - 1) * stride + k), x.dtype)
    for i, part in enumerate(parts):
        y = y.at[:, :, i : i + (n - 1) * stride + 1 : stride].add(part)
    return y


def _lstm_step(x: Any, h: Any, c: Any, weight: Any) -> Any:
    i, f, g, o = jnp.split(x + h @ weight, 4, 1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def _gru_step(x: Any, h: Any, weight: Any, bias: Any) -> Any:
    (x_r, x_u, x_n), (w_r, w_u, w_n) = (jnp.split(a, 3, 1) for a in (x, weight))
    r, u = jax.nn.sigmoid(x_r + h @ w_r), jax.nn.sigmoid(x_u + h @ w_u)
    return (1 - u) * jnp.tanh(x_n + r * (h @ w_n + bias)) + u * h


def _batch_norm(x: Any, gamma: Any, beta: Any) -> Any:
    wide = (-1, *(1,) * (x.ndim - 2))
    axes = tuple(i for i in range(x.ndim) if i != 1)
    return _normalised(x, axes) * gamma.reshape(wide) + beta.reshape(wide)


def _batch_norm_eval(x: Any, gamma: Any, beta: Any, mean: Any, variance: Any) -> Any:
    last = jnp.moveaxis(x, 1, -1)
    return jnp.moveaxis(gamma * (last - mean) / jnp.sqrt(variance + 1e-5) + beta, -1, 1)


def _pool1d(x: Any, size: int, stride: int, along: Any) -> Any:
    return along(_windows(x[:, :, None], (1, size), stride), 0)[:, :, 0]


def _gradient(a: Any, spacing: float, axis: int, edge_order: int) -> Any:
    """As JAX has it, and of second order at the ends: of differences at two distances."""
    inner = jnp.gradient(a, spacing, axis=axis)
    if edge_order == 1:
        return inner
    a = jnp.moveaxis(a, axis, 0)
    first = (-3 * a[0] + 4 * a[1] - a[2]) / (2 * spacing)
    last = (3 * a[-1] - 4 * a[-2] + a[-3]) / (2 * spacing)
    inner = jnp.moveaxis(inner, axis, 0)[1:-1]
    return jnp.moveaxis(jnp.concatenate([first[None], inner, last[None]]), 0, axis)


def _sliding(x: Any, window: int, axis: int) -> Any:
    n = x.shape[axis] - window + 1
    rows = [jax.lax.slice_in_dim(x, i, i + n, axis=axis) for i in range(window)]
    return jnp.stack(rows, -1)


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
        "eye": lambda n, like, diagonal=1: (
            jnp.eye(n, dtype=like.dtype) * jnp.asarray(diagonal, like.dtype)
        ),
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
        "gradient": _gradient,
        "compress": lambda kept, a, axis: jnp.compress(np.array(kept), a, axis),
        "percentile": lambda a, ranks, axis: jnp.percentile(a, np.array(ranks), axis),
        "conv_transpose1d": _conv_transpose1d,
        "max_pool1d": lambda x, size, stride: _pool1d(x, size, stride, jnp.max),
        "avg_pool1d": lambda x, size, stride: _pool1d(x, size, stride, jnp.mean),
        "global_avg_pool": lambda x: x.mean((2, 3)),
        "global_max_pool": lambda x: x.max((2, 3)),
        "batch_norm": _batch_norm,
        "rnn_step": lambda x, h, weight: jnp.tanh(x + h @ weight),
        "lstm_step": _lstm_step,
        "gru_step": _gru_step,
        "dense": lambda x, w, b, activation=None: (
            getattr(jax.nn, activation)(x @ w + b) if activation else x @ w + b
        ),
        "batch_norm_eval": _batch_norm_eval,
        "weighted_sigmoid_cross_entropy": lambda x, y, weights, positive: (
            (weights * (positive * y * jax.nn.softplus(-x) + (1 - y) * jax.nn.softplus(x))).sum()
            / weights.sum()
        ),
        "embedding": lambda indices, table: table[indices],
        "sliding_window_view": _sliding,
        "mean_absolute_error": lambda p, t: abs(p - t).mean(),
        "hinge": lambda s, y: jax.nn.relu(1 - y * s).mean(),
        "binary_cross_entropy": lambda p, y: -(y * jnp.log(p) + (1 - y) * jnp.log(1 - p)).mean(),
        "cross_entropy": lambda p, labels: -jnp.log(p)[np.arange(len(labels)), labels].mean(),
        "kl_divergence": lambda p, q: (p * (jnp.log(p) - jnp.log(q))).sum(-1).mean(),
        "scaled_dot_product_attention": _attention,
    }
)
SPACES: dict[str, Any] = {"tinygraph": TINYGRAPH, "torch": PYTORCH, "jax": JAX_NUMPY}
