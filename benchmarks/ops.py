"""What an operation costs above the NumPy it runs, forward and backward, in nanoseconds.

    python -m benchmarks.ops
    python -m benchmarks.ops --json before.json
    python -m benchmarks.ops --compare before.json

Forward: the time of an operation on tensors, less that of the same on arrays. Backward: its share
of `backward()`, less the NumPy calls that hand-written backpropagation makes. Release: its share of
giving the graph back.

Operations whose result can be their operand make a chain, the others stand in a row on the same
operand; either way a sample is the mean of LENGTH operations, without garbage collection. A figure
is the lower quartile of its samples over rounds in which all operations take turns, which
interruptions do not reach.
"""

import argparse
import contextlib
import gc
import statistics
from dataclasses import dataclass
from pathlib import Path
from timeit import Timer

import numpy as np

import tinygraph as tg

from . import report

LENGTH = 100
CALIBRATION = 5000  # turns of the machine's own loops
SIZES = ("0-d", "1", "100")
TARGETS = {  # nanoseconds above NumPy
    "elementwise": {"forward": 300, "backward": 350},
    "untracked": {"forward": 200},
    "no_grad": {"forward": 200},
}


@dataclass(frozen=True)
class Operation:
    """One operation, as Python source.

    tracked   on tensors: y changes along the chain, c is a second variable, k an array
    bare      the same on arrays, with NumPy
    backward  by hand: the cotangent g of its result becomes that of y, or in a row (`chain` is
              False) is added to dy; that of c is added to dc
    keeps     what of the forward pass `backward` needs: "y", or "out", the result
    """

    kind: str
    tracked: str
    bare: str
    backward: str = ""
    keeps: str = "y"
    chain: bool = True
    shapes: tuple[tuple[int, ...], ...] = ((), (1,), (100,))


def alike(kind, spellings, bare, *rest, **keywords):
    """The same operation, spelt in several ways."""
    return [Operation(kind, spelling, bare, *rest, **keywords) for spelling in spellings]


