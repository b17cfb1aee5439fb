"""Arrays filled with one value, which may be a tensor."""

from typing import Any

import numpy as np

from ..primitive import Operand, derived
from ..tensor import Tensor, as_tensor
from .arguments import on_device
from .conversion import array, cast
from .shape import Shape, broadcast_to


def full(
    shape: Shape, fill_value: Operand, dtype: Any = None, order: str = "C", *,
    device: str | None = None, like: Any = None,
) -> Tensor:  # fmt: skip
    """The value, or array, repeated to this shape. `np.full` cannot be reached by tensors."""
    on_device("full", device)
    value = array(fill_value, copy=False)
    return broadcast_to(value if dtype is None else cast(value, np.dtype(dtype), "full"), shape)


@derived(numpy=np.full_like)
def full_like(
    a: Operand, fill_value: Operand, dtype: Any = None, order: str = "K", subok: bool = True,
    shape: Shape | None = None, *, device: str | None = None,
) -> Tensor:  # fmt: skip
    """The value, or array, repeated to the shape of a, in its dtype.

    Raises DTypeError where a tracked value would be rounded to integers.
    """
    on_device("full_like", device)
    like = as_tensor(a, "full_like")
    value = cast(array(fill_value, copy=False), np.dtype(dtype or like.dtype), "full_like")
    return broadcast_to(value, like.shape if shape is None else shape)
