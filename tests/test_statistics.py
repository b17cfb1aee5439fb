"""Medians, quantiles, weighted means, covariances, and what leaves NaN out."""

import warnings

import numpy as np
import pytest
from like_numpy import assert_like_numpy
from references import METHODS

import tinygraph as tg

INF, NAN = np.inf, np.nan
RNG = np.random.default_rng(1)
A, B, V = RNG.normal(size=(3, 4)), RNG.normal(size=(2, 3, 4)), RNG.normal(size=7)
HOLES = A.copy()
HOLES[[0, 2, 2], [1, 0, 3]] = NAN
WEIGHTS = RNG.uniform(0.2, 2, size=4)
KEPT = np.array([[True], [True], [False]])


def gradient(function, x, ct=1.0):
    leaf = tg.Variable(x)
    y = function(leaf)
    return tg.gradients(y, leaf, np.broadcast_to(ct, y.shape))[0].numpy()


# Quantiles


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "call",
    [
        lambda x, q, method: np.quantile(x, q, axis=1, method=method),
        lambda x, q, method: np.percentile(x, q * 100, method=method, keepdims=True),
        lambda x, q, method: np.quantile(x, q[0], axis=(1, 0), method=method),
    ],
)
def test_a_quantile_is_differentiable_in_q(call, method):
    assert_like_numpy(lambda x, q: call(x, q, method), A, [0.13, 0.52, 0.91])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "call",
    [
        lambda x, q, method: np.nanquantile(x, q, axis=1, method=method, keepdims=True),
        lambda x, q, method: np.nanpercentile(x, q * 100, axis=0, method=method),
        lambda x, q, method: np.nanquantile(x, q, method=method),
    ],
)
def test_a_quantile_without_nan(call, method):
    assert_like_numpy(lambda x, q: call(x, q, method), HOLES, [0.13, 0.52, 0.91])


@pytest.mark.parametrize(
    "call",
    [
        lambda x, w: np.quantile(x, [0.23, 0.7], axis=1, weights=w, method="inverted_cdf"),
        lambda x, w: np.nanquantile(
            x, 0.4, weights=np.broadcast_to(WEIGHTS, (3, 4)), method="inverted_cdf"
        ),
        lambda x, w: np.percentile(x, 60, axis=-1, weights=w, method="inverted_cdf"),
    ],
)
def test_weights_of_a_quantile_have_gradient_0(call):
    assert_like_numpy(call, A, WEIGHTS)


def test_a_quantile_of_nan_is_nan_and_has_gradient_0():
    x = np.array([[1.0, NAN, 2.0], [3.0, 5.0, 4.0]])
    for function in (
        lambda t: np.quantile(t, 0.25, axis=1),
        lambda t: np.quantile(t, 0.25, axis=1, weights=[1, 1, 1], method="inverted_cdf"),
    ):
        np.testing.assert_array_equal(np.isnan(function(tg.tensor(x)).numpy()), [True, False])
        assert not gradient(function, x)[0].any()
        assert gradient(function, x)[1].sum() == 1


def test_there_is_no_quantile_of_nothing():
    t = tg.Variable(np.zeros((0, 2)))
    assert np.isnan(np.nanquantile(t, [0.2, 0.4, 0.6], axis=0).numpy()).all()
    assert np.nanquantile(t, [0.2, 0.4, 0.6], axis=0, keepdims=True).shape == (3, 1, 2)
    assert np.quantile(t, [0.2, 0.4, 0.6], axis=1).shape == (3, 0)


def test_at_a_kink_the_slope_of_a_quantile_is_that_to_the_right():
    x = np.array([1.0, 2.0, 5.0])
    assert [gradient(lambda q: np.quantile(x, q), q) for q in (0.0, 0.5, 1.0)] == [2, 6, 0]


