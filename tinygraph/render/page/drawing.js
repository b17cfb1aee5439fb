// Paints a drawing into a canvas, or into what takes the same calls and writes SVG.

const CORNER = 7;
const ARROW = 6.5;
const LEGIBLE = 4.6; // pixels that a line of text needs for its letters to be worth drawing
const CLOSE = 6; // below that the title alone, as large as there is room

const THEME = [
  "ground",
  "card",
  "ink",
  "soft",
  "edge",
  "accent",
  "gradient",
  "upstream",
  "downstream",
  "leaf",
  "leaf-line",
  "parameter",
  "parameter-line",
  "operation",
  "operation-line",
  "output",
  "output-line",
  "constant-line",
  "box",
  "box-line",
  "group",
  "group-line",
  "bad",
  "zero",
];

function palette() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(
    THEME.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]),
  );
}

// scene: { drawing, graph, mode, overlay, lit, colours }; area: the part to paint, in its units,
// with `scale`, pixels per unit.
function paint(ctx, scene, area) {
  const inside = ([left, top, right, bottom]) =>
    right >= area.left && left <= area.right && bottom >= area.top && top <= area.bottom;
  const around = ({ x, y, width, height }) => inside([x - 6, y - 6, x + width + 6, y + height + 6]);
  const { drawing } = scene;
  const boxes = drawing.boxes.filter(around);
  for (const box of boxes) paintBox(ctx, scene, box);
  paintSegments(
    ctx,
    scene,
    area,
    drawing.segments.filter(({ bounds }) => inside(bounds)),
  );
  for (const box of boxes) paintHeader(ctx, scene, box, area);
  for (const item of drawing.items) if (around(item)) paintItem(ctx, scene, item, area);
  ctx.globalAlpha = 1;
}

const dimmed = (scene, item) => scene.lit && !scene.lit.items.has(item);

function stroke(ctx, colour, width = 1, dash = []) {
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.setLineDash(dash);
  ctx.stroke();
  if (dash.length) ctx.setLineDash([]);
}

function fill(ctx, colour) {
  ctx.fillStyle = colour;
  ctx.fill();
}

function roundRect(ctx, x, y, width, height, radius) {
  ctx.beginPath();
  ctx.roundRect(x, y, width, height, radius);
}

// Boxes of open groups

function paintBox(ctx, { colours, ...scene }, box) {
  ctx.globalAlpha = dimmed(scene, box) ? 0.55 : 1;
  roundRect(ctx, box.x, box.y, box.width, box.height, 12);
  fill(ctx, colours.box);
  stroke(ctx, colours["box-line"], 1, box.kind === "scope" ? [] : [4, 4]);
}

function paintHeader(ctx, scene, box, { scale }) {
  if (12 * scale < CLOSE) return paintFarHeader(ctx, scene, box, scale);
  const { colours } = scene;
  const text = headerText(box);
  ctx.globalAlpha = dimmed(scene, box) ? 0.55 : 1;
  const [x, y] = [box.x + 10, box.y + 14];
  roundRect(ctx, x - 3, y - 9, ruler.width(text, "header") + 22, 18, 6); // over edges that enter here
  fill(ctx, colours.box);
  triangle(ctx, x + 5, y, true, colours.soft);
  words(ctx, text, x + 15, y, "header", colours.soft);
}

// From afar the outermost boxes are named beside themselves, in letters of a size that is read.
function paintFarHeader(ctx, { drawing, colours }, box, scale) {
  if (box.depth > 1 || Math.min(box.width, box.height) * scale < 16) return;
  const size = 11 / scale;
  ctx.globalAlpha = 1;
  ctx.font = FONTS.header.replace(/[\d.]+px/, `${size}px`);
  ctx.fillStyle = colours.soft;
  ctx.textBaseline = "middle";
  const width = (ruler.width(headerText(box), "header") * size) / 12;
  if (drawing.direction === "TB")
    ctx.fillText(headerText(box), box.x - width - 0.6 * size, box.y + size);
  else if (width < box.width) ctx.fillText(headerText(box), box.x, box.y - 0.8 * size);
}

