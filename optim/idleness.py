"""Parameters that never have a gradient, named once."""

from __future__ import annotations

import warnings

import tinygraph as tg

# After so many steps they are named: what takes turns has had its turn by then.
PATIENCE = 10


class Watch:
    """Looks on at the first steps that some parameters have no gradient in."""

    def __init__(self, count: int) -> None:
        self.idle = list(range(count))
        self.steps = 0

    def look(self, operation: str, parameters: list[tg.Tensor]) -> bool:
        """Note who has no gradient at this step; whether there is any more to watch.

        Warns, at the last step, of those that have never had one and are not frozen.
        """
        self.steps += 1
        self.idle = [
            i for i in self.idle if parameters[i].requires_grad and parameters[i].grad is None
        ]
        if self.idle and self.steps == PATIENCE:
            names = ", ".join(f"{i} ({parameters[i].described()})" for i in self.idle[:5])
            more = f" and {len(self.idle) - 5} more" if len(self.idle) > 5 else ""
            warnings.warn(
                f"{operation}: in {PATIENCE} steps parameter {names}{more} never had a gradient, "
                "so the cost does not depend on it, or not by operations on tensors; if that is "
                "meant, leave it out, or freeze it with requires_grad = False",
                stacklevel=4,
            )
        return bool(self.idle) and self.steps < PATIENCE
