"""The models of the spec; what any spec's models do is in construct_rows."""

from __future__ import annotations

import copy
import datetime
import inspect
import json
import pickle
from collections import UserDict
from types import MappingProxyType
from typing import Any

import pytest
from ath_api.errors import FieldError
from ath_api.models import (
    AgentIdentityDocument,
    AgentRegistration,
    AgentRegistrationRequest,
    AgentStatus,
    ATHErrorCode,
    DiscoveryDocument,
    ErrorBody,
    ProviderInfo,
    ServiceAuthConfig,
    TokenExchangeRequest,
    TokenResponse,
    TokenRevocationRequest,
)
from spec_support import GENERATED, model, read_spec, samples

SCHEMAS = read_spec()["components"]["schemas"]
OBJECTS = sorted(samples())
CANARY = "canary-5f0c"


def fields(component: str) -> dict[str, Any]:
    properties: dict[str, Any] = SCHEMAS[component]["properties"]
    return properties


# What is absent is None.


def test_the_generated_code_knows_no_unset() -> None:
    for path in GENERATED.rglob("*.py"):
        assert "unset" not in path.read_text("utf-8").lower(), path


@pytest.mark.parametrize("component", OBJECTS)
def test_json_goes_through_a_model_unchanged(component: str) -> None:
    sample = samples()[component]
    expected = copy.deepcopy(sample)
    if "approval_expires" in expected:  # the same instant, spelled by datetime
        expected["approval_expires"] = "2027-01-01T00:00:00+00:00"
    assert model(component).from_dict(sample).to_dict() == expected
    assert json.loads(json.dumps(model(component).from_dict(sample).to_dict())) == expected


@pytest.mark.parametrize("component", OBJECTS)
def test_what_is_absent_or_null_is_none_and_stays_out_of_the_json(component: str) -> None:
    required = set(SCHEMAS[component]["required"])
    sample = {name: value for name, value in samples()[component].items() if name in required}
    absent = model(component).from_dict(sample)
    null = model(component).from_dict({**dict.fromkeys(fields(component)), **sample})
    assert absent == null
    assert absent.additional_properties == null.additional_properties == {}
    assert absent.to_dict().keys() == required
    for name in fields(component).keys() - required:
        assert getattr(absent, name) is None


@pytest.mark.parametrize("component", OBJECTS)
def test_copies_and_pickles_are_equal_and_hide_the_same(component: str) -> None:
    original = model(component).from_dict({**samples()[component], "extra": [CANARY]})
    copies = [copy.copy(original), copy.deepcopy(original), pickle.loads(pickle.dumps(original))]
    for other in copies:
        assert other == original
        assert other.to_dict() == original.to_dict()
        assert repr(other) == repr(original)
        assert CANARY not in repr(other)


def test_an_absent_attestation_requirement_is_not_read_as_false() -> None:
    sample = samples()["ServiceAuthConfig"]
    del sample["agent_attestation_required"]
    assert ServiceAuthConfig.from_dict(sample).agent_attestation_required is None


# Every value is checked, and an error tells where and never what.


WRONG: dict[str, list[Any]] = {
    "string": [None, 7, True, [CANARY], {CANARY: CANARY}],
    "integer": [None, "3600", CANARY, True, 1.5, [CANARY]],
    "boolean": [None, 0, "true", CANARY, [CANARY]],
    "array": [None, CANARY, {CANARY: CANARY}, 7],
    "object": [None, CANARY, [CANARY], 7],
}


def wrong_values() -> list[Any]:
    cases = []
    for component in OBJECTS:
        required = SCHEMAS[component]["required"]
        for name, schema in fields(component).items():
            kinds = schema.get("type", "object" if "$ref" in schema else None)
            if "anyOf" in schema:  # text of any kind
                kinds = "string"
            if kinds is None or "const" in schema or "x-ath-lenient" in schema:
                continue
            kind = kinds[0] if isinstance(kinds, list) else kinds
            nullable = "null" in kinds or name not in required
            for value in WRONG[kind][1 if nullable else 0 :]:
                cases.append(pytest.param(component, name, value, id=f"{component}.{name}-{value}"))
    return cases


