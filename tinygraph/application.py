"""A function applied to arguments, with the way back from its value to some of them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any, TypeAlias

import numpy as np

from .backward import gradients
from .containers import SIMPLE, filled, leaves, paired
from .errors import ArgumentError, DTypeError, ShapeError
from .modes import enable_grad, recording
from .node import Node, leaf
from .ops.elementwise import positive
from .tensor import Tensor, array_of, as_tensor, check_differentiable, untracked, with_node

Argnums: TypeAlias = int | Sequence[int] | None  # None: all arguments


class Application:
    """function(*args, **keywords), to be differentiated with respect to the arguments `argnums`.

    value     what it returned, tensors in containers; aux: what it returned beside that, or None
    outputs   the tensors in the value
    chosen    the arguments that are differentiated
    entries   the tensors in these, as the function saw them
    outer     whether operations are recorded where it is called
    tracked   whether derivatives of the value depend on anything tracked outside
    """

    def __init__(
        self,
        operation: str,
        function: Callable[..., Any],
        args: Sequence[Any],
        keywords: dict[str, Any],
        argnums: Argnums,
        has_aux: bool = False,
    ) -> None:
        self.operation, self.name, self.argnums = operation, name_of(function), argnums
        self.outer = recording()
        inputs = list(args)
        chosen = self._positions(len(inputs))
        self.chosen = [args[i] for i in chosen]
        self.entries: list[Tensor] = []
        for i in chosen:
            found = [
                self._entry(f"{operation}: {place} of {self.name}", x, x is args[i])
                for place, x in leaves(args[i], f"argument {i}")
            ]
            inputs[i] = filled(args[i], found)
            # The function may rebind its tensors (x[0] = 1); these stay at the entry.
            self.entries += map(copy, found)
        with enable_grad():
            result = function(*inputs, **keywords)
        self.value: Any
        self.aux: Any
        self.value, self.aux = self._parted(result) if has_aux else (result, None)
        self.outputs: list[Tensor] = []
        for path, t in leaves(self.value, ""):
            self._check_output(path, t)
            self.outputs.append(t)
        if self.value is None:
            raise DTypeError(f"{operation}: {self.name} returned None, not a Tensor")
        self.tracked = self.outer and _reach_outside(self.outputs, self.entries)

    def _positions(self, count: int) -> list[int]:
        """The positions of the arguments to differentiate with respect to."""
        argnums = self.argnums
        if type(argnums) is int and 0 <= argnums < count:
            return [argnums]
        if argnums is None:
            return list(range(count))
        given = (argnums,) if not isinstance(argnums, (tuple, list)) else argnums
        try:
            positions = [operator.index(i) for i in given]
        except TypeError:
            raise ArgumentError(
                f"{self.operation}: argnums={argnums!r}; it needs the position of an argument, "
                "counted from 0, or a tuple of positions"
            ) from None
        for i in positions:
            if not -count <= i < count:
                raise ArgumentError(
                    f"{self.operation}: argnums={argnums}, but {self.name} was called with {count} "
                    "arguments by position (those by keyword are not differentiated)"
                )
        positions = [i % count for i in positions]
        if len(set(positions)) < len(positions):
            raise ArgumentError(f"{self.operation}: argnums={argnums} names an argument twice")
        return positions

    def _entry(self, place: str, x: Any, alone: bool) -> Tensor:
        """A leaf as the function sees it: a new variable, joined to its past if it has one."""
        if alone and type(x) in (int, bool):
            x = float(x)
        if type(x) not in SIMPLE and not isinstance(x, list) and not hasattr(x, "__array__"):
            raise DTypeError(
                f"{place} is {type(x).__name__}; what is differentiated must be a tensor, an array "
                "or a number, or these in dicts, tuples, lists, namedtuples or dataclasses; for "
                "anything else compute the loss and call tg.gradients(loss, [tensors])"
            )
        t = as_tensor(x, place)
        check_differentiable(t.dtype, place)
        if t.node is not None and self.outer:
            return positive(t)
        value = np.array(t.value) if t.ndim else t.value
        return with_node(value, leaf(value, None))

    def _parted(self, result: Any) -> tuple[Any, Any]:
        if type(result) is not tuple or len(result) != 2:
            came = f"a tuple of {len(result)}" if type(result) is tuple else type(result).__name__
            raise ArgumentError(
                f"{self.operation}: with has_aux=True {self.name} must return a pair "
                f"(value, aux), not {came}"
            )
        return result

    def _check_output(self, path: str, t: Any) -> None:
        if type(t) is Tensor and t.dtype.kind in "fc":
            return
        where = f" at {path}" if path else ""
        aux = "; what is not differentiated can be returned as aux, with has_aux=True"
        if type(t) is not Tensor:
            raise DTypeError(
                f"{self.operation}: {self.name} returned {type(t).__name__}{where}, not a Tensor; "
                f"compute with the tensors it is given, and return the result{path and aux}"
            )
        raise DTypeError(
            f"{self.operation}: {self.name} returned {t.dtype}{where}, which has no derivative{aux}"
        )

    def check_tensor(self) -> None:
        """Raise unless the value is one tensor."""
        if type(self.value) is not Tensor:
            raise DTypeError(
                f"{self.operation}: {self.name} returned {type(self.value).__name__}, not a "
                "Tensor; it must return one tensor, and what else it computes as aux, with "
                "has_aux=True"
            )

    def check_scalar(self) -> None:
        """Raise unless the value is one real number."""
        self.check_tensor()
        value, operation = self.value, self.operation
        if value.size != 1 or value.dtype.kind == "c":
            raise ShapeError(
                f"{operation}: {self.name} returned shape {value.shape} of {value.dtype}; it must "
                "return a real scalar, so reduce the result with .sum() or .mean()"
            )

    def pull(
        self,
        cotangents: Sequence[Any] | None = None,
        *,
        retain_graph: bool = False,
        create_graph: bool | None = None,
    ) -> list[Tensor]:
        """The gradient of each entry. Without cotangents: of the value, a scalar.

        cotangents: one for each output; None stands for zero.
        create_graph: whether the gradients are tracked; by default, if what is outside is.
        """
        create = self.tracked if create_graph is None else create_graph
        outputs = self.outputs
        if cotangents is not None:
            outputs = [t for t, ct in zip(outputs, cotangents, strict=True) if ct is not None]
            cotangents = [ct for ct in cotangents if ct is not None]
        found = gradients(
            outputs,
            self.entries,
            cotangents,
            retain_graph=create or retain_graph,
            create_graph=create,
        )
        return [zeros(x) if g is None else g for g, x in zip(found, self.entries, strict=True)]

    def arranged(self, values: Sequence[Any]) -> Any:
        """Values for the entries, in the containers of the arguments; a tuple for several."""
        supply = iter(values)
        parts = [filled(argument, supply) for argument in self.chosen]
        several = self.argnums is None or isinstance(self.argnums, (tuple, list))
        return tuple(parts) if several else parts[0]

    def tangents(self, given: Any) -> list[Tensor]:
        """A tangent for each entry, of its shape and dtype, from those of the arguments."""
        if not isinstance(given, (tuple, list)) or len(given) != len(self.chosen):
            came = f"{len(given)}" if isinstance(given, (tuple, list)) else type(given).__name__
            raise ArgumentError(
                f"{self.operation}: tangents is a tuple of one for each argument that is "
                f"differentiated, here {len(self.chosen)}, not {came}; for a single one write (v,)"
            )
        found: list[Tensor] = []
        entries = iter(self.entries)
        for i, (argument, its) in enumerate(zip(self.chosen, given, strict=True)):
            what = f"{self.operation}: tangents[{i}]"
            for place, _, t in paired(argument, its, "its argument", what):
                found.append(fitted(t, next(entries), what, place))
        return found

    def cotangents(self, given: Any) -> list[Tensor]:
        """A cotangent for each output, of its shape and dtype."""
        what = f"{self.operation}: the cotangent"
        pairs = paired(self.value, given, f"the result of {self.name}", what)
        return [fitted(ct, t, what, place) for place, t, ct in pairs]

    def value_outside(self) -> Any:
        """The value as the caller sees it: detached, if it depends on nothing tracked there."""
        if self.tracked:
            return self.value
        return filled(self.value, [t.detach() for t in self.outputs])

    def aux_outside(self) -> Any:
        """The aux likewise. What is no tensor, and in no container, comes as it is."""
        items = [x for _, x in leaves(self.aux, "")]
        return filled(self.aux, [self._outside(x) if type(x) is Tensor else x for x in items])

    def _outside(self, t: Tensor) -> Tensor:
        return t if self.outer and _reach_outside([t], self.entries) else t.detach()


def name_of(function: Any) -> str:
    """What messages call it."""
    name: str = getattr(function, "__name__", "the function")
    return name


def check_callable(operation: str, function: Any) -> None:
    """Raise ArgumentError for what cannot be called."""
    if not callable(function):
        raise ArgumentError(f"{operation}: it takes a function, not {type(function).__name__}")


def arguments(operation: str, primals: Any) -> Sequence[Any]:
    """The arguments of a function, that came in a tuple."""
    if not isinstance(primals, (tuple, list)):
        raise ArgumentError(
            f"{operation}: primals is {type(primals).__name__}; it needs a tuple of the function's "
            "arguments, for a single one (x,)"
        )
    return primals


def zeros(x: Tensor) -> Tensor:
    """As many zeros."""
    return untracked(np.zeros(x.shape, x.dtype)[()])


def fitted(x: Any, like: Tensor, what: str, place: str) -> Tensor:
    """A tangent or cotangent, checked, of the dtype of what it is for."""
    t = x if type(x) is Tensor else untracked(array_of(x, what, copy=True))
    if t.shape != like.shape:
        raise ShapeError(f"{what} has shape {t.shape}; {place} has shape {like.shape}")
    if t.dtype.kind == "c" and like.dtype.kind != "c":
        raise DTypeError(f"{what} is complex; {place} is {like.dtype}")
    return t if t.dtype == like.dtype else t.astype(like.dtype)


def _reach_outside(outputs: Sequence[Tensor], entries: Sequence[Tensor]) -> bool:
    """Whether anything tracked other than new variables made here goes into the outputs."""
    own = {entry.node for entry in entries}
    stack: list[Any] = [t.node for t in outputs if t.node]
    seen: set[Node] = set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node in own:
            if node.pullback is not None:
                return True
        elif node.pullback is None:
            return True
        else:
            stack.extend(node.parents)
    return False
