"""The feedbackward network: an encoder, the way back through its own weights, and one tiny classifier.

"Feedbackward Decoding for Semantic Segmentation" (Wang et al.), on any encoder of timm.
"""

import os
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, fx, nn

from feedbackward.errors import InputError
from feedbackward.models.encoder import create_encoder, normalization_of
from feedbackward.models.network import SegmentationNetwork
from feedbackward.nn import Classifier, DecoderNorm, Parts, is_one_size, pad_to, resize_logits
from feedbackward.passes import biases_to_norms, checkpointed, lean_skips, rectify_in_place, upsample_late
from feedbackward.transform import (
    DecoderGraph,
    HeadInput,
    InputSizes,
    OutputFeature,
    Permute,
    Retrace,
    trace,
    transpose,
)

EncoderNorm = Literal["own", "batch"]


def score(
    image: Float[Tensor, "n c h w"], passes: Callable[[Tensor], Parts], head: nn.Module, sizes: InputSizes
) -> Float[Tensor, "n classes h w"]:
    """Score every pixel of normalized images of any height and width.

    Args:
        image: The images.
        passes: The encoder and the way back, from images to the signal that the classifier reads, or its parts.
        head: The classifier.
        sizes: The sizes of images that the encoder takes.
    """
    padded = image
    # A file for all sizes takes none that is too small; one for a single size is padded as the network itself.
    if sizes.multiple > 1 or is_one_size(image):
        padded = pad_to(image, sizes.padded((image.shape[-2], image.shape[-1])))
    logits = resize_logits(head(passes(padded)), (padded.shape[-2], padded.shape[-1]))
    return logits[..., : image.shape[-2], : image.shape[-1]]


def _compiled(graph: fx.Graph, root: nn.Module) -> Callable[[nn.Module, Tensor], Parts]:
    """A plain function of (network, image): it holds no module, so a copy of a network runs on its own weights."""
    run: Callable[[nn.Module, Tensor], Parts] = type(fx.GraphModule(root, graph)).forward
    return run


