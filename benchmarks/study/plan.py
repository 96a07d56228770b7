"""The plans of the studies: groups of rows, each a network that is trained at one or several learning rates."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from feedbackward.decoder_config import PAPER, DecoderConfig

RECIPE = Path(__file__).with_name("claims.yaml")
WEIGHTS, STUDY = "WEIGHTS", "STUDY"
"""Stand for the folder of ImageNet weights, and that of the study, in the arguments of a row."""

PLAIN = DecoderConfig(retrace="all")
OWN = replace(PLAIN, rank=16, head_channels=64, head_strides="all")
"""Our decoder with a part of its own and a classifier that reads several strides."""
FINE = replace(OWN, output_stride=2, head_channels=32)
"""The same for thin things: it ends at stride 2, with a narrower classifier."""
VARIANTS = ("flipped_kernels", "without_skips", "parallel_low_rank")
"""Our network with a changed decoder."""
FULL_RATES, FROZEN_RATES = ("0.003", "0.001"), ("0.01", "0.003")
"""The learning rates that are tried where all is trained, and where the encoder is frozen."""
OUR_RATE = PEER_RATE = "0.003"
FROZEN_RATE = "0.01"
"""Those that were better on CamVid, for ours, for Unet and Segformer, and on a frozen encoder; used on other data."""


@dataclass(frozen=True)
class Row:
    """One network of a study.

    Args:
        name: Name in run folders and results.
        title: Title in the table.
        recipe: Name or file of the recipe.
        arguments: Further arguments of `feedbackward fit`.
        data: Folder of its data set, in the folder of all data sets; "" for that folder itself.
        images: Number of training images; None for all.
        rates: The learning rates to try from the first seed; none for the recipe's own.
        seeds: The number of seeds at the best of these rates.
        crf: The checkpoint to score with DenseCRF too, if any.
        published: The four scores in the paper, if it has them.
    """

    name: str
    title: str
    recipe: str
    arguments: tuple[str, ...] = ()
    data: str = ""
    images: int | None = None
    rates: tuple[str, ...] = ()
    seeds: int = 1
    crf: Literal["best", "last"] | None = None
    published: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Group:
    """Rows that are compared with each other.

    Args:
        name: Name on the command line.
        title: Title of its table.
        size: Height and width of the images that its networks see.
        rows: Its rows.
    """

    name: str
    title: str
    size: tuple[int, int]
    rows: tuple[Row, ...]

    def only(self, rows: Iterable[Row]) -> "Group":
        """The group with these of its rows."""
        return replace(self, rows=tuple(rows))

    def in_full(self) -> "Group":
        """The group in its full form, for a GPU: three times the height and width, 150 epochs, bfloat16."""
        size = (3 * self.size[0], 3 * self.size[1])
        more = ("--data.size", json.dumps(size), "--data.augmentation.crop", json.dumps(size))
        more += ("--data.num_workers", "2", "--trainer.accelerator", "gpu", "--trainer.precision", "bf16-mixed")
        more += ("--trainer.max_epochs", "150", "--trainer.check_val_every_n_epoch", "50")
        rows = (replace(row, arguments=(*row.arguments, *more)) for row in self.rows)
        return replace(self.only(rows), size=size)

    def with_seeds(self, most: int) -> "Group":
        """The group with at most so many seeds of each row."""
        return self.only(replace(row, seeds=min(row.seeds, most)) for row in self.rows)


def cityscapes() -> list[Group]:
    """The paper's Table 1."""
    rows = tuple(
        Row(name, title, f"cityscapes_{name}", crf=crf, published=published, seeds=2)
        for name, title, crf, published in (
            ("segnet", "SegNet", None, (57.0, 32.0, 79.1, 61.9)),
            ("deeplab_largefov", "DeepLab-LargeFOV", "best", (64.8, 34.9, 81.3, 58.7)),
            ("vgg16_pwp", "VGG-PWP", None, (64.8, 41.9, 86.3, 71.8)),
            ("fcn8s", "FCN-8s", None, (65.3, 41.7, 85.7, 70.1)),
            ("vgg16_pwn", "VGG-PWN", None, (67.3, 45.3, 88.1, 73.5)),
        )
    )
    return [Group("table_1", "Table 1", (512, 1024), rows)]


