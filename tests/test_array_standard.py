"""The array API standard: the namespace, attributes of a tensor, DLPack, creation.

What each function does is compared with an independent implementation in `peers/test_array_api.py`.
"""

import inspect
import subprocess
import sys

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import array_api as xp
from tinygraph.numpy_version import since

X = np.array([[0.5, 1.0, 2.0], [3.0, 0.2, 0.7]])


@pytest.fixture
def tracked():
    return tg.Variable(X)


# The namespace


@pytest.mark.parametrize("version", [None, "2021.12", "2022.12", "2023.12", "2024.12"])
def test_a_tensor_names_its_namespace(tracked, version):
    assert tracked.__array_namespace__(api_version=version) is xp
    assert tracked.detach().__array_namespace__(api_version=version) is xp
    assert xp.__array_api_version__ == tg.__array_api_version__ == "2024.12"


def test_an_unknown_version_is_refused(tracked):
    with pytest.raises(tg.DomainError, match=r"'1999\.1'.*2024\.12"):
        tracked.__array_namespace__(api_version="1999.1")


def test_the_namespace_is_loaded_by_those_who_ask():
    code = "import sys, tinygraph; print('tinygraph.array_api' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_the_namespace_holds_what_it_says():
    public = {name for name in vars(xp) if not name.startswith("_")} - {"builtins"}
    assert public == {name for name in xp.__all__ if not name.startswith("__")}


OWN = {"sort", "argsort", "__array_namespace_info__"}


@pytest.mark.parametrize("name", [n for n in xp.__all__ if n not in OWN])
def test_one_implementation_serves_both(name):
    ours, public = getattr(xp, name), getattr(tg, name)
    assert ours is public or ours == public == "2024.12"


def test_it_describes_itself():
    if not since("2.1.0"):  # NumPy has nothing to say there
        assert xp.__array_namespace_info__ is None
        return
    info = xp.__array_namespace_info__()
    assert info.capabilities()["boolean indexing"]
    assert info.capabilities()["data-dependent shapes"]
    assert info.default_device() == "cpu"
    assert [*info.devices()] == ["cpu"]
    assert info.default_dtypes()["real floating"] == xp.float64
    assert info.dtypes(kind="complex floating") == {
        "complex64": xp.complex64,
        "complex128": xp.complex128,
    }


def test_questions_of_dtypes(tracked):
    assert tracked.dtype == xp.float64
    assert xp.finfo(tracked).eps == xp.finfo(xp.float64).eps == 2.0**-52
    assert xp.iinfo(tg.tensor([1])).max == xp.iinfo(xp.int64).max == 2**63 - 1
    assert xp.result_type(tracked, xp.complex64, 1) == xp.complex128
    assert xp.can_cast(tracked, xp.complex128) and not xp.can_cast(tracked, xp.float32)
    assert xp.isdtype(tracked.dtype, "real floating")
    assert not xp.isdtype(tracked.dtype, ("integral", "bool"))


# A tensor's attributes


def test_device(tracked):
    assert tracked.device == "cpu"
    assert tracked.to_device("cpu") is tracked
    with pytest.raises(tg.DomainError, match=r"'gpu'.*'cpu' only"):
        tracked.to_device("gpu")
    with pytest.raises(tg.ArgumentError, match="stream=1"):
        tracked.to_device("cpu", stream=1)


@pytest.mark.parametrize(
    "make",
    [
        lambda device: tg.zeros(2, device=device),
        lambda device: tg.ones(2, device=device),
        lambda device: tg.empty(2, device=device),
        lambda device: tg.eye(2, device=device),
        lambda device: tg.full(2, 1.0, device=device),
        lambda device: tg.full_like(X, 1.0, device=device),
        lambda device: tg.zeros_like(X, device=device),
        lambda device: tg.arange(3, device=device),
        lambda device: tg.linspace(0, 1, 3, device=device),
        lambda device: tg.asarray(X, device=device),
        lambda device: tg.astype(X, xp.float32, device=device),
        lambda device: tg.from_dlpack(X, device=device),
    ],
)
def test_there_is_one_device(make):
    assert make("cpu").device == "cpu"
    assert make(None).device == "cpu"
    with pytest.raises(tg.DomainError, match=r"device 'gpu'.*'cpu'"):
        make("gpu")


def test_a_tensor_without_axes_is_not_iterable():
    assert not np.iterable(tg.tensor(1.0))
    assert np.iterable(tg.tensor([1.0]))


# Creation


@pytest.mark.parametrize("name", ["zeros", "ones", "empty"])
@pytest.mark.parametrize("shape", [(), 3, (2, 3), (0, 2)])
@pytest.mark.parametrize("dtype", [None, xp.bool, xp.int8, xp.float32, xp.complex64])
def test_of_a_shape(name, shape, dtype):
    made, expected = getattr(tg, name)(shape, dtype), getattr(np, name)(shape, dtype)
    assert type(made) is tg.Tensor
    assert (made.shape, made.dtype, made.requires_grad) == (expected.shape, expected.dtype, False)
    if name != "empty":
        np.testing.assert_array_equal(made.numpy(), expected)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("eye", (3,)),
        ("eye", (2, 3, 1)),
        ("eye", (2, None, -1, np.int8)),
        ("identity", (3,)),
        ("identity", (2, np.complex64)),
        ("tri", (3,)),
        ("tri", (2, 4, 1, int)),
    ],
)
def test_matrices(name, arguments):
    made, expected = getattr(tg, name)(*arguments), getattr(np, name)(*arguments)
    assert made.dtype == expected.dtype
    np.testing.assert_array_equal(made.numpy(), expected)


