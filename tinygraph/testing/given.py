"""given_gradients: a function, made a property test of its gradients."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from ..containers import filled, leaves
from ..errors import ArgumentError
from ..tensor import Tensor
from .strategies import arrays

LARGEST_SIDE = 4


def given_gradients(*strategies: Any, **named: Any) -> Callable[[Callable[..., Any]], Any]:
    """A test that the derivatives of a function are right, at arguments that Hypothesis draws.

    strategies: for the function's last parameters in their order, as for `hypothesis.given`; those
        before are left to pytest, for `self` and fixtures. Each is
        a strategy, such as `tg.testing.strategies.arrays(away_from=[0])`;
        a shape, as `(3, 4)` or `("n", "k")`, where a letter is one size in all of them;
        a floating dtype, as `np.float32`, for arrays of any shape; or
        an array or tensor, for that one.
    named: the same by the name of a parameter. All other keywords are options of
        `tg.testing.check_grads`: `order=1`, `modes=("reverse",)`, ….

    The function returns what is to be differentiated: a tensor, or several. It is differentiated
    by every floating array and tensor that was drawn, also inside tuples and dicts; integers, axes
    and the like it gets as they are. Examples at a kink are passed over, by `assume`.
    Settings of Hypothesis apply as usual, `@settings(max_examples=500)` above this or a profile.
    Raises ArgumentError for what is no strategy, a name that is given twice, or, in the test, if
    nothing drawn has a derivative.

    >>> @tg.testing.given_gradients(("n", "k"), ("k",), order=2)
    ... def test_my_layer(x, w):
    ...     return my_layer(x, w)
    """

    def decorate(function: Callable[..., Any]) -> Any:
        drawn, options = _sorted(function, strategies, named)

        @functools.wraps(function)
        def holds(*args: Any, **kwargs: Any) -> None:
            values = {name: kwargs.pop(name) for name in drawn}
            check(functools.partial(function, *args, **kwargs), values, function.__name__, options)

        return given(**drawn)(holds)

    return decorate


def check(
    function: Callable[..., Any], drawn: Mapping[str, Any], name: str, options: Mapping[str, Any]
) -> None:
    """Check the gradients of a function of these arguments by what in them has derivatives."""
    from . import Kink, check_grads

    parts = {argument: leaves(value, argument) for argument, value in drawn.items()}
    paths = {path: leaf for part in parts.values() for path, leaf in part if _differentiable(leaf)}
    if not paths:
        raise ArgumentError(
            f"given_gradients: {name}: nothing that was drawn for {', '.join(drawn)} has a "
            "derivative; it needs a floating array"
        )

    def of_arrays(*values: Any) -> Any:
        known = dict(zip(paths, values, strict=True))
        arguments = {
            argument: filled(value, [known.get(path, leaf) for path, leaf in parts[argument]])
            for argument, value in drawn.items()
        }
        return function(**arguments)

    # For messages, which name the arguments.
    of_arrays.__name__ = of_arrays.__qualname__ = name
    try:
        check_grads(of_arrays, *paths.values(), **options)
    except Kink:
        assume(False)


def _differentiable(leaf: Any) -> bool:
    return isinstance(leaf, (np.ndarray, np.floating, Tensor)) and leaf.dtype.kind in "fc"


def _sorted(
    function: Callable[..., Any], strategies: tuple[Any, ...], named: Mapping[str, Any]
) -> tuple[dict[str, st.SearchStrategy[Any]], dict[str, Any]]:
    """Strategies by parameter, and the options of the check."""
    name = getattr(function, "__name__", repr(function))
    parameters = inspect.signature(function).parameters.values()
    ordered = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    known = {*ordered, *(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)}
    if len(strategies) > len(ordered):
        raise ArgumentError(
            f"given_gradients: {len(strategies)} strategies for {name}, which takes "
            f"({', '.join(ordered)})"
        )
    last = ordered[len(ordered) - len(strategies) :]
    chosen = dict(zip(last, strategies, strict=True))
    for argument in named.keys() & chosen.keys():
        raise ArgumentError(
            f"given_gradients: {argument!r} of {name} is given twice, by its place and its name"
        )
    chosen |= {argument: named[argument] for argument in named if argument in known}
    if not chosen:
        raise ArgumentError(
            f"given_gradients: no strategy for any argument of {name}; give one, or a shape, as in "
            '@tg.testing.given_gradients((3, 4)) or given_gradients(("n", "k"))'
        )
    options = {option: value for option, value in named.items() if option not in known}
    return {argument: strategy(spec, argument) for argument, spec in chosen.items()}, options


def strategy(spec: Any, argument: str) -> st.SearchStrategy[Any]:
    """The strategy that is meant: itself, or arrays of a shape or a dtype, or one array."""
    if isinstance(spec, st.SearchStrategy):
        return spec
    if isinstance(spec, (np.ndarray, Tensor)):
        return st.just(spec)
    if isinstance(spec, (tuple, list)) and all(isinstance(n, (int, str)) for n in spec):
        return arrays(_sides(spec))
    if isinstance(spec, (type, np.dtype)) and np.issubdtype(spec, np.inexact):
        return arrays(dtype=spec)
    raise ArgumentError(
        f"given_gradients: {spec!r} came for {argument!r}; it needs a strategy of Hypothesis, a "
        'shape such as (3, 4) or ("n", "k"), a floating dtype, or an array; for a constant, '
        "hypothesis.strategies.just(constant)"
    )


def _sides(shape: Iterable[int | str]) -> st.SearchStrategy[tuple[int, ...]]:
    """A shape with letters in it: each stands for the same size wherever it occurs."""
    return st.tuples(
        *(
            st.shared(st.integers(1, LARGEST_SIDE), key=f"tinygraph size {n}")
            if isinstance(n, str)
            else st.just(n)
            for n in shape
        )
    )
