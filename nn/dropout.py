"""Inverted dropout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

from .generator import Seed, generator_from, own_generator
from .module import Module
from .validation import fraction

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Dropout(Module):
    """x · mask / (1 − rate) with P(mask = 0) = rate in training; x itself in evaluation.

    Inverted dropout: the division keeps the expectation of what comes out, so that nothing is to
    be done at test time. Every call draws a fresh mask.

    rate: the fraction dropped, in [0, 1); one minus the course's keep_prob.
    generator: an integer seed or NumPy generator to draw from; else a generator of its own, begun
        from that of `nn.seed`. Its state is not part of `state_dict`.
    x: any shape, floating.  Returns the same shape and dtype.
    Raises ArgumentError for a rate outside [0, 1).  Srivastava et al. 2014.
    """

    def __init__(self, rate: float, *, generator: Seed = None) -> None:
        super().__init__()
        meaning = "the fraction that is dropped, 1 − keep_prob"
        self.rate = fraction("Dropout", "rate", rate, meaning)
        self.generator = (
            own_generator() if generator is None else generator_from(generator, "Dropout")
        )

    def forward(self, x: Any) -> Any:
        """The input with a fresh mask, or in evaluation the input itself."""
        if not self.training or not self.rate:
            return x
        if not isinstance(x, (tg.Tensor, np.ndarray)):
            x = tg.tensor(x)
        return tg.multiply(x, self._mask(x.shape, x.dtype))

    def _mask(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        mask: NDArray[Any]
        # Drawn in single precision where that is enough, and turned into the mask in place.
        if dtype.kind == "f" and dtype.itemsize <= 4:
            mask = np.asarray(self.generator.random(shape, dtype=np.float32))
        else:
            mask = np.asarray(self.generator.random(shape))
        np.greater_equal(mask, self.rate, out=mask)
        mask *= 1 / (1 - self.rate)
        return mask.astype(dtype, copy=False) if dtype.kind == "f" else mask

    def extra_repr(self) -> str:
        """The rate."""
        return str(self.rate)
