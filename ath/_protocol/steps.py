"""What flows ask a runner to do, and the single call of the hot path."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from .context import Context
from .._http.messages import Limits
from .replies import content
from .._http.messages import Reply, Request
from ..retry import Retry, Rule

T = TypeVar("T")


class Sign(NamedTuple):
    """Sign with the agent's key; the answer is the signature."""

    message: bytes


class Send(NamedTuple):
    """Send once; the answer is the :class:`Reply`, whatever its status."""

    request: Request


class Repeat(NamedTuple):
    """Run the flow that the factory makes, and a new one after failures that the rule allows.

    A factory, not a flow: each attempt signs anew.
    """

    factory: Callable[[], Flow[Any]]
    rule: Rule
    retry: Retry


class Blocking(NamedTuple):
    """Call a function that may touch files."""

    function: Callable[[], None]


class Wait(NamedTuple):
    """Wait for what another call of the same client is doing."""

    future: Future[Any]


Step = Sign | Send | Repeat | Blocking | Wait
Flow = Generator[Step, Any, T]


@dataclass(slots=True, eq=False)
class Call:
    """One call to a provider: a request without a signature, so no flow is needed."""

    request: Request
    context: Context
    rule: Rule
    retry: Retry
    limits: Limits | None
    """This call's own; None means the client's."""

    def value(self, reply: Reply) -> Any:
        """What the provider answered.

        Raises:
            ATHError: the server's own, PROVIDER_ERROR or INVALID_RESPONSE.
        """
        if reply.ok:
            return content(reply, self.request, self.context.agent.max_response_bytes)
        raise self.context.failure(reply, self.request, "PROVIDER_ERROR")
