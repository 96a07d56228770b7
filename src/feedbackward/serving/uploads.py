"""Receiving uploads: the bytes of a file as the body of a request, written to the disk as they come."""

import asyncio
from pathlib import PurePath

import anyio
from starlette.requests import ClientDisconnect, Request

from feedbackward.errors import printable
from feedbackward.serving.limits import Limits
from feedbackward.serving.request_error import RequestError
from feedbackward.serving.results import Results, Stored

LONGEST_NAME = 120
"""The longest name of an upload that is kept, in characters."""


def upload_name(request: Request) -> str:
    """The name of an upload, without folders; "image" if the request gives none."""
    name = PurePath(request.query_params.get("name", "").replace("\\", "/")).name
    return printable(name)[-LONGEST_NAME:] or "image"


def check_upload(request: Request, limits: Limits) -> None:
    """Refuse, by the headers of a request, an upload that is no single file, or too large.

    Raises:
        RequestError: 413 or 415.
    """
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/"):
        raise RequestError(415, "the body is a form; expected the bytes of an image: curl --data-binary @FILE")
    if (size := int(request.headers.get("content-length", 0))) > limits.upload_bytes:
        raise too_large(size, limits)


def too_large(size: int, limits: Limits) -> RequestError:
    """The error of an upload of too many bytes; of one without end they are those that were received."""
    most = limits.upload_bytes / 2**20
    return RequestError(
        413, f"the upload has {size / 2**20:.1f} MiB or more; expected at most {most:.4g} MiB: send a smaller file"
    )


async def receive(request: Request, stored: Stored, results: Results, limits: Limits) -> None:
    """Write the body of a request to the file of an upload.

    Raises:
        RequestError: 400 if the body is empty or ends early, 408 if it takes too long, 413 if it is too large, 503 if
            there are too many uploads.
    """
    try:
        await asyncio.wait_for(_receive(request, stored, results, limits), limits.receive_seconds)
    except asyncio.TimeoutError:
        raise RequestError(
            408, f"the upload took more than {limits.receive_seconds:g} seconds; send a smaller file"
        ) from None
    except ClientDisconnect:
        raise RequestError(400, "the upload ended early; send it again") from None
    if not stored.bytes:
        raise RequestError(400, "the body is empty; expected the bytes of an image or a video")


async def _receive(request: Request, stored: Stored, results: Results, limits: Limits) -> None:
    async with await anyio.open_file(stored.upload, "wb") as file:
        async for chunk in request.stream():
            results.make_room(stored, len(chunk))
            if stored.bytes > limits.upload_bytes:
                raise too_large(stored.bytes, limits)
            await file.write(chunk)
