"""JAX without its compiler: the simple ones of its primitives, computed by NumPy.

JAX has XLA compile every primitive for every shape, which takes all but a fiftieth of the time that
a new random program takes. What is asked of JAX there is how it differentiates: by which rules, and
in which order. These remain its own; only the arrays are added and multiplied by NumPy, as
tinygraph's are. A primitive that is not in the table goes to XLA.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

Compute = Callable[..., Any]


def _simple(function: Compute) -> Compute:
    """A function that needs none of JAX's parameters: they are of layout, sharding, accuracy."""
    return lambda *xs, **_: function(*xs)


def _broadcast(x: Any, *, shape: Any, broadcast_dimensions: Any, **_: Any) -> Any:
    wide = [1] * len(shape)
    for i, n in zip(broadcast_dimensions, x.shape, strict=True):
        wide[i] = n
    return np.broadcast_to(x.reshape(wide), shape)


def _pad(x: Any, value: Any, *, padding_config: Any) -> Any:
    """With a value before, behind and between elements; widths below 0 cut."""
    sizes = [
        max(0, low) + n + max(0, n - 1) * inner + max(0, high)
        for n, (low, high, inner) in zip(x.shape, padding_config, strict=True)
    ]
    y = np.full(sizes, value, x.dtype)
    places = (
        slice(max(0, low), max(0, low) + max(0, (n - 1) * (inner + 1) + 1), inner + 1)
        for n, (low, _, inner) in zip(x.shape, padding_config, strict=True)
    )
    y[tuple(places)] = x
    return y[tuple(slice(max(0, -low), n - max(0, -high))
                   for n, (low, high, _) in zip(sizes, padding_config, strict=True))]  # fmt: skip


def _product(a: Any, b: Any, *, dimension_numbers: Any, **_: Any) -> Any:
    (of_a, of_b), (batch_a, batch_b) = dimension_numbers
    fresh = itertools.count(a.ndim)
    axes_a, shared = [*range(a.ndim)], dict(zip([*of_b, *batch_b], [*of_a, *batch_a], strict=True))
    axes_b = [shared[i] if i in shared else next(fresh) for i in range(b.ndim)]
    free_a = [i for i in axes_a if i not in (*of_a, *batch_a)]
    free_b = [axes_b[i] for i in range(b.ndim) if i not in shared]
    return np.einsum(a, axes_a, b, axes_b, [*batch_a, *free_a, *free_b])


def _iota(*, dtype: Any, shape: Any, dimension: int, **_: Any) -> Any:
    along = [n if i == dimension else 1 for i, n in enumerate(shape)]
    return np.broadcast_to(np.arange(shape[dimension], dtype=dtype).reshape(along), shape)


def _slice(x: Any, *, start_indices: Any, limit_indices: Any, strides: Any) -> Any:
    steps = strides or (1,) * x.ndim
    return x[tuple(map(slice, start_indices, limit_indices, steps))]


def _reshape(x: Any, *, new_sizes: Any, dimensions: Any, **_: Any) -> Any:
    x = x if dimensions is None else x.transpose(dimensions)
    return x.reshape(new_sizes)


def _converted(x: Any, *, new_dtype: Any, **_: Any) -> Any:
    return x.astype(new_dtype)


def _selected(which: Any, *cases: Any) -> Any:
    return np.choose(which.astype(int), cases)


def _split(x: Any, *, sizes: Any, axis: int) -> Any:
    return np.split(x, np.cumsum(sizes)[:-1], axis)


def _unstack(x: Any, *, axis: int, **_: Any) -> Any:
    return [*np.moveaxis(x, axis, 0)]


def _of_triangle(
    a: Any, b: Any, *, left_side: bool, lower: bool, transpose_a: bool, conjugate_a: bool,
    unit_diagonal: bool
) -> Any:  # fmt: skip
    a = np.tril(a) if lower else np.triu(a)
    if unit_diagonal:
        one = np.eye(a.shape[-1], dtype=a.dtype)
        a = a * (1 - one) + one
    a = a.conj() if conjugate_a else a
    a = a.mT if transpose_a else a
    return np.linalg.solve(a, b) if left_side else np.linalg.solve(a.mT, b.mT).mT


