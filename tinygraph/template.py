"""The function of an operation, generated from its declaration.

One Python frame per call: operands are taken apart, the value is computed, and where something is
tracked a node is made, all in straight-line code that fits this very operation. See what it looks
like with `inspect.getsource(tg.multiply)`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import ArgumentError, DTypeError, NotDifferentiable, RuleError
from .explain import explain
from .modes import recording
from .node import Node, clock
from .source import compile_source
from .tensor import Tensor, array_of, check_differentiable, new, untracked

if TYPE_CHECKING:
    from .primitive import Primitive

# What NumPy raises for operands that an operation cannot take.
REFUSALS = (ValueError, TypeError, IndexError, OverflowError, np.linalg.LinAlgError)
NUMBERS = frozenset({float, int, bool, complex, type(None)})  # weak in NumPy's promotion
UFUNC_KEYWORDS = ("out", "where", "dtype", "casting", "order", "subok", "signature", "axes", "axis")


def compile_forward(primitive: Primitive) -> Callable[..., Any]:
    """The public function of a primitive, with its signature, name and docstring."""
    definition = primitive.definition
    function = _compile(primitive, definition.__name__, _parameters(primitive), keywords=True)
    function.__doc__ = definition.__doc__
    function.__qualname__, function.__module__ = definition.__name__, definition.__module__
    function.__wrapped__ = definition  # type: ignore[attr-defined]
    function.primitive = primitive  # type: ignore[attr-defined]
    return function


def compile_operator(primitive: Primitive, method: str) -> Callable[..., Any]:
    """The same as an operator method, without keywords; `__rmul__` takes its operands swapped."""
    operands = list(primitive.operands)
    reflected = method.startswith("__r") and len(operands) == 2
    function = _compile(
        primitive, method, ", ".join(operands[::-1] if reflected else operands), keywords=False
    )
    function.__doc__ = primitive.definition.__doc__
    return function


def _parameters(primitive: Primitive) -> str:
    """The parameter list, with the defaults as names of the closure."""
    words: list[str] = []
    kinds = inspect.Parameter
    seen_only = starred = False
    parameters = list(primitive.signature.parameters.values())
    for i, p in enumerate(parameters):
        if p.kind is kinds.KEYWORD_ONLY and not starred:
            words.append("*")
            starred = True
        if p.kind is kinds.VAR_POSITIONAL:
            words.append(f"*{p.name}")
            starred = True
        else:
            words.append(p.name if p.default is p.empty else f"{p.name}=default_{p.name}")
        last_only = i + 1 == len(parameters) or parameters[i + 1].kind is not kinds.POSITIONAL_ONLY
        if p.kind is kinds.POSITIONAL_ONLY and last_only and not seen_only:
            words.append("/")
            seen_only = True
    return ", ".join([*words, "**keywords"])


def _compile(
    primitive: Primitive, name: str, parameters: str, *, keywords: bool
) -> Callable[..., Any]:
    names: dict[str, Any] = {
        "Node": Node, "Tensor": Tensor, "new": new, "untracked": untracked, "clock": clock,
        "recording": recording, "NUMBERS": NUMBERS, "REFUSALS": REFUSALS, "primitive": primitive,
        "implementation": primitive.implementation, "operand": operand, "described": described,
        "static": static, "explain": explain, "with_keywords": with_keywords, "result": result,
        "unpack": unpack, "outputs_of": outputs_of, "ndarray": np.ndarray,
    }  # fmt: skip
    for p in primitive.signature.parameters.values():
        if p.default is not p.empty:
            names[f"default_{p.name}"] = p.default
    lines = [f"def {name}({parameters}):"]
    if keywords:
        everything = "".join(f"{n}, " for n in primitive.signature.parameters)
        lines.append("    if keywords:")
        lines.append(f"        return with_keywords(primitive, {name}, ({everything}), keywords)")
    lines += [f"    {line}" for line in _body(primitive, names)]
    used = {n: v for n, v in names.items() if any(n in line for line in lines)}
    return compile_source(lines, used)


def _body(primitive: Primitive, names: dict[str, Any]) -> Iterator[str]:
    sequence = primitive.sequence
    for x in primitive.operands:
        if x == sequence:
            yield f"{x}_given, {x}_nodes, {x} = unpack({x}, primitive)"
            continue
        yield f"{x}_given = {x}"
        yield f"if type({x}) is Tensor:"
        yield f"    {x}_node = {x}.node"
        yield f"    {x} = {x}.value"
        yield "else:"
        yield f"    {x}_node = None"
        unless_number = f"if type({x}) not in NUMBERS: " if primitive.weak else ""
        yield f"    {unless_number}{x} = operand({x}, primitive, {x!r})"
        if x not in primitive.differentiable:
            yield f"if {x}_node is not None:"
            yield f"    static(primitive, {x!r}, {x}_given)"
    for s in primitive.static:
        yield f"if type({s}) is Tensor:"
        yield f"    {s} = static(primitive, {s!r}, {s})"
    arguments = dict.fromkeys(primitive.signature.parameters)
    yield "try:"
    saved = "".join(f", {name}" for name in primitive.saves)
    yield f"    y{saved} = {_call(primitive)}"
    yield "except REFUSALS as error:"
    given = ", ".join(f"{n!r}: {n}" for n in arguments)
    yield f"    raise explain(primitive, error, {{{given}}}) from error"
    if not isinstance(primitive.implementation, np.ufunc) and not primitive.several:
        yield "if type(y) is not ndarray:"
        yield "    y = result(primitive, y)"
    yield from _tracking(primitive, names)


def _call(primitive: Primitive) -> str:
    if primitive.symbol and len(primitive.operands) == 2:
        return f" {primitive.symbol} ".join(primitive.operands)
    words = []
    for n, p in primitive.signature.parameters.items():
        if p.kind is p.VAR_POSITIONAL:
            words.append(f"*{n}")
        else:
            words.append(f"{n}={n}" if p.kind is p.KEYWORD_ONLY else n)
    return f"implementation({', '.join(words)})"


def _tracking(primitive: Primitive, names: dict[str, Any]) -> Iterator[str]:
    """Make the output tensor, and its node where an operand is tracked."""
    tracked = primitive.differentiable
    if primitive.sequence:
        yield f"positions = tuple([i for i, node in enumerate({primitive.sequence}_nodes) if node])"
        nothing = "not positions"
    else:
        nothing = " and ".join(f"{x}_node is None" for x in tracked) or "True"
    if not primitive.several:
        yield "out = new(Tensor)"
        yield "out.value = y"
        yield f"if ({nothing}) or not recording():"
        yield "    out.node = out._name = None"
        yield "    return out"
    else:
        yield f"if ({nothing}) or not recording():"
        yield "    return outputs_of(y)"
    if not isinstance(primitive.implementation, np.ufunc) and not primitive.several:
        yield "if y.dtype.kind not in 'fc':"
        yield "    out.node = out._name = None"
        yield "    return out"
    yield "node = Node()"
    yield from _history(primitive, names)
    yield "node.order = next(clock)"
    yield "node.name = node.grad = None"
    if primitive.several:
        yield "return outputs_of(y, node)"
        return
    yield "node.shape = shape = y.shape"
    yield "node.dtype = y.dtype"
    yield "node.value = None if shape else y"
    yield "out.node = node"
    yield "return out"


def _history(primitive: Primitive, names: dict[str, Any]) -> Iterator[str]:
    """Fill in pullback, parents, residuals and params, for each choice of tracked operands."""
    statics = "".join(f"{s}, " for s in primitive.static)
    tracked = primitive.differentiable

    def case(chosen: tuple[str, ...]) -> Iterator[str]:
        pullback = primitive.pullback(*chosen)
        names["pullback_" + "_".join(chosen)] = pullback
        constants = "".join(
            f"{x}_given if type({x}_given) in NUMBERS else described({x}_given), "
            for x in primitive.operands
            if x not in chosen
        )
        yield f"node.pullback = pullback_{'_'.join(chosen)}"
        yield f"node.parents = ({''.join(f'{x}_node, ' for x in chosen)})"
        yield f"node.residuals = ({''.join(f'{x}, ' for x in pullback.keeps)})"
        yield f"node.params = ({statics}{constants})"

    if primitive.sequence:
        x = primitive.sequence
        pullback = names["pullback"] = primitive.pullback(x)
        if "shapes" in pullback.keeps:
            yield f"shapes = [array.shape for array in {x}]"
        yield "node.pullback = pullback"
        yield f"node.parents = tuple([node for node in {x}_nodes if node])"
        yield f"node.residuals = ({''.join(f'{k}, ' for k in pullback.keeps)})"
        yield (
            f"node.params = ({statics}positions, "
            f"*[described(g) for g, node in zip({x}_given, {x}_nodes) if not node])"
        )
        return
    if len(tracked) == 1:
        yield from case(tracked)
        return
    # Every subset, the largest first; three operands make seven cases.
    subsets = [
        tuple(x for i, x in enumerate(tracked) if bits >> i & 1)
        for bits in range((1 << len(tracked)) - 1, 0, -1)
    ]
    for k, chosen in enumerate(subsets):
        test = " and ".join(f"{x}_node is not None" for x in chosen)
        yield f"{'elif' if k else 'if'} {test}:" if k + 1 < len(subsets) else "else:"
        yield from (f"    {line}" for line in case(chosen))


# What generated code calls off its fast path


def operand(x: Any, primitive: Primitive, name: str) -> Any:
    """An operand that is not a Tensor, as an array."""
    if type(x) is np.ndarray and x.dtype.kind in "fiubc" and x.dtype.isnative:
        return x
    return array_of(x, f"{primitive.name}: operand {name!r}")


def unpack(items: Any, primitive: Primitive) -> tuple[Any, list[Node | None], list[Any]]:
    """A sequence operand taken apart: what was given, nodes, arrays."""
    name = primitive.sequence
    if type(items) is Tensor or isinstance(items, np.ndarray):
        items = list(items)
    if not isinstance(items, (list, tuple)):
        raise ArgumentError(
            f"{primitive.name}: {name!r} is {type(items).__name__}; it needs a list of arrays"
        )
    nodes = [item.node if type(item) is Tensor else None for item in items]
    arrays = [
        item.value if type(item) is Tensor
        else item if primitive.weak and type(item) in NUMBERS
        else operand(item, primitive, f"{name}[{i}]")
        for i, item in enumerate(items)
    ]  # fmt: skip
    return items, nodes, arrays


def described(x: Any) -> Any:
    """What pictures show of an untracked operand: (name, shape, dtype, value of a scalar)."""
    name = None
    if type(x) is Tensor:
        name, x = x._name, x.value
    if type(x) in NUMBERS:
        return x
    x = np.asarray(x)
    return (name, x.shape, x.dtype, None if x.ndim else x[()])


def static(primitive: Primitive, name: str, x: Tensor) -> Any:
    """The plain value of a tensor given where nothing is differentiated."""
    if x.node is not None and x.dtype.kind in "fc" and recording():
        raise NotDifferentiable(
            f"{primitive.name}: there is no gradient for {name!r}, and a tensor that requires grad "
            f"came ({x.described()}); pass it .detach()ed if none is wanted"
        )
    return x.value


def result(primitive: Primitive, y: Any) -> Any:
    """What an operation's function returned, as an array or NumPy scalar."""
    if isinstance(y, np.generic):
        return y
    if type(y) is Tensor:
        raise RuleError(
            f"{primitive.name}: its function is given arrays and must return one, not a Tensor; "
            "use NumPy in it, or write a plain function of tensors instead of a primitive"
        )
    return array_of(y, primitive.name)


