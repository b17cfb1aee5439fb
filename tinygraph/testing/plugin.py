"""What the pytest plugin does once tinygraph is there: profiles, seeds, tensors in assertions.

The plugin itself is `pytest_tinygraph`, outside the package: pytest may load it in every run, and
must not have to import tinygraph and NumPy for that.
"""

from __future__ import annotations

import secrets
import shlex
import sys
from typing import Any

import numpy as np

from ..tensor import Tensor


def use_profile(config: Any, name: str) -> str:
    """Load a profile into Hypothesis, and say for the header which one, and with what seed.

    A random profile gets a seed where --hypothesis-seed gave none, so that it can be told.
    """
    # First, as it says what to install where Hypothesis is missing.
    from .strategies import register_profiles

    # isort: split
    from hypothesis import settings

    register_profiles()
    settings.load_profile(f"tinygraph-{name}")
    loaded = settings.get_profile(f"tinygraph-{name}")
    if loaded.derandomize:
        return f"tinygraph: profile {name}, {loaded.max_examples} examples, the same on every run"
    option = config.option
    if getattr(option, "hypothesis_seed", "") is None:
        # Hypothesis's own plugin reads it after us, and xdist hands it to its workers.
        option.hypothesis_seed = str(secrets.randbelow(2**32))
    return (
        f"tinygraph: profile {name}, {loaded.max_examples} examples, "
        f"--hypothesis-seed={getattr(option, 'hypothesis_seed', None)}"
    )


def again(config: Any, nodeid: str, name: str | None) -> list[str]:
    """What makes a failure come again: the command with its seed, and the seed of `nn`."""
    lines = []
    if name is not None:
        seed = getattr(config.option, "hypothesis_seed", None)
        given = f" --hypothesis-seed={seed}" if seed is not None else ""
        lines.append(f"again: pytest {shlex.quote(nodeid)} --tinygraph-profile={name}{given}")
    nn = sys.modules.get("tinygraph.nn")
    if nn is not None:
        entropy = nn.default_generator().bit_generator.seed_seq.entropy
        lines.append(f"numbers that layers and dropout drew: from nn.seed({entropy})")
    return lines


def compared(operator: str, left: Any, right: Any) -> list[str] | None:
    """What to say of a failed `assert left == right` of which one is a tensor of one element."""
    if operator != "==" or Tensor not in (type(left), type(right)):
        return None
    pair = [x.numpy() if type(x) is Tensor else x for x in (left, right)]
    if not all(isinstance(x, (np.ndarray, np.generic, int, float, complex)) for x in pair):
        return None
    a, b = map(np.asarray, pair)
    lines = [f"{left!r} == {right!r}"]
    if a.shape != b.shape or a.dtype != b.dtype:
        lines.append(f"left: {a.dtype} {a.shape}, right: {b.dtype} {b.shape}")
    if a.size != 1 or b.size != 1 or {a.dtype.kind, b.dtype.kind} - set("biufc"):
        return lines
    error = abs(a.item() - b.item())
    lines.append(f"difference: {error:.3g}")
    coarsest = max((x.dtype for x in (a, b) if x.dtype.kind in "fc"), key=_eps, default=None)
    if coarsest is not None and np.isfinite(error):
        size = max(abs(a.item()), abs(b.item()))
        ulps = error / (float(np.finfo(coarsest).eps) * size) if size else 0.0
        lines.append(f"in roundings of {coarsest}: {ulps:.1f}; tolerate them with np.allclose")
    return lines


def _eps(dtype: np.dtype[Any]) -> float:
    return float(np.finfo(dtype).eps)
