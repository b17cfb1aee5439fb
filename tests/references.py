"""What operations are compared with: formulas of NumPy, and samples of what is made of them."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import tinygraph as tg
from tinygraph.numpy_version import since
from tinygraph.primitive import Sample, sample
from tinygraph.registry import NUMPY


def _written(a: Any, index: Any, value: Any) -> Any:
    out = np.array(a)
    out[index] = value
    return out


def _added(ct: Any, index: Any, shape: tuple[int, ...]) -> Any:
    places = np.arange(math.prod(shape)).reshape(shape)[index]
    out = np.zeros(math.prod(shape), ct.dtype)
    np.add.at(out, np.ravel(places), np.ravel(ct))
    return out.reshape(shape)


def _accumulated(ufunc: Any, a: Any, axis: int | None) -> Any:
    return ufunc.accumulate(np.ravel(a), 0) if axis is None else ufunc.accumulate(a, axis)


def _overlapped(windows: Any, shape: tuple[int, ...], window: Any, axis: Any) -> Any:
    places = np.arange(math.prod(shape)).reshape(shape)
    out = np.zeros(math.prod(shape), windows.dtype)
    np.add.at(out, np.lib.stride_tricks.sliding_window_view(places, window, axis), windows)
    return out.reshape(shape)


def _moved_cofactors(move: Any, a: Any) -> Any:
    """Σ ∂Cᵢⱼ/∂aₖₗ · moveₖₗ, the minors without two rows and two columns."""
    n = a.shape[-1]
    found = np.zeros(a.shape, np.result_type(a.dtype, move.dtype, np.float32))
    found = found if a.dtype.kind in "fc" else found.astype(float)
    for i, j, k, m in itertools.product(range(n), repeat=4):
        if i != k and j != m:
            rows = [r for r in range(n) if r not in (i, k)]
            columns = [c for c in range(n) if c not in (j, m)]
            sign = (-1) ** (i + j + k - (k > i) + m - (m > j))
            found[..., i, j] += (
                sign * np.linalg.det(a[..., rows, :][..., columns]) * move[..., k, m]
            )
    return found


def _spherical(u: Any, order: int = 0) -> Any:
    """∫ tⁿ cos(ut + nπ/2) dt over [0, 1], by Gauss and Legendre."""
    nodes, weights = np.polynomial.legendre.leggauss(30)
    t = (nodes + 1) / 2
    u = np.asarray(u, np.result_type(u, 0.0))
    wave = t**order * np.cos(u[..., np.newaxis] * t + order * math.pi / 2)
    return (wave @ (weights / 2)).astype(u.dtype)


def _bessel(x: Any, order: int = 0) -> Any:
    """1/π ∫ e^(x cos θ) cos nθ dθ over [0, π]: the mean over a period, exact by equal steps."""
    theta = np.arange(200) * (2 * math.pi / 200)
    x = np.asarray(x, np.result_type(x, 0.0))
    wave = np.exp(x[..., np.newaxis] * np.cos(theta)) * np.cos(order * theta)
    return wave.mean(-1).astype(x.dtype)


def _sort(a: Any, axis: int | None = -1, *, descending: bool = False, **how: Any) -> Any:
    y = np.sort(a, axis, **how)
    return np.flip(y, axis) if descending else y


# Operations of tinygraph.ops, as formulas of NumPy, where no one NumPy function is the same.
FORMULAS: dict[str, Callable[..., Any]] = {
    "relu": lambda x: x * (x > 0),
    "leaky_relu": lambda x, slope=0.01: np.maximum(x, slope * x),
    "sigmoid": lambda x: (1 + np.tanh(x / 2)) / 2,
    "softplus": lambda x: np.logaddexp(x, 0),
    "softmax": lambda x, axis=-1: np.exp(x) / np.exp(x).sum(axis, keepdims=True),
    "log_softmax": lambda x, axis=-1: x - np.log(np.exp(x).sum(axis, keepdims=True)),
    "logsumexp": lambda a, **axes: np.log(np.sum(np.exp(a), **axes)),
    "getitem": lambda a, index: a[index],
    "setitem": _written,
    "scatter": _added,
    "clip_between": lambda x, low=None, high=None: np.clip(x, low, high),
    "astype": lambda a, dtype, **how: np.asarray(a).astype(dtype, **how),
    "split_at": lambda ary, cuts, axis=0: tuple(np.split(ary, cuts, axis)),
    "pad_constant": lambda array, width, value=0: np.pad(array, width, constant_values=value),
    "linspace_between": lambda start, stop, num, endpoint=True, axis=0: np.linspace(
        start, stop, num, endpoint, axis=axis
    ),
    "arange_between": np.arange,
    "convolve_full": np.convolve,
    "convolve_valid": lambda a, v: np.convolve(a, v, "valid"),
    "interpolate": np.interp,
    "polynomial": np.polyval,
    "roots_of": np.roots,
    "overlap_add": _overlapped,
    "unstack": lambda x, axis=0: tuple(np.moveaxis(x, axis, 0)),
    "einsum_explicit": np.einsum,
    "cummax": lambda a, axis=None: _accumulated(np.maximum, a, axis),
    "cummin": lambda a, axis=None: _accumulated(np.minimum, a, axis),
    "cumlogsumexp": lambda a, axis=None: np.log(np.cumsum(np.exp(a), axis)),
    "fmax_reduce": np.nanmax,
    "fmin_reduce": np.nanmin,
    "distinct": lambda a, first, group, chosen: np.take(np.take(a, first, 0), chosen, 0),
    "lerp": lambda a, b, t: a * (1 - t) + b * t,
    "constant_in": lambda y, x: y,
    "evenly_spaced": lambda start, stop, num, dtype: np.linspace(start, stop, num, dtype=dtype),
    "p_norm": lambda x, ord=2, axis=None, keepdims=False: (
        ((1.0 * np.abs(x)) ** ord).sum(axis, keepdims=keepdims) ** (1 / ord)
    ),
    "mirrored": lambda a: (
        np.tril(a, -1)
        + np.conj(np.swapaxes(np.tril(a, -1), -1, -2))
        + a.real * np.eye(len(a.T), dtype=bool)
    ),
    "pinv_above": np.linalg.pinv,
    "least_squares": np.linalg.lstsq,
    "cofactors": lambda a: (
        np.linalg.det(a)[..., np.newaxis, np.newaxis] * np.linalg.inv(a).swapaxes(-1, -2)
    ),
    "moved_cofactors": _moved_cofactors,
    "similar": lambda a, u: np.linalg.inv(u) @ a @ u,
    "sign_and_log": np.linalg.slogdet,
    "orthogonal_and_triangular": np.linalg.qr,
    "hermitian_eigenvectors": np.linalg.eigh,
    "eigenvectors": np.linalg.eig,
    "singular_vectors": lambda a, full_matrices=True, hermitian=False: np.linalg.svd(
        a, full_matrices, True, hermitian
    ),
    "where_either": np.where,
    "replace_bad": lambda x, *new: np.nan_to_num(x, True, *new),
    "spherical": _spherical,
    "bessel": _bessel,
    "sort": _sort,
}


def _norm(x: Any, *args: Any, **keywords: Any) -> Any:
    """NumPy's, which before 2.3 refused some norms of nothing: they are 0, as those of zero."""
    if not x.size and not since("2.3.0"):
        x = np.zeros((1,) * x.ndim, x.dtype)
    return np.linalg.norm(x, *args, **keywords)


