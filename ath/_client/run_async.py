"""Carrying flows and calls out in an event loop: the async shell; see _runner.py."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from .._http.messages import Limits
from .run import Attempts, Runner, log, log_reply, signer_failed
from .._protocol.steps import Blocking, Call, Flow, Repeat, Send, Sign, Step, Wait
from .credentials import Vault
from .._http.messages import Reply, Request
from ..keys import AsyncSigner, Signer
from ..errors import ATHError
from ..retry import Retry, Rule, policy_of

T = TypeVar("T")


class AsyncTransport(Protocol):
    """What sends for the async clients."""

    async def send(self, request: Request, limits: Limits) -> Reply:
        """Send once."""
        ...

    async def aclose(self) -> None:
        """Free the connections."""
        ...


class AsyncRunner(Runner[AsyncTransport, Signer | AsyncSigner]):
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

    async def run(self, vault: Vault, flow: Flow[T]) -> T:
        """Carry a flow out."""
        self._check_loop()
        if not vault.loaded:
            await asyncio.to_thread(vault.load)
        result: T = await self._drive(flow)
        return result

    async def call(self, vault: Vault, prepare: Callable[[], Call]) -> Any:
        """Make one call to a provider."""
        self._check_loop()
        if not vault.loaded:
            await asyncio.to_thread(vault.load)
        call = prepare()

        async def attempt() -> Any:
            return call.value(await self._send(call.request, call.limits))

        return await self._repeat(attempt, call.rule, call.retry)

    async def aclose(self) -> None:
        """Free the connections, and make no further call."""
        self._closed = True
        # Connections of another loop cannot be closed from here; they end with that loop.
        if self._transport is not None and self._loop is asyncio.get_running_loop():
            await self._transport.aclose()

    async def _drive(self, flow: Flow[Any]) -> Any:
        try:
            step = next(flow)
            while True:
                try:
                    result = await self._perform(step)
                except BaseException as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(result)
        except StopIteration as done:
            return done.value

    async def _perform(self, step: Step) -> Any:
        match step:
            case Send():
                return await self._send(step.request, None)
            case Sign():
                return await self._sign(step.message)
            case Repeat():
                return await self._repeat(
                    lambda: self._drive(step.factory()), step.rule, step.retry
                )
            case Blocking():
                return await asyncio.to_thread(step.function)
            case Wait():
                return await asyncio.wrap_future(step.future)

    async def _send(self, request: Request, limits: Limits | None) -> Reply:
        began = time.monotonic()
        reply = await self.transport.send(request, limits or self._limits)
        if log.isEnabledFor(logging.DEBUG):
            log_reply(request, reply, began)
        return reply

    async def _sign(self, message: bytes) -> bytes:
        try:
            signature = self._signer.sign(message)
            return await signature if inspect.isawaitable(signature) else signature
        except Exception as error:
            failed = signer_failed(error)
        raise failed

    async def _repeat(self, attempt: Callable[[], Awaitable[T]], rule: Rule, retry: Retry) -> T:
        policy = policy_of(retry, self._retry)
        try:
            return await attempt()
        except ATHError as error:
            attempts = Attempts(rule, policy, error)
            if attempts.over:
                raise
        from tenacity import AsyncRetrying

        async def again() -> T:
            attempts.replay()
            return await attempt()

        try:
            return await AsyncRetrying(**attempts.settings())(again)
        except ATHError as error:
            attempts.tell(error)
            raise
