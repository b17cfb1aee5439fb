"""Example calls of an operation: which of its arguments are arrays to be differentiated."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..containers import leaves
from ..errors import ArgumentError
from ..primitive import Primitive, Sample, sample
from ..registry import NUMPY
from ..tensor import Tensor
from .posing import name_of
from .problem import Array

UNARY = [(3, 4), (), (1,), (0,)]
BINARY = [
    ((2, 3), (2, 3)),
    ((3, 4), (4,)),
    ((3, 1), (1, 4)),
    ((), (3,)),
    ((2, 3), ()),
    ((1,), (0,)),
]


@dataclass(frozen=True)
class Place:
    """Where in a call an operand stands: at a position or keyword, at an item of a list."""

    operand: str
    key: int | str
    item: int | None = None

    def __str__(self) -> str:
        return self.operand if self.item is None else f"{self.operand}[{self.item}]"


class Call:
    """A way to call an operation: its arguments, and the places and values of its operands."""

    def __init__(self, function: Callable[..., Any], given: Sample, places: dict[Place, Any]):
        self.function, self.given = function, given
        self.places, self.arrays = list(places), [np.asarray(x) for x in places.values()]

    def __repr__(self) -> str:
        return f"{name_of(self.function)}({self.given!r})"

    def arguments(self, values: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
        """What to call it with, these values being the operands."""
        args, kwargs = list(self.given.args), dict(self.given.kwargs)
        for place, value in zip(self.places, values, strict=True):
            holder: Any = args if isinstance(place.key, int) else kwargs
            if place.item is None:
                holder[place.key] = value
            else:
                holder[place.key] = list(holder[place.key])
                holder[place.key][place.item] = value
        return args, kwargs

    def __call__(self, *values: Any) -> Any:
        """What the operation returns."""
        return self.of(self.function, values)

    def of(self, function: Callable[..., Any], values: Sequence[Any]) -> Any:
        """What another function returns in its place."""
        args, kwargs = self.arguments(values)
        return function(*args, **kwargs)


def outputs(result: Any) -> list[Tensor]:
    """The floating tensors in a result."""
    return [t for _, t in leaves(result, "") if type(t) is Tensor and t.dtype.kind in "fc"]


def calls(function: Callable[..., Any], given: Sequence[Any], seed: int) -> Iterator[Call]:
    """The calls that samples stand for; without any, those of the operation's declaration."""
    record: Any = getattr(function, "primitive", None)
    if record is None and not given:
        raise ArgumentError(
            f"check_custom: {name_of(function)} declares no samples; give it some: "
            "check_custom(f, (x, y)), or tg.sample(x, y, axis=0), with arrays for x and y"
        )
    chosen = given or record.samples or (_generic(record) if record.broadcasts else ())
    if not chosen:
        raise ArgumentError(
            f"check_custom: {record.name} declares no samples; give it some, with shapes for its "
            "operands: check_custom(f, tg.sample((2, 3), axis=0)), or arrays"
        )
    rng = np.random.default_rng(seed)
    for one in chosen:
        s = one if isinstance(one, Sample) else sample(*(one if type(one) is tuple else (one,)))
        places = _declared(record, s, rng) if record else _floating(function, s)
        if not places:
            raise ArgumentError(
                f"check_custom: the sample ({s!r}) of {name_of(function)} has no operand: it needs "
                + ("a shape or a floating array" if record else "a floating array")
            )
        yield Call(function, s, places)


def reference_of(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """The NumPy function that an operation stands for."""
    return next((t for t, own in NUMPY.items() if own is function and callable(t)), None)


def _generic(record: Primitive) -> list[Sample]:
    """Shapes for an operation that broadcasts."""
    count = len(record.differentiable)
    if count == 1:
        return [sample(shape) for shape in UNARY]
    return [sample(*(shapes * count)[:count]) for shapes in BINARY]


def _declared(record: Primitive, s: Sample, rng: np.random.Generator) -> dict[Place, Any]:
    """Of a declared operation: shapes and floating arrays in place of its operands."""
    marks = record.signature.bind(*range(len(s.args)), **{k: k for k in s.kwargs})
    found: dict[Place, Any] = {}
    for operand in record.differentiable:
        keys = marks.arguments.get(operand, ())
        for key in keys if isinstance(keys, tuple) else [keys]:
            given = s.args[key] if isinstance(key, int) else s.kwargs[key]
            several = isinstance(given, list) and any(type(x) in (tuple, np.ndarray) for x in given)
            for item, x in enumerate(given) if several else [(None, given)]:
                if type(x) is tuple:
                    interval = record.domain.get(operand, (-math.inf, math.inf))
                    found[Place(operand, key, item)] = _within(x, interval, rng)
                elif _is_floating(x):
                    found[Place(operand, key, item)] = x
    return found


def _floating(function: Callable[..., Any], s: Sample) -> dict[Place, Any]:
    """Of any other function: the floating arrays among its arguments."""
    try:
        names = list(inspect.signature(function).bind(*s.args, **s.kwargs).arguments)
    except (TypeError, ValueError):  # it does not tell
        names = []
    names += [f"argument {i}" for i in range(len(names), len(s.args))]
    found: dict[Place, Any] = {}
    found |= {Place(names[i], i): x for i, x in enumerate(s.args) if _is_floating(x)}
    return found | {Place(k, k): x for k, x in s.kwargs.items() if _is_floating(x)}


def _is_floating(x: Any) -> bool:
    if type(x) is Tensor:
        return x.dtype.kind in "fc"
    return isinstance(x, (float, np.ndarray, np.generic)) and np.asarray(x).dtype.kind in "fc"


def _within(shape: tuple[int, ...], interval: tuple[float, float], rng: Any) -> Array:
    """Numbers inside the interval, away from its ends and from 0, no two of them alike."""
    low, high = interval
    size = math.prod(shape)
    unit = ((rng.permutation(size) + rng.uniform(0.3, 0.7, size)) / max(size, 1)).reshape(shape)
    if math.isfinite(low) and math.isfinite(high):
        return np.asarray(low + (high - low) * (0.15 + 0.7 * unit))
    if math.isfinite(low):
        return np.asarray(low + 0.4 + 2 * unit)
    if math.isfinite(high):
        return np.asarray(high - 0.4 - 2 * unit)
    centred = 2 * unit - 1
    return np.asarray(np.sign(centred) * 0.2 + 1.8 * centred)
