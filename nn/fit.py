"""fit: the training loop, with what usually stands around it."""

from __future__ import annotations

import math
import numbers
import operator
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np

import tinygraph as tg

from .evaluation import Metric, as_number, checked_metrics, kept_modes, mean_metrics
from .examples import length
from .generator import Seed, generator_from
from .history import History
from .interruption import Interruption
from .module import Module
from .progress import shown
from .sources import Source, batches_from, held_out, pair_of
from .training import Callback, Training, callbacks_from
from .validation import positive

TAKEN = ("epoch", "loss", "lr", "seconds")
EVALUATED_AT_ONCE = 256  # at least: without gradients there is room for more


def fit(
    model: Callable[[Any], Any],
    loss: Callable[[Any, Any], tg.Tensor],
    data: Any,
    optimizer: Any,
    *,
    epochs: int,
    batch_size: int = 32,
    validation: Any = None,
    metrics: Mapping[str, Metric] | None = None,
    monitor: str | None = None,
    callbacks: Any = (),
    progress: bool | None = None,
    rng: Seed = None,
    history: History | None = None,
) -> History:
    """Minimise the mean of loss(model(X), y) over mini-batches; what was measured, by epoch.

    It is this loop, and what it measures:

        model.train()
        for epoch in range(epochs):
            for X, y in nn.minibatches(*data, batch_size, rng):
                cost = loss(model(X), y)
                optimizer.zero_grad()
                cost.backward()
                optimizer.step()

    model: a module, or any function of a batch X whose parameters the optimizer has.
    loss: a function of (outputs, y): the mean over the examples, a scalar tensor.
    data: (X, y), with one example per row, as `nn.minibatches` takes them; or an iterable of
        batches (X, y), or a function that returns one for each epoch.
    epochs: how many to run; beside those in `history`, if that is given.
    validation: (X, y) or batches, evaluated after each epoch; or a fraction of data=(X, y), drawn
        by rng and held out.
    metrics: functions of (outputs, y) by name, each a mean over the examples, such as
        {"accuracy": nn.accuracy}. Over the training batches they are taken as these come, with the
        weights of then and dropout on; over the validation set in evaluation mode.
    monitor: the quantity that the optimizer's `next_epoch` is given after each epoch: schedules by
        epoch go on with it, and one for plateaus watches it. None for the val_loss, or without
        validation the loss.
    callbacks: `nn.EarlyStopping`, `nn.Checkpoint`, … or functions of an `nn.Training`, called in
        this order after each epoch.
    progress: a bar of tqdm's: None if there is a terminal and tqdm, True (lines without tqdm),
        or False.
    rng: an integer seed or NumPy generator for the order of examples; else that of `nn.seed`.
    history: of a fit that this one continues; it is added to, and returned. `nn.Checkpoint` shows
        how to continue after a crash.

    Means are over examples, also where the last batch is short. Nothing is cast: X of float64 makes
    outputs and gradients float64, so pass float32 for float32 speed. Layers are left in the mode,
    of training or evaluation, in which they were.

    Ctrl-C ends it after the batch that is being trained on: weights and history are kept, without
    the epoch that was cut short, and history.interrupted is True. A second Ctrl-C raises.

    Raises AnomalyError if a loss is NaN or infinite, before anything is done with it, or if an
    epoch leaves parameters that are; ArgumentError and ShapeError for what does not fit together.
    """
    operation = "fit"
    _check(model, loss, optimizer)
    generator = generator_from(rng, operation)
    size = positive(operation, "batch_size", batch_size)
    history = History() if history is None else _continued(history)
    named = checked_metrics(operation, {} if metrics is None else metrics)
    _check_names(named)
    epochs = _count(operation, epochs)
    if isinstance(validation, numbers.Real):
        if history.epochs:
            raise tg.ArgumentError(
                f"fit: validation={validation!r} would hold out other examples than the fit that "
                "is continued did; pass the same validation=(X_dev, y_dev) to both"
            )
        data, validation = held_out(operation, data, validation, generator)
    source = batches_from("fit: data", data, size, epochs, generator)
    check = None
    if validation is not None:
        many = max(size, EVALUATED_AT_ONCE)
        check = batches_from("fit: validation", validation, many, epochs, None)
    monitor = _monitored(monitor, ["loss", *named], check is not None)
    training = Training(
        model,
        loss,
        optimizer,
        history=history,
        monitor=monitor,
        last_epoch=history.epochs + epochs,
        validated=check is not None,
        rng=generator,
    )
    _run(training, source, check, named, callbacks_from(operation, callbacks), progress)
    return history


