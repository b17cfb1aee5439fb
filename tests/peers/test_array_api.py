"""The Python array API standard, and libraries written for it, differentiated through.

array-api-strict is what those who wrote the standard compare with: it says which names there are,
what their signatures and what the results. SciPy, scikit-learn, einops and array-api-extra know
nothing of tinygraph. Gradients through them are compared with central differences of what they do
with NumPy's arrays.
"""

import inspect
import math

import array_api_compat
import array_api_extra as xpx
import array_api_strict as strict
import einops
import einops.array_api
import numpy as np
import pytest
import scipy
import sklearn
import torch
from derivatives import assert_gradient
from scipy import integrate, signal, special, stats
from scipy.spatial.transform import Rotation
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import StandardScaler

import tinygraph as tg
from tinygraph import array_api as xp

strict.set_array_api_strict_flags(api_version="2024.12")

# The standard

NOT_2024 = {"broadcast_shapes", "isin"}
NOT_OF_THE_STANDARD = {"Device", "__version__"}
NAMES = sorted(
    name
    for name in {*strict.__all__} - NOT_2024 - NOT_OF_THE_STANDARD
    if not name.endswith("_flags") and name != "ArrayAPIStrictFlags"
)
FUNCTIONS = [
    *(n for n in NAMES if inspect.isfunction(getattr(strict, n)) and not n.startswith("__")),
    *(f"linalg.{n}" for n in strict.linalg.__all__ if n not in ("eig", "eigvals")),
    *(f"fft.{n}" for n in strict.fft.__all__),
]
REAL = ["float32", "float64"]
FLOATING = [*REAL, "complex64", "complex128"]
INTEGERS = [sign + kind for kind in ("int8", "int16", "int32", "int64") for sign in ("", "u")]
DTYPES = ["bool", *INTEGERS, *FLOATING]


def found(namespace, name):
    for part in name.split("."):
        namespace = getattr(namespace, part)
    return namespace


class Array:
    """Stands for an array of this shape, of the dtype that a call is made with."""

    def __init__(self, *shape, dtype=None, seed=0):
        self.shape, self.dtype, self.seed = shape, dtype, seed

    def of(self, dtype):
        rng = np.random.default_rng((self.seed, *self.shape))
        dtype = np.dtype(self.dtype or dtype)
        if dtype.kind == "b":
            return rng.random(self.shape) < 0.5
        if dtype.kind in "iu":
            return rng.integers(0 if dtype.kind == "u" else -3, 5, self.shape).astype(dtype)
        # Where arctanh, arcsin and logarithms are defined; further out for arccosh.
        values = rng.uniform(1, 2, self.shape) if self.seed == 9 else rng.random(self.shape)
        if dtype.kind == "c":
            values = values + 1j * rng.uniform(-1, 1, self.shape)
        return values.astype(dtype)


class Matrix(Array):
    """Stands for positive definite matrices."""

    def of(self, dtype):
        half = super().of(dtype)
        size = self.shape[-1]
        whole = half @ np.conj(np.swapaxes(half, -1, -2)) + np.eye(size, dtype=half.dtype) * size
        return whole.astype(half.dtype)


class Dtype:
    """Stands for the namespace's dtype of this name; None: that of the call."""

    def __init__(self, name=None):
        self.name = name


class Calls:
    """Arguments that a function is called with: (positional, keywords) of each call."""

    def __init__(self):
        self.calls = []

    def __call__(self, *args, **keywords):
        self.calls.append((args, keywords))
        return self


def call(*args, **keywords):
    return Calls()(*args, **keywords)


