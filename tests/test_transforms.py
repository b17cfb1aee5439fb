"""grad and value_and_grad, to any order."""

import math

import numpy as np
import pytest

import tinygraph as tg


def test_third_derivative_by_nesting():
    # f = x⁴ sin x
    third = tg.grad(tg.grad(tg.grad(lambda x: x**4 * np.sin(x))))
    x = 0.7
    sin, cos = math.sin(x), math.cos(x)
    expected = 24 * x * sin + 36 * x**2 * cos - 12 * x**3 * sin - x**4 * cos
    assert abs(third(x).item() - expected) < 1e-12


def test_sixth_derivative_of_an_exponential():
    f = np.exp
    for order in range(6):
        assert abs(f(0.3) - math.exp(0.3)) < 1e-12, order
        f = tg.grad(f) if order else tg.grad(lambda x: np.exp(x))


def test_value_and_grad_of_the_lecture():
    value, slope = tg.value_and_grad(lambda w: w**2 - 10 * w + 25)(0.0)
    assert (value.item(), slope.item()) == (25.0, -10.0)
    assert not value.requires_grad
    assert not slope.requires_grad


def test_argnums():
    def f(a, b, *, scale):
        return (a * b).sum() * scale

    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    np.testing.assert_array_equal(tg.grad(f, argnums=1)(a, b, scale=2).numpy(), 2 * a)
    np.testing.assert_array_equal(tg.grad(f, argnums=-1)(a, b, scale=2).numpy(), 2 * a)
    ga, gb = tg.grad(f, argnums=(0, 1))(a, b, scale=2)
    np.testing.assert_array_equal(ga.numpy(), 2 * b)
    np.testing.assert_array_equal(gb.numpy(), 2 * a)


def test_perturbations_are_not_confused():
    # d/dx [x · d/dy (x + y)] = 1; taking both variables for one gives 2.
    assert tg.grad(lambda x: x * tg.grad(lambda y: x + y)(1.0))(1.0).item() == 1.0
    # d/dx [x · d/dy (x·y)] = 2x
    assert tg.grad(lambda x: x * tg.grad(lambda y: x * y)(2.0))(3.0).item() == 6.0


def test_a_closure_over_a_variable_stays_in_the_graph():
    a = tg.Variable(3.0)
    slope = tg.grad(lambda x: a * x**2)(2.0)  # 2ax
    assert slope.requires_grad
    slope.backward()
    assert a.grad.item() == 4.0


def test_an_argument_that_is_tracked_stays_in_the_graph():
    x = tg.Variable(2.0)
    tg.grad(lambda t: t**3)(x).backward()
    assert x.grad.item() == 12.0


def test_under_no_grad_the_gradient_is_computed_and_not_tracked():
    a = tg.Variable(3.0)
    with tg.no_grad():
        slope = tg.grad(lambda x: a * x**2)(2.0)
    assert slope.item() == 12.0
    assert not slope.requires_grad


def test_zero_where_the_function_does_not_depend():
    g = tg.grad(lambda x: tg.tensor(3.0))(np.ones((2, 3), np.float32))
    assert (g.shape, g.dtype) == ((2, 3), "float32")
    np.testing.assert_array_equal(g.numpy(), 0)
    assert tg.grad(tg.grad(lambda x: 3 * x))(1.0).item() == 0.0
    assert tg.grad(tg.grad(np.floor))(1.5).item() == 0.0


def test_the_gradient_of_the_gradient_is_the_hessian():
    A = np.array([[2.0, 1.0], [0.0, 3.0]])

    def row(i):
        return tg.grad(lambda x: tg.grad(lambda x: x @ A @ x)(x)[i])(np.array([0.3, -1.0]))

    np.testing.assert_allclose([row(0).numpy(), row(1).numpy()], A + A.T)


@pytest.mark.parametrize(
    ("function", "argument", "error", "message"),
    [
        (lambda x: x * 2, np.ones(3), tg.ShapeError, r"\(3,\).*\.sum\(\)"),
        (lambda x: x.item(), 1.0, tg.DTypeError, "float, not a Tensor"),
        (lambda x: x.sum(), np.array([1, 2]), tg.DTypeError, "int64.*1.0 rather than 1"),
        (lambda x: x * 1j, 1.0, tg.ShapeError, "complex128"),
    ],
)
def test_refusals(function, argument, error, message):
    with pytest.raises(error, match=message):
        tg.grad(function)(argument)


