"""What recurrent layers share: cells, and running one over a sequence."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

import tinygraph as tg

from .fully_connected import dense
from .generator import Seed, generator_from
from .initialisers import Initializer, initial
from .module import Module
from .regularisation import MEANING, Dropout
from .validation import check_features, floating, fraction, positive, shape_of

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

State = tuple[Any, ...]


def sigmoid_in_place(z: NDArray[Any]) -> NDArray[Any]:
    """1 / (1 + e^−z), in the place of z."""
    np.negative(z, out=z)
    with np.errstate(over="ignore"):  # 1 / (1 + ∞) is 0, as it should be
        np.exp(z, out=z)
    z += 1
    np.divide(1, z, out=z)
    return z


def back_through(weight: Any, ct: Any) -> Any:
    """The cotangent of h, given that of h W."""
    if type(ct) is np.ndarray and len(ct) < len(weight):
        # With few columns on the right it is a product that BLAS does up to a third faster.
        return np.ascontiguousarray(weight.dot(ct.T).T)
    return ct @ weight.T


def driven(operation: str, projected: Any, h: Any, weight: Any, gates: int) -> Any:
    """H W, an array of one's own, with everything's shape checked."""
    n = weight.shape[0] if weight.ndim else 0
    if weight.ndim != 2 or weight.shape[1] != gates * n:
        needed = "(features, features)" if gates == 1 else f"(features, {gates} · features)"
        raise tg.ShapeError(
            f"{operation}: a recurrent weight of shape {weight.shape}; it needs {needed}"
        )
    if h.ndim != 2 or h.shape[1] != n:
        raise tg.ShapeError(f"{operation}: a state of shape {h.shape}; it needs (batch, {n})")
    if projected.shape != (len(h), gates * n):
        raise tg.ShapeError(
            f"{operation}: projected input of shape {projected.shape} beside a state of shape "
            f"{h.shape}; it needs {(len(h), gates * n)}"
        )
    z = h.dot(weight)
    if z.dtype.kind == "c" or projected.dtype.kind == "c":
        raise tg.DTypeError(f"{operation}: complex numbers; it is for real ones")
    return z if z.dtype.kind == "f" else z.astype(np.float64)


class RecurrentCell(Module):
    """One step of a recurrent layer: from the input and the state at a time to the next state.

    `input_weight`: (in_features, gates · features).  `recurrent_weight`: (features,
    gates · features).  `bias`: (gates · features,), or None.
    """

    gates: ClassVar[int]
    carried: ClassVar[tuple[str, ...]] = ("h",)

    input_weight: tg.Tensor
    recurrent_weight: tg.Tensor
    bias: tg.Tensor | None

    def __init__(
        self,
        in_features: int,
        features: int,
        *,
        bias: bool,
        initializer: str | Initializer,
        recurrent_initializer: str | Initializer,
        dtype: DTypeLike,
        generator: Seed,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.in_features = positive(name, "in_features", in_features)
        self.features = positive(name, "features", features)
        dtype = floating(name, dtype)
        drawn = generator_from(generator, name)
        for parameter, rows, begun in (
            ("input_weight", self.in_features, initializer),
            ("recurrent_weight", self.features, recurrent_initializer),
        ):
            # One gate at a time, as each of them is a layer of its own to the initialiser.
            blocks = [initial(begun, (rows, self.features), drawn, name) for _ in range(self.gates)]
            weight = tg.tensor(np.concatenate(blocks, axis=1), dtype, requires_grad=True)
            setattr(self, parameter, weight)
        zeros = np.zeros(self.gates * self.features)
        self.bias = tg.tensor(zeros, dtype, requires_grad=True) if bias else None

    def project(self, x: Any) -> tg.Tensor:
        """What the input adds to the gates, x W + b: (…, in_features) to (…, gates · features)."""
        return dense(x, self.input_weight, self.bias)

    def step(self, projected: Any, state: State, running: NDArray[np.bool_] | None) -> State:
        """The next state, given what the input adds to the gates.

        running: (batch, 1); where it is False the state stays as it is. None: True everywhere.
        """
        raise NotImplementedError

    def forward(self, x: Any, state: Any = None) -> Any:
        """The next state."""
        shape = check_features(self, x, self.in_features)
        name = type(self).__name__
        if len(shape) != 2:
            raise tg.ShapeError(
                f"{name}: x of shape {shape}; it needs (batch, {self.in_features}), one time step"
                + (f"; for sequences there is nn.{name[:-4]}" if len(shape) > 2 else "")
            )
        projected = self.project(x)
        wanted = (shape[0], self.features)
        given = checked_state(name, self.carried, state, wanted, "(batch, features)")
        result = self.step(projected, given or self.rest(shape[0], projected.dtype), None)
        return result if len(result) > 1 else result[0]

    def rest(self, batch: int, dtype: Any) -> State:
        """The state to begin with, zeros."""
        return tuple([np.zeros((batch, self.features), dtype) for _ in self.carried])

    def extra_repr(self) -> str:
        """The sizes, and what is not the default."""
        words = [str(self.in_features), str(self.features)]
        if self.bias is None:
            words.append("bias=False")
        if self.input_weight.dtype != np.float32:
            words.append(f"dtype={self.input_weight.dtype}")
        return ", ".join(words)


def checked_state(
    operation: str, carried: tuple[str, ...], state: Any, shape: tuple[int, ...], words: str
) -> State | None:
    """The parts of a state, each of this shape; None if there is none."""
    if state is None:
        return None
    several = len(carried) > 1
    if several and (not isinstance(state, (tuple, list)) or len(state) != len(carried)):
        came = f"{type(state).__name__}{f' of {len(state)}' if hasattr(state, '__len__') else ''}"
        raise tg.ArgumentError(
            f"{operation}: a state that is {came}; it needs the tuple ({', '.join(carried)}), "
            "as a call returns it"
        )
    if not several and isinstance(state, tuple):
        raise tg.ArgumentError(
            f"{operation}: a state that is a tuple; it needs the array h alone, as a call returns "
            "it second"
        )
    parts = tuple(state) if several else (state,)
    for name, part in zip(carried, parts, strict=True):
        if np.shape(part) != shape:
            raise tg.ShapeError(
                f"{operation}: a state with {name} of shape {np.shape(part)}; it needs {words}, "
                f"here {shape}"
            )
    return parts


class Recurrent(Module):
    """A cell run over sequences, in layers, forward in time or in both directions."""

    cells: list[RecurrentCell]

    def __init__(
        self,
        in_features: int,
        features: int,
        layers: int,
        *,
        bidirectional: bool,
        dropout: float,
        generator: Seed,
        cell: Callable[[int, Seed], RecurrentCell],
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.in_features = positive(name, "in_features", in_features)
        self.features = positive(name, "features", features)
        self.layers = positive(name, "layers", layers)
        self.bidirectional = bool(bidirectional)
        drawn = generator_from(generator, name)
        rate = fraction(name, "dropout", dropout, MEANING)
        if rate and self.layers == 1:
            raise tg.ArgumentError(
                f"{name}: dropout={dropout} with one layer; it acts between layers, so that it "
                "needs layers=2 or more; apply nn.Dropout to the outputs instead"
            )
        self.dropout = Dropout(rate, generator=None if generator is None else drawn)
        ways = 1 + self.bidirectional
        self.cells = [
            cell(self.in_features if layer == 0 else ways * self.features, drawn)
            for layer in range(self.layers)
            for _ in range(ways)
        ]

    def forward(self, x: Any, state: Any = None, *, lengths: Any = None, mask: Any = None) -> Any:
        """(outputs, state): see the class."""
        name, carried = type(self).__name__, self.cells[0].carried
        batch, time = self._check_input(x)
        running = running_steps(name, lengths, mask, batch, time)
        shape = (len(self.cells), batch, self.features)
        given = checked_state(name, carried, state, shape, "(layers · directions, batch, features)")
        first = None if given is None else list(zip(*map(tg.unstack, given), strict=True))
        if running is not None:
            x = tg.where(running[:, :, np.newaxis], x, 0)
        masks = [None] * time if running is None else [_column(on) for on in running.T]
        sequence = tg.swapaxes(x, 0, 1)
        ways = 1 + self.bidirectional
        paths: list[list[Any]] = []
        states: list[State] = []
        for k, cell in enumerate(self.cells):
            if k and k % ways == 0:
                sequence = self.dropout(_joined(paths, 0))
                paths = []
            begun = None if first is None else first[k]
            outputs, last = _run(cell, sequence, begun, masks, backwards=k % ways == 1)
            paths.append(outputs)
            states.append(last)
        result = _joined(paths, 1)
        if running is not None:
            result = tg.where(running[:, :, np.newaxis], result, 0)
        final = tuple([tg.stack(parts) for parts in zip(*states, strict=True)])
        return result, final if len(final) > 1 else final[0]

    def _check_input(self, x: Any) -> tuple[int, int]:
        """Batch size and number of time steps."""
        name = type(self).__name__
        shape = shape_of(self, x)
        if len(shape) != 3:
            dtype = getattr(x, "dtype", None)
            if len(shape) == 2 and dtype is not None and dtype.kind in "iu":
                fix = "look integers up in an nn.Embedding, or pass tg.one_hot of them"
            elif len(shape) == 2 and shape[1] == self.in_features:
                fix = "a single sequence is a batch of one, x[np.newaxis]"
            elif len(shape) == 2 and self.in_features == 1:
                fix = "give it an axis for its one feature, x[:, :, np.newaxis]"
            else:
                fix = "one sequence per example, time along the second axis"
            raise tg.ShapeError(
                f"{name}: x of shape {shape}; it needs (batch, time, {self.in_features}); {fix}"
            )
        if shape[2] != self.in_features:
            fix = f"build the layer for {shape[2]} features instead"
            if shape[1] == self.in_features:
                fix = "features go last, x.swapaxes(1, 2)"
            raise tg.ShapeError(
                f"{name}: x of shape {shape}; it needs (batch, time, {self.in_features}); {fix}"
            )
        if not shape[1]:
            raise tg.ShapeError(f"{name}: x of shape {shape} has no time steps; it needs one")
        return shape[0], shape[1]

    def extra_repr(self) -> str:
        """The sizes, and what is not the default."""
        words = [str(self.in_features), str(self.features)]
        if self.layers > 1:
            words.append(f"layers={self.layers}")
        if self.bidirectional:
            words.append("bidirectional=True")
        return ", ".join(words)


def _run(
    cell: RecurrentCell, sequence: Any, state: State | None, masks: list[Any], *, backwards: bool
) -> tuple[list[Any], State]:
    """The cell's first state part at each time, and its last state; of (time, batch, features)."""
    time, batch, n = sequence.shape
    # All time steps in one product; flattened before it, so that they are copied into order once.
    flat = cell.project(tg.reshape(sequence, (time * batch, n)))
    projected = tg.unstack(tg.reshape(flat, (time, batch, flat.shape[1])))
    state = state or cell.rest(batch, flat.dtype)
    outputs: list[Any] = [None] * time
    for t in reversed(range(time)) if backwards else range(time):
        state = cell.step(projected[t], state, masks[t])
        outputs[t] = state[0]
    return outputs, state


