"""Arguments that many functions of NumPy take, `out=`, `weights=`, `device=`; errors by name."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ..errors import (
    AxisError,
    DomainError,
    DTypeError,
    IndexingError,
    ShapeError,
    TinygraphError,
)
from ..tensor import Tensor
from .axes import Axis, checked_axes


def on_device(operation: str, device: str | None) -> None:
    """Refuse a device other than the one there is, "cpu"."""
    if device is not None and device != "cpu":
        raise DomainError(
            f"{operation}: device {device!r}; tensors are arrays of NumPy and live on 'cpu', "
            "so give that or leave device= out"
        )


@contextmanager
def named(operation: str) -> Iterator[None]:
    """Let what NumPy raises name the operation."""
    try:
        yield
    except TinygraphError:
        raise
    except np.exceptions.AxisError as error:
        raise AxisError(f"{operation}: {error}") from error
    except IndexError as error:
        raise IndexingError(f"{operation}: {error}") from error
    except ValueError as error:
        raise DomainError(f"{operation}: {error}") from error
    except TypeError as error:
        raise DTypeError(f"{operation}: {error}") from error


def along(weights: Tensor, shape: tuple[int, ...], axis: Axis, operation: str) -> Tensor:
    """Weights of an array's elements, or of its slices along the axes, so that they broadcast."""
    if weights.shape == shape:
        return weights
    if axis is None:
        raise ShapeError(
            f"{operation}: weights of shape {weights.shape} for an array of shape {shape}; "
            "they need its shape, or axis= that says along which axes they lie"
        )
    axes = checked_axes(axis, len(shape), operation)
    sizes = tuple(shape[i] for i in axes)
    if weights.shape != sizes:
        raise ShapeError(
            f"{operation}: weights of shape {weights.shape} along axes {axes} of an array of shape "
            f"{shape}; they need shape {sizes}, or the array's"
        )
    order = sorted(range(len(axes)), key=axes.__getitem__)
    spread = tuple(n if i in axes else 1 for i, n in enumerate(shape))
    return weights.transpose(order).reshape(spread)
