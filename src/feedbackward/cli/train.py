"""`feedbackward train DATA`: recognizes a data set, says what it found and chose, and trains."""

import json
import math
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse.typing import PositiveFloat, PositiveInt
from rich import get_console
from rich.text import Text

from feedbackward.cli.fit_options import TRUST
from feedbackward.cli.parser import CommandParser, PlainHelpFormatter, command_parser, height_width
from feedbackward.cli.split_options import add_class_option, add_split_options, class_names
from feedbackward.cli.train_errors import naming_options_of_train
from feedbackward.errors import InputError
from feedbackward.io import check_empty
from feedbackward.text_files import whole_number
from feedbackward.training.recipes import AUTO

if TYPE_CHECKING:
    from feedbackward.training.run_folder import RunFolder

USAGE = "feedbackward train DATA [options]"
DESCRIPTION = """\
Train a network on a folder of images and masks or annotations, whatever its layout: it says what it found and chose,
and writes a run folder with the network, its scores and a report. All other options are those of `feedbackward fit`,
with the configuration that the run folder contains: feedbackward fit --config RUN/config.yaml --run_dir OTHER ..."""
EXAMPLES = """\
examples:
  feedbackward train photos_with_masks
  feedbackward train export.coco --freeze-encoder --weights tf_efficientnet_lite0.safetensors
  feedbackward train bands --encoder resnet18 --weights none --epochs 100 --classes water,land
  feedbackward train more_photos --from runs/photos/model
"""
DATA = "data"
"""The folder of a converted data set in the run folder."""
IMAGENET, RANDOM = "imagenet", "none"
"""Values of --weights: timm's pretrained weights, and random ones."""


