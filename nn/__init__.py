"""Neural networks: layers, losses and initialisers. `from tinygraph import nn`."""

if __name__ == "nn":
    raise ImportError("nn is part of tinygraph: write `from tinygraph import nn`")

from .accuracy import (
    accuracy,
)
from .activation import (
    GELU,
    ReLU,
    Sigmoid,
    Tanh,
)
from .batch_normalisation import (
    BatchNorm,
)
from .callbacks import (
    Checkpoint,
    EarlyStopping,
    GradientNorms,
)
from .evaluation import (
    evaluate,
    predict,
)
from .fit import (
    fit,
)
from .fully_connected import (
    Dense,
    dense,
)
from .gaussian import (
    gelu,
)
from .generator import (
    default_generator,
    seed,
)
from .history import (
    History,
)
from .initialisers import (
    constant,
    glorot,
    he,
    lecun,
    normal,
    xavier,
    zeros,
)
from .layer_normalisation import (
    LayerNorm,
    layer_norm,
)
from .logs import (
    CSVLog,
    TensorBoard,
)
from .losses import (
    mean_squared_error,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
)
from .minibatches import (
    minibatches,
)
from .module import (
    Module,
)
from .regularisation import (
    Dropout,
    dropout,
)
from .sequential import (
    Sequential,
)
from .standardisation import (
    Normalize,
    normalize,
)
from .training import (
    Callback,
    Training,
)

__all__ = [
    "GELU",
    "BatchNorm",
    "CSVLog",
    "Callback",
    "Checkpoint",
    "Dense",
    "Dropout",
    "EarlyStopping",
    "GradientNorms",
    "History",
    "LayerNorm",
    "Module",
    "Normalize",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Tanh",
    "TensorBoard",
    "Training",
    "accuracy",
    "constant",
    "default_generator",
    "dense",
    "dropout",
    "evaluate",
    "fit",
    "gelu",
    "glorot",
    "he",
    "layer_norm",
    "lecun",
    "mean_squared_error",
    "minibatches",
    "normal",
    "normalize",
    "predict",
    "seed",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "xavier",
    "zeros",
]
