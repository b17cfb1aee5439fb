"""A learning rate that is reduced where training comes to a halt."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import tinygraph as tg

from .schedule import Schedule
from .settings import number

REMEMBERED = ("rate", "best", "waited", "resting")


@dataclass(frozen=True)
class ReduceOnPlateau(Schedule):
    """α ← factor · α when the metric has not improved for more than `patience` epochs.

    The metric is what `optimizer.next_epoch(metric)` is given: the cost on the dev set, or with
    mode="max" something that is to rise, such as the accuracy. It improves where it is better
    than the best so far by the part `threshold` of that; NaN never does.

    initial: the rate at first.  factor: in [0, 1).  patience: how many epochs it may fail to
    improve.  threshold: of 0 or more.  cooldown: how many epochs after a reduction do not count.
    minimum: the lowest rate.
    It remembers what it has seen: each optimiser needs one of its own.
    """

    initial: float
    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    cooldown: int = 0
    minimum: float = 0.0
    mode: str = "min"
    _memory: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        anything = (0.0, math.inf)
        self._check(initial=anything, factor=(0, 1), threshold=anything, minimum=anything)
        self._check(patience=anything, cooldown=anything)
        if self.mode not in ("min", "max"):
            raise tg.ArgumentError(f"ReduceOnPlateau: mode={self.mode!r}; it needs 'min' or 'max'")
        self._memory.update(rate=self.initial, best=None, waited=0, resting=0)

    def __call__(self, t: int) -> float:
        """The rate at present, whatever t."""
        rate: float = self._memory["rate"]
        return rate

    @property
    def needs_metric(self) -> bool:
        """It does."""
        return True

    def observe(self, metric: float | None) -> None:
        """Take note of the metric of an epoch, and reduce the rate if it is time."""
        if metric is None:
            raise tg.ArgumentError("ReduceOnPlateau.observe: no metric came")
        memory = self._memory
        if self._improves(metric, memory["best"]):
            memory["best"], memory["waited"] = metric, 0
        else:
            memory["waited"] += 1
        if memory["resting"]:
            memory["resting"] -= 1
            memory["waited"] = 0
        if memory["waited"] > self.patience:
            memory["rate"] = min(memory["rate"], max(memory["rate"] * self.factor, self.minimum))
            memory["waited"], memory["resting"] = 0, int(self.cooldown)

    def _improves(self, metric: float, best: float | None) -> bool:
        if best is None:
            return not math.isnan(metric)
        if self.mode == "min":
            return metric < best - self.threshold * abs(best)
        return metric > best + self.threshold * abs(best)

    def state_dict(self) -> dict[str, Any]:
        """The rate at present, the best metric, and how many epochs it has waited and rested."""
        return dict(self._memory)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        operation = "ReduceOnPlateau.load_state_dict"
        if set(state) != set(REMEMBERED):
            raise tg.ArgumentError(
                f"{operation}: {sorted(state)} came; it needs {sorted(REMEMBERED)}, the state of a "
                "ReduceOnPlateau"
            )
        best = state["best"]
        self._memory.update(
            rate=number(f"{operation}: rate", state["rate"], 0, math.inf),
            best=None if best is None else float(best),
            waited=int(state["waited"]),
            resting=int(state["resting"]),
        )
