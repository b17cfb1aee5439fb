"""Calls a function on tracked tensors and compares what comes with finite differences."""

import math
import operator
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

import tinygraph as tg

from .calls import Call, arrays

EPS = np.finfo(float).eps
STEP = EPS ** (1 / 3)
DIRECTIONS = 3

# What may come out of a call, the worst last.
ZERO = "zero"  # a derivative that is 0 everywhere
GRADIENT = "gradient"
DISCRETE = "discrete"  # booleans, integers, or no arrays at all: there is nothing to differentiate
UNKNOWN = "unknown"  # NumPy itself does not take such arguments
REFUSED = "refused"  # by one of our own errors
MISSING = "missing"  # there is no function of that name
WRONG = "wrong"


class Outcome(NamedTuple):
    """What a call came to, and where it is not a gradient, in words."""

    kind: str
    note: str = ""


def evaluate(space: Any, text: str, names: dict[str, Any]) -> Any:
    """The value of a call, its function taken from this module: NumPy or what is like it."""
    name, _, _ = text.partition("(")
    function = operator.attrgetter(name)(space)
    arguments = text[len(name) :]
    # Only texts of ours come here.
    return eval(f"function{arguments}", {"np": np, "function": function, **names})  # noqa: S307


def outputs(y: Any) -> Iterator[Any]:
    """The arrays and numbers in a result, in order."""
    if isinstance(y, (tuple, list)):
        for item in y:
            yield from outputs(item)
    elif isinstance(y, (tg.Tensor, np.ndarray, np.generic)):
        yield y


def floating(y: Any) -> bool:
    """Whether it may have a derivative."""
    return y.dtype.kind in "fc"


