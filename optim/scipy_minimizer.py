"""Full-batch minimisation by the algorithms of SciPy."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

from .parameters import checked_parameters

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRADIENT = ("CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP")
CURVATURE = ("Newton-CG", "trust-ncg", "trust-krylov", "trust-constr")
VALUE = ("Nelder-Mead", "Powell", "COBYLA", "COBYQA")


def minimize_scipy(
    fn: Callable[[], tg.Tensor],
    params: Iterable[tg.Tensor],
    method: str = "L-BFGS-B",
    *,
    bounds: Sequence[tuple[float | None, float | None]] | None = None,
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    **options: Any,
) -> Any:
    """Minimise fn() over the parameters with scipy.optimize.minimize, and leave them there.

    The gradient is derived; for Newton-CG and the trust-region methods so are the products with
    the Hessian.

    fn: takes nothing and returns the cost, a real scalar tensor, computed anew from the parameters
        and always the same way: the whole batch, no dropout.
    params: leaves that require grad: a list, or `model.parameters()`. SciPy has them side by side
        in one float64 vector; a complex one as real and imaginary parts in turn.
    method: the algorithm, as SciPy calls it.
    bounds: (lowest, highest) for each parameter, None for none; for the methods that take them.
    tol, callback: as SciPy takes them.  options: those of the method, such as maxiter=200.
    Returns SciPy's result: `x` the vector, `fun` the cost there, `success`, `message`, `nit`, …
    Raises DomainError where the cost or its gradient is not finite, BackwardError where the cost
    depends on no parameter, ArgumentError for a method that there is not, ImportError without
    SciPy. After an exception, also one of fn, the parameters have the values that they began with.
    Warns of parameters of less than double precision, in which line searches end early.

    >>> w = tg.Variable([-1.2, 1.0])
    >>> result = optim.minimize_scipy(
    ...     lambda: 100 * (w[1] - w[0] ** 2) ** 2 + (1 - w[0]) ** 2, [w]
    ... )
    >>> np.allclose(w, [1, 1], atol=1e-4)
    True
    """
    operation = "minimize_scipy"
    if not callable(fn):
        raise tg.ArgumentError(
            f"{operation}: {type(fn).__name__} came; it needs a function that computes the cost "
            "anew, such as lambda: w**2 - 10 * w + 25"
        )
    name = {m.lower(): m for m in (*GRADIENT, *CURVATURE, *VALUE)}.get(str(method).lower())
    if name is None:
        raise tg.ArgumentError(
            f"{operation}: method={method!r}; it needs one of "
            f"{', '.join((*GRADIENT, *CURVATURE, *VALUE))}"
        )
    try:
        minimize = import_module("scipy.optimize").minimize
    except ImportError as error:
        raise ImportError(
            'minimize_scipy needs SciPy: pip install "tinygraph-autodiff[scipy]"'
        ) from error
    problem = Problem(operation, fn, checked_parameters(operation, params))
    keywords: dict[str, Any] = {"tol": tol, "callback": callback, "options": options}
    if bounds is not None:
        keywords["bounds"] = problem.spread(bounds)
    if name not in VALUE:
        keywords["jac"] = True
    if name in CURVATURE:
        keywords["hessp"] = problem.curvature
    start = problem.vector()
    problem.warn_of_precision()
    try:
        function = problem.value if name in VALUE else problem.value_and_gradient
        result = minimize(function, start, method=name, **keywords)
        problem.assign(result.x)
    except BaseException:
        problem.assign(start)
        raise
    return result


class Problem:
    """A cost and its parameters, as functions of a vector."""

    def __init__(
        self, operation: str, fn: Callable[[], tg.Tensor], parameters: list[tg.Tensor]
    ) -> None:
        self.operation, self.fn, self.parameters = operation, fn, parameters

    def warn_of_precision(self) -> None:
        """Warn of parameters in which small steps are lost."""
        coarse = [p for p in self.parameters if np.finfo(p.dtype).eps > 1e-10]
        if coarse:
            warnings.warn(
                f"{self.operation}: {coarse[0].described()} is {coarse[0].dtype}, and line "
                "searches compare costs more finely than that, so that they may end early; "
                "dtype=np.float64 parameters go on to the minimum",
                stacklevel=3,
            )

    def vector(self) -> NDArray[np.float64]:
        """The values of all parameters."""
        return _joined([parameter.numpy() for parameter in self.parameters])

    def assign(self, x: NDArray[np.float64]) -> None:
        """Give the parameters the values in the vector."""
        for parameter, value in zip(self.parameters, self._split(x), strict=True):
            parameter.assign(value)

    def _split(self, x: NDArray[np.float64]) -> list[NDArray[Any]]:
        parts, start = [], 0
        for parameter in self.parameters:
            complex_valued = parameter.dtype.kind == "c"
            stop = start + parameter.size * (1 + complex_valued)
            part = np.array(x[start:stop], np.float64)
            part = part.view(np.complex128) if complex_valued else part
            parts.append(part.reshape(parameter.shape))
            start = stop
        return parts

    def spread(self, bounds: Any) -> list[Any]:
        """The bounds of each element, from those of each parameter."""
        given = list(bounds)
        if len(given) != len(self.parameters) or any(np.shape(b) != (2,) for b in given):
            raise tg.ArgumentError(
                f"{self.operation}: bounds={bounds!r}; it needs a pair (lowest, highest) for each "
                f"of the {len(self.parameters)} parameters, with None where there is none"
            )
        if any(parameter.dtype.kind == "c" for parameter in self.parameters):
            raise tg.ArgumentError(f"{self.operation}: complex parameters have no bounds")
        return [
            bound for bound, p in zip(given, self.parameters, strict=True) for _ in range(p.size)
        ]

    def cost(self) -> tg.Tensor:
        """The cost for the parameters as they are."""
        cost = self.fn()
        if not isinstance(cost, tg.Tensor):
            raise tg.ArgumentError(
                f"{self.operation}: fn returned {type(cost).__name__}; it must return the cost as "
                "a tensor, computed from the parameters"
            )
        if cost.shape != () or cost.dtype.kind != "f":
            raise tg.ShapeError(
                f"{self.operation}: fn returned a cost of shape {cost.shape} and dtype "
                f"{cost.dtype}; it needs a real scalar, as .sum() or .mean() makes it"
            )
        if not math.isfinite(cost.item()):
            raise tg.DomainError(
                f"{self.operation}: the cost is {cost.item()} for parameters that were tried; "
                "begin nearer, set bounds=, or write the cost so that it stays finite "
                "(tg.explain_nan(cost) tells where that began)"
            )
        return cost

    def value(self, x: NDArray[np.float64]) -> float:
        """The cost alone."""
        self.assign(x)
        with tg.no_grad():
            return float(self.cost().item())

    def value_and_gradient(self, x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """The cost, and its gradient as a vector."""
        self.assign(x)
        cost = self.cost()
        gradient = _joined([g.numpy() for g in self._gradients(cost, create_graph=False)])
        if not np.isfinite(gradient).all():
            raise tg.DomainError(
                f"{self.operation}: the cost is {cost.item()}, but its gradient is not finite; "
                "tg.explain_nan(cost), or a backward inside `with tg.detect_anomaly():`, tells "
                "where that began"
            )
        return float(cost.item()), gradient

    def curvature(self, x: NDArray[np.float64], along: NDArray[np.float64]) -> Any:
        """The Hessian times a vector: how the gradient changes along it."""
        self.assign(x)
        gradients = self._gradients(self.cost(), create_graph=True)
        changing = [(g, c) for g, c in zip(gradients, self._split(along)) if g.requires_grad]
        if not changing:
            return np.zeros_like(x)
        # Of complex numbers, the products of the parts: Re(conj(c) g).
        slopes = [tg.real(g * np.conj(c)).sum() for g, c in changing]
        found = tg.gradients(slopes, self.parameters)
        return _joined([self._or_zeros(g, p) for g, p in zip(found, self.parameters)])

    def _gradients(self, cost: tg.Tensor, *, create_graph: bool) -> list[tg.Tensor]:
        found = tg.gradients(cost, self.parameters, create_graph=create_graph)
        if all(gradient is None for gradient in found):
            raise tg.BackwardError(
                f"{self.operation}: the cost depends on none of the parameters; fn must compute "
                "it from them anew at every call"
            )
        return [
            tg.zeros(p.shape, dtype=p.dtype) if g is None else g
            for g, p in zip(found, self.parameters)
        ]

    @staticmethod
    def _or_zeros(gradient: tg.Tensor | None, parameter: tg.Tensor) -> NDArray[Any]:
        return np.zeros(parameter.shape) if gradient is None else gradient.numpy()


def _joined(arrays: list[NDArray[Any]]) -> NDArray[np.float64]:
    """All elements in one vector; complex ones as real and imaginary parts in turn."""
    wide = [np.asarray(a, np.complex128 if a.dtype.kind == "c" else np.float64) for a in arrays]
    return np.concatenate([a.reshape(-1).view(np.float64) for a in wide])
