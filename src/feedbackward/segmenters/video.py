"""Video files through PyAV: reading frames, and writing overlays. One frame is in memory at a time."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from feedbackward.errors import InputError
from feedbackward.io import write_whole
from feedbackward.segmenters.outputs import OutputOptions
from feedbackward.segmenters.result import Result
from feedbackward.text_files import open_file
from feedbackward.viz.pictures import with_legend

WRITTEN_SUFFIXES = (".mp4", ".webm")
"""Suffixes of the videos that can be written."""
MOST_MISSING = 1.0
"""Seconds by which a video may be shorter than it says: some end with a pause, and not every writer counts right."""

_THREADS = 1
"""Threads that convert colors. A process that is forked meanwhile, such as a worker of a training, would wait for more,
which it does not have, when it frees a frame."""
_TICK = Fraction(1, 90_000)
"""The unit of time in the files, in seconds."""

_SPEED = {"deadline": "realtime", "cpu-used": "6", "row-mt": "1"}
_QUALITY = {"crf": "24", "b": "0"}
"""Constant quality, of any bit rate."""


@dataclass(frozen=True)
class Frame:
    """A frame of a video.

    Args:
        image: uint8 (H, W, 3), RGB, upright.
        time: When it is shown, in seconds.
    """

    image: NDArray[np.uint8]
    time: float


def read_video(path: Path) -> Iterator[Frame]:
    """Read the frames of a video one by one.

    Args:
        path: A video in any format that FFmpeg reads.

    Yields:
        The frames in the order of their times, turned as the file says.

    Raises:
        InputError: If PyAV is not installed, the file is missing, not a video or damaged, its frames are rotated by an
            angle that is not a multiple of 90 degrees, or, after the last one, if more than MOST_MISSING are missing.

    Example:
        >>> times = [frame.time for frame in read_video(Path("drive.mp4"))]  # doctest: +SKIP
    """
    av = _pyav()
    with _readable(av, path), av.open(str(path)) as container:
        if not container.streams.video:
            raise InputError(f"{path} contains no video; give a video or an image")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        first, end = None, 0.0
        for frame in container.decode(stream):
            if frame.rotation % 90:
                raise InputError(f"{path} is rotated by {frame.rotation} degrees; rotate it by a multiple of 90")
            image = np.rot90(frame.to_ndarray(format="rgb24", threads=_THREADS), frame.rotation // 90)
            time = float(frame.time or 0)
            first, end = time if first is None else first, time + float((frame.duration or 0) * frame.time_base)
            yield Frame(np.ascontiguousarray(image), time)
        if (length := _length(container, stream)) - (end - (first or 0)) > MOST_MISSING:
            raise InputError(
                f"{path} ends after {end - (first or 0):.1f} of {length:.1f} seconds; copy or download it again"
            )


def _length(container: Any, stream: Any) -> float:
    """The seconds that a video says that it has; 0 if it does not say."""
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    # The length of the whole file may be that of the sound.
    return (container.duration or 0) / 1e6 if len(container.streams) == 1 else 0.0


def write_video(path: Path, frames: Iterable[Frame]) -> None:
    """Write a video in VP9, which browsers and most players show, without sound. The file appears when it is complete.

    Args:
        path: The file to write or replace; it ends in .mp4 or .webm.
        frames: At least one; those of another size are scaled to the size of the first.

    Raises:
        InputError: If PyAV is not installed, the suffix is another one, there are no frames, or the file cannot be
            written.

    Example:
        >>> write_video(Path("black.mp4"), [Frame(np.zeros((90, 160, 3), np.uint8), 0)])  # doctest: +SKIP
    """
    av = _pyav()
    if path.suffix.lower() not in WRITTEN_SUFFIXES:
        raise InputError(f"{path}: a video is written as {' or '.join(WRITTEN_SUFFIXES)}; choose one of these suffixes")

    pictures = iter(frames)
    first = next(pictures, None)
    if first is None:
        raise InputError(f"{path} would be a video without frames")

    def save(file: IO[bytes]) -> None:
        with av.open(file, "w", format=path.suffix[1:].lower()) as container:
            stream = container.add_stream("libvpx-vp9", options=_SPEED | _QUALITY)
            stream.height, stream.width = first.image.shape[:2]
            stream.pix_fmt = "yuv420p"
            stream.time_base = stream.codec_context.time_base = _TICK
            context = stream.codec_context
            context.colorspace = context.color_primaries = context.color_trc = av.video.reformatter.Colorspace.ITU709
            context.color_range = av.video.reformatter.ColorRange.MPEG
            for frame in chain([first], pictures):
                picture = av.VideoFrame.from_ndarray(frame.image, format="rgb24")
                size = stream.width, stream.height
                picture = picture.reformat(*size, "yuv420p", dst_colorspace="ITU709", threads=_THREADS)
                picture.pts, picture.time_base = round(frame.time / _TICK), _TICK
                container.mux(stream.encode(picture))
            container.mux(stream.encode())

    write_whole(path, save)


def overlay_frame(result: Result, time: float, options: OutputOptions) -> Frame:
    """Draw the overlay of a frame. The legend has all classes, so that all frames of a video have the same size.

    Args:
        result: The result of the frame.
        time: When it is shown, in seconds.
        options: The opacity, the legend and the background.

    Raises:
        InputError: If no class is named like the background.
    """
    picture = np.asarray(result.overlay(options.alpha, False, options.background))
    if options.legend:
        background = options.background_of(result.table)
        shown = [index for index in range(len(result.table)) if index != background]
        picture = with_legend(picture, result.table, shown)
    return Frame(picture, time)


def _pyav() -> ModuleType:
    try:
        import av
    except ModuleNotFoundError as error:
        raise InputError("videos need PyAV: pip install 'feedbackward[video]'") from error
    return av


@contextmanager
def _readable(av: Any, path: Path) -> Iterator[None]:
    try:
        with open_file(path, expected="a video"):
            yield
    except FileNotFoundError as error:
        raise InputError(f"no file {path}") from error
    except av.FFmpegError as error:
        raise InputError(f"{path} cannot be read as a video: {error.strerror}; copy or download it again") from error