def build_parser() -> CommandParser:
    """The parser of `feedbackward train`."""
    parser = command_parser("train", DESCRIPTION, usage=USAGE, epilog=EXAMPLES, formatter_class=PlainHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the data set; `feedbackward inspect` checks it")
    network = parser.add_argument_group("the network")
    network.add_argument("--encoder", help="timm's name of an encoder, or vgg16_pwn, segnet, ... (of the recipe)")
    network.add_argument(
        "--weights", help="of the encoder: imagenet, a file, a hub id, or none for random ones (imagenet)"
    )
    network.add_argument("--from", dest="start_from", metavar="MODEL", help="trained network to start from")
    network.add_argument(
        "--freeze-encoder",
        action="store_true",
        help="train only the decoder's own parameters and the classifier; writes an adapter",
    )
    data = parser.add_argument_group("the data")
    add_class_option(data)
    add_split_options(data, seed="seed of all random numbers and of the division")
    data.add_argument("--size", help="H,W, or the length of the longer side, to which images are resized")
    data.add_argument("--cache", metavar="FOLDER", help="where images are kept, so as to be decoded once")
    run = parser.add_argument_group("the training")
    run.add_argument("--recipe", help="name or file (chosen by --weights and --freeze-encoder)")
    run.add_argument(
        TRUST, action="store_true", help="let the recipe name classes of any package, whose code then runs"
    )
    run.add_argument(
        "--epochs", type=PositiveInt, help="number of epochs (enough to see about 6000 images, between 12 and 200)"
    )
    run.add_argument("--batch-size", type=PositiveInt, help="images in a batch (4)")
    run.add_argument("--lr", type=PositiveFloat, help="learning rate (of the recipe)")
    run.add_argument("--device", help="cpu, cuda, cuda:1, mps (the accelerator)")
    run.add_argument("--tracker", metavar="NAME,...", help="csv, tensorboard, wandb, mlflow, trackio (csv)")
    run.add_argument("--output", type=Path, help="run folder (runs/DATA)")
    return parser


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward train` and run it."""
    train(**vars(build_parser().parse_args(args)))


@naming_options_of_train()
def train(
    data: str | Path,
    *,
    encoder: str | None = None,
    weights: str | None = None,
    start_from: str | Path | None = None,
    freeze_encoder: bool = False,
    classes: str | Sequence[str] | None = None,
    val: float | None = None,
    group: str | None = None,
    size: str | int | tuple[int, int] | None = None,
    cache: str | Path | None = None,
    recipe: str | None = None,
    trust_recipe: bool = False,
    epochs: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    device: str | None = None,
    seed: int | None = None,
    tracker: str | None = None,
    output: str | Path | None = None,
) -> "RunFolder":
    """Train a network on a folder of images with masks or annotations.

    Args:
        data: The folder, in Cityscapes' or CamVid's layout, or in one that `importing.recognize` knows.
        encoder: timm's name of an encoder, or one of list_models(); by default that of the recipe.
        weights: The weights of the encoder: "imagenet" (default), a file, the id of a repository on the hub, or "none"
            for random ones.
        start_from: A trained network to start from, with its encoder and decoder: folder, checkpoint or hub id.
        freeze_encoder: Train only what the decoder has of its own and the classifier, which gives an adapter.
        classes: The names of the classes, by ascending value or color, for masks whose classes are not named.
        val: The share of validation images, if the data set has none; by default 0.1.
        group: A regular expression for the part of a name that images of one scene have in common.
        size: Height and width to which images are resized, or the length of the longer side; by default chosen by the
            sizes of the images.
        cache: Folder in which decoded images and masks are stored, so that they are decoded only once.
        recipe: Name or file of a recipe, which then determines all that is not given here; by default the one for what
            is given, see recipe_for.
        trust_recipe: Let the recipe name classes of any package, whose code then runs.
        epochs: By default so many that about 6000 images are seen, from 12 to 200.
        batch_size: Images in a batch.
        lr: The learning rate; by default that of the recipe.
        device: "cpu", "cuda", "cuda:1", "mps"; by default the accelerator.
        seed: The seed of all random numbers, and of the division into training and validation; 0 by default.
        tracker: Where to log: "csv" (default), "tensorboard", "wandb", "mlflow", "trackio", or several with commas
            between them.
        output: The run folder; by default runs/DATA.

    Returns:
        The run folder: the network is in `.model`, the report in `.report`.

    Raises:
        InputError: If the data set is not recognized or damaged, or an argument cannot be used.

    Example:
        >>> run = train("photos_with_masks", freeze_encoder=True)  # doctest: +SKIP
        >>> fb.load(run.model)("photo.jpg").shares  # doctest: +SKIP
    """
    from feedbackward.cli.fit_cli import run as fit
    from feedbackward.training.choices import choose_epochs
    from feedbackward.training.own_data import prepare
    from feedbackward.training.run_folder import RunFolder
    from feedbackward.training.trackers import tracker_names

    if tracker is not None:
        tracker_names(tracker)
    root = Path(data).expanduser()
    folder = RunFolder(Path(output) if output is not None else Path("runs") / Path(os.path.realpath(root)).name)
    folder.check(resume=False)
    hardware = _device(device)
    names = class_names(classes) if isinstance(classes, str) else [*(classes or ())]
    network, of_network = network_arguments(
        encoder, weights, start_from, freeze_encoder=freeze_encoder, own_recipe=recipe is not None
    )
    resized = _size(size) if isinstance(size, str) else size
    if lr is not None and not 0 < lr < math.inf:
        raise InputError(f"--lr is {lr}; expected a finite number above 0")
    new = [path for path in (folder.root, *folder.root.parents) if not path.exists()]
    check_empty(folder.root / DATA, what="the converted data goes to")  # what is there is not ours to remove
    try:
        found = prepare(
            root,
            folder.root / DATA,
            names=names,
            val=val,
            group=group,
            seed=seed,
            size=resized,
            choose_size=recipe is None,
        )
        if epochs is None and recipe is None and found.images is not None:
            epochs = choose_epochs(found.images)
        given = {
            "--trainer.max_epochs": epochs,
            "--data.batch_size": batch_size,
            "--data.cache": cache,
            "--model.optimizer.lr": lr,
            "--seed_everything": seed,
            "--tracker": tracker,
            "--run_dir": folder.root,
        }
        own = [part for option, value in given.items() if value is not None for part in (option, str(value))]
        length = "" if epochs is None else f" for {epochs} epochs"
        for line in (*found.lines, *of_network, f"training{length}, into {folder.root}"):
            get_console().print(Text(line), soft_wrap=True)
        trust = [TRUST] if trust_recipe else []
        fit("fit", ["--config", recipe or AUTO, *trust, *found.arguments, *network, *own, *hardware])
    except BaseException:
        if not any(folder.checkpoints.glob("*.ckpt")):  # nothing to resume: the same command can be given again
            shutil.rmtree(folder.root / DATA, ignore_errors=True)
            for path in new:
                with suppress(OSError):  # it was not created, or contains what a training has written
                    path.rmdir()
        raise
    get_console().print(Text(f"predict with: feedbackward predict {folder.model} IMAGES"), soft_wrap=True)
    return folder


def network_arguments(
    encoder: str | None,
    weights: str | None,
    start_from: str | Path | None,
    *,
    freeze_encoder: bool,
    own_recipe: bool = False,
) -> tuple[list[str], list[str]]:
    """The arguments of `feedbackward fit` that name the network, and lines about it.

    Args:
        encoder: As in train; so are the next three.
        weights: The weights of the encoder.
        start_from: A trained network.
        freeze_encoder: Whether the encoder is frozen.
        own_recipe: Whether a recipe was given, which then says what is not given here.

    Raises:
        InputError: If start_from is given with an encoder or weights, or is not a trained network.
    """
    frozen = ["--model.freeze_encoder", "true"] if freeze_encoder else []
    if start_from is not None:
        if encoder is not None or weights is not None:
            raise InputError(f"--from {start_from} has its own encoder and weights; omit --encoder and --weights")
        from feedbackward.models.builders import MODELS
        from feedbackward.models.saved import load_network

        config = load_network(start_from).config
        arguments = ["--model.start_from", str(start_from), *frozen]
        if config["model"] in MODELS:
            arguments += ["--model.name", config["model"], "--model.encoder_name", config["encoder_name"]]
        else:
            arguments += ["--model.name", config["encoder_name"], "--model.encoder_norm", config["encoder_norm"]]
            arguments += ["--model.decoder", json.dumps(config["decoder"])]
        return arguments, []
    weights = weights or (None if own_recipe else IMAGENET)
    named = [] if encoder is None else ["--model.name", encoder]
    if weights is None:
        return [*named, *frozen], []
    common = {RANDOM: "random weights", IMAGENET: "ImageNet weights"}
    shown = " with ".join(filter(None, (encoder, common.get(weights, f"the weights of {weights}"))))
    arguments = ["--model.encoder_weights", "null" if weights == RANDOM else weights]
    return [*named, *arguments, *frozen], [f"network: {shown}"]


def _size(size: str) -> int | tuple[int, int]:
    side = whole_number(size)
    return height_width(size) if side is None else side


def _device(device: str | None) -> list[str]:
    """The arguments of Lightning's Trainer for a device by PyTorch's name."""
    if device is None:
        return []
    kind, _, index = device.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (index and not index.isdecimal()):
        raise InputError(f"--device is {device!r}; expected cpu, cuda, cuda:1 or mps")
    return [
        "--trainer.accelerator",
        "gpu" if kind == "cuda" else kind,
        "--trainer.devices",
        f"[{index}]" if index else "1",
    ]
