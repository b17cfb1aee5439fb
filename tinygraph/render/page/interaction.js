// Pointer, keyboard, toolbar and print.

const KEYS = [
  ["Drag, Shift + arrows", "move the drawing"],
  ["Wheel, +, −", "nearer, farther"],
  ["0 or F", "all of it"],
  ["/", "search; Enter goes to the next, Shift + Enter to the one before"],
  ["Tab, Shift + Tab", "the next node, the one before"],
  ["Arrows", "along the edges, and to neighbours"],
  ["Enter or Space", "expand or collapse"],
  ["Backspace", "collapse the group around"],
  ["[ and ]", "one level less, one more"],
  ["B", "forward, both, backward"],
  ["O", "the next colouring"],
  ["D, C, T", "direction, constants, theme"],
  ["S, P", "keep as SVG, print"],
  ["Escape", "clear"],
];

function interact(viewer) {
  const actions = actionsOf(viewer);
  pointer(viewer);
  keyboard(viewer, actions);
  toolbar(viewer, actions);
  search(viewer);
  printing(viewer);
  addEventListener("resize", () => viewer.repaint());
  new ResizeObserver(placePanel).observe(document.getElementById("bar"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", ({ matches }) => {
    viewer.colourBy(matches ? "dark" : "light");
  });
}

// The toolbar takes more rows in a narrow window; the panel stands below it.
function placePanel() {
  const { bottom } = document.getElementById("bar").getBoundingClientRect();
  document.documentElement.style.setProperty("--bar", `${bottom}px`);
}

function actionsOf(viewer) {
  return {
    fit: () => viewer.fit(),
    zoomIn: () => viewer.zoom(1.25),
    zoomOut: () => viewer.zoom(0.8),
    collapse: () => viewer.openTo(1),
    expand: () => viewer.openTo(viewer.levels + 1),
    shallower: () => viewer.openTo(viewer.depth - 1),
    deeper: () => viewer.openTo(viewer.depth + 1),
    direction: () => viewer.turn(),
    constants: () => {
      viewer.constants = !viewer.constants;
      viewer.arrange(viewer.selected ?? viewer.drawing.items[0]);
    },
    theme: () => viewer.colourBy(viewer.theme === "dark" ? "light" : "dark"),
    save: () => save(viewer),
    print: () => print(),
    help: () => help(),
    mode: () => viewer.showMode(MODES[(MODES.indexOf(viewer.mode) + 1) % MODES.length]),
    overlay: () => {
      const select = document.getElementById("overlay");
      do select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
      while (select.options[select.selectedIndex].disabled);
      viewer.colourWith(select.value);
    },
  };
}

function save(viewer) {
  const url = URL.createObjectURL(new Blob([viewer.svg()], { type: "image/svg+xml" }));
  const name = viewer.graph.title.replace(/[^\p{L}\p{N}]+/gu, "_").replace(/^_|_$/g, "") || "graph";
  element("a", { href: url, download: `${name}.svg` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

function help() {
  const dialog = document.getElementById("help");
  if (dialog.open) return dialog.close();
  const rows = KEYS.map(([keys, what]) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, element("kbd", {}, keys)),
      element("td", {}, what),
    ),
  );
  dialog.replaceChildren(
    element("h2", {}, "Keys"),
    element("table", {}, element("tbody", {}, ...rows)),
  );
  dialog.onclick = () => dialog.close();
  dialog.showModal();
}

// Pointer: a drag moves the drawing, a click selects or opens, two fingers zoom.

function pointer(viewer) {
  const { stage } = viewer.parts;
  const down = new Map();
  let moved = 0;
  stage.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    down.set(event.pointerId, event);
    stage.setPointerCapture(event.pointerId);
    moved = down.size > 1 ? Infinity : 0;
    viewer.parts.tip.hidden = true;
  });
  stage.addEventListener("pointermove", (event) => {
    const last = down.get(event.pointerId);
    if (!last) return hover(viewer, event);
    const [dx, dy] = [event.clientX - last.clientX, event.clientY - last.clientY];
    if (down.size === 2) pinch(viewer, down, event);
    else if ((moved += Math.abs(dx) + Math.abs(dy)) > 4) {
      stage.classList.add("dragging");
      viewer.pan(dx, dy);
    } else return;
    down.set(event.pointerId, event);
  });
  const up = (event) => {
    if (!down.delete(event.pointerId)) return;
    stage.classList.remove("dragging");
    if (event.type === "pointerup" && moved <= 4) click(viewer, event);
  };
  stage.addEventListener("pointerup", up);
  stage.addEventListener("pointercancel", up);
  stage.addEventListener("pointerleave", () => (viewer.parts.tip.hidden = true));
  wheel(viewer);
}

