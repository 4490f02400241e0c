"""What a flow may ask its driver to do.

A flow is a pure generator: it yields steps and is sent their results. :class:`Call` is the only
step that reaches the network.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from .._http.messages import Base, Limits, Reply, Request
from ..retry import Retry, Rule
from ..stores.record import Record, Registration

T = TypeVar("T")

Audience = str | Sequence[str]
Change = Callable[[Record], None]
"""A change of one user's record, which can be made again on a newer version of the record."""


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """Send a request, again where that is safe and may help; the result is what ``read`` returns.

    Every attempt builds its request afresh, since an attestation may be sent only once.
    """

    build: Callable[[str | None], Request]
    """The request, from a fresh attestation (None if the call has no audiences)."""
    read: Callable[[Request, Reply], Any]
    """The value of a reply; raises ATHError for a reply that is a failure."""
    rule: Rule
    retry: Retry
    audiences: tuple[Audience, ...] = ()
    """Whom the attestation is for; each further one is tried if the one before it is refused."""
    limits: Limits | None = None
    """This call's own; None means the client's."""


class Attest(NamedTuple):
    """Sign a fresh attestation; the result is the JWT."""

    audience: Audience


class Save(NamedTuple):
    """Make a change to the user's record, in memory first, then in the store."""

    change: Change
    client_id: str
    """The registration that the change belongs to."""


class SaveRegistration(NamedTuple):
    """Hold a registration that was just made, in memory first, then in the store."""

    registration: Registration


class Learn(NamedTuple):
    """Remember where a native service's API is."""

    api_base: Base


class Share(NamedTuple):
    """Run the flow, or wait for another caller's flow under the same key and share its result."""

    key: bytes
    make_flow: Callable[[], Flow[Any]]


Step = Call | Attest | Save | SaveRegistration | Learn | Share
Flow = Generator[Step, Any, T]
