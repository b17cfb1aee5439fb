"""The picture of a run: every engine's time relative to hand-written NumPy."""

from . import report

COLOURS = {
    "tinygraph": "#c8102e",
    "torch": "#d9822b",
    "jax": "#2f6f9f",
    "autograd": "#7a5aa6",
    "mygrad": "#3f8f4f",
    "micrograd": "#8c8c8c",
}
MARKS = {"torch": "s", "jax": "D", "autograd": "^", "mygrad": "v", "micrograd": "P"}


def draw(figures, path):
    """Draw it into a file, if matplotlib is there."""
    try:
        import matplotlib as mpl
    except ImportError:
        print("No chart: matplotlib is not installed")
        return
    mpl.use("Agg")
    # The same figures give the same file.
    mpl.rcParams.update({"svg.hashsalt": "tinygraph", "font.size": 9})
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter

    workloads = figures["workloads"]
    figure, axes = plt.subplots(figsize=(8.5, 1.4 + 0.36 * len(workloads)), layout="constrained")
    axes.axvline(1, color="black", linewidth=0.8)
    for engine in reversed(figures["engines"]):  # tinygraph on top
        points = [
            (workload["engines"].get(engine, {}).get("to numpy"), i)
            for i, workload in enumerate(workloads.values())
        ]
        points = [point for point in points if point[0] is not None]
        if engine == "numpy" or not points:
            continue
        axes.plot(
            *zip(*points, strict=True),
            MARKS.get(engine, "o"),
            color=COLOURS[engine],
            markersize=9 if engine == "tinygraph" else 6,
            label=report.title(engine),
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}×"))
    axes.set_xlabel("time of a step relative to hand-written NumPy; left is faster")
    axes.set_yticks(range(len(workloads)), [f"{w['title']}  {n}" for n, w in workloads.items()])
    axes.invert_yaxis()
    axes.grid(alpha=0.3, which="both", axis="x")
    threads = figures["machine"]["threads"]
    axes.set_title(
        f"{figures['machine']['processor']}, {threads} thread{'s' if threads > 1 else ''}",
        fontsize=9,
    )
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside upper center", ncols=6, frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)
    print(f"Chart: {path}")
