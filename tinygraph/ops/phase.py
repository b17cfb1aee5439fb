"""Angles of complex numbers."""

import math
from typing import Any

import numpy as np

from ..primitive import Operand, derived, primitive, sample
from ..tensor import Tensor, as_tensor
from .elementwise import imag, multiply, real
from .transcendental import arctan2


@derived(numpy=np.angle)
def angle(z: Operand, deg: bool = False) -> Tensor:
    """The angle of z to the positive real axis, in (−π, π]; in degrees if `deg`.

    Not holomorphic: the gradient is i·z/|z|². Derivative 0 at 0, and with respect to real numbers.
    """
    t = as_tensor(z, "angle")
    phi = arctan2(imag(t), real(t)) if t.dtype.kind == "c" else arctan2(0, t)
    return multiply(phi, 180 / math.pi) if deg else phi


@primitive(
    numpy=np.unwrap,
    p=lambda ct: ct,
    samples=(
        sample((5,)),
        sample((3, 4), axis=0),
        sample((3, 4), 2.0, -1, period=1.5),
        sample((6,), period=0.5),
        sample((2, 0)),
    ),
)
def unwrap(
    p: Operand, discont: float | None = None, axis: int = -1, *, period: float = 2 * math.pi
) -> Any:
    """Angles with whole periods added, so that neighbours differ by at most half of one.

    discont: differences up to it stay as they are; half a period, if it is less or None.
    Derivative 1: where a period more is added, the value jumps.
    """
    return np.unwrap(p, discont, axis, period=period)
