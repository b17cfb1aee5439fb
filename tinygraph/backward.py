"""The reverse pass."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from .errors import BackwardError, DTypeError, ShapeError
from .modes import enable_grad
from .node import RELEASED, Node
from .tensor import Tensor, array_of, untracked


def propagate(
    seeds: Sequence[tuple[Node, Any]],
    wanted: Collection[Node] | None,
    *,
    retain_graph: bool,
    create_graph: bool,
) -> dict[Node, Any]:
    """Cotangents of the wanted nodes (None: of all leaves), given those of the outputs.

    Nodes are numbered as they are made, so walking them by descending number meets each after all
    that depend on it: when its turn comes, its cotangent is complete.
    """
    found: dict[Node, Any] = {}
    pending: dict[Node, Any] = {}  # cotangents so far
    summed: set[Node] = set()  # those whose pending cotangent was allocated here: added to in place
    guarded: set[Node] = set()  # those whose cotangent may be zero because a branch was not taken
    needed = None if wanted is None else _between([node for node, _ in seeds], wanted)
    queue: list[tuple[int, Node]] = []
    for node, ct in seeds:
        if node not in pending:
            heappush(queue, (-node.order, node))
        pending[node] = pending[node] + ct if node in pending else ct
    while queue:
        node = heappop(queue)[1]
        ct = pending.pop(node)
        pullback = node.pullback
        if needed is not None:
            if node in wanted:  # type: ignore[operator]
                found[node] = ct
            if needed.isdisjoint(node.parents):
                continue
        if pullback is None:
            found[node] = ct
            continue
        if node.kept is RELEASED:
            raise BackwardError(_SECOND_TIME.format(pullback.primitive.name))
        if node.value is not None and needed is None:
            node._grad = ct.value if create_graph else ct
        try:
            if guarded or pullback.selects:
                pairs = _pull_guarded(node, ct, guarded, create_graph)
            elif create_graph:
                pairs = pullback.on_tensors(node, ct)
            else:
                pairs = pullback.on_arrays(node, ct)
        except Exception as error:
            error.add_note(f"in the gradient of {pullback.primitive.name}")
            raise
        if not retain_graph:
            node.kept, node.kept2 = RELEASED, None
        for parent, g in pairs:
            if parent in summed:
                pending[parent] += g
            elif parent in pending:
                pending[parent] = pending[parent] + g
                summed.add(parent)
            elif needed is None or parent in needed:
                pending[parent] = g
                if parent.pullback is not None or needed is not None:
                    heappush(queue, (-parent.order, parent))
    found.update(pending)  # the leaves, whose turn never comes
    return found


_SECOND_TIME = (
    "backward a second time through {}: what it needs was released by the first; "
    "call the first backward with retain_graph=True"
)


def _pull_guarded(node: Node, ct: Any, guarded: set[Node], create_graph: bool) -> Any:
    """What a node passes on, where a branch that was not taken must not let NaN through.

    `where(x > 0, sqrt(x), 0)` gives the square root a cotangent of 0 where x is not positive, and
    its derivative is infinite or NaN there. As far as operations work element by element, a
    cotangent of 0 contributes 0, whatever the derivative.
    """
    pullback: Any = node.pullback
    own = node in guarded
    if pullback.selects or (own and pullback.primitive.broadcasts):
        guarded.update(node.parents)
    if not own:
        return (pullback.on_tensors if create_graph else pullback.on_arrays)(node, ct)
    pull = pullback.on_tensors_guarded if create_graph else pullback.on_arrays_guarded
    with np.errstate(all="ignore"):
        return pull(node, ct)


def _between(outputs: Sequence[Node], wanted: Collection[Node]) -> set[Node]:
    """The nodes that lie on a way from the outputs to the wanted ones."""
    first = min((node.order for node in wanted), default=0)
    reached: set[Node] = set()
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node.order >= first and node not in reached:
            reached.add(node)
            stack.extend(node.parents)
    needed: set[Node] = set()
    for node in sorted(reached, key=lambda node: node.order):
        if node in wanted or not needed.isdisjoint(node.parents):
            needed.add(node)
    return needed


def backward(
    self: Tensor, gradient: Any = None, *, retain_graph: bool = False, create_graph: bool = False
) -> None:
    """Add d(self)/d(leaf), contracted with `gradient`, to the `grad` of every leaf it depends on.

    gradient: cotangent, of this tensor's shape; not needed for a scalar.
    retain_graph: keep what the graph holds, so that backward can be called again.
    create_graph: record backward itself, so that `grad` can be differentiated; implies retaining.
        The leaf then refers to a graph that refers to it, until `zero_grad()`.
    Raises BackwardError if nothing here requires grad, or the graph was already used; ShapeError
    for a gradient of another shape; StaleGraphError if a leaf has changed since.
    """
    if self.node is None:
        raise BackwardError(
            f"backward: {self.described()} does not require grad: nothing it was computed from "
            "does, or it was computed under tg.no_grad(), or detached; make the inputs with "
            "tg.Variable(...) or tg.tensor(..., requires_grad=True)"
        )
    seed = _seed(self, gradient, "backward", create_graph)
    cotangents = _run([(self.node, seed)], None, retain_graph, create_graph)
    for leaf, ct in cotangents.items():
        if leaf.dtype.kind == "c":
            ct = _conjugate(ct)
        leaf._grad = ct if leaf._grad is None else leaf._grad + ct


def gradients(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    cotangents: Any = None,
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradient of the sum of the outputs with respect to each input; no `.grad` is touched.

    inputs: tensors that require grad, leaves or results.
    cotangents: one per output, of its shape; not needed for scalars.
    retain_graph: keep what the graph holds; by default as create_graph.
    Returns a tuple, with None for an input that no output depends on.
    Raises as `Tensor.backward` does.
    """
    single = isinstance(outputs, Tensor)
    outs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    ins = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    given = [cotangents] if single else cotangents if cotangents is not None else [None] * len(outs)
    if len(given) != len(outs):
        raise ShapeError(f"gradients: {len(outs)} outputs but {len(given)} cotangents")
    for kind, tensors in (("output", outs), ("input", ins)):
        for t in tensors:
            if type(t) is not Tensor:
                raise DTypeError(f"gradients: an {kind} is {type(t).__name__}, not a Tensor")
    for t in ins:
        if t.node is None:
            raise BackwardError(
                f"gradients: the input {t.described()} does not require grad; make it with "
                "tg.Variable(...) or tg.tensor(..., requires_grad=True)"
            )
    seeds = [
        (out.node, _seed(out, ct, "gradients", create_graph))
        for out, ct in zip(outs, given, strict=True)
        if out.node is not None
    ]
    retain = create_graph if retain_graph is None else retain_graph
    nodes: list[Any] = [t.node for t in ins]
    found = _run(seeds, set(nodes), retain, create_graph)
    results = [_conjugate(found[node]) if node in found else None for node in nodes]
    return tuple(g if g is None or type(g) is Tensor else untracked(g) for g in results)


