"""Counts requests by their route."""

import time
from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from feedbackward.serving.metrics import Metrics

METHODS = ("GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS")
UNKNOWN = "none"
"""The label of routes and methods that there are not: words of visitors would be labels without end."""


class Measured:
    """Counts each request when its answer is complete.

    Args:
        app: The application.
        metrics: Counts.
        routes: The path of the route of each endpoint.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, routes: Mapping[Any, str]) -> None:
        self._app, self._metrics, self._routes = app, metrics, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        finally:
            route = self._routes.get(scope.get("endpoint"), UNKNOWN)
            method = scope["method"] if route != UNKNOWN and scope["method"] in METHODS else UNKNOWN
            self._metrics.request(method, route, status, time.perf_counter() - started)