@pytest.mark.parametrize(("component", "field", "value"), wrong_values())
def test_a_value_of_the_wrong_type_is_named_and_not_shown(
    component: str, field: str, value: Any
) -> None:
    with pytest.raises(TypeError) as caught:
        model(component).from_dict({**samples()[component], field: value})
    assert str(caught.value).startswith(f"{field}: expected ")
    assert CANARY not in repr(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("component", OBJECTS)
def test_each_missing_field_is_named(component: str) -> None:
    for name in SCHEMAS[component]["required"]:
        sample = samples()[component]
        del sample[name]
        with pytest.raises(ValueError, match=rf"^{name}: missing$"):
            model(component).from_dict(sample)


@pytest.mark.parametrize("value", [None, [], [{}], CANARY, 7, True])
@pytest.mark.parametrize("component", OBJECTS)
def test_what_is_no_object_is_a_type_error(component: str, value: Any) -> None:
    with pytest.raises(TypeError, match=r"^expected an object, not ") as caught:
        model(component).from_dict(value)
    assert CANARY not in str(caught.value)


def test_an_error_deep_inside_has_the_whole_path() -> None:
    document = samples()["DiscoveryDocument"]
    providers = [copy.deepcopy(document["supported_providers"][0]) for _ in range(3)]
    document["supported_providers"] = providers
    providers[2]["provider_id"] = None
    with pytest.raises(FieldError) as caught:
        DiscoveryDocument.from_dict(document)
    assert caught.value.path == "supported_providers[2].provider_id"
    assert caught.value.problem == "expected a string, not null"
    providers[1]["available_scopes"] = ["a", "b", 3]
    with pytest.raises(FieldError, match=r"^supported_providers\[1\]\.available_scopes\[2\]: "):
        DiscoveryDocument.from_dict(document)
    providers[0] = CANARY
    with pytest.raises(FieldError, match=r"^supported_providers\[0\]: expected an object, not a"):
        DiscoveryDocument.from_dict(document)
    token = samples()["TokenResponse"]
    token["scope_intersection"]["effective"] = CANARY
    with pytest.raises(FieldError, match=r"^scope_intersection\.effective: expected an array"):
        TokenResponse.from_dict(token)


def test_an_error_survives_a_pickle() -> None:
    error = FieldError("a.b", "missing")
    other = pickle.loads(pickle.dumps(error))
    assert (other.path, other.problem, str(other)) == ("a.b", "missing", "a.b: missing")


def test_a_whole_number_may_be_written_with_a_point() -> None:
    token = TokenResponse.from_dict({**samples()["TokenResponse"], "expires_in": 3600.0})
    assert token.expires_in == 3600
    assert type(token.expires_in) is int
    for value in (float("inf"), float("nan")):
        with pytest.raises(TypeError, match=r"^expires_in: "):
            TokenResponse.from_dict({**samples()["TokenResponse"], "expires_in": value})


def test_any_mapping_can_be_read() -> None:
    sample = {**samples()["ProviderInfo"], "extra": 1}
    for mapping in (UserDict(sample), MappingProxyType(sample)):
        assert ProviderInfo.from_dict(mapping).to_dict() == sample


def test_reading_leaves_the_json_as_it_was() -> None:
    sample = {**samples()["DiscoveryDocument"], "extra": 1}
    before = copy.deepcopy(sample)
    DiscoveryDocument.from_dict(sample)
    assert sample == before


@pytest.mark.parametrize("component", OBJECTS)
def test_unknown_fields_are_kept(component: str) -> None:
    value = model(component).from_dict({**samples()[component], "extra": {"a": [1]}, "more": None})
    assert value.additional_properties == {"extra": {"a": [1]}, "more": None}
    assert value.to_dict()["extra"] == {"a": [1]}


# Real servers bend the rules; nothing that matters may be lost to that.


def test_an_unknown_code_or_status_is_kept_as_text() -> None:
    error = ErrorBody.from_dict({"code": "CONFLICT", "message": "m", "client_id": "c"})
    assert (error.code, error.client_id) == ("CONFLICT", "c")
    known = ErrorBody.from_dict({"code": "USER_DENIED", "message": "m"})
    assert known.code is ATHErrorCode.USER_DENIED
    for name in ("AgentRegistrationResponse", "AgentRegistration"):
        sample = samples()[name]
        assert model(name).from_dict(sample).agent_status is AgentStatus.APPROVED
        sample["agent_status"] = "suspended"
        value = model(name).from_dict(sample)
        assert value.agent_status == "suspended"
        assert value.to_dict()["agent_status"] == "suspended"


@pytest.mark.parametrize("details", [{"a": 1}, ["a"], "text", 7, None])
def test_details_of_any_type_do_not_cost_the_code(details: Any) -> None:
    error = ErrorBody.from_dict({"code": "X", "message": "m", "details": details})
    assert error.details == details


@pytest.mark.parametrize("token_type", ["Bearer", "bearer", "BEARER", "ath"])
def test_another_token_type_does_not_cost_the_token(token_type: str) -> None:
    token = TokenResponse.from_dict({**samples()["TokenResponse"], "token_type": token_type})
    assert token.token_type == token_type


UTC = datetime.UTC


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2027-01-02T03:04:05Z", datetime.datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2027-01-02t03:04:05.5z", datetime.datetime(2027, 1, 2, 3, 4, 5, 500000, tzinfo=UTC)),
        ("2027-01-02T03:04:05", datetime.datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2027-01-02T05:04:05+02:00", datetime.datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (None, None),
    ],
)
def test_an_approval_date_is_a_time_or_none(text: str | None, expected: object) -> None:
    for name in ("AgentRegistrationResponse", "AgentRegistration"):
        value = model(name).from_dict({**samples()[name], "approval_expires": text})
        assert value.approval_expires == expected
        assert value.additional_properties == {}
        assert json.dumps(value.to_dict())


