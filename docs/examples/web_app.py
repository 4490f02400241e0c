"""A web application whose users let it read their GitHub repositories.

It serves many users from several workers. All workers share one store, so that a user may start at
one worker, come back from the consent page to another one, and be served by a third.

Needs: the SDK, fastapi, uvicorn, itsdangerous and python-multipart. Start it with

    uvicorn --workers 3 --app-dir docs/examples web_app:app

and with these variables in the environment:

    ATH_URL           the gateway
    ATH_AGENT_ID      the URL of the agent's identity document
    ATH_PRIVATE_KEY   the agent's private key, PEM
    ATH_CREDENTIALS   a folder that all workers share
    BASE_URL          where browsers reach this application, such as https://app.example.com
    SESSION_SECRET    signs the cookie that says who is logged in; the same for all workers
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape
from typing import Annotated

from fastapi import Depends, FastAPI, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.middleware.sessions import SessionMiddleware

from ath import AgentKey, AsyncATHGatewayClient, ATHError, FolderStore

PROVIDER = "github"
SCOPES = ["read:user"]
CALLBACK = os.environ["BASE_URL"] + "/callback"

agent = AsyncATHGatewayClient(
    os.environ["ATH_URL"],
    os.environ["ATH_AGENT_ID"],
    AgentKey.from_env("ATH_PRIVATE_KEY"),
    credentials=FolderStore(os.environ["ATH_CREDENTIALS"]),
)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Register the agent before the first request; of all workers, one does."""
    async with agent:
        await agent.ensure_registered(
            developer={"name": "Acme", "id": "acme"},
            providers=[{"provider_id": PROVIDER, "scopes": SCOPES}],
            redirect_uris=[CALLBACK],
        )
        yield


app = FastAPI(lifespan=lifespan)
# SameSite=Lax, which is the default: other sites cannot post forms in a user's name, and the cookie
# still comes along when the consent page sends the browser back.
app.add_middleware(
    SessionMiddleware,
    secret_key=os.environ["SESSION_SECRET"],
    https_only=CALLBACK.startswith("https:"),
)


def current_user(request: Request) -> AsyncATHGatewayClient:
    """The agent as the logged-in user's own: no other user's tokens or sessions can be reached."""
    if "user" not in request.session:
        raise HTTPException(401, "Log in first.")
    return agent.for_user(request.session["user"])


User = Annotated[AsyncATHGatewayClient, Depends(current_user)]


@app.post("/login")
async def log_in(request: Request, name: Annotated[str, Form()]) -> RedirectResponse:
    """Stands for your own login, which checks who it is."""
    request.session["user"] = name
    return RedirectResponse("/", status_code=303)


@app.get("/")
async def show_start(request: Request) -> HTMLResponse:
    """The start page: what the user can do next."""
    if "user" not in request.session:
        return page(
            '<form method="post" action="/login"><input name="name"><button>Log in</button>'
        )
    if await current_user(request).grant(PROVIDER, SCOPES):
        return page(
            '<p>GitHub is connected. <a href="/profile">Show my profile</a></p>'
            '<form method="post" action="/disconnect"><button>Disconnect</button></form>'
        )
    return page('<form method="post" action="/connect"><button>Connect GitHub</button></form>')


@app.post("/connect")
async def connect(user: User) -> RedirectResponse:
    """Send the user to the consent page, unless what they have granted already suffices."""
    consent = await user.start_connect(PROVIDER, SCOPES, redirect_uri=CALLBACK)
    return RedirectResponse(consent.authorization_url or "/", status_code=303)


@app.get("/callback")
async def come_back(request: Request, user: User) -> HTMLResponse:
    """Where the consent page sends the browser; whatever a stranger puts there is refused."""
    try:
        await user.complete_authorization(str(request.url))
    except ATHError as error:
        if error.code == "USER_DENIED":
            return page("<p>Nothing was connected, as you wished.</p>")
        # A link that is opened a second time: its session was used by the first.
        if error.code == "SESSION_NOT_FOUND" and await user.grant(PROVIDER, SCOPES):
            return page("<p>GitHub is already connected.</p>")
        return page(f"<p>That did not work ({error.code}). Please try again.</p>", status=400)
    return page("<p>GitHub is connected now.</p>")


@app.get("/profile")
async def show_profile(user: User) -> HTMLResponse:
    """Call the user's API."""
    try:
        profile = await user.proxy(PROVIDER, "GET", "/user")
    except ATHError as error:
        if error.code in ("NO_TOKEN", "TOKEN_EXPIRED", "TOKEN_INVALID", "TOKEN_REVOKED"):
            return page("<p>Please connect GitHub first.</p>", status=409)
        raise
    return page(f"<p>You are {escape(profile['login'])} at GitHub.</p>")


@app.post("/disconnect")
async def disconnect(user: User) -> RedirectResponse:
    """End the user's token, at the gateway and here."""
    await user.revoke(PROVIDER)
    return RedirectResponse("/", status_code=303)


def page(content: str, *, status: int = 200) -> HTMLResponse:
    """A whole page."""
    html = f'<!doctype html><title>Repositories</title><meta charset="utf-8">{content}'
    return HTMLResponse(html, status)
