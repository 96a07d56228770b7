"""Networks of other libraries as segmentation networks of this one."""

import importlib
import inspect
import re
from importlib.util import find_spec
from typing import Any

import timm
import torchvision
from jaxtyping import Float
from torch import Tensor, nn

from feedbackward.errors import InputError, is_out_of_memory, nearest, one_line
from feedbackward.models import SegmentationNetwork
from feedbackward.models.encoder import create_encoder, is_imagenet, preprocessing_of
from feedbackward.nn import pad_to
from feedbackward.preprocessing import Preprocessing
from feedbackward.transform import InputSizes

SMP_ENCODERS = {
    "mobilenetv2_100": "mobilenet_v2",
    "mobilenetv3_large_100": "tu-mobilenetv3_large_100",
    "efficientnet_b0": "efficientnet-b0",
    "resnet18": "resnet18",
    "resnet50": "resnet50",
    "vgg16_bn": "vgg16_bn",
}
"""timm's names of encoders that segmentation_models_pytorch has too, and its names for them."""
TIMM = "tu-"
"""The beginning of the names of timm's encoders in segmentation_models_pytorch."""
FAILURES = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What other libraries raise if an option or a size does not suit a network."""
IMAGENET = Preprocessing(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


class SmpNetwork(SegmentationNetwork):
    """A network of segmentation_models_pytorch.

    Args:
        architecture: Name of the class in that library, such as Unet.
        encoder_name: Name of the encoder in that library.
        encoder_weights: "imagenet", the path of a file of timm's encoder for an encoder named tu-NAME, or None.
        in_channels: Number of channels of the image.
        classes: Number of classes.
        freeze_encoder: Do not train the encoder, nor update the statistics of its norms.
        options: Further options of the class, such as decoder_channels.

    Raises:
        InputError: If the library is not installed, has no such architecture or encoder, or the architecture does not
            have an option or refuses its value.
    """

    SIZES = InputSizes(minimum=32, multiple=32)
    """The image sizes that its networks accept; other images are padded and the logits cropped."""

    def __init__(
        self,
        architecture: str,
        encoder_name: str,
        *,
        encoder_weights: str | None = "imagenet",
        in_channels: int = 3,
        classes: int = 19,
        freeze_encoder: bool = False,
        **options: Any,
    ) -> None:
        if not isinstance(freeze_encoder, bool):
            raise InputError(f"freeze_encoder={freeze_encoder!r}: expected true or false")
        config = {"model": "smp", "architecture": architecture, "encoder_name": encoder_name, **options}
        config |= {"in_channels": in_channels, "classes": classes, "freeze_encoder": freeze_encoder}
        super().__init__(config, preprocessing=IMAGENET)
        if find_spec("segmentation_models_pytorch") is None:
            raise InputError(f"{architecture} needs segmentation_models_pytorch: pip install 'feedbackward[benchmark]'")
        build = _find_architecture(architecture)
        _check_encoder(encoder_name)
        _check_options(build, encoder_name, options)
        named = encoder_weights if is_imagenet(encoder_weights) else None
        try:
            self.network = build(
                encoder_name, encoder_weights=named, in_channels=in_channels, classes=classes, **options
            )
        except FAILURES as error:
            if is_out_of_memory(error):
                raise
            raise InputError(_refusal(error, architecture, encoder_name, options)) from error
        if encoder_name.startswith(TIMM):
            # timm's encoders do not all see images with ImageNet's mean and deviation.
            self.preprocessing = preprocessing_of(self.network.encoder.model, in_channels)
        if encoder_weights is not None and named is None:
            _load_encoder(self.network.encoder.model, encoder_name.removeprefix(TIMM), encoder_weights, in_channels)
        if freeze_encoder:
            self.network.encoder.requires_grad_(False)
        self.train()

    def train(self, mode: bool = True) -> "SmpNetwork":
        """Set the mode; a frozen encoder stays in evaluation mode, which keeps the statistics of its norms fixed."""
        super().train(mode)
        if self._config["freeze_encoder"]:
            self.network.encoder.eval()
        return self

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n classes h w"]:
        """Logits of images of any height and width."""
        height, width = image.shape[-2:]
        logits: Tensor = self.network(pad_to(image, self.SIZES.padded((height, width))))
        return logits[..., :height, :width]


def _load_encoder(model: nn.Module, name: str, weights: str, in_channels: int) -> None:
    """Fill what segmentation_models_pytorch keeps of a timm encoder; some names have underscores instead of dots."""
    kept = {key.replace(".", "_"): key for key in model.state_dict()}
    whole = create_encoder(
        name, weights=weights, in_channels=in_channels, optional=lambda key: key.replace(".", "_") not in kept
    )
    tensors = {key.replace(".", "_"): tensor for key, tensor in whole.state_dict().items()}
    model.load_state_dict({key: tensors[flat] for flat, key in kept.items()})


def _find_architecture(name: str) -> type[Any]:
    smp = importlib.import_module("segmentation_models_pytorch")
    base = smp.base.SegmentationModel
    known = {key: item for key, item in vars(smp).items() if isinstance(item, type) and issubclass(item, base)}
    if name not in known:
        raise InputError(f"segmentation_models_pytorch has no architecture {name}; {nearest(name, known)}")
    return known[name]


def _check_encoder(name: str) -> None:
    if name.startswith(TIMM):
        architecture = name.removeprefix(TIMM).partition(".")[0]
        if not timm.is_model(architecture):
            raise InputError(f"unknown encoder {name!r}; after {TIMM}, {nearest(architecture, timm.list_models())}")
        return
    known = importlib.import_module("segmentation_models_pytorch.encoders").get_encoder_names()
    if name not in known:
        raise InputError(
            f"segmentation_models_pytorch has no encoder {name} besides timm's, {TIMM}NAME; {nearest(name, known)}"
        )


def _check_options(build: type[Any], encoder_name: str, options: dict[str, Any]) -> None:
    """Refuse options that the library would ignore, and values of switches that Python would take for true.

    The library passes options that it does not know on to timm, for timm's encoders.
    """
    accepted = inspect.signature(build).parameters
    known = [name for name, parameter in accepted.items() if parameter.kind is not parameter.VAR_KEYWORD]
    free = sorted({*known} - {"encoder_name", "encoder_weights", "in_channels", "classes", "aux_params"})
    for option, value in options.items():
        # It drops options whose names begin with an underscore, and timm those that are None.
        passed_on = (
            encoder_name.startswith(TIMM) and option not in known and not option.startswith("_") and value is not None
        )
        if option not in free and not passed_on:
            raise InputError(f"smp/{build.__name__}/{encoder_name} has no option {option!r}; {nearest(option, free)}")
        if option in free and isinstance(accepted[option].default, bool) and not isinstance(value, bool):
            raise InputError(f"{option}={value!r}: expected true or false")


def _refusal(error: Exception, architecture: str, encoder_name: str, options: dict[str, Any]) -> str:
    """The message about a network that the library cannot build."""
    if match := re.search(r"(?:unexpected keyword|multiple values for keyword) argument '(.*?)'", str(error)):
        return f"smp/{architecture}/{encoder_name} has no option {match[1]!r}; omit it"
    values = " and ".join(f"{option}={value!r}" for option, value in options.items())
    reason = one_line(error.args[0] if isinstance(error, KeyError) and error.args else error)
    return (
        f"segmentation_models_pytorch cannot build {architecture} on {encoder_name}"
        f"{values and f' with {values}'} ({reason}); use other {'values' if values else 'names'}"
    )


class TorchvisionNetwork(SegmentationNetwork):
    """A segmentation network of torchvision, with random weights.

    Args:
        name: Name in torchvision, such as deeplabv3_resnet50.
        classes: Number of classes.

    Raises:
        InputError: If torchvision has no segmentation network of that name.
    """

    def __init__(self, name: str, *, classes: int = 19) -> None:
        super().__init__({"model": "torchvision", "name": name, "in_channels": 3, "classes": classes}, IMAGENET)
        known = torchvision.models.list_models(module=torchvision.models.segmentation)
        if name not in known:
            raise InputError(f"torchvision has no segmentation network {name}; it has {', '.join(known)}")
        self.network = torchvision.models.get_model(name, weights=None, weights_backbone=None, num_classes=classes)

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n classes h w"]:
        """Logits of every pixel."""
        logits: Tensor = self.network(image)["out"]
        return logits


class EncoderAlone(SegmentationNetwork):
    """A timm encoder without a decoder: returns its last feature in place of logits.

    Args:
        name: Name in timm.
        classes: Unused; all candidates have this argument.
    """

    def __init__(self, name: str, *, classes: int = 19) -> None:
        encoder = create_encoder(name, weights=None, in_channels=3)
        config = {"model": "timm", "encoder_name": name, "in_channels": 3, "classes": classes}
        super().__init__(config, preprocessing_of(encoder, 3))
        self.encoder: nn.Module = encoder

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d i j"]:
        """The last feature."""
        feature: Tensor = self.encoder.forward_features(image)  # type: ignore[operator]
        return feature
