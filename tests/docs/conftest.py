"""What the documented snippets find around them."""

from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ath.testing import LocalGateway, LocalService

AGENT_ID = "https://your-agent.com/.well-known/agent.json"


@pytest.fixture
def private_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def gateway(private_key: ec.EllipticCurvePrivateKey) -> Iterator[LocalGateway]:
    with LocalGateway() as running:
        running.publish_identity(AGENT_ID, private_key)
        yield running


@pytest.fixture
def service(private_key: ec.EllipticCurvePrivateKey) -> Iterator[LocalService]:
    with LocalService() as running:
        running.publish_identity(AGENT_ID, private_key)
        yield running
