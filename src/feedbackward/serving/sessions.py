"""Sessions: a random cookie tells whose result is whose. Nothing else is known about a visitor."""

import re
from secrets import token_urlsafe

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "feedbackward_session"
_KEY = "feedbackward.session"


class Sessions:
    """Gives each visitor without a session one, as a cookie that no script and no other site can use.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        session = HTTPConnection(scope).cookies.get(COOKIE, "")
        known = re.fullmatch(r"[\w-]{43}", session, re.ASCII) is not None
        scope[_KEY] = session if known else token_urlsafe(32)
        is_visitor = scope["path"] == "/" or scope["path"].startswith("/api/")
        cookie = f"{COOKIE}={scope[_KEY]}; Path=/; HttpOnly; SameSite=Strict"

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and is_visitor and not known:
                MutableHeaders(scope=message).append("Set-Cookie", cookie)
            await send(message)

        await self._app(scope, receive, send_with_cookie)


def session_of(connection: HTTPConnection) -> str:
    """The session of a request."""
    session: str = connection.scope[_KEY]
    return session
