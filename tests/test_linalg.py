"""Linear algebra where matrices are singular, values repeat or vectors are free; refusals."""

import itertools
from functools import partial

import numpy as np
import pytest
from derivatives import assert_gradient

import tinygraph as tg
from tinygraph.testing import check_grads

EPS = np.finfo(float).eps
RNG = np.random.default_rng(7)
ROTATION = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
WEIGHTS = RNG.normal(size=(3, 3))
REPEATED = ROTATION @ np.diag([2.0, 2.0, 5.0]) @ ROTATION.T
REPEATED = (REPEATED + REPEATED.T) / 2


def gradient(function, x, ct=None):
    t = tg.Variable(x)
    y = function(t)
    return tg.gradients(y, t, np.ones(y.shape) if ct is None else ct)[0].numpy()


def hermitian(x):
    return (x + np.conj(x.swapaxes(-1, -2))) / 2


def function_of(a, f):
    w, v = np.linalg.eigh(a)
    return (v * f(w)[..., np.newaxis, :]) @ np.conj(v).mT


def two_functions_of(w, v):
    return (v * w**3) @ v.T * WEIGHTS + (v * np.exp(w)) @ v.T * ROTATION


def test_every_function_of_numpy_is_there():
    assert set(np.linalg.__all__) <= set(tg.linalg.__all__)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("eigh", ("eigenvalues", "eigenvectors")),
        ("eig", ("eigenvalues", "eigenvectors")),
        ("svd", ("U", "S", "Vh")),
        ("qr", ("Q", "R")),
        ("slogdet", ("sign", "logabsdet")),
    ],
)
def test_results_have_the_names_of_numpy(name, fields):
    found = getattr(np.linalg, name)(tg.Variable(REPEATED))
    assert type(found).__name__ == type(getattr(np.linalg, name)(REPEATED)).__name__
    assert found._fields == fields


# Determinants


@pytest.mark.parametrize("rank", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [float, complex])
def test_det_has_exact_derivatives_at_every_rank(rank, dtype):
    """The determinant is a polynomial: minors give the first derivative, differences the second."""
    rng = np.random.default_rng(rank)

    def random(*shape):
        x = rng.normal(size=shape)
        return x + 1j * rng.normal(size=shape) if dtype is complex else x

    a = random(4, rank) @ random(rank, 4)
    t = tg.Variable(a)
    ct = np.ones((), dtype)
    (g,) = tg.gradients(tg.linalg.det(t), t, ct, create_graph=True)
    minors = [
        [(-1) ** (i + j) * np.linalg.det(np.delete(np.delete(a, i, 0), j, 1)) for j in range(4)]
        for i in range(4)
    ]
    np.testing.assert_allclose(np.conj(g.numpy()), minors, atol=1e-12)
    direction = random(4, 4)
    (h,) = tg.gradients(g, t, np.conj(direction))

    def cofactors(x):
        return np.linalg.det(x) * np.linalg.inv(x).T

    # A cubic polynomial along a line: four-point differences are exact.
    steps = np.array([-2, -1, 1, 2]) * 0.3 + 0.01
    values = [cofactors(a + s * direction) for s in steps]
    slopes = np.linalg.solve(np.vander(steps, increasing=True), np.array(values).reshape(4, -1))[1]
    if dtype is float:  # d cof[v] in direction u is symmetric in u and v
        np.testing.assert_allclose(h.numpy(), slopes.reshape(4, 4), atol=1e-6)


@pytest.mark.parametrize("n", [0, 1])
def test_det_of_small_matrices(n):
    a = np.full((n, n), 3.0)
    t = tg.Variable(a)
    assert tg.linalg.det(t).item() == np.linalg.det(a)
    np.testing.assert_array_equal(gradient(tg.linalg.det, a), np.ones((n, n)))


def test_slogdet_of_a_singular_matrix():
    a = np.stack([np.ones((2, 2)), np.diag([2.0, 4.0])])
    sign, log = tg.linalg.slogdet(t := tg.Variable(a))
    np.testing.assert_array_equal(sign.numpy(), [0, 1])
    assert log.numpy()[0] == -np.inf
    with pytest.raises(np.linalg.LinAlgError, match=r"slogdet: log\|det\| is −∞; det has"):
        tg.gradients(log.sum(), t, retain_graph=True)
    (g,) = tg.gradients(tg.where(sign > 0, log, 0.0).sum(), t)
    np.testing.assert_array_equal(g.numpy(), [np.zeros((2, 2)), np.diag([0.5, 0.25])])


