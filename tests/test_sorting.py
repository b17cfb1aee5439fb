"""Sorting, distinct elements, sets and cumulations, where elements are equal, zero or NaN."""

import numpy as np
import pytest
from like_numpy import assert_like_numpy

import tinygraph as tg
from tinygraph.numpy_version import since
from tinygraph.ops import ordering

INF, NAN = np.inf, np.nan


def gradient(function, x, ct):
    leaf = tg.Variable(x)
    y = function(leaf)
    return tg.gradients(y, leaf, np.broadcast_to(np.asarray(ct, float), y.shape))[0].numpy()


# Sorting


@pytest.mark.parametrize("function", [np.sort, lambda t: np.partition(t, 1)])
def test_equal_elements_get_the_places_in_order(function):
    x = [2.0, 1.0, 2.0, 1.0]
    np.testing.assert_array_equal(gradient(np.sort, x, [1, 2, 3, 4]), [3, 1, 4, 2])
    found = gradient(function, x, [1, 2, 3, 4])
    assert {*found[[1, 3]]} == {1, 2}
    assert {*found[[0, 2]]} == {3, 4}


def test_nan_is_sorted_last():
    x = [NAN, 1.0, -INF, NAN, INF]
    np.testing.assert_array_equal(np.sort(tg.tensor(x)).numpy(), np.sort(x))
    np.testing.assert_array_equal(gradient(np.sort, x, [1, 2, 3, 4, 5]), [4, 2, 1, 5, 3])


@pytest.mark.parametrize("shape", [(4,), (2, 3)])
def test_complex_numbers_are_sorted(shape):
    x = np.random.default_rng(0).normal(size=shape)
    leaf = tg.Variable(x.astype("f4"))
    y = np.sort_complex(leaf)
    np.testing.assert_array_equal(y.numpy(), np.sort_complex(x.astype("f4")))
    assert y.dtype == np.sort_complex(x.astype("f4")).dtype
    assert_like_numpy(lambda x: np.abs(np.sort_complex(x) + 1j), x)


COMPLEX = [1 + 1j, complex(NAN, 1), 2, complex(1, NAN), complex(NAN, NAN), complex(3, NAN), 1 + 2j]


@pytest.mark.parametrize(
    "x, order",
    [
        ([1.0, NAN, 3.0, NAN, -INF, 3.0, INF, 1.0], [6, 2, 5, 0, 7, 4, 1, 3]),
        ([2, 7, 2, 5], [1, 3, 0, 2]),
        ([False, True, False, True], [1, 3, 0, 2]),
        (COMPLEX, [2, 6, 0, 5, 3, 1, 4]),
        ([NAN, NAN], [0, 1]),
        ([], []),
    ],
)
def test_descending_nan_is_last_and_equal_elements_stay_in_order(x, order):
    """With NumPy's own `descending=`, and with what stands in for it before 2.5."""
    x = np.array(x)
    for argsort, sort in [
        (tg.argsort, tg.sort),
        (lambda x, **how: tg.tensor(x).argsort(**how), tg.sort),
        (ordering._argsort, ordering._sort),
    ]:
        found = [f(x, stable=True, descending=True) for f in (argsort, sort)]
        places, y = (t.numpy() if type(t) is tg.Tensor else t for t in found)
        np.testing.assert_array_equal(places, order)
        np.testing.assert_array_equal(y, x[places])
        assert y.dtype == x.dtype
    turned = np.stack([x, x[::-1]])
    np.testing.assert_array_equal(ordering._sort(turned.T, 0, descending=True).T[1], x[places])
    both = ordering._argsort(turned, None, descending=True)
    np.testing.assert_array_equal(
        tg.sort(turned, None, descending=True).numpy(), [*turned.ravel()[both]]
    )


@pytest.mark.parametrize("stable", [None, True])
def test_gradient_of_a_descending_sort(stable):
    x, ct = [NAN, 1.0, -INF, 1.0, INF], [1, 2, 3, 4, 5]
    g = gradient(lambda t: tg.sort(t, stable=stable, descending=True), x, ct)
    np.testing.assert_array_equal(g, [5, 2, 4, 3, 1])


def test_descending_is_numpys_from_2_5_on():
    t = tg.Variable([[2.0, 1.0, 3.0]])
    if not since("2.5.0"):
        with pytest.raises(TypeError, match="descending"):
            np.sort(t, descending=True)
        return
    y = np.sort(t, 0, descending=True) + np.sort(t, descending=True)
    np.testing.assert_array_equal(y.numpy(), [[5, 3, 4]])
    assert y.requires_grad
    np.testing.assert_array_equal(np.argsort(t, descending=True).numpy(), [[2, 0, 1]])


def test_sorting_by_a_field_is_refused():
    with pytest.raises(tg.DomainError, match="sort: "):
        np.sort(tg.Variable([1.0]), order="x")


# Sets

TIED = [3.0, 1.0, 3.0, 2.0, 1.0, 3.0]


