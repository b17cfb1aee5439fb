"""Summary: the modules of a model in a table, with the shapes that come out of them."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

import tinygraph as tg

from .generator import default_generator

if TYPE_CHECKING:
    from .module import Module

Shape: TypeAlias = tuple[int, ...]
Shapes: TypeAlias = int | Sequence[int] | Sequence[Sequence[int]]


@dataclass(frozen=True)
class Row:
    """A module in the table.

    outputs: the shapes of what it returned last; none if it was not called.
    parameters: the elements of its own ones, without those of modules in it.
    shared: the elements of its own ones that a row above counts already.
    """

    path: str
    kind: str
    outputs: tuple[Shape, ...]
    calls: int
    parameters: int
    shared: int


@dataclass(frozen=True, repr=False)
class Summary:
    """What `Module.summary` found; its text is the table.

    parameters, trainable, frozen, buffers: elements, each counted once.
    bytes: of parameters and buffers together.
    """

    rows: tuple[Row, ...]
    inputs: tuple[str, ...]
    parameters: int
    trainable: int
    buffers: int
    bytes: int

    @property
    def frozen(self) -> int:
        """Elements of the parameters that do not require grad."""
        return self.parameters - self.trainable

    def __str__(self) -> str:
        lines = [("module", "type", "output", "parameters", "")]
        for row in self.rows:
            path = "  " * row.path.count(".") + row.path if row.path else "(model)"
            outputs = ", ".join(map(str, row.outputs)) or "not called"
            times = f" × {row.calls}" if row.calls > 1 else ""
            shared = f"and {row.shared:,} shared" if row.shared else ""
            lines.append((path, row.kind, outputs + times, f"{row.parameters:,}", shared))
        a, b, c, d, _ = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = [
            f"{path:{a}}  {kind:{b}}  {output:{c}}  {count:>{d}}  {shared}".rstrip()
            for path, kind, output, count, shared in lines
        ]
        rule = "─" * max(map(len, text))
        total = f"parameters: {self.parameters:,}"
        if self.frozen:
            total += f", of which {self.trainable:,} trainable and {self.frozen:,} frozen"
        if self.buffers:
            total += f"; buffers: {self.buffers:,}"
        head = f"input: {', '.join(self.inputs)}"
        return "\n".join([head, text[0], rule, *text[1:], rule, f"{total}; {self.bytes:,} bytes"])

    __repr__ = __str__


def summary_of(module: Module, given: tuple[Any, ...], dtype: Any, batch: int | None) -> Summary:
    """What `Module.summary` returns."""
    operation = f"{type(module).__name__}.summary"
    inputs = _inputs(operation, given, dtype, batch)
    outputs: dict[int, tuple[Shape, ...]] = {}
    calls: dict[int, int] = {}
    paths = {id(part): path for path, part in module.named_modules()}
    running: list[tuple[Module, tuple[Any, ...]]] = []

    def begin(part: Module, args: tuple[Any, ...]) -> None:
        running.append((part, args))

    def end(part: Module, args: tuple[Any, ...], output: Any) -> None:
        running.pop()
        outputs[id(part)] = tuple(_shapes(output))
        calls[id(part)] = calls.get(id(part), 0) + 1

    with ExitStack() as stack:
        stack.enter_context(_unchanged(module))
        stack.enter_context(tg.no_grad())
        for part in module.modules():
            part.training = False
            stack.enter_context(part.register_forward_pre_hook(begin))
            stack.enter_context(part.register_forward_hook(end))
        try:
            module(*inputs)
        except Exception as error:
            if running:
                part, args = running[-1]
                shapes = ", ".join(map(str, _shapes(args))) or "none"
                where = f"{paths[id(part)]!r}, " if paths[id(part)] else ""
                error.add_note(f"{operation}: in {where}{part!r}, given input of shape {shapes}")
            if batch is not None:
                error.add_note(
                    f"The shape for {operation} is that of a single example; the axis of "
                    f"{batch} in front is added to it"
                )
            raise
    rows = tuple(_rows(module, outputs, calls))
    parameters = list(module.parameters())
    buffers = [buffer for _, buffer in module.named_buffers()]
    return Summary(
        rows,
        tuple(f"{x.shape} {x.dtype}" for x in inputs),
        sum(p.size for p in parameters),
        sum(p.size for p in parameters if p.requires_grad),
        sum(b.size for b in buffers),
        sum(p.numpy().nbytes for p in parameters) + sum(b.nbytes for b in buffers),
    )


def _rows(module: Module, outputs: Any, calls: Any) -> Iterator[Row]:
    counted: set[tg.Tensor] = set()
    for path, part in module.named_modules():
        own = {entry for _, entry in part._entries() if isinstance(entry, tg.Tensor)}
        new = own - counted
        counted |= own
        parameters, every = (sum(p.size for p in some) for some in (new, own))
        key, kind = id(part), type(part).__name__
        yield Row(
            path, kind, outputs.get(key, ()), calls.get(key, 0), parameters, every - parameters
        )


@contextmanager
def _unchanged(module: Module) -> Iterator[None]:
    """Leave attributes, buffers and generators of all modules as they are at the beginning."""
    attributes = [(vars(part), dict(vars(part))) for part in module.modules()]
    buffers = [(buffer, buffer.copy()) for _, buffer in module.named_buffers()]
    generators = [default_generator(), *(found for _, found in module.named_generators())]
    states = [generator.bit_generator.state for generator in generators]
    try:
        yield
    finally:
        for now, before in attributes:
            now.clear()
            now.update(before)
        for buffer, content in buffers:
            buffer[...] = content
        for generator, state in zip(generators, states, strict=True):
            generator.bit_generator.state = state


def _inputs(operation: str, given: tuple[Any, ...], dtype: Any, batch: Any) -> list[Any]:
    """Zeros for each input."""
    if len(given) == 1 and isinstance(given[0], (list, tuple)):
        inside = given[0]
        if inside and all(isinstance(shape, (list, tuple)) for shape in inside):
            given = tuple(inside)
    if not given:
        raise tg.ArgumentError(f"{operation}: it needs the shape of an example, such as (784,)")
    first = () if batch is None else _sizes(operation, "batch", batch)
    shapes = [first + _sizes(operation, "input_shape", shape) for shape in given]
    dtypes = list(dtype) if isinstance(dtype, (list, tuple)) else [dtype] * len(shapes)
    if len(dtypes) != len(shapes):
        raise tg.ArgumentError(
            f"{operation}: {len(dtypes)} dtypes for {len(shapes)} inputs; give one, or as many"
        )
    return [np.zeros(shape, kind) for shape, kind in zip(shapes, dtypes, strict=True)]


def _sizes(operation: str, name: str, given: Any) -> Shape:
    try:
        shape = given if isinstance(given, (list, tuple)) else (given,)
        sizes = tuple(operator.index(size) for size in shape)
    except TypeError:
        sizes = (-1,)
    if min(sizes, default=0) < 0 or (name == "batch" and (len(sizes) != 1 or not sizes[0])):
        came = f"an array of shape {given.shape}" if hasattr(given, "shape") else repr(given)
        needed = (
            "a positive integer, or None"
            if name == "batch"
            else "the sizes of the axes of a single example, such as (784,): without the batch's"
        )
        raise tg.ArgumentError(f"{operation}: {name} is {came}; it needs {needed}")
    return sizes


def _shapes(x: Any) -> Iterator[Shape]:
    """Those of the tensors and arrays in what a module takes or returns."""
    if isinstance(x, (tg.Tensor, np.ndarray, np.generic)):
        yield x.shape
    elif isinstance(x, (list, tuple)):
        for item in x:
            yield from _shapes(item)
    elif isinstance(x, dict):
        yield from _shapes(list(x.values()))
