"""Recurrent layers: their formulas, written out; lengths and masks; and what they refuse."""

import itertools

import numpy as np
import pytest
from layer_gradients import assert_layer_gradients, flattened

import tinygraph as tg
from tinygraph import nn, optim
from tinygraph.nn.gru import gru_step
from tinygraph.nn.lstm import lstm_step
from tinygraph.nn.rnn import rnn_step

LAYERS = {"RNN": nn.RNN, "GRU": nn.GRU, "LSTM": nn.LSTM}
CELLS = {"RNN": nn.RNNCell, "GRU": nn.GRUCell, "LSTM": nn.LSTMCell}
every_layer = pytest.mark.parametrize("name", LAYERS)


def sigma(z):
    return 1 / (1 + np.exp(-z))


def written_out(cell, x, h, c):
    """One step of a cell, from its docstring, in NumPy."""
    w, v = cell.input_weight.numpy(), cell.recurrent_weight.numpy()
    n = h.shape[1]
    z = x @ w + (0 if cell.bias is None else cell.bias.numpy())
    if isinstance(cell, nn.RNNCell):
        return np.tanh(z + h @ v), c
    if isinstance(cell, nn.GRUCell):
        inner = h @ v[:, 2 * n :]
        if cell.recurrent_bias is not None:
            inner = inner + cell.recurrent_bias.numpy()
        r = sigma(z[:, :n] + h @ v[:, :n])
        u = sigma(z[:, n : 2 * n] + h @ v[:, n : 2 * n])
        candidate = np.tanh(z[:, 2 * n :] + r * inner)
        return (1 - u) * candidate + u * h, c
    i, f, g, o = np.split(z + h @ v, 4, axis=1)
    c = sigma(f) * c + sigma(i) * np.tanh(g)
    return sigma(o) * np.tanh(c), c


def in_float64(layer, seed=3):
    """The layer's parameters, biases too, drawn anew."""
    rng = np.random.default_rng(seed)
    for p in layer.parameters():
        p.assign(rng.normal(0, 0.6, p.shape))
    return layer


def made(name, *args, **kwargs):
    return in_float64(LAYERS[name](*args, dtype=np.float64, **kwargs))


def arrays(result):
    return [y.detach().numpy() for y in flattened(result)]


def random(*shape):
    return np.random.default_rng(1).normal(size=shape)


# Values


@pytest.mark.parametrize("bias", [True, False])
@every_layer
def test_is_its_formula(name, bias):
    layer = made(name, 3, 4, bias=bias)
    x = random(2, 5, 3)
    h = c = np.zeros((2, 4))
    steps = []
    for t in range(5):
        h, c = written_out(layer.cells[0], x[:, t], h, c)
        steps.append(h)
    outputs, *state = arrays(layer(x))
    np.testing.assert_allclose(outputs, np.stack(steps, axis=1), rtol=0, atol=1e-14)
    for found, wanted in zip(state, [h, c][: len(state)], strict=True):
        np.testing.assert_allclose(found, wanted[np.newaxis], rtol=0, atol=1e-14)


@every_layer
def test_layers_run_over_the_outputs_of_the_one_below(name):
    layer = made(name, 3, 4, 2)
    x = random(2, 5, 3)
    below, above = made(name, 3, 4), made(name, 4, 4)
    below.cells[0], above.cells[0] = layer.cells
    middle, *first = arrays(below(x))
    top, *second = arrays(above(middle))
    outputs, *state = arrays(layer(x))
    np.testing.assert_array_equal(outputs, top)
    for found, *wanted in zip(state, first, second, strict=True):
        np.testing.assert_array_equal(found, np.concatenate(wanted))


@every_layer
def test_the_second_direction_is_the_first_on_the_reversed_sequence(name):
    layer = made(name, 3, 4, bidirectional=True)
    x = random(2, 5, 3)
    there, back = made(name, 3, 4), made(name, 3, 4)
    there.cells[0], back.cells[0] = layer.cells
    forth, *first = arrays(there(x))
    reverse, *second = arrays(back(x[:, ::-1]))
    outputs, *state = arrays(layer(x))
    np.testing.assert_allclose(outputs, np.concatenate([forth, reverse[:, ::-1]], -1), atol=1e-15)
    for found, *wanted in zip(state, first, second, strict=True):
        np.testing.assert_allclose(found, np.concatenate(wanted), atol=1e-15)


