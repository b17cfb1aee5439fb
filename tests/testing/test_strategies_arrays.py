"""Arrays, tensors, numbers and labels: what is drawn is what was asked for, and it shrinks."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as hs
from smallest import as_drawn, smallest

import tinygraph as tg
from tinygraph import nn
from tinygraph.errors import ArgumentError, DomainError
from tinygraph.testing import strategies as st

# Numbers


@given(hs.data())
def test_values_lie_in_the_domain_and_away_from_kinks(data):
    domain = data.draw(
        hs.sampled_from([(0, math.inf), (-math.inf, 1), (-1, 1), (-math.inf, math.inf)])
    )
    kinks = data.draw(hs.sampled_from([(), (0.5,), (0.25, -2)]))
    x = data.draw(st.values(domain=domain, away_from=kinks, margin=0.05))
    assert domain[0] + 0.05 <= x <= domain[1] - 0.05
    assert all(abs(x - kink) >= 0.05 for kink in kinks)


def test_a_narrow_domain_has_room():
    x = as_drawn(st.arrays((3,), domain=(1, 1.05), distinct=True))
    assert ((x > 1) & (x < 1.05)).all()
    assert len({*x.tolist()}) == 3


@given(hs.data())
def test_values_are_of_their_dtype(data):
    dtype = data.draw(st.dtypes("fcib"))
    x = data.draw(st.arrays((2,), dtype))
    assert x.dtype == dtype
    assert np.isfinite(x).all()


@given(st.arrays(shape=(8,), layouts=["C"]))
def test_no_number_is_tiny(x):
    assert ((x == 0) | (np.abs(x) >= 2.0**-20)).all()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_near_means_exactly_and_on_both_sides(dtype):
    drawn = st.values(dtype, near=[1.0])
    one = dtype(1)
    for wanted in (one, np.nextafter(one, dtype(2)), np.nextafter(one, dtype(0))):
        assert smallest(drawn, lambda x, wanted=wanted: x == wanted) == wanted


def test_numbers_near_zero_are_not_subnormal():
    assert smallest(st.values(near=[0.0]), lambda x: 0 < x < 1e-6) == np.finfo(float).tiny


@given(st.arrays(st.shapes(min_side=1), distinct=True))
def test_distinct_elements_are_apart(x):
    gaps = np.diff(np.sort(x, axis=None))
    assert gaps.size == 0 or gaps.min() >= 1 / 256


@given(st.arrays((5,), np.complex128, away_from=[0]))
def test_complex_numbers_keep_away_in_both_parts(z):
    assert (np.abs(z.real) >= 0.1).all()
    assert (np.abs(z.imag) >= 0.1).all()


def test_values_shrink_to_simple_numbers():
    assert smallest(st.values(), lambda x: True) == 0
    assert smallest(st.values(away_from=[0]), lambda x: True) == 1
    assert smallest(st.values(domain=(0, math.inf)), lambda x: x > 1.3) == 2
    assert smallest(st.values(np.int64, domain=(2, 9)), lambda x: True) == 3


# Arrays


@pytest.mark.parametrize("layout", st.LAYOUTS)
def test_every_layout_is_met(layout):
    x = as_drawn(st.arrays((2, 3, 4), distinct=layout != "broadcast", layouts=[layout]))
    assert x.shape == (2, 3, 4)
    assert np.isfinite(x).all()
    plain = np.zeros(x.shape).strides
    by_layout = {
        "C": lambda s: s == plain,
        "F": lambda s: x.flags.f_contiguous,
        "transposed": lambda s: not (x.flags.c_contiguous or x.flags.f_contiguous),
        "strided": lambda s: s[-1] == 16,
        "reversed": lambda s: max(s) < 0,
        "inner": lambda s: s[-1] == 8 and not x.flags.c_contiguous,
        "broadcast": lambda s: 0 in s and not x.flags.writeable,
    }
    assert by_layout[layout](x.strides)


@given(hs.data())
def test_a_layout_holds_the_same_numbers(data):
    x = data.draw(st.arrays(st.shapes(min_dims=1), st.dtypes("fib"), distinct=False, layouts=["C"]))
    for name, lay in st.LAYOUTS.items():
        if name != "broadcast" and x.size:
            laid = lay(x)
            assert laid.dtype == x.dtype
            np.testing.assert_array_equal(laid, x)


def test_shapes_without_axes_and_without_elements_are_met():
    assert smallest(st.arrays(), lambda x: x.ndim == 0).shape == ()
    assert smallest(st.arrays(), lambda x: x.size == 0).size == 0


def test_arrays_shrink_to_the_smallest_that_fails():
    # A reduction that is wrong for two columns or more, if they differ.
    x = smallest(st.arrays(), lambda x: x.ndim == 2 and x.shape[1] > 1 and np.ptp(x, axis=1).any())
    assert x.shape == (1, 2)
    assert sorted(np.abs(x).tolist()[0]) == [0, 1]
    assert x.flags.c_contiguous


def test_an_array_out_of_order_says_so_in_the_report(capsys):
    @settings(database=None, derandomize=True)
    @given(st.arrays((2, 2)))
    def reads_past_the_strides(x):
        assert x.flags.c_contiguous or x.flags.f_contiguous

    with pytest.raises(AssertionError) as failed:
        reads_past_the_strides()
    assert "an array of shape (2, 2) is laid out as" in "\n".join(failed.value.__notes__)


def test_options_that_make_no_sense_are_refused():
    with pytest.raises(ArgumentError, match="layout 'D'; there are C, F,"):
        st.arrays(layouts=["D"])
    with pytest.raises(ArgumentError, match="no layouts are left"):
        st.arrays(distinct=True, layouts=["broadcast"])
    with pytest.raises(DomainError, match="low < high"):
        st.arrays(domain=(1, 1))
    with pytest.raises(DomainError, match="nothing is left of domain"):
        st.arrays(domain=(0, 1), away_from=[0.5], margin=1)
    with pytest.raises(DomainError, match="integers of 0 or more"):
        st.arrays((2, -1))
    with pytest.raises(ArgumentError, match="dtype <U1"):
        st.values("U1")
    with pytest.raises(ArgumentError, match="kinds='x'"):
        st.dtypes("x")
    with pytest.raises(DomainError, match="no integer"):
        st.values(int, domain=(0, 1))


# Tensors


@given(st.tensors(dtype=st.dtypes("fc")))
def test_tensors_are_leaves_that_gradients_reach(t):
    assert t.is_leaf and t.requires_grad
    (g,) = tg.gradients((tg.real(t) * 3).sum(), [t])
    np.testing.assert_array_equal(g.numpy(), np.full(t.shape, 3, t.dtype))


def test_tensors_keep_their_layout():
    t = as_drawn(st.tensors((2, 3), layouts=["reversed"]))
    assert max(t.value.strides) < 0


def test_constants_are_not_tracked():
    for drawn in (st.tensors((2,), requires_grad=False), st.tensors((2,), np.int64)):
        assert not as_drawn(drawn).requires_grad


# Labels


@given(st.labels(3, 4))
def test_labels_are_what_losses_take(y):
    loss = nn.softmax_cross_entropy(np.ones((3, 4)), y)
    assert loss.item() == pytest.approx(math.log(4))  # of equal scores, whatever the labels
    if y.ndim == 2:
        np.testing.assert_allclose(y.sum(axis=1), 1)


def test_labels_shrink_to_class_0():
    assert smallest(st.labels(2, 3), lambda y: True).tolist() == [0, 0]
    assert smallest(st.labels((1,), 2, forms=["one-hot"]), lambda y: True).tolist() == [[1, 0]]
    some = smallest(st.labels(1, 2, forms=["probabilities"]), lambda y: 0 < y[0, 0] < 1)
    assert some.tolist() == [[0.5, 0.5]]


def test_labels_of_another_form_are_refused():
    with pytest.raises(ArgumentError, match="form 'dense'; there are classes"):
        st.labels(2, 3, forms=["dense"])
    with pytest.raises(ArgumentError, match="0 classes"):
        st.labels(2, 0)
