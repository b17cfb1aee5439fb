"""Calls of operations out of the registry, chosen by property, with arguments in their domain."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from ...errors import ArgumentError
from ...primitive import Primitive, Sample
from ...registry import REGISTRY
from ..expression import literal
from .arrays import arrays
from .shapes import axes, broadcastable_shapes, shapes
from .values import EVERYWHERE, spread

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

# Matrices for these need eigenvalues well apart: the files that declare them.
MATRICES = frozenset(
    {"determinants", "eigenvalues", "factorisations", "linear_systems", "singular_values"}
)

MOST = 64  # elements of an array


class OperationCall:
    """An operation with arguments that suit it: `call(*call.arrays)` is its result.

    primitive: the record of the operation.
    function: the operation, as a user calls it.
    args, kwargs: all arguments, the arrays among them.
    places: where the arrays stand that it is differentiated by: (position or keyword, item of a
        list or None).
    """

    primitive: Primitive
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def __init__(
        self,
        primitive: Primitive,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        places: Iterable[tuple[int | str, int | None]],
    ) -> None:
        self.primitive, self.function = primitive, function
        self.args, self.kwargs, self.places = args, kwargs, tuple(places)

    @property
    def name(self) -> str:
        """Of the operation, in the registry."""
        return self.primitive.function.__name__

    @property
    def arrays(self) -> list[NDArray[Any]]:
        """The arguments that it is differentiated by."""
        return [self._at(key, item) for key, item in self.places]

    def __call__(self, *values: Any) -> Any:
        """The result with these in the places of its arrays; as drawn if none come."""
        if not values:
            return self.function(*self.args, **self.kwargs)
        args: Any = [list(a) if isinstance(a, list) else a for a in self.args]
        kwargs: Any = {k: list(a) if isinstance(a, list) else a for k, a in self.kwargs.items()}
        for (key, item), value in zip(self.places, values, strict=True):
            holder = args if isinstance(key, int) else kwargs
            if item is None:
                holder[key] = value
            else:
                holder[key][item] = value
        return self.function(*args, **kwargs)

    def _at(self, key: int | str, item: int | None) -> Any:
        found = self.args[key] if isinstance(key, int) else self.kwargs[key]
        return found if item is None else found[item]

    def __repr__(self) -> str:
        words = [literal(a) for a in self.args]
        words += [f"{k}={literal(v)}" for k, v in self.kwargs.items()]
        return f"{self.name}({', '.join(words)})"


def operations(
    kind: str | None = None,
    *,
    names: Iterable[str] | None = None,
    where: Callable[[Primitive], bool] | None = None,
    dtype: DTypeLike = np.float64,
    layouts: Iterable[str] = ("C",),
) -> st.SearchStrategy[OperationCall]:
    """Calls of declared operations, one's own among them, at points where they have derivatives.

    kind: "elementwise", "reduction" (axis and keepdims), "scan" (along an axis), "sequence" (of a
        list of arrays), "several" (outputs), "selecting", or the file that declares them: "shape",
        "products", "indexing", …, of a module of one's own its last name; None: all of them.
    names: which ones, by name.  where: which ones, by their `Primitive`.
    dtype, layouts: of the arrays, as for `arrays`.

    Elementwise operations get shapes that broadcast, reductions and scans any shape; all others
    are called as the samples at their declaration are, with new numbers. Numbers lie in the
    domain, and no two of them tie.
    Raises ArgumentError if there is no such operation.

    >>> @given(operations("reduction"))
    ... def test_reductions(call):
    ...     tg.testing.check_grads(call, *call.arrays)
    """
    wanted = None if names is None else frozenset(names)
    found = [
        primitive
        for primitive in REGISTRY.values()
        if (wanted is None or primitive.function.__name__ in wanted)
        and (kind is None or kind in properties(primitive))
        and (where is None or where(primitive))
        and primitive.differentiable
        and (shapes_by_property(primitive) or primitive.samples)
    ]
    if wanted is not None and (unknown := wanted - {p.function.__name__ for p in found}):
        raise ArgumentError(f"operations: no operation {', '.join(sorted(unknown))} to be drawn")
    if not found:
        known = sorted({word for p in REGISTRY.values() for word in properties(p)})
        raise ArgumentError(
            f"operations: none is of kind {kind!r}; there are {', '.join(known)}"
            if where is None
            else "operations: none is left by where="
        )
    return st.sampled_from(found).flatmap(
        lambda primitive: _calls(primitive, np.dtype(dtype), tuple(layouts))
    )


def properties(primitive: Primitive) -> set[str]:
    """What an operation can be asked for as."""
    static = set(primitive.static)
    found = {
        "elementwise": primitive.elementwise,
        "reduction": {"axis", "keepdims"} <= static,
        "scan": "axis" in static and primitive.function.__name__ in SCANS,
        "sequence": primitive.sequence is not None,
        "several": primitive.several,
        "selecting": primitive.selects,
        primitive.module.rpartition(".")[2]: True,
    }
    return {word for word, holds in found.items() if holds}


# What keeps the shape and works along one axis.
SCANS = frozenset(
    {"cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp", "softmax", "log_softmax", "sort"}
)


def shapes_by_property(primitive: Primitive) -> bool:
    """Whether any shapes do, so that no samples are needed."""
    every = set(primitive.operands) == set(primitive.differentiable)
    if primitive.elementwise:
        return every and not primitive.static and primitive.sequence is None
    return len(primitive.operands) == 1 and bool(properties(primitive) & {"reduction", "scan"})


@st.composite
def _calls(
    draw: st.DrawFn, primitive: Primitive, dtype: np.dtype[Any], layouts: tuple[str, ...]
) -> OperationCall:
    function = primitive.function

    drawn = itertools.count()

    def operand(name: str, shape: tuple[int, ...]) -> Any:
        domain = primitive.domain.get(name, EVERYWHERE)
        # Away from 0, where many a rule has its kink; and no two alike, here or in another operand.
        kinks = () if domain != EVERYWHERE else (0,)
        elements = spread(MOST, domain, kinks, 0.1, phase=next(drawn) % 4 / 4)
        return draw(arrays(shape, dtype, elements=elements, distinct=True, layouts=layouts))

    if shapes_by_property(primitive):
        if primitive.elementwise:
            together = draw(broadcastable_shapes(len(primitive.operands)))
            args = tuple(map(operand, primitive.operands, together))
            return OperationCall(
                primitive, function, args, {}, tuple((i, None) for i in range(len(args)))
            )
        shape = draw(shapes(min_side=1, min_dims=int("scan" in properties(primitive))))
        kwargs = draw(along(primitive, shape))
        x = operand(primitive.operands[0], shape)
        return OperationCall(primitive, function, (x,), kwargs, ((0, None),))
    sample = draw(st.sampled_from(primitive.samples))
    return _like(primitive, function, sample, operand)


@st.composite
def along(draw: st.DrawFn, primitive: Primitive, shape: tuple[int, ...]) -> dict[str, Any]:
    """The keywords of a reduction or a scan for a shape; those that are not needed are left out."""
    if "keepdims" not in primitive.static:
        return {"axis": draw(axes(shape, kinds=["int"]))}
    kwargs = (
        {"axis": draw(axes(shape, kinds=["none", "int", "tuple"], min_size=1))} if shape else {}
    )
    keepdims = draw(st.booleans())
    return {
        **{k: v for k, v in kwargs.items() if v is not None},
        **({"keepdims": True} if keepdims else {}),
    }


def _like(
    primitive: Primitive,
    function: Callable[..., Any],
    sample: Sample,
    operand: Callable[[str, tuple[int, ...]], Any],
) -> OperationCall:
    """A call as the sample is, with arrays in place of shapes."""
    args: Any = [list(a) if isinstance(a, list) else a for a in sample.args]
    kwargs: Any = {k: list(a) if isinstance(a, list) else a for k, a in sample.kwargs.items()}
    stands = primitive.signature.bind(*range(len(args)), **{k: k for k in kwargs}).arguments
    places: list[tuple[int | str, int | None]] = []
    for name in primitive.differentiable:
        keys = stands.get(name, ())
        for key in keys if isinstance(keys, tuple) else (keys,):
            holder = args if isinstance(key, int) else kwargs
            given = holder[key]
            if isinstance(given, tuple):
                holder[key] = _suited(primitive, name, operand(name, given))
                places.append((key, None))
            elif isinstance(given, list) and any(isinstance(item, tuple) for item in given):
                for i, shape in enumerate(given):
                    given[i] = operand(name, shape)
                    places.append((key, i))
    return OperationCall(primitive, function, tuple(args), kwargs, tuple(places))


def _suited(primitive: Primitive, name: str, x: Any) -> Any:
    """Matrices with eigenvalues well apart, where the operation needs that."""
    file = primitive.module.rpartition(".")[2]
    if file not in MATRICES or name != primitive.operands[0] or x.ndim < 2:
        return x
    return x + 10 * np.eye(*x.shape[-2:], dtype=x.dtype) * np.arange(1, x.shape[-1] + 1)
