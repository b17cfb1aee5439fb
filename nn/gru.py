"""Gated recurrent units: a step as an operation, the cell, and the layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

from .generator import Seed
from .initialisers import Initializer
from .recurrent import Recurrent, RecurrentCell, State, back_through, driven, sigmoid_in_place
from .rows import column_sums, one_minus

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray


def _thirds(gates: Any) -> list[Any]:
    n = gates.shape[1] // 3
    return [gates[:, k : k + n] for k in range(0, 3 * n, n)]


def _inner(h: Any, weight: Any, bias: Any) -> Any:
    """What the reset gate multiplies."""
    inner = h @ _thirds(weight)[2]
    return inner if bias is None else inner + bias


def _gates(projected: Any, h: Any, weight: Any, bias: Any) -> Any:
    """r, u, n side by side."""
    fixed, own = _thirds(projected), _thirds(weight)
    r, u = (tg.sigmoid(p + h @ w) for p, w in zip(fixed[:2], own[:2], strict=True))
    return tg.concatenate([r, u, tg.tanh(fixed[2] + r * _inner(h, weight, bias))], axis=1)


def _step_back(
    ct: Any, h: Any, weight: Any, running: Any, gates: Any, inner: Any, needs: Any
) -> Any:
    stays = None
    if running is not None:
        stays, ct = ct * ~running, ct * running
    r, u, n = _thirds(gates)
    ct_n = ct * (1 - u) * one_minus(n * n)
    ct_r, ct_u = ct_n * inner * r * (1 - r), ct * (h - n) * u * (1 - u)
    ct_inner = ct_n * r
    ct_projected = np.concatenate([ct_r, ct_u, ct_n], axis=1)
    ct_driven = np.concatenate([ct_r, ct_u, ct_inner], axis=1)
    ct_h = back_through(weight, ct_driven) + ct * u if needs[1] else None
    if stays is not None and needs[1]:
        ct_h = ct_h + stays
    return (
        ct_projected,
        ct_h,
        h.T @ ct_driven if needs[2] else None,
        column_sums(ct_inner) if needs[3] else None,
    )


@tg.primitive(
    name="gru",
    label="GRU",
    running=None,
    joint=(("projected", "h", "weight", "bias"), _step_back),
    saves={"gates": _gates, "inner": _inner},
    samples=(
        tg.sample((2, 9), (2, 3), (3, 9), (3,)),
        tg.sample((2, 6), (2, 2), (2, 6)),
        tg.sample((1, 3), (1, 1), (1, 3), (1,)),
        tg.sample((3, 6), (3, 2), (2, 6), (2,), np.array([[True], [False], [True]])),
        tg.sample((0, 6), (0, 2), (2, 6), (2,)),
    ),
)
def gru_step(projected: Any, h: Any, weight: Any, bias: Any = None, running: Any = None) -> Any:
    """h′ = (1 − u) n + u h, with r, u = σ(projected + h W) and n = tanh(projected + r (h W + b)).

    projected: (batch, 3 · features), what the input adds to the gates, in the order r, u, n.
    h: (batch, features).  weight: (features, 3 · features).  bias: (features,), or None.
    running: (batch, 1) booleans, False where h stays as it is; None: True everywhere.
    Returns h′.
    """
    z = driven("gru", projected, h, weight, 3)
    features = h.shape[1]
    inner = z[:, 2 * features :]
    if bias is not None:
        if bias.shape != (features,):
            raise tg.ShapeError(f"gru: a bias of shape {bias.shape}; it needs ({features},)")
        inner = inner + bias
    gates = np.empty(z.shape, np.result_type(z, projected, inner))
    np.add(z[:, : 2 * features], projected[:, : 2 * features], out=gates[:, : 2 * features])
    sigmoid_in_place(gates[:, : 2 * features])
    r, u, n = _thirds(gates)
    np.multiply(r, inner, out=n)
    n += projected[:, 2 * features :]
    np.tanh(n, out=n)
    new = h - n
    new *= u
    new += n
    if running is not None:
        new = np.where(running, new, h)
    return new, gates, inner


class GRUCell(RecurrentCell):
    """h′ = (1 − u) n + u h: one step of `nn.GRU`, which see.

    x: (batch, in_features).  state: h, (batch, features); None: zeros.  Returns h′.

    >>> nn.GRUCell(8, 16)(np.zeros((4, 8), np.float32)).shape
    (4, 16)
    """

    gates = 3
    recurrent_bias: tg.Tensor | None

    def __init__(
        self,
        in_features: int,
        features: int,
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
        zeros = np.zeros(self.features)
        self.recurrent_bias = tg.tensor(zeros, dtype, requires_grad=True) if bias else None

    def step(self, projected: Any, state: State, running: NDArray[np.bool_] | None) -> State:
        """(h′,), given what the input adds to the gates."""
        (h,) = state
        return (gru_step(projected, h, self.recurrent_weight, self.recurrent_bias, running),)


class GRU(Recurrent):
    """Gated recurrent units: at each time h′ = (1 − u) n + u h.

    The gates are r, u = σ(x Wₓ + h Wₕ + b) and n = tanh(x Wₓ + b + r (h Wₕ + b′)), with columns of
    their own in the weights, in the order r, u, n. The reset gate r acts after the product with
    Wₕ, as in PyTorch, where Cho et al. have it act on h before.

    x: (batch, time, in_features).
    state: h to begin with, (layers · directions, batch, features); None: zeros.
    lengths: (batch,) integers, how many time steps each example has; or mask: (batch, time)
        booleans, True where it has one. Elsewhere the state stays as it is, outputs are 0, and x
        does not matter.
    Returns (outputs, h): h of the last layer at every time, (batch, time, directions · features),
        and of all layers at each example's own end, of the shape of the one to begin with.

    layers, bidirectional, dropout, initializer, recurrent_initializer, dtype, generator: as for
        `nn.LSTM`.  bias: False leaves b and b′ out; they begin at 0.

    Parameters are those of `cells`, one per layer and direction: `input_weight`
    (in_features, 3 · features), `recurrent_weight` (features, 3 · features), `bias`
    (3 · features,) and `recurrent_bias` (features,), which is b′. They are the transposes of
    PyTorch's weight_ih and weight_hh; b is the sum of its two biases but for n, where b is its
    bias_ih and b′ its bias_hh.

    >>> outputs, h = nn.GRU(8, 16)(np.zeros((4, 50, 8), np.float32))
    >>> outputs.shape, h.shape
    ((4, 50, 16), (1, 4, 16))

    Raises ArgumentError for settings that make no sense, and lengths beyond the time steps; when
    called, ShapeError or DTypeError for input, state, lengths or mask that do not fit.
    Cho et al. 2014.
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
            cell=lambda inputs, drawn: GRUCell(
                inputs,
                features,
                bias=bias,
                initializer=initializer,
                recurrent_initializer=recurrent_initializer,
                dtype=dtype,
                generator=drawn,
            ),
        )