function wheel(viewer) {
  const { stage } = viewer.parts;
  stage.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 16 : 1;
      viewer.zoom(
        Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0015)),
        event.clientX,
        event.clientY,
      );
      viewer.parts.tip.hidden = true;
    },
    { passive: false },
  );
}

function pinch(viewer, down, event) {
  const [other] = [...down.values()].filter(({ pointerId }) => pointerId !== event.pointerId);
  const last = down.get(event.pointerId);
  const apart = (e) => Math.hypot(e.clientX - other.clientX, e.clientY - other.clientY);
  viewer.zoom(
    apart(event) / apart(last),
    (event.clientX + other.clientX) / 2,
    (event.clientY + other.clientY) / 2,
  );
}

function click(viewer, event) {
  const item = viewer.at(event.clientX, event.clientY);
  viewer.parts.stage.focus({ preventScroll: true });
  if (item?.isGroup) return viewer.toggle(item);
  viewer.select(item === viewer.selected ? null : item);
}

function hover(viewer, event) {
  const { stage, tip } = viewer.parts;
  const item = event.pointerType === "touch" ? null : viewer.at(event.clientX, event.clientY);
  stage.classList.toggle("over", Boolean(item));
  tip.hidden = !item;
  if (!item) return (viewer.hovered = null);
  if (item !== viewer.hovered) fillTip(tip, item, viewer);
  viewer.hovered = item;
  const { width, height } = tip.getBoundingClientRect();
  const [x, y] = [event.clientX + 16, event.clientY + 18];
  tip.style.left = `${x + width > innerWidth - 8 ? Math.max(8, event.clientX - width - 12) : x}px`;
  tip.style.top = `${y + height > innerHeight - 8 ? Math.max(8, event.clientY - height - 12) : y}px`;
}

// Keyboard

const LETTERS = {
  "+": "zoomIn",
  "=": "zoomIn",
  "-": "zoomOut",
  0: "fit",
  f: "fit",
  "[": "shallower",
  "]": "deeper",
  b: "mode",
  o: "overlay",
  d: "direction",
  c: "constants",
  t: "theme",
  s: "save",
  p: "print",
  "?": "help",
};

function keyboard(viewer, actions) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|SELECT)$/.test(event.target.tagName) || document.querySelector("dialog[open]"))
      return;
    const onStage = viewer.parts.stage.contains(event.target) || event.target === document.body;
    const done = onStage && stageKey(viewer, event);
    const action = done ? null : actions[LETTERS[event.key.toLowerCase()]];
    if (event.key === "/") document.getElementById("search").select();
    else if (event.key === "Escape") (viewer.select(null), viewer.parts.stage.focus());
    else if (action) action();
    else if (!done) return;
    event.preventDefault();
  });
}

// Keys that mean something to the drawing only. Returns whether this was one.
function stageKey(viewer, event) {
  const { key, shiftKey } = event;
  const { selected } = viewer;
  if (key === "Tab") return step(viewer, shiftKey ? -1 : 1);
  const arrow = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[
    key
  ];
  if (arrow && (shiftKey || !selected)) viewer.pan(-arrow[0] * 80, -arrow[1] * 80);
  else if (arrow) walk(viewer, arrow);
  else if ((key === "Enter" || key === " ") && selected?.isGroup) viewer.toggle(selected);
  else if (key === "Backspace" && selected?.parent.parent) {
    const group = selected.parent;
    viewer.toggle(group);
    viewer.select(group, true);
  } else return false;
  return true;
}

// Tab goes through what is shown in the order of computing; at the end, on to the page.
function step(viewer, by) {
  const items = readingOrder(viewer);
  const place = items.indexOf(viewer.selected);
  const next = place < 0 ? (by > 0 ? 0 : items.length) + (by > 0 ? 0 : -1) : place + by;
  if (!items[next]) {
    viewer.select(null);
    return false;
  }
  viewer.select(items[next], true);
  viewer.bringIn(items[next]);
  return true;
}

