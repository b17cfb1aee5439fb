// One level as a layered drawing (Sugiyama, Tagawa & Toda 1981): ranks, order within a rank,
// coordinates. "Along" is the direction of flow, "across" the other one.
//
// vertices: { across, along, pinned, floating }: sizes; pinned "first" or "last" to a border;
// floating where what comes in may do so in any order; rigid with ports where they are
// arcs: { from, to, key, fromOffset, toOffset }; of one source and key share their way
// Sets vertex.u and vertex.v (centre across, start along) and arc.stations, [across, start, end]
// for each rank it passes; returns the size of it all.

const LANE = 7; // room across for an edge that passes by
const APART = { vertex: 22, lane: 9, rank: 30 };
const MOST_LANES = 25000;

function layered(vertices, arcs) {
  for (const vertex of vertices) Object.assign(vertex, { ins: [], outs: [], above: [], below: [] });
  for (const arc of arcs) {
    arc.from.outs.push(arc);
    arc.to.ins.push(arc);
  }
  const depth = rank(vertices);
  const layers = Array.from({ length: depth }, () => []);
  const links = lanes(arcs, vertices.length);
  for (const vertex of depthFirst(vertices)) layers[vertex.rank].push(vertex);
  enumerate(layers);
  order(layers, links.length);
  for (const vertex of vertices) if (vertex.floating) spread(vertex);
  positions(layers);
  const along = stack(layers);
  for (const arc of arcs) stations(arc);
  return { across: settle(layers, arcs), along };
}

// Ranks: the longest way from a source; then whatever only feeds others moves down to them.

function rank(vertices) {
  const order = sorted(vertices);
  const base = vertices.some(({ pinned }) => pinned === "first") ? 1 : 0;
  for (const vertex of order) {
    vertex.rank = vertex.pinned === "first" ? 0 : base;
    for (const { from, back } of vertex.ins) {
      if (!back) vertex.rank = Math.max(vertex.rank, from.rank + 1);
    }
  }
  for (const vertex of vertices) vertex.height = vertex.rank;
  const last = Math.max(base, ...unpinned(order).map((v) => v.rank + 1));
  for (const vertex of vertices) if (vertex.pinned === "last") vertex.rank = last;
  for (let pass = 0; pass < 3; pass++) {
    for (const vertex of order.toReversed()) {
      const outs = vertex.outs.filter(({ back }) => !back);
      if (vertex.pinned || !outs.length || outs.length <= holding(vertex.ins)) continue;
      vertex.rank = Math.min(...outs.map(({ to }) => to.rank)) - 1;
    }
  }
  const used = [...new Set(vertices.map((v) => v.rank))].sort((a, b) => a - b);
  const dense = new Map(used.map((value, index) => [value, index]));
  for (const vertex of vertices) vertex.rank = dense.get(vertex.rank);
  return used.length;
}

const unpinned = (vertices) => vertices.filter(({ pinned }) => pinned !== "last");
// How strongly its sources hold a vertex back. One that is used elsewhere too has its lane anyway.
function holding(ins) {
  let total = 0;
  for (const source of new Set(ins.map(({ from }) => from)))
    total += source.outs.length > 1 ? 0.5 : 1;
  return total;
}

// A topological order; arcs of a cycle, should there be one, are marked as going back.
function sorted(vertices) {
  const waiting = new Map(vertices.map((vertex) => [vertex, vertex.ins.length]));
  const order = vertices.filter((vertex) => !vertex.ins.length);
  for (let i = 0; i < vertices.length; i++) {
    if (i === order.length) {
      const stuck = vertices.find((vertex) => waiting.get(vertex) > 0);
      for (const arc of stuck.ins) arc.back = !order.includes(arc.from);
      waiting.set(stuck, 0);
      order.push(stuck);
    }
    for (const { to, back } of order[i].outs) {
      if (back || waiting.get(to) === 0) continue;
      waiting.set(to, waiting.get(to) - 1);
      if (!waiting.get(to)) order.push(to);
    }
  }
  return order;
}

