"""All that explains one prediction of a feedbackward network; each part is computed when it is first asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from feedbackward.errors import InputError
from feedbackward.explaining.activation_maps import Part, grad_cam
from feedbackward.explaining.depths import Depth, signals
from feedbackward.explaining.image import ExplainedImage, explained_image, logits_of_image
from feedbackward.explaining.skips import SkipEffect, skip_effects
from feedbackward.explaining.tasks import choose_task, logits_of
from feedbackward.models import Feedbackward
from feedbackward.nn import resize_logits
from feedbackward.segmenters.finite import checked
from feedbackward.segmenters.inputs import Source
from feedbackward.segmenters.segmenter import Segmenter
from feedbackward.segmenters.thresholds import table_of
from feedbackward.transform import DecoderGraph
from feedbackward.viz.heat_maps import heat_over
from feedbackward.viz.pages import inline
from feedbackward.viz.pictures import Picture, circled
from feedbackward.viz.principal_colors import principal_colors

MOST = 5
"""The number of classes and skip connections that are named for a pixel."""
SQUARES = 16
"""The square over which sureness is averaged is about two of so many parts of the image's shorter side."""
BRIGHTEST = 0.99
"""The share of a Grad-CAM's pixels that are drawn darker than the brightest color: a few peaks hide the rest."""


