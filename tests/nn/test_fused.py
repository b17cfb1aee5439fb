"""Each fused operation is its composition of elementary ones: values, first and second gradients.

Against finite differences they are tested with all operations, in `tests/test_operations.py`.
"""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.nn import fully_connected
from tinygraph.nn.batch_normalisation import batch_norm, batch_norm_eval
from tinygraph.nn.gaussian import normal_cdf
from tinygraph.nn.regularisation import masked

EPS = 1e-3
CLASSES = np.array([2, 0, 1, 1])
ONE_HOT = np.eye(3)[CLASSES]
MASK = np.array([[0.0, 1.25, 1.25], [1.25, 1.25, 0.0]])


class Pair(NamedTuple):
    """A fused operation, what it is composed of, and the shapes of its operands."""

    fused: Callable[..., Any]
    composed: Callable[..., Any]
    shapes: list[tuple[int, ...]]


def normalised(x: Any, axes: Any) -> Any:
    centred = x - tg.mean(x, axis=axes, keepdims=True)
    return centred / tg.sqrt(tg.mean(centred * centred, axis=axes, keepdims=True) + EPS)


def batch_norm_composed(z: Any, gamma: Any, beta: Any) -> Any:
    axes = tuple(range(z.ndim - 1))
    centred = z - tg.mean(z, axis=axes)
    return (
        gamma * normalised(z, axes) + beta,
        tg.mean(z, axis=axes),
        tg.mean(centred * centred, axis=axes),
    )


def layer_norm_composed(x: Any, gamma: Any, beta: Any) -> Any:
    return gamma * normalised(x, tuple(range(x.ndim - gamma.ndim, x.ndim))) + beta


def eval_composed(z: Any, gamma: Any, beta: Any) -> Any:
    return gamma * ((z - MEAN) / np.sqrt(VARIANCE + EPS)) + beta


MEAN, VARIANCE = np.array([0.5, -2.0, 0.0]), np.array([0.25, 3.0, 1.0])


def with_activation(name: str | None) -> Any:
    g = (lambda z: z) if name is None else getattr(tg, name)
    return (
        lambda x, w, b: nn.dense(x, w, b, name),
        lambda x, w, b: g(tg.matmul(x, w) + b),
    )


def gelu_tanh(x: Any) -> Any:
    return 0.5 * x * (1 + tg.tanh(np.sqrt(2 / np.pi).item() * (x + 0.044715 * (x * x * x))))


def reduced(losses: Any, reduction: str) -> Any:
    return losses if reduction == "none" else getattr(losses, reduction)()


def dense_cases() -> Any:
    for name in (None, "relu", "leaky_relu", "sigmoid", "tanh"):
        for x in ((4, 3), (1, 3), (3,), (2, 2, 3)):
            yield f"dense {name} {x}", Pair(*with_activation(name), [x, (3, 2), (2,)])
        yield (
            f"dense {name} without bias",
            Pair(
                lambda x, w, name=name: nn.dense(x, w, activation=name),
                lambda x, w, name=name: with_activation(name)[1](x, w, 0),
                [(4, 3), (3, 2)],
            ),
        )
        yield f"dense {name} wide", Pair(*with_activation(name), [(3, 2), (2, 40), (40,)])


def loss_cases() -> Any:
    for reduction in ("mean", "sum", "none"):
        for kind, labels in (("classes", CLASSES), ("one-hot", ONE_HOT)):
            yield (
                f"softmax_cross_entropy {kind} {reduction}",
                Pair(
                    lambda z, y=labels, r=reduction: nn.softmax_cross_entropy(z, y, reduction=r),
                    lambda z, r=reduction: reduced(-(ONE_HOT * tg.log_softmax(z)).sum(axis=1), r),
                    [(4, 3)],
                ),
            )
        yield (
            f"sigmoid_cross_entropy {reduction}",
            Pair(
                lambda z, r=reduction: nn.sigmoid_cross_entropy(z, ONE_HOT, reduction=r),
                lambda z, r=reduction: reduced(tg.softplus(z) - ONE_HOT * z, r),
                [(4, 3)],
            ),
        )
    yield (
        "softmax_cross_entropy of 40 classes",
        Pair(
            lambda z: nn.softmax_cross_entropy(z, CLASSES),
            lambda z: -(np.eye(40)[CLASSES] * tg.log_softmax(z)).sum(axis=1).mean(),
            [(4, 40)],
        ),
    )
    yield (
        "softmax_cross_entropy of one example",
        Pair(
            lambda z: nn.softmax_cross_entropy(z, 1),
            lambda z: -tg.log_softmax(z)[1],
            [(3,)],
        ),
    )