@every_layer
def test_cell_in_a_loop_is_the_layer(name):
    layer = made(name, 3, 4)
    cell, x, state = layer.cells[0], random(2, 5, 3), None
    for t in range(5):
        state = cell(x[:, t], state)
    last = layer(x)[1]
    for mine, whole in zip(flattened(state), flattened(last), strict=True):
        np.testing.assert_allclose(mine.detach().numpy(), whole.detach().numpy()[0], atol=1e-15)


@every_layer
def test_a_sequence_in_two_halves_is_the_whole(name):
    layer = made(name, 3, 4, 2, bidirectional=False)
    x = random(2, 6, 3)
    outputs, *state = arrays(layer(x))
    early, between = layer(x[:, :2])
    late, *last = arrays(layer(x[:, 2:], between))
    halves = np.concatenate([early.detach().numpy(), late], axis=1)
    np.testing.assert_allclose(halves, outputs, rtol=0, atol=1e-15)
    np.testing.assert_allclose(last, state, rtol=0, atol=1e-15)


@pytest.mark.parametrize("activation", ["relu", "sigmoid", tg.tanh, None, nn.ReLU()])
def test_activations_of_the_simple_network(activation):
    layer = in_float64(nn.RNN(3, 4, activation=activation, dtype=np.float64))
    cell, x, h = layer.cells[0], random(2, 3, 3), np.zeros((2, 4))
    g = {"relu": lambda z: np.maximum(z, 0), "sigmoid": sigma, tg.tanh: np.tanh, None: lambda z: z}
    function = g.get(activation, g["relu"])
    for t in range(3):
        z = x[:, t] @ cell.input_weight.numpy() + h @ cell.recurrent_weight.numpy()
        h = function(z + cell.bias.numpy())
    np.testing.assert_allclose(arrays(layer(x))[1][0], h, rtol=0, atol=1e-13)
    short = arrays(layer(x, lengths=[1, 3]))
    np.testing.assert_array_equal(short[1][0][1], arrays(layer(x))[1][0][1])
    np.testing.assert_array_equal(short[1][0][0], arrays(layer(x[:, :1]))[1][0][0])


# Sequences of several lengths


LENGTHS = [3, 0, 5, 1]


@pytest.mark.parametrize("bidirectional", [False, True])
@every_layer
def test_each_example_is_run_to_its_own_end(name, bidirectional):
    layer = made(name, 3, 4, 2, bidirectional=bidirectional)
    x = random(4, 5, 3)
    begun = tuple(random(len(layer.cells), 4, 4) for _ in layer.cells[0].carried)
    begun = begun if len(begun) > 1 else begun[0]
    outputs, *state = arrays(layer(x, begun, lengths=LENGTHS))
    for k, length in enumerate(LENGTHS):
        np.testing.assert_array_equal(outputs[k, length:], 0)
        own = tuple(h[:, k : k + 1] for h in flattened(begun))
        wanted = own
        if length:
            alone = layer(x[k : k + 1, :length], own if len(own) > 1 else own[0])
            np.testing.assert_allclose(
                outputs[k, :length], arrays(alone[0])[0][0], rtol=0, atol=1e-15
            )
            wanted = arrays(alone[1])
        for found, expected in zip(state, wanted, strict=True):
            np.testing.assert_allclose(found[:, k : k + 1], expected, rtol=0, atol=1e-15)


@every_layer
def test_lengths_are_a_mask(name):
    layer, x = made(name, 3, 4), random(4, 5, 3)
    mask = np.arange(5) < np.array(LENGTHS)[:, np.newaxis]
    wanted = arrays(layer(x, lengths=LENGTHS))
    for found in (layer(x, mask=mask), layer(x, mask=tg.tensor(mask))):
        np.testing.assert_equal(arrays(found), wanted)
    np.testing.assert_equal(arrays(layer(x, lengths=[5] * 4)), arrays(layer(x)))


@every_layer
def test_a_mask_may_have_holes(name):
    layer, x = made(name, 3, 4), random(1, 5, 3)
    mask = np.array([[True, False, True, True, False]])
    outputs, *state = arrays(layer(x, mask=mask))
    wanted, *last = arrays(layer(x[mask][np.newaxis]))
    np.testing.assert_allclose(outputs[mask], wanted[0], rtol=0, atol=1e-15)
    np.testing.assert_array_equal(outputs[~mask], 0)
    np.testing.assert_allclose(state, last, rtol=0, atol=1e-15)


