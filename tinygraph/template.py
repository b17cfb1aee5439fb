"""The function of an operation, generated from its declaration.

One Python frame per call: operands are taken apart, the value is computed, and where something is
tracked a node is made, all in straight-line code that fits this very operation. See what it looks
like with `inspect.getsource(tg.multiply)`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import ArgumentError, DTypeError, NotDifferentiable, RuleError
from .explain import explain
from .memory import LARGE, large
from .modes import recording
from .node import Node, clock
from .reuse import compute
from .source import Generated, compiled_on_first_use
from .tensor import Tensor, array_of, check_differentiable, new, untracked
from .tracing import traceable

if TYPE_CHECKING:
    from .primitive import Primitive
    from .pullback import Pullback

# What NumPy raises for operands that an operation cannot take.
REFUSALS = (ValueError, TypeError, IndexError, OverflowError, np.linalg.LinAlgError)
NUMBERS = frozenset({float, int, bool, complex})  # weak in NumPy's promotion
REALS = frozenset({float, int, bool})  # those that leave the dtype of a floating operand alone
VALUES = frozenset({np.ndarray, *(dtype.type for dtype in map(np.dtype, "?bhilqBHILQefdgFDG"))})
# The dtypes of arrays that are taken as they are.
PLAIN = frozenset(map(np.dtype, np.typecodes["All"])) - frozenset(map(np.dtype, "SUVOMm"))
UNROLLED = 3  # with more differentiable operands, which are tracked is found out at run time
UFUNC_KEYWORDS = ("out", "where", "dtype", "casting", "order", "subok", "signature", "axes", "axis")


def compile_forward(primitive: Primitive) -> Callable[..., Any]:
    """The public function of a primitive, with its signature, name and docstring."""
    definition = primitive.definition

    def generate() -> Generated:
        return _generate(primitive, primitive.identifier, _parameters(primitive), keywords=True)

    function = compiled_on_first_use(generate)
    name = getattr(definition, "__name__", primitive.identifier)
    function.__name__ = function.__qualname__ = name
    function.__doc__, function.__module__ = definition.__doc__, primitive.module
    function.__wrapped__ = definition  # type: ignore[attr-defined]
    function.primitive = primitive  # type: ignore[attr-defined]
    return traceable(function, primitive, None)


def compile_operator(primitive: Primitive, method: str) -> Callable[..., Any]:
    """The same as an operator method, without keywords; `__rmul__` takes its operands swapped."""
    operands = list(primitive.operands)
    if method.startswith("__r") and len(operands) == 2:
        operands.reverse()
    function = compiled_on_first_use(
        lambda: _generate(primitive, method, ", ".join(operands), keywords=False)
    )
    function.__name__, function.__qualname__ = method, f"Tensor.{method}"
    function.__doc__ = primitive.definition.__doc__
    return traceable(function, primitive, tuple(operands))


def _parameters(primitive: Primitive) -> str:
    """The parameter list, with the defaults as names of the closure."""
    words: list[str] = []
    parameters = list(primitive.signature.parameters.values())
    positional_only = [p for p in parameters if p.kind is p.POSITIONAL_ONLY]
    starred = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    for p in parameters:
        if p.kind is p.KEYWORD_ONLY and not starred:
            words.append("*")
            starred = True
        star = "*" if p.kind is p.VAR_POSITIONAL else ""
        words.append(star + p.name + ("" if p.default is p.empty else f"=_default_{p.name}"))
        if positional_only and p is positional_only[-1]:
            words.append("/")
    return ", ".join([*words, "**_keywords"])


def _generate(primitive: Primitive, name: str, parameters: str, *, keywords: bool) -> Generated:
    """The source of an operation's function, and what its names stand for."""
    # Names that are not the declaration's own begin with an underscore.
    names: dict[str, Any] = {
        "_Node": Node, "_Tensor": Tensor, "_new": new, "_clock": clock, "_recording": recording,
        "_NUMBERS": NUMBERS, "_REALS": REALS, "_PLAIN": PLAIN, "_CONSTANTS": CONSTANTS,
        "_REFUSALS": REFUSALS, "_primitive": primitive,
        "_implementation": primitive.implementation, "_operand": operand, "_described": described,
        "_static": static, "_explain": explain, "_with_keywords": with_keywords,
        "_large": large, "_LARGE": LARGE, "_compute": compute, "_ufunc": primitive.ufunc,
        "_result": result, "_unpack": unpack, "_ndarray": np.ndarray,
        "_VALUES": VALUES, "_complex128": np.complex128,
    }  # fmt: skip
    if primitive.several:
        from .outputs import outputs_of  # which declares with this module's help

        names["_outputs_of"] = outputs_of
    for p in primitive.signature.parameters.values():
        if p.default is not p.empty:
            names[f"_default_{p.name}"] = p.default
    lines = [f"def {name}({parameters}):"]
    if keywords:
        given = "".join(f"{n}, " for n in primitive.signature.parameters)
        lines.append("    if _keywords:")
        lines.append(f"        return _with_keywords(_primitive, _itself, ({given}), _keywords)")
    lines += [f"    {line}" for line in _body(primitive, names)]
    words = set(re.findall(r"\w+", "\n".join(lines)))
    return lines, {n: v for n, v in names.items() if n in words}


