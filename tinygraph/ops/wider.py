"""Functions whose domain is widened by complex results, as `np.emath` has them."""

from typing import Any

import numpy as np

from ..numpy_version import since
from ..primitive import Operand, derived
from ..tensor import Tensor, as_tensor
from . import elementwise, transcendental
from .shape import astype, reshape

SINGLE = frozenset(map(np.dtype, ("f4", "i1", "i2", "u1", "u2", "c8")))


def _complex_if(outside: Any, t: Tensor) -> Tensor:
    """The tensor, made complex if any of its elements is outside of the real function's domain."""
    if t.dtype.kind == "c" or not np.any(outside):
        return t
    return astype(t, np.complex64 if t.dtype in SINGLE else np.complex128)


def _from_0(x: Operand, operation: str) -> Tensor:
    t = as_tensor(x, operation)
    return t if t.dtype.kind == "c" else _complex_if(t.value < 0, t)


def _within_1(x: Operand, operation: str) -> Tensor:
    t = as_tensor(x, operation)
    return t if t.dtype.kind == "c" else _complex_if(np.abs(t.value) > 1, t)


@derived(numpy=np.emath.sqrt)
def sqrt(x: Operand) -> Tensor:
    """The square root, complex if any element is negative."""
    return elementwise.sqrt(_from_0(x, "sqrt"))


@derived(numpy=np.emath.log)
def log(x: Operand) -> Tensor:
    """The natural logarithm, complex if any element is negative."""
    return transcendental.log(_from_0(x, "log"))


@derived(numpy=np.emath.log2)
def log2(x: Operand) -> Tensor:
    """The logarithm to base 2, complex if any element is negative."""
    return transcendental.log2(_from_0(x, "log2"))


@derived(numpy=np.emath.log10)
def log10(x: Operand) -> Tensor:
    """The logarithm to base 10, complex if any element is negative."""
    return transcendental.log10(_from_0(x, "log10"))


@derived(numpy=np.emath.logn)
def logn(n: Operand, x: Operand) -> Tensor:
    """The logarithm of x to base n, complex if any element of either is negative."""
    return elementwise.divide(log(x), log(n))


@derived(numpy=np.emath.power)
def power(x: Operand, p: Operand) -> Tensor:
    """x^p, complex if any x is negative; integers to a negative p give fractions."""
    exponent = as_tensor(p, "power")
    if exponent.dtype.kind in "iu" and np.any(exponent.value < 0):
        exponent = astype(exponent, np.result_type(exponent.dtype, 1.0))
    base = _from_0(x, "power")
    if exponent.ndim == 0 and base.ndim and not since("2.3.0"):
        # There a ** b, which `power` is, takes b for a Python number, and np.power does not.
        exponent = reshape(exponent, (1,))
    return elementwise.power(base, exponent)


@derived(numpy=np.emath.arccos)
def arccos(x: Operand) -> Tensor:
    """The angle whose cosine is x, complex if any |x| > 1."""
    return transcendental.arccos(_within_1(x, "arccos"))


@derived(numpy=np.emath.arcsin)
def arcsin(x: Operand) -> Tensor:
    """The angle whose sine is x, complex if any |x| > 1."""
    return transcendental.arcsin(_within_1(x, "arcsin"))


@derived(numpy=np.emath.arctanh)
def arctanh(x: Operand) -> Tensor:
    """The inverse of tanh, complex if any |x| > 1."""
    return transcendental.arctanh(_within_1(x, "arctanh"))
