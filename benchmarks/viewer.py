"""How long a page of the viewer takes in a browser, for graphs of several sizes.

    python benchmarks/viewer.py

Needs Chromium with its driver, and selenium: the extra `browser`. Prints milliseconds: until all is
laid out and drawn, of a frame while panning and zooming, and of selecting a node.
"""

import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np

import tinygraph as tg

SIZES = (100, 1000, 5000)
REPEATS = 3
OPTIONS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run
--disable-background-networking --disable-component-update --disable-sync --window-size=1400,900"""

# Paints 60 frames, one for each the browser asks for, and returns how far apart they were.
FRAMES = """
const [kind, done] = arguments, viewer = tinygraph, times = [];
const next = (now) => {
    times.push(now);
    if (times.length > 60) return done(times.slice(1).map((time, i) => time - times[i]));
    const there = times.length < 30;
    if (kind === "pan") viewer.pan(there ? 9 : -9, there ? 5 : -5);
    else viewer.zoom(there ? 1.08 : 1 / 1.08);
    requestAnimationFrame(next);
};
requestAnimationFrame(next);
"""
SELECT = """
const start = performance.now();
tinygraph.select(tinygraph.drawing.items[tinygraph.drawing.items.length >> 1]);
tinygraph.paintNow();
return performance.now() - start;
"""


def program(size):
    """A graph with about so many nodes, without scopes, in which every result is used."""
    rng = np.random.default_rng(0)
    values = [tg.Variable(np.ones(3), name=f"x{i}") for i in range(8)]
    unused = list(values)
    while len(values) < size - len(unused):
        first = unused.pop(0)
        second = values[-1 - min(int(rng.exponential(5)), len(values) - 1)]
        result = first * second if rng.random() < 0.6 else np.tanh(first)
        values.append(result)
        unused.append(result)
    return tg.graph(sum(unused[1:], start=unused[0]))


def browser(profile):
    """A headless Chromium that answers to selenium."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    for option in OPTIONS.split():
        options.add_argument(option)
    options.add_argument(f"--user-data-dir={profile}")
    return webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))


def measure(chromium, path):
    """Milliseconds until drawn, of a frame while panning, while zooming, and of a selection."""
    drawn = []
    for _ in range(REPEATS):
        chromium.get(path.as_uri())
        drawn.append(chromium.execute_script("return tinygraph.milliseconds"))
    frames = [
        statistics.median(chromium.execute_async_script(FRAMES, kind)) for kind in ("pan", "zoom")
    ]
    return [min(drawn), *frames, chromium.execute_script(SELECT)]


def main():
    if not shutil.which("chromedriver"):
        sys.exit("no Chromium with its driver: apt-get install chromium chromium-driver")
    print(f"{'nodes':>7} {'drawn':>8} {'pan':>7} {'zoom':>7} {'select':>7}  ms   page, kB")
    with tempfile.TemporaryDirectory() as folder:
        chromium = browser(Path(folder) / "profile")
        for size in SIZES:
            graph = program(size)
            path = graph.to_html(Path(folder) / f"{size}.html")
            drawn, pan, zoom, select = measure(chromium, path)
            row = f"{len(graph):7,} {drawn:8.0f} {pan:7.1f} {zoom:7.1f} {select:7.1f}"
            print(f"{row} {path.stat().st_size / 1000:11,.0f}")
        chromium.quit()


if __name__ == "__main__":
    main()
