"""One file per engine. It has a function for each kind of workload that the engine can do."""

from .program import Program

__all__ = ["Program"]
