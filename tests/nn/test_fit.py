"""fit is the loop it says it is, and what it measures is what it says."""

import json
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn, optim
from tinygraph.errors import (
    AnomalyError,
    ArgumentError,
    BackwardError,
    ShapeError,
)


def points(m=50, seed=0):
    """Two classes, by the sign of the first coordinate."""
    X = np.random.default_rng(seed).standard_normal((m, 2)).astype(np.float32)
    return X, (X[:, 0] > 0).astype(int)


def network(dropout=0.2):
    nn.seed(0)
    return nn.Sequential(
        nn.Dense(2, 8, bias=False), nn.BatchNorm(8), tg.tanh, nn.Dropout(dropout), nn.Dense(8, 2)
    )


def fitted(model=None, data=None, **settings):
    model = model or network()
    optimizer = optim.Adam(model.parameters(), lr=0.05)
    settings = {"epochs": 2, "batch_size": 16, "rng": 1, "progress": False} | settings
    data = points() if data is None else data
    return model, nn.fit(model, nn.softmax_cross_entropy, data, optimizer, **settings)


def state_equal(a, b):
    a, b = a.state_dict(), b.state_dict()
    assert a.keys() == b.keys()
    return all(np.array_equal(a[name], b[name]) for name in a)


# The loop


def test_is_the_explicit_loop_to_the_bit():
    X, y = points()
    model, rng = network(), np.random.default_rng(1)
    optimizer = optim.Adam(model.parameters(), lr=0.05)
    losses = []
    for _ in range(3):
        total = 0.0
        order = rng.permutation(50)
        for start in range(0, 50, 16):
            batch = order[start : start + 16]
            cost = nn.softmax_cross_entropy(model(X[batch]), y[batch])
            optimizer.zero_grad()
            cost.backward()
            optimizer.step()
            total += cost.item() * len(batch)
        losses.append(total / 50)
    other, history = fitted(epochs=3)
    assert state_equal(model, other)
    assert history["loss"] == losses
    assert history.epochs == 3 and not history.interrupted and history.stopped is None


def test_means_are_over_examples_also_where_the_last_batch_is_short():
    """With a rate of almost 0 the model stands still, so that the means are known."""
    X, y = points(m=21)
    X_dev, y_dev = points(m=13, seed=1)
    model = nn.Dense(2, 2, generator=0)
    optimizer = optim.SGD(model.parameters(), lr=1e-30)
    metrics = {"accuracy": nn.accuracy, "first": lambda outputs, y: np.mean(y)}
    history = nn.fit(
        model, nn.softmax_cross_entropy, (X, y), optimizer, epochs=1, batch_size=8, rng=0,
        validation=(X_dev, y_dev), metrics=metrics, progress=False,
    )  # fmt: skip
    for prefix, inputs, labels in (("", X, y), ("val_", X_dev, y_dev)):
        z = inputs @ model.weight.numpy() + model.bias.numpy()
        log_sum = np.log(np.exp(z).sum(1))
        expected = np.mean(log_sum - z[np.arange(len(z)), labels])
        np.testing.assert_allclose(history[f"{prefix}loss"], expected, rtol=1e-6)
        assert history[f"{prefix}accuracy"] == [pytest.approx(np.mean(z.argmax(1) == labels))]
        assert history[f"{prefix}first"] == [pytest.approx(np.mean(labels))]
    assert history["lr"] == [1e-30]
    assert history["seconds"][0] > 0


def test_trains_in_training_mode_validates_in_evaluation_and_leaves_modes_alone():
    seen = []

    class Watching(nn.Dense):
        def forward(self, x):
            seen.append((self.training, tg.is_grad_enabled(), len(x)))
            return super().forward(x)

    model = nn.Sequential(Watching(2, 4), nn.Dropout(0.5), nn.Dense(4, 2))
    model.eval()
    model[1].train()
    fitted(model, validation=points(20), epochs=2)
    assert seen == 2 * (3 * [(True, True, 16)] + [(True, True, 2), (False, False, 20)])
    assert [module.training for module in model.modules()] == [False, False, True, False]


def test_float32_stays():
    model, _ = fitted(validation=0.2, metrics={"accuracy": nn.accuracy})
    assert {array.dtype for array in model.state_dict().values()} == {np.dtype(np.float32)}


# Data


def test_batches_may_come_from_anywhere():
    X, y = points()
    batches = list(nn.minibatches(X, y, 16, rng=2))
    runs = [
        fitted(data=batches),
        fitted(data=lambda: iter(batches)),
        fitted(data=lambda: nn.minibatches(X, y, 16, rng=2)),
        fitted(data=[list(batch) for batch in batches]),
    ]
    for model, history in runs:
        assert state_equal(model, runs[0][0])
        assert history["loss"] == runs[0][1]["loss"]
    assert state_equal(
        fitted(data=iter(batches), epochs=1)[0],
        fitted(data=batches, epochs=1, validation=batches)[0],
    )


