"""Sequential: one module after another."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, overload

import tinygraph as tg

from .module import Module

Layer: TypeAlias = Callable[..., Any]


class Sequential(Module):
    """f_n(… f_2(f_1(x))): each layer applied to the result of the one before.

    layers: modules, or plain functions of one tensor such as `tg.tanh`; several arguments or one
        list. They can be indexed, replaced, sliced, iterated over and counted.
    Parameters are named by position: "0.weight", "0.bias", "2.weight", …

    >>> model = nn.Sequential(nn.Dense(784, 128, "relu"), nn.Dropout(0.2), nn.Dense(128, 10))
    >>> len(model), model[0].weight.shape
    (3, (784, 128))

    Raises ArgumentError for a layer that cannot be called.
    """

    layers: list[Layer]

    def __init__(self, *layers: Layer | list[Layer] | tuple[Layer, ...]) -> None:
        super().__init__()
        items: Any = layers
        if len(layers) == 1 and isinstance(layers[0], (list, tuple)):
            items = layers[0]
        self.layers = []
        for layer in items:
            self.append(layer)

    def append(self, layer: Layer) -> None:
        """Add a layer at the end."""
        self.layers.append(self._checked(layer, len(self.layers)))
        self._name_parameters()

    def _checked(self, layer: Layer, position: int) -> Layer:
        if not callable(layer) or isinstance(layer, type):
            came, fix = repr(layer), "a module, or a function of one tensor"
            if isinstance(layer, type):
                came, fix = f"the class {layer.__name__}", f"an instance, {layer.__name__}(…)"
            raise tg.ArgumentError(f"Sequential: layer {position} is {came}; it needs {fix}")
        return layer

    def add_module(self, name: str, module: Module) -> None:
        """Refused: a layer has its place among the others rather than a name; use `append`."""
        raise tg.ArgumentError(
            f"Sequential.add_module: {name!r} would not be called with the layers; use "
            ".append(layer), whose name is its position"
        )

    def forward(self, x: Any) -> Any:
        """The last layer's result."""
        for layer in self.layers:
            try:
                x = layer(x)
            except Exception as error:
                i = next(i for i, own in enumerate(self.layers) if own is layer)
                error.add_note(f"in layer {i} of Sequential, {layer!r}, given {_described(x)}")
                raise
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)

    @overload
    def __getitem__(self, index: int) -> Any: ...

    @overload
    def __getitem__(self, index: slice) -> Sequential: ...

    def __getitem__(self, index: int | slice) -> Any:
        """A layer; of a slice, a Sequential that shares these layers."""
        if isinstance(index, slice):
            return Sequential(self.layers[index])
        return self.layers[self._position(index)]

    def __setitem__(self, index: int, layer: Layer) -> None:
        """Put another layer in the place of one."""
        position = self._position(index)
        self.layers[position] = self._checked(layer, position)
        self._name_parameters()

    def _position(self, index: int) -> int:
        if not -len(self) <= operator.index(index) < len(self):
            raise tg.IndexingError(f"Sequential: there is no layer {index} among {len(self)}")
        return index % len(self)

    def _attributes(self) -> Iterator[tuple[str, Any]]:
        for name, value in super()._attributes():
            if name == "layers":
                yield from ((str(i), layer) for i, layer in enumerate(value))
            else:
                yield name, value


def _described(x: Any) -> str:
    """What came in, in a message."""
    return f"shape {x.shape}" if hasattr(x, "shape") else f"a {type(x).__name__}"
