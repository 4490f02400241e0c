"""What is compared, spoken to in one way: an SDK (whichever is installed here) or plain httpx.

The SDKs are imported inside the functions: fresh processes measure those imports.
"""

AGENT_ID = "https://agent.example.com/.well-known/agent.json"
SCOPES = ["repo", "read:user"]
TOKEN = "ath_tk_0123456789abcdef0123456789abcdef0123456789abcdef"
CALLS_OF_A_HANDSHAKE = 15


def connect(base, key, *, asynchronous=False):
    """A client that nobody has registered yet."""
    import ath

    kind = ath.AsyncATHGatewayClient if asynchronous else ath.ATHGatewayClient
    return kind(url=base, agent_id=AGENT_ID, private_key=key, timeout=60.0)


def ready(base, key, *, asynchronous=False):
    """A client that may call proxy()."""
    client = connect(base, key, asynchronous=asynchronous)
    client.set_credentials("ath_bench_client", "ath_bench_secret")
    client.set_token(TOKEN)
    return client


class Bare:
    """What one writes without an SDK: ``httpx.Client.request``, status checked, JSON parsed."""

    def __init__(self, base):
        import httpx

        self.base, self.http = base, httpx.Client(timeout=60.0)

    def proxy(self, provider, method, path):
        headers = {"Authorization": f"Bearer {TOKEN}", "X-ATH-Agent-ID": AGENT_ID}
        url = f"{self.base}/ath/proxy/{provider}{path}"
        return self.http.request(method, url, headers=headers).raise_for_status().json()


class AsyncBare:
    """The same with ``httpx.AsyncClient.request``."""

    def __init__(self, base):
        import httpx

        self.base, self.http = base, httpx.AsyncClient(timeout=60.0)

    async def proxy(self, provider, method, path):
        headers = {"Authorization": f"Bearer {TOKEN}", "X-ATH-Agent-ID": AGENT_ID}
        url = f"{self.base}/ath/proxy/{provider}{path}"
        response = await self.http.request(method, url, headers=headers)
        return response.raise_for_status().json()


def handshake(client):
    """The whole handshake, fifteen calls; yields what each returns, to be awaited if need be."""
    yield client.discover()
    yield client.register(
        developer={"name": "Bench", "id": "dev-1"},
        providers=[{"provider_id": "github", "scopes": SCOPES}],
        purpose="measuring",
    )
    session = yield client.authorize("github", SCOPES)
    yield client.exchange_token(code="exchange", session_id=session.ath_session_id)
    for _ in range(10):
        yield client.proxy("github", "GET", "/user")
    yield client.revoke()


def go_through(steps):
    """Run the steps of a sync client."""
    result = None
    try:
        while True:
            result = steps.send(result)
    except StopIteration:
        pass


async def ago_through(steps):
    """Run the steps of an async client."""
    result = None
    try:
        while True:
            result = await steps.send(result)
    except StopIteration:
        pass
