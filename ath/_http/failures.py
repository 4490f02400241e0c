"""The ATHErrors of a call that got no answer: they say how far it got.

They are to be raised outside the except block, so that nothing leads back to an exception that
holds the request and its secrets.
"""

from __future__ import annotations

from ..errors import ATHError, Delivery
from .messages import Request


class BrokenExchange(Exception):
    """What came is no answer, or only a part of one."""


class UploadError(Exception):
    """What a request sends could not be read: the user's own source raised ``error``."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


def failure(error: Exception, request: Request, *, sent: bool) -> ATHError:
    """What an OSError or a BrokenExchange means; ``sent`` once a connection was there."""
    if isinstance(error, TimeoutError):
        return timed_out(request, sent=sent)
    if not sent:
        return not_connected(request, str(error), final=is_distrusted(error))
    is_ours = isinstance(error, BrokenExchange)
    return broken(request, str(error) if is_ours else type(error).__name__)


def timed_out(request: Request, *, sent: bool) -> ATHError:
    """No answer within the limits."""
    when = "" if sent else " before anything was sent"
    error = ATHError("TIMEOUT", f"{request.origin_label} was not answered in time{when}.")
    error._delivery = Delivery.TIMED_OUT if sent else Delivery.UNSENT
    return error


def not_connected(request: Request, reason: str, *, final: bool) -> ATHError:
    """Nothing was sent; ``final`` if another attempt cannot change that."""
    error = ATHError("NETWORK_ERROR", f"{request.origin_label}: no connection ({reason}).")
    error._delivery = Delivery.LOCAL if final else Delivery.UNSENT
    return error


def broken(request: Request, reason: str) -> ATHError:
    """The connection ended before the answer did."""
    error = ATHError("NETWORK_ERROR", f"{request.origin_label}: the connection broke ({reason}).")
    error._delivery = Delivery.LOST
    return error


def is_distrusted(error: BaseException | None) -> bool:
    """Whether the server's certificate is to blame, which another attempt would not change."""
    from ssl import SSLCertVerificationError  # slow to import, and plain http does without

    while error is not None and not isinstance(error, SSLCertVerificationError):
        error = error.__cause__ or error.__context__  # httpx's exception is about httpcore's
    return error is not None
