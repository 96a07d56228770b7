"""The feedbackward network: an encoder, a decoder that shares its weights, and a small classifier.

"Feedbackward Decoding for Semantic Segmentation" (Wang et al.), on any convnet.
"""

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

from huggingface_hub import ModelCard
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from feedbackward.decoder_config import DecoderConfig, default_decoder
from feedbackward.errors import InputError
from feedbackward.models.adapter import Dtype, save_adapter, trained_tensors
from feedbackward.models.card import Training, model_card
from feedbackward.models.encoder import check_count, create_encoder, preprocessing_of
from feedbackward.models.network import SegmentationNetwork
from feedbackward.nn import Classifier, Coarse, Parts, ThinClassifier, is_one_size, pad_to, resize_logits
from feedbackward.passes import (
    Pass,
    apply_passes,
    biases_to_norms,
    checkpoint_segments,
    lean_skips,
    rectify_in_place,
    update_weights,
    upsample_after_norms,
    upsample_late,
)
from feedbackward.preprocessing import Preprocessing
from feedbackward.transform import DecoderGraph, InputSizes, trace, transpose, without_widening

EncoderNorm = Literal["own", "batch"]
Freeze = bool | Literal["weights"]
"""What of the encoder is not trained: all, nothing, or its weights and not its norms."""

NORMS = (_BatchNorm, nn.GroupNorm, nn.LayerNorm)

TRAINING: tuple[Pass, ...] = (upsample_late, lean_skips, rectify_in_place)
EVALUATION: tuple[Pass, ...] = (upsample_after_norms, update_weights, rectify_in_place)
"""The passes that run over the graph of each mode."""


