"""Each row of docs/conventions.md names a test that exists."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "conventions.md"
HEADS = ("|---", "| corner ")
ROWS = [
    line
    for line in PAGE.read_text("utf-8").splitlines()
    if line.startswith("|") and not line.startswith(HEADS)
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_every_convention_is_tested(row):
    found = re.search(r"`([\w/]+\.py)::(test_\w+)(?:\[(.+)\])?` \|$", row)
    assert found, "the last column names a test: `file.py::test_name` or `file.py::test_name[id]`"
    file, function, case = found.groups()
    text = (TESTS / file).read_text("utf-8")
    functions = {node.name for node in ast.walk(ast.parse(text)) if hasattr(node, "name")}
    assert function in functions
    assert case is None or f'"{case}"' in text
