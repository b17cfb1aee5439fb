"""Profiles of Hypothesis under names of our own, which change nothing until they are loaded."""

from __future__ import annotations

from typing import Any

from hypothesis import settings

# No deadlines: the first call of an operation compiles it, and machines differ.
PROFILES: dict[str, dict[str, Any]] = {
    "ci": {"max_examples": 50, "derandomize": True, "database": None, "deadline": None},
    "thorough": {"max_examples": 1000, "deadline": None, "print_blob": True},
}


def register_profiles() -> None:
    """Make the profiles "tinygraph-ci" and "tinygraph-thorough" known to Hypothesis; load neither.

    ci: 50 examples for each test, the same ones on every run and machine.
    thorough: 1,000 random ones.
    For a conftest.py, before `hypothesis.settings.load_profile("tinygraph-ci")`; pytest's option
    --tinygraph-profile does both. Built on Hypothesis's own defaults, not on what is loaded.
    """
    for name, options in PROFILES.items():
        settings.register_profile(
            f"tinygraph-{name}", parent=settings.get_profile("default"), **options
        )
