"""scikit-learn estimators: networks in its pipelines, cross-validations and searches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Self, TypeAlias

import numpy as np
from sklearn.base import (  # type: ignore[import-untyped]
    BaseEstimator,
    ClassifierMixin,
    RegressorMixin,
)
from sklearn.utils.multiclass import (  # type: ignore[import-untyped]
    check_classification_targets,
)
from sklearn.utils.validation import (  # type: ignore[import-untyped]
    check_is_fitted,
    validate_data,
)

import tinygraph as tg

from .. import optim
from . import mean_squared_error, softmax_cross_entropy
from .activation import Activation, activation_from
from .batch_normalisation import BatchNorm
from .callbacks import EarlyStopping
from .evaluation import predict
from .fit import fit
from .fully_connected import Dense
from .generator import generator_from
from .module import Module
from .regularisation import Dropout
from .sequential import Layer, Sequential
from .validation import positive

Build: TypeAlias = Callable[[int, int, np.random.Generator], Module]


def network(
    inputs: int,
    outputs: int,
    generator: np.random.Generator,
    *,
    hidden: Sequence[int] = (100,),
    activation: Activation = "relu",
    dropout: float = 0.0,
    batch_norm: bool = False,
) -> Sequential:
    """Dense layers, each hidden one with an activation; batch norm before it, dropout after it."""
    layers: list[Layer] = []
    sizes = [inputs, *(positive("network", "a size in hidden", size) for size in hidden)]
    act = activation_from(activation, "network")
    for n, units in pairwise(sizes):
        if batch_norm:
            layers += [Dense(n, units, bias=False, generator=generator), BatchNorm(units)]
            if act is not None:
                layers.append(act)
        else:
            layers.append(Dense(n, units, act, generator=generator))
        if dropout:
            layers.append(Dropout(dropout, generator=generator))
    last = Dense(sizes[-1], outputs, initializer="lecun", generator=generator)
    return Sequential([*layers, last])


class _Network(BaseEstimator):  # type: ignore[misc]
    """What both estimators share: settings, and how they train."""

    def __init__(
        self,
        hidden: Sequence[int] = (100,),
        activation: Activation = "relu",
        *,
        dropout: float = 0.0,
        batch_norm: bool = False,
        learning_rate: float = 0.001,
        weight_decay: float = 0.0,
        epochs: int = 100,
        batch_size: int = 32,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
        module: Build | None = None,
        callbacks: Sequence[Any] = (),
        random_state: Any = None,
        progress: bool | None = False,
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.module = module
        self.callbacks = callbacks
        self.random_state = random_state
        self.progress = progress

    def _train(self, X: Any, y: Any, outputs: int, loss: Callable[..., Any]) -> None:
        """Build the network, and fit it in float32."""
        generator = self._generator()
        self.module_ = self._build(X.shape[1], outputs, generator)
        callbacks = list(self.callbacks)
        validation = None
        if self.early_stopping:
            validation = self.validation_fraction
            callbacks.append(EarlyStopping("val_loss", self.patience))
        self.history_ = fit(
            self.module_,
            loss,
            (X.astype(np.float32, copy=False), y),
            self._optimizer(self.module_),
            epochs=positive(type(self).__name__, "epochs", self.epochs),
            batch_size=self.batch_size,
            validation=validation,
            callbacks=callbacks,
            progress=self.progress,
            rng=generator,
        )
        if self.history_.interrupted:
            raise KeyboardInterrupt

    def _generator(self) -> np.random.Generator:
        state = self.random_state
        if isinstance(state, np.random.RandomState):
            state = int(state.randint(2**31))
        return generator_from(state, f"{type(self).__name__}: random_state")

    def _build(self, inputs: int, outputs: int, generator: np.random.Generator) -> Module:
        if self.module is None:
            return network(
                inputs,
                outputs,
                generator,
                hidden=self.hidden,
                activation=self.activation,
                dropout=self.dropout,
                batch_norm=self.batch_norm,
            )
        name = type(self).__name__
        if isinstance(self.module, Module) or not callable(self.module):
            raise tg.ArgumentError(
                f"{name}: module is a {type(self.module).__name__}; it needs a function of "
                "(inputs, outputs, generator) that builds one, as each fit begins with a new one"
            )
        module = self.module(inputs, outputs, generator)
        if not isinstance(module, Module):
            raise tg.ArgumentError(
                f"{name}: module(…) returned {type(module).__name__}; it must return a Module"
            )
        return module

    def _optimizer(self, module: Module) -> optim.Optimizer:
        if not self.weight_decay:
            return optim.Adam(module.parameters(), self.learning_rate)
        return optim.AdamW(module.parameters(), self.learning_rate, weight_decay=self.weight_decay)

    def _outputs(self, X: Any) -> Any:
        """What the network makes of X, in the dtype of X if that is floating, else in float64."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        return predict(self.module_, X)


