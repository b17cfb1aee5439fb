"""Arrays made to fit each other: broadcast together, or as the coordinates of a grid."""

import numpy as np

from ..errors import ArgumentError, ShapeError
from ..explain import broadcast_message
from ..primitive import Operand, derived
from ..tensor import Tensor, as_tensor, untracked
from .shape import broadcast_to, reshape
from .shape import copy as copied


@derived(numpy=np.broadcast_arrays)
def broadcast_arrays(*args: Operand, subok: bool = False) -> tuple[Tensor, ...]:
    """The arrays, repeated to the shape that they have together."""
    arrays = [as_tensor(x, "broadcast_arrays") for x in args]
    shapes = [x.shape for x in arrays]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        raise ShapeError(broadcast_message("broadcast_arrays", shapes)) from None
    return tuple([x if x.shape == shape else broadcast_to(x, shape) for x in arrays])


@derived(numpy=np.meshgrid)
def meshgrid(
    *xi: Operand, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> tuple[Tensor, ...]:
    """The coordinates of a grid's points, from the coordinates along its axes.

    indexing: "ij", the i-th vector along axis i; "xy", the first two axes exchanged.
    sparse: leave sizes at 1, to broadcast.
    """
    if indexing not in ("xy", "ij"):
        raise ArgumentError(f"meshgrid: indexing={indexing!r}; it is 'xy' or 'ij'")
    vectors = [as_tensor(x, "meshgrid") for x in xi]
    places = list(range(len(vectors)))
    if indexing == "xy" and len(places) > 1:
        places[:2] = [1, 0]
    sizes = [0] * len(places)
    open_ = []
    for x, place in zip(vectors, places, strict=True):
        shape = [1] * len(places)
        sizes[place] = shape[place] = x.size
        open_.append(reshape(x, tuple(shape)))
    if not sparse:
        return tuple([broadcast_to(x, tuple(sizes)) for x in open_])
    return tuple(map(copied, open_)) if copy else tuple(open_)


@derived(numpy=np.ix_)
def ix_(*args: Operand) -> tuple[Tensor, ...]:
    """Vectors, each along an axis of its own: indices of a grid. Of booleans, where they hold."""
    found = []
    for k, arg in enumerate(args):
        x = as_tensor(arg, "ix_")
        if x.ndim != 1:
            raise ShapeError(f"ix_: argument {k} has shape {x.shape}; it needs one axis")
        if x.dtype.kind == "b":
            x = untracked(np.nonzero(x.value)[0])
        elif not x.size and type(arg) is not Tensor and not isinstance(arg, np.ndarray):
            x = untracked(x.value.astype(np.intp))
        found.append(reshape(x, (1,) * k + (-1,) + (1,) * (len(args) - k - 1)))
    return tuple(found)