def test_the_middle_counts_by_position_where_elements_are_equal():
    np.testing.assert_array_equal(gradient(np.median, [2.0, 2.0, 2.0]), [0, 1, 0])
    np.testing.assert_array_equal(gradient(np.median, [2.0, 2.0]), [0.5, 0.5])


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("q", [0.3, np.float64(0.3), np.array([0.3, 0.5]), np.array([0.3], "f4")])
def test_dtype_of_a_quantile(q, dtype):
    x = V.astype(dtype)
    for method in ("linear", "lower"):
        y = np.quantile(tg.Variable(x), q, method=method)
        wanted = np.quantile(x, q, method=method)
        assert y.dtype == wanted.dtype
        np.testing.assert_allclose(y.numpy(), wanted, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda t: np.quantile(t, 1.5), r"quantile: q = 1\.5; it needs numbers from 0 to 1"),
        (lambda t: np.percentile(t, [NAN]), r"percentile: .*from 0 to 100"),
        (lambda t: np.quantile(t, 0.5, method="middle"), "quantile: 'middle' is not a valid"),
        (lambda t: np.quantile(t, 0.5, weights=[1] * 7), "quantile: Only method 'inverted_cdf'"),
        (lambda t: np.quantile(t, 0.5, axis=2), r"quantile: axis 2 .* -1…0 here"),
        (lambda t: np.median(t, axis=(0, 0)), "median: .* names one axis twice"),
        (lambda t: tg.median(t, out=np.empty(())), "median: out= .* bind the result"),
        (lambda t: np.quantile(t * 1j, 0.5), r"quantile: complex.*abs\(\)"),
        (lambda t: np.quantile(t[:0], 0.5), "quantile: .* no elements"),
        (lambda t: np.average(t, weights=t - t), "average: the weights sum to zero"),
        (lambda t: np.average(t, weights=[1, 2]), r"average: weights of shape \(2,\)"),
        (lambda t: np.average(t, axis=0, weights=[1, 2]), r"average: .* they need shape \(7,\)"),
        (lambda t: np.cov(t, fweights=[0.5] * 7), "cov: fweights .* integers"),
        (lambda t: np.cov(t, aweights=[-1] * 7), "cov: aweights are negative"),
        (lambda t: np.cov(t, aweights=[1, 2]), "cov: aweights of shape .* 7 observations"),
        (lambda t: np.cov(t, ddof=0.5), "cov: ddof=0.5"),
        (lambda t: np.nanvar(t, ddof=1, correction=1), "nanvar: both ddof=1 and correction=1"),
    ],
)  # fmt: skip
def test_mistakes_are_told_by_name(call, message):
    with pytest.raises(tg.TinygraphError, match=message):
        call(tg.Variable(V))


def test_weights_that_sum_to_zero_are_a_division_by_zero():
    with pytest.raises(ZeroDivisionError):
        np.average(tg.Variable(V), weights=np.zeros(7))


# Means and covariances


@pytest.mark.parametrize(
    "call",
    [
        lambda x, w: np.average(x, axis=1, weights=w, returned=True),
        lambda x, w: np.average(x, weights=w * np.ones((3, 1)), returned=True, keepdims=True),
        lambda x, w: np.average(x, axis=0, returned=True),
        lambda x, w: np.cov(x, aweights=w),
        lambda x, w: np.cov(x, x[0] * w, aweights=w, fweights=[1, 2, 1, 3], ddof=2),
        lambda x, w: np.cov(x, aweights=w, bias=True),
        lambda x, w: np.corrcoef(x, x[1] * w),
    ],
)
def test_weights_of_means_and_covariances(call):
    assert_like_numpy(call, A, WEIGHTS)


def test_a_mean_by_weights_along_several_axes():
    assert_like_numpy(lambda x, w: np.average(x, axis=(2, 0), weights=w), B, A[:2].T ** 2)


def test_covariance_without_freedom_warns():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        y = np.cov(tg.Variable(V), ddof=7)
    assert any("Degrees of freedom" in str(w.message) for w in caught)
    assert y.item() == INF


# Without NaN

AXES = [{}, {"axis": 0}, {"axis": (1, 0), "keepdims": True}]


@pytest.mark.parametrize("keywords", AXES, ids=str)
@pytest.mark.parametrize(
    "name",
    ["nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin", "nanmedian"],
)
def test_nan_is_left_out(name, keywords):
    assert_like_numpy(lambda x: getattr(np, name)(x, **keywords), HOLES)


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("name", ["nancumsum", "nancumprod"])
def test_nan_is_left_out_of_cumulations(name, axis):
    assert_like_numpy(lambda x: getattr(np, name)(x, axis=axis), HOLES)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.nansum(x, axis=0, where=KEPT, initial=2.0),
        lambda x: np.nanprod(x, where=KEPT, initial=3),
        lambda x: np.nanmean(x, axis=0, where=KEPT),
        lambda x: np.nanvar(x, axis=1, correction=0.5),
        lambda x: np.nanstd(x, axis=(0, 1), ddof=1, where=KEPT),
        lambda x: np.nanvar(x, axis=1, mean=np.nanmean(x, axis=1, keepdims=True)),
        lambda x: np.nanmax(x, axis=0, initial=-5, where=KEPT),
        lambda x: np.fmax.reduce(x, axis=1),
        lambda x: np.fmin.reduce(x),
    ],
)
def test_keywords_of_reductions_without_nan(call):
    assert_like_numpy(call, HOLES)