AXES = ((1,), (100,))  # for what needs an axis
SQUARE = ((1, 1), (10, 10))
MULTIPLIED = "dc += g * y; g = g * c"
PRODUCT = "dc += y.T @ g; g = g @ c.T"
TANH = "g = g * (1 - out * out)"
WHERE = "dc += np.where(m, 0, g); g = np.where(m, g, 0)"
REVERSED = "z = np.zeros(y.shape); z[::-1] = g; g = z"
PIECES = "dy += g[:y.size]; dc += g[y.size:]"
LARGEST = "reached = y == y.max(); dy += g / reached.sum() * reached"
SPREAD = "centred = y - y.mean(); dy += g * 2 / y.size * centred"
EINSUM = "dc += np.einsum('ij,ik->jk', y, g); g = np.einsum('ik,jk->ij', g, c)"
MAXIMUM = "dc += g * (c > y); dy += g * (y > c)"
CLIP = "g = g * (y >= 0) * (y <= 2)"
OPERATIONS = [
    *alike("elementwise", ["-y"], "-y", "g = -g"),
    *alike("elementwise", ["tg.tanh(y)", "np.tanh(y)"], "np.tanh(y)", TANH, "out"),
    *alike("elementwise", ["y + c"], "y + c", "dc += g"),
    *alike("elementwise", ["y * c", "tg.multiply(y, c)", "np.multiply(y, c)"], "y * c", MULTIPLIED),
    *alike("elementwise", ["y / c"], "y / c", "dc -= g * y / (c * c); g = g / c"),
    *alike("elementwise", ["tg.maximum(y, c)"], "np.maximum(y, c)", MAXIMUM, chain=False),
    *alike("elementwise", ["tg.clip(y, 0, 2)"], "np.clip(y, 0, 2)", CLIP),
    *alike("elementwise", ["y * 1.01", "1.01 * y"], "y * 1.01", "g = g * 1.01"),
    *alike("elementwise", ["y + 1.0"], "y + 1.0", "g = g"),
    *alike("elementwise", ["y**2"], "y**2", "g = g * (2 * y)"),
    *alike("elementwise", ["y * k", "k * y"], "y * k", "g = g * k"),
    *alike("reduction", ["y.sum()", "tg.sum(y)", "np.sum(y)"], "y.sum()", "dy += g", chain=False),
    *alike("reduction", ["y.mean()"], "y.mean()", "dy += g / y.size", chain=False),
    *alike("reduction", ["y.max()"], "y.max()", LARGEST, chain=False),
    *alike("reduction", ["y.var()"], "y.var()", SPREAD, chain=False, shapes=AXES),
    *alike("reduction", ["y.prod()"], "y.prod()", "dy += g * (y.prod() / y)", chain=False),
    *alike("reduction", ["y.cumsum()"], "y.cumsum()", "dy += g[::-1].cumsum()[::-1]",
           chain=False, shapes=AXES),
    *alike("add a bias", ["y + b"], "y + b", "db += g.sum(0)", shapes=SQUARE),
    *alike("product", ["y @ c", "np.matmul(y, c)"], "y @ c", PRODUCT, shapes=SQUARE),
    *alike("product", ["k @ y"], "k @ y", "g = k.T @ g", shapes=SQUARE),
    *alike("product", ["tg.tensordot(y, c, 1)"], "np.tensordot(y, c, 1)", PRODUCT, shapes=SQUARE),
    *alike("product", ["tg.einsum('ij,jk->ik', y, c)"], "np.einsum('ij,jk->ik', y, c)", EINSUM,
           shapes=SQUARE),
    *alike("shape", ["y.reshape(-1)"], "y.reshape(-1)", "dy += g.reshape(y.shape)",
           chain=False, shapes=SQUARE),
    *alike("shape", ["y.T"], "y.T", "g = g.T", shapes=SQUARE),
    *alike("shape", ["tg.expand_dims(y, 0)"], "y[None]", "dy += g[0]", chain=False, shapes=SQUARE),
    *alike("indexing", ["y[0]"], "y[0]", "dy[0] += g", chain=False, shapes=AXES),
    *alike("indexing", ["y[i]"], "y[i]", "np.add.at(dy, i, g)", chain=False, shapes=AXES),
    *alike("indexing", ["y[::-1]"], "y[::-1]", REVERSED, shapes=AXES),
    *alike("where", ["tg.where(m, y, c)", "np.where(m, y, c)"], "np.where(m, y, c)", WHERE,
           shapes=AXES),
    *alike("joining", ["tg.concatenate([y, c])", "np.concatenate([y, c])"],
           "np.concatenate([y, c])", PIECES, chain=False, shapes=AXES),
    *alike("joining", ["tg.stack([y, c])"], "np.stack([y, c])", "dy += g[0]; dc += g[1]",
           chain=False, shapes=AXES),
    *alike("joining", ["tg.split(y, 1)[0]"], "np.split(y, 1)[0]", "g = g", shapes=AXES),
    *alike("untracked", ["tg.tanh(s)", "np.tanh(s)"], "np.tanh(s)"),
    *alike("untracked", ["s * t"], "s * t"),
    *alike("untracked", ["s * 1.01"], "s * 1.01"),
    Operation("no_grad", "y * c", "y * c"),
]  # fmt: skip


def names(shape):
    """What expressions are made of: as arrays, and as tensors."""
    n = shape[-1] if shape else 1
    # Chains must neither grow nor vanish, so a matrix is close to the identity.
    c = np.eye(n) * 1.01 if len(shape) == 2 else np.linspace(0.98, 1.02, n).reshape(shape)
    x, b = np.ones(shape), np.full(n, 0.01)
    k = c.copy() if len(shape) == 2 else np.full(shape, 1.01)
    shared = {"np": np, "tg": tg, "k": k, "m": np.arange(n) % 2 == 0, "i": np.zeros(3, int)}
    # Without axes NumPy computes with scalars.
    bare = shared | {"x": x[()], "c": c[()], "b": b, "s": x[()], "t": c[()]}
    tensors = {"x": tg.Variable(x), "c": tg.Variable(c), "b": tg.Variable(b)}
    return bare, shared | tensors | {"s": tg.tensor(x), "t": tg.tensor(c)}


