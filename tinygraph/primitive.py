"""Primitive: the one record of an operation, and the two decorators that declare it.

    @elementwise(np.exp, x=lambda ct, y: ct * y)
    def exp(x):
        '''e to the power x.'''

    @primitive(numpy=np.sum, x=lambda ct, shape, axis, keepdims: ...)
    def sum(x, axis=None, *, keepdims=False):
        '''Sum over the axes.'''
        return x.sum(axis, keepdims=keepdims)

A keyword names an operand and gives its gradient rule: a function from the cotangent `ct` of the
result to the cotangent of that operand. What else the rule needs, it asks for by the names of its
parameters:

    ct       cotangent of the output (several outputs: a tuple of them)
    y        the output
    operands and static arguments, by their own names (they win over `y`, `shape`, …)
    shape, dtype   of the operand the rule is for; `a_shape` of the operand a, None if untracked
    a_out    an array for the cotangent of the operand a, to be returned with it in, or None:
             where a is a leaf whose gradient has a place, a product is written straight there
    shapes   of all items of a sequence operand
    needs    in a joint rule: which cotangents are wanted, a tuple of bools;
             in a sequence rule: the positions of the wanted ones
    anything named in `saves`

Only what the rules in use ask for is kept until backward. Rules are plain NumPy: backward runs them
on arrays; `create_graph=True` runs the same rules on tensors, and so differentiates them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, Protocol, TypeAlias, TypeVar

import numpy as np

from .errors import DeclarationError
from .pullback import Pullback, Rule
from .registry import NUMPY, REGISTRY
from .reuse import keeps_dtype
from .template import compile_forward
from .tensor import Tensor

# What an operation takes: a Tensor, an array, a number, a nested list of numbers.
Operand: TypeAlias = Any
P = ParamSpec("P")
Function = TypeVar("Function", bound=Callable[..., Any])
GradientRule: TypeAlias = Callable[..., Any] | None
Cost: TypeAlias = Callable[..., int] | int | None


class Declaration(Protocol):
    """A decorator that makes an operation on tensors of a function on arrays."""

    def __call__(self, definition: Callable[P, Any], /) -> Callable[P, Tensor]:
        """The operation."""


class Primitive:
    """All there is to know of one operation. See the module's docstring."""

    def __init__(
        self,
        definition: Callable[..., Any],
        implementation: Callable[..., Any],
        rules: Mapping[str, GradientRule],
        *,
        joint: tuple[tuple[str, ...], Callable[..., Any]] | None = None,
        saves: Mapping[str, Callable[..., Any]] | None = None,
        sequence: str | None = None,
        several: bool = False,
        broadcasts: bool = False,
        weak: bool = False,
        elementwise: bool = False,
        selects: bool = False,
        ufunc: Any = None,
        label: str | None = None,
        symbol: str | None = None,
        domain: Mapping[str, tuple[float, float]] | None = None,
        samples: tuple[Sample, ...] = (),
        explain: Callable[..., str | None] | None = None,
        flops: Cost = None,
        name: str | None = None,
    ) -> None:
        if not callable(definition):
            raise DeclarationError(
                f"{name or 'declared'}: {type(definition).__name__} came where the function stands "
                "that computes it; @tg.primitive(…) and @tg.elementwise(…), with parentheses, are "
                "written above a def"
            )
        # A partial function and the like have no name of their own.
        called = getattr(definition, "__name__", type(definition).__name__)
        self.name = name or called
        self.identifier = called if called.isidentifier() else "operation"  # <lambda> is none
        self.module: str = getattr(definition, "__module__", None) or "unknown"
        self.definition = definition
        self.implementation = implementation
        self.label = label or symbol or self.name
        self.symbol = symbol
        self.ufunc = ufunc
        self.keeps_dtype = isinstance(ufunc, np.ufunc) and keeps_dtype(ufunc)
        # Of an elementwise operation here, tests have seen that its rules return what they should.
        self.trusted = bool(ufunc) and self.module.startswith("tinygraph.ops.")
        self.elementwise = elementwise
        self.broadcasts = broadcasts or elementwise
        self.weak = weak or elementwise
        self.selects = selects
        self.several = several
        self.saves = dict(saves or {})
        self.domain = dict(domain or {})
        self.samples = samples
        self.explain = explain

        self.function: Callable[..., Any] = definition  # until there is the one on tensors

        self.signature = inspect.signature(definition)
        parameters = self.signature.parameters
        served = dict.fromkeys([*rules, *(joint[0] if joint else ())])
        self._check_names(served)
        variadic = [n for n, p in parameters.items() if p.kind is p.VAR_POSITIONAL and n in rules]
        self.sequence = sequence or (variadic[0] if variadic else None)
        self.operands = tuple(n for n in parameters if n in served)
        self.static = tuple(n for n in parameters if n not in served)
        self.differentiable = tuple(n for n in self.operands if rules.get(n, joint) is not None)
        if self.sequence and self.differentiable != (self.sequence,):
            raise DeclarationError(
                f"{self.name}: the sequence {self.sequence!r} must be its only differentiable "
                f"operand, not one of {self.differentiable}"
            )
        self.shapes = {f"{x}_shape": x for x in self.differentiable if x != self.sequence}
        self.rooms = {f"{x}_out": x for x in self.differentiable if x != self.sequence}
        special = ("ct", "y", "shape", "dtype", "shapes", "needs")
        known = {*special, *self.shapes, *self.rooms, *parameters, *self.saves}
        self.rules = [
            Rule(self, (n,), rule, known) for n, rule in rules.items() if rule is not None
        ]
        if joint:
            self.rules.append(Rule(self, joint[0], joint[1], known, joint=True))
        self.save_rules = {n: Rule(self, (), f, known) for n, f in self.saves.items()}
        self.flops = Rule.cost(self, flops) if callable(flops) else flops
        self._pullbacks: dict[tuple[str, ...], Pullback] = {}

    def placed(self, values: dict[str, Any]) -> inspect.BoundArguments:
        """Values by the names of parameters as the arguments of a call; no other names count."""
        return inspect.BoundArguments(self.signature, values)

    def _check_names(self, served: Iterable[str]) -> None:
        """Raise DeclarationError for names that are taken, or that nothing here has."""
        parameters = self.signature.parameters
        for name, p in parameters.items():
            if name.startswith("_") or name == "ct" or p.kind is p.VAR_KEYWORD:
                raise DeclarationError(
                    f"{self.name}: a parameter cannot be called {p}; names that begin with an "
                    "underscore and `ct` are the engine's, and keywords need to be written out"
                )
        for name in self.saves:
            if name in parameters or name in ("ct", "y"):
                raise DeclarationError(f"{self.name}: saves={name!r} is taken; choose another name")
        for name in served:
            if name not in parameters:
                raise DeclarationError(
                    f"{self.name}: a gradient rule for {name!r}, but the operation takes "
                    f"({', '.join(parameters)}); name one of these"
                )

    def rules_for(self, tracked: tuple[str, ...]) -> list[Rule]:
        """The rules for a choice of operands: a joint rule if all that it serves are in it."""
        rules = [rule for rule in self.rules if not {*rule.serves}.isdisjoint(tracked)]
        single = {x for rule in rules if not rule.joint for x in rule.serves}
        joint = [r for r in rules if r.joint and ({*r.serves} <= {*tracked} or not single)]
        served = {x for rule in joint for x in rule.serves}
        return joint + [r for r in rules if not r.joint and served.isdisjoint(r.serves)]

    def pullback(self, *tracked: str) -> Pullback:
        """The way back to these operands."""
        if tracked not in self._pullbacks:
            self._pullbacks[tracked] = Pullback(self, tracked)
        return self._pullbacks[tracked]

    def local(self, name: str) -> str:
        """What generated code calls what a rule asks for by this name."""
        special = name in ("y", "shapes") and name not in self.signature.parameters
        return f"_{name}" if special else name

    def __repr__(self) -> str:
        return f"<Primitive {self.name}>"