# NumPy's functions as later versions have them.
LATER: dict[str, Callable[..., Any]] = {"linalg.norm": _norm}
# Functions of matrices that are tried with eigenvalues and singular values well apart.
SEPARATED = {
    *("inv", "solve", "cholesky", "pinv_above", "least_squares", "cofactors", "det"),
    "moved_cofactors",
    *("sign_and_log", "orthogonal_and_triangular", "hermitian_eigenvectors", "linalg.eigvalsh"),
    *("eigenvectors", "similar", "singular_vectors"),
    *("linalg.pinv", "linalg.lstsq", "linalg.slogdet", "linalg.qr", "linalg.eigh", "linalg.eig"),
    *("linalg.eigvals", "linalg.svd", "linalg.svdvals", "linalg.matrix_power", "linalg.cond"),
}


def _fixed_phases(v: Any) -> Any:
    """Complex vectors, multiplied by what makes their first elements positive."""
    return v * np.conjugate(np.sign(v[..., :1, :]))


def _fixed_svd(u: Any, s: Any, vh: Any) -> Any:
    k = s.shape[-1]
    phase = np.sign(u[..., :1, :k])
    kept = u[..., :k] * np.conjugate(phase), np.swapaxes(phase, -1, -2) * vh[..., :k, :]
    spans = u[..., k:] @ np.conjugate(np.swapaxes(u[..., k:], -1, -2))
    rests = np.conjugate(np.swapaxes(vh[..., k:, :], -1, -2)) @ vh[..., k:, :]
    return [kept[0], s, kept[1], spans, rests]


def _fixed_qr(q: Any, r: Any) -> Any:
    k = min(r.shape[-2:])
    rest = q[..., k:]
    return [q[..., :k], r, rest @ np.conjugate(np.swapaxes(rest, -1, -2))]


# Of outputs that are free to a phase, or to a choice of basis, what is not.
DETERMINED: dict[str, Callable[..., Sequence[Any]]] = {
    "hermitian_eigenvectors": lambda w, v: [w, _fixed_phases(v)],
    "eigenvectors": lambda w, v: [w, _fixed_phases(v)],
    "singular_vectors": _fixed_svd,
    "orthogonal_and_triangular": _fixed_qr,
    "linalg.eigh": lambda w, v: [w, _fixed_phases(v)],
    "linalg.eig": lambda w, v: [w, _fixed_phases(v)],
    "linalg.svd": lambda *usv: _fixed_svd(*usv) if len(usv) == 3 else usv,
    "linalg.qr": lambda *qr: _fixed_qr(*qr) if len(qr) == 2 else qr,
}
VECTOR_ORDERS = (None, np.inf, -np.inf, 0, 1, -1, 2, -2, 3, 0.5)
MATRIX_ORDERS = ("fro", "nuc", np.inf, -np.inf, 1, -1, 2, -2)


