"""What every operation is called with in the tests, and what NumPy makes of it.

The operations are those of the registry. One that works element by element is called with shapes
that broadcast; any other with the samples that stand at its declaration.
"""

import inspect
import itertools
import math
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from batches import batched
from references import DERIVED, DOMAINS, FORMULAS, LATER, SEPARATED

import tinygraph as tg
from tinygraph import nn as nn  # registers its operations
from tinygraph import optim as optim  # likewise
from tinygraph.primitive import Primitive, Sample, sample
from tinygraph.registry import NUMPY, REGISTRY

UNARY = [(3, 4), (), (1,), (0,), (2, 0, 3)]
BINARY = [
    ((2, 3), (2, 3)),
    ((3, 4), (4,)),
    ((4,), (3, 4)),
    ((3, 1), (1, 4)),
    ((2, 1, 3), (4, 1)),
    ((), (3,)),
    ((2, 3), ()),
    ((), ()),
    ((1,), (1,)),
    ((1,), (0,)),
]


class Place(NamedTuple):
    """Where in a call an array stands: at this position or keyword, at this item of a list."""

    operand: str
    key: int | str
    item: int | None
    shape: tuple[int, ...]


class Case:
    """A way to call an operation, `function`, with arrays of certain shapes.

    reference: the same, on arrays, without tinygraph; None where that is tested elsewhere
    twins: NumPy functions that come to the same through NumPy's protocols, with their names
    """

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        sample: Sample,
        places: Iterable[Place],
        *,
        domain: dict[str, tuple[float, float]] | None = None,
        reference: Callable[..., Any] | None,
        twins: dict[str, Callable[..., Any]],
    ) -> None:
        self.places = list(places)
        self.id = f"{name}-{_words(sample, only_shapes=len(self.places) == len(sample.args))}"
        self.name, self.function, self.sample = name, function, sample
        self.domain, self.reference, self.twins = domain or {}, reference, twins

    def __repr__(self) -> str:
        return self.id

    def outputs(self, function: Callable[..., Any], values: Sequence[Any]) -> list[Any]:
        """Of the function for these values in place of the arrays; of any library."""
        args: list[Any] = [list(a) if _is_list(a) else a for a in self.sample.args]
        kwargs = {k: list(a) if _is_list(a) else a for k, a in self.sample.kwargs.items()}
        for place, value in zip(self.places, values, strict=True):
            holder: Any = args if isinstance(place.key, int) else kwargs
            if place.item is None:
                holder[place.key] = value
            else:
                holder[place.key][place.item] = value
        y = function(*args, **kwargs)
        return list(y) if isinstance(y, (tuple, list)) else [y]

    def call(self, function: Callable[..., Any], values: Sequence[Any]) -> list[Any]:
        """The outputs of a function of arrays or tensors."""
        outputs = self.outputs(function, values)
        if any(np.iscomplexobj(value) for value in values):
            return outputs
        # What makes complex numbers of real ones has two real outputs for each of them.
        return [
            half
            for y in outputs
            for half in ([np.real(y), np.imag(y)] if np.iscomplexobj(y) else [y])
        ]

    def __call__(self, *values: Any) -> list[Any]:
        return self.call(self.function, values)

    def arrays(self, *dtypes: Any) -> list[Any]:
        """Numbers in the domain, away from its ends and from 0, no two of them alike.

        dtypes: for each array its own; float64 by default. The same on every call.
        """
        sizes = [math.prod(place.shape) for place in self.places]
        count = sum(sizes)
        rng = self.random()
        spread = (rng.permutation(count) + rng.uniform(0.3, 0.7, count)) / max(count, 1)
        pieces = np.split(spread, np.cumsum(sizes)[:-1])
        return [
            self.separated(
                place, _within(piece, *self.interval(place)).reshape(place.shape)
            ).astype(dtype)
            for piece, place, dtype in zip(
                pieces, self.places, dtypes or [np.float64] * len(pieces), strict=True
            )
        ]

    def integers(self) -> list[Any]:
        """Integers in the domain, as far as it has any."""
        rng = self.random()
        found = []
        for place in self.places:
            low, high = self.interval(place)
            inside = [k for k in (1, 2, 3, 0) if low < k < high][:3] or [1]
            found.append(self.separated(place, np.asarray(rng.choice(inside, place.shape))))
        return found

    def separated(self, place: Place, x: Any) -> Any:
        """The array, as matrices with eigenvalues well apart if the operation needs that."""
        if self.name.removeprefix("np.") not in SEPARATED or place != self.places[0]:
            return x
        rows, columns = place.shape[-2:]
        return x + 4 * np.eye(rows, columns, dtype=int) * np.arange(1, columns + 1)

    def interval(self, place: Place) -> tuple[float, float]:
        """Where this array's elements may be."""
        return self.domain.get(place.operand, (-math.inf, math.inf))

    def random(self) -> np.random.Generator:
        """A generator that starts in the same state every time."""
        return np.random.default_rng(zlib.crc32(self.id.encode()))


