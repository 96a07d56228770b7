"""Prediction for images of any size: from arrays as they were read to masks of the same size."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from feedbackward.errors import InputError
from feedbackward.preprocessing import Preprocessing, Resize, to_unit_range
from feedbackward.segmenters.augment import Augment
from feedbackward.segmenters.normalized import Normalized
from feedbackward.segmenters.result import Result
from feedbackward.segmenters.segmenter import Segmenter, Wrapper

if TYPE_CHECKING:
    from feedbackward.nn import DenseCRF


class Predictor(Wrapper):
    """Predicts the class of every pixel of images, read and resized as the segmenter was trained.

    An exported file of a network that does not resize images, without augmentation and CRF, runs without PyTorch.

    Args:
        segmenter: A segmenter, such as `feedbackward.models.saved.load_network` returns. A network is put into
            evaluation mode.
        resize: How images are resized for the segmenter, instead of as it was trained. Logits are resized back to the
            images' size bilinearly.
        augment: The flips and scales of the resized images to average over.
        crf: Refines the logits at the resized images' size.

    Raises:
        InputError: If the segmenter is a file that outputs classes, and an average or a CRF needs logits.

    Example:
        >>> predictor = Predictor(load_network("camvid.ckpt"))  # doctest: +SKIP
        >>> predictor.predict(np.zeros((360, 480, 3), np.uint8)).shape  # doctest: +SKIP
        (360, 480)
    """

    def __init__(
        self,
        segmenter: Segmenter,
        *,
        resize: Resize | None = None,
        augment: Augment | None = None,
        crf: "DenseCRF | None" = None,
    ) -> None:
        super().__init__(segmenter)
        self._preprocessing = segmenter.preprocessing.without_normalization()
        if resize is not None:
            self._preprocessing = replace(self._preprocessing, resize=resize)
        self._in_torch: Any = None
        if segmenter.device is not None or augment or crf is not None or self._preprocessing.resize:
            from feedbackward.segmenters.inference import Inference

            self._in_torch = Inference(segmenter, preprocessing=self._preprocessing, augment=augment, crf=crf)

    @property
    def preprocessing(self) -> Preprocessing:
        """How images are read and resized."""
        return self._preprocessing

    def logits(self, images: Sequence[NDArray[Any]]) -> Any:
        """Compute logits of images of one size; with a CRF they are log-probabilities.

        Args:
            images: Images (H, W, C) of one size, as read_image returns them.

        Returns:
            float32 (N, classes, H, W): a tensor, or an array from an exported file that runs without PyTorch.

        Raises:
            InputError: If the images have other channels or values than the segmenter takes, or the GPU runs out of
                memory.
        """
        for image in images:
            if image.shape[2] != self.preprocessing.in_channels:
                raise InputError(
                    f"an image has {image.shape[2]} channels, and the network takes {self.preprocessing.in_channels}"
                )
        if self._in_torch is not None:
            return self._in_torch(images)
        unit = [to_unit_range(image.transpose(2, 0, 1), self.preprocessing.value_range) for image in images]
        return Normalized(self.segmenter).logits(np.stack(unit))

    def predict(self, image: NDArray[Any]) -> NDArray[Any]:
        """Predict the class indices (H, W) of an image (H, W, C): uint8 up to 254 classes, otherwise uint16.

        Raises:
            InputError: As `logits`.
        """
        mask: NDArray[Any] = self._masks(to_array(self.logits([image]).argmax(1)))[0]
        return mask

    def segment(self, images: Sequence[NDArray[Any]], *, probabilities: bool = False) -> list[Result]:
        """Predict the classes of images of one size, in one batch.

        Args:
            images: Images (H, W, C) of one size, as read_image returns them.
            probabilities: Whether the results have the probabilities of the classes.

        Raises:
            InputError: As `logits`, or if the segmenter has no class table.
        """
        table = self.segmenter.class_table
        if table is None:
            raise InputError("the network has no class names and colors; set its class_table")
        logits = self.logits(images)
        masks = self._masks(to_array(logits.argmax(1)))
        shares = _softmax(to_array(logits)) if probabilities else [None] * len(images)
        return [Result(image, mask, table, share) for image, mask, share in zip(images, masks, shares, strict=True)]

    def _masks(self, indices: NDArray[Any]) -> NDArray[Any]:
        return indices.astype(np.uint8 if self.classes <= 254 else np.uint16)


def to_array(values: Any) -> NDArray[Any]:
    """A tensor or an array as an array."""
    return values if isinstance(values, np.ndarray) else np.asarray(values.cpu())


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    probabilities: NDArray[np.float32] = powers / powers.sum(1, keepdims=True)
    return probabilities
