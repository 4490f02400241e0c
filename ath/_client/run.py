"""The blocking driver, which carries out operations; run_async.py is its twin.

:class:`Driver` is what the two share.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from .._http.messages import Limits, Reply, Request
from .._protocol.context import Learned, Settings
from .._protocol.steps import Call, Flow, Pause
from ..errors import ATHError
from ..keys import Signer
from ..retry import RetryPolicy
from ..stores import fork
from .credentials import Credentials
from .execution import Execution
from .operations import Operation, Operations, Send, Sign, UseStore, Wait
from .single_flight import SingleFlight

T = TypeVar("T")
log = logging.getLogger("ath")

_LONGEST_LEASE = 600.0  # seconds; of a call that nothing bounds


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


class Driver(Generic[TransportT, SignerT]):
    """What both drivers hold. All views of one client share a driver."""

    def __init__(
        self,
        open_transport: Callable[[], TransportT],
        signer: SignerT,
        limits: Limits,
        retry: RetryPolicy | None,
        settings: Settings,
        learned: Learned,
    ) -> None:
        self._open_transport = open_transport
        self._transport: TransportT | None = None
        self._closed = False
        self._signer = signer
        self._limits = limits
        self.retry = retry
        self.settings = settings
        self.learned = learned
        self.flights = SingleFlight()
        self.warned_origins: set[tuple[str, str, int]] = set()

    @property
    def transport(self) -> TransportT:
        """Made at the first request, since the HTTP layer is slow to import."""
        if self._closed:
            raise ATHError("CLIENT_CLOSED", "This client is closed.")
        if self._transport is None:
            with fork.guard:
                if self._transport is None:
                    self._transport = self._open_transport()
        return self._transport

    @property
    def lease(self) -> float:
        """Seconds that a registration may take, with all its attempts."""
        if self._limits.total is None:
            return _LONGEST_LEASE
        if self.retry is None:
            return self._limits.total
        return self.retry.attempts * self._limits.total + self.retry.total


def log_reply(request: Request, reply: Reply, began: float) -> None:
    """Method, origin, status and duration; nothing else, since it could be secret."""
    if log.isEnabledFor(logging.DEBUG):
        took = (time.monotonic() - began) * 1000
        log.debug("%s: HTTP status %d after %.0f ms", request.origin_label, reply.status, took)


def signer_error(error: Exception) -> ATHError:
    """The error for a signer's own; to be raised apart from that, whose text may hold anything."""
    return ATHError("SIGNING_FAILED", f"The signer raised {type(error).__name__}.")


def use_store(operation: UseStore) -> Any:
    """Call a store, which may be the user's own; its failures become STORAGE_ERROR.

    Raised outside the except block: a store's error may quote the record, and so its secrets.
    """
    try:
        return operation.method(*operation.arguments)
    except ATHError:
        raise
    except Exception as error:
        kind = type(error).__name__
    raise ATHError("STORAGE_ERROR", f"The credential store failed with {kind}.")


class SyncDriver(Driver[SyncTransport, Signer]):
    """Carries out for the sync clients; threads may share it."""

    def run(self, credentials: Credentials, flow: Flow[T]) -> T:
        """Carry a flow out."""
        return self.drive(Execution(self, credentials).run(flow))

    def call(self, credentials: Credentials, call: Call) -> Any:
        """Make one call to a provider."""
        return self.drive(Execution(self, credentials).call(call))

    def drive(self, operations: Operations[T]) -> T:
        """Carry the operations out; returns what they come to."""
        try:
            operation = next(operations)
            while True:
                try:
                    result = self._perform(operation)
                except BaseException as error:
                    operation = operations.throw(error)
                else:
                    operation = operations.send(result)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]

    def close(self) -> None:
        """Free the connections, and make no further call."""
        self._closed = True
        if self._transport is not None:
            self._transport.close()

    def _perform(self, operation: Operation) -> Any:
        match operation:
            case Send():
                return self._send(operation.request, operation.limits or self._limits)
            case Sign():
                return self._sign(operation.message)
            case Pause():
                return time.sleep(operation.seconds)
            case UseStore():
                return use_store(operation)
            case Wait():
                return operation.future.result()

    def _send(self, request: Request, limits: Limits) -> Reply:
        began = time.monotonic()
        reply = self.transport.send(request, limits)
        log_reply(request, reply, began)
        return reply

    def _sign(self, message: bytes) -> bytes:
        try:
            return self._signer.sign(message)
        except Exception as error:
            failed = signer_error(error)
        raise failed
