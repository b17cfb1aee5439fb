"""The steps that random programs are made of: source text in NumPy's words, drawn at random.

A step says how its text is drawn, from the values that a program has so far. Most are templates:
{a} stands for any value, {b} for one that broadcasts with it, {axis} for one of its axes, {axes}
for some of them or None, {keep} for keepdims. Arguments are kept where a function is smooth and
moderate, by the text itself (log of 0.5 + x²), by a margin, or by refusing what came out (see
`programs`).

A margin is an expression that stays away from 0: of an operation's kinks and ties. There engines
have conventions of their own; docs/conventions.md lists them, and test_corners.py compares them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Written(NamedTuple):
    """An expression, and what must stay away from 0 for it to be smooth."""

    text: str
    margins: tuple[str, ...] = ()


STEPS: dict[str, Callable[[Any], Written | None]] = {}
# Of them, those that take complex values too.
COMPLEX: set[str] = set()


def step(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    STEPS[function.__name__] = function
    return function


def both(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A step that takes complex values too."""
    COMPLEX.add(function.__name__)
    return step(function)


def _template(text: str, margins: tuple[str, ...]) -> Callable[[Any], Written]:
    least = 1 if "{axis}" in text else 0

    def write(draw: Any) -> Written:
        a = draw.value(least)
        filled = {"a": a}
        if "{b}" in text:
            filled["b"] = draw.beside(a)
        if "{axes}" in text:
            filled["axes"] = draw.axes(a)
        if "{axis}" in text:
            filled["axis"] = draw.axis(a)
        if "{keep}" in text:
            filled["keep"] = draw.one(["", ", keepdims=True"])
        return Written(text.format(**filled), tuple(m.format(**filled) for m in margins))

    return write


