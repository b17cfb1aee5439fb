"""A call written down as a program that makes it again."""

from __future__ import annotations

import base64
import functools
import pickle
import sys
import textwrap
import types
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import TinygraphError
from ..tensor import Tensor
from .definitions import definition

WRITTEN_OUT = 200  # so many numbers are written as such, more of them packed
WIDTH = 96


class Unwritable(Exception):
    """Something that no program text stands for."""


def program(
    what: str,
    operation: str,
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    settings: Mapping[str, Any],
    names: Sequence[str],
) -> str:
    """The text of a program that calls tg.testing.operation(function, *args, …) again.

    what: what it shows, for its docstring.  names: what to call the arguments.
    Raises Unwritable, with the reason, where something cannot be written down.
    """
    # Leaves that a function uses and that are parameters, too, must be the same ones.
    writer = Writer(whole=settings.get("parameters") is not None)
    called = writer.function(function)
    words = []
    for name, value in zip(names, args, strict=True):
        words.append(writer.named(name, value))
    if kwargs:
        words.append(f"kwargs={writer.expression(dict(kwargs))}")
    words += [f"{name}={writer.expression(value)}" for name, value in settings.items()]
    call = f"tg.testing.{operation}({', '.join([called, *words])})"
    return "\n".join([f'"""{what}"""', "", *writer.heading(), *writer.lines, call, ""])


