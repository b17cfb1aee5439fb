"""A function to be checked, as one from arrays to arrays; and its derivative, as another."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backward import gradients
from ..containers import filled, leaves
from ..errors import ArgumentError, DomainError, DTypeError
from ..modes import enable_grad, no_grad
from ..tensor import Tensor, Variable, untracked
from ..transforms import jvp
from .failures import CheckFailed, place

Array = NDArray[Any]


@dataclass
class Problem:
    """A function of arrays, with the point at which it is checked.

    function   what the user gave
    name       what messages call it
    names      of the arrays that it is differentiated with respect to
    arrays     their values at the point
    run        from tensors in their place to the floating tensors that come out
    outputs    names of these, known after `start`
    values     their values at the point, likewise
    order      of the derivative that is checked with it
    """

    function: Callable[..., Any]
    name: str
    names: list[str]
    arrays: list[Array]
    run: Callable[[Sequence[Tensor]], dict[str, Tensor]]
    order: int = 1
    outputs: list[str] = field(default_factory=list)
    values: list[Array] = field(default_factory=list)

    def evaluate(self, arrays: Sequence[Array], *, recorded: bool = False) -> list[Array]:
        """The values that come out, for these arrays."""
        with enable_grad() if recorded else no_grad(), np.errstate(all="ignore"):
            inputs = list(map(Variable if recorded else untracked, arrays))
            return [t.value for t in self.run(inputs).values()]

    def start(self, operation: str) -> None:
        """Evaluate it at the point; raise unless it is finite there, and the same once more."""
        given = [x.copy() for x in self.arrays]
        with no_grad(), np.errstate(all="ignore"):
            found = self.run(list(map(untracked, self.arrays)))
        self.outputs, self.values = list(found), [np.array(t.value) for t in found.values()]
        for name, value in found.items():
            wrong = np.argwhere(~np.isfinite(value.value))
            if len(wrong):
                raise DomainError(
                    f"{operation}: {self._subject()} is {value.value[tuple(wrong[0])]} at "
                    f"{place(name, tuple(map(int, wrong[0])))}; derivatives are checked where the "
                    "function is finite, so give it other arguments"
                )
        again = self.evaluate(self.arrays)
        for name, x, before in zip(self.names, self.arrays, given, strict=True):
            if not np.array_equal(x, before, equal_nan=True):
                raise CheckFailed(
                    f"{operation}: {self._subject()} writes to {name}, which it is given; look for "
                    "+=, out= and slices that are assigned to"
                )
        for name, first, second in zip(self.outputs, self.values, again, strict=True):
            if first.shape != second.shape or not np.array_equal(first, second):
                raise ArgumentError(
                    f"{operation}: {self._subject()} returned another value when called again with "
                    f"the same arguments ({name}); it must draw no new random numbers: turn "
                    "dropout off with .eval(), or seed its generator within the function"
                )

    def _subject(self) -> str:
        return self.name if self.order == 1 else f"a gradient rule of {self.name}"

    def pull(
        self, arrays: Sequence[Array], cotangents: Sequence[Array], *, create_graph: bool = False
    ) -> tuple[list[Array], list[bool]]:
        """The gradient for each array, by the reverse mode; and whether any reached it."""
        with enable_grad(), np.errstate(all="ignore"):
            inputs = list(map(Variable, arrays))
            found = pulled(self.run(inputs), inputs, cotangents, create_graph=create_graph)
        zeros = map(np.zeros_like, arrays)
        values = [z if g is None else g.value for g, z in zip(found, zeros, strict=True)]
        return [np.asarray(g) for g in values], [g is not None for g in found]

    def push(self, arrays: Sequence[Array], k: int, tangent: Array) -> list[Array]:
        """How the outputs move with the k-th array, by the forward mode."""

        def moving(x: Tensor) -> list[Tensor]:
            inputs = list(map(untracked, arrays))
            inputs[k] = x
            return list(self.run(inputs).values())

        with enable_grad(), np.errstate(all="ignore"):
            _, moved = jvp(moving, (arrays[k],), (tangent,))
        return [np.asarray(t.value) for t in moved]

    def derived(self, cotangents: Sequence[Array]) -> Problem:
        """Its gradient, as a function of what it depends on: the arrays and the cotangents."""
        count = len(self.arrays)

        def run(tensors: Sequence[Tensor]) -> dict[str, Tensor]:
            tracked = any(t.node is not None for t in tensors)
            with enable_grad():
                inputs = [t if t.node is not None else Variable(t.value) for t in tensors]
                own, cts = inputs[:count], list(tensors[count:])
                found = pulled(self.run(own), own, cts, create_graph=tracked)
            return {
                f"the gradient in {name}": untracked(np.zeros_like(x.value)) if g is None else g
                for name, g, x in zip(self.names, found, own, strict=True)
            }

        cts = [f"the cotangent of {name}" for name in self.outputs]
        return Problem(
            self.function,
            self.name,
            [*self.names, *cts],
            [*self.arrays, *map(np.asarray, cotangents)],
            run,
            self.order + 1,
        )


def pulled(
    outputs: dict[str, Tensor],
    inputs: Sequence[Tensor],
    cotangents: Sequence[Any],
    *,
    create_graph: bool = False,
    retain_graph: bool | None = None,
) -> Sequence[Tensor | None]:
    """The gradients of what is tracked; None where nothing arrives.

    An output with a cotangent of zeros is not asked: zero times an infinite derivative is NaN.
    """
    pairs = [
        (y, ct)
        for y, ct in zip(outputs.values(), cotangents, strict=True)
        if y.node is not None and np.any(ct.value if type(ct) is Tensor else ct)
    ]
    if not pairs:
        return [None] * len(inputs)
    ys, cts = zip(*pairs, strict=True)
    return gradients(
        list(ys), list(inputs), list(cts), create_graph=create_graph, retain_graph=retain_graph
    )


def posed(
    operation: str,
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    argnums: int | Sequence[int] | None,
    parameters: Any,
) -> Problem:
    """The problem of differentiating function(*args, **kwargs) in its floating arguments."""
    if not callable(function):
        raise ArgumentError(
            f"{operation}: {type(function).__name__} came for the function; pass the function "
            "itself, and its arguments after it: check_grads(f, x, y)"
        )
    chosen = _positions(operation, argnums, len(args))
    called = argument_names(function, len(args))
    names: list[str] = []
    arrays: list[Array] = []
    for i in chosen:
        for path, leaf in leaves(args[i], called[i]):
            array = _floating(leaf)
            if array is not None:
                names.append(path)
                arrays.append(array)
            elif argnums is not None:
                raise DTypeError(
                    f"{operation}: {path} is {_kind(leaf)}, which has no derivative; leave it out "
                    "of argnums"
                )
    count = len(arrays)
    owned = _parameters(function if parameters is None else parameters, parameters is not None)
    names += owned
    arrays += [np.array(p.value) for p in owned.values()]
    if not arrays:
        kinds = ", ".join(_kind(a) for a in args) or "nothing"
        raise DTypeError(
            f"{operation}: nothing to differentiate: {name_of(function)} was given {kinds}; it "
            "needs a floating-point or complex array, tensor or number, or containers of these"
        )

    def run(tensors: Sequence[Tensor]) -> dict[str, Tensor]:
        # The function may rebind its tensors (x[0] = 1); the caller's stay what they are.
        supply = iter(map(copy, tensors[:count]))
        given = list(args)
        for i in chosen:
            own = [
                leaf if _floating(leaf) is None else next(supply) for _, leaf in leaves(args[i], "")
            ]
            given[i] = filled(args[i], own)
        with standing_in(owned.values(), tensors[count:]):
            return _outputs(operation, function, function(*given, **kwargs))

    return Problem(function, name_of(function), names, arrays, run)


@contextmanager
def standing_in(parameters: Iterable[Tensor], tensors: Iterable[Tensor]) -> Iterator[None]:
    """Within, parameters have the values, and the past, of other tensors."""
    saved = []
    try:
        for p, t in zip(parameters, tensors, strict=True):
            saved.append((p, p.value, p.node))
            p._name = p.name  # where an untracked tensor has it
            p.value, p.node = t.value, t.node
        yield
    finally:
        for p, value, node in saved:
            p.value, p.node = value, node
            del p._name


@contextmanager
def unchanged(owner: Any) -> Iterator[None]:
    """Leave a module's attributes, buffers and generators as they are; nothing, of a function."""
    if not hasattr(owner, "named_buffers"):
        yield
        return
    attributes = [(vars(part), dict(vars(part))) for part in owner.modules()]
    buffers = [(buffer, buffer.copy()) for _, buffer in owner.named_buffers()]
    generators = [generator for _, generator in owner.named_generators()]
    states = [generator.bit_generator.state for generator in generators]
    try:
        yield
    finally:
        for now, before in attributes:
            now.clear()
            now.update(before)
        for buffer, content in buffers:
            buffer[...] = content
        for generator, state in zip(generators, states, strict=True):
            generator.bit_generator.state = state


