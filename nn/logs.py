"""Callbacks that write the history down: as CSV, and for TensorBoard."""

from __future__ import annotations

import csv
import importlib
import math
from pathlib import Path
from typing import Any

from .training import Callback, Training


class CSVLog(Callback):
    """The history as a CSV file, with a line per epoch that is there as soon as the epoch is over.

    path: of the file; an old one is replaced. Of a fit that continues a history, all of it is
        written. NaN is an empty field.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._names: list[str] = []

    def on_begin(self, training: Training) -> None:
        """Forget an earlier fit."""
        self._names = []

    def on_epoch_end(self, training: Training) -> None:
        """Add the line; or write all anew if there are other quantities now."""
        history = training.history
        names = ["epoch", *history]
        anew = names != self._names
        self._names = names
        rows = range(1, history.epochs + 1) if anew else [history.epochs]
        with self.path.open("w" if anew else "a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if anew:
                writer.writerow(names)
            for epoch in rows:
                row = history.row(epoch).values()
                writer.writerow(["" if math.isnan(value) else value for value in row])


class TensorBoard(Callback):
    """Each epoch's quantities as scalars in event files, for TensorBoard to show.

    logdir: a folder, made if it is not there; one for each run, side by side.
    Needs tensorboardX. Raises ImportError without it.
    """

    def __init__(self, logdir: str | Path) -> None:
        self.logdir = Path(logdir)
        try:
            self._package: Any = importlib.import_module("tensorboardX")
        except ImportError as error:
            raise ImportError(
                "TensorBoard writes with tensorboardX: "
                'pip install "tinygraph-autodiff[tensorboard]"'
            ) from error
        self._writer: Any = None

    def on_begin(self, training: Training) -> None:
        """Open the file."""
        self._writer = self._package.SummaryWriter(str(self.logdir))

    def on_epoch_end(self, training: Training) -> None:
        """Write the row."""
        row = training.history.row(training.epoch)
        del row["epoch"]
        for name, value in row.items():
            if not math.isnan(value):
                self._writer.add_scalar(name, value, training.epoch)
        self._writer.flush()

    def on_end(self, training: Training) -> None:
        """Close the file."""
        self._writer.close()
