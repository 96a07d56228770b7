"""An exported file as a segmenter. NumPy in, NumPy out: no torch is imported for that."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feedbackward.errors import InputError
from feedbackward.exporting.formats import SUFFIXES
from feedbackward.exporting.formats.base import Run
from feedbackward.exporting.metadata import Metadata
from feedbackward.machine import available_cores
from feedbackward.preprocessing import Images, Preprocessing


class ExportedNetwork:
    """A segmenter that runs an exported file in its runtime.

    Args:
        run: Runs the file.
        metadata: The file's metadata.
        at_once: The most calls that may run at the same time.

    Attributes:
        metadata: As given.
        config: The configuration of the exported network.
        class_table: Names and colors of its classes, if known.
        classes: The number of classes.
        preprocessing: How its images are read and resized; the file normalizes them itself.
        device: None, as the runtime chooses its device and accepts arrays.
        outputs_logits: Whether the file outputs logits, rather than classes.
        tasks: The tasks, if there are several.
        at_once: As given.
    """

    device = None

    def __init__(self, run: Run, metadata: Metadata, *, at_once: int = 1) -> None:
        self._run = partial(_run_checked, run, metadata)
        self.metadata = metadata
        self.at_once = at_once
        self.config = metadata.config
        self.class_table = metadata.class_table
        self.classes = metadata.classes
        self.preprocessing = Preprocessing.from_dict(metadata.config["preprocessing"]).without_normalization()
        self.outputs_logits = metadata.output == "logits"
        self.tasks = metadata.tasks

    def padded_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """The height and width to which an image of that height and width has to be padded."""
        smallest = self.metadata.smallest
        return self.metadata.size or (max(size[0], smallest), max(size[1], smallest))

    def outputs(self, images: Images) -> list[Images]:
        """Run the file on images (N, C, H, W) in [0, 1].

        Returns:
            For each task logits (N, classes, H, W) or classes (N, H, W), in the kind of array and on the device of the
            images.

        Raises:
            InputError: If the file does not take images of this size or number of channels.
        """
        self._check(tuple(images.shape))
        outputs: list[Images] = self._apply(images, self._run)
        return outputs

    def logits(self, images: Images) -> Images:
        """Compute logits (N, classes, H, W) of images (N, C, H, W) in [0, 1]; those of several tasks follow each other.

        For a file that outputs classes they are one-hot: 1 for the pixel's class, 0 for the others.

        Raises:
            InputError: If the file does not take images of this size or number of channels.
        """
        self._check(tuple(images.shape))
        logits: Images = self._apply(images, self._run_joined)[0]
        return logits

    def coarse_logits(self, _: Images, /) -> None:
        """None: the file interpolates its logits itself."""

    def _run_joined(self, images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        outputs = self._run(images)
        if not self.outputs_logits:
            counts = self.metadata.outputs.values()
            outputs = [_one_hot(output, count) for output, count in zip(outputs, counts, strict=True)]
        return outputs if len(outputs) == 1 else [np.concatenate(outputs, axis=1)]

    @staticmethod
    def _apply(images: Any, run: Run) -> list[Any]:
        if isinstance(images, np.ndarray):
            return run(np.ascontiguousarray(images))
        import torch

        outputs = run(np.ascontiguousarray(images.detach().cpu().numpy()))
        return [torch.from_numpy(output).to(images.device) for output in outputs]

    def _check(self, shape: tuple[int, ...]) -> None:
        channels, *size = shape[1:]
        found, expected, smallest = "x".join(map(str, size)), self.metadata.size, self.metadata.smallest
        if expected is not None and tuple(size) != expected:
            raise InputError(
                f"the file takes images of {expected[0]}x{expected[1]} only, and this one has {found}; "
                f"resize it, or export the network without --size"
            )
        if expected is None and min(size) < smallest:
            raise InputError(
                f"the file takes images from {smallest}x{smallest} on, and this one has {found}; enlarge it"
            )
        if channels != self.metadata.in_channels:
            raise InputError(f"the file takes images of {self.metadata.in_channels} channels, found {channels}")


def _run_checked(run: Run, metadata: Metadata, images: NDArray[np.float32]) -> list[NDArray[Any]]:
    """Run a file whose outputs have to be those that its metadata describes.

    Raises:
        InputError: If they are not.
    """
    outputs = run(images)
    count, size = len(images), images.shape[2:]
    for (name, classes), output in zip(metadata.outputs.items(), outputs, strict=True):
        shape = (count, classes, *size) if metadata.output == "logits" else (count, *size)
        kind = "f" if metadata.output == "logits" else "u"
        if output.shape != shape or output.dtype.kind != kind:
            raise InputError(
                f"the output {name} of the file is {output.dtype} of shape {output.shape}, and its metadata says "
                f"{shape}; export the network again"
            )
    return outputs


def _one_hot(output: NDArray[np.uint8], classes: int) -> NDArray[np.float32]:
    indices = np.arange(classes, dtype=np.uint8)[:, None, None]
    return np.equal(output[:, None], indices).astype(np.float32)


def is_exported(path: Path) -> bool:
    """Return whether a path has the suffix of an exported file."""
    return path.suffix in SUFFIXES


def load_exported(path: str | Path, *, threads: int | None = None, at_once: int = 1) -> ExportedNetwork:
    """Open a file that `feedbackward export` wrote.

    Args:
        path: The file: .onnx, .pt2, .xml or .engine.
        threads: The number of threads of the runtime; its default if None.
        at_once: The calls that will run at the same time, in threads of the caller: each has its share of the cores,
            which is faster than one after another on all cores. It is 1 in runtimes that do not support it.

    Raises:
        InputError: If there is no such file, it is damaged or comes from another program or version, or its runtime
            is not installed.

    Example:
        >>> load_exported("camvid.onnx").logits(np.zeros((1, 3, 360, 480), np.float32)).shape  # doctest: +SKIP
        (1, 11, 360, 480)
    """
    path = Path(path)
    if not is_exported(path):
        raise InputError(f"{path} does not have the suffix of an exported file; expected one of {' '.join(SUFFIXES)}")
    if not path.is_file():
        raise InputError(f"no such file: {path}")
    file_format = SUFFIXES[path.suffix]
    file_format.check_installed()
    if at_once == 1 or not file_format.runs_at_once:
        return ExportedNetwork(*file_format.read(path, threads))
    share = max(1, (threads or available_cores()) // at_once)
    return ExportedNetwork(*file_format.read(path, share), at_once=at_once)
