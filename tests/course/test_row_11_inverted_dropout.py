"""mask / keep_prob in training, so that E(Z) is unchanged; nothing at test time; fresh masks."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn

keep_prob = 0.8


def test_values_are_0_or_divided_by_keep_prob():
    layer = nn.Dropout(1 - keep_prob, generator=0)
    out = layer(np.ones((100, 100), np.float32)).numpy()
    assert set(np.unique(out)) == {np.float32(0), np.float32(1 / keep_prob)}


def test_the_expectation_is_unchanged():
    layer = nn.Dropout(1 - keep_prob, generator=0)
    # The mean of 10⁶ has standard deviation √(0.2 / 0.8) / 1000 = 0.0005.
    assert layer(np.ones(1_000_000)).numpy().mean() == pytest.approx(1, abs=0.002)


def test_a_fresh_mask_each_iteration_and_none_at_test_time():
    layer, x = nn.Dropout(1 - keep_prob, generator=0), np.ones(1000)
    assert (layer(x).numpy() != layer(x).numpy()).any()
    assert layer.eval()(x) is x


def test_the_gradient_passes_the_same_mask():
    layer, x = nn.Dropout(1 - keep_prob, generator=0), tg.Variable(np.ones(1000))
    out = layer(x)
    out.backward(np.ones(1000))
    np.testing.assert_array_equal(x.grad, out.detach())
