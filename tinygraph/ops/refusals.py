"""Why a function of matrices refuses its operands, and what to do."""

from collections.abc import Callable
from typing import Any

import numpy as np

HALF = "NumPy computes it in float32 and float64 only; cast with .astype(np.float32)"


def explain_matrices(
    name: str, *, square: bool, fix: str = "", failed: Callable[[Any], bool] | None = None
) -> Callable[..., str | None]:
    """The `explain` of a function of matrices.

    square: whether they must be; fix: what to do where a value, not a shape, is refused.
    failed: whether a single matrix is one that is refused, to say which of a stack it is.
    """

    def explain(error: Exception, a: Any, *rest: Any, **static: Any) -> str | None:
        shape, dtype = np.shape(a), getattr(a, "dtype", None)
        if dtype == np.float16:
            return f"{name}: dtype float16; {HALF}"
        if len(shape) < 2:
            return (
                f"{name}: shape {shape} has fewer than two axes; it takes a matrix, or a stack of "
                "them along leading axes"
            )
        if square and shape[-1] != shape[-2]:
            return f"{name}: shape {shape}; the last two axes must be equal, a square matrix"
        if isinstance(error, np.linalg.LinAlgError) and fix:
            return f"{name}: {_which(a, failed)}{fix}"
        return None

    return explain


def _which(a: Any, failed: Callable[[Any], bool] | None) -> str:
    if np.ndim(a) == 2 or failed is None:
        return "the matrix "
    for index in np.ndindex(a.shape[:-2]):
        if failed(a[index]):
            return f"the matrix at {list(index)} of the stack "
    return "a matrix of the stack "


def is_singular(a: Any) -> bool:
    """Whether LAPACK finds a pivot of exactly 0."""
    return bool(np.linalg.slogdet(a)[0] == 0)


def is_not_positive(a: Any) -> bool:
    """Whether it has no Cholesky factor."""
    try:
        np.linalg.cholesky(a)
    except np.linalg.LinAlgError:
        return True
    return False


SINGULAR = "is singular; use linalg.pinv or linalg.lstsq, or add a small multiple of the identity"


def inverted(name: str, a: Any) -> Any:
    """a⁻¹ in a gradient rule, or LinAlgError that says of what."""
    try:
        return np.linalg.inv(a)
    except np.linalg.LinAlgError as error:
        raise np.linalg.LinAlgError(f"{name}: no gradient here: {error}") from None
