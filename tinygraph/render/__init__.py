"""Pictures of graphs: DOT text, SVG, PNG and PDF, and a page to look around in."""

from . import viewer  # noqa: F401 - hangs Graph.to_html on
from .picture import RenderWarning

__all__ = ["RenderWarning"]
