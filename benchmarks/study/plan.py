"""What the studies train: one row of a table for each network, under one recipe, from the same seeds."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Form = Literal["reduced", "full"]

RECIPE = Path(__file__).with_name("camvid.yaml")
SIZES: dict[Form, tuple[int, int]] = {"reduced": (120, 160), "full": (360, 480)}
"""Height and width of CamVid's images in each form of the study; scores are always taken at 360x480."""
PEER_ENCODERS = {"resnet18": "resnet18", "mobilenetv2_100": "mobilenet_v2"}
"""timm's encoders of which the peers' library has one of its own, and its name there."""
VGGS: dict[Form, str] = {"reduced": "vgg16_quarter", "full": "vgg16"}
"""The VGG-16 of each form; on a CPU it has a quarter of its width."""
THREE = {"output_feature": "first", "head_input": "both", "head_kernel_size": 3}
"""Where the way back ends and what the classifier reads, changed together."""
UNET = {"architecture": "Unet", "encoder_name": PEER_ENCODERS["mobilenetv2_100"]}
CLAIMS = (
    ("vgg16_pwn", "segnet", 18.1),
    ("vgg16_pwn", "deeplab_largefov", 3.9),
    ("vgg16_pwn", "fcn8s", 3.1),
    ("vgg16_pwn", "vgg16_pwp", 3.9),
)
"""A network, the one that it is ahead of in the paper, and by how many percent of that one's mean IoU."""


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
    return [*_paper(form), *_parts(form), *_peers(), *_trials(form)]


def _paper(form: Form) -> list[Row]:
    vgg = VGGS[form]
    # A plain VGG has no norms; from scratch, these two do better with them.
    with_norms = vgg.replace("vgg16", "vgg16_bn")
    group = "The paper's networks"
    return [
        _row("segnet", "SegNet", group, "segnet", encoder_name=vgg),
        _row("deeplab_largefov", "DeepLab-LargeFOV", group, "deeplab_largefov", crf="last", encoder_name=vgg),
        _row("fcn8s", "FCN-8s", group, "fcn8s", encoder_name=vgg),
        _row(
            "deeplab_largefov_bn", "DeepLab-LargeFOV, batch norms", group, "deeplab_largefov", encoder_name=with_norms
        ),
        _row("fcn8s_bn", "FCN-8s, batch norms", group, "fcn8s", encoder_name=with_norms),
        _row("vgg16_pwp", "VGG-PWP", group, "feedbackward", **_way_back(form, permute="possible")),
        _row("vgg16_pwn", "VGG-PWN", group, "feedbackward", **_way_back(form)),
    ]


def _parts(form: Form) -> list[Row]:
    depths = [
        _row(
            f"vgg16_{short}_{stride}",
            f"VGG-{short.upper()}, output_stride={stride}",
            "Where the way back ends",
            "feedbackward",
            **_way_back(form, permute=permute, output_stride=stride),
        )
        for short, permute in (("pwn", "necessary"), ("pwp", "possible"))
        for stride in (1, 2, 4)
    ]
    group = "What the parts do (VGG-PWN, output_stride=1)"
    shallow = _way_back(form, output_stride=1)
    losses = [
        _row(f"vgg16_pwn_1_{name}", title, group, "feedbackward", more=("--model.loss", loss), **shallow)
        for name, title, loss in (
            ("iou", "IoU loss alone", "feedbackward.losses.IoULoss"),
            ("ce", "cross-entropy alone", "feedbackward.losses.CrossEntropyLoss"),
        )
    ]
    return [
        *depths,
        _row(
            "vgg16_pwn_1_transitions",
            "retrace=transitions",
            group,
            "feedbackward",
            **shallow | {"retrace": "transitions"},
        ),
        _row("vgg16_pwn_1_flipped", "kernels flipped", group, "flipped_kernels", **shallow),
        _row(
            "vgg16_pwp_1_flipped",
            "kernels flipped, axes swapped wherever possible (the encoder's adjoint)",
            group,
            "flipped_kernels",
            **shallow | {"permute": "possible"},
        ),
        _row("vgg16_pwn_1_no_skips", "skips left out", group, "without_skips", **shallow),
        *losses,
    ]


