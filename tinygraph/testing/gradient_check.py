"""The course's gradient check: backpropagation beside two-sided differences of the loss."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backward import gradients
from ..errors import ArgumentError, BackwardError
from ..graph import graph
from ..modes import no_grad
from ..tensor import Tensor

# Up to which ratio each verdict goes, for float64; Course 2, week 1.
VERDICTS = (
    (1e-7, "right"),
    (1e-5, "probably right; look at the worst component"),
    (1e-3, "doubtful: a wrong rule, or a kink near by"),
    (math.inf, "wrong"),
)


# Differences in float32 are no better than this.
COARSE = ((1e-3, "right, as far as float32 shows"), (math.inf, "wrong"))


class NotRepeatable(UserWarning):
    """The loss differs between two calls with the same parameters, so differences mean nothing."""


@dataclass(frozen=True)
class GradientCheck:
    """What `gradient_check` found; its text says it in words.

    ratio       ‖g_approx − g‖ / (‖g_approx‖ + ‖g‖) over all components that were compared
    verdict     that ratio in a word
    components  how many were compared
    parameter   name of the parameter with the largest difference
    index       where in it
    analytic    the derivative there, by backpropagation
    numeric     and by differences
    ratios      the ratio of each parameter by itself
    hint        more that is known of the case, or ""
    """

    ratio: float
    verdict: str
    components: int
    parameter: str
    index: tuple[int, ...]
    analytic: complex
    numeric: complex
    ratios: dict[str, float]
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.parameter}[{', '.join(map(str, self.index))}]"
        where = where if self.index else self.parameter
        lines = [
            f"gradient check: ratio {self.ratio:.1e} over {self.components:,} components: "
            f"{self.verdict}",
            f"largest difference at {where}: backward {self.analytic:.9g}, "
            f"differences {self.numeric:.9g}",
        ]
        worst = sorted(self.ratios.items(), key=lambda item: -item[1])
        if len(worst) > 1:
            lines.append("by parameter: " + ", ".join(f"{name} {r:.1e}" for name, r in worst[:6]))
        return "\n".join([*lines, self.hint] if self.hint else lines)


def gradient_check(
    loss_fn: Callable[[], Tensor],
    parameters: Iterable[Tensor] | Mapping[str, Tensor],
    *,
    components: int | None = None,
    seed: int = 0,
) -> GradientCheck:
    """‖g_approx − g‖ / (‖g_approx‖ + ‖g‖), with g_approx[i] = (J(θᵢ + h) − J(θᵢ − h)) / 2h.

    loss_fn: takes nothing and returns the loss, a real scalar computed from the parameters.
    parameters: `model.parameters()`, `model.named_parameters()`, or leaves in a list or dict.
    components: how many of each parameter to compare, drawn at random from `seed`; None: all.

    About 1e-7 or less is right, 1e-5 wants a look, 1e-3 or more is wrong. The step is
    h = ε^(1/3) · max(1, |θᵢ|), at which truncation and rounding balance. The ratios are those of
    float64; differences in float32 are only good to about 1e-3: less is right as far as they show.
    Values, gradients and requires_grad of the parameters are afterwards what they were.
    Warns with NotRepeatable if two calls of loss_fn differ, as they do with dropout on.
    Raises ArgumentError for no parameters, or what is not a floating leaf or a scalar loss.
    Course 2, week 1.

    >>> w = tg.Variable(3.0, name="w")
    >>> print(tg.testing.gradient_check(lambda: w**2 - 10 * w + 25, [w]).verdict)
    right
    """
    if not callable(loss_fn):
        raise ArgumentError(
            f"gradient_check: {type(loss_fn).__name__} came for loss_fn; it needs a function that "
            "computes the loss anew, such as lambda: loss(model(X), y), and after it the parameters"
        )
    named = _named(parameters)
    loss = _loss(loss_fn)
    _check_repeatable(loss_fn, loss)
    leaves = list(named.values())
    # Before any parameter moves, after which the graph would be stale.
    found = gradients(loss, leaves) if loss.node is not None else (None,) * len(leaves)
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, tuple[int, ...], complex, complex]] = []
    for (name, leaf), gradient in zip(named.items(), found, strict=True):
        analytic = np.zeros(leaf.shape) if gradient is None else gradient.numpy()
        for index in _indices(leaf.shape, components, rng):
            numeric = _difference(loss_fn, leaf, index)
            rows.append((name, index, analytic[index].item(), numeric))
    coarse = any(np.finfo(leaf.dtype).eps > 1e-10 for leaf in leaves)
    return _report(rows, _hint(named, found, rows), coarse)


def _named(parameters: Any) -> dict[str, Tensor]:
    """Leaves by name: what they are called, or their position."""
    if hasattr(parameters, "named_parameters"):
        parameters = parameters.named_parameters()
    pairs: list[tuple[str | None, Any]] = []
    if isinstance(parameters, Mapping):
        pairs.extend(parameters.items())
    elif isinstance(parameters, Tensor):
        pairs.append((None, parameters))
    else:
        for entry in parameters:
            pairs.append(entry if isinstance(entry, tuple) else (None, entry))
    named: dict[str, Tensor] = {}
    for i, (given, leaf) in enumerate(pairs):
        if type(leaf) is not Tensor or not leaf.is_leaf or leaf.node is None:
            came = leaf.described() if type(leaf) is Tensor else type(leaf).__name__
            raise ArgumentError(
                f"gradient_check: parameter {i} is {came}; it needs leaves that require grad, "
                "such as model.parameters()"
            )
        name = given or leaf.name or f"parameter {i}"
        named[name if name not in named else f"{name} ({i})"] = leaf
    if not named:
        raise ArgumentError(
            "gradient_check: no parameters came; if they are a generator, it can be used only "
            "once, so call model.parameters() again"
        )
    return named


def _loss(loss_fn: Callable[[], Tensor]) -> Tensor:
    loss: Any = loss_fn()
    if type(loss) is not Tensor or loss.size != 1 or loss.dtype.kind != "f":
        came = f"{loss.described()}, {loss.dtype}" if type(loss) is Tensor else type(loss).__name__
        raise ArgumentError(
            f"gradient_check: loss_fn returned {came}; it must return the loss, a real scalar "
            "tensor; reduce it with .sum() or .mean()"
        )
    return loss


def _check_repeatable(loss_fn: Callable[[], Tensor], loss: Tensor) -> None:
    again = _loss(loss_fn)
    if np.array_equal(loss.numpy(), again.numpy(), equal_nan=True):
        return
    random = loss.node is not None and any(
        node.operation == "dropout" for node in graph(loss).nodes
    )
    fix = (
        "dropout is on: call model.eval(), or set its rate to 0"
        if random
        else "it must draw no new random numbers or batches; seed its generator in each call"
    )
    warnings.warn(
        f"gradient_check: loss_fn returned {loss.item():.9g}, and {again.item():.9g} when called "
        f"again; {fix}",
        NotRepeatable,
        stacklevel=3,
    )


def _indices(
    shape: tuple[int, ...], count: int | None, rng: np.random.Generator
) -> Iterator[tuple[int, ...]]:
    size = math.prod(shape)
    if count is None or count >= size:
        yield from np.ndindex(shape)
        return
    for flat in np.sort(rng.choice(size, count, replace=False)):
        yield tuple(int(i) for i in np.unravel_index(flat, shape))


def _difference(loss_fn: Callable[[], Tensor], leaf: Tensor, index: tuple[int, ...]) -> complex:
    """dJ by the real part of one component, plus i times that by its imaginary part."""
    old = leaf.numpy().copy()
    unit = np.finfo(leaf.dtype).eps ** (1 / 3) * max(1.0, abs(old[index].item()))
    steps = (unit, 1j * unit) if leaf.dtype.kind == "c" else (unit,)
    slopes = []
    try:
        for step in steps:
            ends = [_moved(loss_fn, leaf, old, index, by) for by in (step, -step)]
            (above, high), (below, low) = ends
            # The distance as it came out after rounding.
            slopes.append((high - low) / abs(above - below))
    finally:
        leaf.assign(old)
    return complex(*slopes) if len(slopes) == 2 else slopes[0]


def _moved(
    loss_fn: Callable[[], Tensor],
    leaf: Tensor,
    old: NDArray[Any],
    index: tuple[int, ...],
    by: complex,
) -> tuple[complex, float]:
    moved = old.copy()
    moved[index] += by
    leaf.assign(moved)
    with no_grad():
        return moved[index].item(), float(_loss(loss_fn).item())


def _report(rows: list[Any], hint: str, coarse: bool) -> GradientCheck:
    if not rows:
        raise BackwardError("gradient_check: the parameters are empty; there is nothing to compare")
    ratios: dict[str, float] = {}
    for name in dict.fromkeys(row[0] for row in rows):
        ratios[name] = _ratio([row for row in rows if row[0] == name])
    ratio = _ratio(rows)
    name, index, analytic, numeric = max(rows, key=_error)
    verdict = next(
        (word for limit, word in (COARSE if coarse else VERDICTS) if ratio <= limit),
        "wrong: not finite",
    )
    return GradientCheck(ratio, verdict, len(rows), name, index, analytic, numeric, ratios, hint)


def _error(row: Any) -> float:
    error = abs(row[2] - row[3])
    return error if math.isfinite(error) else math.inf


def _ratio(rows: list[Any]) -> float:
    found, wanted = (np.array([row[column] for row in rows]) for column in (2, 3))
    length = float(np.linalg.norm(found) + np.linalg.norm(wanted))
    return float(np.linalg.norm(found - wanted)) / length if length else 0.0


def _hint(named: dict[str, Tensor], found: tuple[Tensor | None, ...], rows: list[Any]) -> str:
    """What is recognisable: parameters left out of the graph, and single precision."""
    moved = {row[0] for row in rows if row[3] != 0}
    cut = [name for name, g in zip(named, found, strict=True) if g is None and name in moved]
    if cut:
        return (
            f"no gradient reaches {', '.join(cut)}, and yet the loss depends on it: the graph was "
            "cut on the way, by .detach(), .numpy() or tg.no_grad()"
        )
    low = [name for name, leaf in named.items() if np.finfo(leaf.dtype).eps > 1e-10]
    if low:
        return (
            f"{named[low[0]].dtype} parameters: their differences are only good to about 1e-3; "
            "check the model in float64, with dtype=np.float64 for its layers and data"
        )
    return ""
