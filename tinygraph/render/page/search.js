// Search, in labels, names, operations and scopes

function search(viewer) {
  const input = document.getElementById("search");
  const found = document.getElementById("found");
  let matches = [];
  let current = -1;
  const tell = () => {
    found.textContent = input.value.trim()
      ? matches.length
        ? `${current + 1 || "–"} / ${matches.length.toLocaleString("en")}`
        : "none"
      : "";
  };
  const go = (by) => {
    if (!matches.length) return;
    current = (current + by + matches.length) % matches.length;
    viewer.goTo(matches[current]);
    tell();
  };
  input.addEventListener("input", () => {
    matches = matching(viewer.graph, input.value);
    current = -1;
    tell();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") go(event.shiftKey && current >= 0 ? -1 : 1);
    if (event.key !== "Escape") return;
    input.value = "";
    input.dispatchEvent(new Event("input"));
    viewer.parts.stage.focus();
  });
}

function matching(graph, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  const holds = (parts) => {
    const line = parts.filter(Boolean).join(" ").toLowerCase();
    return words.every((word) => line.includes(word));
  };
  const paths = new Map([graph.root, ...graph.groups].map((group) => [group, group.path]));
  const groups = graph.groups.filter(
    (group) => group.kind === "scope" && holds([group.name, group.module]),
  );
  const nodes = graph.nodes.filter((node) =>
    holds([node.name, node.label, node.operation, node.params, ...paths.get(node.parent)]),
  );
  return [...groups, ...nodes];
}
