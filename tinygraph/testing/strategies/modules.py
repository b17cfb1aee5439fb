"""Random small networks, each with its input: layers that fit one another."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from ...errors import ArgumentError

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

# Activations by name; None is the identity. In order of simplicity, which shrinking follows.
SMOOTH = (None, "tanh", "sigmoid", "softplus", "gelu", "silu")
KINKED = ("relu", "leaky_relu")
KINDS = ("dense", "convolution", "recurrent", "attention")
SEEDED = frozenset({"Dense", "Conv1D", "Conv2D", "RNN", "GRU", "LSTM", "TransformerBlock"})
TYPED = SEEDED | {"LayerNorm", "BatchNorm", "GroupNorm"}


class LayerConfig(NamedTuple):
    """A call of a layer's class: its name in `nn`, and its arguments."""

    name: str
    args: tuple[Any, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()

    def code(self, dtype: np.dtype[Any] | None = None) -> str:
        """The call; with a dtype, complete with it and a generator where the layer takes them."""
        words = [*map(repr, self.args), *(f"{k}={v!r}" for k, v in self.options)]
        if dtype is not None and self.name in TYPED:
            words.append(f"dtype=np.{dtype}")
        if dtype is not None and self.name in SEEDED:
            words.append("generator=generator")
        module = "operator" if self == FIRST else "nn"
        return f"{module}.{self.name}({', '.join(words)})"


FIRST = LayerConfig("itemgetter", (0,))  # of what a recurrent layer returns


@dataclass(frozen=True, repr=False)
class ModuleConfig:
    """A network that was drawn: `config.build()` makes it, `config.code` is its code.

    layers: the calls that make its layers.
    input_shape: of an input, the batch in front.
    dtype: of parameters and inputs.
    seed: where the initial values are drawn from.
    """

    layers: tuple[LayerConfig, ...]
    input_shape: tuple[int, ...]
    dtype: np.dtype[Any]
    seed: int

    def build(self) -> Any:
        """A new `nn.Sequential` with its initial values: the same ones each time."""
        nn = import_module("tinygraph.nn")  # which stands on this package, so not at the top
        generator = np.random.default_rng(self.seed)
        made = []
        for name, args, options in self.layers:
            own = dict(options)
            if name in TYPED:
                own["dtype"] = self.dtype
            if name in SEEDED:
                own["generator"] = generator
            module: Any = operator if name == FIRST.name else nn
            made.append(getattr(module, name)(*args, **own))
        return nn.Sequential(*made)

    def inputs(self, seed: int = 0) -> NDArray[Any]:
        """Standard normal numbers of the input's shape and dtype."""
        drawn = np.random.default_rng(seed).standard_normal(self.input_shape)
        return drawn.astype(self.dtype)

    @property
    def code(self) -> str:
        """A program that makes the network as `model`, and an input for it as `x`."""
        lines = [
            *(["import operator", ""] if FIRST in self.layers else []),
            "import numpy as np",
            "from tinygraph import nn",
            "",
            f"generator = np.random.default_rng({self.seed})",
            "model = nn.Sequential(",
            *(f"    {layer.code(self.dtype)}," for layer in self.layers),
            ")",
            f"x = np.random.default_rng(0).standard_normal({self.input_shape})",
        ]
        if self.dtype != np.float64:
            lines[-1] += f".astype(np.{self.dtype})"
        return "\n".join(lines)

    def __repr__(self) -> str:
        layers = ", ".join(layer.code() for layer in self.layers)
        return f"<{layers}; input {self.input_shape}, {self.dtype}, seed {self.seed}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        # Else Hypothesis writes the fields out.
        printer.text(repr(self))


def module_configs(
    *,
    kinds: Iterable[str] = KINDS,
    max_layers: int = 3,
    smooth: bool = True,
    dtype: DTypeLike = np.float64,
) -> st.SearchStrategy[ModuleConfig]:
    """Networks of a few layers with a few units, in float64 so that differences are sharp.

    kinds: "dense" (Dense, LayerNorm, BatchNorm), "convolution" (Conv1D or Conv2D, GroupNorm,
        pooling, then Dense), "recurrent" (RNN, GRU, LSTM) and "attention" (TransformerBlock).
    smooth: without relu, leaky_relu and MaxPool2D, whose kinks differences stumble over.
    Nothing random is in them: no dropout.
    Shrinks towards one Dense(1, 1) without activation, a batch of 1, seed 0.
    Raises ArgumentError for another kind.

    >>> @given(module_configs())
    ... def test_gradients(config):
    ...     model, x = config.build(), config.inputs()
    ...     tg.testing.gradient_check(lambda: (model(x) ** 2).mean(), model.parameters())
    """
    wanted = tuple(kinds)
    for kind in wanted:
        if kind not in KINDS:
            raise ArgumentError(f"module_configs: kind {kind!r}; there are {', '.join(KINDS)}")
    if max_layers < 1:
        raise ArgumentError(f"module_configs: max_layers={max_layers}; it needs 1 or more")
    chosen = tuple(kind for kind in KINDS if kind in wanted)
    return _configs(chosen, max_layers, SMOOTH if smooth else SMOOTH + KINKED, np.dtype(dtype))


@st.composite
def _configs(
    draw: st.DrawFn,
    kinds: tuple[str, ...],
    max_layers: int,
    activations: tuple[str | None, ...],
    dtype: np.dtype[Any],
) -> ModuleConfig:
    kind = draw(st.sampled_from(kinds))
    parts = {
        "dense": _dense, "convolution": _convolution, "recurrent": _recurrent,
        "attention": _attention,
    }  # fmt: skip
    count = draw(st.integers(1, max_layers))
    shape, layers = parts[kind](draw, count, activations)
    # What BatchNorm makes of one example is 0, of two −1 and 1.
    fewest = 3 if any(layer.name == "BatchNorm" for layer in layers) else 1
    batch = draw(st.integers(fewest, 4))
    seed = draw(st.integers(0, 2**16))
    return ModuleConfig(tuple(layers), (batch, *shape), dtype, seed)


_Part = tuple[tuple[int, ...], list[LayerConfig]]


def _dense(draw: st.DrawFn, count: int, activations: tuple[str | None, ...]) -> _Part:
    units = st.integers(1, 4)
    first = inputs = draw(units)
    layers = []
    for _ in range(count):
        outputs = draw(units)
        layers.append(LayerConfig("Dense", (inputs, outputs, draw(st.sampled_from(activations)))))
        norm = draw(st.sampled_from([None, None, None, "LayerNorm", "BatchNorm"]))
        if norm is not None:
            layers.append(LayerConfig(norm, (outputs,)))
        inputs = outputs
    return (first,), layers


def _convolution(draw: st.DrawFn, count: int, activations: tuple[str | None, ...]) -> _Part:
    """Images keep their size through "same" padding, until they are pooled and flattened."""
    axes = draw(st.sampled_from([2, 1]))
    size = draw(st.integers(2, 4))
    first = channels = draw(st.integers(1, 2))
    layers = []
    for _ in range(min(count, 2)):
        outputs = draw(st.integers(1, 3))
        options = (("padding", "same"), ("activation", draw(st.sampled_from(activations))))
        kernel = draw(st.integers(1, 3))
        layers.append(LayerConfig(f"Conv{axes}D", (channels, outputs, kernel), options))
        if draw(st.booleans()):
            layers.append(LayerConfig("GroupNorm", (1, outputs)))
        channels = outputs
    pools = ["Avg", "Max"] if set(KINKED) & set(activations) else ["Avg"]
    left = size
    if draw(st.booleans()):
        layers.append(LayerConfig(f"{draw(st.sampled_from(pools))}Pool{axes}D", (2,)))
        left //= 2
    layers.append(LayerConfig("Flatten"))
    layers.append(LayerConfig("Dense", (channels * left**axes, draw(st.integers(1, 3)))))
    return (first, *[size] * axes), layers


def _recurrent(draw: st.DrawFn, count: int, activations: tuple[str | None, ...]) -> _Part:
    """Over sequences; of (outputs, state) the outputs go on."""
    steps, inputs, features = (draw(st.integers(1, 3)) for _ in range(3))
    cell = draw(st.sampled_from(["RNN", "GRU", "LSTM"]))
    both = draw(st.booleans())
    layer = LayerConfig(cell, (inputs, features, min(count, 2)), (("bidirectional", both),))
    outputs = features * (2 if both else 1)
    dense = LayerConfig("Dense", (outputs, draw(st.integers(1, 3))))
    return (steps, inputs), [layer, FIRST, dense]


def _attention(draw: st.DrawFn, count: int, activations: tuple[str | None, ...]) -> _Part:
    steps, heads = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    features = heads * draw(st.integers(1, 2))
    options = (("causal", draw(st.booleans())), ("norm_first", draw(st.booleans())))
    block = LayerConfig("TransformerBlock", (features, heads, draw(st.integers(1, 4))), options)
    return (steps, features), [block] * min(count, 2)