def claims() -> list[Group]:
    """What we claim, in the order in which it matters."""
    return [
        _lite0(),
        *_thin_and_round(),
        _own_part(),
        _few_images("nuclei"),
        _vgg(),
        _lite2(),
        _from_scratch(),
        _few_images("coffee_leaves"),
        _stages(),
        _larger(),
    ]


def _lite0() -> Group:
    """EfficientNet-Lite0 on CamVid: ours and its peers, fully trained and with the encoder frozen."""
    ours = [
        _ours("lite0_frozen", "ours, encoder frozen", OWN, frozen=True, seeds=3),
        _ours("lite0", "ours", OWN, seeds=3),
        _ours("lite0_frozen_2", "ours at stride 2, encoder frozen", FINE, frozen=True, rates=(FROZEN_RATE,), seeds=3),
        _ours("lite0_2", "ours at stride 2", FINE, rates=(OUR_RATE,), seeds=3),
        _peer("lite0_unet", "smp.Unet", "Unet", seeds=3),
        _peer("lite0_segformer", "smp.Segformer, 128 channels", "Segformer", seeds=3),
        _peer(
            "lite0_segformer_frozen", "smp.Segformer, 128 channels, encoder frozen", "Segformer", frozen=True, seeds=3
        ),
        _peer(
            "lite0_small_unet_frozen", "smp.Unet, 64 to 16 channels, encoder frozen", "SmallUnet", frozen=True, seeds=3
        ),
        _peer("lite0_fpn", "smp.FPN", "FPN", seeds=3),
        _peer("lite0_deeplabv3plus", "smp.DeepLabV3Plus", "DeepLabV3Plus"),
        _ours("lite0_plain", "ours, rank 0 and a classifier of one layer", PLAIN),
        _ours(
            "lite0_plain_frozen",
            "ours, rank 0 and a classifier of one layer, encoder frozen",
            PLAIN,
            frozen=True,
        ),
        _encoder_slower("lite0_slower_encoder", "ours, the encoder at 0.3 of the learning rate"),
        _ours("lite0_transitions", "ours, retrace=transitions", replace(OWN, retrace="transitions"), rates=(OUR_RATE,)),
        _peer(
            "lite0_small_segformer_frozen",
            "smp.Segformer, 64 channels, encoder frozen",
            "SmallSegformer",
            frozen=True,
            rates=(FROZEN_RATE,),
        ),
        _peer("lite0_unet_frozen", "smp.Unet, encoder frozen", "Unet", frozen=True, rates=(FROZEN_RATE,), seeds=3),
        _peer("lite0_fpn_frozen", "smp.FPN, encoder frozen", "FPN", frozen=True, rates=(FROZEN_RATE,), seeds=3),
        _peer(
            "lite0_deeplabv3plus_frozen",
            "smp.DeepLabV3Plus, encoder frozen",
            "DeepLabV3Plus",
            frozen=True,
            rates=(FROZEN_RATE,),
        ),
    ]
    return _on("camvid", (120, 160), "camvid", "EfficientNet-Lite0 on CamVid", ours)


def _encoder_slower(name: str, title: str) -> Row:
    """Ours, with the learning rate of a frozen encoder's decoder, and about that of a trained one for the encoder."""
    row = _ours(name, title, OWN, rates=(FROZEN_RATE,))
    return replace(row, arguments=(*row.arguments, "--model.rates.encoder", "0.3"))


