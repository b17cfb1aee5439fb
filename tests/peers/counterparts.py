"""What PyTorch and JAX call our operations: functions that take NumPy's arguments.

JAX names most of them as NumPy does, so that only the others stand here. PyTorch has names, and
often argument names, of its own: a table from our names to functions.
"""

import functools
import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from cases import Case

Function = Callable[..., Any]

# JAX


def _written(a: Any, index: Any, value: Any) -> Any:
    return a.at[index].set(value)


JAX: dict[str, Function] = {
    "relu": jax.nn.relu,
    "leaky_relu": jax.nn.leaky_relu,
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
    "softmax": jax.nn.softmax,
    "log_softmax": jax.nn.log_softmax,
    "logsumexp": jax.scipy.special.logsumexp,
    "normal_cdf": jax.scipy.stats.norm.cdf,
    "gelu": lambda x, approximate=None: jax.nn.gelu(x, approximate=approximate == "tanh"),
    "clip_between": jnp.clip,
    "where_either": jnp.where,
    "replace_bad": lambda x, *new: jnp.nan_to_num(x, True, *new),
    "getitem": lambda a, index: a[index],
    "setitem": _written,
    "unstack": lambda x, axis=0: jnp.unstack(x, axis=axis),
    "split_at": lambda ary, cuts, axis=0: jnp.split(ary, cuts, axis),
    "singular_vectors": jnp.linalg.svd,
    "einsum_explicit": jnp.einsum,
    "cummax": jax.lax.cummax,
    "cummin": jax.lax.cummin,
    "cumlogsumexp": jax.lax.cumlogsumexp,
}


def jax_function(case: Case) -> Function | None:
    """What JAX has for a case: of the table, or else by NumPy's name."""
    if case.name in JAX:
        return JAX[case.name]
    return _named(jnp, case)


def _named(space: Any, case: Case) -> Function | None:
    names = [*(n for n in case.twins if not n.startswith("tg.")), case.name.removeprefix("np.")]
    for name in names:
        try:
            return operator.attrgetter(name)(space)
        except AttributeError:
            continue
    return None


# PyTorch


def _axes(axis: Any) -> Any:
    return axis if isinstance(axis, (int, type(None))) else tuple(axis)


def _one(name: str) -> Function:
    return getattr(torch, name)


def _tensors(*xs: Any) -> list[Any]:
    return [torch.as_tensor(x) for x in xs]


def _both(f: Function) -> Function:
    """A function that takes no numbers."""
    return lambda *xs, **k: f(*_tensors(*xs), **k)


def _reduced(f: Function) -> Function:
    """A function of one or several axes, over all of them if there are none."""

    def reduce(a: Any, axis: Any = None, *, keepdims: bool = False, **k: Any) -> Any:
        if axis == () or not a.ndim:
            axis = () if axis == () else None
        if axis is None:
            axis = tuple(range(a.ndim))
        if axis == ():
            return f(a[None], dim=0, keepdim=False, **k)
        return f(a, dim=axis, keepdim=keepdims, **k)

    return reduce


