"""NumPy's functions, and some of nn's, by their definitions in PyTorch, which lacks them."""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

F = torch.nn.functional
ACTIVATIONS = {
    name: getattr(F, name) for name in ("relu", "leaky_relu", "sigmoid", "tanh")
}  # fmt: skip


# Polynomials and sampled functions


def convolve(a: Any, b: Any, mode: str = "full") -> Any:
    if len(a) < len(b):
        a, b = b, a
    n, k = len(a), len(b)
    rows = [F.pad(a * b[i], (i, k - 1 - i)) for i in range(k)]
    y = torch.stack(rows).sum(0)
    start = {"full": 0, "same": (k - 1) // 2, "valid": k - 1}[mode]
    return y[start : start + {"full": n + k - 1, "same": n, "valid": n - k + 1}[mode]]


def correlate(a: Any, b: Any, mode: str = "valid") -> Any:
    """Where the second is the longer, the result of the two exchanged, conjugate and turned."""
    if len(a) < len(b):
        return correlate(b, a, mode).conj().flip(0)
    return convolve(a, b.conj().flip(0), mode)


def polyval(p: Any, x: Any) -> Any:
    return functools.reduce(lambda y, c: y * x + c, p, torch.zeros_like(x))


def polyadd(a: Any, b: Any) -> Any:
    n = max(len(a), len(b))
    return F.pad(a, (n - len(a), 0)) + F.pad(b, (n - len(b), 0))


def polyder(p: Any) -> Any:
    return p[:-1] * torch.arange(len(p) - 1, 0, -1)


def polyint(p: Any) -> Any:
    return F.pad(p / torch.arange(len(p), 0, -1), (0, 1))


def interp(x: Any, xp: Any, fp: Any) -> Any:
    i = torch.clip(torch.searchsorted(xp.detach(), x.detach().contiguous()), 1, len(xp) - 1)
    slope = (fp[i] - fp[i - 1]) / (xp[i] - xp[i - 1])
    y = fp[i - 1] + slope * (x - xp[i - 1])
    return torch.where(x < xp[0], fp[0], torch.where(x > xp[-1], fp[-1], y))


def unwrap(p: Any, axis: int = -1) -> Any:
    steps = torch.diff(p.detach(), dim=axis)
    turns = torch.cumsum(torch.round(steps / (2 * math.pi)), axis)
    none = torch.zeros_like(p.detach().narrow(axis, 0, 1))
    return p - 2 * math.pi * torch.cat([none, turns], axis)


def linspace(a: Any, b: Any, n: int, axis: int = 0) -> Any:
    return torch.stack([a + (b - a) * (i / (n - 1)) for i in range(n)], axis)


def geomspace(a: Any, b: Any, n: int) -> Any:
    return torch.exp(linspace(torch.log(a), torch.log(b), n))


def bincount(x: Any, weights: Any, minlength: int) -> Any:
    chosen = torch.as_tensor(np.asarray(x) == np.arange(minlength)[:, None])
    return torch.where(chosen, weights, 0).sum(1)


# Arrays


def append(a: Any, b: Any, axis: Any = None) -> Any:
    return torch.cat([a.ravel(), b.ravel()]) if axis is None else torch.cat([a, b], axis)


def insert(a: Any, place: int, value: Any, axis: int) -> Any:
    shape = [*a.shape]
    shape[axis] = 1
    before, after = torch.tensor_split(a, (place,), axis)
    return torch.cat([before, value.expand(shape), after], axis)


def delete(a: Any, place: int, axis: int) -> Any:
    return torch.cat([a.narrow(axis, 0, place), torch.tensor_split(a, (place + 1,), axis)[1]], axis)


def block(rows: Any) -> Any:
    return torch.cat([torch.cat(row, -1) for row in rows], -2)


def select(conditions: Any, choices: Any, default: Any) -> Any:
    y = torch.full_like(choices[0], default)
    for c, x in zip(reversed(conditions), reversed(choices), strict=True):
        y = torch.where(torch.as_tensor(c), x, y)
    return y


def compress(condition: Any, a: Any, axis: int) -> Any:
    return torch.index_select(a, axis, torch.as_tensor(np.flatnonzero(condition)))


def resize(a: Any, shape: Any) -> Any:
    n = math.prod(shape)
    return a.ravel().repeat(-(-n // a.numel()))[:n].reshape(shape)


def pad(a: Any, widths: Any, mode: str = "constant", constant_values: Any = 0) -> Any:
    """By numbering the elements: where each one comes from."""
    if mode == "constant":
        return F.pad(a, np.ravel(widths[::-1]).tolist(), value=constant_values)
    for axis, width in enumerate(widths):
        places = np.pad(np.arange(a.shape[axis]), width, mode)
        a = torch.index_select(a, axis, torch.as_tensor(places))
    return a


def nan_as(number: float, f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, axis: f(torch.where(torch.isnan(a), number, a), axis)


def nanvar(a: Any, axis: int) -> Any:
    there = ~torch.isnan(a)
    n = there.sum(axis, keepdim=True)
    x = torch.where(there, a, 0)
    centred = torch.where(there, x - x.sum(axis, keepdim=True) / n, 0)
    return (centred**2).sum(axis) / n.squeeze(axis)


def percentile(a: Any, ranks: Any, axis: int) -> Any:
    return torch.quantile(a, torch.tensor(ranks, dtype=a.dtype) / 100, axis)


# Layers and losses


def batch_norm(x: Any, gamma: Any, beta: Any) -> Any:
    """PyTorch's gradient reads a gamma that is a view with steps as if it had none."""
    return F.batch_norm(x, None, None, gamma.contiguous(), beta, training=True)


def along_second(x: Any, f: Callable[[Any], Any]) -> Any:
    """f of features that lie along the second axis, as if they lay along the last."""
    return torch.movedim(f(torch.movedim(x, 1, -1)), -1, 1)


def weighted_sigmoid_cross_entropy(x: Any, y: Any, weights: Any, positive: float) -> Any:
    """The mean divides by the sum of the weights, PyTorch's by their number."""
    y, weights = (torch.as_tensor(a, dtype=x.dtype) for a in (y, weights))
    total = F.binary_cross_entropy_with_logits(
        x, y, weights, pos_weight=torch.tensor(positive, dtype=x.dtype), reduction="sum"
    )
    return total / weights.sum()


def rnn_step(x: Any, h: Any, weight: Any) -> Any:
    return torch.tanh(x + h @ weight)


def lstm_step(x: Any, h: Any, c: Any, weight: Any) -> Any:
    i, f, g, o = torch.chunk(x + h @ weight, 4, 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def gru_step(x: Any, h: Any, weight: Any, bias: Any) -> Any:
    (x_r, x_u, x_n), (w_r, w_u, w_n) = (torch.chunk(a, 3, 1) for a in (x, weight))
    r, u = torch.sigmoid(x_r + h @ w_r), torch.sigmoid(x_u + h @ w_u)
    n = torch.tanh(x_n + r * (h @ w_n + bias))
    return (1 - u) * n + u * h


DEFINED: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (convolve, correlate, polyval, polyadd, polyder, polyint, interp, unwrap, linspace)
    + (geomspace, bincount, append, insert, delete, block, select, compress, resize, pad, nanvar)
    + (percentile, batch_norm, rnn_step, lstm_step, gru_step)
}
DEFINED |= {
    "polymul": convolve,
    "logspace": lambda a, b, n: 10.0 ** linspace(a, b, n),
    "ediff1d": lambda a: torch.diff(a.ravel()),
    "i0": torch.i0,
    "round": lambda a, decimals: torch.round(a, decimals=decimals),
    "cbrt": lambda x: torch.sign(x) * torch.abs(x) ** (1 / 3),
    "ldexp": lambda x, n: x * 2.0**n,
    "floor_divide": lambda a, b: torch.floor(a / b),
    "heaviside": lambda x, at_0: torch.where(x == 0, at_0, 1.0 * (x > 0)).to(x.dtype),
    "cumulative_sum": lambda a, axis, include_initial: torch.cat(
        [torch.zeros_like(a.narrow(axis, 0, 1)), torch.cumsum(a, axis)], axis
    ),
    "modf": lambda x: (x - torch.trunc(x), torch.trunc(x)),
    "nan_to_num": lambda x, nan: torch.nan_to_num(x, nan),
    "median": lambda a, axis: torch.quantile(a, 0.5, axis),
    "partition": lambda a, kth, axis: torch.sort(a, axis)[0],
    "nanprod": nan_as(1, torch.prod),
    "nancumsum": nan_as(0, torch.cumsum),
    "nancumprod": nan_as(1, torch.cumprod),
    "hsplit": lambda a, cuts: torch.tensor_split(a, cuts, min(1, a.ndim - 1)),
    "vsplit": lambda a, cuts: torch.tensor_split(a, cuts, 0),
    "dsplit": lambda a, cuts: torch.tensor_split(a, cuts, 2),
    "vecmat": lambda v, a: (v.conj()[..., None, :] @ a)[..., 0, :],
    "multi_dot": torch.linalg.multi_dot,
    "lstsq": lambda a, b: (
        torch.linalg.lstsq(a, b if b.ndim == 2 else b[:, None]).solution.reshape(
            a.shape[1], *b.shape[1:]
        ),
    ),
    "max_pool1d": F.max_pool1d,
    "avg_pool1d": F.avg_pool1d,
    "conv_transpose1d": F.conv_transpose1d,
    "global_avg_pool": lambda x: x.mean((2, 3)),
    "global_max_pool": lambda x: x.amax((2, 3)),
    "dense": lambda x, w, b, activation=None: (
        ACTIVATIONS[activation](x @ w + b) if activation else x @ w + b
    ),
    "batch_norm_eval": lambda x, gamma, beta, mean, variance: along_second(
        x, lambda x: gamma * (x - torch.tensor(mean)) / torch.tensor(variance + 1e-5) ** 0.5 + beta
    ),
    "weighted_sigmoid_cross_entropy": weighted_sigmoid_cross_entropy,
    "divmod": lambda a, b: (torch.floor(a / b), torch.remainder(a, b)),
    "nanmax": lambda a, axis: torch.amax(torch.where(torch.isnan(a), -math.inf, a), axis),
    "nanmin": lambda a, axis: torch.amin(torch.where(torch.isnan(a), math.inf, a), axis),
    "embedding": lambda indices, table: F.embedding(torch.as_tensor(indices), table),
    "mean_absolute_error": F.l1_loss,
    "hinge": lambda s, y: torch.relu(1 - torch.as_tensor(y, dtype=s.dtype) * s).mean(),
    # PyTorch's own adds 1e-12 to denominators of its derivatives.
    "binary_cross_entropy": lambda p, y: (
        -torch.log(torch.where(torch.as_tensor(y) > 0, p, 1 - p)).mean()
    ),
    "cross_entropy": lambda p, labels: F.nll_loss(torch.log(p), torch.as_tensor(labels)),
}
