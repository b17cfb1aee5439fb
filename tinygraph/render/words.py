"""Words and numbers on a picture."""

from __future__ import annotations

import math
from typing import Any

LONGEST = 32  # characters of a name


def clean(text: str | None, longest: int = LONGEST) -> str:
    """Text on one line, without what cannot be shown, and not too long."""
    words = "".join(
        " " if c.isspace() else c if c.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for c in str(text or "")
    ).split()
    line = " ".join(words)
    return line if len(line) <= longest else line[: longest - 1] + "…"


def short(x: Any) -> str:
    """A number in five or six significant digits: 33, 0.1, 1.2346e-5, 3-4j."""
    if isinstance(x, bool):
        return str(x)
    if isinstance(x, complex):
        imaginary = short(x.imag)
        return f"{short(x.real)}{'' if imaginary[0] == '-' else '+'}{imaginary}j"
    try:
        if math.isfinite(x) and x == round(x) and abs(x) < 1e6:
            return str(round(x))
        digits = f"{x:.5g}"
    except OverflowError:  # an integer beyond floating point
        return clean(str(x))
    mantissa, e, exponent = digits.partition("e")
    return f"{mantissa}e{int(exponent)}" if e else digits


def counted(count: int, one: str, several: str = "") -> str:
    """1 leaf, 1,234 operations."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def seconds(x: float) -> str:
    """A time: 1.2 ms."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if x >= size:
            return f"{x / size:.3g} {unit}"
    return f"{x * 1e9:.3g} ns"


def in_bytes(x: float) -> str:
    """A size in memory: 40 B, 1.2 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if x < 1000:
            return f"{x:.3g} {unit}"
        x /= 1000
    return f"{x:.3g} TB"


def spread(numbers: list[Any], say: Any = short) -> str:
    """One number where they are equal, else from the least to the greatest."""
    texts = list(dict.fromkeys(map(say, numbers)))
    if len(texts) == 1:
        return str(texts[0])
    try:
        least, greatest = min(numbers), max(numbers)
    except TypeError:  # complex
        return f"{texts[0]} …"
    if say is short:
        say = _brief
    return f"{say(least)} … {say(greatest)}"


def _brief(x: Any) -> str:
    return short(float(f"{x:.3g}")) if isinstance(x, float) else short(x)


def pattern(names: list[str]) -> str:
    """What names have in common: blocks.*.weight."""
    parts = [name.split(".") for name in names]
    if len({len(part) for part in parts}) > 1:
        return f"{names[0]} …"
    return ".".join(
        column[0] if len(set(column)) == 1 else "*" for column in zip(*parts, strict=True)
    )