# Source that timeit compiles; the loops are the same for tensors and arrays, so they cancel.

BEGIN = "y, row = x, []"
TOTALS = "dy, dc, db = 0 * x, 0 * c, 0 * b"


def forward(operation, expression):
    return f"y = {expression}" if operation.chain else f"row.append({expression})"


def repeated(statement):
    return f"for _ in range({LENGTH}):\n    {statement}"


def graph(operation):
    """Build what `end.backward(one)` goes back through."""
    built = repeated(forward(operation, operation.tracked))
    end = "y" if operation.chain else "tg.stack(row)"
    fresh = "x.grad = c.grad = b.grad = None"
    return f"{fresh}\n{BEGIN}\n{built}\nend = {end}\none = np.ones(end.shape)"


def tape(operation):
    """Keep what `by_hand` needs."""
    if not operation.chain:
        one = f"one = np.ones(({LENGTH}, *np.shape({operation.bare})))"
        return f"{BEGIN}\n{TOTALS}\n{one}"
    kept = repeated(f"out = {operation.bare}; tape.append({operation.keeps}); y = out")
    return f"{BEGIN}\n{TOTALS}\ntape = []\n{kept}\ng = np.ones_like(y)[()]"


def by_hand(operation):
    if operation.chain:
        return f"for {operation.keeps} in reversed(tape):\n    {operation.backward}"
    return f"for g in list(np.moveaxis(one, 0, 0)):\n    {operation.backward}"


class Measurement:
    """An operation at one shape: its timers, and their samples."""

    def __init__(self, operation, shape):
        self.operation = operation
        bare, tensors = names(shape)
        self.timers = {
            "forward": Timer(forward(operation, operation.tracked), BEGIN, globals=tensors),
            "bare forward": Timer(forward(operation, operation.bare), BEGIN, globals=bare),
        }
        if operation.backward:
            check(operation, bare, tensors)
            built = graph(operation)
            used = f"{built}\nend.backward(one)"
            self.timers |= {
                "backward": Timer("end.backward(one)", built, globals=tensors),
                "bare backward": Timer(by_hand(operation), tape(operation), globals=bare),
                "release": Timer("del y, row, end", used, globals=tensors),
            }
        self.samples = {name: [] for name in self.timers}

    def sample(self):
        """Take one sample of everything."""
        without = self.operation.kind == "no_grad"
        with tg.no_grad() if without else contextlib.nullcontext():
            for name, timer in self.timers.items():
                number = LENGTH if name.endswith("forward") else 1
                self.samples[name].append(timer.timeit(number) / LENGTH * 1e9)

    def figures(self):
        """Nanoseconds: of NumPy, and above it."""
        found = {name: lower_quartile(samples) for name, samples in self.samples.items()}
        for name in found.keys() & {"forward", "backward"}:
            found[name] -= found[f"bare {name}"]
        return found


def check(operation, bare, tensors):
    """Raise AssertionError if tinygraph's gradients are not those by hand."""
    found = {}
    told = f"{by_hand(operation)}\nfound.update(x={'g' if operation.chain else 'dy'}, c=dc, b=db)"
    Timer(told, tape(operation), globals=bare | {"found": found}).timeit(1)
    Timer("end.backward(one)", graph(operation), globals=tensors).timeit(1)
    for name, right in found.items():
        grad = tensors[name].grad
        np.testing.assert_allclose(
            0 if grad is None else grad.numpy(), right, rtol=1e-10, err_msg=operation.tracked
        )


