"""Values as JSON and arrays: what a file can hold without holding code.

None, booleans, integers, finite floats, text and lists stand in JSON for themselves. All else is a
dict, whose first key says what: {"tuple": [1, 2]}, {"array": "model.0.weight"}.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .archive import RESERVED
from .errors import ArgumentError, DetachError, DTypeError
from .tensor import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEPT = "arrays, tensors, numbers, text, booleans, None, generators of NumPy, what has a state_dict"
BIT_GENERATORS = ("PCG64", "PCG64DXSM", "SFC64", "Philox", "MT19937")
PARTS = {"complex64": "float32", "complex128": "float64"}  # stored as pairs of these


@dataclass(frozen=True)
class Saved:
    """What a file holds of an object with a `state_dict`: its class's name and its state."""

    kind: str
    state: Any
    generators: dict[str, np.random.Generator]


def has_state(x: Any) -> bool:
    """Whether it is an object that gives its state away and takes it back."""
    if isinstance(x, type):
        return False
    return all(callable(getattr(x, name, None)) for name in ("state_dict", "load_state_dict"))


def generators_of(x: Any) -> dict[str, np.random.Generator]:
    """The generators that an object with a state draws from, if it names them."""
    return dict(x.named_generators()) if hasattr(x, "named_generators") else {}


class Packer:
    """Packs values; their arrays gather in `arrays`, contiguous, under names for people."""

    def __init__(self) -> None:
        self.arrays: dict[str, NDArray[Any]] = {}

    def pack(self, x: Any, path: str) -> Any:
        """The value as JSON. path: where it stands, for the names of arrays and for messages.

        Raises ArgumentError, DTypeError or DetachError for what cannot be kept.
        """
        if x is None or isinstance(x, (bool, str)):
            return x
        if isinstance(x, (np.ndarray, np.generic, Tensor)):
            return self._array(x, path)
        if isinstance(x, int):
            return int(x)
        if isinstance(x, float):
            return float(x) if math.isfinite(x) else {"float": str(float(x))}
        if isinstance(x, complex):
            return {"complex": [self.pack(part, path) for part in (x.real, x.imag)]}
        if has_state(x):
            state = self.pack(x.state_dict(), path)
            generators = self._mapping(generators_of(x), path)
            return {"object": type(x).__name__, "state": state, "generators": generators}
        if isinstance(x, (list, tuple)):
            items = [self.pack(item, f"{path}.{i}") for i, item in enumerate(x)]
            return {"tuple": items} if isinstance(x, tuple) else items
        if isinstance(x, Mapping):
            return self._mapping(x, path)
        if isinstance(x, np.random.Generator):
            return {"generator": self.pack(x.bit_generator.state, path)}
        came, fix = (
            f"of type {type(x).__name__}",
            f"it can keep {KEPT}, and lists and dicts of these",
        )
        if isinstance(x, type):
            came, fix = f"the class {x.__name__}", f"pass an instance of it, {x.__name__}(…)"
        raise ArgumentError(f"save: {path} is {came}; {fix}")

    def _mapping(self, x: Mapping[Any, Any], path: str) -> Any:
        pairs = [(key, self.pack(value, f"{path}.{key}")) for key, value in x.items()]
        if all(type(key) is str for key, _ in pairs):
            return {"dict": dict(pairs)}
        return {"items": [[self.pack(key, f"{path}: a key"), value] for key, value in pairs]}

    def _array(self, x: Any, path: str) -> Any:
        if type(x) is Tensor:
            if x.node is not None and not x.is_leaf:
                raise DetachError(
                    f"save: {path} is {x.described()}, which requires grad, and a file would "
                    "silently cut its graph; save its .detach(), or .item() for a number"
                )
            x = np.asarray(x.value)
        dtype = x.dtype.newbyteorder("=")
        if isinstance(x, np.ma.MaskedArray) or dtype.kind not in "biufc":
            came = "a masked array" if isinstance(x, np.ma.MaskedArray) else f"an array of {dtype}"
            raise DTypeError(
                f"save: {path} is {came}; it can keep booleans, integers, floating and complex "
                "numbers, so convert it: .filled(value), .astype(…), .tolist() for text"
            )
        if dtype.char in "gG":
            raise DTypeError(
                f"save: {path} is {dtype}, which is another one on other machines; "
                "cast it with .astype, to np.float64 or np.complex128"
            )
        # Contiguous, as writers may take the memory as it lies; and with the axes it has.
        array = np.asarray(x, dtype, order="C")
        name = self._free(path)
        packed = {"scalar" if isinstance(x, np.generic) else "array": name}
        if dtype.name in PARTS:
            packed["dtype"] = dtype.name
            array = array[..., np.newaxis].view(PARTS[dtype.name])
        self.arrays[name] = array
        return packed

    def _free(self, path: str) -> str:
        """The path, or where it is taken, as {"a.b": …} beside {"a": {"b": …}} may, one like it."""
        name = path.replace("\0", "0")
        while name in self.arrays or name in RESERVED:
            name += "'"
        return name


def unpack(packed: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """The value that was packed; an object with a state as a `Saved`."""
    if isinstance(packed, list):
        return [unpack(item, arrays) for item in packed]
    if not isinstance(packed, dict):
        return packed
    kind = next(iter(packed))
    return UNPACK[kind](packed, packed[kind], arrays)


def _array(packed: Any, name: Any, arrays: Any) -> Any:
    array = arrays[name]
    return array.view(packed["dtype"])[..., 0] if "dtype" in packed else array


def _generator(packed: Any, state: Any, arrays: Any) -> np.random.Generator:
    state = unpack(state, arrays)
    kind = state["bit_generator"]
    if kind not in BIT_GENERATORS:
        raise ValueError(f"a generator of kind {kind!r} is not known")
    bits = getattr(np.random, kind)()
    bits.state = state
    return np.random.Generator(bits)


def _object(packed: Any, kind: Any, arrays: Any) -> Saved:
    return Saved(kind, unpack(packed["state"], arrays), unpack(packed["generators"], arrays))


UNPACK: dict[str, Callable[[Any, Any, Any], Any]] = {
    "array": _array,
    "scalar": lambda packed, name, arrays: _array(packed, name, arrays)[()],
    "float": lambda packed, text, arrays: float(text),
    "complex": lambda packed, parts, arrays: complex(*unpack(parts, arrays)),
    "tuple": lambda packed, items, arrays: tuple(unpack(items, arrays)),
    "dict": lambda packed, inside, arrays: {k: unpack(v, arrays) for k, v in inside.items()},
    "items": lambda packed, pairs, arrays: dict(unpack(pair, arrays) for pair in pairs),
    "generator": _generator,
    "object": _object,
}