PAIRS: dict[str, Pair] = {
    **dict(dense_cases()),
    **dict(loss_cases()),
    **{
        f"batch_norm {z}": Pair(
            lambda z, g, b: batch_norm(z, g, b, EPS), batch_norm_composed, [z, z[-1:], z[-1:]]
        )
        for z in ((6, 3), (2, 3), (2, 4, 3), (5, 40))
    },
    **{
        f"batch_norm_eval {z}": Pair(
            lambda z, g, b: batch_norm_eval(
                z, g, b, MEAN.astype(z.dtype), VARIANCE.astype(z.dtype), EPS
            ),
            eval_composed,
            [z, (3,), (3,)],
        )
        for z in ((6, 3), (1, 3), (3,), (2, 4, 3))
    },
    **{
        f"layer_norm {x} {f}": Pair(
            lambda x, g, b: nn.layer_norm(x, g, b, EPS), layer_norm_composed, [x, f, f]
        )
        for x, f in (
            ((5, 3), (3,)), ((1, 4), (4,)), ((4,), (4,)), ((2, 3, 4), (4,)), ((2, 3, 4), (3, 4)),
            ((3, 4), (3, 4)), ((4, 1), (1,)),
        )
    },
    **{
        f"gelu {x}": Pair(nn.gelu, lambda x: x * normal_cdf(x), [x])
        for x in ((4, 3), (1,), (), (2, 1, 3))
    },
    **{
        f"gelu tanh {x}": Pair(lambda x: nn.gelu(x, "tanh"), gelu_tanh, [x])
        for x in ((4, 3), (1,), ())
    },
    "dropout": Pair(lambda x: masked(x, MASK.astype(x.dtype), 0.2), lambda x: x * MASK, [(2, 3)]),
}  # fmt: skip


