"""Compile generated source, so that tracebacks and `inspect.getsource` can show it."""

from __future__ import annotations

import itertools
import linecache
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any, TypeAlias

# The lines of a definition, and what its names stand for.
Generated: TypeAlias = tuple[Iterable[str], dict[str, Any]]

_numbers = itertools.count(1)


def compiled(definition: Iterable[str], names: dict[str, Any]) -> FunctionType:
    """The function that these lines define, with `names` for its globals."""
    text = "\n".join(definition)
    name = text.partition("(")[0].removeprefix("def ")
    filename = f"<tinygraph {name} {next(_numbers)}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    names["__name__"] = "tinygraph.generated"
    exec(compile(text, filename, "exec"), names)  # noqa: S102 - the source is our own template
    function: FunctionType = names.pop(name)
    return function


def compiled_on_first_use(generate: Callable[[], Generated]) -> FunctionType:
    """A function that becomes, at its first call, what `generate` returns the source of.

    It stays the same object, so that it can be handed out before; importing tinygraph then does
    not wait for the compiler.
    """
    names: dict[str, Any] = {}
    function = FunctionType(_first_call.__code__, names)

    def become() -> None:
        definition, found = generate()
        names.update(found)
        made = compiled(definition, names)
        function.__defaults__, function.__kwdefaults__ = made.__defaults__, made.__kwdefaults__
        function.__code__ = made.__code__

    names["_become"], names["_itself"] = become, function
    return function


def _first_call(*args: Any, **keywords: Any) -> Any:
    # Compiled at its first call: this stands in for the generated function until then.
    _become()  # type: ignore[name-defined]  # noqa: F821
    return _itself(*args, **keywords)  # type: ignore[name-defined]  # noqa: F821
