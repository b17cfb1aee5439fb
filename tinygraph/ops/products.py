"""Products of vectors, matrices and higher arrays."""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import ArgumentError, ShapeError
from ..primitive import Operand, derived, primitive, sample
from ..tensor import Tensor, as_tensor
from .axes import checked_axis
from .counting import product, sum_of_products
from .elementwise import conjugate, multiply
from .out import refuse_out
from .reduction import sum
from .shape import astype, expand_dims, moveaxis, reshape, squeeze, transpose


def _transposed(x: Any) -> Any:
    return x.T if x.ndim == 2 else x.swapaxes(-1, -2)


def _product(a: Any, b: Any, out: Any = None) -> Any:
    # On two matrices `dot` calls BLAS with less ado.
    if type(a) is np.ndarray is type(b) and a.ndim == 2 == b.ndim:
        return a.dot(b, out)
    return a @ b


def _matmul_left(ct: Any, b: Any, shape: Any) -> Any:
    if ct.ndim == 2 == b.ndim:
        return _product(ct, b.T)
    if b.ndim == 1:
        return ct[..., np.newaxis] * b
    if len(shape) == 1:
        return (b @ ct[..., np.newaxis])[..., 0]
    return ct @ _transposed(b)


def _matmul_right(ct: Any, a: Any, shape: Any, b_out: Any) -> Any:
    if ct.ndim == 2 == a.ndim:
        return _product(a.T, ct, b_out)
    if len(shape) == 1:
        # Each row of a, times its element of the cotangent.
        return ct * a if a.ndim == 1 else (_transposed(a) @ ct[..., np.newaxis])[..., 0]
    if a.ndim == 1:
        return a[:, np.newaxis] * ct[..., np.newaxis, :]
    return _transposed(a) @ ct


def _explain_matmul(error: Exception, a: Any, b: Any) -> str | None:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return (
            f"matmul: shapes {np.shape(a)} @ {np.shape(b)}: a 0-dimensional operand is no matrix; "
            "use * to scale"
        )
    inner = a.shape[-1]
    if inner != b.shape[-2 if b.ndim > 1 else 0]:
        wanted = (
            f"(…, {inner}, k)" if b.ndim > 2 else f"({inner}, k)" if b.ndim == 2 else f"({inner},)"
        )
        return (
            f"matmul: inner sizes differ, {a.shape} @ {b.shape}; "
            f"the right operand needs shape {wanted}"
        )
    return (
        f"matmul: batch axes do not broadcast, {a.shape} @ {b.shape}; "
        "all axes but the last two must be equal or 1"
    )


@primitive(
    numpy=np.matmul,
    label="@",
    broadcasts=True,
    a=_matmul_left,
    b=_matmul_right,
    samples=(
        sample((2, 3), (3, 4)),
        sample((3,), (3,)),
        sample((3,), (3, 4)),
        sample((2, 3), (3,)),
        sample((5, 2, 3), (3, 4)),
        sample((2, 3), (5, 3, 4)),
        sample((5, 1, 2, 3), (4, 3, 2)),
        sample((3,), (5, 3, 4)),
        sample((5, 2, 3), (3,)),
        sample((2, 0), (0, 3)),
        sample((0, 2), (2, 3)),
    ),
    explain=_explain_matmul,
    flops=product,
)
def matmul(a: Operand, b: Operand, /) -> Any:
    """The matrix product a @ b over the last two axes; earlier ones broadcast as a batch."""
    return _product(a, b)


@derived(numpy=np.dot)
def dot(a: Operand, b: Operand, out: None = None) -> Tensor:
    """Σ over the last axis of a and the second last (or only) axis of b; scalars multiply."""
    refuse_out("dot", out)
    a, b = as_tensor(a, "dot"), as_tensor(b, "dot")
    if not a.ndim or not b.ndim:
        return multiply(a, b)
    if b.ndim <= 2:
        return matmul(a, b)
    return tensordot(a, b, ((-1,), (-2,)))


