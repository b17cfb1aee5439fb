// What is told in words: the panel of the selected item, the tip under the pointer, the legend.

const KINDS = {
  leaf: "Input",
  parameter: "Parameter",
  constant: "Constant",
  operation: "Operation",
};

// An element with attributes and children; text is always text.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function titleText(item) {
  if (item.kind === "chain") return `… ${item.name}`;
  if (item.isGroup) return item.call ? `${item.name}, call ${item.call}` : item.name;
  const what =
    item.kind === "operation" ? item.label + (item.params ? `(${item.params})` : "") : item.value;
  if (!item.name) return what ?? item.label;
  return item.kind === "operation" ? `${item.name} = ${what}` : item.name;
}

function kindText(item) {
  const scope = scopeText(item);
  if (item.isGroup) {
    const kind = { scope: item.module ?? "Scope", chain: "Chain", section: "Section" }[item.kind];
    return scope ? `${kind} ${scope}` : kind;
  }
  const words = [item.output ? `${KINDS[item.kind]}, output` : KINDS[item.kind]];
  if (item.operation) words.push(item.operation);
  return words.join(" · ");
}

const scopeText = (item) => (item.isGroup ? item : item.parent).path.join(" / ");

// Facts, as [name, text, class], the same for panel, tip and screen reader.
function facts(item, graph) {
  return (
    item.isGroup
      ? groupFacts(item)
      : [...nodeFacts(item), ...gradientFacts(item, graph), ...costs(item)]
  ).filter(([, text]) => text !== undefined && text !== "" && text !== null);
}

function groupFacts(group) {
  const sum = (name) => {
    const total = quantity(group, { of: (node) => node[name], sum: true });
    return total;
  };
  return [
    ["Operations", group.operations.toLocaleString("en")],
    ["Parameters", group.parameters ? group.parameters.toLocaleString("en") : ""],
    ["In", shapes(group.entering)],
    ["Out", shapes(group.leaving)],
    ...costs({
      seconds: sum("seconds"),
      seconds_backward: sum("seconds_backward"),
      bytes: sum("bytes"),
      flops: sum("flops"),
    }),
  ];
}

function nodeFacts(node) {
  return [
    ["Shape", node.shape],
    ["Type", node.dtype],
    ["Value", node.full ?? node.value, isBad(node) ? "bad" : ""],
    ...statisticsFacts("Values", node.statistics),
  ];
}

function gradientFacts(node, graph) {
  if (node.kind === "constant") return [["Gradient", "none: a constant", "absent"]];
  const worst = isBadGradient(node) ? "bad" : "gradient";
  const gradient = node.gradient_full ?? node.gradient;
  const known = gradient !== undefined || node.gradient_norm !== undefined;
  return [
    [
      "Gradient",
      gradient ?? (known ? "" : notComputed(node, graph).replace("grad ", "")),
      known ? worst : "absent",
    ],
    ["‖Gradient‖", gradient === undefined && known ? short(node.gradient_norm) : "", worst],
    ...statisticsFacts("Gradients", node.gradient_statistics),
  ];
}

function statisticsFacts(name, statistics) {
  if (!statistics) return [];
  const { min, max, mean, std, nan, inf } = statistics;
  const bad = [
    nan ? `${nan.toLocaleString("en")} NaN` : "",
    inf ? `${inf.toLocaleString("en")} infinite` : "",
  ].filter(Boolean);
  return [
    [name, min === undefined ? "" : `${short(min)} … ${short(max)}`],
    ["", mean === undefined ? "" : `mean ${short(mean)}, std ${short(std)}`],
    ["", bad.join(", "), "bad"],
  ];
}

function costs({ seconds, seconds_backward, bytes: kept, flops }) {
  return [
    ["Forward", seconds === undefined ? "" : duration(seconds)],
    ["Backward", seconds_backward === undefined ? "" : duration(seconds_backward)],
    ["Kept", kept === undefined ? "" : bytes(kept)],
    [
      "Work",
      flops === undefined ? "" : scaled(flops, 1000, ["FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP"]),
    ],
  ];
}

function fillPanel(panel, item, viewer) {
  const { graph } = viewer;
  const close = element(
    "button",
    {
      class: "close",
      title: "Close (Escape)",
      "aria-label": "Close",
      onclick: () => viewer.select(null),
    },
    "×",
  );
  const list = element("dl");
  for (const [name, text, style] of facts(item, graph)) {
    list.append(element("dt", {}, name), element("dd", { class: style || undefined }, text));
  }
  const parts = [
    close,
    element("h2", {}, titleText(item)),
    element("p", { class: "kind" }, kindText(item)),
  ];
  if (!item.isGroup && scopeText(item))
    parts.push(element("p", { class: "kind" }, scopeText(item)));
  if (item.isGroup) {
    const toggle = () => viewer.toggle(item);
    parts.push(
      element(
        "button",
        { class: "wide", onclick: toggle, style: "margin:8px 0 0 -10px;color:var(--accent)" },
        item.open ? "Collapse" : "Expand",
      ),
    );
  }
  parts.push(list, ...siteParts(item));
  if (!item.isGroup)
    parts.push(
      ...neighbours("Operands", item.operands, "source", viewer),
      ...neighbours("Uses", item.uses, "target", viewer),
    );
  panel.replaceChildren(...parts);
  panel.scrollTop = 0;
}

