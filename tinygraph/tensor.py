"""Tensor: a value and its place in the graph."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias, final

import numpy as np

from .errors import ArgumentError, BackwardError, DetachError, DTypeError, NoAxesError, ShapeError
from .node import Node, clock, leaf

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import DTypeLike, NDArray

    _Unary: TypeAlias = Callable[["Tensor"], "Tensor"]
    _Binary: TypeAlias = Callable[["Tensor", Any], "Tensor"]
    _Method: TypeAlias = Callable[..., "Tensor"]

SUPPORTED = "biufc"  # kinds of dtype: booleans, integers, real and complex floating
DEFAULT_DTYPES = {"float64", "int64", "bool"}  # those a repr leaves out


@final
class Tensor:
    """An n-dimensional array that remembers how it was computed.

    Made by `tg.tensor`, `tg.Variable` and by operations on tensors. A tensor is a value: no
    operation changes another tensor, `x += 1` rebinds the name `x`.

    value: the ndarray, or NumPy scalar where ndim is 0. Not to be written to.
    node: its entry in the graph, or None where nothing is tracked.
    """

    __slots__ = ("__weakref__", "_name", "node", "value")

    value: Any
    node: Node | None
    _name: str | None

    __array_priority__ = 1000.0
    __hash__ = object.__hash__

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise ArgumentError(
            "Tensor is not called directly; use tg.tensor(data) or tg.Variable(data)"
        )

    if TYPE_CHECKING:  # what methods.py hangs on
        __add__: _Binary
        __radd__: _Binary
        __iadd__: _Binary
        __sub__: _Binary
        __rsub__: _Binary
        __isub__: _Binary
        __mul__: _Binary
        __rmul__: _Binary
        __imul__: _Binary
        __truediv__: _Binary
        __rtruediv__: _Binary
        __itruediv__: _Binary
        __floordiv__: _Binary
        __rfloordiv__: _Binary
        __ifloordiv__: _Binary
        __mod__: _Binary
        __rmod__: _Binary
        __imod__: _Binary
        __pow__: _Binary
        __rpow__: _Binary
        __ipow__: _Binary
        __matmul__: _Binary
        __rmatmul__: _Binary
        __imatmul__: _Binary
        __lt__: _Binary
        __le__: _Binary
        __gt__: _Binary
        __ge__: _Binary
        __and__: _Binary
        __or__: _Binary
        __xor__: _Binary
        __rand__: _Binary
        __ror__: _Binary
        __rxor__: _Binary
        __lshift__: _Binary
        __rshift__: _Binary
        __rlshift__: _Binary
        __rrshift__: _Binary
        __divmod__: _Binary
        __rdivmod__: _Binary
        __getitem__: _Binary
        __neg__: _Unary
        __pos__: _Unary
        __abs__: _Unary
        __invert__: _Unary

        def __iter__(self) -> Iterator[Tensor]: ...

        def __setitem__(self, index: Any, value: Any) -> None: ...

        __round__: _Method
        __array_ufunc__: _Method
        __array_function__: _Method
        __array_namespace__: Callable[..., ModuleType]
        __dlpack__: Callable[..., Any]
        __dlpack_device__: Callable[[Tensor], tuple[int, int]]
        device: str
        to_device: _Method
        backward: Callable[..., None]
        register_hook: Callable[..., Any]
        retain_grad: Callable[[], None]
        T: Tensor
        mT: Tensor
        real: Tensor
        imag: Tensor
        sum: _Method
        trace: _Method
        repeat: _Method
        mean: _Method
        var: _Method
        std: _Method
        prod: _Method
        max: _Method
        min: _Method
        cumsum: _Method
        logsumexp: _Method
        squeeze: _Method
        swapaxes: _Method
        ravel: _Method
        diagonal: _Method
        astype: _Method
        copy: _Method
        take: _Method
        dot: _Method
        clip: _Method
        round: _Method
        conjugate: _Method
        conj: _Method
        reshape: _Method
        transpose: _Method
        flatten: _Method
        argmax: _Method
        argmin: _Method
        argsort: _Method
        any: _Method
        all: _Method
        nonzero: _Method

    # What it is

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        shape: tuple[int, ...] = self.value.shape
        return shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        dtype: np.dtype[Any] = self.value.dtype
        return dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        ndim: int = self.value.ndim
        return ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        size: int = self.value.size
        return size

    @property
    def name(self) -> str | None:
        """The name it has on pictures and in error messages."""
        return self._name if self.node is None else self.node.name

    @name.setter
    def name(self, name: str | None) -> None:
        if self.node is None:
            self._name = name
        else:
            self.node.name = name

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by the user rather than computed from tensors that require grad."""
        return self.node is None or self.node.pullback is None

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to it. Can be set on leaves, to freeze and unfreeze them."""
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if wanted == self.requires_grad:
            return
        if wanted:
            check_differentiable(self.value.dtype, "requires_grad = True")
            self.node = leaf(self.value, self._name)
        elif self.is_leaf:
            self._name, self.node = self.name, None
        else:
            raise BackwardError(
                f"requires_grad cannot be unset on {self.described()}, which was computed; "
                "use .detach() for a tensor without its history"
            )

    @property
    def grad(self) -> Tensor | None:
        """The gradient that `backward()` accumulated here, of exactly this shape; or None.

        Of leaves, and of computed tensors after `retain_grad()`.
        """
        node = self.node
        if node is None:
            return None
        if node.pullback is not None:
            if node.hooks is not None and node.hooks.retains:
                kept: Tensor | None = node.hooks.grad
                return kept
            warnings.warn(
                f".grad is kept for leaves only, and {self.described()} was computed; "
                "call .retain_grad() on it before backward(), or ask for its gradient with "
                "tg.gradients(loss, [it])",
                stacklevel=2,
            )
            return None
        grad = node.grad
        return grad if grad is None or type(grad) is Tensor else untracked(grad)

    @grad.setter
    def grad(self, grad: Any) -> None:
        if self.node is None or self.node.pullback is not None:
            raise BackwardError(f".grad can be set on a leaf that requires grad, not on {self!r}")
        if grad is None:
            self.node.grad = None
            return
        value = tensor(grad, dtype=self.dtype).value
        if value.shape != self.shape:
            raise ShapeError(
                f".grad: a gradient of shape {value.shape} for {self.described()}; "
                "it must have that shape"
            )
        self.node.grad = value

    def zero_grad(self) -> None:
        """Forget the accumulated gradient: `grad` is None again."""
        node = self.node
        if node is not None:
            if node.pullback is None:
                node.grad = None
            elif node.hooks is not None:
                node.hooks.grad = node.grad = None

    def described(self) -> str:
        """How error messages call it."""
        operation = self.node.operation if self.node else None
        kind = f"the result of {operation}" if operation else "a tensor"
        return f"{f'tensor {self.name!r}' if self.name else kind} of shape {self.shape}"

    # Out of the graph

    def numpy(self) -> NDArray[Any]:
        """A read-only view of the value, without its history."""
        view = np.asarray(self.value).view()
        view.flags.writeable = False
        return view

    def item(self) -> Any:
        """The value of a tensor with one element, as a Python number."""
        if self.value.size != 1:
            raise ShapeError(
                f"item: {self.described()} has {self.value.size} elements; item() needs one, "
                "use .numpy() for an array or .tolist() for a list"
            )
        return self.value.item()

    def tolist(self) -> Any:
        """The value as a nested list of Python numbers."""
        return self.value.tolist()

    def detach(self) -> Tensor:
        """The same value, as a constant."""
        return untracked(self.value)

    def assign(self, value: Any, dtype: DTypeLike | None = None) -> None:
        """Give a leaf a new value of the same shape; it stays the same leaf.

        dtype: the leaf's from now on, and its gradient's; None keeps the one it has.
        Graphs that kept the old value refuse to go backward from then on (`StaleGraphError`).
        """
        if not self.is_leaf:
            raise BackwardError(
                f"assign: {self.described()} was computed; only a leaf can be given a value"
            )
        array = value.value if type(value) is Tensor else np.asarray(value)
        if array.shape != self.shape:
            raise ShapeError(
                f"assign: a value of shape {array.shape} for {self.described()}; "
                "it must have that shape"
            )
        wanted = self.dtype if dtype is None else np.dtype(dtype).newbyteorder("=")
        if self.node is not None and wanted is not self.dtype:
            check_differentiable(wanted, "assign")
        if array.dtype != wanted and not np.can_cast(array.dtype, wanted, "same_kind"):
            raise DTypeError(
                f"assign: a value of dtype {array.dtype} does not fit {self.described()} "
                f"of dtype {wanted}; cast it with .astype first"
            )
        node, changes = self.node, wanted != self.dtype
        self.value = native(np.array(array, dtype=wanted))
        if node is not None:
            node.changed = next(clock)
            node.value = None if self.shape else self.value
            if changes:
                node.dtype, node._room = self.value.dtype, None
                node.grad = None if node.grad is None else node.grad.astype(wanted)

    # As Python sees it

    def __len__(self) -> int:
        if not self.value.ndim:
            raise NoAxesError("len() of a 0-dimensional tensor; it has no axes")
        return len(self.value)

    def _number(self, convert: Callable[[Any], Any]) -> Any:
        if self.node is not None:
            raise DetachError(
                f"{convert.__name__}() of {self.described()}, which requires grad, would silently "
                "cut the graph; use .item(), or compute with NumPy functions instead of math's"
            )
        if self.value.size != 1:
            raise ShapeError(
                f"{convert.__name__}() needs a tensor with one element, not {self.described()}"
            )
        return convert(self.value.item())

    def __float__(self) -> float:
        number: float = self._number(float)
        return number

    def __int__(self) -> int:
        number: int = self._number(int)
        return number

    def __complex__(self) -> complex:
        number: complex = self._number(complex)
        return number

    def __index__(self) -> int:
        if self.value.dtype.kind not in "iu":
            raise DTypeError(f"an index needs an integer, not {self.described()} of {self.dtype}")
        number: int = self._number(int)
        return number

    def __bool__(self) -> bool:
        # Control flow is not differentiated, so that a tracked tensor may be asked.
        if self.value.size != 1:
            raise ShapeError(f"the truth of {self.described()} is ambiguous; use .any() or .all()")
        return bool(self.value)

    def __contains__(self, item: Any) -> bool:
        return (item.value if type(item) is Tensor else item) in np.asarray(self.value)

    def __format__(self, spec: str) -> str:
        return format(self.value.item(), spec) if spec and self.value.size == 1 else repr(self)

    def __repr__(self) -> str:
        text = np.array2string(np.asarray(self.value), separator=", ", prefix="tensor(")
        parts = [text]
        if str(self.dtype) not in DEFAULT_DTYPES:
            parts.append(f"dtype={self.dtype}")
        if self.name:
            parts.append(f"name={self.name!r}")
        if self.node is not None:
            operation = self.node.operation
            parts.append(f"operation={operation!r}" if operation else "requires_grad=True")
        return f"tensor({', '.join(parts)})"

    def __copy__(self) -> Tensor:
        return with_node(self.value, self.node) if self.node else untracked(self.value, self._name)

    def __reduce__(self) -> Any:
        # For pickle and deepcopy: a leaf is made anew, with its gradient and without its uses.
        if not self.is_leaf:
            raise DetachError(
                f"a copy of {self.described()} would lose its history; copy its .detach(), "
                "or the leaves that it was computed from"
            )
        grad = self.grad
        if grad is not None and grad.node is not None:
            raise DetachError(
                f"a copy of {self.described()}: its gradient was recorded (create_graph=True) and "
                "would lose its history; call zero_grad() first, or set grad to grad.detach()"
            )
        kept = None if grad is None else grad.value
        return _leaf_again, (self.value, self.name, self.requires_grad, kept)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if self.node is not None:
            raise DetachError(
                f"an array made of {self.described()}, which requires grad, would silently cut the "
                "graph; use tg.stack([...]) or tg.array([...]) to join tensors, or "
                ".detach().numpy() for an array"
            )
        view = self.numpy()
        if dtype is not None and np.dtype(dtype) != view.dtype:
            return view.astype(dtype)
        return view.copy() if copy else view


new = object.__new__


def untracked(value: Any, name: str | None = None) -> Tensor:
    """A constant tensor with this value; the array is not copied."""
    out = new(Tensor)
    out.value = value
    out.node = None
    out._name = name
    return out


def with_node(value: Any, node: Node) -> Tensor:
    """A tensor at this place in the graph; the array is not copied."""
    out = new(Tensor)
    out.value = value
    out.node = node
    return out


def _leaf_again(value: Any, name: str | None, requires_grad: bool, grad: Any) -> Tensor:
    t = tensor(value, requires_grad=requires_grad, name=name)
    if grad is not None:
        t.grad = grad
    return t


def tensor(
    data: Any, dtype: DTypeLike | None = None, requires_grad: bool = False, name: str | None = None
) -> Tensor:
    """A tensor with a copy of the data.

    data: number, nested list, ndarray or Tensor.  dtype: NumPy's choice if None.
    requires_grad: make it a leaf, which gradients flow to.  name: for pictures and messages.
    Raises DTypeError for objects, text and dates, and for integers that should require grad;
    ShapeError for a ragged list; DetachError for data that requires grad itself.

    >>> tg.tensor([1.0, 2.0], requires_grad=True, name="w")
    tensor([1., 2.], name='w', requires_grad=True)
    """
    if type(data) is Tensor:
        if data.node is not None:
            raise DetachError(
                f"tensor: a copy of {data.described()}, which requires grad, would silently cut "
                "the graph; copy .detach(), or use the tensor itself"
            )
        data = data.value
    value = array_of(data, "tensor", dtype, copy=True)
    if requires_grad:
        check_differentiable(value.dtype, "tensor(…, requires_grad=True)")
        return with_node(value, leaf(value, name))
    return untracked(value, name)


def Variable(value: Any, dtype: DTypeLike | None = None, name: str | None = None) -> Tensor:
    """A tensor to be optimised: a leaf that requires grad. Integers become floating.

    >>> w = tg.Variable(0, name="w")
    >>> w
    tensor(0., name='w', requires_grad=True)
    """
    if dtype is None and type(value) is not Tensor and np.asarray(value).dtype.kind in "biu":
        dtype = float
    return tensor(value, dtype, requires_grad=True, name=name)


def as_tensor(x: Any, operation: str) -> Tensor:
    """A tensor as it is, anything else as a constant."""
    return x if type(x) is Tensor else untracked(array_of(x, operation))


def check_differentiable(dtype: np.dtype[Any], what: str) -> None:
    """Raise DTypeError for a dtype that has no derivatives."""
    if dtype.kind not in "fc":
        raise DTypeError(
            f"{what}: only floating and complex tensors have gradients, not {dtype}; "
            "give floating data (1.0 rather than 1) or dtype=float"
        )


def array_of(
    data: Any, operation: str, dtype: DTypeLike | None = None, *, copy: bool = False
) -> Any:
    """Data as a native, numeric array (a NumPy scalar where ndim is 0), or a clear error."""
    if isinstance(data, np.ma.MaskedArray):
        raise DTypeError(
            f"{operation}: a masked array came, whose mask would be lost; "
            "fill it first with .filled(value)"
        )
    try:
        value = np.array(data, dtype=dtype) if copy else np.asarray(data, dtype=dtype)
    except DetachError as error:
        raise DetachError(
            f"{operation}: a list that holds tensors that require grad; join them with "
            "tg.stack([...]), tg.concatenate([...]) or tg.array([...]) first"
        ) from error
    except (ValueError, TypeError) as error:
        if "inhomogeneous" in str(error):
            raise ShapeError(
                f"{operation}: a ragged nested list; every row needs the same length ({error})"
            ) from None
        raise DTypeError(f"{operation}: {type(data).__name__} is not numeric: {error}") from error
    if value.dtype.kind not in SUPPORTED:
        raise DTypeError(
            f"{operation}: dtype {value.dtype} (from {type(data).__name__}) is not numeric; "
            "booleans, integers, floating and complex numbers are, so convert it, "
            "for example with .astype(float)"
        )
    return native(value)


def native(array: NDArray[Any]) -> Any:
    """The array in the machine's byte order; a NumPy scalar, which computes faster, if 0-d."""
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return array if array.ndim else array[()]
