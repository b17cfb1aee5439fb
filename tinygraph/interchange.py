"""How other libraries meet a tensor: its namespace in the array API standard, its memory."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from .errors import ArgumentError, DetachError, DomainError
from .numpy_version import since
from .tensor import Tensor

# NumPy's arrays take the keywords of DLPack 1.0 since then.
VERSIONED = since("2.1.0")
# Those of the array API standard, each of which holds the ones before.
STANDARDS = ("2021.12", "2022.12", "2023.12", "2024.12")


def array_namespace(self: Tensor, /, *, api_version: str | None = None) -> ModuleType:
    """`tinygraph.array_api`, the functions of the Python array API standard."""
    if api_version is not None and api_version not in STANDARDS:
        raise DomainError(
            f"__array_namespace__: version {api_version!r} of the array API standard; "
            f"there are {', '.join(STANDARDS)}"
        )
    # It stands above, on the public names, and is loaded by those who ask for it.
    return import_module("tinygraph.array_api")


def to_device(self: Tensor, device: str, /, *, stream: Any = None) -> Tensor:
    """The tensor as it is: "cpu" is the only device."""
    if device != "cpu":
        raise DomainError(
            f"to_device: {device!r}; tensors are arrays of NumPy and live on 'cpu' only"
        )
    if stream is not None:
        raise ArgumentError(f"to_device: stream={stream!r}, and 'cpu' has no streams; leave it out")
    return self


def dlpack_device(self: Tensor) -> tuple[int, int]:
    """The kind and the number of the device: that of NumPy's arrays, the CPU."""
    kind, number = np.asarray(self.value).__dlpack_device__()
    return kind, number


def dlpack(
    self: Tensor,
    *,
    stream: Any = None,
    max_version: tuple[int, int] | None = None,
    dl_device: tuple[int, int] | None = None,
    copy: bool | None = None,
) -> Any:
    """A capsule with a copy of the value; with `copy=False` its own memory, marked as read-only.

    A copy, as libraries write into memory that is marked so, and a tensor is a value.
    Raises DetachError for a tensor that requires grad; BufferError where `copy=False` cannot be.
    """
    if self.node is not None:
        raise DetachError(
            f"__dlpack__: memory of {self.described()}, which requires grad, in another library "
            "would silently cut the graph; lend .detach() instead"
        )
    versioned = VERSIONED and max_version is not None and max_version >= (1, 0)
    if copy is False and not versioned:
        raise BufferError(
            "__dlpack__: a tensor's memory is read-only, which DLPack can tell from version 1.0 "
            f"on, and max_version={max_version}; leave copy=False out"
        )
    array = self.numpy() if copy is False else np.array(self.value)
    if not versioned:
        return array.__dlpack__(stream=stream)
    return array.__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device)
