"""Questions about numbers, and whole numbers: booleans and integers, which have no derivative.

They are computed from the values and never tracked, also where what came requires grad.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError, DTypeError, ShapeError
from ..explain import broadcast_message
from ..primitive import derived
from ..tensor import Tensor, untracked


def _value(x: Any) -> Any:
    return x.value if type(x) is Tensor else x


def discrete(function: Callable[..., Any], meaning: str) -> Callable[..., Any]:
    """NumPy's function on the values of tensors; what it returns is a constant."""
    name = function.__name__
    most = {np.isneginf: 1, np.isposinf: 1}.get(function, getattr(function, "nin", 5))

    def asked(*operands: Any, **keywords: Any) -> Any:
        if len(operands) > most:
            raise ArgumentError(f"{name}: {len(operands)} operands came; it takes {most}, and out=")
        target = keywords.get("out")
        if any(type(x) is Tensor for x in (target if isinstance(target, tuple) else [target])):
            raise ArgumentError(
                f"{name}: a tensor cannot be out=, it is a value; bind the result to a name"
            )
        values = [_value(x) for x in operands]
        try:
            y = function(*values, **{word: _value(x) for word, x in keywords.items()})
        except ValueError as error:
            message = broadcast_message(name, [np.shape(x) for x in values])
            if message is None:
                raise
            raise ShapeError(message) from error
        except TypeError as error:
            dtypes = " and ".join(str(x.dtype) for x in map(np.asarray, values))
            raise DTypeError(f"{name} of {dtypes}: {error}") from error
        if getattr(y, "dtype", None) == np.dtype(object):
            raise DTypeError(f"{name}: it would return an object array; give it numbers")
        return untracked(y) if target is None and isinstance(y, (np.ndarray, np.generic)) else y

    asked.__name__ = asked.__qualname__ = name
    asked.__doc__ = f"{meaning} Never tracked."
    return derived(numpy=function)(asked)


# Comparisons

equal = discrete(np.equal, "a = b.")
not_equal = discrete(np.not_equal, "a ≠ b.")
less = discrete(np.less, "a < b.")
less_equal = discrete(np.less_equal, "a ≤ b.")
greater = discrete(np.greater, "a > b.")
greater_equal = discrete(np.greater_equal, "a ≥ b.")
isclose = discrete(np.isclose, "|a − b| ≤ atol + rtol·|b|, element by element.")
allclose = discrete(np.allclose, "Whether all elements are close, as a bool.")
array_equal = discrete(np.array_equal, "Whether shapes and all elements are equal, as a bool.")
array_equiv = discrete(np.array_equiv, "Whether all elements are equal after broadcasting.")

# What kind of number

isfinite = discrete(np.isfinite, "Neither infinite nor NaN.")
isinf = discrete(np.isinf, "∞ or −∞.")
isnan = discrete(np.isnan, "NaN.")
isnat = discrete(np.isnat, "Not a time; tensors hold no times, so it refuses them.")
isneginf = discrete(np.isneginf, "−∞.")
isposinf = discrete(np.isposinf, "∞.")
iscomplex = discrete(np.iscomplex, "Whether the imaginary part is not 0.")
isreal = discrete(np.isreal, "Whether the imaginary part is 0.")
iscomplexobj = discrete(np.iscomplexobj, "Whether the dtype is complex, as a bool.")
isrealobj = discrete(np.isrealobj, "Whether the dtype is not complex, as a bool.")
signbit = discrete(np.signbit, "Whether the sign is negative, also that of −0.0.")

# Logic

logical_and = discrete(np.logical_and, "Neither is 0.")
logical_or = discrete(np.logical_or, "Not both are 0.")
logical_xor = discrete(np.logical_xor, "One is 0, the other is not.")
logical_not = discrete(np.logical_not, "It is 0.")

# Whole numbers

bitwise_and = discrete(np.bitwise_and, "The bits that are in both integers.")
bitwise_or = discrete(np.bitwise_or, "The bits that are in either integer.")
bitwise_xor = discrete(np.bitwise_xor, "The bits that are in one of the integers only.")
bitwise_count = discrete(np.bitwise_count, "How many bits of |x| are set.")
invert = discrete(np.invert, "The bits that are not in the integer.")
left_shift = discrete(np.left_shift, "The bits moved up: a · 2^b.")
right_shift = discrete(np.right_shift, "The bits moved down: ⌊a / 2^b⌋.")
gcd = discrete(np.gcd, "The greatest common divisor.")
lcm = discrete(np.lcm, "The lowest common multiple.")

# NumPy's other names for these

bitwise_invert = bitwise_not = invert
bitwise_left_shift, bitwise_right_shift = left_shift, right_shift
