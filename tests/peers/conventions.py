"""Where tinygraph and its peers differ with reason: what is compared instead, and why."""

import fnmatch
from collections.abc import Callable
from typing import Any


def _hermitian(a: Any, *rest: Any) -> Any:
    """A Hermitian matrix with eigenvalues well apart; positive definite, for Cholesky."""
    return (a + a.swapaxes(-1, -2).conj(), *rest)


# NumPy reads one triangle of these matrices. Of a matrix that is not Hermitian, tinygraph's
# gradient stands in that triangle, as finite differences say; PyTorch and JAX spread it over both.
# So all get a Hermitian one.
OPERANDS: dict[str, Callable[..., Any]] = dict.fromkeys(
    ["hermitian_eigenvectors", "cholesky", "np.linalg.eigh", "np.linalg.eigvalsh"], _hermitian
)


def _vectors(values: Any, vectors: Any) -> Any:
    return values, abs(vectors) ** 2


def _singular(u: Any, s: Any = None, vh: Any = None) -> Any:
    if s is None:
        return (u,)
    k = s.shape[-1]
    return abs(u[..., :k]) ** 2, s, abs(vh[..., :k, :]) ** 2


# The sign or phase of singular vectors and eigenvectors is a matter of the LAPACK at hand, so that
# their squares are compared. The columns that complete a rectangular matrix's singular vectors to a
# basis: PyTorch takes them for constants, JAX has no derivative with them; they are left out.
OUTPUTS: dict[str, Callable[..., Any]] = {
    "np.linalg.lstsq": lambda x, *rest: (x,),
    "np.linalg.svd": _singular,
    "singular_vectors": _singular,
    "np.linalg.eigh": _vectors,
    "hermitian_eigenvectors": _vectors,
    "eigenvectors": _vectors,
    "np.linalg.eig": _vectors,
}

# Cases that are not compared with a peer: for a pattern of their names, why.
TWICE = (
    "where an index occurs twice, the last value stays and only it gets a gradient; PyTorch gives "
    "one to each, which differences contradict"
)
DIFFERENT: dict[str, dict[str, str]] = {
    "torch": {
        "setitem-(3,4),(int64[[]0,2,0]*": TWICE,
        "setitem-(3,4),(::,int64[[]1,1,3]*": TWICE,
        "setitem-(3,4),(int64[[][[]0,2],[[]2,2]]*": TWICE,
    },
    "jax": {
        "sign-*complex": "z / |z| turns with z, as NumPy 2 has it; JAX says that its derivative "
        "is 0, which differences contradict",
        "np.linalg.pinv-*hermitian=True*": "of a matrix that is not Hermitian",
        "partition-*": "the order on either side of the pivot is nobody's promise",
    },
}

# Operations of a peer that no case is compared with: why.
NEVER: dict[str, dict[str, str]] = {
    "torch": dict.fromkeys(["floor_divide", "heaviside"], "has no derivative; ours is 0"),
    "jax": {
        **dict.fromkeys(["spacing", "nextafter"], "has no derivative"),
        **dict.fromkeys(
            ["np.linalg.eig", "np.linalg.eigvals"], "has no second derivative, and none of vectors"
        ),
        **dict.fromkeys(
            ["bincount", "np.trim_zeros", "np.roots", "np.compress", "np.extract"]
            + ["np.unique", "np.unique_all", "np.unique_counts", "np.unique_inverse"]
            + ["np.union1d", "np.intersect1d", "np.setxor1d", "np.setdiff1d"],
            "shapes that depend on values cannot be compiled",
        ),
        "np.polydiv": "the remainder changes its shape with the values",
        "partition": "the order on either side of the pivot is nobody's promise",
    },
}


def reason(peer: str, case: str) -> str | None:
    """Why a case is not compared; None where it is."""
    known = DIFFERENT[peer].items()
    return next((why for pattern, why in known if fnmatch.fnmatchcase(case, pattern)), None)
