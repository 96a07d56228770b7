"""Whatever can be wrong with what a command is given ends in one line and exit status 2, before anything is written.

The kinds are the rows of the table in docs/reliability.md.
"""

import errno
import io
import json
import os
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx.helper import make_tensor_value_info
from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.cli import main as entry
from feedbackward.cli.main import main
from feedbackward.exporting.metadata import KEY, Metadata, describe
from feedbackward.models import create_model
from feedbackward.segmenters.video import Frame, write_video

DOCS = Path(__file__).parents[2] / "docs" / "reliability.md"
TABLE = ClassTable(("road", "sky", "car"), ((128, 64, 128), (70, 130, 180), (0, 0, 142)))
RECIPE = """
model: {name: test_resnet, encoder_weights: null, optimizer: torch.optim.Adam}
data: {class_path: feedbackward.data.camvid.CamVidData, init_args: {root: scenes}}
trainer: {max_epochs: 1, accelerator: cpu}
"""


@dataclass(frozen=True)
class Case:
    """A bad input.

    Args:
        kind: The row of the table.
        name: What is wrong.
        args: The command; it runs in a folder with the network `net`, the exported file `net.onnx`, the recipe
            `good.yaml` and the image `scenes/a.png`.
        message: A part of the one line, as a regular expression.
        prepare: Makes the bad input in that folder.
    """

    kind: str
    name: str
    args: tuple[str, ...]
    message: str
    prepare: Callable[[Path], object] = lambda _: None


def predicts(source: str, *more: str) -> tuple[str, ...]:
    return ("predict", "net", source, "--strict", "--quiet", *more)


def evaluates(classes: str) -> tuple[str, ...]:
    return (
        *("evaluate", "--dataset", "folder", "--classes", classes),
        *("--ground-truth", "scenes", "--predictions", "scenes"),
    )


def fits(*more: str) -> tuple[str, ...]:
    return ("fit", "--config", "good.yaml", "--run_dir", "run", *more)