class Feedbackward(SegmentationNetwork):
    """A segmentation network out of any convnet of timm, with no decoder weights of its own.

    Each weight is stored once, in `encoder`, under timm's own keys; the way back reads it from there. What is new are
    the norms in `decoder`, at the encoder's paths, and the classifier `head`.

    Args:
        encoder_name: timm's name of the encoder.
        encoder_weights: "imagenet", the path of a local file, or None (random).
        in_channels: The channels of the image.
        classes: The number of classes.
        permute: "necessary" swaps a weight's channel axes only where a layer changes the channels (PWN), "possible"
            always (PWP).
        output_stride: None goes back to the image, as in the paper; 1, 2 or 4 stops at an encoder's feature of that
            stride, and the scores are upsampled bilinearly.
        output_feature: Which one: the "first" that joins the signal, the deepest, or the "last", nearest to the image.
        retrace: "all" layers are walked back, or only the "transitions" of resolution or channels.
        head_input: What the classifier reads at the end of the way back: the signal and the encoder's feature, "both"
            side by side, or their "sum", as in the paper.
        head_kernel_size: The side of the square of pixels that the classifier looks at, 1 in the paper; it is a 1x1
            convolution, behind a depthwise one where that is more than one pixel.
        encoder_norm: "own" keeps the encoder's norms and biases; "batch" drops the convolutions' biases and puts a
            batch norm behind each, as the paper does with the plain VGG-16.
        decoder_norm: The norms of the way back: "batch" as in the paper, or "group" for batches of few images.
        freeze_encoder: Keep the encoder as it is, with the statistics of its norms, and with it the weights of the
            way back: only the norms in `decoder` and the classifier train.

    Attributes:
        encoder: The traced encoder, with timm's keys.
        decoder: The norms of the way back, at the encoder's paths.
        head: The classifier.
        sizes: The sizes of images that the encoder takes; others are padded to one of them and the scores cropped.

    Raises:
        InputError: If an argument is not one of its values, or the encoder or its weights cannot be had.
        UnsupportedOperationsError: If the encoder has operations without a rule.

    Example:
        >>> network = Feedbackward("resnet18", encoder_weights=None, classes=11)
        >>> network(torch.zeros(2, 3, 65, 97)).shape
        torch.Size([2, 11, 65, 97])
    """

    def __init__(
        self,
        encoder_name: str,
        *,
        encoder_weights: str | os.PathLike[str] | None = "imagenet",
        in_channels: int = 3,
        classes: int = 19,
        permute: Permute = "necessary",
        output_stride: int | None = 4,
        output_feature: OutputFeature = "first",
        retrace: Retrace = "all",
        head_input: HeadInput = "both",
        head_kernel_size: int = 3,
        encoder_norm: EncoderNorm = "own",
        decoder_norm: DecoderNorm = "batch",
        freeze_encoder: bool = False,
    ) -> None:
        for name, value, allowed in (
            ("permute", permute, get_args(Permute)),
            ("retrace", retrace, get_args(Retrace)),
            ("output_feature", output_feature, get_args(OutputFeature)),
            ("head_input", head_input, get_args(HeadInput)),
            ("encoder_norm", encoder_norm, get_args(EncoderNorm)),
            ("decoder_norm", decoder_norm, get_args(DecoderNorm)),
        ):
            if value not in allowed:
                raise InputError(f"{name}={value!r}: expected one of {', '.join(map(repr, allowed))}")
        if head_kernel_size < 1 or head_kernel_size % 2 == 0:
            raise InputError(f"head_kernel_size={head_kernel_size}: expected an odd number, such as 1 or 3")
        if freeze_encoder and encoder_norm == "batch":
            raise InputError(
                "freeze_encoder=True with encoder_norm='batch': the encoder's new norms could not be trained; leave "
                "the encoder free, or keep its own norms with encoder_norm='own'"
            )
        if encoder_weights is not None:
            # An encoder without a way back is refused before its weights are fetched.
            with torch.device("meta"):
                bare = create_encoder(encoder_name, weights=None, in_channels=in_channels)
                transpose(trace(bare), in_channels=in_channels, retrace=retrace, output_stride=output_stride)
        encoder = create_encoder(encoder_name, weights=encoder_weights, in_channels=in_channels)
        super().__init__(
            config={
                "model": "feedbackward",
                "encoder_name": encoder_name,
                "encoder_weights": None,
                "in_channels": in_channels,
                "classes": classes,
                "permute": permute,
                "output_stride": output_stride,
                "output_feature": output_feature,
                "retrace": retrace,
                "head_input": head_input,
                "head_kernel_size": head_kernel_size,
                "encoder_norm": encoder_norm,
                "decoder_norm": decoder_norm,
                "freeze_encoder": freeze_encoder,
            },
            normalization=normalization_of(encoder, in_channels),
        )
        traced = trace(encoder)
        if encoder_norm == "batch":
            biases_to_norms(traced)
        self.encoder = traced
        if freeze_encoder:
            self.encoder.requires_grad_(False)
        decoder_graph = self.decoder_graph()
        self.decoder = decoder_graph.decoder
        self.head = Classifier(decoder_graph.channels, classes, head_kernel_size)
        self.sizes = decoder_graph.shapes.sizes
        self._checkpointing = False
        self._runs = self._compile(decoder_graph)
        self.train()

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n classes h w"]:
        """Score every pixel of normalized images of any height and width."""
        return score(image, partial(self._runs[self.training], self), self.head, self.sizes)

    @property
    def smallest(self) -> int:
        """The smallest height and width that an exported file takes; the network itself pads smaller images."""
        # Features of one pixel more than the fewest: not every runtime pools those.
        return self.sizes.minimum + 1

    def decoder_graph(self) -> DecoderGraph:
        """The graph of both passes, written anew from the encoder: the network keeps only what it compiles to."""
        return transpose(
            self.encoder,
            in_channels=self.config["in_channels"],
            permute=self.config["permute"],
            retrace=self.config["retrace"],
            output_stride=self.config["output_stride"],
            output_feature=self.config["output_feature"],
            head_input=self.config["head_input"],
            norm=self.config["decoder_norm"],
        )

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Keep less for the backward pass: norms, activations and skips are computed again in it."""
        self._checkpointing = enable
        self._runs = self._compile(self.decoder_graph())

    def train(self, mode: bool = True) -> "Feedbackward":
        """Set the mode; a frozen encoder stays in evaluation mode, so that the statistics of its norms do not move."""
        super().train(mode)
        if self.config["freeze_encoder"]:
            self.encoder.eval()
        return self

    def _compile(self, decoder_graph: DecoderGraph) -> dict[bool, Callable[[nn.Module, Tensor], Parts]]:
        """What runs in training and in evaluation."""
        training, evaluation = (upsample_late(decoder_graph.graph, self, after_norms=norms) for norms in (False, True))
        lean_skips(training, self)
        for graph in (training, evaluation):
            rectify_in_place(graph, self)
        compiled = checkpointed if self._checkpointing else _compiled
        return {True: compiled(training, self), False: _compiled(evaluation, self)}

    def __getstate__(self) -> dict[str, Any]:
        # Generated code cannot be pickled; it is written anew.
        return {key: value for key, value in self.__dict__.items() if key != "_runs"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._runs = self._compile(self.decoder_graph())
