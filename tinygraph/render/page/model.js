// The graph as it came, and the tree of groups that it is shown by: scopes, chains and sections.

const CROWDED = 150; // more nodes than that are not read at a glance
const FEW = 6; // fewer nodes tell too little to begin with
const SHORTEST_CHAIN = 5; // operations; fewer take no more room than their pill
const LARGEST_LEVEL = 6000; // children of one group; more are cut into sections

class Group {
  constructor(kind, name, parent) {
    this.isGroup = true;
    this.kind = kind; // "root", "scope", "chain" or "section"
    this.name = name;
    this.parent = parent;
    this.depth = 0;
    this.children = [];
    this.open = false;
  }

  get path() {
    const names = [];
    for (let group = this; group.parent; group = group.parent) {
      if (group.kind === "scope") names.unshift(group.name);
    }
    return names;
  }
}

// JSON has no NaN and no infinities: they come as text.
const SPECIAL = { nan: NaN, inf: Infinity, "-inf": -Infinity };
const number = (x) => (typeof x === "string" ? SPECIAL[x] : x);

function decode(payload) {
  const nodes = payload.nodes;
  for (const node of nodes) {
    node.operands = [];
    node.uses = [];
    for (const key of ["gradient_norm", "seconds", "seconds_backward"]) {
      if (key in node) node[key] = number(node[key]);
    }
    for (const key of ["statistics", "gradient_statistics"]) {
      for (const name in node[key]) node[key][name] = number(node[key][name]);
    }
  }
  const edges = payload.edges.map(([source, target, position, operand]) => {
    const edge = { source: nodes[source], target: nodes[target], position, operand };
    edge.source.uses.push(edge);
    edge.target.operands.push(edge);
    return edge;
  });
  const graph = { ...payload, nodes, edges, groups: [] };
  graph.root = new Group("root", "", null);
  graph.root.open = true;
  fillGroups(graph);
  if (nodes.length > CROWDED) elideChains(graph);
  cutSections(graph, graph.root);
  finishGroups(graph);
  return graph;
}

function newGroup(graph, kind, name, parent) {
  const group = new Group(kind, name, parent);
  graph.groups.push(group);
  return group;
}

// Each call of a module is a scope of its own, so that closing one makes no cycle.
function fillGroups(graph) {
  const groups = (graph.scopes ?? []).map(() => null);
  graph.scopes?.forEach(({ name, parent, kind }, i) => {
    const group = newGroup(graph, "scope", name, groups[parent] ?? graph.root);
    group.module = kind;
    groups[i] = group;
    group.parent.children.push(group);
  });
  for (const node of graph.nodes) {
    node.parent = groups[node.scope] ?? graph.root;
    node.parent.children.push(node);
  }
  const firsts = new Map();
  first(graph.root, firsts);
  for (const group of [graph.root, ...graph.groups]) {
    group.children = group.children.filter((child) => !child.isGroup || firsts.has(child));
    group.children.sort((a, b) => (firsts.get(a) ?? a.id) - (firsts.get(b) ?? b.id));
  }
  graph.groups = graph.groups.filter((group) => firsts.has(group));
}

// The first operation in a group, or else the first node; none in an empty one.
function first(group, firsts) {
  let [operation, any] = [Infinity, Infinity];
  for (const child of group.children) {
    const id = child.isGroup ? first(child, firsts) : child.id;
    any = Math.min(any, id);
    if (child.isGroup || child.kind === "operation") operation = Math.min(operation, id);
  }
  const id = operation < Infinity ? operation : any;
  if (id < Infinity) firsts.set(group, id);
  return id;
}

function commonGroup(a, b) {
  while (a !== b) {
    if (a.depth >= b.depth) a = a.parent;
    else b = b.parent;
  }
  return a;
}

// Operations one after the other, with nothing else coming in but constants of their own.

function elideChains(graph) {
  const next = new Map();
  for (const node of graph.nodes) {
    const follower = node.uses.length === 1 && !node.output ? node.uses[0].target : null;
    if (isLink(node) && follower && isLink(follower) && follower.parent === node.parent) {
      next.set(node, follower);
    }
  }
  const followers = new Set(next.values());
  for (const head of next.keys()) {
    if (followers.has(head)) continue;
    const chain = [head];
    while (next.has(chain.at(-1))) chain.push(next.get(chain.at(-1)));
    if (chain.length >= SHORTEST_CHAIN) elide(graph, chain);
  }
}

function isLink(node) {
  if (node.kind !== "operation") return false;
  const coming = node.operands.filter(({ source }) => source.kind !== "constant");
  return coming.length === 1;
}

function elide(graph, chain) {
  const parent = chain[0].parent;
  const group = newGroup(graph, "chain", `${count(chain.length, "operation")}`, parent);
  const members = new Set(chain);
  for (const node of chain) {
    for (const { source } of node.operands) {
      if (source.kind === "constant" && source.uses.length === 1) members.add(source);
    }
  }
  const place = parent.children.indexOf(chain[0]);
  parent.children[place] = group;
  group.parent = parent;
  for (const member of members) member.parent = group;
  group.children = [...members].sort((a, b) => a.id - b.id);
  parent.thinned = true;
}

