"""The values of a graph: those it keeps, and those that can be computed again from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .node import RELEASED, Node


class Unknown(Exception):
    """A value that the graph does not keep, nor what it was computed from."""


def ordered(root: Node) -> list[Node]:
    """The nodes of a graph, operands before what uses them."""
    found, stack = {root}, [root]
    while stack:
        for parent in stack.pop().parents:
            if parent not in found:
                found.add(parent)
                stack.append(parent)
    return sorted(found, key=lambda node: node.order)


def known_values(nodes: list[Node], given: Mapping[Node, Any]) -> dict[Node, Any]:
    """The values of those nodes for which there is a way to know, with those that are given.

    A graph keeps what gradient rules ask for: a product its operands, a sum nothing. What it does
    not keep is computed again where all operands are known. The values of leaves are not part of
    the graph: that of `w + 1` is known only if another operation kept it. Of an operation with
    several outputs the value is a tuple.
    """
    values = dict(given)
    for node in nodes:
        if node.value is not None:
            values.setdefault(node, node.value)
        for name, kept in _residuals(node).items():
            pullback: Any = node.pullback
            if pullback.primitive.local(name) == "_y":
                values.setdefault(node, kept)
            elif name == pullback.primitive.sequence:
                positions = node.params[len(pullback.primitive.static)]
                for parent, i in zip(node.parents, positions):
                    values.setdefault(parent, kept[i])
            elif name in pullback.tracked:
                values.setdefault(node.parents[pullback.tracked.index(name)], kept)
    for node in nodes:
        if node not in values and node.pullback is not None:
            try:
                values[node] = computed(node, operands(node, values))
            except Unknown:
                continue
    return values


def operands(node: Node, values: dict[Node, Any]) -> dict[str, Any]:
    """The operands of a node by name, `Unknown` in place of those that are not known."""
    pullback: Any = node.pullback
    residuals = _residuals(node)
    found: dict[str, Any] = {}
    sequence: list[Any] = []
    for name, given in pullback.operands(node):
        value: Any = Unknown
        if type(given) is Node:
            value = values.get(given, Unknown)
        elif name in residuals:
            value = residuals[name]
        elif type(given) is not tuple:  # a number
            value = given
        elif given[3] is not None:
            value = given[3]
        if pullback.primitive.sequence:
            sequence.append(value)
        else:
            found[name] = value
    return {pullback.primitive.sequence: sequence} if pullback.primitive.sequence else found


def _residuals(node: Node) -> dict[str, Any]:
    if node.pullback is None or node.kept is RELEASED:
        return {}
    return dict(zip(node.pullback.keeps, node.residuals))


def computed(node: Node, known: dict[str, Any]) -> Any:
    """The value of an operation on these operands, computed anew. Raises Unknown."""
    pullback: Any = node.pullback
    primitive = pullback.primitive
    if primitive.name == "output" and isinstance(node.parent.dtype, tuple):
        (outputs,) = known.values()
        if outputs is Unknown:
            raise Unknown
        return outputs[node.params[0]]
    if Unknown in _flat(known.values()):
        raise Unknown
    # An operand that was left out is None.
    left_out = dict.fromkeys(primitive.operands)
    call = primitive.placed(left_out | known | dict(zip(primitive.static, node.params)))
    with np.errstate(all="ignore"):
        y = primitive.implementation(*call.args, **call.kwargs)
    return y[0] if primitive.saves else y


def _flat(values: Iterable[Any]) -> Iterable[Any]:
    for value in values:
        if isinstance(value, list):
            yield from (Unknown if v is Unknown else None for v in value)
        else:
            yield Unknown if value is Unknown else None
