"""The application: the routes of the API, and the page if it is wanted, behind guards."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from feedbackward.errors import InputError
from feedbackward.serving.guards import Guards
from feedbackward.serving.measured import Measured
from feedbackward.serving.request_error import explained
from feedbackward.serving.routes import ROUTES
from feedbackward.serving.service import Service
from feedbackward.serving.sessions import Sessions
from feedbackward.viz.pages import VIEWER

PAGE = Path(__file__).parent / "page"
EXPIRE_SECONDS = 30.0
"""How often results are looked through for old ones."""
RETRY_SECONDS = "3"


def create_app(
    service: Service, *, page: bool, hosts: Collection[str] | None, origins: Collection[str] = ()
) -> ASGIApp:
    """Create the application. It closes the service when it ends.

    Args:
        service: Does the work.
        page: Whether to serve the page too.
        hosts: The names that requests may be for; None for any.
        origins: The names of hosts behind which the server is.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        expiring = asyncio.create_task(_expire(service))
        try:
            yield
        finally:
            expiring.cancel()
            await service.close()

    files = StaticFiles(directory=PAGE, packages=[("feedbackward.viz", VIEWER.name)])
    shown = [Route("/", _index), Mount("/page", files)] if page else []
    starlette = Starlette(
        routes=[*shown, *ROUTES],
        lifespan=lifespan,
        exception_handlers={HTTPException: _refused, InputError: _failed, OSError: _failed, Exception: _failed},
    )
    starlette.state.service = service
    routes = {route.endpoint: route.path for route in ROUTES}
    guarded = Guards(Sessions(starlette), hosts=hosts, origins=origins)
    return Measured(guarded, metrics=service.metrics, routes=routes)


async def _expire(service: Service) -> None:
    while True:
        await asyncio.sleep(EXPIRE_SECONDS)
        service.results.expire()


async def _index(_: Request) -> Response:
    return FileResponse(PAGE / "index.html")


async def _refused(request: Request, error: Exception) -> Response:
    """What the router refuses: an unknown path, or another method."""
    assert isinstance(error, HTTPException)
    reasons = {
        404: f"there is nothing at {request.url.path}; see /openapi.json",
        405: f"{request.method} is not for {request.url.path}; see /openapi.json",
    }
    message = reasons.get(error.status_code, error.detail)
    return JSONResponse({"error": message}, error.status_code, error.headers)


async def _failed(_: Request, error: Exception) -> Response:
    problem = explained(error)
    headers = {"Retry-After": RETRY_SECONDS} if problem.status == 503 else None
    return JSONResponse({"error": str(problem)}, problem.status, headers)