def test_argnums_out_of_range():
    with pytest.raises(tg.ArgumentError, match=r"argnums=2.*called with 1"):
        tg.grad(lambda x: x, argnums=2)(1.0)
    with pytest.raises(tg.ArgumentError, match="takes a function, not float"):
        tg.grad(3.0)


def test_argnums_that_make_no_sense():
    with pytest.raises(tg.ArgumentError, match=r"argnums='x'.*position"):
        tg.grad(lambda x: x, argnums="x")(1.0)
    with pytest.raises(tg.ArgumentError, match="names an argument twice"):
        tg.grad(lambda a, b: a * b, argnums=(0, -2))(1.0, 2.0)
    with pytest.raises(tg.ArgumentError, match=r"0 arguments by position .*keyword"):
        tg.grad(lambda x: x)(x=1.0)


def test_aux():
    def f(x, log):
        square = x * x
        return square.sum(), {"square": square, "log": log, "first": [x[0], None]}

    x = np.array([1.0, 2.0])
    g, aux = tg.grad(f, has_aux=True)(x, "any")
    np.testing.assert_array_equal(g.numpy(), [2, 4])
    np.testing.assert_array_equal(aux["square"].numpy(), [1, 4])
    assert aux["log"] == "any"
    assert not aux["square"].requires_grad
    assert not aux["first"][0].requires_grad
    (value, aux), g = tg.value_and_grad(f, has_aux=True)(x, "any")
    assert (value.item(), aux["first"][0].item(), g.shape) == (5.0, 1.0, (2,))
    value, pull, aux = tg.vjp(lambda x: f(x, 0), x, has_aux=True)
    assert (value.item(), aux["log"], pull(1.0)[0].shape) == (5.0, 0, (2,))
    value, tangent, aux = tg.jvp(lambda x: f(x, 0), (x,), (x,), has_aux=True)
    assert (value.item(), tangent.item(), aux["log"]) == (5.0, 10.0, 0)
    jacobian, aux = tg.jacobian(f, has_aux=True)(x, 0)
    np.testing.assert_array_equal(jacobian.numpy(), [2, 4])
    hessian, aux = tg.hessian(f, has_aux=True)(x, 0)
    np.testing.assert_array_equal(hessian.numpy(), 2 * np.eye(2))
    assert not aux["square"].requires_grad


def test_aux_stays_in_the_graph_of_what_is_tracked_outside():
    a = tg.Variable(3.0)
    _, aux = tg.grad(lambda x: (x * x, a * x), has_aux=True)(2.0)
    aux.backward()
    assert a.grad.item() == 2.0


def test_aux_needs_a_pair():
    with pytest.raises(tg.ArgumentError, match=r"has_aux=True f must return a pair.*not Tensor"):
        tg.grad(named("f", lambda x: x), has_aux=True)(1.0)
    with pytest.raises(tg.DTypeError, match=r"returned int at \[1\].*has_aux=True"):
        tg.grad(lambda x: (x, 3))(1.0)


def named(name, function):
    function.__name__ = name
    return function


# vjp and jvp


def mixed(x, w):
    """tanh(xw) with its sum: two results of two arguments."""
    y = np.tanh(x @ w)
    return y, (y * y).sum() + w[0, 0]


X, V = np.array([[0.5, -1.0, 2.0]]), np.array([[0.3, 0.1, -0.7]])
U = np.array([[0.2, -0.4], [1.0, 0.3], [-0.6, 0.8]])
T = np.array([[1.0, 0.5], [-2.0, 0.1], [0.3, -0.9]])


def test_jvp_is_the_directional_derivative():
    (y, s), (ty, ts) = tg.jvp(mixed, (X, U), (V, T))
    np.testing.assert_array_equal(y.numpy(), np.tanh(X @ U))
    dz = V @ U + X @ T
    dy = (1 - np.tanh(X @ U) ** 2) * dz
    np.testing.assert_allclose(ty.numpy(), dy)
    np.testing.assert_allclose(ts.item(), (2 * np.tanh(X @ U) * dy).sum() + 1.0)
    assert not any(t.requires_grad for t in (y, s, ty, ts))


