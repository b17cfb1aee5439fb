"""Compile generated source, so that tracebacks and `inspect.getsource` can show it."""

from __future__ import annotations

import itertools
import linecache
import threading
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any, TypeAlias

# The lines of a definition, and what its names stand for.
Generated: TypeAlias = tuple[Iterable[str], dict[str, Any]]

_numbers = itertools.count(1)
# Held while a function is given other code, so that two threads do not do so at once.
_changing = threading.RLock()


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
        with _changing:
            definition, found = generate()
            names.update(found)
            _take_on(names["_itself"], compiled(definition, names))

    names["_become"], names["_itself"] = become, function
    return function


def divert(function: FunctionType, detour: Callable[..., Any], **found: Any) -> None:
    """Let a function that `compiled_on_first_use` made run the code of `detour` instead.

    The detour finds what the function did before under the name `_itself`, and `found` by name.
    """
    names = function.__globals__
    with _changing:
        # That of the last time will do, unless the function was compiled since.
        itself = names.get("_as_it_was")
        if itself is None or itself.__code__ is not function.__code__:
            itself = FunctionType(function.__code__, names, function.__name__)
            _take_on(itself, function)
            names |= found | {"_as_it_was": itself}
        names["_itself"] = itself
        function.__code__ = detour.__code__


def restore(function: FunctionType) -> None:
    """Let a diverted function do again what it did before."""
    names = function.__globals__
    with _changing:
        _take_on(function, names["_itself"])
        names["_itself"] = function  # last: other threads may be on the detour


def _take_on(function: FunctionType, other: FunctionType) -> None:
    """Let a function do what another one does."""
    function.__defaults__, function.__kwdefaults__ = other.__defaults__, other.__kwdefaults__
    function.__code__ = other.__code__


def _first_call(*args: Any, **keywords: Any) -> Any:
    # Compiled at its first call: this stands in for the generated function until then.
    _become()  # type: ignore[name-defined]  # noqa: F821
    return _itself(*args, **keywords)  # type: ignore[name-defined]  # noqa: F821
