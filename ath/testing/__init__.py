"""A real ATH gateway and a real ATH service on loopback, for one's own tests.

Needs the extra `testing`: `ath-sdk[testing]`.
"""

from ._browser import ConsentError
from ._local import LocalGateway, LocalService
from ._quirks import Quirks
from ._records import Record

__all__ = ["ConsentError", "LocalGateway", "LocalService", "Quirks", "Record"]
