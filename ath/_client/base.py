"""What the four clients share: construction, views per user, and credentials.

A client object is one user's view: a context (whose credentials, which headers) and a driver, which
all views of one client share.
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Self, TypeVar

from .._http.messages import RawHeaders, merge_headers, parse_base, parse_timeout
from .._protocol.arguments import as_list, encode_headers, require_text
from .._protocol.context import Context, Learned, Settings, require_registration
from .._protocol.requests import agent_header, standard_headers
from ..errors import ATHError
from ..keys import load_signer
from ..retry import RetryPolicy, resolve_policy
from ..stores.base import CredentialKey, CredentialStore
from ..stores.record import Registration, Token
from .credentials import Vault

if TYPE_CHECKING:
    import httpx

    from ..keys import PrivateKey

DriverT = TypeVar("DriverT")


class Client(ABC, Generic[DriverT]):
    """One agent at one implementor."""

    __slots__ = ("__weakref__", "_context", "_credentials", "_driver", "_root", "_views")

    def __init__(
        self,
        url: str,
        agent_id: str,
        private_key: PrivateKey,
        *,
        key_id: str = "default",
        private_key_password: str | bytes | None = None,
        timeout: float | httpx.Timeout | None = 60.0,
        headers: Mapping[str, str] | None = None,
        http_client: httpx.Client | httpx.AsyncClient | None = None,
        capabilities: Sequence[str] = (),
        audience: str | None = None,
        require_pkce: bool = True,
        credentials: str | os.PathLike[str] | CredentialStore | None = None,
        retry: RetryPolicy | None = RetryPolicy(),  # noqa: B008 - it is immutable
        max_response_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        """Make a client; nothing is sent yet.

        Args:
            url: The implementor's base URL, http or https, as it names itself.
            agent_id: The https URL of the agent's identity document (http on loopback).
            private_key: The agent's P-256 key: PEM text or bytes, a ``pathlib.Path`` to such a
                file, a key of ``cryptography``, or a :class:`Signer` for a key kept elsewhere.
            key_id: The ``kid`` that attestations name.
            private_key_password: Of an encrypted PEM.
            timeout: Seconds for one attempt, connecting and reading included; an httpx.Timeout
                bounds each phase on its own; None waits for ever.
            headers: Sent on every request to the url's own origin and nowhere else, such as the
                session header of a multi-user gateway.
            http_client: Your own httpx client (proxy, CA, mTLS); it is not closed by this one. A
                sync one bounds each wait by ``timeout``, and the body as a whole.
            capabilities: Listed in every attestation.
            audience: The implementor's base URL as it knows itself, if that is not ``url``.
            require_pkce: Refuse authorization URLs without an S256 code_challenge (RFC 7636).
            credentials: A path or a store: read now, written after register, authorize, exchange
                and revoke, before they return.
            retry: How failed calls are repeated where that is safe; None switches it off.
            max_response_bytes: The longest body that is read.

        Raises:
            ATHError: INVALID_ARGUMENT or INVALID_KEY, saying what is wrong;
                INVALID_CREDENTIALS or STORAGE_ERROR if the credentials cannot be read.
        """
        base = parse_base(url, "url")
        settings = Settings(
            base=base,
            agent_id=_check_agent_id(agent_id),
            key_id=require_text(key_id, "key_id"),
            capabilities=tuple(
                require_text(item, "capabilities") for item in as_list(capabilities, "capabilities")
            ),
            audience=base.url if audience is None else _check_audience(audience),
            require_pkce=require_pkce,
            max_response_bytes=max_response_bytes,
            clock=time.time,
            random_text=_random_text,
        )
        learned = Learned()
        vault = Vault(CredentialKey(base.url, settings.agent_id), _open_store(credentials))
        self._context = make_context(settings, learned, vault, encode_headers(headers))
        self._credentials = vault
        self._driver = self._make_driver(
            http_client,
            signer=load_signer(private_key, private_key_password),
            limits=parse_timeout(timeout, max_response_bytes),
            retry=resolve_policy(retry, None),
            settings=settings,
            learned=learned,
        )
        self._root: Self | None = None
        self._views: dict[tuple[str, bool], Vault] = {}
        vault.load()

    @abstractmethod
    def _make_driver(self, http_client: object, **shared: Any) -> DriverT: ...

    def for_user(self, user: str, *, headers: Mapping[str, str] | None = None) -> Self:
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
        key = (require_text(user, "user"), bool(own))
        vault = root._views.get(key)
        if vault is None:
            shared = root._credentials
            whose = shared.key._replace(user=user, registered=bool(own))
            fresh = Vault(whose, shared.store, None if own else shared)
            vault = root._views.setdefault(key, fresh)
        view = object.__new__(type(self))
        view._context = _context_of_user(root._context, vault, own)
        view._credentials = vault
        view._driver, view._root, view._views = root._driver, root, root._views
        return view

    @property
    def client_id(self) -> str | None:
        """The client_id of the registration held, or None."""
        registration = self._loaded.registration
        return None if registration is None else registration.client_id

    def set_credentials(self, client_id: str, client_secret: str) -> None:
        """Use a registration made elsewhere; a different client_id drops tokens and sessions.

        Raises:
            ATHError: INVALID_ARGUMENT.
        """
        owner = self._loaded.owner
        require_text(client_id, "client_id")
        require_text(client_secret, "client_secret")
        before = owner.registration
        same = before is not None and before.client_id == client_id
        uris = before.redirect_uris if before is not None and same else ()
        owner.enroll(Registration(client_id, client_secret, uris))

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
        self._loaded.apply(lambda record: record.set_token(held))

    def save_credentials(self, path: str | os.PathLike[str]) -> None:
        """Write registration, tokens and open sessions to a JSON file, mode 0600.

        The file is replaced whole or not at all; what it holds for other agents, users or
        implementors stays.

        Raises:
            ATHError: NOT_REGISTERED; STORAGE_ERROR or INVALID_CREDENTIALS if the file cannot be
                written or is not a credential file.
        """
        from ..stores.files import FileStore

        require_registration(self._loaded)
        FileStore(_check_path(path)).put(self._loaded.key, self._loaded.snapshot().to_text())

    def load_credentials(self, path: str | os.PathLike[str]) -> None:
        """Use what :meth:`save_credentials` wrote, or the official SDK's file.

        Raises:
            ATHError: INVALID_CREDENTIALS if the file is damaged, foreign, or of another agent or
                implementor; STORAGE_ERROR if it cannot be read.
        """
        from ..stores.credential_file import read_record

        self._loaded.replace(read_record(_check_path(path), self._loaded.key))

    @property
    def _loaded(self) -> Vault:
        """For the plain methods, which load by themselves; calls leave that to the driver."""
        if not self._credentials.loaded:
            self._credentials.load()
        return self._credentials

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


def make_context(
    settings: Settings, learned: Learned, credentials: Vault, user_headers: RawHeaders
) -> Context:
    """A context with its headers encoded once for all calls."""
    headers = merge_headers(standard_headers(settings.base), user_headers)
    provider_headers = [*headers, agent_header(settings.agent_id)]
    return Context(settings, learned, credentials, user_headers, headers, provider_headers)


def _context_of_user(shared: Context, credentials: Vault, headers: RawHeaders) -> Context:
    """The same agent with another user's credentials, and headers of their own if any."""
    if not headers:
        return replace(shared, credentials=credentials)
    every = merge_headers(shared.user_headers, headers)
    return make_context(shared.settings, shared.learned, credentials, every)


