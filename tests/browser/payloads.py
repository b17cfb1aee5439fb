"""Data for pages with more in them than a small program records: scopes, times, statistics."""

import random


class Payload:
    """Takes nodes, operands first, as they are computed in scopes."""

    def __init__(self, title="A graph"):
        self.nodes, self.edges, self.scopes, self.open = [], [], [], []
        self.title = title

    def add(self, kind, label, operands=(), **facts):
        node = {"id": len(self.nodes), "kind": kind, "label": label, "shape": "(4, 4)", "size": 16}
        node["dtype"] = "float32"
        if kind == "operation":
            node["operation"] = label
        elif kind != "constant":
            node["name"] = label
        if self.open:
            node["scope"] = self.open[-1]
        self.nodes.append(node | facts)
        for position, operand in enumerate(operands):
            self.edges.append([operand, node["id"], position, "ab"[position % 2]])
        return node["id"]

    def enter(self, name, kind=None):
        parent = self.open[-1] if self.open else None
        self.scopes.append({"name": name, "parent": parent, "kind": kind})
        self.open.append(len(self.scopes) - 1)

    def leave(self):
        self.open.pop()

    def done(self, *outputs):
        for i in outputs or [len(self.nodes) - 1]:
            self.nodes[i]["output"] = True
        return {
            "schema": 1,
            "title": self.title,
            "scopes": self.scopes,
            "nodes": self.nodes,
            "edges": self.edges,
        }


def blocks(count, recorded=True):
    """Residual blocks: x + down(relu(up(x))), each a scope with two more in it."""
    p = Payload(f"{count} blocks")
    x = p.add("leaf", "x")
    for i in range(count):
        p.enter(f"block{i}", "Block")
        h = x
        for name in ("up", "down"):
            p.enter(name, "Dense")
            h = p.add("operation", "dense", [h, p.add("parameter", f"block{i}.{name}.weight")])
            p.leave()
            if name == "up":
                h = p.add("operation", "relu", [h])
        x = p.add("operation", "+", [x, h])
        p.leave()
    p.add("operation", "mean", [x], name="loss", shape="()", value="0.5", gradient="1")
    if recorded:
        for i, node in enumerate(p.nodes):
            node["gradient_norm"] = 10.0 ** (-i % 7)
            if node["kind"] == "operation":
                node |= {"seconds": 1e-6 * 2 ** (i % 10), "seconds_backward": 1e-6, "bytes": 10 * i}
                node["site"] = {"file": "train.py", "line": i, "source": "h = layer(h)"}
                node["statistics"] = {"min": -1.0, "max": 2.0, "mean": 0.1, "std": 1.0}
    return p.done()


def random_graph(size, seed=0):
    """Every result is used: no scopes, many lengths of edges."""
    draw = random.Random(seed)
    p = Payload(f"{size} nodes")
    last = [p.add("leaf", f"x{i}") for i in range(4)]
    unused = list(last)
    while len(p.nodes) < size - 1:
        if draw.random() < 0.1:
            last.append(p.add("parameter", f"w{len(p.nodes)}"))
        else:
            far = min(int(draw.expovariate(0.2)), len(last) - 1)
            operands = [unused.pop(0) if len(unused) > 8 else last[-1 - far]]
            if draw.random() < 0.6:
                operands.append(draw.choice(last[-9:]))
            last.append(p.add("operation", "×" if len(operands) == 2 else "tanh", operands))
            unused = [i for i in unused if i not in operands]
        unused.append(last[-1])
    p.add("operation", "sum", unused)
    return p.done()


def chain(length):
    """tanh of 0.5 times tanh of 0.5 times …"""
    p = Payload("A chain")
    x = p.add("leaf", "x")
    for i in range(length):
        if i % 2:
            half = p.add("constant", "0.5", shape="()", value="0.5")
            x = p.add("operation", "×", [x, half])
        else:
            x = p.add("operation", "tanh", [x])
    return p.done()


def broken():
    """The logarithm of a negative number, what comes of it, and what goes back through it."""
    p = Payload("NaN")
    fine = {"min": -1.0, "max": 1.0, "mean": 0.0, "std": 0.5, "nan": 0, "inf": 0}
    bad = {"min": "nan", "max": "nan", "mean": "nan", "std": "nan", "nan": 3, "inf": 0}
    x = p.add("leaf", "x", statistics=fine, gradient_norm="nan")
    a = p.add("operation", "−", [x, x], statistics=fine, gradient_norm="nan")
    b = p.add("operation", "log", [a], statistics=bad, gradient_norm=1.0)
    c = p.add("operation", "exp", [b], statistics=bad, gradient_norm=0.0)
    p.add("operation", "sum", [c], shape="()", value="nan", gradient="1", gradient_norm=1.0)
    return p.done()
