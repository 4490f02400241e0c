"""The driver of the async clients; run.py is its blocking twin."""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import Any, Protocol, TypeVar

from .._http.limits import Limits
from .._http.loops import running_loop
from .._http.messages import Reply, Request
from .._protocol.steps import Flow, Pause, Show
from ..errors import ATHError
from ..keys import AgentKey, AsyncSigner, Signer
from ..show import open_browser
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


async def _pause(pause: Pause) -> None:
    if pause.until is None:
        return await asyncio.sleep(pause.seconds)
    future = asyncio.wrap_future(pause.until)
    try:
        await asyncio.wait([future], timeout=pause.seconds)
    finally:
        future.cancel()  # or the loop would be told of it after the loop's end


async def _show(operation: Show) -> object:
    """Call the user's function in the event loop; opening a browser may take seconds."""
    if operation.function is open_browser:
        return await asyncio.to_thread(open_browser, operation.url)
    result = operation.function(operation.url)
    return await result if inspect.isawaitable(result) else result


class AsyncDriver(Driver[AsyncTransport, Signer | AsyncSigner]):
    """Carries out for the async clients, in one event loop at a time: the transport sees to it."""

    async def run(self, credentials: Credentials, flow: Flow[T]) -> T:
        """Carry a flow out."""
        return await self.drive(Execution(self, credentials).run(flow))

    async def drive(self, operations: Operations[T]) -> T:
        """Carry the operations out; returns what they come to.

        Raises:
            ATHError: WRONG_EVENT_LOOP outside asyncio, as in trio.
        """
        if running_loop() is None:
            operations.close()
            raise ATHError("WRONG_EVENT_LOOP", "Async clients run in an asyncio event loop.")
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
        if self._transport is not None:
            await self._transport.aclose()

    async def _perform(self, operation: Operation) -> Any:
        match operation:
            case Send():
                return await self._send(operation.request, operation.limits)
            case Sign():
                return await self._sign(operation.message)
            case Pause():
                return await _pause(operation)
            case Show():
                return await _show(operation)
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
