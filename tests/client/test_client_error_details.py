"""What an error tells: a code with advice, whose token, the request's name, on one short line."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from ath import ATHError
from ath.testing import LocalService
from tests.harness.clients import DEVELOPER, AnyClient, Kind, raises_code
from tests.harness.examples import REGISTRATION, TOKEN, refusal, service_document
from tests.harness.server import Server, raw_answer

CALLS: dict[str, Callable[[AnyClient], Any]] = {
    "discover": lambda c: c.discover(),
    "register": lambda c: c.register(
        developer=DEVELOPER, providers=[{"provider_id": "github", "scopes": ["repo"]}]
    ),
    "registration": lambda c: c.registration(),
    "authorize": lambda c: c.authorize("github", ["repo"]),
    "exchange_token": lambda c: c.exchange_token("exchange", "ath_sess_1"),
    "revoke": lambda c: c.revoke(),
    "proxy": lambda c: c.proxy("github", "GET", "/user"),
}
OAUTH = {
    "invalid_grant": "INVALID_GRANT",
    "invalid_client": "INVALID_CLIENT",
    "invalid_scope": "INVALID_SCOPE",
    "access_denied": "USER_DENIED",
    "server_error": "SERVER_ERROR",
    "temporarily_unavailable": "TEMPORARILY_UNAVAILABLE",
}
UNKNOWN_AFTER_LOSS = ("register", "exchange_token")


@pytest.fixture
def once(kind: Kind, server: Server) -> AnyClient:
    """A client with a registration and a token that tries everything once."""
    client = kind.client(server.url, retry=None)
    client.set_credentials("ath_client_0", "ath_secret_0")
    client.set_token("ath_tk_0", "github")
    return client


def caught(call: Callable[[], Any]) -> ATHError:
    with pytest.raises(ATHError) as info:
        call()
    return info.value


def error_or_none(call: Callable[[], Any]) -> ATHError | None:
    try:
        call()
    except ATHError as error:
        return error
    return None


@pytest.mark.parametrize("call", [name for name in CALLS if name != "proxy"])
@pytest.mark.parametrize("word", OAUTH)
@pytest.mark.parametrize("status", [400, 401, 502, 504])
def test_an_oauth_error_of_the_implementor_is_a_code_with_advice(
    once: AnyClient, server: Server, call: str, word: str, status: int
) -> None:
    body = {"error": word, "error_description": "It is so.", "error_uri": "https://x.example/"}
    server.answer_next(body, status)
    with raises_code(OAUTH[word], status) as info:
        CALLS[call](once)
    assert info.value.message == "It is so."
    assert info.value.advice
    assert info.value.details == {"body": body}
    assert info.value.source == "implementor"


def test_an_oauth_error_without_a_description_says_its_word(
    once: AnyClient, server: Server
) -> None:
    server.answer_next({"error": "invalid_grant", "error_description": 7}, 400)
    with raises_code("INVALID_GRANT", 400) as info:
        CALLS["exchange_token"](once)
    assert "invalid_grant" in info.value.message


def test_an_oauth_error_of_the_provider_stays_the_providers(
    once: AnyClient, server: Server
) -> None:
    server.answer_next({"error": "invalid_grant", "error_description": "Ours."}, 400)
    with raises_code("PROVIDER_ERROR", 400) as info:
        CALLS["proxy"](once)
    assert info.value.details["body"]["error"] == "invalid_grant"


def test_any_other_word_of_an_error_body_is_no_code(once: AnyClient, server: Server) -> None:
    for word in ("Proxy failed", "INVALID_GRANT", "invalid_grant ", "", 7, None, ["invalid_grant"]):
        server.answer_next({"error": word}, 400)
        with raises_code("HTTP_ERROR", 400):
            CALLS["exchange_token"](once)


@pytest.mark.parametrize("status", [502, 504])
@pytest.mark.parametrize(
    "body", [b"", "<h1>Bad gateway</h1>", {"error": "Proxy failed", "message": "No."}, {"code": 7}]
)
@pytest.mark.parametrize("call", CALLS)
def test_after_a_502_or_504_without_a_code_nobody_knows_what_was_done(
    once: AnyClient, server: Server, call: str, body: Any, status: int
) -> None:
    server.answer_next(body, status, X_Request_Id="r-9")
    error = caught(lambda: CALLS[call](once))
    if call in UNKNOWN_AFTER_LOSS:
        assert (error.code, error.status, error.retryable) == ("OUTCOME_UNKNOWN", None, False)
        assert error.__cause__ is not None
    else:
        code = "PROVIDER_ERROR" if call == "proxy" else "HTTP_ERROR"
        assert (error.code, error.status) == (code, status)
    assert error.request_id == "r-9"
    assert len(server.requests) == 1


@pytest.mark.parametrize("call", UNKNOWN_AFTER_LOSS)
@pytest.mark.parametrize("code", ["OAUTH_ERROR", "INTERNAL_ERROR", "SOMETHING_ELSE"])
def test_a_502_with_a_code_of_the_protocol_keeps_it(
    once: AnyClient, server: Server, call: str, code: str
) -> None:
    server.answer_next(refusal(code), 502)
    with raises_code(code, 502):
        CALLS[call](once)


@pytest.mark.parametrize("call", UNKNOWN_AFTER_LOSS)
@pytest.mark.parametrize("status", [400, 404, 500, 501, 503])
def test_any_other_status_without_a_code_is_an_http_error(
    once: AnyClient, server: Server, call: str, status: int
) -> None:
    server.answer_next(b"", status)
    with raises_code("HTTP_ERROR", status):
        CALLS[call](once)


@pytest.mark.parametrize("mode", ["gateway", "native"])
@pytest.mark.parametrize("user", [None, "alice"])
@pytest.mark.parametrize(
    ("code", "status"),
    [("TOKEN_INVALID", 401), ("TOKEN_EXPIRED", 401), ("TOKEN_REVOKED", 401),
     ("SCOPE_NOT_APPROVED", 403)],
)  # fmt: skip
def test_a_refused_token_is_named_by_provider_and_user(
    kind: Kind, server: Server, mode: str, user: str | None, code: str, status: int
) -> None:
    client = kind.client(server.url, mode, retry=None)
    client.set_credentials("ath_client_0", "ath_secret_0")
    if mode == "native":
        server.answer_next(service_document(server.url))
        client.discover()
    view = client if user is None else client.for_user(user)
    if user is None:
        server.answer_next(TOKEN)
        view.exchange_token("c", "s")
    else:
        view.set_token("ath_tk_1", "github")
    server.answer_next(refusal(code, "Not that one.", hint=1), status)
    with raises_code(code, status) as info:
        view.call("GET", "/user")
    error = info.value
    assert error.message.startswith("Not that one")
    assert "'github'" in error.message
    assert ("'alice'" if user else "the agent itself") in error.message
    scopes = ["read:user"] if user is None else []
    assert error.details == {"hint": 1, "provider": "github", "user": user, "scopes": scopes}
    twin = pickle.loads(pickle.dumps(error))
    assert (str(twin), twin.details) == (str(error), error.details)
    assert str(copy.copy(error)) == str(error)


@pytest.mark.parametrize("user", [None, "alice"])
def test_a_missing_token_is_named_by_provider_and_user(
    kind: Kind, server: Server, user: str | None
) -> None:
    client = kind.client(server.url)
    client.set_credentials("ath_client_0", "ath_secret_0")
    view = client if user is None else client.for_user(user)
    for call in (lambda: view.call("GET", "/x"), lambda: view.request("github", "GET", "/x")):
        with raises_code("NO_TOKEN") as info:
            call()
        assert "'github'" in info.value.message
        assert ("'alice'" if user else "the agent itself") in info.value.message
        assert info.value.details == {"provider": "github", "user": user}
    assert server.requests == []


def test_an_expired_token_tells_its_scopes(kind: Kind, server: Server) -> None:
    client = kind.client(server.url)
    client.set_credentials("ath_client_0", "ath_secret_0")
    server.answer_next({**TOKEN, "expires_in": -5})
    client.exchange_token("c", "s")
    with raises_code("TOKEN_EXPIRED") as info:
        client.call("GET", "/x")
    assert info.value.details == {"provider": "github", "user": None, "scopes": ["read:user"]}


@pytest.mark.parametrize("call", ["authorize", "exchange_token"])
def test_a_refused_scope_is_named_by_the_handshake_too(
    once: AnyClient, server: Server, call: str
) -> None:
    if call == "exchange_token":
        server.answer_next(
            {"authorization_url": "https://as.example/?code_challenge_method=S256&code_challenge="
             + "c" * 43, "ath_session_id": "ath_sess_1"}
        )  # fmt: skip
        CALLS["authorize"](once)
    server.answer_next(refusal("SCOPE_NOT_APPROVED"), 403)
    with raises_code("SCOPE_NOT_APPROVED", 403) as info:
        CALLS[call](once)
    assert "'github'" in info.value.message
    asked = {"scopes": ["repo"], "session_id": "ath_sess_1"} if call == "exchange_token" else {}
    assert info.value.details == {"provider": "github", "user": None, "scopes": [], **asked}


HEADERS = {
    "Retry-After": "7", "X-Request-Id": "r-1", "X-RateLimit-Remaining": "0", "RateLimit": "limit=1",
    "RateLimit-Reset": "9", "X-Rate-Limit-Limit": "60", "Set-Cookie": "session=secret",
    "Authorization": "Bearer x", "X-Other": "y", "Server": "z", "X-Request-Identity": "n",
}  # fmt: skip
KEPT = {
    "retry-after": "7", "x-request-id": "r-1", "x-ratelimit-remaining": "0", "ratelimit": "limit=1",
    "ratelimit-reset": "9", "x-rate-limit-limit": "60",
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("body", "status"),
    [(refusal("TOKEN_INVALID"), 401), (b"", 500), ({"error": "invalid_grant"}, 400),
     (b"<html>", 200), ([], 200), (b"", 409), (b"", 502)],
)  # fmt: skip
def test_an_error_keeps_request_id_rate_limits_and_nothing_else(
    once: AnyClient, server: Server, call: str, body: Any, status: int
) -> None:
    named = {name.replace("-", "_"): value for name, value in HEADERS.items()}
    server.answer_next(body, status, **named, Content_Type="application/json")
    error = error_or_none(lambda: CALLS[call](once))
    if error is None:  # nothing in the answer is needed; or it is the provider's own list
        assert (call, status) in (("revoke", 200), ("revoke", 401), ("proxy", 200))
        return
    assert error.headers == KEPT
    assert error.request_id == "r-1"
    assert pickle.loads(pickle.dumps(error)).headers == KEPT


def test_a_misfit_answer_keeps_them_too(once: AnyClient, server: Server) -> None:
    server.answer_next({**REGISTRATION, "agent_status": 7}, 201, X_Request_Id="r-2")
    with raises_code("INVALID_RESPONSE", 201) as info:
        CALLS["register"](once)
    assert info.value.request_id == "r-2"


def test_an_error_of_the_client_itself_has_no_headers(once: AnyClient) -> None:
    with raises_code("INVALID_PATH") as info:
        once.proxy("github", "GET", "/..")
    assert (info.value.headers, info.value.request_id) == ({}, None)


def test_headers_of_an_error_repeat_no_secret_and_no_escape(
    once: AnyClient, server: Server
) -> None:
    raw = raw_answer(b"", "X-Request-Id: for ath_secret_0\x9b31m" + "x" * 5000, status=500)
    server.answer_all(raw)
    with raises_code("HTTP_ERROR", 500) as info:
        CALLS["exchange_token"](once)
    assert info.value.request_id is not None
    assert "ath_secret_0" not in info.value.request_id
    assert info.value.request_id.isprintable()
    assert len(info.value.request_id) < 1000


LONG = "\x1b[2J\x1b[31mx\n\u202e\u2028\r\0\x9b\ud800" * 20_000
NASTY: dict[str, Any] = {
    "code and message": {"code": LONG, "message": LONG},
    "code": {"code": LONG, "message": "m"},
    "message": {"code": "TOKEN_INVALID", "message": LONG},
    "message without end": {"code": "TOKEN_INVALID", "message": "m" * 2_000_000},
    "details": {"code": "X", "message": "m", "details": {LONG: LONG}},
    "oauth": {"error": "invalid_grant", "error_description": LONG},
    "error": {"error": LONG, "message": LONG},
    "text": LONG,
    "surrogate": {"code": "X\ud800", "message": "\udfff"},
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("nasty", NASTY)
def test_an_error_is_one_printable_line_of_at_most_2000_characters(
    once: AnyClient, server: Server, call: str, nasty: str
) -> None:
    body = json.dumps(NASTY[nasty]).encode()
    for status in (400, 401, 502):
        server.answer_all(raw_answer(body, status=status))
        error = error_or_none(lambda: CALLS[call](once))
        if error is None:
            assert call == "revoke"  # of a token that the server does not know
        else:
            check_line(error)


def check_line(error: ATHError) -> None:
    for text in (str(error), error.message, error.code, repr(error)):
        assert text.isprintable()
        assert len(text) <= 2000
        text.encode("utf-8")
    assert str(error).startswith(error.code)
    for note in getattr(error, "__notes__", ()):
        assert note.isprintable()


@pytest.mark.parametrize(
    "line",
    ["Location: https://x.example/" + "a" * 9000, "Location: //\x9b31m\x85", "Retry-After: \x9b1m",
     "Content-Type: text/\x9b31m; charset=\x85" + "b" * 9000],
)  # fmt: skip
@pytest.mark.parametrize("call", CALLS)
def test_headers_of_an_answer_cannot_make_it_longer_or_unprintable(
    once: AnyClient, server: Server, call: str, line: str
) -> None:
    for status in (302, 500):
        server.answer_all(
            f"HTTP/1.1 {status} \x9b\r\n{line}\r\nContent-Length: 0\r\n\r\n".encode("latin-1")
        )
        check_line(caught(lambda: CALLS[call](once)))


def test_names_of_users_and_providers_cannot_make_it_longer_or_unprintable(
    kind: Kind, server: Server
) -> None:
    client = kind.client(server.url, retry=None)
    client.set_credentials("ath_client_0", "ath_secret_0")
    view = client.for_user("u" * 100_000)
    check_line(caught(lambda: view.proxy("\u200b" * 5_000, "GET", "/")))
    for provider in ("p" * 60_000, "日" * 5_000):
        check_line(caught(lambda provider=provider: view.proxy(provider, "GET", "/")))
        view.set_token("ath_tk", provider)
        server.answer_all(
            raw_answer(json.dumps(refusal("TOKEN_INVALID", "m" * 9000)).encode(), status=401)
        )
        check_line(caught(lambda provider=provider: view.proxy(provider, "GET", "/")))


@pytest.mark.parametrize("call", [name for name in CALLS if name != "discover"])
@pytest.mark.parametrize("status", [200, 400])
def test_a_content_type_repeats_no_secret(
    once: AnyClient, server: Server, call: str, status: int
) -> None:
    kind_of_body = "text/ath_secret_0; charset=ath_tk_0"
    server.answer_all(raw_answer(b"{", media_type=kind_of_body, status=status))
    error = error_or_none(lambda: CALLS[call](once))
    for secret in ("ath_secret_0", "ath_tk_0"):
        assert error is None or secret not in f"{error} {error!r} {error.details} {error.headers}"


def test_a_key_given_as_text_that_is_a_path_is_told_to_be_a_path(kind: Kind) -> None:
    for text in ("key.pem", "/etc/agent/key.pem", b"key.pem"):
        with raises_code("INVALID_KEY") as info:
            kind.client("https://gateway.example", private_key=text)
        assert "pathlib.Path" in info.value.message
        assert "key.pem" not in str(info.value)


def test_the_local_service_tells_of_scopes_that_were_not_approved(kind: Kind) -> None:
    """The whole way round, with a real implementor."""
    from tests.harness.worlds import World

    with LocalService() as service:
        world = World(kind, service)
        client = world.client()
        client.discover()
        world.register(client)
        world.token(client, scopes=["products:read"])
        with raises_code("SCOPE_NOT_APPROVED", 403) as info:
            client.api("POST", "/orders", {"shippingAddress": "1 Main Street"})
        assert info.value.details["scopes"] == ["products:read"]
        assert info.value.details["provider"] == service.app_id
