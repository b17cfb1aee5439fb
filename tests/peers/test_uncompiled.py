"""The primitives of JAX that random programs compute by NumPy, beside XLA's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from uncompiled import BY_NUMPY, primitive, uncompiled

jax.config.update("jax_enable_x64", True)

RNG = np.random.default_rng(0)
X = RNG.uniform(0.2, 0.8, (2, 3, 4))
Y = RNG.uniform(0.2, 0.8, (2, 3, 4))
Z = X + 1j * Y
SQUARE = RNG.uniform(0.5, 1.5, (2, 3, 3)) + 1j * RNG.uniform(0.5, 1.5, (2, 3, 3))
BITS = X > 0.5
INTEGERS = np.arange(-6, 6).reshape(3, 4)
DIVISORS = np.array([1, -4, 4, 5])

# Of lax, by the operands they are called with: real or complex, real, two, two complex ones.
ANY = (
    "sin cos tan tanh sinh cosh exp exp2 expm1 log log1p sqrt square sign neg abs atan asin acos "
    "asinh atanh logistic rsqrt"
)
REAL = "floor ceil cbrt is_finite tanh asin"
TWO = "max min rem atan2 lt le gt ge"
TWO_COMPLEX = "add sub mul div pow eq ne"
REDUCTIONS = {"sum": jnp.sum, "prod": jnp.prod, "max": jnp.max, "min": jnp.min}
CUMULATIVE = {"cumsum": lax.cumsum, "cumprod": lax.cumprod, "cummax": lax.cummax}
CUMULATIVE |= {"cummin": lax.cummin}
TRIANGLES = [
    {"left_side": True, "lower": True},
    {"left_side": False, "lower": False},
    {"left_side": True, "lower": False, "transpose_a": True, "unit_diagonal": True},
    {"left_side": False, "lower": True, "transpose_a": True, "conjugate_a": True},
]

CASES = [
    *((name, getattr(lax, name), (x,)) for name in ANY.split() for x in (X, Z)),
    *((name, getattr(lax, name), (X - 0.5,)) for name in REAL.split()),
    ("acosh", lax.acosh, (1 + X,)),
    *((name, getattr(lax, name), (Z,)) for name in ("real", "imag")),
    ("conj", lambda z: lax.conj_p.bind(z, input_dtype=z.dtype), (Z,)),
    ("complex", lax.complex, (X, Y)),
    *((name, getattr(lax, name), (X, Y)) for name in TWO.split()),
    *((name, getattr(lax, name), (Z, Z[::-1])) for name in TWO_COMPLEX.split()),
    ("div", lax.div, (INTEGERS, np.broadcast_to(DIVISORS, (3, 4)))),
    ("rem", lax.rem, (INTEGERS, np.broadcast_to(DIVISORS, (3, 4)))),
    ("not", lax.bitwise_not, (BITS,)),
    ("and", lax.bitwise_and, (BITS, BITS[::-1])),
    ("or", lax.bitwise_or, (BITS, BITS[::-1])),
    ("copy", lax.copy_p.bind, (X,)),
    *(("integer_pow", lambda x, n=n: lax.integer_pow(x, n), (Z,)) for n in (-2, 0, 3)),
    ("select_n", lax.select_n, (BITS, X, Y)),
    ("select_n", lax.select_n, (INTEGERS % 3, X[0], Y[0], X[1])),
    ("convert_element_type", lambda x: lax.convert_element_type(x, np.float32), (X,)),
    ("convert_element_type", lambda x: lax.convert_element_type(x, np.int32), (5 * X,)),
    ("broadcast_in_dim", lambda x: lax.broadcast_in_dim(x, (3, 5, 4), (0, 2)), (X[0],)),
    ("reshape", lambda x: lax.reshape(x, (4, 6)), (X,)),
    ("reshape", lambda x: lax.reshape(x, (4, 6), (2, 0, 1)), (X,)),
    ("squeeze", lambda x: lax.squeeze(x, (0, 2)), (X[:1, :, :1],)),
    ("transpose", lambda x: lax.transpose(x, (2, 0, 1)), (X,)),
    ("rev", lambda x: lax.rev(x, (0, 2)), (X,)),
    ("concatenate", lambda x, y: lax.concatenate([x, y, x], 1), (X, Y)),
    *(("pad", lambda x, w=w: lax.pad(x, 0.5, w), (X[0],))
      for w in ([(1, 2, 0), (0, 1, 2)], [(-1, 1, 1), (2, -2, 1)], [(0, -1, 0), (-1, 0, 3)])),
    ("slice", lambda x: lax.slice(x, (0, 1, 0), (2, 3, 4), (1, 1, 2)), (X,)),
    ("slice", lambda x: lax.slice(x, (1, 0, 2), (2, 2, 4)), (X,)),
    ("split", lambda x: lax.split(x, (1, 3), 2), (X,)),
    ("stack", lambda x, y: jnp.stack([x, y], 1), (X, Y)),
    ("unstack", lambda x: jnp.unstack(x, axis=1), (X,)),
    ("tile", lambda x: jnp.tile(x, (2, 1, 3)), (X,)),
    ("iota", lambda: lax.broadcasted_iota(np.int32, (2, 3), 1), ()),
    ("dot_general", lambda x, y: lax.dot_general(x, y, (((2,), (2,)), ((0,), (0,)))), (Z, Z)),
    ("dot_general", lambda x, y: lax.dot_general(x, y, (((1, 0), (1, 0)), ((), ()))), (X, Y)),
    ("dot_general", lambda x, y: lax.dot_general(x, y, (((0,), (1,)), ((2, 1), (2, 0)))),
        (X, np.ones((3, 2, 4, 5)))),
    *((f"reduce_{name}", lambda x, f=f: f(x, axis=(0, 2)), (X,)) for name, f in REDUCTIONS.items()),
    *((f"reduce_{name}", lambda x, f=f: f(x, axis=(0, 2)), (BITS,))
      for name, f in (("and", jnp.all), ("or", jnp.any))),
    *((name, lambda x, f=f, r=r: f(x, axis=1, reverse=r), (X,))
      for name, f in CUMULATIVE.items() for r in (False, True)),
    *(("triangular_solve", lambda a, k=k: lax.linalg.triangular_solve(a, a, **k), (SQUARE,))
      for k in TRIANGLES),
]  # fmt: skip


@pytest.mark.parametrize(("name", "function", "operands"), CASES, ids=[c[0] for c in CASES])
def test_a_primitive_is_as_xla_has_it(name, function, operands, monkeypatch):
    wanted = function(*map(jnp.asarray, operands))
    used = []
    ours = BY_NUMPY[name]
    monkeypatch.setitem(BY_NUMPY, name, lambda *x, **k: used.append(name) or ours(*x, **k))
    with uncompiled():
        found = function(*map(jnp.asarray, operands))
    assert used
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_every_primitive_of_the_table_is_compared():
    assert {name for name, *_ in CASES} == BY_NUMPY.keys()


def test_afterwards_jax_is_as_it_was():
    before = {name: primitive(name).impl for name in BY_NUMPY}
    with uncompiled():
        assert primitive("add").impl is not before["add"]
    assert {name: primitive(name).impl for name in BY_NUMPY} == before
    assert not jax.config.jax_disable_jit
