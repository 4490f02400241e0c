"""The driver of the async clients; run.py is its blocking twin."""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import Any, Protocol, TypeVar

from .._http.messages import Limits, Reply, Request
from .._protocol.steps import Flow, Pause
from ..errors import ATHError
from ..keys import AgentKey, AsyncSigner, Signer
from .credentials import Credentials
from .execution import Execution
from .operations import Operation, Operations, Send, Sign, UseStore, Wait
from .run import Driver, log_reply, signer_error, use_store

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

    async def run(self, credentials: Credentials, flow: Flow[T]) -> T:
        """Carry a flow out."""
        return await self.drive(Execution(self, credentials).run(flow))

    async def drive(self, operations: Operations[T]) -> T:
        """Carry the operations out; returns what they come to."""
        self._check_loop()
        try:
            operation = next(operations)
            while True:
                try:
                    result = await self._perform(operation)
                except BaseException as error:
                    operation = operations.throw(error)
                else:
                    operation = operations.send(result)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]

    async def aclose(self) -> None:
        """Free the connections, and make no further call."""
        self._closed = True
        # Connections of another loop cannot be closed from here; they end with that loop.
        if self._transport is not None and self._loop is asyncio.get_running_loop():
            await self._transport.aclose()

    async def _perform(self, operation: Operation) -> Any:
        match operation:
            case Send():
                return await self._send(operation.request, operation.limits or self._limits)
            case Sign():
                return await self._sign(operation.message)
            case Pause():
                return await asyncio.sleep(operation.seconds)
            case UseStore():
                return await asyncio.to_thread(use_store, operation)
            case Wait():
                return await asyncio.wrap_future(operation.future)

    async def _send(self, request: Request, limits: Limits) -> Reply:
        began = time.monotonic()
        reply = await self.transport.send(request, limits)
        reply.seconds = time.monotonic() - began
        log_reply(request, reply)
        return reply

    async def _sign(self, message: bytes) -> bytes:
        """A signer that is no coroutine may ask a KMS, so it runs in a thread; a local key not."""
        sign = self._signer.sign
        try:
            if isinstance(self._signer, AgentKey) or inspect.iscoroutinefunction(sign):
                signature = sign(message)
            else:
                signature = await asyncio.to_thread(sign, message)
            return await signature if inspect.isawaitable(signature) else signature
        except Exception as error:
            failed = signer_error(error)
        raise failed

    def _check_loop(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise ATHError("WRONG_EVENT_LOOP", "Async clients run in an asyncio loop.") from None
        if self._loop is None:
            self._loop = loop
        if self._loop is not loop:
            raise ATHError(
                "WRONG_EVENT_LOOP",
                "This async client belongs to the event loop of its first call, which is another.",
            )
