"""Looking around: pointer, keyboard, search, panel, tip, and what a screen reader is told."""

import pytest
from payloads import Payload, blocks, chain
from selenium.webdriver import Keys

import tinygraph as tg

DEEP = "viewer.graph.groups.find(g => g.name === 'down' && g.path[0] === 'block2')"


def scalar():
    a, b, c = (tg.Variable(v, name=n) for v, n in ((5.0, "a"), (3.0, "b"), (2.0, "c")))
    u = b * c
    u.name = "u"
    v = a + u
    v.name = "v"
    J = 3 * v
    J.name = "J"
    J.backward()
    return tg.graph(J).to_html(title="J = 3(a + bc)")


def selected(page):
    return page.js("return viewer.selected && (viewer.selected.name || viewer.selected.label)")


def test_nothing_is_asked_of_the_network(page, chromium):
    chromium.get("data:,")  # away from the page that a browser begins with
    page.open(blocks(3))
    page.js("viewer.openTo(9); viewer.colourWith('forward'); viewer.svg()")
    asked = [
        entry["message"]
        for entry in chromium.get_log("performance")
        if '"Network.requestWillBeSent"' in entry["message"]
    ]
    assert len(asked) == 1
    assert "file://" in asked[0]
    assert page.js("return performance.getEntriesByType('resource').length") == 0


def test_the_page_may_not_ask(page, chromium):
    page.open(scalar())
    refused = chromium.execute_async_script(
        "const done = arguments[0]; fetch('http://localhost:9/').then(() => done(0), () => done(1))"
    )
    assert refused == 1
    assert any("Content Security Policy" in message for message in page.complaints())


def test_it_is_drawn(page):
    page.open(scalar())
    assert page.text("#title") == "J = 3(a + bc)"
    assert page.text("#summary") == "7 nodes"
    colours = page.js("""
        const { canvas } = viewer.parts;
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return new Set(new Uint32Array(data.buffer)).size;
    """)
    assert colours > 20


def test_all_of_it_fits_between_the_panels(page):
    page.open(blocks(3))
    edges = page.js("""
        const { x, y, scale } = viewer.view;
        return [x, y, x + viewer.drawing.width * scale, y + viewer.drawing.height * scale];
    """)
    bar, legend = page.js("""
        return [document.getElementById("bar").getBoundingClientRect().bottom,
                document.getElementById("legend").getBoundingClientRect().top];
    """)
    assert edges[0] >= 0
    assert edges[1] >= bar
    assert edges[2] <= 1400
    assert edges[3] <= legend + 1


# Scopes


def test_a_click_opens_a_scope_and_one_on_its_header_closes_it(page):
    page.open(blocks(3))
    page.js("viewer.openTo(1)")
    assert page.shown() == ["x", "block0", "block1", "block2", "loss"]
    where = page.js("return viewer.onScreen(viewer.graph.groups[0])")
    page.click("viewer.graph.groups[0]")
    assert page.shown().count("up") == 1
    moved = page.js("return viewer.onScreen(viewer.graph.groups[0])")
    assert moved["x"] == pytest.approx(where["x"], abs=1)
    assert moved["y"] == pytest.approx(where["y"], abs=1)
    page.click("viewer.graph.groups[0]")
    assert page.shown() == ["x", "block0", "block1", "block2", "loss"]


def test_a_closed_scope_tells_what_goes_in_and_out(page):
    page.open(blocks(1))
    page.js("viewer.openTo(1); viewer.select(viewer.graph.groups[0])")
    told = page.text("#panel")
    for line in ("block0", "Block block0", "4", "32", "(4, 4)", "Expand"):
        assert line in told


def test_the_buttons_for_depth(page):
    page.open(blocks(3))
    counts = []
    for action in ("collapse", "deeper", "expand", "shallower"):
        page.js("document.querySelector(`[data-do=${arguments[0]}]`).click()", action)
        counts.append((page.text("#level"), len(page.shown())))
    # x, loss and three blocks; of a block up, relu, down and +; of these up and down hold a weight.
    assert counts == [("1", 5), ("2", 14), ("3", 20), ("2", 14)]


def test_what_is_crowded_begins_closed(page):
    page.open(blocks(40))
    assert len(page.shown()) == 42
    page.open(blocks(10))
    assert len(page.shown()) == 2 + 6 * 10


def test_long_chains_are_elided_where_there_is_much(page):
    page.open(chain(200))
    assert page.shown() == ["x", "200 operations"] or page.shown() == ["x", "199 operations", "×"]
    page.click("viewer.graph.groups[0]")
    assert len(page.shown()) > 290
    page.open(chain(40))
    assert len(page.shown()) == 1 + 40 + 20


# The pointer


