"""The driver of the async clients; run.py is its blocking twin."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from .._http.failures import UploadError
from .._http.limits import Limits
from .._http.loops import running_loop
from .._http.messages import Reply, Request
from .._http.opened import AsyncOpenReply, OpenReply
from .._lazy import httpx, streams
from .._protocol.failures import MAX_ERROR_BODY
from .._protocol.steps import Flow, Pause, Show
from .._secret import hide
from ..errors import ATHError
from ..keys import AgentKey, AsyncSigner, Signer
from ..show import open_browser
from .credentials import Credentials
from .execution import Execution
from .operations import Open, Operation, Operations, Send, Sign, UseStore, Wait
from .run import (
    Driver,
    Forward,
    bound_error,
    log_reply,
    signer_error,
    store_error,
    use_store,
    whole_error,
)

if TYPE_CHECKING:
    from .._http.lent import LentRequest

T = TypeVar("T")


class AsyncTransport(Protocol):
    """What sends for the async clients."""

    async def send(self, request: Request, limits: Limits) -> Reply:
        """Send once."""
        ...

    async def open(self, request: Request, limits: Limits) -> AsyncOpenReply:
        """Send once, and hand the answer out once its head has come."""
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

    @asynccontextmanager
    async def stream(
        self, credentials: Credentials, flow: Flow[OpenReply]
    ) -> AsyncGenerator[streams.AsyncStreamedResponse, None]:
        """Carry a flow out that opens an answer, which is closed at the end of the block."""
        opened = cast("AsyncOpenReply", await self.open(credentials, flow))
        async with aclosing(
            streams.AsyncStreamedResponse(opened, self.limits.max_response_bytes)
        ) as answer:
            yield answer

    async def open(self, credentials: Credentials, flow: Flow[T]) -> T:
        """Carry out a flow that may send what a user's source yields, and raise what that raises.

        Raises:
            Exception: the source's own, unchanged.
        """
        try:
            return await self.run(credentials, flow)
        except UploadError as error:
            failed = error.error
        raise failed

    def lend(self, credentials: Credentials, forward: Forward) -> httpx.AsyncBaseTransport:
        """A transport for other libraries' httpx clients, whose calls are made by that flow."""
        from .._http.lent import AsyncLentTransport  # imports httpx, which few clients need

        limit = self.limits.max_response_bytes

        async def send(asked: LentRequest) -> streams.AsyncStreamedResponse:
            opened = cast("AsyncOpenReply", await self.open(credentials, forward(asked)))
            return streams.AsyncStreamedResponse(opened, limit, for_httpx=True)

        return AsyncLentTransport(send)

    def lend_client(
        self, credentials: Credentials, forward: Forward, base_url: str
    ) -> httpx.AsyncClient:
        """An httpx client over such a transport."""
        from .._http.lent_clients import async_client

        return async_client(self.lend(credentials, forward), base_url, self.limits)

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
            case Open():
                return await self._open(operation)
            case Sign():
                return await self._sign(operation.message)
            case Pause():
                return await _pause(operation)
            case Show():
                return await _show(operation)
            case UseStore():
                return await self._use_store(operation)
            case Wait():
                return await asyncio.wrap_future(operation.future)

    async def _send(self, request: Request, limits: Limits) -> Reply:
        began = time.monotonic()
        reply = await self.transport.send(request, limits)
        reply.seconds = time.monotonic() - began
        log_reply(request, reply)
        return reply

    async def _open(self, operation: Open) -> Reply | AsyncOpenReply:
        began = time.monotonic()
        reply = await self.transport.open(operation.request, operation.limits)
        reply.seconds = time.monotonic() - began
        log_reply(operation.request, reply)
        if reply.ok or reply.status == 304:
            return reply
        bound_error(reply)
        try:
            await reply.read_beginning(MAX_ERROR_BODY)
        except BaseException:
            await reply.aclose()
            raise
        if operation.keeps_errors:
            return reply
        await reply.aclose()
        return whole_error(reply)

    async def _use_store(self, operation: UseStore) -> Any:
        """Await a coroutine function; run any other method in a thread, since it may block.

        A thread cannot be stopped: after the time limit it goes on, and nobody waits for it.
        """
        try:
            async with asyncio.timeout(self.limits.read):  # as long as the whole, if that is given
                if inspect.iscoroutinefunction(operation.method):
                    return hide(await operation.method(*operation.arguments))
                return await asyncio.to_thread(use_store, operation)
        except ATHError:
            raise
        except Exception as error:
            failed = store_error(operation, error)
        raise failed

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
