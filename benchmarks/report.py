"""What a run found: on the screen, as a file, and on what machine."""

import json
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import numpy as np

DISTRIBUTIONS = {"tinygraph": "tinygraph-autodiff"}  # where it is not the name of the import
NAMES = {"numpy": "NumPy by hand", "torch": "PyTorch", "jax": "JAX jit", "mygrad": "MyGrad"}


def title(engine):
    return NAMES.get(engine, engine)


# Where it was measured


def machine(engines, threads):
    """Processor, versions, and what in the environment changes the figures."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "blas": f"{blas['name']} {blas['version']}",
        "blas kernels": os.environ.get("OPENBLAS_CORETYPE", "chosen by OpenBLAS"),
        "versions": {engine: version(engine) for engine in engines},
    }


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def version(engine):
    if engine == "tinygraph" and (found := commit()):
        return found
    try:
        return metadata.version(DISTRIBUTIONS.get(engine, engine))
    except metadata.PackageNotFoundError:  # run from its folder without being installed
        return "from here"


def commit():
    """Of the project, with a + if files have changed since; None outside of its repository."""
    try:
        run = subprocess.run(
            ["git", "describe", "--always", "--dirty=+"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return run.stdout.strip()


# As a table


def shown_time(seconds):
    """Three digits and a unit."""
    for unit, size in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{digits(seconds / size)} {unit}"
    return f"{digits(seconds / 1e-9)} ns"


def digits(number):
    """About three of them."""
    return f"{number:.0f}" if number >= 99.5 else f"{number:.3g}"


def shown_ratio(ratio):
    return f"{ratio:.2f}×" if 0.095 <= ratio < 9.95 else f"{digits(ratio)}×"


def print_head(figures):
    facts = figures["machine"]
    threads = f"{facts['threads']} thread{'s' if facts['threads'] > 1 else ''}"
    versions = ", ".join(f"{e} {v}" for e, v in facts["versions"].items())
    print(f"{facts['processor']}, {facts['cores']} cores, {threads}, malloc {facts['malloc']}")
    print(f"Python {facts['python']}, {versions}; {facts['blas']} ({facts['blas kernels']})")
    if figures["missing"]:
        print(f"Not installed, so left out: {', '.join(figures['missing'])}")
    print("\nTime of a step, and how many times that of NumPy by hand\n")

    print(f"{'':7}" + "".join(f"{title(e):>16}" for e in figures["engines"]), flush=True)


def print_row(figures, name):
    rows = figures["workloads"][name]["engines"]
    cells = []
    for engine in figures["engines"]:
        row = rows.get(engine)
        if row is None:
            cells.append("—")
        elif "failure" in row:
            cells.append("failed")
        else:
            ratio = "" if engine == "numpy" else f" {shown_ratio(row['to numpy']):>6}"
            cells.append(shown_time(row["time"]) + ratio)
    words = figures["workloads"][name]["title"]
    print(f"{name:7}" + "".join(f"{cell:>16}" for cell in cells) + f"   {words}", flush=True)
    for engine, row in rows.items():
        if "failure" in row:
            print(f"{'':7}  {title(engine)}: {row['failure']}")


def print_rest(figures):
    """The ratios to PyTorch, and the memory."""
    if "torch" in figures["engines"]:
        print("\nHow many times PyTorch's time\n")
        for name, workload in figures["workloads"].items():
            rows = [workload["engines"].get(engine, {}) for engine in figures["engines"]]
            cells = [shown_ratio(row["to torch"]) if "to torch" in row else "—" for row in rows]
            print(f"{name:7}" + "".join(f"{cell:>16}" for cell in cells))
    if any(figures["memory"].values()):
        print(
            "\nMemory in use at the peak of a step, of it added by the step; page faults a step\n"
        )
        for name, engines in figures["memory"].items():
            rows = figures["workloads"][name]["engines"]
            cells = (memory_cell(engine, engines, rows) for engine in engines)
            print(f"{name:8}" + "".join(f"{cell:50}" for cell in cells).rstrip())


def memory_cell(engine, engines, rows):
    """Of one engine, and how many times that of NumPy by hand."""
    peak, added = (engines[engine][what] for what in ("peak", "added"))
    cell = f"{title(engine)} {digits(peak / 1e6)}, {digits(added / 1e6)} MB"
    if "numpy" in engines and engine != "numpy":
        base = engines["numpy"]
        cell += f" ({shown_ratio(peak / base['peak'])}, {shown_ratio(added / base['added'])})"
    faults = rows.get(engine, {}).get("faults")
    return cell if faults is None else f"{cell}, {faults:.0f} faults"


def show(figures):
    """All of it again."""
    print_head(figures)
    for name in figures["workloads"]:
        print_row(figures, name)
    print_rest(figures)


# As a file


def save(figures, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"\nFigures: {path}")


def load(path):
    return json.loads(path.read_text("utf-8"))
