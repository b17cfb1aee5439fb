"""Numbers in even steps, on a linear or a logarithmic scale, between ends that may be tensors."""

import math
from typing import Any

import numpy as np

from ..errors import ArgumentError, DomainError
from ..primitive import Operand, derived, primitive, sample
from ..tensor import Tensor, as_tensor
from .arguments import on_device
from .conversion import array, cast
from .elementwise import divide, power, subtract
from .shape import expand_dims

INF = math.inf


def _way(num: int, endpoint: bool) -> Any:
    """How far on the way from start to stop each number is, from 0 to 1."""
    steps = num - 1 if endpoint else num
    return np.arange(num) / max(steps, 1)


def _along(ct: Any, weights: Any, axis: int) -> Any:
    return np.sum(np.moveaxis(ct, axis, -1) * weights, axis=-1)


@primitive(
    name="linspace",
    broadcasts=True,
    weak=True,
    start=lambda ct, num, endpoint, axis: _along(ct, 1 - _way(num, endpoint), axis),
    stop=lambda ct, num, endpoint, axis: _along(ct, _way(num, endpoint), axis),
    samples=(
        sample((), (), 5),
        sample((2, 1), (3,), 4),
        sample((3,), (), 3, endpoint=False, axis=-1),
        sample((), (2,), 1),
        sample((), (), 0),
    ),
)
def linspace_between(
    start: Operand, stop: Operand, num: int = 50, endpoint: bool = True, dtype: Any = None,
    axis: int = 0,
) -> Any:  # fmt: skip
    """Numbers from start to stop."""
    return np.linspace(start, stop, num, endpoint, dtype=dtype, axis=axis)


@derived(numpy=np.linspace)
def linspace(
    start: Operand, stop: Operand, num: int = 50, endpoint: bool = True, retstep: bool = False,
    dtype: Any = None, axis: int = 0, *, device: str | None = None,
) -> Any:  # fmt: skip
    """start + i·(stop − start)/(num − 1) for i < num; without the endpoint, / num.

    start and stop broadcast; the numbers stand along a new axis.  retstep: with it, the step.
    """
    on_device("linspace", device)
    ends = [x if type(x) in (int, float) else array(x, copy=False) for x in (start, stop)]
    y = linspace_between(ends[0], ends[1], num, endpoint, dtype, axis)
    if not retstep:
        return y
    steps = num - 1 if endpoint else num
    return y, divide(subtract(ends[1], ends[0]), steps) if steps > 0 else as_tensor(np.nan, "")


@derived(numpy=np.logspace)
def logspace(
    start: Operand, stop: Operand, num: int = 50, endpoint: bool = True, base: Operand = 10.0,
    dtype: Any = None, axis: int = 0,
) -> Tensor:  # fmt: skip
    """base^y for the numbers y of `linspace`."""
    if not isinstance(base, (int, float)):
        base = array(base, copy=False)
        if base.ndim:
            ndim = max(np.ndim(start), np.ndim(stop), base.ndim)
            start, stop = array(start, ndmin=ndim), array(stop, ndmin=ndim)
            base = expand_dims(array(base, ndmin=ndim), axis)
    y = power(base, linspace(start, stop, num, endpoint, axis=axis))
    return y if dtype is None else cast(y, np.dtype(dtype), "logspace")


def _geometric(ct: Any, y: Any, end: Any, weights: Any, axis: int) -> Any:
    # y = start^(1−w)·stop^w, on a branch that is the same nearby.
    return _along(ct * y, weights, axis) / end


@primitive(
    numpy=np.geomspace,
    broadcasts=True,
    weak=True,
    domain={"start": (0, INF), "stop": (0, INF)},
    start=lambda ct, y, start, num, endpoint, axis: _geometric(
        ct, y, start, 1 - _way(num, endpoint), axis
    ),
    stop=lambda ct, y, stop, num, endpoint, axis: _geometric(
        ct, y, stop, _way(num, endpoint), axis
    ),
    samples=(
        sample((), (), 4),
        sample((2, 1), (3,), 3, axis=-1),
        sample((2,), (), 3, endpoint=False),
    ),
)
def geomspace(
    start: Operand, stop: Operand, num: int = 50, endpoint: bool = True, dtype: Any = None,
    axis: int = 0,
) -> Any:  # fmt: skip
    """start·(stop/start)^(i/(num − 1)) for i < num; without the endpoint, i/num."""
    if not (np.all(start) and np.all(stop)):
        raise DomainError("geomspace: start or stop is 0; a geometric sequence has no zeros")
    return np.geomspace(start, stop, num, endpoint, dtype, axis)


@primitive(
    name="arange",
    weak=True,
    domain={"start": (0, 1), "step": (0.3, 0.4)},
    start=lambda ct: np.sum(ct),
    stop=lambda ct: np.zeros_like(np.sum(ct)),
    step=lambda ct: np.sum(ct * np.arange(ct.size)),
    samples=(sample((), 2.9, ()), sample((), 3.0, 1.0), sample(1.0, (), 0.5)),
)
def arange_between(start: Operand, stop: Operand, step: Operand, dtype: Any = None) -> Any:
    """Numbers from start in steps, up to stop."""
    return np.arange(start, stop, step, dtype=dtype)


def arange(
    start: Operand, stop: Operand = None, step: Operand = 1, dtype: Any = None, *,
    device: str | None = None, like: Any = None,
) -> Tensor:  # fmt: skip
    """start + i·step, as long as that is before stop; `arange(stop)` begins at 0.

    Differentiable in start and step; the derivative with respect to stop is 0.
    `np.arange` cannot be reached by tensors.
    """
    on_device("arange", device)
    if start is None:
        raise ArgumentError("arange: it needs a stop")
    if stop is None:
        start, stop = 0, start
    return arange_between(start, stop, step, dtype)