def outputs_of(y: Any, node: Node | None = None) -> tuple[Tensor, ...]:
    """The outputs of an operation that has more than one."""
    if node is None:
        return tuple([untracked(part) for part in y])
    from .outputs import select  # declared with this module's help

    node.shape = tuple([part.shape for part in y])
    node.dtype = tuple([part.dtype for part in y])
    node.value = None
    return tuple([select(node, i, part) for i, part in enumerate(y)])


def with_keywords(
    primitive: Primitive, function: Callable[..., Any], args: Any, keywords: dict[str, Any]
) -> Any:
    """A call with keywords that are not the operation's own: NumPy's for ufuncs, or mistakes."""
    known = UFUNC_KEYWORDS if isinstance(primitive.ufunc, np.ufunc) else ()
    for word in keywords:
        if word not in known:
            own = [*primitive.signature.parameters, *known[:3]]
            raise ArgumentError(
                f"{primitive.name}: unknown keyword {word!r}; it takes {', '.join(own)}"
            )
    keywords = dict(keywords)
    dtype = keywords.pop("dtype", None)
    out = keywords.get("out")
    if out is None or (isinstance(out, tuple) and all(target is None for target in out)):
        keywords.pop("out", None)
    if keywords.get("where") is True:
        del keywords["where"]
    if keywords.get("subok") is True:
        del keywords["subok"]
    tracked = [x for x in args if type(x) is Tensor and x.node is not None]
    if not tracked or not recording():
        return _plain(primitive, args, keywords | ({} if dtype is None else {"dtype": dtype}))
    if keywords:
        word = next(iter(keywords))
        fix = {"out": "bind the result to a name instead", "where": "use tg.where(...)"}
        raise NotDifferentiable(
            f"{primitive.name}: {word}= is not supported on tensors that require grad; "
            f"{fix.get(word, 'leave it out')}, or .detach() first"
        )
    if dtype is not None:
        check_differentiable(np.dtype(dtype), f"{primitive.name}: dtype=")
        args = [x.astype(dtype) if type(x) is Tensor else x for x in args]
    return function(*args)


def _plain(primitive: Primitive, args: Any, keywords: dict[str, Any]) -> Any:
    """The ufunc itself on plain arrays, with NumPy's own keywords."""
    out = keywords.get("out")
    for target in out if isinstance(out, tuple) else [out]:
        if type(target) is Tensor:
            raise ArgumentError(
                f"{primitive.name}: a tensor cannot be out=, it is a value; "
                "bind the result to a name instead"
            )
    where = keywords.get("where")
    if type(where) is Tensor:
        keywords["where"] = where.value
    values = [x.value if type(x) is Tensor else x for x in args]
    y = primitive.ufunc(*values, **keywords)
    if out is not None:
        return y
    if getattr(y, "dtype", None) == np.dtype(object):
        raise DTypeError(f"{primitive.name}: it would return an object array")
    return outputs_of(y) if isinstance(y, tuple) else untracked(y)
