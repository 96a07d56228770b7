"""The wrapper that computes a network in half precision."""

import warnings

import torch
from torch import Tensor, nn

from feedbackward.errors import InputError
from feedbackward.nn import Coarse
from feedbackward.preprocessing import Preprocessing
from feedbackward.segmenters.segmenter import Segmenter, Wrapper

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Autocast(Wrapper):
    """Computes a network in half precision where PyTorch's autocast considers it safe.

    Args:
        segmenter: A network; its weights stay as they are.
        precision: "bf16" or "fp16".

    Raises:
        InputError: If it is a file, or its device cannot compute in that precision.
    """

    def __init__(self, segmenter: Segmenter, precision: str) -> None:
        super().__init__(segmenter)
        if segmenter.device is None:
            raise InputError(
                f"--precision {precision} is for networks, and an exported file has a precision of its own; export it "
                f"with --precision {precision}"
            )
        self._dtype = DTYPES[precision]
        if not _computes(segmenter.device, self._dtype):
            raise InputError(f"the device {segmenter.device} cannot compute in {precision}; use another --precision")

    @property
    def preprocessing(self) -> Preprocessing:
        """The preprocessing of the network."""
        return self.segmenter.preprocessing

    def logits(self, images: Tensor) -> Tensor:
        """Compute the logits (N, classes, H, W) of preprocessed images (N, C, H, W)."""
        with torch.autocast(images.device.type, self._dtype):
            return self.segmenter.logits(images)

    def coarse_logits(self, images: Tensor, /) -> Coarse | None:
        """Compute the logits before their interpolation, as the segmenter does."""
        with torch.autocast(images.device.type, self._dtype):
            return self.segmenter.coarse_logits(images)


def _computes(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether a convolution in a precision works on a device."""
    pixel = torch.zeros(1, 1, 1, 1, device=device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # autocast warns, and computes in float32
        try:
            with torch.autocast(device.type, dtype):
                return nn.functional.conv2d(pixel, pixel).dtype == dtype
        except RuntimeError:
            return False
