"""A real ATH gateway and a real ATH service on loopback, for one's own tests.

Needs `pip install flask cheroot authlib`. `python -m ath.testing` runs one for a browser.
"""

try:
    import authlib  # type: ignore[import-untyped]  # noqa: F401
    import cheroot  # noqa: F401
    import flask  # noqa: F401
except ModuleNotFoundError as _missing:
    raise ModuleNotFoundError(
        f"ath.testing needs {_missing.name}: pip install flask cheroot authlib", name=_missing.name
    ) from None

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
