import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.data.cityscapes_labels import CITYSCAPES
from feedbackward.errors import InputError
from feedbackward.segmenters.outputs import (
    Job,
    check_cityscapes,
    check_outputs,
    mask_image,
    plan,
    submission_image,
    zip_submission,
)

TABLE = ClassTable(("red", "green"), ((200, 0, 0), (0, 200, 0)))


def touched(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return [folder / name for name in names]


def planned(images, source, output, layout="masks", overlays=True):
    return plan(images, source=source, output=output, layout=layout, overlays=overlays)


def test_masks_keep_the_folders_of_the_source(tmp_path):
    source, output = tmp_path / "in", tmp_path / "out"
    images = touched(source, "a.jpg", "city/b.c.png")
    assert planned(images, source, output) == [
        Job(images[0], output / "masks/a.png", output / "overlays/a.jpg"),
        Job(images[1], output / "masks/city/b.c.png", output / "overlays/city/b.c.jpg"),
    ]
    assert planned(images[1:], images[1], output, overlays=False) == [Job(images[1], output / "masks/b.c.png", None)]


def test_submission_is_flat_and_named_by_the_scene(tmp_path):
    source, output = tmp_path / "in", tmp_path / "out"
    images = touched(source, "berlin/berlin_000000_000019_leftImg8bit.png", "x/bad-honnef_000001_000019.jpg")
    masks = [job.mask for job in planned(images, source, output, "cityscapes")]
    assert masks == [
        output / "submission/berlin_000000_000019.png",
        output / "submission/bad-honnef_000001_000019.png",
    ]


@pytest.mark.parametrize("name", ["photo.png", "berlin_19_leftImg8bit.png", "berlin_000000_000019_gtFine_labelIds.png"])
def test_submission_refuses_other_names(tmp_path, name):
    images = touched(tmp_path / "in", name)
    with pytest.raises(InputError, match=f"{name} does not have the name of a Cityscapes scene"):
        planned(images, tmp_path / "in", tmp_path / "out", "cityscapes")


@pytest.mark.parametrize(
    ("names", "layout"),
    [
        (("a.jpg", "a.png"), "masks"),
        (("x/berlin_000000_000019_leftImg8bit.png", "y/berlin_000000_000019_leftImg8bit.png"), "cityscapes"),
    ],
)
def test_two_images_for_one_file(tmp_path, names, layout):
    images = touched(tmp_path / "in", *names)
    with pytest.raises(InputError, match=rf"{names[0]} and .*{names[1]} would both become .*\.png; rename one"):
        planned(images, tmp_path / "in", tmp_path / "out", layout)


def test_output_inside_the_source_or_over_the_image(tmp_path):
    images = touched(tmp_path, "masks/a.png")
    for output in (tmp_path, tmp_path / "out", tmp_path / "x/../out"):
        with pytest.raises(InputError, match="lies inside the source"):
            planned(images, tmp_path, output)
    with pytest.raises(InputError, match="would replace the image itself"):
        planned(images, images[0], tmp_path)


def test_existing_files_stay_unless_overwriting(tmp_path):
    files = [*touched(tmp_path, "masks/a.png"), tmp_path / "masks/b.png"]
    with pytest.raises(InputError, match=r"1 of 2 output files exist already, such as .*a\.png; .* --overwrite"):
        check_outputs(tmp_path, files, overwrite=False)
    check_outputs(tmp_path, files, overwrite=True)


def test_an_output_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    for output in (tmp_path / "file", tmp_path / "file/below", Path("/proc/feedbackward")):
        with pytest.raises(InputError, match=f"the output folder {output} cannot be written"):
            check_outputs(output, [output / "masks/a.png"], overwrite=False)
    touched(tmp_path, "out/masks")
    (tmp_path / "out/overlays").symlink_to(tmp_path / "gone")
    for folder in ("masks", "overlays"):
        with pytest.raises(InputError, match="cannot be written"):
            check_outputs(tmp_path / "out", [tmp_path / "out" / folder / "a.png"], overwrite=False)


def test_the_check_creates_nothing(tmp_path):
    check_outputs(tmp_path / "out", [tmp_path / "out/masks/a.png", tmp_path / "out/overlays/a.jpg"], overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_masks_contain_indices_and_show_colors(tmp_path):
    prediction = np.array([[0, 1, 1], [1, 0, 0]], dtype=np.uint8)
    mask_image(prediction, TABLE).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "P"
        np.testing.assert_array_equal(np.array(image), prediction)
        colors = np.array(image.convert("RGB"))
    np.testing.assert_array_equal(colors, np.array(TABLE.colors, dtype=np.uint8)[prediction])
    bit_depth = (tmp_path / "a.png").read_bytes()[24]
    assert bit_depth == 8


def test_submission_contains_label_ids(tmp_path):
    train_ids = np.arange(19, dtype=np.uint8)[None]
    submission_image(train_ids).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "L"
        written = np.array(image)
    official = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]
    assert written.tolist() == [official]


def test_submission_is_for_the_cityscapes_classes():
    check_cityscapes(CITYSCAPES)
    with pytest.raises(
        InputError, match="needs a network with the 19 Cityscapes classes, but this one has 2: red, green"
    ):
        check_cityscapes(TABLE)


def test_zip_is_flat(tmp_path):
    masks = touched(tmp_path, "submission/a.png", "submission/b.png")
    jobs = [Job(Path("x"), mask, None) for mask in masks]
    masks[1].write_bytes(b"content")
    zip_submission(tmp_path / "submission.zip", jobs)
    with zipfile.ZipFile(tmp_path / "submission.zip") as archive:
        assert archive.namelist() == ["a.png", "b.png"]
        assert archive.read("b.png") == b"content"
