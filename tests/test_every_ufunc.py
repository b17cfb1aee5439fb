"""Every ufunc of NumPy, and what else works element by element, with operands of every dtype."""

import inspect
import itertools
import warnings

import numpy as np
import pytest
from batches import batched

import tinygraph as tg
from tinygraph.numpy_version import since

UFUNCS = [name for name in dir(np) if isinstance(getattr(np, name), np.ufunc)]
OTHERS = ["angle", "around", "clip", "fix", "i0", "imag", "iscomplex", "isneginf", "isposinf",
          "isreal", "nan_to_num", "real", "real_if_close", "round", "sinc", "unwrap"]  # fmt: skip
DTYPES = ["bool", "uint8", "int32", "int64", "float16", "float32", "float64", "complex64",
          "complex128"]  # fmt: skip


def operands(function, dtype):
    x = np.array([[1, 2, 0], [3, 1, 2]]).astype(dtype)
    if x.dtype.kind == "f":
        x = x + np.array([0.25, -0.5, 0]).astype(dtype)
    if function is np.clip:
        return [x, x[:1], x[0]]
    return [x, np.array([1, 2, 1]).astype(dtype)][: getattr(function, "nin", 1)]


def outputs(y):
    return y if isinstance(y, tuple) else (y,)


@batched("name, dtype", itertools.product([*UFUNCS, *OTHERS], DTYPES), by=lambda name, _: name)
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
@pytest.mark.filterwarnings("ignore:.*fix.*deprecated:DeprecationWarning")  # since NumPy 2.5
def test_is_as_numpy(name, dtype):
    """NumPy's values and dtype, or an error that is ours; tracked if floating."""
    function = getattr(np, name)
    arrays = operands(function, dtype)
    with np.errstate(all="ignore"):
        try:
            wanted = outputs(function(*arrays))
        except (TypeError, ValueError) as error:
            wanted = error
        for ours in (function, getattr(tg, name)):
            for tracked in {False, arrays[0].dtype.kind in "fc"}:
                tensors = [tg.tensor(x, requires_grad=tracked) for x in arrays]
                if isinstance(wanted, Exception):
                    with pytest.raises(tg.TinygraphError, match=": "):
                        ours(*tensors)
                    continue
                for y, expected in zip(outputs(ours(*tensors)), wanted, strict=True):
                    assert type(y) is tg.Tensor
                    assert (y.shape, y.dtype) == (expected.shape, expected.dtype)
                    np.testing.assert_array_equal(y.numpy(), expected)
                    assert y.requires_grad == (tracked and y.dtype.kind in "fc")


@pytest.mark.parametrize("name", [*UFUNCS, *OTHERS])
def test_parameters_have_names_of_numpy(name):
    """What can be given by keyword in NumPy can be here, by the same keyword."""
    function, ours = getattr(np, name), getattr(tg, name)
    if isinstance(function, np.ufunc):
        return  # whose operands are given by position only
    words = [p for p in inspect.signature(function).parameters if p not in ("out", "kwargs")]
    known = inspect.signature(ours).parameters
    assert "operands" in known or set(words) <= set(known)


@pytest.mark.parametrize("function", [np.fix, tg.fix])
def test_fix_is_deprecated_as_in_numpy(function):
    with warnings.catch_warnings(record=True) as theirs:
        warnings.simplefilter("always")
        np.fix(1.5)
    with warnings.catch_warnings(record=True) as ours:
        warnings.simplefilter("always")
        y = function(tg.Variable([1.5, -1.5]))
    np.testing.assert_array_equal(y.numpy(), [1.0, -1.0])
    assert [w.category for w in ours] == [w.category for w in theirs]
    assert len(ours) == since("2.5.0")
    for warning in ours:  # at the line above, whether it went through NumPy or not
        assert (warning.filename, "trunc" in str(warning.message)) == (__file__, True)
