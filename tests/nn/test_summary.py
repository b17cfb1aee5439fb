"""Module.summary: the table, and that asking for it changes nothing."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.errors import ArgumentError, ShapeError


def model():
    return nn.Sequential(
        nn.Dense(784, 128, "relu", bias=False),
        nn.BatchNorm(128),
        nn.Dropout(0.2),
        nn.Sequential(nn.Dense(128, 10), nn.GELU()),
    )


def test_counts_and_shapes():
    summary = model().freeze("3").summary(784)
    found = {row.path: (row.kind, row.outputs, row.parameters) for row in summary.rows}
    assert found == {
        "": ("Sequential", ((1, 10),), 0),
        "0": ("Dense", ((1, 128),), 784 * 128),
        "1": ("BatchNorm", ((1, 128),), 2 * 128),
        "2": ("Dropout", ((1, 128),), 0),
        "3": ("Sequential", ((1, 10),), 0),
        "3.0": ("Dense", ((1, 10),), 128 * 10 + 10),
        "3.1": ("GELU", ((1, 10),), 0),
    }
    trainable, frozen = 784 * 128 + 2 * 128, 128 * 10 + 10
    assert (summary.trainable, summary.frozen) == (trainable, frozen)
    assert summary.parameters == trainable + frozen
    assert summary.buffers == 2 * 128
    assert summary.bytes == 4 * (trainable + frozen + 2 * 128)


def test_the_table():
    layers = nn.Sequential(nn.Dense(784, 128, "relu"), nn.Sequential(nn.Dropout(0.5)))
    assert str(layers.summary((784,), batch=64)) == (
        "input: (64, 784) float32\n"
        "module   type        output     parameters\n"
        "──────────────────────────────────────────\n"
        "(model)  Sequential  (64, 128)           0\n"
        "0        Dense       (64, 128)     100,480\n"
        "1        Sequential  (64, 128)           0\n"
        "  1.0    Dropout     (64, 128)           0\n"
        "──────────────────────────────────────────\n"
        "parameters: 100,480; 401,920 bytes"
    )
    summary = model().freeze("0").summary(784)
    assert repr(summary) == str(summary)
    assert "of which 1,546 trainable and 100,352 frozen; buffers: 256; " in str(summary)


class Tied(nn.Module):
    """One layer called twice, one weight in two layers, one layer not called."""

    def __init__(self):
        super().__init__()
        self.first = nn.Dense(5, 5)
        self.second = nn.Dense(5, 5)
        self.second.weight = self.first.weight
        self.unused = nn.Dense(2, 2)

    def forward(self, x):
        return self.second(self.first(self.first(x)))


def test_shared_parameters_count_once():
    summary = Tied().summary(5)
    _, first, second, unused = summary.rows
    assert (first.parameters, first.shared, first.calls) == (30, 0, 2)
    assert (second.parameters, second.shared, second.calls) == (5, 25, 1)
    assert (unused.parameters, unused.outputs, unused.calls) == (6, (), 0)
    assert summary.parameters == 30 + 5 + 6
    text = str(summary)
    assert "(1, 5) × 2" in text
    assert "and 25 shared" in text
    assert "not called" in text


class Two(nn.Module):
    """Several inputs and outputs, of which one are integers."""

    def __init__(self):
        super().__init__()
        self.table = tg.tensor(np.ones((7, 3)), requires_grad=True)

    def forward(self, x, ids):
        assert (x.dtype, ids.dtype) == (np.float64, np.int64)
        return x, {"rows": [self.table[ids], (x,)]}


@pytest.mark.parametrize("shapes", [((4, 2), 5), ((4, 2), (5,)), ([(4, 2), (5,)],)])
def test_several_inputs_and_outputs(shapes):
    summary = Two().summary(*shapes, dtype=[np.float64, np.int64], batch=2)
    assert summary.inputs == ("(2, 4, 2) float64", "(2, 5) int64")
    assert summary.rows[0].outputs == ((2, 4, 2), (2, 5, 3), (2, 4, 2))


@pytest.mark.parametrize(
    ("shape", "batch", "whole"),
    [((), 3, (3,)), ([2, 3], 1, (1, 2, 3)), ((4, 2), None, (4, 2)), ((), None, ())],
)
def test_the_axis_of_the_batch(shape, batch, whole):
    assert nn.ReLU().summary(shape, batch=batch).rows[0].outputs == (whole,)


class Restless(nn.Module):
    """Changes all it has whenever it is called."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", np.zeros(()))
        self.register_buffer("total", np.zeros(2))
        self.rng = np.random.default_rng(0)
        self.last = None
        self.fails = False

    def forward(self, x):
        self.calls = self.calls + 1
        self.total += 1
        self.last = x + self.rng.random() + nn.default_generator().random()
        self.new = 1
        if self.fails:
            raise ValueError("as asked")
        return self.last


@pytest.mark.parametrize("fails", [False, True])
def test_it_leaves_everything_as_it_was(fails):
    part = Restless()
    both = nn.Sequential(part, nn.Dropout(0.5), nn.BatchNorm(3))
    both[1].eval()
    part.fails = fails
    part.total[...] = 5
    total, attributes = part.total, list(vars(part))
    states = [part.rng, both[1].generator, nn.default_generator()]
    before = [str(generator.bit_generator.state) for generator in states]
    if fails:
        with pytest.raises(ValueError, match="as asked"):
            both.summary(3)
    else:
        both.summary(3)
    assert [module.training for module in both.modules()] == [True, True, False, True]
    assert [str(generator.bit_generator.state) for generator in states] == before
    assert part.calls == 0
    assert part.total is total
    np.testing.assert_array_equal(total, 5)
    np.testing.assert_array_equal(both[2].running_var, 1)
    assert part.last is None
    assert list(vars(part)) == attributes
    # And no hooks are left.
    seen = []
    with both.register_forward_hook(lambda module, args, output: seen.append(module)):
        part.fails = False
        both(np.ones((2, 3)))
    assert seen == [both]


def test_it_runs_in_evaluation_and_without_recording():
    class Watching(nn.Module):
        def forward(self, x):
            assert not self.training
            return tg.Variable(1.0) * x

    seen = []
    watching = Watching()
    with watching.register_forward_hook(lambda module, args, output: seen.append(output)):
        watching.summary(3)
    assert not seen[0].requires_grad


def test_a_failing_layer_is_named():
    layers = nn.Sequential(nn.Dense(4, 3), nn.Sequential(nn.ReLU(), nn.Dense(2, 1)))
    with pytest.raises(ShapeError) as caught:
        layers.summary((4,), batch=6)
    notes = "\n".join(caught.value.__notes__)
    assert "Sequential.summary: in '1.1', Dense(2, 1), given input of shape (6, 3)" in notes
    assert "a single example; the axis of 6 in front" in notes


@pytest.mark.parametrize(
    ("given", "settings", "words"),
    [
        ((), {}, "needs the shape of an example"),
        (((None, 4),), {}, r"\(None, 4\).*without the batch's"),
        (((-1, 4),), {}, "without the batch's"),
        ((4.0,), {}, "4.0"),
        ((np.ones((3, 4)),), {}, r"an array of shape \(3, 4\)"),
        (((4,),), {"batch": 0}, "batch is 0"),
        (((4,),), {"batch": (2, 3)}, "batch"),
        (((4,),), {"dtype": ["f4", "i8"]}, "2 dtypes for 1 inputs"),
    ],
)
def test_refused_shapes(given, settings, words):
    with pytest.raises(ArgumentError, match=f"Dense.summary: .*{words}"):
        nn.Dense(4, 2).summary(*given, **settings)
