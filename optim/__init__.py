"""Optimisers: how parameters follow their gradients. `from tinygraph import optim`."""

if __name__ == "optim":
    raise ImportError("optim is part of tinygraph: write `from tinygraph import optim`")

from .adadelta import Adadelta
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .annealing import Cosine, OneCycle, WarmUp
from .averaging import ExponentialMovingAverage
from .clipping import clip_grad_norm, clip_grad_value
from .decay import Exponential, InverseSquareRoot, InverseTime, Piecewise, Staircase
from .groups import ParameterGroup
from .lion import Lion
from .nadam import NAdam
from .optimizer import Optimizer
from .penalties import l1_penalty, l2_penalty
from .plateau import ReduceOnPlateau
from .radam import RAdam
from .rmsprop import RMSprop
from .schedule import Constant, Schedule, draw_schedule
from .scipy_minimizer import minimize_scipy
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
    "ExponentialMovingAverage",
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
    "clip_grad_norm",
    "clip_grad_value",
    "draw_schedule",
    "l1_penalty",
    "l2_penalty",
    "minimize_scipy",
]
