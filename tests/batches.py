"""Many small checks in one test: pytest takes longer to run a test than most of them take."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

# pytest.fail and pytest.raises stand beside Exception, not below it.
FAILURES = (Exception, pytest.fail.Exception)


def batched(names: str, rows: Iterable[Any], *, by: Callable[..., str]) -> Any:
    """Like pytest.mark.parametrize, but one test for all rows of which `by` gives the same name.

    No row keeps another from being tried: all that fail are told, each with its values.
    """
    words = [name.strip() for name in names.split(",")]
    batches: dict[str, list[tuple[Any, ...]]] = {}
    for row in rows:
        values = (row,) if len(words) == 1 else tuple(row)
        batches.setdefault(by(*values), []).append(values)

    def decorate(test: Callable[..., None]) -> Any:
        def of_rows(rows: list[tuple[Any, ...]]) -> None:
            __tracebackhide__ = True
            failures = []
            for values in rows:
                try:
                    test(*values)
                except FAILURES as error:
                    told = ", ".join(f"{w}={value!r}" for w, value in zip(words, values))
                    error.add_note(f"with {told}")
                    failures.append(error)
            if len(failures) == 1:
                raise failures[0]
            if failures:
                raise BaseExceptionGroup(f"{len(failures)} of {len(rows)} fail", failures)

        of_rows.__name__, of_rows.__qualname__ = test.__name__, test.__qualname__
        of_rows.__doc__, of_rows.__module__ = test.__doc__, test.__module__
        of_rows.pytestmark = [*getattr(test, "pytestmark", ())]  # type: ignore[attr-defined]
        params = [pytest.param(rows, id=name) for name, rows in batches.items()]
        return pytest.mark.parametrize("rows", params)(of_rows)

    return decorate
