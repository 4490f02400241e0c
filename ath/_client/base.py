"""What the four clients share: construction, views per user, and credentials.

A client object is one user's view: a context (whose credentials, which headers) and a driver, which
all views of one client share.
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Generic, NoReturn, Self, TypeVar, cast

from .._http.limits import parse_timeout
from .._http.messages import parse_base
from .._http.transports import check_ssl_context
from .._lazy import ec, httpx, pathlib, ssl
from .._protocol.arguments import check_agent_id, encode_headers, require_text, require_texts
from .._protocol.context import Learned, Settings, current_client_id, require_registration
from .._protocol.requests import context_of_user, make_context
from .._secret import hide
from ..arguments import Timeout
from ..errors import ATHError
from ..grant import Grant
from ..keys import AsyncSigner, Signer, load_signer
from ..retry import RetryPolicy, resolve_policy
from ..stores.base import AsyncCredentialStore, CredentialKey, CredentialStore
from ..stores.record import Record, Token
from .credentials import Credentials
from .held_record import HeldRecords
from .options import check_audience, open_store, random_text

DriverT = TypeVar("DriverT")
ClientT = TypeVar("ClientT", bound="Client[Any]")
"""Self, for completion with jedi: it takes Self for the class that the method is written in."""


class Client(ABC, Generic[DriverT]):
    """One agent at one implementor."""

    __slots__ = ("__weakref__", "_context", "_credentials", "_driver", "_records", "_root")

    def __init__(
        self,
        url: str,
        agent_id: str,
        private_key: str | bytes | pathlib.Path | ec.EllipticCurvePrivateKey | Signer | AsyncSigner,
        *,
        key_id: str = "default",
        private_key_password: str | bytes | None = None,
        timeout: float | Timeout | None = 60.0,
        headers: Mapping[str, str] | None = None,
        http_client: httpx.Client | httpx.AsyncClient | None = None,
        ssl_context: ssl.SSLContext | None = None,
        capabilities: Sequence[str] = (),
        audience: str | None = None,
        require_pkce: bool = True,
        credentials: str | os.PathLike[str] | CredentialStore | AsyncCredentialStore | None = None,
        retry: RetryPolicy | None = RetryPolicy(),  # noqa: B008 - it is immutable
        max_response_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        """Make a client; nothing is sent yet.

        Args:
            url: The implementor's base URL, http or https, as it names itself.
            agent_id: The https URL of the agent's identity document (http on loopback).
            private_key: The agent's P-256 key: an :class:`AgentKey`, PEM text or bytes, a
                ``pathlib.Path`` to such a file, a key of ``cryptography``, or a :class:`Signer`
                for a key kept elsewhere.
            key_id: The ``kid`` that attestations name.
            private_key_password: Of an encrypted PEM.
            timeout: Seconds for one attempt, connecting and reading included; an httpx.Timeout
                bounds each phase on its own; None waits for ever.
            headers: Sent on every request to the url's own origin and nowhere else, such as the
                session header of a multi-user gateway.
            http_client: Your own httpx client (HTTP/2, hooks, mocks); it is not closed by this
                one. A sync one bounds each wait by ``timeout``, and the body as a whole.
            ssl_context: Which servers to trust, and the client certificate to show them, such as
                ``ssl.create_default_context(cafile="ca.pem")``; by default certifi's, or what
                SSL_CERT_FILE and SSL_CERT_DIR name.
            capabilities: Listed in every attestation.
            audience: The implementor's base URL as it knows itself, if that is not ``url``.
            require_pkce: Refuse authorization URLs without an S256 code_challenge (RFC 7636).
            credentials: A path or a store; an async one for async clients only, which wait for
                each of a store's operations for ``timeout`` at most. It is read at the first use
                (by sync clients: now), before anything is said to be missing, and after a refusal;
                it is written by register, authorize, exchange_token and revoke before they return.
            retry: How failed calls are repeated where that is safe; None switches it off.
            max_response_bytes: The longest body that is read.

        Raises:
            ATHError: INVALID_ARGUMENT or INVALID_KEY, saying what is wrong;
                INVALID_CREDENTIALS or STORAGE_ERROR if the credentials cannot be read.
        """
        base = parse_base(url, "url")
        settings = Settings(
            base=base,
            agent_id=check_agent_id(agent_id),
            key_id=require_text(key_id, "key_id"),
            capabilities=tuple(require_texts(capabilities, "capabilities")),
            audience=base.url if audience is None else check_audience(audience),
            require_pkce=require_pkce,
            max_response_bytes=max_response_bytes,
            native=self._native,
            clock=time.time,
            monotonic=time.monotonic,
            random_text=random_text,
        )
        learned = Learned()
        self._records = HeldRecords(open_store(credentials, awaits=self._awaits), settings.clock)
        key = CredentialKey(base.url, settings.agent_id)
        self._credentials = Credentials(self._records, key, key)
        self._context = make_context(
            settings, learned, self._credentials, None, encode_headers(headers)
        )
        self._driver = self._make_driver(
            http_client,
            check_ssl_context(ssl_context, http_client),
            signer=load_signer(hide(private_key), hide(private_key_password)),
            limits=parse_timeout(timeout, max_response_bytes),
            retry=resolve_policy(retry, None),
            settings=settings,
            learned=learned,
        )
        self._root: Self | None = None
        self._prepare()

    _native = False
    _awaits = False

    @abstractmethod
    def _make_driver(
        self, http_client: object, ssl_context: ssl.SSLContext | None, **shared: Any
    ) -> DriverT: ...

    @abstractmethod
    def _prepare(self) -> None:
        """Load the credentials, where a constructor may read a store."""

    @abstractmethod
    def _load_for_plain_member(self) -> None:
        """Load the credentials, or raise NOT_LOADED where that would block an event loop."""

    def for_user(self: ClientT, user: str, *, headers: Mapping[str, str] | None = None) -> ClientT:
        """This client as one of its users: with tokens and sessions that no other user's view has.

        Key, connections and store are shared, so a view costs next to nothing; views of the same
        user share what they hold. Closing a view does nothing.

        Args:
            user: Your own name for the user; the server does not see it.
            headers: The user's session at a multi-user gateway, sent in addition to the client's
                headers. Such a user has a registration of their own; without headers, the view
                uses the client's.

        Raises:
            ATHError: INVALID_ARGUMENT.
        """
        root = self if self._root is None else self._root
        own = encode_headers(headers)
        agent = root._credentials.key
        key = agent._replace(user=require_text(user, "user"), registered=bool(own))
        view = self._copy()
        view._root = root
        view._credentials = Credentials(root._records, key, key if own else agent)
        view._context = context_of_user(root._context, view._credentials, key.user, own)
        return view

    @property
    def url(self) -> str:
        """The implementor's base URL."""
        return self._context.settings.base.url

    @property
    def agent_id(self) -> str:
        """The URL of the agent's identity document."""
        return self._context.settings.agent_id

    @property
    def client_id(self) -> str | None:
        """The client_id of the registration held, or None.

        Raises:
            ATHError: NOT_LOADED on an async client whose store was not read yet.
        """
        return current_client_id(self._loaded)

    @property
    def access_token(self) -> str | None:
        """The secret that came last, usable or not; None without one.

        Raises:
            ATHError: NOT_LOADED on an async client whose store was not read yet.
        """
        token = self._loaded.latest_token()
        return None if token is None else token.access_token

    @property
    def tokens(self) -> tuple[Grant, ...]:
        """What may be called now: the tokens that are neither refused nor expired, the latest last.

        A token counts as expired 10 seconds before its time.

        Raises:
            ATHError: NOT_LOADED on an async client whose store was not read yet.
        """
        return self._loaded.grants(self._context.settings.clock())

    def set_credentials(self, client_id: str, client_secret: str) -> None:
        """Use a registration made elsewhere; the next change of the record stores it.

        Tokens stay; sessions end with the registration that opened them.

        Raises:
            ATHError: INVALID_ARGUMENT.
        """
        require_text(client_id, "client_id")
        require_text(client_secret, "client_secret")
        self._credentials.set_registration(client_id, client_secret)

    def set_token(self, token: str, provider: str | None = None) -> None:
        """Use a token obtained elsewhere.

        Without a provider it replaces every token held and serves any provider.

        Raises:
            ATHError: INVALID_ARGUMENT.
        """
        if provider is not None:
            require_text(provider, "provider")
        if not require_text(token, "token").isascii():
            raise ATHError("INVALID_ARGUMENT", "token must be ASCII text.")
        held = Token(token, provider)
        self._credentials.change(partial(Record.set_token, token=held))

    def save_credentials(self, path: str | os.PathLike[str]) -> None:
        """Write registration, tokens and open sessions to a JSON file, mode 0600.

        The file is replaced whole or not at all; what it holds for other agents, users or
        implementors stays.

        Raises:
            ATHError: NOT_REGISTERED; STORAGE_ERROR or INVALID_CREDENTIALS if the file cannot be
                written or is not a credential file.
        """
        from ..stores.files import FileStore  # slow to import, and only files need it

        require_registration(self._loaded)
        text = self._loaded.snapshot().to_text(self._context.settings.clock())
        FileStore(path).put(self._credentials.key, text)

    def load_credentials(self, path: str | os.PathLike[str]) -> None:
        """Use what :meth:`save_credentials` wrote, or the official SDK's file.

        Raises:
            ATHError: INVALID_CREDENTIALS if the file is damaged, foreign, or of another agent or
                implementor; STORAGE_ERROR if it cannot be read.
        """
        from ..stores.credential_file import read_record  # slow to import, and only files need it

        self._credentials.replace_all(read_record(path, self._credentials.key))

    @property
    def _loaded(self) -> Credentials:
        """For the plain members; calls leave loading to the driver."""
        if not self._credentials.loaded:
            self._load_for_plain_member()
        return self._credentials

    def _copy(self) -> Self:
        """The same object again, with what a subclass's ``__init__`` set, in slots or not."""
        copied = object.__new__(type(self))
        attributes, slots = cast("tuple[Any, dict[str, Any]]", object.__getstate__(self))
        for name, value in {**(attributes or {}), **slots}.items():
            object.__setattr__(copied, name, value)
        return copied

    def __repr__(self) -> str:
        """Who talks to whom; nothing secret."""
        settings, user = self._context.settings, self._credentials.key.user
        who = f"{settings.agent_id} for {user!r}" if user else settings.agent_id
        return f"<{type(self).__name__} {settings.base.url} as {who}>"

    def __reduce__(self) -> NoReturn:
        """A client holds a key and connections, which do not travel."""
        raise ATHError(
            "NOT_PICKLABLE",
            "A client cannot be pickled or copied. Make one in each process; "
            "credentials= shares what they know.",
        )
