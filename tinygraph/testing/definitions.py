"""The text of a function, and what the names in it stand for."""

from __future__ import annotations

import ast
import builtins
import linecache
import sys
import textwrap
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass
class Definition:
    """A function as it stands in its file.

    name    that the lines give it
    lines   its text: a def with its decorators, or an assignment of a lambda
    refers  what it uses that is defined outside, by name
    modules inside packages that it uses: of `scipy.linalg.inv`, scipy.linalg
    """

    name: str
    lines: list[str]
    refers: dict[str, Any]
    modules: list[str]


def definition(function: Any) -> Definition | None:
    """The text of a function, of a declared operation too; None where there is none to be had."""
    primitive = getattr(function, "primitive", None)
    function = primitive.definition if primitive else function
    code = getattr(function, "__code__", None)
    if code is None:
        return None
    lines = linecache.getlines(code.co_filename)
    try:
        tree = ast.parse("".join(lines))
    except SyntaxError:  # of a notebook's magic commands
        return None
    node = next(iter(_found(tree, code)), None)
    # tg.primitive(…)(f) says elsewhere what its rules are.
    if node is None or (primitive and not getattr(node, "decorator_list", ())):
        return None
    if not primitive and not isinstance(node, ast.Lambda):
        node.decorator_list = []  # the function is what they were given, not what they made of it
    functions = [function]
    if primitive:
        functions += [rule.function for rule in (*primitive.rules, *primitive.save_rules.values())]
    refers = _refers(node, functions)
    if refers is None:
        return None
    modules = sorted(set(_submodules(node, refers)))
    if isinstance(node, ast.Lambda):
        text = ast.get_source_segment("".join(lines), node) or ""
        name = "function"
        while name in refers:
            name += "_"
        # In parentheses it may go over several lines.
        return Definition(name, f"{name} = ({text})".splitlines(), refers, modules)
    text = "".join(lines[_first(node) - 1 : node.end_lineno])
    return Definition(node.name, textwrap.dedent(text).splitlines(), refers, modules)


def _first(node: ast.FunctionDef) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _found(tree: ast.AST, code: types.CodeType) -> Iterator[ast.FunctionDef | ast.Lambda]:
    """The nodes that the code may come from."""
    places = {(line, column) for line, _, column, _ in code.co_positions() if line and column}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            if _first(node) == code.co_firstlineno and node.name == code.co_name:
                yield node
        elif isinstance(node, ast.Lambda) and node.lineno == code.co_firstlineno:
            body = node.body
            start, end = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
            if code.co_name == "<lambda>" and all(start <= place <= end for place in places):
                yield node


def _refers(node: ast.AST, functions: list[Any]) -> dict[str, Any] | None:
    """What free names stand for; None if that of one is not to be found."""
    own: set[str] = set()
    used: dict[str, None] = {}
    for part in ast.walk(node):
        match part:
            case ast.Name(id=name, ctx=ast.Load()):
                used[name] = None
            case ast.Name(id=name) | ast.arg(arg=name) | ast.ExceptHandler(name=str(name)):
                own.add(name)
            case ast.FunctionDef(name=name):
                own.add(name)
            case ast.alias(name=name, asname=alias):
                own.add(alias or name)
    # A decorator names rules that are defined beside it, which no closure holds.
    outside = {function.__name__: function for function in functions[1:]}
    for function in functions:
        cells = zip(function.__code__.co_freevars, function.__closure__ or ())
        try:
            outside |= {name: cell.cell_contents for name, cell in cells}
        except ValueError:  # not set yet
            return None
    refers: dict[str, Any] = {}
    for name in used:
        if name in outside:
            refers[name] = outside[name]
        elif name not in own and name in functions[0].__globals__:
            refers[name] = functions[0].__globals__[name]
        elif name not in own and not hasattr(builtins, name):
            return None
    return refers


def _submodules(node: ast.AST, refers: dict[str, Any]) -> Iterator[str]:
    """Modules that are named by a package and a dot, which importing the package need not load."""
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute):
            value = _dotted(part, refers)
            if isinstance(value, types.ModuleType) and value.__name__ in sys.modules:
                yield value.__name__


def _dotted(node: ast.AST, refers: dict[str, Any]) -> Any:
    """What `package.module` stands for, or None."""
    match node:
        case ast.Name(id=name):
            return refers.get(name)
        case ast.Attribute(value=inner, attr=name):
            package = _dotted(inner, refers)
            return getattr(package, name, None) if isinstance(package, types.ModuleType) else None
    return None
