"""Wrong gradient rules: what is wrong with each, and how to put it in place."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

import numpy as np
from cases import OPERATIONS

import tinygraph as tg
from tinygraph.primitive import Primitive
from tinygraph.pullback import Rule

from .rewriting import rewrites
from .swapping import code_replaced, rule_replaced

Function = Callable[..., Any]
# Where gradient rules are.
PARTS = ("tinygraph.ops.", "tinygraph.nn.", "tinygraph.optim.")


@dataclass(frozen=True)
class Mutant:
    """A wrong rule.

    operations  whose derivatives it makes wrong, one or the other of them
    of          the rule, in words: `multiply.a`; a function that rules call: `reduction.spread`
    kind        of mistake
    words       what was changed, where that is not all that the kind says
    code        of the function that is right; None where it may not be called at all
    place       puts it in place for the time of a block
    """

    operations: tuple[Primitive, ...]
    of: str
    kind: str
    words: str
    code: CodeType | None
    place: Callable[[], AbstractContextManager[None]]

    @property
    def name(self) -> str:
        """Which it is, in one line."""
        return f"{self.of}: {self.kind}" + (f" ({self.words})" if self.words else "")

    @property
    def part(self) -> str:
        """Of the project: its operations, or its layers and losses."""
        of_ops = any(p.definition.__module__.startswith(PARTS[0]) for p in self.operations)
        return "operations" if of_ops else "layers and losses"


def mutants() -> Iterator[Mutant]:
    """All of them, in an order that is always the same."""
    for primitive in OPERATIONS.values():
        for k, rule in enumerate(primitive.rules):
            of = f"{primitive.definition.__name__}.{','.join(rule.serves)}"
            wrong = [(kind, words, lambda f=f: f) for kind, words, f in behaviours(primitive, rule)]
            for kind, words, make in [*wrong, *rewrites(rule.function)]:

                def place(p: Any = primitive, k: int = k, make: Any = make) -> Any:
                    return rule_replaced(p, k, make())

                code = None if rule.passes_on else getattr(rule.function, "__code__", None)
                yield Mutant((primitive,), of, kind, words, code, place)
    for helper, users in called().items():
        of = f"{helper.__module__.rpartition('.')[2]}.{helper.__name__}"
        for kind, words, make in rewrites(helper):

            def place(h: Any = helper, make: Any = make) -> Any:
                return code_replaced(h, make().__code__)

            yield Mutant(tuple(users), of, kind, words, helper.__code__, place)


def called() -> dict[FunctionType, list[Primitive]]:
    """Functions that rules call and forward functions do not, with the operations they serve."""
    forward: set[Any] = set()
    for primitive in OPERATIONS.values():
        parts = [primitive.definition, primitive.implementation, *primitive.saves.values()]
        for part in parts:
            forward |= {part, *reached(part)}
    found: dict[FunctionType, list[Primitive]] = {}
    for primitive in OPERATIONS.values():
        own = {rule.function for rule in primitive.rules}
        for rule in primitive.rules:
            for helper in reached(rule.function):
                if helper not in forward and helper not in own:
                    users = found.setdefault(helper, [])
                    if primitive not in users:
                        users.append(primitive)
    return found


def reached(function: Any, found: dict[Any, None] | None = None) -> dict[Any, None]:
    """Plain functions of the package that a function calls, and those that these call."""
    found = {} if found is None else found
    if type(function) is not FunctionType:
        return found
    codes = [function.__code__]
    for code in codes:
        codes += [c for c in code.co_consts if inspect.iscode(c)]
        for name in code.co_names:
            other = function.__globals__.get(name)
            if type(other) is not FunctionType or hasattr(other, "__wrapped__"):
                continue
            if other not in found and (other.__module__ or "").startswith(PARTS):
                found[other] = None
                reached(other, found)
    return found


# Behaviour that is wrong whatever the source: of (the names it asks for, what is done)


def behaviours(primitive: Primitive, rule: Rule) -> Iterator[tuple[str, str, Function]]:
    """Wrong versions of a rule: kind, words, function."""
    for kind, change in CHANGES.items():
        yield kind, "", after(rule, change)
    yield "right for positive cotangents only", "", before(rule, ct=_positive)
    if primitive.several:
        yield "one of several outputs forgotten", "", before(rule, ct=_first_forgotten)
    for name in rule.asks:
        if name in primitive.static:
            default = primitive.signature.parameters[name].default
            if default is not inspect.Parameter.empty:
                yield (
                    f"{_word(name)} forgotten",
                    name,
                    before(rule, **{name: lambda _, d=default: d}),
                )
    yield from exchanged(primitive, rule)
    parts = len(rule.serves)
    if rule.joint:
        for k in range(parts):
            yield "one cotangent of a joint rule", rule.serves[k], after(rule, _only(k, _opposite))
    if primitive.sequence:
        yield "one cotangent of a sequence", "the last", after(rule, _last(_opposite))
        return
    for k, x in enumerate(rule.serves):
        for kind, mask in MASKS.items():
            yield kind, x, masked(rule, k, x, mask)
        if primitive.broadcasts and len(primitive.operands) > 1:
            yield "wrong where it broadcasts", x, masked(rule, k, x, None)
    compared = primitive.differentiable if primitive.broadcasts else ()
    for x, y in itertools.pairwise(compared):
        if {x, y} & {*rule.serves}:
            yield "off at ties", f"of {x} and {y}", between(rule, x, y)


def _word(name: str) -> str:
    return name if name in ("axis", "keepdims", "where") else "a static argument"


def exchanged(primitive: Primitive, rule: Rule) -> Iterator[tuple[str, str, Function]]:
    """Operands swapped, and one residual in place of another."""
    pool = [*primitive.differentiable, *([] if primitive.several else ["y"])]
    if primitive.sequence:
        return
    asked = [name for name in rule.asks if name in pool]
    for name in asked:
        for other in pool:
            if other != name:
                if other in asked:
                    if pool.index(name) < pool.index(other):
                        names = [{name: other, other: name}.get(n, n) for n in rule.asks]
                        yield "operands swapped", f"{name}, {other}", renamed(rule, names)
                    continue
                names = [other if n == name else n for n in rule.asks]
                yield "wrong residual", f"{other} for {name}", renamed(rule, names)


def signed(function: Function, names: Sequence[str]) -> Function:
    """The function, said to ask for these names."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    function.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in names])  # type: ignore[attr-defined]
    return function


