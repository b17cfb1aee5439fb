"""What a check of derivatives raises, and what it says."""

from __future__ import annotations

import textwrap
from typing import Any

from ..errors import TinygraphError

SHORT = 2500  # characters of a program that stands in a message


class CheckFailed(TinygraphError, AssertionError):
    """Something about a function is not as it must be; the message says what, and how it shows."""


class GradientMismatch(CheckFailed):
    """An analytic derivative is not what differences of the function give.

    argument   name of the array
    index      the element with the largest error, or None for a direction through the whole array
    output     which output, or which gradient for order 2, as far as it is known
    order, mode
    analytic, numeric   the derivatives there
    error, tolerance, noise   their distance, what it may be, and what of that is rounding
    mistake    the kind it probably is: "sign", "factor", "broadcast", …; or ""
    culprit    the operation whose own derivative is wrong, and where it was called; or ""
    script     a program that runs the check again; or "" where the function cannot be written down
    """

    argument: str = ""
    index: tuple[int, ...] | None = None
    output: str = ""
    order: int = 1
    mode: str = "reverse"
    analytic: complex = 0.0
    numeric: complex = 0.0
    error: float = 0.0
    tolerance: float = 0.0
    noise: float = 0.0
    mistake: str = ""
    culprit: str = ""
    script: str = ""
    unwritable: str = ""  # why there is no script

    def __str__(self) -> str:
        text = super().__str__()
        if self.culprit:
            text += "\n  at fault   " + self.culprit.replace("\n", "\n         ")
        if self.script and len(self.script) <= SHORT:
            indented = textwrap.indent(
                self.script.rstrip(), "    ", lambda line: bool(line.strip())
            )
            return f"{text}\n  this program shows it:\n\n{indented}\n"
        if self.script:
            return f"{text}\n  a program that shows it is in .script of this exception"
        return f"{text}\n  {self.unwritable}" if self.unwritable else text

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        for name, value in facts.items():
            setattr(self, name, value)


class Kink(TinygraphError, ValueError):
    """The function has no derivative at the point: slopes from both sides differ.

    argument, index   where it is, as far as one element alone shows it
    left, right       the slopes
    """

    argument: str = ""
    index: tuple[int, ...] | None = None
    left: float = 0.0
    right: float = 0.0

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        for name, value in facts.items():
            setattr(self, name, value)


class Inconclusive(TinygraphError, ArithmeticError):
    """The function is too noisy for differences to say anything about its derivative."""


def place(name: str, index: tuple[int, ...] | None) -> str:
    """An element, in a message: `x[0, 2]`."""
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def number(x: complex) -> str:
    """With digits enough to see a difference."""
    return f"{x + 0:.10g}"  # of -0, 0


def ordinal(order: int) -> str:
    """The order of a derivative in a word."""
    return {1: "first", 2: "second", 3: "third"}.get(order, f"{order}th")


def mismatch_text(operation: str, name: str, facts: dict[str, Any], more: list[str]) -> str:
    """The message of a GradientMismatch."""
    word = ordinal(facts["order"])
    where = place(facts["argument"], facts["index"])
    if facts["index"] is None:
        where = f"{where}, along a direction through all of it"
    lines = [
        f"{operation}: the {word} derivative of {name} is wrong in {where} ({facts['mode']} mode)"
    ]
    if facts["output"]:
        lines.append(f"  of         {facts['output']}")
    lines += [
        f"  analytic   {number(facts['analytic'])}",
        f"  numeric    {number(facts['numeric'])}",
        f"  error      {facts['error']:.2g}, where {facts['tolerance']:.2g} is allowed, of which "
        f"{facts['noise']:.1g} is numerical noise",
    ]
    return "\n".join(lines + more)


def kink_text(
    operation: str, name: str, kink: dict[str, Any], order: int, value: str, output: str
) -> str:
    """The message of a Kink."""
    where = place(kink["argument"], kink["index"])
    at = f" = {value}" if value else ", along a direction through all of it"
    what = name if order == 1 else f"the derivative of order {order - 1} of {name}"
    left, right = kink["left"], kink["right"]
    if left != left or right != right:
        slopes = f"it is not defined to the {'left' if left != left else 'right'} of it"
    elif abs(right - left) < 1e-3 * abs(left):
        slopes = "the slopes grow without end, the nearer one comes"
    else:
        slopes = f"the slope is {left + 0:.6g} from the left and {right + 0:.6g} from the right"
    return (
        f"{operation}: {what} has a kink in {where}{at}, as {output} shows: {slopes}, so there is "
        "no derivative to compare with; move the point away from it, or leave such elements out "
        'with kinks="skip"'
    )
