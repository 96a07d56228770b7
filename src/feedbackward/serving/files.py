"""The files of a result: what the page shows, and the outputs of predict."""

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedbackward.errors import nearest, one_line
from feedbackward.segmenters.outputs import Output, OutputOptions
from feedbackward.segmenters.reduced import reduce_mask, reduced_size
from feedbackward.serving.describe import CONFIDENCE, suitable
from feedbackward.serving.request_error import RequestError
from feedbackward.serving.results import Stored, read_array
from feedbackward.viz.pictures import viewable

QUALITY = 90


def shown_image(stored: Stored) -> bytes:
    """The image as JPEG, at most 4096 pixels a side."""
    image = stored.result(0).image
    height, width = reduced_size(read_array(stored.mask(0)).shape)
    picture = Image.fromarray(np.ascontiguousarray(viewable(image)))
    if picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.BOX)
    return _encoded(picture, "JPEG", quality=QUALITY)


def shown_mask(stored: Stored, task: int) -> bytes:
    """The class indices as a gray PNG of the size of `shown_image`."""
    return _gray(_shown(read_array(stored.mask(task))))


def shown_confidence(stored: Stored, task: int) -> bytes:
    """The confidence as a gray PNG of the size of `shown_image`.

    Raises:
        RequestError: 404 if there is none.
    """
    return _gray(_shown(_confidence(stored, task)))


def output_of(stored: Stored, task: int, kind: str, options: OutputOptions) -> tuple[Output, bytes]:
    """An output of a task.

    Args:
        stored: The result.
        task: The index of the task.
        kind: The name of the kind.
        options: The options of the output.

    Raises:
        RequestError: 404 if there is no such kind for its classes, 422 if its format is not for so long an image.
        InputError: If the image's name does not suit the kind, or the options.
    """
    kinds = {each.name: each for each in suitable(stored.tables[task])}
    if kind not in kinds:
        raise RequestError(404, f"there is no output {kind!r} of this result; {nearest(kind, kinds)}")
    if kinds[kind] is CONFIDENCE:
        return CONFIDENCE, _gray(_confidence(stored, task))
    file = BytesIO()
    try:
        kinds[kind].write(stored.result(task), options, file)
    except OSError as error:  # of the encoder, as nothing is written to the disk
        height, width = read_array(stored.mask(task)).shape
        raise RequestError(
            422, f"{kind} of {height}x{width} pixels (height x width) cannot be encoded: {one_line(error)}; get masks"
        ) from error
    return kinds[kind], file.getvalue()


def _confidence(stored: Stored, task: int) -> NDArray[np.uint8]:
    path = stored.confidence(task)
    if not path.exists():
        raise RequestError(404, "there is no confidence: the network outputs classes; export it without --argmax")
    confidence: NDArray[np.uint8] = read_array(path)
    return confidence


def _shown(mask: NDArray[Any]) -> NDArray[Any]:
    return reduce_mask(mask, reduced_size((mask.shape[0], mask.shape[1])))


def _gray(values: NDArray[Any]) -> bytes:
    return _encoded(Image.fromarray(np.asarray(values)), "PNG", compress_level=1)


def _encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()
