"""The loop against the array product. How much faster it is, `benchmarks/vectorisation.py` says."""

import numpy as np

import tinygraph as tg


def test_loop_and_product_agree_in_value_and_gradient():
    rng = np.random.default_rng(0)
    a, b = (tg.Variable(rng.normal(size=200)) for _ in range(2))
    total = 0
    for i in range(200):
        total += a[i] * b[i]
    by_loop = tg.gradients(total, [a, b])
    product = np.dot(a, b)
    by_product = tg.gradients(product, [a, b])
    np.testing.assert_allclose(total.item(), product.item(), rtol=1e-12)
    for loop, vectorised in zip(by_loop, by_product, strict=True):
        np.testing.assert_allclose(loop, vectorised, rtol=1e-12)


def test_the_loops_graph_has_a_node_for_each_step_the_products_has_one():
    a, b = tg.Variable(np.ones(50)), tg.Variable(np.ones(50))
    looped = 0
    for i in range(50):
        looped += a[i] * b[i]
    operations = [
        sum(node.kind == "operation" for node in tg.graph(result).nodes)
        for result in (looped, np.dot(a, b))
    ]
    assert operations[0] >= 4 * 50 - 1
    assert operations[1] == 1