class Probe:
    """A call of this module's function on tracked tensors, beside NumPy's own on arrays.

    extra: names in the call's text that are not tracked.
    """

    def __init__(
        self,
        call: Call,
        space: Any,
        *,
        imaginary: bool = False,
        extra: dict[str, Any] | None = None,
    ) -> None:
        self.text, self.space, self.extra = str(call), space, extra or {}
        self.given = arrays(call.letters, imaginary=imaginary)
        self.values = [*self.given.values()]
        self.rng = np.random.default_rng(zlib.crc32(self.text.encode()))

    def outputs(self, space: Any, operands: Sequence[Any]) -> list[Any]:
        """The arrays or tensors that come for these operands."""
        fresh = {k: np.array(v) if isinstance(v, np.ndarray) else v for k, v in self.extra.items()}
        names = {**dict(zip(self.given, operands)), **fresh}
        return [*outputs(evaluate(space, self.text, names))]

    def run(self) -> Outcome:
        """What comes of it."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            try:
                wanted = self.outputs(np, self.values)
            except (TypeError, ValueError, LookupError, AttributeError, Warning) as error:
                return Outcome(UNKNOWN, f"{type(error).__name__}: {error}")
            try:
                return self.compared(wanted)
            except tg.TinygraphError as error:
                return Outcome(REFUSED, f"{type(error).__name__}: {error}")
            except Exception as error:  # noqa: BLE001 - whatever it is, it is reported
                return Outcome(WRONG, f"{type(error).__name__}: {error}")

    def compared(self, wanted: list[Any]) -> Outcome:
        """The values with NumPy's, the gradients of order 1 and 2 with finite differences."""
        leaves = [tg.Variable(x) for x in self.values]
        try:
            operator.attrgetter(self.text.partition("(")[0])(self.space)
        except AttributeError as error:
            return Outcome(MISSING, str(error))
        found = self.outputs(self.space, leaves)
        if len(found) != len(wanted):
            return Outcome(WRONG, f"{len(found)} outputs where NumPy has {len(wanted)}")
        for mine, other in zip(found, wanted):
            value = mine.numpy() if isinstance(mine, tg.Tensor) else mine
            if value.dtype != other.dtype or value.shape != other.shape:
                return Outcome(WRONG, f"{value.dtype}{value.shape}, not {other.dtype}{other.shape}")
            if value.dtype.kind not in "fciub":
                same = np.array_equal(value, other)
            else:
                same = np.allclose(value, other, rtol=1e-10, atol=1e-12, equal_nan=True)
            if not same:
                return Outcome(WRONG, "another value than NumPy's")
        places = [i for i, y in enumerate(wanted) if floating(y) and y.size]
        if not places or not leaves:
            return Outcome(DISCRETE)
        if any(type(found[i]) is not tg.Tensor for i in places):
            return Outcome(WRONG, "an array where a tensor belongs")
        cts = [self.random(wanted[i]) for i in places]
        again = [self.random(x) for x in self.values]

        def value(operands: Sequence[Any]) -> list[Any]:
            ys = self.outputs(np, operands)
            return [ys[i] for i in places]

        def gradient(operands: Sequence[Any]) -> list[Any]:
            leaves = [tg.Variable(x) for x in operands]
            ys = self.outputs(self.space, leaves)
            found = gradients([ys[i] for i in places], leaves, cts)
            return [_array(g, x) for g, x in zip(found, operands)]

        first = gradients([found[i] for i in places], leaves, cts, create_graph=True)
        error = self.difference(value, cts, first)
        if error:
            return Outcome(WRONG, f"order 1: {error}")
        second = gradients(first, leaves, again)
        error = self.difference(gradient, again, second)
        if error:
            return Outcome(WRONG, f"order 2: {error}")
        zero = not any(np.any(_array(g, x)) for g, x in zip(first, self.values))
        return Outcome(ZERO if zero else GRADIENT)

    def random(self, like: Any) -> Any:
        """Cotangents for an output like this."""
        real = self.rng.uniform(0.5, 1.5, like.shape) * self.rng.choice([-1, 1], like.shape)
        if like.dtype.kind == "c":
            real = real + 1j * self.rng.uniform(-1, 1, like.shape)
        return np.asarray(real, like.dtype)

    def difference(
        self,
        function: Callable[[Sequence[Any]], list[Any]],
        cts: Sequence[Any],
        found: Sequence[Any],
    ) -> str:
        """Where the gradient of Re Σ c̄t·f and central differences part, in words; else nothing.

        The bound is that of `tests/derivatives.py`: the truncation error is a third of what
        doubling the step changes, and rounding is divided by the step.
        """

        def total(values: Sequence[Any]) -> float:
            ys = function(values)
            return math.fsum(float(np.sum(np.real(np.conj(c) * y))) for c, y in zip(cts, ys))

        ys = function(self.values)
        largest = max([1.0, *(float(np.abs(z).max()) for z in [*self.values, *ys] if z.size)])
        weight = sum(float(np.abs(c).sum()) for c in cts)
        count = 64 + sum(x.size for x in self.values)
        for _ in range(DIRECTIONS):
            ways = [self.random(x) for x in self.values]

            def quotient(step: float, ways: list[Any] = ways) -> float:
                above, below = (
                    total([np.asarray(x + sign * step * d) for x, d in zip(self.values, ways)])
                    for sign in (1, -1)
                )
                return (above - below) / (2 * step)

            slope = math.fsum(
                float(np.sum(np.real(np.conj(_array(g, x)) * d)))
                for g, x, d in zip(found, self.values, ways)
            )
            near, far = quotient(STEP), quotient(2 * STEP)
            bound = abs(far - near) + 2 * count * EPS * largest * weight / STEP
            if not abs(slope - near) <= bound:
                return f"the slope is {slope:.9g}, by differences {near:.9g} ± {bound:.1g}"
        return ""


def gradients(ys: Any, leaves: Any, cts: Any, *, create_graph: bool = False) -> list[Any]:
    """Those of the tracked outputs; None where an operand does not matter."""
    pairs = [(y, c) for y, c in zip(ys, cts) if type(y) is tg.Tensor and y.requires_grad]
    if not pairs:
        return [None] * len(leaves)
    found = tg.gradients(
        [y for y, _ in pairs], leaves, [c for _, c in pairs], create_graph=create_graph
    )
    return [*found]


def _array(g: Any, x: Any) -> Any:
    return np.zeros_like(x) if g is None else g.numpy()
