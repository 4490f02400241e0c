"""From a reply to a value or an ATHError: the status first, then the body, then the fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .._http.messages import Reply, Request
from .._json import MALFORMED, parse_json
from ..errors import ATHError
from ..response import Response
from ..retry import Retry, Rule
from .arguments import Model
from .bodies import decompress, invalid_response, to_response
from .context import Context
from .failures import headers_to_tell, hide_secrets, to_error, to_provider_error
from .requests import build_request
from .steps import Audience, Call, Flow

if TYPE_CHECKING:
    from ath_api.types import PreparedCall

T = TypeVar("T")


class Answer(Generic[T]):
    """The JSON object of a successful reply, and what error messages say about where it is from."""

    __slots__ = ("_document", "_headers", "_kind", "_origin_label", "status")

    def __init__(
        self,
        document: dict[str, Any],
        origin_label: str,
        status: int,
        kind: Model[T],
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.status = status
        self._document = document
        self._kind = kind
        self._origin_label = origin_label
        self._headers = headers

    def first(self, names: Iterable[str]) -> Iterator[Any]:
        """Those fields as they came: what is saved before the rest is looked at."""
        return map(self._document.get, names)

    def text(self, name: str) -> str:
        """A field without which the answer is worth nothing.

        Raises:
            ATHError: INVALID_RESPONSE.
        """
        value = self._document.get(name)
        if isinstance(value, str) and value:
            with suppress(UnicodeEncodeError):  # JSON can carry what no request could send back
                value.encode("utf-8")
                return value
        raise self.misfit(f"{name} must be text that is not empty")

    def model(self) -> T:
        """The object as its generated model, which checks its fields.

        Raises:
            ATHError: INVALID_RESPONSE, naming the field that is missing or of the wrong type.
        """
        try:
            return self._kind.from_dict(self._document)
        except MALFORMED as error:
            reason = str(error)
        raise self.misfit(reason)  # not in the block above: that error leads to the document

    def misfit(self, reason: str) -> ATHError:
        """The INVALID_RESPONSE for an answer that does not fit the protocol."""
        return invalid_response(
            self._origin_label, f"does not fit: {reason}", self.status, self._headers
        )


def ask(
    context: Context,
    prepare: Callable[[str], PreparedCall[T, Any]],
    kind: Model[T],
    rule: Rule,
    retry: Retry,
    audiences: tuple[Audience, ...] = (),
    credential: Callable[[], str | None] | None = None,
    within: float | None = None,
) -> Flow[Answer[T]]:
    """Make a generated call, whose success is of that kind, from each attempt's attestation."""
    answer: Answer[T] = yield Call(
        lambda attestation: build_request(context, prepare(attestation or "")),
        partial(read_answer, context, kind),
        rule,
        retry,
        audiences,
        within=within,
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
    label, what = request.origin_label, "is not JSON"
    headers = headers_to_tell(context, request, reply)
    with suppress(*MALFORMED):  # an error raised in their place would lead back to the body
        limit = context.settings.max_response_bytes
        document = parse_json(decompress(reply, limit), limit)
        if isinstance(document, dict):
            return Answer(document, label, reply.status, kind, headers)
        del document  # an error tracker records the variables of a frame that raises
        what = "is not a JSON object"
    raise invalid_response(label, what, reply.status, headers)


def check_success(context: Context, request: Request, reply: Reply) -> None:
    """Raise the implementor's error unless the reply is a success."""
    if not reply.ok:
        raise to_error(context, request, reply)


def read_response(context: Context, request: Request, reply: Reply) -> Response:
    """A provider's answer, if it is a success or says that nothing has changed (304).

    Raises:
        ATHError: the implementor's refusal, or PROVIDER_ERROR, which carries the answer.
    """
    if reply.ok or reply.status == 304:
        return to_response(request, reply, context.settings.max_response_bytes)
    raise to_provider_error(context, request, reply)


def read_value(context: Context, request: Request, reply: Reply) -> Any:
    """The value of the body of a provider's answer.

    Raises:
        ATHError: as :func:`read_response`, or INVALID_RESPONSE if the body is not what its type
            says. The answer in it repeats none of the request's secrets.
    """
    try:
        return read_response(context, request, reply).value()
    except ATHError as error:
        hide_secrets(context, request, error)
        raise
