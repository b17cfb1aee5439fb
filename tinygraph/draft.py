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
    Raises FileNotFoundError if there is no such folder.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{operation}: there is no folder {str(target.parent)!r}")
    import secrets  # late: most programs write no file

    written = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with open(written, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
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
