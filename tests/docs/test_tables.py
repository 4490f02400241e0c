"""The tables and numbers of the guides are those of the code and of the runs they describe."""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ath_api import Client

import ath
from ath import CODES, ATHErrorCode, ATHGatewayClient, RetryPolicy
from ath import retry as rules
from ath._client.held_record import KEPT_RECORDS
from ath._http.connection import MAX_FIELDS, MAX_HEAD
from ath._http.idle import KEPT_IDLE, MAX_OPEN
from ath._protocol.attestation import BACKDATED, LIFETIME
from ath._protocol.context import _EXPIRY_MARGIN
from ath._protocol.failures import MAX_ERROR_BODY, WILD_CODES
from ath.codes import SOURCES
from ath.stores.record import EARLIER_REGISTRATIONS, SESSION_LIFETIME
from ath.testing import LocalGateway

from . import tables
from .conftest import AGENT_ID
from .guides import ROOT, read

ANEW = "make it anew: python -m tests.docs.tables"


def guide(name: str) -> str:
    return read(ROOT / "docs" / name)


def cells(text: str, first: str) -> list[list[str]]:
    """The rows of the table whose head begins with that cell."""
    lines = re.split(r"\n(?!\|)", text[text.index(f"| {first} |") :])[0].splitlines()
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines[2:]]


def test_the_table_of_codes_is_the_codes() -> None:
    text = guide("errors.md")
    assert tables.replace_table(text, "codes", tables.make_codes()) == text, ANEW


def test_the_table_of_imports_is_the_one_that_is_enforced() -> None:
    text = guide("architecture.md")
    assert tables.replace_table(text, "imports", tables.make_imports()) == text, ANEW


def test_the_numbers_of_cases_are_those_that_pytest_collects() -> None:
    text = guide("reliability.md")
    counted = tables.count_cases()
    in_words = re.compile(r"[\d,]* \|$", re.MULTILINE)
    made = tables.replace_table(text, "promises", tables.make_promises(counted))
    assert in_words.sub("", made) == in_words.sub("", text), ANEW
    rows = cells(text, "promise")
    for (_, _, places), row in zip(tables.PROMISES, rows, strict=True):
        if places:
            number = sum(counted[place] for place in places)
            stated = int(row[2].replace(",", ""))
            assert stated <= number < 1.25 * stated, f"{row[0]}: {number}; {ANEW}"


def test_the_tests_that_stand_behind_a_promise_are_there() -> None:
    for _, tests, _ in tables.PROMISES:
        for name in re.findall(r"tests/[\w./]+", tests):
            assert (ROOT / name).exists(), name


def test_the_tables_of_performance_have_the_rows_that_are_measured() -> None:
    program = """
import json, sys
sys.path.insert(0, "scripts/_bench")
from report import BEGIN, END
from rows import ROWS
print(json.dumps([BEGIN, END, [[row.title, *map(str, row.targets.values())] for row in ROWS]]))
"""
    printed = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, capture_output=True, encoding="utf-8", check=True, timeout=60,
    ).stdout  # fmt: skip
    begin, end, rows = json.loads(printed)
    text = guide("performance.md")
    shown = text.partition(begin)[2].partition(end)[0]
    lines = [line for line in shown.splitlines() if line.startswith("| ")]
    titles = [line.strip("| ").split(" | ")[0].strip() for line in lines]
    heads = [title for title in titles if title.startswith(("measure", "growth", "saving"))]
    assert [title for title in titles if title not in heads] == [row[0] for row in rows]
    for line in lines:
        for found, target, verdict in re.findall(r"([\d.]+) \([^)]*\)\s*\| ≤ ([\d.]+) (\w+)", line):
            if float(found) != float(target):  # then the digits that are not shown decide
                assert (float(found) < float(target)) == (verdict == "met"), line
    assert "Measured on: python 3." in shown


def test_the_bench_writes_its_tables_between_the_marks_of_the_guide(tmp_path: Path) -> None:
    copy = tmp_path / "performance.md"
    copy.write_text(guide("performance.md"), encoding="utf-8")
    program = """
import sys
from pathlib import Path
sys.path.insert(0, "scripts/_bench")
import report
report.write(Path(sys.argv[1]), "| new |\\n")
"""
    subprocess.run([sys.executable, "-c", program, str(copy)], cwd=ROOT, check=True, timeout=60)
    before, after = guide("performance.md"), read(copy)
    assert "| new |\n<!-- bench: end -->" in after
    assert before.partition("<!-- bench: begin")[0] == after.partition("<!-- bench: begin")[0]
    assert before.partition("bench: end -->")[2] == after.partition("bench: end -->")[2]


