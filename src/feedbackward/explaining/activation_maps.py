"""Grad-CAM for a class at a pixel: where the network looks for it.

"Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization" (Selvaraju et al., 2017), on the
logit of one pixel, as in Seg-Grad-CAM (Vinogradova et al., 2020).
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from feedbackward.errors import InputError, listed
from feedbackward.explaining.depths import places
from feedbackward.explaining.graph_run import GraphRun
from feedbackward.explaining.tasks import logits_of
from feedbackward.models import Feedbackward
from feedbackward.transform import DecoderGraph

Part = Literal["feature", "signal"]
"""Of the two values at a stride: the encoder's feature, or the decoder's signal."""


def grad_cam(
    network: Feedbackward,
    image: Float[Tensor, "1 c h w"],
    class_index: int,
    *,
    at: tuple[int, int],
    stride: int | None = None,
    part: Part = "feature",
    task: str = "",
    decoder_graph: DecoderGraph | None = None,
) -> Float[Tensor, "h w"]:
    """Compute the Grad-CAM of a class at a pixel.

    Each channel of a value is weighted by the mean of the gradient of the pixel's logit in it; the sum over the
    channels, where it is positive, is interpolated to the image.

    Args:
        network: The network, which is put into evaluation mode.
        image: A preprocessed image, as network(image) takes it.
        class_index: The class.
        at: The pixel, x and y.
        stride: The stride of the value, one of those of `signals`; by default the coarsest for the feature and the
            finest for the signal.
        part: The encoder's feature there, or the decoder's signal.
        task: The name of the class, for a network whose classes overlap; its first one by default.
        decoder_graph: The result of network.decoder_graph(), if there is one already: building it takes seconds.

    Returns:
        Values of 0 or more in no particular unit, large where the value speaks for the class, (h, w).

    Raises:
        InputError: If the pixel is outside the image, or there is no such class, stride or task.

    Example:
        >>> from feedbackward.models import create_model
        >>> network = create_model("test_resnet", encoder_weights=None, classes=3)
        >>> grad_cam(network, torch.rand(1, 3, 64, 96), 2, at=(95, 10)).shape
        torch.Size([64, 96])
    """
    (height, width), (x, y) = image.shape[-2:], at
    if not (0 <= x < width and 0 <= y < height):
        raise InputError(f"the pixel {x},{y} is outside the image; expected x from 0 to {width - 1}, y to {height - 1}")
    decoder_graph = decoder_graph or network.decoder_graph()
    chosen = places(decoder_graph)
    if stride is None:
        stride = max(chosen) if part == "feature" else min(chosen)
    if stride not in chosen:
        raise InputError(f"stride {stride}: the decoder does not pass it; expected one of {listed(chosen)}")
    node = chosen[stride].feature if part == "feature" else chosen[stride].signal
    run = GraphRun(network, decoder_graph, image)
    with torch.no_grad():
        value = run.run_to(node)
    with torch.enable_grad():
        value = run.values[node] = value.detach().requires_grad_()
        logits = logits_of(run.logits(), network, task)
        if not 0 <= class_index < logits.shape[1]:
            raise InputError(f"class {class_index}: expected 0 to {logits.shape[1] - 1}")
        (gradient,) = torch.autograd.grad(logits[0, class_index, y, x], value)
    weighted = (gradient.mean((2, 3), keepdim=True) * value.detach()).sum(1, keepdim=True)
    return run.at_image_size(weighted.relu())[0, 0]
