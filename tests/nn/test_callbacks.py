"""Callbacks: what they keep, write and restore, and when they are called."""

import csv
import json
import os
import runpy
import signal
import struct
import subprocess
import sys
from contextlib import nullcontext
from itertools import pairwise

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn, optim
from tinygraph.errors import AnomalyError, ArgumentError


class Scripted(nn.Callback):
    """Records a quantity whose values are known beforehand, and keeps what the model was."""

    def __init__(self, values, name="val_loss"):
        self.values, self.name = values, name
        self.states = []

    def on_epoch_end(self, training):
        training.record(self.name, self.values[training.epoch - 1])
        self.states.append(training.model.state_dict())


def fitted(callbacks, *, epochs=2, model=None, validation=None, history=None, rng=0, X=None):
    if X is None:
        X = np.random.default_rng(0).standard_normal((20, 2)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    if model is None:
        model = nn.Sequential(nn.Dense(2, 4, generator=0), nn.BatchNorm(4), nn.Dense(4, 2))
    history = nn.fit(
        model, nn.softmax_cross_entropy, (X, y), optim.Adam(model.parameters(), lr=0.05),
        epochs=epochs, batch_size=8, rng=rng, callbacks=callbacks, progress=False,
        validation=(X, y) if validation is None else validation, history=history,
    )  # fmt: skip
    return model, history


def same(state, other):
    return state.keys() == other.keys() and all(np.array_equal(state[k], other[k]) for k in state)


# When they are called


def test_methods_and_functions_are_called_in_their_order():
    calls = []

    class Whole(nn.Callback):
        def on_begin(self, training):
            calls.append(("begin", training.epoch, training.last_epoch, training.validated))

        def on_batch_end(self, training):
            gradients = all(p.grad is not None for p in training.model.parameters())
            calls.append(("batch", training.epoch, training.batch, gradients))

        def on_epoch_end(self, training):
            calls.append(("epoch", training.epoch, training.history.epochs))

        def on_end(self, training):
            calls.append(("end", training.epoch))

    class Part:
        def on_end(self, training):
            calls.append(("part ends", training.epoch))

    fitted([Whole(), lambda training: calls.append(("function", training.epoch)), Part()])
    batches = [[("batch", epoch, batch, True) for batch in (1, 2, 3)] for epoch in (1, 2)]
    assert calls == [
        ("begin", 0, 2, True),
        *batches[0], ("epoch", 1, 1), ("function", 1),
        *batches[1], ("epoch", 2, 2), ("function", 2),
        ("part ends", 2), ("end", 2),
    ]  # fmt: skip


def test_a_single_one_needs_no_list():
    _, history = fitted(lambda training: training.stop("enough"), epochs=5)
    assert history.epochs == 1 and history.stopped == "enough"
    assert repr(history).endswith("stopped: enough")
    _, history = fitted((), epochs=1, history=history)
    assert history.epochs == 2 and history.stopped is None


def test_the_end_comes_also_after_an_error():
    ends = []

    class End:
        def on_end(self, training):
            ends.append(training.epoch)

    with pytest.raises(ZeroDivisionError):
        fitted([End(), lambda training: 1 / 0])
    assert ends == [1]


# Early stopping


def test_row_12_early_stopping_restores_the_best_weights_to_the_bit():
    scripted = Scripted([5.0, 3.0, 4.0, 3.5, 3.2, 1.0])
    stopping = nn.EarlyStopping("val_loss", patience=3)
    model, history = fitted([scripted, stopping], epochs=6)
    assert history["val_loss"] == [5.0, 3.0, 4.0, 3.5, 3.2]
    assert (stopping.best, stopping.best_epoch) == (3.0, 2)
    assert history.stopped.startswith("val_loss did not improve on 3, of epoch 2, for 3 epochs")
    assert same(model.state_dict(), scripted.states[1])
    assert not same(model.state_dict(), scripted.states[4])


def test_the_best_are_restored_where_nothing_stopped_it_too():
    scripted = Scripted([5.0, 3.0, 4.0])
    model, history = fitted([scripted, nn.EarlyStopping(patience=9)], epochs=3)
    assert history.epochs == 3 and history.stopped is None
    assert same(model.state_dict(), scripted.states[1])


def test_the_last_are_kept_when_asked_for():
    scripted = Scripted([1.0, 3.0, 4.0])
    model, _ = fitted([scripted, nn.EarlyStopping(patience=2, restore_best=False)], epochs=9)
    assert same(model.state_dict(), scripted.states[2])


def test_an_improvement_is_more_than_min_delta_and_more_accuracy_is_better():
    scripted = Scripted([0.5, 0.55, 0.58, 0.7, 0.7, 0.79], "val_accuracy")
    stopping = nn.EarlyStopping("val_accuracy", 2, 0.1)
    _, history = fitted([scripted, stopping], epochs=6)
    assert history.epochs == 3 and stopping.best_epoch == 1
    _, history = fitted([scripted, nn.EarlyStopping("val_accuracy", 2, 0.1)], epochs=2)
    stopping = nn.EarlyStopping("val_accuracy", 3, 0.1)
    _, history = fitted([scripted, stopping], epochs=6)
    assert history.epochs == 6 and stopping.best_epoch == 4


def test_nan_is_no_improvement():
    stopping = nn.EarlyStopping("score", 2)
    _, history = fitted([Scripted([np.nan, 1.0, np.nan, np.nan], "score"), stopping], epochs=9)
    assert history.epochs == 4 and stopping.best_epoch == 2


def test_each_fit_begins_anew():
    stopping = nn.EarlyStopping(patience=1)
    fitted([Scripted([1.0, 2.0]), stopping], epochs=2)
    _, history = fitted([Scripted([9.0, 8.0, 7.0]), stopping], epochs=3)
    assert history.epochs == 3 and stopping.best == 7.0


@pytest.mark.parametrize("end", ["error", "ctrl-c"])
def test_the_best_weights_come_back_also_from_within_a_later_epoch(end):
    scripted = Scripted([3.0, 1.0])

    class End(nn.Callback):
        def on_batch_end(self, training):
            if (training.epoch, training.batch) == (3, 2):
                assert not same(training.model.state_dict(), scripted.states[1])
                if end == "error":
                    raise AnomalyError("as of a NaN")
                os.kill(os.getpid(), signal.SIGINT)

    model = nn.Dense(2, 2)
    with pytest.raises(AnomalyError) if end == "error" else nullcontext():
        _, history = fitted([scripted, nn.EarlyStopping(), End()], epochs=9, model=model)
        assert history.interrupted and history.epochs == 2
    assert same(model.state_dict(), scripted.states[1])


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: nn.EarlyStopping(patience=0), "patience=0"),
        (lambda: nn.EarlyStopping(min_delta=-1), "min_delta=-1"),
        (lambda: nn.EarlyStopping("val_f1"), "mode='min' or mode='max'"),
        (lambda: nn.EarlyStopping("val_loss", mode="less"), "mode='less'"),
        (lambda: nn.Checkpoint("x", every=0), "every=0"),
    ],
)
def test_settings_that_make_no_sense(make, words):
    with pytest.raises(ArgumentError, match=words):
        make()