function readingOrder({ graph }) {
  const items = [];
  const visit = (group) => {
    for (const child of group.children) {
      if (child.isGroup && child.open) {
        items.push(child);
        visit(child);
      } else if (child.shown) items.push(child);
    }
  };
  visit(graph.root);
  return items;
}

// An arrow goes along an edge, where one leads that way; else to the nearest that is there.
function walk(viewer, [dx, dy]) {
  const from = viewer.selected;
  const along = viewer.direction === "TB" ? dy : dx;
  let candidates = along ? linked(viewer, from, along) : [];
  if (!candidates.length)
    candidates = [...viewer.drawing.items].filter(
      (item) => item !== from && ahead(from, item, dx, dy),
    );
  candidates.sort((a, b) => distance(from, a, dx) - distance(from, b, dx));
  if (!candidates.length) return;
  viewer.select(candidates[0], true);
  viewer.bringIn(candidates[0]);
}

function linked(viewer, from, along) {
  const found = new Set();
  for (const node of members(from)) {
    for (const edge of along > 0 ? node.uses : node.operands) {
      const { shown } = along > 0 ? edge.target : edge.source;
      if (shown && shown !== from) found.add(shown);
    }
  }
  return [...found];
}

const middle = ({ x, y, width, height }) => [x + width / 2, y + height / 2];

function ahead(from, to, dx, dy) {
  const [[x0, y0], [x, y]] = [middle(from), middle(to)];
  const [run, aside] = dx ? [(x - x0) * dx, Math.abs(y - y0)] : [(y - y0) * dy, Math.abs(x - x0)];
  return run > 4 && aside < Math.max(60, run);
}

function distance(from, to, dx) {
  const [[x0, y0], [x, y]] = [middle(from), middle(to)];
  return dx ? Math.abs(x - x0) + 3 * Math.abs(y - y0) : Math.abs(y - y0) + Math.abs(x - x0);
}

// Toolbar

function toolbar(viewer, actions) {
  document.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (button?.dataset.do) actions[button.dataset.do]();
    if (button?.dataset.mode) viewer.showMode(button.dataset.mode);
    if (button) refresh(viewer);
  });
  addEventListener("keyup", () => refresh(viewer));
  viewer.onarranged = () => refresh(viewer);
  const select = document.getElementById("overlay");
  for (const [name, { title }] of Object.entries(OVERLAYS)) {
    const { of } = OVERLAYS[name];
    const absent = of && !viewer.graph.nodes.some((node) => of(node) !== undefined);
    const option = element(
      "option",
      { value: name, disabled: absent || undefined, title: absent ? missing[name] : undefined },
      title,
    );
    select.append(option);
  }
  select.addEventListener("change", () => viewer.colourWith(select.value));
  document.getElementById("depth").hidden = viewer.levels === 0;
  document.getElementById("constants").hidden = !viewer.graph.nodes.some(
    ({ kind }) => kind === "constant",
  );
}

function refresh(viewer) {
  for (const button of document.querySelectorAll("[data-mode]")) {
    button.setAttribute("aria-pressed", button.dataset.mode === viewer.mode);
  }
  const part = (id) => document.getElementById(id);
  part("constants").setAttribute("aria-pressed", viewer.constants);
  part("direction").textContent = viewer.direction === "TB" ? "↓ Down" : "→ Right";
  part("theme").textContent = viewer.theme === "dark" ? "☾" : "☀";
  part("level").textContent = viewer.depth;
  const { drawing, graph } = viewer;
  const shown = drawing.items.length;
  const all = count(graph.nodes.length, "node");
  part("summary").textContent =
    shown === graph.nodes.length ? all : `${all}, ${shown.toLocaleString("en")} shown`;
}

// Print: the whole drawing, in the light theme, on a page that lies as it does.

function printing(viewer) {
  const style = document.head.appendChild(element("style"));
  const { sheet, legend } = viewer.parts;
  addEventListener("beforeprint", () => {
    const { width, height } = viewer.drawing;
    style.textContent = `@page { margin: 12mm; size: ${width > height ? "landscape" : "portrait"}; }`;
    document.documentElement.dataset.theme = "light";
    sheet.innerHTML = viewer.svg(null);
    sheet.prepend(element("h1", {}, viewer.graph.title));
    sheet.append(...[...legend.children].map((part) => part.cloneNode(true)));
  });
  addEventListener("afterprint", () => {
    document.documentElement.dataset.theme = viewer.theme;
    sheet.replaceChildren();
  });
}