# What is refused


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda t: tg.linalg.inv(t * 0), np.linalg.LinAlgError, "inv: the matrix is singular; use"),
        (
            lambda t: np.linalg.inv(tg.stack([t + np.eye(3), t * 0])),
            np.linalg.LinAlgError,
            r"inv: the matrix at \[1\] of the stack is singular",
        ),
        (lambda t: tg.linalg.solve(t * 0, t), np.linalg.LinAlgError, "solve: the matrix is singul"),
        (lambda t: tg.linalg.solve(t, t[:2]), tg.ShapeError, r"solve: .*needs 3 rows"),
        (lambda t: tg.linalg.solve(t, t[0, 0]), tg.ShapeError, r"solve: .*needs 3 rows"),
        (
            lambda t: tg.linalg.solve(tg.stack([t, t]), tg.stack([t, t, t])),
            tg.ShapeError,
            "solve: .*must broadcast",
        ),
        (lambda t: tg.linalg.cholesky(-t), np.linalg.LinAlgError, "cholesky: .*not positive defin"),
        (lambda t: tg.linalg.det(t[:2]), np.linalg.LinAlgError, r"det: shape \(2, 3\).*square"),
        (lambda t: tg.linalg.det(t[0]), np.linalg.LinAlgError, r"det: shape \(3,\) has fewer"),
        (lambda t: tg.linalg.svd(t.astype("float16")), tg.DTypeError, "svd: dtype float16; .*cast"),
        (lambda t: tg.linalg.eigvalsh(t[:2]), np.linalg.LinAlgError, r"eigh: shape \(2, 3\)"),
        (lambda t: tg.linalg.svdvals(t[0].detach()), np.linalg.LinAlgError, r"svd: shape \(3,\)"),
        (lambda t: tg.linalg.eigh(t, "X"), tg.DomainError, "eigh: .*UPLO"),
        (lambda t: tg.linalg.qr(t, "raw"), tg.NotDifferentiable, "qr: mode 'raw'.*'reduced'"),
        (lambda t: tg.linalg.qr(t, "lq"), tg.ArgumentError, "qr: mode 'lq'; it knows reduced"),
        (lambda t: tg.linalg.norm(t, "l2"), tg.ArgumentError, "norm: ord='l2' of a matrix; it kno"),
        (lambda t: tg.linalg.norm(t[0], "fro"), tg.ArgumentError, "norm: ord='fro' of a vector"),
        (lambda t: tg.linalg.norm(t, 3), tg.ArgumentError, "norm: ord=3 of a matrix"),
        (lambda t: tg.linalg.norm(t, None, (0, 0)), tg.AxisError, "norm: .*one axis twice"),
        (lambda t: tg.linalg.norm(t, None, 2), tg.AxisError, "norm: axis 2"),
        (lambda t: tg.linalg.norm(t[None], 2), tg.ShapeError, "norm: ord=2 over 3 axes"),
        (lambda t: tg.linalg.matrix_norm(t[0]), tg.ShapeError, "matrix_norm: .*no matrix"),
        (lambda t: tg.linalg.cond(t[:0]), tg.ShapeError, "cond: .*not empty"),
        (lambda t: tg.linalg.cond(t[:2], 1), tg.ShapeError, "cond: .*only 2 and -2"),
        (lambda t: tg.linalg.matrix_power(t[:2], 2), tg.ShapeError, "matrix_power: .*square"),
        (lambda t: tg.linalg.matrix_power(t, 0.5), tg.ArgumentError, "matrix_power: an exponent"),
        (lambda t: tg.linalg.lstsq(t[None], t), np.linalg.LinAlgError, r"lstsq: .*pinv\(a\) @ b"),
        (lambda t: tg.linalg.lstsq(t, t[:2]), np.linalg.LinAlgError, "lstsq: .*number of rows"),
        (lambda t: tg.linalg.pinv(t, 1, rtol=1), tg.ArgumentError, "pinv: both rcond and rtol"),
        (lambda t: tg.linalg.tensorsolve(t[:2], t), tg.ShapeError, "tensorsolve: .*first 2 axes"),
        (lambda t: tg.linalg.tensorinv(t[:2], 1), tg.ShapeError, "tensorinv: .*ind=1"),
        (lambda t: tg.linalg.multi_dot([t]), tg.ShapeError, "multi_dot: .*at least two"),
        (lambda t: tg.linalg.multi_dot([t, t[:2]]), tg.ShapeError, "multi_dot: .*3 rows"),
        (lambda t: tg.linalg.multi_dot([t, t[0], t]), tg.ShapeError, "multi_dot: .*two axes"),
        (lambda t: tg.linalg.outer(t, t), tg.ShapeError, r"linalg\.outer: .*tg\.outer"),
        (lambda t: tg.linalg.cross(t[:, :2], t), tg.ShapeError, r"linalg\.cross: .*3 elements"),
        (lambda t: tg.vdot(t, t[0]), tg.ShapeError, "vdot: 9 and 3 elements"),
    ],
)
def test_what_is_refused_is_told(call, error, message):
    with pytest.raises(error, match=message):
        call(tg.Variable(REPEATED))


# Hermitian matrices


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("name", ["cholesky", "eigvalsh", "eigh", "pinv", "svdvals"])
def test_gradient_at_a_hermitian_matrix_is_hermitian(name, upper, dtype):
    x = RNG.normal(size=(3, 3)) + (1j * RNG.normal(size=(3, 3)) if dtype is complex else 0)
    a = x @ np.conj(x.T) + np.diag([1, 3, 5])
    triangle = "U" if upper else "L"
    function = {
        "cholesky": lambda t: tg.linalg.cholesky(t, upper=upper),
        "eigvalsh": lambda t: tg.linalg.eigvalsh(t, triangle),
        "eigh": lambda t: tg.abs(tg.linalg.eigh(t, triangle).eigenvectors),
        "pinv": lambda t: tg.linalg.pinv(t, hermitian=True),
        "svdvals": lambda t: tg.linalg.svd(t, compute_uv=False, hermitian=True),
    }[name]
    ct = RNG.normal(size=function(tg.tensor(a)).shape)
    ct = np.tril(ct) if name == "cholesky" and not upper else ct
    g = gradient(function, a, ct)
    np.testing.assert_array_equal(g, np.conj(g.T))
    direction = hermitian(RNG.normal(size=(3, 3)) + (1j * WEIGHTS if dtype is complex else 0))
    slope = np.sum(np.real(np.conj(g) * direction))

    def along(s):
        y = function(tg.tensor(a + s * direction)).numpy()
        return [np.real(y)]

    assert_gradient(along, [np.array(0.0)], [ct], [np.array(slope)])


def test_gradient_stands_in_the_triangle_that_was_read():
    lower = np.tril(REPEATED + np.diag([0, 1, 2]))
    g = gradient(lambda t: tg.linalg.cholesky(t), lower)
    assert (np.triu(g, 1) == 0).all()
    whole = lower + np.tril(lower, -1).T
    weights = 2 * np.tril(np.ones((3, 3)), -1) + np.eye(3)
    np.testing.assert_allclose(g, gradient(tg.linalg.cholesky, whole) * weights, atol=1e-12)
    assert_gradient(lambda a: [np.linalg.cholesky(a)], [lower], [np.ones((3, 3))], [g])


@pytest.mark.parametrize("size", [1e-200, 1.0, 1e200])
@pytest.mark.parametrize("n", [2, 20])
def test_rounding_does_not_make_a_matrix_another_than_hermitian(n, size):
    """Up to 8 n ε of the largest element; far above that, the triangle that is not read counts."""
    a = size * hermitian(np.random.default_rng(n).normal(size=(n, n)))
    top, ct = np.abs(a).max(), np.arange(1.0, n + 1)
    for part, counts in ((0, False), (1, False), (5 * n, False), (100 * n, True)):
        other = a.copy()
        other[0, 1] += part * EPS * top
        g = gradient(tg.linalg.eigvalsh, other, ct)
        assert (g[0, 1] == 0) == counts
        assert (g == g.T).all() != counts


