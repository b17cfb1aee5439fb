"""A computation as nodes and edges."""

import math
import weakref

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import Graph, graph
from tinygraph.errors import ArgumentError
from tinygraph.graph import GraphEdge


def course():
    """The lecture's J = 3(a + b·c), at a=5, b=3, c=2."""
    a, b, c = (tg.Variable(x, name=n) for x, n in ((5, "a"), (3, "b"), (2, "c")))
    u = b * c
    u.name = "u"
    v = a + u
    v.name = "v"
    J = 3 * v
    J.name = "J"
    return J


def by_name(g: Graph):
    return {node.name: node for node in g.nodes if node.name}


def sources(g: Graph, target: int):
    """The operands of a node, in order."""
    edges = sorted((e for e in g.edges if e.target == target), key=lambda e: e.position)
    return [g.nodes[e.source] for e in edges]


def only(g: Graph, operation: str):
    (node,) = (n for n in g.nodes if n.operation == operation)
    return node


def test_the_lecture_graph():
    J = course()
    J.backward()
    nodes = by_name(graph(J))
    assert [nodes[n].value for n in "abcuvJ"] == [5, 3, 2, 6, 11, 33]
    assert [nodes[n].gradient for n in "abcuvJ"] == [3, 6, 9, 3, 3, 1]
    assert [nodes[n].kind for n in "abcuvJ"] == ["leaf"] * 3 + ["operation"] * 3
    assert [nodes[n].label for n in "uvJ"] == ["×", "+", "×"]


def test_ids_are_positions_in_topological_order():
    J = course()
    g = graph(J)
    assert [node.id for node in g.nodes] == list(range(len(g)))
    assert all(edge.source < edge.target for edge in g.edges)
    assert [g.nodes[i].name for i in g.outputs] == ["J"]
    assert [g.nodes[i].name for i in g.inputs] == ["a", "b", "c"]


def test_the_same_program_gives_an_equal_graph():
    first = graph(course())
    [tg.Variable(1.0) * 2.0 for _ in range(5)]  # time passes: numbers of nodes move on
    second = graph(course())
    assert first == second
    assert hash(first) == hash(second)


def test_operands_in_order_with_constants():
    w = tg.Variable(4.0, name="w")
    g = graph(10 / w - w)
    quotient, difference = only(g, "divide"), only(g, "subtract")
    ten, same = sources(g, quotient.id)
    assert (ten.kind, ten.value, ten.dtype, ten.name) == ("constant", 10, None, None)
    assert same.name == "w"
    assert sources(g, difference.id) == [quotient, same]


def test_a_python_number_is_not_an_array():
    w = tg.Variable(1.0)
    assert graph(w * 2.0) != graph(w * np.float64(2.0))


def test_a_value_used_twice_has_two_edges():
    w = tg.Variable(3.0)
    g = graph(w * w)
    assert g.edges == (GraphEdge(0, 1, 0, "a"), GraphEdge(0, 1, 1, "b"))


def test_a_constant_array_is_known_by_name_shape_and_dtype():
    X = tg.tensor(np.ones((2, 3), np.float32), name="X")
    W = tg.Variable(np.ones((4, 2), np.float32), name="W")
    g = graph(W @ X)
    constant = next(n for n in g.nodes if n.kind == "constant")
    assert (constant.name, constant.shape, constant.dtype) == ("X", (2, 3), "float32")
    assert constant.value is None
    assert only(g, "matmul").shape == (4, 3)


def test_a_named_scalar_constant_keeps_its_value():
    g = graph(tg.Variable(1.0) * tg.tensor(0.5, name="rate"))
    assert by_name(g)["rate"].value == 0.5


def test_operands_of_a_sequence_in_order():
    x = tg.Variable([1.0], name="x")
    y = tg.Variable([2.0], name="y")
    g = graph(tg.concatenate([np.zeros(3), y, np.zeros(2), x]))
    found = sources(g, only(g, "concatenate").id)
    assert [n.name or n.shape for n in found] == [(3,), "y", (2,), "x"]


def test_operations_with_several_outputs():
    x = tg.Variable(np.arange(6.0).reshape(3, 2), name="x")
    first, _, last = tg.unstack(x)
    g = graph(first * last)
    assert [n.label for n in g.nodes] == ["x", "unstack", "[0]", "[2]", "×"]
    assert [n.shape for n in g.nodes[2:]] == [(2,)] * 3
    assert [sources(g, i)[0].label for i in (2, 3)] == ["unstack", "unstack"]


def test_static_arguments_that_differ_from_their_defaults():
    x = tg.Variable(np.ones((2, 3)))
    assert only(graph(x.sum()), "sum").params == ""
    assert only(graph(x.sum(axis=0)), "sum").params == "axis=0"
    g = graph(tg.max(x, axis=(0, 1), keepdims=True))
    assert only(g, "max").params == "axis=(0, 1), keepdims=True"
    assert only(graph(tg.reshape(x, (3, 2))), "reshape").params == "(3, 2)"


@pytest.mark.parametrize(
    "index, text",
    [
        (0, "[0]"),
        ((slice(None), 1), "[:, 1]"),
        ((..., slice(0, 2)), "[..., 0:2]"),
        (slice(None, None, 2), "[::2]"),
        ((None, 1), "[None, 1]"),
        ([0, 1], "[[0, 1]]"),
        (np.zeros(30, int), "[array(30,)]"),
    ],
)
def test_an_index_reads_as_it_was_written(index, text):
    x = tg.Variable(np.ones((3, 4)))
    assert graph(x[index]).nodes[-1].label == text