A, B = Array(2, 3), Array(3, seed=1)
X = Array(2, 3, 4)
INDEX = np.array([0, 1])
UNARY = [
    "abs",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "bitwise_invert",
    "ceil",
    "conj",
    "cos",
    "cosh",
    "exp",
    "expm1",
    "floor",
    "imag",
    "isfinite",
    "isinf",
    "isnan",
    "log",
    "log1p",
    "log2",
    "log10",
    "logical_not",
    "negative",
    "positive",
    "real",
    "reciprocal",
    "round",
    "sign",
    "signbit",
    "sin",
    "sinh",
    "square",
    "sqrt",
    "tan",
    "tanh",
    "trunc",
    "acos",
]
BINARY = [
    "add",
    "atan2",
    "bitwise_and",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "copysign",
    "divide",
    "equal",
    "floor_divide",
    "greater",
    "greater_equal",
    "hypot",
    "less",
    "less_equal",
    "logaddexp",
    "logical_and",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "multiply",
    "nextafter",
    "not_equal",
    "pow",
    "remainder",
    "subtract",
]
REDUCTIONS = [
    "sum",
    "prod",
    "max",
    "min",
    "mean",
    "std",
    "var",
    "all",
    "any",
    "count_nonzero",
    "argmax",
    "argmin",
]
OF_MATRICES = [
    "cholesky",
    "det",
    "eigh",
    "eigvalsh",
    "inv",
    "matrix_norm",
    "matrix_rank",
    "pinv",
    "slogdet",
]
CALLS = {
    **{name: call(A)(Array())(Array(0, 3)) for name in UNARY},
    **{name: call(A, B)(A, 2)(A, 1.5)(2, A)(True, A)(A, Array()) for name in BINARY},
    **{
        name: call(X, axis=1)(X, axis=-1, keepdims=True)(X)(Array(3), keepdims=True)
        for name in REDUCTIONS
    },
    **{
        f"fft.{name}": call(X)(X, n=3, axis=1, norm="ortho")(X, n=6, norm="forward")
        for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
    },
    **{
        f"fft.{name}": call(X)(X, s=(2, 3), axes=(0, 1))(X, axes=(0, 2), norm="ortho")
        for name in ("fftn", "ifftn", "rfftn", "irfftn")
    },
    **{f"fft.{name}": call(X)(X, axes=(0,))(X, axes=1) for name in ("fftshift", "ifftshift")},
    **{
        f"fft.{name}": call(5, d=0.5)(4)(5, d=0.5, dtype=Dtype("float32"))
        for name in ("fftfreq", "rfftfreq")
    },
    **{f"{m}matmul": call(A, Array(3, 2))(A, B)(X, Array(4, 2)) for m in ("", "linalg.")},
    **{
        f"{m}tensordot": call(X, Array(4, 3), axes=1)(X, Array(3, 2), axes=((1, 0), (0, 1)))(
            A, B, axes=0
        )
        for m in ("", "linalg.")
    },
    **{f"{m}vecdot": call(X, Array(4))(X, X, axis=-2) for m in ("", "linalg.")},
    **{f"{m}matrix_transpose": call(X) for m in ("", "linalg.")},
    **{name: call(X)(X, dtype=Dtype("float32")) for name in ("zeros_like", "ones_like")},
    **{
        name: call((2, 3), dtype=Dtype())(3)(())((2, 0), dtype=Dtype(), device=None)
        for name in ("zeros", "ones", "empty")
    },
    **{name: call(X) for name in ("unique_all", "unique_counts", "unique_inverse")},
    **{name: call(X)(X, k=1)(X, k=-1) for name in ("tril", "triu")},
    **{
        name: call(X)(X, axis=1, descending=True)(X, axis=0, descending=False, stable=True)
        for name in ("sort", "argsort")
    },
    **{
        name: call(X, axis=1)(X, axis=1, include_initial=True)(B, dtype=Dtype("float64"))
        for name in ("cumulative_sum", "cumulative_prod")
    },
    **{f"linalg.{name}": call(Matrix(3, 3))(Matrix(2, 3, 3)) for name in OF_MATRICES},
    **{f"linalg.{name}": call(Matrix(3, 3))(Array(2, 4, 3)) for name in ("svdvals", "svd", "qr")},
    "acosh": call(Array(2, 3, seed=9)),
    "clip": call(X, 0, 1)(X, min=0)(X, max=1)(X)(X, min=B, max=None)(A, B, max=2),
    "can_cast": call(X, Dtype("float64"))(Dtype(), Dtype()),
    "result_type": call(X, Dtype())(X, Array(), 1)(Dtype(), Dtype()),
    "isdtype": call(Dtype(), "integral")(Dtype(), ("bool", "numeric"))(Dtype(), Dtype("int8"))(
        Dtype(), "real floating"
    )(Dtype(), "complex floating")(Dtype(), "signed integer")(Dtype(), "unsigned integer"),
    "astype": call(X, Dtype("complex64"))(X, Dtype("float32"))(X, Dtype(), copy=False),
    "finfo": call(Dtype()),
    "iinfo": call(Dtype()),
    "asarray": call([[1.0, 2.0]])(1)(True)(X)(X, copy=True)([1, 0], dtype=Dtype()),
    "from_dlpack": call(X),
    "arange": call(5, dtype=Dtype())(1, 5)(1, 5, 2)(0.0, 1.0, 0.25)(0, stop=3, step=1),
    "linspace": call(0.0, 1.0, 5)(0, 1, num=4, endpoint=False)(0, 5, 6, dtype=Dtype())(0, 1j, 3),
    "full": call((2, 3), 1, dtype=Dtype())(3, 1.5)((), True),
    "full_like": call(X, 1)(X, 1, dtype=Dtype("complex64")),
    "empty_like": call(X)(X, dtype=Dtype("float32")),
    "eye": call(3)(2, 3, k=1, dtype=Dtype())(2, None, k=-1),
    "meshgrid": call(B, Array(2))(B, Array(2), indexing="ij")(B),
    "broadcast_arrays": call(X, Array(4)),
    "broadcast_to": call(X, (5, 2, 3, 4)),
    "concat": call([X, X], axis=1)((A, A), axis=None)([A, A]),
    "stack": call([X, X], axis=-1)([X, X]),
    "unstack": call(X, axis=1)(X),
    "expand_dims": call(X, axis=1)(X, axis=-1),
    "squeeze": call(Array(2, 1), axis=1)(Array(1, 2, 1), axis=(0, 2)),
    "flip": call(X)(X, axis=0)(X, axis=(0, -1)),
    "roll": call(X, 1)(X, 1, axis=1)(X, (1, 2), axis=(0, 1)),
    "moveaxis": call(X, 0, -1)(X, (0, 1), (1, 2)),
    "permute_dims": call(X, (2, 0, 1))(X, axes=(1, 0, 2)),
    "repeat": call(X, 2)(X, 2, axis=1)(X, np.array([1, 2]), axis=0),
    "tile": call(X, (2, 1, 1, 2))(X, (2,)),
    "reshape": call(X, (4, -1))(X, shape=(6, 4), copy=True)(X, (6, 4), copy=False),
    "take": call(X, INDEX, axis=1)(B, INDEX)(X, INDEX, axis=-1),
    "take_along_axis": call(X, np.zeros((2, 3, 1), int))(X, np.zeros((1, 3, 4), int), axis=0),
    "nonzero": call(X),
    "where": call(Array(2, 3, dtype="bool"), A, B)(Array(2, 3, dtype="bool"), A, 2)(
        Array(2, 3, dtype="bool"), 1, A
    ),
    "searchsorted": call(np.arange(4.0), Array(3, dtype="float64"))(
        np.arange(4), Array(3, dtype="int64"), side="right"
    )(np.array([3, 1, 2]), Array(3, dtype="int64"), sorter=np.array([1, 2, 0])),
    "diff": call(X)(X, axis=1, n=2)(X, prepend=Array(2, 3, 1), append=Array(2, 3, 2)),
    "unique_values": call(X),
    "linalg.cross": call(A, Array(2, 3, seed=2))(Array(3, 2), Array(3, 2, seed=2), axis=0),
    "linalg.diagonal": call(X)(X, offset=1),
    "linalg.trace": call(X)(X, offset=-1)(X, dtype=Dtype("float64")),
    "linalg.outer": call(B, Array(2)),
    "linalg.solve": call(Matrix(2, 3, 3), Array(2, 3, 2))(Matrix(3, 3), B),
    "linalg.matrix_power": call(Matrix(3, 3), 3)(Matrix(3, 3), 0)(Matrix(3, 3), -2),
    "linalg.vector_norm": call(X)(X, axis=1, ord=1)(X, axis=(0, 2), ord=math.inf, keepdims=True)(
        X, axis=0, ord=0
    ),
}
for order in (-math.inf, -2, -1, 1, 2, math.inf, "nuc"):
    CALLS["linalg.matrix_norm"](X, ord=order)(X, ord=order, keepdims=True)
