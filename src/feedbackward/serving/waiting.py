"""Work that ends when nobody waits for it any more."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.requests import Request

from feedbackward.serving.request_error import RequestError


async def while_waited_for(request: Request, work: Coroutine[Any, Any, None]) -> None:
    """Do the work of a request whose body has been read, and cancel it if the client goes away.

    Raises:
        RequestError: 408 if it goes away; and what the work raises.
    """
    working, leaving = asyncio.create_task(work), asyncio.create_task(_until_gone(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise RequestError(408, "the client went away before the answer")
        await working
    finally:
        working.cancel()
        leaving.cancel()


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
