"""What happens in a step, in words: the operation with its numbers, the chain rule written out."""

from __future__ import annotations

import functools
from typing import Any

from ..graph import Graph, GraphEdge, GraphNode
from ..graph.steps import Derivatives, Local
from .words import clean, short

INFIX = {"add": "+", "subtract": "−", "multiply": "×", "divide": "÷", "power": "^",
         "float_power": "^", "remainder": "mod", "floor_divide": "//", "matmul": "@"}  # fmt: skip
LONGEST = 16  # characters of a name, which stands in many places
ENDINGS = {1: "st", 2: "nd", 3: "rd"}
MOST_TERMS = 5  # of a sum that is written out


class Captions:
    """Words for a graph of scalars."""

    def __init__(self, graph: Graph, derivatives: Derivatives) -> None:
        self.graph, self._derivatives = graph, derivatives

    # What things are called

    @functools.cached_property
    def symbols(self) -> dict[int, str]:
        """What each node is called in formulas: its name, or x1 for a leaf, v1 for an operation."""
        found: dict[int, str] = {}
        taken = {clean(name, LONGEST) for name in self.graph.columns.names.values()}
        counts: dict[str, int] = {}
        for node in self.graph.nodes:
            name = clean(node.name, LONGEST)
            if name and name not in found.values():
                found[node.id] = name
                continue
            if self._is_bare(node):
                found[node.id] = in_product(node.value)
                continue
            if node.id == self._derivatives.output and not name and "J" not in taken:
                found[node.id] = "J"
                taken.add("J")
                continue
            stem = f"{name}_" if name else "x" if node.kind == "leaf" else "v"
            while True:
                counts[stem] = counts.get(stem, bool(name)) + 1
                own = f"{stem}{counts[stem]}"
                if own not in taken:
                    break
            taken.add(own)
            found[node.id] = own
        return found

    @staticmethod
    def _is_bare(node: GraphNode) -> bool:
        """Whether it is a number, and no more."""
        return node.kind == "constant" and not clean(node.name)

    def derivative(self, i: int) -> str:
        """dJ/dw."""
        return f"d{self.symbols[self._derivatives.output]}/d{self.symbols[i]}"

    def local(self, edge: GraphEdge) -> str:
        """dv/du; where an operation takes the same value twice, with the operand's place."""
        text = f"d{self.symbols[edge.target]}/d{self.symbols[edge.source]}"
        twins = [e for e in self.graph.nodes[edge.target].operands if e.source == edge.source]
        return f"{text} ({_ordinal(edge.position + 1)})" if len(twins) > 1 else text

    # What is computed

    def expression(self, node: GraphNode, *, numbers: bool = False) -> str:
        """b × c; or with numbers, 3 × 2."""
        values = [self.graph.nodes[edge.source].value for edge in node.operands]
        words = [self.symbols[edge.source] for edge in node.operands]
        label = node.label
        if len(words) == 2 and node.operation in INFIX:
            symbol = INFIX[node.operation]
            if numbers:
                words = [in_product(values[0], first=symbol != "^"), in_product(values[1])]
            return f"{words[0]} {symbol} {words[1]}"
        if len(words) == 1 and label in ("−", "+", "√", "∛", "x²", "1/x", "[()]"):
            word = in_product(values[0]) if numbers else words[0]
            if "x" in label:
                return label.replace("x", word)
            return word + label if label == "[()]" else label + word
        for k, edge in enumerate(node.operands):
            if numbers or self._is_bare(self.graph.nodes[edge.source]):
                words[k] = short(values[k])
        if len(words) == 1 and label in ("|x|", "‖x‖"):
            return label.replace("x", words[0])
        plain = label.replace(" ", "").isalpha()
        name = clean(label if plain else node.operation)
        return f"{name}({', '.join([*words, *[clean(node.params)] * bool(node.params)])})"

    def forward(self, i: int) -> str:
        """u = b × c = 3 × 2 = 6."""
        node = self.graph.nodes[i]
        formula = self.expression(node)
        with_numbers = self.expression(node, numbers=True)
        steps = dict.fromkeys([self.symbols[i], formula, with_numbers, short(node.value)])
        return " = ".join(steps)

    def given(self) -> str:
        """a = 5, b = 3, c = 2."""
        named = [
            f"{self.symbols[node.id]} = {short(node.value)}"
            for node in self.graph.nodes
            if node.kind != "operation" and not self._is_bare(node)
        ]
        return ", ".join(named)

    def backward(self, i: int) -> str:
        """dJ/du = dJ/dv · dv/du = 3 · 1 = 3; a sum where it is used several times."""
        total, local = self._derivatives.total, self._derivatives.local
        if i == self._derivatives.output:
            return f"{self.derivative(i)} = 1"
        edges = [
            (k, self.graph.edges[k]) for k in self.graph.edges_from(i) if k in local
        ]  # in the order of those that use it
        rules = [(edge, local[k], total[edge.target]) for k, edge in edges]
        symbols, numbers = [], []
        for k, (edge, rule, ct) in enumerate(rules[:MOST_TERMS]):
            symbols.append(product(rule, self.derivative(edge.target), self.local(edge)))
            numbers.append(product(rule, ct, first=k == 0))
        if len(rules) > MOST_TERMS:
            more = f"… ({len(rules) - MOST_TERMS} more)"
            symbols.append(more)
            numbers.append(more)
        lines = [self.derivative(i), " + ".join(symbols), " + ".join(numbers)]
        if len(rules) > 1:
            given = [self._derivatives.part[k] for k, _ in edges[:MOST_TERMS]]
            parts = [in_product(part, first=k == 0) for k, part in enumerate(given)]
            lines.append(" + ".join(parts + symbols[MOST_TERMS:]))
        return " = ".join(dict.fromkeys([*lines, short(total[i])])) + self._note(i, rules)

    def _note(self, i: int, rules: list[tuple[GraphEdge, Local, Any]]) -> str:
        node = self.graph.nodes[i]
        if any(ct == 0 and ct * r.linear != ct * r.linear for _, r, ct in rules):
            return "; 0 times what is not finite is 0: this branch was not taken"
        if node.kind == "leaf" and str(node.dtype).startswith("complex"):
            return f"; {self.symbols[i]}.grad is its conjugate"
        return ""


