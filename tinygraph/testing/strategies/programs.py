"""The words that random programs are written with, and a program while it is written."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from ...backward import gradients
from ...errors import ArgumentError
from ...modes import no_grad
from ...primitive import Primitive
from ...registry import REGISTRY
from ...tensor import Tensor, Variable
from ..expression import Expression, Ref, Step, resolved
from .operations import properties
from .values import Interval

LARGEST = 1e3  # values beyond are left out: differences of them drown in rounding
MOST_ELEMENTS = 64
MARGIN = 0.05
# What rounds to one of few values, or is about neighbouring floats: of derivative 0 or no use here.
USELESS = frozenset({"nextafter", "heaviside", "imag", "sign", "copysign", "spacing"})
# Simple ones first: shrinking tries them in this order.
ORDER = ("add", "multiply", "negative", "subtract", "sin", "exp", "tanh", "square", "sum", "mean")
OTHERS = (
    "matmul", "transpose", "reshape", "expand_dims", "flip", "roll", "concatenate", "stack",
    "where", "getitem", "setitem",
)  # fmt: skip
# Of matrices that are brought far from singular ones, or made Hermitian, see `Program.regular`.
LINEAR_ALGEBRA = ("linalg.det", "linalg.inv", "linalg.solve", "linalg.cholesky", "linalg.eigvalsh")


class Word(NamedTuple):
    """An operation that programs are written with."""

    name: str
    kind: str  # "elementwise", "reduction", "scan", or its name
    operands: tuple[str, ...]
    primitive: Primitive | None
    function: Callable[..., Any] | None


def vocabulary(operations: Iterable[str | Callable[..., Any]] | None = None) -> tuple[Word, ...]:
    """The operations that programs are written with, simple ones first.

    Of the registry: what is public, differentiable, works element by element on every operand, or
    reduces or accumulates along axes; products, shapes, joining and indexing; and of `linalg`
    determinants, inverses, solutions, Cholesky factors and eigenvalues.
    """
    known = {word.name: word for word in _known()}
    if operations is None:
        return tuple(known.values())
    found = []
    for operation in operations:
        if callable(operation):
            found.append(_own(operation))
        elif operation in known:
            found.append(known[operation])
        else:
            raise ArgumentError(
                f"expressions: no operation {operation!r} to write programs with; there are "
                f"{', '.join(known)}; one of your own comes as the function"
            )
    if not found:
        raise ArgumentError("expressions: operations is empty; it needs one or more")
    return tuple(found)


def _known() -> list[Word]:
    import tinygraph

    found = []
    for name, primitive in REGISTRY.items():
        public = getattr(tinygraph, name, None)
        if getattr(public, "primitive", None) is not primitive or name in USELESS:
            continue
        narrow = any(high - low < 1 for low, high in primitive.domain.values())
        every = primitive.operands == primitive.differentiable
        kind = _kind(primitive)
        if kind and every and not narrow:
            found.append(Word(name, kind, primitive.operands, primitive, None))
        elif kind == "reduction":  # its second operand, as the mean of a variance, can be left out
            found.append(Word(name, kind, primitive.operands[:1], primitive, None))
    found += [Word(name, name, (), None, None) for name in (*OTHERS, *LINEAR_ALGEBRA)]
    return sorted(found, key=lambda w: ORDER.index(w.name) if w.name in ORDER else len(ORDER))


@functools.cache
def takes_complex(word: Word) -> bool:
    """Whether an operation is differentiable at complex numbers; of one's own functions, yes."""
    if word.primitive is None:
        return True
    x = Variable(np.array([0.5 + 0.25j, 0.25 - 0.5j]))
    kwargs = {"axis": 0} if word.kind == "scan" else {}
    try:
        with np.errstate(all="ignore"):
            y = word.primitive.function(*[x] * len(word.operands), **kwargs)
            return gradients(y, x, np.ones(y.shape)) is not None
    except (TypeError, ValueError):
        return False