def _body(primitive: Primitive, names: dict[str, Any]) -> Iterator[str]:
    """Take the operands apart, compute, and record."""
    for x in primitive.operands:
        if x == primitive.sequence:
            yield f"_{x}_given, _{x}_nodes, {x} = _unpack({x}, _primitive)"
            continue
        if len(primitive.operands) > 1:
            yield f"_{x}_given = {x}"
        yield f"if type({x}) is _Tensor:"
        yield f"    _{x}_node = {x}.node"
        if x not in primitive.differentiable:
            yield f"    if _{x}_node is not None: _static(_primitive, {x!r}, {x})"
        yield f"    {x} = {x}.value"
        yield "else:"
        yield f"    _{x}_node = None"
        tests = [f"type({x}) is not _ndarray or {x}.dtype not in _PLAIN"]
        if primitive.signature.parameters[x].default is None:
            tests.append(f"{x} is not None")
        unless = " and ".join(f"({test})" if len(tests) > 1 else test for test in tests)
        word = "if"
        if primitive.weak:
            yield f"    if type({x}) in _NUMBERS:"
            yield from (f"        {line}" for line in _constant(primitive, x))
            word = "elif"
        yield f"    {word} {unless}: {x} = _operand({x}, _primitive, {x!r})"
    for s in primitive.static:
        yield f"if type({s}) is _Tensor: {s} = _static(_primitive, {s!r}, {s})"
    yield "try:"
    saved = "".join(f", {name}" for name in primitive.saves)
    yield f"    _y{saved} = {_call(primitive)}{_unless_large(primitive)}"
    yield "except _REFUSALS as _error:"
    given = ", ".join(f"{n!r}: {n}" for n in primitive.signature.parameters)
    yield f"    raise _explain(_primitive, _error, {{{given}}}) from _error"
    own = not isinstance(primitive.implementation, np.ufunc) and not primitive.several
    if own:
        yield "if type(_y) not in _VALUES: _y = _result(_primitive, _y)"
    if primitive.sequence:
        nodes = f"_{primitive.sequence}_nodes"
        yield f"_positions = tuple([_i for _i, _n in enumerate({nodes}) if _n is not None])"
        nothing = "not _positions"
    else:
        nothing = " and ".join(f"_{x}_node is None" for x in primitive.differentiable) or "True"
    nothing = f"({nothing}) or not _recording()"
    if primitive.several:
        yield f"if {nothing}: return _outputs_of(_y)"
    else:
        yield "_out = _new(_Tensor)"
        yield "_out.value = _y"
        integers = " or _y.dtype.kind not in 'fc'" if own else ""
        yield f"if {nothing}{integers}:"
        yield "    _out.node = _out._name = None"
        yield "    return _out"
    yield "_node = _Node()"
    yield from _history(primitive, names)
    yield "_node.order = next(_clock)"
    if primitive.several:
        yield "return _outputs_of(_y, _node)"
        return
    yield "_node.value = None if _shape else _y"
    yield "_out.node = _node"
    yield "return _out"


def _constant(primitive: Primitive, x: str) -> Iterator[str]:
    """Lines for a Python number: in arithmetic with an array it may become an array too."""
    a, *b = primitive.operands
    array = a if x != a else f"{b[0]}.value" if b else ""
    lookup = f"if {x} and type({x}) is not complex and type({array}) is _ndarray: {x} = "
    lookup += f"_CONSTANTS[{array}.dtype][{x}]"
    arithmetic = primitive.symbol in ("+", "-", "*", "/")
    if arithmetic and x != a:
        yield lookup
    elif b and primitive.symbol:
        yield f"if type({b[0]}) is _Tensor:"
        if arithmetic:
            yield f"    {lookup}"
        # Python's own arithmetic takes a float64, which is a float, and returns a Python number.
        yield f"    if type({x}) is complex and {b[0]}.dtype == 'float64': {x} = _complex128({x})"
    else:
        yield "pass"


