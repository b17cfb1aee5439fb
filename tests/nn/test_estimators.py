"""Classifier and Regressor: scikit-learn's own checks, and what one does with estimators there."""

import os
import pickle
import signal
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_iris, make_regression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import tinygraph as tg
from tinygraph import nn
from tinygraph.errors import ArgumentError, DomainError

SMALL = {"hidden": (8,), "epochs": 20, "learning_rate": 0.02, "random_state": 0}


class Build:
    """Builds a network of one's own; has no address in its repr, which names the tests."""

    def __repr__(self):
        return "build"

    def __call__(self, inputs, outputs, generator):
        return nn.Sequential(
            nn.Dense(inputs, 6, "gelu", generator=generator),
            nn.Dense(6, outputs, generator=generator),
        )


build = Build()


@parametrize_with_checks(
    [
        nn.Classifier((10,), epochs=30, learning_rate=0.02),
        nn.Regressor((10,), epochs=30, learning_rate=0.02),
        nn.Classifier(
            (10,), "tanh", epochs=30, learning_rate=0.02, batch_norm=True, dropout=0.1,
            early_stopping=True,
        ),
        nn.Regressor(epochs=30, learning_rate=0.02, module=build),
    ]
)  # fmt: skip
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return X, np.array(["setosa", "versicolor", "virginica"])[y]


def test_probabilities_classes_and_score(iris):
    X, y = iris
    classifier = nn.Classifier(**SMALL).fit(X, y)
    p = classifier.predict_proba(X)
    assert p.shape == (150, 3) and list(classifier.classes_) == sorted(set(y))
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-12)
    np.testing.assert_array_equal(classifier.predict(X), classifier.classes_[p.argmax(1)])
    assert classifier.score(X, y) == np.mean(classifier.predict(X) == y) > 0.9
    assert classifier.n_features_in_ == 4 and classifier.history_.epochs == 20
    assert {p.dtype for p in classifier.module_.parameters()} == {np.dtype(np.float32)}
    assert classifier.predict_proba(X.astype(np.float32)).dtype == np.float32


def test_pipeline_cross_validation_and_searches(iris):
    X, y = iris
    pipeline = make_pipeline(StandardScaler(), nn.Classifier(**SMALL))
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.9
    grid = {"classifier__hidden": [(), (8,)], "classifier__activation": ["tanh", tg.relu]}
    search = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(X, y)
    assert search.best_score_ > 0.9 and len(search.cv_results_["params"]) == 4
    rates = np.random.default_rng(0)

    class LogUniform:
        def rvs(self, random_state=None):
            return float(10 ** rates.uniform(-4, -1))

    search = RandomizedSearchCV(
        pipeline, {"classifier__learning_rate": LogUniform(), "classifier__batch_size": [16, 64]},
        n_iter=3, cv=3, random_state=0, error_score="raise",
    ).fit(X, y)  # fmt: skip
    assert search.best_score_ > 0.8


def test_the_same_random_state_is_the_same_result_and_no_other(iris):
    X, y = iris

    def weights(state):
        module = nn.Classifier(**SMALL | {"random_state": state, "dropout": 0.2}).fit(X, y).module_
        return module.state_dict()["0.weight"]

    np.testing.assert_array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))
    nn.seed(3)
    first = weights(None)
    nn.seed(3)
    np.testing.assert_array_equal(weights(None), first)
    states = [np.random.RandomState(4) for _ in range(2)]
    np.testing.assert_array_equal(weights(states[0]), weights(states[1]))
    np.testing.assert_array_equal(
        weights(np.random.default_rng(5)), weights(np.random.default_rng(5))
    )


@pytest.mark.parametrize("kind", [nn.Classifier, nn.Regressor])
def test_pickles_and_clones(kind, iris):
    X = iris[0]
    y = (X[:, 0] > 6).astype(int)
    fitted = kind(**SMALL | {"module": build, "activation": tg.tanh}).fit(X, y)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
    assert again.history_["loss"] == fitted.history_["loss"]
    fresh = clone(fitted)
    assert not hasattr(fresh, "module_")
    np.testing.assert_array_equal(fresh.fit(X, y).predict(X), fitted.predict(X))


