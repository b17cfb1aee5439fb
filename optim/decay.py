"""Schedules by which the learning rate decays, as the course has them."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import tinygraph as tg

from .schedule import Schedule
from .settings import not_negative

ANY = (0.0, math.inf)


@dataclass(frozen=True)
class InverseTime(Schedule):
    """α(t) = α₀ / (1 + decay · t).

    initial: α₀.  decay: of 0 or more.  Course 2, week 2, there with by="epoch".
    """

    initial: float
    decay: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check(initial=ANY, decay=ANY)

    def __call__(self, t: int) -> float:
        """The rate at t."""
        return self.initial / (1 + self.decay * t)


@dataclass(frozen=True)
class Exponential(Schedule):
    """α(t) = factorᵗ · α₀.

    initial: α₀.  factor: of 0 or more; the course's is 0.95, by="epoch".  Course 2, week 2.
    """

    initial: float
    factor: float = 0.95

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check(initial=ANY, factor=ANY)

    def __call__(self, t: int) -> float:
        """The rate at t."""
        return self.initial * self.factor**t


@dataclass(frozen=True)
class InverseSquareRoot(Schedule):
    """α(t) = k / √(t + 1) · α₀.

    The course counts from 1, and writes k/√epoch.

    initial: α₀.  k: of 0 or more.  Course 2, week 2.
    """

    initial: float
    k: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check(initial=ANY, k=ANY)

    def __call__(self, t: int) -> float:
        """The rate at t."""
        return self.k / math.sqrt(t + 1) * self.initial


@dataclass(frozen=True)
class Staircase(Schedule):
    """α(t) = factor^⌊t / every⌋ · α₀: the same on each stair.

    initial: α₀.  every: how long a stair is.  factor: of 0 or more.  Course 2, week 2.
    """

    initial: float
    every: int
    factor: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check(initial=ANY, factor=ANY)
        self._check_length("every")

    def __call__(self, t: int) -> float:
        """The rate at t."""
        return float(self.initial * self.factor ** (t // self.every))


@dataclass(frozen=True)
class Piecewise(Schedule):
    """α(t) = rates[i] for boundaries[i − 1] ≤ t < boundaries[i]: set by hand.

    boundaries: where the rate changes, rising.  rates: one more than those.

    >>> schedule = optim.Piecewise([10, 20], [0.1, 0.03, 0.01])
    >>> schedule(9), schedule(10), schedule(1000)
    (0.1, 0.03, 0.01)
    """

    boundaries: tuple[float, ...]
    rates: tuple[float, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        boundaries = _numbers("Piecewise: boundaries", self.boundaries)
        rates = _numbers("Piecewise: rates", self.rates)
        if len(rates) != len(boundaries) + 1:
            raise tg.ArgumentError(
                f"Piecewise: {len(boundaries)} boundaries and {len(rates)} rates; it needs one "
                "rate more, for what is before the first boundary"
            )
        if sorted(set(boundaries)) != list(boundaries):
            raise tg.ArgumentError(f"Piecewise: boundaries={boundaries}; they need to rise")
        object.__setattr__(self, "boundaries", boundaries)
        object.__setattr__(self, "rates", rates)

    def __call__(self, t: int) -> float:
        """The rate at t."""
        return self.rates[bisect_right(self.boundaries, t)]


def _numbers(what: str, given: Any) -> tuple[float, ...]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise tg.ArgumentError(f"{what}={given!r}; it needs a list of numbers")
    return tuple(not_negative(what, item) for item in given)
