"""Complex numbers: the convention, as docs/complex.md has it, and its corners."""

import doctest
import re
from pathlib import Path

import numpy as np
import pytest

import tinygraph as tg

PAGE = Path(__file__).parent.parent / "docs" / "complex.md"


def test_what_the_page_shows():
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))
    found = doctest.DocTestParser().get_doctest(code, {}, "complex.md", str(PAGE), 0)
    assert len(found.examples) > 10
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(found)
    assert result.failed == 0


LOSSES = {  # of z = x + iy: its partial derivatives by x and y
    "x² + y²": (lambda z: abs(z) ** 2, lambda x, y: (2 * x, 2 * y)),
    "|z|": (abs, lambda x, y: (x / np.hypot(x, y), y / np.hypot(x, y))),
    "xy": (lambda z: z.real * z.imag, lambda x, y: (y, x)),
    "Re z²": (lambda z: (z * z).real, lambda x, y: (2 * x, -2 * y)),
    "Im z²": (lambda z: (z**2).imag, lambda x, y: (2 * y, 2 * x)),
    "Re z̄²": (lambda z: (z.conj() ** 2).real, lambda x, y: (2 * x, -2 * y)),
    "z z̄": (lambda z: (z * z.conj()).real, lambda x, y: (2 * x, 2 * y)),
    "angle": (np.angle, lambda x, y: (-y / (x * x + y * y), x / (x * x + y * y))),
    "Re e^z": (
        lambda z: np.exp(z).real,
        lambda x, y: (np.exp(x) * np.cos(y), -np.exp(x) * np.sin(y)),
    ),
    "Re z/|z|": (
        lambda z: np.sign(z).real,
        lambda x, y: (y * y / np.hypot(x, y) ** 3, -x * y / np.hypot(x, y) ** 3),
    ),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("way", ["backward", "gradients", "grad"])
def test_gradient_is_by_x_plus_i_by_y(name, way):
    loss, wanted = LOSSES[name]
    x, y = 1.25, -0.75
    z = tg.Variable(complex(x, y))
    if way == "backward":
        loss(z).backward()
        g = z.grad
    else:
        g = tg.gradients(loss(z), z)[0] if way == "gradients" else tg.grad(loss)(z)
    np.testing.assert_allclose(g.item(), complex(*wanted(x, y)), rtol=1e-14)


@pytest.mark.parametrize("function", [np.exp, np.sin, np.sqrt, np.log, np.tanh, lambda z: z**3])
def test_of_a_holomorphic_function_it_is_the_conjugated_derivative(function):
    z, h = 0.6 + 0.8j, 1e-5
    t = tg.Variable(z)
    (g,) = tg.gradients(function(t), t, 1)
    derivative = (function(z + h) - function(z - h)) / (2 * h)
    np.testing.assert_allclose(g.item(), np.conj(derivative), rtol=1e-9)


@pytest.mark.parametrize("function", [abs, np.angle, lambda z: np.sign(z).real])
def test_derivative_0_at_0(function):
    z = tg.Variable([0j, 1j])
    (g,) = tg.gradients(function(z), z, np.ones(2), create_graph=True)
    assert g.numpy()[0] == 0
    assert g.numpy()[1] != 0
    (h,) = tg.gradients(abs(g) ** 2, z, np.ones(2))
    assert np.isfinite(h.numpy()).all()
    assert h.numpy()[0] == 0


def test_real_tensors_get_real_gradients():
    x, z = tg.Variable([1.0, 2.0]), tg.Variable([1j, 2 + 1j])
    for y in (
        x * z,
        x / z,
        z**x,
        x**z,
        x - z,
        np.concatenate([x, z]),
        np.where([True, False], x, z),
    ):
        by_x, by_z = tg.gradients((abs(y) ** 2).sum(), [x, z])
        assert (by_x.dtype, by_z.dtype) == (np.float64, np.complex128)


def test_fitting_complex_numbers_by_hand():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(30, 3)) + 1j * rng.normal(size=(30, 3))
    wanted = np.array([1 - 2j, 0.5j, -1])
    labels = features @ wanted
    w = tg.Variable(np.zeros(3, complex))
    for _ in range(100):
        w.zero_grad()
        (abs(features @ w - labels) ** 2).mean().backward()
        with tg.no_grad():
            w -= 0.2 * w.grad
    np.testing.assert_allclose(w.numpy(), wanted, atol=1e-9)


@pytest.mark.parametrize("name", tg.emath.__all__)
@pytest.mark.parametrize("dtype", ["int8", "int64", "float16", "float32", "float64", "complex64"])
@pytest.mark.parametrize("sign", [1, -1])
def test_wider_functions(name, dtype, sign):
    """Real or complex, and of the precision, that NumPy's is."""
    x = sign * np.array([1, 2, 3], dtype)
    operands = [x, x[::-1].copy()][: 2 if name in ("logn", "power") else 1]
    with np.errstate(all="ignore"):
        wanted = getattr(np.emath, name)(*operands)
        tracked = x.dtype.kind in "fc"
        for function in (getattr(np.emath, name), getattr(tg.emath, name)):
            y = function(*[tg.tensor(a, requires_grad=tracked) for a in operands])
            assert (y.dtype, y.requires_grad) == (wanted.dtype, tracked)
            np.testing.assert_array_equal(y.numpy(), wanted)


def test_gradient_of_a_square_root_of_negative_numbers():
    """√x = i√−x, so that |√x|² = |x|."""
    x = tg.Variable([-4.0, 9.0])
    (g,) = tg.gradients((abs(np.emath.sqrt(x)) ** 2).sum(), x)
    np.testing.assert_allclose(g.numpy(), [-1, 1], rtol=1e-14)
    assert tg.emath.sqrt(x[1:]).dtype == np.float64


@pytest.mark.parametrize("zero", [0.0, -0.0])
@pytest.mark.parametrize(
    ("name", "at"),
    [
        *((name, x) for name in ("arcsin", "arccos", "arctanh") for x in (-2.5, 2.5)),
        *((name, 2.5j * sign) for name in ("arcsinh", "arctan") for sign in (-1, 1)),
        *(("arccosh", x) for x in (-2.5, -0.5, 0.5)),
        *((name, -2.5) for name in ("sqrt", "log", "log2", "log10", "log1p")),
    ],
)
def test_on_a_branch_cut_the_slope_is_that_of_the_side_the_value_is_on(name, at, zero):
    """The sign of a zero says which side; the difference is taken along the cut."""
    along_x = not isinstance(at, complex)

    def beside(step):
        return np.complex128(complex(at + step, zero) if along_x else complex(zero, at.imag + step))

    function, h = getattr(np, name), 1e-5
    t = tg.Variable(beside(0))
    (g,) = tg.gradients(function(t), t, 1, create_graph=True)
    slope = (function(beside(h)) - function(beside(-h))) / (2 * h * (1 if along_x else 1j))
    np.testing.assert_allclose(np.conj(g.item()), slope, rtol=1e-8, atol=1e-12)
    (second,) = tg.gradients(g, t, 1)
    bend = (function(beside(1e-4)) - 2 * function(beside(0)) + function(beside(-1e-4))) / 1e-8
    np.testing.assert_allclose(
        np.conj(second.item()), bend * (1 if along_x else -1), rtol=1e-4, atol=1e-6
    )
