"""Floating-point operations and bytes: by the formulas that are documented."""

import numpy as np
import pytest
from cases import CASES, every, variables

import tinygraph as tg
from tinygraph import Graph, graph, nn
from tinygraph.errors import DeclarationError


def variable(*shape, dtype=np.float64):
    n = int(np.prod(shape))
    return tg.Variable((np.cos(np.arange(n)) + 2).reshape(shape).astype(dtype))


def spd(n):
    return tg.Variable(np.eye(n) * 3 + 0.1)


@pytest.mark.parametrize(
    "compute, flops",
    [
        (lambda: variable(3, 4) @ variable(4, 5), 2 * 3 * 4 * 5),
        (lambda: variable(7, 3, 4) @ np.ones((4, 5)), 7 * 2 * 3 * 4 * 5),
        (lambda: variable(4) @ variable(4), 2 * 4),
        (lambda: variable(3, 4) @ variable(4), 2 * 3 * 4),
        (lambda: tg.einsum("ij,jk->ik", variable(3, 4), variable(4, 5)), 2 * 3 * 4 * 5),
        (lambda: tg.einsum("ij,j,i->", variable(3, 4), variable(4), variable(3)), 3 * 3 * 4),
        (lambda: variable(3, 1) + variable(4), 12),
        (lambda: np.exp(variable(3, 4)), 12),
        (lambda: variable(3, 4).sum(axis=0), 12),
        (lambda: nn.softmax_cross_entropy(variable(3, 4), np.zeros(3, int)), 12),
        (lambda: variable(3, 4).reshape(4, 3), 0),
        (lambda: variable(3, 4).T, 0),
        (lambda: variable(3, 4)[1:], 0),
        (lambda: tg.concatenate([variable(3), variable(4)]), 0),
        (lambda: tg.linalg.solve(spd(6), np.ones((6, 2))), 2 * 6**3 // 3 + 2 * 6 * 6 * 2),
        (lambda: tg.linalg.inv(spd(6)), 2 * 6**3),
        (lambda: tg.linalg.cholesky(spd(6)), 6**3 // 3),
        (lambda: tg.fft.fft(variable(3, 8)), 3 * 5 * 8 * 3),
        (lambda: tg.fft.rfft(variable(3, 8)), 3 * 5 * 8 * 3 // 2),
        (lambda: tg.convolve(variable(5), variable(3)), 2 * 5 * 3),
        (lambda: nn.Dense(4, 5)(np.ones((3, 4), np.float32)), 2 * 3 * 4 * 5),
        (lambda: nn.Dense(4, 5, "relu")(np.ones((2, 3, 4), np.float32)), 2 * 6 * 4 * 5),
        (lambda: variable(0, 4) @ variable(4, 5), 0),
    ],
)
def test_floating_point_operations(compute, flops):
    assert graph(compute()).flops == flops


@every(CASES)
def test_every_operation_can_be_taken_into_a_graph(case):
    """Its count can be asked for, its arrays are known, and it makes the round trip."""
    outputs = [
        y for y in case(*variables(case.arrays())) if type(y) is tg.Tensor and y.node is not None
    ]
    if not outputs:
        return
    g = graph(outputs)
    for node in g.nodes:
        assert node.flops >= 0 and node.bytes_kept >= 0 and node.bytes_moved >= 0
    assert Graph.from_dict(g.to_dict()) == g


def test_a_user_s_operation_declares_its_own():
    @tg.primitive(
        x=lambda ct, x, times: ct * times * x**0, flops=lambda x_shape, times: times * x_shape[0]
    )
    def repeated(x, times):
        """X times."""
        return x * times

    @tg.primitive(x=lambda ct: ct, flops=7)
    def seven(x):
        """X."""
        return x * 1

    assert graph(repeated(variable(5), 3)).flops == 15
    assert graph(seven(variable(5))).flops == 7


def test_a_count_that_asks_for_what_there_is_not():
    with pytest.raises(DeclarationError, match="asks for 'a_shape', which the operation"):

        @tg.primitive(x=lambda ct: ct, flops=lambda a_shape: 0)
        def wrong(x):
            """X."""
            return x * 1


# Bytes


def test_bytes_that_are_moved():
    g = graph(variable(3, 4, dtype=np.float32) @ np.ones((4, 5), np.float32))
    assert g.bytes_moved == 4 * (12 + 20 + 15)
    assert graph(variable(3) * 2.0).bytes_moved == 8 * (3 + 3)  # a Python number is no array


def test_what_backward_keeps():
    x = variable(1000)
    y = np.exp(x)  # keeps y
    z = y * np.full(1000, 3.0)  # keeps the constant
    g = graph((z + 1).sum())
    assert [(n.operation, n.bytes_kept) for n in g.nodes if n.bytes_kept] == [
        ("exp", 8000), ("multiply", 8000)
    ]  # fmt: skip
    assert g.bytes_kept == 16000


def test_an_array_kept_by_several_counts_once():
    y = np.exp(variable(1000))
    g = graph((y * y).sum() + (y * y.reshape(10, 100).reshape(-1)).sum())
    assert g.bytes_kept == 8000


def test_what_leaves_hold_is_there_anyway():
    w = variable(100, 100)
    g = graph(tg.concatenate([w @ w, w * w]))
    assert g.bytes_kept == 0


def test_backward_releases():
    y = np.exp(variable(1000))
    J = y.sum()
    assert graph(J).bytes_kept == 8000
    J.backward()
    assert graph(J).bytes_kept == 0


def test_a_checkpoint_keeps_its_arguments():
    def deep(x):
        for _ in range(10):
            x = np.sin(x)
        return x

    x = variable(1000) * 1
    assert graph(deep(x)).bytes_kept == 10 * 8000
    assert graph(tg.checkpoint(deep)(x)).bytes_kept == 8000


# Tables


def test_a_summary_by_operation():
    w = tg.Variable(0.0, name="w")
    assert str(graph(w * w - 10 * w + 25).summary()) == (
        "operation  nodes  elements  flops  moved  kept\n"
        "──────────────────────────────────────────────\n"
        "multiply       2         2      2   40 B   0 B\n"
        "add            1         1      1   16 B   0 B\n"
        "subtract       1         1      1   24 B   0 B\n"
        "──────────────────────────────────────────────\n"
        "total          4         4      4   80 B   0 B"
    )


def test_a_summary_by_scope_counts_what_lies_inside():
    model = nn.Sequential(nn.Dense(3, 4, "tanh"), nn.Sequential(nn.Dense(4, 4), nn.Dense(4, 2)))
    g = graph(
        nn.mean_squared_error(model(np.ones((5, 3), np.float32)), np.ones((5, 2), np.float32))
    )
    summary = g.summary("scope")
    rows = {row.name: row for row in summary.rows}
    assert rows["Sequential.1"].elements == 4 * 4 + 4 + 4 * 2 + 2
    assert rows["Sequential"].elements == summary.total.elements == 16 + 20 + 10
    assert rows["Sequential.1"].flops == 2 * 5 * 4 * 4 + 2 * 5 * 4 * 2
    assert rows["Sequential"].nodes + rows["(no scope)"].nodes == summary.total.nodes
    assert summary.total.flops == g.flops
    assert summary.total.bytes_kept == g.bytes_kept
    assert summary.total.seconds is None
