"""Makes README's table of codes from the code: ``python -m tests.docs.table_of_codes``."""

from __future__ import annotations

from pathlib import Path

from ath.codes import CODES, SOURCES

README = Path(__file__).parents[2] / "README.md"
BEGIN = "<!-- codes: begin (made by python -m tests.docs.table_of_codes) -->\n"
END = "<!-- codes: end -->\n"


def make_table() -> str:
    """The table of the library's codes."""
    rows = [f"| `{code}` | {SOURCES[code]} | {advice} |\n" for code, advice in CODES.items()]
    return "".join(["| code | who says it | what to do |\n", "| --- | --- | --- |\n", *rows])


def replace_table(text: str, table: str) -> str:
    """The text with that table between the two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table}{END}{after}"


if __name__ == "__main__":
    written = README.read_text(encoding="utf-8")
    README.write_text(replace_table(written, make_table()), encoding="utf-8")
