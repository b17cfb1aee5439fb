import os

# Before SciPy is imported: its functions then take what has a namespace of the standard.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
