"""Hooks on modules: functions called with what goes in and with what comes out."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import tinygraph as tg

if TYPE_CHECKING:
    from .module import Module

# The modules that have hooks, by id. They do not hold them, so that copies of a module have none;
# and where there are none at all, calling a module costs one look at this dict.
hooked: dict[int, ModuleHooks] = {}


class ModuleHooks:
    """The hooks of a module, by number, in the order in which they were registered."""

    def __init__(self, module: Module) -> None:
        key = id(module)
        self.module = weakref.ref(module, lambda _: hooked.pop(key, None))
        self.before: dict[int, Callable[..., Any]] = {}
        self.after: dict[int, Callable[..., Any]] = {}


class HookHandle:
    """Removes the hook that it was returned for; as a context manager, at the end of the block."""

    _numbers = itertools.count()

    def __init__(self, module: Module, when: Literal["before", "after"], hook: Any) -> None:
        if not callable(hook) or isinstance(hook, type):
            arguments = "module, args" if when == "before" else "module, args, output"
            raise tg.ArgumentError(
                f"{type(module).__name__}: a hook must be a function of ({arguments}), not {hook!r}"
            )
        self._number, self._when = next(self._numbers), when
        self._module = weakref.ref(module)
        hooks = hooked.setdefault(id(module), ModuleHooks(module))
        getattr(hooks, when)[self._number] = hook

    def remove(self) -> None:
        """No longer call the hook. A second time does nothing."""
        module = self._module()
        hooks = None if module is None else hooked.get(id(module))
        if hooks is not None:
            getattr(hooks, self._when).pop(self._number, None)
            if not hooks.before and not hooks.after:
                del hooked[id(module)]

    def __enter__(self) -> HookHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def with_hooks(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `forward` returns, after the hooks of this module."""
    hooks = hooked.get(id(module))
    if hooks is None:
        return module.forward(*args, **kwargs)
    for hook in list(hooks.before.values()):
        given = _called(hook, module, args)
        if given is not None:
            args = given if isinstance(given, tuple) else (given,)
    output = module.forward(*args, **kwargs)
    if output is not None:  # else an error comes
        for hook in list(hooks.after.values()):
            given = _called(hook, module, args, output)
            output = output if given is None else given
    return output


def _called(hook: Callable[..., Any], module: Module, *given: Any) -> Any:
    try:
        return hook(module, *given)
    except Exception as error:
        name = getattr(hook, "__name__", type(hook).__name__)
        error.add_note(f"in {name}, a hook on {type(module).__name__}")
        raise
