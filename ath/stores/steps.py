"""Work on stores, written once: generators that say what to call, and what carries them out."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class Use(NamedTuple):
    """Call a method of a store; the result is what it returns."""

    method: Callable[..., Any]
    arguments: tuple[Any, ...]


Work = Generator[Use, Any, T]


def use(method: Callable[..., Any], *arguments: Any) -> Use:
    """Call that method with these arguments."""
    return Use(method, arguments)


def carry_out(work: Work[T]) -> T:
    """Carry the work out on stores that block; returns what it comes to."""
    try:
        step = next(work)
        while True:
            step = work.send(step.method(*step.arguments))
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


async def carry_out_async(work: Work[T]) -> T:
    """Carry the work out on stores whose methods are coroutines; returns what it comes to."""
    try:
        step = next(work)
        while True:
            step = work.send(await step.method(*step.arguments))
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
