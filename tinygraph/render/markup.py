"""Graphviz's HTML-like labels: tables and fonts."""

from __future__ import annotations

# As html.escape, whose module takes long to load.
ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})


def table(rows: str, spacing: int = 0, more: str = "") -> str:
    """A table without lines."""
    return (
        f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="{spacing}" CELLPADDING="0"{more}>'
        f"{rows}</TABLE>"
    )


def row(content: str, padding: int = 0) -> str:
    """A row of one cell."""
    return f'<TR><TD CELLPADDING="{padding}">{content}</TD></TR>'


def font(text: str, color: str, size: int = 14) -> str:
    """Text of a colour and a size."""
    return f'<FONT COLOR="{color}" POINT-SIZE="{size}">{escaped(text)}</FONT>'


def bold(text: str) -> str:
    """Text in bold."""
    return f"<B>{escaped(text)}</B>"


def escaped(text: str) -> str:
    """Text that stands for itself."""
    # Graphviz would put a node's name for \N, even in HTML.
    return text.translate(ENTITIES).replace("\\", "\\\\")


def hover(lines: list[str]) -> str:
    """Lines as a quoted attribute, to be shown under the pointer."""
    # Here Graphviz reads backslashes twice.
    text = "\n".join(lines).translate(ENTITIES).replace("\\", 4 * "\\")
    return text.replace("\n", "\\n")
