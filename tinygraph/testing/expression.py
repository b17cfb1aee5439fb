"""Expression: a small program of operations, as a value that can be run, printed and handed on."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from ..errors import ArgumentError
from ..tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What carries out an operation: by its name, or a module or a mapping that has the name.
Engine: TypeAlias = ModuleType | Mapping[str, Callable[..., Any]] | Callable[[str], Any] | None


class Ref(NamedTuple):
    """The value at this place of a program: first its inputs, then what its steps return."""

    place: int


@dataclass(frozen=True)
class Step:
    """One operation of a program.

    name: of the operation: `tg.NAME`, "linalg.inv" too, or "getitem" for x[i], "setitem" for
        a copy of x in which x[i] = v, where it has no function of its own.
    args, kwargs: its arguments. A `Ref` among args stands for a value; lists there may hold some.
    function: what computes it, if it is not one of tinygraph's names.
    """

    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    function: Callable[..., Any] | None = None

    def refs(self) -> list[Ref]:
        """The values it takes, each as often as it takes it."""
        return [ref for arg in self.args for ref in _refs(arg)]

    def with_refs(self, new: Mapping[int, Ref]) -> Step:
        """The same step, of the values that stand elsewhere now."""
        args = tuple(_moved(arg, new) for arg in self.args)
        return Step(self.name, args, self.kwargs, self.function)


@dataclass(frozen=True, eq=False, repr=False)
class Expression:
    """A differentiable program: `expression(*inputs)` runs it, `print(expression)` shows its code.

    inputs: the arrays that it was drawn with.
    steps: the operations, in order; the last one returns the result, earlier results may be used
        several times.
    dtype, shape: of the result for these inputs.

    >>> expression(*expression.inputs)  # a tensor
    >>> tg.testing.check_grads(expression, *expression.inputs)
    >>> expression.evaluate(*map(torch.tensor, expression.inputs), engine=torch)
    """

    inputs: tuple[NDArray[Any], ...]
    steps: tuple[Step, ...]

    def __call__(self, *inputs: Any) -> Any:
        """The result for these inputs, arrays or tensors; those it was drawn with if none come."""
        return self.evaluate(*inputs)

    def evaluate(self, *inputs: Any, engine: Engine = None) -> Any:
        """The result, computed by another library: a module, a mapping, or a function of a name.

        An engine of None is tinygraph. "getitem" and "setitem" are asked of an engine too; where it
        does not have them, x[i] is taken, and x is copied by its `copy` or `clone` and assigned to.
        Raises ArgumentError for a wrong number of inputs, or an operation the engine lacks.
        """
        given = inputs or self.inputs
        if len(given) != len(self.inputs):
            raise ArgumentError(
                f"expression: {len(given)} inputs came; it takes {len(self.inputs)}, of shapes "
                f"{', '.join(str(x.shape) for x in self.inputs)}"
            )
        values = [as_tensor(x, "expression") for x in given] if engine is None else list(given)
        for step in self.steps:
            function = resolved(step, engine)
            args = [_filled(arg, values) for arg in step.args]
            values.append(function(*args, **step.kwargs))
        return values[-1]

    @property
    def names(self) -> tuple[str, ...]:
        """The operations it consists of, in order."""
        return tuple(step.name for step in self.steps)

    @property
    def depth(self) -> int:
        """The largest number of operations between an input and the result."""
        levels = [0] * len(self.inputs)
        for step in self.steps:
            levels.append(1 + max((levels[ref.place] for ref in step.refs()), default=0))
        return levels[-1]

    @property
    def code(self) -> str:
        """A program that runs by itself, with the inputs written out; its result is called `y`."""
        words = [f"x{i}" for i in range(len(self.inputs))]
        lines = [f"{name} = tg.Variable({literal(x)})" for name, x in zip(words, self.inputs)]
        imports = {"import numpy as np", "import tinygraph as tg"}
        for i, step in enumerate(self.steps):
            own = "y" if i == len(self.steps) - 1 else f"v{i}"
            lines += _lines(step, own, words)
            imports |= _imports(step)
            words.append(own)
        if not self.steps:
            lines.append(f"y = {words[-1]}")
        return "\n".join([*sorted(imports), "", *lines])

    def __str__(self) -> str:
        return self.code

    def __repr__(self) -> str:
        return self.code

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        # Hypothesis prints a falsifying example through this, at whatever indentation.
        for line in self.code.split("\n"):
            printer.break_()
            printer.text(line)


def resolved(step: Step, engine: Engine = None) -> Callable[..., Any]:
    """What computes a step."""
    if engine is None:
        return step.function or _of_tinygraph(step.name)
    found: Any
    if isinstance(engine, Mapping):
        found = engine.get(step.name)
    elif isinstance(engine, ModuleType):
        found = engine
        for part in step.name.split("."):  # linalg.inv
            found = getattr(found, part, None)
    else:
        found = engine(step.name)
    found = found or INDEXING.get(step.name)
    if found is None:
        raise ArgumentError(f"expression: {engine!r} has no {step.name!r}; give a mapping with it")
    return found  # type: ignore[no-any-return]


def _of_tinygraph(name: str) -> Callable[..., Any]:
    if name in INDEXING:
        return INDEXING[name]
    module = importlib.import_module(__package__.rpartition(".")[0])
    return functools.reduce(getattr, name.split("."), module)  # type: ignore[return-value]


def _getitem(x: Any, index: Any) -> Any:
    return x[index]


def _setitem(x: Any, index: Any, value: Any) -> Any:
    # Of a NumPy scalar an array, as it cannot be assigned to.
    x = x.clone() if hasattr(x, "clone") else np.array(x) if np.isscalar(x) else x.copy()
    x[index] = value
    return x


INDEXING: dict[str, Callable[..., Any]] = {"getitem": _getitem, "setitem": _setitem}


def _filled(arg: Any, values: list[Any]) -> Any:
    if type(arg) is Ref:
        return values[arg.place]
    if type(arg) is list:
        return [_filled(item, values) for item in arg]
    return arg


def _moved(arg: Any, new: Mapping[int, Ref]) -> Any:
    if type(arg) is Ref:
        return new[arg.place]
    return [_moved(item, new) for item in arg] if type(arg) is list else arg


def _refs(arg: Any) -> list[Ref]:
    if type(arg) is Ref:
        return [arg]
    return [ref for item in arg for ref in _refs(item)] if type(arg) is list else []


# As code


def literal(x: Any) -> str:
    """What makes a value, as code, to the last bit."""
    if isinstance(x, Tensor):
        return f"tg.tensor({literal(x.numpy())})"
    if isinstance(x, (np.ndarray, np.generic)):
        dtype = "" if x.dtype in (np.float64, np.int64, np.bool_) else f", np.{x.dtype}"
        if not x.size:
            return f"np.zeros({x.shape}, np.{x.dtype})"
        return f"np.array({_numbers(x.tolist())}{dtype})"
    if isinstance(x, slice):
        return f"slice({x.start}, {x.stop}, {x.step})"
    if isinstance(x, (list, tuple)):
        inside = ", ".join(map(literal, x))
        return f"[{inside}]" if isinstance(x, list) else f"({inside}{',' * (len(x) == 1)})"
    return "..." if x is Ellipsis else repr(x)


def _numbers(x: Any) -> str:
    if isinstance(x, list):
        return f"[{', '.join(map(_numbers, x))}]"
    text = repr(x)
    return text.replace("nan", "np.nan").replace("inf", "np.inf") if "n" in text else text


def _word(arg: Any, words: list[str]) -> str:
    if type(arg) is Ref:
        return words[arg.place]
    if type(arg) is list:
        return f"[{', '.join(_word(item, words) for item in arg)}]"
    return literal(arg)


def _subscript(index: Any) -> str:
    def part(entry: Any) -> str:
        if not isinstance(entry, slice):
            return literal(entry)
        start, stop, step = (
            "" if n is None else str(n) for n in (entry.start, entry.stop, entry.step)
        )
        return f"{start}:{stop}" + (f":{step}" if step else "")

    if not isinstance(index, tuple):
        return part(index)
    return ", ".join(map(part, index)) + "," * (len(index) == 1) if index else "()"


def _lines(step: Step, own: str, words: list[str]) -> list[str]:
    args = [_word(arg, words) for arg in step.args]
    if step.function is None and step.name == "getitem":
        return [f"{own} = {args[0]}[{_subscript(step.args[1])}]"]
    if step.function is None and step.name == "setitem":
        return [f"{own} = tg.copy({args[0]})", f"{own}[{_subscript(step.args[1])}] = {args[2]}"]
    args += [f"{name}={literal(arg)}" for name, arg in step.kwargs.items()]
    called = f"tg.{step.name}" if step.function is None else step.name
    return [f"{own} = {called}({', '.join(args)})"]


def _imports(step: Step) -> set[str]:
    if step.function is None:
        return set()
    module = getattr(step.function, "__module__", None)
    return {f"from {module} import {step.name}"} if module else set()
