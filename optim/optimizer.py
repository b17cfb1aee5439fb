"""Optimizer: what all optimisers share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

import tinygraph as tg

from .groups import Flat, ParameterGroup, read_groups, setting_of, settings_text
from .idleness import Watch
from .saving import checked_state, state_of
from .schedule import Rate, rate_at, told
from .settings import Setting

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Optimizer:
    """Moves parameters against their gradients; a subclass says how, in `update`.

    The parameters of a group and dtype lie side by side in one array, and so do their gradients
    and state (`tg.FlatLeaves`): however many they are, a step is a handful of ufunc calls, in
    place. A complex parameter counts as a pair of real ones; its state is complex too.

    params: leaves that require grad: a list, or `model.parameters()`. Or groups of them, with
        settings where they differ: `[{"params": a, "lr": 0.01}, {"params": b}]`.
    lr: learning rate, above 0; or a schedule, `optim.Cosine(0.1, 1000)`, or any function from the
        number of steps taken to a rate. It can be set at any time.
    weight_decay: λ, of 0 or more: λ w is added to the gradient, that of the cost (λ/2) ‖w‖².
    l1_decay: λ₁, of 0 or more: λ₁ sign w is added likewise, that of λ₁ Σ|w|.
        Where the optimiser is `decoupled`, as AdamW is, both leave the gradient alone and are
        subtracted from the parameters instead: w ← w − α (λ w + λ₁ sign w), then the step.

    parameters: the list of them. Another leaf of the same shape and dtype may take a place in it.
    groups: the settings of each group, to be read and set.
    steps, epoch: how many steps have been taken, and how often `next_epoch` was called.
    Raises ArgumentError for no parameters, one that comes twice, and anything that is not a leaf
    that requires grad, or for a setting that makes no sense.
    Warns once, after ten steps, of parameters that have never had a gradient.
    """

    # What there is to set, by name, and what is kept for each parameter; `state_dict` has both.
    settings: ClassVar[dict[str, Setting]] = {}
    slots: tuple[str, ...] = ()
    # Whether decay is apart from the gradient.
    decoupled: bool = False
    # Whether `update` reads `steps`, as those that correct a bias do. Parameters that have taken
    # part in fewer steps, having had no gradient, are then moved apart, by their own count.
    counts_steps: bool = False

    _lr: Any  # the rate, or the schedule that it follows
    # Whether there are no other settings than these, a number for the rate and no decay.
    _plain: bool | None = None

    lr = Rate()
    weight_decay = Setting()
    l1_decay = Setting()

    def __init__(self, params: Iterable[Any], lr: Any, **settings: Any) -> None:
        self.parameters, groups = read_groups(self._name, params)
        self.steps = 0
        self.epoch = 0
        self._groups: list[tuple[range, dict[str, Any]]] = []
        for group in groups:
            start = self._groups[-1][0].stop if self._groups else 0
            self._groups.append((range(start, start + group.pop("size")), {}))
        for name, value in {"weight_decay": 0.0, "l1_decay": 0.0, "lr": lr, **settings}.items():
            self._set_at_first(setting_of(self, name), value, None)
        for i, group in enumerate(groups):
            for name, value in group.items():
                self._set_at_first(setting_of(self, name), value, i)
        self._flats = self._by_dtype()
        self._watch: Watch | None = Watch(len(self.parameters))

    def _set_at_first(self, setting: Setting, value: Any, group: int | None) -> None:
        if setting.name == "lr" and not callable(value) and setting.checked(self, value) == 0:
            raise tg.ArgumentError(
                f"{self._name}: lr={value!r} would change nothing; it needs a positive lr"
            )
        if group is None:
            setattr(self, setting.name, value)
        else:
            self.set_in_group(group, setting, value)

    def _by_dtype(self) -> list[Flat]:
        found: dict[tuple[int, np.dtype[Any]], list[int]] = {}
        for group, (positions, _) in enumerate(self._groups):
            for i in positions:
                found.setdefault((group, self.parameters[i].dtype), []).append(i)
        return [self._flat(group, positions) for (group, _), positions in found.items()]

    def _flat(self, group: int, positions: list[int]) -> Flat:
        everyone = len(positions) == len(self.parameters)
        own = self.parameters if everyone else [self.parameters[i] for i in positions]
        leaves = tg.FlatLeaves(own)
        return Flat(group, positions, leaves, tuple(leaves.zeros() for _ in self.slots))

    def update(
        self,
        value: NDArray[Any],
        gradient: NDArray[Any],
        out: NDArray[Any],
        *state: NDArray[Any],
    ) -> None:
        """Leave the parameters' new values in `out`, and move their state on, in place.

        All are 1-d arrays of one length and real dtype: many parameters side by side, whose
        settings and number of steps, this one included, are those of `self`.
        value, gradient: to be read only.  out: free to compute in.  state: in the order of `slots`.
        """
        raise tg.DeclarationError(
            f"{self._name} has no update; define `def update(self, value, gradient, out, *state):` "
            "in it"
        )

    @property
    def _name(self) -> str:
        return type(self).__name__

    # Settings

    @property
    def schedule(self) -> Callable[[int], float] | None:
        """What the learning rate follows, or None where it is a number."""
        return None if type(self._lr) is float else self._lr

    @property
    def groups(self) -> list[ParameterGroup]:
        """The groups of parameters, each with its settings."""
        return [ParameterGroup(self, i) for i in range(len(self._groups))]

    def settings_changed(self) -> None:
        """Called after a setting was given a value."""
        self._plain = None

    def group_positions(self, group: int) -> range:
        """Where the parameters of a group are, among all."""
        return self._groups[group][0]

    def group_setting(self, group: int, name: str) -> Any:
        """The value of a setting for a group."""
        kept = self._groups[group][1].get(self.settings[name].kept_as)
        if kept is None:
            return getattr(self, name)
        return rate_at(self, kept) if name == "lr" else kept

    def set_in_group(self, group: int, setting: Setting, value: Any) -> None:
        """Let a group have a value of its own; a single group's is that of the optimiser."""
        if len(self._groups) == 1:
            setattr(self, setting.name, value)
        else:
            self._groups[group][1][setting.kept_as] = setting.checked(self, value)

    def next_epoch(self, metric: Any = None) -> None:
        """Say that an epoch has ended: schedules by epoch move on.

        metric: what it came to, a number such as the cost on the dev set, for ReduceOnPlateau.
        Raises ArgumentError if a schedule needs a metric and none came.
        """
        rates = [self._lr, *(own.get("_lr") for _, own in self._groups)]
        told(f"{self._name}.next_epoch", rates, metric)
        self.epoch += 1

    # Steps

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        if len(self._flats) > 1:
            self._regroup()
        for flat in self._flats:
            flat.leaves.zero_grad()

    def step(self) -> None:
        """Move each parameter that has a gradient; the others stay where they are.

        Raises BackwardError if none has one, or if a parameter is no longer a leaf.
        """
        if self._gather() == len(self.parameters):
            self._watch = None
        else:
            self._look_after_the_others()
        if self._plain is None:
            decays = self.weight_decay or self.l1_decay
            self._plain = len(self._groups) == 1 and not self.schedule and not decays
        if self._plain and len(self._flats) == 1:
            self.steps += 1
            self._move(self._flats[0], self.update)
            return
        differing = [self._differing(own) for _, own in self._groups]
        self.steps += 1
        for flat in self._flats:
            if not flat.leaves.moving:
                flat.missed += 1
            elif flat.missed and self.counts_steps:
                own_steps = {"steps": self.steps - flat.missed}
                self._move_with(differing[flat.group] | own_steps, flat)
            else:
                self._move_with(differing[flat.group], flat)

    def _gather(self) -> int:
        """Collect the gradients; how many parameters have one."""
        if len(self._flats) > 1:
            self._regroup()
        moving = 0
        try:
            for flat in self._flats:
                flat.leaves.gather()
                moving += flat.leaves.moving
        except tg.BackwardError:
            self._refuse_computed()
            raise
        if not moving:
            raise tg.BackwardError(
                f"{self._name}.step: no parameter has a gradient; call loss.backward() first, on "
                "a loss computed from these parameters"
            )
        return moving

    def _differing(self, own: dict[str, Any]) -> dict[str, Any]:
        """What a group has otherwise than the optimiser's attributes, with the rate as a number."""
        rate = own.get("_lr", self._lr)
        return own if type(rate) is float else own | {"_lr": rate_at(self, rate)}

    def _move_with(self, differing: dict[str, Any], flat: Flat) -> None:
        """Move while these attributes are in force."""
        attributes = vars(self)
        usual = {name: attributes[name] for name in differing}
        attributes.update(differing)
        try:
            decays = self.weight_decay or self.l1_decay
            self._move(flat, self._decaying if decays else self.update)
        finally:
            attributes.update(usual)

    def _move(self, flat: Flat, update: Callable[..., None]) -> None:
        if flat.leaves.dtype.kind != "f":
            update = on_pairs(update)
        flat.leaves.move(update, *flat.state)

    def _decaying(
        self, value: NDArray[Any], gradient: NDArray[Any], out: NDArray[Any], *state: NDArray[Any]
    ) -> None:
        """The update, with decay."""
        decay, l1_decay = self.weight_decay, self.l1_decay
        if self.decoupled:
            shrunk = value * (1 - self.lr * decay)
            if l1_decay:
                shrunk -= np.sign(value) * (self.lr * l1_decay)
            self.update(shrunk, gradient, out, *state)
        else:
            penalised = value * decay
            if l1_decay:
                penalised += np.sign(value) * l1_decay
            penalised += gradient
            self.update(value, penalised, out, *state)

    def _regroup(self) -> None:
        """Let the flats see a parameter that has taken another's place in the list."""
        if len(self.parameters) != sum(len(flat.positions) for flat in self._flats):
            raise tg.ArgumentError(
                f"{self._name}: its list of parameters has grown or shrunk to "
                f"{len(self.parameters)}; make another optimizer for other parameters"
            )
        for flat in self._flats:
            flat.leaves.leaves[:] = [self.parameters[i] for i in flat.positions]

    def _refuse_computed(self) -> None:
        for i, parameter in enumerate(self.parameters):
            if not parameter.is_leaf:
                raise tg.BackwardError(
                    f"{self._name}.step: parameter {i} is no longer a leaf but "
                    f"{parameter.described()}, as after w[0] = 5; change parameters inside "
                    "`with tg.no_grad():`"
                ) from None

    def _look_after_the_others(self) -> None:
        """Some parameters have no gradient: their steps are not counted, and they are watched."""
        if self.counts_steps:
            flats = []
            for flat in self._flats:
                moves = [self.parameters[i].grad is not None for i in flat.positions]
                flats += [flat] if len(set(moves)) == 1 else self._parted(flat, moves)
            if len(flats) > len(self._flats):
                self._flats = flats
                self._gather()
        if self._watch and not self._watch.look(self._name, self.parameters):
            self._watch = None

    def _parted(self, flat: Flat, keys: list[Any]) -> list[Flat]:
        """The flat, taken apart into parameters with equal keys; they keep their state."""
        parts = []
        kept = [flat.leaves.split(array) for array in flat.state]
        for key in dict.fromkeys(keys):
            among = [k for k, other in enumerate(keys) if other == key]
            part = self._flat(flat.group, [flat.positions[k] for k in among])
            part.missed = flat.missed
            for array, old in zip(part.state, kept, strict=True):
                for k, new in zip(among, part.leaves.split(array), strict=True):
                    new[...] = old[k]
            parts.append(part)
        return parts

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

    # State

    @property
    def state(self) -> dict[str, tuple[NDArray[Any], ...]]:
        """What is kept for each parameter, by slot: arrays to be read or written to."""
        kept: dict[str, tuple[NDArray[Any], ...]] = {}
        for slot, name in enumerate(self.slots):
            arrays: dict[int, NDArray[Any]] = {}
            for flat in self._flats:
                parts = flat.leaves.split(flat.state[slot])
                arrays |= dict(zip(flat.positions, parts, strict=True))
            kept[name] = tuple(arrays[i] for i in range(len(self.parameters)))
        return kept

    @property
    def missed(self) -> list[int]:
        """For each parameter, how many of the steps it took no part in; where the kind counts."""
        missed = [0] * len(self.parameters)
        for flat in self._flats:
            for i in flat.positions:
                missed[i] = flat.missed if self.counts_steps else 0
        return missed

    def state_dict(self) -> dict[str, Any]:
        """Copies of all that continuing needs: settings, counts and each parameter's arrays.

        The arrays stand under names such as "mean.0"; all else is numbers, texts, lists and dicts
        of them, as JSON has them. A schedule is not in it, but what it remembers is.
        """
        return state_of(self, self._groups)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned, from an optimiser of the same kind and parameters.

        Settings become those of the state. Where a schedule was followed, this optimiser must have
        been given one too.
        Raises ArgumentError for missing or unexpected names or another kind, ShapeError for an
        array of another shape. Then nothing has been loaded.
        """
        new = checked_state(self, self._groups, state)
        self.steps, self.epoch = new.steps, new.epoch
        for setting, kept in new.settings.items():
            setattr(self, setting.name, kept)
        for (_, own), kept_own in zip(self._groups, new.groups, strict=True):
            own.clear()
            own.update(kept_own)
        for schedule, remembered in new.schedules:
            schedule.load_state_dict(remembered)
        if self.counts_steps and new.missed != self.missed:
            self._flats = [
                part
                for flat in self._by_dtype()
                for part in self._parted(flat, [new.missed[i] for i in flat.positions])
            ]
            for flat in self._flats:
                flat.missed = new.missed[flat.positions[0]]
        for slot, arrays in self.state.items():
            for i, array in enumerate(arrays):
                array[...] = new.arrays[f"{slot}.{i}"]

    def __repr__(self) -> str:
        settings = settings_text({name: getattr(self, name) for name in self.settings})
        return f"{self._name}({len(self.parameters)} parameters, {settings})"


def on_pairs(update: Callable[..., None]) -> Callable[..., None]:
    """The update of complex arrays: that of real ones, in which real and imaginary part alternate.

    A square is then taken of each part for itself, not of the complex number.
    """

    def update_parts(*arrays: NDArray[Any]) -> None:
        update(*[array.view(array.real.dtype) for array in arrays])

    return update_parts
