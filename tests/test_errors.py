"""Every mistake gets an error that names the operation, what came and what to do."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import errors


def tracked(*shape):
    return tg.Variable(np.ones(shape))


def spent():
    loss = tracked(3).sum()
    loss.backward()
    return loss


@pytest.mark.parametrize(
    ("mistake", "error", "builtin", "words"),
    [
        (
            lambda: tracked(3, 4) + tracked(5, 2),
            tg.ShapeError,
            ValueError,
            ["add", "(3, 4)", "(5, 2)", "reshape or transpose"],
        ),
        (
            lambda: tracked(3, 4) * np.ones(3),
            tg.ShapeError,
            ValueError,
            ["multiply", "(3, 4)", "(3,)", "np.newaxis"],
        ),
        (
            lambda: tracked(3, 4) @ tracked(5, 2),
            tg.ShapeError,
            ValueError,
            ["matmul", "(3, 4) @ (5, 2)", "(4, k)"],
        ),
        (
            lambda: tracked(3) @ tg.tensor(2.0),
            tg.ShapeError,
            ValueError,
            ["matmul", "(3,) @ ()", "use * to scale"],
        ),
        (
            lambda: tracked(2, 3).reshape(4, 2),
            tg.ShapeError,
            ValueError,
            ["reshape", "(2, 3)", "(4, 2)", "-1"],
        ),
        (
            lambda: np.concatenate([tracked(2, 3), tracked(2, 4)]),
            tg.ShapeError,
            ValueError,
            ["concatenate", "(2, 3)", "(2, 4)", "axis 0"],
        ),
        (
            lambda: tg.stack([tracked(2), tracked(3)]),
            tg.ShapeError,
            ValueError,
            ["stack", "(2,)", "(3,)", "same shape"],
        ),
        (
            lambda: tg.einsum("ij,jk->ik", tracked(2, 3), tracked(2, 3)),
            tg.ShapeError,
            ValueError,
            ["einsum", "(2, 3)", "'j'", "2 and 3"],
        ),
        (
            lambda: tg.tensor([1, 2], requires_grad=True),
            tg.DTypeError,
            TypeError,
            ["tensor", "int64", "1.0 rather than 1"],
        ),
        (
            lambda: (tracked(3) * 2).backward(),
            tg.ShapeError,
            ValueError,
            ["backward", "multiply", "(3,)", ".sum()"],
        ),
        (
            lambda: (tracked(3) * 2).backward(np.ones((3, 1))),
            tg.ShapeError,
            ValueError,
            ["backward", "(3, 1)", "(3,)"],
        ),
        (
            lambda: spent().backward(),
            tg.BackwardError,
            RuntimeError,
            ["backward", "sum", "retain_graph=True"],
        ),
        (
            lambda: tg.tensor([1.0]).sum().backward(),
            tg.BackwardError,
            RuntimeError,
            ["backward", "tg.Variable"],
        ),
        (
            lambda: tracked(2, 3).sum(axis=2),
            tg.AxisError,
            np.exceptions.AxisError,
            ["sum", "axis 2", "(2, 3)", "-2…1"],
        ),
        (
            lambda: tg.softmax(tracked(3), axis=1),
            tg.AxisError,
            IndexError,
            ["softmax", "axis 1", "(3,)", "-1…0"],
        ),
        (
            lambda: tg.concatenate([tracked(3), tracked(3)], axis=1),
            tg.AxisError,
            ValueError,
            ["concatenate", "axis 1", "-1…0"],
        ),
        (
            lambda: tg.take(tracked(3), [0], axis=4),
            tg.AxisError,
            ValueError,
            ["take", "axis 4", "-1…0"],
        ),
        (
            lambda: tg.exp(tracked(2), ouput=None),
            tg.ArgumentError,
            TypeError,
            ["exp", "'ouput'", "out"],
        ),
        (
            lambda: tg.sum(tracked(2), out=np.empty(())),
            tg.ArgumentError,
            TypeError,
            ["sum", "'out'", "axis", "keepdims"],
        ),
        (lambda: tg.tensor([[1.0], [2.0, 3.0]]), tg.ShapeError, ValueError, ["tensor", "ragged"]),
        (
            lambda: tracked(2) + np.array([1, None]),
            tg.DTypeError,
            TypeError,
            ["add", "object", ".astype(float)"],
        ),
        (
            lambda: tg.tensor([2, 3]) ** -1,
            tg.DomainError,
            ValueError,
            ["power", "int64", "negative integer powers"],
        ),
        (lambda: tracked(3)[5], tg.IndexingError, IndexError, ["getitem", "5", "(3,)"]),
        (lambda: tracked(3)[0.5], tg.IndexingError, IndexError, ["float64", ".astype(int)"]),
        (
            lambda: tg.one_hot([0, 3], 3),
            tg.IndexingError,
            IndexError,
            ["one_hot", "0 to 3", "3 classes", "0 … 2"],
        ),
        (lambda: tg.one_hot([0.5], 3), tg.DTypeError, TypeError, ["one_hot", "float64", "astype"]),
    ],
)
def test_the_message_names_operation_operands_and_fix(mistake, error, builtin, words):
    with pytest.raises(error) as caught:
        mistake()
    assert isinstance(caught.value, tg.TinygraphError)
    assert isinstance(caught.value, builtin)
    for word in words:
        assert word in str(caught.value)


def test_every_error_is_a_tinygraph_error_and_one_that_numpy_would_raise():
    classes = [c for c in vars(errors).values() if isinstance(c, type)]
    classes.remove(tg.TinygraphError)
    for cls in classes:
        assert issubclass(cls, tg.TinygraphError)
        assert issubclass(cls, (ArithmeticError, TypeError, ValueError, IndexError, RuntimeError))
        assert f"{cls.__name__} " in errors.__doc__
