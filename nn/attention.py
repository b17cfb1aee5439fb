"""Attention: as an operation on queries, keys and values, and as a layer with several heads."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

from .fully_connected import Dense
from .generator import Seed, generator_from
from .initialisers import Initializer
from .module import Module
from .regularisation import MEANING, Dropout, draw_mask
from .rows import as_rows, ones, row_starts
from .validation import check_features, fraction, positive

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray


def _transposed(x: Any) -> Any:
    return x.swapaxes(-1, -2)


def _low(dtype: Any) -> Any:
    """What stands for −∞: far below every score, and still with a difference to itself."""
    return np.finfo(dtype).min / 2


def _weights(query: Any, key: Any, mask: Any, scale: float) -> Any:
    """softmax(scale Q Kᵀ), 0 where the mask is False."""
    scores = (query * scale) @ _transposed(key)
    if mask is None:
        return tg.softmax(scores)
    weights = tg.softmax(tg.where(mask, scores, _low(scores.dtype)))
    return weights * mask.any(-1, keepdims=True)


def _attend_back(
    ct: Any,
    query: Any,
    key: Any,
    value: Any,
    kept: Any,
    weights: Any,
    scale: float,
    needs: Any,
) -> Any:
    ct_value = None
    if needs[2]:
        ct_value = _transposed(weights if kept is None else weights * kept) @ ct
    if not (needs[0] or needs[1]):
        return None, None, ct_value
    ct_weights = ct @ _transposed(value)
    if kept is not None:
        ct_weights = ct_weights * kept
    if type(ct_weights) is np.ndarray:
        ct_scores = ct_weights - np.vecdot(ct_weights, weights)[..., np.newaxis]
        ct_scores *= weights
    else:
        mean = (ct_weights * weights).sum(axis=-1, keepdims=True)
        ct_scores = (ct_weights - mean) * weights
    return (
        (ct_scores @ key) * scale if needs[0] else None,
        _transposed(ct_scores) @ (query * scale) if needs[1] else None,
        ct_value,
    )


MASK = np.array([[True, False, True], [False, False, False]])  # one query may look nowhere


@tg.primitive(
    name="attention",
    broadcasts=True,
    mask=None,
    kept=None,
    joint=(("query", "key", "value"), _attend_back),
    saves={"weights": _weights},
    samples=(
        tg.sample((2, 4), (3, 4), (3, 2), scale=0.5),
        tg.sample((2, 3), (2, 3), (2, 3), scale=0.6),
        tg.sample((2, 2, 3), (2, 4, 3), (2, 4, 3), scale=0.7),
        tg.sample((2, 3), (3, 3), (3, 3), MASK, scale=0.5),
        tg.sample((2, 1, 2, 2), (1, 3, 2), (1, 3, 2), MASK, scale=1.0),
        tg.sample((2, 3), (3, 3), (3, 2), None, np.array([[2.0, 0, 2], [0, 2, 2]]), scale=0.5),
        tg.sample((2, 3), (3, 3), (2, 3, 1), np.stack([MASK, ~MASK]), scale=0.5),
        tg.sample((1, 1), (1, 1), (1, 1), scale=1.0),
    ),
)
def attend(
    query: Any, key: Any, value: Any, mask: Any = None, kept: Any = None, *, scale: float
) -> Any:
    """(kept · softmax(scale Q Kᵀ)) V, the softmax over the keys that the mask allows."""
    scores = np.matmul(query * scale, _transposed(key))
    if scores.dtype.kind != "f":
        if scores.dtype.kind == "c":
            raise tg.DTypeError("attention: complex numbers, which have no order")
        scores = scores.astype(np.float64)
    if mask is not None:
        shape = np.broadcast_shapes(scores.shape, mask.shape)
        if shape != scores.shape:  # as many scores for each of the masks
            scores = np.broadcast_to(scores, shape).copy()
        np.copyto(scores, _low(scores.dtype), where=~mask)
    weights = _softmax_in_place(scores)
    if mask is not None and not (seen := mask.any(-1, keepdims=True)).all():
        weights *= seen
    return np.matmul(weights if kept is None else weights * kept, value), weights


def _softmax_in_place(scores: NDArray[Any]) -> Any:
    rows = as_rows(scores)
    m, n = rows.shape
    # Where the maximum stands is found several times as fast as what it is.
    rows -= rows.take(row_starts(m, n) + rows.argmax(1))[:, np.newaxis]
    np.exp(rows, out=rows)
    rows /= rows.dot(ones(n, rows.dtype))[:, np.newaxis]
    return rows.reshape(scores.shape)


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    *,
    mask: Any = None,
    causal: bool = False,
    dropout: float = 0.0,
    scale: float | None = None,
    generator: Seed = None,
) -> tg.Tensor:
    """softmax(Q Kᵀ / √d) V: for each query the mean of the values, weighted by how its key fits.

    query: (…, queries, d).  key: (…, keys, d).  value: (…, keys, e); leading axes broadcast.
    mask: booleans that broadcast to (…, queries, keys), True where the query may look. A query
        that may look nowhere gets 0.
    causal: query i may look at keys 0 … i only; there must be as many keys as queries.
    dropout: the fraction of the weights dropped, always: what is to depend on training is for
        `nn.MultiHeadAttention`.  generator: an integer seed or NumPy generator to draw them from;
        else that of `nn.seed`.
    scale: in place of 1 / √d.
    Returns (…, queries, e), with the dtype of NumPy's promotion.
    Raises ShapeError where sizes differ, DTypeError for a mask that is not boolean.
    Stable: the maximum is subtracted first.  Vaswani et al. 2017, section 3.2.1.
    """
    return _attention(
        "scaled_dot_product_attention", query, key, value, mask, causal, dropout, generator, scale
    )


def _attention(
    operation: str,
    query: Any,
    key: Any,
    value: Any,
    mask: Any,
    causal: bool,
    dropout: float,
    generator: Seed,
    scale: float | None = None,
) -> tg.Tensor:
    lead, queries, keys, d = _sizes(operation, *map(_shape, (query, key, value)))
    allowed = _allowed(operation, mask, causal, (*lead, queries, keys))
    kept = None
    rate = fraction(operation, "dropout", dropout, MEANING)
    if rate:
        drawn = tg.reproducible(generator_from(generator, operation))
        dtype = np.result_type(*[getattr(x, "dtype", np.float64) for x in (query, key, value)])
        dtype = dtype if dtype.kind == "f" else np.dtype(np.float64)
        kept = draw_mask((*lead, queries, keys), rate, dtype, drawn)
    scale = 1 / math.sqrt(d or 1) if scale is None else float(scale)
    return attend(query, key, value, allowed, kept, scale=scale)


def _sizes(
    operation: str, q: tuple[int, ...], k: tuple[int, ...], v: tuple[int, ...]
) -> tuple[tuple[int, ...], int, int, int]:
    """Leading axes, number of queries and of keys, and the size of each, of shapes that fit."""
    if min(map(len, (q, k, v))) < 2:
        raise tg.ShapeError(
            f"{operation}: query {q}, key {k}, value {v}; they need two axes or more, "
            "(…, time, features)"
        )
    if q[-1] != k[-1]:
        raise tg.ShapeError(
            f"{operation}: query {q} and key {k}; their last axes need one size, as their dot "
            "products are taken"
        )
    if k[-2] != v[-2]:
        raise tg.ShapeError(
            f"{operation}: key {k} and value {v}; they need as many rows, a value for each key"
        )
    if not k[-2]:
        raise tg.ShapeError(f"{operation}: key {k}; there must be something to look at")
    try:
        lead = np.broadcast_shapes(q[:-2], k[:-2], v[:-2])
    except ValueError:
        raise tg.ShapeError(
            f"{operation}: query {q}, key {k}, value {v}; all axes but the last two need to "
            "broadcast"
        ) from None
    return lead, q[-2], k[-2], q[-1]


def _shape(x: Any) -> tuple[int, ...]:
    shape: tuple[int, ...] = x.shape if hasattr(x, "shape") else np.shape(x)
    return shape


def _allowed(
    operation: str, mask: Any, causal: bool, shape: tuple[int, ...]
) -> NDArray[np.bool_] | None:
    """Where a query may look, of at least two axes; None: everywhere."""
    queries, keys = shape[-2:]
    allowed: NDArray[np.bool_] | None = None
    if mask is not None:
        allowed = boolean(operation, mask)
        if not _broadcasts(allowed.shape, shape):
            raise tg.ShapeError(
                f"{operation}: a mask of shape {allowed.shape}; it needs to broadcast to "
                f"(…, queries, keys), here {shape}"
            )
        if allowed.ndim < 2:
            allowed = np.broadcast_to(allowed, (1, keys))
    if causal:
        if queries != keys:
            raise tg.ShapeError(
                f"{operation}: causal with {queries} queries and {keys} keys; it needs as many, "
                "or a mask that says which query may look where"
            )
        before = np.tri(queries, dtype=bool)
        allowed = before if allowed is None else allowed & before
    return allowed


def _broadcasts(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, wanted) == wanted
    except ValueError:
        return False


def boolean(operation: str, mask: Any) -> NDArray[np.bool_]:
    """The mask as an array; DTypeError unless it is boolean."""
    array: NDArray[Any] = mask.numpy() if isinstance(mask, tg.Tensor) else np.asarray(mask)
    if array.dtype != bool:
        fix = "mask == 0 if it holds −∞ where not" if array.dtype.kind == "f" else "mask != 0"
        raise tg.DTypeError(
            f"{operation}: a mask of dtype {array.dtype}; it needs booleans, True where a query "
            f"may look: {fix}"
        )
    return array


class MultiHeadAttention(Module):
    """Attention in `heads` subspaces at once: softmax(Qₕ Kₕᵀ / √d) Vₕ for each, side by side, W_o.

    query: (…, queries, features).  key: (…, keys, features); None: the queries themselves, which
        is self-attention.  value: of the keys' shape; None: the keys.
    mask: booleans, True where a query may look, that broadcast to (queries, keys), the same for
        all; to (batch, queries, keys); or with an axis for the heads, (batch, heads, queries,
        keys). To leave out padded keys: real[:, np.newaxis, :], with `real` (batch, keys). A query
        that may look nowhere gets the output's bias alone.
    causal: a query looks at its own place and before it only.
    Returns (…, queries, features).

    heads: must divide features; d = features / heads is the size of a head's queries and keys.
    bias: of the four products, begun at 0; False leaves it out.
    dropout: the fraction of the weights dropped, in training.
    initializer: of the four weights.
    dtype: of the parameters. Input of another dtype is not cast.
    generator: an integer seed or NumPy generator to draw from; else that of `nn.seed`.

    Made of the `nn.Dense` layers `query`, `key`, `value` and `output`, each features to features.

    >>> attention = nn.MultiHeadAttention(128, 4)
    >>> attention(np.zeros((16, 64, 128), np.float32), causal=True).shape
    (16, 64, 128)

    Raises ArgumentError for settings that make no sense; when called, ShapeError for sizes that
    do not fit, DTypeError for a mask that is not boolean.
    Vaswani et al. 2017, section 3.2.2.
    """

    def __init__(
        self,
        features: int,
        heads: int,
        *,
        bias: bool = True,
        dropout: float = 0.0,
        initializer: str | Initializer = "xavier",
        dtype: DTypeLike = np.float32,
        generator: Seed = None,
    ) -> None:
        super().__init__()
        self.features = positive("MultiHeadAttention", "features", features)
        self.heads = positive("MultiHeadAttention", "heads", heads)
        if self.features % self.heads:
            close = [h for h in range(1, self.features + 1) if self.features % h == 0]
            near = min(close, key=lambda h: abs(h - self.heads))
            raise tg.ArgumentError(
                f"MultiHeadAttention: features={features} is not a multiple of heads={heads}, "
                f"so that they cannot be shared out equally; heads={near} would do"
            )
        rate = fraction("MultiHeadAttention", "dropout", dropout, MEANING)
        drawn = generator_from(generator, "MultiHeadAttention")

        def layer() -> Dense:
            return Dense(
                self.features,
                self.features,
                bias=bias,
                initializer=initializer,
                dtype=dtype,
                generator=drawn,
            )

        self.query, self.key, self.value, self.output = layer(), layer(), layer(), layer()
        self.dropout = Dropout(rate, generator=None if generator is None else drawn)

    def forward(
        self,
        query: Any,
        key: Any = None,
        value: Any = None,
        *,
        mask: Any = None,
        causal: bool = False,
    ) -> tg.Tensor:
        """What the queries find."""
        query, key, value = self._checked(query, key, value)
        if mask is not None:
            mask = self._for_heads(mask, _shape(query), _shape(key))
        found = _attention(
            "MultiHeadAttention",
            self._by_head(self.query(query)),
            self._by_head(self.key(key)),
            self._by_head(self.value(value)),
            mask,
            causal,
            self.dropout.rate if self.training else 0.0,
            self.dropout.generator,
        )
        together = tg.swapaxes(found, -3, -2)
        result: tg.Tensor = self.output(tg.reshape(together, (*together.shape[:-2], self.features)))
        return result

    def _checked(self, query: Any, key: Any, value: Any) -> tuple[Any, Any, Any]:
        """All three, of shapes that fit."""
        if key is None and value is not None:
            raise tg.ArgumentError("MultiHeadAttention: a value came without a key; pass both")
        key = query if key is None else key
        value = key if value is None else value
        for word, given in (("query", query), ("key", key), ("value", value)):
            shape = check_features(self, given, self.features)
            if len(shape) < 2:
                raise tg.ShapeError(
                    f"MultiHeadAttention: a {word} of shape {shape}; it needs "
                    f"(batch, time, {self.features}), or (time, {self.features}) for one example"
                )
        shapes = [_shape(given) for given in (query, key, value)]
        if not shapes[0][:-2] == shapes[1][:-2] == shapes[2][:-2]:
            raise tg.ShapeError(
                f"MultiHeadAttention: query {shapes[0]}, key {shapes[1]}, value {shapes[2]}; they "
                "need as many examples"
            )
        return query, key, value

    def _by_head(self, x: tg.Tensor) -> tg.Tensor:
        """(…, time, features) as (…, heads, time, d)."""
        d = self.features // self.heads
        return tg.swapaxes(tg.reshape(x, (*x.shape[:-1], self.heads, d)), -3, -2)

    def _for_heads(
        self, mask: Any, query: tuple[int, ...], key: tuple[int, ...]
    ) -> NDArray[np.bool_]:
        """The mask with an axis for the heads, where it has one for examples but none for them."""
        array = boolean("MultiHeadAttention", mask)
        wanted = (*query[:-1], key[-2])
        whole = (*query[:-2], self.heads, *wanted[-2:])
        own = array.ndim <= len(wanted)
        if not _broadcasts(array.shape, wanted if own else whole):
            raise tg.ShapeError(
                f"MultiHeadAttention: a mask of shape {array.shape}; it needs to broadcast to "
                f"(…, queries, keys), here {wanted}, or with an axis for the heads to {whole}"
            )
        return array[..., np.newaxis, :, :] if own and array.ndim > 2 else array

    def extra_repr(self) -> str:
        """The sizes."""
        return f"{self.features}, {self.heads}"