@every_layer
def test_padding_may_be_anything_even_nan(name):
    layer, x = made(name, 3, 4, 2), random(4, 5, 3)
    padding = np.arange(5) >= np.array(LENGTHS)[:, np.newaxis]
    results = []
    for filler in (0.0, np.nan):
        given = tg.Variable(np.where(padding[..., np.newaxis], filler, x))
        outputs = flattened(layer(given, lengths=LENGTHS))
        leaves = [given, *layer.parameters()]
        grads = tg.gradients(outputs, leaves, [np.ones(y.shape) for y in outputs])
        results.append([y.detach().numpy() for y in (*outputs, *grads)])
        np.testing.assert_array_equal(grads[0].numpy()[padding], 0)
    np.testing.assert_equal(*results)


# Gradients


@every_layer
def test_gradients(name):
    assert_layer_gradients(LAYERS[name](2, 2, dtype=np.float64), [random(2, 3, 2)])


@every_layer
def test_gradients_with_lengths_states_layers_and_directions(name):
    layer = LAYERS[name](1, 1, 2, bidirectional=True, dtype=np.float64)
    parts = [random(4, 2, 1) + k for k in range(len(layer.cells[0].carried))]

    def call(x, *state):
        return layer(x, state if len(state) > 1 else state[0], lengths=[3, 1])

    assert_layer_gradients(layer, [random(2, 3, 1), *parts], call)


@every_layer
def test_gradients_of_a_cell(name):
    assert_layer_gradients(CELLS[name](2, 3, dtype=np.float64), [random(2, 2)])


def test_only_the_memory_of_a_cell_is_used():
    """Outputs that nothing uses have a cotangent of 0."""
    cell = nn.LSTMCell(2, 2, dtype=np.float64)
    for k in (0, 1):
        assert_layer_gradients(cell, [random(2, 2)], lambda x, k=k: cell(cell(x)[1])[k])


@every_layer
def test_frozen_recurrent_weight_and_constant_state(name):
    layer, x = made(name, 3, 4), tg.Variable(random(2, 5, 3))
    wanted = tg.gradients(layer(x)[0].sum(), [x])[0].numpy()
    layer.cells[0].recurrent_weight.requires_grad = False
    layer(x)[0].sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), wanted)
    assert layer.cells[0].recurrent_weight.grad is None


# Dtypes, parameters, training


@every_layer
def test_float32_stays_float32(name):
    layer = LAYERS[name](3, 4, 2, bidirectional=True)
    x = tg.Variable(random(2, 5, 3).astype(np.float32))
    for lengths in (None, [2, 5]):
        outputs = flattened(layer(x, lengths=lengths))
        sum(y.sum() for y in outputs).backward()
        assert {y.dtype for y in outputs} == {np.dtype(np.float32)}
        for leaf in (x, *layer.parameters()):
            assert (leaf.grad.dtype, leaf.grad.shape) == (leaf.dtype, leaf.shape)
    assert {y.dtype for y in flattened(layer(random(2, 5, 3)))} == {np.dtype(np.float64)}


@pytest.mark.parametrize(("name", "gates"), [("RNN", 1), ("GRU", 3), ("LSTM", 4)])
def test_parameters(name, gates):
    layer = LAYERS[name](3, 4, 2)
    shapes = {path: p.shape for path, p in layer.named_parameters()}
    own = {"recurrent_bias": (4,)} if name == "GRU" else {}
    assert shapes == {
        f"cells.{k}.{path}": shape
        for k, inputs in enumerate((3, 4))
        for path, shape in {
            "input_weight": (inputs, gates * 4),
            "recurrent_weight": (4, gates * 4),
            "bias": (gates * 4,),
            **own,
        }.items()
    }
    assert all(p.dtype == np.float32 for p in layer.parameters())
    assert not any("bias" in path for path, _ in LAYERS[name](3, 4, bias=False).named_parameters())


def test_the_forget_gate_begins_open():
    layer = nn.LSTM(2, 3)
    np.testing.assert_array_equal(layer.cells[0].bias.numpy(), [0] * 3 + [1] * 3 + [0] * 6)
    assert not nn.LSTM(2, 3, forget_bias=0).cells[0].bias.numpy().any()


@every_layer
def test_each_gate_is_begun_on_its_own(name):
    seen = []

    def initializer(shape, generator):
        seen.append(shape)
        return np.full(shape, len(seen))

    layer = LAYERS[name](3, 2, initializer=initializer, recurrent_initializer="zeros")
    gates = layer.cells[0].gates
    assert seen == [(3, 2)] * gates
    np.testing.assert_array_equal(
        layer.cells[0].input_weight.numpy()[0], np.repeat(np.arange(1, gates + 1), 2)
    )
    assert not layer.cells[0].recurrent_weight.numpy().any()