def test_models_of_several_inputs():
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Dense(2, 2), nn.Dense(1, 2)

        def forward(self, x):
            return self.a(x["a"]) + self.b(x["b"])

    X, y = points()
    _, history = fitted(Sum(), ({"a": X, "b": X[:, :1]}, y), epochs=20, validation=0.2)
    assert history["loss"][-1] < 0.5 * history["loss"][0]


def test_a_fraction_is_held_out_by_the_generator():
    X, y = points()
    seen = []

    def loss(outputs, labels):
        seen.append(len(labels))
        return nn.softmax_cross_entropy(outputs, labels)

    model = network()
    optimizer = optim.Adam(model.parameters())
    nn.fit(model, loss, (X, y), optimizer, epochs=1, validation=0.3, rng=0, progress=False)
    assert seen == [32, 3, 15]
    rng = np.random.default_rng(1)
    order = rng.permutation(50)
    held, kept = order[:15], order[15:]
    by_hand, history = fitted(data=(X[kept], y[kept]), validation=(X[held], y[held]), rng=rng)
    by_fraction, same = fitted(validation=0.3)
    assert state_equal(by_hand, by_fraction)
    assert history["val_loss"] == same["val_loss"]


# What is refused


@pytest.mark.parametrize(
    "settings, error, words",
    [
        ({"data": points()[0]}, ArgumentError, r"data is an array of shape \(50, 2\).*tuple"),
        ({"data": list(points())}, ArgumentError, r"list of arrays; pass a tuple, \(X, y\)"),
        ({"data": (1, 2, 3)}, ArgumentError, "tuple of 3"),
        ({"data": 5}, ArgumentError, "data is int"),
        ({"data": nn.Dense}, ArgumentError, "data is the class Dense"),
        ({"data": [points()[0]]}, ArgumentError, "list of arrays"),
        ({"data": lambda: [points()[0]]}, ArgumentError, "a batch is an array"),
        ({"data": lambda: [(1, 2, 3)]}, ArgumentError, "a batch is 3 things"),
        ({"data": (np.ones((2, 50)), np.ones((1, 50)))}, ShapeError, r"fit: data: .*pass X\.T and"),
        ({"data": nn.minibatches(*points(), 9)}, ArgumentError, "used up after one of the 2 epo"),
        ({"data": []}, ShapeError, "no examples in epoch 1"),
        ({"epochs": 1.5}, ArgumentError, "epochs=1.5"),
        ({"epochs": -1}, ArgumentError, "epochs=-1"),
        ({"batch_size": 0}, ArgumentError, "batch_size=0"),
        ({"validation": 1.5}, ArgumentError, "between 0 and 1"),
        ({"validation": True}, ArgumentError, "between 0 and 1"),
        ({"validation": 0.2, "data": [points()]}, ArgumentError, r"validation=\(X_dev, y_dev\)"),
        ({"validation": 0.2, "data": points(1)}, ShapeError, "needs two or more"),
        ({"validation": points()[0]}, ArgumentError, "fit: validation is an array"),
        ({"metrics": "accuracy"}, ArgumentError, "metrics is 'accuracy'"),
        ({"metrics": {"accuracy": "accuracy"}}, ArgumentError, "nn.accuracy"),
        ({"metrics": {"loss": nn.accuracy}}, ArgumentError, "another name"),
        ({"callbacks": nn.GradientNorms}, ArgumentError, "an instance, GradientNorms"),
        ({"callbacks": [3]}, ArgumentError, "a callback is 3"),
        ({"history": {}}, ArgumentError, "History"),
        ({"rng": -1}, ArgumentError, "fit: generator=-1"),
    ],
)  # fmt: skip
def test_is_refused(settings, error, words):
    model = network()
    before = model.state_dict()
    with pytest.raises(error, match=words):
        fitted(model, **settings)
    assert all(np.array_equal(before[k], v) for k, v in model.state_dict().items())


def test_a_metric_is_one_number():
    with pytest.raises(ShapeError, match=r"the metric 'a' returned shape \(16, 2\)"):
        fitted(metrics={"a": lambda outputs, y: outputs.numpy()})


