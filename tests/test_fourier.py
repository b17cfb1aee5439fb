"""Fourier transforms: what the table of samples does not say."""

import numpy as np
import pytest

import tinygraph as tg

X = np.random.default_rng(0).normal(size=(4, 5, 3))


@pytest.mark.parametrize("name", ["fftfreq", "rfftfreq"])
@pytest.mark.parametrize("namespace", [np.fft, tg.fft])
def test_frequencies(name, namespace):
    wanted = getattr(np.fft, name)(5, 0.5)
    np.testing.assert_array_equal(getattr(tg.fft, name)(5, 0.5).numpy(), wanted)
    step = tg.Variable(0.5)
    frequencies = getattr(namespace, name)(5, step)
    np.testing.assert_array_equal(frequencies.numpy(), wanted)
    (g,) = tg.gradients(frequencies, step, np.arange(1.0, wanted.size + 1))
    np.testing.assert_allclose(g.item(), -np.sum(np.arange(1, wanted.size + 1) * wanted) / 0.5)


@pytest.mark.parametrize("n", [5, 6])
@pytest.mark.parametrize("name", ["irfft", "hfft"])
def test_imaginary_ends_of_a_half_spectrum_do_not_matter(name, n):
    half = X[0, : n // 2 + 1, 0] + 1j * X[1, : n // 2 + 1, 0]
    z = tg.Variable(half)
    (g,) = tg.gradients((getattr(np.fft, name)(z, n) ** 3).sum(), z)
    ends = [0] if n % 2 else [0, -1]
    np.testing.assert_array_equal(g.numpy()[ends].imag, 0)
    inner = np.delete(g.numpy(), ends)
    assert (inner.imag != 0).all()


@pytest.mark.parametrize(
    "norm, factor", [(None, 5), ("backward", 5), ("ortho", 1), ("forward", 0.2)]
)
def test_energy_is_kept(norm, factor):
    """Σ |fft x|² is a multiple of Σ |x|² (Parseval), so that its gradient is one of 2x."""
    x = tg.Variable(X)
    spectrum = tg.fft.fft(x, axis=1, norm=norm)
    (g,) = tg.gradients((abs(spectrum) ** 2).sum(), x, create_graph=True)
    np.testing.assert_allclose(g.numpy(), 2 * factor * X, rtol=1e-12)
    (h,) = tg.gradients((g * X).sum(), x)
    np.testing.assert_allclose(h.numpy(), 2 * factor * X, rtol=1e-12)


def test_sizes_without_axes_are_for_the_last_ones():
    with pytest.warns(DeprecationWarning, match="give the axes"):
        found = tg.fft.fftn(X, (2, 4))
    np.testing.assert_array_equal(found.numpy(), np.fft.fftn(X, (2, 4), (1, 2)))


def test_no_axes_are_no_transform():
    y = tg.fft.fftn(tg.Variable(X), axes=())
    np.testing.assert_array_equal(y.numpy(), X)
    assert y.requires_grad


@pytest.mark.parametrize("name", [n for n in tg.fft.__all__ if "freq" not in n])
@pytest.mark.parametrize(
    "dtype", ["float16", "float32", "longdouble", "complex64", "int32", "bool"]
)
def test_dtypes(name, dtype):
    x = (X * 3).astype(dtype)
    if dtype == "complex64" and name in ("rfft", "ihfft", "rfft2", "rfftn"):
        with pytest.raises(tg.DTypeError, match=r"rfft: complex numbers .*use fft"):
            getattr(tg.fft, name)(x)
        return
    t = tg.tensor(x, requires_grad=x.dtype.kind in "fc")
    y = getattr(np.fft, name)(t)
    wanted = getattr(np.fft, name)(x)
    assert (y.dtype, y.requires_grad) == (wanted.dtype, t.requires_grad)
    np.testing.assert_array_equal(y.numpy(), wanted)
    if t.requires_grad:
        assert tg.gradients(tg.real(y).sum(), t)[0].dtype == x.dtype


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda t: np.fft.fft(t, 0), tg.ShapeError, "n=0 points"),
        (lambda t: np.fft.ifft(t, 2.5), tg.DTypeError, "n=2.5"),
        (lambda t: np.fft.ifft(t, norm="both"), tg.DomainError, "norm='both'.*ortho"),
        (lambda t: np.fft.hfft(t, norm=2), tg.DomainError, "hfft: norm=2"),
        (lambda t: np.fft.rfft(t, axis=3), tg.AxisError, "rfft: axis 3"),
        (lambda t: np.fft.fft(t[:0], axis=0), tg.ShapeError, "no points along axis 0"),
        (lambda t: np.fft.irfft(t[:1], axis=0), tg.ShapeError, "give n=1"),
        (lambda t: np.fft.fftn(t, (2,), (0, 1)), tg.ShapeError, "1 sizes and axes 2"),
        (lambda t: np.fft.irfftn(t, axes=()), tg.ShapeError, "irfftn: no axes"),
        (lambda t: np.fft.fftshift(t, 4), tg.AxisError, "fftshift: axis 4"),
        (lambda t: tg.fft.fft(t, out=np.empty(3)), tg.ArgumentError, "fft: unknown keyword 'out'"),
        (lambda t: tg.fft.fftfreq(0), tg.DomainError, "fftfreq: n=0"),
        (lambda t: tg.fft.rfftfreq(2.5), tg.DomainError, "rfftfreq: n=2.5"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call(tg.Variable(X))
