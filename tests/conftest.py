import gc
import os

# Before NumPy loads its BLAS: one thread each, as the xdist workers share the cores,
# and as sums should come out the same each time.
for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

import signal  # noqa: E402
from collections.abc import Generator  # noqa: E402

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

# A shell begins jobs in the background with Ctrl-C ignored, and so would the tests of it be, and
# the processes that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples on every run and every machine, however slow.
settings.register_profile(
    "tinygraph", derandomize=True, deadline=None, database=None, max_examples=30
)
settings.load_profile("tinygraph")


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, None, None]:
    """Without garbage collection while tests are found, nor of what was found.

    Thousands of tests make millions of objects, which stay: each collection would walk them all,
    and tests that collect would take a second each.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
