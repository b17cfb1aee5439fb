"""A case of the registry's tests, by tinygraph and by a peer, and how the two differ."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from cases import Case
from conventions import OPERANDS, OUTPUTS
from counterparts import jax_function, torch_function
from engines import Derivatives, by_jax, by_tinygraph, by_torch, smooth

import tinygraph as tg

jax.config.update("jax_enable_x64", True)

PEERS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "torch": (torch_function, by_torch),
    "jax": (jax_function, by_jax),
}
# Rounding of a float64 computation of some dozens of steps, relative to the largest number.
TOLERANCE = 1e-9


class Difference(NamedTuple):
    """What differs: a value, a gradient of order 1, or of order 2."""

    what: str
    ours: Any
    theirs: Any


def operands(case: Case, *, imaginary: bool) -> list[Any]:
    """The arrays of the registry's own tests, with imaginary parts if they are wanted."""
    arrays = case.arrays()
    if imaginary:
        rng = case.random()
        arrays = [np.asarray(x + 1j * rng.uniform(0.2, 0.7, x.shape)) for x in arrays]
    return arrays


def compare(case: Case, peer: str, *, imaginary: bool = False) -> list[Difference] | None:
    """All differences; None where the peer cannot do it, or NumPy itself cannot."""
    named, derive = PEERS[peer]
    theirs = named(case)
    if theirs is None or not case.places:
        return None
    xs = operands(case, imaginary=imaginary)
    before = OPERANDS.get(case.name, lambda *xs: xs)
    after = OUTPUTS.get(case.name, lambda *ys: ys)

    def outputs(function: Any, values: Any) -> Any:
        return after(*case.outputs(function, before(*values)))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        try:
            mine = [*outputs(case.function, [*map(tg.tensor, xs)])]
        except (TypeError, np.exceptions.ComplexWarning):
            return None
    rng = case.random()
    cts = [_like(rng, y.numpy()) for y in mine if smooth(y)]
    rs = [_like(rng, x) for x in xs]
    try:
        other = derive(lambda *v: outputs(theirs, v), xs, cts, rs)
    except Exception:  # noqa: BLE001 - each library has errors of its own
        return None
    own = by_tinygraph(lambda *v: outputs(case.function, v), xs, cts, rs)
    return [*_differences(own, other)]


def _like(rng: np.random.Generator, x: Any) -> Any:
    real = rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1, 1], x.shape)
    return np.asarray(real + 1j * rng.uniform(-1, 1, x.shape) if x.dtype.kind == "c" else real)


def _differences(own: Derivatives, other: Derivatives) -> Any:
    for what, mine, theirs in zip(own._fields, own, other, strict=True):
        if len(mine) != len(theirs):
            yield Difference(f"{what}: how many", len(mine), len(theirs))
            continue
        for a, b in zip(mine, theirs, strict=True):
            largest = max(1.0, np.abs(a).max(initial=0), np.abs(b).max(initial=0))
            if a.shape != b.shape or not np.allclose(
                a, b, rtol=0, atol=TOLERANCE * largest, equal_nan=True
            ):
                yield Difference(what, a, b)
