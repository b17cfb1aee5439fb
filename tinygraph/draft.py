"""A file that is replaced as a whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def draft(path: Path, operation: str) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` at the end; a link stays a link.

    It lies in the same folder, hidden. Where the block raises it is removed, and what was at the
    path stays; so it does where the program dies, and after a power failure: the content is on the
    disk before the name is.
    Raises FileNotFoundError if there is no such folder, and other OSErrors, in words.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{operation}: there is no folder {str(target.parent)!r}")
    if target.is_dir():
        raise IsADirectoryError(f"{operation}: {str(path)!r} is a folder; name a file in it")
    import secrets  # late: most programs write no file

    written = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with _in_words(operation, path):
            file = open(written, "xb")  # noqa: SIM115 - closed below
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with _in_words(operation, path):
            os.replace(written, target)
    finally:
        written.unlink(missing_ok=True)
    if os.name == "posix":  # elsewhere a folder cannot be opened
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            with suppress(OSError):  # some file systems have no such thing, and the file is there
                os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def _in_words(operation: str, path: Path) -> Iterator[None]:
    """Let errors name the path that was asked for, not that of the draft."""
    try:
        yield
    except OSError as error:
        said = error.strerror or error
        raise type(error)(f"{operation}: {str(path)!r} cannot be written: {said}") from error