class Writer:
    """Writes values as expressions, and what these need as lines before them.

    whole: functions are written out rather than imported, where their text is at hand.
    """

    def __init__(self, *, whole: bool = False) -> None:
        self.whole = whole
        self.imports = {"import numpy as np": None, "import tinygraph as tg": None}
        self.folders: dict[str, None] = {}
        self.lines: list[str] = []
        self.known: dict[int, str] = {}  # objects that have a name already
        self.kept: list[Any] = []  # so that no other object gets the id of one of these
        self.taken = {"np", "tg"}
        self.open: dict[int, bool] = {}  # functions being written: whether one in between uses them

    def heading(self) -> list[str]:
        """The imports."""
        if self.folders:
            self.imports["import sys"] = None
        paths = [f"sys.path.insert(0, {folder!r})" for folder in self.folders]
        plain = sorted(line for line in self.imports if line.startswith("import "))
        rest = sorted(line for line in self.imports if not line.startswith("import "))
        return [*plain, *([""] if paths else []), *paths, *rest, ""]

    def named(self, name: str, value: Any) -> str:
        """A value under a name of its own, if it has none; the name."""
        if known := self._known(value):
            return known
        text = self.expression(value)
        if isinstance(value, (int, str, type(None))) or text.isidentifier():
            return text
        name = self._free(name if name.isidentifier() else "argument")
        self.lines.append(f"{name} = {text}")
        self._know(value, name)
        return name

    def _free(self, name: str) -> str:
        """The name, or one like it that is not taken."""
        found, i = name, 2
        while found in self.taken:
            found, i = f"{name}{i}", i + 1
        self.taken.add(found)
        return found

    def _known(self, value: Any) -> str | None:
        """The name that it has already."""
        if id(value) in self.open:
            self.open[id(value)] = True
        return self.known.get(id(value))

    def _know(self, value: Any, name: str) -> None:
        self.known[id(value)] = name
        self.kept.append(value)

    def expression(self, value: Any) -> str:
        """A value as an expression."""
        if known := self._known(value):
            return known
        if value is None or value is Ellipsis or type(value) in (bool, int, str, bytes):
            return repr(value)
        if type(value) in (float, complex):
            return repr(value) if np.isfinite(value) else f"{type(value).__name__}({str(value)!r})"
        if type(value) is Tensor:
            return self._tensor(value)
        if isinstance(value, np.generic):
            return f"np.{value.dtype.type.__name__}({value.item()!r})"
        if type(value) is np.ndarray and value.dtype.kind in "biufc":
            return self._array(value)
        if isinstance(value, np.dtype):
            return f"np.dtype({value.str!r})"
        if type(value) in (list, tuple):
            inner = ", ".join(map(self.expression, value))
            if type(value) is list:
                return f"[{inner}]"
            return f"({inner}{',' if len(value) == 1 else ''})"
        if type(value) is dict:
            pairs = [f"{self.expression(k)}: {self.expression(v)}" for k, v in value.items()]
            return f"{{{', '.join(pairs)}}}"
        if isinstance(value, slice):
            return f"slice({value.start!r}, {value.stop!r}, {value.step!r})"
        return self.function(value) if callable(value) else self._pickled(value)

    def _tensor(self, t: Tensor) -> str:
        if not t.is_leaf and t.node is not None:
            raise Unwritable(f"{t.described()} was computed elsewhere")
        maker = "tg.tensor" if t.node is None else "tg.Variable"
        name = f", name={t.name!r}" if t.name else ""
        return f"{maker}({self._array(np.asarray(t.value))}{name})"

    def _array(self, x: Any) -> str:
        dtype = f"np.{x.dtype.name}" if x.dtype.kind != "b" else "bool"
        plain = x.dtype.itemsize <= 16 and np.isfinite(x).all()
        if x.size <= WRITTEN_OUT and plain:
            return f"np.array({x.tolist()!r}, dtype={dtype})"
        packed = self._packed(np.ascontiguousarray(x).tobytes())
        return f"np.frombuffer({packed}, dtype={x.dtype.str!r}).reshape({x.shape!r})"

    def _packed(self, data: bytes) -> str:
        """Bytes, as text that brings them back."""
        self.imports |= {"import base64": None, "import zlib": None}
        text = base64.b85encode(zlib.compress(data)).decode()
        name = self._free("packed")
        self.lines.append(f"{name} = (")
        self.lines += [f"    {piece!r}" for piece in textwrap.wrap(text, WIDTH)]
        self.lines.append(")")
        return f"zlib.decompress(base64.b85decode({name}))"

    def _pickled(self, value: Any) -> str:
        """An object of a class that the program can import."""
        kind = type(value)
        if kind.__module__ == "__main__" or "<locals>" in kind.__qualname__:
            raise Unwritable(f"{kind.__qualname__} is a class that no other program can import")
        self._reach(kind.__module__)
        try:
            data = pickle.dumps(value)
        except (pickle.PicklingError, TypeError, AttributeError, TinygraphError) as error:
            raise Unwritable(f"a {kind.__name__} cannot be pickled: {error}") from error
        self.imports["import pickle"] = None
        return f"pickle.loads({self._packed(data)})"

    def function(self, function: Callable[..., Any]) -> str:
        """A function, imported or written out."""
        if known := self._known(function):
            return known
        if isinstance(function, functools.partial):
            self.imports["import functools"] = None
            parts = [self.function(function.func), *map(self.expression, function.args)]
            parts += [f"{k}={self.expression(v)}" for k, v in function.keywords.items()]
            return f"functools.partial({', '.join(parts)})"
        if isinstance(function, types.MethodType):
            return f"{self.named('owner', function.__self__)}.{function.__name__}"
        called = getattr(function, "__name__", "")
        for prefix, module in (("np", np), ("tg", sys.modules["tinygraph"])):
            if called and getattr(module, called, None) is function:
                return f"{prefix}.{called}"
        if not isinstance(function, (types.FunctionType, type)):
            own = self._free("function")
            self.lines.append(f"{own} = {self._pickled(function)}")
            self._know(function, own)
            return own
        written = self.whole and not hasattr(function, "primitive") and definition(function)
        name = self._written(function) if written else self._imported(function)
        name = name or self._written(function)
        self._know(function, name)
        return name

    def _imported(self, value: Any) -> str | None:
        """The name under which it is imported, or None."""
        module = getattr(value, "__module__", None)
        if module in (None, "__main__") or module not in sys.modules:
            return None
        public = vars(sys.modules[module])
        name = getattr(value, "__qualname__", "")
        if public.get(name) is not value:
            name = next((n for n, other in public.items() if other is value), "")
        if not name:
            return None
        self._reach(module)
        own = self._free(name)
        self.imports[f"from {module} import {name}{'' if own == name else f' as {own}'}"] = None
        return own

    def _reach(self, module: str) -> None:
        """Let the program find a module that is not installed."""
        file = getattr(sys.modules.get(module), "__file__", None)
        found = module.partition(".")[0] in {"tinygraph", *sys.stdlib_module_names}
        if file and not found and "site-packages" not in file:
            up = module.count(".") + (Path(file).name == "__init__.py")
            self.folders[str(Path(file).resolve().parents[up])] = None

    def _written(self, function: Any) -> str:
        """A function of its own text, after what that refers to."""
        found = definition(function)
        if found is None:
            raise Unwritable(
                f"the text of {getattr(function, '__name__', 'the function')}, or of something "
                "that it uses, is not to be found"
            )
        self.taken.add(found.name)
        # Known from here on, as a rule may call the operation that it belongs to.
        self._know(function, found.name)
        self.open[id(function)] = False
        place = len(self.lines)
        for name, value in found.refers.items():
            if isinstance(value, types.ModuleType):
                module = value.__name__
                self.imports[f"import {module}" + ("" if module == name else f" as {name}")] = None
                self._reach(module)
                self.taken.add(name)
            elif (text := self.named(name, value)) != name:
                self.lines.append(f"{name} = {text}")
        self.imports |= dict.fromkeys(f"import {module}" for module in found.modules)
        # Of functions that use each other the one without decorators can stand first.
        first = self.open.pop(id(function)) and not hasattr(function, "primitive")
        place = place if first else len(self.lines)
        self.lines[place:place] = [*found.lines, ""]
        return found.name