def _kind(primitive: Primitive) -> str | None:
    simple = primitive.elementwise and primitive.sequence is None and not primitive.several
    if simple and not set(primitive.static) - {"slope"}:
        return "elementwise"
    return next((kind for kind in ("reduction", "scan") if kind in properties(primitive)), None)


def _own(function: Callable[..., Any]) -> Word:
    """A function of the user: an operation of the registry, or any function of tensors."""
    name = function.__name__
    primitive = getattr(function, "primitive", None)
    if isinstance(primitive, Primitive):
        kind = _kind(primitive) or "elementwise"
        operands = primitive.operands if kind == "elementwise" else primitive.operands[:1]
        return Word(name, kind, operands, primitive, function)
    needed = [
        p.name
        for p in inspect.signature(function).parameters.values()
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    return Word(name, "elementwise", tuple(needed), None, function)


class Program:
    """A program while it is written: it is run as it grows, so that every value is known."""

    def __init__(self, inputs: Iterable[Any], kinks: bool) -> None:
        self.inputs = tuple(inputs)
        self.values = list(self.inputs)
        self.steps: list[Step] = []
        self.kinks = kinks
        self.brought: dict[tuple[Ref, Interval], Ref] = {}  # into a domain

    def then(self, step: Step) -> Ref | None:
        """The result of one more step; None, and no step, where it is not fit to go on with."""
        function = resolved(step)
        args = [self._value(arg) for arg in step.args]
        with no_grad(), np.errstate(all="ignore"):
            y = function(*args, **step.kwargs)
        y = np.asarray(y.numpy() if type(y) is Tensor else y)
        bounded = y.dtype.kind in "fc" and np.isfinite(y).all() and (np.abs(y) <= LARGEST).all()
        if not bounded or not 0 < y.size <= MOST_ELEMENTS:
            return None
        self.steps.append(step)
        self.values.append(y)
        return Ref(len(self.values) - 1)

    def value(self, ref: Ref) -> Any:
        """The array that stands there."""
        return self.values[ref.place]

    def _value(self, arg: Any) -> Any:
        if type(arg) is Ref:
            return self.value(arg)
        return [self.value(ref) for ref in arg] if type(arg) is list else arg

    def within(self, ref: Ref, domain: Interval) -> Ref:
        """The value itself if it lies well inside the domain, else a smooth function that does."""
        x = self.value(ref)
        low, high = domain
        gap = min(0.1, (high - low) / 8)
        # Branch cuts of complex functions lie where the real ones are not defined.
        bounded = x.dtype.kind == "c" and np.isfinite(domain).all()
        size = np.abs(x - (low + high) / 2) + (low + high) / 2 if bounded else np.real(x)
        if ((low + gap <= size) & (size <= high - gap)).all():
            return ref
        if (ref, domain) not in self.brought:
            self.brought[ref, domain] = self._bring(ref, domain)
        return self.brought[ref, domain]

    def _bring(self, ref: Ref, domain: Interval) -> Ref:
        x, (low, high) = self.value(ref), domain
        if x.dtype.kind == "c":
            return self._bring_complex(ref, domain)
        if np.isfinite(domain).all():
            half, middle = (high - low) / 2, (low + high) / 2
            ref = self.then(Step("tanh", (ref,))) or ref
            ref = self.then(Step("multiply", (ref, 0.8 * half))) or ref
            return ref if not middle else self.then(Step("add", (ref, middle))) or ref
        squashed = self.then(Step("tanh", (ref,))) if np.abs(x).max() > 8 else ref
        square = self.then(Step("square", (squashed or ref,))) or ref
        if np.isfinite(low):
            return self.then(Step("add", (square, low + 0.5))) or ref
        return self.then(Step("subtract", (high - 0.5, square))) or ref

    def _bring_complex(self, ref: Ref, domain: Interval) -> Ref:
        """By a factor, or a shift: what is smooth and bounded is not both on complex numbers."""
        x, (low, high) = self.value(ref), domain
        if np.isfinite(domain).all():
            factor = 0.8 * min(high, -low) / float(np.abs(x).max())
            return self.then(Step("multiply", (ref, _plain(factor, np.floor)))) or ref
        if np.isfinite(low):
            shift = low + 0.5 - float(np.real(x).min())
            return self.then(Step("add", (ref, _plain(shift, np.ceil)))) or ref
        shift = high - 0.5 - float(np.real(x).max())
        return self.then(Step("add", (ref, _plain(shift, np.floor)))) or ref

    def regular(self, ref: Ref) -> Ref | None:
        """A matrix far from a singular one: itself, or plus a multiple of the identity."""
        x = self.value(ref)
        if x.ndim != 2 or x.shape[0] != x.shape[1]:
            return self.hermitian(ref)
        sizes = np.linalg.svd(x, compute_uv=False)
        if sizes[-1] > 0.3 and sizes[0] < 30 * sizes[-1]:
            return ref
        dominant = np.eye(len(x), dtype=x.dtype) * (1 + np.ceil(np.abs(x).sum(-1).max()))
        return self.then(Step("add", (ref, dominant)))

    def hermitian(self, ref: Ref) -> Ref | None:
        """A Hermitian matrix with positive eigenvalues well apart; None of what is no matrix.

        It is x·xᴴ/4 + diag(1, 4, …), where x is divided by a power of two if it is large.
        """
        x = self.value(ref)
        if x.ndim != 2:
            return None
        largest = float(np.abs(x).max())
        if largest > 2:
            ref = self.then(Step("multiply", (ref, 2.0 ** -np.ceil(np.log2(largest))))) or ref
        turned: Ref | None = self.then(Step("transpose", (ref,)))
        if turned is not None and x.dtype.kind == "c":
            turned = self.then(Step("conjugate", (turned,)))
        square = turned and self.then(Step("matmul", (ref, turned)))
        small = square and self.then(Step("multiply", (square, 0.25)))
        apart = np.diag(np.arange(1.0, 3 * len(x), 3)).astype(x.dtype)
        return small and self.then(Step("add", (small, apart)))

    def together(self, a: Ref, b: Ref) -> Ref:
        """b, or its sum if it does not broadcast with a, or a itself."""
        try:
            np.broadcast_shapes(self.value(a).shape, self.value(b).shape)
        except ValueError:
            return self.then(Step("sum", (b,))) or a
        return b

    def ties(self, name: str, refs: Iterable[Ref]) -> bool:
        """Whether the operation has a kink at, or close to, these values."""
        values = [self.value(ref) for ref in refs]
        if self.kinks:
            return False
        if name in ("maximum", "minimum", "fmax", "fmin"):
            return bool((np.abs(values[0] - values[1]) < MARGIN).any())
        if name in ("relu", "leaky_relu", "absolute", "fabs"):
            return bool((np.abs(values[0]) < MARGIN).any())
        if name in ("max", "min", "sort", "cummax", "cummin", "std"):
            return bool((np.diff(np.sort(values[0], axis=None)) < MARGIN).any())
        x = values[0]
        if x.dtype.kind == "c" and name == "angle":  # the cut along the negative numbers
            return bool(((np.abs(np.imag(x)) < MARGIN) & (np.real(x) < MARGIN)).any())
        if x.dtype.kind == "c" and name in ("arctan", "arcsinh"):  # the cuts from i and −i on
            beyond = np.abs(np.imag(x)) > 1 - MARGIN
            return bool((beyond & (np.abs(np.real(x)) < MARGIN)).any())
        return False

    def ending(self, result: Ref) -> Expression:
        """The program of what the result needs, the inputs that it does not need left out."""
        needed, count = {result.place}, len(self.inputs)
        for place in range(len(self.values) - 1, count - 1, -1):
            if place in needed:
                needed |= {ref.place for ref in self.steps[place - count].refs()}
        kept = sorted(needed)
        new = {place: Ref(i) for i, place in enumerate(kept)}
        return Expression(
            tuple(self.inputs[place] for place in kept if place < count),
            tuple(self.steps[place - count].with_refs(new) for place in kept if place >= count),
        )


def _plain(x: float, rounded: Any) -> float:
    """A number of few digits, on the side of `rounded`."""
    return float(rounded(x * 16) / 16) or x
