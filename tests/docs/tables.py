"""Makes the guides' tables from what they describe: ``python -m tests.docs.tables``.

Each table stands between two marks. The numbers of cases are rounded down to two digits, so that
one more test does not change a guide.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from ath.codes import CODES, SOURCES
from tests.unit.test_imports import OPEN_MODULES, PARTS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MADE_BY = "made by python -m tests.docs.tables"

# A promise, the tests behind it in words, and where they are counted ("" for: not a number).
PROMISES = [
    (
        "the right outcome under each fault, and no side effect twice",
        "`tests/faults`: ten calls, sync and async, over http and https, through a server that "
        "refuses, resets, stalls, sends slowly, garbles, loses replies, delivers twice; TLS, DNS "
        "and proxy failures; it prints the counts",
        ["tests/faults/test_faults_before_the_wire.py", "tests/faults/test_faults_on_the_wire.py"],
    ),
    (
        "an interrupted or cancelled call, and a fork, leave the client usable",
        "`tests/faults`",
        ["tests/faults/test_faults_interrupted.py"],
    ),
    (
        "an answer reaches only its own call; every wait, every answer and the idle connections "
        "are bounded",
        "`tests/http`: the HTTP layer alone, from bytes in memory and from a hostile server, over "
        "TLS too",
        ["tests/http"],
    ),
    (
        "what may be repeated after which failure, and how long to wait",
        "`tests/unit/test_retry.py`: the whole table",
        ["tests/unit/test_retry.py"],
    ),
    (
        "a request goes exactly where it should, or nowhere",
        "`tests/hostile`: known tricks and Hypothesis, judged on the bytes that a server receives",
        ["tests/hostile/test_hostile_arguments.py"],
    ),
    (
        "whatever a server answers: the right value or `ATHError`, in bounded time and memory; a "
        "malformed optional field never costs you the client secret",
        "`tests/hostile`",
        ["tests/hostile/test_hostile_replies.py"],
    ),
    (
        "no secret anywhere",
        "`tests/secrets`: planted ones, searched for in everything that comes of a failure",
        ["tests/secrets"],
    ),
    (
        "one user's token never serves another, and each worker serves what another one wrote",
        "`tests/client/test_client_views_by_search.py`, "
        "`tests/client/test_client_workers_by_search.py`, `tests/unit/test_users_apart.py`: "
        "Hypothesis state machines over interleavings, restarts and stores",
        [],
    ),
    (
        "each MUST of an implementor is enforced by the local gateway",
        "`tests/implementor`, from a hostile client",
        ["tests/implementor"],
    ),
    (
        "workers that share a store see each other's changes, and no user has to consent again "
        "without need",
        "`tests/fleet`: processes and users on one store",
        ["tests/fleet"],
    ),
    (
        "nothing acknowledged is lost",
        "`tests/durability`: 8 processes on one file, each with many updates, and writers killed "
        "at random moments",
        [],
    ),
]
COUNTED = sorted({place for _, _, places in PROMISES for place in places})


def count_cases() -> Counter[str]:
    """How many tests pytest collects in each place that the table of promises counts."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    result = subprocess.run(
        [*command, *COUNTED], cwd=ROOT, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-2_000:] + result.stderr
    files = re.findall(r"^(tests/\S+?\.py)::", result.stdout, re.MULTILINE)
    return Counter(place for file in files for place in COUNTED if file.startswith(place))


def round_down(number: int) -> int:
    """The number, with zeros after its first two digits."""
    unit = 10 ** max(0, len(str(number)) - 2)
    return number // unit * unit


def make_promises(cases: Counter[str]) -> str:
    """The table of promises."""
    rows = []
    for promise, tests, places in PROMISES:
        number = sum(cases[place] for place in places)
        rows.append((promise, tests, f"{round_down(number):,}" if places else ""))
    return as_table("promise", "tested by", "cases, at least", rows=rows)


def make_codes() -> str:
    """The table of the library's codes."""
    rows = [(f"`{code}`", SOURCES[code], advice) for code, advice in CODES.items()]
    return as_table("code", "who says it", "what to do", rows=rows)


def make_imports() -> str:
    """The table of who may import whom."""
    rows = []
    for part, others in PARTS.items():
        named = [
            f"`{other}` ({', '.join(f'`{module}`' for module in sorted(modules))} only)"
            if (modules := OPEN_MODULES.get((part, other)))
            else f"`{other}`"
            for other in sorted(others)
        ]
        rows.append((f"`{part}`", ", ".join(named) or "nothing"))
    return as_table("part", "may import, besides itself", rows=rows)


def as_table(*head: str, rows: list[tuple[str, ...]]) -> str:
    """Rows in Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def replace_table(text: str, name: str, table: str) -> str:
    """The text with that table between its marks."""
    begin, end = f"<!-- {name}: begin ({MADE_BY}) -->\n", f"<!-- {name}: end -->\n"
    assert text.count(begin) == text.count(end) == 1, f"the marks of the table {name!r}"
    before, _, rest = text.partition(begin)
    return f"{before}{begin}{table}{end}{rest.partition(end)[2]}"


def main() -> None:
    """Write the tables into the guides."""
    tables = {
        "errors.md": ("codes", make_codes()),
        "architecture.md": ("imports", make_imports()),
        "reliability.md": ("promises", make_promises(count_cases())),
    }
    for guide, (name, table) in tables.items():
        text = (DOCS / guide).read_text(encoding="utf-8")
        (DOCS / guide).write_text(replace_table(text, name, table), encoding="utf-8")


if __name__ == "__main__":
    main()