def _own_part() -> Group:
    """What the decoder's own part needs: one change each."""
    frozen = [
        (f"rank_{rank}", f"rank {rank}", replace(OWN, rank=rank), "tf_efficientnet_lite0")
        for rank in (0, 4, 32, "full")
    ]
    frozen += [
        (
            f"up_to_{channels}",
            f"updates in layers of at most {channels} channels",
            replace(OWN, rank_channels=channels),
            "tf_efficientnet_lite0",
        )
        for channels in (112,)
    ]
    frozen += [
        ("parallel", "updates parallel to the shared convolution (LoRA)", OWN, "parallel_low_rank"),
        (
            "head_one_layer",
            "classifier of one layer",
            replace(OWN, head_channels=0, head_strides="output"),
            "tf_efficientnet_lite0",
        ),
        (
            "head_one_stride",
            "classifier reads the output stride alone",
            replace(OWN, head_strides="output"),
            "tf_efficientnet_lite0",
        ),
        *(
            (
                f"head_{width}",
                f"classifier of {width} channels",
                replace(OWN, head_channels=width),
                "tf_efficientnet_lite0",
            )
            for width in (32, 128)
        ),
    ]
    rows = [
        _ours(
            f"frozen_{name}",
            f"encoder frozen, {title}",
            decoder,
            frozen=True,
            model=model,
            rates=(FROZEN_RATE,),
            seeds=3 if name in ("rank_0", "parallel") else 1,  # what is compared with rank 16
        )
        for name, title, decoder, model in frozen
    ]
    rows += [
        _ours(f"full_{name}", f"all trained, {title}", decoder, rates=(OUR_RATE,))
        for name, title, decoder, _ in frozen
        if name in ("rank_0", "head_one_layer")
    ]
    rows += [
        _ours(f"full_{variant}", f"all trained, {title}", OWN, model=variant, rates=(OUR_RATE,))
        for variant, title in (("flipped_kernels", "kernels flipped"), ("without_skips", "without skip connections"))
    ]
    return _on("camvid", (120, 160), "own_part", "The decoder's own part, one change each", rows)


def _thin_and_round() -> list[Group]:
    """Coffee leaves, whose symptoms are thin, and nuclei."""
    groups = []
    for data, size, title in (
        ("coffee_leaves", (128, 256), "Coffee leaves"),
        ("nuclei", (192, 192), "Nuclei"),
    ):
        rows = [
            _ours(f"{data}_frozen_2", "ours at stride 2, encoder frozen", FINE, frozen=True, rates=(FROZEN_RATE,)),
            _ours(f"{data}_frozen", "ours, encoder frozen", OWN, frozen=True, rates=(FROZEN_RATE,)),
            _ours(f"{data}_full_2", "ours at stride 2", FINE, rates=(OUR_RATE,)),
            _peer(f"{data}_unet", "smp.Unet", "Unet", rates=(PEER_RATE,)),
            _peer(f"{data}_segformer", "smp.Segformer, 128 channels", "Segformer", rates=(PEER_RATE,)),
            _ours(f"{data}_full", "ours", OWN, rates=(OUR_RATE,)),
        ]
        rows = [_for_epochs(row, 6) for row in rows]
        groups.append(_on(data, size, data, title, rows))
    return groups


