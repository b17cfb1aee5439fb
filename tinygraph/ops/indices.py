"""Functions whose results are indices, counts or booleans: computed as NumPy does, never tracked.

They are constant between their jumps, so that nothing is lost. Tensors may stand wherever arrays
do, tracked ones too.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..tensor import Tensor, untracked
from . import ordering
from .arguments import named


def _value(x: Any) -> Any:
    if type(x) is Tensor:
        return x.value
    return type(x)(map(_value, x)) if type(x) in (list, tuple) else x


def _wrapped(y: Any) -> Any:
    if isinstance(y, tuple):
        return tuple(map(_wrapped, y))
    return untracked(y if isinstance(y, np.ndarray) and y.ndim else np.asarray(y)[()])


def _untracked(function: Callable[..., Any], name: str = "") -> Callable[..., Any]:
    """NumPy's function for tensors."""
    name = name or function.__name__

    @functools.wraps(function)
    def call(*args: Any, **keywords: Any) -> Any:
        if type(keywords.get("out")) is Tensor:
            raise ArgumentError(f"{name}: a tensor cannot be out=, it is a value; bind the result")
        with named(name):
            return _wrapped(
                function(*map(_value, args), **{k: _value(x) for k, x in keywords.items()})
            )

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"As `np.{name}`; never tracked."
    return call


all = _untracked(np.all)
any = _untracked(np.any)
argmax = _untracked(np.argmax)
argmin = _untracked(np.argmin)
argpartition = _untracked(np.argpartition)
argsort = _untracked(ordering.argsort, "argsort")
argwhere = _untracked(np.argwhere)
count_nonzero = _untracked(np.count_nonzero)
digitize = _untracked(np.digitize)
flatnonzero = _untracked(np.flatnonzero)
isin = _untracked(np.isin)
lexsort = _untracked(np.lexsort)
nanargmax = _untracked(np.nanargmax)
nanargmin = _untracked(np.nanargmin)
nonzero = _untracked(np.nonzero)
searchsorted = _untracked(np.searchsorted)
tril_indices = _untracked(np.tril_indices)
tril_indices_from = _untracked(np.tril_indices_from)
triu_indices = _untracked(np.triu_indices)
triu_indices_from = _untracked(np.triu_indices_from)
diag_indices = _untracked(np.diag_indices)
diag_indices_from = _untracked(np.diag_indices_from)
