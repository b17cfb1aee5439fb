"""Making a tensor of what is given: numbers, arrays, tensors, and nested lists of them.

`np.array([t, t])` cannot reach these, so it raises; `tg.array([t, t])` is differentiable.
"""

from typing import Any

import numpy as np

from ..errors import ArgumentError, DTypeError
from ..primitive import Operand, derived
from ..tensor import Tensor, as_tensor, tensor
from .arguments import on_device
from .joining import stack
from .shape import astype as in_dtype
from .shape import copy, reshape


def array(
    object: Operand, dtype: Any = None, *, copy: bool | None = True, order: str = "K",
    subok: bool = False, ndmin: int = 0,
) -> Tensor:  # fmt: skip
    """A tensor of numbers, arrays, tensors, or nested lists of them; gradients flow to its parts.

    Each level of a list becomes an axis. dtype: if None, the one that all parts have in common.
    ndmin: at least so many axes, new ones in front. order and subok are about memory: no effect.
    Raises ShapeError for a ragged list.

    >>> x = tg.Variable(2.0)
    >>> tg.array([[x, 1], [0, x * x]])
    tensor([[2., 1.],
            [0., 4.]], operation='stack')
    """
    made = _of(object, "array", copied=copy is not False)
    if dtype is not None:
        made = cast(made, np.dtype(dtype), "array")
    return reshape(made, (1,) * (ndmin - made.ndim) + made.shape) if made.ndim < ndmin else made


def asarray(
    a: Operand, dtype: Any = None, order: str | None = None, *, device: str | None = None,
    copy: bool | None = None,
) -> Tensor:  # fmt: skip
    """A tensor as it is, anything else as `tg.array` makes it of that.

    Raises DTypeError for `copy=False` where the dtype makes a copy necessary.
    """
    on_device("asarray", device)
    made = _of(a, "asarray", copied=copy is True)
    if dtype is None or np.dtype(dtype) == made.dtype:
        return made
    if copy is False:
        raise DTypeError(
            f"asarray: copy=False, but dtype {np.dtype(dtype)} of {made.described()} of dtype "
            f"{made.dtype} needs one; leave copy= out"
        )
    return cast(made, np.dtype(dtype), "asarray")


def asanyarray(
    a: Operand, dtype: Any = None, order: str | None = None, *, device: str | None = None,
    copy: bool | None = None,
) -> Tensor:  # fmt: skip
    """As `tg.asarray`: a tensor has no subclasses."""
    return asarray(a, dtype, order, device=device, copy=copy)


def ascontiguousarray(a: Operand, dtype: Any = None) -> Tensor:
    """As `tg.asarray`, with one axis at least. How a tensor lies in memory does not show."""
    made = asarray(a, dtype)
    return made if made.ndim else reshape(made, (1,))


def asfortranarray(a: Operand, dtype: Any = None) -> Tensor:
    """As `tg.asarray`. How a tensor lies in memory does not show."""
    return asarray(a, dtype)


@derived(numpy=np.astype)
def astype(x: Operand, dtype: Any, /, *, copy: bool = True, device: str | None = None) -> Tensor:
    """The same numbers in another dtype. Integers and booleans are not tracked.

    copy: if False, a tensor that has the dtype is returned as it is.
    """
    on_device("astype", device)
    given = as_tensor(x, "astype")
    return given if not copy and np.dtype(dtype) == given.dtype else in_dtype(given, dtype)


def _of(x: Any, operation: str, *, copied: bool) -> Tensor:
    if type(x) is Tensor:
        return copy(x) if copied else x
    if not isinstance(x, (list, tuple)):
        if x is None:
            raise ArgumentError(f"{operation}: None came; it takes numbers, arrays, tensors, lists")
        return tensor(x) if copied else as_tensor(x, operation)
    if not has_tensors(x):
        return as_tensor(x, operation)
    return stack([_of(item, operation, copied=False) for item in x])


def has_tensors(x: Any) -> bool:
    """Whether there is a tensor in a nested list."""
    if isinstance(x, (list, tuple)):
        return any(map(has_tensors, x))
    return type(x) is Tensor


def cast(x: Tensor, dtype: np.dtype[Any], operation: str) -> Tensor:
    """x in another dtype; DTypeError where that would cut the graph or lose the imaginary part."""
    if x.dtype == dtype:
        return x
    if x.node is not None and not np.can_cast(x.dtype, dtype, "same_kind"):
        raise DTypeError(
            f"{operation}: {x.described()} requires grad, and its dtype {x.dtype} does not fit "
            f"{dtype}; cast the rest with .astype({x.dtype}) first, or .detach() it"
        )
    return in_dtype(x, dtype)