def test_a_monitor_that_is_not_measured_is_named():
    X = np.ones((4, 2), np.float32)
    model = nn.Dense(2, 2)
    before = model.state_dict()

    def run(callback, **settings):
        optimizer = optim.SGD(model.parameters(), lr=1.0)
        nn.fit(model, nn.softmax_cross_entropy, (X, np.zeros(4, int)), optimizer, epochs=1,
               callbacks=callback, **settings)  # fmt: skip

    for callback in (nn.EarlyStopping(), nn.Checkpoint("never", best_only=True)):
        with pytest.raises(ArgumentError, match=r"needs a validation set.*monitor='loss'"):
            run(callback)
    assert same(before, model.state_dict())
    with pytest.raises(ArgumentError, match=r"'accuracy' is not measured; there are loss, lr"):
        run(nn.EarlyStopping("accuracy"))
    with pytest.raises(ArgumentError, match="restore_best=False"):
        nn.fit(lambda x: model(x), nn.softmax_cross_entropy, (X, np.zeros(4, int)),
               optim.SGD(model.parameters(), lr=1), epochs=1,
               callbacks=nn.EarlyStopping("loss"))  # fmt: skip


# Checkpoints


RUN = """
import os, signal
import numpy as np
import tinygraph as tg
from tinygraph import nn, optim

X = np.random.default_rng(0).standard_normal((20, 2)).astype(np.float32)
y = (X[:, 0] > 0).astype(int)
model = nn.Sequential(
    nn.Dense(2, 4, "tanh", generator=0), nn.BatchNorm(4), nn.Dropout(0.5, generator=1),
    nn.Dense(4, 2, generator=2),
)
optimizer = optim.Adam(model.parameters(), lr=0.05)
rng = np.random.default_rng(3)

def run(epochs, history=None, callbacks=()):
    return nn.fit(
        model, nn.softmax_cross_entropy, (X, y), optimizer, epochs=epochs, batch_size=8, rng=rng,
        validation=(X, y), callbacks=callbacks, history=history, progress=False,
    )

class Kill(nn.Callback):
    def on_batch_end(self, training):
        if (training.epoch, training.batch) == (4, 2):
            os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_fit_goes_on_from_its_checkpoint_to_the_bit(tmp_path):
    script = tmp_path / "run.py"
    script.write_text(RUN)
    whole, again = runpy.run_path(script), runpy.run_path(script)
    expected = whole["run"](5)
    path = tmp_path / "run.npz"
    code = f"{RUN}\nrun(5, callbacks=[nn.Checkpoint({str(path)!r}), Kill()])"
    killed = subprocess.run([sys.executable, "-c", code], timeout=60)
    assert killed.returncode == -signal.SIGKILL
    model, optimizer, rng = again["model"], again["optimizer"], again["rng"]
    rest = tg.load(path, model=model, optimizer=optimizer, rng=rng)
    assert rest["epoch"] == 3
    history = nn.History(rest["history"])
    again["run"](5 - history.epochs, history)
    assert same(model.state_dict(), whole["model"].state_dict())
    assert history["loss"] == expected["loss"] and history["val_loss"] == expected["val_loss"]


def test_which_epochs_are_saved(monkeypatch):
    saved = []

    def save(path, *, model, optimizer, epoch, history, rng):
        assert isinstance(optimizer, optim.Adam) and isinstance(rng, np.random.Generator)
        assert json.loads(json.dumps(history))["loss"] and isinstance(model, nn.Module)
        saved.append((path, epoch))

    monkeypatch.setattr(tg, "save", save, raising=False)
    values = Scripted([5.0, 3.0, 4.0, 2.0])
    fitted([values, nn.Checkpoint("run")], epochs=2)
    fitted([values, nn.Checkpoint("run-{epoch}", every=2)], epochs=4)
    fitted([values, nn.Checkpoint("best", best_only=True)], epochs=4)
    assert saved == [
        ("run", 1), ("run", 2), ("run-2", 2), ("run-4", 4), ("best", 1), ("best", 2), ("best", 4)
    ]  # fmt: skip


def test_a_continued_fit_does_not_save_what_is_worse_than_before(monkeypatch):
    saved = []
    monkeypatch.setattr(tg, "save", lambda path, **it: saved.append(it["epoch"]), raising=False)
    history = nn.History({"val_loss": [5.0, 2.0]})
    values = Scripted([None, None, 3.0, 1.0])
    fitted([values, nn.Checkpoint("best", best_only=True)], epochs=2, history=history)
    assert saved == [4]


# Gradient norms


def test_row_14_gradient_norms_per_layer_are_the_means_over_the_batches():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = tg.Variable(np.float32(1.5))
            self.first, self.last = nn.Dense(2, 3, "tanh"), nn.Dense(3, 2)

        def forward(self, x):
            return self.scale * self.last(self.first(x))

    expected = {"scale": [], "first": [], "last": []}

    class ByHand:
        def on_batch_end(self, training):
            net = training.model
            for name, parameters in (
                ("scale", [net.scale]),
                ("first", [net.first.weight, net.first.bias]),
                ("last", [net.last.weight, net.last.bias]),
            ):
                everything = np.concatenate([p.grad.numpy().ravel() for p in parameters])
                expected[name].append(np.linalg.norm(everything.astype(float)))

    _, history = fitted([ByHand(), nn.GradientNorms()], model=Net(), epochs=2)
    for name, norms in expected.items():
        means = np.reshape(norms, (2, 3)).mean(1)
        np.testing.assert_allclose(history[f"gradient_norm/{name}"], means, rtol=1e-12)


def test_row_14_vanishing_gradients_show():
    layers = [nn.Dense(8, 8, "sigmoid", initializer="normal", generator=i) for i in range(5)]
    model = nn.Sequential(nn.Dense(2, 8, generator=0), *layers, nn.Dense(8, 2, generator=0))
    X = np.random.default_rng(0).standard_normal((20, 2)).astype(np.float32)
    history = nn.fit(
        model, nn.softmax_cross_entropy, (X, (X[:, 0] > 0).astype(int)),
        optim.SGD(model.parameters(), lr=1e-9), epochs=1, callbacks=nn.GradientNorms(),
    )  # fmt: skip
    norms = [history[f"gradient_norm/{i}"][0] for i in range(1, 6)]
    # A layer back is multiplied by σ′ ≤ 1/4 and by W of norm about 0.01 (√8 + √8).
    assert all(10 * below < above for below, above in pairwise(norms))


def test_gradient_norms_need_layers():
    model = nn.Dense(2, 2)
    with pytest.raises(ArgumentError, match="only a module has layers"):
        nn.fit(lambda x: model(x), nn.softmax_cross_entropy, (np.ones((2, 2)), np.zeros(2, int)),
               optim.SGD(model.parameters(), lr=1), epochs=1,
               callbacks=nn.GradientNorms())  # fmt: skip


# Logs


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_csv_has_a_line_as_soon_as_an_epoch_is_over(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("of an earlier run\n" * 9)
    lengths = []
    _, history = fitted(
        [nn.CSVLog(path), lambda training: lengths.append(len(rows_of(path)))], epochs=3
    )
    header, *rows = rows_of(path)
    assert lengths == [2, 3, 4]
    assert header == ["epoch", *history]
    for i, row in enumerate(rows):
        assert [float(field) for field in row] == [i + 1, *(history[name][i] for name in history)]


def test_csv_of_what_is_not_always_measured(tmp_path):
    path = tmp_path / "log.csv"

    def sometimes(training):
        if training.epoch == 2:
            training.record("extra", 7)

    fitted([sometimes, nn.CSVLog(path)], epochs=3)
    assert [row[-1] for row in rows_of(path)] == ["extra", "", "7.0", ""]
    history = nn.History({"loss": [2.0]})
    _, history = fitted(nn.CSVLog(path), epochs=1, history=history)
    assert [row[:2] for row in rows_of(path)] == [
        ["epoch", "loss"], ["1", "2.0"], ["2", repr(history["loss"][1])]
    ]  # fmt: skip


def scalars_in(folder):
    """What the event files hold, record by record: length, its checksum, an Event, its checksum."""
    from tensorboardX.proto.event_pb2 import Event

    found = {}
    for path in folder.iterdir():
        content = path.read_bytes()
        while content:
            (size,) = struct.unpack("<Q", content[:8])
            event = Event.FromString(content[12 : 12 + size])
            content = content[16 + size :]
            for value in event.summary.value:
                found.setdefault(value.tag, {})[event.step] = value.simple_value
    return found


def test_tensorboard_files_hold_the_history(tmp_path):
    folder = tmp_path / "runs" / "first"
    callbacks = [nn.GradientNorms(), nn.TensorBoard(folder)]
    _, history = fitted(callbacks, epochs=3)
    found = scalars_in(folder)
    assert found.keys() == set(history)
    for name, values in found.items():
        assert list(values) == [1, 2, 3]
        np.testing.assert_allclose(list(values.values()), history[name], rtol=1e-6)


def test_tensorboard_says_what_it_needs(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r"tinygraph-autodiff\[tensorboard\]"):
        nn.TensorBoard(tmp_path)
