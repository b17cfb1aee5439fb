"""Steps of random programs that take matrices apart, and what is made of their parts.

Singular vectors and eigenvectors have a sign of their own: what is taken of them does not depend on
it.
"""

from steps import Written, both, step
from steps_of_products import positive_definite, regular

# Of singular values and eigenvalues, and of the gaps between them: derivatives grow with their
# reciprocals, so that they stay further away from 0 than a kink.
NEAR = 1 / 30


def _apart(values: str) -> tuple[str, ...]:
    return (f"{NEAR} * np.diff({values})",)


def _hermitian(a: str) -> str:
    return f"({a} + f.swapaxes(f.conjugate({a}), -1, -2))"


def _eigenvalues(a: str) -> str:
    return f"np.linalg.eigvalsh({a} + {a}.conj().T)"


def _singular(a: str) -> str:
    return f"np.linalg.svd({a}, compute_uv=False)"


@step
def eigh(draw):
    a = draw.square(2)
    return Written(f"f.square(f.eigh({_hermitian(a)})[1])", _apart(_eigenvalues(a)))


@step
def matrix_function(draw):
    """V g(λ) Vᵀ of a symmetric matrix."""
    a = draw.square(2)
    h = _hermitian(a)
    return Written(
        f"(f.eigh({h})[1] * f.sin(f.eigh({h})[0])) @ f.transpose(f.eigh({h})[1])",
        _apart(_eigenvalues(a)),
    )


@step
def svd(draw):
    a = draw.value(2, 2)
    part = draw.one(["f.square(f.svd({}, full_matrices=False)[0])",
                     "f.square(f.svd({}, full_matrices=False)[2])"])  # fmt: skip
    s = _singular(a)
    return Written(part.format(a), (*_apart(s), f"{NEAR} * {s}"))


@step
def low_rank(draw):
    """The best approximation of rank 1."""
    a = draw.value(2, 2)
    u, s, v = (f"f.svd({a}, full_matrices=False)[{i}]" for i in range(3))
    sizes = _singular(a)
    return Written(f"{u}[:, :1] * {s}[:1] @ {v}[:1]", (*_apart(sizes), f"{NEAR} * {sizes}"))


@both
def eigenvalues_of_any(draw):
    """The largest modulus among those of a matrix that is not symmetric."""
    a = draw.square(2)
    n = draw.shape(a)[-1]
    far = [3.0 * k for k in range(n)]
    spread = f"({draw.calm(a)} + f.eye({n}, {a}, {far}))"
    given = f"{draw.calm(a)} + np.diag({far})".replace("f.", "np.")
    moduli = f"np.sort(abs(np.linalg.eigvals({given})))"
    return Written(f"f.max(f.absolute(f.eigvals({spread}))) * {a}",
                   (f"{NEAR} * np.diff({moduli})", f"{NEAR} * {moduli}"))  # fmt: skip


@step
def nuclear_norm(draw):
    a = draw.value(2, 2)
    s = _singular(a)
    return Written(f"f.matrix_norm({a}, ord='nuc')", (*_apart(s), f"{NEAR} * {s}"))


@step
def spectral_norm(draw):
    a = draw.value(2, 2)
    s = _singular(a)
    return Written(f"f.matrix_norm({a}, ord=2)", (*_apart(s), f"{NEAR} * {s}"))


@both
def frobenius_norm(draw):
    a = draw.value(2)
    return Written(f"f.matrix_norm({a}, keepdims=True) * {a}", (f"np.linalg.matrix_norm({a})",))


@step
def norm_by_rows_or_columns(draw):
    a = draw.value(2, 2)
    order, axis = draw.one([(1, 0), ("np.inf", 1)])
    sums = f"np.abs({a}).sum({axis})"
    return Written(f"f.matrix_norm({a}, ord={order})", (a, f"np.diff(np.sort({sums}))"))


@step
def cond(draw):
    a = draw.square(2)
    n = draw.shape(a)[-1]
    s = _singular(f"np.sin({a}) + {2 + n} * np.eye({n})")
    return Written(f"f.cond({regular(draw, a)})", _apart(s))


@step
def lstsq(draw):
    a = draw.value(2, 2)
    m, n = draw.shape(a)
    if m < n:
        return None
    b = draw.of_shape(draw.one([(m,), (m, 2)]))
    return Written(f"f.lstsq({a}, {b})[0]", (f"{NEAR} * {_singular(a)}",))


@both
def tensorsolve(draw):
    a = draw.of_shape((2, 2, 2, 2))
    one = f"f.reshape(4 * f.eye(4, {a}), (2, 2, 2, 2))"
    return Written(f"f.tensorsolve({draw.calm(a)} + {one}, {draw.of_shape((2, 2))})")


@both
def tensorinv(draw):
    a = draw.of_shape((2, 2, 2, 2))
    one = f"f.reshape(4 * f.eye(4, {a}), (2, 2, 2, 2))"
    return Written(f"f.tensorinv({draw.calm(a)} + {one})")


@both
def multi_dot(draw):
    a = draw.value(2, 2)
    m, n = draw.shape(a)
    return Written(f"0.5 * f.multi_dot([{a}, {draw.of_shape((n, 2))}, {draw.of_shape((2, m))}])")


@both
def complex_cholesky(draw):
    a = draw.square()
    h = (
        positive_definite(draw, a)
        .replace("f.swapaxes(", "f.conjugate(f.swapaxes(")
        .replace(", -1, -2)", ", -1, -2))")
    )
    return Written(f"f.cholesky({h})")


@both
def log_of_determinant(draw):
    a = draw.square(2)
    return Written(f"f.slogdet({regular(draw, a)})[1] * {a}")


@both
def sign_of_determinant(draw):
    a = draw.square(2)
    return Written(f"f.slogdet({regular(draw, a)})[0] * {a}")


@both
def complex_pinv(draw):
    a = draw.value(2, 2)
    return Written(f"f.pinv({a})", (f"{NEAR} * {_singular(a)}",))


@both
def hermitian_eigenvalues(draw):
    a = draw.square(2)
    return Written(f"f.eigvalsh({_hermitian(a)})[0] * {a}", _apart(_eigenvalues(a)))


@both
def singular_values(draw):
    a = draw.value(2, 2)
    s = _singular(a)
    return Written(f"f.svdvals({a})[0] * {a}", (*_apart(s), f"{NEAR} * {s}"))


@both
def squared_moduli_of_vectors(draw):
    a = draw.square(2)
    v = f"f.eigh({_hermitian(a)})[1]"
    return Written(f"f.real({v} * f.conjugate({v})) * {a}", _apart(_eigenvalues(a)))


@both
def squared_moduli_of_factor(draw):
    a = draw.value(2, 2)
    if draw.shape(a)[0] < draw.shape(a)[1]:
        return None
    q = f"f.qr({a})[0]"
    return Written(f"f.real({q} * f.conjugate({q})) * {a}", (f"{NEAR} * {_singular(a)}",))


@both
def cross_of_stacks(draw):
    a = draw.of_shape(draw.one([(3,), (2, 3), (3, 3)]))
    return Written(f"f.cross({a}, {draw.of_shape(draw.shape(a))})")