def _few_images(data: str) -> Group:
    """Trained on few images, for 600 of them in all."""
    size = {"coffee_leaves": (128, 256), "nuclei": (192, 192)}[data]
    rows = []
    for images in (10, 50):
        given = {"frozen": True, "rates": (FROZEN_RATE,)}
        rows += [
            replace(_for_epochs(row, 600 // images), images=images)
            for row in (
                _ours(f"{data}_{images}_frozen", f"{images} images: ours at stride 2, encoder frozen", FINE, **given),
                _peer(f"{data}_{images}_unet", f"{images} images: smp.Unet", "Unet", rates=(PEER_RATE,)),
            )
        ]
    return _on(data, size, f"{data}_few", f"{data.replace('_', ' ').capitalize()}, few images", rows)


def _vgg() -> Group:
    """The paper's networks from the original VGG-16 weights, in bfloat16, at rates that suited them from scratch."""
    norms = ("--model.encoder_norm", "batch")
    weights = "vgg16_convolutions"
    precision = ("--trainer.precision", "bf16-mixed")

    def ours(name: str, title: str, decoder: DecoderConfig) -> Row:
        row = _ours(f"vgg16_{name}", title, decoder, model="vgg16", weights=weights, rates=(OUR_RATE,))
        return _for_epochs(replace(row, arguments=(*row.arguments, *norms, *precision)), 10)

    def baseline(name: str, title: str, *, model: str | None = None, crf: Literal["last"] | None = None) -> Row:
        row = _row(name, title, model or name, weights=weights, rates=("0.001",))
        return _for_epochs(replace(row, arguments=(*row.arguments, *precision), crf=crf), 10)

    unet = _peer("vgg16_unet", "smp.Unet", "Unet", encoder="vgg16", weights=weights, rates=("0.001", PEER_RATE))
    rows = [
        ours("pwn", "VGG-PWN, back to the image", PAPER),
        baseline("segnet", "SegNet"),
        ours("pwn_4", "VGG-PWN, output_stride=4", replace(PAPER, output_stride=4)),
        baseline("fcn8s", "FCN-8s (fc6 and fc7 from scratch)", model="fcn8s_convolutions"),
        baseline(
            "deeplab_largefov",
            "DeepLab-LargeFOV (fc6 and fc7 from scratch)",
            model="deeplab_largefov_convolutions",
            crf="last",
        ),
        ours("own", "ours, rank 16 and a classifier of several strides", OWN),
        ours("pwn_2", "VGG-PWN, output_stride=2", replace(PAPER, output_stride=2)),
        ours("plain", "ours, rank 0 and a classifier of one layer", PLAIN),
        ours("transitions", "the same, transitions", replace(PLAIN, retrace="transitions")),
        _for_epochs(replace(unet, arguments=(*unet.arguments, *precision)), 10),
    ]
    return _on("camvid", (96, 128), "vgg16", "The whole VGG-16 on CamVid", rows)


def _lite2() -> Group:
    lite2 = {"model": "tf_efficientnet_lite2", "weights": "tf_efficientnet_lite2"}
    rows = [
        _ours("lite2_frozen", "ours, encoder frozen", OWN, frozen=True, rates=(FROZEN_RATE,), **lite2),
        _ours("lite2", "ours", OWN, rates=(OUR_RATE,), **lite2),
        _peer("lite2_unet", "smp.Unet", "Unet", encoder="tf_efficientnet_lite2", rates=(PEER_RATE,)),
    ]
    return _on("camvid", (120, 160), "lite2", "EfficientNet-Lite2 on CamVid", rows)


def _from_scratch() -> Group:
    """From random weights, each at the learning rate that was better for it in an earlier study."""
    encoder = "mobilenetv2_100"
    rows = [
        _ours(encoder, "ours", OWN, model=encoder, weights=None, rates=("0.01",)),
        _peer(f"{encoder}_unet", "smp.Unet", "Unet", encoder=encoder, weights=None, rates=("0.003",)),
        _ours(
            f"{encoder}_plain",
            "ours, rank 0 and a classifier of one layer",
            PLAIN,
            model=encoder,
            weights=None,
            rates=("0.01",),
        ),
    ]
    rows = [_for_epochs(row, 18) for row in rows]
    return _on("camvid", (120, 160), encoder, f"{encoder} from random weights on CamVid", rows)


def _stages() -> Group:
    """Decoders that cost little more than their encoder, whose skip connections join the signal once at each stride."""
    variants = (
        ("", "", {}),
        ("_32", ", classifier of 32 channels", {"head_channels": 32}),
        ("_32_rank_0", ", rank 0, classifier of 32 channels", {"rank": 0, "head_channels": 32}),
        ("_one_layer", ", classifier of one layer", {"head_channels": 0, "head_strides": "output"}),
        ("_plain", ", rank 0, classifier of one layer", {"rank": 0, "head_channels": 0, "head_strides": "output"}),
    )
    rows = []
    for name, title, options in variants:
        decoder = replace(OWN, retrace="stages", **options)
        rows.append(_ours(f"stages{name}", f"ours, retrace=stages{title}", decoder, rates=(OUR_RATE,), seeds=2))
    rows.append(
        _ours(
            "stages_frozen",
            "ours, retrace=stages, encoder frozen",
            replace(OWN, retrace="stages"),
            frozen=True,
            rates=(FROZEN_RATE,),
        )
    )
    return _on("camvid", (120, 160), "stages", "EfficientNet-Lite0 on CamVid, decoders of stages", rows)


def _larger() -> Group:
    """The three networks that matter, at twice the height and width."""
    rows = [
        _ours("larger_frozen", "ours, encoder frozen", OWN, frozen=True, rates=(FROZEN_RATE,)),
        _ours("larger", "ours", OWN, rates=(OUR_RATE,)),
        _peer("larger_segformer", "smp.Segformer, 128 channels", "Segformer", rates=(PEER_RATE,)),
    ]
    return _on("camvid", (240, 320), "larger", "EfficientNet-Lite0 on CamVid, 240x320", rows)


DATA = {
    "camvid": ("feedbackward.data.camvid.CamVidData", {}),
    "coffee_leaves": ("feedbackward.data.folder.FolderData", {}),
    "nuclei": ("feedbackward.data.folder.FolderData", {"classes": f"{STUDY}/nuclei.yaml"}),
}
"""The datamodule of each data set, and its options."""


def _for_epochs(row: Row, epochs: int) -> Row:
    """The row with another number of epochs, scored at the last one."""
    more = ("--trainer.max_epochs", str(epochs), "--trainer.check_val_every_n_epoch", str(epochs))
    return replace(row, arguments=(*row.arguments, *more))


def _on(data: str, size: tuple[int, int], name: str, title: str, rows: Iterable[Row]) -> Group:
    """A group of rows on one data set, with the augmentation of the recommended recipe."""
    class_path, options = DATA[data]
    augmentation = {"horizontal_flip": 0.5, "scale": (0.75, 1.5), "crop": size}
    arguments = ("--data", class_path, *(part for key, value in options.items() for part in (f"--data.{key}", value)))
    arguments += ("--data.batch_size", "4", "--data.num_workers", "0")
    arguments += ("--data.size", json.dumps(size), "--data.augmentation", json.dumps(augmentation))
    return Group(
        name, title, size, tuple(replace(row, data=data, arguments=(*arguments, *row.arguments)) for row in rows)
    )


def _ours(
    name: str,
    title: str,
    decoder: DecoderConfig,
    *,
    model: str = "tf_efficientnet_lite0",
    weights: str | None = "tf_efficientnet_lite0",
    frozen: bool = False,
    rates: tuple[str, ...] | None = None,
    seeds: int = 1,
) -> Row:
    variant = ("--model.encoder_name", "tf_efficientnet_lite0") if model in VARIANTS else ()
    row = _row(name, title, model, weights=weights, frozen=frozen, rates=rates, seeds=seeds)
    return replace(row, arguments=(*row.arguments, *variant, "--model.decoder", json.dumps(decoder.to_dict())))


def _peer(name: str, title: str, architecture: str, *, encoder: str = "tf_efficientnet_lite0", **options: Any) -> Row:
    options = {"weights": encoder, **options}
    row = _row(name, title, f"smp/{architecture}", **options)
    return replace(row, arguments=(*row.arguments, "--model.encoder_name", f"tu-{encoder}"))


def _row(
    name: str,
    title: str,
    model: str,
    *,
    weights: str | None,
    frozen: bool = False,
    rates: tuple[str, ...] | None = None,
    seeds: int = 1,
) -> Row:
    source = "null" if weights is None else f"{WEIGHTS}/{weights}.safetensors"
    arguments = ("--model.name", model, "--model.encoder_weights", source)
    if frozen:
        arguments += ("--model.freeze_encoder", "true")
    return Row(
        name, title, str(RECIPE), arguments, rates=rates or (FROZEN_RATES if frozen else FULL_RATES), seeds=seeds
    )
