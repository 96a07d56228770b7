"""Every code block of the tutorials runs, in the order of the page, with a small encoder and one epoch."""

import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import PIL.Image
import pytest

from feedbackward.cli.main import main

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

DOCS = Path(__file__).parents[1] / "docs"
DATA = {
    "DATA": ["background", "leaf"],
    "photos": ["background", "leaf"],
    "more_photos": ["background", "leaf", "stem"],
    "mine": ["background", "car"],
}
"""The data sets that the pages name, and their classes."""
SMALL = {
    "train": ["--encoder", "test_resnet", "--weights", "none", "--epochs", "1"],
    "train --from": ["--epochs", "1"],
    "fit": ["--trainer.max_epochs", "1"],
    "fit --config runs/DATA/config.yaml": ["--trainer.max_epochs", "2"],
    "fit --config scratch": ["--trainer.max_epochs", "1", "--model.name", "test_resnet"],
}
"""What is added to commands that start so, after their own options; the longest start counts."""


def blocks(page: str) -> list[tuple[str, str]]:
    """The language and the code of each block of a page."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


def write_data(root: Path, classes: list[str]) -> None:
    """A data set in our own layout, with squares of each class on a background of noise."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 6), ("val", 2)):
        for number in range(count):
            mask = np.zeros((64, 64), np.uint8)
            for index in range(1, len(classes)):
                mask[8 * index : 8 * index + 24, 4 * number : 4 * number + 24] = index
            image = rng.integers(0, 60, (64, 64, 3)) + 60 * mask[..., None]
            for kind, array in (("images", image), ("masks", mask)):
                folder = root / kind / split
                folder.mkdir(parents=True, exist_ok=True)
                PIL.Image.fromarray(array.astype(np.uint8)).save(folder / f"{number}.png")
    (root / "classes.yaml").write_text(f"classes: [{', '.join(classes)}]\n")


def write_layers(root: Path) -> None:
    """A data set with a folder of masks for each of two classes that overlap."""
    write_data(root, ["background", "wet", "cracked"])
    for split in ("train", "val"):
        for path in sorted((root / "masks" / split).glob("*.png")):
            mask = np.asarray(PIL.Image.open(path))
            path.unlink()
            for name, layer in (("wet", mask > 0), ("cracked", mask == 2)):
                folder = root / "masks" / split / name
                folder.mkdir(exist_ok=True)
                PIL.Image.fromarray(layer.astype(np.uint8)).save(folder / path.name)
    (root / "classes.yaml").write_text("masks: layers\nclasses: [wet, cracked]\n")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, from which modules can be imported, with the data that the pages name."""
    for name, classes in DATA.items():
        write_data(tmp_path / name, classes)
    write_layers(tmp_path / "roads")
    images = sorted((tmp_path / "DATA" / "images" / "val").iterdir())
    shutil.copytree(images[0].parent, tmp_path / "NEW_IMAGES")
    PIL.Image.open(images[0]).save(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def commands(block: str) -> Iterator[list[str]]:
    """The arguments of each `feedbackward` of a block, made small."""
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(line.removeprefix("PYTHONPATH=. "), comments=True)
        if words:
            assert words[0] == "feedbackward", line
            yield [*words[1:], *small(words[1:])]


def small(args: list[str]) -> list[str]:
    start = " ".join(args[:3])
    if args[0] == "train" and "--from" in args:
        start = "train --from"
    return SMALL.get(max((key for key in SMALL if start.startswith(key)), key=len, default=""), [])


@pytest.mark.parametrize("page", ["train.md", "fine_tuning.md", "losses.md"])
def test_the_blocks_run(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("tutorial")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    found = blocks(page)
    assert found
    for language, block in found:
        first, _, rest = block.partition("\n")
        if named := re.fullmatch(r"# (\w+\.(?:py|yaml))", first):
            (folder / named[1]).write_text(rest)
        elif language == "sh":
            for arguments in commands(block):
                main(arguments)
        else:
            assert language == "python", f"a block of {language} without a comment that names its file"
            exec(compile(block, page, "exec"), module.__dict__)
