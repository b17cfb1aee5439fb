"""A function and its derivatives, of order 1 and 2, by tinygraph, PyTorch and JAX.

Each takes NumPy arrays: operands, the cotangents of the outputs, and what the first gradients are
contracted with. The gradient is ∂L/∂Re + i ∂L/∂Im of L = Re Σ c̄·y, which is how tinygraph and
PyTorch have it; JAX has its conjugate, for conjugate cotangents, so that both are turned here.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import torch

import tinygraph as tg

Function = Callable[..., Sequence[Any]]  # from operands to a list of outputs


class Derivatives(NamedTuple):
    """Values, gradients of order 1, and of order 2: for the operands, then for the cotangents."""

    values: list[Any]
    first: list[Any]
    second: list[Any]


def smooth(y: Any) -> bool:
    """Whether an output may have a derivative."""
    return np.dtype(str(y.dtype).removeprefix("torch.")).kind in "fc"


def by_tinygraph(
    f: Function, xs: Sequence[Any], cts: Sequence[Any], rs: Sequence[Any]
) -> Derivatives:
    leaves, weights = ([tg.Variable(a) for a in group] for group in (xs, cts))
    ys = [y for y in f(*leaves) if smooth(y)]
    pairs = [(y, c) for y, c in zip(ys, weights, strict=True) if y.requires_grad]
    first = tg.gradients([y for y, _ in pairs], leaves, [c for _, c in pairs], create_graph=True)
    again = [(g, r) for g, r in zip(first, rs, strict=True) if g is not None and g.requires_grad]
    second = [None] * (len(xs) + len(cts))
    if again:
        second = tg.gradients([g for g, _ in again], leaves + weights, [r for _, r in again])
    return _filled([y.numpy() for y in ys], first, second, xs, cts, lambda g: g.numpy())


def by_torch(f: Function, xs: Sequence[Any], cts: Sequence[Any], rs: Sequence[Any]) -> Derivatives:
    leaves, weights = ([torch.tensor(a, requires_grad=True) for a in group] for group in (xs, cts))
    ys = [y for y in f(*leaves) if smooth(y)]
    pairs = [(y, c) for y, c in zip(ys, weights, strict=True) if y.requires_grad]
    first = torch.autograd.grad(
        [y for y, _ in pairs], leaves, [c for _, c in pairs], create_graph=True, allow_unused=True
    )
    again = [(g, r) for g, r in zip(first, rs, strict=True) if g is not None and g.requires_grad]
    second = [None] * (len(xs) + len(cts))
    if again:
        second = torch.autograd.grad(
            [g for g, _ in again],
            leaves + weights,
            [torch.tensor(r) for _, r in again],
            allow_unused=True,
        )
    plain = [y.numpy(force=True) for y in ys]
    return _filled(plain, first, second, xs, cts, lambda g: g.numpy(force=True))


def by_jax(f: Function, xs: Sequence[Any], cts: Sequence[Any], rs: Sequence[Any]) -> Derivatives:
    def outputs(*operands: Any) -> list[Any]:
        return [y for y in f(*operands) if smooth(y)]

    def gradient(operands: Any, cts: Any) -> tuple[Any, Any]:
        ys, back = jax.vjp(outputs, *operands)
        turned = [jnp.conj(c).astype(y.dtype) for c, y in zip(cts, ys, strict=True)]
        return [jnp.conj(g) for g in back(turned)], ys

    @jax.jit  # compiled once, where JAX else compiles every step of it
    def everything(operands: Any, cts: Any, rs: Any) -> Any:
        first, back, ys = jax.vjp(gradient, operands, cts, has_aux=True)
        by_operands, by_cts = back([jnp.conj(r) for r in rs])
        return ys, first, [jnp.conj(g) for g in [*by_operands, *by_cts]]

    results = everything(*([jnp.asarray(a) for a in group] for group in (xs, cts, rs)))
    ys, first, second = ([np.asarray(a) for a in group] for group in results)
    return _filled(ys, first, second, xs, cts, np.asarray)


def _filled(ys: Any, first: Any, second: Any, xs: Any, cts: Any, plain: Any) -> Derivatives:
    """With zeros for what does not matter."""
    return Derivatives(
        ys,
        [np.zeros_like(x) if g is None else plain(g) for g, x in zip(first, xs, strict=True)],
        [
            np.zeros_like(x) if g is None else plain(g)
            for g, x in zip(second, [*xs, *cts], strict=True)
        ],
    )
