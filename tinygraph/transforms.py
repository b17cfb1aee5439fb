"""From functions to functions: `grad`, `vjp`, `jvp` and their kin, which nest to any order.

Each takes a function of tensors and differentiates it where it is called. What it differentiates
with respect to are whole arguments, chosen by `argnums`: tensors, arrays, numbers, or containers of
these (dicts, tuples, lists, namedtuples, dataclasses). Gradients come in the same containers.

Complex numbers: with z = x + iy, the gradient of a real L is ∂L/∂x + i·∂L/∂y, as PyTorch's; JAX has
its conjugate. `vjp` is the adjoint of `jvp` with respect to Re(conj(a)·b). `jvp` is free of such a
choice: it is the limit of (f(z + ht) − f(z)) / h for real h.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from .application import Application, Argnums, arguments, check_callable
from .containers import filled
from .errors import ArgumentError
from .linear import Linear


def grad(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """The function that computes ∇f, the gradient of a real scalar f, at its arguments.

    argnums: the positional argument to differentiate with respect to, or several; then the
        gradients come as a tuple. An argument may be a container (dict, tuple, list, namedtuple,
        dataclass); its gradient is the same container of gradients.
    has_aux: the function returns (f, aux), and the new one (∇f, aux); aux is anything.
    Gradients have their argument's shape and dtype, zero where f does not depend on it.

    >>> cube = lambda x: x**3
    >>> tg.grad(tg.grad(tg.grad(cube)))(2.0)
    tensor(6.)
    >>> tg.grad(lambda p: (p["w"] * 3 + p["b"]) ** 2)({"w": 2.0, "b": 1.0})
    {'w': tensor(42.), 'b': tensor(14.)}

    Raises ShapeError where the function does not return a scalar, DTypeError where it does not
    return a Tensor or a leaf of an argument is not floating, ArgumentError for argnums that the
    call does not have.
    """
    return gradient_of("grad", function, argnums, has_aux)


def gradient_of(
    operation: str, function: Callable[..., Any], argnums: Argnums, has_aux: bool
) -> Callable[..., Any]:
    """`grad`, under the name of the operation that asks for it."""
    both = _value_and_grad(operation, function, argnums, has_aux)

    @functools.wraps(function)
    def gradient(*args: Any, **keywords: Any) -> Any:
        value, found = both(*args, **keywords)
        return (found, value[1]) if has_aux else found

    return gradient


def value_and_grad(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """The function that computes (f, ∇f) at its arguments; with has_aux, ((f, aux), ∇f).

    See `grad`.

    >>> tg.value_and_grad(lambda w: w**2 - 10 * w + 25)(0.0)
    (tensor(25.), tensor(-10.))
    """
    return _value_and_grad("value_and_grad", function, argnums, has_aux)


def _value_and_grad(
    operation: str, function: Callable[..., Any], argnums: Argnums, has_aux: bool
) -> Callable[..., tuple[Any, Any]]:
    check_callable(operation, function)

    @functools.wraps(function)
    def both(*args: Any, **keywords: Any) -> tuple[Any, Any]:
        applied = Application(operation, function, args, keywords, argnums, has_aux)
        applied.check_scalar()
        found = applied.arranged(applied.pull())
        value = applied.value_outside()
        return ((value, applied.aux_outside()) if has_aux else value), found

    return both


def vjp(
    function: Callable[..., Any], *primals: Any, argnums: Argnums = None, has_aux: bool = False
) -> Any:
    """(f(x), pull), where pull(c) is the vector-Jacobian product cᵀ·J: the reverse mode.

    primals: the arguments of the function. argnums: the differentiated ones; None: all.
    has_aux: the function returns (f, aux); then (f, pull, aux) is returned.
    pull: takes a cotangent of the value's shape, for a value in containers the same containers of
        cotangents. It returns a tuple of gradients, one for each argument (for an int `argnums` the
        gradient itself). It can be called again: what it needs is kept as long as it lives.
    For complex values cᵀ·J is conj(Jᵀ)·c. Arguments by keyword: use `functools.partial`.

    >>> y, pull = tg.vjp(lambda a, b: a * b, np.array([1.0, 2.0]), 3.0)
    >>> pull(np.array([1.0, 10.0]))
    (tensor([ 3., 30.]), tensor(21.))

    Raises as `grad` does, but for the value's shape; pull raises ShapeError or ArgumentError for
    a cotangent that does not fit the value.
    """
    check_callable("vjp", function)
    applied = Application("vjp", function, primals, {}, argnums, has_aux)

    def pull(*cotangent: Any) -> Any:
        """The gradients that belong to a cotangent of the value."""
        if len(cotangent) != 1:
            raise ArgumentError(
                f"vjp: pull takes one cotangent, built as the value is, not {len(cotangent)}"
            )
        cts = applied.cotangents(cotangent[0])
        create = applied.outer and any(ct.node is not None for ct in cts)
        found = applied.pull(cts, retain_graph=True, create_graph=applied.tracked or create)
        return applied.arranged(found)

    value = applied.value_outside()
    return (value, pull, applied.aux_outside()) if has_aux else (value, pull)


def jvp(
    function: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    *,
    argnums: Argnums = None,
    has_aux: bool = False,
) -> Any:
    """(f(x), J·t), the Jacobian-vector product: how f changes as x moves along t; forward mode.

    primals: a tuple of the function's arguments.  tangents: a tuple of one for each that is
        differentiated (`argnums`; None: all), of its shape, or its containers.
    has_aux: the function returns (f, aux); then (f, J·t, aux) is returned.
    The tangent of the value has its shape, dtype and containers. At kinks it is the transpose of
    what the reverse mode takes there. Arguments by keyword: use `functools.partial`.

    It goes back twice: c ↦ Jᵀc is linear in c, so the way back through it is t ↦ Jt
    (j-towns 2017, "A new trick for calculating Jacobian vector products").

    >>> tg.jvp(np.sin, (0.0,), (2.0,))
    (tensor(0.), tensor(2.))

    Raises as `vjp` does; ArgumentError, ShapeError or DTypeError for tangents that do not fit.
    """
    check_callable("jvp", function)
    applied = Application("jvp", function, arguments("jvp", primals), {}, argnums, has_aux)
    given = applied.tangents(tangents)
    create = applied.tracked or (applied.outer and any(t.node is not None for t in given))
    moved = filled(applied.value, Linear(applied).push(given, create_graph=create))
    value = applied.value_outside()
    return (value, moved, applied.aux_outside()) if has_aux else (value, moved)
