"""The blocking driver, which carries flows and calls out; run_async.py is its twin.

:class:`Driver` is what the two share.
"""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from .. import _protocol
from .._http.messages import Limits, Reply, Request
from .._protocol.context import Learned, Settings
from .._protocol.steps import (
    Attest,
    Audience,
    Call,
    Flow,
    Learn,
    Save,
    SaveRegistration,
    Share,
    Step,
)
from ..errors import ATHError, ATHSecurityWarning
from ..keys import Signer
from ..retry import RetryPolicy, resolve_policy
from .attempts import Attempts
from .credentials import Vault

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
        self._opening = threading.Lock()
        self._signer = signer
        self._limits = limits
        self._retry = retry
        self._settings = settings
        self._learned = learned
        self._warned_origins: set[tuple[str, str, int]] = set()

    @property
    def transport(self) -> TransportT:
        """Made at the first request, since the HTTP layer is slow to import."""
        if self._closed:
            raise ATHError("CLIENT_CLOSED", "This client is closed.")
        if self._transport is None:
            with self._opening:
                if self._transport is None:
                    self._transport = self._open_transport()
        return self._transport

    def _attempts(self, call: Call) -> Attempts:
        return Attempts(self._learned, call, resolve_policy(call.retry, self._retry))

    def _to_sign(self, audience: Audience) -> bytes:
        return _protocol.attestation.attestation_to_sign(self._settings, self._learned, audience)

    def _warn_of_plaintext(self, request: Request) -> None:
        """Say once that an origin beyond this machine is spoken to unencrypted."""
        base = request.base
        if base.is_plaintext and base.origin not in self._warned_origins:
            self._warned_origins.add(base.origin)
            warnings.warn(
                f"Secrets go to {base.scheme}://{base.host} unencrypted; use https.",
                ATHSecurityWarning,
                stacklevel=2,
            )


def log_reply(request: Request, reply: Reply, began: float) -> None:
    """Method, origin, status and duration; nothing else, since it could be secret."""
    if log.isEnabledFor(logging.DEBUG):
        took = (time.monotonic() - began) * 1000
        log.debug("%s: HTTP status %d after %.0f ms", request.origin_label, reply.status, took)


def signer_error(error: Exception) -> ATHError:
    """The error for a signer's own; to be raised apart from that, whose text may hold anything."""
    return ATHError("SIGNING_FAILED", f"The signer raised {type(error).__name__}.")


class SyncDriver(Driver[SyncTransport, Signer]):
    """Carries out for the sync clients; threads may share it."""

    def run(self, credentials: Vault, flow: Flow[T]) -> T:
        """Carry a flow out."""
        if not credentials.loaded:
            credentials.load()
        result: T = self._run_flow(credentials, flow)
        return result

    def call(self, credentials: Vault, prepare: Callable[[], Call]) -> Any:
        """Make one call to a provider."""
        if not credentials.loaded:
            credentials.load()
        return self._call(prepare())

    def close(self) -> None:
        """Free the connections, and make no further call."""
        self._closed = True
        if self._transport is not None:
            self._transport.close()

    def _run_flow(self, credentials: Vault, flow: Flow[Any]) -> Any:
        try:
            step = next(flow)
            while True:
                try:
                    result = self._perform(credentials, step)
                except BaseException as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(result)
        except StopIteration as done:
            return done.value

    def _perform(self, credentials: Vault, step: Step) -> Any:
        match step:
            case Call():
                return self._call(step)
            case Attest():
                return self._attest(step.audience)
            case Save():
                credentials.apply(step.change, step.client_id)
                credentials.persist(step.change, step.client_id)
            case SaveRegistration():
                credentials.owner.enroll(step.registration)
                credentials.owner.persist_registration(step.registration)
            case Learn():
                self._learned.api_base = step.api_base
            case Share():
                return self._share(credentials, step)
        return None

    def _call(self, call: Call) -> Any:
        attempts = self._attempts(call)
        while True:
            reply = None
            try:
                audience = attempts.audience
                request = call.build(None if audience is None else self._attest(audience))
                reply = self._send(request, call.limits or self._limits)
                value = call.read(request, reply)
            except ATHError as error:
                pause = attempts.next_pause(error, reply)
            else:
                attempts.succeed()
                return value
            time.sleep(pause)

    def _send(self, request: Request, limits: Limits) -> Reply:
        self._warn_of_plaintext(request)
        began = time.monotonic()
        reply = self.transport.send(request, limits)
        log_reply(request, reply, began)
        return reply

    def _attest(self, audience: Audience) -> str:
        message = self._to_sign(audience)
        try:
            signature = self._signer.sign(message)
        except Exception as error:
            failed = signer_error(error)
        else:
            return _protocol.attestation.compact(message, signature)
        raise failed

    def _share(self, credentials: Vault, step: Share) -> Any:
        flight, leads = credentials.flights.join(step.key)
        if not leads:
            return flight.future.result().result()
        with flight:
            flight.value = self._run_flow(credentials, step.make_flow())
        return flight.value
