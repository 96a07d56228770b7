"""The plan of the studies: a row for each network, all trained with one recipe from the same seeds.

The small encoders are also compared with the recommended recipe, which is the outcome of the first comparison.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from feedbackward.benchmark.peers import SMP_ENCODERS
from feedbackward.decoder_config import PAPER, DecoderConfig

Form = Literal["reduced", "full"]

RECIPE = Path(__file__).with_name("camvid.yaml")
SIZES: dict[Form, tuple[int, int]] = {"reduced": (120, 160), "full": (360, 480)}
"""Height and width of the training images in each form of the study; networks are always scored at 360x480."""
VGGS: dict[Form, str] = {"reduced": "vgg16_quarter", "full": "vgg16"}
"""The VGG-16 of each form; the reduced form, for a CPU, has a quarter of its width."""
RECOMMENDED = DecoderConfig(output_stride=4)
"""The decoder that the study recommends."""
RECOMMENDED_SCALE = (0.75, 1.5)
SCALED = "images scaled by {} to {}".format(*RECOMMENDED_SCALE)
"""The augmentation of the recommended recipe, in the titles of groups."""
RECOMMENDED_RATE = "0.01"
"""The learning rate of our small encoders with the recommended recipe: of the two that the study tries with its own
recipe, the better one on mobilenetv2_100."""
PEER_RATES = {"Unet": "0.003", "FPN": "0.01", "DeepLabV3Plus": "0.003"}
"""Networks of segmentation_models_pytorch and their learning rates with the recommended recipe, chosen like ours;
for DeepLabV3Plus, where the study tries no other, the rate of its own recipe."""
OTHER_RATES = {"_slow": "0.001", "_fast": "0.01"}
"""Learning rates other than the recipe's, by the suffix of their rows' names.

No single rate is fair to all networks, so the paper's networks, ours and its peers are trained from the first seed at
two: the recipe's and a neighboring one. The better one is trained from the other seeds too, and counts."""
CLAIMS = (
    ("vgg16_pwn", "segnet", 18.1),
    ("vgg16_pwn", "deeplab_largefov", 3.9),
    ("vgg16_pwn", "deeplab_largefov_bn", 3.9),
    ("vgg16_pwn", "fcn8s", 3.1),
    ("vgg16_pwn", "fcn8s_bn", 3.1),
    ("vgg16_pwn", "vgg16_pwp", 3.9),
)
"""Pairs of networks and how much better the first one's mean IoU is in the paper, in percent of the second one's."""

PICTURED = (
    "segnet",
    "deeplab_largefov",
    "fcn8s",
    "vgg16_pwn",
    "vgg16_pwn_1",
    "mobilenetv2_100_scaled",
    "mobilenetv2_100_unet_scaled",
)
"""The networks whose predictions are drawn, each at its better learning rate."""


@dataclass(frozen=True)
class Row:
    """One network of a study.

    Args:
        name: Name in run folders and results.
        title: Title in the table.
        group: The part of the table that it belongs to.
        recipe: Name or file of the recipe.
        arguments: Further arguments of `feedbackward fit`.
        crf: The checkpoint to score with DenseCRF too, if any.
        published: The four scores in the paper, if it has them.
    """

    name: str
    title: str
    group: str
    recipe: str
    arguments: tuple[str, ...] = ()
    crf: Literal["best", "last"] | None = None
    published: tuple[float, float, float, float] | None = None

    @property
    def network(self) -> str:
        """The name without the suffix of the learning rate."""
        return self.name.removesuffix("_slow").removesuffix("_fast")


def best_rates(scores: Mapping[Row, float]) -> dict[str, Row]:
    """For each network the row at its better learning rate.

    Args:
        scores: The mean IoU of each row.
    """
    return {row.network: row for row in sorted(scores, key=scores.__getitem__)}


def cityscapes() -> list[Row]:
    """The paper's Table 1."""
    return [
        Row(name, title, "Table 1", f"cityscapes_{name}", crf=crf, published=published)
        for name, title, crf, published in (
            ("segnet", "SegNet", None, (57.0, 32.0, 79.1, 61.9)),
            ("deeplab_largefov", "DeepLab-LargeFOV", "best", (64.8, 34.9, 81.3, 58.7)),
            ("vgg16_pwp", "VGG-PWP", None, (64.8, 41.9, 86.3, 71.8)),
            ("fcn8s", "FCN-8s", None, (65.3, 41.7, 85.7, 70.1)),
            ("vgg16_pwn", "VGG-PWN", None, (67.3, 45.3, 88.1, 73.5)),
        )
    ]


