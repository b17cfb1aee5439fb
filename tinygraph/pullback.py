"""The way back through one operation: from its output's cotangent to those of its operands."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Container, Iterator
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import DeclarationError, RuleError, StaleGraphError
from .reuse import plain
from .source import Generated, compiled_on_first_use
from .tensor import Tensor, with_node

if TYPE_CHECKING:
    from .node import Node
    from .primitive import Primitive


class Rule:
    """A gradient rule, and the names of what it asks for."""

    __slots__ = ("asks", "function", "joint", "serves")

    def __init__(
        self,
        primitive: Primitive,
        serves: tuple[str, ...],
        function: Callable[..., Any],
        known: set[str],
        *,
        joint: bool = False,
    ) -> None:
        if not callable(function):
            raise DeclarationError(
                f"{primitive.name}: {type(function).__name__} came for the rule of "
                f"{', '.join(serves)}; it needs a function, such as lambda ct: ct * 2"
            )
        self.serves, self.function, self.joint = serves, function, joint
        self.asks = _parameters(function)
        for name in self.asks:
            if name not in known:
                close = difflib.get_close_matches(name, known, 1)
                hint = f"did you mean {close[0]!r}?" if close else f"it knows {sorted(known)}"
                raise DeclarationError(
                    f"{primitive.name}: the rule for {', '.join(serves) or 'saves'} asks for "
                    f"{name!r}, which the operation does not know; {hint}"
                )

    @classmethod
    def cost(cls, primitive: Primitive, function: Callable[..., Any]) -> Rule:
        """What counts a call's floating-point operations; it asks for shapes and static ones."""
        shapes = {"shapes" if x == primitive.sequence else f"{x}_shape" for x in primitive.operands}
        return cls(primitive, ("flops",), function, {"shape", *shapes, *primitive.static})

    @property
    def passes_on(self) -> bool:
        """Whether it is `lambda ct: ct`."""
        code: Any = getattr(self.function, "__code__", None)
        return self.asks == ("ct",) and code and code.co_code == _PASSES_ON.co_code

    @property
    def has_operators_only(self) -> bool:
        """Whether it calls nothing: a Python number in it then leaves the dtype alone."""
        code: Any = getattr(self.function, "__code__", None)
        return code and not code.co_names and not code.co_freevars

    def kept(self, primitive: Primitive) -> Iterator[str]:
        """What it asks for that must be kept from the forward call."""
        own = {*primitive.operands, *primitive.static}
        at_the_node = {"ct", "shape", "dtype", "needs", *primitive.shapes, *primitive.rooms}
        at_the_node -= own
        for name in self.asks:
            if name not in primitive.static and name not in at_the_node:
                yield name


def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """Their names; of a plain function at a tenth of the time that `inspect` takes."""
    if type(function) is FunctionType and not function.__code__.co_flags & STARRED:
        code = function.__code__
        return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return tuple(inspect.signature(function).parameters)


STARRED = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS
_PASSES_ON = (lambda ct: ct).__code__


