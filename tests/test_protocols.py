"""NumPy's functions on tensors: tracked, or refused by name; never an object array."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph.registry import NUMPY

X = np.array([[0.5, 1.0, 2.0], [3.0, 0.2, 0.7]])


@pytest.mark.parametrize(
    "call",
    [
        np.exp,
        lambda t: np.sum(t, axis=0),
        lambda t: X * t,
        lambda t: np.float64(2) * t,
        lambda t: np.float32(2) / t,
        lambda t: np.concatenate([t, X]),
        lambda t: np.concatenate([X, t], axis=1),
        lambda t: X @ t.T,
        lambda t: np.where(X > 1, t, 0),
        lambda t: np.einsum("ij,kj->ik", t, X),
        lambda t: np.add.reduce(t),
        lambda t: np.multiply.reduce(t, axis=1),
        lambda t: np.add.accumulate(t),
        lambda t: np.exp(t, dtype=np.float32),
        lambda t: np.exp(t, out=None, where=True),
        lambda t: np.clip(t, 0.6, 2),
        lambda t: np.clip(t, a_min=0.6, a_max=None),
        lambda t: np.round(a=t, decimals=1),
        lambda t: np.pad(t, 1, mode="reflect"),
        lambda t: np.split(t, 3, axis=1)[1],
        lambda t: np.take(t, [0, 0], axis=1),
    ],
)
def test_numpy_functions_give_tracked_tensors(call):
    t = tg.Variable(X)
    result = call(t)
    assert type(result) is tg.Tensor
    assert result.requires_grad
    np.testing.assert_allclose(result.numpy(), call(X), rtol=1e-6)
    assert result.dtype == call(X).dtype


@pytest.mark.parametrize(
    "call",
    [np.argmax, np.isnan, np.isfinite, lambda t: np.greater(t, 1), np.argsort, np.nonzero],
)
def test_booleans_and_indices_are_untracked(call):
    results, expected = call(tg.Variable(X)), call(X)
    if not isinstance(expected, tuple):
        results, expected = (results,), (expected,)
    for result, its in zip(results, expected, strict=True):
        assert type(result) is tg.Tensor
        assert not result.requires_grad
        np.testing.assert_array_equal(result.numpy(), its)


def test_questions_about_a_tensor():
    t = tg.Variable(X)
    assert (np.shape(t), np.ndim(t), np.size(t)) == ((2, 3), 2, 6)
    assert np.result_type(t, np.float32) == "float64"
    assert np.allclose(t, X)
    assert np.array_equal(t, X)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: np.exp(t, out=np.empty((2, 3))), "exp: out= .*bind the result"),
        (lambda t: np.exp(t, where=X > 1), r"exp: where= .*tg\.where"),
        (lambda t: np.pad(t, 1, mode="mirror"), "pad: mode 'mirror'"),
        (lambda t: np.copyto(np.empty((2, 3)), t), r"np\.copyto.*cut the graph"),
        (lambda t: np.add.at(np.zeros(2), [0], t), r"np\.add\.at.*cut the graph"),
        (lambda t: np.sum(X, where=t), "sum"),
    ],
)
def test_what_cannot_be_tracked_is_refused_by_name(call, message):
    with pytest.raises(tg.TinygraphError, match=message):
        call(tg.Variable(X))


def test_the_refusal_names_what_is_nearest(monkeypatch):
    monkeypatch.delitem(NUMPY, np.cumprod)
    with pytest.raises(tg.NotDifferentiable, match=r"nearest that has one is np\.nancumprod"):
        np.cumprod(tg.Variable(X))


def test_an_array_is_not_updated_in_place_by_a_tracked_tensor():
    array = X.copy()
    with pytest.raises(tg.NotDifferentiable, match="bind the result"):
        array += tg.Variable(X)
    np.testing.assert_array_equal(array, X)


def test_functions_that_write_into_a_tensor_are_refused():
    with pytest.raises(tg.ArgumentError, match=r"t\[index\] = value"):
        np.copyto(tg.tensor(X), X)
    with pytest.raises(tg.ArgumentError, match="value"):
        np.add(X, X, out=tg.tensor(X))


def test_functions_without_a_rule_compute_on_untracked_tensors():
    result = np.divide.accumulate(tg.tensor(X))
    assert type(result) is tg.Tensor
    np.testing.assert_array_equal(result.numpy(), np.divide.accumulate(X))
    assert np.exp(tg.tensor(X), where=X > 1, out=np.zeros((2, 3)))[0, 0] == 0
    with tg.no_grad():
        np.divide.accumulate(tg.Variable(X))


def test_a_list_of_tensors_is_refused_loudly():
    w = tg.Variable(1.0)
    for call in (np.array, np.asarray, np.exp, tg.exp, tg.tensor):
        with pytest.raises(tg.DetachError, match=r"tg\.stack"):
            call([w, w])


@pytest.mark.parametrize("other", [object(), "text", None, np.array([None]), {}])
def test_nothing_returns_an_object_array(other):
    w = tg.Variable(X)
    for call in (lambda: w * other, lambda: np.multiply(w, other), lambda: np.add(other, w)):
        with pytest.raises((TypeError, ValueError)):
            call()


@pytest.mark.parametrize(
    "call",
    [np.sum, np.cumsum, np.median, np.clip, np.trace, lambda *a, **k: np.take(a[0], [0], **k)],
)
def test_out_of_numpy_functions(call):
    arguments = (0.6, 2.0) if call is np.clip else ()
    wanted = call(X, *arguments)
    t = tg.Variable(X)
    assert call(t, *arguments, out=None).requires_grad
    target = np.empty_like(wanted)
    with pytest.raises(tg.NotDifferentiable, match="cut the graph"):
        call(t, *arguments, out=target)
    call(tg.tensor(X), *arguments, out=target)
    np.testing.assert_array_equal(target, wanted)


def test_a_ufunc_of_objects_is_refused():
    double = np.frompyfunc(lambda x: 2 * x, 1, 1)
    with pytest.raises(tg.NotDifferentiable, match="has no gradient rule"):
        double(tg.Variable(X))
    with pytest.raises(tg.DTypeError, match="object array"):
        double(tg.tensor(X))
