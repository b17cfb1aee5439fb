"""Functions that go on with complex numbers where real ones end, as `numpy.emath` has them."""

from .ops.wider import arccos, arcsin, arctanh, log, log2, log10, logn, power, sqrt

__all__ = ["arccos", "arcsin", "arctanh", "log", "log2", "log10", "logn", "power", "sqrt"]
