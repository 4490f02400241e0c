"""From an exception to the ATHError that says how far the call got.

The error is to be raised outside the except block, so that nothing leads back to an exception
that holds the request and its secrets.
"""

from __future__ import annotations

from ..errors import ATHError, Delivery
from .messages import Request


class BrokenExchange(Exception):
    """What came is no answer, or only a part of one."""


def failure(error: Exception, request: Request, *, sent: bool) -> ATHError:
    """What an OSError (a timeout, a TLS error) or a BrokenExchange means.

    Args:
        error: What was raised.
        request: The request that it ended.
        sent: Whether the connection was there, so that a part of the request may have arrived.
    """
    if isinstance(error, TimeoutError):
        return timed_out(request, sent=sent)
    if sent:
        return broken(request, str(error) if isinstance(error, BrokenExchange) else _name(error))
    return not_connected(request, str(error), final=is_distrusted(error))


def timed_out(request: Request, *, sent: bool) -> ATHError:
    """Not answered within the limits."""
    done = "" if sent else " before anything was sent"
    error = ATHError("TIMEOUT", f"{request.origin_label} was not answered in time{done}.")
    error._delivery = Delivery.TIMED_OUT if sent else Delivery.UNSENT
    return error


def not_connected(request: Request, reason: str, *, final: bool = False) -> ATHError:
    """No connection, so nothing was sent; ``final`` if another attempt cannot change that."""
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
    while error is not None and type(error).__name__ != "SSLCertVerificationError":
        error = error.__cause__ or error.__context__  # httpx's exception is about httpcore's
    return error is not None


def _name(error: Exception) -> str:
    return type(error).__name__
