"""given_gradients: a function, made a property test of its gradients."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from hypothesis.control import current_build_context

from ..backward import gradients
from ..containers import filled, leaves
from ..errors import ArgumentError
from ..node import leaf
from ..tensor import Tensor, with_node
from .check_grads import check_grads
from .failures import CheckFailed, Inconclusive
from .posing import name_of, parameters_of, positions
from .strategies import arrays
from .verdict import brief

LARGEST_SIDE = 4
# What check_grads takes beside a function and its arguments.
OPTIONS = frozenset(inspect.signature(check_grads).parameters) - {"function", "args", "kwargs"}


def given_gradients(*strategies: Any, **named: Any) -> Callable[[Callable[..., Any]], Any]:
    """A test that the derivatives of a function are right, at arguments that Hypothesis draws.

    strategies: for the last of the function's parameters that are not named, in their order, as for
        `hypothesis.given`; those before are left to pytest, for `self` and fixtures. Each is
        a strategy, such as `tg.testing.strategies.arrays(away_from=[0])`;
        a shape, as `(3, 4)`, `3` or `("n", "k")`, where a letter is one size in all of them;
        a floating dtype, as `np.float32`, for arrays of any shape; or
        an array or tensor, for that one.
    named: the same by the name of a parameter. All other keywords are options of
        `tg.testing.check_grads`: `order=1`, `modes=("reverse",)`, ….

    The function returns what is to be differentiated: a tensor, or several. It is differentiated
    by every floating array and tensor that was drawn, also inside tuples and dicts; integers, axes
    and the like it gets as they are. argnums=0, or (0, 2), says by which of the drawn arguments;
    labels, say, are to be left out. Examples at a kink, or where differences are too noisy to say
    anything, are passed over by `assume`; with kinks="skip" only the elements at kinks are. An
    array that is not in C order is also compared with its copy that is.
    Settings of Hypothesis apply as usual: a profile, or `@settings(max_examples=500)` above this,
    where deadline=None belongs too, as first calls compile. Without `@settings` Hypothesis's own
    default deadline does not apply, nor does its explaining phase.
    Raises ArgumentError for what is no strategy, more of them than parameters, or, in the test, if
    nothing drawn has a derivative; in the test GradientMismatch, an AssertionError, or CheckFailed.

    >>> @tg.testing.given_gradients(("n", "k"), ("k",), order=2)
    ... def test_my_layer(x, w):
    ...     return my_layer(x, w)
    """
    if len(strategies) == 1 and inspect.isroutine(strategies[0]):
        raise ArgumentError(
            f"given_gradients: {strategies[0].__name__} came for a strategy; it is written with "
            "parentheses, and a strategy or a shape in them: @tg.testing.given_gradients((3, 4))"
        )

    def decorate(function: Callable[..., Any]) -> Any:
        drawn, options = _sorted(function, strategies, named)
        # Hypothesis wants no defaults: arguments that have one, and were not named, keep it.
        asked = inspect.Signature(
            [
                p.replace(default=p.empty)
                for p in parameters_of(function)
                if p.default is p.empty or p.name in drawn
            ]
        )

        @functools.wraps(function)
        def holds(*args: Any, **kwargs: Any) -> None:
            given = asked.bind(*args, **kwargs).arguments
            values = {name: given.pop(name) for name in drawn}
            bound = functools.partial(function, **given) if given else function
            # What is wrong is asked of the smallest example only, which is run once more.
            with nullcontext() if current_build_context().is_final else brief():
                check(bound, values, name_of(function), options)

        holds.__signature__ = asked  # type: ignore[attr-defined]
        return _unhurried(given(**drawn)(holds))

    return decorate


def _unhurried(test: Callable[..., Any]) -> Callable[..., Any]:
    """The test without two of Hypothesis's own defaults; what somebody chose stays.

    A first example compiles every operation that it meets, and would fail its deadline of 200 ms
    for being slow. To explain a failure Hypothesis runs it hundreds of times more, for the better
    part of a minute, to name lines of the check that failing examples run.
    """
    chosen, plain = settings(), settings.get_profile("default")
    changes: dict[str, Any] = {}
    if chosen.deadline == plain.deadline:
        changes["deadline"] = None
    if chosen.phases == plain.phases:
        changes["phases"] = [phase for phase in plain.phases if phase is not Phase.explain]
    if not changes:
        return test
    unhurried: Callable[..., Any] = settings(**changes)(test)
    # Else a further @settings, of the user, would be refused as the second.
    vars(unhurried).pop("_hypothesis_internal_settings_applied", None)
    return unhurried


def check(
    function: Callable[..., Any], drawn: Mapping[str, Any], name: str, options: Mapping[str, Any]
) -> None:
    """Check the gradients of a function of these arguments by the arrays among them."""
    options = {"kinks": "assume", **options}
    argnums = options.pop("argnums", None)
    wanted = positions("given_gradients", argnums, len(drawn))
    chosen = {
        argument: value
        for i, (argument, value) in enumerate(drawn.items())
        if i in wanted and _arrays(value)
    }
    if not chosen:
        raise ArgumentError(
            f"given_gradients: {name}: nothing that was drawn for {', '.join(drawn)} has a "
            "derivative; it needs a floating array"
        )
    others = {argument: value for argument, value in drawn.items() if argument not in chosen}

    def called(*values: Any) -> Any:
        return function(**dict(zip(chosen, values, strict=True)), **others)

    # Messages name the function and its arguments.
    called.__name__ = name
    own = [inspect.Parameter(x, inspect.Parameter.POSITIONAL_ONLY) for x in chosen]
    called.__signature__ = inspect.Signature(own)  # type: ignore[attr-defined]
    try:
        if _is_called_by_position(function, drawn, others):
            # As it is, for the program that shows a failure.
            check_grads(function, *drawn.values(), **options)
        else:
            check_grads(called, *chosen.values(), **options)
    except Inconclusive:
        assume(False)
    check_layouts(called, list(chosen.values()))


def _is_called_by_position(
    function: Callable[..., Any], drawn: Mapping[str, Any], others: Mapping[str, Any]
) -> bool:
    """Whether check_grads, given all that was drawn, differentiates what is wanted and no more."""
    bound = isinstance(function, functools.partial)
    values = [x for value in others.values() for _, x in leaves(value, "")]
    numbers = any(isinstance(x, (float, complex)) or _is_array(x) for x in values)
    first = [p.name for p in positional(function)[: len(drawn)]]
    return not bound and not numbers and first == list(drawn)


def check_layouts(function: Callable[..., Any], args: list[Any]) -> None:
    """Raise CheckFailed if value or gradients hang on how the arrays lie in memory."""
    given = [leaf for arg in args for leaf in _arrays(arg)]
    if all(x.flags.c_contiguous for x in given):
        return
    plain = _pulled(function, args, [np.array(x, order="C") for x in given])
    for (what, found), (_, wanted) in zip(_pulled(function, args, given), plain, strict=True):
        scale = np.abs(wanted).max(initial=0)
        if found.shape != wanted.shape or not np.allclose(
            found, wanted, rtol=0, atol=1e3 * np.finfo(wanted.dtype).eps * max(scale, 1)
        ):
            strides = ", ".join(f"{x.shape} with strides {x.strides}" for x in given)
            raise CheckFailed(
                f"given_gradients: {what} of {function.__name__} hangs on how its arguments lie in "
                f"memory. For arrays of shape {strides}\n{found}\n"
                f"and for copies of them in C order\n{wanted}"
            )


def _pulled(
    function: Callable[..., Any], args: list[Any], arrays: list[Any]
) -> list[tuple[str, Any]]:
    """The outputs for these arrays in place of those in args, and the gradients of their sum."""
    tensors = [with_node(x if x.ndim else x[()], leaf(x, None)) for x in arrays]
    supply = iter(tensors)
    values = [
        filled(arg, [next(supply) if _is_array(x) else x for _, x in leaves(arg, "")])
        for arg in args
    ]
    outputs = [y for _, y in leaves(function(*values), "") if _is_array(y)]
    tracked = [y for y in outputs if type(y) is Tensor and y.requires_grad]
    ones = [np.ones(y.shape, y.dtype) for y in tracked]
    found = gradients(tracked, tensors, ones) if tracked else ()
    return [
        *(("the value", np.asarray(y.numpy() if type(y) is Tensor else y)) for y in outputs),
        *(("a gradient", g.numpy()) for g in found if g is not None),
    ]


def _arrays(argument: Any) -> list[Any]:
    """The floating arrays in an argument."""
    found = [x for _, x in leaves(argument, "") if _is_array(x)]
    return [np.asarray(x.value if type(x) is Tensor else x) for x in found]


def _is_array(x: Any) -> bool:
    return isinstance(x, (np.ndarray, np.floating, Tensor)) and x.dtype.kind in "fc"


def _sorted(
    function: Callable[..., Any], strategies: tuple[Any, ...], named: Mapping[str, Any]
) -> tuple[dict[str, st.SearchStrategy[Any]], dict[str, Any]]:
    """Strategies by parameter, and the options of the check."""
    name = name_of(function)
    if inspect.iscoroutinefunction(function):
        raise ArgumentError(
            f"given_gradients: {name} is a coroutine function; write a def that returns tensors, "
            "with asyncio.run in it"
        )
    # Arguments with defaults keep them, unless they are named.
    ordered = [p.name for p in positional(function) if p.default is p.empty]
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    known = {p.name for p in parameters_of(function) if p.kind in by_name}
    left = [argument for argument in ordered if argument not in named]
    if len(strategies) > len(left):
        raise ArgumentError(
            f"given_gradients: {len(strategies)} strategies for {name}, which takes "
            f"({', '.join(ordered)}) by name"
            + (f", of which {', '.join(set(ordered) - set(left))} are named" if named else "")
            + "; any other function can be called in a def that takes such arguments"
        )
    last = left[len(left) - len(strategies) :]
    chosen = dict(zip(last, strategies, strict=True))
    chosen |= {argument: named[argument] for argument in named if argument in known}
    if not chosen:
        raise ArgumentError(
            f"given_gradients: no strategy for any argument of {name}; give one, or a shape, as in "
            '@tg.testing.given_gradients((3, 4)) or given_gradients(("n", "k"))'
        )
    options = {option: value for option, value in named.items() if option not in known}
    for option in options.keys() - OPTIONS:
        raise ArgumentError(
            f"given_gradients: {option}={options[option]!r}, but {name} takes "
            f"({', '.join(sorted(known))}), and check_grads {', '.join(sorted(OPTIONS))}"
        )
    names = [p.name for p in parameters_of(function) if p.name in chosen]
    return {name: strategy(chosen[name], name) for name in names}, options


def positional(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters that it takes by position, and by name too."""
    return [p for p in parameters_of(function) if p.kind is p.POSITIONAL_OR_KEYWORD]


def strategy(spec: Any, argument: str) -> st.SearchStrategy[Any]:
    """The strategy that is meant: itself, or arrays of a shape or a dtype, or one array."""
    if isinstance(spec, st.SearchStrategy):
        return spec
    if isinstance(spec, (np.ndarray, Tensor)):
        return st.just(spec)
    if isinstance(spec, int) and not isinstance(spec, bool):
        return arrays(spec)
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
