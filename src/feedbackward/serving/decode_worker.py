"""The process that decodes uploads: whatever a file does to its decoder happens here. Run by `decoding.Decoders`.

It reads a job of JSON in each line of stdin, and answers each in a line of JSON on stdout. Pixels go through files, so
that the server never unpickles anything. It ends with its stdin.
"""

import json
import math
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import dtype_to_descr, write_array_header_1_0

from feedbackward.data.bands import open_bands
from feedbackward.data.files import read_image, upright_size
from feedbackward.data.opening import opened
from feedbackward.errors import InputError, printable
from feedbackward.preprocessing import Channels
from feedbackward.segmenters.reduced import ReducedCopy
from feedbackward.serving.request_error import NOT_WRITTEN

READY = b"ready\n"
"""Its first line, when it waits for jobs."""
ROWS = 256
"""Rows of a large image that are decoded at a time."""
BASE_BYTES = 3 << 30
"""The address space of Python and its libraries."""
PIXEL_BYTES = 48
"""The address space for each pixel: three copies of four channels of 4 bytes."""


def decode(path: Path, target: Path, reduced: Path, *, channels: Channels, pixels: float, large: float) -> None:
    """Decode an image into an .npy file (H, W, C).

    Args:
        path: The image.
        target: The file to write.
        reduced: The file for a reduced copy of the image, which only a large one has.
        channels: As in read_image.
        pixels: The most pixels to decode.
        large: An image of more pixels is decoded in bands.

    Raises:
        TooManyPixelsError: If its header says that there are more pixels.
        InputError: As read_image.
    """
    with opened(path) as image:
        height, width = upright_size(image)
    count = height * width
    if count > pixels:
        raise TooManyPixelsError(
            f"{path} is {height}x{width} (height x width), {count / 1e6:.1f} megapixels; expected at most "
            f"{pixels / 1e6:g}: reduce it, or split it into tiles"
        )
    if count <= large:
        np.save(target, read_image(path, channels))
        return
    with open_bands(path, channels) as bands:
        copy = ReducedCopy(bands)
        shape = (height, width, bands.channels)
        with target.open("wb") as file:  # where the disk is full, a file mapped into memory would end this process
            header = {"descr": dtype_to_descr(np.dtype(bands.dtype)), "fortran_order": False, "shape": shape}
            write_array_header_1_0(file, header)
            for top in range(0, height, ROWS):
                file.write(copy.read(top, min(top + ROWS, height)).tobytes())
    np.save(reduced, copy.image)


class TooManyPixelsError(InputError):
    """An image of more pixels than are decoded."""


def main() -> None:
    """Answer jobs until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then ends this process
    _limit_memory(float(sys.argv[1]))
    with os.fdopen(os.dup(1), "wb", buffering=0) as answers:
        os.dup2(2, 1)  # what a library prints is no answer
        answers.write(READY)
        for line in sys.stdin:
            answers.write(json.dumps(_answer(json.loads(line))).encode() + b"\n")


def _answer(job: dict[str, Any]) -> dict[str, Any]:
    path = Path(job.pop("path"))
    try:
        decode(path, Path(job.pop("target")), Path(job.pop("reduced")), **job)
    except InputError as error:
        return {"error": printable(error), "status": 413 if isinstance(error, TooManyPixelsError) else 422}
    except MemoryError:
        return {"error": f"{path} does not fit in the memory of a decoder; split it into tiles", "status": 413}
    except OSError as error:  # of writing: those of reading are InputErrors
        return {"error": f"{NOT_WRITTEN} ({printable(error)})", "status": 503}
    return {}


def _limit_memory(pixels: float) -> None:
    """Let this process fail, and not the machine, where a decoder takes far more memory than the pixels need."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return
    limit = BASE_BYTES + math.ceil(PIXEL_BYTES * pixels)
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
