"""Steps of random programs on sampled functions: polynomials, differences, windows, transforms."""

from steps import Written, both, step


@both
def convolve(draw):
    a, b = draw.value(1, 1), draw.value(1, 1)
    return Written(f"0.5 * f.convolve({a}, {b}, mode={draw.one(['full', 'same', 'valid'])!r})")


@both
def correlate(draw):
    a, b = draw.value(1, 1), draw.value(1, 1)
    return Written(f"0.5 * f.correlate({a}, {b}, mode={draw.one(['full', 'same', 'valid'])!r})")


@both
def polyval(draw):
    return Written(f"f.polyval(0.5 * f.ravel({draw.value()})[:4], {draw.value(0, 2)})")


@both
def polymul(draw):
    """NumPy leaves out leading coefficients that are 0."""
    a, b = draw.value(1, 1), draw.value(1, 1)
    return Written(f"0.5 * f.polymul({a}, {b})", (f"{a}[0]", f"{b}[0]"))


@both
def polyadd(draw):
    return Written(f"f.polyadd({draw.value(1, 1)}, {draw.value(1, 1)})")


@both
def polyder(draw):
    return Written(f"0.5 * f.polyder(f.ravel({draw.value(1)})[:5])")


@both
def polyint(draw):
    return Written(f"f.polyint({draw.value(1, 1)})")


@both
def gradient(draw):
    a, axis = draw.with_axis(3)
    return Written(f"f.gradient({a}, {draw.one([1.0, 0.5])}, axis={axis},"
                   f" edge_order={draw.between(1, 2)})")  # fmt: skip


@both
def trapezoid_over(draw):
    a = draw.value(1)
    x = draw.of_shape((draw.shape(a)[-1],))
    return Written(f"f.trapezoid({a}, {x})")


@step
def interp(draw):
    """At places apart from the nodes, that move too."""
    n = draw.between(3, 4)
    x, y = draw.value(0, 2), draw.of_shape((n,))
    nodes = f"f.cumsum(0.7 + 0.3 * f.sin({draw.of_shape((n,))}), axis=0)"
    where = f"(1.5 + 2 * f.sin({x}))"
    apart = f"np.subtract.outer({where}, {nodes})".replace("f.", "np.")
    return Written(f"f.interp({where}, {nodes}, {y})", (apart,))


@both
def windows(draw):
    a, axis = draw.with_axis(3)
    if draw.ndim(a) > 3:
        return None
    return Written(f"f.sliding_window_view({a}, 2, {axis})")


@step
def unwrap(draw):
    a = draw.value(1)
    axis = draw.axis(a)
    jumps = f"np.diff(3 * {a}, axis={axis}) / (2 * np.pi)"
    return Written(
        f"0.3 * f.unwrap(3 * {a}, axis={axis})", (f"abs({jumps} - np.rint({jumps})) - 0.5",)
    )


@both
def ediff1d(draw):
    return Written(f"f.ediff1d({draw.value(1)})")


@both
def resize(draw):
    return Written(f"f.resize({draw.value(1)}, {draw.one([(2, 3), (5,), (3, 1, 2)])})")


@both
def spectrum_of_axes(draw):
    a = draw.value(2)
    there, back = draw.one([("fft2", "ifft2"), ("fftn", "ifftn")])
    if draw.mode == "complex128":
        return Written(f"f.{draw.one([there, back])}({a}, norm='ortho')")
    return Written(f"f.real(f.{back}(f.{there}({a}) * (0.8 + 0.3j)))")


@step
def rfft2(draw):
    a = draw.value(2)
    return Written(f"f.{draw.one(['real', 'imag'])}(f.rfft2({a}, norm='ortho'))")


@step
def irfftn(draw):
    a = draw.value(2, 2)
    return Written(f"f.irfft2(f.rfftn({a}) * (0.5 - 0.4j), s=(2, {draw.between(2, 5)}))")


@step
def hermitian_fft(draw):
    a = draw.value(1)
    axis = draw.axis(a)
    return Written(f"0.3 * f.hfft(f.ihfft({a}, axis={axis}) * (1 + 0.5j), {draw.between(2, 5)},"
                   f" axis={axis})")  # fmt: skip


@both
def ifft_shift(draw):
    a = draw.value(1)
    return Written(f"f.ifftshift({a}, axes={draw.axis(a)})")


@both
def linspace(draw):
    a = draw.value(0, 2)
    return Written(f"f.linspace({a}, {draw.of_shape(draw.shape(a))}, {draw.between(2, 4)},"
                   f" axis={draw.one([0, -1])})")  # fmt: skip


@step
def spaced_by_ratios(draw):
    a = draw.value(0, 1)
    b = draw.of_shape(draw.shape(a))
    between = f"1.5 + f.sin({a}), 1.5 + f.cos({b}), 3"
    return Written(draw.one([f"f.geomspace({between})", f"f.logspace(0.3 * {a}, 0.2 * {b}, 3)"]))


@step
def bincount(draw):
    a = draw.value(1, 1)
    return Written(f"f.bincount({draw.integers(draw.shape(a), 4)}, {a}, 4)")