@pytest.mark.parametrize("sent", ["soon", "", "2027-13-45T00:00:00Z", 7, ["x"], {"a": 1}])
def test_a_date_that_cannot_be_read_costs_nothing_and_is_kept_aside(sent: object) -> None:
    for name in ("AgentRegistrationResponse", "AgentRegistration"):
        value = model(name).from_dict({**samples()[name], "approval_expires": sent})
        assert value.approval_expires is None
        assert value.client_id == "ath_client_1"
        assert value.additional_properties == {"approval_expires": sent}
        assert value.to_dict()["approval_expires"] == sent
        assert model(name).from_dict(value.to_dict()) == value


def test_a_registration_read_again_needs_no_more_than_its_state() -> None:
    value = AgentRegistration.from_dict(
        {"client_id": "c", "agent_status": "pending", "approved_providers": []}
    )
    assert value.agent_status is AgentStatus.PENDING
    assert value.approval_expires is None


def test_a_public_key_may_be_an_object_or_text() -> None:
    for key in ({"kty": "EC"}, "-----BEGIN PUBLIC KEY-----"):
        sample = {**samples()["AgentIdentityDocument"], "public_key": key}
        assert AgentIdentityDocument.from_dict(sample).public_key == key


def test_the_grant_type_fills_itself_in_and_is_checked() -> None:
    sample = samples()["TokenExchangeRequest"]
    del sample["grant_type"]
    request = TokenExchangeRequest(**sample)
    assert request.to_dict()["grant_type"] == "authorization_code"
    with pytest.raises(ValueError, match=r"^grant_type: ") as caught:
        TokenExchangeRequest.from_dict({**sample, "grant_type": CANARY})
    assert CANARY not in str(caught.value)


# Models are fit to be held, printed and logged.


SECRETS = [
    (component, name)
    for component in OBJECTS
    for name, schema in fields(component).items()
    if schema.get("x-ath-secret")
]


@pytest.mark.parametrize(("component", "field"), SECRETS)
def test_no_secret_is_in_a_repr(component: str, field: str) -> None:
    value = model(component).from_dict({**samples()[component], field: CANARY})
    assert getattr(value, field) == CANARY
    assert CANARY not in repr(value)


def test_fields_are_given_by_name() -> None:
    with pytest.raises(TypeError):
        TokenRevocationRequest("token")  # type: ignore[call-arg] # pyright: ignore
    for component in OBJECTS:
        parameters = inspect.signature(model(component)).parameters.values()
        assert {parameter.kind for parameter in parameters} == {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize("component", OBJECTS)
def test_models_have_slots(component: str) -> None:
    assert not hasattr(model(component).from_dict(samples()[component]), "__dict__")


def test_names_are_those_of_the_spec() -> None:
    request = AgentRegistrationRequest.from_dict(samples()["AgentRegistrationRequest"])
    assert request.developer.id == "dev-1"
    assert (ErrorBody.__module__, ATHErrorCode.__module__) == (
        "ath_api.models.error_body",
        "ath_api.models.ath_error_code",
    )
    assert {model(component).__name__ for component in SCHEMAS} == {*SCHEMAS, "ErrorBody"} - {
        "ATHError"
    }
    assert ServiceAuthConfig.from_dict(samples()["ServiceAuthConfig"]).type == "oauth2"
