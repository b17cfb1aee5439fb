"""Calculus on samples, interpolation, polynomials, ranges: what the samples cannot say."""

import numpy as np
import pytest
from derivatives import assert_gradient

import tinygraph as tg
from tinygraph.numpy_version import since
from tinygraph.testing import check_grads

KNOTS = np.array([-1.0, 0.2, 1.0, 2.5])
HEIGHTS = np.array([0.5, 2.0, -1.0, 1.0])
POINTS = np.array([-2.0, -0.5, 0.7, 1.9, 3.0])


def assert_derivatives(function, arrays, reference):
    """The value, and derivatives of order 1 and 2 in all arrays."""
    y = function(*map(tg.Variable, arrays))
    np.testing.assert_allclose(y.numpy(), reference(*arrays), rtol=1e-12, atol=1e-13)
    check_grads(function, *arrays)


def test_interp_in_points_knots_and_heights():
    assert_derivatives(np.interp, [POINTS, KNOTS, HEIGHTS], np.interp)


def test_interp_with_ends():
    assert_derivatives(
        tg.interp, [POINTS, KNOTS, HEIGHTS, np.array(5.0), np.array(-3.0)], np.interp
    )


def test_interp_with_a_period():
    assert_derivatives(
        lambda x, xp, fp, p: tg.interp(x, xp, fp, period=p),
        [POINTS, np.array([1.0, -0.4, 0.1, 2.2]), HEIGHTS, np.array(3.1)],
        lambda x, xp, fp, p: np.interp(x, xp, fp, period=p),
    )


def test_interp_at_a_knot_has_the_slope_after_it():
    x = tg.Variable(KNOTS)
    found = tg.gradients(np.interp(x, KNOTS, HEIGHTS).sum(), x)[0].numpy()
    slopes = np.diff(HEIGHTS) / np.diff(KNOTS)
    np.testing.assert_allclose(found, [*slopes, slopes[-1]])


@pytest.mark.parametrize(
    ("x", "knots", "by_x", "by_knots", "by_heights"),
    [
        # From −1 to 0 the polygon goes from 0.5 to 2, then it jumps to −1, and to 1 at 2.
        (-0.75, [-1.0, 0, 0, 2], 1.5, [-1.125, -0.375, 0, 0], [0.75, 0.25, 0, 0]),
        (0.0, [-1.0, 0, 0, 2], 1, [0, 0, -1, 0], [0, 0, 1, 0]),
        (1.5, [-1.0, 0, 0, 2], 1, [0, 0, -0.25, -0.75], [0, 0, 0.25, 0.75]),
        # Two knots in one place are the last: the value there is that of the second.
        (2.0, [-1.0, 0, 2, 2], 0, [0, 0, 0, 0], [0, 0, 0, 1]),
        (1.0, [-1.0, 0, 2, 2], -1.5, [0, 0.75, 0.75, 0], [0, 0.5, 0.5, 0]),
        # At a knot, and beyond the ends.
        (0.0, [-1.0, 0, 1, 2], -3, [0, 3, 0, 0], [0, 1, 0, 0]),
        (2.0, [-1.0, 0, 1, 2], 2, [0, 0, 0, -2], [0, 0, 0, 1]),
        (3.0, [-1.0, 0, 1, 2], 0, [0, 0, 0, 0], [0, 0, 0, 1]),
        (-3.0, [-1.0, 0, 1, 2], 0, [0, 0, 0, 0], [1, 0, 0, 0]),
    ],
)
def test_interp_at_and_between_knots(x, knots, by_x, by_knots, by_heights):
    leaves = [tg.Variable(a) for a in ([x], knots, HEIGHTS)]
    y = np.interp(*leaves)
    np.testing.assert_allclose(y.numpy(), np.interp([x], knots, HEIGHTS))
    found = tg.gradients(y, leaves, np.array([2.0]))
    for g, wanted in zip(found, ([by_x], by_knots, by_heights), strict=True):
        np.testing.assert_allclose(g.numpy(), 2 * np.array(wanted), atol=1e-15)