def derivatives(function: Any, arrays: Any, tracked: Any) -> list[Any]:
    """Values, and gradients of the first and second order, with the same cotangents every time.

    The first gradients are with respect to the tracked arrays, the second also to the cotangents.
    """
    rng = np.random.default_rng(1)
    inputs = [tg.tensor(x, requires_grad=t) for x, t in zip(arrays, tracked, strict=True)]
    leaves = list(itertools.compress(inputs, tracked))
    outputs = function(*inputs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    cts = [tg.tensor(rng.normal(size=y.shape), y.dtype, requires_grad=True) for y in outputs]
    total = sum((y * ct).sum() for y, ct in zip(outputs, cts, strict=True))
    first = tg.gradients(total, leaves, create_graph=True)
    onward = sum((g * rng.normal(size=g.shape).astype(g.dtype)).sum() for g in first)
    second = tg.gradients(onward, [*leaves, *cts])
    return [
        None if result is None else result.detach().numpy()
        for result in (*outputs, *first, *second)
    ]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", PAIRS)
def test_is_its_composition(name, dtype):
    fused, composed, shapes = PAIRS[name]
    rng = np.random.default_rng(0)
    arrays = [rng.normal(0.3, 1.5, shape).astype(dtype) for shape in shapes]
    exact = [x.astype(np.float64) for x in arrays]
    for tracked in itertools.product([True, False], repeat=len(arrays)):
        if any(tracked):
            found = derivatives(fused, arrays, tracked)
            wanted = derivatives(composed, exact, tracked)
            for mine, other in zip(found, wanted, strict=True):
                if mine is None or other is None:  # what does not depend on it at all
                    assert not np.any(mine) or not np.any(other)
                    continue
                assert mine.dtype == dtype
                tolerance = 64 * np.finfo(dtype).eps * max(1, np.abs(other).max(initial=0))
                np.testing.assert_allclose(mine, other, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", PAIRS)
def test_float32_stays_float32_forward_and_backward(name):
    fused, _, shapes = PAIRS[name]
    inputs = [tg.tensor(np.ones(s), np.float32, requires_grad=True) for s in shapes]
    outputs = fused(*inputs)
    for y in outputs if isinstance(outputs, tuple) else (outputs,):
        assert y.dtype == np.float32
        for g in tg.gradients(y, inputs, np.ones(y.shape), retain_graph=True):
            assert g is None or g.dtype == np.float32


# Dense: only what is needed


def test_data_is_not_differentiated(monkeypatch):
    def refuse(*_: Any) -> None:
        raise AssertionError("the cotangent of the input was computed")

    monkeypatch.setattr(fully_connected, "_to_input", refuse)
    weight, bias = tg.Variable(np.ones((3, 2))), tg.Variable(np.ones(2))
    nn.dense(np.ones((4, 3)), weight, bias, "relu").sum().backward()
    np.testing.assert_array_equal(weight.grad.numpy(), 4)
    np.testing.assert_array_equal(bias.grad.numpy(), 4)


def test_only_what_is_needed_is_kept():
    affine = fully_connected.affine.primitive
    assert affine.pullback("weight", "bias").keeps == ("x",)
    assert affine.pullback("x").keeps == ("weight",)
    assert affine.pullback("bias").keeps == ()


@pytest.mark.parametrize(
    ("activation", "name"),
    [(tg.relu, "relu"), (tg.tanh, "tanh"), (tg.sigmoid, "sigmoid"), (tg.leaky_relu, "leaky_relu")],
)
def test_an_activation_given_as_a_function_is_fused_too(activation, name):
    layer = nn.Dense(3, 2, activation)
    node = layer(np.ones((4, 3), np.float32)).node
    assert node.primitive is fully_connected.activated_dense.primitive
    (drawn,) = [n for n in tg.graph(layer(np.ones((4, 3)))).nodes if n.kind == "operation"]
    assert (drawn.label, drawn.params) == ("dense", f"'{name}'")


def test_other_activations_follow_the_product():
    class Unhashable:
        __hash__ = None

        def __call__(self, z):
            return z * 2

    x, w = np.ones((2, 3)), np.ones((3, 2))
    np.testing.assert_array_equal(nn.dense(x, w, activation=Unhashable()).numpy(), 6)
    np.testing.assert_array_equal(nn.dense(x, w, activation=np.negative).numpy(), -3)
    np.testing.assert_array_equal(nn.dense(x, w, activation="softmax").numpy(), 0.5)


def test_dense_promotes_as_numpy_does():
    x, w, b = np.ones((2, 3), np.float32), np.ones((3, 2), np.float32), np.ones(2)
    assert nn.dense(x, w, b).dtype == np.float64
    assert nn.dense(x, w, b.astype(np.float32), "tanh").dtype == np.float32
    integers = nn.dense([[1, 2]], [[1], [-1]], activation="sigmoid")
    assert integers.numpy() == pytest.approx(1 / (1 + np.e))


def test_dense_of_complex_numbers():
    x, w = np.array([[1 + 1j, 0.5j]]), np.array([[0.25], [1j]])
    for name in ("tanh", "sigmoid"):
        wanted = getattr(tg, name)(tg.matmul(x, w)).numpy()
        np.testing.assert_allclose(nn.dense(x, w, activation=name).numpy(), wanted, rtol=1e-14)
    with pytest.raises(tg.DTypeError, match=r"dense: relu of complex"):
        nn.dense(x, w, activation="relu")


@pytest.mark.parametrize("activation", ["sigmoid", "relu", "tanh", "leaky_relu"])
def test_far_out_activations_are_what_they_approach(activation):
    z = np.array([[-1e4, -1e3, 1e3, 1e4]])
    found = nn.dense(z, np.eye(4), activation=activation).numpy()
    np.testing.assert_allclose(found, getattr(tg, activation)(z).numpy(), rtol=1e-15)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((np.ones((4, 3)), np.ones((2, 2))), tg.ShapeError, ["(4, 3)", "(2, 2)", "size 2"]),
        ((np.ones(3), np.ones((2, 2))), tg.ShapeError, ["(3,)", "(2, 2)", "size 2"]),
        ((np.ones((2, 4, 3)), np.ones((2, 2))), tg.ShapeError, ["(2, 4, 3)", "size 2"]),
        ((1.0, np.ones((2, 2))), tg.ShapeError, ["x of shape ()", "in_features"]),
        ((np.ones((4, 3)), np.ones(3)), tg.ShapeError, ["weight of shape (3,)", "in_features"]),
        ((np.ones((4, 3)), np.ones((3, 2)), np.ones((1, 2))), tg.ShapeError,
         ["bias of shape (1, 2)", "needs (2,)"]),
        ((np.ones((4, 3)), np.ones((3, 2)), 1.0), tg.ShapeError, ["bias of shape ()"]),
        ((np.ones((4, 3)), np.ones((3, 2)), None, "rellu"), tg.ArgumentError,
         ["'rellu'", "did you mean 'relu'"]),
        ((np.ones((4, 3)), np.ones((3, 2)), None, nn.ReLU), tg.ArgumentError, ["activation=ReLU"]),
    ],
)  # fmt: skip
def test_refused_by_dense(arguments, error, words):
    with pytest.raises(error) as caught:
        nn.dense(*arguments)
    for word in ("dense", *words):
        assert word in str(caught.value)


