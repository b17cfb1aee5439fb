"""The state of a fit, which callbacks see, and what a callback is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

import tinygraph as tg

from .history import History


@dataclass(eq=False, repr=False)
class Training:
    """A fit under way.

    model, loss, optimizer: as `nn.fit` was given them.
    history: all epochs so far; in `on_epoch_end` the last row is that of the epoch at its end.
    monitor: the quantity that the optimiser's schedule is given.
    epoch: its number, from 1; after a resumed history from that one's epochs + 1.
    last_epoch: the number of the last one, if nothing stops it before.
    batch: the number of the batch within the epoch, from 1.
    cost: the loss of this batch.
    validated: whether there is a validation set.
    rng: the generator that orders the examples.
    """

    model: Any
    loss: Callable[..., Any]
    optimizer: Any
    history: History
    monitor: str
    last_epoch: int
    validated: bool
    rng: np.random.Generator
    epoch: int = 0
    batch: int = 0
    cost: float = float("nan")

    def record(self, name: str, value: Any) -> None:
        """Put a quantity into this epoch's row of the history."""
        self.history.record(name, value)

    def stop(self, reason: str) -> None:
        """Let this epoch be the last; the reason is kept as `history.stopped`."""
        self.history.stopped = reason


class Callback:
    """What happens beside a fit; a subclass overrides what it needs.

    Instead of a subclass, `nn.fit` takes any object with some of these methods, or a function,
    which is called as `on_epoch_end` is. Each is given the `nn.Training`.
    """

    def on_begin(self, training: Training) -> None:
        """Before the first epoch."""

    def on_batch_end(self, training: Training) -> None:
        """After each step of the optimiser; the gradients are still there."""

    def on_epoch_end(self, training: Training) -> None:
        """After each whole epoch, its validation included."""

    def on_end(self, training: Training) -> None:
        """When the fit ends, in whatever way: also interrupted, and after an error."""


class _Function(Callback):
    """A function as a callback."""

    def __init__(self, function: Callable[[Training], Any]) -> None:
        self.function = function

    def on_epoch_end(self, training: Training) -> None:
        """Call it."""
        self.function(training)


class _Methods(Callback):
    """An object with some of the methods of a callback."""

    def __init__(self, holder: Any) -> None:
        for name in METHODS:
            method = getattr(holder, name, None)
            if callable(method):
                setattr(self, name, method)


METHODS = ("on_begin", "on_batch_end", "on_epoch_end", "on_end")


def callbacks_from(operation: str, given: Any) -> list[Callback]:
    """Each as a Callback; ArgumentError for what is none."""
    single = isinstance(given, Callback) or callable(given) or not isinstance(given, Iterable)
    return [_callback(operation, one) for one in ([given] if single else given)]


def _callback(operation: str, given: Any) -> Callback:
    if isinstance(given, Callback):
        return given
    if not isinstance(given, type):
        if any(hasattr(given, name) for name in METHODS):
            return _Methods(given)
        if callable(given):
            return _Function(given)
    came, fix = repr(given), f"a function, or an object with some of {', '.join(METHODS)}"
    if isinstance(given, type):
        came, fix = f"the class {given.__name__}", f"an instance, {given.__name__}(…)"
    raise tg.ArgumentError(f"{operation}: a callback is {came}; it needs {fix}")
