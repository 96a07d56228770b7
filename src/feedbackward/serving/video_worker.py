"""The process that decodes a video: it writes the frames to stdout. Run by `video_reading.read_apart`.

Before each frame comes a line of JSON with its shape and its time, and before the first one a line with the number of
frames. The last line contains an error, or nothing.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import IO, Any

from feedbackward.errors import InputError, printable
from feedbackward.segmenters.video import read_video

FORMATS = "avi,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mpeg,mpegts,mpegvideo"
"""FFmpeg's names of the formats: others, such as playlists, can name further files."""


def main() -> None:
    """Write the frames of the video that the first argument names, within the limits in the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then ends this process
    path, pixels, seconds, frames = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    with os.fdopen(os.dup(1), "wb") as output:
        os.dup2(2, 1)  # what a library prints is no frame
        try:
            _write_frames(path, output, pixels=pixels, seconds=seconds, frames=frames)
        except InputError as error:
            _write_line(output, {"error": printable(error)})
        else:
            _write_line(output, {})


def _write_frames(path: Path, output: IO[bytes], *, pixels: float, seconds: float, frames: int) -> None:
    _write_line(output, {"frames": _count(path, pixels)})
    first = None
    for number, frame in enumerate(read_video(path)):
        first = frame.time if first is None else first
        if number >= frames or frame.time - first > seconds:
            raise InputError(
                f"{path} has more than {frames} frames or {seconds:g} seconds; cut it, or use feedbackward predict"
            )
        _write_line(output, {"shape": frame.image.shape, "time": frame.time})
        output.write(frame.image.tobytes())


def _count(path: Path, pixels: float) -> int:
    """The number of frames that a video says that it has, or 0, once its format and its size are known to be allowed.

    Raises:
        InputError: If they are not.
    """
    try:
        import av
    except ModuleNotFoundError as error:
        raise InputError("videos need PyAV: pip install 'feedbackward[video]'") from error
    try:
        with av.open(str(path), options={"format_whitelist": FORMATS, "protocol_whitelist": "file"}) as container:
            if not container.streams.video:
                raise InputError(f"{path} contains no video; send a video or an image")
            stream = container.streams.video[0]
            if stream.width * stream.height > pixels:
                raise InputError(
                    f"{path} has frames of {stream.height}x{stream.width} (height x width); expected at most "
                    f"{pixels / 1e6:g} megapixels: reduce it"
                )
            seconds = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
            return stream.frames or round(seconds * float(stream.average_rate or 0))
    except av.FFmpegError as error:
        raise InputError(f"{path} cannot be read as a video: {error.strerror}; copy or download it again") from error


def _write_line(output: IO[bytes], data: dict[str, Any]) -> None:
    output.write(json.dumps(data).encode() + b"\n")


if __name__ == "__main__":
    main()
