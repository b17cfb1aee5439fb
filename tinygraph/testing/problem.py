"""A function to be checked, as one from arrays to arrays; and its derivative, as another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backward import gradients
from ..errors import ArgumentError, DomainError
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
    constants  arrays that it is given beside those, by name
    outputs    names of these, known after `start`
    values     their values at the point, likewise
    order      of the derivative that is checked with it
    """

    function: Callable[..., Any]
    name: str
    names: list[str]
    arrays: list[Array]
    run: Callable[[Sequence[Tensor]], dict[str, Tensor]]
    constants: Mapping[str, Array] = field(default_factory=dict)
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
        watched = [*zip(self.names, self.arrays), *self.constants.items()]
        given = [x.copy() for _, x in watched]
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
        for (name, x), before in zip(watched, given, strict=True):
            if not np.array_equal(x, before, equal_nan=x.dtype.kind in "fc"):
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
            order=self.order + 1,
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
