"""Exponentially weighted averages, of numbers, of arrays, and of parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

from .parameters import checked_parameters
from .settings import flag, fraction

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ExponentialMovingAverage:
    """v ← β v + (1 − β) θ, with v = 0 at first; the average is v / (1 − βᵗ).

    Of what `update(θ)` is given, numbers or arrays of one shape: roughly of the last 1/(1 − β).
    Or of the parameters that it is built with, of which `update()` takes the present values, and
    which have the averages for values inside `with average.applied():`, as to evaluate a model.

    beta: β, in [0, 1).  parameters: leaves, such as `model.parameters()`; or None.
    bias_correction: whether to divide by 1 − βᵗ, t being the number of updates. Without, the
    average of numbers begins near 0; that of parameters with their values at present.

    value: the average; of parameters a list.
    Raises ArgumentError for a beta outside [0, 1), and where what comes does not fit the use.
    Course 2, week 2; of parameters: Polyak and Juditsky 1992.

    >>> average = optim.ExponentialMovingAverage(0.9)
    >>> [round(average.update(temperature), 2) for temperature in (4.0, 9.0, 6.0)]
    [4.0, 6.63, 6.4]
    """

    def __init__(
        self,
        beta: float,
        parameters: Iterable[tg.Tensor] | None = None,
        *,
        bias_correction: bool = True,
    ) -> None:
        if isinstance(parameters, (int, float)):
            raise tg.ArgumentError(
                "ExponentialMovingAverage: β comes first, then the parameters: "
                f"ExponentialMovingAverage({parameters!r}, model.parameters())"
            )
        self.beta = fraction("ExponentialMovingAverage: beta", beta)
        self.bias_correction = flag("ExponentialMovingAverage: bias_correction", bias_correction)
        self.updates = 0
        self.parameters: list[tg.Tensor] | None = None
        self._sums: list[Any] = []  # v; nothing before the first number or array
        self._applied = False
        if parameters is not None:
            self.parameters = checked_parameters(
                "ExponentialMovingAverage", parameters, frozen=True
            )
            start = [np.array(parameter.numpy()) for parameter in self.parameters]
            self._sums = [np.zeros_like(v) for v in start] if bias_correction else start

    def update(self, value: Any = None) -> Any:
        """Take in a number or an array, or the parameters' present values; returns the average.

        Of parameters it returns nothing: `value` has it.
        Raises ShapeError for an array of another shape than those before, and ArgumentError for a
        tensor that requires grad, which must be detached first.
        """
        operation = "ExponentialMovingAverage.update"
        if self.parameters is None:
            new = [_floating(operation, value)]
            if self._sums and np.shape(new[0]) != np.shape(self._sums[0]):
                raise tg.ShapeError(
                    f"{operation}: a value of shape {np.shape(new[0])} came after ones of shape "
                    f"{np.shape(self._sums[0])}"
                )
            self._sums = [
                self.beta * v + (1 - self.beta) * x for v, x in zip(self._sums or [0.0], new)
            ]
            self.updates += 1
            return self.value
        if value is not None:
            raise tg.ArgumentError(
                f"{operation}: it averages the parameters it was built with, and takes no value"
            )
        if self._applied:
            raise tg.ArgumentError(
                f"{operation}: inside `with applied():` the parameters are the averages; update "
                "after it"
            )
        for v, parameter in zip(self._sums, self.parameters, strict=True):
            v *= self.beta
            v += (1 - self.beta) * parameter.numpy()
        self.updates += 1
        return None

    @property
    def value(self) -> Any:
        """The average: a number or an array; of parameters a list of arrays.

        Raises ArgumentError before the first update, where there is none yet.
        """
        if not self.updates and (self.parameters is None or self.bias_correction):
            raise tg.ArgumentError(
                "ExponentialMovingAverage: there is no average before the first update"
            )
        weight = 1 - self.beta**self.updates if self.bias_correction else 1.0
        averages = [v / weight for v in self._sums]
        return averages[0] if self.parameters is None else averages

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside, the parameters have the averages for values; afterwards, their own again.

        So too when an exception ends it. What the parameters are given inside is lost.
        """
        if self.parameters is None:
            raise tg.ArgumentError(
                "ExponentialMovingAverage.applied: it is of parameters alone; build it with them, "
                "ExponentialMovingAverage(beta, model.parameters())"
            )
        if self._applied:
            raise tg.ArgumentError("ExponentialMovingAverage.applied: it is applied already")
        averages = self.value
        own = [np.array(parameter.numpy()) for parameter in self.parameters]
        self._applied = True
        try:
            for parameter, average in zip(self.parameters, averages, strict=True):
                parameter.assign(average)
            yield
        finally:
            self._applied = False
            for parameter, value in zip(self.parameters, own, strict=True):
                parameter.assign(value)

    def state_dict(self) -> dict[str, Any]:
        """Copies of all that continuing needs: β, the number of updates, and v."""
        sums = {f"sum.{i}": np.array(v) for i, v in enumerate(self._sums)}
        return {
            "beta": self.beta,
            "bias_correction": self.bias_correction,
            "updates": self.updates,
            **sums,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned, from an average of the same things.

        Raises ArgumentError for missing or unexpected names, ShapeError for an array of another
        shape than its parameter. Then nothing has been loaded.
        """
        operation = "ExponentialMovingAverage.load_state_dict"
        given = dict(state) if isinstance(state, Mapping) else {}
        count = sum(str(name).startswith("sum.") for name in given)
        count = count if self.parameters is None and count < 2 else len(self._sums)
        names = ["beta", "bias_correction", "updates", *(f"sum.{i}" for i in range(count))]
        if given.keys() != set(names):
            raise tg.ArgumentError(
                f"{operation}: {sorted(map(str, given))} came; it needs {names}, the state_dict() "
                "of an average of the same"
            )
        sums = [np.array(given[f"sum.{i}"]) for i in range(count)]
        if self.parameters is not None:
            for i, (new, old) in enumerate(zip(sums, self._sums, strict=True)):
                if new.shape != old.shape:
                    raise tg.ShapeError(
                        f"{operation}: 'sum.{i}' has shape {old.shape}, the new value {new.shape}"
                    )
            sums = [new.astype(old.dtype) for new, old in zip(sums, self._sums, strict=True)]
        beta = fraction(f"{operation}: beta", given["beta"])
        correction = flag(f"{operation}: bias_correction", given["bias_correction"])
        self.updates = int(given["updates"])
        self.beta, self.bias_correction = beta, correction
        own: list[NDArray[Any] | float] = [v if v.ndim else v.item() for v in sums]
        self._sums = sums if self.parameters is not None else own

    def __repr__(self) -> str:
        of = "" if self.parameters is None else f", {len(self.parameters)} parameters"
        return f"ExponentialMovingAverage(beta={self.beta}{of}, updates={self.updates})"


def _floating(operation: str, value: Any) -> Any:
    """The value as a float, or as a floating array of its own."""
    if isinstance(value, tg.Tensor):
        if value.requires_grad:
            raise tg.ArgumentError(
                f"{operation}: {value.described()} requires grad, and its history would be kept "
                "from update to update; pass its .detach(), or .item()"
            )
        value = value.numpy()
    if value is None:
        raise tg.ArgumentError(f"{operation}: it needs a number or an array")
    try:
        array = np.asarray(value)
        found = array if array.dtype.kind in "fc" else array.astype(np.float64)
    except (TypeError, ValueError):
        raise tg.ArgumentError(
            f"{operation}: {value!r} came; it needs a number or an array"
        ) from None
    return found if found.ndim else found.item()