CALLS["linalg.cholesky"](Matrix(3, 3), upper=True)
CALLS["linalg.eigh"](Matrix(1, 1))
CALLS["linalg.svd"](Array(3, 2), full_matrices=False)
CALLS["linalg.qr"](Array(3, 2), mode="complete")
CALLS["linalg.matrix_rank"](Matrix(3, 3), rtol=0.5)
CALLS["linalg.pinv"](Matrix(3, 3), rtol=0.5)
for name in ("sum", "prod"):
    CALLS[name](X, dtype=Dtype("float64"))(X, axis=(0, 2))(X, axis=())
for name in ("std", "var"):
    CALLS[name](X, correction=1.0)(X, axis=(0, 1), correction=1)


def converted(namespace, x, dtype):
    if isinstance(x, Array):
        return namespace.asarray(x.of(dtype))
    if isinstance(x, Dtype):
        return getattr(namespace, x.name or dtype)
    if isinstance(x, np.ndarray):
        return namespace.asarray(x)
    if isinstance(x, (list, tuple)):
        return type(x)(converted(namespace, item, dtype) for item in x)
    return x


def result(namespace, name, arguments, keywords, dtype):
    return found(namespace, name)(
        *converted(namespace, arguments, dtype),
        **{key: converted(namespace, x, dtype) for key, x in keywords.items()},
    )


