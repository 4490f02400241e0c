"""An import costs what it uses, and the lazy modules behave like any other."""

from __future__ import annotations

import ath_api
import ath_api.models
import pytest
from spec_support import GENERATED, run


def modules_after(statement: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after the statement."""
    program = f"{statement}\nimport sys\nprint(*sys.modules)"
    result = run("-c", program, PYTHONPATH=str(GENERATED.parent))
    assert result.returncode == 0, result.stderr
    return set(result.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        "ath_api",
        "ath_api.models",
        "ath_api.models.token_response",
        "ath_api.errors",
        "ath_api.types",
    ]
    + [
        f"ath_api.api.{path.parent.name}.{path.stem}"
        for path in sorted(GENERATED.glob("api/*/*.py"))
        if path.stem != "__init__"
    ],
)
def test_httpx_is_not_imported_before_a_client_is(module: str) -> None:
    assert "httpx" not in modules_after(f"import {module}")


def test_a_client_brings_httpx() -> None:
    assert "httpx" in modules_after("from ath_api import Client")


def test_a_model_brings_only_the_models_it_needs() -> None:
    loaded = modules_after("from ath_api.models import ErrorBody")
    models = {name.rpartition(".")[2] for name in loaded if name.startswith("ath_api.models.")}
    assert models == {"error_body", "ath_error_code"}
    assert not {
        name for name in modules_after("import ath_api.models") if "ath_api.models." in name
    }


def test_the_lazy_modules_list_their_names() -> None:
    for module in (ath_api, ath_api.models):
        assert set(module.__all__) <= set(dir(module))
        assert all(getattr(module, name) is not None for name in module.__all__)


@pytest.mark.parametrize("module", [ath_api, ath_api.models])
def test_an_unknown_name_is_an_attribute_error(module: object) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'NoSuchName'"):
        _ = module.NoSuchName  # type: ignore[attr-defined] # pyright: ignore


def test_star_imports_work() -> None:
    modules_after("from ath_api.models import *; from ath_api import *; TokenResponse, Client")


def test_the_package_is_marked_as_typed() -> None:
    assert GENERATED.joinpath("py.typed").is_file()
