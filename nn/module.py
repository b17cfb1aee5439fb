"""Module: parameters, buffers and submodules, found by attribute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

import tinygraph as tg

from .state import checked_state, fitted

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What Module.__init__ sets, and everything else here relies on.
OWN = ("training", "_parameter_paths", "_buffer_names")


class Module:
    """A function with state: what it learns, what it keeps, and the modules it is made of.

    Write `forward`, and assign in `__init__`; lists, tuples and dicts are looked into:

        parameter   a leaf tensor that requires grad. To give it another value use `.assign`; to
                    replace it, assign another leaf to the attribute; to freeze it, set its
                    `requires_grad = False`. Without a name it takes its dotted path for one.
        submodule   another Module
        buffer      an array that is state but not trained: `self.register_buffer(name, array)`

    >>> class Line(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.slope = tg.Variable(2.0)
    ...
    ...     def forward(self, x):
    ...         return self.slope * x
    >>> [name for name, _ in Line().named_parameters()]
    ['slope']

    training: whether it is being trained; dropout and batch normalisation behave accordingly.
    Raises DeclarationError if a subclass forgot `super().__init__()`, or has no `forward`.
    """

    training: bool
    # Paths, from here, where a parameter has been seen: frozen, it still is one.
    _parameter_paths: set[str]
    _buffer_names: dict[str, None]

    def __init__(self) -> None:
        self.__dict__.update(training=True, _parameter_paths=set(), _buffer_names={})

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What calling the module computes."""
        raise tg.DeclarationError(
            f"{type(self).__name__} has no forward; define `def forward(self, x):` in it"
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What `forward` returns."""
        result = self.forward(*args, **kwargs)
        if result is None:
            raise tg.DeclarationError(
                f"{type(self).__name__}.forward returned None; end it with `return` and its result"
            )
        return result

    # Attributes

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._buffer_names:
            value = self._as_buffer(name, value)
        elif name in self._parameter_paths and value is not None:
            self._check_parameter(name, value)
        elif isinstance(vars(self).get(name), (tg.Tensor, list, tuple, dict)):
            self._forget(name)
        object.__setattr__(self, name, value)
        if isinstance(value, (tg.Tensor, Module, list, tuple, dict)):
            self._name_parameters()

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        self._buffer_names.pop(name, None)
        self._forget(name)

    def _forget(self, name: str) -> None:
        """No longer take what stands there for a parameter, whatever it is."""
        own = {path for path in self._parameter_paths if path.partition(".")[0] == name}
        self._parameter_paths -= own

    if not TYPE_CHECKING:  # it would make every attribute of a module pass

        def __getattr__(self, name: str) -> Any:
            own = type(self).__name__
            if name in OWN:
                raise tg.DeclarationError(
                    f"{own}: super().__init__() has not been called; "
                    f"make it the first line of {own}.__init__"
                )
            raise AttributeError(f"{own} has no attribute {name!r}", name=name, obj=self)

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

    def _as_buffer(self, name: str, value: Any) -> NDArray[Any]:
        where = f"{type(self).__name__}: the buffer {name!r}"
        if type(value) is tg.Tensor and value.requires_grad:
            raise tg.DetachError(
                f"{where} is an array, and {value.described()}, which requires grad, was assigned "
                "to it; assign its .detach()"
            )
        return fitted(where, self.__dict__[name], value)

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

    def _entries(self) -> Iterator[tuple[str, tg.Tensor | Module]]:
        """Own parameters and direct submodules: dotted path from here, and what is there."""
        seen = self._parameter_paths
        for path, value in _flattened(self._attributes()):
            if isinstance(value, Module):
                yield path, value
            elif path in seen or (value.is_leaf and value.requires_grad):
                seen.add(path)
                yield path, value

    # What it is made of

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """This module, as "", and all below it, each once, with their dotted paths."""
        seen: set[Module] = set()

        def walk(path: str, module: Module) -> Iterator[tuple[str, Module]]:
            if module not in seen:
                seen.add(module)
                yield path, module
                for name, entry in module._entries():
                    if isinstance(entry, Module):
                        yield from walk(f"{path}.{name}" if path else name, entry)

        return walk("", self)

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once."""
        return (module for _, module in self.named_modules())

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

    def named_buffers(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """All buffers with their dotted paths."""
        for path, module in self.named_modules():
            for name in module._buffer_names:
                yield f"{path}.{name}" if path else name, module.__dict__[name]

    def _name_parameters(self) -> None:
        """Give unnamed parameters their path for a name, and lengthen a path given further down."""
        for path, parameter in self.named_parameters():
            if parameter.name is None or path.endswith(f".{parameter.name}"):
                parameter.name = path

    # Training

    def train(self, mode: bool = True) -> Self:
        """Switch to training, or with False to evaluation, here and below; returns the module."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch to evaluation, here and below: no dropout, stored averages in batch norm."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.zero_grad()

    # State

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Copies of all parameters and buffers, by their dotted paths."""
        state = {path: parameter.numpy() for path, parameter in self.named_parameters()}
        state |= dict(self.named_buffers())
        return {path: array.copy() for path, array in state.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the arrays that `state_dict` returned; dtypes stay those of this module.

        Raises ArgumentError for missing or unexpected names, ShapeError for an array of another
        shape, DTypeError for one that does not cast safely. Then nothing has been loaded.
        """
        operation = f"{type(self).__name__}.load_state_dict"
        parameters = dict(self.named_parameters())
        current = {path: parameter.numpy() for path, parameter in parameters.items()}
        new = checked_state(operation, current | dict(self.named_buffers()), state)
        for path, parameter in parameters.items():
            if not parameter.is_leaf:
                raise tg.ArgumentError(
                    f"{operation}: the parameter {path!r} is now the result of "
                    "an operation; change parameters inside `with tg.no_grad():`"
                )
        for path, parameter in parameters.items():
            parameter.assign(new[path])
        for path, module in self.named_modules():
            for name in module._buffer_names:
                module.__dict__[name] = new[f"{path}.{name}" if path else name]

    # As text

    def extra_repr(self) -> str:
        """What stands in the brackets of the repr: the settings."""
        return ""

    def __repr__(self) -> str:
        lines = [
            f"({path}): {entry!r}".replace("\n", "\n  ")
            for path, entry in self._entries()
            if isinstance(entry, Module)
        ]
        head = f"{type(self).__name__}({self.extra_repr()}"
        return "\n  ".join([head, *lines]) + ("\n)" if lines else ")")


def _flattened(items: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, tg.Tensor | Module]]:
    """The tensors and modules among these and in the lists, tuples and dicts among them."""
    for path, value in items:
        if isinstance(value, (tg.Tensor, Module)):
            yield path, value
        elif isinstance(value, (list, tuple)):
            yield from _flattened((f"{path}.{i}", item) for i, item in enumerate(value))
        elif isinstance(value, dict):
            yield from _flattened((f"{path}.{key}", item) for key, item in value.items())