def assert_same(ours, theirs, name, dtype):
    if isinstance(theirs, (tuple, list)):
        assert len(ours) == len(theirs)
        for mine, its in zip(ours, theirs, strict=True):
            assert_same(mine, its, name, dtype)
    elif hasattr(theirs, "__array_namespace__"):
        theirs = np.asarray(theirs)
        assert type(ours) is tg.Tensor
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        if name == "unique_values":  # in any order
            ours, theirs = tg.sort(ours), np.sort(theirs)
        if not name.startswith("empty"):
            rtol = 1e-4 if dtype in ("float32", "complex64") else 1e-10
            np.testing.assert_allclose(ours.numpy(), theirs, rtol=rtol, atol=rtol)
    elif name in ("finfo", "iinfo"):
        for attribute in ("bits", "max", "min", *(("eps",) if name == "finfo" else ())):
            assert getattr(ours, attribute) == getattr(theirs, attribute)
    elif name == "result_type":
        assert str(np.dtype(ours)) in str(theirs)
    else:
        assert ours == theirs


def test_every_name_is_there():
    assert {*NAMES} == {*xp.__all__}
    for extension in ("linalg", "fft"):
        own = {*getattr(strict, extension).__all__}
        assert own <= {*getattr(xp, extension).__all__}


def test_every_function_is_called():
    assert {*FUNCTIONS} == {*CALLS}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_takes_the_standards_arguments(name):
    """By position where the standard has it so, by name where it names them, and as optionally."""
    ours = inspect.signature(found(xp, name)).parameters
    theirs = inspect.signature(found(strict, name)).parameters
    kinds = {
        kind: [n for n, p in ours.items() if p.kind is kind] for kind in inspect._ParameterKind
    }
    P = inspect.Parameter
    first = kinds[P.POSITIONAL_ONLY] + kinds[P.POSITIONAL_OR_KEYWORD]
    keywords = kinds[P.POSITIONAL_OR_KEYWORD] + kinds[P.KEYWORD_ONLY]
    for i, (argument, its) in enumerate(theirs.items()):
        mine = None
        if its.kind in (P.POSITIONAL_ONLY, P.POSITIONAL_OR_KEYWORD):
            assert i < len(first) or kinds[P.VAR_POSITIONAL], argument
            mine = first[i] if i < len(first) else None
        if its.kind in (P.KEYWORD_ONLY, P.POSITIONAL_OR_KEYWORD):
            assert argument in keywords or kinds[P.VAR_KEYWORD], argument
            mine = argument if argument in keywords else None
        if its.default is not P.empty and mine:
            assert ours[mine].default is not P.empty, argument


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the same ones for both
@pytest.mark.parametrize("name", FUNCTIONS)
def test_does_what_the_standard_says(name):
    """On every dtype that it takes, in every call that array-api-strict takes."""
    done = 0
    for dtype in DTYPES:
        for arguments, keywords in CALLS[name].calls:
            try:
                theirs = result(strict, name, arguments, keywords, dtype)
            except (TypeError, ValueError, AttributeError, np.linalg.LinAlgError):
                continue  # not in the standard
            # Between the kinds of numbers, it leaves promotion open.
            if name == "can_cast" and not theirs:
                continue
            ours = result(xp, name, arguments, keywords, dtype)
            if name in ("linalg.eigh", "linalg.svd", "linalg.qr"):
                continue  # vectors have signs and phases of their own: below
            assert_same(ours, theirs, name, dtype)
            done += 1
    assert done or name in ("linalg.eigh", "linalg.svd", "linalg.qr")


