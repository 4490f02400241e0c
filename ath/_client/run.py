"""Carrying flows and calls out: the sync shell, and what the async one (_async_runner.py) shares.

The first attempt runs bare; tenacity is entered only after a failure, which keeps it off the hot
path. The last error is the one that is raised.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from .._http.messages import Limits
from .._protocol.steps import Blocking, Call, Flow, Repeat, Send, Sign, Step, Wait
from .credentials import Vault
from .._http.messages import Reply, Request
from ..keys import Signer
from ..errors import ATHError
from ..retry import Plan, Retry, RetryPolicy, Rule, policy_of

T = TypeVar("T")
log = logging.getLogger("ath")


class SyncTransport(Protocol):
    """What sends for the sync clients."""

    def send(self, request: Request, limits: Limits) -> Reply:
        """Send once."""
        ...

    def close(self) -> None:
        """Free the connections."""
        ...


TransportT = TypeVar("TransportT")
SignerT = TypeVar("SignerT")


class Attempts:
    """One call's failures so far, and whether another attempt follows."""

    def __init__(self, rule: Rule, policy: RetryPolicy | None, first: ATHError) -> None:
        self._plan = Plan(policy or RetryPolicy(attempts=1), rule)
        self._codes: list[str] = []
        self._first: ATHError | None = first
        self.over = not self._plan.goes_on(first, 1, 0.0)

    def replay(self) -> None:
        """Fail as the attempt did that was made before tenacity was asked."""
        if self._first is not None:
            first, self._first = self._first, None
            raise first

    def settings(self) -> dict[str, Any]:
        """What makes a tenacity object go by the plan."""
        return {"retry": self._goes_on, "wait": lambda _: self._plan.pause, "reraise": True}

    def _goes_on(self, state: Any) -> bool:
        error = state.outcome.exception()
        if isinstance(error, ATHError):
            self._codes.append(error.code)
        return self._plan.goes_on(error, state.attempt_number, state.idle_for)

    def tell(self, error: ATHError) -> None:
        """Add the story of the attempts to the last error."""
        error.add_note(f"{len(self._codes)} attempts: {', '.join(self._codes)}.")


class Runner(Generic[TransportT, SignerT]):
    """What both shells hold."""

    def __init__(
        self,
        open_transport: Callable[[], TransportT],
        signer: SignerT,
        limits: Limits,
        retry: RetryPolicy | None,
    ) -> None:
        self._open_transport = open_transport
        self._transport: TransportT | None = None
        self._closed = False
        self._opening = threading.Lock()
        self._signer = signer
        self._limits = limits
        self._retry = retry

    @property
    def transport(self) -> TransportT:
        """Made at the first request, since httpcore is slow to import."""
        if self._closed:
            raise ATHError("CLIENT_CLOSED", "This client is closed.")
        if self._transport is None:
            with self._opening:
                if self._transport is None:
                    self._transport = self._open_transport()
        return self._transport


def log_reply(request: Request, reply: Reply, began: float) -> None:
    took = (time.monotonic() - began) * 1000
    log.debug("%s: HTTP status %d after %.0f ms", request.origin_label, reply.status, took)


def signer_failed(error: Exception) -> ATHError:
    """The error for a signer's own; to be raised apart from that, whose text may hold anything."""
    return ATHError("SIGNING_FAILED", f"The signer raised {type(error).__name__}.")


class SyncRunner(Runner[SyncTransport, Signer]):
    """Carries out for the sync clients; threads may share it."""

    def run(self, vault: Vault, flow: Flow[T]) -> T:
        """Carry a flow out."""
        if not vault.loaded:
            vault.load()
        result: T = self._drive(flow)
        return result

    def call(self, vault: Vault, prepare: Callable[[], Call]) -> Any:
        """Make one call to a provider."""
        if not vault.loaded:
            vault.load()
        call = prepare()

        def attempt() -> Any:
            return call.value(self._send(call.request, call.limits))

        return self._repeat(attempt, call.rule, call.retry)

    def close(self) -> None:
        """Free the connections, and make no further call."""
        self._closed = True
        if self._transport is not None:
            self._transport.close()

    def _drive(self, flow: Flow[Any]) -> Any:
        try:
            step = next(flow)
            while True:
                try:
                    result = self._perform(step)
                except BaseException as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(result)
        except StopIteration as done:
            return done.value

    def _perform(self, step: Step) -> Any:
        match step:
            case Send():
                return self._send(step.request, None)
            case Sign():
                return self._sign(step.message)
            case Repeat():
                return self._repeat(lambda: self._drive(step.factory()), step.rule, step.retry)
            case Blocking():
                return step.function()
            case Wait():
                return step.future.result()

    def _send(self, request: Request, limits: Limits | None) -> Reply:
        began = time.monotonic()
        reply = self.transport.send(request, limits or self._limits)
        if log.isEnabledFor(logging.DEBUG):
            log_reply(request, reply, began)
        return reply

    def _sign(self, message: bytes) -> bytes:
        try:
            return self._signer.sign(message)
        except Exception as error:
            failed = signer_failed(error)
        raise failed

    def _repeat(self, attempt: Callable[[], T], rule: Rule, retry: Retry) -> T:
        policy = policy_of(retry, self._retry)
        try:
            return attempt()
        except ATHError as error:
            attempts = Attempts(rule, policy, error)
            if attempts.over:
                raise
        from tenacity import Retrying

        def again() -> T:
            attempts.replay()
            return attempt()

        try:
            return Retrying(**attempts.settings())(again)
        except ATHError as error:
            attempts.tell(error)
            raise
