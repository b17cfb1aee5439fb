"""numpy.linalg on tensors: `tg.linalg.f(t)` is `np.linalg.f(t)`, with gradients.

Matrices are the last two axes, and earlier ones a stack of them. What NumPy cannot invert or
factorise raises its LinAlgError, with what to do. Conventions at repeated values, phases and
Hermitian matrices stand in `tinygraph.ops.degeneracy` and `tinygraph.ops.hermitian`.
"""

from numpy.linalg import LinAlgError

from .ops.determinants import SlogdetResult, det, slogdet
from .ops.eigenvalues import EighResult, EigResult, eig, eigh, eigvals, eigvalsh
from .ops.factorisations import QRResult, cholesky, qr
from .ops.linear_systems import (
    LstsqResult,
    inv,
    lstsq,
    matrix_power,
    pinv,
    solve,
    tensorinv,
    tensorsolve,
)
from .ops.matrices import cross_in_space as cross
from .ops.matrices import matrix_diagonal as diagonal
from .ops.matrices import matrix_trace as trace
from .ops.matrices import multi_dot
from .ops.matrices import vector_outer as outer
from .ops.norms import cond, matrix_norm, norm, vector_norm
from .ops.products import matmul, tensordot, vecdot
from .ops.shape import matrix_transpose
from .ops.singular_values import SVDResult, matrix_rank, svd, svdvals

__all__ = [
    "EigResult",
    "EighResult",
    "LinAlgError",
    "LstsqResult",
    "QRResult",
    "SVDResult",
    "SlogdetResult",
    "cholesky",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "inv",
    "lstsq",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "multi_dot",
    "norm",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "tensordot",
    "tensorinv",
    "tensorsolve",
    "trace",
    "vecdot",
    "vector_norm",
]