@pytest.mark.parametrize("dtype", FLOATING)
def test_factors_are_those_of_the_matrix(dtype):
    tolerance = {"rtol": 1e-4, "atol": 1e-4}
    a = xp.asarray(Array(4, 3).of(dtype))
    q, r = xp.linalg.qr(a)
    np.testing.assert_allclose((q @ r).numpy(), a.numpy(), **tolerance)
    for full in (False, True):
        u, s, vh = xp.linalg.svd(a, full_matrices=full)
        np.testing.assert_allclose((u[:, :3] * s @ vh).numpy(), a.numpy(), **tolerance)
    m = xp.asarray(Matrix(3, 3).of(dtype))
    found = xp.linalg.eigh(m)
    w, v = found.eigenvalues, found.eigenvectors
    np.testing.assert_allclose((v * w @ xp.conj(v.mT)).numpy(), m.numpy(), **tolerance)


@pytest.mark.parametrize(
    "name", [n for n in vars(strict._array_object.Array) if not n.startswith("_") or n[1] == "_"]
)
def test_a_tensor_has_the_standards_attributes(name):
    # `x &= y` and its like rebind x, by Python's own means.
    if name not in ("__buffer__", "__iand__", "__ior__", "__ixor__", "__ilshift__", "__irshift__"):
        assert hasattr(tg.tensor([[1]]), name)


OPERATORS = [
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "and",
    "or",
    "xor",
    "lshift",
    "rshift",
    "lt",
    "le",
    "gt",
    "ge",
    "eq",
    "ne",
    "matmul",
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPERATORS)
def test_operators(name, dtype):
    square, other = Array(3, 3), Array(3, 3, seed=1)
    for prefix in ("__", "__r", "__i"):
        method = f"{prefix}{name}__"
        if name in ("lt", "le", "gt", "ge", "eq", "ne") and prefix != "__":
            continue
        for right in (other, 2, 1.5, True):
            if prefix == "__r" and isinstance(right, Array):
                continue
            x, y = (converted(strict, a, dtype) for a in (square, right))
            try:
                theirs = getattr(x, method)(y)
            except (TypeError, ValueError):
                continue
            if theirs is NotImplemented:
                continue
            mine, its = (converted(xp, a, dtype) for a in (square, right))
            # What `+=` does where there is no __iand__, …: the operator itself.
            ours = getattr(mine, method, getattr(mine, f"__{name}__"))(its)
            assert_same(ours, theirs, name, dtype)


# array-api-compat, array-api-extra, einops


def test_array_api_compat_knows_a_tensor():
    t = tg.Variable([1.0, 2.0])
    assert array_api_compat.is_array_api_obj(t)
    assert array_api_compat.array_namespace(t, 1.0, None) is xp
    assert array_api_compat.device(t) == "cpu"
    assert array_api_compat.to_device(t, "cpu") is t
    assert array_api_compat.size(t) == 2
    assert not array_api_compat.is_lazy_array(t)
    with pytest.raises(TypeError, match="Multiple namespaces"):
        array_api_compat.array_namespace(t, np.ones(2))


