"""Imports run downward only, and what is public is what `__all__` says."""

import __future__

import ast
import importlib
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
from batches import batched

ROOT = Path(__file__).parents[1]
FOLDERS = {
    "tinygraph": ROOT / "tinygraph",
    "tinygraph.nn": ROOT / "nn",
    "tinygraph.optim": ROOT / "optim",
}

# A file or folder, and its floor: it may import from its own floor and from those below.
FLOORS = {
    "causes": 0,
    "draft": 0,
    "errors": 0,
    "explain": 0,
    "memory": 0,
    "modes": 0,
    "node": 0,
    "numpy_version": 0,
    "registry": 0,
    "reuse": 0,
    "source": 0,
    "interchange": 1,
    "containers": 1,
    "hooks": 1,
    "outputs": 1,
    "primitive": 1,
    "protocols": 1,
    "pullback": 1,
    "template": 1,
    "tensor": 1,
    "tracing": 1,
    "archive": 1,
    "packing": 1,
    "anomaly": 2,
    "flat": 2,
    "mutation": 2,
    "ops": 2,
    "recording": 2,
    "scopes": 2,
    "linalg": 3,
    "replay": 2,
    "backward": 3,
    "emath": 3,
    "fft": 3,
    "methods": 3,
    "application": 4,
    "checkpointing": 4,
    "diagnosis": 4,
    "graph": 4,
    "jacobians": 4,
    "linear": 4,
    "saving": 4,
    "transforms": 4,
    "render": 5,
    "testing": 5,
    "__init__": 5,
    "array_api": 6,
    "command": 6,
    "__main__": 6,
    "nn": 6,
    "optim": 6,
}
# What a part of the core may import at the top of a file, NumPy and the standard library aside.
THIRD_PARTY = {"render": {"graphviz", "pygraphviz"}, "testing": {"hypothesis", "pytest"}}
# Imported at the first use of what they hold, and by nothing at the top of a file.
ON_DEMAND = {"tinygraph.nn.estimators": {"sklearn"}}


class Import(NamedTuple):
    """`import target`, or with a name `from target import name`."""

    target: str
    name: str | None
    line: int
    lazy: bool  # inside a function


def module_files() -> dict[str, Path]:
    """Every module of the project: its dotted name and its file."""
    files = {}
    for package, folder in FOLDERS.items():
        for file in sorted(folder.rglob("*.py")):
            parts = file.relative_to(folder).with_suffix("").parts
            if not (folder / parts[0]).is_symlink():
                files[".".join([package, *parts]).removesuffix(".__init__")] = file
    return files


FILES = module_files()
TREES = {module: ast.parse(file.read_text("utf-8")) for module, file in FILES.items()}
CORE = [module for module in FILES if not module.startswith(("tinygraph.nn", "tinygraph.optim"))]
ABOVE = [module for module in FILES if module not in CORE]


