"""The way back through one operation: from its output's cotangent to those of its operands."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from .errors import DeclarationError
from .source import compile_source
from .tensor import with_node

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
        self.serves, self.function, self.joint = serves, function, joint
        self.asks = tuple(inspect.signature(function).parameters)
        for name in self.asks:
            if name not in known:
                close = difflib.get_close_matches(name, known, 1)
                hint = f"did you mean {close[0]!r}?" if close else f"it knows {sorted(known)}"
                raise DeclarationError(
                    f"{primitive.name}: the rule for {', '.join(serves) or 'saves'} asks for "
                    f"{name!r}, which the operation does not know; {hint}"
                )

    def kept(self, primitive: Primitive) -> Iterator[str]:
        """What it asks for that must be kept from the forward call."""
        own = {*primitive.operands, *primitive.static}
        at_the_node = {"ct", "shape", "dtype", "needs", *primitive.shapes} - own
        for name in self.asks:
            if name not in primitive.static and name not in at_the_node:
                yield name


class Pullback:
    """The gradient rules of a primitive for one choice of tracked operands.

    keeps      names of the residuals, in the order in which a node holds them
    watched    positions, among a node's parents, of those whose own value is kept
    on_arrays  (node, cotangent) -> cotangents of the node's parents, all plain arrays
    on_tensors the same on Tensors, so that the rules are recorded and can be differentiated
    """

    def __init__(self, primitive: Primitive, tracked: tuple[str, ...]) -> None:
        self.primitive, self.tracked = primitive, tracked
        self.selects = primitive.selects
        self.rules = [r for r in primitive.rules if set(r.serves) & set(tracked)]
        keeps = dict.fromkeys(name for rule in self.rules for name in rule.kept(primitive))
        for name in [n for n in keeps if n in primitive.saves]:
            # Kept to compute `name` again, should the rules themselves be differentiated.
            keeps |= dict.fromkeys(primitive.save_rules[name].kept(primitive))
        self.keeps = tuple(keeps)
        self.watched = tuple(i for i, name in enumerate(tracked) if name in keeps)
        self.constants = tuple(n for n in primitive.operands if n not in tracked)
        # Compiled on first use.
        self.on_arrays: Callable[[Node, Any], Any] = self._arrays_first
        self.on_tensors: Callable[[Node, Any], Any] = self._tensors_first

    def _arrays_first(self, node: Node, ct: Any) -> Any:
        self.on_arrays = self._compile(on_tensors=False)
        return self.on_arrays(node, ct)

    def _tensors_first(self, node: Node, ct: Any) -> Any:
        self.on_tensors = self._compile(on_tensors=True)
        return self.on_tensors(node, ct)

    def _compile(self, *, on_tensors: bool) -> Callable[[Node, Any], Any]:
        # Names that are not the declaration's own begin with an underscore, but for `ct`.
        primitive, local = self.primitive, self.primitive.local
        names: dict[str, Any] = {}
        lines = [f"def {primitive.definition.__name__}_pullback(_node, ct):"]
        if self.keeps:
            lines.append(f"    {', '.join(map(local, self.keeps))}, = _node.residuals")
        savers = [primitive.save_rules[name] for name in self.keeps if name in primitive.saves]
        asked = {name for rule in (*self.rules, *savers) for name in rule.asks}
        for i, name in enumerate(primitive.static):
            if name in asked:
                lines.append(f"    {name} = _node.params[{i}]")
        if primitive.sequence:
            lines.append(f"    _positions = _node.params[{len(primitive.static)}]")
        if primitive.several and "ct" in asked:
            lines.append("    ct = ct.filled()")
        if on_tensors:
            lines += self._wrapping(names)
        for k, rule in enumerate(self.rules):
            names[f"_rule_{k}"] = rule.function
            targets = ", ".join(f"_ct_{x}" for x in rule.serves) + ("," if rule.joint else "")
            words = ", ".join(self._word(rule, name) for name in rule.asks)
            lines.append(f"    {targets} = _rule_{k}({words})")
        if primitive.sequence:
            lines.append(f"    return [_ct_{primitive.sequence}[_i] for _i in _positions]")
        else:
            lines.append(f"    return {''.join(f'_ct_{x}, ' for x in self.tracked)}")
        return compile_source(lines, names)

    def _wrapping(self, names: dict[str, Any]) -> Iterator[str]:
        """Lines that give the residuals their place in the graph back."""
        primitive = self.primitive
        names["_with_node"] = with_node
        for name in self.keeps:
            if name in self.tracked and name == primitive.sequence:
                yield f"    {name} = list({name})"
                yield "    for _i, _parent in zip(_positions, _node.parents):"
                yield f"        {name}[_i] = _with_node({name}[_i], _parent)"
            elif name in self.tracked:
                yield f"    {name} = _with_node({name}, _node.parents[{self.tracked.index(name)}])"
            elif primitive.local(name) == "_y":
                names["_place"] = _outputs if primitive.several else with_node
                yield "    _y = _place(_y, _node)"
        for name in self.keeps:
            if name in primitive.saves:
                rule = primitive.save_rules[name]
                names[f"_save_{name}"] = rule.function
                yield f"    {name} = _save_{name}({', '.join(map(primitive.local, rule.asks))})"

    def _word(self, rule: Rule, name: str) -> str:
        """The expression for what a rule asks for by this name."""
        primitive = self.primitive
        if name in primitive.signature.parameters:
            return name
        if name in primitive.shapes:
            of = primitive.shapes[name]
            if of not in self.tracked:
                return "None"
            return f"_node.parents[{self.tracked.index(of)}].shape"
        if name in ("shape", "dtype"):
            return f"_node.parents[{self.tracked.index(rule.serves[0])}].{name}"
        if name == "needs":
            return "_positions" if primitive.sequence else repr(
                tuple(x in self.tracked for x in rule.serves)
            )  # fmt: skip
        return primitive.local(name)

    def operands(self, node: Node) -> list[tuple[str, Any]]:
        """What the operation was applied to, in order: (name, Node or `Constant`)."""
        primitive, parents = self.primitive, iter(node.parents)
        known = iter(node.params[len(primitive.static) + bool(primitive.sequence) :])
        if not primitive.sequence:
            return [
                (name, next(parents) if name in self.tracked else next(known))
                for name in primitive.operands
            ]
        found: list[tuple[str, Any]] = []
        tracked = set(node.params[len(primitive.static)])
        count = len(node.parents) + len(node.params) - len(primitive.static) - 1
        for i in range(count):
            found.append((f"{primitive.sequence}[{i}]", next(parents if i in tracked else known)))
        return found


def _outputs(values: Any, node: Node) -> list[Any]:
    from .outputs import select  # declared with this module's help

    return [select(node, i, value) for i, value in enumerate(values)]
