"""check_grads: right functions pass at any dtype; wrong ones are caught, and the place is named."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.testing import GradientMismatch, Kink, check_grads

RNG = np.random.default_rng(5)


def normal(*shape, dtype=np.float64):
    x = RNG.normal(size=shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * RNG.normal(size=shape)
    return x.astype(dtype)


@tg.primitive(x=lambda ct, x: -ct * np.cos(x))
def sine_with_a_wrong_sign(x):
    """Sin x."""
    return np.sin(x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_right_functions_pass(dtype):
    check_grads(lambda a, b: np.tanh(a @ b), normal(2, 3, dtype=dtype), normal(3, dtype=dtype))


def test_containers_in_and_out():
    arrays = {"w": normal(3), "b": (normal(), normal(2))}
    check = check_grads(lambda p, k: {"y": p["w"] * k, "z": [p["b"][1] * p["b"][0]]}, arrays, 3)
    assert check.arrays == ("p['w']", "p['b'][0]", "p['b'][1]")


def test_the_parameters_of_a_layer():
    check = check_grads(nn.Dense(3, 2, "tanh", dtype=np.float64), normal(4, 3))
    assert check.arrays == ("x", "weight", "bias")


def test_a_wrong_sign_is_caught():
    with pytest.raises(GradientMismatch, match="first derivative") as caught:
        check_grads(sine_with_a_wrong_sign, np.array([0.3, 2.0]))
    assert caught.value.argument == "x"
    assert caught.value.analytic == pytest.approx(-caught.value.numeric, rel=1e-9)


def test_a_kink_is_named():
    with pytest.raises(Kink, match=r"absolute has a kink in x\[1\]") as caught:
        check_grads(np.abs, np.array([1.0, 0.0, -2.0]))
    assert caught.value.index == (1,)