function triangle(ctx, x, y, open, colour) {
  ctx.beginPath();
  const corners = open
    ? [
        [-4, -2],
        [4, -2],
        [0, 3],
      ]
    : [
        [-2, -4],
        [3, 0],
        [-2, 4],
      ];
  corners.forEach(([dx, dy], i) => (i ? ctx.lineTo(x + dx, y + dy) : ctx.moveTo(x + dx, y + dy)));
  ctx.closePath();
  fill(ctx, colour);
}

function words(ctx, text, x, y, font, colour) {
  ctx.font = FONTS[font];
  ctx.fillStyle = colour;
  ctx.textBaseline = "middle";
  ctx.fillText(text, x, y);
}

// Edges

function paintSegments(ctx, scene, area, segments) {
  const { lit, colours } = scene;
  const groups = new Map(); // by looks, as one path each: strokes are what takes the time
  for (const segment of segments) {
    const look = !lit ? "edge" : (lit.segments.get(segment) ?? "dim");
    const key = `${look} ${segment.wide ? 2 : 1}`;
    if (!groups.has(key)) groups.set(key, { look, wide: key.endsWith("2"), segments: [] });
    groups.get(key).segments.push(segment);
  }
  const sparse = area.scale < 0.16;
  for (const look of ["dim", "edge", "upstream", "downstream"]) {
    for (const group of groups.values()) {
      if (group.look !== look) continue;
      ctx.globalAlpha = look === "dim" ? 0.22 : sparse && look === "edge" ? 0.7 : 1;
      const colour = look === "dim" ? colours.edge : colours[look];
      const width = (group.wide ? 2.2 : 1.2) * (look === "edge" || look === "dim" ? 1 : 1.5);
      ctx.beginPath();
      const whole = look !== "edge" && look !== "dim";
      for (const { points, own } of group.segments) {
        // Of a lane that edges share one draws it, or it would come out darker than others.
        trace(ctx, points, whole ? 0 : own, scene.drawing.direction, sparse);
      }
      stroke(ctx, colour, Math.max(width, 0.6 / area.scale));
      if (!sparse) arrows(ctx, scene, group.segments, colour);
    }
  }
  ctx.globalAlpha = 1;
}

// Straight through a rank, curved from one to the next.
function trace(ctx, points, start, direction, straight) {
  ctx.moveTo(...points[start]);
  for (let i = start + 1; i < points.length; i++) {
    const [[x0, y0], [x, y]] = [points[i - 1], points[i]];
    if (i % 2 || straight || (direction === "TB" ? x0 === x : y0 === y)) {
      ctx.lineTo(x, y);
    } else if (direction === "TB") {
      const half = (y - y0) * 0.5;
      ctx.bezierCurveTo(x0, y0 + half, x, y - half, x, y);
    } else {
      const half = (x - x0) * 0.5;
      ctx.bezierCurveTo(x0 + half, y0, x - half, y, x, y);
    }
  }
}

// At the end that values go to; backward, at the one that cotangents go to.
function arrows(ctx, { mode, drawing }, segments, colour) {
  const back = mode === "backward";
  ctx.beginPath();
  for (const segment of segments) {
    if (!(back ? segment.leaves && flowsBack(segment) : segment.arrives)) continue;
    const [x, y] = back ? segment.points[0] : segment.points.at(-1);
    const s = back ? ARROW : -ARROW;
    ctx.moveTo(x, y);
    if (drawing.direction === "TB") {
      ctx.lineTo(x - ARROW * 0.45, y + s);
      ctx.lineTo(x + ARROW * 0.45, y + s);
    } else {
      ctx.lineTo(x + s, y - ARROW * 0.45);
      ctx.lineTo(x + s, y + ARROW * 0.45);
    }
    ctx.closePath();
  }
  fill(ctx, colour);
}

const flowsBack = ({ edges }) => edges.some(({ source }) => source.kind !== "constant");

// Nodes and closed groups

function looks(item, scene) {
  const { colours, overlay } = scene;
  const kind = item.isGroup ? "group" : item.kind;
  const own = item.output ? "output" : kind;
  let ground = kind === "constant" && !item.output ? null : colours[own];
  let ink = null;
  const shade = overlay?.fill(item);
  if (overlay) ground = colours.card;
  if (shade === "zero") ground = colours.zero;
  else if (shade)
    [ground, ink] = shade === "bad" ? [colours.bad, "#ffffff"] : [shade, inkOn(shade)];
  return { ground, line: colours[`${own}-line`], ink };
}

