"""What keeps other web pages away from the server, and its answers from other sites: checks and headers."""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guards:
    """Refuses requests for other hosts and from other sites.

    A page of another site could otherwise have its name resolved to this machine (DNS rebinding), or send requests with
    the visitor's browser.

    Args:
        app: The application.
        hosts: The names that requests may be for; None for any.
        origins: The names of hosts behind which this server is, such as that of a reverse proxy.
    """

    def __init__(self, app: ASGIApp, *, hosts: Collection[str] | None, origins: Collection[str]) -> None:
        self._app, self._hosts, self._origins = app, hosts, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        if refusal := self._refusal(scope["method"], Headers(scope=scope)):
            response = JSONResponse({"error": refusal}, 403)
            await response(scope, receive, send_guarded)
        else:
            await self._app(scope, receive, send_guarded)

    def _refusal(self, method: str, headers: Headers) -> str:
        """Why a request is refused; empty if it is not."""
        host, origin = headers.get("host", ""), headers.get("origin")
        name = _name_of(f"//{host}")
        if self._hosts is not None and name not in self._hosts:
            return f"this server is not {name!r}; expected one of {', '.join(sorted(self._hosts))}: see --allow-host"
        if method in SAFE_METHODS:
            return ""
        foreign = origin is not None and origin.partition("//")[2] != host and _name_of(origin) not in self._origins
        if foreign or headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            return "a page of another site sent this request; expected one of this server, or none"
        return ""


def _name_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # of brackets that do not match
        return ""
