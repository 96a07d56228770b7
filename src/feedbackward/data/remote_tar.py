"""Tars behind URLs, read by range requests; apart, since it is the only place that needs the network."""

import time
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import aiohttp
import fsspec

from feedbackward.errors import FailureError, InputError, one_line

WAITS = (0.5, 2.0, 8.0)
"""Seconds after which a request is made again, if the server or the connection failed."""


@dataclass(frozen=True)
class RemoteTar:
    """A tar behind a URL.

    Args:
        url: The URL.
        size: Its number of bytes.
        version: What the server says about its version: ETag and time; if it says nothing, one that is not seen again.
        etag: Its ETag if the server compares it with that of a request; otherwise empty.
    """

    url: str
    size: int
    version: str
    etag: str

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
        if not count:
            return b""
        for wait in (*WAITS, None):
            try:
                content = self._request(start, count)
            except ValueError as error:  # of fsspec, for a server that sends the whole file
                raise FailureError(f"{self} cannot be read in parts: {_NO_RANGES}") from error
            except aiohttp.ClientResponseError as error:
                if error.status == 412:
                    raise FailureError(
                        f"{self} has changed since it was opened; give the same command again"
                    ) from error
                reason, again = (
                    f"the server answered {error.status} {error.message}",
                    error.status in (429, *range(500, 600)),
                )
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                reason, again = one_line(error) or type(error).__name__, True
            else:
                if len(content) == count:
                    return content
                reason, again = f"the server sent {len(content)} of {count} bytes", True
            if wait is None or not again:
                break
            time.sleep(wait)
        raise FailureError(f"{self} cannot be read: {reason}; check the connection and try again")

    def _request(self, start: int, count: int) -> bytes:
        headers = {"If-Match": self.etag} if self.etag else {}
        with _files().open(self.url, size=self.size, cache_type="none", headers=headers) as file:
            file.seek(start)
            content: bytes = file.read(count)
        return content


def open_url(url: str) -> RemoteTar:
    """Ask a server about a tar.

    Raises:
        InputError: If the server does not have it, or does not say that it can be read in parts.
    """
    try:
        info = _files().info(url)
    except FileNotFoundError as error:
        cause = error.__cause__
        said = (
            f"the server answered {cause.status} {cause.message}"
            if isinstance(cause, aiohttp.ClientResponseError)
            else one_line(cause)
        )
        raise InputError(f"{url} cannot be read: {said}; expected a tar file behind the URL") from error
    except ValueError as error:
        raise InputError(f"{url} is not a URL: {one_line(error)}; expected http://HOST/PATH.tar") from error
    if info["size"] is None or not info.get("partial", True):
        raise InputError(f"{url} cannot be read in parts: {_NO_RANGES}")
    version = " ".join(str(info[key]) for key in ("ETag", "Last-Modified") if key in info) or token_hex(8)
    etag = info.get("ETag", "")
    return RemoteTar(url, info["size"], version, "" if etag.startswith("W/") else etag)  # a weak one never matches


_NO_RANGES = "the server does not support range requests; download the file, and give its path"


def _files() -> Any:
    # fsspec keeps one for each process, so that connections are not shared after a fork.
    return fsspec.filesystem("http", client_kwargs={"trust_env": True})
