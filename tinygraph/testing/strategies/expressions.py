"""Random differentiable programs over the registry."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from ...errors import ArgumentError
from ..expression import Expression, Ref, Step
from .arrays import arrays
from .indices import indices
from .operations import along
from .programs import Program, Word, takes_complex, vocabulary
from .shapes import broadcastable_shapes, permutations
from .values import EVERYWHERE

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

PAIRS = (
    "matmul",
    "concatenate",
    "stack",
    "where",
    "setitem",
    "linalg.solve",
)  # what takes two tensors


def expressions(
    depth: int = 3,
    *,
    operations: Iterable[str | Callable[..., Any]] | None = None,
    max_inputs: int = 2,
    dtype: DTypeLike = np.float64,
    kinks: bool = False,
    scalar: bool = False,
) -> st.SearchStrategy[Expression]:
    """Differentiable programs: operations of the registry, with intermediate values used again.

    depth: how deep operations are nested; a program of depth d has up to 2^d of them, and a few
        more that bring operands into a domain, as `square(x) + 0.5` does before a log.
    operations: which ones, by name, and functions of one's own: operations, or functions of one or
        more tensors that take any shape. None: those of `vocabulary()`.
    max_inputs: how many arrays a program takes; their shapes broadcast.
    dtype: of these arrays. For a complex one only operations are drawn that are differentiable
        there, and their operands kept off branch cuts.
    kinks: whether operands may tie in a maximum, or be 0 in a relu; else such an operation is left
        out where its operands do.
    scalar: whether the result is summed.
    Every value on the way is finite, and 1,000 at most.
    Shrinks towards one operation of one number; print what failed to have it as a program.
    Raises ArgumentError for an unknown operation, or a depth below 1.

    >>> @given(expressions(4))
    ... def test_programs(program):
    ...     tg.testing.check_grads(program, *program.inputs)
    """
    if depth < 1:
        raise ArgumentError(f"expressions: depth={depth}; a program needs 1 or more")
    words = vocabulary(operations)
    if np.dtype(dtype).kind == "c":
        words = tuple(word for word in words if takes_complex(word))
        if not words:
            raise ArgumentError("expressions: none of the operations takes complex numbers")
    return _expressions(depth, words, max_inputs, np.dtype(dtype), kinks, scalar)


@st.composite
def _expressions(
    draw: st.DrawFn,
    depth: int,
    words: tuple[Word, ...],
    max_inputs: int,
    dtype: np.dtype[Any],
    kinks: bool,
    scalar: bool,
) -> Expression:
    count = draw(st.integers(1, max_inputs))
    together = draw(broadcastable_shapes(count, max_dims=2, max_side=3))
    inputs = [draw(arrays(shape, dtype, distinct=not kinks, layouts=["C"])) for shape in together]
    program = Program(inputs, kinks)
    result: Ref = draw(_result(program, words, depth))
    if scalar and program.value(result).ndim:
        result = program.then(Step("sum", (result,))) or result
    expression = program.ending(result)
    # Nothing could be done with these values, such as a maximum of x and x.
    assume(expression.steps)
    return expression


@st.composite
def _operand(draw: st.DrawFn, program: Program, words: tuple[Word, ...], depth: int) -> Ref:
    """A value that there is, an input or one to be shared, or that of a further operation."""
    # All of this is drawn at any depth, so that shrinking can put a part in place of the whole.
    deeper = draw(st.integers(0, 4))
    if deeper and depth:
        result: Ref = draw(_result(program, words, depth))
        return result
    return Ref(draw(st.integers(0, 63)) % len(program.values))


@st.composite
def _result(draw: st.DrawFn, program: Program, words: tuple[Word, ...], depth: int) -> Ref:
    """The result of an operation; its first operand where it cannot be done with these values.

    Hypothesis replaces a draw by one inside it when it shrinks: a program by a part of itself.
    """
    # Each kind by itself: shrinking steps from one operation to another that draws as much.
    word = draw(st.sampled_from(draw(st.sampled_from(_groups(words)))))
    count = _arity(word)
    refs = [draw(_operand(program, words, depth - 1)) for _ in range(count)]
    step = _step(draw, program, word, refs)
    if step is None or program.ties(word.name, step.refs()):
        return refs[0]
    return program.then(step) or refs[0]


def _arity(word: Word) -> int:
    return 2 if word.kind in PAIRS else max(len(word.operands), 1)


@functools.lru_cache(maxsize=32)
def _groups(words: tuple[Word, ...]) -> list[list[Word]]:
    """Operations that draw alike, those of one operand first."""
    found: dict[Any, list[Word]] = {}
    for word in sorted(words, key=_arity):
        along_axes = word.kind in ("reduction", "scan")
        kind = word.kind if word.kind == "elementwise" else "axes" if along_axes else "other"
        found.setdefault((kind, _arity(word)), []).append(word)
    return list(found.values())


def _step(draw: st.DrawFn, program: Program, word: Word, refs: list[Ref]) -> Step | None:
    if word.kind == "elementwise":
        if word.primitive is not None:
            domains = [word.primitive.domain.get(x, EVERYWHERE) for x in word.operands]
            refs = [program.within(*pair) for pair in zip(refs, domains, strict=True)]
        first, *others = refs
        for other in others:
            fitting = program.together(first, other)
            if fitting != other and word.primitive is not None:
                domain = word.primitive.domain.get(word.operands[len(refs) - 1], EVERYWHERE)
                fitting = program.within(fitting, domain)
            refs[refs.index(other)] = fitting
        return Step(word.name, tuple(refs), {}, word.function)
    if word.kind in ("reduction", "scan") and word.primitive is not None:
        shape = program.value(refs[0]).shape
        if word.kind == "scan" and not shape:
            return None
        kwargs = draw(along(word.primitive, shape))
        return Step(word.name, (refs[0],), kwargs, word.function)
    rest = ARGUMENTS[word.kind](draw, program, *refs)
    return None if rest is None else Step(word.name, *rest)


# How the arguments of all other operations are drawn: from the draw, the program and the operands
# to all arguments, or None where the operation cannot be done.

_Arguments = tuple[tuple[Any, ...], dict[str, Any]] | tuple[tuple[Any, ...]] | None


def _matmul(draw: st.DrawFn, program: Program, a: Ref, b: Ref) -> _Arguments:
    """As they are, or one of them transposed, or one by itself transposed."""
    turned = [
        program.then(Step("transpose", (x,))) if program.value(x).ndim == 2 else None
        for x in (a, b)
    ]
    pairs = [(a, b), (a, turned[1]), (turned[0], b), (a, turned[0])]
    for left, right in pairs:
        if left is not None and right is not None and _multiply(program, left, right):
            return ((left, right),)
    return None


def _multiply(program: Program, a: Ref, b: Ref) -> bool:
    left, right = program.value(a).shape, program.value(b).shape
    if not left or not right or left[-1] != right[-2 if len(right) > 1 else 0]:
        return False
    pairs = zip(left[-3::-1], right[-3::-1], strict=False)
    return all(m == n or 1 in (m, n) for m, n in pairs)


def _transpose(draw: st.DrawFn, program: Program, a: Ref) -> _Arguments:
    order = draw(permutations(program.value(a).shape))
    return ((a, order),)


def _reshape(draw: st.DrawFn, program: Program, a: Ref) -> _Arguments:
    shape = program.value(a).shape
    return ((a, draw(st.sampled_from([(-1,), shape[::-1], (1, *shape), (*shape, 1)]))),)


def _expand_dims(draw: st.DrawFn, program: Program, a: Ref) -> _Arguments:
    ndim = program.value(a).ndim
    return ((a, draw(st.integers(0, ndim) | st.integers(-ndim - 1, -1))),) if ndim < 3 else None


def _flip(draw: st.DrawFn, program: Program, a: Ref) -> _Arguments:
    ndim = program.value(a).ndim
    return ((a, draw(st.integers(-ndim, ndim - 1))),) if ndim else None


def _roll(draw: st.DrawFn, program: Program, a: Ref) -> _Arguments:
    ndim = program.value(a).ndim
    if not ndim:
        return None
    return ((a, draw(st.integers(-2, 2)), draw(st.integers(-ndim, ndim - 1))),)


def _joined(draw: st.DrawFn, program: Program, a: Ref, b: Ref) -> _Arguments:
    shape = program.value(a).shape
    if program.value(b).shape != shape:
        b = a
    if not shape:
        return None
    return ([a, b],), {"axis": draw(st.integers(-len(shape), len(shape) - 1))}


def _where(draw: st.DrawFn, program: Program, a: Ref, b: Ref) -> _Arguments:
    b = program.together(a, b)
    condition = draw(nps.arrays(bool, program.value(a).shape, fill=st.nothing()))
    return ((condition, a, b),)


def _getitem(draw: st.DrawFn, program: Program, a: Ref) -> _Arguments:
    return ((a, draw(indices(program.value(a).shape, allow_empty=False))),)


def _setitem(draw: st.DrawFn, program: Program, a: Ref, b: Ref) -> _Arguments:
    """x[i] = v, at places that occur once: which of several values stays is no one's contract."""
    x = program.value(a)
    if np.iscomplexobj(program.value(b)) and not np.iscomplexobj(x):
        return None
    index = draw(indices(x.shape, kinds=["slice", "int", "mask", "ellipsis"]))
    part = x[index].shape
    value = program.value(b).shape
    if len(value) > len(part) or any(
        n not in (1, m) for n, m in zip(value[::-1], part[::-1], strict=False)
    ):
        summed = program.then(Step("sum", (b,)))
        if summed is None:
            return None
        b = summed
    return ((a, index, b),)


def _regular(draw: st.DrawFn, program: Program, a: Ref) -> _Arguments:
    regular = program.regular(a)
    return None if regular is None else ((regular,),)


def _hermitian(draw: st.DrawFn, program: Program, a: Ref) -> _Arguments:
    hermitian = program.hermitian(a)
    return None if hermitian is None else ((hermitian,),)


def _solve(draw: st.DrawFn, program: Program, a: Ref, b: Ref) -> _Arguments:
    regular = program.regular(a)
    if regular is None:
        return None
    right = program.value(b)
    fits = right.ndim in (1, 2) and len(right) == len(program.value(regular))
    return ((regular, b if fits else regular),)


ARGUMENTS: dict[str, Callable[..., _Arguments]] = {
    "matmul": _matmul,
    "transpose": _transpose,
    "reshape": _reshape,
    "expand_dims": _expand_dims,
    "flip": _flip,
    "roll": _roll,
    "concatenate": _joined,
    "stack": _joined,
    "where": _where,
    "getitem": _getitem,
    "setitem": _setitem,
    "linalg.det": _regular,
    "linalg.inv": _regular,
    "linalg.solve": _solve,
    "linalg.cholesky": _hermitian,
    "linalg.eigvalsh": _hermitian,
}
