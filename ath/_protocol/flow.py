"""What the flows of the handshake are made of.

A flow is a pure generator: it yields steps and is sent their results, does no I/O of its own, and
takes clock and randomness from its context. A runner carries the steps out, sync or async.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn, Protocol, TypeVar

from .context import Context
from .replies import UNREADABLE, Model, json_object, model
from .steps import Blocking, Flow, Repeat, Send, Sign
from .._client.credentials import Change
from .._http.messages import Reply, Request
from ..keys import compact, signing_input
from ..errors import ATHError, Delivery
from ..retry import READ, Retry

T = TypeVar("T")


class Endpoint(Protocol):
    """A generated module: how its call goes over the wire."""

    def _get_kwargs(self, *, body: Any) -> dict[str, Any]: ...


def sign_attestation(context: Context, audience: str | Sequence[str] | None) -> Flow[str]:
    """Sign a fresh attestation; the audience is the implementor's if none is given."""
    agent = context.agent
    if audience is not None and not isinstance(audience, str):
        for item in listed(audience, "audience"):
            require_text(item, "audience")
    message = signing_input(
        agent_id=agent.agent_id,
        key_id=agent.key_id,
        audience=agent.audience if audience is None else audience,
        now=int(agent.clock() + agent.clock_offset),
        nonce=agent.nonce(24),
        capabilities=agent.capabilities,
    )
    return compact(message, (yield Sign(message)))


def ask(context: Context, request: Request, kind: Model[T], retry: Retry) -> Flow[T]:
    """Send a request that may be repeated, and read the answer."""
    reply = yield Repeat(partial(sent, context, request), READ, retry)
    document = json_object(reply, request, context.agent.max_response_bytes)
    return model(kind, document, reply, request)


def sent(context: Context, request: Request) -> Flow[Reply]:
    """Send; whatever is not a success is raised."""
    reply: Reply = yield Send(request)
    if reply.ok:
        return reply
    raise context.failure(reply, request)


def attested(
    context: Context, audience: str | Sequence[str] | None, endpoint: Endpoint, body: Any
) -> Flow[tuple[Request, Reply]]:
    """Sign, put the attestation into the body, send.

    Once more if the attestation was refused because our clock is wrong.
    """
    corrected = False
    while True:
        body.agent_attestation = yield from sign_attestation(context, audience)
        request = context.request(endpoint._get_kwargs(body=body))
        reply: Reply = yield Send(request)
        if reply.ok:
            return request, reply
        error = context.failure(reply, request)
        refused = error.code == "INVALID_ATTESTATION" and not corrected
        if not refused or not context.agent.corrects_clock(reply):
            raise error
        corrected = True


def keep(context: Context, change: Change, client_id: str) -> Flow[None]:
    """Make a change in memory first, then in the store: what a server said is never lost."""
    vault = context.vault
    vault.apply(change, client_id)
    if vault.store is not None:
        yield Blocking(partial(vault.persist, change, client_id))


def raise_known(error: ATHError, done: str) -> NoReturn:
    """Raise the error, or a clearer one if the call may have succeeded unseen."""
    if error._delivery not in (Delivery.LOST, Delivery.TIMED_OUT):
        raise error
    raise ATHError(
        "OUTCOME_UNKNOWN", f"The reply was lost ({error.code}). The agent may have {done}."
    ) from error


def given(value: Any, kind: Any, name: str) -> Any:
    """A user's dict or model as a checked model of ours.

    Raises:
        ATHError: INVALID_ARGUMENT, naming the field.
    """
    if not isinstance(value, Mapping) and not hasattr(value, "to_dict"):
        raise ATHError("INVALID_ARGUMENT", f"{name} must be a dict or a model of ath_api.")
    try:
        return kind.from_dict(value if isinstance(value, Mapping) else value.to_dict())
    except UNREADABLE as error:
        raise ATHError("INVALID_ARGUMENT", f"{name} does not fit: {error}.") from None


def require_text(value: object, name: str) -> None:
    """Refuse what is not text.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """
    if not isinstance(value, str):
        raise ATHError("INVALID_ARGUMENT", f"{name} must be text.")


def listed(values: Any, name: str) -> list[Any]:
    """A user's list; a text is not taken for the list of its letters.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise ATHError("INVALID_ARGUMENT", f"{name} must be a list.")
    return list(values)
