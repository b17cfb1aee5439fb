"""Which NumPy this is, for what its versions do differently."""

import numpy as np


def since(version: str) -> bool:
    """Whether this is that version of NumPy, as "2.1.0", or a later one."""
    return np.lib.NumpyVersion(np.__version__) >= version