function paintItem(ctx, scene, item, { scale }) {
  const { colours } = scene;
  const look = looks(item, scene);
  ctx.globalAlpha = dimmed(scene, item) ? 0.28 : 1;
  if (!isNumber(item) || scene.overlay) {
    if (ctx.globalAlpha < 1) {
      outline(ctx, item);
      const alpha = ctx.globalAlpha;
      ctx.globalAlpha = 1;
      fill(ctx, colours.ground); // edges below do not show through what is dimmed
      ctx.globalAlpha = alpha;
    }
    paintOutline(ctx, scene, item, look, scale);
  }
  if (scene.overlay?.ring?.(item)) ring(ctx, item, colours.bad);
  if (13 * scale >= CLOSE) paintText(ctx, scene, item, look);
  else paintTitle(ctx, scene, item, look, scale);
}

function paintOutline(ctx, scene, item, { ground, line }, scale) {
  const { x, y, width, height } = item;
  if (item.isGroup && item.kind !== "chain" && scale > 0.3) {
    for (const shift of [6, 3]) {
      // a stack: there is more below
      roundRect(ctx, x + shift, y + shift, width, height, CORNER + 2);
      fill(ctx, scene.colours.box);
      stroke(ctx, line, 1);
    }
  }
  outline(ctx, item);
  if (ground) fill(ctx, ground);
  const dashed = item.kind === "constant" || item.kind === "chain";
  if (isNumber(item)) return;
  stroke(ctx, line, Math.max(1.2, 0.5 / scale), dashed ? [4, 3] : []);
  if (item.output && scale > 0.3) {
    const radius = item.kind === "operation" ? CORNER + 3 : 0;
    roundRect(ctx, x - 3.5, y - 3.5, width + 7, height + 7, radius);
    stroke(ctx, line, 1.2);
  }
  if (item.kind === "parameter" && scale > 0.3) {
    ctx.beginPath();
    ctx.rect(x, y, 5, height);
    fill(ctx, line);
  }
}

function outline(ctx, item) {
  const { x, y, width, height } = item;
  const sharp = ["leaf", "parameter", "constant"].includes(item.kind);
  const radius = sharp ? 0 : item.kind === "chain" ? height / 2 : CORNER;
  roundRect(ctx, x, y, width, height, radius);
}

function ring(ctx, { x, y, width, height }, colour) {
  roundRect(ctx, x - 8, y - 8, width + 16, height + 16, CORNER + 8);
  stroke(ctx, colour, 3);
}

function paintTitle(ctx, scene, item, { ink }, scale) {
  const [title] = linesOf(item, scene.graph, scene.mode, null);
  const line = title.filter(({ font }, i) => i === 0 || font !== "detail");
  const width = widthOf(line);
  const larger = Math.min(2.2, (item.width - 10) / width, (item.height - 6) / LINE);
  if (13 * larger * scale < LEGIBLE) return;
  let x = item.x + item.width / 2 - (width * larger) / 2;
  for (const { text, font, colour } of line) {
    const size = Number(/([\d.]+)px/.exec(FONTS[font])[1]);
    ctx.font = FONTS[font].replace(/[\d.]+px/, `${size * larger}px`);
    ctx.fillStyle = ink ?? scene.colours[colour];
    ctx.textBaseline = "middle";
    ctx.fillText(text, x, item.y + item.height / 2);
    x += ruler.width(text, font) * larger;
  }
}

function paintText(ctx, scene, item, { ink }) {
  const { colours } = scene;
  const lines = linesOf(item, scene.graph, scene.mode, scene.overlay).slice(0, item.rows);
  const middle = item.x + item.width / 2 + (item.kind === "parameter" ? 2.5 : 0);
  let y = item.y + item.height / 2 - ((lines.length - 1) * LINE) / 2;
  const opens = item.isGroup && item.kind !== "chain";
  for (const [row, line] of lines.entries()) {
    const marked = opens && row === 0;
    let x = middle - widthOf(line) / 2 + (marked ? 7 : 0);
    if (marked) triangle(ctx, x - 9, y, false, ink ?? colours.soft);
    for (const { text, font, colour } of line) {
      words(ctx, text, x, y + 0.5, font, ink ?? colours[colour]);
      x += ruler.width(text, font);
    }
    y += LINE;
  }
}
