"""Whether operations are recorded: `no_grad`, `enable_grad`, `is_grad_enabled`."""

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Self, TypeVar

_recording: ContextVar[bool] = ContextVar("tinygraph_recording", default=True)
recording = _recording.get

Function = TypeVar("Function", bound=Callable[..., Any])


def is_grad_enabled() -> bool:
    """Whether operations on tensors that require grad are recorded here and now."""
    return recording()


class Mode:
    """A context manager and decorator that holds for its own thread or asyncio task."""

    _settings: dict[str, Any]
    _tokens: list[Token[Any]]

    def __new__(cls, function: Function | None = None, **settings: Any) -> Any:
        """A mode; or, as a decorator without parentheses, the function decorated."""
        mode = object.__new__(cls)
        mode._settings, mode._tokens = settings, []
        return mode if function is None else mode(function)

    def _begin(self) -> Token[Any]:
        """Set the mode's context variable."""
        raise NotImplementedError

    def _end(self, token: Token[Any]) -> None:
        """Set it back."""
        token.var.reset(token)

    def __enter__(self) -> Self:
        self._tokens.append(self._begin())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end(self._tokens.pop())

    def __call__(self, function: Function) -> Function:
        """Decorate a function or a coroutine function; each call enters a mode of its own."""
        mode, settings = type(self), self._settings
        wrapper: Callable[..., Any]
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            # Its body runs in pieces, in between its caller's: the mode would leak out.
            raise TypeError(
                f"{mode.__name__} cannot decorate the generator function {function.__qualname__}; "
                f"write `with tg.{mode.__name__}():` around the parts between its yields"
            )
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def wrapper(*args: Any, **kwargs: Any) -> Any:
                with mode(**settings):
                    return await function(*args, **kwargs)
        else:

            @functools.wraps(function)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                with mode(**settings):
                    return function(*args, **kwargs)

        return wrapper  # type: ignore[return-value]


class _Recording(Mode):
    """A mode in which operations are recorded, or not."""

    _enabled: bool

    def __new__(cls, function: Function | None = None) -> Any:
        """Without settings."""
        return Mode.__new__(cls, function)

    def _begin(self) -> Token[bool]:
        return _recording.set(self._enabled)


class no_grad(_Recording):  # noqa: N801 - reads as a verb: `with tg.no_grad():`
    """Record nothing: results of operations do not require grad.

    >>> w = tg.Variable(3.0)
    >>> with tg.no_grad():
    ...     y = w * w
    >>> y.requires_grad
    False
    """

    _enabled = False


class enable_grad(_Recording):  # noqa: N801
    """Record again, inside `no_grad`."""

    _enabled = True
