"""The pytest plugin of tinygraph: --tinygraph-profile, seeds of failures, tensors in assertions.

Loaded by `pytest -p pytest_tinygraph`, or in a conftest.py by pytest_plugins = "pytest_tinygraph".
It stands outside the package, imports neither tinygraph nor NumPy, and does nothing until a test
has imported tinygraph or the option is given: NumPy may be about to be configured, coverage about
to be started, by someone's conftest.py.
"""

import sys
from collections.abc import Generator
from typing import Any

import pytest

HEADER = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --tinygraph-profile."""
    parser.getgroup("tinygraph").addoption(
        "--tinygraph-profile",
        choices=("ci", "thorough"),
        help="settings of Hypothesis for this run: ci, 50 examples, the same on every run; "
        "thorough, 1,000 random ones, their seed in the header. Without it none change.",
    )


# Before Hypothesis's plugin, which then takes the seed that is chosen here.
@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Load the profile that was asked for, if any."""
    name = config.getoption("tinygraph_profile", None)
    if name is None:
        return
    if config.getoption("hypothesis_profile", None):
        raise pytest.UsageError(
            "--tinygraph-profile and --hypothesis-profile both name a profile of Hypothesis; "
            "give one of them"
        )
    try:
        from tinygraph.testing.plugin import use_profile

        config.stash[HEADER] = use_profile(config, name)
    except ImportError as error:
        raise pytest.UsageError(f"--tinygraph-profile: {error}") from error


def pytest_report_header(config: pytest.Config) -> str | None:
    """The profile, and its seed."""
    return config.stash.get(HEADER, None)


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """How far apart two numbers are of which one is a tensor."""
    if "tinygraph" not in sys.modules:
        return None
    from tinygraph.testing.plugin import compared

    return compared(op, left, right)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Below a failure, how to have it again."""
    report = yield
    if report.failed and "tinygraph" in sys.modules:
        from tinygraph.testing.plugin import again

        lines: Any = again(item.config, item.nodeid, item.config.getoption("tinygraph_profile"))
        if lines:
            report.sections.append(("tinygraph", "\n".join(lines)))
    return report
