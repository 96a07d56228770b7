import zipfile
from pathlib import PurePath

import numpy as np
import pytest
from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.data.cityscapes_labels import CITYSCAPES
from feedbackward.errors import InputError
from feedbackward.segmenters.outputs import OUTPUTS, OutputOptions
from feedbackward.segmenters.outputs.files import gather, plan
from feedbackward.segmenters.result import Result
from feedbackward.segmenters.sources import Item

SUBMISSION = OUTPUTS["submission"]


@pytest.mark.parametrize(
    ("stem", "path"),
    [
        ("berlin/berlin_000000_000019_leftImg8bit", "submission/berlin_000000_000019.png"),
        ("x/bad-honnef_000001_000019", "submission/bad-honnef_000001_000019.png"),
    ],
)
def test_it_is_flat_and_named_by_the_scene(stem, path):
    assert SUBMISSION.path(stem).as_posix() == path


@pytest.mark.parametrize("stem", ["photo", "x/berlin_19_leftImg8bit", "berlin_000000_000019_gtFine_labelIds"])
def test_other_names_are_refused(stem):
    with pytest.raises(InputError, match=f"{stem} does not have the name of a Cityscapes scene"):
        SUBMISSION.path(stem)


def test_it_contains_label_ids(written):
    train_ids = np.arange(19, dtype=np.uint8)[None]
    with Image.open(written("submission", Result(np.zeros((1, 19, 3), np.uint8), train_ids, CITYSCAPES))) as image:
        assert image.mode == "L"
        labels = np.array(image)
    official = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]
    assert labels.tolist() == [official]


def test_it_is_for_the_cityscapes_classes():
    table = ClassTable(("red", "green"), ((200, 0, 0), (0, 200, 0)))
    with pytest.raises(InputError, match="the 19 Cityscapes classes, but this one has 2: red, green"):
        SUBMISSION.check(table, OutputOptions())


def test_the_zip_is_flat_and_leaves_failed_images_out(tmp_path):
    scenes = [f"ulm_000000_00000{index}" for index in range(3)]
    items = [Item(tmp_path / "in" / f"{scene}.png", PurePath(f"{scene}.png"), scene) for scene in scenes]
    jobs = plan(items, [SUBMISSION], tmp_path)
    (tmp_path / "submission").mkdir()
    for job in jobs[::2]:
        job.files["submission"].write_bytes(job.name.name.encode())
    gather(jobs[::2], [SUBMISSION], CITYSCAPES, tmp_path)
    with zipfile.ZipFile(tmp_path / "submission.zip") as archive:
        assert archive.namelist() == ["ulm_000000_000000.png", "ulm_000000_000002.png"]
        assert archive.read("ulm_000000_000002.png") == b"ulm_000000_000002.png"
