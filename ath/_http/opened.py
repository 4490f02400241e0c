"""An answer that is handed out once its head has come; its body is pulled piece by piece."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from math import inf

from .limits import Limits
from .messages import RawHeaders, Request


class OpenReply:
    """The head of an answer, and how long its reader waits for the rest."""

    def __init__(self, request: Request, limits: Limits, status: int, headers: RawHeaders) -> None:
        self.request = request
        self.status = status
        self.headers = headers
        self.received_at = time.time()
        self.seconds = 0.0
        """From sending the request to the end of this head."""
        self.wait = limits.read
        """Seconds of each wait, or None."""
        self.ends = inf
        """When the body must have come to its end (monotonic)."""
        self._body = b""
        self._kept = bytearray()

    @property
    def ok(self) -> bool:
        """Whether the request succeeded: any 2xx."""
        return 200 <= self.status < 300

    @property
    def beginning(self) -> bytes:
        """What has come of the body and was not handed out."""
        return self._body

    def _keep(self, piece: bytes) -> bool:
        self._kept += piece  # no variable: an error tracker records those of a frame that raises
        return bool(piece)

    def _put_back(self) -> None:
        self._body, self._kept = bytes(self._kept), bytearray()


class SyncOpenReply(OpenReply, ABC):
    """An answer to a sync client."""

    @abstractmethod
    def read(self) -> bytes:
        """The next piece of the body; nothing at its end, and once the answer is closed.

        Raises:
            ATHError: NETWORK_ERROR or TIMEOUT; the answer is closed then.
        """

    def read_beginning(self, size: int) -> None:
        """Read more than that, or all there is; it becomes :attr:`beginning`.

        Raises:
            ATHError: as :meth:`read`.
        """
        while self._keep(self.read()) and len(self._kept) <= size:
            pass
        self._put_back()

    @abstractmethod
    def close(self) -> None:
        """Leave the rest unread; the connection is closed unless the body has come to its end."""


class AsyncOpenReply(OpenReply, ABC):
    """An answer to an async client."""

    @abstractmethod
    async def read(self) -> bytes:
        """The next piece of the body; nothing at its end, and once the answer is closed.

        Raises:
            ATHError: NETWORK_ERROR or TIMEOUT; the answer is closed then.
        """

    async def read_beginning(self, size: int) -> None:
        """As :meth:`SyncOpenReply.read_beginning`."""
        while self._keep(await self.read()) and len(self._kept) <= size:
            pass
        self._put_back()

    @abstractmethod
    async def aclose(self) -> None:
        """Leave the rest unread; the connection is closed unless the body has come to its end."""
