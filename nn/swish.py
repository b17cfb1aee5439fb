"""silu, also called swish: x times its own sigmoid."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygraph as tg

from .gaussian import like, real_floating


def _slope(x: Any) -> Any:
    """Its derivative, of tensors: σ + x σ (1 − σ)."""
    share = tg.sigmoid(x)
    return share + x * share * (1 - share)


@tg.primitive(
    x=lambda ct, slope: ct * slope,
    saves={"slope": _slope},
    samples=(tg.sample((3, 4)), tg.sample(()), tg.sample((0,))),
)
def silu(x: Any, /) -> Any:
    """x σ(x) = x / (1 + e^−x), also called swish. Derivative ½ at 0.

    x: real floating, of any shape.  Returns its shape and dtype.
    Elfwing, Uchibe and Doya 2018; Ramachandran, Zoph and Le 2017.
    """
    z = real_floating(x, "silu")
    share = np.negative(z)
    with np.errstate(over="ignore"):  # 1 / (1 + ∞) is 0, as it should be
        np.exp(share, out=share)
    share += 1
    np.divide(1, share, out=share)
    y = z * share
    slope = 1 - share
    slope *= y
    slope += share
    return like(y, x), like(slope, x)
