"""Hooks: what is called with a tensor's complete gradient on the way back, and may replace it."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

import numpy as np

from .errors import ArgumentError, BackwardError, DTypeError, ShapeError
from .modes import enable_grad, no_grad
from .node import Node
from .tensor import Tensor, native, untracked

Hook: TypeAlias = Callable[[Tensor], Any]


class Hooks:
    """What waits at one node for its gradient. The node holds it, and it does not hold the node.

    functions   the hooks, by number, in the order in which they were registered
    retains     whether the gradient is kept for `.grad`, though the node is no leaf
    grad        what was kept, a Tensor; or None
    """

    __slots__ = ("__weakref__", "functions", "grad", "order", "retains", "whose")

    watched: ClassVar[set[int]] = set()  # the numbers of all nodes that have hooks

    functions: dict[int, Hook]
    grad: Tensor | None

    def __init__(self, order: int, whose: str) -> None:
        self.functions, self.retains, self.grad = {}, False, None
        self.order, self.whose = order, whose
        self.watched.add(order)

    def __del__(self) -> None:
        self.watched.discard(self.order)

    def call(self, grad: Tensor) -> Tensor:
        """The gradient after all hooks."""
        for hook in list(self.functions.values()):
            try:
                given = hook(grad)
            except Exception as error:
                error.add_note(f"in a hook on {self.whose}")
                raise
            if given is not None:
                grad = self._checked(given, grad, hook)
        return grad

    def _checked(self, given: Any, grad: Tensor, hook: Hook) -> Tensor:
        name = getattr(hook, "__name__", type(hook).__name__)
        if type(given) is not Tensor:
            if not isinstance(given, (np.ndarray, np.generic)):
                raise DTypeError(
                    f"register_hook: {name}, a hook on {self.whose}, returned "
                    f"{type(given).__name__}; it must return a Tensor in place of the gradient, "
                    "or None to leave it as it is"
                )
            given = untracked(native(np.asarray(given)))
        if given.shape != grad.shape:
            raise ShapeError(
                f"register_hook: {name}, a hook on {self.whose}, returned shape {given.shape}; "
                f"the gradient in whose place it comes has shape {grad.shape}"
            )
        if given.dtype != grad.dtype:
            raise DTypeError(
                f"register_hook: {name}, a hook on {self.whose}, returned {given.dtype}; "
                f"the gradient in whose place it comes is {grad.dtype}, so cast it with .astype"
            )
        fitting: Tensor = given
        return fitting


def met(node: Node, ct: Any, *, create_graph: bool, retaining: bool) -> Any:
    """The cotangent that goes on from a node that has hooks, where this one came."""
    hooks: Hooks = node.hooks
    grad = conjugate(ct)
    with enable_grad() if create_graph else no_grad():
        grad = hooks.call(grad if create_graph else untracked(grad))
        if retaining and hooks.retains:
            hooks.grad = grad if hooks.grad is None else hooks.grad + grad
            node._grad = hooks.grad if create_graph else hooks.grad.value
        return conjugate(grad if create_graph else grad.value)


def conjugate(ct: Any) -> Any:
    """Between the engine's cotangents (linear in the output's) and users' gradients, if complex."""
    return np.conjugate(ct) if ct.dtype.kind == "c" else ct


class HookHandle:
    """Removes the hook that it was returned for."""

    __slots__ = ("_hooks", "_number")

    _numbers: ClassVar[itertools.count[int]] = itertools.count()

    def __init__(self, hooks: Hooks, hook: Hook) -> None:
        self._hooks, self._number = weakref.ref(hooks), next(self._numbers)
        hooks.functions[self._number] = hook

    def remove(self) -> None:
        """No longer call the hook. A second time does nothing."""
        hooks = self._hooks()
        if hooks is not None:
            hooks.functions.pop(self._number, None)

    def __enter__(self) -> HookHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def register_hook(self: Tensor, hook: Hook) -> HookHandle:
    """Call hook(gradient) whenever this tensor's gradient is computed; h.remove() ends it.

    hook: called once in a backward pass, with the complete gradient as a Tensor of this tensor's
        shape and dtype. What it returns goes on in its place, to `.grad` or further back, and must
        have that shape and dtype; None leaves the gradient as it is. Hooks are called in the order
        in which they were registered, each with what the one before returned.
    With `create_graph=True` the gradient is tracked, and so is what the hook makes of it; else the
    hook runs under `no_grad`. `tg.gradients` calls the hooks on its way too, and `tg.jvp`, which
    goes forward, none. Complex gradients are as in `.grad`.
    The hook belongs to this value: after `x[i] = v` or `x += 1`, to what x was before.
    Returns a handle; `with t.register_hook(f):` removes it at the end.
    Raises BackwardError for a tensor that does not require grad; when called, ShapeError or
    DTypeError for a replacement that does not fit.

    >>> x = tg.Variable([1.0, -2.0])
    >>> y = x * x
    >>> handle = y.register_hook(lambda g: 10 * g)
    >>> y.sum().backward()
    >>> x.grad
    tensor([ 20., -40.])
    >>> handle.remove()
    """
    if not callable(hook):
        raise ArgumentError(f"register_hook: it takes a function, not {type(hook).__name__}")
    return HookHandle(_of(self, "register_hook"), hook)


def retain_grad(self: Tensor) -> None:
    """Keep the gradient of this computed tensor in its `.grad`, as if it were a leaf.

    Gradients of later `backward()` calls are added, until `zero_grad()`. A hook's replacement is
    what is kept. On a leaf, which keeps its gradient anyway, it does nothing.
    Raises BackwardError for a tensor that does not require grad.

    >>> w = tg.Variable(3.0)
    >>> u = w * w
    >>> u.retain_grad()
    >>> (u * u).backward()
    >>> u.grad
    tensor(18.)
    """
    if not self.is_leaf or self.node is None:
        _of(self, "retain_grad").retains = True


def _of(t: Tensor, operation: str) -> Hooks:
    node = t.node
    if node is None:
        raise BackwardError(
            f"{operation}: {t.described()} does not require grad, so no gradient will come to it; "
            "make it, or what it is computed from, with tg.Variable(...)"
        )
    if node.hooks is None:
        node.hooks = Hooks(node.order, t.described())
    hooks: Hooks = node.hooks
    return hooks