def renamed(rule: Rule, names: Sequence[str]) -> Function:
    """It gets other values than it asks for."""
    return signed(lambda *args: rule.function(*args), names)


def before(rule: Rule, **changes: Function) -> Function:
    """Something is done to what it asks for, before it gets that."""

    def wrong(*args: Any) -> Any:
        named = zip(rule.asks, args, strict=True)
        return rule.function(*[changes[n](x) if n in changes else x for n, x in named])

    return signed(wrong, rule.asks)


def after(rule: Rule, change: Function) -> Function:
    """Something is done to what it returns."""
    return signed(lambda *args: _each(change, rule.function(*args)), rule.asks)


def _each(change: Function, result: Any) -> Any:
    if getattr(change, "takes_all", False):
        return change(result)
    if isinstance(result, (tuple, list)):
        return type(result)([_each(change, g) for g in result])
    return None if result is None else change(result)


def _only(k: int, change: Function) -> Function:
    """A change of the k-th cotangent."""

    def one(result: Any) -> Any:
        return tuple(_each(change, g) if i == k else g for i, g in enumerate(result))

    one.takes_all = True  # type: ignore[attr-defined]
    return one


def _last(change: Function) -> Function:
    """A change of the last cotangent that was wanted."""

    def one(result: Any) -> Any:
        parts = list(result)
        for i in range(len(parts) - 1, -1, -1):
            if parts[i] is not None:
                parts[i] = change(parts[i])
                break
        return parts

    one.takes_all = True  # type: ignore[attr-defined]
    return one


def masked(rule: Rule, k: int, x: str, mask: Function | None) -> Function:
    """The k-th cotangent is wrong where the operand x, or its shape, is special."""
    names = rule.asks if x in rule.asks else (*rule.asks, x)
    where = names.index(x)

    def wrong(*args: Any) -> Any:
        result = rule.function(*args[: len(rule.asks)])
        g = result[k] if rule.joint else result
        value = _plain(args[where])
        if g is None or value is None or type(value) is not np.ndarray:
            return result
        if mask is None:
            g = g * 2 if np.shape(g) != value.shape else g
        else:
            g = _spoilt(g, mask(value))
        return (*result[:k], g, *result[k + 1 :]) if rule.joint else g

    return signed(wrong, names)


def between(rule: Rule, x: str, y: str) -> Function:
    """All that it returns is wrong where two operands are the same."""
    names = [*rule.asks, *(n for n in (x, y) if n not in rule.asks)]

    def wrong(*args: Any) -> Any:
        result = rule.function(*args[: len(rule.asks)])
        a, b = (_plain(args[names.index(n)]) for n in (x, y))
        if a is None or b is None:
            return result
        try:
            same = np.equal(a, b)
        except ValueError:  # of shapes that do not broadcast
            return result
        return _each(lambda g: _spoilt(g, same), result)

    return signed(wrong, names)


def _spoilt(g: Any, at: Any) -> Any:
    """Another number there, also in place of 0 and of whole numbers."""
    try:
        fits = np.broadcast_shapes(np.shape(g), np.shape(at)) == np.shape(g)
    except ValueError:
        fits = False
    at = np.asarray(at, dtype=g.dtype)
    return g + at * (g + 0.7) if fits else g


def _plain(x: Any) -> Any:
    return x.value if type(x) is tg.Tensor else np.asarray(x) if isinstance(x, np.generic) else x


def _tied(x: Any) -> Any:
    _, back, counts = np.unique(x, return_inverse=True, return_counts=True)
    return (counts[back] > 1).reshape(x.shape)


MASKS: dict[str, Function] = {"broken at zero": lambda x: x == 0, "off at ties": _tied}


def _opposite(g: Any) -> Any:
    return -g


def _transposed(g: Any) -> Any:
    return np.reshape(np.transpose(g), g.shape) if g.ndim > 1 else np.flip(g)


def _shifted(g: Any) -> Any:
    return np.roll(g, 1)


def _detached(g: Any) -> Any:
    return g.detach() if type(g) is tg.Tensor else g


def _narrow(g: Any) -> Any:
    kind = {"f": np.float32, "c": np.complex64}[g.dtype.kind]
    return g.astype(kind).astype(g.dtype)


def _positive(ct: Any) -> Any:
    if isinstance(ct, tuple):
        return tuple(map(_positive, ct))
    return np.where(_plain(ct) > 0, ct, 0)


def _first_forgotten(ct: Any) -> Any:
    return (np.zeros_like(ct[0]), *ct[1:])


CHANGES: dict[str, Function] = {
    "sign": _opposite,
    "doubled": lambda g: g * 2,
    "halved": lambda g: g * 0.5,
    "zero": lambda g: np.zeros_like(g),
    "detached in the second order": _detached,
    "transposed": _transposed,
    "shifted along an axis": _shifted,
    "cast down": _narrow,
}
