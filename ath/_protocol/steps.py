"""What a flow may ask for.

A flow is a pure generator: it yields steps and is sent their results. :class:`Call` is the only
step that reaches the network.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from .._http.limits import Limits
from .._http.messages import Base, Request
from ..arguments import Receiver
from ..retry import Retry, Rule
from ..stores.record import Record, Registration

if TYPE_CHECKING:
    from concurrent.futures import Future

    from .._http.sources import Source

T = TypeVar("T")

Audience = str | Sequence[str]
Change = Callable[[Record], None]
"""A change of a record, which can be made again on a newer version of the record."""


class Streamed(NamedTuple):
    """That the answer of a call is handed out once its head has come, and what follows from that.

    A failure is read as far as an error needs it, and is a Reply.
    """

    total: float | None
    """Seconds for the whole call, the answer's body included."""
    for_others: bool = False
    """Whether another library's client makes the call: it repeats by rules of its own, so nothing
    is made again here, and it takes errors as answers."""
    source: Source | None = None
    """What the request sends piece by piece, which may not be there a second time."""

    @property
    def can_repeat(self) -> bool:
        """Whether what was sent can be sent again."""
        return not self.for_others and (self.source is None or self.source.can_start)


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """Send a request, again where that is safe and may help; the result is what ``read`` returns.

    Every attempt builds its request afresh: an attestation may be sent only once, and the store
    may hold newer credentials by then.
    """

    build: Callable[[str | None], Request]
    """The request, from a fresh attestation (None if the call has no audiences)."""
    read: Callable[[Request, Any], Any]
    """The value of a reply; raises ATHError for a reply that is a failure."""
    rule: Rule
    retry: Retry
    audiences: tuple[Audience, ...] = ()
    """Whom the attestation is for; each further one is tried if the one before it is refused."""
    limits: Limits | None = None
    """This call's own; None means the client's."""
    within: float | None = None
    """Seconds that an attempt may take at most, whatever the limits are."""
    credential: Callable[[], str | None] | None = None
    """The token or client_id that ``build`` uses now. If the implementor refuses it and the store
    holds another one, the call is made once more. None if that could do no good."""
    streamed: Streamed | None = None
    """None if the answer is read as a whole."""


class Attest(NamedTuple):
    """Sign a fresh attestation; the result is the JWT."""

    audience: Audience


class Reload(NamedTuple):
    """Read the store again: another process may have written what seems to be missing."""


class Save(NamedTuple):
    """Make a change to the user's own record, in memory first, then in the store."""

    change: Change


class SaveUnsaved(NamedTuple):
    """Make in the store the changes that it has not acknowledged yet, if there are any."""


class SaveRegistration(NamedTuple):
    """Hold a registration that was just made, unless another one than ``instead_of`` came first."""

    registration: Registration
    instead_of: str | None


class CheckRegistration(NamedTuple):
    """Raise REGISTRATION_REPLACED unless this client_id is still the registration's."""

    client_id: str


class Learn(NamedTuple):
    """Remember where a native service's API is, and the service's id."""

    api_base: Base
    app_id: str | None = None


class Share(NamedTuple):
    """Run the flow, or wait for another caller's flow under the same key and share its result."""

    key: bytes
    make_flow: Callable[[], Flow[Any]]


class Exclude(NamedTuple):
    """Run the flow while no other process runs one of this agent, or until ``done`` says so.

    The store is read again before each try. The result is the flow's, or None if it was not run.
    """

    make_flow: Callable[[], Flow[Any]]
    done: Callable[[], bool]
    retry: Retry
    """The flow's own, which tells how long the others may have to wait."""


class Pause(NamedTuple):
    """Wait."""

    seconds: float
    spread: float = 0.0
    """The share by which the pause may be shorter or longer, so that many do not come at once."""
    until: Future[Any] | None = None
    """The pause ends early once this is done."""


class Show(NamedTuple):
    """Call the user's function with the URL for the user's browser; what it raises is raised."""

    function: Callable[[str], object]
    url: str


class Receive(NamedTuple):
    """Run the flow while the receiver listens; it is closed whatever happens."""

    receiver: Receiver
    make_flow: Callable[[], Flow[Any]]


Step = (
    Call
    | Attest
    | Reload
    | Save
    | SaveUnsaved
    | SaveRegistration
    | CheckRegistration
    | Learn
    | Share
    | Exclude
    | Pause
    | Show
    | Receive
)
Flow = Generator[Step, Any, T]