def test_dragging_moves_and_the_wheel_zooms_about_the_pointer(page, chromium):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.actions.wheel_input import ScrollOrigin

    page.open(scalar())
    before = page.js("return viewer.view")
    stage = chromium.find_element("id", "stage")
    drag = ActionChains(chromium, duration=20).move_to_element_with_offset(stage, -400, 100)
    drag.click_and_hold().move_by_offset(60, -25).release().perform()
    after = page.js("return viewer.view")
    assert (after["x"] - before["x"], after["y"] - before["y"]) == (60, -25)

    origin = ScrollOrigin.from_viewport(300, 400)
    ActionChains(chromium).scroll_from_origin(origin, 0, -200).perform()
    page.js("return viewer.paintNow()")
    zoomed = page.js("return viewer.view")
    assert zoomed["scale"] > after["scale"]
    for axis, at in (("x", 300), ("y", 400)):
        under = (at - after[axis]) / after["scale"]
        assert zoomed[axis] + under * zoomed["scale"] == pytest.approx(at, abs=0.01)


def test_hovering_tells_the_facts(page):
    page.open(blocks(2))
    page.js("""
        viewer.openTo(9);
        const item = viewer.drawing.items.find(item => item.label === "relu");
        const { x, y } = viewer.onScreen(item);
        viewer.parts.stage.dispatchEvent(
            new PointerEvent("pointermove", { clientX: x, clientY: y, bubbles: true }));
    """)
    tip = page.text("#tip")
    for fact in ("relu", "Shape (4, 4)", "Type float32", "Forward", "mean 0.1", "train.py:"):
        assert fact in tip


def test_the_panel_tells_all_facts(page):
    page.open(blocks(2))
    page.js("viewer.goTo(viewer.graph.nodes[3])")
    told = page.text("#panel")
    assert page.js("return viewer.graph.nodes[3].label") == "relu"
    for fact in (
        "Operation · relu", "block0", "(4, 4)", "float32", "−1 … 2", "mean 0.1, std 1", "10000",
        "8 µs", "1 µs", "30 B", "train.py:3", "h = layer(h)", "Operands", "dense", "Uses",
    ):  # fmt: skip
        assert fact in told, told


def test_the_panel_leads_from_node_to_node(page):
    page.open(scalar())
    page.js("viewer.goTo(viewer.graph.nodes.find(n => n.name === 'v'))")
    for name in ("u", "b"):
        page.js("""
            [...document.querySelectorAll("#panel li button")]
                .find(button => button.textContent.startsWith(arguments[0])).click()
        """, name)  # fmt: skip
        assert selected(page) == name


def test_what_is_before_and_after_is_lit(page):
    page.open(scalar())
    page.js("viewer.select(viewer.graph.nodes.find(n => n.name === 'u'))")
    names = page.js("""
        const names = (nodes) => [...nodes].map(node => node.name ?? node.label).sort();
        return [names(viewer.lit.upstream), names(viewer.lit.downstream)];
    """)
    assert names == [["b", "c"], ["J", "v"]]
    dim = page.js("""
        return viewer.drawing.items.filter(item => !viewer.lit.items.has(item))
            .map(item => item.name ?? item.label).sort();
    """)
    assert dim == ["3", "a"]


@pytest.mark.parametrize(
    "name",
    [
        "</script><b>bold</b>",
        "say \"w\" & 'v'",
        "two\nlines",
        "学習率 🦊 Ωμέγα",
        "<img src=x onerror=1>",
    ],
)
def test_names_are_shown_as_they_are(page, name):
    w = tg.Variable(3.0, name=name)
    page.open(tg.graph(w * w).to_html(title=name))
    assert page.text("#title") == name.replace("\n", " ")
    page.js("viewer.select(viewer.graph.nodes[0])")
    assert page.js("return document.querySelector('#panel h2').textContent") == name
    svg = page.js("return viewer.svg()")
    parsed = page.js("""
        const parsed = new DOMParser().parseFromString(arguments[0], "image/svg+xml");
        return [...parsed.querySelectorAll("parsererror, text")].map(e => e.textContent);
    """, svg)  # fmt: skip
    assert name.replace("\n", " ") in parsed


# Search


def search(page, text):
    page.js("viewer.parts.stage.focus()")
    page.press("/")
    page.press(text)


def test_search_finds_by_name_operation_and_scope(page):
    page.open(blocks(6))
    for text, count in (("block3.up", 1), ("dense", 12 + 12), ("relu block2", 1), ("nothing", 0)):
        search(page, text)
        assert page.text("#found") == (f"– / {count}" if count else "none")
        page.press(Keys.ESCAPE)