def product(rule: Local, ct: Any, local: str | None = None, *, first: bool = False) -> str:
    """A cotangent times the local derivative, in symbols or in numbers."""
    if local and rule.conjugate != 0 and rule.linear != 0:
        return f"({ct} through {local})"
    terms = []
    if rule.linear != 0 or rule.conjugate == 0:
        factor = ct if local else in_product(ct, first=first)
        terms.append(f"{factor} · {local or in_product(rule.linear)}")
    if rule.conjugate != 0:
        factor = f"conj({ct if local else short(ct)})"
        terms.append(f"{factor} · {local or in_product(rule.conjugate)}")
    text = " + ".join(terms)
    if rule.real_part:
        return f"Re({text})"
    return f"({text})" if len(terms) > 1 else text


def number(x: Any) -> str:
    """In few digits; without an imaginary part that is 0."""
    return short(x.real if isinstance(x, complex) and x.imag == 0 else x)


def in_product(x: Any, *, first: bool = False) -> str:
    """A number as a factor: in parentheses where it has two parts, or a sign and is not first."""
    text = number(x)
    bare = not isinstance(x, complex) or x.imag == 0
    bare = bare and (first or not text.startswith("-"))
    return text if bare else f"({text})"


def _ordinal(n: int) -> str:
    """1st, 2nd, 3rd, 4th."""
    last = n % 10 if n % 100 not in (11, 12, 13) else 0
    return f"{n}{ENDINGS.get(last, 'th')}"
