"""Mistakes in the engine itself, and the checks and tests that notice them."""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import copy_context
from functools import partial
from types import CodeType
from typing import Any, NamedTuple

import numpy as np
import test_backward
import test_complex
import test_conventions
import test_declaring
import test_hooks
import test_life_cycle
import test_transforms

import tinygraph as tg
from tinygraph import backward, hooks, modes, outputs, pullback, tracing
from tinygraph.testing import assert_same_gradients, check_grads

from .kit import calls_of, fails
from .swapping import code_replaced

MODULES = (
    *(test_backward, test_conventions, test_complex, test_life_cycle),
    *(test_declaring, test_transforms, test_hooks),
)
MATRIX, ROW = np.linspace(0.3, 1.4, 6).reshape(2, 3), np.array([0.9, -0.4, 0.7])


class Mistake(NamedTuple):
    """A wrong engine: of which kind, what was changed, and how to put it in place."""

    kind: str
    words: str
    place: Callable[[], AbstractContextManager[None]]


def edited(kind: str, function: Any, old: str, new: str) -> Mistake:
    """A function of the engine, with a piece of its source replaced wherever it stands."""
    source = textwrap.dedent(inspect.getsource(function))
    if old not in source:
        raise ValueError(f"{function.__name__} has no {old!r} any more; change the mistake too")
    module = compile(source.replace(old, new), inspect.getfile(function), "exec", FUTURE)
    code = next(c for c in module.co_consts if isinstance(c, CodeType))
    words = f"{function.__module__.rpartition('.')[2]}.{function.__name__}: {old} → {new}"
    return Mistake(kind, words, partial(code_replaced, function, code))


FUTURE = 0x1000000  # from __future__ import annotations


@contextmanager
def plan_forgotten() -> Iterator[None]:
    """What `unbroadcast` remembers of shapes is forgotten, before and after."""
    pullback._plan.cache_clear()
    try:
        yield
    finally:
        pullback._plan.cache_clear()


def planned(kind: str, old: str, new: str) -> Mistake:
    """A mistake in what `unbroadcast` plans."""
    kind, words, place = edited(kind, pullback._plan.__wrapped__, old, new)

    @contextmanager
    def both() -> Iterator[None]:
        with plan_forgotten(), place():
            yield

    return Mistake(kind, words, both)


class Leaky:
    """A context variable that is the same for all threads and tasks."""

    def __init__(self) -> None:
        self.values = [True]

    def get(self) -> bool:
        return self.values[-1]

    def set(self, value: bool) -> Leaky:
        self.values.append(value)
        return self

    @property
    def var(self) -> Leaky:
        return self

    def reset(self, _: Any) -> None:
        self.values.pop()


@contextmanager
def leaking() -> Iterator[None]:
    """no_grad in one thread is no_grad in all."""
    variable, reader, leaky = modes._recording, modes.recording, Leaky()
    leaky_reader = leaky.get
    modes._recording = leaky  # type: ignore[assignment]
    _exchange(reader, leaky_reader)
    try:
        yield
    finally:
        modes._recording = variable
        _exchange(leaky_reader, reader)


def _exchange(old: Any, new: Any) -> None:
    """One function for another, wherever the package holds it."""
    holders = [vars(m) for name, m in list(sys.modules.items()) if name.startswith("tinygraph")]
    holders += [function.__globals__ for function, _, _ in tracing._functions]
    for names in holders:
        for name in [n for n, held in names.items() if held is old]:
            names[name] = new