def _run(
    training: Training,
    source: Source,
    check: Source | None,
    metrics: dict[str, Metric],
    callbacks: list[Callback],
    progress: bool | None,
) -> None:
    """Epochs until the last, or until a callback or Ctrl-C ends it."""
    history = training.history
    with ExitStack() as stack:
        stack.enter_context(kept_modes(training.model))
        interruption = stack.enter_context(Interruption())
        show = stack.enter_context(shown(progress, training.last_epoch, history.epochs))
        for callback in callbacks:
            callback.on_begin(training)
            stack.callback(callback.on_end, training)
        while history.epochs < training.last_epoch and history.stopped is None:
            training.epoch = history.epochs + 1
            start = time.perf_counter()
            means = _train(training, source(), metrics, callbacks, interruption)
            if means is None:
                history.interrupted = True
                break
            if check is not None:
                means |= _validate(training, check(), metrics)
            _end_epoch(training, means | _rate(training), time.perf_counter() - start)
            for callback in callbacks:
                callback.on_epoch_end(training)
            show(history.row(training.epoch))
            if interruption.asked:
                history.interrupted = True
                break
    if history.interrupted:
        sys.stderr.write(
            f"fit: interrupted in epoch {training.epoch}; the model keeps its weights, the history "
            f"has {history.epochs} whole epochs\n"
        )


def _train(
    training: Training,
    batches: Iterable[Any],
    metrics: dict[str, Metric],
    callbacks: list[Callback],
    interruption: Interruption,
) -> dict[str, float] | None:
    """One epoch: the means over its examples; None if it was interrupted."""
    model, optimizer = training.model, training.optimizer
    if isinstance(model, Module):
        model.train()
    sums = dict.fromkeys(("loss", *metrics), 0.0)
    m = training.batch = 0
    for batch in batches:
        X, y = pair_of("fit: data", batch)
        training.batch += 1
        outputs = model(X)
        cost = training.loss(outputs, y)
        training.cost = _checked_cost(cost, training)
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
        n = length(y)
        m += n
        sums["loss"] += training.cost * n
        if metrics:
            seen = outputs.detach() if isinstance(outputs, tg.Tensor) else outputs
            for name, metric in metrics.items():
                sums[name] += as_number("fit", name, metric(seen, y)) * n
        for callback in callbacks:
            callback.on_batch_end(training)
        if interruption.asked:
            return None
    if not m:
        raise tg.ShapeError(
            f"fit: data gave no examples in epoch {training.epoch}; if it is a function, it must "
            "return the batches anew at each call"
        )
    return {name: total / m for name, total in sums.items()}


def _validate(
    training: Training, batches: Iterable[Any], metrics: dict[str, Metric]
) -> dict[str, float]:
    pairs = (pair_of("fit: validation", batch) for batch in batches)
    wanted: dict[str, Metric] = {"loss": training.loss, **metrics}
    means = mean_metrics("fit: validation", training.model, pairs, wanted)
    if not math.isfinite(means["loss"]):
        raise tg.AnomalyError(
            f"fit: the loss of the validation set is {means['loss']} after epoch "
            f"{training.epoch}; look for examples that the training set has nothing like, and for "
            "logarithms and divisions in the model and the loss"
        )
    return {f"val_{name}": mean for name, mean in means.items()}


def _rate(training: Training) -> dict[str, float]:
    rate = getattr(training.optimizer, "lr", None)
    return {"lr": float(rate)} if isinstance(rate, (int, float, np.number)) else {}


