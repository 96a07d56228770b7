from pathlib import Path, PurePath

import numpy as np
import pytest
from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.segmenters.outputs import OutputOptions, find_outputs
from feedbackward.segmenters.outputs.files import Job, check_outputs, gather, gathered_files, plan
from feedbackward.segmenters.result import Result
from feedbackward.segmenters.sources import Item

TABLE = ClassTable(("red", "green"), ((200, 0, 0), (0, 200, 0)))


def touched(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return [folder / name for name in names]


def items(folder, *names):
    return [Item(folder / name, PurePath(name), str(PurePath(name).with_suffix(""))) for name in names]


def planned(folder, names, output, *kinds):
    return plan(items(folder, *names), find_outputs(kinds), output)


def test_outputs_keep_the_folders_of_the_source(tmp_path):
    output = tmp_path / "out"
    jobs = planned(tmp_path, ["a.jpg", "city/b.c.png"], output, "masks", "overlays")
    assert jobs == [
        Job(
            tmp_path / "a.jpg",
            PurePath("a.jpg"),
            {"masks": output / "masks/a.png", "overlays": output / "overlays/a.jpg"},
        ),
        Job(
            tmp_path / "city/b.c.png",
            PurePath("city/b.c.png"),
            {"masks": output / "masks/city/b.c.png", "overlays": output / "overlays/city/b.c.jpg"},
        ),
    ]


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("a.jpg", "a.png"), "masks"),
        (("x/berlin_000000_000019_leftImg8bit.png", "y/berlin_000000_000019_leftImg8bit.png"), "submission"),
    ],
)
def test_two_images_for_one_file(tmp_path, names, kind):
    with pytest.raises(InputError, match=rf"{names[0]} and .*{names[1]} would both become .*\.png; rename one"):
        planned(tmp_path, names, tmp_path / "out", kind)


def test_an_output_over_the_image(tmp_path):
    touched(tmp_path, "a.png", "masks/a.png")
    images = [Item(tmp_path / "a.png", PurePath("a.png"), "a"), Item(tmp_path / "masks/a.png", PurePath("b.png"), "b")]
    with pytest.raises(InputError, match=r"prediction of .*/a\.png would replace the image .*masks/a\.png"):
        plan(images, find_outputs(["masks"]), tmp_path / "x" / "..")


def test_the_suffix_may_belong_to_the_name_of_the_outputs(tmp_path):
    (job,) = plan([Item(tmp_path / "a.jpg", PurePath("a.jpg"), "a.jpg")], find_outputs(["masks"]), tmp_path / "out")
    assert job.files == {"masks": tmp_path / "out/masks/a.jpg.png"}


def test_an_output_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    for output in (tmp_path / "file", tmp_path / "file/below", Path("/proc/feedbackward")):
        with pytest.raises(InputError, match=f"the output folder {output} cannot be written"):
            check_outputs(output, [output / "masks/a.png"])
    touched(tmp_path, "out/masks")
    (tmp_path / "out/overlays").symlink_to(tmp_path / "gone")
    for folder in ("masks", "overlays"):
        with pytest.raises(InputError, match="cannot be written"):
            check_outputs(tmp_path / "out", [tmp_path / "out" / folder / "a.png"])


def test_the_check_creates_nothing(tmp_path):
    check_outputs(tmp_path / "out", [tmp_path / "out/masks/a.png", tmp_path / "out/overlays/a.jpg"])
    assert list(tmp_path.iterdir()) == []


def test_files_of_an_image(tmp_path):
    (job,) = planned(tmp_path, ["city/a.jpg"], tmp_path, "masks", "overlays")
    mask = np.array([[0, 1]], np.uint8)
    result = Result(np.zeros((1, 2, 3), np.uint8), mask, TABLE)
    job.write(result, find_outputs(["masks"]), OutputOptions())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "masks/city/a.png"]
    with Image.open(tmp_path / "masks/city/a.png") as image:
        np.testing.assert_array_equal(np.array(image), mask)


def test_nothing_to_gather(tmp_path):
    kinds = find_outputs(["masks", "overlays"])
    assert gathered_files(kinds, tmp_path) == []
    gather([], kinds, TABLE, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_files_of_images_that_were_removed_meanwhile(tmp_path):
    jobs = planned(tmp_path, ["a.jpg", "b.jpg"], tmp_path, "masks", "overlays")
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks/a.png").touch()
    with pytest.raises(InputError, match=r"3 of 4 files of images are gone, removed while this command ran: .*a\.jpg"):
        gather(jobs, find_outputs(["masks", "overlays"]), TABLE, tmp_path)


def test_an_unknown_kind_is_named():
    with pytest.raises(InputError, match="no output is named 'mask': did you mean masks"):
        find_outputs(["mask"])
    assert [kind.name for kind in find_outputs(["overlays", "masks", "overlays"])] == ["overlays", "masks"]
