"""Module: parameters, buffers and submodules, found by attribute."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Self

import numpy as np

import tinygraph as tg

from .hooks import HookHandle, hooked, with_hooks
from .parts import Parts
from .state import Unmatched, checked_state, suggestion
from .summary import Shapes, Summary, summary_of
from .validation import floating

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

_clock, _mark = tg.scope.clock, tg.scope.mark


class Module(Parts):
    """A function with state: what it learns, what it keeps, and the modules it is made of.

    Write `forward`, and assign in `__init__`; lists, tuples and dicts are looked into:

        parameter   a leaf tensor that requires grad. To give it another value use `.assign`; to
                    replace it, assign another leaf to the attribute; to freeze it, set its
                    `requires_grad = False` or use `.freeze`. Without a name it takes its dotted
                    path for one.
        submodule   another Module
        buffer      an array that is state but not trained: `self.register_buffer(name, array)`
        generator   a NumPy generator that it draws from; `tg.save` keeps its state too

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
    Raises DeclarationError if a subclass forgot `super().__init__()`, has no `forward`, or has
    parameters on the class, where instances would share them unseen; ArgumentError for an
    attribute in the place of a method.
    """

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What calling the module computes."""
        raise tg.DeclarationError(
            f"{type(self).__name__} has no forward; define `def forward(self, x):` in it"
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What `forward` returns."""
        began = next(_clock)
        result = with_hooks(self, args, kwargs) if hooked else self.forward(*args, **kwargs)
        if result is None:
            raise tg.DeclarationError(
                f"{type(self).__name__}.forward returned None; end it with `return` and its result"
            )
        _mark(result, began, self._scope_path, type(self))
        return result

    # Training

    def apply(self, function: Callable[[Module], Any]) -> Self:
        """Call function(module) for all modules below and then this one, each once; returns it.

        >>> model.apply(lambda module: setattr(module, "momentum", 0.99))
        """
        seen: set[Module] = set()

        def visit(module: Module) -> None:
            seen.add(module)
            for child in module.children():
                if child not in seen:
                    visit(child)
            function(module)

        visit(self)
        return self

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

    def freeze(self, *paths: str) -> Self:
        """Stop training parameters: their `requires_grad` becomes False. Returns the module.

        paths: of parameters, of modules, for all that is in them, or patterns such as "*.bias";
            none for all there is.
        They stay parameters, part of the state. An optimiser made before leaves them where they
        are; one made afterwards takes `model.trainable_parameters()`. Running averages move on in
        training: `model.encoder.eval()` stops those.
        Raises ArgumentError for a path that nothing matches.
        """
        return self._require_grad(False, "freeze", paths)

    def unfreeze(self, *paths: str) -> Self:
        """Train parameters again: their `requires_grad` becomes True. Paths as in `freeze`."""
        return self._require_grad(True, "unfreeze", paths)

    def _require_grad(self, wanted: bool, verb: str, paths: tuple[str, ...]) -> Self:
        operation = f"{type(self).__name__}.{verb}"
        every = list(self._every_path("", ()))
        chosen = [] if paths else every
        for given in paths:
            matching = [item for item in every if _matches(item[0], given)]
            if not matching:
                known = [path for path, _ in (*every, *self.named_modules()) if path]
                raise tg.ArgumentError(
                    f"{operation}: no parameter matches {given!r}{suggestion(given, known)}"
                )
            chosen += matching
        self._check_leaves(operation, chosen)
        for _, parameter in chosen:
            parameter.requires_grad = wanted
        return self

    # Hooks

    def register_forward_pre_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call hook(module, args) before each call; h.remove() ends it, as does a `with` block.

        args: the tuple of positional arguments. What the hook returns takes their place, a tuple or
            the only argument; None leaves them as they are. Hooks are called in the order in which
            they were registered. A copy of the module has none.
        """
        return HookHandle(self, "before", hook)

    def register_forward_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call hook(module, args, output) after each call; h.remove() ends it, as does a `with`.

        What the hook returns takes the place of the output; None leaves it as it is.

        >>> shapes = []
        >>> with model[0].register_forward_hook(lambda m, args, out: shapes.append(out.shape)):
        ...     model(x)
        """
        return HookHandle(self, "after", hook)

    # State

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Copies of all parameters and buffers, by their dotted paths."""
        return {path: array.copy() for path, array in self._arrays().items()}

    def load_state_dict(self, state: Mapping[str, Any], *, strict: bool = True) -> Unmatched:
        """Take over the arrays that `state_dict` returned; dtypes stay those of this module.

        strict: whether the names must be exactly these. With False, what has a counterpart is
            taken over, and the rest stays.
        Returns the names without a counterpart, as (missing, unexpected).
        Raises ArgumentError for missing or unexpected names, or with strict=False if none fits;
        ShapeError for an array of another shape, DTypeError for one that does not cast safely.
        Then nothing has been loaded.
        """
        operation = f"{type(self).__name__}.load_state_dict"
        new, unmatched = checked_state(operation, self._arrays(), state, strict=strict)
        parameters = [item for item in self.named_parameters() if item[0] in new]
        self._check_leaves(operation, parameters)
        for path, parameter in parameters:
            parameter.assign(new[path])
        for path, module in self.named_modules():
            for name in module._buffer_names:
                array = module.__dict__[name]
                module.__dict__[name] = new.get(f"{path}.{name}" if path else name, array)
        return unmatched

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """All parameters and buffers by path, not copied."""
        arrays: dict[str, NDArray[Any]] = {}
        named = ((path, parameter.numpy()) for path, parameter in self.named_parameters())
        for path, array in (*named, *self.named_buffers()):
            if path in arrays:
                raise tg.ArgumentError(
                    f"{type(self).__name__}: there are two of the path {path!r}, so that one would "
                    'be lost; let the keys of dicts have no dots, and not be alike as 1 and "1"'
                )
            arrays[path] = array
        return arrays

    def _check_leaves(self, operation: str, named: Iterable[tuple[str, tg.Tensor]]) -> None:
        for path, parameter in named:
            if not parameter.is_leaf:
                raise tg.ArgumentError(
                    f"{operation}: the parameter {path!r} is now the result of "
                    "an operation; change parameters inside `with tg.no_grad():`"
                )

    def astype(self, dtype: DTypeLike) -> Self:
        """Give floating parameters, their gradients and floating buffers this dtype, in place.

        The parameters stay the same leaves. An optimiser made before refuses its next step: make
        it after. Complex parameters become complex of that precision. Other arrays that a module
        computes with, and input, are not cast. Returns the module.
        Raises DTypeError for a dtype that is not a real floating one.
        """
        operation = f"{type(self).__name__}.astype"
        to = {"f": floating(operation, dtype)}
        to["c"] = np.result_type(to["f"], np.complex64)
        parameters = list(self.named_parameters())
        self._check_leaves(operation, parameters)
        for _, parameter in parameters:
            wanted = to.get(parameter.dtype.kind, parameter.dtype)
            parameter.assign(parameter.numpy().astype(wanted), wanted)
        for module in self.modules():
            for name in module._buffer_names:
                old = module.__dict__[name]
                module.__dict__[name] = old.astype(to.get(old.dtype.kind, old.dtype))
        return self

    # As text

    def summary(
        self, *input_shape: Shapes, dtype: Any = np.float32, batch: int | None = 1
    ) -> Summary:
        """A table of the modules: path, type, shape of the output, number of parameters; totals.

        input_shape: of a single example, (784,) or (3, 32, 32); of several inputs, several shapes.
        dtype: of the input; of several inputs, as many or one.
        batch: the number of examples, the first axis of each input and so of the outputs in the
            table. None: the shapes are those of the whole input.
        It calls the module once on zeros, in evaluation and without recording, and leaves training
        modes, buffers, generators and attributes as they were. A parameter shared by several
        modules counts once. Raises what the module raises, with a note on where.

        >>> print(nn.Sequential(nn.Dense(784, 128, "relu"), nn.Dense(128, 10)).summary((784,)))
        """
        return summary_of(self, input_shape, dtype, batch)

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


def _matches(path: str, given: str) -> bool:
    """Whether a path is the one given, or below it, or of that pattern."""
    return path == given or path.startswith(f"{given}.") or fnmatchcase(path, given)