def test_each_matrix_of_a_stack_is_hermitian_or_not():
    whole = np.array([[2.0, 1.0], [1.0, 5.0]])
    stack = np.stack([whole, np.tril(whole), 1e18 * np.tril(whole), whole])
    function = partial(function_of, f=np.exp)
    ct = np.ones((4, 2, 2))
    g = gradient(tg.linalg.eigvalsh, stack, ct[..., 0] * [1, 3])
    for k, a in enumerate(stack):
        alone = gradient(tg.linalg.eigvalsh, a, [1.0, 3.0])
        np.testing.assert_allclose(g[k], alone, rtol=1e-14)
        assert (alone[0, 1] == 0) == (a[0, 1] == 0)
    zero = np.zeros((2, 2))
    np.testing.assert_allclose(gradient(function, zero, whole), whole, rtol=1e-14)


# Repeated values


def test_values_are_equal_relative_to_the_largest_of_their_own_matrix():
    """Of v w³ vᴴ = a³, whatever its size and beside whatever other matrices."""
    a = ROTATION @ np.diag([1.0, 1.0 + 1e-9, 2.0]) @ ROTATION.T
    stack = np.stack([a, 1e12 * a, 1e-20 * a])
    ct = hermitian(WEIGHTS) * np.array([1, 1e-20, 1e40])[:, np.newaxis, np.newaxis]
    for function in (
        lambda t: function_of(t, lambda w: w**3),
        lambda t: (lambda u, s, vh: (u * s[..., np.newaxis, :] ** 3) @ vh)(*np.linalg.svd(t)),
    ):
        for x, weights in ((stack, ct), *zip(stack, ct, strict=True)):
            found = gradient(function, x, weights)
            wanted = x @ x @ weights + x @ weights @ x + weights @ x @ x
            size = np.abs(wanted).max((-1, -2), keepdims=True)
            np.testing.assert_allclose(found / size, wanted / size, atol=1e-6)


@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
@pytest.mark.parametrize("name", ["eigh", "eig", "svd"])
def test_a_loss_that_depends_on_the_choice_is_refused_whatever_its_size(name, size):
    """Also beside another that does not, and is much larger."""
    ct = np.stack([np.zeros((3, 3)), size * WEIGHTS])
    stack = np.stack([ROTATION @ np.diag([1.0, 2, 4]) @ ROTATION.T, REPEATED])
    function = {"eigh": lambda t: np.linalg.eigh(t)[1], "eig": lambda t: np.linalg.eig(t)[1],
                "svd": lambda t: np.linalg.svd(t)[0]}[name]  # fmt: skip
    for large in (0, 1e20):
        ct[0] = large * size * WEIGHTS
        with pytest.raises(tg.AmbiguousGradient, match=r"equal (eigen)?values"):
            gradient(function, stack, ct)


def of_any(values):
    """A matrix with these eigenvalues that is not symmetric, and its vectors."""
    n = len(values)
    v = np.random.default_rng(3).normal(size=(n, n)) + 2 * np.eye(n)
    return v @ np.diag(values) @ np.linalg.inv(v), v


def test_projector_on_repeated_eigenvalues_of_any_matrix():
    """Along dA it changes by p dA s + s dA p, s the inverse of λ − a on the other vectors."""
    a, v = of_any([2.0, 2, 2, 5, 7, -1])
    p = v[:, :3] @ np.linalg.inv(v)[:3]
    others = v @ np.diag([0, 0, 0, 1 / (2 - 5), 1 / (2 - 7), 1 / (2 + 1)]) @ np.linalg.inv(v)
    ct = np.random.default_rng(4).normal(size=(6, 6))
    wanted = p.T @ ct @ others.T + others.T @ ct @ p.T

    def projector(t):
        w, v = np.linalg.eig(t)
        chosen = (np.abs(w.numpy() - 2) < 1e-6).astype(float)
        return np.real((v * chosen) @ np.linalg.inv(v))

    def both(t):
        """The eigenvalues are used too, and weigh nothing."""
        w, v = np.linalg.eig(t)
        chosen = (np.abs(w.numpy() - 2) < 1e-6).astype(float)
        return np.real((v * chosen) @ np.linalg.inv(v)) + 0 * np.real(np.sum(w))

    for function in (projector, both):
        np.testing.assert_allclose(gradient(function, a, ct), wanted, atol=1e-10)


@pytest.mark.parametrize("name", ["eig", "eigh", "svd"])
def test_values_and_vectors_that_weigh_nothing_are_not_refused(name):
    def function(t):
        return sum(0 * np.real(np.sum(y)) for y in getattr(np.linalg, name)(t))

    np.testing.assert_array_equal(gradient(function, REPEATED), 0)


@pytest.mark.parametrize("a", [REPEATED, np.eye(3), np.zeros((3, 3))], ids=["two", "all", "zero"])
@pytest.mark.parametrize("name", ["eigh", "eigvalsh"])
def test_sums_of_functions_of_repeated_eigenvalues(a, name):
    """Σ f(w) = tr f(a), whose gradient is f′(a)."""
    values = {"eigh": lambda t: tg.linalg.eigh(t)[0], "eigvalsh": tg.linalg.eigvalsh}[name]
    g = gradient(lambda t: tg.sum(values(t) ** 3), a)
    np.testing.assert_allclose(g, 3 * a @ a, atol=1e-12)


@pytest.mark.parametrize("values", [tg.linalg.eigvalsh, lambda t: tg.linalg.eigh(t)[0]])
def test_second_derivative_at_repeated_eigenvalues(values):
    """Of Σ w³ = tr a³: the gradient 3a² changes by 3 (a c + c a)."""
    ct = hermitian(WEIGHTS)
    for a in (REPEATED, 2 * np.eye(3)):
        t = tg.Variable(a)
        (g,) = tg.gradients(tg.sum(values(t) ** 3), t, create_graph=True)
        (h,) = tg.gradients(g, t, ct)
        np.testing.assert_allclose(h.numpy(), 3 * (a @ ct + ct @ a), atol=1e-10)


