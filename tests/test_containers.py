"""Arguments and results that are containers of tensors."""

import collections
import dataclasses
import gc
from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygraph as tg
from tinygraph.containers import filled, leaves


class Pair(NamedTuple):
    w: Any
    b: Any


@dataclasses.dataclass
class Layer:
    w: Any
    b: Any

    def __post_init__(self):
        assert isinstance(self.w, np.ndarray)  # as it was given, not as gradients come


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    w: Any
    b: Any


W, B = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([5.0, 6.0])
CONTAINERS = [
    {"w": W, "b": B},
    collections.OrderedDict(w=W, b=B),
    collections.defaultdict(float, w=W, b=B),
    (W, B),
    [W, B],
    Pair(W, B),
    Layer(W, B),
    Frozen(W, B),
    {"layers": [{"w": W}, (None, B)], "none": None, "nothing": []},
    [Pair(W, {}), {1: Frozen(B, None)}],
]


def loss(tree, scale=1.0):
    """Σw³/3 + scale·Σb²/2 + w₀₀·b₁: the gradients are w² + b₁·E₀₀ and scale·b + w₀₀·e₁."""
    w, b = (x for _, x in leaves(tree, ""))
    return (w**3).sum() / 3 + scale * (b**2).sum() / 2 + w[0, 0] * b[1]


GW, GB = W**2 + 6 * np.eye(2) * [1, 0], B + np.array([0.0, 1.0])


def as_arrays(tree):
    return [np.asarray(x) for _, x in leaves(tree, "")]


def same_containers(tree, other):
    assert type(tree) is type(other)
    assert [path for path, _ in leaves(tree, "")] == [path for path, _ in leaves(other, "")]


@pytest.mark.parametrize("tree", CONTAINERS, ids=lambda tree: type(tree).__name__)
def test_gradients_come_in_the_arguments_containers(tree):
    value, g = tg.value_and_grad(loss)(tree)
    same_containers(g, tree)
    np.testing.assert_array_equal(as_arrays(g)[0], GW)
    np.testing.assert_array_equal(as_arrays(g)[1], GB)
    assert value.item() == loss(tree).item()
    same_containers(tg.vjp(loss, tree)[1](1.0)[0], tree)
    (ga, gs) = tg.grad(loss, argnums=(0, 1))(tree, 2.0)
    same_containers(ga, tree)
    assert gs.item() == (B**2).sum() / 2


@pytest.mark.parametrize("tree", CONTAINERS, ids=lambda tree: type(tree).__name__)
def test_tangents_come_in_the_arguments_containers(tree):
    tangent = filled(tree, [np.ones((2, 2)), np.array([0.0, 1.0])])
    value, moved = tg.jvp(loss, (tree,), (tangent,))
    assert value.item() == loss(tree).item()
    np.testing.assert_allclose(moved.item(), GW.sum() + GB[1])
    product = tg.hvp(loss, (tree,), (tangent,))  # (2w·t + t_b₁·E₀₀, t_b + t_w₀₀·e₁)
    same_containers(product, tree)
    np.testing.assert_allclose(as_arrays(product)[0], 2 * W + np.eye(2) * [1, 0])
    np.testing.assert_allclose(as_arrays(product)[1], [0, 2])


@pytest.mark.parametrize("tree", CONTAINERS, ids=lambda tree: type(tree).__name__)
def test_matrices_come_in_containers_of_containers(tree):
    jacobian = tg.jacobian(loss)(tree)
    same_containers(jacobian, tree)
    np.testing.assert_allclose(as_arrays(jacobian)[0], GW)
    blocks = as_arrays(tg.hessian(loss)(tree))  # ww, wb, bw, bb
    assert [block.shape for block in blocks] == [(2, 2, 2, 2), (2, 2, 2), (2, 2, 2), (2, 2)]
    np.testing.assert_allclose(blocks[0].reshape(4, 4), np.diag(2 * W.ravel()))
    expected = np.zeros((2, 2, 2))
    expected[0, 0, 1] = 1
    np.testing.assert_allclose(blocks[1], expected)
    np.testing.assert_allclose(blocks[2], np.moveaxis(expected, -1, 0))
    np.testing.assert_allclose(blocks[3], np.eye(2))


def test_results_in_containers():
    def f(x):
        return {"double": 2 * x, "both": (x.sum(), [x * x])}

    x = np.array([1.0, 3.0])
    value, pull = tg.vjp(f, x)
    assert (list(value), type(value["both"][1])) == (["double", "both"], list)
    assert not value["double"].requires_grad
    (g,) = pull({"double": [1.0, 0.0], "both": (10.0, [np.array([0.0, 1.0])])})
    np.testing.assert_array_equal(g.numpy(), [12, 16])
    _, moved = tg.jvp(f, (x,), ([1.0, -1.0],))
    np.testing.assert_array_equal(moved["double"].numpy(), [2, -2])
    assert moved["both"][0].item() == 0.0
    np.testing.assert_array_equal(moved["both"][1][0].numpy(), [2, -6])
    jacobian = tg.jacobian(f)(x)
    np.testing.assert_array_equal(jacobian["both"][1][0].numpy(), [[2, 0], [0, 6]])