def _peers() -> list[Row]:
    return [
        row
        for encoder, theirs in PEER_ENCODERS.items()
        for row in (
            _row(f"{encoder}_all", "feedbackward, retrace=all", encoder, "feedbackward", encoder_name=encoder),
            _row(
                f"{encoder}_transitions",
                "feedbackward, retrace=transitions",
                encoder,
                "feedbackward",
                encoder_name=encoder,
                retrace="transitions",
            ),
            _row(
                f"{encoder}_first_both_3x3",
                "feedbackward, retrace=transitions, ends at the first feature, classifier of 3x3 that reads both",
                encoder,
                "feedbackward",
                encoder_name=encoder,
                retrace="transitions",
                **THREE,
            ),
            *(
                _row(f"{encoder}_{name.lower()}", f"smp.{name}", encoder, "smp", architecture=name, encoder_name=theirs)
                for name in ("Unet", "FPN", "DeepLabV3Plus")
            ),
        )
    ]


def _trials(form: Form) -> list[Row]:
    """Changes of the network and of the recipe, each by itself, on the smallest network."""
    height, width = SIZES[form]
    scaled = json.dumps({"horizontal_flip": 0.5, "scale": [0.75, 1.5], "crop": [height, width]})
    # Compared with the row mobilenetv2_100_transitions.
    network = {"encoder_name": "mobilenetv2_100", "retrace": "transitions"}
    group = "Changes of the network and the recipe (mobilenetv2_100, transitions)"
    changes = [
        _row(f"trial_{name}", title, group, model, **network, **options)
        for name, title, model, options in (
            ("early_skips", "skips added before the activation", "early_skips", {}),
            ("no_activations", "no activations on the way back", "without_activations", {}),
            ("group_norm", "group norms on the way back", "feedbackward", {"decoder_norm": "group"}),
            ("both", "classifier reads signal and feature side by side", "feedbackward", {"head_input": "both"}),
            ("head_3x3", "classifier of 3x3", "feedbackward", {"head_kernel_size": 3}),
            (
                "deep_supervision",
                "a second classifier at the U-turn, in training",
                "deep_supervision",
                {"more": ("--model.loss", "ways_back.DeeplySupervisedLoss")},
            ),
            ("first", "ends at the first feature of stride 4", "feedbackward", {"output_feature": "first"}),
            (
                "first_2",
                "ends at the first feature of stride 2",
                "feedbackward",
                {"output_feature": "first", "output_stride": 2},
            ),
            ("many_heads", "a classifier at each stride, their scores added", "many_heads", {"output_stride": 4}),
            (
                "cosine",
                "cosine schedule",
                "feedbackward",
                {"more": ("--model.scheduler", "torch.optim.lr_scheduler.CosineAnnealingLR")},
            ),
        )
    ]
    group = "First feature, classifier of 3x3 that reads both (mobilenetv2_100, transitions)"
    varied = json.dumps({"horizontal_flip": 0.5, "scale": [0.75, 1.5], "crop": [height, width], "color_jitter": 0.3})
    rate = ("--model.optimizer.lr", "0.003")
    three = [
        _row(f"trial_three_{name}", title, group, model, **options)
        for name, title, model, options in (
            ("5x5", "classifier of 5x5", "feedbackward", network | THREE | {"head_kernel_size": 5}),
            ("2", "output_stride=2", "feedbackward", network | THREE | {"output_stride": 2}),
            ("varied", "random scale and colours", "feedbackward", network | THREE | {"more": _augmented(varied)}),
            ("rate", "learning rate 0.003", "feedbackward", network | THREE | {"more": rate}),
            ("unet_varied", "smp.Unet, random scale and colours", "smp", UNET | {"more": _augmented(varied)}),
            ("unet_rate", "smp.Unet, learning rate 0.003", "smp", UNET | {"more": rate}),
        )
    ]
    network = network | {"output_stride": 2}
    group = "Changes of the recipe (mobilenetv2_100, transitions, output_stride=2)"
    finer = [
        _row(f"trial_stride_2{name}", title, group, "feedbackward", **network, more=more)
        for name, title, more in (
            ("", "output_stride=2", ()),
            ("_scaled", "random scale", _augmented(scaled)),
            (
                "_average",
                "moving average of the weights",
                ("--trainer.callbacks+=EMAWeightAveraging", "--trainer.callbacks.decay=0.998"),
            ),
            (
                "_decay",
                "AdamW with weight decay 0.05",
                ("--model.optimizer", "torch.optim.AdamW", "--model.optimizer.weight_decay", "0.05"),
            ),
        )
    ]
    return [*changes, *three, *finer]


def _augmented(augmentation: str) -> tuple[str, str]:
    return ("--data.augmentation", augmentation)


def _way_back(form: Form, **changed: Any) -> dict[str, Any]:
    """The options of the paper's VGG-PWN, some of them changed."""
    paper = {"encoder_name": VGGS[form], "encoder_norm": "batch", "output_stride": None, "permute": "necessary"}
    return paper | changed


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
