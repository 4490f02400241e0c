"""Generate for real each n-th row of construct_rows, use what came out, and report as JSON lines.

Each row's package has a name of its own, so that one process can hold them all.
"""

from __future__ import annotations

import importlib
import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from _codegen import build, proof, rules  # noqa: E402
from _codegen.document import Document, Refused  # noqa: E402
from construct_rows import ROWS, Row  # noqa: E402


def make(row: Row, package: Path) -> str:
    """The refusal; empty if the row's spec became a package that holds the proof."""
    path = package.with_suffix(".json")
    path.write_text(json.dumps(row.spec), encoding="utf-8")
    try:
        document = Document(path)
        rules.check(document)
        made = build.generate(document, ROOT / "spec", package)
    except Refused as refused:
        return str(refused)
    return "\n".join(proof.Proof(package.name, *made).all())


class Use:
    """What the rows' programs are written with."""

    def __init__(self, package: Path) -> None:
        self.package = package
        name = package.name
        self.models = importlib.import_module(f"{name}.models")
        self.api = {
            path.stem: importlib.import_module(".".join([name, "api", path.parent.name, path.stem]))
            for path in package.glob("api/*/*.py")
            if path.stem != "__init__"
        }

    def text(self, path: str) -> str:
        return self.package.joinpath(path).read_text("utf-8")

    def thing(self, **fields: Any) -> Any:
        return self.models.Thing.from_dict({"id": "1", **fields})

    def reads(self, **fields: Any) -> None:
        """The fields are read, and written as they were."""
        thing = self.thing(**fields)
        assert thing.additional_properties == {}, thing.additional_properties
        written = json.loads(json.dumps(thing.to_dict()))
        assert written.items() >= fields.items(), written
        assert thing == self.models.Thing.from_dict(written)

    def wrong(self, message: str, **fields: Any) -> None:
        self.fails(self.models.Thing, {"id": "1", **fields}, message)

    def fails(self, model: Any, document: Any, message: str) -> None:
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared
            model.from_dict(document)
        assert str(caught.value).startswith(message), str(caught.value)

    def call(self, operation: str, **arguments: Any) -> Any:
        return self.api[operation].prepare(**arguments)

    def query(self, operation: str, **arguments: Any) -> Any:
        return self.call(operation, **arguments).query

    def sent(self, operation: str, **arguments: Any) -> Any:
        """The request that goes out, through httpx."""
        seen: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            seen.append(request)
            return httpx.Response(500)

        client = importlib.import_module(f"{self.package.name}.client").Client(
            base_url="https://example.com", httpx_args={"transport": httpx.MockTransport(answer)}
        )
        self.api[operation].sync_detailed(client=client, **arguments)
        return seen[0]

    def answer(
        self,
        operation: str,
        status: int,
        document: Any = None,
        content: bytes | None = None,
        headers: Any = None,
    ) -> Any:
        given = {"id": "1"} if operation == "read_thing" else {"body": self.thing()}
        body = json.dumps(document).encode() if content is None else content
        return self.call(operation, **given).response(status, headers or {}, body)

    @staticmethod
    def raises(kind: type[Exception], function: Callable[[], Any]) -> None:
        with pytest.raises(kind):
            function()


def run(row: Row, package: Path) -> dict[str, Any]:
    """What became of the row."""
    refusal = make(row, package)
    failure = ""
    if row.right is not None and not refusal:
        use = Use(package)
        names = {name: getattr(use, name) for name in dir(use) if not name.startswith("_")}
        try:
            exec(row.right, names)
        except Exception:
            failure = traceback.format_exc(limit=-2)
    return {"name": row.name, "refusal": refusal, "failure": failure}


if __name__ == "__main__":
    folder, start, step = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    sys.path.insert(0, str(folder))
    for number in range(start, len(ROWS), step):
        row = ROWS[number]
        try:
            result = run(row, folder / f"row_{number:03}")
        except Exception:
            result = {"name": row.name, "refusal": "", "failure": traceback.format_exc()}
        print(json.dumps(result), flush=True)
