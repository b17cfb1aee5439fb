"""Learning-rate schedules: their formulas, how optimisers follow them, and pictures."""

import copy
import math

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import optim
from tinygraph.errors import ArgumentError, DeclarationError

FORMULAS = {
    "constant": (optim.Constant(0.3), lambda t: 0.3),
    "inverse time": (optim.InverseTime(0.2, 1.5), lambda t: 0.2 / (1 + 1.5 * t)),
    "exponential": (optim.Exponential(0.2), lambda t: 0.95**t * 0.2),
    "square root": (optim.InverseSquareRoot(0.2, 3.0), lambda t: 3 / math.sqrt(t + 1) * 0.2),
    "staircase": (optim.Staircase(0.2, 3), lambda t: 0.2 * 0.5 ** math.floor(t / 3)),
    "piecewise": (
        optim.Piecewise([2, 5], [0.3, 0.2, 0.1]),
        lambda t: 0.3 if t < 2 else 0.2 if t < 5 else 0.1,
    ),
    "cosine": (
        optim.Cosine(0.2, 8, 0.04),
        lambda t: 0.04 + 0.16 * (1 + math.cos(math.pi * min(t, 8) / 8)) / 2,
    ),
    "restarts": (
        optim.Cosine(0.2, 4, restarts=True),
        lambda t: 0.2 * (1 + math.cos(math.pi * (t % 4) / 4)) / 2,
    ),
    "longer restarts": (
        optim.Cosine(0.2, 2, restarts=True, growth=3),
        lambda t: 0.1 * (1 + math.cos(math.pi * (t / 2 if t < 2 else (t - 2) / 6))),
    ),
    "warm-up": (optim.WarmUp(0.2, 3), lambda t: 0.2 * min(t + 1, 4) / 4),
    "warm-up, then exponential": (
        optim.WarmUp(optim.Exponential(0.2, 0.5), 3),
        lambda t: 0.2 * (t + 1) / 4 if t < 3 else 0.2 * 0.5 ** (t - 3),
    ),
    "warm-up, then a function": (
        optim.WarmUp(lambda t: 1 / (t + 1), 3),
        lambda t: (t + 1) / 4 if t < 3 else 1 / (t - 2),
    ),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formula(name):
    schedule, formula = FORMULAS[name]
    for t in range(8):
        assert schedule(t) == pytest.approx(formula(t), rel=1e-12, abs=1e-15)
        assert type(schedule(t)) is float


def test_one_cycle():
    schedule = optim.OneCycle(1.0, 20, start=10, end=100)
    rates = [schedule(t) for t in range(25)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[5] == 1.0  # at 0.3 · 20 − 1
    assert rates[19:] == pytest.approx([1e-3] * 6)
    assert np.all(np.diff(rates[:6]) > 0)
    assert np.all(np.diff(rates[5:20]) < 0)


@pytest.mark.parametrize("name", FORMULAS)
def test_followed_by_step(name):
    schedule, formula = FORMULAS[name]
    w = tg.Variable([0.0])
    optimizer = optim.SGD([w], lr=schedule)
    assert optimizer.schedule is schedule
    for t in range(6):
        assert optimizer.lr == pytest.approx(formula(t), rel=1e-12)
        before = w.item()
        w.grad = [1.0]
        optimizer.step()
        assert before - w.item() == pytest.approx(formula(t), rel=1e-9)


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.Lion])
def test_the_same_as_setting_the_rate_by_hand(kind):
    one, other = tg.Variable(3.0), tg.Variable(3.0)
    schedule = optim.InverseTime(0.1, 0.5)
    first, second = kind([one], lr=schedule), kind([other], lr=1.0)
    for t in range(5):
        second.lr = schedule(t)
        first.minimize(lambda: one * one)
        second.minimize(lambda: other * other)
    assert one.item() == other.item()
    assert one.dtype == np.float64


def test_followed_by_epoch():
    w = tg.Variable([1.0])
    optimizer = optim.SGD([w], lr=optim.InverseTime(0.2, 1.0, by="epoch"))
    rates = []
    for _ in range(4):
        for _ in range(3):
            w.grad = [0.0]
            optimizer.step()
            rates.append(optimizer.lr)
        optimizer.next_epoch(0.5)
    np.testing.assert_allclose(rates, np.repeat([0.2, 0.1, 0.2 / 3, 0.05], 3), rtol=1e-12)
    assert (optimizer.epoch, optimizer.steps) == (4, 12)


def test_a_number_takes_the_place_of_a_schedule_and_the_other_way_round():
    optimizer = optim.Adam([tg.Variable([1.0])], lr=optim.Exponential(0.1, 0.5))
    optimizer.steps = 1
    assert optimizer.lr == 0.05
    optimizer.lr = np.float32(0.25)
    assert (optimizer.lr, optimizer.schedule, type(optimizer.lr)) == (0.25, None, float)
    optimizer.lr = lambda t: 1 / t
    assert optimizer.lr == 1.0