def written(name: str, content: str | bytes) -> Callable[[Path], object]:
    data = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / name).write_bytes(data)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(width: int, height: int, pixels: bytes, extra: bytes = b"") -> bytes:
    """A gray PNG of any content, with further chunks."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    text = chunk(b"zTXt", b"a\0\0" + extra) if extra else b""
    return b"\x89PNG\r\n\x1a\n" + header + text + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def with_orientation(value: bytes) -> bytes:
    """A JPEG with that entry of the tag: its type, its count and its value."""
    entry_of_tag = struct.pack("<H", 0x0112) + value
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry_of_tag + bytes(4)
    jpeg = encoded(PHOTO, "JPEG")
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


def changed_onnx(change: Callable[[onnx.ModelProto], object]) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        model = onnx.load(folder / "net.onnx")
        change(model)
        onnx.save(model, folder / "bad.onnx")

    return prepare


def with_metadata(change: Callable[[dict], object]) -> Callable[[Path], None]:
    def change_model(model: onnx.ModelProto) -> None:
        (entry_of_key,) = (each for each in model.metadata_props if each.key == KEY)
        data = json.loads(entry_of_key.value)
        entry_of_key.value = json.dumps(change(data) or data)

    return changed_onnx(change_model)


def shorten_table(data: dict) -> None:
    for name in ("names", "colors", "values"):
        data["class_table"][name] = data["class_table"][name][:2]


def broken_link(folder: Path) -> None:
    (folder / "l").symlink_to("nothing")


def cut_video(folder: Path) -> None:
    write_video(folder / "a.webm", [Frame(np.full((32, 32, 3), 20 * i, np.uint8), i) for i in range(8)])
    data = (folder / "a.webm").read_bytes()
    (folder / "a.webm").write_bytes(data[: len(data) * 6 // 10])


PHOTO = Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize((320, 240))
JPEG, PROGRESSIVE = encoded(PHOTO, "JPEG"), encoded(PHOTO, "JPEG", progressive=True)
BOMB = "a: &a [x, x, x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}]\n" for a, b in pairwise("abcdefghijkl"))
YAML, JSON, TEXT = "YAML that is not plain data", "JSON that is damaged", "text in another encoding"
PLACES, NAMES = "files, folders, pipes, devices and links in each other's place", "names that the system refuses"
IMAGES, BOMBS, EXIF, VIDEOS = "damaged images", "decompression bombs", "EXIF tags", "videos cut short"
EXPORTED, NUMBERS, TRAINER = "exported files", "numbers and sizes", "settings of the trainer"
FAILS = "memory or disk space that runs out, folders that disappear"

CASES = [
    Case(YAML, "empty", evaluates("c.yaml"), r"c\.yaml: expected the keys", written("c.yaml", "")),
    Case(YAML, "unclosed", evaluates("c.yaml"), "is not valid YAML", written("c.yaml", "classes: [a")),
    Case(
        YAML, "date", evaluates("c.yaml"), "is not valid YAML: month must", written("c.yaml", "classes: [2024-99-99]")
    ),
    Case(YAML, "tag", evaluates("c.yaml"), "is not valid YAML", written("c.yaml", "classes: !!int x")),
    Case(YAML, "code", evaluates("c.yaml"), "is not valid YAML", written("c.yaml", "a: !!python/name:os.system ''")),
    Case(
        YAML, "twice", evaluates("c.yaml"), "'classes' is given twice", written("c.yaml", "classes: [a]\nclasses: [b]")
    ),
    Case(YAML, "deep", evaluates("c.yaml"), "nested too deeply", written("c.yaml", "[" * 200 + "]" * 200)),
    Case(YAML, "deeper", evaluates("c.yaml"), "nested too deeply", written("c.yaml", "[" * 5000)),
    Case(YAML, "aliases", evaluates("c.yaml"), "that its aliases stand for; split it", written("c.yaml", BOMB)),
    Case(YAML, "itself", evaluates("c.yaml"), "refers to what contains it", written("c.yaml", "classes: &a [*a]")),
    # The parser of recipes is written in C, and such a file ended the process with a segmentation fault.
    Case(YAML, "deep recipe", ("fit", "--config", "c.yaml"), "nested too deeply", written("c.yaml", "[" * 20_000)),
    Case(YAML, "recipe", ("fit", "--config", "c.yaml"), "is not valid YAML", written("c.yaml", "model: [")),
    Case(JSON, "cut", evaluates("c.json"), "is not valid JSON", written("c.json", '{"classes": ["a"')),
    Case(JSON, "deep", evaluates("c.json"), "nested too deeply", written("c.json", "[" * 100_000)),
    Case(JSON, "huge number", evaluates("c.json"), "is not valid JSON: Exceeds", written("c.json", f"[{'9' * 5000}]")),
    Case(JSON, "twice", evaluates("c.json"), "given twice", written("c.json", '{"classes": ["a"], "classes": ["b"]}')),
    Case(JSON, "list", evaluates("c.json"), "expected the keys", written("c.json", "[1]")),
    Case(TEXT, "UTF-16", evaluates("c.yaml"), "is not UTF-8 text", written("c.yaml", "classes: [a]".encode("utf-16"))),
    Case(TEXT, "recipe", ("fit", "--config", "c.yaml"), "is not UTF-8 text", written("c.yaml", b"a: \xdf")),
    Case(TEXT, "bytes", ("predict", "net", "@list.txt"), "that are not text", written("list.txt", "a\0.png")),
    Case(PLACES, "folder for a class file", evaluates("scenes"), "is not a file but a folder"),
    Case(PLACES, "pipe for a class file", evaluates("p"), "a pipe; expected a class", lambda f: os.mkfifo(f / "p")),
    Case(PLACES, "device for a recipe", ("fit", "--config", "/dev/zero"), "not a file but a device"),
    Case(PLACES, "pipe for an image", predicts("p.png"), "not a file but a pipe", lambda f: os.mkfifo(f / "p.png")),
    Case(PLACES, "pipe for a video", predicts("p.mp4"), "not a file but a pipe", lambda f: os.mkfifo(f / "p.mp4")),
    Case(PLACES, "link to a device", predicts("z.png"), "a device", lambda f: (f / "z.png").symlink_to("/dev/zero")),
    Case(PLACES, "link to itself", predicts("l.png"), "symbolic links", lambda f: (f / "l.png").symlink_to("l.png")),
    Case(PLACES, "broken link for scenes", ("streets", "--output", "l"), "l exists and is not an empty", broken_link),
    Case(PLACES, "broken link for a data set", ("convert", "scenes", "l"), "OUTPUT l exists and is not", broken_link),
    Case(PLACES, "device for a network", ("predict", "/dev/zero", "scenes"), "no such model: /dev/zero"),
    Case(PLACES, "file for the output", predicts("scenes", "--output", "good.yaml"), "good.yaml cannot be written"),
    Case(PLACES, "file for a data set", ("inspect", "good.yaml"), "good.yaml"),
    Case(NAMES, "long model", ("predict", "a" * 300, "scenes"), "File name too long; choose a shorter name"),
    Case(NAMES, "long source", predicts("a" * 300 + ".png"), "File name too long; choose a shorter name"),
    Case(NAMES, "long output", predicts("scenes", "--output", "a" * 300), "File name too long"),
    Case(NAMES, "line break", predicts("a\nb.png"), r"no such image or folder: a b\.png"),
    Case(NAMES, "escape sequence", predicts("\x1b[2J.png"), r"\\x1b\[2J\.png"),
    Case(IMAGES, "empty", predicts("x.png"), r"is not an image in .* \(0 bytes\)", written("x.png", b"")),
    Case(IMAGES, "cut", predicts("x.jpg"), "copy or download it again", written("x.jpg", JPEG[:-300])),
    Case(IMAGES, "cut, with an end", predicts("x.jpg"), "premature end", written("x.jpg", JPEG[:2000] + b"\xff\xd9")),
    Case(
        *(IMAGES, "scans missing", predicts("x.jpg"), "ends before its last scan"),
        written("x.jpg", PROGRESSIVE[: PROGRESSIVE.rindex(b"\xff\xda")] + b"\xff\xd9"),
    ),
    Case(
        *(IMAGES, "CMYK, cut, with an end", predicts("x.jpg"), "premature end"),
        written("x.jpg", encoded(PHOTO.convert("CMYK"), "JPEG")[:3000] + b"\xff\xd9"),
    ),
    Case(
        EXIF,
        "value",
        predicts("x.jpg"),
        "EXIF orientation 9",
        written("x.jpg", with_orientation(b"\3\0\1\0\0\0\x09\0\0\0")),
    ),
    Case(
        EXIF,
        "type",
        predicts("x.jpg"),
        "EXIF orientation 'abc'",
        written("x.jpg", with_orientation(b"\2\0\4\0\0\0abc\0")),
    ),
    Case(
        BOMBS, "PNG", predicts("x.png"), "like a decompression bomb", written("x.png", png(60_000, 60_000, bytes(99)))
    ),
    Case(BOMBS, "mask", (*evaluates("c.yaml")[:-1], "p"), "like a decompression bomb", lambda f: bomb_mask(f)),
    Case(
        *(BOMBS, "text", predicts("x.png"), "Decompressed data too large"),
        written("x.png", png(8, 8, bytes(72), zlib.compress(bytes(2 << 20)))),
    ),
    Case(VIDEOS, "end missing", predicts("a.webm"), r"ends after .* of 7\.0 seconds", cut_video),
    Case(VIDEOS, "text", predicts("a.mp4"), "cannot be read as a video", written("a.mp4", "hello")),
    Case(
        *(
            EXPORTED,
            "two outputs",
            ("predict", "bad.onnx", "scenes"),
            "has the inputs image and the outputs logits, more",
        ),
        changed_onnx(lambda model: model.graph.output.append(extra_output(model))),
    ),
    Case(
        *(EXPORTED, "two inputs", ("predict", "bad.onnx", "scenes"), "has the inputs image, more"),
        changed_onnx(lambda model: model.graph.input.append(make_tensor_value_info("more", 1, [1]))),
    ),
    Case(EXPORTED, "cut", ("predict", "x.onnx", "scenes"), "not a valid ONNX", written("x.onnx", b"\x08\x0a\x12")),
    *(
        Case(EXPORTED, name, ("predict", "bad.onnx", "scenes"), message, with_metadata(change))
        for name, message, change in (
            ("short table", "has 3 classes, and its class table names road, sky", shorten_table),
            (
                "metadata of another type",
                "smallest is 'x'; expected a whole number",
                lambda data: data.update(smallest="x"),
            ),
            (
                "metadata without a key",
                r"config\.preprocessing is missing",
                lambda data: data["config"].pop("preprocessing") and None,
            ),
            ("metadata that is a list", "the content is .*; expected names with values", lambda _: [1]),
        )
    ),
    Case(NUMBERS, "size 0", predicts("scenes", "--size", "0"), "expected height and width"),
    Case(NUMBERS, "huge size", predicts("scenes", "--size", "99999999,99999999"), "from 1 to 1048576"),
    Case(NUMBERS, "huge scale", predicts("scenes", "--scale", "1e9"), "to more than 1048576 pixels"),
    Case(NUMBERS, "nan", predicts("scenes", "--scale", "nan"), "--scale"),
    Case(NUMBERS, "batch of none", predicts("scenes", "--batch-size", "0"), "--batch-size: expected more than 0"),
    Case(NUMBERS, "negative workers", predicts("scenes", "--workers", "-1"), "--workers: expected more than 0"),
    Case(TRAINER, "devices", fits("--trainer.devices", "-5"), "--trainer: .*devices.*; correct that option"),
    Case(TRAINER, "accelerator", fits("--trainer.accelerator", "abacus"), "--trainer: .*'abacus'"),
    Case(TRAINER, "strategy", fits("--trainer.strategy", "none"), "--trainer: .*strategy"),
    Case(TRAINER, "lost results", fits("--trainer.strategy", "ddp_spawn"), "expected auto or ddp"),
    Case(TRAINER, "precision", fits("--trainer.precision", "16-true"), "precision is 16-true; expected one of 32-true"),
    Case(TRAINER, "epochs", fits("--trainer.max_epochs", "-3"), "--trainer: .*max_epochs.*-3"),
    Case(TRAINER, "no epochs", fits("--trainer.max_epochs", "0"), r"trainer\.max_epochs is 0: nothing is trained"),
    Case(TRAINER, "seed", fits("--seed_everything", "-1"), "seed_everything is -1; expected 0 to 4294967295"),
    Case(TRAINER, "mode", fits("--early_stopping.mode", "up"), "can be min, max, got up; correct that option"),
    Case(
        TRAINER, "time", fits("--trainer.max_time", "1"), "max_time is '1'; expected days, hours, minutes and seconds"
    ),
    Case(TRAINER, "times", fits("--trainer.max_time", "{day: 1}"), "expected days, hours, minutes and seconds, such"),
    Case(TRAINER, "patience", fits("--early_stopping.patience", "-5"), r"patience is -5; expected .*, 0 or more"),
    Case(TRAINER, "no rates", fits("--model.rates", "{encoder: 0, decoder: 0, head: 0}"), "nothing is trained; exp"),
    Case(
        TRAINER, "unknown rate", fits("--model.rates", "{enc: 1}"), r"option --model\.rates\.enc; did you mean .*oder"
    ),
    Case(TRAINER, "rate that is text", fits("--model.rates", "{head: x}"), r"--model\.rates\.head: expected a number"),
    Case(TRAINER, "rate", fits("--model.optimizer.lr", "-1"), "Invalid learning rate: -1.0; correct that option"),
    Case(TRAINER, "monitor", fits("--early_stopping.monitor", "val/iou"), "did you mean val/mean_iou"),
]
FAILURES = {
    "memory": (MemoryError(), "out of memory .*; use smaller images, tiles or batches"),
    "memory of torch": (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "out of memory"),
    "disk": (OSError(errno.ENOSPC, "No space left on device", "net.pt2"), "net.pt2: No space .* the disk is full"),
    "folder": (FileNotFoundError(errno.ENOENT, "No such file or directory", "out"), "out: No such file"),
}


def bomb_mask(folder: Path) -> None:
    (folder / "p").mkdir()
    (folder / "p/a.png").write_bytes(png(60_000, 60_000, bytes(99)))
    (folder / "c.yaml").write_text("classes: [a, b]")
    Image.fromarray(np.zeros((240, 320), np.uint8)).save(folder / "scenes/a.png")


def extra_output(model: onnx.ModelProto) -> onnx.ValueInfoProto:
    model.graph.node.append(onnx.helper.make_node("Identity", [model.graph.output[0].name], ["more"]))
    return make_tensor_value_info("more", 1, None)


def tiny_onnx(metadata: Metadata) -> onnx.ModelProto:
    """A file whose logits are the colors of the image."""
    values = [make_tensor_value_info(name, 1, [None, 3, None, None]) for name in ("image", "logits")]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["image"], ["logits"])], "net", *([v] for v in values)
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    onnx.helper.set_model_props(model, {KEY: metadata.to_json()})
    return model


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """The folder of a tiny network, and its file for onnxruntime."""
    torch.manual_seed(0)
    network = create_model("test_resnet", encoder_weights=None, classes=len(TABLE))
    network.class_table = TABLE
    folder = tmp_path_factory.mktemp("networks")
    network.save_pretrained(folder / "net")
    onnx.save(tiny_onnx(describe(network, argmax=False, size=None)), folder / "net.onnx")
    return folder


@pytest.fixture
def place(networks, tmp_path, monkeypatch):
    """The folder in which the commands run."""
    for name in ("net", "net.onnx"):
        (tmp_path / name).symlink_to(networks / name)
    (tmp_path / "good.yaml").write_text(RECIPE)
    (tmp_path / "scenes").mkdir()
    PHOTO.save(tmp_path / "scenes/a.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(args, capsys):
    """The one line about a command that ends with exit status 2."""
    with pytest.raises(SystemExit) as caught:
        main(list(args))
    lines = capsys.readouterr().err.splitlines()
    assert caught.value.code == 2
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    return lines[0]


def outputs(folder):
    """What is in the folder, without the journal and the folders of a command that has begun to read images."""
    return sorted(path for path in folder.rglob("*") if path.name not in ("predictions", "overlays", "run.jsonl"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}: {case.name}")
def test_bad_input_is_one_line_and_nothing_is_written(case, place, capsys):
    case.prepare(place)
    before = outputs(place)
    assert re.search(case.message, refused(case.args, capsys))
    assert outputs(place) == before


@pytest.mark.parametrize(("error", "message"), FAILURES.values(), ids=FAILURES)
def test_what_the_system_refuses_is_one_line(error, message, monkeypatch, capsys):
    def fail(args):
        raise error

    monkeypatch.setattr(entry, "import_module", lambda _: type("Command", (), {"main": staticmethod(fail)}))
    assert re.search(message, refused(["predict"], capsys))


def test_debug_prints_the_traceback_too(place, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["predict", "--debug", "none", "scenes"])
    printed = capsys.readouterr().err
    assert caught.value.code == 2
    assert printed.startswith("Traceback (most recent call last):")
    assert printed.splitlines()[-1].startswith("error: no such model: none")
    main(["--help"])
    assert "--debug" in capsys.readouterr().out


def test_the_documentation_lists_the_kinds():
    section = DOCS.read_text(encoding="utf-8").split("## Bad input")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \|", section, re.MULTILINE)[1:]
    assert rows[1:] == [*dict.fromkeys(case.kind for case in CASES), FAILS]
