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


class ShapesDiffer(ValueError):
    """An output has another shape than the cotangent that it is contracted with."""


def _check(ys: Sequence[Any], cts: Sequence[Any]) -> None:
    """Refuse outputs of other shapes."""
    shapes = [[tuple(a.shape) for a in group] for group in (ys, cts)]
    if shapes[0] != shapes[1]:
        raise ShapesDiffer(f"outputs of shapes {shapes[0]}; they should be {shapes[1]}")


def smooth(y: Any) -> bool:
    """Whether an output may have a derivative."""
    return np.dtype(str(y.dtype).removeprefix("torch.")).kind in "fc"


def by_tinygraph(
    f: Function, xs: Sequence[Any], cts: Sequence[Any], rs: Sequence[Any]
) -> Derivatives:
    leaves, weights = ([tg.Variable(a) for a in group] for group in (xs, cts))
    ys = [y for y in f(*leaves) if smooth(y)]
    _check(ys, weights)
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
    _check(ys, weights)
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
    # Cloned, as a zero that PyTorch has not written out yet has no memory to be read.
    return _filled(plain, first, second, xs, cts, lambda g: g.clone().numpy(force=True))


def by_jax(
    f: Function,
    xs: Sequence[Any],
    cts: Sequence[Any],
    rs: Sequence[Any],
    *,
    compiled: bool = True,
) -> Derivatives:
    """The derivatives by JAX.

    compiled: all steps together; else one by one, so that functions may branch on values.
    """

    def outputs(*operands: Any) -> list[Any]:
        return [y for y in f(*operands) if smooth(y)]

    def gradient(operands: Any, cts: Any) -> tuple[Any, Any]:
        ys, back = jax.vjp(outputs, *operands)
        _check(ys, cts)
        turned = [jnp.conj(c).astype(y.dtype) for c, y in zip(cts, ys, strict=True)]
        return [jnp.conj(g) for g in back(turned)], ys

    def everything(operands: Any, cts: Any, rs: Any) -> Any:
        first, back, ys = jax.vjp(gradient, operands, cts, has_aux=True)
        by_operands, by_cts = back([jnp.conj(r) for r in rs])
        return ys, first, [jnp.conj(g) for g in [*by_operands, *by_cts]]

    function = jax.jit(everything) if compiled else everything
    results = function(*([jnp.asarray(a) for a in group] for group in (xs, cts, rs)))
    ys, first, second = ([np.asarray(a) for a in group] for group in results)
    return _filled(ys, first, second, xs, cts, np.asarray)


def pushed_by_tinygraph(f: Function, xs: Sequence[Any], ts: Sequence[Any]) -> list[Any]:
    """J·t, forward mode: of each output. The others have the same arguments and results."""
    _, pushed = tg.jvp(lambda *v: list(f(*v)), tuple(xs), tuple(ts))
    return [t.numpy() for t in pushed]


def pushed_by_torch(f: Function, xs: Sequence[Any], ts: Sequence[Any]) -> list[Any]:
    primals, tangents = (tuple(map(torch.tensor, group)) for group in (xs, ts))
    _, pushed = torch.func.jvp(lambda *v: tuple(f(*v)), primals, tangents)
    return [t.clone().numpy(force=True) for t in pushed]


def pushed_by_jax(f: Function, xs: Sequence[Any], ts: Sequence[Any]) -> list[Any]:
    primals, tangents = (tuple(map(jnp.asarray, group)) for group in (xs, ts))
    _, pushed = jax.jvp(lambda *v: list(f(*v)), primals, tangents)
    return [np.asarray(t) for t in pushed]


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