def test_interp_of_awkward_values_is_numpys():
    x = np.array([np.nan, -np.inf, np.inf, 0.2, 0.5])
    heights = np.array([0.5, np.inf, -1.0, np.nan])
    y = np.interp(tg.Variable(x), KNOTS, heights)
    np.testing.assert_array_equal(y.numpy(), np.interp(x, KNOTS, heights))


@pytest.mark.parametrize("edge_order", [1, 2])
def test_gradient_in_coordinates(edge_order):
    f = np.array([[1.0, 3.0, 2.0, 0.5], [0.2, -1.0, 2.5, 1.0], [2.0, 1.0, 0.0, 3.0]])
    for spacing in (KNOTS, np.arange(4.0), np.array(0.7)):
        assert_derivatives(
            lambda f, x: np.gradient(f, x, axis=1, edge_order=edge_order),
            [f, spacing],
            lambda f, x: np.gradient(f, x, axis=1, edge_order=edge_order),
        )


def test_constants_of_integration_and_bases_may_be_tensors():
    assert_derivatives(
        lambda p, k: tg.polyint(p, 2, k),
        [HEIGHTS, np.array([1.0, 2.0])],
        lambda p, k: np.polyint(p, 2, k),
    )
    assert_derivatives(
        lambda a, b, base: tg.logspace(a, b, 4, base=base),
        [np.array(0.5), np.array(2.0), np.array([2.0, 3.0])],
        lambda a, b, base: np.logspace(a, b, 4, base=base),
    )


def test_linspace_of_one_has_no_step():
    y, step = np.linspace(tg.Variable(1.0), 2.0, 1, retstep=True)
    assert y.numpy() == [1.0]
    assert np.isnan(step.item())


@pytest.mark.parametrize("arguments", [(3,), (2, 5), (0.5, 2, 0.25), (5, 2, -1), (3, 1)])
def test_arange_of_numbers_is_numpys(arguments):
    y, wanted = tg.arange(*arguments), np.arange(*arguments)
    np.testing.assert_array_equal(y.numpy(), wanted)
    assert y.dtype == wanted.dtype


@pytest.mark.parametrize("ends", [(0.5, 2.1), (0.0, 1.6), (-1.7, 0.0)])
def test_arange_moves_with_its_start_and_step(ends):
    start, stop, step = (tg.Variable(x) for x in (*ends, 0.5))
    y = tg.arange(start, stop, step)
    found = tg.gradients(y, [start, stop, step], [1.0, 10.0, 100.0, 1000.0])
    assert [g.item() for g in found] == [1111, 0, 10 + 200 + 3000]


def test_geomspace_of_negative_and_complex_ends():
    for ends in ([np.array(-1.5), np.array(-4.0)], [np.array([0.5, 2.0]), np.array(3.0)]):
        assert_derivatives(
            lambda a, b: np.geomspace(a, b, 4), ends, lambda a, b: np.geomspace(a, b, 4)
        )
    a, b = np.array(1 + 1j), np.array(-2 + 0.5j)
    leaves = [tg.Variable(a), tg.Variable(b)]
    found = tg.gradients(np.abs(np.geomspace(*leaves, 3)).sum(), leaves)
    assert_gradient(
        lambda p, q, r, s: [np.abs(np.geomspace(p + 1j * q, r + 1j * s, 3)).sum()],
        [a.real, a.imag, b.real, b.imag],
        [1.0],
        [part(g.numpy()) for g in found for part in (np.real, np.imag)],
    )