def test_static_arguments_show_no_address():
    class Anything:
        pass

    @tg.primitive(x=lambda ct: ct)
    def labelled(x, how, what, extra=None):
        """X itself."""
        return x * 1

    g = graph(labelled(tg.Variable(1.0), np.sum, Anything(), extra=(len,)))
    assert g.nodes[-1].params == "sum, Anything, extra=(len,)"


def test_not_computed_is_not_zero():
    w = tg.Variable(2.0, name="w")
    unused = tg.Variable(3.0, name="unused")
    y = w * 0
    J = y + unused.detach()
    before = by_name(graph(J))["w"]
    assert (before.gradient, before.gradient_norm) == (None, None)
    J.backward()
    after = by_name(graph(J))["w"]
    assert (after.gradient, after.gradient_norm) == (0.0, 0.0)


def test_a_graph_does_not_change_after_it_was_taken():
    J = course()
    before = graph(J)
    J.backward()
    assert all(node.gradient is None for node in before.nodes)
    assert before != graph(J)


@pytest.mark.parametrize(
    "gradient, norm", [([3.0, 4.0], 5.0), ([3e200, 4e200], 5e200), ([0.0, 0.0], 0.0)]
)
def test_the_gradient_of_an_array_by_its_norm(gradient, norm):
    x = tg.Variable([1.0, 1.0], name="x")
    J = (x * np.array(gradient)).sum()
    J.backward()
    node = by_name(graph(J))["x"]
    assert node.gradient is None
    assert math.isclose(node.gradient_norm, norm)


def test_the_norm_of_overflow_and_of_nothing():
    x, empty = tg.Variable([1.0, 1.0], name="x"), tg.Variable(np.zeros(0), name="empty")
    x.grad, empty.grad = [np.inf, 1.0], np.zeros(0)
    nodes = by_name(graph(x.sum() + empty.sum()))
    assert nodes["x"].gradient_norm == math.inf
    assert nodes["empty"].gradient_norm == 0
    x.grad = [np.nan, 1.0]
    assert math.isnan(by_name(graph(x.sum()))["x"].gradient_norm)


def test_gradients_that_can_be_differentiated_themselves():
    w = tg.Variable(3.0, name="w")
    J = w * w
    J.backward(create_graph=True)
    assert by_name(graph(J))["w"].gradient == 6.0
    w.zero_grad()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble, np.complex64])
def test_numbers_are_python_numbers(dtype):
    w = tg.Variable(np.asarray(1.5, dtype))
    w.grad = dtype(2)
    (node,) = graph(w).nodes
    assert node.value == 1.5 and type(node.value) in (float, complex)
    assert node.gradient == 2 and type(node.gradient) in (float, complex)
    assert type(node.gradient_norm) is float


def test_several_outputs():
    x, y = tg.Variable(1.0, name="x"), tg.Variable(2.0, name="y")
    a, b = x + y, x * y
    g = graph(b, x, a, b)
    assert [g.nodes[i].label for i in g.outputs] == ["×", "x", "+", "×"]
    assert len(g) == 4


def test_a_leaf_alone():
    g = graph(tg.Variable([1.0, 2.0], name="w"))
    assert (len(g), g.edges, g.outputs, g.inputs) == (1, (), (0,), (0,))


def test_a_long_chain_is_walked_without_recursion():
    length = 200_000
    y = tg.Variable(1.0, name="x")
    for _ in range(length):
        y = tg.negative(y)
    g = graph(y)
    assert len(g) == length + 1
    assert g.edges[-1] == GraphEdge(length - 1, length, 0, "x")


def test_a_graph_keeps_no_tensor_alive():
    x = tg.Variable(np.ones(1000), name="x")
    g = graph((x * 2).sum())
    alive = weakref.ref(x)
    del x
    assert alive() is None
    assert g.nodes[0].shape == (1000,)


def test_repr():
    assert repr(graph(course())) == "<Graph of J: 3 leaves, 1 constant, 3 operations>"
    w = tg.Variable(0.0, name="w")
    g = graph(w * w - 10 * w + 25)
    assert repr(g) == "<Graph of +: 1 leaf, 2 constants, 4 operations>"


@pytest.mark.parametrize(
    "outputs, said",
    [
        ((), "tg.graph(loss)"),
        ((3.0,), "float is not a Tensor"),
        (([1, 2],), "list is not a Tensor"),
        ((np.ones(2),), "ndarray is not a Tensor"),
        ((tg.tensor(1.0, name="t"),), "tensor 't' of shape () does not require grad"),
    ],
)
def test_what_has_no_graph(outputs, said):
    with pytest.raises(ArgumentError, match="graph: ") as caught:
        graph(*outputs)
    assert said in str(caught.value)


def test_gradients_of_complex_scalars_are_in_one_convention_everywhere():
    z = tg.Variable(2 + 1j, name="z")
    y = z * z
    loss = tg.abs(y - 1) ** 2
    (wanted,) = tg.gradients(loss, [y], retain_graph=True)
    loss.backward()
    found = tg.graph(loss).find("multiply")[0].gradient
    assert found == pytest.approx(wanted.item())
