"""The public functions of NumPy, their calls, and the arrays that the calls are for."""

import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .table import CALLS

# For each letter a shape and the open interval that its elements are from. No two are alike, and
# none is near 0 or half an integer, where some functions have kinks.
ARRAYS: dict[str, tuple[tuple[int, ...], tuple[float, float]]] = {
    "x": ((3, 4), (-1.9, 1.9)),
    "y": ((3, 4), (-1.9, 1.9)),
    "p": ((3, 4), (0.2, 2.4)),
    "u": ((3, 4), (-0.9, 0.9)),
    "g": ((3, 4), (1.2, 3.4)),
    "v": ((4,), (-1.9, 1.9)),
    "w": ((4,), (-1.9, 1.9)),
    "q": ((4,), (0.2, 2.4)),
    "a": ((3,), (-1.9, 1.9)),
    "c": ((3,), (-1.9, 1.9)),
    "m": ((3, 3), (-0.9, 0.9)),
    "n": ((3, 3), (-0.9, 0.9)),
    "b": ((2, 3, 3), (-0.9, 0.9)),
    "r": ((5, 3), (-1.9, 1.9)),
    "t": ((2, 3, 4), (-1.9, 1.9)),
    "o": ((1, 4, 1), (-1.9, 1.9)),
    "h": ((8,), (-1.9, 1.9)),
    "e": ((), (0.2, 1.9)),
    "s": ((), (2.2, 2.9)),
}

# What NumPy keeps in these spaces: functions have public names, classes are not counted.
SPACES = {"": np, "linalg.": np.linalg, "fft.": np.fft}


class Call(NamedTuple):
    """A call of a public function: its name and its arguments, as text."""

    name: str
    arguments: str
    real: bool  # not with complex numbers

    def __str__(self) -> str:
        return f"{self.name}({self.arguments})"

    @property
    def letters(self) -> list[str]:
        """The arrays in it."""
        words = re.findall(r"(?<![\w.'])[a-z](?![\w'=])", self.arguments)
        return sorted({*words} & ARRAYS.keys())


def numpy_functions() -> dict[str, Any]:
    """The public functions of `numpy`, `numpy.linalg` and `numpy.fft`, by name."""
    return {
        prefix + name: getattr(space, name)
        for prefix, space in SPACES.items()
        for name in sorted(dir(space))
        if not name.startswith("_")
        and callable(getattr(space, name))
        and not isinstance(getattr(space, name), type)
    }


def groups() -> dict[str, dict[str, str]]:
    """The table, with a line for each name."""
    return {
        group: {name: text for names, text in lines.items() for name in names.split()}
        for group, lines in CALLS.items()
    }


def calls_by_name() -> dict[str, list[Call]]:
    """The calls of every public function; other names of one function get the same calls."""
    table = {name: text for group in groups().values() for name, text in group.items()}
    functions = numpy_functions()
    texts = {functions[name]: text for name, text in table.items() if name in functions}
    return {
        name: [*_calls(name, table.get(name) or texts.get(function, ""))]
        for name, function in functions.items()
    }


def _calls(name: str, text: str) -> Iterator[Call]:
    for part in filter(None, map(str.strip, text.split("|"))):
        yield Call(name, part.removeprefix("real:"), part.startswith("real:"))


def arrays(letters: list[str], *, imaginary: bool = False) -> dict[str, Any]:
    """An array for each letter, the same every time; with imaginary parts if they are wanted."""
    found = {}
    for letter in letters:
        shape, (low, high) = ARRAYS[letter]
        rng = np.random.default_rng(ord(letter))
        count = math.prod(shape)
        spread = (rng.permutation(count) + rng.uniform(0.3, 0.7, count)) / count
        value = (low + (high - low) * spread).reshape(shape)
        value += 0.07 * (np.abs(value) < 0.05)
        if shape[-2:] == (3, 3):
            value += np.diag([1.0, 1.5, -1.2])
        if imaginary:
            value = value + 1j * rng.uniform(0.2, 0.7, shape)
        found[letter] = value
    return found
