"""What becomes of an architecture of timm when it is run backward, found by running it on the meta device."""

from dataclasses import dataclass
from typing import Any, Literal

import timm
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from feedbackward.models.costs import flops, parameters
from feedbackward.models.encoder import create_encoder
from feedbackward.models.feedbackward import Feedbackward
from feedbackward.transform import OutputFeature, UnsupportedOperationsError, trace, transpose

Kind = Literal["convolutional", "hybrid", "attention", "other"]

SIZE = (512, 512)
"""Height and width at which floating-point operations are counted."""
CLASSES = 19
"""The number of classes of the classifier that is counted."""


@dataclass(frozen=True, kw_only=True)
class EncoderRecord:
    """An architecture of timm, and its network without weights.

    Args:
        name: timm's name.
        family: The module of timm that it is built by.
        kind: "convolutional" mixes pixels by convolutions that overlap and in no other way; "hybrid" attends as well;
            "attention" attends, and has no such convolution; "other" does neither.
        refused: Why it cannot be run backward: its operations without a rule, or what else stands against it.
        encoder_parameters: Those of its features.
        decoder_parameters: Those of the norms of the way back; None where it is refused, as all below.
        head_parameters: Those of the classifier.
        output_strides: The strides at which the way back can end.
        output_stride: The one among them of the network that was counted: 4 or the next larger one; it ends at the
            first feature of that stride, or at the last where that is the deepest stride.
        gflops: Of the network for one image; a multiplication with its addition counts as 2.
    """

    name: str
    family: str
    kind: Kind
    refused: tuple[str, ...] = ()
    encoder_parameters: int
    decoder_parameters: int | None = None
    head_parameters: int | None = None
    output_strides: tuple[int, ...] = ()
    output_stride: int | None = None
    gflops: float | None = None

    @property
    def supported(self) -> bool:
        """Whether it can be run backward."""
        return not self.refused


def survey(name: str) -> EncoderRecord:
    """Run one architecture of timm backward, without weights.

    Args:
        name: timm's name.
    """
    with torch.device("meta"):
        encoder = create_encoder(name, weights=None, in_channels=3).eval()
        # The features alone: the parameters that the trace leaves out are not counted where there is a trace.
        found: dict[str, Any] = {
            "name": name,
            "family": type(encoder).__module__.rpartition(".")[2],
            "kind": _kind(timm.create_model(name, num_classes=0).eval()),
            "encoder_parameters": sum(weight.numel() for weight in encoder.parameters()),
        }
        try:
            strides = transpose(trace(encoder)).strides
            stride = min((stride for stride in strides if stride >= 4), default=1)
            # At the deepest stride the first feature is the encoder's last one: nothing would be walked back.
            feature: OutputFeature = "first" if stride < strides[-1] else "last"
            network = Feedbackward(
                name, encoder_weights=None, classes=CLASSES, output_stride=stride, output_feature=feature
            ).eval()
        except UnsupportedOperationsError as error:
            return EncoderRecord(**found, refused=error.reasons)
        counts = parameters(network)
        found["encoder_parameters"] = counts["encoder"]
        return EncoderRecord(
            **found,
            decoder_parameters=counts["decoder"],
            head_parameters=counts["head"],
            output_strides=strides,
            output_stride=stride,
            gflops=round(flops(network, SIZE) / 1e9, 2),
        )


def _kind(encoder: nn.Module) -> Kind:
    convolves = any(
        kernel > stride
        for layer in encoder.modules()
        if isinstance(layer, nn.Conv2d)
        for kernel, stride in zip(layer.kernel_size, layer.stride, strict=True)
    )
    attends = _attends(encoder)
    if convolves:
        return "hybrid" if attends else "convolutional"
    return "attention" if attends else "other"


def _attends(encoder: nn.Module) -> bool:
    """Whether feature maps are multiplied as matrices, seen in the operations that run in the end.

    A product with a vector, as in pooling by a softmax (global context), mixes no pixels with each other.
    """
    size = encoder.pretrained_cfg["input_size"]  # type: ignore[index]
    with _Products() as products, torch.no_grad():
        encoder.forward_features(torch.empty(1, *size))  # type: ignore[operator]
    return bool(products.found)


class _Products(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes whether a product of two batches of matrices runs, or attention as one operation."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in ("bmm", "baddbmm"):
            matrices: list[Tensor] = [value for value in args if isinstance(value, Tensor)][-2:]
            self.found |= 1 not in (matrices[0].shape[1], matrices[1].shape[2])
        self.found |= name.startswith("_scaled_dot_product")
        return func(*args, **(kwargs or {}))
