"""Colours and outlines: on white, to print, and on black.

What a box is can be seen without colours: leaves are sharp boxes, parameters have a folded corner,
operations are rounded, outputs have a double border, constants a dashed one or, as bare numbers,
none. Closed boxes look like folders, what is summarised has a dotted border.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

ThemeName: TypeAlias = Literal["light", "dark"]
FONT = "Helvetica,Arial,sans-serif"


class Theme(NamedTuple):
    """Colours of a picture.

    ink, soft, backward     of text: what matters, what matters less, gradients
    looks                   fill and border by what a box is
    groups                  fills of groups, by how deep they lie, in turn
    frame                   of groups
    ramp                    a scale, from least to most, in steps that look even
    kinds                   fills that are told apart, for names that have no order
    unknown, bad            fills for what was not recorded, and for what is not finite
    """

    background: str
    ink: str
    soft: str
    backward: str
    looks: dict[str, tuple[str, str]]
    groups: tuple[str, ...]
    frame: str
    ramp: tuple[str, ...]
    kinds: tuple[str, ...]
    unknown: str
    bad: str
    ring: str


STYLES = {
    "leaf": "style=filled",
    "parameter": "shape=note, style=filled",
    "operation": 'style="rounded,filled"',
    "output": 'style="rounded,filled"',
    "output leaf": "style=filled",
    "constant": "style=dashed",
    "number": "",
    "scope": "shape=tab, style=filled",
    "summary": 'style="rounded,filled,dotted", penwidth=1.5',
}
# Steps of the ramp were chosen even in CIE lightness, and differ in it for any kind of sight.
RAMP = ("#FBF6D9", "#BDDBAF", "#7BBEAF", "#419BB2", "#2C76AB", "#2A5196", "#2A2F72")

LIGHT = Theme(
    background="white",
    ink="#1F2328",
    soft="#5C636B",
    backward="#B3261E",
    looks={
        "leaf": ("#E4EFFB", "#2F6DB5"),
        "parameter": ("#E6F3EA", "#2E7A4B"),
        "operation": ("#FFFFFF", "#4A5058"),
        "output": ("#FFF3D1", "#8A6100"),
        "output leaf": ("#FFF3D1", "#8A6100"),
        "constant": ("", "#8B929A"),
        "number": ("", ""),
        "scope": ("#EFEBF7", "#6A4FA3"),
        "summary": ("#F2F3F5", "#5C636B"),
    },
    groups=("#F7F8FA", "#EFF1F5"),
    frame="#A3AAB3",
    ramp=RAMP,
    kinds=("#CFE3F7", "#FFE2B8", "#CDEBD8", "#F3D3E6", "#E6E0C2", "#DAD4F2", "#D5ECEE", "#E2E4E8"),
    unknown="#FFFFFF",
    bad="#F5A9A0",
    ring="#C4161C",
)

DARK = Theme(
    background="#14181D",
    ink="#E8EBEF",
    soft="#A2ABB5",
    backward="#FF9C8F",
    looks={
        "leaf": ("#15304D", "#6FAAE8"),
        "parameter": ("#173526", "#6FC08F"),
        "operation": ("#20262D", "#98A2AD"),
        "output": ("#40320C", "#E2B84B"),
        "output leaf": ("#40320C", "#E2B84B"),
        "constant": ("", "#7C858F"),
        "number": ("", ""),
        "scope": ("#2C2440", "#AE97E0"),
        "summary": ("#262B31", "#A2ABB5"),
    },
    groups=("#1A1F25", "#20262D"),
    frame="#57606A",
    ramp=RAMP[::-1],
    kinds=("#1F4468", "#66471A", "#1E4F36", "#5A2B4A", "#4D4720", "#3B3168", "#1F4B50", "#3A4048"),
    unknown="#14181D",
    bad="#8E2A22",
    ring="#FF5B4D",
)

THEMES: dict[str, Theme] = {"light": LIGHT, "dark": DARK}


def look_of(theme: Theme, look: str) -> str:
    """The attributes of a box."""
    fill, border = theme.looks[look]
    parts = [STYLES[look], f'fillcolor="{fill}"' * bool(fill), f'color="{border}"' * bool(border)]
    if look == "number":
        parts.append("penwidth=0")
    if look.startswith("output"):
        parts.append("peripheries=2")
    return ", ".join(part for part in parts if part)


def lightness(color: str) -> float:
    """CIE lightness of a colour, 0 for black and 100 for white."""
    linear = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in linear]
    y = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return float(116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y)


def readable_on(color: str) -> str:
    """The ink, black or white, that is read on a colour."""
    return "#FFFFFF" if lightness(color) < 58 else "#14181D"


def between(ramp: tuple[str, ...], x: float) -> str:
    """The colour at x on a ramp, from 0 to 1."""
    at = min(max(x, 0.0), 1.0) * (len(ramp) - 1)
    i = min(int(at), len(ramp) - 2)
    one, other = ramp[i], ramp[i + 1]
    parts = []
    for k in (1, 3, 5):
        a, b = int(one[k : k + 2], 16), int(other[k : k + 2], 16)
        parts.append(f"{round(a + (b - a) * (at - i)):02X}")
    return "#" + "".join(parts)
