"""Methods of a class that stand in other modules, which are imported at first use."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Deferred:
    """A method that a module hangs on the class, in place of this, as soon as it is imported.

    Drawing is a floor above graphs, and takes longer to import than all that computes.
    """

    def __init__(self, module: str) -> None:
        self.module = module

    def __set_name__(self, owner: type, name: str) -> None:
        self.owner, self.name = owner, name

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        import_module(self.module)
        return getattr(self.owner if instance is None else instance, self.name)