def test_settings_reach_the_network_and_the_fit(iris):
    X, y = iris
    scaled = StandardScaler().fit_transform(X)
    told = []
    classifier = nn.Classifier(
        (5, 4), tg.tanh, dropout=0.25, batch_norm=True, batch_size=50, epochs=3, random_state=0,
        callbacks=[lambda training: told.append(training.batch)],
    ).fit(scaled, y)  # fmt: skip
    kinds = [layer if layer is tg.tanh else type(layer) for layer in classifier.module_]
    block = [nn.Dense, nn.BatchNorm, tg.tanh, nn.Dropout]
    assert kinds == [*block, *block, nn.Dense]
    assert told == [3, 3, 3] and classifier.module_[0].bias is None
    assert classifier.module_[3].rate == 0.25 and classifier.module_[4].weight.shape == (5, 4)
    assert [type(layer) for layer in nn.Classifier((), epochs=1).fit(X, y).module_] == [nn.Dense]


def test_early_stopping_keeps_the_best(iris):
    X, y = iris
    classifier = nn.Classifier(
        (32,), learning_rate=0.05, epochs=200, early_stopping=True, validation_fraction=0.3,
        patience=3, random_state=0,
    ).fit(X, y)  # fmt: skip
    history = classifier.history_
    assert history.epochs < 200 and history.stopped
    assert history.best("val_loss")["epoch"] == history.epochs - 3


def test_ctrl_c_ends_a_search_too_and_leaves_the_estimator_fitted(iris):
    X, y = iris
    fits = []

    def press(training):
        fits.append(training.epoch)
        if training.epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)

    classifier = nn.Classifier(**SMALL | {"callbacks": [press]})
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(X, y)
    assert classifier.history_.epochs == 2 and classifier.history_.interrupted
    assert classifier.predict(X).shape == (150,)
    with pytest.raises(KeyboardInterrupt):
        cross_val_score(classifier, X, y, cv=3)
    assert fits == [1, 2, 1, 2]


def test_weight_decay_makes_weights_smaller(iris):
    X, y = iris

    def size(weight_decay):
        settings = SMALL | {"weight_decay": weight_decay, "epochs": 100}
        return np.linalg.norm(nn.Classifier(**settings).fit(X, y).module_[0].weight.numpy())

    assert size(0.5) < 0.8 * size(0.0)


def test_regression_of_one_and_of_several_targets():
    X, y, coefficients = make_regression(
        200, 4, n_informative=4, n_targets=2, coef=True, random_state=0
    )
    linear = nn.Regressor((), learning_rate=0.02, epochs=100, random_state=0)
    model = TransformedTargetRegressor(linear, transformer=StandardScaler()).fit(X, y)
    assert model.predict(X).shape == (200, 2)
    np.testing.assert_allclose(model.predict(np.eye(4)) - model.predict(np.zeros((1, 4))),
                               coefficients, rtol=1e-2)  # fmt: skip
    one = nn.Regressor(**SMALL).fit(X, y[:, 0] / 100)
    assert one.predict(X).shape == (200,)
    assert one.score(X, y[:, 0] / 100) > 0.9
    assert nn.Regressor(**SMALL).fit(X, y[:, :1] / 100).predict(X).shape == (200, 1)


@pytest.mark.parametrize(
    "settings, y, error, words",
    [
        ({}, np.zeros(10), DomainError, "1 class only"),
        ({"module": nn.Dense(2, 2)}, None, ArgumentError, "module is a Dense; it needs a function"),
        ({"module": lambda n, k, rng: tg.tanh}, None, ArgumentError, "must return a Module"),
        ({"epochs": 0}, None, ArgumentError, "Classifier: epochs=0"),
        ({"hidden": (0,)}, None, ArgumentError, "a size in hidden=0"),
        ({"activation": "rely"}, None, ArgumentError, "did you mean 'relu'"),
        ({"random_state": "x"}, None, ArgumentError, "Classifier: random_state: generator='x'"),
    ],
)
def test_is_refused(settings, y, error, words):
    X = np.arange(20.0).reshape(10, 2)
    with pytest.raises(error, match=words):
        nn.Classifier(**settings).fit(X, np.arange(10) % 2 if y is None else y)


def test_without_scikit_learn_the_rest_imports_and_the_name_says_what_it_needs():
    code = """
import sys
sys.modules["sklearn"] = None
from tinygraph.nn import *
from tinygraph import nn
Dense, fit
try:
    nn.Classifier
except ImportError as error:
    print(error)
try:
    nn.Clasifier
except AttributeError as error:
    print(error)
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )  # fmt: skip
    assert run.stdout.splitlines() == [
        'nn.Classifier needs scikit-learn: pip install "tinygraph-autodiff[sklearn]"',
        "module 'tinygraph.nn' has no attribute 'Clasifier'",
    ]


def test_is_an_estimator_and_listed():
    assert issubclass(nn.Classifier, BaseEstimator)
    assert {"Classifier", "Regressor", "Dense"} <= set(dir(nn))
