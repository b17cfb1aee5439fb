"""Optimisers and schedules beside PyTorch's: the same parameters over a hundred steps."""

import numpy as np
import pytest
import torch

import tinygraph as tg
from tinygraph import optim

STEPS = 100
SHAPES = [(3, 4), (4,), (), (2, 3)]
SLOPES = [0.5, 2.0, -0.3, 1.0]


@pytest.fixture(autouse=True)
def _double():
    """NAdam keeps its product of momenta in PyTorch's default dtype."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def trajectory(ours, theirs, groups=None, dtype=np.float64, steps=STEPS):
    """Run both from one start, each by the gradients at its own parameters; compare each step.

    The second parameter has no gradient every third step, and the third none before step 7.
    """
    rng = np.random.default_rng(0)
    starts = [rng.normal(size=shape).astype(dtype) for shape in SHAPES]
    if np.dtype(dtype).kind == "c":
        starts = [s + 1j * rng.normal(size=s.shape) for s in starts]
    own = [tg.tensor(s, dtype, requires_grad=True) for s in starts]
    other = [torch.tensor(s, requires_grad=True) for s in starts]
    optimizer, peer = (
        ours(own if groups is None else groups(own)),
        theirs(other if groups is None else groups(other)),
    )
    for t in range(steps):
        for i, (mine, yours) in enumerate(zip(own, other, strict=True)):
            noise = rng.normal(size=mine.shape)
            if np.dtype(dtype).kind == "c":
                noise = noise + 1j * rng.normal(size=mine.shape)
            if (i == 1 and t % 3 == 1) or (i == 2 and t < 7):
                mine.grad = yours.grad = None
                continue
            mine.grad = SLOPES[i] * mine.numpy() + noise
            yours.grad = torch.tensor(np.asarray(SLOPES[i] * yours.detach().numpy() + noise, dtype))
        optimizer.step()
        peer.step()
        for mine, yours in zip(own, other, strict=True):
            expected = yours.detach().numpy()
            np.testing.assert_allclose(mine.numpy(), expected, rtol=1e-10, atol=1e-10)
    return optimizer, peer


O, T = optim, torch.optim
PAIRS = {
    "SGD": (lambda p: O.SGD(p, 0.01), lambda p: T.SGD(p, 0.01)),
    "SGD decay": (
        lambda p: O.SGD(p, 0.01, weight_decay=0.1),
        lambda p: T.SGD(p, 0.01, weight_decay=0.1),
    ),
    "SGD momentum": (lambda p: O.SGD(p, 0.01, 0.9), lambda p: T.SGD(p, 0.01, 0.9)),
    "SGD dampening": (
        lambda p: O.SGD(p, 0.01, 0.9, dampening=0.4, weight_decay=0.1),
        lambda p: T.SGD(p, 0.01, 0.9, dampening=0.4, weight_decay=0.1),
    ),
    "SGD dampening as much as momentum": (
        lambda p: O.SGD(p, 0.01, 0.9, dampening=0.9),
        lambda p: T.SGD(p, 0.01, 0.9, dampening=0.9),
    ),
    "SGD Nesterov": (
        lambda p: O.SGD(p, 0.01, 0.9, nesterov=True, weight_decay=0.1),
        lambda p: T.SGD(p, 0.01, 0.9, nesterov=True, weight_decay=0.1),
    ),
    "RMSprop": (lambda p: O.RMSprop(p), lambda p: T.RMSprop(p)),
    "RMSprop momentum": (
        lambda p: O.RMSprop(p, 0.01, 0.9, 1e-6, momentum=0.8, weight_decay=0.1),
        lambda p: T.RMSprop(p, 0.01, 0.9, 1e-6, momentum=0.8, weight_decay=0.1),
    ),
    "RMSprop centred": (
        lambda p: O.RMSprop(p, 0.01, 0.9, centered=True, eps=1e-3),
        lambda p: T.RMSprop(p, 0.01, 0.9, centered=True, eps=1e-3),
    ),
    "RMSprop centred, momentum": (
        lambda p: O.RMSprop(p, 0.01, 0.9, centered=True, eps=1e-3, momentum=0.5),
        lambda p: T.RMSprop(p, 0.01, 0.9, centered=True, eps=1e-3, momentum=0.5),
    ),
    "Adagrad": (lambda p: O.Adagrad(p), lambda p: T.Adagrad(p)),
    "Adagrad, all": (
        lambda p: O.Adagrad(p, 0.1, 1e-5, initial=0.5, weight_decay=0.1),
        lambda p: T.Adagrad(
            p, 0.1, eps=1e-5, initial_accumulator_value=0.5, weight_decay=0.1
        ),
    ),
    "Adadelta": (lambda p: O.Adadelta(p), lambda p: T.Adadelta(p)),
    "Adadelta, all": (
        lambda p: O.Adadelta(p, 0.5, 0.8, 1e-4, weight_decay=0.1),
        lambda p: T.Adadelta(p, 0.5, 0.8, 1e-4, weight_decay=0.1),
    ),
    "Adam": (lambda p: O.Adam(p), lambda p: T.Adam(p)),
    "Adam, all": (
        lambda p: O.Adam(p, 0.02, (0.8, 0.95), 1e-6, weight_decay=0.1),
        lambda p: T.Adam(p, 0.02, (0.8, 0.95), 1e-6, weight_decay=0.1),
    ),
    "Adam AMSGrad": (
        lambda p: O.Adam(p, 0.02, (0.8, 0.9), amsgrad=True, weight_decay=0.1),
        lambda p: T.Adam(p, 0.02, (0.8, 0.9), amsgrad=True, weight_decay=0.1),
    ),
    "AdamW": (lambda p: O.AdamW(p), lambda p: T.AdamW(p)),
    "AdamW, all": (
        lambda p: O.AdamW(p, 0.02, (0.8, 0.95), 1e-6, weight_decay=0.3, amsgrad=True),
        lambda p: T.AdamW(p, 0.02, (0.8, 0.95), 1e-6, weight_decay=0.3, amsgrad=True),
    ),
    "NAdam": (lambda p: O.NAdam(p), lambda p: T.NAdam(p)),
    "NAdam, all": (
        lambda p: O.NAdam(p, 0.02, (0.8, 0.95), 1e-6, momentum_decay=0.01, weight_decay=0.1),
        lambda p: T.NAdam(p, 0.02, (0.8, 0.95), 1e-6, momentum_decay=0.01, weight_decay=0.1),
    ),
    "NAdam, decay apart": (
        lambda p: O.NAdam(p, 0.02, weight_decay=0.1, decoupled_weight_decay=True),
        lambda p: T.NAdam(p, 0.02, weight_decay=0.1, decoupled_weight_decay=True),
    ),
    "RAdam": (lambda p: O.RAdam(p), lambda p: T.RAdam(p)),
    "RAdam, all": (
        lambda p: O.RAdam(p, 0.02, (0.8, 0.95), 1e-6, weight_decay=0.1),
        lambda p: T.RAdam(p, 0.02, (0.8, 0.95), 1e-6, weight_decay=0.1),
    ),
    "RAdam, decay apart": (
        lambda p: O.RAdam(p, 0.02, weight_decay=0.1, decoupled_weight_decay=True),
        lambda p: T.RAdam(p, 0.02, weight_decay=0.1, decoupled_weight_decay=True),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_trajectory(name):
    trajectory(*PAIRS[name])


@pytest.mark.parametrize(
    "name", ["SGD momentum", "RMSprop", "Adagrad", "Adadelta", "Adam", "AdamW", "Adagrad, all"]
)
def test_trajectory_of_complex_parameters(name):
    trajectory(*PAIRS[name], dtype=np.complex128)


@pytest.mark.parametrize("name", ["SGD momentum", "Adam", "AdamW", "RMSprop", "NAdam", "RAdam"])
def test_trajectory_of_groups(name):
    def groups(p):
        return [
            {"params": [p[0], p[2]], "lr": 0.03},
            {"params": [p[1]], "weight_decay": 0.2},
            {"params": [p[3]]},
        ]

    trajectory(*PAIRS[name], groups=groups)


SCHEDULES = {
    "exponential": (
        lambda: O.Exponential(0.1, 0.9),
        lambda o: T.lr_scheduler.ExponentialLR(o, 0.9),
    ),
    "staircase": (
        lambda: O.Staircase(0.1, 7, 0.5),
        lambda o: T.lr_scheduler.StepLR(o, 7, 0.5),
    ),
    "inverse time": (
        lambda: O.InverseTime(0.1, 0.3),
        lambda o: T.lr_scheduler.LambdaLR(o, lambda t: 1 / (1 + 0.3 * t)),
    ),
    "cosine": (
        lambda: O.Cosine(0.1, 60, 0.01),
        lambda o: T.lr_scheduler.CosineAnnealingLR(o, 60, 0.01),
    ),
    "cosine with restarts": (
        lambda: O.Cosine(0.1, 7, 0.01, restarts=True),
        lambda o: T.lr_scheduler.CosineAnnealingWarmRestarts(o, 7, eta_min=0.01),
    ),
    "cosine with longer and longer restarts": (
        lambda: O.Cosine(0.1, 3, 0.01, restarts=True, growth=2),
        lambda o: T.lr_scheduler.CosineAnnealingWarmRestarts(o, 3, 2, 0.01),
    ),
    "one cycle": (
        lambda: O.OneCycle(0.1, 60),
        lambda o: T.lr_scheduler.OneCycleLR(o, 0.1, 60, cycle_momentum=False),
    ),
    "one cycle, all": (
        lambda: O.OneCycle(0.1, 60, warm=0.45, start=10, end=50),
        lambda o: T.lr_scheduler.OneCycleLR(
            o, 0.1, 60, pct_start=0.45, div_factor=10, final_div_factor=50, cycle_momentum=False
        ),
    ),
    "warm-up, then cosine": (
        lambda: O.WarmUp(O.Cosine(0.1, 40), 10),
        lambda o: T.lr_scheduler.SequentialLR(
            o,
            [
                T.lr_scheduler.LinearLR(o, 1 / 11, 1, 10),
                T.lr_scheduler.CosineAnnealingLR(o, 40),
            ],
            [10],
        ),
    ),
}


@pytest.mark.filterwarnings("ignore:The epoch parameter in")  # PyTorch's SequentialLR uses it
@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule(name):
    ours, theirs = SCHEDULES[name]
    parameter = torch.zeros(1, requires_grad=True)
    peer = torch.optim.SGD([parameter], 0.1)
    scheduler = theirs(peer)
    schedule = ours()
    w = tg.Variable([1.0])
    optimizer = optim.SGD([w], lr=schedule)
    for t in range(50 if "cosine" in name and "restarts" not in name else 59):
        expected = peer.param_groups[0]["lr"]
        assert schedule(t) == pytest.approx(expected, rel=1e-9, abs=1e-15)
        assert optimizer.lr == schedule(t)
        w.grad = [0.0]
        parameter.grad = torch.zeros(1)
        optimizer.step()
        peer.step()
        scheduler.step()


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("cooldown", [0, 3])
def test_reduce_on_plateau(mode, cooldown):
    rng = np.random.default_rng(0)
    peer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        peer, mode, 0.5, 2, threshold=0.01, cooldown=cooldown, min_lr=1e-3
    )
    schedule = optim.ReduceOnPlateau(
        0.1, 0.5, 2, threshold=0.01, cooldown=cooldown, minimum=1e-3, mode=mode
    )
    optimizer = optim.SGD([tg.Variable([1.0])], lr=schedule)
    rates = set()
    for epoch in range(60):
        level = np.exp(-epoch / 5) if mode == "min" else 2 - np.exp(-epoch / 5)
        metric = level + 0.5 + 0.1 * rng.normal()
        optimizer.next_epoch(metric)
        scheduler.step(metric)
        assert optimizer.lr == pytest.approx(peer.param_groups[0]["lr"], rel=1e-12)
        rates.add(optimizer.lr)
    assert len(rates) >= 4


@pytest.mark.parametrize("max_norm", [0.5, 100.0])
def test_clipping_by_norm(max_norm):
    rng = np.random.default_rng(0)
    gradients = [rng.normal(size=shape) for shape in SHAPES]
    own = [tg.Variable(np.zeros(shape)) for shape in SHAPES]
    other = [torch.zeros(shape, dtype=torch.float64, requires_grad=True) for shape in SHAPES]
    for mine, yours, gradient in zip(own, other, gradients, strict=True):
        mine.grad, yours.grad = gradient, torch.tensor(gradient)
    norm = optim.clip_grad_norm(own, max_norm)
    expected = torch.nn.utils.clip_grad_norm_(other, max_norm).item()
    assert norm == pytest.approx(expected, rel=1e-12)
    for mine, yours in zip(own, other, strict=True):
        # PyTorch divides by the norm and 1e-6.
        np.testing.assert_allclose(mine.grad.numpy(), yours.grad.numpy(), rtol=1e-5)
