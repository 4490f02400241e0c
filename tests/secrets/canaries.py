"""Recognisable secrets, and a search for them in everything that hangs on an object."""

from __future__ import annotations

import base64
import copy
import io
import logging
import pickle
import re
import traceback
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType, FunctionType, MethodType, ModuleType, TracebackType
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

KEY = ec.generate_private_key(ec.SECP256R1())
PEM = KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()
PASSWORD = "canary-password-3f9c"
CLIENT_SECRET = "canary-client-secret-81be"
TOKEN = "canary-token-c04d"
NEW_SECRET = "canary-new-secret-77aa"
NEW_TOKEN = "canary-new-token-e2d1"
CODE = "canary-code-5b10"
USER_SESSION = "canary-user-session-9a6e"
STATE = "canary-state-of-at-least-128-bits-44d7"


class Canaries:
    """The secrets that were planted, with those that came about on the way."""

    def __init__(self) -> None:
        private = KEY.private_numbers().private_value
        lines = PEM.splitlines()[1:-1]
        self.known = {
            PASSWORD, CLIENT_SECRET, TOKEN, NEW_SECRET, NEW_TOKEN, CODE, USER_SESSION, STATE,
            *lines, str(private), f"{private:x}",
            base64.b64encode(f"ath_client:{CLIENT_SECRET}".encode()).decode(),
        }  # fmt: skip

    def add_sent(self, requests: Iterable[bytes]) -> None:
        """Attestations and verifiers are random: they are taken from what was sent."""
        for request in requests:
            names = rb'"(?:agent_attestation|code_verifier|state)":"([^"]+)"'
            for found in re.findall(names, request):
                self.known.add(found.decode())
                if found.count(b".") == 2:
                    self.known.add(found.rpartition(b".")[2].decode())

    def check_text(self, text: str, where: str) -> None:
        for secret in self.known:
            assert secret not in text, f"{where} holds {secret[:24]}…"

    def check_object(self, thing: object, where: str) -> None:
        """Search the repr and str of an object and of everything that it holds."""
        for path, text in texts_below(thing, where):
            self.check_text(text, path)

    def check_error(self, error: BaseException) -> None:
        """Search an error in every form in which it may reach a log or a report."""
        self.check_text("".join(traceback.format_exception(error)), "traceback")
        for form in (str(error), repr(error), f"{error}", ascii(error), format(error)):
            self.check_text(form, "text")
        self.check_object(error, "error")
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            data = pickle.dumps(error, protocol)
            self.check_text(data.decode("latin-1"), "pickle")
            again = pickle.loads(data)
            assert state_of(again) == state_of(error)
        assert str(copy.copy(error)) == str(error)


def state_of(error: BaseException) -> dict[str, Any]:
    """What an error holds, with the answer in it as a value that can be compared."""
    state = dict(vars(error))
    answer = state.pop("response", None)
    if answer is not None:
        state["response"] = (answer.status_code, dict(answer.headers), answer.content)
    return state


SIMPLE = (int, float, bool, type(None), type, ModuleType, FunctionType, MethodType, FrameType)


def texts_below(
    thing: object, where: str, seen: set[int] | None = None
) -> Iterator[tuple[str, str]]:
    """Every text below an object: repr and str, attributes, items, causes and contexts."""
    seen = set() if seen is None else seen
    if id(thing) in seen or isinstance(thing, (*SIMPLE, TracebackType)):
        return
    seen.add(id(thing))
    if isinstance(thing, str):
        yield where, thing
        return
    if isinstance(thing, bytes | bytearray):
        yield where, bytes(thing).decode("latin-1")
        return
    yield f"repr({where})", repr(thing)
    yield f"str({where})", str(thing)
    inner: dict[str, Any] = dict(getattr(thing, "__dict__", {}))
    for kind in type(thing).__mro__:
        slots = getattr(kind, "__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            inner.setdefault(slot, getattr(thing, slot, None))
    if isinstance(thing, BaseException):
        for name in ("args", "__cause__", "__context__", "__notes__", "object", "doc"):
            inner[name] = getattr(thing, name, None)
    if isinstance(thing, dict):
        inner.update((f"key {i}", key) for i, key in enumerate(thing))
        inner.update((f"[{key!r}]", value) for key, value in thing.items())
    elif isinstance(thing, list | tuple | set | frozenset):
        inner.update((f"[{i}]", value) for i, value in enumerate(thing))
    for name, value in inner.items():
        yield from texts_below(value, f"{where}.{name}", seen)


@contextmanager
def check_logs(canaries: Canaries, *names: str) -> Iterator[None]:
    """Search everything that is logged at DEBUG or warned about inside the block."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)r"))
    loggers = [logging.getLogger(name) for name in names or ("ath",)]
    levels = [logger.level for logger in loggers]
    records: list[logging.LogRecord] = []
    handler.addFilter(lambda record: records.append(record) is None)
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
    canaries.check_text(stream.getvalue(), "log")
    for record in records:
        canaries.check_object(record.args, "log arguments")
    for warning in caught:
        canaries.check_object(warning.message, "warning")
