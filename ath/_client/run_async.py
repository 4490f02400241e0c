"""The driver of the async clients; run.py is its blocking twin."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from .. import _protocol
from .._http.messages import Limits, Reply, Request
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
from ..errors import ATHError
from ..keys import AsyncSigner, Signer
from .credentials import Vault
from .run import Driver, log_reply, signer_error

T = TypeVar("T")


class AsyncTransport(Protocol):
    """What sends for the async clients."""

    async def send(self, request: Request, limits: Limits) -> Reply:
        """Send once."""
        ...

    async def aclose(self) -> None:
        """Free the connections."""
        ...


class AsyncDriver(Driver[AsyncTransport, Signer | AsyncSigner]):
    """Carries out for the async clients, in the event loop of the first call."""

    _loop: asyncio.AbstractEventLoop | None = None

    def _check_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        if self._loop is not loop:
            raise ATHError(
                "WRONG_EVENT_LOOP",
                "This async client belongs to the event loop of its first call, which is another.",
            )

    async def run(self, credentials: Vault, flow: Flow[T]) -> T:
        """Carry a flow out."""
        self._check_loop()
        if not credentials.loaded:
            await asyncio.to_thread(credentials.load)
        result: T = await self._run_flow(credentials, flow)
        return result

    async def call(self, credentials: Vault, prepare: Callable[[], Call]) -> Any:
        """Make one call to a provider."""
        self._check_loop()
        if not credentials.loaded:
            await asyncio.to_thread(credentials.load)
        return await self._call(prepare())

    async def aclose(self) -> None:
        """Free the connections, and make no further call."""
        self._closed = True
        # Connections of another loop cannot be closed from here; they end with that loop.
        if self._transport is not None and self._loop is asyncio.get_running_loop():
            await self._transport.aclose()

    async def _run_flow(self, credentials: Vault, flow: Flow[Any]) -> Any:
        try:
            step = next(flow)
            while True:
                try:
                    result = await self._perform(credentials, step)
                except BaseException as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(result)
        except StopIteration as done:
            return done.value

    async def _perform(self, credentials: Vault, step: Step) -> Any:
        match step:
            case Call():
                return await self._call(step)
            case Attest():
                return await self._attest(step.audience)
            case Save():
                credentials.apply(step.change, step.client_id)
                if credentials.store is not None:
                    await asyncio.to_thread(credentials.persist, step.change, step.client_id)
            case SaveRegistration():
                owner = credentials.owner
                owner.enroll(step.registration)
                if owner.store is not None:
                    await asyncio.to_thread(owner.persist_registration, step.registration)
            case Learn():
                self._learned.api_base = step.api_base
            case Share():
                return await self._share(credentials, step)
        return None

    async def _call(self, call: Call) -> Any:
        attempts = self._attempts(call)
        while True:
            reply = None
            try:
                audience = attempts.audience
                request = call.build(None if audience is None else await self._attest(audience))
                reply = await self._send(request, call.limits or self._limits)
                value = call.read(request, reply)
            except ATHError as error:
                pause = attempts.next_pause(error, reply)
            else:
                attempts.succeed()
                return value
            await asyncio.sleep(pause)

    async def _send(self, request: Request, limits: Limits) -> Reply:
        self._warn_of_plaintext(request)
        began = time.monotonic()
        reply = await self.transport.send(request, limits)
        log_reply(request, reply, began)
        return reply

    async def _attest(self, audience: Audience) -> str:
        message = self._to_sign(audience)
        try:
            signature = self._signer.sign(message)
            if inspect.isawaitable(signature):
                signature = await signature
        except Exception as error:
            failed = signer_error(error)
        else:
            return _protocol.attestation.compact(message, signature)
        raise failed

    async def _share(self, credentials: Vault, step: Share) -> Any:
        flight, leads = credentials.flights.join(step.key)
        if not leads:
            return (await asyncio.wrap_future(flight.future)).result()
        with flight:
            flight.value = await self._run_flow(credentials, step.make_flow())
        return flight.value