def _is_list(x: Any) -> bool:
    return isinstance(x, list) and any(isinstance(item, tuple) for item in x)


def _places(sample: Sample, primitive: Primitive) -> Iterator[Place]:
    """Where the sample's arrays go: shapes that stand for differentiable operands."""
    numbers = primitive.signature.bind(*range(len(sample.args)), **{k: k for k in sample.kwargs})
    for operand in primitive.differentiable:
        keys = numbers.arguments.get(operand, ())
        for key in keys if isinstance(keys, tuple) else [keys]:
            given = sample.args[key] if isinstance(key, int) else sample.kwargs[key]
            if isinstance(given, tuple):
                yield Place(operand, key, None, given)
            elif _is_list(given):
                for i, shape in enumerate(given):
                    yield Place(operand, key, i, shape)


def _at(name: str, s: Sample, position: int | str) -> Iterator[Place]:
    """The array that stands there in a call, or the arrays of a list."""
    given = {**dict(enumerate(s.args)), **s.kwargs}.get(position)
    if type(given) is tuple:
        yield Place(name, position, None, given)
    elif _is_list(given):
        yield from (Place(name, position, i, shape) for i, shape in enumerate(given))


def _within(unit: Any, low: float, high: float) -> Any:
    """Numbers of (0, 1), moved to a moderate part of the interval."""
    if math.isfinite(low) and math.isfinite(high):
        return low + (high - low) * (0.15 + 0.7 * unit)
    if math.isfinite(low):
        return low + 0.4 + 2 * unit
    if math.isfinite(high):
        return high - 0.4 - 2 * unit
    centred = 2 * unit - 1
    return np.sign(centred) * 0.2 + 1.8 * centred


def _words(sample: Sample, *, only_shapes: bool) -> str:
    """The arguments, as they stand in a test's name: `(3,4)x(4,)` or `(3,4),axis=0`."""
    if only_shapes and not sample.kwargs:
        return "x".join(map(_word, sample.args))
    named = [f"{k}={_word(v)}" for k, v in sample.kwargs.items()]
    return ",".join([*map(_word, sample.args), *named])


def _word(x: Any) -> str:
    if isinstance(x, slice):
        return ":".join("" if b is None else str(b) for b in (x.start, x.stop, x.step))
    if isinstance(x, tuple):
        return f"({','.join(map(_word, x))}{',' * (len(x) == 1)})"
    if isinstance(x, list):
        return f"[{','.join(map(_word, x))}]"
    if isinstance(x, np.ndarray):
        return f"{x.dtype}{x.shape if not x.size else x.tolist()}".replace(" ", "")
    return "..." if x is Ellipsis else getattr(x, "__name__", str(x))


def name_of(target: Any) -> str:
    """What a key of the table of NumPy functions is called: `exp`, `add.reduce`, `linalg.outer`."""
    if isinstance(target, tuple):
        return f"{target[0].__name__}.{target[1]}"
    module = getattr(target, "__module__", None) or "numpy"
    # NumPy before 2.2 tells where emath is kept.
    module = module.replace("numpy.lib._scimath_impl", "numpy.lib.scimath")
    inside = module.removeprefix("numpy").strip(".")
    return f"{inside}.{target.__name__}" if inside else target.__name__


def public(primitive: Primitive) -> Callable[..., Any]:
    """The function that was generated for an operation."""
    module = inspect.getmodule(primitive.definition)
    return getattr(module, primitive.definition.__name__)


def _numpy_functions(primitive: Primitive) -> dict[str, Any]:
    return {name_of(key): key for key, f in NUMPY.items() if _primitive(f) is primitive}


def _primitive(function: Callable[..., Any]) -> Primitive | None:
    return getattr(function, "primitive", None)


def _twins(functions: dict[str, Any], s: Sample) -> dict[str, Callable[..., Any]]:
    """Those of the NumPy functions that take the sample's arguments."""
    found = {}
    for name, function in functions.items():
        if not isinstance(function, tuple):
            if _accepts(function, s):
                found[name] = function
        elif function[1] == "reduce":
            # A ufunc's method reduces axis 0 if it is not told, a function all of them.
            reduce = function[0].reduce
            found[name] = lambda *a, f=reduce, axis=None, **k: f(*a, axis=axis, **k)
        elif "axis" in s.kwargs:
            found[name] = getattr(*function)
    return found


def _accepts(function: Callable[..., Any], s: Sample) -> bool:
    try:
        inspect.signature(function).bind(*s.args, **s.kwargs)
    except TypeError:
        return False
    except ValueError:  # it does not tell
        return True
    return True


