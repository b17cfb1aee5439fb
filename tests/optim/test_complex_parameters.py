"""Complex parameters are moved as pairs of real ones."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import optim

OPTIMISERS = {
    "SGD": lambda params: optim.SGD(params, lr=0.1),
    "momentum": lambda params: optim.SGD(params, lr=0.1, momentum=0.9),
    "Adam": lambda params: optim.Adam(params, lr=0.1),
    "AMSGrad": lambda params: optim.AdamW(params, lr=0.1, amsgrad=True),
    "RMSprop": lambda params: optim.RMSprop(params, lr=0.1, momentum=0.5, centered=True),
    "Adagrad": lambda params: optim.Adagrad(params, lr=0.1, initial=0.1),
    "Adadelta": lambda params: optim.Adadelta(params, lr=10.0),
    "NAdam": lambda params: optim.NAdam(params, lr=0.1, l1_decay=0.01),
    "RAdam": lambda params: optim.RAdam(params, lr=0.1, weight_decay=0.1),
    "Lion": lambda params: optim.Lion(params, lr=0.01, weight_decay=0.1),
    "damped": lambda params: optim.SGD(params, lr=0.1, momentum=0.9, dampening=0.5),
}
SHAPES = [(2, 3), (), (1,), (0, 2)]


def draw(rng, shape, dtype):
    return np.asarray(rng.normal(size=shape) + 1j * rng.normal(size=shape), dtype)


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("name", OPTIMISERS)
def test_to_the_bit_as_their_parts(name, dtype):
    rng = np.random.default_rng(0)
    starts = [draw(rng, shape, dtype) for shape in SHAPES]
    params = [tg.Variable(z) for z in starts]
    beside = tg.Variable(np.ones(2, np.float32))  # another group
    parts = [tg.Variable(part(z)) for z in starts for part in (np.real, np.imag)]
    optimizer, other = OPTIMISERS[name]([*params, beside]), OPTIMISERS[name](parts)
    for _ in range(5):
        for i, p in enumerate(params):
            p.grad = g = draw(rng, p.shape, dtype)
            parts[2 * i].grad, parts[2 * i + 1].grad = g.real, g.imag
        beside.grad = np.ones(2)
        optimizer.step()
        other.step()
    for i, p in enumerate(params):
        assert p.dtype == dtype
        np.testing.assert_array_equal(p.numpy().real, parts[2 * i].numpy())
        np.testing.assert_array_equal(p.numpy().imag, parts[2 * i + 1].numpy())


@pytest.mark.parametrize("name", OPTIMISERS)
def test_goes_on_from_its_state(name):
    rng = np.random.default_rng(1)
    start, gradients = draw(rng, 3, complex), draw(rng, (4, 3), complex)
    z = tg.Variable(start)
    optimizer = OPTIMISERS[name]([z])
    for i, g in enumerate(gradients):
        if i == 2:
            again = tg.Variable(z.numpy())
            copy = OPTIMISERS[name]([again])
            copy.load_state_dict(optimizer.state_dict())
        if i >= 2:
            again.grad = g
            copy.step()
        z.grad = g
        optimizer.step()
    np.testing.assert_array_equal(again.numpy(), z.numpy())


def test_an_update_of_ones_own_is_given_real_arrays():
    class Signs(optim.Optimizer):
        def update(self, value, gradient, out):
            assert value.dtype == gradient.dtype == np.float32
            np.subtract(value, self.lr * np.sign(gradient), out=out)

    z = tg.Variable(np.array([1 + 1j, -2j], np.complex64))
    z.grad = np.array([2 - 3j, 5j])
    Signs([z], lr=0.5).step()
    np.testing.assert_array_equal(z.numpy(), [0.5 + 1.5j, -2.5j])