def _prod(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    axes = range(a.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    for i in sorted((i % a.ndim for i in axes), reverse=True):
        a = a.prod(dim=i, keepdim=keepdims)
    return a


def _spread(f: Function) -> Function:
    def spread(
        a: Any, axis: Any = None, *, ddof: float = 0, correction: float = 0, keepdims: bool = False
    ) -> Any:
        ddof = ddof or correction
        return _reduced(functools.partial(f, correction=ddof))(a, axis, keepdims=keepdims)

    return spread


def _cumulative(f: Function) -> Function:
    def cumulate(a: Any, axis: Any = None) -> Any:
        y = f(a.reshape(-1) if axis is None else a, dim=0 if axis is None else axis)
        return y if isinstance(y, torch.Tensor) else y[0]

    return cumulate


def _index(index: Any) -> Any:
    """An index as PyTorch takes it."""
    if isinstance(index, tuple):
        return tuple(map(_index, index))
    if isinstance(index, (list, np.ndarray)):
        return torch.as_tensor(np.asarray(index))
    return index


def _getitem(a: Any, index: Any) -> Any:
    if not isinstance(index, tuple) and isinstance(index, slice) and (index.step or 1) < 0:
        raise NotImplementedError("PyTorch has no negative steps")
    return a[_index(index)]


def _setitem(a: Any, index: Any, value: Any) -> Any:
    y = a.clone()
    y[_index(index)] = torch.as_tensor(value, dtype=y.dtype)
    return y


def _flip(m: Any, axis: Any = None) -> Any:
    axes = range(m.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    return torch.flip(m, [*axes])


def _roll(a: Any, shift: Any, axis: Any = None) -> Any:
    if isinstance(shift, tuple) and isinstance(axis, int):
        axis = (axis,) * len(shift)
    return torch.roll(a, shift, axis)


def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    sides = [None if x is None else torch.as_tensor(x) for x in (prepend, append)]
    if any(x is not None and not x.ndim for x in sides):
        raise NotImplementedError("PyTorch broadcasts no numbers here")
    return torch.diff(a, n, axis, *sides)


def _quantile(a: Any, q: Any, axis: Any = None, *, method: str = "linear", **k: Any) -> Any:
    if isinstance(axis, tuple):
        raise NotImplementedError("PyTorch has one axis only")
    keepdims = k.pop("keepdims", False)
    if k or (axis is None and keepdims):
        raise NotImplementedError(str(k))
    q = torch.as_tensor(q, dtype=a.dtype)
    if q.ndim > 1:
        raise NotImplementedError("PyTorch takes one row of ranks")
    return torch.quantile(a, q, axis, keepdims, interpolation=method)


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if ord is None or axis is not None or x.ndim < 3:
        return torch.linalg.norm(x, ord, axis, keepdims)
    raise NotImplementedError("PyTorch flattens")


def _fft(name: str) -> Function:
    function = getattr(torch.fft, name)

    def transform(a: Any, n: Any = None, axis: Any = None, norm: Any = None, **k: Any) -> Any:
        several = name.endswith(("2", "n"))
        s, axes = k.pop("s", n if several else None), k.pop("axes", axis if several else None)
        given = {"s": s, "dim": axes} if several else {"n": n, "dim": -1 if axis is None else axis}
        return function(a, norm=norm, **{x: v for x, v in given.items() if v is not None})

    return transform


def _shift(name: str) -> Function:
    return lambda x, axes=None: getattr(torch.fft, name)(x, dim=axes)


def _pad(array: Any, pad_width: Any, mode: str = "constant", **k: Any) -> Any:
    if mode != "constant" or isinstance(k.get("constant_values", 0), (tuple, list)):
        raise NotImplementedError("PyTorch pads the last axes of batches in these modes")
    widths = np.broadcast_to(pad_width, (array.ndim, 2))[::-1].ravel().tolist()
    return torch.nn.functional.pad(array, widths, value=float(k.get("constant_values", 0)))


def _lists(f: Function) -> Function:
    return lambda xs, *a, **k: f(_tensors(*xs), *a, **k)


def _joined(arrays: Any, axis: Any = 0) -> Any:
    xs = _tensors(*arrays)
    return torch.cat([x.reshape(-1) for x in xs]) if axis is None else torch.cat(xs, axis)


def _take_along(arr: Any, indices: Any, axis: Any = -1) -> Any:
    return torch.take_along_dim(arr, torch.as_tensor(np.asarray(indices)), axis)


def _where(condition: Any, x: Any, y: Any) -> Any:
    return torch.where(torch.as_tensor(np.asarray(condition, bool)), x, y)


def _lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    if b.ndim == 1:
        return torch.linalg.lstsq(a, b[:, None]).solution[:, 0]
    return torch.linalg.lstsq(a, b).solution


def _reshape(a: Any, shape: Any, order: str = "C", copy: Any = None) -> Any:
    if order != "C":
        raise NotImplementedError("PyTorch has one order")
    return a.reshape(shape)


def _expand(a: Any, axis: Any) -> Any:
    if isinstance(axis, tuple):
        n = a.ndim + len(axis)
        for i in sorted(i % n for i in axis):
            a = a.unsqueeze(i)
        return a
    return a.unsqueeze(axis)


def _squeeze(a: Any, axis: Any = None) -> Any:
    return a.squeeze() if axis is None else a.squeeze(axis)


def _transpose(a: Any, axes: Any = None) -> Any:
    return a.permute(tuple(range(a.ndim))[::-1] if axes is None else tuple(axes))


def _trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    if x is None:
        return torch.trapezoid(y, dx=dx, dim=axis)
    x = torch.as_tensor(x)
    if axis not in (-1, y.ndim - 1) and x.ndim < y.ndim:
        raise NotImplementedError("PyTorch broadcasts from the right")
    return torch.trapezoid(y, x, dim=axis)


def _gradient(f: Any, *spacing: Any, axis: Any = None, edge_order: int = 1) -> Any:
    if any(isinstance(s, torch.Tensor) and s.requires_grad for s in spacing):
        raise NotImplementedError("PyTorch does not differentiate the spacing")
    k = {} if axis is None else {"dim": axis}
    if spacing:
        k["spacing"] = [torch.as_tensor(s, dtype=f.dtype) for s in spacing]
        if all(not s.ndim for s in k["spacing"]):
            k["spacing"] = float(k["spacing"][0]) if len(spacing) == 1 else spacing
    y = torch.gradient(f, edge_order=edge_order, **k)
    return y[0] if len(y) == 1 else y


def _cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None, **w: Any
) -> Any:
    if y is not None or not rowvar:
        raise NotImplementedError("PyTorch has rows of one matrix only")
    weights = {k: torch.as_tensor(v) for k, v in w.items() if v is not None}
    return torch.cov(m, correction=(0 if bias else 1) if ddof is None else ddof, **weights)


UNARY = (
    "negative positive reciprocal square sqrt fabs:abs absolute:abs sign conjugate:conj_physical "
    "real imag exp exp2 expm1 log log2 log10 log1p sigmoid sin cos tan arcsin arccos arctan "
    "sinh cosh tanh arcsinh arccosh arctanh degrees:rad2deg radians:deg2rad rint:round floor ceil "
    "trunc sinc i0 relu ravel softplus angle fliplr flipud atleast_1d atleast_2d atleast_3d"
)
BINARY = (
    "add subtract multiply divide power:pow float_power remainder fmod copysign maximum minimum "
    "fmax fmin logaddexp logaddexp2 arctan2 hypot nextafter heaviside floor_divide matmul outer "
    "inner vdot kron"
)
FOURIER = "hfft ihfft fft2 fftn ifft2 ifftn rfft2 rfftn irfft2 irfftn"
TORCH: dict[str, Function] = {
    **{
        n.split(":")[0]: _both(_one(n.split(":")[-1]))
        for n in UNARY.split()
        if hasattr(torch, n.split(":")[-1])
    },
    **{n.split(":")[0]: _both(_one(n.split(":")[-1])) for n in BINARY.split()},
    "ldexp": lambda x, n: torch.ldexp(x, torch.as_tensor(n)),
    "softplus": lambda x: torch.nn.functional.softplus(x, threshold=1e9),
    "leaky_relu": torch.nn.functional.leaky_relu,
    "gelu": lambda x, approximate="none": torch.nn.functional.gelu(
        x, approximate=approximate or "none"
    ),
    "normal_cdf": torch.special.ndtr,
    "softmax": lambda x, axis=-1: torch.softmax(x, axis) if isinstance(axis, int) else _no(),
    "log_softmax": lambda x, axis=-1: (
        torch.log_softmax(x, axis) if isinstance(axis, int) else _no()
    ),
    "logsumexp": _reduced(torch.logsumexp),
    "clip_between": lambda x, low=None, high=None: torch.clip(
        x, *[None if b is None else torch.as_tensor(b) for b in (low, high)]
    ),
    "where_either": _where,
    "np.where": _where,
    "clip": torch.clip,
    "sum": _reduced(torch.sum),
    "mean": _reduced(torch.mean),
    "prod": _prod,
    "max": _reduced(torch.amax),
    "min": _reduced(torch.amin),
    "var": _spread(torch.var),
    "std": _spread(torch.std),
    "np.nansum": _reduced(torch.nansum),
    "np.nanmean": _reduced(torch.nanmean),
    "cumsum": _cumulative(torch.cumsum),
    "cumprod": _cumulative(torch.cumprod),
    "cummax": _cumulative(torch.cummax),
    "cummin": _cumulative(torch.cummin),
    "cumlogsumexp": _cumulative(torch.logcumsumexp),
    "np.cumulative_sum": lambda x, axis=None, include_initial=False: (
        _no() if include_initial else torch.cumsum(x, 0 if axis is None else axis)
    ),
    "np.ptp": _reduced(lambda a, dim, keepdim: a.amax(dim, keepdim) - a.amin(dim, keepdim)),
    "np.cov": _cov,
    "np.corrcoef": lambda x, y=None, rowvar=True: (
        torch.corrcoef(x) if y is None and rowvar else _no()
    ),
    "np.quantile": _quantile,
    "np.nanquantile": lambda a, q, axis=None, *, method="linear", **k: (
        torch.nanquantile(a, torch.as_tensor(q, dtype=a.dtype), axis, interpolation=method)
        if not k and not isinstance(axis, tuple)
        else _no()
    ),
    "sort": lambda a, axis=-1, descending=False, **k: torch.sort(
        a.reshape(-1) if axis is None else a,
        dim=0 if axis is None else axis,
        descending=descending,
    )[0],
    "reshape": _reshape,
    "transpose": _transpose,
    "moveaxis": torch.moveaxis,
    "swapaxes": torch.swapaxes,
    "matrix_transpose": lambda x: x.mT,
    "np.linalg.matrix_transpose": lambda x: x.mT,
    "broadcast_to": lambda a, shape: torch.broadcast_to(
        a, (shape,) if isinstance(shape, int) else shape
    ),
    "expand_dims": _expand,
    "squeeze": _squeeze,
    "flip": _flip,
    "np.fliplr": torch.fliplr,
    "np.flipud": torch.flipud,
    "np.rot90": lambda m, k=1, axes=(0, 1): torch.rot90(m, k, axes),
    "roll": _roll,
    "tril": lambda m, k=0: torch.tril(m, k),
    "triu": lambda m, k=0: torch.triu(m, k),
    "np.diag": torch.diag,
    "np.diagflat": torch.diagflat,
    "diagonal": lambda a, offset=0, axis1=0, axis2=1: torch.diagonal(a, offset, axis1, axis2),
    "np.linalg.diagonal": lambda x, offset=0: torch.diagonal(x, offset, -2, -1),
    "np.trace": lambda a, offset=0, axis1=0, axis2=1, **k: torch.diagonal(
        a, offset, axis1, axis2
    ).sum(-1),
    "np.linalg.trace": lambda x, offset=0, **k: torch.diagonal(x, offset, -2, -1).sum(-1),
    "copy": lambda a, **k: a.clone(),
    "getitem": _getitem,
    "setitem": _setitem,
    "np.take_along_axis": _take_along,
    "concatenate": _joined,
    "stack": _lists(torch.stack),
    "unstack": lambda x, axis=0: torch.unbind(x, axis),
    "split_at": lambda ary, cuts, axis=0: torch.tensor_split(
        ary, cuts if isinstance(cuts, int) else tuple(cuts), axis
    ),
    **{
        f"np.{n}": _lists(getattr(torch, n)) for n in ("hstack", "vstack", "dstack", "column_stack")
    },
    "np.tile": lambda A, reps: torch.tile(A, (reps,) if isinstance(reps, int) else tuple(reps)),
    "np.repeat": lambda a, repeats, axis=None: torch.repeat_interleave(
        a, torch.as_tensor(repeats) if not isinstance(repeats, int) else repeats, axis
    ),
    "np.meshgrid": lambda *xs, indexing="xy", **k: (
        torch.meshgrid(*xs, indexing=indexing) if not k else _no()
    ),
    "np.broadcast_arrays": lambda *xs: torch.broadcast_tensors(*_tensors(*xs)),
    "np.pad": _pad,
    "pad_constant": lambda array, width, value=0: _pad(array, width, constant_values=value),
    "np.diff": _diff,
    "np.gradient": _gradient,
    "np.trapezoid": _trapezoid,
    "np.vander": lambda x, N=None, increasing=False: torch.vander(x, N, increasing),
    "np.dot": lambda a, b: (
        torch.tensordot(a, b, ([-1], [-2 if b.ndim > 1 else 0])) if a.ndim and b.ndim else a * b
    ),
    "np.inner": _both(torch.inner),
    "np.outer": lambda a, b: torch.outer(a.reshape(-1), b.reshape(-1)),
    "np.linalg.outer": torch.outer,
    "np.vdot": lambda a, b: torch.vdot(a.reshape(-1), b.reshape(-1)),
    "np.kron": _both(torch.kron),
    "np.cross": lambda a, b, **k: (
        torch.linalg.cross(a, b) if not k and a.shape[-1] == b.shape[-1] == 3 else _no()
    ),
    "np.linalg.cross": lambda a, b, axis=-1: torch.linalg.cross(a, b, dim=axis),
    "np.tensordot": lambda a, b, axes=2: torch.tensordot(a, b, axes),
    "np.linalg.tensordot": lambda a, b, axes=2: torch.tensordot(a, b, axes),
    "np.vecdot": lambda a, b, axis=-1: torch.linalg.vecdot(a, b, dim=axis),
    "np.linalg.vecdot": lambda a, b, axis=-1: torch.linalg.vecdot(a, b, dim=axis),
    "np.matvec": lambda a, b: (a @ b[..., None])[..., 0],
    "np.einsum": lambda f, *xs, **k: torch.einsum(f, *xs) if isinstance(f, str) else _no(),
    "einsum_explicit": lambda f, *xs: torch.einsum(f, *xs) if isinstance(f, str) else _no(),
    "inv": torch.linalg.inv,
    "det": torch.linalg.det,
    "sign_and_log": torch.linalg.slogdet,
    "np.linalg.slogdet": torch.linalg.slogdet,
    "solve": torch.linalg.solve,
    "np.linalg.pinv": lambda a, rcond=None, hermitian=False, **k: (
        torch.linalg.pinv(a) if not hermitian else _no()
    ),
    "np.linalg.lstsq": _lstsq,
    "cholesky": lambda a, upper=False: torch.linalg.cholesky(a, upper=upper),
    "np.linalg.qr": lambda a, mode="reduced": torch.linalg.qr(a, mode)[
        1 if mode == "r" else slice(None)
    ],
    "np.linalg.svd": lambda a, full_matrices=True, compute_uv=True, hermitian=False: (
        _no()
        if hermitian
        else torch.linalg.svd(a, full_matrices)
        if compute_uv
        else torch.linalg.svdvals(a)
    ),
    "np.linalg.svdvals": torch.linalg.svdvals,
    "np.linalg.eigh": torch.linalg.eigh,
    "hermitian_eigenvectors": torch.linalg.eigh,
    "np.linalg.eigvalsh": torch.linalg.eigvalsh,
    "np.linalg.eigvals": torch.linalg.eigvals,
    "np.linalg.matrix_power": torch.linalg.matrix_power,
    "np.linalg.tensorsolve": lambda a, b, axes=None: torch.linalg.tensorsolve(a, b, axes),
    "np.linalg.tensorinv": lambda a, ind=2: torch.linalg.tensorinv(a, ind),
    "np.linalg.norm": _norm,
    "np.linalg.vector_norm": lambda x, axis=None, keepdims=False, ord=2: torch.linalg.vector_norm(
        x, ord, axis, keepdims
    ),
    "np.linalg.matrix_norm": lambda x, keepdims=False, ord="fro": torch.linalg.matrix_norm(
        x, ord, keepdim=keepdims
    ),
    "np.linalg.cond": torch.linalg.cond,
    **{n: _fft(n) for n in ("fft", "ifft", "rfft", "irfft")},
    **{f"np.fft.{n}": _fft(n) for n in FOURIER.split()},
    "np.fft.fftshift": _shift("fftshift"),
    "np.fft.ifftshift": _shift("ifftshift"),
    "sliding_window_view": lambda x, window, axis=None: (
        x.unfold(axis, window, 1) if isinstance(window, int) and isinstance(axis, int) else _no()
    ),
}


def _no() -> Any:
    raise NotImplementedError("PyTorch has nothing of the kind")


def torch_function(case: Case) -> Function | None:
    """What PyTorch has for a case."""
    return TORCH.get(case.name)