@pytest.mark.parametrize(
    "change, error, words",
    [
        ({"model": nn.Dense}, ArgumentError, "model is the class Dense"),
        ({"loss": "softmax"}, ArgumentError, "loss is 'softmax'.*nn.softmax_cross_entropy"),
        ({"optimizer": "adam"}, ArgumentError, "optimizer is 'adam'.*optim.Adam"),
        ({"optimizer": optim.Adam}, ArgumentError, "optimizer is the class Adam"),
        ({"loss": lambda z, y: 3.0}, ArgumentError, "the loss returned float"),
        ({"loss": lambda z, y: (z * z).sum(1)}, ShapeError, r"returned shape \(16,\).*'mean'"),
        ({"loss": lambda z, y: (z * z).mean().detach()}, BackwardError, "or detached"),
        ({"optimizer": optim.SGD([tg.Variable(1.0)], lr=1)}, BackwardError, "no parameter has a"),
    ],
)
def test_what_does_not_fit_together(change, error, words):
    model = nn.Dense(2, 2)
    parts = {"model": model, "loss": nn.softmax_cross_entropy, "data": points()}
    parts |= {"optimizer": optim.SGD(model.parameters(), lr=0.1)} | change
    with pytest.raises(error, match=words):
        nn.fit(**parts, epochs=1, batch_size=16)


def test_a_loss_that_is_not_finite_says_where_and_moves_nothing():
    X, y = points()
    model = nn.Dense(2, 1, generator=0)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    calls = []
    weights = []

    def loss(outputs, labels):
        calls.append(1)
        weights.append(model.weight.numpy().copy())
        cost = (outputs * outputs).mean()
        return cost * np.log(cost - cost) if len(calls) == 6 else cost

    ends = []

    class End(nn.Callback):
        def on_end(self, training):
            ends.append(training.epoch)

    history = nn.History()
    with (
        pytest.raises(AnomalyError, match="loss is -inf in epoch 2, batch 2") as raised,
        np.errstate(all="ignore"),
    ):
        nn.fit(model, loss, (X, y), optimizer, epochs=5, batch_size=16, history=history,
               callbacks=End())  # fmt: skip
    assert "lower lr" in str(raised.value) and "Forward, log" in str(raised.value)
    assert history.epochs == 1 and ends == [2] and len(calls) == 6
    np.testing.assert_array_equal(model.weight.numpy(), weights[-1])


def test_parameters_that_are_no_longer_finite_are_found_at_the_end_of_the_epoch():
    model = nn.Dense(1, 1, initializer="zeros", bias=False)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    data = np.ones((2, 1)), np.ones(2)
    with (
        pytest.raises(AnomalyError, match=r"parameter 0 .*no longer finite after epoch 1"),
        np.errstate(all="ignore"),
    ):
        nn.fit(model, lambda outputs, y: np.sqrt(outputs).mean(), data, optimizer, epochs=1)


def test_a_validation_loss_that_is_not_finite_is_an_error():
    X, y = points()
    model = nn.Dense(2, 2)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    X_dev = X.copy()
    X_dev[0] = np.nan
    with pytest.raises(AnomalyError, match="validation set is nan after epoch 1"):
        nn.fit(model, nn.softmax_cross_entropy, (X, y), optimizer, epochs=2, validation=(X_dev, y))


# Schedules and going on


def test_the_optimizer_is_told_of_each_epoch():
    told = []

    class Told(optim.SGD):
        def next_epoch(self, metric=None):
            told.append(metric)
            self.lr = self.lr / 2

    X, y = points()
    model = network()
    optimizer = Told(model.parameters(), lr=0.5)
    settings = {"epochs": 2, "progress": False}
    history = nn.fit(model, nn.softmax_cross_entropy, (X, y), optimizer, **settings)
    assert told == history["loss"] and history["lr"] == [0.5, 0.25]
    told.clear()
    history = nn.fit(
        model, nn.softmax_cross_entropy, (X, y), optimizer, validation=(X, y), **settings
    )
    assert told == history["val_loss"] and history["lr"] == [0.125, 0.0625]
    told.clear()
    settings |= {"metrics": {"accuracy": nn.accuracy}, "monitor": "accuracy"}
    history = nn.fit(model, nn.softmax_cross_entropy, (X, y), optimizer, **settings)
    assert told == history["accuracy"]
    with pytest.raises(ArgumentError, match=r"monitor='val_f1' is not measured; there are loss"):
        nn.fit(
            model, nn.softmax_cross_entropy, (X, y), optimizer, **settings | {"monitor": "val_f1"}
        )


def test_a_schedule_for_plateaus_watches_the_monitor():
    model = nn.Dense(2, 2)
    values = iter([5.0, 4.0, 4.5, 4.2, 3.0, 3.5])

    def scripted(outputs, y):
        return next(values)

    optimizer = optim.SGD(model.parameters(), lr=optim.ReduceOnPlateau(0.8, 0.5, patience=1))
    history = nn.fit(
        model, nn.softmax_cross_entropy, points(), optimizer, epochs=6, batch_size=50,
        metrics={"scripted": scripted}, monitor="scripted",
    )  # fmt: skip
    assert history["lr"] == [0.8, 0.8, 0.8, 0.8, 0.4, 0.4]