def argument_names(function: Callable[..., Any], count: int) -> list[str]:
    """What the function calls its positional arguments."""
    try:
        called = getattr(function, "forward", function)
        parameters = inspect.signature(called).parameters.values()
    except (TypeError, ValueError):  # it does not tell
        parameters = ()  # type: ignore[assignment]
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [names[i] if i < len(names) else f"argument {i}" for i in range(count)]


def name_of(function: Callable[..., Any]) -> str:
    """What messages call it: a layer by its class."""
    return str(getattr(function, "__name__", type(function).__name__))


def _positions(operation: str, argnums: Any, count: int) -> list[int]:
    if argnums is None:
        return list(range(count))
    given = [argnums] if isinstance(argnums, int) else list(argnums)
    for i in given:
        if not isinstance(i, int) or not -count <= i < count:
            raise ArgumentError(
                f"{operation}: argnums={argnums}, but the function was given {count} arguments by "
                "position (those by keyword are not differentiated)"
            )
    return [i % count for i in given]


def _floating(leaf: Any) -> Array | None:
    """The array of a leaf that has a derivative, or None."""
    if type(leaf) is Tensor:
        leaf = leaf.value
    if not isinstance(leaf, (np.ndarray, np.generic, float, complex, list)):
        return None
    array = np.array(leaf)
    return array if array.dtype.kind in "fc" else None