def test_creation_refuses_what_is_not_numeric():
    with pytest.raises(tg.DTypeError, match="zeros: dtype object"):
        tg.zeros(2, object)


def test_asarray_of_a_tensor_is_the_tensor(tracked):
    assert xp.asarray(tracked) is tracked
    assert xp.asarray(tracked, copy=False) is tracked
    copy = xp.asarray(tracked, copy=True)
    assert copy is not tracked and copy.requires_grad
    copy[0, 0] = 7.0
    assert tracked.numpy()[0, 0] == 0.5
    (gradient,) = tg.gradients(xp.sum(copy * X), [tracked])
    np.testing.assert_array_equal(gradient.numpy(), [[0, 1, 2], [3, 0.2, 0.7]])


# Where the standard takes more than NumPy


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_sorting_in_both_directions(axis, descending):
    a = np.array([[3, 1, 2, 1], [0, 1, 0, 2]])
    y, i = (f(tg.tensor(a), axis=axis, descending=descending) for f in (xp.sort, xp.argsort))
    # Python's sort is stable, also in reverse.
    order = np.apply_along_axis(
        lambda line: sorted(range(len(line)), key=lambda k: line[k], reverse=descending), axis, a
    )
    np.testing.assert_array_equal(i.numpy(), order)
    np.testing.assert_array_equal(y.numpy(), np.take_along_axis(a, order, axis))


def test_descending_sort_is_differentiable():
    x, ct = tg.Variable(X), np.array([[1.0, 2.0, 3.0], [5.0, 7.0, 11.0]])
    found = tg.gradients(xp.sum(xp.sort(x, axis=1, descending=True) * ct), [x])
    # The rows in descending order are X's elements 2, 1, 0 and 0, 2, 1.
    np.testing.assert_array_equal(found[0].numpy(), [[3, 2, 1], [5, 11, 7]])


@pytest.mark.parametrize("name", ["fftfreq", "rfftfreq"])
def test_frequencies_of_a_dtype(name):
    y = getattr(xp.fft, name)(5, d=0.5, dtype=xp.float32)
    assert y.dtype == xp.float32
    np.testing.assert_array_equal(y.numpy(), getattr(np.fft, name)(5, 0.5).astype(np.float32))


def test_reshape_without_a_copy():
    assert xp.reshape(tg.tensor(X), (6,), copy=False).shape == (6,)
    with pytest.raises(tg.DomainError, match=r"reshape: .*copy"):
        xp.reshape(tg.tensor(X).T, (6,), copy=False)


@pytest.mark.parametrize("name", ["asarray", "full", "full_like", "linspace", "zeros", "eye"])
def test_signatures_are_numpys(name):
    if name in ("asarray", "zeros") and not since("2.4.0"):  # which does not tell: ask by a call
        assert getattr(np, name)(3, dtype=int, order="C").dtype == int
        assert {"dtype", "order"} <= inspect.signature(getattr(tg, name)).parameters.keys()
        return
    theirs, ours = (inspect.signature(getattr(module, name)).parameters for module in (np, tg))
    assert {n: p.default for n, p in theirs.items() if n != "like"}.items() <= {
        n: p.default for n, p in ours.items()
    }.items()


# Nothing is detached silently


def test_dlpack_of_a_tracked_tensor_is_loud(tracked):
    for call in (np.from_dlpack, tg.Tensor.__dlpack__):
        with pytest.raises(tg.DetachError, match=r"shape \(2, 3\).*cut the graph.*\.detach\(\)"):
            call(tracked)
    with pytest.raises(tg.DetachError):
        np.asarray(tracked)


def test_dlpack_lends_a_copy_or_read_only_memory():
    t = tg.tensor(X)
    assert t.__dlpack_device__() == X.__dlpack_device__()
    copy = np.from_dlpack(t)
    np.testing.assert_array_equal(copy, X)
    assert not np.shares_memory(copy, t.value)
    if since("2.1.0"):
        shared = np.from_dlpack(t, copy=False)
        assert np.shares_memory(shared, t.value) and not shared.flags.writeable
    else:  # cannot tell that memory is read-only
        with pytest.raises(BufferError, match=r"max_version=\(1, 0\)"):
            t.__dlpack__(copy=False, max_version=(1, 0))
    with pytest.raises(BufferError, match=r"max_version=None"):
        t.__dlpack__(copy=False)


def test_dlpack_of_a_scalar_and_of_booleans():
    assert np.from_dlpack(tg.tensor(2.5)) == 2.5
    np.testing.assert_array_equal(np.from_dlpack(tg.tensor([True, False])), [True, False])


def test_from_dlpack(tracked):
    array = X.copy()
    shared, copied = tg.from_dlpack(array), tg.from_dlpack(array, copy=True)
    assert np.shares_memory(shared.value, array)
    array[0, 0] = 9.0
    np.testing.assert_array_equal(copied.numpy(), X)
    assert tg.from_dlpack(tracked) is tracked
    assert tg.from_dlpack(tracked, copy=True).requires_grad


def test_numpys_functions_reach_ours_as_before(tracked):
    for y in (np.exp(tracked), np.sum(tracked), np.sort(tracked), X @ tracked.T):
        assert type(y) is tg.Tensor and y.requires_grad
