"""A file of arrays by name and one text: in the safetensors format, or NumPy's npz.

Neither holds code, so reading one runs none. Which of them a file is, its first bytes say.
"""

from __future__ import annotations

import io
import json
import zlib
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from .draft import draft
from .errors import ArgumentError, SavingError

if TYPE_CHECKING:
    import zipfile

    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]

# Under which the text, after a checksum of all there is, lies in a safetensors file's metadata: a
# single entry, as several come in any order. An npz has checksums of its own.
OWN = "tinygraph"
TEXT = "tinygraph.json"  # and in an npz, which is a zip archive
RESERVED = frozenset({"__metadata__"})  # what no array of a safetensors file can be called
INSTALL = 'pip install "tinygraph-autodiff[safetensors]"'


def write(path: Path, arrays: Arrays, text: str) -> None:
    """Replace the file as a whole; the suffix chooses its format, see `tg.save`.

    arrays: contiguous, of dtypes that both formats have: boolean, integer, floating to 64 bits.
    """
    suffix, installed = path.suffix.lower(), find_spec("safetensors") is not None
    if suffix == ".safetensors" and not installed:
        raise ArgumentError(
            f"save: {path.name!r} needs the package safetensors: {INSTALL}; or give the file the "
            "suffix .npz, which needs none"
        )
    with draft(path, "save") as file:
        if suffix == ".npz" or not installed:
            _write_npz(file, arrays, text)
        else:
            metadata = {OWN: f"{checksum(arrays, text)} {text}"}
            file.write(import_module("safetensors.numpy").save(arrays, metadata))


def read(path: Path) -> tuple[Arrays, str]:
    """The arrays and the text that `write` wrote.

    Raises SavingError for a file that it did not write, or that is not whole.
    """
    with open(path, "rb") as file:
        start = file.read(9)
        file.seek(0)
        if start.startswith(b"PK"):
            reader = _read_npz
        elif start.endswith(b"{") and len(start) == 9:
            reader = _read_safetensors
        else:
            raise SavingError(
                f"load: {str(path)!r} is neither a safetensors nor an npz file, or it was cut "
                "short; tg.load reads what tg.save wrote"
            )
        try:
            return reader(file, path)
        except (SavingError, ArgumentError):
            raise
        except Exception as error:  # a damaged file makes its reader stumble over anything
            raise SavingError(
                f"load: {str(path)!r} is damaged, or was cut short: {type(error).__name__}: {error}"
            ) from error


def _write_npz(file: BinaryIO, arrays: Arrays, text: str) -> None:
    import zipfile  # late: it brings much with it, and most programs save nothing

    def entry(name: str) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(name)  # without a date: equal content gives equal bytes
        info.external_attr = 0o644 << 16  # rights, for who unpacks it
        return info

    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(entry(TEXT), text)
        for name, array in arrays.items():
            with archive.open(entry(f"{name}.npy"), "w", force_zip64=True) as part:
                np.lib.format.write_array(part, array, allow_pickle=False)


def _read_npz(file: BinaryIO, path: Path) -> tuple[Arrays, str]:
    import zipfile

    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        if TEXT not in names:
            raise _foreign(path, "np.load")
        text = archive.read(TEXT).decode()
        arrays = {}
        for name in names:
            if name != TEXT:
                # As bytes first: their checksum is then compared before anything believes them.
                content = io.BytesIO(archive.read(name))
                array = np.lib.format.read_array(content, allow_pickle=False)
                arrays[name.removesuffix(".npy")] = array
    return arrays, text


def _read_safetensors(file: BinaryIO, path: Path) -> tuple[Arrays, str]:
    if find_spec("safetensors") is None:
        raise ArgumentError(f"load: {str(path)!r} is a safetensors file; to read it: {INSTALL}")
    content = file.read()
    arrays = import_module("safetensors.numpy").load(content)
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    written = header.get("__metadata__", {}).get(OWN)
    if written is None:
        raise _foreign(path, "safetensors.numpy.load_file")
    found, _, text = written.partition(" ")
    if found != checksum(arrays, text):
        raise SavingError(f"load: {str(path)!r} is damaged: its checksum is another")
    # Copies, as those are views of what was read, and not to be written to.
    return {name: np.array(array) for name, array in arrays.items()}, text


def checksum(arrays: Arrays, text: str) -> str:
    """Of names, dtypes, shapes and contents."""
    found = zlib.crc32(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        found = zlib.crc32(f"{name} {array.dtype} {array.shape}".encode(), found)
        found = zlib.crc32(array.data, found)
    return f"{found:08x}"


def _foreign(path: Path, reader: str) -> SavingError:
    return SavingError(
        f"load: {str(path)!r} was not written by tg.save; {reader} may read it, and "
        "model.load_state_dict take arrays over by their names"
    )
