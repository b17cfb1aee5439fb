"""A test of many rows tries each of them, and tells of all that fail."""

import pytest
from batches import batched


@batched("a, b", [(1, 2), (1, 0), (2, 2), (3, 0), (3, 1)], by=lambda a, _: f"of {a}")
def divides(a, b):
    """Whether it is a whole number."""
    if b == 2:
        pytest.fail("two")
    assert a // b == a / b


(PARAMETERS,) = divides.pytestmark
BATCHES = {param.id: param.values[0] for param in PARAMETERS.args[1]}


def test_rows_of_one_name_are_one_test():
    assert PARAMETERS.args[0] == "rows"
    assert BATCHES == {"of 1": [(1, 2), (1, 0)], "of 2": [(2, 2)], "of 3": [(3, 0), (3, 1)]}
    assert (divides.__name__, divides.__doc__) == ("divides", "Whether it is a whole number.")


def test_all_failures_are_told_with_their_values():
    with pytest.raises(BaseExceptionGroup, match="2 of 2 fail") as caught:
        divides(BATCHES["of 1"])
    first, second = caught.value.exceptions
    assert (type(first), first.__notes__) == (pytest.fail.Exception, ["with a=1, b=2"])
    assert (type(second), second.__notes__) == (ZeroDivisionError, ["with a=1, b=0"])


def test_one_failure_is_told_as_itself():
    with pytest.raises(ZeroDivisionError) as caught:
        divides(BATCHES["of 3"])
    assert caught.value.__notes__ == ["with a=3, b=0"]


def test_without_failures_it_passes():
    divides([(4, 1), (4, 4)])


def test_one_name_needs_no_tuples():
    tried = []
    batched("x", [1, 2, 3], by=str)(tried.append)([(1,), (2,)])
    assert tried == [1, 2]
