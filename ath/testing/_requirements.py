"""What the local gateway needs besides what ``ath`` does; imported first, to say so."""

from importlib.util import find_spec

for _name in ("authlib", "cheroot", "flask"):
    if find_spec(_name) is None:
        raise ModuleNotFoundError(
            f"ath.testing needs {_name}: pip install flask cheroot authlib", name=_name
        )
