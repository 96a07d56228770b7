"""The plan of the studies: a row for each network, all trained with one recipe from the same seeds.

The small encoders are also compared with the recommended recipe, which is the outcome of the first comparison.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from feedbackward.benchmark.peers import SMP_ENCODERS

Form = Literal["reduced", "full"]

RECIPE = Path(__file__).with_name("camvid.yaml")
SIZES: dict[Form, tuple[int, int]] = {"reduced": (120, 160), "full": (360, 480)}
"""Height and width of the training images in each form of the study; networks are always scored at 360x480."""
VGGS: dict[Form, str] = {"reduced": "vgg16_quarter", "full": "vgg16"}
"""The VGG-16 of each form; the reduced form, for a CPU, has a quarter of its width."""
PAPER = {"output_stride": None, "output_feature": "last", "retrace": "all", "head_input": "sum", "head_kernel_size": 1}
"""The paper's decoder as options of `Feedbackward`."""
RECOMMENDED = {
    "output_stride": 4,
    "output_feature": "first",
    "retrace": "all",
    "head_input": "both",
    "head_kernel_size": 3,
}
"""The decoder options that the study recommends."""
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
        _row("vgg16_pwp", "VGG-PWP", group, "feedbackward", **_decoder_graph(form, permute="possible")),
        _row("vgg16_pwn", "VGG-PWN", group, "feedbackward", **_decoder_graph(form)),
    ]
    return _at_two_rates(rows, "_slow")


def _parts(form: Form) -> list[Row]:
    depths = [
        _row(
            f"vgg16_{short}_{stride}",
            f"VGG-{short.upper()}, output_stride={stride}",
            "Where the decoder ends",
            "feedbackward",
            **_decoder_graph(form, permute=permute, output_stride=stride),
        )
        for short, permute in (("pwn", "necessary"), ("pwp", "possible"))
        for stride in (1, 2, 4)
    ]
    group = "Ablations (VGG-PWN, output_stride=1)"
    parts = [
        _row(f"vgg16_pwn_1_{name}", title, group, model, **_decoder_graph(form, output_stride=1) | changed)
        for name, title, model, changed in (
            ("transitions", "retrace=transitions", "feedbackward", {"retrace": "transitions"}),
            ("flipped", "kernels flipped", "flipped_kernels", {}),
            (
                "possible_flipped",
                "kernels flipped, axes swapped wherever possible (the encoder's adjoint)",
                "flipped_kernels",
                {"permute": "possible"},
            ),
            ("no_skips", "without skip connections", "without_skips", {}),
            ("iou", "IoU loss alone", "feedbackward", {"more": ("--model.loss", "feedbackward.losses.IoULoss")}),
            (
                "ce",
                "cross-entropy alone",
                "feedbackward",
                {"more": ("--model.loss", "feedbackward.losses.CrossEntropyLoss")},
            ),
        )
    ]
    recommended = _row(
        "vgg16_recommended",
        "VGG-16, recommended settings",
        "Where the decoder ends",
        "feedbackward",
        **_decoder_graph(form, **RECOMMENDED),
    )
    return [*depths, recommended, *parts]


def _peers(form: Form) -> list[Row]:
    return [row for encoder in ("resnet18", "mobilenetv2_100") for row in _on_one_encoder(form, encoder)]


def _on_one_encoder(form: Form, encoder: str) -> list[Row]:
    """Ours and its peers with the recommended recipe, then at two learning rates with the study's recipe."""
    options = {"encoder_name": encoder} | RECOMMENDED
    ours = [
        _row(f"{encoder}{name}", f"feedbackward, {title}", encoder, "feedbackward", **options | changed)
        for name, title, changed in (
            ("", "recommended settings", {}),
            ("_transitions", "recommended settings, retrace=transitions", {"retrace": "transitions"}),
        )
    ]
    peer = {"encoder_name": SMP_ENCODERS[encoder]}
    theirs = {
        name: _row(f"{encoder}_{name.lower()}", f"smp.{name}", encoder, "smp", architecture=name, **peer)
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
    network = {"encoder_name": "mobilenetv2_100"} | RECOMMENDED
    recipe = _recommended_recipe(form, RECOMMENDED_RATE)
    supervision = ("--model.loss", "decoder_variants.DeeplySupervisedLoss")
    average = ("--trainer.callbacks+=EMAWeightAveraging", "--trainer.callbacks.decay=0.998")
    group = f"mobilenetv2_100, {SCALED}, one change of the"
    networks = [
        _row(f"trial_{name}", title, f"{group} network each", model, more=(*recipe, *more), **network | changed)
        for name, title, model, changed, more in (
            ("sum", "classifier reads signal plus feature", "feedbackward", {"head_input": "sum"}, ()),
            ("1x1", "classifier of 1x1", "feedbackward", {"head_kernel_size": 1}, ()),
            ("last", "ends at the last feature of stride 4", "feedbackward", {"output_feature": "last"}, ()),
            ("stride_2", "output_stride=2", "feedbackward", {"output_stride": 2}, ()),
            ("early_skips", "skip connections added before the activation", "early_skips", {}, ()),
            ("no_activations", "no activations in the decoder", "without_activations", {}, ()),
            ("group_norm", "group norms in the decoder", "feedbackward", {"decoder_norm": "group"}, ()),
            ("deep_supervision", "a second classifier at the U-turn", "deep_supervision", {}, supervision),
        )
    ]
    recipes = [
        _row(f"trial_{name}", title, f"{group} recipe each", "feedbackward", more=(*recipe, *more), **network)
        for name, title, more in (
            ("iou", "IoU loss alone", ("--model.loss", "feedbackward.losses.IoULoss")),
            ("cosine", "cosine schedule", ("--model.scheduler", "torch.optim.lr_scheduler.CosineAnnealingLR")),
            ("average", "moving average of the weights", average),
        )
    ]
    return [*networks, *recipes]


def _decoder_graph(form: Form, **changed: Any) -> dict[str, Any]:
    """The options of the paper's VGG-PWN, with changes."""
    return {"encoder_name": VGGS[form], "encoder_norm": "batch", "permute": "necessary"} | PAPER | changed


def _row(
    name: str,
    title: str,
    group: str,
    model: str,
    *,
    more: tuple[str, ...] = (),
    crf: Literal["best", "last"] | None = None,
    **options: Any,
) -> Row:
    arguments = ("--model.model", model, "--model.options", json.dumps(options), *more)
    return Row(name, title, group, str(RECIPE), arguments, crf=crf)
