"""Prints what was compared with the other engines, after their tests."""

import os
import sys

# Before SciPy is imported: its functions then take what has a namespace of the standard.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
# Before JAX starts: compiled quickly rather than well, as everything runs once.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
)


def pytest_terminal_summary(terminalreporter):
    for name in ("test_operations_of_peers", "test_random_programs"):
        for who, counts in getattr(sys.modules.get(name), "COUNTS", {}).items():
            told = ", ".join(f"{n} {what}" for what, n in counts.items())
            terminalreporter.write_line(f"{who}: {told}")
