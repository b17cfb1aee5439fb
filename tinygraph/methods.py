"""Hangs operations on Tensor, as operators and methods."""
from .template import compile_operator
from .registry import REGISTRY
from .tensor import Tensor
from .backward import backward
from .protocols import array_ufunc, array_function
Tensor.backward = backward
Tensor.__array_ufunc__ = array_ufunc
Tensor.__array_function__ = array_function
for name, op in {"__add__":"add","__radd__":"add","__mul__":"multiply","__rmul__":"multiply","__sub__":"subtract","__rsub__":"subtract","__truediv__":"divide","__neg__":"negative"}.items():
    setattr(Tensor, name, compile_operator(REGISTRY[op], name))