@derived(numpy=np.inner)
def inner(a: Operand, b: Operand) -> Tensor:
    """Σ over the last axes of a and b; scalars multiply."""
    a, b = as_tensor(a, "inner"), as_tensor(b, "inner")
    if not a.ndim or not b.ndim:
        return multiply(a, b)
    return tensordot(a, b, ((-1,), (-1,)))


def _core(x: Operand, axes: Any, count: int, operation: str) -> Tensor:
    """An operand with the axes that a product is over, `count` of them, at the end."""
    x = as_tensor(x, operation)
    wanted = (axes,) if isinstance(axes, (int, np.integer)) else tuple(axes)
    if len(wanted) != count:
        raise ArgumentError(f"{operation}: axes {wanted} for an operand; it needs {count} of them")
    own = tuple([checked_axis(int(axis), x.ndim, operation) for axis in wanted])
    last = tuple(range(x.ndim - count, x.ndim))
    return x if own == last else moveaxis(x, own, last)


def _placed(y: Tensor, axes: Any, operation: str) -> Tensor:
    """The result's last axis where the last entry of `axes` wants it."""
    (axis,) = (axes,) if isinstance(axes, (int, np.integer)) else tuple(axes)
    return moveaxis(y, -1, checked_axis(int(axis), y.ndim, operation))


def _of_dtype(dtype: Any, operation: str, *operands: Operand) -> list[Tensor]:
    """The operands, cast to the dtype that a product is to be computed in."""
    found = [as_tensor(x, operation) for x in operands]
    return found if dtype is None else [astype(x, dtype, casting="same_kind") for x in found]


def vecdot(
    x1: Operand, x2: Operand, /, out: None = None, *, axis: int = -1, axes: Any = None,
    keepdims: bool = False, dtype: Any = None,
) -> Tensor:  # fmt: skip
    """Σ x̄₁·x₂ along an axis; other axes broadcast.

    axes: for each operand its own.  keepdims: keep the axis, with size 1.
    """
    refuse_out("vecdot", out)
    a, b = _of_dtype(dtype, "vecdot", x1, x2)
    first, second = (axis, axis) if axes is None else tuple(axes)[:2]
    a, b = _core(a, first, 1, "vecdot"), _core(b, second, 1, "vecdot")
    if a.shape[-1] != b.shape[-1]:
        raise ShapeError(
            f"vecdot: vectors of {a.shape[-1]} and {b.shape[-1]} elements along axes {first} and "
            f"{second}; both need the same length"
        )
    product: Tensor = multiply(conjugate(a) if a.dtype.kind == "c" else a, b)
    # Of integers, as NumPy: in their own dtype, not in that of a sum.
    y: Tensor = sum(product, -1, dtype=None if product.dtype.kind in "fc" else product.dtype)
    return expand_dims(y, axis) if keepdims else y


def matvec(
    x1: Operand, x2: Operand, /, out: None = None, *, axes: Any = None, dtype: Any = None
) -> Tensor:
    """The matrices x1 times the vectors x2; earlier axes broadcast as a batch.

    axes: of the matrices, of the vectors and of the result, [(-2, -1), -1, -1] if None.
    """
    refuse_out("matvec", out)
    a, b = _of_dtype(dtype, "matvec", x1, x2)
    if axes is not None:
        a, b = _core(a, axes[0], 2, "matvec"), _core(b, axes[1], 1, "matvec")
    y = squeeze(matmul(a, expand_dims(b, -1)), -1)
    return y if axes is None else _placed(y, axes[2], "matvec")


def vecmat(
    x1: Operand, x2: Operand, /, out: None = None, *, axes: Any = None, dtype: Any = None
) -> Tensor:
    """The conjugated vectors x1 times the matrices x2; earlier axes broadcast as a batch.

    axes: of the vectors, of the matrices and of the result, [-1, (-2, -1), -1] if None.
    """
    refuse_out("vecmat", out)
    a, b = _of_dtype(dtype, "vecmat", x1, x2)
    if axes is not None:
        a, b = _core(a, axes[0], 1, "vecmat"), _core(b, axes[1], 2, "vecmat")
    left = conjugate(a) if a.dtype.kind == "c" else a
    y = squeeze(matmul(expand_dims(left, -2), b), -2)
    return y if axes is None else _placed(y, axes[2], "vecmat")


