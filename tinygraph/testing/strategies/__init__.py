"""Hypothesis strategies for tests of gradients: arrays, shapes, indices, networks, programs.

    from hypothesis import given
    from tinygraph.testing import strategies as st

    @given(st.arrays(away_from=[0]))
    def test_my_norm(x):
        tg.testing.check_grads(my_norm, x)

All of them shrink: what fails is reported with the smallest array, the shortest index, the shortest
program that still fails. They need Hypothesis: `pip install "tinygraph-autodiff[testing]"`.
"""

try:
    import hypothesis as _hypothesis  # noqa: F401 - asked for by its name in the message
except ModuleNotFoundError as error:
    if error.name != "hypothesis":
        raise
    raise ImportError(
        'tinygraph.testing.strategies needs Hypothesis: pip install "tinygraph-autodiff[testing]"',
        name="hypothesis",
    ) from error

from ..expression import Expression, Step
from .arrays import LAYOUTS, arrays, dtypes, tensors
from .expressions import expressions
from .indices import indices
from .labels import labels
from .modules import ModuleConfig, module_configs
from .operations import OperationCall, operations
from .profiles import register_profiles
from .shapes import (
    axes,
    broadcastable_shapes,
    mutually_compatible_matmul_shapes,
    permutations,
    shapes,
)
from .subscripts import Einsum, einsum_subscripts
from .values import values

__all__ = [
    "LAYOUTS",
    "Einsum",
    "Expression",
    "ModuleConfig",
    "OperationCall",
    "Step",
    "arrays",
    "axes",
    "broadcastable_shapes",
    "dtypes",
    "einsum_subscripts",
    "expressions",
    "indices",
    "labels",
    "module_configs",
    "mutually_compatible_matmul_shapes",
    "operations",
    "permutations",
    "register_profiles",
    "shapes",
    "tensors",
    "values",
]