def lower_quartile(samples):
    return statistics.quantiles(samples, n=4)[0]


def calibration():
    """Timers of the machine itself: a turn of an empty loop, and a ufunc on one element."""
    one = {"np": np, "a": np.ones(1)}
    return {"loop": Timer("pass"), "ufunc": Timer("np.add(a, a)", globals=one)}


def measure(rounds):
    """{"calibration": …, "operations": {name: {size: figures}}}, in nanoseconds."""
    cells = {
        (name_of(operation), size): Measurement(operation, shape)
        for operation in OPERATIONS
        for size, shape in zip(SIZES[-len(operation.shapes) :], operation.shapes, strict=True)
    }
    machine = calibration()
    samples = {name: [] for name in machine}
    for _ in range(rounds):
        for name, timer in machine.items():
            samples[name].append(timer.timeit(CALIBRATION) / CALIBRATION * 1e9)
        for measurement in cells.values():
            measurement.sample()
        gc.collect()
    operations = {}
    for (name, size), measurement in cells.items():
        operations.setdefault(name, {})[size] = measurement.figures()
    machine = {name: lower_quartile(found) for name, found in samples.items()}
    return {"calibration": machine, "operations": operations}


def name_of(operation):
    return operation.tracked + (", no_grad" if operation.kind == "no_grad" else "")


# What is printed


def show(figures):
    print("ns above NumPy: forward, backward, release; ! where a target is missed\n")
    print(f"{'':27}" + "".join(f"{size:>24}" for size in SIZES))
    kind = None
    for operation in OPERATIONS:
        if operation.kind != kind:
            kind = operation.kind
            print(kind + targets(kind))
        sizes = figures["operations"][name_of(operation)]
        cells = (cell(sizes.get(size), TARGETS.get(kind, {})) for size in SIZES)
        print(f"  {name_of(operation):25}" + "".join(cells))
    print("\nns " + ", ".join(f"{n} {ns:.1f}" for n, ns in figures["calibration"].items()))


def targets(kind):
    words = [f"{name} ≤ {ns}" for name, ns in TARGETS.get(kind, {}).items()]
    return f" ({', '.join(words)})" if words else ""


def cell(found, target):
    words = ""
    for name in ("forward", "backward", "release"):
        if found is None or name not in found:
            words += f"{'':8}"
        else:
            words += f"{found[name]:7.0f}{'!' if found[name] > target.get(name, np.inf) else ' '}"
    return words


def compare(figures, before):
    """Print what has become of figures measured earlier, allowing for the machine's own state."""
    now, then = figures["calibration"], before["calibration"]
    scale = statistics.geometric_mean([now[name] / then[name] for name in now])
    print("\nBeside the earlier figures: forward, backward; below 1 is faster")
    print(f"(the machine itself: {scale:.2f}, taken out)\n")
    print(f"{'':27}" + "".join(f"{size:>24}" for size in SIZES))
    for name, sizes in figures["operations"].items():
        old = before["operations"].get(name, {})
        cells = (change(sizes.get(size, {}), old.get(size, {}), scale) for size in SIZES)
        print(f"  {name:25}" + "".join(f"{c:>24}" for c in cells))


def change(new, old, scale):
    words = []
    for name in ("forward", "backward"):
        # A few nanoseconds are nothing to divide by.
        known = name in new and name in old and min(old[name], new[name]) > 20
        words.append(f"{new[name] / (old[name] * scale):8.2f}" if known else f"{'':8}")
    return "".join(words)


def main():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ops",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-r", "--rounds", type=int, default=60)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="figures of an earlier run")
    options = parser.parse_args()
    figures = {"machine": report.machine(["numpy", "tinygraph"], 1), **measure(options.rounds)}
    show(figures)
    if options.compare:
        compare(figures, report.load(options.compare))
    if options.json:
        report.save(figures, options.json)


if __name__ == "__main__":
    main()
