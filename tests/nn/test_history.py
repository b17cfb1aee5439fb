"""History: what was measured, as a mapping, a table and a picture."""

import json
import pickle

import numpy as np
import pytest

from tinygraph import nn
from tinygraph.errors import ArgumentError, DomainError, IndexingError, ShapeError


def test_history_is_a_mapping_that_pickles_and_goes_through_json():
    history = nn.History({"loss": [3.0, 2.0, 1.5], "val_loss": [3.5, np.nan, 2.0]})
    assert list(history) == ["loss", "val_loss"] and len(history) == 2
    assert "val_loss" in history and history.get("none") is None
    for again in (
        pickle.loads(pickle.dumps(history)),
        nn.History(json.loads(json.dumps(history.to_dict(), allow_nan=False))),
    ):
        assert (
            str(dict(again)) == str(dict(history))
            and again.epochs == 3
            and repr(again) == repr(history)
        )


def test_a_quantity_that_comes_later_is_nan_before_and_null_in_json():
    history = nn.History({"loss": [0.5, 0.25]})
    history.begin_epoch()
    history.record("late", np.float32(2))
    assert np.isnan(history["loss"][2]) and np.isnan(history["late"][:2]).all()
    assert history.to_dict() == {"loss": [0.5, 0.25, None], "late": [None, None, 2.0]}
    assert repr(nn.History(history.to_dict())) == repr(history)
    assert history.best("late", "max") == {"epoch": 3, "loss": pytest.approx(np.nan, nan_ok=True),
                                           "late": 2.0}  # fmt: skip


def test_best():
    history = nn.History({"val_loss": [3.0, 1.0, 1.0, 2.0], "accuracy": [0.1, 0.9, 0.5, 0.9]})
    assert history.best("val_loss") == {"epoch": 2, "val_loss": 1.0, "accuracy": 0.9}
    assert history.best("accuracy")["epoch"] == 2
    assert history.best("val_loss", "max")["epoch"] == 1


def test_the_table():
    history = nn.History({"loss": np.linspace(1, 0, 101)[:100], "lr": np.ones(100)})
    lines = repr(history).splitlines()
    assert len(lines) == 14 and lines[0].split() == ["epoch", "loss"]
    assert lines[1].split() == ["1", "1"] and lines[-1].split() == ["100", "0.01"]
    assert lines[7].split() == ["…", "…"]
    assert repr(nn.History()) == "History of 0 epochs"


@pytest.mark.parametrize(
    "use, error, words",
    [
        (lambda h: h["val_loss"], IndexingError, r"no 'val_loss'.*validation="),
        (lambda h: h["val_loss"], KeyError, "^History: no"),
        (lambda h: h.best("f1"), ArgumentError, "mode='min' or mode='max'"),
        (lambda h: h.best("nothing", "min"), DomainError, "NaN"),
        (lambda h: h.row(3), IndexingError, "1 … 2"),
        (lambda h: h.record("a", "b"), ArgumentError, "needs a number"),
        (lambda h: nn.History().record("a", 1), ArgumentError, "no epoch"),
        (lambda h: nn.History({"a": [1], "b": []}), ShapeError, "one per epoch"),
        (lambda h: h.plot("loss"), ArgumentError, "names="),
        (lambda h: h.plot(names="loss"), ArgumentError, "names="),
        (lambda h: h.plot(names=["none"]), IndexingError, "no 'none'"),
        (lambda h: nn.History().plot(), DomainError, "no epochs"),
    ],
)  # fmt: skip
def test_history_refuses(use, error, words):
    with pytest.raises(error, match=words):
        use(nn.History({"loss": [1.0, 2.0], "nothing": [np.nan, np.nan]}))


def test_plot_draws_each_with_its_validation(tmp_path):
    from matplotlib.figure import Figure

    history = nn.History(
        {"loss": [2.0, 1.0], "val_loss": [3.0, 2.5], "accuracy": [0.5, 0.75], "lr": [0.1, 0.1],
         "gradient_norm/0": [1.0, 2.0]}
    )  # fmt: skip
    figure = history.plot(tmp_path / "history.svg")
    assert (tmp_path / "history.svg").read_text().startswith("<?xml")
    left, right = figure.axes
    assert [line.get_label() for line in left.lines] == ["loss", "val_loss"]
    assert [list(line.get_ydata()) for line in left.lines] == [[2.0, 1.0], [3.0, 2.5]]
    assert left.get_title() == "loss" and right.get_title() == "accuracy"
    ax = Figure().subplots()
    assert history.plot(axes=ax) is ax.figure and len(ax.lines) == 2
    named = Figure().subplots()
    history.plot(axes=named, names=["gradient_norm/0"], log=True)
    assert list(named.lines[0].get_ydata()) == [1.0, 2.0] and named.get_yscale() == "log"
    with pytest.raises(ShapeError, match="2 panels for 1 axes"):
        history.plot(axes=ax, names=["loss", "accuracy"])