def _run(
    seeds: list[tuple[Any, Any]],
    wanted: Collection[Node] | None,
    retain_graph: bool,
    create_graph: bool,
) -> dict[Node, Any]:
    if not create_graph:
        return propagate(seeds, wanted, retain_graph=retain_graph, create_graph=False)
    with enable_grad():
        return propagate(seeds, wanted, retain_graph=True, create_graph=True)


def _seed(output: Tensor, gradient: Any, operation: str, create_graph: bool) -> Any:
    """The cotangent to begin with: the user's, checked, or one."""
    if gradient is None:
        if output.value.size != 1 or output.value.dtype.kind == "c":
            raise ShapeError(
                f"{operation}: {output.described()} and dtype {output.dtype} is not a real scalar, "
                "so it needs a cotangent of its shape; reduce it to a loss with .sum() or .mean(), "
                "or pass the cotangent"
            )
        dtype = output.value.dtype
        one = np.ones(output.shape, dtype) if output.value.ndim else dtype.type(1)
        return untracked(one) if create_graph else one
    if type(gradient) is not Tensor:
        gradient = untracked(array_of(gradient, f"{operation}: the cotangent", copy=True))
    if gradient.shape != output.shape:
        raise ShapeError(
            f"{operation}: the cotangent has shape {gradient.shape}; it needs the output's shape "
            f"{output.shape}"
        )
    if gradient.dtype.kind == "c" and output.dtype.kind != "c":
        raise DTypeError(f"{operation}: a complex cotangent for an output of {output.dtype}")
    if gradient.dtype != output.dtype:
        gradient = gradient.astype(output.dtype)
    gradient = _conjugate(gradient)
    return gradient if create_graph else gradient.value


def _conjugate(ct: Any) -> Any:
    """Between the engine's cotangents (linear in the output's) and users' gradients, if complex."""
    return np.conjugate(ct) if ct.dtype.kind == "c" else ct