def _joined(paths: list[list[Any]], axis: int) -> tg.Tensor:
    """The steps side by side along the axis, the directions along the last."""
    sequences = [tg.stack(steps, axis=axis) for steps in paths]
    return sequences[0] if len(sequences) == 1 else tg.concatenate(sequences, axis=-1)


def _column(on: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    return None if on.all() else on[:, np.newaxis]


def running_steps(
    operation: str, lengths: Any, mask: Any, batch: int, time: int
) -> NDArray[np.bool_] | None:
    """For each example and time whether it is part of the sequence; None where all are."""
    if lengths is None and mask is None:
        return None
    if lengths is not None and mask is not None:
        raise tg.ArgumentError(f"{operation}: lengths and mask came; give one of them")
    given = lengths if mask is None else mask
    array = given.numpy() if isinstance(given, tg.Tensor) else np.asarray(given)
    if mask is None:
        running = np.arange(time) < _lengths(operation, array, batch, time)[:, np.newaxis]
    elif array.dtype != bool:
        raise tg.DTypeError(
            f"{operation}: a mask of dtype {array.dtype}; it needs booleans, True where the "
            "sequence goes on; numbers of steps are lengths="
        )
    elif array.shape != (batch, time):
        raise tg.ShapeError(
            f"{operation}: a mask of shape {array.shape}; it needs (batch, time), "
            f"here {(batch, time)}"
        )
    else:
        running = array
    return None if running.all() else running


def _lengths(operation: str, lengths: NDArray[Any], batch: int, time: int) -> NDArray[Any]:
    if lengths.dtype.kind not in "iu":
        raise tg.DTypeError(
            f"{operation}: lengths of dtype {lengths.dtype}; it needs integers, the number of "
            "steps of each example; booleans per step are mask="
        )
    if lengths.shape != (batch,):
        raise tg.ShapeError(
            f"{operation}: lengths of shape {lengths.shape}; it needs one per example, ({batch},)"
        )
    wrong = np.flatnonzero((lengths < 0) | (lengths > time))
    if wrong.size:
        raise tg.ArgumentError(
            f"{operation}: lengths[{wrong[0]}] is {lengths[wrong[0]]}; x has {time} time steps, "
            f"so lengths need to be in 0 … {time}"
        )
    return lengths
