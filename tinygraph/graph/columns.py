"""How a graph is kept: its nodes and edges by column, and rows that are made when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, overload

import numpy as np

from ..recording import Record
from ..tracing import Site

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAF, PARAMETER, CONSTANT, OPERATION = range(4)
Row = TypeVar("Row")


class Signature(NamedTuple):
    """What nodes have in common that come of like calls; a graph has few of them."""

    operation: str | None
    label: str | None  # None: by name, value or shape
    shape: Any
    dtype: str | tuple[str, ...] | None
    params: str = ""
    operands: tuple[str, ...] = ()
    flops: int = 0
    bytes_moved: int = 0


def alike(one: Any, other: Any) -> bool:
    """Whether they are equal, where NaN is equal to NaN."""
    return bool(one == other or repr(one) == repr(other))


@dataclass(eq=False, slots=True)
class Columns:
    """The nodes of a graph by column, and its edges by target. What few nodes have is in dicts.

    kinds       LEAF, PARAMETER, CONSTANT or OPERATION
    signatures  which of `table` each has
    starts      edges to node i are those from starts[i] to starts[i + 1]
    sources     of each edge
    scope       which of the graph's scopes a node lies in, -1 for none
    kept        bytes kept for backward
    order       number of the node it was taken from, 0 for a constant: not part of what it is
    """

    kinds: bytes
    table: tuple[Signature, ...]
    signatures: NDArray[Any]
    starts: NDArray[Any]
    sources: NDArray[Any]
    scope: NDArray[Any]
    kept: NDArray[Any]
    order: NDArray[Any]
    names: dict[int, str]
    values: dict[int, Any]
    gradients: dict[int, tuple[Any, float | None]]
    sites: dict[int, Site]
    records: dict[int, Record]

    def same(self, other: Columns) -> bool:
        """Whether all but `order` is equal; arrays that were recorded are not compared."""
        return (
            self.kinds == other.kinds
            and self._labels() == other._labels()
            and np.array_equal(self.starts, other.starts)
            and np.array_equal(self.sources, other.sources)
            and np.array_equal(self.scope, other.scope)
            and np.array_equal(self.kept, other.kept)
            and self.names == other.names
            and alike(self.values, other.values)
            and alike(self.gradients, other.gradients)
            and self.sites == other.sites
            and alike(self._recorded(), other._recorded())
        )

    def _labels(self) -> list[Signature]:
        return [self.table[i] for i in self.signatures.tolist()]

    def _recorded(self) -> dict[int, Any]:
        return {i: r._replace(values=None, gradient=None) for i, r in self.records.items()}


class Rows(Sequence[Row], Generic[Row]):
    """A sequence whose items are made when they are asked for."""

    __slots__ = ("_length", "_make")

    def __init__(self, length: int, make: Callable[[int], Row]) -> None:
        self._length, self._make = length, make

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Row, ...]: ...

    def __getitem__(self, index: int | slice) -> Row | tuple[Row, ...]:
        if isinstance(index, slice):
            return tuple([self._make(i) for i in range(self._length)[index]])
        try:
            return self._make(range(self._length)[index])
        except IndexError:
            raise IndexError(f"there are {self._length:,} of them, and no {index}") from None

    def __iter__(self) -> Iterator[Row]:
        return map(self._make, range(self._length))

    def __len__(self) -> int:
        return self._length

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (Rows, tuple, list)):
            return len(self) == len(other) and all(a == b for a, b in zip(self, other))
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = [repr(item) for item in self[:3]]
        more = [f"… {self._length:,} in all"] if self._length > len(shown) else []
        return f"({', '.join(shown + more)})"