@pytest.mark.parametrize("sizes", [(3, 3), (3, 2), (2, 3), (2, 2)])
def test_cross_of_two_elements_is_deprecated_or_refused_as_in_numpy(sizes):
    a, b = np.array([1.0, 2.0, 3.0])[: sizes[0]], np.array([0.5, -1.0, 2.0])[: sizes[1]]
    if 2 not in sizes:
        assert_derivatives(np.cross, [a, b], np.cross)
        return
    t = tg.Variable(a)
    if since("2.5.0"):
        with pytest.raises(ValueError, match="3-dimensional"):
            np.cross(a, b)
        for cross in (np.cross, tg.cross):
            with pytest.raises(tg.ShapeError, match=r"cross: 2 elements along .*third"):
                cross(t, b)
        return
    with pytest.warns(DeprecationWarning, match="2-dimensional"):
        wanted = np.cross(a, b)
    with pytest.warns(DeprecationWarning, match="cross"):
        y = np.cross(t, b)
    np.testing.assert_array_equal(y.numpy(), wanted)
    (g,) = tg.gradients(y.sum(), t)
    with pytest.warns(DeprecationWarning, match="2-dimensional|cross"):
        slopes = [np.sum(np.cross(unit, b)) for unit in np.eye(sizes[0])]  # it is linear
    np.testing.assert_allclose(g.numpy(), slopes)


def test_polydiv_by_a_longer_polynomial():
    u = tg.Variable(np.array([1.0, 2.0]))
    q, r = np.polydiv(u, np.array([1.0, 0.0, 3.0]))
    np.testing.assert_array_equal(q.numpy(), [0])
    np.testing.assert_array_equal(tg.gradients(r.sum(), u)[0].numpy(), [1, 1])


def test_polymul_drops_leading_zeros():
    y = np.polymul(tg.Variable(np.array([0.0, 1.0, 2.0])), np.array([0.0, 0.0]))
    np.testing.assert_array_equal(y.numpy(), np.polymul([0.0, 1.0, 2.0], [0.0, 0.0]))


def test_poly_of_conjugate_pairs_is_real():
    zeros = np.array([1 + 2j, 1 - 2j, 3.0])
    y = np.poly(tg.Variable(zeros))
    np.testing.assert_allclose(y.numpy(), np.poly(zeros))
    assert y.dtype == np.float64
    assert tg.poly([]).item() == np.poly([])


def test_poly1d_is_its_coefficients():
    p, t = np.poly1d([1.0, 2.0]), tg.Variable(np.array([1.0, 0.5]))
    np.testing.assert_array_equal(tg.polyadd(t, p).numpy(), [2, 2.5])
    np.testing.assert_array_equal(tg.polyval(p, t).numpy(), p(t.numpy()))


@pytest.mark.parametrize("cov", [True, "unscaled"])
@pytest.mark.parametrize("y", [HEIGHTS, np.array([HEIGHTS, HEIGHTS[::-1] ** 2]).T])
def test_covariance_of_a_fit(y, cov):
    weights = np.array([1.0, 2.0, 0.5, 1.5])
    for i in range(2):
        assert_derivatives(
            lambda x, y, w, i=i: np.polyfit(x, y, 1, w=w, cov=cov)[i],
            [KNOTS, y, weights],
            lambda x, y, w, i=i: np.polyfit(x, y, 1, w=w, cov=cov)[i],
        )