def test_second_derivative_that_cannot_be_seen_is_refused():
    for function in (
        lambda t: tg.sum(np.real(np.linalg.eigvals(t)) ** 2),
        lambda t: tg.sum((np.linalg.eigvalsh(t) - 2) ** 2),
        lambda t: tg.sum(np.linalg.lstsq(t, np.ones(3))[3] ** 2),
    ):
        t = tg.Variable(2 * np.eye(3))
        with pytest.raises(tg.AmbiguousGradient):
            tg.gradients(tg.gradients(function(t), t, create_graph=True), t, [WEIGHTS])


def test_second_derivative_of_the_nuclear_norm_at_repeated_singular_values():
    """Its gradient u vᴴ is (a aᵀ)^(−½) a, which is smooth."""
    a = ROTATION @ np.diag([2.0, 2, 5])
    t = tg.Variable(a)
    (g,) = tg.gradients(tg.linalg.norm(t, "nuc"), t, create_graph=True)
    (h,) = tg.gradients(g, t, WEIGHTS)

    def function(x):
        u, _, vh = np.linalg.svd(x)
        return [u @ vh]

    assert_gradient(function, [a], [WEIGHTS], [h.numpy()])


def test_repeated_eigenvalues_share():
    ct = np.array([1.0, 0, 0])
    g = gradient(tg.linalg.eigvalsh, np.eye(3), ct)
    np.testing.assert_allclose(g, np.eye(3) / 3, atol=1e-15)
    g = gradient(tg.linalg.eigvalsh, REPEATED, ct)
    np.testing.assert_allclose(np.trace(g @ REPEATED), 2)
    np.testing.assert_allclose(np.linalg.eigvalsh(g), [0, 0.5, 0.5], atol=1e-14)


@pytest.mark.parametrize("name", ["eigvalsh", "svdvals", "eigvals"])
def test_each_matrix_of_a_stack_of_stacks_shares_among_its_own(name):
    stack = np.array([[np.eye(3), REPEATED], [np.diag([1.0, 4, 9]), 2 * REPEATED]])
    ct = np.arange(1.0, 13).reshape(2, 2, 3)

    def function(t):
        return np.real(getattr(tg.linalg, name)(t))

    g = gradient(function, stack, ct)
    for place in np.ndindex(2, 2):
        np.testing.assert_allclose(
            g[place], gradient(function, stack[place], ct[place]), rtol=1e-12, atol=1e-13
        )


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize(
    ("f", "wanted"),
    [
        (lambda w: w, lambda a, c: c),
        (lambda w: w**2, lambda a, c: a @ c + c @ a),
        (lambda w: w**3, lambda a, c: a @ a @ c + a @ c @ a + c @ a @ a),
        (lambda w: 1 / w, lambda a, c: -np.linalg.inv(a) @ c @ np.linalg.inv(a)),
    ],
)
def test_functions_of_a_matrix_with_repeated_eigenvalues(f, wanted, dtype):
    """v f(w) vᴴ does not depend on the choice of v, nor does its gradient."""
    x = RNG.normal(size=(3, 3)) + (1j * RNG.normal(size=(3, 3)) if dtype is complex else 0)
    v = np.linalg.qr(x)[0]
    ct = hermitian(x)
    for values in ([2.0, 2, 5], [3.0, 3, 3], [1.0, 4, 4]):
        a = hermitian(v @ np.diag(values) @ np.conj(v.T))
        g = gradient(lambda t: function_of(t, f), a, ct)
        np.testing.assert_allclose(g, wanted(a, ct), atol=1e-11)


STACK = np.array([[REPEATED, 2 * np.eye(3)], [np.diag([1.0, 4, 9]), 3 * REPEATED]])
SIZES = (1e-30, 1.0, 1e30)


def of_singular_values(a, f):
    u, s, vh = np.linalg.svd(a)
    return (u * f(s)[..., np.newaxis, :]) @ vh


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("function", [function_of, of_singular_values])
def test_functions_of_each_matrix_of_a_stack_of_stacks(function, size):
    """Of a³."""
    ct = size * hermitian(np.random.default_rng(8).normal(size=STACK.shape))
    g = gradient(partial(function, f=lambda w: w**3), STACK, ct)
    wanted = STACK @ STACK @ ct + STACK @ ct @ STACK + ct @ STACK @ STACK
    np.testing.assert_allclose(g / size, wanted / size, atol=1e-10)


def cubes_and_exponentials(t):
    w, v = np.linalg.eigh(t)
    first, second = ((v * f[..., np.newaxis, :]) @ v.mT for f in (w**3, np.exp(w)))
    return first * hermitian(WEIGHTS) + second * hermitian(ROTATION)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("function", "ct"),
    [
        (cubes_and_exponentials, np.ones((3, 3))),
        # The logarithm of w/2 is 0 at 2, so that the diagonal is, too.
        (lambda t: function_of(t, lambda w: np.log(w / 2)), hermitian(WEIGHTS)),
        # All elements of the diagonal are equal, as those of any function of w are.
        (lambda t: function_of(t, lambda w: w**2), np.ones((3, 3)) + np.eye(3)),
    ],
    ids=["misfit", "zero", "equal"],
)
def test_what_is_not_determined_is_refused_whatever_its_size(function, ct, size):
    """Also beside matrices of which all is determined, and of which the loss is much larger."""
    fine = np.diag([1.0, 4, 9])
    for bad in (2 * np.eye(3), np.diag([2.0, 2, 5])):
        with pytest.raises(tg.AmbiguousGradient, match="not determined"):
            gradient(function, bad, size * ct)
        for large in (1.0, 1e20):
            weights = np.array([[large * size, size]])[..., np.newaxis, np.newaxis] * ct
            assert np.isfinite(gradient(function, np.stack([[fine, 2 * fine]]), weights)).all()
            with pytest.raises(tg.AmbiguousGradient, match="not determined"):
                gradient(function, np.stack([[fine, bad]]), weights)