def camvid(form: Form) -> list[Row]:
    """The comparison on CamVid: the paper's networks, ablations, peers, changes of the recipe."""
    return [*_paper(form), *_parts(form), *_peers(form), *_trials(form)]


def _at_two_rates(rows: Iterable[Row], suffix: str) -> list[Row]:
    return [each for row in rows for each in (row, _at_rate(row, suffix))]


def _at_rate(row: Row, suffix: str) -> Row:
    title = f"{row.title}, learning rate {OTHER_RATES[suffix]}"
    arguments = (*row.arguments, "--model.optimizer.lr", OTHER_RATES[suffix])
    return replace(row, name=row.name + suffix, title=title, arguments=arguments)


def _paper(form: Form) -> list[Row]:
    vgg = VGGS[form]
    # A plain VGG has no norms; trained from scratch, these two are better with them.
    with_norms = vgg.replace("vgg16", "vgg16_bn")
    group = "The paper's networks"
    rows = [
        _row("segnet", "SegNet", group, "segnet", encoder_name=vgg),
        _row("deeplab_largefov", "DeepLab-LargeFOV", group, "deeplab_largefov", crf="last", encoder_name=vgg),
        _row("fcn8s", "FCN-8s", group, "fcn8s", encoder_name=vgg),
        _row(
            "deeplab_largefov_bn",
            "DeepLab-LargeFOV, batch norms",
            group,
            "deeplab_largefov",
            crf="last",
            encoder_name=with_norms,
        ),
        _row("fcn8s_bn", "FCN-8s, batch norms", group, "fcn8s", encoder_name=with_norms),
        _vgg_row(form, "vgg16_pwp", "VGG-PWP", group, replace(PAPER, permute="possible")),
        _vgg_row(form, "vgg16_pwn", "VGG-PWN", group, PAPER),
    ]
    return _at_two_rates(rows, "_slow")


def _parts(form: Form) -> list[Row]:
    group = "Where the decoder ends"
    depths = [
        _vgg_row(
            form,
            f"vgg16_{short}_{stride}",
            f"VGG-{short.upper()}, output_stride={stride}",
            group,
            replace(PAPER, permute=permute, output_stride=stride),
        )
        for short, permute in (("pwn", "necessary"), ("pwp", "possible"))
        for stride in (1, 2, 4)
    ]
    depths.append(_vgg_row(form, "vgg16_recommended", "VGG-16, recommended settings", group, RECOMMENDED))
    group = "Ablations (VGG-PWN, output_stride=1)"
    base = replace(PAPER, output_stride=1)
    ablations = [
        _vgg_row(form, f"vgg16_pwn_1_{name}", title, group, decoder, variant=variant, more=more)
        for name, title, decoder, variant, more in (
            ("transitions", "retrace=transitions", replace(base, retrace="transitions"), None, ()),
            ("flipped", "kernels flipped", base, "flipped_kernels", ()),
            (
                "possible_flipped",
                "kernels flipped, axes swapped wherever possible (the encoder's adjoint)",
                replace(base, permute="possible"),
                "flipped_kernels",
                (),
            ),
            ("no_skips", "without skip connections", base, "without_skips", ()),
            ("iou", "IoU loss alone", base, None, ("--model.loss", "feedbackward.losses.IoULoss")),
            ("ce", "cross-entropy alone", base, None, ("--model.loss", "feedbackward.losses.CrossEntropyLoss")),
        )
    ]
    return [*depths, *ablations]


def _peers(form: Form) -> list[Row]:
    return [row for encoder in ("resnet18", "mobilenetv2_100") for row in _on_one_encoder(form, encoder)]


def _on_one_encoder(form: Form, encoder: str) -> list[Row]:
    """Ours and its peers with the recommended recipe, then at two learning rates with the study's recipe."""
    ours = [
        _row(f"{encoder}{name}", f"feedbackward, {title}", encoder, encoder, decoder=decoder)
        for name, title, decoder in (
            ("", "recommended settings", RECOMMENDED),
            (
                "_transitions",
                "recommended settings, retrace=transitions",
                replace(RECOMMENDED, retrace="transitions"),
            ),
        )
    ]
    theirs = {
        name: _row(
            f"{encoder}_{name.lower()}", f"smp.{name}", encoder, f"smp/{name}", encoder_name=SMP_ENCODERS[encoder]
        )
        for name in PEER_RATES
    }
    scaled = [_scaled(form, row, RECOMMENDED_RATE) for row in ours]
    scaled += [_scaled(form, theirs[name], rate) for name, rate in PEER_RATES.items()]
    return [*scaled, *_at_two_rates((ours[0], theirs["Unet"], theirs["FPN"]), "_fast")]


