"""The exceptions of tinygraph: each is a `TinygraphError` and the builtin NumPy would raise.

TinygraphError
├── ShapeError (ValueError)            shapes that do not fit together
│   └── NoAxesError (TypeError)        len() of, or iteration over, a tensor without axes
├── DTypeError (TypeError)             a dtype an operation cannot take
├── ArgumentError (TypeError)          an unknown keyword, an argument that makes no sense
├── DomainError (ValueError)           a value that an operation is not defined for
│   └── WeightsError (ZeroDivisionError)   weights that sum to zero
├── AxisError (numpy AxisError)        an axis the array does not have
├── IndexingError (IndexError)         an index out of bounds, or of a wrong kind
├── NotDifferentiable (TypeError)      no gradient rule for what was asked
├── AmbiguousGradient (ValueError)     a gradient that hangs on a choice NumPy was free to make
├── DetachError (TypeError)            a tracked tensor would silently lose its history
├── BackwardError (RuntimeError)       backward where there is nothing (left) to differentiate
│   ├── StaleGraphError                a leaf changed after the graph was built
│   └── MutationError                  an array that a graph kept was changed (detect_mutation)
├── AnomalyError (FloatingPointError)  a NaN or infinity came up (detect_anomaly)
├── DeclarationError (TypeError)       an operation declared wrongly; raised at import
├── RuleError (RuntimeError)           a gradient rule returned what does not fit its input
├── GraphSizeError (ValueError)        a drawing too large to be read
├── RenderError (RuntimeError)         no drawing engine, or it failed
└── SavingError (ValueError)           a file to load that is foreign, not whole, or for another
"""

import numpy as np


class TinygraphError(Exception):
    """Base of every error that tinygraph raises on purpose."""


class ShapeError(TinygraphError, ValueError):
    """Shapes that do not fit together."""


class NoAxesError(ShapeError, TypeError):
    """What only axes have, asked of a tensor of dimension 0."""


class DTypeError(TinygraphError, TypeError):
    """A dtype that an operation cannot take."""


class ArgumentError(TinygraphError, TypeError):
    """An unknown keyword, or an argument that makes no sense."""


class DomainError(TinygraphError, ValueError):
    """A value that an operation is not defined for."""


class WeightsError(DomainError, ZeroDivisionError):
    """Weights that sum to zero."""


class AxisError(TinygraphError, np.exceptions.AxisError):
    """An axis that the array does not have."""


class IndexingError(TinygraphError, IndexError):
    """An index out of bounds, or of a wrong kind."""


class NotDifferentiable(TinygraphError, TypeError):
    """No gradient rule for what was asked of a tracked tensor."""


class AmbiguousGradient(TinygraphError, ValueError):
    """A gradient that hangs on a choice NumPy was free to make, as of a basis of eigenvectors."""


class DetachError(TinygraphError, TypeError):
    """A tracked tensor would silently lose its history."""


class BackwardError(TinygraphError, RuntimeError):
    """Backward where there is nothing, or nothing left, to differentiate."""


class StaleGraphError(BackwardError):
    """A leaf was changed in place after the graph that kept its old value was built."""


class MutationError(BackwardError):
    """An array that a graph kept was changed before backward used it."""


class AnomalyError(TinygraphError, FloatingPointError):
    """A NaN or an infinity came up, forward or backward."""


class DeclarationError(TinygraphError, TypeError):
    """An operation declared wrongly."""


class RuleError(TinygraphError, RuntimeError):
    """A gradient rule returned something that does not fit the input it is for."""


class GraphSizeError(TinygraphError, ValueError):
    """A drawing with more nodes than can be read."""


class RenderError(TinygraphError, RuntimeError):
    """No engine to draw with, or the engine failed."""


class SavingError(TinygraphError, ValueError):
    """A file that `tg.save` did not write, that is not whole, or that holds something else."""
