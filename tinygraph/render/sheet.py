"""Pictures of a series together: beneath each other in one SVG, or as a page to step through."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

GAP = 12.0  # points between pictures
WIDEST = 1100.0  # points in a row of two


class Drawing(NamedTuple):
    """An SVG without its prologue, and its size in points."""

    body: str
    width: float
    height: float


def _drawing(svg: bytes, number: int) -> Drawing:
    """As Graphviz writes it, with identifiers that no other picture on the sheet has."""
    text = svg.decode()
    opening = re.search(r"<svg\b[^>]*>", text)
    assert opening is not None, "no SVG"
    box = re.search(r'viewBox="([^"]*)"', opening[0])
    assert box is not None, "an SVG without a viewBox"
    *_, width, height = map(float, box[1].split())
    inner = text[opening.end() : text.rindex("</svg>")]
    inner = re.sub(r'(<[a-z]+ id=")', rf"\g<1>s{number}_", inner)
    return Drawing(f'viewBox="{box[1]}">{inner}</svg>', width, height)


def _columns(drawings: Sequence[Drawing]) -> int:
    return 2 if 2 * max(d.width for d in drawings) + GAP <= WIDEST else 1


def sheet(svgs: Sequence[bytes], background: str, frame: str) -> bytes:
    """All pictures in one SVG, one below the other; in rows of two where they are narrow."""
    drawings = [_drawing(svg, i) for i, svg in enumerate(svgs, 1)]
    columns = _columns(drawings)
    wide = max(d.width for d in drawings)
    placed, y = [], 0.0
    for first in range(0, len(drawings), columns):
        line = drawings[first : first + columns]
        if first:
            placed.append(f'<path d="M0 {y:g}H{columns * (wide + GAP) - GAP:g}" stroke="{frame}"/>')
            y += GAP / 2
        for k, d in enumerate(line):
            x = k * (wide + GAP)
            placed.append(
                f'<svg x="{x:g}" y="{y:g}" width="{d.width:g}" height="{d.height:g}" {d.body}'
            )
        y += max(d.height for d in line) + GAP / 2
    width, height = columns * (wide + GAP) - GAP, y - GAP / 2
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{width:g}pt" height="{height:g}pt" viewBox="0 0 {width:g} {height:g}">\n'
        f'<rect width="100%" height="100%" fill="{background}"/>\n'
        + "\n".join(placed)
        + "\n</svg>\n"
    ).encode()


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>@title@</title>
<style>
body { margin: 1rem; background: @background@; color: @ink@;
  font: 16px Helvetica, Arial, sans-serif }
nav { display: none; gap: .5rem; align-items: center; margin-bottom: .5rem }
button { font: inherit; padding: .25rem .8rem }
svg { display: block; max-width: 100%; height: auto }
section { margin-bottom: 1.5rem }
.stepping nav { display: flex }
@media screen { .stepping section:not(.shown) { display: none } }
@media print { nav { display: none !important } section { break-inside: avoid } }
</style>
</head>
<body>
<nav aria-label="steps">
<button id="back" aria-label="previous step">←</button>
<input id="at" type="range" min="1" max="@count@" value="1" aria-label="step">
<button id="on" aria-label="next step">→</button>
</nav>
<main aria-live="polite">
@steps@
</main>
<script>
"use strict";
const steps = [...document.querySelectorAll("section")];
const slider = document.getElementById("at");
let now = 0;
function show(i) {
  now = Math.min(Math.max(i, 0), steps.length - 1);
  steps.forEach((step, k) => step.classList.toggle("shown", k === now));
  slider.value = now + 1;
}
document.body.classList.add("stepping");
document.getElementById("back").onclick = () => show(now - 1);
document.getElementById("on").onclick = () => show(now + 1);
slider.oninput = () => show(slider.value - 1);
document.onkeydown = (event) => {
  if (event.target === slider) return;
  const to = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: steps.length - 1 };
  if (event.key in to) { show(to[event.key]); event.preventDefault(); }
};
show(0);
</script>
</body>
</html>
"""


def page(
    svgs: Sequence[bytes], captions: Sequence[str], title: str, background: str, ink: str
) -> bytes:
    """A page that shows one picture at a time; all of them in print and without scripts."""
    import html  # late: most programs draw nothing

    sections = []
    for i, (svg, caption) in enumerate(zip(svgs, captions, strict=True), 1):
        d = _drawing(svg, i)
        size = f'width="{d.width * 4 / 3:g}" height="{d.height * 4 / 3:g}"'
        named = f'role="img" aria-label="{html.escape(caption)}"'
        sections.append(f"<section><svg {size} {named} {d.body}</section>")
    parts = {
        "title": html.escape(title),
        "background": background,
        "ink": ink,
        "count": str(len(svgs)),
        "steps": "\n".join(sections),
    }
    pieces = re.split(r"@(title|background|ink|count|steps)@", PAGE)
    return "".join(p if i % 2 == 0 else parts[p] for i, p in enumerate(pieces)).encode()
