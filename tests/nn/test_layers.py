"""Dense, Sequential, the activations and the initialisers."""

import math

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.errors import ArgumentError, DTypeError, IndexingError, ShapeError


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


# Dense


@pytest.mark.parametrize(
    ("activation", "g"),
    [
        (None, lambda z: z),
        ("relu", lambda z: np.maximum(z, 0)),
        ("leaky_relu", lambda z: np.maximum(z, 0.01 * z)),
        ("sigmoid", lambda z: 1 / (1 + np.exp(-z))),
        ("tanh", np.tanh),
        ("softplus", lambda z: np.log(1 + np.exp(z))),
        ("softmax", lambda z: np.exp(z) / np.exp(z).sum(-1, keepdims=True)),
        (tg.tanh, np.tanh),
        (np.sin, np.sin),
        (nn.Tanh(), np.tanh),
    ],
)
def test_dense_forward(activation, g, x):
    layer = nn.Dense(3, 4, activation, dtype=np.float64)
    layer.bias.assign([1, 2, 3, 4])
    wanted = g(x @ layer.weight.numpy() + [1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(layer(x).detach().numpy(), wanted, rtol=1e-12)


def test_dense_gradient_is_the_course_formula(x):
    layer = nn.Dense(3, 2, dtype=np.float64)
    dZ = np.random.default_rng(1).normal(size=(5, 2))
    layer(x).backward(dZ)
    np.testing.assert_allclose(layer.weight.grad.numpy(), x.T @ dZ, rtol=1e-12)
    np.testing.assert_allclose(layer.bias.grad.numpy(), dZ.sum(axis=0), rtol=1e-12)


def test_dense_begins_with_he_and_zero_in_float32():
    layer = nn.Dense(400, 300, generator=0)
    assert layer.weight.dtype == layer.bias.dtype == np.float32
    assert layer.weight.numpy().std() == pytest.approx(math.sqrt(2 / 400), rel=0.02)
    np.testing.assert_array_equal(layer.bias.numpy(), 0)


def test_dense_without_bias(x):
    layer = nn.Dense(3, 2, bias=False)
    assert layer.bias is None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    assert repr(layer) == "Dense(3, 2, bias=False)"
    assert layer(x).dtype == np.float32


def test_dense_takes_any_leading_axes_and_promotes_as_numpy_does(x):
    layer = nn.Dense(3, 2)
    assert layer(x[0]).shape == (2,)
    assert layer(np.stack([x, x])).shape == (2, 5, 2)
    assert layer(x.tolist()).dtype == np.float64
    out = layer(x.astype(np.float64))
    assert out.dtype == np.float64
    out.sum().backward()
    assert layer.weight.grad.dtype == np.float32


REFUSED_SETTINGS = [
    ((3, 0), {}, ArgumentError, ["out_features=0", "positive integer"]),
    ((3.5, 2), {}, ArgumentError, ["in_features=3.5", "positive integer"]),
    ((128, "relu"), {}, ArgumentError, ["out_features='relu'"]),
    ((3, 2, "rellu"), {}, ArgumentError, ["'rellu'", "did you mean 'relu'"]),
    ((3, 2, "gauss"), {}, ArgumentError, ["'gauss'", "sigmoid", "tanh"]),
    ((3, 2, nn.ReLU), {}, ArgumentError, ["activation=ReLU", "'relu'"]),
    ((3, 2, 1.0), {}, ArgumentError, ["activation=1.0"]),
    ((3, 2), {"initializer": "hee"}, ArgumentError, ["'hee'", "did you mean 'he'"]),
    ((3, 2), {"initializer": np.ones((3, 2))}, ArgumentError, ["ndarray", ".weight.assign"]),
    ((3, 2), {"initializer": nn.normal}, ArgumentError, ["normal", "call it", "nn.normal(0.01)"]),
    ((3, 2), {"initializer": nn.constant}, ArgumentError, ["nn.constant(0.01)"]),
    ((3, 2), {"initializer": lambda shape, generator: np.ones(shape[::-1])}, ShapeError,
     ["(2, 3)", "(3, 2)"]),
    ((3, 2), {"dtype": int}, DTypeError, ["int64", "floating"]),
    ((3, 2), {"dtype": complex}, DTypeError, ["complex128", "floating"]),
    ((3, 2), {"dtype": "float31"}, DTypeError, ["float31"]),
    ((3, 2), {"generator": "0"}, ArgumentError, ["generator='0'", "integer seed"]),
    ((3, 2), {"generator": -1}, ArgumentError, ["generator=-1", "0 or more"]),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "settings", "error", "words"), REFUSED_SETTINGS)
def test_dense_refuses_settings(arguments, settings, error, words):
    with pytest.raises(error) as caught:
        nn.Dense(*arguments, **settings)
    says(caught, "Dense", *words)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((5, 4), ["(5, 4)", "(…, 6)", "4 features"]),
        ((6, 5), ["(6, 5)", ".T"]),
        ((5, 2, 3), ["(5, 2, 3)", "x.reshape(len(x), -1)"]),
        ((), ["()", "(…, 6)"]),
    ],
)
def test_dense_refuses_input(shape, words):
    with pytest.raises(ShapeError) as caught:
        nn.Dense(6, 2)(np.zeros(shape))
    says(caught, "Dense", *words)


