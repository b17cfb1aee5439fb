"""What each mutant is shown to: the public checks, at samples and at their corners."""

from __future__ import annotations

import importlib
import inspect
import itertools
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import hypothesis
import numpy as np
import pytest
import test_conventions
from cases import CASES, Case, public

from tinygraph.primitive import Primitive
from tinygraph.testing import check_custom, check_grads
from tinygraph.testing.verdict import brief

from .mutants import Mutant

CORNERS = ("broken at zero", "off at ties", "guard dropped")
NUMBERS = (2, 3, 1, 0, 0.5, 1.5)
# What a check is called, so that it is known again, and the check.
Named = tuple[Any, Callable[[], Any]]
Stage = Callable[[Primitive], Iterator[Named]]

# Where operations are tested that are declared in modules whose names begin so.
LINALG = dict.fromkeys(
    (
        *("ops.eigenvalues", "ops.singular_values", "ops.factorisations", "ops.determinants"),
        *("ops.linear_systems", "ops.hermitian", "ops.norms"),
    ),
    ("test_linalg",),
)
MODULES = {
    **LINALG,
    "ops.calculus": ("test_sampled_functions",),
    "ops.cleaning": ("test_selection", "test_sampled_functions"),
    "ops.sets": ("test_sorting",),
    "ops.variance": ("test_statistics",),
    "ops.reduction": ("test_statistics", "test_selection"),
    "ops.indexing": ("test_indexing",),
    "ops.fitting": ("test_sampled_functions",),
    "ops.ranges": ("test_sampled_functions",),
    "nn.attention": ("test_attention",),
    "nn": ("test_every_loss", "test_loss_corners", "test_losses", "test_fused", "test_activations"),
}
# Those of layers lie in a folder of their own.
sys.path.append(str(Path(__file__).parents[1] / "nn"))

# The same examples in every run, and nothing printed of those that fail.
hypothesis.settings.register_profile(
    "mutation", derandomize=True, database=None, deadline=None, print_blob=False
)

_sound: dict[Any, bool] = {}
_runs: dict[Any, set[CodeType]] = {}


def caught_by(mutant: Mutant) -> str | None:
    """The name of the stage that notices it, or None."""
    for primitive, stage in itertools.product(mutant.operations, stages(mutant.kind)):
        checks = [c for c in stage(primitive) if may_notice(c, mutant)]
        while checks:
            with mutant.place():
                failed = next((k for k, (_, call) in enumerate(checks) if fails(call)), None)
            if failed is None:
                break
            # A check that the right rule does not pass either has nothing to say.
            if is_sound(checks[failed]):
                return next(name for name, known in STAGES.items() if known is stage)
            checks = checks[failed + 1 :]
    return None


def is_sound(check: Named) -> bool:
    """Whether it passes while nothing is wrong."""
    key, call = check
    if key not in _sound:
        _sound[key] = not fails(call)
    return _sound[key]


def may_notice(check: Named, mutant: Mutant) -> bool:
    """Whether a check has any chance: tests that do not run what was changed have none."""
    key, call = check
    if mutant.code is None or not key[0].startswith("test_"):
        return _sound.get(key, True)
    if key not in _runs:
        _runs[key] = ran = set()

        def note(frame: FrameType, event: str, _: Any) -> None:
            if event == "call":
                ran.add(frame.f_code)

        threading.setprofile(note)
        sys.setprofile(note)
        try:
            _sound[key] = not fails(call)
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
    return _sound[key] and mutant.code in _runs[key]


def stages(kind: str) -> list[Stage]:
    """The checks, those first that are likely to notice the kind of mistake."""
    order = list(STAGES.values())
    return [corners, samples, *order[2:]] if kind in CORNERS else order


def fails(check: Callable[[], Any]) -> bool:
    """Whether the check raises: whatever it raises, a wrong rule is noticed."""
    # Of a test a warning is a failure, as everywhere in the suite.
    test = getattr(check, "func", check)
    quiet = "warn" if getattr(test, "__module__", "").startswith("test_") else "ignore"
    with warnings.catch_warnings(), np.errstate(all=quiet, under="ignore"), brief():
        warnings.simplefilter("error" if quiet == "warn" else "ignore")
        try:
            check()
        except (Exception, pytest.fail.Exception):  # noqa: BLE001 - a wrong rule may raise anything
            return True
    return False


def samples(primitive: Primitive) -> Iterator[Named]:
    """check_grads of order 2 at each sample."""
    for case, arrays in cases(primitive):
        yield ("samples", case.id), partial(check_grads, case, *arrays)


def corners(primitive: Primitive) -> Iterator[Named]:
    """The same where elements are 0, and where they are alike: in all operands, and in each."""
    found = cases(primitive)
    if primitive.elementwise:
        # What is a kink takes long to find out, and does not depend on how shapes broadcast.
        found = [*{_operands(case): (case, arrays) for case, arrays in reversed(found)}.values()]
    for case, arrays in found:
        changes = [with_zeros(case, arrays), with_ties(case, arrays)]
        if len(arrays) > 1:
            changes += [alike(case, arrays, k) for k, x in enumerate(arrays) if x.size > 1]
        for n, special in enumerate(changes):
            if special is not None:
                yield ("corners", case.id, n), partial(check_grads, case, *special, kinks="skip")