def test_a_list_of_numbers_is_an_array_a_tuple_a_container():
    g = tg.grad(lambda x: (x**2).sum())([1.0, 2.0])
    np.testing.assert_array_equal(g.numpy(), [2, 4])
    g = tg.grad(lambda p: (p["w"] ** 2).sum())({"w": [[1.0], [2.0]]})
    np.testing.assert_array_equal(g["w"].numpy(), [[2], [4]])
    a, b = tg.grad(lambda p: p[0] * p[1])((3.0, 2.0))
    assert (a.item(), b.item()) == (2.0, 3.0)


def test_the_same_array_twice_in_a_container_is_two_arguments():
    w = tg.Variable([1.0, 2.0])
    g = tg.grad(lambda p: (p["a"] * p["a"] * p["b"]).sum())({"a": w, "b": w})
    np.testing.assert_array_equal(g["a"].numpy(), [2, 8])
    np.testing.assert_array_equal(g["b"].numpy(), [1, 4])


def test_nothing_to_differentiate():
    assert tg.grad(lambda p, x: x.sum())({}, tg.tensor([1.0])) == {}


def test_tracked_leaves_in_a_container_stay_in_the_graph():
    w = tg.Variable(2.0)
    g = tg.grad(lambda p: p["w"] ** 3 * p["x"])({"w": w, "x": 5.0})
    (g["w"] + g["x"]).backward()  # 3w²x + w³
    assert w.grad.item() == 6 * 2 * 5 + 3 * 4


@pytest.mark.parametrize(
    ("leaf", "message"),
    [
        (np.array([1, 2]), r"argument 0\['layers'\]\[1\]\.b of f: .*int64"),
        (3, r"argument 0\['layers'\]\[1\]\.b of f: .*int64.*1\.0 rather than 1"),
        (np.array([True]), "argument 0.*bool"),
        ("relu", r"argument 0\['layers'\]\[1\]\.b of f is str; what is differentiated"),
        (object(), "is object; what is differentiated"),
        ([[1.0], [1.0, 2.0]], "ragged"),
    ],
)
@pytest.mark.parametrize("transform", [tg.grad, tg.jacobian, tg.hessian, tg.vjp])
def test_a_leaf_that_is_not_floating_is_named(transform, leaf, message):
    def f(p):
        return p["layers"][1].w.sum()

    tree = {"layers": [np.ones(2), Pair(np.ones(2), leaf)]}
    with pytest.raises((tg.DTypeError, tg.ShapeError), match=message):
        transform(f, tree) if transform is tg.vjp else transform(f)(tree)


@pytest.mark.parametrize(
    ("tangent", "message"),
    [
        ({"w": W}, r"tangents\[0\] is a dict with the keys \['w'\] where .* \['w', 'b'\]"),
        ({"w": W, "c": B}, r"keys \['w', 'c'\]"),
        (W, r"an array of shape \(2, 2\) where its argument is a dict"),
        ([W, B], "a list of 2 where"),
        ({"w": {"w": W}, "b": B}, r"tangents\[0\]\['w'\] is a dict.*\['w'\] is an array"),
        ({"w": None, "b": B}, r"tangents\[0\]\['w'\] is None"),
        ({"w": W, "b": [1.0]}, r"has shape \(1,\); its argument\['b'\] has shape \(2,\)"),
        ({"w": W, "b": B * 1j}, r"complex; its argument\['b'\] is float64"),
        ({"w": W, "b": "x"}, "not numeric"),
    ],
)
def test_a_tangent_of_another_build(tangent, message):
    with pytest.raises(tg.TinygraphError, match=message):
        tg.jvp(loss, ({"w": W, "b": B},), (tangent,))
    with pytest.raises(tg.TinygraphError, match=message):
        tg.hvp(loss, ({"w": W, "b": B},), (tangent,))


def test_keys_in_another_order_and_a_list_for_a_tuple_will_do():
    tangent = {"b": 0 * B, "w": np.ones((2, 2))}
    assert tg.jvp(loss, ({"w": W, "b": B},), (tangent,))[1].item() == GW.sum()
    assert tg.jvp(loss, ((W, B),), ([np.ones((2, 2)), 0 * B],))[1].item() == GW.sum()
    with pytest.raises(tg.ArgumentError, match="a tuple of 2 where its argument is a Pair"):
        tg.jvp(loss, (Pair(W, B),), ((W, B),))


def test_no_cycles_are_left():
    tree = {"w": W, "b": [B, None]}
    tangent = filled(tree, [W, B])

    def run():
        tg.grad(loss)(tree)
        tg.jvp(loss, (tree,), (tangent,))
        tg.vjp(loss, tree)[1](1.0)
        tg.jacobian(loss)(tree)
        tg.hvp(loss, (tree,), (tangent,))

    run()  # generates code
    gc.collect()
    gc.disable()
    try:
        run()
        assert gc.collect() == 0
    finally:
        gc.enable()
