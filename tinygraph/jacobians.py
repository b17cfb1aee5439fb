"""Matrices of derivatives, whole, their diagonals and their products: from functions to functions.

Where complex numbers come in, the derivative is that of a real-linear map: what a cotangent, or a
tangent, of 1 gives does not tell what i gives. `_rows` and `_columns` ask for both.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .application import Application, arguments, check_callable, zeros
from .backward import gradients
from .containers import filled
from .errors import NotDifferentiable, ShapeError
from .linear import Linear
from .ops.elementwise import conjugate
from .ops.joining import stack
from .ops.shape import reshape
from .tensor import Tensor, untracked
from .transforms import gradient_of

# What it takes to begin to go forward, and what a pass forward takes, in passes backward. Measured
# on dense layers, chains of elementwise operations, softmax and indexing: 1 to 2.1, and 0.6 to 1.7.
BEGINNING, FORWARD = 2, 1.25


def jacobian(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """The function that computes J, J[i, j] = ∂f_i / ∂x_j, at its arguments.

    f may return a tensor of any shape, or containers of them; argnums, containers in arguments and
    has_aux are as for `grad`. For each tensor of the result there is what `grad` would return, with
    arrays of its shape + the argument's: f: (3, 2) → (4,) has a Jacobian of shape (4, 3, 2).
    It goes backward once for each element of the result, or forward once for each element of the
    arguments, whichever is less work: `tg.vjp` and `tg.jvp` do without the matrix.

    dtype: the argument's; complex where the result is. A complex f of complex x needs to be
    holomorphic; then J is f′. A real f of complex x has ∂f/∂Re x + i·∂f/∂Im x, as `grad`.

    >>> tg.jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])

    Raises as `grad` does, but for the shape of the result; NotDifferentiable for a complex function
    that is not holomorphic where it is taken.
    """
    check_callable("jacobian", function)

    @functools.wraps(function)
    def matrix(*args: Any, **keywords: Any) -> Any:
        applied = Application("jacobian", function, args, keywords, argnums, has_aux)
        found = _jacobian(applied)
        return (found, applied.aux_outside()) if has_aux else found

    return matrix


def hessian(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """The function that computes H, H[i, j] = ∂²f / ∂x_i ∂x_j, of a real scalar f.

    It is the Jacobian of the gradient: for each array of the gradient there is what the gradient
    has, with arrays of its shape + the argument's. For argnums=(0, 1): ((H₀₀, H₀₁), (H₁₀, H₁₁)).
    For n elements it goes backward through the gradient n times; `tg.hvp` does without the matrix.

    >>> tg.hessian(lambda x: (x**3).sum())(np.array([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])

    Raises as `grad` and `jacobian` do.
    """
    slope = gradient_of("hessian", function, argnums, has_aux)

    @functools.wraps(function)
    def matrix(*args: Any, **keywords: Any) -> Any:
        applied = Application("hessian", slope, args, keywords, argnums, has_aux)
        found = _jacobian(applied)
        return (found, applied.aux_outside()) if has_aux else found

    return matrix


def hvp(
    function: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    *,
    argnums: int | Sequence[int] = 0,
) -> Any:
    """H·t, the Hessian-vector product of a real scalar f: how ∇f changes as x moves along t.

    primals: a tuple of the function's arguments.  tangents: a tuple of one for each of `argnums`,
        of its shape, or its containers.
    Returns what `tg.grad(function, argnums)` does: for an int the product, for several a tuple.
    H is symmetric, so it is computed as the gradient of ∇f·t, in two backward passes: less than
    `tg.jvp(tg.grad(f), …)`, which it equals, and which takes four (Pearlmutter 1994).

    >>> tg.hvp(lambda x: (x**3).sum(), (np.array([1.0, 2.0]),), (np.array([1.0, 0.0]),))
    tensor([6., 0.])

    Raises as `grad` and `jvp` do.
    """
    check_callable("hvp", function)
    applied = Application("hvp", function, arguments("hvp", primals), {}, argnums)
    applied.check_scalar()
    given = applied.tangents(tangents)
    create = applied.tracked or (applied.outer and any(t.node is not None for t in given))
    slopes = applied.pull(create_graph=True)
    found = gradients(slopes, applied.entries, given, create_graph=create)
    products = [zeros(x) if g is None else g for g, x in zip(found, applied.entries, strict=True)]
    return applied.arranged(products)


def elementwise_grad(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0
) -> Callable[..., Any]:
    """The function that computes f′ at each element of x, of an f that works element by element.

    f: returns a tensor of its argument's shape, each element of which depends on the one element in
        the same place. It is not checked that it depends on no other: what is computed, in one
        backward pass, is the sum of each column of the Jacobian.
    argnums and containers in arguments are as for `grad`, complex numbers as for `jacobian`.

    >>> tg.elementwise_grad(np.tanh)(np.array([0.0, 1.0]))
    tensor([1.        , 0.41997434])

    Raises ShapeError where f does not return the shape of its argument, and as `grad` does.
    """
    check_callable("elementwise_grad", function)

    @functools.wraps(function)
    def slopes(*args: Any, **keywords: Any) -> Any:
        applied = Application("elementwise_grad", function, args, keywords, argnums)
        applied.check_tensor()
        value = applied.value
        for x in applied.entries:
            if x.shape != value.shape:
                raise ShapeError(
                    f"elementwise_grad: {applied.name} returned shape {value.shape} for an "
                    f"argument of shape {x.shape}; it needs the same shape, so use tg.grad for a "
                    "sum over elements, or tg.jacobian"
                )
        return applied.arranged(_rows(applied, 0, np.ones(value.shape, value.dtype)))

    return slopes


def _jacobian(applied: Application) -> Any:
    """The Jacobian's blocks, in the containers of the value, each in those of the arguments."""
    outputs, entries = applied.outputs, applied.entries
    if _degrees(outputs) <= BEGINNING + FORWARD * _degrees(entries):
        blocks = _backward(applied)
    else:
        blocks = _forward(applied)
    return filled(applied.value, [applied.arranged(row) for row in blocks])


def _degrees(tensors: Sequence[Tensor]) -> int:
    """How many real numbers they hold."""
    return sum(t.size * (2 if t.dtype.kind == "c" else 1) for t in tensors)


def _backward(applied: Application) -> list[list[Tensor]]:
    """Row by row."""
    blocks = []
    for k, output in enumerate(applied.outputs):
        columns: list[list[Tensor]] = [[] for _ in applied.entries]
        for unit in _units(output):
            for rows, row in zip(columns, _rows(applied, k, unit), strict=True):
                rows.append(row)
        blocks.append(
            [
                _joined(rows, output.shape + x.shape, _dtype(output, x), 0)
                for rows, x in zip(columns, applied.entries, strict=True)
            ]
        )
    return blocks


def _rows(applied: Application, k: int, ct: Any) -> list[Tensor]:
    """ctᵀ·J for each entry, where J is that of the k-th output, and ct real."""

    def pull(ct: Any) -> list[Tensor]:
        cts: list[Any] = [None] * len(applied.outputs)
        cts[k] = ct
        return applied.pull(cts, retain_graph=True)

    found = pull(ct)
    if applied.outputs[k].dtype.kind != "c":
        return found
    turned = pull(1j * ct)
    rows = []
    for g, h, x in zip(found, turned, applied.entries, strict=True):
        if x.dtype.kind == "c":
            _check_holomorphic(applied, g, h)
            rows.append(conjugate(g))
        else:
            rows.append(g + 1j * h)
    return rows


def _forward(applied: Application) -> list[list[Tensor]]:
    """Column by column."""
    linear = Linear(applied)
    blocks: list[list[Tensor]] = [[] for _ in applied.outputs]
    for k, entry in enumerate(applied.entries):
        rows: list[list[Tensor]] = [[] for _ in applied.outputs]
        for unit in _units(entry):
            for columns, column in zip(rows, _columns(applied, linear, k, unit), strict=True):
                columns.append(column)
        for block, columns, y in zip(blocks, rows, applied.outputs, strict=True):
            block.append(_joined(columns, y.shape + entry.shape, _dtype(y, entry), -1))
    return blocks


def _columns(applied: Application, linear: Linear, k: int, unit: Any) -> list[Tensor]:
    """J·t for each output, where t is zero but for the real `unit` in the k-th entry."""

    def push(t: Any) -> list[Tensor]:
        tangents: list[Any] = [None] * len(applied.entries)
        tangents[k] = untracked(t)
        return linear.push(tangents, create_graph=applied.tracked)

    found = push(unit)
    if applied.entries[k].dtype.kind != "c":
        return found
    columns = []
    for y, z in zip(found, push(1j * unit), strict=True):
        if y.dtype.kind == "c":
            _check_holomorphic(applied, y, z)
            columns.append(y)
        else:
            columns.append(y + 1j * z)
    return columns


def _units(t: Tensor) -> Any:
    """For each element an array of the shape and dtype, zero but for a one there."""
    for i in range(t.size):
        unit = np.zeros(t.size, t.dtype)
        unit[i] = 1
        yield unit.reshape(t.shape)[()]


def _dtype(output: Tensor, entry: Tensor) -> Any:
    if output.dtype.kind == "c" and entry.dtype.kind != "c":
        return np.result_type(entry.dtype, np.complex64)
    return entry.dtype


def _joined(parts: list[Tensor], shape: tuple[int, ...], dtype: Any, axis: int) -> Tensor:
    """The rows, or with axis -1 the columns, of a block."""
    if not parts:
        return untracked(np.zeros(shape, dtype))
    block = reshape(stack(parts, axis), shape)
    return block if block.dtype == dtype else block.astype(dtype)


def _check_holomorphic(applied: Application, one: Tensor, turned: Tensor) -> None:
    """Raise unless i gives i times what 1 gives, to rounding."""
    a, b = 1j * one.value, turned.value
    if not np.size(a):
        return
    wrong = np.abs(a - b)
    allowed = np.sqrt(np.finfo(a.dtype).eps) * np.abs(a)
    if not np.all((wrong <= np.max(allowed)) | np.isnan(wrong)):
        raise NotDifferentiable(
            f"{applied.operation}: {applied.name} takes complex to complex numbers and is not "
            "holomorphic here (it uses conj, abs, real, imag, …), so it has no complex derivative; "
            "differentiate with respect to real and imaginary parts, or use tg.vjp or tg.jvp"
        )
