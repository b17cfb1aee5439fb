"""Schedules over a training of known length: warm-up, cosine, one cycle."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import tinygraph as tg

from .schedule import Schedule, followed
from .settings import flag

ANY = (0.0, math.inf)


def between(start: float, end: float, part: float) -> float:
    """From start at part 0 to end at part 1, along half a period of the cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * part)) / 2


@dataclass(frozen=True)
class Cosine(Schedule):
    """α(t) = α₁ + (α₀ − α₁) (1 + cos(π t / length)) / 2, and α₁ from t = length on.

    With restarts, t starts again from 0 where it comes to `length`, which is `growth` times as
    much each time.

    initial: α₀.  length: how long the descent takes.  final: α₁.
    restarts: whether there are.  growth: of 1 or more.
    Loshchilov and Hutter 2017.
    """

    initial: float
    length: float
    final: float = 0.0
    restarts: bool = False
    growth: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check(initial=ANY, final=ANY, growth=(1, math.inf))
        self._check_length()
        flag("Cosine: restarts", self.restarts)
        if self.growth != 1 and not self.restarts:
            raise tg.ArgumentError(
                f"Cosine: growth={self.growth} is of restarts, and there are none; pass "
                "restarts=True"
            )

    def __call__(self, t: int) -> float:
        """The rate at t."""
        if not self.restarts:
            return between(self.initial, self.final, min(t / self.length, 1))
        start, length = 0.0, float(self.length)
        if self.growth == 1:
            start = t // length * length
        while t >= start + length:
            start, length = start + length, length * self.growth
        return between(self.initial, self.final, (t - start) / length)


@dataclass(frozen=True)
class WarmUp(Schedule):
    """α(t) = after(0) · (t + 1) / (length + 1) for t < length, then after(t − length).

    after: the schedule to warm up for, or a rate that then stays. It counts by the same, or by
    none, as ReduceOnPlateau does.
    length: how long it takes; that many rates are below the full one.
    Goyal et al. 2017.

    >>> schedule = optim.WarmUp(optim.Cosine(0.1, 100), 4)
    >>> [round(schedule(t), 3) for t in (0, 1, 2, 3, 4, 104)]
    [0.02, 0.04, 0.06, 0.08, 0.1, 0.0]
    """

    after: Callable[[int], float]
    length: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if callable(self.length):
            raise tg.ArgumentError("WarmUp: the schedule comes first, then how long it takes")
        self._check_length()
        object.__setattr__(self, "after", followed("WarmUp", self.after, self.by))

    def __call__(self, t: int) -> float:
        """The rate at t."""
        if t < self.length:
            return self.after(0) * (t + 1) / (self.length + 1)
        return self.after(t - self.length)

    def observe(self, metric: float | None) -> None:
        """Tell the schedule to warm up for."""
        if isinstance(self.after, Schedule):
            self.after.observe(metric)

    @property
    def needs_metric(self) -> bool:
        """Whether the schedule to warm up for does."""
        return isinstance(self.after, Schedule) and self.after.needs_metric

    def state_dict(self) -> dict[str, Any]:
        """What the schedule to warm up for remembers."""
        return self.after.state_dict() if isinstance(self.after, Schedule) else {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        if isinstance(self.after, Schedule):
            self.after.load_state_dict(state)
        else:
            super().load_state_dict(state)


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up from peak / start to the peak, then down to peak / (start · end), both as the cosine.

    peak: the highest rate, at t = warm · length − 1.
    length: the number of rates; the last one, at t = length − 1, stays from then on.
    warm: the part of the length that goes up, in (0, 1).  start, end: what to divide by.
    Smith and Topin 2018; the numbers are PyTorch's.
    """

    peak: float
    length: float
    warm: float = 0.3
    start: float = 25.0
    end: float = 1e4

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check(peak=ANY, warm=(0, 1), start=(1, math.inf), end=(1, math.inf))
        self._check_length()
        if not self.warm * self.length > 1 or not (1 - self.warm) * self.length > 0:
            raise tg.ArgumentError(
                f"OneCycle: warm={self.warm} of length={self.length} leaves no step to go up in; "
                "warm · length needs to be above 1"
            )

    def __call__(self, t: int) -> float:
        """The rate at t."""
        low, top, last = self.peak / self.start, self.warm * self.length - 1, self.length - 1
        if t <= top:
            return between(low, self.peak, t / top)
        return between(self.peak, low / self.end, min((t - top) / (last - top), 1))
