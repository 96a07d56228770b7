"""A few processes that decode uploads within a time limit; one that hangs or crashes is replaced."""

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from feedbackward.errors import FailureError
from feedbackward.preprocessing import Channels
from feedbackward.serving import decode_worker
from feedbackward.serving.request_error import RequestError
from feedbackward.serving.results import Stored
from feedbackward.serving.workers import worker_command, worker_environment

START_SECONDS = 60
"""For a process to start, on a machine under load."""


class Decoders:
    """Decodes images in processes of their own.

    Args:
        count: How many processes; they start when they are needed.
        seconds: The time limit for an image.
        pixels: The most pixels of an image.
        large: Images of more pixels are decoded in bands, and get a reduced copy.
        command: Starts a process.
    """

    def __init__(
        self,
        count: int = 2,
        *,
        seconds: float,
        pixels: float,
        large: float,
        command: Sequence[str] = worker_command(decode_worker),
    ) -> None:
        self._command = [*command, str(pixels)]
        self._seconds, self._pixels, self._large = seconds, pixels, large
        self._free = asyncio.Queue[Process | None]()
        for _ in range(count):
            self._free.put_nowait(None)
        self._running = set[Process]()

    async def decode(self, stored: Stored, channels: Channels) -> None:
        """Decode an uploaded image into the arrays of its folder, in place of the upload.

        Args:
            stored: The upload.
            channels: As in read_image.

        Raises:
            RequestError: 413 if it has too many pixels, 422 if it cannot be decoded, takes too long or crashes its
                decoder.
        """
        paths = {"path": str(stored.upload), "target": str(stored.image), "reduced": str(stored.reduced)}
        limits = {"pixels": self._pixels, "large": self._large}
        answer = await self._ask({**paths, **limits, "channels": channels}, stored.name)
        if "error" in answer:
            raise RequestError(answer["status"], answer["error"].replace(str(stored.upload), stored.name))
        stored.upload.unlink()

    async def close(self) -> None:
        """End all processes."""
        for process in list(self._running):
            self._end(process)
            await process.wait()

    async def _ask(self, job: dict[str, Any], name: str) -> dict[str, Any]:
        process, usable = await self._free.get(), False
        try:
            if process is None:
                process = await self._start()
            answer = await asyncio.wait_for(_answer(process, json.dumps(job)), self._seconds)
            if not answer:
                status = await process.wait()
                raise RequestError(422, f"{name} crashed its decoder (exit status {status}); save it again as PNG")
            usable = True
        except asyncio.TimeoutError:
            raise RequestError(
                422, f"{name} took more than {self._seconds:g} seconds to decode; save it again as PNG or JPEG"
            ) from None
        finally:  # of a request that was canceled too
            if process is not None and not usable:
                self._end(process)
            self._free.put_nowait(process if usable else None)
        answered: dict[str, Any] = json.loads(answer)
        return answered

    async def _start(self) -> Process:
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, stdout=PIPE, env=worker_environment()
        )
        self._running.add(process)
        assert process.stdout is not None
        if await asyncio.wait_for(process.stdout.readline(), START_SECONDS) != decode_worker.READY:
            self._end(process)
            raise FailureError("the process that decodes images does not start; its errors are above")
        return process

    def _end(self, process: Process) -> None:
        self._running.discard(process)
        with suppress(ProcessLookupError):
            process.kill()


async def _answer(process: Process, line: str) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(ConnectionError):  # it has crashed, and there is no answer
        process.stdin.write(line.encode() + b"\n")
        await process.stdin.drain()
    return await process.stdout.readline()