def _rising(x: Any) -> Any:
    return np.cumsum(x) * x[0]


def _products(x: Any, factor: float = 1.0) -> Any:
    return np.outer(x, x) * factor


def _written_around(vector: Any, widths: tuple[int, int], axis: int, kwargs: Any) -> None:
    before, after = widths
    vector[:before] = vector[before] * kwargs["before"] + axis
    vector[-after:] = np.sum(vector)


KNOTS = np.array([-1.5, -0.4, 0.1, 2.0])

# NumPy functions that are made of operations: the positions or keywords of arrays, and samples.
DERIVED: dict[str, tuple[Sequence[int | str], Sequence[Sample]]] = {
    "take": (
        [0],
        [
            sample((3, 4), [0, 5, 0]),
            sample((3, 4), np.array([[1, 0], [3, 3]]), axis=1),
            sample((3, 4), [5, -4], axis=0, mode="wrap"),
            sample((3, 4), [5, -4], axis=0, mode="clip"),
            sample((3,), 1),
        ],
    ),
    "take_along_axis": (
        [0],
        [
            sample((3, 4), np.array([[0, 3], [1, 1], [2, 0]]), axis=1),
            sample((3, 4), np.array([[2, 0, 0, 1]]), axis=0),
            sample((3, 1), np.array([[0, 0]]), axis=-1),
            sample((3, 4), np.array([5, 11, 5]), axis=None),
        ],
    ),
    "clip": (
        [0, 1, 2],
        [sample((3, 4), (4,), (3, 1)), sample((3, 4), (), None), sample((3, 4), -0.1, 0.2)],
    ),
    "angle": ([0], [sample((2, 3)), sample((3,), True), sample(())]),
    "nan_to_num": ([0], [sample((2, 3)), sample((3,), nan=1.0, posinf=2.0)]),
    "real_if_close": ([0], [sample((2, 3)), sample((), 10)]),
    "split": ([0], [sample((4, 3), 2), sample((3, 5), [1, 3], axis=1)]),
    "array_split": ([0], [sample((7, 2), 3), sample((2, 5), [1, 1, 3], axis=-1)]),
    "hsplit": ([0], [sample((4,), 2), sample((2, 4), [1]), sample((2, 4, 1), 2)]),
    "vsplit": ([0], [sample((4, 2), 2), sample((3, 2), [1, 2])]),
    "dsplit": ([0], [sample((1, 2, 4), 2)]),
    "delete": (
        [0],
        [
            sample((5,), 1),
            sample((2, 3), [0, -1]),
            sample((3, 4), slice(None, None, 2), axis=1),
            sample((3, 2), np.array([True, False, True]), axis=0),
        ],
    ),
    "insert": (
        [0, 2],
        [
            sample((3,), 1, ()),
            sample((2, 2), [1, 3], (2,)),
            sample((2, 3), 1, (3,), axis=0),
            sample((2, 3), -1, (2,), axis=1),
            sample((2, 3), [0, 0, 2], (2, 3), axis=1),
            sample((2, 3), [1], (1, 1), axis=-1),
            sample((4,), slice(0, 3, 2), (2,), axis=0),
        ],
    ),
    "append": ([0, 1], [sample((2, 2), (3,)), sample((2, 3), (1, 3), 0), sample((), ())]),
    "hstack": ([0], [sample([(2,), (3,)]), sample([(2, 1), (2, 3)]), sample([(), (2,)])]),
    "vstack": ([0], [sample([(2,), (2,)]), sample([(2, 3), (3,)]), sample([(), ()])]),
    "dstack": ([0], [sample([(2,), (2,)]), sample([(2, 3), (2, 3, 2)])]),
    "column_stack": ([0], [sample([(3,), (3, 2), (3,)]), sample([(2, 2)])]),
    "block": ([0], [sample([(2, 2), (2, 1)]), sample([(3,), ()]), sample((2,))]),
    "trim_zeros": ([0], [sample((4,)), sample((3,), "f")]),
    "atleast_1d": ([0, 1], [sample(()), sample((2, 3)), sample((), (2,))]),
    "atleast_2d": ([0, 1], [sample(()), sample((3,)), sample((2,), (1, 2, 2))]),
    "atleast_3d": ([0, 1], [sample(()), sample((3,)), sample((2, 3), (2, 1, 1, 2))]),
    "rollaxis": ([0], [sample((2, 3, 4), 2), sample((2, 3, 4), 0, 3), sample((2, 3, 2), -1, -2)]),
    "fliplr": ([0], [sample((2, 3)), sample((2, 3, 2))]),
    "flipud": ([0], [sample((3,)), sample((2, 3))]),
    "rot90": (
        [0],
        [
            sample((2, 3)),
            sample((2, 3), 2),
            sample((2, 3, 2), -1, (2, 0)),
            sample((2, 3), k=4, axes=(1, 0)),
        ],
    ),
    "tile": (
        [0],
        [
            sample((3,), 2),
            sample((2, 3), (2, 1, 2)),
            sample((2, 1, 2), 3),
            sample((), (2,)),
            sample((2,), 0),
            sample((2, 3), ()),
        ],
    ),
    "repeat": (
        [0],
        [
            sample((2, 3), 2),
            sample((2, 3), 2, axis=1),
            sample((2, 3), [2, 0, 1], axis=-1),
            sample((3,), [3], 0),
            sample((), 2),
            sample((2,), 0),
        ],
    ),
    "resize": (
        [0],
        [sample((2, 3), (3, 3)), sample((4,), 3), sample((2,), (0, 2)), sample((0,), 2)],
    ),
    "broadcast_arrays": ([0, 1, 2], [sample((3, 1), (4,), ()), sample((2,))]),
    "meshgrid": (
        [0, 1, 2],
        [
            sample((2,), (3,)),
            sample((2,), (3,), (2,), indexing="ij"),
            sample((2,), (), (3,), sparse=True),
            sample((2,)),
        ],
    ),
    "ix_": ([0, 1], [sample((2,), (3,))]),
    "apply_along_axis": (
        [2],
        [
            sample(_rising, 1, (2, 3)),
            sample(_products, 0, (2, 3)),
            sample(_products, -2, (2, 2, 3), 2.0),
            sample(np.sum, 0, (3,)),
        ],
    ),
    "apply_over_axes": ([1], [sample(np.sum, (2, 3, 2), (0, 2)), sample(np.mean, (2, 3), -1)]),
    "astype": ([0], [sample((2, 3), np.float64), sample((2,), np.float64, copy=False)]),
    "full_like": (
        [1],
        [sample(tg.tensor(np.ones((2, 3))), ()), sample(tg.tensor([1.0]), (3,), shape=(2, 3))],
    ),
    "linspace": (
        [0, 1],
        [
            sample((), (), 5),
            sample((2,), (), 3, endpoint=False, retstep=True, axis=-1),
            sample((), 4.0, 3, retstep=True),
        ],
    ),
    "logspace": (
        [0, 1],
        [
            sample((), (), 4),
            sample((2,), (1,), 3, endpoint=False, base=2, axis=1),
            sample((2,), (), 2, base=np.array([2.0, 0.5])),
        ],
    ),
    "kron": (
        [0, 1],
        [sample((2, 3), (2, 2)), sample((2,), (2, 1)), sample((2, 1, 2), (3,)), sample((), (2,))],
    ),
    "cross": (
        [0, 1],
        [
            sample((3,), (3,)),
            sample((2, 3), (4, 1, 3)),
            sample((3, 2), (2, 3), axisa=0, axisc=0),
            sample((3, 2), (3, 2), axis=0),
        ],
    ),
    "linalg.cross": ([0, 1], [sample((3,), (2, 3)), sample((3, 2), (3, 2), axis=0)]),
    "convolve": (
        [0, 1],
        [
            sample((5,), (3,)),
            sample((5,), (2,), "same"),
            sample((4,), (5,), "same"),
            sample((2,), (5,), "valid"),
            sample((), (3,), 1),
        ],
    ),
    "correlate": (
        [0, 1],
        [
            sample((5,), (3,)),
            sample((5,), (2,), "same"),
            sample((4,), (5,), "same"),
            sample((2,), (5,), "valid"),
            sample((2,), (5,), "full"),
            sample((5,), (5,), "same"),
        ],
    ),
    "diff": (
        [0, "prepend", "append"],
        [
            sample((4,)),
            sample((2, 4), 2, 1),
            sample((2, 3), 1, 0, prepend=(1, 3), append=()),
            sample((3,), 0),
            sample((2, 3), 2, append=(2, 2)),
            sample((1,)),
        ],
    ),
    "ediff1d": (
        [0, 1, 2],
        [
            sample((4,)),
            sample((2, 2), (2,), ()),
            sample((2,), (), None),
            sample((1,), None, (1, 2)),
        ],
    ),
    "gradient": (
        [0, 1, 2],
        [
            sample((4,)),
            sample((3, 4), 0.5),
            sample((3, 3), (), np.array([0.0, 0.5, 2.0]), edge_order=2),
            sample((2, 4), np.array([0.0, 1.0, 2.0, 3.0]), axis=-1),
            sample((5,), np.array([0.0, 0.3, 1.0, 1.2, 2.0]), edge_order=2),
            sample((2, 3), edge_order=1, axis=0),
            sample((2,), np.array([0.5, 2.0])),
        ],
    ),
    "trapezoid": (
        [0, 1],
        [
            sample((4,)),
            sample((2, 3), (3,)),
            sample((3, 2), (3,), axis=0),
            sample((2, 3), (2, 3), axis=1),
            sample((2, 3), dx=0.5),
        ],
    ),
    "interp": (
        [0, 2],
        [
            sample((6,), KNOTS, (4,)),
            sample((2, 3), KNOTS, (4,), -1.0, 0.5),
            sample((), KNOTS, (4,), None, 2.0),
            sample((5,), np.array([0.5, -0.6, 1.1]), (3,), period=1.5),
        ],
    ),
    "polyfit": ([0, 1, 5], [sample((5,), (5,), 1), sample((4,), (4, 2), 1, None, False, (4,))]),
    "polyval": ([0, 1], [sample((4,), (2, 2)), sample((2, 3), (3,)), sample((1,), ())]),
    "vander": ([0], [sample((3,)), sample((2,), 4, increasing=True), sample((2,), 0)]),
    "polyadd": ([0, 1], [sample((3,), (2,)), sample((2,), (4,)), sample((2,), ())]),
    "polysub": ([0, 1], [sample((3,), (2,)), sample((2,), (4,)), sample((), (1,))]),
    "polymul": ([0, 1], [sample((3,), (2,)), sample((), (2,))]),
    "polydiv": ([0, 1], [sample((4,), (2,))]),
    "roots": ([0], [sample((4,)), sample((2,))]),
    "polyder": ([0], [sample((4,)), sample((4,), 2), sample((3,), 0), sample((1,))]),
    "polyint": (
        [0],
        [sample((3,)), sample((2,), 2, 1.5), sample((2,), 2, [1.0, 2.0]), sample((2,), 0)],
    ),
    "poly": ([0], [sample((3,)), sample((1,))]),
    "pad": (
        [0],
        [
            sample((2, 3), 1),
            sample((2, 3), ((1, 0), (2, 2)), mode="linear_ramp"),
            sample((3, 2), (2, 1), mode="linear_ramp", end_values=((1.0, 2.0), (3.0, 4.0))),
            sample((2, 3), (1, 2), mode="maximum"),
            sample((2, 3), 1, mode="minimum", stat_length=2),
            sample((2, 4), ((1, 0), (2, 1)), mode="mean", stat_length=((1, 1), (3, 2))),
            sample((3, 4), 1, mode="median"),
            sample((5,), (2, 1), mode="median", stat_length=(3, 2)),
            sample((4,), (9, 8), mode="reflect", reflect_type="odd"),
            sample((2, 3), ((1, 0), (4, 7)), mode="symmetric", reflect_type="odd"),
            sample((1, 2), 2, mode="reflect", reflect_type="odd"),
            sample((2, 0), ((1, 1), (0, 0)), mode="edge"),
            sample((2, 3), 1, _written_around, before=2),
            sample((), 3, mode="mean"),
            sample((2, 3), ((0, 2), (1, 0)), constant_values=3.0),
            sample((3, 4), (1, 2), mode="edge"),
            sample((3, 4), ((1, 2), (3, 0)), mode="reflect"),
            sample((3, 4), 2, mode="symmetric"),
            sample((3, 4), ((4, 0), (0, 5)), mode="wrap"),
        ],
    ),
    "dot": (
        [0, 1],
        [
            sample((3,), (3,)),
            sample((2, 3), (3, 4)),
            sample((2, 3), (3,)),
            sample((2, 3), (2, 3, 4)),
            sample((2, 3), 1),
        ],
    ),
    "inner": ([0, 1], [sample((3,), (3,)), sample((2, 3), (4, 3)), sample((), (2,))]),
    "matvec": (
        [0, 1],
        [
            sample((2, 3), (3,)),
            sample((5, 2, 3), (3,)),
            sample((2, 3), (4, 3)),
            sample((3, 4, 2), (3, 4), axes=[(2, 0), 0, 0]),
        ],
    ),
    "vecmat": (
        [0, 1],
        [
            sample((2,), (2, 3)),
            sample((5, 2), (2, 3)),
            sample((2,), (4, 2, 3)),
            sample((2, 4), (4, 3, 2), axes=[0, (2, 1), 0]),
        ],
    ),
    "outer": ([0, 1], [sample((3,), (4,)), sample((2, 2), (3,)), sample((), (2,))]),
    "tensordot": (
        [0, 1],
        [
            sample((2, 3), (3, 4), 1),
            sample((2, 3, 4), (3, 4, 2)),
            sample((2, 3), (2,), 0),
            sample((2, 3, 4), (4, 5, 2), axes=([0, -1], [2, 0])),
        ],
    ),
    "einsum": (
        range(9),
        [
            sample("ij,jk", (2, 3), (3, 4)),
            sample("ba", (2, 3)),
            sample("ij,j->i", (2, 3), (3,), dtype=np.float64, casting="safe"),
            sample("...ij,...jk->...ik", (2, 1, 2, 3), (4, 3, 2)),
            sample("i...,i...->...", (3, 2), (3, 1)),
            sample("ii", (3, 3)),
            sample((2, 3), [0, 1], (3, 2), [1, 2], [0, 2]),
            sample("ij,jk,kl->il", (2, 3), (3, 4), (4, 2), optimize=True),
            sample("ij,jk,k,l->i", (2, 3), (3, 2), (2,), (2,), optimize="greedy"),
        ],
    ),
    "where": (
        [1, 2],
        [
            sample(np.array([True, False, True]), (3,), (2, 3)),
            sample(np.array([[True], [False]]), 0.5, (3,)),
        ],
    ),
    "vecdot": (
        [0, 1],
        [
            sample((3,), (3,)),
            sample((2, 3), (4, 1, 3)),
            sample((3, 2), (3, 1), axis=0),
            sample((3, 2), (2, 3), axes=[0, 1]),
            sample((3, 2), (3, 2), axis=0, keepdims=True),
        ],
    ),
    "trace": ([0], [sample((3, 3)), sample((2, 3, 4), 1, 2, 0), sample((3, 4), -1)]),
    "vdot": ([0, 1], [sample((3,), (3,)), sample((2, 3), (3, 2))]),
    "linalg.vecdot": ([0, 1], [sample((3,), (3,)), sample((2, 3), (4, 1, 3))]),
    "linalg.outer": ([0, 1], [sample((3,), (4,))]),
    "linalg.tensordot": ([0, 1], [sample((2, 3), (3, 4), axes=1)]),
    "linalg.diagonal": ([0], [sample((2, 3, 4)), sample((2, 3, 3), offset=-1)]),
    "linalg.matrix_transpose": ([0], [sample((2, 3, 4))]),
    "linalg.trace": ([0], [sample((2, 3, 4)), sample((3, 3), offset=-1)]),
    "linalg.multi_dot": ([], []),
    "linalg.matrix_power": (
        [0],
        [
            sample((2, 2), 1),
            sample((2, 2, 2), 2),
            sample((3, 3), 3),
            *(sample((2, 2), n) for n in (6, -1, -3)),
        ],
    ),
    "linalg.tensorsolve": (
        [0, 1],
        [sample((2, 3, 6), (2, 3)), sample((2, 2, 1, 4), (2, 2)), sample((2, 4, 2), (4,), (0,))],
    ),
    "linalg.tensorinv": ([0], [sample((2, 2, 4)), sample((4, 2, 2), ind=1)]),
    "linalg.pinv": (
        [0],
        [
            sample((3, 2)),
            sample((2, 2, 3), rtol=1e-3),
            sample((3, 3), hermitian=True),
            sample((2, 3, 3), np.array([0.1, 1e-10])),
        ],
    ),
    "linalg.lstsq": ([0, 1], [sample((3, 2), (3,)), sample((2, 3), (2, 2), rcond=1e-9)]),
    "linalg.slogdet": ([0], [sample((3, 3)), sample((0, 2, 2))]),
    "linalg.qr": (
        [0],
        [
            sample((3, 2)),
            sample((2, 2, 2), mode="r"),
            sample((2, 3), "r"),
            sample((3, 2), mode="complete"),
        ],
    ),
    "linalg.eigh": ([0], [sample((3, 3)), sample((2, 2), UPLO="U")]),
    "linalg.eigvalsh": ([0], [sample((3, 3)), sample((2, 2, 2), "U"), sample((1, 1))]),
    "linalg.eig": ([0], [sample((3, 3))]),
    "linalg.eigvals": ([0], [sample((3, 3)), sample((2, 2, 2))]),
    "linalg.svd": (
        [0],
        [
            sample((3, 2)),
            sample((2, 3), full_matrices=False),
            sample((2, 3), compute_uv=False),
            sample((2, 2), hermitian=True),
            sample((3, 3), compute_uv=False, hermitian=True),
        ],
    ),
    "linalg.svdvals": ([0], [sample((3, 2)), sample((2, 2, 3)), sample((0, 3, 2))]),
    "linalg.matrix_rank": ([0], [sample((3, 2)), sample((2, 2, 2), 0.1), sample((3,))]),
    "linalg.norm": (
        [0],
        [
            sample((3, 4)),
            sample((2, 3, 2)),
            sample((2, 3), keepdims=True),
            sample((4,), None, -1),
            *(sample((4,), ord) for ord in VECTOR_ORDERS),
            *(sample((2, 3), ord, axis=0, keepdims=True) for ord in VECTOR_ORDERS),
            *(sample((2, 3), ord) for ord in MATRIX_ORDERS),
            *(sample((2, 3, 2), ord, (0, 2), keepdims=True) for ord in MATRIX_ORDERS),
            *(sample((2, 3, 2), ord, axis=(-1, 0)) for ord in (1, np.inf, "nuc")),
            sample((0,)),
            sample((0,), np.inf),
            sample((2, 0), 1),
            sample((2, 0), 2),
        ],
    ),
    "linalg.vector_norm": (
        [0],
        [
            sample((2, 3)),
            sample((2, 3, 2), axis=(0, 2), ord=3),
            sample((2, 3), axis=1, keepdims=True, ord=np.inf),
            sample((2, 3), ord=0, keepdims=True),
            sample((), ord=1),
        ],
    ),
    "linalg.matrix_norm": (
        [0],
        [*(sample((2, 2, 3), ord=ord) for ord in MATRIX_ORDERS), sample((2, 3), keepdims=True)],
    ),
    "linalg.cond": (
        [0],
        [
            sample((3, 2)),
            sample((2, 2, 2), -2),
            *(sample((2, 2), ord) for ord in ("fro", "nuc", 1, -1, np.inf, -np.inf)),
            sample((2, 2, 2), 1),
        ],
    ),
    "fft.hfft": (
        [0],
        [
            sample((3,)),
            sample((2, 3), 5),
            sample((4, 2), 3, 0, "ortho"),
            sample((4,), norm="forward"),
        ],
    ),
    "fft.ihfft": (
        [0],
        [
            sample((4,)),
            sample((2, 3), 5),
            sample((4, 2), 3, 0, "ortho"),
            sample((4,), norm="forward"),
        ],
    ),
    **{
        name: (
            [0],
            [
                sample((2, 3)),
                sample((2, 3), s=(3, 2), axes=(-2, -1)),
                sample((2, 2, 3), (4, 3), axes=(2, 0), norm="ortho"),
                sample((3, 2), s=(-1, 4), axes=(1, 0), norm="forward"),
                sample((2, 3), (2, 3), (0, 0)),
            ],
        )
        for name in [f"fft.{way}fft{many}" for way in ("", "i", "r", "ir") for many in "2n"]
    },
    **{
        f"lib.scimath.{name}": ([0], [sample((2, 3)), sample(())])
        for name in ("sqrt", "log", "log2", "log10", "arccos", "arcsin", "arctanh")
    },
    "lib.scimath.logn": ([0, 1], [sample((2, 3), (3,)), sample(2.0, (3,))]),
    "lib.scimath.power": (
        [0, 1],
        [sample((2, 3), (3,)), sample((2,), 0.5), sample((2,), -2), sample(-2.0, (3,))],
    ),
    "fft.fftshift": (
        [0],
        [sample((3,)), sample((3, 4)), sample((3, 4), 0), sample((5, 2), (0, 1))],
    ),
    "fft.ifftshift": (
        [0],
        [sample((3,)), sample((3, 4)), sample((3, 4), 0), sample((5, 2), (0, 1))],
    ),
}
# Where those are differentiable, if not everywhere.
DOMAINS = {f"lib.scimath.{name}": (1.2, 3.9) for name in ("arccos", "arcsin", "arctanh", "logn")}
# Constants, of whatever they are made; `test_discrete` has what answers questions.
UNTRACKED = {
    *(np.zeros_like, np.ones_like, np.empty_like),
    *(target for target, ours in NUMPY.items() if ours.__module__ == "tinygraph.ops.discrete"),
}
# Statistics, sorting, choosing: see also the samples at the declarations of the primitives.
MASK = np.array([[True, False, True, True], [True, True, False, True]])
METHODS = [
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf",
    "hazen", "weibull", "linear", "median_unbiased", "normal_unbiased", "lower", "higher",
    "midpoint", "nearest",
]  # fmt: skip
QUANTILES = [
    sample((5,), 0.3),
    sample((2, 3), 1),
    sample((3, 4), [0.3, 0.9], axis=0),
    sample((2, 3, 4), [0.2, 1.0], axis=(2, 0), keepdims=True),
    sample((3, 4), np.array([[0.0, 0.6]]), axis=1),
    sample((4,), 0.6, weights=np.array([1, 0, 2, 3]), method="inverted_cdf"),
    sample((3, 2), [0.6, 0.1], axis=0, weights=np.array([1, 2, 3]), method="inverted_cdf"),
    *(sample((7,), [0.1, 0.4, 0.95], method=method) for method in METHODS),
]
MEDIANS = [
    sample((5,)),
    sample((2, 3)),
    sample((3, 4), axis=0),
    sample((2, 3, 2), axis=(2, 0), keepdims=True),
    sample((3, 2), axis=-1, keepdims=True),
    sample(()),
]
REDUCED = [
    sample((3, 4)),
    sample((2, 3, 2), axis=(0, -1), keepdims=True),
    sample((2, 4), axis=1, where=MASK),
    sample(()),
]
DEVIATIONS = [*REDUCED, sample((4, 2), axis=0, correction=1), sample((4, 2), axis=0, ddof=1)]
LINES = [sample((3,)), sample((2, 3)), sample((3, 2), axis=0)]
CUMULATIVE = [
    sample((3,)),
    sample((3, 2), axis=0),
    sample((2, 3), axis=-1, include_initial=True),
]
DERIVED |= {
    "ptp": ([0], [sample((3, 4)), sample((2, 3, 4), axis=(0, -1), keepdims=True), sample(())]),
    "average": (
        [0, 2],
        [
            sample((3, 4)),
            sample((3, 4), 0, (3, 4)),
            sample((2, 3), 1, (3,), keepdims=True),
            sample((2, 3, 2), (2, 0), np.array([[1.0, 2.0], [3.0, 4.0]])),
            sample((2, 3), 0, (2,), returned=True),
        ],
    ),
    "cov": (
        [0, 1],
        [
            sample((3, 5)),
            sample((5,)),
            sample((4, 2), (4, 3), rowvar=False, bias=True),
            sample((2, 4), fweights=np.array([1, 2, 0, 3])),
            sample((2, 4), aweights=np.array([1.0, 0.6, 0.5, 1]), ddof=2),
            sample((4,), (2, 4), fweights=[2, 1, 1, 1], aweights=[1, 0.5, 0.1, 2]),
        ],
    ),
    "corrcoef": ([0, 1], [sample((3, 5)), sample((4,), (4,)), sample((5, 2), rowvar=False)]),
    "nansum": ([0], [*REDUCED, sample((3, 4), axis=0, initial=2.0)]),
    "nanprod": ([0], [*REDUCED, sample((3, 2), axis=0, initial=2.0)]),
    "nanmean": ([0], REDUCED),
    "nanvar": ([0], DEVIATIONS[:3] + DEVIATIONS[4:]),
    "nanstd": ([0], DEVIATIONS[:3] + DEVIATIONS[4:]),
    "nanmax": ([0], [*REDUCED[:2], sample((2, 4), axis=1, where=MASK, initial=-3)]),
    "nanmin": ([0], [*REDUCED[:2], sample((2, 4), axis=1, where=MASK, initial=3)]),
    "nancumsum": ([0], LINES),
    "nancumprod": ([0], LINES),
    "median": ([0], MEDIANS),
    "nanmedian": ([0], MEDIANS),
    "quantile": ([0], QUANTILES),
    "nanquantile": ([0], [*QUANTILES[:6], *QUANTILES[7:9]]),
    "percentile": ([0], [sample((5,), 30), sample((3, 4), [25, 80.0], axis=0, method="hazen")]),
    "nanpercentile": ([0], [sample((5,), 30), sample((3, 4), [25, 80.0], axis=0)]),
    "sort_complex": ([], []),  # in test_sorting: complex of real
    "unique": (
        [0],
        [
            sample((4,)),
            sample((2, 2), True, True, True),
            sample((3, 2), return_counts=True, axis=0),
            sample((2, 3), axis=-1),
        ],
    ),
    "unique_all": ([0], [sample((4,)), sample((2, 2))]),
    "unique_counts": ([0], [sample((2, 2))]),
    "unique_inverse": ([0], [sample((2, 2))]),
    "fix": ([], []),  # in test_every_ufunc: deprecated
    "unique_values": ([], []),  # in test_sets: their order is NumPy's secret
    "union1d": ([0, 1], [sample((3,), (2, 2))]),
    "intersect1d": ([0], [sample((3,), [1.0, 2.0])]),
    "setxor1d": ([0, 1], [sample((3,), (2, 2)), sample((3,), (2,), assume_unique=True)]),
    "setdiff1d": ([0], [sample((4,), [1.0]), sample((2, 2), [1.0], assume_unique=True)]),
    "cumulative_sum": ([0], CUMULATIVE),
    "cumulative_prod": ([0], CUMULATIVE),
    "select": ([], []),  # in test_selection, with choose: their arrays stand in lists
    "choose": ([], []),
    "piecewise": (
        [0],
        [
            sample((4,), [MASK[0], ~MASK[0]], [np.square, 2.0]),
            sample((4,), MASK, [lambda x, k: x**k, -1.0], 3),
            sample((2, 4), [MASK], [np.sin, np.exp]),
            sample((), [True], [np.square]),
        ],
    ),
    "compress": (
        [1],
        [
            sample([True, False, True], (3, 2), axis=0),
            sample([0, 1], (2, 3), axis=-1),
            sample(MASK.ravel(), (2, 4)),
        ],
    ),
    "extract": ([1], [sample(MASK, (2, 4)), sample([1, 0, 2], (3,))]),
    "diag": ([0], [sample((3,)), sample((2,), 1), sample((2,), -2), sample((2, 3), 1)]),
    "diagflat": ([0], [sample((2, 2)), sample((2,), -1), sample(())]),
    "histogram_bin_edges": (
        [0],
        [sample((5,), 3), sample((2, 3), "sturges")],
    ),
    "histogram": ([0], [sample((6,), 3), sample((5,), 3, density=True)]),
    "histogram2d": ([], []),  # in test_histograms, with weights
    "histogramdd": ([], []),  # in test_histograms: the edges come as a list
}