function siteParts({ site }) {
  if (!site) return [];
  const place = element("p", { class: "kind" }, `${site.file}:${site.line}`);
  return [
    element("h3", {}, "Made at"),
    place,
    ...(site.source ? [element("pre", {}, site.source)] : []),
  ];
}

function neighbours(title, edges, end, viewer) {
  if (!edges.length) return [];
  const rows = edges.slice(0, 60).map((edge) => {
    const go = () => viewer.goTo(edge[end]);
    const role = element("small", {}, `  ${edge.operand}`);
    return element("li", {}, element("button", { onclick: go }, titleText(edge[end]), role));
  });
  if (edges.length > 60)
    rows.push(element("li", { class: "absent" }, `and ${edges.length - 60} more`));
  return [
    element("h3", {}, edges.length > 3 ? `${title}, ${edges.length}` : title),
    element("ul", {}, ...rows),
  ];
}

function fillTip(tip, item, viewer) {
  const lines = [kindText(item)];
  for (const [name, text] of facts(item, viewer.graph)) lines.push(name ? `${name} ${text}` : text);
  if (item.site) lines.push(`${item.site.file}:${item.site.line}`);
  const paragraphs = lines.map((line) => element("p", {}, clip(line, 160)));
  tip.replaceChildren(element("strong", {}, titleText(item)), ...paragraphs);
}

// What a screen reader says of an item.
function spoken(item, graph) {
  const words = [titleText(item), kindText(item)];
  for (const [name, text] of facts(item, graph).slice(0, 6)) words.push(`${name} ${text}`);
  if (item.isGroup) words.push(item.open ? "expanded" : "collapsed, Enter expands");
  else words.push(count(item.operands.length, "operand"), count(item.uses.length, "use"));
  return words.join(", ");
}

// The legend

const SHAPES = {
  leaf: ["Input", '<rect width="20" height="12" fill="var(--leaf)" stroke="var(--leaf-line)"/>'],
  parameter: [
    "Parameter",
    '<rect width="20" height="12" fill="var(--parameter)" stroke="var(--parameter-line)"/><rect width="4" height="12" fill="var(--parameter-line)"/>',
  ],
  operation: [
    "Operation",
    '<rect width="20" height="12" rx="4" fill="var(--operation)" stroke="var(--operation-line)"/>',
  ],
  constant: [
    "Constant",
    '<rect width="20" height="12" fill="none" stroke="var(--constant-line)" stroke-dasharray="3 2"/>',
  ],
  output: [
    "Output",
    '<rect width="20" height="12" rx="4" fill="var(--output)" stroke="var(--output-line)"/><rect x="-2.5" y="-2.5" width="25" height="17" rx="6" fill="none" stroke="var(--output-line)"/>',
  ],
  group: [
    "Scope",
    '<rect x="3" y="3" width="20" height="12" rx="4" fill="var(--box)" stroke="var(--group-line)"/><rect width="20" height="12" rx="4" fill="var(--group)" stroke="var(--group-line)"/>',
  ],
};

function fillLegend(legend, viewer) {
  const { overlay, graph } = viewer;
  const rows = overlay ? overlayRows(overlay.legend, viewer) : shapeRows(graph);
  const title = overlay ? [element("li", {}, element("strong", {}, overlay.title))] : [];
  legend.replaceChildren(element("ul", {}, ...title, ...rows));
}

function shapeRows(graph) {
  const kinds = new Set(graph.nodes.map(({ kind }) => kind));
  if (graph.nodes.some(({ output }) => output)) kinds.add("output");
  if (graph.groups.some(({ kind }) => kind === "scope")) kinds.add("group");
  return Object.entries(SHAPES)
    .filter(([kind]) => kinds.has(kind))
    .map(([, [name, drawn]]) => {
      const row = element("li");
      row.innerHTML = `<svg width="24" height="14" viewBox="-1 -1 24 14" aria-hidden="true">${drawn}</svg>`;
      row.append(name);
      return row;
    });
}

function overlayRows(legend, viewer) {
  const swatch = (colour, text) =>
    element("li", {}, element("span", { class: "swatch", style: `background:${colour}` }), text);
  if (legend.kinds) {
    return legend.kinds.map(([name, colour, n]) =>
      swatch(colour, `${name}  ${n.toLocaleString("en")}`),
    );
  }
  if ("first" in legend) return badRows(legend, viewer);
  const rows = [];
  if (legend.scale) {
    const stops = Array.from({ length: 13 }, (_, i) => sequential(i / 12)).join(",");
    const bar = element("span", {
      class: "scale",
      style: `background:linear-gradient(90deg,${stops})`,
    });
    rows.push(
      element("li", {}, legend.scale.least, bar, legend.scale.most, element("small", {}, "log")),
    );
  }
  if (legend.zero) rows.push(swatch("var(--zero)", "0"));
  if (legend.none) rows.push(swatch("var(--card)", legend.none));
  if (legend.bad) rows.push(swatch("var(--bad)", legend.bad));
  return rows;
}

function badRows({ first, firstBackward }, viewer) {
  if (!first && !firstBackward) return [element("li", {}, "none found")];
  const link = (node, text) =>
    node
      ? [
          element(
            "li",
            {},
            element(
              "button",
              { onclick: () => viewer.goTo(node) },
              `${text}: ${clip(titleText(node), 24)}`,
            ),
          ),
        ]
      : [];
  return [...link(first, "First value, ringed"), ...link(firstBackward, "First gradient, ringed")];
}