def test_logits_that_dense_has_activated_are_refused():
    z = nn.Dense(3, 2, "sigmoid")(np.ones((4, 3)))
    with pytest.raises(tg.ArgumentError, match="apply sigmoid a second time"):
        nn.sigmoid_cross_entropy(z, np.ones((4, 2)))
    nn.softmax_cross_entropy(nn.Dense(3, 2, "tanh")(np.ones((4, 3))), [0, 1, 0, 1])


def test_labels_beside_logits_that_were_picked_by_an_array():
    logits = tg.Variable(2 * np.eye(3))[np.array([0, 1])]
    wanted = np.log(1 + 2 / np.e**2)
    assert nn.softmax_cross_entropy(logits, [0, 1]).item() == pytest.approx(wanted)


# Precision


@pytest.mark.parametrize("layer", [nn.BatchNorm(2), nn.LayerNorm(2)])
def test_complex_numbers_are_not_normalised(layer):
    with pytest.raises(tg.DTypeError, match="complex"):
        layer(np.ones((3, 2), complex))


def test_batch_norm_where_the_mean_is_large():
    z = np.random.default_rng(0).normal(1e4, 1, (256, 3)).astype(np.float32)
    exact = (z.astype(np.float64) - z.mean(0, np.float64)) / z.std(0, dtype=np.float64)
    layer = nn.BatchNorm(3, momentum=0, eps=1e-12)
    np.testing.assert_allclose(layer(z).detach().numpy(), exact, atol=5e-3)
    np.testing.assert_allclose(layer.eval()(z).detach().numpy(), exact, atol=5e-3)


def test_half_precision_is_summed_in_single():
    x = np.full((2000, 2), 100, np.float16)
    x[::2] += 1
    layer = nn.BatchNorm(2, dtype=np.float16)
    out = layer(x)
    assert out.dtype == np.float16
    np.testing.assert_allclose(np.abs(out.detach().numpy()), 1, rtol=2e-3)
    np.testing.assert_allclose(layer.running_mean, 10.05, rtol=1e-3)
    out = nn.LayerNorm(2000, dtype=np.float16)(x.T)
    assert out.dtype == np.float16
    np.testing.assert_allclose(np.abs(out.detach().numpy()), 1, rtol=2e-3)


@pytest.mark.parametrize("rows", [3, 100_000])  # fewer, and more, than there are ones in store
def test_gradient_of_a_bias_is_summed_exactly(rows):
    ct = np.random.default_rng(0).normal(size=(rows, 2)).astype(np.float32)
    bias = tg.tensor(np.zeros(2), np.float32, requires_grad=True)
    nn.dense(np.zeros((rows, 1), np.float32), np.zeros((1, 2), np.float32), bias).backward(ct)
    error = np.abs(bias.grad.numpy() - ct.sum(0, dtype=np.float64))
    assert (error <= 1e-6 * np.abs(ct).sum(0)).all()
