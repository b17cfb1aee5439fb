"""Numbers that are no good replaced, and imaginary parts that are only rounding left out."""

from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..primitive import Operand, derived, primitive, sample
from ..tensor import Tensor, as_tensor
from .elementwise import real


def _finite(ct: Any, x: Any) -> Any:
    if x.dtype.kind != "c":
        return np.where(np.isfinite(x), ct, 0)
    # Real and imaginary part are replaced each for itself.
    return np.where(np.isfinite(np.real(x)), np.real(ct), 0) + 1j * np.where(
        np.isfinite(np.imag(x)), np.imag(ct), 0
    )


@primitive(
    name="nan_to_num",
    broadcasts=True,
    selects=True,
    x=_finite,
    samples=(sample((2, 3)), sample((), 1.0), sample((3,), 0.0, 5.0, -5.0), sample((0,))),
)
def replace_bad(x: Operand, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """x with other numbers for NaN, ∞ and −∞."""
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


@derived(numpy=np.nan_to_num)
def nan_to_num(
    x: Operand, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Tensor:
    """x with `nan` for NaN, and the largest numbers of the dtype, or these, for ∞ and −∞.

    Derivative 1, and 0 where a number was replaced: no NaN comes through from what x was computed
    from.
    """
    if not copy:
        raise ArgumentError(
            "nan_to_num: copy=False would change a tensor, which is a value; bind the result"
        )
    return replace_bad(x, nan, posinf, neginf)


@derived(numpy=np.real_if_close)
def real_if_close(a: Operand, tol: float = 100) -> Tensor:
    """The real part if all imaginary parts are below `tol` · ε, a itself otherwise.

    tol: in units of the dtype's ε; up to 1, the bound itself.
    """
    t = as_tensor(a, "real_if_close")
    close = t.dtype.kind == "c" and not np.iscomplexobj(np.real_if_close(t.value, tol))
    return real(t) if close else t
