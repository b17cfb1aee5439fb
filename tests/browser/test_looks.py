"""Forward and backward, colours and their legends, themes, print."""

import base64
import re

import numpy as np
import pytest
from payloads import blocks, broken, random_graph

import tinygraph as tg

TEXTS = """
return viewer.drawing.items.map(item => [item.name || item.label,
    viewer.texts(item).map(line => line.map(run => run.text).join("")).slice(1).join(" | ")]);
"""


def texts(page):
    return dict(page.js(TEXTS))


def partly():
    """J depends on w with gradient 0, on v with another; `aside` was not differentiated."""
    w, v = tg.Variable(2.0, name="w"), tg.Variable(3.0, name="v")
    J = w * 0.0 + v
    J.name = "J"
    J.backward()
    aside = np.exp(tg.Variable(np.ones(3), name="u"))
    aside.name = "aside"
    return tg.graph(J, aside).to_html()


def test_a_gradient_that_was_not_computed_is_told_from_zero(page):
    page.open(partly())
    page.js("viewer.showMode('backward')")
    shown = texts(page)
    assert shown["w"] == "grad 0"
    assert shown["v"] == "grad 1"
    assert shown["u"] == "grad not computed"
    assert "grad" not in shown["0.0"]


def test_forward_shows_values_and_both_shows_both(page):
    page.open(partly())
    page.js("viewer.showMode('forward')")
    assert (texts(page)["w"], texts(page)["u"]) == ("2", "(3,)")
    page.js("viewer.showMode('both')")
    assert (texts(page)["w"], texts(page)["u"]) == ("2 | grad 0", "(3,) | grad not computed")


@pytest.mark.parametrize("mode, ends", [("forward", 6), ("backward", 5)])
def test_arrows_point_the_way_of_the_mode(page, mode, ends):
    """J = 3(a + bc): six edges; no cotangent flows to the constant 3."""
    a, b, c = (tg.Variable(float(i), name=n) for i, n in enumerate("abc"))
    page.open(tg.graph(3 * (a + b * c)).to_html())
    page.js("viewer.direction = 'TB'; viewer.showMode(arguments[0])", mode)
    tips = page.js("""
        const heads = viewer.svg().match(/<path d="(M[^"]*Z)" fill="[^"]*"\\/>/g)
            .find(path => path.split("M").length > 4);
        return heads.match(/M[^Z]*Z/g);
    """)
    assert len(tips) == ends
    for tip in tips:
        (_, tip_y), (_, left_y), _ = re.findall(r"[ML]([-\d.]+) ([-\d.]+)", tip)
        assert (float(tip_y) > float(left_y)) == (mode == "forward")


# Colours


def lightness(colour):
    r, g, b = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in (r, g, b)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 116 * luminance ** (1 / 3) - 16 if luminance > 0.008856 else 903.3 * luminance


def test_more_is_darker_in_even_steps(page):
    """CIE lightness falls all the way, so that the scale is read in grey as well."""
    page.open(blocks(3))
    page.js("viewer.openTo(9); viewer.colourWith('forward')")
    found = page.js("""
        return viewer.drawing.items.filter(item => item.seconds)
            .map(item => [item.seconds, viewer.overlay.fill(item)]);
    """)
    colours = [colour for _, colour in sorted(map(tuple, found))]
    levels = [lightness(colour) for colour in dict.fromkeys(colours)]
    assert len(levels) > 5
    steps = -np.diff(levels)
    assert np.all(steps > 0)
    assert steps.max() < 2.5 * steps.min()  # times double from one to the next: a log scale
    assert levels[0] - levels[-1] > 50


@pytest.mark.parametrize("name", ["none", "forward", "backward", "bytes", "gradient", "dtype"])
def test_each_colouring_has_its_legend(page, name):
    page.open(blocks(3))
    page.js("viewer.colourWith(arguments[0])", name)
    titles = {"none": "Operation", "forward": "Time forward", "backward": "Time backward",
              "bytes": "Bytes kept", "gradient": "Gradient norm", "dtype": "float32"}  # fmt: skip
    assert titles[name] in page.text("#legend")


def test_the_scale_names_its_ends_and_what_has_no_colour(page):
    page.open(blocks(3))
    page.js("viewer.openTo(9); viewer.colourWith('forward')")
    legend = page.text("#legend")
    seconds = page.js("return viewer.graph.nodes.map(n => n.seconds).filter(Boolean)")
    for end in (min(seconds), max(seconds)):
        assert f"{end * 1e6:.3g} µs" in legend
    assert "not recorded" in legend


