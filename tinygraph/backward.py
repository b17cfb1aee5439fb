"""The reverse pass."""

from __future__ import annotations

import operator
import threading
from collections.abc import Collection, Sequence
from heapq import heappop, heappush, heappushpop
from typing import Any

import numpy as np

from . import hooks, memory, reuse, tracing
from .errors import BackwardError, DTypeError, ShapeError
from .hooks import conjugate
from .modes import enable_grad
from .node import RELEASED, Node
from .tensor import Tensor, array_of, untracked


def propagate(
    pending: dict[Node, Any],
    wanted: Collection[Node] | None,
    *,
    retain_graph: bool,
    create_graph: bool,
    hooked: Collection[int] | None = hooks.Hooks.watched,
    cut: bool = False,
) -> dict[Node, Any]:
    """Cotangents of the wanted nodes (None: of all leaves), given those of the outputs.

    Nodes are numbered as they are made, so walking them by descending number meets each after all
    that depend on it: when its turn comes, its cotangent, pending so far, is complete.

    hooked: numbers of the nodes whose hooks are called.
    cut: go no further where a wanted node is met, as if it were a leaf.
    """
    found: dict[Node, Any] = {}
    summed: set[Node] = set()  # those whose pending cotangent was allocated here: added to in place
    tracers = tracing.active()
    # Those whose cotangent is zero if a branch was not taken. Tracers take that way too, so that
    # the others need not ask for them at each node.
    guarded: set[Node] | None = set() if tracers else None
    pull_guarded = tracing.pull_told(tracers, pending, _pull_guarded) if tracers else _pull_guarded
    needed, aside, ends = (None, (), ()) if wanted is None else _between(pending, wanted, cut)
    hooked = hooked or None  # which costs less to ask, once for each node
    reusing = memory.large.on and not create_graph
    add = reuse.add if reusing else operator.add
    queue: list[tuple[int, Node]] = []  # nodes to go through, but for one of them:
    ahead: Node | None = None  # in a chain there is no other, and no queue to keep
    for node in pending:
        if node.pullback is not None:
            if ahead is not None:
                heappush(queue, (-ahead.order, ahead))
            ahead = node
    while ahead is not None or queue:
        if ahead is None:
            node = heappop(queue)[1]
        elif queue:
            node = heappushpop(queue, (-ahead.order, ahead))[1]
        else:
            node = ahead
        ahead = None
        ct = pending.pop(node)
        pullback: Any = node.pullback
        if hooked is not None and node.order in hooked:
            retaining = wanted is None
            ct = hooks.met(node, ct, create_graph=create_graph, retaining=retaining)
        if needed is not None:
            if node in wanted:  # type: ignore[operator]
                found[node] = ct
                if cut:
                    continue
            if node in ends:
                continue
        elif not node.shape:
            node._grad = ct.value if create_graph else ct
        if node.kept is RELEASED:
            raise BackwardError(_SECOND_TIME.format(pullback.primitive.name))
        try:
            if guarded is not None or pullback.selects:
                guarded = guarded or set()
                pairs = pull_guarded(node, ct, guarded, create_graph)
            elif node in aside:
                pairs = pullback.partly(node, needed, on_tensors=create_graph)(node, ct)
            elif reusing and pullback.primitive.trusted:
                pairs = reuse.pull(pullback.on_arrays, node, ct)
            else:
                pull = pullback.on_tensors if create_graph else pullback.on_arrays
                pairs = pull(node, ct)
        except Exception as error:
            error.add_note(f"in the gradient of {pullback.primitive.name}")
            raise
        if not retain_graph:
            node.kept = node.kept2 = RELEASED
        for parent, g in pairs:
            if parent not in pending:
                if needed is None or parent in needed:
                    pending[parent] = g
                    if parent.pullback is None:
                        continue
                    if ahead is not None:
                        heappush(queue, (-ahead.order, ahead))
                    ahead = parent
            elif parent in summed:
                pending[parent] += g
            else:
                pending[parent] = add(pending[parent], g)
                if parent.shape != (1,):  # NumPy adds to one element in place twice as slowly
                    summed.add(parent)
    if hooked:
        for node in [node for node in pending if node.order in hooked]:
            ct = pending[node]
            pending[node] = hooks.met(node, ct, create_graph=create_graph, retaining=False)
    if found:
        pending |= found  # what was still pending are leaves
    for tracer in tracers:
        tracer.end(pending)
    return pending


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
    if pullback.selects or (own and pullback.primitive.elementwise):
        guarded.update(node.parents)
    if not own or pullback.stays_finite:
        return (pullback.on_tensors if create_graph else pullback.on_arrays)(node, ct)
    pull = pullback.on_tensors_guarded if create_graph else pullback.on_arrays_guarded
    with np.errstate(all="ignore"):
        return pull(node, ct)


