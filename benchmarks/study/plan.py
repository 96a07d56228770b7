"""What the studies train: one row of a table for each network, under one recipe, from the same seeds.

The small encoders are compared under a second recipe too, the recommended one that the first has led to.
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
"""Height and width of CamVid's images in each form of the study; scores are always taken at 360x480."""
VGGS: dict[Form, str] = {"reduced": "vgg16_quarter", "full": "vgg16"}
"""The VGG-16 of each form; on a CPU it has a quarter of its width."""
PAPER = {"output_stride": None, "output_feature": "last", "retrace": "all", "head_input": "sum", "head_kernel_size": 1}
"""The way back of the paper, in the words of `Feedbackward`."""
RECOMMENDED = {
    "output_stride": 4,
    "output_feature": "first",
    "retrace": "all",
    "head_input": "both",
    "head_kernel_size": 3,
}
"""What the study has led to."""
RECOMMENDED_SCALE = (0.75, 1.5)
SCALED = "images scaled by {} to {}".format(*RECOMMENDED_SCALE)
"""How the recommended recipe changes images, in the names of groups."""
RECOMMENDED_RATE = "0.01"
"""The learning rate of our small encoders under the recommended recipe: of the two that the study tries under its own
the better one on mobilenetv2_100."""
PEER_RATES = {"Unet": "0.003", "FPN": "0.01", "DeepLabV3Plus": "0.003"}
"""Networks of segmentation_models_pytorch and their learning rates under the recommended recipe, chosen as ours is;
the study's own for DeepLabV3Plus, where it tries no other."""
OTHER_RATES = {"_slow": "0.001", "_fast": "0.01"}
"""The end of the name of a row that is another one at this learning rate and not the recipe's: no single one is fair
to all, so the paper's networks, ours and its peers are trained at the recipe's and at the neighbor that suits their
kind, from the first seed. The better of the two goes on to the other seeds, and counts."""
CLAIMS = (
    ("vgg16_pwn", "segnet", 18.1),
    ("vgg16_pwn", "deeplab_largefov", 3.9),
    ("vgg16_pwn", "deeplab_largefov_bn", 3.9),
    ("vgg16_pwn", "fcn8s", 3.1),
    ("vgg16_pwn", "fcn8s_bn", 3.1),
    ("vgg16_pwn", "vgg16_pwp", 3.9),
)
"""A network, the one that it is ahead of in the paper, and by how many percent of that one's mean IoU.

Each at the learning rate that suits it better.
"""

PICTURED = (
    "segnet",
    "deeplab_largefov",
    "fcn8s",
    "vgg16_pwn",
    "vgg16_pwn_1",
    "mobilenetv2_100_scaled",
    "mobilenetv2_100_unet_scaled",
)
"""The networks whose predictions are drawn, each at the learning rate that suits it better."""


@dataclass(frozen=True)
class Row:
    """One network of a study.

    Args:
        name: Of its run folders and results.
        title: In the table.
        group: The question that it belongs to.
        recipe: Name or file of the recipe.
        arguments: More for `feedbackward fit`.
        crf: The checkpoint that is scored with DenseCRF too, if any.
        published: The paper's four scores, where it has them.
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
        """The name without the learning rate."""
        return self.name.removesuffix("_slow").removesuffix("_fast")


def best_rates(scores: Mapping[Row, float]) -> dict[str, Row]:
    """Of each network the row at the learning rate that suits it better.

    Args:
        scores: The mean IoU of rows.
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
    """The comparison on CamVid: the paper's networks, what the method's parts do, peers, changes of the recipe."""
    return [*_paper(form), *_parts(form), *_peers(form), *_trials(form)]


def _at_two_rates(rows: Iterable[Row], suffix: str) -> list[Row]:
    return [each for row in rows for each in (row, _at_rate(row, suffix))]


def _at_rate(row: Row, suffix: str) -> Row:
    title = f"{row.title}, learning rate {OTHER_RATES[suffix]}"
    arguments = (*row.arguments, "--model.optimizer.lr", OTHER_RATES[suffix])
    return replace(row, name=row.name + suffix, title=title, arguments=arguments)


def _paper(form: Form) -> list[Row]:
    vgg = VGGS[form]
    # A plain VGG has no norms; from scratch, these two do better with them.
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
            "Where the way back ends",
            "feedbackward",
            **_decoder_graph(form, permute=permute, output_stride=stride),
        )
        for short, permute in (("pwn", "necessary"), ("pwp", "possible"))
        for stride in (1, 2, 4)
    ]
    group = "What the parts do (VGG-PWN, output_stride=1)"
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
            ("no_skips", "skips left out", "without_skips", {}),
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
        "Where the way back ends",
        "feedbackward",
        **_decoder_graph(form, **RECOMMENDED),
    )
    return [*depths, recommended, *parts]


def _peers(form: Form) -> list[Row]:
    return [row for encoder in ("resnet18", "mobilenetv2_100") for row in _on_one_encoder(form, encoder)]


def _on_one_encoder(form: Form, encoder: str) -> list[Row]:
    """Ours and its peers under the recommended recipe, then at two learning rates under the study's."""
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
    """The row under the recommended recipe."""
    return replace(
        row,
        name=f"{row.name}_scaled",
        title=f"{row.title}, learning rate {rate}",
        group=f"{row.group}, {SCALED}",
        arguments=(*row.arguments, *_recommended_recipe(form, rate)),
    )


def _recommended_recipe(form: Form, rate: str) -> tuple[str, ...]:
    """What the recommended recipe has otherwise than the study's."""
    augmentation = {"horizontal_flip": 0.5, "scale": RECOMMENDED_SCALE, "crop": SIZES[form]}
    return ("--data.augmentation", json.dumps(augmentation), "--model.optimizer.lr", rate)


def _trials(form: Form) -> list[Row]:
    """Changes of the recommended settings and recipe, each by itself, on the smallest network.

    To be compared with the row mobilenetv2_100_scaled.
    """
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
            ("early_skips", "skips added before the activation", "early_skips", {}, ()),
            ("no_activations", "no activations on the way back", "without_activations", {}, ()),
            ("group_norm", "group norms on the way back", "feedbackward", {"decoder_norm": "group"}, ()),
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
    """The options of the paper's VGG-PWN, some of them changed."""
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
