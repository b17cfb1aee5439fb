"""The state of an optimiser: written, and checked before any of it is taken over."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

from .schedule import Schedule
from .settings import Setting

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .optimizer import Optimizer

    Groups = list[tuple[range, dict[str, Any]]]


@dataclass
class NewState:
    """A state that fits, in the form in which it is taken over."""

    steps: int
    epoch: int
    missed: list[int]
    settings: dict[Setting, Any] = field(default_factory=dict)
    groups: list[dict[str, Any]] = field(default_factory=list)
    schedules: list[tuple[Schedule, Mapping[str, Any]]] = field(default_factory=list)
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)


def state_of(optimizer: Optimizer, groups: Groups) -> dict[str, Any]:
    """What `Optimizer.state_dict` returns."""
    settings = optimizer.settings.values()
    written = [
        {"parameters": len(positions)}
        | {s.name: _written(own[s.kept_as]) for s in settings if s.kept_as in own}
        for positions, own in groups
    ]
    return {
        "kind": type(optimizer).__name__,
        "steps": int(optimizer.steps),
        "epoch": int(optimizer.epoch),
        "settings": {s.name: _written(getattr(optimizer, s.kept_as)) for s in settings},
        "groups": written,
        "missed": optimizer.missed,
        **{name: array.copy() for name, array in _arrays(optimizer).items()},
    }


def _arrays(optimizer: Optimizer) -> dict[str, NDArray[Any]]:
    return {
        f"{slot}.{i}": array
        for slot, kept in optimizer.state.items()
        for i, array in enumerate(kept)
    }


def _written(kept: Any) -> Any:
    """A setting as JSON has it; of a schedule its name and what it remembers."""
    if callable(kept):
        remembered = kept.state_dict() if isinstance(kept, Schedule) else {}
        name = type(kept).__name__ if isinstance(kept, Schedule) else "function"
        return {"schedule": name, "state": remembered}
    return list(kept) if isinstance(kept, tuple) else kept


def checked_state(optimizer: Optimizer, groups: Groups, state: Any) -> NewState:
    """The state, in the form in which it is taken over; raises as `load_state_dict` does."""
    operation = f"{type(optimizer).__name__}.load_state_dict"
    old = _arrays(optimizer)
    _check_names(operation, optimizer, [*_FIXED, *old], state)
    if len(state["groups"]) != len(groups):
        raise tg.ArgumentError(
            f"{operation}: the state has {len(state['groups'])} groups of parameters, this "
            f"optimizer {len(groups)}; they must be the same"
        )
    new = NewState(
        _count(f"{operation}: steps", state["steps"]),
        _count(f"{operation}: epoch", state["epoch"]),
        [_count(f"{operation}: missed", missed) for missed in state["missed"]],
    )
    if len(new.missed) != len(optimizer.parameters):
        raise tg.ArgumentError(
            f"{operation}: 'missed' has {len(new.missed)} numbers for "
            f"{len(optimizer.parameters)} parameters"
        )
    given = dict(state["settings"])
    _check_settings(f"{operation}: settings", given.keys() ^ optimizer.settings.keys(), optimizer)
    for name, setting in optimizer.settings.items():
        kept = getattr(optimizer, setting.kept_as)
        new.settings[setting] = _read(operation, optimizer, setting, kept, given[name], new)
    for i, (positions, own) in enumerate(groups):
        new.groups.append(
            _read_group(f"{operation}: group {i}", optimizer, positions, own, state, i, new)
        )
    for name, array in old.items():
        new.arrays[name] = _fitted(f"{operation}: {name!r}", array, state[name])
    return new


_FIXED = ("kind", "steps", "epoch", "settings", "groups", "missed")


def _check_names(operation: str, optimizer: Optimizer, names: list[str], state: Any) -> None:
    own = type(optimizer).__name__
    given = set(state) if isinstance(state, Mapping) else {type(state).__name__}
    kind = str(state["kind"]) if "kind" in given and isinstance(state, Mapping) else own
    if kind != own:
        raise tg.ArgumentError(f"{operation}: the state is that of {kind}, and this is {own}")
    missing, unexpected = set(names) - given, given - set(names)
    if missing or unexpected:
        raise tg.ArgumentError(
            f"{operation}: missing {sorted(missing)}, unexpected {sorted(unexpected)}; the state "
            f"must come from the state_dict() of {own} for as many parameters, built the same way"
        )


def _check_settings(where: str, wrong: set[str], optimizer: Optimizer) -> None:
    if wrong:
        raise tg.ArgumentError(
            f"{where}: {sorted(wrong)} are missing or unknown; it has "
            f"{', '.join(optimizer.settings)}"
        )


def _read_group(
    where: str,
    optimizer: Optimizer,
    positions: range,
    own: dict[str, Any],
    state: Mapping[str, Any],
    i: int,
    new: NewState,
) -> dict[str, Any]:
    given = dict(state["groups"][i])
    size = _count(f"{where}: parameters", given.pop("parameters", -1))
    if size != len(positions):
        raise tg.ArgumentError(f"{where}: it has {size} parameters, this one {len(positions)}")
    _check_settings(where, given.keys() - optimizer.settings.keys(), optimizer)
    settings = [optimizer.settings[name] for name in given]
    return {
        s.kept_as: _read(where, optimizer, s, own.get(s.kept_as), given[s.name], new)
        for s in settings
    }


def _read(
    where: str, optimizer: Optimizer, setting: Setting, kept: Any, given: Any, new: NewState
) -> Any:
    """The value of a setting; of a schedule the one that is there, which is to remember more."""
    if not isinstance(given, Mapping):
        return setting.checked(optimizer, given)
    if not callable(kept):
        raise tg.ArgumentError(
            f"{where}: the learning rate followed a schedule ({given.get('schedule')}), which a "
            "state does not hold; build the optimizer with it, lr=schedule, before loading"
        )
    remembered = given.get("state", {})
    if isinstance(kept, Schedule):
        copy.deepcopy(kept).load_state_dict(remembered)  # to see whether it would
        new.schedules.append((kept, remembered))
    return kept


def _count(where: str, given: Any) -> int:
    try:
        found = int(given)
    except (TypeError, ValueError):
        found = -1
    if found < 0 or found != given:
        raise tg.ArgumentError(f"{where}={given!r}; it needs a whole number of 0 or more")
    return found


def _fitted(where: str, old: NDArray[Any], given: Any) -> NDArray[Any]:
    """A copy of the value as an array of the old one's shape and dtype."""
    value = np.asarray(given)
    if value.shape != old.shape:
        raise tg.ShapeError(
            f"{where} has shape {old.shape}, the new value {value.shape}; the parameters must "
            "come in the same order"
        )
    if not np.can_cast(value.dtype, old.dtype, "same_kind"):
        raise tg.DTypeError(
            f"{where} has dtype {old.dtype}, and a value of dtype {value.dtype} does not cast to "
            "it without loss"
        )
    return value.astype(old.dtype)
