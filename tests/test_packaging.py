"""What is built is what is meant: the wheel, the sdist, and the wheel that the sdist builds."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import numpy
import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
STEM = f"tinygraph_autodiff-{PROJECT['version']}"
INFO = f"{STEM}.dist-info"


def run(*command: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    return subprocess.run(
        [sys.executable, *command], cwd=cwd, env=inherited | env, capture_output=True, text=True
    )


def run_ok(*command: str | Path, cwd: Path, **env: str) -> str:
    done = run(*command, cwd=cwd, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(source: Path, out: Path, *kinds: str) -> None:
    # With the setuptools of the test extra: an isolated build would fetch its own.
    run_ok("-m", "build", "--no-isolation", *kinds, "--outdir", out, source, cwd=out.parent)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with the sdist, the wheel, and in `again/` the wheel that the sdist builds."""
    # Built in a copy, as setuptools would leave build/ behind and read it back the next time.
    folder = tmp_path_factory.mktemp("packaging")
    checkout, out = folder / "checkout", folder / "out"
    checkout.mkdir()
    for name in ("tinygraph", "nn", "optim"):
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, checkout / name, symlinks=True, ignore=skip)
    for file in ROOT.iterdir():
        if file.is_file():
            shutil.copy(file, checkout)
    build(checkout, out, "--sdist", "--wheel")
    # By its command: the `filter` that 3.12 asks for is not in 3.11.2, Debian 12's Python.
    run_ok("-m", "tarfile", "-e", out / f"{STEM}.tar.gz", folder, cwd=folder)
    build(folder / STEM, out / "again", "--wheel")
    return out


def wheel(folder: Path) -> Path:
    return folder / f"{STEM}-py3-none-any.whl"


@pytest.fixture(scope="module")
def metadata(built) -> Message:
    with zipfile.ZipFile(wheel(built)) as archive:
        return Parser().parsestr(archive.read(f"{INFO}/METADATA").decode())


def sources() -> set[str]:
    """The files of the library, by the paths they are imported from."""
    folders = {"tinygraph": "tinygraph", "nn": "tinygraph/nn", "optim": "tinygraph/optim"}
    return {"pytest_tinygraph.py"} | {
        f"{installed}/{file.relative_to(ROOT / folder).as_posix()}"
        for folder, installed in folders.items()
        for file in (ROOT / folder).rglob("*.py")
        if not (folder == "tinygraph" and file.relative_to(ROOT).parts[1] in {"nn", "optim"})
    }


def test_wheel_holds_the_library_and_nothing_else(built):
    with zipfile.ZipFile(wheel(built)) as archive:
        names = set(archive.namelist())
    code = {name for name in names if not name.startswith(f"{INFO}/")}
    assert {"tinygraph/nn/__init__.py", "tinygraph/optim/__init__.py"} <= code
    assert {name for name in code if name.endswith(".py")} == sources()
    pages = {
        f"tinygraph/render/page/{file.name}" for file in (ROOT / "tinygraph/render/page").iterdir()
    }
    assert {"tinygraph/py.typed"} | pages == {name for name in code if not name.endswith(".py")}
    assert {name.split("/")[0] for name in code} == {"tinygraph", "pytest_tinygraph.py"}
    assert f"{INFO}/licenses/LICENSE" in names


def test_sdist_holds_what_its_build_needs(built):
    with tarfile.open(built / f"{STEM}.tar.gz") as archive:
        assert all(member.isfile() or member.isdir() for member in archive), "a link in the sdist"
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {"pyproject.toml", "README.md", "LICENSE", "CITATION.cff", "tinygraph/py.typed"}
    assert sources() | needed <= names
    assert not [name for name in names if name.startswith(("tests", "notebooks", ".venv"))]


def test_sdist_builds_the_same_wheel(built):
    contents = []
    for folder in (built, built / "again"):
        with zipfile.ZipFile(wheel(folder)) as archive:
            contents.append({name: archive.read(name) for name in archive.namelist()})
    direct, again = contents
    assert direct.keys() == again.keys()
    assert [name for name in direct if direct[name] != again[name]] == []


def test_metadata(metadata):
    assert metadata["Name"] == "tinygraph-autodiff"
    assert metadata["License-Expression"] == "MIT"
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Description-Content-Type"] == "text/markdown"


def test_numpy_and_graphviz_are_the_only_hard_requirements(metadata):
    hard = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
    names = [re.match(r"[\w.-]+", line)[0] for line in hard]
    assert sorted(names) == ["graphviz", "numpy"]


def test_extras(metadata):
    single = {
        "viz",
        "safetensors",
        "scipy",
        "sklearn",
        "tensorboard",
        "networkx",
        "testing",
        "browser",
    }
    expected = single | {"demo", "test", "dev", "peers", "all"}
    assert set(metadata.get_all("Provides-Extra")) == expected


def test_citation_names_this_version():
    assert f"\nversion: {PROJECT['version']}\n" in (ROOT / "CITATION.cff").read_text("utf-8")


def test_installed_wheel_imports_from_anywhere(built, tmp_path):
    target, elsewhere = tmp_path / "installed", tmp_path / "elsewhere"
    elsewhere.mkdir()
    pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile"]
    run_ok(*pip, "--target", target, wheel(built), cwd=elsewhere)

    code = "from tinygraph import nn, optim; print(nn.__file__); print(optim.__file__)"
    # -S: site-packages comes by its path only, so the editable install does not count.
    path = os.pathsep.join([str(target), str(Path(numpy.__file__).parents[1])])
    stdout = run_ok("-S", "-P", "-c", code, cwd=elsewhere, PYTHONPATH=path)
    assert stdout.splitlines() == [
        str(target / "tinygraph" / name / "__init__.py") for name in ("nn", "optim")
    ]


@pytest.mark.parametrize("name", ["nn", "optim"])
def test_plain_import_from_the_checkout_names_the_right_one(name):
    done = run("-c", f"import {name}", cwd=ROOT)
    assert done.returncode != 0
    assert "ImportError" in done.stderr
    assert f"from tinygraph import {name}" in done.stderr
