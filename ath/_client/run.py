"""The blocking driver, which carries out operations; run_async.py is its twin.

:class:`Driver` is what the two share.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

from .. import _log
from .._http.failures import UploadError
from .._http.limits import Limits
from .._http.messages import Reply, Request
from .._http.opened import OpenReply, SyncOpenReply
from .._lazy import httpx, streams
from .._protocol.context import Learned, Settings
from .._protocol.failures import MAX_ERROR_BODY
from .._protocol.steps import Flow, Pause, Show
from .._secret import hide
from ..errors import ATHError
from ..keys import AsyncSigner, Signer
from ..retry import Retry, RetryPolicy, resolve_policy
from ..stores import fork
from .credentials import Credentials
from .execution import Execution
from .operations import Open, Operation, Operations, Send, Sign, UseStore, Wait
from .single_flight import SingleFlight

if TYPE_CHECKING:
    from .._http.lent import LentRequest

T = TypeVar("T")

_LONGEST_CALL = 600.0  # seconds; of one that nothing bounds


class SyncTransport(Protocol):
    """What sends for the sync clients."""

    def send(self, request: Request, limits: Limits) -> Reply:
        """Send once."""
        ...

    def open(self, request: Request, limits: Limits) -> SyncOpenReply:
        """Send once, and hand the answer out once its head has come."""
        ...

    def close(self) -> None:
        """Free the connections."""
        ...


Forward = Callable[["LentRequest"], Flow[OpenReply]]
"""The flow that makes a call for another library's client."""

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
        self.limits = limits
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

    def longest_call(self, retry: Retry) -> float:
        """Seconds that a call may take, with all its attempts and pauses."""
        policy, attempt = resolve_policy(retry, self.retry), self.limits.total
        if attempt is None:
            return _LONGEST_CALL
        return attempt + (0.0 if policy is None else policy.total)


def log_reply(request: Request, reply: Reply | OpenReply) -> None:
    """Method, origin, status and duration; nothing else, since it could be secret."""
    took = reply.seconds * 1000
    _log.debug("ath", "%s: HTTP status %d after %.0f ms", request.origin_label, reply.status, took)


def bound_error(reply: OpenReply) -> None:
    """Bound the body of a failure as a whole: its beginning is read for the error."""
    if reply.wait is not None:
        reply.ends = time.monotonic() + reply.wait


def whole_error(reply: OpenReply) -> Reply:
    """A failure of which enough was read."""
    return Reply(reply.status, reply.headers, reply.beginning, reply.received_at, reply.seconds)


def signer_error(error: Exception) -> ATHError:
    """The error for a signer's own; to be raised apart from that, whose text may hold anything."""
    return ATHError("SIGNING_FAILED", f"The signer raised {type(error).__name__}.")


def sign(signer: Signer | AsyncSigner, message: bytes) -> bytes | Awaitable[bytes]:
    """Call a signer, which may be the user's own; its failures become SIGNING_FAILED."""
    try:
        return signer.sign(message)
    except Exception as error:
        failed = signer_error(error)
    raise failed


def use_store(operation: UseStore) -> Any:
    """Call a store, which may be the user's own; its failures become STORAGE_ERROR.

    Raised outside the except block: a store's error may quote the record, and so its secrets.
    """
    try:
        return hide(operation.method(*operation.arguments))
    except ATHError:
        raise
    except Exception as error:
        failed = store_error(operation, error)
    raise failed


def store_error(operation: UseStore, error: Exception) -> ATHError:
    """The error for a store's own; to be raised apart from that, whose text may hold anything."""
    if isinstance(error, TimeoutError):
        return ATHError("STORAGE_ERROR", f"The {operation.store} did not answer in time.")
    kind = type(error).__name__
    return ATHError("STORAGE_ERROR", f"The {operation.store} failed with {kind}.")


def _pause(pause: Pause) -> None:
    if pause.until is None:
        time.sleep(pause.seconds)
    else:
        with suppress(TimeoutError):
            pause.until.exception(pause.seconds)


def _show(operation: Show) -> object:
    """Call the user's function; a coroutine function would never run.

    Raises:
        ATHError: INVALID_ARGUMENT for one.
    """
    result: Any = operation.function(operation.url)
    if not hasattr(result, "__await__"):
        return result
    if hasattr(result, "close"):
        result.close()
    raise ATHError("INVALID_ARGUMENT", "show may be a coroutine function on async clients only.")


class SyncDriver(Driver[SyncTransport, Signer]):
    """Carries out for the sync clients; threads may share it."""

    def run(self, credentials: Credentials, flow: Flow[T]) -> T:
        """Carry a flow out."""
        return self.drive(Execution(self, credentials).run(flow))

    @contextmanager
    def stream(
        self, credentials: Credentials, flow: Flow[OpenReply]
    ) -> Generator[streams.StreamedResponse, None, None]:
        """Carry a flow out that opens an answer, which is closed at the end of the block."""
        opened = cast("SyncOpenReply", self.open(credentials, flow))
        with closing(streams.StreamedResponse(opened, self.limits.max_response_bytes)) as answer:
            yield answer

    def open(self, credentials: Credentials, flow: Flow[T]) -> T:
        """Carry out a flow that may send what a user's source yields, and raise what that raises.

        Raises:
            Exception: the source's own, unchanged.
        """
        try:
            return self.run(credentials, flow)
        except UploadError as error:
            failed = error.error
        raise failed

    def lend(self, credentials: Credentials, forward: Forward) -> httpx.BaseTransport:
        """A transport for other libraries' httpx clients, whose calls are made by that flow."""
        from .._http.lent import LentTransport  # imports httpx, which few clients need

        limit = self.limits.max_response_bytes

        def send(asked: LentRequest) -> streams.StreamedResponse:
            opened = cast("SyncOpenReply", self.open(credentials, forward(asked)))
            return streams.StreamedResponse(opened, limit, for_httpx=True)

        return LentTransport(send)

    def lend_client(
        self, credentials: Credentials, forward: Forward, base_url: str
    ) -> httpx.Client:
        """An httpx client over such a transport."""
        from .._http.lent_clients import sync_client

        return sync_client(self.lend(credentials, forward), base_url, self.limits)

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
                return self._send(operation.request, operation.limits)
            case Open():
                return self._open(operation)
            case Sign():
                return sign(self._signer, operation.message)
            case Pause():
                return _pause(operation)
            case Show():
                return _show(operation)
            case UseStore():
                return use_store(operation)
            case Wait():
                return operation.future.result()

    def _send(self, request: Request, limits: Limits) -> Reply:
        began = time.monotonic()
        reply = self.transport.send(request, limits)
        reply.seconds = time.monotonic() - began
        log_reply(request, reply)
        return reply

    def _open(self, operation: Open) -> Reply | SyncOpenReply:
        began = time.monotonic()
        reply = self.transport.open(operation.request, operation.limits)
        reply.seconds = time.monotonic() - began
        log_reply(operation.request, reply)
        if reply.ok or reply.status == 304:
            return reply
        bound_error(reply)
        try:
            reply.read_beginning(MAX_ERROR_BODY)
        except BaseException:
            reply.close()
            raise
        if operation.keeps_errors:
            return reply
        reply.close()
        return whole_error(reply)
