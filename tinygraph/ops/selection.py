"""Choosing elements by conditions and numbers, and diagonals put into matrices."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, DomainError, DTypeError, ShapeError
from ..primitive import Operand, derived
from ..tensor import Tensor, as_tensor, untracked
from .indexing import getitem, plain, scatter, setitem, take
from .joining import where
from .out import refuse_out
from .shape import astype, broadcast_to, diagonal

NUMBERS = (int, float, complex)  # weak in NumPy's promotion


def _of_one_dtype(arrays: Sequence[Any], operation: str) -> list[Tensor]:
    """The arrays in the dtype that NumPy promotes all of them to."""
    values = [x.value if type(x) is Tensor else x for x in arrays]
    weak = [v if type(v) in NUMBERS else as_tensor(v, operation).value for v in values]
    dtype = np.result_type(*weak)
    tensors = [as_tensor(x, operation) for x in arrays]
    return [t if t.dtype == dtype else astype(t, dtype) for t in tensors]


@derived(numpy=np.select)
def select(
    condlist: Sequence[Operand], choicelist: Sequence[Operand], default: Operand = 0
) -> Tensor:
    """The element of the choice whose condition is the first that holds; else the default."""
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ShapeError(
            f"select: {len(condlist)} conditions and {len(choicelist)} choices; "
            "it needs as many of both, and at least one"
        )
    conditions = [np.asarray(as_tensor(c, "select: a condition").value) for c in condlist]
    for condition in conditions:
        if condition.dtype != bool:
            raise DTypeError(
                f"select: a condition of dtype {condition.dtype}; they need to be booleans"
            )
    *choices, result = _of_one_dtype([*choicelist, default], "select")
    for condition, choice in zip(conditions[::-1], choices[::-1], strict=True):
        result = where(condition, choice, result)
    return result


@derived(numpy=np.choose)
def choose(a: Operand, choices: Operand, out: None = None, mode: str = "raise") -> Tensor:
    """choices[a], element by element: each from the array that its number says.

    mode: "raise" for numbers out of bounds, "wrap" to count on from the other end, "clip".
    """
    refuse_out("choose", out)
    numbers = np.asarray(plain(a))
    arrays = _of_one_dtype(list(choices), "choose") if len(choices) else []
    n = len(arrays)
    if mode == "wrap" and n:
        numbers = numbers % n
    elif mode == "clip" and n:
        numbers = np.clip(numbers, 0, n - 1)
    elif mode not in ("raise", "wrap", "clip"):
        raise ArgumentError(f"choose: mode {mode!r}; it knows 'raise', 'wrap' and 'clip'")
    if numbers.size and not (numbers.min() >= 0 and numbers.max() < n):
        raise DomainError(
            f"choose: numbers from {numbers.min()} to {numbers.max()} for {n} choices; "
            "they go from 0 to one less than there are, or give mode='wrap' or 'clip'"
        )
    shape = np.broadcast_shapes(numbers.shape, *(x.shape for x in arrays))
    result = broadcast_to(arrays[0], shape)
    for k in range(1, n):
        result = where(numbers == k, arrays[k], result)
    return result


@derived(numpy=np.piecewise)
def piecewise(
    x: Operand, condlist: Operand, funclist: Sequence[Any], *args: Any, **kw: Any
) -> Tensor:
    """Where a condition holds, its function of x, or number; the last condition that holds counts.

    One function more than conditions: it is for where none holds, which else is 0.
    """
    array = as_tensor(x, "piecewise")
    conditions = _conditions(condlist, array.ndim)
    n = len(conditions)
    if len(funclist) == n + 1:
        conditions.append(~np.any(conditions, axis=0))
    elif len(funclist) != n:
        raise ShapeError(
            f"piecewise: {len(funclist)} functions for {n} conditions; it needs {n} or {n + 1}"
        )
    y = untracked(np.zeros_like(array.value)[()])
    for condition, function in zip(conditions, funclist, strict=True):
        part: Any = function
        if callable(function):
            if not condition.any():
                continue
            part = function(getitem(array, condition), *args, **kw)
        part = as_tensor(part, "piecewise")
        if part.node is None and part.dtype != y.dtype:
            part = untracked(part.value.astype(y.dtype))
        y = setitem(y, condition, part)
    return y


def _conditions(condlist: Any, ndim: int) -> list[Any]:
    """The conditions as arrays of booleans, from the forms that NumPy takes."""
    given = as_tensor(condlist, "piecewise").value if type(condlist) is Tensor else condlist
    if isinstance(given, (list, tuple)):
        given = [c.value if type(c) is Tensor else c for c in given]
    single = np.isscalar(given) or not np.ndim(given)
    if single or (not isinstance(given[0], (list, np.ndarray)) and ndim):
        given = [given]
    return list(np.asarray(given, bool))


@derived(numpy=np.compress)
def compress(condition: Operand, a: Operand, axis: int | None = None, out: None = None) -> Tensor:
    """The slices along the axis for which the condition holds; None: elements, flattened."""
    refuse_out("compress", out)
    held = np.asarray(as_tensor(condition, "compress").value)
    if held.ndim != 1:
        raise ShapeError(f"compress: a condition of shape {held.shape}; it needs one dimension")
    return take(a, np.flatnonzero(held), axis)


@derived(numpy=np.extract)
def extract(condition: Operand, arr: Operand) -> Tensor:
    """The elements for which the condition holds, of the flattened array."""
    held = np.asarray(as_tensor(condition, "extract").value)
    return take(as_tensor(arr, "extract").reshape(-1), np.flatnonzero(held), 0)


@derived(numpy=np.diag)
def diag(v: Operand, k: int = 0) -> Tensor:
    """The k-th diagonal of a matrix; or of a vector, the matrix that has it as that diagonal."""
    array = as_tensor(v, "diag")
    if array.ndim == 2:
        return diagonal(array, k)
    if array.ndim != 1:
        raise ShapeError(
            f"diag: an array of shape {array.shape}; it needs a vector or a matrix, "
            "use diagonal for more dimensions and diagflat to flatten first"
        )
    n = array.shape[0] + abs(k)
    places = np.arange(array.shape[0])
    return scatter(array, (places + max(-k, 0), places + max(k, 0)), (n, n))


@derived(numpy=np.diagflat)
def diagflat(v: Operand, k: int = 0) -> Tensor:
    """The matrix with all elements of v along its k-th diagonal."""
    return diag(as_tensor(v, "diagflat").reshape(-1), k)