def test_one_group_of_equal_values_does_not_tell_of_another():
    def squared(t):
        return function_of(t, lambda w: w**2)

    a, ct = np.diag([2.0, 2, 5, 5]), np.diag([1.0, 3, 2, 2])
    ct[0, 1] = ct[1, 0] = 0.5
    np.testing.assert_allclose(gradient(squared, a, ct), a @ ct + ct @ a, atol=1e-12)
    ct[2, 3] = ct[3, 2] = 1
    with pytest.raises(tg.AmbiguousGradient, match="not determined"):
        gradient(squared, a, ct)


def test_values_that_count_beside_vectors_that_do_not_are_refused():
    """A function of the matrix that is 0 at 2, as log(w/2) is, has the same cotangents."""
    with pytest.raises(tg.AmbiguousGradient, match="not determined"):
        gradient(lambda t: (lambda w, v: np.sum(w**2) + 0 * np.sum(v))(*np.linalg.eigh(t)),
                 2 * np.eye(3))  # fmt: skip


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["eigvalsh", "eigvals"])
@pytest.mark.parametrize(
    ("n", "steps", "equal"), [(2, 10, True), (2, 200, False), (20, 200, True), (20, 2000, False)]
)
def test_eigenvalues_are_equal_up_to_32_n_roundings(name, n, steps, equal, size):
    values = np.arange(1.0, n + 1) / n
    values[-2] = 1 - steps * EPS
    a = size * np.diag(values)
    for g in gradient(getattr(tg.linalg, name), np.stack([a, 1e20 * a]), [np.eye(n)[-1]] * 2):
        np.testing.assert_allclose(np.diag(g)[-2:], [0.5, 0.5] if equal else [0, 1], atol=1e-12)


def test_projector_on_repeated_eigenvalues():
    def projector(t):
        v = np.linalg.eigh(t)[1][:, :2]
        return v @ v.T

    g = gradient(projector, REPEATED, WEIGHTS)

    def function(a):
        v = np.linalg.eigh((a + a.T) / 2)[1][:, :2]
        return [v @ v.T]

    assert_gradient(function, [REPEATED], [WEIGHTS], [g])


def test_vectors_of_other_eigenvalues_are_differentiable():
    def top(t):
        w, v = np.linalg.eigh(t)
        return w[-1] * v[:, -1] ** 2

    g = gradient(top, REPEATED, WEIGHTS[0])

    def function(a):
        w, v = np.linalg.eigh((a + a.T) / 2)
        return [w[-1] * v[:, -1] ** 2]

    assert_gradient(function, [REPEATED], [WEIGHTS[0]], [g])


@pytest.mark.parametrize(
    "function",
    [
        lambda t: np.linalg.eigh(t)[1],  # a vector of a repeated value
        lambda t: np.linalg.eigh(t)[1][:, :1] * np.ones((1, 3)),
        # The eigenvalues hide which of two functions the values are of.
        lambda t: two_functions_of(*np.linalg.eigh(t)),
        lambda t: function_of(t, lambda w: np.log(w / 2)),  # log is 0 there
        lambda t: np.linalg.svd(t)[0],
        lambda t: np.linalg.eig(t)[1],
    ],
)
def test_loss_that_depends_on_the_choice_of_vectors(function):
    for a in (REPEATED, 2 * np.eye(3)):
        with pytest.raises(tg.AmbiguousGradient, match=r"equal (eigen)?values"):
            gradient(function, a, WEIGHTS)


def test_an_element_off_the_diagonal_of_a_function_is_refused():
    """Equal values hide its slope, and what is 0 on the diagonal cannot tell it."""
    with pytest.raises(tg.AmbiguousGradient, match=r"equal values"):
        gradient(lambda t: function_of(t, np.exp)[0, 1], 2 * np.eye(2))


def test_the_diagonal_of_a_function_alone_is_not():
    """Of Σ diag(e^a) at 2·1, where all elements of the diagonal are alike: e²·1."""
    g = gradient(lambda t: tg.trace(function_of(t, np.exp)), 2 * np.eye(2))
    np.testing.assert_allclose(g, np.exp(2) * np.eye(2), rtol=1e-12)


@pytest.mark.parametrize("name", ["eigh", "svd", "eig"])
def test_loss_that_depends_on_a_phase(name):
    x = RNG.normal(size=(3, 3)) + 1j * RNG.normal(size=(3, 3))
    with pytest.raises(tg.AmbiguousGradient, match=f"{name}: .*phase"):
        gradient(lambda t: tg.real(getattr(np.linalg, name)(t)[name == "eig" or name == "eigh"]),
                 hermitian(x) if name == "eigh" else x)  # fmt: skip


# Singular values


@pytest.mark.parametrize("values", [[2.0, 2.0], [3.0, 1.0]])
@pytest.mark.parametrize("shape", [(2, 2), (4, 2), (2, 3)])
def test_functions_of_repeated_singular_values(values, shape):
    """u vᴴ, the nearest matrix with orthonormal columns, and u s³ vᴴ = a aᴴ a."""
    u = np.linalg.qr(RNG.normal(size=(shape[0], 2)))[0]
    v = np.linalg.qr(RNG.normal(size=(shape[1], 2)))[0]
    a, ct = u @ np.diag(values) @ v.T, RNG.normal(size=shape)

    def nearest(t):
        u, _, vh = np.linalg.svd(t, full_matrices=False)
        return u @ vh

    def cubed(t):
        u, s, vh = np.linalg.svd(t, full_matrices=False)
        return (u * s**3) @ vh

    for function in (nearest, cubed):
        g = gradient(function, a, ct)
        assert_gradient(lambda x, f=function: [f(x)], [a], [ct], [g])


