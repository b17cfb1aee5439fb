"""How far a fit has come, on the terminal."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

Show: TypeAlias = Callable[[Mapping[str, float]], None]


@contextlib.contextmanager
def shown(progress: bool | None, epochs: int, begun: int = 0) -> Iterator[Show]:
    """A function to call with each epoch's quantities: a bar of tqdm's, a line, or nothing.

    progress: None for a bar if there are a terminal and tqdm, True for a bar, or without tqdm
        for lines, False for nothing. All go to stderr.
    epochs: the number of the last one.  begun: how many there were before.
    """
    if progress is None:
        progress = sys.stderr is not None and sys.stderr.isatty()
        tqdm = _tqdm() if progress else None
        progress = tqdm is not None
    else:
        tqdm = _tqdm() if progress else None
    if not progress:
        yield lambda row: None
    elif tqdm is None:
        yield lambda row: _write_line(row, epochs)
    else:
        with tqdm(total=epochs, initial=begun, unit="epoch") as bar:
            yield lambda row: _advance(bar, row)


def _tqdm() -> Any:
    try:
        return importlib.import_module("tqdm").tqdm
    except ImportError:
        return None


def _texts(row: Mapping[str, float]) -> dict[str, str]:
    """What is worth the room, in four digits."""
    return {
        name: f"{value:.4g}"
        for name, value in row.items()
        if "/" not in name and name not in ("epoch", "lr", "seconds")
    }


def _advance(bar: Any, row: Mapping[str, float]) -> None:
    bar.set_postfix(_texts(row), refresh=False)
    bar.update()


def _write_line(row: Mapping[str, float], epochs: int) -> None:
    quantities = "  ".join(f"{name} {text}" for name, text in _texts(row).items())
    width = len(str(epochs))
    sys.stderr.write(f"epoch {int(row['epoch']):{width}}/{epochs}  {quantities}\n")