def test_enter_goes_round_and_opens_what_is_closed(page):
    page.open(blocks(40))
    assert "block7.down.weight" not in page.shown()
    search(page, "block7.down.weight")
    page.press(Keys.ENTER)
    assert selected(page) == "block7.down.weight"
    assert "block7.down.weight" in page.shown()
    x, y = page.js("const at = viewer.onScreen(viewer.selected); return [at.x, at.y]")
    assert 0 < x < 1400 - 340
    assert 60 < y < 840

    search(page, "relu")
    places = []
    for _ in range(41):
        page.press(Keys.ENTER)
        places.append(page.js("return viewer.selected.id"))
    assert len(set(places)) == 40
    assert places[40] == places[0]
    page.press(Keys.ENTER, shift=True)
    assert page.js("return viewer.selected.id") == places[39]


# Keyboard


def test_tab_goes_through_the_nodes_and_on(page):
    page.open(scalar())
    page.js("viewer.parts.stage.focus()")
    visited = []
    for _ in range(8):
        page.press(Keys.TAB)
        visited.append(selected(page))
    assert visited == ["a", "b", "c", "u", "v", "3", "J", None]
    assert page.js("return document.activeElement.id") not in ("stage", "cursor")


def test_arrows_go_along_edges(page):
    page.open(scalar())
    page.js("viewer.parts.stage.focus()")
    page.press(Keys.TAB)
    assert selected(page) == "a"
    path = []
    for key in (Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP, Keys.ARROW_UP, Keys.ARROW_UP):
        page.press(key)
        path.append(selected(page))
    assert path == ["v", "J", "v", "u", path[4]]
    assert path[4] in ("b", "c")
    page.press(Keys.ARROW_RIGHT if path[4] == "b" else Keys.ARROW_LEFT)
    assert {selected(page), path[4]} == {"b", "c"}


def test_the_selected_node_has_the_focus_and_says_what_it_is(page):
    page.open(scalar())
    page.js("viewer.parts.stage.focus()")
    page.press(Keys.TAB)
    page.press(Keys.ARROW_DOWN)
    label, outline, hidden = page.js("""
        const focus = document.activeElement;
        const { outlineStyle } = getComputedStyle(focus);
        return [focus.getAttribute("aria-label"), outlineStyle, focus.hidden];
    """)
    for word in ("v = +", "Operation", "Value 11", "Gradient 3", "2 operands", "1 use"):
        assert word in label
    assert (outline, hidden) == ("solid", False)


def test_enter_opens_and_backspace_closes(page):
    page.open(blocks(2))
    page.js("viewer.openTo(1); viewer.parts.stage.focus()")
    page.press(Keys.TAB)
    page.press(Keys.TAB)
    assert selected(page) == "block0"
    assert page.js("return document.activeElement.getAttribute('aria-expanded')") == "false"
    page.press(Keys.ENTER)
    assert "relu" in page.shown()
    assert page.js("return document.activeElement.getAttribute('aria-expanded')") == "true"
    page.press(Keys.TAB)
    page.press(Keys.BACKSPACE)
    assert selected(page) == "block0"
    assert "relu" not in page.shown()


def test_escape_clears(page):
    page.open(scalar())
    page.js("viewer.select(viewer.graph.nodes[1])")
    assert page.js("return viewer.parts.panel.hidden") is False
    page.js("viewer.parts.stage.focus()")
    page.press(Keys.ESCAPE)
    assert selected(page) is None
    assert page.js("return viewer.parts.panel.hidden && viewer.lit === null")


def test_arrows_move_the_drawing_while_nothing_is_selected(page):
    page.open(scalar())
    before = page.js("viewer.parts.stage.focus(); return viewer.view")
    page.press(Keys.ARROW_RIGHT)
    page.press(Keys.ARROW_DOWN)
    after = page.js("return viewer.view")
    assert (after["x"] - before["x"], after["y"] - before["y"]) == (-80, -80)
    page.press("+")
    assert page.js("return viewer.view.scale") > after["scale"]
    page.press("0")
    assert page.js("return viewer.view") == before


def test_a_question_mark_lists_the_keys(page):
    page.open(scalar())
    page.press("?")
    assert page.js("return document.getElementById('help').open")
    assert "expand or collapse" in page.text("#help")
    page.press(Keys.ESCAPE)
    assert not page.js("return document.getElementById('help').open")


def test_everything_to_press_has_a_name(page):
    page.open(blocks(2))
    page.js("viewer.select(viewer.graph.nodes[1])")
    nameless = page.js("""
        return [...document.querySelectorAll("button, input, select, [role]")]
            .filter(e => !e.hidden && !(e.getAttribute("aria-label") || e.title
                || e.textContent.trim() || e.closest("label")))
            .map(e => e.outerHTML);
    """)
    assert [
        html for html in nameless if 'role="status"' not in html and "tooltip" not in html
    ] == []


def test_a_name_without_a_text_is_no_trouble(page):
    p = Payload("")
    p.add("operation", "×", [p.add("leaf", ""), p.add("constant", "", shape="()", value="2")])
    page.open(p.done())
    page.js("for (const node of viewer.graph.nodes) viewer.select(node)")
    assert len(page.shown()) == 3