def test_going_on_with_a_history_is_the_same_as_not_stopping():
    rng = np.random.default_rng(1)
    model, whole = fitted(network(0.0), epochs=5)
    other = network(0.0)
    optimizer = optim.Adam(other.parameters(), lr=0.05)
    settings = {"batch_size": 16, "rng": rng, "progress": False}
    history = nn.History(json.loads(json.dumps(nn.History().to_dict())))
    epochs = []
    for more in (2, 0, 3):
        nn.fit(
            other, nn.softmax_cross_entropy, points(), optimizer, epochs=more, history=history,
            callbacks=lambda training: epochs.append((training.epoch, training.last_epoch)),
            **settings,
        )  # fmt: skip
    assert state_equal(model, other)
    assert history["loss"] == whole["loss"]
    assert epochs == [(1, 2), (2, 2), (3, 5), (4, 5), (5, 5)]
    with pytest.raises(ArgumentError, match="other examples"):
        fitted(history=history, validation=0.2)


# Ctrl-C

INTERRUPTED = """
import os, signal, sys
import numpy as np
from tinygraph import nn, optim

X = np.random.default_rng(0).standard_normal((64, 2)).astype(np.float32)
model = nn.Dense(2, 2, generator=0)
presses = int(sys.argv[1])
batches = []

class Press:
    def on_batch_end(self, training):
        batches.append(training.batch)
        if (training.epoch, training.batch) == (3, 2):
            for _ in range(presses):
                os.kill(os.getpid(), signal.SIGINT)

stopping = nn.EarlyStopping("loss", patience=100)
optimizer = optim.SGD(model.parameters(), lr=0.1)
before = signal.getsignal(signal.SIGINT)
try:
    history = nn.fit(model, nn.softmax_cross_entropy, (X, (X[:, 0] > 0).astype(int)), optimizer,
                     epochs=100, batch_size=16, rng=0, callbacks=[Press(), stopping])
except KeyboardInterrupt:
    print("raised", signal.getsignal(signal.SIGINT) is before)
else:
    print(history.interrupted, history.epochs, batches[-2:], int(optimizer.steps), model.training,
          stopping.best_epoch, signal.getsignal(signal.SIGINT) is before)
    print(repr(history).splitlines()[-1])
"""


@pytest.mark.parametrize(
    "presses, out, message",
    [
        (1, ["True 2 [1, 2] 10 True 2 True", "interrupted"], "fit: interrupted in epoch 3"),
        (2, ["raised True"], ""),
    ],
)
def test_ctrl_c_ends_it_after_the_batch_and_a_second_one_raises(presses, out, message):
    run = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(presses)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert run.stdout.splitlines() == out
    assert message in run.stderr and bool(message) == bool(run.stderr)


def test_ctrl_c_from_outside_while_it_trains():
    """A process in an endless fit, and a signal that comes whenever it comes."""
    code = """
import sys
import numpy as np
from tinygraph import nn, optim
model = nn.Dense(2, 2)
def say(training):
    print(training.epoch, flush=True)
history = nn.fit(model, nn.softmax_cross_entropy, (np.ones((500, 2)), np.zeros(500, int)),
                 optim.SGD(model.parameters(), lr=0.1), epochs=10**9, batch_size=2, callbacks=say)
print(history.interrupted, len(history["loss"]) == history.epochs)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout.readline() == "1\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert out.splitlines()[-1] == "True True", err
    assert process.returncode == 0


def test_a_handler_of_the_programs_own_is_left_alone():
    calls = []
    before = signal.signal(signal.SIGINT, lambda number, frame: calls.append(number))
    try:
        _, history = fitted(
            callbacks=lambda training: os.kill(os.getpid(), signal.SIGINT), epochs=2
        )
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(calls) == 2 and history.epochs == 2 and not history.interrupted


def test_in_a_thread():
    result = []
    thread = threading.Thread(target=lambda: result.append(fitted()))
    thread.start()
    thread.join()
    assert state_equal(result[0][0], fitted()[0])


# Progress


def test_nothing_is_shown_where_there_is_no_terminal(capsys):
    fitted(progress=None)
    fitted(progress=False)
    assert capsys.readouterr() == ("", "")


def test_a_bar_when_asked_for(capsys):
    _, history = fitted(progress=True, validation=points(20))
    err = capsys.readouterr().err
    assert "2/2" in err and "val_loss=" in err
    fitted(progress=True, history=history)
    err = capsys.readouterr().err
    assert "2/4" in err and "4/4" in err and "0/4" not in err


def test_lines_without_tqdm_and_a_bar_of_nothing_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    _, history = fitted(progress=True)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"epoch {i + 1}/2  loss {history['loss'][i]:.4g}" for i in (0, 1)]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    fitted(progress=None)
    assert capsys.readouterr().err == ""


def test_a_bar_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    fitted(progress=None)
    assert "2/2" in capsys.readouterr().err
