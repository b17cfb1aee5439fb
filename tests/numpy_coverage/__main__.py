"""`python -m tests.numpy_coverage`: run the probe and write docs/coverage.md."""

import sys

from .measure import Row
from .page import PAGE, measured_rows, page
from .probe import WRONG


def main() -> int:
    rows: list[Row] = measured_rows()
    PAGE.write_text(page(rows), "utf-8")
    wrong = [(row.name, o.note) for row in rows for o in row.outcomes if o.kind == WRONG]
    for name, note in wrong:
        print(f"{name}: {note}", file=sys.stderr)
    print(f"{PAGE}: {len(rows)} functions, {sum(len(row.outcomes) for row in rows)} calls")
    return bool(wrong)


sys.exit(main())