def imports(module: str) -> Iterator[Import]:
    """The imports of a module that happen when it runs, as absolute names."""
    package = module if FILES[module].name == "__init__.py" else module.rpartition(".")[0]

    def walk(node: ast.AST, lazy: bool) -> Iterator[Import]:
        match node:
            case ast.Import():
                for alias in node.names:
                    yield Import(alias.name, None, node.lineno, lazy)
            case ast.ImportFrom():
                base = package.split(".")[: len(package.split(".")) - node.level + 1]
                target = ".".join([*(base if node.level else []), *filter(None, [node.module])])
                for alias in node.names:
                    submodule = f"{target}.{alias.name}"
                    if submodule in FILES:
                        yield Import(submodule, None, node.lineno, lazy)
                    else:
                        yield Import(target, alias.name, node.lineno, lazy)
            case ast.If(test=ast.Name("TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                for child in node.orelse:
                    yield from walk(child, lazy)
            case _:
                inside = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                for child in ast.iter_child_nodes(node):
                    yield from walk(child, inside)

    return walk(TREES[module], lazy=False)


def part(module: str) -> str:
    """The entry of the floor table that a module belongs to."""
    _, _, inside = module.partition(".")
    name = inside.split(".")[0] or "__init__"
    return "render" if name.startswith("render") else name


def of_tinygraph(target: str) -> bool:
    return target.split(".")[0] == "tinygraph"


def place(module: str, line: int) -> str:
    return f"{FILES[module].relative_to(ROOT)}:{line}"


@batched("module", FILES, by=part)
def test_every_file_has_a_floor(module):
    assert part(module) in FLOORS, (
        f"{FILES[module].relative_to(ROOT)} stands on no floor: add {part(module)!r} to FLOORS in "
        f"{Path(__file__).name}, on the lowest one that its imports allow"
    )


@batched("module", CORE, by=part)
def test_imports_run_downward(module):
    own = FLOORS.get(part(module), 0)
    upward = [
        f"{place(module, line)} (floor {own}) imports {target} (floor {FLOORS[part(target)]})"
        for target, _, line, _ in imports(module)
        if of_tinygraph(target) and FLOORS.get(part(target), 0) > own
    ]
    assert not upward, "\n".join(upward)


def test_no_cycle_among_top_level_imports():
    graph = {
        module: {found.target for found in imports(module) if not found.lazy} & FILES.keys()
        for module in FILES
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


@pytest.mark.parametrize("module", ON_DEMAND)
def test_what_needs_an_extra_is_imported_on_demand(module):
    early = [
        place(importer, line)
        for importer in FILES
        for target, _, line, lazy in imports(importer)
        if target == module and not lazy
    ]
    assert not early, f"{module} is imported at the top by {early}"


@batched("module", FILES, by=part)
def test_needs_only_numpy_and_the_standard_library(module):
    allowed = {"numpy", "tinygraph", *sys.stdlib_module_names, *THIRD_PARTY.get(part(module), ())}
    allowed |= ON_DEMAND.get(module, set())
    foreign = [
        f"{place(module, line)} imports {target}"
        for target, _, line, lazy in imports(module)
        if not lazy and target.split(".")[0] not in allowed
    ]
    assert not foreign, "\n".join(foreign)


@batched("module", ABOVE, by=part)
def test_nn_and_optim_use_only_the_public_api(module):
    import tinygraph
    import tinygraph.nn
    import tinygraph.optim

    own = f"tinygraph.{part(module)}"
    private = []
    aliases = set()
    for target, name, line, _ in imports(module):
        if not of_tinygraph(target) or f"{target}.".startswith(f"{own}."):
            continue
        if target == "tinygraph" and (name is None or name in tinygraph.__all__):
            continue
        if target.removeprefix("tinygraph.") in tinygraph.__all__:
            continue
        sibling = target in ("tinygraph.nn", "tinygraph.optim")
        if sibling and (name is None or name in sys.modules[target].__all__):
            continue
        private.append(f"{place(module, line)} takes {name or 'the module'} from {target}")
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            aliases |= {a.asname or a.name for a in node.names if a.name == "tinygraph"}
    for node in ast.walk(TREES[module]):
        match node:
            case ast.Attribute(value=ast.Name(name), attr=attr) if name in aliases:
                if attr not in tinygraph.__all__:
                    private.append(f"{place(module, node.lineno)} uses {name}.{attr}")
    assert not private, "\n".join(private)


@pytest.mark.parametrize("package", FOLDERS)
def test_all_is_the_public_api(package):
    module = importlib.import_module(package)
    declared = module.__all__
    assert len(declared) == len(set(declared)), "a name stands twice in __all__"
    missing = [name for name in declared if not hasattr(module, name)]
    assert not missing, f"{package}.__all__ names what does not exist: {missing}"
    public = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not isinstance(value, ModuleType | __future__._Feature)
    }
    undeclared = sorted(public - set(declared))
    assert not undeclared, f"public in {package} but not in its __all__: {undeclared}"


@pytest.mark.parametrize("package", ["tinygraph", "tinygraph.graph"])
def test_what_comes_at_first_use_is_known_to_type_checkers(package):
    told = {
        name.name: ("" if child.module is None else child.module)
        for node in TREES[package].body
        if isinstance(node, ast.If)
        for child in node.body
        if isinstance(child, ast.ImportFrom)
        for name in child.names
    }
    module = importlib.import_module(package)
    assert told == module._LATER
    assert module._LATER.keys() <= {*module.__all__} <= {*dir(module)}
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'missing'"):
        module.missing


def test_imports_are_light():
    """Nothing large comes with them, of others or of our own: that is imported at first use."""
    heavy = {
        *("graphviz", "hypothesis", "json", "matplotlib", "pygraphviz", "pytest", "scipy"),
        *("sklearn", "tensorboardX", "torch", "tqdm", "tinygraph.diagnosis", "tinygraph.render"),
        *("tinygraph.graph.builder", "tinygraph.graph.model", "tinygraph.saving"),
        "tinygraph.testing",
    }
    code = f"import sys, {', '.join(FOLDERS)}; print(*sorted(sys.modules.keys() & {heavy}))"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == []


@pytest.mark.parametrize(
    "uses",
    [
        """
        import tinygraph.testing as t; assert t is tg.testing
        import tinygraph.render; assert tg.graph(x * x).to_dot().startswith("digraph")
        from tinygraph.graph.model import Graph; assert Graph is tg.Graph
        import pickle; assert pickle.loads(pickle.dumps(tg.save)) is tg.save
        """,
        """
        from tinygraph.graph import Graph; assert Graph.from_dict(tg.graph(x * x).to_dict()).to_html
        from tinygraph import *; assert testing is tg.testing and Graph is tg.Graph
        """,
    ],
)
def test_what_comes_at_first_use_is_there_however_it_is_asked_for(uses):
    code = f"import tinygraph as tg\nx = tg.Variable(2.0)\n{textwrap.dedent(uses)}"
    code += "assert type(tg.graph) is type(lambda: 0)  # not the package of that name"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_no_file_name_says_nothing():
    folders = [*FOLDERS.values(), ROOT / "tests", ROOT / "benchmarks", ROOT / "examples"]
    vague = [
        str(file.relative_to(ROOT))
        for folder in folders
        for file in folder.rglob("*.py")
        if file.stem.strip("_") in {"utils", "util", "helpers", "common", "misc"}
    ]
    assert not vague, f"name these after what is in them: {vague}"