class Pullback:
    """The gradient rules of a primitive for one choice of tracked operands.

    keeps    names of the residuals, in the order in which a node holds them
    parents_in_slots, kept_in_slots
             how many stand in slots of their own in a node; 0: all of them in a tuple
    """

    def __init__(self, primitive: Primitive, tracked: tuple[str, ...]) -> None:
        self.primitive, self.tracked = primitive, tracked
        self.selects = primitive.selects
        self.rules = primitive.rules_for(tracked)
        keeps = dict.fromkeys(name for rule in self.rules for name in rule.kept(primitive))
        for name in [n for n in keeps if n in primitive.saves]:
            # Kept to compute `name` again, should the rules themselves be differentiated.
            keeps |= dict.fromkeys(primitive.save_rules[name].kept(primitive))
        self.keeps = tuple(keeps)
        # What it multiplies the cotangent by is never infinite or NaN.
        self.stays_finite = self.selects or not keeps
        self.constants = tuple(n for n in primitive.operands if n not in tracked)
        single = primitive.sequence is None and len(tracked) <= 2
        self.parents_in_slots = len(tracked) if single else 0
        self.kept_in_slots = len(keeps) if len(keeps) <= 2 else 0
        self.on_arrays = self._pull(on_tensors=False)
        self.on_tensors = self._pull(on_tensors=True)
        self.on_arrays_guarded = self._pull(on_tensors=False, guarded=True)
        self.on_tensors_guarded = self._pull(on_tensors=True, guarded=True)
        self._partly: dict[tuple[bool, ...], Callable[[Node, Any], Any]] = {}

    def _pull(
        self, *, on_tensors: bool, guarded: bool = False, wanted: tuple[str, ...] | None = None
    ) -> Callable[[Node, Any], Any]:
        """(node, cotangent) -> pairs of a parent and what it gets, of its shape and dtype.

        on_tensors: the rules work on tensors, so that they are recorded and can be differentiated.
        guarded: where the cotangent is 0, no infinite or NaN derivative makes it NaN.
        wanted: operands whose parents get something; None: all that were tracked.
        """
        served = self.tracked if wanted is None else wanted
        return compiled_on_first_use(lambda: self._generate(on_tensors, guarded, served))

    def partly(self, node: Node, needed: Container[Node], *, on_tensors: bool) -> Any:
        """The same for those parents of a node that are needed; no rule runs for the others."""
        if self.primitive.sequence:
            return self.on_tensors if on_tensors else self.on_arrays
        if self.parents_in_slots == 2:  # so the one or the other
            key: tuple[bool, ...] = (on_tensors, node.parent in needed)
        else:
            key = (on_tensors, *[parent in needed for parent in node.parents])
        found = self._partly.get(key)
        if found is None:
            wanted = tuple(x for x, p in zip(self.tracked, node.parents) if p in needed)
            found = self._partly[key] = self._pull(on_tensors=on_tensors, wanted=wanted)
        return found

    def fill(self, node: Node, parents: list[Node], values: dict[str, Any]) -> None:
        """Put parents and residuals into a node, where no generated code does it."""
        kept = [values[name] for name in self.keeps]
        if self.parents_in_slots:
            for slot, parent in zip(("parent", "parent2"), parents):
                setattr(node, slot, parent)
        else:
            node.parent = tuple(parents)
        node.kept = None if self.kept_in_slots or not kept else tuple(kept)
        if self.kept_in_slots:
            for slot, array in zip(("kept", "kept2"), kept):
                setattr(node, slot, array)

    def _generate(self, on_tensors: bool, guarded: bool, wanted: tuple[str, ...]) -> Generated:
        # Names that are not the declaration's own begin with an underscore, but for `ct`.
        primitive, local = self.primitive, self.primitive.local
        names: dict[str, Any] = {"_fit": fit_tensor if on_tensors else fit_array}
        names["_room"] = room
        names["_kind"] = Tensor if on_tensors else np.ndarray  # as which it needs no second look
        lines = [f"def {primitive.identifier}_pullback(_node, ct):"]
        kept = [local(name) for name in self.keeps]
        if self.kept_in_slots:
            lines += (f"    {k} = _node.{slot}" for slot, k in zip(("kept", "kept2"), kept))
        elif kept:
            lines.append(f"    {', '.join(kept)} = _node.kept")
        parents = [f"_parent_{x}" for x in self.tracked]
        if primitive.sequence:
            lines.append("    _parents = _node.parent")
            lines.append(f"    _positions = _node.params[{len(primitive.static)}]")
        elif self.parents_in_slots:
            slots = zip(("parent", "parent2"), parents)
            lines += (f"    {p} = _node.{slot}" for slot, p in slots)
        else:
            lines.append(f"    {', '.join(parents)} = _node.parent")
        lines += self._freshness(names)
        savers = [primitive.save_rules[name] for name in self.keeps if name in primitive.saves]
        rules = [rule for rule in self.rules if not {*wanted}.isdisjoint(rule.serves)]
        asked = {name for rule in (*rules, *savers) for name in rule.asks}
        for i, name in enumerate(primitive.static):
            if name in asked:
                lines.append(f"    {name} = _node.params[{i}]")
        if primitive.several and "ct" in asked:
            lines.append("    ct = ct.filled()")
        if on_tensors:
            lines += self._wrapping(names)
        for k, rule in enumerate(rules):
            if rule.passes_on:
                lines.append(f"    _ct_{rule.serves[0]} = ct")
                continue
            names[f"_rule_{k}"] = rule.function
            targets = ", ".join(f"_ct_{x}" for x in rule.serves) + ("," if rule.joint else "")
            words = ", ".join(self._word(rule, name, on_tensors, wanted) for name in rule.asks)
            lines.append(f"    {targets} = _rule_{k}({words})")
        if primitive.sequence:
            pairs = "zip(_parents, _positions)"
            ct = f"_ct_{primitive.sequence}[_i]"
            same = f"type(_g := {ct}) is _kind and _g.shape == _p.shape and _g.dtype is _p.dtype"
            item = f"_g if {same} else _fit(_g, _p, _node)"
            lines.append(f"    return [(_p, {item}) for _p, _i in {pairs}]")
            return lines, names
        if guarded and primitive.elementwise:
            names["_guard"] = guard
            lines += (f"    _ct_{x} = _guard(_ct_{x}, ct)" for x in wanted)
        for x in wanted:
            lines += self._fitting(f"_ct_{x}", f"_parent_{x}")
        lines.append(f"    return {''.join(f'(_parent_{x}, _ct_{x}), ' for x in wanted)}")
        return lines, names

    def _freshness(self, names: dict[str, Any]) -> Iterator[str]:
        """Lines that refuse to use what was kept of a leaf that has another value by now."""
        kept = [x for x in self.tracked if x in self.keeps]
        if kept:
            names["_check_unchanged"] = check_unchanged
        if kept and self.primitive.sequence:
            yield "    for _p in _parents: _check_unchanged(_p, _node)"
        else:
            yield from (
                f"    if _parent_{x}.pullback is None and _parent_{x}.changed > _node.order: "
                f"_check_unchanged(_parent_{x}, _node)"
                for x in kept
            )

    def _fitting(self, ct: str, parent: str) -> Iterator[str]:
        """Lines that make a contribution fit its parent, where it does not."""
        if self.primitive.trusted:
            # It has the node's shape and dtype: those of the parent, unless it was broadcast.
            same = (
                f"({parent}.shape is _node.shape or {parent}.shape == _node.shape) "
                f"and {parent}.dtype is _node.dtype"
            )
            weak = all(rule.has_operators_only for rule in self.rules)
            if self.constants and not weak:  # of a Python number NumPy may have made a float64
                same += f" and {ct}.dtype is _node.dtype"
        else:
            same = (
                f"type({ct}) is _kind and {ct}.shape == {parent}.shape "
                f"and {ct}.dtype is {parent}.dtype"
            )
        yield f"    if not ({same}):"
        yield f"        {ct} = _fit({ct}, {parent}, _node)"

    def _wrapping(self, names: dict[str, Any]) -> Iterator[str]:
        """Lines that give the residuals their place in the graph back."""
        primitive = self.primitive
        names["_with_node"] = with_node
        for name in self.keeps:
            if name in self.tracked and name == primitive.sequence:
                yield f"    {name} = list({name})"
                yield "    for _i, _parent in zip(_positions, _parents):"
                yield f"        {name}[_i] = _with_node({name}[_i], _parent)"
            elif name in self.tracked:
                yield f"    {name} = _with_node({name}, _parent_{name})"
            elif primitive.local(name) == "_y":
                names["_place"] = with_node
                if primitive.several:
                    from .outputs import places  # which declares with this module's help

                    names["_place"] = places
                yield "    _y = _place(_y, _node)"
        for name in self.keeps:
            if name in primitive.saves:
                rule = primitive.save_rules[name]
                names[f"_save_{name}"] = rule.function
                yield f"    {name} = _save_{name}({', '.join(map(primitive.local, rule.asks))})"

    def _word(self, rule: Rule, name: str, on_tensors: bool, wanted: tuple[str, ...]) -> str:
        """The expression for what a rule asks for by this name."""
        primitive = self.primitive
        if name in primitive.signature.parameters:
            return name
        if name in primitive.shapes:
            of = primitive.shapes[name]
            if of not in self.tracked:
                return "None"
            return f"_parent_{of}.shape"
        if name in primitive.rooms:
            of = primitive.rooms[name]
            if on_tensors or of not in self.tracked:
                return "None"
            return f"(_room(_parent_{of}, _node) if _parent_{of}.pullback is None else None)"
        if name in ("shape", "dtype"):
            return f"_parent_{rule.serves[0]}.{name}"
        if name == "needs":
            return "_positions" if primitive.sequence else repr(
                tuple(x in wanted for x in rule.serves)
            )  # fmt: skip
        return primitive.local(name)

    def operands(self, node: Node) -> list[tuple[str, Any]]:
        """What the operation was applied to, in order: (name, Node or `Constant`)."""
        primitive, parents = self.primitive, iter(node.parents)
        known = iter(node.params[len(primitive.static) + bool(primitive.sequence) :])
        if not primitive.sequence:
            every = [
                (name, next(parents) if name in self.tracked else next(known))
                for name in primitive.operands
            ]
            return [(name, operand) for name, operand in every if operand is not None]
        found: list[tuple[str, Any]] = []
        tracked = set(node.params[len(primitive.static)])
        count = len(node.parents) + len(node.params) - len(primitive.static) - 1
        for i in range(count):
            found.append((f"{primitive.sequence}[{i}]", next(parents if i in tracked else known)))
        return found