def test_zero_and_not_computed_are_not_on_the_scale(page):
    page.open(partly())
    page.js("viewer.colourWith('gradient')")
    fills = page.js("""
        return Object.fromEntries(viewer.drawing.items.map(i => [i.name, viewer.overlay.fill(i)]));
    """)
    assert fills["w"] == "zero"
    assert fills["u"] is None
    assert fills["v"].startswith("#")
    assert "0" in page.text("#legend")
    assert "not computed" in page.text("#legend")


def test_what_was_not_recorded_cannot_be_chosen(page):
    page.open(partly())
    chosen = page.js("""
        return [...document.getElementById("overlay").options]
            .filter(option => !option.disabled).map(option => option.value);
    """)
    assert chosen == ["none", "bytes", "gradient", "nonfinite", "dtype"]


def test_the_first_nan_is_ringed_and_one_click_away(page):
    page.open(broken())
    page.js("viewer.colourWith('nonfinite')")
    ringed = page.js("""
        return viewer.drawing.items.filter(viewer.overlay.ring).map(item => item.label);
    """)
    # Forward the logarithm is the first; backward, from the end, what it was taken of.
    assert sorted(ringed) == ["log", "−"]
    bad = page.js(
        "return viewer.drawing.items.filter(i => viewer.overlay.fill(i)).map(i => i.label)"
    )
    assert sorted(bad) == ["exp", "log", "sum", "x", "−"]
    page.js("document.querySelector('#legend button').click()")
    assert page.js("return viewer.selected.label") == "log"
    assert "3 NaN" in page.text("#panel")


def test_a_closed_scope_shows_the_sum_of_its_times(page):
    page.open(blocks(2))
    page.js("viewer.openTo(1); viewer.colourWith('forward')")
    total = page.js("""
        const path = ({ parent }) => parent.path;
        return viewer.graph.nodes.filter(n => n.seconds && path(n)[0] === "block0")
            .reduce((sum, n) => sum + n.seconds, 0);
    """)
    note = page.js("return viewer.overlay.note(viewer.graph.groups[0])")
    assert note == f"{total * 1e6:.3g} µs"


# Themes and print


def test_the_theme_follows_the_system_and_the_button(page):
    page.open(blocks(2))
    ground = "return getComputedStyle(document.body).backgroundColor"
    light = page.js(ground)
    page.emulate(scheme="dark")
    page.rendered()
    dark = page.js(ground)
    assert dark != light
    page.js("document.getElementById('theme').click()")
    assert page.js(ground) == light


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(page, scheme):
    """A contrast of at least 4.5 to 1 (WCAG 2.2, 1.4.3) of every text on what it stands on."""
    page.open(blocks(2))
    page.emulate(scheme=scheme)
    colours = page.js("viewer.colourBy(arguments[0]); return viewer.colours", scheme)

    def luminance(colour):
        return ((lightness(colour) + 16) / 116) ** 3

    grounds = ["ground", "card", "box", "leaf", "parameter", "operation", "output", "group"]
    for ink in ("ink", "soft", "gradient"):
        for ground in grounds:
            a, b = sorted([luminance(colours[ink]), luminance(colours[ground])])
            assert (b + 0.05) / (a + 0.05) >= 4.5, (ink, ground)


@pytest.mark.parametrize("make", [lambda: blocks(3), lambda: random_graph(1000)])
def test_print_is_one_page_with_all_of_it(page, chromium, make):
    page.open(make())
    page.js("viewer.colourBy('dark')")
    options = {"preferCSSPageSize": True, "printBackground": True}
    pdf = base64.b64decode(chromium.execute_cdp_cmd("Page.printToPDF", options)["data"])
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    assert page.js("return viewer.theme === document.documentElement.dataset.theme")


def test_what_is_printed_is_the_drawing_alone(page):
    page.open(blocks(3))
    page.js("viewer.colourBy('dark'); dispatchEvent(new Event('beforeprint'))")
    page.emulate(media="print")
    shown = page.js("""
        return [...document.body.children].filter(e => getComputedStyle(e).display !== "none")
            .map(e => e.id);
    """)
    assert shown == ["sheet"]
    width, height = page.js("""
        const { width, height } = document.querySelector("#sheet svg").getBoundingClientRect();
        return [width, height];
    """)
    assert 0 < width <= 1400
    assert 0 < height <= 900
    printed = page.js("""
        return [...document.querySelectorAll("#sheet svg text")].map(e => e.textContent);
    """)
    assert {"x", "loss"} <= set(printed)


def test_the_drawing_is_kept_as_svg(page):
    page.open(blocks(2))
    page.js("viewer.openTo(9)")
    svg = page.js("return viewer.svg()")
    assert svg.startswith('<svg xmlns="http://www.w3.org/2000/svg" viewBox=')
    for node in ("block0.up.weight", "relu", "loss"):
        assert f">{node}</text>" in svg