def test_vjp_is_the_adjoint_of_jvp():
    _, pull = tg.vjp(mixed, X, U)
    _, (ty, ts) = tg.jvp(mixed, (X, U), (V, T))
    cy, cs = np.array([[2.0, -3.0]]), 0.7
    for _ in range(2):  # pull can be called again
        gx, gw = pull((cy, cs))
        left = (gx.numpy() * V).sum() + (gw.numpy() * T).sum()
        right = (cy * ty.numpy()).sum() + cs * ts.item()
        np.testing.assert_allclose(left, right, rtol=1e-13)


def test_vjp_and_jvp_of_some_arguments():
    _, pull = tg.vjp(lambda n, x: x**n, 3, 2.0, argnums=1)
    assert pull(1.0).item() == 12.0
    _, pull = tg.vjp(lambda n, x: x**n, 3, 2.0, argnums=(1,))
    assert pull(1.0)[0].item() == 12.0
    assert tg.jvp(lambda n, x: x**n, (3, 2.0), (5.0,), argnums=1)[1].item() == 60.0


def test_jvp_nests_with_itself_and_with_grad():
    # f = sin(x²): f′ = 2x cos x², f″ = 2 cos x² − 4x² sin x².
    def f(x):
        return np.sin(x**2)

    def slope(x):
        return tg.jvp(f, (x,), (1.0,))[1]

    x = 0.7
    second = 2 * math.cos(x**2) - 4 * x**2 * math.sin(x**2)
    third = -12 * x * math.sin(x**2) - 8 * x**3 * math.cos(x**2)
    assert abs(tg.jvp(slope, (x,), (1.0,))[1].item() - second) < 1e-14
    assert abs(tg.grad(slope)(x).item() - second) < 1e-14
    assert abs(tg.jvp(tg.grad(f), (x,), (1.0,))[1].item() - second) < 1e-14
    assert abs(tg.grad(tg.grad(slope))(x).item() - third) < 1e-13


def test_perturbations_are_not_confused_going_forward():
    # d/dx [x · d/dy (x + y)] = 1
    def inner(x):
        return x * tg.jvp(lambda y: x + y, (1.0,), (1.0,))[1]

    assert tg.jvp(inner, (1.0,), (1.0,))[1].item() == 1.0


def test_tangents_and_cotangents_that_are_tracked():
    t = tg.Variable([1.0, 2.0])
    _, moved = tg.jvp(lambda x: x**2, (np.array([3.0, 4.0]),), (t,))
    moved.sum().backward()
    np.testing.assert_array_equal(t.grad.numpy(), [6, 8])
    c = tg.Variable([1.0, 2.0])
    tg.vjp(lambda x: x**2, np.array([3.0, 4.0]))[1](c)[0].sum().backward()
    np.testing.assert_array_equal(c.grad.numpy(), [6, 8])


def test_jvp_where_a_branch_was_not_taken():
    x = np.array([4.0, 0.0, -1.0])
    with np.errstate(invalid="ignore"):
        _, moved = tg.jvp(lambda x: np.where(x > 0, np.sqrt(x), 0.0), (x,), (np.ones(3),))
    np.testing.assert_array_equal(moved.numpy(), [0.25, 0, 0])


def test_jvp_of_what_does_not_depend():
    x = np.ones(2, np.float32)
    _, moved = tg.jvp(lambda x: (tg.tensor(3.0), np.floor(x), x), (x,), (x,))
    assert [m.tolist() for m in moved] == [0.0, [0.0, 0.0], [1.0, 1.0]]
    assert [m.dtype for m in moved] == ["float64", "float32", "float32"]


def test_jvp_of_an_output_beside_the_one_that_depends():
    """np.modf has two outputs; only the fraction moves."""
    _, moved = tg.jvp(lambda x: tg.modf(x)[1], (np.array([1.5, 2.25]),), (np.ones(2),))
    np.testing.assert_array_equal(moved.numpy(), [0, 0])


def test_jvp_of_the_one_output_among_several_that_stands_still():
    a, b = np.array([5.0, 7.0]), np.array([2.0, 3.0])
    y, moved = tg.jvp(lambda a: np.divmod(a, b)[0], (a,), (np.ones(2),))
    assert (y.tolist(), moved.tolist()) == ([2, 2], [0, 0])


