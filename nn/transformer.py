"""The transformer's block, and its positions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

from .activation import Activation
from .attention import MultiHeadAttention
from .fully_connected import Dense
from .generator import Seed, generator_from
from .initialisers import Initializer
from .layer_normalisation import LayerNorm
from .module import Module
from .regularisation import MEANING, Dropout
from .validation import check_features, floating, fraction, positive

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray


class TransformerBlock(Module):
    """x + attention(norm(x)), and of that y: y + W₂ g(W₁ norm(y)).

    x: (…, time, features).  mask: as for `nn.MultiHeadAttention`.  Returns the shape of x.

    hidden: how many units W₁ makes; None: 4 · features.  activation: g, by name or as a function.
    dropout: the fraction dropped, in training: of the weights of the attention, of the hidden
        units, and of what both parts add.
    norm_first: normalise what goes into a part, which trains without a warm-up (Xiong et al.
        2020); False: normalise each sum, norm(x + attention(x)), as first published.
    causal: no place looks at one after it.
    initializer: of all weights.  dtype: of the parameters. Input of another dtype is not cast.
    generator: an integer seed or NumPy generator to draw from; else that of `nn.seed`.

    >>> block = nn.TransformerBlock(128, 4, causal=True)
    >>> block(np.zeros((16, 64, 128), np.float32)).shape
    (16, 64, 128)

    Raises ArgumentError for settings that make no sense; when called, ShapeError for sizes that
    do not fit, DTypeError for a mask that is not boolean.
    Vaswani et al. 2017, section 3.
    """

    def __init__(
        self,
        features: int,
        heads: int,
        hidden: int | None = None,
        *,
        activation: Activation = "gelu",
        dropout: float = 0.0,
        norm_first: bool = True,
        causal: bool = False,
        bias: bool = True,
        initializer: str | Initializer = "xavier",
        dtype: DTypeLike = np.float32,
        generator: Seed = None,
    ) -> None:
        super().__init__()
        features = positive("TransformerBlock", "features", features)
        width = 4 * features if hidden is None else positive("TransformerBlock", "hidden", hidden)
        rate = fraction("TransformerBlock", "dropout", dropout, MEANING)
        self.features, self.norm_first, self.causal = features, bool(norm_first), bool(causal)
        drawn = generator_from(generator, "TransformerBlock")
        settings: dict[str, Any] = {
            "bias": bias, "initializer": initializer, "dtype": dtype, "generator": drawn
        }  # fmt: skip
        own = None if generator is None else drawn
        self.attention_norm = LayerNorm(features, dtype=dtype)
        self.attention = MultiHeadAttention(features, heads, **settings)
        self.attention.dropout = Dropout(rate, generator=own)
        self.hidden_norm = LayerNorm(features, dtype=dtype)
        self.hidden = Dense(features, width, activation, **settings)
        self.output = Dense(width, features, **settings)
        self.dropout = Dropout(rate, generator=own)

    def forward(self, x: Any, *, mask: Any = None) -> Any:
        """Both parts, each added to what went into it."""
        check_features(self, x, self.features)
        if self.norm_first:
            x = x + self._attended(self.attention_norm(x), mask)
            return x + self._transformed(self.hidden_norm(x))
        x = self.attention_norm(x + self._attended(x, mask))
        return self.hidden_norm(x + self._transformed(x))

    def _attended(self, x: Any, mask: Any) -> Any:
        return self.dropout(self.attention(x, mask=mask, causal=self.causal))

    def _transformed(self, x: Any) -> Any:
        return self.dropout(self.output(self.dropout(self.hidden(x))))

    def extra_repr(self) -> str:
        """What is not the default."""
        words = [] if self.norm_first else ["norm_first=False"]
        return ", ".join([*words, "causal=True"] if self.causal else words)


def sinusoidal_positions(
    length: int, features: int, *, dtype: DTypeLike = np.float32
) -> NDArray[Any]:
    """sin(t / 10000^(2j/features)) at 2j and its cosine at 2j + 1, for each place t.

    Returns (length, features), to be added to the vectors of a sequence, so that attention, which
    sees a set, can tell places apart. Places that are k apart differ by the same rotation
    everywhere.
    Raises ArgumentError for an odd number of features.  Vaswani et al. 2017, section 3.5.
    """
    length = positive("sinusoidal_positions", "length", length)
    if positive("sinusoidal_positions", "features", features) % 2:
        raise tg.ArgumentError(
            f"sinusoidal_positions: features={features}; it needs an even number, for pairs of "
            "sine and cosine"
        )
    angles = np.arange(length)[:, np.newaxis] / 10000 ** (np.arange(0, features, 2) / features)
    pairs = np.stack([np.sin(angles), np.cos(angles)], axis=-1)
    return pairs.reshape(length, features).astype(floating("sinusoidal_positions", dtype))
