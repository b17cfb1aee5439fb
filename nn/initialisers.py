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

from .validation import real

if TYPE_CHECKING:
    from numpy.typing import NDArray

Initializer: TypeAlias = Callable[[tuple[int, ...], np.random.Generator], Any]


def zeros(shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.float64]:
    """w = 0: right for biases; weights that begin equal stay equal, and learn one feature."""
    return np.zeros(shape)


def ones(shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.float64]:
    """w = 1: for scales, such as the γ of a normalisation."""
    return np.ones(shape)


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


def uniform(low: float = -0.05, high: float = 0.05) -> Initializer:
    """w ~ U[low, high).  Raises ArgumentError unless low < high."""
    if not -np.inf < real(low) < real(high) < np.inf:
        raise tg.ArgumentError(f"uniform: low={low!r}, high={high!r}; it needs low < high")

    def initializer(shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.float64]:
        return generator.uniform(low, high, shape)

    return initializer


def truncated_normal(std: float = 0.01) -> Initializer:
    """w ~ N(0, std²), but never further from 0 than 2 std: what is, is drawn again."""

    def initializer(shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.float64]:
        w = generator.standard_normal(shape)
        while (far := np.abs(w) > 2).any():
            w[far] = generator.standard_normal(np.count_nonzero(far))
        return w * std

    return initializer


def orthogonal(gain: float = 1.0) -> Initializer:
    """W with orthonormal columns, or rows if it has fewer of them, times the gain.

    Keeps the length of what passes through, however many layers there are; for recurrent weights.
    The axes before the last count as one. Uniform among all such matrices: the Q of a normal
    matrix's QR, with the signs that make R's diagonal positive (Saxe et al. 2014; Mezzadri 2007).
    """

    def initializer(shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.float64]:
        fans(shape, "orthogonal")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(generator.standard_normal((max(rows, columns), min(rows, columns))))
        q *= np.copysign(gain, np.diag(r))
        return np.ascontiguousarray(q if rows >= columns else q.T).reshape(shape)

    return initializer


def _fill(
    variance: float, shape: tuple[int, ...], generator: np.random.Generator, *, flat: bool
) -> NDArray[np.float64]:
    """Numbers of mean 0 and this variance, uniform if `flat`, else normal."""
    if flat:
        bound = math.sqrt(3 * variance)
        return generator.uniform(-bound, bound, shape)
    return generator.standard_normal(shape) * math.sqrt(variance)


def lecun(shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.float64]:
    """w ~ N(0, 1/n) for n inputs: keeps the variance through linear units and tanh (LeCun 1998).

    What Andrew Ng's course calls Xavier initialisation.
    """
    return _fill(1 / fans(shape, "lecun")[0], shape, generator, flat=False)


def lecun_uniform(shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.float64]:
    """w ~ U(−b, b), b = √(3/n), for n inputs: of the variance of `lecun`."""
    return _fill(1 / fans(shape, "lecun_uniform")[0], shape, generator, flat=True)


def xavier(shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.float64]:
    """w ~ N(0, 2 / (inputs + outputs)): forward and backward in balance (Glorot, Bengio 2010)."""
    return _fill(2 / sum(fans(shape, "xavier")), shape, generator, flat=False)


def xavier_uniform(shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.float64]:
    """w ~ U(−b, b), b = √(6 / (inputs + outputs)): of the variance of `xavier`."""
    return _fill(2 / sum(fans(shape, "xavier_uniform")), shape, generator, flat=True)


def he(shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.float64]:
    """w ~ N(0, 2/n) for n inputs: keeps the variance through ReLU (He et al. 2015)."""
    return _fill(2 / fans(shape, "he")[0], shape, generator, flat=False)


def he_uniform(shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.float64]:
    """w ~ U(−b, b), b = √(6/n), for n inputs: of the variance of `he`."""
    return _fill(2 / fans(shape, "he_uniform")[0], shape, generator, flat=True)


glorot, glorot_uniform = xavier, xavier_uniform

BY_NAME: dict[str, Initializer] = {
    "zeros": zeros,
    "ones": ones,
    "normal": normal(),
    "truncated_normal": truncated_normal(),
    "uniform": uniform(),
    "lecun": lecun,
    "lecun_uniform": lecun_uniform,
    "xavier": xavier,
    "xavier_uniform": xavier_uniform,
    "glorot": glorot,
    "glorot_uniform": glorot_uniform,
    "he": he,
    "he_uniform": he_uniform,
    "orthogonal": orthogonal(),
}
# Not initialisers themselves, and easily taken for some; and how they are called.
MAKERS: dict[str, tuple[Callable[..., Any], str]] = {
    "constant": (constant, "0.01"),
    "normal": (normal, "0.01"),
    "truncated_normal": (truncated_normal, "0.01"),
    "uniform": (uniform, "-0.05, 0.05"),
    "orthogonal": (orthogonal, ""),
}


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
    if name in MAKERS and initializer is MAKERS[name][0]:
        raise tg.ArgumentError(
            f"{operation}: {name} makes initialisers; call it, "
            f"initializer=nn.{name}({MAKERS[name][1]})"
        )
    array = initializer(shape, generator)
    if np.shape(array) != shape:
        raise tg.ShapeError(
            f"{operation}: the initializer returned shape {np.shape(array)}; it needs {shape}, "
            "its first argument"
        )
    return array
