from .ops.elementwise import *
from . import methods
from .tensor import tensor, Variable, Tensor
from .backward import gradients
