"""The code on pages of docs/ that say so runs, a page's blocks one after the other."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
# Python, and the output if it stands right below.
BLOCK = r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?"


@pytest.mark.parametrize("page", ["networks.md", "testing.md"])
def test_the_pages_code_runs(page, monkeypatch, tmp_path, capsys):
    """And prints what stands below it as text, but for the digits."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    text = (DOCS / page).read_text()
    names = {"__name__": "__main__"}
    for number, (block, printed) in enumerate(re.findall(BLOCK, text, re.DOTALL)):
        # A file for each, so that functions can be asked for their text.
        file = Path(f"block_{number}.py")
        file.write_text(block)
        exec(compile(block, file, "exec"), names)  # noqa: S102
        found = capsys.readouterr().out
        if printed:
            assert without_digits(found) == without_digits(printed)


def without_digits(text):
    """Numbers are the machine's, as are the spaces that line them up."""
    return re.sub(r"\s+", " ", re.sub(r"-?[\d.]+(e[+-]\d+)?", "#", text)).strip()


@pytest.mark.parametrize(
    "page", sorted([*DOCS.glob("*.md"), DOCS.parent / "README.md"]), ids=lambda page: page.name
)
def test_links_and_pictures_are_there(page):
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    local = [target for target in targets if "://" not in target]
    missing = [target for target in local if not (page.parent / target).exists()]
    assert not missing
