"""Optimisers: how parameters follow their gradients. `from tinygraph import optim`."""

if __name__ == "optim":
    raise ImportError("optim is part of tinygraph: write `from tinygraph import optim`")

from .adam import Adam
from .optimizer import Optimizer
from .sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer"]
