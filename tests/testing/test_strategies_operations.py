"""Operations of the registry and small networks: what is drawn runs, and is differentiable."""

import numpy as np
import pytest
from hypothesis import given, settings
from smallest import smallest

import tinygraph as tg
from tinygraph.errors import ArgumentError
from tinygraph.testing import strategies as st


def ours(primitive):
    """Other tests declare operations too, some of them wrong on purpose."""
    return primitive.definition.__module__.startswith("tinygraph.")


@tg.primitive(x=lambda ct, shape, axis, keepdims: np.full(shape, 0.5))
def half_sum(x, axis=None, keepdims=False):
    """A sum whose derivative is 0.5 whatever the cotangent."""
    return x.sum(axis, keepdims=keepdims)


# Operations


@settings(max_examples=100)
@given(st.operations(where=ours))
def test_operations_run_and_have_gradients(call):
    leaves = [tg.Variable(x) for x in call.arrays]
    outputs = call(*leaves)
    outputs = outputs if isinstance(outputs, (tuple, list)) else [outputs]
    real = [y for y in outputs if y.requires_grad and y.dtype.kind == "f"]
    if real:
        for x, g in zip(leaves, tg.gradients(real, leaves, [np.ones(y.shape) for y in real])):
            assert g is None or (g.shape == x.shape and np.isfinite(g.numpy()).all())


@given(st.operations("elementwise", where=ours, dtype=np.float32))
def test_elementwise_operations_get_shapes_that_broadcast(call):
    assert call.primitive.elementwise
    shape = np.broadcast_shapes(*(np.shape(a) for a in call.args))
    assert call().shape == shape
    assert {x.dtype for x in call.arrays} == {np.dtype(np.float32)}


@given(st.operations("reduction", names=["sum", "logsumexp"]))
def test_the_text_of_a_call_is_the_call(call):
    text = repr(call)
    names = {"np": np, "sum": tg.sum, "logsumexp": tg.logsumexp}
    np.testing.assert_array_equal(eval(text, names).numpy(), call().numpy())  # noqa: S307


@given(st.operations(names=["concatenate", "solve", "getitem", "log"], layouts=["F", "strided"]))
def test_other_values_stand_in_the_same_places(call):
    doubled = call(*(2 * x for x in call.arrays))
    assert doubled.shape == call().shape
    if call.name in ("concatenate", "getitem"):
        np.testing.assert_array_equal(doubled.numpy(), 2 * call().numpy())
    if call.name == "log":
        np.testing.assert_allclose(doubled.numpy(), call().numpy() + np.log(2))


def test_an_operation_of_ones_own_is_drawn_by_its_properties():
    """A wrong rule is found with the smallest array."""

    def wrong(call):
        x = tg.Variable(call.arrays[0])
        y = call(x)
        (g,) = tg.gradients([y], [x], [np.ones(y.shape)])
        return not np.array_equal(g.numpy(), np.ones(x.shape))  # of a sum

    call = smallest(st.operations("reduction", names=["half_sum"]), wrong)
    assert repr(call) == "half_sum(np.array(0.0))" or repr(call) == "half_sum(np.array(1.0))"


def test_operations_that_there_are_none_of_are_refused():
    with pytest.raises(ArgumentError, match=r"kind 'fancy'; there are .*elementwise.*shape"):
        st.operations("fancy")
    with pytest.raises(ArgumentError, match="no operation tanhh"):
        st.operations(names=["tanhh"])
    with pytest.raises(ArgumentError, match="none is left by where="):
        st.operations(where=lambda primitive: False)


# Networks


@given(st.module_configs(smooth=False))
def test_networks_run_and_their_code_makes_the_same(config):
    model, x = config.build(), config.inputs()
    y = model(x)
    assert y.dtype == np.float64
    assert all(p.dtype == np.float64 for p in model.parameters())
    made = {}
    exec(config.code, made)  # noqa: S102
    np.testing.assert_array_equal(made["x"], x)
    np.testing.assert_array_equal(made["model"](x).numpy(), y.numpy())


@pytest.mark.parametrize(
    "layer", ["LayerNorm", "BatchNorm", "Conv1D", "Conv2D", "GroupNorm", "GRU", "TransformerBlock"]
)
def test_networks_of_every_kind_are_met(layer):
    config = smallest(st.module_configs(), lambda c: any(made.name == layer for made in c.layers))
    assert any(type(part).__name__ == layer for part in config.build())


def test_networks_shrink_to_one_unit():
    config = smallest(st.module_configs(), lambda c: True)
    assert repr(config) == "<nn.Dense(1, 1, None); input (1, 1), float64, seed 0>"
    config = smallest(st.module_configs(kinds=["dense"]), lambda c: len(c.layers) == 2)
    assert [layer.args for layer in config.layers] == [(1, 1, None), (1, 1, None)]


@settings(max_examples=10)
@given(st.module_configs(max_layers=2))
def test_networks_have_right_gradients(config):
    model, x = config.build(), config.inputs()
    check = tg.testing.gradient_check(
        lambda: (model(x) ** 2).mean(), model.parameters(), components=3
    )
    assert check.ratio < 1e-5, f"{config}: {check}"


def test_a_network_is_of_the_dtype_asked_for():
    config = smallest(st.module_configs(dtype=np.float32, kinds=["dense"]), lambda c: True)
    assert config.build()(config.inputs()).dtype == np.float32
    assert "np.float32" in config.code


def test_networks_that_there_are_none_of_are_refused():
    with pytest.raises(ArgumentError, match="kind 'conv'; there are dense, convolution"):
        st.module_configs(kinds=["conv"])
    with pytest.raises(ArgumentError, match="max_layers=0"):
        st.module_configs(max_layers=0)