def _random_text(size: int) -> str:
    return urlsafe_b64encode(os.urandom(size)).rstrip(b"=").decode("ascii")


def _open_store(
    credentials: str | os.PathLike[str] | CredentialStore | None,
) -> CredentialStore | None:
    if credentials is None:
        return None
    if isinstance(credentials, str | os.PathLike):
        from ..stores.files import FileStore  # files need what a client without a store does not

        return FileStore(_check_path(credentials))
    if not (hasattr(credentials, "load") and hasattr(credentials, "replace")):
        raise ATHError("INVALID_ARGUMENT", "credentials must be a path or a CredentialStore.")
    return credentials


def _check_path(path: object) -> Path:
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise ATHError("INVALID_ARGUMENT", "The path of a credential file must be text or a Path.")
    if "\0" in str(path):
        raise ATHError("INVALID_ARGUMENT", "The path of a credential file holds a NUL character.")
    return Path(path)


def _check_agent_id(agent_id: object) -> str:
    base = parse_base(agent_id, "agent_id")
    if not isinstance(agent_id, str) or not agent_id.isascii():
        raise ATHError("INVALID_ARGUMENT", "agent_id must be an ASCII URL.")
    if base.is_plaintext:
        raise ATHError("INVALID_ARGUMENT", "agent_id must be an https URL (http on loopback only).")
    return agent_id


def _check_audience(audience: object) -> str:
    return require_text(audience, "audience").rstrip("/")
