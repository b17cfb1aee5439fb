"""The smallest example of a strategy for which something holds."""

from hypothesis import Phase, find, settings

SMALLEST = settings(
    max_examples=1000,
    database=None,
    derandomize=True,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
)
AS_DRAWN = settings(SMALLEST, phases=[Phase.generate])


def smallest(strategy, condition):
    """Made as small as can be."""
    return find(strategy, condition, settings=SMALLEST)


def as_drawn(strategy, condition=lambda _: True):
    """The first, as it was drawn."""
    return find(strategy, condition, settings=AS_DRAWN)
