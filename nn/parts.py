"""What a module is made of: parameters, buffers, submodules, told apart as they are assigned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

from .state import fitted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .module import Module

# What Module.__init__ sets, and everything else here relies on.
OWN = ("training", "_parameter_paths", "_buffer_names")
# How other libraries call what is called otherwise here.
ELSEWHERE = {
    **dict.fromkeys(("to", "type", "float", "double", "half"), "for another dtype, .astype(dtype)"),
    **dict.fromkeys(("cuda", "cpu"), "all arrays are in the CPU's memory"),
    "requires_grad_": "use .freeze() and .unfreeze()",
    "register_parameter": "assign the tensor to the attribute, or use setattr(module, name, it)",
    "register_module": "it is called .add_module",
}


class Parts:
    """The attributes of a `Module`, which is this and more; and what of it is found in them."""

    training: bool
    _scope_path = ""  # from the outermost module, for the scopes of the graph
    # Paths, from here, where a parameter has been seen: frozen, it still is one.
    _parameter_paths: set[str]
    _buffer_names: dict[str, None]

    def __init__(self) -> None:
        self.__dict__.update(training=True, _parameter_paths=set(), _buffer_names={})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, value in vars(cls).items():
            if isinstance(value, Parts) or (type(value) is tg.Tensor and value.requires_grad):
                what = "a parameter" if type(value) is tg.Tensor else f"a {type(value).__name__}"
                raise tg.DeclarationError(
                    f"{cls.__name__}.{name} is {what} on the class, where it is not found and all "
                    f"instances would share it; assign it in __init__: self.{name} = …"
                )

    # Attributes

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._buffer_names:
            value = self._as_buffer(name, value)
        elif name in self._parameter_paths and value is not None:
            self._check_parameter(name, value)
        else:
            self._check_attribute(name, value)
            if isinstance(vars(self).get(name), (tg.Tensor, list, tuple, dict)):
                self._forget(name)
        object.__setattr__(self, name, value)
        if isinstance(value, (tg.Tensor, Parts, list, tuple, dict)):
            self._name_parameters()

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        self._buffer_names.pop(name, None)
        self._forget(name)

    def _forget(self, name: str) -> None:
        """No longer take what stands there for a parameter, whatever it is."""
        own = {path for path in self._parameter_paths if path.partition(".")[0] == name}
        self._parameter_paths.difference_update(own)

    if not TYPE_CHECKING:  # it would make every attribute of a module pass

        def __getattr__(self, name: str) -> Any:
            own = type(self).__name__
            if name in OWN:
                raise tg.DeclarationError(
                    f"{own}: super().__init__() has not been called; "
                    f"make it the first line of {own}.__init__"
                )
            hint = f"; {ELSEWHERE[name]}" if name in ELSEWHERE else ""
            raise AttributeError(f"{own} has no attribute {name!r}{hint}", name=name, obj=self)

    def register_buffer(self, name: str, value: Any) -> None:
        """Keep a copy of an array as the attribute `name`, and in the state, without training it.

        Later assignments to the attribute must have its shape, and are cast to its dtype.
        """
        if not name.isidentifier() or hasattr(self, name):
            raise tg.ArgumentError(
                f"{type(self).__name__}.register_buffer: {name!r} is not a free attribute name"
            )
        self.__dict__[name] = tg.tensor(value).numpy().copy()
        self._buffer_names[name] = None

    def add_module(self, name: str, module: Module) -> None:
        """Make another module the attribute `name`: for names that are computed.

        Raises ArgumentError for a name that is taken or has a dot, and for what is no module.
        """
        where = f"{type(self).__name__}.add_module"
        if not isinstance(module, Parts):
            raise tg.ArgumentError(f"{where}: {name!r} is {module!r}; it needs a Module")
        if not isinstance(name, str) or not name or "." in name or hasattr(self, name):
            raise tg.ArgumentError(
                f"{where}: {name!r} is not a free attribute name without dots; to replace what is "
                "there, assign to it"
            )
        setattr(self, name, module)

    def _as_buffer(self, name: str, value: Any) -> NDArray[Any]:
        where = f"{type(self).__name__}: the buffer {name!r}"
        if type(value) is tg.Tensor and value.requires_grad:
            raise tg.DetachError(
                f"{where} is an array, and {value.described()}, which requires grad, was assigned "
                "to it; assign its .detach()"
            )
        if value is None or isinstance(value, Parts):
            came = "None" if value is None else f"a {type(value).__name__}"
            raise tg.ArgumentError(
                f"{where} is an array, and {came} was assigned to it; to use the name for "
                f"something else, `del` the attribute first"
            )
        return fitted(where, self.__dict__[name], value)

    def _check_attribute(self, name: str, value: Any) -> None:
        """Raise ArgumentError for a value that would break the module, or be overlooked."""
        own = type(self).__name__
        if name in OWN and (name != "training" or not isinstance(value, (bool, np.bool_))):
            fix = "it is True or False" if name == "training" else "choose another name"
            raise tg.ArgumentError(
                f"{own}: {name!r} is an attribute of every module, and {type(value).__name__} was "
                f"assigned to it; {fix}"
            )
        data = isinstance(value, (tg.Tensor, Parts)) or not callable(value)
        if data and isinstance(getattr(type(self), name, None), FunctionType):
            raise tg.ArgumentError(
                f"{own}: {name!r} is a method, and {type(value).__name__} was assigned to it, "
                "which would take its place; choose another name"
            )
        if isinstance(value, (set, frozenset)) and any(
            isinstance(item, (tg.Tensor, Parts)) for item in value
        ):
            raise tg.ArgumentError(
                f"{own}: {name!r} is a {type(value).__name__} of tensors or modules, which has no "
                "order to name them by; make it a list or a dict"
            )

    def _check_parameter(self, name: str, value: Any) -> None:
        if type(value) is not tg.Tensor:
            came = f"{type(value).__name__}, not a tensor,"
        elif not value.requires_grad:
            came = "a tensor that does not require grad"
        elif not value.is_leaf:
            came = "a computed tensor"
        else:
            return
        raise tg.ArgumentError(
            f"{type(self).__name__}: {name!r} is a parameter, and {came} was assigned to it, so it "
            f"would no longer be trained; give it a new value with .{name}.assign(value), "
            "replace it by tg.tensor(value, requires_grad=True), or freeze it with "
            f".{name}.requires_grad = False"
        )

    def _attributes(self) -> Iterator[tuple[str, Any]]:
        """Names and values in which parameters and submodules are looked for."""
        yield from vars(self).items()

    def _entries(self) -> Iterator[tuple[str, Any]]:
        """Own parameters and direct submodules: dotted path from here, and what is there."""
        seen = self._parameter_paths
        for path, value in found(self._attributes(), (tg.Tensor, Parts)):
            if isinstance(value, Parts):
                yield path, value
            elif path in seen or (value.is_leaf and value.requires_grad):
                seen.add(path)
                yield path, value

    # What it is made of

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """This module, as "", and all below it, each once, with their dotted paths."""
        seen: set[Module] = set()

        def walk(path: str, module: Any) -> Iterator[tuple[str, Module]]:
            if module not in seen:
                seen.add(module)
                yield path, module
                for name, entry in module._entries():
                    if isinstance(entry, Parts):
                        yield from walk(f"{path}.{name}" if path else name, entry)

        return walk("", self)

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules that this one is made of directly, each once, with their paths from here."""
        seen: set[Module] = set()
        for path, entry in self._entries():
            if not isinstance(entry, tg.Tensor) and entry not in seen:
                seen.add(entry)
                yield path, entry

    def children(self) -> Iterator[Module]:
        """The modules that this one is made of directly, each once."""
        return (module for _, module in self.named_children())

    def named_parameters(self) -> Iterator[tuple[str, tg.Tensor]]:
        """All parameters with their dotted paths; a shared one comes once, by its first path."""
        seen: set[tg.Tensor] = set()
        for path, module in self.named_modules():
            for name, entry in module._entries():
                if isinstance(entry, tg.Tensor) and entry not in seen:
                    seen.add(entry)
                    yield f"{path}.{name}" if path else name, entry

    def parameters(self) -> Iterator[tg.Tensor]:
        """All parameters, each once."""
        self._name_parameters()
        return (parameter for _, parameter in self.named_parameters())

    def trainable_parameters(self) -> Iterator[tg.Tensor]:
        """The parameters that are not frozen, each once, as an optimiser wants them."""
        return (parameter for parameter in self.parameters() if parameter.requires_grad)

    def named_buffers(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """All buffers with their dotted paths."""
        for path, module in self.named_modules():
            for name in module._buffer_names:
                yield f"{path}.{name}" if path else name, module.__dict__[name]

    def named_generators(self) -> Iterator[tuple[str, np.random.Generator]]:
        """All NumPy generators that are attributes, each once, with their dotted paths."""
        seen: set[int] = set()
        for path, module in self.named_modules():
            for name, generator in found(module._attributes(), np.random.Generator):
                if id(generator) not in seen:
                    seen.add(id(generator))
                    yield f"{path}.{name}" if path else name, generator

    def _name_parameters(self) -> None:
        """Name parameters and scopes by their paths, and lengthen one given further down."""
        for path, parameter in self.named_parameters():
            if parameter.name is None or path.endswith(f".{parameter.name}"):
                parameter.name = path
            tg.scope.own(parameter)
        for path, module in self.named_modules():
            if not module._scope_path or path.endswith(f".{module._scope_path}"):
                module.__dict__["_scope_path"] = path

    def _every_path(self, path: str, above: tuple[Parts, ...]) -> Iterator[tuple[str, tg.Tensor]]:
        """The parameters by all their paths, shared ones several times."""
        for name, entry in self._entries():
            if isinstance(entry, tg.Tensor):
                yield path + name, entry
            elif entry is not self and entry not in above:
                yield from entry._every_path(f"{path}{name}.", (*above, self))


def found(items: Iterable[tuple[str, Any]], kinds: Any) -> Iterator[tuple[str, Any]]:
    """Those of these kinds among the items, and in the lists, tuples and dicts among them."""
    for path, value in items:
        if isinstance(value, kinds):
            yield path, value
        elif isinstance(value, (list, tuple)):
            yield from found(((f"{path}.{i}", item) for i, item in enumerate(value)), kinds)
        elif isinstance(value, dict):
            yield from found(((f"{path}.{key}", item) for key, item in value.items()), kinds)
