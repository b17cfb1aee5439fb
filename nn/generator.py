"""The generator that layers draw from unless they are given one of their own."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

import tinygraph as tg

Seed: TypeAlias = np.random.Generator | int | None

_default = np.random.default_rng()


def seed(number: int) -> None:
    """Begin the package's random numbers anew: models built and trained from here on are the same.

    To the bit, for one version of NumPy. Layers built before keep the generators they have.
    """
    global _default
    if not _is_seed(number):
        raise tg.ArgumentError(f"seed: {number!r} came; it needs an integer of 0 or more")
    _default = np.random.default_rng(number)


def default_generator() -> np.random.Generator:
    """The package's own generator, from which all draw that are given none; `nn.seed` replaces it.

    Functions such as `nn.dropout` draw from it too: a checkpoint of a run that uses them keeps it,
    `tg.save(path, model=model, drawn=nn.default_generator())`.
    """
    return _default


def generator_from(given: Seed, operation: str) -> np.random.Generator:
    """The generator given, a new one from an integer seed, or the package's own."""
    if given is None:
        return _default
    if isinstance(given, np.random.Generator):
        return given
    if _is_seed(given):
        return np.random.default_rng(given)
    raise tg.ArgumentError(
        f"{operation}: generator={given!r}; it needs an integer seed of 0 or more, "
        "or np.random.default_rng(seed)"
    )


def _is_seed(given: Any) -> bool:
    known = isinstance(given, (int, np.integer)) and not isinstance(given, bool)
    return known and int(given) >= 0


def own_generator() -> np.random.Generator:
    """A new generator that depends on the package's seed, but takes no numbers from it."""
    seeds: Any = _default.bit_generator.seed_seq
    return np.random.Generator(np.random.SFC64(seeds.spawn(1)[0]))  # the fastest of NumPy's