# What generated code calls off its fast path


def check_unchanged(parent: Node, node: Node) -> None:
    """Raise if a leaf whose value was kept has changed since."""
    if parent.pullback is None and parent.changed > node.order:
        primitive: Any = node.primitive
        raise StaleGraphError(
            f"backward through {primitive.name}: the leaf {parent.name or 'without a name'!r} of "
            f"shape {parent.shape} was changed after this graph was built, for example by an "
            "optimizer step; compute the loss again before calling backward"
        )


def room(leaf: Node, node: Node) -> Any:
    """An array to write a leaf's gradient into, which nobody else holds; or None."""
    place = leaf._room
    if place is None or leaf._grad is not None or leaf.dtype is not node.dtype:
        return None
    return place.lend()


def fit_array(g: Any, parent: Node, node: Node) -> Any:
    """What a rule returned for a parent, of the parent's shape and dtype; on arrays."""
    return _fit(g.value if type(g) is Tensor else plain(g), parent, node)


def fit_tensor(g: Any, parent: Node, node: Node) -> Any:
    """What a rule returned for a parent, of the parent's shape and dtype; on tensors."""
    return _fit(g, parent, node)


def _fit(g: Any, parent: Node, node: Node) -> Any:
    primitive: Any = node.primitive
    if type(g) in (int, float, complex):
        g = np.asarray(g)
    if getattr(g, "dtype", _OBJECT) == _OBJECT:
        raise RuleError(
            f"{primitive.name}: a gradient rule returned {g!r} where an array of shape "
            f"{parent.shape} is needed"
        )
    if g.shape != parent.shape:
        summed = unbroadcast(g, parent.shape) if primitive.broadcasts else None
        if summed is None:
            raise RuleError(
                f"{primitive.name}: a gradient rule returned shape {g.shape} for an operand of "
                f"shape {parent.shape}; it must return exactly that shape"
            )
        g = summed
    if g.dtype is not parent.dtype and g.dtype != parent.dtype:
        if g.dtype.kind == "c" and parent.dtype.kind != "c":
            g = np.real(g)
        g = g.astype(parent.dtype)
    return g


