"""Broadcasting, and the arrays of shape (n,) that are neither row nor column."""

import numpy as np
import pytest

import tinygraph as tg


@pytest.mark.parametrize("shape", [(1, 4), (3, 1), (4,), (), (1, 1), (3, 4)])
def test_gradients_have_exactly_the_shape_of_their_tensor(shape):
    A, b = tg.Variable(np.ones((3, 4))), tg.Variable(np.full(shape, 2.0))
    np.sum(A * b).backward()
    assert A.grad.shape == (3, 4)
    assert b.grad.shape == shape
    np.testing.assert_array_equal(b.grad, np.full(shape, 12 / np.prod(shape)))


def test_the_courses_calories():
    A = tg.Variable([[56.0, 0.0, 4.4, 68.0], [1.2, 104.0, 52.0, 8.0], [1.8, 135.0, 99.0, 0.9]])
    share = 100 * A / np.sum(A, axis=0).reshape(1, 4)
    np.testing.assert_allclose(np.sum(share, axis=0).detach(), np.full(4, 100), rtol=1e-12)
    np.sum(share).backward()  # constant, whatever A is
    np.testing.assert_allclose(A.grad, np.zeros((3, 4)), atol=1e-12)


def test_a_row_and_a_column_that_meet_by_accident_keep_their_shapes():
    column, flat = tg.Variable(np.ones((3, 1))), tg.Variable(np.ones(3))
    total = np.sum(column + flat)  # (3, 3): the mistake the notes warn of
    total.backward()
    assert total.item() == 18
    assert (column.grad.shape, flat.grad.shape) == ((3, 1), (3,))


@pytest.mark.parametrize(
    ("attempt", "shapes"),
    [
        (lambda a, b: a + b, ["(3, 4)", "(3,)"]),
        (lambda a, b: a @ b, ["(3, 4)", "(3,)"]),
        (lambda a, b: np.maximum(a, b), ["(3, 4)", "(3,)"]),
    ],
)
def test_shape_mistakes_name_both_shapes(attempt, shapes):
    with pytest.raises(tg.ShapeError) as raised:
        attempt(tg.Variable(np.ones((3, 4))), tg.Variable(np.ones(3)))
    for shape in shapes:
        assert shape in str(raised.value)
