"""Neural networks: layers, losses and initialisers. `from tinygraph import nn`."""

if __name__ == "nn":
    raise ImportError("nn is part of tinygraph: write `from tinygraph import nn`")

from .activation import ReLU, Sigmoid, Tanh
from .dense import Dense
from .dropout import Dropout
from .generator import seed
from .initialisers import constant, glorot, he, lecun, normal, xavier, zeros
from .losses import mean_squared_error, sigmoid_cross_entropy, softmax_cross_entropy
from .module import Module
from .normalisation import BatchNorm
from .sequential import Sequential

__all__ = [
    "BatchNorm",
    "Dense",
    "Dropout",
    "Module",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Tanh",
    "constant",
    "glorot",
    "he",
    "lecun",
    "mean_squared_error",
    "normal",
    "seed",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "xavier",
    "zeros",
]