class Sample:
    """Example arguments of an operation, for its tests: `sample((2, 3), axis=0)`.

    The shape stands for a random array of that shape in place of a differentiable operand (a list
    of shapes for a sequence); every other argument is taken as it is.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args, self.kwargs = args, kwargs

    def __repr__(self) -> str:
        words = [*map(repr, self.args), *(f"{k}={v!r}" for k, v in self.kwargs.items())]
        return ", ".join(words)


sample = Sample


def declare(record: Primitive, numpy: Any) -> Callable[..., Any]:
    """Generate the public function of a primitive and enter both in the registry."""
    function = record.function = compile_forward(record)
    module, name = record.module, function.__name__
    if module.startswith("tinygraph.") and name in REGISTRY:
        raise DeclarationError(f"{name}: {REGISTRY[name].definition.__module__} declares it too")
    # A user's operation may share a name with ours, and be declared again in a notebook.
    REGISTRY[name if module.startswith("tinygraph.") else f"{module}.{name}"] = record
    register(function, numpy)
    return function


def register(function: Callable[..., Any], numpy: Any) -> None:
    """Let NumPy's function, or each of a list of them, reach ours through NumPy's protocols."""
    for target in numpy if isinstance(numpy, list) else [numpy]:
        if target is not None:
            NUMPY[target] = function


def elementwise(
    ufunc: Callable[..., Any] | None = None,
    *,
    label: str | None = None,
    symbol: str | None = None,
    domain: Mapping[str, tuple[float, float]] | None = None,
    numpy: Any = None,
    joint: tuple[tuple[str, ...], Callable[..., Any]] | None = None,
    **rules: GradientRule,
) -> Declaration:
    """Declare an operation that works element by element and broadcasts its operands.

    ufunc: what computes it; without one, the decorated function's body does.
    label: what stands on the picture; symbol: an operator that is faster than `ufunc`.
    domain: for an operand, the open interval where it is differentiable.
    numpy: further NumPy functions that this one stands for.
    joint: (operand names, rule) where one rule returns all their cotangents with less work than
        each has alone; it serves where all of them are tracked, and `rules` else.
    rules: for each operand its gradient rule; None where it has no derivative.

    Rules need not undo broadcasting: the engine sums a cotangent over the axes that were added.

    >>> @tg.elementwise(x=lambda ct, x: ct * (1 - np.tanh(x) ** 2))
    ... def my_tanh(x):
    ...     '''tanh x.'''
    ...     return np.tanh(x)

    Raises DeclarationError if a rule asks for a name that the operation does not know.
    """

    def decorate(definition: Callable[P, Any], /) -> Callable[P, Tensor]:
        record = Primitive(
            definition,
            ufunc or definition,
            rules,
            joint=joint,
            elementwise=True,
            ufunc=ufunc,
            label=label,
            symbol=symbol,
            domain=domain,
        )
        extra = numpy if isinstance(numpy, list) else [numpy]
        return declare(record, [ufunc, *extra])

    return decorate


def primitive(
    undeclared: Any = None,
    /,
    *,
    numpy: Any = None,
    label: str | None = None,
    joint: tuple[tuple[str, ...], Callable[..., Any]] | None = None,
    saves: Mapping[str, Callable[..., Any]] | None = None,
    sequence: str | None = None,
    several: bool = False,
    broadcasts: bool = False,
    weak: bool = False,
    elementwise: bool = False,
    selects: bool = False,
    domain: Mapping[str, tuple[float, float]] | None = None,
    samples: tuple[Sample, ...] = (),
    explain: Callable[..., str | None] | None = None,
    flops: Cost = None,
    name: str | None = None,
    **rules: GradientRule,
) -> Declaration:
    """Declare any operation. The decorated function computes it, on arrays.

    numpy: the NumPy function it stands for, or a list; (ufunc, "reduce") for a ufunc's method.
    joint: (operand names, rule) where one rule returns all their cotangents, in that order. Where
        they have `rules` of their own too, those serve unless all are tracked.
    saves: extra values that rules ask for. The function then returns (y, *values), and for each
        name here stands the function that computes it again from operands and static arguments,
        by their names, when rules are themselves differentiated.
    sequence: the operand that is a list of arrays; its rule returns a list of cotangents.
        (A `*arrays` parameter with a rule is one without saying.)
    several: the function returns a tuple of outputs; `ct` and `y` are tuples too.
    broadcasts: the engine sums cotangents over broadcast axes, as for `elementwise`.
    weak: Python numbers reach the function as they are, so that float32 stays float32.
    elementwise: each element of the result comes of the elements at its place alone; implies
        broadcasts and weak.
    selects: elements of its operands that were not chosen get a cotangent of 0, and what they were
        computed from gets no NaN because of them.
    domain: for an operand, the open interval where it is differentiable.
    samples: example arguments, for the tests.
    explain: from the error and the arguments by name, a better message, or None.
    flops: how many floating-point operations a call takes, for `tg.graph`: a number, 0 where data
        is only moved; or a function that asks by name for `shape` of the result (several outputs:
        a tuple of them), for `a_shape` of an operand a (None where it was left out), for `shapes`
        of a sequence operand's items, and for static arguments. Else one for each element of the
        largest array, elementwise of the result.
    name: what messages and pictures call it, where that is not the function's name.
    rules: for each operand its gradient rule, or None: an array without a derivative.
        Parameters that are not named here are static: axes, shapes, flags.

    Raises DeclarationError if a rule asks for a name that the operation does not know.
    """

    if undeclared is not None:
        raise DeclarationError(
            "primitive: it needs a gradient rule for each operand, by name, as in "
            "@tg.primitive(x=lambda ct, x: …)"
        )

    def decorate(definition: Callable[P, Any], /) -> Callable[P, Tensor]:
        record = Primitive(
            definition,
            definition,
            rules,
            joint=joint,
            saves=saves,
            sequence=sequence,
            several=several,
            broadcasts=broadcasts,
            weak=weak,
            elementwise=elementwise,
            selects=selects,
            label=label,
            domain=domain,
            samples=samples,
            explain=explain,
            flops=flops,
            name=name,
        )
        return declare(record, numpy)

    return decorate


def derived(*, numpy: Any = None) -> Callable[[Function], Function]:
    """Register a function written in terms of operations: its derivative follows from theirs."""

    def decorate(function: Function) -> Function:
        register(function, numpy)
        return function

    return decorate
