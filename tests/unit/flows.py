"""Running flows and drivers without a socket: replies are fed in, requests are looked at."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ath._http.limits import Limits
from ath._http.messages import Reply, Request
from ath._protocol.steps import Attest, Audience, Call, Flow, Share, Step
from ath.errors import ATHError, Delivery

from .support import json_reply


def lost() -> ATHError:
    """The connection broke after the request was sent."""
    return failed(Delivery.LOST)


def failed(delivery: Delivery) -> ATHError:
    error = ATHError("NETWORK_ERROR", "m")
    error._delivery = delivery
    return error


def refusal(code: str, status: int, **headers: str) -> Reply:
    return json_reply({"code": code, "message": "No."}, status, **headers)


@dataclass
class FlowRun:
    """A flow run to its end, each call answered once with the next of the replies."""

    replies: deque[Reply | ATHError]
    calls: list[Call] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    others: list[Step] = field(default_factory=list)
    """The steps that are not calls."""

    def run(self, flow: Flow[Any]) -> Any:
        """The flow's result; its error is raised."""
        result: Any = None
        error: BaseException | None = None
        while True:
            try:
                step = flow.send(result) if error is None else flow.throw(error)
            except StopIteration as done:
                return done.value
            result = error = None
            try:
                result = self.perform(step)
            except ATHError as raised:
                error = raised

    def perform(self, step: Step) -> Any:
        if isinstance(step, Call):
            return self.call(step)
        if isinstance(step, Share):
            return self.run(step.make_flow())
        self.others.append(step)
        return "signed" if isinstance(step, Attest) else None

    def call(self, call: Call) -> Any:
        self.calls.append(call)
        request = call.build("signed" if call.audiences else None)
        self.requests.append(request)
        reply = self.replies.popleft()
        if isinstance(reply, ATHError):
            raise reply
        return call.read(request, reply)


def run_flow(flow: Flow[Any], *replies: Reply | ATHError) -> tuple[Any, FlowRun]:
    """The flow's result, and what it asked for."""
    run = FlowRun(deque(replies))
    return run.run(flow), run


def body_of(request: Request) -> dict[str, Any]:
    document = json.loads(request.content)
    assert isinstance(document, dict)
    return document


class FakeTransport:
    """Answers with what it is given, in that order."""

    def __init__(self, *replies: Reply | ATHError) -> None:
        self.replies = deque(replies)
        self.sent: list[Request] = []
        self.limits: list[Limits] = []
        self.closed = False

    def send(self, request: Request, limits: Limits) -> Reply:
        self.sent.append(request)
        self.limits.append(limits)
        reply = self.replies.popleft()
        if isinstance(reply, ATHError):
            raise reply
        return reply

    def close(self) -> None:
        self.closed = True


class NextTurn:
    """Lets the other tasks of the event loop go first."""

    def __await__(self) -> Iterator[None]:
        yield


class AsyncFakeTransport:
    """The same for the driver of the async clients."""

    def __init__(self, fake: FakeTransport) -> None:
        self._fake = fake

    async def send(self, request: Request, limits: Limits) -> Reply:
        await NextTurn()
        return self._fake.send(request, limits)

    async def aclose(self) -> None:
        self._fake.close()


class CountingSigner:
    """Signs nothing, and says for how many messages it was asked."""

    def __init__(self, error: Exception | None = None) -> None:
        self.messages: list[bytes] = []
        self.error = error

    def sign(self, data: bytes, /) -> bytes:
        self.messages.append(data)
        if self.error is not None:
            raise self.error
        return b"s" * 64

    @property
    def audiences(self) -> list[Audience]:
        return [claims_of(message)["aud"] for message in self.messages]


def claims_of(message: bytes) -> dict[str, Any]:
    """The claims of an attestation that was to be signed."""
    from .support import segments_of

    return segments_of(message.decode() + ".")[1]
