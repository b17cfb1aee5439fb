"""Callbacks: early stopping, checkpoints, gradient norms."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

import tinygraph as tg

from .history import direction
from .module import Module
from .training import Callback, Training
from .validation import positive, real


class Monitor:
    """The best value of a quantity so far.

    mode: "min" or "max"; needed where the name does not tell, as `History.best` says.
    """

    def __init__(self, operation: str, name: str, mode: str | None, min_delta: float = 0.0) -> None:
        self.operation = operation
        self.name = name
        self.sign = direction(operation, name, mode)
        self.min_delta = min_delta
        self.reset()

    def reset(self) -> None:
        """Forget what was best."""
        self.best = math.nan
        self.epoch = 0

    def check(self, training: Training) -> None:
        """Before the first epoch: raise ArgumentError if there will be nothing to watch."""
        if self.name.startswith("val_") and not training.validated:
            raise tg.ArgumentError(
                f"{self.operation}: monitor={self.name!r} needs a validation set; pass "
                "validation= to nn.fit, or monitor='loss'"
            )

    def improved(self, training: Training) -> bool:
        """Whether this epoch was better than the best, by more than min_delta."""
        if self.name not in training.history:
            raise tg.ArgumentError(
                f"{self.operation}: monitor={self.name!r} is not measured; there are "
                f"{', '.join(training.history)}"
            )
        value = training.history[self.name][-1]
        gain = self.sign * (self.best - value)
        if math.isnan(value) or not (math.isnan(self.best) or gain > self.min_delta):
            return False
        self.best, self.epoch = value, training.epoch
        return True


class EarlyStopping(Callback):
    """Ends a fit when a quantity has not improved for `patience` epochs; the best weights remain.

    monitor: a quantity of the history.  patience: how many epochs in a row, 1 or more.
    min_delta: what is no more than this is no improvement.
    mode: "min" or "max"; needed where the name does not tell: less is better of a loss or an error,
        more of an accuracy or a score.
    restore_best: give the model, when the fit ends, the parameters and buffers of its best epoch,
        to the bit. Also where the last epoch was reached, or Ctrl-C ended it.

    best, best_epoch: the value, and the epoch it was of. Each fit begins anew with these.
    Raises ArgumentError for settings that make no sense, or a monitor that is not measured.
    Course 2, week 1.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 10,
        min_delta: float = 0.0,
        *,
        mode: str | None = None,
        restore_best: bool = True,
    ) -> None:
        operation = "EarlyStopping"
        self.patience = positive(operation, "patience", patience)
        if not real(min_delta) >= 0:
            raise tg.ArgumentError(f"{operation}: min_delta={min_delta!r}; it needs 0 or more")
        self.restore_best = restore_best
        self._monitor = Monitor(operation, monitor, mode, min_delta)
        self._weights: dict[str, Any] | None = None
        self._waited = 0

    @property
    def best(self) -> float:
        """The best value; NaN before there is one."""
        return self._monitor.best

    @property
    def best_epoch(self) -> int:
        """The epoch of the best value; 0 before there is one."""
        return self._monitor.epoch

    def on_begin(self, training: Training) -> None:
        """Forget an earlier fit."""
        if self.restore_best and not isinstance(training.model, Module):
            raise tg.ArgumentError(
                f"EarlyStopping: the model is a {type(training.model).__name__}, which has no "
                "state to restore; pass restore_best=False"
            )
        self._monitor.reset()
        self._monitor.check(training)
        self._weights, self._waited = None, 0

    def on_epoch_end(self, training: Training) -> None:
        """Keep the weights if they are the best, or count the epochs since."""
        if self._monitor.improved(training):
            self._waited = 0
            if self.restore_best:
                self._weights = training.model.state_dict()
            return
        self._waited += 1
        if self._waited >= self.patience:
            training.stop(
                f"{self._monitor.name} did not improve on {self.best:.4g}, of epoch "
                f"{self.best_epoch}, for {self.patience} epochs"
            )

    def on_end(self, training: Training) -> None:
        """Give the best weights back."""
        if self._weights is not None:
            training.model.load_state_dict(self._weights)
        self._weights = None