// Lanes: an arc over several ranks passes them in a lane, which arcs of one value share.

function lanes(arcs, total) {
  const longest = affordable(arcs, total);
  const shared = new Map();
  const links = [];
  const link = (above, below, aboveOffset, belowOffset, arc) => {
    const weight = above.lane && below.lane ? 200 : importance(arc);
    const made = { above, below, aboveOffset, belowOffset, weight, arc };
    above.below.push(made);
    below.above.push(made);
    links.push(made);
  };
  for (const arc of arcs) {
    arc.lanes = [];
    arc.shared = 0;
    arc.loose = arc.back || arc.to.rank - arc.from.rank > longest || arc.to.rank <= arc.from.rank;
    if (arc.loose) continue;
    if (!shared.has(arc.from)) shared.set(arc.from, new Map());
    const ways = shared.get(arc.from);
    if (!ways.has(arc.key)) ways.set(arc.key, []);
    const way = ways.get(arc.key);
    arc.shared = Math.min(way.length, arc.to.rank - arc.from.rank - 1); // that many lanes are drawn
    for (let i = way.length; i < arc.to.rank - arc.from.rank - 1; i++) {
      const lane = {
        lane: true,
        across: LANE,
        along: 0,
        rank: arc.from.rank + 1 + i,
        above: [],
        below: [],
      };
      link(way[i - 1] ?? arc.from, lane, i ? 0 : arc.fromOffset, 0, arc);
      way.push(lane);
    }
    arc.lanes = way.slice(0, arc.to.rank - arc.from.rank - 1);
    const before = arc.lanes.at(-1);
    link(before ?? arc.from, arc.to, before ? 0 : arc.fromOffset, arc.toOffset, arc);
  }
  return links;
}

// The longest way runs straight on, what joins it comes from the side, sources above all. Far
// apart, as a little push to the side at each rank would make the way run askew.
function importance({ from, to }) {
  if (!from.ins.length && !from.pinned) return 0.1;
  return from.height === Math.max(...to.ins.map((arc) => arc.from.height)) ? 50 : 0.5;
}

// Ranks that an arc may pass before it goes without lanes: their sum has to stay in bounds.
function affordable(arcs, total) {
  const spans = arcs.map(({ from, to }) => to.rank - from.rank).sort((a, b) => b - a);
  let cost = spans.reduce((sum, span) => sum + Math.max(0, span - 1), 0);
  let longest = Infinity;
  for (const span of spans) {
    if (cost <= MOST_LANES + 2 * total) break;
    cost -= span - 1;
    longest = span - 1;
  }
  return longest;
}

// Order within the ranks: as operands stand, then sweeps of barycentres, the best one kept.

function depthFirst(vertices) {
  const seen = new Set();
  const sinks = vertices.filter(({ below }) => !below.length);
  for (const sink of [...sinks, ...vertices]) {
    const stack = [sink];
    while (stack.length) {
      const vertex = stack.pop();
      if (seen.has(vertex)) continue;
      seen.add(vertex);
      for (const { above } of vertex.above.toReversed()) if (!seen.has(above)) stack.push(above);
    }
  }
  return seen;
}

function enumerate(layers) {
  for (const layer of layers) layer.forEach((vertex, index) => (vertex.order = index));
}

const spot = (vertex, offset) => vertex.order + (offset / (vertex.across + 1)) * 0.9;

function order(layers, size) {
  const sweeps = size > 15000 ? 4 : size > 3000 ? 8 : 16;
  let best = layers.map((layer) => [...layer]);
  let fewest = crossings(layers);
  for (let sweep = 0; sweep < sweeps && fewest; sweep++) {
    const down = sweep % 2 === 0;
    for (const layer of down ? layers : layers.toReversed()) barycentres(layer, down);
    if (size < 3000) for (const layer of layers) exchange(layer);
    const found = crossings(layers);
    if (found < fewest) [fewest, best] = [found, layers.map((layer) => [...layer])];
  }
  best.forEach((layer, index) => (layers[index] = layer));
  enumerate(layers);
}