// A level with very many children is cut, along a topological order, into sections that open.
function cutSections(graph, group) {
  if (group.thinned) group.children = group.children.filter((child) => child.parent === group);
  for (const child of group.children) if (child.isGroup) cutSections(graph, child);
  if (group.children.length <= LARGEST_LEVEL) return;
  const order = topological(group);
  const size = Math.max(100, Math.ceil(order.length / 60));
  group.children = [];
  for (let start = 0; start < order.length; start += size) {
    const section = newGroup(graph, "section", `part ${group.children.length + 1}`, group);
    section.children = order.slice(start, start + size);
    for (const member of section.children) member.parent = section;
    group.children.push(section);
    if (size > LARGEST_LEVEL) cutSections(graph, section);
  }
}

function topological(group) {
  const stands = new Map();
  for (const child of group.children) for (const node of members(child)) stands.set(node, child);
  const waits = new Map(group.children.map((child) => [child, new Set()]));
  for (const [node, child] of stands) {
    for (const { source } of node.operands) {
      const other = stands.get(source);
      if (other && other !== child) waits.get(child).add(other);
    }
  }
  const [order, begun] = [new Set(), new Set()];
  for (const first of group.children) {
    const stack = [first]; // what it waits for goes before it: sources beside their first use
    while (stack.length) {
      const child = stack.at(-1);
      const missing = begun.has(child)
        ? []
        : [...waits.get(child)].filter((other) => !begun.has(other));
      begun.add(child);
      if (missing.length) stack.push(...missing.reverse());
      else order.add(stack.pop());
    }
  }
  return [...order];
}

function* members(item) {
  if (!item.isGroup) return yield item;
  for (const child of item.children) yield* members(child);
}

// Where groups stand in the tree, what enters and leaves them, what is in them.
function finishGroups(graph) {
  graph.groups = [];
  settleTree(graph, graph.root);
  for (const { source, target } of graph.edges) {
    const common = commonGroup(source.parent, target.parent);
    for (let g = source.parent; g !== common; g = g.parent) g.leaving.add(source);
    for (let g = target.parent; g !== common; g = g.parent) g.entering.add(source);
  }
  for (const node of graph.nodes) {
    if (!node.output) continue;
    for (let g = node.parent; g.parent; g = g.parent) g.leaving.add(node);
  }
  contents(graph.root);
}

// From the root, as later groups may stand around earlier ones.
function settleTree(graph, group) {
  const alike = new Map();
  for (const child of group.children) {
    child.parent = group;
    if (!child.isGroup) continue;
    graph.groups.push(child);
    Object.assign(child, { id: `g${graph.groups.length}`, depth: group.depth + 1 });
    Object.assign(child, { entering: new Set(), leaving: new Set() });
    if (!alike.has(child.name)) alike.set(child.name, []);
    if (child.kind === "scope") alike.get(child.name).push(child);
    settleTree(graph, child);
  }
  for (const calls of alike.values()) {
    if (calls.length > 1) calls.forEach((call, i) => (call.call = `${i + 1} of ${calls.length}`));
  }
}

function contents(group) {
  group.operations = group.parameters = group.size = 0;
  for (const child of group.children) {
    if (child.isGroup) {
      contents(child);
      group.operations += child.operations;
      group.parameters += child.parameters;
      group.size += child.size;
    } else {
      group.size += 1;
      if (child.kind === "operation") group.operations += 1;
      if (child.kind === "parameter") group.parameters += child.size ?? 0;
    }
  }
}

// What is shown: every node gets the item that stands for it, itself or a closed group.
function show(graph, constants) {
  const mark = (group, stand) => {
    for (const child of group.children) {
      if (child.isGroup) {
        child.shown = stand ?? (child.open ? null : child);
        mark(child, child.shown);
      } else {
        child.shown = stand ?? (child.kind === "constant" && !constants ? null : child);
      }
    }
  };
  mark(graph.root, null);
}

function visibleCount(group) {
  let total = 0;
  for (const child of group.children)
    total += child.isGroup && child.open ? visibleCount(child) : 1;
  return total;
}

// Scopes down to a depth stand open; 1 leaves the outermost closed. Chains and sections stay closed.
function openTo(graph, depth) {
  for (const group of graph.groups)
    group.open = group.kind === "scope" && group.path.length < depth;
}

const deepest = (graph) =>
  Math.max(0, ...graph.groups.filter((g) => g.kind === "scope").map((g) => g.path.length));

// All of it; the outermost level of what is too crowded, and more where that says too little.
function openByDefault(graph) {
  let depth = deepest(graph) + 1;
  openTo(graph, depth);
  if (visibleCount(graph.root) <= CROWDED) return depth;
  for (depth = 1; ; depth++) {
    openTo(graph, depth);
    if (visibleCount(graph.root) >= FEW || depth > deepest(graph)) break;
  }
  if (depth > 1 && visibleCount(graph.root) > CROWDED) openTo(graph, --depth);
  return depth;
}

function reveal(item) {
  let changed = false;
  for (let group = item.parent; group; group = group.parent) {
    changed ||= !group.open;
    group.open = true;
  }
  return changed;
}

const count = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;