class Checkpoint(Callback):
    """Saves model, optimiser and history after an epoch, with `tg.save`, so that a fit can resume.

    path: of the file. {epoch} in it becomes the number, and then every file is kept.
    best_only: only when the monitor has improved; mode says in which direction, as for
        `nn.EarlyStopping`.
    every: how many epochs lie between two saves.

    Saved under the names model, optimizer, epoch, history (as History.to_dict gives it) and rng,
    the generator that orders the examples. A fit that these are loaded for goes on as if it had
    not been interrupted, to the bit:

        rest = tg.load(path, model=model, optimizer=optimizer, rng=rng)
        history = nn.History(rest["history"])
        nn.fit(model, loss, data, optimizer, epochs=20 - history.epochs, rng=rng, history=history)

    Raises ArgumentError for settings that make no sense, or a monitor that is not measured.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        best_only: bool = False,
        monitor: str = "val_loss",
        mode: str | None = None,
        every: int = 1,
    ) -> None:
        self.path = path
        self.best_only = best_only
        self.every = positive("Checkpoint", "every", every)
        self._monitor = Monitor("Checkpoint", monitor, mode) if best_only else None

    def on_begin(self, training: Training) -> None:
        """Forget an earlier fit, but not what its history says was best."""
        if self._monitor is not None:
            self._monitor.reset()
            self._monitor.check(training)
            history = training.history
            if self._monitor.name in history and history.epochs:
                before = history.best(self._monitor.name, self._mode)
                self._monitor.best = before[self._monitor.name]

    @property
    def _mode(self) -> str:
        return "min" if self._monitor is None or self._monitor.sign > 0 else "max"

    def on_epoch_end(self, training: Training) -> None:
        """Save, if it is time to."""
        if self._monitor is not None and not self._monitor.improved(training):
            return
        if training.epoch % self.every and not self.best_only:
            return
        tg.save(
            str(self.path).replace("{epoch}", str(training.epoch)),
            model=training.model,
            optimizer=training.optimizer,
            epoch=training.epoch,
            history=training.history.to_dict(),
            rng=training.rng,
        )


class GradientNorms(Callback):
    """√Σ‖g‖² over the parameters of each layer, the mean over an epoch's batches.

    Recorded as "gradient_norm/<path>", with the dotted path of the layer in the model; parameters
    of the model's own have their name. Vanishing and exploding gradients show in how these differ
    from layer to layer. Taken after the step, so that gradients that the optimiser clips come as
    it leaves them. Put it before callbacks that write the history down.
    Course 2, week 1.
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._sums: dict[str, float] = {}
        self._layers: dict[str, list[tg.Tensor]] = {}
        self._batches = 0

    def on_begin(self, training: Training) -> None:
        """Forget an earlier fit."""
        if not isinstance(training.model, Module):
            raise tg.ArgumentError(
                f"GradientNorms: the model is a {type(training.model).__name__}; only a module has "
                "layers by name"
            )
        self._begin()

    def on_batch_end(self, training: Training) -> None:
        """Add up this batch's norms."""
        if not self._batches:  # not for each: to walk a model takes as long as a small step
            for path, parameter in training.model.named_parameters():
                layer = path.rpartition(".")[0] or path
                self._layers.setdefault(layer, []).append(parameter)
        for layer, parameters in self._layers.items():
            square = sum(squared_norm(p.grad.numpy()) for p in parameters if p.grad is not None)
            self._sums[layer] = self._sums.get(layer, 0.0) + math.sqrt(square)
        self._batches += 1

    def on_epoch_end(self, training: Training) -> None:
        """Record the means."""
        for layer, total in self._sums.items():
            training.record(f"gradient_norm/{layer}", total / self._batches)
        self._begin()


def squared_norm(g: Any) -> float:
    """Σ|g|², in double precision."""
    flat = g.ravel().astype(np.float64 if g.dtype.kind == "f" else g.dtype, copy=False)
    return float(np.vdot(flat, flat).real)