class Prediction:
    """The classes and probabilities that any segmenter gives to an explained image.

    Args:
        segmenter: A network, or an exported file.
        image: The image, read for this segmenter.
        task: The name of the task, for a segmenter of several; its first one by default.
        size: The height and width of the prediction; by default those of the image.

    Attributes:
        table: The classes.
        logits: (classes, h, w), float32.
        mask: Class indices (h, w).
        probabilities: (classes, h, w), float32.

    Raises:
        InputError: If there is no such task, it has no class names, or its logits are not finite.
    """

    @torch.no_grad()
    def __init__(
        self, segmenter: Segmenter, image: ExplainedImage, *, task: str = "", size: tuple[int, int] | None = None
    ) -> None:
        self.table = table_of(choose_task(segmenter, task))
        of_task = logits_of(logits_of_image(segmenter, image), segmenter, task)
        logits = checked(resize_logits(of_task, size or image.size))[0].cpu()
        self.logits: NDArray[np.float32] = logits.numpy()
        self.mask: NDArray[np.int64] = logits.argmax(0).numpy()
        self.probabilities: NDArray[np.float32] = logits.softmax(0).numpy()

    @property
    def confidence(self) -> NDArray[np.float32]:
        """The probability of each pixel's class, (h, w)."""
        most: NDArray[np.float32] = self.probabilities.max(0)
        return most

    def surest_pixel(self, class_index: int) -> tuple[int, int]:
        """The x and y of the middle of the region where the network is surest of a class.

        Among the pixels of the class that is where, on average over a square around the pixel, its logit is furthest
        above those of all others. Of a class without pixels it is where its logit comes closest to the largest one.
        """
        others = np.delete(self.logits, class_index, axis=0)
        margin = torch.from_numpy(self.logits[class_index] - (others.max(0) if len(others) else 0))
        side = min(margin.shape) // SQUARES * 2 + 1
        # Beyond the image's border is nothing: the mean there is lower for a class that is predicted.
        mean = F.avg_pool2d(margin.clamp(min=0)[None], side, 1, side // 2)[0].numpy()
        own = self.mask == class_index
        sureness = np.where(own, mean, -1) if own.any() else margin.numpy()
        y, x = np.unravel_index(sureness.argmax(), sureness.shape)
        return int(x), int(y)

    def largest_classes(self, most: int) -> list[int]:
        """The classes with the most pixels, the largest first."""
        pixels = np.bincount(self.mask.ravel(), minlength=len(self.table))
        order = np.argsort(-pixels, kind="stable")[:most]
        return [int(index) for index in order if pixels[index]]


@dataclass(frozen=True)
class PixelExplanation:
    """Why a pixel has its class.

    Args:
        x: The column of the pixel in the image's file.
        y: Its row.
        size: The height and width at which the image is explained, of all pictures.
        class_name: The class of the pixel.
        probabilities: The most probable classes and their probabilities, the most probable first.
        skips: The skip connections that move this pixel most: the path of the encoder's module, its stride, and how
            much of the pixel's probability moves to other classes without it, from 0 to 1.
        cams: The Grad-CAM of the class on the deepest feature and on the decoder's last signal, over the image.
        depths: For each stride, from coarse to fine, pictures of the encoder's feature and the decoder's signal.
    """

    x: int
    y: int
    size: tuple[int, int]
    class_name: str
    probabilities: tuple[tuple[str, float], ...]
    skips: tuple[tuple[str, int | None, float], ...]
    cams: dict[Part, Picture]
    depths: tuple[tuple[int, Picture, Picture], ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; pictures are data: URLs."""
        return {
            "x": self.x,
            "y": self.y,
            "size": {"height": self.size[0], "width": self.size[1]},
            "class": self.class_name,
            "probabilities": [{"name": name, "probability": share} for name, share in self.probabilities],
            "skips": [{"path": path, "stride": stride, "change": change} for path, stride, change in self.skips],
            "grad_cam": {part: inline(picture, "jpeg") for part, picture in self.cams.items()},
            "depths": [
                {"stride": stride, "feature": inline(feature, "png"), "signal": inline(signal, "png")}
                for stride, feature, signal in self.depths
            ],
        }


class Explanation:
    """The explanation of a feedbackward network's prediction of one image.

    Args:
        network: The network, which is put into evaluation mode; as it was trained, not the result of optimize.
        source: The image in any form.
        task: The name of the class, for a network whose classes overlap; its first one by default.

    Attributes:
        image: The image as it is explained.
        prediction: The prediction.

    Raises:
        InputError: If the image cannot be read, there is no such task, or the network's classes have no names.
    """

    def __init__(self, network: Feedbackward, source: Source, *, task: str = "") -> None:
        self._network, self._task = network.eval(), task
        self.image = explained_image(source, network.preprocessing)
        self.prediction = Prediction(network, self.image, task=task)
        self._seen = network.preprocessing(self.image.unit.to(network.device))

    @cached_property
    def depths(self) -> list[Depth]:
        """See signals."""
        return signals(self._network, self._seen, decoder_graph=self._graph)

    @property
    def reads_coarser(self) -> bool:
        """Whether the classifier also reads signals at coarser strides than the decoder's end."""
        return self._network.decoder_config.head_strides == "all"

    @cached_property
    def skips(self) -> list[SkipEffect]:
        """See skip_effects."""
        return skip_effects(self._network, self._seen, task=self._task, decoder_graph=self._graph)

    @cached_property
    def depth_pictures(self) -> list[tuple[int, Picture, Picture]]:
        """The stride, the feature and the signal of each depth; a color means the same in both pictures."""
        pairs = [[depth.feature.cpu().numpy(), depth.signal.cpu().numpy()] for depth in self.depths]
        drawn = (principal_colors(pair) for pair in pairs)
        return [(depth.stride, feature, signal) for depth, (feature, signal) in zip(self.depths, drawn, strict=True)]

    def cam_picture(self, class_index: int, at: tuple[int, int], part: Part) -> Picture:
        """The Grad-CAM of a class at a pixel of the explained image, over the image, with a ring around the pixel."""
        cam = grad_cam(
            self._network, self._seen, class_index, at=at, part=part, task=self._task, decoder_graph=self._graph
        )
        brightest = cam.quantile(BRIGHTEST) if cam.count_nonzero() > cam.numel() * (1 - BRIGHTEST) else cam.max()
        values = (cam / brightest.clamp(min=1e-12)).cpu().numpy()
        return circled(heat_over(self.image.picture, values), at)

    def pixel(self, x: int, y: int) -> PixelExplanation:
        """Explain the class of a pixel.

        Args:
            x: Its column in the image's file.
            y: Its row.

        Raises:
            InputError: If it is outside the image.
        """
        height, width = self.image.own_size
        if not (0 <= x < width and 0 <= y < height):
            raise InputError(
                f"the pixel {x},{y} is outside the image; expected x from 0 to {width - 1} and y from 0 to {height - 1}"
            )
        column, row = at = self.image.pixel(x, y)
        shares, names = self.prediction.probabilities[:, row, column], self.prediction.table.names
        order: Sequence[int] = np.argsort(-shares, kind="stable")[:MOST].tolist()
        skips = sorted(((each.path, each.stride, float(each.change[row, column])) for each in self.skips), key=_change)
        parts: tuple[Part, ...] = ("feature", "signal")
        return PixelExplanation(
            x=x,
            y=y,
            size=self.image.size,
            class_name=names[order[0]],
            probabilities=tuple((names[index], float(shares[index])) for index in order),
            skips=tuple(skips[:MOST]),
            cams={part: self.cam_picture(order[0], at, part) for part in parts},
            depths=tuple(self.depth_pictures),
        )

    @cached_property
    def _graph(self) -> DecoderGraph:
        return self._network.decoder_graph()


def explain_pixel(network: Feedbackward, image: Source, x: int, y: int, *, task: str = "") -> PixelExplanation:
    """Explain why a network gives a pixel its class; for several pixels of an image, keep an Explanation.

    Args:
        network: The network, which is put into evaluation mode; as it was trained, not the result of optimize.
        image: The image in any form.
        x: The column of the pixel.
        y: Its row.
        task: The name of the class, for a network whose classes overlap; its first one by default.

    Raises:
        InputError: As Explanation, or if the pixel is outside the image.

    Example:
        >>> network = fb.from_pretrained("runs/streets/model")  # doctest: +SKIP
        >>> explain_pixel(network, "street.jpg", 320, 200).class_name  # doctest: +SKIP
        'car'
    """
    return Explanation(network, image, task=task).pixel(x, y)


def _change(skip: tuple[str, int | None, float]) -> float:
    return -skip[2]
