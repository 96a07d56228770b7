"""Prediction for one image of any size, from an 8-bit array to an 8-bit mask."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, UInt8
from numpy.typing import NDArray

from feedbackward.errors import InputError
from feedbackward.segmenters.normalized import Normalized
from feedbackward.segmenters.result import Result
from feedbackward.segmenters.segmenter import MOST_CLASSES, Segmenter

if TYPE_CHECKING:
    from feedbackward.nn import DenseCRF


class Predictor:
    """Predicts the class of every pixel of an image.

    An exported file without scale and CRF runs without PyTorch.

    Args:
        segmenter: A segmenter of RGB images with at most 256 classes, such as `feedbackward.load` returns. A network is
            put into evaluation mode.
        scale: The image is resized by this factor for the segmenter; its logits are resized back bilinearly.
        crf: Refines the logits at the resized image's size.

    Raises:
        InputError: If the scale is not positive, the segmenter does not take 3 channels or has more than 256 classes,
            or it is a file that outputs classes and a scale or a CRF needs logits.

    Example:
        >>> predictor = Predictor(load("camvid.ckpt"))  # doctest: +SKIP
        >>> predictor.predict(np.zeros((360, 480, 3), np.uint8)).shape  # doctest: +SKIP
        (360, 480)
    """

    def __init__(self, segmenter: Segmenter, *, scale: float = 1.0, crf: "DenseCRF | None" = None) -> None:
        if not 0 < scale < float("inf"):
            raise InputError(f"scale {scale}: expected a positive factor of the image's size, such as 0.5")
        channels = segmenter.preprocessing.channels
        if channels != 3:
            raise InputError(f"the network takes images of {channels} channels, but prediction reads RGB: 3 channels")
        if segmenter.classes > MOST_CLASSES:
            raise InputError(
                f"the network has {segmenter.classes} classes, but an 8-bit mask holds at most {MOST_CLASSES}"
            )
        self.segmenter = segmenter
        self._run: Callable[[NDArray[np.uint8]], Any]
        if segmenter.device is None and scale == 1 and crf is None:
            self._run = Normalized(segmenter).logits
        else:
            from feedbackward.segmenters.inference import Inference

            self._run = Inference(segmenter, scale=scale, crf=crf)

    def logits(self, image: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "classes h w"]:
        """Compute logits at the size of an 8-bit RGB image; with a CRF they are log-probabilities.

        Raises:
            InputError: If the GPU runs out of memory.
        """
        return _to_array(self._logits(image))

    def predict(self, image: UInt8[np.ndarray, "h w 3"]) -> NDArray[np.uint8]:
        """Predict the class indices (H, W) of an 8-bit RGB image (H, W, 3).

        Raises:
            InputError: If the GPU runs out of memory.
        """
        return _to_array(self._logits(image).argmax(0)).astype(np.uint8)

    def segment(self, images: Sequence[NDArray[Any]], *, probabilities: bool) -> list[Result]:
        """Predict the classes of images (H, W, 3) of one size, in one batch.

        Args:
            images: 8-bit RGB images.
            probabilities: Whether the results have the probabilities of the classes.

        Raises:
            InputError: If the segmenter has no class table, or the GPU runs out of memory.
        """
        table = self.segmenter.class_table
        if table is None:
            raise InputError("the network has no class names and colors; set its class_table")
        logits = self._run(np.stack([image.transpose(2, 0, 1) for image in images]))
        masks = _to_array(logits.argmax(1)).astype(np.uint8)
        shares = _softmax(_to_array(logits)) if probabilities else [None] * len(images)
        return [Result(image, mask, table, share) for image, mask, share in zip(images, masks, shares, strict=True)]

    def _logits(self, image: NDArray[np.uint8]) -> Any:
        return self._run(image.transpose(2, 0, 1)[None])[0]


def _to_array(values: Any) -> NDArray[Any]:
    return values if isinstance(values, np.ndarray) else np.asarray(values.cpu())


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    probabilities: NDArray[np.float32] = powers / powers.sum(1, keepdims=True)
    return probabilities
