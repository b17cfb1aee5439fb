"""The simple recurrent network: a step as an operation, the cell, and the layer."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

from .activation import Activation, activation_from
from .fully_connected import BACK, FORWARD
from .generator import Seed
from .initialisers import Initializer
from .recurrent import Recurrent, RecurrentCell, State, back_through, driven
from .rows import plus

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

# Those that are part of the step; with another one it is composed of operations.
FUSED: dict[Any, str] = {tg.tanh: "tanh", tg.relu: "relu"}


def _step_back(
    ct: Any, h: Any, weight: Any, running: Any, activation: str, y: Any, needs: Any
) -> Any:
    # Where the state stayed, its y is not the activation's; but the cotangent is 0.
    ct_z = BACK[activation](ct if running is None else ct * running, y)
    ct_h = back_through(weight, ct_z) if needs[1] else None
    if running is not None and needs[1]:
        ct_h = ct_h + ct * ~running
    return ct_z, ct_h, h.T @ ct_z if needs[2] else None


@tg.primitive(
    name="rnn",
    label="RNN",
    running=None,
    joint=(("projected", "h", "weight"), _step_back),
    samples=(
        tg.sample((2, 3), (2, 3), (3, 3)),
        tg.sample((2, 3), (2, 3), (3, 3), activation="relu"),
        tg.sample((1, 1), (1, 1), (1, 1)),
        tg.sample((3, 2), (3, 2), (2, 2), np.array([[True], [False], [True]])),
        tg.sample((0, 2), (0, 2), (2, 2)),
    ),
)
def rnn_step(
    projected: Any, h: Any, weight: Any, running: Any = None, *, activation: str = "tanh"
) -> Any:
    """h′ = g(projected + h W).

    projected: (batch, features), what the input adds.  h: the same.  weight: (features, features).
    running: (batch, 1) booleans, False where h stays as it is; None: True everywhere.
    activation: g, "tanh" or "relu".  Returns h′.
    """
    new = FORWARD[activation](plus(driven("rnn", projected, h, weight, 1), projected))
    return new if running is None else np.where(running, new, h)


class RNNCell(RecurrentCell):
    """h′ = g(x Wₓ + h Wₕ + b): one step of `nn.RNN`, which see.

    x: (batch, in_features).  state: h, (batch, features); None: zeros.  Returns h′.

    >>> nn.RNNCell(8, 16)(np.zeros((4, 8), np.float32)).shape
    (4, 16)
    """

    gates = 1
    activation: Callable[..., Any] | None

    def __init__(
        self,
        in_features: int,
        features: int,
        activation: Activation = "tanh",
        *,
        bias: bool = True,
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
        self.activation = activation_from(activation, "RNNCell")

    def step(self, projected: Any, state: State, running: NDArray[np.bool_] | None) -> State:
        """(h′,), given what the input adds."""
        (h,), g = state, self.activation
        name = FUSED.get(g) if isinstance(g, Hashable) else None
        if name is not None:
            return (rnn_step(projected, h, self.recurrent_weight, running, activation=name),)
        z = projected + tg.matmul(h, self.recurrent_weight)
        new = z if g is None else g(z)
        return (new if running is None else tg.where(running, new, h),)


class RNN(Recurrent):
    """The simple recurrent network: at each time h′ = g(x Wₓ + h Wₕ + b).

    x: (batch, time, in_features).
    state: h to begin with, (layers · directions, batch, features); None: zeros.
    lengths: (batch,) integers, how many time steps each example has; or mask: (batch, time)
        booleans, True where it has one. Elsewhere the state stays as it is, outputs are 0, and x
        does not matter.
    Returns (outputs, h): h of the last layer at every time, (batch, time, directions · features),
        and of all layers at each example's own end, of the shape of the one to begin with.

    activation: g, by name or as a function; None for the identity.
    layers, bidirectional, dropout, initializer, recurrent_initializer, dtype, generator: as for
        `nn.LSTM`.  bias: False leaves b out; it begins at 0.

    Parameters are those of `cells`, one per layer and direction: `input_weight`
    (in_features, features), `recurrent_weight` (features, features) and `bias`. They are the
    transposes of PyTorch's weight_ih and weight_hh, and the sum of its two biases.

    >>> outputs, h = nn.RNN(8, 16)(np.zeros((4, 50, 8), np.float32))
    >>> outputs.shape, h.shape
    ((4, 50, 16), (1, 4, 16))

    Raises ArgumentError for settings that make no sense, and lengths beyond the time steps; when
    called, ShapeError or DTypeError for input, state, lengths or mask that do not fit.
    Elman 1990.
    """

    def __init__(
        self,
        in_features: int,
        features: int,
        layers: int = 1,
        activation: Activation = "tanh",
        *,
        bidirectional: bool = False,
        dropout: float = 0.0,
        bias: bool = True,
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
            cell=lambda inputs, drawn: RNNCell(
                inputs,
                features,
                activation,
                bias=bias,
                initializer=initializer,
                recurrent_initializer=recurrent_initializer,
                dtype=dtype,
                generator=drawn,
            ),
        )
