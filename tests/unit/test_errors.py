"""The one exception: how it reads, that it travels, and that its table of codes is complete."""

from __future__ import annotations

import ast
import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ath
from ath import CODES, ATHError, ATHSecurityWarning, ATHWarning
from ath.errors import Delivery

from .support import json_values


def made(**changes: Any) -> ATHError:
    error = ATHError(
        changes.pop("code", "CONFLICT"),
        changes.pop("message", "Registered already."),
        409,
        {"client_id": "c-1"},
        retry_after=1.5,
        retryable=True,
    )
    error._delivery = Delivery.LOST
    error.add_note("3 attempts: TIMEOUT, TIMEOUT, CONFLICT.")
    return error


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_survives_pickling_with_all_it_says(protocol: int) -> None:
    error = made()
    twin = pickle.loads(pickle.dumps(error, protocol))
    assert type(twin) is ATHError
    assert vars(twin) == vars(error)
    assert twin.args == error.args
    assert twin.__notes__ == ["3 attempts: TIMEOUT, TIMEOUT, CONFLICT."]
    assert (str(twin), repr(twin)) == (str(error), repr(error))


@given(st.text(), st.text(), st.none() | st.integers(), st.dictionaries(st.text(), json_values))
def test_any_error_survives_pickling_and_copying(
    code: str, message: str, status: int | None, details: dict[str, Any]
) -> None:
    error = ATHError(code, message, status, details)
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert (twin.code, twin.message, twin.status) == (error.code, error.message, status)
        assert repr(twin.details) == repr(details)  # NaN is not equal to itself
        assert twin._delivery is error._delivery


def test_a_copys_notes_are_its_own() -> None:
    error = made()
    twin = copy.deepcopy(error)
    twin.add_note("another")
    assert len(error.__notes__) == 1


def test_it_prints_as_documented() -> None:
    error = made()
    assert f"[{error.code}] {error.message}" == "[CONFLICT] Registered already."
    assert str(error) == f"CONFLICT (HTTP 409): Registered already. {CODES['CONFLICT']}"
    assert str(ATHError("SERVERS_OWN", "Words.")) == "SERVERS_OWN: Words."
    assert repr(error) == "ATHError(code='CONFLICT', message='Registered already.', status=409)"


def test_a_message_and_its_advice_are_two_sentences() -> None:
    assert ": no way. Call connect()" in str(ATHError("TOKEN_REVOKED", "no way"))


def test_the_details_are_the_errors_own() -> None:
    details = {"a": 1}
    error = ATHError("X", "m", None, details)
    details["a"] = 2
    assert error.details == {"a": 1}
    assert ATHError("X", "m").details == {}


def test_an_error_without_a_status_was_raised_here() -> None:
    assert ATHError("X", "m")._delivery is Delivery.LOCAL
    assert ATHError("X", "m", 500)._delivery is Delivery.ANSWERED
    assert ATHError("X", "m").advice == ""
    assert ATHError("NO_TOKEN", "m").advice == CODES["NO_TOKEN"]


def test_warnings_can_be_filtered_together() -> None:
    assert issubclass(ATHSecurityWarning, ATHWarning)
    assert issubclass(ATHWarning, UserWarning)


HOME = Path(ath.__file__).parent
HANDWRITTEN = [
    path for path in sorted(HOME.rglob("*.py")) if "testing" not in path.relative_to(HOME).parts
]


def strings_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.value for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)}  # fmt: skip


def raised() -> dict[str, str]:
    """Each code that is written as the first argument of an ATHError, and where."""
    found = {}
    for path in HANDWRITTEN:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ATHError":
                [first, *_] = node.args
                if isinstance(first, ast.Constant):
                    found[first.value] = path.name
    return found


def test_every_code_that_is_raised_is_in_the_table() -> None:
    found = raised()
    assert len(found) > 15  # the search itself works
    assert {code: where for code, where in found.items() if code not in CODES} == {}


def test_every_code_in_the_table_is_raised_here_or_the_protocols() -> None:
    from ath_api.models import ATHErrorCode

    protocol = {str(code) for code in ATHErrorCode} | {"CONFLICT"}
    mentioned = set().union(*(strings_of(p) for p in HANDWRITTEN if p.name != "errors.py"))
    assert [code for code in CODES if code not in protocol and code not in mentioned] == []
    assert protocol <= set(CODES)


def test_the_table_can_be_read_only_and_every_code_has_advice() -> None:
    with pytest.raises(TypeError):
        CODES["X"] = "y"  # type: ignore[index]
    for code, advice in CODES.items():
        assert code.isupper()
        assert advice[0].isupper()
        assert advice.endswith(".")