def mistakes() -> Iterator[Mistake]:
    """All of them."""
    propagate, leaf = backward.propagate, backward.backward
    overwritten = "overwritten instead of accumulated"
    yield edited(overwritten, propagate, "pending[parent] += g", "pending[parent] = g")
    added = "pending[parent] = add(pending[parent], g)"
    yield edited(overwritten, propagate, added, "pending[parent] = g")
    yield edited(overwritten, leaf, "ct if grad is None else grad + ct", "ct")
    seed = "seeds[out.node] + seed if out.node in seeds else seed"
    yield edited(overwritten, backward.gradients, seed, "seed")
    yield edited("added to what others hold", propagate, added, "pending[parent] += g")
    yield edited("wrong order", propagate, "-ahead.order", "ahead.order")
    yield edited(
        "wrong order", propagate, "heappushpop(queue, (-ahead.order, ahead))", "(0, ahead)"
    )
    freed = "if not retain_graph:"
    yield edited("residual freed early", propagate, freed, "if True:")
    early = "try:\n            if guarded is not None"
    sooner = "node.kept = RELEASED\n        " + early
    yield edited("residual freed early", propagate, early, sooner)
    kept = "create_graph if retain_graph is None else retain_graph"
    yield edited("residual freed early", backward.gradients, kept, "False")
    yield edited("residual not freed", propagate, freed, "if False:")
    yield edited("residual not freed", backward.gradients, kept, "True")
    second = "if node.kept is RELEASED:"
    yield edited("a second backward goes on", propagate, second, "if False:")
    unbroadcast = pullback.unbroadcast
    wrong = "unbroadcast wrong"
    yield edited(wrong, unbroadcast, "np.add.reduce(g, axes)", "np.mean(g, axes)")
    yield edited(wrong, unbroadcast, "np.add.reduce(g, axes)", "np.add.reduce(g[:, :1], axes)")
    yield edited(wrong, unbroadcast, "g.sum(axis=axes)", "g.mean(axis=axes)")
    yield edited(wrong, unbroadcast, "_ones(len(g), g.dtype).dot(g)", "g[0]")
    yield edited(wrong, unbroadcast, "g.dot(_ones(g.shape[1], g.dtype))", "g[:, 0]")
    yield planned(
        wrong, "axes = [*range(extra)]", "axes = [*range(len(given) - extra, len(given))]"
    )
    yield planned(wrong, "if wanted != 1:", "if False:")
    fit = pullback._fit
    yield edited("cotangent of another dtype", fit, "g = g.astype(parent.dtype)", "pass")
    yield edited("cotangent of another dtype", fit, "g = np.real(g)", "g = np.imag(g)")
    stale = pullback.check_unchanged
    yield edited("version check off", stale, "parent.changed > node.order", "False")
    guarded = backward._pull_guarded
    off = "if not own or pullback.stays_finite:"
    yield edited("branches not guarded", guarded, off, "if True:")
    yield edited("branches not guarded", guarded, "guarded.update(node.parents)", "pass")
    yield edited("ways cut off", backward._between, "if node in wanted:", "if False:")
    yield edited("ways cut off", propagate, "if node in ends:", "if node in aside:")
    yield edited("more rules than asked for", propagate, "elif node in aside:", "elif False:")
    yield edited(
        "ways cut off",
        backward._between,
        "stack.extend(node.parents)",
        "stack.extend(node.parents[:1])",
    )
    conjugated = 'if leaf.dtype.kind == "c":'
    yield edited("complex convention", leaf, conjugated, "if False:")
    yield edited("complex convention", hooks.met, "grad = conjugate(ct)", "grad = ct")
    met = "ct = hooks.met(node, ct, create_graph=create_graph, retaining=retaining)"
    yield edited("hooks not heard", propagate, met, met.removeprefix("ct = "))
    met = "pending[node] = hooks.met("
    yield edited("hooks not heard", propagate, met, "hooks.met(")
    yield edited("hooks not heard", hooks.Hooks.call, "grad = self._checked(", "self._checked(")
    yield edited(overwritten, hooks.met, "hooks.grad + grad", "grad")
    several, bundle = "several outputs confused", outputs.Bundle
    yield edited(overwritten, bundle.__iadd__, "cts[i] + ct if i in cts else ct", "ct")
    yield edited(several, bundle.filled, "dtype.type(0)", "dtype.type(1)")
    yield edited(several, bundle.filled, "cts[i] if i in cts else", "cts[0] if 0 in cts else")
    yield edited(several, outputs._rule, "{index: ct}", "{0: ct}")
    run = backward._run
    yield edited("not recorded", run, "create_graph=True", "create_graph=False")
    nothing = "with __import__('contextlib').nullcontext():"
    yield edited("not recorded", run, "with enable_grad():", nothing)
    yield edited("no_grad does not end", modes.Mode._end, "token.var.reset(token)", "pass")
    yield Mistake("no_grad leaks across threads", "modes: a variable of the process", leaking)


# What is shown to them


def shared(x: Any, y: Any) -> Any:
    """Subexpressions in several places, of different depths, and shapes that broadcast."""
    a = np.sin(x) * y
    b = a + a * x
    c = np.exp(b * 0.1) + a
    return (c * b + a) * x + np.sum(a * b, axis=0)


def twice(x: Any) -> Any:
    """One tensor is two outputs."""
    y = x * x
    return y, y


def several(a: Any) -> Any:
    """Outputs of one operation, of which the rule makes use as well."""
    w, v = np.linalg.eigh(a + a.T)
    return w**3, v * v * w


def refused() -> None:
    """A rule whose result fits no way of broadcasting is told so."""

    @tg.elementwise(x=lambda ct: np.ones(3))
    def unfitting(x):
        return x * 2

    try:
        unfitting(tg.Variable(np.ones(2))).sum().backward()
    except tg.RuleError:
        return
    raise AssertionError("there was no RuleError")


def kit_checks() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Programs for check_grads."""
    yield "check_grads, shared values", partial(check_grads, shared, MATRIX, ROW)
    for shape in ((1, 3), (2, 1), (3,), (1,), ()):
        small = np.linspace(0.4, 1.1, int(np.prod(shape))).reshape(shape)
        yield f"check_grads, {shape}", partial(check_grads, lambda x, y: x * y + y, MATRIX, small)
    cube, slab = np.linspace(0.2, 1, 12).reshape(2, 3, 2), np.array([[0.5], [0.7], [0.2]])
    yield "check_grads, one output twice", partial(check_grads, twice, ROW)
    matrix = np.array([[0.4, 0.1, 0.3], [0.2, 1.1, -0.2], [-0.1, 0.5, 2.3]])
    yield "check_grads, several outputs", partial(check_grads, several, matrix)
    yield "check_grads, 3 axes", partial(check_grads, lambda x, y: x / y, cube, slab)
    z = MATRIX + 0.5j * MATRIX[::-1]
    yield "check_grads, complex", partial(check_grads, lambda x, z: np.abs(x * z), MATRIX, z)
    single = MATRIX.astype(np.float32)
    yield "check_grads, two dtypes", partial(check_grads, lambda x, y: x * y, single, MATRIX)
    yield (
        "assert_same_gradients",
        partial(assert_same_gradients, shared, lambda x, y: shared(x, y * 1.0), MATRIX, ROW),
    )


def tests() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Tests of the project about the engine."""
    yield "refused", refused
    for module in MODULES:
        for key, call in calls_of(module):
            yield key[1], call


def noticed(mistake: Mistake) -> str | None:
    """`kit` or `tests`, whose check notices it; None if nothing does."""
    for who, checks in (("kit", kit_checks), ("tests", tests)):
        for _, check in checks():
            with mistake.place():
                # Modes that do not end end here.
                wrong = copy_context().run(fails, check)
            # What fails without the mistake too, for want of a test runner, says nothing.
            if wrong and not fails(check):
                return who
    return None
