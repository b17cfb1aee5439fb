"""For each strategy a planted mistake, as rules have it, and the smallest example that shows it."""

import numpy as np
from smallest import smallest

import tinygraph as tg
from tinygraph.testing import GradientMismatch, check_grads
from tinygraph.testing import strategies as st


def test_a_rule_that_is_wrong_beyond_a_threshold():
    @tg.elementwise(x=lambda ct, x: np.where(x > 2, 0, ct))
    def clipped(x):
        return x

    def fails(x):
        try:
            check_grads(clipped, x, order=1)
        except GradientMismatch:
            return True
        return False

    found = smallest(st.arrays(), fails)
    assert (found.shape, found.item()) == ((), 3)


def test_a_function_that_reads_memory_as_it_lies():
    found = smallest(st.arrays(), lambda x: (x.ravel("K") != x.ravel()).any())
    assert found.size <= 4
    assert np.count_nonzero(found) == 1


def test_a_function_that_forgets_empty_tensors():
    found = smallest(st.tensors(), lambda t: not t.numpy().size)
    assert (found.shape, found.requires_grad) == ((0,), True)


def test_a_cotangent_that_is_not_summed_over_axes_of_size_1():
    def fails(shapes):
        whole = np.broadcast_shapes(*shapes)
        return any(whole[len(whole) - len(shape) :] != shape for shape in shapes)

    assert sorted(smallest(st.broadcastable_shapes(2), fails)) == [(1,), (2,)]


def test_a_cotangent_that_is_not_summed_over_added_axes():
    assert smallest(st.broadcastable_shapes((2, 3)), lambda shape: len(shape) > 2) == (1, 1, 1)


def test_a_stack_that_is_not_summed_in_matmul():
    def fails(shapes):
        return len(shapes[0]) == 2 < len(shapes[1])

    found = smallest(st.mutually_compatible_matmul_shapes(), fails)
    assert found == ((1, 1), (1, 1, 1))


def test_a_diagonal_that_einsum_forgets():
    def fails(call):
        return any(
            len({*term}) < len(term) for term in call.subscripts.partition("->")[0].split(",")
        )

    call = smallest(st.einsum_subscripts(ellipsis=False, implicit=False), fails)
    assert (call.subscripts, [x.tolist() for x in call.operands]) == ("ii->", [[[0.0]]])


def test_an_axis_that_is_not_counted_from_the_end():
    def fails(axis):
        return isinstance(axis, tuple) and any(k < 0 for k in axis)

    assert smallest(st.axes((2, 3)), fails) == (-2,)


def test_an_element_that_is_taken_twice_and_gets_one_cotangent():
    def fails(index):
        wrong, right = np.zeros((2, 2)), np.zeros((2, 2))
        wrong[index] += 1
        np.add.at(right, index, 1)
        return not np.array_equal(wrong, right)

    found = smallest(st.indices((2, 2)), fails)
    (only,) = found if isinstance(found, tuple) else (found,)
    assert only.tolist() == [0, 0]


def test_a_transpose_whose_rule_does_not_invert_the_order():
    def fails(order):
        return np.transpose(np.zeros((2, 3, 4)).transpose(order), order).shape != (2, 3, 4)

    assert smallest(st.permutations(3), fails) in ((1, 2, 0), (2, 0, 1))


def test_an_activation_that_is_wrong_in_a_network():
    def fails(config):
        return any("tanh" in layer.args for layer in config.layers)

    config = smallest(st.module_configs(), fails)
    assert repr(config) == "<nn.Dense(1, 1, 'tanh'); input (1, 1), float64, seed 0>"


def test_a_loss_that_takes_probabilities_for_classes():
    def fails(y):
        return y.ndim == 2 and bool(((y > 0) & (y < 1)).any())

    assert smallest(st.labels(2, 3), fails).tolist() == [[1, 0, 0], [0, 0.5, 0.5]]


def test_a_reduction_that_is_wrong_where_axes_are_kept():
    call = smallest(st.operations("reduction"), lambda call: call.kwargs.get("keepdims"))
    assert call.arrays[0].size == 1
    assert call.kwargs == {"keepdims": True}


def test_an_operation_by_itself():
    call = smallest(st.operations("elementwise"), lambda call: call.name == "divide")
    assert [x.shape for x in call.arrays] == [(), ()]