def _call(primitive: Primitive) -> str:
    if primitive.symbol:
        *left, right = primitive.operands
        return f"{' '.join(left)} {primitive.symbol} {right}".strip()
    words = []
    for n, p in primitive.signature.parameters.items():
        if p.kind is p.VAR_POSITIONAL:
            words.append(f"*{n}")
        else:
            words.append(f"{n}={n}" if p.kind is p.KEYWORD_ONLY else n)
    return f"_implementation({', '.join(words)})"


def _unless_large(primitive: Primitive) -> str:
    """The condition under which the operation does without `memory`, and what it does else."""
    if not primitive.keeps_dtype:
        return ""
    small = " and ".join(
        f"(_{x}_node is None or {x}.nbytes < _LARGE)" for x in primitive.differentiable
    )
    return f" if not _large.on or {small} else _compute(_ufunc, {', '.join(primitive.operands)})"


def _history(primitive: Primitive, names: dict[str, Any]) -> Iterator[str]:
    """Fill in pullback, parents, residuals, params and shape, for each choice of tracked ones."""
    tracked = primitive.differentiable
    statics = "".join(f"{s}, " for s in primitive.static)
    if primitive.sequence:
        x = primitive.sequence
        pullback = names["_pullback"] = primitive.pullback(x)
        if "_shapes" in map(primitive.local, pullback.keeps):
            yield f"_shapes = [_array.shape for _array in {x}]"
        rest = f"[_described(_g) for _g, _n in zip(_{x}_given, _{x}_nodes) if _n is None]"
        yield "_node.pullback = _pullback"
        yield f"_node.parent = tuple([_n for _n in _{x}_nodes if _n is not None])"
        yield from _keep(pullback)
        yield f"_node.params = ({statics}_positions, *{rest})"
        yield from _own_shape(primitive)
    elif len(tracked) <= UNROLLED:
        subsets = [
            tuple(x for i, x in enumerate(tracked) if bits >> i & 1)
            for bits in range((1 << len(tracked)) - 1, 0, -1)
        ]
        for k, chosen in enumerate(subsets):
            pullback = primitive.pullback(*chosen)
            label = "_".join(["_pullback", *chosen])
            names[label] = pullback
            lines = [
                f"_node.pullback = {label}",
                *_join(pullback),
                *_keep(pullback),
                *_describe(primitive, chosen, statics),
            ]
            if len(subsets) > 1:
                test = " and ".join(f"_{x}_node is not None" for x in chosen)
                yield f"{'elif' if k else 'if'} {test}:" if k + 1 < len(subsets) else "else:"
            yield from (f"    {line}" if len(subsets) > 1 else line for line in lines)
    else:
        pairs = ", ".join(f"({x!r}, _{x}_node)" for x in tracked)
        every = primitive.pullback(*tracked).keeps
        values = ", ".join(f"{k!r}: {primitive.local(k)}" for k in every)
        givens = ", ".join(f"({x!r}, _{x}_given)" for x in primitive.operands)
        yield f"_chosen = [(_x, _n) for _x, _n in ({pairs}) if _n is not None]"
        yield "_node.pullback = _pullback = _primitive.pullback(*[_x for _x, _n in _chosen])"
        yield f"_pullback.fill(_node, [_n for _x, _n in _chosen], {{{values}}})"
        rest = f"[_described(_g) for _x, _g in ({givens}) if _x in _pullback.constants]"
        yield f"_node.params = ({statics}*{rest},)"
        yield from _own_shape(primitive)


def _join(pullback: Pullback) -> Iterator[str]:
    nodes = [f"_{x}_node" for x in pullback.tracked]
    if pullback.parents_in_slots:
        yield from (f"_node.{slot} = {n}" for slot, n in zip(("parent", "parent2"), nodes))
    else:
        yield f"_node.parent = ({', '.join(nodes)})"


