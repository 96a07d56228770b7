"""Whole commands beside bare loops that do the same, and beside scripts with other libraries, in turns.

    python benchmarks/commands.py [--peer FOLDER] [--json FILE]
    python benchmarks/commands.py --images-count 40 --steps 4 --repeats 1  # a rehearsal

mobilenetv2_100 with random weights. The time of a command for an image, a pair of masks or a training step leaves out
its start: it is the time for many less that for few, over the difference of their numbers. Each measurement runs in a
process of its own and on all cores. A peer is the bin folder of an environment with transformers.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from itertools import cycle
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table

from bare_loops import BATCH, LEARNING_RATE
from feedbackward import create_model, export
from feedbackward.data import CAMVID
from feedbackward.io import write_json
from feedbackward.machine import describe_machine
from loading import draw
from measurements import Loop, Measurement, Rate, Row, Start
from startup_time import HERE, Command

FEW_STEPS = 3
"""Steps of the training that is as long to start as the one with more."""
VOID = 255
"""The value of pixels that are not scored."""
SMP, TORCHVISION = "segmentation_models_pytorch, Unet with mobilenet_v2", "torchvision, LR-ASPP with MobileNetV3"
TRANSFORMERS = "transformers, pipeline with SegFormer-B0"


def main(args: Sequence[str] | None = None) -> None:
    """Measure all in turns, and print or write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images-count", type=int, default=500, metavar="N", help="images (%(default)s)")
    parser.add_argument("--size", default="360,480", metavar="H,W", help="of random images (%(default)s)")
    parser.add_argument("--images", type=Path, metavar="FOLDER", help="take copies of its JPEGs, which have one size")
    parser.add_argument("--masks", type=Path, metavar="FOLDER", help="and their masks: PNGs with CamVid's classes")
    parser.add_argument("--steps", type=int, default=40, metavar="N", help="training steps (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="of each measurement (%(default)s)")
    parser.add_argument("--peer", type=Path, metavar="FOLDER")
    parser.add_argument("--json", type=Path, metavar="FILE", help="file to write the results to")
    options = parser.parse_args(args)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare(folder, options)
        measurements = list_measurements(folder, options)
        for repeat in range(options.repeats):
            for one in measurements:
                print(f"{repeat + 1} of {options.repeats}: {one.name}", file=sys.stderr)
                one.measure()
    rows = [one.row() for one in measurements]
    Console(width=120).print(rates(rows), first_predictions(rows))
    if options.json is not None:
        write_json(options.json, {"machine": describe_machine(), "results": [asdict(row) for row in rows]})


def prepare(folder: Path, options: argparse.Namespace) -> None:
    """Write the data sets, predictions to score, the first of each alone, and the network as a file and as a folder."""
    given = sorted(options.images.glob("*.jpg")) if options.images else []
    masks = sorted(options.masks.glob("*.png")) if options.masks else []
    if masks and len(masks) != len(given):
        sys.exit(f"error: {len(masks)} masks and {len(given)} images; expected one PNG for each JPEG of --images")
    width, height = Image.open(given[0]).size if given else map(int, reversed(options.size.split(",")))
    data, predictions, training = folder / "data", folder / "predictions", folder / "training"
    for own in (data, predictions, training):
        own.mkdir()
    draw(data, 1, (height, width), validation=options.images_count, classes=len(CAMVID))
    draw(training, (FEW_STEPS + options.steps) * BATCH, (height, width), classes=len(CAMVID))
    for drawn, other in zip(sorted(folder.glob("*/images/*/*")), cycle(given), strict=False):
        shutil.copy(other, drawn)
    for drawn, other in zip(sorted(folder.glob("*/masks/*/*")), cycle(masks), strict=False):
        Image.fromarray(_replaced(other, VOID)).save(drawn)
    for path in (data / "masks" / "val").iterdir():
        Image.fromarray(np.roll(_replaced(path, 0), 3, axis=1)).save(predictions / path.name)
    for name, whole in {
        "image": data / "images" / "val",
        "mask": data / "masks" / "val",
        "prediction": predictions,
    }.items():
        (folder / name).mkdir()
        shutil.copy(min(whole.iterdir()), folder / name)
    torch.manual_seed(0)
    network = create_model("mobilenetv2_100", classes=len(CAMVID), encoder_weights=None).eval()
    network.class_table = CAMVID
    export(network, folder / "network.onnx")
    network.save_pretrained(folder / "network")


def _replaced(mask: Path, value: int) -> NDArray[np.uint8]:
    """The pixels of a mask, with the value wherever a pixel has no class."""
    pixels = np.asarray(Image.open(mask))
    return np.where(pixels < len(CAMVID), pixels, np.uint8(value))


def list_measurements(folder: Path, options: argparse.Namespace) -> list[Measurement]:
    """What is measured, in an order in which each finds what it reads; the command of each group comes first."""
    data, predicted, trained, file = folder / "data", folder / "predicted", folder / "run", folder / "network.onnx"
    images, masks, predictions = data / "images" / "val", data / "masks" / "val", folder / "predictions"
    image, mask, prediction = (folder / name for name in ("image", "mask", "prediction"))
    count, steps = options.images_count, FEW_STEPS + options.steps
    every = ("--count", count)

    def predict(model: Path, source: Path) -> Command:
        return feedbackward("predict", model, source, "--output", predicted, "--save", "masks", "--overwrite")

    def fit(number: int) -> Command:
        settings = {
            "data": "folder",
            "data.root": folder / "training",
            "data.batch_size": BATCH,
            "model.optimizer.lr": LEARNING_RATE,
            "trainer.max_epochs": 1,
            "trainer.limit_train_batches": number,
            "trainer.accelerator": "cpu",
            "run_dir": trained,
        }
        return feedbackward("fit", "--config", "scratch", *(f"--{name}={value}" for name, value in settings.items()))

    def validate(number: int) -> Command:
        settings = ("--data.root", data, "--trainer.limit_val_batches", number)
        return feedbackward("validate", "--config", trained / "config.yaml", *settings)

    def evaluate(truth: Path, scored: Path) -> Command:
        classes = ("--dataset", "folder", "--classes", data / "classes.yaml")
        return feedbackward("evaluate", *classes, "--ground-truth", truth, "--predictions", scored)

    def peer(name: str, script: str, python: Path) -> Rate:
        output = folder / "by_peer"
        path = Path(__file__).parent / "peers" / script
        many, few = (process(name, python, path, source, output) for source in (images, image))
        return Rate("predict", name, many, few, (count, 1), output)

    peers = [(SMP, "smp_unet.py", HERE), (TORCHVISION, "torchvision_lraspp.py", HERE)]
    if options.peer is None:
        print(f"{TRANSFORMERS}: left out, as --peer is not given", file=sys.stderr)
    else:
        peers.append((TRANSFORMERS, "transformers_segformer.py", options.peer))
    return [
        Rate("predict", "feedbackward predict", predict(file, images), predict(file, image), (count, 1)),
        Loop("predict", "network alone", ["session", file, images, *every]),
        Loop("predict", "decoding alone", ["decoding", images, *every]),
        Loop("predict", "writing masks alone", ["writing", predicted / "masks", *every]),
        *(peer(name, script, binaries / "python") for name, script, binaries in peers),
        Rate("fit", "feedbackward fit", fit(steps), fit(FEW_STEPS), (steps, FEW_STEPS), trained),
        Loop("fit", "training steps alone", ["training", folder / "training", "--count", options.steps]),
        Rate("validate", "feedbackward validate", validate(count), validate(1), (count, 1)),
        Loop("validate", "network alone", ["network", trained / "model", images, *every]),
        Rate(
            "evaluate",
            "feedbackward evaluate",
            evaluate(masks, predictions),
            evaluate(mask, prediction),
            (count, 1),
        ),
        Loop("evaluate", "decoding and counting alone", ["counting", masks, predictions, *every]),
        Start("feedbackward predict NETWORK.onnx IMAGE", predict(file, image)),
        Start("feedbackward predict NETWORK_FOLDER IMAGE", predict(folder / "network", image)),
        *(Start(line, process(line, HERE / "python", "-c", line)) for line in ("import torch", "import timm")),
    ]


def feedbackward(*arguments: object) -> Command:
    """A command of this library."""
    return process(f"feedbackward {arguments[0]}", HERE / "feedbackward", *arguments)


def process(name: str, *line: object) -> Command:
    """A command that has to succeed."""
    return Command(name, [*map(str, line)], 0, [], [])


def rates(rows: Sequence[Row]) -> Table:
    """The rates; that of each group's command is also shown as a multiple of the others."""
    table = Table("", "", "a second", "with start", "command, relative")
    first: dict[str, Row] = {}
    for row in rows:
        if row.group != "first prediction":
            command = first.setdefault(row.group, row)
            with_start = "" if row.with_start is None else f"{1 / row.with_start:.3g}"
            ratio = f"{row.seconds / command.seconds:.2f}"
            table.add_row(row.group, row.name, f"{1 / row.seconds:.3g}", with_start, ratio)
    return table


def first_predictions(rows: Sequence[Row]) -> Table:
    """The times of the processes."""
    table = Table("first prediction", "seconds")
    for row in rows:
        if row.group == "first prediction":
            table.add_row(row.name, f"{row.seconds:.2f}")
    return table


if __name__ == "__main__":
    main()
