"""Steps of random programs that multiply: products, linear algebra, Fourier transforms."""

from steps import Written, both, step

# Products


@both
def matmul(draw):
    a = draw.value(1)
    n = draw.shape(a)[-1]
    lead = draw.shape(a)[:-2]
    b = draw.of_shape(draw.one([(n,), (n, 2), (n, n), (*lead, n, 3), (2, *[1] * len(lead), n, 2)]))
    return Written(f"{a} @ {b}")


@both
def matmul_from_left(draw):
    a = draw.value(2)
    n = draw.shape(a)[-2]
    return Written(f"{draw.of_shape(draw.one([(n,), (2, n), (n, n)]))} @ {a}")


@both
def gram(draw):
    a = draw.value(2)
    return Written(f"0.3 * ({a} @ f.swapaxes({a}, -1, -2))")


@both
def outer(draw):
    return Written(f"f.outer({draw.value(0, 2)}, {draw.value(0, 1)})")


@both
def tensordot(draw):
    a, axis = draw.with_axis(1)
    b = draw.of_shape((draw.shape(a)[axis], 2))
    return Written(f"f.tensordot({a}, {b}, axes=([{axis}], [0]))")


@both
def vecdot(draw):
    a = draw.value(1)
    return Written(f"f.vecdot({a}, {draw.of_shape(draw.shape(a))})")


@both
def matvec(draw):
    a = draw.value(2)
    return Written(f"f.matvec({a}, {draw.of_shape((draw.shape(a)[-1],))})")


@both
def inner(draw):
    a = draw.value(1, 2)
    return Written(f"f.inner({a}, {draw.of_shape((2, draw.shape(a)[-1]))})")


@both
def einsum(draw):
    a = draw.value(2, 2)
    m, n = draw.shape(a)
    pattern, shape = draw.one(
        [("ij,kj->ik", (2, n)), ("ij,jk->ki", (n, 2)), ("ij,j->i", (n,)), ("ij,ij->j", (m, n))]
        + [("ij,ik->jk", (m, 3)), ("ij,kl->jkl", (2, 2)), ("ij,i->ij", (m,)), ("ij,ij->", (m, n))]
    )
    return Written(f"f.einsum({pattern!r}, {a}, {draw.of_shape(shape)})")


@both
def einsum_of_three(draw):
    a = draw.value(2, 2)
    n = draw.shape(a)[1]
    return Written(f"f.einsum('ij,kj,kl->il', {a}, {draw.of_shape((2, n))}, 0.5 * {a}[:2])"
                   if draw.shape(a)[0] >= 2 else f"f.einsum('ij->ji', {a})")  # fmt: skip


@both
def einsum_diagonal(draw):
    a = draw.square(2)
    return Written(f"f.einsum({draw.one(['ii->i', 'ii->', 'ij->', 'ij->j', 'ij->ji'])!r}, {a})")


@step
def cross(draw):
    return Written(f"f.cross({draw.of_shape((3,))}, {draw.of_shape((3,))})")


# Linear algebra, of matrices far from singular


def regular(draw, a: str) -> str:
    """A well-conditioned matrix made of a square one."""
    return f"({draw.calm(a)} + {2 + draw.shape(a)[-1]} * f.eye({draw.shape(a)[-1]}, {a}))"


def positive_definite(draw, a: str) -> str:
    calm = draw.calm(a)
    return f"({calm} @ f.swapaxes({calm}, -1, -2) + f.eye({draw.shape(a)[-1]}, {a}))"


@both
def solve(draw):
    a = draw.square()
    n = draw.shape(a)[-1]
    b = draw.of_shape(draw.one([(n,), (n, 2), (n, n)] if draw.ndim(a) == 2 else [(n, 2)]))
    return Written(f"f.solve({regular(draw, a)}, {b})")


@both
def inv(draw):
    return Written(f"f.inv({regular(draw, draw.square())})")


@both
def det(draw):
    a = draw.square()
    calm = draw.calm(a)
    singular = f"np.linalg.svd({calm.replace('f.', 'np.')}, compute_uv=False)"
    return Written(f"f.det({calm})", (f"0.02 * {singular}",))


@step
def slogdet(draw):
    return Written(f"f.slogdet({regular(draw, draw.square())})[1]")


@step
def cholesky(draw):
    return Written(f"f.cholesky({positive_definite(draw, draw.square())})")


@both
def trace(draw):
    return Written(f"f.trace({draw.square()})")


@both
def matrix_power(draw):
    a = draw.square()
    return Written(f"f.matrix_power(0.5 * {a}, {draw.between(2, 3)})")


@step
def svdvals(draw):
    a = draw.value(2, 2)
    gaps = f"np.diff(np.linalg.svd({a}, compute_uv=False))"
    return Written(f"f.svdvals({a})", (gaps, f"np.linalg.svd({a}, compute_uv=False)"))


@step
def eigvalsh(draw):
    a = draw.square(2)
    symmetric = f"({a} + f.swapaxes({a}, -1, -2))"
    return Written(f"f.eigvalsh({symmetric})", (f"np.diff(np.linalg.eigvalsh({a} + {a}.T))",))


@step
def pinv(draw):
    a = draw.value(2, 2)
    return Written(f"f.pinv({a})", (f"np.linalg.svd({a}, compute_uv=False) / 100",))


@step
def qr(draw):
    a = draw.value(2, 2)
    if draw.shape(a)[0] < draw.shape(a)[1]:
        return None
    factor = draw.one(["f.absolute(f.qr({})[0])", "f.square(f.qr({})[1])"]).format(a)
    singular = f"np.linalg.svd({a}, compute_uv=False) / 30"
    return Written(factor, (singular, f"np.linalg.qr({a})[0]"))


# Fourier


@step
def rfft(draw):
    a = draw.value(1)
    return Written(f"f.{draw.one(['real', 'imag'])}(f.rfft({a}, axis={draw.axis(a)}))")


@step
def irfft_of_rfft(draw):
    a = draw.value(1)
    axis = draw.axis(a)
    return Written(f"f.irfft(f.rfft({a}, axis={axis}) * (0.5 + 0.2j), n={draw.between(2, 5)},"
                   f" axis={axis})")  # fmt: skip


@step
def fft_filter(draw):
    a = draw.value(1)
    n, norm = draw.one([None, 3, 4]), draw.one([None, "ortho", "forward"])
    axis = draw.axis(a)
    return Written(
        f"f.real(f.ifft(f.fft({a}, {n}, axis={axis}, norm={norm!r}) ** 2, axis={axis})) * 0.3"
    )


@step
def power_spectrum(draw):
    return Written(f"0.1 * f.square(f.absolute(f.fft2({draw.value(2)}) + (8 + 3j)))")