def test_an_update_sees_the_rate_of_its_step():
    class Seen(optim.Optimizer):
        def update(self, value, gradient, out, *state):
            seen.append((self.steps, self.lr))
            out[...] = value

    seen, w = [], tg.Variable([1.0])
    optimizer = Seen([w], lr=lambda t: 10 + t)
    for _ in range(3):
        w.grad = [1.0]
        optimizer.step()
    assert seen == [(1, 10), (2, 11), (3, 12)]
    assert optimizer.lr == 13


def test_a_schedule_that_ends_says_so_before_anything_moves():
    def short(t):
        if t >= 2:
            raise StopIteration("trained to the end")
        return 0.5

    w = tg.Variable([1.0])
    optimizer = optim.Adam([w], lr=short)
    for _ in range(2):
        w.grad = [1.0]
        optimizer.step()
    before, state = w.item(), optimizer.state_dict()
    with pytest.raises(StopIteration, match="to the end"):
        optimizer.step()
    assert w.item() == before
    assert optimizer.steps == 2
    np.testing.assert_array_equal(optimizer.state["mean"][0], state["mean.0"])


# Plateaus


def test_reduce_on_plateau():
    schedule = optim.ReduceOnPlateau(1.0, 0.5, patience=1, minimum=0.2)
    optimizer = optim.SGD([tg.Variable([1.0])], lr=schedule)
    metrics = [3.0, 2.0, 2.0, math.nan, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    rates = []
    for metric in metrics:
        optimizer.next_epoch(metric)
        rates.append(optimizer.lr)
    assert rates == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2, 0.2]


def test_reduce_on_plateau_of_what_is_to_rise_with_cooldown():
    schedule = optim.ReduceOnPlateau(1.0, 0.5, patience=0, cooldown=2, mode="max", threshold=0.1)
    rates = []
    for metric in (1.0, 1.05, 1.05, 1.05, 1.05, 2.0):
        schedule.observe(metric)
        rates.append(schedule(0))
    assert rates == [1, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_warm_up_before_a_plateau():
    schedule = optim.WarmUp(optim.ReduceOnPlateau(1.0, 0.5, patience=0), 3)
    w = tg.Variable([1.0])
    optimizer = optim.SGD([w], lr=schedule)
    for expected in (0.25, 0.5, 0.75, 1.0):
        assert optimizer.lr == expected
        w.grad = [0.0]
        optimizer.step()
    optimizer.next_epoch(1.0)
    optimizer.next_epoch(tg.tensor(2.0))
    assert optimizer.lr == 0.5


def test_a_plateau_shared_by_groups_is_told_once():
    schedule = optim.ReduceOnPlateau(1.0, 0.5, patience=1)
    groups = [{"params": [tg.Variable([1.0])], "lr": schedule} for _ in range(2)]
    optimizer = optim.SGD(groups, lr=schedule)
    for metric in (1.0, 1.0):
        optimizer.next_epoch(metric)
    assert optimizer.lr == 1.0
    optimizer.next_epoch(1.0)
    assert [group.lr for group in optimizer.groups] == [0.5, 0.5]


def test_a_plateau_without_a_metric():
    optimizer = optim.SGD([tg.Variable([1.0])], lr=optim.ReduceOnPlateau(1.0))
    with pytest.raises(ArgumentError, match=r"SGD.next_epoch: ReduceOnPlateau.*next_epoch\(cost\)"):
        optimizer.next_epoch()
    with pytest.raises(ArgumentError, match=r"metric='low'; it needs a number"):
        optimizer.next_epoch("low")
    assert optimizer.epoch == 0


# Going on from a state


@pytest.mark.parametrize(
    "build",
    [
        lambda: optim.WarmUp(optim.ReduceOnPlateau(0.1, 0.5, patience=0), 4),
        lambda: optim.Cosine(0.1, 10, by="epoch"),
        lambda: optim.WarmUp(optim.Exponential(0.1, 0.9), 4),
    ],
)
def test_a_resumed_run_is_the_uninterrupted_one(build):
    def run(w, optimizer, epochs):
        rates = []
        for _ in range(epochs):
            for _ in range(2):
                optimizer.minimize(lambda: (w * w).sum())
                rates.append(optimizer.lr)
            optimizer.next_epoch((w * w).sum().item() + 0.5 * (-1) ** optimizer.epoch)
        return rates

    w = tg.Variable([1.0, -2.0])
    optimizer = optim.Adam([w], lr=build())
    run(w, optimizer, 4)
    again = tg.Variable(w.numpy())
    resumed = optim.Adam([again], lr=build())
    resumed.load_state_dict(optimizer.state_dict())
    assert resumed.epoch == 4
    assert run(w, optimizer, 4) == run(again, resumed, 4)
    np.testing.assert_array_equal(w.numpy(), again.numpy())


def test_a_copy_has_a_plateau_of_its_own():
    optimizer = optim.SGD([tg.Variable([1.0])], lr=optim.ReduceOnPlateau(1.0, 0.5, patience=0))
    again = copy.deepcopy(optimizer)
    for metric in (1.0, 1.0):
        again.next_epoch(metric)
    assert (again.lr, optimizer.lr) == (0.5, 1.0)


def test_a_state_with_a_schedule_needs_one():
    w = tg.Variable([1.0])
    plateau = optim.SGD([w], lr=optim.ReduceOnPlateau(1.0))
    number, cosine = optim.SGD([w], lr=0.5), optim.SGD([w], lr=optim.Cosine(1.0, 5))
    plateau.next_epoch(1.0)
    for other, words in ((number, "lr=schedule, before loading"), (cosine, "remembers nothing")):
        with pytest.raises(ArgumentError, match=words):
            other.load_state_dict(plateau.state_dict())
        assert other.epoch == 0
    with pytest.raises(ArgumentError, match="the state of a ReduceOnPlateau"):
        plateau.load_state_dict(cosine.state_dict())
    cosine.load_state_dict(number.state_dict())  # whose rate was set by hand
    assert cosine.lr == 0.5


# What is refused


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: optim.Exponential(-0.1), "Exponential: initial=-0.1"),
        (lambda: optim.InverseTime(0.1, "fast"), "InverseTime: decay='fast'"),
        (lambda: optim.Staircase(0.1, 0), "Staircase: every=0"),
        (lambda: optim.Cosine(0.1, -5), "Cosine: length=-5"),
        (lambda: optim.Cosine(0.1, 5, growth=2), "restarts=True"),
        (lambda: optim.Cosine(0.1, 5, restarts=1), "True or False"),
        (lambda: optim.Piecewise([1, 2], [0.1, 0.2]), "one rate more"),
        (lambda: optim.Piecewise([2, 1], [0.1, 0.2, 0.3]), "need to rise"),
        (lambda: optim.Piecewise(3, [0.1, 0.2]), "a list of numbers"),
        (lambda: optim.OneCycle(0.1, 3), "leaves no step to go up in"),
        (lambda: optim.ReduceOnPlateau(0.1, mode="low"), "mode='low'"),
        (lambda: optim.ReduceOnPlateau(0.1, 1.0), "factor=1.0"),
        (lambda: optim.Cosine(0.1, 5, by="batch"), "by='batch'; it needs 'step' or 'epoch'"),
        (lambda: optim.WarmUp(optim.Cosine(0.1, 5, by="epoch"), 5), "by step.*by epoch"),
        (lambda: optim.WarmUp(optim.Cosine, 5), "Cosine is a class"),
        (lambda: optim.WarmUp(5, optim.Cosine(0.1, 10)), "the schedule comes first"),
        (lambda: optim.WarmUp(0.1, 0), "WarmUp: length=0"),
        (lambda: optim.draw_schedule(0.1, 10), "no schedule, nor a function"),
        (lambda: optim.ReduceOnPlateau(0.1).draw(10), "hangs on a metric"),
        (lambda: optim.Cosine(0.1, 5).draw(10, 3), "axes or a path"),
    ],
)
def test_refused_schedules(build, words):
    with pytest.raises(ArgumentError, match=words):
        build()


