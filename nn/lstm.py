"""Long short-term memory: a step as an operation, the cell, and the layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

from .generator import Seed
from .initialisers import Initializer
from .recurrent import Recurrent, RecurrentCell, State, back_through, driven, sigmoid_in_place
from .rows import one_minus, plus
from .validation import real

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray


def _quarters(gates: Any) -> list[Any]:
    n = gates.shape[1] // 4
    return [gates[:, k : k + n] for k in range(0, 4 * n, n)]


def _gates(projected: Any, h: Any, weight: Any) -> Any:
    """i, f, g, o side by side."""
    i, f, g, o = _quarters(projected + h @ weight)
    return tg.concatenate([tg.sigmoid(i), tg.sigmoid(f), tg.tanh(g), tg.sigmoid(o)], axis=1)


def _times_slopes(cts: list[Any], gates: Any) -> Any:
    """Cotangents of i, f, g, o, times the derivative of σ, or of tanh for g; side by side."""
    i, f, g, o = _quarters(gates)
    if type(gates) is np.ndarray and gates.dtype == cts[1].dtype:
        ct_z = 1 - gates
        ct_z *= gates
        parts = _quarters(ct_z)
        np.subtract(1, g * g, out=parts[2])
        for part, ct in zip(parts, cts, strict=True):
            part *= ct
        return ct_z
    slopes = [i * (1 - i), f * (1 - f), 1 - g * g, o * (1 - o)]
    return np.concatenate([s * ct for s, ct in zip(slopes, cts, strict=True)], axis=1)


def _step_back(
    ct: Any, h: Any, c: Any, weight: Any, running: Any, gates: Any, y: Any, needs: Any
) -> Any:
    ct_h, ct_c = ct
    if running is not None:
        stays_h, stays_c = ct_h * ~running, ct_c * ~running
        ct_h, ct_c = ct_h * running, ct_c * running
    i, f, g, o = _quarters(gates)
    # Where the state stayed, this is not the tanh of the new memory; but the cotangents are 0.
    squashed = np.tanh(y[1])
    ct_c = ct_c + ct_h * o * one_minus(squashed * squashed)
    ct_z = _times_slopes([ct_c * g, ct_c * c, ct_c * i, ct_h * squashed], gates)
    ct_before = back_through(weight, ct_z) if needs[1] else None
    ct_memory = ct_c * f if needs[2] else None
    if running is not None:
        ct_before = ct_before + stays_h if needs[1] else None
        ct_memory = ct_memory + stays_c if needs[2] else None
    return ct_z, ct_before, ct_memory, h.T @ ct_z if needs[3] else None


@tg.primitive(
    name="lstm",
    label="LSTM",
    several=True,
    running=None,
    joint=(("projected", "h", "c", "weight"), _step_back),
    saves={"gates": _gates},
    samples=(
        tg.sample((2, 12), (2, 3), (2, 3), (3, 12)),
        tg.sample((1, 4), (1, 1), (1, 1), (1, 4)),
        tg.sample((3, 8), (3, 2), (3, 2), (2, 8), np.array([[True], [False], [True]])),
        tg.sample((0, 8), (0, 2), (0, 2), (2, 8)),
    ),
)
def lstm_step(projected: Any, h: Any, c: Any, weight: Any, running: Any = None) -> Any:
    """h′ = o tanh c′ and c′ = f c + i g, with i, f, o = σ(…) and g = tanh(…) of projected + h W.

    projected: (batch, 4 · features), what the input adds to the gates, in the order i, f, g, o.
    h, c: (batch, features).  weight: (features, 4 · features).
    running: (batch, 1) booleans, False where h and c stay as they are; None: True everywhere.
    Returns (h′, c′).
    """
    z = plus(driven("lstm", projected, h, weight, 4), projected)
    if c.shape != h.shape:
        raise tg.ShapeError(f"lstm: h of shape {h.shape} and c of shape {c.shape}; they need one")
    n = h.shape[1]
    candidate = np.tanh(z[:, 2 * n : 3 * n])
    # Of all four, which takes less time than of three that do not lie side by side.
    gates = sigmoid_in_place(z)
    gates[:, 2 * n : 3 * n] = candidate
    i, f, _, o = _quarters(gates)
    memory = plus(i * candidate, f * c)
    new = np.tanh(memory)
    new *= o
    if running is not None:
        new, memory = np.where(running, new, h), np.where(running, memory, c)
    return (new, memory), gates


class LSTMCell(RecurrentCell):
    """c′ = f c + i g, h′ = o tanh c′: one step of `nn.LSTM`, which see.

    x: (batch, in_features).  state: (h, c), each (batch, features); None: zeros.
    Returns (h′, c′).

    >>> h, c = nn.LSTMCell(8, 16)(np.zeros((4, 8), np.float32))
    >>> h.shape, c.shape
    ((4, 16), (4, 16))
    """

    gates = 4
    carried = ("h", "c")

    def __init__(
        self,
        in_features: int,
        features: int,
        *,
        bias: bool = True,
        forget_bias: float = 1.0,
        initializer: str | Initializer = "lecun",
        recurrent_initializer: str | Initializer = "lecun",
        dtype: DTypeLike = np.float32,
        generator: Seed = None,
    ) -> None:
        super().__init__(
            in_features,
            features,
            bias=bias,
            initializer=initializer,
            recurrent_initializer=recurrent_initializer,
            dtype=dtype,
            generator=generator,
        )
        value = real(forget_bias)
        if not np.isfinite(value):
            raise tg.ArgumentError(
                f"LSTMCell: forget_bias={forget_bias!r}; it needs a number, such as 1 or 0"
            )
        if self.bias is not None:
            self.bias.assign(np.repeat([0, value, 0, 0], self.features))

    def step(self, projected: Any, state: State, running: NDArray[np.bool_] | None) -> State:
        """(h′, c′), given what the input adds to the gates."""
        h, c = state
        result: Any = lstm_step(projected, h, c, self.recurrent_weight, running)
        return result  # type: ignore[no-any-return]


class LSTM(Recurrent):
    """Long short-term memory: at each time c = f c + i g and h = o tanh c.

    The gates are i, f, o = σ(x Wₓ + h Wₕ + b) and g = tanh(x Wₓ + h Wₕ + b), with columns of their
    own in the weights, in the order i, f, g, o; h and c here are those of the time before.

    x: (batch, time, in_features).
    state: (h, c) to begin with, each (layers · directions, batch, features); None: zeros.
    lengths: (batch,) integers, how many time steps each example has; or mask: (batch, time)
        booleans, True where it has one. Elsewhere the state stays as it is, outputs are 0, and x
        does not matter.
    Returns (outputs, (h, c)): h of the last layer at every time, (batch, time, directions ·
        features), and the state at each example's own end, of the shape of the one to begin with.

    layers: how many, each run over the outputs of the one below.
    bidirectional: a second cell per layer runs from the end, its outputs beside the first one's;
        in the state the two of a layer follow each other.
    dropout: the fraction of the outputs dropped between layers, in training.
    forget_bias: where the bias of f begins, so that a new network remembers; other biases begin
        at 0. bias: False leaves all of them out.
    initializer, recurrent_initializer: for each gate's block of Wₓ, and of Wₕ.
    dtype: of the parameters. Input of another dtype is not cast: float64 input gives float64
        results, by NumPy's promotion.
    generator: an integer seed or NumPy generator to draw from; else that of `nn.seed`.

    Parameters are those of `cells`, one per layer and direction: `input_weight`
    (in_features, 4 · features), `recurrent_weight` (features, 4 · features) and `bias`. They are
    the transposes of PyTorch's weight_ih and weight_hh, and the sum of its two biases.

    >>> outputs, (h, c) = nn.LSTM(8, 16)(np.zeros((4, 50, 8), np.float32))
    >>> outputs.shape, h.shape
    ((4, 50, 16), (1, 4, 16))

    Raises ArgumentError for settings that make no sense, and lengths beyond the time steps; when
    called, ShapeError or DTypeError for input, state, lengths or mask that do not fit.
    Hochreiter and Schmidhuber 1997; with the forget gate of Gers, Schmidhuber and Cummins 2000,
    begun at 1 as Jozefowicz, Zaremba and Sutskever 2015 recommend.
    """

    def __init__(
        self,
        in_features: int,
        features: int,
        layers: int = 1,
        *,
        bidirectional: bool = False,
        dropout: float = 0.0,
        bias: bool = True,
        forget_bias: float = 1.0,
        initializer: str | Initializer = "lecun",
        recurrent_initializer: str | Initializer = "lecun",
        dtype: DTypeLike = np.float32,
        generator: Seed = None,
    ) -> None:
        super().__init__(
            in_features,
            features,
            layers,
            bidirectional=bidirectional,
            dropout=dropout,
            generator=generator,
            cell=lambda inputs, drawn: LSTMCell(
                inputs,
                features,
                bias=bias,
                forget_bias=forget_bias,
                initializer=initializer,
                recurrent_initializer=recurrent_initializer,
                dtype=dtype,
                generator=drawn,
            ),
        )
