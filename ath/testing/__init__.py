"""A real ATH gateway and a real ATH service on loopback, for one's own tests.

Needs `pip install flask cheroot authlib`. `python -m ath.testing` runs one for a browser.
"""

from importlib.util import find_spec

for _name in ("authlib", "cheroot", "flask"):
    if find_spec(_name) is None:
        raise ModuleNotFoundError(
            f"ath.testing needs {_name}: pip install flask cheroot authlib", name=_name
        )

from ._browser import ConsentError
from ._local import AsyncLocalGateway, AsyncLocalService, LocalGateway, LocalService
from ._quirks import Quirks
from ._records import Record

__all__ = [
    "AsyncLocalGateway",
    "AsyncLocalService",
    "ConsentError",
    "LocalGateway",
    "LocalService",
    "Quirks",
    "Record",
]
