"""Pictures of graphs: DOT text, SVG, PNG and PDF."""

from .picture import RenderWarning

__all__ = ["RenderWarning"]