def test_dlpack_with_pytorch():
    t = tg.tensor([1.0, 2.0])
    theirs = torch.from_dlpack(t)
    theirs[0] = 9.0
    assert t.tolist() == [1.0, 2.0]
    assert tg.from_dlpack(theirs).tolist() == [9.0, 2.0]
    with pytest.raises(tg.DetachError):
        torch.from_dlpack(tg.Variable([1.0]))


RNG = np.random.default_rng(4)
POSITIVE, ALSO = RNG.uniform(0.5, 2, (2, 3, 7))
LONG = RNG.uniform(0.5, 2, (2, 12))


def assert_differentiated(function, *arrays):
    """Tensors give the values that arrays do, and tracked; gradients are central differences."""
    variables = [tg.Variable(a) for a in arrays]
    y = function(*variables)
    assert type(y) is tg.Tensor and y.requires_grad

    def computed(*these):
        value = np.asarray(function(*these))
        # Complex results as pairs of real ones.
        return [np.stack([value.real, value.imag])]

    (expected,) = computed(*arrays)
    parts = tg.stack([tg.real(y), tg.imag(y)])
    np.testing.assert_allclose(parts.detach().numpy(), expected, rtol=1e-10, atol=1e-12)
    ct = RNG.normal(size=expected.shape)
    found = tg.gradients(parts, variables, ct)
    assert_gradient(computed, arrays, [ct], [g.numpy() for g in found])


def of_either(name):
    """einops has functions for NumPy's arrays, and others for the standard's."""

    def function(x, *args, **keywords):
        module = einops if isinstance(x, np.ndarray) else einops.array_api
        return getattr(module, name)(x, *args, **keywords)

    return function


rearrange, reduce, repeat = map(of_either, ("rearrange", "reduce", "repeat"))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: rearrange(x, "a (b c) -> c (b a)", b=3),
        lambda x: repeat(x, "a b -> a 2 b"),
        *(
            lambda x, how=how: reduce(x, "a (b c) -> b a", how, b=3)
            for how in ("sum", "mean", "max", "min", "prod")
        ),
    ],
)
def test_einops(function):
    assert_differentiated(function, LONG)


def test_einops_packs():
    x = tg.Variable(LONG)
    packed, shapes = einops.array_api.pack([x, x[0]], "* a")
    assert packed.requires_grad
    first, second = einops.array_api.unpack(packed * 2, shapes, "* a")
    np.testing.assert_array_equal(first.detach().numpy(), 2 * LONG)
    np.testing.assert_array_equal(second.detach().numpy(), 2 * LONG[0])
    np.testing.assert_array_equal(einops.array_api.asnumpy(x.detach()), LONG)
    with pytest.raises(tg.DetachError):
        einops.array_api.asnumpy(x)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: xpx.cov(x),
        lambda x: xpx.pad(x, 2),
        lambda x: xpx.kron(x, x),
        lambda x: xpx.create_diagonal(x),
        lambda x: xpx.at(x)[:, 1].multiply(3.0, copy=True),
        lambda x: xpx.apply_where(x > 1, x, lambda y: y**2, lambda y: 1 / y),
    ],
)
def test_array_api_extra(function):
    assert_differentiated(function, POSITIVE)


# SciPy


