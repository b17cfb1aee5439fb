import os

# Before NumPy loads its BLAS: one thread each, as the xdist workers share the cores,
# and as sums should come out the same each time.
for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

from hypothesis import settings  # noqa: E402

# The same examples on every run and every machine, however slow.
settings.register_profile(
    "tinygraph", derandomize=True, deadline=None, database=None, max_examples=30
)
settings.load_profile("tinygraph")
