"""save and load: models, optimisers and all that a run needs to go on, in one file."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import archive
from .errors import ArgumentError, SavingError
from .packing import Packer, Saved, generators_of, has_state, unpack
from .tensor import Tensor

FORMAT = 1  # of the text in the file; higher ones are of newer versions of tinygraph


def save(path: str | os.PathLike[str], /, *objects: Any, **named: Any) -> Path:
    """Write objects and values into one file, as a whole or not at all; returns its path.

    objects, named: anything with `state_dict` and `load_state_dict`, as models and optimisers have;
        NumPy generators; tensors and arrays; numbers, text, booleans, None; and lists, tuples and
        dicts of these. Of a model, the generators that its layers draw from are kept too.
    path: the suffix .safetensors or .npz chooses the format; else it is safetensors, if the package
        is installed, or npz. Neither can hold code, and what was saved as either, `load` tells.
    Written to a file beside it and renamed: a crash leaves what was there before.

    >>> tg.save("run.npz", model=model, optimizer=optimizer, rng=rng, epoch=3)
    >>> epoch = tg.load("run.npz", model=model, optimizer=optimizer, rng=rng)["epoch"]

    Raises ArgumentError, DTypeError or DetachError, with its name, for what a file cannot keep.
    """
    path = _path(path, "save")
    if not objects and not named:
        raise ArgumentError("save: nothing came to be saved; tg.save(path, model=model)")
    dotted = [name for name in named if "." in name]
    if dotted:  # what load returns of generators has such names
        raise ArgumentError(f"save: {dotted[0]!r} has a dot; choose a name without one")
    packer = Packer()
    content = {
        "format": FORMAT,
        "positional": [packer.pack(x, str(i)) for i, x in enumerate(objects)],
        "named": {name: packer.pack(x, name) for name, x in named.items()},
    }
    archive.write(path, packer.arrays, json.dumps(content, allow_nan=False))
    return path


def load(path: str | os.PathLike[str], /, *objects: Any, **named: Any) -> dict[str | int, Any]:
    """Give objects the state that `save` wrote, in place, and return everything else in the file.

    objects, named: what is to be restored, built as what was saved, by the same position or name:
        objects with `load_state_dict`, NumPy generators, leaf tensors, arrays, and lists, tuples
        and dicts of these. All of them are restored, or where one refuses, none.
    Returns a dict by name, or for what was saved by position by its number. Of an object that was
    not passed it has the state, for its `load_state_dict`, and, under "name.generators", the
    generators it drew from. So `tg.load(path)` returns all there is.

    Raises SavingError for a file that `save` did not write, that is damaged or of a newer version,
    or holds no such thing; ArgumentError for what cannot be restored in place; and what the
    objects' `load_state_dict` raise.
    """
    path = _path(path, "load")
    entries = _read(path)
    targets: dict[str | int, Any] = dict(enumerate(objects))
    targets.update(named)
    pairs: list[Pair] = []
    for name, target in targets.items():
        if name not in entries:
            raise SavingError(f"load: {_absent(name, list(entries))}")
        pairs += _paired(target, entries[name], str(name))
    with ExitStack() as undo:
        for target, entry, where in pairs:
            undo.callback(_give, target, _now(target))
            try:
                _give(target, _content(entry))
            except Exception as error:
                error.add_note(
                    f"load: {where} refused what {str(path)!r} holds for it; nothing was loaded"
                )
                raise
        undo.pop_all()
    rest: dict[str | int, Any] = {}
    for name, entry in entries.items():
        if name not in targets:
            rest[name] = _plain(entry)
            if isinstance(entry, Saved) and entry.generators:
                rest[f"{name}.generators"] = entry.generators
    return rest


def _path(path: Any, operation: str) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise ArgumentError(
            f"{operation}: the path comes first, and it is a {type(path).__name__}; "
            f"tg.{operation}('run.npz', model=model)"
        )
    return Path(path)


def _read(path: Path) -> dict[str | int, Any]:
    """All that the file holds, by name and position."""
    arrays, text = archive.read(path)
    try:
        content = json.loads(text)
        version = content["format"]
        if version == FORMAT:
            entries = dict(enumerate(unpack(item, arrays) for item in content["positional"]))
            return entries | {name: unpack(x, arrays) for name, x in content["named"].items()}
    except Exception as error:  # whatever a text that something else wrote leads to
        raise SavingError(
            f"load: {str(path)!r} is damaged: {type(error).__name__}: {error}"
        ) from error
    raise SavingError(
        f"load: {str(path)!r} has format {version!r}, and this version of tinygraph reads format "
        f"{FORMAT}; upgrade it to the version that wrote the file"
    )


def _absent(name: str | int, there: list[str | int]) -> str:
    held = ", ".join(map(repr, there))
    if isinstance(name, int):
        keywords = ", ".join(f"{other}=…" for other in there if isinstance(other, str))
        fix = f"pass them by name, {keywords}" if keywords else "pass no more than these"
        return f"nothing was saved at position {name}, the file holds {held}; {fix}"
    words = [other for other in there if isinstance(other, str)]
    close = difflib.get_close_matches(name, words, 1)
    fix = f"did you mean {close[0]!r}? It" if close else "it"
    return f"nothing was saved as {name!r}; {fix} holds {held}"


class Pair(NamedTuple):
    """Something to restore, what it is to become, and how messages call it."""

    target: Any
    entry: Any
    path: str


def _paired(target: Any, entry: Any, path: str) -> Iterator[Pair]:
    """The targets in lists and dicts, each with what was saved of it, checked as far as can be."""
    if isinstance(target, (list, tuple, Mapping)) and not has_state(target):
        keys = list(target) if isinstance(target, Mapping) else list(range(len(target)))
        theirs = list(range(len(entry))) if isinstance(entry, (list, tuple)) else entry
        alike = isinstance(entry, dict) == isinstance(target, Mapping)
        if not isinstance(entry, (list, tuple, dict)) or not alike or set(keys) != set(theirs):
            raise _other(path, entry, f"a {type(target).__name__} of {keys}")
        for key in keys:
            yield from _paired(target[key], entry[key], f"{path}.{key}")
        return
    if has_state(target):
        if not isinstance(entry, Saved) or entry.kind != type(target).__name__:
            raise _other(path, entry, f"an object of type {type(target).__name__}")
    elif isinstance(target, np.random.Generator):
        kind = type(target.bit_generator)
        if not isinstance(entry, np.random.Generator) or type(entry.bit_generator) is not kind:
            raise _other(path, entry, f"a generator of kind {kind.__name__}")
    elif isinstance(target, (Tensor, np.ndarray)):
        _check_array(target, entry, path)
    else:
        what = f"the class {target.__name__}" if isinstance(target, type) else repr(target)
        raise ArgumentError(
            f"load: {path} is {what}, which cannot be changed in place; leave it out, and take "
            "what was saved from the result"
        )
    yield Pair(target, entry, path)


def _check_array(target: Tensor | np.ndarray[Any, Any], entry: Any, path: str) -> None:
    if isinstance(target, Tensor) and not target.is_leaf:
        raise ArgumentError(
            f"load: {path} is {target.described()}, which was computed; "
            "only a leaf can be given a value"
        )
    if isinstance(target, np.ndarray) and not target.flags.writeable:
        raise ArgumentError(f"load: {path} is an array that is not to be written to; pass a copy")
    fits = isinstance(entry, (np.ndarray, np.generic)) and entry.shape == target.shape
    if not fits or not np.can_cast(entry.dtype, target.dtype, "same_kind"):
        raise _other(path, entry, f"an array of shape {target.shape} and dtype {target.dtype}")


def _other(path: str, entry: Any, target: str) -> SavingError:
    if isinstance(entry, Saved):
        held = f"an object of type {entry.kind}"
    elif isinstance(entry, (np.ndarray, np.generic)):
        held = f"an array of shape {entry.shape} and dtype {entry.dtype}"
    elif isinstance(entry, np.random.Generator):
        held = f"a generator of kind {type(entry.bit_generator).__name__}"
    elif isinstance(entry, (list, tuple, dict)):
        keys = list(entry) if isinstance(entry, dict) else list(range(len(entry)))
        held = f"a {type(entry).__name__} of {keys}"
    else:
        held = repr(entry)
    return SavingError(
        f"load: {path} was saved as {held}, and {target} came to be restored; pass what is built "
        "as it was, or leave it out and take what was saved from the result"
    )


def _now(target: Any) -> Any:
    """What `_give` needs to make it again what it is."""
    if isinstance(target, np.random.Generator):
        return target.bit_generator.state
    if isinstance(target, (Tensor, np.ndarray)):
        return np.array(target.value if isinstance(target, Tensor) else target)
    return deepcopy(target.state_dict()), _now_of(generators_of(target))


def _content(entry: Any) -> Any:
    """What `_give` needs to make of the target what was saved."""
    if isinstance(entry, Saved):
        return entry.state, _now_of(entry.generators)
    return _now(entry) if isinstance(entry, np.random.Generator) else entry


def _give(target: Any, content: Any) -> None:
    if isinstance(target, np.random.Generator):
        target.bit_generator.state = content
    elif isinstance(target, Tensor):
        target.assign(content)
    elif isinstance(target, np.ndarray):
        np.copyto(target, content)
    else:
        state, generators = content
        target.load_state_dict(state)
        own = generators_of(target)
        ours, theirs = _kinds(_now_of(own)), _kinds(generators)
        if ours != theirs:
            raise SavingError(
                f"load: {type(target).__name__} draws from the generators {ours}, and what was "
                f"saved from {theirs}; build it in the same way, or leave it out and give its "
                "load_state_dict the state that is in the result"
            )
        for where, generator in own.items():
            _give(generator, generators[where])


def _now_of(generators: Mapping[str, np.random.Generator]) -> dict[str, Any]:
    return {where: _now(generator) for where, generator in generators.items()}


def _kinds(states: Mapping[str, Any]) -> str:
    return ", ".join(f"{at} ({states[at]['bit_generator']})" for at in sorted(states)) or "none"


def _plain(entry: Any) -> Any:
    """What was saved, with the state in place of an object."""
    if isinstance(entry, Saved):
        return _plain(entry.state)
    if isinstance(entry, (list, tuple)):
        return type(entry)(_plain(item) for item in entry)
    if isinstance(entry, dict):
        return {key: _plain(value) for key, value in entry.items()}
    return entry
