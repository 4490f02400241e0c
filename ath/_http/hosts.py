"""Host names, as httpx reads them."""

from __future__ import annotations

import re

_NAME = re.compile(r"(?:[a-z0-9_~-]{1,63}\.)*[a-z0-9_~-]{1,63}\.?")
_IPV4 = re.compile(r"\d+\.\d+\.\d+\.\d+", re.ASCII)
_IPV6 = re.compile(r"[0-9a-f:.]+(?:%[\w.~%-]+)?", re.ASCII)  # urlsplit has looked at the rest


def normalize_host(host: str) -> str | None:
    """The host of a URL as it is looked up, sent and compared; None if it is not one.

    Args:
        host: In lower case and without brackets, as urlsplit returns it.
    """
    if ":" in host:
        return host if _IPV6.fullmatch(host) else None
    if not host.isascii():
        import idna  # large tables, and few hosts need them

        try:
            host = idna.encode(host).decode("ascii")
        except UnicodeError:
            return None
    if _IPV4.fullmatch(host):
        valid = all(part == str(int(part)) and int(part) < 256 for part in host.split("."))
        return host if valid else None
    return host if _NAME.fullmatch(host) else None