@pytest.mark.parametrize(
    "name, message",
    [
        ("nanmean", "Mean of empty slice"),
        ("nanvar", "Degrees of freedom"),
        ("nanstd", "Degrees of freedom"),
        ("nanmax", "All-NaN"),
        ("nanmin", "All-NaN"),
        ("nanmedian", "All-NaN"),
    ],
)
def test_nothing_but_nan_warns_and_has_gradient_0(name, message):
    x = np.array([[NAN, NAN], [1.0, 2.0]])
    with pytest.warns(RuntimeWarning, match=message):
        y = getattr(np, name)(leaf := tg.Variable(x), axis=1)
    np.testing.assert_array_equal(np.isnan(y.numpy()), [True, False])
    g = tg.gradients(y, leaf, [NAN, 1.0])[0].numpy()
    np.testing.assert_array_equal(g[0], [0, 0])
    assert np.isfinite(g[1]).all()


def test_extremes_without_nan_share_among_equal_elements():
    np.testing.assert_array_equal(gradient(np.nanmax, [2.0, NAN, 2.0, 1.0]), [0.5, 0, 0.5, 0])
    np.testing.assert_array_equal(gradient(np.nanmin, [-INF, NAN]), [1, 0])
    tied = gradient(lambda t: np.nanmax(t, initial=2.0), [2.0, NAN, 1.0])
    np.testing.assert_array_equal(tied, [0.5, 0, 0])


def test_nanstd_of_equal_elements_has_gradient_0():
    np.testing.assert_array_equal(gradient(np.nanstd, [2.0, NAN, 2.0]), [0, 0, 0])


# Keywords of the reductions that do not leave NaN out


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "var", "std", "max", "min"])
def test_what_where_leaves_out_has_gradient_0(name):
    begin = {"initial": 1.5} if name in ("max", "min", "prod") else {}
    x = np.array([[1.0, NAN, 3.0], [INF, 2.0, 0.5]])
    where = np.isfinite(x)
    g = gradient(lambda t: getattr(np, name)(t, axis=1, where=where, **begin), x)
    clean = gradient(
        lambda t: getattr(np, name)(t, axis=1, where=where, **begin), np.where(where, x, 7)
    )
    np.testing.assert_array_equal(g, clean)
    assert not g[~where].any()
    np.testing.assert_array_equal(
        getattr(tg, name)(x, axis=1, where=tg.tensor(where), **begin).numpy(),
        getattr(np, name)(x, axis=1, where=where, **begin),
    )


def test_the_initial_value_of_an_extreme_ties_too():
    np.testing.assert_array_equal(gradient(lambda t: np.max(t, initial=2.0), [2.0, 1.0]), [0.5, 0])
    np.testing.assert_array_equal(gradient(lambda t: np.min(t, initial=0.0), [2.0, 1.0]), [0, 0])
    assert np.max(tg.Variable(np.zeros(0)), initial=3.0).item() == 3


def test_an_initial_value_is_a_constant():
    with pytest.raises(tg.NotDifferentiable, match="sum: there is no gradient for 'initial'"):
        np.sum(tg.Variable(V), initial=tg.Variable(1.0))


@pytest.mark.parametrize("name", ["var", "std"])
def test_a_mean_that_is_known_gives_the_same_gradient(name):
    x = tg.Variable(A)
    function = getattr(np, name)
    known = function(x, axis=1, mean=np.mean(x, axis=1, keepdims=True), correction=1)
    plain = function(x, axis=1, ddof=1)
    np.testing.assert_allclose(known.numpy(), plain.numpy(), rtol=1e-15)
    (g,), (h,) = tg.gradients(known.sum(), x), tg.gradients(plain.sum(), x)
    np.testing.assert_allclose(g.numpy(), h.numpy(), rtol=1e-13)
    with pytest.raises(tg.ArgumentError, match=f"{name}: both ddof=1 and correction=2"):
        function(x, ddof=1, correction=2)


def test_the_second_derivative_of_a_long_product_needs_no_square_of_memory():
    x = tg.Variable(np.linspace(0.9, 1.1, 3000))
    (g,) = tg.gradients(np.prod(x), x, create_graph=True)
    (h,) = tg.gradients(g[0], x)
    values = x.numpy()
    np.testing.assert_allclose(h.numpy()[1:], np.prod(values) / values[0] / values[1:], rtol=1e-11)
    assert h.numpy()[0] == 0