def test_equal_elements_share_the_cotangent_of_the_distinct_one():
    wanted = [1.0, 0.5, 1, 2, 0.5, 1]
    for function in (
        np.unique,
        lambda t: np.unique_all(t).values,
        lambda t: np.unique_counts(t)[0],
        lambda t: np.unique(t, return_index=True)[0],
        lambda t: np.sort(np.unique_values(t)),
        lambda t: np.union1d(t[:4], t[4:]),
        lambda t: np.setdiff1d(t, [0.0]),
        lambda t: np.setxor1d(t, [0.0])[1:],
    ):
        np.testing.assert_array_equal(gradient(function, TIED, [1, 2, 3]), wanted)


def test_elements_of_both_sets_share_as_ties_do():
    a, b = tg.Variable([3.0, 1.0, 5.0, 3.0]), tg.Variable([1.0, 3.0, 4.0])
    g, h = tg.gradients(np.intersect1d(a, b), [a, b], [2.0, 3.0])
    np.testing.assert_array_equal(g.numpy(), [1, 1, 0, 1])
    np.testing.assert_array_equal(h.numpy(), [1, 1, 0])


def test_distinct_rows_share_too():
    x = [[2.0, 1], [0, 1], [2, 1]]
    g = gradient(lambda t: np.unique(t, axis=0), x, [[1, 2], [4, 6]])
    np.testing.assert_array_equal(g, [[2, 3], [1, 2], [2, 3]])


def test_integers_that_come_with_distinct_elements():
    leaf = tg.Variable(TIED)
    for found, wanted in [
        (np.unique(leaf, True, True, True), np.unique(TIED, True, True, True)),
        (np.unique_inverse(leaf), np.unique_inverse(TIED)),
        (np.intersect1d(leaf, [1, 3], return_indices=True),
         np.intersect1d(TIED, [1, 3], return_indices=True)),
    ]:  # fmt: skip
        assert type(found) is type(wanted)
        assert [y.requires_grad for y in found] == [True] + [False] * (len(wanted) - 1)
        for y, expected in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(y.numpy(), expected)


def test_values_are_distinct_in_any_order():
    assert_like_numpy(np.unique_values, [0.3, -1.2, 2.0, 0.7])


def test_nan_is_distinct_once():
    x = [NAN, 1.0, NAN]
    np.testing.assert_array_equal(np.unique(tg.tensor(x)).numpy(), [1, NAN])
    np.testing.assert_array_equal(gradient(np.unique, x, [1, 2]), [1, 1, 1])
    many = np.unique(tg.tensor(x), equal_nan=False).numpy()
    np.testing.assert_array_equal(many, [1, NAN, NAN])


# Cumulations


@pytest.mark.parametrize(
    "x", [[2.0, 0.0, 3.0, 4.0], [0.0, 2.0, 0.0, 3.0, 5.0], [0.0, 0.0, 0.0], [1.5, 0.0]]
)
@pytest.mark.parametrize("function", [np.cumprod, np.prod])
def test_products_are_exact_with_zeros(function, x):
    assert_like_numpy(function, x)


def test_a_long_product_is_exact():
    x = np.random.default_rng(3).uniform(0.5, 1.5, 1000)
    x[700] = 0
    ct = np.linspace(-1, 1, 1000)
    wanted = np.zeros(1000)
    later = 0.0
    before = np.concatenate([[1], np.cumprod(x[:-1])])
    for i in range(999, -1, -1):  # Horner's scheme, from the end
        later = ct[i] + (x[i + 1] * later if i < 999 else 0)
        wanted[i] = before[i] * later
    np.testing.assert_allclose(gradient(np.cumprod, x, ct), wanted, rtol=1e-12)


@pytest.mark.parametrize(
    "name, x, ct, wanted",
    [
        ("cummax", [1.0, 1, 0, 2, 2, 2], [1, 2, 4, 8, 16, 30], [4, 3, 0, 26, 18, 10]),
        ("cummin", [1.0, 1, 2, 0], [1, 2, 4, 8], [4, 3, 0, 8]),
        ("cummax", [1.0, NAN, 2.0], [1, NAN, NAN], [1, 0, 0]),
        ("cummax", [-INF, -INF, INF], [1, 2, 4], [2, 1, 4]),
        ("cumlogsumexp", [-INF, 0.0, INF], [1, 2, 4], [1, 2, 4]),
        ("cumlogsumexp", [-INF, -INF], [1, 2], [2, 1]),
        ("cumlogsumexp", [1e4, -1e4, 1e4], [1, 2, 4], [5, 0, 2]),
    ],
)
def test_corners_of_cumulations(name, x, ct, wanted):
    np.testing.assert_allclose(gradient(getattr(tg, name), x, ct), wanted, rtol=1e-15)


@pytest.mark.parametrize("name", ["cumulative_sum", "cumulative_prod"])
def test_cumulations_of_several_axes_need_one(name):
    with pytest.raises(tg.ArgumentError, match=f"{name}: .* needs axis="):
        getattr(tg, name)(tg.Variable(np.ones((2, 3))))
