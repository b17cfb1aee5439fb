"""jacobian, hessian, hvp, elementwise_grad."""

import numpy as np
import pytest
from derivatives import assert_gradient

import tinygraph as tg
from tinygraph import jacobians

A = np.array([[0.5, -1.0, 2.0], [0.3, 0.1, -0.7]])


@pytest.fixture(params=["backward", "forward"])
def direction(request, monkeypatch):
    """Both ways to a Jacobian, whatever the sizes."""
    cost = {"backward": (np.inf, 1), "forward": (-1, 0)}[request.param]
    monkeypatch.setattr(jacobians, "BEGINNING", cost[0])
    monkeypatch.setattr(jacobians, "FORWARD", cost[1])


FUNCTIONS = {
    "vector": (lambda x: np.sin(x) * x[::-1], (3,)),
    "wide": (lambda x: np.tanh(A @ x), (3,)),
    "tall": (lambda x: np.exp(x @ A), (2,)),
    "matrix to matrix": (lambda x: x.T @ x, (2, 3)),
    "matrix to scalar": (lambda x: (x**3).sum(), (2, 2)),
    "scalar to matrix": (lambda x: x * A + x**2, ()),
    "scalar to scalar": (np.sin, ()),
    "an element twice": (lambda x: x[[0, 1, 0]], (2,)),
    "independent": (lambda x: tg.tensor([1.0, 2.0]), (3,)),
    "itself": (lambda x: x, (3,)),
    "several outputs": (lambda x: tg.stack(tg.unstack(x * x)[::-1]), (3,)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_jacobian_by_central_differences(name, direction):
    f, shape = FUNCTIONS[name]
    x = np.random.default_rng(0).normal(size=shape)
    found = tg.jacobian(f)(x)
    value = f(tg.tensor(x)).numpy()
    assert found.shape == value.shape + shape
    assert not found.requires_grad
    for i in np.ndindex(value.shape):
        unit = np.zeros(value.shape)
        unit[i] = 1
        assert_gradient(lambda x: [f(tg.tensor(x)).numpy()], [x], [unit], [found[i]])


def test_several_arguments_and_results(direction):
    def f(x, w, n):
        return w @ x, n * x.sum()

    x, w = np.array([1.0, 2.0]), np.array([[3.0, 4.0]])
    (wx, ww), (sx, sw) = tg.jacobian(f, argnums=(0, 1))(x, w, n=5)
    np.testing.assert_array_equal(wx.numpy(), w)
    np.testing.assert_array_equal(ww.numpy(), x.reshape(1, 1, 2))
    np.testing.assert_array_equal(sx.numpy(), [5, 5])
    np.testing.assert_array_equal(sw.numpy(), [[0, 0]])


def test_the_cheaper_direction_is_taken():
    calls = []
    tg.jacobian(counting(lambda x: tg.concatenate([x] * 50), calls))(np.ones(2))
    tall = len(calls)
    calls.clear()
    tg.jacobian(counting(lambda x: x.sum(), calls))(np.ones(100))
    wide = len(calls)
    assert (tall, wide) == (1, 1)  # it goes back once with tensors, or once with arrays


def counting(f, calls):
    """f behind an operation that notes each pass backward."""

    @tg.elementwise(x=lambda ct: calls.append(1) or ct)
    def noted(x):
        """x."""
        return x + 0

    return lambda x: f(noted(x))


def test_empty(direction):
    assert tg.jacobian(lambda x: x * 2)(np.ones((0, 2))).shape == (0, 2, 0, 2)
    assert tg.jacobian(lambda x: x[:0])(np.ones(3)).shape == (0, 3)
    assert tg.hessian(lambda x: x.sum())(np.ones(0)).shape == (0, 0)


def test_dtypes_are_the_arguments(direction):
    J = tg.jacobian(lambda x: x * np.ones(2))(np.ones(2, np.float32))  # a float64 result
    assert J.dtype == "float32"
    J = tg.jacobian(lambda x: x * np.complex64(1j))(np.ones(2, np.float32))
    assert J.dtype == "complex64"


def test_complex_jacobians(direction):
    z, x = np.array([1 + 2j, -0.5 + 0.3j]), np.array([0.4, -1.0])
    # holomorphic
    J = tg.jacobian(lambda z: z * z[::-1])(z).numpy()
    np.testing.assert_allclose(J, [[z[1], z[0]], [z[1], z[0]]], rtol=1e-14)
    # real to complex
    J = tg.jacobian(lambda x: np.exp(1j * x))(x).numpy()
    np.testing.assert_allclose(J, np.diag(1j * np.exp(1j * x)), rtol=1e-14)
    # complex to real, as the gradient: that of |z|² is 2z
    J = tg.jacobian(lambda z: np.abs(z) ** 2)(z).numpy()
    np.testing.assert_allclose(J, np.diag(2 * z), rtol=1e-14)
    g = tg.grad(lambda z: np.abs(z).sum())(z).numpy()
    np.testing.assert_allclose(tg.jacobian(lambda z: np.abs(z).sum())(z).numpy(), g, rtol=1e-14)


@pytest.mark.parametrize("f", [np.conj, lambda z: np.abs(z) * z, lambda z: np.real(z) + 0j])
def test_a_function_that_is_not_holomorphic_is_refused(f, direction):
    with pytest.raises(tg.NotDifferentiable, match=r"jacobian: .* not holomorphic"):
        tg.jacobian(f)(np.array([1 + 2j]))


def test_third_derivative(direction):
    # Σ x_i³·x_j: the third derivatives in x = (a, b) of a³(a + b) + b³(a + b)
    f = tg.jacobian(tg.jacobian(tg.jacobian(lambda x: (x**3).sum() * x.sum())))
    a, b = 2.0, 3.0
    found = f(np.array([a, b])).numpy()
    np.testing.assert_allclose(found[0, 0, 0], 24 * a + 6 * b)
    np.testing.assert_allclose(found[0, 0, 1], 6 * a)
    np.testing.assert_allclose(found[1, 0, 1], 6 * b)


def test_a_closure_over_a_variable_stays_in_the_graph(direction):
    a = tg.Variable(3.0)
    tg.jacobian(lambda x: a * x**2)(np.array([1.0, 2.0])).sum().backward()
    assert a.grad.item() == 6.0


# Hessians

M = np.array([[2.0, 1.0, 0.0], [0.0, 3.0, -1.0], [4.0, 0.0, 1.0]])


def test_hessian_of_a_quadratic_form():
    np.testing.assert_allclose(tg.hessian(lambda x: x @ M @ x)(np.ones(3)).numpy(), M + M.T)
    np.testing.assert_array_equal(tg.hessian(lambda x: x.sum())(np.ones(3)).numpy(), 0)


def test_hessian_blocks():
    def f(x, y):
        return (x**2).sum() * y

    (xx, xy), (yx, yy) = tg.hessian(f, argnums=(0, 1))(np.array([1.0, 2.0]), 3.0)
    np.testing.assert_array_equal(xx.numpy(), 6 * np.eye(2))
    np.testing.assert_array_equal(xy.numpy(), [2, 4])
    np.testing.assert_array_equal(yx.numpy(), [2, 4])
    assert yy.item() == 0.0


def test_hvp_is_hessian_times_vector():
    def f(x, y):
        return np.exp(np.sin(x) * y[::-1]).sum() + (x**3).sum()

    rng = np.random.default_rng(0)
    x, y, v, w = rng.normal(size=(4, 3))
    (xx, xy), (yx, yy) = tg.hessian(f, argnums=(0, 1))(x, y)
    hv, hw = tg.hvp(f, (x, y), (v, w), argnums=(0, 1))
    np.testing.assert_allclose(hv.numpy(), xx.numpy() @ v + xy.numpy() @ w, rtol=1e-12)
    np.testing.assert_allclose(hw.numpy(), yx.numpy() @ v + yy.numpy() @ w, rtol=1e-12)
    np.testing.assert_allclose(tg.hvp(f, (x, y), (v,)).numpy(), xx.numpy() @ v, rtol=1e-12)
    forward = tg.jvp(tg.grad(f), (x, y), (v,), argnums=0)[1]
    np.testing.assert_allclose(forward.numpy(), xx.numpy() @ v, rtol=1e-12)


def test_hvp_of_what_is_linear_and_its_derivative():
    assert tg.hvp(lambda x: 3 * x, (1.0,), (1.0,)).item() == 0.0
    # d/dx (6x·v) = 6v
    assert tg.grad(lambda x: tg.hvp(lambda x: x**3, (x,), (2.0,)))(5.0).item() == 12.0


def test_complex_hvp_is_how_the_gradient_moves():
    # L = Re(z)²·Im(z): the gradient is 2xy + i·x², which moves by 2(t_x·y + x·t_y) + i·2x·t_x.
    z, t = np.array([1 + 2j, -0.5 + 0.3j]), np.array([0.3 - 1j, 2 + 0.7j])
    found = tg.hvp(lambda z: (np.real(z) ** 2 * np.imag(z)).sum(), (z,), (t,)).numpy()
    expected = 2 * (t.real * z.imag + z.real * t.imag) + 2j * z.real * t.real
    np.testing.assert_allclose(found, expected, rtol=1e-13)


# Element by element


def test_elementwise_grad_to_any_order():
    x = np.array([[0.3, -1.0], [2.0, 0.1]])
    f = np.sin
    for expected in (np.cos(x), -np.sin(x), -np.cos(x)):
        f = tg.elementwise_grad(f)
        np.testing.assert_allclose(f(x).numpy(), expected, rtol=1e-14)


def test_elementwise_grad_of_some_arguments():
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    gx, gy = tg.elementwise_grad(lambda x, y, n: x**n * y, argnums=(0, 1))(x, y, 2)
    np.testing.assert_array_equal(gx.numpy(), 2 * x * y)
    np.testing.assert_array_equal(gy.numpy(), x**2)


def test_complex_elementwise_grad():
    z, x = np.array([1 + 2j, -0.5 + 0.3j]), np.array([0.4, -1.0])
    np.testing.assert_allclose(tg.elementwise_grad(np.sin)(z).numpy(), np.cos(z), rtol=1e-14)
    found = tg.elementwise_grad(lambda x: np.exp(1j * x))(x).numpy()
    np.testing.assert_allclose(found, 1j * np.exp(1j * x), rtol=1e-14)
    with pytest.raises(tg.NotDifferentiable, match="elementwise_grad"):
        tg.elementwise_grad(np.conj)(z)


def test_elementwise_grad_wants_the_arguments_shape():
    with pytest.raises(tg.ShapeError, match=r"returned shape \(\) .* shape \(2,\).*tg\.grad"):
        tg.elementwise_grad(lambda x: x.sum())(np.ones(2))
    with pytest.raises(tg.DTypeError, match="one tensor"):
        tg.elementwise_grad(lambda x: (x, x))(np.ones(2))