def _scaled(form: Form, row: Row, rate: str) -> Row:
    """The row with the recommended recipe."""
    return replace(
        row,
        name=f"{row.name}_scaled",
        title=f"{row.title}, learning rate {rate}",
        group=f"{row.group}, {SCALED}",
        arguments=(*row.arguments, *_recommended_recipe(form, rate)),
    )


def _recommended_recipe(form: Form, rate: str) -> tuple[str, ...]:
    """The arguments that turn the study's recipe into the recommended one."""
    augmentation = {"horizontal_flip": 0.5, "scale": RECOMMENDED_SCALE, "crop": SIZES[form]}
    return ("--data.augmentation", json.dumps(augmentation), "--model.optimizer.lr", rate)


def _trials(form: Form) -> list[Row]:
    """Single changes of the recommended settings and recipe on the smallest network, mobilenetv2_100_scaled."""
    encoder = "mobilenetv2_100"
    recipe = _recommended_recipe(form, RECOMMENDED_RATE)
    supervision = ("--model.loss", "decoder_variants.DeeplySupervisedLoss")
    average = ("--trainer.callbacks+=EMAWeightAveraging", "--trainer.callbacks.decay=0.998")
    group = f"{encoder}, {SCALED}, one change of the"
    networks = [
        _variant_row(
            f"trial_{name}", title, f"{group} network each", encoder, decoder, variant=variant, more=(*recipe, *more)
        )
        for name, title, decoder, variant, more in (
            ("sum", "classifier reads signal plus feature", replace(RECOMMENDED, head_input="sum"), None, ()),
            ("1x1", "classifier of 1x1", replace(RECOMMENDED, head_kernel_size=1), None, ()),
            ("last", "ends at the last feature of stride 4", replace(RECOMMENDED, output_feature="last"), None, ()),
            ("stride_2", "output_stride=2", replace(RECOMMENDED, output_stride=2), None, ()),
            ("early_skips", "skip connections added before the activation", RECOMMENDED, "early_skips", ()),
            ("no_activations", "no activations in the decoder", RECOMMENDED, "without_activations", ()),
            ("group_norm", "group norms in the decoder", replace(RECOMMENDED, norm="group"), None, ()),
            ("deep_supervision", "a second classifier at the U-turn", RECOMMENDED, "deep_supervision", supervision),
        )
    ]
    recipes = [
        _row(f"trial_{name}", title, f"{group} recipe each", encoder, decoder=RECOMMENDED, more=(*recipe, *more))
        for name, title, more in (
            ("iou", "IoU loss alone", ("--model.loss", "feedbackward.losses.IoULoss")),
            ("cosine", "cosine schedule", ("--model.scheduler", "torch.optim.lr_scheduler.CosineAnnealingLR")),
            ("average", "moving average of the weights", average),
        )
    ]
    return [*networks, *recipes]


def _vgg_row(
    form: Form,
    name: str,
    title: str,
    group: str,
    decoder: DecoderConfig,
    *,
    variant: str | None = None,
    more: tuple[str, ...] = (),
) -> Row:
    """A row of our network on a form's VGG-16, with a batch norm after each convolution."""
    norms = ("--model.encoder_norm", "batch")
    return _variant_row(name, title, group, VGGS[form], decoder, variant=variant, more=(*norms, *more))


def _variant_row(
    name: str,
    title: str,
    group: str,
    encoder: str,
    decoder: DecoderConfig,
    *,
    variant: str | None = None,
    more: tuple[str, ...] = (),
) -> Row:
    """A row of our network on an encoder, or of one of decoder_variants."""
    if variant is None:
        return _row(name, title, group, encoder, decoder=decoder, more=more)
    return _row(name, title, group, variant, encoder_name=encoder, decoder=decoder, more=more)


def _row(
    name: str,
    title: str,
    group: str,
    model: str,
    *,
    encoder_name: str | None = None,
    decoder: DecoderConfig | None = None,
    more: tuple[str, ...] = (),
    crf: Literal["best", "last"] | None = None,
) -> Row:
    arguments: tuple[str, ...] = ("--model.name", model)
    if encoder_name is not None:
        arguments += ("--model.encoder_name", encoder_name)
    if decoder is not None:
        arguments += ("--model.decoder", json.dumps(decoder.to_dict()))
    return Row(name, title, group, str(RECIPE), (*arguments, *more), crf=crf)