class Classifier(ClassifierMixin, _Network):  # type: ignore[misc]
    """softmax(network(x)), trained on cross-entropy by Adam: an estimator for scikit-learn.

    hidden: sizes of the hidden layers; () for softmax regression.  activation: of these.
    dropout: after each hidden layer.  batch_norm: before each activation.
    learning_rate: of Adam.  weight_decay: λ of AdamW.
    epochs, batch_size: as for `nn.fit`.
    early_stopping: hold out `validation_fraction` of the examples, stop after `patience` epochs
        without a lower loss on them, and keep the weights of the best.
    module: instead of hidden, activation, dropout and batch_norm, a function of (inputs, outputs,
        generator) that builds the network; for pickling, one with a name.
    callbacks, progress: as for `nn.fit`.
    random_state: an integer for the same result each time; None takes what `nn.seed` began.

    Fitted: module_, history_, classes_, n_features_in_. Trains in float32; predictions have the
    precision of X. Ctrl-C raises KeyboardInterrupt, so that it ends a search too, after the batch
    that is being trained on; the estimator is then fitted with what it had learned.
    X wants features of about mean 0 and variance 1: put a StandardScaler before it.

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_iris(return_X_y=True)
    >>> network = nn.Classifier((16,), epochs=30, learning_rate=0.01, random_state=0)
    >>> make_pipeline(StandardScaler(), network).fit(X, y).score(X, y) > 0.95
    True

    Raises as scikit-learn's own do, DomainError if y has a single class, and as `nn.fit`.
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from X, (m, features), and the classes y, (m,), of any kind."""
        X, y = validate_data(self, X, y, dtype=[np.float32, np.float64])
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise tg.DomainError(
                f"Classifier: y has 1 class only, {self.classes_[0]!r}; it needs two or more"
            )
        self._train(X, labels, len(self.classes_), softmax_cross_entropy)
        return self

    def predict_proba(self, X: Any) -> Any:
        """P(class | x) as (m, classes), in the order of classes_."""
        return tg.softmax(self._outputs(X), axis=1).numpy()

    def predict(self, X: Any) -> Any:
        """The most probable class of each example."""
        which = self._outputs(X).argmax(1)
        return self.classes_[which]


class Regressor(RegressorMixin, _Network):  # type: ignore[misc]
    """network(x), trained on the squared error by Adam: an estimator for scikit-learn.

    y may have several columns. It wants about mean 0 and variance 1, as X does: scikit-learn's
    TransformedTargetRegressor sees to that. Everything else is as in `nn.Classifier`, but for
    classes_.
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from X, (m, features), and y, (m,) or (m, targets)."""
        X, y = validate_data(
            self, X, y, dtype=[np.float32, np.float64], multi_output=True, y_numeric=True
        )
        self._single = y.ndim == 1
        y = y.reshape(len(y), -1).astype(np.float32)
        self._train(X, y, y.shape[1], mean_squared_error)
        return self

    def predict(self, X: Any) -> Any:
        """The expected y of each example, of the shape that y had."""
        outputs = self._outputs(X)
        return outputs[:, 0] if self._single else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