def _end_epoch(training: Training, quantities: dict[str, float], seconds: float) -> None:
    """Into the history, and to the optimiser's schedule."""
    _check_finite(training)
    training.history.begin_epoch()
    for name, value in (quantities | {"seconds": seconds}).items():
        training.record(name, value)
    next_epoch = getattr(training.optimizer, "next_epoch", None)
    if next_epoch is not None:
        next_epoch(quantities[training.monitor])


def _check_finite(training: Training) -> None:
    parameters = getattr(training.optimizer, "parameters", ())
    if not isinstance(parameters, list):  # an optimiser of another make
        parameters = training.model.parameters() if isinstance(training.model, Module) else ()
    for i, parameter in enumerate(parameters):
        if not np.isfinite(parameter.numpy()).all():
            raise tg.AnomalyError(
                f"fit: parameter {i} ({parameter.described()}) is no longer finite after epoch "
                f"{training.epoch}; {HINT}"
            )


HINT = "try a lower lr, or run it inside `with tg.detect_anomaly():`, which names the operation"


def _checked_cost(cost: Any, training: Training) -> float:
    """The loss of a batch as a number; AnomalyError unless it is finite."""
    if type(cost) is not tg.Tensor:
        raise tg.ArgumentError(
            f"fit: the loss returned {type(cost).__name__}; it must return a scalar tensor, "
            "computed from the model's outputs"
        )
    if cost.size != 1:
        raise tg.ShapeError(
            f"fit: the loss returned shape {cost.shape}; it must be the mean over the examples, a "
            "scalar, as with reduction='mean'"
        )
    value = float(cost.item())
    if not math.isfinite(value):
        why = "" if cost.node is None else f"\n{tg.explain_nan(cost)}"
        raise tg.AnomalyError(
            f"fit: the loss is {value} in epoch {training.epoch}, batch {training.batch}, and "
            f"nothing was done with it; {HINT}{why}"
        )
    return value


# Arguments


def _check(model: Any, loss: Any, optimizer: Any) -> None:
    for name, given, need in (
        ("model", model, "a module, or a function of a batch"),
        ("loss", loss, "a function of (outputs, y), such as nn.softmax_cross_entropy"),
    ):
        if isinstance(given, type) or not callable(given):
            raise tg.ArgumentError(f"fit: {name} is {_named(given)}; it needs {need}")
    if isinstance(optimizer, type) or not (
        hasattr(optimizer, "step") and hasattr(optimizer, "zero_grad")
    ):
        raise tg.ArgumentError(
            f"fit: optimizer is {_named(optimizer)}; it needs one that has been made, such as "
            "optim.Adam(model.parameters())"
        )


def _named(given: Any) -> str:
    if isinstance(given, type):
        return f"the class {given.__name__}"
    return repr(given) if isinstance(given, (str, int, float)) else type(given).__name__


def _check_names(metrics: Mapping[str, Metric]) -> None:
    for name in metrics:
        if name in TAKEN or name.startswith("val_"):
            raise tg.ArgumentError(
                f"fit: a metric is called {name!r}, as a quantity of the history is; choose "
                "another name"
            )


def _monitored(monitor: str | None, names: list[str], validated: bool) -> str:
    """The quantity for schedules; ArgumentError if it will not be measured."""
    if validated:
        names = [*names, *(f"val_{name}" for name in names)]
    if monitor is None:
        return "val_loss" if validated else "loss"
    if monitor not in names:
        raise tg.ArgumentError(
            f"fit: monitor={monitor!r} is not measured; there are {', '.join(names)}"
        )
    return monitor


def _count(operation: str, epochs: Any) -> int:
    try:
        number = operator.index(epochs)
    except TypeError:
        number = -1
    if number < 0 or isinstance(epochs, bool):
        raise tg.ArgumentError(f"{operation}: epochs={epochs!r}; it needs a whole number")
    return number


def _continued(history: Any) -> History:
    if not isinstance(history, History):
        raise tg.ArgumentError(
            f"fit: history is a {type(history).__name__}; it needs the one that a fit returned, or "
            "nn.History(dict)"
        )
    history.interrupted, history.stopped = False, None
    return history
