"""What layers ask of their settings and of their input."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from .module import Module


def positive(operation: str, name: str, number: Any) -> int:
    """The number, a positive integer."""
    try:
        integer = operator.index(number)
    except TypeError:
        integer = 0
    if integer < 1 or isinstance(number, bool):
        raise tg.ArgumentError(f"{operation}: {name}={number!r}; it needs a positive integer")
    return integer


def index(operation: str, name: str, number: Any) -> int:
    """The number, an integer of either sign."""
    try:
        return operator.index(number)
    except TypeError:
        raise tg.ArgumentError(f"{operation}: {name}={number!r}; it needs an integer") from None


def fraction(operation: str, name: str, given: Any, meaning: str) -> float:
    """The number as a Python float, which must lie in [0, 1)."""
    if not 0 <= real(given) < 1:
        raise tg.ArgumentError(f"{operation}: {name}={given!r}; it needs {meaning}, in [0, 1)")
    return float(given)


def small(operation: str, name: str, given: Any) -> float:
    """The number as a Python float, which must be above 0."""
    number = real(given)
    if not number > 0:
        raise tg.ArgumentError(f"{operation}: {name}={given!r}; it needs a small positive number")
    return number


def real(given: Any) -> float:
    """The number as a Python float; NaN for what is none."""
    known = isinstance(given, (int, float, np.integer, np.floating))
    return float(given) if known and not isinstance(given, bool) else float("nan")


def floating(operation: str, dtype: DTypeLike) -> np.dtype[Any]:
    """The dtype, a real floating one."""
    try:
        found = np.dtype(dtype)
    except TypeError as error:
        raise tg.DTypeError(f"{operation}: dtype={dtype!r} is not a dtype; {error}") from None
    if found.kind != "f":
        raise tg.DTypeError(
            f"{operation}: dtype={found}, which has no gradients; it needs a floating dtype, "
            "such as np.float32"
        )
    return found


def shape_of(layer: Module, x: Any) -> tuple[int, ...]:
    """The shape of x; ArgumentError if it is a tuple of tensors."""
    if isinstance(x, tuple) and any(isinstance(part, tg.Tensor) for part in x):
        raise tg.ArgumentError(
            f"{type(layer).__name__}: a tuple of {len(x)} came; it needs an array. A recurrent "
            "layer returns (outputs, state): pass on its outputs, layer(x)[0]"
        )
    shape: tuple[int, ...] = x.shape if hasattr(x, "shape") else np.shape(x)
    return shape


def check_features(layer: Module, x: Any, features: int) -> tuple[int, ...]:
    """The shape of x; ShapeError unless its last axis has this size."""
    shape = shape_of(layer, x)
    if shape and shape[-1] == features:
        return shape
    name = type(layer).__name__
    if len(shape) == 2 and shape[0] == features:
        fix = "examples are rows here: pass its transpose, x.T"
    elif len(shape) == 1 and features == 1:
        fix = "x[:, np.newaxis] makes a column of it"
    elif len(shape) > 2 and np.prod(shape[1:]) == features:
        fix = "flatten each example first, x.reshape(len(x), -1)"
    else:
        fix = f"build the layer for {shape[-1]} features instead" if shape else "give it an axis"
    raise tg.ShapeError(
        f"{name}: input of shape {shape}; it needs (…, {features}), one example per row; {fix}"
    )


def check_axis(layer: Module, x: Any, features: int, axis: int) -> tuple[int, ...]:
    """The shape of x; ShapeError unless this axis has this size."""
    if axis == -1:
        shape: tuple[int, ...] = x.shape if hasattr(x, "shape") else np.shape(x)
        if len(shape) <= 2 or shape[-1] == features or shape[1] != features:
            return check_features(layer, x, features)
    shape = x.shape if hasattr(x, "shape") else np.shape(x)
    n = len(shape)
    if -n <= axis < n and shape[axis] == features:
        return shape
    name = type(layer).__name__
    of_that_size = [i for i, size in enumerate(shape) if size == features]
    if of_that_size:
        # Of several, images and sequences have their channels second.
        better = 1 if 1 in of_that_size else of_that_size[0]
        fix = f"the features are axis {better} here: {name}({features}, …, axis={better})"
    elif -n <= axis < n:
        fix = f"build the layer for {shape[axis]} features instead"
    else:
        fix = f"it needs axis {axis}"
    raise tg.ShapeError(
        f"{name}: input of shape {shape}; it needs {features} features along axis {axis}; {fix}"
    )


def check_last_axes(layer: Module, x: Any, features: tuple[int, ...]) -> None:
    """Raise ShapeError unless the last axes of x have these sizes."""
    if len(features) == 1:
        check_features(layer, x, features[0])
        return
    shape: tuple[int, ...] = x.shape if hasattr(x, "shape") else np.shape(x)
    if shape[-len(features) :] != features:
        sizes = ", ".join(map(str, features))
        raise tg.ShapeError(
            f"{type(layer).__name__}: input of shape {shape}; it needs (…, {sizes}), the features "
            "last"
        )