def _operands(case: Case) -> tuple[Any, ...]:
    """Which of them are arrays, and which are numbers."""
    return tuple((place.operand, place.shape != ()) for place in case.places)


def numbers(primitive: Primitive) -> Iterator[Named]:
    """The same with a Python number in place of an operand."""
    if not primitive.broadcasts or len(primitive.operands) != 2:
        return
    function = public(primitive)
    case, arrays = cases(primitive)[0]
    for number in NUMBERS:
        for k in (0, 1):
            args = [number if i == k else x for i, x in enumerate(arrays)]
            key = ("numbers", case.id, number, k)
            yield key, partial(check_grads, function, *args, argnums=1 - k)


def of_complex(primitive: Primitive) -> Iterator[Named]:
    """The same with complex operands, where the operation takes them."""
    for case, arrays in cases(primitive):
        turned = [x + 0.5j * np.roll(x, 1) for x in arrays]
        yield ("complex", case.id), partial(check_grads, case, *turned)


def operation(primitive: Primitive) -> Iterator[Named]:
    """check_custom with the declared samples."""
    function = public(primitive)
    yield ("operation", primitive.definition.__name__), partial(check_custom, function)


def conventions(_: Primitive) -> Iterator[Named]:
    """The table of conventions: what an operation does at a kink, no difference can say."""
    yield from calls_of(test_conventions)


def named_tests(primitive: Primitive) -> Iterator[Named]:
    """The project's tests of the corners of its operations, where there are some."""
    place = primitive.definition.__module__.removeprefix("tinygraph.")
    for part, modules in MODULES.items():
        if place.startswith(part):
            for name in modules:
                yield from calls_of(importlib.import_module(name))


@cache
def calls_of(module: Any) -> list[Named]:
    """The tests of a module, as calls that need no runner; those with fixtures are left out."""
    found: list[Named] = []
    for name, test in inspect.getmembers(module, inspect.isfunction):
        if not name.startswith("test_"):
            continue
        marks = [m for m in getattr(test, "pytestmark", []) if m.name == "parametrize"]
        asked = {n for m in marks for n in _names(m.args[0])}
        if asked != {*inspect.signature(test).parameters}:
            continue
        for i, choice in enumerate(itertools.product(*(m.args[1] for m in marks))):
            words: dict[str, Any] = {}
            for mark, values in zip(marks, choice, strict=True):
                named = isinstance(values, type(pytest.param()))
                names, given = _names(mark.args[0]), values.values if named else values
                whole = len(names) == 1 and not named
                words |= dict(zip(names, [given] if whole else given, strict=True))
            found.append(((module.__name__, name, i), partial(test, **words)))
    return found


def _names(words: Any) -> list[str]:
    return [w.strip() for w in words.split(",")] if isinstance(words, str) else list(words)


@cache
def cases(primitive: Primitive) -> list[tuple[Case, list[Any]]]:
    """The cases of an operation in which there is anything to differentiate."""
    own = [c for c in CASES if c.name == primitive.definition.__name__]
    pairs = [(case, case.arrays()) for case in own]
    return [(c, arrays) for c, arrays in pairs if any(x.size for x in arrays)]


def with_zeros(case: Case, arrays: list[Any]) -> list[Any] | None:
    """Every third element is 0, where the domain has a 0; in each operand it is another third."""
    changed = [np.array(x) for x in arrays]
    for k, (place, x) in enumerate(zip(case.places, changed, strict=True)):
        low, high = case.interval(place)
        if low < 0 < high and x.size:
            x.flat[k % 3 if x.size > 2 else 0 :: 3] = 0
    return changed if any((x == 0).any() for x in changed) else None


def with_ties(case: Case, arrays: list[Any]) -> list[Any]:
    """Neighbours in an operand are alike, and some elements of two operands."""
    changed = [np.array(x) for x in arrays]
    for x in changed:
        flat = x.ravel()
        flat[1::2] = flat[: flat.size - 1 : 2][: flat[1::2].size]
        x[...] = flat.reshape(x.shape)
    for (p, x), (q, y) in itertools.pairwise(zip(case.places, changed, strict=True)):
        if x.shape == y.shape and x.size:
            # From the one to the other, as far as its domain goes.
            for target, source, (low, high) in ((x, y, case.interval(p)), (y, x, case.interval(q))):
                if ((low < source) & (source < high)).all():
                    target.flat[::3] = source.flat[::3]
                    break
    return changed


def alike(case: Case, arrays: list[Any], k: int) -> list[Any]:
    """All elements of the k-th operand are alike."""
    return [np.full_like(x, x.flat[0]) if i == k else x for i, x in enumerate(arrays)]


# What a mutant is shown to, in this order, and what that is called in the tables: the kit, then
# tests of the project.
STAGES: dict[str, Stage] = {
    "check_grads at samples": samples,
    "check_grads at zeros and ties": corners,
    "check_grads with numbers": numbers,
    "check_grads with complex operands": of_complex,
    "check_custom": operation,
    "tests of conventions": conventions,
    "tests of corners": named_tests,
}
