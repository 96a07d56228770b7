"""Reading the frames of an uploaded video, which a process of their own decodes."""

import itertools
import json
import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from threading import Event, Timer
from typing import IO, Any

import numpy as np

from feedbackward.segmenters.video import Frame
from feedbackward.serving import video_worker
from feedbackward.serving.limits import Limits
from feedbackward.serving.request_error import RequestError
from feedbackward.serving.workers import worker_command, worker_environment


def read_apart(
    path: Path, *, name: str, limits: Limits, progress: Callable[[float], None], stop: Event
) -> Iterator[Frame]:
    """Read the frames of a video one by one, decoded by another process.

    Args:
        path: The video.
        name: What messages call it.
        limits: Of its frames, their size, and the time to decode one.
        progress: Called with the share of frames that were read, if the video tells their number.
        stop: Ends reading.

    Raises:
        RequestError: 422 if it cannot be decoded, is beyond the limits, or was stopped.
    """
    most = limits.megapixels * 1e6, limits.video_seconds, limits.video_frames
    command = [*worker_command(video_worker), str(path), *map(str, most)]
    with Popen(command, stdin=DEVNULL, stdout=PIPE, env=worker_environment()) as process:

        def read(take: Callable[[IO[bytes]], bytes]) -> bytes:
            assert process.stdout is not None
            timer = Timer(limits.decode_seconds, process.kill)
            timer.start()
            try:
                return take(process.stdout)
            finally:
                timer.cancel()

        def head() -> dict[str, Any]:
            line = read(lambda output: output.readline())
            if not line.endswith(b"\n"):
                raise RequestError(422, f"{name} crashed or stopped its decoder; save it again as MP4")
            found: dict[str, Any] = json.loads(line)
            if "error" in found:
                raise RequestError(422, found["error"].replace(str(path), name))
            return found

        try:
            count = head()["frames"]
            for number in itertools.count(1):
                if not (frame := head()):
                    return
                size = math.prod(frame["shape"])
                pixels = np.frombuffer(bytearray(read(partial(_take, size))), np.uint8).reshape(frame["shape"])
                yield Frame(pixels, frame["time"])
                progress(min(1.0, number / count) if count else 0.0)
                if stop.is_set():
                    raise RequestError(422, f"{name} was not segmented to its end, as nobody waited for it")
        finally:
            process.kill()


def _take(size: int, output: IO[bytes]) -> bytes:
    return output.read(size)
