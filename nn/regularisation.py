"""Inverted dropout, as an operation and as a layer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

from .generator import Seed, generator_from, own_generator
from .module import Module
from .validation import fraction

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEANING = "the fraction that is dropped, 1 − keep_prob"
# Those whose raw numbers have 64 random bits.
FULL = (np.random.PCG64, np.random.SFC64, np.random.PCG64DXSM, np.random.Philox)


def _words(generator: np.random.Generator, n: int) -> NDArray[np.uint16]:
    """So many uniform 16-bit integers, taken from the generator's raw numbers where that goes."""
    if not isinstance(generator.bit_generator, FULL):
        return generator.integers(0, 1 << 16, n, np.uint16)
    raw: NDArray[Any] = np.asarray(generator.bit_generator.random_raw((n + 3) // 4))
    return raw.view(np.uint16)[:n]


def draw_mask(
    shape: tuple[int, ...], rate: float, dtype: np.dtype[Any], generator: np.random.Generator
) -> Any:
    """0 with probability `rate`, else 1 / (1 − rate), independently for each element.

    Of 16 random bits per element, read as the first 16 digits of a number u in [0, 1): it is kept
    if u < 1 − rate. Where these digits do not decide, once in 65,536, more are drawn; so that the
    probability is exact.
    """
    keep = 1 - rate
    whole = int(keep * 65536)
    rest = keep * 65536 - whole
    words = _words(generator, math.prod(shape))
    kept = words < whole
    if rest:
        undecided = words == whole
        count = np.count_nonzero(undecided)
        if count:
            kept[undecided] = generator.random(count) < rest
    mask = kept.astype(dtype)
    mask *= 1 / keep
    return mask.reshape(shape)


@tg.primitive(
    name="dropout",
    x=lambda ct, mask: ct * mask,
    mask=None,
    samples=(
        tg.sample((3, 2), np.array([[0.0, 2.0], [2.0, 0.0], [2.0, 2.0]]), 0.5),
        tg.sample((), np.array(1.25), 0.2),
    ),
)
def masked(x: Any, mask: Any, rate: float) -> Any:
    """x · mask."""
    return x * mask


def dropout(x: Any, rate: float, *, generator: Seed = None) -> tg.Tensor:
    """x · mask / (1 − rate) with P(mask = 0) = rate, drawn anew at each call.

    x: any shape, floating.  rate: the fraction dropped, in [0, 1).
    generator: an integer seed or NumPy generator to draw from; else that of `nn.seed`.
    Returns the shape and dtype of x; its expectation is x. It always drops: what is to depend on
    training is for `nn.Dropout`.
    Raises ArgumentError for a rate outside [0, 1).  Srivastava et al. 2014.
    """
    rate = fraction("dropout", "rate", rate, MEANING)
    return _dropped(x, rate, generator_from(generator, "dropout"))


def _dropped(x: Any, rate: float, generator: np.random.Generator) -> tg.Tensor:
    if not isinstance(x, (tg.Tensor, np.ndarray)):
        x = tg.tensor(x)
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
    return masked(x, draw_mask(x.shape, rate, dtype, tg.reproducible(generator)), rate)


class Dropout(Module):
    """x · mask / (1 − rate) with P(mask = 0) = rate in training; x itself in evaluation.

    Inverted dropout: the division keeps the expectation of what comes out, so that nothing is to
    be done at test time. Every call draws a fresh mask.

    rate: the fraction dropped, in [0, 1); one minus the course's keep_prob.
    generator: an integer seed or NumPy generator to draw from; else a generator of its own, begun
        from that of `nn.seed`. Its state is not part of `state_dict`, but `tg.save` keeps it.
    x: any shape, floating.  Returns the same shape and dtype.
    Raises ArgumentError for a rate outside [0, 1).  Srivastava et al. 2014.
    """

    def __init__(self, rate: float, *, generator: Seed = None) -> None:
        super().__init__()
        self.rate = fraction("Dropout", "rate", rate, MEANING)
        self.generator = (
            own_generator() if generator is None else generator_from(generator, "Dropout")
        )

    def forward(self, x: Any) -> Any:
        """The input with a fresh mask, or in evaluation the input itself."""
        if not self.training or not self.rate:
            return x
        return _dropped(x, self.rate, self.generator)

    def extra_repr(self) -> str:
        """The rate."""
        return str(self.rate)