@every_layer
def test_reproducible_by_seed(name):
    one, same, other = (LAYERS[name](3, 4, 2, generator=seed) for seed in (0, 0, 1))
    states = [layer.state_dict() for layer in (one, same, other)]
    np.testing.assert_equal(states[0], states[1])
    assert (states[0]["cells.0.input_weight"] != states[2]["cells.0.input_weight"]).all()
    other.load_state_dict(states[0])
    x = random(2, 5, 3)
    np.testing.assert_equal(arrays(other(x)), arrays(one(x)))


@every_layer
def test_dropout_acts_between_layers_in_training(name):
    layer = made(name, 3, 4, 2, dropout=0.5, generator=0)
    without = made(name, 3, 4, 2)
    x = random(2, 5, 3)
    first, second = (arrays(layer(x)) for _ in range(2))
    assert (first[0] != second[0]).any()
    np.testing.assert_array_equal(first[1][0], second[1][0])  # the state of the layer below
    np.testing.assert_equal(arrays(layer.eval()(x)), arrays(without(x)))


@every_layer
def test_one_node_per_time_step(name):
    outputs, _ = LAYERS[name](3, 4)(random(2, 7, 3))
    labels = [node.label for node in tg.graph(outputs).nodes]
    assert labels.count(name) == 7


@every_layer
def test_nothing_is_recorded_without_grad(name):
    with tg.no_grad():
        assert not any(y.requires_grad for y in flattened(LAYERS[name](3, 4)(random(2, 5, 3))))


