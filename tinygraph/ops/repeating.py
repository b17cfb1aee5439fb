"""Elements more than once: as tiles, each by itself, or until a shape is full."""

from typing import Any

import numpy as np

from ..errors import ShapeError
from ..primitive import Operand, derived
from ..tensor import Tensor, as_tensor
from .axes import checked_axis
from .indexing import getitem, plain
from .reduction import sum
from .shape import Shape, broadcast_to, reshape


@derived(numpy=np.tile)
def tile(A: Operand, reps: Any) -> Tensor:
    """The array laid out like tiles, so many times along each axis."""
    A = as_tensor(A, "tile")
    counts = [int(n) for n in np.atleast_1d(plain(reps) if np.size(reps) else np.array([], int))]
    if any(n < 0 for n in counts):
        raise ShapeError(f"tile: reps {tuple(counts)}; a tile is laid 0 times or more")
    ndim = max(A.ndim, len(counts))
    counts = [1] * (ndim - len(counts)) + counts
    shape = (1,) * (ndim - A.ndim) + A.shape
    # (n₀, n₁) becomes (1, n₀, 1, n₁), is repeated to (r₀, n₀, r₁, n₁) and flattened in pairs.
    single = [size for n in shape for size in (1, n)]
    pairs = [size for r, n in zip(counts, shape, strict=True) for size in (r, n)]
    full = [r * n for r, n in zip(counts, shape, strict=True)]
    return reshape(broadcast_to(reshape(A, tuple(single)), tuple(pairs)), tuple(full))


@derived(numpy=np.repeat)
def repeat(a: Operand, repeats: Any, axis: int | None = None) -> Tensor:
    """Each element, or slice along the axis, so many times; axis None: flattened.

    repeats: an int, or for each slice its own.
    """
    a = as_tensor(a, "repeat")
    if axis is None:
        a, axis = reshape(a, (-1,)), 0
    axis = checked_axis(axis, a.ndim, "repeat")
    counts = np.asarray(plain(repeats))
    n = a.shape[axis]
    if counts.ndim > 1 or counts.size not in (1, n):
        raise ShapeError(
            f"repeat: repeats of shape {counts.shape} for {n} slices along axis {axis} of shape "
            f"{a.shape}; it needs one number, or one for each"
        )
    if counts.size and counts.min() < 0:
        raise ShapeError(f"repeat: repeats {counts.tolist()}; they cannot be negative")
    if counts.size != 1:
        index = np.repeat(np.arange(n), counts)
        return getitem(a, (slice(None),) * axis + (index,))
    count = int(counts.ravel()[0])
    before, after = a.shape[:axis], a.shape[axis + 1 :]
    spread = broadcast_to(reshape(a, (*before, n, 1, *after)), (*before, n, count, *after))
    return reshape(spread, (*before, n * count, *after))


@derived(numpy=np.resize)
def resize(a: Operand, new_shape: Shape) -> Tensor:
    """The elements in another shape, again from the first as often as it takes to fill it.

    Nothing repeated is zeros, as in NumPy.
    """
    a = reshape(as_tensor(a, "resize"), (-1,))
    shape = (new_shape,) if isinstance(new_shape, (int, np.integer)) else tuple(new_shape)
    if any(n < 0 for n in shape):
        raise ShapeError(f"resize: new_shape {shape}; sizes cannot be negative")
    if not a.size:
        return broadcast_to(sum(a), shape)
    return getitem(a, (np.resize(np.arange(a.size), shape),))
