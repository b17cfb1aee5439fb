"""Labels of classes, in the forms that losses take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from ...errors import ArgumentError

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

FORMS = ("classes", "one-hot", "probabilities")


def labels(
    examples: int | tuple[int, ...],
    classes: int,
    *,
    forms: Iterable[str] = FORMS,
    dtype: DTypeLike = np.float64,
) -> st.SearchStrategy[NDArray[Any]]:
    """Labels of examples: integers, shape (examples,); one-hot or probabilities, (…, classes).

    examples: how many, or the shape of the batch.
    forms: which of "classes", "one-hot" and "probabilities".
    dtype: of one-hot labels and probabilities; a row of probabilities sums to 1, some are 0 or 1.
    Shrinks towards class 0 everywhere.
    Raises ArgumentError for another form, or no classes.
    """
    wanted = tuple(forms)
    for form in wanted:
        if form not in FORMS:
            raise ArgumentError(f"labels: form {form!r}; there are {', '.join(FORMS)}")
    if classes < 1:
        raise ArgumentError(f"labels: {classes} classes; it needs 1 or more")
    batch = (examples,) if isinstance(examples, int) else tuple(examples)
    integers = nps.arrays(np.int64, batch, elements=st.integers(0, classes - 1), fill=st.nothing())
    weights = nps.arrays(np.int64, (*batch, classes), elements=st.integers(0, 8), fill=st.nothing())
    found: dict[str, st.SearchStrategy[NDArray[Any]]] = {
        "classes": integers,
        "one-hot": integers.map(lambda y: np.eye(classes, dtype=dtype)[y]),
        "probabilities": weights.map(lambda w: _probabilities(w).astype(dtype)),
    }
    return st.one_of([found[form] for form in wanted])


def _probabilities(weights: NDArray[Any]) -> Any:
    first = np.eye(weights.shape[-1], dtype=weights.dtype)[0]
    some = weights.sum(axis=-1, keepdims=True) > 0
    weights = np.where(some, weights, first)
    return weights / weights.sum(axis=-1, keepdims=True)
