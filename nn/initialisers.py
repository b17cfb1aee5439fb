"""Where parameters begin: functions of a shape and a generator that return an array.

Weights have shape (…, inputs, outputs); leading axes are those of a convolution's kernel.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

import tinygraph as tg

if TYPE_CHECKING:
    from numpy.typing import NDArray

Initializer: TypeAlias = Callable[[tuple[int, ...], np.random.Generator], Any]


def zeros(shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.float64]:
    """w = 0: right for biases; weights that begin equal stay equal, and learn one feature."""
    return np.zeros(shape)


def constant(value: float) -> Initializer:
    """w = value."""

    def initializer(shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.float64]:
        return np.full(shape, value, np.float64)

    return initializer


def normal(std: float = 0.01) -> Initializer:
    """w ~ N(0, std²)."""

    def initializer(shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.float64]:
        return generator.standard_normal(shape) * std

    return initializer


def lecun(shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.float64]:
    """w ~ N(0, 1/n) for n inputs: keeps the variance through linear units and tanh (LeCun 1998).

    What Andrew Ng's course calls Xavier initialisation.
    """
    inputs, _ = fans(shape, "lecun")
    return generator.standard_normal(shape) * math.sqrt(1 / inputs)


def xavier(shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.float64]:
    """w ~ N(0, 2 / (inputs + outputs)): forward and backward in balance (Glorot, Bengio 2010)."""
    return generator.standard_normal(shape) * math.sqrt(2 / sum(fans(shape, "xavier")))


def he(shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.float64]:
    """w ~ N(0, 2/n) for n inputs: keeps the variance through ReLU (He et al. 2015)."""
    inputs, _ = fans(shape, "he")
    return generator.standard_normal(shape) * math.sqrt(2 / inputs)


glorot = xavier

BY_NAME: dict[str, Initializer] = {
    "zeros": zeros,
    "normal": normal(),
    "lecun": lecun,
    "xavier": xavier,
    "glorot": glorot,
    "he": he,
}
# Not initialisers themselves, and easily taken for some.
MAKERS: dict[str, Callable[..., Any]] = {"constant": constant, "normal": normal}


def fans(shape: tuple[int, ...], operation: str) -> tuple[int, int]:
    """How many inputs an output has, and how many outputs an input."""
    if len(shape) < 2:
        raise tg.ShapeError(
            f"{operation}: the shape {shape} has no inputs and outputs; "
            "it needs (inputs, outputs), and biases begin with nn.zeros"
        )
    field = math.prod(shape[:-2])
    return max(1, field * shape[-2]), max(1, field * shape[-1])


def initial(
    initializer: str | Initializer,
    shape: tuple[int, ...],
    generator: np.random.Generator,
    operation: str,
) -> Any:
    """The array that an initialiser, or the one of that name, makes; its shape is checked."""
    if isinstance(initializer, str):
        if initializer not in BY_NAME:
            close = difflib.get_close_matches(initializer, BY_NAME, 1)
            hint = f"did you mean {close[0]!r}? There are" if close else "it needs one of"
            raise tg.ArgumentError(
                f"{operation}: initializer={initializer!r} is not known; {hint} "
                f"{', '.join(BY_NAME)}, or a function of (shape, generator)"
            )
        initializer = BY_NAME[initializer]
    if not callable(initializer):
        raise tg.ArgumentError(
            f"{operation}: initializer is {type(initializer).__name__}; it needs a name or a "
            "function of (shape, generator). To set given weights, use .weight.assign(array)"
        )
    name = getattr(initializer, "__name__", "")
    if name in MAKERS and initializer is MAKERS[name]:
        raise tg.ArgumentError(
            f"{operation}: {name} makes initialisers; call it, initializer=nn.{name}(0.01)"
        )
    array = initializer(shape, generator)
    if np.shape(array) != shape:
        raise tg.ShapeError(
            f"{operation}: the initializer returned shape {np.shape(array)}; it needs {shape}, "
            "its first argument"
        )
    return array