function barycentres(layer, down) {
  const pulled = layer.filter((vertex) => (down ? vertex.above : vertex.below).length);
  for (const vertex of pulled) {
    let sum = 0;
    for (const link of down ? vertex.above : vertex.below) {
      sum += down ? spot(link.above, link.aboveOffset) : spot(link.below, link.belowOffset);
    }
    vertex.pull = sum / (down ? vertex.above : vertex.below).length;
  }
  pulled.sort((a, b) => a.pull - b.pull || a.order - b.order);
  let next = 0;
  for (let i = 0; i < layer.length; i++) {
    if ((down ? layer[i].above : layer[i].below).length) layer[i] = pulled[next++];
  }
  layer.forEach((vertex, index) => (vertex.order = index));
}

// Neighbours change places where that takes crossings away.
function exchange(layer) {
  for (let i = 0; i + 1 < layer.length; i++) {
    const [a, b] = [layer[i], layer[i + 1]];
    if (between(b, a) >= between(a, b)) continue;
    [layer[i], layer[i + 1]] = [b, a];
    [a.order, b.order] = [i + 1, i];
  }
}

// Crossings of the links of two neighbours, with `left` on the left.
function between(left, right) {
  let total = 0;
  for (const l of left.above) {
    for (const r of right.above) {
      if (spot(l.above, l.aboveOffset) > spot(r.above, r.aboveOffset)) total++;
    }
  }
  for (const l of left.below) {
    for (const r of right.below) {
      if (spot(l.below, l.belowOffset) > spot(r.below, r.belowOffset)) total++;
    }
  }
  return total;
}

// Inversions, counted with a Fenwick tree.
function crossings(layers) {
  let total = 0;
  for (const layer of layers) {
    const links = layer.flatMap((vertex) => vertex.below);
    const ends = links.map((link) => spot(link.below, link.belowOffset));
    const starts = links.map((link) => spot(link.above, link.aboveOffset));
    const places = new Map([...new Set(ends)].sort((a, b) => a - b).map((end, i) => [end, i + 1]));
    const byStart = links
      .map((_, i) => i)
      .sort((i, j) => starts[i] - starts[j] || ends[i] - ends[j]);
    const tree = new Int32Array(places.size + 1);
    for (const [seen, i] of byStart.entries()) {
      const place = places.get(ends[i]);
      total += seen;
      for (let k = place; k > 0; k -= k & -k) total -= tree[k];
      for (let k = place; k < tree.length; k += k & -k) tree[k]++;
    }
  }
  return total;
}

// What has no order of its own comes in side by side, in the order in which it stands above.
function spread(vertex) {
  const links = [...vertex.above];
  links.sort((a, b) => spot(a.above, a.aboveOffset) - spot(b.above, b.aboveOffset));
  links.forEach((link, i) => {
    const offset = ((i + 1) / (links.length + 1) - 0.5) * vertex.across * 0.9;
    link.belowOffset = link.arc.toOffset = offset;
  });
}

// Coordinates across: each rank as near as its order allows to the medians of its neighbours.

function positions(layers) {
  for (const layer of layers) pack(layer);
  for (let sweep = 0; sweep < 10; sweep++) {
    const sides = sweep >= 8 ? ["above", "below"] : [sweep % 2 ? "below" : "above"];
    const walk = sides[0] === "below" || sweep === 9 ? layers.toReversed() : layers;
    for (const layer of walk) pull(layer, sides);
  }
}

function pack(layer) {
  let u = 0;
  layer.forEach((vertex, i) => {
    u += i ? separation(layer[i - 1], vertex) : 0;
    vertex.u = u;
  });
  for (const vertex of layer) vertex.u -= u / 2;
}

const separation = (a, b) =>
  (a.across + b.across) / 2 + (a.lane || b.lane ? APART.lane : APART.vertex);