def test_dense_of_one_feature_says_how_to_make_a_column():
    with pytest.raises(ShapeError, match=r"Dense.*\(5,\).*\[:, np.newaxis\]"):
        nn.Dense(1, 2)(np.zeros(5))


# Sequential and activations


def test_sequential_is_composition(x):
    model = nn.Sequential(nn.Dense(3, 4), nn.ReLU(), nn.Dense(4, 4), np.sin, nn.Dense(4, 2))
    a, relu, b, sin, c = model
    wanted = c(sin(b(relu(a(x)))))
    np.testing.assert_array_equal(model(x).detach().numpy(), wanted.detach().numpy())


def test_sequential_is_a_sequence(x):
    layers = [nn.Dense(3, 4), tg.tanh, nn.Dense(4, 2)]
    model = nn.Sequential(layers)
    assert len(model) == 3
    assert list(model) == layers
    assert model[-1] is layers[2]
    head = model[:2]
    assert isinstance(head, nn.Sequential)
    assert head[0] is layers[0]
    np.testing.assert_array_equal(layers[2](head(x)).detach().numpy(), model(x).detach().numpy())
    model.append(nn.Dense(2, 1))
    assert model(x).shape == (5, 1)
    assert [name for name, _ in model.named_parameters()] == [
        "0.weight", "0.bias", "2.weight", "2.bias", "3.weight", "3.bias"
    ]  # fmt: skip
    assert nn.Sequential()(x) is x


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (nn.ReLU, ["layer 1", "the class ReLU", "ReLU(…)"]),
        ("relu", ["layer 1", "'relu'", "a module"]),
        (None, ["layer 1", "None"]),
    ],
)
def test_sequential_refuses_what_is_no_layer(layer, words):
    with pytest.raises(ArgumentError) as caught:
        nn.Sequential(nn.Dense(2, 2), layer)
    says(caught, "Sequential", *words)


@pytest.mark.parametrize("index", [3, -4])
def test_sequential_refuses_an_index(index):
    with pytest.raises(IndexingError, match=f"Sequential: there is no layer {index} among 3"):
        nn.Sequential(tg.exp, tg.sin, tg.cos)[index]
    with pytest.raises(IndexingError, match=f"Sequential: there is no layer {index} among 3"):
        nn.Sequential(tg.exp, tg.sin, tg.cos)[index] = tg.tan


def test_a_layer_is_replaced():
    model = nn.Sequential(nn.Dense(3, 4), nn.Dense(4, 2))
    model[-1] = nn.Dense(4, 5)
    assert model(np.ones((2, 3), np.float32)).shape == (2, 5)
    assert model[1].weight.name == "1.weight"
    with pytest.raises(ArgumentError, match="layer 1 is the class ReLU; it needs an instance"):
        model[-1] = nn.ReLU
    with pytest.raises(ArgumentError, match=r"'head' would not be called.*\.append"):
        model.add_module("head", nn.ReLU())