def test_jvp_calls_no_hooks():
    def f(x):
        y = x * x
        y.register_hook(lambda g: g * 100)
        return y

    assert tg.jvp(f, (3.0,), (1.0,))[1].item() == 6.0
    assert tg.vjp(f, 3.0)[1](1.0)[0].item() == 600.0


@pytest.mark.parametrize(
    ("f", "df"),
    [
        (lambda z: z * np.sin(z), lambda z, t: (np.sin(z) + z * np.cos(z)) * t),
        (lambda z: np.conj(z) * z, lambda z, t: 2 * (np.conj(z) * t).real),
        (np.conj, lambda z, t: np.conj(t)),
        (np.abs, lambda z, t: (np.conj(z) * t).real / abs(z)),
        (lambda z: np.real(z) * 1j, lambda z, t: t.real * 1j),
    ],
)
def test_complex_jvp_and_its_adjoint(f, df):
    z, t = np.array([1 + 2j, -0.5 + 0.3j]), np.array([0.3 - 1j, 2 + 0.7j])
    value, moved = tg.jvp(f, (z,), (t,))
    np.testing.assert_allclose(moved.numpy(), df(z, t), rtol=1e-13)
    c = np.array([1 - 1j, 0.5j]) if value.dtype.kind == "c" else np.array([1.0, -2.0])
    (g,) = tg.vjp(f, z)[1](c)
    left, right = (np.conj(g.numpy()) * t).real.sum(), (np.conj(c) * moved.numpy()).real.sum()
    np.testing.assert_allclose(left, right, rtol=1e-13)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda f, x: tg.jvp(f, x, x), tg.ArgumentError, r"primals is ndarray.*\(x,\)"),
        (lambda f, x: tg.hvp(f, x, x), tg.ArgumentError, r"primals is ndarray.*\(x,\)"),
        (lambda f, x: tg.jvp(f, (x,), x), tg.ArgumentError, r"here 1, not ndarray.*\(v,\)"),
        (lambda f, x: tg.jvp(f, (x,), (x, x)), tg.ArgumentError, "here 1, not 2"),
        (lambda f, x: tg.jvp(f, (x,), (x[:1],)), tg.ShapeError, r"\(1,\).*argument has .*\(2,\)"),
        (lambda f, x: tg.jvp(f, (x,), (x * 1j,)), tg.DTypeError, "complex.*float64"),
        (lambda f, x: tg.jvp(f, (x,), (None,)), tg.ArgumentError, r"tangents\[0\] is None"),
        (lambda f, x: tg.jvp(f, ([1, 2],), (x,)), tg.DTypeError, "jvp: argument 0 of f.*int64"),
        (lambda f, x: tg.vjp(f, x)[1](1.0), tg.ShapeError, r"\(\); the result of f .*\(2,\)"),
        (lambda f, x: tg.vjp(f, x)[1](), tg.ArgumentError, "one cotangent.*not 0"),
        (lambda f, x: tg.vjp(f, x)[1](x, x), tg.ArgumentError, "one cotangent.*not 2"),
        (lambda f, x: tg.vjp(f, x)[1](None), tg.ArgumentError, "cotangent is None"),
        (lambda f, x: tg.vjp(lambda x: 1.0, x), tg.DTypeError, "returned float, not a Tensor"),
        (lambda f, x: tg.vjp(lambda x: None, x), tg.DTypeError, "returned None, not a Tensor"),
        (lambda f, x: tg.vjp(np.argmax, x), tg.DTypeError, "returned int64, which has no deriv"),
        (lambda f, x: tg.vjp(3.0, x), tg.ArgumentError, "vjp: it takes a function, not float"),
        (lambda f, x: tg.hvp(f, (x,), (x,)), tg.ShapeError, r"hvp: f returned shape \(2,\)"),
        (lambda f, x: tg.hessian(f)(x), tg.ShapeError, r"hessian: f returned shape \(2,\)"),
    ],
)
def test_mistakes(call, error, message):
    with pytest.raises(error, match=message):
        call(named("f", lambda x: x * 2), np.ones(2))
