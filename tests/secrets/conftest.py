"""A server that answers every request with an empty JSON object until a test says otherwise."""

from __future__ import annotations

import pytest

from tests.harness.server import Server, raw_answer


@pytest.fixture
def server(server: Server) -> Server:
    server.answer_all(raw_answer(b"{}"))
    return server