@every_layer
def test_learns_to_tell_what_came_first(name):
    """The class is the sign of the first input, eight steps before the end."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 8, 1)).astype(np.float32)
    labels = (x[:, 0, 0] > 0).astype(int)
    layer, out = LAYERS[name](1, 8, generator=0), nn.Dense(8, 2, generator=0)
    optimizer = optim.Adam([*layer.parameters(), *out.parameters()], lr=0.03)
    for _ in range(80):
        last = layer(x)[0][:, -1]
        loss = nn.softmax_cross_entropy(out(last), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.35  # chance: log 2 = 0.69


# As text, and errors


def test_repr():
    text = repr(nn.LSTM(8, 16, 2, bidirectional=True))
    assert text.startswith("LSTM(8, 16, layers=2, bidirectional=True")
    assert "LSTMCell(32, 16)" in text
    assert repr(nn.GRUCell(8, 16, bias=False, dtype=np.float64)) == (
        "GRUCell(8, 16, bias=False, dtype=float64)"
    )


X = np.zeros((2, 5, 3), np.float32)
H = np.zeros((1, 2, 4), np.float32)
REFUSED = [
    (lambda n: LAYERS[n](3, 4)(X[0]), tg.ShapeError, ["(5, 3)", "(batch, time, 3)", "newaxis"]),
    (lambda n: LAYERS[n](3, 4)(X[:, :, :2]), tg.ShapeError, ["(2, 5, 2)", "2 features"]),
    (lambda n: LAYERS[n](5, 4)(X), tg.ShapeError, ["swapaxes(1, 2)"]),
    (lambda n: LAYERS[n](1, 4)(X[0]), tg.ShapeError, ["[:, :, np.newaxis]"]),
    (lambda n: LAYERS[n](3, 4)(np.zeros((2, 5), int)), tg.ShapeError, ["nn.Embedding"]),
    (lambda n: LAYERS[n](3, 4)([[1, 2], [3, 4]]), tg.ShapeError, ["(2, 2)"]),
    (lambda n: LAYERS[n](3, 4)(X[:, :0]), tg.ShapeError, ["no time steps"]),
    (lambda n: LAYERS[n](3, 4)(X, lengths=[5, 6]), tg.ArgumentError, ["lengths[1] is 6", "5"]),
    (lambda n: LAYERS[n](3, 4)(X, lengths=[-1, 6]), tg.ArgumentError, ["lengths[0] is -1"]),
    (lambda n: LAYERS[n](3, 4)(X, lengths=[5.0, 4]), tg.DTypeError, ["float64", "integers"]),
    (lambda n: LAYERS[n](3, 4)(X, lengths=[5]), tg.ShapeError, ["(1,)", "(2,)"]),
    (lambda n: LAYERS[n](3, 4)(X, lengths=5), tg.ShapeError, ["()", "(2,)"]),
    (lambda n: LAYERS[n](3, 4)(X, mask=[5, 4]), tg.DTypeError, ["int64", "lengths="]),
    (lambda n: LAYERS[n](3, 4)(X, mask=[True, False]), tg.ShapeError, ["(2,)", "(2, 5)"]),
    (lambda n: LAYERS[n](3, 4)(X, lengths=[1, 2], mask=[1]), tg.ArgumentError, ["one of them"]),
    (lambda n: LAYERS[n](3, 4, 2, dropout=1.0), tg.ArgumentError, ["dropout=1.0", "[0, 1)"]),
    (lambda n: LAYERS[n](3, 4, dropout=0.5), tg.ArgumentError, ["layers=2"]),
    (lambda n: LAYERS[n](3, 0), tg.ArgumentError, ["features=0"]),
    (lambda n: LAYERS[n](3, 4, 0), tg.ArgumentError, ["layers=0"]),
    (lambda n: LAYERS[n](3, 4, initializer="best"), tg.ArgumentError, ["'best'"]),
    (lambda n: LAYERS[n](3, 4, dtype=int), tg.DTypeError, ["int64"]),
    (lambda n: CELLS[n](3, 4)(X), tg.ShapeError, ["(2, 5, 3)", "(batch, 3)"]),
    (lambda n: CELLS[n](3, 4)(X[0, :, :2]), tg.ShapeError, ["(5, 2)", "3"]),
]


@pytest.mark.parametrize(("name", "case"), [*itertools.product(LAYERS, range(len(REFUSED)))])
def test_refused(name, case):
    call, error, words = REFUSED[case]
    with pytest.raises(error) as caught:
        call(name)
    for word in (name, *words):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nn.LSTM(3, 4)(X, H), tg.ArgumentError, ["LSTM", "(h, c)"]),
        (lambda: nn.LSTM(3, 4)(X, (H,)), tg.ArgumentError, ["tuple of 1", "(h, c)"]),
        (lambda: nn.LSTM(3, 4)(X, (H, H[0])), tg.ShapeError, ["c of shape (2, 4)", "(1, 2, 4)"]),
        (lambda: nn.GRU(3, 4)(X, (H, H)), tg.ArgumentError, ["GRU", "tuple", "h alone"]),
        (lambda: nn.GRU(3, 4)(X, H[0]), tg.ShapeError, ["(2, 4)", "(layers", "(1, 2, 4)"]),
        (lambda: nn.GRUCell(3, 4)(X[:, 0], H), tg.ShapeError, ["(1, 2, 4)", "(2, 4)"]),
        (lambda: nn.LSTMCell(3, 4)(X[:, 0], H[0]), tg.ArgumentError, ["(h, c)"]),
        (lambda: nn.LSTM(3, 4, forget_bias="1"), tg.ArgumentError, ["forget_bias='1'"]),
        (lambda: nn.RNN(3, 4, activation="tan"), tg.ArgumentError, ["'tan'", "'tanh'"]),
        (lambda: nn.RNN(3, 4)(X + 0j), tg.DTypeError, ["complex"]),
        (lambda: nn.Dense(4, 2)(nn.GRU(3, 4)(X)), tg.ArgumentError, ["Dense", "[0]"]),
        (lambda: nn.LayerNorm(4)(nn.LSTM(3, 4)(X)), tg.ArgumentError, ["LayerNorm", "[0]"]),
        (lambda: nn.GRU(3, 4)(nn.GRU(3, 3)(X)), tg.ArgumentError, ["GRU", "[0]"]),
    ],
)
def test_refused_by_one_of_them(call, error, words):
    with pytest.raises(error) as caught:
        call()
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("step", "shapes", "words"),
    [
        (lstm_step, [(2, 12), (2, 3), (2, 3), (3, 9)], ["(3, 9)", "4 · features"]),
        (lstm_step, [(2, 9), (2, 3), (2, 3), (3, 12)], ["(2, 9)", "(2, 12)"]),
        (lstm_step, [(2, 12), (2, 3), (1, 3), (3, 12)], ["(2, 3)", "(1, 3)"]),
        (lstm_step, [(2, 12), (2, 2), (2, 2), (3, 12)], ["(2, 2)", "(batch, 3)"]),
        (gru_step, [(2, 9), (2, 3), (3, 9), (9,)], ["(9,)", "(3,)"]),
        (rnn_step, [(2, 3), (2, 3), (3, 9)], ["(3, 9)", "(features, features)"]),
    ],
)
def test_refused_by_a_step(step, shapes, words):
    with pytest.raises(tg.ShapeError) as caught:
        step(*map(np.zeros, shapes))
    for word in words:
        assert word in str(caught.value)
