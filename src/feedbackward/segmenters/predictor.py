"""Prediction for images of any size: from arrays as they were read to masks of the same size."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from feedbackward.classes import ClassTable
from feedbackward.data.large import LargeImage
from feedbackward.errors import InputError
from feedbackward.preprocessing import Preprocessing, Resize, to_resizable, to_unit_range
from feedbackward.segmenters.augment import Augment
from feedbackward.segmenters.finite import checked
from feedbackward.segmenters.inputs import Source, as_image
from feedbackward.segmenters.largest import largest_class
from feedbackward.segmenters.memory import explaining_memory
from feedbackward.segmenters.normalized import Normalized
from feedbackward.segmenters.reduced import ReducedCopy
from feedbackward.segmenters.result import Result
from feedbackward.segmenters.segmenter import Segmenter, Wrapper, check_logits
from feedbackward.segmenters.stitching import Read, segment_in_bands
from feedbackward.segmenters.thresholds import apply_thresholds, check_thresholds, table_of
from feedbackward.segmenters.tiles import Size, Tiles, grid
from feedbackward.task import Task, split_tasks

if TYPE_CHECKING:
    from feedbackward.nn import DenseCRF


Predicted: TypeAlias = tuple[NDArray[Any], NDArray[np.float32] | None]
"""The mask of an image (H, W), and the probabilities (classes, H, W) if they were asked for."""


class Predictor(Wrapper):
    """Predicts the class of every pixel of images, read and resized as the segmenter was trained.

    Call it with an image, or a list of images, in any form.

    An exported file of a network that does not resize images, without augmentation and CRF, runs without PyTorch.

    Args:
        segmenter: A segmenter, such as `feedbackward.models.saved.load_network` returns. A network is put into
            evaluation mode.
        resize: How images are resized for the segmenter, instead of as it was trained. Logits are resized back to the
            images' size bilinearly.
        augment: The flips and scales of the resized images to average over.
        crf: Refines the logits at the resized images' size.
        tiles: The tiles of images that have more pixels than one of them.
        thresholds: The probability from which pixels belong to a class, by its name; see apply_thresholds.
        probabilities: Whether results have the probabilities of all classes.

    Raises:
        InputError: If the segmenter is a file that outputs classes, and `resize`, an average or a CRF needs
            logits; or if no class, or those of several tasks, have the name of a threshold.

    Example:
        >>> predictor = Predictor(load_network("camvid.ckpt"))  # doctest: +SKIP
        >>> predictor("street.jpg").mask.shape  # doctest: +SKIP
        (360, 480)
    """

    def __init__(
        self,
        segmenter: Segmenter,
        *,
        resize: Resize | None = None,
        augment: Augment | None = None,
        crf: "DenseCRF | None" = None,
        tiles: Tiles | None = None,
        thresholds: Mapping[str, float] | None = None,
        probabilities: bool = False,
    ) -> None:
        super().__init__(segmenter)
        self._probabilities = probabilities
        self._thresholds = check_thresholds(thresholds or {}, self.tasks)
        self._tiles = tiles or Tiles()
        self._stack: Any = Normalized(segmenter)  # takes arrays or tensors
        self._preprocessing = segmenter.preprocessing.without_normalization()
        if resize is not None:
            check_logits(segmenter, "resizing")
            self._preprocessing = replace(self._preprocessing, resize=resize)
        self._in_torch: Any = None
        if segmenter.device is not None or augment or crf is not None or self._preprocessing.resize:
            from feedbackward.segmenters.inference import Inference

            self._in_torch = Inference(segmenter, preprocessing=self._preprocessing, augment=augment, crf=crf)
            self._stack = self._in_torch.segmenter

    @property
    def preprocessing(self) -> Preprocessing:
        """How images are read and resized."""
        return self._preprocessing

    @property
    def at_once(self) -> int:
        """The most threads that may segment at the same time."""
        return getattr(self.segmenter, "at_once", 1)

    def logits(self, images: Sequence[NDArray[Any]]) -> Any:
        """Compute logits of images of one size; with a CRF they are log-probabilities.

        Args:
            images: Images (H, W, C) of one size, as read_image returns them.

        Returns:
            float32 (N, classes, H, W): a tensor, or an array from an exported file that runs without PyTorch.

        Raises:
            InputError: If the images have other channels or values than the segmenter takes, the logits are not finite,
                or memory runs out.
        """
        for image in images:
            self._check_channels(image)
        if self._in_torch is not None:
            return checked(self._in_torch(images))
        unit = [to_unit_range(image.transpose(2, 0, 1), self.preprocessing.value_range) for image in images]
        with explaining_memory((len(unit), *unit[0].shape)):
            return checked(self._stack.logits(np.stack(unit)))

    def predict(self, image: NDArray[Any]) -> NDArray[Any]:
        """Predict the class indices (H, W) of an image (H, W, C): uint8 up to 254 classes, otherwise uint16.

        Raises:
            InputError: As `logits`.
        """
        self._check_single()
        ((mask, _),) = self._predict([image], probabilities=False)[0]
        return mask

    @overload
    def __call__(self, images: Source) -> Result: ...
    @overload
    def __call__(self, images: list[Source]) -> list[Result]: ...
    def __call__(self, images: "Source | list[Source]") -> Result | list[Result]:
        """Predict the classes of one image, or of each image of a list.

        Args:
            images: A path, a Pillow image, an array (H, W, C) or (H, W), or a tensor (C, H, W) or (H, W); or a list of
                them, of any sizes. Colors are RGB; values are 8-bit, 16-bit, or floating-point ones from 0 to 1.

        Raises:
            InputError: As `segment`, or if an image is none of these.
        """
        if isinstance(images, list):
            return [self(image) for image in images]
        return self.segment([as_image(images, self.preprocessing.channels)])[0]

    def segment(self, images: Sequence[NDArray[Any] | LargeImage]) -> list[Result]:
        """Predict the classes of images like `segment_tasks`, for a segmenter of one task.

        Raises:
            InputError: As `segment_tasks`, or if there are several tasks.
        """
        self._check_single()
        return [result for (result,) in self.segment_tasks(images)]

    def segment_tasks(self, images: Sequence[NDArray[Any] | LargeImage]) -> list[tuple[Result, ...]]:
        """Predict the classes of images of one size, in one batch, or of large images; for each image and task.

        Args:
            images: Images (H, W, C) of one size, as read_image returns them; or large images, whose results have a
                reduced copy of the image and no probabilities.

        Raises:
            InputError: As `logits`, if the segmenter has no class table, or if a large image cannot be read.
        """
        if large := [image for image in images if isinstance(image, LargeImage)]:
            return [self._large(image) for image in large]
        tables, arrays = self._tables(), [image for image in images if not isinstance(image, LargeImage)]
        predicted = self._predict(arrays, probabilities=self._probabilities)
        return [
            tuple(Result(image, mask, table, share) for table, (mask, share) in zip(tables, by_task, strict=True))
            for image, by_task in zip(arrays, predicted, strict=True)
        ]

    def _check_single(self) -> None:
        if len(self.tasks) > 1:
            raise InputError(f"there are {len(self.tasks)} tasks; use TaskPredictor, which returns a result for each")

    def _tables(self) -> list[ClassTable]:
        return [table_of(task) for task in self.tasks]

    def is_whole(self, size: Size) -> bool:
        """Whether images of that height and width are segmented as a whole, not in tiles or padded."""
        resized = self.preprocessing.resize.output_size(size)
        fits = all(self._tiles.size_for(one) == one for one in (size, resized))
        return fits and self._stack.padded_size(resized) == resized

    def in_bands(
        self,
        read: Read,
        size: Size,
        reduce: Callable[[Any], Any],
        progress: Callable[[float], None] = lambda _: None,
    ) -> Iterator[Any]:
        """Segment an image of any size in tiles.

        Args:
            read: Reads the image from top to bottom: `top` never decreases from call to call.
            size: Height and width of the image.
            reduce: Reduces logits (classes, h, w) to what is wanted, such as classes (h, w).
            progress: Called after each tile with the share of tiles that are done.

        Yields:
            What `reduce` returned, for bands of rows (..., rows, W) from top to bottom.
        """
        resized, value_range = self.preprocessing.resize.output_size(size), self.preprocessing.value_range
        if resized != size:
            check_logits(self._stack, "resizing")

        def read_rows(top: int, bottom: int) -> NDArray[Any]:
            rows = read(top, bottom)
            self._check_channels(rows)
            return to_resizable(rows, value_range)

        rows, columns = grid(resized, tiles=self._tiles, padded_size=self._stack.padded_size)
        done = count(1)

        def score(tile: NDArray[Any]) -> Any:
            unit = to_unit_range(tile) if tile.dtype == np.uint8 else tile
            run = self._stack.logits if self._in_torch is None else self._in_torch.unit_logits
            batch = np.ascontiguousarray(unit.transpose(2, 0, 1)[None])
            with explaining_memory(batch.shape):
                logits = checked(run(batch))[0]
            progress(next(done) / (len(rows) * len(columns)))
            return logits

        return segment_in_bands(
            read_rows, size, score, reduce, resized=resized, tiles=self._tiles, padded_size=self._stack.padded_size
        )

    def _check_channels(self, image: NDArray[Any]) -> None:
        if image.shape[2] != self.preprocessing.in_channels:
            raise InputError(
                f"an image has {image.shape[2]} channels, and the network takes {self.preprocessing.in_channels}"
            )

    def _predict(self, images: Sequence[NDArray[Any]], *, probabilities: bool) -> list[list[Predicted]]:
        """For each image and task the mask and, if asked for, the probabilities."""
        if not self.is_whole((images[0].shape[0], images[0].shape[1])):
            return [self._in_tiles(image, probabilities=probabilities) for image in images]
        if self._in_torch is None:
            by_image: Any = [(logits,) for logits in self.logits(images)]
        else:
            for image in images:
                self._check_channels(image)
            by_image = [map(checked, bands) for bands in self._in_torch.in_bands(images)]
        return [
            self._joined(bands, image.shape[:2], probabilities) for bands, image in zip(by_image, images, strict=True)
        ]

    def _in_tiles(self, image: NDArray[Any], *, probabilities: bool) -> list[Predicted]:
        def read(top: int, bottom: int) -> NDArray[Any]:
            return image[top:bottom]

        size = image.shape[0], image.shape[1]
        if not probabilities:
            return [(mask, None) for mask in self._masks_in_bands(read, size)]
        return self._joined(self.in_bands(read, size, lambda logits: logits), size, probabilities)

    def _joined(self, bands: Iterable[Any], size: Size, probabilities: bool) -> list[Predicted]:
        """The mask of each task and, if asked for, the probabilities, of logits (classes, rows, W) in bands.

        Apart from the probabilities, only one band of logits is in memory at a time, except for exported files, whose
        logits are whole.
        """
        with explaining_memory((1, self.preprocessing.in_channels, *size)):
            shares = [np.empty((task.classes, *size), np.float32) if probabilities else None for task in self.tasks]
        masks, top = list[NDArray[Any]](), 0
        for band in bands:
            rows = slice(top, top := top + band.shape[1])
            masks.append(self._masks(band, [None if share is None else share[None, :, rows] for share in shares]))
        return list(zip(np.concatenate(masks, -2), shares, strict=True))

    def _large(self, image: LargeImage) -> tuple[Result, ...]:
        with image.open() as bands:
            copy = ReducedCopy(bands)
            masks = self._masks_in_bands(copy.read, (bands.height, bands.width))
        return tuple(Result(copy.image, mask, table) for mask, table in zip(masks, self._tables(), strict=True))

    def _masks_in_bands(self, read: Read, size: Size) -> list[NDArray[Any]]:
        """The mask (H, W) of each task."""
        return list(np.concatenate(list(self.in_bands(read, size, self._masks)), -2))

    def _masks(self, logits: Any, shares: Sequence[NDArray[np.float32] | None] | None = None) -> NDArray[Any]:
        """The masks (tasks, H, W) of logits (classes, H, W); the probabilities of a task are written to its share."""
        shares = [None] * len(self.tasks) if shares is None else shares
        parts = zip(self.tasks, split_tasks(logits[None], self.tasks), shares, strict=True)
        return np.concatenate([self._chosen(self._scores(part, task, share), task) for task, part, share in parts])

    def _scores(self, logits: Any, task: Task, share: NDArray[np.float32] | None) -> Any:
        """What the classes are chosen by: logits, or probabilities if the task has thresholds."""
        has_thresholds = task.name in self._thresholds
        if share is None and not has_thresholds:
            return logits
        probabilities = _softmax(to_array(logits), out=share)
        return probabilities if has_thresholds else logits

    def _chosen(self, scores: Any, task: Task) -> NDArray[Any]:
        """The masks (N, H, W) of probabilities (N, classes, H, W), or of any scores if the task has no thresholds."""
        if thresholds := self._thresholds.get(task.name):
            return np.stack([apply_thresholds(each, thresholds, table_of(task)) for each in scores])
        return largest_class(scores)


class TaskPredictor:
    """A predictor for several tasks: called with an image, it returns the result of each task by its name.

    Args:
        segmenter: A segmenter of several tasks, such as load_tasks returns.
        options: Those of Predictor.

    Raises:
        InputError: As Predictor.
    """

    def __init__(self, segmenter: Segmenter, **options: Any) -> None:
        self.predictor = Predictor(segmenter, **options)

    @property
    def segmenter(self) -> Segmenter:
        """The segmenter of all tasks."""
        return self.predictor.segmenter

    @overload
    def __call__(self, images: Source) -> dict[str, Result]: ...
    @overload
    def __call__(self, images: list[Source]) -> list[dict[str, Result]]: ...
    def __call__(self, images: "Source | list[Source]") -> dict[str, Result] | list[dict[str, Result]]:
        """Predict the classes of one image, by task, or of each image of a list; images and errors as in Predictor."""
        if isinstance(images, list):
            return [self(image) for image in images]
        image = as_image(images, self.predictor.preprocessing.channels)
        (results,) = self.predictor.segment_tasks([image])
        return {task.name: result for task, result in zip(self.predictor.tasks, results, strict=True)}


def to_array(values: Any) -> NDArray[Any]:
    """A tensor or an array as an array."""
    return values if isinstance(values, np.ndarray) else np.asarray(values.cpu())


def _softmax(logits: NDArray[np.float32], out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    probabilities: NDArray[np.float32] = np.subtract(logits, logits.max(1, keepdims=True), out=out)
    np.exp(probabilities, out=probabilities)
    probabilities /= probabilities.sum(1, keepdims=True)
    return probabilities
