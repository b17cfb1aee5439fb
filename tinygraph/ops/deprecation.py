"""Deprecations of NumPy's, passed on."""

import sys
import warnings

from ..tracing import user_frame


def warn_deprecated(message: str) -> None:
    """Warn at the line of the user's from which the call came, through NumPy or not."""
    frame = user_frame(sys._getframe(1))
    if frame is None:
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return
    names = frame.f_globals
    warnings.warn_explicit(
        message,
        DeprecationWarning,
        frame.f_code.co_filename,
        frame.f_lineno,
        names.get("__name__"),
        names.setdefault("__warningregistry__", {}),
    )
