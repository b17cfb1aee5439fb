"""Wrong versions of a function, by changing one place of its source at a time."""

from __future__ import annotations

import ast
import copy
import functools
import inspect
import itertools
import warnings
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any, NamedTuple

# What turns an array around, or into its conjugate: left out, it is a mistake of its own.
TURNS = {"conj", "conjugate", "transpose", "swapaxes", "moveaxis", "flip", "roll"}


class Rewrite(NamedTuple):
    """A wrong version: of which kind, what was changed, and what makes it."""

    kind: str
    words: str
    make: Callable[[], FunctionType]


def rewrites(function: Callable[..., Any]) -> Iterator[Rewrite]:
    """All wrong versions; none where there is no source to be found."""
    node = source(function) if type(function) is FunctionType else None
    if node is None:
        return
    for place, inner in enumerate(walked(node)):
        for kind, better in replacements(inner):
            words = f"line {inner.lineno}: {ast.unparse(inner)} → {ast.unparse(better)}"
            yield Rewrite(kind, words, functools.partial(_made, function, node, place, better))


def _made(function: Any, node: Any, place: int, better: ast.expr) -> FunctionType:
    """The function with one of its expressions exchanged."""
    changed = copy.deepcopy(node)
    target = next(itertools.islice(walked(changed), place, None))
    return rebuilt(function, _Exchange(target, copy.deepcopy(better)).visit(changed))


def walked(node: ast.AST) -> Iterator[Any]:
    """Expressions that compute; not what chooses between branches, nor defaults or annotations."""
    if isinstance(node, (ast.Lambda, ast.FunctionDef)):
        for part in node.body if isinstance(node, ast.FunctionDef) else [node.body]:
            yield from walked(part)
        return
    if isinstance(node, ast.expr):
        yield node
    for name, part in ast.iter_fields(node):
        if name == "test" and isinstance(node, (ast.If, ast.IfExp, ast.Assert, ast.While)):
            continue
        if name in ("annotation", "slice"):
            continue
        for child in part if isinstance(part, list) else [part]:
            if isinstance(child, ast.AST) and not isinstance(child, ast.Raise):
                yield from walked(child)


def replacements(node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """What could stand in its place by mistake, and what kind of mistake it is."""
    match node:
        case ast.BinOp(left, ast.Add(), right):
            yield "term dropped", left
            yield "term dropped", right
            yield "sign of a term", ast.BinOp(left, ast.Sub(), right)
        case ast.BinOp(left, ast.Sub(), right):
            yield "term dropped", left
            yield "sign of a term", ast.BinOp(left, ast.Add(), right)
        case ast.BinOp(left, ast.Mult(), right):
            yield "factor dropped", left
            yield "factor dropped", right
        case ast.BinOp(left, ast.Div(), right):
            yield "factor dropped", left
            yield "factor turned over", ast.BinOp(left, ast.Mult(), right)
        case ast.BinOp(left, ast.MatMult(), right):
            yield "operands swapped", ast.BinOp(right, ast.MatMult(), left)
        case ast.BinOp(left, ast.Pow(), right):
            yield "factor dropped", left
        case ast.UnaryOp(ast.USub(), operand):
            yield "sign of a term", operand
        case ast.Compare(left, [ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE()] as ops, others):
            other = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
            yield "off at ties", ast.Compare(left, [other[type(ops[0])]()], others)
        case ast.Call(ast.Attribute(_, "where"), [_, chosen, other], []):
            yield "guard dropped", chosen
            yield "guard dropped", other
        case ast.Call(ast.Attribute(ast.Name("np"), name), [array, *_]) if name in TURNS:
            yield "transpose", array
        case ast.Call(ast.Attribute(array, name)) if name in TURNS:
            yield "transpose", array
        case ast.Attribute(array, "T" | "mT"):
            yield "transpose", array
    if isinstance(node, ast.Call):
        for k, word in enumerate(node.keywords):
            if word.arg in ("axis", "keepdims", "where"):
                rest = [*node.keywords[:k], *node.keywords[k + 1 :]]
                yield f"{word.arg} forgotten", ast.Call(node.func, node.args, rest)


class _Exchange(ast.NodeTransformer):
    """Puts one node in another's place."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        if node is self.old:
            return ast.copy_location(self.new, node)
        return self.generic_visit(node)


def source(function: FunctionType) -> ast.Lambda | ast.FunctionDef | None:
    """Where it stands in its file: of several on one line the one that compiles to its code."""
    found = [
        node
        for node in _functions_of(inspect.getfile(function))
        if node.lineno == function.__code__.co_firstlineno
        and [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        == inspect.getargs(function.__code__).args
    ]
    if len(found) > 1:
        found = [n for n in found if _same(rebuilt(function, n).__code__, function.__code__)]
    return found[0] if found else None


def _same(a: CodeType, b: CodeType) -> bool:
    return (a.co_code, a.co_consts, a.co_names) == (b.co_code, b.co_consts, b.co_names)


@functools.cache
def _functions_of(path: str) -> list[Any]:
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    return [n for n in ast.walk(tree) if isinstance(n, (ast.Lambda, ast.FunctionDef))]


def rebuilt(function: FunctionType, node: ast.Lambda | ast.FunctionDef) -> FunctionType:
    """A function of this source, with the globals and the closure of the other."""
    body = node.body if isinstance(node, ast.FunctionDef) else [ast.Return(node.body)]
    inner = ast.FunctionDef("_wrong", _bare(node.args), body, [])
    free = function.__code__.co_freevars
    given: list[ast.stmt] = [ast.parse(f"{name} = None").body[0] for name in free]
    outer: Any = ast.parse("def _around(): pass").body[0]
    outer.body = [*given, inner]
    module = ast.fix_missing_locations(ast.Module([outer], []))
    with warnings.catch_warnings(action="ignore", category=SyntaxWarning):
        around = compile(module, function.__code__.co_filename, "exec").co_consts[0]
    code = next(c for c in around.co_consts if isinstance(c, CodeType))
    cells = dict(zip(free, function.__closure__ or (), strict=True))
    closure = tuple(cells[name] for name in code.co_freevars)
    wrong = FunctionType(code, function.__globals__, "_wrong", function.__defaults__, closure)
    wrong.__kwdefaults__ = function.__kwdefaults__
    return wrong


def _bare(arguments: ast.arguments) -> ast.arguments:
    """Without annotations and defaults: those of the original are taken over."""
    bare = copy.deepcopy(arguments)
    bare.defaults, bare.kw_defaults = [], [None] * len(bare.kwonlyargs)
    for a in (*bare.posonlyargs, *bare.args, *bare.kwonlyargs):
        a.annotation = None
    return bare
