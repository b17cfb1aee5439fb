"""tinygraph: reverse-mode automatic differentiation over NumPy. You write the cost; it derives."""

from . import methods as _methods  # noqa: F401 - hangs the operations on Tensor
from .backward import gradients
from .modes import enable_grad, is_grad_enabled, no_grad
from .ops.creation import empty_like, one_hot, ones_like, zeros_like
from .ops.elementwise import (
    absolute, add, arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh, cbrt, ceil, clip,
    conjugate, copysign, cos, cosh, degrees, divide, divmod, exp, exp2, expm1, fabs, fix,
    float_power, floor, floor_divide, fmax, fmin, fmod, frexp, heaviside, hypot, imag, ldexp,
    leaky_relu, log, log1p, log2, log10, logaddexp, logaddexp2, maximum, minimum, modf, multiply,
    negative, nextafter, positive, power, radians, real, reciprocal, relu, remainder, rint, round,
    sigmoid, sign, sin, sinh, softplus, spacing, sqrt, square, subtract, tan, tanh, trunc,
)  # fmt: skip
from .ops.indexing import take, take_along_axis
from .ops.joining import concatenate, split, stack, unstack, where
from .ops.products import dot, einsum, inner, matmul, outer, tensordot
from .ops.reduction import (
    cumsum, log_softmax, logsumexp, max, mean, min, prod, softmax, std, sum, var,
)  # fmt: skip
from .ops.shape import (
    astype, broadcast_to, copy, diagonal, expand_dims, flip, matrix_transpose, moveaxis, pad,
    ravel, reshape, roll, squeeze, swapaxes, transpose, tril, triu,
)  # fmt: skip
from .primitive import elementwise, primitive, sample
from .tensor import Tensor, Variable, tensor
from .transforms import grad, value_and_grad
