"""Prediction of the frames of a video: its overlay is a video, every other kind of output a file for each frame."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from feedbackward.io import write_whole
from feedbackward.segmenters.outputs import OUTPUTS, Output, OutputOptions
from feedbackward.segmenters.outputs.files import Job
from feedbackward.segmenters.result import Result
from feedbackward.segmenters.sources import Item
from feedbackward.segmenters.video import Frame, overlay_frame, read_video, write_video

VIDEO = OUTPUTS["overlays"]
"""The kind of output that is written as a video."""


def video_job(item: Item, output: Path) -> Job:
    """The file to write for a video: OUTPUT/overlays/NAME.mp4."""
    return Job(item.path, item.name, {VIDEO.name: output / VIDEO.name / f"{item.stem}.mp4"})


def predict_video(
    item: Item,
    output: Path,
    segment: Callable[[Sequence[NDArray[Any]]], Sequence[Result]],
    kinds: Iterable[Output],
    options: OutputOptions,
    *,
    batch_size: int,
    read: Callable[[Path], Iterable[Frame]] = read_video,
) -> None:
    """Write the overlay of a video, which appears when it is complete, and files of its frames.

    Args:
        item: The video.
        output: The output folder.
        segment: Segments images of one size.
        kinds: The kinds of files to write for each frame beside the overlay: OUTPUT/KIND/NAME/NUMBER.SUFFIX, with
            numbers from 0 on.
        options: The options of the outputs.
        batch_size: Frames that are segmented together.
        read: Reads the frames.

    Raises:
        InputError: If the video cannot be read or segmented, or an output cannot be written.
    """
    kinds = [kind for kind in kinds if kind is not VIDEO]

    def overlays() -> Iterator[Frame]:
        assert isinstance(item.path, Path)  # shards contain images
        frames, number = iter(read(item.path)), 0
        while batch := list(islice(frames, batch_size)):
            for frame, result in zip(batch, segment([frame.image for frame in batch]), strict=True):
                for kind in kinds:
                    path = output / kind.path(f"{item.stem}/{number:06}")
                    write_whole(path, partial(kind.write, result, options))
                number += 1
                yield overlay_frame(result, frame.time, options)

    write_video(video_job(item, output).files[VIDEO.name], overlays())
