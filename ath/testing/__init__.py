"""A real ATH gateway and a real ATH service on loopback, and the contract of stores, for tests.

Needs the extra `testing`. `python -m ath.testing` runs one for a browser.
"""

from ._available import INSTALL as INSTALL
from ._browser import ConsentError
from ._local import AsyncLocalGateway, AsyncLocalService, LocalGateway, LocalService
from ._quirks import Quirks
from ._records import Record
from ._stores import check_async_store, check_store
from ._wsgi import Provider

__all__ = [
    "AsyncLocalGateway",
    "AsyncLocalService",
    "ConsentError",
    "LocalGateway",
    "LocalService",
    "Provider",
    "Quirks",
    "Record",
    "check_async_store",
    "check_store",
]
