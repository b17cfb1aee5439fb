"""Optimisers: how parameters follow their gradients. `from tinygraph import optim`."""

if __name__ == "optim":
    raise ImportError("optim is part of tinygraph: write `from tinygraph import optim`")

from .adadelta import Adadelta
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .annealing import Cosine, OneCycle, WarmUp
from .decay import Exponential, InverseSquareRoot, InverseTime, Piecewise, Staircase
from .groups import ParameterGroup
from .lion import Lion
from .nadam import NAdam
from .optimizer import Optimizer
from .plateau import ReduceOnPlateau
from .radam import RAdam
from .rmsprop import RMSprop
from .schedule import Constant, Schedule, draw_schedule
from .settings import Setting
from .sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Constant",
    "Cosine",
    "Exponential",
    "InverseSquareRoot",
    "InverseTime",
    "Lion",
    "NAdam",
    "OneCycle",
    "Optimizer",
    "ParameterGroup",
    "Piecewise",
    "RAdam",
    "RMSprop",
    "ReduceOnPlateau",
    "Schedule",
    "Setting",
    "Staircase",
    "WarmUp",
    "draw_schedule",
]