# Templates that take complex values too.
SMOOTH = {
    "add": "{a} + {b}",
    "subtract": "{a} - {b}",
    "multiply": "{a} * {b}",
    "scale": "0.7 * {a} - 0.2",
    "negative": "-{a}",
    "positive": "+{a}",
    "square": "f.square({a})",
    "cube": "{a} ** 3",
    "exp": "f.exp(0.5 * {a})",
    "sin": "f.sin({a})",
    "cos": "f.cos({a} + {b})",
    "sinh": "f.sinh(0.5 * {a})",
    "cosh": "f.cosh(0.5 * {a})",
    "twice": "{a} * {a} + {a}",
    "sum": "f.sum({a}, axis={axes}{keep})",
    "mean": "f.mean({a}, axis={axes}{keep})",
    "prod": "f.prod(0.9 * {a}, axis={axes}{keep})",
    "cumsum": "f.cumsum(0.5 * {a}, axis={axis})",
    "cumprod": "f.cumprod(0.9 * {a}, axis={axis})",
    "flip": "f.flip({a}, axis={axes})",
    "ravel": "f.ravel({a})",
    "transpose": "f.transpose({a})",
    "copy": "f.copy({a})",
    "fft_shift": "f.fftshift({a}, axes={axis})",
    "diff": "f.diff({a}, axis={axis})",
    "trapezoid": "f.trapezoid({a}, axis={axis})",
    "kron": "0.5 * f.kron({a}, {b})",
    "inner_of_all": "f.vdot({a}, {a})",
}
# Templates of real values.
REAL = {
    "divide": "{a} / (1 + f.square({b}))",
    "reciprocal": "f.reciprocal(1.5 + f.cos({a}))",
    "power": "(1 + f.square({a})) ** (0.5 * f.sin({b}))",
    "power_of_number": "2.0 ** f.sin({a})",
    "float_power": "f.float_power(0.5 + f.square({a}), 1.5)",
    "sqrt": "f.sqrt(0.5 + f.square({a}))",
    "exp2": "f.exp2(0.5 * {a})",
    "expm1": "f.expm1(f.sin({a}))",
    "log": "f.log(0.5 + f.square({a}))",
    "log2": "f.log2(1.5 + f.sin({a}))",
    "log10": "f.log10(0.3 + f.square({a}))",
    "log1p": "f.log1p(f.square({a}))",
    "tan": "f.tan(f.sin({a}))",
    "arcsin": "f.arcsin(0.8 * f.sin({a}))",
    "arccos": "f.arccos(0.8 * f.sin({a}))",
    "arctan": "f.arctan({a})",
    "arctan2": "f.arctan2({a}, 1 + f.square({b}))",
    "hypot": "f.hypot({a}, 0.5 + f.square({b}))",
    "arcsinh": "f.arcsinh({a})",
    "arccosh": "f.arccosh(1.5 + f.square({a}))",
    "arctanh": "f.arctanh(0.8 * f.sin({a}))",
    "degrees": "0.02 * f.degrees({a})",
    "radians": "20 * f.radians({a})",
    "logaddexp": "f.logaddexp({a}, {b})",
    "logaddexp2": "f.logaddexp2({a}, {b})",
    "softplus": "f.softplus({a})",
    "silu": "f.silu({a})",
    "gelu": "f.gelu({a})",
    "gelu_by_tanh": "f.gelu({a}, approximate='tanh')",
    "var": "f.var({a}, axis={axes}{keep})",
    "logsumexp": "f.logsumexp({a}, axis={axes}{keep})",
    "softmax": "f.softmax({a}, axis={axis})",
    "log_softmax": "f.log_softmax({a}, axis={axis})",
    "cumlogsumexp": "f.cumlogsumexp({a}, axis={axis})",
    "one_minus": "1 - {a}",
    "over": "0.5 / (2 + f.sin({a}))",
    "mean_squared_error": "f.mean_squared_error({a}, f.sin({a}))",
    "bessel": "f.i0({a})",
    "ldexp": "f.ldexp({a}, -1)",
}
# Templates with kinks or ties, and what keeps away from them. Where they saturate, engines
# lose digits: in 1 − y² of a tanh that is nearly 1, in 1 + y of an elu that is nearly −1.
GAPS = "np.diff(np.sort({a}, {axis}), axis={axis})"
ALL_GAPS = "np.diff(np.sort({a}, None))"
KINKED = {
    "absolute": ("f.absolute({a})", "{a}"),
    "fabs": ("f.fabs({a})", "{a}"),
    "sign": ("{a} * f.sign({b})", "{b}"),
    "copysign": ("f.copysign({a}, {b})", "{a}", "{b}"),
    "floor": ("{a} - f.floor({a})", "{a} - np.rint({a})"),
    "remainder": ("f.remainder({a}, 0.75)", "{a} / 0.75 - np.rint({a} / 0.75)"),
    "maximum": ("f.maximum({a}, {b})", "{a} - {b}"),
    "minimum": ("f.minimum({a}, {b})", "{a} - {b}"),
    "fmax": ("f.fmax({a}, {b})", "{a} - {b}"),
    "fmin": ("f.fmin({a}, {b})", "{a} - {b}"),
    "relu": ("f.relu({a})", "{a}"),
    "leaky_relu": ("f.leaky_relu({a})", "{a}"),
    "elu": ("f.elu({a})", "{a}", "{a} > -4"),
    "selu": ("f.selu({a})", "{a}", "{a} > -4"),
    "clip": ("f.clip({a}, -0.8, 0.9)", "{a} + 0.8", "{a} - 0.9"),
    "where": ("f.where({a} > {b}, f.sin({a}), {b})", "{a} - {b}"),
    "where_number": ("f.where({a} > 0.1, {a}, 0.5)", "{a} - 0.1"),
    "ceil": ("{a} * f.ceil({b})", "{b} - np.rint({b})"),
    "trunc": ("{a} - f.trunc({a})", "{a} - np.rint({a})"),
    "rint": ("{a} - f.rint({a})", "abs({a} - np.rint({a})) - 0.5"),
    "round": ("{a} + f.round({a}, 1)", "abs(10 * {a} - np.rint(10 * {a})) - 0.5"),
    "floor_divide": ("{a} * f.floor_divide({b}, 0.75)", "{b} / 0.75 - np.rint({b} / 0.75)"),
    "fmod": ("f.fmod({a}, 0.75)", "{a} / 0.75 - np.rint({a} / 0.75)"),
    "modf": ("f.modf({a})[0]", "{a} - np.rint({a})"),
    "heaviside": ("f.heaviside({b}, 0.5) * {a}", "{b}"),
    "cbrt": ("f.cbrt({a})", "0.01 * {a}"),
    "nan_to_num": ("f.nan_to_num(f.where({a} > 0.1, {a}, np.nan), nan=0.3)", "{a} - 0.1"),
    "median": ("f.median({a}, axis={axis})", GAPS),
    "percentile": ("f.percentile({a}, [30, 80], axis={axis})", GAPS),
    "max_of_three": ("f.max(f.stack([{a}, 0.5 * {a}, {a} - 0.3]), axis=0)", "{a}", "{a} - 0.6"),
    "max": ("f.max({a}, axis={axes}{keep})", ALL_GAPS),
    "min": ("f.min({a}, axis={axes}{keep})", ALL_GAPS),
    "ptp": ("f.ptp({a}, axis={axis})", ALL_GAPS),
    "sort": ("f.sort({a}, axis={axis})", GAPS),
    "quantile": ("f.quantile({a}, 0.3, axis={axis})", GAPS),
    "cummax": ("f.cummax({a}, axis={axis})", GAPS),
    "cummin": ("f.cummin({a}, axis={axis})", GAPS),
    "sinc": ("f.sinc({a})", "0.01 * {a}"),
    "huber": ("f.huber({a}, f.sin({a}))", "abs({a} - np.sin({a})) - 1"),
    "tanh": ("f.tanh({a})", "1 - abs(np.tanh({a}))"),
    "sigmoid": ("f.sigmoid({a})", "1 - abs(np.tanh(0.5 * {a}))"),
    "std": ("f.std({a}, axis={axes}{keep})", "0.01 * np.std({a}, axis={axes})"),
    "norm": ("{a} / (1 + f.norm({a}))", "np.linalg.norm({a})"),
    "norm_of_order_1": ("f.vector_norm({a}, ord=1)", "{a}"),
    "vector_norm": ("f.vector_norm({a}, axis={axis}, ord=3)", "{a}"),
}
for templates in (SMOOTH, REAL):
    STEPS.update({name: _template(text, ()) for name, text in templates.items()})
