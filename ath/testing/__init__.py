"""A real ATH gateway and a real ATH service on loopback, for one's own tests.

Needs `pip install flask cheroot authlib`. `python -m ath.testing` runs one for a browser.
"""

from ._available import INSTALL as INSTALL
from ._browser import ConsentError
from ._local import AsyncLocalGateway, AsyncLocalService, LocalGateway, LocalService
from ._quirks import Quirks
from ._records import Record
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
]
