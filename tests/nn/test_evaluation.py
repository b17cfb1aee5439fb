"""accuracy, evaluate and predict: a model as it is used."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.errors import ArgumentError, DTypeError, ShapeError


def test_accuracy():
    scores = np.array([[0.1, 0.7, 0.2], [2.0, -1.0, 0.0], [0.0, 0.0, 5.0], [1.0, 0.0, 0.0]])
    labels = np.array([1, 0, 2, 2])
    assert nn.accuracy(scores, labels) == 0.75
    assert nn.accuracy(tg.tensor(scores, requires_grad=True), tg.tensor(labels)) == 0.75
    assert nn.accuracy(scores, np.eye(3)[labels]) == 0.75
    assert nn.accuracy(scores.T, labels, axis=0) == 0.75
    assert nn.accuracy(scores.reshape(2, 2, 3), labels.reshape(2, 2)) == 0.75
    assert type(nn.accuracy(scores, labels)) is float
    assert nn.accuracy(np.array([-1.0, 2.0, 3.0]), np.array([0, 1, 0]), threshold=0) == 2 / 3
    assert nn.accuracy([[0.4], [0.6]], [[False], [True]], threshold=0.5) == 1


@pytest.mark.parametrize(
    "scores, labels, settings, error, words",
    [
        (np.ones((4, 1)), np.ones(4, int), {}, ShapeError, "1 class.*threshold=0 for logits"),
        (np.ones(4), np.ones(4, int), {}, ShapeError, "threshold=0 for logits"),
        (np.ones((4, 3)), np.ones((4, 1), int), {}, ShapeError, r"labels.reshape\(\(4,\)\)"),
        (np.ones((4, 3)), np.ones(3, int), {}, ShapeError, r"need shape \(4,\) as classes"),
        (np.ones((4, 3)), np.ones(4), {}, DTypeError, "astype"),
        (np.ones((4, 1)), np.ones(4), {"threshold": 0}, ShapeError, "the same shape"),
        (np.ones((0, 3)), np.ones(0, int), {}, ShapeError, "no examples"),
        (1.0, 1, {}, ShapeError, "axis of classes"),
    ],
)
def test_accuracy_refuses(scores, labels, settings, error, words):
    with pytest.raises(error, match=words):
        nn.accuracy(scores, labels, **settings)


def test_predict_and_evaluate_use_the_model_as_it_will_be_used():
    X = np.random.default_rng(0).standard_normal((50, 2)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    model = nn.Sequential(
        nn.Dense(2, 8, generator=0), nn.BatchNorm(8), tg.tanh, nn.Dropout(0.9),
        nn.Dense(8, 2, generator=1),
    )  # fmt: skip
    model[1](np.ones((2, 8)) * [[1.0], [3.0]])  # running averages of something
    model[3].eval()
    model.eval()
    with tg.no_grad():
        expected = model(X).numpy()
    model.train()
    model[1].eval()
    outputs = nn.predict(model, X, batch_size=7)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5)
    assert type(outputs) is np.ndarray and outputs.dtype == np.float32
    assert model.training and model[3].training and not model[1].training
    right = np.mean(expected.argmax(1) == y)
    assert nn.evaluate(model, X, y, nn.accuracy, batch_size=7) == pytest.approx(right)
    both = {"accuracy": nn.accuracy, "loss": nn.softmax_cross_entropy}
    several = nn.evaluate(model, X, y, both, batch_size=7)
    loss = nn.softmax_cross_entropy(tg.tensor(expected), y).item()
    assert several == {"accuracy": pytest.approx(right), "loss": pytest.approx(loss, rel=1e-5)}
    assert {type(value) for value in several.values()} == {float}


def test_predict_of_several_outputs():
    X = np.arange(20.0).reshape(10, 2)
    result = nn.predict(lambda x: {"a": x, "b": (x + 1, tg.tensor(x))}, X, batch_size=4)
    np.testing.assert_array_equal(result["a"], X)
    np.testing.assert_array_equal(result["b"][0], X + 1)
    np.testing.assert_array_equal(result["b"][1], X)


TWO = np.ones((2, 2))


@pytest.mark.parametrize(
    "use, error, words",
    [
        (lambda: nn.predict(nn.Dense, np.ones((2, 2))), ArgumentError, "the model is <class"),
        (lambda: nn.predict(np.sum, np.ones((2, 2))), ShapeError, "one row per example"),
        (lambda: nn.predict(np.exp, np.ones((0, 2))), ShapeError, "empty"),
        (lambda: nn.evaluate(np.exp, TWO, np.ones(3), nn.accuracy), ShapeError, "has 3"),
        (lambda: nn.evaluate(np.exp, TWO, np.ones(2), "accuracy"), ArgumentError, "fun"),
        (lambda: nn.evaluate(np.exp, TWO, np.ones(2), np.add), ShapeError, "one num"),
    ],
)  # fmt: skip
def test_predict_and_evaluate_refuse(use, error, words):
    with pytest.raises(error, match=words):
        use()
