"""Learning rates that change: what a schedule is, how one is followed, and how it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from importlib import import_module
from os import PathLike
from typing import TYPE_CHECKING, Any

import tinygraph as tg

from .settings import Setting, not_negative, number

if TYPE_CHECKING:
    from .optimizer import Optimizer


@dataclass(frozen=True)
class Schedule:
    """A learning rate as a function of t, which is 0 at first: `schedule(t)`.

    Given as the `lr` of an optimiser it is followed from then on.

    by: what t counts: "step", the steps that the optimiser has taken, or "epoch", how often its
    `next_epoch` was called.
    """

    _: KW_ONLY
    by: str = "step"

    def __post_init__(self) -> None:
        if self.by not in ("step", "epoch"):
            raise tg.ArgumentError(
                f"{type(self).__name__}: by={self.by!r}; it needs 'step' or 'epoch'"
            )

    def __call__(self, t: int) -> float:
        """The rate at t."""
        raise tg.DeclarationError(
            f"{type(self).__name__} has no rate; define `def __call__(self, t):` in it"
        )

    def observe(self, metric: float | None) -> None:
        """Take note of what an epoch came to, where that matters."""

    @property
    def needs_metric(self) -> bool:
        """Whether `observe` needs a metric."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """What it remembers, as numbers: nothing, where the rate is a function of t alone."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned; ArgumentError if it is another kind's."""
        if state:
            raise tg.ArgumentError(
                f"{type(self).__name__}.load_state_dict: it remembers nothing, and {sorted(state)} "
                "came; build the optimizer with the kind of schedule that the state is of"
            )

    def draw(self, length: int, target: Any = None) -> Any:
        """Draw the rate at t = 0 … length − 1; see `optim.draw_schedule`."""
        return draw_schedule(self, length, target)

    def _check(self, **bounds: tuple[float, float]) -> None:
        """Let each of these fields be a float, low ≤ it < high."""
        for name, (low, high) in bounds.items():
            given = getattr(self, name)
            found = number(f"{type(self).__name__}: {name}", given, low, high)
            object.__setattr__(self, name, found)

    def _check_length(self, name: str = "length") -> None:
        given = getattr(self, name)
        if isinstance(given, bool) or number(f"{type(self).__name__}: {name}", given, 0, 1e18) <= 0:
            raise tg.ArgumentError(
                f"{type(self).__name__}: {name}={given!r}; it needs how many, above 0"
            )


class Rate(Setting):
    """The learning rate of an optimiser: a number, or what is followed to get one."""

    def __init__(self) -> None:
        super().__init__(not_negative)

    def __set_name__(self, owner: type, name: str) -> None:
        super().__set_name__(owner, name)
        property.__init__(self, lambda optimizer: rate_at(optimizer, optimizer._lr), self.fset)

    def checked(self, optimizer: Any, given: Any) -> Any:
        """The number as a float, or the schedule, which must have a rate for the next step."""
        if isinstance(given, type):
            raise tg.ArgumentError(
                f"{type(optimizer).__name__}: lr is the class {given.__name__}; call it, as in "
                "optim.Exponential(0.1)"
            )
        if not callable(given):
            return super().checked(optimizer, given)
        rate_at(optimizer, given)
        return given


def rate_at(optimizer: Optimizer, lr: Any) -> float:
    """The rate of the optimiser's next step: the number itself, or what the schedule says."""
    if type(lr) is float:
        return lr
    t = optimizer.epoch if getattr(lr, "by", "step") == "epoch" else optimizer.steps
    return not_negative(f"{type(optimizer).__name__}: the schedule's rate at t={t}, lr", lr(t))


def told(operation: str, rates: Iterable[Any], metric: Any) -> None:
    """Let those of the rates that are schedules observe the metric, each once."""
    schedules = list({id(rate): rate for rate in rates if isinstance(rate, Schedule)}.values())
    if metric is not None:
        try:
            metric = float(metric.item() if isinstance(metric, tg.Tensor) else metric)
        except (TypeError, ValueError):
            raise tg.ArgumentError(
                f"{operation}: metric={metric!r}; it needs a number, such as the cost on the dev "
                "set"
            ) from None
    for schedule in schedules:
        if schedule.needs_metric and metric is None:
            raise tg.ArgumentError(
                f"{operation}: {type(schedule).__name__} decides by a metric, and none came; call "
                "next_epoch(cost), with the cost on the dev set"
            )
    for schedule in schedules:
        schedule.observe(metric)


@dataclass(frozen=True)
class Constant(Schedule):
    """α(t) = rate."""

    rate: float

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check(rate=(0, float("inf")))

    def __call__(self, t: int) -> float:
        """The rate."""
        return self.rate


def followed(operation: str, given: Any, by: str) -> Callable[[int], float]:
    """A schedule inside another: the one given, or the number as a constant one."""
    if not callable(given):
        return Constant(given, by=by)
    if isinstance(given, type):
        raise tg.ArgumentError(f"{operation}: {given.__name__} is a class; call it")
    inner = getattr(given, "by", by)
    if inner != by and not getattr(given, "needs_metric", False):
        raise tg.ArgumentError(
            f"{operation} counts by {by}, and {given!r} by {inner}; give both the same by="
        )
    return given  # type: ignore[no-any-return]


def draw_schedule(
    schedule: Callable[[int], float],
    length: int,
    target: Any = None,
) -> Any:
    """Draw the rates schedule(0), …, schedule(length − 1).

    schedule: one of this package, or any function of t.
    target: Matplotlib axes to draw into, or a path to save the picture to; else new axes.
    Returns the axes.
    Raises ArgumentError for a schedule that hangs on a metric, ImportError without Matplotlib.
    """
    if getattr(schedule, "needs_metric", False):
        raise tg.ArgumentError(
            f"draw_schedule: the rate of {schedule!r} hangs on a metric, so that it cannot be told "
            "beforehand"
        )
    if not callable(schedule):
        raise tg.ArgumentError(f"draw_schedule: {schedule!r} is no schedule, nor a function of t")
    rates = [schedule(t) for t in range(int(length))]
    axes: Any = target
    if target is None or isinstance(target, (str, PathLike)):
        try:
            where, name = ("pyplot", "figure") if target is None else ("figure", "Figure")
            figure = getattr(import_module(f"matplotlib.{where}"), name)
        except ImportError as error:
            raise ImportError(
                'draw_schedule needs Matplotlib: pip install "tinygraph-autodiff[demo]"'
            ) from error
        # With a path without pyplot, which would keep the figure, and open a window for it.
        axes = figure().add_subplot()
    elif not hasattr(target, "plot"):
        raise tg.ArgumentError(f"draw_schedule: target={target!r}; it needs axes or a path")
    axes.plot(range(int(length)), rates)
    axes.set_xlabel(getattr(schedule, "by", "t"))
    axes.set_ylabel("learning rate")
    if isinstance(target, (str, PathLike)):
        axes.figure.savefig(target)
    return axes
