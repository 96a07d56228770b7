"""Tars behind URLs, read by range requests; apart, since it is the only place that needs the network."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, TypeVar

import aiohttp
import fsspec

from feedbackward.errors import FailureError, InputError, one_line

T = TypeVar("T")
WAITS = (0.5, 2.0, 8.0)
"""Seconds after which a request is made again, if the server or the connection failed."""
CHANGED = 412
"""The status for a file that is not the one that a request is about."""


@dataclass(frozen=True)
class RemoteTar:
    """A tar behind a URL.

    Args:
        url: The URL.
        size: Its number of bytes.
        version: What the server says about its version: ETag and time; if it says nothing, one that is not seen again.
        condition: The headers that make the server refuse a request if the file has changed; none if it cannot tell.
    """

    url: str
    size: int
    version: str
    condition: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return self.url

    @property
    def place(self) -> str:
        """As in Tar."""
        return self.url

    @property
    def state(self) -> str:
        """As in Tar."""
        return f"{self.url} {self.size} {self.version}"

    def read(self, start: int, count: int) -> bytes:
        """As Tar.read."""

        def request() -> bytes:
            with _files().open(self.url, size=self.size, cache_type="none", headers=dict(self.condition)) as file:
                file.seek(start)
                content: bytes = file.read(count)
            if len(content) != count:
                raise ConnectionError(f"the server sent {len(content)} of {count} bytes")
            return content

        if not count:
            return b""
        try:
            return _with_retries(request)
        except ValueError as error:  # of fsspec, for a server that sends the whole file
            raise FailureError(f"{self} cannot be read in parts: {_NO_RANGES}") from error
        except _CONNECTION as error:
            if _status(error) == CHANGED:
                raise FailureError(f"{self} has changed since it was opened; give the same command again") from error
            raise FailureError(
                f"{self} cannot be read: {_reason(error)}; check the connection and try again"
            ) from error


def open_url(url: str) -> RemoteTar:
    """Ask a server about a tar.

    Raises:
        InputError: If the server does not have it, cannot be reached, or does not say that it can be read in parts.
        FailureError: If the server is busy or fails.
    """
    try:
        info = _with_retries(lambda: _files().info(url))
    except ValueError as error:
        raise InputError(f"{url} is not a URL: {one_line(error)}; expected http://HOST/PATH.tar") from error
    except _CONNECTION as error:
        if _is_temporary(_status(error)):
            raise FailureError(f"{url} cannot be read: {_reason(error)}; try again later") from error
        raise InputError(f"{url} cannot be read: {_reason(error)}; expected a tar file behind the URL") from error
    if info["size"] is None or not info.get("partial", True):
        raise InputError(f"{url} cannot be read in parts: {_NO_RANGES}")
    etag, time_of_change = info.get("ETag", ""), info.get("Last-Modified", "")
    version = f"{etag} {time_of_change}".strip() or token_hex(8)
    condition: tuple[tuple[str, str], ...] = ()
    if etag and not etag.startswith("W/"):  # a weak one never matches
        condition = (("If-Match", etag),)
    elif time_of_change:
        condition = (("If-Unmodified-Since", time_of_change),)
    return RemoteTar(url, info["size"], version, condition)


_NO_RANGES = "the server does not support range requests; download the file, and give its path"
_CONNECTION = (aiohttp.ClientError, OSError, TimeoutError)


def _with_retries(request: Callable[[], T]) -> T:
    """Make a request, and make it again if the server or the connection has failed."""
    for wait in WAITS:
        try:
            return request()
        except _CONNECTION as error:
            if (status := _status(error)) is not None and not _is_temporary(status):
                raise
        time.sleep(wait)
    return request()


def _is_temporary(status: int | None) -> bool:
    """Whether a server may answer otherwise later: it is busy or has failed."""
    return status is not None and (status == 429 or status >= 500)


def _cause(error: BaseException) -> BaseException:
    """What fsspec gives as a file that is not found."""
    return error.__cause__ if isinstance(error, FileNotFoundError) and error.__cause__ is not None else error


def _status(error: BaseException) -> int | None:
    cause = _cause(error)
    return cause.status if isinstance(cause, aiohttp.ClientResponseError) else None


def _reason(error: BaseException) -> str:
    cause = _cause(error)
    if isinstance(cause, aiohttp.ClientResponseError):
        return f"the server answered {cause.status} {cause.message}"
    return one_line(cause) or type(cause).__name__


def _files() -> Any:
    # fsspec keeps one for each process, so that connections are not shared after a fork.
    return fsspec.filesystem("http", client_kwargs={"trust_env": True})
