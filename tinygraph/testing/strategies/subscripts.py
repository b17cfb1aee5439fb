"""Calls of einsum: subscripts, and operands that fit them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from .arrays import arrays
from .shapes import Shape, fitting

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

LETTERS = "ijklmnop"


class Einsum(NamedTuple):
    """A call of einsum: `tg.einsum(call.subscripts, *call.operands)`."""

    subscripts: str
    operands: tuple[NDArray[Any], ...]


def einsum_subscripts(
    *,
    max_operands: int = 3,
    max_letters: int = 4,
    max_side: int = 3,
    dtype: DTypeLike = np.float64,
    repeated: bool = True,
    ellipsis: bool = True,
    implicit: bool = True,
    **options: Any,
) -> st.SearchStrategy[Einsum]:
    """Subscripts of einsum with operands: sums, products, diagonals, traces, transposes, stacks.

    repeated: a letter may stand twice in one operand, its diagonal ("ii->i").
    ellipsis: operands may have further axes in front, which broadcast ("...ij,...j").
    implicit: the result may be left out ("ij,jk").
    options: those of `arrays`, for the operands.
    Shrinks towards one operand, few letters and no ellipsis.
    """
    return _calls(
        max_operands, LETTERS[:max_letters], max_side, (repeated, ellipsis, implicit),
        {"dtype": dtype, **options},
    )  # fmt: skip


@st.composite
def _calls(
    draw: st.DrawFn,
    max_operands: int,
    letters: str,
    max_side: int,
    allowed: tuple[bool, bool, bool],
    options: dict[str, Any],
) -> Einsum:
    repeated, ellipsis, implicit = allowed
    sizes = {letter: draw(st.integers(1, max_side)) for letter in letters}
    term = st.lists(st.sampled_from(letters), max_size=3, unique=not repeated)
    terms = draw(st.lists(term.map("".join), min_size=1, max_size=max_operands))
    stacks: list[Shape | None] = [None] * len(terms)
    if ellipsis and draw(st.booleans()):
        stack = draw(st.lists(st.integers(1, max_side), max_size=2).map(tuple))
        stacks = [draw(st.none() | fitting(stack)) for _ in terms]
    used = sorted(set("".join(terms)))
    out = None
    if not (implicit and draw(st.booleans())):
        out = "".join(draw(st.lists(st.sampled_from(used), unique=True)) if used else [])
        if any(stack is not None for stack in stacks):
            # Einsum does not sum over an ellipsis.
            out = "..." + out
    words = [
        term if stack is None else f"...{term}" for term, stack in zip(terms, stacks, strict=True)
    ]
    subscripts = ",".join(words) + ("" if out is None else f"->{out}")
    operands = tuple(
        draw(arrays((*(stack or ()), *(sizes[letter] for letter in term)), **options))
        for term, stack in zip(terms, stacks, strict=True)
    )
    return Einsum(subscripts, operands)
