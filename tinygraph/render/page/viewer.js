// The viewer: what is shown of a graph, and how it changes.

const MODES = ["forward", "both", "backward"];

class Viewer {
  constructor(graph) {
    this.graph = graph;
    this.mode = graph.differentiated
      ? graph.nodes.length <= CROWDED
        ? "both"
        : "forward"
      : "forward";
    this.direction = "TB";
    this.constants = true;
    this.overlayName = "none";
    this.selected = null;
    this.lit = null;
    this.view = { x: 0, y: 0, scale: 1 }; // of the drawing's origin, in pixels
    this.levels = deepest(graph);
    this.depth = openByDefault(graph);
    this.parts = Object.fromEntries(
      ["stage", "canvas", "cursor", "panel", "legend", "tip", "status", "sheet"].map((id) => [
        id,
        document.getElementById(id),
      ]),
    );
    this.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    this.colourBy();
  }

  colourBy(theme = this.theme) {
    this.theme = theme;
    document.documentElement.dataset.theme = theme;
    this.colours = palette();
    this.repaint();
  }

  // Lays out anew; what `anchor` is keeps its place on the screen, where it is shown again.
  arrange(anchor = null) {
    const before = anchor && this.onScreen(anchor);
    show(this.graph, this.constants);
    this.drawing = layOut(this.graph, this.direction, (item) =>
      measured(item, this.graph, this.mode),
    );
    const after = anchor && this.onScreen(anchor);
    if (before && after) {
      this.view.x += before.x - after.x;
      this.view.y += before.y - after.y;
    }
    this.overlay = overlayOf(this.graph, this.overlayName, this.drawing.items);
    if (this.selected && !this.isShown(this.selected)) this.selected = this.standIn(this.selected);
    this.light();
    fillLegend(this.parts.legend, this);
    this.repaint();
    this.onarranged?.();
  }

  isShown(item) {
    for (let g = item.parent; g; g = g.parent) if (!g.open) return false;
    return item.isGroup || item.shown === item;
  }

  standIn(item) {
    let stand = item;
    for (let g = item.parent; g?.parent; g = g.parent) if (!g.open) stand = g;
    return this.isShown(stand) ? stand : null;
  }

  // The middle of an item's top, where its title is, in pixels.
  onScreen(item) {
    if (item.x === undefined) return null;
    const { x, y, scale } = this.view;
    const along = item.isGroup ? 40 : item.width / 2;
    return {
      x: x + (item.x + Math.min(along, item.width / 2)) * scale,
      y: y + (item.y + 14) * scale,
    };
  }

  // What is before and after the selected item, through the whole graph.
  light() {
    this.lit = null;
    if (!this.selected) return;
    const own = new Set(members(this.selected));
    const upstream = this.reached(own, "operands", "source");
    const downstream = this.reached(own, "uses", "target");
    const items = new Set();
    for (const node of [...own, ...upstream, ...downstream]) {
      if (node.shown) items.add(node.shown);
      for (let g = node.parent; g; g = g.parent) items.add(g);
    }
    const segments = new Map();
    const before = (node) => own.has(node) || upstream.has(node);
    const after = (node) => own.has(node) || downstream.has(node);
    for (const segment of this.drawing.segments) {
      const { edges } = segment;
      if (edges.some(({ source, target }) => before(source) && before(target)))
        segments.set(segment, "upstream");
      else if (edges.some(({ source, target }) => after(source) && after(target)))
        segments.set(segment, "downstream");
    }
    this.lit = { items, segments, upstream, downstream };
  }

  reached(own, way, end) {
    const found = new Set();
    const stack = [...own];
    while (stack.length) {
      for (const edge of stack.pop()[way]) {
        const node = edge[end];
        if (found.has(node) || own.has(node)) continue;
        found.add(node);
        stack.push(node);
      }
    }
    return found;
  }

  select(item, focus = false) {
    this.selected = item;
    this.light();
    const { panel, status } = this.parts;
    panel.hidden = !item;
    if (item) fillPanel(panel, item, this);
    status.textContent = item && !focus ? spoken(item, this.graph) : "";
    this.parts.tip.hidden = true;
    this.repaint();
    this.placeCursor(focus);
  }

  // The selected item as an element of the page, for the focus and for screen readers.
  placeCursor(focus = false) {
    const { cursor } = this.parts;
    cursor.hidden = !this.selected;
    if (!this.selected) return;
    const { x, y, width, height } = this.selected;
    const { scale } = this.view;
    const style = {
      left: this.view.x + x * scale - 3,
      top: this.view.y + y * scale - 3,
      width: width * scale + 6,
      height: height * scale + 6,
    };
    for (const [name, value] of Object.entries(style)) cursor.style[name] = `${value}px`;
    cursor.setAttribute("aria-label", spoken(this.selected, this.graph));
    if (this.selected.isGroup) cursor.setAttribute("aria-expanded", this.selected.open);
    else cursor.removeAttribute("aria-expanded");
    if (focus) cursor.focus({ preventScroll: true });
  }

  goTo(item, focus = false) {
    if (!item.isGroup && item.kind === "constant") this.constants = true;
    if (reveal(item) || !this.isShown(item)) this.arrange();
    this.select(item, focus);
    this.bringIn(item);
  }