def _generic(primitive: Primitive) -> list[Sample]:
    """Samples for an operation that works element by element."""
    names = primitive.operands
    shapes = [(shape,) for shape in UNARY] if len(names) == 1 else BINARY
    return [
        sample(
            *[
                shape if name in primitive.differentiable else _small_integers(shape)
                for name, shape in zip(names, together, strict=True)
            ]
        )
        for together in shapes
    ]


def _small_integers(shape: tuple[int, ...]) -> Any:
    """What an operand without a derivative gets: the exponents of ldexp."""
    return np.arange(math.prod(shape)).reshape(shape) % 3


def _cases() -> Iterator[Case]:
    for primitive in OPERATIONS.values():
        functions = _numpy_functions(primitive)
        plain = [f for f in functions.values() if not isinstance(f, tuple)]
        name = primitive.definition.__name__
        for s in primitive.samples or (_generic(primitive) if primitive.broadcasts else ()):
            yield Case(
                name,
                public(primitive),
                s,
                _places(s, primitive),
                domain=primitive.domain,
                reference=FORMULAS.get(name) or (plain[0] if plain else None),
                twins=_twins(functions, s),
            )
    named = {name_of(target): (target, ours) for target, ours in NUMPY.items()}
    for name, (positions, samples) in DERIVED.items():
        if name not in named:
            continue  # NumPy is too old to have it
        function, ours = named[name]
        for s in samples:
            places = [place for i in positions for place in _at(name, s, i)]
            twins = {f"tg.{ours.__name__}": ours}
            domain = {name: DOMAINS[name]} if name in DOMAINS else {}
            reference = LATER.get(name, function)
            yield Case(
                f"np.{name}", function, s, places, domain=domain, reference=reference, twins=twins
            )


# Operations of the package; others are declared by tests.
OPERATIONS = {
    name: p for name, p in REGISTRY.items() if p.definition.__module__.startswith("tinygraph.")
}
CASES = list(_cases())


# Asking for them


def one_each(cases: Sequence[Case]) -> list[Case]:
    """For each operation its first case."""
    return list({case.name: case for case in reversed(cases)}.values())[::-1]


def every(cases: Sequence[Case]) -> Any:
    """A test of each case: one for all cases of an operation."""
    return batched("case", cases, by=lambda case: case.name)


def with_dtypes(cases: Sequence[Case]) -> Any:
    """float64, float32, and for several operands both of them, in both orders."""
    single, double = np.float32, np.float64
    return batched(
        "case, dtypes",
        [
            (case, [*itertools.islice(itertools.cycle(own), n)])
            for case in cases
            for n in [len(case.places)]
            for own in ([double], [single], [single, double], [double, single])
            if len(own) <= max(n, 1)
        ],
        by=lambda case, _: case.name,
    )


def is_real(y: Any) -> bool:
    return bool(y.dtype.kind == "f")


def variables(arrays: Sequence[Any]) -> list[tg.Tensor]:
    return [tg.Variable(x) for x in arrays]


def cotangents(case: Case, outputs: Sequence[Any]) -> list[Any]:
    """Random ones for the outputs that have a derivative; away from 0, so that nothing hides."""
    rng = case.random()
    return [
        np.asarray(rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1, 1], y.shape), y.dtype)
        for y in outputs
        if is_real(y)
    ]


def gradients(outputs: Any, inputs: Any, cts: Any, *, create_graph: bool = False) -> list[Any]:
    """Of the tracked outputs; zeros where an input does not matter."""
    tracked = [(y, ct) for y, ct in zip(filter(is_real, outputs), cts, strict=True) if y.node]
    found = tg.gradients(
        [y for y, _ in tracked], inputs, [ct for _, ct in tracked], create_graph=create_graph
    )
    return [
        tg.tensor(np.zeros_like(x.value)) if g is None else g
        for g, x in zip(found, inputs, strict=True)
    ]


def gradient_arrays(case: Case, arrays: Sequence[Any]) -> list[Any]:
    """The gradients of a case at these arrays, all tracked."""
    inputs = variables(arrays)
    outputs = case(*inputs)
    return [g.numpy() for g in gradients(outputs, inputs, cotangents(case, outputs))]


def assert_close(found: Any, wanted: Any, given: Sequence[Any] = ()) -> None:
    """Equal but for rounding: that of the coarsest dtype among what is found and what was given.

    A few dozen times that of the largest number, and once more for each element given.
    """
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape
    eps = max([np.finfo(x.dtype).eps for x in [found, *given] if is_real(x)], default=0)
    count = 32 + sum(x.size for x in given)
    largest = max(1.0, np.abs(wanted).max(initial=0))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=count * eps * largest)
