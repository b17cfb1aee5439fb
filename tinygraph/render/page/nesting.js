// The layout of all that is shown: each open group a drawing of its own, a box in that of its parent.
//
// A value that leaves or enters a box does so at a port on its border, one for each value, so that
// no edge runs over what does not concern it.

const BOX = { side: 16, header: 24, end: 14 };
const PORTS_APART = 14;

// direction: "TB" or "LR"; measure(item) gives { width, height, header }.
function layOut(graph, direction, measure) {
  const levels = levelsOf(graph);
  const context = { levels, measure, flipped: direction === "LR" };
  const extent = layOutGroup(graph.root, context);
  const drawing = { items: [], boxes: [], segments: [], direction };
  settleGroup(graph.root, 0, 0, context, drawing);
  const [width, height] = context.flipped
    ? [extent.along, extent.across]
    : [extent.across, extent.along];
  return Object.assign(drawing, { width, height });
}

// The pieces of the edges, by the group in whose drawing they run. A piece has an item at each end,
// or null for the group's own border. Edges that share a piece are all in its list.

function levelsOf(graph) {
  const levels = new Map();
  const bundles = new Map();
  for (const edge of graph.edges) {
    const [from, to] = [edge.source.shown, edge.target.shown];
    if (!from || !to || from === to) continue;
    // Between groups only one line, told how many edges it is; operands are told apart.
    const name = from.isGroup || to.isGroup ? `${from.id} ${to.id}` : null;
    if (bundles.has(name)) {
      for (const piece of bundles.get(name)) piece.edges.push(edge);
    } else {
      const pieces = piecesOf(levels, from, to, edge);
      if (name) bundles.set(name, pieces);
    }
  }
  return levels;
}

function piecesOf(levels, from, to, edge) {
  const common = commonGroup(from.parent, to.parent);
  const key = from.id;
  const pieces = [];
  let end = from;
  for (; end.parent !== common; end = end.parent) {
    pieces.push(piece(levels, end.parent, end, null, key, edge));
  }
  const way = [to];
  while (way.at(-1).parent !== common) way.push(way.at(-1).parent);
  pieces.push(piece(levels, common, end, way.at(-1), key, edge, way.length === 1));
  for (let i = way.length - 1; i > 0; i--) {
    pieces.push(piece(levels, way[i], null, way[i - 1], key, edge, i === 1));
  }
  pieces[0].leaves = true;
  return pieces;
}

function piece(levels, level, from, to, key, edge, arrives = false) {
  if (!levels.has(level)) levels.set(level, new Map());
  const pieces = levels.get(level);
  const operand = arrives && !to.isGroup ? edge.position : "";
  const name = `${from?.id ?? "border"} ${to?.id ?? "border"} ${key} ${operand}`;
  if (!pieces.has(name)) pieces.set(name, { from, to, key, arrives, edges: [] });
  const found = pieces.get(name);
  found.edges.push(edge);
  return found;
}

function layOutGroup(group, context) {
  const vertices = [];
  const byItem = new Map();
  const ports = { in: new Map(), out: new Map() };
  for (const item of group.children) {
    if (!item.shown && !(item.isGroup && item.open)) continue;
    const vertex = vertexOf(item, context);
    byItem.set(item, vertex);
    vertices.push(vertex);
  }
  const pieces = [...(context.levels.get(group)?.values() ?? [])];
  const port = (side, key) => {
    if (!ports[side].has(key)) {
      const pinned = side === "in" ? "first" : "last";
      ports[side].set(key, { across: PORTS_APART, along: 0, pinned });
    }
    return ports[side].get(key);
  };
  const arcs = pieces.map((piece) => ({
    piece,
    key: piece.key,
    from: piece.from ? byItem.get(piece.from) : port("in", piece.key),
    to: piece.to ? byItem.get(piece.to) : port("out", piece.key),
  }));
  for (const arc of arcs) offsets(arc);
  vertices.push(...ports.in.values(), ...ports.out.values());
  const extent = vertices.length ? layered(vertices, arcs) : { across: 0, along: 0 };
  return boxed(group, { extent, vertices, arcs, ports }, context);
}

function vertexOf(item, context) {
  if (item.isGroup && item.open) {
    const { across, along } = layOutGroup(item, context);
    return { item, across, along, rigid: true };
  }
  const { width, height } = context.measure(item);
  const [across, along] = context.flipped ? [height, width] : [width, height];
  return { item, across, along, floating: item.isGroup };
}

// Where, from the middle, an edge leaves and enters: boxes at their ports, results at the middle,
// operands side by side in their order.
function offsets(arc) {
  const { piece, from, to, key } = arc;
  const [source, target] = [piece.from, piece.to];
  arc.fromOffset = source?.isGroup && source.open ? source.layout.ports.out.get(key) : 0;
  arc.toOffset = 0;
  if (target?.isGroup && target.open) arc.toOffset = target.layout.ports.in.get(key);
  else if (target && !target.isGroup) {
    const total = target.operands.length;
    arc.toOffset = ((arc.piece.edges[0].position + 1) / (total + 1) - 0.5) * to.across * 0.9;
  }
}

// The box around a group's drawing, and where on its border, from the middle, its ports are.
function boxed(group, layout, context) {
  const { extent, ports } = layout;
  const header = group.parent ? context.measure(group).header : 0;
  const top = group.parent ? BOX.header : 0;
  const side = group.parent ? BOX.side : 0;
  const end = group.parent ? BOX.end : 0;
  let before = { across: side, along: top };
  let across = extent.across + 2 * side;
  let along = extent.along + top + end;
  if (context.flipped) {
    before = { across: side + top / 2, along: side };
    across = extent.across + 2 * side + top / 2;
    along = Math.max(extent.along + 2 * side, header);
  } else if (across < header) {
    before.across += (header - across) / 2;
    across = header;
  }
  const at = (vertices) =>
    new Map([...vertices].map(([key, { u }]) => [key, u + before.across - across / 2]));
  group.layout = {
    ...layout,
    before,
    across,
    along,
    ports: { in: at(ports.in), out: at(ports.out) },
  };
  return group.layout;
}

// From coordinates of each level to those of the whole drawing.

function settleGroup(group, across, along, context, drawing) {
  const { before, vertices, arcs } = group.layout;
  const [u0, v0] = [across + before.across, along + before.along];
  const end = along + group.layout.along;
  const xy = (u, v) => (context.flipped ? [v, u] : [u, v]);
  for (const vertex of vertices) {
    if (!vertex.item) continue;
    const { item } = vertex;
    const corner = [u0 + vertex.u - vertex.across / 2, v0 + vertex.v];
    [item.x, item.y] = xy(...corner);
    [item.width, item.height] = xy(vertex.across, vertex.along);
    if (item.isGroup && item.open) {
      drawing.boxes.push(item);
      settleGroup(item, ...corner, context, drawing);
    } else {
      drawing.items.push(item);
    }
  }
  for (const { piece, stations, shared } of arcs) {
    const points = stations.flatMap(([u, start, stop]) => [
      xy(u0 + u, v0 + start),
      xy(u0 + u, v0 + stop),
    ]);
    if (!piece.from) points[0] = xy(u0 + stations[0][0], along);
    if (!piece.to) points[points.length - 1] = xy(u0 + stations.at(-1)[0], end);
    const wide = new Set(piece.edges.map(({ source }) => source)).size > 1;
    drawing.segments.push({
      ...piece,
      points,
      bounds: bounds(points),
      wide,
      own: shared ? 2 * shared + 1 : 0,
    });
  }
}

function bounds(points) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}