derived(numpy=[np.vecdot, np.linalg.vecdot])(vecdot)
for _function in (matvec, vecmat):
    if hasattr(np, _function.__name__):  # NumPy 2.2
        derived(numpy=getattr(np, _function.__name__))(_function)


@derived(numpy=np.outer)
def outer(a: Operand, b: Operand, out: None = None) -> Tensor:
    """aᵢ·bⱼ of the flattened operands."""
    refuse_out("outer", out)
    return multiply(reshape(a, (-1, 1)), reshape(b, (1, -1)))


@derived(numpy=[np.tensordot, np.linalg.tensordot])
def tensordot(a: Operand, b: Operand, axes: Any = 2) -> Tensor:
    """Σ over pairs of axes: the last n of a with the first n of b, or (axes of a, axes of b)."""
    a, b = as_tensor(a, "tensordot"), as_tensor(b, "tensordot")
    if isinstance(axes, (int, np.integer)):
        if not 0 <= axes <= min(a.ndim, b.ndim):
            raise ShapeError(
                f"tensordot: {axes} axes of shapes {a.shape} and {b.shape}; "
                f"there are at most {min(a.ndim, b.ndim)}"
            )
        summed_a: Sequence[int] = range(a.ndim - int(axes), a.ndim)
        summed_b: Sequence[int] = range(int(axes))
    else:
        lists = [[part] if isinstance(part, (int, np.integer)) else list(part) for part in axes]
        summed_a = [checked_axis(int(i), a.ndim, "tensordot") for i in lists[0]]
        summed_b = [checked_axis(int(i), b.ndim, "tensordot") for i in lists[1]]
    if [a.shape[i] for i in summed_a] != [b.shape[i] for i in summed_b]:
        raise ShapeError(
            f"tensordot: axes {tuple(summed_a)} of shape {a.shape} and axes {tuple(summed_b)} of "
            f"shape {b.shape} differ in size; sum over axes of equal sizes"
        )
    free_a = [i for i in range(a.ndim) if i not in summed_a]
    free_b = [i for i in range(b.ndim) if i not in summed_b]
    n = math.prod([a.shape[i] for i in summed_a])
    rows, columns = [a.shape[i] for i in free_a], [b.shape[i] for i in free_b]
    left = _arranged(a, [*free_a, *summed_a], (math.prod(rows), n))
    right = _arranged(b, [*summed_b, *free_b], (n, math.prod(columns)))
    return _arranged(matmul(left, right), [0, 1], (*rows, *columns))


def _arranged(x: Tensor, axes: list[int], shape: tuple[int, ...]) -> Tensor:
    """Transposed and reshaped, where it is not so already."""
    if axes != list(range(x.ndim)):
        x = transpose(x, axes)
    return x if x.shape == shape else reshape(x, shape)


# Einstein summation


def _einsum(ct: Any, operands: Sequence[Any], subscripts: str, needs: Sequence[int]) -> list[Any]:
    cts: list[Any] = [None] * len(operands)
    for k in needs:
        cts[k] = _einsum_operand(ct, operands, subscripts, k)
    return cts


@lru_cache(maxsize=256)
def _turned(subscripts: str, k: int) -> tuple[str, str, str, str]:
    """Subscripts for the cotangent of operand k, from that of the result and the other operands.

    Then operand k's own letters, each of them once, and those of them that the subscripts give.
    """
    inputs, output = subscripts.split("->")
    others = inputs.split(",")
    term = others.pop(k)
    known = {*output, *"".join(others)}
    own = "".join(dict.fromkeys(term))
    found = "".join(letter for letter in own if letter in known)
    return f"{','.join([output, *others])}->{found}", term, own, found


