// Begins: reads the graph, draws it, and listens.

function begin() {
  const started = performance.now();
  const graph = decode(JSON.parse(document.getElementById("data").textContent));
  graph.usual = mostUsual(graph.nodes);
  graph.differentiated = graph.nodes.some(hasGradient);
  graph.recorded = graph.nodes.some(
    (node) => node.kind === "operation" && node.value === undefined && hasGradient(node),
  );
  document.getElementById("title").textContent = graph.title;
  const viewer = new Viewer(graph);
  interact(viewer);
  viewer.begin();
  viewer.paintNow();
  viewer.milliseconds = performance.now() - started;
  globalThis.tinygraph = viewer; // for the console, and for tests
}

const hasGradient = (node) => node.gradient !== undefined || node.gradient_norm !== undefined;

// The type that goes without saying.
function mostUsual(nodes) {
  const counts = new Map();
  for (const { dtype } of nodes) {
    if (/float|complex/.test(dtype)) counts.set(dtype, (counts.get(dtype) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}

begin();