def test_the_way_of_a_call_is_the_way_that_a_call_takes(
    gateway: LocalGateway, private_key: Any
) -> None:
    with ATHGatewayClient(gateway.url, AGENT_ID, private_key) as client:
        client.register(
            developer={"name": "Acme", "id": "acme"},
            providers=[{"provider_id": "github", "scopes": ["read:user"]}],
        )
        auth = client.authorize("github", ["read:user"])
        gateway.approve(auth.authorization_url)
        client.exchange_token("exchange", auth.ath_session_id)
        client.proxy("github", "GET", "/user")
        entered = files_entered(lambda: client.proxy("github", "GET", "/user"))
    shown = [row[0].strip("`") for row in cells(guide("architecture.md"), "file")]
    assert shown == entered


def files_entered(call: Callable[[], object]) -> list[str]:
    """The files of ath/ in the order in which the call enters them, in this thread."""
    home, entered = Path(ath.__file__).parent, dict[str, None]()

    def note(frame: Any, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(home):
            entered.setdefault(path.relative_to(home).as_posix())

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(before)
    return list(entered)


def test_the_table_of_options_is_the_signature_of_the_clients() -> None:
    shown = dict[str, str]()
    for row in cells(guide("clients.md"), "option"):
        name, _, default = row[0].strip("`").partition("=")
        shown[name] = default
    parameters = inspect.signature(ATHGatewayClient).parameters
    assert set(shown) == set(parameters) - {"url", "agent_id"}
    for name, default in shown.items():
        value = parameters[name].default
        if default:
            assert eval(default, {"RetryPolicy": RetryPolicy}) == value, name
        else:
            assert value is inspect.Parameter.empty, name


def test_the_table_of_repetitions_is_the_rules() -> None:
    rows = {row[0]: row[1] for row in cells(guide("reliability.md"), "call")}
    by_rule = {
        "GET": rules.READ, "PUT": rules.IDEMPOTENT, "POST": rules.WRITE,
        "`register`": rules.REGISTER, "`exchange_token`": rules.EXCHANGE,
    }  # fmt: skip
    for name, rule in by_rule.items():
        [said] = [after for calls, after in rows.items() if name in calls.split(", ")]
        assert {int(status) for status in re.findall(r"\d{3}", said)} == rule.statuses, name
        assert ("Retry-After" in said) == rule.only_when_told, name
        assert ("connection failure" in said) == rule.lost, name
        assert ("timeout" in said) == rule.timed_out, name


POLICY = RetryPolicy()
LOW_LEVEL_TIMEOUT = inspect.signature(Client).parameters["timeout"].default
NUMBERS = [
    ("security.md", f"at most {MAX_OPEN} calls in flight"),
    ("security.md", f"idle for {KEPT_IDLE:.0f} seconds"),
    ("performance.md", f"open for {KEPT_IDLE:.0f} seconds"),
    ("security.md", f"header fields ({MAX_FIELDS}) and their bytes ({MAX_HEAD // 1024} KiB)"),
    ("security.md", f"body of an error {MAX_ERROR_BODY // 1024} KiB are looked at"),
    ("security.md", f"valid for {LIFETIME // 60} minutes"),
    ("migrating.md", f"valid for {LIFETIME // 60} minutes, dated {BACKDATED} seconds back"),
    ("credentials.md", f"the {KEPT_RECORDS:,} records used last"),
    ("credentials.md", f"expires within {_EXPIRY_MARGIN:.0f} seconds"),
    ("credentials.md", f"the last {['', 'one', 'two', 'three'][EARLIER_REGISTRATIONS]} before it"),
    ("reliability.md", f"{['', '', 'two', 'three'][POLICY.attempts]} attempts with pauses"),
    ("reliability.md", f"up to {POLICY.base}, {2 * POLICY.base} … {POLICY.maximum:.0f} seconds"),
    ("reliability.md", f"`total` ({POLICY.total:.0f} seconds)"),
    ("low-level.md", f"waits {LOW_LEVEL_TIMEOUT:.0f} seconds for each connect, read and write"),
    ("clients.md", f"{['', 'ten'][SESSION_LIFETIME == 600]} minutes at most"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "words"), NUMBERS)
def test_a_number_in_a_guide_is_the_codes(name: str, words: str) -> None:
    assert words in " ".join(guide(name).split())


def test_every_code_says_who_says_it() -> None:
    assert SOURCES.keys() == CODES.keys()
    for code, sources in SOURCES.items():
        words = sources.split(", ")
        assert words == sorted(set(words)), code
        assert set(words) <= {"client", "implementor", "provider"}, code


def test_what_the_client_says_is_what_the_code_raises() -> None:
    files = (path for path in (ROOT / "ath").rglob("*.py") if "testing" not in path.parts)
    raised = {
        node.args[0].value
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "ATHError"
        and isinstance(node.args[0], ast.Constant)
    }
    said = {code for code, sources in SOURCES.items() if "client" in sources}
    assert said <= raised
    assert raised - said == {"CONFLICT", "PROVIDER_ERROR"}  # those repeat what a server said


def test_what_implementors_say_includes_every_code_of_the_specification() -> None:
    for code in {*ATHErrorCode.__members__.values(), *WILD_CODES}:
        assert "implementor" in SOURCES[code], code