STEPS.update({name: _template(text, margins) for name, (text, *margins) in KINKED.items()})
COMPLEX.update(SMOOTH)


# Complex values only


ONLY_COMPLEX: dict[str, Any] = {}


def _complex(name: str, text: str, *margins: str) -> None:
    ONLY_COMPLEX[name] = _template(text, margins)


_complex("conjugate", "f.conjugate({a}) * {b}")
_complex("real", "f.real({a}) * {b}")
_complex("imag", "f.imag({a}) + {b}")
_complex("modulus", "f.absolute({a}) * {b}", "{a}")
_complex("complex_divide", "{a} / (3 + f.sin(f.absolute({b})))", "{b}")
_complex("complex_reciprocal", "{a} / {b}", "0.01 * {b}")
_complex("complex_sqrt", "f.sqrt({a})", "np.where({a}.real > 0, 1, {a}.imag)", "{a}")
_complex("complex_log", "f.log({a})", "np.where({a}.real > 0, 1, {a}.imag)", "0.01 * {a}")
_complex("complex_tanh", "f.tanh(0.5 * {a})")
_complex("fft", "0.5 * f.fft({a}, axis={axis})")
_complex("ifft", "f.ifft({a}, axis={axis})")
_complex("irfft", "f.irfft({a}, n=4, axis={axis}) * (1 + 0.5j)")
_complex("rotated", "{a} * (0.6 - 0.8j)")
_complex("squared_modulus", "f.real({a} * f.conjugate({a})) * (0.3 + 0.1j)")
_complex("angle", "{a} * f.angle({b})", "0.01 * {b}", "np.where({b}.real > 0, 1, {b}.imag)")


# What makes float64 of float32, as NumPy does (docs/conventions.md).
DOUBLE = {
    *("cov", "corrcoef", "vander", "float_power", "interp", "percentile"),
    *("polyder", "polyint", "bincount", "spaced_by_ratios"),
}


def steps(mode: str) -> dict[str, Any]:
    """Those of a mode: float64, float32, or complex128."""
    if mode == "float32":
        return {n: s for n, s in STEPS.items() if n not in DOUBLE}
    if mode == "complex128":
        return {n: s for n, s in STEPS.items() if n in COMPLEX} | ONLY_COMPLEX
    return STEPS


def least(margin: Any) -> float:
    """How near to 0 a margin comes."""
    return float(np.abs(margin).min(initial=np.inf))
