"""Where things are drawn: apart, inside their boxes, joined by edges that reach them."""

import pytest
from payloads import Payload, blocks, chain, random_graph

RECTANGLES = """
const rectangle = ({ x, y, width, height }) => [x, y, x + width, y + height];
return [viewer.drawing.items.map(rectangle), viewer.drawing.width, viewer.drawing.height];
"""


def cell():
    """One module called at each step, with the same parameters."""
    p = Payload("Steps")
    x, w, h = p.add("leaf", "x"), p.add("parameter", "w"), p.add("leaf", "h")
    for _ in range(6):
        step = p.add("operation", "[ ]", [x])
        p.enter("cell", "Cell")
        h = p.add("operation", "tanh", [p.add("operation", "@", [h, w]), step])
        p.leave()
    return p.done()


def wide():
    p = Payload("Many operands")
    return p.add("operation", "stack", [p.add("leaf", f"x{i}") for i in range(40)]) and p.done()


def separate():
    p = Payload("Two outputs that share nothing")
    first = p.add("operation", "exp", [p.add("leaf", "a")])
    return p.done(first, p.add("operation", "log", [p.add("leaf", "b")]))


def single():
    p = Payload("One leaf")
    return p.done(p.add("leaf", "w"))


GRAPHS = {
    "blocks": lambda: blocks(4),
    "random": lambda: random_graph(140),
    "cell": cell,
    "wide": wide,
    "separate": separate,
    "single": single,
    "chain": lambda: chain(40),
    "5,000 nodes": lambda: random_graph(5000),
}


def overlapping(rectangles):
    """Pairs of which one lies over the other; a sweep from left to right."""
    found, active = [], []
    for here in sorted(rectangles):
        active = [other for other in active if other[2] > here[0]]
        found += [(o, here) for o in active if o[1] < here[3] and here[1] < o[3]]
        active.append(here)
    return found


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_nothing_overlaps_and_nothing_is_cut(page, name, direction):
    page.open(GRAPHS[name]())
    page.js("viewer.direction = arguments[0]; viewer.arrange(); viewer.openTo(9)", direction)
    rectangles, width, height = page.js(RECTANGLES)
    assert rectangles
    assert overlapping(rectangles) == []
    assert min(min(r[0], r[1]) for r in rectangles) >= -0.5
    assert max(r[2] for r in rectangles) <= width + 0.5
    assert max(r[3] for r in rectangles) <= height + 0.5


@pytest.mark.parametrize("name", ["blocks", "cell"])
@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_boxes_hold_what_is_in_them_and_nothing_else(page, name, direction):
    page.open(GRAPHS[name]())
    page.js("viewer.direction = arguments[0]; viewer.openTo(9)", direction)
    wrong = page.js("""
        const inside = (a, b) => a.x >= b.x && a.y >= b.y && a.x + a.width <= b.x + b.width
            && a.y + a.height <= b.y + b.height;
        const apart = (a, b) => a.x + a.width <= b.x || b.x + b.width <= a.x
            || a.y + a.height <= b.y || b.y + b.height <= a.y;
        const holds = (box, item) => {
            for (let g = item.parent; g; g = g.parent) if (g === box) return true;
            return false;
        };
        return viewer.drawing.boxes.flatMap(box => viewer.drawing.items
            .filter(item => !(holds(box, item) ? inside : apart)(item, box))
            .map(item => [box.name, item.label]));
    """)
    assert page.js("return viewer.drawing.boxes.length") > 0
    assert wrong == []


def test_edges_run_downward_from_operand_to_result(page):
    page.open(random_graph(140))
    page.js("viewer.direction = 'TB'; viewer.arrange()")
    wrong = page.js("""
        const touches = ([x, y], item, edge) => x >= item.x && x <= item.x + item.width
            && Math.abs(y - (edge === "top" ? item.y : item.y + item.height)) < 0.5;
        return viewer.drawing.segments.filter(({ points, from, to }) =>
            !touches(points[0], from, "bottom") || !touches(points.at(-1), to, "top")
            || points.some(([, y], i) => i && y < points[i - 1][1] - 0.5)).length;
    """)
    assert wrong == 0
    assert page.js("return viewer.drawing.segments.length === viewer.graph.edges.length")


def test_edges_go_through_no_node(page):
    page.open(blocks(4))
    page.js("viewer.direction = 'TB'; viewer.openTo(9)")
    crossed = page.js("""
        const found = [];
        for (const { points, from, to } of viewer.drawing.segments) {
            for (let i = 1; i < points.length; i += 2) { // the straight parts; curves run between
                const [[x, top], [, bottom]] = [points[i - 1], points[i]];
                for (const item of viewer.drawing.items) {
                    if (item === from || item === to) continue;
                    if (x > item.x + 1 && x < item.x + item.width - 1
                        && bottom > item.y + 1 && top < item.y + item.height - 1) {
                        found.push(item.label);
                    }
                }
            }
        }
        return found;
    """)
    assert crossed == []


def test_a_product_with_itself_has_two_edges_apart(page):
    p = Payload()
    w = p.add("leaf", "w")
    p.add("operation", "×", [w, w])
    page.open(p.done())
    ends = page.js("return viewer.drawing.segments.map(({ points }) => points.at(-1))")
    assert len(ends) == 2
    assert abs(ends[0][0] - ends[1][0]) > 10


def test_operands_enter_in_their_order(page):
    p = Payload()
    a, b, c = (p.add("leaf", name) for name in "abc")
    p.add("operation", "where", [b, c, a])
    page.open(p.done())
    ends = page.js("""
        return viewer.drawing.segments
            .map(({ edges, points }) => [edges[0].position, points.at(-1)[0]])
    """)
    assert [position for _, position in sorted((x, position) for position, x in ends)] == [0, 1, 2]


def test_a_module_called_again_and_again_makes_no_cycle(page):
    page.open(cell())
    page.js("viewer.direction = 'TB'; viewer.openTo(1)")
    assert page.shown().count("cell") == 6
    assert page.js("return viewer.graph.groups.map(g => g.call)") == [
        f"{i} of 6" for i in range(1, 7)
    ]
    tops = page.js(
        "return viewer.drawing.items.filter(i => i.isGroup).sort((a, b) => a.depth - b.depth)"
        ".map(i => i.y)"
    )
    assert tops == sorted(tops)
    assert len(set(tops)) == 6


def test_a_parameter_stands_beside_what_uses_it(page):
    page.open(blocks(3))
    page.js("viewer.direction = 'TB'; viewer.openTo(9)")
    apart = page.js("""
        return viewer.graph.nodes.filter(n => n.kind === "parameter")
            .map(n => n.uses[0].target.y - n.y - n.height);
    """)
    assert max(apart) < 100


def test_a_very_large_graph_opens_in_parts(page):
    page.open(random_graph(20_000))
    shown = page.shown()
    assert len(shown) <= 150
    assert shown[0] == "part 1"
    assert page.js("""
        const order = new Map(viewer.drawing.items.map(item => [item, item.y]));
        return viewer.drawing.segments.every(({ from, to }) => order.get(from) < order.get(to));
    """)
