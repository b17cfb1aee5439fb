// What stands in the boxes, as lines of runs of text, and how large that makes them.

const FAMILY = 'system-ui, -apple-system, "Segoe UI", "Noto Sans", "Liberation Sans", sans-serif';
const FONTS = {
  title: `500 13px ${FAMILY}`,
  bold: `650 13px ${FAMILY}`,
  detail: `400 11.5px ${FAMILY}`,
  italic: `italic 400 11.5px ${FAMILY}`,
  header: `600 12px ${FAMILY}`,
};
const LINE = 16;
const PADDING = { x: 11, y: 7 };
const LONGEST = 36; // characters of a run

const clip = (text, most = LONGEST) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
const oneLine = (text) =>
  String(text)
    .replace(/[\s\p{C}]+/gu, " ")
    .trim();
const run = (text, font = "detail", colour = "soft") => {
  const shown = String(text).replace(/[\s\p{C}]+/gu, " ");
  return { text: clip(shown), font, colour };
};

// The widths of texts, each measured once.
class Ruler {
  constructor() {
    this.context = document.createElement("canvas").getContext("2d");
    this.known = new Map();
  }

  width(text, font) {
    const key = `${font} ${text}`;
    if (!this.known.has(key)) {
      this.context.font = FONTS[font];
      this.known.set(key, this.context.measureText(text).width);
    }
    return this.known.get(key);
  }
}

const ruler = new Ruler();

function linesOf(item, graph, mode, overlay) {
  if (item.kind === "chain")
    return [[run(`… ${item.name}`, "title", "ink")], ...noted(item, overlay)];
  if (item.isGroup) return groupLines(item, overlay);
  const lines = [titleOf(item)];
  const below = overlay ? noted(item, overlay) : [];
  if (mode !== "backward" && !overlay) below.push(...forwardLine(item, graph));
  if (mode !== "forward" && !overlay) below.push(...backwardLine(item, graph, mode));
  return [...lines.filter((line) => line.length), ...below];
}

const noted = (item, overlay) => {
  const note = overlay?.note(item);
  return note ? [[run(note)]] : [];
};

function titleOf(node) {
  const name = node.name || (node.output ? "output" : "");
  if (node.kind !== "operation") {
    return [name ? run(name, "bold", "ink") : run(node.value ?? node.label, "title", "soft")];
  }
  const runs = name ? [run(name, "bold", "ink"), run(" = ", "title", "soft")] : [];
  runs.push(run(node.label, "title", "ink"));
  if (node.params) runs.push(run(`(${node.params})`));
  return runs;
}

function forwardLine(node, graph) {
  if (node.kind === "constant" && !node.name && node.value !== undefined) return [];
  const text = node.value ?? (node.outputs ? `${node.outputs} outputs` : node.shape);
  if (!text || text === node.label) return [];
  const runs = [run(text, "detail", node.value === undefined ? "soft" : "ink")];
  if (
    node.dtype &&
    !node.outputs &&
    node.dtype !== graph.usual &&
    /float|complex/.test(node.dtype)
  ) {
    runs.push(run(` ${node.dtype}`));
  }
  return [runs];
}

function backwardLine(node, graph, mode) {
  if (node.kind === "constant") return [];
  if (node.gradient !== undefined) return [[run(`grad ${node.gradient}`, "detail", "gradient")]];
  if (node.gradient_norm !== undefined) {
    return [[run(`‖grad‖ ${short(node.gradient_norm)}`, "detail", "gradient")]];
  }
  const told = notComputed(node, graph);
  return mode === "both" && told === KEPT ? [] : [[run(told, "italic", "soft")]];
}

const KEPT = "grad not kept";

// Arrays on the way give their gradients up, unless they were recorded.
function notComputed(node, graph) {
  const kept = node.kind !== "operation" || node.value !== undefined || graph.recorded;
  return kept || !graph.differentiated ? "grad not computed" : KEPT;
}

function groupLines(group, overlay) {
  const title = [run(group.name, "bold", "ink")];
  if (group.module && group.module !== group.name) title.push(run(`  ${group.module}`));
  if (group.call) title.push(run(`  ${group.call}`));
  const lines = [title];
  if (overlay) return [...lines, ...noted(group, overlay)];
  const flow = [shapes(group.entering), shapes(group.leaving)].filter(Boolean);
  if (flow.length) lines.push([run(flow.join(" → "), "detail", "soft")]);
  const counts = count(group.operations, "operation");
  lines.push([
    run(group.parameters ? `${counts} · ${compact(group.parameters)} parameters` : counts),
  ]);
  return lines;
}

function shapes(nodes) {
  const texts = [...nodes]
    .filter((node) => node.kind === "operation" || node.kind === "leaf")
    .map(({ shape }) => shape);
  const shown = [...new Set(texts)];
  return shown.slice(0, 2).join(", ") + (shown.length > 2 ? ` + ${shown.length - 2}` : "");
}

const compact = (n) =>
  n.toLocaleString("en", { notation: n >= 1e5 ? "compact" : "standard", maximumFractionDigits: 1 });

const widthOf = (line) => line.reduce((sum, { text, font }) => sum + ruler.width(text, font), 0);

function measured(item, graph, mode) {
  if (item.isGroup && item.open) {
    return { header: ruler.width(headerText(item), "header") + 60 };
  }
  const lines = linesOf(item, graph, mode, null);
  const bare = isNumber(item);
  item.rows = lines.length;
  let width = Math.ceil(Math.max(...lines.map(widthOf))) + 2 * (bare ? 4 : PADDING.x);
  if (item.kind === "parameter") width += 8;
  if (item.isGroup && item.kind !== "chain") width += 16;
  // Room for operands to enter side by side, and for the figure that goes with a colour.
  if (!bare)
    width = Math.max(width, item.isGroup ? 0 : 9 * (1 + Math.min(item.operands.length, 24)), 64);
  return { width, height: item.rows * LINE + 2 * (bare ? 2 : PADDING.y) };
}

const isNumber = (item) => item.kind === "constant" && item.value !== undefined && !item.name;
const headerText = ({ name, module, call }) =>
  clip(oneLine([name, module === name ? "" : module, call].filter(Boolean).join("  ")), 60);
