"""Flows that wait, run without time: a pause moves the clock, and saves change the credentials."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from ath._http.messages import Reply
from ath._protocol.context import Context
from ath._protocol.steps import Exclude, Pause, Receive, Reload, Save, SaveRegistration, Show, Step
from ath.errors import ATHError

from .flows import FlowRun
from .support import NOW, context, settle


class Clock:
    """Both clocks of a context; nothing but pauses and tests moves them."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> float:
        return NOW + self.passed

    def monotonic(self) -> float:
        return self.passed


def timed_context(clock: Clock, **options: Any) -> Context:
    return context(clock=clock.now, monotonic=clock.monotonic, **options)


@dataclass
class TimedRun(FlowRun):
    """A flow run to its end by a clock; ``answer`` makes the replies if none are planned."""

    context: Context = field(kw_only=True)
    clock: Clock = field(kw_only=True)
    answer: Callable[[int], Reply | ATHError] | None = None
    pauses: list[Pause] = field(default_factory=list)
    before_reload: Callable[[int], None] = lambda _: None
    """What another worker has done, by the number of the look at the record, from 1."""
    during_pause: Callable[[Pause], None] = lambda _: None
    reloads: int = 0

    @property
    def credentials(self) -> Any:
        return self.context.credentials

    def perform(self, step: Step) -> Any:
        match step:
            case Pause():
                self.pauses.append(step)
                self.during_pause(step)
                if step.until is None or not step.until.done():
                    self.clock.passed += step.seconds
            case Reload():
                self.reloads += 1
                self.before_reload(self.reloads)
            case Save():
                self.credentials.change(step.change)
            case SaveRegistration():
                settle(self.credentials.save_registration(step.registration, step.instead_of))
            case Exclude():
                return None if step.done() else self.run(step.make_flow())
            case Show():
                return step.function(step.url)
            case Receive():
                step.receiver.open()
                try:
                    return self.run(step.make_flow())
                finally:
                    step.receiver.close()
            case _:
                return super().perform(step)
        return None

    def call(self, call: Any) -> Any:
        if self.answer is not None:
            self.replies = deque([self.answer(len(self.calls) + 1)])
        return super().call(call)


def seconds_of(run: TimedRun) -> list[float]:
    return [pause.seconds for pause in run.pauses]


class FakeReceiver:
    """A receiver without a socket: the test says with which URL a browser comes."""

    redirect_uri = "http://127.0.0.1:8765/callback"

    def __init__(self) -> None:
        self.callback: Future[str] = Future()
        self.pages: list[str] = []
        self.states: list[str] = []

    def open(self) -> None:
        self.states.append("open")

    def close(self) -> None:
        self.states.append("closed")

    def come(self, url: str) -> None:
        self.callback.set_result(url)

    def answer(self, page: str) -> None:
        self.pages.append(page)
        if page == "failed":
            self.callback = Future()
