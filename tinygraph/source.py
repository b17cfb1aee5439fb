"""Compile generated source, so that tracebacks and `inspect.getsource` can show it."""

import itertools
import linecache
from collections.abc import Callable, Iterable
from typing import Any

_numbers = itertools.count(1)


def compile_source(definition: Iterable[str], names: dict[str, Any]) -> Callable[..., Any]:
    """The function that these lines define, with `names` as its closure.

    As `dataclasses` does it: the definition stands inside a factory whose parameters are the names,
    so that they are as fast as local variables and the function has no globals to change.
    """
    body = list(definition)
    name = body[0].split("(")[0].removeprefix("def ")
    text = "\n".join(
        [
            f"def factory({', '.join(names)}):",
            *(f"    {line}" for line in body),
            f"    return {name}",
        ]
    )
    filename = f"<tinygraph {name} {next(_numbers)}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    scope: dict[str, Any] = {}
    exec(compile(text, filename, "exec"), {"__name__": "tinygraph.generated"}, scope)  # noqa: S102
    function: Callable[..., Any] = scope["factory"](**names)
    return function