class Feedbackward(SegmentationNetwork):
    """A segmentation network made from any convnet; its decoder reuses the encoder's weights.

    Each weight is stored once, in `encoder`, under the encoder's own keys; the decoder reads it there. The only new
    parameters are those of the norms and low-rank updates in `decoder`, named by the encoder's paths, and of the
    classifier `head`.
    create_model builds one by the name of a timm encoder.

    Args:
        encoder: A module from an image (N, in_channels, H, W) to features: one of timm's encoders, a torchvision
            network or your own. Everything after its last value laid out as an image is cut off. Its weights are
            shared, not copied.
        classes: The number of classes.
        decoder: The options of the decoder; by default DecoderConfig(), and FOR_FROZEN on a frozen encoder.
        in_channels: The number of image channels.
        preprocessing: How images are normalized; by default as timm specifies for its encoder, and for any other module
            not at all.
        encoder_norm: "own" keeps the encoder's norms and biases; "batch" replaces the bias of each convolution by a
            batch norm after it, as the paper does with VGG-16.
        freeze_encoder: Do not train the encoder's weights, which the decoder shares, nor update the statistics of its
            norms: train only what the decoder has of its own and the classifier. "weights" trains the encoder's norms
            too.
        encoder_name: timm's name of the encoder, from which a saved network is rebuilt; None for a module that must be
            given again at loading.

    Attributes:
        encoder: The traced encoder, with its own keys. With retrace="stages" it lacks a last layer that only widens its
            features.
        decoder: The decoder's norms and low-rank updates, named by the encoder's paths.
        head: The classifier.
        decoder_config: The options of the decoder, with the choice that was made where retrace was "auto".
        sizes: The image sizes that the encoder accepts; other images are padded and their logits cropped.

    Raises:
        InputError: If an argument is invalid, or the decoder cannot end where the options say.
        UnsupportedOperationsError: If the encoder cannot be traced or has operations without a rule.

    Example:
        >>> import torch
        >>> convnet = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, padding=1))
        >>> network = Feedbackward(convnet, classes=11, decoder=DecoderConfig(output_stride=2))
        >>> network(torch.zeros(2, 3, 65, 97)).shape
        torch.Size([2, 11, 65, 97])
    """

    name: ClassVar[str] = "feedbackward"
    """The "model" in its configuration."""

    def __init__(
        self,
        encoder: nn.Module,
        *,
        classes: int,
        decoder: DecoderConfig | None = None,
        in_channels: int = 3,
        preprocessing: Preprocessing | None = None,
        encoder_norm: EncoderNorm = "own",
        freeze_encoder: Freeze = False,
        encoder_name: str | None = None,
    ) -> None:
        if not isinstance(encoder, nn.Module):
            raise InputError(
                f"encoder={encoder!r}: expected a module; create_model({encoder!r}, ...) builds one by name"
            )
        check_count("in_channels", in_channels)
        if encoder_norm not in get_args(EncoderNorm):
            raise InputError(f"encoder_norm={encoder_norm!r}: expected one of 'own', 'batch'")
        if not isinstance(freeze_encoder, bool) and freeze_encoder != "weights":
            raise InputError(f"freeze_encoder={freeze_encoder!r}: expected True, False or 'weights'")
        if freeze_encoder is True and encoder_norm == "batch":
            raise InputError(
                "freeze_encoder=True with encoder_norm='batch': the encoder's new norms would never be trained; train "
                "them with freeze_encoder='weights', or keep its own norms with encoder_norm='own'"
            )
        decoder = default_decoder(freeze_encoder=freeze_encoder) if decoder is None else decoder
        super().__init__(
            config={
                "model": self.name,
                "encoder_name": encoder_name,
                "classes": classes,
                "in_channels": in_channels,
                "encoder_norm": encoder_norm,
                "freeze_encoder": freeze_encoder,
                "decoder": decoder.to_dict(),
            },
            preprocessing=preprocessing or preprocessing_of(encoder, in_channels),
        )
        self.decoder_config = decoder
        traced = trace(encoder, in_channels=in_channels)
        if decoder.retrace == "stages":
            traced = without_widening(traced)
        if encoder_norm == "batch":
            biases_to_norms(traced)
        self.encoder = traced
        if freeze_encoder:
            self.encoder.requires_grad_(False)
        for path in self.trained_norms():
            self.encoder.get_submodule(path).requires_grad_(True)
        graph = self.decoder_graph()
        self.decoder_config, self._config["decoder"] = graph.config, graph.config.to_dict()
        self.decoder = graph.decoder
        self.head = _create_head(graph.channels, classes, decoder)
        self.sizes = graph.shapes.sizes
        self._checkpointing = False
        self._runs = self._compile(graph)
        self.train()

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n classes h w"]:
        """The logits of preprocessed images of any height and width."""
        return segment(image, partial(self._runs[self.training], self), self.head, self.sizes)

    @property
    def smallest(self) -> int:
        """The smallest height and width that an exported file accepts; the network itself pads smaller images."""
        # One more than the minimum, whose features have a single pixel, which not every runtime can pool.
        return self.sizes.minimum + 1

    @classmethod
    def from_config(cls, config: dict[str, Any], *, encoder: nn.Module | None = None) -> "Feedbackward":
        """Build the network that a saved configuration describes, with random weights and its own preprocessing.

        Raises:
            InputError: If its encoder is not timm's and no module is given, or the other way round.
        """
        name = config["encoder_name"]
        if name is None and encoder is None:
            raise InputError(
                "this network's encoder is a module of your own; give one: from_pretrained(..., encoder=MODULE)"
            )
        if name is not None and encoder is not None:
            raise InputError(f"the encoder is timm's {name}, which is built by name; omit encoder")
        options = cls.options_of(config)
        if encoder is None:
            encoder = create_encoder(name, weights=None, in_channels=config["in_channels"])
        return cls(encoder, **options)

    @staticmethod
    def options_of(config: dict[str, Any]) -> dict[str, Any]:
        """The arguments of the network that a saved configuration describes, without encoder and preprocessing.

        Raises:
            InputError: If an option of the decoder is unknown or missing.
        """
        options = {key: value for key, value in config.items() if key != "model"}
        return {**options, "decoder": DecoderConfig.from_dict(options["decoder"])}

    def decoder_graph(self) -> DecoderGraph:
        """Encoder and decoder as one graph, built on each call: the network keeps only the compiled functions."""
        return transpose(self.encoder, self.decoder_config, in_channels=self._config["in_channels"])

    def trained_norms(self) -> set[str]:
        """The paths of the encoder's norms that are trained though its weights are frozen."""
        if self._config["freeze_encoder"] != "weights":
            return set()
        return {path for path, module in self.encoder.named_modules() if isinstance(module, NORMS)}

    def save_adapter(
        self, path: str | os.PathLike[str], *, dtype: Dtype = "float32", scores: Mapping[str, str] | None = None
    ) -> None:
        """Write what was trained on the frozen encoder; arguments and errors as in models.adapter.save_adapter."""
        save_adapter(self, path, dtype=dtype, scores=scores)

    def generate_adapter_card(
        self, path: Path, *, training: Training | None = None, scores: Mapping[str, str] | None = None
    ) -> ModelCard:
        """The model card of an adapter that save_adapter has written.

        Args:
            path: The file of the adapter.
            training: How it was trained and its scores, if known.
            scores: Scores by title in percent, where no more is known of the training.
        """
        own = trained_tensors(self).keys()
        return model_card(
            self._hub_mixin_info.model_card_data,
            config=self.config,
            parameters=sum(parameter.numel() for name, parameter in self.named_parameters() if name in own),
            size=path.stat().st_size,
            preprocessing=self.preprocessing,
            class_table=self.class_table,
            origin=self.origin,
            training=training,
            is_adapter=True,
            scores=scores,
        )

    def coarse_logits(self, image: Float[Tensor, "n c h w"], /) -> Coarse:
        """The logits of preprocessed images before their interpolation."""
        return coarse_logits(image, partial(self._runs[self.training], self), self.head, self.sizes)

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Enable gradient checkpointing: the backward pass recomputes norms, activations and skip connections."""
        self._checkpointing = enable
        self._runs = self._compile(self.decoder_graph())

    def train(self, mode: bool = True) -> "Feedbackward":
        """Set the mode; a frozen encoder stays in evaluation mode, which keeps the statistics of its norms fixed."""
        super().train(mode)
        if self._config["freeze_encoder"] is True:
            self.encoder.eval()
        return self

    def _compile(self, decoder_graph: DecoderGraph) -> dict[bool, Callable[[nn.Module, Tensor], Parts]]:
        """Compile a function of (network, image) for training and one for evaluation.

        They keep no reference to a module, so that a copy of the network runs on its own weights.
        """
        training = (*TRAINING, checkpoint_segments) if self._checkpointing else TRAINING
        return {
            mode: type(apply_passes(decoder_graph.graph, self, passes)).forward
            for mode, passes in ((True, training), (False, EVALUATION))
        }

    def __getstate__(self) -> dict[str, Any]:
        # Generated code cannot be pickled; it is compiled again.
        return {key: value for key, value in self.__dict__.items() if key != "_runs"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._runs = self._compile(self.decoder_graph())


def _create_head(channels: tuple[int, ...], classes: int, decoder: DecoderConfig) -> nn.Module:
    kernel_size = decoder.head_kernel_size
    if not decoder.head_channels:
        return Classifier(sum(channels), classes=classes, kernel_size=kernel_size)
    width = decoder.head_channels
    return ThinClassifier(channels, width=width, classes=classes, kernel_size=kernel_size, norm=decoder.norm)


def segment(
    image: Float[Tensor, "n c h w"], decode: Callable[[Tensor], Parts], head: nn.Module, sizes: InputSizes
) -> Float[Tensor, "n classes h w"]:
    """The logits of preprocessed images of any height and width.

    Args:
        image: The images.
        decode: Encoder and decoder, from images to the classifier's input, one tensor or several.
        head: The classifier.
        sizes: The image sizes that the encoder accepts; others are padded and the logits cropped.
    """
    padded = pad(image, sizes)
    return upsample(head(decode(padded)), padded, image)


def coarse_logits(
    image: Float[Tensor, "n c h w"], decode: Callable[[Tensor], Parts], head: nn.Module, sizes: InputSizes
) -> Coarse:
    """What `segment` interpolates, with the same arguments."""
    padded = pad(image, sizes)
    return Coarse(head(decode(padded)), (padded.shape[-2], padded.shape[-1]))


def pad(image: Float[Tensor, "n c h w"], sizes: InputSizes) -> Float[Tensor, "n c i j"]:
    """Images padded at the bottom and right to a size that the encoder accepts."""
    # A file for all sizes accepts no image that is too small; one for a single size is padded like the network itself.
    if sizes.multiple > 1 or is_one_size(image):
        return pad_to(image, sizes.padded((image.shape[-2], image.shape[-1])))
    return image


def upsample(
    logits: Float[Tensor, "n classes i j"], padded: Float[Tensor, "n c k l"], image: Float[Tensor, "n c h w"]
) -> Float[Tensor, "n classes h w"]:
    """The logits of padded images at the size of the images."""
    resized = resize_logits(logits, (padded.shape[-2], padded.shape[-1]))
    return resized[..., : image.shape[-2], : image.shape[-1]]
