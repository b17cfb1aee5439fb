"""Groups of parameters with settings of their own, and how parameters lie in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tinygraph as tg

from .parameters import checked_parameters, listed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .optimizer import Optimizer
    from .settings import Setting


@dataclass(slots=True)
class Flat:
    """Parameters of one group and one dtype that are moved together, side by side in memory.

    positions   among all parameters
    state       an array for each slot, with room for all of them
    missed      how many of the optimiser's steps they have not taken part in; where it asks
    """

    group: int
    positions: list[int]
    leaves: tg.FlatLeaves
    state: tuple[NDArray[Any], ...]
    missed: int = 0


class ParameterGroup:
    """A group of an optimiser's parameters: its settings, to be read and set as attributes.

    Read, a setting is the group's own, or else that of the optimiser: `optimizer.groups[1].lr`.
    Set, it becomes the group's own: `optimizer.groups[1].lr = 0.01`.

    Raises ArgumentError for a setting that there is not, or a value that does not suit it.
    """

    __slots__ = ("_index", "_optimizer")

    def __init__(self, optimizer: Optimizer, index: int) -> None:
        object.__setattr__(self, "_optimizer", optimizer)
        object.__setattr__(self, "_index", index)

    @property
    def parameters(self) -> list[tg.Tensor]:
        """Its parameters, in order."""
        everyone = self._optimizer.parameters
        return [everyone[i] for i in self._optimizer.group_positions(self._index)]

    def __getattr__(self, name: str) -> Any:
        if name not in self._optimizer.settings:
            known = ", ".join(self._optimizer.settings)
            raise AttributeError(
                f"a group of {type(self._optimizer).__name__} has no {name!r}; it has parameters, "
                f"{known}",
                name=name,
                obj=self,
            )
        return self._optimizer.group_setting(self._index, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setting = setting_of(self._optimizer, name)
        self._optimizer.set_in_group(self._index, setting, value)

    def __repr__(self) -> str:
        return (
            f"ParameterGroup({len(self.parameters)} parameters, "
            f"{settings_text({name: getattr(self, name) for name in self._optimizer.settings})})"
        )


def settings_text(settings: Mapping[str, Any]) -> str:
    """How a repr shows settings: the rate, and all that are not switched off."""
    shown = {k: v for k, v in settings.items() if k == "lr" or (v is not False and v != 0)}
    return ", ".join(f"{name}={value}" for name, value in shown.items())


def setting_of(optimizer: Optimizer, name: str) -> Setting:
    """The setting of that name; ArgumentError if the optimiser has none."""
    if name not in optimizer.settings:
        raise tg.ArgumentError(
            f"{type(optimizer).__name__}: it has no setting {name!r}, only "
            f"{', '.join(optimizer.settings)}"
        )
    return optimizer.settings[name]


def read_groups(operation: str, params: Any) -> tuple[list[tg.Tensor], list[dict[str, Any]]]:
    """All parameters in one list, and for each group a dict of its size and settings.

    params: as Optimizer takes them.  Raises ArgumentError for what they cannot be.
    """
    if isinstance(params, Mapping) and "params" in params:
        raise tg.ArgumentError(f"{operation}: a group came; pass a list of groups, [{{…}}]")
    given = listed(operation, params)
    if not isinstance(given[0], Mapping):
        parameters = checked_parameters(operation, given)
        return parameters, [{"size": len(parameters)}]
    everyone: list[tg.Tensor] = []
    groups: list[dict[str, Any]] = []
    for i, group in enumerate(given):
        if not isinstance(group, Mapping) or "params" not in group:
            came = f"the keys {sorted(group)}" if isinstance(group, Mapping) else f"{group!r}"
            raise tg.ArgumentError(
                f"{operation}: group {i} is {came}; each group needs to be a dict with "
                "'params', and settings where they differ"
            )
        own = checked_parameters(f"{operation}: group {i}", group["params"])
        settings = {name: value for name, value in group.items() if name != "params"}
        everyone += own
        groups.append({"size": len(own), **settings})
    _check_disjoint(operation, everyone, [group["size"] for group in groups])
    return everyone, groups


def _check_disjoint(operation: str, parameters: list[tg.Tensor], sizes: list[int]) -> None:
    owner: dict[int, int] = {}
    numbers = [i for i, size in enumerate(sizes) for _ in range(size)]
    for i, parameter in zip(numbers, parameters, strict=True):
        if owner.setdefault(id(parameter), i) != i:
            raise tg.ArgumentError(
                f"{operation}: {parameter.described()} is in group {owner[id(parameter)]} and in "
                f"group {i}, and would be moved twice a step; leave it out of one"
            )