def _einsum_operand(ct: Any, operands: Sequence[Any], subscripts: str, k: int) -> Any:
    """The cotangent of operand k: the others and ct, summed over all but its own letters."""
    turned, term, own, found = _turned(subscripts, k)
    g = np.einsum(turned, ct, *operands[:k], *operands[k + 1 :])
    shape = operands[k].shape
    if found == term and g.shape == shape:
        return g
    size = {letter: shape[term.index(letter)] for letter in own}
    # Axes that broadcast (size 1 here, more elsewhere) are summed; those only this operand has
    # were summed over in the forward pass, so every element along them gets the same.
    wide = [i for i, letter in enumerate(found) if size[letter] == 1 and g.shape[i] != 1]
    if wide:
        g = np.sum(g, axis=tuple(wide), keepdims=True)
    sizes = dict(zip(found, g.shape, strict=True))
    g = g.reshape([sizes.get(letter, 1) for letter in own])
    g = np.broadcast_to(g, [size[letter] for letter in own])
    for i, letter in enumerate(term):
        if letter in term[:i]:
            # A repeated letter took a diagonal: everything off it gets nothing.
            first = term.index(letter)
            g = np.expand_dims(g, i)
            off = [size[letter] if j in (first, i) else 1 for j in range(g.ndim)]
            g = np.where(np.eye(size[letter], dtype=bool).reshape(off), g, 0)
    return g


def _explain_einsum(error: Exception, subscripts: str, operands: Sequence[Any]) -> str | None:
    inputs, output = subscripts.split("->")
    terms = inputs.split(",")
    for letter in dict.fromkeys(output):
        if output.count(letter) > 1 or letter not in inputs:
            return (
                f"einsum: {subscripts!r}: {letter!r} must be once in the output, and in an operand"
            )
    for letter in sorted(set(inputs) - {","}):
        sizes = {n for t, x in zip(terms, operands, strict=True)
                 for c, n in zip(t, x.shape, strict=True) if c == letter}  # fmt: skip
        if len(sizes - {1}) > 1:
            shapes = ", ".join(str(x.shape) for x in operands)
            return (
                f"einsum: {subscripts!r} with shapes {shapes}: the axes named {letter!r} have "
                f"sizes {' and '.join(map(str, sorted(sizes)))}; axes of one letter need one size"
            )
    return None


@primitive(
    name="einsum",
    operands=_einsum,
    explain=_explain_einsum,
    samples=(
        sample("ij,jk->ik", (2, 3), (3, 4)),
        sample("ij->", (2, 3)),
        sample("ij->ji", (2, 3)),
        sample("ii->i", (3, 3)),
        sample("ii->", (3, 3)),
        sample("iij,jk->ik", (2, 2, 3), (3, 2)),
        sample("iii->i", (2, 2, 2)),
        sample("i,j->ij", (2,), (3,)),
        sample("ij,k->i", (2, 3), (4,)),
        sample("bij,bjk,k->bi", (2, 2, 3), (2, 3, 2), (2,)),
        sample("ij,ij->ij", (1, 3), (2, 3)),
        sample(",i->i", (), (3,)),
    ),
    flops=sum_of_products,
)
def einsum_explicit(subscripts: str, *operands: Operand) -> Any:
    """Einstein summation, with the output written out and no ellipsis."""
    return np.einsum(subscripts, *operands)


@derived(numpy=np.einsum)
def einsum(
    *arguments: Operand, out: None = None, optimize: Any = False, dtype: Any = None,
    order: str = "K", casting: Any = "safe",
) -> Tensor:  # fmt: skip
    """Einstein summation: `einsum("ij,jk->ik", a, b)` is the matrix product.

    Every form that `np.einsum` takes: without "->", with "...", letters repeated within an
    operand, or operands each followed by a list of axis numbers. More than two operands are
    combined at once; optimize=True combines them pairwise, in the order NumPy finds best.
    dtype: what to compute in, to which `casting` must allow the operands to be cast.
    """
    refuse_out("einsum", out)
    subscripts, operands = _explicit(arguments)
    if dtype is not None:
        operands = [astype(x, dtype, casting=casting) for x in operands]
    if optimize is not False and len(operands) > 2:
        return _pairwise(subscripts, operands, optimize)
    return einsum_explicit(subscripts, *operands)