@pytest.mark.parametrize(
    "function",
    [
        lambda x: special.logsumexp(x, axis=1),
        lambda x: special.softmax(x, axis=1),
        lambda x: special.log_softmax(x, axis=0),
        lambda x: stats.gmean(x, axis=1),
        lambda x: stats.hmean(x, axis=0),
        lambda x: stats.pmean(x, 2.5, axis=1),
        lambda x: stats.zscore(x, axis=1),
        lambda x: stats.skew(x, axis=1),
        lambda x: stats.kurtosis(x, axis=1),
        lambda x: stats.moment(x, order=3, axis=1),
        lambda x: stats.variation(x, axis=1),
        lambda x: stats.tmean(x, axis=1),
        lambda x: stats.tvar(x, axis=1),
        lambda x: stats.sem(x, axis=1),
        lambda x: stats.gstd(x, axis=1),
        lambda x: stats.circmean(x, axis=1),
        lambda x: stats.circvar(x, axis=1),
        lambda x: stats.kstat(x, 3, axis=1),
        lambda x: stats.iqr(x, axis=1),
        lambda x: stats.median_abs_deviation(x, axis=1),
        lambda x: stats.differential_entropy(x, axis=1),
        lambda x: stats.quantile(x, 0.3, axis=1),
        lambda x: stats.trim_mean(x, 0.2, axis=1),
        lambda x: stats.directional_stats(x).mean_direction,
        lambda x: stats.boxcox_llf(0.5, x[0]),
        lambda x: signal.hilbert(x),
        lambda x: signal.envelope(x)[0],
        lambda x: signal.resample(x, 5, axis=1),
        lambda x: signal.freqz(x[0], worN=8)[1],
        lambda x: scipy.fft.fft(x),
        lambda x: scipy.fft.irfftn(x),
        lambda x: scipy.fft.fht(x, 0.1, 0.5),
        lambda x: integrate.cumulative_trapezoid(x, axis=1),
        lambda x: integrate.cumulative_simpson(x, axis=1),
        lambda x: integrate.romb(x[:, :5], axis=1),
        lambda x: scipy.optimize.rosen(x[0]),
        lambda x: scipy.differentiate.derivative(lambda y: y**3, x).df,
        lambda x: scipy.cluster.vq.whiten(x),
        lambda x: Rotation.from_rotvec(x[:, :3]).apply(x[:, 3:6]),
        lambda x: Rotation.from_quat(x[:, :4]).as_matrix(),
    ],
)
def test_scipy_is_differentiated_through(function):
    assert_differentiated(function, POSITIVE)


@pytest.mark.parametrize(
    "function",
    [
        special.xlogy,
        special.rel_entr,
        lambda x, b: special.logsumexp(x, axis=1, b=b),
        lambda x, y: signal.fftconvolve(x, y, axes=1),
        lambda x, y: signal.correlate(x[0], y[0], method="fft"),
        lambda y, x: integrate.trapezoid(y, x, axis=1),
    ],
)
def test_scipy_with_two_operands(function):
    assert_differentiated(function, POSITIVE, ALSO)


@pytest.mark.parametrize(
    "function",
    [
        special.erf,
        special.gammaln,
        lambda x: stats.entropy(x),
        lambda x: stats.ttest_1samp(x, 0.0),
        lambda x: signal.convolve(x[0], x[1]),
        lambda x: signal.savgol_filter(x, 3, 1),
        lambda x: scipy.fft.dct(x),
        lambda x: scipy.ndimage.gaussian_filter(x, 1.0),
        lambda x: scipy.linalg.svdvals(x),
        lambda x: scipy.linalg.expm(x[:, :3]),
        lambda x: scipy.spatial.distance.cdist(x, x),
    ],
)
def test_what_scipy_computes_in_c_is_refused(function):
    with pytest.raises((tg.DetachError, tg.NotDifferentiable)):
        function(tg.Variable(POSITIVE))


# scikit-learn

ESTIMATORS = {
    "PCA": lambda x: PCA(2, svd_solver="full").fit(x).explained_variance_,
    "Ridge": lambda x: Ridge(solver="svd").fit(x.T, x[0] ** 2).coef_,
    "StandardScaler": lambda x: StandardScaler().fit_transform(x),
    "rbf_kernel": lambda x: rbf_kernel(x, gamma=0.5),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # StandardScaler's 0 / 0 at the start
@pytest.mark.parametrize("name", ESTIMATORS)
def test_sklearn_is_differentiated_through(name):
    with sklearn.config_context(array_api_dispatch=True):
        assert_differentiated(ESTIMATORS[name], POSITIVE)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_sklearn_without_dispatch_is_refused(name):
    with pytest.raises(tg.DetachError):
        ESTIMATORS[name](tg.Variable(POSITIVE))