@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (5, 2)])
@pytest.mark.parametrize("dtype", [float, complex])
def test_further_columns_through_what_they_span(shape, dtype):
    a = RNG.normal(size=shape) + (1j * RNG.normal(size=shape) if dtype is complex else 0)
    ct = RNG.normal(size=(max(shape), max(shape)))
    if shape[0] > shape[1]:
        complement = [lambda t: np.linalg.svd(t)[0][:, 2:],
                      lambda t: np.linalg.qr(t, "complete")[0][:, 2:]]  # fmt: skip
    else:
        complement = [lambda t: np.linalg.svd(t)[2][2:].conj().T]
    for basis in complement:

        def projector(z, basis=basis):
            columns = basis(z)
            return np.real(columns @ columns.conj().T)

        def function(x, y, projector=projector):
            return [projector(x + 1j * y if dtype is complex else x)]

        g = gradient(projector, a, ct)
        parts = [a.real.copy(), np.zeros(shape) + a.imag]
        assert_gradient(function, parts, [ct], [g.real.copy(), np.zeros(shape) + g.imag])
        if max(shape) - 2 > 1 or dtype is complex:
            with pytest.raises(tg.AmbiguousGradient, match=r"phase|equal values"):
                gradient(lambda t, f=basis: np.real(f(t)), a)


def test_svd_of_singular_matrices():
    a = np.outer([1.0, 2, 2], [3.0, 0, 4])  # one singular value, 15
    u, v = np.array([1, 2, 2]) / 3, np.array([3, 0, 4]) / 5
    np.testing.assert_allclose(gradient(tg.linalg.svdvals, a), np.outer(u, v), atol=1e-14)
    g = gradient(lambda t: tg.linalg.svd(t)[0][:, 0] ** 2, a, [1.0, 2, 3])

    def function(x):
        return [np.linalg.svd(x)[0][:, 0] ** 2]

    assert_gradient(function, [a], [np.array([1.0, 2, 3])], [g])
    with pytest.raises(tg.AmbiguousGradient, match="svd: "):
        gradient(lambda t: (lambda u, s, vh: (u * s) @ vh)(*np.linalg.svd(t)), a, WEIGHTS)


@pytest.mark.parametrize("size", SIZES)
def test_vectors_of_zero_count_as_far_as_they_are_determined(size):
    """The projector on the vectors beyond the first two, and the nearest orthogonal matrix."""
    rng = np.random.default_rng(6)
    u, v = np.linalg.qr(rng.normal(size=(60, 2)))[0], np.linalg.qr(rng.normal(size=(50, 2)))[0]
    a = u * [3.0, 1] @ v.T
    ct = size * hermitian(rng.normal(size=(50, 50)))

    def projector(t):
        rest = np.linalg.svd(t, full_matrices=False)[2][2:]
        return rest.T @ rest

    # Of u s vᴴ, the change of v vᴴ is (1 − v vᴴ) dAᴴ u s⁻¹ vᴴ and its adjoint.
    wanted = -2 * (u / [3.0, 1]) @ v.T @ ct @ (np.eye(50) - v @ v.T)
    np.testing.assert_allclose(gradient(projector, a, ct) / size, wanted / size, atol=1e-10)

    def nearest(t):
        u, _, vh = np.linalg.svd(t)
        return u @ vh

    for rank_one in (np.outer([1.0, 2, 2], [3.0, 0, 4]), np.diag([3.0, 0, 0])):
        with pytest.raises(tg.AmbiguousGradient, match="svd: a singular value is 0"):
            gradient(nearest, rank_one, size * WEIGHTS)


@pytest.mark.parametrize("shape", [(3, 2), (2, 3), (4, 2)])
@pytest.mark.parametrize("full", [False, True])
def test_first_vectors_beside_a_singular_value_that_is_exactly_zero(shape, full):
    """The value 0 is used, and weighs nothing: what it would be divided by is never missed."""
    a, k = np.zeros(shape), min(shape)
    a[0, 0] = 3.0
    scale, left, right = 2.0, np.arange(1.0, shape[0] + 1), np.arange(1.0, shape[1] + 1)

    def function(t):
        u, s, vh = np.linalg.svd(t, full_matrices=full)
        return np.sum(s * np.eye(k)[0]) * scale + u[:, 0] ** 2 @ left + vh[0] ** 2 @ right

    def first(t):
        # The signs of singular vectors are free.
        u, s, vh = np.linalg.svd(t + 0.0, full_matrices=full)
        return scale * s[0] + (u[:, 0] * vh[0, 0]) @ left * 3 + u[0, 0] * (vh[0] @ right) * 5

    check_grads(function, a, order=1)
    check_grads(first, a, order=1)


def test_reconstruction_from_one_singular_value_of_zero():
    """With a single 0 and a square real matrix nothing is free but a sign."""
    a = ROTATION @ np.diag([3.0, 1.0, 0.0]) @ ROTATION
    g = gradient(lambda t: (lambda u, s, vh: (u * s) @ vh)(*np.linalg.svd(t)), a, WEIGHTS)
    np.testing.assert_allclose(g, WEIGHTS, atol=1e-10)


# Norms


@pytest.mark.parametrize("ord", [None, 1, 2, 3, 1.5, 0, np.inf])
@pytest.mark.parametrize("dtype", [float, complex])
def test_norm_of_zeros(ord, dtype):
    t = tg.Variable(np.zeros(3, dtype))
    (g,) = tg.gradients(tg.linalg.norm(t, ord), t, create_graph=True)
    np.testing.assert_array_equal(g.numpy(), np.zeros(3))
    if g.node:
        (h,) = tg.gradients(g, t, np.ones(3, dtype))
        assert h is None or np.isfinite(h.numpy()).all()


@pytest.mark.parametrize("ord", ["fro", "nuc", 2, -2, 1, -1, np.inf, -np.inf])
def test_matrix_norm_of_zeros(ord):
    np.testing.assert_array_equal(gradient(lambda t: tg.linalg.norm(t, ord), np.zeros((2, 3))), 0)


@pytest.mark.parametrize("ord", [1.5, 3, 4])
def test_norm_with_a_zero_among_others(ord):
    x = np.array([3.0, 0.0, -4.0])
    g = gradient(lambda t: tg.linalg.norm(t, ord), x)
    size = np.sum(np.abs(x) ** ord) ** (1 / ord)
    np.testing.assert_allclose(g, np.sign(x) * (np.abs(x) / size) ** (ord - 1))