function pull(layer, sides) {
  const wanted = [];
  const weights = [];
  for (const vertex of layer) {
    const pulls = [];
    for (const side of sides) {
      for (const link of vertex[side]) {
        const at = side === "above" ? link.above.u + lean(link) : link.below.u - lean(link);
        pulls.push([at, link.weight]);
      }
    }
    wanted.push(pulls.length ? median(pulls) : vertex.u);
    weights.push(pulls.length ? Math.max(...pulls.map(([, weight]) => weight)) : 0.01);
  }
  place(layer, wanted, weights);
}

// How far the ends of a straight link are apart. Only ports of boxes count: operands enter a node
// beside its middle, and a row of nodes that each stand straight below would run askew.
const lean = ({ above, below, aboveOffset, belowOffset }) =>
  (above.rigid ? aboveOffset : 0) - (below.rigid ? belowOffset : 0);

function median(pulls) {
  pulls.sort((a, b) => a[0] - b[0]);
  const half = pulls.reduce((sum, [, weight]) => sum + weight, 0) / 2;
  let passed = 0;
  for (let i = 0; ; i++) {
    passed += pulls[i][1];
    if (passed > half) return pulls[i][0];
    if (passed === half) return (pulls[i][0] + pulls[i + 1][0]) / 2;
  }
}

// The least sum of weighted squares from what is wanted, kept apart: isotonic regression, by
// pooling neighbours that want to pass each other.
function place(layer, wanted, weights) {
  const blocks = [];
  let shift = 0;
  for (let i = 0; i < layer.length; i++) {
    shift += i ? separation(layer[i - 1], layer[i]) : 0;
    layer[i].shift = shift;
    let block = { mean: wanted[i] - shift, weight: weights[i], size: 1 };
    while (blocks.length && blocks.at(-1).mean >= block.mean) {
      const left = blocks.pop();
      const weight = left.weight + block.weight;
      const mean = (left.mean * left.weight + block.mean * block.weight) / weight;
      block = { mean, weight, size: left.size + block.size };
    }
    blocks.push(block);
  }
  let i = 0;
  for (const { mean, size } of blocks) {
    for (const end = i + size; i < end; i++) layer[i].u = mean + layer[i].shift;
  }
}

// Coordinates along: ranks one after the other, wider apart where edges run far across.

function stack(layers) {
  let v = 0;
  layers.forEach((layer, index) => {
    const thickness = Math.max(...layer.map(({ along }) => along));
    for (const vertex of layer) {
      vertex.start = v;
      vertex.end = v + thickness;
      // A source stands next to what it feeds, all else next to what it comes from.
      vertex.v = vertex.above.length || vertex.pinned ? v : v + thickness - vertex.along;
    }
    v += thickness;
    if (index + 1 < layers.length) v += room(layer);
  });
  return v;
}

function room(layer) {
  let widest = 0;
  for (const { below } of layer) {
    for (const link of below) {
      const run = link.below.u + link.belowOffset - link.above.u - link.aboveOffset;
      widest = Math.max(widest, Math.abs(run));
    }
  }
  const ports = layer.every(({ pinned }) => pinned) ? 0.6 : 1;
  return ports * (APART.rank + Math.min(70, widest * 0.05));
}

function stations(arc) {
  const { from, to, fromOffset, toOffset } = arc;
  const inner = arc.loose ? [] : arc.lanes.map((lane) => [lane.u, lane.start, lane.end]);
  const [out, into] = [from.v + from.along, to.v];
  arc.stations = [
    [from.u + fromOffset, out, arc.loose ? out : from.end],
    ...inner,
    [to.u + toOffset, arc.loose ? into : to.start, into],
  ];
}

// Moves everything so that the least coordinate across is 0; returns the extent.
function settle(layers, arcs) {
  let [least, most] = [Infinity, -Infinity];
  for (const layer of layers) {
    for (const { u, across } of layer) {
      least = Math.min(least, u - across / 2);
      most = Math.max(most, u + across / 2);
    }
  }
  for (const layer of layers) for (const vertex of layer) vertex.u -= least;
  for (const arc of arcs) for (const station of arc.stations) station[0] -= least;
  return most - least;
}
