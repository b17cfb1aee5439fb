"""What an engine makes of a workload."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any


@dataclass
class Program:
    """A workload, ready to run on one engine.

    step     one step; it is given the arrays of one batch
    batches  in the engine's own kind of array
    results  the arrays after the last step, by name: `loss`, and the parameters by their own
             names, or in W6 and W7 the gradients
    finish   waits for what still runs
    """

    step: Callable[..., Any]
    batches: Iterable[tuple[Any, ...]]
    results: Callable[[], dict[str, Any]]
    finish: Callable[[], Any] = lambda: None

    def __post_init__(self) -> None:
        self.batches = cycle(self.batches)

    def run(self, steps: int) -> None:
        """Take so many steps, going on where the last run stopped."""
        step = self.step
        for batch in islice(self.batches, steps):
            step(*batch)
        self.finish()
