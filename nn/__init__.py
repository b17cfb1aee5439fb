"""Neural networks: layers, losses and initialisers. `from tinygraph import nn`."""

import importlib.util as _importing
import typing as _typing

if __name__ == "nn":
    raise ImportError("nn is part of tinygraph: write `from tinygraph import nn`")

from tinygraph import leaky_relu, relu, sigmoid, softmax, softplus, tanh

from .accuracy import accuracy
from .activation import ELU, GELU, SELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh
from .attention import MultiHeadAttention, scaled_dot_product_attention
from .batch_normalisation import BatchNorm
from .callbacks import Checkpoint, EarlyStopping, GradientNorms
from .convolution import conv1d, conv2d
from .convolutional import Conv1D, Conv2D, ConvTranspose1D, ConvTranspose2D
from .embedding import Embedding, embedding
from .evaluation import evaluate, predict
from .exponential_units import elu, selu
from .fit import fit
from .flatten import Flatten
from .fully_connected import Dense, dense
from .gaussian import gelu
from .generator import default_generator, seed
from .group_normalisation import GroupNorm, group_norm
from .gru import GRU, GRUCell
from .history import History
from .initialisers import (
    constant,
    glorot,
    glorot_uniform,
    he,
    he_uniform,
    lecun,
    lecun_uniform,
    normal,
    ones,
    orthogonal,
    truncated_normal,
    uniform,
    xavier,
    xavier_uniform,
    zeros,
)
from .layer_normalisation import LayerNorm, layer_norm
from .logits import LogitsWarning
from .logs import CSVLog, TensorBoard
from .lstm import LSTM, LSTMCell
from .margin_losses import hinge
from .minibatches import minibatches
from .module import Module
from .pooling import (
    avg_pool1d,
    avg_pool2d,
    global_avg_pool,
    global_max_pool,
    max_pool1d,
    max_pool2d,
)
from .pooling_layers import (
    AvgPool1D,
    AvgPool2D,
    GlobalAvgPool2D,
    GlobalMaxPool2D,
    MaxPool1D,
    MaxPool2D,
)
from .probability_losses import binary_cross_entropy, cross_entropy, kl_divergence
from .regression_losses import huber, mean_absolute_error, mean_squared_error
from .regularisation import Dropout, dropout
from .rnn import RNN, RNNCell
from .sequential import Sequential
from .sigmoid_loss import sigmoid_cross_entropy
from .softmax_loss import softmax_cross_entropy
from .standardisation import Normalize, normalize
from .swish import silu
from .training import Callback, Training
from .transformer import TransformerBlock, sinusoidal_positions
from .transposed_convolution import conv_transpose1d, conv_transpose2d

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "RNN",
    "SELU",
    "AvgPool1D",
    "AvgPool2D",
    "BatchNorm",
    "CSVLog",
    "Callback",
    "Checkpoint",
    "Conv1D",
    "Conv2D",
    "ConvTranspose1D",
    "ConvTranspose2D",
    "Dense",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "Flatten",
    "GRUCell",
    "GlobalAvgPool2D",
    "GlobalMaxPool2D",
    "GradientNorms",
    "GroupNorm",
    "History",
    "LSTMCell",
    "LayerNorm",
    "LeakyReLU",
    "LogitsWarning",
    "MaxPool1D",
    "MaxPool2D",
    "Module",
    "MultiHeadAttention",
    "Normalize",
    "RNNCell",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "TensorBoard",
    "Training",
    "TransformerBlock",
    "accuracy",
    "avg_pool1d",
    "avg_pool2d",
    "binary_cross_entropy",
    "constant",
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
    "cross_entropy",
    "default_generator",
    "dense",
    "dropout",
    "elu",
    "embedding",
    "evaluate",
    "fit",
    "gelu",
    "global_avg_pool",
    "global_max_pool",
    "glorot",
    "glorot_uniform",
    "group_norm",
    "he",
    "he_uniform",
    "hinge",
    "huber",
    "kl_divergence",
    "layer_norm",
    "leaky_relu",
    "lecun",
    "lecun_uniform",
    "max_pool1d",
    "max_pool2d",
    "mean_absolute_error",
    "mean_squared_error",
    "minibatches",
    "normal",
    "normalize",
    "ones",
    "orthogonal",
    "predict",
    "relu",
    "scaled_dot_product_attention",
    "seed",
    "selu",
    "sigmoid",
    "sigmoid_cross_entropy",
    "silu",
    "sinusoidal_positions",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "tanh",
    "truncated_normal",
    "uniform",
    "xavier",
    "xavier_uniform",
    "zeros",
]

# What needs scikit-learn comes at first use. It is not in __all__: a star would import it too.
if _typing.TYPE_CHECKING:
    from .estimators import Classifier as Classifier
    from .estimators import Regressor as Regressor


def __getattr__(name: str) -> _typing.Any:
    if name in ("Classifier", "Regressor"):
        try:
            from . import estimators
        except ModuleNotFoundError as error:
            if not f"{error.name}.".startswith("sklearn."):
                raise
            raise ImportError(
                f'nn.{name} needs scikit-learn: pip install "tinygraph-autodiff[sklearn]"'
            ) from error
        return getattr(estimators, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)


def __dir__() -> list[str]:
    with_sklearn = ["Classifier", "Regressor"] if _importing.find_spec("sklearn") else []
    return sorted({*globals(), *with_sklearn})