def _explicit(arguments: Sequence[Any]) -> tuple[str, list[Tensor]]:
    """Subscripts with all letters and the output written out, and the operands."""
    if not arguments:
        raise ArgumentError("einsum: nothing came; it takes subscripts and operands")
    if isinstance(arguments[0], str):
        subscripts, given = arguments[0].replace(" ", ""), list(arguments[1:])
    else:
        given = list(arguments[0::2])
        lists = list(arguments[1::2])
        last = given.pop() if len(given) > len(lists) else None
        subscripts = ",".join(map(_letters, lists))
        if last is not None:
            subscripts += "->" + _letters(last)
    operands = [as_tensor(x, f"einsum: operand {i}") for i, x in enumerate(given)]
    return _written_out(subscripts, tuple([x.shape for x in operands])), operands


@lru_cache(maxsize=256)
def _written_out(subscripts: str, shapes: tuple[tuple[int, ...], ...]) -> str:
    """The subscripts without an ellipsis and with the output."""
    inputs, arrow, output = subscripts.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(shapes):
        raise ArgumentError(
            f"einsum: {subscripts!r} names {len(terms)} operands, {len(shapes)} came"
        )
    for i, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        letters = len(term.replace("...", ""))
        if letters != len(shape) and not ("..." in term and letters < len(shape)):
            raise ShapeError(
                f"einsum: operand {i} has shape {shape}, and {term!r} stands for "
                f"{letters} axes; write a letter for each axis, or ... for the rest"
            )
    if not arrow:
        every = inputs.replace(",", "").replace("...", "")
        output = "".join(sorted(c for c in set(every) if every.count(c) == 1))
        output = ("..." if "..." in inputs else "") + output
    unused = (c for c in _alphabet() if c not in subscripts)
    most = max(
        (
            len(shape) - len(term.replace("...", ""))
            for term, shape in zip(terms, shapes, strict=True)
            if "..." in term
        ),
        default=0,
    )
    rest = "".join(next(unused) for _ in range(most))
    if rest and "..." not in output and arrow:
        raise ShapeError(
            f"einsum: {subscripts!r} drops the broadcast axes of '...'; write ... in the output too"
        )
    terms = [
        term.replace("...", rest[most - (len(shape) - len(term.replace("...", ""))) :])
        if "..." in term
        else term
        for term, shape in zip(terms, shapes, strict=True)
    ]
    return f"{','.join(terms)}->{output.replace('...', rest)}"


def _alphabet() -> Iterator[str]:
    yield from "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _letters(axes: Sequence[Any]) -> str:
    letters = "".join(_alphabet())
    return "".join("..." if axis is Ellipsis else letters[axis] for axis in axes)


def _pairwise(subscripts: str, operands: list[Tensor], optimize: Any) -> Tensor:
    shapes = [np.broadcast_to(0.0, x.shape) for x in operands]
    path = np.einsum_path(subscripts, *shapes, optimize=optimize)[0][1:]
    inputs, output = subscripts.split("->")
    terms = inputs.split(",")
    for positions in path:
        chosen = [(terms.pop(i), operands.pop(i)) for i in sorted(positions, reverse=True)]
        still = {*output, *"".join(terms)}
        term = "".join(dict.fromkeys(c for t, _ in chosen for c in t if c in still))
        if not terms:
            term = output
        step = ",".join(t for t, _ in chosen) + "->" + term
        operands.append(einsum_explicit(step, *[x for _, x in chosen]))
        terms.append(term)
    return operands[0]
