"""Inverted dropout: what comes out, and how often."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.errors import ArgumentError


def mask_of(layer, shape=(1000,), dtype=np.float64):
    return layer(np.ones(shape, dtype)).numpy()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("rate", [0.2, 0.5, 0.9])
def test_drops_that_fraction_and_scales_the_rest(rate, dtype):
    n = 40_000
    mask = mask_of(nn.Dropout(rate, generator=0), (n,), dtype)
    assert mask.dtype == dtype
    kept = mask != 0
    np.testing.assert_allclose(mask[kept], 1 / (1 - rate), rtol=4 * np.finfo(dtype).eps)
    # Five standard deviations of a binomial.
    assert abs(kept.sum() - n * (1 - rate)) < 5 * np.sqrt(n * rate * (1 - rate))


def test_a_fresh_mask_each_call_and_the_same_again_from_the_seed():
    layer = nn.Dropout(0.5, generator=3)
    first, second = mask_of(layer), mask_of(layer)
    assert (first != second).any()
    again = nn.Dropout(0.5, generator=np.random.default_rng(3))
    np.testing.assert_array_equal(mask_of(again), first)
    np.testing.assert_array_equal(mask_of(again), second)


def test_layers_draw_different_masks():
    assert (mask_of(nn.Dropout(0.5)) != mask_of(nn.Dropout(0.5))).any()


def test_follows_the_package_seed_without_taking_from_it():
    def masks_and_weights(layers):
        nn.seed(0)
        masks = [mask_of(nn.Dropout(0.5)) for _ in range(layers)]
        return masks, nn.Dense(2, 2).weight.numpy()

    (one,), weights = masks_and_weights(1)
    (same, other), same_weights = masks_and_weights(2)
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    np.testing.assert_array_equal(weights, same_weights)


def test_the_gradient_goes_through_the_same_mask():
    x = tg.tensor(np.full((20, 5), 3.0), requires_grad=True)
    out = nn.Dropout(0.4, generator=0)(x)
    out.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), out.detach().numpy() / 3)


def test_identity_in_evaluation_and_at_rate_0():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    assert nn.Dropout(0.5).eval()(x) is x
    assert nn.Dropout(0)(x) is x


@pytest.mark.parametrize("x", [np.float64(1.0), 1.0, [1, 1], np.ones(3, int)])
def test_input_that_is_not_a_floating_array(x):
    out = nn.Dropout(0.5, generator=0)(x)
    assert out.shape == np.shape(x)
    assert set(np.ravel(out.numpy())) <= {0.0, 2.0}


@pytest.mark.parametrize("rate", [1, 1.0, -0.1, 50, "0.5", None, True, float("nan")])
def test_refused_rates(rate):
    with pytest.raises(ArgumentError, match=r"Dropout: rate=.*keep_prob.*\[0, 1\)"):
        nn.Dropout(rate)


# As a function, and how the mask is drawn


def test_function():
    x = np.full((40, 50), 3.0, np.float32)
    out = nn.dropout(x, 0.25, generator=5)
    assert (out.shape, out.dtype) == (x.shape, np.float32)
    assert set(np.unique(out.numpy())) == {0, 4}
    np.testing.assert_array_equal(nn.dropout(x, 0.25, generator=5).numpy(), out.numpy())
    generator = np.random.default_rng(5)
    np.testing.assert_array_equal(nn.dropout(x, 0.25, generator=generator).numpy(), out.numpy())
    assert (nn.dropout(x, 0.25, generator=generator).numpy() != out.numpy()).any()
    np.testing.assert_array_equal(nn.dropout(x, 0).numpy(), x)
    nn.seed(1)
    first = nn.dropout(x, 0.25).numpy()
    assert (nn.dropout(x, 0.25).numpy() != first).any()
    nn.seed(1)
    np.testing.assert_array_equal(nn.dropout(x, 0.25).numpy(), first)


@pytest.mark.parametrize("rate", [1, -0.1, "0.5", None])
def test_rates_refused_by_the_function(rate):
    with pytest.raises(ArgumentError, match=r"dropout: rate=.*keep_prob.*\[0, 1\)"):
        nn.dropout(np.ones(3), rate)


def test_is_one_operation_on_the_picture():
    out = nn.Dropout(0.2)(tg.Variable(np.ones(4)))
    node = tg.graph(out).nodes[-1]
    assert (node.label, node.params) == ("dropout", "0.2")


@pytest.mark.parametrize("kind", ["PCG64", "PCG64DXSM", "SFC64", "Philox", "MT19937"])
def test_every_kind_of_generator(kind):
    def masks():
        layer = nn.Dropout(0.3, generator=np.random.Generator(getattr(np.random, kind)(7)))
        return [mask_of(layer, (n,)) != 0 for n in (30_000, 1, 2, 3)]

    kept = masks()[0]
    for one, same in zip(masks(), masks(), strict=True):
        np.testing.assert_array_equal(one, same)
    n = kept.size
    assert abs(kept.sum() - 0.7 * n) < 5 * np.sqrt(n * 0.21)
    # Neighbours up to 4 apart, which come from one raw number, are independent.
    for apart in range(1, 6):
        both = (kept[apart:] & kept[:-apart]).sum()
        assert abs(both - 0.49 * n) < 5 * np.sqrt(n * 0.49 * 0.51)


@pytest.mark.parametrize("rare", [0.25 / 65536, 1.5 / 65536])
def test_probabilities_are_exact_beyond_16_bits(rare):
    n = 1 << 23
    for rate, hit in ((rare, 0), (1 - rare, 1 / rare)):
        mask = mask_of(nn.Dropout(rate, generator=0), (n,))
        count = (mask == hit).sum() if hit == 0 else np.isclose(mask, hit).sum()
        assert abs(count - n * rare) < 5 * np.sqrt(n * rare)
        assert 0 < count < n


def test_expectation_is_the_input():
    masks = mask_of(nn.Dropout(0.8, generator=0), (1_000_000,))
    assert masks.mean() == pytest.approx(1, abs=5 * np.sqrt(0.8 / 0.2 / masks.size))
