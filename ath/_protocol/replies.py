"""From a reply to a value or an ATHError: the status first, then the body, then the fields."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from .._http.messages import Reply, Request
from ..errors import ATHError
from ..retry import Retry, Rule
from .arguments import Model
from .bodies import UNREADABLE, decompress, invalid_response, read_content
from .context import Context
from .failures import to_error, to_provider_error
from .requests import build_request
from .steps import Audience, Call, Flow

if TYPE_CHECKING:
    from ath_api.types import PreparedCall

T = TypeVar("T")


class Answer(NamedTuple, Generic[T]):
    """The JSON object of a successful reply, and what error messages say about where it is from."""

    document: dict[str, Any]
    origin_label: str
    status: int
    kind: Model[T]

    def first(self, names: Iterable[str]) -> Iterator[Any]:
        """Those fields as they came: what is saved before the rest is looked at."""
        return map(self.document.get, names)

    def text(self, name: str) -> str:
        """A field without which the answer is worth nothing.

        Raises:
            ATHError: INVALID_RESPONSE.
        """
        value = self.document.get(name)
        if isinstance(value, str) and value:
            with suppress(UnicodeEncodeError):  # JSON can carry what no request could send back
                value.encode("utf-8")
                return value
        raise self._misfit(f"{name} must be text that is not empty")

    def model(self) -> T:
        """The object as its generated model, which checks its fields.

        Raises:
            ATHError: INVALID_RESPONSE, naming the field that is missing or of the wrong type.
        """
        try:
            return self.kind.from_dict(self.document)
        except UNREADABLE as error:
            raise self._misfit(str(error)) from None

    def _misfit(self, reason: str) -> ATHError:
        return invalid_response(self.origin_label, f"does not fit: {reason}", self.status)


def ask(
    context: Context,
    prepare: Callable[[str], PreparedCall[T, Any]],
    kind: Model[T],
    rule: Rule,
    retry: Retry,
    audiences: tuple[Audience, ...] = (),
    credential: Callable[[], str | None] | None = None,
) -> Flow[Answer[T]]:
    """Make a generated call, whose success is of that kind, from each attempt's attestation."""
    answer: Answer[T] = yield Call(
        lambda attestation: build_request(context, prepare(attestation or "")),
        partial(read_answer, context, kind),
        rule,
        retry,
        audiences,
        credential=credential,
    )
    return answer


def tell(context: Context, call: PreparedCall[None, Any], rule: Rule, retry: Retry) -> Flow[None]:
    """Make a generated call without an attestation, the body of whose answer means nothing."""
    request = build_request(context, call)
    yield Call(lambda _: request, partial(check_success, context), rule, retry)


def read_answer(context: Context, kind: Model[T], request: Request, reply: Reply) -> Answer[T]:
    """The JSON object that a successful reply must carry.

    Raises:
        ATHError: what the server said instead, or INVALID_RESPONSE.
    """
    check_success(context, request, reply)
    label = request.origin_label
    with suppress(*UNREADABLE):  # an error raised in their place would lead back to the body
        document = json.loads(decompress(reply, context.settings.max_response_bytes))
        if isinstance(document, dict):
            return Answer(document, label, reply.status, kind)
        raise invalid_response(label, "is not a JSON object", reply.status)
    raise invalid_response(label, "is not JSON", reply.status)


def check_success(context: Context, request: Request, reply: Reply) -> None:
    """Raise the implementor's error unless the reply is a success."""
    if not reply.ok:
        raise to_error(context, request, reply)


def read_provider_answer(context: Context, request: Request, reply: Reply) -> Any:
    """What a provider answered; see :func:`read_content`.

    Raises:
        ATHError: the server's own, PROVIDER_ERROR or INVALID_RESPONSE.
    """
    if not reply.ok:
        raise to_provider_error(context, request, reply)
    try:
        return read_content(reply, request, context.settings.max_response_bytes)
    except ATHError as error:
        if error.status is not None:
            error.source = "provider"
        raise