def _quotient(a: Any, b: Any) -> Any:
    """Of integers, the whole part."""
    return a / b if a.dtype.kind in "fc" else (a - np.fmod(a, b)) // b


def _root(x: Any, **_: Any) -> Any:
    return 1 / np.sqrt(x)


def _logistic(x: Any, **_: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _reduced(function: Compute) -> Compute:
    return lambda x, *, axes, **_: function(x, axis=tuple(axes))


def _cumulative(ufunc: np.ufunc) -> Compute:
    def cumulate(x: Any, *, axis: int, reverse: bool) -> Any:
        x = np.flip(x, axis) if reverse else x
        y = ufunc.accumulate(x, axis)
        return np.flip(y, axis) if reverse else y

    return cumulate


SAME_NAME = "sin cos tan tanh sinh cosh exp exp2 expm1 log log1p sqrt cbrt square sign floor ceil"
OTHER_NAME = (
    "add sub:subtract mul:multiply max:maximum min:minimum pow:power rem:fmod neg:negative "
    "abs:absolute atan:arctan atan2:arctan2 asin:arcsin acos:arccos asinh:arcsinh acosh:arccosh "
    "atanh:arctanh real imag conj:conjugate eq:equal ne:not_equal lt:less le:less_equal "
    "gt:greater ge:greater_equal not:invert and:bitwise_and or:bitwise_or is_finite:isfinite copy"
)
BY_NUMPY: dict[str, Compute] = {
    **{
        name.split(":")[0]: _simple(getattr(np, name.split(":")[-1]))
        for name in (*SAME_NAME.split(), *OTHER_NAME.split())
    },
    "div": _quotient,
    "logistic": _logistic,
    "rsqrt": _root,
    "integer_pow": lambda x, *, y: x**y if y >= 0 else 1 / x**-y,
    "complex": lambda x, y: x + 1j * y,
    "select_n": _selected,
    "convert_element_type": _converted,
    "broadcast_in_dim": _broadcast,
    "reshape": _reshape,
    "squeeze": lambda x, *, dimensions: np.squeeze(x, tuple(dimensions)),
    "transpose": lambda x, *, permutation: np.transpose(x, permutation),
    "rev": lambda x, *, dimensions: np.flip(x, tuple(dimensions)),
    "concatenate": lambda *xs, dimension: np.concatenate(xs, dimension),
    "pad": _pad,
    "slice": _slice,
    "split": _split,
    "stack": lambda *xs, axis: np.stack(xs, axis),
    "unstack": _unstack,
    "tile": lambda x, *, reps: np.tile(x, reps),
    "iota": _iota,
    "triangular_solve": _of_triangle,
    "dot_general": _product,
    "reduce_sum": _reduced(np.sum),
    "reduce_prod": _reduced(np.prod),
    "reduce_max": _reduced(np.max),
    "reduce_min": _reduced(np.min),
    "reduce_and": _reduced(np.all),
    "reduce_or": _reduced(np.any),
    "cumsum": _cumulative(np.add),
    "cumprod": _cumulative(np.multiply),
    "cummax": _cumulative(np.maximum),
    "cummin": _cumulative(np.minimum),
}


def primitive(name: str) -> Any:
    """JAX's own of this name."""
    space = jax.lax if hasattr(jax.lax, f"{name}_p") else jax.lax.linalg
    return getattr(space, f"{name}_p")


def _implemented(compute: Compute) -> Compute:
    def implementation(*operands: Any, **parameters: Any) -> Any:
        y = compute(*map(np.asarray, operands), **parameters)
        return [*map(jax.device_put, y)] if isinstance(y, list) else jax.device_put(y)

    return implementation


@contextlib.contextmanager
def uncompiled() -> Iterator[None]:
    """Inside, JAX runs step by step, and the primitives of the table by NumPy."""
    own = {name: primitive(name) for name in BY_NUMPY}
    before = {name: each.impl for name, each in own.items()}
    for name, each in own.items():
        each.impl = _implemented(BY_NUMPY[name])
    try:
        with jax.disable_jit():
            yield
    finally:
        for name, each in own.items():
            each.impl = before[name]
