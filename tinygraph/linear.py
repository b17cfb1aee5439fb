"""The derivative as a linear map, to be applied to tangents: forward mode out of reverse mode.

The way back from the outputs, c ↦ Jᵀc, is linear in the cotangent c. Recorded while it runs, it is
a graph in c, and the way back through that graph is its transpose, t ↦ Jt. So each operation's
gradient rule serves forward mode too, and no operation needs a second rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .application import Application, zeros
from .backward import propagate
from .modes import enable_grad
from .node import Node
from .tensor import Tensor, Variable, untracked


class Linear:
    """J of an application at its arguments. Costs a backward pass; each `push` costs another."""

    def __init__(self, applied: Application) -> None:
        self.applied = applied
        self.cts = [Variable(_any(t)) for t in applied.outputs]
        seeds: dict[Node, Any] = {}
        with enable_grad(), np.errstate(all="ignore"):
            for t, ct in zip(applied.outputs, self.cts, strict=True):
                if t.node is not None:
                    seeds[t.node] = seeds[t.node] + ct if t.node in seeds else ct
            nodes: list[Any] = [entry.node for entry in applied.entries]
            # A hook may do with a gradient what it likes; here there is none yet.
            found = propagate(seeds, set(nodes), retain_graph=True, create_graph=True, hooked=None)
        # A gradient may be an array: zeros, for outputs of an operation that nothing came from.
        pulled = [found.get(node) for node in nodes]
        self.pulled = [g if type(g) is Tensor else None for g in pulled]

    def push(self, tangents: Sequence[Tensor | None], *, create_graph: bool) -> list[Tensor]:
        """J·t, a tangent for each output, given one for each entry; None stands for zero."""
        seeds: dict[Node, Any] = {}
        for g, t in zip(self.pulled, tangents, strict=True):
            if t is not None and g is not None and g.node is not None:
                seed = t if create_graph else t.value
                seeds[g.node] = seeds[g.node] + seed if g.node in seeds else seed
        nodes: list[Any] = [ct.node for ct in self.cts]
        with enable_grad():
            found = propagate(seeds, set(nodes), retain_graph=True, create_graph=create_graph)
        results = [found.get(node) for node in nodes]
        return [
            zeros(ct) if y is None else y if type(y) is Tensor else untracked(y)
            for ct, y in zip(self.cts, results, strict=True)
        ]


def _any(t: Tensor) -> Any:
    """A cotangent that is like no other.

    Nothing that comes out depends on it. But a zero would look like a branch that was not taken,
    and a rule that refuses what is ambiguous should see that in it.
    """
    angles = np.arange(1.0, t.size + 1)
    values: Any = 1 + np.sin(angles) / 2
    if t.dtype.kind == "c":
        values = values + 0.5j * np.cos(angles)
    return values.reshape(t.shape).astype(t.dtype)