def test_everything_about_a_fit():
    found = np.polyfit(KNOTS, tg.Variable(HEIGHTS), 1, full=True)
    wanted = np.polyfit(KNOTS, HEIGHTS, 1, full=True)
    for mine, its in zip(found, wanted, strict=True):
        np.testing.assert_allclose(getattr(mine, "value", mine), its)
    x = np.array([1.0, 1.0, 2.0, 2.0])
    with pytest.warns(np.exceptions.RankWarning):
        y = tg.polyfit(x, HEIGHTS, 2)
    with pytest.warns(np.exceptions.RankWarning):
        np.testing.assert_allclose(y.numpy(), np.polyfit(x, HEIGHTS, 2))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda t: np.diff(t, -1), tg.ArgumentError, ["diff", "-1"]),
        (lambda t: np.diff(t, axis=1), tg.AxisError, ["diff", "axis 1"]),
        (lambda t: np.ediff1d(np.arange(3), t), tg.DTypeError, ["ediff1d", "to_end", "int64"]),
        (lambda t: np.gradient(t, 1.0, 2.0), tg.ArgumentError, ["gradient", "2 spacings"]),
        (lambda t: np.gradient(t, KNOTS[:2]), tg.ShapeError, ["gradient", "(2,)", "(4,)"]),
        (lambda t: np.gradient(t[:1]), tg.ShapeError, ["gradient", "1 samples"]),
        (lambda t: np.gradient(t, edge_order=3), tg.ArgumentError, ["gradient", "edge_order=3"]),
        (lambda t: np.interp(t, KNOTS, KNOTS[:2]), tg.ShapeError, ["interp", "(4,)", "(2,)"]),
        (lambda t: np.interp(t, KNOTS, t, period=0), tg.ArgumentError, ["interp", "period"]),
        (lambda t: np.convolve(t, t[None]), tg.ShapeError, ["convolve", "(1, 4)"]),
        (lambda t: np.convolve(t, []), tg.ShapeError, ["convolve", "empty"]),
        (lambda t: np.convolve(t, t, "whole"), tg.DomainError, ["convolve", "'whole'", "'same'"]),
        (lambda t: np.correlate(t, t[0]), tg.ShapeError, ["correlate", "()"]),
        (lambda t: np.cross(t, t), tg.ShapeError, ["cross", "4 elements"]),
        (lambda t: np.linalg.cross(t[:2], t[:2]), tg.ShapeError, ["cross", "2 elements"]),
        (lambda t: np.geomspace(t[0], 0.0), tg.DomainError, ["geomspace", "0"]),
        (lambda t: np.linspace(t, KNOTS[:2], 3), tg.ShapeError, ["linspace", "(4,)", "(2,)"]),
        (lambda t: np.polyadd(t, t[None]), tg.ShapeError, ["polyadd", "(1, 4)"]),
        (lambda t: np.polyder(t, -1), tg.ArgumentError, ["polyder", "polyint"]),
        (lambda t: np.polyint(t, -1), tg.ArgumentError, ["polyint", "polyder"]),
        (lambda t: np.polyint(t, 3, [1.0, 2.0]), tg.ShapeError, ["polyint", "2 constants"]),
        (lambda t: np.polyval(t, np.poly1d([1, 2])), tg.ArgumentError, ["polyval", "poly1d"]),
        (lambda t: np.poly(t.reshape(2, 2)), tg.NotDifferentiable, ["poly", "eigenvalues"]),
        (lambda t: np.vander(t[None]), tg.ShapeError, ["vander", "(1, 4)"]),
        (lambda t: np.polyfit(t, t[:2], 1), tg.ShapeError, ["polyfit", "(4,)", "(2,)"]),
        (lambda t: np.polyfit(t, t, -1), tg.ArgumentError, ["polyfit", "-1"]),
        (lambda t: np.polyfit(t, t, 1, w=t[:2]), tg.ShapeError, ["polyfit", "weights", "(2,)"]),
        (lambda t: np.polyfit(t, t, 4), tg.DomainError, ["polyfit", "4 coefficients, not 5"]),
        (lambda t: np.polyfit(t, t, 1, full=True), tg.NotDifferentiable, ["polyfit", "full="]),
        (lambda t: np.polyfit(t, t, 3, cov=True), tg.DomainError, ["polyfit", "'unscaled'"]),
        (lambda t: np.vecdot(t, t[:2]), tg.ShapeError, ["vecdot", "4 and 2"]),
        (lambda t: tg.einsum("i->", t, out=np.empty(())), tg.ArgumentError, ["einsum", "out="]),
        (lambda t: tg.dot(t, t, out=np.empty(())), tg.ArgumentError, ["dot", "out="]),
    ],
)
def test_mistakes_are_told(call, error, words):
    with pytest.raises(error) as caught:
        call(tg.Variable(HEIGHTS))
    for word in words:
        assert word in str(caught.value)
