"""Memory of large arrays: used again, instead of given back to the system and taken anew.

The system hands out zeroed pages, one fault for every 4 KB; on arrays of 4 MB that took as long as
the arithmetic itself. Here an array of more than 256 KB is a loan. It comes back when the last
array, view or buffer over it has gone, as the interpreter tells by deleting what they all hold.
"""

from __future__ import annotations

import ctypes
import math
import threading
from typing import Any, TypeAlias

import numpy as np

from .errors import ArgumentError

LARGE = 1 << 18  # bytes from which on an array is lent
LIMIT = 1 << 28  # bytes that are kept at most, of those that came back

_Block: TypeAlias = tuple[Any, int]  # an array of bytes and its address

_free: dict[int, list[_Block]] = {}  # by size; the size that was used last stands last
_kept = 0  # the bytes in them
# Operations never wait for it: a loan may come back in the midst of anything, even of `_lend`.
_lock = threading.Lock()


class Switch:
    """Whether this program has met a large array; until then, operations look no further."""

    __slots__ = ("on",)

    on: bool


large = Switch()
large.on = False


class Loan:
    """What an array on a block of ours, and every view of it, holds."""

    __slots__ = ("__array_interface__", "__block")

    def __init__(self, block: _Block, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.__block = block
        self.__array_interface__ = {
            "data": (block[1], False), "shape": shape, "typestr": dtype.str, "version": 3
        }  # fmt: skip

    def __del__(self) -> None:
        _take_back(self.__block)


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """As `np.empty`, on memory that was used before if it is large."""
    size = math.prod(shape) * dtype.itemsize
    if size < LARGE or not dtype.isnative:
        return np.empty(shape, dtype)
    return np.asarray(Loan(_lend(size), shape, dtype))


def _lend(size: int) -> _Block:
    global _kept
    if size in _free and _lock.acquire(blocking=False):
        try:
            blocks = _free.pop(size, None)
            if blocks:
                _kept -= size
                block = blocks.pop()
                if blocks:
                    _free[size] = blocks
                return block
        finally:
            _lock.release()
    memory = np.empty(size, np.uint8)
    return memory, memory.ctypes.data


def _take_back(block: _Block) -> None:
    global _kept
    size = block[0].nbytes
    if size <= LIMIT and _lock.acquire(blocking=False):
        try:
            _free.setdefault(size, []).append(block)
            _kept += size
            while _kept > LIMIT:
                oldest = next(iter(_free))
                _free[oldest].pop()
                _kept -= oldest
                if not _free[oldest]:
                    del _free[oldest]
        finally:
            _lock.release()


def release_memory() -> int:
    """Give back the memory that is kept for the next large arrays; returns how many bytes.

    Results of 256 KB and more, of operations element by element, take the memory that others of
    their size left: up to 256 MB stay with the process for that. What arrays hold stays theirs.
    """
    global _kept
    if not _lock.acquire(timeout=1):
        return 0
    try:
        blocks = [*_free.values()]
        released, _kept = _kept, 0
        _free.clear()
    finally:
        _lock.release()
    blocks.clear()
    return released


_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # of glibc's malloc.h


def keep_freed_memory(limit: int = 2**30) -> bool:
    """Let the whole process keep the memory that arrays leave, to be used again.

    limit: bytes that malloc may keep at the end of its heap, below 2 GB. Below that end it keeps
    all that is free.
    Returns whether it is so now: False where the C library is not glibc.

    By itself glibc gives large blocks back to the system and takes them again, zeroed, one page
    fault for every 4 KB. tinygraph reuses the memory of its own elementwise results; this does it
    for all of NumPy, at the price of a process that does not shrink before it ends. Call it before
    arrays are made. A chain of 23 operations on 10⁶ elements and its gradients, by hand in NumPy,
    went from 1550 faults a step to none, and from 22 ms to 20.

    Raises ArgumentError for a limit that is negative, or 2 GB and more.
    """
    if not 0 <= limit < 2**31:
        raise ArgumentError(f"keep_freed_memory: limit={limit}; it needs bytes, below 2**31")
    try:
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version  # noqa: B018 - what only glibc has
        mallopt = libc.mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, limit))