def _between(
    outputs: Collection[Node], wanted: Collection[Node], cut: bool
) -> tuple[set[Node], set[Node], set[Node]]:
    """The nodes on a way from the outputs to the wanted ones.

    Then those of which some parents, but not all, are on it; and those of which none is.
    """
    first = min((node.order for node in wanted), default=0)
    reached: set[Node] = set()
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node.order >= first and node not in reached:
            reached.add(node)
            if not cut or node not in wanted:
                stack.extend(node.parents)
    needed: set[Node] = set()
    aside: set[Node] = set()
    ends = {node for node in outputs if node not in reached}
    for node in sorted(reached, key=lambda node: node.order):
        parents = node.parents
        if parents and needed.issuperset(parents):
            needed.add(node)
        elif needed.isdisjoint(parents):
            ends.add(node)
            if node in wanted:
                needed.add(node)
        else:
            aside.add(node)
            needed.add(node)
    return needed, aside, ends


# Held while gradients are added to leaves, which other threads may be adding to.
_adding = threading.RLock()


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
    node = self.node
    if node is None:
        raise BackwardError(
            f"backward: {self.described()} does not require grad: nothing it was computed from "
            "does, or it was computed under tg.no_grad(), or detached; make the inputs with "
            "tg.Variable(...) or tg.tensor(..., requires_grad=True)"
        )
    seed = _UNITS.get(node.dtype) if gradient is None and not node.shape else None
    if create_graph or seed is None:
        seed = _seed(self, gradient, "backward", create_graph)
    found = _run({node: seed}, None, retain_graph, create_graph)
    with _adding:
        for leaf, ct in found.items():
            if leaf.dtype.kind == "c":
                ct = conjugate(ct)
            grad = leaf._grad
            leaf._grad = ct if grad is None else grad + ct


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
    seeds: dict[Node, Any] = {}
    for out, ct in zip(outs, given, strict=True):
        if out.node is not None:
            seed = _seed(out, ct, "gradients", create_graph)
            seeds[out.node] = seeds[out.node] + seed if out.node in seeds else seed
    retain = create_graph if retain_graph is None else retain_graph
    nodes: list[Any] = [t.node for t in ins]
    found = _run(seeds, set(nodes), retain, create_graph)
    results = [conjugate(found[node]) if node in found else None for node in nodes]
    return tuple(g if g is None or type(g) is Tensor else untracked(g) for g in results)


def _run(
    seeds: dict[Node, Any],
    wanted: Collection[Node] | None,
    retain_graph: bool,
    create_graph: bool,
) -> dict[Node, Any]:
    if not create_graph:
        return propagate(seeds, wanted, retain_graph=retain_graph, create_graph=False)
    with enable_grad():
        return propagate(seeds, wanted, retain_graph=True, create_graph=True)


# What backward begins with for a scalar loss: NumPy takes long to make a scalar.
_UNITS = {np.dtype(kind): kind(1) for kind in (np.float16, np.float32, np.float64)}


def _seed(output: Tensor, gradient: Any, operation: str, create_graph: bool) -> Any:
    """The cotangent to begin with: the user's, checked, or one."""
    if gradient is None:
        value = output.value
        dtype = value.dtype
        if value.size != 1 or dtype.kind == "c":
            fix = "reduce it to a loss with .sum() or .mean()"
            if dtype.kind == "c":
                fix = "make a real loss of it with .real, .imag or abs()"
            raise ShapeError(
                f"{operation}: {output.described()} and dtype {output.dtype} is not a real scalar, "
                f"so it needs a cotangent of its shape; {fix}, or pass the cotangent"
            )
        one = np.ones(output.shape, dtype) if value.ndim else dtype.type(1)
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
    gradient = conjugate(gradient)
    return gradient if create_graph else gradient.value
