"""Settings of optimisers: attributes that are checked, and that a group may have its own of."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

if TYPE_CHECKING:
    from numpy.typing import NDArray


def number(what: str, given: Any, low: float, high: float) -> float:
    """The number given as a Python float, which leaves float32 arrays float32; low ≤ it < high."""
    try:
        found = float(given)
    except (TypeError, ValueError):
        found = np.nan
    if isinstance(given, (str, bool, np.bool_)) or not low <= found < high:
        above = f"in [{low:g}, {high:g})" if high < np.inf else f"of {low:g} or more, and finite"
        raise tg.ArgumentError(f"{what}={given!r}; it needs a number {above}")
    return found


def positive(what: str, given: Any) -> float:
    """The number given as a Python float, above 0 and finite."""
    found = number(what, given, 0, np.inf)
    if not found:
        raise tg.ArgumentError(f"{what}={given!r}; it needs a number above 0")
    return found


def not_negative(what: str, given: Any) -> float:
    """The number given as a Python float, of 0 or more and finite."""
    return number(what, given, 0, np.inf)


def fraction(what: str, given: Any) -> float:
    """The number given as a Python float, in [0, 1)."""
    return number(what, given, 0, 1)


def flag(what: str, given: Any) -> bool:
    """The truth value given, as a bool."""
    if not isinstance(given, (bool, np.bool_)):
        raise tg.ArgumentError(f"{what}={given!r}; it needs True or False")
    return bool(given)


def betas(what: str, given: Any) -> tuple[float, float]:
    """The pair (β₁, β₂), each in [0, 1)."""
    try:
        beta1, beta2 = given
    except (TypeError, ValueError):
        raise tg.ArgumentError(f"{what}={given!r}; it needs a pair (β₁, β₂)") from None
    operation = what.partition(":")[0]
    return fraction(f"{operation}: β₁", beta1), fraction(f"{operation}: β₂", beta2)


class Setting(property):
    """An attribute of an optimiser that is checked when it is set, and saved with its state.

    It stands in the class, `rho = Setting()`, and `Optimizer.__init__` takes its value by that
    name. Each group of parameters may have a value of its own; `update` sees that of the group.

    check: called as check("Adam: eps", given), returns the value to keep or raises; without one,
    numbers of 0 or more are taken.
    """

    name: str

    def __init__(self, check: Callable[[str, Any], Any] = not_negative) -> None:
        super().__init__()
        self.check = check

    def __set_name__(self, owner: type, name: str) -> None:
        # A property because its read is one call in C: updates read several at each step. Its
        # functions do not refer to it: the garbage collector could not undo a cycle of those.
        self.name, self.kept_as = name, f"_{name}"
        super().__init__(attrgetter(self.kept_as), partial(set_checked, name))
        owner.settings = {**owner.settings, name: self}  # type: ignore[attr-defined]

    def checked(self, optimizer: Any, given: Any) -> Any:
        """The value to keep of the one given."""
        return self.check(f"{type(optimizer).__name__}: {self.name}", given)


def set_checked(name: str, optimizer: Any, given: Any) -> None:
    """Give a setting of an optimiser a value, if it suits it."""
    setting = optimizer.settings[name]
    setattr(optimizer, setting.kept_as, setting.checked(optimizer, given))
    optimizer.settings_changed()


@lru_cache(maxsize=64)
def constant(given: float, dtype: np.dtype[Any]) -> NDArray[Any]:
    """The number as an array: a ufunc takes it 0.25 µs sooner than a Python float."""
    return np.array(given, dtype)
