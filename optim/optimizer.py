"""Optimizer: what all optimisers share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

import tinygraph as tg

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(slots=True)
class Group:
    """The parameters of one dtype."""

    leaves: tg.FlatLeaves
    positions: list[int]  # among all parameters
    state: tuple[NDArray[Any], ...]  # an array for each slot, with room for all these parameters


class Optimizer:
    """Moves parameters against their gradients; a subclass says how, in `update`.

    The parameters of a dtype lie side by side in one array, and so do their gradients and state
    (`tg.FlatLeaves`): however many they are, a step is a handful of ufunc calls, in place.
    A complex parameter counts as a pair of real ones; its state is complex too.

    params: leaves that require grad: a list, or `model.parameters()`.
    lr: learning rate, above 0. It can be set at any time, as schedules do.

    parameters: the list of them. Another leaf of the same shape and dtype may take a place in it.
    steps: how many have been taken, a NumPy integer of shape ().
    Raises ArgumentError for no parameters, one that comes twice, and anything that is not a leaf
    that requires grad, or for a learning rate that is not a positive number.
    """

    # What there is to set, and what is kept for each parameter; both are in `state_dict`.
    settings: ClassVar[tuple[str, ...]] = ("lr",)
    slots: ClassVar[tuple[str, ...]] = ()

    def __init__(self, params: Iterable[tg.Tensor], lr: float) -> None:
        self.parameters = self._checked(params)
        self.lr = lr
        if not self.lr:
            raise tg.ArgumentError(
                f"{self._name}: lr=0 would change nothing; it needs a positive lr"
            )
        self.steps: Any = np.int64(0)
        positions: dict[np.dtype[Any], list[int]] = {}
        for i, parameter in enumerate(self.parameters):
            positions.setdefault(parameter.dtype, []).append(i)
        self._groups = [self._group(own) for own in positions.values()]

    def _group(self, positions: list[int]) -> Group:
        everyone = len(positions) == len(self.parameters)
        own = self.parameters if everyone else [self.parameters[i] for i in positions]
        leaves = tg.FlatLeaves(own)
        return Group(leaves, positions, tuple(leaves.zeros() for _ in self.slots))

    def update(
        self,
        value: NDArray[Any],
        gradient: NDArray[Any],
        out: NDArray[Any],
        *state: NDArray[Any],
    ) -> None:
        """Leave the parameters' new values in `out`, and move their state on, in place.

        All are 1-d arrays of one length and real dtype: many parameters side by side.
        value, gradient: to be read only.  out: free to compute in.  state: in the order of `slots`.
        """
        raise tg.DeclarationError(
            f"{self._name} has no update; define `def update(self, value, gradient, out, *state):` "
            "in it"
        )

    @property
    def _name(self) -> str:
        return type(self).__name__

    @property
    def lr(self) -> float:
        """Learning rate."""
        return self._lr

    @lr.setter
    def lr(self, lr: Any) -> None:
        self._lr = number(f"{self._name}: lr", lr, 0, np.inf)

    def _checked(self, params: Any) -> list[tg.Tensor]:
        """The parameters as a list, each fit to be optimised."""
        came, fix = f"{params!r}", "it needs a list of tensors, or model.parameters()"
        if isinstance(params, tg.Tensor):
            came, fix = "a single tensor", "pass a list, [tensor]"
        elif hasattr(params, "parameters"):
            came, fix = f"a {type(params).__name__}", "pass its .parameters()"
        elif isinstance(params, Mapping):
            came, fix = "a dict", "pass its .values()"
        elif callable(params):
            came, fix = "a function", "call it, as in model.parameters()"
        elif isinstance(params, Iterable):
            came = ""
        if came:
            raise tg.ArgumentError(f"{self._name}: params is {came}; {fix}")
        parameters = list(params)
        if not parameters:
            raise tg.ArgumentError(
                f"{self._name}: no parameters came; if they are a generator, it can be used only "
                "once, so call model.parameters() again"
            )
        seen: dict[int, int] = {}
        for i, parameter in enumerate(parameters):
            self._check_parameter(i, parameter)
            if id(parameter) in seen:
                raise tg.ArgumentError(
                    f"{self._name}: parameter {i} ({parameter.described()}) is parameter "
                    f"{seen[id(parameter)]} again, and would be moved twice a step; pass it once"
                )
            seen[id(parameter)] = i
        return parameters

    def _check_parameter(self, i: int, parameter: Any) -> None:
        if not isinstance(parameter, tg.Tensor):
            came, fix = type(parameter).__name__, "it needs a tensor that requires grad"
            if isinstance(parameter, tuple):
                fix = "pass model.parameters(), without their names"
            elif isinstance(parameter, Iterator):
                fix = "join the parameters of several models, [*a.parameters(), *b.parameters()]"
            elif hasattr(parameter, "parameters"):
                fix = "pass its .parameters()"
            raise tg.ArgumentError(f"{self._name}: parameter {i} is {came}; {fix}")
        if not parameter.requires_grad:
            raise tg.ArgumentError(
                f"{self._name}: parameter {i} ({parameter.described()}) does not require grad; "
                "make it with tg.Variable(...) or tg.tensor(..., requires_grad=True)"
            )
        if not parameter.is_leaf:
            raise tg.ArgumentError(
                f"{self._name}: parameter {i} ({parameter.described()}) was computed, and only a "
                "leaf can be moved; pass the tensor it was computed from. If it was w[0] = 5 that "
                "made it so, write that inside `with tg.no_grad():`"
            )

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        if len(self._groups) > 1:
            self._regroup()
        for group in self._groups:
            group.leaves.zero_grad()

    def step(self) -> None:
        """Move each parameter that has a gradient; the others stay where they are.

        Raises BackwardError if none has one, or if a parameter is no longer a leaf.
        """
        if len(self._groups) > 1:
            self._regroup()
        moving = False
        try:
            for group in self._groups:
                moving |= group.leaves.gather()
        except tg.BackwardError:
            self._refuse_computed()
            raise
        if not moving:
            raise tg.BackwardError(
                f"{self._name}.step: no parameter has a gradient; call loss.backward() first, on "
                "a loss computed from these parameters"
            )
        self.steps += 1
        for group in self._groups:
            leaves = group.leaves
            update = self.update if leaves.dtype.kind == "f" else on_pairs(self.update)
            leaves.move(update, *group.state)

    def _regroup(self) -> None:
        """Let the groups see a parameter that has taken another's place in the list."""
        if len(self.parameters) != sum(len(group.positions) for group in self._groups):
            raise tg.ArgumentError(
                f"{self._name}: its list of parameters has grown or shrunk to "
                f"{len(self.parameters)}; make another optimizer for other parameters"
            )
        for group in self._groups:
            group.leaves.leaves[:] = [self.parameters[i] for i in group.positions]

    def _refuse_computed(self) -> None:
        for i, parameter in enumerate(self.parameters):
            if not parameter.is_leaf:
                raise tg.BackwardError(
                    f"{self._name}.step: parameter {i} is no longer a leaf but "
                    f"{parameter.described()}, as after w[0] = 5; change parameters inside "
                    "`with tg.no_grad():`"
                ) from None

    @property
    def state(self) -> dict[str, tuple[NDArray[Any], ...]]:
        """What is kept for each parameter, by slot: arrays to be read or written to."""
        kept: dict[str, tuple[NDArray[Any], ...]] = {}
        for slot, name in enumerate(self.slots):
            arrays: dict[int, NDArray[Any]] = {}
            for group in self._groups:
                parts = group.leaves.split(group.state[slot])
                arrays |= dict(zip(group.positions, parts, strict=True))
            kept[name] = tuple(arrays[i] for i in range(len(self.parameters)))
        return kept

    def minimize(self, cost_fn: Callable[[], tg.Tensor]) -> tg.Tensor:
        """One step down the cost: zero_grad, cost_fn(), backward, step.

        cost_fn: takes nothing and returns the cost, a scalar tensor computed from the parameters.
        Returns the cost before the step, without its history.

        >>> w = tg.Variable(0.0)
        >>> optimizer = optim.SGD([w], lr=0.01)
        >>> for _ in range(1000):
        ...     cost = optimizer.minimize(lambda: w**2 - 10 * w + 25)
        >>> print(f"{w.item():.4f}")
        5.0000
        """
        if not callable(cost_fn):
            raise tg.ArgumentError(
                f"{self._name}.minimize: {type(cost_fn).__name__} came; it needs a function that "
                "computes the cost anew, such as lambda: w**2 - 10 * w + 25"
            )
        self.zero_grad()
        cost = cost_fn()
        if not isinstance(cost, tg.Tensor):
            raise tg.ArgumentError(
                f"{self._name}.minimize: cost_fn returned {type(cost).__name__}; it must return "
                "the cost as a tensor, computed from the parameters"
            )
        try:
            cost.backward()
            self.step()
        except tg.BackwardError as error:
            error.add_note(
                f"{self._name}.minimize: cost_fn must compute the cost anew at every call, from "
                "the parameters of this optimizer"
            )
            raise
        return cost.detach()

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Copies of all that continuing needs: settings, steps and each parameter's arrays."""
        return {name: np.array(array) for name, array in self._arrays().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned, from an optimiser of the same kind and parameters.

        Raises ArgumentError for missing or unexpected names, ShapeError for an array of another
        shape. Then nothing has been loaded.
        """
        operation = f"{self._name}.load_state_dict"
        old = self._arrays()
        if not isinstance(state, Mapping) or state.keys() != old.keys():
            given = set(state) if isinstance(state, Mapping) else {type(state).__name__}
            raise tg.ArgumentError(
                f"{operation}: missing {sorted(old.keys() - given)}, unexpected "
                f"{sorted(given - old.keys())}; the state must come from the state_dict() of "
                f"{self._name} for as many parameters"
            )
        new: dict[str, Any] = {}
        for name, array in old.items():
            value = np.asarray(state[name])
            if value.shape != array.shape:
                raise tg.ShapeError(
                    f"{operation}: {name!r} has shape {array.shape}, the new value {value.shape}; "
                    "the parameters must come in the same order"
                )
            if not np.can_cast(value.dtype, array.dtype, "same_kind"):
                raise tg.DTypeError(
                    f"{operation}: {name!r} has dtype {array.dtype}, and a value of dtype "
                    f"{value.dtype} does not cast to it without loss"
                )
            new[name] = value.astype(array.dtype)
        for name in self.settings:
            setattr(self, name, new[name].tolist())
        self.steps = new["steps"][()]
        for slot, arrays in self.state.items():
            for i, array in enumerate(arrays):
                array[...] = new[f"{slot}.{i}"]

    def _arrays(self) -> dict[str, NDArray[Any]]:
        arrays: dict[str, NDArray[Any]] = {"steps": np.array(self.steps, np.int64)}
        arrays |= {name: np.array(getattr(self, name), np.float64) for name in self.settings}
        for slot, kept in self.state.items():
            arrays |= {f"{slot}.{i}": array for i, array in enumerate(kept)}
        return arrays

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={getattr(self, name)}" for name in self.settings)
        return f"{self._name}({len(self.parameters)} parameters, {settings})"


def number(what: str, given: Any, low: float, high: float) -> float:
    """The number given as a Python float, which leaves float32 arrays float32; low ≤ it < high."""
    try:
        found = float(given)
    except (TypeError, ValueError):
        found = np.nan
    if isinstance(given, str) or not low <= found < high:
        above = f"in [{low:g}, {high:g})" if high < np.inf else f"of {low:g} or more, and finite"
        raise tg.ArgumentError(f"{what}={given!r}; it needs a number {above}")
    return found


def on_pairs(update: Callable[..., None]) -> Callable[..., None]:
    """The update of complex arrays: that of real ones, in which real and imaginary part alternate.

    A square is then taken of each part for itself, not of the complex number.
    """

    def update_parts(*arrays: NDArray[Any]) -> None:
        update(*[array.view(array.real.dtype) for array in arrays])

    return update_parts


@lru_cache(maxsize=64)
def constant(given: float, dtype: np.dtype[Any]) -> NDArray[Any]:
    """The number as an array: a ufunc takes it 0.25 µs sooner than a Python float."""
    return np.array(given, dtype)
