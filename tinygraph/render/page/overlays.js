// What colour can show: times, bytes, gradients, NaNs, dtypes; the scales and their legends.

const OVERLAYS = {
  none: { title: "None" },
  forward: {
    title: "Time forward",
    of: (node) => node.seconds,
    sum: true,
    text: duration,
    log: true,
  },
  backward: {
    title: "Time backward",
    of: (node) => node.seconds_backward,
    sum: true,
    text: duration,
    log: true,
  },
  bytes: { title: "Bytes kept", of: (node) => node.bytes, sum: true, text: bytes, log: true },
  gradient: { title: "Gradient norm", of: (node) => node.gradient_norm, text: short, log: true },
  nonfinite: { title: "NaN and infinity" },
  dtype: { title: "Type" },
};

const missing = {
  forward: "No times are recorded: run under tg.record(time=True)",
  backward: "No times are recorded: run under tg.record(time=True), backward() too",
  bytes: "No bytes are kept, or backward() has released them: take the graph before it",
  gradient: "No gradient is computed: call backward() before tg.graph",
};

// Lightness falls evenly while the hue turns from yellow to violet, and so reads in grey as well.
const sequential = (t) => oklch(0.93 - 0.6 * t, 0.07 + 0.07 * Math.sin(Math.PI * t), 100 + 200 * t);

// Okabe and Ito's colours for eight kinds, told apart with every kind of colour vision.
const CATEGORIES = [
  "#56b4e9",
  "#e69f00",
  "#009e73",
  "#f0e442",
  "#cc79a7",
  "#d55e00",
  "#0072b2",
  "#999999",
];

// A colour of OKLCH (Ottosson 2020) as sRGB.
function oklch(lightness, chroma, hue) {
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  const channel = (x) => {
    const curved = x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055;
    return Math.round(255 * Math.min(1, Math.max(0, curved)))
      .toString(16)
      .padStart(2, "0");
  };
  return `#${linear.map(channel).join("")}`;
}

// Black or white, whichever reads better on a colour.
function inkOn(colour) {
  const [r, g, b] = [1, 3, 5].map((i) => (parseInt(colour.slice(i, i + 2), 16) / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.2 ? "#16181b" : "#ffffff";
}

const nonfinite = (statistics) =>
  statistics ? (statistics.nan ?? 0) + (statistics.inf ?? 0) > 0 : false;
const isBad = (node) => nonfinite(node.statistics) || /nan|inf/.test(node.value ?? "");
const isBadGradient = (node) =>
  nonfinite(node.gradient_statistics) ||
  /nan|inf/.test(node.gradient ?? "") ||
  (node.gradient_norm !== undefined && !Number.isFinite(node.gradient_norm));

// The quantity an item shows: a node's own; of a closed group the sum, or the largest.
function quantity(item, overlay) {
  if (!item.isGroup) return overlay.of(item);
  let total;
  for (const node of members(item)) {
    const x = overlay.of(node);
    if (x === undefined) continue;
    total = total === undefined ? x : overlay.sum ? total + x : Math.max(total, x);
  }
  return total;
}

// An overlay ready to paint: { title, fill(item), note(item), ring(item), legend }, for the items shown.
function overlayOf(graph, name, items) {
  if (name === "none") return null;
  if (name === "dtype") return dtypes(graph);
  if (name === "nonfinite") return badOnes(graph);
  const overlay = OVERLAYS[name];
  const found = new Map(items.map((item) => [item, quantity(item, overlay)]));
  const positive = [...found.values()].filter((x) => x > 0 && Number.isFinite(x));
  let [least, most] = [Math.min(...positive), Math.max(...positive)];
  least = Math.max(least, most * 1e-12);
  const place = (x) => (most > least ? Math.log(x / least) / Math.log(most / least) : 0.5);
  const fill = (item) => {
    const x = found.get(item);
    if (x === undefined) return null;
    if (x === 0) return "zero";
    return Number.isFinite(x) ? sequential(place(x)) : "bad";
  };
  const note = (item) => {
    const x = found.get(item);
    return x === undefined ? "" : overlay.text(x);
  };
  const values = [...found.values()];
  return {
    title: overlay.title,
    fill,
    note,
    legend: {
      scale: positive.length ? { least: overlay.text(least), most: overlay.text(most) } : null,
      zero: values.includes(0),
      none: values.includes(undefined) && (name === "gradient" ? "not computed" : "not recorded"),
      bad: values.some((x) => x !== undefined && !Number.isFinite(x)) && "NaN or infinite",
    },
  };
}

function dtypes(graph) {
  const kinds = new Map();
  for (const { dtype } of graph.nodes) if (dtype) kinds.set(dtype, (kinds.get(dtype) ?? 0) + 1);
  const names = [...kinds.keys()].sort((a, b) => kinds.get(b) - kinds.get(a));
  const colour = (dtype) => CATEGORIES[Math.min(names.indexOf(dtype), CATEGORIES.length - 1)];
  const of = (item) => {
    if (!item.isGroup) return item.dtype;
    const own = new Set([...members(item)].map(({ dtype }) => dtype).filter(Boolean));
    return own.size === 1 ? [...own][0] : undefined;
  };
  return {
    title: OVERLAYS.dtype.title,
    fill: (item) => (of(item) ? colour(of(item)) : null),
    note: (item) => of(item) ?? (item.isGroup ? "several types" : ""),
    legend: { kinds: names.map((name) => [name, colour(name), kinds.get(name)]) },
  };
}

// What was found in a value, as short as can be.
function found({ statistics, value }) {
  const { nan = 0, inf = 0 } = statistics ?? {};
  const words = [
    nan ? `${nan.toLocaleString("en")} NaN` : "",
    inf ? `${inf.toLocaleString("en")} ∞` : "",
  ];
  return words.filter(Boolean).join(", ") || value;
}

function badOnes(graph) {
  const first = graph.nodes.find(isBad);
  const firstBackward = graph.nodes.findLast(
    (node) => isBadGradient(node) && node.kind !== "constant",
  );
  const holds = (item, test) => [...members(item)].some(test);
  const note = (item) => {
    const [value, gradient] = [holds(item, isBad), holds(item, isBadGradient)];
    const own = value && !item.isGroup ? found(item) : value ? "NaN or ∞" : "";
    return [own, gradient ? "grad" : ""].filter(Boolean).join(", ");
  };
  return {
    title: OVERLAYS.nonfinite.title,
    fill: (item) => (note(item) ? "bad" : null),
    note,
    ring: (item) =>
      (first && first.shown === item) || (firstBackward && firstBackward.shown === item),
    legend: { first, firstBackward },
  };
}

// Numbers in few digits.

function short(x) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "NaN" : x > 0 ? "∞" : "−∞";
  if (x === 0) return "0";
  const size = Math.abs(x);
  const text =
    size >= 1e5 || size < 1e-3
      ? x
          .toExponential(2)
          .replace(/\.?0+e/, "e")
          .replace("e+", "e")
      : String(+x.toPrecision(4));
  return text.replace("-", "−");
}

function scaled(x, base, units) {
  let i = 0;
  while (i + 1 < units.length && Math.abs(x) >= base) [x, i] = [x / base, i + 1];
  return `${short(+x.toPrecision(3))} ${units[i]}`;
}

function bytes(x) {
  return scaled(x, 1000, ["B", "kB", "MB", "GB", "TB"]);
}

function duration(x) {
  return scaled(x * 1e9, 1000, ["ns", "µs", "ms", "s"]);
}