def test_a_failing_layer_is_named():
    model = nn.Sequential(tg.tanh, nn.Sequential(nn.Dense(3, 4), nn.Dense(3, 2)))
    with pytest.raises(ShapeError) as caught:
        model(np.ones((5, 3)))
    inner, outer = caught.value.__notes__
    assert inner == "in layer 1 of Sequential, Dense(3, 2), given shape (5, 4)"
    assert outer.startswith("in layer 1 of Sequential, Sequential(")
    assert outer.endswith("given shape (5, 3)")


@pytest.mark.parametrize(
    ("layer", "g"),
    [
        (nn.ReLU(), lambda z: np.maximum(z, 0)),
        (nn.Sigmoid(), lambda z: 1 / (1 + np.exp(-z))),
        (nn.Tanh(), np.tanh),
    ],
)
def test_activation_layers(layer, g):
    z = np.array([-2.0, 0.0, 3.0])
    np.testing.assert_allclose(layer(z).numpy(), g(z), rtol=1e-15)


def test_relu_has_derivative_0_at_0():
    z = tg.tensor([-1.0, 0.0, 1.0], requires_grad=True)
    nn.ReLU()(z).sum().backward()
    np.testing.assert_array_equal(z.grad.numpy(), [0, 0, 1])


# Initialisers


@pytest.mark.parametrize(
    ("initializer", "variance"),
    [
        ("he", 2 / 400),
        ("lecun", 1 / 400),
        ("xavier", 2 / 700),
        ("glorot", 2 / 700),
        ("normal", 1e-4),
        (nn.he, 2 / 400),
        (nn.normal(0.5), 0.25),
    ],
)
def test_variance_of_initialisers(initializer, variance):
    weight = nn.Dense(400, 300, initializer=initializer, generator=0).weight.numpy()
    n = weight.size
    assert abs(weight.mean()) < 5 * math.sqrt(variance / n)
    # The variance of the sample variance of a normal distribution is 2σ⁴/n.
    assert abs(weight.var() - variance) < 5 * variance * math.sqrt(2 / n)


@pytest.mark.parametrize(
    ("initializer", "value"), [("zeros", 0), (nn.zeros, 0), (nn.constant(0.25), 0.25)]
)
def test_constant_initialisers(initializer, value):
    np.testing.assert_array_equal(nn.Dense(2, 3, initializer=initializer).weight.numpy(), value)


def test_a_convolution_kernel_counts_its_field():
    kernel = nn.he((3, 3, 16, 32), np.random.default_rng(0))
    assert kernel.std() == pytest.approx(math.sqrt(2 / (9 * 16)), rel=0.05)


@pytest.mark.parametrize("initializer", [nn.he, nn.lecun, nn.xavier])
def test_initialisers_need_inputs_and_outputs(initializer):
    with pytest.raises(ShapeError, match=rf"{initializer.__name__}: the shape \(3,\).*nn.zeros"):
        initializer((3,), np.random.default_rng(0))


def test_seed_makes_models_the_same_to_the_bit():
    def build():
        return nn.Sequential(nn.Dense(3, 4, "relu"), nn.Dropout(0.5), nn.Dense(4, 2))

    x = np.ones((6, 3), np.float32)
    outs = []
    for number in (0, 0, 1):
        nn.seed(number)
        outs.append(build()(x).detach().numpy())
    np.testing.assert_array_equal(outs[0], outs[1])
    assert (outs[0] != outs[2]).any()


def test_a_layers_own_generator_leaves_the_packages_alone():
    nn.seed(0)
    plain = nn.Dense(2, 2).weight.numpy()
    nn.seed(0)
    own = nn.Dense(2, 2, generator=5).weight.numpy()
    np.testing.assert_array_equal(nn.Dense(2, 2).weight.numpy(), plain)
    again = nn.Dense(2, 2, generator=np.random.default_rng(5)).weight.numpy()
    np.testing.assert_array_equal(own, again)


def test_precision_rounds_the_same_numbers():
    double = nn.Dense(2, 2, dtype=np.float64, generator=0).weight.numpy()
    single = nn.Dense(2, 2, generator=0).weight.numpy()
    np.testing.assert_array_equal(double.astype(np.float32), single)


def says(caught, *words):
    for word in words:
        assert word in str(caught.value)