@pytest.mark.parametrize(
    ("lr", "error", "words"),
    [
        (optim.Exponential, ArgumentError, "lr is the class Exponential; call it"),
        (lambda t: -1.0, ArgumentError, "schedule's rate at t=0, lr=-1.0"),
        (lambda t: math.nan, ArgumentError, "lr=nan"),
        (lambda t: None, ArgumentError, "lr=None"),
        (lambda: 0.1, TypeError, "positional argument"),
        (optim.Schedule(), DeclarationError, "Schedule has no rate"),
    ],
)
def test_refused_rates(lr, error, words):
    with pytest.raises(error, match=words):
        optim.SGD([tg.Variable([1.0])], lr=lr)


def test_a_schedule_is_not_changed():
    schedule = optim.Cosine(0.1, 5)
    with pytest.raises(AttributeError):
        schedule.initial = 0.2
    assert schedule == optim.Cosine(0.1, 5)
    assert repr(optim.Exponential(0.1, by="epoch")).startswith(
        "Exponential(by='epoch', initial=0.1"
    )


# Pictures


def test_drawing(tmp_path):
    from matplotlib.figure import Figure

    schedule = optim.Cosine(0.1, 20, by="epoch")
    axes = Figure().add_subplot()
    assert schedule.draw(30, axes) is axes
    (line,) = axes.get_lines()
    np.testing.assert_array_equal(line.get_xdata(), np.arange(30))
    np.testing.assert_array_equal(line.get_ydata(), [schedule(t) for t in range(30)])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "learning rate")
    path = tmp_path / "rate.png"
    optim.draw_schedule(lambda t: 1 / (t + 1), 30, path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_drawing_into_new_axes(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    from matplotlib import pyplot

    axes = optim.Exponential(0.1).draw(5)
    assert pyplot.gcf() is axes.figure
    pyplot.close(axes.figure)