def test_norm_of_a_high_order_with_a_zero_among_small_numbers():
    """(1/y)^99 is out of range, and y^100 has few digits."""
    g = gradient(lambda t: tg.linalg.norm(t, 100), np.array([0.0, 10**-3.2]))
    np.testing.assert_allclose(g, [0, 1], rtol=1e-4)


@pytest.mark.parametrize(
    ("ord", "wanted"),
    [(2, np.eye(2) / 2), (-2, np.eye(2) / 2), ("nuc", np.eye(2)), (1, np.eye(2) / 2),
     (np.inf, np.eye(2) / 2)],
)  # fmt: skip
def test_ties_of_a_matrix_norm_share(ord, wanted):
    np.testing.assert_allclose(gradient(lambda t: tg.linalg.norm(t, ord), np.eye(2)), wanted)


@pytest.mark.parametrize("ord", [3, np.inf])
def test_large_vectors_have_finite_gradients(ord):
    g = gradient(lambda t: tg.linalg.norm(t, ord), np.array([1e100, -1e99]))
    assert np.isfinite(g).all()


@pytest.mark.parametrize("p", [None, 2, -2, 1, np.inf, "fro"])
def test_cond_of_a_singular_matrix(p):
    a = np.stack([np.zeros((2, 2)), np.diag([1.0, 0.0]), np.diag([4.0, 2.0])])
    t = tg.Variable(a)
    y = tg.linalg.cond(t, p)
    np.testing.assert_allclose(y.numpy(), np.linalg.cond(a, p))
    g = tg.gradients(y, t, np.ones(3))[0].numpy()
    assert np.isfinite(g).all()
    np.testing.assert_array_equal(g[0], 0)
    if p != -2:  # of which a matrix with rank 1 has 0
        np.testing.assert_array_equal(g[1], 0)
    assert g[2].any()


# Others


def test_matrix_power_0_is_a_constant():
    t = tg.Variable(np.array([[np.inf, np.nan], [1.0, 2.0]]))
    y = np.linalg.matrix_power(t, 0)
    np.testing.assert_array_equal(y.numpy(), np.eye(2))
    y.sum().backward()
    np.testing.assert_array_equal(t.grad.numpy(), np.zeros((2, 2)))


def test_complex_eigenvalues_of_a_real_matrix():
    a = np.array([[1.0, -2, 0.3], [1.5, 0.5, 0.2], [0.1, 0.4, 3.0]])

    def function(x):
        w, v = np.linalg.eig(x)
        return [np.abs(w), np.real(w) ** 2, np.abs(v)]

    t = tg.Variable(a)
    outputs = function(t)
    assert np.linalg.eig(t)[0].dtype == complex
    cts = [np.array([1.0, 1, 3]), np.array([2.0, 2, 1]), np.abs(WEIGHTS)]
    (g,) = tg.gradients(outputs, t, cts)
    assert_gradient(function, [a], cts, [g.numpy()])
    g = gradient(lambda t: np.abs(np.linalg.eigvals(t)) ** 3, a)
    assert_gradient(lambda x: [np.abs(np.linalg.eigvals(x)) ** 3], [a], [np.ones(3)], [g])


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("turned", [False, True])
def test_real_vectors_of_a_real_matrix_have_no_phase(order, turned):
    """Whatever the dtype that NumPy gives them, and whether others of the matrix are complex."""
    a = np.array([[1.0, -2, 0.3], [1.5 if turned else 0.02, 0.5, 0.2], [0.1, 0.4, 3.0]])
    w, _ = np.linalg.eig(a)
    column = int(np.argmax(np.real(w)))  # that of about 3, which is real either way
    assert np.iscomplex(w).any() == turned and np.imag(w[column]) == 0

    def function(x):
        w, v = np.linalg.eig(x)
        turns = np.array([1 - 2j, 2j, 3.0])
        return [np.real((0.5 + 2j) * w[column] ** 2), np.real(turns * w[column] * v[:, column])]

    def slope(x):
        t = tg.Variable(x)
        return [tg.gradients(function(t), t, cts)[0].numpy()]

    cts = [np.array(0.7), WEIGHTS[0]]
    t = tg.Variable(a)
    (g,) = tg.gradients(function(t), t, cts, create_graph=True)
    assert g.dtype == a.dtype
    if order == 1:
        assert_gradient(function, [a], cts, [g.numpy()])
    else:
        (h,) = tg.gradients(g, t, WEIGHTS)
        assert_gradient(slope, [a], [WEIGHTS], [h.numpy()])


def test_the_phase_of_the_other_vectors_is_free():
    a = np.array([[1.0, -2, 0.3], [1.5, 0.5, 0.2], [0.1, 0.4, 3.0]])
    with pytest.raises(tg.AmbiguousGradient, match=r"eig: .*phase"):
        gradient(lambda t: np.real(np.linalg.eig(t)[1]), a, WEIGHTS)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize(
    "a",
    [np.zeros((1, 1)), np.zeros((2, 2)), np.diag([1.0, 2, 0, 3]), np.ones((3, 3))],
    ids=["0", "zeros", "one zero", "ones"],
)
def test_det_of_singular_matrices_forward_and_backward_to_order_two(a, dtype):
    check_grads(np.linalg.det, a.astype(dtype))


@pytest.mark.parametrize("along", ["the diagonal", "all elements"])
@pytest.mark.parametrize("seed", range(20))
def test_second_derivatives_of_the_eigenvalues_of_a_complex_diagonal_matrix(along, seed):
    """d²λᵢ = Σ (dAᵢⱼ rⱼᵢ + rᵢⱼ dAⱼᵢ) / (λᵢ − λⱼ) over j ≠ i: 0 for a diagonal r.

    All else that vectors might get is rounding then, and not to be taken for a phase.
    """
    rng = np.random.default_rng(seed)
    values, ct = rng.normal(size=(2, 3)) + 1j * rng.normal(size=(2, 3))
    r = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
    r = np.diag(np.diag(r)) if along == "the diagonal" else r
    a = tg.Variable(np.diag(values))
    (first,) = tg.gradients(tg.linalg.eigvals(a), a, ct, create_graph=True)
    (second,) = tg.gradients(first, a, r)
    gaps = np.subtract.outer(values, values) + np.eye(3)
    wanted = np.subtract.outer(ct, ct) / gaps.conj() * r.conj().T
    np.testing.assert_allclose(second.numpy(), wanted, atol=1e-12 / np.abs(gaps).min())


