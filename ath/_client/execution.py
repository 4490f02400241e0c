"""One public call, carried out: what flows ask for, as operations of a driver.

Everything that needs no thought about blocking or awaiting is here, once for both drivers.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from .. import _log, _protocol
from .._http.messages import Request
from .._protocol.failures import is_refusal
from .._protocol.steps import (
    Attest,
    Audience,
    Call,
    CheckRegistration,
    Exclude,
    Flow,
    Learn,
    Pause,
    Receive,
    Reload,
    Save,
    SaveRegistration,
    SaveUnsaved,
    Share,
    Show,
    Step,
)
from ..errors import ATHError, ATHSecurityWarning
from ..retry import resolve_policy
from ..stores.base import has_coroutines
from ..stores.record import Record
from .attempts import Attempts
from .credentials import Credentials
from .operations import Open, Operations, Send, Sign, Wait, growing_pauses, use_store

if TYPE_CHECKING:
    from .run import Driver

T = TypeVar("T")

UNUSABLE_TOKEN_CODES = frozenset({"TOKEN_INVALID", "TOKEN_REVOKED", "TOKEN_EXPIRED"})
"""What an implementor says of a token that it will not accept any more."""
_REFUSAL_CODES = UNUSABLE_TOKEN_CODES | {"AGENT_NOT_REGISTERED", "SCOPE_NOT_APPROVED"}
_MISSING_CODES = frozenset({"NOT_REGISTERED", "NO_TOKEN", "TOKEN_EXPIRED"})


class Execution:
    """Carries one public call out for one view of a client."""

    __slots__ = ("_credentials", "_driver", "_sends")

    def __init__(self, driver: Driver[Any, Any], credentials: Credentials) -> None:
        self._driver = driver
        self._credentials = credentials
        self._sends = 0

    def run(self, flow: Flow[T]) -> Operations[T]:
        """Carry a flow out; the store is read first if that has not been done yet."""
        yield from self._credentials.load_first()
        result: T = yield from self._run_flow(flow)
        return result

    def _call(self, call: Call) -> Operations[Any]:
        """Make a call, with as many attempts as are allowed and may help."""
        limits = call.limits or self._driver.limits
        if call.within is not None:
            limits = limits.bound(call.within)
        attempts = Attempts(
            self._driver.learned,
            call,
            resolve_policy(call.retry, self._driver.retry),
            limits,
        )
        if not self._credentials.loaded:
            yield from self._credentials.load_first()
        made_again = False
        while True:
            reply = used = None
            label = "the call"
            try:
                if call.credential is not None:
                    used = call.credential()
                audience = attempts.audience
                attestation = None
                if audience is not None:
                    attestation = yield from self._attest(audience)
                request = call.build(attestation)
                label = request.origin_label
                self._warn_of_plaintext(request)
                self._sends += 1
                if call.streamed is None:
                    reply = yield Send(request, attempts.begin())
                else:
                    reply = yield Open(request, attempts.begin(), call.streamed.for_others)
                    attempts.bound_body(reply)
                value = call.read(request, reply)
            except ATHError as error:
                in_time = reply is None or attempts.in_time
                if call.credential is not None and not made_again and in_time:
                    made_again = yield from self._found_other(call.credential, used, error)
                    unsent = error.status is None
                    if made_again and (unsent or attempts.can_repeat):
                        _log.info(
                            "ath", "%s: %s; again with what the store holds", label, error.code
                        )
                        continue
                if call.credential is not None:
                    yield from self._mark_refused(used, error)
                pause = attempts.next_pause(error, reply)
                _log.info(
                    "ath", "%s: attempt %d failed with %s; again in %.1f s",
                    label, attempts.made, error.code, pause,
                )  # fmt: skip
            else:
                attempts.succeed()
                return value
            yield Pause(pause)

    def _run_flow(self, flow: Flow[Any]) -> Operations[Any]:
        try:
            step = next(flow)
            while True:
                try:
                    result = yield from self._perform(step)
                except BaseException as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(result)
        except StopIteration as done:
            return done.value

    def _perform(self, step: Step) -> Operations[Any]:
        match step:
            case Call():
                return (yield from self._call(step))
            case Attest():
                return (yield from self._attest(step.audience))
            case Pause():
                share = random.uniform(1 - step.spread, 1 + step.spread)  # noqa: S311 - no secret
                yield step._replace(seconds=step.seconds * share)
            case Show():
                yield step
            case Receive():
                return (yield from self._receive(step))
            case Reload():
                yield from self._credentials.load()
            case Save():
                yield from self._credentials.save(step.change)
            case SaveUnsaved():
                yield from self._credentials.save_unsaved()
            case SaveRegistration():
                _log.info("ath", "registered as %r", step.registration.client_id)
                yield from self._credentials.save_registration(step.registration, step.instead_of)
            case CheckRegistration():
                yield from self._check_registration(step.client_id)
            case Learn():
                self._driver.learned.api_base = step.api_base
                self._driver.learned.app_id = step.app_id
            case Share():
                return (yield from self._share(step))
            case Exclude():
                return (yield from self._exclude(step))
        return None

    def _attest(self, audience: Audience) -> Operations[str]:
        driver, attestation = self._driver, _protocol.attestation
        message = attestation.attestation_to_sign(driver.settings, driver.learned, audience)
        return attestation.compact(message, (yield Sign(message)))

    def _found_other(
        self, credential: Callable[[], str | None], used: str | None, error: ATHError
    ) -> Operations[bool]:
        """Whether the store may hold what was missing, or holds another than what was refused."""
        if self._credentials.store is None:
            return False
        if error.status is None and error.code in _MISSING_CODES:
            yield from self._credentials.load()
            return True  # building the request again tells
        if used is not None and is_refusal(error, _REFUSAL_CODES):
            with suppress(ATHError):  # what the server said counts more than a failing store
                return (yield from self._credentials.load_another(credential, used))
        return False

    def _mark_refused(self, used: str | None, error: ATHError) -> Operations[None]:
        """Remember that a token will not be accepted any more."""
        if used is not None and is_refusal(error, UNUSABLE_TOKEN_CODES):
            with suppress(ATHError):  # as above
                yield from self._credentials.save(partial(Record.mark_refused, access_token=used))

    def _check_registration(self, client_id: str) -> Operations[None]:
        with suppress(ATHError):  # a store that cannot be read does not undo what was done
            yield from self._credentials.refresh_registration()
        held = self._credentials.registration
        if held is None or held.client_id != client_id:
            raise ATHError(
                "REGISTRATION_REPLACED",
                f"The registration {client_id!r} was replaced by another one during this call.",
                details={"client_id": client_id},
            )

    def _share(self, step: Share) -> Operations[Any]:
        key = (self._credentials.owner_key, step.key)
        while True:
            flight, end = self._driver.flights.join(key)
            if end is None:
                yield Wait(flight.future)
                if flight.abandoned:
                    continue
                return flight.result()
            sends = self._sends
            try:
                value = yield from self._run_flow(step.make_flow())
                flight.succeed(value)
                return value
            except ATHError as error:
                flight.fail(error)
                raise
            except BaseException:
                flight.abandoned = self._sends == sends
                flight.fail(
                    ATHError(
                        "OUTCOME_UNKNOWN",
                        "The same call was under way and was interrupted. "
                        "It may have taken effect.",
                    )
                )
                raise
            finally:
                end()

    def _exclude(self, step: Exclude) -> Operations[Any]:
        store, key = self._credentials.store, self._credentials.owner_key
        awaits = has_coroutines(store)
        acquire, release = getattr(store, "acquire", None), getattr(store, "release", None)
        if acquire is None or release is None:
            yield from self._credentials.load()
            return None if step.done() else (yield from self._run_flow(step.make_flow()))
        owner = self._driver.settings.random_text(16)
        lease = self._driver.longest_call(step.retry)
        pauses = growing_pauses(
            lease, f"Another process is registering {key.agent_id} and does not end."
        )
        left = closed = False

        def take_lock(*arguments: Any) -> bool:
            taken = acquire(*arguments)
            if left:  # this task was cancelled while a thread was taking the lock
                release(key, owner)
            return bool(taken)

        try:
            while True:
                acquired = yield from use_store(
                    store, "acquire", key, owner, lease, method=None if awaits else take_lock
                )
                yield from self._credentials.load()
                if step.done():
                    return None
                if acquired:
                    return (yield from self._run_flow(step.make_flow()))
                yield next(pauses)
        except GeneratorExit:  # there is no driver any more
            closed = True
            with suppress(Exception):
                if not awaits:  # else the lease ends by itself
                    release(key, owner)
            raise
        finally:
            left = True
            if not closed:
                with suppress(ATHError):  # the lease ends by itself
                    yield from use_store(store, "release", key, owner)

    def _receive(self, step: Receive) -> Operations[Any]:
        step.receiver.open()
        try:
            return (yield from self._run_flow(step.make_flow()))
        finally:
            step.receiver.close()

    def _warn_of_plaintext(self, request: Request) -> None:
        """Say once that an origin beyond this machine is spoken to unencrypted."""
        base, warned = request.base, self._driver.warned_origins
        if base.is_plaintext and base.origin not in warned:
            warned.add(base.origin)
            warnings.warn(
                f"Secrets go to {base.scheme}://{base.host} unencrypted; use https.",
                ATHSecurityWarning,
                stacklevel=2,
            )
