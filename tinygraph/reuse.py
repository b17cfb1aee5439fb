"""Arithmetic whose large results take memory that was used before."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .memory import LARGE, empty


def compute(ufunc: np.ufunc, *operands: Any) -> Any:
    """ufunc(*operands), in memory that was used before if the result is large."""
    arrays = [x for x in operands if type(x) is np.ndarray]
    numbers = [x for x in operands if type(x) in (float, int)]
    if not arrays or len(arrays) + len(numbers) < len(operands) or not predictable(ufunc):
        return ufunc(*operands)
    shape, dtype = arrays[0].shape, arrays[0].dtype
    for x in arrays:
        if x.dtype is not dtype or not x.flags.c_contiguous:
            return ufunc(*operands)
        if x.shape != shape:
            try:
                shape = np.broadcast_shapes(shape, x.shape)
            except ValueError:
                return ufunc(*operands)  # which says it better
    if dtype.kind not in "fc" or math.prod(shape) * dtype.itemsize < LARGE:
        return ufunc(*operands)
    return ufunc(*operands, out=empty(shape, dtype))


@functools.cache
def predictable(ufunc: np.ufunc) -> bool:
    """Whether the operands tell shape and dtype of its one result."""
    return ufunc.nout == 1 and ufunc.signature is None and keeps_dtype(ufunc)


def keeps_dtype(ufunc: np.ufunc) -> bool:
    """Whether floating and complex operands of one dtype give a result of that dtype."""
    loops = [set(loop.replace("->", "")) for loop in ufunc.types]
    inexact = [chars for chars in loops if chars <= set("efdgFDG")]
    return "f" in set().union(*inexact) and all(len(chars) == 1 for chars in inexact)


class Reusing(np.ndarray):
    """An array whose arithmetic, and that with its results, is done by `compute`."""

    def __array_ufunc__(
        self, ufunc: Any, method: str, *operands: Any, out: Any = None, **keywords: Any
    ) -> Any:
        values = [plain(x) for x in operands]
        if method == "__call__" and out is None and not keywords:
            y = compute(ufunc, *values)
            return y.view(Reusing) if type(y) is np.ndarray else y
        if out is not None:
            keywords["out"] = tuple([plain(x) for x in out])
        return getattr(ufunc, method)(*values, **keywords)


def plain(x: Any) -> Any:
    """x, as an ndarray if it is one that reuses memory."""
    return x.view(np.ndarray) if type(x) is Reusing else x


def pull(on_arrays: Callable[[Any, Any], Any], node: Any, ct: Any) -> Any:
    """on_arrays(node, ct), with the memory of its large arrays reused."""
    if type(ct) is not np.ndarray or ct.nbytes < LARGE:
        return on_arrays(node, ct)
    return [(parent, plain(g)) for parent, g in on_arrays(node, ct.view(Reusing))]


def add(a: Any, b: Any) -> Any:
    """a + b, of arrays, scalars or cotangents of several outputs."""
    return compute(np.add, a, b) if type(a) is np.ndarray is type(b) else a + b