def test_repeated_eigenvalues_of_any_matrix():
    g = gradient(lambda t: tg.real(tg.sum(np.linalg.eigvals(t) ** 2)), REPEATED)
    np.testing.assert_allclose(g, 2 * REPEATED.T, atol=1e-12)


def test_trace_is_a_method():
    t = tg.Variable(REPEATED)
    np.testing.assert_allclose(t.trace().item(), REPEATED.trace())
    np.testing.assert_array_equal(gradient(lambda t: t.trace(1), REPEATED), np.eye(3, k=1))


def test_defective_matrix():
    with pytest.raises(tg.AmbiguousGradient, match="eig: the matrix is defective"):
        gradient(np.linalg.eigvals, np.array([[1.0, 1.0], [0.0, 1.0]]))


def test_qr_of_dependent_columns():
    a = np.array([[1.0, 2.0], [2.0, 4.0], [0.0, 0.0]])
    with pytest.raises(tg.AmbiguousGradient, match=r"qr: .*linearly dependent"):
        gradient(lambda t: np.linalg.qr(t)[1], a)


def test_raw_qr_of_an_untracked_tensor():
    for y, wanted in zip(tg.linalg.qr(tg.tensor(REPEATED), "raw"), np.linalg.qr(REPEATED, "raw"),
                         strict=True):  # fmt: skip
        np.testing.assert_array_equal(y.numpy(), wanted)


def test_pinv_cuts_off_relative_to_the_dtype():
    a = np.diag([1.0, 1e-7, 1e-17])
    for keywords in ({}, {"rtol": None}, {"rtol": 1e-3}, {"rcond": 1e-8}):
        np.testing.assert_array_equal(
            tg.linalg.pinv(a, **keywords).numpy(), np.linalg.pinv(a, **keywords)
        )


@pytest.mark.parametrize("values", [[3.0, 2, 0.4], [3.0, 0.5, 0.4], [3.0, 0.5, 0], [3.0, 0, 0]])
@pytest.mark.parametrize("shape", [(4, 3), (3, 4)])
def test_what_counts_as_zero_and_is_not_moves_the_vectors_of_the_others(shape, values):
    rng = np.random.default_rng(5)
    u, v = (np.linalg.qr(rng.normal(size=(n, 3)))[0] for n in shape)
    a, b = u * values @ v.T, rng.normal(size=shape[0])
    check_grads(lambda t: tg.linalg.pinv(t, 0.3), a)
    check_grads(lambda t, b: tg.linalg.lstsq(t, b, 0.3).x, a, b)
    for size in (1e-3, -1e-3):
        check_grads(lambda t: tg.linalg.pinv(t, 0.3), size * a, order=1)
    t = tg.Variable(np.stack([a, u * [3.0, 2, 1] @ v.T]))
    (whole,) = tg.gradients(tg.linalg.pinv(t, 0.3), t, np.ones((2, *shape[::-1])))
    for one, g in zip(t.numpy(), whole.numpy(), strict=True):
        alone = gradient(lambda t: tg.linalg.pinv(t, 0.3), one)
        np.testing.assert_allclose(g, alone, rtol=1e-12, atol=1e-13)


def test_values_that_count_as_zero_may_be_zero_and_others_one():
    a = np.diag([3.0, 1, 0.5, 0])
    check_grads(lambda t: tg.linalg.pinv(t, 0.3), a)
    assert np.isfinite(gradient(lambda t: tg.linalg.pinv(t, 0.3), a)).all()  # and without a warning


def test_what_counts_as_zero_by_default_counts_as_zero_in_the_gradient():
    """A singular value of 4 ε is below 8 ε, 8 being the larger size."""
    a, ct = np.zeros((8, 2)), np.array([3.0, 5.0])
    a[0, 0], a[1, 1] = 1, 4 * EPS
    b = tg.Variable(np.arange(1.0, 9))
    (g,) = tg.gradients(tg.linalg.lstsq(a, b).x, b, ct)
    np.testing.assert_allclose(g.numpy(), [3, 0, 0, 0, 0, 0, 0, 0])
    a[1, 1] = 16 * EPS
    (g,) = tg.gradients(tg.linalg.lstsq(a, b).x, b, ct)
    np.testing.assert_allclose(g.numpy(), [3, 5 / (16 * EPS), 0, 0, 0, 0, 0, 0])


@pytest.mark.parametrize("sizes", [(2, 9, 3, 8), (5, 2, 7, 3, 6), (4, 3)])
def test_products_of_several_matrices(sizes):
    arrays = [RNG.normal(size=pair) for pair in itertools.pairwise(sizes)]
    for factors in (arrays, [arrays[0][0], *arrays[1:]], [*arrays[:-1], arrays[-1][:, 0]]):
        if len(factors) < 2:
            continue
        leaves = [tg.Variable(x) for x in factors]
        y = np.linalg.multi_dot(leaves)
        np.testing.assert_allclose(y.numpy(), np.linalg.multi_dot(factors))
        ct = np.asarray(RNG.normal(size=y.shape))
        found = [g.numpy() for g in tg.gradients(y, leaves, ct)]
        assert_gradient(lambda *xs: [np.linalg.multi_dot(xs)], factors, [ct], found)


def test_stacks_that_are_empty():
    for name in ("inv", "det", "cholesky", "eigvalsh", "svdvals", "pinv", "eigvals"):
        t = tg.Variable(np.zeros((0, 3, 3)))
        y = getattr(tg.linalg, name)(t)
        assert y.shape == getattr(np.linalg, name)(np.zeros((0, 3, 3))).shape
        assert gradient(getattr(tg.linalg, name), np.zeros((0, 3, 3))).shape == (0, 3, 3)
