"""What the local gateway needs besides what ``ath`` does. Imported first, so that it says so."""

from importlib.util import find_spec

INSTALL = 'pip install "flask>=3" "cheroot>=10" "authlib>=1.6.2"'

for _name in ("authlib", "cheroot", "flask"):
    if find_spec(_name) is None:
        raise ModuleNotFoundError(f"ath.testing needs {_name}: {INSTALL}", name=_name)
