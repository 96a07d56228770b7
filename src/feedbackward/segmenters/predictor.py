"""Prediction on an image of any size: normalize, run, interpolate the scores, take the best class."""

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from torch import Tensor

from feedbackward.data.transforms import EvalTransform
from feedbackward.errors import InputError
from feedbackward.exporting import ExportedNetwork
from feedbackward.exporting.wrapper import MOST_CLASSES
from feedbackward.models import SegmentationNetwork
from feedbackward.models.optimized import OptimizedNetwork
from feedbackward.nn import DenseCRF, resize_logits


def choose_device(name: Literal["auto", "cpu", "cuda"]) -> torch.device:
    """The device of that name; "auto" is the GPU if there is one, else the CPU.

    Raises:
        InputError: If "cuda" is asked for and PyTorch sees no GPU.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise InputError("device cuda: PyTorch sees no GPU here; run on the CPU, or install a CUDA build of PyTorch")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


class Predictor:
    """Predicts the class of every pixel of an image.

    Args:
        network: For RGB images and at most 256 classes; it is moved to the device and set to eval mode. An exported
            file runs where its runtime does.
        device: Where to run.
        scale: The network sees the image at this factor of its size, and the score maps are interpolated back
            bilinearly. 0.5 is the paper's set-up for Cityscapes (section 4).
        crf: Refines the scores with the image at the size that the network sees.

    Raises:
        InputError: If scale is not positive, the network takes other than 3 channels or has more than 256 classes, or
            an exported file gives classes where scores are needed.

    Example:
        >>> predictor = Predictor(load_network("camvid.ckpt"), device=torch.device("cpu"))  # doctest: +SKIP
        >>> predictor.predict(np.zeros((360, 480, 3), np.uint8)).shape  # doctest: +SKIP
        (360, 480)
    """

    def __init__(
        self,
        network: SegmentationNetwork | OptimizedNetwork | ExportedNetwork,
        *,
        device: torch.device,
        scale: float = 1.0,
        crf: DenseCRF | None = None,
    ) -> None:
        if not 0 < scale < float("inf"):
            raise InputError(f"scale {scale}: expected a positive factor of the image's size, such as 0.5")
        channels = network.config.get("in_channels", 3)
        if channels != 3:
            raise InputError(f"the network takes images of {channels} channels, but prediction reads RGB: 3 channels")
        if network.classes > MOST_CLASSES:
            raise InputError(
                f"the network has {network.classes} classes, but an 8-bit mask holds at most {MOST_CLASSES}"
            )
        if isinstance(network, ExportedNetwork) and not network.gives_scores and (scale != 1 or crf is not None):
            raise InputError(
                "the exported file gives classes, and a scale or a CRF needs their scores: export it without --argmax"
            )
        self.network = network.to(device).eval()
        self.device = device
        self.scale = scale
        self.crf = crf

    @torch.inference_mode()
    def logits(self, image: UInt8[np.ndarray, "h w 3"]) -> Float[Tensor, "classes h w"]:
        """Score maps of an 8-bit RGB image, at its size and on the device; logarithms of probabilities behind a CRF.

        Raises:
            InputError: If the GPU's memory does not hold an image of this size.
        """
        height, width, _ = image.shape
        seen = (max(1, round(height * self.scale)), max(1, round(width * self.scale)))
        # The transform of evaluation, so that a prediction is what the scores were taken of.
        pixels = EvalTransform(None if seen == (height, width) else seen).image(image)
        try:
            seen_image = pixels.to(self.device)[None]
            scores = self.network(self.network.preprocessing(seen_image))
            if self.crf is not None:
                scores = self.crf(scores, seen_image)
            return resize_logits(scores, (height, width))[0]
        except torch.OutOfMemoryError as error:
            raise InputError(
                f"the GPU's memory does not hold an image of {height}x{width}; use a smaller --scale, or --device cpu"
            ) from error

    def predict(self, image: UInt8[np.ndarray, "h w 3"]) -> NDArray[np.uint8]:
        """Class indices (H, W) of an 8-bit RGB image (H, W, 3).

        Raises:
            InputError: If the GPU's memory does not hold an image of this size.
        """
        indices: NDArray[np.uint8] = self.logits(image).argmax(0).to(torch.uint8).cpu().numpy()
        return indices
