"""check_custom: all that is asked of an operation, of one that a user has declared above all."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError, RuleError, TinygraphError
from ..primitive import Primitive
from ..tensor import Tensor, Variable, untracked
from .check_grads import check_grads
from .failures import CheckFailed
from .layouts import LAYOUTS
from .posing import name_of, parameters_of
from .problem import Array, pulled
from .sameness import same
from .samples import Call, calls, outputs, reference_of

SUBSETS = 6  # of so many operands every choice is tracked in turn, of more each one alone


@dataclass(frozen=True)
class CheckedOperation:
    """What `check_custom` asked of an operation; nothing of it was wrong.

    name       of the operation
    samples    how many calls
    checked    what was checked
    left_out   what was not, and why
    """

    name: str
    samples: int
    checked: tuple[str, ...]
    left_out: dict[str, str]

    def __str__(self) -> str:
        text = f"{self.name}: right in {self.samples} samples: {', '.join(self.checked)}"
        rest = "; ".join(f"{what} ({why})" for what, why in self.left_out.items())
        return f"{text}\nnot checked: {rest}" if rest else text


def check_custom(
    operation: Any,
    *samples: Any,
    reference: Callable[..., Any] | None = None,
    order: int = 2,
    rtol: float = 0.0,
    seed: int = 0,
) -> CheckedOperation:
    """All that is asked of an operation: its value, its derivatives, and its manners.

    operation: what `tg.primitive` or `tg.elementwise` made, or any function of tensors.
    samples: calls to try: `tg.sample((2, 3), axis=0)`, in which shapes stand for random operands in
        their domain, or tuples of arguments. For functions that are no declared operation they
        hold arrays. Without any: the samples of the declaration.
    reference: computes the same on arrays; without one, the NumPy function of the declaration.
    rtol: how wrong it may be by design, as for `check_grads`, relative to its size: derivatives,
        the value beside the reference's, and both in float32 and where operands broadcast.

    For each sample: the value is the reference's; derivatives up to `order`, forward and backward,
    are those of differences (`check_grads`); float64 keeps its digits; float32 stays float32, and
    is right to its precision; operands of any memory layout give the same; nothing given is
    changed; calls by keyword are calls by position; any choice of tracked operands gets the same
    gradients; and where operands broadcast, the gradient is summed over the axes that were added.

    Raises CheckFailed, or GradientMismatch, which is one, with the sample and what is wrong; Kink
    where a sample has no derivative; ArgumentError where there are no samples.
    """
    function = _public(operation)
    reference = reference or reference_of(function)
    tried = list(calls(function, samples, seed))
    checked: dict[str, bool] = {}
    for call in tried:
        check = _CallCheck(call, order, rtol, seed)
        try:
            for what, done in check.everything(reference):
                checked[what] = checked.get(what, False) or done
        except TinygraphError as error:
            error.add_note(f"in the sample {call!r}")
            raise
    why = {
        "float32": "the samples ask for a dtype",
        "float64": "its gradients are 0, or the samples ask for a dtype",
        "value": "there is no reference",
        "keywords": "all its operands are positional",
        "broadcasting": "its operands do not broadcast",
        "choices of tracked operands": "it has one operand",
    }
    return CheckedOperation(
        name_of(function),
        len(tried),
        tuple(what for what, done in checked.items() if done),
        {what: why[what] for what, done in checked.items() if not done},
    )


def _public(operation: Any) -> Callable[..., Any]:
    if isinstance(operation, Primitive):
        raise ArgumentError(
            f"check_custom: {operation!r} is the record of an operation; pass the function itself"
        )
    if not callable(operation):
        raise ArgumentError(
            f"check_custom: {type(operation).__name__} came for the operation; pass the function"
        )
    return operation  # type: ignore[no-any-return]


class _CallCheck:
    """One sample of an operation."""

    def __init__(self, call: Call, order: int, rtol: float, seed: int) -> None:
        self.call, self.order, self.rtol, self.seed = call, order, rtol, seed
        self.name = name_of(call.function)
        self.rng = np.random.default_rng(seed)
        self.values = [t.value for t in outputs(call(*map(untracked, call.arrays)))]
        self.cotangents = [self._cotangent(y) for y in self.values]
        self.gradients = self._gradients(call.arrays)

    def everything(self, reference: Callable[..., Any] | None) -> Iterator[tuple[str, bool]]:
        """Names of what was checked, and whether there was anything to check."""
        yield "value", reference is not None and self.value(reference)
        yield "no mutation", self.mutation()
        yield "float64", self.double()
        yield f"derivatives up to order {self.order}", self.derivatives()
        yield "float32", self.single()
        yield "layouts", self.layouts()
        yield "keywords", self.keywords()
        yield "choices of tracked operands", self.choices()
        yield "broadcasting", self.broadcasting()

    def value(self, reference: Callable[..., Any]) -> bool:
        """It is the reference's."""
        arrays = self.call.arrays
        wanted = self.call.of(reference, [x.copy() for x in arrays])
        several = isinstance(wanted, (tuple, list))
        wanted = [np.asarray(y) for y in (wanted if several else [wanted])]
        wanted = [y for y in wanted if y.dtype.kind in "fc"]
        if len(wanted) != len(self.values):
            self._fail(f"there are {len(self.values)} results, of the reference {len(wanted)}")
        for found, expected in zip(self.values, wanted, strict=True):
            if found.shape != expected.shape or found.dtype != expected.dtype:
                self._fail(
                    f"the result has shape {found.shape} and dtype {found.dtype}, that of the "
                    f"reference {expected.shape} and {expected.dtype}"
                )
            if not same(found, expected, arrays, self._approximate(expected)):
                self._fail(f"the value is\n{found}\nand that of the reference\n{expected}")
        return True

    def derivatives(self) -> bool:
        """They are those of differences."""
        if not any(x.size for x in self.call.arrays) or not any(y.size for y in self.values):
            return False
        settings: dict[str, Any] = {"order": self.order, "rtol": self.rtol, "seed": self.seed}
        positions = {place.key for place in self.call.places}
        if all(isinstance(key, int) for key in positions) and self._alone(positions):
            args, kwargs = self.call.arguments(self.call.arrays)
            chosen: Any = tuple(sorted(positions))
            check_grads(self.call.function, *args, kwargs=kwargs, argnums=chosen, **settings)
        else:
            names = [str(place) for place in self.call.places]
            check_grads(_Named(self.call, names), *self.call.arrays, **settings)
        return True

    def _alone(self, positions: set[Any]) -> bool:
        """Whether nothing but operands is in the lists that operands are in."""
        given = [self.call.given.args[i] for i in positions]
        inside = sum(len(x) if isinstance(x, list) else 1 for x in given)
        return inside == len(self.call.places)

    def single(self) -> bool:
        """float32 goes in and comes out, unless the call asks for another dtype."""
        if self.call.given.kwargs.get("dtype") is not None:
            return False
        arrays = [_coarser(x) for x in self.call.arrays]
        found = outputs(self.call(*map(untracked, arrays)))
        for y, wide in zip(found, self.values, strict=True):
            if y.dtype != _coarser(wide).dtype:
                self._fail(
                    f"for float32 operands the result is {y.dtype}, it must stay float32; look for "
                    "an array or a NumPy float64 scalar made on the way"
                )
        exact = [x.astype(wide.dtype) for x, wide in zip(arrays, self.call.arrays, strict=True)]
        # What rounding the operands does is no fault of the operation.
        near = [x * (1 + 2.0**-23 * self.rng.choice([-1, 1], x.shape)) for x in exact]
        names = ["value"] * len(found) + [f"gradient of {place}" for place in self.call.places]
        for what, y, wide, moved in zip(
            names,
            *(self._value_and_gradients(xs) for xs in (arrays, exact, near)),
            strict=True,
        ):
            unrest = 16 * float(np.max(np.abs(moved - wide), initial=0))
            if not same(y, wide, arrays, unrest + self._approximate(wide)):
                self._fail(f"in float32 the {what} is\n{y}\nin float64\n{wide}")
        return True

    def double(self) -> bool:
        """Gradients of float64 operands have more digits than float32 has room for."""
        if self.call.given.kwargs.get("dtype") is not None:
            return False
        done = False
        wide = (np.dtype(np.float64), np.dtype(np.complex128))
        if not all(y.dtype in wide for y in self.values):
            return False
        for place, g in zip(self.call.places, self.gradients, strict=True):
            # Cotangents are random, and gradients are linear in them: few digits are no chance.
            if g.dtype in wide and g.any():
                done = True
                with np.errstate(over="ignore"):
                    if (_coarser(g) == g).all():
                        self._fail(
                            f"the gradient of {place} has the digits of float32 only; look for "
                            "arrays and scalars of float32 in its gradient rule"
                        )
        return done

    def _value_and_gradients(self, arrays: Sequence[Array]) -> list[Array]:
        values = [np.asarray(y.value) for y in outputs(self.call(*map(untracked, arrays)))]
        return [*values, *self._gradients(arrays)]

    def layouts(self) -> bool:
        """Strides do not matter."""
        for name, layout in LAYOUTS.items():
            arrays = [layout(x) for x in self.call.arrays]
            for y, wanted in zip(outputs(self.call(*map(untracked, arrays))), self.values):
                if not same(y.value, wanted):
                    self._fail(f"in the layout {name!r} the value is another:\n{y.value}\n{wanted}")
            self._compare(self._gradients(arrays), f"in the layout {name!r}")
        return True

    def mutation(self) -> bool:
        """Forward and backward, once and twice, leave operands and cotangents as they were."""
        inputs = [Variable(x) for x in self.call.arrays]
        args, kwargs = self.call.arguments(inputs)
        cts = [untracked(np.array(ct)) for ct in self.cotangents]
        raw = [x for x in [*args, *kwargs.values()] if isinstance(x, np.ndarray)]
        found = outputs(self.call.function(*args, **kwargs))
        watched = [*raw, *(t.value for t in [*inputs, *found, *cts])]
        copies = [np.array(x) for x in watched]
        named = {str(i): y for i, y in enumerate(found)}
        self._raise_if_changed(watched, copies, "the operation")
        pulled(named, inputs, cts, retain_graph=True)
        self._raise_if_changed(watched, copies, "its gradient rule")
        if self.order == 1:
            return True
        first = pulled(named, inputs, cts, create_graph=True)
        tracked = {str(i): g for i, g in enumerate(first) if g is not None and g.node is not None}
        pulled(tracked, inputs, [untracked(np.ones_like(g.value)) for g in tracked.values()])
        self._raise_if_changed(watched, copies, "its gradient rule, differentiated,")
        return True

    def _raise_if_changed(self, watched: list[Any], copies: list[Any], who: str) -> None:
        for x, copy in zip(watched, copies, strict=True):
            if not np.array_equal(x, copy, equal_nan=True):
                self._fail(
                    f"{who} changes an array that it was given, from\n{copy}\nto\n{x}\nlook for "
                    "+=, out= and slices that are written to"
                )

    def keywords(self) -> bool:
        """By keyword and by position it is the same call."""
        args, kwargs = self.call.arguments([untracked(x) for x in self.call.arrays])
        taken = parameters_of(self.call.function)
        own = [p for p in taken if p.kind is p.POSITIONAL_OR_KEYWORD]
        first = sum(p.kind is p.POSITIONAL_ONLY for p in taken)
        if len(args) <= first or first + len(own) < len(args):
            return False
        moved = {p.name: a for p, a in zip(own, args[first:])}
        found = outputs(self.call.function(*args[:first], **moved, **kwargs))
        for y, wanted in zip(found, self.values, strict=True):
            if not same(y.value, wanted):
                self._fail(f"called by keyword its value is\n{y.value}\nby position\n{wanted}")
        return True

    def choices(self) -> bool:
        """Whichever operands are tracked, they get the same gradients."""
        count = len(self.call.arrays)
        if count < 2:
            return False
        every = itertools.product((True, False), repeat=count)
        alone = (tuple(i == j for j in range(count)) for i in range(count))
        for chosen in every if count <= SUBSETS else alone:
            inputs = [
                Variable(x) if tracked else untracked(x)
                for x, tracked in zip(self.call.arrays, chosen, strict=True)
            ]
            found = outputs(self.call(*inputs))
            words = ", ".join(str(p) for p, c in zip(self.call.places, chosen, strict=True) if c)
            if not any(chosen):
                if any(y.node is not None for y in found):
                    self._fail("its result is tracked although no operand is")
                continue
            leaves = list(itertools.compress(inputs, chosen))
            gradients = pulled(dict(enumerate(found)), leaves, self.cotangents)  # type: ignore[arg-type]
            arrived = iter(_arrays(gradients, leaves))
            self._compare(
                [next(arrived) if c else g for c, g in zip(chosen, self.gradients, strict=True)],
                f"with only {words} tracked",
            )
        return True

    def broadcasting(self) -> bool:
        """An operand that is broadcast gets the sum of what its copies would."""
        done = False
        arrays = self.call.arrays
        for k, small in self._smaller():
            mixed = [small if i == k else x for i, x in enumerate(arrays)]
            whole = [np.array(x) for x in np.broadcast_arrays(*mixed)]
            try:
                found = outputs(self.call(*map(untracked, mixed)))
                wanted = outputs(self.call(*map(untracked, whole)))
            except (TinygraphError, ValueError, TypeError, IndexError):
                continue
            if not all(same(y.value, z.value) for y, z in zip(found, wanted)):
                continue
            done = True
            cts = [self._cotangent(y.value) for y in found]
            try:
                own, copies = self._gradients(mixed, cts), self._gradients(whole, cts)
            except RuleError as error:
                raise CheckFailed(
                    f"check_custom: {self.call!r}: with shapes {_shapes(mixed)} the sum over the "
                    f"broadcast axes is missing in a gradient rule ({error}); with broadcasts=True "
                    "in its declaration the engine sums"
                ) from error
            for place, g, x, copied in zip(self.call.places, own, mixed, copies, strict=True):
                summed = _summed(copied, x.shape)
                terms = [np.abs(copied).sum(keepdims=True)]
                if not same(g, summed, terms, self._approximate(*terms)):
                    self._fail(
                        f"with shapes {_shapes(mixed)} the gradient of {place} is"
                        f"\n{g}\nand not the sum over the broadcast axes\n{summed}"
                    )
        return done

    def _smaller(self) -> Iterator[tuple[int, Array]]:
        """Operands to be broadcast: without their first axis, or with axes of size 1."""
        arrays = self.call.arrays
        if len(arrays) < 2 or len({x.shape for x in arrays}) > 1 or not arrays[0].size:
            return
        for k, x in enumerate(arrays):
            if x.ndim:
                yield k, x[0]
                yield k, x[..., :1]
            if x.ndim > 1:
                yield k, x[:1]

    def _approximate(self, wanted: Array) -> float:
        """How far from this a result may be by design."""
        return self.rtol * float(np.max(np.abs(wanted), initial=0))

    def _cotangent(self, y: Any) -> Array:
        signs = np.resize([-1.0, 1.0], np.size(y)).reshape(np.shape(y))
        return np.asarray(self.rng.uniform(0.5, 1.5, np.shape(y)) * signs, y.dtype)

    def _gradients(self, arrays: Sequence[Array], cts: Any = None) -> list[Array]:
        inputs = [_leaf(x) for x in arrays]
        found = outputs(self.call(*inputs))
        cts = self.cotangents if cts is None else cts
        cts = [ct.astype(y.dtype) for ct, y in zip(cts, found, strict=True)]
        named = {str(i): y for i, y in enumerate(found)}
        return _arrays(pulled(named, inputs, cts), inputs)

    def _compare(self, gradients: Sequence[Array], when: str) -> None:
        for place, g, wanted in zip(self.call.places, gradients, self.gradients, strict=True):
            if g.dtype != wanted.dtype or not same(g, wanted, self.cotangents):
                self._fail(f"{when} the gradient of {place} is\n{g}\nand else\n{wanted}")

    def _fail(self, words: str) -> None:
        raise CheckFailed(f"check_custom: {self.call!r}: {words}")