  toggle(group) {
    group.open = !group.open;
    this.arrange(group);
    if (this.selected) this.select(this.selected, document.activeElement === this.parts.cursor);
    this.announce(`${titleText(group)} ${group.open ? "expanded" : "collapsed"}`);
  }

  // The first sight: the direction in which more of it can be read.
  begin() {
    this.arrange();
    this.fit();
    const { scale } = this.view;
    if (scale > 0.6 || this.drawing.items.length > 400) return;
    this.turn();
    if (this.view.scale < 1.2 * scale) this.turn();
  }

  openTo(depth) {
    this.depth = Math.min(Math.max(depth, 1), this.levels + 1);
    openTo(this.graph, this.depth);
    this.arrange();
    this.fit();
  }

  showMode(mode) {
    this.mode = mode;
    this.arrange(this.selected ?? this.drawing.items[0]);
    if (this.selected) this.select(this.selected);
  }

  colourWith(name) {
    this.overlayName = name;
    document.getElementById("overlay").value = name;
    this.overlay = overlayOf(this.graph, name, this.drawing.items);
    fillLegend(this.parts.legend, this);
    this.repaint();
  }

  turn() {
    this.direction = this.direction === "TB" ? "LR" : "TB";
    this.arrange();
    this.fit();
  }

  announce(text) {
    this.parts.status.textContent = text;
  }

  // Pan and zoom

  get margins() {
    const bar = document.getElementById("bar").getBoundingClientRect().bottom;
    const panel = this.parts.panel.hidden || innerWidth < 760 ? 0 : 340;
    return { left: 24, top: Math.min(bar, innerHeight / 3) + 20, right: 24 + panel, bottom: 64 };
  }

  fit() {
    const { left, top, right, bottom } = this.margins;
    const [width, height] = [innerWidth - left - right, innerHeight - top - bottom];
    const scale = Math.min(width / this.drawing.width, height / this.drawing.height, 1.25);
    this.view.scale = Math.max(scale, 0.002);
    this.view.x = left + (width - this.drawing.width * this.view.scale) / 2;
    this.view.y = top + Math.max(0, (height - this.drawing.height * this.view.scale) / 2);
    this.repaint();
  }

  zoom(factor, x = innerWidth / 2, y = innerHeight / 2) {
    const scale = Math.min(4, Math.max(0.002, this.view.scale * factor));
    const real = scale / this.view.scale;
    this.view = { x: x - (x - this.view.x) * real, y: y - (y - this.view.y) * real, scale };
    this.repaint();
  }

  pan(dx, dy) {
    this.view.x += dx;
    this.view.y += dy;
    this.repaint();
  }

  // Moves as little as brings an item into sight, and nearer where it is too small to read.
  bringIn(item) {
    const { left, top, right, bottom } = this.margins;
    const [middleX, middleY] = [item.x + item.width / 2, item.y + item.height / 2];
    if (13 * this.view.scale < 9) {
      this.view.scale = 0.9;
      this.view.x = (left + innerWidth - right) / 2 - middleX * this.view.scale;
      this.view.y = (top + innerHeight - bottom) / 2 - middleY * this.view.scale;
    }
    const [x, y] = [
      this.view.x + middleX * this.view.scale,
      this.view.y + middleY * this.view.scale,
    ];
    const within = (value, least, most) => Math.min(Math.max(value, least), Math.max(least, most));
    const half = {
      x: Math.min((item.width * this.view.scale) / 2 + 12, 300),
      y: (Math.min(item.height, 200) * this.view.scale) / 2 + 12,
    };
    this.view.x += within(x, left + half.x, innerWidth - right - half.x) - x;
    this.view.y += within(y, top + half.y, innerHeight - bottom - half.y) - y;
    this.repaint();
  }

  // Painting

  repaint() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.paintNow();
    });
  }

  paintNow() {
    if (!this.drawing) return;
    const { canvas } = this.parts;
    const density = devicePixelRatio || 1;
    const [width, height] = [Math.round(innerWidth * density), Math.round(innerHeight * density)];
    if (canvas.width !== width || canvas.height !== height)
      Object.assign(canvas, { width, height });
    const ctx = canvas.getContext("2d", { alpha: false });
    const { x, y, scale } = this.view;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.globalAlpha = 1;
    ctx.fillStyle = this.colours.ground;
    ctx.fillRect(0, 0, width, height);
    ctx.setTransform(density * scale, 0, 0, density * scale, density * x, density * y);
    paint(ctx, this, {
      left: -x / scale,
      top: -y / scale,
      right: (innerWidth - x) / scale,
      bottom: (innerHeight - y) / scale,
      scale,
    });
    this.placeCursor();
  }

  // The topmost item at a place on the screen: a node or closed group, else the header of a box.
  at(clientX, clientY) {
    const x = (clientX - this.view.x) / this.view.scale;
    const y = (clientY - this.view.y) / this.view.scale;
    const holds = (item) =>
      x >= item.x && x <= item.x + item.width && y >= item.y && y <= item.y + item.height;
    return (
      this.drawing.items.find(holds) ??
      this.drawing.boxes.findLast((box) => holds(box) && y <= box.y + BOX.header) ??
      null
    );
  }

  texts(item) {
    return linesOf(item, this.graph, this.mode, this.overlay);
  }

  // The whole drawing as SVG, of what is lit or of all alike.
  svg(lit = this.lit) {
    return svgOf({ ...this, lit, colours: palette() });
  }
}
