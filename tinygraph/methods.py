"""Hangs operations on Tensor, as operators and as the methods that an ndarray has."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .backward import backward
from .errors import DTypeError, NoAxesError, ShapeError
from .hooks import register_hook, retain_grad
from .interchange import array_namespace, dlpack, dlpack_device, to_device
from .modes import recording
from .ops import (
    elementwise,
    indexing,
    indices,
    joining,
    matrices,
    products,
    reduction,
    repeating,
    rounding,
    shape,
    variance,
)
from .ops import ufunc_methods as ufunc_methods  # registers them
from .protocols import array_function, array_ufunc
from .registry import REGISTRY
from .template import compile_operator
from .tensor import Tensor, untracked

# Operator, and the operation it is; binary ones come with a reflected twin.
UNARY = {"__neg__": "negative", "__pos__": "positive", "__abs__": "absolute"}
BINARY = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "power",
    "matmul": "matmul",
}
# Operators whose results are booleans or integers: computed, never tracked.
UNTRACKED = {
    "__lt__": operator.lt,
    "__le__": operator.le,
    "__gt__": operator.gt,
    "__ge__": operator.ge,
    "__eq__": operator.eq,
    "__ne__": operator.ne,
    "__and__": operator.and_,
    "__or__": operator.or_,
    "__xor__": operator.xor,
    "__lshift__": operator.lshift,
    "__rshift__": operator.rshift,
    "__rlshift__": lambda a, b: b << a,
    "__rrshift__": lambda a, b: b >> a,
}


def _untracked_operator(name: str, function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def method(self: Tensor, other: Any) -> Any:
        mine, its = self.value, other.value if type(other) is Tensor else other
        if isinstance(its, (list, tuple)):
            its = np.asarray(its)
        try:
            result = function(mine, its)
        except ValueError as error:
            raise ShapeError(
                f"{name}: shapes {np.shape(mine)} and {np.shape(its)}: {error}"
            ) from None
        except TypeError as error:
            raise DTypeError(f"{name}: {error}") from None
        return untracked(result) if hasattr(result, "dtype") else result

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"`{name.strip('_')}` of the values, element by element; never tracked."
    return method


def getitem(self: Tensor, index: Any) -> Tensor:
    """self[index], for every index that NumPy knows; tensors of integers or booleans too."""
    return indexing.getitem(self, indexing.plain(index))


def setitem(self: Tensor, index: Any, value: Any) -> None:
    """Rebind this tensor to a copy in which self[index] = value; differentiable.

    No other tensor changes. A leaf becomes the result of this assignment; under `tg.no_grad()` it
    stays the leaf it is and takes the new value, as an optimizer step does.
    """
    new = indexing.setitem(self, indexing.plain(index), value)
    if self.node is not None and not recording():
        if not self.is_leaf:
            self.node = None
            self._name = None
            self.value = new.value
        else:
            self.assign(new.value)
        return
    name = self.name
    self.value, self.node = new.value, new.node
    self.name = name


def in_place(operation: Callable[..., Any]) -> Callable[[Tensor, Any], Tensor]:
    """`x += y` rebinds x; under `tg.no_grad()` a leaf that requires grad is updated instead."""

    def method(self: Tensor, other: Any) -> Tensor:
        result: Tensor = operation(self, other)
        if self.node is None or self.node.pullback is not None or recording():
            return result
        self.assign(result.value)
        return self

    method.__doc__ = in_place.__doc__
    return method


def iterate(self: Tensor) -> Iterator[Tensor]:
    """The slices along the first axis."""
    if not self.ndim:
        raise NoAxesError("iteration over a 0-dimensional tensor; it has no axes")
    return iter(joining.unstack(self))


def reshape(self: Tensor, *sizes: Any, order: str = "C", copy: bool | None = None) -> Tensor:
    """The same elements in another shape: `t.reshape(2, 3)` or `t.reshape((2, 3))`."""
    return shape.reshape(self, _one_or_many(sizes), order, copy=copy)


def transpose(self: Tensor, *axes: Any) -> Tensor:
    """The axes in another order; without arguments, reversed."""
    order = _one_or_many(axes)
    return shape.transpose(self, None if order in ((), None) else order)


def _one_or_many(arguments: tuple[Any, ...]) -> Any:
    return arguments[0] if len(arguments) == 1 else arguments


def flatten(self: Tensor, order: str = "C") -> Tensor:
    """All elements along one axis."""
    return shape.reshape(self, (-1,), order)


def _integers(name: str) -> Callable[..., Tensor]:
    """An ndarray method whose results are booleans or indices: computed, never tracked."""

    def method(self: Tensor, *args: Any, **keywords: Any) -> Any:
        return getattr(indices, name)(self, *args, **keywords)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"As `np.{name}`; never tracked."
    return method


def _hang() -> None:
    for method, name in UNARY.items():
        setattr(Tensor, method, compile_operator(REGISTRY[name], method))
    for short, name in BINARY.items():
        operation = compile_operator(REGISTRY[name], f"__{short}__")
        setattr(Tensor, f"__{short}__", operation)
        setattr(Tensor, f"__r{short}__", compile_operator(REGISTRY[name], f"__r{short}__"))
        setattr(Tensor, f"__i{short}__", in_place(operation))
    for method, function in UNTRACKED.items():
        setattr(Tensor, method, _untracked_operator(method, function))
    for name in ("and", "or", "xor"):
        reflected = f"__r{name}__"
        setattr(Tensor, reflected, _untracked_operator(reflected, UNTRACKED[f"__{name}__"]))
    for name in ("argmax", "argmin", "argsort", "any", "all", "nonzero"):
        setattr(Tensor, name, _integers(name))
    methods = {
        reduction: ("sum", "mean", "prod", "max", "min", "cumsum", "logsumexp"),
        variance: ("var", "std"),
        shape: ("squeeze", "swapaxes", "ravel", "diagonal", "astype", "copy"),
        indexing: ("take",),
        repeating: ("repeat",),
        products: ("dot",),
        matrices: ("trace",),
        elementwise: ("clip", "conjugate", "conj"),
        rounding: ("round",),
    }
    for module, names in methods.items():
        for name in names:
            setattr(Tensor, name, getattr(module, name))
    own = {
        "__getitem__": getitem,
        "__setitem__": setitem,
        "__iter__": iterate,
        "__invert__": lambda self: untracked(~self.value),
        "__divmod__": rounding.divmod,
        "__rdivmod__": lambda self, other: rounding.divmod(other, self),
        "__round__": lambda self, decimals=0: rounding.round(self, decimals),
        "__array_ufunc__": array_ufunc,
        "__array_function__": array_function,
        "reshape": reshape,
        "transpose": transpose,
        "flatten": flatten,
        "T": property(shape.transpose, doc="The axes reversed."),
        "mT": property(shape.matrix_transpose, doc="The last two axes exchanged."),
        "real": property(elementwise.real, doc="The real part."),
        "imag": property(elementwise.imag, doc="The imaginary part."),
        "device": property(lambda self: "cpu", doc='Where the elements are: "cpu".'),
        "to_device": to_device,
        "__array_namespace__": array_namespace,
        "__dlpack__": dlpack,
        "__dlpack_device__": dlpack_device,
        "backward": backward,
        "register_hook": register_hook,
        "retain_grad": retain_grad,
    }
    for name, attribute in own.items():
        setattr(Tensor, name, attribute)


_hang()