class _Named:
    """A call as a function of its operands, called what the operation is called."""

    def __init__(self, call: Call, names: Sequence[str]) -> None:
        self.call, self.__name__ = call, name_of(call.function)
        kind = inspect.Parameter.POSITIONAL_ONLY
        plain = [name if name.isidentifier() else f"operand_{i}" for i, name in enumerate(names)]
        self.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in plain])

    def __call__(self, *values: Any) -> Any:
        return self.call(*values)


def _leaf(x: Array) -> Tensor:
    """A leaf that keeps the array's strides, which tg.Variable may not."""
    t = Variable(x)
    t.value = x
    return t


def _arrays(gradients: Sequence[Tensor | None], inputs: Sequence[Tensor]) -> list[Array]:
    return [
        np.zeros_like(x.value) if g is None else np.asarray(g.value)
        for g, x in zip(gradients, inputs, strict=True)
    ]


def _shapes(arrays: Sequence[Array]) -> str:
    return " and ".join(str(x.shape) for x in arrays)


def _coarser(x: Any) -> Array:
    return np.asarray(x, {"f": np.float32, "c": np.complex64}[np.asarray(x).dtype.kind])


def _summed(g: Array, shape: tuple[int, ...]) -> Array:
    """The sum over the axes along which an array of the shape was broadcast."""
    g = g.sum(tuple(range(g.ndim - len(shape))))
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1)
    return np.asarray(g.sum(axes, keepdims=True) if axes else g)