def _kind(x: Any) -> str:
    if type(x) is Tensor or isinstance(x, (np.ndarray, np.generic)):
        return f"an array of {x.dtype}"
    return type(x).__name__


def _parameters(owner: Any, given: bool) -> dict[str, Tensor]:
    """The leaves of a module, of a mapping or of a list, by name."""
    if hasattr(owner, "named_parameters"):
        pairs = list(owner.named_parameters())
    elif not given:
        return {}
    elif isinstance(owner, Mapping):
        pairs = list(owner.items())
    else:
        pairs = [
            entry
            if isinstance(entry, tuple)
            else (getattr(entry, "name", None) or f"parameter {i}", entry)
            for i, entry in enumerate([owner] if type(owner) is Tensor else owner)
        ]
    for name, leaf in pairs:
        if type(leaf) is not Tensor or not leaf.is_leaf:
            raise ArgumentError(
                f"check_grads: {name} in parameters is {_kind(leaf)}; it needs leaves, such as "
                "model.parameters()"
            )
    return {name: leaf for name, leaf in pairs if leaf.node is not None}


def _outputs(operation: str, function: Callable[..., Any], result: Any) -> dict[str, Tensor]:
    """The floating tensors in what the function returned, by name."""
    found: dict[str, Tensor] = {}
    other = ""
    for path, t in leaves(result, "the result"):
        if type(t) is Tensor and t.dtype.kind in "fc":
            found[path] = t
        elif type(t) is not Tensor and _floating(t) is not None:
            raise DTypeError(
                f"{operation}: {name_of(function)} returned {type(t).__name__} at {path}, not a "
                "Tensor, so its history is lost; compute with the tensors it is given"
            )
        else:
            other = other or _kind(t)
    if not found:
        came = other or "None"
        raise DTypeError(
            f"{operation}: {name_of(function)} returned {came}, which has no derivative; it must "
            "return a floating-point tensor, or containers of such"
        )
    return found