_OBJECT = np.dtype(object)


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """The sum of g over the axes along which `shape` was broadcast; None where it was not."""
    axes, lines = _plan(g.shape, shape)
    if axes is None:
        return None
    if type(g) is not np.ndarray:
        return g.sum(axis=axes).reshape(shape)
    if lines and g.dtype.kind in "fc":
        # Sums of columns or of rows, by BLAS; what is cached for it stays small.
        if lines == "columns" and len(g) <= 1 << 16:
            return _ones(len(g), g.dtype).dot(g).reshape(shape)
        if lines == "rows" and g.shape[1] <= 1 << 16:
            return g.dot(_ones(g.shape[1], g.dtype)).reshape(shape)
    return np.add.reduce(g, axes).reshape(shape)


@functools.lru_cache(maxsize=1024)
def _plan(given: tuple[int, ...], shape: tuple[int, ...]) -> tuple[Any, str | None]:
    """The axes to sum over, None if there is no way; of a matrix, whether these are its lines."""
    extra = len(given) - len(shape)
    if extra < 0:
        return None, None
    axes = [*range(extra)]
    for axis, (size, wanted) in enumerate(zip(given[extra:], shape), extra):
        if size != wanted:
            if wanted != 1:
                return None, None
            axes.append(axis)
    lines = {(0,): "columns", (1,): "rows"}.get(tuple(axes)) if len(given) == 2 else None
    return tuple(axes), lines


@functools.lru_cache(maxsize=64)
def _ones(n: int, dtype: np.dtype[Any]) -> Any:
    return np.ones(n, dtype)


def guard(g: Any, ct: Any) -> Any:
    """Zero where the cotangent is, instead of NaN."""
    total = np.add.reduce(g.value if type(g) is Tensor else g, None)
    if total - total == 0:  # finite
        return g
    return np.where(ct == 0, 0, g)
