"""History: what a fit measured, epoch by epoch."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import tinygraph as tg

SHOWN = 12  # rows in the repr
# Not drawn, and not in the repr, unless asked for.
ASIDE = ("lr", "seconds")


class UnknownQuantity(tg.IndexingError, KeyError):
    """A quantity that was not measured: a KeyError, as of any mapping."""

    __str__ = IndexError.__str__  # that of KeyError puts the message in quotes


class History(Mapping[str, list[float]]):
    """The quantities of each epoch: history["loss"] is a list with a number per epoch.

    Made by `nn.fit`, with "loss", the metrics, both for the validation set as "val_…", "lr" and
    "seconds", and what callbacks record. A quantity that was not measured in an epoch is NaN there.

    epochs: how many there are.  interrupted: whether Ctrl-C ended the fit.
    stopped: why a callback ended it, or None.

    It pickles; `to_dict` gives what JSON or a data frame takes, and History(dict) takes it back:

    >>> history = nn.History({"loss": [0.5, 0.25], "val_loss": [0.6, 0.7]})
    >>> history
    epoch  loss  val_loss
        1   0.5       0.6
        2  0.25       0.7
    >>> history.best("val_loss")["epoch"]
    1

    Raises ShapeError for lists of different lengths.
    """

    def __init__(self, quantities: Mapping[str, Any] | None = None) -> None:
        given = dict(quantities or {})
        self.epochs = len(next(iter(given.values()), ()))
        self.interrupted = False
        self.stopped: str | None = None
        self._columns: dict[str, list[float]] = {}
        for name, values in given.items():
            if len(values) != self.epochs:
                raise tg.ShapeError(
                    f"History: {name!r} has {len(values)} numbers, the first quantity "
                    f"{self.epochs}; it needs one per epoch"
                )
            self._columns[name] = [math.nan if x is None else float(x) for x in values]

    def __getitem__(self, name: str) -> list[float]:
        if name not in self._columns:
            raise UnknownQuantity(f"History: {self._absent(name)}")
        return self._columns[name]

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def _absent(self, name: str) -> str:
        hint = ""
        if name.startswith("val_"):
            hint = ". There are validation quantities if nn.fit is given validation="
        return f"no {name!r} was measured, but {', '.join(self) or 'nothing'}{hint}"

    def begin_epoch(self) -> None:
        """A new row, of which nothing is known yet."""
        for column in self._columns.values():
            column.append(math.nan)
        self.epochs += 1

    def record(self, name: str, value: Any) -> None:
        """Set a quantity of the last epoch."""
        if isinstance(value, (tg.Tensor, np.ndarray)) and not value.ndim:
            value = value.item()
        if not isinstance(value, numbers.Real):
            raise tg.ArgumentError(
                f"History.record: {name!r} is {type(value).__name__}; it needs a number"
            )
        if not self.epochs:
            raise tg.ArgumentError("History.record: there is no epoch yet; call begin_epoch first")
        column = self._columns.setdefault(name, [math.nan] * self.epochs)
        column[-1] = float(value)

    def row(self, epoch: int) -> dict[str, float]:
        """The quantities of an epoch, counted from 1, and "epoch" itself."""
        if not 1 <= epoch <= self.epochs:
            raise tg.IndexingError(f"History: there is no epoch {epoch}, but 1 … {self.epochs}")
        return {"epoch": epoch} | {name: column[epoch - 1] for name, column in self.items()}

    def best(self, name: str, mode: str | None = None) -> dict[str, float]:
        """The row of the epoch in which the quantity was best, the first of equal ones.

        mode: "min" or "max"; needed where the name does not tell: less is better of a loss or an
            error, more of an accuracy or a score.
        Raises IndexingError for an unknown quantity, DomainError if it is NaN throughout.
        """
        sign = direction("History.best", name, mode)
        column = np.array(self[name])
        if not self.epochs or np.isnan(column).all():
            raise tg.DomainError(f"History.best: {name!r} has no number but NaN")
        return self.row(int(np.nanargmin(sign * column)) + 1)

    def to_dict(self) -> dict[str, list[float | None]]:
        """Lists by name, with None for NaN: for JSON, for pandas.DataFrame, for `History` again."""
        return {
            name: [None if math.isnan(value) else value for value in column]
            for name, column in self.items()
        }

    def __repr__(self) -> str:
        if not self.epochs:
            return "History of 0 epochs"
        names = [name for name in self if "/" not in name and name not in ASIDE]
        shown: list[int | None] = list(range(1, self.epochs + 1))
        if self.epochs > SHOWN:
            shown[SHOWN // 2 : -SHOWN // 2] = [None]
        table = [["epoch", *names]]
        for epoch in shown:
            if epoch is None:
                table.append(["…"] * len(table[0]))
            else:
                row = self.row(epoch)
                table.append([str(epoch), *(f"{row[name]:.4g}" for name in names)])
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join(map(str.rjust, line, widths)) for line in table]
        if self.interrupted:
            lines.append("interrupted")
        if self.stopped:
            lines.append(f"stopped: {self.stopped}")
        return "\n".join(lines)

    def plot(
        self,
        path: str | Path | None = None,
        *,
        names: Sequence[str] = (),
        axes: Any = None,
        log: bool = False,
    ) -> Any:
        """Draw quantities over the epochs, one panel for each with its validation; the figure.

        path: a file to write, of the format its ending says; without it and axes, the figure is
            pyplot's, and a notebook shows it.
        names: which; else loss and metrics. "val_…" comes along with its quantity.
        axes: matplotlib's Axes to draw in, one per panel; a single one without names takes the
            first panel, most often the loss.
        log: a logarithmic scale.
        Needs matplotlib. Raises IndexingError for a quantity that was not measured, DomainError
        if there are no epochs.
        """
        if isinstance(names, str) or path in self:
            raise tg.ArgumentError(
                f"History.plot: {names or path!r} is the name of a quantity; pass names=[…], and a "
                "file as path"
            )
        panels = self._panels(names)
        if axes is None:
            figure = _new_figure(path, len(panels))
            axes = figure.subplots(1, len(panels), squeeze=False)
        axes = np.ravel(np.asarray(axes, object))
        if len(axes) < len(panels) and (names or len(axes) > 1):
            raise tg.ShapeError(f"History.plot: {len(panels)} panels for {len(axes)} axes")
        for panel, ax in zip(panels.items(), axes):
            self._draw(*panel, ax, log)
        figure = axes[0].figure
        if path is not None:
            figure.savefig(path)
        return figure

    def _panels(self, names: Sequence[str]) -> dict[str, list[str]]:
        """What is drawn together, by its title."""
        if not self.epochs:
            raise tg.DomainError("History.plot: there are no epochs to draw")
        chosen = names or [name for name in self if "/" not in name and name not in ASIDE]
        panels: dict[str, list[str]] = {}
        for name in chosen:
            self[name]
            panels.setdefault(name.removeprefix("val_"), []).append(name)
        for title, drawn in panels.items():
            if f"val_{title}" in self and f"val_{title}" not in drawn:
                drawn.append(f"val_{title}")
        return panels

    def _draw(self, title: str, names: list[str], ax: Any, log: bool) -> None:
        epochs = np.arange(1, self.epochs + 1)
        marker = "o" if self.epochs == 1 else None  # one point makes no line
        for name in names:
            ax.plot(epochs, self[name], label=name, marker=marker)
        ax.set(title=title, xlabel="epoch", yscale="log" if log else "linear")
        ax.grid(alpha=0.3)
        if len(names) > 1:
            ax.legend()


def _new_figure(path: Any, panels: int) -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            'History.plot draws with matplotlib: pip install "tinygraph-autodiff[demo]"'
        ) from error
    settings: dict[str, Any] = {"figsize": (4.5 * panels, 3.2), "layout": "constrained"}
    if path is not None:
        return Figure(**settings)
    from matplotlib import pyplot

    return pyplot.figure(**settings)


def direction(operation: str, name: str, mode: str | None) -> int:
    """1 if less of the quantity is better, −1 if more is; by its name where mode is None."""
    if mode is None:
        if name.endswith(("loss", "error")):
            mode = "min"
        elif name.endswith(("accuracy", "score")):
            mode = "max"
    if mode not in ("min", "max"):
        raise tg.ArgumentError(
            f"{operation}: mode={mode!r}; whether less or more of {name!r} is better needs "
            "mode='min' or mode='max'"
        )
    return 1 if mode == "min" else -1