def _keep(pullback: Pullback) -> Iterator[str]:
    arrays = [pullback.primitive.local(name) for name in pullback.keeps]
    if not arrays:
        yield "_node.kept = None"
    elif pullback.kept_in_slots:
        yield from (f"_node.{slot} = {a}" for slot, a in zip(("kept", "kept2"), arrays))
    else:
        yield f"_node.kept = ({', '.join(arrays)})"


def _describe(primitive: Primitive, chosen: tuple[str, ...], statics: str) -> Iterator[str]:
    """Params, and shape and dtype: a tracked operand's own objects where they are the same."""
    constants = [x for x in primitive.operands if x not in chosen]
    known = [
        f"_{x}_given if type(_{x}_given) in _NUMBERS else _described(_{x}_given), "
        for x in constants
    ]
    params = f"_node.params = ({statics}{''.join(known)})"
    first, *others = (f"_{x}_node" for x in chosen)
    if not primitive.keeps_dtype or len(primitive.operands) > 2:
        yield params
        yield from _own_shape(primitive)
        return
    taken = [f"_node.shape = _shape = {first}.shape", f"_node.dtype = {first}.dtype"]
    if len(primitive.operands) == 1:
        yield from (params, *taken)
        return
    if constants:
        test = f"type(_{constants[0]}_given) in _REALS"
        yield f"if {test}:"
        yield f"    _node.params = ({statics}_{constants[0]}_given, )"
    else:
        yield params
        yield f"if {first}.shape is {others[0]}.shape and {first}.dtype is {others[0]}.dtype:"
    yield from (f"    {line}" for line in taken)
    yield "else:"
    if constants:
        yield f"    {params}"
    yield "    _shape = _y.shape"
    for node in (first, *others):
        yield f"    if _shape == {node}.shape: _shape = {node}.shape"
    yield "    _node.shape = _shape"
    yield "    _node.dtype = _y.dtype"


def _own_shape(primitive: Primitive) -> Iterator[str]:
    if not primitive.several:
        yield "_node.shape = _shape = _y.shape"
        yield "_node.dtype = _y.dtype"


# What generated code calls off its fast path


class Constants(dict[Any, Any]):
    """Python numbers as arrays of a dtype: NumPy takes one 0.2 µs sooner than a number.

    A number that NumPy would not simply round to the dtype stays as it is. Zeros are not to be
    looked up: 0.0 and -0.0 are the same key.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        super().__init__()
        self.dtype = dtype

    def __missing__(self, number: Any) -> Any:
        if self.dtype.kind != "f" or type(number) not in REALS or not abs(number) < 2**53:
            return number
        with np.errstate(over="ignore"):
            rounded = np.array(number, self.dtype)
        if not np.isfinite(rounded):
            return number
        if len(self) > 1000:
            self.clear()
        self[number] = rounded  # as good for 1.0 as for 1 and True, which are the same key
        return rounded


CONSTANTS = {dtype: Constants(dtype) for dtype in PLAIN}


def operand(x: Any, primitive: Primitive, name: str) -> Any:
    """An operand that is neither a Tensor nor a plain array, as an array."""
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
    if type(x) is np.ndarray and x.ndim:
        return (None, x.shape, x.dtype, None)
    name = None
    if type(x) is Tensor:
        name, x = x._name, x.value
    if x is None or type(x) in NUMBERS:
        return x
    x = np.asarray(x)
    if x.nbytes >= LARGE:
        large.on = True
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


def with_keywords(
    primitive: Primitive, function: Callable[..., Any], args: Any, keywords: dict[str, Any]
) -> Any:
    """A call with keywords that are not the operation's own: NumPy's for ufuncs, or mistakes."""
    keywords = dict(keywords)
    known = UFUNC_KEYWORDS if isinstance(primitive.ufunc, np.ufunc) else ()
    if not known and keywords.get("out", primitive) is None:
        del keywords["out"]
        if not keywords:
            names = zip(primitive.signature.parameters.values(), args, strict=True)
            by_name = {p.name: x for p, x in names if p.kind is p.KEYWORD_ONLY}
            return function(*args[: len(args) - len(by_name)], **by_name)
    for word in keywords:
        if word not in known:
            own = [*primitive.signature.parameters, *known[:3]]
            raise ArgumentError(
                f"{primitive.name}: unknown keyword {word!r}; it takes {', '.join(own)}"
            )
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
    return tuple(map(untracked, y)) if isinstance(y, tuple) else untracked(y)
